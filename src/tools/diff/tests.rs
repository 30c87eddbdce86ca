//! Aim: the texts that differ are named, each number of the table is that of the comparison, and nothing is told of the protected.
//! Method: the repository's rules, changed in one place at a time; logs written by hand.

use std::path::Path;

use super::compare::tests::log_of;
use super::*;
use crate::model::alert::Alert;
use crate::model::sets::FeedSet;

fn catalogue(set: &[(&str, i64)]) -> Catalogue {
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &set).unwrap()
}

#[test]
fn each_text_that_differs_is_named() {
    let a = catalogue(&[]);
    let between = |change: &dyn Fn(&mut Catalogue)| {
        let mut b = a.clone();
        change(&mut b);
        texts(&ChangedTexts::between(&a, &b))
    };
    assert_eq!(between(&|_| {}), "the rules are the same in both");
    let other_months = catalogue(&[("work-not-started.months", 5)]);
    let parameters = texts(&ChangedTexts::between(&a, &other_months));
    assert_eq!(parameters, "they differ in work-not-started (parameters)");
    let mut other_text = other_months;
    other_text.rules.iter_mut().for_each(|rule| rule.sql = rule.sql.replace("WHERE", "where"));
    let both = texts(&ChangedTexts::between(&a, &other_text));
    assert!(both.contains("work-not-started (text)"), "{both}");
    let id = |of: &Catalogue, at: usize| of.rules[at].header.id.clone();
    let said = between(&|b| {
        b.rules.remove(0);
        b.rules[0].sql.push(' ');
        b.rules[1].header.title.en.push('!');
        b.rules[2].header.id = "zz-new".into();
    });
    let [gone, sql, title, renamed] = [0, 1, 2, 3].map(|at| id(&a, at));
    for words in [
        format!("{gone} (only in A)"),
        format!("{sql} (text)"),
        format!("{title} (text)"),
        format!("{renamed} (only in A)"),
    ] {
        assert!(said.contains(&words), "{words}: {said}");
    }
    assert!(said.ends_with("zz-new (only in B)"), "{said}");
    let said = between(&|b| {
        b.rules[0].header.stage = "shadow".into();
        b.rules[1].header.stage = "shadow".into();
        b.rules[1].header.title.en.push('!');
    });
    let promoted = format!("they differ in {} (live in A, shadow in B), {} (text)", id(&a, 0), id(&a, 1));
    assert_eq!(said, promoted);
    let said = between(&|b| {
        b.views[0].sql.push(' ');
        b.links.remove(0);
        b.thresholds[0].value += 1;
        b.standing.push(' ');
    });
    let (view, link) = (&a.views[0].name, a.links[0].table.name());
    assert_eq!(said, format!("they differ in links/{link}.sql, parameters.csv, standing.sql, views/{view}.sql"));
}

/// Two runs of three rules.
fn runs() -> [Lives; 2] {
    let alert = |rule: &str, subject: &str, text: &str| log_of(rule, subject, "k", text);
    let a = [
        alert("moved", "P1", "10 raised medium"),
        alert("moved", "P2", "10 raised medium, 20 cleared medium"),
        alert("moved", "P3", "10 raised medium"),
        alert("same", "P1", "10 raised medium"),
        alert("gone", "P1", "10 raised medium, 11 cleared medium"),
    ];
    let b = [
        alert("moved", "P1", "41 raised strong"),
        alert("moved", "P2", "10 raised medium, 15 cleared medium"),
        log_of("moved", "P3", "other", "10 raised medium"),
        alert("same", "P1", "10 raised medium"),
    ];
    [lives(&a.concat()), lives(&b.concat())]
}

#[test]
fn the_table_has_a_row_for_each_rule_that_differs() {
    let [a, b] = runs();
    let compared = compare(&a, &b);
    let changed = ChangedTexts { rules: [("gone".to_owned(), RuleChange::OnlyA)].into(), shared: Vec::new() };
    let rules = ["gone", "moved", "same", "silent"].into();
    assert_eq!(
        table(&compared, &changed, &rules),
        [
            "rule              A  B  same  only A  only B     later  stronger  ends earlier",
            "gone (only in A)  1  0     0       1       0         0         0             0",
            "moved             3  3     0       1       1  1 (31 d)         1       1 (5 d)",
            "2 other rules     1  1     1       0       0         0         0             0",
            "all               5  4     1       2       1         1         1             1",
        ]
    );
    assert_eq!(
        remarks(&compared),
        [
            "at the end 3 stand in A, 3 in B",
            "moved, only in A: 1 of 1 are about what B has an alert about under another key",
            "moved, only in B: 1 of 1 are about what A has an alert about under another key",
        ]
    );
    let told: Vec<String> = compared.differences.iter().map(told).collect();
    assert!(told.contains(&"P1: A raised 1970-01-11 medium, stands; B raised 1970-02-11 strong, stands".to_owned()));
    assert!(told.contains(&"P1: A raised 1970-01-11 medium, ended 1970-01-12".to_owned()), "{told:?}");
    assert!(told.contains(&"P3: A raised 1970-01-11 medium, stands; B has it under another key".to_owned()));
    let same = compare(&a, &a);
    assert_eq!(
        table(&same, &ChangedTexts::default(), &rules),
        ["rule     A  B  same  only A  only B", "4 rules  5  5     5       0       0"]
    );
}

#[test]
fn a_line_has_both_sides_and_of_the_protected_the_id_alone() {
    let [a, b] = runs();
    let compared = compare(&a, &b);
    let line = |compared: &Comparison<'_>, subject: &str| {
        let is_meant =
            |found: &&Difference<'_>| found.life().is_some_and(|life| life.rule == "moved" && life.subject == subject);
        serde_json::to_value(Line::of(compared.differences.iter().find(is_meant).unwrap())).unwrap()
    };
    let told = line(&compared, "P2");
    assert_eq!(told["differences"], serde_json::json!(["ends_earlier"]));
    assert_eq!((&told["rule_id"], &told["subject"], &told["alert_key"]), (&"moved".into(), &"P2".into(), &"k".into()));
    assert_eq!(
        (&told["a_raised_at"], &told["b_raised_at"]),
        (&told["b_raised_at"], &"1970-01-11T00:00:00.000000Z".into())
    );
    assert_eq!(told["a_ended_at"], "1970-01-21T00:00:00.000000Z");
    assert_eq!(told["b_ended_at"], "1970-01-16T00:00:00.000000Z");
    assert_eq!((&told["a_severity"], &told["b_severity"]), (&"medium".into(), &"medium".into()));
    assert_eq!(told["other_key"], false);

    let mut log = log_of("moved", "P2", "k", "10 raised medium, 15 cleared medium");
    log[1] = log[1].clone().withheld();
    let b = lives(&log);
    let compared = compare(&a, &b);
    let told = line(&compared, "P2");
    let members: Vec<&String> =
        told.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name).collect();
    assert_eq!(members, ["alert_id", "differences"]);
}

#[test]
fn both_sets_run_over_the_same_recording() {
    use crate::config::Config;
    use crate::generate::{Options, generate, write};
    use crate::pseudonyms::Pseudonyms;
    use crate::source::files::last_known_time;

    let dir = tempfile::tempdir().unwrap();
    write(&generate(&Options::new(100, 2, 1)), dir.path()).unwrap();
    let config = Config::default();
    let options = Timeline {
        visibility: config.visibility(),
        limits: config.limits.clone(),
        max_rule_errors: 100,
        pseudonyms: std::sync::Arc::new(Pseudonyms::public("a key of the tests", "1")),
        partitions: 1,
        batch_messages: 20_000,
        as_of: last_known_time(dir.path()).unwrap().unwrap(),
        profile: false,
    };
    let a = catalogue(&[]);
    let mut b = a.clone();
    let log: Vec<Alert> = timeline(dir.path(), &a, &options).unwrap().log;
    let rule = log.first().unwrap().rule_id.clone();
    b.rules.retain(|own| own.header.id != rule && !own.header.uses.contains(&rule));
    let recorded = Recorded { absent: FeedSet::default(), ..dir.path().into() };
    let runs = run_both(recorded, [&a, &b], &options).unwrap();
    let compared = compare(&runs[0].alerts, &runs[1].alerts);
    let of = |found: &Difference<'_>| (found.alert_id.to_owned(), found.kinds.clone());
    let is_gone = |alert: &&Alert| b.rule(&alert.rule_id).is_none();
    let gone: BTreeMap<String, Vec<Kind>> =
        log.iter().filter(is_gone).map(|alert| (alert.alert_id.clone(), vec![Kind::OnlyA])).collect();
    assert!(!gone.is_empty());
    assert_eq!(compared.differences.iter().map(of).collect::<BTreeMap<_, _>>(), gone);
    b.rules.clear();
    assert!(run_both(recorded, [&b, &b], &options).unwrap().iter().all(|run| run.alerts.is_empty()));
}

//! Aim: a rule without a row names the condition that took the last one, wherever in its text that is.
//! Method: the recorded person and rule of `golden`, with a limit that nobody is below; the rules that ship, for permits of a small
//! generated register.

use super::*;
use crate::tools::explain::steps::Taken;

/// For a reader for whom sealed records are open.
fn opened(dir: &Path) -> Options {
    Options { closed: Closed { opened: vec![3, 4], ..Closed::default() }, ..options(dir) }
}

/// What took the last row of the sample rule with other limits, or another text.
fn taken(change: impl Fn(String) -> String) -> (Vec<(String, usize)>, Vec<Taken>) {
    let dir = repository("tests/explain/feeds");
    let text = change(std::fs::read_to_string(repository("tests/explain/low-pay-sample.sql")).unwrap());
    let rule = RuleFile::parse("low-pay-sample", &text, &BTreeMap::new()).unwrap();
    let catalogue = Catalogue { rules: vec![rule], ..sample_catalogue() };
    let facts = permit(&dir, &catalogue, &opened(&dir), "case-1").unwrap();
    let path = facts.rules.into_iter().next().unwrap().path.expect("a rule without a row");
    assert_eq!(path.failure, None);
    (path.steps, path.taken)
}

fn told(taken: &[Taken]) -> Vec<(Option<&str>, &str)> {
    taken.iter().map(|taken| (taken.step.as_deref(), taken.condition.as_str())).collect()
}

#[test]
fn the_last_condition_is_named() {
    let (steps, found) = taken(|text| text.replace("default = 95", "default = 1"));
    assert_eq!(steps, []);
    assert_eq!(told(&found), [(None, "s.amount_sek * 100 < f.value * 1")]);
    assert!(found[0].rows_before > 1, "{found:?}");
    let (_, found) = taken(|text| text.replace("s.kind = 'salary'", "s.kind = 'benefit'"));
    assert_eq!(told(&found), [(None, "s.kind = 'benefit'")]);
    let (_, found) = taken(|text| text + "\nHAVING count(*) > 1 AND max(s.month) < DATE '2000-01-01'");
    assert_eq!(told(&found), [(None, "max(s.month) < DATE '2000-01-01'")]);
    let (_, found) =
        taken(|text| text.replace("max(s.first_known_time) AS alert_at", "CAST(NULL AS TIMESTAMP) AS alert_at"));
    assert_eq!(told(&found), [(None, "alert_at IS NOT NULL")]);
}

#[test]
fn a_step_without_rows_is_looked_into() {
    let in_step = |condition: &'static str| {
        move |text: String| {
            text.replace("*/\nSELECT", &format!("*/\nWITH pay AS (SELECT person_id, kind, month, amount_sek, payer_id, first_known_time, record FROM payments WHERE {condition}), other AS (SELECT person_id FROM border)\nSELECT"))
                .replace("JOIN payments s", "JOIN pay s")
        }
    };
    let (steps, found) = taken(in_step("amount_sek > 0 AND amount_sek < 0"));
    assert_eq!(steps, [("pay".to_owned(), 0), ("other".to_owned(), 0)]);
    assert_eq!(told(&found), [(Some("pay"), "amount_sek < 0")]);
    // Nothing is known of journeys: the table is named, and no condition.
    let (_, found) = taken(|text| {
        in_step("amount_sek > 0")(text).replace("JOIN pay s", "JOIN other o ON o.person_id = p.person_id JOIN pay s")
    });
    assert_eq!(found, [Taken { step: Some("other".into()), condition: "border".into(), rows_before: 0 }]);
}

#[test]
fn every_rule_without_a_row_says_why() {
    let dir = tempfile::TempDir::new().unwrap();
    write(&generate(&Generated::new(60, 2, 5)), dir.path()).unwrap();
    let (catalogue, options) = (catalogue(), opened(dir.path()));
    let mut rules = std::collections::BTreeSet::new();
    for permit_id in ["p0000001-1", "p0000007-1", "p0000020-1"] {
        let facts = permit(dir.path(), &catalogue, &options, permit_id).unwrap();
        for rule in facts.rules.iter().filter(|rule| rule.is_empty()) {
            let path = rule.path.as_ref().unwrap();
            assert_eq!(path.failure, None, "{}", rule.id);
            assert!(!path.taken.is_empty(), "{}: {path:?}", rule.id);
            rules.insert(rule.id.clone());
        }
        for language in [Language::Sv, Language::En] {
            assert!(text(&permit_page(&facts, language, true)).lines().all(|line| line.chars().count() <= 100));
        }
    }
    assert!(rules.len() > 5, "{rules:?}");
}

#[test]
fn closed_steps_are_said_to_be_whatever_there_is() {
    let dir = tempfile::TempDir::new().unwrap();
    write(&generate(&Generated::new(60, 2, 5)), dir.path()).unwrap();
    let (catalogue, options) = (catalogue(), options(dir.path()));
    let words = "the steps are shown only to those for whom sealed records are open";
    let mut closed = 0;
    for permit_id in ["p0000001-1", "p0000007-1", "p0000020-1"] {
        let facts = permit(dir.path(), &catalogue, &options, permit_id).unwrap();
        for rule in facts.rules.iter().filter(|rule| rule.is_empty()) {
            let read = catalogue.rule(&rule.id).unwrap().sql.contains(" notices ");
            assert!(rule.are_steps_closed || !read, "{} may have seen a sealed notice", rule.id);
            assert_eq!(rule.path.is_none(), rule.are_steps_closed, "{}", rule.id);
        }
        let count = facts.rules.iter().filter(|rule| rule.are_steps_closed).count();
        let page = text(&permit_page(&facts, Language::En, true)).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(page.matches(words).count(), count);
        closed += count;
    }
    assert!(closed > 0);
}

//! Aim: no text goes round a safeguard, however it is written, and lawful texts that resemble such texts pass.
//! Method: two corpora, `safeguards/evasions.sql` and `safeguards/lawful.sql`. Each text is checked as a rule among the shipped views;
//! each evasion must be refused with the safeguard that it breaks, at a place of the text, with what to do.

use std::collections::{BTreeMap, BTreeSet};

use permitwatch::catalogue::exceptions::Exception;
use permitwatch::catalogue::file::RuleFile;
use permitwatch::catalogue::{Catalogue, CatalogueError};
use permitwatch::rules::RuleSet;
use permitwatch::rules::plan::PlanError;
use permitwatch::tools::check::locate::Locator;

use crate::drive::{catalogue, repository};
use crate::isolation::copy_of_the_rules;

const HEADER: [&str; 9] = [
    "number = \"R99\"",
    "title = { sv = \"Prov\", en = \"Probe\" }",
    "finding = { sv = \"Prov.\", en = \"Probe.\" }",
    "permit_classes = [\"WORK_EMP\"]",
    "legal_basis = [\"-\"]",
    "legal_gate = \"open\"",
    "severity = \"info\"",
    "owner = \"tests\"",
    "purpose = \"permit_control\"",
];

struct Text {
    technique: String,
    /// Empty in the corpus of lawful texts.
    safeguard: String,
    what: String,
    rule: RuleFile,
}

fn corpus(file: &str) -> Vec<Text> {
    let text = std::fs::read_to_string(repository("tests/engine/safeguards").join(file)).unwrap();
    let texts = text.split("\n\n").skip(1).enumerate();
    texts.map(|(number, text)| parse(number, text.trim())).collect()
}

fn parse(number: usize, text: &str) -> Text {
    let (first, rest) = text.split_once('\n').unwrap_or_else(|| panic!("one line alone: {text}"));
    let parts: Vec<&str> = first.trim_start_matches("-- ").split(" | ").collect();
    let (technique, safeguard, what) = match parts.as_slice() {
        [technique, what] => (*technique, "", *what),
        [technique, safeguard, what] => (*technique, *safeguard, *what),
        _ => panic!("not technique | safeguard | what: {first}"),
    };
    let (own, sql): (Vec<&str>, Vec<&str>) = rest.lines().partition(|line| line.starts_with("-- header: "));
    let own: Vec<&str> = own.iter().map(|line| line.trim_start_matches("-- header: ")).collect();
    let key = |line: &str| line.split(" = ").next().unwrap_or_default().to_owned();
    let kept = HEADER.iter().filter(|line| own.iter().all(|own| key(own) != key(line)));
    let header: Vec<&str> = kept.copied().chain(own.iter().copied()).collect();
    let id = format!("probe-{number}");
    let text = format!("/*\nid = \"{id}\"\n{}\n*/\n{}", header.join("\n"), with_alert(&sql.join("\n")));
    let rule = RuleFile::parse(&id, &text, &BTreeMap::new()).unwrap_or_else(|error| panic!("{what}: {error}"));
    Text { technique: technique.to_owned(), safeguard: safeguard.to_owned(), what: what.to_owned(), rule }
}

/// Writes out ALERT(p).
fn with_alert(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("ALERT(") {
        let (p, after) = after.split_once(')').unwrap();
        out += before;
        out += &format!("{p}.person_id, {p}.permit_id, 'x' AS alert_key, {p}.first_known_time AS alert_at");
        rest = after;
    }
    out + rest
}

/// What is wrong with each text: message, line and hint.
fn problems(texts: &[Text]) -> BTreeMap<String, Vec<(String, usize, usize)>> {
    let rules = texts.iter().map(|text| text.rule.clone()).collect();
    let catalogue = Catalogue { rules, ..catalogue() };
    let dir = tempfile::tempdir().unwrap();
    for text in texts {
        let file = dir.path().join(format!("{}.sql", text.rule.header.id));
        std::fs::write(file, format!("/*\n{:?}\n*/\n{}", text.what, text.rule.sql)).unwrap();
    }
    let locator = Locator::new(dir.path(), Some(&catalogue));
    let mut out: BTreeMap<String, Vec<(String, usize, usize)>> = BTreeMap::new();
    let mut add = |id: &str, problem: permitwatch::tools::check::diagnostic::Problem| {
        out.entry(id.to_owned()).or_default().push((problem.message.clone(), problem.line, problem.hints.len()));
    };
    for (id, error) in RuleSet::refused(&catalogue).unwrap() {
        assert!(matches!(error, PlanError::Check { .. } | PlanError::Sql { .. }));
        locator.of_plan(&error).into_iter().for_each(|problem| add(&id, problem));
    }
    for refused in catalogue.lint() {
        let id = refused.name.clone();
        add(&id, locator.of_catalogue(&CatalogueError::Refused(Box::new(refused))));
    }
    out
}

#[test]
fn no_text_goes_round_a_safeguard() {
    let texts = corpus("evasions.sql");
    let found = problems(&texts);
    let (mut failures, mut refused_before) = (Vec::new(), 0);
    let none = Vec::new();
    for Text { technique, safeguard, what, rule } in &texts {
        let told = found.get(&rule.header.id).unwrap_or(&none);
        let of_it = format!("safeguard {safeguard}:");
        let words: Vec<&str> = told.iter().map(|(message, ..)| message.as_str()).collect();
        println!("{technique}: {what}\n    {}", words.join("\n    "));
        match told.iter().find(|(message, ..)| message.contains(&of_it)) {
            Some((_, line, hints)) if *line > 0 && *hints > 0 => {}
            Some(_) => failures.push(format!("{technique}: {what}: refused without a place or hint")),
            None if told.is_empty() => failures.push(format!("{technique}: {what}: passes")),
            // What engines read differently is refused before anybody asks what it is done with.
            None if words.iter().all(|words| words.contains("differently")) => refused_before += 1,
            None => failures.push(format!("{technique}: {what}: not by {safeguard}: {}", words.join("; "))),
        }
    }
    assert!(failures.is_empty(), "{} of {}\n{}", failures.len(), texts.len(), failures.join("\n"));
    assert!(refused_before <= 25, "{refused_before} are not judged at all");
    assert!(texts.len() >= 150, "the corpus has shrunk to {}", texts.len());
    let techniques: BTreeSet<&str> = texts.iter().map(|text| text.technique.as_str()).collect();
    assert!(techniques.len() >= 16, "{techniques:?}");
}

#[test]
fn lawful_texts_that_resemble_them_pass() {
    let texts = corpus("lawful.sql");
    let found = problems(&texts);
    let refused = texts.iter().filter_map(|text| {
        let told = found.get(&text.rule.header.id)?;
        let words: Vec<&str> = told.iter().map(|(message, ..)| message.as_str()).collect();
        Some(format!("{}: {}: {}", text.technique, text.what, words.join("; ")))
    });
    let refused: Vec<String> = refused.collect();
    assert!(refused.is_empty(), "{} of {}\n{}", refused.len(), texts.len(), refused.join("\n"));
    assert!(texts.len() >= 60, "the corpus has shrunk to {}", texts.len());
}

/// The rules with another one, and how they load with exceptions from safeguards.
struct Directory(tempfile::TempDir);

impl Directory {
    fn with(header: &str, sql: &str) -> Directory {
        let dir = Directory(copy_of_the_rules());
        dir.write(header, sql);
        dir
    }

    fn write(&self, header: &str, sql: &str) {
        let text = format!("/*\nid = \"probe\"\n{}\n{header}\n*/\n{}", HEADER.join("\n"), with_alert(sql));
        std::fs::write(self.0.path().join("probe.sql"), text).unwrap();
    }

    /// What is wrong with the probe.
    fn told(&self, exceptions: &[Exception]) -> String {
        match Catalogue::load_with(self.0.path(), &BTreeMap::new(), exceptions) {
            Err(error) => error.to_string(),
            Ok(catalogue) => {
                let refused = match RuleSet::refused(&catalogue) {
                    Ok(refused) => refused,
                    // A view is planned before the rules.
                    Err(error) => vec![("view".to_owned(), error)],
                };
                let words = refused.iter().map(|(id, error)| match error {
                    PlanError::Check { source, .. } => format!("{id}: {source}"),
                    error => format!("{id}: {error}"),
                });
                words.collect::<Vec<_>>().join("; ")
            }
        }
    }
}

fn exception(text: &str, safeguard: &str, fingerprint: &str) -> Exception {
    let [text, safeguard, fingerprint] = [text, safeguard, fingerprint].map(ToOwned::to_owned);
    Exception { text, safeguard, reason: "a test".to_owned(), fingerprint, now: None }
}

#[test]
fn an_exception_holds_for_one_safeguard_and_one_version_of_one_text() {
    let by_header = ("survives = [\"protected\"]", "SELECT ALERT(p) FROM permits p", "cancellers");
    let by_plan = (
        "",
        "SELECT ALERT(p) FROM permits p JOIN population n ON n.person_id = p.person_id WHERE n.name LIKE 'A%'",
        "names",
    );
    for (header, sql, safeguard) in [by_header, by_plan] {
        let dir = Directory::with(header, sql);
        let of_it = format!("safeguard {safeguard}:");
        assert!(dir.told(&[]).contains(&of_it), "{}", dir.told(&[]));
        let told = dir.told(&[exception("probe", safeguard, "0000")]);
        let (_, now) =
            told.split_once("another version of it than this, which is ").unwrap_or_else(|| panic!("{told}"));
        let now = now.split(' ').next().unwrap();
        assert_eq!(dir.told(&[exception("probe", safeguard, now)]), "");
        assert!(dir.told(&[exception("probe", "age", now)]).contains(&of_it), "another safeguard");
        assert!(dir.told(&[exception("salary-drop", safeguard, now)]).contains(&of_it), "another text");
        dir.write(header, &format!("{sql} -- edited"));
        assert!(dir.told(&[exception("probe", safeguard, now)]).contains(&of_it), "another version");
    }
}

#[test]
fn an_exception_names_a_text_and_a_safeguard_that_there_are() {
    let dir = Directory::with("", "SELECT ALERT(p) FROM permits p");
    assert_eq!(dir.told(&[]), "");
    assert!(dir.told(&[exception("probe", "decency", "0")]).contains("no safeguard \"decency\""));
    assert!(dir.told(&[exception("prob", "names", "0")]).contains("no text \"prob\""));
}

#[test]
fn an_edit_of_the_directory_alone_weakens_nothing() {
    let changed = |file: &str, from: &str, to: &str| {
        let dir = copy_of_the_rules();
        let path = dir.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} says no {from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        Directory(dir).told(&[])
    };
    for (file, from, to, safeguard) in [
        (
            "gateways.toml",
            "reads = [\"payments.benefit\"]\nclasses = [\"all\"]\npurposes = [\"payment_control\"",
            "reads = [\"payments.benefit\"]\nclasses = [\"all\"]\npurposes = [\"permit_control\", \"payment_control\"",
            "gateway",
        ),
        ("gateways.toml", "\"BLUE_CARD\", \"ICT\"", "\"BLUE_CARD\", \"STUDY_HE\", \"ICT\"", "gateway"),
        ("gateways.toml", "gate = \"closed\"\nprovision", "gate = \"open\"\nprovision", "gateway"),
        ("views/cancellers.sql", "coalesce(n.protected, false)", "false", "fixed-text"),
        (
            "views/cancellers.sql",
            "add_months(coalesce(n.birth_on, p.birth_on_at_grant), 216)",
            "add_months(coalesce(n.birth_on, p.birth_on_at_grant), 180)",
            "fixed-text",
        ),
        ("views/indications.sql", "strpos(r.cancelled_by", "strpos(''", "fixed-text"),
        ("views/salaries.sql", "GROUP BY", "GROUP  BY", ""),
        ("views/corroborations.sql", "n.kind = 'tip'", "n.kind = 'court_notice'", "fixed-text"),
        ("links/employer_permits.sql", "AND n.protected)", "AND false)", "fixed-text"),
        ("links/anchor_population.sql", "h.version AS post_version", "h.schema_ver AS post_version", "fixed-text"),
        ("views/population_posts.sql", "WHERE NOT coalesce(protected, false)", "", "fixed-text"),
        // What a fixed text rests on, however far down.
        ("views/permit_spells.sql", "ELSE least(last_on, next_from - 1) END", "ELSE NULL END", "fixed-text"),
        (
            "views/other_applications.sql",
            "AND NOT coalesce(a.decided_on <= p.decided_on, false)",
            "AND false",
            "fixed-text",
        ),
        ("views/whole_permits.sql", "WHERE n.place = 1", "WHERE n.place = 1 AND false", "fixed-text"),
        ("views/protected_anchors.sql", "WHERE protected AND is_latest", "WHERE false", "fixed-text"),
        ("views/salary_months.sql", "1 AS excused", "0 AS excused", "fixed-text"),
        ("standing.sql", "x.reason IN ($cancel_reasons)", "false", "fixed-text"),
        ("standing.sql", "WITH held AS (", "with held as   ( -- laid out anew", ""),
        ("tables.sql", "WHERE is_latest AND op <> 'retract'", "WHERE is_latest", "fixed-text"),
        ("tables.sql", "-- section: scope", "-- section: ranges", "fixed-text"),
        (
            "views/departures.sql",
            "WHERE dereg_code = 'UV'",
            "WHERE foreign_country = 'SYR' AND dereg_code = 'UV'",
            "named-country",
        ),
        (
            "views/presence.sql",
            "WHERE (direction IN ('entry', 'exit') OR country = 'SWE')",
            "WHERE (direction IN ('entry', 'exit') OR country = 'UNK')",
            "named-country",
        ),
        // A rule that weighs excuses is one that was shown to weigh them rightly: as it is, with any threshold.
        ("salary-drop.sql", "excused = 0 AND next_gross_sek", "excused = 1 AND next_gross_sek", "in-favour-only"),
        ("salary-drop.sql", "excused = 0 AND next_gross_sek", "excused  =  0 AND next_gross_sek", ""),
        ("views/salaries.sql", "WHERE kind = 'salary'", "WHERE kind IN ('salary', 'benefit')", "gateway"),
        ("serious-crime-notice.sql", "legal_gate = \"closed\"", "legal_gate = \"open\"", "gateway"),
        ("study-purpose-drift.sql", "legal_gate = \"closed\"", "legal_gate = \"request\"", "gateway"),
        ("salary-drop.sql", "owner =", "survives = [\"protected\"]\nowner =", "cancellers"),
    ] {
        let told = changed(file, from, to);
        let is_told =
            if safeguard.is_empty() { told.is_empty() } else { told.contains(&format!("safeguard {safeguard}:")) };
        assert!(is_told, "{file}: {to}: {told}");
    }
}

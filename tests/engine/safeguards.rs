//! Aim: no text goes round a safeguard, however it is written, and lawful texts that resemble such texts pass.
//! Method: two corpora, `safeguards/evasions.sql` and `safeguards/lawful.sql`. Each text is checked as a rule among the shipped views;
//! each evasion must be refused with the safeguard that it breaks, at a place of the text, with what to do.

use std::collections::{BTreeMap, BTreeSet};

use permitwatch::catalogue::file::RuleFile;
use permitwatch::catalogue::{Catalogue, CatalogueError};
use permitwatch::rules::RuleSet;
use permitwatch::rules::plan::PlanError;
use permitwatch::tools::check::locate::Locator;

use crate::drive::{catalogue, repository};

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
    let mut failures = Vec::new();
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
            None => failures.push(format!("{technique}: {what}: not by {safeguard}: {}", words.join("; "))),
        }
    }
    assert!(failures.is_empty(), "{} of {}\n{}", failures.len(), texts.len(), failures.join("\n"));
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

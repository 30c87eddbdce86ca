//! Aim: a rule that would mix persons, reach outside, or mean something else than it says is refused before it runs.
//! Method: a corpus, `hostile_rules/*.sql`; the first line names words of the refusal. One sound rule shows that the
//! corpus is refused for what it does and not for how it is made.

use std::collections::BTreeMap;
use std::error::Error;

use permitwatch::rules::{Catalogue, RuleFile, RuleSet};

use crate::drive::{catalogue, repository};

const HEADER: &str = r#"
number = "R99"
title.sv = "Prov"
title.en = "Probe"
finding.sv = "Prov."
finding.en = "Probe."
permit_classes = ["WORK_EMP"]
legal_basis = ["-"]
legal_gate = "open"
severity = "info"
owner = "tests"
"#;

const SOUND: &str = "
SELECT p.person_id, p.permit_id, 'probe' AS alert_key, p.first_known_time AS alert_at
FROM permits p JOIN payments s ON s.person_id = p.person_id
GROUP BY p.person_id, p.permit_id, p.first_known_time";

/// Every cause of the refusal, in one line.
fn refusal(catalogue: &Catalogue, sql: &str) -> Option<String> {
    let text = format!("/*\nid = \"probe\"{HEADER}*/\n{sql}");
    let rule = match RuleFile::parse("probe", &text, &BTreeMap::new()) {
        Ok(rule) => rule,
        Err(error) => return Some(error.to_string()),
    };
    let catalogue = Catalogue { rules: vec![rule], ..catalogue.clone() };
    let error = RuleSet::plan(&catalogue).err()?;
    let mut words = error.to_string();
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    Some(words.replace('\n', " "))
}

#[test]
fn a_sound_rule_is_accepted() {
    assert_eq!(refusal(&catalogue(), SOUND), None);
}

#[test]
fn the_corpus_is_refused() {
    let catalogue = catalogue();
    let mut files: Vec<_> = std::fs::read_dir(repository("tests/engine/hostile_rules"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .collect();
    files.sort();
    let mut failures = Vec::new();
    for file in &files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).unwrap();
        let (first, sql) = text.split_once('\n').unwrap();
        let wanted =
            first.strip_prefix("-- refused: ").unwrap_or_else(|| panic!("{name}: begins with no \"-- refused: \""));
        match refusal(&catalogue, sql) {
            Some(words) if words.contains(wanted) => {
                println!("{name}: {}", words.chars().take(160).collect::<String>());
            }
            Some(words) => failures.push(format!("{name}: refused with \"{words}\", wanted \"{wanted}\"")),
            None => failures.push(format!("{name}: accepted")),
        }
    }
    println!("{} rules refused", files.len() - failures.len());
    assert!(files.len() >= 30, "the corpus has shrunk to {}", files.len());
    assert!(failures.is_empty(), "{} of {}\n{}", failures.len(), files.len(), failures.join("\n"));
}

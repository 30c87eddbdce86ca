//! Aim: `--update` fills in what is empty, changes nothing that a person wrote unasked, and only what differs when asked.
//! Method: files of cases with what was found put in their place; no rule is run.

use std::path::Path;

use super::*;
use crate::tools::cases::file::{CaseFile, instant};
use crate::tools::cases::verdict::differences;

fn found(key: &str, severity: &str) -> Found {
    Found { key: key.into(), severity: severity.into(), permit: "p1".into(), person: MAIN.into(), ..Found::default() }
}

fn seen(standing: &[Found]) -> Seen {
    let evidence = serde_json::json!({"n": 2, "m": null}).as_object().unwrap().clone();
    Seen {
        clock: 0,
        engine: standing.iter().map(|found| (found.clone(), evidence.clone())).collect(),
        batch: standing.to_vec(),
        recent: None,
        transitions: vec![(0, Found { status: "raised".into(), ..found("k", "weak") })],
        pending: vec!["later".into()],
    }
}

/// The file's only expectation, with what was found: the text as it was filled in, what contradicts, the text with that replaced.
fn update(text: &str, standing: &[Found]) -> (String, Vec<Contradiction>, String) {
    let file = CaseFile::parse(Path::new("x.toml"), text).unwrap();
    let (case, seen) = (&file.case[0], seen(standing));
    let mut update = Update {
        document: text.parse().unwrap(),
        has_crlf: text.contains("\r\n"),
        filled: 0,
        contradictions: Vec::new(),
        stuck: Vec::new(),
    };
    if case.expect[0].is_empty() {
        update.fill(&case.name, 0, &seen);
    } else {
        update.contradict(&case.name, 0, "there", lists(&case.expect[0], &seen));
    }
    let filled = update.text();
    let contradictions = update.contradictions.clone();
    contradictions.iter().for_each(|contradiction| update.replace(contradiction));
    let replaced = update.text();
    let file = CaseFile::parse(Path::new("x.toml"), &replaced).unwrap();
    assert_eq!(differences(&file.case[0], &file.case[0].expect[0], &seen), [""; 0], "{replaced}");
    (filled, contradictions, replaced)
}

#[test]
fn what_is_not_there_yet_is_filled_in() {
    for (text, wanted) in [
        ("[[case]]\nname = \"a\"\nexpect = [{ at = \"2026-01-01\" }] # why\n", ("01\" }", "01\", alerts = [] }")),
        ("[[case]]\nname = \"a\"\n[[case.expect]]\nat = \"2026-01-01\"\n", ("01\"\n", "01\"\nalerts = []\n")),
    ] {
        let (filled, contradictions, _) = update(text, &[]);
        assert_eq!((filled, contradictions.len()), (text.replace(wanted.0, wanted.1), 0));
        let alert = "alerts = [{ key = \"k\", severity = \"weak\" }]";
        assert_eq!(
            update(text, &[found("k", "weak")]).0,
            text.replace(wanted.0, &wanted.1.replace("alerts = []", alert))
        );
    }
}

#[test]
fn what_a_person_wrote_stays_until_a_person_says_otherwise() {
    let text = "[[case]]\r\nname = \"a\" # one\r\n[[case.expect]]\r\nat = \"2026-01-01\"\r\nalerts = [\r\n    # because\r\n    { key = 'k', severity = \"info\", evidence = { n = 1, m = 4, } }, # so\r\n]\r\n";
    let (filled, contradictions, replaced) = update(text, &[found("k", "weak")]);
    assert_eq!(filled, text);
    let pair = &contradictions[0].pairs[0];
    assert!(pair.0.as_ref().unwrap().contains("n = 1") && pair.1.as_ref().unwrap().contains("n = 2"), "{pair:?}");
    assert_eq!(replaced, text.replace("\"info\"", "\"weak\"").replace("n = 1", "n = 2").replace("m = 4", "m = \"\""));
}

#[test]
fn a_time_that_is_stated_is_corrected_and_none_is_added() {
    let text = "[[case]]\nname = \"a\"\n[[case.expect]]\nat = \"2026-01-01\"\nalerts = [{ key = \"k\", severity = \"weak\", alert_at = \"2025-12-30\" }]\n";
    let found = Found { alert_at: instant("2025-12-31 12:00:00"), ..found("k", "weak") };
    let (filled, contradictions, replaced) = update(text, &[found]);
    assert_eq!((filled.as_str(), contradictions.len()), (text, 1));
    assert_eq!(replaced, text.replace("2025-12-30", "2025-12-31 12:00:00"));
    let untimed = text.replace(", alert_at = \"2025-12-30\"", "");
    let found = Found { alert_at: instant("2025-12-31"), ..self::found("k", "weak") };
    assert_eq!(update(&untimed, &[found]).1.len(), 0);
    let wrong = text.replace("2025-12-30", "the thirtieth");
    let refused = CaseFile::parse(Path::new("x.toml"), &wrong).unwrap_err().to_string();
    assert!(refused.ends_with("expect.alerts.alert_at: \"the thirtieth\" is no date or time"), "{refused}");
}

#[test]
fn each_list_changes_item_by_item() {
    let text = r#"[[case]]
name = "a"
expect = [
    { at = "2026-01-01", alerts = [{ key = "k", severity = "weak" }, { key = "gone", severity = "weak" }], pending = ["never"], transitions = [
        { key = "k", status = "updated", severity = "weak" }, # as it was
    ] }, # last
]
"#;
    let (_, contradictions, replaced) = update(text, &[found("k", "weak"), found("new", "medium")]);
    let members: Vec<&str> = contradictions.iter().map(|contradiction| contradiction.member).collect();
    assert_eq!(members, ["alerts", "transitions", "pending"]);
    let wanted = text
        .replace("key = \"gone\", severity = \"weak\"", "key = \"new\", severity = \"medium\"")
        .replace("never", "later")
        .replace("updated", "raised");
    assert_eq!(replaced, wanted);
}

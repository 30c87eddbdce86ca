//! Aim: every rule of the catalogue can be explained, in both languages and in words that judge nobody.
//! Method: the headers, and a page made from each, with evidence that holds only its columns' names.

use serde_json::json;

use super::*;
use crate::catalogue::parse::{outputs, parse};

/// Stems of words that say more than the records do.
const JUDGING: [&str; 16] = [
    "överträd",
    "misstänk",
    "misstank",
    "fusk",
    "bedräg",
    "brottslig",
    "olaglig",
    "breach",
    "fraud",
    "violat",
    "suspect",
    "offence",
    "guilty",
    "illegal",
    "cheat",
    "bogus",
];

fn judges(text: &str) -> Option<&'static str> {
    // Names of columns are not shown.
    let text: String = text.split('{').map(|part| part.split_once('}').map_or(part, |(_, words)| words)).collect();
    let text = text.to_lowercase();
    let words = || text.split(|c: char| !c.is_alphabetic());
    JUDGING.into_iter().find(|judging| words().any(|word| word.starts_with(judging)))
}

/// An alert of a rule in which every evidence column holds its own name.
fn raised(rule: &RuleFile, columns: &[String]) -> Alert {
    let evidence: serde_json::Map<String, serde_json::Value> =
        columns.iter().map(|column| (column.clone(), json!(format!("<{column}>")))).collect();
    let header = &rule.header;
    Alert {
        alert_id: "0".repeat(32),
        person: "someone".into(),
        permit_class: header.permit_classes.first().cloned(),
        as_of: "2026-05-01T00:00:00.000000Z".into(),
        alert_at: "2026-05-01T00:00:00.000000Z".into(),
        anchor_at: Some("2026-05-01".into()),
        title: header.title.clone(),
        finding: rule.finding(&evidence),
        legal_basis: header.legal_basis.clone(),
        evidence,
        ..Alert::blank(&header.id, "a permit", "key")
    }
}

#[test]
fn every_rule_is_explained_in_both_languages() {
    let catalogue = catalogue();
    for rule in &catalogue.rules {
        let (header, id) = (&rule.header, &rule.header.id);
        let columns = parse(&rule.sql).and_then(|query| outputs(&query)).unwrap_or_else(|| panic!("{id}: no columns"));
        let alert = raised(rule, &columns);
        for finding in [&alert.finding.sv, &alert.finding.en] {
            assert!(!finding.contains('–') || header.finding.sv.contains('–'), "{id}: names no column: {finding}");
        }
        let in_both = |sv: &str, en: &str| {
            assert!(!sv.trim().is_empty() && !en.trim().is_empty() && sv != en, "{id}: {sv:?} {en:?}");
        };
        for words in [&header.title, &header.finding] {
            in_both(&words.sv, &words.en);
            assert_eq!(judges(&words.sv).or(judges(&words.en)), None, "{id}: {words:?}");
        }
        assert!(!header.counter_evidence.is_empty(), "{id}: no innocent explanation was thought of");
        for counter in &header.counter_evidence {
            in_both(&counter.sv, &counter.en);
            assert!(
                counter.column.as_ref().is_none_or(|column| columns.contains(column)),
                "{id}: {:?}",
                counter.column
            );
        }
        assert!(!header.legal_basis.is_empty(), "{id}: under which law");
        let facts = alert_from_topic(&catalogue, &alert, &Closed::default()).unwrap();
        for language in [Language::Sv, Language::En] {
            let page = alert_page(&facts, language);
            let shown = text(&page);
            assert!(shown.contains(crate::words::of(language, &header.title)), "{shown}");
            assert!(header.legal_basis.iter().all(|basis| shown.contains(basis.split(' ').next().unwrap())), "{shown}");
            assert!(html(&page).contains("<h1>"));
        }
        if header.subject.is_none() {
            let sheet = party_of_alert(&catalogue, facts).unwrap();
            let explained = sheet.circumstances[0].looked_for.len() + sheet.circumstances[0].not_looked_for.len();
            let of_the_party = header.counter_evidence.iter().filter(|counter| !counter.of_others);
            assert_eq!(explained, of_the_party.count());
            // Whether something about another person was found would tell of that person.
            for told in &sheet.circumstances[0].looked_for {
                let sv = told.what.sv.to_lowercase();
                let others = ["anknytningsperson", "parterna", "varandra", "våld", "någon av personerna"];
                assert!(!others.iter().any(|other| sv.contains(other)), "{id}: {sv}");
            }
            assert!(header.own_facts.keys().all(|column| columns.contains(column)), "{id}: {:?}", header.own_facts);
            for language in [Language::Sv, Language::En] {
                assert_weighs_nothing(&text(&party_page(&sheet, language)).replace(['<', '>', '_'], "x"));
            }
        }
    }
}

#[test]
fn the_list_knows_judging_words() {
    assert_eq!(judges("Misstänkt resa"), Some("misstänk"));
    assert_eq!(judges("A suspected breach"), Some("breach"));
    assert_eq!(judges("{breaching} of {holders}"), None);
    assert_eq!(judges("Studieavbrott; omständighet att utreda"), None);
}

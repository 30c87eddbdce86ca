//! Aim: every form of an explanation is the text that was read and approved.
//! Method: one recorded person and one rule, in `tests/explain`, with the expected files. `PERMITWATCH_UPDATE_GOLDEN=1` writes them
//! anew.

use super::*;
use crate::model::alert::AlertId;

const PERMIT: &str = "case-1";

fn compare(name: &str, text: &str) {
    let path = repository("tests/explain/golden").join(name);
    if std::env::var_os("PERMITWATCH_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let approved = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = approved.lines().zip(text.lines()).find(|(approved, now)| approved != now);
    assert!(approved == text, "{name} has changed: {differs:?}; PERMITWATCH_UPDATE_GOLDEN=1 accepts it");
}

#[test]
fn every_form_is_as_approved() {
    let dir = repository("tests/explain/feeds");
    let (catalogue, options) = (sample_catalogue(), options(&dir));
    let id = AlertId::new("low-pay-sample", PERMIT, "2026-01-01").to_hex();
    let mut facts = alert(&dir, &catalogue, &options, &id, None).unwrap();
    assert_eq!(facts.records.len(), 4);
    // A correction that changed nothing but the evidence: it is told, so that the alert says what the records say.
    assert_eq!(facts.found.evidence["sum_sek"].as_i64(), Some(46_244));
    assert!(facts.now.is_none() && facts.history.iter().any(|step| !step.changes.is_empty()));
    // The fingerprint covers the text of every view, which these files should not depend on.
    facts.alert.rule_fingerprint = "of the rule".into();
    facts.found.rule_fingerprint = "of the rule".into();
    let permit_facts = permit(&dir, &catalogue, &options, PERMIT).unwrap();
    compare("case-officer.json", &(serde_json::to_string_pretty(&facts).unwrap() + "\n"));
    let pages = [(Language::Sv, "sv"), (Language::En, "en")].map(|(language, code)| {
        let page = alert_page(&facts, language);
        compare(&format!("case-officer.{code}.txt"), &text(&page));
        compare(&format!("case-officer.{code}.html"), &html(&page));
        compare(&format!("permit.{code}.txt"), &text(&permit_page(&permit_facts, language, false)));
        (language, code)
    });
    let sheet = party_of_alert(&catalogue, facts).unwrap();
    compare("party.json", &(serde_json::to_string_pretty(&sheet).unwrap() + "\n"));
    for (language, code) in pages {
        let page = party_page(&sheet, language);
        let corrected = crate::words::say(language, "46\u{a0}244", "46,244");
        for (form, shown) in [("txt", text(&page)), ("html", html(&page))] {
            compare(&format!("party.{code}.{form}"), &shown);
            assert!(!shown.contains("199001010017") && !shown.contains("19900101-0017"), "a payer's personal number");
            assert!(!shown.contains("other_employer") && !shown.contains("a1b2c3d4e5f60718"), "the tip");
            assert!(!shown.contains("Prov Person"), "the name");
            assert!(
                shown.contains(corrected) && !shown.contains("44\u{a0}744") && !shown.contains("44,744"),
                "the corrected sum"
            );
        }
        assert_weighs_nothing(&text(&page));
    }
}

/// Evidence from rows of other persons is masked in the finding too; an employer's alert has no party.
#[test]
fn others_are_masked() {
    let dir = repository("tests/explain/feeds");
    let mut catalogue = sample_catalogue();
    let options = options(&dir);
    let id = AlertId::new("low-pay-sample", PERMIT, "2026-01-01").to_hex();
    let explained = || alert(&dir, &sample_catalogue(), &options, &id, None).unwrap();
    catalogue.rules[0].sql.push_str(" -- anchor_permits");
    let sheet = party_of_alert(&catalogue, explained()).unwrap();
    assert!(sheet.circumstances[0].masked);
    for value in ["46,244", "29,680", "559002-5481"] {
        let shown = text(&party_page(&sheet, Language::En));
        let found = shown.split("The records that it rests on").next().unwrap();
        assert!(!found.contains(value), "{found}");
    }
    catalogue.rules[0].header.subject = Some("employer_id".into());
    assert!(matches!(party_of_alert(&catalogue, explained()), Err(ExplainError::NoParty { .. })));
}

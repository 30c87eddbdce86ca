//! Aim: whatever a record holds, it does not change the structure of a page.
//! Method: every text of an alert is replaced by one that tries to be markup, a terminal command or a change of the reading order;
//! the page has the same elements as with harmless texts.

use serde_json::{Value, json};

use super::*;

const HOSTILE: &str = "<script>alert('1')</script>\"'><img src=x onerror=alert(2)>&lt;b&gt;</dd></html>\u{1b}[2J\u{202e}txt\u{7}\r\nSet-Cookie: a=b\u{2028}{sum_sek}";

fn page_of(value: &str, language: Language) -> [Page; 2] {
    let dir = repository("tests/explain/feeds");
    let catalogue = sample_catalogue();
    let id = crate::model::alert::AlertId::new("low-pay-sample", "case-1", "2026-01-01").to_hex();
    let mut facts = alert(&dir, &catalogue, &options(&dir), &id, None).unwrap();
    let text = || value.to_owned();
    for alert in [&mut facts.alert, &mut facts.found] {
        alert.subject = text();
        alert.person = text();
        alert.permit_class = Some(text());
        alert.reason = Some(text());
        alert.legal_basis = vec![text(), format!("UtlL {value}")];
        alert.title.sv = text();
        alert.title.en = text();
        alert.finding.sv = text();
        alert.finding.en = text();
        alert.evidence =
            [(text(), json!(value)), ("sum_sek".into(), json!([value, {"a": value}]))].into_iter().collect();
        alert.evidence.insert("none".into(), Value::Null);
    }
    for record in &mut facts.records {
        record.table = text();
        record.reference = Some(text());
        record.source = Some(text());
        record.values.iter_mut().for_each(|shown| shown.value = text());
    }
    for counter in &mut facts.counter_evidence {
        counter.sv = text();
        counter.en = text();
        counter.column = Some(text());
        counter.result = Some(json!(value));
    }
    for parameter in &mut facts.rule.parameters {
        parameter.name = text();
        parameter.meaning = crate::words::same(value);
        parameter.source = Some(crate::words::same(value));
    }
    let officer = alert_page(&facts, language);
    [officer, party_page(&party_of_alert(&catalogue, facts).unwrap(), language)]
}

/// The names of a page's elements, in order.
fn elements(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|rest| rest.split([' ', '>']).next().unwrap()).collect()
}

#[test]
fn no_value_becomes_markup_or_a_command() {
    for language in [Language::Sv, Language::En] {
        for (hostile, harmless) in page_of(HOSTILE, language).iter().zip(&page_of("plain (words)", language)) {
            let (shown, plain) = (html(hostile), html(harmless));
            assert_eq!(elements(&shown), elements(&plain));
            assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script") && !shown.contains("<img"));
            for shown in [shown, text(hostile)] {
                let controls = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
                assert!(!shown.contains(controls), "{shown:?}");
                assert!(!shown.lines().any(|line| line.starts_with("Set-Cookie")));
            }
        }
    }
}

#[test]
fn a_page_is_one_file_without_script_and_with_its_language() {
    for (language, code) in [(Language::Sv, "sv"), (Language::En, "en")] {
        for page in page_of("plain", language) {
            let shown = html(&page);
            assert!(shown.starts_with(&format!("<!doctype html>\n<html lang=\"{code}\">")));
            for absent in ["<script", "http://", "https://", "url(", "@import", " on", "style=\"", "<table"] {
                let body = shown.split("</style>").nth(1).unwrap();
                assert!(absent == " on" || !shown.contains(absent), "{absent}");
                assert!(absent != " on" || !body.contains(" onload") && !body.contains(" onerror"));
            }
            for element in ["main", "header", "footer", "section", "article", "h1", "title", "dl"] {
                let (open, close) =
                    (shown.matches(&format!("<{element}")).count(), shown.matches(&format!("</{element}>")).count());
                // `<header` is also how `<head` begins.
                assert!(close > 0 && open >= close, "{element}");
            }
            let headings: Vec<&str> =
                elements(&shown).into_iter().filter(|name| ["h1", "h2", "h3"].contains(name)).collect();
            assert_eq!(headings.iter().filter(|name| **name == "h1").count(), 1);
            assert_eq!(headings[..2], ["h1", "h2"], "no level is left out");
        }
    }
}

//! Aim: an explanation gives what the engine found, in both languages and every form, and nothing about who the person is.
//! Method: a small generated register; the alerts and permits of its replay are explained. `golden`: every form of one alert
//! against files. `hostile`: values that try to be markup. `steps`: why a rule has no row. `words`: the words of the catalogue's
//! rules.

mod golden;
mod hostile;
mod steps;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::config::{Config, Visibility};
use crate::generate::{Options as Generated, generate, write};
use crate::pseudonyms::Pseudonyms;
use crate::source::files::last_known_time;
use crate::tools::replay::{Timeline, timeline};
use crate::words::Language;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn catalogue() -> Catalogue {
    Catalogue::load(&repository("queries"), &BTreeMap::new()).unwrap()
}

/// The catalogue with a rule of the tests in place of its own.
fn sample_catalogue() -> Catalogue {
    let text = std::fs::read_to_string(repository("tests/explain/low-pay-sample.sql")).unwrap();
    let mut rule = RuleFile::parse("low-pay-sample", &text, &BTreeMap::new()).unwrap();
    rule.words = Arc::clone(&catalogue().words);
    // Its records are made up, and its variants read what no gateway gives.
    Catalogue { rules: vec![rule], links: Vec::new(), is_made_up: true, ..catalogue() }
}

fn options(dir: &Path) -> Options {
    Options {
        visibility: Visibility::default(),
        limits: Config::default().limits,
        pseudonyms: Arc::new(Pseudonyms::public("a key of the tests", "1")),
        as_of: last_known_time(dir).unwrap().unwrap(),
        closed: Closed::default(),
    }
}

fn replayed(dir: &Path, catalogue: &Catalogue, options: &Options) -> Vec<Alert> {
    let timeline_options = Timeline {
        visibility: options.visibility.clone(),
        limits: options.limits.clone(),
        max_rule_errors: 100,
        pseudonyms: Arc::clone(&options.pseudonyms),
        partitions: 1,
        batch_messages: 20_000,
        as_of: options.as_of,
        profile: false,
    };
    timeline(dir, catalogue, &timeline_options).unwrap().log
}

/// Asserts that a page for the party has none of the words that it must not have.
fn assert_weighs_nothing(text: &str) {
    for word in text.split(|c: char| !c.is_alphabetic()) {
        let word = word.to_lowercase();
        for weighing in mask::TIERS.iter().chain(&["risk", "risker", "pseudonym"]) {
            assert_ne!(word, *weighing, "{text}");
        }
    }
}

#[test]
fn a_permit_is_found_however_its_id_is_written() {
    let dir = tempfile::TempDir::new().unwrap();
    write(&generate(&Generated::new(100, 1, 5)), dir.path()).unwrap();
    let path = crate::source::files::ndjson_path(dir.path(), crate::model::schema::Feed::Permits);
    let text = std::fs::read_to_string(&path).unwrap();
    let id = "p0000007-1";
    let subject = one_person::subject_of_permit(dir.path().into(), id).unwrap();
    assert!(subject.is_some());
    std::fs::write(&path, text.replace(&format!("\"{id}\""), "\"\\u00700000007-1\"")).unwrap();
    assert_eq!(one_person::subject_of_permit(dir.path().into(), id).unwrap(), subject);
}

/// The mark that came last decides: who asks how things were known before gets nothing either.
#[test]
fn whoever_is_protected_now_is_not_shown_as_of_an_earlier_day() {
    let dir = tempfile::TempDir::new().unwrap();
    write(&generate(&Generated::new(300, 2, 5)), dir.path()).unwrap();
    let (catalogue, before) = (catalogue(), options(dir.path()));
    let log = replayed(dir.path(), &catalogue, &before);
    let logged = log.iter().find(|alert| alert.status.stands() && alert.permit_class.is_some()).unwrap();
    let told = |options: &Options| {
        let about = alert(dir.path(), &catalogue, options, &logged.alert_id, Some(logged)).map(drop);
        let all = permit(dir.path(), &catalogue, options, &logged.subject).map(drop);
        let sheet = party_of_permit(dir.path(), &catalogue, options, &logged.subject).map(drop);
        [about.is_ok(), all.is_ok(), sheet.is_ok()]
    };
    assert_eq!(told(&before), [true; 3]);
    let subject = one_person::subject_of_permit(dir.path().into(), &logged.subject).unwrap().unwrap();
    let path = crate::source::files::ndjson_path(dir.path(), crate::model::schema::Feed::Population);
    let text = std::fs::read_to_string(&path).unwrap();
    let of_subject = |line: &&str| line.contains(&format!("\"key\":\"{subject}\""));
    let mut post: Value = serde_json::from_str(text.lines().rfind(of_subject).unwrap()).unwrap();
    post["known_time"] = format_micros(before.as_of.0 + 1_000_000).into();
    post["value"]["version"] = (post["value"]["version"].as_i64().unwrap() + 1).into();
    post["value"]["protected"] = true.into();
    std::fs::write(&path, format!("{text}{post}\n")).unwrap();
    assert_eq!(told(&before), [false; 3], "as of the day before");
    assert_eq!(told(&options(dir.path())), [false; 3], "now");
}

/// What was derived from a record goes with it: amounts of salary and of benefits, in every form of every sheet.
#[test]
fn what_rests_on_a_class_that_is_closed_to_the_reader_is_not_shown() {
    let dir = tempfile::TempDir::new().unwrap();
    write(&generate(&Generated::new(300, 2, 5)), dir.path()).unwrap();
    let (catalogue, open) = (catalogue(), options(dir.path()));
    let log = replayed(dir.path(), &catalogue, &open);
    for class in [1, 2] {
        let closed = Options { closed: Closed { classes: vec![class], ..Closed::default() }, ..options(dir.path()) };
        let rests = |alert: &&Alert| alert.secrecy_class == class && alert.permit_class.is_some();
        let mut seen = std::collections::BTreeSet::new();
        let alerts = log.iter().filter(rests).filter(|alert| seen.insert(alert.rule_id.clone())).take(3);
        for logged in alerts {
            let id = &logged.alert_id;
            let told = alert(dir.path(), &catalogue, &open, id, Some(logged)).unwrap();
            let facts = alert(dir.path(), &catalogue, &closed, id, Some(logged)).unwrap();
            assert!(!told.found.evidence.is_empty() && facts.found.evidence.is_empty());
            assert_eq!((facts.alert.status, facts.alert.severity), (told.alert.status, told.alert.severity));
            let hidden: Vec<&RecordFacts> = facts.records.iter().filter(|record| record.withheld).collect();
            assert!(!hidden.is_empty() && hidden.iter().all(|record| record.values.is_empty()));
            let of_permit = permit(dir.path(), &catalogue, &closed, &logged.subject).unwrap();
            let from_topic = alert_from_topic(&catalogue, &told.found, &closed.closed).unwrap();
            let mut said = vec![
                serde_json::to_string(&facts).unwrap(),
                serde_json::to_string(&of_permit).unwrap(),
                serde_json::to_string(&from_topic).unwrap(),
            ];
            for language in [Language::Sv, Language::En] {
                said.push(text(&alert_page(&facts, language)));
                said.push(html(&permit_page(&of_permit, language, true)));
            }
            said.push(serde_json::to_string(&party_of_alert(&catalogue, facts).unwrap()).unwrap());
            let amounts = told.found.evidence.iter().filter(|(name, _)| name.ends_with("_sek"));
            for amount in amounts.filter_map(|(_, value)| value.as_i64()).filter(|amount| *amount > 1_000) {
                let plain = amount.to_string();
                let (thousands, rest) = plain.split_at(plain.len() - 3);
                for said in &said {
                    for form in [plain.clone(), format!("{thousands}\u{a0}{rest}"), format!("{thousands},{rest}")] {
                        // The requirement is the permit's own: it rests on no closed record.
                        let is_of_the_permit = told.records.iter().any(|record| {
                            !record.withheld
                                && record.table == "permits"
                                && record.values.iter().any(|value| value.value == plain)
                        });
                        assert!(is_of_the_permit || !said.contains(&form), "{form} of {}: {said}", logged.rule_id);
                    }
                }
            }
        }
        assert!(!seen.is_empty(), "no alert rests on a record of class {class}");
    }
}

/// A sealed record shows neither its content nor when it came and from whom, and nothing of what was found from it, unless its class is opened.
#[test]
fn a_sealed_record_shows_that_it_exists() {
    let dir = tempfile::TempDir::new().unwrap();
    write(&generate(&Generated::new(300, 2, 5)), dir.path()).unwrap();
    let path = crate::source::files::ndjson_path(dir.path(), crate::model::schema::Feed::Payments);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"secrecy_class\":2", "\"secrecy_class\":4")).unwrap();
    let (catalogue, shut) = (catalogue(), options(dir.path()));
    let log = replayed(dir.path(), &catalogue, &shut);
    let logged = log.iter().rfind(|alert| alert.secrecy_class == 4 && alert.permit_class.is_some()).unwrap();
    let told = |opened: &[i64]| {
        let closed = Closed { opened: opened.to_vec(), ..Closed::default() };
        alert(dir.path(), &catalogue, &Options { closed, ..shut.clone() }, &logged.alert_id, Some(logged)).unwrap()
    };
    for opened in [vec![], vec![3]] {
        let facts = told(&opened);
        assert!(facts.found.evidence.is_empty() && facts.found.alert_key.is_empty() && facts.alert.anchor_at.is_none());
        let sealed: Vec<&RecordFacts> = facts.records.iter().filter(|record| record.table == "payments").collect();
        assert!(!sealed.is_empty());
        for record in sealed {
            assert!(record.withheld && record.values.is_empty());
            assert_eq!(
                (&record.event_time, &record.registered_at, &record.known_time, &record.source),
                (&None, &None, &None, &None)
            );
        }
    }
    let facts = told(&[3, 4]);
    assert!(!facts.found.evidence.is_empty() && facts.records.iter().all(|record| !record.withheld));
}

#[test]
fn every_alert_and_its_permit_are_explained_as_the_engine_found_them() {
    let dir = tempfile::TempDir::new().unwrap();
    write(&generate(&Generated::new(300, 2, 5)), dir.path()).unwrap();
    let (catalogue, options) = (catalogue(), options(dir.path()));
    let log = replayed(dir.path(), &catalogue, &options);
    assert!(!log.is_empty());
    no_code_is_shown(&log, &catalogue);
    let mut seen = std::collections::BTreeSet::new();
    for (at, expected) in log.iter().rev().filter(|alert| seen.insert(alert.rule_id.clone())).enumerate() {
        let id = &expected.alert_id;
        let facts = alert(dir.path(), &catalogue, &options, id, Some(expected)).unwrap();
        assert_eq!(&facts.alert, expected, "one person's replay gives what all persons' gave");
        assert_eq!(facts.history.len() as u64, expected.sequence);
        assert!(facts.records.iter().all(|record| record.known_time.is_some()), "{:?}", facts.records);
        for language in [Language::Sv, Language::En] {
            let page = alert_page(&facts, language);
            let text = text(&page);
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
            let found = crate::words::of(language, &facts.found.finding);
            let begins: String = found.chars().take(20).collect();
            assert!(text.contains(id) && text.contains(&begins));
            assert!(html(&page).contains(id.as_str()));
        }
        // An employer's alert rests on other persons' permits: it has neither a permit nor a party.
        if catalogue.rule(&expected.rule_id).is_some_and(|rule| rule.header.subject.is_some()) {
            assert!(matches!(party_of_alert(&catalogue, facts), Err(ExplainError::NoParty { .. })));
            continue;
        }
        let person = facts.alert.person.clone();
        let mut sheets = vec![party_of_alert(&catalogue, facts).unwrap()];
        // A permit takes another replay, and the result does not depend on the rule: a few are enough.
        if at < 6 {
            let permit_facts = permit(dir.path(), &catalogue, &options, &expected.subject).unwrap();
            let rule = permit_facts.rules.iter().find(|rule| rule.id == expected.rule_id).unwrap();
            let stands = rule.rows.iter().any(|row| row.alert_id == *id && row.verdict == Verdict::Stands);
            assert_eq!(stands, expected.status.stands(), "{rule:?}");
            assert!(
                text(&permit_page(&permit_facts, Language::Sv, true)).lines().all(|line| line.chars().count() <= 100)
            );
            let of_permit = party_of_permit(dir.path(), &catalogue, &options, &expected.subject).unwrap();
            let listed = of_permit.circumstances.iter().any(|circumstance| circumstance.reference == *id);
            assert_eq!(listed, expected.status.stands(), "the permit's sheet lists what stands");
            sheets.push(of_permit);
        }
        for language in [Language::Sv, Language::En] {
            for sheet in &sheets {
                let text = text(&party_page(sheet, language));
                assert_weighs_nothing(&text);
                assert!(!text.contains(&person));
            }
        }
    }
}

/// Asserts that every code that the rules found has words: `check` follows only those that a text gives.
fn no_code_is_shown(log: &[Alert], catalogue: &Catalogue) {
    let is_code = |text: &&str| text.chars().all(|c| c.is_alphabetic() || c == '_' || c == '-') && !text.is_empty();
    let mut codes = 0;
    for (column, value) in log.iter().flat_map(|alert| &alert.evidence) {
        // A provision has more words.
        let words: Vec<&str> = value.as_str().unwrap_or_default().split(' ').collect();
        for code in words.iter().copied().filter(|code| words.len() < 3 && is_code(code)) {
            codes += 1;
            let said = catalogue.words.code(column, code).or_else(|| crate::words::labels::country(code));
            assert!(said.is_some(), "{column} {code}");
        }
    }
    assert!(codes > 10, "{codes}");
}

#[test]
fn what_is_not_there_is_said_so() {
    let dir = tempfile::TempDir::new().unwrap();
    write(&generate(&Generated::new(20, 1, 5)), dir.path()).unwrap();
    let (catalogue, options) = (catalogue(), options(dir.path()));
    let no_permit = permit(dir.path(), &catalogue, &options, "nobody's");
    assert!(matches!(no_permit, Err(ExplainError::NoPermit { .. })));
    let no_permit = party_of_permit(dir.path(), &catalogue, &options, "nobody's");
    assert!(matches!(no_permit, Err(ExplainError::NoPermit { .. })));
    let no_alert = alert(dir.path(), &catalogue, &options, &"0".repeat(32), None);
    assert!(matches!(no_alert, Err(ExplainError::NoAlert { .. })));
}

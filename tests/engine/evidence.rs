//! Aim: an alert names the versions that its row rests on, and nothing else, whatever keys the records have: equal keys in two
//! tables, keys with commas, quotes, colons, slashes and letters beyond ASCII, rows of a history.
//! Method: one text that names records of four tables and of a history; one person, which single rows are evaluated for, and many,
//! which arrays are.

use permitwatch::model::alert::RecordRef;
use permitwatch::model::record::{Message, Record};
use permitwatch::model::schema::TableId;
use permitwatch::model::time::KnownTime;
use permitwatch::tools::cases::Recording;

use crate::drive::{case_file, catalogue, plan, records_of, strict};

const RULE: &str = "study-interrupted";
const TEXT: &str = "
SELECT p.person_id, p.permit_id, '-' AS alert_key, p.valid_from AS anchor_at, max(s.first_known_time) AS alert_at,
       records(p.record, records_of(s.record), min(h.record), CAST(NULL AS VARCHAR)) AS records
FROM permits p
JOIN studies s ON s.person_id = p.person_id
LEFT JOIN studies_history h ON h.person_id = p.person_id AND NOT h.is_latest
GROUP BY p.person_id, p.permit_id, p.valid_from, p.record";

const KEYS: [&str; 9] =
    ["k", "a,b", "permits/k/1,studies/k/1", "100%", "%2C", "\"quoted\" 'twice'", "a:b:c", "åäö łø Ж", "/"];

/// A person whose permit and study events have the same key, and another event; the first of each said twice.
fn person(name: &str, key: &str) -> Vec<Record> {
    let file = case_file(RULE);
    let told = records_of(&file, &file.case[0], name);
    let of = |table: TableId| told.iter().find(|record| record.table == table).cloned().expect("a record of the case");
    let (mut permit, mut first) = (of(TableId::Permits), of(TableId::Studies));
    (permit.record_key, first.record_key) = (key.into(), key.into());
    (permit.version, first.version) = (7, 1);
    let mut again = first.clone();
    again.version = 12;
    let mut other = first.clone();
    other.record_key = format!("{key}2").into();
    vec![permit, first, again, other]
}

fn record(table: &str, record_key: &str, version: i64) -> RecordRef {
    RecordRef { table: table.into(), record_key: record_key.into(), version }
}

#[test]
fn an_alert_names_the_versions_that_its_row_rests_on_and_nothing_else() {
    let mut catalogue = catalogue();
    catalogue.retain(&[RULE]);
    catalogue.rules[0].sql = TEXT.to_owned();
    catalogue.is_made_up = true;
    for persons in [1, 40] {
        for key in KEYS {
            let records = (0..persons).flat_map(|number| person(&format!("p{number}"), key)).collect();
            let recording = Recording::new(records);
            let end = recording.records().iter().map(|record| record.known_time.0).max().unwrap_or_default();
            let messages = recording.messages();
            let all: Vec<&Message> = messages.iter().collect();
            let (_, ran) = strict(plan(&catalogue), &all, usize::MAX, &[KnownTime(end).next_midnight().0]);
            assert!(ran.quarantined.is_empty(), "{key}: {:?}", ran.quarantined);
            let other = format!("{key}2");
            let mut wanted = vec![record("permits", key, 7), record("studies", key, 1), record("studies", key, 12)];
            wanted.push(record("studies", &other, 1));
            wanted.sort_unstable();
            for alert in &ran.log {
                assert_eq!(alert.records, wanted, "{persons} persons");
            }
            assert_eq!(ran.standing[0].len(), persons, "{key}");
        }
    }
}

#[test]
fn an_alert_has_the_highest_secrecy_class_of_the_versions_that_it_names() {
    let mut catalogue = catalogue();
    catalogue.retain(&[RULE]);
    catalogue.rules[0].sql = TEXT.to_owned();
    catalogue.is_made_up = true;
    // By the classes of: the permit, the event's first version, its second, the other event, and a later permit that is not named.
    for (classes, wanted) in [([0, 0, 0, 0], 0), ([0, 2, 1, 0], 2), ([0, 0, 0, 1], 1), ([2, 0, 1, 1], 2)] {
        let mut records = person("p", "k");
        for (record, class) in records.iter_mut().zip(classes) {
            record.secrecy_class = class;
        }
        // Another person's are not theirs.
        let mut others = person("q", "k");
        others.iter_mut().for_each(|record| record.secrecy_class = 2);
        let recording = Recording::new(records.into_iter().chain(others).collect());
        let end = recording.records().iter().map(|record| record.known_time.0).max().unwrap_or_default();
        let messages = recording.messages();
        let all: Vec<&Message> = messages.iter().collect();
        let (_, ran) = strict(plan(&catalogue), &all, usize::MAX, &[KnownTime(end).next_midnight().0]);
        let class =
            |subject: &str| ran.log.iter().rfind(|alert| alert.subject == subject).map(|alert| alert.secrecy_class);
        let subjects: std::collections::BTreeSet<&str> = ran.log.iter().map(|alert| alert.subject.as_str()).collect();
        assert_eq!(subjects.len(), 2, "{subjects:?}");
        let found: Vec<Option<i64>> = subjects.iter().map(|subject| class(subject)).collect();
        assert_eq!(found, [Some(wanted), Some(2)], "{classes:?} {subjects:?}");
    }
}

#[test]
fn what_somebody_elses_rule_finds_is_as_secret_as_all_that_it_reads() {
    let text = |shown: &str, records: &str| {
        format!(
            "SELECT p.person_id, p.permit_id, '-' AS alert_key, p.valid_from AS anchor_at, max(s.first_known_time) AS alert_at{shown}, {records} AS records \
             FROM permits p JOIN studies s ON s.person_id = p.person_id AND s.kind <> 'result' WHERE p.permit_class = 'STUDY_HE' \
             GROUP BY p.person_id, p.permit_id, p.valid_from, p.record"
        )
    };
    let step = "WITH e AS (SELECT person_id, concat('on ', CAST(event_on AS VARCHAR)) AS told FROM studies WHERE kind <> 'result') ";
    let by_step = "SELECT p.person_id, p.permit_id, coalesce(max(e.told), '-') AS alert_key, p.valid_from AS anchor_at, p.first_known_time AS alert_at, p.record AS records \
                   FROM permits p JOIN e ON e.person_id = p.person_id WHERE p.permit_class = 'STUDY_HE' \
                   GROUP BY p.person_id, p.permit_id, p.valid_from, p.first_known_time, p.record";
    // Whichever of them it names or shows: a row is there since they are as they are.
    for sql in [
        text("", "p.record"),
        text(", max(s.event_on) AS interrupted_on", "p.record"),
        text(", count(*) FILTER (WHERE s.kind = 'interrupted') AS days_waited", "p.record"),
        text(", max(s.event_on) AS interrupted_on", "records(p.record, records_of(s.record))"),
        format!("{step}{by_step}"),
    ] {
        let mut catalogue = catalogue();
        catalogue.retain(&[RULE]);
        catalogue.rules[0].sql = sql.clone();
        let mut records = person("p", "k");
        // The permit, the first version of an event, its second, which takes its place, and another event.
        for (record, class) in records.iter_mut().zip([0, 2, 1, 0]) {
            record.secrecy_class = class;
        }
        let recording = Recording::new(records);
        let end = recording.records().iter().map(|record| record.known_time.0).max().unwrap_or_default();
        let messages = recording.messages();
        let all: Vec<&Message> = messages.iter().collect();
        let (_, ran) = strict(plan(&catalogue), &all, usize::MAX, &[KnownTime(end).next_midnight().0]);
        let class = ran.log.iter().rfind(|alert| alert.status.stands()).map(|alert| alert.secrecy_class);
        assert_eq!(class, Some(2), "{sql}");
    }
}

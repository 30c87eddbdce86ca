use super::*;
use crate::history::History;
use crate::model::record::{Op, Record, Value};
use crate::model::schema::TableId;
use crate::model::time::{Day, parse_day, parse_instant};

const KEEPS: Keeps = Keeps { aftercare_months: 24, permit_lead: 3_600_000_000 };

fn day(text: &str) -> Day {
    parse_day(text).unwrap()
}

/// A day (its first instant), or an instant.
fn at(text: &str) -> KnownTime {
    let instant = if text.contains('T') { parse_instant(text) } else { parse_day(text).map(Day::instant) };
    KnownTime(instant.unwrap())
}

fn record(table: TableId, key: &str, version: i64, known: &str) -> Record {
    Record { version, known_time: at(known), ..Record::blank(table, "p", key) }
}

/// A version of a permit, until a day; `None`: open.
fn permit(key: &str, version: i64, known: &str, until: Option<&str>) -> Record {
    let mut record = record(TableId::Permits, key, version, known);
    let mut set = |name, value| record.values[TableId::Permits.def().column(name).unwrap().0] = value;
    set("valid_from", Value::Day(day("2015-01-01").0));
    set("valid_to", until.map_or(Value::Null, |until| Value::Day(day(until).0)));
    set("permit_class", Value::Text("WORK_EMP".into()));
    record
}

fn history(records: &[Record]) -> History {
    let mut history = History::new(KEEPS);
    for record in records {
        history.insert(record);
    }
    history
}

/// When the person leaves, in whatever order the records come.
fn leavings(records: &[Record]) -> Vec<String> {
    let of = |records: &[Record]| -> Vec<KnownTime> {
        let history = history(records);
        history.person(history.person_no("p").unwrap()).leavings().collect()
    };
    let found = of(records);
    let backwards: Vec<Record> = records.iter().rev().cloned().collect();
    assert_eq!(of(&backwards), found, "the order of arrival decides nothing");
    found.into_iter().map(|at| at.to_string()).collect()
}

/// The versions of a table that are seen as of an instant.
fn seen(history: &History, table: TableId, as_of: &str) -> Vec<i64> {
    let person = history.person_no("p").unwrap();
    let mut versions = Vec::new();
    history.versions(person, table, at(as_of).0, |version| {
        versions.push(history.store(table).version(version.row));
        assert!(version.first_known <= version.known_from);
    });
    versions.sort_unstable();
    versions
}

#[test]
fn a_person_leaves_at_midnight_after_the_last_day_of_the_aftercare() {
    let one = [permit("a", 1, "2019-01-01", Some("2020-06-30"))];
    assert_eq!(leavings(&one), ["2022-07-01T00:00:00.000000Z"]);
    let history = history(&one);
    assert_eq!(seen(&history, TableId::Permits, "2022-06-30T23:59:59.999999Z"), [1]);
    assert_eq!(seen(&history, TableId::Permits, "2022-07-01"), [] as [i64; 0]);
    let person = history.person(history.person_no("p").unwrap());
    assert!(!person.has_left(at("2022-06-30T23:59:59.999999Z")) && person.has_left(at("2022-07-01")));
    assert_eq!(person.last_seen(at("2022-08-01")), Some(at("2022-06-30T23:59:59.999999Z")));
    assert_eq!(person.last_seen(at("2022-06-01")), None);
}

#[test]
fn months_end_where_the_calendar_ends_them() {
    assert_eq!(leavings(&[permit("a", 1, "2019-01-01", Some("2020-02-29"))]), ["2022-03-01T00:00:00.000000Z"]);
    assert_eq!(leavings(&[permit("a", 1, "2019-01-01", Some("2022-02-28"))]), ["2024-02-29T00:00:00.000000Z"]);
    assert_eq!(leavings(&[permit("a", 1, "2019-01-01", Some("2021-12-31"))]), ["2024-01-01T00:00:00.000000Z"]);
}

#[test]
fn whom_a_permit_keeps_does_not_leave() {
    assert_eq!(leavings(&[permit("a", 1, "2019-01-01", None)]), [] as [&str; 0]);
    let other = permit("b", 1, "2019-01-01", None);
    assert_eq!(leavings(&[permit("a", 1, "2019-01-01", Some("2019-06-30")), other]), [] as [&str; 0]);
    // An anchor, or somebody of whom there is only a status.
    for table in [TableId::Anchors, TableId::Statuses] {
        let records = [record(table, "x", 1, "2019-01-01")];
        assert_eq!(leavings(&records), [] as [&str; 0]);
        assert_eq!(seen(&history(&records), table, "2090-01-01"), [1]);
    }
}

#[test]
fn the_last_of_two_permits_counts() {
    let two = [permit("a", 1, "2019-01-01", Some("2020-06-30")), permit("b", 1, "2019-05-01", Some("2021-03-31"))];
    assert_eq!(leavings(&two), ["2023-04-01T00:00:00.000000Z"]);
}

#[test]
fn a_correction_before_the_instant_moves_it_and_one_after_it_brings_the_person_back() {
    let first = permit("a", 1, "2019-01-01", Some("2020-06-30"));
    let before = permit("a", 2, "2022-06-30T23:59:59.999999Z", Some("2021-06-30"));
    assert_eq!(leavings(&[first.clone(), before]), ["2023-07-01T00:00:00.000000Z"]);
    for known in ["2022-07-01", "2022-09-01"] {
        let after = permit("a", 2, known, Some("2021-06-30"));
        let document = record(TableId::Documents, "d", 1, "2019-01-01");
        let records = [first.clone(), document, after];
        assert_eq!(leavings(&records), ["2022-07-01T00:00:00.000000Z", "2023-07-01T00:00:00.000000Z"]);
        let history = history(&records);
        // With that record only, as if first known then.
        assert_eq!(seen(&history, TableId::Permits, "2022-06-30"), [1]);
        assert_eq!(seen(&history, TableId::Permits, "2022-10-01"), [2]);
        assert_eq!(seen(&history, TableId::Documents, "2022-06-30"), [1]);
        assert_eq!(seen(&history, TableId::Documents, "2022-10-01"), [] as [i64; 0]);
        assert_eq!(seen(&history, TableId::Permits, "2023-07-01"), [] as [i64; 0]);
    }
}

#[test]
fn a_correction_that_ends_everything_long_ago_keeps_for_its_day() {
    let records = [permit("a", 1, "2019-01-01", None), permit("a", 2, "2021-05-05T10:00:00Z", Some("2018-01-01"))];
    assert_eq!(leavings(&records), ["2021-05-06T00:00:00.000000Z"]);
    let history = history(&records);
    assert_eq!(seen(&history, TableId::Permits, "2021-05-05T23:59:59.999999Z"), [1, 2]);
    assert_eq!(seen(&history, TableId::Permits, "2021-05-06"), [] as [i64; 0]);
    // So it is with the first permit of somebody of whom a status was known.
    let records = [record(TableId::Statuses, "s", 1, "2021-01-01"), permit("a", 1, "2021-05-05", Some("2018-01-01"))];
    assert_eq!(leavings(&records), ["2021-05-06T00:00:00.000000Z"]);
    // A register that is read for the first time: old permits come before the one that is held, or after it.
    let records = [
        permit("a", 1, "2021-05-05T10:00:00Z", Some("2016-01-01")),
        permit("b", 1, "2021-05-05T10:00:01Z", Some("2023-01-01")),
    ];
    assert_eq!(leavings(&records), ["2025-01-02T00:00:00.000000Z"]);
}

#[test]
fn a_retraction_keeps_for_the_aftercare() {
    let mut gone = permit("a", 2, "2020-03-10T12:00:00Z", None);
    gone.op = Op::Retract;
    gone.values.clear();
    assert_eq!(leavings(&[permit("a", 1, "2019-01-01", None), gone]), ["2022-03-11T00:00:00.000000Z"]);
}

#[test]
fn what_was_replaced_before_keeps_its_holder_by_itself() {
    // What had replaced it may have been forgotten: so it decides nothing.
    let records = [permit("a", 3, "2019-02-01", Some("2020-06-30")), permit("a", 2, "2023-01-01", Some("2023-06-30"))];
    assert_eq!(leavings(&records), ["2022-07-01T00:00:00.000000Z", "2025-07-01T00:00:00.000000Z"]);
    assert_eq!(seen(&history(&records), TableId::Permits, "2023-01-01"), [2]);
    assert_eq!(leavings(&records[1..]), ["2025-07-01T00:00:00.000000Z"]);
    let at_once = [permit("a", 3, "2019-02-01", Some("2020-06-30")), permit("a", 2, "2019-02-01", None)];
    assert_eq!(leavings(&at_once), ["2022-07-01T00:00:00.000000Z"]);
}

#[test]
fn the_same_counts_anew_once_the_first_is_forgotten() {
    let records = [
        permit("a", 3, "2019-02-01", Some("2020-06-30")),
        permit("b", 1, "2023-02-01", Some("2023-12-31")),
        permit("a", 3, "2023-03-01", Some("2020-06-30")),
    ];
    let mut history = History::new(KEEPS);
    let inserted: Vec<_> =
        records.iter().map(|record| history.insert(record).1 == crate::history::Inserted::New).collect();
    assert_eq!(inserted, [true; 3]);
    assert_eq!(history.insert(&records[2]).1, crate::history::Inserted::Duplicate);
    assert_eq!(seen(&history, TableId::Permits, "2023-02-15"), [1]);
    assert_eq!(seen(&history, TableId::Permits, "2023-03-01"), [1, 3]);
}

#[test]
fn any_record_of_the_permits_feed_brings_back() {
    let first = permit("a", 1, "2019-01-01", Some("2020-06-30"));
    let before = record(TableId::Statuses, "s", 1, "2022-06-01");
    let application = record(TableId::Applications, "x", 2, "2022-09-01");
    let later = record(TableId::Documents, "d", 3, "2022-10-01");
    let alone = [first.clone(), before, application, later];
    assert_eq!(leavings(&alone), ["2022-07-01T00:00:00.000000Z"]);
    let back = permit("b", 1, "2023-01-01", Some("2023-06-30"));
    let with_a_permit = [&alone[..], &[back]].concat();
    assert_eq!(leavings(&with_a_permit), ["2022-07-01T00:00:00.000000Z", "2025-07-01T00:00:00.000000Z"]);
    for records in [&alone[..], &with_a_permit] {
        let history = history(records);
        assert_eq!(seen(&history, TableId::Statuses, "2022-06-30"), [1]);
        for as_of in ["2022-07-01", "2022-11-01", "2023-02-01"] {
            assert_eq!(seen(&history, TableId::Statuses, as_of), [] as [i64; 0]);
        }
        assert_eq!(seen(&history, TableId::Applications, "2022-11-01"), [2]);
        assert_eq!(seen(&history, TableId::Documents, "2023-02-01"), [3]);
    }
    assert_eq!(seen(&history(&with_a_permit), TableId::Documents, "2025-07-01"), [] as [i64; 0]);
    assert_eq!(seen(&history(&alone), TableId::Documents, "2090-01-01"), [3]);
}

#[test]
fn records_of_other_feeds_count_the_lead_after_the_return() {
    let records = [
        permit("a", 1, "2019-01-01", Some("2020-06-30")),
        record(TableId::Payments, "early", 1, "2022-08-01T00:30:00Z"),
        record(TableId::Payments, "late", 2, "2022-08-01T01:00:00Z"),
        permit("b", 1, "2022-08-01", Some("2022-12-31")),
    ];
    let history = history(&records);
    assert_eq!(seen(&history, TableId::Payments, "2022-09-01"), [2]);
    assert_eq!(seen(&history, TableId::Payments, "2025-01-01"), [] as [i64; 0]);
}

#[test]
fn an_anchor_is_kept_for_the_population_register_alone() {
    let records = [
        permit("a", 1, "2019-01-01", Some("2020-06-30")),
        record(TableId::Population, "before", 1, "2019-02-01"),
        record(TableId::Anchors, "x", 1, "2020-01-01"),
        record(TableId::Population, "since", 2, "2020-02-01"),
        record(TableId::Payments, "pay", 1, "2020-02-01"),
    ];
    let history = history(&records);
    assert_eq!(seen(&history, TableId::Population, "2022-06-30"), [1, 2]);
    assert_eq!(seen(&history, TableId::Population, "2022-07-01"), [2]);
    assert_eq!(seen(&history, TableId::Anchors, "2022-07-01"), [1]);
    assert_eq!(seen(&history, TableId::Payments, "2022-07-01"), [] as [i64; 0]);
}

#[test]
fn classes_follow_what_counts() {
    let mut back = permit("b", 1, "2023-01-01", Some("2024-01-01"));
    back.values[TableId::Permits.def().column("permit_class").unwrap().0] = Value::Text("STUDY_HE".into());
    let history = history(&[permit("a", 1, "2019-01-01", Some("2020-06-30")), back]);
    let person = history.person_no("p").unwrap();
    let (work, study) = (crate::history::ClassSet::of("WORK_EMP"), crate::history::ClassSet::of("STUDY_HE"));
    let classes = |as_of| history.classes(person, at(as_of));
    assert!(classes("2020-01-01").meets(work) && classes("2022-08-01").meets(work));
    assert!(!classes("2023-02-01").meets(work) && classes("2023-02-01").meets(study));
}

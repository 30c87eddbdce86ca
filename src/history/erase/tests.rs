use super::*;
use crate::history::ClassSet;
use crate::history::presence::Keeps;
use crate::model::record::{Record, Value};
use crate::model::time::{Day, parse_day};

const KEEPS: Keeps = Keeps { aftercare_months: 24, permit_lead: 3_600_000_000 };

fn at(text: &str) -> KnownTime {
    KnownTime(parse_day(text).map(Day::instant).unwrap())
}

fn record(table: TableId, key: &str, version: i64, known: &str) -> Record {
    Record { version, known_time: at(known), ..Record::blank(table, "p", key) }
}

fn permit(key: &str, version: i64, known: &str, until: &str) -> Record {
    let mut record = record(TableId::Permits, key, version, known);
    let mut set = |name, value| record.values[TableId::Permits.def().column(name).unwrap().0] = value;
    set("valid_from", Value::Day(parse_day("2015-01-01").unwrap().0));
    set("valid_to", Value::Day(parse_day(until).unwrap().0));
    set("permit_class", Value::Text("WORK_EMP".into()));
    record
}

fn history(records: &[Record]) -> (History, PersonNo) {
    let mut history = History::new(KEEPS);
    for record in records {
        history.insert(record);
    }
    let person = history.person_no("p").unwrap();
    (history, person)
}

fn erased(rows: usize, is_empty: bool) -> Erased {
    Erased { rows, is_empty }
}

/// What is seen as of an instant: table, version, since when it is known.
fn seen(history: &History, person: PersonNo, as_of: &str) -> Vec<(TableId, i64, i64, bool)> {
    let mut out = Vec::new();
    for table in TableId::ALL.into_iter().filter(|table| table.is_person()) {
        history.versions(person, table, at(as_of).0, |own| {
            out.push((table, history.store(table).version(own.row), own.known_from, own.is_latest));
        });
    }
    out
}

#[test]
fn of_who_has_left_nothing_is_left_and_the_next_record_is_the_first() {
    let told = [
        permit("a", 1, "2019-01-01", "2020-06-30"),
        record(TableId::Documents, "d", 1, "2019-01-01"),
        record(TableId::Payments, "pay", 1, "2019-02-01"),
    ];
    let (mut history, person) = history(&told);
    assert_eq!(history.erase(person, at("2022-06-30")), Erased::default(), "the person is there");
    assert_eq!(history.erase(person, at("2022-07-01")), erased(3, true));
    assert_eq!((history.person_no("p"), history.person_count(), history.struck()), (Some(person), 0, 3));
    assert!(history.forget(person) && !history.forget(person));
    assert_eq!(history.person_no("p"), None);
    assert_eq!(&*history.person(person).subject, "");
    history.blank_rest();
    assert_eq!(history.struck(), 0);
    for (table, row) in [(TableId::Permits, 0), (TableId::Documents, 0), (TableId::Payments, 0)] {
        assert_eq!(history.store(table).text("record_key", crate::history::RowId(row)), None);
        assert_eq!(history.store(table).int("version", crate::history::RowId(row)), None);
    }
    // Told again, it is new.
    let (again, inserted) = history.insert(&Record { known_time: at("2023-01-01"), ..told[0].clone() });
    assert_eq!(inserted, crate::history::Inserted::New);
    assert_ne!(again, person, "a number is not used twice");
    assert_eq!(seen(&history, again, "2023-01-01").len(), 1);
}

#[test]
fn of_who_has_come_back_the_rest_is_as_it_was() {
    let told = [
        permit("a", 1, "2019-01-01", "2020-06-30"),
        permit("b", 1, "2019-01-01", "2020-06-30"),
        permit("b", 3, "2020-01-01", "2020-05-30"),
        record(TableId::Statuses, "s", 1, "2019-01-01"),
        permit("a", 2, "2023-01-01", "2023-06-30"),
        permit("b", 2, "2023-02-01", "2023-06-30"),
        record(TableId::Statuses, "s", 2, "2023-01-02"),
        record(TableId::Payments, "early", 1, "2023-01-01"),
        record(TableId::Payments, "pay", 1, "2023-03-01"),
    ];
    let (mut own, person) = history(&told);
    let (whole, _) = history(&told);
    assert_eq!(own.erase(person, at("2022-07-01")), erased(5, false));
    assert_eq!(own.erase(person, at("2022-07-01")), Erased::default());
    for as_of in ["2023-01-01", "2023-01-02", "2023-04-01", "2025-06-30", "2025-07-01"] {
        assert_eq!(seen(&own, person, as_of), seen(&whole, person, as_of), "{as_of}");
        assert!(own.classes(person, at(as_of)).meets(ClassSet::of("WORK_EMP")));
    }
    let (left, before) = (own.person(person), whole.person(person));
    assert_eq!(left.leavings().collect::<Vec<_>>(), before.leavings().skip(1).collect::<Vec<_>>());
    assert_eq!(left.first_permit_known(), at("2023-01-01"));
    assert_eq!(own.erase(person, at("2025-07-01")), erased(4, true));
}

#[test]
fn an_anchor_keeps_the_population_register_since() {
    let told = [
        permit("a", 1, "2019-01-01", "2020-06-30"),
        record(TableId::Population, "before", 1, "2019-02-01"),
        record(TableId::Anchors, "x", 1, "2020-01-01"),
        record(TableId::Population, "since", 1, "2020-02-01"),
    ];
    let (mut history, person) = history(&told);
    let before = seen(&history, person, "2022-07-01");
    assert_eq!(history.erase(person, at("2022-07-01")), erased(2, false));
    assert_eq!(seen(&history, person, "2022-07-01"), before);
    assert_eq!(before.len(), 2);
    assert_eq!(history.person(person).anchored_known(), at("2020-01-01"));
}

#[test]
fn what_others_show_goes_once_it_is_taken_back() {
    let shown = |version, op, known: &str| Record { op, ..record(TableId::AnchorPopulation, "anchor", version, known) };
    let first = permit("a", 1, "2019-01-01", "2020-06-30");
    let (mut kept, person) = history(&[first.clone(), shown(1, Op::Upsert, "2019-02-01")]);
    assert_eq!(kept.erase(person, at("2022-07-01")), erased(1, false));
    assert_eq!(kept.erase(person, at("2022-07-01")), Erased::default());
    kept.insert(&shown(2, Op::Retract, "2022-07-02"));
    assert_eq!(kept.erase(person, at("2022-07-01")), Erased::default());
    assert_eq!(kept.erase(person, at("2022-07-02")), erased(2, true));
    let (mut gone, person) = history(&[first, shown(1, Op::Upsert, "2019-02-01"), shown(2, Op::Retract, "2022-07-01")]);
    assert_eq!(gone.erase(person, at("2022-07-01")), erased(3, true));
    // Nobody has left here: what another has shown, and taken back, goes.
    let (mut there, person) = history(&[
        permit("a", 1, "2019-01-01", "2030-06-30"),
        shown(1, Op::Upsert, "2019-02-01"),
        shown(2, Op::Retract, "2022-07-01"),
    ]);
    assert_eq!(there.erase(person, at("2022-06-30")), Erased::default());
    assert_eq!(there.erase(person, at("2022-07-01")), erased(2, false));
}

#[test]
fn a_record_whose_number_another_took_is_found_still() {
    let row = |key: u32, at: u32| RowRef::new(TableId::Permits, key, 0, Op::Upsert, crate::history::RowId(at));
    let rows = [row(5, 0), row(6, 1), row(6, 2), row(7, 3), row(9, 4)];
    // 7 may lie there since 6 and 5 were taken.
    assert_eq!(erasable(&rows, vec![true, true, true, false, true]), [false, false, false, false, true]);
    assert_eq!(erasable(&rows, vec![true, true, false, true, true]), [false, true, false, true, true]);
    assert_eq!(erasable(&rows, vec![true; 5]), [true; 5]);
}

#[test]
fn full_segments_and_the_open_one_lose_what_is_erased_and_nothing_else() {
    let mut history = History::new(KEEPS);
    let count = 3_000;
    for number in 0..count {
        let until = if number % 3 == 0 { "2020-06-30" } else { "2029-06-30" };
        let own = |record: Record| Record { subject: format!("p{number}").into(), ..record };
        history.insert(&own(permit(&format!("key-{number}"), 1, "2019-01-01", until)));
        history.insert(&own(permit(&format!("key-{number}"), 2, "2019-01-02", until)));
    }
    let persons: Vec<PersonNo> = history.persons().map(|(no, _)| no).collect();
    for person in &persons {
        history.erase(*person, at("2022-07-01"));
    }
    assert_eq!(history.struck(), 2 * count / 3);
    assert!(!history.blank_next(&Mark::default()), "no segment has been captured");
    let mark = history.mark();
    assert!(history.blank_next(&mark) && !history.blank_next(&mark), "the open one is not full");
    assert!((1..2 * count / 3).contains(&history.struck()));
    history.blank_rest();
    assert_eq!(history.struck(), 0);
    let store = history.store(TableId::Permits);
    for number in 0..count {
        for version in 0..2 {
            let row = crate::history::RowId((2 * number + version) as u32);
            let is_gone = number % 3 == 0;
            assert_eq!(store.text("record_key", row), (!is_gone).then(|| format!("key-{number}")));
            assert_eq!(store.int("version", row), (!is_gone).then_some(version as i64 + 1));
            assert_eq!(store.text("permit_class", row).as_deref(), (!is_gone).then_some("WORK_EMP"));
        }
    }
    assert_eq!(history.person_count(), 2 * count / 3);
}

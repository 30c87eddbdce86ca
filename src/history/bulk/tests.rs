//! Aim: adding records at once gives the same history as adding them one by one.
//! Method: few persons, keys and versions in any order, so that versions repeat and come after greater ones; both histories are
//! written out as plain values and compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use proptest::prelude::*;

use super::*;
use crate::decode::PERMIT_CLASSES;
use crate::model::record::rows::records;
use crate::model::record::{Record, Value};
use crate::model::schema::{ENVELOPE, Feed};
use crate::model::time::EventTime;

/// Everything known of a person, without the numbers that history assigns.
#[derive(Debug, PartialEq)]
pub struct Told {
    classes: ClassSet,
    /// Known times of the first record about the person's own permits, and of the first that names the person as anchor.
    known: [KnownTime; 2],
    spans: Vec<String>,
    /// In the order in which the records named them.
    entities: Vec<Box<str>>,
    /// By table and as_of: the versions, then the columns.
    tables: Vec<(TableId, i64, String, Vec<ArrayRef>)>,
    named_with: Vec<Vec<Box<str>>>,
}

impl History {
    /// Every person, by subject.
    pub fn told(&self) -> BTreeMap<Box<str>, Told> {
        self.persons().map(|(no, person)| (person.subject.clone(), self.told_of(no, person))).collect()
    }

    fn told_of(&self, no: PersonNo, person: &Person) -> Told {
        let name = |entity: &EntityNo| self.by_entity.iter().find(|(_, no)| *no == entity).unwrap().0.clone();
        let naming = |entity: &EntityNo| {
            let persons = self.persons_naming(*entity);
            let mut subjects: Vec<_> = persons.iter().map(|no| self.person(*no).subject.clone()).collect();
            subjects.sort();
            subjects
        };
        let mut tables = Vec::new();
        for table in Feed::Permits.tables() {
            for as_of in [2, i64::MAX] {
                let (mut versions, mut rows) = (Vec::new(), Vec::new());
                self.versions(no, table, as_of, |version| {
                    let about = (version.known_from, version.is_latest, version.first_known, version.op);
                    versions.push(about);
                    rows.push(version.row);
                });
                let store = self.store(table);
                let stored = 0..ENVELOPE.len() - 1 + table.def().columns.len();
                let columns = stored.map(|at| store.gather(at, rows.iter().copied())).collect();
                tables.push((table, as_of, format!("{versions:?}"), columns));
            }
        }
        Told {
            classes: person.classes,
            known: [person.first_permit_known(), person.anchored_known()],
            spans: person.spans().iter().map(|span| format!("{span:?}")).collect(),
            entities: person.entities().iter().map(name).collect(),
            tables,
            named_with: person.entities().iter().map(naming).collect(),
        }
    }
}

const TABLES: [TableId; 4] = [TableId::Permits, TableId::PermitEmployers, TableId::Anchors, TableId::Identities];

fn record() -> impl Strategy<Value = Record> {
    let numbers = (0..4usize, 0..4u8, 0..3u8, 1..4i64, 0..5i64);
    let op = prop::sample::select(vec![Op::Upsert, Op::Upsert, Op::Correct, Op::Retract]);
    (numbers, op, 0..6usize).prop_map(|((table, person, key, version, known), op, seed)| {
        let table = TABLES[table];
        let value = |(at, column): (usize, &crate::model::schema::Column)| match column.ty {
            _ if !column.required && (seed + at) % 3 == 0 => Value::Null,
            ColumnType::Date | ColumnType::Month => Value::Day(((seed * 31 + at) as i32) & !1),
            ColumnType::Timestamp => Value::Instant((seed * 1_000) as i64),
            ColumnType::Int | ColumnType::Sek => Value::Int((seed * at) as i64),
            ColumnType::Bool => Value::Bool(seed % 2 == 0),
            ColumnType::CodeList => Value::List((0..seed % 3).map(|item| format!("C{item}").into()).collect()),
            ColumnType::Code if column.name == "permit_class" => Value::Text(PERMIT_CLASSES[seed % 3].0.into()),
            _ => Value::Text(format!("{}{}", column.name, seed % 3).into()),
        };
        Record {
            version,
            op,
            event_time: EventTime(seed as i64),
            known_time: KnownTime(known),
            values: table.def().columns.iter().enumerate().map(value).collect(),
            ..Record::blank(table, &format!("p{person}"), &format!("k{key}"))
        }
    })
}

/// A table's records as a file has them; `is_coded` puts texts that repeat into a dictionary.
fn rows(table: TableId, records: &[(i64, &Record)], is_coded: bool) -> RecordRows {
    let texts = |text: &dyn Fn(&Record) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(records.iter().map(|(_, record)| text(record))))
    };
    let ints = |number: &dyn Fn(&Record) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(records.iter().map(|(_, record)| number(record))))
    };
    let instants = |at: &dyn Fn(&Record) -> i64| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_iter_values(records.iter().map(|(_, record)| at(record))))
    };
    let mut columns = vec![
        texts(&|record| &record.subject),
        ints(&|record| record.schema_ver),
        texts(&|record| &record.record_key),
        ints(&|record| record.version),
        texts(&|record| record.op.name()),
        instants(&|record| record.event_time.0),
        instants(&|record| record.registered_at),
        texts(&|record| &record.source),
        texts(&|record| &record.purpose),
        ints(&|record| record.secrecy_class),
        instants(&|record| record.known_time.0),
        Arc::new(Int64Array::from_iter_values(records.iter().map(|(arrival, _)| *arrival))) as ArrayRef,
    ];
    for (at, column) in table.def().columns.iter().enumerate() {
        let values: Vec<&Value> = records.iter().map(|(_, record)| &record.values[at]).collect();
        columns.push(array(&values, column.ty));
    }
    let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    for (at, column) in columns.iter_mut().enumerate().filter(|_| is_coded) {
        let own = at.checked_sub(OWN).map(|at| table.def().columns[at].ty);
        if at == crate::model::record::rows::OP || matches!(own, Some(ColumnType::Code | ColumnType::Employer)) {
            *column = arrow::compute::cast(column, &coded).unwrap();
        }
    }
    RecordRows::new(table, &columns)
}

fn array(values: &[&Value], ty: ColumnType) -> ArrayRef {
    let number = |value: &&Value| match value {
        Value::Int(number) | Value::Instant(number) => Some(*number),
        Value::Day(day) => Some(i64::from(*day)),
        _ => None,
    };
    let numbers = || values.iter().map(number);
    match ty {
        ColumnType::Date | ColumnType::Month => {
            Arc::new(numbers().map(|day| day.map(|day| day as i32)).collect::<Date32Array>())
        }
        ColumnType::Timestamp => Arc::new(numbers().collect::<TimestampMicrosecondArray>()),
        ColumnType::Int | ColumnType::Sek => Arc::new(numbers().collect::<Int64Array>()),
        ColumnType::Bool => {
            let flag = |value: &&Value| if let Value::Bool(flag) = value { Some(*flag) } else { None };
            Arc::new(values.iter().map(flag).collect::<BooleanArray>())
        }
        ColumnType::CodeList => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for value in values {
                match value {
                    Value::List(items) => lists.append_value(items.iter().map(|item| Some(&**item))),
                    _ => lists.append_null(),
                }
            }
            Arc::new(lists.finish())
        }
        _ => {
            let text = |value: &&Value| if let Value::Text(text) = value { Some(text.to_string()) } else { None };
            Arc::new(values.iter().map(text).collect::<StringArray>())
        }
    }
}

proptest! {
    #[test]
    fn at_once_is_as_one_by_one(told in prop::collection::vec(record(), 1..60), is_coded: bool, cut in 1..40usize) {
        let mut parts = Vec::new();
        for table in TABLES {
            let of_table: Vec<(i64, &Record)> =
                told.iter().enumerate().map(|(at, record)| (at as i64, record)).filter(|(_, of)| of.table == table).collect();
            parts.extend(of_table.chunks(cut).map(|chunk| rows(table, chunk, is_coded)));
        }
        let at: Vec<u32> = (0..60).collect();
        let own: Vec<ShardRows<'_>> = parts.iter().map(|rows| ShardRows { rows, at: &at[..rows.len()], runs: 1 }).collect();
        let is_wanted = |rows: &RecordRows, row: usize| rows.event_time(row) != 5;
        let (mut at_once, mut one_by_one) = (History::default(), History::default());
        let (mut new, mut new_of_one) = (Vec::new(), Vec::new());
        at_once.fill(&own, is_wanted, |_, _, known| new.extend(known.iter().map(|known| (known.known_time, known.table))));
        for record in records(&own).filter(|record| record.event_time.0 != 5) {
            if one_by_one.insert(&record).1 == crate::history::Inserted::New {
                new_of_one.push((record.known_time, record.table));
            }
        }
        new.sort();
        new_of_one.sort();
        prop_assert_eq!(new, new_of_one);
        prop_assert_eq!(at_once.told(), one_by_one.told());
        for (_, person) in at_once.persons() {
            prop_assert_eq!(at_once.person_no(&person.subject).map(|no| at_once.person(no).subject.clone()), Some(person.subject.clone()));
        }
    }
}

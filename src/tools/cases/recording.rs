//! Records in the form that each side reads: messages for the engine, recorded tables for the batch query.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::encode::encode;
use crate::model::record::{Message, Offset, Record, Value};
use crate::model::schema::{ColumnType, Feed, TableId};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;

/// Records in the order of arrival: known times never fall.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    records: Vec<Record>,
}

impl Recording {
    /// Sorts the records by known time, then by feed, then as given.
    pub fn new(mut records: Vec<Record>) -> Recording {
        records.sort_by_key(|record| (record.known_time, record.table.def().feed));
        Recording { records }
    }

    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Every person whom a record is about, and the employers that may be units of their own.
    pub fn units(&self) -> BTreeSet<String> {
        let mut units = BTreeSet::new();
        for record in &self.records {
            if record.table.is_person() {
                units.insert(record.subject.to_string());
            }
            for (column, value) in record.table.def().columns.iter().zip(&record.values) {
                if let (ColumnType::Employer, Value::Text(number)) = (column.ty, value) {
                    units.insert(format!("employer={number}"));
                }
            }
        }
        units
    }

    /// The record that was message number `offset` of a feed.
    pub fn at(&self, feed: Feed, offset: Offset) -> Option<&Record> {
        let mut of_feed = self.records.iter().filter(|record| record.table.def().feed == feed);
        of_feed.nth(usize::try_from(offset.0).ok()?)
    }

    /// In merge order, in the form that the wire would carry.
    pub fn messages(&self) -> Vec<Message> {
        let mut next = [0; Feed::COUNT];
        let message = |record: &Record| {
            let feed = record.table.def().feed;
            let offset = &mut next[feed.index()];
            *offset += 1;
            Message {
                feed,
                partition: 0,
                offset: Offset(*offset - 1),
                known_time: record.known_time,
                key: Some(record.subject.as_bytes().into()),
                payload: Some(encode(record).into()),
                claimed_time: None,
                sent_at: None,
            }
        };
        self.records.iter().map(message).collect()
    }

    /// Tables in the form of `Table::file_schema`.
    pub fn tables(&self) -> Vec<RecordBatch> {
        let mut next = [0; Feed::COUNT];
        let mut rows: BTreeMap<usize, Vec<(i64, &Record)>> = BTreeMap::new();
        for record in &self.records {
            let arrival = &mut next[record.table.def().feed.index()];
            rows.entry(record.table.index()).or_default().push((*arrival, record));
            *arrival += 1;
        }
        let none = Vec::new();
        TableId::ALL.into_iter().map(|id| table(id, rows.get(&id.index()).unwrap_or(&none))).collect()
    }
}

fn table(id: TableId, rows: &[(i64, &Record)]) -> RecordBatch {
    let texts = |of: &dyn Fn(&Record) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, record)| of(record)).collect::<StringArray>())
    };
    let instants = |of: &dyn Fn(&Record) -> i64| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, record)| Some(of(record))).collect::<TimestampMicrosecondArray>())
    };
    let numbers = |of: &dyn Fn(&(i64, &Record)) -> i64| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(of(row))).collect::<Int64Array>())
    };
    let mut columns = vec![
        texts(&|record| id.is_person().then(|| record.subject.to_string())),
        numbers(&|(_, record)| record.schema_ver),
        texts(&|record| Some(record.record_key.to_string())),
        numbers(&|(_, record)| record.version),
        texts(&|record| Some(record.op.name().to_owned())),
        instants(&|record| record.event_time.0),
        instants(&|record| record.registered_at),
        texts(&|record| Some(record.source.to_string())),
        texts(&|record| Some(record.purpose.to_string())),
        numbers(&|(_, record)| record.secrecy_class),
        instants(&|record| record.known_time.0),
        numbers(&|(arrival, _)| *arrival),
    ];
    for (at, column) in id.def().columns.iter().enumerate() {
        let values: Vec<&Value> =
            rows.iter().map(|(_, record)| record.values.get(at).unwrap_or(&Value::Null)).collect();
        columns.push(array(&column.ty.arrow(), &values));
    }
    RecordBatch::try_new(id.def().file_schema(), columns)
        .unwrap_or_else(|_| RecordBatch::new_empty(id.def().file_schema()))
}

fn array(ty: &DataType, values: &[&Value]) -> ArrayRef {
    let int = |value: &&Value| if let Value::Int(number) = value { Some(*number) } else { None };
    let day = |value: &&Value| if let Value::Day(day) = value { Some(*day) } else { None };
    let instant = |value: &&Value| if let Value::Instant(at) = value { Some(*at) } else { None };
    let flag = |value: &&Value| if let Value::Bool(flag) = value { Some(*flag) } else { None };
    let text = |value: &&Value| if let Value::Text(text) = value { Some(text.to_string()) } else { None };
    match ty {
        DataType::Int64 => Arc::new(values.iter().map(int).collect::<Int64Array>()),
        DataType::Date32 => Arc::new(values.iter().map(day).collect::<Date32Array>()),
        DataType::Timestamp(..) => Arc::new(values.iter().map(instant).collect::<TimestampMicrosecondArray>()),
        DataType::Boolean => Arc::new(values.iter().map(flag).collect::<BooleanArray>()),
        DataType::Utf8 => Arc::new(values.iter().map(text).collect::<StringArray>()),
        _ => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for value in values {
                if let Value::List(items) = value {
                    items.iter().for_each(|item| lists.values().append_value(item));
                    lists.append(true);
                } else {
                    lists.append(false);
                }
            }
            Arc::new(lists.finish())
        }
    }
}

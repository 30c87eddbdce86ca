//! The rows of one table as columns: appended to an open segment, packed when that is full, gathered by row number.
//!
//! A full segment is packed once: numbers in the bits that they need (`packed`), texts in the form that is
//! smallest (`texts`). So segments are never merged, no buffer grows by doubling, and a row's segment follows from its number. What
//! a row's index entry holds (operation, known time) is not stored here again. Rows that are erased keep their numbers (`blank`).

mod blank;
mod extend;
pub(super) mod saved;

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, ListBuilder, StringBuilder, TimestampMicrosecondArray,
};
use serde::{Deserialize, Serialize};

use crate::history::packed::Packed;
use crate::history::store::blank::Struck;
use crate::history::texts::Texts;
use crate::model::purpose::Purpose;
use crate::model::record::{Op, Record, Value, reference};
use crate::model::schema::{ColumnType, ENVELOPE, TableId};
use crate::model::time::{EventTime, KnownTime};

/// Number of a row in its table, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowId(pub u32);

/// Rows of a segment: enough that the fixed cost of each packed column is small, and few enough that the open segments of all
/// tables are small.
pub(super) const SEGMENT_ROWS: usize = 4_096;

/// Ends each item of a list, which is stored as one text. No text of a record contains it (see `decode`).
const ITEM_END: char = '\u{1}';

/// The envelope (see [`ENVELOPE`]) without `op`, then the table's own columns.
#[derive(Debug)]
pub struct Store {
    columns: Vec<Column>,
    rows: u32,
    struck: Struck,
}

#[derive(Debug)]
struct Column {
    name: &'static str,
    ty: ColumnType,
    /// Shared with a checkpoint that is being written.
    full: Vec<Arc<PackedColumn>>,
    open: Open,
}

/// A column of a full segment.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum PackedColumn {
    Numbers(Packed),
    Texts(Texts),
}

/// A column of the segment that takes rows.
#[derive(Clone, Debug)]
enum Open {
    Numbers(Vec<Option<i64>>),
    /// Where each text ends; negative if it is null.
    Texts {
        text: String,
        ends: Vec<i64>,
    },
}

/// Positions of the columns that the index reads.
const RECORD_KEY: usize = 1;
const VERSION: usize = 2;
/// Position of what the record was disclosed for.
const PURPOSE: usize = 6;

impl Store {
    pub fn new(table: TableId) -> Store {
        let columns = stored(table).map(|(name, ty)| Column::new(name, ty)).collect();
        Store { columns, rows: 0, struck: Struck::default() }
    }

    /// Position of a column among the stored columns of a table.
    pub fn place(table: TableId, name: &str) -> Option<usize> {
        stored(table).position(|(stored, _)| stored == name)
    }

    pub fn rows(&self) -> u32 {
        self.rows
    }

    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum::<usize>() + self.struck.bytes()
    }

    /// Each column's name and bytes.
    pub fn column_bytes(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.columns.iter().map(|column| (column.name, column.bytes()))
    }

    /// Position of a column among the stored columns.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Appends a row.
    pub fn append(&mut self, record: &Record) -> RowId {
        let row = RowId(self.rows);
        self.rows += 1;
        let mut columns = self.columns.iter_mut();
        let mut push = |value: ValueRef<'_>| {
            if let Some(column) = columns.next() {
                column.open.push(value);
            }
        };
        push(ValueRef::Int(record.schema_ver));
        push(ValueRef::Text(&record.record_key));
        push(ValueRef::Int(record.version));
        push(ValueRef::Int(record.event_time.0));
        push(ValueRef::Int(record.registered_at));
        push(ValueRef::Text(&record.source));
        push(ValueRef::Text(&record.purpose));
        push(ValueRef::Int(record.secrecy_class));
        for column in 0..record.table.def().columns.len() {
            push(record.values.get(column).map_or(ValueRef::Null, ValueRef::from));
        }
        if (self.rows as usize).is_multiple_of(SEGMENT_ROWS) {
            self.columns.iter_mut().for_each(Column::pack);
        }
        row
    }

    /// A text of one row; `None` if it is null or not text.
    pub fn text(&self, column: &str, row: RowId) -> Option<String> {
        let mut text = String::new();
        self.columns[self.column(column)?].write(row, &mut text).then_some(text)
    }

    /// A whole number of one row; `None` if it is null or not a number.
    pub fn int(&self, column: &str, row: RowId) -> Option<i64> {
        self.columns[self.column(column)?].number(row)
    }

    #[inline]
    pub(super) fn version(&self, row: RowId) -> i64 {
        self.columns[VERSION].number(row).unwrap_or_default()
    }

    #[inline]
    pub(super) fn has_key(&self, row: RowId, key: &str) -> bool {
        self.columns[RECORD_KEY].is(row, key)
    }

    /// What the record was disclosed for.
    pub fn purpose(&self, row: RowId) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|purpose| self.columns[PURPOSE].is(row, purpose.name()))
    }

    /// The record of a row, without its subject and known time, which are not stored here.
    pub(super) fn record(&self, table: TableId, row: RowId, op: Op) -> Record {
        let text = |column: &str| self.text(column, row).unwrap_or_default().into();
        let int = |column: &str| self.int(column, row).unwrap_or_default();
        let own = self.columns.iter().skip(ENVELOPE.len() - 1);
        Record {
            table,
            subject: Box::default(),
            record_key: text("record_key"),
            version: self.version(row),
            op,
            event_time: EventTime(int("event_time")),
            registered_at: int("registered_at"),
            known_time: KnownTime::MIN,
            schema_ver: int("schema_ver"),
            source: text("source"),
            purpose: text("purpose"),
            secrecy_class: int("secrecy_class"),
            values: own.map(|column| column.value(row)).collect(),
        }
    }

    /// Writes the reference by which SQL names the row's record.
    pub fn write_reference(&self, table: TableId, row: RowId, out: &mut String) -> bool {
        reference::write(out, table, self.version(row), |key| self.columns[RECORD_KEY].write(row, key))
    }

    /// The references of some rows, each with a prefix.
    pub fn references<T: AsRef<str>>(&self, table: TableId, rows: impl Iterator<Item = (RowId, T)>) -> ArrayRef {
        let mut builder = StringBuilder::with_capacity(rows.size_hint().0, rows.size_hint().0 * 40);
        let mut text = String::new();
        for (row, before) in rows {
            text.clear();
            text.push_str(before.as_ref());
            builder.append_option(self.write_reference(table, row, &mut text).then_some(&text));
        }
        Arc::new(builder.finish())
    }

    /// The type of a column.
    pub fn column_type(&self, column: usize) -> ColumnType {
        self.columns[column].ty
    }

    /// A number of one row; `None` if it is null or the column holds no numbers.
    pub fn number(&self, column: usize, row: RowId) -> Option<i64> {
        self.columns[column].number(row)
    }

    /// Writes a row's text; false if it is null or the column holds no texts.
    pub fn write(&self, column: usize, row: RowId, out: &mut impl Write) -> bool {
        self.columns[column].write(row, out)
    }

    /// The values of one column in the given rows.
    pub fn gather(&self, column: usize, rows: impl Iterator<Item = RowId>) -> ArrayRef {
        let column = &self.columns[column];
        match column.ty {
            ColumnType::CodeList => column.lists(rows),
            ColumnType::Date | ColumnType::Month => {
                Arc::new(rows.map(|row| column.number(row).map(|day| day as i32)).collect::<Date32Array>())
            }
            ColumnType::Timestamp => {
                Arc::new(rows.map(|row| column.number(row)).collect::<TimestampMicrosecondArray>())
            }
            ColumnType::Int | ColumnType::Sek => Arc::new(rows.map(|row| column.number(row)).collect::<Int64Array>()),
            ColumnType::Bool => {
                Arc::new(rows.map(|row| column.number(row).map(|value| value != 0)).collect::<BooleanArray>())
            }
            _ => column.texts(rows.map(|row| (row, ""))),
        }
    }

    /// The texts of one column in the given rows, each with a prefix.
    pub fn gather_after<T: AsRef<str>>(&self, column: usize, rows: impl Iterator<Item = (RowId, T)>) -> ArrayRef {
        self.columns[column].texts(rows)
    }
}

/// The columns of a table that are stored.
fn stored(table: TableId) -> impl Iterator<Item = (&'static str, ColumnType)> {
    let envelope = ENVELOPE.iter().filter(|column| column.name != "op");
    envelope
        .map(|column| (column.name, column.ty))
        .chain(table.def().columns.iter().map(|column| (column.name, column.ty)))
}

impl Column {
    fn new(name: &'static str, ty: ColumnType) -> Column {
        let open = match ty {
            ColumnType::Date
            | ColumnType::Month
            | ColumnType::Timestamp
            | ColumnType::Int
            | ColumnType::Sek
            | ColumnType::Bool => Open::Numbers(Vec::new()),
            _ => Open::Texts { text: String::new(), ends: Vec::new() },
        };
        Column { name, ty, full: Vec::new(), open }
    }

    fn bytes(&self) -> usize {
        let full: usize = self.full.iter().map(|cells| size_of::<PackedColumn>() + cells.bytes()).sum();
        full + match &self.open {
            Open::Numbers(numbers) => numbers.capacity() * size_of::<Option<i64>>(),
            Open::Texts { text, ends } => text.capacity() + ends.capacity() * size_of::<i64>(),
        }
    }

    fn pack(&mut self) {
        let cells = match &mut self.open {
            Open::Numbers(numbers) => {
                let packed = Packed::new(numbers, self.ty == ColumnType::Timestamp);
                numbers.clear();
                PackedColumn::Numbers(packed)
            }
            Open::Texts { text, ends } => {
                let values: Vec<Option<&str>> = (0..ends.len()).map(|at| open_text(text, ends, at)).collect();
                let packed = Texts::new(&values);
                text.clear();
                ends.clear();
                PackedColumn::Texts(packed)
            }
        };
        self.full.push(Arc::new(cells));
    }

    #[inline]
    fn number(&self, row: RowId) -> Option<i64> {
        let (segment, at) = (row.0 as usize / SEGMENT_ROWS, row.0 as usize % SEGMENT_ROWS);
        match (self.full.get(segment).map(Arc::as_ref), &self.open) {
            (Some(PackedColumn::Numbers(packed)), _) => packed.get(at),
            (None, Open::Numbers(numbers)) => numbers.get(at).copied().flatten(),
            _ => None,
        }
    }

    fn value(&self, row: RowId) -> Value {
        let text = || {
            let mut text = String::new();
            self.write(row, &mut text).then_some(text)
        };
        let value = match self.ty {
            ColumnType::Date | ColumnType::Month => self.number(row).map(|day| Value::Day(day as i32)),
            ColumnType::Timestamp => self.number(row).map(Value::Instant),
            ColumnType::Int | ColumnType::Sek => self.number(row).map(Value::Int),
            ColumnType::Bool => self.number(row).map(|value| Value::Bool(value != 0)),
            ColumnType::CodeList => {
                text().map(|text| Value::List(text.split_terminator(ITEM_END).map(Into::into).collect()))
            }
            _ => text().map(|text| Value::Text(text.into())),
        };
        value.unwrap_or(Value::Null)
    }

    /// Writes a row's text; false if it is null.
    #[inline]
    fn write(&self, row: RowId, out: &mut impl Write) -> bool {
        let (segment, at) = (row.0 as usize / SEGMENT_ROWS, row.0 as usize % SEGMENT_ROWS);
        match (self.full.get(segment).map(Arc::as_ref), &self.open) {
            (Some(PackedColumn::Texts(texts)), _) => texts.write(at, out),
            (None, Open::Texts { text, ends }) => {
                open_text(text, ends, at).is_some_and(|text| out.write_str(text).is_ok())
            }
            _ => false,
        }
    }

    #[inline]
    fn is(&self, row: RowId, text: &str) -> bool {
        let mut rest = Rest(Some(text));
        self.write(row, &mut rest);
        rest.0 == Some("")
    }

    fn texts<T: AsRef<str>>(&self, rows: impl Iterator<Item = (RowId, T)>) -> ArrayRef {
        let mut builder = StringBuilder::with_capacity(rows.size_hint().0, rows.size_hint().0 * 20);
        let mut text = String::new();
        for (row, before) in rows {
            text.clear();
            text.push_str(before.as_ref());
            builder.append_option(self.write(row, &mut text).then_some(&text));
        }
        Arc::new(builder.finish())
    }

    fn lists(&self, rows: impl Iterator<Item = RowId>) -> ArrayRef {
        let mut builder = ListBuilder::new(StringBuilder::new());
        let mut text = String::new();
        for row in rows {
            text.clear();
            let is_known = self.write(row, &mut text);
            for item in text.split_terminator(ITEM_END) {
                builder.values().append_value(item);
            }
            builder.append(is_known);
        }
        Arc::new(builder.finish())
    }
}

impl PackedColumn {
    fn bytes(&self) -> usize {
        match self {
            PackedColumn::Numbers(packed) => packed.bytes(),
            PackedColumn::Texts(texts) => texts.bytes(),
        }
    }
}

#[inline]
fn open_text<'a>(text: &'a str, ends: &[i64], at: usize) -> Option<&'a str> {
    let end = *ends.get(at)?;
    let from = at.checked_sub(1).map_or(0, |before| ends[before] & i64::MAX);
    (end >= 0).then(|| &text[from as usize..end as usize])
}

impl Open {
    fn len(&self) -> usize {
        match self {
            Open::Numbers(numbers) => numbers.len(),
            Open::Texts { ends, .. } => ends.len(),
        }
    }

    /// Appends a value. A value of another kind than the column's is stored as null; decode has checked the kinds.
    #[inline]
    fn push(&mut self, value: ValueRef<'_>) {
        match self {
            Open::Numbers(numbers) => numbers.push(match value {
                ValueRef::Int(value) => Some(value),
                ValueRef::Bool(value) => Some(i64::from(value)),
                _ => None,
            }),
            Open::Texts { text, ends } => {
                let is_null = match value {
                    ValueRef::Text(value) => {
                        text.push_str(value);
                        false
                    }
                    ValueRef::List(items) => {
                        for item in items {
                            text.push_str(item);
                            text.push(ITEM_END);
                        }
                        false
                    }
                    _ => true,
                };
                ends.push(if is_null { text.len() as i64 | i64::MIN } else { text.len() as i64 });
            }
        }
    }
}

/// A value to be appended to a column. Instants and days are `Int`.
#[derive(Clone, Copy)]
enum ValueRef<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Text(&'a str),
    List(&'a [Box<str>]),
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> ValueRef<'a> {
        match value {
            Value::Null => ValueRef::Null,
            Value::Bool(value) => ValueRef::Bool(*value),
            Value::Int(value) | Value::Instant(value) => ValueRef::Int(*value),
            Value::Day(day) => ValueRef::Int(i64::from(*day)),
            Value::Text(text) => ValueRef::Text(text),
            Value::List(items) => ValueRef::List(items),
        }
    }
}

/// The rest of a text that is being compared with what is written; `None` once the two differ.
struct Rest<'a>(Option<&'a str>);

impl Write for Rest<'_> {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        self.0 = self.0.and_then(|rest| rest.strip_prefix(part));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};

    use super::*;

    /// A record whose values differ from row to row, some of them null.
    fn record(table: TableId, row: i64) -> Record {
        let values = table.def().columns.iter().enumerate().map(|(at, column)| match column.ty {
            _ if (row + at as i64) % 5 == 0 => Value::Null,
            ColumnType::Date | ColumnType::Month => Value::Day((row % 700) as i32 - 100),
            ColumnType::Timestamp => Value::Instant(row * 1_000_000),
            ColumnType::Int | ColumnType::Sek => Value::Int(row * row),
            ColumnType::Bool => Value::Bool(row % 2 == 0),
            ColumnType::CodeList => Value::List((0..row % 3).map(|item| format!("C{item}").into()).collect()),
            ColumnType::Code => Value::Text(format!("code{}", row % 9).into()),
            _ => Value::Text(format!("p{:07}-{}", row * 7919 % 10_000_000, at).into()),
        });
        Record {
            table,
            subject: "p".into(),
            record_key: format!("agi:{}:{:02}", row / 12, row % 12).into(),
            version: row,
            op: Op::Upsert,
            event_time: EventTime(row * 86_400_000_000),
            registered_at: row * 1_000,
            known_time: KnownTime(row),
            schema_ver: 1,
            source: "agi".into(),
            purpose: "permit_control".into(),
            secrecy_class: row % 4,
            values: values.collect(),
        }
    }

    fn read(array: &ArrayRef, at: usize, ty: ColumnType) -> Value {
        if array.is_null(at) {
            return Value::Null;
        }
        match ty {
            ColumnType::Date | ColumnType::Month => Value::Day(array.as_primitive::<Date32Type>().value(at)),
            ColumnType::Timestamp => Value::Instant(array.as_primitive::<TimestampMicrosecondType>().value(at)),
            ColumnType::Int | ColumnType::Sek => Value::Int(array.as_primitive::<Int64Type>().value(at)),
            ColumnType::Bool => Value::Bool(array.as_boolean().value(at)),
            ColumnType::CodeList => {
                let items = array.as_list::<i32>().value(at);
                Value::List(items.as_string::<i32>().iter().flatten().map(Into::into).collect())
            }
            _ => Value::Text(array.as_string::<i32>().value(at).into()),
        }
    }

    #[test]
    fn rows_come_out_as_they_went_in_packed_or_not() {
        for table in [TableId::Permits, TableId::Population, TableId::Payments, TableId::IdentifierHolders] {
            let rows = SEGMENT_ROWS as i64 + 500;
            let mut store = Store::new(table);
            let told: Vec<Record> = (0..rows).map(|row| record(table, row)).collect();
            for (row, record) in told.iter().enumerate() {
                assert_eq!(store.append(record), RowId(row as u32));
            }
            let ids = || (0..rows as u32).rev().map(RowId);
            for (at, column) in table.def().columns.iter().enumerate() {
                let array = store.gather(store.column(column.name).unwrap(), ids());
                assert_eq!(array.data_type(), &column.ty.arrow());
                for (place, row) in ids().enumerate() {
                    assert_eq!(read(&array, place, column.ty), told[row.0 as usize].values[at], "{}", column.name);
                }
            }
            for (row, record) in ids().zip(told.iter().rev()) {
                assert_eq!(store.text("record_key", row).as_deref(), Some(&*record.record_key));
                assert_eq!(store.int("registered_at", row), Some(record.registered_at));
                assert_eq!(store.int("secrecy_class", row), Some(record.secrecy_class));
                assert_eq!(store.version(row), record.version);
                assert!(store.has_key(row, &record.record_key) && !store.has_key(row, "agi:"));
            }
            assert_eq!(store.text("op", RowId(0)), None, "the index says it");
            assert_eq!(store.int("version", RowId(rows as u32)), None);
            let tagged = store.gather_after(store.column("record_key").unwrap(), [(RowId(1), "\u{1}0007")].into_iter());
            assert_eq!(tagged.as_string::<i32>().value(0), "\u{1}0007agi:0:01");
        }
    }
}

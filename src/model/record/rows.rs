//! Rows of one table in columns, as a recorded file has them: many records without making a `Record` of each.
//!
//! Texts that repeat (codes, employers) are stored once, with a number in each row. The caller has checked that the values would
//! pass as records.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int32Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Int32Type};

use crate::model::record::{Op, Record, Value};
use crate::model::schema::{ColumnType, TableId};
use crate::model::time::{Day, EventTime, KnownTime};

/// Positions of a file's columns (see [`crate::model::schema::Table::file_schema`]).
pub const SUBJECT: usize = 0;
pub const SCHEMA_VER: usize = 1;
pub const RECORD_KEY: usize = 2;
pub const ROW_VERSION: usize = 3;
pub const OP: usize = 4;
pub const EVENT_TIME: usize = 5;
pub const REGISTERED_AT: usize = 6;
pub const SOURCE: usize = 7;
pub const PURPOSE: usize = 8;
pub const SECRECY_CLASS: usize = 9;
pub const KNOWN_TIME: usize = 10;
pub const ARRIVAL_NO: usize = 11;
/// The first of the table's own columns.
pub const OWN: usize = 12;

/// Some rows of a table.
#[derive(Debug)]
pub struct RecordRows {
    pub table: TableId,
    columns: Vec<RecordColumn>,
    ops: Vec<Op>,
    /// Columns that are read of every row.
    versions: Whole,
    event_times: Whole,
    registered_at: Whole,
    known_times: Whole,
    arrival_nos: Whole,
}

/// The numbers of a column without nulls.
type Whole = ScalarBuffer<i64>;

/// A column.
#[derive(Debug)]
pub enum RecordColumn {
    /// Every row is null.
    Null,
    /// Every row has this number.
    Same(i64),
    Ints(Int64Array),
    Instants(TimestampMicrosecondArray),
    Days(Date32Array),
    Flags(BooleanArray),
    Texts(StringArray),
    /// By row the index of its text, and the texts.
    Codes(Int32Array, StringArray),
    Lists(ListArray),
}

/// Some of the rows: those of one shard.
#[derive(Clone, Copy, Debug)]
pub struct ShardRows<'a> {
    pub rows: &'a RecordRows,
    pub at: &'a [u32],
    /// Number of runs of rows about one person.
    pub runs: usize,
}

/// A row, with the index of its [`ShardRows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowAt {
    pub part: u32,
    pub row: u32,
}

/// The records of all parts in the order (known_time, arrival_no), then in the order of the parts.
pub fn records(parts: &[ShardRows<'_>]) -> impl ExactSizeIterator<Item = Record> {
    let mut places: Vec<(i64, i64, RowAt)> = Vec::new();
    for (part, own) in parts.iter().enumerate() {
        let known = |row: u32| (own.rows.known_time(row as usize), own.rows.arrival_no(row as usize));
        places.extend(own.at.iter().map(|row| (known(*row).0, known(*row).1, RowAt { part: part as u32, row: *row })));
    }
    places.sort_unstable();
    places.into_iter().map(|(.., at)| parts[at.part as usize].rows.record(at.row as usize))
}

impl RecordRows {
    /// Makes rows from columns in the file schema; a column with repeating texts may be dictionary-coded.
    pub fn new(table: TableId, columns: &[ArrayRef]) -> RecordRows {
        let len = columns.get(SUBJECT).map_or(0, |subjects| subjects.len());
        let columns: Vec<RecordColumn> = columns.iter().map(RecordColumn::new).collect();
        let of_text = |text: Option<&str>| text.and_then(Op::from_name).unwrap_or(Op::Upsert);
        let ops = match columns.get(OP) {
            Some(RecordColumn::Codes(_, texts)) => {
                let ops: Vec<Op> = texts.iter().map(of_text).collect();
                let op = |row| columns[OP].code(row).and_then(|code| ops.get(code).copied());
                (0..len).map(|row| op(row).unwrap_or(Op::Upsert)).collect()
            }
            column => (0..len).map(|row| of_text(column.and_then(|column| column.text(row)))).collect(),
        };
        let whole = |at: usize| match columns.get(at) {
            Some(RecordColumn::Ints(array)) => array.values().clone(),
            Some(RecordColumn::Instants(array)) => array.values().clone(),
            Some(RecordColumn::Same(number)) => vec![*number; len].into(),
            _ => vec![0; len].into(),
        };
        let [versions, event_times, registered_at, known_times, arrival_nos] =
            [ROW_VERSION, EVENT_TIME, REGISTERED_AT, KNOWN_TIME, ARRIVAL_NO].map(whole);
        RecordRows { table, ops, versions, event_times, registered_at, known_times, arrival_nos, columns }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    #[inline]
    pub fn column(&self, at: usize) -> &RecordColumn {
        self.columns.get(at).unwrap_or(&RecordColumn::Null)
    }

    #[inline]
    pub fn subject(&self, row: usize) -> &str {
        self.column(SUBJECT).text(row).unwrap_or_default()
    }

    #[inline]
    pub fn record_key(&self, row: usize) -> &str {
        self.column(RECORD_KEY).text(row).unwrap_or_default()
    }

    #[inline]
    pub fn version(&self, row: usize) -> i64 {
        self.versions[row]
    }

    #[inline]
    pub fn op(&self, row: usize) -> Op {
        self.ops[row]
    }

    #[inline]
    pub fn event_time(&self, row: usize) -> i64 {
        self.event_times[row]
    }

    #[inline]
    pub fn registered_at(&self, row: usize) -> i64 {
        self.registered_at[row]
    }

    #[inline]
    pub fn known_time(&self, row: usize) -> i64 {
        self.known_times[row]
    }

    #[inline]
    pub fn arrival_no(&self, row: usize) -> i64 {
        self.arrival_nos[row]
    }

    /// A day of one of the table's own columns.
    #[inline]
    pub fn day(&self, column: usize, row: usize) -> Option<Day> {
        self.column(OWN + column).number(row).map(|day| Day(day as i32))
    }

    pub fn record(&self, row: usize) -> Record {
        let op = self.op(row);
        let own = self.table.def().columns.iter().zip(&self.columns[OWN..]);
        let mut values: Vec<Value> = own.map(|(column, cells)| cells.value(row, column.ty)).collect();
        if op == Op::Retract && values.iter().all(|value| *value == Value::Null) {
            values.clear();
        }
        let text = |column: usize| self.column(column).text(row).unwrap_or_default().into();
        Record {
            table: self.table,
            subject: text(SUBJECT),
            schema_ver: self.column(SCHEMA_VER).number(row).unwrap_or_default(),
            record_key: text(RECORD_KEY),
            version: self.version(row),
            op,
            event_time: EventTime(self.event_time(row)),
            registered_at: self.registered_at(row),
            source: text(SOURCE),
            purpose: text(PURPOSE),
            secrecy_class: self.column(SECRECY_CLASS).number(row).unwrap_or_default(),
            known_time: KnownTime(self.known_time(row)),
            values,
        }
    }
}

impl RecordColumn {
    pub fn new(array: &ArrayRef) -> RecordColumn {
        if array.logical_null_count() == array.len() {
            return RecordColumn::Null;
        }
        let cells = match array.data_type() {
            DataType::Int64 => array.as_primitive_opt().map(RecordColumn::of_ints),
            DataType::Timestamp(..) => array.as_primitive_opt().cloned().map(RecordColumn::Instants),
            DataType::Date32 => array.as_primitive_opt().cloned().map(RecordColumn::Days),
            DataType::Boolean => array.as_boolean_opt().cloned().map(RecordColumn::Flags),
            DataType::Utf8 => array.as_string_opt().cloned().map(RecordColumn::Texts),
            DataType::List(_) => array.as_list_opt().cloned().map(RecordColumn::Lists),
            DataType::Dictionary(..) => array.as_dictionary_opt::<Int32Type>().and_then(|codes| {
                let texts = codes.values().as_string_opt::<i32>()?;
                Some(RecordColumn::Codes(codes.keys().clone(), texts.clone()))
            }),
            _ => None,
        };
        cells.unwrap_or(RecordColumn::Null)
    }

    fn of_ints(array: &Int64Array) -> RecordColumn {
        match array.values().first() {
            Some(first) if array.null_count() == 0 && array.values().iter().all(|value| value == first) => {
                RecordColumn::Same(*first)
            }
            _ => RecordColumn::Ints(array.clone()),
        }
    }

    /// A number; instants, days and flags are numbers.
    #[inline]
    pub fn number(&self, row: usize) -> Option<i64> {
        match self {
            RecordColumn::Same(number) => Some(*number),
            RecordColumn::Ints(array) if is_valid(array.nulls(), row) => Some(array.value(row)),
            RecordColumn::Instants(array) if is_valid(array.nulls(), row) => Some(array.value(row)),
            RecordColumn::Days(array) if is_valid(array.nulls(), row) => Some(i64::from(array.value(row))),
            RecordColumn::Flags(array) if is_valid(array.nulls(), row) => Some(i64::from(array.value(row))),
            _ => None,
        }
    }

    #[inline]
    pub fn text(&self, row: usize) -> Option<&str> {
        match self {
            RecordColumn::Texts(array) if is_valid(array.nulls(), row) => Some(array.value(row)),
            RecordColumn::Codes(_, texts) => Some(texts.value(self.code(row)?)),
            _ => None,
        }
    }

    /// Index of a row's text among the column's texts.
    #[inline]
    pub fn code(&self, row: usize) -> Option<usize> {
        match self {
            RecordColumn::Codes(codes, texts) if is_valid(codes.nulls(), row) => {
                let code = codes.value(row) as usize;
                (code < texts.len() && is_valid(texts.nulls(), code)).then_some(code)
            }
            _ => None,
        }
    }

    /// The items of a list.
    pub fn items(&self, row: usize) -> Option<StringArray> {
        match self {
            RecordColumn::Lists(array) if is_valid(array.nulls(), row) => {
                array.value(row).as_string_opt::<i32>().cloned()
            }
            _ => None,
        }
    }

    fn value(&self, row: usize, ty: ColumnType) -> Value {
        let value = match ty {
            ColumnType::Int | ColumnType::Sek => self.number(row).map(Value::Int),
            ColumnType::Timestamp => self.number(row).map(Value::Instant),
            ColumnType::Date | ColumnType::Month => self.number(row).map(|day| Value::Day(stored(day, ty) as i32)),
            ColumnType::Bool => self.number(row).map(|flag| Value::Bool(flag != 0)),
            ColumnType::CodeList => {
                self.items(row).map(|items| Value::List(items.iter().flatten().map(Into::into).collect()))
            }
            _ => self.text(row).map(|text| Value::Text(text.into())),
        };
        value.unwrap_or(Value::Null)
    }
}

#[inline]
fn is_valid(nulls: Option<&NullBuffer>, row: usize) -> bool {
    match nulls {
        Some(nulls) => nulls.is_valid(row),
        None => true,
    }
}

/// The number that is stored for a value of a column: for a month, that of its first day.
#[inline]
pub fn stored(number: i64, ty: ColumnType) -> i64 {
    if ty != ColumnType::Month {
        return number;
    }
    let day = Day(number as i32);
    i64::from(day.first_of_month().unwrap_or(day).0)
}

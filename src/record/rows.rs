//! Rows of one table in columns, as a recorded file has them: many records without making each.
//!
//! What repeats (codes, employers) stands once, with a number in each row. Whoever makes them has checked that the values would
//! pass as records.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int32Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Int32Type};

use crate::record::{Op, Record, Value};
use crate::schema::{ColumnType, TableId};
use crate::time::{Day, EventTime, KnownTime};

/// Where the columns of a file stand (see [`crate::schema::Table::file_schema`]).
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
/// The first of the table's own.
pub const OWN: usize = 12;

/// Some rows of a table.
#[derive(Debug)]
pub struct Rows {
    pub table: TableId,
    columns: Vec<Cells>,
    ops: Vec<Op>,
    /// What is asked of every row.
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
pub enum Cells {
    /// No row has a value.
    Null,
    /// All have this number.
    Same(i64),
    Ints(Int64Array),
    Instants(TimestampMicrosecondArray),
    Days(Date32Array),
    Flags(BooleanArray),
    Texts(StringArray),
    /// Which of the texts each row has.
    Codes(Int32Array, StringArray),
    Lists(ListArray),
}

/// Some of the rows, those of one shard.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    pub rows: &'a Rows,
    pub at: &'a [u32],
    /// Runs of rows about one person among them.
    pub runs: usize,
}

/// A row, by the number of the [`Own`] that it is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub part: u32,
    pub row: u32,
}

/// The records of all parts in the order (known_time, arrival_no), then as they stand.
pub fn records(parts: &[Own<'_>]) -> impl ExactSizeIterator<Item = Record> {
    let mut places: Vec<(i64, i64, Place)> = Vec::new();
    for (part, own) in parts.iter().enumerate() {
        let known = |row: u32| (own.rows.known_time(row as usize), own.rows.arrival_no(row as usize));
        places.extend(own.at.iter().map(|row| (known(*row).0, known(*row).1, Place { part: part as u32, row: *row })));
    }
    places.sort_unstable();
    places.into_iter().map(|(.., at)| parts[at.part as usize].rows.record(at.row as usize))
}

impl Rows {
    /// From columns as the file schema has them; what repeats may have a dictionary.
    pub fn new(table: TableId, columns: &[ArrayRef]) -> Rows {
        let len = columns.get(SUBJECT).map_or(0, |subjects| subjects.len());
        let columns: Vec<Cells> = columns.iter().map(Cells::new).collect();
        let of_text = |text: Option<&str>| text.and_then(Op::from_name).unwrap_or(Op::Upsert);
        let ops = match columns.get(OP) {
            Some(Cells::Codes(_, texts)) => {
                let ops: Vec<Op> = texts.iter().map(of_text).collect();
                let op = |row| columns[OP].code(row).and_then(|code| ops.get(code).copied());
                (0..len).map(|row| op(row).unwrap_or(Op::Upsert)).collect()
            }
            column => (0..len).map(|row| of_text(column.and_then(|column| column.text(row)))).collect(),
        };
        let whole = |at: usize| match columns.get(at) {
            Some(Cells::Ints(array)) => array.values().clone(),
            Some(Cells::Instants(array)) => array.values().clone(),
            Some(Cells::Same(number)) => vec![*number; len].into(),
            _ => vec![0; len].into(),
        };
        let [versions, event_times, registered_at, known_times, arrival_nos] =
            [ROW_VERSION, EVENT_TIME, REGISTERED_AT, KNOWN_TIME, ARRIVAL_NO].map(whole);
        Rows { table, ops, versions, event_times, registered_at, known_times, arrival_nos, columns }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    #[inline]
    pub fn column(&self, at: usize) -> &Cells {
        self.columns.get(at).unwrap_or(&Cells::Null)
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

impl Cells {
    pub fn new(array: &ArrayRef) -> Cells {
        if array.logical_null_count() == array.len() {
            return Cells::Null;
        }
        let cells = match array.data_type() {
            DataType::Int64 => array.as_primitive_opt().map(Cells::of_ints),
            DataType::Timestamp(..) => array.as_primitive_opt().cloned().map(Cells::Instants),
            DataType::Date32 => array.as_primitive_opt().cloned().map(Cells::Days),
            DataType::Boolean => array.as_boolean_opt().cloned().map(Cells::Flags),
            DataType::Utf8 => array.as_string_opt().cloned().map(Cells::Texts),
            DataType::List(_) => array.as_list_opt().cloned().map(Cells::Lists),
            DataType::Dictionary(..) => array.as_dictionary_opt::<Int32Type>().and_then(|codes| {
                let texts = codes.values().as_string_opt::<i32>()?;
                Some(Cells::Codes(codes.keys().clone(), texts.clone()))
            }),
            _ => None,
        };
        cells.unwrap_or(Cells::Null)
    }

    fn of_ints(array: &Int64Array) -> Cells {
        match array.values().first() {
            Some(first) if array.null_count() == 0 && array.values().iter().all(|value| value == first) => {
                Cells::Same(*first)
            }
            _ => Cells::Ints(array.clone()),
        }
    }

    /// A number; instants and days are numbers, and so is whether a flag is set.
    #[inline]
    pub fn number(&self, row: usize) -> Option<i64> {
        match self {
            Cells::Same(number) => Some(*number),
            Cells::Ints(array) if is_valid(array.nulls(), row) => Some(array.value(row)),
            Cells::Instants(array) if is_valid(array.nulls(), row) => Some(array.value(row)),
            Cells::Days(array) if is_valid(array.nulls(), row) => Some(i64::from(array.value(row))),
            Cells::Flags(array) if is_valid(array.nulls(), row) => Some(i64::from(array.value(row))),
            _ => None,
        }
    }

    #[inline]
    pub fn text(&self, row: usize) -> Option<&str> {
        match self {
            Cells::Texts(array) if is_valid(array.nulls(), row) => Some(array.value(row)),
            Cells::Codes(_, texts) => Some(texts.value(self.code(row)?)),
            _ => None,
        }
    }

    /// Where a row's text stands among those that rows have.
    #[inline]
    pub fn code(&self, row: usize) -> Option<usize> {
        match self {
            Cells::Codes(codes, texts) if is_valid(codes.nulls(), row) => {
                let code = codes.value(row) as usize;
                (code < texts.len() && is_valid(texts.nulls(), code)).then_some(code)
            }
            _ => None,
        }
    }

    /// The items of a list.
    pub fn items(&self, row: usize) -> Option<StringArray> {
        match self {
            Cells::Lists(array) if is_valid(array.nulls(), row) => array.value(row).as_string_opt::<i32>().cloned(),
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

/// The number that stands for a value of a column: a month's is its first day.
#[inline]
pub fn stored(number: i64, ty: ColumnType) -> i64 {
    if ty != ColumnType::Month {
        return number;
    }
    let day = Day(number as i32);
    i64::from(day.first_of_month().unwrap_or(day).0)
}

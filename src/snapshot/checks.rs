//! Whether the rows of a batch would pass as messages: a snapshot brings in nothing that the topic could not.
//!
//! Column by column, with the checks of the decoder for values that are typed already. The first row that fails is named.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};
use rustc_hash::FxHashSet;

use crate::decode::{BadRecord, PURPOSES, SCHEMA_VERSION, typed};
use crate::record::Op;
use crate::schema::{Column, ColumnType, ENVELOPE, TableId};

/// Where the columns of a file stand (see [`crate::schema::Table::file_schema`]).
pub(super) const SUBJECT: usize = 0;
pub(super) const SCHEMA_VER: usize = 1;
pub(super) const RECORD_KEY: usize = 2;
pub(super) const ROW_VERSION: usize = 3;
pub(super) const OP: usize = 4;
pub(super) const EVENT_TIME: usize = 5;
pub(super) const REGISTERED_AT: usize = 6;
pub(super) const SOURCE: usize = 7;
pub(super) const PURPOSE: usize = 8;
pub(super) const SECRECY_CLASS: usize = 9;
pub(super) const KNOWN_TIME: usize = 10;
pub(super) const ARRIVAL_NO: usize = 11;
pub(super) const OWN: usize = 12;

/// The first row that would not pass, and why.
pub(super) fn check(table: TableId, columns: &[ArrayRef]) -> Result<(), (usize, String)> {
    let mut first = First(None);
    for (at, name) in [(SUBJECT, "person_id"), (KNOWN_TIME, "known_time"), (ARRIVAL_NO, "arrival_no")] {
        first.whole(&columns[at], name);
    }
    for (column, at) in ENVELOPE.iter().zip(SCHEMA_VER..) {
        first.whole(&columns[at], column.name);
    }
    if let Some(failed) = first.0 {
        return Err(failed);
    }
    let key = |_: &ColumnType, text: &str| typed::text("the message key", text);
    first.texts(&columns[SUBJECT], &ColumnType::Text, key);
    first.numbers(&columns[SCHEMA_VER], |version| version == SCHEMA_VERSION, "unknown_schema: schema_ver is not 1");
    first.texts(&columns[RECORD_KEY], &ColumnType::Text, |_, text| typed::text("record_key", text));
    let ops: Vec<Option<Op>> = columns[OP].as_string::<i32>().iter().map(|op| Op::from_name(op?)).collect();
    if let Some(row) = ops.iter().position(Option::is_none) {
        first.note(row, || "op is none of upsert, correct, retract".to_owned());
    }
    for at in [EVENT_TIME, REGISTERED_AT] {
        first.instants(&columns[at], ENVELOPE[at - SCHEMA_VER].name);
    }
    first.texts(&columns[SOURCE], &ColumnType::Code, |_, text| typed::text("source", text));
    first.texts(&columns[PURPOSE], &ColumnType::Code, |_, text| typed::listed("purpose", text, PURPOSES));
    first.numbers(&columns[SECRECY_CLASS], |class| (0..=4).contains(&class), "wrong_type: secrecy_class is not 0 to 4");
    for (column, array) in table.def().columns.iter().zip(&columns[OWN..]) {
        first.column(table, column, array, &ops);
    }
    first.0.map_or(Ok(()), Err)
}

struct First(Option<(usize, String)>);

impl First {
    fn note(&mut self, row: usize, message: impl FnOnce() -> String) {
        if self.0.as_ref().is_none_or(|(first, _)| row < *first) {
            self.0 = Some((row, message()));
        }
    }

    fn refuse(&mut self, row: usize, bad: &BadRecord) {
        self.note(row, || format!("{}: {}", bad.reason.name(), bad.detail));
    }

    /// No nulls.
    fn whole(&mut self, array: &ArrayRef, name: &str) {
        if array.null_count() > 0
            && let Some(row) = (0..array.len()).find(|row| array.is_null(*row))
        {
            self.note(row, || format!("{name} is null"));
        }
    }

    /// A column of the table's own.
    fn column(&mut self, table: TableId, column: &Column, array: &ArrayRef, ops: &[Option<Op>]) {
        if column.required && array.null_count() > 0 {
            let is_missing = |row: &usize| array.is_null(*row) && ops[*row] != Some(Op::Retract);
            if let Some(row) = (0..array.len()).find(is_missing) {
                self.note(row, || format!("wrong_type: {} is missing", column.name));
            }
        }
        if array.null_count() == array.len() {
            return;
        }
        match column.ty {
            ColumnType::Bool => {}
            ColumnType::Int | ColumnType::Sek => {
                let message = format!("wrong_type: {} is not below 10^12", column.name);
                self.numbers(array, typed::is_number, &message);
            }
            ColumnType::Timestamp => self.instants(array, column.name),
            ColumnType::Date | ColumnType::Month => {
                let days = array.as_primitive::<Date32Type>();
                let bad = days.iter().position(|day| day.is_some_and(|day| typed::day(column.name, day).is_err()));
                if let Some((row, Err(bad))) = bad.map(|row| (row, typed::day(column.name, days.value(row)))) {
                    self.refuse(row, &bad);
                }
            }
            ColumnType::CodeList => {
                let lists = array.as_list::<i32>();
                for row in (0..lists.len()).filter(|row| !lists.is_null(*row)) {
                    let items = lists.value(row);
                    let items: Vec<&str> = items.as_string::<i32>().iter().flatten().collect();
                    if let Err(bad) = typed::list(table, column.name, &items) {
                        self.refuse(row, &bad);
                        return;
                    }
                }
            }
            ty => self.texts(array, &ty, |ty, text| typed::text_of(table, column.name, *ty, text)),
        }
    }

    /// Codes repeat: each is checked once.
    fn texts(&mut self, array: &ArrayRef, ty: &ColumnType, check: impl Fn(&ColumnType, &str) -> Result<(), BadRecord>) {
        let repeat = matches!(ty, ColumnType::Code | ColumnType::Employer | ColumnType::Institution);
        let mut good: FxHashSet<&str> = FxHashSet::default();
        for (row, text) in array.as_string::<i32>().iter().enumerate() {
            let Some(text) = text.filter(|text| !good.contains(text)) else { continue };
            match check(ty, text) {
                Ok(()) if repeat => {
                    good.insert(text);
                }
                Ok(()) => {}
                Err(bad) => {
                    self.refuse(row, &bad);
                    return;
                }
            }
        }
    }

    fn numbers(&mut self, array: &ArrayRef, is_good: impl Fn(i64) -> bool, message: &str) {
        let numbers = array.as_primitive::<Int64Type>();
        if let Some(row) = numbers.iter().position(|number| number.is_some_and(|number| !is_good(number))) {
            self.note(row, || message.to_owned());
        }
    }

    fn instants(&mut self, array: &ArrayRef, name: &'static str) {
        let instants = array.as_primitive::<TimestampMicrosecondType>();
        for (row, instant) in instants.iter().enumerate() {
            if let Some(Err(bad)) = instant.map(|instant| typed::instant(name, instant)) {
                self.refuse(row, &bad);
                return;
            }
        }
    }
}

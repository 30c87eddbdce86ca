//! Whether the rows of a batch would pass as messages: a snapshot brings in nothing that the topic could not.
//!
//! Column by column, with the checks of the decoder for values that are typed already, each text that repeats once. A column is
//! looked at as a whole first: row by row only if something may be wrong with it. The first row that fails is named.

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, ListArray, StringArray};
use arrow::compute::{max, min};
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use rustc_hash::FxHashSet;

use crate::decode::{BadRecord, PURPOSES, SCHEMA_VERSION, TEXT_MAX_BYTES, typed};
use crate::record::rows::{
    ARRIVAL_NO, Cells, EVENT_TIME, KNOWN_TIME, OP, OWN, PURPOSE, RECORD_KEY, REGISTERED_AT, SCHEMA_VER, SECRECY_CLASS,
    SOURCE, SUBJECT,
};
use crate::record::{Op, Reason};
use crate::schema::{Column, ColumnType, ENVELOPE, TableId};

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
    first.plain(&columns[SUBJECT], "the message key");
    first.numbers(&columns[SCHEMA_VER], |version| version == SCHEMA_VERSION, "unknown_schema: schema_ver is not 1");
    first.plain(&columns[RECORD_KEY], "record_key");
    let op = |text: &str| Op::from_name(text).map(drop).ok_or_else(unknown_op);
    first.texts(&columns[OP], op);
    for at in [EVENT_TIME, REGISTERED_AT] {
        first.instants(&columns[at], ENVELOPE[at - SCHEMA_VER].name);
    }
    first.texts(&columns[SOURCE], |text| typed::text("source", text));
    first.texts(&columns[PURPOSE], |text| typed::listed("purpose", text, PURPOSES));
    first.numbers(&columns[SECRECY_CLASS], |class| (0..=4).contains(&class), "wrong_type: secrecy_class is not 0 to 4");
    for (column, array) in table.def().columns.iter().zip(&columns[OWN..]) {
        first.column(table, column, array, &columns[OP]);
    }
    first.0.map_or(Ok(()), Err)
}

fn unknown_op() -> BadRecord {
    BadRecord { reason: Reason::UnknownOp, detail: "op is none of upsert, correct, retract".to_owned() }
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
    fn column(&mut self, table: TableId, column: &Column, array: &ArrayRef, ops: &ArrayRef) {
        if column.required && array.null_count() > 0 {
            let ops = Cells::new(ops);
            let is_missing = |row: &usize| array.is_null(*row) && ops.text(*row) != Some(Op::Retract.name());
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
                self.bounded::<Date32Type>(array, |day| typed::day(column.name, day));
            }
            ColumnType::CodeList => {
                self.lists(array.as_list::<i32>(), |items| typed::list(table, column.name, items));
            }
            ColumnType::Code | ColumnType::Employer | ColumnType::PersonNumber | ColumnType::Institution => {
                self.texts(array, |text| typed::text_of(table, column.name, column.ty, text));
            }
            _ => self.plain(array, column.name),
        }
    }

    /// Texts that repeat are checked once each.
    fn texts(&mut self, array: &ArrayRef, check: impl Fn(&str) -> Result<(), BadRecord>) {
        let Some(codes) = array.as_dictionary_opt::<Int32Type>() else {
            self.each_text(array.as_string::<i32>(), check);
            return;
        };
        let texts = codes.values().as_string::<i32>();
        let bad: Vec<Option<BadRecord>> = texts.iter().map(|text| check(text?).err()).collect();
        if bad.iter().all(Option::is_none) {
            return;
        }
        let bad_of = |row: usize| bad.get(codes.key(row)?)?.as_ref();
        if let Some((row, bad)) = (0..codes.len()).find_map(|row| Some((row, bad_of(row)?))) {
            self.refuse(row, bad);
        }
    }

    fn each_text(&mut self, texts: &StringArray, check: impl Fn(&str) -> Result<(), BadRecord>) {
        let bad = |(row, text): (usize, Option<&str>)| Some((row, check(text?).err()?));
        if let Some((row, bad)) = texts.iter().enumerate().find_map(bad) {
            self.refuse(row, &bad);
        }
    }

    /// Lists repeat as their items do: those of one item, which are most, are checked once each.
    fn lists(&mut self, lists: &ListArray, check: impl Fn(&[&str]) -> Result<(), BadRecord>) {
        let texts = lists.values().as_string::<i32>();
        let mut good: FxHashSet<&str> = FxHashSet::default();
        let mut items: Vec<&str> = Vec::new();
        for row in 0..lists.len() {
            if lists.is_null(row) {
                continue;
            }
            let ends = lists.value_offsets();
            items.clear();
            for at in ends[row] as usize..ends[row + 1] as usize {
                if texts.is_valid(at) {
                    items.push(texts.value(at));
                }
            }
            match items[..] {
                [item] if good.contains(item) => continue,
                [item] if check(&[item]).is_ok() => {
                    good.insert(item);
                }
                _ => {
                    if let Err(bad) = check(&items) {
                        self.refuse(row, &bad);
                        return;
                    }
                }
            }
        }
    }

    /// Texts of no certain form.
    fn plain(&mut self, array: &ArrayRef, name: &'static str) {
        let texts = array.as_string::<i32>();
        let ends = texts.value_offsets();
        let (from, to) = (ends[0] as usize, ends[texts.len()] as usize);
        // Without a branch for each byte they are looked at many at a time.
        let lengths = || ends.windows(2).map(|ends| (ends[1] - ends[0]) as usize);
        let longest = lengths().fold(0, usize::max);
        let empty = lengths().filter(|length| *length == 0).count();
        let mut odd = false;
        for byte in &texts.value_data()[from..to] {
            odd |= !(0x20..0x7f).contains(byte);
        }
        if odd || longest > TEXT_MAX_BYTES || empty != texts.null_count() {
            self.each_text(texts, |text| typed::text(name, text));
        }
    }

    fn numbers(&mut self, array: &ArrayRef, is_good: impl Fn(i64) -> bool, message: &str) {
        let numbers = array.as_primitive::<Int64Type>();
        if [min(numbers), max(numbers)].into_iter().flatten().all(&is_good) {
            return;
        }
        if let Some(row) = numbers.iter().position(|number| number.is_some_and(|number| !is_good(number))) {
            self.note(row, || message.to_owned());
        }
    }

    fn instants(&mut self, array: &ArrayRef, name: &'static str) {
        self.bounded::<TimestampMicrosecondType>(array, |instant| typed::instant(name, instant));
    }

    /// Values between two bounds: all are if the least and the greatest are.
    fn bounded<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef, check: impl Fn(T::Native) -> Result<(), BadRecord>)
    where
        T::Native: ArrowNativeTypeOp,
    {
        let values = array.as_primitive::<T>();
        if [min(values), max(values)].into_iter().flatten().all(|value| check(value).is_ok()) {
            return;
        }
        let bad = |(row, value): (usize, Option<T::Native>)| Some((row, check(value?).err()?));
        if let Some((row, bad)) = values.iter().enumerate().find_map(bad) {
            self.refuse(row, &bad);
        }
    }
}

//! Checks whether the rows of a file would pass as messages: a file may bring in nothing that the topic could not.
//!
//! The checks are the decoder's checks for typed values, made column by column; a text that repeats is checked once. A column is
//! first checked as a whole, and row by row only if something may be wrong with it. A fault is reported by row, column and reason,
//! never by value.

use std::fmt;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, ListArray, StringArray};
use arrow::compute::{max, min};
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use rustc_hash::FxHashSet;

use crate::decode::codes::{OPS, PURPOSES};
use crate::decode::{BadRecord, SCHEMA_VERSION, TEXT_MAX_BYTES, typed};
use crate::model::record::rows::{
    ARRIVAL_NO, EVENT_TIME, KNOWN_TIME, OP, OWN, PURPOSE, RECORD_KEY, REGISTERED_AT, ROW_VERSION, RecordColumn,
    SCHEMA_VER, SECRECY_CLASS, SOURCE, SUBJECT,
};
use crate::model::record::{Op, Reason};
use crate::model::schema::{Column, ColumnType, ENVELOPE, Feed, TableId};
use crate::model::time::KnownTime;

/// How many faults are reported of one column, and of a file; the others are only counted.
const FAULTS_OF_COLUMN: usize = 5;
const FAULTS_OF_FILE: usize = 20;

/// The faults of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The first faults of each column.
    found: Vec<Fault>,
    count: usize,
}

/// A value that would not pass, or a whole column if there is no row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Counted from 0; `None` for the whole column.
    pub row: Option<usize>,
    pub column: &'static str,
    pub message: String,
}

impl Faults {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Number of values that would not pass.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first faults, by row.
    pub fn told(&self) -> Vec<&Fault> {
        let mut told: Vec<&Fault> = self.found.iter().collect();
        told.sort();
        told.truncate(FAULTS_OF_FILE);
        told
    }

    pub fn has(&self, column: &str) -> bool {
        self.found.iter().any(|fault| fault.column == column)
    }

    /// Adds the faults of rows that begin at row `first_row` of the file.
    pub fn add(&mut self, first_row: usize, other: Faults) {
        let told = other.found.len();
        for fault in other.found {
            let is_whole = fault.row.is_none();
            let row = fault.row.map(|row| row + first_row);
            // A column of a wrong type is wrong in every batch: report it once.
            if is_whole && self.found.iter().any(|known| known.row.is_none() && known.column == fault.column) {
                continue;
            }
            self.note(row, fault.column, || fault.message);
        }
        self.count += other.count - told;
    }

    pub(crate) fn note(&mut self, row: Option<usize>, column: &'static str, message: impl FnOnce() -> String) {
        self.count += 1;
        if self.found.iter().filter(|fault| fault.column == column).count() < FAULTS_OF_COLUMN {
            self.found.push(Fault { row, column, message: message() });
        }
    }

    fn refuse(&mut self, row: usize, column: &'static str, bad: &BadRecord) {
        self.note(Some(row), column, || bad.detail.clone());
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.told();
        for (at, fault) in told.iter().enumerate() {
            let begin = if at == 0 { "" } else { "\n" };
            match fault.row {
                Some(row) => write!(f, "{begin}  row {row}, column {}: {}", fault.column, fault.message)?,
                None => write!(f, "{begin}  column {}: {}", fault.column, fault.message)?,
            }
        }
        match self.count.saturating_sub(told.len()) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Position of the known times in `clocks.parquet`.
const CLOCK_KNOWN_TIME: usize = 1;

/// Adds the faults of rows of a table. `None` stands for a column whose fault has been reported already.
pub fn check(table: TableId, columns: &[Option<ArrayRef>], faults: &mut Faults) {
    let has = |at: usize| columns.get(at).and_then(Option::as_ref);
    let mut check = Check(faults);
    for (at, name) in [(KNOWN_TIME, "known_time"), (ARRIVAL_NO, "arrival_no")] {
        has(at).inspect(|array| check.whole(array, name));
    }
    if table.is_person() {
        has(SUBJECT).inspect(|array| check.whole(array, "person_id"));
    }
    for (column, at) in ENVELOPE.iter().zip(SCHEMA_VER..) {
        has(at).inspect(|array| check.whole(array, column.name));
    }
    has(SUBJECT).inspect(|array| check.plain(array, "person_id"));
    has(SCHEMA_VER).inspect(|array| {
        let words = format!("unknown_schema: schema_ver is not {SCHEMA_VERSION}");
        check.numbers(array, "schema_ver", |version| version == SCHEMA_VERSION, &words);
    });
    has(RECORD_KEY).inspect(|array| check.plain(array, "record_key"));
    has(OP).inspect(|array| check.texts(array, "op", op));
    for at in [EVENT_TIME, REGISTERED_AT, KNOWN_TIME] {
        let name = if at == KNOWN_TIME { "known_time" } else { ENVELOPE[at - SCHEMA_VER].name };
        has(at).inspect(|array| check.instants(array, name));
    }
    has(SOURCE).inspect(|array| check.texts(array, "source", |text| typed::source(table, text)));
    has(PURPOSE).inspect(|array| check.texts(array, "purpose", |text| typed::listed("purpose", text, PURPOSES)));
    has(SECRECY_CLASS).inspect(|array| {
        let words = "secrecy_class is not 0 to 4";
        check.numbers(array, "secrecy_class", |class| typed::secrecy_class(class).is_ok(), words);
    });
    has(ARRIVAL_NO).inspect(|array| {
        check.numbers(array, "arrival_no", |number| number >= 0, "arrival_no is below 0");
    });
    debug_assert!(ENVELOPE[ROW_VERSION - SCHEMA_VER].name == "version");
    for (column, at) in table.def().columns.iter().zip(OWN..) {
        has(at).inspect(|array| check.column(table, column, array, has(OP)));
    }
    for (first, last) in typed::spans(table) {
        if let (Some(from), Some(to)) = (has(OWN + first), has(OWN + last)) {
            check.span(table, (first, last), [from, to], has(OP));
        }
    }
}

/// The same for the file of clock messages.
pub(crate) fn check_clocks(columns: &[Option<ArrayRef>], faults: &mut Faults) {
    let has = |at: usize| columns.get(at).and_then(Option::as_ref);
    let mut check = Check(faults);
    has(0).inspect(|feeds| {
        check.whole(feeds, "feed");
        check.texts(feeds, "feed", |name| match Feed::from_name(name).filter(|feed| !feed.is_internal()) {
            Some(_) => Ok(()),
            None => {
                Err(BadRecord { reason: Reason::WrongType, detail: "feed is none of the registers' feeds".to_owned() })
            }
        });
    });
    has(CLOCK_KNOWN_TIME).inspect(|times| {
        check.whole(times, "known_time");
        check.instants(times, "known_time");
    });
}

/// Adds a fault for each known time of a table or of the clocks that is later than the file can have been written.
pub(crate) fn check_known(table: Option<TableId>, columns: &[Option<ArrayRef>], until: KnownTime, faults: &mut Faults) {
    let at = if table.is_some() { KNOWN_TIME } else { CLOCK_KNOWN_TIME };
    let Some(times) = columns.get(at).and_then(Option::as_ref) else { return };
    Check(faults).bounded::<TimestampMicrosecondType>(times, "known_time", |time| {
        if time <= until.0 {
            return Ok(());
        }
        let detail = format!("known_time lies ahead of {until}, up to which it can be true");
        Err(BadRecord { reason: Reason::FutureKnownTime, detail })
    });
}

fn op(text: &str) -> Result<(), BadRecord> {
    if Op::from_name(text).is_some() {
        return Ok(());
    }
    let codes: Vec<&str> = OPS.iter().map(|(code, _)| *code).collect();
    Err(BadRecord { reason: Reason::UnknownOp, detail: format!("op is none of {}", codes.join(", ")) })
}

/// Whether a row is a retraction.
fn retractions(ops: Option<&ArrayRef>) -> impl Fn(usize) -> bool {
    let ops = ops.map(RecordColumn::new);
    move |row| ops.as_ref().and_then(|ops| ops.text(row)) == Some(Op::Retract.name())
}

struct Check<'f>(&'f mut Faults);

impl Check<'_> {
    /// Adds a fault for each null.
    fn whole(&mut self, array: &ArrayRef, name: &'static str) {
        if array.logical_null_count() == 0 {
            return;
        }
        let nulls = array.logical_nulls();
        for row in (0..array.len()).filter(|row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(*row))) {
            self.0.note(Some(row), name, || format!("{name} is missing"));
        }
    }

    /// Checks a column of the table's own (not of the envelope).
    fn column(&mut self, table: TableId, column: &Column, array: &ArrayRef, ops: Option<&ArrayRef>) {
        let name = column.name;
        if column.required && array.logical_null_count() > 0 {
            let retracts = retractions(ops);
            let nulls = array.logical_nulls();
            let is_missing = |row: &usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(*row)) && !retracts(*row);
            for row in (0..array.len()).filter(is_missing) {
                self.0.note(Some(row), name, || format!("{name} is missing"));
            }
        }
        if array.logical_null_count() == array.len() {
            return;
        }
        match column.ty {
            ColumnType::Bool => {}
            ColumnType::Int | ColumnType::Sek => {
                self.numbers(array, name, typed::is_number, &format!("{name} is not below 10^12"));
            }
            ColumnType::Timestamp => self.instants(array, name),
            ColumnType::Date => self.bounded::<Date32Type>(array, name, |day| typed::day(name, day)),
            ColumnType::Month => self.days_of_months(array, name),
            ColumnType::CodeList => {
                self.lists(array.as_list::<i32>(), name, |items| typed::list(table, name, items));
            }
            ColumnType::Code | ColumnType::Employer | ColumnType::PersonNumber | ColumnType::Institution => {
                self.texts(array, name, |text| typed::text_of(table, name, column.ty, text));
            }
            _ => self.plain(array, name),
        }
    }

    /// Checks the first and last days of a span.
    fn span(&mut self, table: TableId, columns: (usize, usize), days: [&ArrayRef; 2], ops: Option<&ArrayRef>) {
        let retracts = retractions(ops);
        let [from, to] = days.map(|days| days.as_primitive::<Date32Type>());
        for (row, days) in from.iter().zip(to).enumerate() {
            if let (Some(from), Some(to)) = days
                && let Err(bad) = typed::span(table, columns, from, to)
                && !retracts(row)
            {
                self.0.refuse(row, table.def().columns[columns.1].name, &bad);
            }
        }
    }

    /// Checks each distinct text once.
    fn texts(&mut self, array: &ArrayRef, name: &'static str, check: impl Fn(&str) -> Result<(), BadRecord>) {
        let Some(codes) = array.as_dictionary_opt::<Int32Type>() else {
            self.each_text(array.as_string::<i32>(), name, check);
            return;
        };
        let texts = codes.values().as_string::<i32>();
        let bad: Vec<Option<BadRecord>> = texts.iter().map(|text| check(text?).err()).collect();
        if bad.iter().all(Option::is_none) {
            return;
        }
        for row in 0..codes.len() {
            if let Some(bad) = codes.key(row).and_then(|code| bad.get(code)?.as_ref()) {
                self.0.refuse(row, name, bad);
            }
        }
    }

    fn each_text(&mut self, texts: &StringArray, name: &'static str, check: impl Fn(&str) -> Result<(), BadRecord>) {
        for (row, text) in texts.iter().enumerate() {
            if let Some(bad) = text.and_then(|text| check(text).err()) {
                self.0.refuse(row, name, &bad);
            }
        }
    }

    /// Checks lists. Lists of one item, which are most, are checked once per distinct item.
    fn lists(&mut self, lists: &ListArray, name: &'static str, check: impl Fn(&[&str]) -> Result<(), BadRecord>) {
        let texts = lists.values().as_string::<i32>();
        let mut good: FxHashSet<&str> = FxHashSet::default();
        let mut items: Vec<&str> = Vec::new();
        let ends = lists.value_offsets();
        for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
            let own = ends[row] as usize..ends[row + 1] as usize;
            items.clear();
            items.extend(own.clone().filter(|at| texts.is_valid(*at)).map(|at| texts.value(at)));
            if items.len() < own.len() {
                self.0.note(Some(row), name, || format!("{name} holds a null"));
                continue;
            }
            match items[..] {
                [item] if good.contains(item) => continue,
                [item] if check(&[item]).is_ok() => {
                    good.insert(item);
                }
                _ => {
                    if let Err(bad) = check(&items) {
                        self.0.refuse(row, name, &bad);
                    }
                }
            }
        }
    }

    /// Checks texts that have no particular form.
    fn plain(&mut self, array: &ArrayRef, name: &'static str) {
        let texts = array.as_string::<i32>();
        let ends = texts.value_offsets();
        let (from, to) = (ends[0] as usize, ends[texts.len()] as usize);
        // Without a branch per byte, the compiler checks many bytes at once.
        let lengths = || ends.windows(2).map(|ends| (ends[1] - ends[0]) as usize);
        let longest = lengths().fold(0, usize::max);
        let empty = lengths().filter(|length| *length == 0).count();
        let mut odd = false;
        for byte in &texts.value_data()[from..to] {
            odd |= !(0x20..0x7f).contains(byte);
        }
        if odd || longest > TEXT_MAX_BYTES || empty != texts.null_count() {
            self.each_text(texts, name, |text| typed::text(name, text));
        }
    }

    fn numbers(&mut self, array: &ArrayRef, name: &'static str, is_good: impl Fn(i64) -> bool, message: &str) {
        let numbers = array.as_primitive::<Int64Type>();
        if [min(numbers), max(numbers)].into_iter().flatten().all(&is_good) {
            return;
        }
        for (row, number) in numbers.iter().enumerate() {
            if number.is_some_and(|number| !is_good(number)) {
                self.0.note(Some(row), name, || message.to_owned());
            }
        }
    }

    fn instants(&mut self, array: &ArrayRef, name: &'static str) {
        self.bounded::<TimestampMicrosecondType>(array, name, |instant| typed::instant(name, instant));
    }

    /// Checks that values lie between two bounds: all do if the least and the greatest do.
    fn bounded<T: ArrowPrimitiveType>(
        &mut self,
        array: &ArrayRef,
        name: &'static str,
        check: impl Fn(T::Native) -> Result<(), BadRecord>,
    ) where
        T::Native: ArrowNativeTypeOp,
    {
        let values = array.as_primitive::<T>();
        if [min(values), max(values)].into_iter().flatten().all(|value| check(value).is_ok()) {
            return;
        }
        for (row, value) in values.iter().enumerate() {
            if let Some(bad) = value.and_then(|value| check(value).err()) {
                self.0.refuse(row, name, &bad);
            }
        }
    }

    /// Checks days of months: a repeated day is checked once.
    fn days_of_months(&mut self, array: &ArrayRef, name: &'static str) {
        let mut good: FxHashSet<i32> = FxHashSet::default();
        for (row, day) in array.as_primitive::<Date32Type>().iter().enumerate() {
            let Some(day) = day.filter(|day| !good.contains(day)) else { continue };
            match typed::month(name, day) {
                Ok(()) => {
                    good.insert(day);
                }
                Err(bad) => self.0.refuse(row, name, &bad),
            }
        }
    }
}

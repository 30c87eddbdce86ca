//! The decoder's checks of typed values: for messages and for the columns of a file.

use super::codes::{self, SOURCES};
use super::{BadRecord, LIST_MAX_ITEMS, NUMBER_LIMIT, bad, check_code, check_number, check_text, impossible, wrong};
use crate::model::record::Reason;
use crate::model::schema::{ColumnType, TableId};
use crate::model::time::{Day, MICROS_PER_DAY};

pub(crate) use super::check_listed as listed;
pub(crate) use super::check_text as text;

/// Checks a text of a table's column.
pub(crate) fn text_of(table: TableId, name: &'static str, ty: ColumnType, text: &str) -> Result<(), BadRecord> {
    match ty {
        ColumnType::Employer | ColumnType::PersonNumber => check_number(name, ty, text),
        ColumnType::Code => check_code(table, name, text),
        _ => check_text(name, text),
    }
}

/// Checks where a record comes from; a link record's source names the texts that made it.
pub(crate) fn source(table: TableId, source: &str) -> Result<(), BadRecord> {
    if table.is_link() { check_text("source", source) } else { listed("source", source, SOURCES) }
}

pub(crate) fn secrecy_class(class: i64) -> Result<(), BadRecord> {
    let last = codes::SECRECY_CLASSES.len() as i64 - 1;
    if (0..=last).contains(&class) { Ok(()) } else { wrong("secrecy_class is not 0 to 4") }
}

pub(crate) fn length(name: &'static str, items: usize) -> Result<(), BadRecord> {
    if items > LIST_MAX_ITEMS {
        return wrong(&format!("{name} has more than {LIST_MAX_ITEMS} items"));
    }
    Ok(())
}

pub(crate) fn list(table: TableId, name: &'static str, items: &[&str]) -> Result<(), BadRecord> {
    length(name, items.len())?;
    items.iter().try_for_each(|item| check_code(table, name, item))
}

pub(crate) fn is_number(number: i64) -> bool {
    -NUMBER_LIMIT < number && number < NUMBER_LIMIT
}

pub(crate) fn day(name: &'static str, day: i32) -> Result<(), BadRecord> {
    if (Day::FIRST..=Day::LAST).contains(&Day(day)) { Ok(()) } else { impossible(name) }
}

/// Columns that hold the first and the last day of one span.
const SPANS: [(&str, &str); 3] = [("valid_from", "valid_to"), ("period_from", "period_to"), ("starts_on", "ends_on")];

/// The spans of a table, by the positions of its columns.
pub(crate) fn spans(table: TableId) -> impl Iterator<Item = (usize, usize)> {
    let def = table.def();
    let place = move |name: &str| def.columns.iter().position(|column| column.name == name);
    SPANS.into_iter().filter_map(move |(first, last)| Some((place(first)?, place(last)?)))
}

/// Checks that a span does not end before it begins.
pub(crate) fn span(table: TableId, (first, last): (usize, usize), from: i32, to: i32) -> Result<(), BadRecord> {
    if from <= to {
        return Ok(());
    }
    let name = |at: usize| table.def().columns[at].name;
    bad(Reason::ImpossibleDate, &format!("{} lies before {}", name(last), name(first)))
}

/// Checks that a month is its first day: another day would be rounded down without anyone noticing.
pub(crate) fn month(name: &'static str, number: i32) -> Result<(), BadRecord> {
    day(name, number)?;
    if Day(number).first_of_month() == Some(Day(number)) {
        return Ok(());
    }
    bad(Reason::ImpossibleDate, &format!("{name} is a day within a month; a month is YYYY-MM, or its first day"))
}

pub(crate) fn instant(name: &'static str, instant: i64) -> Result<(), BadRecord> {
    let bounds = Day::FIRST.instant()..Day::LAST.instant() + MICROS_PER_DAY;
    if bounds.contains(&instant) { Ok(()) } else { impossible(name) }
}

//! The decoder's checks for values that come typed, as those of a snapshot do.

use super::{BadRecord, LIST_MAX_ITEMS, NUMBER_LIMIT, check_code, check_number, check_text, impossible, wrong};
use crate::schema::{ColumnType, TableId};
use crate::time::{Day, MICROS_PER_DAY};

pub(crate) use super::check_listed as listed;
pub(crate) use super::check_text as text;

/// A text of a table's column.
pub(crate) fn text_of(table: TableId, name: &'static str, ty: ColumnType, text: &str) -> Result<(), BadRecord> {
    match ty {
        ColumnType::Employer | ColumnType::PersonNumber => check_number(name, ty, text),
        ColumnType::Code => check_code(table, name, text),
        _ => check_text(name, text),
    }
}

pub(crate) fn list(table: TableId, name: &'static str, items: &[&str]) -> Result<(), BadRecord> {
    if items.len() > LIST_MAX_ITEMS {
        return wrong(&format!("{name} has more than {LIST_MAX_ITEMS} items"));
    }
    items.iter().try_for_each(|item| check_code(table, name, item))
}

pub(crate) fn is_number(number: i64) -> bool {
    -NUMBER_LIMIT < number && number < NUMBER_LIMIT
}

pub(crate) fn day(name: &'static str, day: i32) -> Result<(), BadRecord> {
    if (Day::FIRST..=Day::LAST).contains(&Day(day)) { Ok(()) } else { impossible(name) }
}

pub(crate) fn instant(name: &'static str, instant: i64) -> Result<(), BadRecord> {
    let bounds = Day::FIRST.instant()..Day::LAST.instant() + MICROS_PER_DAY;
    if bounds.contains(&instant) { Ok(()) } else { impossible(name) }
}

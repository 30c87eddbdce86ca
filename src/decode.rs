//! Decodes a payload to a typed record, or to the reason why it cannot.
//!
//! Invariants, whatever the bytes:
//! - decoding never panics, and takes time and memory in proportion to the payload, whose size `max_bytes` limits;
//! - a decoded record has one value per column of its table (none, if it is a retraction without values), every date within
//!   1900-2199, every number below 10^12, every text at most [`TEXT_MAX_BYTES`] (link records: numbers may be versions of records, and
//!   keys are made of several texts), no text with control characters (the engine tags identifiers with U+0001), every identity number with a right check digit, every closed code from its list;
//! - the description of a bad message names members of the schema, never a value and never a member that the schema does not have.
//!
//! The engine decides scope and misrouting before decoding, without parsing, and time limits (`future`, `too_late`) after it.

pub(crate) mod codes;
pub(crate) mod columns;
pub(crate) mod exact;
mod fields;
mod plain;
pub(crate) mod typed;
mod wire;

use crate::model::identity;
use crate::model::record::{Lent, Op, Reason, Record, Value};
use crate::model::schema::{ColumnType, ENVELOPE, Feed, Table, TableId};
use crate::model::time::{Day, EventTime, parse_day, parse_instant};
use fields::Fields;
use wire::{Member, Scalar};

pub use codes::{Codes, PERMIT_CLASSES, PURPOSES, codes_of, is_country_column};

/// The version of the schema that this program reads.
pub const SCHEMA_VERSION: i64 = 1;
/// Longest key, identifier, code or text.
pub const TEXT_MAX_BYTES: usize = 256;
/// Longest key of a link record: it may combine several keys of records.
const LINK_KEY_MAX_BYTES: usize = 8 * TEXT_MAX_BYTES;
/// Most items of a list (citizenships).
pub const LIST_MAX_ITEMS: usize = 32;
/// Numbers and amounts of registers lie strictly between minus and plus this.
pub const NUMBER_LIMIT: i64 = 1_000_000_000_000;

/// A decoded message.
#[derive(Debug)]
pub struct Decoded {
    pub record: Record,
    /// Members that match no column: skipped and counted, so that an adapter with a newer schema is noticed.
    pub unknown_fields: u32,
}

/// A message to quarantine, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    pub reason: Reason,
    /// Names members of the schema, never values.
    pub detail: String,
}

/// Decodes a message that is not a clock message.
pub fn decode<'m>(message: impl Into<Lent<'m>>, max_bytes: usize) -> Result<Decoded, BadRecord> {
    let message = message.into();
    let (key, payload) = match (message.key, message.payload) {
        (Some(key), Some(payload)) if !key.is_empty() => (key, payload),
        (Some(key), _) if !key.is_empty() => return bad(Reason::Empty, "a key without a value"),
        _ => return bad(Reason::Empty, "a value without a key"),
    };
    if payload.len() > max_bytes {
        return bad(Reason::Oversized, &format!("{} bytes, the limit is {max_bytes}", payload.len()));
    }
    let subject = subject(message.feed, key)?;
    let (table, mut fields) = match plain::fields(message.feed, payload) {
        Some(plain) => plain,
        None => any_fields(message.feed, payload)?,
    };
    let envelope = Envelope::take(table, &mut fields)?;
    let values = values(table.def(), fields.columns, envelope.op)?;
    Ok(Decoded {
        record: Record {
            table,
            subject,
            record_key: envelope.record_key,
            version: envelope.version,
            op: envelope.op,
            event_time: envelope.event_time,
            registered_at: envelope.registered_at,
            known_time: message.known_time,
            schema_ver: SCHEMA_VERSION,
            source: envelope.source,
            purpose: envelope.purpose,
            secrecy_class: envelope.secrecy_class,
            values,
        },
        unknown_fields: fields.unknown,
    })
}

/// The members of a payload in any JSON form, each in its place.
fn any_fields(feed: Feed, payload: &[u8]) -> Result<(TableId, Fields<'_>), BadRecord> {
    let Some(members) = wire::members(payload) else {
        return bad(Reason::Malformed, "not one flat JSON object in UTF-8");
    };
    let table = table_of(feed, &members)?;
    Fields::sort(table.def(), members).map(|fields| (table, fields))
}

/// The message key: subject id, or the key of a reference record.
fn subject(feed: Feed, key: &[u8]) -> Result<Box<str>, BadRecord> {
    match std::str::from_utf8(key) {
        Ok(key) => check_key("the message key", key, feed.is_internal()).map(|()| key.into()),
        Err(_) => bad(Reason::Malformed, "the message key is not UTF-8"),
    }
}

/// The table that the member `table` names; if it is absent, the feed's only table.
fn table_of(feed: Feed, members: &[Member<'_>]) -> Result<TableId, BadRecord> {
    let mut tables = feed.tables();
    let (first, is_only) = (tables.next(), tables.next().is_none());
    let named = members.iter().find(|member| member.name == "table").map(|member| &member.value);
    match (named, first) {
        (None | Some(Scalar::Null), Some(only)) if is_only => Ok(only),
        (None | Some(Scalar::Null), _) => wrong("table is missing, and the feed carries more than one"),
        (Some(Scalar::Text(name)), _) => match TableId::from_name(name) {
            Some(table) if table.def().feed == feed => Ok(table),
            _ => bad(Reason::UnknownTable, &format!("table is none of the feed {}", feed.name())),
        },
        (Some(_), _) => wrong("table is not text"),
    }
}

/// The members that every record carries, checked.
struct Envelope {
    record_key: Box<str>,
    version: i64,
    op: Op,
    event_time: EventTime,
    registered_at: i64,
    source: Box<str>,
    purpose: Box<str>,
    secrecy_class: i64,
}

impl Envelope {
    /// Checks the schema version first: with another version, nothing else can be judged.
    fn take(table: TableId, fields: &mut Fields<'_>) -> Result<Envelope, BadRecord> {
        let mut index = 0;
        let mut next = || {
            let column = &ENVELOPE[index];
            let value = fields.envelope[index].take();
            index += 1;
            match value {
                None | Some(Scalar::Null) => wrong(&format!("{} is missing", column.name)),
                Some(value) => Ok((column.name, value)),
            }
        };
        let (name, value) = next()?;
        if integer(name, &value)? != SCHEMA_VERSION {
            return bad(Reason::UnknownSchema, &format!("schema_ver is not {SCHEMA_VERSION}"));
        }
        let (name, value) = next()?;
        let record_key = as_text(name, &value)?;
        check_key(name, record_key, table.is_link())?;
        let record_key = record_key.into();
        let (name, value) = next()?;
        let version = integer(name, &value)?;
        let (name, value) = next()?;
        let Some(op) = Op::from_name(as_text(name, &value)?) else {
            return bad(Reason::UnknownOp, "op is none of upsert, correct, retract");
        };
        let (name, value) = next()?;
        let event_time = EventTime(day_or_instant(name, &value)?);
        let (name, value) = next()?;
        let registered_at = instant(name, as_text(name, &value)?)?;
        let (name, value) = next()?;
        let source = as_text(name, &value)?;
        typed::source(table, source)?;
        let source = source.into();
        let (name, value) = next()?;
        let purpose = listed(name, as_text(name, &value)?, codes::PURPOSES)?;
        let (name, value) = next()?;
        let secrecy_class = integer(name, &value)?;
        typed::secrecy_class(secrecy_class)?;
        Ok(Envelope { record_key, version, op, event_time, registered_at, source, purpose, secrecy_class })
    }
}

/// One value per column; none for a retraction without values.
fn values(table: &Table, fields: Vec<Option<Scalar<'_>>>, op: Op) -> Result<Vec<Value>, BadRecord> {
    let mut values = Vec::with_capacity(fields.len());
    let mut says_something = false;
    for (column, field) in table.columns.iter().zip(fields) {
        let value = match field {
            None | Some(Scalar::Null) if column.required && op != Op::Retract => {
                return wrong(&format!("{} is missing", column.name));
            }
            None | Some(Scalar::Null) => Value::Null,
            Some(scalar) => {
                says_something = true;
                value(table.id, column.name, column.ty, &scalar)?
            }
        };
        values.push(value);
    }
    if op != Op::Retract {
        for (first, last) in typed::spans(table.id) {
            if let (Value::Day(from), Value::Day(to)) = (&values[first], &values[last]) {
                typed::span(table.id, (first, last), *from, *to)?;
            }
        }
    }
    if op == Op::Retract && !says_something {
        values.clear();
    }
    Ok(values)
}

fn value(table: TableId, name: &'static str, ty: ColumnType, scalar: &Scalar<'_>) -> Result<Value, BadRecord> {
    use ColumnType::*;
    Ok(match ty {
        Person | OtherPerson | Permit | RecordKey | Record | Institution | Hash | Text => {
            Value::Text(identifier(name, scalar)?)
        }
        Employer | PersonNumber => {
            let number = as_text(name, scalar)?;
            check_number(name, ty, number)?;
            Value::Text(number.into())
        }
        Code => Value::Text(code(table, name, as_text(name, scalar)?)?),
        CodeList => {
            let Scalar::List(items) = scalar else {
                return wrong(&format!("{name} is not an array of text"));
            };
            typed::length(name, items.len())?;
            Value::List(items.iter().map(|item| code(table, name, item)).collect::<Result<_, _>>()?)
        }
        Date => Value::Day(day(name, as_text(name, scalar)?)?.0),
        Month => Value::Day(month(name, as_text(name, scalar)?)?.0),
        Timestamp => Value::Instant(instant(name, as_text(name, scalar)?)?),
        Int | Sek => {
            let number = integer(name, scalar)?;
            // A link record's numbers may be versions of records, which the register assigns.
            if !table.is_link() && !typed::is_number(number) {
                return wrong(&format!("{name} is not below 10^12"));
            }
            Value::Int(number)
        }
        Bool => match scalar {
            Scalar::Bool(value) => Value::Bool(*value),
            _ => return wrong(&format!("{name} is not true or false")),
        },
    })
}

fn check_number(name: &'static str, ty: ColumnType, number: &str) -> Result<(), BadRecord> {
    let is_good = match ty {
        ColumnType::Employer => identity::is_employer_number(number),
        _ => identity::is_person_number(number),
    };
    if !is_good {
        return bad(Reason::BadNumber, &format!("{name} is not 12 digits with a date and check digit that hold"));
    }
    Ok(())
}

fn code(table: TableId, name: &'static str, text_of: &str) -> Result<Box<str>, BadRecord> {
    check_code(table, name, text_of).map(|()| text_of.into())
}

fn check_code(table: TableId, name: &'static str, code: &str) -> Result<(), BadRecord> {
    if let Some(list) = codes::codes_of(table, name) {
        return check_listed(name, code, list);
    }
    if codes::is_country_column(name) && !table.is_link() && !codes::is_country(code) {
        return wrong(&format!("{name} is no country's ISO 3166-1 alpha-3 code"));
    }
    match codes::form_of(table, name) {
        Some(form) if !form.fits(code) => wrong(&format!("{name} is not {}", form.words())),
        _ => check_text(name, code),
    }
}

fn listed(name: &'static str, code: &str, list: codes::Codes) -> Result<Box<str>, BadRecord> {
    check_listed(name, code, list).map(|()| code.into())
}

pub(crate) fn check_listed(name: &'static str, code: &str, list: codes::Codes) -> Result<(), BadRecord> {
    if codes::is_listed(list, code) {
        return Ok(());
    }
    let other_case = list.iter().any(|(listed, _)| listed.eq_ignore_ascii_case(code));
    wrong(&format!("{name} is none of its codes{}", if other_case { ": it is written in another case" } else { "" }))
}

fn identifier(name: &'static str, scalar: &Scalar<'_>) -> Result<Box<str>, BadRecord> {
    text(name, as_text(name, scalar)?)
}

fn as_text<'s>(name: &'static str, scalar: &'s Scalar<'_>) -> Result<&'s str, BadRecord> {
    match scalar {
        Scalar::Text(text) => Ok(text),
        _ => wrong(&format!("{name} is not text")),
    }
}

/// Text of 1 to [`TEXT_MAX_BYTES`] bytes without control characters.
fn text(name: &'static str, text: &str) -> Result<Box<str>, BadRecord> {
    check_text(name, text).map(|()| text.into())
}

pub(crate) fn check_text(name: &'static str, text: &str) -> Result<(), BadRecord> {
    check_text_up_to(TEXT_MAX_BYTES, name, text)
}

/// The key of a record, or of its message.
fn check_key(name: &'static str, key: &str, is_link: bool) -> Result<(), BadRecord> {
    check_text_up_to(if is_link { LINK_KEY_MAX_BYTES } else { TEXT_MAX_BYTES }, name, key)
}

fn check_text_up_to(most: usize, name: &'static str, text: &str) -> Result<(), BadRecord> {
    if text.is_empty() {
        return wrong(&format!("{name} is empty"));
    }
    if text.len() > most {
        return wrong(&format!("{name} is longer than {most} bytes"));
    }
    // Nearly all text is ASCII, which is checked many bytes at once.
    let has_control = if text.is_ascii() {
        text.bytes().any(|byte| byte.is_ascii_control())
    } else {
        text.chars().any(char::is_control)
    };
    if has_control {
        return wrong(&format!("{name} holds a control character"));
    }
    Ok(())
}

fn integer(name: &'static str, scalar: &Scalar<'_>) -> Result<i64, BadRecord> {
    match scalar {
        Scalar::Int(number) => Ok(*number),
        _ => wrong(&format!("{name} is not a whole number")),
    }
}

fn day(name: &'static str, text: &str) -> Result<Day, BadRecord> {
    let Some(day) = parse_day(text) else { return impossible(name) };
    typed::day(name, day.0).map(|()| day)
}

/// `YYYY-MM`, or the first of the month.
fn month(name: &'static str, text: &str) -> Result<Day, BadRecord> {
    let first = if text.len() == 7 && text.is_ascii() { parse_day(&format!("{text}-01")) } else { None };
    let day = first.map_or_else(|| day(name, text), Ok)?;
    typed::month(name, day.0).map(|()| day)
}

fn instant(name: &'static str, text: &str) -> Result<i64, BadRecord> {
    let Some(instant) = parse_instant(text) else { return impossible(name) };
    typed::instant(name, instant).map(|()| instant)
}

fn day_or_instant(name: &'static str, scalar: &Scalar<'_>) -> Result<i64, BadRecord> {
    day_or_instant_text(name, as_text(name, scalar)?)
}

fn day_or_instant_text(name: &'static str, text: &str) -> Result<i64, BadRecord> {
    if text.len() == 10 { day(name, text).map(Day::instant) } else { instant(name, text) }
}

fn impossible<T>(name: &'static str) -> Result<T, BadRecord> {
    bad(Reason::ImpossibleDate, &format!("{name} does not exist, has another form, or lies outside 1900-2199"))
}

fn wrong<T>(detail: &str) -> Result<T, BadRecord> {
    bad(Reason::WrongType, detail)
}

fn bad<T>(reason: Reason, detail: &str) -> Result<T, BadRecord> {
    Err(BadRecord { reason, detail: detail.to_owned() })
}

#[cfg(test)]
mod tests;

//! Units: a unit is a person at an as_of. The rows of many units are gathered into one set of tables, so that one execution of a
//! plan evaluates any number of units, even several of one person.
//!
//! Every identifier in those tables carries the tag of its unit, so that an equality of identifiers keeps the rows of one unit
//! together. A tag is U+0001 and four more characters. Decoding refuses U+0001, so a tag can be removed wherever an identifier ends
//! up. Reference rows are gathered per unit too: a unit sees them as of its own time.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, StringArray, StringBuilder, TimestampMicrosecondArray, UInt32Array};

use crate::history::{History, PersonNo, Store, Version};
use crate::model::purpose::Purpose;
use crate::model::schema::{ColumnType, TableId};
use crate::model::time::KnownTime;

/// A person as known at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    pub person: PersonNo,
    pub as_of: KnownTime,
}

/// What some plan reads of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    pub table: TableId,
    /// Whether all versions are read, or only the latest ones.
    pub history: bool,
    /// The columns that are read, by position in [`crate::model::schema::Table::rule_columns`].
    pub columns: Vec<Option<ColumnSource>>,
}

/// Where a column's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnSource {
    /// The unit's subject.
    Person,
    /// The index: the store has no column for it.
    KnownFrom,
    IsLatest,
    FirstKnown,
    Op,
    /// The record and its version, as SQL names them (a reference).
    Record,
    /// A column of the store, by position.
    Stored {
        column: usize,
        is_tagged: bool,
    },
}

impl ColumnSource {
    /// Whether the values carry the tag of their unit.
    pub fn is_tagged(self) -> bool {
        matches!(self, ColumnSource::Person | ColumnSource::Record | ColumnSource::Stored { is_tagged: true, .. })
    }
}

impl Demand {
    /// `used`: for each position in [`crate::model::schema::Table::rule_columns`], whether some plan reads the column.
    pub fn new(table: TableId, history: bool, used: &[bool]) -> Demand {
        let is_link = table.is_link();
        let told = |(name, ty): (&str, ColumnType)| match name {
            "person_id" => Some(ColumnSource::Person),
            // A link's columns of these names are columns of its own.
            "known_from" if !is_link => Some(ColumnSource::KnownFrom),
            "is_latest" if !is_link => Some(ColumnSource::IsLatest),
            "known_time" => Some(ColumnSource::KnownFrom),
            "first_known_time" => Some(ColumnSource::FirstKnown),
            "op" => Some(ColumnSource::Op),
            "record" if ty == ColumnType::Record => Some(ColumnSource::Record),
            name => Store::place(table, name).map(|column| ColumnSource::Stored { column, is_tagged: ty.is_tagged() }),
        };
        let columns = table.def().rule_columns(history);
        let columns = columns.into_iter().zip(used).map(|(column, used)| told(column).filter(|_| *used));
        Demand { table, history, columns: columns.collect() }
    }
}

/// Rows of a table. Columns are in schema order; those that no plan reads are left out.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub columns: Vec<Option<Values>>,
    pub rows: usize,
    /// The unit of each row; `None` if all units share the rows.
    pub units: Option<UInt32Array>,
}

/// The values of a column.
#[derive(Clone, Debug)]
pub enum Values {
    Each(ArrayRef),
    /// The subject of each row's unit (see [`persons`]).
    Person,
}

const TAG_MARK: u8 = 1;
const TAG_LEN: usize = 5;
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

/// Most units that one batch may hold; the tag's width limits it.
pub const MAX_UNITS: usize = 1 << 24;

fn tag(unit: u32) -> [u8; TAG_LEN] {
    let digit = |shift: u32| DIGITS[(unit >> shift & 63) as usize];
    [TAG_MARK, digit(18), digit(12), digit(6), digit(0)]
}

/// A tag as text.
struct Tag([u8; TAG_LEN]);

impl AsRef<str> for Tag {
    fn as_ref(&self) -> &str {
        // A tag is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The unit whose tag begins a text.
pub fn unit_of(text: &str) -> Option<u32> {
    let tag = text.as_bytes().get(..TAG_LEN).filter(|tag| tag[0] == TAG_MARK)?;
    tag[1..].iter().try_fold(0u32, |sum, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            b'a'..=b'z' => digit - b'a' + 36,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        Some(sum << 6 | u32::from(value))
    })
}

/// Removes all tags from a text. Returns the unit of the first one.
pub fn untag(text: &str) -> (Option<u32>, String) {
    let mut unit = None;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(char::from(TAG_MARK)) {
        out.push_str(&rest[..at]);
        let Some(number) = unit_of(&rest[at..]) else {
            rest = &rest[at + 1..];
            continue;
        };
        unit = unit.or(Some(number));
        rest = &rest[at + TAG_LEN..];
    }
    out.push_str(rest);
    (unit, out)
}

/// Rows found for a batch of units; one entry per row in each list.
#[derive(Default)]
struct FoundRows {
    unit: Vec<u32>,
    version: Vec<Version>,
}

/// Whose records are seen: those that serve rules of one purpose, or all.
pub type Sees = Option<Purpose>;

/// Gathers the rows that `demand` asks for, for the units (by position) that are `wanted`.
pub fn gather(
    history: &History,
    units: &[Unit],
    demand: &Demand,
    sees: Sees,
    wanted: impl Fn(usize) -> bool,
) -> Content {
    let rows = find(history, units, demand, sees, wanted);
    if rows.unit.is_empty() {
        return Content::default();
    }
    let store = history.store(demand.table);
    let instants = |of: fn(&Version) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.version.iter().map(of).collect::<TimestampMicrosecondArray>())
    };
    let values = |told: ColumnSource| match told {
        ColumnSource::Person => Values::Person,
        ColumnSource::KnownFrom => Values::Each(instants(|version| Some(version.known_from))),
        ColumnSource::IsLatest => {
            let latest = rows.version.iter().map(|version| Some(version.is_latest));
            Values::Each(Arc::new(latest.collect::<BooleanArray>()))
        }
        ColumnSource::FirstKnown => Values::Each(instants(|version| Some(version.first_known))),
        ColumnSource::Op => {
            let ops = rows.version.iter().map(|version| version.op.name());
            Values::Each(Arc::new(StringArray::from_iter_values(ops)))
        }
        ColumnSource::Record => {
            let at = rows.version.iter().map(|version| version.row);
            let tags = rows.unit.iter().map(|unit| Tag(tag(*unit)));
            Values::Each(store.references(demand.table, at.zip(tags)))
        }
        ColumnSource::Stored { column, is_tagged } => {
            let at = rows.version.iter().map(|version| version.row);
            Values::Each(if is_tagged {
                store.gather_after(column, at.zip(rows.unit.iter().map(|unit| Tag(tag(*unit)))))
            } else {
                store.gather(column, at)
            })
        }
    };
    let out = demand.columns.iter().map(|told| told.map(values)).collect();
    let count = rows.unit.len();
    let units = (demand.table != TableId::Terms).then(|| UInt32Array::from(rows.unit));
    Content { columns: out, rows: count, units }
}

fn find(history: &History, units: &[Unit], demand: &Demand, sees: Sees, wanted: impl Fn(usize) -> bool) -> FoundRows {
    let mut rows = FoundRows::default();
    // All units share the terms: the units of a batch see the same ones (see `shard`).
    let shared = demand.table == TableId::Terms;
    let units = if shared { &units[..units.len().min(1)] } else { units };
    for (number, unit) in units.iter().enumerate().filter(|(number, _)| shared || wanted(*number)) {
        versions(history, *unit, demand, sees, |version| {
            rows.unit.push(number as u32);
            rows.version.push(version);
        });
    }
    rows
}

/// Calls `each` for the versions of a unit's rows in a table.
pub fn versions(history: &History, unit: Unit, demand: &Demand, sees: Sees, mut each: impl FnMut(Version)) {
    let sees = sees.filter(|_| demand.table.is_for_a_purpose());
    let store = history.store(demand.table);
    let serves = |version: &Version, by: Purpose| store.purpose(version.row).is_none_or(|of| by.sees(of));
    let keep = |version: Version| {
        if (demand.history || version.is_current()) && sees.is_none_or(|purpose| serves(&version, purpose)) {
            each(version);
        }
    };
    if demand.table.is_person() {
        history.versions(unit.person, demand.table, unit.as_of.0, keep);
    } else {
        history.reference_versions(unit.person, demand.table, unit.as_of.0, keep);
    }
}

/// The tagged subject of each unit.
pub fn persons(history: &History, units: &[Unit]) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(units.len(), units.len() * 20);
    let mut text = String::new();
    for (number, unit) in units.iter().enumerate() {
        text.clear();
        push_tag(&mut text, number as u32);
        text.push_str(&history.person(unit.person).subject);
        builder.append_value(&text);
    }
    Arc::new(builder.finish())
}

/// Appends the tag of a unit.
pub fn push_tag(text: &mut String, unit: u32) {
    text.push_str(Tag(tag(unit)).as_ref());
}

/// A text with the tag of a unit before it, as identifiers appear in the unit's tables.
pub fn tagged_text(unit: u32, text: &str) -> String {
    let mut out = String::with_capacity(TAG_LEN + text.len());
    push_tag(&mut out, unit);
    out.push_str(text);
    out
}

/// Arrow schema of a table as rules see it.
pub fn rule_schema(table: TableId, history: bool) -> arrow::datatypes::SchemaRef {
    let columns = table.def().rule_columns(history);
    let field = |(name, ty): &(&str, ColumnType)| arrow::datatypes::Field::new(*name, ty.arrow(), true);
    Arc::new(arrow::datatypes::Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_out_wherever_they_stand() {
        let mut text = String::new();
        push_tag(&mut text, 4_711);
        text.push_str("16556000-1:benefit,");
        push_tag(&mut text, 4_711);
        text.push_str("16556000-2");
        assert_eq!(untag(&text), (Some(4_711), "16556000-1:benefit,16556000-2".to_owned()));
        assert_eq!(untag("plain"), (None, "plain".to_owned()));
        assert_eq!(untag("broken\u{1}x"), (None, "brokenx".to_owned()));
    }

    #[test]
    fn tags_keep_their_order_and_length() {
        for unit in [0, 1, 63, 64, (MAX_UNITS - 1) as u32] {
            assert_eq!(tag(unit).len(), TAG_LEN);
            assert_eq!(untag(std::str::from_utf8(&tag(unit)).unwrap()).0, Some(unit));
            assert_eq!(unit_of(std::str::from_utf8(&tag(unit)).unwrap()), Some(unit));
        }
    }
}

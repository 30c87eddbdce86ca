//! Feeds, tables and columns: the one place that says what a record may carry.
//!
//! A *feed* is a Kafka topic (or a recorded file); a *table* is what rules see. One feed may carry several
//! tables; the JSON member `table` tells them apart. Every column names the register's own element
//! (Navet element, AGI field code "FK", Ladok event attribute), so that an adapter's author finds it.
//!
//! Times are `TIMESTAMP(us)` in UTC. A date is a Swedish calendar day; as an instant it is 00:00 UTC of that
//! day, one or two hours after Swedish midnight, so that nothing is asserted before the day has begun.
//! Open ends are null. Dates outside 1900-2199 are refused: DataFusion compares a date with a timestamp in
//! nanoseconds, and one 9999-12-31 would fail a whole plan.
//!
//! Nothing here does I/O.

mod tables;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

pub use tables::ENVELOPE;
use tables::TABLES;

/// The change feeds, in merge order: of records known at one instant, those of the permits feed come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feed {
    Permits,
    Reference,
    Population,
    Border,
    Payments,
    Studies,
    Notices,
    /// Rows that one unit shows to another, written by permitwatch's own shards (see `links`).
    Links,
    /// The same for rows that rest on links or on what rules found.
    Derived,
}

impl Feed {
    pub const ALL: [Feed; 9] = [
        Feed::Permits,
        Feed::Reference,
        Feed::Population,
        Feed::Border,
        Feed::Payments,
        Feed::Studies,
        Feed::Notices,
        Feed::Links,
        Feed::Derived,
    ];
    pub const COUNT: usize = Self::ALL.len();
    /// Feeds that registers write, through their adapters.
    pub const SOURCES: [Feed; 7] =
        [Feed::Permits, Feed::Reference, Feed::Population, Feed::Border, Feed::Payments, Feed::Studies, Feed::Notices];

    /// Whether permitwatch itself writes the feed.
    #[inline]
    pub const fn is_internal(self) -> bool {
        matches!(self, Feed::Links | Feed::Derived)
    }

    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    pub const fn name(self) -> &'static str {
        match self {
            Feed::Permits => "permits",
            Feed::Reference => "reference",
            Feed::Population => "population",
            Feed::Border => "border",
            Feed::Payments => "payments",
            Feed::Studies => "studies",
            Feed::Notices => "notices",
            Feed::Links => "links",
            Feed::Derived => "derived",
        }
    }

    pub fn from_name(name: &str) -> Option<Feed> {
        Self::ALL.into_iter().find(|feed| feed.name() == name)
    }

    /// The tables that this feed carries; a record that names no table belongs to the first.
    pub fn tables(self) -> impl Iterator<Item = TableId> {
        TableId::ALL.into_iter().filter(move |table| table.def().feed == self)
    }
}

/// The record tables. Person tables come first: `TableId::PERSON_COUNT` of them hold facts about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableId {
    Permits,
    PermitEmployers,
    Applications,
    Statuses,
    Documents,
    Identities,
    Population,
    Border,
    Payments,
    ExcusedMonths,
    Studies,
    Notices,
    Anchors,
    AnchorPermits,
    AnchorApplications,
    AnchorPopulation,
    IdentifierHolders,
    EmployerPermits,
    SharedIdentifiers,
    EmployerIndications,
    Employers,
    EmployerMonths,
    Institutions,
    Terms,
}

impl TableId {
    pub const ALL: [TableId; 24] = [
        TableId::Permits,
        TableId::PermitEmployers,
        TableId::Applications,
        TableId::Statuses,
        TableId::Documents,
        TableId::Identities,
        TableId::Population,
        TableId::Border,
        TableId::Payments,
        TableId::ExcusedMonths,
        TableId::Studies,
        TableId::Notices,
        TableId::Anchors,
        TableId::AnchorPermits,
        TableId::AnchorApplications,
        TableId::AnchorPopulation,
        TableId::IdentifierHolders,
        TableId::EmployerPermits,
        TableId::SharedIdentifiers,
        TableId::EmployerIndications,
        TableId::Employers,
        TableId::EmployerMonths,
        TableId::Institutions,
        TableId::Terms,
    ];
    pub const COUNT: usize = Self::ALL.len();
    pub const PERSON_COUNT: usize = 20;

    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    #[inline]
    pub fn def(self) -> &'static Table {
        &TABLES[self.index()]
    }

    pub fn name(self) -> &'static str {
        self.def().name
    }

    pub fn from_name(name: &str) -> Option<TableId> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Whether its records are facts about one person (keyed by the subject id).
    #[inline]
    pub const fn is_person(self) -> bool {
        self.index() < Self::PERSON_COUNT
    }

    /// Whether a link (`queries/links/<table>.sql`) fills it from the rows of other units.
    pub fn is_link(self) -> bool {
        self.def().feed.is_internal()
    }

    /// Columns that are instants.
    pub fn instants(self) -> impl Iterator<Item = &'static str> {
        self.def().columns.iter().filter(|column| column.ty == ColumnType::Timestamp).map(|column| column.name)
    }

    /// Whether others disclose its records, each for a purpose that a rule must share to see it (`purpose`). The agency's own register
    /// and the population register serve every purpose: what ends an alert stands there.
    pub fn is_for_a_purpose(self) -> bool {
        matches!(self.def().feed, Feed::Border | Feed::Payments | Feed::Studies | Feed::Notices)
    }

    /// The reference key by which a person's records name rows of this table; `None` for a table that every
    /// person sees whole (terms).
    pub fn reference_key(self) -> Option<ColumnType> {
        match self {
            TableId::Employers | TableId::EmployerMonths => Some(ColumnType::Employer),
            TableId::Institutions => Some(ColumnType::Institution),
            _ => None,
        }
    }
}

/// The kind of a column, which decides its Arrow type, its JSON form and whether it identifies something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// Subject id of the person whom the record is about. JSON: no member, since it is the message key.
    Person,
    /// Subject id of another person (anchor, spouse). JSON: text.
    OtherPerson,
    /// Identifier of a permit or case. JSON: text.
    Permit,
    /// Identifies what a correction replaces; unique within its subject. JSON: text.
    RecordKey,
    /// A version of a record of a table (see `record::reference`); no record carries it.
    Record,
    /// Organisation number in 12-digit form ("16" + 10 digits) or a sole trader's personal number; checksum verified.
    Employer,
    /// Identifier of a university or school (Ladok LarosateID). JSON: text.
    Institution,
    /// Personal or coordination number, 12 digits, checksum verified (coordination: day + 60).
    PersonNumber,
    /// Keyed hash made at the source (document, address, tip source); compared, never shown. JSON: text.
    Hash,
    /// A code of a closed or published list. JSON: text.
    Code,
    /// Codes of a published list. JSON: array of text.
    CodeList,
    /// Free text that is compared, never shown in clear. JSON: text.
    Text,
    /// Swedish calendar day. JSON: "YYYY-MM-DD".
    Date,
    /// First day of a calendar month. JSON: "YYYY-MM" or "YYYY-MM-01".
    Month,
    /// Instant, microseconds, UTC. JSON: RFC 3339 with offset.
    Timestamp,
    /// Whole number. JSON: number.
    Int,
    /// Whole Swedish kronor. JSON: number.
    Sek,
    /// JSON: true or false.
    Bool,
}

impl ColumnType {
    pub fn arrow(self) -> DataType {
        match self {
            ColumnType::Person
            | ColumnType::OtherPerson
            | ColumnType::Permit
            | ColumnType::RecordKey
            | ColumnType::Record
            | ColumnType::Employer
            | ColumnType::Institution
            | ColumnType::PersonNumber
            | ColumnType::Hash
            | ColumnType::Code
            | ColumnType::Text => DataType::Utf8,
            ColumnType::CodeList => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
            ColumnType::Date | ColumnType::Month => DataType::Date32,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            ColumnType::Int | ColumnType::Sek => DataType::Int64,
            ColumnType::Bool => DataType::Boolean,
        }
    }

    /// Whether it identifies the person whom the row is about: equality on such a column keeps rows of one person together.
    pub const fn identifies_subject(self) -> bool {
        matches!(self, ColumnType::Person | ColumnType::Permit | ColumnType::RecordKey)
    }

    /// Whether it identifies a row of a reference table.
    pub const fn identifies_reference(self) -> bool {
        matches!(self, ColumnType::Employer | ColumnType::Institution)
    }

    /// Whether it carries the unit's tag inside the engine (see `units`).
    pub const fn is_tagged(self) -> bool {
        self.identifies_subject() || self.identifies_reference() || matches!(self, ColumnType::Record)
    }
}

/// A column of a table.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub ty: ColumnType,
    /// A record without it is quarantined, unless the record retracts.
    pub required: bool,
    /// The register's own name of the column.
    pub register: &'static str,
    pub doc: &'static str,
}

/// A table that rules see, and the feed that carries it.
#[derive(Debug)]
pub struct Table {
    pub id: TableId,
    pub name: &'static str,
    pub feed: Feed,
    pub doc: &'static str,
    pub columns: &'static [Column],
}

impl Table {
    pub fn column(&self, name: &str) -> Option<(usize, &'static Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }

    /// Columns of a recorded file (Parquet): `person_id`, the envelope, `known_time`, `arrival_no`, then the table's own.
    pub fn file_schema(&self) -> SchemaRef {
        let mut fields = vec![Field::new("person_id", DataType::Utf8, true)];
        fields.extend(ENVELOPE.iter().map(|c| Field::new(c.name, c.ty.arrow(), true)));
        fields.push(Field::new("known_time", ColumnType::Timestamp.arrow(), false));
        fields.push(Field::new("arrival_no", DataType::Int64, false));
        fields.extend(self.columns.iter().map(|c| Field::new(c.name, c.ty.arrow(), true)));
        Arc::new(Schema::new(fields))
    }

    /// Columns that rules see: `person_id` (person tables), the envelope, both known times, the record's reference, the table's own
    /// columns; in a history also `known_from`, and `is_latest`: there is no greater version of the record. All persons share the
    /// terms, and no row rests on one.
    ///
    /// A link's rows have no envelope and no known times: a column of their own says since when they are known.
    pub fn rule_columns(&self, history: bool) -> Vec<(&'static str, ColumnType)> {
        let mut columns = Vec::new();
        if self.id.is_link() {
            columns.extend([("person_id", ColumnType::Person), ("record_key", ColumnType::RecordKey)]);
            columns.extend(self.columns.iter().map(|c| (c.name, c.ty)));
            return columns;
        }
        if self.id.is_person() {
            columns.push(("person_id", ColumnType::Person));
        }
        columns.extend(ENVELOPE.iter().map(|c| (c.name, c.ty)));
        columns.push(("known_time", ColumnType::Timestamp));
        columns.push(("first_known_time", ColumnType::Timestamp));
        if history {
            columns.push(("known_from", ColumnType::Timestamp));
            columns.push(("is_latest", ColumnType::Bool));
        }
        if self.id != TableId::Terms {
            columns.push(("record", ColumnType::Record));
        }
        columns.extend(self.columns.iter().map(|c| (c.name, c.ty)));
        columns
    }
}

/// Columns of the recorded file of clock messages: the known times of a feed's messages that are no records of its tables.
pub fn clock_file_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("feed", DataType::Utf8, false),
        Field::new("known_time", ColumnType::Timestamp.arrow(), false),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_at_their_index_and_person_tables_first() {
        for (index, table) in TABLES.iter().enumerate() {
            assert_eq!(table.id.index(), index, "{}", table.name);
            assert_eq!(table.id.is_person(), table.feed != Feed::Reference, "{}", table.name);
        }
    }

    #[test]
    fn no_column_shadows_the_envelope() {
        for table in &TABLES {
            for column in table.columns {
                assert!(ENVELOPE.iter().all(|e| e.name != column.name), "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn every_feed_carries_a_table() {
        for feed in Feed::ALL {
            assert!(feed.tables().next().is_some(), "{}", feed.name());
        }
    }
}

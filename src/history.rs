//! What is known about each person of a shard: every version of every record, as Arrow columns with an index.
//!
//! - Rows are appended and never changed. A table's rows stand in immutable segments; small segments are merged
//!   as they come, like the digits of a binary counter, so that there are never many.
//! - A person's index lists the rows sorted by (table, hash of record_key, version). Versions visible at
//!   an `as_of` (what was latest, since when, until when) are computed here from the index, not in SQL.
//! - Reference rows hang on the entity (employer, institution) that they are about; a person's index names the
//!   entities that its records name.
//!
//! It does not decide what may enter (see `scope`) and does no I/O.

mod store;

use std::hash::{DefaultHasher, Hash, Hasher};

use rustc_hash::FxHashMap;

pub use store::{RowId, Store};

use crate::record::{Op, Record, Value};
use crate::schema::{ColumnType, Feed, TableId};
use crate::time::{Day, KnownTime};

/// Number of a person within the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonNo(pub u32);

/// Number of a reference entity (an employer, an institution, a term) within the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityNo(pub u32);

/// One version of one record in a person's or entity's index.
#[derive(Clone, Copy, Debug)]
pub struct RowRef {
    pub table: TableId,
    /// Hash of the record_key.
    pub key: u64,
    pub version: i64,
    pub known: i64,
    pub row: RowId,
    pub op: Op,
}

/// A version as seen at some as_of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub row: RowId,
    pub known_from: i64,
    /// When a greater version became known; `None` while it is the latest.
    pub known_to: Option<i64>,
    pub first_known: i64,
    pub op: Op,
}

impl Version {
    /// Rules see it in the table of latest versions.
    pub fn is_current(&self) -> bool {
        self.known_to.is_none() && self.op != Op::Retract
    }
}

/// What scope and lateness need of a permit, one per version.
#[derive(Clone, Copy, Debug)]
pub struct PermitSpan {
    pub key: u64,
    pub version: i64,
    pub known: i64,
    pub op: Op,
    pub valid_from: Option<Day>,
    /// Last day as decided so far; `None` is open.
    pub end: Option<Day>,
}

/// A person of the population.
#[derive(Debug)]
pub struct Person {
    pub subject: Box<str>,
    /// Known time of the first record of feed permits about the person's own permits; `MAX` if there is none.
    pub first_permit_known: KnownTime,
    /// Known time of the first permit of somebody else that names the person as anchor; `MAX` if there is none.
    pub anchored_known: KnownTime,
    pub spans: Vec<PermitSpan>,
    /// Bits of the permit classes that any version of a permit has named (see [`History::class_bit`]).
    pub classes: u64,
    /// Of all tables, by (table, key, version).
    rows: Vec<RowRef>,
    entities: Vec<EntityNo>,
}

/// A reference entity with its rows, and the persons whose records name it.
#[derive(Debug)]
struct Entity {
    rows: Vec<RowRef>,
    successors: Vec<EntityNo>,
    persons: Vec<PersonNo>,
}

/// What became of a record that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    New,
    /// This version of this record is here already.
    Duplicate,
}

/// All that a shard knows.
#[derive(Debug)]
pub struct History {
    persons: Vec<Person>,
    by_subject: FxHashMap<Box<str>, PersonNo>,
    entities: Vec<Entity>,
    by_entity: FxHashMap<Box<str>, EntityNo>,
    stores: [Store; TableId::COUNT],
    class_names: Vec<Box<str>>,
    /// Known times of the term records, in the order of arrival: every person sees terms whole.
    term_changes: Vec<i64>,
    terms: Vec<EntityNo>,
}

impl Default for History {
    fn default() -> History {
        History {
            persons: Vec::new(),
            by_subject: FxHashMap::default(),
            entities: Vec::new(),
            by_entity: FxHashMap::default(),
            stores: TableId::ALL.map(Store::new),
            class_names: Vec::new(),
            term_changes: Vec::new(),
            terms: Vec::new(),
        }
    }
}

pub fn hash_key(record_key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    record_key.hash(&mut hasher);
    hasher.finish()
}

impl History {
    pub fn person_no(&self, subject: &str) -> Option<PersonNo> {
        self.by_subject.get(subject).copied()
    }

    pub fn person(&self, person: PersonNo) -> &Person {
        &self.persons[person.0 as usize]
    }

    pub fn persons(&self) -> impl Iterator<Item = (PersonNo, &Person)> {
        self.persons.iter().enumerate().map(|(no, person)| (PersonNo(no as u32), person))
    }

    /// Persons of the population; units of other keys (employers, identifiers) are none.
    pub fn person_count(&self) -> usize {
        self.persons.iter().filter(|person| person.is_person()).count()
    }

    pub fn store(&self, table: TableId) -> &Store {
        &self.stores[table.index()]
    }

    /// Permits in force at `at`, by their latest versions.
    pub fn open_permits(&self, at: KnownTime) -> u64 {
        let open = |person: &Person| {
            let latest = |span: &&PermitSpan| {
                !person.spans.iter().any(|other| other.key == span.key && other.version > span.version)
            };
            let in_force = |span: &&PermitSpan| span.op != Op::Retract && span.end.is_none_or(|end| end >= at.day());
            person.spans.iter().filter(latest).filter(in_force).count() as u64
        };
        self.persons.iter().map(open).sum()
    }

    /// Bytes held by the rows and their indexes, estimated from buffer sizes.
    pub fn state_bytes(&self) -> u64 {
        let index: usize = self.persons.iter().map(Person::index_bytes).sum();
        let rows: usize = self.stores.iter().map(Store::bytes).sum();
        (index + rows) as u64
    }

    /// The bit that stands for a permit class in [`Person::classes`], given out as classes appear.
    pub fn class_bit(&mut self, class: &str) -> u64 {
        if let Some(bit) = self.class_names.iter().position(|name| **name == *class) {
            return 1 << bit;
        }
        self.class_names.push(class.into());
        1 << (self.class_names.len() - 1).min(63)
    }

    /// Adds a record about a person; the first one makes the person.
    pub fn insert(&mut self, record: &Record) -> (PersonNo, Inserted) {
        let person_no = match self.by_subject.get(&*record.subject) {
            Some(&no) => no,
            None => self.add_person(&record.subject),
        };
        let key = hash_key(&record.record_key);
        let Some(at) = place(&self.persons[person_no.0 as usize].rows, record, key) else {
            return (person_no, Inserted::Duplicate);
        };
        let row = self.row_ref(record, key);
        if record.table == TableId::Permits {
            self.note_permit(person_no, key, record);
        }
        if record.table.is_link()
            && let Some(class) = unit_class(&record.subject)
        {
            let bit = self.class_bit(class);
            self.persons[person_no.0 as usize].classes |= bit;
        }
        let person = &mut self.persons[person_no.0 as usize];
        if record.table == TableId::Anchors {
            person.anchored_known = person.anchored_known.min(record.known_time);
        } else if record.table.def().feed == Feed::Permits {
            person.first_permit_known = person.first_permit_known.min(record.known_time);
        }
        self.link_entities(person_no, record);
        self.persons[person_no.0 as usize].rows.insert(at, row);
        (person_no, Inserted::New)
    }

    /// Adds a reference record; its subject is the entity.
    pub fn insert_reference(&mut self, record: &Record) -> (EntityNo, Inserted) {
        let entity_no = self.entity(&record.subject);
        let key = hash_key(&record.record_key);
        let Some(at) = place(&self.entities[entity_no.0 as usize].rows, record, key) else {
            return (entity_no, Inserted::Duplicate);
        };
        let row = self.row_ref(record, key);
        self.entities[entity_no.0 as usize].rows.insert(at, row);
        if record.table == TableId::Terms {
            self.term_changes.push(record.known_time.0);
            if !self.terms.contains(&entity_no) {
                self.terms.push(entity_no);
            }
        }
        if record.table == TableId::Employers {
            for successor in named_entities(record).filter(|id| **id != *record.subject) {
                let successor = self.entity(successor);
                self.entities[entity_no.0 as usize].successors.push(successor);
            }
        }
        (entity_no, Inserted::New)
    }

    /// Persons whose records name the entity, or name one whose successor it is.
    pub fn persons_naming(&self, entity: EntityNo) -> Vec<PersonNo> {
        let mut persons = self.entities[entity.0 as usize].persons.clone();
        for predecessor in self.entities.iter().filter(|e| e.successors.contains(&entity)) {
            persons.extend_from_slice(&predecessor.persons);
        }
        persons.sort_unstable();
        persons.dedup();
        persons
    }

    /// How often the terms had changed by `as_of`: units of one batch must agree on it.
    pub fn terms_epoch(&self, as_of: i64) -> usize {
        self.term_changes.iter().filter(|known| **known <= as_of).count()
    }

    /// Calls `each` for every version of a person's records in `table` that was known at `as_of`.
    pub fn versions(&self, person: PersonNo, table: TableId, as_of: i64, each: impl FnMut(Version)) {
        versions_of(of_table(&self.person(person).rows, table), as_of, each);
    }

    /// The same for the reference rows that a person's records name (for terms: all).
    pub fn reference_versions(&self, person: PersonNo, table: TableId, as_of: i64, mut each: impl FnMut(Version)) {
        if table == TableId::Terms {
            for entity in &self.terms {
                versions_of(of_table(&self.entities[entity.0 as usize].rows, table), as_of, &mut each);
            }
            return;
        }
        let named = &self.person(person).entities;
        let mut seen: Vec<EntityNo> = Vec::with_capacity(named.len());
        for &entity in named {
            let successors = &self.entities[entity.0 as usize].successors;
            for &no in std::iter::once(&entity).chain(successors) {
                if !seen.contains(&no) {
                    seen.push(no);
                    versions_of(of_table(&self.entities[no.0 as usize].rows, table), as_of, &mut each);
                }
            }
        }
    }

    /// Latest version at `as_of` of the person's record with this key, with its table.
    pub fn latest(&self, person: PersonNo, record_key: &str, as_of: i64) -> Option<(TableId, i64)> {
        let key = hash_key(record_key);
        let mut known = self.person(person).rows.iter().filter(|row| row.key == key && row.known <= as_of);
        let first = known.next()?;
        // By table, then by version.
        let latest = known.take_while(|row| row.table == first.table).last().unwrap_or(first);
        Some((latest.table, latest.version))
    }

    /// (record_key, version) of a person's current records in a table at `as_of`.
    pub fn current_records(&self, person: PersonNo, table: TableId, as_of: i64) -> Vec<(String, i64)> {
        let store = self.store(table);
        let mut records = Vec::new();
        self.versions(person, table, as_of, |version| {
            if version.is_current()
                && let Some(key) = store.text("record_key", version.row)
                && let Some(number) = store.int("version", version.row)
            {
                records.push((key.to_owned(), number));
            }
        });
        records
    }

    /// Class of a person's permit at `as_of`, or as it last was.
    pub fn permit_class(&self, person: PersonNo, permit_id: &str, as_of: i64) -> Option<String> {
        let store = self.store(TableId::Permits);
        let mut found = None;
        self.versions(person, TableId::Permits, as_of, |version| {
            if store.text("permit_id", version.row) == Some(permit_id)
                && (version.known_to.is_none() || found.is_none())
                && let Some(class) = store.text("permit_class", version.row)
            {
                found = Some(class.to_owned());
            }
        });
        found
    }

    /// How much was known about a person at `as_of`: rises with every record, and depends on nothing else.
    pub fn knowledge(&self, person: PersonNo, as_of: i64) -> i64 {
        let own = self.person(person).rows.iter().filter(|row| row.known <= as_of).count() as i64;
        let mut reference = self.terms_epoch(as_of) as i64;
        for table in [TableId::Employers, TableId::EmployerMonths, TableId::Institutions] {
            self.reference_versions(person, table, as_of, |_| reference += 1);
        }
        own + reference
    }

    pub fn row_count(&self, person: PersonNo) -> usize {
        self.person(person).rows.len()
    }

    /// Makes the rows appended so far readable. To be called between appending and gathering.
    pub fn seal(&mut self) {
        for store in &mut self.stores {
            store.seal();
        }
    }

    /// Stores a record's row.
    fn row_ref(&mut self, record: &Record, key: u64) -> RowRef {
        let row = self.stores[record.table.index()].append(record);
        RowRef { table: record.table, key, version: record.version, known: record.known_time.0, row, op: record.op }
    }

    fn add_person(&mut self, subject: &str) -> PersonNo {
        let no = PersonNo(self.persons.len() as u32);
        self.persons.push(Person {
            subject: subject.into(),
            first_permit_known: KnownTime::MAX,
            anchored_known: KnownTime::MAX,
            spans: Vec::new(),
            classes: 0,
            rows: Vec::new(),
            entities: Vec::new(),
        });
        self.by_subject.insert(subject.into(), no);
        no
    }

    fn note_permit(&mut self, person: PersonNo, key: u64, record: &Record) {
        let mut span = PermitSpan {
            key,
            version: record.version,
            known: record.known_time.0,
            op: record.op,
            valid_from: None,
            end: None,
        };
        if record.op == Op::Retract {
            span.end = Some(record.known_time.day());
        } else {
            let day = |name| day_of(record, name);
            span.valid_from = day("valid_from");
            span.end = match (day("valid_to"), day("ended_on")) {
                (Some(to), Some(ended)) => Some(to.min(ended)),
                (to, ended) => to.or(ended),
            };
            if let Some(Value::Text(class)) = value_of(record, "permit_class") {
                let bit = self.class_bit(class);
                self.persons[person.0 as usize].classes |= bit;
            }
        }
        self.persons[person.0 as usize].spans.push(span);
    }

    fn link_entities(&mut self, person_no: PersonNo, record: &Record) {
        for id in named_entities(record) {
            let entity = self.entity(id);
            let person = &mut self.persons[person_no.0 as usize];
            if !person.entities.contains(&entity) {
                person.entities.push(entity);
                self.entities[entity.0 as usize].persons.push(person_no);
            }
        }
    }

    fn entity(&mut self, id: &str) -> EntityNo {
        if let Some(&no) = self.by_entity.get(id) {
            return no;
        }
        let no = EntityNo(self.entities.len() as u32);
        self.entities.push(Entity { rows: Vec::new(), successors: Vec::new(), persons: Vec::new() });
        self.by_entity.insert(id.into(), no);
        no
    }
}

impl Person {
    /// Not a unit of another key, which only links speak of.
    pub fn is_person(&self) -> bool {
        self.first_permit_known.min(self.anchored_known) < KnownTime::MAX
    }

    /// Whether the person has rows in a table.
    pub fn has(&self, table: TableId) -> bool {
        !of_table(&self.rows, table).is_empty()
    }

    fn index_bytes(&self) -> usize {
        size_of::<Person>()
            + self.subject.len()
            + self.rows.capacity() * size_of::<RowRef>()
            + self.spans.capacity() * size_of::<PermitSpan>()
            + self.entities.capacity() * size_of::<EntityNo>()
    }
}

/// Where a record's row belongs; `None` if this version is there.
fn place(rows: &[RowRef], record: &Record, key: u64) -> Option<usize> {
    let wanted = (record.table, key, record.version);
    rows.binary_search_by(|row| (row.table, row.key, row.version).cmp(&wanted)).err()
}

fn of_table(rows: &[RowRef], table: TableId) -> &[RowRef] {
    let from = rows.partition_point(|row| row.table < table);
    let count = rows[from..].partition_point(|row| row.table == table);
    &rows[from..from + count]
}

/// Rows are sorted by (key, version); each record's versions form one run.
fn versions_of(rows: &[RowRef], as_of: i64, mut each: impl FnMut(Version)) {
    let mut start = 0;
    while start < rows.len() {
        let key = rows[start].key;
        let end = start + rows[start..].iter().take_while(|row| row.key == key).count();
        let run = &rows[start..end];
        start = end;
        let Some(first_known) = run.iter().map(|row| row.known).filter(|known| *known <= as_of).min() else {
            continue;
        };
        let mut greater_known: Option<i64> = None;
        for row in run.iter().rev().filter(|row| row.known <= as_of) {
            each(Version {
                row: row.row,
                known_from: row.known,
                known_to: greater_known.map(|known| known.max(row.known)),
                first_known,
                op: row.op,
            });
            greater_known = Some(greater_known.map_or(row.known, |known| known.min(row.known)));
        }
    }
}

/// Units of other keys are named `<kind>=<key>`; the class by which rules tell them apart.
fn unit_class(subject: &str) -> Option<&'static str> {
    match subject.split_once('=')?.0 {
        "employer" => Some(EMPLOYER_UNIT),
        "identifier" => Some(IDENTIFIER_UNIT),
        _ => None,
    }
}

/// Classes of units that are no persons, beside the permit classes.
pub const EMPLOYER_UNIT: &str = "unit:employer";
pub const IDENTIFIER_UNIT: &str = "unit:identifier";

fn value_of<'a>(record: &'a Record, column: &str) -> Option<&'a Value> {
    let (index, _) = record.table.def().column(column)?;
    record.values.get(index)
}

fn day_of(record: &Record, column: &str) -> Option<Day> {
    match value_of(record, column) {
        Some(Value::Day(day)) => Some(Day(*day)),
        _ => None,
    }
}

/// Identifiers of reference entities that the record's columns hold.
fn named_entities(record: &Record) -> impl Iterator<Item = &str> {
    let columns = record.table.def().columns.iter().zip(&record.values);
    columns.filter_map(|(column, value)| match (column.ty, value) {
        (ColumnType::Employer | ColumnType::Institution, Value::Text(id)) => Some(&**id),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: u64, version: i64, known: i64, op: Op) -> RowRef {
        RowRef { table: TableId::Payments, key, version, known, row: RowId(version as u32), op }
    }

    fn seen(rows: &[RowRef], as_of: i64) -> Vec<(i64, Option<i64>, i64, bool)> {
        let mut out = Vec::new();
        versions_of(rows, as_of, |v| out.push((v.known_from, v.known_to, v.first_known, v.is_current())));
        out.sort_unstable();
        out
    }

    #[test]
    fn a_later_version_ends_the_earlier_one_when_it_becomes_known() {
        let rows = [row(1, 1, 10, Op::Upsert), row(1, 2, 20, Op::Correct)];
        assert_eq!(seen(&rows, 15), [(10, None, 10, true)]);
        assert_eq!(seen(&rows, 20), [(10, Some(20), 10, false), (20, None, 10, true)]);
    }

    #[test]
    fn a_version_that_arrives_after_its_successor_is_never_current() {
        let rows = [row(1, 1, 30, Op::Upsert), row(1, 2, 20, Op::Retract)];
        assert_eq!(seen(&rows, 25), [(20, None, 20, false)]);
        assert_eq!(seen(&rows, 30), [(20, None, 20, false), (30, Some(30), 20, false)]);
    }
}

//! What is known about each person of a shard: every version of every record, in Arrow columns, and an index.
//!
//! - Rows are appended and never changed. A table keeps its rows in packed segments, the newest of them in an open one (`store`).
//! - A person's index lists the rows sorted by (table, hash of record_key, version, content), so that the order of arrival decides
//!   nothing. The index computes which versions are visible at an `as_of` (latest or not, since when, until when), not SQL
//!   (`index`).
//! - A reference row belongs to the entity (employer, institution) that it is about; a person's index names the entities that the
//!   person's records name.
//! - Of a person who has left the population nothing is visible, and of one who has come back what has become known since (`presence`);
//!   what is not visible any more is erased (`erase`).
//! - Messages add records one by one, a snapshot adds many at once, with the same outcome (`bulk`).
//!
//! State is what an instance costs, so memory is kept small: what most persons lack takes no place in each of them, and lists are
//! no longer than they need to be.
//!
//! History does not decide what may enter (see `scope`) and does no I/O.

mod bulk;
mod chunked;
mod classes;
mod erase;
mod facts;
mod index;
mod packed;
mod presence;
pub mod saved;
mod span;
mod store;
mod texts;

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use siphasher::sip::SipHasher13;

pub use bulk::Known;
use chunked::Chunked;
pub use classes::ClassSet;
pub use erase::Erased;
pub use index::Version;
use index::{RowRef, Spot, of_table, place, versions_of};
pub use presence::{Keeps, Presence};
pub use span::{ENDED_ON, PermitSpan, VALID_TO, last_day, latest as latest_spans};
pub use store::{RowId, Store};

use crate::model::purpose::Purpose;
use crate::model::record::{Op, Record, Value};
use crate::model::schema::{ColumnType, Feed, TableId};
use crate::model::sets::TableSet;
use crate::model::time::{Day, KnownTime};

/// Number of a person within the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonNo(pub u32);

/// Number of a reference entity (an employer, an institution, a term) within the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityNo(pub u32);

/// A person of the population, or a unit of another key.
#[derive(Debug)]
pub struct Person {
    pub subject: Box<str>,
    /// Classes that any version of a permit of the person has named.
    pub classes: ClassSet,
    /// Rows of all tables, by (table, key, version, content).
    rows: Vec<RowRef>,
    /// `None` for units of other keys.
    own: Option<Box<PermitFacts>>,
}

/// What follows from a person's permits, and the entities that the person's records name.
#[derive(Debug)]
struct PermitFacts {
    first_permit_known: KnownTime,
    anchored_known: KnownTime,
    /// One for each row of table `permits`, in the same order.
    spans: Vec<PermitSpan>,
    entities: Vec<EntityNo>,
    presence: Presence,
}

/// A reference entity with its rows, and the persons whose records name it.
#[derive(Debug)]
struct Entity {
    rows: Vec<RowRef>,
    successors: Vec<EntityNo>,
    persons: Vec<PersonNo>,
}

/// Whether a record that was offered was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    New,
    /// This version of this record is known already, with the same content.
    Duplicate,
}

/// Everything that a shard knows of its persons and reference entities.
#[derive(Debug)]
pub struct History {
    persons: Chunked<Person>,
    /// Numbers of persons, by their subjects.
    by_subject: HashTable<u32>,
    /// Persons of whom something was disclosed that serves rules of one purpose alone.
    bound: FxHashSet<PersonNo>,
    entities: Vec<Entity>,
    by_entity: FxHashMap<Box<str>, EntityNo>,
    stores: [Store; TableId::COUNT],
    /// Known times of the term records, in the order of arrival: every person sees all terms.
    term_changes: Vec<i64>,
    terms: Vec<EntityNo>,
    /// What decides who leaves the population; `None`: nobody does.
    keeps: Option<Keeps>,
}

impl Default for History {
    fn default() -> History {
        History {
            persons: Chunked::default(),
            by_subject: HashTable::new(),
            bound: FxHashSet::default(),
            entities: Vec::new(),
            by_entity: FxHashMap::default(),
            stores: TableId::ALL.map(Store::new),
            term_changes: Vec::new(),
            terms: Vec::new(),
            keeps: None,
        }
    }
}

/// Checkpoints hold what follows from this hash, so it stays as it is.
pub fn hash_key(record_key: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(record_key.as_bytes());
    hasher.finish()
}

impl History {
    /// A history whose persons leave.
    pub fn new(keeps: Keeps) -> History {
        History { keeps: Some(keeps), ..History::default() }
    }

    #[inline]
    pub fn person_no(&self, subject: &str) -> Option<PersonNo> {
        let is_it = |no: &u32| *self.persons[*no as usize].subject == *subject;
        self.by_subject.find(hash_subject(subject), is_it).map(|no| PersonNo(*no))
    }

    #[inline]
    pub fn person(&self, person: PersonNo) -> &Person {
        &self.persons[person.0 as usize]
    }

    pub fn persons(&self) -> impl Iterator<Item = (PersonNo, &Person)> {
        self.persons.iter().enumerate().map(|(no, person)| (PersonNo(no as u32), person))
    }

    /// Up to `count` persons and other units, beginning with number `from`.
    pub fn some_persons(&self, from: usize, count: usize) -> impl Iterator<Item = (PersonNo, &Person)> {
        let to = self.persons.len().min(from.saturating_add(count));
        (from..to).map(|no| (PersonNo(no as u32), &self.persons[no]))
    }

    /// Number of persons of the population; units of other keys (employers, identifiers) do not count.
    pub fn person_count(&self) -> usize {
        self.persons.iter().filter(|person| person.is_person()).count()
    }

    pub fn store(&self, table: TableId) -> &Store {
        &self.stores[table.index()]
    }

    /// Bytes held by the rows and their indexes, estimated from buffer sizes.
    pub fn state_bytes(&self) -> u64 {
        let persons: usize = self.persons.iter().map(Person::bytes).sum();
        self.shared_bytes() + persons as u64
    }

    /// The part of `state_bytes` that does not belong to single persons.
    pub fn shared_bytes(&self) -> u64 {
        let by_subject = self.by_subject.capacity() * (size_of::<u32>() + 1);
        let rows: usize = self.stores.iter().map(Store::bytes).sum();
        let bound = self.bound.capacity() * (size_of::<PersonNo>() + 1);
        (self.persons.bytes() + by_subject + bound + rows) as u64
    }

    /// Adds a record about a person; the first record of a subject adds the person.
    pub fn insert(&mut self, record: &Record) -> (PersonNo, Inserted) {
        let person_no = self.person_no(&record.subject).unwrap_or_else(|| self.add_person(&record.subject));
        let forgotten = self.forgotten(person_no, record);
        let store = &mut self.stores[record.table.index()];
        let rows = &mut self.persons[person_no.0 as usize].rows;
        let Some(spot) = add(rows, store, record, forgotten) else { return (person_no, Inserted::Duplicate) };
        if record.table.is_for_a_purpose() && Purpose::from_name(&record.purpose).is_some_and(Purpose::is_bound) {
            self.bound.insert(person_no);
        }
        if record.table == TableId::Permits {
            self.note_permit(person_no, spot, record);
        }
        if record.table.is_link() {
            self.persons[person_no.0 as usize].add_class(ClassSet::of_unit(&record.subject));
        }
        if record.table == TableId::Anchors {
            let own = self.persons[person_no.0 as usize].own();
            own.anchored_known = own.anchored_known.min(record.known_time);
        } else if record.table.def().feed == Feed::Permits {
            let known = &mut self.persons[person_no.0 as usize];
            let own = known.own();
            own.first_permit_known = own.first_permit_known.min(record.known_time);
            if record.table == TableId::Permits || known.has_left(record.known_time) {
                known.note_presence(self.keeps);
            }
        }
        self.link_entities(person_no, record);
        (person_no, Inserted::New)
    }

    /// Adds a reference record; the record's subject is the entity.
    pub fn insert_reference(&mut self, record: &Record) -> (EntityNo, Inserted) {
        let entity_no = self.entity(&record.subject);
        let store = &mut self.stores[record.table.index()];
        let rows = &mut self.entities[entity_no.0 as usize].rows;
        if add(rows, store, record, i64::MIN).is_none() {
            return (entity_no, Inserted::Duplicate);
        }
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

    /// Persons whose records name the entity, or name a predecessor of it.
    pub fn persons_naming(&self, entity: EntityNo) -> Vec<PersonNo> {
        let mut persons = self.entities[entity.0 as usize].persons.clone();
        for predecessor in self.entities.iter().filter(|e| e.successors.contains(&entity)) {
            persons.extend_from_slice(&predecessor.persons);
        }
        persons.sort_unstable();
        persons.dedup();
        persons
    }

    /// How many term records were known by `as_of`: units of one batch must have the same count.
    pub fn terms_epoch(&self, as_of: i64) -> usize {
        self.term_changes.iter().filter(|known| **known <= as_of).count()
    }

    /// Whether something of the person was disclosed that serves rules of one purpose alone.
    pub fn has_bound(&self, person: PersonNo) -> bool {
        self.bound.contains(&person)
    }

    /// Calls `each` for every version of a person's records in `table` that was known at `as_of`: of somebody who has left by then none, of
    /// somebody who has come back those that became known since.
    pub fn versions(&self, person: PersonNo, table: TableId, as_of: i64, each: impl FnMut(Version)) {
        versions_of(of_table(&self.person(person).rows, table), self.since(person, table, as_of), as_of, each);
    }

    /// From when on records of a table count, as of an instant; `MAX`: none do. What others show the person is about the others. An anchor
    /// is kept for the population register alone, whether or not the person has left.
    fn since(&self, person: PersonNo, table: TableId, as_of: i64) -> i64 {
        let (known, Some(keeps)) = (self.person(person), self.keeps) else { return i64::MIN };
        let since = known.since(KnownTime(as_of)).map_or(i64::MAX, |since| since.0);
        match table.def().feed {
            _ if since == i64::MIN || table.is_link() || table == TableId::Anchors => i64::MIN,
            Feed::Permits => since,
            Feed::Population => since.min(known.anchored_known().0).saturating_add(keeps.permit_lead),
            _ => since.saturating_add(keeps.permit_lead),
        }
    }

    /// What was known of a person before this does not count any more when the record comes, so that the same may be told again.
    fn forgotten(&self, person: PersonNo, record: &Record) -> i64 {
        let lead = self.keeps.filter(|_| record.table.def().feed != Feed::Permits).map_or(0, |keeps| keeps.permit_lead);
        let decided_at = record.known_time.minus(lead);
        match self.since(person, record.table, decided_at.0) {
            // Of somebody who has left nothing counts, but each thing is noted once.
            i64::MAX => self.person(person).forgotten_before(decided_at).0,
            since => since,
        }
    }

    /// The classes that the permits of a person name that count as of an instant; of somebody who has left those of all.
    pub fn classes(&self, person: PersonNo, as_of: KnownTime) -> ClassSet {
        let known = self.person(person);
        if known.since(as_of).is_none_or(|since| since == KnownTime::MIN) {
            return known.classes;
        }
        let store = self.store(TableId::Permits);
        let mut classes = ClassSet::of_unit(&known.subject);
        self.versions(person, TableId::Permits, as_of.0, |version| {
            if let Some(class) = store.text("permit_class", version.row).filter(|_| version.op != Op::Retract) {
                classes = classes.union(ClassSet::of(&class));
            }
        });
        classes
    }

    /// Whether something about the person became known at exactly `at`, by the records of these tables; of rows that others show as of
    /// `as_of`, by what they say. Reference records are about no person.
    pub fn became_known(&self, person: PersonNo, tables: TableSet, at: KnownTime, as_of: i64) -> bool {
        let rows = &self.person(person).rows;
        // Of a version that came more than once the first time counts, so that what came then is looked at more closely.
        let came = rows.iter().filter(|row| row.known() == at.0 && row.is_of(tables));
        let came = came.fold(TableSet::NONE, |came, row| came.union(TableSet(1 << row.table_index())));
        let mut found = false;
        for table in came.iter().filter(|table| !table.is_link()) {
            let since = self.since(person, table, as_of);
            versions_of(of_table(rows, table), since, at.0, |version| found |= version.known_from == at.0);
        }
        for table in tables.iter().filter(|table| table.is_link()) {
            let store = self.store(table);
            self.versions(person, table, as_of, |version| {
                let says = |name| version.is_current() && store.int(name, version.row) == Some(at.0);
                found |= table.instants().any(says);
            });
        }
        found
    }

    /// Calls `each` for every version of the reference rows that a person's records name (for terms: of all) that was known at `as_of`.
    pub fn reference_versions(&self, person: PersonNo, table: TableId, as_of: i64, mut each: impl FnMut(Version)) {
        if table == TableId::Terms {
            for entity in &self.terms {
                versions_of(of_table(&self.entities[entity.0 as usize].rows, table), i64::MIN, as_of, &mut each);
            }
            return;
        }
        let named = self.person(person).entities();
        let mut seen: Vec<EntityNo> = Vec::with_capacity(named.len());
        for &entity in named {
            let successors = &self.entities[entity.0 as usize].successors;
            for &no in std::iter::once(&entity).chain(successors) {
                if !seen.contains(&no) {
                    seen.push(no);
                    versions_of(of_table(&self.entities[no.0 as usize].rows, table), i64::MIN, as_of, &mut each);
                }
            }
        }
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
                records.push((key, number));
            }
        });
        records
    }

    /// The highest secrecy class of these versions of a person's records, as (record_key, version).
    pub fn secrecy_of(&self, person: PersonNo, table: TableId, as_of: i64, records: &[(&str, i64)]) -> i64 {
        self.highest_secrecy(person, table, (self.since(person, table, as_of), as_of), Some(records))
    }

    /// The highest secrecy class of a person's records in a table that were ever known up to `as_of`, of all or of these versions: also of
    /// those that do not count any more since the person has left.
    pub fn secrecy_ever(&self, person: PersonNo, table: TableId, as_of: i64, records: Option<&[(&str, i64)]>) -> i64 {
        self.highest_secrecy(person, table, (i64::MIN, as_of), records)
    }

    fn highest_secrecy(
        &self,
        person: PersonNo,
        table: TableId,
        (since, as_of): (i64, i64),
        records: Option<&[(&str, i64)]>,
    ) -> i64 {
        let (store, mut highest) = (self.store(table), 0);
        versions_of(of_table(&self.person(person).rows, table), since, as_of, |version| {
            let number = store.version(version.row);
            let is_asked = |(key, wanted): &(&str, i64)| *wanted == number && store.has_key(version.row, key);
            if records.is_none_or(|records| records.iter().any(is_asked)) {
                highest = highest.max(store.int("secrecy_class", version.row).unwrap_or_default());
            }
        });
        highest
    }

    /// The highest secrecy class of what is known of a person in these tables at `as_of`.
    pub fn secrecy(&self, person: PersonNo, tables: TableSet, as_of: i64) -> i64 {
        let of_table = |table| self.highest_secrecy(person, table, (self.since(person, table, as_of), as_of), None);
        tables.iter().filter(|table| table.is_person()).map(of_table).max().unwrap_or_default()
    }

    /// Class of a person's permit at `as_of`, else of an earlier version.
    pub fn permit_class(&self, person: PersonNo, permit_id: &str, as_of: i64) -> Option<String> {
        let store = self.store(TableId::Permits);
        let mut found = None;
        self.versions(person, TableId::Permits, as_of, |version| {
            if store.text("permit_id", version.row).as_deref() == Some(permit_id)
                && (version.is_latest || found.is_none())
                && let Some(class) = store.text("permit_class", version.row)
            {
                found = Some(class);
            }
        });
        found
    }

    /// How many records were known about a person at `as_of`, reference records included: rises with every record, and depends on
    /// nothing else.
    pub fn knowledge(&self, person: PersonNo, as_of: i64) -> i64 {
        let own = self.person(person).rows.iter().filter(|row| row.known() <= as_of).count() as i64;
        let mut reference = self.terms_epoch(as_of) as i64;
        for table in [TableId::Employers, TableId::EmployerMonths, TableId::Institutions] {
            self.reference_versions(person, table, as_of, |_| reference += 1);
        }
        own + reference
    }

    pub fn row_count(&self, person: PersonNo) -> usize {
        self.person(person).rows.len()
    }

    fn add_person(&mut self, subject: &str) -> PersonNo {
        let no = self.persons.len() as u32;
        self.persons.push(Person {
            subject: subject.into(),
            classes: ClassSet::default(),
            rows: Vec::new(),
            own: None,
        });
        let persons = &self.persons;
        self.by_subject.insert_unique(hash_subject(subject), no, |no| hash_subject(&persons[*no as usize].subject));
        PersonNo(no)
    }

    fn note_permit(&mut self, person: PersonNo, spot: Spot, record: &Record) {
        let days = |name| day_of(record, name);
        let span = PermitSpan::new(spot.key, record.op, record.known_time.0, days);
        // Permits are the first table, so a permit's row and its span have the same index.
        let own = self.persons[person.0 as usize].own();
        insert_exact(&mut own.spans, spot.at, span);
        if record.op != Op::Retract
            && let Some(Value::Text(class)) = value_of(record, "permit_class")
        {
            self.persons[person.0 as usize].add_class(ClassSet::of(class));
        }
    }

    fn link_entities(&mut self, person_no: PersonNo, record: &Record) {
        for id in named_entities(record) {
            let entity = self.entity(id);
            let own = self.persons[person_no.0 as usize].own();
            if !own.entities.contains(&entity) {
                push_exact(&mut own.entities, entity);
                push_exact(&mut self.entities[entity.0 as usize].persons, person_no);
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
    /// Whether this is a person, not a unit of another key (only links have such subjects).
    pub fn is_person(&self) -> bool {
        self.first_permit_known().min(self.anchored_known()) < KnownTime::MAX
    }

    /// Known time of the first record of the permits feed about the person's own permits; `MAX` if there is none.
    pub fn first_permit_known(&self) -> KnownTime {
        self.own.as_ref().map_or(KnownTime::MAX, |own| own.first_permit_known)
    }

    /// Known time of the first permit of another person that names this one as anchor; `MAX` if there is none.
    pub fn anchored_known(&self) -> KnownTime {
        self.own.as_ref().map_or(KnownTime::MAX, |own| own.anchored_known)
    }

    /// From when on the person's records count, as of an instant (`MIN`: all do); `None`: the person has left the population.
    pub fn since(&self, as_of: KnownTime) -> Option<KnownTime> {
        self.own.as_ref().map_or(Some(KnownTime::MIN), |own| own.presence.since(as_of))
    }

    pub fn has_left(&self, as_of: KnownTime) -> bool {
        self.since(as_of).is_none()
    }

    /// The instants at which the person leaves, by what is known.
    pub fn leavings(&self) -> impl Iterator<Item = KnownTime> {
        self.own.iter().flat_map(|own| own.presence.leavings())
    }

    /// When somebody comes back who has left by `as_of`; `None`: the person is there, or does not come back by what is known.
    pub fn returned(&self, as_of: KnownTime) -> Option<KnownTime> {
        self.own.as_ref().and_then(|own| own.presence.returned(as_of))
    }

    /// When others took back what they had shown.
    pub fn taken_back(&self) -> impl Iterator<Item = KnownTime> {
        let shown = self.rows.iter().filter(|row| row.op() == Op::Retract && TableId::ALL[row.table_index()].is_link());
        shown.map(|row| KnownTime(row.known()))
    }

    /// The last instant before the person had left, of somebody who has by `as_of`.
    pub fn last_seen(&self, as_of: KnownTime) -> Option<KnownTime> {
        self.own.as_ref().and_then(|own| own.presence.last_seen(as_of))
    }

    /// Of somebody who has left by `as_of`: what was known before is forgotten.
    fn forgotten_before(&self, as_of: KnownTime) -> KnownTime {
        self.own.as_ref().map_or(KnownTime::MIN, |own| own.presence.forgotten_before(as_of))
    }

    fn note_presence(&mut self, keeps: Option<Keeps>) {
        if let Some(own) = &mut self.own {
            own.presence = Presence::new(&own.spans, &self.rows, keeps);
        }
    }

    pub fn spans(&self) -> &[PermitSpan] {
        self.own.as_ref().map_or(&[], |own| &own.spans)
    }

    /// Number of permits in force at `at`, by their latest versions.
    pub fn open_permits(&self, at: KnownTime) -> u64 {
        let in_force = |span: &&PermitSpan| span.op != Op::Retract && span.end.is_none_or(|end| end >= at.day());
        span::latest(self.spans(), KnownTime::MIN, KnownTime::MAX).filter(in_force).count() as u64
    }

    /// Whether the person has rows in a table.
    pub fn has(&self, table: TableId) -> bool {
        !of_table(&self.rows, table).is_empty()
    }

    fn add_class(&mut self, class: ClassSet) {
        self.classes = self.classes.union(class);
    }

    fn entities(&self) -> &[EntityNo] {
        self.own.as_ref().map_or(&[], |own| &own.entities)
    }

    fn own(&mut self) -> &mut PermitFacts {
        self.own.get_or_insert_with(|| {
            Box::new(PermitFacts {
                first_permit_known: KnownTime::MAX,
                anchored_known: KnownTime::MAX,
                spans: Vec::new(),
                entities: Vec::new(),
                presence: Presence::default(),
            })
        })
    }

    /// Heap bytes that the person holds.
    pub fn bytes(&self) -> usize {
        let own = |own: &PermitFacts| {
            size_of::<PermitFacts>()
                + own.spans.capacity() * size_of::<PermitSpan>()
                + own.entities.capacity() * size_of::<EntityNo>()
                + own.presence.bytes()
        };
        self.subject.len() + self.rows.capacity() * size_of::<RowRef>() + self.own.as_deref().map_or(0, own)
    }
}

/// Adds a record to its table's rows and to the index; `None` if it is known already. What was known before `since` does not count any
/// more: the same content comes before it.
fn add(rows: &mut Vec<RowRef>, store: &mut Store, record: &Record, since: i64) -> Option<Spot> {
    let content = |row: RowRef| {
        let content = store.record(record.table, row.row(), row.op()).cmp_content(record);
        told_again(content, || row.known() < since)
    };
    let spot = place(rows, store, record.table, &record.record_key, record.version, content)?;
    let row = RowRef::new(record.table, spot.key, record.known_time.0, record.op, store.append(record));
    spot.insert(rows, row, insert_exact);
    Some(spot)
}

/// How an existing row compares with one of the same version whose content compares like this: one that is forgotten lies behind the same told
/// again.
fn told_again(content: Ordering, is_forgotten: impl FnOnce() -> bool) -> Ordering {
    if content == Ordering::Equal && is_forgotten() { Ordering::Greater } else { content }
}

/// Makes room for one more entry, growing little at a time, since there are millions of short lists.
#[inline]
fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 4).max(1));
    }
}

fn push_exact<T>(list: &mut Vec<T>, item: T) {
    make_room(list);
    list.push(item);
}

#[inline]
fn insert_exact<T>(list: &mut Vec<T>, at: usize, item: T) {
    make_room(list);
    list.insert(at, item);
}

#[inline]
fn hash_subject(subject: &str) -> u64 {
    FxBuildHasher.hash_one(subject)
}

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

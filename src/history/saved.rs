//! What a shard knows, as a checkpoint has it: rows as they are stored (`store::saved`), and to whom each row belongs.
//!
//! Rows are appended and not changed, so a checkpoint writes what has come since the one before; once rows have been blanked, the next is a
//! whole one. Everything else follows from the rows and is worked out at a start: the index, permit classes, spans, and who is named by whom. So
//! another program reads what this one wrote, as long as it knows the columns.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::facts::PermitColumns;
use super::index::RowRef;
use super::packed::Packed;
pub use super::store::saved::{Captured, Segments, Tail, Unfit};
use super::{ClassSet, Entity, EntityNo, History, Keeps, Person, PersonNo, hash_subject};
use crate::history::store::RowId;
use crate::model::record::Op;
use crate::model::schema::TableId;

/// How much of a history has been captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// By table.
    rows: Vec<u32>,
    persons: usize,
    entities: usize,
}

impl Mark {
    /// The rows of a table that had come by then.
    pub fn rows_of(&self, table: TableId) -> u32 {
        self.rows.get(table.index()).copied().unwrap_or_default()
    }
}

/// To whom rows of a table belong, and what the index knows of each.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Owners {
    pub table: String,
    /// Number of the first row.
    pub first: u32,
    pub rows: u32,
    /// Person or entity (null: the row has been erased), the record's number, known time, operation: by row. More than one where blocks have been joined.
    parts: Vec<OwnersPart>,
}

#[derive(Debug, Deserialize, Serialize)]
struct OwnersPart {
    rows: u32,
    owners: Packed,
    keys: Packed,
    known: Packed,
    ops: Packed,
}

/// Subjects of persons and units, and ids of entities, by number.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Names {
    pub first_person: u32,
    /// Empty: of whom nothing is left.
    pub persons: Vec<Box<str>>,
    pub first_entity: u32,
    pub entities: Vec<Box<str>>,
    /// All entities that have successors, and these.
    successors: Vec<(u32, Vec<u32>)>,
}

/// What has come since a mark.
#[derive(Debug, Default)]
pub struct Added {
    tables: Vec<(Captured, Unpacked)>,
    pub names: Names,
}

/// Owners that have not been packed.
#[derive(Debug)]
struct Unpacked {
    table: TableId,
    first: u32,
    /// By row: owner and index entry.
    rows: Vec<(u32, RowRef)>,
}

/// The blocks of what has come.
#[derive(Debug, Default)]
pub struct Blocks {
    pub segments: Vec<Segments>,
    pub tails: Vec<Tail>,
    pub owners: Vec<Owners>,
}

impl Owners {
    /// Adds the rows that follow. An error returns those that cannot be added.
    pub fn append(&mut self, mut next: Owners) -> Result<(), Owners> {
        if next.table != self.table || next.first != self.first + self.rows {
            return Err(next);
        }
        self.rows += next.rows;
        self.parts.append(&mut next.parts);
        Ok(())
    }

    /// Packs neighbouring parts together, so that their number does not grow with that of the captures.
    pub fn compact(&mut self) {
        let mut out: Vec<OwnersPart> = Vec::new();
        let mut few: Vec<OwnersPart> = Vec::new();
        let join = |few: &mut Vec<OwnersPart>| (few.len() > 1).then(|| OwnersPart::joined(few));
        for part in std::mem::take(&mut self.parts) {
            let is_large = part.rows >= FEW_ROWS;
            if is_large || few.len() == FEW_PARTS {
                match join(&mut few) {
                    Some(joined) => out.push(joined),
                    None => out.append(&mut few),
                }
                few.clear();
            }
            let into = if is_large { &mut out } else { &mut few };
            into.push(part);
        }
        match join(&mut few) {
            Some(joined) => out.push(joined),
            None => out.append(&mut few),
        }
        self.parts = out;
    }
}

/// Parts with fewer rows are packed together, so many at a time.
const FEW_ROWS: u32 = 1 << 16;
const FEW_PARTS: usize = 64;

impl OwnersPart {
    fn joined(parts: &[OwnersPart]) -> OwnersPart {
        let column = |of: &dyn Fn(&OwnersPart) -> &Packed, are_instants| {
            let values = parts.iter().flat_map(|part| (0..part.rows as usize).map(move |at| (part, at)));
            Packed::new(&values.map(|(part, at)| of(part).get(at)).collect::<Vec<_>>(), are_instants)
        };
        OwnersPart {
            rows: parts.iter().map(|part| part.rows).sum(),
            owners: column(&|part| &part.owners, false),
            keys: column(&|part| &part.keys, false),
            known: column(&|part| &part.known, true),
            ops: column(&|part| &part.ops, false),
        }
    }
}

impl Names {
    /// Adds the names that follow; the successors are those of the later block. An error returns what cannot be added.
    pub fn append(&mut self, mut next: Names) -> Result<(), Names> {
        let persons = self.first_person as usize + self.persons.len();
        let entities = self.first_entity as usize + self.entities.len();
        if next.first_person as usize != persons || next.first_entity as usize != entities {
            return Err(next);
        }
        self.persons.append(&mut next.persons);
        self.entities.append(&mut next.entities);
        self.successors = next.successors;
        Ok(())
    }
}

impl Added {
    /// Packs the rows; this takes a while.
    pub fn pack(self) -> (Blocks, Names) {
        let mut blocks = Blocks::default();
        for (captured, owners) in self.tables {
            let (segments, tail) = captured.pack();
            blocks.segments.extend(segments);
            blocks.tails.extend(tail);
            blocks.owners.extend(owners.pack());
        }
        (blocks, self.names)
    }
}

impl Unpacked {
    fn pack(self) -> Option<Owners> {
        if self.rows.is_empty() {
            return None;
        }
        let column = |value: &dyn Fn(&(u32, RowRef)) -> i64, are_instants| {
            let values: Vec<Option<i64>> = self.rows.iter().map(|row| Some(value(row))).collect();
            Packed::new(&values, are_instants)
        };
        let rows = self.rows.len() as u32;
        // Rows that have been erased belong to nobody.
        let owner = |(owner, _): &(u32, RowRef)| (*owner != u32::MAX).then_some(i64::from(*owner));
        let owners = Packed::new(&self.rows.iter().map(owner).collect::<Vec<_>>(), false);
        let part = OwnersPart {
            rows,
            owners,
            keys: column(&|(_, row)| i64::from(row.key()), false),
            known: column(&|(_, row)| row.known(), true),
            ops: column(&|(_, row)| row.op() as i64, false),
        };
        Some(Owners { table: self.table.name().to_owned(), first: self.first, rows, parts: vec![part] })
    }
}

impl History {
    pub fn mark(&self) -> Mark {
        Mark {
            rows: self.stores.iter().map(super::Store::rows).collect(),
            persons: self.persons.len(),
            entities: self.entities.len(),
        }
    }

    /// What has come since `mark`; `touched` names, by rising number, all persons of whom something has come since.
    pub fn added(&self, mark: &Mark, touched: &[PersonNo]) -> Added {
        let before = |table: TableId| mark.rows_of(table);
        let mut owners: Vec<Unpacked> = TableId::ALL
            .iter()
            .map(|table| {
                let (first, rows) = (before(*table), self.store(*table).rows());
                let none = RowRef::new(*table, 0, 0, Op::Upsert, RowId(u32::MAX));
                Unpacked { table: *table, first, rows: vec![(u32::MAX, none); (rows - first) as usize] }
            })
            .collect();
        let mut note = |owner: u32, rows: &[RowRef]| {
            for row in rows {
                let own = &mut owners[row.table_index()];
                if let Some(place) = row.row().0.checked_sub(own.first) {
                    own.rows[place as usize] = (owner, *row);
                }
            }
        };
        touched.iter().for_each(|person| note(person.0, &self.person(*person).rows));
        self.entities.iter().enumerate().for_each(|(no, entity)| note(no as u32, &entity.rows));
        let tables = owners.into_iter().filter(|own| !own.rows.is_empty());
        let tables = tables.map(|own| {
            let captured = self.store(own.table).capture(own.table, own.first / super::store::SEGMENT_ROWS as u32);
            (captured, own)
        });
        let named = self.entities.iter().enumerate().filter(|(_, entity)| !entity.successors.is_empty());
        let successors = named.map(|(no, entity)| (no as u32, entity.successors.iter().map(|no| no.0).collect()));
        let mut entities = vec![Box::<str>::default(); self.entities.len() - mark.entities];
        for (name, no) in &self.by_entity {
            if let Some(place) = (no.0 as usize).checked_sub(mark.entities) {
                entities[place].clone_from(name);
            }
        }
        let names = Names {
            first_person: mark.persons as u32,
            persons: (mark.persons..self.persons.len()).map(|no| self.persons[no].subject.clone()).collect(),
            first_entity: mark.entities as u32,
            entities,
            successors: successors.collect(),
        };
        Added { tables: tables.collect(), names }
    }

    /// The numbers of the entities that a person's records name, and whether something of the person is bound to a purpose.
    pub fn kept_of(&self, person: PersonNo) -> (Vec<u32>, bool) {
        (self.person(person).entities().iter().map(|no| no.0).collect(), self.has_bound(person))
    }
}

/// A row of a table, and whose it is.
pub struct Owned<'a> {
    pub row: RowId,
    /// The person, unit or entity.
    pub owner: &'a str,
    /// Microseconds since 1970.
    pub known: i64,
    pub op: Op,
}

impl History {
    /// Every row of a table, in the order of arrival.
    pub fn rows_of(&self, table: TableId) -> Vec<Owned<'_>> {
        let mut out = Vec::with_capacity(self.store(table).rows() as usize);
        let mut take = |owner, rows: &[RowRef]| {
            let own = rows.iter().filter(|row| row.table_index() == table.index());
            out.extend(own.map(|row| (row.row(), owner, row.known(), row.op())));
        };
        if table.is_person() {
            self.persons.iter().for_each(|person| take(&*person.subject, &person.rows));
        } else {
            for (name, no) in &self.by_entity {
                take(&**name, &self.entities[no.0 as usize].rows);
            }
        }
        out.sort_unstable_by_key(|(row, ..)| *row);
        out.into_iter().map(|(row, owner, known, op)| Owned { row, owner, known, op }).collect()
    }
}

/// A history that is being read from a checkpoint: names first, then rows, then owners, then what is kept of persons.
#[derive(Default)]
pub struct Restoring {
    history: History,
    owners: Vec<Owners>,
}

impl Restoring {
    pub fn names(&mut self, names: Names) -> Result<(), Unfit> {
        let history = &mut self.history;
        if names.first_person as usize != history.persons.len() || names.first_entity as usize != history.entities.len()
        {
            return Err(Unfit(format!("names from number {} follow {}", names.first_person, history.persons.len())));
        }
        let count = history.persons.len() + names.persons.len();
        let persons = &history.persons;
        history.by_subject.reserve(count - persons.len(), |no| hash_subject(&persons[*no as usize].subject));
        for subject in names.persons {
            let classes = ClassSet::of_unit(&subject);
            let no = history.persons.len() as u32;
            let hash = hash_subject(&subject);
            let is_gone = subject.is_empty();
            history.persons.push(Person { subject, classes, rows: Vec::new(), own: None });
            if is_gone {
                continue;
            }
            let persons = &history.persons;
            history.by_subject.insert_unique(hash, no, |no| hash_subject(&persons[*no as usize].subject));
        }
        for name in names.entities {
            history.by_entity.insert(name, EntityNo(history.entities.len() as u32));
            history.entities.push(Entity { rows: Vec::new(), successors: Vec::new(), persons: Vec::new() });
        }
        for (no, successors) in names.successors {
            if let Some(entity) = history.entities.get_mut(no as usize) {
                entity.successors = successors.into_iter().map(EntityNo).collect();
            }
        }
        Ok(())
    }

    pub fn segments(&mut self, segments: Segments) -> Result<(), Unfit> {
        // A table that this program does not know says nothing to its rules.
        match TableId::from_name(&segments.table) {
            Some(table) => self.history.stores[table.index()].restore(segments),
            None => Ok(()),
        }
    }

    pub fn tail(&mut self, tail: &Tail) -> Result<(), Unfit> {
        match TableId::from_name(&tail.table) {
            Some(table) => self.history.stores[table.index()].restore_tail(tail),
            None => Ok(()),
        }
    }

    /// What decides who leaves the population.
    pub fn keep(&mut self, keeps: Keeps) {
        self.history.keeps = Some(keeps);
    }

    pub fn owners(&mut self, owners: Owners) {
        self.owners.push(owners);
    }

    /// Drops the rows that units have shown one another; to be called when rows and owners have been read.
    pub fn leave_out_links(&mut self) {
        for table in TableId::ALL.into_iter().filter(|table| table.is_link()) {
            self.history.stores[table.index()] = super::Store::new(table);
        }
        self.owners.retain(|own| TableId::from_name(&own.table).is_none_or(|table| !table.is_link()));
    }

    /// Entities that a person's records name, and whether something of the person is bound to a purpose.
    pub fn kept(&mut self, person: PersonNo, entities: &[u32], is_bound: bool) -> Result<(), Unfit> {
        let history = &mut self.history;
        if person.0 as usize >= history.persons.len() {
            return Err(Unfit(format!("there is no person number {}", person.0)));
        }
        if is_bound {
            history.bound.insert(person);
        }
        let count = history.entities.len() as u32;
        // What was named after the rows were captured is read again.
        let known = entities.iter().filter(|no| **no < count).map(|no| EntityNo(*no));
        let entities: Vec<EntityNo> = known.collect();
        if !entities.is_empty() {
            history.persons[person.0 as usize].own().entities = entities;
        }
        Ok(())
    }

    /// Puts the rows into the index, and works out what follows from them.
    pub fn finish(mut self) -> Result<History, Unfit> {
        let mut owners = std::mem::take(&mut self.owners);
        owners.sort_by_key(|own| (TableId::from_name(&own.table).map(TableId::index), own.first));
        self.reserve(&owners)?;
        for own in &owners {
            self.index(own)?;
        }
        let History { persons, entities, stores, .. } = &mut self.history;
        for no in 0..persons.len() {
            sort(&mut persons[no].rows, stores);
            let entities_of: Vec<EntityNo> = persons[no].entities().to_vec();
            for entity in entities_of {
                super::push_exact(&mut entities[entity.0 as usize].persons, PersonNo(no as u32));
            }
        }
        entities.iter_mut().for_each(|entity| sort(&mut entity.rows, stores));
        self.note_permits();
        self.note_terms();
        Ok(self.history)
    }

    /// Makes room for each person's rows.
    fn reserve(&mut self, owners: &[Owners]) -> Result<(), Unfit> {
        let mut counts = vec![0u32; self.history.persons.len()];
        for own in owners {
            let Some(table) = TableId::from_name(&own.table) else { continue };
            let rows = self.history.store(table).rows();
            if own.first + own.rows > rows {
                return Err(Unfit(format!("{rows} rows of {} have owners up to {}", own.table, own.first + own.rows)));
            }
            if !table.is_person() {
                continue;
            }
            for part in &own.parts {
                for owner in (0..part.rows as usize).filter_map(|at| part.owners.get(at)) {
                    let count = usize::try_from(owner).ok().and_then(|owner| counts.get_mut(owner));
                    *count.ok_or_else(|| Unfit(format!("a row of {} belongs to nobody", own.table)))? += 1;
                }
            }
        }
        for (no, count) in counts.into_iter().enumerate() {
            self.history.persons[no].rows.reserve_exact(count as usize);
        }
        Ok(())
    }

    fn index(&mut self, own: &Owners) -> Result<(), Unfit> {
        let Some(table) = TableId::from_name(&own.table) else { return Ok(()) };
        let History { persons, entities, .. } = &mut self.history;
        let mut row = own.first;
        for part in &own.parts {
            for at in 0..part.rows as usize {
                let number = |column: &Packed| column.get(at).unwrap_or_default();
                let op = Op::ALL.get(number(&part.ops) as usize).copied().unwrap_or(Op::Upsert);
                let entry = RowRef::new(table, number(&part.keys) as u32, number(&part.known), op, RowId(row));
                row += 1;
                let Some(owner) = part.owners.get(at).map(|owner| owner as usize) else { continue };
                if table.is_person() {
                    persons[owner].rows.push(entry);
                } else {
                    let entity = entities.get_mut(owner);
                    let entity = entity.ok_or_else(|| Unfit(format!("a row of {} belongs to nobody", own.table)))?;
                    super::push_exact(&mut entity.rows, entry);
                }
            }
        }
        Ok(())
    }

    /// What follows from persons' rows of the permits feed and of links.
    fn note_permits(&mut self) {
        let History { persons, stores, keeps, .. } = &mut self.history;
        let Some(columns) = PermitColumns::of(&stores[TableId::Permits.index()]) else { return };
        for no in 0..persons.len() {
            persons[no].follow_rows(&columns, *keeps);
        }
    }

    /// The terms, whose changes everybody sees, in the order in which they came.
    fn note_terms(&mut self) {
        let mut changes: Vec<(RowId, i64, EntityNo)> = Vec::new();
        for (no, entity) in self.history.entities.iter().enumerate() {
            let terms = entity.rows.iter().filter(|row| row.table_index() == TableId::Terms.index());
            changes.extend(terms.map(|row| (row.row(), row.known(), EntityNo(no as u32))));
        }
        changes.sort_unstable_by_key(|(row, ..)| *row);
        for (_, known, entity) in changes {
            self.history.term_changes.push(known);
            if !self.history.terms.contains(&entity) {
                self.history.terms.push(entity);
            }
        }
    }
}

/// Sorts the rows of one owner as the index has them: by (table, record, version, content), copies of a version marked.
fn sort(rows: &mut [RowRef], stores: &[super::Store; TableId::COUNT]) {
    rows.sort_unstable_by_key(|row| (row.table_index(), row.key(), row.row()));
    for versions in rows.chunk_by_mut(|one, other| (one.table_index(), one.key()) == (other.table_index(), other.key()))
    {
        if versions.len() < 2 {
            continue;
        }
        let store = |row: &RowRef| &stores[row.table_index()];
        let of_version =
            |one: &RowRef, other: &RowRef| store(one).version(one.row()).cmp(&store(other).version(other.row()));
        let record = |row: &RowRef| store(row).record(TableId::ALL[row.table_index()], row.row(), row.op());
        versions.sort_by(|one, other| match of_version(one, other) {
            // The same content again, after the person had left: the first counts for more, as when it came (`super::add`).
            Ordering::Equal => record(one).cmp_content(&record(other)).then(other.row().cmp(&one.row())),
            differ => differ,
        });
        for at in 1..versions.len() {
            let is_copy = of_version(&versions[at - 1], &versions[at]) == Ordering::Equal;
            versions[at] = versions[at].as_copy(is_copy);
        }
    }
}

//! Adds many rows at once, as a permit snapshot brings them: without looking up a person per record, with lists made at their final
//! length, and with rows copied from columns to columns.
//!
//! The outcome is that of adding the records one by one in the order (known_time, arrival_no) for each person, except that persons
//! are numbered in the order in which they come in the rows, and a person's rows are stored together.

use crate::history::index::{RowRef, StoredRows, place};
use crate::history::span::{ENDED_ON, VALID_FROM, VALID_TO};
use crate::history::{
    ClassSet, EntityNo, History, PermitFacts, PermitSpan, Person, PersonNo, Presence, RowId, hash_subject, push_exact,
    told_again,
};
use crate::model::record::Op;
use crate::model::record::rows::{OWN, RecordRows, RowAt, ShardRows};
use crate::model::schema::{ColumnType, TableId};
use crate::model::time::{Day, KnownTime};

/// What a caller is told of a row that was taken.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub table: TableId,
    pub known_time: KnownTime,
    pub op: Op,
}

/// Rows grouped by person.
struct Grouped {
    /// By person: the end of its rows in `places`.
    ends: Vec<u32>,
    /// Rows of each person, in the order in which they came.
    places: Vec<RowAt>,
}

/// The parts of a person's row that its index needs.
#[derive(Clone, Copy)]
struct Row<'a> {
    place: RowAt,
    table: TableId,
    record_key: &'a str,
    version: i64,
    known: i64,
    arrival: i64,
    op: Op,
}

/// The rows of the current person, numbered by their places in the list.
impl StoredRows for [Row<'_>] {
    #[inline]
    fn version(&self, row: RowId) -> i64 {
        self[row.0 as usize].version
    }

    #[inline]
    fn has_key(&self, row: RowId, key: &str) -> bool {
        self[row.0 as usize].record_key == key
    }
}

/// Values made from a column's texts so far, by part and code.
struct Made<T> {
    column: usize,
    parts: Vec<Vec<Option<T>>>,
}

impl<T: Copy> Made<T> {
    fn new(column: usize, parts: usize) -> Made<T> {
        Made { column: OWN + column, parts: vec![Vec::new(); parts] }
    }

    fn get(&mut self, place: RowAt, rows: &RecordRows, make: impl FnOnce(&str) -> T) -> Option<T> {
        let cells = rows.column(self.column);
        let text = cells.text(place.row as usize)?;
        let Some(code) = cells.code(place.row as usize) else { return Some(make(text)) };
        let made = &mut self.parts[place.part as usize];
        if made.len() <= code {
            made.resize(code + 1, None);
        }
        Some(*made[code].get_or_insert_with(|| make(text)))
    }
}

/// Positions of the columns from which persons' spans, classes and entities follow, and what has been made of their texts.
struct Named {
    valid_from: usize,
    valid_to: usize,
    ended_on: usize,
    classes: Made<ClassSet>,
    /// By table.
    entities: Vec<Vec<Made<EntityNo>>>,
}

impl Named {
    fn new(parts: usize) -> Named {
        let permits = TableId::Permits.def();
        let at = |name| permits.column(name).map_or(permits.columns.len(), |(at, _)| at);
        let entities = TableId::ALL.map(|table| {
            let columns = table.def().columns.iter().enumerate();
            let names =
                columns.filter(|(_, column)| matches!(column.ty, ColumnType::Employer | ColumnType::Institution));
            names.map(|(at, _)| Made::new(at, parts)).collect()
        });
        Named {
            valid_from: at(VALID_FROM),
            valid_to: at(VALID_TO),
            ended_on: at(ENDED_ON),
            classes: Made::new(at("permit_class"), parts),
            entities: entities.into(),
        }
    }
}

/// Buffers that are reused for each person.
#[derive(Default)]
struct Scratch<'a> {
    rows: Vec<Row<'a>>,
    index: Vec<RowRef>,
    spans: Vec<PermitSpan>,
    entities: Vec<EntityNo>,
    known: Vec<Known>,
    /// By table: the rows that have been taken, in the order of their row numbers.
    taken: Vec<Vec<RowAt>>,
}

impl Scratch<'_> {
    /// Prepares for the next person; keeps `taken`.
    fn clear(&mut self) {
        self.rows.clear();
        self.index.clear();
        self.spans.clear();
        self.entities.clear();
        self.known.clear();
    }
}

impl History {
    /// Adds the rows that are wanted to a history that has no persons yet. The rows are about persons, in tables of the permits
    /// feed. Calls `each` for every person, with its classes and the rows that were taken.
    pub fn fill(
        &mut self,
        parts: &[ShardRows<'_>],
        is_wanted: impl Fn(&RecordRows, usize) -> bool,
        mut each: impl FnMut(PersonNo, ClassSet, &[Known]),
    ) {
        debug_assert_eq!(self.persons.len(), 0, "what is known of persons is not looked at");
        let grouped = self.group(parts, is_wanted);
        let mut named = Named::new(parts.len());
        let mut scratch = Scratch { taken: vec![Vec::new(); TableId::COUNT], ..Scratch::default() };
        let mut from = 0;
        for (person, end) in grouped.ends.iter().enumerate() {
            let person = PersonNo(person as u32);
            let places = &grouped.places[from..*end as usize];
            from = *end as usize;
            self.fill_person(person, parts, places, &mut named, &mut scratch);
            each(person, self.persons[person.0 as usize].classes, &scratch.known);
        }
        for (table, taken) in TableId::ALL.into_iter().zip(scratch.taken) {
            self.stores[table.index()].extend(parts, &taken);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.persons.len() == 0
    }

    /// Adds the persons whom the rows are about, and groups the rows by them.
    fn group(&mut self, parts: &[ShardRows<'_>], is_wanted: impl Fn(&RecordRows, usize) -> bool) -> Grouped {
        let count = parts.iter().map(|own| own.at.len()).sum();
        let mut rows: Vec<(u32, RowAt)> = Vec::with_capacity(count);
        self.make_room(parts);
        let mut ends: Vec<u32> = Vec::new();
        let mut last = 0;
        for (part, own) in parts.iter().enumerate() {
            for &row in own.at {
                if !is_wanted(own.rows, row as usize) {
                    continue;
                }
                let subject = own.rows.subject(row as usize);
                // Rows of one person mostly come together, and persons mostly come in the same order in each table.
                let is_next = |no: usize| no < self.persons.len() && *self.persons[no].subject == *subject;
                let person = if is_next(last) {
                    last
                } else if is_next(last + 1) {
                    last + 1
                } else {
                    self.person_no(subject).unwrap_or_else(|| self.add_person(subject)).0 as usize
                };
                last = person;
                if person >= ends.len() {
                    ends.resize(person + 1, 0);
                }
                ends[person] += 1;
                rows.push((person as u32, RowAt { part: part as u32, row }));
            }
        }
        if self.by_subject.capacity() > 2 * self.persons.len() {
            let persons = &self.persons;
            self.by_subject.shrink_to_fit(|no| hash_subject(&persons[*no as usize].subject));
        }
        let mut end = 0;
        for slot in &mut ends {
            // `slot` counts a person's rows; make it the place where they begin. The loop below moves it to the place where they
            // end.
            (*slot, end) = (end, end + *slot);
        }
        let mut places = vec![RowAt { part: 0, row: 0 }; rows.len()];
        for (person, place) in rows {
            let slot = &mut ends[person as usize];
            places[*slot as usize] = place;
            *slot += 1;
        }
        Grouped { ends, places }
    }

    /// Reserves room for persons: as many as the table with the most runs has runs of rows about one person. That is exact where a
    /// person's rows come together, and otherwise too much, which is undone below.
    fn make_room(&mut self, parts: &[ShardRows<'_>]) {
        let mut runs = [0; TableId::COUNT];
        for own in parts {
            runs[own.rows.table.index()] += own.runs;
        }
        let runs = runs.into_iter().max().unwrap_or(0);
        // Some persons are only in other tables.
        self.by_subject.reserve(runs + runs / 4, |_| 0);
    }

    fn fill_person<'a>(
        &mut self,
        person: PersonNo,
        parts: &[ShardRows<'a>],
        places: &[RowAt],
        named: &mut Named,
        scratch: &mut Scratch<'a>,
    ) {
        scratch.clear();
        let keeps = self.keeps;
        let Scratch { rows, index, spans, entities, known, taken } = scratch;
        for place in places {
            rows.push(Row::new(*place, parts[place.part as usize].rows));
        }
        rows.sort_by_key(|row| (row.known, row.arrival));
        let mut classes = ClassSet::default();
        let (mut first_permit_known, mut anchored_known) = (KnownTime::MAX, KnownTime::MAX);
        for (at, row) in rows.iter().enumerate() {
            let record = |row: &Row<'_>| parts[row.place.part as usize].rows.record(row.place.row as usize);
            let content = |other: RowRef| {
                let content = record(&rows[other.row().0 as usize]).cmp_content(&record(row));
                told_again(content, || {
                    // All rows are of the permits feed.
                    let presence = Presence::new(spans, index.as_slice(), keeps);
                    row.table != TableId::Anchors && other.known() < presence.forgotten_before(KnownTime(row.known)).0
                })
            };
            let Some(spot) = place(index, rows.as_slice(), row.table, row.record_key, row.version, content) else {
                continue;
            };
            let entry = RowRef::new(row.table, spot.key, row.known, row.op, RowId(at as u32));
            spot.insert(index, entry, Vec::insert);
            let known_time = KnownTime(row.known);
            known.push(Known { table: row.table, known_time, op: row.op });
            let of = parts[row.place.part as usize].rows;
            if row.table == TableId::Permits {
                let day = |name| -> Option<Day> {
                    let column = match name {
                        VALID_FROM => named.valid_from,
                        VALID_TO => named.valid_to,
                        _ => named.ended_on,
                    };
                    of.day(column, row.place.row as usize)
                };
                spans.insert(spot.at, PermitSpan::new(spot.key, row.op, row.known, day));
                if row.op != Op::Retract {
                    classes = classes.union(named.classes.get(row.place, of, ClassSet::of).unwrap_or_default());
                }
            }
            if row.table == TableId::Anchors {
                anchored_known = anchored_known.min(known_time);
            } else {
                first_permit_known = first_permit_known.min(known_time);
            }
            for made in &mut named.entities[row.table.index()] {
                let entity = made.get(row.place, of, |id| self.entity(id));
                entities.extend(entity.filter(|entity| !entities.contains(entity)));
            }
        }
        for entry in index.iter_mut() {
            let row = &rows[entry.row().0 as usize];
            let taken = &mut taken[row.table.index()];
            *entry = entry.with_row(RowId(self.stores[row.table.index()].rows() + taken.len() as u32));
            taken.push(row.place);
        }
        for entity in entities.iter() {
            push_exact(&mut self.entities[entity.0 as usize].persons, person);
        }
        let person: &mut Person = &mut self.persons[person.0 as usize];
        person.add_class(classes);
        person.rows = index.as_slice().into();
        let presence = Presence::new(spans, index, keeps);
        let (spans, entities) = (spans.as_slice().into(), entities.as_slice().into());
        person.own = Some(Box::new(PermitFacts { first_permit_known, anchored_known, spans, entities, presence }));
    }
}

impl<'a> Row<'a> {
    #[inline]
    fn new(place: RowAt, rows: &'a RecordRows) -> Row<'a> {
        let at = place.row as usize;
        Row {
            place,
            table: rows.table,
            record_key: rows.record_key(at),
            version: rows.version(at),
            known: rows.known_time(at),
            arrival: rows.arrival_no(at),
            op: rows.op(at),
        }
    }
}

#[cfg(test)]
mod tests;

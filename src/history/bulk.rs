//! Taking many rows at once, as a permit snapshot brings them: nobody is looked up per record, lists are made as long as they will
//! be, and rows go from columns to columns.
//!
//! What comes of it is what adding the records one by one gives, in the order (known_time, arrival_no) for each person; but persons
//! are numbered as they stand in the rows, and a person's rows stand together.

use crate::history::index::{RowRef, Told, place};
use crate::history::span::{ENDED_ON, VALID_FROM, VALID_TO};
use crate::history::{EntityNo, History, Own as OwnOf, PermitSpan, Person, PersonNo, RowId, hash_subject, push_exact};
use crate::record::Op;
use crate::record::rows::{OWN, Own, Place, Rows};
use crate::schema::{ColumnType, TableId};
use crate::time::{Day, KnownTime};

/// What is known of a row that was taken.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub table: TableId,
    pub known_time: KnownTime,
    pub op: Op,
}

/// Rows by person.
struct Grouped {
    /// By person, where its rows end.
    ends: Vec<u32>,
    /// Of each person as they stand.
    places: Vec<Place>,
}

/// What a person's row says, as far as its index needs it.
#[derive(Clone, Copy)]
struct Row<'a> {
    place: Place,
    table: TableId,
    record_key: &'a str,
    version: i64,
    known: i64,
    arrival: i64,
    op: Op,
}

/// The rows of the person at hand, numbered by their places in the list.
impl Told for [Row<'_>] {
    #[inline]
    fn version(&self, row: RowId) -> i64 {
        self[row.0 as usize].version
    }

    #[inline]
    fn has_key(&self, row: RowId, key: &str) -> bool {
        self[row.0 as usize].record_key == key
    }
}

/// What has been made of a column's texts so far, by part and code.
struct Made<T> {
    column: usize,
    parts: Vec<Vec<Option<T>>>,
}

impl<T: Copy> Made<T> {
    fn new(column: usize, parts: usize) -> Made<T> {
        Made { column: OWN + column, parts: vec![Vec::new(); parts] }
    }

    fn get(&mut self, place: Place, rows: &Rows, make: impl FnOnce(&str) -> T) -> Option<T> {
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

/// What rows say beside themselves: columns of the tables that name something.
struct Named {
    valid_from: usize,
    valid_to: usize,
    ended_on: usize,
    classes: Made<u64>,
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

/// Room that is used again for each person.
#[derive(Default)]
struct Scratch<'a> {
    rows: Vec<Row<'a>>,
    index: Vec<RowRef>,
    spans: Vec<PermitSpan>,
    entities: Vec<EntityNo>,
    known: Vec<Known>,
    /// By table, the rows that have been taken: their order is that of their numbers.
    taken: Vec<Vec<Place>>,
}

impl Scratch<'_> {
    /// For the next person; what has been taken stays.
    fn clear(&mut self) {
        self.rows.clear();
        self.index.clear();
        self.spans.clear();
        self.entities.clear();
        self.known.clear();
    }
}

impl History {
    /// Adds rows about persons, of tables of the permits feed and as far as they are wanted, to a history that knows nobody. `each`
    /// is called for everybody, with the bits of its classes and what was taken.
    pub fn fill(
        &mut self,
        parts: &[Own<'_>],
        is_wanted: impl Fn(&Rows, usize) -> bool,
        mut each: impl FnMut(PersonNo, u64, &[Known]),
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

    /// Makes the persons whom the rows are about.
    fn group(&mut self, parts: &[Own<'_>], is_wanted: impl Fn(&Rows, usize) -> bool) -> Grouped {
        let count = parts.iter().map(|own| own.at.len()).sum();
        let mut rows: Vec<(u32, Place)> = Vec::with_capacity(count);
        self.make_room(parts);
        let mut ends: Vec<u32> = Vec::new();
        let mut last = 0;
        for (part, own) in parts.iter().enumerate() {
            for &row in own.at {
                if !is_wanted(own.rows, row as usize) {
                    continue;
                }
                let subject = own.rows.subject(row as usize);
                // Rows of one person stand together more often than not, and persons in the same order in each table.
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
                rows.push((person as u32, Place { part: part as u32, row }));
            }
        }
        if self.by_subject.capacity() > 2 * self.persons.len() {
            let persons = &self.persons;
            self.by_subject.shrink_to_fit(|no| hash_subject(&persons[*no as usize].subject));
        }
        let mut end = 0;
        for slot in &mut ends {
            // Where its rows begin, and after they have been put there, where they end.
            (*slot, end) = (end, end + *slot);
        }
        let mut places = vec![Place { part: 0, row: 0 }; rows.len()];
        for (person, place) in rows {
            let slot = &mut ends[person as usize];
            places[*slot as usize] = place;
            *slot += 1;
        }
        Grouped { ends, places }
    }

    /// Makes room for as many persons as the table with the most has runs of rows about one: no fewer where persons stand together,
    /// and too many otherwise, which is undone below.
    fn make_room(&mut self, parts: &[Own<'_>]) {
        let mut runs = [0; TableId::COUNT];
        for own in parts {
            runs[own.rows.table.index()] += own.runs;
        }
        let runs = runs.into_iter().max().unwrap_or(0);
        // Some are only in other tables.
        self.by_subject.reserve(runs + runs / 4, |_| 0);
    }

    fn fill_person<'a>(
        &mut self,
        person: PersonNo,
        parts: &[Own<'a>],
        places: &[Place],
        named: &mut Named,
        scratch: &mut Scratch<'a>,
    ) {
        scratch.clear();
        let Scratch { rows, index, spans, entities, known, taken } = scratch;
        for place in places {
            rows.push(Row::new(*place, parts[place.part as usize].rows));
        }
        rows.sort_by_key(|row| (row.known, row.arrival));
        let mut classes = 0;
        let (mut first_permit_known, mut anchored_known) = (KnownTime::MAX, KnownTime::MAX);
        for (at, row) in rows.iter().enumerate() {
            let record = |row: &Row<'_>| parts[row.place.part as usize].rows.record(row.place.row as usize);
            let content = |other: RowRef| record(&rows[other.row().0 as usize]).cmp_content(&record(row));
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
                    classes |= named.classes.get(row.place, of, |class| self.class_bit(class)).unwrap_or(0);
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
        person.classes |= classes;
        person.rows = index.as_slice().into();
        let (spans, entities) = (spans.as_slice().into(), entities.as_slice().into());
        person.own = Some(Box::new(OwnOf { first_permit_known, anchored_known, spans, entities }));
    }
}

impl<'a> Row<'a> {
    #[inline]
    fn new(place: Place, rows: &'a Rows) -> Row<'a> {
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

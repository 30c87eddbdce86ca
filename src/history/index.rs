//! Which rows are known about a person or entity, and which versions of a record are visible when.
//!
//! An index is a list of 16-byte entries, sorted by (table, key, version, content). The entry itself holds what most lookups need
//! (table, record, known time, operation); the version is stored with the row.
//!
//! Nothing here depends on the order in which records came. If a version came more than once with different contents, the copy with
//! the greatest content counts ([`crate::model::record::Record::cmp_content`]), and it counts as known since the first copy was.

use std::cmp::Ordering;

use crate::history::hash_key;
use crate::history::store::{RowId, Store};
use crate::model::record::Op;
use crate::model::schema::TableId;
use crate::model::sets::TableSet;

/// One version of one record.
#[derive(Clone, Copy, Debug)]
pub struct RowRef {
    /// Identifies the record within its table: the hash of its key, or the next free number near it.
    key: u32,
    row: RowId,
    /// Known time, table, operation and whether it is a further copy of the version before it, in this order from the highest bit.
    about: i64,
}

/// Bits of `about` below the known time.
const TABLE_BITS: u32 = 5;
const OP_BITS: u32 = 2;
const COPY_BITS: u32 = 1;
const LOW_BITS: u32 = TABLE_BITS + OP_BITS + COPY_BITS;
const _: () = assert!(TableId::COUNT <= 1 << TABLE_BITS);

/// The greatest known time that an entry can hold: more than a thousand years after 1970.
const LAST_KNOWN: i64 = i64::MAX >> LOW_BITS;

/// A version as seen at some as_of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub row: RowId,
    pub known_from: i64,
    /// No greater version was known.
    pub is_latest: bool,
    pub first_known: i64,
    pub op: Op,
}

impl Version {
    /// Whether rules see it in the table of latest versions.
    pub fn is_current(&self) -> bool {
        self.is_latest && self.op != Op::Retract
    }
}

impl RowRef {
    #[inline]
    pub fn new(table: TableId, key: u32, known: i64, op: Op, row: RowId) -> RowRef {
        let known = known.clamp(-LAST_KNOWN, LAST_KNOWN);
        let about = known << LOW_BITS | (table.index() as i64) << (OP_BITS + COPY_BITS) | (op as i64) << COPY_BITS;
        RowRef { key, row, about }
    }

    /// The same entry, marked as a further copy of its version or as the first.
    pub(super) fn as_copy(self, is_copy: bool) -> RowRef {
        RowRef { about: self.about & !1 | i64::from(is_copy), ..self }
    }

    /// Whether the entry before it is a copy of the same version, with a lesser content.
    #[inline]
    pub(super) fn is_copy(self) -> bool {
        self.about & 1 == 1
    }

    /// The same entry for another row.
    pub fn with_row(self, row: RowId) -> RowRef {
        RowRef { row, ..self }
    }

    #[inline]
    pub fn known(self) -> i64 {
        self.about >> LOW_BITS
    }

    #[inline]
    pub fn row(self) -> RowId {
        self.row
    }

    /// The number of its record within the table.
    #[inline]
    pub fn key(self) -> u32 {
        self.key
    }

    #[cfg(test)]
    pub fn table(self) -> TableId {
        TableId::ALL[self.table_index()]
    }

    #[inline]
    pub(super) fn table_index(self) -> usize {
        (self.about >> (OP_BITS + COPY_BITS)) as usize & ((1 << TABLE_BITS) - 1)
    }

    #[inline]
    pub fn is_of(self, tables: TableSet) -> bool {
        tables.0 & 1 << self.table_index() != 0
    }

    #[inline]
    pub fn op(self) -> Op {
        Op::ALL[(self.about as usize >> COPY_BITS & ((1 << OP_BITS) - 1)).min(Op::ALL.len() - 1)]
    }
}

/// Access to the rows of a table, wherever they are stored.
pub trait StoredRows {
    fn version(&self, row: RowId) -> i64;
    fn has_key(&self, row: RowId, key: &str) -> bool;
}

impl StoredRows for Store {
    fn version(&self, row: RowId) -> i64 {
        self.version(row)
    }

    fn has_key(&self, row: RowId, key: &str) -> bool {
        self.has_key(row, key)
    }
}

/// Where a row belongs among those of its person or entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub at: usize,
    /// The number that identifies the record within its table.
    pub key: u32,
    /// Whether the entry before this place, and the entry at it, are copies of the same version.
    copy_of: [bool; 2],
}

impl Spot {
    /// Inserts the row at this place, under its record's number.
    pub fn insert(self, rows: &mut Vec<RowRef>, row: RowRef, insert: impl FnOnce(&mut Vec<RowRef>, usize, RowRef)) {
        if let (Some(next), true) = (rows.get_mut(self.at), self.copy_of[1]) {
            *next = next.as_copy(true);
        }
        insert(rows, self.at, row.as_copy(self.copy_of[0]));
    }
}

/// Finds the place of a row of a record's version; `None` if the same row is there already. `content` compares the content of an
/// existing row of the same version with that of the new one.
pub fn place(
    rows: &[RowRef],
    told: &(impl StoredRows + ?Sized),
    table: TableId,
    record_key: &str,
    version: i64,
    content: impl Fn(RowRef) -> Ordering,
) -> Option<Spot> {
    let of_table = range_of(rows, table);
    let mut key = key_of(record_key);
    loop {
        let from = of_table.start + rows[of_table.clone()].partition_point(|row| row.key < key);
        let run = rows[from..of_table.end].iter().take_while(|row| row.key == key);
        let mut spot = Spot { at: from, key, copy_of: [false; 2] };
        for row in run {
            if spot.at == from && !told.has_key(row.row, record_key) {
                // Another record has this number.
                break;
            }
            match told.version(row.row).cmp(&version) {
                Ordering::Less => {}
                Ordering::Greater => return Some(spot),
                Ordering::Equal => match content(*row) {
                    Ordering::Less => spot.copy_of[0] = true,
                    Ordering::Equal => return None,
                    Ordering::Greater => {
                        spot.copy_of[1] = true;
                        return Some(spot);
                    }
                },
            }
            spot.at += 1;
        }
        if spot.at > from || rows[from..of_table.end].first().is_none_or(|row| row.key != key) {
            return Some(spot);
        }
        key = key.wrapping_add(1);
    }
}

fn key_of(record_key: &str) -> u32 {
    (hash_key(record_key) >> 32) as u32
}

#[inline]
fn range_of(rows: &[RowRef], table: TableId) -> std::ops::Range<usize> {
    let from = rows.partition_point(|row| row.table_index() < table.index());
    let count = rows[from..].partition_point(|row| row.table_index() == table.index());
    from..from + count
}

pub fn of_table(rows: &[RowRef], table: TableId) -> &[RowRef] {
    &rows[range_of(rows, table)]
}

/// The versions known at `as_of`, of those that became known at `since` or later. Rows are sorted by (key, version, content); each record's
/// versions form one run.
pub fn versions_of(rows: &[RowRef], since: i64, as_of: i64, mut each: impl FnMut(Version)) {
    let is_known = |known: i64| since <= known && known <= as_of;
    let mut start = 0;
    while start < rows.len() {
        let key = rows[start].key;
        let end = start + rows[start..].iter().take_while(|row| row.key == key).count();
        let run = &rows[start..end];
        start = end;
        let Some(first_known) = run.iter().map(|row| row.known()).filter(|known| is_known(*known)).min() else {
            continue;
        };
        let mut is_latest = true;
        let mut rest = run;
        while let Some(from) = rest.iter().rposition(|row| !row.is_copy()) {
            let (before, copies) = rest.split_at(from);
            rest = before;
            let mut told = copies.iter().rev().filter(|row| is_known(row.known()));
            let Some(row) = told.next() else { continue };
            let known = told.map(|row| row.known()).fold(row.known(), i64::min);
            each(Version { row: row.row, known_from: known, is_latest, first_known, op: row.op() });
            is_latest = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Record;

    fn row(key: u32, version: u32, known: i64, op: Op) -> RowRef {
        RowRef::new(TableId::Payments, key, known, op, RowId(version))
    }

    fn seen(rows: &[RowRef], as_of: i64) -> Vec<(i64, bool, i64, bool)> {
        let mut out = Vec::new();
        versions_of(rows, i64::MIN, as_of, |v| out.push((v.known_from, v.is_latest, v.first_known, v.is_current())));
        out.sort_unstable();
        out
    }

    #[test]
    fn a_later_version_ends_the_earlier_one_when_it_becomes_known() {
        let rows = [row(1, 1, 10, Op::Upsert), row(1, 2, 20, Op::Correct)];
        assert_eq!(seen(&rows, 15), [(10, true, 10, true)]);
        assert_eq!(seen(&rows, 20), [(10, false, 10, false), (20, true, 10, true)]);
    }

    #[test]
    fn a_version_that_arrives_after_its_successor_is_never_current() {
        let rows = [row(1, 1, 30, Op::Upsert), row(1, 2, 20, Op::Retract)];
        assert_eq!(seen(&rows, 25), [(20, true, 20, false)]);
        assert_eq!(seen(&rows, 30), [(20, true, 20, false), (30, false, 20, false)]);
    }

    #[test]
    fn of_a_version_told_twice_the_greatest_content_counts_from_when_the_first_was_known() {
        let rows = [
            row(1, 1, 10, Op::Upsert),
            row(1, 2, 40, Op::Upsert),
            row(1, 3, 20, Op::Upsert).as_copy(true),
            row(1, 4, 30, Op::Retract).as_copy(true),
        ];
        let at = |as_of| {
            let mut out = Vec::new();
            versions_of(&rows, i64::MIN, as_of, |v| out.push((v.row.0, v.known_from, v.is_latest)));
            out
        };
        assert_eq!(at(15), [(1, 10, true)]);
        assert_eq!(at(25), [(3, 20, true), (1, 10, false)]);
        assert_eq!(at(35), [(4, 20, true), (1, 10, false)]);
        assert_eq!(at(45), at(35));
    }

    fn payment(key: &str, version: i64) -> Record {
        use crate::model::record::Value;
        use crate::model::time::{EventTime, KnownTime};
        Record {
            table: TableId::Payments,
            subject: "p".into(),
            record_key: key.into(),
            version,
            op: Op::Upsert,
            event_time: EventTime(0),
            registered_at: 0,
            known_time: KnownTime(version),
            schema_ver: 1,
            source: "agi".into(),
            purpose: "payment_control".into(),
            secrecy_class: 2,
            values: vec![Value::Null; TableId::Payments.def().columns.len()],
        }
    }

    #[test]
    fn records_whose_keys_have_one_hash_stay_apart() {
        let mut seen = std::collections::HashMap::new();
        let (one, other) = (0..)
            .find_map(|n| {
                let key = format!("k{n}");
                seen.insert(key_of(&key), key.clone()).map(|before| (before, key))
            })
            .unwrap();
        let mut store = Store::new(TableId::Payments);
        let mut rows = Vec::new();
        for (key, version) in [(&one, 2), (&other, 2), (&other, 1), (&one, 1), (&other, 3)] {
            let record = payment(key, version);
            let content = |_| Ordering::Equal;
            let place =
                |rows: &[RowRef], store: &Store| place(rows, store, record.table, &record.record_key, version, content);
            let spot = place(&rows, &store).unwrap();
            rows.insert(spot.at, RowRef::new(TableId::Payments, spot.key, version, Op::Upsert, store.append(&record)));
            assert!(place(&rows, &store).is_none(), "it is there now");
        }
        let keys: Vec<_> = rows.iter().map(|row| store.text("record_key", row.row()).unwrap()).collect();
        assert!(keys.iter().eq([&one, &one, &other, &other, &other]), "{keys:?}");
        let versions: Vec<_> = rows.iter().map(|row| store.version(row.row())).collect();
        assert_eq!(versions, [1, 2, 1, 2, 3]);
        let current = seen_current(&rows);
        assert_eq!(current, 2);
    }

    fn seen_current(rows: &[RowRef]) -> usize {
        seen(rows, i64::MAX).iter().filter(|(.., is_current)| *is_current).count()
    }

    #[test]
    fn an_entry_says_what_went_into_it() {
        for table in TableId::ALL {
            for op in Op::ALL {
                for known in [-1, 0, 1, 1_800_000_000_000_000, LAST_KNOWN, -LAST_KNOWN] {
                    for is_copy in [false, true] {
                        let row = RowRef::new(table, 7, known, op, RowId(3)).as_copy(is_copy);
                        assert_eq!((row.table(), row.op(), row.known(), row.row()), (table, op, known, RowId(3)));
                        assert_eq!(row.is_copy(), is_copy);
                    }
                }
            }
        }
        assert_eq!(size_of::<RowRef>(), 16);
    }
}

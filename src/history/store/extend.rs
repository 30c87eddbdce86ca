//! Appends many rows at once, from columns.

use std::sync::Arc;

use arrow::array::{Array, PrimitiveArray};
use arrow::datatypes::ArrowPrimitiveType;
use rustc_hash::FxHashMap;

use crate::history::packed::{Numbers, Packed};
use crate::history::store::{Column, Open, PackedColumn, SEGMENT_ROWS, Store, ValueRef};
use crate::history::texts::Texts;
use crate::model::record::rows::{self, OWN, RowAt, ShardRows, stored};
use crate::model::schema::{ColumnType, ENVELOPE};

impl Store {
    /// Appends rows in the order of `places`. Rows that fill a whole segment skip the open one.
    pub fn extend(&mut self, parts: &[ShardRows<'_>], places: &[RowAt]) {
        let mut numbers = Numbers::default();
        let mut rest = places;
        while !rest.is_empty() {
            let room = SEGMENT_ROWS - self.rows as usize % SEGMENT_ROWS;
            let (now, later) = rest.split_at(room.min(rest.len()));
            rest = later;
            for (at, column) in self.columns.iter_mut().enumerate() {
                column.extend(&Gather { parts, places: now, column: file_column(at) }, &mut numbers);
            }
            self.rows += now.len() as u32;
        }
    }
}

/// Position of a stored column in a file: in both, the envelope without `op` comes first.
fn file_column(stored: usize) -> usize {
    let envelope = ENVELOPE.len() - 1;
    if stored >= envelope {
        return OWN + stored - envelope;
    }
    let with_op = ENVELOPE.iter().position(|column| column.name == "op").unwrap_or(envelope);
    rows::SCHEMA_VER + stored + usize::from(stored >= with_op)
}

/// One column of some rows.
struct Gather<'a> {
    parts: &'a [ShardRows<'a>],
    places: &'a [RowAt],
    column: usize,
}

impl<'a> Gather<'a> {
    /// The rows' cells, in runs of consecutive rows of one part.
    fn runs(&self) -> impl Iterator<Item = (u32, &'a rows::RecordColumn, &'a [RowAt])> {
        let (parts, column) = (self.parts, self.column);
        let runs = self.places.chunk_by(|one, other| one.part == other.part);
        runs.filter_map(move |run| {
            let part = run.first()?.part;
            Some((part, parts[part as usize].rows.column(column), run))
        })
    }

    fn is_null(&self) -> bool {
        self.runs().all(|(_, cells, _)| matches!(cells, rows::RecordColumn::Null))
    }

    // Plain loops, since these visit every value of every row.

    fn numbers(&self, ty: ColumnType, out: &mut Numbers) {
        for (_, cells, run) in self.runs() {
            match cells {
                rows::RecordColumn::Null => out.extend_same(None, run.len()),
                rows::RecordColumn::Same(number) => out.extend_same(Some(*number), run.len()),
                rows::RecordColumn::Ints(array) => add(array, run, out, |number| number),
                rows::RecordColumn::Instants(array) => add(array, run, out, |number| number),
                rows::RecordColumn::Days(array) => add(array, run, out, |day| stored(i64::from(day), ty)),
                _ => {
                    for place in run {
                        out.push_some(cells.number(place.row as usize));
                    }
                }
            }
        }
    }

    fn texts(&self) -> Vec<Option<&'a str>> {
        let mut texts = Vec::with_capacity(self.places.len());
        for (_, cells, run) in self.runs() {
            for place in run {
                texts.push(cells.text(place.row as usize));
            }
        }
        texts
    }

    /// If every part is dictionary-coded: the distinct texts in the order of first use, and for each row the number of its text.
    fn codes(&self) -> Option<(Vec<&'a str>, Numbers)> {
        let mut distinct: Vec<&str> = Vec::new();
        let mut numbers: FxHashMap<&str, i64> = FxHashMap::default();
        let mut by_part: FxHashMap<u32, Vec<i64>> = FxHashMap::default();
        let mut codes = Numbers::default();
        for (part, cells, run) in self.runs() {
            let rows::RecordColumn::Codes(_, texts) = cells else {
                if matches!(cells, rows::RecordColumn::Null) {
                    codes.extend_same(None, run.len());
                    continue;
                }
                return None;
            };
            let known = by_part.entry(part).or_insert_with(|| vec![-1; texts.len()]);
            for place in run {
                let Some(code) = cells.code(place.row as usize) else {
                    codes.push_some(None);
                    continue;
                };
                if known[code] < 0 {
                    let text = texts.value(code);
                    known[code] = *numbers.entry(text).or_insert(distinct.len() as i64);
                    if known[code] == distinct.len() as i64 {
                        distinct.push(text);
                    }
                }
                codes.push_some(Some(known[code]));
            }
        }
        Some((distinct, codes))
    }

    /// Appends each row's list to an open column.
    fn lists(&self, open: &mut Open) {
        for (_, cells, run) in self.runs() {
            for place in run {
                match cells.items(place.row as usize) {
                    Some(items) => {
                        let items: Vec<Box<str>> = items.iter().flatten().map(Into::into).collect();
                        open.push(ValueRef::List(&items));
                    }
                    None => open.push(ValueRef::Null),
                }
            }
        }
    }
}

#[inline]
fn add<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    run: &[RowAt],
    out: &mut Numbers,
    number: impl Fn(T::Native) -> i64,
) {
    let values = array.values();
    match array.nulls() {
        None => {
            for place in run {
                out.push(number(values[place.row as usize]));
            }
        }
        Some(nulls) => {
            for place in run {
                let at = place.row as usize;
                out.push_some(if nulls.is_valid(at) { Some(number(values[at])) } else { None });
            }
        }
    }
}

impl Column {
    fn extend(&mut self, gather: &Gather<'_>, numbers: &mut Numbers) {
        let is_whole = gather.places.len() == SEGMENT_ROWS;
        match &mut self.open {
            Open::Numbers(open) => {
                numbers.clear();
                gather.numbers(self.ty, numbers);
                if is_whole {
                    let packed = Packed::of(numbers, self.ty == ColumnType::Timestamp);
                    self.full.push(Arc::new(PackedColumn::Numbers(packed)));
                } else {
                    open.extend(numbers.iter());
                }
            }
            open if self.ty == ColumnType::CodeList => gather.lists(open),
            Open::Texts { .. } if is_whole && gather.is_null() => {
                self.full.push(Arc::new(PackedColumn::Texts(Texts::Null)));
            }
            Open::Texts { .. } if is_whole => {
                self.full.push(Arc::new(PackedColumn::Texts(match gather.codes() {
                    Some((texts, codes)) => Texts::coded(&texts, &codes),
                    None => Texts::new(&gather.texts()),
                })));
            }
            open => gather.texts().into_iter().for_each(|text| open.push(text.map_or(ValueRef::Null, ValueRef::Text))),
        }
        if self.open.len() == SEGMENT_ROWS {
            self.pack();
        }
    }
}

//! Blanks rows that have been erased: all their values become null. The rows of a segment are collected first, since it is packed anew for them.
//!
//! A checkpoint must have either the rows with their owners and values or neither: so what one that goes on from an older one would write is
//! blanked last, at once, and the next is a whole one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Column, Open, PackedColumn, RowId, SEGMENT_ROWS, Store, ValueRef, open_text};
use crate::history::packed::Packed;
use crate::history::texts::Texts;
use crate::model::schema::ColumnType;

/// Rows to be blanked, by segment.
#[derive(Debug, Default)]
pub(super) struct Struck(BTreeMap<u32, Box<[u64; WORDS]>>);

const WORDS: usize = SEGMENT_ROWS / 64;

impl Struck {
    pub fn bytes(&self) -> usize {
        self.0.len() * size_of::<[u64; WORDS]>()
    }
}

impl Store {
    /// Notes that a row is to be blanked; nobody may read it from now on.
    pub fn strike(&mut self, row: RowId) {
        let (segment, at) = (row.0 / SEGMENT_ROWS as u32, row.0 as usize % SEGMENT_ROWS);
        self.struck.0.entry(segment).or_insert_with(|| Box::new([0; WORDS]))[at / 64] |= 1 << (at % 64);
    }

    /// Rows to be blanked.
    pub fn struck(&self) -> usize {
        self.struck.0.values().flat_map(|rows| rows.iter()).map(|word| word.count_ones() as usize).sum()
    }

    /// Blanks the rows of a segment before that number; `false` if there are none.
    pub fn blank_next(&mut self, before: u32) -> bool {
        let next = self.struck.0.first_key_value().map(|(segment, _)| *segment).filter(|segment| *segment < before);
        let Some((segment, rows)) = next.and_then(|segment| self.struck.0.remove_entry(&segment)) else { return false };
        let is_struck = |at: usize| rows[at / 64] >> (at % 64) & 1 == 1;
        for column in &mut self.columns {
            column.blank(segment as usize, &is_struck);
        }
        true
    }
}

impl Column {
    fn blank(&mut self, segment: usize, is_struck: &dyn Fn(usize) -> bool) {
        let of_instants = self.ty == ColumnType::Timestamp;
        match (self.full.get_mut(segment), &mut self.open) {
            (Some(cells), _) => *cells = Arc::new(cells.blanked(of_instants, is_struck)),
            (None, Open::Numbers(numbers)) => {
                let struck = numbers.iter_mut().enumerate().filter(|(at, _)| is_struck(*at));
                struck.for_each(|(_, number)| *number = None);
            }
            (None, own @ Open::Texts { .. }) => {
                let old = std::mem::replace(own, Open::Texts { text: String::new(), ends: Vec::new() });
                let Open::Texts { text, ends } = old else { return };
                for at in 0..ends.len() {
                    let left = open_text(&text, &ends, at).filter(|_| !is_struck(at));
                    own.push(left.map_or(ValueRef::Null, ValueRef::Text));
                }
            }
        }
    }
}

impl PackedColumn {
    /// The same without the values of some rows.
    fn blanked(&self, are_instants: bool, is_struck: &dyn Fn(usize) -> bool) -> PackedColumn {
        let rows = 0..SEGMENT_ROWS;
        match self {
            PackedColumn::Numbers(packed) => {
                let left: Vec<Option<i64>> = rows.map(|at| packed.get(at).filter(|_| !is_struck(at))).collect();
                PackedColumn::Numbers(Packed::new(&left, are_instants))
            }
            PackedColumn::Texts(texts) => {
                let read = |at: usize| {
                    let mut text = String::new();
                    (!is_struck(at) && texts.write(at, &mut text)).then_some(text)
                };
                let left: Vec<Option<String>> = rows.map(read).collect();
                let left: Vec<Option<&str>> = left.iter().map(Option::as_deref).collect();
                PackedColumn::Texts(Texts::new(&left))
            }
        }
    }
}

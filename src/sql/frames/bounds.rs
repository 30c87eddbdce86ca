//! Where partitions, groups of peers and frames begin and end in sorted rows.
//!
//! Boundaries are row numbers of the whole input. Partitions and groups are lists of first rows, with the number of rows at the
//! end, so that two neighbours delimit one. A frame has, for each row of the input, a first row and a row past its last. Within a
//! partition neither ever decreases; `slide` relies on this.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::kernels::cmp::distinct;
use datafusion::common::Result;

use crate::sql::frames::range::{Keys, Reach};
use crate::sql::frames::spans;

/// One end of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sql) enum Edge {
    Unbounded,
    Current,
    Preceding(Reach),
    Following(Reach),
}

/// What an edge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) enum Unit {
    Rows,
    Range,
    Groups,
}

/// The ends of a frame as written; `order` is the index of its ORDER BY list in the plan.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sql) struct Frame {
    pub unit: Unit,
    pub start: Edge,
    pub end: Edge,
    pub order: usize,
}

/// First row and row past the last, for each row.
pub(in crate::sql) struct Bounds {
    pub start: Vec<u32>,
    pub end: Vec<u32>,
}

/// Marks rows that differ from the previous row in one of the columns; nulls are equal.
pub(super) fn changes(columns: &[ArrayRef], mut marks: Vec<bool>) -> Result<Vec<bool>> {
    let rows = marks.len();
    if let Some(first) = marks.first_mut() {
        *first = true;
    }
    if rows < 2 {
        return Ok(marks);
    }
    for column in columns {
        if let Some(texts) = column.as_string_opt::<i32>() {
            mark_texts(texts.value_offsets(), texts.value_data(), texts.nulls(), &mut marks);
        } else {
            let changed = distinct(&column.slice(1, rows - 1), &column.slice(0, rows - 1))?;
            changed.values().set_indices().for_each(|row| marks[row + 1] = true);
        }
    }
    Ok(marks)
}

/// Identifiers share their first bytes, so this compares lengths and bytes and hashes nothing.
fn mark_texts(offsets: &[i32], bytes: &[u8], nulls: Option<&arrow::buffer::NullBuffer>, marks: &mut [bool]) {
    let text = |row: usize| &bytes[offsets[row] as usize..offsets[row + 1] as usize];
    for (row, mark) in marks.iter_mut().enumerate().skip(1).filter(|(_, mark)| !**mark) {
        *mark = match nulls {
            Some(nulls) if nulls.is_null(row) || nulls.is_null(row - 1) => nulls.is_null(row) != nulls.is_null(row - 1),
            _ => !same(text(row - 1), text(row)),
        };
    }
}

/// Neighbours are mostly equal and short, so calling `memcmp` would cost more than the comparison.
fn same(left: &[u8], right: &[u8]) -> bool {
    let (words, rest) = left.as_chunks::<8>();
    let (others, other_rest) = right.as_chunks::<8>();
    left.len() == right.len()
        && words.iter().zip(others).all(|(word, other)| u64::from_le_bytes(*word) == u64::from_le_bytes(*other))
        && rest.iter().zip(other_rest).all(|(byte, other)| byte == other)
}

/// The marked rows, and the number of rows at the end.
pub(in crate::sql) fn boundaries(marks: &[bool]) -> Vec<u32> {
    let mut out = Vec::with_capacity(marks.iter().filter(|mark| **mark).count() + 1);
    out.extend(marks.iter().enumerate().filter(|(_, mark)| **mark).map(|(row, _)| row as u32));
    out.push(marks.len() as u32);
    out
}

/// What the edges of a frame are computed from. `groups` and `keys` are present if the frame needs them.
pub(in crate::sql) struct Along<'a> {
    pub partitions: &'a [u32],
    pub groups: &'a [u32],
    pub keys: Option<&'a Keys>,
}

impl Along<'_> {
    pub fn bounds(&self, frame: &Frame) -> Bounds {
        Bounds { start: self.edge::<true>(frame.unit, &frame.start), end: self.edge::<false>(frame.unit, &frame.end) }
    }

    /// The first rows (`START`) or the rows past the last.
    fn edge<const START: bool>(&self, unit: Unit, edge: &Edge) -> Vec<u32> {
        match (unit, edge) {
            (_, Edge::Unbounded) => self.by_row(|_, first, end| if START { first } else { end }),
            (Unit::Rows, Edge::Current) => self.by_row(|row, _, _| if START { row } else { row + 1 }),
            (Unit::Rows, Edge::Preceding(reach)) => {
                let count = reach.count();
                // The end is one further: the row itself, `count` rows back, is in the frame.
                self.by_row(|row, first, _| (row + u32::from(!START)).saturating_sub(count).max(first))
            }
            (Unit::Rows, Edge::Following(reach)) => {
                let count = reach.count();
                self.by_row(|row, _, end| (row + u32::from(!START)).saturating_add(count).min(end))
            }
            (Unit::Range, Edge::Preceding(reach)) => self.by_key::<START>(reach, true),
            (Unit::Range, Edge::Following(reach)) => self.by_key::<START>(reach, false),
            (Unit::Range | Unit::Groups, Edge::Current) => self.own_group::<START>(),
            (Unit::Groups, Edge::Preceding(reach)) => self.by_group::<START>(-i64::from(reach.count())),
            (Unit::Groups, Edge::Following(reach)) => self.by_group::<START>(i64::from(reach.count())),
        }
    }

    fn rows(&self) -> usize {
        self.partitions.last().map_or(0, |rows| *rows as usize)
    }

    /// Computes an edge from each row and the ends of its partition.
    fn by_row(&self, edge: impl Fn(u32, u32, u32) -> u32) -> Vec<u32> {
        let mut out = Vec::with_capacity(self.rows());
        for (first, end) in spans(self.partitions) {
            out.extend((first..end).map(|row| edge(row, first, end)));
        }
        out
    }

    /// The ends of the row's own group.
    fn own_group<const START: bool>(&self) -> Vec<u32> {
        let mut group = 0;
        let edge = |row: u32| {
            group += usize::from(self.groups[group + 1] <= row);
            self.groups[group + usize::from(!START)]
        };
        (0..self.rows() as u32).map(edge).collect()
    }

    /// The ends of the group `away` groups away, clamped to the partition.
    fn by_group<const START: bool>(&self, away: i64) -> Vec<u32> {
        let mut out = Vec::with_capacity(self.rows());
        let mut group = 0;
        for (first, end) in spans(self.partitions) {
            let from = group;
            while self.groups[group] < end {
                group += 1;
            }
            let to = group;
            for at in from..to {
                let wanted = at as i64 + away;
                let edge = match usize::try_from(wanted) {
                    Ok(wanted) if wanted >= to => end,
                    Ok(wanted) if wanted >= from => self.groups[wanted + usize::from(!START)],
                    _ => first,
                };
                let rows = self.groups[at + 1] - self.groups[at];
                out.extend(std::iter::repeat_n(edge, rows as usize));
            }
        }
        out
    }

    fn by_key<const START: bool>(&self, reach: &Reach, back: bool) -> Vec<u32> {
        self.keys.map_or_else(Vec::new, |keys| keys.edge::<START>(self.partitions, reach, back))
    }
}

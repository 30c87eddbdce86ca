//! The rows of a table as a checkpoint has them: full segments as they are packed in memory, and the rows of the open one.
//!
//! Columns go by their names, so that a program whose tables have other columns reads them too: a column that it does not know is
//! left out, one that is not there is null.
//!
//! Segments are not Arrow or Parquet: those would have to be packed anew at every start, which takes longer than all the rest of it.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Column, Open, PackedColumn, SEGMENT_ROWS, Store, open_text};
use crate::history::packed::Packed;
use crate::history::store::ValueRef;
use crate::history::texts::Texts;
use crate::model::schema::{ColumnType, TableId};

/// Full segments of a table, one after the other.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Segments {
    pub table: String,
    pub columns: Vec<String>,
    /// Number of the first.
    pub first: u32,
    /// By segment, then by column.
    segments: Vec<Vec<Cells>>,
}

/// Rows of a table's open segment.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Tail {
    pub table: String,
    pub columns: Vec<String>,
    /// Number of the first row, which begins the segment.
    pub first: u32,
    pub rows: u32,
    /// By column.
    cells: Vec<Cells>,
}

/// The rows of a table that have come since a capture: shared where they are packed, copied where they are not.
#[derive(Debug)]
pub struct Captured {
    table: TableId,
    first: u32,
    segments: Vec<Vec<Cells>>,
    open: Vec<(ColumnType, Open)>,
}

/// A column of a segment.
#[derive(Clone, Debug)]
struct Cells(Arc<PackedColumn>);

impl Serialize for Cells {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cells, D::Error> {
        PackedColumn::deserialize(deserializer).map(|cells| Cells(Arc::new(cells)))
    }
}

/// Why blocks do not fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit(pub String);

impl Segments {
    /// The number after that of the last.
    pub fn end(&self) -> u32 {
        self.first + self.segments.len() as u32
    }

    /// Adds the segments that follow. An error returns those that cannot be added.
    pub fn append(&mut self, mut next: Segments) -> Result<(), Segments> {
        if next.table != self.table || next.columns != self.columns || next.first != self.end() {
            return Err(next);
        }
        self.segments.append(&mut next.segments);
        Ok(())
    }
}

impl Tail {
    /// Whether its rows lie in segments before that number.
    pub fn is_before(&self, segment: u32) -> bool {
        u64::from(self.first) < u64::from(segment) * SEGMENT_ROWS as u64
    }
}

impl Captured {
    /// The full segments, and the rows of the open one; this takes a while.
    pub fn pack(self) -> (Option<Segments>, Option<Tail>) {
        let table = self.table.name().to_owned();
        let columns: Vec<String> = super::stored(self.table).map(|(name, _)| name.to_owned()).collect();
        let rows = self.open.first().map_or(0, |(_, open)| open.len()) as u32;
        let first = (self.first + self.segments.len() as u32) * SEGMENT_ROWS as u32;
        let cells = self.open.into_iter().map(|(ty, open)| Cells(Arc::new(packed(ty, &open)))).collect();
        let tail = Tail { table: table.clone(), columns: columns.clone(), first, rows, cells };
        let segments = Segments { table, columns, first: self.first, segments: self.segments };
        ((!segments.segments.is_empty()).then_some(segments), (rows > 0).then_some(tail))
    }
}

fn packed(ty: ColumnType, open: &Open) -> PackedColumn {
    match open {
        Open::Numbers(numbers) => PackedColumn::Numbers(Packed::new(numbers, ty == ColumnType::Timestamp)),
        Open::Texts { text, ends } => {
            let values: Vec<Option<&str>> = (0..ends.len()).map(|at| open_text(text, ends, at)).collect();
            PackedColumn::Texts(Texts::new(&values))
        }
    }
}

impl Store {
    /// Full segments.
    pub fn segments(&self) -> u32 {
        self.rows / SEGMENT_ROWS as u32
    }

    /// The segments from number `first` on, and the rows of the open one.
    pub fn capture(&self, table: TableId, first: u32) -> Captured {
        let segments = (first as usize..self.segments() as usize)
            .map(|segment| self.columns.iter().map(|column| Cells(Arc::clone(&column.full[segment]))).collect())
            .collect();
        let open = self.columns.iter().map(|column| (column.ty, column.open.clone())).collect();
        Captured { table, first, segments, open }
    }

    /// Adds full segments, which must follow those that are there.
    pub fn restore(&mut self, segments: Segments) -> Result<(), Unfit> {
        if self.segments() != segments.first || !self.rows.is_multiple_of(SEGMENT_ROWS as u32) {
            return Err(Unfit(format!(
                "segments of {} from number {} follow {}",
                segments.table,
                segments.first,
                self.segments()
            )));
        }
        let places = self.places(&segments.columns);
        for cells in segments.segments {
            if cells.len() != segments.columns.len() {
                return Err(Unfit(format!("a segment of {} lacks a column", segments.table)));
            }
            for (column, place) in self.columns.iter_mut().zip(&places) {
                let null = || Arc::new(column.null());
                let own = place.map_or_else(null, |place| Arc::clone(&cells[place].0));
                if !column.is_of(&own) {
                    return Err(Unfit(format!("column {} of {} is of another type", column.name, segments.table)));
                }
                column.full.push(own);
            }
            self.rows += SEGMENT_ROWS as u32;
        }
        Ok(())
    }

    /// Adds the rows of the open segment.
    pub fn restore_tail(&mut self, tail: &Tail) -> Result<(), Unfit> {
        if self.rows != tail.first || tail.rows as usize >= SEGMENT_ROWS || tail.cells.len() != tail.columns.len() {
            return Err(Unfit(format!("rows of {} from number {} follow {}", tail.table, tail.first, self.rows)));
        }
        let places = self.places(&tail.columns);
        for (column, place) in self.columns.iter_mut().zip(&places) {
            let Some(cells) = place.map(|place| &*tail.cells[place].0) else {
                (0..tail.rows).for_each(|_| column.open.push(ValueRef::Null));
                continue;
            };
            if !column.is_of(cells) {
                return Err(Unfit(format!("column {} of {} is of another type", column.name, tail.table)));
            }
            for row in 0..tail.rows as usize {
                column.open.push_packed(cells, row);
            }
        }
        self.rows += tail.rows;
        Ok(())
    }

    /// By own column: its place among columns with these names.
    fn places(&self, names: &[String]) -> Vec<Option<usize>> {
        self.columns.iter().map(|column| names.iter().position(|name| name == column.name)).collect()
    }
}

impl Column {
    /// A segment of nulls.
    fn null(&self) -> PackedColumn {
        match &self.open {
            Open::Numbers(_) => PackedColumn::Numbers(Packed::new(&[None], false)),
            Open::Texts { .. } => PackedColumn::Texts(Texts::Null),
        }
    }

    fn is_of(&self, cells: &PackedColumn) -> bool {
        matches!(
            (&self.open, cells),
            (Open::Numbers(_), PackedColumn::Numbers(_)) | (Open::Texts { .. }, PackedColumn::Texts(_))
        )
    }
}

impl Open {
    fn push_packed(&mut self, cells: &PackedColumn, row: usize) {
        match (self, cells) {
            (Open::Numbers(numbers), PackedColumn::Numbers(packed)) => numbers.push(packed.get(row)),
            (own @ Open::Texts { .. }, PackedColumn::Texts(texts)) => {
                let mut text = String::new();
                // Items of a list are one text, with their ends.
                match texts.write(row, &mut text) {
                    true => own.push(ValueRef::Text(&text)),
                    false => own.push(ValueRef::Null),
                }
            }
            (own, _) => own.push(ValueRef::Null),
        }
    }
}

//! Joins: by equal keys through a hash table over the left side, or of every pair; with a further condition or without.
//!
//! Rows of a join by keys come in the order of the right side, those of one right row in the order of the left; where the
//! join keeps left rows that found no partner, these come last. DataFusion promises its parents no more than that, and nothing
//! for pairs.

use arrow::array::{Array, AsArray, BooleanArray, UInt32Array};
use arrow::datatypes::SchemaRef;
use datafusion::common::{JoinSide, JoinType, Result};
use datafusion::physical_plan::joins::utils::ColumnIndex;

use crate::rules::executor::column::{Batch, Column, Picks, pick_all};
use crate::rules::executor::expr::Expr;
use crate::rules::executor::keys::{Keys, Table};
use crate::rules::executor::prune::Pruned;
use crate::rules::executor::range::Range;
use crate::rules::executor::{Node, Run};

/// Pairs that are looked at together.
const PAIRS: usize = 1 << 16;

/// A join of two inputs.
pub(super) struct Join {
    pub left: Node,
    pub right: Node,
    /// Equal keys; empty where every pair is looked at.
    pub on: Vec<(Expr, Expr)>,
    pub nulls_are_equal: bool,
    pub filter: Option<Condition>,
    /// What of the condition bounds one side by the other, where pairs are looked at.
    pub range: Option<Range>,
    pub kind: JoinType,
    /// Columns of left, right and mark that go on.
    pub projection: Option<Vec<usize>>,
}

/// A condition on a pair of rows.
pub(super) struct Condition {
    pub expr: Expr,
    /// Where its columns come from.
    pub columns: Vec<ColumnIndex>,
}

/// Pairs that were found, and which rows of the left side have found a partner.
struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Join {
    pub fn run(&self, run: &Run<'_>, pruned: &Pruned, schema: &SchemaRef) -> Result<Batch> {
        let left = self.left.run(run, pruned)?;
        if left.rows == 0 && self.is_empty_without_left() {
            return Ok(Batch::empty(schema));
        }
        let right = self.right.run(run, pruned)?;
        if right.rows == 0 && self.is_empty_without_right() {
            return Ok(Batch::empty(schema));
        }
        let pairs = if self.on.is_empty() {
            self.every_pair(run, &left, &right)?
        } else {
            self.equal_pairs(run, &left, &right)?
        };
        Ok(self.output(&left, &right, pairs))
    }

    fn is_empty_without_left(&self) -> bool {
        use JoinType::*;
        matches!(self.kind, Inner | Left | LeftSemi | LeftAnti | LeftMark | RightSemi)
    }

    fn is_empty_without_right(&self) -> bool {
        use JoinType::*;
        matches!(self.kind, Inner | Right | RightSemi | RightAnti | RightMark | LeftSemi)
    }

    fn equal_pairs(&self, run: &Run<'_>, left: &Batch, right: &Batch) -> Result<Pairs> {
        let columns = |batch: &Batch, side: fn(&(Expr, Expr)) -> &Expr| -> Result<Vec<Column>> {
            self.on.iter().map(|pair| side(pair).column(batch)).collect()
        };
        let left_columns = columns(left, |(left, _)| left)?;
        let right_columns = columns(right, |(_, right)| right)?;
        let left_keys = Keys::new(&left_columns, left.rows);
        let right_keys = Keys::new(&right_columns, right.rows);
        let (left_hashes, right_hashes) = (left_keys.hashes(), right_keys.hashes());
        let left_nulls = !self.nulls_are_equal && left_keys.may_have_nulls();
        let right_nulls = !self.nulls_are_equal && right_keys.may_have_nulls();
        let table = Table::new(&left_hashes, |row| !left_nulls || !left_keys.has_null(row));
        let mut found = Pairs { left: Vec::with_capacity(right.rows), right: Vec::with_capacity(right.rows) };
        let mut open = Pairs { left: Vec::new(), right: Vec::new() };
        for (at, hash) in right_hashes.iter().enumerate() {
            if right_nulls && right_keys.has_null(at) {
                continue;
            }
            let (into, limit) = if self.filter.is_some() { (&mut open, PAIRS) } else { (&mut found, usize::MAX) };
            let before = into.left.len();
            for row in table.candidates(*hash) {
                if left_hashes[row] == *hash && left_keys.equal(row, &right_keys, at) {
                    into.left.push(row as u32);
                    into.right.push(at as u32);
                }
            }
            run.budget.spend((into.left.len() - before) as u64)?;
            if into.left.len() >= limit {
                self.keep(left, right, &mut open, &mut found)?;
            }
        }
        self.keep(left, right, &mut open, &mut found)?;
        Ok(found)
    }

    /// Of all pairs those that meet the condition.
    fn every_pair(&self, run: &Run<'_>, left: &Batch, right: &Batch) -> Result<Pairs> {
        if let Some(found) = self.pairs_in_range(run, left, right)? {
            return Ok(found);
        }
        run.budget.spend((left.rows as u64).saturating_mul(right.rows as u64))?;
        let mut found = Pairs { left: Vec::new(), right: Vec::new() };
        let mut open = Pairs { left: Vec::new(), right: Vec::new() };
        let filtered = self.filter.is_some();
        for at in 0..right.rows as u32 {
            let into = if filtered { &mut open } else { &mut found };
            into.left.extend(0..left.rows as u32);
            into.right.extend(std::iter::repeat_n(at, left.rows));
            if filtered && open.left.len() >= PAIRS {
                self.keep(left, right, &mut open, &mut found)?;
            }
        }
        self.keep(left, right, &mut open, &mut found)?;
        Ok(found)
    }

    /// The same by looking at the pairs within the range alone; `None` if there is none, or none to be searched.
    fn pairs_in_range(&self, run: &Run<'_>, left: &Batch, right: &Batch) -> Result<Option<Pairs>> {
        let Some(range) = &self.range else { return Ok(None) };
        let left_is_searched = range.searched == JoinSide::Left;
        let (searched, other) = if left_is_searched { (left, right) } else { (right, left) };
        let Some(spans) = range.spans(searched, other)? else { return Ok(None) };
        let mut found = Pairs { left: Vec::new(), right: Vec::new() };
        let mut open = Pairs { left: Vec::new(), right: Vec::new() };
        for (at, (from, to)) in spans.into_iter().enumerate().filter(|(_, (from, to))| from < to) {
            run.budget.spend(u64::from(to - from))?;
            let (searched, other) =
                if left_is_searched { (&mut open.left, &mut open.right) } else { (&mut open.right, &mut open.left) };
            searched.extend(from..to);
            other.extend(std::iter::repeat_n(at as u32, (to - from) as usize));
            if open.left.len() >= PAIRS {
                self.keep(left, right, &mut open, &mut found)?;
            }
        }
        self.keep(left, right, &mut open, &mut found)?;
        Ok(Some(found))
    }

    /// Moves the open pairs that meet the condition to those that were found.
    fn keep(&self, left: &Batch, right: &Batch, open: &mut Pairs, found: &mut Pairs) -> Result<()> {
        let Some(filter) = &self.filter else { return Ok(()) };
        if open.left.is_empty() {
            return Ok(());
        }
        let rows = open.left.len();
        let left_picks = Picks::of(std::mem::take(&mut open.left));
        let right_picks = Picks::of(std::mem::take(&mut open.right));
        let column = |index: &ColumnIndex| {
            let (batch, picks) = if index.side == JoinSide::Left { (left, &left_picks) } else { (right, &right_picks) };
            pick_all(&batch.columns[index.index..=index.index], picks)
        };
        let columns = filter.columns.iter().flat_map(column).collect();
        let holds = filter.expr.array(&Batch { rows, columns })?;
        let holds = holds.as_boolean();
        for at in 0..rows {
            if holds.is_valid(at) && holds.value(at) {
                found.left.push(left_picks.rows().value(at));
                found.right.push(right_picks.rows().value(at));
            }
        }
        Ok(())
    }

    fn output(&self, left: &Batch, right: &Batch, pairs: Pairs) -> Batch {
        use JoinType::*;
        let seen = |rows: &[u32], count: usize| {
            let mut seen = vec![false; count];
            rows.iter().for_each(|row| seen[*row as usize] = true);
            seen
        };
        let chosen = |seen: &[bool], wanted: bool| -> Vec<u32> {
            (0..seen.len() as u32).filter(|row| seen[*row as usize] == wanted).collect()
        };
        match self.kind {
            LeftSemi | LeftAnti => {
                self.one_side(left, &Picks::of(chosen(&seen(&pairs.left, left.rows), self.kind == LeftSemi)))
            }
            RightSemi | RightAnti => {
                self.one_side(right, &Picks::of(chosen(&seen(&pairs.right, right.rows), self.kind == RightSemi)))
            }
            LeftMark => self.marked(left, seen(&pairs.left, left.rows)),
            RightMark => self.marked(right, seen(&pairs.right, right.rows)),
            Inner => self.both(left, right, &Picks::of(pairs.left), &Picks::of(pairs.right)),
            Left | Right | Full => {
                debug_assert!(pairs.right.is_sorted() || self.kind == Left);
                let (left_picks, right_picks) = self.outer(left, right, pairs, seen);
                self.both(left, right, &left_picks, &right_picks)
            }
        }
    }

    /// The pairs, and the rows without a partner beside nothing.
    fn outer(
        &self,
        left: &Batch,
        right: &Batch,
        pairs: Pairs,
        seen: impl Fn(&[u32], usize) -> Vec<bool>,
    ) -> (Picks, Picks) {
        let left_seen = seen(&pairs.left, left.rows);
        let (mut lefts, mut rights): (Vec<Option<u32>>, Vec<Option<u32>>) = (Vec::new(), Vec::new());
        if matches!(self.kind, JoinType::Right | JoinType::Full) {
            let mut next = 0;
            for at in 0..right.rows as u32 {
                let from = next;
                while pairs.right.get(next) == Some(&at) {
                    lefts.push(Some(pairs.left[next]));
                    rights.push(Some(at));
                    next += 1;
                }
                if next == from {
                    lefts.push(None);
                    rights.push(Some(at));
                }
            }
        } else {
            lefts.extend(pairs.left.into_iter().map(Some));
            rights.extend(pairs.right.into_iter().map(Some));
        }
        if matches!(self.kind, JoinType::Left | JoinType::Full) {
            for row in (0..left.rows).filter(|row| !left_seen[*row]) {
                lefts.push(Some(row as u32));
                rights.push(None);
            }
        }
        (Picks::of_nullable(UInt32Array::from(lefts)), Picks::of_nullable(UInt32Array::from(rights)))
    }

    fn both(&self, left: &Batch, right: &Batch, left_picks: &Picks, right_picks: &Picks) -> Batch {
        let rows = left_picks.len();
        let width = left.columns.len();
        let columns = match &self.projection {
            None => {
                let mut columns = pick_all(&left.columns, left_picks);
                columns.extend(pick_all(&right.columns, right_picks));
                columns
            }
            Some(projection) => {
                let of = |from: &Batch, wanted: &dyn Fn(usize) -> Option<usize>, picks: &Picks| {
                    let chosen = projection.iter().filter_map(|at| wanted(*at));
                    let columns: Vec<Column> = chosen.map(|at| from.columns[at].clone()).collect();
                    pick_all(&columns, picks)
                };
                let mut lefts = of(left, &|at| (at < width).then_some(at), left_picks).into_iter();
                let mut rights = of(right, &|at| at.checked_sub(width), right_picks).into_iter();
                projection.iter().filter_map(|at| if *at < width { lefts.next() } else { rights.next() }).collect()
            }
        };
        Batch { rows, columns }
    }

    fn one_side(&self, side: &Batch, picks: &Picks) -> Batch {
        let columns = if picks.len() == side.rows { side.columns.clone() } else { pick_all(&side.columns, picks) };
        Batch { rows: picks.len(), columns: self.project(columns) }
    }

    fn marked(&self, side: &Batch, marks: Vec<bool>) -> Batch {
        let mut columns = side.columns.clone();
        columns.push(Column::new(std::sync::Arc::new(BooleanArray::from(marks))));
        Batch { rows: side.rows, columns: self.project(columns) }
    }

    fn project(&self, columns: Vec<Column>) -> Vec<Column> {
        match &self.projection {
            None => columns,
            Some(projection) => projection.iter().map(|at| columns[*at].clone()).collect(),
        }
    }
}

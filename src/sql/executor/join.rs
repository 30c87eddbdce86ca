//! Joins: by equal keys through a hash table over the left side, or over every pair of rows; with or without a further condition.
//!
//! A join by keys outputs rows in the order of the right side, and the partners of one right row in the order of the left. If the
//! join keeps left rows without a partner, the output is in the order of the left side: that is mostly the main table of a view, in
//! whose order the windows above read. DataFusion promises no order to operators above a join.

use std::cell::OnceCell;

use arrow::array::BooleanArray;
use datafusion::common::{JoinSide, JoinType, Result};

use crate::sql::column::{Batch, Column, NO_ROW, Picks, nullable, pick_all};
use crate::sql::executor::condition::{ByPair, Condition, Pairs};
use crate::sql::executor::expr::Expr;
use crate::sql::executor::prune::Pruned;
use crate::sql::executor::range::Range;
use crate::sql::executor::{Node, Run};
use crate::sql::keys::{Keys, Table};

/// Pairs that are checked against the condition at once.
const PAIRS: usize = 1 << 16;

/// A join of two inputs.
pub(super) struct Join {
    pub left: Node,
    pub right: Node,
    /// Equal keys; empty if every pair is checked.
    pub on: Vec<(Expr, Expr)>,
    pub nulls_are_equal: bool,
    pub filter: Option<Condition>,
    /// The part of the condition that bounds one side by the other, if every pair would be checked.
    pub range: Option<Range>,
    pub kind: JoinType,
    /// The columns of left side, right side and mark that are passed on.
    pub projection: Option<Vec<usize>>,
}

/// The rows that a join outputs.
pub(super) enum Given {
    /// Rows of one side.
    Left(Vec<u32>),
    Right(Vec<u32>),
    /// All rows of one side, each with a mark.
    MarkedLeft(Vec<bool>),
    MarkedRight(Vec<bool>),
    /// Rows of both sides side by side; a side may be missing ([`NO_ROW`]).
    Both(Vec<u32>, Vec<u32>),
}

/// Every left row with its partners, or with none, in the order of the left side.
fn beside_left(rows: usize, pairs: &Pairs) -> Given {
    // Where the partners of each left row begin in the list of all partners.
    let mut begin = vec![0u32; rows + 1];
    pairs.left.iter().for_each(|row| begin[*row as usize + 1] += 1);
    (0..rows).for_each(|row| begin[row + 1] += begin[row]);
    let mut next = begin.clone();
    let mut partners = vec![0; pairs.right.len()];
    for (row, partner) in pairs.left.iter().zip(&pairs.right) {
        let place = &mut next[*row as usize];
        partners[*place as usize] = *partner;
        *place += 1;
    }
    let (mut lefts, mut rights) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    for row in 0..rows {
        let partners = &partners[begin[row] as usize..begin[row + 1] as usize];
        lefts.extend(std::iter::repeat_n(row as u32, partners.len().max(1)));
        if partners.is_empty() {
            rights.push(NO_ROW);
        }
        rights.extend_from_slice(partners);
    }
    Given::Both(lefts, rights)
}

/// The pairs, and the right rows without a partner, in the order of the right side.
fn beside_right(rows: usize, pairs: &Pairs) -> (Vec<u32>, Vec<u32>) {
    debug_assert!(pairs.right.is_sorted());
    let (mut lefts, mut rights) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let mut next = 0;
    for at in 0..rows as u32 {
        let from = next;
        while pairs.right.get(next) == Some(&at) {
            lefts.push(pairs.left[next]);
            rights.push(at);
            next += 1;
        }
        if next == from {
            lefts.push(NO_ROW);
            rights.push(at);
        }
    }
    (lefts, rights)
}

/// Collects the pairs that meet a condition.
struct Finder<'a> {
    condition: Option<&'a Condition>,
    /// Prepared at the first pair.
    by_pair: OnceCell<Option<ByPair<'a>>>,
    left: &'a Batch,
    right: &'a Batch,
    /// Pairs that have not been checked against the condition yet.
    open: Pairs,
    found: Pairs,
}

impl<'a> Finder<'a> {
    fn new(condition: Option<&'a Condition>, left: &'a Batch, right: &'a Batch) -> Finder<'a> {
        Finder { condition, by_pair: OnceCell::new(), left, right, open: Pairs::default(), found: Pairs::default() }
    }

    fn add(&mut self, left: u32, right: u32) {
        let into = match self.condition {
            None => &mut self.found,
            Some(condition) => match self.by_pair.get_or_init(|| condition.by_pair(self.left, self.right)) {
                None => &mut self.open,
                Some(by_pair) if by_pair.holds(left as usize, right as usize) => &mut self.found,
                Some(_) => return,
            },
        };
        into.left.push(left);
        into.right.push(right);
    }

    fn keep_if_many(&mut self) -> Result<()> {
        if self.open.left.len() >= PAIRS { self.keep() } else { Ok(()) }
    }

    /// Checks the open pairs and keeps those that meet the condition.
    fn keep(&mut self) -> Result<()> {
        let Some(condition) = self.condition.filter(|_| !self.open.left.is_empty()) else { return Ok(()) };
        let open = std::mem::take(&mut self.open);
        let (left, right) = (Picks::of(open.left), Picks::of(open.right));
        let holds = condition.of_many(self.left, self.right, (&left, &right))?;
        let held = |picks: &Picks, into: &mut Vec<u32>| {
            into.extend(picks.rows().values().iter().zip(&holds).filter(|(_, holds)| **holds).map(|(row, _)| *row));
        };
        held(&left, &mut self.found.left);
        held(&right, &mut self.found.right);
        Ok(())
    }

    fn finish(mut self) -> Result<Pairs> {
        self.keep()?;
        Ok(self.found)
    }
}

impl Join {
    pub fn run(&self, run: &Run<'_>, pruned: &Pruned, empty: &Batch) -> Result<Batch> {
        let left = self.left.run(run, pruned)?;
        if left.rows == 0 && self.is_empty_without_left() {
            return Ok(empty.clone());
        }
        let right = self.right.run(run, pruned)?;
        if right.rows == 0 && self.is_empty_without_right() {
            return Ok(empty.clone());
        }
        let pairs = if left.rows == 0 || right.rows == 0 {
            Pairs::default()
        } else if self.on.is_empty() {
            self.every_pair(run, &left, &right)?
        } else {
            self.equal_pairs(run, &left, &right)?
        };
        Ok(self.output(&left, &right, pairs))
    }

    pub fn is_empty_without_left(&self) -> bool {
        use JoinType::*;
        matches!(self.kind, Inner | Left | LeftSemi | LeftAnti | LeftMark | RightSemi)
    }

    pub fn is_empty_without_right(&self) -> bool {
        use JoinType::*;
        matches!(self.kind, Inner | Right | RightSemi | RightAnti | RightMark | LeftSemi)
    }

    pub fn equal_pairs(&self, run: &Run<'_>, left: &Batch, right: &Batch) -> Result<Pairs> {
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
        let mut finder = Finder::new(self.filter.as_ref(), left, right);
        finder.found.left.reserve(right.rows);
        finder.found.right.reserve(right.rows);
        for (at, hash) in right_hashes.iter().enumerate() {
            if right_nulls && right_keys.has_null(at) {
                continue;
            }
            let mut count = 0;
            for row in table.candidates(*hash) {
                if left_hashes[row] == *hash && left_keys.equal(row, &right_keys, at) {
                    count += 1;
                    finder.add(row as u32, at as u32);
                }
            }
            run.budget.spend(count)?;
            finder.keep_if_many()?;
        }
        finder.finish()
    }

    /// All pairs that meet the condition.
    pub fn every_pair(&self, run: &Run<'_>, left: &Batch, right: &Batch) -> Result<Pairs> {
        if let Some(found) = self.pairs_in_range(run, left, right)? {
            return Ok(found);
        }
        run.budget.spend((left.rows as u64).saturating_mul(right.rows as u64))?;
        let mut finder = Finder::new(self.filter.as_ref(), left, right);
        for at in 0..right.rows as u32 {
            (0..left.rows as u32).for_each(|row| finder.add(row, at));
            finder.keep_if_many()?;
        }
        finder.finish()
    }

    /// The same, checking only pairs within the range; `None` if the condition has no range or the side cannot be searched.
    fn pairs_in_range(&self, run: &Run<'_>, left: &Batch, right: &Batch) -> Result<Option<Pairs>> {
        let Some(range) = &self.range else { return Ok(None) };
        let left_is_searched = range.searched == JoinSide::Left;
        let (searched, other) = if left_is_searched { (left, right) } else { (right, left) };
        let Some(spans) = range.spans(searched, other)? else { return Ok(None) };
        let mut finder = Finder::new(self.filter.as_ref(), left, right);
        for (at, (from, to)) in spans.into_iter().enumerate().filter(|(_, (from, to))| from < to) {
            run.budget.spend(u64::from(to - from))?;
            for row in from..to {
                let (left, right) = if left_is_searched { (row, at as u32) } else { (at as u32, row) };
                finder.add(left, right);
            }
            finder.keep_if_many()?;
        }
        finder.finish().map(Some)
    }

    fn output(&self, left: &Batch, right: &Batch, pairs: Pairs) -> Batch {
        match self.given(left.rows, right.rows, pairs) {
            Given::Left(rows) => self.one_side(left, &Picks::of(rows)),
            Given::Right(rows) => self.one_side(right, &Picks::of(rows)),
            Given::MarkedLeft(marks) => self.marked(left, marks),
            Given::MarkedRight(marks) => self.marked(right, marks),
            Given::Both(lefts, rights) => self.both(left, right, &nullable(lefts), &nullable(rights)),
        }
    }

    /// The join's output for the pairs that meet its conditions; the sides have `left` and `right` rows.
    pub fn given(&self, left: usize, right: usize, pairs: Pairs) -> Given {
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
            LeftSemi | LeftAnti => Given::Left(chosen(&seen(&pairs.left, left), self.kind == LeftSemi)),
            RightSemi | RightAnti => Given::Right(chosen(&seen(&pairs.right, right), self.kind == RightSemi)),
            LeftMark => Given::MarkedLeft(seen(&pairs.left, left)),
            RightMark => Given::MarkedRight(seen(&pairs.right, right)),
            Inner => Given::Both(pairs.left, pairs.right),
            Left => beside_left(left, &pairs),
            Right | Full => {
                let (mut lefts, mut rights) = beside_right(right, &pairs);
                if self.kind == Full {
                    let alone = chosen(&seen(&pairs.left, left), false);
                    rights.extend(std::iter::repeat_n(NO_ROW, alone.len()));
                    lefts.extend(alone);
                }
                Given::Both(lefts, rights)
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_rows_stay_in_their_order_beside_their_partners() {
        // As the hash join finds them: in the order of the right side.
        let pairs = Pairs { left: vec![3, 1, 3, 0], right: vec![0, 2, 5, 6] };
        let Given::Both(left, right) = beside_left(5, &pairs) else { panic!("both sides") };
        assert_eq!(left, [0, 1, 2, 3, 3, 4]);
        assert_eq!(right, [6, 2, NO_ROW, 0, 5, NO_ROW]);
    }
}

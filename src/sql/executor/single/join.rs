//! Joins few rows. Up to a number of pairs every pair is checked, since a hash table would cost more.

use datafusion::common::{JoinSide, Result};

use crate::sql::cells::{Arena, Cells, Rows};
use crate::sql::executor::Node;
use crate::sql::executor::condition::{ByPair, Condition, Pairs};
use crate::sql::executor::join::{Given, Join};
use crate::sql::executor::single::{SingleRun, hash_of, same};
use crate::sql::keys::Table;

/// Up to this many pairs, all are checked.
const FEW_PAIRS: usize = 256;

/// No more pairs than this are listed for a condition that cannot check single pairs.
const MANY_PAIRS: usize = 1 << 16;

/// Collects the pairs that meet a condition.
struct Finder<'a> {
    condition: Option<&'a Condition>,
    by_pair: Option<ByPair<'a>>,
    pairs: Pairs,
}

impl<'a> Finder<'a> {
    fn new(condition: Option<&'a Condition>, left: &Rows<'a>, right: &Rows<'a>, arena: &'a Arena) -> Finder<'a> {
        let by_pair = condition.and_then(|condition| condition.by_pair_single(left, right, arena));
        Finder { condition, by_pair, pairs: Pairs::default() }
    }

    /// Whether the condition would need a list of too many pairs.
    fn is_too_large(&self, left: &Rows<'a>, right: &Rows<'a>) -> bool {
        let is_open = self.condition.is_some() && self.by_pair.is_none();
        is_open && left.count.saturating_mul(right.count) > MANY_PAIRS
    }

    fn add(&mut self, left: u32, right: u32) {
        if self.by_pair.as_ref().is_none_or(|by_pair| by_pair.holds(left as usize, right as usize)) {
            self.pairs.left.push(left);
            self.pairs.right.push(right);
        }
    }

    fn finish(self, left: &Rows<'a>, right: &Rows<'a>, arena: &'a Arena) -> Result<Pairs> {
        let pairs = self.pairs;
        let Some(condition) = self.condition.filter(|_| self.by_pair.is_none() && !pairs.left.is_empty()) else {
            return Ok(pairs);
        };
        let holding = condition.of_single(left, right, &pairs, arena)?;
        let kept = |rows: &[u32]| holding.iter().map(|at| rows[*at as usize]).collect();
        Ok(Pairs { left: kept(&pairs.left), right: kept(&pairs.right) })
    }
}

impl Join {
    pub fn single<'a>(&'a self, run: &SingleRun<'_, 'a>) -> Result<Rows<'a>> {
        let left = self.left.single(run)?;
        if left.count == 0 && self.is_empty_without_left() {
            return Ok(Rows::NONE);
        }
        let right = self.right.single(run)?;
        if right.count == 0 && self.is_empty_without_right() {
            return Ok(Rows::NONE);
        }
        let pairs = if left.count == 0 || right.count == 0 {
            Pairs::default()
        } else if self.on.is_empty() {
            self.every_pair_single(run, &left, &right)?
        } else {
            self.equal_pairs_single(run, &left, &right)?
        };
        Ok(self.output_single(run.arena, &left, &right, pairs))
    }

    fn equal_pairs_single<'a>(&'a self, run: &SingleRun<'_, 'a>, left: &Rows<'a>, right: &Rows<'a>) -> Result<Pairs> {
        let arena = run.arena;
        let left_keys = arena.try_slice(self.on.iter().map(|(key, _)| key.cells(left, arena)))?;
        let right_keys = arena.try_slice(self.on.iter().map(|(_, key)| key.cells(right, arena)))?;
        let mut finder = Finder::new(self.filter.as_ref(), left, right, arena);
        if left_keys.iter().chain(right_keys).any(|cells| cells.is_array()) || finder.is_too_large(left, right) {
            return self.equal_pairs(run.run, &left.batch(&self.left.schema)?, &right.batch(&self.right.schema)?);
        }
        let has_null = |keys: &[Cells<'_>], row: usize| keys.iter().any(|cells| cells.is_null(row));
        let is_pair = |row: usize, at: usize| left_keys.iter().zip(right_keys).all(|(a, b)| same(*a, row, *b, at));
        let mut add = |rows: &mut dyn Iterator<Item = usize>, at: usize| {
            let mut count = 0;
            for row in rows.filter(|row| is_pair(*row, at)) {
                count += 1;
                finder.add(row as u32, at as u32);
            }
            run.run.budget.spend(count)
        };
        if left.count.saturating_mul(right.count) <= FEW_PAIRS {
            for at in (0..right.count).filter(|at| self.nulls_are_equal || !has_null(right_keys, *at)) {
                add(&mut (0..left.count), at)?;
            }
        } else {
            let hashes =
                |keys: &[Cells<'a>], rows: usize| -> Vec<u64> { (0..rows).map(|row| hash_of(keys, row)).collect() };
            let (left_hashes, right_hashes) = (hashes(left_keys, left.count), hashes(right_keys, right.count));
            let table = Table::new(&left_hashes, |row| self.nulls_are_equal || !has_null(left_keys, row));
            for (at, hash) in right_hashes.iter().enumerate() {
                add(&mut table.candidates(*hash).filter(|row| left_hashes[*row] == *hash), at)?;
            }
        }
        finder.finish(left, right, arena)
    }

    /// All pairs that meet the condition.
    fn every_pair_single<'a>(&'a self, run: &SingleRun<'_, 'a>, left: &Rows<'a>, right: &Rows<'a>) -> Result<Pairs> {
        let (arena, budget) = (run.arena, run.run.budget);
        let mut finder = Finder::new(self.filter.as_ref(), left, right, arena);
        if finder.is_too_large(left, right) {
            return self.every_pair(run.run, &left.batch(&self.left.schema)?, &right.batch(&self.right.schema)?);
        }
        if let Some(range) = &self.range {
            let left_is_searched = range.searched == JoinSide::Left;
            let (searched, other) = if left_is_searched { (left, right) } else { (right, left) };
            if let Some(spans) = range.spans_single(searched, other, arena)? {
                for (at, (from, to)) in spans.into_iter().enumerate().filter(|(_, (from, to))| from < to) {
                    budget.spend(u64::from(to - from))?;
                    for row in from..to {
                        let (left, right) = if left_is_searched { (row, at as u32) } else { (at as u32, row) };
                        finder.add(left, right);
                    }
                }
                return finder.finish(left, right, arena);
            }
        }
        budget.spend((left.count as u64).saturating_mul(right.count as u64))?;
        for at in 0..right.count as u32 {
            (0..left.count as u32).for_each(|row| finder.add(row, at));
        }
        finder.finish(left, right, arena)
    }

    fn output_single<'a>(&self, arena: &'a Arena, left: &Rows<'a>, right: &Rows<'a>, pairs: Pairs) -> Rows<'a> {
        match self.given(left.count, right.count, pairs) {
            Given::Left(rows) => self.projected(left, arena).keep(&rows, arena),
            Given::Right(rows) => self.projected(right, arena).keep(&rows, arena),
            Given::MarkedLeft(marks) => self.projected(&marked(left, &marks, arena), arena),
            Given::MarkedRight(marks) => self.projected(&marked(right, &marks, arena), arena),
            Given::Both(lefts, _) if lefts.is_empty() => Rows::NONE,
            Given::Both(lefts, rights) => {
                let left = whole(left, &self.left, arena).pick(&lefts, arena);
                let right = whole(right, &self.right, arena).pick(&rights, arena);
                let width = left.columns.len();
                let column = |at: usize| match at.checked_sub(width) {
                    None => left.columns[at],
                    Some(at) => right.columns[at],
                };
                match &self.projection {
                    Some(projection) => {
                        Rows { count: lefts.len(), columns: arena.slice(projection.iter().map(|at| column(*at))) }
                    }
                    None => left.beside(right.columns, arena),
                }
            }
        }
    }

    fn projected<'a>(&self, side: &Rows<'a>, arena: &'a Arena) -> Rows<'a> {
        match &self.projection {
            Some(projection) if side.count > 0 => side.project(projection, arena),
            _ => *side,
        }
    }
}

/// A side with all its columns, which may be missing if it has no rows.
fn whole<'a>(side: &Rows<'a>, node: &Node, arena: &'a Arena) -> Rows<'a> {
    if side.count > 0 {
        return *side;
    }
    let fields = node.schema.fields().iter();
    Rows { count: 0, columns: arena.slice(fields.map(|field| Cells::empty(field.data_type(), arena))) }
}

fn marked<'a>(side: &Rows<'a>, marks: &[bool], arena: &'a Arena) -> Rows<'a> {
    if side.count == 0 {
        return Rows::NONE;
    }
    side.beside(&[arena.numbers(marks.iter().map(|mark| Some(i64::from(*mark))))], arena)
}

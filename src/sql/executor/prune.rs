//! Finds out, before a plan runs, for which units it can have rows.
//!
//! Most rules concern few persons: revoked permits, payments from abroad. An output row of such a plan needs a row of certain
//! inputs (both sides of inner joins, the kept side of outer joins), and rows of different units never meet (`proofs::isolation`
//! proves it). So if such an input has no row of a unit, the plan has none either, and the unit's rows of all other inputs can be
//! skipped.

use std::cell::RefCell;
use std::sync::Arc;

use datafusion::common::{JoinType, Result};
use rustc_hash::FxHashMap;

use crate::sql::column::{Batch, Picks};
use crate::sql::executor::{Input, Node, Operator, Part, Run};
use crate::sql::slots::Slot;

/// What is known of the units during a run.
#[derive(Default)]
pub(super) struct Pruned {
    /// Units that may have output rows; `None`: all.
    alive: Option<Vec<bool>>,
    /// The inputs that have been read to find that out.
    looked_at: FxHashMap<*const Input, Batch>,
    /// By slot: the rows of the units that may have output rows.
    rows: RefCell<FxHashMap<*const Slot, Option<Picks>>>,
}

/// If a greater share of the units may have rows, selecting their rows does not pay.
const MOST_ALIVE: f64 = 0.8;

/// Collects the inputs without which a node has no output row of a unit.
fn required(node: &Node, found: &mut Vec<Arc<Input>>) {
    match &node.operator {
        Operator::Input(input) => found.push(Arc::clone(input)),
        Operator::Filter { input, .. } | Operator::Project { input, .. } => required(input, found),
        Operator::Sort(sort) => required(&sort.input, found),
        Operator::Window(window) => required(window.input(), found),
        Operator::Group(group) if !group.keys.is_empty() => required(&group.input, found),
        Operator::Join(join) => {
            use JoinType::*;
            if matches!(join.kind, Inner | Left | LeftSemi | LeftAnti | LeftMark | RightSemi) {
                required(&join.left, found);
            }
            if matches!(join.kind, Inner | Right | RightSemi | RightAnti | RightMark | LeftSemi) {
                required(&join.right, found);
            }
        }
        _ => {}
    }
}

/// Inputs without which a node has no rows, in the order in which to check them; empty if checking would exclude nothing.
pub(super) fn required_in_order(node: &Node) -> Vec<Arc<Input>> {
    let mut inputs = Vec::new();
    required(node, &mut inputs);
    if inputs.len() < 2 && inputs.first().is_none_or(|input| input.condition.is_none()) {
        inputs.clear();
    }
    // Checking a view computes it, so check tables first: they may exclude all units.
    inputs.sort_by_key(|input| input.slot.is_view());
    inputs
}

impl Pruned {
    /// Checks the required inputs of a part of the plan, among the units that may still have rows. `None` if no unit can have
    /// output rows.
    pub fn within(&self, part: &Part, run: &Run<'_>) -> Result<Option<Pruned>> {
        Pruned::of(part, run, self.alive.clone().or_else(|| run.asked.clone()))
    }

    /// Checks the required inputs of a plan, for the units in `alive` (`None`: all). `None` if no unit can have output rows.
    pub fn of(part: &Part, run: &Run<'_>, mut alive: Option<Vec<bool>>) -> Result<Option<Pruned>> {
        let mut seen: Vec<(*const Input, Batch, Picks)> = Vec::new();
        for input in &part.required {
            let Some((batch, units)) = input.look_at(run)? else { continue };
            let mut own = vec![false; run.units];
            for unit in units.rows().values() {
                if let Some(own) = own.get_mut(*unit as usize) {
                    *own = alive.as_ref().is_none_or(|alive| alive[*unit as usize]);
                }
            }
            let none = !own.contains(&true);
            alive = Some(own);
            seen.push((Arc::as_ptr(input), batch, units));
            if none {
                return Ok(None);
            }
        }
        let mut pruned = Pruned::default();
        let Some(alive) = alive else { return Ok(Some(pruned)) };
        let count = alive.iter().filter(|alive| **alive).count();
        if count == 0 {
            return Ok(None);
        }
        let is_worth_it = (count as f64) < MOST_ALIVE * run.units as f64;
        for (input, batch, units) in seen {
            let batch = if is_worth_it { batch.pick(&living(&units, &alive)) } else { batch };
            pruned.looked_at.insert(input, batch);
        }
        pruned.alive = is_worth_it.then_some(alive);
        Ok(Some(pruned))
    }

    /// The rows of an input that has been read before.
    pub fn known(&self, input: &Arc<Input>) -> Option<Batch> {
        self.looked_at.get(&Arc::as_ptr(input)).cloned()
    }

    /// The rows of a slot, of the units that may have output rows.
    pub fn scan(&self, slot: &Slot, projection: &[usize], run: &Run<'_>) -> Result<Batch> {
        run.ready(slot)?;
        let batch = slot.batch(projection);
        let Some(alive) = &self.alive else { return Ok(batch) };
        let mut rows = self.rows.borrow_mut();
        let picks = rows.entry(std::ptr::from_ref(slot)).or_insert_with(|| Some(living(&slot.units()?, alive)));
        Ok(match picks {
            Some(picks) if picks.len() < batch.rows => batch.pick(picks),
            _ => batch,
        })
    }
}

/// Positions of the rows whose units are alive.
fn living(units: &Picks, alive: &[bool]) -> Picks {
    let rows = units.rows().values().iter().enumerate();
    let is_alive = |unit: u32| alive.get(unit as usize).copied().unwrap_or(true);
    Picks::of(rows.filter(|(_, unit)| is_alive(**unit)).map(|(at, _)| at as u32).collect())
}

impl Input {
    /// The input's rows and their units; `None` if the rows have no units.
    fn look_at(&self, run: &Run<'_>) -> Result<Option<(Batch, Picks)>> {
        run.ready(&self.slot)?;
        let Some(units) = self.slot.units() else { return Ok(None) };
        let rows = self.slot.batch(&self.projection);
        let Some(selection) = &self.condition else { return Ok(Some((rows, units))) };
        let (batch, picks) = selection.of(&rows)?;
        Ok(Some((batch, picks.map_or_else(|| units.clone(), |picks| units.then(&picks)))))
    }
}

//! Which units a plan can have rows for, found out before it runs.
//!
//! Most rules concern few: revoked permits, payments from abroad. A row of theirs needs a row of certain inputs (those of inner
//! joins, the kept side of outer ones), and rows of different units never meet (`check` proves it). So where such an input
//! has no row of a unit, the plan has none of it either, and that unit's rows of all other inputs need not be looked at.

use std::cell::RefCell;

use datafusion::common::{JoinType, Result};
use rustc_hash::FxHashMap;

use crate::rules::executor::column::{Batch, Picks};
use crate::rules::executor::{Node, Operator, Run, filter};
use crate::rules::table::Slot;

/// What is known of the units while a plan runs.
#[derive(Default)]
pub(super) struct Pruned {
    /// Units that may have rows; `None`: all.
    alive: Option<Vec<bool>>,
    /// Inputs that were looked at to find that out, by node.
    looked_at: FxHashMap<*const Node, Batch>,
    /// Rows of living units, by slot.
    rows: RefCell<FxHashMap<*const Slot, Option<Picks>>>,
}

/// Beyond this share of living units it is not worth choosing rows.
const MOST_ALIVE: f64 = 0.8;

/// Inputs without which a plan has no row of a unit: a slot's rows, or those that meet a condition.
fn required<'a>(node: &'a Node, found: &mut Vec<&'a Node>) {
    match &node.operator {
        Operator::Scan { .. } => found.push(node),
        Operator::Filter { input, .. } if matches!(input.operator, Operator::Scan { .. }) => found.push(node),
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

/// Inputs without which a part of a plan has no rows, in the order in which to look at them; none if it would cut nothing.
pub(super) fn required_in_order(part: &Node) -> Vec<&Node> {
    let mut nodes = Vec::new();
    required(part, &mut nodes);
    if nodes.len() < 2 && !matches!(nodes.first().map(|node| &node.operator), Some(Operator::Filter { .. })) {
        nodes.clear();
    }
    // A view is worked out when it is looked at: where a table says enough, it need not be.
    nodes.sort_by_key(|node| reads_view(node));
    nodes
}

impl Pruned {
    /// Looks at the required inputs of a part of the plan. `None` if it has rows for no unit at all.
    pub fn within(&self, part: &Node, run: &Run<'_>) -> Result<Option<Pruned>> {
        Pruned::of(part, run, self.alive.clone().or_else(|| run.asked.clone()))
    }

    /// Looks at the required inputs of a plan, for units that are `alive` (`None`: all). `None` if it has rows for no unit at all.
    pub fn of(root: &Node, run: &Run<'_>, mut alive: Option<Vec<bool>>) -> Result<Option<Pruned>> {
        let mut seen: Vec<(*const Node, Batch, Picks)> = Vec::new();
        for node in required_in_order(root) {
            let Some((batch, units)) = look_at(node, run)? else { continue };
            let mut own = vec![false; run.units];
            for unit in units.rows().values() {
                if let Some(own) = own.get_mut(*unit as usize) {
                    *own = alive.as_ref().is_none_or(|alive| alive[*unit as usize]);
                }
            }
            let none = !own.contains(&true);
            alive = Some(own);
            seen.push((node, batch, units));
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
        for (node, batch, units) in seen {
            let batch = if is_worth_it { batch.pick(&living(&units, &alive)) } else { batch };
            pruned.looked_at.insert(node, batch);
        }
        pruned.alive = is_worth_it.then_some(alive);
        Ok(Some(pruned))
    }

    /// The rows of a node that was looked at already.
    pub fn known(&self, node: &Node) -> Option<Batch> {
        self.looked_at.get(&std::ptr::from_ref(node)).cloned()
    }

    /// The rows of a slot whose units may have rows.
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

/// Places of the units that are alive.
fn living(units: &Picks, alive: &[bool]) -> Picks {
    let rows = units.rows().values().iter().enumerate();
    let is_alive = |unit: u32| alive.get(unit as usize).copied().unwrap_or(true);
    Picks::of(rows.filter(|(_, unit)| is_alive(**unit)).map(|(at, _)| at as u32).collect())
}

fn reads_view(node: &Node) -> bool {
    match &node.operator {
        Operator::Scan { slot, .. } => slot.is_view(),
        Operator::Filter { input, .. } => reads_view(input),
        _ => false,
    }
}

/// The rows of a required input with their units; `None` where the rows have none.
fn look_at(node: &Node, run: &Run<'_>) -> Result<Option<(Batch, Picks)>> {
    match &node.operator {
        Operator::Scan { slot, projection } => {
            run.ready(slot)?;
            Ok(slot.units().map(|units| (slot.batch(projection), units)))
        }
        Operator::Filter { input, predicate, projection } => {
            let Operator::Scan { slot, projection: scanned } = &input.operator else { return Ok(None) };
            run.ready(slot)?;
            let Some(units) = slot.units() else { return Ok(None) };
            let (batch, picks) = filter(&slot.batch(scanned), predicate, projection.as_deref())?;
            let units = picks.map_or_else(|| units.clone(), |picks| units.then(&picks));
            Ok(Some((batch, units)))
        }
        _ => Ok(None),
    }
}

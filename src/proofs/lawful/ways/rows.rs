//! The ways of rows that are picked, put one after another, grouped, or looked at together by a window.

use std::collections::BTreeMap;

use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;

use super::{Cell, Known, MOST_WAYS, Read, Way, limit};
use crate::proofs::lawful::law::Classes;

/// The ways of the rows for which a condition holds.
pub fn filtered(ways: Vec<Way>, condition: &Expr, schema: &DFSchema) -> Vec<Way> {
    let with = |way: Way| {
        let facts = way.facts(condition, true, schema);
        way.with(facts)
    };
    ways.into_iter().filter_map(with).collect()
}

/// The ways of rows with these expressions as their columns.
pub fn projected(ways: Vec<Way>, exprs: &[Expr], schema: &DFSchema) -> Vec<Way> {
    let picked = |way: Way| Way { cells: exprs.iter().map(|expr| way.cell(expr, schema)).collect(), ..way };
    tidy(&ways.into_iter().map(picked).collect::<Vec<_>>())
}

/// The ways of rows with some of their columns.
pub fn picked(way: &Way, columns: impl Iterator<Item = Option<usize>>) -> Way {
    let cells = columns.map(|at| at.and_then(|at| way.cells.get(at).cloned()).unwrap_or(Cell::Other)).collect();
    Way { cells, ..way.clone() }
}

/// The ways of rows that are looked at together if they agree in `keys`: what one of them rests on, all of them do. If they are counted
/// or put in an order (`weighed`), what keeps some of them away may bring others.
pub fn together(ways: &[Way], keys: &[Expr], schema: &DFSchema, weighed: bool) -> Vec<Way> {
    let of_keys = |way: &Way| -> Vec<Cell> { keys.iter().map(|key| way.cell(key, schema)).collect() };
    let keys: Vec<Vec<Cell>> = ways.iter().map(of_keys).collect();
    let mut out = Vec::with_capacity(ways.len());
    for (own, way) in ways.iter().enumerate() {
        let is_key = |permit: &usize| keys[own].contains(&Cell::Permit(*permit));
        let mut shared = way.clone();
        for read in &mut shared.reads {
            // Another permit's rows may be among them, with what was read for that permit.
            read.limits.retain(|permit, _| is_key(permit));
            read.about = read.about.filter(is_key);
        }
        for (other, beside) in ways.iter().enumerate() {
            if other == own || keys[own].iter().zip(&keys[other]).any(|(a, b)| is_apart(a, b)) {
                continue;
            }
            let same: Vec<(usize, usize)> = keys[own].iter().zip(&keys[other]).filter_map(permits).collect();
            for read in &beside.reads {
                let about = read.about.and_then(|theirs| Some(same.iter().find(|(_, other)| *other == theirs)?.0));
                let mut brought = Read { limits: BTreeMap::new(), about, ..read.clone() };
                for (mine, theirs) in &same {
                    let set = read.limits.get(theirs).copied().unwrap_or_else(Classes::all);
                    limit(&mut brought, *mine, set.and(beside.classes[*theirs]));
                }
                if !shared.reads.contains(&brought) {
                    shared.reads.push(brought);
                }
            }
        }
        if weighed {
            shared.reads.iter_mut().for_each(|read| read.role = read.role.weighed());
        }
        out.push(shared);
    }
    out
}

/// Whether rows with these values never agree.
fn is_apart(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Text(a, false), Cell::Text(b, false)) => a != b,
        (Cell::Text(_, false), Cell::Null) | (Cell::Null, Cell::Text(_, false)) => true,
        _ => false,
    }
}

fn permits((a, b): (&Cell, &Cell)) -> Option<(usize, usize)> {
    match (a, b) {
        (Cell::Permit(a), Cell::Permit(b)) => Some((*a, *b)),
        _ => None,
    }
}

/// Numbers permits and reads anew, and takes ways together that differ in nothing but what they read.
pub fn tidy(ways: &[Way]) -> Vec<Way> {
    let mut out: Vec<Way> = Vec::new();
    for way in ways.iter().map(renumbered) {
        match out.iter_mut().find(|known| known.is_like(&way)) {
            Some(known) => known.add_reads(way.reads),
            None => out.push(way),
        }
    }
    keep_few(&mut out);
    out
}

/// Takes ways together if there are too many to look at one by one: then less is known of each.
pub fn keep_few(ways: &mut Vec<Way>) {
    if ways.len() <= MOST_WAYS {
        return;
    }
    for way in ways.iter_mut() {
        for cell in &mut way.cells {
            if matches!(cell, Cell::Text(..) | Cell::Null) {
                *cell = Cell::Other;
            }
        }
    }
    let all = std::mem::take(ways);
    for way in all.iter().map(renumbered) {
        match ways.iter_mut().find(|known| known.is_like(&way)) {
            Some(known) => known.add_reads(way.reads),
            None => ways.push(way),
        }
    }
    if ways.len() > MOST_WAYS {
        *ways = vec![as_one(ways)];
    }
}

/// One way for all: of a column is known what is known of it in each.
fn as_one(ways: &[Way]) -> Way {
    let count = ways.first().map_or(0, |way| way.cells.len());
    let mut permits: Vec<Vec<usize>> = Vec::new();
    let mut number = |of: Vec<usize>| {
        permits.iter().position(|known| *known == of).unwrap_or_else(|| {
            permits.push(of);
            permits.len() - 1
        })
    };
    let mut cells = Vec::with_capacity(count);
    for at in 0..count {
        let ids: Option<Vec<usize>> = ways.iter().map(|way| of_permit(&way.cells[at])).collect();
        let classes: Option<Vec<usize>> = ways.iter().map(|way| of_class(&way.cells[at])).collect();
        cells.push(match (ids, classes) {
            (Some(ids), _) => Cell::Permit(number(ids)),
            (_, Some(classes)) => Cell::Class(number(classes)),
            _ => Cell::Other,
        });
    }
    let of = |each: &Vec<usize>| {
        each.iter().zip(ways).fold(Classes::NONE, |all, (permit, way)| all.or(way.classes[*permit]))
    };
    let classes = permits.iter().map(of).collect();
    let both = |each: &Vec<usize>| {
        let all = || each.iter().zip(ways).map(|(permit, way)| way.known[*permit]);
        Known { is_whole: all().all(|known| known.is_whole), is_open: all().all(|known| known.is_open) }
    };
    let known = permits.iter().map(both).collect();
    let mut one = Way { cells, classes, known, reads: Vec::new() };
    for (number, way) in ways.iter().enumerate() {
        let moved = |read: &Read| {
            let mut limits = BTreeMap::new();
            for (permit, each) in permits.iter().enumerate() {
                let set = read.limits.get(&each[number]).copied().unwrap_or_else(Classes::all);
                limits.insert(permit, set.and(way.classes[each[number]]));
            }
            let about = read.about.and_then(|own| permits.iter().position(|each| each[number] == own));
            Read { limits, about, ..read.clone() }
        };
        one.add_reads(way.reads.iter().map(moved).collect());
    }
    one
}

fn of_permit(cell: &Cell) -> Option<usize> {
    match cell {
        Cell::Permit(at) => Some(*at),
        _ => None,
    }
}

fn of_class(cell: &Cell) -> Option<usize> {
    match cell {
        Cell::Class(at) => Some(*at),
        _ => None,
    }
}

fn renumbered(way: &Way) -> Way {
    let mut permits: Vec<usize> = Vec::new();
    let mut reads: Vec<usize> = Vec::new();
    let number = |list: &mut Vec<usize>, at: usize| {
        list.iter().position(|known| *known == at).unwrap_or_else(|| {
            list.push(at);
            list.len() - 1
        })
    };
    let cells = way.cells.iter().map(|cell| match cell {
        Cell::Permit(at) => Cell::Permit(number(&mut permits, *at)),
        Cell::Class(at) => Cell::Class(number(&mut permits, *at)),
        Cell::Kind(at) => Cell::Kind(number(&mut reads, *at)),
        Cell::Op(at) => Cell::Op(number(&mut reads, *at)),
        Cell::Key(at) => Cell::Key(number(&mut reads, *at)),
        other => other.clone(),
    });
    let cells = cells.collect();
    let moved = |read: &Read| {
        let of = |(permit, set): (&usize, &Classes)| Some((permits.iter().position(|known| known == permit)?, *set));
        let about = read.about.and_then(|own| permits.iter().position(|known| *known == own));
        Read { limits: read.limits.iter().filter_map(of).collect(), about, ..read.clone() }
    };
    let named = reads.iter().map(|at| moved(&way.reads[*at])).collect();
    let classes = permits.iter().map(|at| way.classes[*at]).collect();
    let known = permits.iter().map(|at| way.known[*at]).collect();
    let mut out = Way { cells, classes, known, reads: named };
    let others = way.reads.iter().enumerate().filter(|(at, _)| !reads.contains(at));
    let others = others.map(|(_, read)| moved(read)).collect();
    out.add_others(others);
    out
}

impl Way {
    /// How many reads the cells name: they stand first.
    fn named(&self) -> usize {
        self.cells
            .iter()
            .filter_map(
                |cell| if let Cell::Kind(at) | Cell::Op(at) | Cell::Key(at) = cell { Some(at + 1) } else { None },
            )
            .max()
            .unwrap_or(0)
    }

    /// Whether another way differs in nothing but in what it reads beside the kinds that its cells name.
    fn is_like(&self, other: &Way) -> bool {
        let named = || self.reads.iter().zip(&other.reads).take(self.named());
        let is_same = self.cells == other.cells && self.classes == other.classes && self.known == other.known;
        is_same && named().all(|(a, b)| a.source == b.source)
    }

    /// Adds the reads of a way that is like it.
    fn add_reads(&mut self, reads: Vec<Read>) {
        let named = self.named();
        for (own, read) in self.reads.iter_mut().zip(&reads).take(named) {
            own.kinds |= read.kinds;
            own.is_tied &= read.is_tied;
            own.role = own.role.or(read.role);
            let both = own.limits.iter().filter_map(|(at, set)| Some((*at, set.or(*read.limits.get(at)?))));
            own.limits = both.collect();
        }
        let others = reads.into_iter().skip(named);
        self.add_others(others.collect());
    }

    fn add_others(&mut self, reads: Vec<Read>) {
        for read in reads {
            if !self.reads.contains(&read) {
                self.reads.push(read);
            }
        }
    }
}

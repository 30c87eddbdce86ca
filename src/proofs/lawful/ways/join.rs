//! The ways of joined rows.

use datafusion::common::{DFSchema, JoinType};
use datafusion::logical_expr::Join;

use super::{Cell, Facts, Read, Way, limit, rows, text_or_null};
use crate::proofs::lawful::law::Classes;

/// One way of each side, beside one another: the right side's permits and reads are numbered after the left side's.
struct Pair {
    way: Way,
    /// How many cells, permits and reads are the left side's.
    left: (usize, usize, usize),
    facts: Facts,
}

/// The ways of a join, from those of its sides.
pub fn of_join(join: &Join, left: &[Way], right: &[Way], schema: &DFSchema) -> Vec<Way> {
    let both = join.left.schema().join(join.right.schema()).unwrap_or_else(|_| schema.clone());
    let pair = |left: &Way, right: &Way| Pair::new(join, left, right, &both);
    let mut out = Vec::new();
    match join.join_type {
        JoinType::Inner => {
            for l in left {
                for r in right {
                    let Pair { way, facts, .. } = pair(l, r);
                    out.extend(way.with(facts));
                }
                rows::keep_few(&mut out);
            }
        }
        JoinType::Left => {
            for l in left {
                let before = out.len();
                out.extend(right.iter().filter_map(|r| pair(l, r).keeping_left()));
                if out.len() == before {
                    out.push(l.clone().beside_nulls(join.right.schema().fields().len()));
                }
                rows::keep_few(&mut out);
            }
        }
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
            for l in left {
                out.extend(of_partner(l, &right.iter().map(|r| pair(l, r)).collect::<Vec<_>>(), join.join_type));
            }
        }
        // None of these is planned from the texts that are accepted: nothing is narrowed.
        JoinType::Right | JoinType::Full | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
            let reads = left.iter().chain(right).flat_map(|way| way.reads.iter().cloned());
            let reads = reads.map(|read| Read { limits: Default::default(), ..read }).collect();
            out.push(Way::of_columns(schema.fields().len(), reads));
        }
    }
    out
}

/// A way of the left side beside all those in which it may have a partner: the partner's columns are gone.
fn of_partner(left: &Way, pairs: &[Pair], kind: JoinType) -> Option<Way> {
    let mut way = left.clone();
    let mut found = Facts::never();
    for pair in pairs {
        if pair.facts.never {
            continue;
        }
        let reads = pair.limited_reads();
        let own = |permit: usize| permit < pair.left.1;
        way.reads.extend(reads.into_iter().map(|mut read| {
            read.limits.retain(|permit, _| own(*permit));
            read
        }));
        let mut facts = pair.facts.clone();
        facts.classes.retain(|permit, _| own(*permit));
        facts.kinds.retain(|read, _| *read < pair.left.2);
        facts.same.clear();
        found = found.or(facts);
    }
    match kind {
        JoinType::LeftSemi => way.with(found),
        JoinType::LeftMark => {
            way.cells.push(Cell::Other);
            Some(way)
        }
        _ => Some(way),
    }
}

impl Pair {
    fn new(join: &Join, left: &Way, right: &Way, schema: &DFSchema) -> Pair {
        let (permits, reads) = (left.classes.len(), left.reads.len());
        let mut way = left.clone();
        way.classes.extend(&right.classes);
        way.cells.extend(right.cells.iter().map(|cell| match cell {
            Cell::Permit(at) => Cell::Permit(at + permits),
            Cell::Class(at) => Cell::Class(at + permits),
            Cell::Kind(at) => Cell::Kind(at + reads),
            other => other.clone(),
        }));
        way.reads.extend(right.reads.iter().map(|read| {
            let limits = read.limits.iter().map(|(permit, set)| (permit + permits, *set)).collect();
            Read { limits, ..read.clone() }
        }));
        let mut facts = Facts::default();
        for (l, r) in &join.on {
            let (l, r) = (way.cell(l, schema), way.cell(r, schema));
            facts = facts.and(way.equal(&l, &r, true));
        }
        if let Some(filter) = &join.filter {
            facts = facts.and(way.facts(filter, true, schema));
        }
        Pair { way, left: (left.cells.len(), permits, reads), facts }
    }

    /// The right side's reads, with what the join says of the classes for which they are read.
    fn limited_reads(&self) -> Vec<Read> {
        let Pair { way, left, facts } = self;
        let mut reads = way.reads[left.2..].to_vec();
        for (at, read) in reads.iter_mut().enumerate() {
            for (permit, set) in way.classes.iter().enumerate().skip(left.1).filter(|(_, set)| **set != Classes::all())
            {
                limit(read, permit, *set);
            }
            for (permit, set) in &facts.classes {
                limit(read, *permit, *set);
            }
            if let Some(kinds) = facts.kinds.get(&(at + left.2)) {
                read.kinds &= kinds;
            }
            // A permit of the left side that is one of the right side's has its class.
            for (a, b) in &facts.same {
                for (own, other) in [(a, b), (b, a)] {
                    if *own < left.1
                        && let Some(set) = read.limits.get(other).copied()
                    {
                        limit(read, *own, set);
                    }
                }
            }
        }
        reads
    }

    /// The way of a left join: its left rows are there with or without a partner.
    fn keeping_left(self) -> Option<Way> {
        if self.facts.never {
            return None;
        }
        let reads = self.limited_reads();
        if reads.iter().any(|read| read.kinds == 0) {
            return None;
        }
        let Pair { mut way, left, facts } = self;
        way.reads.truncate(left.2);
        way.reads.extend(reads);
        for (permit, set) in facts.classes.iter().filter(|(permit, _)| **permit >= left.1) {
            way.classes[*permit] = way.classes[*permit].and(*set);
        }
        for cell in &mut way.cells[left.0..] {
            *cell = text_or_null(cell);
        }
        // The right side's permit is the left side's, where there is a partner.
        for (a, b) in &facts.same {
            let (own, other) = if a < b { (*a, *b) } else { (*b, *a) };
            if own < left.1 && other >= left.1 {
                way.rename(other, own);
            }
        }
        way.classes.iter().all(|set| *set != Classes::NONE).then_some(way)
    }
}

impl Way {
    fn beside_nulls(mut self, count: usize) -> Way {
        self.cells.extend(std::iter::repeat_n(Cell::Null, count));
        self
    }
}

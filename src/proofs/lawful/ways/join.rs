//! The ways of joined rows.

use datafusion::common::{DFSchema, JoinType};
use datafusion::logical_expr::{Expr, Join, LogicalPlan};

use super::{Cell, Facts, Read, Way, limit, rows, text_or_null};
use crate::model::schema::TableId;
use crate::proofs::lawful::law::Classes;
use crate::proofs::lawful::role::Role;

/// One way of each side, beside one another: the right side's permits and reads are numbered after the left side's.
struct Pair {
    way: Way,
    /// How many cells, permits and reads are the left side's.
    left: (usize, usize, usize),
    facts: Facts,
}

/// The sides of a join, the one whose rows are kept first.
struct Sides<'a> {
    on: Vec<(&'a Expr, &'a Expr)>,
    filter: Option<&'a Expr>,
    schema: DFSchema,
}

impl<'a> Sides<'a> {
    fn of(join: &'a Join, is_swapped: bool) -> Option<Sides<'a>> {
        let (first, second) = if is_swapped { (&join.right, &join.left) } else { (&join.left, &join.right) };
        let on = join.on.iter().map(|(l, r)| if is_swapped { (r, l) } else { (l, r) }).collect();
        let schema = first.schema().join(second.schema()).ok()?;
        Some(Sides { on, filter: join.filter.as_ref(), schema })
    }
}

/// The ways of a join, from those of its sides.
pub fn of_join(join: &Join, left: &[Way], right: &[Way], schema: &DFSchema) -> Vec<Way> {
    use JoinType::*;
    let is_swapped = matches!(join.join_type, Right | RightSemi | RightAnti | RightMark);
    let sides = Sides::of(join, is_swapped).filter(|_| join.join_type != Full);
    let Some(sides) = sides else {
        // Nothing is narrowed where it cannot be followed.
        let reads = left.iter().chain(right).flat_map(|way| way.reads.iter().cloned());
        let weighed = |read: Read| Read { limits: Default::default(), about: None, role: read.role.weighed(), ..read };
        let reads = reads.map(weighed).collect();
        return vec![Way::of_columns(schema.fields().len(), reads)];
    };
    let (kept, others) = if is_swapped { (right, left) } else { (left, right) };
    let other_columns = if is_swapped { &join.left } else { &join.right }.schema().fields().len();
    let mut out = Vec::new();
    for way in kept {
        let pairs = others.iter().map(|other| Pair::new(&sides, way, other));
        match join.join_type {
            Inner => out.extend(pairs.filter_map(|Pair { way, facts, .. }| way.with(facts))),
            Left | Right => {
                let before = out.len();
                out.extend(pairs.filter_map(Pair::keeping_left));
                if out.len() == before {
                    out.push(way.clone().beside_nulls(other_columns));
                }
            }
            kind => {
                let pairs: Vec<Pair> = pairs.collect();
                let spares = is_sparing(join, is_swapped);
                out.extend(of_partner(way, &pairs, kind).map(|way| if spares { spared(way, &pairs) } else { way }));
            }
        }
        rows::keep_few(&mut out);
    }
    if join.join_type == Right {
        out.iter_mut().for_each(|way| way.cells.rotate_right(other_columns));
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
            match kind {
                JoinType::LeftAnti | JoinType::RightAnti => read.role = read.role.denied(),
                JoinType::LeftMark | JoinType::RightMark => read.role = Role::Weighs,
                _ => {}
            }
            read.limits.retain(|permit, _| own(*permit));
            read.about = read.about.filter(|permit| own(*permit));
            read
        }));
        let mut facts = pair.facts.clone();
        // A permit that is one of the partner's has its class.
        for (a, b) in &pair.facts.same {
            for (mine, theirs) in [(a, b), (b, a)] {
                if own(*mine) && !own(*theirs) && pair.is_of_one_class(*mine, *theirs) {
                    let set = facts.classes.get(theirs).copied().unwrap_or_else(Classes::all);
                    let set = set.and(pair.way.classes[*theirs]);
                    facts = facts.and(Facts { classes: [(*mine, set)].into(), ..Facts::default() });
                }
            }
        }
        facts.classes.retain(|permit, _| own(*permit));
        facts.kinds.retain(|read, _| *read < pair.left.2);
        facts.same.clear();
        facts.one.clear();
        facts.tied.clear();
        found = found.or(facts);
    }
    match kind {
        JoinType::LeftSemi | JoinType::RightSemi => way.with(found),
        JoinType::LeftMark | JoinType::RightMark => {
            way.cells.push(Cell::Other);
            Some(way)
        }
        _ => Some(way),
    }
}

/// The view of permits whose anchor is protected.
pub const PROTECTED_ANCHORS: &str = "protected_anchors";

/// Whether an anti-join keeps away each permit whose anchor is protected: by its id, and under no other condition.
fn is_sparing(join: &Join, is_swapped: bool) -> bool {
    let partner = if is_swapped { &join.left } else { &join.right };
    matches!(join.join_type, JoinType::LeftAnti | JoinType::RightAnti)
        && join.filter.is_none()
        && join.on.len() == 1
        && (is_whole(partner, PROTECTED_ANCHORS) || is_marked(partner))
}

/// Whether a plan's rows are all those of anchors that show no more than that they are protected.
fn is_marked(plan: &LogicalPlan) -> bool {
    let is_mark = |condition: &&Expr| matches!(condition, Expr::Column(column) if column.name == "protected");
    match plan {
        LogicalPlan::TableScan(scan) => {
            scan.table_name.table() == TableId::AnchorPopulation.name()
                && scan.fetch.is_none()
                && !scan.filters.is_empty()
                && scan.filters.iter().all(|filter| is_mark(&filter))
        }
        LogicalPlan::Filter(filter) => {
            is_mark(&&filter.predicate) && is_whole(&filter.input, TableId::AnchorPopulation.name())
        }
        LogicalPlan::SubqueryAlias(alias) => is_marked(&alias.input),
        LogicalPlan::Projection(projection) => is_marked(&projection.input),
        _ => false,
    }
}

/// Whether a plan's rows are all those of a table.
fn is_whole(plan: &LogicalPlan, table: &str) -> bool {
    match plan {
        LogicalPlan::TableScan(scan) => {
            scan.table_name.table() == table && scan.filters.is_empty() && scan.fetch.is_none()
        }
        LogicalPlan::SubqueryAlias(alias) => is_whole(&alias.input, table),
        LogicalPlan::Projection(projection) => is_whole(&projection.input, table),
        LogicalPlan::Distinct(distinct) => is_whole(distinct.input(), table),
        _ => false,
    }
}

/// A way whose permits are compared with those that are kept away.
fn spared(mut way: Way, pairs: &[Pair]) -> Way {
    for (a, b) in pairs.iter().flat_map(|pair| &pair.facts.one) {
        if let Some(known) = way.known.get_mut(*a.min(b)) {
            known.is_open = true;
        }
    }
    way
}

impl Pair {
    fn is_of_one_class(&self, a: usize, b: usize) -> bool {
        !self.facts.one.iter().any(|pair| *pair == (a, b) || *pair == (b, a)) || self.way.is_of_one_class(a, b)
    }

    fn new(sides: &Sides<'_>, left: &Way, right: &Way) -> Pair {
        let (permits, reads) = (left.classes.len(), left.reads.len());
        let mut way = left.clone();
        way.classes.extend(&right.classes);
        way.known.extend(&right.known);
        way.cells.extend(right.cells.iter().map(|cell| match cell {
            Cell::Permit(at) => Cell::Permit(at + permits),
            Cell::Class(at) => Cell::Class(at + permits),
            Cell::Kind(at) => Cell::Kind(at + reads),
            Cell::Op(at) => Cell::Op(at + reads),
            Cell::Key(at) => Cell::Key(at + reads),
            other => other.clone(),
        }));
        way.reads.extend(right.reads.iter().map(|read| {
            let limits = read.limits.iter().map(|(permit, set)| (permit + permits, *set)).collect();
            Read { limits, about: read.about.map(|permit| permit + permits), ..read.clone() }
        }));
        let mut facts = Facts::default();
        for (l, r) in &sides.on {
            let (l, r) = (way.cell(l, &sides.schema), way.cell(r, &sides.schema));
            facts = facts.and(way.equal(&l, &r, true));
        }
        if let Some(filter) = sides.filter {
            facts = facts.and(way.facts(filter, true, &sides.schema));
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
            let is_of = |other: usize| way.reads.get(other).is_some_and(|other| other.source == read.source);
            read.is_tied |= facts.tied.iter().any(|(a, b)| {
                (*a == at + left.2 && *b < left.2 && is_of(*b)) || (*b == at + left.2 && *a < left.2 && is_of(*a))
            });
            // A permit of the left side that is one of the right side's has its class.
            for (a, b) in &facts.same {
                for (own, other) in [(a, b), (b, a)] {
                    if *own < left.1 && read.about == Some(*other) {
                        read.about = Some(*own);
                    }
                    if *own < left.1
                        && self.is_of_one_class(*own, *other)
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
        let is_of_one_class = |(a, b): &&(usize, usize)| self.is_of_one_class(*a, *b);
        let same: Vec<(usize, usize)> = self.facts.same.iter().filter(is_of_one_class).copied().collect();
        let Pair { mut way, left, facts } = self;
        way.reads.truncate(left.2);
        // That there is no partner can be asked for.
        way.reads.extend(reads.into_iter().map(|read| Read { role: read.role.weighed(), ..read }));
        for (permit, set) in facts.classes.iter().filter(|(permit, _)| **permit >= left.1) {
            way.classes[*permit] = way.classes[*permit].and(*set);
        }
        for cell in &mut way.cells[left.0..] {
            *cell = text_or_null(cell);
        }
        // The right side's permit is the left side's, where there is a partner.
        for (a, b) in &same {
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

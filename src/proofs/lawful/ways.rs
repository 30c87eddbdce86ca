//! In which ways a row can come about: which tables it rests on, and for permits of which classes.
//!
//! A *way* picks one branch of each union, one row of each VALUES, and one row of each table that is joined. In it a column is known
//! to be a permit's own id or class, the kind of a record, or a text; conditions narrow what the class and the kind can be. So it
//! does not matter what a column is called, nor in which step a condition stands. Whether a read is lawful is asked of the permit
//! that the alert is about: a condition on another permit of the person narrows nothing.
//!
//! What cannot be followed narrows nothing. Permits are taken for one if their ids are compared, or if their classes are: only the
//! class matters. That a permit has one class in all its records is said of whole permits alone.

mod join;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Case, Expr, Operator};

use crate::decode::codes::codes_of;
use crate::model::schema::{ColumnType, TableId};
use crate::proofs::lawful::law::Classes;
use crate::proofs::lawful::role::Role;
use crate::proofs::lawful::uses::Breach;

pub use join::{PROTECTED_ANCHORS, of_join};
pub use rows::{filtered, picked, projected, tidy, together};

/// More ways than these are taken together.
const MOST_WAYS: usize = 48;

/// What a column holds in a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Other,
    Null,
    /// A text, or null where an outer join has no partner.
    Text(Arc<str>, bool),
    /// The id of a permit, by its number in the way.
    Permit(usize),
    /// The class of a permit.
    Class(usize),
    /// The kind of a record, by the number of the read in the way.
    Kind(usize),
    /// What a version of such a record does, and its `record_key`, in a history.
    Op(usize),
    Key(usize),
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Table(TableId),
    /// What the rules in `uses` found.
    RuleRows,
    /// Civil status, as a criterion.
    Civil(Arc<Breach>),
}

/// A table that a row rests on, if only in that it has no row there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub source: Source,
    /// Kinds of records as bits, in the order of their list; all bits without a list. In a history [`RETRACTED`] is one more.
    pub kinds: u32,
    /// Its versions are those of a record of another read of the table.
    pub is_tied: bool,
    pub role: Role,
    /// Classes of permits of the way for which alone it is read.
    pub limits: BTreeMap<usize, Classes>,
    /// The permit of the way that its rows are about, where that is known to be the one.
    pub about: Option<usize>,
    /// The table or view that the text names.
    pub via: Arc<str>,
}

impl Read {
    pub fn of(source: Source, via: &str) -> Read {
        Read {
            source,
            kinds: u32::MAX,
            is_tied: false,
            role: Role::Brings,
            limits: BTreeMap::new(),
            about: None,
            via: via.into(),
        }
    }
}

/// What else is known of a permit of a way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its class is that of all its records together, and not of one of them.
    pub is_whole: bool,
    /// Were its anchor protected, the row would not be there.
    pub is_open: bool,
}

/// One way in which a row can come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub cells: Vec<Cell>,
    /// What the classes of the permits can be.
    pub classes: Vec<Classes>,
    /// Of the same permits.
    pub known: Vec<Known>,
    pub reads: Vec<Read>,
}

/// What is true of a row for which a condition holds.
#[derive(Clone, Debug, Default)]
struct Facts {
    never: bool,
    classes: BTreeMap<usize, Classes>,
    kinds: BTreeMap<usize, u32>,
    /// Permits of one class.
    same: Vec<(usize, usize)>,
    /// Those of them that are one permit.
    one: Vec<(usize, usize)>,
    /// Reads of one record.
    tied: Vec<(usize, usize)>,
}

/// Retractions: they say nothing, so that they are of no kind.
pub const RETRACTED: u32 = 1 << 31;

impl Facts {
    fn never() -> Facts {
        Facts { never: true, ..Facts::default() }
    }

    fn and(mut self, other: Facts) -> Facts {
        self.never |= other.never;
        for (permit, set) in other.classes {
            self.classes.entry(permit).and_modify(|known| *known = known.and(set)).or_insert(set);
        }
        for (read, set) in other.kinds {
            self.kinds.entry(read).and_modify(|known| *known &= set).or_insert(set);
        }
        self.same.extend(other.same);
        self.one.extend(other.one);
        self.tied.extend(other.tied);
        self
    }

    fn or(self, other: Facts) -> Facts {
        if self.never {
            return other;
        }
        if other.never {
            return self;
        }
        let classes = self.classes.iter().filter_map(|(at, set)| Some((*at, set.or(*other.classes.get(at)?))));
        let kinds = self.kinds.iter().filter_map(|(at, set)| Some((*at, set | other.kinds.get(at)?)));
        Facts { never: false, classes: classes.collect(), kinds: kinds.collect(), ..Facts::default() }
    }
}

/// The kinds of a table's records, if they have a list.
pub fn kinds_of(table: TableId) -> Vec<&'static str> {
    codes_of(table, "kind").map_or_else(Vec::new, |codes| codes.iter().map(|(code, _)| *code).collect())
}

fn kind(table: TableId, word: &str) -> u32 {
    kinds_of(table).iter().position(|kind| *kind == word).map_or(0, |at| 1 << at)
}

fn all_kinds(table: TableId) -> u32 {
    match kinds_of(table).len() {
        0 => u32::MAX,
        count => (1 << count) - 1,
    }
}

impl Way {
    /// A row of a table, with the names and types of the columns that are read.
    pub fn of_table<'a>(
        table: TableId,
        history: bool,
        via: &str,
        columns: impl Iterator<Item = (&'a str, ColumnType)>,
    ) -> Way {
        let has_kinds = !kinds_of(table).is_empty();
        let cell = |(name, ty): (&str, ColumnType)| match (name, ty) {
            // An older version may have said another class.
            ("permit_class", _) if table == TableId::Permits && !history => Cell::Class(0),
            (_, ColumnType::Permit) => Cell::Permit(0),
            ("kind", _) if has_kinds => Cell::Kind(0),
            ("op", _) if has_kinds && history => Cell::Op(0),
            ("record_key", _) if has_kinds && history => Cell::Key(0),
            _ => Cell::Other,
        };
        let kinds = all_kinds(table) | if history { RETRACTED } else { 0 };
        let read = Read { kinds, ..Read::of(Source::Table(table), via) };
        let cells = columns.map(cell).collect();
        Way { cells, classes: vec![Classes::all()], known: vec![Known::default()], reads: vec![read] }
    }

    /// A row of which nothing is known but what it rests on.
    pub fn of_columns(count: usize, reads: Vec<Read>) -> Way {
        Way { cells: vec![Cell::Other; count], classes: Vec::new(), known: Vec::new(), reads }
    }

    /// What an expression holds.
    pub fn cell(&self, expr: &Expr, schema: &DFSchema) -> Cell {
        match expr {
            Expr::Column(column) => self.column(column, schema),
            Expr::Alias(alias) => self.cell(&alias.expr, schema),
            Expr::Literal(value, _) if value.is_null() => Cell::Null,
            Expr::Literal(value, _) => text_of(value).map_or(Cell::Other, |text| Cell::Text(text.into(), false)),
            Expr::Cast(cast) if cast.field.data_type().is_string() => self.cell(&cast.expr, schema),
            Expr::Cast(cast) => match self.cell(&cast.expr, schema) {
                Cell::Null => Cell::Null,
                _ => Cell::Other,
            },
            _ => Cell::Other,
        }
    }

    fn column(&self, column: &Column, schema: &DFSchema) -> Cell {
        let at = schema.maybe_index_of_column(column);
        at.and_then(|at| self.cells.get(at).cloned()).unwrap_or(Cell::Other)
    }

    /// What is true if an expression has this truth value.
    fn facts(&self, expr: &Expr, wanted: bool, schema: &DFSchema) -> Facts {
        match expr {
            Expr::Alias(alias) => self.facts(&alias.expr, wanted, schema),
            Expr::Literal(ScalarValue::Boolean(value), _) if *value != Some(wanted) => Facts::never(),
            Expr::Literal(value, _) if value.is_null() => Facts::never(),
            Expr::Not(of) => self.facts(of, !wanted, schema),
            Expr::IsTrue(of) if wanted => self.facts(of, true, schema),
            Expr::IsFalse(of) if wanted => self.facts(of, false, schema),
            Expr::IsNotTrue(of) if !wanted => self.facts(of, true, schema),
            Expr::IsNotFalse(of) if !wanted => self.facts(of, false, schema),
            Expr::IsNull(of) => self.of_null(of, wanted, schema),
            Expr::IsNotNull(of) => self.of_null(of, !wanted, schema),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (op, wanted) {
                (Operator::And, true) | (Operator::Or, false) => {
                    self.facts(left, wanted, schema).and(self.facts(right, wanted, schema))
                }
                (Operator::And, false) | (Operator::Or, true) => {
                    self.facts(left, wanted, schema).or(self.facts(right, wanted, schema))
                }
                (Operator::Eq, _) => self.equal(&self.cell(left, schema), &self.cell(right, schema), wanted),
                (Operator::NotEq, _) => self.equal(&self.cell(left, schema), &self.cell(right, schema), !wanted),
                (Operator::IsNotDistinctFrom, true) | (Operator::IsDistinctFrom, false) => {
                    let (left, right) = (self.cell(left, schema), self.cell(right, schema));
                    // Both may be null.
                    let is_text = matches!((&left, &right), (Cell::Text(_, false), _) | (_, Cell::Text(_, false)));
                    if is_text { self.equal(&left, &right, true) } else { Facts::default() }
                }
                _ => Facts::default(),
            },
            Expr::InList(list) => {
                let of = self.cell(&list.expr, schema);
                let equal = |item: &Expr| self.equal(&of, &self.cell(item, schema), wanted != list.negated);
                if wanted != list.negated {
                    list.list.iter().map(equal).fold(Facts::never(), Facts::or)
                } else {
                    list.list.iter().map(equal).fold(Facts::default(), Facts::and)
                }
            }
            Expr::Case(case) => self.of_case(case, wanted, schema),
            Expr::ScalarFunction(call) if call.name() == "coalesce" => {
                call.args.iter().map(|arg| self.facts(arg, wanted, schema)).fold(Facts::never(), Facts::or)
            }
            _ => Facts::default(),
        }
    }

    fn of_case(&self, case: &Case, wanted: bool, schema: &DFSchema) -> Facts {
        let base = case.expr.as_ref().map(|base| self.cell(base, schema));
        let branches = case.when_then_expr.iter().map(|(when, then)| {
            let chosen = match &base {
                Some(base) => self.equal(base, &self.cell(when, schema), true),
                None => self.facts(when, true, schema),
            };
            if chosen.never { chosen } else { chosen.and(self.facts(then, wanted, schema)) }
        });
        let otherwise = case.else_expr.as_ref().map_or_else(Facts::never, |of| self.facts(of, wanted, schema));
        branches.fold(otherwise, Facts::or)
    }

    fn of_null(&self, of: &Expr, wanted: bool, schema: &DFSchema) -> Facts {
        match (self.cell(of, schema), wanted) {
            (Cell::Text(_, false), true) | (Cell::Null, false) => Facts::never(),
            _ => Facts::default(),
        }
    }

    /// What is true of a row in which two values are equal, or unequal.
    fn equal(&self, left: &Cell, right: &Cell, wanted: bool) -> Facts {
        use Cell::*;
        match (left, right) {
            (Null, _) | (_, Null) => Facts::never(),
            (Text(a, _), Text(b, _)) if (a == b) != wanted => Facts::never(),
            (Class(permit), Text(class, _)) | (Text(class, _), Class(permit)) => {
                let of = Classes::of(class);
                let set = if wanted { of } else { Classes::all().without(of) };
                let never = self.classes.get(*permit).is_some_and(|known| known.and(set).is_empty());
                Facts { never, classes: [(*permit, set)].into(), ..Facts::default() }
            }
            (Kind(read), Text(word, _)) | (Text(word, _), Kind(read)) => {
                let Some(Read { source: Source::Table(table), kinds, .. }) = self.reads.get(*read) else {
                    return Facts::default();
                };
                let of = kind(*table, word);
                let set = if wanted { of } else { all_kinds(*table) & !of };
                Facts { never: kinds & set == 0, kinds: [(*read, set)].into(), ..Facts::default() }
            }
            (Op(read), Text(word, _)) | (Text(word, _), Op(read)) => {
                let Some(Read { source: Source::Table(table), kinds, .. }) = self.reads.get(*read) else {
                    return Facts::default();
                };
                let set = match (word.as_ref(), wanted) {
                    ("retract", true) => RETRACTED,
                    ("retract", false) | (_, true) => all_kinds(*table),
                    (_, false) => all_kinds(*table) | RETRACTED,
                };
                Facts { never: kinds & set == 0, kinds: [(*read, set)].into(), ..Facts::default() }
            }
            (Key(a), Key(b)) if wanted => Facts { tied: vec![(*a, *b)], ..Facts::default() },
            (Permit(a), Permit(b)) if wanted => Facts { same: vec![(*a, *b)], one: vec![(*a, *b)], ..Facts::default() },
            (Class(a), Class(b)) if wanted => Facts { same: vec![(*a, *b)], ..Facts::default() },
            _ => Facts::default(),
        }
    }

    /// The way with what is true of its rows; `None` if it has none.
    fn with(mut self, facts: Facts) -> Option<Way> {
        if facts.never {
            return None;
        }
        for (permit, set) in facts.classes {
            let known = self.classes.get_mut(permit)?;
            *known = known.and(set);
        }
        for (read, set) in facts.kinds {
            let known = self.reads.get_mut(read)?;
            known.kinds &= set;
            if known.kinds == 0 {
                return None;
            }
        }
        for (a, b) in facts.tied {
            self.tie(a, b);
        }
        let mut parents: Vec<usize> = (0..self.classes.len()).collect();
        for (a, b) in facts.same {
            let is_one = facts.one.contains(&(a, b));
            let (a, b) = (root(&parents, a), root(&parents, b));
            if a == b {
                continue;
            }
            let is_open = [self.known[a].is_open, self.known[b].is_open];
            let is_open = if is_one { is_open[0] || is_open[1] } else { is_open[0] && is_open[1] };
            if is_one && !self.is_of_one_class(a, b) {
                self.known[a].is_open = is_open;
                self.known[b].is_open = is_open;
                continue;
            }
            self.classes[a] = self.classes[a].and(self.classes[b]);
            self.known[a] = Known { is_open, is_whole: self.known[a].is_whole || self.known[b].is_whole };
            self.rename(b, a);
            parents[b] = a;
        }
        let is_possible = self.classes.iter().all(|set| !set.is_empty());
        is_possible.then_some(self)
    }

    /// Whether what is known of the class of one of two records of a permit holds for the other: a register may say another class in
    /// each, unless all are taken together.
    fn is_of_one_class(&self, a: usize, b: usize) -> bool {
        let says_one =
            |permit: usize| self.classes[permit] != Classes::all() || self.cells.contains(&Cell::Class(permit));
        match (self.known[a].is_whole, self.known[b].is_whole) {
            (true, true) => true,
            (true, false) => !says_one(b),
            (false, true) => !says_one(a),
            (false, false) => !says_one(a) || !says_one(b),
        }
    }

    /// Two reads of a table whose rows are versions of one record.
    fn tie(&mut self, a: usize, b: usize) {
        let of = |at: usize| self.reads.get(at).map(|read| &read.source);
        if a != b && of(a).is_some() && of(a) == of(b) {
            self.reads[a].is_tied = true;
            self.reads[b].is_tied = true;
        }
    }

    /// The kinds of records that a read shows. A retraction shows none of its own if the record is known to be of a kind that is read.
    pub fn kinds_shown(&self, read: &Read) -> u32 {
        let is_version_of = |other: &Read| {
            other.source == read.source && other.kinds & !read.kinds == 0 && other.kinds & RETRACTED == 0
        };
        match read.kinds & RETRACTED == 0 || (read.is_tied && self.reads.iter().any(is_version_of)) {
            true => read.kinds & !RETRACTED,
            false => u32::MAX,
        }
    }

    /// Takes one permit for another.
    fn rename(&mut self, from: usize, to: usize) {
        for cell in &mut self.cells {
            match cell {
                Cell::Permit(at) | Cell::Class(at) if *at == from => *at = to,
                _ => {}
            }
        }
        for read in &mut self.reads {
            if let Some(set) = read.limits.remove(&from) {
                limit(read, to, set);
            }
            if read.about == Some(from) {
                read.about = Some(to);
            }
        }
    }
}

/// The same in a row that may have no partner.
fn text_or_null(cell: &Cell) -> Cell {
    match cell {
        Cell::Text(text, _) => Cell::Text(Arc::clone(text), true),
        other => other.clone(),
    }
}

fn root(parents: &[usize], at: usize) -> usize {
    let mut at = at;
    while parents[at] != at {
        at = parents[at];
    }
    at
}

fn limit(read: &mut Read, permit: usize, set: Classes) {
    read.limits.entry(permit).and_modify(|known| *known = known.and(set)).or_insert(set);
}

fn text_of(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

//! Which columns tell the rows of a plan apart.
//!
//! [`Rows`] holds what determines what among the *attributes* of a plan's rows: its columns, the columns that a projection has
//! dropped, values of expressions, and an identity of each row of a table. Two rows that agree in some attributes agree in all that
//! these determine (`Rows::determined_by`); null equals null here, as in GROUP BY and PARTITION BY. Columns are a key if they
//! determine the identities of all the rows that one row was made of. `derive` follows a plan from its tables upwards (`join`,
//! `branches`, `condition`), `tables` says what is true of them.
//!
//! Each statement holds for every content of the tables that the feeds' contract allows, in the engine (where identifiers carry the
//! tag of their unit) and in a plain batch query alike. It rests on these: a `record_key` is unique for its subject and table, with
//! `version` in a history; a permit has one holder; parameters of one name do not overlap.

pub mod bounds;
mod branches;
mod condition;
mod derive;
mod filled;
mod join;
mod table;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::Expr;

use crate::model::schema::TableId;
use crate::proofs::refusal::Alike;

use bounds::Bounds;
pub use derive::{Call, derive};
pub use table::Table;
pub use tables::{has_own_permit, of_table};

/// A property of the rows of a plan, by its number.
pub type Attribute = usize;

/// Rows that agree in `from` agree in `to`.
#[derive(Clone, Debug)]
struct Dependency {
    from: Vec<Attribute>,
    to: Vec<Attribute>,
}

/// What a column may hold, where that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Null,
    Literal(String),
    /// A reference of some record of the table.
    RecordOf(TableId),
}

/// The rows of several inputs, one after another.
#[derive(Clone, Debug)]
struct Union {
    /// Rows that agree in these come from the same input.
    given: Vec<Attribute>,
    columns: Vec<Attribute>,
    row: Attribute,
    inputs: Vec<Rows>,
}

/// Rows of an outer join in which one of `marks` is null have no partner, and so agree in `nulls`.
#[derive(Clone, Debug)]
struct Partnerless {
    marks: Vec<Attribute>,
    nulls: Vec<Attribute>,
}

/// Rows that agree in `of` and hold `from` up to `to`, exclusive (null is open), never overlap.
#[derive(Clone, Debug)]
struct Span {
    of: Vec<Attribute>,
    from: Attribute,
    to: Attribute,
    row: Attribute,
}

/// Where rows come from, for messages.
#[derive(Clone, Debug)]
struct Source {
    name: String,
    /// Columns that tell its rows apart; empty if none do.
    key: Vec<(String, Attribute)>,
}

/// What is known of the rows of a plan.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// How many attributes there are.
    count: usize,
    /// The attribute of each output column.
    columns: Vec<Attribute>,
    /// The identities of the rows that a row was made of.
    row: Vec<Attribute>,
    dependencies: Vec<Dependency>,
    unions: Vec<Union>,
    not_null: BTreeSet<Attribute>,
    values: BTreeMap<Attribute, BTreeSet<Value>>,
    /// Between what numbers and days lie, where that is known.
    bounds: BTreeMap<Attribute, Bounds>,
    /// Expressions over the columns that are not null, where a condition just before says so.
    filled: Vec<Expr>,
    /// Columns that were the same in all rows of a side of an outer join, and are null where that has no partner.
    constant_or_null: BTreeSet<Attribute>,
    partnerless: Vec<Partnerless>,
    spans: Vec<Span>,
    sources: BTreeMap<Attribute, Source>,
}

/// Rows of which nothing is known.
fn unknown(schema: &DFSchema) -> Rows {
    let mut rows = Table::new("", schema.fields().iter().map(|field| field.name().as_str())).rows;
    rows.identify("a query".to_owned(), Vec::new());
    rows
}

/// A set of attributes.
#[derive(Clone, Debug)]
pub struct Determined(Vec<bool>);

impl Determined {
    pub fn has(&self, attribute: Attribute) -> bool {
        self.0.get(attribute).copied().unwrap_or(false)
    }

    fn has_all(&self, attributes: &[Attribute]) -> bool {
        attributes.iter().all(|attribute| self.has(*attribute))
    }

    /// Adds them; whether one was new.
    fn add(&mut self, attributes: &[Attribute]) -> bool {
        let mut is_new = false;
        for attribute in attributes {
            if let Some(has) = self.0.get_mut(*attribute) {
                is_new |= !*has;
                *has = true;
            }
        }
        is_new
    }
}

impl Rows {
    /// All that is the same in rows that agree in `from`.
    pub fn determined_by(&self, from: &[Attribute]) -> Determined {
        let mut known = Determined(vec![false; self.count]);
        known.add(from);
        let mut grows = true;
        while grows {
            grows = false;
            for Dependency { from, to } in &self.dependencies {
                grows |= known.has_all(from) && known.add(to);
            }
            for union in &self.unions {
                grows |= known.has_all(&union.given) && !known.has(union.row) && union.extend(&mut known);
            }
        }
        known
    }

    /// Whether rows that agree in these are one row, or agree in all that is read of them: then nobody sees which is which.
    pub fn are_alike(&self, known: &Determined) -> bool {
        self.is_one_row(known) || known.has_all(&self.columns)
    }

    /// Whether rows that agree in these are one row.
    fn is_one_row(&self, known: &Determined) -> bool {
        known.has_all(&self.row)
    }

    /// Whether all that an expression is made of was the same in every row of its step.
    pub fn is_constant_or_null(&self, expr: &Expr, schema: &DFSchema) -> bool {
        let columns = expr.column_refs();
        let is_one =
            |column: &&Column| self.column(column, schema).is_some_and(|at| self.constant_or_null.contains(&at));
        !columns.is_empty() && columns.iter().all(is_one)
    }

    /// The rows that stay alike although they agree in `known`.
    pub fn alike(&self, known: &Determined) -> Vec<Alike> {
        let mut alike = BTreeSet::new();
        for row in self.row.iter().filter(|row| !known.has(**row)) {
            match self.unions.iter().find(|union| union.row == *row) {
                Some(union) if known.has_all(&union.given) => {
                    for input in &union.inputs {
                        alike.extend(input.alike(&input.determined_by(&union.known_in(input, known))));
                    }
                }
                _ => alike.extend(self.sources.get(row).map(|source| source.alike(known))),
            }
        }
        alike.into_iter().collect()
    }

    fn new_attribute(&mut self) -> Attribute {
        self.count += 1;
        self.count - 1
    }

    /// A new attribute that these determine.
    fn determined(&mut self, from: &[Attribute]) -> Attribute {
        let attribute = self.new_attribute();
        self.depends(from, &[attribute]);
        attribute
    }

    /// A new identity of each row, which `key` determines; messages call the rows `name`.
    fn identify(&mut self, name: String, key: Vec<(String, Attribute)>) -> Attribute {
        let row = self.determined(&self.row.clone());
        let columns: Vec<Attribute> = key.iter().map(|(_, column)| *column).collect();
        self.depends(&[row], &[self.row.as_slice(), &columns].concat());
        self.not_null.insert(row);
        self.sources.insert(row, Source { name, key });
        self.row = vec![row];
        row
    }

    fn depends(&mut self, from: &[Attribute], to: &[Attribute]) {
        self.dependencies.push(Dependency { from: from.to_vec(), to: to.to_vec() });
    }

    /// A column may hold these values only.
    fn holds(&mut self, attribute: Attribute, values: BTreeSet<Value>) {
        if values.len() == 1 && !values.iter().any(|value| matches!(value, Value::RecordOf(_))) {
            self.depends(&[], &[attribute]);
        }
        self.values.insert(attribute, values);
    }

    fn column(&self, column: &Column, schema: &DFSchema) -> Option<Attribute> {
        schema.maybe_index_of_column(column).and_then(|at| self.columns.get(at).copied())
    }

    /// Numbers the attributes from `first` on.
    fn shift(&mut self, first: usize) {
        let moved = |attributes: &mut Vec<Attribute>| attributes.iter_mut().for_each(|attribute| *attribute += first);
        self.count += first;
        self.renumber(&moved, &|attribute| Some(attribute + first));
    }

    /// Gives attributes other numbers: `list` in lists, `one` alone, or none if they are left out.
    fn renumber(&mut self, list: &dyn Fn(&mut Vec<Attribute>), one: &dyn Fn(Attribute) -> Option<Attribute>) {
        list(&mut self.columns);
        list(&mut self.row);
        for dependency in &mut self.dependencies {
            list(&mut dependency.from);
            list(&mut dependency.to);
        }
        for union in &mut self.unions {
            list(&mut union.given);
            list(&mut union.columns);
            union.row = one(union.row).unwrap_or(union.row);
        }
        for each in &mut self.partnerless {
            list(&mut each.marks);
            list(&mut each.nulls);
        }
        self.spans.iter_mut().for_each(|span| {
            list(&mut span.of);
            for attribute in [&mut span.from, &mut span.to, &mut span.row] {
                *attribute = one(*attribute).unwrap_or(*attribute);
            }
        });
        for set in [&mut self.not_null, &mut self.constant_or_null] {
            *set = set.iter().filter_map(|attribute| one(*attribute)).collect();
        }
        let values = std::mem::take(&mut self.values);
        self.values = values.into_iter().filter_map(|(attribute, values)| Some((one(attribute)?, values))).collect();
        let bounds = std::mem::take(&mut self.bounds);
        self.bounds = bounds.into_iter().filter_map(|(attribute, bounds)| Some((one(attribute)?, bounds))).collect();
        for source in self.sources.values_mut() {
            source.key.retain_mut(|(_, attribute)| one(*attribute).map(|moved| *attribute = moved).is_some());
        }
        let sources = std::mem::take(&mut self.sources);
        self.sources = sources.into_iter().filter_map(|(attribute, source)| Some((one(attribute)?, source))).collect();
    }

    /// The rows of both sides beside one another; returns by how much the right side's attributes were moved.
    fn beside(mut self, mut right: Rows) -> (Rows, usize) {
        let first = self.count;
        self.filled.clear();
        right.shift(first);
        self.count = right.count;
        self.columns.append(&mut right.columns);
        self.row.append(&mut right.row);
        self.dependencies.append(&mut right.dependencies);
        self.unions.append(&mut right.unions);
        self.not_null.append(&mut right.not_null);
        self.constant_or_null.append(&mut right.constant_or_null);
        self.values.append(&mut right.values);
        self.bounds.append(&mut right.bounds);
        self.partnerless.append(&mut right.partnerless);
        self.spans.append(&mut right.spans);
        self.sources.append(&mut right.sources);
        (self, first)
    }

    /// Without the attributes that nothing leads from to a column or a row's identity.
    fn pruned(mut self) -> Rows {
        let mut wanted = Determined(vec![false; self.count]);
        wanted.add(&self.columns);
        wanted.add(&self.row);
        let mut grows = true;
        while grows {
            grows = false;
            for Dependency { from, to } in &self.dependencies {
                grows |= to.iter().any(|to| wanted.has(*to)) && wanted.add(from);
            }
            for union in &self.unions {
                let leads = wanted.has(union.row) || union.columns.iter().any(|column| wanted.has(*column));
                grows |= leads && wanted.add(&[union.given.as_slice(), &union.columns, &[union.row]].concat());
            }
        }
        let mut numbers = vec![None; self.count];
        let mut count = 0;
        for (_, number) in numbers.iter_mut().enumerate().filter(|(attribute, _)| wanted.has(*attribute)) {
            *number = Some(count);
            count += 1;
        }
        let one = |attribute: Attribute| numbers.get(attribute).copied().flatten();
        self.dependencies.retain(|dependency| wanted.has_all(&dependency.from));
        self.unions.retain(|union| wanted.has(union.row));
        self.partnerless.clear();
        self.spans.clear();
        self.filled.clear();
        self.renumber(&|list| *list = list.iter().filter_map(|attribute| one(*attribute)).collect(), &one);
        self.dependencies.retain(|dependency| !dependency.to.is_empty());
        self.count = count;
        self
    }
}

impl Union {
    /// Adds what rows that agree in `known` agree in, whichever input they come from; whether anything was new.
    fn extend(&self, known: &mut Determined) -> bool {
        let mut same = vec![true; self.columns.len()];
        let mut is_one = true;
        for input in &self.inputs {
            let here = input.determined_by(&self.known_in(input, known));
            is_one &= input.is_one_row(&here);
            for (same, column) in same.iter_mut().zip(&input.columns) {
                *same &= here.has(*column);
            }
        }
        let columns = self.columns.iter().zip(same).filter(|(_, same)| *same).map(|(column, _)| *column);
        let is_new = known.add(&columns.collect::<Vec<_>>());
        (is_one && known.add(&[self.row])) || is_new
    }

    /// The columns of an input that are known in the union.
    fn known_in(&self, input: &Rows, known: &Determined) -> Vec<Attribute> {
        let both = self.columns.iter().zip(&input.columns);
        both.filter(|(column, _)| known.has(**column)).map(|(_, own)| *own).collect()
    }
}

impl Source {
    fn alike(&self, known: &Determined) -> Alike {
        let by = self.key.iter().filter(|(_, column)| !known.has(*column)).map(|(name, _)| name.clone());
        Alike { rows: self.name.clone(), by: by.collect() }
    }
}

impl Value {
    /// `None` for values that engines might not compare alike.
    fn of(literal: &ScalarValue) -> Option<Value> {
        if literal.is_null() {
            return Some(Value::Null);
        }
        if let Some(text) = literal.try_as_str().flatten() {
            return Some(Value::Literal(format!("'{text}'")));
        }
        let ty = literal.data_type();
        (ty.is_integer() || ty == DataType::Boolean).then(|| Value::Literal(literal.to_string()))
    }

    fn may_equal(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Literal(_), Value::RecordOf(_)) | (Value::RecordOf(_), Value::Literal(_)) => true,
            _ => self == other,
        }
    }
}

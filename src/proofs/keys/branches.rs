//! What tells listed rows apart: those of VALUES, and those of the branches of a UNION.

use std::collections::BTreeSet;

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, Values};

use crate::proofs::keys::{Attribute, Rows, Source, Table, Union, Value, bounds};

const VALUES: &str = "VALUES";

impl Rows {
    /// VALUES that got a name are called by it.
    pub(super) fn name_tiers(&mut self, alias: &str, schema: &DFSchema) {
        let names: Vec<(String, Attribute)> =
            schema.fields().iter().map(|field| field.name().clone()).zip(self.columns.iter().copied()).collect();
        for source in self.sources.values_mut().filter(|source| source.name == VALUES) {
            source.name = format!("{VALUES} AS {alias}");
            for (name, attribute) in &mut source.key {
                if let Some((known, _)) = names.iter().find(|(_, known)| known == attribute) {
                    name.clone_from(known);
                }
            }
        }
    }

    pub(super) fn of_values(values: &Values) -> Rows {
        let names = values.schema.fields().iter().map(|field| field.name().as_str());
        let mut table = Table::new(VALUES, names);
        let cells = |column: usize| -> Option<Vec<Value>> {
            let cell = |row: &Vec<Expr>| match row.get(column)? {
                Expr::Literal(literal, _) => Value::of(literal),
                _ => None,
            };
            values.values.iter().map(cell).collect()
        };
        let columns: Vec<Option<Vec<Value>>> = (0..table.names.len()).map(cells).collect();
        let listed: Vec<usize> = (0..columns.len()).filter(|column| columns[*column].is_some()).collect();
        for column in &listed {
            let held = columns[*column].iter().flatten().cloned().collect::<BTreeSet<_>>();
            table.rows.holds(table.rows.columns[*column], held);
        }
        for (at, column) in table.rows.columns.iter().enumerate() {
            let is_given =
                |row: &Vec<Expr>| matches!(row.get(at), Some(Expr::Literal(literal, _)) if !literal.is_null());
            if values.values.iter().all(is_given) {
                table.rows.not_null.insert(*column);
            }
            let cells = values.values.iter().filter_map(|row| row.get(at));
            let bounds = bounds::of_cells(cells);
            table.rows.bounds.extend(bounds.map(|bounds| (*column, bounds)));
        }
        let is_key = |key: &[usize]| {
            let row = |row: usize| key.iter().map(|column| columns[*column].as_ref()?.get(row)).collect::<Vec<_>>();
            (0..values.values.len()).map(row).collect::<BTreeSet<_>>().len() == values.values.len()
        };
        let single = listed.iter().map(|column| vec![*column]).filter(|key| is_key(key));
        let mut keys: Vec<Vec<usize>> = single.collect();
        if keys.is_empty() && is_key(&listed) {
            keys.push(listed);
        }
        let row = table.rows.row.clone();
        for key in &keys {
            let from: Vec<Attribute> = key.iter().map(|column| table.rows.columns[*column]).collect();
            table.rows.depends(&from, &row);
        }
        table.key = keys.into_iter().next().unwrap_or_default();
        let key = table.key.iter().map(|at| (table.names[*at].clone(), table.rows.columns[*at])).collect();
        table.rows.identify(VALUES.to_owned(), key);
        table.rows
    }

    pub(super) fn of_union(inputs: Vec<Rows>, schema: &DFSchema) -> Rows {
        let mut rows = Rows::default();
        rows.columns = schema.fields().iter().map(|_| rows.new_attribute()).collect();
        let columns = rows.columns.clone();
        for (at, column) in columns.iter().enumerate() {
            let of = |input: &Rows| input.columns.get(at).copied();
            if inputs.iter().all(|input| of(input).is_some_and(|of| input.not_null.contains(&of))) {
                rows.not_null.insert(*column);
            }
            let bounds: Option<Vec<_>> = inputs.iter().map(|input| input.bounds.get(&of(input)?)).collect();
            let bounds = bounds
                .and_then(|bounds| Some((bounds.iter().map(|of| of.0).min()?, bounds.iter().map(|of| of.1).max()?)));
            rows.bounds.extend(bounds.map(|bounds| (*column, bounds)));
            let values: Option<Vec<_>> = inputs.iter().map(|input| input.values.get(&of(input)?)).collect();
            if let Some(values) = values {
                rows.holds(*column, values.into_iter().flatten().cloned().collect());
            }
        }
        let place = rows.new_attribute();
        // The columns in which no rows of two inputs can agree.
        let mut apart = BTreeSet::new();
        let mut is_told = true;
        for (at, one) in inputs.iter().enumerate() {
            for other in &inputs[at + 1..] {
                let differs = |column: &usize| one.differs(other, *column);
                let between: Vec<usize> = (0..columns.len()).filter(differs).collect();
                is_told &= !between.is_empty();
                apart.extend(between);
            }
        }
        let always = apart.iter().filter(|column| {
            let pairs = inputs.iter().enumerate();
            pairs.clone().all(|(at, one)| inputs[at + 1..].iter().all(|other| one.differs(other, **column)))
        });
        for column in always {
            rows.depends(&[columns[*column]], &[place]);
        }
        if is_told {
            let all: Vec<Attribute> = apart.iter().map(|column| columns[*column]).collect();
            rows.depends(&all, &[place]);
        }
        let row = rows.new_attribute();
        rows.not_null.insert(row);
        rows.depends(&[row], &[columns.as_slice(), &[place]].concat());
        rows.row = vec![row];
        rows.sources.insert(row, Source { name: "different branches of a UNION".to_owned(), key: Vec::new() });
        rows.unions.push(Union { given: vec![place], columns, row, inputs });
        rows
    }

    /// Whether no row of one agrees with a row of the other in a column.
    fn differs(&self, other: &Rows, column: usize) -> bool {
        let values = |rows: &Rows| rows.columns.get(column).and_then(|column| rows.values.get(column)).cloned();
        values(self)
            .zip(values(other))
            .is_some_and(|(one, other)| one.iter().all(|value| other.iter().all(|other| !value.may_equal(other))))
    }
}

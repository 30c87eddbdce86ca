//! The tables and views that a plan scans: what is known of their rows, by the names of their columns.

use datafusion::common::DFSchema;

use crate::model::schema::TableId;
use crate::proofs::keys::bounds::Bounds;
use crate::proofs::keys::{Attribute, Rows, Span, Value, filled};

/// The rows of a table or view, by the names of its columns.
#[derive(Clone, Debug, Default)]
pub struct Table {
    name: String,
    pub(super) names: Vec<String>,
    pub(super) rows: Rows,
    /// Columns that tell its rows apart, as few as may be; none if no columns do.
    pub(super) key: Vec<usize>,
}

impl Table {
    /// A table of which nothing is known.
    pub fn new<'a>(name: &str, columns: impl IntoIterator<Item = &'a str>) -> Table {
        let names: Vec<String> = columns.into_iter().map(ToOwned::to_owned).collect();
        let mut rows = Rows { count: names.len(), columns: (0..names.len()).collect(), ..Rows::default() };
        let row = rows.new_attribute();
        rows.not_null.insert(row);
        rows.row = vec![row];
        rows.depends(&[row], &rows.columns.clone());
        Table { name: name.to_owned(), names, rows, key: Vec::new() }
    }

    /// The rows of a plan that has been proved, as those of a table.
    pub fn of<'a>(name: &str, columns: impl IntoIterator<Item = &'a str>, rows: &Rows) -> Table {
        let names = columns.into_iter().map(ToOwned::to_owned).collect();
        let mut rows = rows.clone().pruned();
        rows.sources.clear();
        let mut table = Table { name: name.to_owned(), names, rows, key: Vec::new() };
        table.key = table.least_key();
        table
    }

    /// No two rows agree in these columns.
    pub fn with_key(self, key: &[&str]) -> Table {
        let mut table = self;
        let row = table.rows.row.clone();
        table.rows.depends(&table.attributes(key), &row);
        table.key = table.least_key();
        table
    }

    pub fn with_dependency(mut self, from: &[&str], to: &[&str]) -> Table {
        let (from, to) = (self.attributes(from), self.attributes(to));
        self.rows.depends(&from, &to);
        self
    }

    /// These columns are never null.
    pub fn without_null(mut self, columns: &[&str]) -> Table {
        let columns = self.attributes(columns);
        self.rows.not_null.extend(columns);
        self
    }

    /// Numbers or days of the column lie between these.
    pub fn with_bounds(mut self, column: &str, bounds: Bounds) -> Table {
        for column in self.attributes(&[column]) {
            self.rows.bounds.insert(column, bounds);
        }
        self
    }

    /// The column holds these texts only, or null.
    pub fn with_words(mut self, column: &str, texts: &[&str]) -> Table {
        for column in self.attributes(&[column]) {
            let mut values = filled::words(texts);
            values.insert(Value::Null);
            self.rows.holds(column, values);
        }
        self
    }

    /// Rows that agree in `of` and hold from one day up to another, exclusive, never overlap.
    pub fn without_overlap(mut self, of: &[&str], from: &str, to: &str) -> Table {
        let (of, ends) = (self.attributes(of), self.attributes(&[from, to]));
        if let ([from, to], [row]) = (ends.as_slice(), self.rows.row.as_slice()) {
            self.rows.spans.push(Span { of, from: *from, to: *to, row: *row });
        }
        self
    }

    /// The column holds references of records of `table`.
    pub(super) fn with_records(mut self, column: &str, table: TableId) -> Table {
        for column in self.attributes(&[column]) {
            self.rows.holds(column, [Value::RecordOf(table)].into());
        }
        self
    }

    fn attributes(&self, names: &[&str]) -> Vec<Attribute> {
        let at = |name: &&str| self.names.iter().position(|known| known == name);
        names.iter().filter_map(at).filter_map(|at| self.rows.columns.get(at).copied()).collect()
    }

    /// A scan of some of the columns.
    pub(super) fn scan(&self, schema: &DFSchema) -> Rows {
        let mut rows = self.rows.clone();
        let key = self.key.iter().map(|at| (self.names[*at].clone(), rows.columns[*at])).collect();
        rows.identify(self.name.clone(), key);
        let at = |name: &String| self.names.iter().position(|known| known == name);
        let columns = schema.fields().iter().map(|field| at(field.name()).and_then(|at| rows.columns.get(at).copied()));
        let columns: Vec<Option<Attribute>> = columns.collect();
        rows.columns = columns.into_iter().map(|column| column.unwrap_or_else(|| rows.new_attribute())).collect();
        rows
    }

    /// The columns of which none can be left out; names that identify something stay longest.
    fn least_key(&self) -> Vec<usize> {
        const KEPT: [&str; 6] = ["person_id", "permit_id", "record_key", "version", "record", "month"];
        let is_key = |key: &[usize]| {
            let attributes: Vec<Attribute> = key.iter().filter_map(|at| self.rows.columns.get(*at).copied()).collect();
            self.rows.is_one_row(&self.rows.determined_by(&attributes))
        };
        let place = |at: &usize| KEPT.iter().position(|kept| *kept == self.names[*at]);
        let mut key: Vec<usize> = (0..self.names.len()).collect();
        if !is_key(&key) {
            return Vec::new();
        }
        let mut order = key.clone();
        order.sort_by_key(|at| std::cmp::Reverse((place(at).map_or(KEPT.len(), |place| place), *at)));
        for at in order {
            let without: Vec<usize> = key.iter().copied().filter(|kept| *kept != at).collect();
            if is_key(&without) {
                key = without;
            }
        }
        key
    }
}

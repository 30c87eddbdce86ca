//! Links: what the rows of one unit show to another.
//!
//! A rule sees one unit. What it must know of other persons (the anchor of a family permit, the other holder of a travel
//! document, an employer's other staff) reaches it as rows of its own unit, in tables that a *link* fills. A link is a view,
//! `queries/links/<table>.sql`, over the tables of the unit that shows, with a column `to_id` that names the unit that is
//! shown. As a plain query over everything it *is* the table (see `batch`); the engine keeps its rows incrementally and
//! carries the differences to the receiver's shard (see `shard::links`).
//!
//! Links of feed `links` read records alone. Those of feed `derived` may read links, and what rules found.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};
use serde::Deserialize;
use thiserror::Error;

use crate::record::Value;
use crate::rules::file::{header_problem, split_header};
use crate::schema::{ColumnType, TableId};
use crate::units::untag;

/// A link as read from its file.
#[derive(Clone, Debug)]
pub struct LinkFile {
    /// The table that it fills.
    pub table: TableId,
    pub doc: String,
    /// A unit without rows in this table shows nothing to anybody.
    pub needs: TableId,
    /// Rules whose rows it reads through `indications`.
    pub uses: Vec<String>,
    /// Column that says from when a row is shown, by its place in the table; a row that lies ahead is not.
    pub from: Option<usize>,
    pub sql: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    doc: String,
    needs: String,
    #[serde(default)]
    uses: Vec<String>,
    from: Option<String>,
}

/// Why a link file cannot be read.
#[derive(Debug, Error)]
pub enum LinkError {
    #[error("link {file}: {problem}; put TOML into a comment /* ... */ at the top")]
    NoHeader { file: String, problem: &'static str },
    #[error("link {file}: header is not valid TOML")]
    Header { file: String, source: Box<toml::de::Error> },
    #[error("link {file}: is named after no table that links fill; these are {known}")]
    Table { file: String, known: String },
    #[error("link {file}: needs \"{needs}\", which is no table of persons")]
    Needs { file: String, needs: String },
    #[error(
        "link {file}: from \"{from}\": rows can wait for an instant, a column of type timestamp that is never null, and only if the link `uses` rules"
    )]
    From { file: String, from: String },
}

impl LinkFile {
    /// Reads a link from the text of the file `<name>.sql`.
    pub fn parse(name: &str, text: &str) -> Result<LinkFile, LinkError> {
        let file = || format!("links/{name}.sql");
        let no_header = || LinkError::NoHeader { file: file(), problem: header_problem(text) };
        let (head, sql) = split_header(text).ok_or_else(no_header)?;
        let header: Header =
            toml::from_str(head).map_err(|source| LinkError::Header { file: file(), source: Box::new(source) })?;
        let table = TableId::from_name(name).filter(|table| table.is_link()).ok_or_else(|| {
            let known: Vec<&str> =
                TableId::ALL.into_iter().filter(|table| table.is_link()).map(TableId::name).collect();
            LinkError::Table { file: file(), known: known.join(", ") }
        })?;
        let needs = TableId::from_name(&header.needs).filter(|table| table.is_person());
        let needs = needs.ok_or_else(|| LinkError::Needs { file: file(), needs: header.needs.clone() })?;
        let doc = header.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        let from = header.from.map(|from| {
            let column = table.def().column(&from).filter(|(_, def)| def.ty == ColumnType::Timestamp && def.required);
            let at = column.map(|(at, _)| at).filter(|_| !header.uses.is_empty());
            at.ok_or_else(|| LinkError::From { file: file(), from })
        });
        Ok(LinkFile { table, doc, needs, uses: header.uses, from: from.transpose()?, sql: sql.to_owned() })
    }

    /// Name of the column that says from when a row is shown.
    pub fn from_column(&self) -> Option<&'static str> {
        self.from.map(|at| self.table.def().columns[at].name)
    }

    /// The table's definition as a plain query, at an instant in SQL: its rows under the receiver's `person_id`.
    pub fn as_table(&self, as_of: &str) -> String {
        let columns: Vec<&str> = self.table.def().columns.iter().map(|column| column.name).collect();
        let shown = self.from_column().map_or(String::new(), |from| format!("\nWHERE {from} <= {as_of}"));
        format!("SELECT to_id AS person_id, record_key, {} FROM (\n{}\n) shown{shown}", columns.join(", "), self.sql)
    }
}

/// A row that a unit shows to another one.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkedRow {
    /// The unit that shows it.
    pub unit: u32,
    /// Subject of the unit that is shown it.
    pub to: String,
    pub record_key: String,
    /// By the table's columns.
    pub values: Vec<Value>,
}

impl LinkedRow {
    /// The instant in a column.
    pub fn instant(&self, column: usize) -> Option<i64> {
        match self.values.get(column) {
            Some(Value::Instant(at)) => Some(*at),
            _ => None,
        }
    }
}

/// Reads the rows that a link's plan gave. The unit follows from the tag in `record_key` or `to_id`.
pub fn read_rows(table: TableId, batches: &[RecordBatch]) -> Result<Vec<LinkedRow>, String> {
    let mut rows = Vec::new();
    for batch in batches {
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("no output column {name}"));
        let texts = |name: &str| column(name).and_then(super::plan::as_text);
        let (receivers, keys) = (texts("to_id")?, texts("record_key")?);
        let (receivers, keys) = (receivers.as_string::<i32>(), keys.as_string::<i32>());
        let mut columns = Vec::new();
        for def in table.def().columns {
            let array = cast(column(def.name)?, &def.ty.arrow()).map_err(|error| error.to_string())?;
            columns.push((def.ty, array));
        }
        for row in 0..batch.num_rows() {
            if receivers.is_null(row) || keys.is_null(row) {
                continue;
            }
            let ((to_unit, to), (key_unit, record_key)) = (untag(receivers.value(row)), untag(keys.value(row)));
            let unit = key_unit.or(to_unit).ok_or("record_key holds no identifier of the unit")?;
            let values = columns.iter().map(|(ty, array)| value(*ty, array, row)).collect::<Result<_, _>>()?;
            rows.push(LinkedRow { unit, to, record_key, values });
        }
    }
    rows.sort_by(|a, b| (a.unit, &a.to, &a.record_key).cmp(&(b.unit, &b.to, &b.record_key)));
    if let Some(pair) = rows.windows(2).find(|pair| {
        (pair[0].unit, &pair[0].to, &pair[0].record_key) == (pair[1].unit, &pair[1].to, &pair[1].record_key)
    }) {
        return Err(format!("two rows with one record_key for one receiver ({})", pair[0].record_key.len()));
    }
    Ok(rows)
}

fn value(ty: ColumnType, array: &ArrayRef, row: usize) -> Result<Value, String> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match ty {
        ColumnType::Date | ColumnType::Month => Value::Day(array.as_primitive::<Date32Type>().value(row)),
        ColumnType::Timestamp => Value::Instant(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        ColumnType::Int | ColumnType::Sek => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        ColumnType::Bool => Value::Bool(array.as_boolean().value(row)),
        ColumnType::CodeList => return Err("a list cannot be shown".into()),
        _ => Value::Text(untag(array.as_string::<i32>().value(row)).1.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_named_after_its_table_and_says_what_it_needs() {
        let text = "/*\ndoc = \"d\"\nneeds = \"anchors\"\n*/\nSELECT 1";
        let link = LinkFile::parse("anchor_permits", text).unwrap();
        assert_eq!((link.table, link.needs), (TableId::AnchorPermits, TableId::Anchors));
        assert!(matches!(LinkFile::parse("permits", text), Err(LinkError::Table { .. })));
        let wrong = text.replace("anchors", "employers");
        assert!(matches!(LinkFile::parse("anchor_permits", &wrong), Err(LinkError::Needs { .. })));
    }

    #[test]
    fn rows_of_what_rules_found_can_wait_for_an_instant_and_for_nothing_else() {
        let parse = |header: &str| {
            let text = format!("/*\ndoc = \"d\"\nneeds = \"permit_employers\"\n{header}\n*/\nSELECT 1");
            LinkFile::parse("employer_indications", &text)
        };
        let link = parse("uses = [\"r\"]\nfrom = \"alert_at\"").unwrap();
        assert!(link.as_table("TIMESTAMP '2025-01-01'").ends_with("WHERE alert_at <= TIMESTAMP '2025-01-01'"));
        for wrong in
            ["from = \"alert_at\"", "uses = [\"r\"]\nfrom = \"severity\"", "uses = [\"r\"]\nfrom = \"known_at\""]
        {
            assert!(matches!(parse(wrong), Err(LinkError::From { .. })), "{wrong}");
        }
    }
}

//! Links: rows that one unit shows to another.
//!
//! A rule sees one unit. What it must know of other persons (the anchor of a family permit, the other holder of a travel document,
//! an employer's other staff) reaches it as rows of its own unit, in tables that *links* fill. A link is a view,
//! `queries/links/<table>.sql`, over the tables of the showing unit, with a column `to_id` that names the receiving unit. As a
//! plain query over all units it *is* the table (see `oracle`). The engine maintains its rows incrementally and sends the
//! differences to the receiver's shard (see `shard::links`).
//!
//! Links of feed `links` read records only. Those of feed `derived` may read links, and what rules found.

use serde::Deserialize;
use thiserror::Error;

use crate::catalogue::file::{header_problem, split_header};
use crate::catalogue::stars;
use crate::model::schema::{ColumnType, TableId};

/// A link as read from its file.
#[derive(Clone, Debug)]
pub struct LinkFile {
    /// The table that the link fills.
    pub table: TableId,
    pub doc: String,
    /// A unit without rows in this table shows nothing.
    pub needs: TableId,
    /// Rules whose rows the link reads through `indications`.
    pub uses: Vec<String>,
    /// Position in the table of the column that says from when a row is shown; before that instant the row is hidden.
    pub from: Option<usize>,
    /// The SQL, with each `step.*` expanded.
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
        let sql = stars::write_out(sql).text;
        Ok(LinkFile { table, doc, needs, uses: header.uses, from: from.transpose()?, sql })
    }

    /// Name of the column that says from when a row is shown.
    pub fn from_column(&self) -> Option<&'static str> {
        self.from.map(|at| self.table.def().columns[at].name)
    }

    /// The table as a plain query at the instant `as_of` (an SQL expression): its rows under the receiver's `person_id`.
    pub fn as_table(&self, as_of: &str) -> String {
        let columns: Vec<&str> = self.table.def().columns.iter().map(|column| column.name).collect();
        let shown = self.from_column().map_or(String::new(), |from| format!("\nWHERE {from} <= {as_of}"));
        format!("SELECT to_id AS person_id, record_key, {} FROM (\n{}\n) shown{shown}", columns.join(", "), self.sql)
    }
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

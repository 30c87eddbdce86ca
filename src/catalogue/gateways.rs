//! Purpose and legal basis: which data the control of each permit class may read, and for which purpose (`queries/gateways.toml`).
//!
//! - Data that no entry names is closed.
//! - A rule that reads something closed for one of its classes must say `legal_gate = "closed"`; such a rule is checked, tested and
//!   replayed, but no live run uses it. A rule that reads something on request may not say `open`.
//! - Another rule's findings may be used by rules of the same purpose; if that rule is closed, only by closed ones.
//! - What a rule reads is taken from its text and those of its views (`reads`). The views `cancellers` and `corroborations` do not
//!   count: they belong to the engine, and only what they silence or strengthen belongs to the rule.

use std::collections::BTreeSet;

use datafusion::common::Span;
use serde::Deserialize;

use crate::catalogue::file::RuleFile;
use crate::catalogue::parse::parse;
use crate::catalogue::reads::{Definitions, Only, Read, reads};
use crate::model::schema::TableId;

/// By what right data may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    Open,
    /// On request, in a single case.
    Request,
    Closed,
}

impl Gate {
    pub const fn name(self) -> &'static str {
        match self {
            Gate::Open => "open",
            Gate::Request => "request",
            Gate::Closed => "closed",
        }
    }
}

/// An entry of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// A feed, a table, or `table.kind`.
    pub reads: Vec<String>,
    /// Permit classes, or `all`.
    pub classes: Vec<String>,
    pub purposes: Vec<String>,
    pub gate: Gate,
    pub provision: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateways {
    pub gateway: Vec<Gateway>,
}

/// What a rule reads, with the least open gateway that it needs for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    pub gate: Gate,
    /// `table` or `table.kind`.
    pub what: String,
    pub classes: Vec<String>,
    pub provision: Option<String>,
    pub span: Option<Span>,
}

impl Gateways {
    pub fn parse(text: &str) -> Result<Gateways, toml::de::Error> {
        toml::from_str(text)
    }

    /// The entry that decides for a table, one of its kinds, a class and a purpose. An entry for the kind takes precedence over one
    /// for the table, and that over one for the feed; of equal ones the most open decides.
    pub fn find(&self, table: TableId, kind: Option<&str>, class: &str, purpose: &str) -> Option<&Gateway> {
        let by_kind = kind.map(|kind| format!("{}.{kind}", table.name()));
        let names = [by_kind.as_deref(), Some(table.name()), Some(table.def().feed.name())];
        for name in names.into_iter().flatten() {
            let mut named = self.gateway.iter().filter(|entry| entry.reads.iter().any(|read| read == name)).peekable();
            if named.peek().is_some() {
                let fits = |entry: &&Gateway| {
                    entry.purposes.iter().any(|word| word == purpose)
                        && entry.classes.iter().any(|word| word == class || word == "all")
                };
                return named.filter(fits).min_by_key(|entry| entry.gate);
            }
        }
        None
    }

    /// Kinds of a table that have entries of their own.
    pub fn kinds(&self, table: TableId) -> BTreeSet<&str> {
        let prefix = format!("{}.", table.name());
        let names = self.gateway.iter().flat_map(|entry| &entry.reads);
        names.filter_map(|name| name.strip_prefix(&prefix)).collect()
    }

    /// Everything that the rule needs, the least open first.
    pub fn needed(&self, rule: &RuleFile, definitions: &Definitions<'_>) -> Vec<Needed> {
        let Some(query) = parse(&rule.sql) else { return Vec::new() };
        let mut out: Vec<Needed> = Vec::new();
        for read in reads(&query, definitions) {
            let Some(table) = TableId::from_name(&read.table) else { continue };
            for kind in self.kinds_read(table, &read) {
                let kind = kind.filter(|kind| self.kinds(table).contains(kind.as_str()));
                for class in rule.header.permit_classes.iter().filter(|class| read.classes.allows(class)) {
                    let entry = self.find(table, kind.as_deref(), class, &rule.header.purpose);
                    let gate = entry.map_or(Gate::Closed, |entry| entry.gate);
                    let what = match &kind {
                        Some(kind) => format!("{}.{kind}", table.name()),
                        None => table.name().to_owned(),
                    };
                    let provision = entry.map(|entry| entry.provision.clone());
                    let same = out
                        .iter_mut()
                        .find(|needed| needed.gate == gate && needed.what == what && needed.provision == provision);
                    match same {
                        Some(needed) if needed.classes.contains(class) => {}
                        Some(needed) => needed.classes.push(class.clone()),
                        None => {
                            out.push(Needed { gate, what, classes: vec![class.clone()], provision, span: read.span });
                        }
                    }
                }
            }
        }
        out.sort_by_key(|needed| std::cmp::Reverse(needed.gate));
        out
    }

    /// The kinds that a read covers; `None` for kinds without an entry.
    fn kinds_read(&self, table: TableId, read: &Read) -> Vec<Option<String>> {
        let known = self.kinds(table);
        if known.is_empty() {
            return vec![None];
        }
        match &read.kinds {
            Only::These(kinds) => kinds.iter().map(|kind| Some(kind.clone())).collect(),
            // All kinds with entries, and the kinds without.
            Only::All => known.into_iter().map(|kind| Some(kind.to_owned())).chain([None]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const GATEWAYS: &str = r#"
[[gateway]]
reads = ["permits", "notices"]
classes = ["all"]
purposes = ["permit_control", "payment_control"]
gate = "open"
provision = "own register"
[[gateway]]
reads = ["payments.salary"]
classes = ["WORK_EMP", "ICT"]
purposes = ["permit_control"]
gate = "request"
provision = "8 a §"
[[gateway]]
reads = ["payments.benefit"]
classes = ["all"]
purposes = ["payment_control"]
gate = "open"
provision = "2008:206"
"#;

    fn rule(purpose: &str, classes: &str, sql: &str) -> RuleFile {
        let text = format!(
            "/*\nid = \"probe\"\nnumber = \"R99\"\ntitle = {{ sv = \"a\", en = \"a\" }}\nfinding = {{ sv = \"a\", en = \"a\" }}\n\
             permit_classes = [{classes}]\nlegal_basis = []\nlegal_gate = \"open\"\nseverity = \"info\"\nowner = \"a\"\n\
             purpose = \"{purpose}\"\n*/\n{sql}"
        );
        RuleFile::parse("probe", &text, &BTreeMap::new()).unwrap()
    }

    /// (gate, what, classes) of everything that is not open.
    fn needed(purpose: &str, classes: &str, sql: &str) -> Vec<String> {
        let gateways = Gateways::parse(GATEWAYS).unwrap();
        let needed = gateways.needed(&rule(purpose, classes, sql), &Definitions::default());
        let shown = needed.iter().filter(|needed| needed.gate > Gate::Open);
        shown.map(|needed| format!("{} {} {}", needed.gate.name(), needed.what, needed.classes.join("+"))).collect()
    }

    #[test]
    fn salary_is_on_request_for_work_and_closed_for_studies() {
        let sql = "SELECT 1 FROM permits p JOIN payments s ON s.kind = 'salary'";
        assert_eq!(
            needed("permit_control", r#""WORK_EMP", "STUDY_HE""#, sql),
            ["closed payments.salary STUDY_HE", "request payments.salary WORK_EMP"]
        );
        let narrowed = format!("{sql} WHERE p.permit_class = 'WORK_EMP'");
        assert_eq!(
            needed("permit_control", r#""WORK_EMP", "STUDY_HE""#, &narrowed),
            ["request payments.salary WORK_EMP"]
        );
    }

    #[test]
    fn benefits_are_for_the_control_of_payments() {
        let sql = "SELECT 1 FROM payments WHERE kind = 'benefit'";
        assert_eq!(needed("permit_control", r#""WORK_EMP""#, sql), ["closed payments.benefit WORK_EMP"]);
        assert!(needed("payment_control", r#""WORK_EMP""#, sql).is_empty());
    }

    #[test]
    fn a_table_read_whole_needs_every_kind() {
        let found = needed("payment_control", r#""ICT""#, "SELECT 1 FROM payments");
        assert_eq!(found, ["closed payments.salary ICT", "closed payments ICT"]);
    }

    #[test]
    fn what_no_entry_names_is_closed() {
        assert_eq!(needed("permit_control", r#""ICT""#, "SELECT 1 FROM border"), ["closed border ICT"]);
        assert_eq!(needed("follow_up", r#""ICT""#, "SELECT 1 FROM permits"), ["closed permits ICT"]);
    }
}

//! Purpose and legal basis: which classes' control may read what, and for which purpose (`queries/gateways.toml`).
//!
//! - What no entry names is closed.
//! - A rule that reads something closed for one of its classes must say `legal_gate = "closed"`; such a rule is checked,
//!   tested and replayed, but no live run takes it up. One that reads something on request may not say `open`.
//! - What another rule found may be used by rules of the same purpose; if that rule is closed, by closed ones.
//! - What a rule reads is taken from its text and those of its views (`reads`). The views `cancellers` and
//!   `corroborations` are not counted: they are the machinery's own, and only what they silence or lift is the rule's.

use std::collections::BTreeSet;

use datafusion::common::Span;
use serde::Deserialize;

use crate::rules::catalogue::Catalogue;
use crate::rules::file::RuleFile;
use crate::rules::reads::{Definitions, Only, Read, direct, parse, reads};
use crate::rules::refusal::{Place, Refused};
use crate::schema::TableId;

/// By what right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    Open,
    /// On request in a single case.
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

/// What a rule may read by the least open of its gateways.
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

    /// The entry that decides for a table, one of its kinds, a class and a purpose. An entry for the kind goes before
    /// one for the table, that before one for the feed; of equal ones the more open decides.
    fn find(&self, table: TableId, kind: Option<&str>, class: &str, purpose: &str) -> Option<&Gateway> {
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
    fn kinds(&self, table: TableId) -> BTreeSet<&str> {
        let prefix = format!("{}.", table.name());
        let names = self.gateway.iter().flat_map(|entry| &entry.reads);
        names.filter_map(|name| name.strip_prefix(&prefix)).collect()
    }

    /// What the rule needs, the least open first.
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

    /// The kinds that a read takes in, `None` for a table whose kinds have no entries.
    fn kinds_read(&self, table: TableId, read: &Read) -> Vec<Option<String>> {
        let known = self.kinds(table);
        if known.is_empty() {
            return vec![None];
        }
        match &read.kinds {
            Only::These(kinds) => kinds.iter().map(|kind| Some(kind.clone())).collect(),
            // All of them, and those that have no entry.
            Only::All => known.into_iter().map(|kind| Some(kind.to_owned())).chain([None]).collect(),
        }
    }
}

/// What is made of tables by SQL, by name.
pub fn definitions(catalogue: &Catalogue) -> Definitions<'_> {
    let views = catalogue.views.iter().map(|view| (view.name.as_str(), view.sql.as_str()));
    let links = catalogue.links.iter().map(|link| (link.table.name(), link.sql.as_str()));
    views.chain(links).collect()
}

/// Rules whose rows a rule sees: those that it names, and those that its links name.
fn used<'a>(catalogue: &'a Catalogue, rule: &RuleFile, definitions: &Definitions<'_>) -> Vec<&'a RuleFile> {
    let mut ids: Vec<&str> = rule.header.uses.iter().map(String::as_str).collect();
    let mut open: Vec<String> = parse(&rule.sql).iter().flat_map(direct).map(|read| read.table).collect();
    let mut seen = BTreeSet::new();
    while let Some(table) = open.pop() {
        if !seen.insert(table.clone()) {
            continue;
        }
        let link = catalogue.links.iter().find(|link| link.table.name() == table);
        ids.extend(link.iter().flat_map(|link| &link.uses).map(String::as_str));
        let definition = definitions.get(table.as_str()).and_then(|sql| parse(sql));
        open.extend(definition.iter().flat_map(direct).map(|read| read.table));
    }
    catalogue.rules.iter().filter(|other| ids.contains(&other.header.id.as_str())).collect()
}

/// Rules that say they may read what they may not, and entries that name nothing.
pub fn check(catalogue: &Catalogue) -> Vec<Refused> {
    let definitions = definitions(catalogue);
    let mut refused: Vec<Refused> = Vec::new();
    for rule in &catalogue.rules {
        refused.extend(used(catalogue, rule, &definitions).into_iter().filter_map(|other| by_way_of(rule, other)));
        let said = match rule.header.legal_gate.as_str() {
            "open" => Gate::Open,
            "closed" => continue,
            _ => Gate::Request,
        };
        for needed in catalogue.gateways.needed(rule, &definitions) {
            if needed.gate > said {
                refused.push(refusal(rule, &needed));
            }
        }
    }
    refused
}

/// What another rule found may be used where its records may: for its purpose, and not openly if it is closed.
fn by_way_of(rule: &RuleFile, other: &RuleFile) -> Option<Refused> {
    let (header, of) = (&rule.header, &other.header);
    let message = if of.purpose != header.purpose {
        format!("it uses what {} found for {}, and is itself for {}", of.id, of.purpose, header.purpose)
    } else if of.legal_gate == "closed" && header.legal_gate != "closed" {
        format!("it uses what {} found, which is closed", of.id)
    } else {
        return None;
    };
    let hint = "leave that rule out of `uses`, or make both of one purpose and gate".to_owned();
    Some(Refused { what: "rule", name: header.id.clone(), message, hint, place: Err("uses".to_owned()) })
}

fn refusal(rule: &RuleFile, needed: &Needed) -> Refused {
    let classes = match needed.classes.len() {
        all if all == rule.header.permit_classes.len() && all > 4 => "all its classes".to_owned(),
        many if many > 6 => format!("{} and {} others", needed.classes[..5].join(", "), many - 5),
        _ => needed.classes.join(", "),
    };
    let purpose = &rule.header.purpose;
    let (message, hint) = match needed.gate {
        Gate::Closed => {
            let why = needed.provision.as_ref().map_or(String::new(), |why| format!(": {why}"));
            (
                format!("it reads {} of {classes} for {purpose}, for which gateways.toml has no gateway{why}", needed.what),
                "narrow it beside the table (AND p.permit_class IN (...), kind = '...'), leave the classes out, or say legal_gate = \"closed\": made-up data only"
                    .to_owned(),
            )
        }
        _ => (
            format!(
                "it reads {} of {classes}, which is given on request only, and says legal_gate = \"open\"",
                needed.what
            ),
            format!("say legal_gate = \"request\" ({})", needed.provision.as_deref().unwrap_or("no provision")),
        ),
    };
    let place = match needed.span {
        Some(span) => Ok(Place::Span(span)),
        None => Err("legal_gate".to_owned()),
    };
    Refused { what: "rule", name: rule.header.id.clone(), message, hint, place }
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

    /// (gate, what, classes) that are not open.
    fn needed(purpose: &str, classes: &str, sql: &str) -> Vec<String> {
        let gateways = Gateways::parse(GATEWAYS).unwrap();
        let needed = gateways.needed(&rule(purpose, classes, sql), &Definitions::new());
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

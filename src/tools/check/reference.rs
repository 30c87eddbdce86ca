//! Describes rules for people: one rule (`permitwatch rules show`), or all of them as a page (`RULES.md`).
//!
//! Everything comes from the catalogue and the plans; this file adds nothing about a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use crate::catalogue::file::{RuleFile, Said};
use crate::catalogue::parse::{outputs, parse};
use crate::catalogue::reads::{Definitions, direct};
use crate::catalogue::{Catalogue, Threshold};
use crate::model::schema::TableId;
use crate::model::time::Day;
use crate::rules::RuleSet;
use crate::rules::calendars::calendars;
use crate::rules::planned::{PlannedRule, RULE_ROWS, rule_rows_schema};
use crate::sql::session::session;
use crate::tools::check::coverage::Coverage;
use crate::units::rule_schema;

/// Output columns that are not evidence.
const NO_EVIDENCE: [&str; 10] = [
    "person_id",
    "permit_id",
    "alert_key",
    "alert_at",
    "due_at",
    "cleared_at",
    "cleared_reason",
    "anchor_at",
    "severity",
    "records",
];

/// What a rule reads, itself and through its views.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub tables: BTreeSet<String>,
    pub views: BTreeSet<String>,
    pub rules: BTreeSet<String>,
    /// Thresholds that its texts name.
    pub thresholds: BTreeSet<String>,
}

impl Reading {
    pub fn of(catalogue: &Catalogue, rule: &RuleFile) -> Reading {
        let definitions: Definitions<'_> = catalogue.definitions();
        let mut reading = Reading::default();
        reading.rules.extend(rule.header.uses.iter().cloned());
        let mut open = vec![rule.sql.as_str()];
        while let Some(sql) = open.pop() {
            let named = catalogue.thresholds.iter().filter(|threshold| sql.contains(&format!("'{}'", threshold.name)));
            reading.thresholds.extend(named.map(|threshold| threshold.name.clone()));
            for read in parse(sql).iter().flat_map(direct) {
                let link = catalogue.links.iter().find(|link| link.table.name() == read.table);
                reading.rules.extend(link.iter().flat_map(|link| &link.uses).cloned());
                match definitions.sql(&read.table) {
                    Some(sql) => {
                        if reading.views.insert(read.table) {
                            open.push(sql);
                        }
                    }
                    None => {
                        let calendar = ["months", "days", "parameters", "terms"].contains(&read.table.as_str());
                        if TableId::from_name(&read.table).is_some() || calendar {
                            reading.tables.insert(read.table);
                        }
                    }
                }
            }
        }
        reading
    }
}

/// Evidence columns in the rule's alerts.
pub fn evidence(rule: &RuleFile) -> Vec<String> {
    let columns = parse(&rule.sql).and_then(|query| outputs(&query)).unwrap_or_default();
    let subject = rule.header.subject.as_deref();
    columns.into_iter().filter(|name| !NO_EVIDENCE.contains(&name.as_str()) && Some(name.as_str()) != subject).collect()
}

/// One rule as text, with the values of thresholds that are in force on a day.
pub fn show(catalogue: &Catalogue, rule: &PlannedRule, on: Day) -> String {
    let file = &rule.file;
    let header = &file.header;
    let reading = Reading::of(catalogue, file);
    let mut out = String::new();
    let mut line = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "{key:<12} {value}");
        }
    };
    line("rule", &format!("{} {}", header.number, header.id));
    line("title", &format!("{} / {}", header.title.sv, header.title.en));
    line("finding", &header.finding.sv);
    line("", &header.finding.en);
    line("classes", &header.permit_classes.join(", "));
    line("legal basis", &header.legal_basis.join("; "));
    line("gate", &format!("{}, for {}", header.legal_gate, header.purpose));
    line("severity", header.severity.name());
    line("owner", &header.owner);
    line("stage", &header.told_stage());
    line("unit", header.unit());
    line("subject", header.subject_column());
    line("silenced by", &file.cancel_reasons().join(", "));
    line("compares", header.compares_citizenship.as_deref().unwrap_or(""));
    line("tables", &joined(&reading.tables));
    line("views", &joined(&reading.views));
    line("uses", &joined(&reading.rules));
    line("waits for", &rule.feeds.iter().map(|feed| feed.name()).collect::<Vec<_>>().join(", "));
    line("horizon", &horizon(file));
    line("cadence", header.cadence.as_deref().unwrap_or(""));
    line("fingerprint", &rule.fingerprint);
    line("evidence", &evidence(file).join(", "));
    for (name, param) in &header.params {
        let value = file.values.get(name).copied().unwrap_or(param.default);
        let changed = if value == param.default { String::new() } else { format!(" (default {})", param.default) };
        let source = param.source.as_ref().map_or("no source", Said::en);
        let (least, most) = param.range(name).into_inner();
        line("parameter", &format!("{name} = {value}{changed}, {least} to {most}: {} ({source})", param.doc.en()));
    }
    for threshold in in_force(catalogue, &reading, on) {
        let name = &threshold.name;
        line(
            "threshold",
            &format!("{name} = {} on {on}, {} ({})", threshold.value, days(threshold), threshold.source.en),
        );
    }
    for entry in &header.counter_evidence {
        let key = if entry.checked { "looked for" } else { "to be asked" };
        line(key, &format!("{} / {}", entry.sv, entry.en));
    }
    for reading in &header.readings {
        line("read as", reading);
    }
    for needed in catalogue.gateways.needed(file, &catalogue.definitions()) {
        let by = needed.provision.as_deref().unwrap_or("no entry in gateways.toml");
        line("reads", &format!("{} ({}): {by}", needed.what, needed.gate.name()));
    }
    out
}

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn horizon(rule: &RuleFile) -> String {
    let entries: Vec<String> =
        rule.header.horizon.iter().map(|(table, duration)| format!("{table} {duration}")).collect();
    entries.join(", ")
}

fn days(threshold: &Threshold) -> String {
    let to = threshold.valid_to.map_or("open".to_owned(), |to| format!("until {to}"));
    format!("in force from {}, {to}", threshold.valid_from)
}

fn in_force<'a>(catalogue: &'a Catalogue, reading: &Reading, on: Day) -> Vec<&'a Threshold> {
    let named = catalogue.thresholds.iter().filter(|threshold| reading.thresholds.contains(&threshold.name));
    named.filter(|threshold| threshold.holds_on(on)).collect()
}

/// The page of all rules.
pub fn page(catalogue: &Catalogue, coverage: Option<&Coverage>, rules: &RuleSet) -> String {
    let mut out = String::from(
        "# The rules\n\n\
         What each rule finds, by what right, from what, and which innocent explanations it looks for. Written by\n\
         `permitwatch rules reference --out queries/RULES.md` from the rule files; change those, then write it again. Where the\n\
         law's text leaves a question open, a rule says how it reads it: each such reading is a default that a lawyer confirms\n\
         before real use.\n\n\
         | rule | | classes | gate | severity |\n| --- | --- | --- | --- | --- |\n",
    );
    for rule in rules.rules() {
        let header = &rule.file.header;
        let anchor = format!("{}-{}", header.number.to_lowercase(), header.id);
        let classes = match header.permit_classes.as_slice() {
            many if many.len() > 6 => format!("{} classes", many.len()),
            few => few.join(", "),
        };
        let _ = writeln!(
            out,
            "| [{} {}](#{anchor}) | {} | {classes} | {} | {} |",
            header.number,
            header.id,
            cell(&header.title.en),
            header.legal_gate,
            header.severity.name()
        );
    }
    for rule in rules.rules() {
        section(&mut out, catalogue, rule);
    }
    if let Some(coverage) = coverage {
        classes(&mut out, catalogue, coverage);
    }
    out
}

fn section(out: &mut String, catalogue: &Catalogue, rule: &PlannedRule) {
    let header = &rule.file.header;
    let reading = Reading::of(catalogue, &rule.file);
    let _ = writeln!(out, "\n## {} {}\n", header.number, header.id);
    let _ = writeln!(out, "**{}** / {}\n", header.title.sv, header.title.en);
    let _ = writeln!(out, "> {}\n>\n> {}\n", header.finding.sv, header.finding.en);
    let mut item = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "- {key}: {value}");
        }
    };
    item("permit classes", &header.permit_classes.join(", "));
    item("legal basis", &header.legal_basis.join("; "));
    item("access to the data", &format!("{}, for the purpose {}", header.legal_gate, header.purpose));
    item("severity unless a row says otherwise", header.severity.name());
    item("owner", &header.owner);
    item("stage", &header.told_stage());
    item("about", header.subject_column());
    item("silenced by", &rule.file.cancel_reasons().join(", "));
    item("compares citizenships because", header.compares_citizenship.as_deref().unwrap_or(""));
    item("tables", &joined(&reading.tables));
    item("views", &joined(&reading.views));
    item("uses what these rules found", &joined(&reading.rules));
    let feeds: Vec<&str> = rule.feeds.iter().map(|feed| feed.name()).collect();
    item("an absence waits for the feeds", &feeds.join(", "));
    item("horizon", &horizon(&rule.file));
    item("looked at once in", header.cadence.as_deref().unwrap_or(""));
    item("evidence", &evidence(&rule.file).join(", "));
    item("thresholds", &joined(&reading.thresholds));
    if !header.params.is_empty() {
        out.push_str("\n| parameter | default | meaning | source |\n| --- | --- | --- | --- |\n");
        for (name, param) in &header.params {
            let source = param.source.as_ref().map_or("", Said::en);
            let doc = param.doc.both();
            let doc = if doc.sv == doc.en { doc.en } else { format!("{} / {}", doc.sv, doc.en) };
            let _ = writeln!(out, "| `{name}` | {} | {} | {} |", param.default, cell(&doc), cell(source));
        }
    }
    if !header.readings.is_empty() {
        out.push_str("\nRead so, until a lawyer confirms it:\n\n");
        header.readings.iter().for_each(|reading| {
            let _ = writeln!(out, "- {reading}");
        });
    }
    for (checked, title) in [(true, "Looked for"), (false, "Cannot be seen in the feeds; a person asks")] {
        let entries: Vec<_> = header.counter_evidence.iter().filter(|entry| entry.checked == checked).collect();
        if !entries.is_empty() {
            let _ = writeln!(out, "\n{title}:\n");
            for entry in entries {
                let _ = writeln!(out, "- {} / {}", entry.sv, entry.en);
            }
        }
    }
}

fn classes(out: &mut String, catalogue: &Catalogue, coverage: &Coverage) {
    out.push_str("\n## Permit classes\n\n| class | | granted by | rules |\n| --- | --- | --- | --- |\n");
    for class in &coverage.classes {
        let about = catalogue.rules.iter().filter(|rule| rule.header.permit_classes.contains(&class.id));
        let numbers: Vec<&str> = about.map(|rule| rule.header.number.as_str()).collect();
        let rules = match &class.none {
            Some(none) => format!("none: {none}"),
            None => numbers.join(" "),
        };
        let names = format!("{} / {}", class.sv, class.en);
        let _ = writeln!(out, "| {} | {} | {} | {} |", class.id, cell(&names), cell(&class.provision), cell(&rules));
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The rule's optimised logical plan over all tables, with its views expanded.
pub async fn plan(catalogue: &Catalogue, rule: &RuleFile) -> Result<String, DataFusionError> {
    let context = session()?;
    for table in TableId::ALL {
        for history in [false, true] {
            let name = if history { format!("{}_history", table.name()) } else { table.name().to_owned() };
            let empty = MemTable::try_new(rule_schema(table, history), vec![Vec::new()])?;
            context.register_table(name, Arc::new(empty))?;
        }
    }
    for (name, batch) in calendars(&catalogue.thresholds) {
        context.register_table(name, Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))?;
    }
    let none = MemTable::try_new(rule_rows_schema(), vec![Vec::new()])?;
    context.register_table(RULE_ROWS, Arc::new(none))?;
    let mut open: BTreeMap<&str, &str> =
        catalogue.views.iter().map(|view| (view.name.as_str(), view.sql.as_str())).collect();
    // Each view after those that it uses: whatever can be planned now is done.
    while !open.is_empty() {
        let mut done = Vec::new();
        for (name, sql) in &open {
            if define(&context, name, sql).await.is_ok() {
                done.push(*name);
            }
        }
        if done.is_empty() {
            break;
        }
        open.retain(|name, _| !done.contains(name));
    }
    let plan = context.sql(&rule.sql).await?.into_optimized_plan()?;
    Ok(plan.display_indent().to_string())
}

async fn define(context: &SessionContext, name: &str, sql: &str) -> Result<(), DataFusionError> {
    context.sql(&format!("CREATE VIEW {name} AS {sql}")).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The page in the repository is what the rules generate.
    #[test]
    fn the_page_is_up_to_date() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        let rules = RuleSet::plan(&catalogue).unwrap();
        let written = page(&catalogue, Some(&Coverage::load(&dir).unwrap()), &rules);
        let committed = std::fs::read_to_string(dir.join("RULES.md")).unwrap_or_default();
        let differs = written.lines().zip(committed.lines()).find(|(written, committed)| written != committed);
        assert_eq!(differs, None, "write it again: permitwatch rules reference --out queries/RULES.md");
        assert_eq!(
            written.len(),
            committed.len(),
            "write it again: permitwatch rules reference --out queries/RULES.md"
        );
    }

    #[test]
    fn every_rule_shows_its_thresholds_on_a_day_and_its_plan() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        let rules = RuleSet::plan(&catalogue).unwrap();
        let rule = rules.rules().iter().find(|rule| rule.file.header.id == "salary-below-floor").unwrap();
        let shown = |day: &str| show(&catalogue, rule, crate::model::time::parse_day(day).unwrap());
        assert!(shown("2024-01-01").contains("livelihood_floor_sek = 27360 on 2024-01-01"), "{}", shown("2024-01-01"));
        assert!(shown("2025-01-01").contains("livelihood_floor_sek = 28480 on 2025-01-01"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for rule in &catalogue.rules {
            let plan = runtime.block_on(plan(&catalogue, rule)).unwrap();
            assert!(plan.contains("TableScan: "), "{}\n{plan}", rule.header.id);
        }
    }
}

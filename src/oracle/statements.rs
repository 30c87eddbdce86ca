//! The oracle's statements: tables, scope, links and views in order, the rows of rules that others use, and the query of the
//! standing set.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use crate::catalogue::file::RuleFile;
use crate::catalogue::{Catalogue, ViewFile, names};
use crate::config::Visibility;
use crate::model::alert::Severity;
use crate::model::purpose::Purpose;
use crate::model::schema::{Feed, TableId};
use crate::model::time::{MICROS_PER_DAY, MICROS_PER_SECOND, format_micros};
use crate::oracle::{BatchError, columns, sql_error};

/// One statement with a name for messages.
pub(super) struct Statement {
    pub what: String,
    sql: StatementText,
}

enum StatementText {
    Sql(String),
    /// Creates the table with the rows of these rules, whose columns are known once their own tables exist; or replaces it.
    RuleRows {
        name: &'static str,
        rules: Vec<String>,
    },
}

impl Statement {
    fn new(what: String, sql: String) -> Statement {
        Statement { what, sql: StatementText::Sql(sql) }
    }

    pub async fn text(&self, catalogue: &Catalogue, context: &SessionContext) -> Result<String, BatchError> {
        let (name, rules) = match &self.sql {
            StatementText::Sql(sql) => return Ok(sql.clone()),
            StatementText::RuleRows { name, rules } => (name, rules),
        };
        let mut parts = Vec::new();
        for rule in rules.iter().filter_map(|id| catalogue.rule(id)) {
            let failed = |error| sql_error(&format!("rule {}", rule.header.id), error);
            let columns = columns(context, &rule.sql).await.map_err(failed)?;
            parts.push(format!(
                "SELECT '{}' AS rule_id, '{}' AS rule_number, person_id, subject AS permit_id, alert_key, severity, alert_at, \
                 cleared_at, anchor_at, '{}' AS cancelled_by\nFROM (\n{}\n) h\nWHERE cleared_at IS NULL OR cleared_at > alert_at",
                rule.header.id,
                rule.header.number,
                rule.cancelled_by(),
                hits(rule, &columns)
            ));
        }
        if parts.is_empty() {
            parts.push(NO_ROWS.to_owned());
        }
        Ok(format!("CREATE OR REPLACE TABLE {name} AS\n{}", parts.join("\nUNION ALL\n")))
    }
}

/// The table of rules' rows if no rule is used.
const NO_ROWS: &str = "SELECT '' AS rule_id, '' AS rule_number, '' AS person_id, '' AS permit_id, '' AS alert_key, '' AS severity, \
     CAST(NULL AS TIMESTAMP) AS alert_at, CAST(NULL AS TIMESTAMP) AS cleared_at, CAST(NULL AS DATE) AS anchor_at, '' AS cancelled_by \
     WHERE 1 = 0";

/// The instant up to which absences are asserted, as an SQL expression.
pub(super) fn spoken(feeds: Option<&BTreeSet<Feed>>, as_of: i64) -> String {
    let Some(feeds) = feeds else { return timestamp(as_of) };
    let feeds: Vec<String> = feeds.iter().map(|feed| format!("'{}'", feed.name())).collect();
    format!("(SELECT min(spoken_until) FROM feed_clocks WHERE feed IN ({}))", feeds.join(", "))
}

/// Tables and scope, in order, and what rules for permit control see: tables, views and links. `kind` is what views become: VIEW or
/// TABLE.
pub(super) fn statements(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    kind: &str,
    has_clocks: bool,
) -> Result<Vec<Statement>, BatchError> {
    let mut out = Vec::new();
    if has_clocks {
        let sql = section(&catalogue.tables, "feed clocks")?;
        let sql = sql.replace("{spoken}", &spoken_by_records());
        out.extend(split(&sql).map(|sql| Statement::new("feed clocks".into(), sql)));
    }
    let mut section = |name: &'static str, tables: &mut dyn Iterator<Item = TableId>| {
        let text = section(&catalogue.tables, name)?;
        for table in tables {
            let sql = fill(text, table, visibility, as_of);
            out.extend(split(&sql).map(|sql| Statement::new(format!("table {}", table.name()), sql)));
        }
        Ok::<_, BatchError>(())
    };
    let others = |table: &TableId| table.is_person() && table.def().feed != Feed::Permits && !table.is_link();
    let others: Vec<TableId> = TableId::ALL.into_iter().filter(others).collect();
    section("who has left", &mut std::iter::once(TableId::Permits))?;
    section("permits table", &mut Feed::Permits.tables())?;
    section("scope", &mut std::iter::once(TableId::Permits))?;
    section("person table", &mut others.iter().copied())?;
    section("reference table", &mut Feed::Reference.tables())?;
    out.extend(as_seen(catalogue, &others, Purpose::PermitControl)?);
    let mut views = vec![rule_rows(catalogue, Purpose::PermitControl)];
    views.push(Statement {
        what: "view all_rule_rows".into(),
        sql: StatementText::RuleRows { name: "all_rule_rows", rules: ids(catalogue.used(false)) },
    });
    for view in &catalogue.views {
        views.push(view_statement(view, kind));
        if view.name == "indications" {
            // Links see the rows of all rules that they use, including rules that use others.
            let sql = format!("CREATE {kind} all_indications AS {}", view.sql.replace("rule_rows", "all_rule_rows"));
            views.push(Statement::new("view all_indications".into(), sql));
        }
    }
    for link in TableId::ALL.into_iter().filter(|table| table.is_link()) {
        views.push(Statement::new(format!("view {}", link.name()), link_table(catalogue, link, as_of)));
    }
    order_views(&mut out, views, catalogue);
    let known = self::section(&catalogue.tables, "known times")?.replace("{known}", &known_times());
    out.extend(split(&known).map(|sql| Statement::new("known times".into(), sql)));
    Ok(out)
}

/// What replaces the tables and views of [`statements`] for rules of another purpose: those that its rules read and that rest on what is
/// disclosed for a purpose, with the corroborations.
pub(super) fn seen_by(catalogue: &Catalogue, purpose: Purpose, kind: &str) -> Result<Vec<Statement>, BatchError> {
    let disclosed: Vec<TableId> = TableId::ALL.into_iter().filter(|table| table.is_for_a_purpose()).collect();
    let mut out = as_seen(catalogue, &disclosed, purpose)?;
    let texts = catalogue.rules.iter().filter(|rule| rule.header.purpose() == purpose).map(|rule| rule.sql.as_str());
    let read = catalogue.read_by(texts.chain(["corroborations"]).collect()).0;
    let histories = disclosed.iter().map(|table| format!("{}_history", table.name()));
    let mut differing: Vec<String> = disclosed.iter().map(|table| table.name().to_owned()).chain(histories).collect();
    differing.push("rule_rows".to_owned());
    // By itself or by a view that it reads.
    let differs = |view: &&ViewFile| {
        let below = catalogue.read_by(vec![&view.sql]).0;
        let mut texts = catalogue.views.iter().filter(|other| other.name == view.name || below.contains(&other.name));
        texts.any(|text| differing.iter().any(|name| names(&text.sql, name)))
    };
    let views = catalogue.views.iter().filter(|view| read.contains(&view.name)).filter(differs);
    let views = views.map(|view| view_statement(view, kind)).chain([rule_rows(catalogue, purpose)]).collect();
    order_views(&mut out, views, catalogue);
    Ok(out)
}

/// Tables as rules of a purpose see them.
fn as_seen(catalogue: &Catalogue, tables: &[TableId], purpose: Purpose) -> Result<Vec<Statement>, BatchError> {
    let text = section(&catalogue.tables, "person table as seen")?;
    let seen: Vec<String> =
        Purpose::ALL.into_iter().filter(|of| purpose.sees(*of)).map(|of| format!("'{}'", of.name())).collect();
    let mut out = Vec::new();
    for table in tables {
        let served = match table.is_for_a_purpose() {
            true => format!("\nWHERE purpose IN ({})", seen.join(", ")),
            false => String::new(),
        };
        let sql = own_columns(text, *table).replace("{served}", &served);
        out.extend(split(&sql).map(|sql| Statement::new(format!("table {}", table.name()), sql)));
    }
    Ok(out)
}

/// The rows of the rules of a purpose that others of it use.
fn rule_rows(catalogue: &Catalogue, purpose: Purpose) -> Statement {
    let used = catalogue.used(true).into_iter().filter(|rule| rule.header.purpose() == purpose).collect();
    Statement { what: "view rule_rows".into(), sql: StatementText::RuleRows { name: "rule_rows", rules: ids(used) } }
}

fn ids(rules: Vec<&RuleFile>) -> Vec<String> {
    rules.into_iter().map(|rule| rule.header.id.clone()).collect()
}

fn view_statement(view: &ViewFile, kind: &str) -> Statement {
    let sql = format!("CREATE OR REPLACE {kind} {} AS {}", view.name, view.sql);
    Statement::new(format!("view {}", view.name), sql)
}

/// The greatest known time of each recorded table, with the table's feed.
fn spoken_by_records() -> String {
    let tables = TableId::ALL.into_iter().filter(|table| !table.is_link()).map(|table| {
        let (feed, name) = (table.def().feed.name(), table.name());
        format!("SELECT '{feed}' AS feed, max(known_time) AS known_time FROM {name}_file")
    });
    tables.collect::<Vec<_>>().join("\n    UNION ALL ")
}

/// When the versions of each table of persons became known; of a link's table the instants that its rows name.
fn known_times() -> String {
    let times = |table: TableId| -> Vec<String> {
        let name = table.name();
        let of = |column: &str, from: &str| {
            format!("SELECT person_id, '{name}' AS of_table, {column} AS known_time FROM {from}")
        };
        if table.is_link() {
            return table.instants().map(|column| of(column, name)).collect();
        }
        vec![of("known_time", &format!("{name}_versions"))]
    };
    let persons = TableId::ALL.into_iter().filter(|table| table.is_person());
    persons.flat_map(times).collect::<Vec<_>>().join("\nUNION ALL ")
}

/// The table that a link fills, as a plain query; empty if nothing reads it.
fn link_table(catalogue: &Catalogue, table: TableId, as_of: i64) -> String {
    let sql = match catalogue.links.iter().find(|link| link.table == table) {
        Some(link) => {
            let sql = link.as_table(&timestamp(as_of));
            sql.replace("indications", "all_indications").replace("employer_all_", "employer_")
        }
        None => {
            let columns = table.def().columns.iter().map(|column| match column.ty.arrow() {
                DataType::Int64 => format!("CAST(NULL AS BIGINT) AS {}", column.name),
                DataType::Date32 => format!("CAST(NULL AS DATE) AS {}", column.name),
                DataType::Timestamp(..) => format!("CAST(NULL AS TIMESTAMP) AS {}", column.name),
                DataType::Boolean => format!("CAST(NULL AS BOOLEAN) AS {}", column.name),
                _ => format!("'' AS {}", column.name),
            });
            let columns: Vec<String> = columns.collect();
            format!("SELECT '' AS person_id, '' AS record_key, {} WHERE 1 = 0", columns.join(", "))
        }
    };
    format!("CREATE TABLE {} AS {sql}", table.name())
}

/// Orders views, links and tables of rules' rows so that each comes after those that it uses.
fn order_views(statements: &mut Vec<Statement>, mut open: Vec<Statement>, catalogue: &Catalogue) {
    let name = |statement: &Statement| statement.what.trim_start_matches("view ").to_owned();
    let body = |statement: &Statement| match &statement.sql {
        StatementText::Sql(sql) => sql.split_once(" AS ").map_or(String::new(), |(_, body)| body.to_owned()),
        StatementText::RuleRows { rules, .. } => {
            rules.iter().filter_map(|id| catalogue.rule(id)).map(|rule| rule.sql.as_str()).collect::<Vec<_>>().join(" ")
        }
    };
    while !open.is_empty() {
        let waits_for = |statement: &Statement| {
            let body = body(statement);
            let words: Vec<&str> = body.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            open.iter().any(|other| {
                let other = name(other);
                other != name(statement) && words.contains(&other.as_str())
            })
        };
        let ready = open.iter().position(|statement| !waits_for(statement));
        // A circle: leave it to the query engine to report the error.
        let next = open.remove(ready.unwrap_or(0));
        statements.push(next);
    }
}

fn section<'a>(text: &'a str, name: &'static str) -> Result<&'a str, BatchError> {
    let mark = format!("-- section: {name}\n");
    let (_, rest) = text.split_once(&mark).ok_or(BatchError::Section(name))?;
    Ok(rest.split_once("-- section: ").map_or(rest, |(body, _)| body))
}

/// Splits statements, which end in a semicolon at the end of a line.
fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(";\n")
        .map(|part| part.trim().trim_end_matches(';').to_owned())
        .filter(|part| part.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--")))
}

/// Names a table, its columns and its records in a section's text.
fn own_columns(text: &str, table: TableId) -> String {
    let columns: Vec<&str> = table.def().columns.iter().map(|column| column.name).collect();
    text.replace("{table}", table.name()).replace("{columns}", &columns.join(", ")).replace(
        "{record}",
        &format!(
            "concat('{}/', replace(replace(record_key, '%', '%25'), ',', '%2C'), '/', CAST(version AS VARCHAR))",
            table.name()
        ),
    )
}

/// Leaves out what became known before somebody came back who had left.
const PRESENT: &str = "\n  AND (p.since IS NULL OR known_time >= p.since)";

fn fill(text: &str, table: TableId, visibility: &Visibility, as_of: i64) -> String {
    let columns: Vec<&str> = table.def().columns.iter().map(|column| column.name).collect();
    // The order of `Record::cmp_content`, reversed.
    let envelope = ["registered_at", "event_time", "op", "source", "purpose", "secrecy_class", "schema_ver"];
    let content: Vec<String> =
        envelope.iter().chain(&columns).map(|column| format!("{column} DESC NULLS LAST")).collect();
    let future = visibility.future_limit[table.index()] / MICROS_PER_DAY;
    own_columns(text, table)
        .replace("{content}", &content.join(", "))
        .replace("{as_of}", &timestamp(as_of))
        .replace("{future_days}", &future.to_string())
        .replace("{permit_lead_minutes}", &(visibility.permit_lead / 60 / MICROS_PER_SECOND).to_string())
        .replace("{or_anchored}", if table == TableId::Population { " OR known_time >= s.anchored_from" } else { "" })
        .replace("{and_present}", if table == TableId::Anchors { "" } else { PRESENT })
        .replace("{aftercare_months}", &visibility.aftercare_months.to_string())
        .replace("{lookback_months}", &visibility.lookback_months.to_string())
        .replace("{correction_days}", &(visibility.correction_window / MICROS_PER_DAY).to_string())
}

/// A rule's rows under fixed names and types. One that does not say what it is about is none, and a severity that is no tier is the
/// rule's own.
fn hits(rule: &RuleFile, columns: &[String]) -> String {
    let has = |name: &str| columns.iter().any(|column| column == name);
    let subject = rule.header.subject_column();
    let optional = |name: &str, ty: &str| {
        if has(name) { format!("CAST({name} AS {ty}) AS {name}") } else { format!("CAST(NULL AS {ty}) AS {name}") }
    };
    let severity = if has("severity") {
        let tiers = Severity::ALL.map(|tier| format!("'{}'", tier.name())).join(", ");
        format!("CASE WHEN severity IN ({tiers}) THEN severity ELSE '{}' END AS severity", rule.header.severity.name())
    } else {
        format!("'{}' AS severity", rule.header.severity.name())
    };
    format!(
        "SELECT person_id, {subject} AS subject, CAST(alert_key AS VARCHAR) AS alert_key, \
         CAST(alert_at AS TIMESTAMP) AS alert_at, {}, {}, {}, {severity}\nFROM (\n{}\n) r\n\
         WHERE alert_at IS NOT NULL AND person_id IS NOT NULL AND {subject} IS NOT NULL AND alert_key IS NOT NULL{}",
        optional("due_at", "TIMESTAMP"),
        optional("cleared_at", "TIMESTAMP"),
        optional("anchor_at", "DATE"),
        rule.sql,
        of_classes(rule)
    )
}

/// Makes `hits`: a rule's rows, with the times up to which they wait.
pub(super) fn waiting_hits(
    catalogue: &Catalogue,
    rule: &RuleFile,
    columns: &[String],
    (read, spoken): (&BTreeSet<TableId>, &str),
    kind: &str,
) -> Result<String, BatchError> {
    let read: Vec<String> = read.iter().map(|table| format!("'{}'", table.name())).collect();
    let text = without_comments(section(&catalogue.tables, "rows that wait")?);
    let text = text.replace("{kind}", kind).replace("{read}", &read.join(", ")).replace("{reached}", spoken);
    Ok(text.trim().trim_end_matches(';').replace("{rows}", &hits(rule, columns)))
}

/// Limits a rule to persons who have or had a permit of one of its classes, whether or not its text does.
fn of_classes(rule: &RuleFile) -> String {
    let header = &rule.header;
    if header.key.is_some() || header.permit_classes.iter().any(|class| class == "*") {
        return String::new();
    }
    let classes: Vec<String> = header.permit_classes.iter().map(|class| format!("'{class}'")).collect();
    let classes = classes.join(", ");
    format!("\n  AND person_id IN (SELECT person_id FROM permits_history WHERE permit_class IN ({classes}))")
}

pub(super) fn standing_query(catalogue: &Catalogue, rule: &RuleFile, as_of: i64, spoken: &str) -> String {
    let mut reasons: Vec<String> = rule.cancel_reasons().iter().map(|reason| format!("'{reason}'")).collect();
    if reasons.is_empty() {
        // A list needs an item, and no reason is called so.
        reasons.push("''".to_owned());
    }
    let body = without_comments(&catalogue.standing);
    body.replace("$rule_id", &format!("'{}'", rule.header.id))
        .replace("$as_of", &timestamp(as_of))
        .replace("$spoken", spoken)
        .replace("$cancel_reasons", &reasons.join(", "))
        .trim()
        .trim_end_matches(';')
        .to_owned()
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    lines.map(|line| format!("{line}\n")).collect()
}

pub(super) fn timestamp(micros: i64) -> String {
    format!("TIMESTAMP '{}'", format_micros(micros).replace('T', " ").trim_end_matches('Z'))
}

/// The register feeds that a rule's rows rest on, and those of the cancellers and corroborations: directly, through views, through
/// rules that it uses, and through all links of a feed of which it reads one.
pub(super) fn waits_for(
    catalogue: &Catalogue,
    context: &SessionContext,
    rule: &RuleFile,
) -> Result<BTreeSet<Feed>, DataFusionError> {
    let conditions =
        catalogue.views.iter().filter(|view| ["cancellers", "corroborations"].contains(&view.name.as_str()));
    let conditions = conditions.map(|view| (view.sql.as_str(), [].as_slice()));
    let texts = std::iter::once((rule.sql.as_str(), rule.header.uses.as_slice())).chain(conditions);
    let tables = tables_below(catalogue, context, texts.collect(), true)?;
    Ok(tables.into_iter().map(|table| table.def().feed).filter(|feed| !feed.is_internal()).collect())
}

/// The tables that a rule's rows depend on: directly, through views, and through rules that it uses.
pub(super) fn reads(
    catalogue: &Catalogue,
    context: &SessionContext,
    rule: &RuleFile,
) -> Result<BTreeSet<TableId>, DataFusionError> {
    tables_below(catalogue, context, vec![(&rule.sql, &rule.header.uses)], false)
}

/// The tables that texts read, each given with the rules whose rows it reads in `rule_rows`. If asked for, with those of all links of a feed of
/// which they read one.
fn tables_below<'a>(
    catalogue: &'a Catalogue,
    context: &SessionContext,
    mut texts: Vec<(&'a str, &'a [String])>,
    through_links: bool,
) -> Result<BTreeSet<TableId>, DataFusionError> {
    let state = context.state();
    let dialect = state.config().options().sql_parser.dialect;
    let mut tables = BTreeSet::new();
    let mut linked = BTreeSet::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some((sql, uses)) = texts.pop() {
        let statement = state.sql_to_statement(sql, &dialect)?;
        for name in state.resolve_table_references(&statement)? {
            let name = name.table();
            if name == "rule_rows" {
                let used = uses.iter().filter_map(|id| catalogue.rule(id));
                texts.extend(used.map(|rule| (rule.sql.as_str(), rule.header.uses.as_slice())));
                continue;
            }
            if let Some(view) = catalogue.views.iter().find(|view| view.name == name) {
                // The rows in `rule_rows` depend on the text that reads them, so a view that reads it is visited each time.
                if view.sql.contains("rule_rows") || seen.insert(&view.name) {
                    texts.push((&view.sql, uses));
                }
                continue;
            }
            let Some(table) = TableId::from_name(name.strip_suffix("_history").unwrap_or(name)) else { continue };
            tables.insert(table);
            let feed = table.def().feed;
            if through_links && feed.is_internal() && linked.insert(feed) {
                let links = catalogue.links.iter().filter(|link| link.table.def().feed == feed);
                texts.extend(links.map(|link| (link.sql.as_str(), link.uses.as_slice())));
            }
        }
    }
    Ok(tables)
}

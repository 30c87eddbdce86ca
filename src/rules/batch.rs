//! The standing set as a plain batch query (contract C1): recorded tables in, what stands at a clock out. An absence stands once the
//! feeds that its rule reads have spoken so far: by the recording (`feed_clocks`), or at every time, where a caller says so.
//!
//! The same texts run in DuckDB: [`duckdb_script`] prints them. Nothing here knows how the engine works; that is
//! what makes it an oracle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use thiserror::Error;

use crate::alert::{AlertId, Severity};
use crate::config::Visibility;
use crate::rules::catalogue::Catalogue;
use crate::rules::file::RuleFile;
use crate::rules::session;
use crate::rules::set::cancelled_by;
use crate::schema::{Feed, TableId, clock_file_schema};
use crate::source::files::Recorded;
use crate::time::{Day, KnownTime, MICROS_PER_DAY, MICROS_PER_SECOND, format_micros};

/// One alert that stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StandingRow {
    pub alert_id: AlertId,
    pub rule_id: String,
    pub person: String,
    pub subject: String,
    pub alert_key: String,
    pub severity: Severity,
    pub alert_at: i64,
    pub anchor: Option<Day>,
}

/// Why the batch query failed.
#[derive(Debug, Error)]
pub enum BatchError {
    #[error("batch query, {what}")]
    Sql { what: String, source: Box<DataFusionError> },
    #[error("tables.sql has no section \"{0}\"")]
    Section(&'static str),
    #[error("batch query of rule \"{rule}\" gave {message}")]
    Output { rule: String, message: String },
}

/// One statement with a name for messages.
struct Statement {
    what: String,
    sql: Text,
}

enum Text {
    Sql(String),
    /// Makes the table with the rows of these rules, whose columns are known once their own tables are there.
    RuleRows {
        name: &'static str,
        rules: Vec<String>,
    },
}

impl Statement {
    fn new(what: String, sql: String) -> Statement {
        Statement { what, sql: Text::Sql(sql) }
    }

    async fn text(&self, catalogue: &Catalogue, context: &SessionContext) -> Result<String, BatchError> {
        let (name, rules) = match &self.sql {
            Text::Sql(sql) => return Ok(sql.clone()),
            Text::RuleRows { name, rules } => (name, rules),
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
                cancelled_by(rule),
                hits(rule, &columns)
            ));
        }
        if parts.is_empty() {
            parts.push(NO_ROWS.to_owned());
        }
        Ok(format!("CREATE TABLE {name} AS\n{}", parts.join("\nUNION ALL\n")))
    }
}

/// The table of rules' rows where no rule is used.
const NO_ROWS: &str = "SELECT '' AS rule_id, '' AS rule_number, '' AS person_id, '' AS permit_id, '' AS alert_key, '' AS severity, \
     CAST(NULL AS TIMESTAMP) AS alert_at, CAST(NULL AS TIMESTAMP) AS cleared_at, CAST(NULL AS DATE) AS anchor_at, '' AS cancelled_by \
     WHERE 1 = 0";

/// What stands by a recording, and what does not stand because a feed has not spoken so far.
#[derive(Debug, Default)]
pub struct BatchStanding {
    pub standing: Vec<StandingRow>,
    /// By feed of a register how far it had spoken; `None`: it had said nothing.
    pub clocks: BTreeMap<Feed, Option<KnownTime>>,
    /// By rule the feeds that its absences wait for, and of how many units one is due and waits.
    pub waiting: BTreeMap<String, (BTreeSet<Feed>, usize)>,
}

/// Runs every rule of the catalogue over the recorded tables as of `as_of` (microseconds), by when every feed has spoken.
pub async fn standing(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    recorded: impl Fn(TableId) -> Vec<RecordBatch>,
) -> Result<Vec<StandingRow>, BatchError> {
    Ok(run(catalogue, visibility, as_of, recorded, None).await?.standing)
}

/// The same where feeds have spoken as far as their records say, and `clocks` beside them.
pub async fn standing_with_clocks(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    recorded: impl Fn(TableId) -> Vec<RecordBatch>,
    clocks: Vec<RecordBatch>,
) -> Result<BatchStanding, BatchError> {
    run(catalogue, visibility, as_of, recorded, Some(clocks)).await
}

async fn run(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    recorded: impl Fn(TableId) -> Vec<RecordBatch>,
    clocks: Option<Vec<RecordBatch>>,
) -> Result<BatchStanding, BatchError> {
    let context = session::session().map_err(|error| sql_error("session", error))?;
    for table in TableId::ALL.into_iter().filter(|table| !table.is_link()) {
        let name = format!("{}_file", table.name());
        register(&context, &name, table.def().file_schema(), recorded(table))?;
    }
    let has_clocks = clocks.is_some();
    if let Some(clocks) = clocks {
        register(&context, "clocks_file", clock_file_schema(), clocks)?;
    }
    for (name, batch) in session::calendars(&catalogue.thresholds) {
        register(&context, name, batch.schema(), vec![batch])?;
    }
    // Views as tables: the same rows, worked out once instead of in every query that reads them.
    for statement in statements(catalogue, visibility, as_of, "TABLE", has_clocks)? {
        let sql = statement.text(catalogue, &context).await?;
        collect(&context, &sql).await.map_err(|error| sql_error(&statement.what, error))?;
    }
    let mut out = BatchStanding::default();
    if has_clocks {
        let failed = |error| sql_error("feed clocks", error);
        for batch in collect(&context, "SELECT feed, spoken_until FROM feed_clocks").await.map_err(failed)? {
            read_clocks(&batch, &mut out.clocks).map_err(|message| failed(DataFusionError::Execution(message)))?;
        }
    }
    for rule in &catalogue.rules {
        let id = &rule.header.id;
        let failed = |error| sql_error(&format!("rule {id}"), error);
        let columns = columns(&context, &rule.sql).await.map_err(failed)?;
        let hits = format!("CREATE OR REPLACE TABLE hits AS {}", hits(rule, &columns));
        collect(&context, &hits).await.map_err(failed)?;
        let feeds = has_clocks.then(|| waits_for(catalogue, &context, rule)).transpose().map_err(failed)?;
        let spoken = spoken(feeds.as_ref(), as_of);
        let batches = collect(&context, &standing_query(catalogue, rule, as_of, &spoken)).await.map_err(failed)?;
        for batch in batches {
            read(id, &batch, &mut out.standing).map_err(|message| BatchError::Output { rule: id.clone(), message })?;
        }
        let Some(feeds) = feeds.filter(|_| columns.iter().any(|column| column == "due_at")) else { continue };
        let at = timestamp(as_of);
        let waits = format!(
            "SELECT count(DISTINCT person_id) AS units FROM hits WHERE due_at <= {at} AND due_at > {spoken} \
             AND (cleared_at IS NULL OR cleared_at > alert_at)"
        );
        for batch in collect(&context, &waits).await.map_err(failed)? {
            let units = batch.column(0).as_primitive_opt::<arrow::datatypes::Int64Type>();
            let units = units.filter(|units| !units.is_empty()).map_or(0, |units| units.value(0));
            if units > 0 {
                out.waiting.insert(id.clone(), (feeds.clone(), usize::try_from(units).unwrap_or(usize::MAX)));
            }
        }
    }
    out.standing.sort();
    Ok(out)
}

/// A complete script for DuckDB over the Parquet files of a recording; its last statement gives the standing set.
pub async fn duckdb_script<'a>(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    recorded: impl Into<Recorded<'a>>,
) -> Result<String, BatchError> {
    let recorded = recorded.into();
    let context = session::session().map_err(|error| sql_error("session", error))?;
    let mut out = catalogue.duckdb.clone();
    out.push('\n');
    for table in TableId::ALL.into_iter().filter(|table| !table.is_link()) {
        let name = format!("{}_file", table.name());
        register(&context, &name, table.def().file_schema(), Vec::new())?;
        out.push_str(&duckdb_table(recorded, table.name(), &table.def().file_schema()));
    }
    register(&context, "clocks_file", clock_file_schema(), Vec::new())?;
    out.push_str(&duckdb_table(recorded, "clocks", &clock_file_schema()));
    for (name, batch) in session::calendars(&catalogue.thresholds) {
        register(&context, name, batch.schema(), vec![batch])?;
    }
    let _ = writeln!(out, "CREATE TABLE parameters (name VARCHAR, valid_from DATE, valid_to DATE, value BIGINT);");
    for threshold in &catalogue.thresholds {
        let to = threshold.valid_to.map_or("NULL".to_owned(), |day| format!("DATE '{day}'"));
        let _ = writeln!(
            out,
            "INSERT INTO parameters VALUES ('{}', DATE '{}', {to}, {});",
            threshold.name, threshold.valid_from, threshold.value
        );
    }
    for statement in statements(catalogue, visibility, as_of, "VIEW", true)? {
        let sql = statement.text(catalogue, &context).await?;
        collect(&context, &sql).await.map_err(|error| sql_error(&statement.what, error))?;
        let _ = writeln!(out, "{sql};");
    }
    out.push_str("CREATE TABLE standing_set (rule_id VARCHAR, person_id VARCHAR, subject VARCHAR, alert_key VARCHAR, severity VARCHAR);\n");
    for rule in &catalogue.rules {
        let id = &rule.header.id;
        let failed = |error| sql_error(&format!("rule {id}"), error);
        let columns = columns(&context, &rule.sql).await.map_err(failed)?;
        let _ = writeln!(out, "CREATE OR REPLACE VIEW hits AS {};", hits(rule, &columns));
        let feeds = waits_for(catalogue, &context, rule).map_err(failed)?;
        let query = standing_query(catalogue, rule, as_of, &spoken(Some(&feeds), as_of));
        let _ = writeln!(
            out,
            "INSERT INTO standing_set SELECT '{id}', person_id, subject, alert_key, severity FROM (\n{query}\n) s;"
        );
    }
    out.push_str("SELECT rule_id, subject, alert_key, severity FROM standing_set ORDER BY 1, 2, 3, 4;\n");
    Ok(out)
}

/// A recorded file as a view, each column of the type that it has to have; one that is not there as an empty table.
fn duckdb_table(recorded: Recorded<'_>, name: &str, schema: &SchemaRef) -> String {
    let path = recorded.dir.join("parquet").join(format!("{name}.parquet"));
    let columns: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| {
            let value = if path.exists() { field.name().as_str() } else { "NULL" };
            format!("CAST({value} AS {}) AS {}", duckdb_type(field.data_type()), field.name())
        })
        .collect();
    let columns = columns.join(", ");
    if path.exists() {
        let file = path.display().to_string().replace('\'', "''");
        let absent: Vec<String> = recorded.absent.iter().map(|feed| format!("'{}'", feed.name())).collect();
        let but = if name == "clocks" && !absent.is_empty() {
            format!(" WHERE feed NOT IN ({})", absent.join(", "))
        } else {
            String::new()
        };
        format!("CREATE VIEW {name}_file AS SELECT {columns} FROM read_parquet('{file}'){but};\n")
    } else {
        format!("CREATE TABLE {name}_file AS SELECT {columns} WHERE 1 = 0;\n")
    }
}

fn duckdb_type(ty: &DataType) -> &'static str {
    match ty {
        DataType::Int64 => "BIGINT",
        DataType::Date32 => "DATE",
        DataType::Timestamp(..) => "TIMESTAMP",
        DataType::Boolean => "BOOLEAN",
        DataType::List(_) => "VARCHAR[]",
        _ => "VARCHAR",
    }
}

/// The feeds of registers that a rule's rows rest on, and those of the cancellers and corroborations: directly, through views, through
/// rules that it uses, and through all links of a feed that it reads one of.
fn waits_for(
    catalogue: &Catalogue,
    context: &SessionContext,
    rule: &RuleFile,
) -> Result<BTreeSet<Feed>, DataFusionError> {
    let state = context.state();
    let dialect = state.config().options().sql_parser.dialect;
    let mut feeds = BTreeSet::new();
    // A text, and the rules whose rows it finds in `rule_rows`.
    let mut texts: Vec<(&str, &[String])> = vec![(&rule.sql, &rule.header.uses)];
    for view in ["cancellers", "corroborations"] {
        texts.extend(
            catalogue.views.iter().filter(|other| other.name == view).map(|view| (view.sql.as_str(), [].as_slice())),
        );
    }
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
                // Whose rows it finds depends on who asks, so one that reads them is gone through each time.
                if view.sql.contains("rule_rows") || seen.insert(&view.name) {
                    texts.push((&view.sql, uses));
                }
                continue;
            }
            let Some(table) = TableId::from_name(name.strip_suffix("_history").unwrap_or(name)) else { continue };
            let feed = table.def().feed;
            if feeds.insert(feed) && feed.is_internal() {
                let links = catalogue.links.iter().filter(|link| link.table.def().feed == feed);
                texts.extend(links.map(|link| (link.sql.as_str(), link.uses.as_slice())));
            }
        }
    }
    feeds.retain(|feed| !feed.is_internal());
    Ok(feeds)
}

/// The instant up to which absence is asserted, in SQL.
fn spoken(feeds: Option<&BTreeSet<Feed>>, as_of: i64) -> String {
    let Some(feeds) = feeds else { return timestamp(as_of) };
    let feeds: Vec<String> = feeds.iter().map(|feed| format!("'{}'", feed.name())).collect();
    format!("(SELECT min(spoken_until) FROM feed_clocks WHERE feed IN ({}))", feeds.join(", "))
}

/// Tables, scope and views, in order; `kind` is what views are made: VIEW or TABLE.
fn statements(
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
    section("permits table", &mut Feed::Permits.tables())?;
    section("scope", &mut std::iter::once(TableId::Permits))?;
    let others = |table: &TableId| table.is_person() && table.def().feed != Feed::Permits && !table.is_link();
    section("person table", &mut TableId::ALL.into_iter().filter(others))?;
    section("reference table", &mut Feed::Reference.tables())?;
    let ids = |rules: Vec<&RuleFile>| rules.into_iter().map(|rule| rule.header.id.clone()).collect();
    let mut views = vec![
        Statement {
            what: "view rule_rows".into(),
            sql: Text::RuleRows { name: "rule_rows", rules: ids(catalogue.used(true)) },
        },
        Statement {
            what: "view all_rule_rows".into(),
            sql: Text::RuleRows { name: "all_rule_rows", rules: ids(catalogue.used(false)) },
        },
    ];
    for view in &catalogue.views {
        let sql = format!("CREATE {kind} {} AS {}", view.name, view.sql);
        views.push(Statement::new(format!("view {}", view.name), sql));
        if view.name == "indications" {
            // Links see the rows of all rules that they use, those that use others among them.
            let sql = format!("CREATE {kind} all_indications AS {}", view.sql.replace("rule_rows", "all_rule_rows"));
            views.push(Statement::new("view all_indications".into(), sql));
        }
    }
    for link in TableId::ALL.into_iter().filter(|table| table.is_link()) {
        views.push(Statement::new(format!("view {}", link.name()), link_table(catalogue, link, as_of)));
    }
    order_views(&mut out, views, catalogue);
    Ok(out)
}

/// The greatest known time of each recorded table, with the table's feed.
fn spoken_by_records() -> String {
    let tables = TableId::ALL.into_iter().filter(|table| !table.is_link()).map(|table| {
        let (feed, name) = (table.def().feed.name(), table.name());
        format!("SELECT '{feed}' AS feed, max(known_time) AS known_time FROM {name}_file")
    });
    tables.collect::<Vec<_>>().join("\n    UNION ALL ")
}

/// The table that a link fills, as a plain query; empty where nobody reads it.
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

/// Each view, link and table of rules' rows has to come after those that it uses.
fn order_views(statements: &mut Vec<Statement>, mut open: Vec<Statement>, catalogue: &Catalogue) {
    let name = |statement: &Statement| statement.what.trim_start_matches("view ").to_owned();
    let body = |statement: &Statement| match &statement.sql {
        Text::Sql(sql) => sql.split_once(" AS ").map_or(String::new(), |(_, body)| body.to_owned()),
        Text::RuleRows { rules, .. } => {
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
        // A circle: leave the order to the query engine's error.
        let next = open.remove(ready.unwrap_or(0));
        statements.push(next);
    }
}

fn section<'a>(text: &'a str, name: &'static str) -> Result<&'a str, BatchError> {
    let mark = format!("-- section: {name}\n");
    let (_, rest) = text.split_once(&mark).ok_or(BatchError::Section(name))?;
    Ok(rest.split_once("-- section: ").map_or(rest, |(body, _)| body))
}

/// Statements end in a semicolon at the end of a line.
fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(";\n")
        .map(|part| part.trim().trim_end_matches(';').to_owned())
        .filter(|part| part.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--")))
}

fn fill(text: &str, table: TableId, visibility: &Visibility, as_of: i64) -> String {
    let columns: Vec<&str> = table.def().columns.iter().map(|column| column.name).collect();
    // As `Record::cmp_content` compares, backwards.
    let envelope = ["registered_at", "event_time", "op", "source", "purpose", "secrecy_class", "schema_ver"];
    let content: Vec<String> =
        envelope.iter().chain(&columns).map(|column| format!("{column} DESC NULLS LAST")).collect();
    let future = visibility.future_limit[table.def().feed.index()] / MICROS_PER_DAY;
    text.replace("{table}", table.name())
        .replace("{columns}", &columns.join(", "))
        .replace("{content}", &content.join(", "))
        .replace(
            "{record}",
            &format!(
                "concat('{}/', replace(replace(record_key, '%', '%25'), ',', '%2C'), '/', CAST(version AS VARCHAR))",
                table.name()
            ),
        )
        .replace("{as_of}", &timestamp(as_of))
        .replace("{future_days}", &future.to_string())
        .replace("{permit_lead_minutes}", &(visibility.permit_lead / 60 / MICROS_PER_SECOND).to_string())
        .replace("{or_anchored}", if table == TableId::Population { " OR known_time >= s.anchored_from" } else { "" })
        .replace("{aftercare_months}", &visibility.aftercare_months.to_string())
        .replace("{lookback_months}", &visibility.lookback_months.to_string())
        .replace("{correction_days}", &(visibility.correction_window / MICROS_PER_DAY).to_string())
}

/// A rule's rows under fixed names and types.
fn hits(rule: &RuleFile, columns: &[String]) -> String {
    let has = |name: &str| columns.iter().any(|column| column == name);
    let subject = rule.header.subject.as_deref().unwrap_or("permit_id");
    let optional = |name: &str, ty: &str| {
        if has(name) { format!("CAST({name} AS {ty}) AS {name}") } else { format!("CAST(NULL AS {ty}) AS {name}") }
    };
    let severity = if has("severity") {
        format!("coalesce(severity, '{}') AS severity", rule.header.severity.name())
    } else {
        format!("'{}' AS severity", rule.header.severity.name())
    };
    format!(
        "SELECT person_id, {subject} AS subject, CAST(alert_key AS VARCHAR) AS alert_key, \
         CAST(alert_at AS TIMESTAMP) AS alert_at, {}, {}, {}, {severity}\nFROM (\n{}\n) r\nWHERE alert_at IS NOT NULL{}",
        optional("due_at", "TIMESTAMP"),
        optional("cleared_at", "TIMESTAMP"),
        optional("anchor_at", "DATE"),
        rule.sql,
        of_classes(rule)
    )
}

/// A rule is about persons who have or had a permit of one of its classes, whether or not its text says so.
fn of_classes(rule: &RuleFile) -> String {
    let header = &rule.header;
    if header.key.is_some() || header.permit_classes.iter().any(|class| class == "*") {
        return String::new();
    }
    let classes: Vec<String> = header.permit_classes.iter().map(|class| format!("'{class}'")).collect();
    let classes = classes.join(", ");
    format!("\n  AND person_id IN (SELECT person_id FROM permits_history WHERE permit_class IN ({classes}))")
}

fn standing_query(catalogue: &Catalogue, rule: &RuleFile, as_of: i64, spoken: &str) -> String {
    let reasons: Vec<String> = Catalogue::cancel_reasons(rule).iter().map(|reason| format!("'{reason}'")).collect();
    let body: String = catalogue
        .standing
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .map(|line| format!("{line}\n"))
        .collect();
    body.replace("$rule_id", &format!("'{}'", rule.header.id))
        .replace("$as_of", &timestamp(as_of))
        .replace("$spoken", spoken)
        .replace("$cancel_reasons", &reasons.join(", "))
        .trim()
        .trim_end_matches(';')
        .to_owned()
}

fn timestamp(micros: i64) -> String {
    format!("TIMESTAMP '{}'", format_micros(micros).replace('T', " ").trim_end_matches('Z'))
}

fn register(
    context: &SessionContext,
    name: &str,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<(), BatchError> {
    let table = MemTable::try_new(schema, vec![batches]).map_err(|error| sql_error(name, error))?;
    context.register_table(name, Arc::new(table)).map(|_| ()).map_err(|error| sql_error(name, error))
}

async fn collect(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>, DataFusionError> {
    context.sql(sql).await?.collect().await
}

async fn columns(context: &SessionContext, sql: &str) -> Result<Vec<String>, DataFusionError> {
    let frame = context.sql(sql).await?;
    Ok(frame.schema().fields().iter().map(|field| field.name().clone()).collect())
}

fn read_clocks(batch: &RecordBatch, out: &mut BTreeMap<Feed, Option<KnownTime>>) -> Result<(), String> {
    let get = |at: usize, ty: &DataType| cast(batch.column(at), ty).map_err(|error| error.to_string());
    let feeds = get(0, &DataType::Utf8)?;
    let until = get(1, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    for row in 0..batch.num_rows() {
        let Some(feed) = Feed::from_name(feeds.as_string::<i32>().value(row)) else { continue };
        let until = KnownTime(until.as_primitive::<TimestampMicrosecondType>().value(row));
        out.insert(feed, Some(until).filter(|until| until.day() > Day::FIRST));
    }
    Ok(())
}

fn read(rule: &str, batch: &RecordBatch, out: &mut Vec<StandingRow>) -> Result<(), String> {
    let get = |name: &str, ty: &DataType| {
        let column = batch.column_by_name(name).ok_or_else(|| format!("no column {name}"))?;
        cast(column, ty).map_err(|error| error.to_string())
    };
    let (persons, subjects) = (get("person_id", &DataType::Utf8)?, get("subject", &DataType::Utf8)?);
    let (keys, severities) = (get("alert_key", &DataType::Utf8)?, get("severity", &DataType::Utf8)?);
    let alerts = get("alert_at", &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    let anchors = get("anchor_at", &DataType::Date32)?;
    for row in 0..batch.num_rows() {
        let text = |array: &arrow::array::ArrayRef| array.as_string::<i32>().value(row).to_owned();
        let (subject, alert_key) = (text(&subjects), text(&keys));
        out.push(StandingRow {
            alert_id: AlertId::new(rule, &subject, &alert_key),
            rule_id: rule.to_owned(),
            person: text(&persons),
            severity: Severity::from_name(&text(&severities)).ok_or("an unknown severity")?,
            alert_at: alerts.as_primitive::<TimestampMicrosecondType>().value(row),
            anchor: (!anchors.is_null(row)).then(|| Day(anchors.as_primitive::<Date32Type>().value(row))),
            subject,
            alert_key,
        });
    }
    Ok(())
}

fn sql_error(what: &str, source: DataFusionError) -> BatchError {
    BatchError::Sql { what: what.to_owned(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    /// Two ways to the same feeds: the texts here, the plans there.
    #[test]
    fn a_rule_waits_for_the_feeds_that_its_plan_reads() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        let rules = RuleSet::plan(&catalogue).unwrap();
        let context = session::session().unwrap();
        let mut different: BTreeSet<Vec<Feed>> = BTreeSet::new();
        for (at, rule) in catalogue.rules.iter().enumerate() {
            let feeds: Vec<Feed> = waits_for(&catalogue, &context, rule).unwrap().into_iter().collect();
            assert_eq!(feeds, rules.waits_for(at).iter().collect::<Vec<_>>(), "{}", rule.header.id);
            different.insert(feeds);
        }
        assert!(different.len() > 3, "{different:?}");
    }
}

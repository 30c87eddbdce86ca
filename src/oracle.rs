//! The standing set as a plain batch query (contract C1): recorded tables in, the alerts that stand at a clock out. An absence
//! stands once the feeds that its rule reads reach it: by the recording (`feed_clocks`), or, if the caller says so, at all times.
//!
//! The same texts run in DuckDB: [`duckdb_script`] prints them. Nothing here knows how the engine works; that makes it an oracle.

mod duckdb;
mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use thiserror::Error;

pub use duckdb::duckdb_script;

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::config::Visibility;
use crate::model::alert::{AlertId, Severity};
use crate::model::purpose::Purpose;
use crate::model::schema::{Feed, TableId, clock_file_schema};
use crate::model::time::{Day, KnownTime};
use crate::oracle::statements::{
    Statement, reads, seen_by, spoken, standing_query, statements, timestamp, waiting_hits, waits_for,
};
use crate::rules::calendars::calendars;
use crate::sql::session::session;

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

/// What stands by a recording, and what does not stand because a feed does not reach far enough.
#[derive(Debug, Default)]
pub struct BatchStanding {
    pub standing: Vec<StandingRow>,
    /// By register feed: the known time that it reaches; `None` if it has nothing.
    pub clocks: BTreeMap<Feed, Option<KnownTime>>,
    /// By rule: the feeds that its absences wait for, and the number of units of which an absence is due and waits.
    pub waiting: BTreeMap<String, (BTreeSet<Feed>, usize)>,
}

/// Runs every rule of the catalogue over the recorded tables as of `as_of` (microseconds); every feed counts as complete up to
/// then.
pub async fn standing(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    recorded: impl Fn(TableId) -> Vec<RecordBatch>,
) -> Result<Vec<StandingRow>, BatchError> {
    Ok(run(catalogue, visibility, as_of, recorded, None).await?.standing)
}

/// The same, but feeds reach only as far as their records and the clock messages in `clocks`.
pub async fn standing_with_clocks(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    recorded: impl Fn(TableId) -> Vec<RecordBatch>,
    clocks: Vec<RecordBatch>,
) -> Result<BatchStanding, BatchError> {
    run(catalogue, visibility, as_of, recorded, Some(clocks)).await
}

/// A session in which the tables, histories and views are as of `as_of`: what rules for permit control see, with every feed complete up
/// to then.
pub async fn tables(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    recorded: impl Fn(TableId) -> Vec<RecordBatch>,
) -> Result<SessionContext, BatchError> {
    with_tables(catalogue, visibility, as_of, recorded, None).await
}

async fn with_tables(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    recorded: impl Fn(TableId) -> Vec<RecordBatch>,
    clocks: Option<Vec<RecordBatch>>,
) -> Result<SessionContext, BatchError> {
    let context = session().map_err(|error| sql_error("session", error))?;
    for table in TableId::ALL.into_iter().filter(|table| !table.is_link()) {
        let name = format!("{}_file", table.name());
        register(&context, &name, table.def().file_schema(), recorded(table))?;
    }
    let has_clocks = clocks.is_some();
    if let Some(clocks) = clocks {
        register(&context, "clocks_file", clock_file_schema(), clocks)?;
    }
    for (name, batch) in calendars(&catalogue.thresholds) {
        register(&context, name, batch.schema(), vec![batch])?;
    }
    // Views become tables, so that their rows are computed once instead of in every query that reads them.
    create(catalogue, &context, statements(catalogue, visibility, as_of, "TABLE", has_clocks)?).await?;
    Ok(context)
}

/// Runs statements, each of whose texts follows from what those before it made. Returns the texts.
async fn create(
    catalogue: &Catalogue,
    context: &SessionContext,
    all: Vec<Statement>,
) -> Result<Vec<String>, BatchError> {
    let mut texts = Vec::with_capacity(all.len());
    for statement in all {
        let sql = statement.text(catalogue, context).await?;
        collect(context, &sql).await.map_err(|error| sql_error(&statement.what, error))?;
        texts.push(sql);
    }
    Ok(texts)
}

/// What makes tables and views as the rules of a purpose see them, and these rules.
type OfPurpose<'a> = (Vec<Statement>, Vec<&'a RuleFile>);

/// The catalogue's rules by purpose, each purpose with what makes tables and views as its rules see them, after [`statements`] and the
/// purposes before it. Permit control comes first, and sees what `statements` made.
fn by_purpose<'a>(catalogue: &'a Catalogue, kind: &str) -> Result<Vec<OfPurpose<'a>>, BatchError> {
    let mut out = Vec::new();
    for purpose in Purpose::ALL {
        let rules: Vec<&RuleFile> = catalogue.rules.iter().filter(|rule| rule.header.purpose() == purpose).collect();
        if rules.is_empty() {
            continue;
        }
        let made = if purpose == Purpose::PermitControl { Vec::new() } else { seen_by(catalogue, purpose, kind)? };
        out.push((made, rules));
    }
    Ok(out)
}

async fn run(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    recorded: impl Fn(TableId) -> Vec<RecordBatch>,
    clocks: Option<Vec<RecordBatch>>,
) -> Result<BatchStanding, BatchError> {
    let has_clocks = clocks.is_some();
    let context = with_tables(catalogue, visibility, as_of, recorded, clocks).await?;
    let mut out = BatchStanding::default();
    if has_clocks {
        let failed = |error| sql_error("feed clocks", error);
        for batch in collect(&context, "SELECT feed, spoken_until FROM feed_clocks").await.map_err(failed)? {
            read_clocks(&batch, &mut out.clocks).map_err(|message| failed(DataFusionError::Execution(message)))?;
        }
    }
    for (made, rules) in by_purpose(catalogue, "TABLE")? {
        create(catalogue, &context, made).await?;
        stand_of(&context, catalogue, &rules, as_of, has_clocks, &mut out).await?;
    }
    out.standing.sort();
    Ok(out)
}

/// Adds what stands of rules that see the session's tables.
async fn stand_of(
    context: &SessionContext,
    catalogue: &Catalogue,
    rules: &[&RuleFile],
    as_of: i64,
    has_clocks: bool,
    out: &mut BatchStanding,
) -> Result<(), BatchError> {
    for rule in rules {
        let id = &rule.header.id;
        let failed = |error| sql_error(&format!("rule {id}"), error);
        let columns = columns(context, &rule.sql).await.map_err(failed)?;
        let feeds = has_clocks.then(|| waits_for(catalogue, context, rule)).transpose().map_err(failed)?;
        let spoken = spoken(feeds.as_ref(), as_of);
        let tables = reads(catalogue, context, rule).map_err(failed)?;
        let hits = waiting_hits(catalogue, rule, &columns, (&tables, &spoken), "TABLE")?;
        collect(context, &hits).await.map_err(failed)?;
        let batches = collect(context, &standing_query(catalogue, rule, as_of, &spoken)).await.map_err(failed)?;
        for batch in batches {
            read(id, &batch, &mut out.standing).map_err(|message| BatchError::Output { rule: id.clone(), message })?;
        }
        let Some(feeds) = feeds else { continue };
        let at = timestamp(as_of);
        let waits = format!(
            "SELECT count(DISTINCT person_id) AS units FROM hits WHERE due_at <= {at} AND due_at > {spoken} \
             AND (cleared_at IS NULL OR cleared_at > alert_at)"
        );
        for batch in collect(context, &waits).await.map_err(failed)? {
            let units = batch.column(0).as_primitive_opt::<arrow::datatypes::Int64Type>();
            let units = units.filter(|units| !units.is_empty()).map_or(0, |units| units.value(0));
            if units > 0 {
                out.waiting.insert(id.clone(), (feeds.clone(), usize::try_from(units).unwrap_or(usize::MAX)));
            }
        }
    }
    Ok(())
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

    /// The texts here and the plans there give the same feeds and tables.
    #[test]
    fn a_rule_waits_for_the_feeds_that_its_plan_reads() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        let rules = RuleSet::plan(&catalogue).unwrap();
        let context = session().unwrap();
        let mut different: BTreeSet<Vec<Feed>> = BTreeSet::new();
        for (at, rule) in catalogue.rules.iter().enumerate() {
            let feeds: Vec<Feed> = waits_for(&catalogue, &context, rule).unwrap().into_iter().collect();
            assert_eq!(feeds, rules.waits_for(at).iter().collect::<Vec<_>>(), "{}", rule.header.id);
            let tables: Vec<TableId> = reads(&catalogue, &context, rule).unwrap().into_iter().collect();
            assert_eq!(tables, rules.rules()[at].tables.iter().collect::<Vec<_>>(), "{}", rule.header.id);
            different.insert(feeds);
        }
        assert!(different.len() > 3, "{different:?}");
    }
}

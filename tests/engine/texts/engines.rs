//! A drawn population in the four engines, and what each says to a text.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;
use parquet::arrow::ArrowWriter;
use permitwatch::catalogue::file::RuleFile;
use permitwatch::catalogue::{Catalogue, ViewFile, limits};
use permitwatch::model::record::Reason;
use permitwatch::model::schema::TableId;
use permitwatch::model::time::{KnownTime, format_micros};
use permitwatch::oracle;
use permitwatch::rules::plan::PlanError;
use permitwatch::rules::{Request, RuleSet};
use permitwatch::shard::{Order, Shard};
use permitwatch::sql::session::session;
use permitwatch::units::Unit;
use serde_json::{Value, json};

use super::draw::VIEWS;
use super::population;
use crate::drive::{Dice, catalogue, plan, repository, shard, visibility};
use crate::duckdb::python;

/// The shipped catalogue without rules and links, and with the views that drawn texts read; nothing is cancelled.
pub fn base() -> Catalogue {
    let mut catalogue = catalogue();
    catalogue.rules.clear();
    catalogue.is_made_up = true;
    catalogue.links.clear();
    catalogue.views.retain(|view| VIEWS.contains(&view.name.as_str()));
    let view = |name: &str, sql: &str| ViewFile { name: name.to_owned(), doc: String::new(), sql: sql.to_owned() };
    catalogue.views.push(view(
        "cancellers",
        "SELECT person_id, permit_id, 'protected' AS reason, CAST(NULL AS TIMESTAMP) AS from_at, CAST(NULL AS TIMESTAMP) AS to_at \
         FROM permits WHERE permit_class = 'PROTECTED_CASE'",
    ));
    catalogue.views.push(view(
        "corroborations",
        "SELECT person_id, 'none' AS rule_id, first_known_time AS since, event_on AS from_on, event_on AS to_on FROM notices \
         WHERE event_on < DATE '1900-01-01'",
    ));
    catalogue
}

/// A rule with this text.
pub fn rule(sql: &str) -> Result<RuleFile, String> {
    let param = |name: &str, default: i64| {
        if !sql.contains(&format!("${name}")) {
            return String::new();
        }
        format!("[params.{name}]\ndefault = {default}\ndoc.sv = \"x\"\ndoc.en = \"x\"\nsource = \"x\"\n")
    };
    let text = format!(
        "/*\nid = \"drawn\"\nnumber = \"R99\"\ntitle.sv = \"x\"\ntitle.en = \"x\"\nfinding.sv = \"x.\"\nfinding.en = \"x.\"\n\
         permit_classes = [\"*\"]\nlegal_basis = []\nlegal_gate = \"closed\"\nseverity = \"medium\"\nowner = \"x\"\n\
         compares_citizenship = \"x\"\n{}{}*/\n{sql}\n",
        param("wait_days", 30),
        param("least_pct", 80)
    );
    RuleFile::parse("drawn", &text, &BTreeMap::new()).map_err(|error| error.to_string())
}

/// What `check` says: the planned rule, or why not.
pub fn checked(base: &Catalogue, rule: &RuleFile) -> Result<RuleSet, String> {
    limits::check("rule", "drawn", &rule.sql).map_err(|refused| refused.message.clone())?;
    let mut catalogue = base.clone();
    // A view comes after those that it reads.
    let mut texts = vec![rule.sql.clone()];
    for name in VIEWS.into_iter().rev() {
        if texts.iter().any(|text| text.contains(name)) {
            texts.extend(catalogue.views.iter().find(|view| view.name == name).map(|view| view.sql.clone()));
        } else {
            catalogue.views.retain(|view| view.name != name);
        }
    }
    catalogue.rules.push(rule.clone());
    if let Some(refused) = catalogue.lint().into_iter().next() {
        return Err(refused.message);
    }
    RuleSet::plan(&catalogue).map_err(|error| match error {
        PlanError::Check { source, .. } => source.to_string(),
        PlanError::Sql { source, .. } => format!("SQL: {}", source.strip_backtrace()),
        other => other.to_string(),
    })
}

/// Rows as text, sorted: each cell by the name of its column.
pub type Rows = Vec<BTreeMap<String, String>>;

pub struct World {
    base: Catalogue,
    shard: Shard,
    /// Persons at each look, in turn.
    units: Vec<Unit>,
    looks: Vec<SessionContext>,
    runtime: tokio::runtime::Runtime,
    duckdb: DuckDb,
}

/// What the engines said to a text.
pub enum Said {
    Refused(String),
    /// The same rows, of all looks.
    Alike(Rows),
    /// Who differs, and how.
    Differ(&'static str, String),
}

impl World {
    pub fn draw(seed: u64) -> World {
        let mut dice = Dice(seed);
        let recording = population::draw(&mut dice, 12);
        let base = base();
        let mut some = base.clone();
        let minimal = "SELECT person_id, permit_id, 'x' AS alert_key, first_known_time AS alert_at FROM permits";
        some.rules.push(rule(minimal).unwrap());
        some.views.retain(|view| !VIEWS.contains(&view.name.as_str()));
        let mut shard = shard(Order::Strict, plan(&some));
        for message in &recording.messages() {
            shard.take(message);
        }
        let looks = population::looks();
        shard.settle(KnownTime(looks[1]));
        let mut set_aside = shard.take_quarantined();
        // The queries leave them out as well.
        set_aside.retain(|entry| entry.reason != Reason::TooLate);
        assert!(set_aside.is_empty(), "{set_aside:?}");
        let persons: Vec<_> =
            shard.history().persons().filter(|(_, person)| person.is_person()).map(|(no, _)| no).collect();
        let units = |as_of| persons.iter().map(move |person| Unit { person: *person, as_of: KnownTime(as_of) });
        let units = looks.into_iter().flat_map(units).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let tables = recording.tables();
        let dir = tempfile::tempdir().unwrap();
        write_parquet(dir.path(), &tables);
        let recorded = |table: TableId| vec![tables[table.index()].clone()];
        let contexts = looks.map(|as_of| {
            runtime
                .block_on(oracle::tables(&base, &visibility(), as_of, recorded))
                .unwrap_or_else(|error| panic!("{error:?}"))
        });
        let scripts = looks
            .map(|as_of| runtime.block_on(oracle::duckdb_script(&base, &visibility(), as_of, dir.path())).unwrap());
        let duckdb = DuckDb::new(dir, &scripts);
        World { base, shard, units, looks: contexts.into(), runtime, duckdb }
    }

    /// Asks all engines.
    pub fn ask(&mut self, sql: &str) -> Said {
        let rule = match rule(sql) {
            Ok(rule) => rule,
            Err(error) => return Said::Refused(error),
        };
        let rules = match checked(&self.base, &rule) {
            Ok(rules) => rules,
            Err(reason) => return Said::Refused(reason),
        };
        let batch = match self.batch(&rule.sql) {
            Ok(batch) => batch,
            Err(error) => return Said::Differ("batch fails", error),
        };
        let decimals = batch.decimals;
        let persons = self.units.len() / self.looks.len();
        let units = self.units.clone();
        for (name, most) in [("engine, many units", units.len()), ("engine, single units", 6)] {
            let found = match self.engine(&rules, &units, most, &decimals) {
                Ok(found) => found,
                Err(error) => return Said::Differ("engine fails", error),
            };
            for (look, wanted) in batch.rows.iter().enumerate() {
                let mut found: Rows = found[look * persons..(look + 1) * persons].concat();
                found.sort();
                if found != *wanted {
                    return Said::Differ(name, difference(&found, wanted, look));
                }
            }
        }
        for (look, wanted) in batch.rows.iter().enumerate() {
            match self.duckdb.ask(look, &rule.sql) {
                Ok(found) if found == *wanted => {}
                Ok(found) => return Said::Differ("DuckDB", difference(&found, wanted, look)),
                Err(error) => return Said::Differ("DuckDB fails", error),
            }
        }
        Said::Alike(batch.rows.concat())
    }

    fn batch(&self, sql: &str) -> Result<Batch, String> {
        let mut out = Batch { rows: Vec::new(), decimals: Vec::new() };
        for context in &self.looks {
            let run = async { context.sql(sql).await?.collect().await };
            let batches = self.runtime.block_on(run).map_err(|error| error.strip_backtrace())?;
            let mut rows = Vec::new();
            for batch in &batches {
                for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                    if matches!(column.data_type(), DataType::Decimal128(..)) && !out.decimals.contains(field.name()) {
                        out.decimals.push(field.name().clone());
                    }
                }
                rows.extend(rows_of(batch));
            }
            out.rows.push(standing(rows));
        }
        Ok(out)
    }

    /// The rows of each unit; `most` units a call.
    fn engine(&self, rules: &RuleSet, units: &[Unit], most: usize, decimals: &[String]) -> Result<Vec<Rows>, String> {
        let header = &rules.rules()[0].file.header;
        let mut out = Vec::new();
        for some in units.chunks(most) {
            let asked = vec![Request::rule(0); some.len()];
            let done = rules.evaluate(self.shard.history(), some, &asked);
            if let Some(failure) = done.failures.first() {
                return Err(failure.message.clone());
            }
            let Some(found) = &done.rows[0] else { return Err("no rows".to_owned()) };
            for (number, unit) in (0..).zip(some) {
                let person = self.shard.history().person(unit.person).subject.to_string();
                let row = |hit: &permitwatch::rules::Hit| {
                    let mut row: BTreeMap<String, String> = BTreeMap::new();
                    let mut put = |name: &str, value: Option<String>| {
                        row.extend(value.map(|value| (name.to_owned(), value)));
                    };
                    put("person_id", Some(person.clone()));
                    put("permit_id", Some(hit.subject.clone()));
                    put("alert_key", Some(hit.alert_key.clone()));
                    put("alert_at", Some(format_micros(hit.alert_at.0)));
                    put("due_at", hit.due_at.map(|at| format_micros(at.0)));
                    put("cleared_at", hit.cleared_at.map(|at| format_micros(at.0)));
                    put("cleared_reason", hit.cleared_reason.clone());
                    put("anchor_at", hit.anchor.map(|day| day.to_string()));
                    let severity = hit.severity.name();
                    put("severity", (severity != header.severity.name()).then(|| severity.to_owned()));
                    let records = found.records(hit).map(|records| {
                        let named = records
                            .iter()
                            .map(|record| format!("{}/{}/{}", record.table, record.record_key, record.version));
                        sorted(named.collect())
                    });
                    put("records", records);
                    for (name, value) in found.evidence(hit, "permit_id") {
                        let text = match value {
                            Value::Null => None,
                            Value::String(text) if decimals.contains(&name) => Some(plain_number(&text)),
                            Value::String(text) => Some(text),
                            Value::Number(number) => Some(plain_number(&number.to_string())),
                            other => Some(other.to_string()),
                        };
                        put(&name, text);
                    }
                    row
                };
                out.push(found.of(number).iter().map(row).collect());
            }
        }
        Ok(out)
    }
}

struct Batch {
    rows: Vec<Rows>,
    decimals: Vec<String>,
}

/// Rows that hold at all, as the engine reads them.
fn standing(rows: Vec<BTreeMap<String, String>>) -> Rows {
    let holds = |row: &BTreeMap<String, String>| {
        let Some(at) = row.get("alert_at") else { return false };
        row.get("cleared_at").is_none_or(|cleared| cleared > at)
    };
    let mut rows: Rows = rows.into_iter().filter(holds).collect();
    for row in &mut rows {
        if row.get("severity").is_some_and(|severity| severity == "medium") {
            row.remove("severity");
        }
        if let Some(records) = row.get_mut("records") {
            *records = sorted(records.split(',').map(str::to_owned).collect());
        }
    }
    rows.sort();
    rows
}

fn sorted(mut records: Vec<String>) -> String {
    records.sort();
    records.join(",")
}

const INSTANTS: [&str; 3] = ["alert_at", "due_at", "cleared_at"];

fn rows_of(batch: &RecordBatch) -> Vec<BTreeMap<String, String>> {
    let schema = batch.schema();
    let row = |row: usize| {
        let cells = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .filter_map(|(field, column)| Some((field.name().clone(), cell(field.name(), column, row)?)));
        cells.collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

fn cell(name: &str, column: &ArrayRef, row: usize) -> Option<String> {
    if column.data_type() == &DataType::Null || column.is_null(row) {
        return None;
    }
    let instant = DataType::Timestamp(TimeUnit::Microsecond, None);
    if matches!(column.data_type(), DataType::Timestamp(..)) || INSTANTS.contains(&name) {
        let column = cast(column, &instant).ok()?;
        return Some(format_micros(column.as_primitive::<TimestampMicrosecondType>().value(row)));
    }
    let text = array_value_to_string(column, row).ok()?;
    Some(if column.data_type().is_numeric() { plain_number(&text) } else { text })
}

/// A number without the zeros that end it.
fn plain_number(text: &str) -> String {
    if !text.contains('.') || text.contains(['e', 'E']) {
        return text.to_owned();
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn difference(found: &Rows, wanted: &Rows, look: usize) -> String {
    let only = |these: &Rows, those: &Rows| {
        let rows = these.iter().filter(|row| !those.contains(row)).take(2);
        rows.map(|row| format!("    {row:?}\n")).collect::<String>()
    };
    format!(
        "look {look}: {} rows, batch {}\n  only there:\n{}  only batch:\n{}",
        found.len(),
        wanted.len(),
        only(found, wanted),
        only(wanted, found)
    )
}

pub fn write_parquet(dir: &Path, tables: &[RecordBatch]) {
    std::fs::create_dir(dir.join("parquet")).unwrap();
    for table in TableId::ALL.into_iter().filter(|table| !table.is_link()) {
        let batch = &tables[table.index()];
        let file = std::fs::File::create(dir.join("parquet").join(format!("{}.parquet", table.name()))).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
    }
}

/// What DataFusion says to a question of one column.
pub async fn answer(sql: &str) -> Result<Vec<Option<String>>, String> {
    let run = async { session()?.sql(sql).await?.collect().await };
    let batches = run.await.map_err(|error: datafusion::error::DataFusionError| error.strip_backtrace())?;
    let cells = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| cell("c", batch.column(0), row)));
    Ok(cells.collect())
}

/// A DuckDB that answers one question after the other.
pub struct DuckDb {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    _dir: tempfile::TempDir,
}

impl DuckDb {
    fn new(dir: tempfile::TempDir, scripts: &[String]) -> DuckDb {
        let mut command = Command::new(python());
        command.arg(repository("tests/duckdb/ask.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        for (at, script) in scripts.iter().enumerate() {
            let file = dir.path().join(format!("look{at}.sql"));
            std::fs::write(&file, script).unwrap();
            command.arg(file);
        }
        let mut process = command.spawn().unwrap();
        let (questions, answers) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        DuckDb { process, questions, answers, _dir: dir }
    }

    /// One without tables.
    pub fn alone() -> DuckDb {
        DuckDb::new(tempfile::tempdir().unwrap(), &[format!("{}\nSELECT 1;", catalogue().duckdb)])
    }

    /// The cells of a question's only column, or why there are none.
    pub fn cells(&mut self, look: usize, sql: &str) -> Result<Vec<Option<String>>, String> {
        let answer = self.answer(look, sql)?;
        let cell = |row: &Value| row[0].as_str().map(plain);
        Ok(answer["rows"].as_array().unwrap().iter().map(cell).collect())
    }

    fn answer(&mut self, look: usize, sql: &str) -> Result<Value, String> {
        writeln!(self.questions, "{}", json!({ "look": look, "sql": sql })).unwrap();
        self.questions.flush().unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if let Some(error) = answer["error"].as_str() {
            return Err(error.to_owned());
        }
        Ok(answer)
    }

    fn ask(&mut self, look: usize, sql: &str) -> Result<Rows, String> {
        let answer = self.answer(look, sql)?;
        let names: Vec<String> =
            answer["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_lowercase()).collect();
        let row = |row: &Value| {
            let cells = names.iter().zip(row.as_array().unwrap());
            let cells = cells.filter_map(|(name, value)| {
                let text = value.as_str()?;
                let is_day = INSTANTS.contains(&name.as_str()) && text.len() == "2024-02-29".len();
                Some((name.clone(), if is_day { format!("{text}T00:00:00.000000Z") } else { plain(text) }))
            });
            cells.collect()
        };
        Ok(standing(answer["rows"].as_array().unwrap().iter().map(row).collect()))
    }
}

fn plain(text: &str) -> String {
    match text.strip_prefix("\u{2}number ") {
        Some(number) => plain_number(number),
        None => text.to_owned(),
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

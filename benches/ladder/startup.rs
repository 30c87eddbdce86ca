//! Starting from a permit snapshot: from Parquet files on disk to shards that can take messages. What evaluating everybody for the
//! first time takes on top is not in it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use permitwatch::catalogue::Catalogue;
use permitwatch::config::SnapshotConfig;
use permitwatch::generate::{TableWriter, Value as Cell};
use permitwatch::model::record::{Record, Value};
use permitwatch::model::schema::{Feed, TableId};
use permitwatch::model::time::KnownTime;
use permitwatch::pipeline::reload::RulesInForce;
use permitwatch::shard::Shard;
use permitwatch::snapshot::Snapshots;
use serde_json::json;

use crate::population::{ORIGINAL, Original, settings};
use crate::report::grouped;
use crate::world::PARTITIONS;

/// What a start took, of the slowest shard; the shards start side by side.
#[derive(Clone, Copy, Debug, Default)]
struct Start {
    read: Duration,
    plan: Duration,
    take: Duration,
    /// Processor time of it all.
    cpu: Duration,
    records: usize,
}

pub fn measure(permits: usize, catalogue: &Catalogue) -> anyhow::Result<serde_json::Value> {
    let original = Original::new(ORIGINAL, 1, catalogue)?;
    let own = |table| move |record: &&Record| record.table == table;
    let all = || original.subjects.iter().flat_map(|subject| &subject.records);
    let of_one = all().filter(own(TableId::Permits)).count().max(1);
    let copies = permits.div_ceil(of_one) as u32;
    let dir = tempfile::tempdir()?;
    let mut rows = 0;
    for table in Feed::Permits.tables() {
        rows += write(&original, copies, table, dir.path())?;
    }
    let bytes: u64 =
        std::fs::read_dir(dir.path())?.flatten().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
    let config = SnapshotConfig { dir: Some(dir.path().to_owned()), ..SnapshotConfig::default() };
    let (rules, snapshots) = (RulesInForce::new(catalogue.clone()), Snapshots::default());
    let cpu = ProcessTime::now();
    let began = Instant::now();
    let starts: Vec<anyhow::Result<(Start, Shard)>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..PARTITIONS)
            .map(|number| {
                scope.spawn({
                    let (config, rules, snapshots) = (&config, &rules, &snapshots);
                    move || start(config, number, rules, snapshots)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err(anyhow!("a thread panicked")))).collect()
    });
    let ready = began.elapsed();
    let mut slowest = Start { cpu: cpu.elapsed(), ..Start::default() };
    for start in starts {
        let (start, _) = start?;
        slowest.read = slowest.read.max(start.read);
        slowest.plan = slowest.plan.max(start.plan);
        slowest.take = slowest.take.max(start.take);
        slowest.records += start.records;
    }
    let permits = of_one * copies as usize;
    println!(
        "\nStart from a snapshot of {} permits ({} records, {:.0} MiB of Parquet), {PARTITIONS} shards side by side",
        grouped(permits as f64),
        grouped(rows as f64),
        bytes as f64 / f64::from(1 << 20)
    );
    println!(
        "  rules planned {:.2} s, files read {:.2} s, records taken {:.2} s (the slowest shard each); ready to take messages after {:.2} s ({:.2} s of processor time)",
        slowest.plan.as_secs_f64(),
        slowest.read.as_secs_f64(),
        slowest.take.as_secs_f64(),
        ready.as_secs_f64(),
        slowest.cpu.as_secs_f64()
    );
    Ok(json!({
        "permits": permits, "records": rows, "file_bytes": bytes, "plan_s": slowest.plan.as_secs_f64(),
        "read_s": slowest.read.as_secs_f64(), "take_s": slowest.take.as_secs_f64(), "ready_s": ready.as_secs_f64(), "cpu_s": slowest.cpu.as_secs_f64(),
    }))
}

/// As a shard of the service starts.
fn start(
    config: &SnapshotConfig,
    number: i32,
    rules: &RulesInForce,
    snapshots: &Snapshots,
) -> anyhow::Result<(Start, Shard)> {
    let began = Instant::now();
    let (planned, loaded) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| (snapshots.load(config, PARTITIONS, KnownTime(i64::MAX)), began.elapsed()));
        ((rules.rule_set(), began.elapsed()), reading.join())
    });
    let ((planned, plan), (loaded, read)) = (planned, loaded.map_err(|_| anyhow!("a thread panicked"))?);
    let snapshot = loaded?.context("no snapshot is configured")?;
    let mut shard = Shard::new(settings(number, PARTITIONS), planned?.1);
    let began = Instant::now();
    let own = snapshot.own(number);
    let count = own.iter().map(|own| own.at.len()).sum();
    shard.take_snapshot(&own);
    Ok((Start { read, plan, take: began.elapsed(), cpu: Duration::ZERO, records: count }, shard))
}

/// Processor time of the process, all threads.
struct ProcessTime(Duration);

impl ProcessTime {
    fn now() -> ProcessTime {
        // User and system time, in hundredths of a second, after the command's name in brackets.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        ProcessTime(Duration::from_millis(ticks * 10))
    }

    fn elapsed(&self) -> Duration {
        ProcessTime::now().0.saturating_sub(self.0)
    }
}

/// Writes a table of all copies; gives its rows.
fn write(original: &Original, copies: u32, table: TableId, dir: &Path) -> anyhow::Result<usize> {
    let path = dir.join(format!("{}.parquet", table.name()));
    let mut file = TableWriter::create(table.name(), table.def().file_schema(), &path)?;
    let mut rows = 0;
    for copy in (0..copies).map(|copy| original.copy(copy)) {
        for record in original.subjects.iter().flat_map(|subject| &subject.records).filter(|of| of.table == table) {
            let record = copy.record(record);
            let mut row = vec![
                Cell::Text(record.subject.clone()),
                Cell::Int(record.schema_ver),
                Cell::Text(record.record_key.clone()),
                Cell::Int(record.version),
                Cell::Code(record.op.name()),
                Cell::Int(record.event_time.0),
                Cell::Int(record.registered_at),
                Cell::Text(record.source.clone()),
                Cell::Text(record.purpose.clone()),
                Cell::Int(record.secrecy_class),
                Cell::Int(record.known_time.0),
                Cell::Int(rows as i64),
            ];
            row.extend(record.values.iter().map(cell));
            file.push(&row)?;
            rows += 1;
        }
    }
    file.close()?;
    Ok(rows)
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Flag(*value),
        Value::Int(value) | Value::Instant(value) => Cell::Int(*value),
        Value::Day(day) => Cell::Day(*day),
        Value::Text(text) => Cell::Text(text.clone()),
        // The generator knows its codes by heart; a list of citizenships here is one of those that it told.
        Value::List(items) => Cell::Codes(items.iter().map(|item| country(item)).collect()),
    }
}

fn country(code: &str) -> &'static str {
    const COUNTRIES: [&str; 12] = ["SWE", "IND", "SYR", "AFG", "IRQ", "IRN", "TUR", "THA", "CHN", "UKR", "ERI", "SOM"];
    COUNTRIES.into_iter().find(|known| *known == code).unwrap_or("IND")
}

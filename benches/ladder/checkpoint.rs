//! What a checkpoint costs: standing still to capture it, writing it whole and after some more records, and going on from it.
//!
//! Shards one after the other on their own threads, from memory to a temporary directory; the part of a start that reads topics is
//! not in it (`tests/service/crash.rs` has the whole).

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use permitwatch::catalogue::Catalogue;
use permitwatch::checkpoint::manifest::Read;
use permitwatch::checkpoint::reader::newest;
use permitwatch::checkpoint::writer::{Done, Own, Taken, Writer};
use permitwatch::model::schema::TableId;
use permitwatch::rules::RuleSet;
use permitwatch::shard::Shard;
use serde_json::{Value, json};

use crate::climb::fits;
use crate::population::{ORIGINAL, Original, settings};
use crate::report::grouped;
use crate::world::copies;

/// Persons of whom something has changed in an hour: each is paid and declared for once or twice a month.
const HOURLY: usize = 400;
const LIMIT: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    rows: u64,
    capture: f64,
    write: f64,
    bytes: u64,
    capture_more: f64,
    write_more: f64,
    bytes_more: u64,
    read: f64,
    standing: usize,
}

pub fn measure(holders: u32, months: u32, partitions: i32, catalogue: &Catalogue) -> anyhow::Result<Value> {
    let original = Arc::new(Original::new(ORIGINAL, months, catalogue)?);
    let fits = fits(original.history_rows() as u64 * u64::from(copies(holders)));
    let holders = if fits { holders } else { holders / 4 };
    if !fits {
        println!("\nThe machine has too little free memory for all: a quarter is measured");
    }
    let rules = RuleSet::plan_for(catalogue, partitions as usize)?;
    let dir = tempfile::tempdir()?;
    let shards: Vec<anyhow::Result<Shard>> = std::thread::scope(|scope| {
        let fill = |(number, rules)| {
            let original = &original;
            scope.spawn(move || {
                let mut shard = original.shard(copies(holders), number, partitions, rules)?;
                original.set_conditions(copies(holders), &mut shard);
                original.settle(copies(holders), &mut shard)?;
                Ok(shard)
            })
        };
        let threads: Vec<_> = (0..partitions).zip(rules).map(fill).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err(anyhow!("a thread panicked")))).collect()
    });
    let mut all = Figures::default();
    for (number, shard) in (0..partitions).zip(shards) {
        let own = one(shard?, number, partitions, dir.path())?;
        all.rows += own.rows;
        all.bytes += own.bytes;
        all.bytes_more += own.bytes_more;
        all.standing += own.standing;
        all.capture = all.capture.max(own.capture);
        all.capture_more = all.capture_more.max(own.capture_more);
        all.write += own.write;
        all.write_more += own.write_more;
        all.read += own.read;
    }
    println!("\nCheckpoints of {} holders with {months} months, in {partitions} shards", grouped(f64::from(holders)));
    println!("  {:<60}{:>14}", "rows; alerts that stand", format!("{}; {}", grouped(all.rows as f64), all.standing));
    let line = |what: &str, seconds: f64| println!("  {what:<60}{seconds:>12.2} s");
    line("capture, whole: a shard stands still", all.capture);
    line("pack and write, whole: all shards, one after the other", all.write);
    println!("  {:<60}{:>12.1} MB", "bytes, whole", all.bytes as f64 / 1e6);
    line("capture after more records", all.capture_more);
    line("pack and write after more records: all shards", all.write_more);
    println!("  {:<60}{:>12.1} MB", "bytes after more records", all.bytes_more as f64 / 1e6);
    line("read and restore: all shards, one after the other", all.read);
    Ok(json!({
        "holders": holders, "months": months, "shards": partitions, "rows": all.rows, "capture_seconds": all.capture,
        "write_seconds": all.write, "bytes": all.bytes, "capture_more_seconds": all.capture_more,
        "write_more_seconds": all.write_more, "bytes_more": all.bytes_more, "read_seconds": all.read,
    }))
}

fn one(mut shard: Shard, number: i32, partitions: i32, root: &std::path::Path) -> anyhow::Result<Figures> {
    let keys = settings(number, partitions).pseudonyms;
    let own = Own {
        root: root.to_owned(),
        shard: number,
        partitions,
        program: "bench".into(),
        keys: Arc::clone(&keys),
        keep: 3,
        last: None,
    };
    let mut writer = Writer::start(own, || true)?;
    let rows = TableId::ALL.iter().map(|table| u64::from(shard.history().store(*table).rows())).sum();
    let mut out = Figures { rows, standing: shard.detector().standing().count(), ..Figures::default() };
    (out.capture, out.write, out.bytes) = write(&mut shard, &mut writer)?;
    let persons = shard.history().persons().count();
    shard.touch_some(persons / HOURLY.max(1));
    (out.capture_more, out.write_more, out.bytes_more) = write(&mut shard, &mut writer)?;
    let standing = out.standing;
    let rules = shard.into_rule_set();
    let started = Instant::now();
    let found = newest(root, number, &keys, |_| Ok(()))?;
    let loaded = found.loaded.context("the checkpoint that was just written")?;
    let (restored, _) = loaded.restore(settings(number, partitions), rules, "bench")?;
    out.read = started.elapsed().as_secs_f64();
    anyhow::ensure!(restored.detector().standing().count() == standing, "it stands what stood");
    Ok(out)
}

/// Seconds to capture and to write, and the bytes written.
fn write(shard: &mut Shard, writer: &mut Writer) -> anyhow::Result<(f64, f64, u64)> {
    let started = Instant::now();
    let captured = shard.capture();
    let capture = started.elapsed().as_secs_f64();
    let taken = Taken {
        captured,
        read: Read::default(),
        taken_at: String::new(),
        clock: String::new(),
        persons: 0,
        records: 0,
        standing: 0,
    };
    writer.write(Box::new(taken));
    match writer.outcome(LIMIT).context("it is written")?? {
        Done::Written(written) => Ok((capture, written.seconds, written.written)),
        Done::Holds => Err(anyhow!("nothing was written")),
    }
}

//! Latency in an open loop: messages are due at a steady rate whatever becomes of the earlier ones, and a latency counts from
//! when a message was *due*, not from when it could be sent. So waiting in line is in it (no coordinated omission).
//!
//! Measured are every record, until it has been evaluated and until the batch that it was in has had its effects (all that was
//! written for it acknowledged: alerts, what its persons show to others), and the alerts alone. Beside them a consumer that only
//! counts, at the same rate from the same source.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use hdrhistogram::Histogram;
use permitwatch::model::clock::wall;
use permitwatch::model::record::NextOffset;
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{KnownTime, WallTime};
use permitwatch::pipeline::Observer;
use permitwatch::shard::{Emitted, Shard};
use permitwatch::sink::AlertSink;
use permitwatch::source::kafka::KafkaConsumer;
use permitwatch::source::{Polled, ShardSource};
use permitwatch::tools::broker::FeedWriter;
use serde_json::{Value, json};

use crate::broker::Broker;
use crate::population::pseudonyms;
use crate::rungs::{Rung, Sample, Task, run_pipeline};
use crate::sinks::Discard;
use crate::stream::{MemoryShard, Pace, Stream};
use crate::through_kafka::Filled;
use crate::world::{PARTITIONS, World};

/// Between building a stream and its first message.
const DELAY: Duration = Duration::from_millis(500);
/// The most that one rate is held.
const MAX_SECONDS: f64 = 30.0;

/// Microseconds.
#[derive(Clone, Debug)]
pub struct Latencies {
    pub records: Histogram<u64>,
    pub evaluated: Histogram<u64>,
    pub alerts: Histogram<u64>,
}

impl Latencies {
    fn new() -> anyhow::Result<Latencies> {
        Ok(Latencies { records: histogram()?, evaluated: histogram()?, alerts: histogram()? })
    }

    fn add(&mut self, other: &Latencies) -> anyhow::Result<()> {
        self.records.add(&other.records)?;
        self.evaluated.add(&other.evaluated)?;
        self.alerts.add(&other.alerts)?;
        Ok(())
    }
}

/// From a microsecond to an hour.
fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 3_600_000_000, 3)?)
}

fn since(due: WallTime, now: WallTime) -> u64 {
    (now.0 - due.0).max(1) as u64
}

/// One rate, with and without the engine.
pub struct Point {
    /// Of the highest that can be held; 0 where the rate was given.
    pub share_pct: f64,
    pub rate: f64,
    pub bare: Latencies,
    pub full: Latencies,
    /// Messages a second that were really done.
    pub reached: f64,
}

/// Where messages come from.
#[derive(Clone, Copy)]
pub enum From<'b> {
    Memory,
    Kafka(&'b Broker),
}

/// Measures one rate for so long.
pub fn point(
    world: &mut World,
    from: From<'_>,
    pct: u32,
    (share_pct, rate): (f64, f64),
    seconds: f64,
) -> anyhow::Result<Point> {
    let messages = (rate * seconds.min(MAX_SECONDS)) as usize;
    let records = (messages * pct as usize / 100).max(1);
    let streams = world.cut(true, records, pct)?;
    let (bare, full) = match from {
        From::Memory => (count_memory(&streams, rate)?, run_memory(world, &streams, rate, seconds)?),
        From::Kafka(broker) => {
            let name = format!("latency{}", wall().0);
            let bare = Filled { topics: broker.topics(&format!("{name}a"))?, streams: streams.clone() };
            let full = Filled { topics: broker.topics(&format!("{name}b"))?, streams: streams.clone() };
            (count_kafka(&bare, rate)?, run_kafka(world, &full, rate, seconds)?)
        }
    };
    let (full, reached) = full;
    Ok(Point { share_pct, rate, bare, full, reached })
}

fn count_memory(streams: &[Arc<Stream>], rate: f64) -> anyhow::Result<Latencies> {
    let pace = Pace::new(rate, DELAY);
    let count = |stream: &Arc<Stream>| -> anyhow::Result<Latencies> {
        let mut source = MemoryShard::new(stream, Some(pace));
        let mut out = Latencies::new()?;
        let mut left = stream.entries.len();
        while left > 0 {
            let before = left;
            for feed in Feed::SOURCES {
                while let Polled::Message(message) = source.poll(feed)? {
                    out.records.saturating_record(since(message.sent_at().unwrap_or(WallTime(0)), wall()));
                    left -= 1;
                }
            }
            if left == before {
                source.wait(Duration::from_millis(50));
            }
        }
        Ok(out)
    };
    joined(streams.iter().map(|stream| move || count(stream)).collect())
}

fn count_kafka(filled: &Filled, rate: f64) -> anyhow::Result<Latencies> {
    let pace = Pace::new(rate, DELAY);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(filled, pace));
        let count = |stream: &Arc<Stream>| -> anyhow::Result<Latencies> {
            let mut out = Latencies::new()?;
            let mut each = |sent_at: i64| {
                out.records.saturating_record(since(WallTime(sent_at), wall()));
            };
            filled.topics.count(stream.shard, stream.entries.len() as u64, Some(&mut each))?;
            Ok(out)
        };
        let counted = joined(filled.streams.iter().map(|stream| move || count(stream)).collect());
        writer.join().unwrap_or_else(|_| Err(anyhow!("the writer panicked")))?;
        counted
    })
}

/// Runs each on a thread and adds up what they found.
fn joined<F>(counts: Vec<F>) -> anyhow::Result<Latencies>
where
    F: FnOnce() -> anyhow::Result<Latencies> + Send,
{
    let parts: Vec<anyhow::Result<Latencies>> = std::thread::scope(|scope| {
        let threads: Vec<_> = counts.into_iter().map(|count| scope.spawn(count)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err(anyhow!("a thread panicked")))).collect()
    });
    let mut all = Latencies::new()?;
    for part in parts {
        all.add(&part?)?;
    }
    Ok(all)
}

/// Writes every message when it is due, in one thread as one adapter would.
#[expect(clippy::disallowed_methods, reason = "the open loop's schedule is a matter of time")]
fn write(filled: &Filled, pace: Pace) -> anyhow::Result<()> {
    let mut writer = FeedWriter::new(&filled.topics.config)?;
    let mut next = vec![0; filled.streams.len()];
    loop {
        let heads =
            filled.streams.iter().enumerate().filter_map(|(at, stream)| Some((stream.entries.get(next[at])?, at)));
        let Some((entry, at)) = heads.min_by_key(|(entry, _)| entry.place) else { break };
        let stream = &filled.streams[at];
        let left = pace.due(entry.place).saturating_duration_since(Instant::now());
        if !left.is_zero() {
            std::thread::sleep(left);
        }
        let (key, payload, known) = (stream.key(entry), stream.payload(entry), KnownTime(entry.known_time));
        let sent_at = Some(pace.due_at(entry.place));
        writer.write_to(stream.feed(entry), stream.shard, Some(key), Some(payload), known, sent_at)?;
        next[at] += 1;
    }
    writer.flush()?;
    Ok(())
}

fn run_memory(world: &mut World, streams: &[Arc<Stream>], rate: f64, seconds: f64) -> anyhow::Result<(Latencies, f64)> {
    let pace = Pace::new(rate, DELAY);
    let tasks = streams.iter().map(|stream| (MemoryShard::new(stream, Some(pace)), Discard::default())).collect();
    run(world, streams, tasks, pace, seconds)
}

fn run_kafka(world: &mut World, filled: &Filled, rate: f64, seconds: f64) -> anyhow::Result<(Latencies, f64)> {
    let (consumer, sources) = KafkaConsumer::assign_with(&filled.topics.config, Some(Arc::new(pseudonyms())), &[0, 1])?;
    let mut tasks = Vec::new();
    for source in sources {
        let sink = filled.sink(source.number())?;
        tasks.push((source, sink));
    }
    let pace = Pace::new(rate, DELAY);
    let done = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(filled, pace));
        let done = run(world, &filled.streams, tasks, pace, seconds);
        writer.join().unwrap_or_else(|_| Err(anyhow!("the writer panicked")))?;
        done
    });
    drop(consumer);
    done
}

/// The pipeline on each shard. What is not done in three times the time (a rate that is too high) is left.
fn run<S, K>(
    world: &mut World,
    streams: &[Arc<Stream>],
    tasks: Vec<(S, K)>,
    pace: Pace,
    seconds: f64,
) -> anyhow::Result<(Latencies, f64)>
where
    S: ShardSource,
    K: AlertSink,
{
    let shards = std::mem::take(&mut world.shards);
    let until = world.permits_until();
    let surroundings = &world.surroundings;
    let found = Arc::new(Mutex::new(Latencies::new()?));
    let done: Vec<anyhow::Result<(Shard, Sample)>> = std::thread::scope(|scope| {
        let start = |((shard, (source, sink)), stream): ((Shard, (S, K)), &Arc<Stream>)| {
            let task = Task {
                rung: Rung::Publish,
                source,
                messages: stream.entries.len() as u64,
                budget: DELAY + Duration::from_secs_f64(seconds * 3.0),
                permits_until: until,
                partitions: PARTITIONS,
                limits: surroundings.config.limits.clone(),
            };
            let observer = Recorder::new(stream, pace, &found);
            scope.spawn(move || run_pipeline(task, shard, sink, surroundings, observer?))
        };
        let threads: Vec<_> = shards.into_iter().zip(tasks).zip(streams).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err(anyhow!("a thread panicked")))).collect()
    });
    let mut reached = 0.0;
    for done in done {
        let (shard, sample) = done?;
        world.shards.push(shard);
        reached += sample.messages as f64 * 1e9 / (sample.wall_ns as f64 - DELAY.as_nanos() as f64).max(1.0);
    }
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((found, reached))
}

/// Notes when records and alerts have had their effects. Adds what it found to the others' when it is dropped.
struct Recorder {
    stream: Arc<Stream>,
    pace: Pace,
    /// By feed, how many messages have been evaluated, and how many have had their effects.
    evaluated: [usize; Feed::COUNT],
    done: [usize; Feed::COUNT],
    own: Latencies,
    all: Arc<Mutex<Latencies>>,
}

impl Recorder {
    fn new(stream: &Arc<Stream>, pace: Pace, all: &Arc<Mutex<Latencies>>) -> anyhow::Result<Recorder> {
        let (stream, all) = (Arc::clone(stream), Arc::clone(all));
        let none = [0; Feed::COUNT];
        Ok(Recorder { stream, pace, evaluated: none, done: none, own: Latencies::new()?, all })
    }
}

impl Observer for Recorder {
    fn published(&mut self, emitted: &[Emitted], at: WallTime) {
        for sent_at in emitted.iter().filter_map(|emitted| emitted.sent_at) {
            self.own.alerts.saturating_record(since(sent_at, at));
        }
    }

    fn evaluated(&mut self, _: i32, positions: &[NextOffset; Feed::COUNT], at: WallTime) {
        record(&mut self.own.evaluated, &mut self.evaluated, &self.stream, self.pace, positions, at);
    }

    fn advanced(&mut self, _: i32, positions: &[NextOffset; Feed::COUNT], at: WallTime) {
        record(&mut self.own.records, &mut self.done, &self.stream, self.pace, positions, at);
    }
}

/// The messages from those that are `done` up to the positions are now done too.
fn record(
    into: &mut Histogram<u64>,
    done: &mut [usize; Feed::COUNT],
    stream: &Stream,
    pace: Pace,
    positions: &[NextOffset; Feed::COUNT],
    at: WallTime,
) {
    for feed in Feed::SOURCES {
        let (from, to) = (done[feed.index()], positions[feed.index()].0 as usize);
        for entry in stream.lane(feed, from, to) {
            into.saturating_record(since(pace.due_at(entry.place), at));
        }
        done[feed.index()] = to.max(from);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = all.add(&self.own);
    }
}

pub fn print(title: &str, points: &[Point]) -> Value {
    println!("\n{title}: milliseconds from when a message was due (open loop)");
    println!(
        "  {:>10}{:>10}{:>10} | {:^26} | {:^26} | {:^26} | {:^26}{:>7} |{:>10}{:>10}",
        "of highest",
        "records/s",
        "reached",
        "only counted p50/p99/p99.9",
        "evaluated",
        "effects acknowledged",
        "alerts acknowledged",
        "number",
        "evaluated",
        "all: p99+"
    );
    let mut out = Vec::new();
    for point in points {
        let at = |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        let three = |histogram: &Histogram<u64>| [0.5, 0.99, 0.999].map(|quantile| at(histogram, quantile));
        let words = |values: [f64; 3]| format!("{:.2} / {:.2} / {:.2}", values[0], values[1], values[2]);
        let (bare, evaluated) = (three(&point.bare.records), three(&point.full.evaluated));
        let (full, alerts) = (three(&point.full.records), three(&point.full.alerts));
        let share = if point.share_pct > 0.0 { format!("{:.0}%", point.share_pct) } else { "-".into() };
        println!(
            "  {share:>10}{:>10.0}{:>10.0} | {:^26} | {:^26} | {:^26} | {:^26}{:>7} |{:>10.2}{:>10.2}",
            point.rate,
            point.reached,
            words(bare),
            words(evaluated),
            words(full),
            words(alerts),
            point.full.alerts.len(),
            evaluated[1] - bare[1],
            full[1] - bare[1]
        );
        out.push(json!({
            "of_highest_pct": point.share_pct, "records_per_second": point.rate, "reached_per_second": point.reached,
            "bare_ms": bare, "evaluated_ms": evaluated, "pipeline_ms": full, "alert_ms": alerts,
            "alerts": point.full.alerts.len(), "evaluated_p99_above_bare_ms": evaluated[1] - bare[1],
            "p99_above_bare_ms": full[1] - bare[1],
        }));
    }
    out.into()
}

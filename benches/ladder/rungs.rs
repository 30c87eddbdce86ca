//! The rungs: each does what the one before does and one stage more.
//!
//! `Scope`, `Decode` and `History` are put together here from the crate's own stages, for the shard does not stop half-way;
//! `Rules` is the shard itself, `Publish` the whole pipeline with its loop. A rung runs on one thread per shard until its stream
//! ends or its time is up. Time is wall time (for rates) and the thread's own processor time (for cost per record, which
//! does not suffer from what else the machine does).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use permitwatch::config::{Config, LimitsConfig, Visibility};
use permitwatch::decode::decode;
use permitwatch::history::Inserted;
use permitwatch::merge::{Merge, Merged};
use permitwatch::model::partition::partition_of;
use permitwatch::model::record::{Fates, Lent, NextOffset};
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{KnownTime, WallTime};
use permitwatch::pipeline::reload::{Reloader, RulesInForce};
use permitwatch::pipeline::{Common, Observer, Pipeline};
use permitwatch::scope::in_scope;
use permitwatch::shard::{Emitted, Shard};
use permitwatch::sink::AlertSink;
use permitwatch::source::{Polled, ShardSource};

use crate::allocation;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    Count,
    Scope,
    Decode,
    History,
    Rules,
    Publish,
}

impl Rung {
    pub const ALL: [Rung; 6] = [Rung::Count, Rung::Scope, Rung::Decode, Rung::History, Rung::Rules, Rung::Publish];

    pub fn name(self) -> &'static str {
        match self {
            Rung::Count => "a count",
            Rung::Scope => "b +scope",
            Rung::Decode => "c +decode",
            Rung::History => "d +history",
            Rung::Rules => "e +rules",
            Rung::Publish => "f +publish",
        }
    }

    /// It leaves the shard with more than it had, so the next run needs other records.
    pub fn keeps(self) -> bool {
        self >= Rung::History
    }
}

/// What one thread did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub messages: u64,
    pub in_scope: u64,
    pub alerts: u64,
    /// Persons looked at: several records of one person in a batch are one unit. Known of rung `Rules` alone.
    pub units: u64,
    pub wall_ns: u64,
    pub cpu_ns: u64,
    pub allocations: u64,
}

/// Time and allocations of this thread since it was made.
pub struct Meter {
    began: Instant,
    cpu_ns: u64,
    allocations: u64,
}

impl Meter {
    pub fn start() -> Meter {
        Meter { allocations: allocation::counts().allocations, cpu_ns: thread_cpu_ns(), began: Instant::now() }
    }

    pub fn stop(&self, sample: &mut Sample) {
        sample.wall_ns = self.began.elapsed().as_nanos() as u64;
        sample.cpu_ns = thread_cpu_ns() - self.cpu_ns;
        sample.allocations = allocation::counts().allocations - self.allocations;
    }
}

/// Nanoseconds that this thread has run, as the scheduler counts them.
fn thread_cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_ascii_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

static VISIBILITY: LazyLock<Visibility> = LazyLock::new(Visibility::default);

/// How long a rung may run, and what it reads.
pub struct Task<S> {
    pub rung: Rung,
    pub source: S,
    /// Messages that the source has in all.
    pub messages: u64,
    pub budget: Duration,
    /// Up to when the permits feed has spoken before the first message.
    pub permits_until: KnownTime,
    pub partitions: i32,
    pub limits: LimitsConfig,
}

/// What the whole pipeline needs beside the shard and its source.
pub struct Surroundings {
    pub config: Arc<Config>,
    pub rules: Arc<RulesInForce>,
}

/// Runs a rung up to `Rules`.
pub fn run<S: ShardSource>(task: Task<S>, shard: &mut Shard) -> anyhow::Result<Sample> {
    let Task { rung, source, messages, budget, permits_until, partitions, limits } = task;
    let mut sample = Sample::default();
    let mut merge = Merge::new(source, 3_600_000_000);
    merge.advance_permits(permits_until);
    let meter = Meter::start();
    while sample.messages < messages && meter.began.elapsed() < budget {
        let before = sample.messages;
        let batch = limits.batch_messages as u64;
        while sample.messages - before < batch && shard.pending() < limits.batch_changes {
            if rung == Rung::Count {
                if !count_one(merge.source())? {
                    break;
                }
            } else {
                let Merged::Message(message) = merge.take()? else {
                    // As the pipeline does.
                    if merge.gather((sample.messages - before) as usize) {
                        continue;
                    }
                    break;
                };
                sample.in_scope += u64::from(step(rung, &message, shard, partitions));
            }
            sample.messages += 1;
        }
        settle(rung, shard, &mut sample);
        if sample.messages == before {
            merge.wait(Duration::from_millis(1));
        }
    }
    meter.stop(&mut sample);
    shard.take_fates();
    // The stream is meant to be sound: what is set aside is not measured as it should be.
    let set_aside = shard.take_quarantined();
    if let Some(first) = set_aside.first() {
        let reason = first.reason.name();
        eprintln!(
            "{} of {} messages set aside, the first: {reason}, {}",
            set_aside.len(),
            sample.messages,
            first.detail
        );
    }
    Ok(sample)
}

/// A consumer that only counts has no order between feeds.
fn count_one<S: ShardSource>(source: &mut S) -> anyhow::Result<bool> {
    // Most messages are payments: ask that lane first.
    for feed in std::iter::once(Feed::Payments).chain(Feed::SOURCES) {
        if let Polled::Message(message) = source.poll(feed)? {
            std::hint::black_box(message.payload);
            return Ok(true);
        }
    }
    Ok(false)
}

/// One message, as far as the rung goes; whether it was about the population.
fn step(rung: Rung, message: &Lent<'_>, shard: &mut Shard, partitions: i32) -> bool {
    if rung == Rung::Rules {
        shard.take(message);
        return false;
    }
    let Some(key) = message.key else { return false };
    if partition_of(key, partitions) != message.partition || !is_wanted(message, key, shard) {
        return false;
    }
    if rung == Rung::Scope {
        return true;
    }
    let Ok(decoded) = decode(message, 65_536) else { return false };
    if rung == Rung::History {
        let (_, inserted) = shard.history_mut().insert(&decoded.record);
        return inserted == Inserted::New;
    }
    std::hint::black_box(decoded);
    true
}

fn is_wanted(message: &Lent<'_>, key: &[u8], shard: &Shard) -> bool {
    if message.feed == Feed::Permits {
        return true;
    }
    let person = std::str::from_utf8(key).ok().and_then(|key| shard.history().person_no(key));
    person.is_some_and(|person| in_scope(shard.history().person(person), message.feed, message.known_time, &VISIBILITY))
}

/// What the rung does after a batch.
fn settle(rung: Rung, shard: &mut Shard, sample: &mut Sample) {
    if rung == Rung::Rules {
        sample.alerts += shard.settle_live().len() as u64;
        shard.take_outgoing();
        sample.in_scope += evaluated(&shard.take_fates());
        let work = shard.take_work();
        sample.units += work.record_units + work.deadline_units;
    }
}

fn evaluated(fates: &Fates) -> u64 {
    let of = |feed: Feed| fates.evaluated[feed.index()] + fates.duplicate[feed.index()];
    Feed::SOURCES.into_iter().map(of).sum()
}

/// Runs the whole pipeline: rung `Publish`.
pub fn run_pipeline<S, K, O>(
    task: Task<S>,
    shard: Shard,
    sink: K,
    surroundings: &Surroundings,
    observer: O,
) -> anyhow::Result<(Shard, Sample)>
where
    S: ShardSource,
    K: AlertSink,
    O: Observer,
{
    let stop = Arc::new(AtomicBool::new(false));
    let tally = Arc::new(Tally::default());
    let mut merge = Merge::new(task.source, 3_600_000_000);
    merge.advance_permits(task.permits_until);
    let number = shard.number();
    let observer =
        Until { inner: observer, stop: Arc::clone(&stop), tally: Arc::clone(&tally), expected: task.messages };
    let (done, is_done) = mpsc::channel::<()>();
    let out_of_time = Arc::clone(&stop);
    let config = Arc::clone(&surroundings.config);
    let common = Common { config, partitions: task.partitions, stop, lost: Arc::default() };
    let reloader = Reloader::new(Arc::clone(&surroundings.rules), 0);
    let pipeline = Pipeline::new(shard, merge, sink, observer, common, reloader);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if is_done.recv_timeout(task.budget) == Err(RecvTimeoutError::Timeout) {
                out_of_time.store(true, Ordering::Relaxed);
            }
        });
        let meter = Meter::start();
        let shard = pipeline.run().map_err(|error| anyhow!("shard {number}: {error}"));
        drop(done);
        let mut sample = tally.sample();
        meter.stop(&mut sample);
        Ok((shard?, sample))
    })
}

/// What the observer counts, seen from outside the pipeline.
#[derive(Default)]
struct Tally {
    messages: std::sync::atomic::AtomicU64,
    in_scope: std::sync::atomic::AtomicU64,
    alerts: std::sync::atomic::AtomicU64,
}

impl Tally {
    fn sample(&self) -> Sample {
        Sample {
            messages: self.messages.load(Ordering::Relaxed),
            in_scope: self.in_scope.load(Ordering::Relaxed),
            alerts: self.alerts.load(Ordering::Relaxed),
            ..Sample::default()
        }
    }
}

/// Stops the pipeline when everything has had its effects.
struct Until<O> {
    inner: O,
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
    expected: u64,
}

impl<O: Observer> Observer for Until<O> {
    fn published(&mut self, emitted: &[Emitted], at: WallTime) {
        self.tally.alerts.fetch_add(emitted.len() as u64, Ordering::Relaxed);
        self.inner.published(emitted, at);
    }

    fn counted(&mut self, fates: &Fates) {
        self.tally.in_scope.fetch_add(evaluated(fates), Ordering::Relaxed);
        let new = fates.sources_total();
        let messages = self.tally.messages.fetch_add(new, Ordering::Relaxed) + new;
        if messages >= self.expected {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.inner.counted(fates);
    }

    fn evaluated(&mut self, shard: i32, positions: &[NextOffset; Feed::COUNT], at: WallTime) {
        self.inner.evaluated(shard, positions, at);
    }

    fn advanced(&mut self, shard: i32, positions: &[NextOffset; Feed::COUNT], at: WallTime) {
        self.inner.advanced(shard, positions, at);
    }
}

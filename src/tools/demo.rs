//! The demo: the whole service on a synthetic population, over the real protocol, in half a minute.
//!
//! A feeder takes the part of the adapters: it writes the generated feeds in the order of known time, with clock messages, as fast
//! as the detector keeps up. The detector is the one that `run` starts. Its alerts are compared with the planted truth.

mod score;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::generate::{Body, Dataset, Message};
use crate::kafka::{ClusterError, create_missing_topics};
use crate::model::clock::wall;
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::pipeline::reload::RulesInForce;
use crate::pseudonyms::Pseudonyms;
use crate::readiness::Readiness;
use crate::service::{Instance, ServiceError};
use crate::shard::Shard;
use crate::tools::broker::{EmbeddedBroker, FeedWriter, WriteError};

pub use score::{RuleScore, score};
pub use watch::{Outcome, Watch};

/// A reader that does not move for so long has failed.
const STALL: Duration = Duration::from_secs(60);
/// How long the detector may take for the rest once everything has been written.
const DRAIN: Duration = Duration::from_secs(120);

/// Messages that the writer may be ahead, so that the measured latency is the detector's and not the backlog's.
const MAX_BACKLOG: u64 = 1_000;

/// Why the demo failed.
#[derive(Debug, Error)]
pub enum DemoError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("the feeder stopped: {0}")]
    Feeder(#[from] WriteError),
    #[error("the detector stopped: {0}")]
    Detector(#[from] ServiceError),
    #[error("the detector did not read everything within {} s", DRAIN.as_secs())]
    Stuck,
    #[error("a thread of the demo panicked")]
    Panic,
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Settings of the demo.
pub struct Demo {
    pub config: Config,
    pub catalogue: Catalogue,
    pub partitions: i32,
    /// Use these brokers instead of an embedded one.
    pub external: bool,
}

/// The result of the demo.
pub struct Finished {
    pub outcome: Outcome,
    pub shards: Vec<Shard>,
    /// From the writing of the first message to the effects of the last one.
    pub elapsed: Duration,
    pub written: u64,
}

impl Demo {
    /// Feeds `dataset` to the detector and returns when everything has been read and has had its effects.
    pub fn run(
        mut self,
        dataset: &Dataset,
        watch: &Arc<Watch>,
        readiness: &Arc<Readiness>,
    ) -> Result<Finished, DemoError> {
        let embedded = if self.external {
            create_missing_topics(&self.config.kafka, self.partitions, 1)?;
            None
        } else {
            let broker = EmbeddedBroker::start(&self.config.kafka, self.partitions)?;
            self.config.kafka = broker.config(&self.config.kafka);
            Some(broker)
        };
        let stop = Arc::new(AtomicBool::new(false));
        let instance = Instance {
            config: Arc::new(self.config.clone()),
            rules: Arc::new(RulesInForce::new(self.catalogue)),
            pseudonyms: Arc::new(Pseudonyms::new("permitwatch demo, not for production", "demo")),
            readiness: Arc::clone(readiness),
            stop: Arc::clone(&stop),
            keeps_topics: self.external,
        };
        let writer = FeedWriter::new(&self.config.kafka)?;
        let detector = std::thread::Builder::new().name("detector".into()).spawn({
            let watch = Arc::clone(watch);
            move || instance.run(|_| watch.observer())
        })?;
        // Time starts when every shard has been assigned.
        watch.wait_for_shards(self.partitions, STALL);
        let started = Instant::now();
        let fed = feed(writer, dataset, watch, &stop);
        let drained = fed.and_then(|writer| drain(&writer, watch, &stop));
        let elapsed = started.elapsed();
        stop.store(true, Ordering::Relaxed);
        let shards = detector.join().map_err(|_| DemoError::Panic)?;
        drop(embedded);
        // If the detector has halted, that is why the feeder stalled: report the detector's error first.
        let shards = shards?;
        let written = drained?;
        Ok(Finished { outcome: watch.outcome(), shards, elapsed, written })
    }
}

/// Writes every feed in the order of known time. The permits feed's clock is ahead of the others by less than an hour. A day is written
/// once all but the day before it has been read: the feeds of a register's day come together, and what came and went within some
/// days is not read at once.
fn feed(mut writer: FeedWriter, dataset: &Dataset, watch: &Watch, stop: &AtomicBool) -> Result<FeedWriter, DemoError> {
    let mut next = [0usize; Feed::COUNT];
    let mut permits_clock = i64::MIN;
    let mut since_pace = 0;
    let (mut day, mut day_before) = (i64::MIN, 0);
    while !stop.load(Ordering::Relaxed) {
        let head = |feed: Feed| dataset.messages(feed).get(next[feed.index()]).map(|m| (m.known_time, feed.index()));
        let Some((known_time, index)) = Feed::SOURCES.into_iter().filter_map(head).min() else { break };
        let feed = Feed::ALL[index];
        let message = &dataset.messages(feed)[next[index]];
        next[index] += 1;
        if known_time.div_euclid(MICROS_PER_DAY) > day {
            day = known_time.div_euclid(MICROS_PER_DAY);
            watch.wait_until_counted(day_before);
            day_before = writer_total(&writer);
        }
        if feed == Feed::Permits {
            permits_clock = known_time;
        } else if known_time - permits_clock > 1_800 * MICROS_PER_SECOND {
            permits_clock = known_time;
            writer.write_clock(Feed::Permits, KnownTime(known_time), Some(wall()))?;
        }
        write(&mut writer, feed, message)?;
        since_pace += 1;
        if since_pace == 64 {
            since_pace = 0;
            writer.pace(|feed, partition| watch.position(feed, partition), STALL)?;
            watch.wait_until_counted(writer_total(&writer).saturating_sub(MAX_BACKLOG));
        }
    }
    writer.flush()?;
    Ok(writer)
}

fn write(writer: &mut FeedWriter, feed: Feed, message: &Message) -> Result<(), WriteError> {
    let known_time = KnownTime(message.known_time);
    match (&message.body, &message.key) {
        (Body::Clock, _) => writer.write_clock(feed, known_time, Some(wall())),
        (_, Some(key)) => writer.write(feed, key.as_bytes(), message.payload().as_deref(), known_time, Some(wall())),
        (_, None) => writer.write_to(feed, 0, None, message.payload().as_deref(), known_time, Some(wall())),
    }
}

fn writer_total(writer: &FeedWriter) -> u64 {
    let lanes = Feed::SOURCES.into_iter().flat_map(|feed| (0..writer.partitions()).map(move |p| (feed, p)));
    lanes.map(|(feed, partition)| writer.next_offset(feed, partition).0 as u64).sum()
}

/// Waits until the detector has read everything that was written.
fn drain(writer: &FeedWriter, watch: &Watch, stop: &AtomicBool) -> Result<u64, DemoError> {
    let deadline = Instant::now() + DRAIN;
    let mut lanes: Vec<(Feed, i32, NextOffset)> = Vec::new();
    for feed in Feed::SOURCES {
        for partition in 0..writer.partitions() {
            lanes.push((feed, partition, writer.next_offset(feed, partition)));
        }
    }
    let read = || lanes.iter().all(|(feed, partition, end)| watch.position(*feed, *partition) >= *end);
    while !(read() && watch.has_heard_all()) {
        if Instant::now() > deadline || stop.load(Ordering::Relaxed) {
            return Err(DemoError::Stuck);
        }
        watch.wait_for_progress(Duration::from_millis(20));
    }
    Ok(writer_total(writer))
}

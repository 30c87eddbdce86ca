//! Replays recorded feeds: through the engine in strict order (`timeline`), or as one plain batch query (the `oracle`).
//!
//! Both give the same standing set at the same clock; the tests rely on this and check it.

mod broad;
mod failed;
mod set_aside;
pub(super) mod tables;
mod together;
mod waiting;
pub mod written;

use std::collections::BTreeSet;
use std::sync::Arc;

use thiserror::Error;

use crate::catalogue::Catalogue;
use crate::config::{LimitsConfig, Visibility};
use crate::detector::Transition;
use crate::history::PersonNo;
use crate::merge::{Merge, Merged};
use crate::model::alert::Alert;
use crate::model::clock::Spoken;
use crate::model::record::{Fates, Quarantined};
use crate::model::time::KnownTime;
use crate::oracle::{self, BatchError, BatchStanding, StandingRow};
use crate::pseudonyms::Pseudonyms;
use crate::rules::RuleSet;
use crate::rules::plan::PlanError;
use crate::shard::{Emitted, Order, Settings, Shard, Work};
use crate::source::SourceError;
use crate::source::files::{self, FileShard, Recorded};
use crate::sql::profile::Profile;

pub use broad::{Broad, broad};
pub use failed::{Failed, failed};
pub use set_aside::{SetAside, set_aside, table as set_aside_table};
pub use tables::{TableError, Tables, recorded_file, stray_tables};
pub use waiting::Waiting;

/// How a timeline is replayed; the result depends on none of these but `as_of`.
#[derive(Clone)]
pub struct Timeline {
    pub visibility: Visibility,
    pub limits: LimitsConfig,
    pub max_rule_errors: u32,
    pub pseudonyms: Arc<Pseudonyms>,
    /// Partitions to spread the persons over.
    pub partitions: i32,
    /// Messages to take before their units are evaluated.
    pub batch_messages: usize,
    /// The clock at the end: everything known later is left out.
    pub as_of: KnownTime,
    /// Whether to measure where the plans spend their time.
    pub profile: bool,
}

/// The result of a replay.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Every transition; per shard in the order of (as_of, alert id).
    pub log: Vec<Alert>,
    pub standing: Vec<StandingRow>,
    /// The known time that each feed reached, and what waits for the feeds.
    pub waiting: Waiting,
    pub fates: Fates,
    pub quarantined: Vec<Quarantined>,
    /// Rules that failed for so many units that a shard disabled them.
    pub disabled: BTreeSet<String>,
    pub messages: u64,
    /// The known time of the first message.
    pub first: Option<KnownTime>,
    pub work: Vec<Work>,
    pub persons: u64,
    /// By rule: the persons who have had permits of its classes.
    pub concerned: Vec<u64>,
    pub state_bytes: u64,
    pub profile: Option<Profile>,
}

/// Why a replay failed.
#[derive(Debug, Error)]
pub enum ReplayError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("cannot start the query engine: {0}")]
    Runtime(std::io::Error),
    #[error("a replay thread panicked")]
    Panic,
}

/// Who hears of each transition while a recording is replayed, in place of a log of alerts. Shards run side by side: the transitions of a
/// person come in their order, those of several persons in any.
pub trait Listener: Sync {
    fn hear(&self, shard: &Shard, heard: Vec<(PersonNo, Transition)>);

    /// The shard has been settled for the last time.
    fn end(&self, shard: &Shard);
}

/// Replays a recording through the engine. Without links, each shard runs by itself, at most as many at a time as there are cores;
/// with links, all shards advance together.
pub fn timeline<'a>(
    recorded: impl Into<Recorded<'a>>,
    catalogue: &Catalogue,
    options: &Timeline,
) -> Result<Replayed, ReplayError> {
    replayed(recorded.into(), catalogue, options, None)
}

/// The same for a listener: no alert is worded, and the log stays empty.
pub fn listened<'a>(
    recorded: impl Into<Recorded<'a>>,
    catalogue: &Catalogue,
    options: &Timeline,
    listener: &dyn Listener,
) -> Result<Replayed, ReplayError> {
    replayed(recorded.into(), catalogue, options, Some(listener))
}

fn replayed(
    recorded: Recorded<'_>,
    catalogue: &Catalogue,
    options: &Timeline,
    listener: Option<&dyn Listener>,
) -> Result<Replayed, ReplayError> {
    let recorded = recorded.read_as_of(Some(options.as_of));
    // One core reads how far the feeds reach while another plans.
    let (spoken, rules) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| files::spoken(recorded));
        let rules = RuleSet::plan_for(catalogue, options.partitions.max(1) as usize);
        (reading.join().unwrap_or_else(|_| Err(files::unreadable(recorded))), rules)
    });
    let (spoken, rules) = (spoken?, rules?);
    let mut shards: Vec<(i32, RuleSet)> = (0..options.partitions).zip(rules).collect();
    let mut out = Replayed::default();
    if catalogue.links.is_empty() || options.partitions == 1 {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        while !shards.is_empty() {
            let group = shards.drain(..threads.min(shards.len()));
            let parts: Vec<Result<Replayed, ReplayError>> = std::thread::scope(|scope| {
                let replay = |(shard, rules)| {
                    scope.spawn(move || replay_shard((recorded, spoken), rules, (options, listener), shard))
                };
                let running: Vec<_> = group.map(replay).collect();
                running.into_iter().map(|thread| thread.join().unwrap_or(Err(ReplayError::Panic))).collect()
            });
            for part in parts {
                out.add(part?);
            }
        }
    } else {
        for part in together::replay((recorded, spoken), shards, (options, listener))? {
            out.add(part);
        }
    }
    if options.partitions > 1 {
        out.log.sort_by(|a, b| (&a.as_of, &a.alert_id, a.sequence).cmp(&(&b.as_of, &b.alert_id, b.sequence)));
    }
    out.standing.sort();
    Ok(out)
}

fn replay_shard(
    recorded: (Recorded<'_>, Spoken),
    rules: RuleSet,
    (options, listener): (&Timeline, Option<&dyn Listener>),
    number: i32,
) -> Result<Replayed, ReplayError> {
    let mut lane = Lane::open(recorded, rules, (options, listener), number)?;
    while let Some(last) = lane.take_batch()? {
        let emitted = lane.shard.settle(last);
        lane.note(emitted);
    }
    let emitted = lane.shard.settle(options.as_of);
    lane.note(emitted);
    Ok(lane.finish())
}

/// One shard with its source and its results.
struct Lane<'a> {
    options: &'a Timeline,
    listener: Option<&'a dyn Listener>,
    shard: Shard,
    merge: Merge<FileShard>,
    out: Replayed,
}

impl<'a> Lane<'a> {
    fn open(
        (recorded, spoken): (Recorded<'_>, Spoken),
        mut rules: RuleSet,
        (options, listener): (&'a Timeline, Option<&'a dyn Listener>),
        number: i32,
    ) -> Result<Lane<'a>, ReplayError> {
        let settings = Settings {
            number,
            partitions: None,
            order: Order::Strict,
            visibility: options.visibility.clone(),
            limits: options.limits.clone(),
            max_rule_errors: options.max_rule_errors,
            pseudonyms: Arc::clone(&options.pseudonyms),
        };
        let source = FileShard::open(recorded, number, options.partitions)?;
        if options.profile {
            rules.start_profile();
        }
        let mut shard = Shard::new(settings, rules);
        shard.set_spoken(spoken);
        if listener.is_some() {
            shard.listen();
        }
        let merge = Merge::new(source, options.visibility.permit_lead);
        Ok(Lane { options, listener, shard, merge, out: Replayed::default() })
    }

    /// Takes a batch of messages; returns the time up to which everything has been taken, `None` at the end. A batch ends only
    /// where the known time changes: what is known at one instant is one unit.
    fn take_batch(&mut self) -> Result<Option<KnownTime>, ReplayError> {
        let mut taken = 0;
        let mut last = KnownTime::MIN;
        while let Some(next) = self.merge.peek()? {
            if next > self.options.as_of {
                break;
            }
            if taken >= self.options.batch_messages && next > last {
                return Ok(Some(last));
            }
            if !self.take_one()? {
                break;
            }
            last = next;
            taken += 1;
        }
        Ok(None)
    }

    /// Takes everything known up to `until`.
    fn take_until(&mut self, until: KnownTime) -> Result<(), ReplayError> {
        while let Some(next) = self.merge.peek()? {
            if next > until || !self.take_one()? {
                break;
            }
        }
        Ok(())
    }

    fn take_one(&mut self) -> Result<bool, ReplayError> {
        let Merged::Message(message) = self.merge.take()? else { return Ok(false) };
        self.out.first = self.out.first.or(Some(message.known_time));
        self.shard.take(message);
        self.out.messages += 1;
        Ok(true)
    }

    fn note(&mut self, emitted: Vec<Emitted>) {
        self.out.log.extend(emitted.into_iter().map(|emitted| emitted.alert));
        if let Some(listener) = self.listener {
            let heard = self.shard.take_heard();
            listener.hear(&self.shard, heard);
        }
    }

    fn finish(mut self) -> Replayed {
        if let Some(listener) = self.listener {
            listener.end(&self.shard);
        }
        self.out.fates = self.shard.take_fates();
        self.out.quarantined = self.shard.take_quarantined();
        if self.listener.is_none() {
            self.out.standing = standing_rows(&self.shard);
        }
        self.out.waiting = Waiting::of(&self.shard);
        self.out.disabled = disabled(&self.shard);
        self.out.work.push(self.shard.take_work());
        self.out.persons = self.shard.history().person_count() as u64;
        self.out.concerned = broad::concerned(self.shard.history(), self.shard.rules(), self.shard.clock());
        self.out.state_bytes = self.shard.history().state_bytes();
        self.out.profile = self.shard.into_rule_set().take_profile();
        self.out
    }
}

fn disabled(shard: &Shard) -> BTreeSet<String> {
    shard.disabled().iter().map(|at| shard.rules()[at].file.header.id.clone()).collect()
}

/// The alerts that stand in a shard, in the form of the batch query's result.
pub fn standing_rows(shard: &Shard) -> Vec<StandingRow> {
    let rows = shard.standing().into_iter().map(|(person, alert)| StandingRow {
        alert_id: alert.id,
        rule_id: shard.rules()[alert.rule.index()].file.header.id.clone(),
        person: shard.history().person(person).subject.to_string(),
        subject: alert.subject.clone(),
        alert_key: alert.alert_key.clone(),
        severity: alert.severity,
        alert_at: alert.alert_at.0,
        anchor: alert.anchor,
    });
    rows.collect()
}

impl Replayed {
    fn add(&mut self, other: Replayed) {
        self.log.extend(other.log);
        self.standing.extend(other.standing);
        self.waiting.add(other.waiting);
        self.fates.add(&other.fates);
        self.quarantined.extend(other.quarantined);
        self.disabled.extend(other.disabled);
        self.messages += other.messages;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.work.extend(other.work);
        self.persons += other.persons;
        self.concerned.resize(self.concerned.len().max(other.concerned.len()), 0);
        self.concerned.iter_mut().zip(other.concerned).for_each(|(sum, part)| *sum += part);
        self.state_bytes += other.state_bytes;
        if let Some(profile) = other.profile {
            self.profile.get_or_insert_default().merge(&profile);
        }
    }
}

/// Runs the batch query over the Parquet files of a recording.
pub fn batch<'a>(
    recorded: impl Into<Recorded<'a>>,
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: KnownTime,
) -> Result<Vec<StandingRow>, ReplayError> {
    let recorded = recorded.into().read_as_of(Some(as_of));
    Ok(batch_with_clocks(&Tables::read(recorded)?, catalogue, visibility, as_of)?.standing)
}

/// The same over tables that have been read; also returns how far the feeds reach, and what waits for them.
pub fn batch_with_clocks(
    tables: &Tables,
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: KnownTime,
) -> Result<BatchStanding, ReplayError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().map_err(ReplayError::Runtime)?;
    let standing =
        oracle::standing_with_clocks(catalogue, visibility, as_of.0, |table| tables.of(table), tables.clocks());
    Ok(runtime.block_on(standing)?)
}

//! The loop of one shard, on a thread of its own. It alone decides the order of effects: take messages, settle, publish alerts,
//! note quarantined messages, wait for the broker, commit offsets (for monitoring only).
//!
//! While the broker writes the alerts of one batch, the loop takes, settles and hands over the next batches. Only the counts and
//! the commit of a batch wait until the broker has acknowledged it. The sink writes alerts in one order: if it cannot write one, it
//! writes none after it. So after a crash the topic lacks only what comes after its last alert.
//!
//! At a limit the loop stops polling the source; it drops nothing. An error that cannot be retried halts the shard, which then
//! restarts from the alerts topic.

mod census;
mod checkpoints;
mod clocks;
mod gauges;
mod losses;
mod observer;
mod rebuild;
pub mod recovery;
pub mod reload;
mod shown;
mod under_way;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use thiserror::Error;

use self::census::Census;
pub use self::checkpoints::{Checkpoints, SaidBefore};
use self::clocks::tell_unsigned;
pub use self::losses::Lost;
pub use self::observer::{Observer, Unobserved};
pub use self::rebuild::Rebuild;
use self::under_way::UnderWay;
use crate::config::Config;
use crate::merge::{Merge, Merged};
use crate::model::clock::wall;
use crate::model::record::{Fates, NextOffset};
use crate::model::schema::Feed;
use crate::model::stage::Outlet;
use crate::model::time::{KnownTime, WallTime};
use crate::pipeline::recovery::Recovery;
use crate::pipeline::reload::Reloader;
use crate::shard::{Emitted, Shard};
use crate::sink::{AlertSink, ReadUpTo, RunHeaders, SinkError};
use crate::source::{ShardSource, SourceError};
use crate::telemetry::{Limit, ShardTelemetry, Stage};

/// How long the loop sleeps when nothing arrives, and so how often it checks whether to stop and whether a second has passed.
const IDLE: Duration = Duration::from_millis(50);
/// How often the loop sets gauges and reads wall clocks.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);

/// Batches that may wait for their acknowledgement; above this number the loop blocks until the oldest is acknowledged.
const MAX_UNDER_WAY: usize = 256;

/// During a rebuild, the loop checks after this many messages whether it is to stop.
const STOP_INTERVAL: usize = 1_024;

/// How long a shard that is told to stop waits for the broker's acknowledgements.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a shard stopped. [`SourceError::Revoked`] is no fault.
#[derive(Debug, Error)]
pub enum PipelineError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// What the shards of an instance share.
pub struct Common {
    pub config: Arc<Config>,
    /// Number of partitions of every feed.
    pub partitions: i32,
    /// Set by the owner when all shards are to stop.
    pub stop: Arc<AtomicBool>,
    pub lost: Arc<Lost>,
}

/// A shard with its source, its sink and its observers.
pub struct Pipeline<S, K, O> {
    shard: Shard,
    merge: Merge<S>,
    sink: K,
    observer: O,
    rebuild: Rebuild,
    /// Delivers a new rule set when there is one.
    reloader: Reloader,
    telemetry: ShardTelemetry,
    common: Common,
    /// Name of the permit snapshot's file, for the headers of alerts.
    snapshot: Option<String>,
    /// Reads again which alerts the topic says stand.
    reread: Box<Reread>,
    /// Commits the next offsets to the consumer group.
    commit: Box<Commit>,
    checkpoints: Option<Checkpoints>,
    /// One has been written since the start.
    has_checkpoint: bool,
    /// By feed: the known time of the last message before the first that is read.
    last_known: [KnownTime; Feed::COUNT],
}

/// Reads what the topic of each outlet says.
type Reread = dyn Fn() -> Result<Vec<Recovery>, PipelineError> + Send;

/// Commits the next offset of each feed to the consumer group.
type Commit = dyn Fn(&[NextOffset; Feed::COUNT]) + Send;

/// The ids of the rules, and where their alerts go.
fn outlets(shard: &Shard) -> Vec<(String, Outlet)> {
    shard.rules().iter().map(|rule| (rule.file.header.id.clone(), rule.outlet())).collect()
}

/// State that only the loop uses.
struct Loop {
    last_known: [KnownTime; Feed::COUNT],
    probes: [Option<(WallTime, NextOffset)>; Feed::COUNT],
    gauges_at: Instant,
    /// The walk over all persons that is under way, and the bytes of per-person state that the last complete walk found.
    census: Option<Census>,
    person_bytes: u64,
    /// Per link feed, the known time up to which the shard has told the others that it has published everything; and when it last
    /// told them.
    link_clocks: [KnownTime; 2],
    links_said_at: Instant,
    quarantined: u64,
    /// By feed: when messages stamped in the future were last logged, and how many have come since.
    future: [(Option<Instant>, u64); Feed::COUNT],
    paused: bool,
    /// The shard has read everything that was there when it started.
    has_read: bool,
    /// The counts of [`Lost`] that the shard has answered: links, alerts.
    lost: [u64; 2],
    /// Batches that have been sealed but not acknowledged, oldest first.
    under_way: VecDeque<UnderWay>,
    /// Batches sealed so far.
    sealed: u64,
    /// Next offsets of the newest batch whose effects have all been acknowledged.
    advanced: [NextOffset; Feed::COUNT],
}

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    /// A pipeline that publishes from its first record on, never reads the alerts topic again and commits no offsets.
    pub fn new(shard: Shard, merge: Merge<S>, sink: K, observer: O, common: Common, reloader: Reloader) -> Self {
        let rules: Vec<(String, Outlet)> = outlets(&shard);
        Pipeline {
            telemetry: ShardTelemetry::new(shard.number(), &rules, wall()),
            shard,
            merge,
            sink,
            observer,
            rebuild: Rebuild::default(),
            reloader,
            common,
            snapshot: None,
            reread: Box::new(|| Ok(Vec::new())),
            commit: Box::new(|_| {}),
            checkpoints: None,
            has_checkpoint: false,
            last_known: [KnownTime::MIN; Feed::COUNT],
        }
    }

    /// The shard's checkpoints; none are taken without.
    #[must_use]
    pub fn with_checkpoints(self, checkpoints: Option<Checkpoints>) -> Self {
        Pipeline { checkpoints, ..self }
    }

    /// For a shard that goes on from a checkpoint: by feed, the known time of the last message that it had read.
    #[must_use]
    pub fn going_on(self, last_known: [KnownTime; Feed::COUNT]) -> Self {
        Pipeline { last_known, ..self }
    }

    /// For a shard that has published before: it rebuilds silently first.
    #[must_use]
    pub fn rebuilding(self, rebuild: Rebuild) -> Self {
        let rebuild = rebuild.beginning_at(*self.merge.positions());
        Pipeline { rebuild, ..self }
    }

    /// File name of the permit snapshot that was loaded.
    #[must_use]
    pub fn with_snapshot(self, snapshot: Option<String>) -> Self {
        Pipeline { snapshot, ..self }
    }

    /// `reread` is called when the alerts topic has lost messages or another writer has written to it.
    #[must_use]
    pub fn with_topic(self, reread: impl Fn() -> Result<Vec<Recovery>, PipelineError> + Send + 'static) -> Self {
        Pipeline { reread: Box::new(reread), ..self }
    }

    /// `commit` is called with the offsets up to which all effects have been acknowledged.
    #[must_use]
    pub fn with_commit(self, commit: impl Fn(&[NextOffset; Feed::COUNT]) + Send + 'static) -> Self {
        Pipeline { commit: Box::new(commit), ..self }
    }

    /// Runs until stopped, or until the shard cannot go on. On a stop, everything that was taken is settled and handed over, and
    /// the broker has `FINISH_TIMEOUT` to acknowledge it.
    pub fn run(mut self) -> Result<Shard, PipelineError> {
        let mut state = Loop {
            last_known: self.last_known,
            probes: [None; Feed::COUNT],
            // Check the limits with the first batch: a rebuild may be over before a second has passed.
            gauges_at: Instant::now().checked_sub(GAUGE_INTERVAL).unwrap_or_else(Instant::now),
            census: None,
            person_bytes: 0,
            link_clocks: [KnownTime::MIN; 2],
            links_said_at: Instant::now(),
            quarantined: 0,
            future: [(None, 0); Feed::COUNT],
            paused: false,
            has_read: false,
            lost: self.common.lost.counts(),
            under_way: VecDeque::new(),
            sealed: 0,
            advanced: *self.merge.positions(),
        };
        self.telemetry.recovering(self.rebuild.is_silent());
        let waker = self.merge.source().waker();
        let is_woken = waker.is_some();
        if let Some(waker) = waker {
            self.sink.call_when_acknowledged(waker);
        }
        while !self.common.stop.load(Ordering::Relaxed) {
            // Before taking messages: the headers of what these two publish say how far the shard has settled.
            self.take_new_rules(&mut state)?;
            self.make_up_for_losses(&mut state)?;
            let had_read = state.has_read;
            let taken = if state.paused { 0 } else { self.take(&mut state)? };
            self.settle(&mut state)?;
            self.take_checkpoint(&state);
            if state.has_read && !had_read {
                self.observer.has_read(self.shard.number());
            }
            if state.gauges_at.elapsed() >= GAUGE_INTERVAL {
                self.observer.turned(self.shard.number(), self.shard.shards_with_other_rules());
                self.read_wall_clocks(&mut state)?;
                self.set_gauges(&mut state);
            } else {
                self.count_some(&mut state);
            }
            if taken == 0 && self.shard.rework_left() == 0 {
                if is_woken || state.under_way.is_empty() {
                    self.merge.wait(IDLE);
                } else {
                    self.confirm(&mut state, 0)?;
                }
            }
        }
        self.finish(&mut state, is_woken)?;
        self.last_checkpoint(&state);
        Ok(self.shard)
    }

    /// Waits up to [`FINISH_TIMEOUT`] for the batches under way; what the broker does not acknowledge by then, the next start
    /// publishes.
    fn finish(&mut self, state: &mut Loop, is_woken: bool) -> Result<(), PipelineError> {
        if !is_woken {
            return self.confirm(state, 0);
        }
        let deadline = Instant::now() + FINISH_TIMEOUT;
        loop {
            self.confirm(state, usize::MAX)?;
            if state.under_way.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                tracing::warn!(
                    shard = self.shard.number(),
                    batches = state.under_way.len(),
                    "stopping without the broker's acknowledgement; the next start publishes what it has not written"
                );
                return Ok(());
            }
            self.merge.wait(IDLE);
        }
    }

    /// Switches to new rules if there are any. Not during a rebuild: the alerts on the topic that it is compared with come from the
    /// old rules.
    fn take_new_rules(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        if self.rebuild.is_silent() {
            return Ok(());
        }
        let Some(rules) = self.reloader.poll() else { return Ok(()) };
        match self.shard.replace_rules(rules) {
            Ok(withdrawn) => {
                let ids = outlets(&self.shard);
                self.telemetry.replace_rules(self.shard.number(), &ids);
                // The census counts by the rule numbers of the old set.
                state.census = None;
                tracing::info!(
                    shard = self.shard.number(),
                    rules = ids.len(),
                    withdrawn = withdrawn.len(),
                    persons = self.shard.rework_left(),
                    "new rules are in force; changed ones are worked out again"
                );
                self.publish(&withdrawn)?;
                self.note(state, withdrawn, Fates::default(), false);
                Ok(())
            }
            Err(reason) => {
                tracing::error!(shard = self.shard.number(), reason, "the new rules are not taken up");
                Ok(())
            }
        }
    }

    fn take(&mut self, state: &mut Loop) -> Result<usize, PipelineError> {
        let started = Instant::now();
        let limits = &self.common.config.limits;
        let mut by_feed = [0u64; Feed::COUNT];
        let mut taken = 0;
        let mut held = None;
        while taken < limits.batch_messages && self.shard.pending() < limits.batch_changes {
            // A rebuild publishes nothing until its end, so it can stop anywhere.
            if taken % STOP_INTERVAL == 0 && self.rebuild.is_silent() && self.common.stop.load(Ordering::Relaxed) {
                break;
            }
            match self.merge.take()? {
                Merged::Message(message) => {
                    by_feed[message.feed.index()] += 1;
                    state.last_known[message.feed.index()] = message.known_time;
                    self.shard.take(message);
                    taken += 1;
                    // The rebuild ends with this batch, so that the alerts of later records are published and not kept silent.
                    if self.is_rebuilt() {
                        break;
                    }
                }
                Merged::Waiting(lane) => {
                    if !state.has_read && self.merge.has_heard_all() {
                        state.has_read = true;
                    }
                    if lane.is_none() || !self.merge.gather(taken) {
                        held = lane;
                        break;
                    }
                }
                Merged::Finished => break,
            }
        }
        let now = wall();
        for feed in Feed::ALL {
            self.telemetry.held(feed, taken == 0 && held == Some(feed));
            if by_feed[feed.index()] > 0 {
                self.telemetry.read(feed, by_feed[feed.index()]);
                self.telemetry.last_message(feed, now);
            }
        }
        if taken > 0 {
            self.telemetry.stage(Stage::Read, started.elapsed());
            self.telemetry.limit_used(Limit::BatchMessages, taken as f64);
            self.telemetry.limit_used(Limit::BatchChanges, self.shard.pending() as f64);
        }
        Ok(taken)
    }

    /// Evaluates the records taken and the deadlines that are due, and hands over the effects in order.
    fn settle(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        let emitted = self.shard.settle_live();
        if self.shard.is_cut_off() {
            // To stop, or taken away: nothing of this may be published. The next owner reads these messages again.
            return Err(SourceError::Revoked { shard: self.shard.number() }.into());
        }
        if self.is_whole() {
            self.shard.erase_live(self.common.config.erase_after());
        }
        self.report_work();
        self.recover_links();
        let shown = self.take_shown(state);
        let emitted = self.recover(emitted)?;
        let quarantined = self.shard.take_quarantined();
        if shown.is_some() || !emitted.is_empty() || !quarantined.is_empty() {
            self.own()?;
        }
        self.publish(&emitted)?;
        let has_others = shown.is_some() || !quarantined.is_empty();
        if let Some(shown) = shown {
            self.sink.links(&shown)?;
        }
        if !quarantined.is_empty() {
            state.quarantined += quarantined.len() as u64;
            self.tell_future(state, &quarantined);
            tell_unsigned(&quarantined);
            self.sink.quarantine(&quarantined)?;
        }
        let fates = self.shard.take_fates();
        self.note(state, emitted, fates, has_others);
        self.confirm(state, MAX_UNDER_WAY)?;
        self.answer_foreign_writes(state)
    }

    fn publish(&mut self, emitted: &[Emitted]) -> Result<(), PipelineError> {
        if emitted.is_empty() {
            return Ok(());
        }
        self.own()?;
        let headers = RunHeaders {
            published_at: wall(),
            read: self.read(),
            snapshot: self.snapshot.clone(),
            key_id: self.shard.key_id().to_owned(),
        };
        self.sink.publish(emitted, &headers).map_err(|error| {
            self.telemetry.publish_error();
            error.into()
        })
    }

    /// How far the shard has read.
    fn read(&self) -> ReadUpTo {
        let heard = match self.shard.has_links() {
            true => [Feed::Links, Feed::Derived].map(|feed| self.shard.clocks().feed(feed)),
            false => [KnownTime::MIN; 2],
        };
        ReadUpTo { clock: self.shard.clock(), offsets: *self.merge.positions(), heard }
    }

    /// An error if the shard has been revoked: it must not publish then.
    fn own(&mut self) -> Result<(), PipelineError> {
        if self.merge.source().is_owned() {
            return Ok(());
        }
        Err(SourceError::Revoked { shard: self.shard.number() }.into())
    }
}

//! The one loop that decides the order of effects, per shard and on a thread of its own:
//! take, settle, publish, note what was set aside, wait for the broker, commit offsets (for monitoring only).
//!
//! While the broker writes what one batch has said, the next ones are taken, settled and handed over: nobody waits for an
//! acknowledgement but what it is about. The alerts of all of them stand in one order, and one that cannot be written lets none
//! after it pass. So what was not written before a crash is what the last alert on the topic does not know of.
//!
//! At a limit the source is not polled; nothing is dropped. Anything that cannot be retried halts the shard: it starts
//! again from the topic.

mod census;
mod gauges;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use thiserror::Error;

use self::census::Census;
use crate::alert::Alert;
use crate::clock::wall;
use crate::config::{ClockKind, Config};
use crate::merge::{Merge, Merged};
use crate::record::{Fates, NextOffset, Quarantined, Reason};
use crate::recovery::Recovery;
use crate::reload::Reloader;
use crate::schema::Feed;
use crate::shard::{Emitted, Shard};
use crate::sink::{AlertSink, ReadUpTo, RunHeaders, Shown, SinkError};
use crate::source::{ShardSource, SourceError};
use crate::telemetry::{Cause, Limit, ShardTelemetry, Stage};
use crate::time::{KnownTime, MICROS_PER_DAY, WallTime};

/// How long the loop sleeps when nothing arrives; stopping and wall clocks are looked at this often.
const IDLE: Duration = Duration::from_millis(50);
/// How often gauges are set and wall clocks read.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);

/// Batches that may wait for their acknowledgement; then the source is left alone.
const MAX_UNDER_WAY: usize = 256;

/// Messages of a rebuild after which it is looked whether it is to stop.
const STOP_INTERVAL: usize = 1_024;

/// How long a shard that is told to stop waits for the broker.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// Microseconds by which others may be behind in what they have said of their units, for a shard whose rebuild waits for them.
const OTHERS_BEHIND: i64 = MICROS_PER_DAY;

/// How often messages stamped in the future are told of, per feed.
const FUTURE_INTERVAL: Duration = Duration::from_secs(60);

/// How often a shard tells the others up to when it has said all that its units show.
const LINK_CLOCK_INTERVAL: Duration = Duration::from_millis(100);

/// Why a shard stopped. `Revoked` is no fault.
#[derive(Debug, Error)]
pub enum PipelineError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// What the loop tells whoever watches it (the demo, tests). Called after the effects, with the time at which they were acknowledged.
pub trait Observer: Send {
    /// Alerts that the broker has acknowledged.
    fn published(&mut self, _: &[Emitted], _: WallTime) {}
    /// Messages whose fate has been counted.
    fn counted(&mut self, _: &Fates) {}
    /// Where the shard reads next, once everything before has been evaluated; what came of it is under way.
    fn evaluated(&mut self, _: i32, _: &[NextOffset; Feed::COUNT], _: WallTime) {}
    /// The same once everything before has had its effects.
    fn advanced(&mut self, _: i32, _: &[NextOffset; Feed::COUNT], _: WallTime) {}
    /// Up to when the shard's units have shown everything (links, derived), and up to when it has read what all shards show.
    fn shown(&mut self, _: i32, _said: [KnownTime; 2], _heard: [KnownTime; 2]) {}
    /// The shard has read its topic again and publishes from here.
    fn recovered(&mut self, _: i32) {}
    /// The shard has read what there was when it started, or all of it that may be read yet.
    fn has_read(&mut self, _: i32) {}
}

/// Watches nothing.
pub struct Unobserved;

impl Observer for Unobserved {}

/// Notes in the consumer group how far the shard has come.
pub type Commit = Box<dyn Fn(&[NextOffset; Feed::COUNT]) + Send>;

/// What is gone of the topics that are read back; told by whoever watches them.
#[derive(Debug, Default)]
pub struct Lost {
    /// How often some of what units show to others has been found gone.
    pub links: AtomicU64,
    /// How often some of the shard's alerts have.
    pub alerts: AtomicU64,
}

/// What a shard runs on.
pub struct Pipeline<S, K, O> {
    pub shard: Shard,
    pub merge: Merge<S>,
    pub sink: K,
    pub observer: O,
    /// Set while the shard rebuilds silently.
    pub recovery: Option<Recovery>,
    /// How far the shard had read when it last said something of what its units show, until it has read as far again (see
    /// `shard::links`).
    pub links_until: Option<ReadUpTo>,
    /// What others had shown this shard is gone from the internal topics: its rebuild ends only once all of them have spoken again.
    pub lacks_links: bool,
    pub lost: Arc<Lost>,
    /// Looks for new rules.
    pub reloader: Reloader,
    pub telemetry: ShardTelemetry,
    pub config: Arc<Config>,
    /// Partitions of every feed.
    pub partitions: i32,
    pub stop: Arc<AtomicBool>,
    pub snapshot: Option<String>,
    pub pseudonym_key_id: String,
    /// What the topic says now, asked when somebody else has written there.
    pub reread: Box<dyn Fn() -> Result<Recovery, PipelineError> + Send>,
    pub commit: Commit,
}

/// State of the loop that is nobody else's.
struct Loop {
    last_known: [KnownTime; Feed::COUNT],
    probes: [Option<(WallTime, NextOffset)>; Feed::COUNT],
    gauges_at: Instant,
    /// The count of persons that is under way, and the bytes that single persons took at the last one.
    census: Option<Census>,
    person_bytes: u64,
    /// Up to when the shard has told the others that it has said everything, and when it last did.
    link_clocks: [KnownTime; 2],
    links_said_at: Instant,
    quarantined: u64,
    /// By feed, when messages stamped in the future were last told of, and how many there have been since.
    future: [(Option<Instant>, u64); Feed::COUNT],
    paused: bool,
    /// It has read what there was when it started.
    has_read: bool,
    /// Of [`Lost`], what has been answered.
    lost_links: u64,
    lost_alerts: u64,
    /// Batches that have been sealed and not been acknowledged, oldest first.
    under_way: VecDeque<UnderWay>,
    /// Where the shard reads next, once everything before has had its effects.
    advanced: [NextOffset; Feed::COUNT],
}

/// A batch whose effects, or those of one before it, have not all been acknowledged.
struct UnderWay {
    alerts: Vec<Emitted>,
    fates: Fates,
    positions: [NextOffset; Feed::COUNT],
    /// For links and derived, up to when the shard has said all that its units show, and has read what all shards say.
    shown: Option<[[KnownTime; 2]; 2]>,
    settled_at: WallTime,
}

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    /// Runs until stopped, or until the shard cannot go on. On a stop everything taken has had its effects.
    pub fn run(mut self) -> Result<Shard, PipelineError> {
        let mut state = Loop {
            last_known: [KnownTime::MIN; Feed::COUNT],
            probes: [None; Feed::COUNT],
            // Limits are looked at with the first batch: a rebuild may be over before a second has passed.
            gauges_at: Instant::now().checked_sub(GAUGE_INTERVAL).unwrap_or_else(Instant::now),
            census: None,
            person_bytes: 0,
            link_clocks: [KnownTime::MIN; 2],
            links_said_at: Instant::now(),
            quarantined: 0,
            future: [(None, 0); Feed::COUNT],
            paused: false,
            has_read: false,
            lost_links: self.lost.links.load(Ordering::Acquire),
            lost_alerts: self.lost.alerts.load(Ordering::Acquire),
            under_way: VecDeque::new(),
            advanced: *self.merge.positions(),
        };
        self.telemetry.recovering(self.recovery.is_some());
        let waker = self.merge.source().waker();
        let is_woken = waker.is_some();
        if let Some(waker) = waker {
            self.sink.call_when_acknowledged(waker);
        }
        while !self.stop.load(Ordering::Relaxed) {
            // Before anything is taken: what this publishes says how far the shard has settled.
            self.take_new_rules(&mut state)?;
            self.make_up_for_losses(&mut state)?;
            let had_read = state.has_read;
            let taken = if state.paused { 0 } else { self.take(&mut state)? };
            self.settle(&mut state)?;
            if state.has_read && !had_read {
                self.observer.has_read(self.shard.number());
            }
            if state.gauges_at.elapsed() >= GAUGE_INTERVAL {
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
        Ok(self.shard)
    }

    /// Waits for what is under way, but not for ever: what the broker does not acknowledge now the next start publishes.
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

    /// What is gone of the topics that are read back is said again.
    fn make_up_for_losses(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        let (links, alerts) = (self.lost.links.load(Ordering::Acquire), self.lost.alerts.load(Ordering::Acquire));
        if links != std::mem::replace(&mut state.lost_links, links) && self.shard.has_links() {
            self.shard.say_again();
            state.link_clocks = [KnownTime::MIN; 2];
            tracing::warn!(shard = self.shard.number(), "saying again what the shard's units show to others");
        }
        // While it rebuilds, the difference at its end answers.
        if self.recovery.is_none() && alerts != state.lost_alerts {
            state.lost_alerts = alerts;
            self.confirm(state, 0)?;
            self.answer_topic(state)?;
        }
        Ok(())
    }

    /// Reads what the topic says now, and publishes how what stands differs.
    fn answer_topic(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        let difference = unsent((self.reread)()?.difference_in_course(&mut self.shard));
        self.publish(&difference)?;
        self.note(state, difference, Fates::default(), false);
        Ok(())
    }

    /// Goes over to new rules where there are any; not while rebuilding, whose end is defined by the old ones.
    fn take_new_rules(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        if self.recovery.is_some() {
            return Ok(());
        }
        let Some(rules) = self.reloader.poll() else { return Ok(()) };
        match self.shard.replace_rules(rules) {
            Ok(withdrawn) => {
                let ids: Vec<String> = self.shard.rules().iter().map(|rule| rule.file.header.id.clone()).collect();
                self.telemetry.replace_rules(self.shard.number(), &ids);
                // It counts by the old rules' places.
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
        let limits = &self.config.limits;
        let mut by_feed = [0u64; Feed::COUNT];
        let mut taken = 0;
        let mut held = None;
        while taken < limits.batch_messages && self.shard.pending() < limits.batch_changes {
            // A rebuild says nothing until its end, so nothing of it has to be finished.
            if taken % STOP_INTERVAL == 0 && self.recovery.is_some() && self.stop.load(Ordering::Relaxed) {
                break;
            }
            match self.merge.take()? {
                Merged::Message(message) => {
                    by_feed[message.feed.index()] += 1;
                    state.last_known[message.feed.index()] = message.known_time;
                    self.shard.take(message);
                    taken += 1;
                    // What comes and goes after that is published.
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

    /// Evaluates what was taken and the deadlines that have come, and lets it have its effects in order.
    fn settle(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        let emitted = self.shard.settle_live();
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
            self.sink.quarantine(&quarantined)?;
        }
        let fates = self.shard.take_fates();
        self.note(state, emitted, fates, has_others);
        self.confirm(state, MAX_UNDER_WAY)?;
        if self.sink.take_foreign_writes() > 0 {
            self.confirm(state, 0)?;
            tracing::warn!(
                shard = self.shard.number(),
                "the shard's alerts are not what it has written: somebody else has, or they are gone; publishing the difference again"
            );
            self.answer_topic(state)?;
        }
        Ok(())
    }

    /// Names the feeds whose adapters stamp messages in the future, each at most once in [`FUTURE_INTERVAL`].
    fn tell_future(&self, state: &mut Loop, quarantined: &[Quarantined]) {
        for entry in quarantined.iter().filter(|entry| entry.reason == Reason::FutureKnownTime) {
            let (told_at, count) = &mut state.future[entry.coordinates.feed.index()];
            *count += 1;
            if told_at.is_none_or(|at| at.elapsed() >= FUTURE_INTERVAL) {
                tracing::error!(
                    feed = entry.coordinates.feed.name(),
                    at = %entry.coordinates,
                    timestamp = %entry.known_time,
                    messages = *count,
                    "a message is stamped ahead of this machine's clock; it is set aside and moves no clock: mend the adapter's \
                     timestamps, or the clock here"
                );
                (*told_at, *count) = (Some(Instant::now()), 0);
            }
        }
    }

    /// What has been handed over, alerts and others, and what it stands for, is under way.
    fn note(&mut self, state: &mut Loop, alerts: Vec<Emitted>, fates: Fates, has_others: bool) {
        let has_news = fates != Fates::default();
        if alerts.is_empty() && !has_news && !has_others {
            return;
        }
        let links = [Feed::Links, Feed::Derived];
        let shown = || {
            let said = links.map(|feed| self.shard.link_clock(feed));
            [said, links.map(|feed| self.shard.clocks().feed(feed))]
        };
        self.sink.seal();
        let (positions, settled_at) = (*self.merge.positions(), wall());
        let shown = (has_news && self.shard.has_links()).then(shown);
        if has_news {
            self.observer.evaluated(self.shard.number(), &positions, settled_at);
        }
        state.under_way.push_back(UnderWay { alerts, fates, positions, shown, settled_at });
    }

    /// Reports the batches that have been acknowledged; waits until no more than so many are left.
    fn confirm(&mut self, state: &mut Loop, left: usize) -> Result<(), PipelineError> {
        while !state.under_way.is_empty() {
            let acknowledged = match self.sink.acknowledged(state.under_way.len() > left) {
                Ok(Some(at)) => at,
                Ok(None) => break,
                Err(error) => {
                    self.telemetry.publish_error();
                    return Err(error.into());
                }
            };
            let Some(done) = state.under_way.pop_front() else { break };
            let [alerts_at, at] = [acknowledged.alerts_at, acknowledged.at].map(|at| at.max(done.settled_at));
            if !done.alerts.is_empty() {
                let micros = (alerts_at.0 - done.settled_at.0).unsigned_abs();
                self.telemetry.stage(Stage::Publish, Duration::from_micros(micros));
                self.report_alerts(&done.alerts, alerts_at);
            }
            state.advanced = done.positions;
            if let Some([said, heard]) = done.shown {
                self.observer.shown(self.shard.number(), said, heard);
            }
            if done.fates != Fates::default() {
                self.telemetry.fates(&done.fates);
                self.observer.counted(&done.fates);
                self.observer.advanced(self.shard.number(), &done.positions, at);
            }
        }
        Ok(())
    }

    /// A silent rebuild has come to its end.
    fn is_rebuilt(&self) -> bool {
        if self.recovery.is_none() && self.links_until.is_none() {
            return false;
        }
        let read = self.read();
        self.recovery.as_ref().is_some_and(|recovery| recovery.is_complete(&read)) && !self.waits_for_others()
            || self.links_until.is_some_and(|until| read.covers(&until))
    }

    /// What others show this shard may still be on its way to topics that had lost it. Each of them says how far it has spoken after it has
    /// said its rows; by then they are here.
    fn waits_for_others(&self) -> bool {
        let is_behind = |feed| self.shard.clocks().feed(feed) < self.shard.link_clock(feed).minus(OTHERS_BEHIND);
        self.lacks_links && [Feed::Links, Feed::Derived].into_iter().any(is_behind)
    }

    /// How far the shard has read.
    fn read(&self) -> ReadUpTo {
        ReadUpTo { clock: self.shard.clock(), offsets: *self.merge.positions() }
    }

    /// Where the shard has read as far as when it last said something, says what it shows and has not said.
    fn recover_links(&mut self) {
        if self.links_until.is_some_and(|until| self.read().covers(&until)) {
            self.links_until = None;
            let records = self.shard.say_difference();
            tracing::info!(shard = self.shard.number(), records, "links recovered; saying the difference");
        }
    }

    /// What units show to others. It goes out with the batch's alerts, and need not be written before them: a shard that starts
    /// says what its topics lack.
    fn take_shown(&mut self, state: &mut Loop) -> Option<Shown> {
        let records = self.shard.take_shown();
        let mut clocks = Vec::new();
        let is_saying = self.shard.has_links() && self.links_until.is_none();
        if is_saying && state.links_said_at.elapsed() >= LINK_CLOCK_INTERVAL {
            for (said, feed) in state.link_clocks.iter_mut().zip([Feed::Links, Feed::Derived]) {
                let clock = self.shard.link_clock(feed);
                if clock > *said {
                    *said = clock;
                    clocks.push((feed, clock));
                }
            }
            state.links_said_at = Instant::now();
        }
        let is_empty = records.is_empty() && clocks.is_empty();
        (!is_empty).then(|| Shown { records, clocks, partitions: self.partitions, read: self.read() })
    }

    /// While the shard rebuilds, alerts are kept back; at the end of it the difference takes their place.
    fn recover(&mut self, emitted: Vec<Emitted>) -> Result<Vec<Emitted>, PipelineError> {
        let (read, waits) = (self.read(), self.waits_for_others());
        let Some(recovery) = &mut self.recovery else { return Ok(emitted) };
        recovery.keep_silent(emitted);
        if waits || !recovery.is_complete(&read) {
            return Ok(Vec::new());
        }
        let difference = self.recovery.take().map(|recovery| recovery.difference(&mut self.shard)).unwrap_or_default();
        tracing::info!(shard = self.shard.number(), alerts = difference.len(), "recovered; publishing the difference");
        self.telemetry.recovering(false);
        self.observer.recovered(self.shard.number());
        Ok(unsent(difference))
    }

    fn publish(&mut self, emitted: &[Emitted]) -> Result<(), PipelineError> {
        if emitted.is_empty() {
            return Ok(());
        }
        self.own()?;
        let alerts: Vec<Alert> = emitted.iter().map(|emitted| emitted.alert.clone()).collect();
        let headers = RunHeaders {
            published_at: wall(),
            read: self.read(),
            snapshot: self.snapshot.clone(),
            pseudonym_key_id: self.pseudonym_key_id.clone(),
        };
        self.sink.publish(&alerts, &headers).map_err(|error| {
            self.telemetry.publish_error();
            error.into()
        })
    }

    fn report_alerts(&mut self, alerts: &[Emitted], at: WallTime) {
        self.telemetry.published(alerts.len() as u64);
        for Emitted { alert, sent_at, .. } in alerts {
            let rule = self.shard.rules().iter().position(|rule| rule.file.header.id == alert.rule_id);
            if let Some(rule) = rule {
                self.telemetry.transition(rule, alert.status, alert.severity);
            }
            if let Some(sent_at) = sent_at {
                let micros = (at.0 - sent_at.0).max(0) as u64;
                self.telemetry.event_to_alert(Duration::from_micros(micros));
            }
        }
        self.observer.published(alerts, at);
    }

    /// A shard that was taken away must not publish.
    fn own(&mut self) -> Result<(), PipelineError> {
        if self.merge.source().is_owned() {
            return Ok(());
        }
        Err(SourceError::Revoked { shard: self.shard.number() }.into())
    }

    fn report_work(&mut self) {
        let work = self.shard.take_work();
        if work.record_units + work.deadline_units == 0 && work.decode_micros == 0 {
            return;
        }
        self.telemetry.units(Cause::Record, work.record_units);
        self.telemetry.units(Cause::Deadline, work.deadline_units);
        for (stage, micros) in [
            (Stage::Decode, work.decode_micros),
            (Stage::Gather, work.gather_micros),
            (Stage::Rules, work.rules_micros),
            (Stage::Detect, work.detect_micros),
        ] {
            self.telemetry.stage(stage, Duration::from_micros(micros));
        }
        for (rule, done) in work.rules.iter().enumerate().filter(|(_, done)| done.evaluations > 0) {
            self.telemetry.rule_run(rule, done.evaluations, done.rows, Duration::from_micros(done.micros));
            self.telemetry.rule_errors(rule, done.failures);
        }
        for rule in (0..work.rules.len()).filter(|rule| self.shard.disabled() & 1 << rule != 0) {
            self.telemetry.rule_disabled(rule);
        }
    }

    /// A feed whose adapter writes no clock messages: the wall clock stands in, once everything that was there at that
    /// time has been read, and never beyond `max_silence` after the feed's last message.
    fn read_wall_clocks(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        for feed in Feed::SOURCES {
            if self.config.feed(feed).clock != ClockKind::Wall {
                continue;
            }
            let last = state.last_known[feed.index()];
            match state.probes[feed.index()] {
                None => {
                    let now = wall();
                    if let Some(end) = self.merge.source().end_offset(feed)? {
                        state.probes[feed.index()] = Some((now, end));
                    }
                }
                Some((asked_at, end)) if self.merge.positions()[feed.index()] >= end && last > KnownTime::MIN => {
                    let to = KnownTime(asked_at.0.min(last.0.saturating_add(self.config.max_silence(feed))));
                    self.shard.advance_clock(feed, to);
                    if feed == Feed::Permits {
                        self.merge.advance_permits(to);
                    }
                    state.probes[feed.index()] = None;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn unsent(alerts: Vec<Alert>) -> Vec<Emitted> {
    alerts.into_iter().map(|alert| Emitted { alert, sent_at: None, deadline: false }).collect()
}

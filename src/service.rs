//! A running instance: the shards that the consumer group gives it, each on a thread, with the HTTP server beside them.

mod restart;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::checkpoint::reader::goes_on_from;
use crate::checkpoint::writer::{Own, Writer};
use crate::config::Config;
use crate::kafka::{self, ClusterError, Patience};
use crate::merge::Merge;
use crate::model::clock::wall;
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::stage::Outlet;
use crate::model::time::KnownTime;
use crate::pipeline::reload::{Reloader, RulesInForce};
use crate::pipeline::{Checkpoints, Common, Lost, Observer, Pipeline, PipelineError, Rebuild};
use crate::pseudonyms::Pseudonyms;
use crate::readiness::Readiness;
use crate::rules::apart::STACK_BYTES;
use crate::rules::plan::PlanError;
use crate::shard::{Order, Settings, Shard};
use crate::sink::SinkError;
use crate::sink::kafka::{KafkaSink, Loss, Topics};
use crate::snapshot::{self, SnapshotError, Snapshots};
use crate::source::SourceError;
use crate::source::kafka::gaps::Gaps;
use crate::source::kafka::{KafkaConsumer, KafkaShard, Membership};
use crate::telemetry::{self, Owning};

use restart::{Found, GoingOn, Restart, RestoreError, latest};

/// How often the instance checks whether it should stop, whether a shard has ended, and its health in the group.
const WATCH: Duration = Duration::from_millis(100);

/// How often a shard that waits for a feed looks at it again.
const FEED_INTERVAL: Duration = Duration::from_secs(10);

/// How often the instance checks whether the topics that it reads back have lost messages.
const LOSS_INTERVAL: Duration = Duration::from_secs(5);

/// Why an instance ended.
#[derive(Debug, Error)]
pub enum ServiceError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("shard {shard} halted: {source}")]
    Shard { shard: i32, source: PipelineError },
    #[error("shard {shard} halted: its thread panicked")]
    Panic { shard: i32 },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error("cannot start a thread for shard {shard}: {source}")]
    Thread { shard: i32, source: std::io::Error },
}

/// What every shard of the instance shares.
pub struct Instance {
    pub config: Arc<Config>,
    pub rules: Arc<RulesInForce>,
    pub pseudonyms: Arc<Pseudonyms>,
    pub readiness: Arc<Readiness>,
    pub stop: Arc<AtomicBool>,
    /// Whether shards publish again what the topics that they read back have lost. Not with a broker that drops old messages (the
    /// embedded one).
    pub keeps_topics: bool,
}

/// By internal topic and partition, where it ended at the last look; empty before the first.
type LinkEnds = Arc<Mutex<Vec<(String, Vec<i64>)>>>;

type Running = BTreeMap<i32, JoinHandle<Result<Shard, ServiceError>>>;

impl Instance {
    /// Joins the group and runs the shards that the group assigns until `stop` is set; returns the shards as they were then. A
    /// shard that halts ends the instance: another instance takes the shard over and recovers from the topic. Where only an internal
    /// topic is not what it was, the instance joins anew, as a new process would.
    pub fn run<O: Observer + 'static>(&self, observe: impl Fn(i32) -> O) -> Result<Vec<Shard>, ServiceError> {
        let mut outcome = self.run_part(&observe, &Arc::default());
        // At the first start, a topic that is missing has never been made.
        let has_run = !matches!(outcome, Err(ServiceError::Cluster(_)));
        while let Err(error) = &outcome
            && has_run
            && !self.stop.load(Ordering::Relaxed)
            && self.is_of_internal_topic(error)
        {
            tracing::error!(%error, "joining the group anew, to read the internal topics from their beginnings");
            self.readiness.assigned(&[]);
            std::thread::park_timeout(LOSS_INTERVAL);
            outcome = self.run_part(&observe, &Arc::default());
        }
        self.stop.store(true, Ordering::Relaxed);
        outcome
    }

    /// Whether only a topic that the shards write themselves is gone, or is another one than before: a new client finds what is there.
    fn is_of_internal_topic(&self, error: &ServiceError) -> bool {
        let is_internal = |topic: &String| {
            Feed::ALL.into_iter().any(|feed| feed.is_internal() && self.config.kafka.topic(feed) == *topic)
        };
        match error {
            ServiceError::Shard { source: PipelineError::Source(SourceError::OffsetLost { topic, .. }), .. } => {
                is_internal(topic)
            }
            ServiceError::Source(SourceError::Split { absent, .. }) => absent.iter().all(is_internal),
            ServiceError::Cluster(ClusterError::MissingTopic { topic }) => is_internal(topic),
            _ => false,
        }
    }

    /// From joining the group to leaving it; `stopped` is set when it leaves.
    fn run_part<O: Observer + 'static>(
        &self,
        observe: &impl Fn(i32) -> O,
        stopped: &Arc<AtomicBool>,
    ) -> Result<Vec<Shard>, ServiceError> {
        let (consumer, assignments) = KafkaConsumer::join(&self.config.kafka, &self.pseudonyms)?;
        if self.rules.get().1.has_trials() {
            kafka::check_trial_topic(&self.config.kafka)?;
        }
        let consumer = Arc::new(consumer);
        telemetry::shards(consumer.partitions());
        let lost: Arc<[Arc<Lost>]> = (0..consumer.partitions()).map(|_| Arc::default()).collect();
        let link_ends = LinkEnds::default();
        let watching = match self.keeps_topics {
            true => {
                let link_ends = Arc::clone(&link_ends);
                Some(self.watch_losses(consumer.partitions(), Arc::clone(&lost), link_ends, stopped)?)
            }
            false => None,
        };
        let snapshots = Arc::new(Snapshots::default());
        let mut running: Running = BTreeMap::new();
        let mut shards = Vec::new();
        let mut outcome = Ok(());
        while !self.stop.load(Ordering::Relaxed) && outcome.is_ok() {
            self.tell_health(&consumer);
            match assignments.recv_timeout(WATCH) {
                Ok(Ok(assignment)) => {
                    let shard = assignment.shard;
                    if let Some(old) = running.remove(&shard) {
                        // The old shard was revoked before; its thread ends by itself.
                        let _ = old.join();
                    }
                    let observer = observe(shard);
                    let (consumer, snapshots) = (Arc::clone(&consumer), Arc::clone(&snapshots));
                    let Some(lost) = lost.get(shard.unsigned_abs() as usize).map(Arc::clone) else { continue };
                    let shared = Shared { consumer, snapshots, lost, link_ends: Arc::clone(&link_ends) };
                    match self.start(assignment.source, shared, observer, stopped) {
                        Ok(thread) => {
                            running.insert(shard, thread);
                            self.readiness.assigned(&running.keys().copied().collect::<Vec<_>>());
                        }
                        Err(error) => outcome = Err(error),
                    }
                }
                Ok(Err(error)) => outcome = Err(error.into()),
                Err(RecvTimeoutError::Timeout) => outcome = self.reap(&mut running, &mut shards),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        stopped.store(true, Ordering::Relaxed);
        for (number, thread) in running {
            match self.ended(number, thread) {
                Ok(shard) => shards.extend(shard),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        watching.iter().for_each(|watching| watching.thread().unpark());
        outcome.map(|()| shards)
    }

    fn tell_health(&self, consumer: &KafkaConsumer) {
        let health = consumer.health();
        let is_read = |shard: i32| health.owned.contains(&shard) && !health.unread.contains_key(&shard);
        telemetry::health(
            health.membership == Membership::Member,
            (0..consumer.partitions()).map(|shard| (shard, is_read(shard))),
        );
        self.readiness.health(&health);
    }

    /// Checks for lost messages in all topics, on a thread of its own, since the brokers may not answer. Logs each loss. Of those
    /// that the shards read back it is counted in `lost`; the shards then publish again.
    fn watch_losses(
        &self,
        partitions: i32,
        lost: Arc<[Arc<Lost>]>,
        link_ends: LinkEnds,
        stopped: &Arc<AtomicBool>,
    ) -> Result<JoinHandle<()>, ServiceError> {
        let mut own = Topics::own(&self.config.kafka, partitions)?;
        let mut feeds = Topics::feeds(&self.config.kafka, partitions)?;
        let (stop, config, readiness) = (Arc::clone(stopped), Arc::clone(&self.config), Arc::clone(&self.readiness));
        let watch = move || {
            let mut feeds_at = None::<Instant>;
            while !stop.load(Ordering::Relaxed) {
                own.look().iter().for_each(|loss| say_again(loss, &lost));
                *link_ends.lock().unwrap_or_else(PoisonError::into_inner) = own.link_ends();
                readiness.missing_topic(own.gone());
                if feeds_at.is_none_or(|at| at.elapsed() >= FEED_INTERVAL) {
                    feeds_at = Some(Instant::now());
                    feeds.look().iter().for_each(|loss| tell_lost_feed(loss, &config, &readiness));
                }
                std::thread::park_timeout(LOSS_INTERVAL);
            }
        };
        let spawned = std::thread::Builder::new().name("topics".into()).spawn(watch);
        spawned.map_err(|source| ServiceError::Thread { shard: -1, source })
    }

    /// Joins shards whose threads have ended: a revoked shard is given up, a halted one stops the instance.
    fn reap(&self, running: &mut Running, shards: &mut Vec<Shard>) -> Result<(), ServiceError> {
        let done: Vec<i32> =
            running.iter().filter(|(_, thread)| thread.is_finished()).map(|(shard, _)| *shard).collect();
        for shard in done {
            if let Some(thread) = running.remove(&shard) {
                shards.extend(self.ended(shard, thread)?);
                self.readiness.assigned(&running.keys().copied().collect::<Vec<_>>());
            }
        }
        Ok(())
    }

    fn ended(
        &self,
        shard: i32,
        thread: JoinHandle<Result<Shard, ServiceError>>,
    ) -> Result<Option<Shard>, ServiceError> {
        match thread.join() {
            Ok(Ok(shard)) => Ok(Some(shard)),
            Ok(Err(ServiceError::Shard {
                source: PipelineError::Source(SourceError::Revoked { .. }) | PipelineError::Sink(SinkError::Stopped),
                ..
            })) => {
                tracing::info!(shard, "shard given up");
                Ok(None)
            }
            Ok(Err(error)) => {
                self.readiness.halted(shard, &error.to_string());
                Err(error)
            }
            Err(_) => Err(ServiceError::Panic { shard }),
        }
    }

    fn start<O: Observer + 'static>(
        &self,
        source: KafkaShard,
        Shared { consumer, snapshots, lost, link_ends }: Shared,
        observer: O,
        stopped: &Arc<AtomicBool>,
    ) -> Result<JoinHandle<Result<Shard, ServiceError>>, ServiceError> {
        let shard = source.number();
        let parts = ShardParts {
            config: Arc::clone(&self.config),
            rules: Arc::clone(&self.rules),
            pseudonyms: Arc::clone(&self.pseudonyms),
            readiness: Arc::clone(&self.readiness),
            stop: Arc::clone(stopped),
            snapshots,
            lost,
            link_ends,
            partitions: consumer.partitions(),
            consumer,
            keeps_topics: self.keeps_topics,
        };
        std::thread::Builder::new()
            .name(format!("shard-{shard}"))
            .stack_size(STACK_BYTES)
            .spawn(move || parts.run(source, observer))
            .map_err(|source| ServiceError::Thread { shard, source })
    }
}

/// A topic that permitwatch reads back has lost messages: has the shards write what stands again.
fn say_again(loss: &Loss, lost: &[Arc<Lost>]) {
    telemetry::topic_lost(loss.topic, wall());
    let (topic, partition) = (loss.topic, loss.partition);
    if loss.now.is_none() {
        tracing::error!(
            topic,
            partition,
            "a topic has lost messages: {loss}; once there is another, what stands is said again"
        );
        return;
    }
    tracing::error!(topic, partition, "a topic has lost messages: {loss}; what stands is said again");
    for (shard, lost) in lost.iter().enumerate() {
        if loss.feed.is_some() {
            lost.links.fetch_add(1, Ordering::Release);
        } else if shard as i32 == loss.partition {
            lost.alerts.fetch_add(1, Ordering::Release);
        }
    }
}

/// A register's feed has lost messages. Whoever has read it knows them; a start of the shard would not.
fn tell_lost_feed(loss: &Loss, config: &Config, readiness: &Readiness) {
    let Some(feed) = loss.feed else { return };
    let bounds = loss.now.map(|(first, end)| (NextOffset(first), NextOffset(end)));
    let accepts = |bounds: (NextOffset, NextOffset)| {
        let gaps = Gaps { config };
        // What a checkpoint has need not be there any more.
        let topic = |feed| config.kafka.topic(feed);
        let oldest = config.checkpoint.dir.as_deref().and_then(|root| goes_on_from(root, loss.partition, topic));
        if oldest.is_some_and(|oldest| loss.is_beginning() && bounds.0 <= oldest[feed.index()]) {
            return true;
        }
        loss.is_beginning() && gaps.check_beginning(feed, loss.partition, bounds, Patience::Brief).is_ok()
    };
    if bounds.is_some_and(accepts) {
        return;
    }
    telemetry::feed_lost(feed, loss.partition, true);
    tracing::error!(
        feed = feed.name(),
        partition = loss.partition,
        "a feed has lost messages: {loss}. What has been read of it still counts, but a shard that starts would lack it, and so will wait \
         until the feed is whole again"
    );
    // Of one that is gone the client's own report tells.
    if loss.now.is_some() && !loss.is_beginning() {
        readiness.lost_feed(loss.partition, feed, &loss.to_string());
    }
}

/// What the shards of an instance share.
struct Shared {
    consumer: Arc<KafkaConsumer>,
    snapshots: Arc<Snapshots>,
    lost: Arc<Lost>,
    link_ends: LinkEnds,
}

/// What one shard's thread owns.
struct ShardParts {
    config: Arc<Config>,
    rules: Arc<RulesInForce>,
    pseudonyms: Arc<Pseudonyms>,
    readiness: Arc<Readiness>,
    stop: Arc<AtomicBool>,
    snapshots: Arc<Snapshots>,
    lost: Arc<Lost>,
    link_ends: LinkEnds,
    consumer: Arc<KafkaConsumer>,
    partitions: i32,
    keeps_topics: bool,
}

impl ShardParts {
    fn run<O: Observer>(self, source: KafkaShard, observer: O) -> Result<Shard, ServiceError> {
        let number = source.number();
        let failed = |source: PipelineError| ServiceError::Shard { shard: number, source };
        let _owning = Owning::new(number);
        self.readiness.recovering(number);
        let settings = || Settings {
            number,
            partitions: Some(self.partitions),
            order: Order::Live,
            visibility: self.config.visibility(),
            limits: self.config.limits.clone(),
            max_rule_errors: self.config.rules.max_errors,
            pseudonyms: Arc::clone(&self.pseudonyms),
        };
        let load = || self.snapshots.load(&self.config.snapshot, self.partitions, latest(&self.config));
        // The first shard has the rules planned. What no checkpoint can have is read at the same time.
        let is_first = restart::is_first(&self.config, number)?;
        let (rules, early) = std::thread::scope(|scope| {
            let reading = is_first.then(|| scope.spawn(load));
            (self.rules.rule_set(), reading.map(|reading| reading.join().unwrap_or(Err(SnapshotError::Panic))))
        });
        let (generation, rules) = rules?;
        let again = || self.rules.rule_set().map(|(_, rules)| rules);
        let (mut shard, from) = restart::shard(&self.config, self.partitions, settings, rules, again)?;
        let snapshot_now = self.config.snapshot.dir.as_deref().and_then(snapshot::identity);
        let has_snapshot = from.as_ref().is_some_and(|from| from.manifest.read.snapshot == snapshot_now);
        let snapshot = match (early, has_snapshot) {
            (Some(read), _) => read?,
            (None, true) => None,
            (None, false) => load()?,
        };
        let visibility = self.config.visibility();
        let (fence, stop) = (source.fence(), Arc::clone(&self.stop));
        let owned = Arc::clone(&fence);
        let is_lost = {
            let fence = Arc::clone(&fence);
            move |error: &PipelineError| matches!(error, PipelineError::Sink(_)) && !fence.stands()
        };
        let is_needed = move || fence.stands() && !stop.load(Ordering::Relaxed);
        let is_wanted = is_needed.clone();
        shard.heed(Arc::new(move || !is_wanted()));
        let mut source = source;
        let positions = match &from {
            Some(from) => {
                let patience = Patience::While(&is_needed);
                Some(from.positions_now(&self.consumer, patience).map_err(|error| failed(error.into()))?)
            }
            None => None,
        };
        if let Some(positions) = &positions {
            source.seek(positions).map_err(|error| failed(error.into()))?;
        }
        let mut merge = Merge::new(source, visibility.permit_lead);
        if let (Some(positions), Some(from)) = (&positions, &from) {
            merge.go_on(positions.map(|(next, _)| next), KnownTime(from.manifest.read.permits_clock));
        }
        if let Some(snapshot) = &snapshot {
            let new = shard.take_snapshot(&snapshot.own(number));
            merge.advance_permits(shard.clock());
            tracing::info!(shard = number, records = new, snapshot = %snapshot.name, "permit snapshot loaded");
        }
        let snapshot = snapshot.map(|snapshot| snapshot.name.clone());
        let restart = Restart {
            config: &self.config,
            pseudonyms: &self.pseudonyms,
            consumer: &self.consumer,
            shard: number,
            patience: Patience::While(&is_needed),
            keeps_topics: self.keeps_topics,
            has_links: shard.has_links(),
            from: from.as_ref(),
        };
        let whole = |error| self.wait_for_feed(number, error, &is_needed);
        let Found { recoveries, next, older, lacks_links } = until(|| restart.recover(), whole).map_err(failed)?;
        self.readiness.recovering(number);
        if recoveries.iter().all(Option::is_none) {
            self.readiness.recovered(number);
        }
        let links_until = until(|| restart.recover_links(&mut shard, next[0], lacks_links), whole).map_err(failed)?;
        telemetry::feeds_whole(number);
        let sink = KafkaSink::new(&self.config.kafka, Arc::clone(&self.pseudonyms), number, next)
            .map_err(|error| failed(error.into()))?
            .ending_older(older);
        Outlet::ALL.into_iter().for_each(|outlet| shard.detector_mut().clear_sequences(outlet));
        let checkpoints = self.checkpoints(number, from.as_ref(), snapshot_now, move || owned.stands())?;
        let last_known = from.map_or([KnownTime::MIN; Feed::COUNT], |from| from.positions.map(|(_, known)| known));
        let (config, pseudonyms, consumer) = (Arc::clone(&self.config), self.pseudonyms, self.consumer);
        let observer = Ready { inner: observer, readiness: self.readiness, shard: number };
        let common = Common { config: self.config, partitions: self.partitions, stop: self.stop, lost: self.lost };
        Pipeline::new(shard, merge, sink, observer, common, Reloader::new(self.rules, generation))
            .rebuilding(Rebuild::new(recoveries, links_until, lacks_links))
            .with_snapshot(snapshot)
            .going_on(last_known)
            .with_checkpoints(checkpoints)
            .with_topic(move || Ok(restart::published_now(&config, &pseudonyms, number, Patience::While(&is_needed))?))
            .with_commit(move |offsets| {
                if let Err(error) = consumer.commit(number, offsets) {
                    tracing::warn!(shard = number, %error, "cannot commit offsets; only monitoring reads them");
                }
            })
            .run()
            .map_err(|error| match is_lost(&error) {
                // Nobody needs any more what could not be written.
                true => failed(SourceError::Revoked { shard: number }.into()),
                false => failed(error),
            })
    }
}

impl ShardParts {
    /// The checkpoints of a shard; none if none are configured.
    fn checkpoints(
        &self,
        shard: i32,
        from: Option<&GoingOn>,
        snapshot: Option<String>,
        is_owned: impl Fn() -> bool + Send + 'static,
    ) -> Result<Option<Checkpoints>, ServiceError> {
        let config = &self.config.checkpoint;
        let Some(root) = config.dir.clone() else { return Ok(None) };
        let own = Own {
            root,
            shard,
            partitions: self.partitions,
            program: telemetry::VERSION.to_owned(),
            keys: Arc::clone(&self.pseudonyms),
            keep: config.keep as usize,
            last: from.map(|from| from.manifest.clone()),
        };
        let writer = Writer::start(own, is_owned).map_err(|source| ServiceError::Thread { shard, source })?;
        let before = from.map(|from| from.manifest.read.said_before.clone()).unwrap_or_default();
        let link_ends = Arc::clone(&self.link_ends);
        let said_before = move || {
            let ends = link_ends.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if ends.is_empty() { before.clone() } else { ends }
        };
        let every = Duration::from_secs(u64::from(config.every_seconds));
        Ok(Some(Checkpoints::new(writer, every, Box::new(said_before), snapshot)))
    }

    /// A feed lacks what the shard needs: says so and waits a while, for whoever operates it to mend it. Any other error ends the wait,
    /// as does the loss of the shard.
    fn wait_for_feed(
        &self,
        shard: i32,
        error: PipelineError,
        is_needed: &dyn Fn() -> bool,
    ) -> Result<(), PipelineError> {
        let PipelineError::Source(lost) = &error else { return Err(error) };
        let Some(feed) = lost.lost_feed() else { return Err(error) };
        telemetry::feed_lost(feed, shard, true);
        tracing::error!(shard, feed = feed.name(), "the shard evaluates nothing: {lost}");
        self.readiness.halted(shard, &lost.to_string());
        let began = Instant::now();
        while began.elapsed() < FEED_INTERVAL {
            if !is_needed() {
                return Err(SourceError::Revoked { shard }.into());
            }
            std::thread::park_timeout(WATCH);
        }
        Ok(())
    }
}

/// The outcome of an attempt, repeated as long as `again` says so of its error.
fn until<T>(
    mut attempt: impl FnMut() -> Result<T, PipelineError>,
    again: impl Fn(PipelineError) -> Result<(), PipelineError>,
) -> Result<T, PipelineError> {
    loop {
        match attempt() {
            Ok(done) => return Ok(done),
            Err(error) => again(error)?,
        }
    }
}

/// Passes the observer's calls on, and sets `/ready` when the shard has recovered.
struct Ready<O> {
    inner: O,
    readiness: Arc<Readiness>,
    shard: i32,
}

impl<O: Observer> Observer for Ready<O> {
    fn published(&mut self, emitted: &[crate::shard::Emitted], at: crate::model::time::WallTime) {
        self.inner.published(emitted, at);
    }

    fn counted(&mut self, fates: &crate::model::record::Fates) {
        self.inner.counted(fates);
    }

    fn advanced(&mut self, shard: i32, positions: &[NextOffset; Feed::COUNT], at: crate::model::time::WallTime) {
        self.inner.advanced(shard, positions, at);
    }

    fn shown(&mut self, shard: i32, said: [KnownTime; 2], heard: [KnownTime; 2]) {
        self.inner.shown(shard, said, heard);
    }

    fn turned(&mut self, shard: i32, other_rules: usize) {
        self.readiness.turned(self.shard, other_rules);
        self.inner.turned(shard, other_rules);
    }

    fn recovering(&mut self, shard: i32, share: f64) {
        self.readiness.progress(self.shard, share);
        self.inner.recovering(shard, share);
    }

    fn recovered(&mut self, shard: i32) {
        self.readiness.recovered(self.shard);
        self.inner.recovered(shard);
    }

    fn has_read(&mut self, shard: i32) {
        self.readiness.has_read(self.shard);
        self.inner.has_read(shard);
    }
}

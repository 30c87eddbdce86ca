//! What a starting shard reads back: what it has published, how far it had read then, and how far it can read again.
//!
//! A topic may have lost messages. The shards that write an internal topic fill it again, so a starting shard waits for them. Only
//! its adapter can fill a register's feed again; a shard that went on without it would take what is gone for what never happened, so it
//! evaluates nothing until the feed is whole, or is said to be as it should be (`source::kafka::gaps`).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::checkpoint::CheckpointError;
use crate::checkpoint::directory::Directory;
use crate::checkpoint::manifest::Manifest;
use crate::checkpoint::reader::{Loaded, newest};
use crate::config::Config;
use crate::kafka::Patience;
use crate::model::alert::AlertId;
use crate::model::clock::wall;
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::stage::Outlet;
use crate::model::time::{KnownTime, WallTime, parse_instant};
use crate::pipeline::PipelineError;
use crate::pipeline::recovery::Recovery;
use crate::pseudonyms::Pseudonyms;
use crate::rules::RuleSet;
use crate::rules::plan::PlanError;
use crate::shard::{Settings, Shard};
use crate::sink::kafka::{Published, Spoken, Wanted, read_published_with, read_said};
use crate::sink::{Reached, ReadUpTo, SinkError};
use crate::source::SourceError;
use crate::source::kafka::KafkaConsumer;
use crate::source::kafka::gaps::{Before, Gaps};
use crate::source::known::Bound;
use crate::telemetry;

/// The latest known time that can be true now.
pub(super) fn latest(config: &Config) -> KnownTime {
    Bound::Wall { max_ahead: config.kafka.max_ahead() }.now()
}

/// The alerts that the shard's partitions of the topics of alerts say stand now.
pub(super) fn published_now(
    config: &Config,
    pseudonyms: &Pseudonyms,
    shard: i32,
    patience: Patience<'_>,
) -> Result<Vec<Recovery>, SinkError> {
    let read = |outlet| {
        let published = read_published_with(outlet, &config.kafka, pseudonyms, shard, patience)?;
        tell_others(shard, outlet, &published);
        Ok(Recovery::new(outlet, published, ReadUpTo::default()))
    };
    Outlet::ALL.into_iter().map(read).collect()
}

/// Says that others have written among the shard's alerts.
fn tell_others(shard: i32, outlet: Outlet, published: &Published) {
    // What has been answered is no news, and neither are alerts that a former key has ended.
    if published.again.len() == published.older.len() && published.foreign.is_empty() {
        return;
    }
    telemetry::unsigned(outlet.name(), wall());
    tracing::error!(
        shard,
        unsigned = published.unsigned,
        unreadable = published.unreadable,
        said_again = published.again.len(),
        removed = published.foreign.len(),
        "the {} topic holds messages that permitwatch has not written, or that were written under a key that is not configured; they \
         count for nothing: what the shard has said under their ids is said again, and other ids are removed",
        outlet.name()
    );
}

/// A checkpoint that a shard goes on from.
pub(super) struct GoingOn {
    /// By feed: the next offset, and the known time of the message before it.
    pub positions: Positions,
    pub manifest: Manifest,
    /// What units show one another is worked out, said and read anew ([`crate::shard::saved::Restored::links_anew`]).
    pub links_anew: bool,
}

impl GoingOn {
    /// The same as the topics are now: an internal topic that was made anew, or has lost what follows, is read from its beginning. What the
    /// shard has of it already is a duplicate.
    pub fn positions_now(&self, consumer: &KafkaConsumer, patience: Patience<'_>) -> Result<Positions, SourceError> {
        let mut positions = self.positions;
        for feed in Feed::ALL.into_iter().filter(|feed| feed.is_internal()) {
            let (first, end) = consumer.bounds(feed, self.manifest.shard, patience)?;
            let own = &mut positions[feed.index()].0;
            if self.links_anew || *own < first || *own > end {
                *own = first;
            }
        }
        Ok(positions)
    }
}

/// Whether there is no checkpoint of the shard.
pub(super) fn is_first(config: &Config, shard: i32) -> Result<bool, RestoreError> {
    let Some(root) = &config.checkpoint.dir else { return Ok(true) };
    let directory = Directory::of(root, shard);
    directory.check_rights()?;
    Ok(directory.generations()?.is_empty())
}

/// The shard, restored from the newest checkpoint that it can go on from, or as one that has read nothing. Logs the checkpoints that cannot be
/// used. `again` gives another rule set, where an attempt has used up the first.
pub(super) fn shard(
    config: &Config,
    partitions: i32,
    settings: impl Fn() -> Settings,
    rules: RuleSet,
    again: impl FnOnce() -> Result<RuleSet, PlanError>,
) -> Result<(Shard, Option<GoingOn>), RestoreError> {
    let started = Instant::now();
    let keys = settings().pseudonyms;
    let shard = settings().number;
    telemetry::restored(shard, Duration::ZERO);
    let Some((loaded, positions)) = find(config, shard, partitions, &keys)? else {
        return Ok((Shard::new(settings(), rules), None));
    };
    let manifest = loaded.manifest.clone();
    let (restored, todo) = match loaded.restore(settings(), rules, telemetry::VERSION) {
        Ok(restored) => restored,
        Err(error) => {
            telemetry::checkpoint_damaged();
            tracing::error!(
                shard,
                "a checkpoint is not used, and every feed is read from its beginning: {}",
                error.line()
            );
            return Ok((Shard::new(settings(), again()?), None));
        }
    };
    let took = started.elapsed();
    telemetry::restored(shard, took);
    let taken_at = WallTime(parse_instant(&manifest.taken_at).unwrap_or_default());
    telemetry::checkpoint_is(shard, taken_at, manifest.generation, manifest.bytes());
    tracing::info!(
        shard,
        generation = manifest.generation,
        taken_at = %manifest.taken_at,
        persons = manifest.persons,
        records = manifest.records,
        standing = manifest.standing,
        bytes = manifest.bytes(),
        seconds = took.as_secs_f64(),
        rules_again = todo.again.len(),
        rules_gone = todo.gone.len(),
        "going on from a checkpoint"
    );
    if todo.links_anew {
        tracing::warn!(
            shard,
            "other texts of links, or another key, than when the checkpoint was written: what units show one another is worked out anew, and \
             other shards are waited for that do the same"
        );
    }
    Ok((restored, Some(GoingOn { positions, manifest, links_anew: todo.links_anew })))
}

/// By feed, the next offset, and the known time of the message before it.
type Positions = [(NextOffset, KnownTime); Feed::COUNT];

/// The newest checkpoint of a shard that it can go on from, and where.
fn find(
    config: &Config,
    shard: i32,
    partitions: i32,
    keys: &Pseudonyms,
) -> Result<Option<(Loaded, Positions)>, RestoreError> {
    let Some(root) = &config.checkpoint.dir else { return Ok(None) };
    let topic = |feed| config.kafka.topic(feed);
    let is_wanted = |manifest: &Manifest| {
        let taken_at = parse_instant(&manifest.taken_at).unwrap_or_default();
        let refilled = |feed: &Feed| config.feed(*feed).refilled_at().is_some_and(|at| at.0 > taken_at);
        if manifest.shard != shard || manifest.partitions != partitions {
            return Err(format!(
                "shard {} of {}, and not {shard} of {partitions}",
                manifest.shard, manifest.partitions
            ));
        }
        if manifest.read.positions(topic).is_none() {
            return Err("other topics than those of the configuration".to_owned());
        }
        let (then, now) = (&manifest.read.settings, config.intake());
        if *then != now {
            return Err(format!("other settings, by which other records were taken or refused: {then}, and not {now}"));
        }
        if let Some(feed) = Feed::SOURCES.iter().find(|feed| refilled(feed)) {
            return Err(format!("a time before feeds.{}.refilled_at", feed.name()));
        }
        Ok(())
    };
    let found = newest(root, shard, keys, is_wanted)?;
    for error in &found.damaged {
        telemetry::checkpoint_damaged();
        tracing::error!(shard, "a checkpoint is not used: {}", error.line());
    }
    let Some(loaded) = found.loaded else {
        tracing::warn!(shard, dir = %root.display(), "there is no checkpoint to go on from: every feed is read from its beginning");
        return Ok(None);
    };
    let positions = loaded.manifest.read.positions(topic);
    Ok(positions.map(|positions| (loaded, positions)))
}

/// Why a shard cannot be restored. It halts.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// A shard that is starting.
pub(super) struct Restart<'a> {
    pub config: &'a Config,
    pub pseudonyms: &'a Pseudonyms,
    pub consumer: &'a KafkaConsumer,
    pub shard: i32,
    pub patience: Patience<'a>,
    /// Whether the brokers keep what is written; the embedded one drops old messages.
    pub keeps_topics: bool,
    /// Whether the rules read what units show to others.
    pub has_links: bool,
    /// From where the shard goes on; `None`: from the beginning of every feed.
    pub from: Option<&'a GoingOn>,
}

/// What the topics of alerts say of the shard, by outlet.
pub(super) struct Found {
    /// `None` if nothing has been published.
    pub recoveries: [Option<Recovery>; Outlet::COUNT],
    /// Offset of the shard's next alert.
    pub next: [NextOffset; Outlet::COUNT],
    /// Alerts that stand on the topic under an older key.
    pub older: [BTreeMap<AlertId, String>; Outlet::COUNT],
    /// The internal topics have lost records, some of which other shards may have written for this one.
    pub lacks_links: bool,
}

impl Restart<'_> {
    pub fn recover(&self) -> Result<Found, PipelineError> {
        let mut officers = self.published(Outlet::Officers)?;
        let mut shadow = self.published(Outlet::Shadow)?;
        let reached =
            |published: &Published| published.read.unwrap_or_default().as_published(published.read_at, self.config);
        let (target, mut lacks_links) = self.attainable(reached(&officers))?;
        // Where no rule has been on trial yet, what those on trial now have found by then is published as it stands. They wait for
        // nothing that the officers' alerts do not wait for, or have said themselves how far they had got.
        let mut shadow_target = target;
        if shadow.read.is_some() {
            let (own, lacks) = self.attainable(reached(&shadow))?;
            (shadow_target, lacks_links) = (own, lacks_links || lacks);
        }
        let next = [officers.next, shadow.next];
        let older = [&mut officers, &mut shadow].map(|published| std::mem::take(&mut published.older));
        // What a checkpoint says stands may be all gone from the topic.
        let has_news = |published: &Published| {
            self.from.is_some() || !published.alerts.is_empty() || !published.foreign.is_empty()
        };
        let (is_known, is_known_on_trial) = (has_news(&officers), has_news(&shadow));
        let recoveries = [
            is_known.then(|| Recovery::new(Outlet::Officers, officers, target)),
            (is_known || is_known_on_trial).then(|| Recovery::new(Outlet::Shadow, shadow, shadow_target)),
        ];
        Ok(Found { recoveries, next, older, lacks_links })
    }

    /// What the topic of an outlet says of the shard.
    fn published(&self, outlet: Outlet) -> Result<Published, PipelineError> {
        let (shard, topic) = (self.shard, outlet.name());
        let published = read_published_with(outlet, &self.config.kafka, self.pseudonyms, shard, self.patience)?;
        tell_others(shard, outlet, &published);
        tracing::info!(
            shard,
            topic,
            alerts = published.alerts.len(),
            messages = published.messages,
            "read a topic of alerts"
        );
        if published.first > NextOffset::default() {
            telemetry::topic_lost(topic, wall());
            tracing::error!(
                shard,
                topic,
                first = published.first.0,
                "the topic has lost its beginning; what stands and is not found there is published anew, with sequences from 1"
            );
        }
        Ok(published)
    }

    /// Reads the link records that the shard has published, and has it rebuild silently. Returns how far it must read before it
    /// publishes. `alerts` is the end of the alerts topic.
    pub fn recover_links(
        &self,
        shard: &mut Shard,
        alerts: NextOffset,
        lacks_links: bool,
    ) -> Result<Option<ReadUpTo>, PipelineError> {
        if !shard.has_links() {
            return Ok(None);
        }
        let partitions = self.consumer.partitions();
        let said_before = |topic: &str, partition: i32| {
            let from = self.from.filter(|from| !from.links_anew);
            let offsets = from.map_or(&[][..], |from| from.manifest.read.said_before(topic));
            offsets.get(partition.unsigned_abs() as usize).copied().unwrap_or_default()
        };
        let wanted = Wanted { shard: self.shard, partitions, source: shard.link_source(), from: &said_before };
        let Spoken { said, reached, alerts: written } =
            read_said(self.config, self.pseudonyms, &wanted, self.patience)?;
        if alerts < written {
            telemetry::topic_lost("alerts", wall());
            tracing::error!(
                shard = self.shard,
                written = written.0,
                end = alerts.0,
                "the alerts topic ends before what the shard had written: it was made anew; what stands is published anew, with sequences \
                 from 1"
            );
        }
        // The ends that a checkpoint names are a little older than itself.
        let is_lost = self.has_lost_what_was_said()? || lacks_links && self.from.is_some();
        if is_lost {
            tracing::error!(
                shard = self.shard,
                "an internal topic lacks what shards had written when the checkpoint was; the shard says again what its units show"
            );
        }
        let links_anew = self.from.is_some_and(|from| from.links_anew);
        if said.is_empty() {
            if links_anew {
                shard.say_anew();
            } else if is_lost {
                shard.say_again();
            }
            return Ok(None);
        }
        tracing::info!(shard = self.shard, standing = said.standing(), "read what the shard has said to others");
        shard.recover_links(said);
        if links_anew {
            shard.say_anew();
        } else if is_lost {
            shard.say_again();
        }
        self.attainable(reached).map(|(read, _)| Some(read))
    }

    /// Whether an internal topic has been made anew since the checkpoint: then what the checkpoint says that units show is not there.
    fn has_lost_what_was_said(&self) -> Result<bool, PipelineError> {
        let Some(from) = self.from.filter(|from| !from.links_anew) else { return Ok(false) };
        for feed in Feed::ALL.into_iter().filter(|feed| feed.is_internal()) {
            let before = from.manifest.read.said_before(&self.config.kafka.topic(feed));
            for (partition, before) in (0..self.consumer.partitions()).zip(before) {
                let (_, end) = self.consumer.bounds(feed, partition, self.patience)?;
                if end.0 < *before {
                    telemetry::topic_lost(feed.name(), wall());
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// How far the shard can read of what it had read, and whether the internal topics have lost records. Of a feed that has been
    /// filled again, or has lost its beginning, that is all that is there. An error if a register's feed lacks what it needs. Logs what
    /// cannot be reached: an internal topic has lost its end, or a clock had run ahead.
    fn attainable(&self, reached: Reached) -> Result<(ReadUpTo, bool), PipelineError> {
        let (shard, Reached { read: mut target, refilled }) = (self.shard, reached);
        let mut ends = [NextOffset::default(); Feed::COUNT];
        let mut lacks_links = false;
        for feed in Feed::ALL {
            let read = target.offsets[feed.index()];
            let (first, end) = self.consumer.bounds(feed, shard, self.patience)?;
            ends[feed.index()] = end;
            if feed.is_internal() {
                // A checkpoint has what had been read of it.
                let is_kept = self.from.is_some_and(|from| !from.links_anew && from.positions[feed.index()].0 >= first);
                lacks_links |= self.lacks(feed, read, (first, end), is_kept);
                continue;
            }
            let is_refilled = refilled.contains(feed);
            let from = self.from.map(|from| from.positions[feed.index()].0);
            if self.keeps_topics {
                let before = Before { next: read, clock: target.clock, is_refilled, from };
                Gaps { config: self.config }.check(feed, shard, (first, end), before, self.patience)?;
            }
            if from.is_none() && (is_refilled || first > NextOffset::default()) {
                tracing::warn!(
                    shard,
                    feed = feed.name(),
                    first = first.0,
                    end = end.0,
                    "the feed was filled again, or begins later, as configured: all that it has is read before anything is published"
                );
                target.offsets[feed.index()] = end;
            }
        }
        if !self.has_links {
            // Nobody says any more what there was to hear.
            target.heard = ReadUpTo::default().heard;
        }
        let now = latest(self.config);
        if target.clock > now {
            tracing::warn!(
                shard,
                clock = %target.clock,
                "the shard's clock had run ahead of the wall clock, by a message stamped in the future; what was said then is said again as it is"
            );
        }
        Ok((target.attainable(now, &ends), lacks_links))
    }

    /// Whether an internal topic has lost records.
    fn lacks(&self, feed: Feed, read: NextOffset, (first, end): (NextOffset, NextOffset), is_kept: bool) -> bool {
        if is_kept && end >= read {
            return false;
        }
        if end < read || first > NextOffset::default() && first >= read {
            telemetry::topic_lost(feed.name(), wall());
            tracing::error!(
                shard = self.shard,
                feed = feed.name(),
                read = read.0,
                first = first.0,
                end = end.0,
                "an internal topic has lost what had been read of it; the shard says what it shows again, and publishes nothing until all \
                 others have"
            );
        }
        end < read || first > NextOffset::default()
    }
}

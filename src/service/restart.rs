//! What a starting shard reads back: what it has published, how far it had read then, and how far it can read again.
//!
//! A topic may have lost messages. The shards that write an internal topic fill it again, so a starting shard waits for them. Only
//! its adapter can fill a register's feed again; a shard that went on without it would retract every alert that rests on the lost
//! messages, so it halts.

use crate::config::Config;
use crate::kafka::Patience;
use crate::model::clock::wall;
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::time::KnownTime;
use crate::pipeline::PipelineError;
use crate::pipeline::recovery::Recovery;
use crate::shard::Shard;
use crate::sink::kafka::{read_published_with, read_said};
use crate::sink::{ReadUpTo, SinkError};
use crate::source::SourceError;
use crate::source::kafka::KafkaConsumer;
use crate::source::known::Bound;
use crate::telemetry;

/// The latest known time that can be true now.
pub(super) fn latest(config: &Config) -> KnownTime {
    Bound::Wall { max_ahead: config.kafka.max_ahead() }.now()
}

/// The alerts that the shard's partition of the alerts topic says stand now.
pub(super) fn published_now(config: &Config, shard: i32, patience: Patience<'_>) -> Result<Recovery, SinkError> {
    let published = read_published_with(&config.kafka, shard, patience)?;
    Ok(Recovery::new(published.alerts, ReadUpTo::default()))
}

/// A shard that is starting.
pub(super) struct Restart<'a> {
    pub config: &'a Config,
    pub consumer: &'a KafkaConsumer,
    pub shard: i32,
    pub patience: Patience<'a>,
}

/// What the alerts topic says of the shard.
pub(super) struct Found {
    /// `None` if the topic has no alert of the shard.
    pub recovery: Option<Recovery>,
    /// Offset of the shard's next alert.
    pub next: NextOffset,
    /// The internal topics have lost records, some of which other shards may have written for this one.
    pub lacks_links: bool,
}

impl Restart<'_> {
    pub fn recover(&self) -> Result<Found, PipelineError> {
        let shard = self.shard;
        let published = read_published_with(&self.config.kafka, shard, self.patience)?;
        tracing::info!(shard, alerts = published.alerts.len(), messages = published.messages, "read the alerts topic");
        if published.first > NextOffset::default() {
            telemetry::topic_lost("alerts", wall());
            tracing::error!(
                shard,
                first = published.first.0,
                "the alerts topic has lost its beginning; what stands and is not found there is published anew, with sequences from 1"
            );
        }
        let target = published.read.unwrap_or_default();
        let (target, lacks_links) = self.attainable(target)?;
        let recovery = (!published.alerts.is_empty()).then(|| Recovery::new(published.alerts, target));
        Ok(Found { recovery, next: published.next, lacks_links })
    }

    /// Reads the link records that the shard has published, and has it rebuild silently. Returns how far it must read before it
    /// publishes.
    pub fn recover_links(&self, shard: &mut Shard) -> Result<Option<ReadUpTo>, PipelineError> {
        if !shard.has_links() {
            return Ok(None);
        }
        let partitions = self.consumer.partitions();
        let (said, read) = read_said(self.config, self.shard, partitions, shard.link_source(), self.patience)?;
        if said.is_empty() {
            return Ok(None);
        }
        tracing::info!(shard = self.shard, standing = said.standing(), "read what the shard has said to others");
        shard.recover_links(said);
        self.attainable(read).map(|(read, _)| Some(read))
    }

    /// `target` without what the shard can no longer reach, and whether the internal topics have lost records. Logs what it cannot
    /// reach: a feed has lost its end, or a clock had run ahead.
    fn attainable(&self, target: ReadUpTo) -> Result<(ReadUpTo, bool), PipelineError> {
        let shard = self.shard;
        let mut ends = [NextOffset::default(); Feed::COUNT];
        let mut lacks_links = false;
        for feed in Feed::ALL {
            let read = target.offsets[feed.index()];
            let (first, end) = self.consumer.bounds(feed, shard, self.patience)?;
            ends[feed.index()] = end;
            if feed.is_internal() && (end < read || first > NextOffset::default()) {
                lacks_links = true;
                if end < read || first >= read {
                    telemetry::topic_lost(feed.name(), wall());
                    tracing::error!(
                        shard,
                        feed = feed.name(),
                        read = read.0,
                        first = first.0,
                        end = end.0,
                        "an internal topic has lost what had been read of it; the shard says what it shows again, and publishes nothing \
                         until all others have"
                    );
                }
            } else if end < read && self.config.feed(feed).refilled && first == end {
                let topic = self.config.kafka.topic(feed);
                return Err(SourceError::NotRefilled { topic, partition: shard, read: read.0, feed }.into());
            } else if end < read && self.config.feed(feed).refilled {
                tracing::warn!(
                    shard,
                    feed = feed.name(),
                    read = read.0,
                    end = end.0,
                    "the feed was made anew, as configured"
                );
            } else if end < read {
                return Err(SourceError::Shortened {
                    topic: self.config.kafka.topic(feed),
                    partition: shard,
                    read: read.0,
                    end: end.0,
                    feed,
                }
                .into());
            } else if first > NextOffset::default() {
                tracing::warn!(
                    shard,
                    feed = feed.name(),
                    first = first.0,
                    "the feed has lost its beginning: alerts that rest on what is gone are taken back, unless a snapshot brings it"
                );
            }
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
}

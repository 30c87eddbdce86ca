//! What a shard finds when it starts: what it had said, how far it had read then, and how far it can read again.
//!
//! A topic may have lost what it held. An internal one is filled again by those who write it, so the shard waits for them. A register's
//! feed can only be filled by its adapter, and a shard that went on without would take back every alert that rests on it: it halts.

use std::sync::atomic::AtomicBool;

use crate::clock::wall;
use crate::config::Config;
use crate::pipeline::PipelineError;
use crate::record::NextOffset;
use crate::recovery::Recovery;
use crate::schema::Feed;
use crate::shard::Shard;
use crate::sink::kafka::{read_published_until, read_said};
use crate::sink::{ReadUpTo, SinkError};
use crate::source::SourceError;
use crate::source::kafka::KafkaConsumer;
use crate::source::known::Bound;
use crate::telemetry;
use crate::time::KnownTime;

/// The latest time at which something can have become known.
pub(super) fn latest(config: &Config) -> KnownTime {
    Bound::Wall { max_ahead: config.kafka.max_ahead() }.now()
}

/// What stands on a shard's partition of the alerts topic now.
pub(super) fn published_now(config: &Config, shard: i32, stop: &AtomicBool) -> Result<Recovery, SinkError> {
    let published = read_published_until(&config.kafka, shard, stop)?;
    Ok(Recovery::new(published.alerts, ReadUpTo::default()))
}

/// A shard that starts.
pub(super) struct Restart<'a> {
    pub config: &'a Config,
    pub consumer: &'a KafkaConsumer,
    pub shard: i32,
    pub stop: &'a AtomicBool,
}

/// What the alerts topic says of it.
pub(super) struct Found {
    /// `None` if it says nothing yet.
    pub recovery: Option<Recovery>,
    /// Where the shard's next alert will stand.
    pub next: NextOffset,
    /// The internal topics do not hold all that others have shown the shard.
    pub lacks_links: bool,
}

impl Restart<'_> {
    pub fn recover(&self) -> Result<Found, PipelineError> {
        let shard = self.shard;
        let published = read_published_until(&self.config.kafka, shard, self.stop)?;
        tracing::info!(shard, alerts = published.alerts.len(), messages = published.messages, "read the alerts topic");
        if published.first > NextOffset::default() {
            telemetry::topic_lost("alerts", wall());
            tracing::error!(
                shard,
                first = published.first.0,
                "the alerts topic has lost its beginning; what stands and is not found there is published anew, with sequences from 1"
            );
        }
        let target = published.headers.map(|headers| headers.read).unwrap_or_default();
        let (target, lacks_links) = self.attainable(target)?;
        let recovery = (!published.alerts.is_empty()).then(|| Recovery::new(published.alerts, target));
        Ok(Found { recovery, next: published.next, lacks_links })
    }

    /// Has the shard catch up with what it said to others before; gives where it will have.
    pub fn recover_links(&self, shard: &mut Shard) -> Result<Option<ReadUpTo>, PipelineError> {
        if !shard.has_links() {
            return Ok(None);
        }
        let partitions = self.consumer.partitions();
        let (said, read) = read_said(self.config, self.shard, partitions, shard.link_source(), self.stop)?;
        if said.is_empty() {
            return Ok(None);
        }
        tracing::info!(shard = self.shard, standing = said.standing(), "read what the shard has said to others");
        shard.recover_links(said);
        self.attainable(read).map(|(read, _)| Some(read))
    }

    /// How far the shard can come of what it had read before, and whether the internal topics lack something. What it cannot come to is
    /// said: a feed has lost its end, or a clock had run ahead.
    fn attainable(&self, target: ReadUpTo) -> Result<(ReadUpTo, bool), PipelineError> {
        let shard = self.shard;
        let mut ends = [NextOffset::default(); Feed::COUNT];
        let mut lacks_links = false;
        for feed in Feed::ALL {
            let read = target.offsets[feed.index()];
            let (first, end) = self.consumer.bounds(feed, shard)?;
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

//! The silent rebuild: a shard that has published before reads up to where it had read then, without publishing (`recovery` has the
//! alerts).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::losses::unsent;
use super::{Observer, Pipeline, PipelineError};
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::time::KnownTime;
use crate::pipeline::recovery::Recovery;
use crate::shard::Emitted;
use crate::sink::{AlertSink, ReadUpTo};
use crate::source::ShardSource;

/// How long a rebuild lasts at least after the internal topics have lost link records. Other shards may still be running that have not
/// noticed: their clocks would say that all is there.
pub const UNNOTICED: Duration = Duration::from_secs(15);

/// How far a starting shard must read before it publishes; empty for a shard that has never published.
#[derive(Default)]
pub struct Rebuild {
    /// `Some` while alerts are kept back.
    recovery: Option<Recovery>,
    /// By link feed, how far the shard must read before it publishes the records that the topic lacks; none once it has (see
    /// `shard::links`).
    links_until: BTreeMap<Feed, ReadUpTo>,
    /// The rebuild does not end earlier.
    not_before: Option<Instant>,
    /// Where it began to read.
    from: [NextOffset; Feed::COUNT],
}

impl Rebuild {
    /// `links_until`: how far the shard had read when it last published link records; `lacks_links`: the internal topics have lost
    /// some, which other shards may have written.
    pub fn new(recovery: Option<Recovery>, links_until: Option<ReadUpTo>, lacks_links: bool) -> Rebuild {
        let [nothing, links] = [[KnownTime::MIN; 2], links_until.map_or([KnownTime::MIN; 2], |until| until.heard)];
        // The first hop reads no links, the second those of the first.
        let until = |until: ReadUpTo| {
            [
                (Feed::Links, ReadUpTo { heard: nothing, ..until }),
                (Feed::Derived, ReadUpTo { heard: [links[0], KnownTime::MIN], ..until }),
            ]
        };
        let not_before = lacks_links.then(|| Instant::now() + UNNOTICED);
        let links_until = links_until.into_iter().flat_map(until).collect();
        Rebuild { recovery, links_until, not_before, from: [NextOffset::default(); Feed::COUNT] }
    }

    pub(super) fn beginning_at(self, from: [NextOffset; Feed::COUNT]) -> Rebuild {
        Rebuild { from, ..self }
    }

    /// The share that has been read of what must be read before anything is published; `None` if nothing need be.
    pub(super) fn share(&self, read: &ReadUpTo) -> Option<f64> {
        self.recovery.as_ref().map(|recovery| recovery.share(&self.from, read))
    }

    /// Whether alerts are kept back.
    pub(super) fn is_silent(&self) -> bool {
        self.recovery.is_some()
    }

    /// Whether records of the link feed are kept back.
    pub(super) fn keeps(&self, feed: Feed) -> bool {
        self.links_until.contains_key(&feed)
    }

    /// Whether a shard that has read so far knows what it knew when it last published.
    fn is_over(&self, read: &ReadUpTo) -> bool {
        self.recovery.as_ref().is_some_and(|recovery| recovery.is_complete(read))
            && self.not_before.is_none_or(|time| Instant::now() >= time)
    }

    /// Link feeds of which the shard has read as far as when it last published their records.
    fn links_over(&self, read: &ReadUpTo) -> Vec<Feed> {
        self.links_until.iter().filter(|(_, until)| read.covers(until)).map(|(feed, _)| *feed).collect()
    }
}

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    /// Whether a silent rebuild has reached its end.
    pub(super) fn is_rebuilt(&self) -> bool {
        if !self.rebuild.is_silent() && self.rebuild.links_until.is_empty() {
            return false;
        }
        let read = self.read();
        self.rebuild.is_over(&read) || !self.rebuild.links_over(&read).is_empty()
    }

    /// Once the shard has read up to where it last published link records, publishes those that the topics lack.
    pub(super) fn recover_links(&mut self) {
        for feed in self.rebuild.links_over(&self.read()) {
            self.rebuild.links_until.remove(&feed);
            let records = self.shard.say_difference(feed);
            let (shard, feed) = (self.shard.number(), feed.name());
            tracing::info!(shard, feed, records, "links recovered; saying the difference");
        }
    }

    /// Keeps alerts back during the rebuild; at its end returns the difference in their place.
    pub(super) fn recover(&mut self, emitted: Vec<Emitted>) -> Result<Vec<Emitted>, PipelineError> {
        let is_over = self.rebuild.is_over(&self.read());
        let Some(recovery) = &mut self.rebuild.recovery else { return Ok(emitted) };
        recovery.keep_silent(emitted);
        if !is_over {
            return Ok(Vec::new());
        }
        let recovery = self.rebuild.recovery.take().unwrap_or_default();
        self.sink.disown(recovery.foreign())?;
        let difference = recovery.difference(&mut self.shard);
        tracing::info!(shard = self.shard.number(), alerts = difference.len(), "recovered; publishing the difference");
        self.telemetry.recovering(false);
        self.observer.recovered(self.shard.number());
        Ok(unsent(difference))
    }
}

//! The silent rebuild: a shard that has published before reads up to where it had read then, without publishing (`recovery` has the
//! alerts).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::losses::unsent;
use super::{Observer, Pipeline, PipelineError};
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::stage::Outlet;
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
    /// By outlet: `Some` while its alerts are kept back.
    recoveries: [Option<Recovery>; Outlet::COUNT],
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
    pub fn new(
        recoveries: [Option<Recovery>; Outlet::COUNT],
        links_until: Option<ReadUpTo>,
        lacks_links: bool,
    ) -> Rebuild {
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
        Rebuild { recoveries, links_until, not_before, from: [NextOffset::default(); Feed::COUNT] }
    }

    pub(super) fn beginning_at(self, from: [NextOffset; Feed::COUNT]) -> Rebuild {
        Rebuild { from, ..self }
    }

    /// The share that has been read of what must be read before anything is published; `None` if nothing need be.
    pub(super) fn share(&self, read: &ReadUpTo) -> Option<f64> {
        let shares = self.recoveries.iter().flatten().map(|recovery| recovery.share(&self.from, read));
        shares.reduce(f64::min)
    }

    /// Whether alerts are kept back, be it those of rules on trial.
    pub(super) fn is_silent(&self) -> bool {
        self.recoveries.iter().any(Option::is_some)
    }

    /// Whether records of the link feed are kept back.
    pub(super) fn keeps(&self, feed: Feed) -> bool {
        self.links_until.contains_key(&feed)
    }

    /// The outlets on whose topics a shard that has read so far last published when it knew no more.
    fn over(&self, read: &ReadUpTo) -> Vec<Outlet> {
        if self.not_before.is_some_and(|time| Instant::now() < time) {
            return Vec::new();
        }
        let complete = self.recoveries.iter().flatten().filter(|recovery| recovery.is_complete(read));
        complete.map(Recovery::outlet).collect()
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
        !self.rebuild.over(&read).is_empty() || !self.rebuild.links_over(&read).is_empty()
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
        if !self.rebuild.is_silent() {
            return Ok(emitted);
        }
        let over = self.rebuild.over(&self.read());
        let mut out = Vec::new();
        for emitted in emitted {
            match &mut self.rebuild.recoveries[emitted.alert.outlet().index()] {
                Some(recovery) => recovery.keep_silent(emitted),
                None => out.push(emitted),
            }
        }
        for outlet in over {
            let Some(recovery) = self.rebuild.recoveries[outlet.index()].take() else { continue };
            self.sink.disown(outlet, recovery.foreign())?;
            let difference = recovery.difference(&mut self.shard);
            tracing::info!(
                shard = self.shard.number(),
                topic = outlet.name(),
                alerts = difference.len(),
                "recovered; publishing the difference"
            );
            out.extend(unsent(difference));
        }
        if !self.rebuild.is_silent() {
            self.telemetry.recovering(false);
            self.observer.recovered(self.shard.number());
        }
        Ok(out)
    }
}

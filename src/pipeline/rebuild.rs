//! The silent rebuild: a shard that has published before reads up to where it had read then, without publishing (`recovery` has the
//! alerts).

use super::losses::unsent;
use super::{Observer, Pipeline, PipelineError};
use crate::model::schema::Feed;
use crate::model::time::MICROS_PER_DAY;
use crate::pipeline::recovery::Recovery;
use crate::shard::Emitted;
use crate::sink::{AlertSink, ReadUpTo};
use crate::source::ShardSource;

/// Microseconds by which the other shards' link clocks may be behind when a rebuild that waits for them ends.
const OTHERS_BEHIND: i64 = MICROS_PER_DAY;

/// How far a starting shard must read before it publishes; empty for a shard that has never published.
#[derive(Default)]
pub struct Rebuild {
    /// `Some` while alerts are kept back.
    recovery: Option<Recovery>,
    /// How far the shard had read when it last published link records; `None` once it has read that far again (see `shard::links`).
    links_until: Option<ReadUpTo>,
    /// The internal topics have lost link records that other shards had written for this one: the rebuild ends only once the link
    /// clocks of all shards have caught up.
    lacks_links: bool,
}

impl Rebuild {
    pub fn new(recovery: Option<Recovery>, links_until: Option<ReadUpTo>, lacks_links: bool) -> Rebuild {
        Rebuild { recovery, links_until, lacks_links }
    }

    /// Whether alerts are kept back.
    pub(super) fn is_silent(&self) -> bool {
        self.recovery.is_some()
    }

    /// Whether link records are kept back.
    pub(super) fn keeps_links(&self) -> bool {
        self.links_until.is_some()
    }
}

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    /// Whether a silent rebuild has reached its end.
    pub(super) fn is_rebuilt(&self) -> bool {
        if !self.rebuild.is_silent() && !self.rebuild.keeps_links() {
            return false;
        }
        let read = self.read();
        self.rebuild.recovery.as_ref().is_some_and(|recovery| recovery.is_complete(&read)) && !self.waits_for_others()
            || self.rebuild.links_until.is_some_and(|until| read.covers(&until))
    }

    /// Whether other shards may still be writing again the link records that the internal topics had lost. Each shard publishes its
    /// link clock after its records, so once the clocks have caught up the records are here.
    fn waits_for_others(&self) -> bool {
        let is_behind = |feed| self.shard.clocks().feed(feed) < self.shard.link_clock(feed).minus(OTHERS_BEHIND);
        self.rebuild.lacks_links && [Feed::Links, Feed::Derived].into_iter().any(is_behind)
    }

    /// Once the shard has read up to where it last published link records, publishes those that the topics lack.
    pub(super) fn recover_links(&mut self) {
        if self.rebuild.links_until.is_some_and(|until| self.read().covers(&until)) {
            self.rebuild.links_until = None;
            let records = self.shard.say_difference();
            tracing::info!(shard = self.shard.number(), records, "links recovered; saying the difference");
        }
    }

    /// Keeps alerts back during the rebuild; at its end returns the difference in their place.
    pub(super) fn recover(&mut self, emitted: Vec<Emitted>) -> Result<Vec<Emitted>, PipelineError> {
        let (read, waits) = (self.read(), self.waits_for_others());
        let Some(recovery) = &mut self.rebuild.recovery else { return Ok(emitted) };
        recovery.keep_silent(emitted);
        if waits || !recovery.is_complete(&read) {
            return Ok(Vec::new());
        }
        let recovery = self.rebuild.recovery.take().unwrap_or_default();
        let difference = recovery.difference(&mut self.shard);
        tracing::info!(shard = self.shard.number(), alerts = difference.len(), "recovered; publishing the difference");
        self.telemetry.recovering(false);
        self.observer.recovered(self.shard.number());
        Ok(unsent(difference))
    }
}

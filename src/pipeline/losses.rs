//! Publishes again what the topics that permitwatch reads back have lost, and corrects them after another writer has written there.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Loop, Observer, Pipeline, PipelineError};
use crate::model::alert::Alert;
use crate::model::record::Fates;
use crate::model::time::KnownTime;
use crate::shard::Emitted;
use crate::sink::AlertSink;
use crate::source::ShardSource;

/// How often the topics that permitwatch reads back have lost messages; counted by the instance's watcher thread.
#[derive(Debug, Default)]
pub struct Lost {
    /// Losses of link records (topics `links` and `derived`).
    pub links: AtomicU64,
    /// Losses of the shard's alerts.
    pub alerts: AtomicU64,
}

impl Lost {
    /// Losses of links and of alerts so far.
    pub(super) fn counts(&self) -> [u64; 2] {
        [&self.links, &self.alerts].map(|count| count.load(Ordering::Acquire))
    }
}

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    /// Publishes again what the topics have lost since the last call.
    pub(super) fn make_up_for_losses(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        let [links, alerts] = self.common.lost.counts();
        if links != std::mem::replace(&mut state.lost[0], links) && self.shard.has_links() {
            self.shard.say_again();
            state.link_clocks = [KnownTime::MIN; 2];
            tracing::warn!(shard = self.shard.number(), "saying again what the shard's units show to others");
        }
        // A rebuild that is not over yet reads what is left and ends by publishing the difference.
        if !self.rebuild.is_silent() && alerts != state.lost[1] {
            state.lost[1] = alerts;
            self.confirm(state, 0)?;
            self.answer_topic(state)?;
        }
        Ok(())
    }

    /// If the topic holds alerts that this shard has not written, or lacks some that it has, publishes the difference.
    pub(super) fn answer_foreign_writes(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        if self.sink.take_foreign_writes() == 0 {
            return Ok(());
        }
        self.confirm(state, 0)?;
        tracing::warn!(
            shard = self.shard.number(),
            "the shard's alerts are not what it has written: somebody else has, or they are gone; publishing the difference again"
        );
        self.answer_topic(state)
    }

    /// Reads the topics of alerts again, and publishes the difference between what they say stands and what stands.
    fn answer_topic(&mut self, state: &mut Loop) -> Result<(), PipelineError> {
        let mut difference = Vec::new();
        for recovery in (self.reread)()? {
            self.sink.disown(recovery.outlet(), recovery.foreign())?;
            difference.extend(unsent(recovery.difference_in_course(&mut self.shard)));
        }
        self.publish(&difference)?;
        self.note(state, difference, Fates::default(), false);
        Ok(())
    }
}

pub(super) fn unsent(alerts: Vec<Alert>) -> Vec<Emitted> {
    alerts.into_iter().map(|alert| Emitted { alert, sent_at: None, deadline: false }).collect()
}

//! Batches that have been handed over but not acknowledged: each is reported when the broker has written it.

use std::time::Duration;

use super::{Loop, Observer, Pipeline, PipelineError};
use crate::model::clock::wall;
use crate::model::record::{Fates, NextOffset};
use crate::model::schema::Feed;
use crate::model::stage::Outlet;
use crate::model::time::{KnownTime, WallTime};
use crate::shard::Emitted;
use crate::sink::AlertSink;
use crate::source::ShardSource;
use crate::telemetry::Stage;

/// A batch that the broker has not wholly acknowledged, or that waits for an earlier one.
pub(super) struct UnderWay {
    alerts: Vec<Emitted>,
    fates: Fates,
    positions: [NextOffset; Feed::COUNT],
    /// For feeds `links` and `derived`: the known time up to which the shard has published all link records of its units, and up to
    /// which it has read those of all shards.
    shown: Option<[[KnownTime; 2]; 2]>,
    settled_at: WallTime,
}

/// What rules on trial say counts in no figure of what officers get.
fn is_for_officers(emitted: &Emitted) -> bool {
    emitted.alert.outlet() == Outlet::Officers
}

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    /// Seals the batch that has just been handed over and remembers what to report once it is acknowledged.
    pub(super) fn note(&mut self, state: &mut Loop, alerts: Vec<Emitted>, fates: Fates, has_others: bool) {
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
        state.sealed += 1;
        state.under_way.push_back(UnderWay { alerts, fates, positions, shown, settled_at });
    }

    /// Reports the batches that have been acknowledged; waits until at most `left` remain.
    pub(super) fn confirm(&mut self, state: &mut Loop, left: usize) -> Result<(), PipelineError> {
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
            if done.alerts.iter().any(is_for_officers) {
                let micros = (alerts_at.0 - done.settled_at.0).unsigned_abs();
                self.telemetry.stage(Stage::Publish, Duration::from_micros(micros));
            }
            if !done.alerts.is_empty() {
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

    fn report_alerts(&mut self, alerts: &[Emitted], at: WallTime) {
        self.telemetry.published(alerts.iter().filter(|emitted| is_for_officers(emitted)).count() as u64);
        for emitted in alerts {
            let Emitted { alert, sent_at, .. } = emitted;
            let rule = self
                .shard
                .rules()
                .iter()
                .position(|rule| rule.file.header.id == alert.rule_id && rule.outlet() == alert.outlet());
            if let Some(rule) = rule {
                self.telemetry.transition(rule, alert.status, alert.severity);
            }
            if let Some(sent_at) = sent_at.filter(|_| is_for_officers(emitted)) {
                let micros = (at.0 - sent_at.0).max(0) as u64;
                self.telemetry.event_to_alert(Duration::from_micros(micros));
            }
        }
        self.observer.published(alerts, at);
    }
}

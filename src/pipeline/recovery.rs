//! Recovering from the alerts topic, and from that of rules on trial (contract C3, first form). Each is recovered by itself: neither waits
//! for the other, and a crash that has cut them off at different places loses and invents nothing on either.
//!
//! A shard reads its partition of the alerts topic, then the feeds from the beginning, *silently*: it remembers the transitions
//! that it works out and does not publish them. Once it has read as far as the last published alert says (its headers carry the
//! offsets and the shard's clock), it publishes the *difference* between the alerts that stand and those that the topic says stand,
//! and from then on every transition as it comes. Sequences continue from the topic.
//!
//! Link records are recovered in the same way, from the internal topics (see `shard::links`).

use std::collections::{BTreeMap, BTreeSet};

use crate::detector::{LATE_RECORD, Standing};
use crate::model::alert::{Alert, AlertId, Status};
use crate::model::record::NextOffset;
use crate::model::schema::Feed;
use crate::model::stage::Outlet;
use crate::model::time::{KnownTime, format_micros};
use crate::shard::{Emitted, Shard, withdrawn_as};
use crate::sink::ReadUpTo;
use crate::sink::kafka::Published;

/// What an outlet's topic said when the shard started.
#[derive(Debug)]
pub struct Recovery {
    /// Whose topic it is.
    outlet: Outlet,
    /// The last published transition of each alert.
    published: BTreeMap<AlertId, Alert>,
    /// Those that are to be said again, though they say what they should: whoever reads the topic sees something else.
    again: BTreeSet<AlertId>,
    /// Published ids under which somebody else has written, and the shard has not.
    foreign: Vec<AlertId>,
    /// By published id: the sequence of an alert that was withdrawn without a word.
    floors: BTreeMap<AlertId, u64>,
    /// How far the shard had read when it published the last of them.
    target: ReadUpTo,
    /// The last transition of each alert that the rebuild has worked out.
    rebuilt: BTreeMap<AlertId, Alert>,
}

impl Recovery {
    /// `target` comes from the headers of the last published alert.
    pub fn new(outlet: Outlet, published: Published, target: ReadUpTo) -> Recovery {
        let Published { alerts, again, foreign, floors, .. } = published;
        Recovery { outlet, published: alerts, again, foreign, floors, target, rebuilt: BTreeMap::new() }
    }

    pub fn outlet(&self) -> Outlet {
        self.outlet
    }

    /// Published ids that are none of the shard's.
    pub fn foreign(&self) -> &[AlertId] {
        &self.foreign
    }

    /// Whether the rebuild has read as far as the last published alert.
    pub fn is_complete(&self, read: &ReadUpTo) -> bool {
        read.covers(&self.target)
    }

    /// The share of the messages between two places that the rebuild has read; 1 where there is nothing to read.
    pub fn share(&self, from: &[NextOffset; Feed::COUNT], read: &ReadUpTo) -> f64 {
        let (mut done, mut all) = (0, 0);
        for ((from, at), to) in from.iter().zip(&read.offsets).zip(&self.target.offsets) {
            all += (to.0 - from.0).max(0);
            done += (at.0.min(to.0) - from.0).max(0);
        }
        if all == 0 { 1.0 } else { done as f64 / all as f64 }
    }

    /// Remembers a transition that the rebuild works out.
    pub fn keep_silent(&mut self, Emitted { alert, .. }: Emitted) {
        if let Some(id) = AlertId::from_hex(&alert.alert_id) {
            self.rebuilt.insert(id, alert);
        }
    }

    /// The alerts to publish so that the topic says what stands, in the order of alert ids. Continues the topic's sequences in the
    /// detector.
    pub fn difference(self, shard: &mut Shard) -> Vec<Alert> {
        shard.detector_mut().clear_sequences(self.outlet);
        self.difference_in_course(shard)
    }

    /// The same for a running shard: its own sequences continue even if the topic has lost the messages that carried them.
    pub fn difference_in_course(self, shard: &mut Shard) -> Vec<Alert> {
        let Recovery { outlet, published, again, floors, mut rebuilt, .. } = self;
        shard.set_floors(outlet, floors);
        let withheld: BTreeSet<String> = shard.detector().withheld().into_iter().map(str::to_owned).collect();
        let clock = shard.clock();
        for (id, alert) in &published {
            let sequence = alert.sequence.max(shard.detector().sequence(outlet, *id));
            shard.detector_mut().set_sequence(outlet, *id, sequence);
        }
        let mut standing = BTreeSet::new();
        let mut out = Vec::new();
        let is_of_outlet = |alert: &Standing| shard.rules()[alert.rule.index()].outlet() == outlet;
        for (person, alert) in shard.standing().into_iter().filter(|(_, alert)| is_of_outlet(alert)) {
            standing.insert(alert.id);
            let known = rebuilt.remove(&alert.id).filter(|known| known.status.stands());
            let on_topic = published.get(&alert.id).filter(|published| published.status.stands());
            let (status, reason) = match on_topic {
                None => (Status::Raised, None),
                Some(on_topic) if !says(on_topic, alert) || again.contains(&alert.id) => (Status::Updated, None),
                // The late record came after the last published alert.
                Some(on_topic) if alert.late && !on_topic.late_record => (Status::Updated, Some(LATE_RECORD)),
                Some(_) => continue,
            };
            // What a late record leaves behind is a remark, which is no evidence.
            let is_of_row = |known: &Alert| known.reason.as_deref() != Some(LATE_RECORD) || reason == Some(LATE_RECORD);
            let alert_now = known.filter(is_of_row).unwrap_or_else(|| shard.whole(person, alert, clock));
            let reason = reason.map(Into::into);
            out.push((alert.id, Alert { status, reason, late_record: alert.late, ..alert_now }));
        }
        for (id, on_topic) in published.iter().filter(|(id, _)| !standing.contains(id)) {
            if on_topic.status.stands() {
                let alert = ended(shard, outlet, rebuilt.remove(id), on_topic, clock);
                out.push((*id, if withheld.contains(&alert.subject) { alert.withheld() } else { alert }));
            } else if again.contains(id) {
                out.push((*id, on_topic.clone()));
            }
        }
        out.sort_by_key(|(id, _)| *id);
        out.into_iter().map(|(id, alert)| Alert { sequence: shard.next_sequence(outlet, id), ..alert }).collect()
    }
}

/// Whether the alert on the topic tells its reader what the standing one does. A remark about a late record tells nothing of the row.
fn says(on_topic: &Alert, standing: &Standing) -> bool {
    let is_remark = on_topic.reason.as_deref() == Some(LATE_RECORD);
    on_topic.severity == standing.severity
        && on_topic.anchor_at == standing.anchor.map(|day| day.to_string())
        && on_topic.alert_at == format_micros(standing.alert_at.0)
        && (is_remark || on_topic.content() == standing.content)
}

/// The topic says that the alert stands and the rebuild says that it does not: gives the ending as the rebuild found it, else a
/// retraction.
fn ended(shard: &Shard, outlet: Outlet, rebuilt: Option<Alert>, on_topic: &Alert, clock: KnownTime) -> Alert {
    if let Some(alert) = rebuilt.filter(|alert| !alert.status.stands()) {
        return alert;
    }
    let id = &on_topic.rule_id;
    let known = shard.rules().iter().any(|rule| rule.file.header.id == *id && rule.outlet() == outlet);
    let reason = if known { "recomputed" } else { withdrawn_as(shard.rules(), id) };
    Alert {
        status: Status::Retracted,
        as_of: format_micros(clock.0),
        reason: Some(reason.into()),
        replaced_by: None,
        replaces: None,
        ..on_topic.clone()
    }
}

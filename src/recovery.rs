//! Starting from what the alerts topic says (contract C3, first form).
//!
//! A shard reads its partition of the alerts topic, then the feeds from the beginning, *silently*: what it works out is
//! remembered, not published. Once it has read as far as the last published alert says (its header carries the offsets
//! and the shard's clock), the *difference* between what stands and what the topic says stands is published, and from
//! there everything as it comes. Sequences continue from the topic.
//!
//! What units show to others is recovered likewise, from the internal topics (see `shard::links`).

use std::collections::BTreeMap;

use crate::alert::{Alert, AlertId, Status};
use crate::detector::LATE_RECORD;
use crate::shard::{Emitted, Shard};
use crate::sink::ReadUpTo;
use crate::time::{KnownTime, format_micros};

/// What the topic said when the shard started.
#[derive(Debug, Default)]
pub struct Recovery {
    /// The last word on each alert.
    published: BTreeMap<AlertId, Alert>,
    /// How far its writer had read when it said the last of it.
    target: ReadUpTo,
    /// The last transition of each alert that the rebuild worked out.
    rebuilt: BTreeMap<AlertId, Alert>,
}

impl Recovery {
    /// `target` comes from the headers of the last published alert.
    pub fn new(published: BTreeMap<AlertId, Alert>, target: ReadUpTo) -> Recovery {
        Recovery { published, target, rebuilt: BTreeMap::new() }
    }

    /// The rebuild has come as far as the last published alert.
    pub fn is_complete(&self, read: &ReadUpTo) -> bool {
        read.covers(&self.target)
    }

    /// Remembers what the rebuild works out.
    pub fn keep_silent(&mut self, emitted: Vec<Emitted>) {
        for Emitted { alert, .. } in emitted {
            if let Some(id) = AlertId::from_hex(&alert.alert_id) {
                self.rebuilt.insert(id, alert);
            }
        }
    }

    /// What has to be published so that the topic says what stands, in the order of alert ids. Hands the sequences over.
    pub fn difference(self, shard: &mut Shard) -> Vec<Alert> {
        shard.detector_mut().clear_sequences();
        self.difference_in_course(shard)
    }

    /// The same for a shard that has published before: its sequences go on from there, whatever the topic has lost.
    pub fn difference_in_course(self, shard: &mut Shard) -> Vec<Alert> {
        let Recovery { published, mut rebuilt, .. } = self;
        let clock = shard.clock();
        for (id, alert) in &published {
            let sequence = alert.sequence.max(shard.detector_mut().sequence(*id));
            shard.detector_mut().set_sequence(*id, sequence);
        }
        let standing: BTreeMap<AlertId, Alert> = shard
            .standing()
            .into_iter()
            .map(|(person, alert)| {
                let bare = shard.bare(person, alert, Status::Raised, 0, clock.0);
                let known = rebuilt.remove(&alert.id).filter(|known| known.status.stands());
                (alert.id, known.unwrap_or(bare))
            })
            .collect();
        let mut out = Vec::new();
        for (id, alert) in &standing {
            let (status, reason) = match published.get(id).filter(|published| published.status.stands()) {
                None => (Status::Raised, None),
                Some(on_topic) if on_topic.severity != alert.severity || on_topic.anchor_at != alert.anchor_at => {
                    (Status::Updated, None)
                }
                // It came while nobody read.
                Some(on_topic) if alert.late_record && !on_topic.late_record => (Status::Updated, Some(LATE_RECORD)),
                Some(_) => continue,
            };
            out.push((*id, Alert { status, reason: reason.map(Into::into), ..alert.clone() }));
        }
        for (id, on_topic) in &published {
            if on_topic.status.stands() && !standing.contains_key(id) {
                out.push((*id, ended(shard, rebuilt.remove(id), on_topic, clock)));
            }
        }
        out.sort_by_key(|(id, _)| *id);
        out.into_iter().map(|(id, alert)| Alert { sequence: shard.detector_mut().next_sequence(id), ..alert }).collect()
    }
}

/// The topic says that it stands, the rebuild that it does not: as the rebuild ended it, or recomputed.
fn ended(shard: &Shard, rebuilt: Option<Alert>, on_topic: &Alert, clock: KnownTime) -> Alert {
    if let Some(alert) = rebuilt.filter(|alert| !alert.status.stands()) {
        return alert;
    }
    let known = shard.rules().iter().any(|rule| rule.file.header.id == on_topic.rule_id);
    Alert {
        status: Status::Retracted,
        as_of: format_micros(clock.0),
        reason: Some(if known { "recomputed" } else { "rule_withdrawn" }.into()),
        replaced_by: None,
        replaces: None,
        ..on_topic.clone()
    }
}

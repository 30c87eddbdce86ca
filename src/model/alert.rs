//! An alert as it is published: always an indication for a person to look into, never a decision.
//!
//! Everything in `Alert` is a function of the records and clock steps; what depends on the run (time of publishing, offsets) is in
//! `sink::RunHeaders`.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::stage::{Outlet, Stage};

/// How certain and how serious an indication is, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Counted only.
    Info,
    /// Waits for corroboration.
    Weak,
    /// Queued.
    Medium,
    /// Queued first: an authoritative register fact with direct legal effect, or two independent feeds.
    Strong,
}

impl Severity {
    pub const ALL: [Severity; 4] = [Severity::Info, Severity::Weak, Severity::Medium, Severity::Strong];

    pub const fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Weak => "weak",
            Severity::Medium => "medium",
            Severity::Strong => "strong",
        }
    }

    pub fn from_name(name: &str) -> Option<Severity> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }

    /// One tier higher, at most strong.
    pub fn raised(self) -> Severity {
        Self::ALL[(self as usize + 1).min(3)]
    }
}

/// What a transition does to the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The alert stands from now on.
    Raised,
    /// The alert still stands; the row in force, or what its rule says of it, has changed.
    Updated,
    /// A later fact or a canceller has ended it.
    Cleared,
    /// A correction, a late fact or a changed rule shows that it never should have stood; or its person has left the population.
    Retracted,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Status::Raised => "raised",
            Status::Updated => "updated",
            Status::Cleared => "cleared",
            Status::Retracted => "retracted",
        }
    }

    /// Whether the alert stands after this transition.
    pub const fn stands(self) -> bool {
        matches!(self, Status::Raised | Status::Updated)
    }
}

/// `hash(rule id, subject, alert_key)`: the first 16 bytes of SHA-256, in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertId(pub [u8; 16]);

impl AlertId {
    pub fn new(rule_id: &str, subject: &str, alert_key: &str) -> AlertId {
        let mut hash = Sha256::new();
        for part in [rule_id, subject, alert_key] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        AlertId(id)
    }

    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    pub fn from_hex(text: &str) -> Option<AlertId> {
        let mut id = [0; 16];
        hex::decode_to_slice(text, &mut id).ok()?;
        Some(AlertId(id))
    }
}

/// A title or finding in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilingual {
    pub sv: String,
    pub en: String,
}

/// A record that an alert rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordRef {
    pub table: String,
    pub record_key: String,
    pub version: i64,
}

/// One transition of one alert, as published on the topic (JSON, key = `alert_id`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Hex of [`AlertId`].
    pub alert_id: String,
    /// 1 for the first transition of this alert, then one more for each; the transition with the highest sequence counts.
    pub sequence: u64,
    pub status: Status,
    pub rule_id: String,
    /// Identifies the rule's text, views, parameters and settings.
    pub rule_fingerprint: String,
    /// Pseudonym of the person: keyed hash of the subject id.
    pub person: String,
    /// What the alert is about: the permit, unless the rule names something else.
    pub subject: String,
    pub permit_class: Option<String>,
    /// Identifies the episode within the subject.
    pub alert_key: String,
    pub severity: Severity,
    /// Known time of the record, or the deadline, that caused the transition (RFC 3339).
    pub as_of: String,
    /// Known time from which the row in force holds (RFC 3339).
    pub alert_at: String,
    /// Event day that the row in force is about.
    pub anchor_at: Option<String>,
    pub title: Bilingual,
    /// What was found, in neutral words.
    pub finding: Bilingual,
    pub legal_basis: Vec<String>,
    /// Evidence columns of the row in force.
    pub evidence: serde_json::Map<String, serde_json::Value>,
    /// Records that the row in force rests on, in order.
    pub records: Vec<RecordRef>,
    /// The highest secrecy class of these records: 0 none, 1 social benefit, 2 tax.
    #[serde(default)]
    pub secrecy_class: i64,
    /// Why: `fulfilled` or a canceller's name (cleared), `corrected`, `superseded`, `left_population`, `rule_withdrawn`,
    /// `rule_promoted`, `recomputed` (retracted).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Alert id that replaces this one after a correction moved the start of the episode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// A record that came too late for the kept history concerns this alert: a person should look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late_record: bool,
    /// The stage of its rule; a live one's is not written.
    #[serde(default, skip_serializing_if = "Stage::is_live")]
    pub stage: Stage,
    /// It ends because its person is protected now: nothing but its id, sequence and status leaves (see [`Alert::said`]).
    #[serde(skip)]
    pub is_withheld: bool,
}

/// What is written of an alert.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Said<'a> {
    Whole(&'a Alert),
    Withheld { alert_id: &'a str, sequence: u64, status: Status },
}

/// A hash of what an alert tells its reader: two alerts of the same row that differ in it do not say the same. Which version of which
/// record it rests on, and the rule's fingerprint, are not part of it.
pub fn content(
    title: &Bilingual,
    finding: &Bilingual,
    legal_basis: &[String],
    evidence: &serde_json::Map<String, serde_json::Value>,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&title.sv, &title.en, &finding.sv, &finding.en, legal_basis, evidence).hash(&mut hasher);
    hasher.finish()
}

impl Alert {
    /// Where it goes.
    pub fn outlet(&self) -> Outlet {
        self.stage.outlet()
    }

    /// What may be written of it anywhere.
    pub fn said(&self) -> Said<'_> {
        match self.is_withheld {
            true => Said::Withheld { alert_id: &self.alert_id, sequence: self.sequence, status: self.status },
            false => Said::Whole(self),
        }
    }

    /// The same alert, ended, of which nothing is said.
    #[must_use]
    pub fn withheld(self) -> Alert {
        let nothing = Bilingual::default;
        Alert {
            status: Status::Retracted,
            person: String::new(),
            permit_class: None,
            anchor_at: None,
            title: nothing(),
            finding: nothing(),
            legal_basis: Vec::new(),
            evidence: serde_json::Map::new(),
            records: Vec::new(),
            secrecy_class: 0,
            reason: None,
            replaced_by: None,
            replaces: None,
            late_record: false,
            is_withheld: true,
            ..self
        }
    }

    /// One that says nothing, for tests to fill in.
    #[cfg(test)]
    pub fn blank(rule_id: &str, subject: &str, alert_key: &str) -> Alert {
        Alert {
            alert_id: AlertId::new(rule_id, subject, alert_key).to_hex(),
            sequence: 1,
            status: Status::Raised,
            rule_id: rule_id.to_owned(),
            rule_fingerprint: String::new(),
            person: String::new(),
            subject: subject.to_owned(),
            permit_class: None,
            alert_key: alert_key.to_owned(),
            severity: Severity::Weak,
            as_of: String::new(),
            alert_at: String::new(),
            anchor_at: None,
            title: Bilingual::default(),
            finding: Bilingual::default(),
            legal_basis: Vec::new(),
            evidence: serde_json::Map::new(),
            records: Vec::new(),
            secrecy_class: 0,
            reason: None,
            replaced_by: None,
            replaces: None,
            late_record: false,
            stage: Stage::Live,
            is_withheld: false,
        }
    }

    /// See [`content`].
    pub fn content(&self) -> u64 {
        content(&self.title, &self.finding, &self.legal_basis, &self.evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_where_one_part_ends() {
        assert_ne!(AlertId::new("a", "bc", "d"), AlertId::new("ab", "c", "d"));
        let id = AlertId::new("work-not-started", "P1", "not-started");
        assert_eq!(AlertId::from_hex(&id.to_hex()), Some(id));
        assert_eq!(AlertId::from_hex("xyz"), None);
    }

    #[test]
    fn severity_rises_to_strong_and_no_further() {
        assert_eq!(Severity::Medium.raised(), Severity::Strong);
        assert_eq!(Severity::Strong.raised(), Severity::Strong);
    }
}

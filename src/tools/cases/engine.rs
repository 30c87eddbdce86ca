//! The engine's side: plays all records of a rule's cases through one shard in strict order.
//!
//! In strict order it does not matter where the stream is cut, so one settling is enough: what stood at a clock follows from the
//! transitions up to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, Visibility};
use crate::model::alert::Alert;
use crate::model::record::{Fates, Message, Offset, Quarantined};
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, format_micros, parse_instant};
use crate::pseudonyms::Pseudonyms;
use crate::rules::{Hit, Request, RuleSet};
use crate::shard::{Order, Settings, Shard};
use crate::tools::cases::recording::Recording;
use crate::units::Unit;

/// A transition, and the person it is about.
#[derive(Clone, Debug)]
pub struct Said {
    pub at: i64,
    pub person: String,
    pub alert: Alert,
}

/// A row of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingRow {
    pub person: String,
    pub alert_key: String,
}

pub struct Played {
    /// Transitions in the order of time.
    pub log: Vec<Said>,
    pub quarantined: Vec<Quarantined>,
    /// Records that no rule sees, and why.
    pub unseen: Vec<(Feed, Offset, String)>,
    shard: Shard,
}

/// The default visibility.
pub fn visibility() -> Visibility {
    Config::default().visibility()
}

/// Plays everything known up to `until`.
pub fn play(rules: RuleSet, recording: &Recording, until: i64) -> Played {
    let pseudonyms = Arc::new(Pseudonyms::new("rule cases hold nobody's data", "cases"));
    let settings = Settings {
        number: 0,
        partitions: None,
        order: Order::Strict,
        visibility: visibility(),
        limits: Config::default().limits,
        max_rule_errors: u32::MAX,
        pseudonyms: Arc::clone(&pseudonyms),
    };
    let mut shard = Shard::new(settings, rules);
    let messages = recording.messages();
    let mut unseen = Vec::new();
    for message in messages.iter().take_while(|message| message.known_time.0 <= until) {
        shard.take(message);
        if let Some(why) = why_unseen(message, &shard.take_fates(), &shard) {
            unseen.push((message.feed, message.offset, why));
        }
    }
    let persons: BTreeMap<String, String> =
        recording.units().into_iter().map(|unit| (pseudonyms.of(&unit), unit)).collect();
    let said = |alert: Alert| Said {
        at: parse_instant(&alert.as_of).unwrap_or(i64::MIN),
        person: persons.get(&alert.person).cloned().unwrap_or_default(),
        alert,
    };
    let log = shard.settle(KnownTime(until)).into_iter().map(|emitted| said(emitted.alert)).collect();
    let quarantined = shard.take_quarantined();
    Played { log, quarantined, unseen, shard }
}

/// Why no rule sees the message that was just taken; `None` if rules see it.
fn why_unseen(message: &Message, fates: &Fates, shard: &Shard) -> Option<String> {
    let feed = message.feed.index();
    if fates.duplicate[feed] > 0 {
        return Some("duplicate: this version of the record is there already".to_owned());
    }
    if fates.filtered[feed] == 0 {
        // A quarantined record fails its case elsewhere.
        return None;
    }
    let subject = std::str::from_utf8(message.key.as_deref().unwrap_or_default()).unwrap_or_default();
    let history = shard.history();
    let first = history.person_no(subject).map(|person| history.person(person).first_permit_known());
    let lead = visibility().permit_lead;
    Some(match first.filter(|first| *first < KnownTime::MAX) {
        None => "filtered: no permit or case of the person is known by then".to_owned(),
        Some(first) if message.known_time.minus(lead) < first => {
            let from = format_micros(first.0.saturating_add(lead)).replace('T', " ");
            let from = from.split('.').next().unwrap_or(&from);
            format!("filtered: it is known less than an hour after the person's first permit; from {from} on it counts")
        }
        Some(_) => "filtered: the person's last permit ended too long ago".to_owned(),
    })
}

impl Played {
    /// The last transition of each alert that stands at the clock.
    pub fn standing(&self, clock: i64) -> Vec<&Said> {
        let mut last: BTreeMap<&str, &Said> = BTreeMap::new();
        for said in self.log.iter().filter(|said| said.at <= clock) {
            let latest = last.entry(&said.alert.alert_id).or_insert(said);
            if latest.alert.sequence < said.alert.sequence {
                *latest = said;
            }
        }
        last.into_values().filter(|said| said.alert.status.stands()).collect()
    }

    /// Rows of a rule that are known at the clock but begin to hold, or may be asserted, only after it.
    pub fn ahead(&self, rule: &str, clock: KnownTime) -> Result<Vec<PendingRow>, String> {
        let waits = |hit: &Hit| hit.due_at.max(Some(hit.alert_at)) > Some(clock);
        self.rows(rule, clock, waits)
    }

    /// Rows that assert an absence later than the time from which they hold: engine and batch query would differ on them.
    pub fn overdue(&self, rule: &str, clock: KnownTime) -> Result<Vec<PendingRow>, String> {
        self.rows(rule, clock, |hit| hit.due_at > Some(hit.alert_at))
    }

    /// Rows of a rule, over the records of all persons as known at the clock.
    fn rows(&self, rule: &str, clock: KnownTime, which: impl Fn(&Hit) -> bool) -> Result<Vec<PendingRow>, String> {
        let history = self.shard.history();
        let rules = self.shard.rule_set();
        let Some(number) = rules.rules().iter().position(|planned| planned.file.header.id == rule) else {
            return Ok(Vec::new());
        };
        let units: Vec<Unit> = history.persons().map(|(person, _)| Unit { person, as_of: clock }).collect();
        let asked = vec![Request::rule(number); units.len()];
        let evaluation = rules.evaluate(history, &units, &asked);
        if let Some(failure) = evaluation.failures.into_iter().next() {
            return Err(failure.message);
        }
        let mut out = Vec::new();
        let Some(Some(rows)) = evaluation.rows.into_iter().nth(number) else { return Ok(out) };
        for (at, unit) in units.iter().enumerate() {
            let hits = rows.of(at as u32).iter().filter(|hit| which(hit));
            out.extend(hits.map(|hit| PendingRow {
                person: history.person(unit.person).subject.to_string(),
                alert_key: hit.alert_key.clone(),
            }));
        }
        out.sort();
        out.dedup();
        Ok(out)
    }
}

//! A rule's rows for one person: which of them hold at a moment, why one no longer does, and when that may change.

use super::{Cause, Moment, RuleRef, Standing};
use crate::alert::{Severity, Status};
use crate::rules::{Conditions, Hit, Interval};
use crate::time::{Day, MICROS_PER_DAY};

/// A row, or its copy that a corroboration made one tier stronger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub hit: usize,
    pub alert_at: i64,
    /// When the corroboration became known.
    since: Option<i64>,
    pub severity: Severity,
}

/// A rule's rows for one person, with everything that bears on when they hold.
pub(super) struct Rows<'a> {
    pub hits: &'a [Hit],
    candidates: Vec<Candidate>,
    conditions: &'a Conditions,
    cancellers: u8,
}

impl<'a> Rows<'a> {
    pub fn new(hits: &'a [Hit], conditions: &'a Conditions, rule: RuleRef<'_>) -> Rows<'a> {
        Rows { hits, candidates: candidates(hits, conditions, rule.number), conditions, cancellers: rule.cancellers }
    }

    /// The rows that waited for the rule's clock, `waited` first, and were over by `until`, of alerts of which no row is left and none
    /// stands; `None` without any.
    pub fn ended_since(&self, waited: i64, until: i64, stands: impl Fn(&Hit) -> bool) -> Option<Rows<'a>> {
        let is_over = |hit: &Hit| hit.cleared_at.is_some_and(|at| at <= until);
        let is_left = |hit: &Hit| {
            let same = |other: &&Hit| other.subject == hit.subject && other.alert_key == hit.alert_key;
            self.hits.iter().filter(same).any(|other| !is_over(other))
        };
        let is_gone =
            |hit: &Hit| hit.due_at.is_some_and(|due| due >= waited) && is_over(hit) && !is_left(hit) && !stands(hit);
        let candidates: Vec<Candidate> =
            self.candidates.iter().filter(|candidate| is_gone(&self.hits[candidate.hit])).copied().collect();
        (!candidates.is_empty()).then_some(Rows { candidates, ..*self })
    }

    fn reached(&self, candidate: &Candidate, moment: Moment) -> bool {
        let due = self.hits[candidate.hit].due_at;
        candidate.alert_at <= moment.fact
            && candidate.since.is_none_or(|since| since <= moment.fact)
            && due.is_none_or(|due| due <= moment.absence)
    }

    fn cleared(&self, candidate: &Candidate, moment: Moment) -> bool {
        self.hits[candidate.hit].cleared_at.is_some_and(|cleared| cleared <= moment.fact)
    }

    /// The canceller that covers the row's subject; the first in their fixed order.
    fn cancelled(&self, subject: &str, moment: Moment) -> Option<&'static str> {
        self.cancellers_of(subject)
            .filter(|interval| interval.covers(moment.fact))
            .min_by_key(|interval| interval.reason)
            .map(|interval| interval.reason_name())
    }

    fn cancellers_of<'b>(&'b self, subject: &'b str) -> impl Iterator<Item = &'b Interval> {
        let concerned =
            move |interval: &&Interval| self.cancellers & 1 << interval.reason != 0 && interval.subject == subject;
        self.conditions.cancellers.iter().filter(concerned)
    }

    /// Of the rows that hold, the greatest per (subject, alert_key) by (alert_at, anchor, severity).
    pub fn winners(&self, moment: Moment) -> Vec<Candidate> {
        let mut winners: Vec<Candidate> = Vec::new();
        let rank = |candidate: &Candidate| {
            (candidate.alert_at, self.hits[candidate.hit].anchor, candidate.severity, candidate.hit)
        };
        for candidate in &self.candidates {
            let hit = &self.hits[candidate.hit];
            if !self.reached(candidate, moment)
                || self.cleared(candidate, moment)
                || self.cancelled(&hit.subject, moment).is_some()
            {
                continue;
            }
            let same = winners.iter_mut().find(|winner| {
                let other = &self.hits[winner.hit];
                other.subject == hit.subject && other.alert_key == hit.alert_key
            });
            match same {
                Some(winner) if rank(winner) < rank(candidate) => *winner = *candidate,
                Some(_) => {}
                None => winners.push(*candidate),
            }
        }
        winners
    }

    /// Why an alert no longer stands.
    pub fn ending(&self, alert: &Standing, moment: Moment, cause: Cause) -> (Status, String, Option<usize>) {
        let reached: Vec<&Candidate> = self
            .candidates
            .iter()
            .filter(|candidate| {
                let hit = &self.hits[candidate.hit];
                hit.subject == alert.subject && hit.alert_key == alert.alert_key && self.reached(candidate, moment)
            })
            .collect();
        let last = |candidates: &mut dyn Iterator<Item = &&Candidate>| {
            candidates.max_by_key(|candidate| (candidate.alert_at, candidate.hit)).map(|candidate| candidate.hit)
        };
        if let Some(reason) = self.cancelled(&alert.subject, moment)
            && let Some(hit) = last(&mut reached.iter().filter(|candidate| !self.cleared(candidate, moment)))
        {
            return (Status::Cleared, reason.to_owned(), Some(hit));
        }
        if let Some(hit) = last(&mut reached.iter().filter(|candidate| self.cleared(candidate, moment))) {
            let reason = self.hits[hit].cleared_reason.clone().unwrap_or_else(|| "fulfilled".into());
            return (Status::Cleared, reason, Some(hit));
        }
        let reason = match cause {
            Cause { recomputed: true, .. } => "recomputed",
            Cause { corrected: true, .. } => "corrected",
            _ => "superseded",
        };
        (Status::Retracted, reason.to_owned(), None)
    }

    /// Instants in `(from, until]` at which something may change, in order.
    pub fn boundaries(&self, from: i64, until: i64) -> Vec<i64> {
        let mut at: Vec<i64> = self.instants().filter(|at| *at > from && *at <= until).collect();
        at.sort_unstable();
        at.dedup();
        at
    }

    /// When something may change after `moment`: by the fact clock, by the absence clock.
    pub fn next(&self, moment: Moment) -> (Option<i64>, Option<i64>) {
        let fact = self.instants().filter(|at| *at > moment.fact).min();
        let absence = self.hits.iter().filter_map(|hit| hit.due_at).filter(|due| *due > moment.absence).min();
        (fact, absence)
    }

    fn instants(&self) -> impl Iterator<Item = i64> {
        let rows = self.candidates.iter().flat_map(|candidate| {
            let hit = &self.hits[candidate.hit];
            [Some(candidate.alert_at), candidate.since, hit.due_at, hit.cleared_at].into_iter().flatten()
        });
        let cancellers = self
            .conditions
            .cancellers
            .iter()
            .filter(|interval| self.cancellers & 1 << interval.reason != 0)
            .filter(|interval| self.hits.iter().any(|hit| hit.subject == interval.subject))
            .flat_map(|interval| [interval.from, interval.to].into_iter().flatten());
        rows.chain(cancellers)
    }
}

/// The rows, and for each corroboration that concerns a row the copy that is one tier stronger.
fn candidates(hits: &[Hit], conditions: &Conditions, rule: u8) -> Vec<Candidate> {
    let mut out = Vec::with_capacity(hits.len());
    for (number, hit) in hits.iter().enumerate() {
        out.push(Candidate { hit: number, alert_at: hit.alert_at, since: None, severity: hit.severity });
        let day = Day(hit.alert_at.div_euclid(MICROS_PER_DAY) as i32);
        for corroboration in conditions.corroborations.iter().filter(|c| c.rule == rule) {
            if corroboration.from_on <= day && day <= corroboration.to_on {
                let (since, severity) = (Some(corroboration.since), hit.severity.raised());
                out.push(Candidate { hit: number, alert_at: hit.alert_at, since, severity });
            }
        }
    }
    out
}

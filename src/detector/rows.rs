//! A rule's rows for one person: which of them hold at a moment, why an alert has ended, and when that may change.

use super::{Cause, LEFT_POPULATION, Moment, RuleRef, Standing};
use crate::model::alert::{Severity, Status};
use crate::model::sets::RuleNo;
use crate::model::time::KnownTime;
use crate::rules::{CancellerSet, Conditions, Hit, Interval};

/// A row, or its copy that a corroboration made one tier stronger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub hit: usize,
    pub alert_at: KnownTime,
    corroborated: Option<Corroborated>,
    pub severity: Severity,
}

/// What makes a copy of a row stronger.
#[derive(Clone, Copy, Debug)]
struct Corroborated {
    /// The row of the same alert that the corroboration speaks to: this one or another.
    hit: usize,
    /// When the corroboration became known.
    since: KnownTime,
}

/// A rule's rows for one person, with the cancellers and corroborations that decide when they hold.
pub(super) struct RuleRows<'a> {
    pub hits: &'a [Hit],
    candidates: Vec<Candidate>,
    conditions: &'a Conditions,
    cancellers: CancellerSet,
}

impl<'a> RuleRows<'a> {
    pub fn new(hits: &'a [Hit], conditions: &'a Conditions, rule: RuleRef<'_>) -> RuleRows<'a> {
        RuleRows {
            hits,
            candidates: candidates(hits, conditions, rule.number),
            conditions,
            cancellers: rule.cancellers,
        }
    }

    /// The rows that waited for the rule's clock to reach `waited` or later and that ended by `until`, if their alert has no other row left
    /// and does not stand. `None` if there are no such rows.
    pub fn ended_since(
        &self,
        waited: KnownTime,
        until: KnownTime,
        stands: impl Fn(&Hit) -> bool,
    ) -> Option<RuleRows<'a>> {
        let is_over = |hit: &Hit| hit.cleared_at.is_some_and(|at| at <= until);
        let is_left = |hit: &Hit| {
            let same = |other: &&Hit| other.subject == hit.subject && other.alert_key == hit.alert_key;
            self.hits.iter().filter(same).any(|other| !is_over(other))
        };
        let is_gone = |hit: &Hit| {
            hit.waits_until().is_some_and(|due| due >= waited) && is_over(hit) && !is_left(hit) && !stands(hit)
        };
        let candidates: Vec<Candidate> =
            self.candidates.iter().filter(|candidate| is_gone(&self.hits[candidate.hit])).copied().collect();
        (!candidates.is_empty()).then_some(RuleRows { candidates, ..*self })
    }

    fn reached(&self, candidate: &Candidate, moment: Moment) -> bool {
        let has_begun = |hit: usize| {
            let hit = &self.hits[hit];
            hit.alert_at <= moment.fact && hit.waits_until().is_none_or(|due| due <= moment.absence)
        };
        has_begun(candidate.hit)
            && candidate.corroborated.is_none_or(|by| {
                by.since <= moment.fact
                    && (by.hit == candidate.hit || (has_begun(by.hit) && !self.is_over(by.hit, moment)))
            })
    }

    fn cleared(&self, candidate: &Candidate, moment: Moment) -> bool {
        self.is_over(candidate.hit, moment)
    }

    fn is_over(&self, hit: usize, moment: Moment) -> bool {
        self.hits[hit].cleared_at.is_some_and(|cleared| cleared <= moment.fact)
    }

    /// The canceller that covers the row's subject; of several, the first by reason.
    fn cancelled(&self, subject: &str, moment: Moment) -> Option<&'static str> {
        self.cancellers_of(subject)
            .filter(|interval| interval.covers(moment.fact))
            .min_by_key(|interval| interval.reason)
            .map(|interval| interval.reason_name())
    }

    fn cancellers_of<'b>(&'b self, subject: &'b str) -> impl Iterator<Item = &'b Interval> {
        let concerned = move |interval: &&Interval| self.cancellers.concern(interval) && interval.subject == subject;
        self.conditions.cancellers.iter().filter(concerned)
    }

    /// The rows that hold; for each (subject, `alert_key`) only the greatest by (`alert_at`, anchor, severity).
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

    /// Whether nothing may be said of the subject: its person is protected. No rule can opt out.
    pub fn is_withheld(&self, subject: &str, moment: Moment) -> bool {
        let covers = |interval: &Interval| interval.subject == subject && interval.covers(moment.fact);
        self.conditions.cancellers.iter().any(|interval| interval.withholds() && covers(interval))
    }

    /// Status, reason and row of an alert's ending.
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
            Cause { has_left: true, .. } => LEFT_POPULATION,
            Cause { recomputed: true, .. } => "recomputed",
            Cause { corrected: true, .. } => "corrected",
            _ => "superseded",
        };
        (Status::Retracted, reason.to_owned(), None)
    }

    /// The instants in `(from, until]` at which something may change, in order.
    pub fn boundaries(&self, from: KnownTime, until: KnownTime) -> Vec<KnownTime> {
        let mut at: Vec<KnownTime> = self.instants().filter(|at| *at > from && *at <= until).collect();
        at.sort_unstable();
        at.dedup();
        at
    }

    /// The next instants after `moment` at which something may change: by the fact clock, and by the absence clock.
    pub fn next(&self, moment: Moment) -> (Option<KnownTime>, Option<KnownTime>) {
        let fact = self.instants().filter(|at| *at > moment.fact).min();
        let absence = self.hits.iter().filter_map(Hit::waits_until).filter(|due| *due > moment.absence).min();
        (fact, absence)
    }

    fn instants(&self) -> impl Iterator<Item = KnownTime> {
        let rows = self.candidates.iter().flat_map(|candidate| {
            let hit = &self.hits[candidate.hit];
            let since = candidate.corroborated.map(|by| by.since);
            [Some(candidate.alert_at), since, hit.waits_until(), hit.cleared_at].into_iter().flatten()
        });
        let cancellers = self
            .conditions
            .cancellers
            .iter()
            .filter(|interval| self.cancellers.concern(interval))
            .filter(|interval| self.hits.iter().any(|hit| hit.subject == interval.subject))
            .flat_map(|interval| [interval.from, interval.to].into_iter().flatten());
        rows.chain(cancellers)
    }
}

/// The rows, and for each corroboration that speaks to a row a copy of each row of the same alert that is one tier stronger.
fn candidates(hits: &[Hit], conditions: &Conditions, rule: RuleNo) -> Vec<Candidate> {
    let own = |(number, hit): (usize, &Hit)| Candidate {
        hit: number,
        alert_at: hit.alert_at,
        corroborated: None,
        severity: hit.severity,
    };
    let mut out: Vec<Candidate> = hits.iter().enumerate().map(own).collect();
    for corroboration in conditions.corroborations.iter().filter(|corroboration| corroboration.rule == rule) {
        for (spoken_to, hit) in hits.iter().enumerate().filter(|(_, hit)| corroboration.speaks_to(hit)) {
            let corroborated = Some(Corroborated { hit: spoken_to, since: corroboration.since });
            let same = |(_, other): &(usize, &Hit)| other.subject == hit.subject && other.alert_key == hit.alert_key;
            out.extend(hits.iter().enumerate().filter(same).map(|(number, other)| Candidate {
                corroborated,
                severity: other.severity.raised(),
                ..own((number, other))
            }));
        }
    }
    out
}

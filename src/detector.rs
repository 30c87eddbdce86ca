//! From rows to alerts: what stands, what changed, and when to look again.
//!
//! A rule's rows are intervals and do not change until the person's next record, so the detector can walk through
//! every boundary between two evaluations (`alert_at`, `cleared_at`, cancellers, corroborations) without running
//! SQL again. What lies beyond becomes a timer: one instant per person and rule. `queries/standing.sql` says the
//! same in SQL; the two are held together by a property test.
//!
//! Two clocks: *fact* is the greatest known time read; *absence* is the rule's clock, up to which all its feeds have
//! spoken. In strict order they are equal as far as the recording's feeds have spoken. A row with `due_at` asserts an absence and
//! waits for the second.
//!
//! No I/O, no SQL, no wall clock.

mod looks;
mod rows;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::alert::{AlertId, Severity, Status};
use crate::clock::FeedSet;
use crate::history::PersonNo;
use crate::rules::{Conditions, Hit, RuleMask};
use crate::time::Day;

pub use looks::Looks;
use rows::Rows;

/// Records of a person that came too late for the kept history: of which feeds, and when the last of them came.
#[derive(Clone, Copy, Debug)]
pub struct Late {
    pub feeds: FeedSet,
    pub at: i64,
}

/// Reason of an update that marks an alert because a record came too late for the kept history.
pub const LATE_RECORD: &str = "late_record";

/// The two clocks at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    fact: i64,
    absence: i64,
}

/// How far an evaluation reaches: from the unit's as_of up to and including `until`, boundary by boundary.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub until: i64,
    /// The rule's clock: absence is asserted up to here.
    pub absence: i64,
}

impl Span {
    fn moment(self, fact: i64) -> Moment {
        Moment { fact, absence: fact.min(self.absence) }
    }
}

/// What brought an evaluation about.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// Known time of the record, or the deadline.
    pub as_of: i64,
    /// A record of the unit corrects or retracts.
    pub corrected: bool,
    /// The rule has changed, not what is known.
    pub recomputed: bool,
}

/// An alert that stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub rule: u8,
    pub id: AlertId,
    pub subject: String,
    pub alert_key: String,
    pub severity: Severity,
    pub anchor: Option<Day>,
    pub alert_at: i64,
    /// A record that came too late concerns it.
    pub late: bool,
}

impl Standing {
    /// It is what the row raises.
    fn is_of(&self, rule: RuleRef<'_>, hit: &Hit) -> bool {
        self.rule == rule.number && self.subject == hit.subject && self.alert_key == hit.alert_key
    }
}

/// A change of an alert.
#[derive(Clone, Debug)]
pub struct Transition {
    pub as_of: i64,
    pub status: Status,
    pub alert: Standing,
    pub sequence: u64,
    pub reason: Option<String>,
    pub replaced_by: Option<AlertId>,
    pub replaces: Option<AlertId>,
    /// Position of the row in force among the hits given to [`Detector::settle`].
    pub hit: Option<usize>,
}

/// A rule as the detector needs it.
#[derive(Clone, Copy, Debug)]
pub struct RuleRef<'a> {
    pub number: u8,
    pub id: &'a str,
    /// Bits of the cancellers that concern it.
    pub cancellers: u8,
}

#[derive(Debug, Default)]
struct PersonState {
    conditions: Conditions,
    standing: Vec<Standing>,
    timers: Vec<Timer>,
}

/// When a rule has to be looked at again for a person.
#[derive(Clone, Copy, Debug)]
struct Timer {
    rule: u8,
    fact: Option<i64>,
    absence: Option<i64>,
}

/// Alerts and timers of one shard.
#[derive(Debug, Default)]
pub struct Detector {
    /// Those of whom there is something to say; most have nothing.
    persons: FxHashMap<PersonNo, Box<PersonState>>,
    sequences: FxHashMap<AlertId, u64>,
    fact_timers: BTreeSet<(i64, PersonNo, u8)>,
    /// By rule.
    absence_timers: Vec<BTreeSet<(i64, PersonNo)>>,
    /// When rules with a cadence look at units again.
    pub looks: Looks,
}

impl Detector {
    pub fn new(rules: usize) -> Detector {
        Detector { absence_timers: vec![BTreeSet::new(); rules], looks: Looks::new(rules), ..Detector::default() }
    }

    pub fn conditions(&self, person: PersonNo) -> Conditions {
        self.persons.get(&person).map(|state| state.conditions.clone()).unwrap_or_default()
    }

    pub fn set_conditions(&mut self, person: PersonNo, conditions: Conditions) {
        match self.persons.get_mut(&person) {
            Some(state) => state.conditions = conditions,
            None if conditions == Conditions::default() => {}
            None => self.persons.entry(person).or_default().conditions = conditions,
        }
    }

    /// The alerts that stand, in no particular order.
    pub fn standing(&self) -> impl Iterator<Item = (PersonNo, &Standing)> {
        self.persons.iter().flat_map(|(person, state)| state.standing.iter().map(move |alert| (*person, alert)))
    }

    /// The alerts of a person that stand.
    pub fn standing_of(&self, person: PersonNo) -> &[Standing] {
        self.persons.get(&person).map_or(&[], |state| &state.standing)
    }

    /// Rules of which something stands or is expected for a person.
    pub fn rules_of(&self, person: PersonNo) -> RuleMask {
        let Some(state) = self.persons.get(&person) else { return 0 };
        let standing = state.standing.iter().map(|alert| alert.rule);
        standing.chain(state.timers.iter().map(|timer| timer.rule)).fold(0, |mask, rule| mask | 1 << rule)
    }

    pub fn timer_count(&self) -> usize {
        self.fact_timers.len() + self.absence_timers.iter().map(BTreeSet::len).sum::<usize>() + self.looks.len()
    }

    /// Last sequence number of an alert.
    pub fn sequence(&self, id: AlertId) -> u64 {
        self.sequences.get(&id).copied().unwrap_or(0)
    }

    /// Continues the sequence of an alert from what was published.
    pub fn set_sequence(&mut self, id: AlertId, sequence: u64) {
        self.sequences.insert(id, sequence);
    }

    /// Forgets every sequence; recovery puts those of the topic in their place.
    pub fn clear_sequences(&mut self) {
        self.sequences.clear();
    }

    pub fn next_sequence(&mut self, id: AlertId) -> u64 {
        let sequence = self.sequences.entry(id).or_insert(0);
        *sequence += 1;
        *sequence
    }

    /// Timers that have come due: (instant, person, rule). They stay until the rule is settled again. No rule's clock of absence
    /// is beyond that of facts, which spares asking for it where nothing waits.
    pub fn due(&self, fact: i64, absence: impl Fn(u8) -> i64) -> Vec<(i64, PersonNo, u8)> {
        let mut due: Vec<_> = self.fact_timers.range(..=(fact, PersonNo(u32::MAX), u8::MAX)).copied().collect();
        for (rule, timers) in self.absence_timers.iter().enumerate() {
            if timers.first().is_none_or(|(first, _)| *first > fact) {
                continue;
            }
            let reached = timers.range(..=(absence(rule as u8), PersonNo(u32::MAX)));
            due.extend(reached.map(|(at, person)| (*at, *person, rule as u8)));
        }
        due.sort_unstable();
        due
    }

    /// By rule, of how many persons an absence is due by `fact` and waits for the rule's clock. Asked when all has been settled.
    pub fn waiting(&self, fact: i64) -> Vec<usize> {
        let due = |timers: &BTreeSet<(i64, PersonNo)>| timers.range(..=(fact, PersonNo(u32::MAX))).count();
        self.absence_timers.iter().map(due).collect()
    }

    /// Goes over to another set of rules: `places` says where each rule of the old one stands now, `changed` which of the new
    /// ones are to be worked out again. The alerts of rules that are gone stand no more.
    pub fn replace_rules(&mut self, places: &[Option<u8>], count: usize, changed: u64) {
        let mut fact_timers = BTreeSet::new();
        let mut absence_timers = vec![BTreeSet::new(); count];
        let place = |rule: u8| places.get(rule as usize).copied().flatten();
        self.looks.replace_rules(place, count);
        for (person, state) in &mut self.persons {
            state.standing.retain_mut(|alert| match place(alert.rule) {
                Some(rule) => {
                    alert.rule = rule;
                    true
                }
                None => false,
            });
            state.timers.retain_mut(|timer| match place(timer.rule) {
                // A changed rule's timers are set when it is worked out again.
                Some(rule) if changed & 1 << rule == 0 => {
                    timer.rule = rule;
                    true
                }
                _ => false,
            });
            for timer in &state.timers {
                fact_timers.extend(timer.fact.map(|at| (at, *person, timer.rule)));
                if let (Some(at), Some(set)) = (timer.absence, absence_timers.get_mut(timer.rule as usize)) {
                    set.insert((at, *person));
                }
            }
        }
        self.fact_timers = fact_timers;
        self.absence_timers = absence_timers;
    }

    /// Takes a rule's rows for a person and works out every transition within the span. Sets the next timer.
    pub fn settle(
        &mut self,
        person: PersonNo,
        rule: RuleRef<'_>,
        hits: &[Hit],
        cause: Cause,
        span: Span,
        out: &mut Vec<Transition>,
    ) {
        let nothing_is_said = |state: &PersonState| state.standing.is_empty() && state.timers.is_empty();
        if hits.is_empty() && self.persons.get(&person).is_none_or(|state| nothing_is_said(state)) {
            return;
        }
        let state = self.persons.entry(person).or_default();
        let conditions = std::mem::take(&mut state.conditions);
        let rows = Rows::new(hits, &conditions, rule);
        self.catch_up(person, rule, &rows, cause, span, out);
        self.step(person, rule, &rows, span.moment(cause.as_of), cause, out);
        self.walk(person, rule, &rows, (cause.as_of, span.until), span, out);
        let (fact, absence) = rows.next(span.moment(span.until));
        self.set_timer(person, rule.number, fact, absence);
        if let Some(state) = self.persons.get_mut(&person) {
            state.conditions = conditions;
        }
    }

    /// A row that asserts an absence waits for the rule's clock while that of facts goes on. Where one batch brings that clock and what ends
    /// the row, nothing has stood in between: the alert is raised and ended now, at the times at which it would have been.
    fn catch_up(
        &mut self,
        person: PersonNo,
        rule: RuleRef<'_>,
        rows: &Rows<'_>,
        cause: Cause,
        span: Span,
        out: &mut Vec<Transition>,
    ) {
        let Some(state) = self.persons.get_mut(&person) else { return };
        let timer = state.timers.iter().find(|timer| timer.rule == rule.number).and_then(|timer| timer.absence);
        let Some(waited) = timer.filter(|at| *at < cause.as_of && *at <= span.absence) else { return };
        let stands = |hit: &Hit| state.standing.iter().any(|alert| alert.is_of(rule, hit));
        let Some(gone) = rows.ended_since(waited, cause.as_of, stands) else { return };
        // It does not touch what stands.
        let standing = std::mem::take(&mut state.standing);
        self.walk(person, rule, &gone, (waited - 1, cause.as_of), span, out);
        if let Some(state) = self.persons.get_mut(&person) {
            state.standing.extend(standing);
        }
    }

    /// Marks the person's alerts of rules that read the feeds, as far as they stood when a record came too late for the kept history.
    pub fn mark_late(
        &mut self,
        person: PersonNo,
        as_of: i64,
        reads: impl Fn(u8) -> FeedSet,
        late: Late,
        out: &mut Vec<Transition>,
    ) {
        let Some(state) = self.persons.get_mut(&person) else { return };
        for alert in &mut state.standing {
            if alert.late || alert.alert_at > late.at || reads(alert.rule).0 & late.feeds.0 == 0 {
                continue;
            }
            alert.late = true;
            let sequence = self.sequences.entry(alert.id).or_insert(0);
            *sequence += 1;
            out.push(Transition {
                as_of,
                status: Status::Updated,
                alert: alert.clone(),
                sequence: *sequence,
                reason: Some(LATE_RECORD.into()),
                replaced_by: None,
                replaces: None,
                hit: None,
            });
        }
    }

    /// Steps through every instant in `(from, until]` at which something may change.
    fn walk(
        &mut self,
        person: PersonNo,
        rule: RuleRef<'_>,
        rows: &Rows<'_>,
        (from, until): (i64, i64),
        span: Span,
        out: &mut Vec<Transition>,
    ) {
        for at in rows.boundaries(from, until) {
            let cause = Cause { as_of: at, corrected: false, recomputed: false };
            self.step(person, rule, rows, span.moment(at), cause, out);
        }
    }

    /// Compares what holds at a moment with what stands.
    fn step(
        &mut self,
        person: PersonNo,
        rule: RuleRef<'_>,
        rows: &Rows<'_>,
        moment: Moment,
        cause: Cause,
        out: &mut Vec<Transition>,
    ) {
        let winners = rows.winners(moment);
        let state = self.persons.entry(person).or_default();
        let first = out.len();
        let mut change = |alert: &Standing, status, reason: Option<String>, hit| {
            let sequence = self.sequences.entry(alert.id).or_insert(0);
            *sequence += 1;
            out.push(Transition {
                as_of: cause.as_of,
                status,
                alert: alert.clone(),
                sequence: *sequence,
                reason,
                replaced_by: None,
                replaces: None,
                hit,
            });
        };
        state.standing.retain_mut(|alert| {
            if alert.rule != rule.number {
                return true;
            }
            let winner = winners.iter().find(|winner| {
                let hit = &rows.hits[winner.hit];
                hit.subject == alert.subject && hit.alert_key == alert.alert_key
            });
            let Some(winner) = winner else {
                let (status, reason, hit) = rows.ending(alert, moment, cause);
                change(alert, status, Some(reason), hit);
                return false;
            };
            let anchor = rows.hits[winner.hit].anchor;
            let changed = alert.severity != winner.severity || alert.anchor != anchor;
            alert.alert_at = winner.alert_at;
            alert.severity = winner.severity;
            alert.anchor = anchor;
            if changed {
                change(alert, Status::Updated, None, Some(winner.hit));
            }
            true
        });
        for winner in winners {
            let hit = &rows.hits[winner.hit];
            if state.standing.iter().any(|alert| alert.is_of(rule, hit)) {
                continue;
            }
            let alert = Standing {
                rule: rule.number,
                id: AlertId::new(rule.id, &hit.subject, &hit.alert_key),
                subject: hit.subject.clone(),
                alert_key: hit.alert_key.clone(),
                severity: winner.severity,
                anchor: hit.anchor,
                alert_at: winner.alert_at,
                late: false,
            };
            change(&alert, Status::Raised, None, Some(winner.hit));
            state.standing.push(alert);
        }
        link_replacements(&mut out[first..]);
    }

    fn set_timer(&mut self, person: PersonNo, rule: u8, fact: Option<i64>, absence: Option<i64>) {
        let Some(state) = self.persons.get_mut(&person) else { return };
        let timers = &mut state.timers;
        if let Some(at) = timers.iter().position(|timer| timer.rule == rule) {
            let old = timers.swap_remove(at);
            if let Some(at) = old.fact {
                self.fact_timers.remove(&(at, person, rule));
            }
            if let (Some(at), Some(set)) = (old.absence, self.absence_timers.get_mut(rule as usize)) {
                set.remove(&(at, person));
            }
        }
        if fact.is_none() && absence.is_none() {
            return;
        }
        timers.push(Timer { rule, fact, absence });
        if let Some(at) = fact {
            self.fact_timers.insert((at, person, rule));
        }
        if let (Some(at), Some(set)) = (absence, self.absence_timers.get_mut(rule as usize)) {
            set.insert((at, person));
        }
    }
}

/// If one key vanishes and another of the same subject appears in one step, the two name each other.
fn link_replacements(step: &mut [Transition]) {
    let pick = |step: &[Transition], status: Status| -> Vec<usize> {
        let mut at: Vec<usize> = (0..step.len()).filter(|at| step[*at].status == status).collect();
        at.sort_by(|a, b| step[*a].alert.alert_key.cmp(&step[*b].alert.alert_key));
        at
    };
    let mut raised = pick(step, Status::Raised);
    for gone in pick(step, Status::Retracted) {
        let subject = step[gone].alert.subject.clone();
        if let Some(at) = raised.iter().position(|new| step[*new].alert.subject == subject) {
            let new = raised.remove(at);
            step[gone].replaced_by = Some(step[new].alert.id);
            step[new].replaces = Some(step[gone].alert.id);
        }
    }
}

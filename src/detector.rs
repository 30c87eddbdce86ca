//! From rows to alerts: which alerts stand, what has changed, and when to look again.
//!
//! A rule's rows are intervals that stay the same until the person's next record. So between two evaluations the detector walks
//! through every boundary (`alert_at`, `cleared_at`, cancellers, corroborations) without running SQL again. The first boundary
//! after that becomes a timer of the person and rule. `queries/standing.sql` says the same in SQL; a property test compares the
//! two.
//!
//! There are two clocks. *Fact* is the greatest known time read. *Absence* is the rule's clock: the time up to which all the rule's
//! feeds have been read. In strict order the two are equal as far as the recording's feeds reach. A row with `due_at` asserts an
//! absence and waits for the second clock, and so does one that lies ahead ([`Hit::waits_until`]).
//!
//! No I/O, no SQL, no wall clock.

mod daily_checks;
mod rows;
pub mod saved;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::history::PersonNo;
use crate::model::alert::{AlertId, Severity, Status};
use crate::model::sets::{FeedSet, RuleBits, RuleNo};
use crate::model::stage::Outlet;
use crate::model::time::{Day, KnownTime};
use crate::rules::{CancellerSet, Conditions, Hit};

pub use daily_checks::DailyChecks;
use rows::RuleRows;

/// Records of a person that came too late for the kept history: their feeds, and the known time of the last of them.
#[derive(Clone, Copy, Debug)]
pub struct Late {
    pub feeds: FeedSet,
    pub at: KnownTime,
}

/// Reason of the update that marks an alert because a record came too late for the kept history.
pub const LATE_RECORD: &str = "late_record";

/// The two clocks at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    fact: KnownTime,
    absence: KnownTime,
}

/// The span that an evaluation covers: from the unit's as_of up to and including `until`, boundary by boundary.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub until: KnownTime,
    /// The rule's clock: absences are asserted up to here.
    pub absence: KnownTime,
}

impl Span {
    fn moment(self, fact: KnownTime) -> Moment {
        Moment { fact, absence: fact.min(self.absence) }
    }
}

/// What caused an evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// Known time of the record, or the deadline.
    pub as_of: KnownTime,
    /// A record of the unit corrects or retracts an earlier one.
    pub corrected: bool,
    /// The rule has changed, not what is known of the person.
    pub recomputed: bool,
    /// The person has left the population.
    pub has_left: bool,
}

/// Reason of the retraction of an alert whose person has left the population.
pub const LEFT_POPULATION: &str = "left_population";

/// An alert that stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub rule: RuleNo,
    pub id: AlertId,
    pub subject: String,
    pub alert_key: String,
    pub severity: Severity,
    pub anchor: Option<Day>,
    pub alert_at: KnownTime,
    /// What it tells its reader (`model::alert::content`).
    pub content: u64,
    /// The alert's rule reads a feed of which a record came too late for the kept history.
    pub late: bool,
}

impl Standing {
    /// Whether the row raises this alert.
    fn is_of(&self, rule: RuleRef<'_>, hit: &Hit) -> bool {
        self.rule == rule.number && self.subject == hit.subject && self.alert_key == hit.alert_key
    }
}

/// A change of an alert.
#[derive(Clone, Debug)]
pub struct Transition {
    pub as_of: KnownTime,
    pub status: Status,
    pub alert: Standing,
    pub sequence: u64,
    pub reason: Option<String>,
    pub replaced_by: Option<AlertId>,
    pub replaces: Option<AlertId>,
    /// Index of the row in force in the hits given to [`Detector::settle`].
    pub hit: Option<usize>,
    /// The alert's person is protected.
    pub is_withheld: bool,
}

/// The parts of a rule that the detector needs.
#[derive(Clone, Copy)]
pub struct RuleRef<'a> {
    pub number: RuleNo,
    pub id: &'a str,
    /// Where its alerts go.
    pub outlet: Outlet,
    /// Cancellers that concern the rule.
    pub cancellers: CancellerSet,
    /// What an alert of the row tells its reader (`model::alert::content`).
    pub content: &'a dyn Fn(&Hit) -> u64,
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
    rule: RuleNo,
    fact: Option<KnownTime>,
    absence: Option<KnownTime>,
}

/// Alerts and timers of one shard.
#[derive(Debug, Default)]
pub struct Detector {
    /// Only persons with standing alerts, timers or conditions; most have none.
    persons: FxHashMap<PersonNo, Box<PersonState>>,
    /// By outlet: a rule that changes its stage begins anew on the other topic.
    sequences: [FxHashMap<AlertId, u64>; Outlet::COUNT],
    fact_timers: BTreeSet<(KnownTime, PersonNo, RuleNo)>,
    /// By rule.
    absence_timers: Vec<BTreeSet<(KnownTime, PersonNo)>>,
    /// When rules with a cadence evaluate units again.
    pub daily_checks: DailyChecks,
}

impl Detector {
    pub fn new(rules: usize) -> Detector {
        Detector {
            absence_timers: vec![BTreeSet::new(); rules],
            daily_checks: DailyChecks::new(rules),
            ..Detector::default()
        }
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

    /// Permits, and what else alerts are about, of protected persons.
    pub fn withheld(&self) -> BTreeSet<&str> {
        let cancellers = self.persons.values().flat_map(|state| &state.conditions.cancellers);
        cancellers.filter(|interval| interval.withholds()).map(|interval| interval.subject.as_str()).collect()
    }

    /// The alerts that stand, in no particular order.
    pub fn standing(&self) -> impl Iterator<Item = (PersonNo, &Standing)> {
        self.persons.iter().flat_map(|(person, state)| state.standing.iter().map(move |alert| (*person, alert)))
    }

    pub fn for_each_standing(&mut self, each: impl FnMut(&mut Standing)) {
        self.persons.values_mut().flat_map(|state| &mut state.standing).for_each(each);
    }

    /// The alerts of a person that stand.
    pub fn standing_of(&self, person: PersonNo) -> &[Standing] {
        self.persons.get(&person).map_or(&[], |state| &state.standing)
    }

    /// Of whom nothing stands and nothing is awaited.
    pub fn forget(&mut self, person: PersonNo) {
        self.persons.remove(&person);
    }

    /// Rules that have a standing alert or a timer for the person.
    pub fn rules_of(&self, person: PersonNo) -> RuleBits {
        let Some(state) = self.persons.get(&person) else { return RuleBits::NONE };
        let standing = state.standing.iter().map(|alert| alert.rule);
        standing.chain(state.timers.iter().map(|timer| timer.rule)).map(RuleNo::index).collect()
    }

    pub fn timer_count(&self) -> usize {
        self.fact_timers.len() + self.absence_timers.iter().map(BTreeSet::len).sum::<usize>() + self.daily_checks.len()
    }

    /// Last sequence number of an alert.
    pub fn sequence(&self, outlet: Outlet, id: AlertId) -> u64 {
        self.sequences[outlet.index()].get(&id).copied().unwrap_or(0)
    }

    /// Continues the sequence of an alert from what was published.
    pub fn set_sequence(&mut self, outlet: Outlet, id: AlertId, sequence: u64) {
        self.sequences[outlet.index()].insert(id, sequence);
    }

    /// Forgets every sequence of an outlet; recovery then sets those that its topic says.
    pub fn clear_sequences(&mut self, outlet: Outlet) {
        self.sequences[outlet.index()].clear();
    }

    pub fn next_sequence(&mut self, outlet: Outlet, id: AlertId) -> u64 {
        let sequence = self.sequences[outlet.index()].entry(id).or_insert(0);
        *sequence += 1;
        *sequence
    }

    /// Timers that are due: (instant, person, rule). They stay until the rule is settled again. A rule's clock is never ahead of
    /// the fact clock, so `absence` is asked only for rules with a timer at or before `fact`.
    pub fn due(&self, fact: KnownTime, absence: impl Fn(RuleNo) -> KnownTime) -> Vec<(KnownTime, PersonNo, RuleNo)> {
        let mut due: Vec<_> = self.fact_timers.range(..=(fact, PersonNo(u32::MAX), RuleNo::MAX)).copied().collect();
        for (rule, timers) in self.absence_timers.iter().enumerate() {
            let rule = RuleNo::at(rule);
            if timers.first().is_none_or(|(first, _)| *first > fact) {
                continue;
            }
            let reached = timers.range(..=(absence(rule), PersonNo(u32::MAX)));
            due.extend(reached.map(|(at, person)| (*at, *person, rule)));
        }
        due.sort_unstable();
        due
    }

    /// By rule: the number of persons of whom an absence is due by `fact` and waits for the rule's clock. To be called when
    /// everything has been settled.
    pub fn waiting(&self, fact: KnownTime) -> Vec<usize> {
        let due = |timers: &BTreeSet<(KnownTime, PersonNo)>| timers.range(..=(fact, PersonNo(u32::MAX))).count();
        self.absence_timers.iter().map(due).collect()
    }

    /// Switches to another rule set: `places` gives each old rule's number in the new set, `changed` the new rules that will be
    /// evaluated again. Drops the alerts of rules that are gone.
    pub fn replace_rules(&mut self, places: &[Option<RuleNo>], count: usize, changed: &RuleBits) {
        let mut fact_timers = BTreeSet::new();
        let mut absence_timers = vec![BTreeSet::new(); count];
        let place = |rule: RuleNo| places.get(rule.index()).copied().flatten();
        self.daily_checks.replace_rules(place, count);
        for (person, state) in &mut self.persons {
            state.standing.retain_mut(|alert| match place(alert.rule) {
                Some(rule) => {
                    alert.rule = rule;
                    true
                }
                None => false,
            });
            state.timers.retain_mut(|timer| match place(timer.rule) {
                // A changed rule's timers are set when it is evaluated again.
                Some(rule) if !changed.contains(rule.index()) => {
                    timer.rule = rule;
                    true
                }
                _ => false,
            });
            for timer in &state.timers {
                fact_timers.extend(timer.fact.map(|at| (at, *person, timer.rule)));
                if let (Some(at), Some(set)) = (timer.absence, absence_timers.get_mut(timer.rule.index())) {
                    set.insert((at, *person));
                }
            }
        }
        self.fact_timers = fact_timers;
        self.absence_timers = absence_timers;
    }

    /// Takes a rule's rows for a person, appends every transition within the span to `out`, and sets the next timer.
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
        let rows = RuleRows::new(hits, &conditions, rule);
        self.catch_up(person, rule, &rows, cause, span, out);
        self.step(person, rule, &rows, span.moment(cause.as_of), cause, out);
        self.walk(person, rule, &rows, (cause.as_of, span.until), span, out);
        let (fact, absence) = rows.next(span.moment(span.until));
        self.set_timer(person, rule.number, fact, absence);
        if let Some(state) = self.persons.get_mut(&person) {
            state.conditions = conditions;
        }
    }

    /// Raises and ends alerts that a live shard would have raised and ended since the last evaluation. A row that asserts an
    /// absence waits for the rule's clock while the fact clock goes on. If one batch brings both the clock that the row waited for
    /// and the record that ends the row, no alert has stood in between: its raising and its ending come out now, as of the times at
    /// which they fell due.
    fn catch_up(
        &mut self,
        person: PersonNo,
        rule: RuleRef<'_>,
        rows: &RuleRows<'_>,
        cause: Cause,
        span: Span,
        out: &mut Vec<Transition>,
    ) {
        let Some(state) = self.persons.get_mut(&person) else { return };
        let timer = state.timers.iter().find(|timer| timer.rule == rule.number).and_then(|timer| timer.absence);
        let Some(waited) = timer.filter(|at| *at < cause.as_of && *at <= span.absence) else { return };
        let stands = |hit: &Hit| state.standing.iter().any(|alert| alert.is_of(rule, hit));
        let Some(gone) = rows.ended_since(waited, cause.as_of, stands) else { return };
        // These rows belong to other alerts than those that stand.
        let standing = std::mem::take(&mut state.standing);
        self.walk(person, rule, &gone, (waited.minus(1), cause.as_of), span, out);
        if let Some(state) = self.persons.get_mut(&person) {
            state.standing.extend(standing);
        }
    }

    /// Marks the person's standing alerts of rules that read the late feeds, if they stood when the late record came. `rule` says what
    /// a rule reads, and where its alerts go.
    pub fn mark_late(
        &mut self,
        person: PersonNo,
        as_of: KnownTime,
        rule: impl Fn(RuleNo) -> (FeedSet, Outlet),
        late: Late,
        out: &mut Vec<Transition>,
    ) {
        let Some(state) = self.persons.get_mut(&person) else { return };
        for alert in &mut state.standing {
            let (reads, outlet) = rule(alert.rule);
            if alert.late || alert.alert_at > late.at || reads.0 & late.feeds.0 == 0 {
                continue;
            }
            alert.late = true;
            let sequence = self.sequences[outlet.index()].entry(alert.id).or_insert(0);
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
                is_withheld: false,
            });
        }
    }

    /// Steps through every instant in `(from, until]` at which something may change.
    fn walk(
        &mut self,
        person: PersonNo,
        rule: RuleRef<'_>,
        rows: &RuleRows<'_>,
        (from, until): (KnownTime, KnownTime),
        span: Span,
        out: &mut Vec<Transition>,
    ) {
        for at in rows.boundaries(from, until) {
            let cause = Cause { as_of: at, corrected: false, recomputed: false, has_left: false };
            self.step(person, rule, rows, span.moment(at), cause, out);
        }
    }

    /// Compares the rows that hold at a moment with the alerts that stand, and appends the transitions.
    fn step(
        &mut self,
        person: PersonNo,
        rule: RuleRef<'_>,
        rows: &RuleRows<'_>,
        moment: Moment,
        cause: Cause,
        out: &mut Vec<Transition>,
    ) {
        let winners = rows.winners(moment);
        let state = self.persons.entry(person).or_default();
        let first = out.len();
        let mut change = |alert: &Standing, status, reason: Option<String>, hit, is_withheld| {
            let sequence = self.sequences[rule.outlet.index()].entry(alert.id).or_insert(0);
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
                is_withheld,
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
                change(alert, status, Some(reason), hit, rows.is_withheld(&alert.subject, moment));
                return false;
            };
            let hit = &rows.hits[winner.hit];
            let before = (alert.severity, alert.anchor, alert.alert_at, alert.content);
            let now = (winner.severity, hit.anchor, winner.alert_at, (rule.content)(hit));
            (alert.severity, alert.anchor, alert.alert_at, alert.content) = now;
            if before != now {
                change(alert, Status::Updated, None, Some(winner.hit), false);
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
                content: (rule.content)(hit),
                late: false,
            };
            change(&alert, Status::Raised, None, Some(winner.hit), false);
            state.standing.push(alert);
        }
        link_replacements(&mut out[first..]);
    }

    fn set_timer(&mut self, person: PersonNo, rule: RuleNo, fact: Option<KnownTime>, absence: Option<KnownTime>) {
        let Some(state) = self.persons.get_mut(&person) else { return };
        let timers = &mut state.timers;
        if let Some(at) = timers.iter().position(|timer| timer.rule == rule) {
            let old = timers.swap_remove(at);
            if let Some(at) = old.fact {
                self.fact_timers.remove(&(at, person, rule));
            }
            if let (Some(at), Some(set)) = (old.absence, self.absence_timers.get_mut(rule.index())) {
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
        if let (Some(at), Some(set)) = (absence, self.absence_timers.get_mut(rule.index())) {
            set.insert((at, person));
        }
    }
}

/// If one step ends an alert and raises another of the same subject, makes the two name each other.
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

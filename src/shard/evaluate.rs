//! Settling: changes become jobs, jobs are evaluated in batches, and the rows that the rules find become transitions.

mod detect;

use std::collections::BTreeMap;
use std::time::Instant;

use crate::history::{ClassSet, History, PersonNo};
use crate::model::record::{Coordinates, Offset, Quarantined, Reason};
use crate::model::schema::Feed;
use crate::model::sets::{FeedSet, RuleBits, RuleNo, TableSet};
use crate::model::time::{KnownTime, WallTime};
use crate::rules::{Conditions, Evaluation, GIVEN_UP, Request};
use crate::shard::{Change, Emitted, Order, Shard};
use crate::units::{MAX_UNITS, Unit};
use rustc_hash::FxHashMap;

/// A unit to evaluate, with its causes.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) unit: Unit,
    /// The moment that the job is about. It is the unit's as_of, except for a deadline within the day of a rule with a cadence.
    pub(super) at: KnownTime,
    pub(super) tables: TableSet,
    corrected: bool,
    /// Feeds of records that came too late for the kept history, and when the last of these records came.
    late: FeedSet,
    late_at: KnownTime,
    pub(super) rules: RuleBits,
    deadline: bool,
    sent_at: Option<WallTime>,
    coordinates: Option<Coordinates>,
    /// Set where the cancellers and corroborations had to be evaluated.
    conditions: Option<Conditions>,
    /// Links that read what rules found have to be evaluated.
    pub(super) links: bool,
    /// A rule has changed, not what is known of the person.
    pub(super) recomputed: bool,
}

/// Which units a settling covers. Persons come before units of other keys, which are shown what the persons' rules find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    All,
    Persons,
    Others,
}

/// Jobs that ask for the same rules are evaluated apart from the others once they have this many rows.
const MANY_ROWS: usize = 8_192;

/// (changes of the terms so far, rules asked for, whether links are asked for). All small groups of one epoch of the terms share
/// the group without rules.
type JobGroup = (usize, RuleBits, bool);

/// A timer that is due: (instant, person, rule).
type Due = (KnownTime, PersonNo, RuleNo);

/// Where a job's rows are: number of the evaluation, number of the unit in it.
pub(super) type FoundAt = (usize, u32);

impl Shard {
    /// Strict order: to be called when everything known up to `until` has been taken, and nothing later. Returns the alerts in the
    /// order of (as_of, alert id). For a shard that runs alone: it takes its own link records at once. Several shards are settled
    /// together by `replay`, in the same steps.
    pub fn settle(&mut self, until: KnownTime) -> Vec<Emitted> {
        self.let_leave(until);
        for feed in [Feed::Links, Feed::Derived] {
            self.link(feed);
            let records = self.take_outgoing();
            self.take_linked(&records);
        }
        if !self.has_other_units() {
            return self.settle_pass(until, Pass::All);
        }
        let mut emitted = self.settle_pass(until, Pass::Persons);
        let records = self.take_outgoing();
        self.take_linked(&records);
        emitted.extend(self.settle_pass(until, Pass::Others));
        sort(&mut emitted);
        emitted
    }

    /// Whether some rule is about units that are not persons.
    pub fn has_other_units(&self) -> bool {
        self.rules.rules().iter().any(|rule| rule.file.header.key.is_some())
    }

    /// One step of [`Shard::settle`]; the caller has let persons leave ([`Shard::let_leave`]) and evaluated the links before.
    pub fn settle_pass(&mut self, until: KnownTime, pass: Pass) -> Vec<Emitted> {
        debug_assert_eq!(self.settings.order, Order::Strict);
        self.advance_strict(until);
        let due = self.detector.due(until, |rule| self.asserted_to(rule.index(), until));
        let mut jobs = self.jobs_of_changes(&[], pass);
        self.look_at_conditions(&mut jobs);
        self.add_deadlines(&mut jobs, due, until, pass);
        self.run(&jobs, until)
    }

    /// Advances the feeds' clocks to `until`, but in a recording each at most to where the feed ends.
    fn advance_strict(&mut self, until: KnownTime) {
        let Some(spoken) = self.spoken else { return self.clocks.advance_all(until) };
        for feed in Feed::SOURCES {
            self.clocks.advance(feed, spoken.of(feed).min(until));
        }
        self.clocks.note(until);
    }

    /// Live order: evaluates the records taken since the last call and the deadlines that the clocks have reached.
    pub fn settle_live(&mut self) -> Vec<Emitted> {
        debug_assert_eq!(self.settings.order, Order::Live);
        let now = self.clocks.shard();
        self.let_leave(now);
        self.link(Feed::Links);
        self.link(Feed::Derived);
        let due = self.due_live(now);
        let mut jobs = self.jobs_of_changes(&due, Pass::All);
        self.add_rework(&mut jobs);
        self.look_at_conditions(&mut jobs);
        self.add_deadlines(&mut jobs, due, now, Pass::All);
        self.settled = now;
        self.run(&jobs, now)
    }

    /// Timers that are due. A timer whose instant lies before the last settling had to wait for a feed that was behind; it fires as
    /// of that settling, so that its evaluation sees all the records that were seen then.
    fn due_live(&self, now: KnownTime) -> Vec<Due> {
        let (clocks, rules) = (&self.clocks, self.rules.rules());
        let mut due = self.detector.due(now, |rule| clocks.least(rules[rule.index()].feeds));
        due.iter_mut().for_each(|(at, ..)| *at = (*at).max(self.settled));
        due.sort_unstable();
        due
    }

    /// One job per person and as_of, in that order. In live order `due` are the timers that are due.
    fn jobs_of_changes(&mut self, due: &[Due], pass: Pass) -> Vec<Job> {
        let daily = self.daily();
        let mut deadlines: FxHashMap<PersonNo, Vec<KnownTime>> = FxHashMap::default();
        due.iter().for_each(|(at, person, _)| deadlines.entry(*person).or_default().push(*at));
        let mut jobs: BTreeMap<(KnownTime, PersonNo), Job> = BTreeMap::new();
        let (changes, others): (Vec<Change>, Vec<Change>) =
            std::mem::take(&mut self.changes).into_iter().partition(|change| is_in(&self.history, change.person, pass));
        self.changes = others;
        for change in changes {
            self.touch(change.person);
            self.look_tomorrow(&change, &daily);
            let due = deadlines.get(&change.person).map(Vec::as_slice).unwrap_or_default();
            let as_of = change.as_of.max(self.settled);
            let unit = Unit { person: change.person, as_of };
            let job = jobs.entry((self.together(&change, due), change.person)).or_insert_with(|| Job::new(unit));
            if as_of > job.at {
                (job.unit, job.at) = (unit, as_of);
            }
            job.tables = job.tables.union(change.tables);
            job.corrected |= change.corrected;
            job.late = job.late.union(change.late);
            if change.late.0 != 0 {
                job.late_at = job.late_at.max(change.as_of);
            }
            job.sent_at = job.sent_at.max(change.sent_at);
            job.coordinates = Some(change.coordinates);
        }
        let mut jobs: Vec<Job> = jobs.into_values().collect();
        for job in &mut jobs {
            // Whoever leaves may come back at the same instant: what was found before is taken back, of whatever class.
            let classes = match job.tables == TableSet::ALL {
                true => self.history.person(job.unit.person).classes,
                false => self.history.classes(job.unit.person, job.unit.as_of),
            };
            // A late record marks the alerts that stand when it comes, so the rules that read its feed must be settled up to then
            // first.
            let late = TableSet::of_feeds(job.late);
            let mut concerned = self.rules_of(classes);
            // Of somebody who has come back with another permit, what was found before is taken back.
            concerned.insert_all(&self.detector.rules_of(job.unit.person).without(&self.disabled));
            let rules = self.rules.reading(job.tables.union(late)).and(&concerned).without(&daily);
            job.rules = self.possible(&rules, job.unit.person);
            job.links = self.shows_found(job.unit.person, job.tables);
        }
        jobs
    }

    /// The end of the span whose changes of this person form one unit; `due` are the person's timers that are due. In strict order
    /// the span is one instant. In live order it is a day, cut short by a timer: most deadlines are midnights, so a shard that
    /// catches up finds what it would have found on time. A change known before the last settling is evaluated as of that settling.
    pub(super) fn together(&self, change: &Change, due: &[KnownTime]) -> KnownTime {
        if self.settings.order == Order::Strict {
            return change.as_of;
        }
        if change.as_of <= self.settled {
            return self.settled;
        }
        let next = due.get(due.partition_point(|at| *at < change.as_of)).copied().unwrap_or(KnownTime::MAX);
        change.as_of.next_midnight().min(next)
    }

    /// Rules with a cadence: they evaluate a unit once a day.
    pub(super) fn daily(&self) -> RuleBits {
        let daily = self.rules.rules().iter().enumerate().filter(|(_, rule)| rule.file.header.cadence.is_some());
        daily.map(|(at, _)| at).collect()
    }

    /// Schedules the rules with a cadence that the change concerns for the next midnight.
    fn look_tomorrow(&mut self, change: &Change, daily: &RuleBits) {
        if daily.is_empty() {
            return;
        }
        let concerned = self.rules_of(self.history.classes(change.person, change.as_of));
        for rule in daily.and(&self.rules.reading(change.tables)).and(&concerned).iter() {
            self.detector.daily_checks.add(RuleNo::at(rule), change.person, change.as_of.next_midnight());
        }
    }

    /// Evaluates the cancellers and corroborations of jobs whose records may have changed them. If they have changed, all the
    /// person's rules without a cadence are due.
    fn look_at_conditions(&mut self, jobs: &mut [Job]) {
        let shared = self.rules.shared_tables();
        let asked: Vec<usize> = (0..jobs.len()).filter(|at| jobs[*at].tables.meets(shared)).collect();
        for chunk in self.chunks(jobs, &asked) {
            let units: Vec<Unit> = chunk.iter().map(|at| jobs[*at].unit).collect();
            match self.rules.evaluate_shared(&self.history, &units) {
                Ok(shared) => {
                    for (at, conditions) in chunk.iter().zip(shared.units) {
                        jobs[*at].conditions = Some(conditions);
                    }
                }
                Err(message) => self.conditions_failed(jobs, &chunk, &message),
            }
        }
        let mut latest: BTreeMap<PersonNo, Conditions> = BTreeMap::new();
        for job in jobs.iter_mut().filter(|job| job.conditions.is_some()) {
            let person = job.unit.person;
            let before = latest.remove(&person).unwrap_or_else(|| self.detector.conditions(person));
            let after = job.conditions.clone().unwrap_or_default();
            if before != after {
                let rules = self.rules_of(self.history.classes(person, job.unit.as_of)).without(&self.daily());
                let rules = self.possible(&rules, person);
                job.rules.insert_all(&rules);
            }
            latest.insert(person, after);
        }
    }

    /// The views failed for a chunk: evaluates each unit alone, so that only the failing units are set aside.
    fn conditions_failed(&mut self, jobs: &mut [Job], chunk: &[usize], message: &str) {
        for &at in chunk {
            match self.rules.evaluate_shared(&self.history, &[jobs[at].unit]) {
                Ok(mut shared) => jobs[at].conditions = shared.units.pop(),
                Err(_) => self.note_failure(&jobs[at], "cancellers", message),
            }
        }
    }

    /// Adds jobs for the timers and daily checks that are due. A timer needs none if another job of the person evaluates its rule
    /// as of its instant or before.
    fn add_deadlines(&mut self, jobs: &mut Vec<Job>, due: Vec<Due>, fact: KnownTime, pass: Pass) {
        let live = self.settings.order == Order::Live;
        let daily = self.daily();
        // Rules with a cadence get jobs of their own, since they see older records: those known at midnight.
        let mut deadlines: BTreeMap<(KnownTime, PersonNo, bool), Job> = BTreeMap::new();
        for (at, person, rule) in self.take_looks(fact, pass) {
            let as_of = at.max(self.settled);
            let job = deadlines.entry((as_of, person, true)).or_insert_with(|| Job::daily(person, as_of));
            job.deadline = true;
            job.rules.insert(rule.index());
            job.sent_at = self.clock_sent_at;
        }
        let mut at_person: BTreeMap<PersonNo, Vec<usize>> = BTreeMap::new();
        if !due.is_empty() {
            for (at, job) in jobs.iter().enumerate() {
                at_person.entry(job.unit.person).or_default().push(at);
            }
        }
        for (at, person, rule) in due {
            let number = rule.index();
            if self.disabled.contains(number) || !is_in(&self.history, person, pass) {
                continue;
            }
            let own = at_person.get(&person).map(Vec::as_slice).unwrap_or_default();
            // A row that a link shows of this rule may become visible at this instant too.
            let links = self.rules.used_by_links().contains(number)
                && self.shows_found(person, self.rules.rules()[number].tables);
            let is_covering = |job: &&usize| jobs[**job].rules.contains(number) && jobs[**job].unit.as_of <= at;
            if let Some(covering) = own.iter().rev().find(is_covering) {
                jobs[*covering].links |= links;
                continue;
            }
            let is_daily = daily.contains(number);
            // In live order a deadline sees what was known at the last record before it.
            let is_known = |job: &&usize| match jobs[**job].unit.as_of {
                as_of if live => as_of <= at,
                as_of => as_of == at,
            };
            if let Some(same) = own.iter().rev().find(is_known).filter(|_| !is_daily) {
                jobs[*same].rules.insert(number);
                jobs[*same].links |= links;
                continue;
            }
            let job = deadlines.entry((at, person, is_daily)).or_insert_with(|| match is_daily {
                true => Job::daily(person, at),
                false => Job::new(Unit { person, as_of: at }),
            });
            job.deadline = true;
            job.rules.insert(number);
            job.links |= links;
            job.sent_at = self.clock_sent_at;
        }
        jobs.extend(deadlines.into_values());
        jobs.sort_by_key(|job| (job.at, job.unit.person));
    }

    /// The daily checks that are due: (midnight, unit, rule).
    fn take_looks(&mut self, fact: KnownTime, pass: Pass) -> Vec<Due> {
        let (clocks, rules, order) = (&self.clocks, self.rules.rules(), self.settings.order);
        let (history, disabled) = (&self.history, &self.disabled);
        let clock = |rule: RuleNo| match order {
            Order::Strict => fact,
            Order::Live => clocks.least(rules[rule.index()].feeds),
        };
        let due = self.detector.daily_checks.take(fact, clock, |person| is_in(history, person, pass));
        due.into_iter().filter(|(_, _, rule)| !disabled.contains(rule.index())).collect()
    }

    fn run(&mut self, jobs: &[Job], until: KnownTime) -> Vec<Emitted> {
        jobs.iter().for_each(|job| self.touch(job.unit.person));
        let (mut evaluations, places) = self.evaluate(jobs);
        self.show_found(jobs, &mut evaluations, &places, until);
        let started = Instant::now();
        let mut by_person: BTreeMap<PersonNo, Vec<usize>> = BTreeMap::new();
        for (at, job) in jobs.iter().enumerate() {
            by_person.entry(job.unit.person).or_default().push(at);
        }
        let mut out: Vec<Emitted> = Vec::new();
        for (person, own) in by_person {
            for (position, &at) in own.iter().enumerate() {
                let later: Vec<&Job> = own[position + 1..].iter().map(|at| &jobs[*at]).collect();
                let found = places[at].map(|(evaluation, unit)| (&evaluations[evaluation], unit));
                self.detect(person, &jobs[at], &later, found, until, &mut out);
            }
        }
        sort(&mut out);
        self.work.detect_micros += started.elapsed().as_micros() as u64;
        out
    }

    /// Evaluates jobs that see the same terms together, each for the rules that it asks for. Jobs that ask for the same rules are
    /// evaluated apart if they have many rows, since their rows then need no selecting; for few rows, executing the plans once more
    /// costs more than selecting.
    fn evaluate(&mut self, jobs: &[Job]) -> (Vec<Evaluation>, Vec<Option<FoundAt>>) {
        let asking: Vec<usize> = (0..jobs.len()).filter(|at| !jobs[*at].rules.is_empty() || jobs[*at].links).collect();
        let group = |job: &Job| (self.history.terms_epoch(job.unit.as_of.0), job.rules.clone(), job.links);
        let mut rows: FxHashMap<JobGroup, usize> = FxHashMap::default();
        for job in asking.iter().map(|at| &jobs[*at]) {
            *rows.entry(group(job)).or_default() += self.history.row_count(job.unit.person);
        }
        let mut groups: BTreeMap<JobGroup, Vec<usize>> = BTreeMap::new();
        for &at in &asking {
            let own = group(&jobs[at]);
            let is_large = rows.get(&own).is_some_and(|rows| *rows >= MANY_ROWS);
            groups.entry(if is_large { own } else { (own.0, RuleBits::NONE, false) }).or_default().push(at);
        }
        let mut evaluations = Vec::new();
        let mut places: Vec<Option<FoundAt>> = vec![None; jobs.len()];
        for members in groups.into_values() {
            for chunk in self.chunks(jobs, &members) {
                let units: Vec<Unit> = chunk.iter().map(|at| jobs[*at].unit).collect();
                let asked: Vec<Request> =
                    chunk.iter().map(|at| Request { rules: jobs[*at].rules.clone(), links: jobs[*at].links }).collect();
                self.rules.tolerate(self.tolerated());
                let evaluation = self.rules.evaluate(&self.history, &units, &asked);
                self.count(jobs, &chunk, &evaluation);
                for (unit, at) in chunk.iter().enumerate() {
                    places[*at] = Some((evaluations.len(), unit as u32));
                }
                evaluations.push(evaluation);
            }
        }
        (evaluations, places)
    }

    /// Splits jobs so that no call gets more than `rows_per_call` rows. A person with more than `rows_per_person` rows is left out
    /// and noted as a failure.
    pub(super) fn chunks(&mut self, jobs: &[Job], members: &[usize]) -> Vec<Vec<usize>> {
        let mut chunks: Vec<Vec<usize>> = vec![Vec::new()];
        let mut rows = 0;
        for &at in members {
            let own = self.history.row_count(jobs[at].unit.person);
            if own > self.settings.limits.rows_per_person {
                self.note_failure(&jobs[at], "limit", "the person has more rows than rows_per_person");
                continue;
            }
            let full = rows + own > self.settings.limits.rows_per_call;
            if let Some(chunk) = chunks.last_mut()
                && !chunk.is_empty()
                && (full || chunk.len() >= MAX_UNITS)
            {
                chunks.push(Vec::new());
                rows = 0;
            }
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(at);
            }
            rows += own;
        }
        chunks.retain(|chunk| !chunk.is_empty());
        chunks
    }

    fn count(&mut self, jobs: &[Job], chunk: &[usize], evaluation: &Evaluation) {
        for at in chunk {
            if jobs[*at].deadline {
                self.work.deadline_units += 1;
            } else {
                self.work.record_units += 1;
            }
        }
        self.work.rows_gathered += evaluation.input_rows as u64;
        self.work.gather_micros += evaluation.gather_micros;
        for (rule, rows) in evaluation.rows.iter().enumerate() {
            let Some(rows) = rows else { continue };
            let work = &mut self.work.rules[rule];
            work.evaluations += chunk.iter().filter(|at| jobs[**at].rules.contains(rule)).count() as u64;
            work.rows += rows.len() as u64;
            work.micros += evaluation.rule_micros[rule];
            self.work.rules_micros += evaluation.rule_micros[rule];
        }
        if self.is_cut_off() {
            return;
        }
        for failure in &evaluation.failures {
            let job = &jobs[chunk[failure.unit as usize]];
            if !job.rules.contains(failure.rule) || failure.message == GIVEN_UP {
                continue;
            }
            self.work.rules[failure.rule].failures += 1;
            self.errors[failure.rule] += 1;
            let id = self.rules.rules()[failure.rule].file.header.id.clone();
            self.note_failure(job, &id, &failure.message);
            if self.errors[failure.rule] >= self.settings.max_rule_errors && !self.disabled.contains(failure.rule) {
                self.disabled.insert(failure.rule);
                tracing::error!(rule = %id, errors = self.errors[failure.rule], "rule disabled: it failed for too many persons; its alerts stay as they are");
            }
        }
    }

    /// By rule: for how many more persons it may fail before it is disabled.
    fn tolerated(&self) -> Vec<u32> {
        self.errors.iter().map(|errors| self.settings.max_rule_errors.saturating_sub(*errors)).collect()
    }

    pub(super) fn note_failure(&mut self, job: &Job, rule: &str, message: &str) {
        let nowhere = Coordinates { feed: Feed::Permits, partition: self.settings.number, offset: Offset(-1) };
        self.quarantined.push(Quarantined {
            coordinates: job.coordinates.unwrap_or(nowhere),
            reason: Reason::RuleError,
            detail: format!("{rule}: {message}"),
            known_time: job.unit.as_of,
        });
    }
}

/// Whether a unit belongs to this pass.
fn is_in(history: &History, person: PersonNo, pass: Pass) -> bool {
    let is_other = history.person(person).classes.meets(ClassSet::OTHER_UNITS);
    pass == Pass::All || is_other == (pass == Pass::Others)
}

/// Sorts by (as_of, alert id, sequence).
fn sort(emitted: &mut [Emitted]) {
    emitted.sort_by(|a, b| {
        let key =
            |emitted: &Emitted| (emitted.alert.as_of.clone(), emitted.alert.alert_id.clone(), emitted.alert.sequence);
        key(a).cmp(&key(b))
    });
}

impl Job {
    pub(super) fn new(unit: Unit) -> Job {
        Job {
            unit,
            at: unit.as_of,
            tables: TableSet::default(),
            corrected: false,
            late: FeedSet::default(),
            late_at: KnownTime::MIN,
            rules: RuleBits::NONE,
            deadline: false,
            sent_at: None,
            coordinates: None,
            conditions: None,
            links: false,
            recomputed: false,
        }
    }

    /// For rules with a cadence: about `at`, with what was known at the last midnight.
    pub(super) fn daily(person: PersonNo, at: KnownTime) -> Job {
        Job { at, ..Job::new(Unit { person, as_of: KnownTime(at.day().instant()) }) }
    }
}

//! Settling: what changed becomes units, units are evaluated in batches, and their rows become transitions.

mod detect;

use std::collections::BTreeMap;
use std::time::Instant;

use crate::clock::FeedSet;
use crate::history::{History, PersonNo};
use crate::record::{Coordinates, Offset, Quarantined, Reason};
use crate::rules::set::Asked;
use crate::rules::{Conditions, Evaluation, RuleMask, TableSet};
use crate::schema::Feed;
use crate::shard::{Change, Emitted, Order, Shard};
use crate::time::{KnownTime, WallTime};
use crate::units::{MAX_UNITS, Unit};
use rustc_hash::FxHashMap;

/// A person to look at, as known at a time, with what brought it about.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) unit: Unit,
    /// The moment that it is about: the unit's as_of, but for a deadline within the day of a rule with a cadence.
    pub(super) at: i64,
    pub(super) tables: TableSet,
    corrected: bool,
    /// Feeds of records that came too late, and when the last of these came.
    late: FeedSet,
    late_at: i64,
    pub(super) rules: RuleMask,
    deadline: bool,
    sent_at: Option<WallTime>,
    coordinates: Option<Coordinates>,
    /// Set where the cancellers or corroborations had to be looked at.
    conditions: Option<Conditions>,
    /// What links show of what rules find has to be worked out.
    pub(super) links: bool,
    /// A rule has changed, not what is known of the person.
    pub(super) recomputed: bool,
}

/// Which units are settled: those of persons come before those that persons' rules speak to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    All,
    Persons,
    Others,
}

/// From so many rows on, jobs that ask for the same rules are evaluated apart from the others.
const MANY_ROWS: usize = 8_192;

/// Jobs that see the same terms and ask for the same rules, and for links or not; for no rules: all that are left.
type Group = (usize, RuleMask, bool);

/// A timer that has come due.
type Due = (i64, PersonNo, u8);

/// Where a job's rows stand: which evaluation, which unit of it.
pub(super) type Place = (usize, u32);

impl Shard {
    /// Strict order: everything known up to `until` has been taken, and nothing later. Gives the alerts in the
    /// order of (as_of, alert id). For a shard that is alone: what its units show to others is shown at once. Several
    /// shards are settled together by `replay`, in the same steps.
    pub fn settle(&mut self, until: KnownTime) -> Vec<Emitted> {
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

    /// Some rule is about units that are no persons.
    pub fn has_other_units(&self) -> bool {
        self.rules.rules().iter().any(|rule| rule.file.header.key.is_some())
    }

    /// One step of [`Shard::settle`]; the links have been looked at before.
    pub fn settle_pass(&mut self, until: KnownTime, pass: Pass) -> Vec<Emitted> {
        debug_assert_eq!(self.settings.order, Order::Strict);
        self.advance_strict(until);
        let due = self.detector.due(until.0, |rule| self.asserted_to(rule as usize, until).0);
        let mut jobs = self.jobs_of_changes(&[], pass);
        self.look_at_conditions(&mut jobs);
        self.add_deadlines(&mut jobs, due, until.0, pass);
        self.run(&jobs, until.0)
    }

    /// The feeds' clocks: of a recording as far as they have spoken.
    fn advance_strict(&mut self, until: KnownTime) {
        let Some(spoken) = self.spoken else { return self.clocks.advance_all(until) };
        for feed in Feed::SOURCES {
            self.clocks.advance(feed, spoken.of(feed).min(until));
        }
        self.clocks.note(until);
    }

    /// Live order: evaluates what was taken since the last call and the deadlines that the clocks have reached.
    pub fn settle_live(&mut self) -> Vec<Emitted> {
        debug_assert_eq!(self.settings.order, Order::Live);
        self.link(Feed::Links);
        self.link(Feed::Derived);
        let now = self.clocks.shard().0;
        let due = self.due_live(now);
        let mut jobs = self.jobs_of_changes(&due, Pass::All);
        self.add_rework(&mut jobs);
        self.look_at_conditions(&mut jobs);
        self.add_deadlines(&mut jobs, due, now, Pass::All);
        self.settled = now;
        self.run(&jobs, now)
    }

    /// Timers that have come due. One that waited for a feed that was behind is met as of the last settling: what was looked at then is
    /// not forgotten.
    fn due_live(&self, now: i64) -> Vec<Due> {
        let (clocks, rules) = (&self.clocks, self.rules.rules());
        let mut due = self.detector.due(now, |rule| clocks.least(rules[rule as usize].feeds).0);
        due.iter_mut().for_each(|(at, ..)| *at = (*at).max(self.settled));
        due.sort_unstable();
        due
    }

    /// One job per person and as_of, in that order. In live order `due` are the timers that have come due.
    fn jobs_of_changes(&mut self, due: &[Due], pass: Pass) -> Vec<Job> {
        let daily = self.daily();
        let mut deadlines: FxHashMap<PersonNo, Vec<i64>> = FxHashMap::default();
        due.iter().for_each(|(at, person, _)| deadlines.entry(*person).or_default().push(*at));
        let mut jobs: BTreeMap<(i64, PersonNo), Job> = BTreeMap::new();
        let (changes, others): (Vec<Change>, Vec<Change>) = std::mem::take(&mut self.changes)
            .into_iter()
            .partition(|change| is_in(&self.history, self.unit_bits, change.person, pass));
        self.changes = others;
        for change in changes {
            self.look_tomorrow(&change, daily);
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
            let classes = self.history.person(job.unit.person).classes;
            // A late record's alerts are marked as they stand at its moment: what its rules do before must end there.
            let late = TableSet::of_feeds(job.late);
            let rules = self.rules.reading(job.tables.union(late)) & self.rules_of(classes) & !daily;
            job.rules = self.possible(rules, job.unit.person);
            job.links = self.shows_found(job.unit.person, job.tables);
        }
        jobs
    }

    /// Up to when a person's changes are one unit with this one; `due` are the person's timers that have come due. In strict order a moment.
    /// In live order a day, as far as no timer ends it: deadlines are midnights more often than not, so catching up finds what being there
    /// would have. What comes late, known before the last settling, is looked at as of that.
    pub(super) fn together(&self, change: &Change, due: &[i64]) -> i64 {
        if self.settings.order == Order::Strict {
            return change.as_of;
        }
        if change.as_of <= self.settled {
            return self.settled;
        }
        let next = due.get(due.partition_point(|at| *at < change.as_of)).copied().unwrap_or(i64::MAX);
        KnownTime(change.as_of).next_midnight().min(next)
    }

    /// Rules that look at a unit once a day.
    fn daily(&self) -> RuleMask {
        let daily = self.rules.rules().iter().enumerate().filter(|(_, rule)| rule.file.header.cadence.is_some());
        daily.fold(0, |mask, (at, _)| mask | 1 << at)
    }

    /// Rules with a cadence see a change at the next midnight.
    fn look_tomorrow(&mut self, change: &Change, daily: RuleMask) {
        if daily == 0 {
            return;
        }
        let rules =
            daily & self.rules.reading(change.tables) & self.rules_of(self.history.person(change.person).classes);
        for rule in (0..self.rules.rules().len()).filter(|rule| rules & 1 << rule != 0) {
            self.detector.looks.add(rule as u8, change.person, KnownTime(change.as_of).next_midnight());
        }
    }

    /// Works out cancellers and corroborations where a record may have changed them; a change concerns every rule.
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
                let rules = self.rules_of(self.history.person(person).classes) & !self.daily();
                job.rules = self.possible(rules, person);
            }
            latest.insert(person, after);
        }
    }

    /// The views failed on some unit of the chunk: each alone, so that only the failing one suffers.
    fn conditions_failed(&mut self, jobs: &mut [Job], chunk: &[usize], message: &str) {
        for &at in chunk {
            match self.rules.evaluate_shared(&self.history, &[jobs[at].unit]) {
                Ok(mut shared) => jobs[at].conditions = shared.units.pop(),
                Err(_) => self.note_failure(&jobs[at], "cancellers", message),
            }
        }
    }

    /// Adds the timers and looks that have come due, but for rules that a record brings up in time anyway.
    fn add_deadlines(&mut self, jobs: &mut Vec<Job>, due: Vec<Due>, fact: i64, pass: Pass) {
        let live = self.settings.order == Order::Live;
        let daily = self.daily();
        // Rules with a cadence have jobs of their own: what they see is older.
        let mut deadlines: BTreeMap<(i64, PersonNo, bool), Job> = BTreeMap::new();
        for (at, person, rule) in self.take_looks(fact, pass) {
            let as_of = at.max(self.settled);
            let job =
                deadlines.entry((as_of, person, true)).or_insert_with(|| Job::deadline(Unit { person, as_of }, as_of));
            job.rules |= 1 << rule;
            job.sent_at = self.clock_sent_at;
        }
        let mut at_person: BTreeMap<PersonNo, Vec<usize>> = BTreeMap::new();
        if !due.is_empty() {
            for (at, job) in jobs.iter().enumerate() {
                at_person.entry(job.unit.person).or_default().push(at);
            }
        }
        for (at, person, rule) in due {
            let bit: RuleMask = 1 << rule;
            if self.disabled & bit != 0 || !is_in(&self.history, self.unit_bits, person, pass) {
                continue;
            }
            let own = at_person.get(&person).map(Vec::as_slice).unwrap_or_default();
            // What is shown of the rule's rows may wait for this instant too.
            let links = self.rules.used_by_links() & bit != 0
                && self.shows_found(person, self.rules.rules()[rule as usize].tables);
            let is_covering = |job: &&usize| jobs[**job].rules & bit != 0 && jobs[**job].unit.as_of <= at;
            if let Some(covering) = own.iter().rev().find(is_covering) {
                jobs[*covering].links |= links;
                continue;
            }
            let is_daily = daily & bit != 0;
            // In live order what was known at a deadline is what was known at the last record before it.
            let is_known = |job: &&usize| match jobs[**job].unit.as_of {
                as_of if live => as_of <= at,
                as_of => as_of == at,
            };
            if let Some(same) = own.iter().rev().find(is_known).filter(|_| !is_daily) {
                jobs[*same].rules |= bit;
                jobs[*same].links |= links;
                continue;
            }
            let as_of = if is_daily && !live { KnownTime(at).day().instant() } else { at };
            let key = (at, person, is_daily);
            let job = deadlines.entry(key).or_insert_with(|| Job::deadline(Unit { person, as_of }, at));
            job.rules |= bit;
            job.links |= links;
            job.sent_at = self.clock_sent_at;
        }
        jobs.extend(deadlines.into_values());
        jobs.sort_by_key(|job| (job.at, job.unit.person));
    }

    /// The looks of rules with a cadence that are due: (midnight, unit, rule).
    fn take_looks(&mut self, fact: i64, pass: Pass) -> Vec<(i64, PersonNo, u8)> {
        let (clocks, rules, order) = (&self.clocks, self.rules.rules(), self.settings.order);
        let (history, unit_bits, disabled) = (&self.history, self.unit_bits, self.disabled);
        let clock = |rule: u8| match order {
            Order::Strict => fact,
            Order::Live => clocks.least(rules[rule as usize].feeds).0,
        };
        let due = self.detector.looks.take(fact, clock, |person| is_in(history, unit_bits, person, pass));
        due.into_iter().filter(|(_, _, rule)| disabled & 1 << rule == 0).collect()
    }

    fn run(&mut self, jobs: &[Job], until: i64) -> Vec<Emitted> {
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

    /// Evaluates jobs that see the same terms together, each for the rules that it asks for. Where those that ask for the same
    /// have many rows they are evaluated apart, which spares choosing among rows; executing plans for a few costs more than that.
    fn evaluate(&mut self, jobs: &[Job]) -> (Vec<Evaluation>, Vec<Option<Place>>) {
        let asking: Vec<usize> = (0..jobs.len()).filter(|at| jobs[*at].rules != 0 || jobs[*at].links).collect();
        let group = |job: &Job| (self.history.terms_epoch(job.unit.as_of), job.rules, job.links);
        let mut rows: FxHashMap<Group, usize> = FxHashMap::default();
        for job in asking.iter().map(|at| &jobs[*at]) {
            *rows.entry(group(job)).or_default() += self.history.row_count(job.unit.person);
        }
        let mut groups: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
        for &at in &asking {
            let own = group(&jobs[at]);
            let is_large = rows.get(&own).is_some_and(|rows| *rows >= MANY_ROWS);
            groups.entry(if is_large { own } else { (own.0, 0, false) }).or_default().push(at);
        }
        let mut evaluations = Vec::new();
        let mut places: Vec<Option<Place>> = vec![None; jobs.len()];
        for members in groups.into_values() {
            for chunk in self.chunks(jobs, &members) {
                let units: Vec<Unit> = chunk.iter().map(|at| jobs[*at].unit).collect();
                let asked: Vec<Asked> =
                    chunk.iter().map(|at| Asked { rules: jobs[*at].rules, links: jobs[*at].links }).collect();
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

    /// Splits jobs so that no call gets more rows than the limit. A person with too many rows alone is set aside.
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
            work.evaluations += chunk.iter().filter(|at| jobs[**at].rules & 1 << rule != 0).count() as u64;
            work.rows += rows.len() as u64;
            work.micros += evaluation.rule_micros[rule];
            self.work.rules_micros += evaluation.rule_micros[rule];
        }
        for failure in &evaluation.failures {
            let job = &jobs[chunk[failure.unit as usize]];
            if job.rules & 1 << failure.rule == 0 {
                continue;
            }
            self.work.rules[failure.rule].failures += 1;
            self.errors[failure.rule] += 1;
            let id = self.rules.rules()[failure.rule].file.header.id.clone();
            self.note_failure(job, &id, &failure.message);
            if self.errors[failure.rule] >= self.settings.max_rule_errors {
                self.disabled |= 1 << failure.rule;
                tracing::error!(rule = %id, errors = self.errors[failure.rule], "rule disabled: it failed for too many persons; its alerts stay as they are");
            }
        }
    }

    pub(super) fn note_failure(&mut self, job: &Job, rule: &str, message: &str) {
        let nowhere = Coordinates { feed: Feed::Permits, partition: self.settings.number, offset: Offset(-1) };
        self.quarantined.push(Quarantined {
            coordinates: job.coordinates.unwrap_or(nowhere),
            reason: Reason::RuleError,
            detail: format!("{rule}: {message}"),
            known_time: KnownTime(job.unit.as_of),
        });
    }
}

/// Whether a unit is settled in this pass.
fn is_in(history: &History, unit_bits: u64, person: PersonNo, pass: Pass) -> bool {
    let is_other = history.person(person).classes & unit_bits != 0;
    pass == Pass::All || is_other == (pass == Pass::Others)
}

/// Into the order of (as_of, alert id, sequence).
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
            late_at: i64::MIN,
            rules: 0,
            deadline: false,
            sent_at: None,
            coordinates: None,
            conditions: None,
            links: false,
            recomputed: false,
        }
    }

    fn deadline(unit: Unit, at: i64) -> Job {
        Job { deadline: true, at, ..Job::new(unit) }
    }
}

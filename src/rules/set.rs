//! A planned catalogue that is executed for batches of units.
//!
//! Shared views are computed once per batch for all the rules that use them: every view has a slot of its own, which is filled when
//! the first plan reads it. Rules that use other rules run after those and read their rows in slot `rule_rows`; links that read
//! what rules found run last.
//!
//! A set belongs to one shard. Planning is done once: the sets of further shards are copied from the first (`for_shard`).

mod call;
mod evaluate;
mod for_shard;
mod late;
mod single;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::model::schema::{Feed, TableId};
use crate::model::sets::{FeedSet, RuleBits, TableSet};
use crate::rules::apart::apart;
use crate::rules::linked::LinkedRow;
use crate::rules::output::{RuleRows, Shared};
use crate::rules::plan::{Parts, PlanError, Planner};
use crate::rules::planned::{BaseTable, PlannedLink, PlannedRule, PlannedView, Query};
use crate::rules::requests::{Needs, Plans};
use crate::sql::budget::Budget;
use crate::sql::executor::Needed;
use crate::sql::profile::Profile;
use crate::sql::slots::Slot;

/// A rule's failure on one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFailure {
    pub rule: usize,
    pub unit: u32,
    /// The engine's error text, which contains no values.
    pub message: String,
}

/// The result of evaluating a batch of units.
pub struct Evaluation {
    /// By rule position; `None` if no unit asked for the rule.
    pub rows: Vec<Option<RuleRows>>,
    pub failures: Vec<RuleFailure>,
    /// Rows that were gathered.
    pub input_rows: usize,
    /// By rule position: wall time in microseconds, for telemetry.
    pub rule_micros: Vec<u64>,
    pub gather_micros: u64,
    /// Rows of the links that read what rules found, if asked for: by position in [`RuleSet::links`].
    pub linked: Vec<(usize, Vec<LinkedRow>)>,
    /// Units whose late links failed.
    pub unlinked: Vec<u32>,
}

/// Whether nobody needs any more what is being evaluated.
pub type CalledOff = Arc<dyn Fn() -> bool + Send + Sync>;

/// The failure of a rule that has failed too often, for a unit for which it was not run.
pub const GIVEN_UP: &str = "the rule is not run any more";

/// All plans of one shard.
pub struct RuleSet {
    rules: Vec<PlannedRule>,
    views: Vec<PlannedView>,
    links: Vec<PlannedLink>,
    bases: Vec<BaseTable>,
    cancellers: usize,
    corroborations: usize,
    shared_tables: TableSet,
    rule_rows: Arc<Slot>,
    budget: Arc<Budget>,
    needs: Needs,
    /// By rule: in which tables a person must have rows for the rule to have any.
    needed: Arc<[Needed]>,
    link_fingerprint: String,
    task: Arc<TaskContext>,
    runtime: tokio::runtime::Runtime,
    /// By rule: for how many more units it may fail before it is run no more; without an entry for any number.
    tolerated: Mutex<Vec<u32>>,
    /// The cost of plans, while profiling is on.
    profile: Mutex<Option<Profile>>,
}

impl RuleSet {
    /// Plans and checks every view and rule.
    pub fn plan(catalogue: &Catalogue) -> Result<RuleSet, PlanError> {
        apart(|| RuleSet::plan_here(catalogue)).unwrap_or(Err(PlanError::Panic))
    }

    /// The rules of the catalogue that `plan` would refuse, each with what is wrong with it, without planning what would run.
    pub fn refused(catalogue: &Catalogue) -> Result<Vec<(String, PlanError)>, PlanError> {
        let work = || runtime()?.block_on(Planner::new(catalogue)?.refused(catalogue));
        apart(work).unwrap_or(Err(PlanError::Panic))
    }

    fn plan_here(catalogue: &Catalogue) -> Result<RuleSet, PlanError> {
        let runtime = runtime()?;
        let Parts { rules, mut views, links, mut bases, cancellers, corroborations, rule_rows, budget, task } =
            runtime.block_on(Planner::new(catalogue)?.plan(catalogue))?;
        let shared_tables = views[cancellers].tables.union(views[corroborations].tables);
        let of = |used: Vec<&RuleFile>| {
            let is_used = |rule: &PlannedRule| used.iter().any(|used| used.header.id == rule.file.header.id);
            rules_where(&rules, is_used)
        };
        let late_links = links.iter().filter(|link| link.is_late()).map(|link| TableSet::of(link.table));
        let needs = Needs {
            late_links: late_links.fold(TableSet::default(), TableSet::union),
            late_rules: rules_where(&rules, |rule| rule.query.late),
            used_by_rules: of(catalogue.used(true)),
            used_by_links: of(catalogue.used(false)),
        };
        let rule_queries = rules.iter().enumerate().map(|(at, rule)| (Plans::rule(at), &rule.query));
        let link_queries = links.iter().map(|link| (Plans::link(link.table), &link.query));
        note_users(rule_queries.chain(link_queries), [cancellers, corroborations], &mut views, &mut bases);
        let needed = needed(&rules, &views, &bases);
        Ok(RuleSet {
            rules,
            views,
            links,
            bases,
            cancellers,
            corroborations,
            shared_tables,
            rule_rows,
            budget,
            needs,
            needed,
            link_fingerprint: catalogue.link_fingerprint(),
            task,
            runtime,
            tolerated: Mutex::default(),
            profile: Mutex::default(),
        })
    }

    /// Starts noting what each plan costs.
    pub fn start_profile(&mut self) {
        *self.profile.get_mut().unwrap_or_else(PoisonError::into_inner) = Some(Profile::default());
    }

    /// What plans have cost since [`RuleSet::start_profile`].
    pub fn take_profile(&mut self) -> Option<Profile> {
        self.profile.get_mut().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// From now on a rule that has failed for so many more units is not run for the others of an evaluation: it is going to be
    /// disabled, and each of them could take as long. By rule.
    pub fn tolerate(&self, failures: Vec<u32>) {
        *self.tolerated.lock().unwrap_or_else(PoisonError::into_inner) = failures;
    }

    fn is_given_up(&self, rule: usize) -> bool {
        self.tolerated.lock().unwrap_or_else(PoisonError::into_inner).get(rule) == Some(&0)
    }

    fn has_failed(&self, rule: usize) {
        if let Some(left) = self.tolerated.lock().unwrap_or_else(PoisonError::into_inner).get_mut(rule) {
            *left = left.saturating_sub(1);
        }
    }

    /// From now on evaluations fail once `called_off` says so ([`RuleSet::is_cut_off`]).
    pub fn heed(&self, called_off: CalledOff) {
        self.budget.heed(called_off);
    }

    /// Whether an evaluation has been called off: what it found is not what the rules say.
    pub fn is_cut_off(&self) -> bool {
        self.budget.is_cut_off()
    }

    pub fn links(&self) -> &[PlannedLink] {
        &self.links
    }

    /// Fingerprint of the texts that decide what links show.
    pub fn link_fingerprint(&self) -> &str {
        &self.link_fingerprint
    }

    /// Rules whose rows the late links read.
    pub fn used_by_links(&self) -> &RuleBits {
        &self.needs.used_by_links
    }

    pub fn rules(&self) -> &[PlannedRule] {
        &self.rules
    }

    /// The register feeds that a rule's absences wait for: for a link's feed, the feeds that the links read.
    pub fn waits_for(&self, rule: usize) -> FeedSet {
        let mut feeds = self.rules.get(rule).map_or(FeedSet::default(), |rule| rule.feeds);
        for internal in [Feed::Derived, Feed::Links] {
            if feeds.contains(internal) {
                let links = self.links.iter().filter(|link| link.table.def().feed == internal);
                feeds = links.fold(feeds, |feeds, link| feeds.union(link.feeds));
            }
        }
        FeedSet::of(Feed::SOURCES.into_iter().filter(|feed| feeds.contains(*feed)))
    }

    /// Tables that the cancellers and corroborations depend on.
    pub fn shared_tables(&self) -> TableSet {
        self.shared_tables
    }

    /// Those of the given rules that can have rows for a person; `has` says in which tables the person has rows.
    pub fn possible(&self, rules: &RuleBits, has: impl Fn(TableId) -> bool) -> RuleBits {
        let deciding = rules.iter().fold(TableSet::default(), |all, at| all.union(self.needed[at].tables()));
        let found = deciding.iter().filter(|table| has(*table));
        let tables = found.fold(TableSet::default(), |set, table| set.union(TableSet::of(table)));
        rules.iter().filter(|at| self.needed[*at].is_met(tables)).collect()
    }

    /// Rules whose rows a change in `tables` can touch.
    pub fn reading(&self, tables: TableSet) -> RuleBits {
        rules_where(&self.rules, |rule| rule.tables.meets(tables))
    }
}

fn rules_where(rules: &[PlannedRule], is_in: impl Fn(&PlannedRule) -> bool) -> RuleBits {
    (0..rules.len()).filter(|at| is_in(&rules[*at])).collect()
}

/// By rule: what its rows need. Views must come after those that they use.
fn needed(rules: &[PlannedRule], views: &[PlannedView], bases: &[BaseTable]) -> Arc<[Needed]> {
    let persons = bases.iter().filter(|base| base.table.is_person());
    let mut known: BTreeMap<&str, Needed> =
        persons.map(|base| (base.slot.name.as_str(), Needed::table(TableSet::of(base.table)))).collect();
    for view in views {
        let needed = view.plan.as_ref().map(|plan| plan.needed(&|slot| of_slot(&known, slot))).unwrap_or_default();
        known.insert(&view.slot.name, needed);
    }
    rules.iter().map(|rule| rule.query.plan.needed(&|slot| of_slot(&known, slot))).collect()
}

fn of_slot(known: &BTreeMap<&str, Needed>, slot: &Slot) -> Needed {
    known.get(slot.name.as_str()).cloned().unwrap_or_default()
}

impl Evaluation {
    /// The evaluation of a set of `rules` rules in which none has been asked for.
    fn none(rules: usize) -> Evaluation {
        Evaluation {
            rows: (0..rules).map(|_| None).collect(),
            failures: Vec::new(),
            input_rows: 0,
            rule_micros: vec![0; rules],
            gather_micros: 0,
            linked: Vec::new(),
            unlinked: Vec::new(),
        }
    }

    /// Puts rows in the order of the units.
    fn sort(&mut self) {
        self.rows.iter_mut().flatten().for_each(RuleRows::sort);
        self.linked.iter_mut().for_each(|(_, rows)| rows.sort_by_key(|row| row.unit));
    }
}

/// The result for some units, to which the result for others can be appended.
trait Append {
    /// `place` says which unit here a unit of `other` is.
    fn append(&mut self, other: Self, place: impl Fn(u32) -> u32);
}

impl Append for Vec<LinkedRow> {
    fn append(&mut self, other: Vec<LinkedRow>, place: impl Fn(u32) -> u32) {
        self.extend(other.into_iter().map(|row| LinkedRow { unit: place(row.unit), ..row }));
    }
}

impl Append for Shared {
    /// Both are in the order of the units.
    fn append(&mut self, other: Shared, _: impl Fn(u32) -> u32) {
        self.units.extend(other.units);
    }
}

impl Append for Evaluation {
    fn append(&mut self, other: Evaluation, place: impl Fn(u32) -> u32) {
        for (own, rows) in self.rows.iter_mut().zip(other.rows) {
            let Some(rows) = rows else { continue };
            own.get_or_insert_default().append(rows, &place);
        }
        self.failures
            .extend(other.failures.into_iter().map(|failure| RuleFailure { unit: place(failure.unit), ..failure }));
        self.input_rows += other.input_rows;
        self.rule_micros.iter_mut().zip(other.rule_micros).for_each(|(own, micros)| *own += micros);
        self.gather_micros += other.gather_micros;
        for (link, rows) in other.linked {
            let own = self.linked.iter().position(|(own, _)| *own == link);
            let own = own.unwrap_or_else(|| {
                self.linked.push((link, Vec::new()));
                self.linked.len() - 1
            });
            Append::append(&mut self.linked[own].1, rows, &place);
        }
        self.unlinked.extend(other.unlinked.into_iter().map(&place));
    }
}

/// Runs operators of DataFusion.
fn runtime() -> Result<tokio::runtime::Runtime, PlanError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(|error| PlanError::Session(Box::new(DataFusionError::IoError(error))))
}

/// Notes at each view and table which plans read it. Views must come after those that they use.
fn note_users<'a>(
    queries: impl Iterator<Item = (Plans, &'a Query)>,
    conditions: [usize; 2],
    views: &mut [PlannedView],
    bases: &mut [BaseTable],
) {
    for (plan, query) in queries {
        query.views.iter().for_each(|view| views[*view].users.insert_all(&plan));
        query.demands.iter().for_each(|base| bases[*base].users.insert_all(&plan));
    }
    conditions.into_iter().for_each(|view| views[view].users.insert_all(&Plans::CONDITIONS));
    for at in (0..views.len()).rev() {
        let users = views[at].users.clone();
        for used in views[at].views.clone() {
            views[used].users.insert_all(&users);
        }
        views[at].demands.iter().for_each(|base| bases[*base].users.insert_all(&users));
    }
}

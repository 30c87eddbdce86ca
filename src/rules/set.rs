//! A planned catalogue, executed for batches of units.
//!
//! Shared views are computed once per batch for all the rules that use them: every view stands in a slot of its
//! own, which is filled when the first plan reads it. Rules that use others run after those, whose rows they find in the slot
//! `rule_rows`; links that read what rules found run last.
//!
//! A set is one shard's. Planning is done once: further shards get theirs from the first (`another`).

mod another;

mod evaluate;
mod few;
mod late;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;

use crate::clock::FeedSet;
use crate::rules::asking::{CONDITIONS, MAX_LINKS, Needs, PlanMask, link_bit, rule_bit};
use crate::rules::budget::Budget;
use crate::rules::catalogue::Catalogue;
use crate::rules::executor::{Compiled, Needed};
use crate::rules::file::RuleFile;
use crate::rules::links::LinkedRow;
use crate::rules::output::RuleRows;
use crate::rules::plan::{Parts, PlanError, Planner};
use crate::rules::profile::Profile;
use crate::rules::table::Slot;
use crate::schema::{Feed, TableId};
use crate::units::Demand;

/// A set of tables, as bits by [`TableId::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSet(pub u32);

impl TableSet {
    pub const ALL: TableSet = TableSet(u32::MAX);

    pub fn insert(&mut self, table: TableId) {
        self.0 |= 1 << table.index();
    }

    pub fn of(table: TableId) -> TableSet {
        TableSet(1 << table.index())
    }

    /// All tables of the feeds.
    pub fn of_feeds(feeds: FeedSet) -> TableSet {
        let tables = feeds.iter().flat_map(Feed::tables);
        tables.fold(TableSet::default(), |set, table| set.union(TableSet::of(table)))
    }

    pub fn contains(self, table: TableId) -> bool {
        self.0 & (1 << table.index()) != 0
    }

    pub fn meets(self, other: TableSet) -> bool {
        self.0 & other.0 != 0
    }

    pub fn union(self, other: TableSet) -> TableSet {
        TableSet(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = TableId> {
        TableId::ALL.into_iter().filter(move |table| self.contains(*table))
    }

    pub fn feeds(self) -> FeedSet {
        FeedSet::of(self.iter().map(|table| table.def().feed))
    }
}

/// A set of rules, as bits by position in [`RuleSet::rules`].
pub type RuleMask = u64;

/// How many rules a set may hold.
pub const MAX_RULES: usize = 64;

/// A rule that is ready to run.
pub struct PlannedRule {
    pub file: RuleFile,
    pub fingerprint: String,
    /// Tables that its rows depend on, through views and the rules that it uses too.
    pub tables: TableSet,
    /// Feeds that its clock waits for: its own, and those of the cancellers and corroborations.
    pub feeds: FeedSet,
    /// Cancellers that concern it, by position in [`crate::rules::catalogue::CANCELLERS`].
    pub cancellers: u8,
    pub(super) query: Query,
}

/// A link that is ready to run.
pub struct PlannedLink {
    pub table: TableId,
    pub needs: TableId,
    /// Column that says from when a row is shown.
    pub from: Option<usize>,
    /// Tables that its rows depend on, and their feeds.
    pub tables: TableSet,
    pub feeds: FeedSet,
    pub(super) query: Query,
}

impl PlannedLink {
    /// It reads what rules found.
    pub fn is_late(&self) -> bool {
        self.query.late
    }
}

/// A physical plan with what has to be filled before it runs.
pub(super) struct Query {
    pub views: Vec<usize>,
    pub demands: Vec<usize>,
    /// It reads the rows of rules, directly or through a view.
    pub late: bool,
    pub plan: Compiled,
}

pub(super) struct PlannedView {
    pub slot: Arc<Slot>,
    /// It is a step of one text, whose cost it is.
    pub is_step: bool,
    /// Output column of the plan -> column of the slot.
    pub columns: Vec<usize>,
    pub plan: Option<Compiled>,
    pub views: Vec<usize>,
    pub demands: Vec<usize>,
    pub tables: TableSet,
    /// It reads the rows of rules.
    pub late: bool,
    /// Plans that read it, directly or through views.
    pub users: PlanMask,
}

pub(super) struct BaseTable {
    pub slot: Arc<Slot>,
    pub table: TableId,
    pub history: bool,
    /// What the plans read of it; known once all are planned.
    pub demand: OnceLock<Demand>,
    /// Plans that read it, directly or through views.
    pub users: PlanMask,
}

/// Name of the table with the rows of rules that others use; view `indications` is made of it.
pub(super) const RULE_ROWS: &str = "rule_rows";

/// Its columns. `cancelled_by` lists the cancellers that concern the rule, each between commas.
pub(super) fn rule_rows_schema() -> SchemaRef {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, None);
    let fields = [
        ("rule_id", DataType::Utf8),
        ("rule_number", DataType::Utf8),
        ("person_id", DataType::Utf8),
        ("permit_id", DataType::Utf8),
        ("alert_key", DataType::Utf8),
        ("severity", DataType::Utf8),
        ("alert_at", instant.clone()),
        ("cleared_at", instant),
        ("anchor_at", DataType::Date32),
        ("cancelled_by", DataType::Utf8),
    ];
    Arc::new(Schema::new(fields.map(|(name, ty)| Field::new(name, ty, true)).to_vec()))
}

/// The cancellers that concern a rule, as `cancelled_by` says it.
pub(super) fn cancelled_by(rule: &RuleFile) -> String {
    Catalogue::cancel_reasons(rule).iter().fold(",".to_owned(), |list, reason| list + reason + ",")
}

/// A rule failed on one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFailure {
    pub rule: usize,
    pub unit: u32,
    /// The engine's words, which name no values.
    pub message: String,
}

/// What a batch of units gave.
pub struct Evaluation {
    /// By rule position; `None` where the rule was not asked.
    pub rows: Vec<Option<RuleRows>>,
    pub failures: Vec<RuleFailure>,
    /// Rows that were gathered.
    pub input_rows: usize,
    /// Wall time each rule took, for telemetry, by rule position.
    pub rule_micros: Vec<u64>,
    pub gather_micros: u64,
    /// What late links show, where they were asked for: by position in [`RuleSet::links`].
    pub linked: Vec<(usize, Vec<LinkedRow>)>,
    /// Units whose late links could not be worked out.
    pub unlinked: Vec<u32>,
}

/// What to evaluate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    pub rules: RuleMask,
    /// Also the links that read what rules found.
    pub links: bool,
}

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
    /// By rule what its rows need.
    needed: Arc<[Needed]>,
    link_fingerprint: String,
    task: Arc<TaskContext>,
    runtime: tokio::runtime::Runtime,
    /// Where the time goes, if somebody wants to know.
    profile: Mutex<Option<Profile>>,
}

impl RuleSet {
    /// Plans and checks every view and rule.
    pub fn plan(catalogue: &Catalogue) -> Result<RuleSet, PlanError> {
        if catalogue.rules.len() > MAX_RULES {
            return Err(PlanError::TooMany { what: "rules", count: catalogue.rules.len(), most: MAX_RULES });
        }
        if catalogue.links.len() > MAX_LINKS {
            return Err(PlanError::TooMany { what: "links", count: catalogue.links.len(), most: MAX_LINKS });
        }
        let runtime = runtime()?;
        let Parts { rules, mut views, links, mut bases, cancellers, corroborations, rule_rows, budget, task } =
            runtime.block_on(Planner::new(catalogue)?.plan(catalogue))?;
        let shared_tables = views[cancellers].tables.union(views[corroborations].tables);
        let mask = |used: Vec<&RuleFile>| {
            let is_used = |rule: &PlannedRule| used.iter().any(|used| used.header.id == rule.file.header.id);
            rules.iter().enumerate().filter(|(_, rule)| is_used(rule)).fold(0, |mask, (at, _)| mask | 1 << at)
        };
        let is_late = |links: &[PlannedLink], at: usize| links[at].is_late();
        let needs = Needs {
            late_links: (0..links.len()).filter(|at| is_late(&links, *at)).fold(0, |mask, at| mask | link_bit(at)),
            late_rules: (0..rules.len()).filter(|at| rules[*at].query.late).fold(0, |mask, at| mask | 1 << at),
            used_by_rules: mask(catalogue.used(true)),
            used_by_links: mask(catalogue.used(false)),
        };
        let rule_queries = rules.iter().enumerate().map(|(at, rule)| (rule_bit(at), &rule.query));
        let link_queries = links.iter().enumerate().map(|(at, link)| (link_bit(at), &link.query));
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
            profile: Mutex::default(),
        })
    }

    /// From now on notes what each plan costs.
    pub fn start_profile(&mut self) {
        *self.profile.get_mut().unwrap_or_else(PoisonError::into_inner) = Some(Profile::default());
    }

    /// What plans have cost since [`RuleSet::start_profile`].
    pub fn take_profile(&mut self) -> Option<Profile> {
        self.profile.get_mut().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub fn links(&self) -> &[PlannedLink] {
        &self.links
    }

    /// Names the texts that decide what links show.
    pub fn link_fingerprint(&self) -> &str {
        &self.link_fingerprint
    }

    /// Rules whose rows the late links read.
    pub fn used_by_links(&self) -> RuleMask {
        self.needs.used_by_links
    }

    pub fn rules(&self) -> &[PlannedRule] {
        &self.rules
    }

    /// The registers' feeds that a rule's absences wait for. What links show is as far as the feeds that the links read.
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

    /// Of the given rules those that can have rows for somebody of whom `has` says in which tables there are any.
    pub fn possible(&self, rules: RuleMask, has: impl Fn(TableId) -> bool) -> RuleMask {
        let asked = || (0..self.rules.len()).filter(|at| rules & 1 << at != 0);
        let deciding = asked().fold(TableSet::default(), |all, at| all.union(self.needed[at].tables()));
        let found = deciding.iter().filter(|table| has(*table));
        let tables = found.fold(TableSet::default(), |set, table| set.union(TableSet::of(table)));
        asked().filter(|at| self.needed[*at].is_met(tables)).fold(0, |mask, at| mask | 1 << at)
    }

    /// Rules whose rows a change in `tables` can touch.
    pub fn reading(&self, tables: TableSet) -> RuleMask {
        let bits = self.rules.iter().enumerate().filter(|(_, rule)| rule.tables.meets(tables));
        bits.fold(0, |mask, (at, _)| mask | 1 << at)
    }
}

/// By rule what its rows need. Views stand after those that they use.
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

impl BaseTable {
    pub fn demand(&self) -> &Demand {
        self.demand.get_or_init(|| Demand::new(self.table, self.history, &self.slot.used()))
    }
}

impl Evaluation {
    /// Of a set of so many rules, none of which was asked.
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

    /// Adds what other units gave, whose unit 0 is unit `offset` here.
    fn append(&mut self, other: Evaluation, offset: u32) {
        for (own, rows) in self.rows.iter_mut().zip(other.rows) {
            let Some(rows) = rows else { continue };
            own.get_or_insert_default().append(rows, offset);
        }
        self.failures
            .extend(other.failures.into_iter().map(|failure| RuleFailure { unit: failure.unit + offset, ..failure }));
        self.input_rows += other.input_rows;
        self.rule_micros.iter_mut().zip(other.rule_micros).for_each(|(own, micros)| *own += micros);
        self.gather_micros += other.gather_micros;
        for (link, rows) in other.linked {
            let rows = rows.into_iter().map(|row| LinkedRow { unit: row.unit + offset, ..row });
            match self.linked.iter_mut().find(|(own, _)| *own == link) {
                Some((_, own)) => own.extend(rows),
                None => self.linked.push((link, rows.collect())),
            }
        }
        self.unlinked.extend(other.unlinked.into_iter().map(|unit| unit + offset));
    }
}

/// For the operators that are DataFusion's own.
fn runtime() -> Result<tokio::runtime::Runtime, PlanError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(|error| PlanError::Session(Box::new(DataFusionError::IoError(error))))
}

/// Notes at each view and table which plans read it. Views stand after those that they use.
fn note_users<'a>(
    queries: impl Iterator<Item = (PlanMask, &'a Query)>,
    conditions: [usize; 2],
    views: &mut [PlannedView],
    bases: &mut [BaseTable],
) {
    for (bit, query) in queries {
        query.views.iter().for_each(|view| views[*view].users |= bit);
        query.demands.iter().for_each(|base| bases[*base].users |= bit);
    }
    conditions.into_iter().for_each(|view| views[view].users |= CONDITIONS);
    for at in (0..views.len()).rev() {
        let users = views[at].users;
        for used in views[at].views.clone() {
            views[used].users |= users;
        }
        views[at].demands.iter().for_each(|base| bases[*base].users |= users);
    }
}

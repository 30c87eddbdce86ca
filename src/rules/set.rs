//! A planned catalogue, executed for batches of units.
//!
//! Shared views are computed once per batch for all the rules that use them: every view stands in a slot of its
//! own and the plans that read it, read the slot. Rules that use others run after those, whose rows they find in the slot
//! `rule_rows`; links that read what rules found run last.
//!
//! A set is one shard's. Planning is done once: further shards get theirs from the first (`another`).

mod another;

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;

use crate::clock::FeedSet;
use crate::history::History;
use crate::rules::budget::Budget;
use crate::rules::catalogue::Catalogue;
use crate::rules::executor::{Batch, Column, Compiled, Run};
use crate::rules::file::RuleFile;
use crate::rules::links::{LinkedRow, read_rows};
use crate::rules::output::{RuleRows, Shared};
use crate::rules::plan::{Parts, PlanError, Planner};
use crate::rules::profile::Profile;
use crate::rules::table::Slot;
use crate::schema::{Feed, TableId};
use crate::units::{Demand, Unit, gather, persons, tagged_text};

/// A set of tables, as bits by [`TableId::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSet(pub u32);

impl TableSet {
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
    /// Tables that its rows depend on.
    pub tables: TableSet,
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
    /// Output column of the plan -> column of the slot.
    pub columns: Vec<usize>,
    pub plan: Option<Compiled>,
    pub views: Vec<usize>,
    pub demands: Vec<usize>,
    pub tables: TableSet,
    /// It reads the rows of rules.
    pub late: bool,
}

pub(super) struct BaseTable {
    pub slot: Arc<Slot>,
    pub table: TableId,
    pub history: bool,
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
    /// Rules whose rows other rules read, and those whose rows links read.
    used_by_rules: RuleMask,
    used_by_links: RuleMask,
    link_fingerprint: String,
    task: Arc<TaskContext>,
    runtime: tokio::runtime::Runtime,
    /// How many units the slots hold.
    units: AtomicUsize,
    /// Where the time goes, if somebody wants to know.
    profile: Mutex<Option<Profile>>,
}

impl RuleSet {
    /// Plans and checks every view and rule.
    pub fn plan(catalogue: &Catalogue) -> Result<RuleSet, PlanError> {
        if catalogue.rules.len() > MAX_RULES {
            return Err(PlanError::TooMany(catalogue.rules.len()));
        }
        let runtime = runtime()?;
        let Parts { rules, views, links, bases, cancellers, corroborations, rule_rows, budget, task } =
            runtime.block_on(Planner::new(catalogue)?.plan(catalogue))?;
        let shared_tables = views[cancellers].tables.union(views[corroborations].tables);
        let mask = |used: Vec<&RuleFile>| {
            let is_used = |rule: &PlannedRule| used.iter().any(|used| used.header.id == rule.file.header.id);
            rules.iter().enumerate().filter(|(_, rule)| is_used(rule)).fold(0, |mask, (at, _)| mask | 1 << at)
        };
        let (used_by_rules, used_by_links) = (mask(catalogue.used(true)), mask(catalogue.used(false)));
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
            used_by_rules,
            used_by_links,
            link_fingerprint: catalogue.link_fingerprint(),
            task,
            runtime,
            units: AtomicUsize::new(0),
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
        self.used_by_links
    }

    pub fn rules(&self) -> &[PlannedRule] {
        &self.rules
    }

    /// Tables that the cancellers and corroborations depend on.
    pub fn shared_tables(&self) -> TableSet {
        self.shared_tables
    }

    /// Rules whose rows a change in `tables` can touch.
    pub fn reading(&self, tables: TableSet) -> RuleMask {
        let bits = self.rules.iter().enumerate().filter(|(_, rule)| rule.tables.meets(tables));
        bits.fold(0, |mask, (at, _)| mask | 1 << at)
    }

    /// Runs the asked rules over all units. A failure is narrowed down to the units that cause it.
    pub fn evaluate(&self, history: &History, units: &[Unit], asked: Asked) -> Evaluation {
        let mut out = Evaluation {
            rows: self.rules.iter().map(|_| None).collect(),
            failures: Vec::new(),
            input_rows: 0,
            rule_micros: vec![0; self.rules.len()],
            gather_micros: 0,
            linked: Vec::new(),
            unlinked: Vec::new(),
        };
        let late = self.late_rules();
        let links: Vec<usize> = (0..self.links.len()).filter(|at| asked.links && self.links[*at].is_late()).collect();
        let mut wanted = asked.rules;
        if !links.is_empty() {
            wanted |= self.used_by_links;
        }
        if wanted & late != 0 {
            wanted |= self.used_by_rules;
        }
        let queries = || {
            let rules = (0..self.rules.len()).filter(|at| wanted & 1 << at != 0).map(|at| &self.rules[at].query);
            rules.chain(links.iter().map(|at| &self.links[*at].query))
        };
        let started = std::time::Instant::now();
        let views = self.closure(queries().flat_map(|query| query.views.iter().copied()));
        let prepared = self.prepare(history, units, queries().flat_map(|query| query.demands.iter().copied()), &views);
        out.gather_micros = started.elapsed().as_micros() as u64;
        out.input_rows = *prepared.as_ref().unwrap_or(&0);
        let mut ready = prepared.map(|_| ());
        self.run_rules(history, units, wanted & !late, &ready, &mut out);
        if wanted & late != 0 {
            ready = ready.and_then(|()| self.prepare_late(history, units, &out, self.used_by_rules, &views));
            self.run_rules(history, units, wanted & late, &ready, &mut out);
            self.fail_users(wanted & late, &mut out);
        }
        if !links.is_empty() {
            ready = ready.and_then(|()| self.prepare_late(history, units, &out, self.used_by_links, &views));
            for at in links {
                let rows = ready.clone().and_then(|()| {
                    let link = &self.links[at];
                    self.collect(link.table.name(), &link.query.plan)
                        .and_then(|batches| read_rows(link.table, &batches))
                });
                match rows {
                    Ok(rows) => out.linked.push((at, rows)),
                    Err(message) => {
                        tracing::error!(link = self.links[at].table.name(), %message, "a link failed; what it showed stays");
                        out.unlinked = (0..units.len() as u32).collect();
                    }
                }
            }
            let failed = out.failures.iter().filter(|failure| self.used_by_links & 1 << failure.rule != 0);
            out.unlinked.extend(failed.map(|failure| failure.unit));
        }
        out
    }

    fn run_rules(
        &self,
        history: &History,
        units: &[Unit],
        rules: RuleMask,
        ready: &Result<(), String>,
        out: &mut Evaluation,
    ) {
        for at in (0..self.rules.len()).filter(|at| rules & 1 << at != 0) {
            let started = std::time::Instant::now();
            let rule = &self.rules[at];
            let rows = match ready {
                Ok(()) => self
                    .collect(&rule.file.header.id, &rule.query.plan)
                    .and_then(|batches| RuleRows::read(&rule.file.header, batches)),
                Err(message) => Err(message.clone()),
            };
            out.rule_micros[at] = started.elapsed().as_micros() as u64;
            match rows {
                Ok(rows) => out.rows[at] = Some(rows),
                Err(message) if units.len() == 1 => {
                    out.failures.push(RuleFailure { rule: at, unit: 0, message });
                }
                Err(_) => self.bisect(history, units, at, out),
            }
        }
    }

    /// Where a used rule failed, those that use it know nothing either.
    fn fail_users(&self, users: RuleMask, out: &mut Evaluation) {
        let used = out.failures.iter().filter(|failure| self.used_by_rules & 1 << failure.rule != 0);
        let units: Vec<u32> = used.map(|failure| failure.unit).collect();
        for unit in units {
            for rule in (0..self.rules.len()).filter(|at| users & 1 << at != 0) {
                let message = "a rule that it uses failed".to_owned();
                out.failures.push(RuleFailure { rule, unit, message });
            }
        }
    }

    /// Rules that read the rows of others.
    fn late_rules(&self) -> RuleMask {
        let late = self.rules.iter().enumerate().filter(|(_, rule)| rule.query.late);
        late.fold(0, |mask, (at, _)| mask | 1 << at)
    }

    /// Puts the rows of the used rules in their table and computes the views that read it.
    fn prepare_late(
        &self,
        history: &History,
        units: &[Unit],
        done: &Evaluation,
        used: RuleMask,
        views: &[usize],
    ) -> Result<(), String> {
        let (columns, rows) = self.rule_rows(history, units, done, used);
        self.rule_rows.fill_columns(columns, rows);
        for view in views.iter().map(|view| &self.views[*view]).filter(|view| view.late) {
            self.fill_view(view)?;
        }
        Ok(())
    }

    /// The rows of rules in the form of [`rule_rows_schema`].
    fn rule_rows(
        &self,
        history: &History,
        units: &[Unit],
        done: &Evaluation,
        used: RuleMask,
    ) -> (Vec<Option<Column>>, usize) {
        let mut texts: [Vec<String>; 7] = Default::default();
        let (mut alert_at, mut cleared_at, mut anchor_at) = (Vec::new(), Vec::new(), Vec::new());
        for at in (0..self.rules.len()).filter(|at| used & 1 << at != 0) {
            let Some(rows) = &done.rows[at] else { continue };
            let file = &self.rules[at].file;
            let cancelled_by = cancelled_by(file);
            for (number, unit) in units.iter().enumerate() {
                let subject = &history.person(unit.person).subject;
                for hit in rows.of(number as u32) {
                    let row = [
                        file.header.id.clone(),
                        file.header.number.clone(),
                        tagged_text(number as u32, subject),
                        tagged_text(number as u32, &hit.subject),
                        hit.alert_key.clone(),
                        hit.severity.name().to_owned(),
                        cancelled_by.clone(),
                    ];
                    texts.iter_mut().zip(row).for_each(|(column, text)| column.push(text));
                    alert_at.push(Some(hit.alert_at));
                    cleared_at.push(hit.cleared_at);
                    anchor_at.push(hit.anchor.map(|day| day.0));
                }
            }
        }
        let rows = alert_at.len();
        let [ids, numbers, persons, permits, keys, severities, cancelled_by] =
            texts.map(|column| -> ArrayRef { Arc::new(StringArray::from_iter_values(column)) });
        let columns: Vec<ArrayRef> = vec![
            ids,
            numbers,
            persons,
            permits,
            keys,
            severities,
            Arc::new(TimestampMicrosecondArray::from(alert_at)),
            Arc::new(TimestampMicrosecondArray::from(cleared_at)),
            Arc::new(Date32Array::from(anchor_at)),
            cancelled_by,
        ];
        (columns.into_iter().map(|array| Some(Column::new(array))).collect(), rows)
    }

    /// What links that read records alone show; `at` by position in [`RuleSet::links`].
    pub fn evaluate_link(&self, history: &History, units: &[Unit], at: usize) -> Result<Vec<LinkedRow>, String> {
        let link = &self.links[at];
        let views = self.closure(link.query.views.iter().copied());
        self.prepare(history, units, link.query.demands.iter().copied(), &views)?;
        self.collect(link.table.name(), &link.query.plan).and_then(|batches| read_rows(link.table, &batches))
    }

    /// Evaluates cancellers and corroborations of all units.
    pub fn evaluate_shared(&self, history: &History, units: &[Unit]) -> Result<Shared, String> {
        let views = self.closure([self.cancellers, self.corroborations].into_iter());
        self.prepare(history, units, std::iter::empty(), &views)?;
        let read = |view: usize| self.views[view].slot_batch();
        let ids: Vec<&str> = self.rules.iter().map(|rule| rule.file.header.id.as_str()).collect();
        Shared::read(&read(self.cancellers), &read(self.corroborations), units.len(), &ids)
    }

    /// Halves the units until the failing ones stand alone; the others keep their rows.
    fn bisect(&self, history: &History, units: &[Unit], rule: usize, out: &mut Evaluation) {
        let (left, right) = units.split_at(units.len() / 2);
        let mut rows = RuleRows::default();
        for (offset, half) in [(0, left), (left.len(), right)] {
            let part = self.evaluate(history, half, Asked { rules: 1 << rule, links: false });
            let own = part.failures.into_iter().filter(|failure| failure.rule == rule);
            out.failures.extend(own.map(|mut failure| {
                failure.unit += offset as u32;
                failure
            }));
            if let Some(part) = part.rows.into_iter().nth(rule).flatten() {
                rows.append(part, offset as u32);
            }
        }
        out.rows[rule] = Some(rows);
    }

    /// The views asked for and those that they use, in the order in which they are to be computed.
    fn closure(&self, asked: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut needed = vec![false; self.views.len()];
        let mut open: Vec<usize> = asked.collect();
        while let Some(view) = open.pop() {
            if !needed[view] {
                needed[view] = true;
                open.extend(&self.views[view].views);
            }
        }
        (0..self.views.len()).filter(|view| needed[*view]).collect()
    }

    /// Fills the slots of the base tables and computes the views. Returns the rows gathered.
    fn prepare(
        &self,
        history: &History,
        units: &[Unit],
        demands: impl Iterator<Item = usize>,
        views: &[usize],
    ) -> Result<usize, String> {
        let mut bases: Vec<usize> =
            demands.chain(views.iter().flat_map(|view| self.views[*view].demands.iter().copied())).collect();
        bases.sort_unstable();
        bases.dedup();
        self.units.store(units.len(), Ordering::Relaxed);
        let mut rows = 0;
        let persons = Column::new(persons(history, units));
        for base in bases {
            let base = &self.bases[base];
            let demand = Demand { table: base.table, history: base.history, columns: base.slot.used() };
            let content = gather(history, units, &demand).map_err(|error| error.to_string())?;
            rows += content.rows;
            base.slot.fill(content, &persons);
        }
        for view in views.iter().map(|view| &self.views[*view]).filter(|view| !view.late) {
            self.fill_view(view)?;
        }
        Ok(rows)
    }

    /// Executes a plan; `name` says for the profile whose it is.
    fn run<T>(
        &self,
        name: &str,
        execute: impl Fn(&Run<'_>) -> Result<T, DataFusionError>,
        rows: impl Fn(&T) -> usize,
    ) -> Result<T, String> {
        self.budget.reset();
        let mut profile = self.profile.lock().unwrap_or_else(PoisonError::into_inner);
        let costs = profile.as_ref().map(|_| RefCell::default());
        let run = Run {
            budget: &self.budget,
            task: &self.task,
            runtime: &self.runtime,
            units: self.units.load(Ordering::Relaxed),
            costs: costs.as_ref(),
        };
        let started = std::time::Instant::now();
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| execute(&run)));
        if let (Some(profile), Some(costs), Ok(Ok(found))) = (profile.as_mut(), &costs, &result) {
            profile.note(name, &costs.borrow(), rows(found), started.elapsed());
        }
        match result {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(describe(&error)),
            Err(_) => Err("the query engine panicked".into()),
        }
    }

    fn collect(&self, name: &str, plan: &Compiled) -> Result<Vec<RecordBatch>, String> {
        self.run(name, |run| plan.collect(run), RecordBatch::num_rows).map(|batch| vec![batch])
    }

    fn fill_view(&self, view: &PlannedView) -> Result<(), String> {
        let Some(plan) = &view.plan else { return Ok(()) };
        let batch = self.run(&view.slot.name, |run| plan.run(run), |batch| batch.rows)?;
        view.fill(batch)
    }
}

/// For the operators that are DataFusion's own.
fn runtime() -> Result<tokio::runtime::Runtime, PlanError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(|error| PlanError::Session(Box::new(DataFusionError::IoError(error))))
}

/// The kind of an error without the values that it may quote.
fn describe(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).take(200).collect()
}

impl PlannedView {
    fn fill(&self, batch: Batch) -> Result<(), String> {
        let mut columns: Vec<Option<Column>> = vec![None; self.slot.schema.fields().len()];
        for (column, &to) in batch.columns.into_iter().zip(&self.columns) {
            let wanted = self.slot.schema.field(to).data_type();
            let column = if column.data_type() == wanted {
                column
            } else {
                let array = column.array().map_err(|error| error.to_string())?;
                Column::new(cast(&array, wanted).map_err(|error| error.to_string())?)
            };
            columns[to] = Some(column);
        }
        self.slot.fill_columns(columns, batch.rows);
        Ok(())
    }

    /// What the slot holds, all columns.
    fn slot_batch(&self) -> RecordBatch {
        self.slot.record_batch().unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(&self.slot.schema)))
    }
}

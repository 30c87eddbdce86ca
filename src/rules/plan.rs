//! A catalogue as physical plans, planned once and executed for batches of units.
//!
//! Shared views are computed once per batch for all the rules that use them: every view stands in a slot of its
//! own and the plans that read it, read the slot. Rules are planned before the views, so that a view computes only
//! the columns that someone reads.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use thiserror::Error;

use crate::clock::FeedSet;
use crate::history::History;
use crate::rules::catalogue::{Catalogue, ViewFile};
use crate::rules::check::{self, CheckError, Key, Known, Owner};
use crate::rules::file::RuleFile;
pub use crate::rules::output::Hit;
use crate::rules::output::{Interval, RuleRows, Shared};
use crate::rules::session;
use crate::rules::table::{Slot, SlotTable};
use crate::rules::text::check_text;
use crate::schema::{ColumnType, TableId};
use crate::units::{Content, Demand, Unit, gather, rule_schema};

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
    /// Tables that its rows depend on, through views too.
    pub tables: TableSet,
    /// Feeds that its clock waits for: its own, and those of the cancellers and corroborations.
    pub feeds: FeedSet,
    /// Cancellers that concern it, by position in [`crate::rules::catalogue::CANCELLERS`].
    pub cancellers: u8,
    views: Vec<usize>,
    demands: Vec<usize>,
    plan: Arc<dyn ExecutionPlan>,
}

struct PlannedView {
    slot: Arc<Slot>,
    /// Output column of the plan -> column of the slot.
    columns: Vec<usize>,
    plan: Option<Arc<dyn ExecutionPlan>>,
    views: Vec<usize>,
    demands: Vec<usize>,
    tables: TableSet,
}

struct BaseTable {
    slot: Arc<Slot>,
    table: TableId,
    history: bool,
}

/// Why a catalogue cannot be planned.
#[derive(Debug, Error)]
pub enum PlanError {
    #[error("{what} \"{name}\"")]
    Sql { what: &'static str, name: String, source: Box<DataFusionError> },
    #[error("{what} \"{name}\"")]
    Check { what: &'static str, name: String, source: CheckError },
    #[error("views use one another in a circle: {0}")]
    Circle(String),
    #[error("view \"{0}\" is missing; every catalogue needs it")]
    MissingView(&'static str),
    #[error("there are {0} rules; a set holds at most 64")]
    TooMany(usize),
    #[error("cannot start the rule session: {0}")]
    Session(Box<DataFusionError>),
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
}

/// All plans of one shard.
pub struct RuleSet {
    rules: Vec<PlannedRule>,
    views: Vec<PlannedView>,
    bases: Vec<BaseTable>,
    cancellers: usize,
    corroborations: usize,
    shared_tables: TableSet,
    task: Arc<TaskContext>,
    runtime: tokio::runtime::Runtime,
}

impl RuleSet {
    /// Plans and checks every view and rule.
    pub fn plan(catalogue: &Catalogue) -> Result<RuleSet, PlanError> {
        if catalogue.rules.len() > MAX_RULES {
            return Err(PlanError::TooMany(catalogue.rules.len()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| PlanError::Session(Box::new(DataFusionError::IoError(error))))?;
        runtime.block_on(Planner::new(catalogue)?.plan(catalogue)).map(|parts| {
            let Parts { rules, views, bases, cancellers, corroborations, task } = parts;
            let shared_tables = views[cancellers].tables.union(views[corroborations].tables);
            RuleSet { rules, views, bases, cancellers, corroborations, shared_tables, task, runtime }
        })
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
    pub fn evaluate(&self, history: &History, units: &[Unit], asked: RuleMask) -> Evaluation {
        let mut out = Evaluation {
            rows: self.rules.iter().map(|_| None).collect(),
            failures: Vec::new(),
            input_rows: 0,
            rule_micros: vec![0; self.rules.len()],
            gather_micros: 0,
        };
        let wanted: Vec<usize> = (0..self.rules.len()).filter(|at| asked & 1 << at != 0).collect();
        let started = std::time::Instant::now();
        let views = self.closure(wanted.iter().flat_map(|at| self.rules[*at].views.iter().copied()));
        let demands = wanted.iter().flat_map(|at| self.rules[*at].demands.iter().copied());
        let prepared = self.prepare(history, units, demands, &views);
        out.gather_micros = started.elapsed().as_micros() as u64;
        out.input_rows = *prepared.as_ref().unwrap_or(&0);
        for at in wanted {
            let started = std::time::Instant::now();
            let rule = &self.rules[at];
            let rows = match &prepared {
                Ok(_) => self.run(&rule.plan).and_then(|batches| RuleRows::read(&rule.file.header, batches)),
                Err(message) => Err(message.clone()),
            };
            out.rule_micros[at] = started.elapsed().as_micros() as u64;
            match rows {
                Ok(rows) => out.rows[at] = Some(rows),
                Err(message) if units.len() == 1 => {
                    out.failures.push(RuleFailure { rule: at, unit: 0, message });
                }
                Err(_) => self.bisect(history, units, at, &mut out),
            }
        }
        out
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
            let part = self.evaluate(history, half, 1 << rule);
            out.failures.extend(part.failures.into_iter().map(|mut failure| {
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
        let mut rows = 0;
        for base in bases {
            let base = &self.bases[base];
            let demand = Demand { table: base.table, history: base.history, columns: base.slot.used() };
            let content = gather(history, units, &demand).map_err(|error| error.to_string())?;
            rows += content.rows;
            base.slot.fill(content);
        }
        for view in views {
            let view = &self.views[*view];
            if let Some(plan) = &view.plan {
                let batches = self.run(plan)?;
                view.fill(&batches)?;
            }
        }
        Ok(rows)
    }

    fn run(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<RecordBatch>, String> {
        let run = || -> Result<Vec<RecordBatch>, DataFusionError> {
            let plan = reset_plan_states(Arc::clone(plan))?;
            let partitions = plan.properties().partitioning.partition_count();
            self.runtime.block_on(async {
                let mut batches = Vec::new();
                for partition in 0..partitions {
                    let stream = plan.execute(partition, Arc::clone(&self.task))?;
                    batches.extend(stream.try_collect::<Vec<_>>().await?);
                }
                Ok(batches)
            })
        };
        match std::panic::catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(batches)) => Ok(batches),
            Ok(Err(error)) => Err(describe(&error)),
            Err(_) => Err("the query engine panicked".into()),
        }
    }
}

/// The kind of an error without the values that it may quote.
fn describe(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).take(200).collect()
}

impl PlannedView {
    fn fill(&self, batches: &[RecordBatch]) -> Result<(), String> {
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.slot.schema.fields().len()];
        for (from, &to) in self.columns.iter().enumerate() {
            let wanted = self.slot.schema.field(to).data_type();
            let parts: Vec<&dyn arrow::array::Array> =
                batches.iter().map(|batch| batch.column(from).as_ref()).collect();
            let array = match parts.as_slice() {
                [] => arrow::array::new_empty_array(wanted),
                [_] => Arc::clone(batches[0].column(from)),
                parts => concat(parts).map_err(|error| error.to_string())?,
            };
            let array =
                if array.data_type() == wanted { array } else { cast(&array, wanted).map_err(|e| e.to_string())? };
            columns[to] = Some(array);
        }
        self.slot.fill(Content { columns, rows });
        Ok(())
    }

    /// What the slot holds, all columns.
    fn slot_batch(&self) -> RecordBatch {
        let all: Vec<usize> = (0..self.slot.schema.fields().len()).collect();
        let pieces = self.slot.pieces(&all, &self.slot.schema).unwrap_or_default();
        arrow::compute::concat_batches(&self.slot.schema, &pieces)
            .unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(&self.slot.schema)))
    }
}

struct Parts {
    rules: Vec<PlannedRule>,
    views: Vec<PlannedView>,
    bases: Vec<BaseTable>,
    cancellers: usize,
    corroborations: usize,
    task: Arc<TaskContext>,
}

/// What planning needs and execution does not.
struct Planner {
    context: SessionContext,
    known: Known,
    bases: Vec<BaseTable>,
    base_by_name: BTreeMap<String, usize>,
    view_by_name: BTreeMap<String, usize>,
    /// Slots whose content never changes.
    fixed: Vec<String>,
}

/// What a text refers to.
#[derive(Default)]
struct References {
    views: Vec<usize>,
    bases: Vec<usize>,
}

impl Planner {
    fn new(catalogue: &Catalogue) -> Result<Planner, PlanError> {
        let failed = |error| PlanError::Session(Box::new(error));
        let context = session::session().map_err(failed)?;
        let mut planner = Planner {
            context,
            known: Known::default(),
            bases: Vec::new(),
            base_by_name: BTreeMap::new(),
            view_by_name: BTreeMap::new(),
            fixed: Vec::new(),
        };
        for table in TableId::ALL {
            for history in [false, true] {
                planner.add_base(table, history).map_err(failed)?;
            }
        }
        for (name, batch) in session::calendars(&catalogue.thresholds) {
            let slot = Slot::new(name, batch.schema());
            let columns = batch.columns().iter().map(|column| Some(Arc::clone(column))).collect();
            slot.fill(Content { columns, rows: batch.num_rows() });
            planner.register(&slot).map_err(failed)?;
            planner.known.add(name, Owner::Nobody, BTreeMap::new());
            planner.fixed.push(name.to_owned());
        }
        Ok(planner)
    }

    fn add_base(&mut self, table: TableId, history: bool) -> Result<(), DataFusionError> {
        let name = if history { format!("{}_history", table.name()) } else { table.name().to_owned() };
        let slot = Slot::new(&name, rule_schema(table, history));
        self.register(&slot)?;
        let owner = match table.reference_key() {
            _ if table.is_person() => Owner::Person,
            Some(_) => Owner::Reference,
            None => Owner::Nobody,
        };
        let keys = table.def().rule_columns(history).into_iter().map(|(name, ty)| (name.to_owned(), key(ty)));
        self.known.add(&name, owner, keys.collect());
        self.base_by_name.insert(name, self.bases.len());
        self.bases.push(BaseTable { slot, table, history });
        Ok(())
    }

    fn register(&self, slot: &Arc<Slot>) -> Result<(), DataFusionError> {
        let table = Arc::new(SlotTable { slot: Arc::clone(slot) });
        self.context.register_table(slot.name.as_str(), table).map(|_| ())
    }

    async fn plan(mut self, catalogue: &Catalogue) -> Result<Parts, PlanError> {
        let order = self.view_order(&catalogue.views)?;
        let mut views = Vec::new();
        for file in &order {
            views.push(self.declare_view(file, &views).await?);
        }
        let find = |name: &'static str| self.view_by_name.get(name).copied().ok_or(PlanError::MissingView(name));
        let (cancellers, corroborations) = (find("cancellers")?, find("corroborations")?);
        // The engine reads these two whole.
        for view in [cancellers, corroborations] {
            let slot = &views[view].slot;
            let all = (0..slot.schema.fields().len()).collect();
            let table = SlotTable { slot: Arc::clone(slot) };
            let scanned =
                datafusion::catalog::TableProvider::scan(&table, &self.context.state(), Some(&all), &[], None).await;
            scanned.map_err(|error| PlanError::Session(Box::new(error)))?;
        }
        let shared = views[cancellers].tables.union(views[corroborations].tables);
        let mut rules = Vec::new();
        for file in &catalogue.rules {
            let fingerprint = catalogue.fingerprint(file);
            rules.push(self.plan_rule(file, fingerprint, &views, shared).await?);
        }
        for (at, file) in order.iter().enumerate().rev() {
            self.plan_view(file, &mut views[at]).await?;
        }
        let task = self.context.task_ctx();
        Ok(Parts { rules, views, bases: self.bases, cancellers, corroborations, task })
    }

    /// Views in an order in which each comes after those that it uses.
    fn view_order<'a>(&self, files: &'a [ViewFile]) -> Result<Vec<&'a ViewFile>, PlanError> {
        let mut uses = Vec::new();
        for file in files {
            let names = self.tables_of(&file.sql).map_err(|error| sql_error("view", &file.name, error))?;
            uses.push(names);
        }
        let mut order: Vec<&ViewFile> = Vec::new();
        let mut open: Vec<usize> = (0..files.len()).collect();
        while !open.is_empty() {
            let done = |name: &String| order.iter().any(|file| file.name == *name);
            let is_view = |name: &String| files.iter().any(|file| file.name == *name);
            let next = open.iter().position(|&at| uses[at].iter().all(|name| !is_view(name) || done(name)));
            let Some(next) = next else {
                let names: Vec<&str> = open.iter().map(|&at| files[at].name.as_str()).collect();
                return Err(PlanError::Circle(names.join(", ")));
            };
            order.push(&files[open.remove(next)]);
        }
        Ok(order)
    }

    fn tables_of(&self, sql: &str) -> Result<Vec<String>, DataFusionError> {
        let state = self.context.state();
        let dialect = state.config().options().sql_parser.dialect;
        let statement = state.sql_to_statement(sql, &dialect)?;
        let tables = state.resolve_table_references(&statement)?;
        Ok(tables.iter().map(|table| table.table().to_owned()).collect())
    }

    fn references(&self, sql: &str) -> Result<References, DataFusionError> {
        let mut references = References::default();
        for name in self.tables_of(sql)? {
            if let Some(&view) = self.view_by_name.get(&name) {
                references.views.push(view);
            } else if let Some(&base) = self.base_by_name.get(&name) {
                references.bases.push(base);
            }
        }
        Ok(references)
    }

    fn tables_below(&self, references: &References, views: &[PlannedView]) -> TableSet {
        let mut tables = TableSet::default();
        for &base in &references.bases {
            tables.insert(self.bases[base].table);
        }
        references.views.iter().fold(tables, |tables, &view| tables.union(views[view].tables))
    }

    /// Parses, checks and optimises a rule or view.
    async fn logical(&self, what: &'static str, name: &str, sql: &str) -> Result<LogicalPlan, PlanError> {
        let failed = |error| sql_error(what, name, error);
        let refused = |source| PlanError::Check { what, name: name.to_owned(), source };
        let state = self.context.state();
        let dialect = state.config().options().sql_parser.dialect;
        let statement = state.sql_to_statement(sql, &dialect).map_err(failed)?;
        check_text(&statement).map_err(refused)?;
        let plan = state.statement_to_plan(statement).await.map_err(failed)?;
        check::check_division(&plan).map_err(refused)?;
        state.optimize(&plan).map_err(failed)
    }

    async fn declare_view(&mut self, file: &ViewFile, views: &[PlannedView]) -> Result<PlannedView, PlanError> {
        let failed = |error| sql_error("view", &file.name, error);
        let plan = self.logical("view", &file.name, &file.sql).await?;
        let carried = self.known.prove(&plan).map_err(|source| PlanError::Check {
            what: "view",
            name: file.name.clone(),
            source,
        })?;
        let schema: SchemaRef = Arc::new(plan.schema().as_arrow().clone());
        let keys = schema.fields().iter().zip(&carried.keys).map(|(field, key)| (field.name().clone(), *key));
        self.known.add(&file.name, carried.owner, keys.collect());
        let slot = Slot::new(&file.name, schema);
        self.register(&slot).map_err(failed)?;
        let references = self.references(&file.sql).map_err(failed)?;
        let tables = self.tables_below(&references, views);
        self.view_by_name.insert(file.name.clone(), views.len());
        Ok(PlannedView {
            slot,
            columns: Vec::new(),
            plan: None,
            views: references.views,
            demands: references.bases,
            tables,
        })
    }

    /// Plans a view for the columns that its readers turned out to want.
    async fn plan_view(&self, file: &ViewFile, view: &mut PlannedView) -> Result<(), PlanError> {
        let failed = |error| sql_error("view", &file.name, error);
        let used = view.slot.used();
        view.columns = (0..used.len()).filter(|column| used[*column]).collect();
        if view.columns.is_empty() {
            // Read only for its rows, or not at all.
            view.columns.push(0);
        }
        let quoted = |column: &usize| format!("v.\"{}\"", view.slot.schema.field(*column).name());
        let columns: Vec<String> = view.columns.iter().map(quoted).collect();
        let sql = format!("SELECT {} FROM ({}) AS v", columns.join(", "), file.sql);
        let state = self.context.state();
        let plan = state.create_logical_plan(&sql).await.map_err(failed)?;
        view.plan = Some(state.create_physical_plan(&plan).await.map_err(failed)?);
        Ok(())
    }

    async fn plan_rule(
        &self,
        file: &RuleFile,
        fingerprint: String,
        views: &[PlannedView],
        shared: TableSet,
    ) -> Result<PlannedRule, PlanError> {
        let id = &file.header.id;
        let failed = |error| sql_error("rule", id, error);
        let plan = self.logical("rule", id, &file.sql).await?;
        let refused = |source| PlanError::Check { what: "rule", name: id.clone(), source };
        let carried = self.known.prove(&plan).map_err(refused)?;
        check::check_output(&plan, &carried, file.header.subject.as_deref().unwrap_or("permit_id")).map_err(refused)?;
        let references = self.references(&file.sql).map_err(failed)?;
        let tables = self.tables_below(&references, views);
        let physical = self.context.state().create_physical_plan(&plan).await.map_err(failed)?;
        Ok(PlannedRule {
            file: file.clone(),
            fingerprint,
            tables,
            feeds: tables.union(shared).feeds(),
            cancellers: Interval::reason_bits(&Catalogue::cancel_reasons(file)),
            views: references.views,
            demands: references.bases,
            plan: physical,
        })
    }
}

fn sql_error(what: &'static str, name: &str, error: DataFusionError) -> PlanError {
    PlanError::Sql { what, name: name.to_owned(), source: Box::new(error) }
}

fn key(ty: ColumnType) -> Key {
    if ty.identifies_subject() {
        Key::Subject
    } else if ty.identifies_reference() {
        Key::Reference
    } else {
        Key::None
    }
}

/// Text columns may come in any of Arrow's three layouts; rules' outputs are read as plain text.
pub(super) fn as_text(array: &ArrayRef) -> Result<ArrayRef, String> {
    cast(array, &DataType::Utf8).map_err(|error| error.to_string())
}

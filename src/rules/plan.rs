//! Checks a catalogue and plans it as physical plans, once.
//!
//! Rules are planned before views, so that a view computes only the columns that some plan reads. A step that several places of a
//! text read is planned and proved once, as a table of its own (`steps`); the text is proved as it then runs. Only where that proof
//! fails is it proved as its author wrote it, with each step in each place: a refusal points into that.

mod accepted;
mod arguments;
#[cfg(test)]
mod tests;
mod views;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use thiserror::Error;

use crate::catalogue::file::RuleFile;
use crate::catalogue::links::LinkFile;
use crate::catalogue::refused::Highlight;
use crate::catalogue::{Catalogue, ViewFile};
use crate::model::alert::Severity;
use crate::model::schema::{ColumnType, Feed, TableId};
use crate::model::sets::TableSet;
use crate::proofs::dates::check_dates;
use crate::proofs::duckdb::check_duckdb;
use crate::proofs::isolation::{Key, Known, Owner, Proved};
use crate::proofs::keys;
use crate::proofs::lawful::Judge;
use crate::proofs::lawful::fixed::is_own_rule;
use crate::proofs::lawful::uses::Breach;
use crate::proofs::nulls::check_nulls;
use crate::proofs::refusal::{CheckError, Refusal};
use crate::proofs::sets::check_sets;
use crate::proofs::size::check_size;
use crate::proofs::tags::Tag;
use crate::proofs::text::check_text;
use crate::proofs::values::check_arithmetic;
use crate::rules::calendars::{PARAMETERS, calendars, rows_of};
use crate::rules::common::Common;
use crate::rules::output::CancellerSet;
use crate::rules::planned::{BaseTable, PlannedLink, PlannedRule, PlannedView, Query, RULE_ROWS, rule_rows_schema};
use crate::rules::requests::Plans;
use crate::sql::bounded::bounded;
use crate::sql::budget::{Budget, CALL_BUDGET, limited};
use crate::sql::column::Column;
use crate::sql::executor::Compiled;
use crate::sql::frames::UseFrames;
use crate::sql::session::session;
use crate::sql::slots::{Origin, Slot, SlotTable};
use crate::units::{ColumnSource, Demand, rule_schema};

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
    #[error("cannot start the rule session: {0}")]
    Session(Box<DataFusionError>),
    #[error("planning panicked")]
    Panic,
}

/// The result of planning.
pub(super) struct Parts {
    pub rules: Vec<PlannedRule>,
    pub views: Vec<PlannedView>,
    pub links: Vec<PlannedLink>,
    pub bases: Vec<BaseTable>,
    pub cancellers: usize,
    pub corroborations: usize,
    pub rule_rows: Arc<Slot>,
    pub budget: Arc<Budget>,
    pub task: Arc<TaskContext>,
}

/// State that planning needs and execution does not.
pub(super) struct Planner {
    context: SessionContext,
    known: Known,
    /// Judges the texts by the safeguards; none where the records are made up.
    judge: Option<Judge>,
    bases: Vec<BaseTable>,
    base_by_name: BTreeMap<String, usize>,
    view_by_name: BTreeMap<String, usize>,
    /// Views and steps, each after those that it reads; and their logical plans with all their columns.
    views: Vec<PlannedView>,
    declared: Vec<LogicalPlan>,
    /// What variants of a rule have in common; `None`: no rule stands in the catalogue twice.
    common: Option<Common>,
    /// The slot for the rows of rules that others use.
    rule_rows: Arc<Slot>,
    /// What one call of a plan may spend.
    budget: Arc<Budget>,
}

/// Why a text cannot be planned.
#[derive(Debug)]
enum Problem {
    Sql(DataFusionError),
    Check(CheckError),
}

/// A text as it runs, with its repeated steps in tables of their own, and what has been proved of it.
struct Text {
    sql: String,
    plan: LogicalPlan,
    proved: Proved,
}

/// What a text is.
#[derive(Clone, Copy, Debug)]
enum Role<'a> {
    Rule(&'a RuleFile),
    View(&'a str),
    Link(TableId),
}

impl Role<'_> {
    fn name(&self) -> &str {
        match self {
            Role::Rule(file) => &file.header.id,
            Role::View(name) => name,
            Role::Link(table) => table.name(),
        }
    }
}

/// A text with its repeated steps in tables of their own.
struct Shared {
    sql: String,
    /// What may be read, these tables included.
    known: Arc<Known>,
    /// What these steps do with sensitive columns.
    found: Vec<Breach>,
}

/// The tables and views that a text reads.
#[derive(Default)]
struct References {
    views: Vec<usize>,
    bases: Vec<usize>,
    rule_rows: bool,
}

impl Planner {
    pub(super) fn new(catalogue: &Catalogue) -> Result<Planner, PlanError> {
        let failed = |error| PlanError::Session(Box::new(error));
        let context = without_idle_rules(&session().map_err(failed)?);
        let mut planner = Planner {
            context,
            known: Known::new(!catalogue.is_made_up),
            judge: (!catalogue.is_made_up).then(|| Judge::of(catalogue)),
            bases: Vec::new(),
            base_by_name: BTreeMap::new(),
            view_by_name: BTreeMap::new(),
            views: Vec::new(),
            declared: Vec::new(),
            common: Common::of(&catalogue.rules),
            rule_rows: Slot::new(RULE_ROWS, rule_rows_schema()),
            budget: Budget::new(CALL_BUDGET),
        };
        for table in TableId::ALL {
            planner.add_base(table, false).map_err(failed)?;
            if !table.is_link() {
                planner.add_base(table, true).map_err(failed)?;
            }
        }
        planner.register(&Arc::clone(&planner.rule_rows)).map_err(failed)?;
        let columns = [("person_id", Key::Person), ("permit_id", Key::Subject)];
        let columns = columns.map(|(name, key)| (name.to_owned(), (key, Tag::Front)));
        let schema = rule_rows_schema();
        let rows = keys::Table::new(RULE_ROWS, schema.fields().iter().map(|field| field.name().as_str()))
            .without_null(&["rule_id", "rule_number", "person_id", "permit_id", "alert_key", "severity", "alert_at"])
            .with_words("severity", &Severity::ALL.map(Severity::name));
        planner.known.add(RULE_ROWS, Owner::Person, columns.into(), rows);
        for (name, batch) in calendars(&catalogue.thresholds) {
            planner.add_calendar(name, name, &batch).map_err(failed)?;
        }
        for (name, thresholds) in &catalogue.varied {
            for (of, batch) in calendars(thresholds).into_iter().filter(|(of, _)| *of == PARAMETERS) {
                planner.add_calendar(name, of, &batch).map_err(failed)?;
            }
        }
        Ok(planner)
    }

    /// Adds a table that belongs to nobody; `of` is the calendar that it is.
    fn add_calendar(&mut self, name: &str, of: &str, batch: &RecordBatch) -> Result<(), DataFusionError> {
        let slot = Slot::new(name, batch.schema());
        let columns = batch.columns().iter().map(|column| Some(Column::new(Arc::clone(column)))).collect();
        slot.fill_columns(columns, batch.num_rows());
        self.register(&slot)?;
        self.known.add(name, Owner::Nobody, BTreeMap::new(), rows_of(name, of, batch));
        Ok(())
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
        let columns = table.def().rule_columns(history);
        // A row that all units share carries the tag of one of them: it may be passed on, but equals no row of another unit.
        let tagged = if owner == Owner::Nobody { Tag::List } else { Tag::Front };
        let told = Demand::new(table, history, &vec![true; columns.len()]).columns;
        let tag = |told: Option<ColumnSource>| match told {
            Some(ColumnSource::Record) => Tag::Record,
            Some(told) if told.is_tagged() => tagged,
            _ => Tag::None,
        };
        let columns = columns.into_iter().zip(told);
        let columns = columns.map(|((name, ty), told)| (name.to_owned(), (key(table, ty), tag(told))));
        self.known.add(&name, owner, columns.collect(), keys::of_table(table, history));
        slot.set_origin(Origin::Table(self.bases.len()));
        self.base_by_name.insert(name, self.bases.len());
        self.bases.push(BaseTable { slot, table, history, demand: OnceLock::new(), users: Plans::default() });
        Ok(())
    }

    fn register(&self, slot: &Arc<Slot>) -> Result<(), DataFusionError> {
        let table = Arc::new(SlotTable { slot: Arc::clone(slot) });
        self.context.register_table(TableReference::bare(slot.name.as_str()), table).map(|_| ())
    }

    pub(super) async fn plan(mut self, catalogue: &Catalogue) -> Result<Parts, PlanError> {
        for file in self.view_order(&catalogue.views)? {
            self.declare_view(file).await?;
        }
        let find = |name: &'static str| self.view_by_name.get(name).copied().ok_or(PlanError::MissingView(name));
        let (cancellers, corroborations) = (find("cancellers")?, find("corroborations")?);
        // The engine reads all columns of these two.
        for view in [cancellers, corroborations] {
            let slot = &self.views[view].slot;
            let all = (0..slot.schema.fields().len()).collect();
            let table = SlotTable { slot: Arc::clone(slot) };
            let scanned =
                datafusion::catalog::TableProvider::scan(&table, &self.context.state(), Some(&all), &[], None).await;
            scanned.map_err(|error| PlanError::Session(Box::new(error)))?;
        }
        let shared = self.views[cancellers].tables.union(self.views[corroborations].tables);
        let mut rules = Vec::new();
        for file in &catalogue.rules {
            let fingerprint = catalogue.fingerprint(file);
            rules.push(self.plan_rule(file, fingerprint, shared).await?);
        }
        self.add_used_tables(&mut rules);
        let mut links = Vec::new();
        for file in &catalogue.links {
            links.push(self.plan_link(file, &rules).await?);
        }
        // In reverse order: every reader of a view has been planned before the view.
        for at in (0..self.views.len()).rev() {
            self.plan_view(at).await?;
        }
        let task = limited(&self.context.task_ctx()).map_err(|error| PlanError::Session(Box::new(error)))?;
        let Planner { views, bases, rule_rows, budget, .. } = self;
        Ok(Parts { rules, views, links, bases, cancellers, corroborations, rule_rows, budget, task })
    }

    /// Orders the views so that each comes after those that it uses.
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
        let tables = self.context.state().resolve_table_references(&self.parse(sql)?)?;
        Ok(tables.iter().map(|table| table.table().to_owned()).collect())
    }

    fn references(&self, sql: &str) -> Result<References, DataFusionError> {
        let mut references = References::default();
        for name in self.tables_of(sql)? {
            if let Some(&view) = self.view_by_name.get(&name) {
                references.views.push(view);
            } else if let Some(&base) = self.base_by_name.get(&name) {
                references.bases.push(base);
            } else if name == RULE_ROWS {
                references.rule_rows = true;
            }
        }
        Ok(references)
    }

    fn tables_below(&self, references: &References) -> TableSet {
        let mut tables = TableSet::default();
        for &base in &references.bases {
            tables.insert(self.bases[base].table);
        }
        references.views.iter().fold(tables, |tables, &view| tables.union(self.views[view].tables))
    }

    fn parse(&self, sql: &str) -> Result<Statement, DataFusionError> {
        let state = self.context.state();
        state.sql_to_statement(sql, &state.config().options().sql_parser.dialect)
    }

    /// Parses what an author wrote, and checks its words.
    fn statement(&self, sql: &str) -> Result<Statement, Problem> {
        let statement = self.parse(sql)?;
        let is_table = |name: &str| self.context.table_exist(TableReference::bare(name)).unwrap_or(false);
        check_text(&statement, sql, &is_table)?;
        Ok(statement)
    }

    /// Checks a statement as written, and optimises it.
    async fn logical(&self, statement: Statement, sql: &str) -> Result<LogicalPlan, Problem> {
        let state = self.context.state();
        let plan = match state.statement_to_plan(statement.clone()).await {
            Ok(plan) => plan,
            Err(error) => return Err(self.misfit(&statement, sql).await.unwrap_or(Problem::Sql(error))),
        };
        check_size(&plan)?;
        if arguments::has_misfit(&plan)
            && let Some(problem) = self.misfit(&statement, sql).await
        {
            return Err(problem);
        }
        check_arithmetic(&plan)?;
        check_dates(&plan)?;
        check_sets(&plan)?;
        check_nulls(&plan)?;
        check_duckdb(&plan)?;
        self.known.check_casts(&plan)?;
        match state.optimize(&plan) {
            Ok(plan) => Ok(plan),
            Err(error) => Err(self.misfit(&statement, sql).await.unwrap_or(Problem::Sql(error))),
        }
    }

    /// A call that does not fit, as the reason why a text cannot be planned.
    async fn misfit(&self, statement: &Statement, sql: &str) -> Option<Problem> {
        arguments::misfit(&self.context, statement, sql).await.map(Problem::Check)
    }

    fn is_late(&self, references: &References) -> bool {
        references.rule_rows || references.views.iter().any(|view| self.views[*view].late)
    }

    async fn plan_rule(
        &mut self,
        file: &RuleFile,
        fingerprint: String,
        shared: TableSet,
    ) -> Result<PlannedRule, PlanError> {
        let id = &file.header.id;
        let failed = |problem: Problem| problem.of("rule", id);
        let Text { sql, plan, .. } = self.accepted(file).await?;
        let (references, physical) = self.runnable(&sql, &plan).await.map_err(|error| failed(error.into()))?;
        let tables = self.tables_below(&references);
        Ok(PlannedRule {
            file: file.clone(),
            wording: PlannedRule::wording(file, &fingerprint),
            fingerprint,
            tables,
            // The program's own rules name in each row what it rests on. Of another, a constant may tell what a record says: it was chosen by it.
            shown: if is_own_rule(file) { TableSet::NONE } else { of_persons(tables) },
            feeds: tables.union(shared).feeds(),
            cancellers: CancellerSet::of(&file.cancel_reasons()),
            query: self.query(references, physical),
        })
    }

    /// The compiled physical plan of an optimised logical plan, with our own operators in place of DataFusion's.
    async fn physical(&self, plan: &LogicalPlan) -> Result<Compiled, DataFusionError> {
        let state = self.context.state();
        let plan = bounded(plan.clone())?;
        let plan = DefaultPhysicalPlanner::default().create_physical_plan(&plan, &state).await?;
        Compiled::new(&UseFrames.optimize(plan, state.config_options())?, &self.budget)
    }

    fn query(&self, references: References, plan: Compiled) -> Query {
        Query { late: self.is_late(&references), views: references.views, demands: references.bases, plan }
    }

    /// Adds, for a rule that uses others, the tables of those rules.
    fn add_used_tables(&self, rules: &mut [PlannedRule]) {
        let tables: BTreeMap<String, TableSet> =
            rules.iter().map(|rule| (rule.file.header.id.clone(), rule.tables)).collect();
        for rule in rules.iter_mut().filter(|rule| rule.query.late) {
            for used in &rule.file.header.uses {
                rule.tables = rule.tables.union(tables.get(used).copied().unwrap_or_default());
            }
            rule.feeds = rule.feeds.union(rule.tables.feeds());
        }
    }

    async fn plan_link(&mut self, file: &LinkFile, rules: &[PlannedRule]) -> Result<PlannedLink, PlanError> {
        let name = file.table.name();
        let failed = |problem: Problem| problem.of("link", name);
        let refuse = |refusal: Refusal, place| Err(failed(CheckError(vec![refusal.at(place)]).into()));
        let Text { sql, plan, .. } = self.prove(Role::Link(file.table), &file.sql).await.map_err(failed)?;
        let columns = file.table.def().columns.iter().map(|column| column.name);
        for column in ["to_id", "record_key"].into_iter().chain(columns) {
            if !plan.schema().fields().iter().any(|field| field.name() == column) {
                return refuse(Refusal::Missing { column: column.to_owned() }, Highlight::Output(None));
            }
        }
        let (references, physical) = self.runnable(&sql, &plan).await.map_err(|error| failed(error.into()))?;
        let mut tables = self.tables_below(&references);
        let late = self.is_late(&references);
        let first_hop = file.table.def().feed == Feed::Links;
        let is_too_far = |table: &TableId| table.def().feed == Feed::Derived || (first_hop && table.is_link());
        if let Some(table) = tables.iter().find(is_too_far) {
            let what = format!("the table {} in a link of feed {}", table.name(), file.table.def().feed.name());
            return refuse(Refusal::Forbidden { what }, Highlight::words(&[table.name()]));
        }
        if first_hop && late {
            let what = "`indications` in a link of feed links".to_owned();
            return refuse(Refusal::Forbidden { what }, Highlight::words(&["indications"]));
        }
        for used in rules.iter().filter(|rule| file.uses.contains(&rule.file.header.id)) {
            tables = tables.union(used.tables);
        }
        let query = self.query(references, physical);
        Ok(PlannedLink { table: file.table, needs: file.needs, from: file.from, tables, feeds: tables.feeds(), query })
    }
}

/// Optimizer rules that have nothing to do here: there are no streams that could starve others, no limits, no dynamic filters and
/// no sources that sort. Each would still walk through every plan.
const IDLE_RULES: [&str; 5] =
    ["EnsureCooperative", "HashJoinBuffering", "LimitAggregation", "PushdownSort", "TopKRepartition"];

fn without_idle_rules(context: &SessionContext) -> SessionContext {
    let state = context.state();
    let rules = state.physical_optimizers().iter().filter(|rule| !IDLE_RULES.contains(&rule.name()));
    let rules = rules.map(Arc::clone).collect();
    let state = SessionStateBuilder::new_from_existing(state).with_physical_optimizer_rules(rules).build();
    SessionContext::new_with_state(state)
}

/// Those tables that hold records of the person. A link's record is as secret as all that its unit knows, and says less.
fn of_persons(tables: TableSet) -> TableSet {
    let own = tables.iter().filter(|table| table.is_person() && !table.is_link());
    own.map(TableSet::of).fold(TableSet::NONE, TableSet::union)
}

fn sql_error(what: &'static str, name: &str, error: DataFusionError) -> PlanError {
    Problem::Sql(error).of(what, name)
}

impl Problem {
    /// The error of the rule, view or link `name`.
    fn of(self, what: &'static str, name: &str) -> PlanError {
        let name = name.to_owned();
        match self {
            Problem::Sql(error) => PlanError::Sql { what, name, source: Box::new(error) },
            Problem::Check(source) => PlanError::Check { what, name, source },
        }
    }
}

impl From<DataFusionError> for Problem {
    fn from(error: DataFusionError) -> Problem {
        Problem::Sql(error)
    }
}

impl From<CheckError> for Problem {
    fn from(error: CheckError) -> Problem {
        Problem::Check(error)
    }
}

/// What a column identifies. A `record_key` is unique only within its person, so in a batch query it identifies nothing; nor does a
/// permit of somebody else.
fn key(table: TableId, ty: ColumnType) -> Key {
    let is_own = ty != ColumnType::Permit || keys::has_own_permit(table);
    if ty == ColumnType::Person {
        Key::Person
    } else if ty.identifies_subject() && ty != ColumnType::RecordKey && is_own {
        Key::Subject
    } else if ty.identifies_reference() {
        Key::Reference
    } else {
        Key::None
    }
}

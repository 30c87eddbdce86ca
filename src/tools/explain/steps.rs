//! Why a rule has no row for a permit: how many rows each step (WITH) of its text has, and the condition that took the last one.
//!
//! The text is run step by step over the person's rows as the rules see them, as plain queries: the engine's plans do not show their
//! steps. From the last SELECT, its relations and conditions are added one by one until no row is left. If the relation that is then
//! missing is itself a step without rows, the same is asked of that step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr, TableFactor,
};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::catalogue::parse::{branches, parse};
use crate::model::purpose::Purpose;
use crate::model::schema::TableId;
use crate::model::time::KnownTime;
use crate::rules::Request;
use crate::rules::calendars::calendars;
use crate::rules::planned::{RULE_ROWS, rule_rows_schema};
use crate::sql::session::session;
use crate::tools::explain::one_person::Person;
use crate::units::{Demand, Unit, Values, gather, persons, rule_schema, tagged_text, untag};

/// How far a permit came in a rule's text.
#[derive(Debug, Default, Serialize)]
pub struct Path {
    /// The steps in order, each with its number of rows for the permit, or for the person if it is not about permits.
    pub steps: Vec<(String, usize)>,
    /// Per branch of the last SELECT: what took the last row.
    pub taken: Vec<Taken>,
    /// Why the text could not be followed.
    pub failure: Option<String>,
}

/// The condition after which no row was left.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Taken {
    /// Null: the last SELECT.
    pub step: Option<String>,
    pub condition: String,
    /// 0: a table that has no row at all.
    pub rows_before: usize,
}

/// One person's rows as tables, with the views over them.
pub struct Tables {
    runtime: Runtime,
    context: SessionContext,
}

impl Tables {
    /// As rules of a purpose see them.
    pub fn of(
        person: &Person,
        catalogue: &Catalogue,
        as_of: KnownTime,
        sees: Purpose,
    ) -> Result<Tables, DataFusionError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let tables = Tables { runtime, context: session()? };
        let (history, unit) = (person.shard.history(), [Unit { person: person.number, as_of }]);
        let subject = persons(history, &unit);
        for (table, all_versions) in TableId::ALL.into_iter().flat_map(|table| [(table, false), (table, true)]) {
            let schema = rule_schema(table, all_versions);
            let demand = Demand::new(table, all_versions, &vec![true; schema.fields().len()]);
            let content = gather(history, &unit, &demand, Some(sees), |_| true);
            let mut columns = Vec::new();
            for (values, field) in content.columns.into_iter().zip(schema.fields()) {
                let values = match values {
                    Some(Values::Each(values)) => values,
                    Some(Values::Person) => repeated(&subject, content.rows)?,
                    None => arrow::array::new_null_array(field.data_type(), content.rows),
                };
                columns.push(cast(&values, field.data_type())?);
            }
            let batch = if columns.is_empty() {
                RecordBatch::new_empty(Arc::clone(&schema))
            } else {
                RecordBatch::try_new(Arc::clone(&schema), columns)?
            };
            let name = if all_versions { format!("{}_history", table.name()) } else { table.name().to_owned() };
            tables.register(&name, schema, batch)?;
        }
        for (name, batch) in calendars(&catalogue.thresholds) {
            tables.register(name, batch.schema(), batch)?;
        }
        tables.register(RULE_ROWS, rule_rows_schema(), rule_rows(person, catalogue, &unit)?)?;
        tables.add_views(catalogue)?;
        Ok(tables)
    }

    fn register(&self, name: &str, schema: SchemaRef, batch: RecordBatch) -> Result<(), DataFusionError> {
        self.context.register_table(name, Arc::new(MemTable::try_new(schema, vec![vec![batch]])?)).map(|_| ())
    }

    /// Each view after those that it uses: whatever can be planned is done.
    fn add_views(&self, catalogue: &Catalogue) -> Result<(), DataFusionError> {
        let mut open: BTreeMap<&str, &str> =
            catalogue.views.iter().map(|view| (view.name.as_str(), view.sql.as_str())).collect();
        while !open.is_empty() {
            let mut failed = None;
            let before = open.len();
            open.retain(|name, sql| match self.create(name, sql) {
                Ok(()) => false,
                Err(error) => {
                    failed = Some(error);
                    true
                }
            });
            if let Some(error) = failed.filter(|_| open.len() == before) {
                return Err(error);
            }
        }
        Ok(())
    }

    fn create(&self, name: &str, sql: &str) -> Result<(), DataFusionError> {
        let sql = format!("CREATE TABLE {name} AS {sql}");
        self.runtime.block_on(async { self.context.sql(&sql).await?.collect().await }).map(|_| ())
    }

    fn count(&self, sql: &str) -> Result<usize, DataFusionError> {
        let sql = format!("SELECT 1 AS one FROM {sql}");
        let batches = self.runtime.block_on(async { self.context.sql(&sql).await?.collect().await })?;
        Ok(batches.iter().map(RecordBatch::num_rows).sum())
    }

    /// How far the permit came in the rule's text.
    pub fn follow(&self, rule: &RuleFile, permit_id: &str) -> Path {
        let Some(query) = parse(&rule.sql) else { return Path::default() };
        let subject = rule.header.subject_column();
        let mut text =
            Text { tables: self, query: &query, rows: BTreeMap::new(), permit: tagged_text(0, permit_id), subject };
        let mut path = Path::default();
        if let Err(error) = text.follow(&mut path) {
            path.failure = Some(error.strip_backtrace());
        }
        for step in query.with.iter().flat_map(|with| &with.cte_tables) {
            // The steps of another rule may have the same names.
            let _ = self.context.deregister_table(step.alias.name.value.as_str());
        }
        path
    }
}

/// The rows of rules that others use.
fn rule_rows(person: &Person, catalogue: &Catalogue, unit: &[Unit]) -> Result<RecordBatch, DataFusionError> {
    let (rules, history) = (person.shard.rules(), person.shard.history());
    let subject = tagged_text(0, &history.person(person.number).subject);
    let mut texts: [Vec<Option<String>>; 10] = Default::default();
    for (number, rule) in rules.iter().enumerate() {
        let header = &rule.file.header;
        if !catalogue.rules.iter().any(|other| other.header.uses.contains(&header.id)) {
            continue;
        }
        let evaluation = person.shard.rule_set().evaluate(history, unit, &[Request::rule(number)]);
        let found = evaluation.rows.get(number).and_then(Option::as_ref);
        for hit in found.map(|found| found.of(0)).unwrap_or_default() {
            let row = [
                Some(header.id.clone()),
                Some(header.number.clone()),
                Some(subject.clone()),
                Some(tagged_text(0, &hit.subject)),
                Some(hit.alert_key.clone()),
                Some(hit.severity.name().to_owned()),
                Some(hit.alert_at.to_string()),
                hit.cleared_at.map(|at| at.to_string()),
                hit.anchor.map(|day| day.to_string()),
                Some(rule.file.cancelled_by()),
            ];
            texts.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
    }
    let schema = rule_rows_schema();
    let mut columns = Vec::new();
    for (column, field) in texts.into_iter().zip(schema.fields()) {
        columns.push(cast(&StringArray::from(column), field.data_type())?);
    }
    Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
}

fn repeated(value: &ArrayRef, rows: usize) -> Result<ArrayRef, DataFusionError> {
    let first = arrow::array::UInt32Array::from(vec![0; rows]);
    Ok(arrow::compute::take(value, &first, None)?)
}

/// A rule's text while it is followed.
struct Text<'a> {
    tables: &'a Tables,
    query: &'a Query,
    /// By step: its rows for the permit.
    rows: BTreeMap<String, usize>,
    /// The permit's id, as it stands in the tables.
    permit: String,
    subject: &'a str,
}

impl Text<'_> {
    fn follow(&mut self, path: &mut Path) -> Result<(), DataFusionError> {
        for step in self.query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = step.alias.name.value.clone();
            self.tables.create(&name, &format!("WITH {step} SELECT * FROM {name}"))?;
            let rows = self.rows_of(&name)?;
            self.rows.insert(name.clone(), rows);
            path.steps.push((name, rows));
        }
        let mut seen = BTreeSet::new();
        for branch in branches(&self.query.body) {
            path.taken.extend(self.taken_in(branch, None, &mut seen)?);
        }
        path.taken.sort();
        path.taken.dedup();
        Ok(())
    }

    /// The rows of a step for the permit; of the person, if it is not about permits.
    fn rows_of(&self, name: &str) -> Result<usize, DataFusionError> {
        let frame = self.tables.runtime.block_on(self.tables.context.table(name))?;
        let of_permit = frame.schema().fields().iter().any(|field| field.name() == self.subject);
        let of_permit = if of_permit { format!(" WHERE {}", self.is_of_permit(self.subject)) } else { String::new() };
        self.tables.count(&format!("{name}{of_permit}"))
    }

    fn is_of_permit(&self, column: &str) -> String {
        format!("{column} = '{}'", self.permit.replace('\'', "''"))
    }

    fn of_step(&self, name: &str, seen: &mut BTreeSet<String>) -> Result<Vec<Taken>, DataFusionError> {
        let steps = self.query.with.iter().flat_map(|with| &with.cte_tables);
        let step = steps.into_iter().find(|step| step.alias.name.value == name);
        let Some(step) = step.filter(|_| seen.insert(name.to_owned())) else { return Ok(Vec::new()) };
        let mut taken = Vec::new();
        for branch in branches(&step.query.body) {
            taken.extend(self.taken_in(branch, Some(name), seen)?);
        }
        Ok(taken)
    }

    /// What took the last row of a branch; nothing if it has rows.
    fn taken_in(
        &self,
        branch: &SetExpr,
        step: Option<&str>,
        seen: &mut BTreeSet<String>,
    ) -> Result<Vec<Taken>, DataFusionError> {
        let select = match branch {
            SetExpr::Select(select) => select,
            SetExpr::Query(query) => return self.taken_in(&query.body, step, seen),
            _ => return Ok(Vec::new()),
        };
        let permit = permit_column(select, self.subject);
        let mut rows_before = 0;
        for stage in stages(select) {
            let of_permit = permit.as_ref().filter(|permit| permit.owner_is_in(&stage.relations, stage.has_all));
            let of_permit = of_permit.map(|permit| self.is_of_permit(&permit.text));
            let all = self.tables.count(&stage.sql(None))?;
            let rows = match &of_permit {
                Some(of_permit) if all > 0 => self.tables.count(&stage.sql(Some(of_permit)))?,
                _ => all,
            };
            if rows > 0 {
                rows_before = rows;
                continue;
            }
            if all > 0 && rows_before == 0 {
                rows_before = all;
            }
            // What is missing may be the rows of a step: then the question is why that has none.
            if let Some(relation) = &stage.adds {
                let deeper = match relation {
                    TableFactor::Derived { subquery, .. } => self.taken_in(&subquery.body, step, seen)?,
                    TableFactor::Table { name, .. } => {
                        let name = name.to_string();
                        match self.rows.get(&name) {
                            // What another branch has told of it is told once.
                            Some(0) if seen.contains(&name) => return Ok(Vec::new()),
                            Some(0) => self.of_step(&name, seen)?,
                            Some(_) => Vec::new(),
                            None if self.tables.count(&name)? == 0 => vec![taken(step, name, 0)],
                            None => Vec::new(),
                        }
                    }
                    _ => Vec::new(),
                };
                if !deeper.is_empty() {
                    return Ok(deeper);
                }
            }
            let condition = match of_permit.filter(|_| all > 0) {
                Some(_) => format!("{} = '{}'", self.subject, untag(&self.permit).1),
                None => stage.condition,
            };
            return Ok(vec![taken(step, condition, rows_before)]);
        }
        if step.is_some() {
            return Ok(Vec::new());
        }
        // The rule's rows: one without `alert_at` is none, nor one that ends before it begins.
        for condition in ["alert_at IS NOT NULL", "cleared_at > alert_at"] {
            let has_column =
                |name: &str| select.projection.iter().any(|item| output_name(item).as_deref() == Some(name));
            let sql = match condition {
                "alert_at IS NOT NULL" => condition.to_owned(),
                _ if has_column("cleared_at") => {
                    format!("alert_at IS NOT NULL AND (cleared_at IS NULL OR {condition})")
                }
                _ => break,
            };
            let of_permit = self.is_of_permit(self.subject);
            if self.tables.count(&format!("({branch}) x WHERE {of_permit} AND {sql}"))? == 0 {
                return Ok(vec![taken(step, condition.to_owned(), rows_before)]);
            }
        }
        Ok(Vec::new())
    }
}

fn taken(step: Option<&str>, condition: String, rows_before: usize) -> Taken {
    Taken { step: step.map(str::to_owned), condition, rows_before }
}

/// A SELECT up to a relation or condition.
struct Stage {
    from: String,
    filters: Vec<String>,
    group: Option<String>,
    /// Names of the relations so far.
    relations: Vec<String>,
    has_all: bool,
    condition: String,
    /// The relation that the stage adds.
    adds: Option<TableFactor>,
}

impl Stage {
    /// What follows FROM, with one more filter.
    fn sql(&self, filter: Option<&str>) -> String {
        let filters: Vec<&str> = self.filters.iter().map(String::as_str).chain(filter).collect();
        let mut sql = self.from.clone();
        if !filters.is_empty() {
            sql.push_str(&format!(" WHERE ({})", filters.join(") AND (")));
        }
        match &self.group {
            Some(group) => format!("(SELECT 1 AS one FROM {sql} {group}) g"),
            None => sql,
        }
    }
}

/// The stages of a SELECT, in the order in which they are written: each relation, each condition of its join, of WHERE and of HAVING.
fn stages(select: &Select) -> Vec<Stage> {
    let mut out: Vec<Stage> = Vec::new();
    let (mut from, mut relations) = (String::new(), Vec::new());
    let stage = |from: &str, relations: &[String], condition: String, adds: Option<&TableFactor>| Stage {
        from: from.to_owned(),
        filters: Vec::new(),
        group: None,
        relations: relations.to_vec(),
        has_all: false,
        condition,
        adds: adds.cloned(),
    };
    for table in &select.from {
        from.push_str(&format!("{}{}", if from.is_empty() { "" } else { " CROSS JOIN " }, table.relation));
        relations.push(name_of(&table.relation));
        out.push(stage(&from, &relations, format!("FROM {}", table.relation), Some(&table.relation)));
        for join in &table.joins {
            relations.push(name_of(&join.relation));
            let conditions = match &join.join_operator {
                JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) => {
                    conjuncts(on)
                }
                _ => Vec::new(),
            };
            for so_far in 1..=conditions.len() {
                let on = conditions[..so_far].join(" AND ");
                let condition = match so_far {
                    1 => format!("JOIN {} ON {}", join.relation, conditions[0]),
                    _ => conditions[so_far - 1].clone(),
                };
                let adds = (so_far == 1).then_some(&join.relation);
                out.push(stage(&format!("{from} JOIN {} ON {on}", join.relation), &relations, condition, adds));
            }
            let keeps_rows = matches!(join.join_operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_));
            if conditions.is_empty() && !keeps_rows {
                out.push(stage(&format!("{from} {join}"), &relations, join.to_string(), Some(&join.relation)));
            }
            from.push_str(&format!(" {join}"));
        }
    }
    if let Some(last) = out.last_mut() {
        last.has_all = true;
    }
    let mut filters = Vec::new();
    for condition in select.selection.iter().flat_map(conjuncts) {
        filters.push(condition.clone());
        out.push(Stage { filters: filters.clone(), has_all: true, ..stage(&from, &relations, condition, None) });
    }
    if let (Some(having), GroupByExpr::Expressions(keys, _)) = (&select.having, &select.group_by) {
        let keys: Vec<String> = keys.iter().map(Expr::to_string).collect();
        let by = if keys.is_empty() { String::new() } else { format!("GROUP BY {} ", keys.join(", ")) };
        let conditions = conjuncts(having);
        for so_far in 1..=conditions.len() {
            let group = format!("{by}HAVING {}", conditions[..so_far].join(" AND "));
            let condition = conditions[so_far - 1].clone();
            let last = stage(&from, &relations, condition, None);
            out.push(Stage { filters: filters.clone(), group: Some(group), has_all: true, ..last });
        }
    }
    out
}

/// The parts of a condition that are joined by AND.
fn conjuncts(expr: &Expr) -> Vec<String> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = conjuncts(left);
            all.extend(conjuncts(right));
            all
        }
        // Parentheses stay, so that the parts can be joined again.
        Expr::BinaryOp { op: BinaryOperator::Or, .. } => vec![format!("({expr})")],
        _ => vec![expr.to_string()],
    }
}

fn name_of(relation: &TableFactor) -> String {
    let alias = match relation {
        TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => alias.as_ref(),
        _ => None,
    };
    alias.map_or_else(|| relation.to_string(), |alias| alias.name.value.clone())
}

/// The expression that a SELECT gives for the permit.
struct PermitColumn {
    text: String,
    owner: Option<String>,
}

impl PermitColumn {
    fn owner_is_in(&self, relations: &[String], has_all: bool) -> bool {
        match &self.owner {
            Some(owner) => relations.contains(owner),
            None => has_all,
        }
    }
}

fn permit_column(select: &Select, subject: &str) -> Option<PermitColumn> {
    let item = select.projection.iter().find(|item| output_name(item).as_deref() == Some(subject))?;
    let expr = match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
        _ => return None,
    };
    match expr {
        Expr::Identifier(name) => Some(PermitColumn { text: name.to_string(), owner: None }),
        Expr::CompoundIdentifier(names) => {
            let owner = names.first().map(|owner| owner.value.clone());
            Some(PermitColumn { text: expr.to_string(), owner })
        }
        _ => None,
    }
}

fn output_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().map(|name| name.value.clone()),
        _ => None,
    }
}

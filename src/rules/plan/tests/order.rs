//! Aim: what is accepted gives the same in whatever order rows come, and what is refused as a tie can tie.
//! Method: texts for each way in which a plan hands on what tells its rows apart, and all shipped ones. Their windows and aggregates are
//! looked at over tables drawn at random, with few different values, so that whatever may be equal soon is.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::functions_aggregate::expr_fn::{count, count_distinct};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, WindowFrameUnits, lit};
use datafusion::prelude::{SessionContext, col};

use crate::catalogue::Catalogue;
use crate::decode::codes::codes_of;
use crate::model::record::reference;
use crate::model::schema::{ColumnType, ENVELOPE, TableId};
use crate::proofs::keys::has_own_permit;
use crate::proofs::refusal::Refusal;
use crate::rules::calendars::calendars;
use crate::rules::plan::{PlanError, Planner, Problem};
use crate::rules::planned::{RULE_ROWS, rule_rows_schema};
use crate::sql::session::session;
use crate::units::rule_schema;

/// Texts whose order is total, by what shows it.
const TOTAL: [(&str, &str); 40] = [
    (
        "a record of a person",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record_key) AS x FROM payments",
    ),
    (
        "a record's reference",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY amount_sek, record) AS x FROM payments",
    ),
    ("a permit's person", "SELECT row_number() OVER (PARTITION BY permit_id ORDER BY record) AS x FROM permits"),
    (
        "a version",
        "SELECT lag(op) OVER (PARTITION BY person_id ORDER BY version, record_key) AS x FROM population_history",
    ),
    (
        "a version of one record",
        "SELECT lag(op) OVER (PARTITION BY person_id, record_key ORDER BY version) AS x FROM payments_history",
    ),
    (
        "a version's reference",
        "SELECT lag(op) OVER (PARTITION BY person_id ORDER BY amount_sek, record) AS x FROM payments_history",
    ),
    (
        "a row of a link",
        "SELECT lag(kind) OVER (PARTITION BY person_id ORDER BY record_key) AS x FROM shared_identifiers",
    ),
    (
        "a constant",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record_key) AS x FROM payments_history WHERE version = 2",
    ),
    (
        "equal columns",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY n.record_key, n.version) AS x, p.valid_to FROM permits p JOIN permits_history n ON n.person_id = p.person_id AND n.record_key = p.record_key",
    ),
    (
        "both sides of a join",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key, b.record_key) AS x FROM permits p JOIN border b ON b.person_id = p.person_id",
    ),
    (
        "a join that adds no rows",
        "SELECT row_number() OVER (PARTITION BY a.person_id ORDER BY a.record_key) AS x FROM payments a JOIN payments b ON b.person_id = a.person_id AND b.record_key = a.record_key",
    ),
    (
        "an outer join that adds no rows",
        "SELECT row_number() OVER (PARTITION BY h.person_id ORDER BY h.record_key, h.version) AS x, p.valid_to FROM permits_history h LEFT JOIN permits p ON p.person_id = h.person_id AND p.record_key = h.record_key AND p.floor_sek > 1",
    ),
    (
        "an outer join, both sides",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key, n.record) AS x FROM permits p LEFT JOIN notices n ON n.person_id = p.person_id",
    ),
    (
        "a group beside a record",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x, g.last FROM permits p LEFT JOIN (SELECT person_id, max(event_on) AS last FROM notices GROUP BY person_id) g ON g.person_id = p.person_id",
    ),
    (
        "rows without a partner",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x FROM permits p LEFT JOIN excused_months m ON m.person_id = p.person_id AND m.month = p.valid_from WHERE m.month IS NULL",
    ),
    (
        "EXISTS",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x FROM permits p WHERE EXISTS (SELECT 1 FROM notices n WHERE n.person_id = p.person_id)",
    ),
    (
        "EXISTS beside another condition",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x FROM permits p WHERE p.floor_sek > 1 OR EXISTS (SELECT 1 FROM notices n WHERE n.person_id = p.person_id)",
    ),
    (
        "a group",
        "SELECT lag(sek) OVER (PARTITION BY person_id ORDER BY month) AS x FROM (SELECT person_id, month, sum(amount_sek) AS sek FROM payments GROUP BY person_id, month) s",
    ),
    (
        "a group of expressions",
        "SELECT lag(n) OVER (PARTITION BY person_id ORDER BY month) AS x FROM (SELECT person_id, month_of(event_on) AS month, count(*) AS n FROM notices GROUP BY person_id, month_of(event_on)) s",
    ),
    (
        "a group of what a key determines",
        "SELECT lag(n) OVER (PARTITION BY person_id ORDER BY record_key) AS x FROM (SELECT p.person_id, p.record_key, p.valid_to, p.floor_sek, count(*) AS n FROM permits p JOIN notices t ON t.person_id = p.person_id GROUP BY p.person_id, p.record_key, p.valid_to, p.floor_sek) s",
    ),
    (
        "a group with a constant",
        "SELECT lag(n) OVER (PARTITION BY person_id ORDER BY month) AS x FROM (SELECT person_id, kind, month, count(*) AS n FROM payments WHERE kind = 'salary' GROUP BY person_id, kind, month) s",
    ),
    (
        "DISTINCT",
        "SELECT lag(month) OVER (PARTITION BY person_id ORDER BY month) AS x FROM (SELECT DISTINCT person_id, month FROM payments) s",
    ),
    (
        "UNION",
        "SELECT lag(day) OVER (PARTITION BY person_id ORDER BY day) AS x FROM (SELECT person_id, event_on AS day FROM notices UNION SELECT person_id, observed_on FROM border) s",
    ),
    (
        "branches with a constant",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record_key, branch) AS x FROM (SELECT person_id, record_key, 'a' AS branch FROM notices UNION ALL SELECT person_id, record_key, 'b' FROM border) s",
    ),
    (
        "branches with other keys",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY day, branch) AS x FROM (SELECT person_id, event_on AS day, 'a' AS branch FROM notices GROUP BY person_id, event_on UNION ALL SELECT person_id, month, 'b' FROM payments GROUP BY person_id, month) s",
    ),
    (
        "branches with words of a CASE",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record_key, what) AS x FROM (SELECT person_id, record_key, CASE WHEN event_on > DATE '2024-01-01' THEN 'late' ELSE 'early' END AS what FROM notices UNION ALL SELECT person_id, record_key, 'seen' FROM border) s",
    ),
    (
        "branches of other words",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record_key, kind) AS x FROM (SELECT person_id, record_key, kind FROM payments WHERE kind IN ('salary', 'benefit') UNION ALL SELECT person_id, record_key, 'none' FROM border) s",
    ),
    (
        "branches with references of other tables",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record) AS x FROM (SELECT person_id, record FROM notices UNION ALL SELECT person_id, record FROM border) s",
    ),
    (
        "branches with a null in one",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record) AS x FROM (SELECT person_id, record FROM notices UNION ALL SELECT person_id, CAST(NULL AS VARCHAR) FROM border GROUP BY person_id) s",
    ),
    (
        "three branches by two columns",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record_key, a, b) AS x FROM (SELECT person_id, record_key, 1 AS a, 1 AS b FROM notices UNION ALL SELECT person_id, record_key, 1, 2 FROM border UNION ALL SELECT person_id, record_key, 2, 2 FROM studies) s",
    ),
    (
        "tiers",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key, t.severity) AS x FROM (VALUES ('weak', 0), ('strong', 1)) AS t(severity, months) CROSS JOIN permits p",
    ),
    (
        "tiers as partitions",
        "SELECT row_number() OVER (PARTITION BY p.person_id, t.months ORDER BY p.record_key) AS x FROM (VALUES ('weak', 0), ('strong', 1)) AS t(severity, months) CROSS JOIN permits p",
    ),
    (
        "one of the tiers",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x FROM permits p JOIN (VALUES ('ICT', 1), ('WORK_EMP', 2)) AS t(class, n) ON t.class = p.permit_class",
    ),
    (
        "the number of a row",
        "SELECT lag(valid_to) OVER (PARTITION BY person_id ORDER BY place) AS x FROM (SELECT person_id, valid_to, row_number() OVER (PARTITION BY person_id ORDER BY valid_from, record_key) AS place FROM permits) s",
    ),
    (
        "the first row",
        "SELECT row_number() OVER (PARTITION BY m.month ORDER BY m.person_id) AS x FROM (SELECT person_id, permit_id, month, row_number() OVER (PARTITION BY person_id, month ORDER BY record_key) AS place FROM (SELECT p.person_id, p.permit_id, p.record_key, m.month FROM permits p JOIN months m ON m.month = p.valid_from) s) m WHERE place = 1",
    ),
    (
        "days and months",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key, m.next_month) AS x FROM permits p JOIN months m ON m.month >= p.valid_from AND m.month <= p.valid_to",
    ),
    ("a view", "SELECT lag(gross_sek) OVER (PARTITION BY person_id ORDER BY month) AS x FROM salary_months"),
    (
        "a CAST",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY CAST(month AS TIMESTAMP)) AS x FROM salary_months",
    ),
    (
        "a value that ties share",
        "SELECT first_value(valid_from) OVER (PARTITION BY person_id ORDER BY valid_from) AS x FROM permits",
    ),
    (
        "values in the order of themselves",
        "SELECT person_id, string_agg(permit_class, ' ' ORDER BY permit_class) AS x, array_agg(DISTINCT valid_from ORDER BY valid_from) AS y FROM permits GROUP BY person_id",
    ),
];

/// Texts whose order can tie, by what is missing.
const TYING: [(&str, &str); 28] = [
    (
        "two records of a month",
        "SELECT lag(amount_sek) OVER (PARTITION BY person_id ORDER BY month) AS x FROM payments",
    ),
    (
        "several records of a permit",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY permit_id) AS x, valid_to FROM permits",
    ),
    (
        "keys of two persons",
        "SELECT row_number() OVER (PARTITION BY n.person_id ORDER BY n.record_key) AS x, b.observed_on FROM notices n JOIN border b ON b.person_id = n.person_id",
    ),
    (
        "several versions",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record_key) AS x, amount_sek FROM payments_history",
    ),
    (
        "versions of several records",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY version) AS x, amount_sek FROM payments_history",
    ),
    (
        "permits of somebody else",
        "SELECT row_number() OVER (PARTITION BY person_id, permit_id ORDER BY holder_id) AS x, record FROM anchors",
    ),
    (
        "a permit after a join",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.permit_id, p.record_key) AS x, b.observed_on FROM permits p JOIN border b ON b.person_id = p.person_id",
    ),
    (
        "a key after a join",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x, b.observed_on FROM permits p JOIN border b ON b.person_id = p.person_id",
    ),
    (
        "a join by part of a key",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x, h.valid_to FROM permits p JOIN permits_history h ON h.person_id = p.person_id AND h.record_key = p.record_key",
    ),
    (
        "an employer with two records",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x, e.sector FROM payments p LEFT JOIN employers e ON e.employer_id = p.payer_id",
    ),
    (
        "an outer join",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x, n.kind FROM permits p LEFT JOIN notices n ON n.person_id = p.person_id",
    ),
    (
        "a constant of the optional side",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key, n.kind) AS x, n.month FROM permits p LEFT JOIN payments n ON n.person_id = p.person_id AND n.kind = 'salary'",
    ),
    (
        "a null that rows with a partner may have",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x, n.month FROM permits p LEFT JOIN payments n ON n.person_id = p.person_id AND n.amount_sek > 1 WHERE n.basis IS NULL",
    ),
    (
        "a condition on one of two",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x, record FROM payments_history p WHERE version = 1 OR amount_sek > 1",
    ),
    (
        "part of a group",
        "SELECT lag(n) OVER (PARTITION BY person_id ORDER BY month) AS x FROM (SELECT person_id, payer_id, month, count(*) AS n FROM payments GROUP BY person_id, payer_id, month) s",
    ),
    (
        "an aggregate of a group",
        "SELECT lag(n) OVER (PARTITION BY person_id ORDER BY first) AS x FROM (SELECT person_id, month, min(record_key) AS first, count(*) AS n FROM payments_history GROUP BY person_id, month) s",
    ),
    (
        "branches without a constant",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record_key) AS x, day FROM (SELECT person_id, event_on AS day, record_key FROM notices UNION ALL SELECT person_id, observed_on, record_key FROM border) s",
    ),
    (
        "branches with one constant",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record_key, what) AS x, day FROM (SELECT person_id, event_on AS day, record_key, 'a' AS what FROM notices UNION ALL SELECT person_id, observed_on, record_key, 'a' FROM border) s",
    ),
    (
        "branches with words that both may have",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY record_key, what) AS x, day FROM (SELECT person_id, event_on AS day, record_key, CASE WHEN event_on > DATE '2024-01-01' THEN 'late' ELSE 'seen' END AS what FROM notices UNION ALL SELECT person_id, observed_on, record_key, 'seen' FROM border) s",
    ),
    (
        "branches, and a key of one",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY month, what) AS x, sek FROM (SELECT person_id, month, gross_sek AS sek, 'a' AS what FROM salary_months UNION ALL SELECT person_id, month, amount_sek, 'b' FROM payments) s",
    ),
    (
        "tiers",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key) AS x, t.severity FROM (VALUES ('weak', 0), ('strong', 1)) AS t(severity, months) CROSS JOIN permits p",
    ),
    (
        "tiers with equal words",
        "SELECT row_number() OVER (PARTITION BY p.person_id ORDER BY p.record_key, t.severity) AS x, t.months FROM (VALUES ('weak', 0), ('weak', 1)) AS t(severity, months) CROSS JOIN permits p",
    ),
    (
        "the number of a row of another partition",
        "SELECT lag(valid_to) OVER (PARTITION BY person_id ORDER BY place) AS x FROM (SELECT person_id, valid_to, row_number() OVER (PARTITION BY person_id, valid_from ORDER BY record_key) AS place FROM permits) s",
    ),
    (
        "a view",
        "SELECT row_number() OVER (PARTITION BY person_id ORDER BY month) AS x, permit_id, valid_from FROM permit_months",
    ),
    (
        "a sum of rows",
        "SELECT sum(amount_sek) OVER (PARTITION BY person_id ORDER BY paid_on ROWS UNBOUNDED PRECEDING) AS x FROM payments",
    ),
    (
        "a value of rows that tie",
        "SELECT first_value(valid_to) OVER (PARTITION BY person_id ORDER BY valid_from) AS x FROM permits",
    ),
    (
        "values of a group without an order",
        "SELECT person_id, array_agg(valid_to) AS x FROM permits GROUP BY person_id",
    ),
    (
        "values of a group",
        "SELECT person_id, string_agg(kind, ' ' ORDER BY month) AS x FROM payments GROUP BY person_id",
    ),
];

#[test]
fn an_order_is_total_or_refused() {
    let setting = Setting::new();
    let mut failures = Vec::new();
    for (why, sql) in TOTAL {
        if let Err(error) = setting.prove(sql) {
            failures.push(format!("refused: {why}: {error}"));
        }
    }
    let mut hidden: BTreeSet<&str> = TYING.iter().map(|(why, _)| *why).collect();
    for (why, sql) in TYING {
        match setting.prove(sql) {
            Ok(()) => failures.push(format!("accepted: {why}")),
            Err(error) if !error.contains("can tie") && !error.contains("the same in every row") => {
                failures.push(format!("refused otherwise: {why}: {error}"));
            }
            Err(error) => println!("{why}: {error}"),
        }
    }
    for seed in 0..8 {
        let drawn = setting.draw(seed, &["salary_months", "permit_months"]);
        for (why, sql) in TOTAL {
            failures.extend(drawn.ties(sql).ties.into_iter().map(|tie| format!("ties all the same: {why}: {tie}")));
        }
        for (why, sql) in TYING {
            if !drawn.ties(sql).ties.is_empty() {
                hidden.remove(why);
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(hidden.is_empty(), "nothing drawn ties: {hidden:?}");
}

#[test]
fn no_shipped_window_ties() {
    let setting = Setting::new();
    let catalogue = &setting.catalogue;
    let views = catalogue.views.iter().map(|view| (view.name.as_str(), view.sql.as_str()));
    let rules = catalogue.rules.iter().map(|rule| (rule.header.id.as_str(), rule.sql.as_str()));
    let links = catalogue.links.iter().map(|link| (link.table.name(), link.sql.as_str()));
    let texts: Vec<(&str, &str)> = views.chain(rules).chain(links).collect();
    let (mut orders, mut crowded) = (0, BTreeSet::new());
    for seed in 100..102 {
        let drawn = setting.draw(seed, &[]);
        orders = 0;
        for (name, sql) in &texts {
            let found = drawn.ties(sql);
            assert!(found.ties.is_empty(), "{name}, drawn with {seed}: {}", found.ties.join("\n"));
            crowded.extend(found.crowded.iter().map(|order| (*name, *order)));
            orders += found.orders;
        }
    }
    println!("{orders} orders, {} of them over several rows", crowded.len());
    assert!(crowded.len() * 2 > orders && orders > 100, "{} of {orders} orders were over several rows", crowded.len());
}

/// What is said of the values of a column holds of every row that the shipped texts have over drawn tables.
#[test]
fn no_shipped_column_has_other_values_than_it_may() {
    let setting = Setting::new();
    let catalogue = &setting.catalogue;
    let views = catalogue.views.iter().map(|view| (view.name.as_str(), view.sql.as_str()));
    let rules = catalogue.rules.iter().map(|rule| (rule.header.id.as_str(), rule.sql.as_str()));
    let texts: Vec<(&str, &str)> = views.chain(rules).collect();
    let (mut given, mut bounded, mut rows) = (0, 0, 0);
    for seed in 200..202 {
        let drawn = setting.draw(seed, &[]);
        for (name, sql) in &texts {
            let run = async { drawn.context.sql(sql).await.unwrap().collect().await.unwrap() };
            let plan = setting.plan(sql).unwrap_or_else(|problem| panic!("{}", told(&problem.of("text", name))));
            let batches = setting.runtime.block_on(run);
            let proved = setting.planner.known.prove(&plan).unwrap_or_else(|error| panic!("{name}: {error}"));
            for batch in &batches {
                rows += batch.num_rows();
                for (at, column) in batch.columns().iter().enumerate() {
                    let what = || format!("{name}.{}, drawn with {seed}", batch.schema().field(at).name());
                    if proved.rows.is_given(at) {
                        assert_eq!(column.null_count(), 0, "{}", what());
                        given += 1;
                    }
                    let days = matches!(column.data_type(), DataType::Timestamp(..)).then_some(DataType::Date32);
                    let column = days.map_or_else(|| Arc::clone(column), |days| cast(column, &days).unwrap());
                    let Some(bounds) = proved.rows.bounds_at(at) else { continue };
                    let numbers = cast(&column, &DataType::Int64).unwrap();
                    let numbers = numbers.as_primitive::<Int64Type>().iter().flatten();
                    for number in numbers {
                        assert!(
                            (bounds.0..=bounds.1).contains(&i128::from(number)),
                            "{}: {number} of {bounds:?}",
                            what()
                        );
                        bounded += 1;
                    }
                }
            }
        }
    }
    println!("{rows} rows: {given} columns without a null, {bounded} numbers and days within their bounds");
    assert!(given > 200 && bounded > 2_000, "{given}, {bounded}");
}

/// The shipped catalogue, and its proofs.
struct Setting {
    catalogue: Catalogue,
    runtime: tokio::runtime::Runtime,
    planner: Planner,
}

impl Setting {
    fn new() -> Setting {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &std::collections::BTreeMap::new()).unwrap();
        let mut planner = Planner::new(&catalogue).unwrap();
        for file in planner.view_order(&catalogue.views).unwrap() {
            runtime.block_on(planner.declare_view(file)).unwrap_or_else(|error| panic!("{}", told(&error)));
        }
        Setting { catalogue, runtime, planner }
    }

    fn plan(&self, sql: &str) -> Result<LogicalPlan, Problem> {
        self.runtime.block_on(self.planner.logical(self.planner.statement(sql)?, sql))
    }

    fn prove(&self, sql: &str) -> Result<(), String> {
        let plan = self.plan(sql).map_err(|problem| told(&problem.of("rule", "x")))?;
        let ties = |error: crate::proofs::refusal::CheckError| {
            let ties = error.0.iter().filter(|finding| !matches!(finding.refusal, Refusal::NotCarried { .. }));
            ties.map(|finding| format!("{} ({})", finding.refusal, finding.refusal.hint()))
                .collect::<Vec<_>>()
                .join("; ")
        };
        let found = self.planner.known.prove(&plan).err().map(ties).unwrap_or_default();
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// All tables, drawn at random, and the rows that views have over them: of these alone, or of all.
    fn draw(&self, seed: u64, views: &[&str]) -> Drawn<'_> {
        let context = session().unwrap();
        let mut dice = Dice(seed);
        for table in TableId::ALL {
            for (name, batch) in drawn(table, &mut dice) {
                context.register_batch(&name, batch).unwrap();
            }
        }
        for (name, batch) in calendars(&self.catalogue.thresholds) {
            context.register_batch(name, batch).unwrap();
        }
        context.register_batch(RULE_ROWS, rule_rows(&mut dice)).unwrap();
        let needed = |name: &str| {
            views.is_empty() || views.contains(&name) || matches!(name, "salaries" | "whole_permits" | "permit_spells")
        };
        for file in self.planner.view_order(&self.catalogue.views).unwrap() {
            if needed(&file.name) {
                let sql = format!("CREATE TABLE {} AS {}", file.name, file.sql);
                self.runtime.block_on(async { context.sql(&sql).await.unwrap().collect().await.unwrap() });
            }
        }
        Drawn { context, setting: self }
    }
}

fn told(error: &PlanError) -> String {
    match error {
        PlanError::Check { name, source, .. } => format!("{name}: {source}"),
        PlanError::Sql { name, source, .. } => format!("{name}: {source}"),
        other => other.to_string(),
    }
}

struct Drawn<'a> {
    context: SessionContext,
    setting: &'a Setting,
}

/// What was found in a text's plan.
#[derive(Default)]
struct Found {
    ties: Vec<String>,
    /// How many orders something depends on, and which of them have partitions of several rows.
    orders: usize,
    crowded: Vec<usize>,
}

impl Drawn<'_> {
    fn ties(&self, sql: &str) -> Found {
        let state = self.context.state();
        self.setting.runtime.block_on(async {
            let plan = state.create_logical_plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let plan = state.optimize(&plan).unwrap();
            let mut found = Found::default();
            for order in orders(&plan) {
                let peers = [order.partition.as_slice(), &order.by].concat();
                let several = self.several(&order.input, &order.partition).await > 0;
                found.crowded.extend(several.then_some(found.orders));
                found.orders += 1;
                // Rows may tie if they are equal, or give the same value and no place is counted.
                let columns: Vec<Expr> = order.input.schema().columns().into_iter().map(Expr::Column).collect();
                let given = if order.by_rows { &columns } else { &order.args };
                if self.differing(&order.input, &peers, given).await > 0 {
                    found.ties.push(order.name);
                }
            }
            found
        })
    }

    /// How many groups have several rows.
    async fn several(&self, input: &LogicalPlan, by: &[Expr]) -> usize {
        self.groups(input, by, vec![count(lit(1))]).await
    }

    /// How many groups have several values of an expression. Null is a value, too.
    async fn differing(&self, input: &LogicalPlan, by: &[Expr], of: &[Expr]) -> usize {
        let of = of.iter().filter(|of| !of.column_refs().is_empty());
        let counted = of.flat_map(|of| [count_distinct(of.clone()), count_distinct(of.clone().is_null())]);
        self.groups(input, by, counted.collect()).await
    }

    async fn groups(&self, input: &LogicalPlan, by: &[Expr], counted: Vec<Expr>) -> usize {
        // A group by a constant has all rows.
        let by = distinct(by.iter().filter(|by| !by.column_refs().is_empty()).cloned());
        let counted = distinct(counted.into_iter());
        let counted: Vec<Expr> = (0..).zip(counted).map(|(at, expr)| expr.alias(format!("counted_{at}"))).collect();
        let names = (0..counted.len()).map(|at| col(format!("counted_{at}")).gt(lit(1)));
        let Some(several) = names.reduce(Expr::or) else { return 0 };
        let plan = LogicalPlanBuilder::from(input.clone()).aggregate(by, counted).unwrap().filter(several).unwrap();
        let frame = self.context.execute_logical_plan(plan.build().unwrap()).await.unwrap();
        frame.collect().await.unwrap().iter().map(RecordBatch::num_rows).sum()
    }
}

fn distinct(exprs: impl Iterator<Item = Expr>) -> Vec<Expr> {
    let mut seen = HashSet::new();
    exprs.filter(|expr| seen.insert(expr.clone())).collect()
}

/// An order on which the result of a window or an aggregate depends.
struct Order {
    name: String,
    input: LogicalPlan,
    partition: Vec<Expr>,
    by: Vec<Expr>,
    args: Vec<Expr>,
    /// Whether it matters which of two rows that tie comes first, even if they have the same value.
    by_rows: bool,
}

fn orders(plan: &LogicalPlan) -> Vec<Order> {
    const ANY: [&str; 9] = ["avg", "count", "sum", "min", "max", "rank", "dense_rank", "bool_or", "bool_and"];
    const OWN: [&str; 3] = ["median_low", "mad_low", "records_of"];
    let is_any = |name: &str| ANY.contains(&name) || OWN.contains(&name);
    let mut orders = Vec::new();
    plan.apply(|node| {
        match node {
            LogicalPlan::Window(window) => {
                for expr in &window.window_expr {
                    let Expr::WindowFunction(call) = expr.clone().unalias() else { continue };
                    let params = call.params;
                    let frame = &params.window_frame;
                    let is_whole = frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded();
                    let rows = frame.units == WindowFrameUnits::Rows && !is_whole;
                    if is_any(call.fun.name()) && !rows {
                        continue;
                    }
                    orders.push(Order {
                        name: expr.to_string(),
                        input: window.input.as_ref().clone(),
                        partition: params.partition_by,
                        by: params.order_by.into_iter().map(|sort| sort.expr).collect(),
                        by_rows: rows || matches!(call.fun.name(), "row_number" | "lag" | "lead"),
                        args: params.args,
                    });
                }
            }
            LogicalPlan::Aggregate(aggregate) => {
                for expr in &aggregate.aggr_expr {
                    let Expr::AggregateFunction(call) = expr.clone().unalias() else { continue };
                    if is_any(call.func.name()) {
                        continue;
                    }
                    orders.push(Order {
                        name: expr.to_string(),
                        input: aggregate.input.as_ref().clone(),
                        partition: aggregate.group_expr.clone(),
                        by: call.params.order_by.into_iter().map(|sort| sort.expr).collect(),
                        by_rows: false,
                        args: call.params.args,
                    });
                }
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    orders
}

/// Numbers that depend on a seed only.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    fn pick<'v, T: ?Sized>(&mut self, of: &[&'v T]) -> &'v T {
        of[self.below(of.len())]
    }
}

/// A version of a record.
struct Version {
    person: &'static str,
    key: &'static str,
    version: i64,
    is_latest: bool,
    is_retracted: bool,
}

/// A table and its history; a link has none.
fn drawn(table: TableId, dice: &mut Dice) -> Vec<(String, RecordBatch)> {
    let persons: &[&str] = match table {
        _ if !table.is_person() => &["-"],
        _ if table.def().columns.iter().any(|column| column.name == "holder_id") => &["p1", "p2", "p3", "employer=e1"],
        _ => &["p1", "p2", "p3", "p4", "p5", "p6", "p7"],
    };
    let records = if matches!(table, TableId::Payments | TableId::EmployerMonths) { 14 } else { 3 };
    let mut versions = Vec::new();
    for person in persons.iter().copied() {
        for key in KEYS.iter().copied().take(1 + dice.below(records)) {
            let last = 1 + dice.below(2) as i64;
            let is_retracted = dice.below(8) == 0;
            versions.extend((1..=last).map(|version| Version {
                person,
                key,
                version,
                is_latest: version == last,
                is_retracted,
            }));
        }
    }
    if table.is_link() {
        versions.retain(|version| version.is_latest);
        return vec![(table.name().to_owned(), batch(table, false, &versions, dice))];
    }
    let history = batch(table, true, &versions, dice);
    let current: Vec<u32> =
        (0..).zip(&versions).filter(|(_, v)| v.is_latest && !v.is_retracted).map(|(row, _)| row).collect();
    let current = arrow::array::UInt32Array::from(current);
    let schema = rule_schema(table, false);
    let columns = schema.fields().iter().map(|field| {
        let column = history.column_by_name(field.name()).unwrap();
        arrow::compute::take(column.as_ref(), &current, None).unwrap()
    });
    let latest = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    vec![(table.name().to_owned(), latest), (format!("{}_history", table.name()), history)]
}

const KEYS: [&str; 14] = ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "ra", "rb", "rc", "rd", "re"];
const DAYS: [i32; 6] = [19_358, 19_389, 19_417, 19_448, 19_478, 19_509];

fn batch(table: TableId, history: bool, versions: &[Version], dice: &mut Dice) -> RecordBatch {
    let required = |name: &str| table.def().columns.iter().any(|column| column.name == name && column.required);
    let columns = table.def().rule_columns(history).into_iter().map(|(name, ty)| -> ArrayRef {
        let is_filled = required(name) || matches!(ty, ColumnType::Person | ColumnType::RecordKey | ColumnType::Record);
        let is_filled = is_filled
            || matches!(name, "known_time" | "first_known_time" | "known_from" | "is_latest")
            || ENVELOPE.iter().any(|column| column.name == name);
        let null = |dice: &mut Dice| !is_filled && dice.below(4) == 0;
        let codes = codes_of(table, name);
        match ty.arrow() {
            DataType::Utf8 => {
                let cell = |version: &Version| {
                    if null(dice) {
                        return None;
                    }
                    Some(match (name, ty) {
                        ("op", _) if version.is_latest && version.is_retracted => "retract".to_owned(),
                        ("op", _) => dice.pick(&["upsert", "upsert", "correct"]).to_owned(),
                        (_, ColumnType::Person) => version.person.to_owned(),
                        (_, ColumnType::Permit) if has_own_permit(table) => {
                            format!("{}-{}", version.person, dice.pick(&["M1", "M2"]))
                        }
                        (_, ColumnType::Permit) => dice.pick(&["p1-M1", "p2-M1"]).to_owned(),
                        (_, ColumnType::OtherPerson) => dice.pick(&["p1", "p2"]).to_owned(),
                        (_, ColumnType::RecordKey) => version.key.to_owned(),
                        (_, ColumnType::Record) => {
                            let mut text = String::new();
                            reference::write(&mut text, table, version.version, |out| {
                                out.push_str(version.key);
                                true
                            });
                            text
                        }
                        (_, ColumnType::Employer) => dice.pick(&["e1", "e2"]).to_owned(),
                        ("term", _) => dice.pick(&["2023VT", "2023HT"]).to_owned(),
                        ("dereg_code", _) => dice.pick(&["UV", "UV", "OB", "FI"]).to_owned(),
                        ("rule_number", _) => dice.pick(&["R01", "R04"]).to_owned(),
                        ("permit_class" | "anchor_class", _) => dice
                            .pick(&[
                                "WORK_EMP",
                                "WORK_EMP",
                                "BLUE_CARD",
                                "STUDY_HE",
                                "FAMILY_SPOUSE",
                                "PROT_REFUGEE",
                                "SEASONAL",
                            ])
                            .to_owned(),
                        _ => match codes {
                            Some(codes) => codes[dice.below(codes.len())].0.to_owned(),
                            None => dice.pick(&["SWE", "IRN"]).to_owned(),
                        },
                    })
                };
                Arc::new(versions.iter().map(cell).collect::<StringArray>())
            }
            DataType::Date32 => {
                let days = versions.iter().map(|_| {
                    let far = if matches!(name, "valid_to" | "held_until") { 700 } else { 0 };
                    (!null(dice)).then(|| DAYS[dice.below(DAYS.len())] + far)
                });
                Arc::new(days.collect::<Date32Array>())
            }
            DataType::Timestamp(..) => {
                let times =
                    versions.iter().map(|_| (!null(dice)).then(|| i64::from(DAYS[dice.below(4)]) * 86_400_000_000));
                Arc::new(times.collect::<TimestampMicrosecondArray>())
            }
            DataType::Int64 => {
                let numbers = versions.iter().map(|version| match name {
                    "version" => Some(version.version),
                    _ => (!null(dice)).then(|| [0, 90, 20_000, 40_000][dice.below(4)]),
                });
                Arc::new(numbers.collect::<Int64Array>())
            }
            DataType::Boolean => {
                let truths = versions.iter().map(|version| match name {
                    "is_latest" => Some(version.is_latest),
                    "protected" | "inhibited" => None,
                    _ => (!null(dice)).then(|| dice.below(2) == 0),
                });
                Arc::new(truths.collect::<BooleanArray>())
            }
            DataType::List(_) => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for _ in versions {
                    lists.append_value([Some(dice.pick(&["IRN", "SYR"]))]);
                }
                Arc::new(lists.finish())
            }
            other => panic!("{name} is {other}"),
        }
    });
    let columns: Vec<ArrayRef> = columns.collect();
    RecordBatch::try_new(rule_schema(table, history), columns).unwrap()
}

fn rule_rows(dice: &mut Dice) -> RecordBatch {
    let schema = rule_rows_schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let words: &[&str] = match field.name().as_str() {
            "person_id" => &["p1"],
            "permit_id" => &["p1-M1", "p1-M2"],
            "severity" => &["weak", "medium"],
            _ => &["a", "b"],
        };
        match field.data_type() {
            DataType::Utf8 => Arc::new((0..6).map(|_| Some(dice.pick(words))).collect::<StringArray>()),
            DataType::Date32 => Arc::new((0..6).map(|_| Some(DAYS[dice.below(3)])).collect::<Date32Array>()),
            _ => {
                let times = (0..6).map(|_| Some(i64::from(DAYS[dice.below(3)]) * 86_400_000_000));
                Arc::new(times.collect::<TimestampMicrosecondArray>())
            }
        }
    });
    let columns = columns.collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

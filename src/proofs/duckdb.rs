//! Refuses texts that DuckDB would not run, by the plan as written.
//!
//! - DuckDB holds the sum of whole numbers in 128 bits, DataFusion in 64. DuckDB computes with such a number and compares it, but neither
//!   adds it to a day nor takes it from one. A CAST makes it a number like others. Columns are followed through the steps of one text.
//! - A sum of fractions is DECIMAL(38, s) there. Where one value may be it or a number with more decimals, DuckDB finds that
//!   38 digits do not hold both and drops decimals, down to s; DataFusion, whose sums have ten digits more than what is summed, does not.
//! - A query with an aggregate and no GROUP BY has one row whatever it reads, so that EXISTS is always true of it; DataFusion, which joins it
//!   by what it compares, finds no row where there is nothing to aggregate.
//! - DuckDB takes each constant that equals one of GROUP BY for the column of that group, also those that our macros are made of.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::{BinaryExpr, Case, Expr, ExprSchemable, LogicalPlan, Operator};

use crate::catalogue::refused::Highlight;
use crate::proofs::refusal::{CheckError, Finding, Refusal, of_columns};

pub fn check_duckdb(plan: &LogicalPlan) -> Result<(), CheckError> {
    let mut found = Vec::new();
    // The closures never fail, so the walks do not either.
    let _ = plan.apply_with_subqueries(|node| {
        let inputs = node.inputs();
        let mut schema = DFSchema::empty();
        inputs.iter().for_each(|input| schema.merge(input.schema()));
        if let LogicalPlan::Aggregate(aggregate) = node {
            found.extend(aggregate.group_expr.iter().filter(|expr| !expr.any_column_refs()).map(grouped));
        }
        for expr in node.expressions() {
            let _ = expr.apply(|expr| {
                found.extend(one_row(expr));
                found.extend(misplaced(expr, &schema, &inputs));
                found.extend(rounded(expr, &schema, &inputs));
                Ok(TreeNodeRecursion::Continue)
            });
        }
        Ok(TreeNodeRecursion::Continue)
    });
    CheckError::unless_none(found, ())
}

/// An EXISTS or IN of a query that has one row whatever it reads.
fn one_row(expr: &Expr) -> Option<Finding> {
    let (word, query) = match expr {
        Expr::Exists(exists) => ("exists", &exists.subquery.subquery),
        Expr::InSubquery(within) => ("in", &within.subquery.subquery),
        _ => return None,
    };
    let mut plan = query.as_ref();
    loop {
        match plan {
            LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => {
                let what = format!("{} (SELECT an aggregate without GROUP BY)", word.to_uppercase());
                let hint = "it has one row whatever it reads: leave the aggregate out, EXISTS (SELECT 1 FROM b WHERE b.person_id = a.person_id), or join a step with GROUP BY person_id";
                return Some(Refusal::ReadOtherwise { what, hint }.at(Highlight::words(&[word, "("])));
            }
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::SubqueryAlias(_) => {
                plan = plan.inputs().first()?;
            }
            _ => return None,
        }
    }
}

fn grouped(constant: &Expr) -> Finding {
    let what = format!("GROUP BY a constant ({})", constant.human_display());
    let hint = "every row has it: leave it out of GROUP BY, it may stand in the SELECT all the same";
    Refusal::ReadOtherwise { what, hint }.at(Highlight::words(&["group", "by"]))
}

fn misplaced(expr: &Expr, schema: &DFSchema, inputs: &[&LogicalPlan]) -> Option<Finding> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus | Operator::Minus, right }) = expr else { return None };
    let is_day = |expr: &Expr| expr.get_type(schema).is_ok_and(|ty| ty == DataType::Date32);
    let number = [(left, right), (right, left)].into_iter().find(|(day, _)| is_day(day))?.1;
    if !is_sum(number, inputs) {
        return None;
    }
    let place = of_columns(std::iter::once(expr)).map_or(Highlight::words(&["sum"]), Highlight::Span);
    let what = format!("a day plus or minus a sum ({})", expr.human_display());
    Some(Refusal::ReadOtherwise { what, hint: "say day + CAST(sum(x) AS INT)" }.at(place))
}

/// A sum of fractions that DuckDB brings to one type with a number of more decimals.
fn rounded(expr: &Expr, schema: &DFSchema, inputs: &[&LogicalPlan]) -> Option<Finding> {
    let among: Vec<&Expr> = match expr {
        Expr::ScalarFunction(call) if matches!(call.name(), "coalesce" | "nullif" | "greatest" | "least") => {
            call.args.iter().collect()
        }
        Expr::Case(case) => results(case).collect(),
        Expr::InSubquery(within) => return rounded_within(within, schema, inputs),
        _ => return None,
    };
    let most = among.iter().filter_map(|value| decimals(value, schema)).max()?;
    let is_less = |value: &&&Expr| decimals(value, schema).is_some_and(|scale| scale < most) && is_sum(value, inputs);
    among.iter().find(is_less).map(|sum| too_short(sum, most))
}

/// The same of a sum that is looked for among the rows of a query, or is one of them.
fn rounded_within(within: &InSubquery, schema: &DFSchema, inputs: &[&LogicalPlan]) -> Option<Finding> {
    let query = within.subquery.subquery.as_ref();
    let of_query = Column::from(query.schema().qualified_field(0));
    let here = decimals(&within.expr, schema)?;
    let there = decimals(&Expr::Column(of_query.clone()), query.schema())?;
    let is_rounded = here < there && is_sum(&within.expr, inputs) || there < here && is_sum_in(&of_query, query);
    is_rounded.then(|| too_short(&within.expr, here.max(there)))
}

fn decimals(expr: &Expr, schema: &DFSchema) -> Option<i8> {
    match expr.get_type(schema) {
        Ok(DataType::Decimal128(_, scale)) => Some(scale),
        _ => None,
    }
}

fn too_short(sum: &Expr, decimals: i8) -> Finding {
    let place = of_columns(std::iter::once(sum)).map_or(Highlight::words(&["sum"]), Highlight::Span);
    let what = format!("a sum of fractions where another number has {decimals} decimals ({})", sum.human_display());
    let hint = "DuckDB would drop decimals: say CAST(sum(x) AS DECIMAL(18, 4)), with as many decimals as the other has";
    Refusal::ReadOtherwise { what, hint }.at(place)
}

fn results(case: &Case) -> impl Iterator<Item = &Expr> {
    case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr).map(Box::as_ref)
}

/// Whether the value comes from a sum without a CAST on the way.
fn is_sum(expr: &Expr, inputs: &[&LogicalPlan]) -> bool {
    match expr {
        Expr::Column(column) => inputs.iter().any(|input| is_sum_in(column, input)),
        Expr::Cast(_) | Expr::TryCast(_) => false,
        Expr::AggregateFunction(call) => {
            call.func.name() == "sum" || hands_on(call.func.name()) && any(&call.params.args, inputs)
        }
        Expr::WindowFunction(call) => {
            call.fun.name() == "sum" || hands_on(call.fun.name()) && any(&call.params.args, inputs)
        }
        Expr::ScalarFunction(call) => {
            matches!(call.name(), "coalesce" | "nullif" | "greatest" | "least" | "abs") && any(&call.args, inputs)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Modulo)
                && (is_sum(left, inputs) || is_sum(right, inputs))
        }
        Expr::Case(case) => results(case).any(|result| is_sum(result, inputs)),
        Expr::Alias(alias) => is_sum(&alias.expr, inputs),
        Expr::Negative(inner) => is_sum(inner, inputs),
        _ => false,
    }
}

/// Aggregates and windows that give one of the values.
fn hands_on(name: &str) -> bool {
    matches!(name, "min" | "max" | "first_value" | "last_value" | "nth_value" | "lag" | "lead" | "median_low")
}

fn any(exprs: &[Expr], inputs: &[&LogicalPlan]) -> bool {
    exprs.iter().any(|expr| is_sum(expr, inputs))
}

/// Whether a column of the plan does.
fn is_sum_in(column: &Column, plan: &LogicalPlan) -> bool {
    let Some(at) = plan.schema().maybe_index_of_column(column) else { return false };
    match plan {
        LogicalPlan::Projection(projection) => is_sum(&projection.expr[at], &[&projection.input]),
        LogicalPlan::Aggregate(aggregate) => {
            let expr = aggregate.group_expr.iter().chain(&aggregate.aggr_expr).nth(at);
            expr.is_some_and(|expr| is_sum(expr, &[&aggregate.input]))
        }
        LogicalPlan::Window(window) => match at.checked_sub(window.input.schema().fields().len()) {
            Some(own) => window.window_expr.get(own).is_some_and(|expr| is_sum(expr, &[&window.input])),
            None => is_sum_in(&Column::from(window.input.schema().qualified_field(at)), &window.input),
        },
        // Whose names differ, but not the place.
        LogicalPlan::SubqueryAlias(alias) => {
            is_sum_in(&Column::from(alias.input.schema().qualified_field(at)), &alias.input)
        }
        LogicalPlan::Union(union) => {
            union.inputs.iter().any(|input| is_sum_in(&Column::from(input.schema().qualified_field(at)), input))
        }
        other => other.inputs().into_iter().any(|input| is_sum_in(column, input)),
    }
}

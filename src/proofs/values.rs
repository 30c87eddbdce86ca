//! Where the values of a plan's columns come from, and arithmetic that another engine would compute differently.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, WindowFunctionDefinition};

use crate::catalogue::refused::Highlight;
use crate::proofs::alike::read_otherwise;
use crate::proofs::refusal::{CheckError, Finding, forbidden, of_columns};

/// The plans of those tables that are steps of a text; `None` for any other table.
pub type Steps<'a, 'f> = &'f dyn Fn(&str) -> Option<&'a LogicalPlan>;

/// Whether the value of an output column comes from `known_time` of a table that the rule reads itself. Views give columns that
/// they compute from it names of their own.
pub fn rests_on_known_time<'a>(plan: &'a LogicalPlan, steps: Steps<'a, '_>, column: usize) -> bool {
    let parts = &|expr: &Expr| expr.column_refs().into_iter().cloned().collect();
    Origins { steps, names: &["known_time"], parts }.has(plan, column)
}

/// Looks for the table's columns that an output column comes from.
struct Origins<'a, 'f> {
    steps: Steps<'a, 'f>,
    /// The columns looked for.
    names: &'f [&'f str],
    /// The columns that matter in each expression on the way.
    parts: &'f dyn Fn(&Expr) -> Vec<Column>,
}

impl<'a> Origins<'a, '_> {
    fn has(&self, plan: &'a LogicalPlan, column: usize) -> bool {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let name = scan.projected_schema.field(column).name().as_str();
                self.names.contains(&name)
                    || (self.steps)(scan.table_name.table()).is_some_and(|step| {
                        step.schema().index_of_column_by_name(None, name).is_some_and(|at| self.has(step, at))
                    })
            }
            LogicalPlan::Projection(projection) => self.in_expr(&projection.expr, column, &projection.input),
            LogicalPlan::Aggregate(aggregate) => match column.checked_sub(aggregate.group_expr.len()) {
                None => self.in_expr(&aggregate.group_expr, column, &aggregate.input),
                Some(at) => self.in_expr(&aggregate.aggr_expr, at, &aggregate.input),
            },
            LogicalPlan::Window(window) => match column.checked_sub(window.input.schema().fields().len()) {
                None => self.has(&window.input, column),
                Some(at) => self.in_expr(&window.window_expr, at, &window.input),
            },
            LogicalPlan::Join(join) if right_only(join.join_type) => self.has(&join.right, column),
            LogicalPlan::Join(join) => match column.checked_sub(join.left.schema().fields().len()) {
                None => self.has(&join.left, column),
                Some(at) => !left_only(join.join_type) && self.has(&join.right, at),
            },
            other => {
                let has = |input: &'a LogicalPlan| column < input.schema().fields().len() && self.has(input, column);
                other.inputs().into_iter().any(has)
            }
        }
    }

    fn in_expr(&self, exprs: &[Expr], at: usize, input: &'a LogicalPlan) -> bool {
        let parts = exprs.get(at).map(self.parts).unwrap_or_default();
        parts.iter().any(|column| input.schema().maybe_index_of_column(column).is_some_and(|at| self.has(input, at)))
    }
}

/// Refuses arithmetic that means something else in other engines, or fails for some values: `/` between whole numbers, which DuckDB
/// and most readers take for a fraction; an aggregate of binary fractions; a divisor that may be zero; a CAST of texts that may not have
/// that form (the planner decides which rows such an expression is evaluated for, so it would also decide whether it fails); and what
/// `alike` lists.
pub fn check_arithmetic(plan: &LogicalPlan) -> Result<(), CheckError> {
    check_written(plan, |expr, schema| {
        let doubt = doubtful(expr, schema).map(|(what, word)| (forbidden(&what), word));
        let (refusal, word) = doubt.or_else(|| read_otherwise(expr, schema))?;
        let place = of_columns(std::iter::once(expr));
        Some(refusal.at(place.map_or(Highlight::words(&[word]), Highlight::Span)))
    })
}

/// Checks every expression of a plan as written, with the columns that it reads: the optimiser may already have evaluated it, or
/// given its parts a common type.
pub fn check_written(
    plan: &LogicalPlan,
    problem: impl Fn(&Expr, &DFSchema) -> Option<Finding>,
) -> Result<(), CheckError> {
    let mut found = Vec::new();
    // The closures never fail, so the walk does not either.
    let _ = plan.apply_with_subqueries(|node| {
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        for expr in node.expressions() {
            let _ = expr.apply(|expr| {
                found.extend(problem(expr, &schema));
                Ok(TreeNodeRecursion::Continue)
            });
        }
        Ok(TreeNodeRecursion::Continue)
    });
    CheckError::unless_none(found, ())
}

/// What is wrong with the expression itself, and the word to search for in the text.
fn doubtful(expr: &Expr, schema: &DFSchema) -> Option<(String, &'static str)> {
    let is = |expr: &Expr, kind: fn(&DataType) -> bool| expr.get_type(schema).is_ok_and(|ty| kind(&ty));
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right })
            if is(left, DataType::is_integer) && is(right, DataType::is_integer) =>
        {
            Some((format!("/ between whole numbers ({})", expr.human_display()), "/"))
        }
        Expr::BinaryExpr(BinaryExpr { op: op @ (Operator::Divide | Operator::Modulo), right, .. })
            if may_be_zero(right) =>
        {
            let word = if *op == Operator::Divide { "/" } else { "%" };
            Some((format!("{word} by what may be zero ({})", expr.human_display()), word))
        }
        Expr::AggregateFunction(call)
            if call.func.name() != "count" && adds_fractions(expr, &call.params.args, schema) =>
        {
            Some((format!("{} of DOUBLE or REAL ({})", call.func.name(), expr.human_display()), "("))
        }
        Expr::WindowFunction(call)
            if matches!(call.fun, WindowFunctionDefinition::AggregateUDF(_))
                && call.fun.name() != "count"
                && adds_fractions(expr, &call.params.args, schema) =>
        {
            Some((format!("{} of DOUBLE or REAL ({})", call.fun.name(), expr.human_display()), "over"))
        }
        Expr::Cast(cast) if !matches!(*cast.expr, Expr::Literal(..)) => {
            let is_cut = is(&cast.expr, DataType::is_string) && !cast.field.data_type().is_string();
            is_cut.then(|| (format!("CAST of a text ({})", expr.human_display()), "cast"))
        }
        _ => None,
    }
}

/// Whether an aggregate works on binary fractions, whose sum depends on the order of rows; so does which of 0 and -0 is the least.
fn adds_fractions(call: &Expr, args: &[Expr], schema: &DFSchema) -> bool {
    std::iter::once(call).chain(args).any(|expr| expr.get_type(schema).is_ok_and(|ty| ty.is_floating()))
}

fn may_be_zero(divisor: &Expr) -> bool {
    match divisor {
        Expr::Literal(value, _) => {
            value.is_null() || ScalarValue::new_zero(&value.data_type()).is_ok_and(|zero| zero == *value)
        }
        Expr::Negative(inner) => may_be_zero(inner),
        Expr::Cast(cast) => may_be_zero(&cast.expr),
        Expr::ScalarFunction(call) => call.name() != "nullif" || !call.args.get(1).is_some_and(is_zero),
        _ => true,
    }
}

fn is_zero(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if !value.is_null()) && may_be_zero(expr)
}

pub fn left_only(join: JoinType) -> bool {
    matches!(join, JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark)
}

pub fn right_only(join: JoinType) -> bool {
    matches!(join, JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark)
}

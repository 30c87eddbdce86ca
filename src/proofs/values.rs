//! Where the values of a plan's columns come from, and arithmetic that another engine would compute differently.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, WindowFunctionDefinition};

use crate::catalogue::refused::Highlight;
use crate::proofs::alike::read_otherwise;
use crate::proofs::refusal::{CheckError, Finding, forbidden, of_columns};

/// Whether the value of an output column comes from `known_time` of a table that the rule reads itself. Views give columns that
/// they compute from it names of their own.
pub fn rests_on_known_time(plan: &LogicalPlan, column: usize) -> bool {
    let all = |expr: &Expr| expr.column_refs().into_iter().cloned().collect();
    comes_from(plan, column, &["known_time"], &all)
}

/// Whether an output column shows a value of one of the columns `names`: unchanged, cut, case-folded or concatenated. A column that
/// is only compared, counted or used for a choice is not shown.
pub fn shows(plan: &LogicalPlan, column: usize, names: &[&str]) -> bool {
    comes_from(plan, column, names, &shown)
}

fn shown(expr: &Expr) -> Vec<Column> {
    const CUT: [&str; 16] = [
        "coalesce",
        "concat",
        "concat_ws",
        "lower",
        "upper",
        "btrim",
        "ltrim",
        "rtrim",
        "substr",
        "replace",
        "greatest",
        "least",
        "nullif",
        "nvl",
        "named_struct",
        "array_element",
    ];
    let of = |exprs: &[Expr]| exprs.iter().flat_map(shown).collect();
    match expr {
        Expr::Column(column) => vec![column.clone()],
        Expr::Alias(alias) => shown(&alias.expr),
        Expr::Cast(cast) => shown(&cast.expr),
        Expr::TryCast(cast) => shown(&cast.expr),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
            [shown(left), shown(right)].concat()
        }
        Expr::Case(case) => {
            let branches = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            branches.flat_map(|branch| shown(branch)).collect()
        }
        Expr::ScalarFunction(call) if CUT.contains(&call.name()) => of(&call.args),
        Expr::AggregateFunction(call) if call.func.name() != "count" => of(&call.params.args),
        Expr::WindowFunction(call) if call.fun.name() != "count" => of(&call.params.args),
        _ => Vec::new(),
    }
}

/// Whether the value of an output column comes from a table's column with one of these names, through the columns that `parts`
/// finds in each expression on the way.
fn comes_from(plan: &LogicalPlan, column: usize, names: &[&str], parts: &dyn Fn(&Expr) -> Vec<Column>) -> bool {
    let from_expr = |expr: &Expr, input: &LogicalPlan| {
        parts(expr).iter().any(|column| {
            input.schema().maybe_index_of_column(column).is_some_and(|at| comes_from(input, at, names, parts))
        })
    };
    let own = |expr: &[Expr], at: usize, input| expr.get(at).is_some_and(|expr| from_expr(expr, input));
    let below = |input: &LogicalPlan, at: usize| comes_from(input, at, names, parts);
    match plan {
        LogicalPlan::TableScan(scan) => names.contains(&scan.projected_schema.field(column).name().as_str()),
        LogicalPlan::Projection(projection) => own(&projection.expr, column, &projection.input),
        LogicalPlan::Aggregate(aggregate) => match column.checked_sub(aggregate.group_expr.len()) {
            None => own(&aggregate.group_expr, column, &aggregate.input),
            Some(at) => own(&aggregate.aggr_expr, at, &aggregate.input),
        },
        LogicalPlan::Window(window) => match column.checked_sub(window.input.schema().fields().len()) {
            None => below(&window.input, column),
            Some(at) => own(&window.window_expr, at, &window.input),
        },
        LogicalPlan::Join(join) if right_only(join.join_type) => below(&join.right, column),
        LogicalPlan::Join(join) => match column.checked_sub(join.left.schema().fields().len()) {
            None => below(&join.left, column),
            Some(at) => !left_only(join.join_type) && below(&join.right, at),
        },
        other => other.inputs().into_iter().any(|input| column < input.schema().fields().len() && below(input, column)),
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

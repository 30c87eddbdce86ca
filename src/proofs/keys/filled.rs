//! Whether an expression has a value in every row, and which values it may have.

use std::collections::BTreeSet;

use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::{InList, ScalarFunction, WindowFunction};
use datafusion::logical_expr::{Between, BinaryExpr, Case, Expr, Operator};

use crate::model::alert::Severity;
use crate::proofs::keys::{Rows, Value};

/// Functions that are null for a null argument only. `records` is null if all its arguments are.
const STRICT: [&str; 21] = [
    "abs",
    "add_months",
    "agi_complete",
    "btrim",
    "character_length",
    "date_part",
    "date_trunc",
    "has_citizenship",
    "is_state",
    "lower",
    "ltrim",
    "month_of",
    "replace",
    "rtrim",
    "same_state",
    "severity",
    "starts_with",
    "strpos",
    "substr",
    "upper",
    "||",
];

/// Functions that have a value if one of their arguments has.
const FIRST: [&str; 4] = ["coalesce", "greatest", "least", "records"];

impl Rows {
    /// Whether an expression over the columns of `schema` is never null.
    pub(super) fn is_filled(&self, expr: &Expr, schema: &DFSchema) -> bool {
        let is = |expr: &Expr| self.is_filled(expr, schema);
        if self.filled.contains(expr) {
            return true;
        }
        match expr {
            Expr::Alias(alias) => is(&alias.expr),
            Expr::Column(column) => self.column(column, schema).is_some_and(|column| self.not_null.contains(&column)),
            Expr::Literal(literal, _) => !literal.is_null(),
            // Where it cannot convert, it fails.
            Expr::Cast(cast) => is(&cast.expr),
            Expr::Not(of) | Expr::Negative(of) => is(of),
            Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNotFalse(_)
            | Expr::IsNotUnknown(_)
            | Expr::Exists(_) => true,
            Expr::BinaryExpr(BinaryExpr { op: Operator::IsDistinctFrom | Operator::IsNotDistinctFrom, .. }) => true,
            Expr::BinaryExpr(BinaryExpr { left, right, .. }) => is(left) && is(right),
            Expr::Between(Between { expr, low, high, .. }) => is(expr) && is(low) && is(high),
            Expr::InList(InList { expr, list, .. }) => is(expr) && list.iter().all(is),
            Expr::Like(like) => is(&like.expr) && is(&like.pattern),
            Expr::Case(case) => self.is_case_filled(case, schema),
            Expr::ScalarFunction(ScalarFunction { func, args }) => match func.name() {
                "concat" => true,
                "concat_ws" => args.first().is_some_and(is),
                name if FIRST.contains(&name) => args.iter().any(is),
                name => STRICT.contains(&name) && args.iter().all(is),
            },
            _ => false,
        }
    }

    /// A branch needs a value only where its condition holds.
    fn is_case_filled(&self, case: &Case, schema: &DFSchema) -> bool {
        let Some(other) = &case.else_expr else { return false };
        let is_branch_filled = |when: &Expr, then: &Expr| {
            self.is_filled(then, schema) || {
                let mut within = self.clone();
                if case.expr.is_none() {
                    within.hold_all(when, schema);
                }
                within.is_filled(then, schema)
            }
        };
        self.is_filled(other, schema) && case.when_then_expr.iter().all(|(when, then)| is_branch_filled(when, then))
    }

    /// Whether an aggregate of a group, or of a frame that has the current row in it, has a value: if its argument has.
    pub(super) fn is_aggregate_filled(&self, name: &str, args: &[Expr], is_filtered: bool, schema: &DFSchema) -> bool {
        const OF_SOME: [&str; 13] = [
            "avg",
            "bool_and",
            "bool_or",
            "first_value",
            "last_value",
            "mad_low",
            "max",
            "median",
            "median_low",
            "min",
            "records_of",
            "string_agg",
            "sum",
        ];
        name == "count"
            || (OF_SOME.contains(&name) && !is_filtered && args.first().is_some_and(|of| self.is_filled(of, schema)))
    }

    /// Whether a window function has a value in every row.
    pub(super) fn is_window_filled(&self, function: &WindowFunction, schema: &DFSchema) -> bool {
        use datafusion::logical_expr::WindowFrameBound::{CurrentRow, Following, Preceding};
        let params = &function.params;
        let (start, end) = (&params.window_frame.start_bound, &params.window_frame.end_bound);
        let is_zero = |value: &datafusion::common::ScalarValue| value.is_null() || value.to_string() == "0";
        let begins = matches!(start, Preceding(_) | CurrentRow) || matches!(start, Following(by) if is_zero(by));
        let ends =
            matches!(end, Following(_) | CurrentRow) || matches!(end, Preceding(by) if is_zero(by) && !by.is_null());
        match function.fun.name() {
            "row_number" | "rank" | "dense_rank" | "percent_rank" | "cume_dist" | "ntile" | "count" => true,
            name => begins && ends && self.is_aggregate_filled(name, &params.args, params.filter.is_some(), schema),
        }
    }

    /// All values that an expression may have, where the text or a column's values say so.
    pub(super) fn values_of(&self, expr: &Expr, schema: &DFSchema) -> Option<BTreeSet<Value>> {
        let of = |expr: &Expr| self.values_of(expr, schema);
        match expr {
            Expr::Alias(alias) => of(&alias.expr),
            Expr::Literal(literal, _) => Some([Value::of(literal)?].into()),
            Expr::Column(column) => self.values.get(&self.column(column, schema)?).cloned(),
            Expr::Case(case) => {
                let branches = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
                let mut values = BTreeSet::new();
                for branch in branches.chain(case.else_expr.as_deref()) {
                    values.extend(of(branch)?);
                }
                values.extend(case.else_expr.is_none().then_some(Value::Null));
                Some(values)
            }
            Expr::ScalarFunction(ScalarFunction { func, args }) => {
                let mut values = match func.name() {
                    "severity" => words(&Severity::ALL.map(Severity::name)),
                    "coalesce" => {
                        let each = args.iter().map(of).collect::<Option<Vec<_>>>()?;
                        each.into_iter().flatten().collect()
                    }
                    _ => return None,
                };
                if self.is_filled(expr, schema) {
                    values.remove(&Value::Null)
                } else {
                    values.insert(Value::Null)
                };
                Some(values)
            }
            _ => None,
        }
    }

    /// Whether an output column is never null.
    pub fn is_given(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| self.not_null.contains(column))
    }

    /// Whether an output column holds no text but these, or null.
    pub fn is_one_of(&self, column: usize, texts: &[&str]) -> bool {
        let Some(values) = self.columns.get(column).and_then(|column| self.values.get(column)) else { return false };
        values.iter().all(|value| match value {
            Value::Null => true,
            Value::Literal(text) => texts.iter().any(|known| *text == format!("'{known}'")),
            Value::RecordOf(_) => false,
        })
    }
}

/// These texts, as values.
pub(super) fn words(texts: &[&str]) -> BTreeSet<Value> {
    texts.iter().map(|text| Value::Literal(format!("'{text}'"))).collect()
}

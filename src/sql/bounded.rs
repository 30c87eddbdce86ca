//! Functions that make longer texts of texts, with a look at how long before they do.
//!
//! DataFusion's `concat`, `concat_ws`, `replace` and `||` make their result first, and a rule that hands it on to the next step can
//! make it double with each. So before a plan becomes physical, they are replaced by functions that ask the call's budget for room
//! and then do the same.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::sql::budget;

/// The name of `||` as a function of any number of texts.
pub const JOINED: &str = "||";

/// The plan with bounded functions in place of DataFusion's.
pub fn bounded(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        let names = NamePreserver::new(&plan);
        let schema = datafusion::logical_expr::utils::merge_schema(&plan.inputs());
        let replaced = plan.map_expressions(|expr| {
            let name = names.save(&expr);
            expr.transform_up(|expr| replaced(expr, &schema))
                .map(|changed| changed.update_data(|expr| name.restore(expr)))
        })?;
        if replaced.transformed { Ok(Transformed::yes(replaced.data.recompute_schema()?)) } else { Ok(replaced) }
    })
    .data()
}

fn replaced(expr: Expr, schema: &datafusion::common::DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(call) if MAKERS.contains(&call.name()) => {
            let func = Arc::new(ScalarUDF::from(Bounded { inner: call.func }));
            Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args: call.args })))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right })
            if [&left, &right].iter().all(|side| side.get_type(schema).is_ok_and(|ty| ty == DataType::Utf8)) =>
        {
            let mut args = Vec::new();
            for side in [*left, *right] {
                match side {
                    Expr::ScalarFunction(call) if call.name() == JOINED => args.extend(call.args),
                    other => args.push(other),
                }
            }
            let func = Arc::new(ScalarUDF::from(Joined {
                signature: Signature::variadic(vec![DataType::Utf8], Volatility::Immutable),
            }));
            Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })))
        }
        other => Ok(Transformed::no(other)),
    }
}

const MAKERS: [&str; 3] = ["concat", "concat_ws", "replace"];

/// One of DataFusion's functions.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        self.inner.return_type(args)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, args: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows as u64;
        let all = args.args.iter().map(|arg| bytes(arg, rows)).fold(0, u64::saturating_add);
        let most = match (self.inner.name(), args.args.as_slice()) {
            ("replace", [of, from, to]) => replaced_bytes(of, from, to, rows),
            ("concat_ws", [separator, others @ ..]) => {
                all.saturating_add(bytes(separator, rows).saturating_mul(others.len() as u64))
            }
            _ => all,
        };
        budget::room(most)?;
        self.inner.invoke_with_args(args)
    }
}

/// Bytes of the texts of an argument.
fn bytes(arg: &ColumnarValue, rows: u64) -> u64 {
    match arg {
        ColumnarValue::Array(array) => budget::bytes_of(array),
        ColumnarValue::Scalar(value) => rows.saturating_mul(length(value)),
    }
}

fn length(value: &ScalarValue) -> u64 {
    value.try_as_str().flatten().map_or(0, |text| text.len() as u64)
}

/// The most that `replace` may make: `to` in each place where `from` may stand.
fn replaced_bytes(of: &ColumnarValue, from: &ColumnarValue, to: &ColumnarValue, rows: u64) -> u64 {
    let (of, shortest) = (
        bytes(of, rows),
        match from {
            ColumnarValue::Scalar(from) => length(from),
            ColumnarValue::Array(_) => 0,
        },
    );
    let longest = match to {
        ColumnarValue::Scalar(to) => length(to),
        ColumnarValue::Array(to) => budget::bytes_of(to),
    };
    if longest <= shortest {
        return of;
    }
    let places = of / shortest.max(1) + rows;
    of.saturating_add(places.saturating_mul(longest))
}

/// `a || b || ...`: null if one of them is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined {
    signature: Signature,
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &str {
        JOINED
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let is_nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(JOINED, DataType::Utf8, is_nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        budget::room(args.args.iter().map(|arg| bytes(arg, rows as u64)).fold(0, u64::saturating_add))?;
        let arrays: Vec<ArrayRef> = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<_>>()?;
        let texts: Vec<_> = arrays.iter().map(|array| array.as_string::<i32>()).collect();
        let mut out = StringBuilder::new();
        for row in 0..rows {
            if texts.iter().any(|texts| texts.is_null(row)) {
                out.append_null();
                continue;
            }
            texts.iter().try_for_each(|texts| out.write_str(texts.value(row))).map_err(|_| room_error())?;
            out.append_value("");
        }
        let out: ArrayRef = Arc::new(out.finish());
        match args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_))) {
            true if rows > 0 => ScalarValue::try_from_array(&out, 0).map(ColumnarValue::Scalar),
            _ => Ok(ColumnarValue::Array(out)),
        }
    }
}

fn room_error() -> datafusion::error::DataFusionError {
    datafusion::error::DataFusionError::Internal("a text cannot be written to memory".to_owned())
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::collect;

    use super::*;
    use crate::sql::budget::Budget;
    use crate::sql::session::session;

    async fn run(sql: &str, limit: u64) -> Result<Vec<Option<String>>> {
        let context = session().unwrap();
        let plan = bounded(context.sql(sql).await.unwrap().into_optimized_plan().unwrap()).unwrap();
        let plan = context.state().query_planner().create_physical_plan(&plan, &context.state()).await.unwrap();
        let budget = Budget::of_bytes(limit);
        let runtime = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            budget.apart(|| runtime.block_on(collect(plan, context.task_ctx())))
        });
        let batches = runtime.join().unwrap()?;
        let columns = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().collect::<Vec<_>>());
        Ok(columns.map(|text| text.map(str::to_owned)).collect())
    }

    const TEXTS: &str = "(VALUES ('ab', 'c'), (NULL, 'd'), ('aa', NULL), ('', '')) AS t(x, y)";

    #[tokio::test]
    async fn bounded_functions_give_what_datafusions_give() {
        for call in
            ["x || '-' || y", "concat(x, y, 'z')", "concat_ws('-', x, y)", "replace(x, 'a', y)", "(x || y) || x"]
        {
            let sql = format!("SELECT {call} FROM {TEXTS}");
            let context = session().unwrap();
            let plain = context.sql(&sql).await.unwrap().collect().await.unwrap();
            let plain: Vec<Option<String>> = plain
                .iter()
                .flat_map(|batch| batch.column(0).as_string::<i32>().iter().collect::<Vec<_>>())
                .map(|text| text.map(str::to_owned))
                .collect();
            assert_eq!(run(&sql, 1_000).await.unwrap(), plain, "{call}");
        }
    }

    #[tokio::test]
    async fn a_text_that_is_too_long_is_not_made() {
        let text = |bytes: usize| format!("(VALUES ('{}'), ('b')) AS t(x)", "a".repeat(bytes));
        for call in ["x || x", "concat(x, x)", "concat_ws(x, x, x)", "replace(x, 'a', x)"] {
            assert!(run(&format!("SELECT {call} FROM {}", text(10)), 1_000).await.is_ok(), "{call}");
            let refused = run(&format!("SELECT {call} FROM {}", text(900)), 1_000).await.unwrap_err().to_string();
            assert!(refused.contains("beyond the budget"), "{call}: {refused}");
        }
    }
}

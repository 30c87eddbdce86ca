//! Refuses rows of different types put under one another, and compared by their place, by the plan as written.
//!
//! - A UNION has the types of its first branch until DataFusion gives all branches common ones. What the other proofs hold against the types
//!   of columns (`alike`, `values`, `dates`) they would hold against those of the first: `n > 5` would be a comparison of numbers,
//!   and run as one of texts.
//! - INTERSECT, EXCEPT and JOIN ... USING compare columns that no expression names.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Expr, ExprSchemable, Join, JoinType, LogicalPlan, Union};

use crate::catalogue::refused::Highlight;
use crate::proofs::refusal::{CheckError, Finding, Refusal};

const HINT: &str = "give all branches one type: CAST(NULL AS DATE), CAST(day AS VARCHAR), CAST(n AS BIGINT), CAST(x AS DECIMAL(18, 2)); or two columns";

pub fn check_sets(plan: &LogicalPlan) -> Result<(), CheckError> {
    let mut found = Vec::new();
    // The closure never fails, so the walk does not either.
    let _ = plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Union(union) => of_union(union, &mut found),
            LogicalPlan::Join(join) => of_join(join, &mut found),
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    CheckError::unless_none(found, ())
}

fn of_union(union: &Union, found: &mut Vec<Finding>) {
    for (at, field) in union.schema.fields().iter().enumerate() {
        let types = union.inputs.iter().map(|input| type_of(input, at));
        if let Some(other) = types.into_iter().find(|ty| !holds(field.data_type(), ty)) {
            let what = format!(
                "column {} of a UNION, {} in one branch and {} in another,",
                field.name(),
                kind(field.data_type()),
                kind(&other)
            );
            found.push(Refusal::ReadOtherwise { what, hint: HINT }.at(Highlight::words(&["union"])));
        }
    }
}

/// The type of a column, which a projection for UNION BY NAME says to be that of the union.
fn type_of(plan: &LogicalPlan, at: usize) -> DataType {
    let own = plan.schema().field(at).data_type().clone();
    match plan {
        LogicalPlan::Projection(projection) => {
            projection.expr.get(at).and_then(|expr| expr.get_type(projection.input.schema()).ok()).unwrap_or(own)
        }
        _ => own,
    }
}

fn of_join(join: &Join, found: &mut Vec<Finding>) {
    let ty = |expr: &Expr, schema: &DFSchema| expr.get_type(schema).unwrap_or(DataType::Null);
    for (left, right) in &join.on {
        let (one, other) = (ty(left, join.left.schema()), ty(right, join.right.schema()));
        if holds(&one, &other) || holds(&other, &one) {
            continue;
        }
        let word = match join.join_type {
            JoinType::LeftSemi => "intersect",
            JoinType::LeftAnti => "except",
            _ => "using",
        };
        let what = format!("{} compared with {} by {}", kind(&one), kind(&other), word.to_uppercase());
        found.push(Refusal::ReadOtherwise { what, hint: HINT }.at(Highlight::words(&[word])));
    }
}

/// Whether a column of a type holds values of another as they are.
fn holds(ty: &DataType, other: &DataType) -> bool {
    match (ty, other) {
        (_, DataType::Null) => true,
        (DataType::Decimal128(digits, places), DataType::Decimal128(most, of)) => places == of && digits >= most,
        _ if ty.is_integer() && other.is_integer() => ty.primitive_width() >= other.primitive_width(),
        _ => kind(ty) == kind(other),
    }
}

fn kind(ty: &DataType) -> &'static str {
    match ty {
        DataType::Null => "NULL",
        DataType::Boolean => "a truth",
        DataType::Date32 | DataType::Date64 => "a day",
        DataType::Timestamp(..) => "an instant",
        DataType::Interval(_) | DataType::Duration(_) => "an INTERVAL",
        DataType::Decimal128(..) | DataType::Decimal256(..) => "a fraction",
        ty if ty.is_string() => "a text",
        ty if ty.is_integer() => "a whole number",
        ty if ty.is_floating() => "a binary fraction",
        _ => "a list",
    }
}

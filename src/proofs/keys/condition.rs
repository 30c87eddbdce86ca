//! What a condition tells of the rows for which it is true.

use std::collections::BTreeSet;

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::proofs::keys::{Attribute, Rows, Span, Value};

impl Rows {
    /// Only rows for which all the conditions that AND joins are true.
    pub(super) fn hold_all(&mut self, condition: &Expr, schema: &DFSchema) {
        self.hold(condition, schema);
        let conditions = split_conjunction(condition);
        for span in self.spans.clone() {
            if let Some(at) = span.met_by(&conditions, &|column| self.column(column, schema)) {
                let mut from = span.of;
                from.push(self.attribute(at, schema));
                self.depends(&from, &[span.row]);
            }
        }
    }

    /// Only rows for which the condition is true.
    pub(super) fn hold(&mut self, condition: &Expr, schema: &DFSchema) {
        use Operator::{And, Eq, IsNotDistinctFrom};
        if let Some((attribute, values)) = self.choice(condition, schema) {
            self.not_null.insert(attribute);
            self.holds(attribute, values);
        }
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: And, right }) => {
                self.hold(left, schema);
                self.hold(right, schema);
            }
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Eq | IsNotDistinctFrom), right }) => {
                let (left, right) = (self.attribute(left, schema), self.attribute(right, schema));
                self.equal(left, right, *op == IsNotDistinctFrom);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_strict(*op) => {
                self.known(left, schema);
                self.known(right, schema);
            }
            Expr::Between(between) => self.known(&between.expr, schema),
            Expr::InList(list) => self.known(&list.expr, schema),
            Expr::IsNotNull(of) => self.known(of, schema),
            Expr::IsNull(of) => {
                let attribute = self.attribute(of, schema);
                self.holds(attribute, [Value::Null].into());
                let none: Vec<Attribute> = self
                    .partnerless
                    .iter()
                    .filter(|each| each.marks.contains(&attribute))
                    .flat_map(|each| each.nulls.clone())
                    .collect();
                self.depends(&[], &none);
            }
            Expr::Column(_) | Expr::IsTrue(_) | Expr::IsFalse(_) | Expr::IsUnknown(_) => {
                let of = match condition {
                    Expr::IsTrue(of) | Expr::IsFalse(of) | Expr::IsUnknown(of) => of,
                    own => own,
                };
                let attribute = self.attribute(of, schema);
                self.depends(&[], &[attribute]);
            }
            Expr::Not(of) if matches!(of.as_ref(), Expr::Column(_)) => {
                let attribute = self.attribute(of, schema);
                self.depends(&[], &[attribute]);
                self.not_null.insert(attribute);
            }
            _ => {}
        }
    }

    /// The columns of a compared expression are not null, where it would be null otherwise.
    pub(super) fn known(&mut self, compared: &Expr, schema: &DFSchema) {
        use Operator::{Minus, Multiply, Plus};
        let column = match compared {
            Expr::Column(column) => column,
            Expr::Cast(cast) => return self.known(&cast.expr, schema),
            Expr::BinaryExpr(BinaryExpr { left, op: Plus | Minus | Multiply, right }) => {
                self.known(left, schema);
                return self.known(right, schema);
            }
            other => return self.filled.push(other.clone()),
        };
        if let Some(attribute) = self.column(column, schema) {
            self.not_null.insert(attribute);
        }
    }

    pub(super) fn equal(&mut self, left: Attribute, right: Attribute, nulls_are_equal: bool) {
        self.depends(&[left], &[right]);
        self.depends(&[right], &[left]);
        if !nulls_are_equal {
            self.not_null.extend([left, right]);
        }
    }

    /// The column that a condition restricts to listed values, and these.
    fn choice(&self, condition: &Expr, schema: &DFSchema) -> Option<(Attribute, BTreeSet<Value>)> {
        let of = |expr: &Expr| match expr {
            Expr::Column(column) => self.column(column, schema),
            _ => None,
        };
        let value = |expr: &Expr| match expr {
            Expr::Literal(literal, _) if !literal.is_null() => Value::of(literal),
            _ => None,
        };
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                let (attribute, value) = of(left).zip(value(right)).or_else(|| of(right).zip(value(left)))?;
                Some((attribute, [value].into()))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                let (one, mut values) = self.choice(left, schema)?;
                let (other, others) = self.choice(right, schema)?;
                values.extend(others);
                (one == other).then_some((one, values))
            }
            Expr::InList(InList { expr, list, negated: false }) => {
                Some((of(expr)?, list.iter().map(value).collect::<Option<_>>()?))
            }
            _ => None,
        }
    }
}

/// Whether a comparison of a null is null.
pub(super) fn is_strict(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

impl Span {
    /// The value that lies within the span by these conditions, `from <= x AND (to IS NULL OR x < to)`.
    pub(super) fn met_by<'e>(
        &self,
        conditions: &[&'e Expr],
        column: &dyn Fn(&Column) -> Option<Attribute>,
    ) -> Option<&'e Expr> {
        let is = |expr: &Expr, attribute: Attribute| match expr {
            Expr::Column(of) => column(of) == Some(attribute),
            _ => false,
        };
        let begun = |condition: &'e Expr| match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::GtEq, right }) if is(right, self.from) => {
                Some(left.as_ref())
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::LtEq, right }) if is(left, self.from) => {
                Some(right.as_ref())
            }
            _ => None,
        };
        let before_end = |condition: &Expr, at: &Expr| match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Lt, right }) => left.as_ref() == at && is(right, self.to),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Gt, right }) => right.as_ref() == at && is(left, self.to),
            _ => false,
        };
        let is_open = |condition: &Expr| matches!(condition, Expr::IsNull(of) if is(of, self.to));
        let not_ended = |condition: &Expr, at: &Expr| match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                (is_open(left) && before_end(right, at)) || (is_open(right) && before_end(left, at))
            }
            other => before_end(other, at),
        };
        let mut begun = conditions.iter().filter_map(|condition| begun(condition));
        begun.find(|at| conditions.iter().any(|condition| not_ended(condition, at)))
    }
}

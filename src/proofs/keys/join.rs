//! What tells the rows of a join apart.

use datafusion::common::{DFSchema, JoinType, NullEquality};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Join, Operator};

use crate::proofs::keys::condition::is_strict;
use crate::proofs::keys::{Attribute, Partnerless, Rows, Span, Value, unknown};

pub(super) fn joined(join: &Join, mut left: Rows, mut right: Rows) -> Rows {
    let nulls_are_equal = join.null_equality == NullEquality::NullEqualsNull;
    let on =
        join.on.iter().map(|(l, r)| (left.attribute(l, join.left.schema()), right.attribute(r, join.right.schema())));
    let on: Vec<(Attribute, Attribute)> = on.collect();
    match join.join_type {
        JoinType::Inner => {
            let (mut rows, moved) = left.beside(right);
            on.iter().for_each(|(l, r)| rows.equal(*l, r + moved, nulls_are_equal));
            join.filter.iter().for_each(|filter| rows.hold_all(filter, &join.schema));
            rows
        }
        JoinType::Left => outer(join, left, right, on, false),
        JoinType::Right => outer(join, right, left, on.into_iter().map(|(l, r)| (r, l)).collect(), true),
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
            partnered(join, left, on.iter().map(|(l, _)| *l))
        }
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
            partnered(join, right, on.iter().map(|(_, r)| *r))
        }
        JoinType::Full => unknown(&join.schema),
    }
}

/// The rows of one side of which it matters only whether they have a partner.
fn partnered(join: &Join, mut rows: Rows, on: impl Iterator<Item = Attribute>) -> Rows {
    match join.join_type {
        JoinType::LeftSemi | JoinType::RightSemi if join.null_equality == NullEquality::NullEqualsNothing => {
            rows.not_null.extend(on);
        }
        JoinType::LeftMark | JoinType::RightMark => {
            let mark = rows.determined(&rows.row.clone());
            rows.not_null.insert(mark);
            rows.columns.push(mark);
        }
        _ => {}
    }
    rows
}

/// An outer join whose left side keeps its rows; `swapped` if the plan has the sides the other way round.
fn outer(join: &Join, mut left: Rows, mut right: Rows, mut on: Vec<(Attribute, Attribute)>, swapped: bool) -> Rows {
    let (left_schema, right_schema) =
        if swapped { (join.right.schema(), join.left.schema()) } else { (join.left.schema(), join.right.schema()) };
    let is_of = |expr: &Expr, schema: &DFSchema| {
        expr.column_refs().into_iter().all(|column| schema.maybe_index_of_column(column).is_some())
    };
    let conditions: Vec<&Expr> = join.filter.iter().flat_map(split_conjunction).collect();
    // Columns of the left side that decide, with those compared by equality, whether a row has a partner.
    let mut deciding = Vec::new();
    for condition in &conditions {
        // What holds of the right side alone holds of every partner; what holds of the left side says nothing of a row without one.
        if is_of(condition, right_schema) {
            right.hold(condition, right_schema);
            continue;
        }
        let sides = match condition {
            Expr::BinaryExpr(BinaryExpr { left: one, op, right: other }) if is_strict(*op) => {
                right.known(one, right_schema);
                right.known(other, right_schema);
                let sides = [(one, other), (other, one)].into_iter();
                let mut sides =
                    sides.filter(|(l, r)| *op == Operator::Eq && is_of(l, left_schema) && is_of(r, right_schema));
                sides.next()
            }
            _ => None,
        };
        match sides {
            Some((l, r)) => on.push((left.attribute(l, left_schema), right.attribute(r, right_schema))),
            None => deciding
                .extend(condition.column_refs().into_iter().filter_map(|column| left.column(column, left_schema))),
        }
    }
    let met = |span: &Span| span.met_by(&conditions, &|column| right.column(column, right_schema));
    let within = right.spans.iter().filter_map(|span| Some((met(span)?, span.clone())));
    let within: Vec<(&Expr, Span)> = within.filter(|(at, _)| is_of(at, left_schema)).collect();
    let within: Vec<(Attribute, Span)> =
        within.into_iter().map(|(at, span)| (left.attribute(at, left_schema), span)).collect();
    if join.null_equality == NullEquality::NullEqualsNothing {
        right.not_null.extend(on.iter().map(|(_, r)| *r));
    }
    let row = left.row.clone();
    let count = left.columns.len();
    let constant = right.determined_by(&[]);
    right.constant_or_null.extend(right.columns.iter().copied().filter(|column| constant.has(*column)));
    let (right, partner) = right.optional();
    let (mut rows, moved) = left.beside(right);
    let partner = partner + moved;
    // A row has partners in all its copies, or in none; and so have rows that agree in what decides that.
    rows.depends(&row, &[partner]);
    deciding.extend(on.iter().map(|(l, _)| *l));
    rows.depends(&deciding, &[partner]);
    for (at, span) in within {
        let mut from: Vec<Attribute> = span.of.iter().map(|of| of + moved).collect();
        from.extend([at, partner]);
        rows.depends(&from, &[span.row + moved]);
    }
    for (l, r) in on {
        rows.depends(&[l, partner], &[r + moved]);
    }
    if swapped {
        rows.columns.rotate_left(count);
    }
    rows
}

impl Rows {
    /// As the right side of an outer join: null where there is no partner. What held among these rows holds among rows that both have
    /// a partner, or both have none.
    fn optional(mut self) -> (Rows, Attribute) {
        let partner = self.new_attribute();
        for dependency in &mut self.dependencies {
            dependency.from.push(partner);
        }
        for union in &mut self.unions {
            union.given.push(partner);
        }
        let filled: Vec<Attribute> = std::mem::take(&mut self.not_null).into_iter().collect();
        for attribute in &filled {
            self.depends(&[*attribute], &[partner]);
        }
        for values in self.values.values_mut() {
            values.insert(Value::Null);
        }
        let mut nulls: Vec<Attribute> = self.columns.clone();
        nulls.extend(&self.row);
        nulls.push(partner);
        self.partnerless = vec![Partnerless { marks: filled, nulls }];
        self.spans.clear();
        (self, partner)
    }
}

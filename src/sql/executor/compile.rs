//! Compiles DataFusion's physical plans to nodes. An operator that has no node becomes a foreign one, so every plan compiles.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::{JoinSide, JoinType, NullEquality, Result};
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode, AggregateMode, aggregate_expressions};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;

use crate::sql::budget::Budget;
use crate::sql::column::Batch;
use crate::sql::executor::aggregate::Aggregate;
use crate::sql::executor::condition::Condition;
use crate::sql::executor::expr::Expr;
use crate::sql::executor::foreign::Foreign;
use crate::sql::executor::group::Group;
use crate::sql::executor::join::Join;
use crate::sql::executor::prune::required_in_order;
use crate::sql::executor::range::Range;
use crate::sql::executor::sort::Sort;
use crate::sql::executor::window::Window;
use crate::sql::executor::{Constant, Input, Node, Operator, Part, Selection};
use crate::sql::frames::FrameExec;
use crate::sql::keys;
use crate::sql::slots::{Slot, SlotScan};

type Plan = Arc<dyn ExecutionPlan>;

/// An operator and its name in profiles.
type Named = (String, Operator);

/// Settings for compiling.
pub(super) struct Compiler<'a> {
    /// Slots that replace the plan's slots of the same names.
    pub slots: &'a BTreeMap<&'a str, Arc<Slot>>,
    pub budget: &'a Arc<Budget>,
}

impl Compiler<'_> {
    pub fn part(&self, plan: &Plan) -> Result<Part> {
        let node = self.node(plan)?;
        Ok(Part { required: required_in_order(&node), node })
    }

    fn node(&self, plan: &Plan) -> Result<Node> {
        let (name, operator) = match self.own(plan)? {
            Some(found) => found,
            None => self.foreign(plan)?,
        };
        let schema = plan.schema();
        Ok(Node { empty: Batch::empty(&schema), name, schema, operator })
    }

    /// A node of our own, if there is one for the operator.
    fn own(&self, plan: &Plan) -> Result<Option<Named>> {
        if let Some(scan) = plan.downcast_ref::<SlotScan>() {
            let slot = Arc::clone(self.slots.get(scan.slot.name.as_str()).unwrap_or(&scan.slot));
            let input = Input { slot, projection: scan.projection.clone(), condition: None };
            return Ok(Some(("Scan".to_owned(), Operator::Input(Arc::new(input)))));
        }
        if is_passage(plan) {
            let inner = self.node(plan.children()[0])?;
            return Ok(Some((inner.name, inner.operator)));
        }
        if let Some(filter) = plan.downcast_ref::<FilterExec>() {
            return self.filter(filter);
        }
        if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
            let input = projection.input().schema();
            let columns = projection.expr().iter().map(|column| Expr::new(&column.expr, &input));
            let columns = columns.collect::<Result<_>>()?;
            let input = Box::new(self.node(projection.input())?);
            return Ok(Some(("Project".to_owned(), Operator::Project { input, columns })));
        }
        if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            return self.hash_join(join);
        }
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            let (left, right) = (join.left().schema(), join.right().schema());
            let range = join.filter().map(|filter| Range::of(filter, &left, &right));
            // To find right rows without a partner, go through the right side.
            let by_right = matches!(join.join_type(), JoinType::Right | JoinType::Full);
            let range = range.transpose()?.flatten().filter(|range| !by_right || range.searched == JoinSide::Left);
            let join = Join {
                range,
                left: self.node(join.left())?,
                right: self.node(join.right())?,
                on: Vec::new(),
                nulls_are_equal: false,
                filter: join.filter().map(|filter| Condition::new(filter, &left, &right)).transpose()?,
                kind: *join.join_type(),
                projection: join.projection().as_ref().map(|projection| projection.to_vec()),
            };
            return Ok(Some(("Pairs".to_owned(), Operator::Join(Box::new(join)))));
        }
        if let Some(join) = plan.downcast_ref::<CrossJoinExec>() {
            let join = Join {
                left: self.node(join.left())?,
                right: self.node(join.right())?,
                on: Vec::new(),
                nulls_are_equal: false,
                filter: None,
                range: None,
                kind: JoinType::Inner,
                projection: None,
            };
            return Ok(Some(("Pairs".to_owned(), Operator::Join(Box::new(join)))));
        }
        if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
            return self.group(aggregate);
        }
        if let Some(sort) = plan.downcast_ref::<SortExec>()
            && sort.fetch().is_none()
        {
            return self.sort(sort.input(), sort.expr().iter());
        }
        if let Some(merge) = plan.downcast_ref::<SortPreservingMergeExec>()
            && merge.fetch().is_none()
        {
            return self.sort(merge.input(), merge.expr().iter());
        }
        if let Some(frames) = plan.downcast_ref::<FrameExec>() {
            let window = Window::new(self.node(frames.input())?, frames.plan().as_ref().clone())?;
            return Ok(Some(("Window".to_owned(), Operator::Window(Box::new(window)))));
        }
        if let Some(union) = plan.downcast_ref::<UnionExec>() {
            let inputs = union.inputs().iter().map(|input| self.part(input)).collect::<Result<_>>()?;
            return Ok(Some(("Union".to_owned(), Operator::Union { inputs })));
        }
        Ok(None)
    }

    fn filter(&self, filter: &FilterExec) -> Result<Option<Named>> {
        if filter.fetch().is_some() {
            return Ok(None);
        }
        let predicate = Expr::new(filter.predicate(), &filter.input().schema())?;
        let projection = filter.projection().as_ref().map(|projection| projection.to_vec());
        let selection = Selection { predicate, projection };
        let input = self.node(filter.input())?;
        let operator = match input.operator {
            Operator::Input(all) if all.condition.is_none() => {
                let Input { slot, projection, .. } = all.as_ref();
                let (slot, projection) = (Arc::clone(slot), projection.clone());
                Operator::Input(Arc::new(Input { slot, projection, condition: Some(selection) }))
            }
            _ => Operator::Filter { input: Box::new(input), selection },
        };
        Ok(Some(("Filter".to_owned(), operator)))
    }

    fn hash_join(&self, join: &HashJoinExec) -> Result<Option<Named>> {
        let (left, right) = (join.left().schema(), join.right().schema());
        let comparable = |(a, b): &(_, _)| -> Result<bool> {
            let (a, b): (&datafusion::physical_expr::PhysicalExprRef, &datafusion::physical_expr::PhysicalExprRef) =
                (a, b);
            let (a, b) = (a.data_type(&left)?, b.data_type(&right)?);
            Ok(a == b && keys::is_supported(&a))
        };
        for pair in join.on() {
            if !comparable(pair)? {
                return Ok(None);
            }
        }
        if join.null_aware || join.fetch().is_some() {
            return Ok(None);
        }
        let on = join.on().iter().map(|(a, b)| Ok((Expr::new(a, &left)?, Expr::new(b, &right)?)));
        let join = Join {
            on: on.collect::<Result<_>>()?,
            left: self.node(join.left())?,
            right: self.node(join.right())?,
            nulls_are_equal: join.null_equality() == NullEquality::NullEqualsNull,
            filter: join.filter().map(|filter| Condition::new(filter, &left, &right)).transpose()?,
            range: None,
            kind: *join.join_type(),
            projection: join.projection.as_ref().map(|projection| projection.to_vec()),
        };
        Ok(Some(("Join".to_owned(), Operator::Join(Box::new(join)))))
    }

    fn sort<'a>(&self, input: &Plan, by: impl Iterator<Item = &'a PhysicalSortExpr>) -> Result<Option<Named>> {
        let schema = input.schema();
        let by = by.map(|key| Ok((Expr::new(&key.expr, &schema)?, key.options))).collect::<Result<_>>()?;
        let input = self.node(input)?;
        Ok(Some(("Sort".to_owned(), Operator::Sort(Box::new(Sort { input, by })))))
    }

    /// A grouping; two steps (per partition, then final) become one.
    fn group(&self, aggregate: &AggregateExec) -> Result<Option<Named>> {
        let below = match aggregate.mode().input_mode() {
            AggregateInputMode::Raw => aggregate,
            AggregateInputMode::Partial => {
                let mut input = aggregate.input();
                while is_passage(input) {
                    input = input.children()[0];
                }
                match input.downcast_ref::<AggregateExec>() {
                    Some(partial) if matches!(partial.mode(), AggregateMode::Partial) => partial,
                    _ => return Ok(None),
                }
            }
        };
        let is_whole = !matches!(aggregate.mode(), AggregateMode::Partial | AggregateMode::PartialReduce);
        let groups = below.group_expr();
        if !is_whole
            || groups.has_grouping_set()
            || aggregate.limit_options().is_some()
            || below.limit_options().is_some()
        {
            return Ok(None);
        }
        let schema = below.input().schema();
        for (key, _) in groups.expr() {
            if !keys::is_supported(&key.data_type(&schema)?) {
                return Ok(None);
            }
        }
        let keys = groups.expr().iter().map(|(key, _)| Expr::new(key, &schema)).collect::<Result<_>>()?;
        let aggregates = aggregates(below, &schema)?;
        let input = self.node(below.input())?;
        Ok(Some(("Group".to_owned(), Operator::Group(Box::new(Group { input, keys, aggregates })))))
    }

    fn foreign(&self, plan: &Plan) -> Result<Named> {
        let foreign = Foreign::new(plan, self.budget)?;
        if plan.children().is_empty() {
            return Ok(("Constant".to_owned(), Operator::Constant { plan: foreign, rows: Constant::default() }));
        }
        let inputs = plan.children().into_iter().map(|child| self.node(child)).collect::<Result<_>>()?;
        Ok((plan.name().to_owned(), Operator::Foreign { plan: foreign, inputs }))
    }
}

/// Operators that change how rows travel, not which rows there are.
fn is_passage(plan: &Plan) -> bool {
    let names = ["CoalescePartitionsExec", "CoalesceBatchesExec", "RepartitionExec", "CooperativeExec", "Metered"];
    names.contains(&plan.name()) && plan.children().len() == 1 && plan.fetch().is_none()
}

fn aggregates(aggregate: &AggregateExec, schema: &Schema) -> Result<Vec<Aggregate>> {
    let arguments = aggregate_expressions(aggregate.aggr_expr(), &AggregateMode::Single, 0)?;
    let parts = aggregate.aggr_expr().iter().zip(arguments).zip(aggregate.filter_expr());
    let aggregates =
        parts.map(|((function, arguments), filter)| Aggregate::new(function, &arguments, filter.as_ref(), schema));
    aggregates.collect()
}

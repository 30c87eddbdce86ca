//! From which tables a plan's columns have their values, whatever was done with these on the way: what is shown of a record is as
//! secret as the record. Conditions are not counted, since a row that is there shows what it says and not what it was chosen by.

use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::model::schema::TableId;
use crate::model::sets::TableSet;

/// By column: the tables. `view` gives those of a column of a view or step.
pub fn of(plan: &LogicalPlan, view: &dyn Fn(&str, &str) -> Option<TableSet>) -> Vec<TableSet> {
    let of_input = |input: &LogicalPlan| (of(input, view), input.schema().clone());
    let each = |exprs: &mut dyn Iterator<Item = &Expr>,
                (values, schema): &(Vec<TableSet>, std::sync::Arc<DFSchema>)| {
        exprs.map(|expr| of_expr(expr, values, schema)).collect::<Vec<_>>()
    };
    match plan {
        LogicalPlan::TableScan(scan) => {
            let name = scan.table_name.table();
            // A link's record is as secret as all that its unit knows, and says less.
            let is_own = |table: &TableId| table.is_person() && !table.is_link();
            let table = TableId::from_name(name.trim_end_matches("_history")).filter(is_own);
            let own = table.map_or(TableSet::NONE, TableSet::of);
            let fields = scan.projected_schema.fields().iter();
            fields.map(|field| view(name, field.name()).unwrap_or(own)).collect()
        }
        LogicalPlan::Projection(projection) => each(&mut projection.expr.iter(), &of_input(&projection.input)),
        LogicalPlan::Aggregate(aggregate) => {
            let input = of_input(&aggregate.input);
            let mut out = each(&mut aggregate.group_expr.iter().chain(&aggregate.aggr_expr), &input);
            let all = out.iter().fold(TableSet::NONE, |all, own| all.union(*own));
            out.resize(plan.schema().fields().len(), all);
            out
        }
        LogicalPlan::Window(window) => {
            let input = of_input(&window.input);
            let own = each(&mut window.window_expr.iter(), &input);
            [input.0, own].concat()
        }
        LogicalPlan::Union(union) => {
            let mut out = vec![TableSet::NONE; union.schema.fields().len()];
            for input in &union.inputs {
                out.iter_mut().zip(of(input, view)).for_each(|(known, own)| *known = known.union(own));
            }
            out
        }
        LogicalPlan::Join(join) => {
            let (left, right) = (of(&join.left, view), of(&join.right, view));
            let mut out = match join.join_type {
                JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => left,
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right,
                _ => [left, right].concat(),
            };
            out.resize(join.schema.fields().len(), TableSet::NONE);
            out
        }
        LogicalPlan::Filter(filter) => of(&filter.input, view),
        LogicalPlan::Sort(sort) => of(&sort.input, view),
        LogicalPlan::SubqueryAlias(alias) => of(&alias.input, view),
        LogicalPlan::Distinct(distinct) => of(distinct.input(), view),
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => vec![TableSet::NONE; plan.schema().fields().len()],
        // What cannot be followed may come from anywhere below.
        other => {
            let below = other.inputs().into_iter().flat_map(|input| of(input, view));
            vec![below.fold(TableSet::NONE, TableSet::union); other.schema().fields().len()]
        }
    }
}

fn of_expr(expr: &Expr, values: &[TableSet], schema: &DFSchema) -> TableSet {
    let of_column = |column: &Column| schema.maybe_index_of_column(column).and_then(|at| values.get(at).copied());
    expr.column_refs().into_iter().filter_map(of_column).fold(TableSet::NONE, TableSet::union)
}

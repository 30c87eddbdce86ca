//! Computed tables: the views of the catalogue, and the steps of a text that several of its places read.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::Optimizer;
use datafusion::optimizer::optimize_projections::OptimizeProjections;

use crate::catalogue::ViewFile;
use crate::proofs::isolation::{Carried, Key, Known, Owner, Proved};
use crate::proofs::keys;
use crate::rules::plan::{PlanError, Planner, References, sql_error};
use crate::rules::planned::PlannedView;
use crate::rules::requests::Plans;
use crate::rules::steps::Steps;
use crate::sql::executor::Compiled;
use crate::sql::slots::{Origin, Slot};

impl Planner {
    pub(super) async fn declare_view(&mut self, file: &ViewFile) -> Result<(), PlanError> {
        let failed = |error| sql_error("view", &file.name, error);
        let plan = self.logical("view", &file.name, &file.sql).await?;
        let refused = |source| PlanError::Check { what: "view", name: file.name.clone(), source };
        let proved = self.known.prove(&plan).map_err(refused)?;
        if let Some(judge) = &self.judge {
            judge.view(&file.name, &proved.flow).map_err(refused)?;
        }
        make_known(&mut self.known, &file.name, &plan, &proved);
        let carried = proved.carried;
        let Some(text) = self.share_steps(&file.name, &file.sql).await else {
            return self.declare(&file.name, &file.sql, plan, &carried, false).map_err(failed);
        };
        let plan = self.optimised(&text).await.map_err(failed)?;
        self.declare(&file.name, &text, plan, &carried, false).map_err(failed)
    }

    /// The plan that runs for a text, and the tables that it reads; `plan` is the text's own plan, which has been proved.
    pub(super) async fn runnable(
        &mut self,
        name: &str,
        sql: &str,
        plan: LogicalPlan,
    ) -> Result<(References, Compiled), DataFusionError> {
        let Some(text) = self.share_steps(name, sql).await else {
            return Ok((self.references(sql)?, self.physical(&plan).await?));
        };
        let plan = self.optimised(&text).await?;
        Ok((self.references(&text)?, self.physical(&plan).await?))
    }

    /// The text with its repeated steps in tables of their own; `None` if there are none. A step that cannot be proved alone stays
    /// where it is: the condition that keeps its units apart may be at the place that reads it.
    async fn share_steps(&mut self, owner: &str, sql: &str) -> Option<String> {
        let mut steps = Steps::of(sql)?;
        let mut known: Option<Known> = None;
        for at in steps.repeated() {
            let name = format!("{owner}/{}", steps.name(at));
            let text = steps.alone(at);
            let Ok(plan) = self.optimised(&text).await else { continue };
            let known = known.get_or_insert_with(|| self.known.clone());
            let proved = known.prove(&plan).ok().filter(|proved| proved.carried.owner == Owner::Person);
            let Some(proved) = proved.filter(|_| is_worth_a_table(&plan) && !self.view_by_name.contains_key(&name))
            else {
                continue;
            };
            make_known(known, &name, &plan, &proved);
            if self.declare(&name, &text, plan, &proved.carried, true).is_ok() {
                steps.replace(at, &name);
            }
        }
        steps.is_changed().then(|| steps.sql())
    }

    fn declare(
        &mut self,
        name: &str,
        text: &str,
        plan: LogicalPlan,
        carried: &Carried,
        is_step: bool,
    ) -> Result<(), DataFusionError> {
        let references = self.references(text)?;
        let schema: SchemaRef = Arc::new(plan.schema().as_arrow().clone());
        let slot = Slot::new(name, schema);
        let tagged = (0..carried.keys.len()).filter(|column| carried.keys[*column] != Key::None);
        slot.set_tagged(tagged.collect());
        slot.set_origin(Origin::View(self.views.len()));
        self.register(&slot)?;
        self.view_by_name.insert(name.to_owned(), self.views.len());
        self.declared.push(plan);
        self.views.push(PlannedView {
            slot,
            is_step,
            columns: Vec::new(),
            plan: None,
            late: self.is_late(&references),
            tables: self.tables_below(&references),
            views: references.views,
            demands: references.bases,
            users: Plans::default(),
        });
        Ok(())
    }

    /// Plans a view for the columns that its readers use. The rest of its plan was optimised when it was declared.
    pub(super) async fn plan_view(&mut self, at: usize) -> Result<(), PlanError> {
        let slot = &self.views[at].slot;
        let failed = |error| sql_error("view", &slot.name, error);
        let used = slot.used();
        let mut columns: Vec<usize> = (0..used.len()).filter(|column| used[*column]).collect();
        if columns.is_empty() {
            // Its readers only count its rows, or nothing reads it.
            columns.push(0);
        }
        let plan = self.narrowed(self.declared[at].clone(), &columns).map_err(failed)?;
        let plan = self.physical(&plan).await.map_err(failed)?;
        let view = &mut self.views[at];
        (view.columns, view.plan) = (columns, Some(plan));
        Ok(())
    }

    /// An optimised plan without the parts that only other columns need.
    fn narrowed(&self, plan: LogicalPlan, columns: &[usize]) -> Result<LogicalPlan, DataFusionError> {
        let wanted: Vec<Expr> = columns.iter().map(|at| Expr::from(plan.schema().qualified_field(*at))).collect();
        let plan = LogicalPlanBuilder::from(plan).project(wanted)?.build()?;
        let optimizer = Optimizer::with_rules(vec![Arc::new(OptimizeProjections::new())]);
        optimizer.optimize(plan, &self.context.state(), |_, _| {})
    }

    async fn optimised(&self, sql: &str) -> Result<LogicalPlan, DataFusionError> {
        let state = self.context.state();
        let plan = state.create_logical_plan(sql).await?;
        state.optimize(&plan)
    }
}

fn make_known(known: &mut Known, name: &str, plan: &LogicalPlan, proved: &Proved) {
    let Proved { carried, rows, flow } = proved;
    let names = || plan.schema().fields().iter().map(|field| field.name().as_str());
    let columns = carried.keys.iter().copied().zip(carried.tags.iter().copied());
    let columns = names().map(ToOwned::to_owned).zip(columns).collect();
    known.add(name, carried.owner, columns, keys::Table::of(name, names(), rows));
    known.add_flow(name, names(), flow);
}

/// Whether a step should get a table. Reading the table costs as much as repeating a filter or projection, and less than any other
/// operator.
fn is_worth_a_table(plan: &LogicalPlan) -> bool {
    let mut found = false;
    // The closure never fails, so the walk does not either.
    let _ = plan.apply(|node| {
        use LogicalPlan::*;
        found |= matches!(node, Join(_) | Aggregate(_) | Window(_) | Distinct(_) | Union(_));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::catalogue::Catalogue;
    use crate::rules::plan::Parts;

    /// The shipped rules, with another text for rule `employment-ended` if given.
    fn planned(sql: Option<&str>) -> Result<Parts, PlanError> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let mut catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        let rule = catalogue.rules.iter_mut().find(|rule| rule.header.id == "employment-ended").unwrap();
        rule.sql = sql.map_or_else(|| rule.sql.clone(), ToOwned::to_owned);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Planner::new(&catalogue)?.plan(&catalogue))
    }

    fn steps_of<'a>(parts: &'a Parts, owner: &str) -> Vec<&'a str> {
        let of = |name: &'a str| name.strip_prefix(owner)?.strip_prefix('/');
        parts.views.iter().filter_map(|view| of(&view.slot.name)).collect()
    }

    /// A rule that reads the step `s` in two places.
    fn twice(step: &str, of_each: &str) -> String {
        format!(
            "WITH s AS ({step}) \
             SELECT s.person_id, s.permit_id, '-' AS alert_key, s.valid_from AS anchor_at, s.first_known_time AS due_at, s.first_known_time AS alert_at, s.record AS records \
             FROM s WHERE {of_each} AND NOT EXISTS (SELECT 1 FROM s AS t WHERE t.permit_id = s.permit_id AND t.valid_from > s.valid_from)"
        )
    }

    #[test]
    fn what_several_places_read_is_worked_out_once() {
        let parts = planned(None).unwrap();
        assert!(steps_of(&parts, "employment-ended").contains(&"idle"));
        assert_eq!(steps_of(&parts, "idle_months"), ["paid"], "views have steps too");
        let idle = parts.views.iter().find(|view| view.slot.name == "employment-ended/idle").unwrap();
        assert!(idle.is_step && idle.plan.is_some());
    }

    #[test]
    fn a_step_stays_where_it_is_if_it_only_picks_rows_or_cannot_stand_alone() {
        let columns = "p.person_id, p.permit_id, p.valid_from, p.first_known_time, p.record";
        let joined =
            format!("SELECT {columns}, b.record AS seen FROM permits p JOIN border b ON b.person_id = p.person_id");
        let parts = planned(Some(&twice(&joined, "true"))).unwrap();
        assert_eq!(steps_of(&parts, "employment-ended"), ["s"]);
        let step = parts.views.iter().find(|view| view.slot.name == "employment-ended/s").unwrap();
        assert_eq!((step.columns.len(), step.slot.schema.fields().len()), (5, 6), "what nobody reads is left out");
        let picked = format!("SELECT {columns} FROM permits p WHERE p.permit_class = 'WORK_EMP'");
        let parts = planned(Some(&twice(&picked, "true"))).unwrap();
        assert!(steps_of(&parts, "employment-ended").is_empty());
        // The condition that ties the two sides to one person is outside the step.
        let crossed = format!("SELECT {columns}, b.person_id AS other FROM permits p CROSS JOIN border b");
        let outside =
            twice(&crossed, "s.person_id = s.other").replace("AS t WHERE", "AS t WHERE t.person_id = t.other AND");
        let parts = planned(Some(&outside)).unwrap();
        assert!(steps_of(&parts, "employment-ended").is_empty());
    }

    #[test]
    fn nobody_reads_a_step_of_another_text() {
        let sql = twice(
            "SELECT i.person_id, i.permit_id, i.month AS valid_from, i.complete_at AS first_known_time, i.permit_record AS record \
                         FROM \"idle_months/paid\" l JOIN idle_months i ON i.person_id = l.person_id",
            "true",
        );
        assert!(matches!(planned(Some(&sql)), Err(PlanError::Check { .. })));
    }
}

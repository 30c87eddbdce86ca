//! Computed tables: the views of the catalogue, and the steps of a text that several of its places read.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::Optimizer;
use datafusion::optimizer::optimize_projections::OptimizeProjections;

use crate::catalogue::ViewFile;
use crate::proofs::isolation::{Key, Known, Owner, Proved};
use crate::proofs::keys;
use crate::rules::plan::{PlanError, Planner, Problem, References, Role, Shared, Text, sql_error};
use crate::rules::planned::PlannedView;
use crate::rules::requests::Plans;
use crate::rules::steps::Steps;
use crate::sql::executor::Compiled;
use crate::sql::slots::{Origin, Slot};

impl Planner {
    pub(super) async fn declare_view(&mut self, file: &ViewFile) -> Result<(), PlanError> {
        let failed = |problem: Problem| problem.of("view", &file.name);
        let text = self.prove(Role::View(&file.name), &file.sql).await.map_err(failed)?;
        make_known(&mut self.known, &file.name, &text);
        self.declare(&file.name, text, false).map_err(|error| failed(error.into()))
    }

    /// The compiled plan of a proved text, and the tables that it reads.
    pub(super) async fn runnable(
        &self,
        sql: &str,
        plan: &LogicalPlan,
    ) -> Result<(References, Compiled), DataFusionError> {
        Ok((self.references(sql)?, self.physical(plan).await?))
    }

    /// The text with its repeated steps in tables of their own; `None` if there are none. A step that cannot be proved alone stays where
    /// it is: the condition that keeps its units apart may be at the place that reads it. What variants of a rule have in common is
    /// such a table for all of them.
    pub(super) async fn share_steps(&mut self, owner: &str, sql: &str) -> Option<Shared> {
        let mut steps = Steps::of(sql)?;
        let mut common = self.common.take_if(|common| common.is_of(owner));
        let wanted = common.as_ref().map_or_else(|| steps.repeated(), |common| common.steps(&steps));
        let mut known = common.as_mut().and_then(|common| common.known.take());
        let mut found = Vec::new();
        for at in wanted {
            let text = steps.alone(at);
            if let Some((name, breaches)) = common.as_ref().and_then(|common| common.tables.get(&text)) {
                steps.replace(at, name);
                found.extend(breaches.iter().cloned());
                continue;
            }
            let known = known.get_or_insert_with(|| Arc::new(self.known.clone()));
            let Ok(step) = self.prove_derived(known, text.clone()).await else { continue };
            let is_shared = step.proved.carried.owner == Owner::Person && is_worth_a_table(&step.plan);
            let Some(name) = self.free_name(owner, steps.name(at), common.is_some()).filter(|_| is_shared) else {
                continue;
            };
            make_known(Arc::make_mut(known), &name, &step);
            let breaches = step.proved.flow.found.clone();
            if self.declare(&name, step, true).is_ok() {
                steps.replace(at, &name);
                if let Some(common) = &mut common {
                    common.tables.insert(text, (name, breaches.clone()));
                }
                found.extend(breaches);
            }
        }
        let shared = known.clone().filter(|_| steps.is_changed());
        if let Some(mut common) = common {
            common.known = known;
            self.common = Some(common);
        }
        shared.map(|known| Shared { sql: steps.sql(), known, found })
    }

    /// A name for the table of a step that no other has. Only steps of variants may have the same name.
    fn free_name(&self, owner: &str, step: &str, is_variant: bool) -> Option<String> {
        let plain = format!("{owner}/{step}");
        let more = (1..).map(|number| format!("{plain}/{number}")).take_while(|_| is_variant);
        std::iter::once(plain.clone()).chain(more).find(|name| !self.view_by_name.contains_key(name))
    }

    fn declare(&mut self, name: &str, text: Text, is_step: bool) -> Result<(), DataFusionError> {
        let Text { sql, plan, proved } = text;
        let references = self.references(&sql)?;
        let schema: SchemaRef = Arc::new(plan.schema().as_arrow().clone());
        let slot = Slot::new(name, schema);
        let keys = &proved.carried.keys;
        slot.set_tagged((0..keys.len()).filter(|column| keys[*column] != Key::None).collect());
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
}

fn make_known(known: &mut Known, name: &str, text: &Text) {
    let Proved { carried, rows, flow } = &text.proved;
    let names = || text.plan.schema().fields().iter().map(|field| field.name().as_str());
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
        assert!(steps_of(&parts, "idle_months").contains(&"paid"), "views have steps too");
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

    /// What a text may not do it may not do in a step that has a table either; and the refusal points into the text as written.
    #[test]
    fn what_a_step_hides_is_found() {
        let joined = |column: &str| {
            format!(
                "SELECT p.person_id, p.permit_id, p.valid_from, p.first_known_time, p.record, {column} \
                 FROM permits p JOIN population n ON n.person_id = p.person_id"
            )
        };
        let refusal = |sql: String| match planned(Some(&sql)) {
            Err(PlanError::Check { source, .. }) => source.to_string(),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("accepted: {sql}"),
        };
        let text =
            twice(&joined("n.name AS shown"), "true").replace("s.record AS records", "s.record AS records, s.shown");
        assert!(refusal(text).starts_with("output column shown may not leave the engine: it is population.name"));
        let text =
            twice(&joined("n.known_time AS at"), "true").replace("s.first_known_time AS alert_at", "s.at AS alert_at");
        assert!(refusal(text).starts_with("alert_at rests on known_time"));
        let text = twice(&joined("n.birth_on / 2 AS half"), "true");
        assert!(planned(Some(&text)).is_err());
        let absent = joined("n.birth_on").replace(
            "person_id = p.person_id",
            "person_id = p.person_id WHERE NOT EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id)",
        );
        let text = format!(
            "WITH s AS ({absent}) SELECT s.person_id, s.permit_id, '-' AS alert_key, s.first_known_time AS alert_at, s.record AS records \
             FROM s JOIN s AS t ON t.person_id = s.person_id"
        );
        assert!(refusal(text.clone()).starts_with("it asserts an absence"));
        let text = text
            .replace("s.first_known_time AS alert_at", "s.first_known_time AS alert_at, s.first_known_time AS due_at");
        assert_eq!(steps_of(&planned(Some(&text)).unwrap(), "employment-ended"), ["s"]);
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

//! Proves and judges a text: as it runs, with its repeated steps in tables of their own; and only if that fails as its author wrote it,
//! with each step in each place. A refusal points into the text as written.

use datafusion::logical_expr::LogicalPlan;

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::proofs::columns::check_output;
use crate::proofs::isolation::{Known, Proved};
use crate::proofs::refusal::CheckError;
use crate::rules::plan::{PlanError, Planner, Problem, Role, Shared, Text};

impl Planner {
    /// A rule that passes all checks.
    pub(super) async fn accepted(&mut self, file: &RuleFile) -> Result<Text, PlanError> {
        let text = self.prove(Role::Rule(file), &file.sql).await;
        text.map_err(|problem| problem.of("rule", &file.header.id))
    }

    pub(super) async fn prove(&mut self, role: Role<'_>, sql: &str) -> Result<Text, Problem> {
        let statement = self.statement(sql)?;
        let Some(Shared { sql: shared, known, found }) = self.share_steps(role.name(), sql).await else {
            let plan = self.logical(statement, sql).await?;
            let proved = self.known.prove(&plan)?;
            self.judged(role, &plan, &proved)?;
            return Ok(Text { sql: sql.to_owned(), plan, proved });
        };
        if let Ok(mut text) = self.prove_derived(&known, shared.clone()).await {
            text.proved.flow.found.extend(found);
            if self.judged(role, &text.plan, &text.proved).is_ok() {
                return Ok(text);
            }
        }
        let plan = self.logical(statement, sql).await?;
        let proved = self.known.prove(&plan)?;
        self.judged(role, &plan, &proved)?;
        let plan = self.context.state().create_logical_plan(&shared).await?;
        let plan = self.context.state().optimize(&plan)?;
        Ok(Text { sql: shared, plan, proved })
    }

    /// Proves a text that was made of an author's.
    pub(super) async fn prove_derived(&self, known: &Known, sql: String) -> Result<Text, Problem> {
        let plan = self.logical(self.parse(&sql)?, &sql).await?;
        let proved = known.prove(&plan)?;
        Ok(Text { sql, plan, proved })
    }

    /// Whether a rule's output is an alert's, and the text keeps to the safeguards.
    fn judged(&self, role: Role<'_>, plan: &LogicalPlan, proved: &Proved) -> Result<(), CheckError> {
        let mut found = Vec::new();
        let mut note =
            |result: Result<(), CheckError>| found.extend(result.err().into_iter().flat_map(|error| error.0));
        if let Role::Rule(file) = role {
            let subject = file.header.subject_column();
            note(check_output(plan, &|table| self.step(table), proved, subject));
        }
        if let Some(judge) = &self.judge {
            note(match role {
                Role::Rule(file) => judge.rule(file, plan, &proved.flow),
                Role::View(name) => judge.view(name, &proved.flow),
                Role::Link(table) => judge.link(table, plan, &proved.flow),
            });
        }
        CheckError::unless_none(found, ())
    }

    /// The plan of a step that has a table.
    fn step(&self, table: &str) -> Option<&LogicalPlan> {
        let at = *self.view_by_name.get(table)?;
        self.views[at].is_step.then(|| &self.declared[at])
    }

    /// The rules that are refused, each for itself; the views must be sound.
    pub(in crate::rules) async fn refused(
        mut self,
        catalogue: &Catalogue,
    ) -> Result<Vec<(String, PlanError)>, PlanError> {
        for file in self.view_order(&catalogue.views)? {
            self.declare_view(file).await?;
        }
        let mut refused = Vec::new();
        for file in &catalogue.rules {
            if let Err(error) = self.accepted(file).await {
                refused.push((file.header.id.clone(), error));
            }
        }
        Ok(refused)
    }
}

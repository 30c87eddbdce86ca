//! Checks of a rule as its author wrote it: its plan, its output, and the safeguards.

use datafusion::logical_expr::LogicalPlan;

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::proofs::columns::check_output;
use crate::rules::plan::{PlanError, Planner};

impl Planner {
    /// The optimised plan of a rule that passes all checks.
    pub(super) async fn accepted(&self, file: &RuleFile) -> Result<LogicalPlan, PlanError> {
        let id = &file.header.id;
        let plan = self.logical("rule", id, &file.sql).await?;
        let refused = |source| PlanError::Check { what: "rule", name: id.clone(), source };
        let proved = self.known.prove(&plan).map_err(refused)?;
        check_output(&plan, &proved.carried, file.header.subject.as_deref().unwrap_or("permit_id")).map_err(refused)?;
        if let Some(judge) = &self.judge {
            judge.rule(file, &plan, &proved.flow).map_err(refused)?;
        }
        Ok(plan)
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

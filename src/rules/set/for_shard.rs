//! Copies a set of rules for another shard without planning again: the same plans over slots of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use datafusion::error::DataFusionError;

use crate::catalogue::Catalogue;
use crate::rules::plan::PlanError;
use crate::rules::planned::{BaseTable, PlannedLink, PlannedRule, PlannedView, Query};
use crate::rules::set::{RuleSet, runtime};
use crate::sql::budget::{Budget, CALL_BUDGET, limited};
use crate::sql::slots::Slot;

/// The parts of a set that each shard must have for itself.
struct ShardParts<'a> {
    slots: BTreeMap<&'a str, Arc<Slot>>,
    budget: Arc<Budget>,
}

impl RuleSet {
    /// Plans once, and returns one set for each of `shards` shards.
    pub fn plan_for(catalogue: &Catalogue, shards: usize) -> Result<Vec<RuleSet>, PlanError> {
        let first = RuleSet::plan(catalogue)?;
        let mut others = (1..shards).map(|_| first.for_shard()).collect::<Result<Vec<_>, _>>()?;
        others.push(first);
        Ok(others)
    }

    /// The same rules for another shard. Of the slots, only the calendars, which never change, are shared.
    pub fn for_shard(&self) -> Result<RuleSet, PlanError> {
        let bases = self.bases.iter().map(|base| &base.slot);
        let slots = bases.chain(self.views.iter().map(|view| &view.slot)).chain([&self.rule_rows]);
        let own = ShardParts {
            slots: slots.map(|slot| (slot.name.as_str(), slot.anew())).collect(),
            budget: Budget::new(CALL_BUDGET),
        };
        let failed = |error: DataFusionError| PlanError::Session(Box::new(error));
        let base = |base: &BaseTable| BaseTable {
            slot: own.slot(&base.slot),
            demand: base.demand.clone(),
            users: base.users.clone(),
            ..*base
        };
        Ok(RuleSet {
            rules: self.rules.iter().map(|rule| own.rule(rule)).collect::<Result<_, _>>().map_err(failed)?,
            views: self.views.iter().map(|view| own.view(view)).collect::<Result<_, _>>().map_err(failed)?,
            links: self.links.iter().map(|link| own.link(link)).collect::<Result<_, _>>().map_err(failed)?,
            bases: self.bases.iter().map(base).collect(),
            cancellers: self.cancellers,
            corroborations: self.corroborations,
            shared_tables: self.shared_tables,
            rule_rows: own.slot(&self.rule_rows),
            budget: Arc::clone(&own.budget),
            needs: self.needs.clone(),
            needed: Arc::clone(&self.needed),
            link_fingerprint: self.link_fingerprint.clone(),
            task: limited(&self.task).map_err(failed)?,
            runtime: runtime()?,
            tolerated: Mutex::default(),
            profile: Mutex::default(),
        })
    }
}

impl ShardParts<'_> {
    fn slot(&self, of: &Arc<Slot>) -> Arc<Slot> {
        Arc::clone(self.slots.get(of.name.as_str()).unwrap_or(of))
    }

    fn rule(&self, rule: &PlannedRule) -> Result<PlannedRule, DataFusionError> {
        Ok(PlannedRule {
            file: rule.file.clone(),
            fingerprint: rule.fingerprint.clone(),
            wording: rule.wording.clone(),
            tables: rule.tables,
            shown: rule.shown,
            feeds: rule.feeds,
            cancellers: rule.cancellers,
            query: self.query(&rule.query)?,
        })
    }

    fn link(&self, link: &PlannedLink) -> Result<PlannedLink, DataFusionError> {
        Ok(PlannedLink { query: self.query(&link.query)?, ..*link })
    }

    fn query(&self, query: &Query) -> Result<Query, DataFusionError> {
        Ok(Query {
            views: query.views.clone(),
            demands: query.demands.clone(),
            late: query.late,
            plan: query.plan.over(&self.slots, &self.budget)?,
        })
    }

    fn view(&self, view: &PlannedView) -> Result<PlannedView, DataFusionError> {
        Ok(PlannedView {
            slot: self.slot(&view.slot),
            is_step: view.is_step,
            columns: view.columns.clone(),
            plan: view.plan.as_ref().map(|plan| plan.over(&self.slots, &self.budget)).transpose()?,
            views: view.views.clone(),
            demands: view.demands.clone(),
            tables: view.tables,
            late: view.late,
            users: view.users.clone(),
        })
    }
}

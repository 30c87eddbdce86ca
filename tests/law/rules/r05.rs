//! R05, salary below what was offered (UtlL 6 kap. 2 § first paragraph 2): over full months, the mean of six below 95 per cent of the
//! offer and three of the six below 90 is weak; the mean of three below 80 per cent medium.

use crate::calendar::Day;
use crate::facts::Known;
use crate::pay::full_months;
use crate::rules::{Finding, Rule, Severity};

const CLASSES: &[&str] = &["WORK_EMP", "ICT", "SEASONAL"];

pub const RULE: Rule = Rule { number: "R05", id: "salary-below-offered", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        let Some(offered) = permit.offered_sek.filter(|_| CLASSES.contains(&permit.permit_class)) else { continue };
        let pay: Vec<i64> = full_months(p, holding, day).iter().map(|month| month.counts(offered)).collect();
        let last = |months: usize| pay.len().checked_sub(months).map(|from| &pay[from..]);
        let medium = last(3).is_some_and(|of| of.iter().sum::<i64>() * 100 < 3 * 80 * offered);
        let weak = last(6).is_some_and(|of| {
            of.iter().sum::<i64>() * 100 < 6 * 95 * offered
                && of.iter().filter(|pay| **pay * 100 < 90 * offered).count() >= 3
        });
        let severity = match (medium, weak) {
            (true, _) => Severity::Medium,
            (_, true) => Severity::Weak,
            _ => continue,
        };
        out.push(Finding { subject: permit.permit_id.clone(), severity });
    }
    out
}

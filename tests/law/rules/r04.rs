//! R04, salary below the livelihood requirement (UtlL 6 kap. 2 § first paragraph 1, 7 kap. 7 e §; UF 5 kap. 8 a §): over full months,
//! the mean of the last three below 95 per cent of the permit's own floor is weak, the second such month in a row medium; the mean
//! of six below 85 per cent strong.

use crate::calendar::Day;
use crate::facts::Known;
use crate::pay::{floor, full_months};
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule = Rule { number: "R04", id: "salary-below-floor", classes: &["WORK_EMP"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        let Some(floor) = floor(permit).filter(|_| permit.permit_class == "WORK_EMP") else { continue };
        let pay: Vec<i64> = full_months(p, holding, day).iter().map(|month| month.counts(floor)).collect();
        // Sums of the last months, so many of them, ending so many months back.
        let sum = |months: usize, back: usize| {
            let end = pay.len().checked_sub(back)?;
            Some(pay[end.checked_sub(months)?..end].iter().sum::<i64>())
        };
        let low = |back: usize| sum(3, back).is_some_and(|sum| sum * 100 < 3 * 95 * floor);
        let severity = if sum(6, 0).is_some_and(|sum| sum * 100 < 6 * 85 * floor) {
            Severity::Strong
        } else if low(0) && low(1) {
            Severity::Medium
        } else if low(0) {
            Severity::Weak
        } else {
            continue;
        };
        out.push(Finding { subject: permit.permit_id.clone(), severity });
    }
    out
}

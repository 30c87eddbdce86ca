//! R06, salary below the EU Blue Card's threshold (UtlL 6 a kap. 12 § first paragraph 4): over full months, the mean of six below 97
//! per cent of the card's own threshold; not where the mean of twelve reaches it (bonuses). Declared pay stands in for agreed pay, so
//! it is weak.

use crate::calendar::Day;
use crate::facts::Known;
use crate::pay::full_months;
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule =
    Rule { number: "R06", id: "blue-card-salary-low", classes: &["BLUE_CARD"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        let Some(threshold) = permit.threshold_sek.filter(|_| permit.permit_class == "BLUE_CARD") else { continue };
        let pay: Vec<i64> = full_months(p, holding, day).iter().map(|month| month.counts(threshold)).collect();
        let sum = |months: usize| pay.len().checked_sub(months).map(|from| pay[from..].iter().sum::<i64>());
        let low = sum(6).is_some_and(|sum| sum * 100 < 6 * 97 * threshold);
        let over_the_year = sum(12).is_some_and(|sum| sum >= 12 * threshold);
        if low && !over_the_year {
            out.push(Finding { subject: permit.permit_id.clone(), severity: Severity::Weak });
        }
    }
    out
}

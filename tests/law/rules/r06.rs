//! R06, salary below the EU Blue Card's threshold (UtlL 6 a kap. 12 § first paragraph 4): over full months, the mean of six below 97
//! per cent of the card's own threshold; not where the mean of twelve reaches it (bonuses). Declared pay stands in for agreed pay, so
//! it is weak.

use crate::calendar::Day;
use crate::facts::Known;
use crate::pay::{FullMonth, judge};
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule =
    Rule { number: "R06", id: "blue-card-salary-low", classes: &["BLUE_CARD"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if permit.permit_class != "BLUE_CARD" {
            continue;
        }
        if let Some(severity) = judge(p, holding, day, |of, full| severity(full, of.threshold_sek?)) {
            out.push(Finding { subject: permit.permit_id.clone(), severity });
        }
    }
    out
}

fn severity(full: &[FullMonth], threshold: i64) -> Option<Severity> {
    let pay: Vec<i64> = full.iter().map(|month| month.counts(threshold)).collect();
    let sum = |months: usize| pay.len().checked_sub(months).map(|from| pay[from..].iter().sum::<i64>());
    let low = sum(6).is_some_and(|sum| sum * 100 < 6 * 97 * threshold);
    let over_the_year = sum(12).is_some_and(|sum| sum >= 12 * threshold);
    (low && !over_the_year).then_some(Severity::Weak)
}

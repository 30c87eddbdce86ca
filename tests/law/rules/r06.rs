//! R06, salary below the EU Blue Card's threshold (UtlL 6 a kap. 12 § first paragraph 4): over full months, the mean of six below 97
//! per cent of the card's own threshold; not where the mean of twelve reaches it (bonuses). Declared pay stands in for agreed pay, so
//! it is weak.

use crate::calendar::Day;
use crate::facts::Known;
use crate::pay::{FullMonth, below, judge, last};
use crate::rules::{Finding, Rule, Severity};

/// Per cent of the threshold.
const TOLERANCE: i64 = 97;

pub const RULE: Rule =
    Rule { number: "R06", id: "blue-card-salary-low", classes: &["BLUE_CARD"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if permit.permit_class != "BLUE_CARD" {
            continue;
        }
        if let Some(severity) = judge(p, holding, day, |of| of.threshold_sek, severity) {
            out.push(Finding { subject: permit.permit_id.clone(), severity });
        }
    }
    out
}

fn severity(full: &[FullMonth]) -> Option<Severity> {
    let low = last(full, 6).is_some_and(|of| below(of, TOLERANCE));
    let over_the_year = last(full, 12).is_some_and(|of| !below(of, 100));
    (low && !over_the_year).then_some(Severity::Weak)
}

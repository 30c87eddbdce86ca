//! R05, salary below what was offered (UtlL 6 kap. 2 § first paragraph 2): over full months, the mean of six below 95 per cent of the
//! offer and three of the six below 90 is weak; the mean of three below 80 per cent medium.

use crate::calendar::Day;
use crate::facts::Known;
use crate::pay::{FullMonth, below, judge, last, shifted};
use crate::rules::{Finding, Rule, Severity};

const CLASSES: &[&str] = &["WORK_EMP", "ICT", "SEASONAL"];

/// Per cent of the offer.
const TOLERANCE: i64 = 95;

pub const RULE: Rule = Rule { number: "R05", id: "salary-below-offered", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if !CLASSES.contains(&permit.permit_class) {
            continue;
        }
        let found = judge(p, holding, day, |of| of.offered_sek, |full| severity(p, full));
        let Some(severity) = found else { continue };
        out.push(Finding { subject: permit.permit_id.clone(), severity });
    }
    out
}

fn severity(p: &Known<'_>, full: &[FullMonth]) -> Option<Severity> {
    if last(full, 3).is_some_and(|of| below(of, 80)) {
        Some(if shifted(p, full, TOLERANCE) { Severity::Weak } else { Severity::Medium })
    } else if last(full, 6)
        .is_some_and(|of| below(of, TOLERANCE) && of.iter().filter(|month| month.below(90)).count() >= 3)
    {
        Some(Severity::Weak)
    } else {
        None
    }
}

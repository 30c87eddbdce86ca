//! R04, salary below the livelihood requirement (UtlL 6 kap. 2 § first paragraph 1, 7 kap. 7 e §; UF 5 kap. 8 a §): over full months,
//! the mean of the last three below 95 per cent of the permit's own floor is weak, the second such month in a row medium; where besides
//! the mean of six is below 85 per cent, strong. One bad month among three is no breach; pay that the next month makes up for (1.8 times
//! the last or more, and both together enough) is weak at most.

use crate::calendar::Day;
use crate::facts::Known;
use crate::pay::{FullMonth, below, floor, judge, last, shifted};
use crate::rules::{Finding, Rule, Severity};

/// Per cent of the requirement.
const TOLERANCE: i64 = 95;

pub const RULE: Rule = Rule { number: "R04", id: "salary-below-floor", classes: &["WORK_EMP"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if permit.permit_class != "WORK_EMP" {
            continue;
        }
        if let Some(severity) = judge(p, holding, day, floor, |full| severity(p, full)) {
            out.push(Finding { subject: permit.permit_id.clone(), severity });
        }
    }
    out
}

fn severity(p: &Known<'_>, full: &[FullMonth]) -> Option<Severity> {
    let low = |full: &[FullMonth]| {
        last(full, 3)
            .is_some_and(|of| below(of, TOLERANCE) && of.iter().filter(|month| month.below(TOLERANCE)).count() >= 2)
    };
    if !low(full) {
        return None;
    }
    Some(if shifted(p, full, TOLERANCE) {
        Severity::Weak
    } else if last(full, 6).is_some_and(|of| below(of, 85)) {
        Severity::Strong
    } else if low(&full[..full.len() - 1]) {
        Severity::Medium
    } else {
        Severity::Weak
    })
}

//! R04, salary below the livelihood requirement (UtlL 6 kap. 2 § first paragraph 1, 7 kap. 7 e §; UF 5 kap. 8 a §): over full months,
//! the mean of the last three below 95 per cent of the permit's own floor is weak, the second such month in a row medium; where besides
//! the mean of six is below 85 per cent, strong. One bad month among three is no breach; pay that the next month makes up for (1.8 times
//! the last or more) is weak at most.

use crate::calendar::Day;
use crate::facts::Known;
use crate::pay::{FullMonth, floor, judge, shifted};
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule = Rule { number: "R04", id: "salary-below-floor", classes: &["WORK_EMP"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if permit.permit_class != "WORK_EMP" {
            continue;
        }
        if let Some(severity) = judge(p, holding, day, |of, full| severity(p, full, floor(of)?)) {
            out.push(Finding { subject: permit.permit_id.clone(), severity });
        }
    }
    out
}

fn severity(p: &Known<'_>, full: &[FullMonth], floor: i64) -> Option<Severity> {
    // The last months, so many of them, ending so many months back.
    let last = |months: usize, back: usize| {
        let end = full.len().checked_sub(back)?;
        Some(&full[end.checked_sub(months)?..end])
    };
    let sum = |of: &[FullMonth]| of.iter().map(|month| month.counts(floor)).sum::<i64>();
    let low = |back: usize| {
        last(3, back).is_some_and(|of| {
            let bad = of.iter().filter(|month| month.counts(floor) * 100 < 95 * floor).count();
            sum(of) * 100 < 3 * 95 * floor && bad >= 2
        })
    };
    if !low(0) {
        return None;
    }
    Some(if shifted(p, full) {
        Severity::Weak
    } else if last(6, 0).is_some_and(|of| sum(of) * 100 < 6 * 85 * floor) {
        Severity::Strong
    } else if low(1) {
        Severity::Medium
    } else {
        Severity::Weak
    })
}

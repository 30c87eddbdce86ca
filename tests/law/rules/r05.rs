//! R05, salary below what was offered (UtlL 6 kap. 2 § first paragraph 2): over full months, the mean of six below 95 per cent of the
//! offer and three of the six below 90 is weak; the mean of three below 80 per cent medium.

use crate::calendar::Day;
use crate::facts::Known;
use crate::pay::{FullMonth, judge, shifted};
use crate::rules::{Finding, Rule, Severity};

const CLASSES: &[&str] = &["WORK_EMP", "ICT", "SEASONAL"];

pub const RULE: Rule = Rule { number: "R05", id: "salary-below-offered", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if !CLASSES.contains(&permit.permit_class) {
            continue;
        }
        let Some(severity) = judge(p, holding, day, |of, full| severity(p, full, of.offered_sek?)) else { continue };
        out.push(Finding { subject: permit.permit_id.clone(), severity });
    }
    out
}

fn severity(p: &Known<'_>, full: &[FullMonth], offered: i64) -> Option<Severity> {
    let pay: Vec<i64> = full.iter().map(|month| month.counts(offered)).collect();
    let last = |months: usize| pay.len().checked_sub(months).map(|from| &pay[from..]);
    let sum = |of: &[i64]| of.iter().sum::<i64>();
    let below = |of: &[i64], share: i64| of.iter().filter(|pay| **pay * 100 < share * offered).count();
    if last(3).is_some_and(|of| sum(of) * 100 < 3 * 80 * offered) {
        Some(if shifted(p, full) { Severity::Weak } else { Severity::Medium })
    } else if last(6).is_some_and(|of| sum(of) * 100 < 6 * 95 * offered && below(of, 90) >= 3) {
        Some(Severity::Weak)
    } else {
        None
    }
}

//! R29, declarations filled in before an extension (UtlL 6 kap. 4 a §): three or more months that were first declared more than 45 days
//! after they were due, or corrected upwards across the floor, all known within 90 days of the application for an extension. Weak.

use crate::calendar::Day;
use crate::facts::{Known, Permit, Seen};
use crate::pay::floor;
use crate::rules::{Finding, Rule, Severity};

const CLASSES: &[&str] = &["WORK_EMP", "BLUE_CARD"];

pub const RULE: Rule = Rule { number: "R29", id: "declarations-backfilled", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, _day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if !CLASSES.contains(&permit.permit_class) {
            continue;
        }
        let applications = p.applications.iter().map(|application| application.filed_on);
        let later = p.permits.iter().filter(|other| other.valid_from > permit.valid_from);
        let applications = applications.chain(later.filter_map(|other| other.application_on));
        let within = applications.filter(|&filed| holding.holds(filed));
        let backfilled = within.map(|filed| backfilled(p, permit, holding.valid_from, filed)).max();
        if backfilled.is_some_and(|months| months >= 3) {
            out.push(Finding { subject: permit.permit_id.clone(), severity: Severity::Weak });
        }
    }
    out
}

/// The months under the permit that were filled in around an application.
fn backfilled(p: &Known<'_>, permit: &Seen<Permit>, from: Day, filed: Day) -> usize {
    let requirement = floor(permit).or(permit.threshold_sek).unwrap_or(i64::MAX);
    let near = |day: Day| (day - filed).abs() <= 90;
    let mut months: Vec<Day> = Vec::new();
    for (at, version) in p.payment_versions.iter().enumerate() {
        if version.kind != "salary" || version.month < from.month() || version.op == crate::facts::Op::Retract {
            continue;
        }
        let before = at.checked_sub(1).map(|at| &p.payment_versions[at]).filter(|before| before.key == version.key);
        let late = before.is_none() && version.amount_sek > 0 && version.known.day() > due(version.month) + 45;
        let raised = before.is_some_and(|b| b.amount_sek < requirement && version.amount_sek >= requirement);
        if (late || raised) && near(version.known.day()) {
            months.push(version.month);
        }
    }
    months.sort();
    months.dedup();
    months.len()
}

/// When a month's declaration is due: the 12th of the next, the 17th in January and August.
fn due(month: Day) -> Day {
    let next = month.month().add_months(1);
    let late = matches!(chrono::Datelike::month(&next.date()), 1 | 8);
    next + if late { 16 } else { 11 }
}

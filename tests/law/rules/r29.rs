//! R29, declarations filled in before an extension (UtlL 6 kap. 4 a §): three or more months that were first declared more than 45 days
//! after they were due, or corrected upwards across the floor, all known within 90 days of the application for an extension. About
//! the permit that carries; not about a renewal whose decision could weigh them all. Weak; medium where R02 or R04 has found something
//! about the permit before.

use crate::calendar::Day;
use crate::facts::{Known, Op, Permit, Seen};
use crate::pay::{carried_by, floor};
use crate::rights::Holding;
use crate::rules::{Finding, Rule, Severity, r02, r04};

const CLASSES: &[&str] = &["WORK_EMP", "BLUE_CARD"];

pub const RULE: Rule = Rule { number: "R29", id: "declarations-backfilled", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.holdings.iter().filter(|holding| holding.carries(day)) {
        let permit = &p.permits[holding.permit];
        if !CLASSES.contains(&permit.permit_class) {
            continue;
        }
        let later = p.holdings.iter().filter(|other| other.right == holding.right && !other.first_of_right);
        let applications = later.filter_map(|other| p.permits[other.permit].application_on);
        let mut applications = applications.chain(p.applications.iter().map(|application| application.filed_on));
        // To extend a permit is to apply while it is held; what was filed before the first one, that one answers.
        let extends = |filed: Day| carried_by(p, holding).any(|own| own.carries(filed));
        let found = applications.any(|filed| extends(filed) && breach(p, holding, permit, filed));
        if found {
            let subject = permit.permit_id.clone();
            // What stands at 00:00 was found before.
            let before = [&r02::RULE, &r04::RULE].into_iter().any(|rule| {
                p.group.stood.contains(&(rule.id, subject.clone()))
                    || (rule.on_day)(p, day).iter().any(|now| now.subject == subject)
            });
            out.push(Finding { subject, severity: if before { Severity::Medium } else { Severity::Weak } });
        }
    }
    out
}

/// Whether three months of the right were filled in around an application, one of them unknown when this permit was decided.
fn breach(p: &Known<'_>, holding: &Holding, permit: &Seen<Permit>, filed: Day) -> bool {
    let requirement = if permit.permit_class == "BLUE_CARD" { permit.threshold_sek } else { floor(permit) };
    let requirement = requirement.unwrap_or(i64::MAX);
    let near = |day: Day| (day - filed).abs() <= 90;
    let mut months: Vec<Day> = Vec::new();
    let mut unsettled = false;
    for (at, version) in p.payment_versions.iter().enumerate() {
        if version.kind != "salary" || version.month < holding.right_from.month() || version.op == Op::Retract {
            continue;
        }
        let before = at.checked_sub(1).map(|at| &p.payment_versions[at]).filter(|before| before.key == version.key);
        let late = before.is_none() && version.amount_sek > 0 && version.known.day() > due(version.month) + 45;
        let raised = before.is_some_and(|b| b.amount_sek < requirement && version.amount_sek >= requirement);
        if (late || raised) && near(version.known.day()) {
            months.push(version.month);
            unsettled |= !holding.settles(version.known);
        }
    }
    months.sort();
    months.dedup();
    months.len() >= 3 && unsettled
}

/// When a month's declaration is due: the 12th of the next, the 17th in January and August.
fn due(month: Day) -> Day {
    let next = month.month().add_months(1);
    let late = matches!(chrono::Datelike::month(&next.date()), 1 | 8);
    next + if late { 16 } else { 11 }
}

//! R14: no arrival after the grant.
//!
//! "at T0+6 m (12 m for FAMILY) no border/mission notice, no folkbokföring, no card pick-up, no AGI, no study event. medium.
//! cancel: permit not yet usable, later entry notice, child."

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Code, Known, Permit};
use crate::rights::posts_in_force;

const CLASSES: &[Code] = &[
    "WORK_EMP",
    "BLUE_CARD",
    "ICT",
    "SELF_EMP",
    "JOBSEEK_HQ",
    "POST_STUDY",
    "RESEARCH",
    "STUDY_HE",
    "STUDY_OTHER",
    "TRAINEE",
    "VOLUNTEER",
    "AUPAIR",
    "FAMILY_SPOUSE",
    "DEPENDANT",
];
/// What may be asked of salary statements, and of studies.
const WORKERS: &[Code] = &["WORK_EMP", "BLUE_CARD", "ICT", "SELF_EMP"];
/// What is told only of somebody who has begun to study.
const BEGUN: &[Code] =
    &["registered", "re_registered", "result", "degree", "interrupted", "leave_ended", "doctoral_employment"];
const STUDENTS: &[Code] = &["STUDY_HE", "STUDY_OTHER"];

pub const RULE: Rule = Rule { number: "R14", id: "no-arrival-after-grant", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, CLASSES) {
        // Asked of the first permit of the right, told about the one that carries.
        let first = p.holdings.iter().find(|other| other.right == holding.right).map(|first| p.permit_of(first));
        let Some(permit) = first.filter(|permit| permit.first_grant == Some(true)) else { continue };
        let family = permit.permit_class.starts_with("FAMILY");
        let due = permit.valid_from.add_months(if family { 12 } else { 6 });
        let settled = holding.settles(due.start());
        if day >= due && !settled && permit.card_issued_on.is_none() && !arrived(p, permit) {
            out.push(p.finding(holding, Severity::Medium));
        }
    }
    out
}

fn arrived(p: &Known<'_>, permit: &Permit) -> bool {
    let class = permit.permit_class;
    // What was before the application is not about this stay.
    let soonest = permit.application_on.unwrap_or(permit.valid_from);
    // Seen abroad is not seen here.
    p.border.iter().any(|b| b.direction != "seen")
        || posts_in_force(p).iter().any(|post| post.dereg_code.is_none())
        || WORKERS.contains(&class) && p.payments.iter().any(|pay| pay.kind == "salary" && pay.amount_sek > 0)
        || STUDENTS.contains(&class) && p.studies.iter().any(|s| BEGUN.contains(&s.kind) && s.event_on >= soonest)
}

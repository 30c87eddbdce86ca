//! R16: struck off the population register during a temporary permit.
//!
//! "UV, or OB while permit valid >60 d. UV medium, OB weak. cancel: re-registration, corrected decision." Held against the unbroken
//! right: what is left is counted to its last day. UV followed by OB is one matter. Struck off before the first day, and still so on
//! it: from the first day, weak.

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Code, Known};
use crate::register::{Gone, gone};
use crate::rights::Holding;

pub const CLASSES: &[Code] = &[
    "WORK_EMP",
    "BLUE_CARD",
    "ICT",
    "SEASONAL",
    "SELF_EMP",
    "JOBSEEK_HQ",
    "RESEARCH",
    "STUDY_HE",
    "TRAINEE",
    "VOLUNTEER",
    "AUPAIR",
    "POST_STUDY",
    "STUDY_OTHER",
    "FAMILY_SPOUSE",
    "FAMILY_CHILD",
    "FAMILY_OTHER",
    "DEPENDANT",
    "PROT_REFUGEE",
    "PROT_SUBSIDIARY",
    "PROT_TEMPORARY",
    "HUMANITARIAN",
];

pub const RULE: Rule =
    Rule { number: "R16", id: "temporary-permit-deregistered", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, CLASSES) {
        for gone in gone(p).iter().filter(|gone| gone.stands(day)) {
            if let Some(severity) = severity(p, holding, gone, day) {
                out.push(p.finding(holding, severity));
            }
        }
    }
    out
}

fn severity(p: &Known<'_>, holding: &Holding, gone: &Gone, day: Day) -> Option<Severity> {
    let first = gone.on.max(holding.right_from);
    let enough_left = planned_end(p, holding).is_none_or(|until| until - first > 60);
    if !enough_left || gone.back_on.is_some_and(|back| back <= first) {
        return None;
    }
    // As the register has it by now.
    let said = gone.codes.iter().rfind(|said| said.on <= day)?;
    (!holding.settles(said.known)).then_some(match said.code {
        "UV" if said.on >= holding.right_from => Severity::Medium,
        _ => Severity::Weak,
    })
}

/// The last day of the right as it was granted: that it was cut short later makes the move no smaller.
fn planned_end(p: &Known<'_>, holding: &Holding) -> Option<Day> {
    let last = p.holdings.iter().rfind(|other| other.right == holding.right)?;
    last.carries_until.and_then(|until| Some(until.max(p.permit_of(last).valid_to?)))
}

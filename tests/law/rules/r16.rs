//! R16: struck off the population register during a temporary permit.
//!
//! "UV, or OB while permit valid >60 d. UV medium, OB weak. cancel: re-registration, corrected decision." Held against the unbroken
//! right: what is left is counted to its last day. UV followed by OB is one matter. Struck off before the first day, and still so on
//! it: from the first day, weak.

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Code, Known};
use crate::register::{Gone, Said, gone};
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
    // As the register has it by now.
    let said = gone.codes.iter().rfind(|said| said.on <= day)?;
    let enough_left = planned_end(p, holding, said).is_none_or(|until| until - first > 60);
    if !enough_left || gone.back_on.is_some_and(|back| back <= first) {
        return None;
    }
    (!holding.settles_event(said.on, said.known)).then_some(match said.code {
        "UV" if said.on >= holding.right_from => Severity::Medium,
        _ => Severity::Weak,
    })
}

/// The last day of the right as it was granted: that it was cut short later makes the move no smaller, and time that a renewal adds is
/// none that was left where its decision weighed the move. An application on record kept the right open until then.
fn planned_end(p: &Known<'_>, holding: &Holding, said: &Said) -> Option<Day> {
    let of_right = || p.holdings.iter().filter(|other| other.right == holding.right);
    let weighed =
        of_right().find(|other| other.valid_from > holding.valid_from && other.settles_event(said.on, said.known));
    let last = of_right().rfind(|other| weighed.is_none_or(|weighed| other.valid_from < weighed.valid_from))?;
    if weighed.is_some() {
        let until = last.held_until?;
        let asked = p.applications.iter().any(|a| last.valid_from <= a.filed_on && a.filed_on <= until);
        return if asked { None } else { Some(until.max(p.permit_of(last).valid_to?)) };
    }
    last.carries_until.and_then(|until| Some(until.max(p.permit_of(last).valid_to?)))
}

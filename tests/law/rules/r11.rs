//! R11: studies interrupted.
//!
//! "programme-level Avbrott/Återbud/Återkallad registrering and no other active registration >=15 hp within 30 d: medium. cancel:
//! approved studieuppehåll, switch of programme, graduation, transfer." Held against the unbroken right.

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Known, Seen, Study};

pub const RULE: Rule = Rule { number: "R11", id: "study-interrupted", classes: &["STUDY_HE"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, &["STUDY_HE"]) {
        for stop in
            p.studies.iter().filter(|s| matches!(s.kind, "interrupted" | "returned_offer" | "withdrawn_registration"))
        {
            let due = stop.event_on + 30;
            if day < due
                || !holding.right_covers(stop.event_on)
                || holding.settles_event(stop.event_on, stop.first_known)
            {
                continue;
            }
            if !goes_on(p, stop) && !excused(p, stop, day) {
                out.push(p.finding(holding, Severity::Medium));
            }
        }
    }
    out
}

/// Registrations elsewhere, or later ones, that together make half a term.
fn goes_on(p: &Known<'_>, stop: &Seen<Study>) -> bool {
    let others = p.studies.iter().filter(|s| {
        matches!(s.kind, "registered" | "re_registered")
            && (s.institution_id != stop.institution_id || s.event_on >= stop.event_on)
            && s.ends_on.is_none_or(|end| end >= stop.event_on)
    });
    others.map(|s| s.credits_tenths.unwrap_or(0)).sum::<i64>() >= 150
}

fn excused(p: &Known<'_>, stop: &Seen<Study>, day: Day) -> bool {
    p.studies.iter().any(|s| match s.kind {
        "degree" => s.event_on <= day,
        "leave_granted" => s.starts_on.unwrap_or(s.event_on) <= day && s.ends_on.is_none_or(|end| end >= stop.event_on),
        _ => false,
    })
}

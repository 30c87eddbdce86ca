//! R10: no registration for studies.
//!
//! "for each term overlapping validity: no registration at any institution by term_start+30 d: weak; +60 d: strong. cancel/lower:
//! deferred start, late arrival because permit delayed (permit decision <21 d before start: shift deadline), exchange out, doctoral
//! student, degree completed, other form of study." A term missed and followed by a registered one is fulfilled.

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Code, Known, Seen, Study, Term};

const CLASSES: &[Code] = &["STUDY_HE", "STUDY_OTHER"];

pub const RULE: Rule = Rule { number: "R10", id: "study-not-registered", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, CLASSES) {
        let permit = &p.permits[holding.permit];
        let unseen = permit
            .institution_id
            .as_ref()
            .and_then(|id| p.group.institutions.get(id))
            .is_some_and(|i| !i.reports_studies);
        if unseen {
            continue;
        }
        for term in &p.group.terms {
            // Of a term that has little left when the permit begins, nothing can be asked.
            let overlaps = term.ends_on >= permit.valid_from + 60
                && holding.held_until.is_none_or(|until| term.starts_on <= until);
            if !overlaps || registered(p, term) || excused(p, term) {
                continue;
            }
            // Whose permit came late has as much longer.
            let start = term.starts_on.max(permit.valid_from);
            let start = permit.decided_on.map_or(start, |decided| start.max(decided + 21));
            if day >= start + 60 {
                out.push(p.finding(holding, Severity::Strong));
            } else if day >= start + 30 {
                out.push(p.finding(holding, Severity::Weak));
            }
        }
    }
    out
}

fn days(study: &Seen<Study>) -> (Day, Option<Day>) {
    (study.starts_on.unwrap_or(study.event_on), study.ends_on)
}

/// For the term or a later one.
fn registered(p: &Known<'_>, term: &Seen<Term>) -> bool {
    let registrations = p.studies.iter().filter(|s| matches!(s.kind, "registered" | "re_registered"));
    registrations.map(days).any(|(_, until)| until.is_none_or(|until| until >= term.starts_on))
}

fn excused(p: &Known<'_>, term: &Seen<Term>) -> bool {
    p.studies.iter().any(|s| {
        let (from, until) = days(s);
        match s.kind {
            "degree" => from <= term.ends_on,
            "doctoral_employment" | "leave_granted" | "deferred" | "exchange_out" => {
                from <= term.ends_on && until.is_none_or(|until| until >= term.starts_on)
            }
            _ => false,
        }
    })
}

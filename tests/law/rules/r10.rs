//! R10: no registration for studies.
//!
//! "for each term overlapping validity: no registration at any institution by term_start+30 d: weak; +60 d: strong. cancel/lower:
//! deferred start, late arrival because permit delayed (permit decision <21 d before start: shift deadline), exchange out, doctoral
//! student, degree completed, other form of study." A term missed and followed by a registered one is fulfilled.

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Code, Known, Seen, Study, Term};
use crate::rights::Holding;

const CLASSES: &[Code] = &["STUDY_HE", "STUDY_OTHER"];

pub const RULE: Rule = Rule { number: "R10", id: "study-not-registered", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, CLASSES) {
        let permit = p.permit_of(holding);
        let school = permit.institution_id.as_ref().and_then(|id| p.group.institutions.get(id));
        if school.is_some_and(|school| !school.reports_studies) {
            continue;
        }
        let right: Vec<&Holding> = p.holdings.iter().filter(|other| other.right == holding.right).collect();
        for term in p.group.terms.iter().filter(|term| asked_for(&right, term)) {
            if registered(p, term) || excused(p, term) {
                continue;
            }
            // Whose permit came late, by the one in force when the term began, has as much longer.
            let permit = right.iter().rfind(|permit| permit.valid_from <= term.starts_on).unwrap_or(&right[0]);
            let start = term.starts_on.max(permit.valid_from);
            let start = permit.decided_on.map_or(start, |decided| start.max(decided + 21));
            // A decision settles the deadlines that had passed.
            let passed = |due: Day| due <= day && !holding.settles(due.start());
            if passed(start + 60) {
                out.push(p.finding(holding, Severity::Strong));
            } else if passed(start + 30) {
                out.push(p.finding(holding, Severity::Weak));
            }
        }
    }
    out
}

/// Whether a term overlaps one of the permits of a right; of one that has little left when the first begins, nothing can be asked.
fn asked_for(right: &[&Holding], term: &Term) -> bool {
    right[0].valid_from + 60 <= term.ends_on
        && right.iter().any(|permit| {
            permit.valid_from <= term.ends_on && permit.held_until.is_none_or(|until| term.starts_on <= until)
        })
}

fn days(study: &Seen<Study>) -> (Day, Option<Day>) {
    (study.starts_on.unwrap_or(study.event_on), study.ends_on)
}

/// Of a term that a period only touches it says nothing: so many days it must have in it, and more.
const TOUCHED_DAYS: i32 = 14;

/// For the term or a later one.
fn registered(p: &Known<'_>, term: &Seen<Term>) -> bool {
    let registrations = p.studies.iter().filter(|s| matches!(s.kind, "registered" | "re_registered"));
    registrations.map(days).any(|(_, until)| until.is_none_or(|until| until - term.starts_on >= TOUCHED_DAYS))
}

fn excused(p: &Known<'_>, term: &Seen<Term>) -> bool {
    p.studies.iter().any(|s| {
        let (from, until) = days(s);
        match s.kind {
            "degree" => from <= term.ends_on,
            "doctoral_employment" | "leave_granted" | "deferred" | "exchange_out" => {
                let (first, last) = (from.max(term.starts_on), until.map_or(term.ends_on, |d| d.min(term.ends_on)));
                last - first >= TOUCHED_DAYS
            }
            _ => false,
        }
    })
}

//! R12: too few credits.
//!
//! "60 days after each permit-year end, attested hp < required(k). weak; medium if <50 %. cancel: studieuppehåll, certificate of
//! illness (as excused token)." 15, 22.5 and 30 hp in the first, second and later years, counted over the unbroken right: what becomes known
//! after a renewal's decision is not settled by it.

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Known, PersonKnown, Seen, Study};

pub const RULE: Rule = Rule { number: "R12", id: "study-low-progress", classes: &["STUDY_HE"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, &["STUDY_HE"]) {
        // The years of the studies run over the unbroken right, as far as permits have been granted.
        let granted = p.holdings.iter().rfind(|other| other.right == holding.right).and_then(|last| last.held_until);
        for year in 1.. {
            let from = holding.right_from.add_months(12 * (year - 1));
            let end = holding.right_from.add_months(12 * year) - 1;
            // The year is over when the next begins.
            let over = end + 1;
            // Re-examinations go on for three months after a term for which the person was registered.
            let registered = p.studies.iter().filter(|s| matches!(s.kind, "registered" | "re_registered"));
            let open = registered.filter_map(|s| ended(p, s)).any(|last| over - 30 <= last && last <= over + 60);
            let due = over + if open { 90 } else { 60 };
            if due > day || granted.is_some_and(|until| end > until) {
                break;
            }
            if holding.settles(due.start()) {
                continue;
            }
            let required = match year {
                1 => 150,
                2 => 225,
                _ => 300,
            };
            if excused(p, from, end) || finished(p, from, end) {
                continue;
            }
            let results = p.studies.iter().filter(|s| s.kind == "result" && from <= s.event_on && s.event_on <= due);
            let attested: i64 = results.map(|s| s.credits_tenths.unwrap_or(0)).sum();
            // An excused month is one in which enough was done.
            let excused =
                p.excused_months.iter().filter(|month| from.month() <= **month && **month <= end).count() as i64;
            let required = required * (12 - excused.min(12));
            let attested = attested * 12;
            if attested * 2 < required {
                out.push(p.finding(holding, Severity::Medium));
            } else if attested < required {
                out.push(p.finding(holding, Severity::Weak));
            }
        }
    }
    out
}

fn excused(p: &PersonKnown, from: Day, end: Day) -> bool {
    p.studies.iter().any(|s| {
        let (first, last) = (s.starts_on.unwrap_or(s.event_on), s.ends_on);
        match s.kind {
            "doctoral_employment" | "leave_granted" | "exchange_out" | "deferred" => {
                first <= end && last.is_none_or(|last| last >= from)
            }
            _ => false,
        }
    })
}

/// The day on which what somebody registered for is over: its last, or the one on which they stopped.
fn ended(p: &PersonKnown, registration: &Seen<Study>) -> Option<Day> {
    let stops = p.studies.iter().filter(|s| {
        matches!(s.kind, "interrupted" | "returned_offer" | "withdrawn_registration")
            && s.institution_id == registration.institution_id
            // One of the same day came before it: a change of programme.
            && s.event_on > registration.event_on
    });
    registration.ends_on.into_iter().chain(stops.map(|s| s.event_on)).min()
}

/// Whether, after a degree, nothing was begun anew until the year had begun.
fn finished(p: &PersonKnown, from: Day, end: Day) -> bool {
    p.studies.iter().filter(|s| s.kind == "degree" && s.event_on <= end).any(|degree| {
        let next = p
            .studies
            .iter()
            .filter(|s| matches!(s.kind, "registered" | "re_registered") && s.event_on > degree.event_on);
        next.map(|s| s.event_on).min().is_none_or(|next| next >= from)
    })
}

//! R19: a passport of the country that the protection was tested against.
//!
//! "document.issuing_state in {tested_country} and (issue_date > status_date or used while resedokument/främlingspass valid).
//! medium; strong with R18." For subsidiary protection: info. Held against the status.

use super::r18;
use super::{Finding, Rule, Severity};
use crate::calendar::{At, Day};
use crate::facts::{Code, Known, PersonKnown};

const CLASSES: &[Code] = &["PROT_REFUGEE", "PROT_SUBSIDIARY"];

pub const RULE: Rule = Rule { number: "R19", id: "protected-home-passport", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, CLASSES) {
        for status in p.statuses.iter().filter(|s| s.ended_on.is_none_or(|ended| ended >= day)) {
            let seen = p.border.iter().filter(|b| {
                b.doc_kind == Some("P")
                    && b.doc_issuer == Some(status.tested_country)
                    && b.observed_on <= day
                    && b.observed_on > status.declared_on
                    && (b.doc_issued_on.is_some_and(|on| on > status.declared_on) || has_own(p, b.observed_on))
            });
            let seen: Vec<At> = seen.map(|b| b.first_known).collect();
            // Of a refugee a visit that the decision could not know makes of the use, which it knew, something that it did not.
            let visits = if status.status_kind == "refugee" { r18::visits(p, status, day) } else { Vec::new() };
            let mut unexcused = visits.iter().filter(|visit| !visit.light && !visit.explained);
            let visited = unexcused.any(|visit| !holding.settles_event(visit.from, visit.known));
            if seen.is_empty() || (seen.iter().all(|known| holding.settles(*known)) && !visited) {
                continue;
            }
            let severity = match status.status_kind {
                "refugee" if !r18::visits(p, status, day).is_empty() => Severity::Strong,
                "refugee" => Severity::Medium,
                _ => Severity::Info,
            };
            out.push(p.finding(holding, severity));
        }
    }
    out
}

/// Whether a Swedish travel document was valid on a day.
fn has_own(p: &PersonKnown, day: Day) -> bool {
    p.documents.iter().any(|d| {
        matches!(d.kind, "RD" | "FP")
            && d.valid_from.is_none_or(|from| from <= day)
            && d.valid_to.is_none_or(|to| day <= to)
            && d.revoked_on.is_none_or(|revoked| day < revoked)
    })
}

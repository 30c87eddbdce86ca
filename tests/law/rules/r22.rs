//! R22: false or double identity.
//!
//! "(a) Avregistrering FI: strong; (b) two dossiers linked to one number, or one travel document number+issuer on >=2 identity
//! clusters, both with valid permits: medium; (c) samordningsnummer identity level osäker with permit requiring established identity:
//! info."

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Code, Known, PersonKnown};
use crate::register::struck_off_on;
use crate::rights::posts_in_force;

/// Permits that are granted though nobody can prove who they are.
const IDENTITY_OPEN: &[Code] =
    &["PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN", "PERMANENT", "LTR_EU"];

pub const RULE: Rule = Rule { number: "R22", id: "false-or-duplicate-identity", classes: &[], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    let posts = posts_in_force(p);
    let last = posts.last().filter(|post| post.dereg_code == Some("FI") && struck_off_on(post) <= day);
    let others: Vec<(&PersonKnown, Day)> = p
        .group
        .persons
        .iter()
        .filter(|other| other.id != p.id)
        .filter_map(|other| shared_since(p.me, other, day).map(|since| (other, since)))
        .collect();
    let unsure = p.identities.iter().any(|i| {
        i.number_kind == "coordination"
            && i.level == Some("unsure")
            && i.linked_on <= day
            && i.ended_on.is_none_or(|on| on > day)
    });
    for holding in p.holdings.iter().filter(|h| h.carries(day)) {
        if last.is_some_and(|post| !holding.settles(post.known)) {
            out.push(p.finding(holding, Severity::Strong));
        }
        // Both with a valid permit on some day since.
        let at_once = others.iter().any(|(other, since)| {
            other.holdings.iter().any(|theirs| {
                let from = theirs.valid_from.max(holding.valid_from).max(*since);
                from <= day
                    && theirs.held_until.is_none_or(|until| until >= from)
                    && holding.held_until.is_none_or(|until| until >= from)
            })
        });
        if at_once {
            out.push(p.finding(holding, Severity::Medium));
        }
        if unsure && !IDENTITY_OPEN.contains(&p.permit_of(holding).permit_class) {
            out.push(p.finding(holding, Severity::Info));
        }
    }
    out
}

/// Since when two persons have had a number or a document in common.
fn shared_since(one: &PersonKnown, other: &PersonKnown, day: Day) -> Option<Day> {
    let numbers = numbers(one, day).into_iter().flat_map(|(number, on)| {
        let theirs = self::numbers(other, day).into_iter().filter(move |(same, _)| *same == number);
        theirs.map(move |(_, since)| on.max(since))
    });
    let documents =
        one.documents.iter().filter(|d| other.documents.iter().any(|same| same.document_key == d.document_key));
    numbers.chain(documents.map(|_| Day(i32::MIN))).min()
}

fn numbers(p: &PersonKnown, day: Day) -> Vec<(&str, Day)> {
    let linked = p.identities.iter().filter(|i| i.linked_on <= day && i.ended_on.is_none_or(|on| on > day));
    linked.map(|i| (i.number.as_str(), i.linked_on)).collect()
}

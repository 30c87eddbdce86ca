//! R22: false or double identity.
//!
//! "(a) Avregistrering FI: strong; (b) two dossiers linked to one number, or one travel document number+issuer on >=2 identity
//! clusters, both with valid permits: medium; (c) samordningsnummer identity level osäker with permit requiring established identity:
//! info."

use super::{Finding, Rule, Severity};
use crate::calendar::{At, Day};
use crate::facts::{Code, Known, PersonKnown};
use crate::register::struck_off_on;
use crate::rights::{Holding, posts_in_force};

/// Permits that are granted though nobody can prove who they are.
const IDENTITY_OPEN: &[Code] =
    &["PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY", "HUMANITARIAN", "PERMANENT", "LTR_EU"];

pub const RULE: Rule = Rule { number: "R22", id: "false-or-duplicate-identity", classes: &[], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    let posts = posts_in_force(p);
    let last = posts.last().filter(|post| post.dereg_code == Some("FI") && struck_off_on(post) <= day);
    let others: Vec<&PersonKnown> = p.group.persons.iter().filter(|other| other.id != p.id).collect();
    let unsure = p.identities.iter().filter(|i| {
        i.number_kind == "coordination"
            && i.level == Some("unsure")
            && i.linked_on <= day
            && i.ended_on.is_none_or(|on| on > day)
    });
    let unsure: Vec<At> = unsure.map(|identity| identity.first_known).collect();
    for holding in p.holdings.iter().filter(|h| h.carries(day)) {
        if last.is_some_and(|post| !holding.settles_event(struck_off_on(post), post.known)) {
            out.push(p.finding(holding, Severity::Strong));
        }
        let at_once = others
            .iter()
            .any(|other| shared(p.me, other, day).into_iter().any(|link| both_valid(holding, other, link, day)));
        if at_once {
            out.push(p.finding(holding, Severity::Medium));
        }
        let news = unsure.iter().any(|known| !holding.settles(*known));
        if news && !IDENTITY_OPEN.contains(&p.permit_of(holding).permit_class) {
            out.push(p.finding(holding, Severity::Info));
        }
    }
    out
}

/// Two persons' links with one number or document: since when both are, and when that was known.
fn shared(one: &PersonKnown, other: &PersonKnown, day: Day) -> Vec<(Day, At)> {
    let linked = |p: &PersonKnown| -> Vec<(String, Day, At)> {
        let numbers = p.identities.iter().filter(|i| i.linked_on <= day && i.ended_on.is_none_or(|on| on > day));
        let numbers = numbers.map(|i| (i.number.clone(), i.linked_on, i.first_known));
        numbers.chain(p.documents.iter().map(|d| (d.document_key.clone(), Day(i32::MIN), d.first_known))).collect()
    };
    let theirs = linked(other);
    let pairs = linked(one).into_iter().flat_map(|(what, on, known)| {
        let same: Vec<_> = theirs.iter().filter(|(same, ..)| *same == what).collect();
        same.into_iter().map(|(_, since, then)| (on.max(*since), known.max(*then))).collect::<Vec<_>>()
    });
    pairs.collect()
}

/// Both with a valid permit on some day since, and not known when the permit was decided on.
fn both_valid(holding: &Holding, other: &PersonKnown, (since, known): (Day, At), day: Day) -> bool {
    let at_once = other.holdings.iter().filter(|theirs| {
        let from = theirs.valid_from.max(holding.right_from).max(since);
        from <= day
            && theirs.carries_until.is_none_or(|until| until >= from)
            && holding.carries_until.is_none_or(|until| until >= from)
    });
    let at_once: Vec<&Holding> = at_once.collect();
    // Their renewal goes on with what was there before.
    let goes_on =
        |theirs: &Holding| at_once.iter().any(|b| b.right == theirs.right && b.valid_from < theirs.valid_from);
    let mut begun = at_once.iter().filter(|theirs| !goes_on(theirs));
    begun.any(|theirs| !holding.settles(known.max(other.permits[theirs.permit].first_known)))
}

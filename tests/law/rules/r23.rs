//! R23: the tie that a family permit rests on has ended.
//!
//! "civil status G/RP to S/SP within the temporary period: medium; separate registered addresses >=183 d: weak; either party
//! remarries: medium. cancel/lower: protected address/secrecy marking on either, widow(er) (info), re-registration together,
//! application on other ground pending, violence notice."

use super::{Finding, Rule, Severity};
use crate::calendar::{At, Day};
use crate::facts::{Code, Known, PersonKnown, Post, Seen};
use crate::rights::{Canceller, cancellers, posts_in_force};

const CLASSES: &[Code] = &["FAMILY_SPOUSE", "DEPENDANT"];

pub const RULE: Rule = Rule { number: "R23", id: "family-tie-ended", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    if p.notices.iter().any(|notice| notice.kind == "violence") {
        return out;
    }
    let other_ground = p.applications.iter().any(|a| {
        a.filed_on <= day
            && a.decided_on.is_none_or(|decided| decided > day)
            && a.permit_class.is_some_and(|class| !CLASSES.contains(&class))
    });
    for holding in p.carrying(day, CLASSES).filter(|_| !other_ground) {
        let anchor = p.anchor_of(holding);
        if anchor.is_some_and(|anchor| cancellers(anchor, day).contains(&Canceller::Protected)) {
            continue;
        }
        for (severity, on, known) in ends(p, anchor, holding.right_from, day) {
            if holding.right_covers(on) && !holding.settles(known) {
                out.push(p.finding(holding, severity));
            }
        }
    }
    out
}

fn ends(p: &Known<'_>, anchor: Option<&PersonKnown>, from: Day, day: Day) -> Vec<(Severity, Day, At)> {
    let mut out = Vec::new();
    if let Some(post) = last(p, day) {
        let on = post.civil_status_on.unwrap_or(post.event_on);
        match post.civil_status {
            Some("S" | "SP") if on <= day => out.push((Severity::Medium, on, said_since(p, post))),
            Some("Ä" | "EP") if on <= day => out.push((Severity::Info, on, said_since(p, post))),
            _ => {}
        }
    }
    let Some(anchor) = anchor else { return out };
    let (Some(own), Some(theirs)) = (last(p, day), last(anchor, day)) else { return out };
    let known = own.known.max(theirs.known);
    if let (Some(a), Some(b)) = (&own.address_key, &theirs.address_key)
        && a != b
    {
        let on = own.registered_on.unwrap_or(own.event_on).max(theirs.registered_on.unwrap_or(theirs.event_on));
        // The days of the right are counted; a decision settles them once there are enough.
        let due = on.max(from) + 183;
        if day >= due {
            out.push((Severity::Weak, on.max(from), known.max(due.start())));
        }
    }
    for (one, other) in [(own, &anchor.id), (theirs, &p.me.id)] {
        let on = one.civil_status_on.unwrap_or(one.event_on);
        let elsewhere = one.spouse_id.as_ref().is_some_and(|spouse| spouse != other);
        if matches!(one.civil_status, Some("G" | "RP")) && elsewhere && on <= day {
            out.push((Severity::Medium, on, one.known));
        }
    }
    out
}

fn last(p: &PersonKnown, day: Day) -> Option<&Seen<Post>> {
    posts_in_force(p).into_iter().rfind(|post| post.event_on <= day)
}

/// When a civil status that still is became known.
fn said_since(p: &PersonKnown, now: &Seen<Post>) -> At {
    let mut known = now.known;
    for post in posts_in_force(p).into_iter().rev().skip_while(|post| post.version != now.version) {
        if post.civil_status != now.civil_status {
            break;
        }
        known = post.known;
    }
    known
}

//! R24: the permit of the person whom a family permit depends on is gone.
//!
//! "anchor revoked with laga kraft, expired without timely application, UV or AV: one indication per dependant, medium. cancel:
//! dependant has own ground/application; anchor naturalised." Held against the dependant's unbroken right.

use super::{Finding, Rule, Severity};
use crate::calendar::{At, Day};
use crate::facts::{Code, Known, PersonKnown};
use crate::register::{gone, struck_off_on};
use crate::rights::{Canceller, Holding, answered_by, cancellers, posts_in_force};

const CLASSES: &[Code] = &["FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER", "DEPENDANT"];

pub const RULE: Rule = Rule { number: "R24", id: "anchor-permit-lost", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    // What the holder has applied for is looked into anyway.
    let pending = |holding: &&Holding| {
        let permit = p.permit_of(holding);
        let open = p.applications.iter().filter(|a| a.filed_on <= day && a.decided_on.is_none_or(|on| on > day));
        open.filter(|a| !answered_by(a, permit)).count() > 0
    };
    for holding in p.carrying(day, CLASSES).filter(|holding| !pending(holding)) {
        let Some(anchor) = p.anchor_of(holding) else { continue };
        if cancellers(anchor, day).contains(&Canceller::Naturalised) {
            continue;
        }
        let lost = losses(anchor, day)
            .into_iter()
            .any(|(on, known)| on <= day && holding.right_covers(on) && !holding.settles_event(on, known));
        if lost {
            out.push(p.finding(holding, Severity::Medium));
        }
    }
    out
}

/// The days on which an anchor's right to be here was lost, and when that became known; as it is on a day.
fn losses(anchor: &PersonKnown, day: Day) -> Vec<(Day, At)> {
    let mut out = Vec::new();
    for (at, holding) in anchor.holdings.iter().enumerate() {
        let permit = &anchor.permits[holding.permit];
        if permit.inhibited == Some(true) || anchor.holdings[at + 1..].iter().any(|next| next.valid_from <= day) {
            continue;
        }
        match (permit.end_kind, permit.revoked_final_on, holding.carries_until) {
            (Some("revoked"), lost, _) => out.extend(lost.map(|on| (on + 1, permit.known))),
            // An application filed in time may take a month to be told.
            (_, _, Some(until)) if day >= until + 32 => {
                out.push((until + 1, (until + 1).start()));
            }
            _ => {}
        }
    }
    out.extend(
        gone(anchor).iter().filter(|gone| gone.stands(day)).filter_map(|gone| gone.moved().map(|m| (m.on, m.known))),
    );
    let dead = posts_in_force(anchor).into_iter().find(|post| post.dereg_code == Some("AV"));
    out.extend(dead.map(|post| (struck_off_on(post), post.known)));
    out
}

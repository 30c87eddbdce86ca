//! O1: a revocation that was not served, or not carried out.
//!
//! "decided but not served 30/60/90 d + fresh address/employer signal: delgivning hint; laga kraft +28 d and still
//! registered/AGI/benefits: follow-up list; terminal: left, new permit, inhibition, naturalised." Without a fresh sign: info at most.
//! It is follow-up: what was disclosed for payment control it may not see.

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Code, Known, Payment, Permit, Seen};
use crate::register::{gone, struck_off_on};
use crate::rights::{Canceller, posts_in_force};

pub const RULE: Rule =
    Rule { number: "O1", id: "revocation-unserved", classes: &[], survives: &[Canceller::PermitEnded], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, holding) in p.holdings.iter().enumerate() {
        let permit = p.permit_of(holding);
        let Some(decided) = permit.revoked_on.filter(|on| *on <= day) else { continue };
        let newer = p.holdings[at + 1..].iter().any(|next| next.valid_from <= day);
        if permit.inhibited == Some(true) || newer || left(p, permit, decided, day) {
            continue;
        }
        if let Some(severity) = severity(p, permit, decided, day) {
            out.push(p.finding(holding, severity));
        }
    }
    out
}

/// Whose salary statements may be read.
const WORKERS: &[Code] = &["WORK_EMP", "BLUE_CARD", "ICT", "SEASONAL", "SELF_EMP"];

fn severity(p: &Known<'_>, permit: &Seen<Permit>, decided: Day, day: Day) -> Option<Severity> {
    let fresh = |first: Day| signs(p, permit, day).into_iter().any(|on| on >= first);
    // Whole days: on the last of them it is still in time.
    let unserved = permit.revoked_served_on.is_none_or(|served| served > day) && permit.revoked_final_on.is_none();
    if unserved && day > decided + 30 {
        return Some(match day - decided {
            61..=90 if fresh(decided) => Severity::Weak,
            91.. if fresh(decided) => Severity::Medium,
            _ => Severity::Info,
        });
    }
    let final_on = permit.revoked_final_on.filter(|on| day > *on + 28)?;
    // In the four weeks for leaving, to be here is no sign of staying.
    if fresh(final_on + 29) {
        return Some(Severity::Weak);
    }
    registered(p, day).then_some(Severity::Info)
}

fn registered(p: &Known<'_>, day: Day) -> bool {
    let posts = posts_in_force(p);
    let past = posts.iter().rfind(|post| post.dereg_code.is_none() || struck_off_on(post) <= day);
    past.is_some_and(|post| post.dereg_code.is_none())
}

/// Whether the person has left since the decision, and no later sign says otherwise.
fn left(p: &Known<'_>, permit: &Permit, decided: Day, day: Day) -> bool {
    let moves = gone(p);
    let moves = moves.iter().filter(|gone| gone.stands(day)).filter_map(|gone| gone.moved().map(|moved| moved.on));
    let exits = p.border.iter().filter(|b| b.direction == "exit" && b.doc_seen == Some(true) && b.observed_on <= day);
    let exits = exits.map(|exit| exit.observed_on);
    let last = moves.chain(exits).filter(|on| *on >= decided).max();
    last.is_some_and(|last| !signs(p, permit, day).into_iter().any(|on| on > last))
}

/// Days of fresh signs of where the person is: an address, an employer, what is paid, a journey.
fn signs(p: &Known<'_>, permit: &Permit, day: Day) -> Vec<Day> {
    // One at which the register no longer has the person is none.
    let addresses = posts_in_force(p).into_iter().filter(|post| post.dereg_code.is_none() && registered(p, day));
    let addresses = addresses.map(|post| post.registered_on.unwrap_or(post.event_on));
    let may = |pay: &Payment| match pay.kind {
        "salary" => WORKERS.contains(&permit.permit_class),
        _ => pay.is_for_follow_up(),
    };
    // Pay comes a month after the work.
    let payments = p.payments.iter().filter(|pay| may(pay)).map(|pay| match pay.kind {
        "salary" => pay.month.add_months(-1),
        _ => pay.period_from.unwrap_or(pay.month),
    });
    let journeys = p.border.iter().filter(|b| b.direction == "entry").map(|b| b.observed_on);
    addresses.chain(payments).chain(journeys).filter(|on| *on <= day).collect()
}

//! R20: a refugee has become a citizen of another country.
//!
//! "Navet Medborgarskap adds country X not in {SE, unknown, stateless}; X==former country: p.2; else p.3. medium. cancel: SE, correction
//! of code, stateless to recognised after identity clarification, state succession." Held against the status.

use super::{Finding, Rule, Severity};
use crate::calendar::{At, Day};
use crate::facts::{Known, Seen, Status};
use crate::nations::{beyond, states};
use crate::rights::posts_in_force;

pub const RULE: Rule =
    Rule { number: "R20", id: "protected-new-nationality", classes: &["PROT_REFUGEE"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, &["PROT_REFUGEE"]) {
        let refugee = |s: &&Seen<Status>| s.status_kind == "refugee" && s.ended_on.is_none_or(|ended| ended >= day);
        for status in p.statuses.iter().filter(refugee) {
            if added(p, status, day).into_iter().any(|known| !holding.settles(known)) {
                out.push(p.finding(holding, Severity::Medium));
            }
        }
    }
    out
}

/// When it became known that a citizenship had come to those that the person had, and is still there.
fn added(p: &Known<'_>, status: &Status, day: Day) -> Vec<At> {
    let posts: Vec<_> = posts_in_force(p).into_iter().filter(|post| post.event_on <= day).collect();
    let Some(last) = posts.last() else { return Vec::new() };
    let now = states(last.citizenships.as_ref());
    // Before the first post: as decided.
    let decided = p.permits.iter().find_map(|permit| permit.citizenships_at_grant.as_ref());
    let mut had = states(decided);
    let mut cleared_up = had.is_empty();
    let mut out = Vec::new();
    for post in &posts {
        let list = states(post.citizenships.as_ref());
        if list.is_empty() {
            // Stateless or unknown, by the register: what comes next clears an identity up. An empty list says nothing.
            cleared_up |= post.citizenships.as_ref().is_some_and(|list| !list.is_empty());
            continue;
        }
        let new = beyond(&list, &had);
        let still = new.iter().any(|code| *code != "SWE" && now.contains(code));
        if !cleared_up && still && post.event_on > status.declared_on {
            out.push(post.known);
        }
        cleared_up = false;
        had.extend(list);
    }
    out
}

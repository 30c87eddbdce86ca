//! R21: what the decision rested on of a person's identity has changed in the register.
//!
//! "field-wise diff of Navet vs permit snapshot, change known after grant. birth date: >=1 day info, >=365 days or crossing age 18 at
//! application: medium; >=2 fields: +1 tier." Names: fewer words in common than all of the shorter name: weak; none: medium. A
//! citizenship added: weak; lost or replaced: medium. Marriage or divorce explains a name; so does an estimated 1 January a birthday.

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Known, Permit, Post, Seen};
use crate::names::shared;
use crate::nations::{beyond, states};
use crate::rights::{Holding, posts_in_force};

pub const RULE: Rule = Rule { number: "R21", id: "identity-changed", classes: &[], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.holdings.iter().filter(|h| h.carries(day)) {
        if let Some(severity) = severity(p, holding, day) {
            out.push(p.finding(holding, severity));
        }
    }
    out
}

fn severity(p: &Known<'_>, holding: &Holding, day: Day) -> Option<Severity> {
    let permit = p.permit_of(holding);
    let decided = permit.decided_on?;
    let posts: Vec<&Seen<Post>> = posts_in_force(p).into_iter().filter(|post| post.event_on <= day).collect();
    let last = posts.last()?;
    // What a field has shown without a break became known with the post that was the first to arrive; a decision settles it from then on.
    let since = |same: &dyn Fn(&Post) -> bool| {
        let run = posts.iter().rev().take_while(|post| same(post));
        run.map(|post| post.known.day()).min().is_some_and(|known| known > decided)
    };
    let differing = [
        birth(permit, last).filter(|_| since(&|post| post.birth_on == last.birth_on)),
        name(permit, last).filter(|_| since(&|post| post.name == last.name)),
        citizenship(permit, last).filter(|_| since(&|post| post.citizenships == last.citizenships)),
    ];
    let gravest = differing.iter().flatten().max().copied()?;
    Some(if differing.iter().flatten().count() >= 2 { raise(gravest) } else { gravest })
}

fn raise(severity: Severity) -> Severity {
    match severity {
        Severity::Info => Severity::Weak,
        Severity::Weak => Severity::Medium,
        _ => Severity::Strong,
    }
}

fn birth(permit: &Permit, post: &Post) -> Option<Severity> {
    let (was, is) = (permit.birth_on_at_grant?, post.birth_on?);
    let estimated = was == Day::ymd(was.year(), 1, 1) && was.year() == is.year();
    if was == is || estimated {
        return None;
    }
    let grown = |birth: Day| permit.application_on.map(|on| on >= birth.add_months(12 * 18));
    let grave = (was - is).abs() >= 365 || grown(was) != grown(is);
    Some(if grave { Severity::Medium } else { Severity::Info })
}

fn name(permit: &Permit, post: &Post) -> Option<Severity> {
    let (was, is) = (permit.name_at_grant.as_ref()?, post.name.as_ref()?);
    if was == is {
        return None;
    }
    let married = post
        .civil_status_on
        .is_some_and(|on| on >= post.event_on.add_months(-12) && on <= post.event_on.add_months(12));
    match shared(was, is) {
        _ if married => None,
        None => Some(Severity::Info),
        Some((0, _)) => Some(Severity::Medium),
        Some((common, shorter)) if common < shorter => Some(Severity::Weak),
        Some(_) => None,
    }
}

fn citizenship(permit: &Permit, post: &Post) -> Option<Severity> {
    let (was, is) = (states(permit.citizenships_at_grant.as_ref()), states(post.citizenships.as_ref()));
    if was.is_empty() || is.is_empty() {
        return None;
    }
    if !beyond(&was, &is).is_empty() {
        Some(Severity::Medium)
    } else if !beyond(&is, &was).is_empty() {
        Some(Severity::Weak)
    } else {
        None
    }
}

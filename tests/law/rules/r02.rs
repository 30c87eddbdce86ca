//! R02, employment ended and the time to find a new one passed (UtlL 7 kap. 3 § first paragraph 2): no pay from anybody in the three
//! months after the month in which the employment ended, all declared. Four where the holder had been told of an investigation
//! before, six (from the day on which that is the law) for who has held the permit for more than two years.
//!
//! The employment ends on the day that a notice gives, else with the last month with pay. An excused month is one in place. A last
//! payment of at least twice the mean of the last three full months pays for as many months as it holds means. An application filed
//! within the time, or filed before and undecided when the employment ends, explains it unless it is refused or withdrawn, but not
//! that of the permit itself. An extension under which nothing was declared counts from its first day.

use crate::calendar::{Day, agi_complete};
use crate::facts::{Known, Permit, Seen};
use crate::pay::{can_be_judged, gross, is_excused, parameter};
use crate::rights::{Holding, posts_in_force};
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule = Rule { number: "R02", id: "employment-ended", classes: &["WORK_EMP"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if permit.permit_class != "WORK_EMP" {
            continue;
        }
        let Some(end) = employment_end(p, holding, permit, day) else { continue };
        let grace = grace_months(holding, permit, end.day);
        // Months without pay that the declarations of the employer do not explain.
        let mut idle = 0;
        let mut month = end.day.month().add_months(1 + end.paid_ahead);
        let mut due = None;
        while agi_complete(month) <= day {
            if can_be_judged(p, month) {
                idle += 1;
            }
            if idle == grace {
                due = Some(agi_complete(month));
                break;
            }
            month = month.add_months(1);
        }
        if due.is_none() || applied(p, permit, end.day, grace + end.paid_ahead, day) {
            continue;
        }
        let severity = if has_left(p, end.day, day) { Severity::Strong } else { Severity::Medium };
        out.push(Finding { subject: permit.permit_id.clone(), severity });
    }
    out
}

struct End {
    day: Day,
    /// Months after it that the last payment paid for.
    paid_ahead: i32,
}

fn employment_end(p: &Known<'_>, holding: &Holding, permit: &Seen<Permit>, day: Day) -> Option<End> {
    let first = holding.valid_from.month();
    let worked = |month: Day| gross(p, month) > 0 || is_excused(p, month);
    let months = p.salaries.keys().chain(&p.excused_months).copied();
    let last = months.filter(|&month| month >= first && worked(month)).max();
    let notices = p.notices.iter().filter(|n| n.kind == "employment_end" && n.event_on <= day);
    let notice = notices.map(|notice| notice.event_on).filter(|&on| on >= holding.valid_from).max();
    let before = (permit.first_grant != Some(true)).then(|| holding.valid_from - 1);
    let by_pay = last.map(Day::month_end);
    let end = match (notice, by_pay) {
        // Pay of the month itself or before: the notice's day is the day.
        (Some(notice), Some(paid)) if paid <= notice.month_end() => notice,
        (Some(notice), None) => notice,
        (_, Some(paid)) => paid,
        (None, None) => before?,
    };
    let end = before.map_or(end, |before| end.max(before));
    let paid_ahead = last.filter(|last| last.month_end() >= end).map_or(0, |last| severance(p, last));
    Some(End { day: end, paid_ahead })
}

/// For how many months the last payment pays beyond its own.
fn severance(p: &Known<'_>, last: Day) -> i32 {
    let full: Vec<i64> = (1..=3).map(|back| gross(p, last.add_months(-back))).filter(|&paid| paid > 0).collect();
    if full.len() < 3 {
        return 0;
    }
    let sum: i64 = full.iter().sum();
    let ratio = gross(p, last) * 3 / sum;
    if ratio >= 2 { ratio as i32 } else { 0 }
}

fn grace_months(holding: &Holding, permit: &Seen<Permit>, end: Day) -> i32 {
    let notified = permit.investigation_notified_on.is_some_and(|on| on <= end);
    let name = if notified { "unemployment_grace_notified_months" } else { "unemployment_grace_months" };
    let short = parameter(name, end).unwrap_or(3);
    let long = end > holding.right_from.add_months(24);
    let long = if long { parameter("unemployment_grace_long_months", end).unwrap_or(0) } else { 0 };
    short.max(long) as i32
}

fn applied(p: &Known<'_>, permit: &Seen<Permit>, end: Day, grace: i32, day: Day) -> bool {
    p.applications.iter().any(|application| {
        let own = permit.application_on == Some(application.filed_on)
            || (application.outcome == Some("granted") && application.decided_on == permit.decided_on);
        let undone = matches!(application.outcome, Some("refused" | "withdrawn"))
            && application.decided_on.is_none_or(|decided| decided <= day);
        let within = application.filed_on > end && application.filed_on <= end.add_months(grace);
        let pending = application.filed_on <= end && application.decided_on.is_none_or(|decided| decided > end);
        !own && !undone && (within || pending)
    })
}

/// Moved abroad by the register and not back, or seen leaving since, with a document, and not seen entering.
fn has_left(p: &Known<'_>, end: Day, day: Day) -> bool {
    let posts = posts_in_force(p);
    let moved = posts.iter().rfind(|post| post.dereg_on.unwrap_or(post.event_on) <= day);
    let moved = moved.is_some_and(|post| post.dereg_code == Some("UV"));
    let exits = p.border.iter().filter(|b| b.direction == "exit" && b.doc_seen == Some(true) && b.observed_on >= end);
    let exit = exits.map(|exit| exit.observed_on).max();
    let back = exit.is_some_and(|exit| p.border.iter().any(|b| b.direction == "entry" && b.observed_on >= exit));
    moved || (exit.is_some() && !back)
}

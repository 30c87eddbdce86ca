//! R02, employment ended and the time to find a new one passed (UtlL 7 kap. 3 § first paragraph 2): no pay from anybody in the three
//! months after the month in which the employment ended, all declared. Four where the holder had been told of an investigation
//! before, six (from the day on which that is the law) for who has held the permit for more than two years.
//!
//! The employment ends on the day that a notice gives, be it ahead, else with the last month with pay. An excused month is one in
//! place. A last payment of at least twice the mean of the last three full months moves the end by as many months as it holds means
//! beside its own, excused ones not among them. An application filed within the time, or filed before and undecided when the employment
//! ends, explains it unless it is refused or withdrawn, but not that of the permit itself; so does the notice of a new employment within
//! the time, which counts from the end of a month that is paid though the employment ended in it. An extension under which nothing was declared counts from its first day.

use crate::calendar::{Day, agi_complete};
use crate::facts::{Known, Permit, Seen};
use crate::pay::{can_be_judged, carried_by, gross, parameter, severance};
use crate::register::gone;
use crate::rights::{Holding, answered_by};
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule = Rule { number: "R02", id: "employment-ended", classes: &["WORK_EMP"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for carrier in &p.holdings {
        let permit = &p.permits[carrier.permit];
        if permit.permit_class != "WORK_EMP" {
            continue;
        }
        // Its own, or that under a permit before it which its decision could not weigh.
        let found = carried_by(p, carrier).filter_map(|own| {
            let (severity, since) = ended(p, own, day)?;
            (own.permit == carrier.permit || !carrier.settles(since.start())).then_some(severity)
        });
        if let Some(severity) = found.max() {
            out.push(Finding { subject: permit.permit_id.clone(), severity });
        }
    }
    out
}

/// What stands of a permit's months, those on whose first day it held, and since when.
fn ended(p: &Known<'_>, holding: &Holding, day: Day) -> Option<(Severity, Day)> {
    let permit = &p.permits[holding.permit];
    let before = (permit.first_grant != Some(true)).then(|| holding.valid_from - 1);
    let end = employment_end(p, holding.valid_from, before)?;
    let grace = grace_months(holding, permit, end.by_day);
    let mut idle = 0;
    let mut month = end.day.month().add_months(1);
    while agi_complete(month) <= day && holding.held_until.is_none_or(|until| month <= until) {
        // A month that the employer's declarations do not explain.
        idle += i32::from(can_be_judged(p, month) && month >= holding.valid_from);
        if idle == grace {
            if applied(p, permit, &end, grace, day) || employed_anew(p, &end, grace) {
                return None;
            }
            let severity = if has_left(p, holding, end.by_day, day) { Severity::Strong } else { Severity::Medium };
            return Some((severity, agi_complete(month)));
        }
        month = month.add_months(1);
    }
    None
}

struct End {
    /// The last day that is accounted for: by pay, severance or an excused month.
    day: Day,
    /// The last day of the employment itself, an excused month being one of it.
    by_day: Day,
}

/// The end of the last employment since `from`; at the earliest `before`, which stands in for one where there was none.
fn employment_end(p: &Known<'_>, from: Day, before: Option<Day>) -> Option<End> {
    let first = from.month();
    let mut paid = p.salaries.keys().copied().filter(|&month| month >= first && gross(p, month) > 0);
    let begun = paid.clone().next();
    let last = paid.next_back();
    let notices = p.notices.iter().filter(|n| n.kind == "employment_end");
    let notice = notices.map(|notice| notice.event_on).filter(|&on| on >= from).max();
    let end = match (notice, last.map(Day::month_end)) {
        // Pay of the month itself or before: the notice's day is the day.
        (Some(notice), paid) if paid.is_none_or(|paid| paid <= notice.month_end()) => notice,
        (_, Some(paid)) => paid,
        _ => before?,
    };
    let end = before.map_or(end, |before| end.max(before));
    // Of who had an employment, an excused month is one in place.
    let begun = begun.or(before.map(|before| before + 1)).or(notice)?;
    let in_place = p.excused_months.range(begun.month()..).next_back().map(|month| month.month_end());
    let by_day = in_place.map_or(end, |in_place| end.max(in_place));
    // Severance pays for the months after the end, but for those that are accounted for anyway.
    let ahead = last.map_or(0, |last| severance(p, last));
    let open = |month: &Day| can_be_judged(p, *month) && !p.excused_months.contains(month);
    let covered = (1..).map(|ahead| end.month().add_months(ahead)).filter(open).take(ahead).last();
    let day = covered.map_or(by_day, |month| by_day.max(month.month_end()));
    // Pay of the month of the notified end accounts for all of that month.
    let day = last.map_or(day, |paid| day.max(paid.month_end()));
    Some(End { day, by_day })
}

fn grace_months(holding: &Holding, permit: &Seen<Permit>, end: Day) -> i32 {
    let notified = permit.investigation_notified_on.is_some_and(|on| on <= end);
    let name = if notified { "unemployment_grace_notified_months" } else { "unemployment_grace_months" };
    let short = parameter(name, end).unwrap_or(3);
    let long = end > holding.right_from.add_months(24);
    let long = if long { parameter("unemployment_grace_long_months", end).unwrap_or(0) } else { 0 };
    short.max(long) as i32
}

fn applied(p: &Known<'_>, permit: &Seen<Permit>, end: &End, grace: i32, day: Day) -> bool {
    p.applications.iter().any(|application| {
        let undone = matches!(application.outcome, Some("refused" | "withdrawn"))
            && application.decided_on.is_none_or(|decided| decided < day);
        let within = application.filed_on > end.by_day && application.filed_on < (end.day + 1).add_months(grace);
        let pending =
            application.filed_on <= end.by_day && application.decided_on.is_none_or(|decided| decided > end.by_day);
        !answered_by(application, permit) && !undone && (within || pending)
    })
}

/// Whether a notice tells of an employment that began within the time.
fn employed_anew(p: &Known<'_>, end: &End, grace: i32) -> bool {
    let mut begun = p.notices.iter().filter(|notice| notice.kind == "employment_start").map(|notice| notice.event_on);
    begun.any(|on| on > end.by_day && on < (end.day + 1).add_months(grace))
}

/// Moved abroad by the register and not back, or seen leaving since, with a document, and not seen entering.
fn has_left(p: &Known<'_>, holding: &Holding, end: Day, day: Day) -> bool {
    let gone = gone(p);
    let moved = gone.iter().rfind(|gone| gone.stands(day)).is_some_and(|gone| {
        // That the register mends the day of a move, or tells it again, is no news.
        let said = gone.codes.iter().rfind(|said| said.on <= day);
        said.is_some_and(|s| s.code == "UV" && s.on >= holding.right_from && !holding.settles_event(s.on, s.known))
    });
    let exits = p.border.iter().filter(|b| b.direction == "exit" && b.doc_seen == Some(true) && b.observed_on >= end);
    let exits = exits.filter(|exit| !holding.settles_event(exit.observed_on, exit.first_known));
    let exit = exits.map(|exit| exit.observed_on).max();
    let back = exit.is_some_and(|exit| p.border.iter().any(|b| b.direction == "entry" && b.observed_on >= exit));
    moved || (exit.is_some() && !back)
}

//! R03, unemployment under an EU Blue Card (UtlL 6 a kap. 12 §): more than three months without pay in all, more than six once the
//! card has been held for two years. Months on whose first day a card of the right held, declared and not excused; they need not follow one another. Not the month in
//! which a notice has an employment end or begin, nor those until one that is agreed begins, nor those that the last pay covers.

use crate::calendar::{Day, agi_complete};
use crate::facts::{Known, Permit, Seen};
use crate::pay::{can_be_judged, carried_by, counted_more, gross, is_excused, severance};
use crate::rights::{Holding, answered_by};
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule =
    Rule { number: "R03", id: "blue-card-unemployment", classes: &["BLUE_CARD"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if permit.permit_class != "BLUE_CARD" {
            continue;
        }
        if breached(p, holding, day) && !applied(p, permit, day) {
            out.push(Finding { subject: permit.permit_id.clone(), severity: Severity::Medium });
        }
    }
    out
}

/// Whether the right has too many idle months, with one of which this card's decision could not know.
fn breached(p: &Known<'_>, card: &Holding, day: Day) -> bool {
    let (mut idle, mut weighed) = (0, 0);
    let Some(first) = carried_by(p, card).next() else { return false };
    let mut month = first.valid_from.month();
    while agi_complete(month) <= day && card.held_until.is_none_or(|until| month <= until) {
        if carried_by(p, card).any(|own| own.holds(month)) && is_idle(p, month) {
            idle += 1;
            let long = month >= card.right_from.add_months(24);
            let allowed = if long { 6 } else { 3 };
            // A month that was paid for or excused, as it was known then, the decision could not weigh.
            let settled = card.settles(agi_complete(month).start())
                && !card.decided_on.is_some_and(|on| counted_more(p, month, on));
            weighed += i32::from(settled);
            if idle > allowed && (!settled || weighed <= allowed) {
                return true;
            }
        }
        month = month.add_months(1);
    }
    false
}

fn is_idle(p: &Known<'_>, month: Day) -> bool {
    gross(p, month) <= 0
        && !is_excused(p, month)
        && can_be_judged(p, month)
        && !begins_or_ends(p, month)
        && !covered(p, month)
}

/// Whether a notice tells that an employment ends or begins in a month, or, in that month or before, that one will begin later.
fn begins_or_ends(p: &Known<'_>, month: Day) -> bool {
    p.notices.iter().any(|notice| {
        let on = notice.event_on.month();
        match notice.kind {
            "employment_end" => on == month,
            "employment_start" => on == month || (notice.first_known.day().month() <= month && month < on),
            _ => false,
        }
    })
}

/// Whether the last pay before a month pays for it too, as under R02.
fn covered(p: &Known<'_>, month: Day) -> bool {
    let Some(last) = p.salaries.range(..month).rev().map(|(paid, _)| *paid).find(|paid| gross(p, *paid) > 0) else {
        return false;
    };
    let open = |month: &Day| can_be_judged(p, *month) && !is_excused(p, *month);
    let mut months = (1..).map(|ahead| last.add_months(ahead)).filter(open).take(severance(p, last));
    months.any(|covered| covered == month)
}

/// Whether another application than the card's own is undecided.
fn applied(p: &Known<'_>, permit: &Seen<Permit>, day: Day) -> bool {
    p.applications.iter().any(|application| {
        let decided = application.outcome.is_some() && application.decided_on.is_none_or(|decided| decided <= day);
        application.filed_on <= day && !decided && !answered_by(application, permit)
    })
}

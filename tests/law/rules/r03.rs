//! R03, unemployment under an EU Blue Card (UtlL 6 a kap. 12 §): more than three months without pay in all, more than six once the
//! card has been held for two years. Months on whose first day a card of the right held, declared and not excused; they need not follow one another.

use crate::calendar::{Day, agi_complete};
use crate::facts::{Known, Permit, Seen};
use crate::pay::{can_be_judged, carried_by, gross, is_excused};
use crate::rights::Holding;
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
    let mut idle = 0;
    let Some(first) = carried_by(p, card).next() else { return false };
    let mut month = first.valid_from.month();
    while agi_complete(month) <= day && card.held_until.is_none_or(|until| month <= until) {
        if carried_by(p, card).any(|own| own.holds(month)) && is_idle(p, month) {
            idle += 1;
            let long = month >= card.right_from.add_months(24);
            if idle > if long { 6 } else { 3 } && !card.settles(agi_complete(month).start()) {
                return true;
            }
        }
        month = month.add_months(1);
    }
    false
}

fn is_idle(p: &Known<'_>, month: Day) -> bool {
    // Who is said to leave an employment had one, paid or not.
    let next_pay =
        p.salaries.range(month..).find(|(_, payers)| payers.values().sum::<i64>() > 0).map(|(month, _)| *month);
    let left = p.notices.iter().filter(|notice| notice.kind == "employment_end" && notice.event_on >= month);
    let employed = left.map(|notice| notice.event_on.month()).any(|left| next_pay.is_none_or(|paid| left < paid));
    let begun = p.notices.iter().any(|notice| notice.kind == "employment_start" && notice.event_on.month() == month);
    gross(p, month) <= 0 && !is_excused(p, month) && can_be_judged(p, month) && !employed && !begun
}

/// Whether another application than the card's own is undecided.
fn applied(p: &Known<'_>, permit: &Seen<Permit>, day: Day) -> bool {
    p.applications.iter().any(|application| {
        let decided = application.outcome.is_some() && application.decided_on.is_none_or(|decided| decided <= day);
        let own = application.filed_on <= permit.application_on.unwrap_or(permit.valid_from)
            && application.permit_class == Some(permit.permit_class);
        application.filed_on <= day && !decided && !own
    })
}

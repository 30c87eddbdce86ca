//! Stories of benefits paid after a permit's end.
//!
//! A benefit on the ground of residence is not due for a period that begins more than 31 days after the permit
//! ended, or after its revocation became final, unless an extension was applied for in time.

use chrono::NaiveDate;

use super::calendar::{DAY_US, add_days, add_months, instant, month_of, months};
use super::payments::{Benefit, CHILD_BENEFIT_SEK, first_month_beyond};
use super::person::Person;
use super::scenarios::Scenario;

/// A revocation comes this long before the permit would have ended, so that it is known before that.
const REVOKED_BEFORE_END_DAYS: i64 = 175;

/// The person must leave within this many days of a final revocation.
const LEAVE_DAYS: i64 = 28;

/// Benefits until after the right to them ended, or with a fact that makes them right after all.
pub(super) fn plant(person: &mut Person<'_>, story: Scenario, place: usize, from: NaiveDate) {
    let world = person.world;
    let revoked = is_revoked(story);
    let right_until = match (revoked, person.permits[place].valid_to) {
        (false, Some(to)) => to,
        (_, to) => {
            let latest = to.map_or(add_days(world.until, -190), |to| add_days(to, -REVOKED_BEFORE_END_DAYS));
            let room = (latest - from).num_days().max(121);
            add_days(from, person.dice.between(120, room))
        }
    };
    let known_late = if story == Scenario::RevocationKnownLate { person.dice.between(100, 170) } else { 3 };
    let ended_at = person.office(add_days(right_until, known_late));
    if revoked {
        let inhibited = (story == Scenario::Inhibited).then_some(true);
        person.amend(place, ended_at, |permit| {
            permit.revoked_on = Some(add_days(right_until, -60));
            permit.revoked_served_on = Some(add_days(right_until, -40));
            permit.revoked_final_on = Some(right_until);
            permit.inhibited = inhibited;
            if inhibited.is_none() {
                permit.ended_on = Some(right_until);
                permit.end_kind = Some("revoked");
            }
        });
    }
    mend_right(person, story, right_until);
    let benefit = if story == Scenario::WorkBased { Benefit::Unemployment } else { Benefit::Child };
    let beyond = first_month_beyond(right_until);
    let last_month = match story {
        Scenario::FirstThirtyOneDays | Scenario::Arrears => add_months(beyond, -1),
        _ => add_months(beyond, person.dice.between(2, 5) as i32),
    };
    let first_month = add_months(month_of(from.max(world.start)), 2);
    let mut beyond_at = i64::MAX;
    for month in months(first_month, last_month) {
        // Arrears come half a year late, for months in which the person had the right.
        let known = match story {
            Scenario::Arrears if month > add_months(beyond, -5) => {
                person.pay_benefit_on(benefit, month, CHILD_BENEFIT_SEK, add_days(month, 200))
            }
            _ => person.pay_benefit(benefit, month, CHILD_BENEFIT_SEK),
        };
        if month == beyond {
            beyond_at = known;
        }
    }
    let tiers = [(beyond_at.max(ended_at), "medium")];
    match story {
        Scenario::PaymentsRetracted => {
            let taken_back = instant(last_month) + person.dice.between(60, 120) * DAY_US;
            for month in months(beyond, last_month) {
                person.retract_benefit(benefit, month, taken_back);
            }
            person.breach(story, place, &tiers, Some(taken_back));
        }
        Scenario::ExpiredStillPaid | Scenario::AppliedTooLate => {
            person.breach(story, place, &[(beyond_at, "medium")], None);
        }
        Scenario::RevokedStillPaid | Scenario::RevocationKnownLate => {
            person.breach(story, place, &tiers, None);
            // Somebody who is paid is still here.
            let stayed_at = instant(add_days(right_until, LEAVE_DAYS + 1)).max(ended_at);
            person.breach_of("revocation-unserved", story, place, &[(stayed_at, "info")], None);
        }
        _ => {
            let careless = instant(add_days(beyond, 20));
            person.trap(story, place, careless, None);
        }
    }
}

/// A fact that extends the right beyond the permit's last day, or comes too late to extend it.
fn mend_right(person: &mut Person<'_>, story: Scenario, right_until: NaiveDate) {
    let class = person.permits.last().map_or("FAMILY_SPOUSE", |permit| permit.class);
    match story {
        Scenario::AppliedTooLate => {
            let filed_on = add_days(right_until, person.dice.between(5, 40));
            person.apply(class, None, filed_on, None);
        }
        Scenario::AppliedInTime => {
            let filed_on = add_days(right_until, -person.dice.between(2, 60));
            person.apply(class, None, filed_on, None);
        }
        Scenario::NewPermit | Scenario::EuRight => {
            let class = if story == Scenario::EuRight { "CITIZEN_EES_RIGHT" } else { "PERMANENT" };
            let decided_on = add_days(right_until, -person.dice.between(2, 30));
            let permit = person.draft(class, decided_on, add_days(right_until, 1), None);
            person.grant(permit);
        }
        _ => {}
    }
}

/// Stories in which the permit is revoked before its last day.
pub(super) fn is_revoked(story: Scenario) -> bool {
    matches!(story, Scenario::RevokedStillPaid | Scenario::RevocationKnownLate | Scenario::Inhibited)
}

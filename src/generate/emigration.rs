//! Stories of permanent permits whose holders moved abroad.
//!
//! The permit shall be revoked when the register reports a move abroad (UV): 30 days after that became known, or after its day if
//! it was reported in advance; if the holder asked in time to keep the permit, two years after the move.

use chrono::NaiveDate;

use super::calendar::{DAY_US, add_days, add_months, instant};
use super::identity::EMIGRATION_COUNTRIES;
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario;

const WAIT_DAYS: i64 = 30;
const KEEP_MONTHS: i32 = 24;

pub(super) fn plant(person: &mut Person<'_>, story: Scenario, place: usize) {
    let left_on = match story {
        Scenario::KeepNoticeExpired => person.some_day(60, 770),
        _ => person.some_day(60, 60),
    };
    let late_days = match story {
        Scenario::EmigratedKnownLate => person.dice.between(120, 300),
        Scenario::EmigratedToldAhead => -person.dice.between(5, 25),
        _ => person.dice.between(1, 10),
    };
    let known = person.office(add_days(left_on, late_days));
    prepare(person, story, place, left_on);
    let country = person.dice.weighted(EMIGRATION_COUNTRIES);
    person.emigrate(left_on, country, known);
    let alert_at = known.max(instant(left_on)) + WAIT_DAYS * DAY_US;
    let tiers = [(alert_at, "strong")];
    let expired_at = instant(add_months(left_on, KEEP_MONTHS)).max(known);
    match story {
        Scenario::EmigratedReturned => {
            let back = alert_at + person.dice.between(20, 180) * DAY_US;
            person.post(super::calendar::day_of(back - 3 * DAY_US), back, Change::RegisteredAgain);
            person.breach(story, place, &tiers, Some(back));
        }
        Scenario::EmigratedCorrected => {
            let mended = alert_at + person.dice.between(10, 60) * DAY_US;
            person.post_as("correct", left_on, mended, Change::RegisteredAgain);
            person.breach(story, place, &tiers, Some(mended));
        }
        Scenario::KeepNoticeExpired | Scenario::KeepNotice if expired_at < person.world.until_us => {
            person.breach(Scenario::KeepNoticeExpired, place, &[(expired_at, "strong")], None);
        }
        Scenario::KeepNoticeExpired | Scenario::KeepNotice => person.trap(Scenario::KeepNotice, place, alert_at, None),
        Scenario::CorrectedInTime => {
            let mended = known + person.dice.between(3, 25) * DAY_US;
            person.post_as("correct", left_on, mended, Change::RegisteredAgain);
            person.trap(story, place, alert_at, None);
        }
        Scenario::ReturnedInTime => {
            let back = known + person.dice.between(8, 26) * DAY_US;
            person.post(super::calendar::day_of(back - 2 * DAY_US), back, Change::RegisteredAgain);
            person.trap(story, place, alert_at, None);
        }
        Scenario::DiedAbroad => {
            let died_on = add_days(left_on, 12);
            let told = known + person.dice.between(12, 25) * DAY_US;
            person.die(died_on, told);
            person.trap(story, place, alert_at, None);
        }
        Scenario::Emigrated | Scenario::EmigratedKnownLate | Scenario::EmigratedToldAhead => {
            revoke_later(person, story, place, alert_at);
            person.breach(story, place, &tiers, None);
        }
        _ => person.trap(story, place, alert_at, None),
    }
}

/// Facts from before the move.
fn prepare(person: &mut Person<'_>, story: Scenario, place: usize, left_on: NaiveDate) {
    match story {
        Scenario::KeepNoticeExpired | Scenario::KeepNotice => {
            let on = add_days(left_on, -person.dice.between(3, 40));
            let known = person.office(on);
            person.amend(place, known, |permit| permit.keep_notice_on = Some(on));
        }
        Scenario::StateService => {
            let on = add_days(left_on, -person.dice.between(5, 40));
            let earliest = person.world.start;
            person.tell_notice("state_service_abroad", None, on.min(add_days(left_on, -15)), earliest, None);
        }
        Scenario::NaturalisedBefore => {
            let on = add_days(left_on, -person.dice.between(30, 50));
            let known = person.office(add_days(on, 4));
            naturalise(person, on, known, false);
        }
        Scenario::EmigratedProtected => person.tell_protection(add_days(left_on, -20)),
        _ => {}
    }
}

/// Some permits are revoked in the end.
fn revoke_later(person: &mut Person<'_>, story: Scenario, place: usize, alert_at: i64) {
    if story == Scenario::Emigrated && person.dice.permille(250) {
        let revoked = super::calendar::day_of(alert_at + person.dice.between(150, 300) * DAY_US);
        let final_on = add_days(revoked, 40);
        let known = person.office(add_days(final_on, 2));
        person.amend(place, known, |permit| {
            permit.revoked_on = Some(revoked);
            permit.revoked_served_on = Some(add_days(revoked, 15));
            permit.revoked_final_on = Some(final_on);
            permit.ended_on = Some(final_on);
            permit.end_kind = Some("revoked");
        });
    }
}

/// Becomes a Swedish citizen, sometimes giving up the former citizenship.
pub(super) fn naturalise(person: &mut Person<'_>, on: NaiveDate, known: i64, gives_up: bool) {
    let citizenships = if gives_up { vec!["SWE"] } else { vec![person.who.citizenship, "SWE"] };
    let change =
        Change::Identity { name: None, birth_on: None, citizenships: Some(citizenships), number: None, civil: None };
    person.post(on, known, change);
    person.naturalised_at = Some(known);
}

//! Stories of false and shared identities.
//!
//! Deregistered as a false identity is strong; a travel document or number of two persons with permits at one time is
//! medium for both; a coordination number whose level of identity is unsure, under a permit that asks for an established
//! identity, is information.

use chrono::NaiveDate;

use super::calendar::{DAY_US, HOUR_US, add_days, add_months, instant};
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario::{self, *};
use super::scenes::{first_permit, introduce};

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (22, 55));
    // The other person's permit comes after this one's, and within three years.
    let from = person.some_day(25, if story == PassportInSequence { 850 } else { 420 });
    let class = match story {
        UnsureNumber | UnsureNumberRaised => "RESEARCH",
        UnsureProtection => "HUMANITARIAN",
        _ => person.dice.pick(&["RESEARCH", "SELF_EMP", "HUMANITARIAN"]),
    };
    let place = first_permit(person, class, from, 24, |_| {});
    person.settle(from, add_days(from, 30), true);
    let on = add_days(from, person.dice.between(100, 250));
    match story {
        FalseIdentity | FalseIdentityCorrected => deregistered(person, story, place, on),
        UnsureNumber | UnsureNumberRaised | UnsureProtection => unsure(person, story, place, on),
        _ => shared(person, story, place, (from, on)),
    }
}

fn deregistered(person: &mut Person<'_>, story: Scenario, place: usize, on: NaiveDate) {
    let known = person.office_after(on, 1, 8);
    person.post(on, known, Change::Deregistered { code: "FI", on, country: None });
    let mended = known + person.dice.between(20, 90) * DAY_US;
    if story == FalseIdentity {
        return person.breach(story, place, &[(known, "strong")], None);
    }
    person.post_as("correct", on, mended, Change::RegisteredAgain);
    person.breach(story, place, &[(known, "strong")], Some(mended));
}

fn unsure(person: &mut Person<'_>, story: Scenario, place: usize, on: NaiveDate) {
    let number = person.who.second_coordination_number();
    let known = person.office(on);
    person.link_number_as(&number, "unsure", on, None, 1, known);
    match story {
        UnsureNumber => person.breach(story, place, &[(known, "info")], None),
        UnsureNumberRaised => {
            let raised = known + person.dice.between(30, 90) * DAY_US;
            person.link_number_as(&number, "probable", on, None, 2, raised);
            person.breach(story, place, &[(known, "info")], Some(raised));
        }
        _ => person.trap(story, place, known, None),
    }
}

/// Another person with the same passport or number.
fn shared(person: &mut Person<'_>, story: Scenario, place: usize, (from, on): (NaiveDate, NaiveDate)) {
    let mut other = person.companion(0, (22, 55), person.who.citizenship);
    other.story = Some(story);
    // The two are valid at one time, or one after the other.
    let other_from = if story == PassportInSequence { add_days(add_months(from, 24), 60) } else { add_days(from, 50) };
    let other_place = first_permit(&mut other, "RESEARCH", other_from, 24, |_| {});
    let known = other.office(on.max(add_days(other_from, 3))).max(person.permits[place].known + DAY_US);
    let number = person.who.second_coordination_number();
    let documents = matches!(story, SharedPassport | PassportInSequence | SharedWithProtected);
    if story == SharedWithProtected {
        other.settle(other_from, add_days(other_from, 20), true);
        other.tell_protection(add_days(other_from, 60));
    } else {
        other.settle(other_from, add_days(other_from, 20), true);
    }
    if documents {
        let issued_on = person.passport_issued.unwrap_or(from);
        let key = person.passport.clone();
        other.tell_known_document(
            "P",
            &key,
            issued_on,
            if story == SharedWithProtected { instant(add_days(other_from, 90)) } else { known },
        );
    } else {
        person.link_number_as(&number, "probable", on, None, 1, known - HOUR_US);
        if story == NumberLinkEnded {
            other.link_number_as(&number, "probable", on, Some(on), 1, known);
        } else {
            other.link_number_as(&number, "probable", on, None, 1, known);
        }
    }
    let known = known.max(other.permits[other_place].known + 2 * HOUR_US);
    let tiers = [(known, "medium")];
    match story {
        SharedPassport | SharedNumber => {
            other.breach(story, other_place, &tiers, None);
            person.breach(story, place, &tiers, None);
        }
        // The files were merged: the other's link to the number has ended.
        SharedNumberMerged => {
            let merged = known + person.dice.between(30, 100) * DAY_US;
            other.link_number_as(&number, "probable", on, Some(add_days(on, 20)), 2, merged);
            other.breach(story, other_place, &tiers, Some(merged));
            person.breach(story, place, &tiers, Some(merged));
        }
        _ => {
            other.trap(story, other_place, known, None);
            person.trap(story, place, known, None);
        }
    }
    person.companions.push(other);
}

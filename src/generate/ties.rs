//! Stories of couples whose tie ends: divorce, another marriage, half a year at separate addresses, a death.

use std::sync::Arc;

use chrono::NaiveDate;

use super::calendar::{DAY_US, HOUR_US, add_days, add_months, day_of, instant};
use super::couples;
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario::{self, *};
use super::scenes::introduce;

const APART_DAYS: i64 = 183;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (22, 50));
    let from = person.some_day(25, 480);
    let to = add_days(add_months(from, 24), -1);
    let unmarried = matches!(story, AnchorMarries | LiveApart | LiveApartForAWhile | LiveTogetherAgain);
    let accompanies = matches!(story, DivorcedDependant);
    let anchor = if accompanies {
        couples::accompany(person, "RESEARCH", (add_days(from, -20), from, to), true)
    } else {
        couples::join_citizen(person, from, !unmarried)
    };
    let mut permit =
        person.draft(if accompanies { "DEPENDANT" } else { "FAMILY_SPOUSE" }, add_days(from, -8), from, Some(to));
    permit.anchor = Some(anchor);
    let place = person.grant(permit);
    person.settle(from, add_days(from, 40), true);
    let on = add_days(from, person.dice.between(120, 260));
    let known = person.office_after(on, 2, 9);
    match story {
        LiveApart | LiveTogetherAgain | LiveApartForAWhile => separate(person, story, place, on, known),
        Widowed => widowed(person, story, place, on, known),
        AnchorMarries => {
            let other = Some(Arc::from("q9999999"));
            anchor_posts(person, on, known, Change::Civil("G", other));
            person.breach(story, place, &[(known, "medium")], None);
        }
        _ => divorced(person, story, place, on, known),
    }
}

fn anchor_posts(person: &mut Person<'_>, on: NaiveDate, known: i64, change: Change) {
    if let Some(anchor) = person.companions.first_mut() {
        anchor.post(on, known, change);
    }
}

fn divorced(person: &mut Person<'_>, story: Scenario, place: usize, on: NaiveDate, known: i64) {
    match story {
        DivorceAfterViolence => {
            person.tell_notice("violence", None, add_days(on, -40), add_days(on, -38), None);
        }
        DivorceOfProtected => anchor_posts(person, add_days(on, -30), known - 30 * DAY_US, Change::Protected),
        DivorceWithApplication => {
            person.apply("WORK_EMP", None, add_days(on, -20), None);
        }
        _ => {}
    }
    let spouse = person.companions.first().map(|anchor| Arc::clone(&anchor.id));
    let own = Arc::clone(&person.id);
    person.post(on, known, Change::Civil("S", None));
    anchor_posts(person, on, known + HOUR_US, Change::Civil("S", None));
    let later = known + person.dice.between(40, 150) * DAY_US;
    match story {
        Divorced | DivorcedDependant => person.breach(story, place, &[(known, "medium")], None),
        // A tip supports it: one tier more.
        DivorcedTip => {
            person.tell_tip("sham_relationship", add_days(on, -30));
            person.breach(story, place, &[(known, "strong")], None);
        }
        DivorceCorrected => {
            let wed_on = person.wed.as_ref().map_or(on, |(_, wed_on)| *wed_on);
            person.post_as("correct", wed_on, later, Change::Civil("G", spouse));
            anchor_posts_as(person, wed_on, later, Change::Civil("G", Some(own)));
            person.breach(story, place, &[(known, "medium")], Some(later));
        }
        MarriedAgain => {
            let again = day_of(later - 4 * DAY_US);
            person.post(again, later, Change::Civil("G", spouse));
            anchor_posts(person, again, later, Change::Civil("G", Some(own)));
            person.breach(story, place, &[(known, "medium")], Some(later));
        }
        _ => person.trap(story, place, known, None),
    }
}

fn anchor_posts_as(person: &mut Person<'_>, on: NaiveDate, known: i64, change: Change) {
    if let Some(anchor) = person.companions.first_mut() {
        anchor.post_as("correct", on, known, change);
    }
}

fn separate(person: &mut Person<'_>, story: Scenario, place: usize, on: NaiveDate, known: i64) {
    person.post(on, known, Change::Moved(None));
    let due_at = instant(add_days(on, APART_DAYS)).max(known);
    let days = if story == LiveApartForAWhile { 130 } else { person.dice.between(220, 300) };
    let again = add_days(on, days);
    let together = person.office(add_days(again, 4));
    if story == LiveApart {
        return person.breach(story, place, &[(due_at, "weak")], None);
    }
    // The anchor follows to the new address, or the other way round.
    let address = Some(person.dice.bits());
    person.post(again, together, Change::Moved(address));
    anchor_posts(person, again, together, Change::Moved(address));
    match story {
        LiveTogetherAgain => person.breach(story, place, &[(due_at, "weak")], Some(together)),
        _ => person.trap(story, place, due_at, None),
    }
}

/// The death of the anchor is information here; the permit that depended on the anchor is another matter.
fn widowed(person: &mut Person<'_>, story: Scenario, place: usize, on: NaiveDate, known: i64) {
    if let Some(anchor) = person.companions.first_mut() {
        anchor.die(on, known);
    }
    person.post(on, known + HOUR_US, Change::Civil("Ä", None));
    person.trap(story, place, known + HOUR_US, Some("info"));
    person.breach_of("anchor-permit-lost", story, place, &[(known, "medium")], None);
}

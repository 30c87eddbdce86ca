//! Stories of long-term residents who have moved: twelve months outside the EU without a sign of a stay in Sweden,
//! twenty-four for a former holder of a Blue Card.

use super::calendar::{DAY_US, add_days, add_months, day_of, instant};
use super::journeys;
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario::{self, *};
use super::scenes::{first_permit, introduce};

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (30, 60));
    let world = person.world;
    let from = add_days(world.start, -person.dice.between(100, 900));
    if story == AbsentAfterBlueCard {
        first_permit(person, "BLUE_CARD", add_months(from, -24), 24, |_| {});
    }
    let decided_on = add_days(from, -15);
    let permit = person.draft("LTR_EU", decided_on, from, None);
    let place = person.grant(permit);
    person.settle(from, add_days(world.start, 40), true);
    // The two years of a former Blue Card holder lie beyond a recording of three.
    let left_on = if story == AbsentAfterBlueCard { person.some_day(420, 390) } else { person.some_day(30, 560) };
    let known = person.office_after(left_on, 2, 10);
    let country = if story == AbsentWithinEu { ("DEU", true) } else { ("CAN", false) };
    person.emigrate(left_on, country, known);
    let mut due_on = add_months(left_on, 12);
    match story {
        Absent => person.breach(story, place, &[(instant(due_on), "weak")], None),
        AbsentSinceVisit => {
            let seen_on = add_days(left_on, person.dice.between(60, 150));
            let told = person.office(add_days(seen_on, 3));
            journeys::enter(person, seen_on, told);
            due_on = add_months(seen_on, 12);
            person.breach(story, place, &[(instant(due_on), "weak")], None);
        }
        AbsentReturned => {
            let back = instant(due_on) + person.dice.between(20, 100) * DAY_US + DAY_US / 2;
            person.post(day_of(back - 2 * DAY_US), back, Change::RegisteredAgain);
            person.breach(story, place, &[(instant(due_on), "weak")], Some(back));
        }
        AbsentTenMonths => {
            let back = instant(add_months(left_on, 10)) + DAY_US / 2;
            person.post(day_of(back - 2 * DAY_US), back, Change::RegisteredAgain);
            person.trap(story, place, instant(due_on), None);
        }
        AbsentWithVisits => {
            for visit in 1..=8 {
                let seen_on = add_months(left_on, 5 * visit);
                let told = person.office(add_days(seen_on, 3));
                journeys::enter(person, seen_on, told);
            }
            person.trap(story, place, instant(due_on), None);
        }
        AbsentAfterBlueCard if add_months(left_on, 24) < world.until => {
            person.breach(Absent, place, &[(instant(add_months(left_on, 24)), "weak")], None);
        }
        _ => person.trap(story, place, instant(due_on), None),
    }
}

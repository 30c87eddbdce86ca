//! Stories of persons whom the register shows as moved abroad or disappeared while a temporary permit has more than 60
//! days left: medium for a move, weak for a disappearance.

use super::calendar::{DAY_US, add_days, day_of};
use super::emigration::naturalise;
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario::{self, *};
use super::stories::{first_permit, introduce};

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, if story == DepartedMinor { (2, 9) } else { (22, 55) });
    let from = person.some_day(25, 420);
    let class = person.dice.pick(&["HUMANITARIAN", "RESEARCH", "SELF_EMP", "FAMILY_OTHER"]);
    let place = first_permit(person, class, from, 24, |_| {});
    let to = person.permits[place].valid_to.unwrap_or(person.world.until);
    let on = if story == DepartedNearEnd { add_days(to, -50) } else { add_days(from, person.dice.between(120, 330)) };
    let known = person.office_after(on, 2, 12);
    match story {
        DepartedNaturalised => naturalise(person, add_days(on, -40), known - 30 * DAY_US, false),
        DepartedProtected => person.tell_protection(add_days(on, -25)),
        _ => {}
    }
    person.settle(from, on, true);
    let code = match story {
        Disappeared | DisappearedTip => "OB",
        DepartedDead => "AV",
        _ => "UV",
    };
    if code == "AV" {
        person.die(on, known);
    } else {
        let country = (code == "UV").then_some(("TUR", false));
        person.post(on, known, Change::Deregistered { code, on, country });
    }
    let later = known + person.dice.between(25, 160) * DAY_US;
    match story {
        Departed => person.breach(story, place, &[(known, "medium")], None),
        Disappeared => person.breach(story, place, &[(known, "weak")], None),
        // Somebody has told of it: one tier more.
        DisappearedTip => {
            person.tell_tip("abroad", add_days(on, 20));
            person.breach(story, place, &[(known, "weak"), (known + 30 * DAY_US, "medium")], None);
        }
        DepartedReturned => {
            person.post(day_of(later - 3 * DAY_US), later, Change::RegisteredAgain);
            person.breach(story, place, &[(known, "medium")], Some(later));
        }
        DepartedCorrected => {
            person.post_as("correct", on, later, Change::RegisteredAgain);
            person.breach(story, place, &[(known, "medium")], Some(later));
        }
        _ => person.trap(story, place, known, None),
    }
}

//! Stories of persons whom the register reports as moved abroad or disappeared while the right to stay has more than 60 days left:
//! medium for a move, weak for a disappearance. A move reported in advance counts from its day; a move that the decision to extend
//! did not know of counts against the extension.
//! decision to extend did not know of counts on the extension.

use super::calendar::{DAY_US, add_days, add_months, day_of, instant};
use super::emigration::naturalise;
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario::{self, *};
use super::scenes::{first_permit, introduce};

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    if story == DepartedBeforeExtension {
        return moved_before_the_extension(person, story);
    }
    introduce(person, if story == DepartedMinor { (2, 9) } else { (22, 55) });
    let from = person.some_day(25, 420);
    let class = person.dice.pick(&["HUMANITARIAN", "RESEARCH", "SELF_EMP", "FAMILY_OTHER"]);
    let place = first_permit(person, class, from, 24, |_| {});
    let to = person.permits[place].valid_to.unwrap_or(person.world.until);
    let on = if story == DepartedNearEnd { add_days(to, -50) } else { add_days(from, person.dice.between(120, 330)) };
    let ahead = matches!(story, DepartedToldAhead | DepartedWithdrawn);
    let known = if ahead { person.office_after(on, -28, -10) } else { person.office_after(on, 2, 12) };
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
        DepartedToldAhead => person.breach(story, place, &[(instant(on), "medium")], None),
        DepartedWithdrawn => {
            let withdrawn = person.office(add_days(on, -3));
            person.post(day_of(withdrawn), withdrawn, Change::RegisteredAgain);
            person.trap(story, place, instant(on), None);
        }
        // One matter, whatever the register calls it later.
        DepartedThenDisappeared => {
            let on = day_of(later);
            person.post(on, later, Change::Deregistered { code: "OB", on, country: None });
            person.breach(story, place, &[(known, "medium")], None);
        }
        Disappeared => person.breach(story, place, &[(known, "weak")], None),
        // A tip supports it: one tier more.
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

/// A move in the last weeks of a permit, which became known after the extension that had been decided before.
fn moved_before_the_extension(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (22, 55));
    let from = person.some_day(25, 480);
    let class = person.dice.pick(&["HUMANITARIAN", "RESEARCH", "SELF_EMP", "FAMILY_OTHER"]);
    let place = first_permit(person, class, from, 12, |_| {});
    let to = person.permits[place].valid_to.unwrap_or(person.world.until);
    let (filed_on, decided_on) = (add_days(to, -90), add_days(to, -45));
    person.apply(class, None, filed_on, Some((decided_on, "granted")));
    let begins = add_days(to, 1);
    let mut permit = person.draft(class, decided_on, begins, Some(add_days(add_months(begins, 24), -1)));
    permit.application_on = filed_on;
    permit.first_grant = false;
    let extension = person.grant(permit);
    let on = add_days(to, -person.dice.between(2, 30));
    let known = person.office_after(to, 3, 60);
    person.settle(from, on, true);
    person.emigrate(on, ("TUR", false), known);
    person.breach(story, extension, &[(known, "medium")], None);
}

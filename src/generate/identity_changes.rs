//! Stories of identities that the register changed after the permit was granted.
//!
//! Medium: a birthday a year or more away, one that crosses the eighteenth birthday at application, another citizenship, or a name
//! without a common word and without a wedding. Weak: a name that lacks a word, or a citizenship beside the old one. Any other
//! birthday is a note; changes of two fields are one tier more. A name is the same in any letters that a passport may write it in,
//! and a state that has ceased is the same as its successors.

use chrono::NaiveDate;

use super::calendar::{DAY_US, add_days, add_months};
use super::dice::Dice;
use super::emigration::naturalise;
use super::identity::{FAMILY_COUNTRIES, Identity, personal_number, real_birthday, transliterated, unrelated_name};
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario;

/// Sets what must be true at the grant; to be called before the permit is reported.
pub(super) fn before_grant(story: Scenario, who: &mut Identity, application_on: NaiveDate, dice: &mut Dice) {
    match story {
        Scenario::EstimatedBirthday => {
            who.birth_on = super::calendar::ymd(chrono::Datelike::year(&who.birth_on), 1, 1);
        }
        Scenario::StateSucceeded => who.citizenship = "YUG",
        // A child by the decision, some months short of eighteen at application.
        Scenario::AdulthoodCrossed => who.birth_on = add_days(add_months(application_on, -216), dice.between(40, 140)),
        _ => {}
    }
}

/// Plants the change on a day between `from` and `to`.
pub(super) fn plant(person: &mut Person<'_>, story: Scenario, place: usize, from: NaiveDate, to: NaiveDate) {
    let days = (to - from).num_days().max(1);
    let on = add_days(from, person.dice.between(1, days));
    let known = person.office_after(on, 1, 9);
    if story == Scenario::NumberMoved {
        // `settle` has reported the change: a coordination number gave way to a personal number.
        return person.trap(story, place, known, None);
    }
    if story == Scenario::IdentityProtected {
        person.tell_protection(on);
    }
    if story == Scenario::Naturalised {
        naturalise(person, on, known, true);
        return person.trap(story, place, known, None);
    }
    let change = changed(person, story);
    person.post(on, known, change);
    match story {
        Scenario::BirthYearChanged
        | Scenario::CitizenshipReplaced
        | Scenario::AdulthoodCrossed
        | Scenario::NameReplaced
        | Scenario::NameInCyrillic => person.breach(story, place, &[(known, "medium")], None),
        Scenario::TwoFieldsChanged => person.breach(story, place, &[(known, "strong")], None),
        Scenario::BirthDayChanged => person.breach(story, place, &[(known, "info")], None),
        Scenario::NamePartReplaced | Scenario::CitizenshipAdded => {
            person.breach(story, place, &[(known, "weak")], None);
        }
        Scenario::ChangeCorrected => {
            let mended = known + person.dice.between(20, 90) * DAY_US;
            let before = Change::Identity {
                name: Some(person.who.name.clone()),
                birth_on: Some(person.who.birth_on),
                citizenships: Some(vec![person.who.citizenship]),
                number: Some(person.who.personal_number()),
                civil: None,
            };
            person.post_as("correct", on, mended, before);
            person.breach(story, place, &[(known, "medium")], Some(mended));
        }
        _ => person.trap(story, place, known, None),
    }
}

fn changed(person: &mut Person<'_>, story: Scenario) -> Change {
    let who = person.who.clone();
    let dice = &mut person.dice;
    let serial = who.changed_serial();
    let (mut name, mut birth_on, mut citizenships, mut civil) = (None, None, None, None);
    let mut number = None;
    match story {
        Scenario::BirthYearChanged | Scenario::ChangeCorrected | Scenario::IdentityProtected => {
            birth_on = Some(add_days(who.birth_on, -dice.between(400, 1400)));
        }
        Scenario::TwoFieldsChanged => {
            birth_on = Some(add_days(who.birth_on, -dice.between(400, 1400)));
            name = Some(unrelated_name(dice, &who.name));
        }
        Scenario::AdulthoodCrossed => birth_on = Some(add_days(who.birth_on, -dice.between(160, 300))),
        // A change from 1 January to a later day of the year would be an estimate that was corrected.
        Scenario::BirthDayChanged => {
            let days = dice.between(3, 200);
            birth_on =
                Some(add_days(who.birth_on, if chrono::Datelike::ordinal(&who.birth_on) == 1 { -days } else { days }));
        }
        Scenario::EstimatedBirthday => birth_on = Some(real_birthday(dice, who.birth_on)),
        Scenario::NameReplaced => name = Some(unrelated_name(dice, &who.name)),
        Scenario::NamePartReplaced => {
            let other = unrelated_name(dice, &who.name);
            let family = other.split(' ').next_back().unwrap_or_default();
            name = Some(format!("{} {family}", who.name.split(' ').next().unwrap_or_default()));
        }
        Scenario::NameInCyrillic => name = Some(dice.pick(&["Юрий Щукин", "Жанна Цветкова", "Їжак Євген"]).to_string()),
        Scenario::CitizenshipReplaced | Scenario::CitizenshipAdded => {
            let other =
                FAMILY_COUNTRIES.iter().map(|(_, country)| *country).find(|country| *country != who.citizenship);
            let kept = (story == Scenario::CitizenshipAdded).then_some(who.citizenship);
            citizenships = other.map(|country| kept.into_iter().chain([country]).collect());
        }
        Scenario::StateSucceeded => citizenships = Some(vec!["SRB"]),
        Scenario::CitizenshipUnknown => citizenships = Some(vec!["XXX"]),
        Scenario::MarriageName => {
            name = Some(unrelated_name(dice, &who.name));
            civil = Some("G");
        }
        // Another legal gender: a new serial and often a new name, the same birthday.
        Scenario::SerialChanged => {
            name = Some(unrelated_name(dice, &who.name));
            number = Some(personal_number(who.birth_on, serial));
        }
        _ => name = Some(transliterated(dice, &who.name)),
    }
    if let Some(birth_on) = birth_on {
        number = Some(personal_number(birth_on, serial));
    }
    Change::Identity { name, birth_on, citizenships, number, civil }
}

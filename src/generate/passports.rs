//! Stories of refugees with a passport of the country that they fled, or with a new citizenship.
//!
//! A passport issued after the status, or used while a Swedish travel document holds, is medium; together with a visit to
//! that country strong. With subsidiary protection it is information only. A citizenship that is added is medium.

use chrono::NaiveDate;

use super::calendar::{DAY_US, add_days, add_months};
use super::emigration::naturalise;
use super::identity::{Identity, TESTED_COUNTRIES};
use super::journeys::{notice, status_end};
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario::{self, *};

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    let tested = person.dice.weighted(TESTED_COUNTRIES);
    let citizenship = if story == StatelessClarified { "XXA" } else { tested };
    let ages = if story == HomePassportMinor { (2, 9) } else { (21, 55) };
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, ages, citizenship);
    let subsidiary = matches!(story, HomePassportSubsidiary | NewCitizenshipSubsidiary);
    let (class, kind, months) =
        if subsidiary { ("PROT_SUBSIDIARY", "subsidiary", 25) } else { ("PROT_REFUGEE", "refugee", 36) };
    let from = person.some_day(25, 500);
    let decided_on = add_days(from, -10);
    let permit = person.draft(class, decided_on, from, Some(add_days(add_months(from, months), -1)));
    let place = person.grant(permit);
    let known = person.permits[place].known;
    let ended = (story == HomePassportAfterStatus).then(|| {
        let on = status_end(from);
        (on, person.office(add_days(on, 3)))
    });
    person.declare_status(kind, tested, decided_on, ended, known);
    if !subsidiary && story != OldPassportAlone {
        person.tell_document("RD", decided_on, 5, known);
    }
    person.settle(from, add_months(from, months), true);
    let on = add_days(from, person.dice.between(120, 300));
    if story.rule_id() == "protected-new-nationality" {
        citizenships(person, story, place, on);
    } else {
        passport(person, story, place, tested, on);
    }
}

fn passport(person: &mut Person<'_>, story: Scenario, place: usize, tested: &'static str, on: NaiveDate) {
    let decided_on = person.permits[place].decided_on;
    let old = matches!(story, HomePassportUsed | OldPassportAlone);
    let issued_on = if old { add_days(decided_on, -700) } else { add_days(on, -30) };
    let document = format!("d{:016x}", person.dice.bits());
    let issuer = if story == OtherPassport { "TUR" } else { tested };
    if story == HomePassportUnused {
        let known = person.office(add_days(on, 10));
        person.tell_document("P", issued_on, 10, known);
        return person.trap(story, place, known, None);
    }
    if story == HomePassportProtected {
        person.tell_protection(add_days(on, -30));
    }
    let country = if story == HomePassportVisit { tested } else { "LBN" };
    let back_on = add_days(on, 8);
    let (left_at, back_at) = (person.office(add_days(on, 2)), person.office(add_days(back_on, 2)));
    let shown = (issuer, document.as_str(), Some(issued_on));
    notice(person, ("exit", country), on, left_at, shown);
    notice(person, ("entry", country), back_on, back_at, shown);
    match story {
        HomePassportIssued | HomePassportUsed => person.breach(story, place, &[(left_at, "medium")], None),
        HomePassportVisit => {
            let both = left_at.max(back_at);
            person.breach(story, place, &[(left_at.min(back_at), "strong")], None);
            let tiers = [(left_at.min(back_at), "info"), (both, "weak")];
            person.breach_of("protected-home-travel", story, place, &tiers, None);
        }
        HomePassportSubsidiary => person.breach(story, place, &[(left_at, "info")], None),
        _ => person.trap(story, place, left_at, None),
    }
}

fn citizenships(person: &mut Person<'_>, story: Scenario, place: usize, on: NaiveDate) {
    let known = person.office_after(on, 2, 9);
    let own = person.who.citizenship;
    let later = known + person.dice.between(30, 120) * DAY_US;
    match story {
        NewCitizenshipSwedish => naturalise(person, on, known, false),
        StatelessClarified => {
            person.post(on, known, change(vec!["SYR"]));
        }
        // Reported as a correction: the code was never another one.
        CitizenshipCodeCorrected => {
            person.post_as("correct", on, known, change(vec![own, "EGY"]));
        }
        _ => {
            acquire(person, on, known);
        }
    }
    // The register shows another citizenship beside the one that the decision rests on, for whatever reason.
    let ended = matches!(story, NewCitizenshipLost | NewCitizenshipMistaken).then_some(later);
    if !matches!(story, NewCitizenshipSwedish | StatelessClarified) {
        person.breach_of("identity-changed", story, place, &[(known, "weak")], ended);
    }
    match story {
        NewCitizenship => person.breach(story, place, &[(known, "medium")], None),
        NewCitizenshipLost => {
            person.post(super::calendar::day_of(later - 2 * DAY_US), later, change(vec![own]));
            person.breach(story, place, &[(known, "medium")], Some(later));
        }
        NewCitizenshipMistaken => {
            person.post_as("correct", on, later, change(vec![own]));
            person.breach(story, place, &[(known, "medium")], Some(later));
        }
        _ => person.trap(story, place, known, None),
    }
}

/// A citizenship beside the person's own.
pub(super) fn acquire(person: &mut Person<'_>, on: NaiveDate, known: i64) {
    let own = person.who.citizenship;
    person.post(on, known, change(vec![own, "TUR"]));
}

fn change(citizenships: Vec<&'static str>) -> Change {
    Change::Identity { name: None, birth_on: None, citizenships: Some(citizenships), number: None, civil: None }
}

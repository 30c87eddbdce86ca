//! Stories of persons without any sign of life after a first permit: for six months from the day on which it could be used, twelve
//! for spouses.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, agi_complete, instant, month_of};
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::{hired, introduce};
use super::students::student;
use super::study_stories::tiers;
use super::{couples, journeys};

const RULE_OF_WORK: &str = "work-not-started";

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, if story == NoArrivalMinor { (3, 9) } else { (21, 50) });
    match story {
        NoArrivalStudent => return never_studies(person, story),
        NoArrivalWorker => return never_works(person, story),
        _ => {}
    }
    let from = person.some_day(25, 440);
    let (class, months) = match story {
        NoArrivalSpouse | ArrivedSpouse => ("FAMILY_SPOUSE", 24),
        NoArrivalMinor => ("DEPENDANT", 24),
        NoArrivalSelfEmployed => ("SELF_EMP", 24),
        _ => ("RESEARCH", 24),
    };
    let anchor = match class {
        "FAMILY_SPOUSE" => Some(couples::join_citizen(person, from, true)),
        "DEPENDANT" => {
            let to = add_days(add_months(from, months), -1);
            Some(couples::accompany(person, "RESEARCH", (add_days(from, -30), from, to), false))
        }
        _ => None,
    };
    let decided_on = add_days(from, if story == ArrivedAfterLateDecision { 120 } else { -9 });
    let mut permit = person.draft(class, decided_on, from, Some(add_days(add_months(from, months), -1)));
    permit.anchor = anchor;
    if story != ArrivedByCard {
        permit.card_issued_on = None;
    }
    let place = person.grant(permit);
    let due_on = add_months(from.max(decided_on), if class == "FAMILY_SPOUSE" { 12 } else { 6 });
    match story {
        NoArrivalSpouse | NoArrivalSelfEmployed => person.breach(story, place, &[(instant(due_on), "medium")], None),
        ArrivedTooLate => {
            let arrived_on = add_days(due_on, person.dice.between(20, 90));
            let known = arrive(person, arrived_on);
            person.breach(story, place, &[(instant(due_on), "medium")], Some(known));
        }
        _ => {
            arrive_in_time(person, story, (from, decided_on, due_on));
            person.trap(story, place, instant(due_on), None);
        }
    }
}

fn arrive_in_time(
    person: &mut Person<'_>,
    story: Scenario,
    (from, decided_on, due_on): (NaiveDate, NaiveDate, NaiveDate),
) {
    match story {
        ArrivedByJourney => {
            let known = person.office(add_days(from, 33));
            journeys::enter(person, add_days(from, 30), known);
        }
        ArrivedAfterLateDecision => {
            arrive(person, add_days(decided_on, 100));
        }
        ArrivedSpouse | ArrivedOnLastDays => {
            arrive(person, add_days(due_on, -40));
        }
        NoArrivalProtected => person.tell_protection(add_days(from, 20)),
        _ => {}
    }
}

/// The person is registered some weeks after a day; returns when that is known.
fn arrive(person: &mut Person<'_>, on: NaiveDate) -> i64 {
    let number = person.who.personal_number();
    let registered_on = add_days(on, 9);
    let known = person.office(add_days(registered_on, 5));
    person.post(registered_on, known, super::register::Change::Registered(number.clone()));
    person.link_number(&number, "personal", registered_on, known);
    known
}

/// A person who does not arrive does not begin to work either.
fn never_works(person: &mut Person<'_>, story: Scenario) {
    let from = person.some_day(25, 300);
    let job = hired(person, "WORK_EMP", from, 24, 41_000, |permit| permit.card_issued_on = None);
    let fourth = add_months(month_of(from), 4);
    let known = instant(add_months(from.max(person.permits[job.place].decided_on), 6));
    person.breach(story, job.place, &[(known, "medium")], None);
    let tiers = [(agi_complete(fourth), "weak"), (agi_complete(add_months(fourth, 1)), "strong")];
    person.breach_of(RULE_OF_WORK, story, job.place, &tiers, None);
}

/// A person who does not arrive does not study either, in any of the two terms.
fn never_studies(person: &mut Person<'_>, story: Scenario) {
    let Some((place, _, due)) = student(person, 1) else { return };
    let known = person.permits[place].known;
    let valid_from = person.permits[place].valid_from;
    person.amend(place, known + 1, |permit| permit.card_issued_on = None);
    let due_at = instant(add_months(valid_from, 6));
    person.breach(story, place, &[(due_at, "medium")], None);
    if let Some(first) = due.first() {
        person.breach_of("study-not-registered", story, place, &tiers(first.starts_on.max(valid_from)), None);
    }
}

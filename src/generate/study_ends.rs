//! Stories of students whose studies are reported to have stopped.
//!
//! It counts 30 days later unless other studies of at least 15 credits go on. A student who does not register for the next term
//! breaches that duty too.

use chrono::NaiveDate;

use super::calendar::{DAY_US, Term, add_days, instant};
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::introduce;
use super::students::{register, student, study_term};
use super::study_stories::tiers;

const WAIT_DAYS: i64 = 30;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (19, 31));
    let Some((place, school, due)) = student(person, 1) else { return };
    let (Some(first), Some(second)) = (due.first().cloned(), due.get(1).cloned()) else { return };
    let valid_from = person.permits[place].valid_from;
    let on = add_days(first.starts_on, person.dice.between(40, 60));
    let known = person.office_after(on, 1, 5);
    register(
        person,
        "registered",
        &first,
        &school,
        add_days(first.starts_on, 2),
        instant(add_days(first.starts_on, 3)),
    );
    let stop = |person: &mut Person<'_>, kind: &'static str, credits: i64| {
        person.tell_study(kind, &school, (on, None, None), credits, known);
    };
    let alert_at = instant(add_days(on, WAIT_DAYS)).max(known);
    match story {
        StudiesStopped | StudiesStoppedSmallCourse => {
            stop(person, "interrupted", 0);
            if story == StudiesStoppedSmallCourse {
                small_course(person, &first, on);
            }
            person.breach(story, place, &[(alert_at, "medium")], None);
            person.breach_of("study-not-registered", story, place, &tiers(second.starts_on), None);
        }
        StudiesResumed => {
            stop(person, "interrupted", 0);
            let again = add_days(second.starts_on, person.dice.between(2, 12));
            let told = person.office_after(again, 0, 3);
            register(person, "registered", &second, other_school(&school), again, told);
            person.breach(story, place, &[(alert_at, "medium")], Some(told));
        }
        OfferReturned => {
            results(person, &first, &school);
            let on = add_days(second.starts_on, -12);
            let known = person.office_after(on, 1, 4);
            person.tell_study("returned_offer", &school, (on, None, None), 0, known);
            let alert_at = instant(add_days(on, WAIT_DAYS)).max(known);
            person.breach(story, place, &[(alert_at, "medium")], None);
            person.breach_of("study-not-registered", story, place, &tiers(second.starts_on), None);
        }
        _ => {
            explain(person, story, (&first, &second), &school, (on, known));
            if story != StudiesGraduated {
                study_term(person, &second, &school, valid_from);
            }
            person.trap(story, place, alert_at, None);
        }
    }
}

fn explain(
    person: &mut Person<'_>,
    story: Scenario,
    (first, second): (&Term, &Term),
    school: &str,
    (on, known): (NaiveDate, i64),
) {
    match story {
        // Another programme at another university, within the time.
        StudiesSwitched => {
            person.tell_study("interrupted", school, (on, None, None), 0, known);
            let again = add_days(on, 12);
            let told = known + 16 * DAY_US;
            register(person, "registered", first, other_school(school), again, told);
        }
        StudiesOnLeave => {
            let from = add_days(on, 1);
            person.tell_study("leave_granted", school, (on, Some(from), Some(first.ends_on)), 0, known);
            person.tell_study("interrupted", school, (from, None, None), 0, known + DAY_US);
        }
        StudiesGraduated => {
            results(person, first, school);
            let on = add_days(second.starts_on, 8);
            let known = person.office(add_days(on, 2));
            register(person, "registered", second, school, add_days(on, -4), known);
            person.tell_study("degree", school, (add_days(on, 1), None, None), 0, known + DAY_US);
            person.tell_study("interrupted", school, (add_days(on, 5), None, None), 0, known + 4 * DAY_US);
        }
        // One course of several.
        _ => {
            person.tell_study("interrupted", school, (on, None, None), 75, known);
        }
    }
}

fn small_course(person: &mut Person<'_>, term: &Term, on: NaiveDate) {
    let from = add_days(on, 5);
    let known = person.office(add_days(on, 8));
    person.tell_study("registered", "LU03", (from, Some(from), Some(term.ends_on)), 75, known);
}

pub(super) fn results(person: &mut Person<'_>, term: &Term, school: &str) {
    let on = add_days(term.starts_on, 125);
    let known = person.office_after(on, 3, 20);
    person.tell_study("result", school, (on, Some(term.starts_on), Some(term.ends_on)), 300, known);
}

fn other_school(school: &str) -> &'static str {
    if school == "LU01" { "LU02" } else { "LU01" }
}

//! Stories of students who do not register, or have reason not to.
//!
//! For each term of the permit a registration is due 30 days (weak) and 60 days (strong) after the latest of the
//! term's start, the permit's first day and, for a decision less than 21 days before the term, 21 days after it.

use chrono::NaiveDate;

use super::calendar::{DAY_US, Term, add_days, add_months, instant};
use super::person::Person;
use super::scenarios::Scenario;
use super::students::{register, study_term};
use crate::model::schema::TableId;

const WEAK_DAYS: i64 = 30;
const STRONG_DAYS: i64 = 60;
/// Days after a year of the permit until its results are judged.
const PROGRESS_DAYS: i64 = 60;

/// Plants a story about the first term, or about the second; other terms are as they should be.
pub(super) fn plant(person: &mut Person<'_>, story: Scenario, place: usize, school: &str, due: &[Term]) {
    let valid_from = person.permits[place].valid_from;
    let Some(first) = due.first() else { return };
    let counted = first.starts_on.max(valid_from);
    let tiers = tiers(counted);
    // Returns when the first of these registrations is known: it makes up for a term that was missed before.
    let on_time = |person: &mut Person<'_>, skip: usize| {
        due.iter()
            .skip(skip)
            .map(|term| study_term(person, term, school, valid_from))
            .fold(None, |first: Option<i64>, at| first.or(Some(at)))
    };
    match story {
        Scenario::NeverRegisters => {
            person.breach(story, place, &tiers, None);
            // Nothing in the first year, if there is a second one.
            let evaluated = instant(add_days(add_months(valid_from, 12), PROGRESS_DAYS));
            if person.permits[place].class == "STUDY_HE" {
                person.breach_of("study-low-progress", story, place, &[(evaluated, "medium")], None);
            }
        }
        Scenario::RegistersLate | Scenario::RegistersVeryLate | Scenario::ReportedLate => {
            let (low, high) = if story == Scenario::RegistersLate { (34, 55) } else { (64, 95) };
            let told_on = add_days(counted, person.dice.between(low, high));
            let on = if story == Scenario::ReportedLate { add_days(counted, 5) } else { told_on };
            let known = person.office(told_on);
            register(person, "registered", first, school, on, known);
            on_time(person, 1);
            person.breach(story, place, &tiers, Some(known));
        }
        Scenario::RegistrationRetracted => {
            let on = add_days(counted, person.dice.between(0, 10));
            let known = person.office(on);
            let (key, event) = register(person, "registered", first, school, on, known);
            let taken_back = known + person.dice.between(64, 120) * DAY_US;
            person.retract(TableId::Studies, key, 2, event, taken_back, "ladok");
            let stands_at = taken_back.max(tiers[1].0);
            match on_time(person, 1) {
                Some(next) if next <= stands_at => person.trap(story, place, stands_at, None),
                next => person.breach(story, place, &[(stands_at, "strong")], next),
            }
        }
        Scenario::StopsStudying => {
            study_term(person, first, school, valid_from);
            if let Some(second) = due.get(1) {
                person.breach(story, place, &self::tiers(second.starts_on), None);
            }
        }
        Scenario::StudentProtected => {
            person.settle(valid_from, valid_from, true);
            person.tell_protection(add_days(valid_from, 12));
            person.trap(story, place, tiers[0].0, None);
        }
        Scenario::SilentInstitution => person.trap(story, place, tiers[0].0, None),
        _ => explained_term(person, story, place, school, due, counted),
    }
}

/// Terms without a registration, or barely registered in time, for innocent reasons.
fn explained_term(
    person: &mut Person<'_>,
    story: Scenario,
    place: usize,
    school: &str,
    due: &[Term],
    counted: NaiveDate,
) {
    let valid_from = person.permits[place].valid_from;
    // The term that the explanation is about.
    let about = match story {
        Scenario::OnLeave | Scenario::Graduated | Scenario::ExchangeOut => 1,
        _ => 0,
    };
    let Some(term) = due.get(about) else {
        for term in due {
            study_term(person, term, school, valid_from);
        }
        return;
    };
    let start = if about == 0 { counted } else { term.starts_on };
    for (number, other) in due.iter().enumerate() {
        let after_end = number > about && matches!(story, Scenario::Graduated | Scenario::DoctoralEmployment);
        if number != about && !after_end {
            study_term(person, other, school, valid_from);
        }
    }
    let told = |person: &mut Person<'_>, kind, days: i64, from: NaiveDate, to: Option<NaiveDate>| {
        let on = add_days(start, days);
        let known = person.office(on.max(add_days(valid_from, 1)));
        person.tell_study(kind, school, (on, Some(from), to), 0, known);
    };
    match story {
        Scenario::Deferred => told(person, "deferred", 6, term.starts_on, Some(term.ends_on)),
        Scenario::OnLeave => told(person, "leave_granted", -10, term.starts_on, Some(term.ends_on)),
        Scenario::ExchangeOut => told(person, "exchange_out", -15, term.starts_on, Some(term.ends_on)),
        Scenario::Graduated => told(person, "degree", -9, add_days(start, -9), None),
        Scenario::DoctoralEmployment => told(person, "doctoral_employment", 3, term.starts_on, None),
        Scenario::OtherInstitution => {
            let other = if school == "LU01" { "LU02" } else { "LU01" };
            let on = add_days(start, 8);
            let known = person.office(on);
            register(person, "registered", term, other, on, known);
        }
        // Counted from 21 days after the decision; registered after the ordinary 30 days.
        Scenario::LateDecision => {
            let decided_on = person.permits[place].decided_on;
            let on = add_days(decided_on, 21 + person.dice.between(18, 26));
            let known = person.office(on);
            register(person, "registered", term, school, on, known);
        }
        _ => {
            let on = add_days(start, WEAK_DAYS - 1);
            let known = person.office(on);
            register(person, "registered", term, school, on, known);
        }
    }
    person.trap(story, place, instant(add_days(start, WEAK_DAYS)), None);
}

pub(super) fn tiers(counted: NaiveDate) -> [(i64, &'static str); 2] {
    [(instant(add_days(counted, WEAK_DAYS)), "weak"), (instant(add_days(counted, STRONG_DAYS)), "strong")]
}

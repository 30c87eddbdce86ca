//! Stories of work that is not started: no salary in the four months after the first day of validity.

use chrono::NaiveDate;

use super::calendar::{DAY_US, HOUR_US, add_days, add_months, agi_complete, month_of};
use super::emigration::naturalise;
use super::employers::{Story, employer_record};
use super::payments::Pay;
use super::person::Person;
use super::scenarios::Scenario;
use super::scenes::Job;

/// Whether the person comes to Sweden as planned and leaves with the permit's end.
pub(super) fn arrives(story: Scenario) -> bool {
    !matches!(story, Scenario::DiedEarly | Scenario::ProtectedNotStarted | Scenario::NaturalisedLater)
}

/// The fourth month after the first day of validity decides; a month later pay in arrears is known too.
pub(super) fn plant(person: &mut Person<'_>, story: Scenario, job: &Job, mut pays: Vec<Pay>) {
    let permit = &person.permits[job.place];
    let (place, valid_from) = (job.place, permit.valid_from);
    let fourth = add_months(month_of(valid_from), 4);
    let (weak_at, strong_at) = (agi_complete(fourth), agi_complete(add_months(fourth, 1)));
    let tiers = [(weak_at, "weak"), (strong_at, "strong")];
    match story {
        Scenario::NeverWorks => person.breach(story, place, &tiers, None),
        Scenario::NaturalisedLater => {
            let on = add_days(valid_from, person.dice.between(260, 420));
            let known = person.office(add_days(on, 3));
            person.settle(valid_from, person.world.until, true);
            naturalise(person, on, known, false);
            person.breach(story, place, &tiers, None);
        }
        Scenario::StartsInFifthMonth | Scenario::LateCard => {
            let from = add_days(add_months(fourth, 1), 2);
            let first_known = start_on(person, job, from);
            match story {
                Scenario::LateCard => person.trap(story, place, weak_at, Some("weak")),
                _ => person.breach(story, place, &tiers, first_known),
            }
        }
        Scenario::StartsTooLate => {
            start_on(person, job, add_months(fourth, 3));
            person.breach(story, place, &tiers, None);
        }
        Scenario::DeclaredLate => {
            let told = weak_at + person.dice.between(8, 60) * DAY_US + person.dice.between(0, 40_000) * 1_000_000;
            for pay in &mut pays {
                pay.known = pay.known.max(told);
            }
            person.declare(&pays);
            person.breach(story, place, &tiers, Some(told));
        }
        Scenario::SalaryRetracted => {
            pays.drain(..1.min(pays.len()));
            pays.truncate(1);
            person.declare(&pays);
            let taken_back = weak_at + person.dice.between(5, 60) * DAY_US + 11 * HOUR_US;
            if let Some(pay) = pays.first() {
                person.retract_pay(pay, 2, taken_back);
                let tiers = if taken_back >= strong_at {
                    vec![(taken_back, "strong")]
                } else {
                    vec![(taken_back, "weak"), (strong_at, "strong")]
                };
                person.breach(story, place, &tiers, None);
                // Until then it looked like an employment that had ended.
                let silent = agi_complete(add_months(pay.month, 3));
                if silent < taken_back {
                    person.breach_of("employment-ended", story, place, &[(silent, "medium")], Some(taken_back));
                }
            }
        }
        Scenario::ShortPermit => person.trap(story, place, weak_at, None),
        Scenario::PaidInFourthMonth => {
            start_on(person, job, fourth);
            person.trap(story, place, weak_at, None);
        }
        _ => excused_start(person, story, job, fourth),
    }
}

/// No salary is paid, and there is an innocent explanation.
fn excused_start(person: &mut Person<'_>, story: Scenario, job: &Job, fourth: NaiveDate) {
    let place = job.place;
    let valid_from = person.permits[place].valid_from;
    let weak_at = agi_complete(fourth);
    match story {
        Scenario::StartNotice => {
            let on = add_days(valid_from, person.dice.between(5, 90));
            person.tell_notice("employment_start", Some(&job.payer), on, person.world.start, None);
        }
        Scenario::ExcusedFromStart => {
            let first = month_of(valid_from);
            for month in 0..9 {
                person.excuse(add_months(first, month));
            }
            start_on(person, job, add_months(first, 9));
            person.trap(story, place, weak_at, None);
            return;
        }
        Scenario::EmployerBankrupt => {
            let on = add_days(valid_from, person.dice.between(15, 100));
            let known = person.office_after(on, 2, 9);
            let story = Story { bankrupt_on: Some(on), ..Story::sound("F") };
            person.tell_reference(employer_record(&job.payer, story, 2, known));
        }
        Scenario::ReplacedEarly => {
            let from = add_days(valid_from, person.dice.between(45, 85));
            let permit =
                person.draft("FAMILY_SPOUSE", add_days(from, -5), from, Some(add_days(add_months(from, 24), -1)));
            person.grant(permit);
        }
        Scenario::DiedEarly => {
            let on = add_days(valid_from, person.dice.between(30, 90));
            person.settle(valid_from, on, true);
            let known = person.office_after(on, 2, 12);
            person.die(on, known);
        }
        _ => {
            person.settle(valid_from, person.world.until, true);
            person.tell_protection(add_days(valid_from, 50));
        }
    }
    person.trap(story, place, weak_at, None);
}

/// Works from a day to the permit's end; returns when the first salary is known.
fn start_on(person: &mut Person<'_>, job: &Job, from: NaiveDate) -> Option<i64> {
    let last_day = person.permits[job.place].valid_to.unwrap_or(person.world.until);
    let pays = person.employ(&job.payer, from, last_day, job.salary_sek);
    person.declare(&pays);
    pays.first().map(|pay| pay.known)
}

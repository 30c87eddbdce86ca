//! Stories of work without a right to work: salary of at least 5,000 SEK for a month, no day of which, nor of the month
//! before, carried a right. It is weak when the salary is known, and medium when the month is complete.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, agi_complete, month_of};
use super::identity::{Identity, TESTED_COUNTRIES};
use super::payments::Pay;
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::{Job, complete, first_permit, hired, introduce, own_employer};

/// Months that are paid after the right to work has ended.
const MONTHS_AFTER: i32 = 5;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    match story {
        AsylumWorks | AsylumMayWork => applicant(person, story),
        _ => expired(person, story),
    }
}

/// An asylum applicant who works, with or without the certificate that exempts from a permit.
fn applicant(person: &mut Person<'_>, story: Scenario) {
    let country = person.dice.weighted(TESTED_COUNTRIES);
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, (20, 45), country);
    let from = person.some_day(20, 430);
    let place = first_permit(person, "ASYLUM_APPLICANT", from, 12, |permit| {
        permit.valid_to = None;
        permit.work_right = if story == AsylumMayWork { "any" } else { "none" };
    });
    person.settle(from, person.world.until, false);
    let payer = own_employer(person, 0);
    let begins = add_months(month_of(from), 3);
    let pays = person.employ(&payer, begins, add_days(add_months(begins, MONTHS_AFTER), -1), 18_500);
    person.declare(&pays);
    // Declarations of applicants' salaries may be used to control allowances, not rights to work.
    person.trap(story, place, complete(&pays, 0), None);
}

/// A work permit that runs out while the work goes on.
fn expired(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (23, 50));
    let ends_on = person.some_day(400, 230);
    let long_held = story == ExpiredLongStay;
    let length = 12;
    let from = add_days(add_months(ends_on, -length), 1);
    if long_held {
        first_permit(person, "STUDY_OTHER", add_months(from, -30), 30, |_| {});
    }
    let job = hired(person, "WORK_EMP", from, length, 41_000, |permit| permit.first_grant = !long_held);
    let to = person.permits[job.place].valid_to.unwrap_or(ends_on);
    let extra = match story {
        ExpiredArrears => 1,
        _ => MONTHS_AFTER,
    };
    let last_day = add_days(add_months(month_of(to), extra + 1), -1);
    person.settle(from, last_day, true);
    let mut pays = person.employ(&job.payer, job.from, last_day, job.salary_sek);
    explain(person, story, &job, to, &mut pays);
    person.declare(&pays);
    let month = add_months(month_of(to), 2);
    let known = agi_complete(month);
    let paid_at = pays.iter().find(|pay| pay.month == month).map_or(known, |pay| pay.known);
    match story {
        ExpiredStillWorks | ExpiredAppliedLate => {
            person.breach(story, job.place, &[(paid_at, "weak"), (known, "medium")], None);
        }
        ExpiredLongStay => person.breach(story, job.place, &[(paid_at, "weak")], None),
        _ => person.trap(story, job.place, paid_at, None),
    }
}

fn explain(person: &mut Person<'_>, story: Scenario, job: &Job, to: NaiveDate, pays: &mut [Pay]) {
    let after = pays.iter().position(|pay| pay.month > to).unwrap_or(pays.len());
    let insurer = person.world.employers.insurer.clone();
    match story {
        ExpiredAppliedLate => {
            let filed_on = add_days(to, person.dice.between(6, 30));
            person.apply("WORK_EMP", Some(&job.payer), filed_on, None);
        }
        ExpiredApplied => {
            let filed_on = add_days(to, -person.dice.between(3, 40));
            person.apply("WORK_EMP", Some(&job.payer), filed_on, None);
        }
        ExpiredNewPermit => {
            let permit = person.draft("PERMANENT", add_days(to, -12), add_days(to, 1), None);
            person.grant(permit);
        }
        ExpiredSmallPay => pays.iter_mut().skip(after).for_each(|pay| pay.amount_sek = 4_900),
        ExpiredInsured => pays.iter_mut().skip(after).for_each(|pay| pay.payer = insurer.clone()),
        _ => {}
    }
}

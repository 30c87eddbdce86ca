//! Stories of the daily allowance of asylum applicants beside an income, or after the right to it has ended.
//!
//! Two months with an allowance and at least 1,000 SEK of salary that was not reported are weak when they are known and medium
//! when they are complete; an allowance for time more than 31 days after a permit is medium; after a move abroad it is strong.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, agi_complete, instant, month_of, months};
use super::identity::{Identity, TESTED_COUNTRIES};
use super::payments::Benefit;
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::{first_permit, own_employer};

const DAYS_AFTER_GRANT: i64 = 31;
const ALLOWANCE_SEK: i64 = 2_130;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    let country = if story == AllowanceAfterMove { "UKR" } else { person.dice.weighted(TESTED_COUNTRIES) };
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, (20, 45), country);
    let from = person.some_day(25, 480);
    match story {
        AllowanceAfterMove => return after_move(person, story, from),
        AllowanceAfterGrant | AllowanceInGrantMonth => return after_grant(person, story, from),
        _ => {}
    }
    let place = applicant(person, from);
    let first = add_months(month_of(from), 1);
    let last = add_months(first, 11);
    let second = add_months(first, 4);
    let mut paid_at = i64::MIN;
    for month in months(first, last) {
        if story == AllowanceReported {
            person.pay_allowance(month, ALLOWANCE_SEK - 800, true);
        } else {
            let known = person.pay_benefit(Benefit::Reception, month, ALLOWANCE_SEK);
            if month <= second {
                paid_at = paid_at.max(known);
            }
        }
    }
    let payer = own_employer(person, 0);
    let (begins, count, salary_sek) = match story {
        AllowanceOneMonth => (add_months(first, 3), 1, 15_000),
        // Pay for work before the allowance.
        AllowanceFirstMonth => (add_months(first, -1), 2, 15_000),
        AllowanceSmallPay => (add_months(first, 3), 5, 990),
        _ => (add_months(first, 3), 5, 15_000),
    };
    let pays = person.employ(&payer, begins, add_days(add_months(begins, count), -1), salary_sek);
    person.declare(&pays);
    let known = agi_complete(add_months(begins, 1));
    let paid_at = pays.get(1).map_or(known, |pay| pay.known.max(paid_at));
    match story {
        AllowanceAndWork => person.breach(story, place, &[(paid_at, "weak"), (known, "medium")], None),
        _ => person.trap(story, place, known, None),
    }
}

/// An applicant who may work while the case is pending.
fn applicant(person: &mut Person<'_>, from: NaiveDate) -> usize {
    let place = first_permit(person, "ASYLUM_APPLICANT", from, 12, |permit| {
        permit.valid_to = None;
        permit.work_right = "any";
    });
    person.settle(from, person.world.until, false);
    place
}

fn after_grant(person: &mut Person<'_>, story: Scenario, from: NaiveDate) {
    let case = applicant(person, from);
    let decided_on = add_days(from, person.dice.between(150, 220));
    let permit = person.draft("HUMANITARIAN", decided_on, decided_on, Some(add_months(decided_on, 13)));
    let place = person.grant(permit);
    let known = person.permits[place].known;
    person.amend(case, known + 1, |permit| {
        permit.ended_on = Some(decided_on);
        permit.end_kind = Some("replaced");
    });
    let beyond = add_months(month_of(add_days(decided_on, DAYS_AFTER_GRANT)), 1);
    let last = if story == AllowanceAfterGrant { add_months(beyond, 2) } else { add_months(beyond, -1) };
    let beyond_at = pay_until(person, from, last, beyond);
    match story {
        AllowanceAfterGrant => person.breach(story, place, &[(beyond_at, "medium")], None),
        _ => person.trap(story, place, instant(add_days(beyond, 20)), None),
    }
}

fn after_move(person: &mut Person<'_>, story: Scenario, from: NaiveDate) {
    let place = first_permit(person, "PROT_TEMPORARY", from, 24, |_| {});
    person.settle(from, add_days(from, 30), true);
    let left_on = add_days(month_of(add_days(from, person.dice.between(120, 250))), 9);
    let known = person.office_after(left_on, 2, 8);
    person.emigrate(left_on, ("UKR", false), known);
    let beyond = add_months(month_of(left_on), 1);
    let beyond_at = pay_until(person, from, add_months(beyond, 2), beyond);
    person.breach(story, place, &[(beyond_at.max(known), "strong")], None);
    person.breach_of("temporary-permit-deregistered", story, place, &[(known, "medium")], None);
}

/// Pays the allowance month by month; returns when the payment for `beyond` is known.
fn pay_until(person: &mut Person<'_>, from: NaiveDate, last: NaiveDate, beyond: NaiveDate) -> i64 {
    let mut beyond_at = i64::MAX;
    for month in months(add_months(month_of(from), 1), last) {
        let known = person.pay_benefit(Benefit::Reception, month, ALLOWANCE_SEK);
        if month == beyond {
            beyond_at = known.max(instant(month));
        }
    }
    beyond_at
}

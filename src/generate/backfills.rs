//! Stories of salaries that are declared, or corrected upwards across the floor, only when an extension is applied for: at least
//! three months, more than 45 days after they were due, within 90 days of the application.

use chrono::NaiveDate;

use super::calendar::{DAY_US, add_days, add_months, agi_complete, day_of, month_of};
use super::payments::Pay;
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::{Job, come_and_go, hired, introduce};

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (23, 50));
    let from = person.some_day(25, 420);
    let job = hired(person, "WORK_EMP", from, 14, 0, |permit| permit.offered_sek = None);
    let to = person.permits[job.place].valid_to.unwrap_or(from);
    let mut pays = person.employ(&job.payer, job.from, to, job.floor_sek * 110 / 100);
    let filed_on = add_days(to, -50);
    if story == DeclaredLateUnasked {
        come_and_go(person, job.place);
    } else {
        person.apply("WORK_EMP", Some(&job.payer), filed_on, None);
        person.settle(from, to, true);
    }
    let told = person.office(add_days(filed_on, if story == DeclaredLongBefore { -160 } else { 12 }));
    if story == CorrectedBeforeExtension {
        return corrected(person, story, &job, pays, told);
    }
    // How many months before the declaration each month is; the last of them was due 46 days before it.
    let back: &[i32] = match story {
        BackfilledInRow => &[6, 5, 4, 3],
        BackfilledTwoMonths => &[5, 3],
        DeclaredSlightlyLate => &[],
        _ => &[7, 5, 3],
    };
    let late: Vec<NaiveDate> = back.iter().map(|months| add_months(month_of(day_of(told)), -months)).collect();
    for pay in &mut pays {
        if late.contains(&pay.month) {
            pay.known = told;
        } else if story == DeclaredSlightlyLate && pay.known > told - 150 * DAY_US && pay.known < told {
            pay.known += 22 * DAY_US;
        }
    }
    person.declare(&pays);
    match story {
        Backfilled | BackfilledInRow => person.breach(story, job.place, &[(told, "weak")], None),
        _ => person.trap(story, job.place, told, None),
    }
    if story == BackfilledInRow {
        // Three months of silence looked like the end of the employment, until the next month was declared.
        let silent = late.get(2).map_or(i64::MAX, |month| agi_complete(*month));
        let last = late.last().copied().unwrap_or(from);
        let again = pays.iter().find(|pay| pay.month > last).map(|pay| pay.known);
        person.breach_of("employment-ended", story, job.place, &[(silent, "medium")], again);
    }
}

/// Four months of low pay; whether they reach the floor matters only when the extension is applied for.
fn corrected(person: &mut Person<'_>, story: Scenario, job: &Job, mut pays: Vec<Pay>, told: i64) {
    let month = month_of(day_of(told));
    let first = pays.iter().position(|pay| pay.month >= add_months(month, -6)).unwrap_or(0);
    let high = job.floor_sek * 110 / 100;
    for pay in pays.iter_mut().skip(first).take(4) {
        pay.amount_sek = job.floor_sek * 80 / 100;
    }
    person.declare(&pays);
    for pay in pays.iter().skip(first).take(4) {
        person.declare_version(pay, 2, "correct", high, told);
    }
    let evaluated = |at: usize| match (pays.get(at), pays.get(at + 1)) {
        (Some(pay), Some(next)) => agi_complete(pay.month).max(next.known),
        _ => i64::MAX,
    };
    // Of three months the second low one brings the mean below 95 per cent, the third is the second in a row.
    let tiers = [(evaluated(first + 1), "weak"), (evaluated(first + 2), "medium")];
    person.breach_of("salary-below-floor", story, job.place, &tiers, Some(told));
    person.breach(story, job.place, &[(told, "weak")], None);
    // The rule about a fall in the person's own salaries raises a note at most.
    person.trap_of("salary-drop", story, job.place, evaluated(first), Some("info"));
}

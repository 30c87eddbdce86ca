//! Stories of employments that end before the permit does.
//!
//! A worker has three months to find another employment (four, if already told of an investigation), counted in whole months
//! without salary after the last month of employment, paid or excused. Leaving the country makes it strong. An application filed in
//! that time, or undecided when the employment ended, excuses unless it is refused; the application that an extension answers does
//! not, and an extension that is never worked under counts from its first day. A Blue Card allows three months without employment
//! in all, six once it has been held for two years.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, agi_complete, instant, last_of_month, month_of};
use super::payments::Pay;
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::{Job, come_and_go, complete, hired, introduce, leave_out};

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (23, 50));
    let from = person.some_day(25, 520);
    if story.rule_id() == "blue-card-unemployment" {
        return live_with_card(person, story, from);
    }
    if story == ExtensionUnworked {
        return leave_extension_unworked(person, story, from);
    }
    let job = hired(person, "WORK_EMP", from, 24, 42_000, |permit| {
        if story == JobEndsNotified || story == JobEndsLongerTime {
            permit.notified_on = Some(add_days(from, 40));
        }
    });
    let to = person.permits[job.place].valid_to.unwrap_or(person.world.until);
    let pays = person.employ(&job.payer, job.from, to, job.salary_sek);
    // Index of the first month without pay.
    let gap = person.dice.between(5, 7) as usize;
    if story != JobEndsDeparture {
        come_and_go(person, job.place);
    }
    match story {
        JobEnds | JobEndsNotified | JobEndsDeparture | JobEndsResumed | JobEndsDeclaredLate | JobEndsRefused => {
            breach(person, story, &job, pays, gap);
        }
        _ => innocent(person, story, &job, pays, gap),
    }
}

fn breach(person: &mut Person<'_>, story: Scenario, job: &Job, mut pays: Vec<Pay>, gap: usize) {
    let grace = if story == JobEndsNotified { 4 } else { 3 };
    let known = complete(&pays, gap + grace - 1);
    let ended_on = pays.get(gap - 1).map_or(job.from, |pay| last_of_month(pay.month));
    match story {
        JobEndsResumed => {
            leave_out(&mut pays, gap, 5);
            let again = pays.get(gap).map(|pay| pay.known);
            person.breach(story, job.place, &[(known, "medium")], again);
        }
        JobEndsDeclaredLate => {
            let told = known + person.dice.between(10, 40) * super::calendar::DAY_US;
            for pay in pays.iter_mut().skip(gap) {
                pay.known = pay.known.max(told);
            }
            person.breach(story, job.place, &[(known, "medium")], Some(told));
        }
        JobEndsDeparture => {
            pays.truncate(gap);
            let on = add_days(ended_on, person.dice.between(20, 45));
            let valid_from = person.permits[job.place].valid_from;
            person.settle(valid_from, on, true);
            let left_at = person.office(add_days(on, 5));
            person.emigrate(on, ("IND", false), left_at);
            person.breach(story, job.place, &[(known, "strong")], None);
            person.breach_of("temporary-permit-deregistered", story, job.place, &[(left_at, "medium")], None);
        }
        JobEndsRefused => {
            pays.truncate(gap);
            let refused_on = add_days(super::calendar::day_of(known), person.dice.between(20, 60));
            let refused_at = person.apply("WORK_EMP", None, add_days(ended_on, 40), Some((refused_on, "refused")));
            // The application excuses to the end of the day on which it is refused.
            let known = refused_at.max(instant(add_days(refused_on, 1)));
            person.breach(story, job.place, &[(known, "medium")], None);
        }
        _ => {
            pays.truncate(gap);
            if story == JobEndsNotified {
                let on = add_days(ended_on, -person.dice.between(2, 9));
                person.tell_notice("employment_end", Some(&job.payer), on, person.world.start, None);
            }
            person.breach(story, job.place, &[(known, "medium")], None);
        }
    }
    person.declare(&pays);
}

/// Works until the permit ends, and not at all under the extension that is granted months later.
fn leave_extension_unworked(person: &mut Person<'_>, story: Scenario, from: NaiveDate) {
    let job = hired(person, "WORK_EMP", from, 6, 42_000, |_| {});
    let to = person.permits[job.place].valid_to.unwrap_or(from);
    let pays = person.employ(&job.payer, job.from, to, job.salary_sek);
    person.declare(&pays);
    let filed_on = add_days(to, -person.dice.between(10, 40));
    let decided_on = add_days(to, person.dice.between(20, 80));
    person.apply("WORK_EMP", Some(&job.payer), filed_on, Some((decided_on, "granted")));
    let mut permit = person.draft("WORK_EMP", decided_on, decided_on, Some(add_days(add_months(decided_on, 24), -1)));
    permit.first_grant = false;
    permit.application_on = filed_on;
    permit.work_right = "employer";
    let extension = person.grant(permit);
    let granted_at = person.permits[extension].known;
    person.allow_employer(extension, &job.payer, decided_on, None, granted_at);
    person.settle(from, person.world.until, true);
    // The month of its first day counts as whole only if that day is its first.
    let first_month = month_of(add_days(add_months(decided_on, 1), -1));
    let known = agi_complete(add_months(first_month, 2)).max(granted_at);
    person.breach(story, extension, &[(known, "medium")], None);
}

fn innocent(person: &mut Person<'_>, story: Scenario, job: &Job, mut pays: Vec<Pay>, gap: usize) {
    let month = pays.get(gap).map_or(job.from, |pay| pay.month);
    let known = complete(&pays, gap + 2);
    match story {
        JobEndsApplied => {
            pays.truncate(gap);
            person.apply("WORK_EMP", None, add_days(add_months(month, 1), 12), None);
        }
        JobEndsExcused => {
            for later in 0..4 {
                person.excuse(add_months(month, later));
            }
            leave_out(&mut pays, gap, 4);
        }
        JobEndsTwoMonths => leave_out(&mut pays, gap, 2),
        JobEndsLongerTime => leave_out(&mut pays, gap, 3),
        JobEndsNewContract => {
            leave_out(&mut pays, gap, 5);
            let on = add_days(add_months(month, 1), 14);
            person.tell_notice("employment_start", Some(&job.payer), on, person.world.start, None);
        }
        JobEndsSeverance => {
            if let Some(last) = pays.get_mut(gap - 1) {
                last.amount_sek *= 5;
            }
            leave_out(&mut pays, gap, 5);
        }
        JobEndsProtected => {
            pays.truncate(gap);
            person.tell_protection(add_days(month, -40));
        }
        // A tip says that a sound worker does not work.
        _ => person.tell_tip("not_working", add_days(month, 10)),
    }
    person.declare(&pays);
    person.trap(story, job.place, known, None);
}

fn live_with_card(person: &mut Person<'_>, story: Scenario, from: NaiveDate) {
    let held_long = matches!(story, CardIdleLong | CardIdleSixMonths);
    let job = hired(person, "BLUE_CARD", from, 30, 58_000, |permit| {
        if held_long {
            permit.first_grant = false;
            permit.held_since = add_months(from, -25);
        }
    });
    let to = person.permits[job.place].valid_to.unwrap_or(person.world.until);
    let mut pays = person.employ(&job.payer, job.from, to, job.salary_sek);
    let gap = person.dice.between(4, 6) as usize;
    let month = pays.get(gap).map_or(from, |pay| pay.month);
    let end_of_idle = |pays: &[Pay], months: usize| complete(pays, gap + months - 1);
    if story != CardIdleMobility {
        come_and_go(person, job.place);
    }
    match story {
        CardIdle => {
            person.breach(story, job.place, &[(end_of_idle(&pays, 4), "medium")], None);
            pays.truncate(gap);
        }
        // Two months, three of work, and two again.
        CardIdleInParts => {
            person.breach(story, job.place, &[(end_of_idle(&pays, 7), "medium")], None);
            leave_out(&mut pays, gap + 5, 2);
            leave_out(&mut pays, gap, 2);
        }
        CardIdleLong => {
            person.breach(story, job.place, &[(end_of_idle(&pays, 7), "medium")], None);
            leave_out(&mut pays, gap, 8);
        }
        _ => {
            let known = end_of_idle(&pays, if held_long { 6 } else { 4 });
            explain_idle(person, story, &mut pays, gap, month);
            person.trap(story, job.place, known, None);
            if story == CardIdleMobility {
                moved_within_eu(person, story, job.place, month);
            }
        }
    }
    person.declare(&pays);
}

fn explain_idle(person: &mut Person<'_>, story: Scenario, pays: &mut Vec<Pay>, gap: usize, month: NaiveDate) {
    match story {
        CardIdleSixMonths => leave_out(pays, gap, 6),
        CardIdleExcused => {
            for later in 0..3 {
                person.excuse(add_months(month, later));
            }
            leave_out(pays, gap, 5);
        }
        CardIdleContract => {
            leave_out(pays, gap, 5);
            let told_on = add_days(month, 6);
            let known = person.office(told_on);
            person.tell_notice_at("employment_start", None, add_months(month, 5), known);
        }
        CardIdleMobility => pays.truncate(gap),
        _ => leave_out(pays, gap, 3),
    }
}

/// Moves to work in another EU country: the months there are no unemployment, but the register reports a move abroad.
fn moved_within_eu(person: &mut Person<'_>, story: Scenario, place: usize, month: NaiveDate) {
    let on = add_days(month_of(month), -5);
    let valid_from = person.permits[place].valid_from;
    person.settle(valid_from, on, true);
    let known = person.office(add_days(on, 4));
    person.emigrate(on, ("DEU", true), known);
    debug_assert!(known < agi_complete(month));
    person.breach_of("temporary-permit-deregistered", story, place, &[(known, "medium")], None);
}

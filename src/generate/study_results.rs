//! Stories of students with few results, and of students who work instead.
//!
//! Sixty days after a year of the permit, or ninety while a re-examination may be open, 15 credits are due (22.5 after the
//! second year); below half of that is medium. Full-time salary in four of a term's five months together with next to no
//! registrations and results is another purpose than studies: weak, in a second term medium. Work alone is lawful.

use chrono::NaiveDate;

use super::calendar::{DAY_US, Term, add_days, add_months, instant, month_of};
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::{introduce, own_employer};
use super::students::{register, student, study_term};
use super::study_stories::tiers;

const WAIT_DAYS: i64 = 60;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (19, 31));
    let drifts = story.rule_id() == "study-purpose-drift";
    let years = if drifts && story != DriftTwoTerms { 1 } else { 2 };
    let Some((place, school, due)) = student(person, years) else { return };
    if due.len() < 2 {
        return;
    }
    if drifts { drift(person, story, place, &school, &due) } else { progress(person, story, place, &school, &due) }
}

fn progress(person: &mut Person<'_>, story: Scenario, place: usize, school: &str, due: &[Term]) {
    let valid_from = person.permits[place].valid_from;
    let year_end = add_months(valid_from, 12);
    let evaluated = instant(add_days(year_end, WAIT_DAYS));
    for (number, term) in due.iter().enumerate() {
        if number < 2 {
            let on = add_days(term.starts_on, 3);
            register(person, "registered", term, school, on, instant(add_days(on, 2)));
        } else {
            study_term(person, term, school, valid_from);
        }
    }
    let tenths = match story {
        FewCredits | FewCreditsTip | CreditsReportedLate => 100,
        EnoughCredits => 150,
        ProgressExcused => 80,
        ProgressRetake => 120,
        _ => 0,
    };
    let spring = &due[1];
    let on = add_days(spring.starts_on, 100);
    if tenths > 0 {
        let known = person.office_after(on, 5, 30);
        person.tell_study("result", school, (on, Some(spring.starts_on), Some(spring.ends_on)), tenths, known);
    }
    match story {
        NoCredits => person.breach(story, place, &[(evaluated, "medium")], None),
        FewCredits => person.breach(story, place, &[(evaluated, "weak")], None),
        // A tip supports it: one tier more.
        FewCreditsTip => {
            person.tell_tip("not_studying", add_days(year_end, 10));
            person.breach(story, place, &[(evaluated, "medium")], None);
        }
        CreditsReportedLate => {
            let told = evaluated + person.dice.between(8, 40) * DAY_US + DAY_US / 3;
            let days = (add_days(spring.starts_on, 130), Some(spring.starts_on), Some(spring.ends_on));
            person.tell_study("result", school, days, 150, told);
            person.breach(story, place, &[(evaluated, "weak")], Some(told));
        }
        _ => {
            explain(person, story, school, due, year_end);
            person.trap(story, place, evaluated, None);
        }
    }
}

fn explain(person: &mut Person<'_>, story: Scenario, school: &str, due: &[Term], year_end: NaiveDate) {
    let spring = &due[1];
    match story {
        ProgressLeave => {
            let on = add_days(spring.starts_on, 25);
            let known = person.office_after(on, 1, 5);
            person.tell_study("leave_granted", school, (on, Some(on), Some(spring.ends_on)), 0, known);
        }
        ProgressExcused => {
            for month in 0..6 {
                person.excuse(add_months(month_of(spring.starts_on), month));
            }
        }
        // A course of the summer ends late in the year, its examination is passed after two months and a half.
        ProgressRetake => {
            let (from, to) = (add_days(year_end, -60), add_days(year_end, -8));
            let known = person.office(add_days(from, 3));
            person.tell_study("registered", school, (from, Some(from), Some(to)), 75, known);
            let on = add_days(year_end, 70);
            let known = person.office(add_days(on, 6));
            person.tell_study("result", school, (on, Some(from), Some(to)), 75, known);
        }
        _ => {}
    }
}

fn drift(person: &mut Person<'_>, story: Scenario, place: usize, school: &str, due: &[Term]) {
    let valid_from = person.permits[place].valid_from;
    let payer = own_employer(person, 0);
    let drifting = if story == DriftTwoTerms { 2 } else { 1 };
    let mut tells: Vec<(i64, &'static str)> = Vec::new();
    let mut studies_again_at = None;
    for (number, term) in due.iter().enumerate() {
        if number >= drifting {
            let registered_at = study_term(person, term, school, valid_from);
            studies_again_at.get_or_insert(registered_at);
            continue;
        }
        // The months whose first day lies in the term.
        let first = add_months(month_of(term.starts_on), 1);
        let last = if story == DriftThreeMonths { add_months(first, 2) } else { month_of(term.ends_on) };
        let pays = person.employ(&payer, first, add_days(add_months(last, 1), -1), 31_000);
        person.declare(&pays);
        let last_known = pays.last().map_or(0, |pay| pay.known);
        tells.push((
            instant(add_days(term.ends_on, WAIT_DAYS)).max(last_known),
            if number == 0 { "weak" } else { "medium" },
        ));
        study_beside(person, story, term, school);
    }
    match story {
        DriftOneTerm | DriftTwoTerms => person.breach(story, place, &tells, None),
        DriftUnregistered => {
            person.breach(story, place, &tells, None);
            let counted = due[0].starts_on.max(valid_from);
            person.breach_of("study-not-registered", story, place, &tiers(counted), studies_again_at);
        }
        _ => person.trap(story, place, tells[0].0, None),
    }
    if story == DriftTwoTerms {
        // Nothing in the first year: below half of what is due.
        let evaluated = instant(add_days(add_months(valid_from, 12), WAIT_DAYS));
        person.breach_of("study-low-progress", story, place, &[(evaluated, "medium")], None);
    }
}

/// What is studied in a term of full-time work.
fn study_beside(person: &mut Person<'_>, story: Scenario, term: &Term, school: &str) {
    let valid_from = term.starts_on;
    let on = add_days(term.starts_on, 4);
    let known = instant(add_days(on, 2));
    let period = (on, Some(term.starts_on), Some(term.ends_on));
    match story {
        WorksAndStudies | DriftThreeMonths => {
            study_term(person, term, school, valid_from);
        }
        DriftUnregistered => {}
        DriftDoctoral => {
            person.tell_study("doctoral_employment", school, (on, Some(term.starts_on), None), 0, known);
        }
        _ => {
            person.tell_study("registered", school, period, 75, known);
            if story == DriftOneCourse {
                let on = add_days(term.starts_on, 110);
                let known = person.office_after(on, 3, 15);
                person.tell_study("result", school, (on, period.1, period.2), 75, known);
            }
        }
    }
}

//! Stories of salaries below the floor that binds the permit.
//!
//! What counts is the mean of the last three full months of employment, a month on leave at the floor: below 95 per cent of the floor is weak, two
//! such evaluations in a row are medium, a mean of six months below 85 per cent is strong. A month is known to be a
//! full month of employment once a later month's pay is known.

use super::calendar::{DAY_US, HOUR_US, add_months, agi_complete};
use super::employers::employer_month;
use super::payments::Pay;
use super::person::Person;
use super::scenarios::Scenario;
use super::scenes::Job;

/// Salaries as per cent of the floor; all other months are at 110 per cent.
pub(super) fn plant(person: &mut Person<'_>, story: Scenario, job: &Job, mut pays: Vec<Pay>) {
    let b = person.dice.between(6, 8) as usize;
    let (place, floor) = (job.place, job.floor_sek);
    match story {
        // 110, 90, 90, 90, 110: one mean of three below 95 per cent.
        Scenario::ShortDip => {
            set(&mut pays, floor, b, 3, 90);
            person.declare(&pays);
            person.breach(story, place, &[(evaluated(&pays, b + 2), "weak")], Some(evaluated(&pays, b + 3)));
        }
        // Eight months at 88: below 95 from the third on, never below 85.
        Scenario::LongDip => {
            set(&mut pays, floor, b, 8, 88);
            person.declare(&pays);
            let tiers = [(evaluated(&pays, b + 2), "weak"), (evaluated(&pays, b + 3), "medium")];
            person.breach(story, place, &tiers, Some(evaluated(&pays, b + 8)));
        }
        // 70 to the end: below 95 from the second month, the mean of six below 85 from the fourth.
        Scenario::DeepDip => {
            set(&mut pays, floor, b, 100, 70);
            person.declare(&pays);
            let tiers = [
                (evaluated(&pays, b + 1), "weak"),
                (evaluated(&pays, b + 2), "medium"),
                (evaluated(&pays, b + 3), "strong"),
            ];
            person.breach(story, place, &tiers, None);
            // The offer was 110 per cent of the floor: a mean of three at 83 is below 80 per cent of it.
            person.breach_of("salary-below-offered", story, place, &[(evaluated(&pays, b + 1), "medium")], None);
        }
        Scenario::CorrectedDown | Scenario::CorrectedUp => return corrected_salaries(person, story, job, pays, b),
        _ => return explained(person, story, job, pays, b),
    }
    super::salary_drops::note(person, story, place, &pays);
}

/// Low pay that the law accepts, or that is not what it seems.
fn explained(person: &mut Person<'_>, story: Scenario, job: &Job, mut pays: Vec<Pay>, b: usize) {
    let (place, floor) = (job.place, job.floor_sek);
    match story {
        Scenario::ExactTolerance => {
            set(&mut pays, floor, 0, 100, 95);
            person.declare(&pays);
            person.trap(story, place, evaluated(&pays, 3), None);
        }
        Scenario::OneBadMonth => {
            set(&mut pays, floor, b, 1, 75);
            person.declare(&pays);
            super::salary_drops::note(person, story, place, &pays);
            person.trap(story, place, evaluated(&pays, b), None);
        }
        // Half a month's pay comes a month late: three times as much in the next month.
        Scenario::PaymentShift => {
            set(&mut pays, floor, b, 1, 55);
            set(&mut pays, floor, b + 1, 1, 165);
            person.declare(&pays);
            person.trap(story, place, evaluated(&pays, b), Some("weak"));
        }
        Scenario::PartMonths => {
            pays.truncate(b + 3);
            set(&mut pays, floor, 0, 1, 30);
            set(&mut pays, floor, b + 2, 1, 30);
            person.declare(&pays);
            let last = pays.get(b + 2).map(|pay| pay.month);
            person.trap(story, place, last.map_or(i64::MAX, agi_complete), None);
            // The employment has ended, and the person finds no other in three months.
            let silent = last.map_or(i64::MAX, |month| agi_complete(add_months(month, 3)));
            person.breach_of("employment-ended", story, place, &[(silent, "medium")], None);
        }
        Scenario::ExcusedDip => {
            set(&mut pays, floor, b, 4, 15);
            for pay in pays.iter().skip(b).take(4) {
                person.excuse(pay.month);
            }
            person.declare(&pays);
            person.trap(story, place, evaluated(&pays, b + 1), None);
        }
        // 80, leave, 80 with sound months between: beside each other the low ones would be below.
        Scenario::UnpaidLeave => {
            set(&mut pays, floor, b, 1, 80);
            set(&mut pays, floor, b + 4, 1, 80);
            if b + 2 < pays.len() {
                let leave = pays.remove(b + 2);
                person.excuse(leave.month);
            }
            person.declare(&pays);
            person.trap(story, place, evaluated(&pays, b + 3), None);
            // The rule about a fall in the person's own salaries raises a note at most.
            person.trap_of("salary-drop", story, place, evaluated(&pays, b), Some("info"));
        }
        Scenario::OldFloor => {
            person.declare(&pays);
            person.trap(story, place, evaluated(&pays, 3), None);
        }
        _ => incomplete_month(person, story, job, &pays, b),
    }
}

/// Five months are declared, and all are corrected some days after the last of them.
fn corrected_salaries(person: &mut Person<'_>, story: Scenario, job: &Job, mut pays: Vec<Pay>, b: usize) {
    let low = job.floor_sek * 80 / 100;
    let high = job.floor_sek * 110 / 100;
    let last_known = pays.get(b + 4).map_or(i64::MAX / 2, |pay| pay.known);
    let corrected_at = last_known + person.dice.between(3, 9) * DAY_US;
    let (first_sek, then_sek) = if story == Scenario::CorrectedDown { (high, low) } else { (low, high) };
    for pay in pays.iter_mut().skip(b).take(5) {
        pay.amount_sek = first_sek;
    }
    if story == Scenario::CorrectedDown {
        for pay in pays.iter_mut().skip(b + 5).take(4) {
            pay.amount_sek = low;
        }
    }
    person.declare(&pays);
    for pay in pays.iter().skip(b).take(5) {
        person.declare_version(pay, 2, "correct", then_sek, corrected_at);
    }
    // The rule about a fall in the person's own salaries raises a note at most.
    person.trap_of("salary-drop", story, job.place, evaluated(&pays, b), Some("info"));
    match story {
        // Low from b to b+8, high from b+9: the mean is sound again at b+10.
        Scenario::CorrectedDown => {
            person.breach(story, job.place, &[(corrected_at, "medium")], Some(evaluated(&pays, b + 10)));
        }
        _ => {
            let tiers = [(evaluated(&pays, b + 1), "weak"), (evaluated(&pays, b + 2), "medium")];
            person.breach(story, job.place, &tiers, Some(corrected_at));
        }
    }
}

/// The employer declares only part of its staff in time: the month cannot be judged until the source reports that it is complete.
fn incomplete_month(person: &mut Person<'_>, story: Scenario, job: &Job, pays: &[Pay], b: usize) {
    let Some(pay) = pays.get(b).cloned() else {
        return person.declare(pays);
    };
    let completed_at = agi_complete(pay.month) + person.dice.between(12, 20) * DAY_US;
    person.tell_reference(employer_month(&pay.payer, pay.month, 60, 1, pay.known + HOUR_US));
    person.tell_reference(employer_month(&pay.payer, pay.month, 100, 2, completed_at + HOUR_US));
    let rest: Vec<Pay> = pays.iter().filter(|other| other.month != pay.month).cloned().collect();
    person.declare(&rest);
    if story == Scenario::IncompletePartial {
        person.declare_version(&pay, 1, "upsert", pay.amount_sek * 30 / 100, pay.known);
        person.declare_version(&pay, 2, "correct", pay.amount_sek, completed_at);
    } else {
        person.declare_version(&pay, 1, "upsert", pay.amount_sek, completed_at);
    }
    person.trap(story, job.place, agi_complete(pay.month) + 6 * DAY_US, None);
}

/// When the evaluation of the month at `at` is known: it is complete, and the next month's pay is known.
fn evaluated(pays: &[Pay], at: usize) -> i64 {
    match (pays.get(at), pays.get(at + 1)) {
        (Some(pay), Some(next)) => agi_complete(pay.month).max(next.known).max(pay.known),
        _ => i64::MAX,
    }
}

fn set(pays: &mut [Pay], floor_sek: i64, from: usize, count: usize, pct: i64) {
    for pay in pays.iter_mut().skip(from).take(count) {
        pay.amount_sek = floor_sek * pct / 100;
    }
}

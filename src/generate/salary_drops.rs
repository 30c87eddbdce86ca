//! Stories of salaries that fall far below the person's own earlier ones: a statistical note without legal meaning.
//!
//! A full month of employment is noted when it is below 75 per cent of the median of the full months of the year before,
//! at least six of them, and further from it than 3.5 times their usual deviation (as 0.6745 of it), until the next month
//! that is not. A month that is excused, or made up for in the next, is not.

use super::calendar::agi_complete;
use super::payments::Pay;
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::{come_and_go, hired, introduce};

const USUAL_SEK: i64 = 72_000;
const LEAST_MONTHS: usize = 6;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (23, 50));
    let from = person.some_day(25, 620);
    let class = if story == CardSalaryDrops { "BLUE_CARD" } else { "WORK_EMP" };
    let job = hired(person, class, from, 24, USUAL_SEK, |permit| permit.offered_sek = None);
    come_and_go(person, job.place);
    let to = person.permits[job.place].valid_to.unwrap_or(person.world.until);
    let mut pays = person.employ(&job.payer, job.from, to, USUAL_SEK);
    let last = pays.len().saturating_sub(1);
    for (place, pay) in pays.iter_mut().enumerate() {
        if place > 0 && place < last {
            pay.amount_sek = USUAL_SEK * salary_pct(story, place) / 100;
        }
    }
    if story == SalaryDropExcused {
        for pay in pays.iter().skip(9).take(3) {
            person.excuse(pay.month);
        }
    }
    person.declare(&pays);
    match story {
        SalaryDrops | SalaryDropsAndRecovers | CardSalaryDrops => note(person, story, job.place, &pays),
        _ => person.trap(story, job.place, pays.get(9).map_or(i64::MAX, |pay| agi_complete(pay.month)), None),
    }
}

fn salary_pct(story: Scenario, place: usize) -> i64 {
    match (story, place) {
        (SalaryDrops, 9..) => 62,
        (SalaryDropsAndRecovers, 9..=11) => 65,
        (CardSalaryDrops, 9..) => 73,
        (SalaryDropsLittle, 9..) => 76,
        (SalaryVaries, _) => [100, 70, 130, 66, 140][place % 5],
        (SalaryDropExcused, 9..=11) => 40,
        (SalaryDropShifted, 9) => 50,
        (SalaryDropShifted, 10) => 150,
        (SalaryDropsEarly, 5..=6) => 65,
        _ => 100,
    }
}

/// Notes a fall in the given salaries: from the first low month until the first later one that is not low.
pub(super) fn note(person: &mut Person<'_>, story: Scenario, place: usize, pays: &[Pay]) {
    let amounts: Vec<i64> = pays.iter().map(|pay| pay.amount_sek).collect();
    let full = 1..pays.len().saturating_sub(1);
    let Some(first) = full.clone().find(|month| is_low(&amounts, *month)) else { return };
    let usual = full.skip(first).find(|month| !is_low(&amounts, *month));
    let evaluated = |at: usize| agi_complete(pays[at].month).max(pays[at + 1].known);
    let tiers = [(evaluated(first), "info")];
    person.breach_of("salary-drop", story, place, &tiers, usual.map(evaluated));
}

fn is_low(amounts: &[i64], month: usize) -> bool {
    let earlier = &amounts[month.saturating_sub(12).max(1)..month];
    if earlier.len() < LEAST_MONTHS {
        return false;
    }
    let amount = amounts[month];
    let median = lower_median(earlier.to_vec());
    let deviation = lower_median(earlier.iter().map(|one| (one - median).abs()).collect());
    amounts[month + 1] * 100 < amount * 180
        && amount * 100 < median * 75
        && (median - amount) * 6_745 > deviation * 35_000
}

fn lower_median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

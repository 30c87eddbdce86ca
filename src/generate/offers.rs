//! Stories of salaries below the offer, and below the threshold of a Blue Card.
//!
//! Only full months of employment count (the first and last do not). Offer: a mean of three months below 80 per cent is medium; a
//! mean of six below 95 per cent with at least three months below 90 is weak. Blue Card: a mean of six below 97 per cent of its
//! threshold is weak, or more if the employer has reported worse terms, and counts for nothing if the mean of twelve reaches the
//! threshold.

use super::calendar::{DAY_US, agi_complete};
use super::payments::Pay;
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::{come_and_go, hired, introduce};

const OFFER_SEK: i64 = 44_000;
const THRESHOLD_SEK: i64 = 50_000;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (23, 50));
    let card = story.rule_id() == "blue-card-salary-low";
    let from = person.some_day(25, 620);
    let (class, required_sek) = if card { ("BLUE_CARD", THRESHOLD_SEK) } else { ("ICT", OFFER_SEK) };
    let job = hired(person, class, from, 30, if card { 58_000 } else { OFFER_SEK }, |_| {});
    come_and_go(person, job.place);
    let to = person.permits[job.place].valid_to.unwrap_or(person.world.until);
    let mut pays = person.employ(&job.payer, job.from, to, required_sek);
    let pct = |place: usize| salary_pct(story, place);
    let last = pays.len().saturating_sub(1);
    for (place, pay) in pays.iter_mut().enumerate() {
        if place > 0 && place < last {
            pay.amount_sek = required_sek * pct(place) / 100;
        }
    }
    if story == OfferExcused || story == CardLowExcused {
        for pay in pays.iter().skip(7).take(4) {
            person.excuse(pay.month);
        }
    }
    if story == CardLowNoticed {
        let on = pays.get(3).map_or(from, |pay| pay.month);
        person.tell_notice("terms_worse", Some(&job.payer), on, person.world.start, None);
    }
    person.declare(&pays);
    // Indexes of the first low evaluation, of the highest one, and of the first good one after it.
    let (first, ended) = match story {
        OfferMissedDeep | OfferMissedSlightly => (9, None),
        OfferMissedForAWhile => (9, Some(14)),
        CardLow | CardLowNoticed => (6, None),
        CardLowMended => (6, Some(11)),
        _ => return trap(person, story, job.place, &pays),
    };
    let tier = match story {
        OfferMissedDeep | OfferMissedForAWhile | CardLowNoticed => "medium",
        _ => "weak",
    };
    let ended_at = ended.map(|place| evaluated(&pays, place));
    person.breach(story, job.place, &[(evaluated(&pays, first), tier)], ended_at);
}

/// Salary of a month, as per cent of what is required.
fn salary_pct(story: Scenario, place: usize) -> i64 {
    match (story, place) {
        (OfferMissedDeep, 7..) => 75,
        (OfferMissedSlightly, 7..) => 88,
        (OfferMissedForAWhile, 7..=10) => 75,
        (OfferExact, _) => 95,
        (OfferTwoLowMonths, 7..=8) => 80,
        (OfferExcused, 7..=10) => 20,
        (OfferShifted, 7) => 30,
        (OfferShifted, 8) => 190,
        (CardLow | CardLowNoticed, _) => 90,
        // Low for nine months: the mean of six is at 97 again with the third good one (90, 90, 90, 106, 106, 106).
        (CardLowMended, ..=8) => 90,
        (CardLowMended, _) => 106,
        (CardLowExact, _) => 97,
        (CardBonus, 6 | 18) => 300,
        (CardBonus, 7..) => 92,
        (CardLowExcused, 7..=10) => 30,
        _ => 100,
    }
}

fn trap(person: &mut Person<'_>, story: Scenario, place: usize, pays: &[Pay]) {
    let max_severity = (story == OfferShifted).then_some("weak");
    let careless = pays.get(8).map_or(i64::MAX, |pay| agi_complete(pay.month) + 6 * DAY_US);
    person.trap(story, place, careless, max_severity);
}

/// When the evaluation of a month is known: it is complete, and the next month's pay shows that it was a full one.
fn evaluated(pays: &[Pay], place: usize) -> i64 {
    match (pays.get(place), pays.get(place + 1)) {
        (Some(pay), Some(next)) => agi_complete(pay.month).max(next.known),
        _ => i64::MAX,
    }
}

//! Stories of benefits on the ground of residence, for time more than seven days after a move abroad.

use chrono::NaiveDate;

use super::calendar::{DAY_US, add_days, add_months, day_in_month, month_of, months};
use super::payments::{Benefit, CHILD_BENEFIT_SEK};
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario::{self, *};
use super::scenes::{first_permit, introduce};

const DAYS_AFTER_MOVE: i64 = 7;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (24, 55));
    let world = person.world;
    let permanent = matches!(
        story,
        PaidAfterMove | PaidWithinEu | PaidInStateService | PaidAfterMoveUndone | PaidAfterMoveCorrected
    );
    let (place, left_on) = if permanent {
        let from = add_days(world.start, -person.dice.between(60, 1_500));
        let permit = person.draft("PERMANENT", add_days(from, -5), from, None);
        (person.grant(permit), person.some_day(150, 300))
    } else {
        let from = person.some_day(25, 520);
        (first_permit(person, "HUMANITARIAN", from, 24, |_| {}), add_days(from, person.dice.between(150, 280)))
    };
    // A move in the first week of a month separates the tiers of days; one at its end separates the innocent.
    let left_on = match story {
        PaidForSevenDays => add_days(super::calendar::last_of_month(left_on), -3),
        _ => day_in_month(left_on, 5 + (person.index % 14) as u32),
    };
    let from = person.permits[place].valid_from;
    person.settle(from, from.max(world.start), true);
    let known = person.office_after(left_on, 2, 5);
    if story == PaidInStateService {
        person.tell_notice("state_service_abroad", None, add_days(left_on, -20), world.start, None);
    }
    if story == PaidBeforeReturn {
        return paid_before_the_return(person, story, place, left_on, known);
    }
    person.emigrate(left_on, if story == PaidWithinEu { ("DEU", true) } else { ("USA", false) }, known);
    let paid_at = pay(person, story, from.max(world.start), left_on);
    let moved_at = known + 30 * DAY_US;
    let (rule_of_move, move_at, tier) = if permanent {
        ("permanent-permit-emigrated", moved_at, "strong")
    } else {
        ("temporary-permit-deregistered", known, "medium")
    };
    let counted = paid_at.max(known);
    let undone = match story {
        PaidAfterMoveCorrected => {
            let mended = moved_at + person.dice.between(20, 50) * DAY_US;
            person.post_as("correct", left_on, mended, Change::RegisteredAgain);
            Some(mended)
        }
        _ => None,
    };
    match story {
        PaidInStateService => person.trap_of(rule_of_move, story, place, move_at, None),
        _ => person.breach_of(rule_of_move, story, place, &[(move_at, tier)], undone),
    }
    match story {
        PaidAfterMove | PaidAfterMoveTemporary => person.breach(story, place, &[(counted, "medium")], None),
        PaidAfterMoveCorrected => person.breach(story, place, &[(counted, "medium")], undone),
        PaidAfterMoveUndone => {
            let taken_back = counted + person.dice.between(60, 90) * DAY_US;
            for month in months(first_beyond(left_on), add_months(first_beyond(left_on), 2)) {
                person.retract_benefit(Benefit::Child, month, taken_back);
            }
            person.breach(story, place, &[(counted, "medium")], Some(taken_back));
        }
        PaidWithinEu => person.trap(story, place, counted, Some("weak")),
        _ => person.trap(story, place, counted, None),
    }
}

/// The register reports the move after the return that followed it: it is over, but benefits were paid for the time between.
fn paid_before_the_return(person: &mut Person<'_>, story: Scenario, place: usize, left_on: NaiveDate, known: i64) {
    let back_on = add_months(left_on, 4);
    let back_at = person.office_after(back_on, 2, 5);
    let arrives = back_at + 6 * DAY_US;
    let country = Some(("USA", false));
    person.post_arriving(left_on, known, Change::Deregistered { code: "UV", on: left_on, country }, arrives);
    person.post(back_on, back_at, Change::RegisteredAgain);
    let from = person.permits[place].valid_from.max(person.world.start);
    let paid_at = pay(person, story, from, left_on);
    person.breach(story, place, &[(paid_at.max(arrives), "medium")], None);
}

/// The first month that begins more than seven days after the move.
fn first_beyond(left_on: NaiveDate) -> NaiveDate {
    add_months(month_of(add_days(left_on, DAYS_AFTER_MOVE)), 1)
}

/// Pays until some months after the move, or what looks like one; returns when the first payment too many is known.
fn pay(person: &mut Person<'_>, story: Scenario, from: NaiveDate, left_on: NaiveDate) -> i64 {
    let benefit = if story == PaidForWork { Benefit::Unemployment } else { Benefit::Child };
    let beyond = first_beyond(left_on);
    let last = match story {
        PaidForSevenDays | PaidInArrears => add_months(beyond, -1),
        _ => add_months(beyond, 2),
    };
    let mut beyond_at = i64::MAX;
    for month in months(add_months(month_of(from), 2), last) {
        let known = match story {
            PaidInArrears if month > add_months(beyond, -4) => {
                person.pay_benefit_on(benefit, month, CHILD_BENEFIT_SEK, add_days(month, 170))
            }
            _ => person.pay_benefit(benefit, month, CHILD_BENEFIT_SEK),
        };
        if month == beyond {
            beyond_at = known;
        }
    }
    if beyond_at == i64::MAX { super::calendar::instant(add_days(beyond, 25)) } else { beyond_at }
}

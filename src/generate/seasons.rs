//! Stories of seasonal work: six months in twelve (nine from June 2026), and salary after the permit, which is weak when it is
//! known and medium when its month is complete.
//!
//! 184 days is the longest run of six calendar months, 276 of nine.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, agi_complete, instant, month_of, ymd};
use super::payments::first_month_beyond;
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::{introduce, own_employer};

const SALARY_SEK: i64 = 27_000;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (20, 50));
    let payer = own_employer(person, 0);
    let from = person.some_day(25, 400);
    // Days of the first and second permit, and days between them.
    let (first_days, gap_days, second_days) = match story {
        SeasonTwice => (150, 40, 100),
        SeasonExact => (150, 40, 34),
        SeasonsApart => (150, 230, 150),
        _ => (140, 0, 0),
    };
    let first = season(person, from, first_days);
    let known = person.permits[first].known;
    person.allow_employer(first, &payer, from, None, known);
    let to = add_days(from, first_days - 1);
    let pays_after = match story {
        SeasonPaidLater => 3,
        SeasonApplied => 4,
        _ => 0,
    };
    // Salary in arrears is for a month that begins within 31 days of the end.
    let last_month = add_months(first_month_beyond(to), pays_after - 1);
    let paid_until =
        if pays_after > 0 || story == SeasonArrears { add_days(add_months(last_month, 1), -1) } else { to };
    let pays = person.employ(&payer, add_days(from, 2), paid_until, SALARY_SEK);
    person.declare(&pays);
    if story == SeasonApplied {
        person.apply("SEASONAL", Some(&payer), add_days(to, -9), None);
    }
    if second_days > 0 {
        let again = add_days(to, gap_days + 1);
        let second = season(person, again, second_days);
        let known = person.permits[second].known;
        person.allow_employer(second, &payer, again, None, known);
        let pays = person.employ(&payer, add_days(again, 2), add_days(again, second_days - 1), SALARY_SEK);
        person.declare(&pays);
        // The first day of the second permit that is too much.
        let exceeded_on = first_day_beyond(again, first_days);
        let known = instant(exceeded_on).max(person.permits[second].known);
        if story == SeasonTwice && exceeded_on <= add_days(again, second_days - 1) {
            return person.breach(story, second, &[(known, "medium")], Some(instant(add_days(again, second_days))));
        }
        let trap = if story == SeasonTwice { SeasonExact } else { story };
        return person.trap(trap, second, known, None);
    }
    person.settle(from, paid_until, false);
    let month = first_month_beyond(to);
    let known = agi_complete(month);
    let paid_at = pays.iter().find(|pay| pay.month == month).map_or(known, |pay| pay.known);
    match story {
        SeasonPaidLater => person.breach(story, first, &[(paid_at, "weak"), (known, "medium")], None),
        _ => person.trap(story, first, agi_complete(month_of(add_days(to, 31))), None),
    }
}

fn season(person: &mut Person<'_>, from: NaiveDate, days: i64) -> usize {
    let decided_on = add_days(from, -person.dice.between(2, 20));
    let mut permit = person.draft("SEASONAL", decided_on, from, Some(add_days(from, days - 1)));
    permit.offered_sek = Some(SALARY_SEK);
    permit.work_right = "employer";
    person.grant(permit)
}

/// The day of the second permit that passes the limit in force on it, all of the first within the year before.
fn first_day_beyond(again: NaiveDate, first_days: i64) -> NaiveDate {
    let beyond = |limit| add_days(again, limit - first_days);
    if beyond(184) < ymd(2026, 6, 1) { beyond(184) } else { beyond(276).max(ymd(2026, 6, 1)) }
}

//! Days, months and academic terms, and the rhythm of employer declarations.
//!
//! Instants are microseconds since 1970 in UTC; a day as an instant is its 00:00 UTC.

use chrono::{Datelike, Days, Months, NaiveDate};

pub(super) const SECOND_US: i64 = 1_000_000;
pub(super) const HOUR_US: i64 = 3600 * SECOND_US;
pub(super) const DAY_US: i64 = 24 * HOUR_US;
/// Day number of 1970-01-01, counted from 0001-01-01 as day 1.
const EPOCH_DAY: i32 = 719_163;

pub(super) fn epoch_days(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - EPOCH_DAY
}

pub(super) fn instant(day: NaiveDate) -> i64 {
    i64::from(epoch_days(day)) * DAY_US
}

pub(super) fn day_of(instant_us: i64) -> NaiveDate {
    let days = i32::try_from(instant_us.div_euclid(DAY_US)).unwrap_or(0);
    NaiveDate::from_num_days_from_ce_opt(days + EPOCH_DAY).unwrap_or_default()
}

/// A day of a year that is known to be within the calendar; the first of the month where the day does not exist.
pub(super) fn ymd(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).or_else(|| NaiveDate::from_ymd_opt(year, month, 1)).unwrap_or_default()
}

pub(super) fn add_days(day: NaiveDate, days: i64) -> NaiveDate {
    let step = Days::new(days.unsigned_abs());
    let moved = if days < 0 { day.checked_sub_days(step) } else { day.checked_add_days(step) };
    moved.unwrap_or(day)
}

/// Calendar months later (or earlier), on the month's last day where the day does not exist.
pub(super) fn add_months(day: NaiveDate, months: i32) -> NaiveDate {
    let step = Months::new(months.unsigned_abs());
    let moved = if months < 0 { day.checked_sub_months(step) } else { day.checked_add_months(step) };
    moved.unwrap_or(day)
}

pub(super) fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

pub(super) fn last_of_month(month: NaiveDate) -> NaiveDate {
    add_days(add_months(month_of(month), 1), -1)
}

pub(super) fn day_in_month(month: NaiveDate, day: u32) -> NaiveDate {
    month.with_day(day).unwrap_or(month)
}

/// The first days of the calendar months from that of `from` to that of `to`.
pub(super) fn months(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let (first, last) = (month_of(from), month_of(to));
    (0..).map(move |step| add_months(first, step)).take_while(move |month| *month <= last)
}

/// When a month's declarations count as complete: the 7th of the second month after, about 11 days after the
/// last due date.
pub(super) fn agi_complete(month: NaiveDate) -> i64 {
    instant(day_in_month(add_months(month_of(month), 2), 7))
}

/// The day on which a month must be declared: the 12th of the next month, the 17th in January and August, the
/// 26th for large employers (Skatteverket).
pub(super) fn declaration_due(month: NaiveDate, large_employer: bool) -> NaiveDate {
    let next = add_months(month_of(month), 1);
    let day = match (large_employer, next.month()) {
        (true, _) => 26,
        (false, 1 | 8) => 17,
        (false, _) => 12,
    };
    day_in_month(next, day)
}

/// An academic term; autumn ends on the day before spring begins.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) code: String,
    pub(super) starts_on: NaiveDate,
    pub(super) ends_on: NaiveDate,
    pub(super) autumn: bool,
}

/// Terms of the years from `first_year` to `last_year`: spring begins on the first Monday from 15 January and
/// each term lasts twenty weeks.
pub(super) fn terms(first_year: i32, last_year: i32) -> Vec<Term> {
    const TERM_DAYS: i64 = 140;
    let mut terms = Vec::new();
    for year in first_year..=last_year {
        let spring = spring_start(year);
        let next_spring = spring_start(year + 1);
        terms.push(Term {
            code: format!("{year}VT"),
            starts_on: spring,
            ends_on: add_days(spring, TERM_DAYS - 1),
            autumn: false,
        });
        terms.push(Term {
            code: format!("{year}HT"),
            starts_on: add_days(next_spring, -TERM_DAYS),
            ends_on: add_days(next_spring, -1),
            autumn: true,
        });
    }
    terms
}

fn spring_start(year: i32) -> NaiveDate {
    let earliest = ymd(year, 1, 15);
    let past_monday = i64::from(earliest.weekday().num_days_from_monday());
    add_days(earliest, (7 - past_monday) % 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_follow_each_other() {
        let terms = terms(2026, 2027);
        assert_eq!(terms[1].code, "2026HT");
        assert_eq!(terms[1].starts_on, ymd(2026, 8, 31));
        assert_eq!(add_days(terms[1].ends_on, 1), terms[2].starts_on);
    }

    #[test]
    fn declarations_fall_due_as_the_tax_agency_says() {
        assert_eq!(declaration_due(ymd(2025, 12, 1), false), ymd(2026, 1, 17));
        assert_eq!(declaration_due(ymd(2026, 2, 1), false), ymd(2026, 3, 12));
        assert_eq!(declaration_due(ymd(2026, 2, 1), true), ymd(2026, 3, 26));
        assert_eq!(day_of(agi_complete(ymd(2026, 5, 15))), ymd(2026, 7, 7));
    }
}

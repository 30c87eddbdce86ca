//! The three times, as three types: when it was true, when it reached us, what the wall clock shows.
//!
//! All are microseconds since 1970-01-01T00:00:00Z. Only `clock` reads the wall clock.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, TimeDelta};

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// When something became known to us: the Kafka timestamp, never falling within a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KnownTime(pub i64);

/// When something was true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventTime(pub i64);

/// What the wall clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WallTime(pub i64);

/// A Swedish calendar day, in days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i32);

impl KnownTime {
    pub const MIN: KnownTime = KnownTime(i64::MIN);
    pub const MAX: KnownTime = KnownTime(i64::MAX);

    pub fn minus(self, micros: i64) -> KnownTime {
        KnownTime(self.0.saturating_sub(micros))
    }

    /// The day of the instant (UTC).
    pub fn day(self) -> Day {
        Day(self.0.div_euclid(MICROS_PER_DAY) as i32)
    }

    /// The next midnight (UTC), or the instant itself if it is one: a rule with a cadence then sees what has become known up to it.
    pub fn next_midnight(self) -> KnownTime {
        KnownTime(self.0.saturating_add(MICROS_PER_DAY - 1).div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY)
    }
}

impl Day {
    /// First and last day that a record may contain.
    pub const FIRST: Day = Day(-25_567);
    pub const LAST: Day = Day(84_005);

    /// The instant of a day: 00:00 UTC. This is the only place where a day becomes an instant.
    pub fn instant(self) -> i64 {
        i64::from(self.0) * MICROS_PER_DAY
    }

    pub fn from_date(date: NaiveDate) -> Day {
        Day(date.num_days_from_ce() - 719_163)
    }

    pub fn date(self) -> Option<NaiveDate> {
        NaiveDate::from_num_days_from_ce_opt(self.0.checked_add(719_163)?)
    }

    /// The same day of the month `months` later (earlier if negative), or that month's last day.
    pub fn add_months(self, months: i32) -> Option<Day> {
        let (month, of_month) = month_of(i64::from(self.0));
        let month = month + i64::from(months);
        let first = first_day(month);
        // Every month has at least 28 days.
        let of_month = if of_month < 28 { of_month } else { of_month.min(first_day(month + 1) - first - 1) };
        i32::try_from(first + of_month).ok().map(Day)
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Day {
        Day(self.0.saturating_add(1))
    }

    pub fn first_of_month(self) -> Option<Day> {
        let (_, of_month) = month_of(i64::from(self.0));
        i32::try_from(i64::from(self.0) - of_month).ok().map(Day)
    }

    /// When the salary declarations for the day's month are counted as complete: 00:00 on the 7th of the second
    /// month after, eleven days past the last due date (the 26th, for large employers; Skatteverket, rättslig vägledning).
    pub fn agi_complete(self) -> Option<i64> {
        let (month, _) = month_of(i64::from(self.0));
        (first_day(month + 2) + 6).checked_mul(MICROS_PER_DAY)
    }
}

/// Days from 1 March of the year 0 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// The calendar repeats after this many years, months, and days.
const ERA_YEARS: u32 = 400;
const ERA_MONTHS: i64 = 12 * ERA_YEARS as i64;
const ERA_DAYS: i64 = 146_097;

/// Years from 0 that are counted without computing their era.
const PLAIN_YEARS: u32 = 100 * ERA_YEARS;

/// Months since March of the year 0, and days since that month's first, of a day since 1970. Computed without a calendar library
/// (after Neri and Schneider), since rules count months for every row.
pub fn month_of(day: i64) -> (i64, i64) {
    let day = day + DAYS_TO_1970;
    let Some(plain) = u32::try_from(day).ok().filter(|day| *day < PLAIN_YEARS * 365) else {
        let (month, of_month) = plain_month_of(day.rem_euclid(ERA_DAYS) as u32);
        return (month + day.div_euclid(ERA_DAYS) * ERA_MONTHS, of_month);
    };
    plain_month_of(plain)
}

/// The same for a day since 1 March of the year 0.
fn plain_month_of(day: u32) -> (i64, i64) {
    let quarters = 4 * day + 3;
    let century = quarters / ERA_DAYS as u32;
    // A year of a century has 1,461 quarter days; 2,939,745 is 2^32 divided by that.
    let years = 2_939_745 * u64::from((quarters % ERA_DAYS as u32) | 3);
    let year = 100 * century + (years >> 32) as u32;
    let of_year = years as u32 / 2_939_745 / 4;
    // Counted from March, months begin along this line of slope 30.6.
    let months = 2_141 * of_year + 1_305;
    (i64::from(12 * year + (months >> 16)), i64::from((months & 0xffff) / 2_141))
}

/// The first day of a month since March of the year 0, as a day since 1970.
pub fn first_day(month: i64) -> i64 {
    let Some(plain) = u32::try_from(month).ok().filter(|month| *month < 12 * PLAIN_YEARS) else {
        return plain_first_day(month.rem_euclid(ERA_MONTHS) as u32) + month.div_euclid(ERA_MONTHS) * ERA_DAYS;
    };
    plain_first_day(plain)
}

fn plain_first_day(month: u32) -> i64 {
    let (year, month) = (month / 12, month % 12);
    let century = year / 100;
    i64::from(1_461 * year / 4 - century + century / 4 + (153 * month + 2) / 5) - DAYS_TO_1970
}

/// `2024-05-01T08:00:00.000000Z`
pub fn format_micros(micros: i64) -> String {
    let mut text = String::with_capacity(27);
    push_micros(micros, &mut text);
    text
}

/// Appends the same to a text.
pub fn push_micros(micros: i64, text: &mut String) {
    let (day, of_day) = (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY));
    match i32::try_from(day).map(Day) {
        Ok(day) if (Day::FIRST..=Day::LAST).contains(&day) => {
            let seconds = of_day / MICROS_PER_SECOND;
            push_day(day, text);
            for (mark, number) in [('T', seconds / 3_600), (':', seconds / 60 % 60), (':', seconds % 60)] {
                text.push(mark);
                push_digits(number, 2, text);
            }
            text.push('.');
            push_digits(of_day % MICROS_PER_SECOND, 6, text);
            text.push('Z');
        }
        _ => match DateTime::from_timestamp_micros(micros) {
            Some(time) => text.push_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            None => text.push_str(&micros.to_string()),
        },
    }
}

/// `2024-05-01`; for days that a record may contain.
fn push_day(day: Day, text: &mut String) {
    let (month, of_month) = month_of(i64::from(day.0));
    // Counted from January.
    let month = month + 2;
    push_digits(month.div_euclid(12), 4, text);
    for number in [month.rem_euclid(12) + 1, of_month + 1] {
        text.push('-');
        push_digits(number, 2, text);
    }
}

/// A number that is not negative, with `digits` digits.
fn push_digits(number: i64, digits: u32, text: &mut String) {
    for place in (0..digits).rev() {
        text.push(char::from(b'0' + (number / 10_i64.pow(place) % 10) as u8));
    }
}

/// Reads RFC 3339 with an offset.
pub fn parse_instant(text: &str) -> Option<i64> {
    plain_instant(text).or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros()))
}

/// The form that [`format_micros`] writes, or the same without a fraction; nearly every instant on the wire has it.
fn plain_instant(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if !matches!(bytes.len(), 20 | 27)
        || [bytes[10], bytes[13], bytes[16], bytes[bytes.len() - 1]] != *b"T::Z"
        || bytes.len() == 27 && bytes[19] != b'.'
    {
        return None;
    }
    let day = parse_day(text.get(..10)?)?;
    let [hour, minute, second] = [11, 14, 17].map(|at| digits(&bytes[at..at + 2]));
    let (hour, minute, second) = (i64::from(hour?), i64::from(minute?), i64::from(second?));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = if bytes.len() == 27 { i64::from(digits(&bytes[20..26])?) } else { 0 };
    Some(day.instant() + ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + micros)
}

#[inline]
fn digits(bytes: &[u8]) -> Option<u32> {
    let is_number = bytes.iter().all(u8::is_ascii_digit);
    is_number.then(|| bytes.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

/// Reads `YYYY-MM-DD`, digits and dashes only.
pub fn parse_day(text: &str) -> Option<Day> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(digits(&bytes[..4])? as i32, digits(&bytes[5..7])?, digits(&bytes[8..])?)?;
    Some(Day::from_date(date))
}

/// Reads a day or an instant, as a user types for `--as-of`.
pub fn parse_time(text: &str) -> Option<i64> {
    parse_instant(text).or_else(|| parse_day(text).map(Day::instant))
}

impl fmt::Display for KnownTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_micros(self.0))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (Day::FIRST..=Day::LAST).contains(self) {
            let mut text = String::with_capacity(10);
            push_day(*self, &mut text);
            return f.write_str(&text);
        }
        match self.date() {
            Some(date) => write!(f, "{date}"),
            None => write!(f, "day {}", self.0),
        }
    }
}

/// Days and hours for people: `3 d 4 h`.
pub fn format_span(micros: i64) -> String {
    let span = TimeDelta::microseconds(micros);
    match (span.num_days(), span.num_hours(), span.num_seconds()) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, hours, _) => format!("{hours} h"),
        (days, hours, _) => format!("{days} d {} h", hours - days * 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        parse_day(text).unwrap()
    }

    #[test]
    fn bounds_are_1900_and_2199() {
        assert_eq!(Day::FIRST, day("1900-01-01"));
        assert_eq!(Day::LAST, day("2199-12-31"));
    }

    #[test]
    fn months_are_clamped_to_the_last_day() {
        assert_eq!(day("2024-01-31").add_months(1), Some(day("2024-02-29")));
        assert_eq!(day("2024-03-31").add_months(-1), Some(day("2024-02-29")));
    }

    #[test]
    fn the_calendar_by_hand_is_the_calendar() {
        use chrono::Months;
        for day in (Day::FIRST.0..=Day::LAST.0).map(Day) {
            let date = day.date().unwrap();
            assert_eq!(day.first_of_month(), date.with_day(1).map(Day::from_date));
            assert_eq!(day.add_months(13), date.checked_add_months(Months::new(13)).map(Day::from_date));
            assert_eq!(day.add_months(-25), date.checked_sub_months(Months::new(25)).map(Day::from_date));
        }
        // Beyond the days that a record may contain: before the year 0, and where eras are computed.
        for day in
            [-50_000_000, -720_100, 13_870_000, 14_590_000].into_iter().flat_map(|from| from..from + 1_500).map(Day)
        {
            let date = day.date().unwrap();
            assert_eq!(day.first_of_month(), date.with_day(1).map(Day::from_date));
            assert_eq!(day.add_months(-1), date.checked_sub_months(Months::new(1)).map(Day::from_date));
        }
    }

    #[test]
    fn declarations_are_complete_on_the_seventh_of_the_second_month_after() {
        assert_eq!(day("2026-05-15").agi_complete(), Some(day("2026-07-07").instant()));
        assert_eq!(day("2025-12-31").agi_complete(), Some(day("2026-02-07").instant()));
    }

    #[test]
    fn times_are_written_as_the_calendar_has_them() {
        let chrono = |micros: i64| {
            DateTime::from_timestamp_micros(micros)
                .map_or(micros.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
        };
        for day in (Day::FIRST.0 - 2..=Day::LAST.0 + 2).map(Day) {
            let micros = day.instant() + i64::from(day.0.unsigned_abs()) * 987_654_321 % MICROS_PER_DAY;
            assert_eq!(format_micros(micros), chrono(micros));
            assert_eq!(day.to_string(), day.date().unwrap().to_string());
        }
        for micros in [i64::MIN, i64::MAX, 0, -1] {
            assert_eq!(format_micros(micros), chrono(micros));
        }
    }

    #[test]
    fn instants_in_the_form_of_the_wire_are_read_as_others_are() {
        let chrono = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros());
        for text in ["2024-05-01T08:09:10Z", "2024-02-29T23:59:59.123456Z", "1900-01-01T00:00:00.000001Z"] {
            assert!(plain_instant(text).is_some() && plain_instant(text) == chrono(text), "{text}");
        }
        let others = [
            "2024-02-30T08:09:10Z",
            "2024-05-01T24:00:00Z",
            "2024-05-01T23:59:60Z",
            "2024-05-01T08:09:10.123Z",
            "2024-05-01T08:09:10.12345aZ",
            "2024-05-01T08:09:10,123456Z",
            "2024-05-01 08:09:10Z",
            "2024-05-01T08:09:10+02:00",
            "2024-05-01T08:09+02:00",
            "2024-05-01T08:-9:10Z",
            "20é4-05-01T08:09:1Z",
            "",
        ];
        for text in others {
            assert_eq!(plain_instant(text), None, "{text}");
            assert_eq!(parse_instant(text), chrono(text), "{text}");
        }
    }

    #[test]
    fn only_whole_dates_are_read() {
        for bad in ["2024-13-01", "2024-02-30", "24-02-03", "2024-2-3", "2024/02/03", "+024-02-03", ""] {
            assert_eq!(parse_day(bad), None, "{bad}");
        }
    }
}

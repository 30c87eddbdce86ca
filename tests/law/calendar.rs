//! Days, months and instants.

use std::fmt;
use std::ops::{Add, Sub};

use chrono::{DateTime, Datelike, Months, NaiveDate};
use serde::{Serialize, Serializer};

const MICROS_PER_DAY: i64 = 86_400_000_000;
const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// A Swedish calendar day, counted from 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

/// An instant, microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At(pub i64);

impl Day {
    pub fn ymd(year: i32, month: u32, day: u32) -> Day {
        Day::of(NaiveDate::from_ymd_opt(year, month, day).expect("a day"))
    }

    /// `2024-02-29`
    pub fn parse(text: &str) -> Day {
        Day::of(text.parse().expect("a day"))
    }

    fn of(date: NaiveDate) -> Day {
        Day(date.num_days_from_ce() - 719_163)
    }

    pub fn date(self) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(self.0 + 719_163).expect("a day")
    }

    /// The same day of the month so many months later (earlier if negative), or that month's last day.
    pub fn add_months(self, months: i32) -> Day {
        let step = Months::new(months.unsigned_abs());
        let date = self.date();
        Day::of(if months < 0 { date.checked_sub_months(step) } else { date.checked_add_months(step) }.expect("a day"))
    }

    /// The first day of its month.
    pub fn month(self) -> Day {
        self - self.date().day0() as i32
    }

    /// The last day of its month.
    pub fn month_end(self) -> Day {
        self.month().add_months(1) - 1
    }

    pub fn year(self) -> i32 {
        self.date().year()
    }

    /// 00:00 UTC.
    pub fn start(self) -> At {
        At(i64::from(self.0) * MICROS_PER_DAY)
    }

    pub fn at_hour(self, hour: i64) -> At {
        At(self.start().0 + hour * MICROS_PER_HOUR)
    }
}

/// From when on the salary declarations for a month are complete: the 7th of the second month after.
pub fn agi_complete(month: Day) -> Day {
    month.month().add_months(2) + 6
}

impl At {
    /// The day (UTC) on which it falls.
    pub fn day(self) -> Day {
        Day(self.0.div_euclid(MICROS_PER_DAY) as i32)
    }

    pub fn plus_hours(self, hours: i64) -> At {
        At(self.0 + hours * MICROS_PER_HOUR)
    }

    pub fn parse(text: &str) -> At {
        At(DateTime::parse_from_rfc3339(text).expect("an instant").timestamp_micros())
    }
}

impl Add<i32> for Day {
    type Output = Day;
    fn add(self, days: i32) -> Day {
        Day(self.0 + days)
    }
}

impl Sub<i32> for Day {
    type Output = Day;
    fn sub(self, days: i32) -> Day {
        Day(self.0 - days)
    }
}

impl Sub for Day {
    type Output = i32;
    fn sub(self, other: Day) -> i32 {
        self.0 - other.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = DateTime::from_timestamp_micros(self.0).expect("an instant");
        f.write_str(&time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true))
    }
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

//! The recorded feeds, merged by the time at which each message became known, and the few columns that the reduced rules read.
//!
//! Every worker reads every file and parses its own share of the keys: nothing is held in memory but one line per feed.
//! A month is the number year * 12 + month - 1, a day counts from 1970-01-01, an identifier is a 64-bit hash.

use std::borrow::Cow;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

pub const FEEDS: [&str; 6] = ["permits", "reference", "population", "border", "payments", "notices"];

/// What a message may carry; whatever is absent or null is `None`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Value<'a> {
    #[serde(borrow)]
    pub table: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub record_key: Option<Cow<'a, str>>,
    pub version: i64,
    #[serde(borrow)]
    pub op: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub event_time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub permit_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub permit_class: Option<Cow<'a, str>>,
    pub first_grant: Option<bool>,
    #[serde(borrow)]
    pub valid_from: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub valid_to: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub ended_on: Option<Cow<'a, str>>,
    pub floor_sek: Option<i64>,
    #[serde(borrow)]
    pub tied_until: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub work_right: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub employer_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub from_on: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub to_on: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub tested_country: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub declared_on: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub payer_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub month: Option<Cow<'a, str>>,
    pub amount_sek: Option<i64>,
    #[serde(borrow)]
    pub dereg_code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub dereg_on: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub direction: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub country: Option<Cow<'a, str>>,
    pub transit: Option<bool>,
    #[serde(borrow)]
    pub observed_on: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub source: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub event_on: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub payer_kind: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    #[serde(borrow)]
    pub key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub known_time: Cow<'a, str>,
    #[serde(borrow)]
    pub value: Option<Value<'a>>,
}

impl Value<'_> {
    /// Whether the record lies more than `days` in the future of its own known time.
    pub fn future(&self, known_time: &str, days: i32) -> bool {
        match (self.event_time.as_deref().and_then(day), day(known_time)) {
            (Some(event), Some(known)) => event > known + days,
            _ => false,
        }
    }

    pub fn retracted(&self) -> bool {
        self.op.as_deref() == Some("retract")
    }
}

pub fn id(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn parts(text: &str) -> Option<(i32, i32, i32)> {
    Some((text.get(0..4)?.parse().ok()?, text.get(5..7)?.parse().ok()?, text.get(8..10)?.parse().ok()?))
}

/// Days since 1970-01-01 of the date that `text` begins with (Howard Hinnant's days_from_civil).
pub fn day(text: &str) -> Option<i32> {
    let (year, month, day) = parts(text)?;
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

pub fn month(text: &str) -> Option<i32> {
    let (year, month, _) = parts(text)?;
    Some(year * 12 + month - 1)
}

/// Whether the date is past the first day of its month.
pub fn part_month(text: &str) -> bool {
    text.get(8..10) != Some("01")
}

pub fn show_day(days: i32) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted - era * 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i32::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

struct Lane {
    feed: usize,
    lines: BufReader<File>,
    head: String,
}

impl Lane {
    /// Reads the next keyed line; false at the end.
    fn advance(&mut self) -> std::io::Result<bool> {
        loop {
            self.head.clear();
            if self.lines.read_line(&mut self.head)? == 0 {
                return Ok(false);
            }
            if !self.head.starts_with("{\"key\":null") {
                return Ok(true);
            }
        }
    }

    fn known(&self) -> &str {
        self.head.find("\"known_time\":\"").and_then(|at| self.head.get(at + 14..at + 40)).unwrap_or("")
    }
}

/// All feeds in the order in which their messages became known, clock messages left out.
pub struct Merge {
    lanes: Vec<Lane>,
}

impl Merge {
    pub fn open(input: &Path) -> std::io::Result<Merge> {
        let mut lanes = Vec::new();
        for (feed, name) in FEEDS.iter().enumerate() {
            let file = File::open(input.join("ndjson").join(format!("{name}.ndjson")))?;
            let mut lane = Lane { feed, lines: BufReader::with_capacity(1 << 18, file), head: String::new() };
            if lane.advance()? {
                lanes.push(lane);
            }
        }
        Ok(Merge { lanes })
    }

    /// Hands the next line to `take` with its feed; false at the end.
    pub fn next(&mut self, mut take: impl FnMut(usize, &str)) -> std::io::Result<bool> {
        let Some(first) = (0..self.lanes.len()).min_by(|a, b| self.lanes[*a].known().cmp(self.lanes[*b].known()))
        else {
            return Ok(false);
        };
        take(self.lanes[first].feed, &self.lanes[first].head);
        if !self.lanes[first].advance()? {
            self.lanes.remove(first);
        }
        Ok(true)
    }
}

/// The key of a line without parsing it.
pub fn key(line: &str) -> &str {
    line.strip_prefix("{\"key\":\"").and_then(|rest| rest.split('"').next()).unwrap_or("")
}

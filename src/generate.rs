//! Synthetic register feeds with known truth, for the demo, the tests and the benchmarks.
//!
//! The generator has a small model of permit holders and of the registers that report on them, calibrated on published figures
//! (`shares`). Breaches and innocent look-alikes are *planted*: each comes with a truth row that follows from the law, never from a
//! rule's SQL. A person without a truth row is clean for every rule.
//!
//! Invariants:
//! 1. The same options give the same data set, byte for byte, on any machine and day: no clock, no hash order, no floating point. A
//!    person's life depends on (seed, index) alone.
//! 2. Known times never fall within a feed; a message's position in its feed is its `arrival_no`.
//! 3. A record outside the feed `permits` is known at least two hours after its subject's first permits record, unless it is
//!    planted to be filtered.
//! 4. What is already true when the recording starts comes as a first load; it raises no alert on the way.
//!
//! It does not know rules, Kafka or the engine. Only `write` does I/O.

mod after_end;
mod allowances;
mod anchors;
mod backfills;
mod benefits_abroad;
mod calendar;
mod case_facts;
mod clusters;
mod couples;
mod departures;
mod dice;
mod disturbances;
mod duplicates;
mod emigration;
mod employers;
mod identity;
mod identity_changes;
mod job_ends;
mod journeys;
mod json;
mod long_residents;
mod low_salaries;
mod no_arrival;
mod no_right;
mod not_started;
mod notices;
mod offers;
mod other_employers;
mod others;
mod outsiders;
mod parquet_file;
mod passports;
mod payments;
mod permits;
mod person;
mod plan;
mod register;
mod renewals;
mod residence;
mod rows;
mod salary_drops;
mod scenarios;
mod scenes;
mod seasons;
mod shares;
mod stories;
mod students;
mod study;
mod study_ends;
mod study_results;
mod study_stories;
mod ties;
mod truth;
mod unserved;
mod verdicts;
mod work;
mod world;
mod write;

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};

use crate::model::schema::{Feed, TableId};
pub use parquet_file::TableWriter;
pub use truth::{Kind, Truth};
pub use write::{MANIFEST, Summary, prepare, write};

use calendar::DAY_US;
use person::Person;
use world::World;

/// Version of the record schema that is written.
const SCHEMA_VER: i64 = 1;
/// The most persons for whom there are identity numbers.
pub const MAX_PERSONS: usize = 2_000_000;

/// What to generate.
#[derive(Clone, Debug)]
pub struct Options {
    /// Permit holders, applicants included.
    pub persons: usize,
    /// Recorded years before `until`.
    pub years: u32,
    pub seed: u64,
    /// Everything known before this day is recorded.
    pub until: NaiveDate,
    /// Records of persons without any permit, per hundred of the population's own; they must be filtered.
    pub outside_pct: u32,
    /// Payloads that must end in quarantine.
    pub garbage: usize,
}

impl Options {
    pub fn new(persons: usize, years: u32, seed: u64) -> Options {
        Options { persons, years, seed, until: default_until(), outside_pct: 100, garbage: 20 }
    }

    /// Refuses options that would not give a usable recording.
    pub fn check(&self) -> Result<(), GenerateError> {
        if !(1..=MAX_PERSONS).contains(&self.persons) {
            return Err(GenerateError::Options(format!("persons must be from 1 to {MAX_PERSONS}")));
        }
        if !(1..=20).contains(&self.years) {
            return Err(GenerateError::Options("years must be from 1 to 20".to_owned()));
        }
        if !(1990..=2150).contains(&self.until.year()) {
            return Err(GenerateError::Options("until must lie between 1990 and 2150".to_owned()));
        }
        if self.outside_pct > 10_000 {
            return Err(GenerateError::Options("at most 10000 outside records for each hundred inside".to_owned()));
        }
        Ok(())
    }
}

/// The day at which a recording ends unless another is asked for: fixed, so that it is the same on every day.
pub fn default_until() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 1).unwrap_or_default()
}

/// Why a data set could not be made or written; the command stops.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    #[error("cannot generate: {0}")]
    Options(String),
    #[error("cannot write {path}")]
    File { path: String, source: std::io::Error },
    #[error("cannot write table \"{table}\": {source}")]
    Parquet { table: &'static str, source: parquet::errors::ParquetError },
    #[error("cannot write table \"{table}\": {source}")]
    Arrow { table: &'static str, source: arrow::error::ArrowError },
    #[error("cannot write the manifest: {0}")]
    Manifest(#[from] serde_json::Error),
}

/// A recording: the messages of each feed, and the truth about the persons in it.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub options: Options,
    /// Indexed by `Feed::index`; ordered by known time.
    pub feeds: [Vec<Message>; Feed::COUNT],
    /// Ordered by person, rule and time.
    pub truth: Vec<Truth>,
}

impl Dataset {
    pub fn messages(&self, feed: Feed) -> &[Message] {
        &self.feeds[feed.index()]
    }
}

/// One message of a feed; `known_time` is its Kafka timestamp, `key` its Kafka key.
#[derive(Clone, Debug)]
pub struct Message {
    pub known_time: i64,
    /// Subject id, or the reference key; `None` for a clock message.
    pub key: Option<Arc<str>>,
    pub body: Body,
    pub fate: Fate,
}

#[derive(Clone, Debug)]
pub enum Body {
    Record(Record),
    /// A payload that is not a record.
    Raw(Box<str>),
    /// A clock message: everything known up to the message's time has been written.
    Clock,
}

/// What the engine must do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Evaluated,
    Filtered,
    Duplicate,
    TooLate,
    Future,
    Malformed,
    Clock,
}

impl Fate {
    pub const ALL: [Fate; 7] =
        [Fate::Evaluated, Fate::Filtered, Fate::Duplicate, Fate::TooLate, Fate::Future, Fate::Malformed, Fate::Clock];

    pub const fn name(self) -> &'static str {
        match self {
            Fate::Evaluated => "evaluated",
            Fate::Filtered => "filtered",
            Fate::Duplicate => "duplicate",
            Fate::TooLate => "too_late",
            Fate::Future => "future",
            Fate::Malformed => "malformed",
            Fate::Clock => "clock",
        }
    }
}

/// A record as an adapter writes it: the envelope and the table's columns in the schema's order.
#[derive(Clone, Debug)]
pub struct Record {
    pub table: TableId,
    pub record_key: Box<str>,
    pub version: i64,
    pub op: &'static str,
    pub event_time: i64,
    pub registered_at: i64,
    pub source: &'static str,
    pub purpose: &'static str,
    pub secrecy_class: i64,
    /// One for each column of the table; empty for a retraction.
    pub values: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Code(&'static str),
    Text(Box<str>),
    Codes(Vec<&'static str>),
    /// Days since 1970-01-01.
    Day(i32),
    Int(i64),
    Flag(bool),
}

impl Message {
    /// The Kafka value; `None` for a clock message.
    pub fn payload(&self) -> Option<Vec<u8>> {
        match &self.body {
            Body::Record(record) => {
                let mut json = String::with_capacity(384);
                json::record_json(record, &mut json);
                Some(json.into_bytes())
            }
            Body::Raw(text) => Some(text.as_bytes().to_vec()),
            Body::Clock => None,
        }
    }
}

/// Generates a recording. Options outside their range are clamped; `Options::check` reports them.
pub fn generate(options: &Options) -> Dataset {
    let world = World::new(options);
    let mut feeds: [Vec<Message>; Feed::COUNT] = std::array::from_fn(|_| Vec::new());
    let mut truth = Vec::new();
    world.tell_reference(&mut feeds[Feed::Reference.index()]);
    let mut loaded = Vec::new();
    for index in 0..options.persons {
        let mut person = Person::new(&world, index);
        others::live(&mut person);
        let mut all = Vec::new();
        person.finish(&mut all);
        for told in all {
            if told.first_known.is_some_and(|known| known < world.start_us + DAY_US) {
                let last = told.messages.iter().filter(|(_, message)| message.fate == Fate::Evaluated);
                let last = last.map(|(_, message)| message.known_time).max().unwrap_or(world.start_us);
                loaded.push((told.id, last));
            }
            for (feed, message) in told.messages {
                feeds[feed.index()].push(message);
            }
            truth.extend(told.truth);
        }
    }
    let inside: usize = Feed::SOURCES.into_iter().skip(2).map(|feed| feeds[feed.index()].len()).sum();
    let outside = inside * options.outside_pct as usize / 100;
    outsiders::tell(&world, outside, &mut feeds);
    outsiders::tell_malformed(&world, &loaded, options.garbage, &mut feeds);
    for feed in Feed::SOURCES {
        let feed = &mut feeds[feed.index()];
        feed.sort_by_key(|message| message.known_time);
        *feed = with_clock(std::mem::take(feed), world.start_us, world.until_us);
    }
    Dataset { options: options.clone(), feeds, truth }
}

/// Adds a clock message at every midnight, after what is known by then; the last one at the end.
fn with_clock(messages: Vec<Message>, start_us: i64, until_us: i64) -> Vec<Message> {
    let mut clocked = Vec::with_capacity(messages.len() + ((until_us - start_us) / DAY_US) as usize + 2);
    let mut midnight = start_us + DAY_US;
    for message in messages {
        while midnight < message.known_time {
            clocked.push(clock(midnight));
            midnight += DAY_US;
        }
        clocked.push(message);
    }
    while midnight <= until_us {
        clocked.push(clock(midnight));
        midnight += DAY_US;
    }
    clocked
}

fn clock(known_time: i64) -> Message {
    Message { known_time, key: None, body: Body::Clock, fate: Fate::Clock }
}

/// The first recorded day.
fn start_of(options: &Options) -> NaiveDate {
    calendar::add_months(options.until, -12 * options.years.clamp(1, 20) as i32)
}

#[cfg(test)]
mod story_tests;
#[cfg(test)]
mod tests;

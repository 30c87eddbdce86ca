//! What all persons share: the recorded time, employers, institutions and terms.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};

use super::calendar::{Term, add_days, instant, terms};
use super::employers::Employers;
use super::rows;
use super::{Body, Fate, Message, Options, Record, Value, start_of};
use crate::model::schema::TableId;

/// Universities and schools; the last `SILENT_INSTITUTIONS` of them do not report registrations.
const INSTITUTIONS: usize = 38;
const SILENT_INSTITUTIONS: usize = 3;
/// Years of terms before and after the recording that are reported.
const TERM_YEARS_AROUND: i32 = 6;

pub(super) struct World {
    pub(super) options: Options,
    pub(super) start: NaiveDate,
    pub(super) until: NaiveDate,
    pub(super) start_us: i64,
    pub(super) until_us: i64,
    pub(super) employers: Employers,
    pub(super) terms: Vec<Term>,
}

impl World {
    pub(super) fn new(options: &Options) -> World {
        let start = start_of(options);
        World {
            start,
            until: options.until,
            start_us: instant(start),
            until_us: instant(options.until),
            employers: Employers::new(options, start),
            terms: terms(start.year() - TERM_YEARS_AROUND, options.until.year() + TERM_YEARS_AROUND),
            options: options.clone(),
        }
    }

    /// A school that reports registrations.
    pub(super) fn institution(&self, draw: u64) -> String {
        institution_name((draw % (INSTITUTIONS - SILENT_INSTITUTIONS) as u64) as usize)
    }

    pub(super) fn silent_institution(&self, draw: u64) -> String {
        institution_name(INSTITUTIONS - 1 - (draw % SILENT_INSTITUTIONS as u64) as usize)
    }

    pub(super) fn terms_between(&self, from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = &Term> {
        self.terms.iter().filter(move |term| term.starts_on <= to && term.ends_on >= from)
    }

    /// Terms, institutions and employers: known at the very start.
    pub(super) fn tell_reference(&self, feed: &mut Vec<Message>) {
        for term in &self.terms {
            let values = vec![rows::text(&term.code), rows::day(term.starts_on), rows::day(term.ends_on)];
            feed.push(reference(
                TableId::Terms,
                &term.code,
                1,
                self.start_us,
                instant(add_days(term.starts_on, -365)),
                values,
            ));
        }
        for number in 0..INSTITUTIONS {
            let id = institution_name(number);
            let reports = number < INSTITUTIONS - SILENT_INSTITUTIONS;
            let values = vec![rows::text(&id), Value::Flag(reports)];
            feed.push(reference(TableId::Institutions, &id, 1, self.start_us, self.start_us, values));
        }
        self.employers.tell(self, feed);
    }
}

fn institution_name(number: usize) -> String {
    format!("LU{:02}", number + 1)
}

/// A record of the feed `reference`.
pub(super) fn reference(
    table: TableId,
    key: &str,
    version: i64,
    known_time: i64,
    event_time: i64,
    values: Vec<Value>,
) -> Message {
    // A future event would be quarantined; terms and months lie at most some years ahead, well within the limit.
    let record_key = match (table, values.get(1)) {
        (TableId::EmployerMonths, Some(Value::Day(month))) => format!("{key}:{month}"),
        _ => key.to_owned(),
    };
    let record = Record {
        table,
        record_key: record_key.into_boxed_str(),
        version,
        op: "upsert",
        event_time: event_time.min(known_time),
        registered_at: known_time,
        source: if table == TableId::Terms || table == TableId::Institutions { "ladok" } else { "agi" },
        purpose: "permit_control",
        secrecy_class: 0,
        values,
    };
    Message { known_time, key: Some(Arc::from(key)), body: Body::Record(record), fate: Fate::Evaluated }
}

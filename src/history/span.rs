//! The span in which a permit holds, by one of its versions.

use crate::model::record::Op;
use crate::model::time::{Day, KnownTime};

/// What scope and lateness need of a permit; one per row of the permits table, in the order of the index: by (permit, version,
/// content).
#[derive(Clone, Copy, Debug)]
pub struct PermitSpan {
    /// Identifies the permit among those of its person.
    pub key: u32,
    pub op: Op,
    pub known: i64,
    pub valid_from: Option<Day>,
    /// Last day as decided so far; `None` is open.
    pub end: Option<Day>,
}

impl PermitSpan {
    pub(super) fn new(key: u32, op: Op, known: i64, day: impl Fn(&'static str) -> Option<Day>) -> PermitSpan {
        let (valid_from, end) = if op == Op::Retract {
            (None, Some(KnownTime(known).day()))
        } else {
            (day(VALID_FROM), last_day(day(VALID_TO), day(ENDED_ON)))
        };
        PermitSpan { key, op, known, valid_from, end }
    }
}

/// The latest version of each permit among those that became known from `since` to `at`.
pub fn latest(spans: &[PermitSpan], since: KnownTime, at: KnownTime) -> impl Iterator<Item = &PermitSpan> {
    let counts = move |span: &PermitSpan| since.0 <= span.known && span.known <= at.0;
    spans
        .iter()
        .enumerate()
        .filter(move |(place, span)| {
            let mut greater = spans[place + 1..].iter().take_while(|other| other.key == span.key);
            counts(span) && !greater.any(counts)
        })
        .map(|(_, span)| span)
}

/// The last day of a permit: the earlier of the dates that are known; `None` is open.
pub fn last_day(valid_to: Option<Day>, ended_on: Option<Day>) -> Option<Day> {
    [valid_to, ended_on].into_iter().flatten().min()
}

/// Columns of a permit that bound its span.
pub const VALID_FROM: &str = "valid_from";
pub const VALID_TO: &str = "valid_to";
pub const ENDED_ON: &str = "ended_on";

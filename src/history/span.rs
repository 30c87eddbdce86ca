//! From when to when a permit holds, as one of its versions says.

use crate::record::Op;
use crate::time::{Day, KnownTime};

/// What scope and lateness need of a permit, one per version.
#[derive(Clone, Copy, Debug)]
pub struct PermitSpan {
    /// The permit, among those of its person.
    pub key: u32,
    pub op: Op,
    pub version: i64,
    pub known: i64,
    pub valid_from: Option<Day>,
    /// Last day as decided so far; `None` is open.
    pub end: Option<Day>,
}

impl PermitSpan {
    pub(super) fn new(
        key: u32,
        version: i64,
        op: Op,
        known: i64,
        day: impl Fn(&'static str) -> Option<Day>,
    ) -> PermitSpan {
        let (valid_from, end) = if op == Op::Retract {
            (None, Some(KnownTime(known).day()))
        } else {
            let end = match (day(VALID_TO), day(ENDED_ON)) {
                (Some(to), Some(ended)) => Some(to.min(ended)),
                (to, ended) => to.or(ended),
            };
            (day(VALID_FROM), end)
        };
        PermitSpan { key, op, version, known, valid_from, end }
    }
}

/// Columns of a permit that say from when to when it holds.
pub(super) const VALID_FROM: &str = "valid_from";
pub(super) const VALID_TO: &str = "valid_to";
pub(super) const ENDED_ON: &str = "ended_on";

//! Where rules and law still part, with the reason. Each names who it is about as narrowly as it can be said; what is excepted is counted
//! and told, and an exception that meets nobody any more goes.

use crate::rules::Severity;

/// A difference that is known and has its reason.
pub struct Exception {
    pub rule: &'static str,
    pub reason: &'static str,
    pub applies: fn(&Difference) -> bool,
}

/// Two answers about one subject and day.
pub struct Difference {
    pub rule: &'static str,
    pub engine: Option<Severity>,
    pub law: Option<Severity>,
}

pub const EXCEPTIONS: &[Exception] = &[Exception {
    rule: "declarations-backfilled",
    reason: "R29: \"earlier R04/R02\" makes it medium; the rule forgets those that ended before the declarations came",
    applies: |d| d.engine == Some(Severity::Weak) && d.law == Some(Severity::Medium),
}];

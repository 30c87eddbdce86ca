//! permitwatch: indications that a permit's conditions appear breached, from register change feeds.
//!
//! ```text
//! Kafka / files -> source -> merge -> scope -> decode -> history -> units (person, as_of)
//!                                                                        |
//!                  rules (SQL, planned once, re-executed) -> detector (diff, timers) -> sink
//! ```
//!
//! The modules stand in that order; imports go down the flow only.

pub mod alert;
pub mod clock;
pub mod config;
pub mod detector;
pub mod history;
pub mod merge;
pub mod record;
pub mod rules;
pub mod schema;
pub mod scope;
pub mod sink;
pub mod source;
pub mod time;
pub mod units;

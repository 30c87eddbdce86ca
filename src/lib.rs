//! permitwatch: indications that a permit's conditions appear breached, from register change feeds.
//!
//! ```text
//! Kafka / files -> source -> merge -> scope -> decode -> history -> units (person, as_of)
//!                                                                        |
//!                  rules (SQL, planned once, re-executed) -> detector (diff, timers) -> sink
//! ```
//!
//! The modules stand in that order; imports go down the flow only.

pub mod schema;
pub mod time;
pub mod identity;
pub mod partition;
pub mod record;
pub mod alert;
pub mod config;
pub mod clock;
pub mod kafka;
pub mod source;
pub mod merge;
pub mod scope;
pub mod decode;
pub mod encode;
pub mod history;
pub mod units;
pub mod rules;
pub mod detector;
pub mod shard;
pub mod sink;
pub mod telemetry;
pub mod http;
pub mod replay;
pub mod generate;
pub mod broker;
pub mod doctor;
pub mod cli;

//! permitwatch: indications that a permit's conditions appear breached, from register change feeds.
//!
//! ```text
//! Kafka / files -> source -> merge -> scope -> decode -> history -> units (person, as_of)
//!                                                                        |
//!                       rules (SQL, planned once, run again) -> detector (diff, timers) -> sink
//! ```
//!
//! Each module is a room. They stand in the order of the flow, and imports go down it only; what each may use is a table that a test reads
//! against the `use` lines (`tests/rooms.rs`).

// These macros panic at a closed pipe; `terminal` does not.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

// What everything shares: words, configuration, the Kafka client, metrics, the log.
pub mod pseudonyms;

pub mod config;
pub mod kafka;
pub mod logs;
pub mod model;
pub mod output;
pub mod telemetry;
pub mod terminal;
pub mod words;

// From the feeds to what is known of each person.
pub mod source;

pub mod merge;

pub mod decode;
pub mod encode;

pub mod history;

pub mod scope;

pub mod snapshot;

// From what is known to alerts.
pub mod units;

pub mod sql;

pub mod catalogue;
pub mod proofs;

pub mod rules;

pub mod oracle;

pub mod detector;

pub mod shard;

pub mod checkpoint;

pub mod sink;

// Running it.
pub mod allocator;

pub mod pipeline;

pub mod http;
pub mod readiness;
pub mod service;

// Trying it out, looking at it.
pub mod generate;

pub mod tools;

// The command line.
pub mod cli;

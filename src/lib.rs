//! permitwatch: indications that a permit's conditions appear breached, from register change feeds.
//!
//! ```text
//! Kafka / files -> source -> merge -> scope -> decode -> history -> units (person, as_of)
//!                                                                        |
//!                  rules (SQL, planned once, re-executed) -> detector (diff, timers) -> sink
//! ```
//!
//! The modules stand in that order; imports go down the flow only.

// They panic at a closed pipe; `sink::terminal` does not.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

// The words that everything shares.
pub mod alert;
pub mod config;
pub mod record;
pub mod schema;
pub mod time;

// Who and where: numbers, partitions, clocks, the Kafka client.
pub mod clock;
pub mod identity;
pub mod kafka;
pub mod partition;

// From the feeds to what is known of each person.
pub mod source;

pub mod merge;

pub mod scope;

pub mod decode;
pub mod encode;

pub mod history;

// From what is known to alerts.
pub mod units;

pub mod rules;

pub mod detector;

pub mod shard;

pub mod sink;

// Running it, watching it.
pub mod allocator;
pub mod http;
pub mod logs;
pub mod telemetry;

pub mod snapshot;

pub mod pipeline;
pub mod recovery;
pub mod reload;
pub mod service;

pub mod replay;

pub mod cases;

pub mod explain;
pub mod quarantine;

pub mod adapters;

// Trying it out.
pub mod generate;

pub mod broker;
pub mod demo;
pub mod doctor;

// The command line.
pub mod cli;

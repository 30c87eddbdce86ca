//! The engine held against the plain batch query, in one binary (each one links DataFusion).
//!
//! - `accepted`: what pages and hints tell an author to write.
//! - `approved`: what officers see of rules that are not the program's own.
//! - `arrival`: whatever order the same records come in, the same stands in the end.
//! - `cadence`: rules that look once a day.
//! - `catching_up`: what came and went while nobody read.
//! - `checkpoints`: a shard goes on from what was written of it as if it had never stopped.
//! - `clocks`: feeds that have not spoken so far; both modes wait for them alike.
//! - `cases`: what the rules' own tests expect, by engine and by batch.
//! - `property`: random histories; strict order, batch and live order agree.
//! - `evidence`: an alert names the records that its row rests on.
//! - `excused`: random histories with and without excused months; the token only helps.
//! - `monotone`: worse facts never lower what stands.
//! - `population`: a generated population; cuts and partitions change nothing, and the planted truth is found.
//! - `duckdb`: the same texts in another engine.
//! - `forms`: what SQL can say, form by form: accepted and read alike by all engines, or refused.
//! - `future`: messages stamped in years to come move nothing.
//! - `hostile`: bytes from hell; nothing breaks, nobody else is touched, nothing leaks.
//! - `reload`: new rules while running.
//! - `shown`: what units of employers are shown of what rules found.
//! - `stages`: rules on trial, that go live, and back.
//! - `many_rules`: more rules than a machine word has bits.
//! - `purposes`: what is disclosed for one purpose serves no rule of another.
//! - `isolation`: rules that must be refused.
//! - `permit_in_two_records`: a register may keep one permit in several records.
//! - `who_leaves`: people who leave the population, and come back.
//! - `texts`: whatever text is accepted, all engines read it alike.
//!
//! `drive` is what they share; cases and recordings are the library's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

mod accepted;
mod approved;
mod arrival;
mod cadence;
mod cases;
mod catching_up;
mod checkpoints;
mod clocks;
mod drive;
mod duckdb;
mod evidence;
mod excused;
mod forms;
mod future;
mod hostile;
#[path = "../hostile_reload/mod.rs"]
mod hostile_reload;
mod isolation;
mod many_rules;
mod monotone;
mod permit_in_two_records;
mod population;
mod property;
mod purposes;
mod reload;
mod safeguards;
mod shown;
mod stages;
mod texts;
mod told_ahead;
mod who_leaves;

//! Plans the texts of a catalogue once, and evaluates them again and again for batches of units.
//!
//! - `plan` turns a catalogue into physical plans (`planned`); `steps` finds the steps that a text computes more than once,
//!   `common` those that variants of a rule have in common;
//!   `calendars` has the tables that belong to no person.
//! - `apart` is where texts are parsed and planned.
//! - `set` evaluates units with these plans; `requests` says which plans each unit asks for.
//! - `output` reads the rows of rules as hits, `linked` reads the rows of links, which one unit shows to another.
//!
//! Only this room and `oracle`, which uses none of it, plan SQL.

pub mod apart;
pub mod calendars;
mod common;
pub mod linked;
pub mod output;
pub mod plan;
pub mod planned;
mod requests;
pub mod set;
mod steps;

pub use output::{CancellerSet, Conditions, Hit, Interval};
pub use requests::Request;
pub use set::{CalledOff, Evaluation, GIVEN_UP, RuleSet};

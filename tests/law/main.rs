//! A second reading of the law: what each rule should find, worked out in plain Rust, person by person and day by day.
//!
//! Aim: rules and generator were written by one author and agree in their mistakes. This reading was written from the law's text
//! (the rules' legal bases and the readings that the project settled) without a look at a rule's SQL, and shares no code with it.
//! Method: persons made for each limit (one day before, on it, one day after) and at random are written as recorded feeds, replayed
//! once with the shipped rules, and for every rule, permit and day the severity that stands at 00:00 UTC is compared with what
//! [`rules`] says must stand.
//!
//! - `calendar`: days, months, instants.
//! - `facts`: records as typed facts, and what of them is known on a day.
//! - `register`, `names`, `nations`: the population register, names, citizenships; `carrier`: which permit a finding stands on.
//! - `rights`: which permit holds, which carries an alert, what a renewal settles; who is never told about.
//! - `pay`: salaries month by month, and thresholds in force.
//! - `rules`: one small file a rule.
//! - `people`, `chains`, `terms`: how a person is written down; `populations`: who they are.
//! - `compare`: the engine's answer beside this one's; `exceptions`: where they still part, and why.
//!
//! `LAW_SEEDS=1,2,3` and `LAW_PERSONS=500` widen it by hand; `LAW_RULES=R04,R05` narrows it; `LAW_SHRINK=1` cuts the records of a
//! person on whom the two disagree down to those that matter.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

mod calendar;
mod carrier;
mod chains;
mod compare;
mod exceptions;
mod facts;
mod names;
mod nations;
mod pay;
mod people;
mod populations;
mod register;
mod rights;
mod rules;
mod terms;

#[test]
fn the_rules_say_what_the_law_says() {
    compare::run();
}

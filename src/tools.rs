//! What a person runs beside the service to inspect it and to try it out. Each tool is a command of `cli`.

pub mod adapters;
pub mod audit;
pub mod broker;
pub mod cases;
pub mod check;
pub mod checkpoints;
mod columns;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod new_rule;
pub mod quarantine;
pub mod replay;
pub mod revision;
pub mod tune;

//! Rules: plain SQL over a person's tables, read, checked and planned once, executed again and again.
//!
//! - `file` reads a rule file: a TOML header in a comment, then one SELECT.
//! - `catalogue` reads the directory: rules, shared views, parameters, and the fixed queries round them.
//! - `functions` are the scalar functions that rules have beside SQL's own.
//! - `table` is where a plan finds the rows of the units at hand.
//! - `text` refuses what a plan no longer shows, `values` and `dates` what it should not compute with.
//! - `check` (with `columns`, `tags`, `refusal`) proves on the logical plan that units never mix and that nothing else is reached for.
//! - `reads` says what a text reads; `gateways` by what right, `sensitive` what it may do with it, `shown` what it says.
//! - `coverage` holds the permit classes against the rules; `reference` writes down what there is to know about them.
//! - `diagnostic` and `locate` turn errors into lines with a caret; `examine` finds all problems of a directory.
//! - `budget` limits the work of a call, counted in rows.
//! - `batch` is the same rules as one plain query over recorded tables: the oracle.
//! - `links` reads what one unit shows to another.
//! - `renumber` finds an expression's columns elsewhere.
//! - `executor` runs physical plans without streams, picking rows instead of copying them.
//! - `frames` computes the windows of sorted rows in the place of the query engine's own operators.
//! - `steps` finds what a text works out more than once.
//! - `plan` turns a catalogue into physical plans; `set` evaluates units with them; `profile` says what they cost.
//!
//! Nothing outside this module plans SQL.

mod asking;
pub mod batch;
pub mod budget;
pub mod catalogue;
pub mod check;
pub mod coded;
pub mod columns;
pub mod coverage;
mod dates;
pub mod diagnostic;
pub mod examine;
pub mod executor;
pub mod file;
pub mod frames;
pub mod functions;
pub mod gateways;
pub mod horizon;
pub mod links;
pub mod locate;
pub mod output;
pub mod params;
pub mod plan;
pub mod profile;
pub mod reads;
pub mod reference;
pub mod refusal;
pub mod renumber;
pub mod sensitive;
pub mod session;
pub mod set;
pub mod shown;
mod steps;
pub mod table;
mod tags;
pub mod text;
pub mod values;
pub mod walk;

pub use catalogue::Catalogue;
pub use file::RuleFile;
pub use output::{Conditions, Hit, Interval};
pub use profile::Profile;
pub use set::{Evaluation, RuleMask, RuleSet, TableSet};

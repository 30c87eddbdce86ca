//! Runs plans over the rows of units, and knows no rule.
//!
//! - `session` is the SQL dialect: the parts of DataFusion's SQL that rules may use, and our own `functions`; `lists` mends how it
//!   reads `x IN (a, b)`.
//! - A plan reads the rows of the units from `slots`.
//! - `column` and `keys` are rows picked from arrays; `cells` are rows picked from plain slices, for single units; `source` reads
//!   either as single values; `values` hashes and compares the values of an array.
//! - `executor` runs physical plans without streams, picking rows instead of copying them; `frames` computes windows over sorted
//!   rows in place of the query engine's own operators.
//! - `budget` limits the work of a call, counted in rows and bytes, and `bounded` asks it before a long text is made; `profile` measures what each operator costs; `renumber` moves an
//!   expression to other column positions.

pub mod bounded;
pub mod budget;
pub mod cells;
pub mod column;
pub mod executor;
pub mod failure;
pub mod frames;
pub mod functions;
pub mod keys;
pub mod listed;
mod lists;
pub mod profile;
pub mod renumber;
pub mod session;
pub mod slots;
pub mod source;
pub mod takes;
pub mod values;

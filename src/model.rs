//! What all rooms share: records and alerts, the three times, identities and partitions.
//!
//! No I/O, and no use of other rooms; only `clock` reads the wall clock.

pub mod alert;
pub mod clock;
pub mod identity;
pub mod partition;
pub mod purpose;
pub mod record;
pub mod schema;
pub mod sets;
pub mod stage;
pub mod time;

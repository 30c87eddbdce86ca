//! What a text asks of names, whichever way it goes through views and steps.

use crate::proofs::lawful::value::{Sort, Value};

/// Which agreements of names something is asked of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreements {
    pub plain: bool,
    /// Such as hold where a civil status changed lately.
    pub spared: bool,
}

impl Agreements {
    pub fn or(self, other: Agreements) -> Agreements {
        Agreements { plain: self.plain || other.plain, spared: self.spared || other.spared }
    }

    pub fn note(&mut self, value: &Value) {
        self.plain |= value.has(|sort| *sort == Sort::Agreement).is_some();
        self.spared |= value.has(|sort| *sort == Sort::SparedAgreement).is_some();
    }
}

//! The truth about the generated persons, by law: the oracle of the tests and of the demo's figures.

/// Whether an alert is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The conditions are breached: an alert must stand from `known_from` to `ended_at`.
    Breach,
    /// It looks like a breach and is none: no alert may stand, or none above `max_severity`.
    Trap,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Breach => "breach",
            Kind::Trap => "trap",
        }
    }
}

/// One planted matter of one person, permit and rule. For a rule about employers, both person and permit are the employer.
#[derive(Clone, Debug)]
pub struct Truth {
    pub person_id: String,
    pub permit_id: String,
    pub rule_id: &'static str,
    pub kind: Kind,
    pub scenario: &'static str,
    /// Breach: when it can first be known. Trap: when a careless rule would have alerted.
    pub known_from: i64,
    /// When a later fact, correction or canceller ends it.
    pub ended_at: Option<i64>,
    /// Breach: the severity that the alert reaches at least, at its height.
    pub min_severity: Option<&'static str>,
    /// The severity that it may reach at most; for a trap, `None` means that no alert may stand at all.
    pub max_severity: Option<&'static str>,
}

//! Whether more of something brings rows of a text or keeps them away: of the rows that are read, and of those that a condition holds for.

/// What more rows do to the rows that a text has in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// More of them are more rows, or the same.
    Brings,
    /// More of them are fewer rows, or the same (NOT EXISTS).
    KeepsAway,
    /// They may do either: what is kept away is counted, put in an order, or missed.
    Weighs,
}

impl Role {
    /// The same where rows are there because there are none of these.
    pub fn denied(self) -> Role {
        match self {
            Role::Brings => Role::KeepsAway,
            Role::KeepsAway => Role::Brings,
            Role::Weighs => Role::Weighs,
        }
    }

    /// The same where rows are counted, put in an order, or may be missing: fewer of them may bring more.
    pub fn weighed(self) -> Role {
        match self {
            Role::Brings => Role::Brings,
            Role::KeepsAway | Role::Weighs => Role::Weighs,
        }
    }

    /// The same in either of two ways.
    pub fn or(self, other: Role) -> Role {
        if self == other { self } else { Role::Weighs }
    }
}

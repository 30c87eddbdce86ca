//! What a record was disclosed for, and which rules it serves.

/// What a record was disclosed for, and what a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Whether the conditions of a permit are kept: what the registers disclose most of their records for.
    PermitControl,
    /// Whether payments are rightly made.
    PaymentControl,
    /// What became of a decision.
    FollowUp,
}

impl Purpose {
    pub const ALL: [Purpose; 3] = [Purpose::PermitControl, Purpose::PaymentControl, Purpose::FollowUp];
    pub const NAMES: [&str; 3] =
        [Purpose::PermitControl.name(), Purpose::PaymentControl.name(), Purpose::FollowUp.name()];

    pub const fn name(self) -> &'static str {
        match self {
            Purpose::PermitControl => "permit_control",
            Purpose::PaymentControl => "payment_control",
            Purpose::FollowUp => "follow_up",
        }
    }

    pub fn from_name(name: &str) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// Whether a record that was disclosed for this purpose serves rules of this purpose alone.
    pub const fn is_bound(self) -> bool {
        !matches!(self, Purpose::PermitControl)
    }

    /// Whether a rule for this purpose sees a record of a register of others that was disclosed for `disclosed`. What was disclosed for
    /// permit control may serve the other purposes too, as far as the gateways say; the other way round never.
    pub fn sees(self, disclosed: Purpose) -> bool {
        self == disclosed || !disclosed.is_bound()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_disclosed_for_payments_or_follow_up_serves_nothing_else() {
        use Purpose::{FollowUp, PaymentControl, PermitControl};
        let seen = |by: Purpose| Purpose::ALL.into_iter().filter(|of| by.sees(*of)).collect::<Vec<_>>();
        assert_eq!(seen(PermitControl), [PermitControl]);
        assert_eq!(seen(PaymentControl), [PermitControl, PaymentControl]);
        assert_eq!(seen(FollowUp), [PermitControl, FollowUp]);
        assert!(Purpose::ALL.into_iter().all(|purpose| Purpose::from_name(purpose.name()) == Some(purpose)));
    }
}

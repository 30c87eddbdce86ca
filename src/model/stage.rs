//! The stage of a rule's life, and where alerts go in it: only those of a live rule reach the officers.

use serde::{Deserialize, Serialize};

/// Where a rule stands on its way from an idea to the archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Being written: checked and tested, run by nobody unless asked for by name.
    Draft,
    /// On trial: run on the stream as a live rule is, but its alerts go to a topic of their own.
    Shadow,
    #[default]
    Live,
    /// Kept for reference: what stood by it is withdrawn.
    Retired,
}

impl Stage {
    pub const ALL: [Stage; 4] = [Stage::Draft, Stage::Shadow, Stage::Live, Stage::Retired];

    pub const fn name(self) -> &'static str {
        match self {
            Stage::Draft => "draft",
            Stage::Shadow => "shadow",
            Stage::Live => "live",
            Stage::Retired => "retired",
        }
    }

    pub fn from_name(name: &str) -> Option<Stage> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// Whether a live run evaluates rules of this stage.
    pub const fn runs(self) -> bool {
        matches!(self, Stage::Shadow | Stage::Live)
    }

    pub fn is_live(&self) -> bool {
        *self == Stage::Live
    }

    /// Where the alerts of such a rule go. Whatever is not live never reaches the officers.
    pub const fn outlet(self) -> Outlet {
        match self {
            Stage::Live => Outlet::Officers,
            Stage::Draft | Stage::Shadow | Stage::Retired => Outlet::Shadow,
        }
    }
}

/// Where alerts go. Each outlet has a topic of its own, on which sequences count and which is read back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlet {
    /// The alerts topic, which officers work from.
    Officers,
    /// The topic of rules on trial, which no officer sees.
    Shadow,
}

impl Outlet {
    pub const COUNT: usize = 2;
    pub const ALL: [Outlet; Outlet::COUNT] = [Outlet::Officers, Outlet::Shadow];

    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name of its topic, after the prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Outlet::Officers => "alerts",
            Outlet::Shadow => "shadow-alerts",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_live_rule_speaks_to_officers() {
        for stage in Stage::ALL {
            assert_eq!(Stage::from_name(stage.name()), Some(stage));
            assert_eq!(stage.outlet() == Outlet::Officers, stage == Stage::Live);
        }
        assert_eq!(Stage::ALL.map(Stage::runs), [false, true, true, false]);
        assert_eq!(Stage::from_name("Live"), None);
    }
}

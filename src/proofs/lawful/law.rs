//! What holds by law whatever `queries/` says: the safeguards, each with the provision that it carries out in our own words.
//!
//! Nothing here is read from a file. `gateways.toml` may be stricter than `GATEWAYS`, never more open; headers may not go beyond
//! `SURVIVED`. An exception is the matter of the process's configuration (`exceptions`).

use std::sync::LazyLock;

use crate::catalogue::gateways::{Gate, Gateway, Gateways};
use crate::decode::codes::PERMIT_CLASSES;

/// What no text of the rules' directory may break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Safeguard {
    Names,
    Numbers,
    Age,
    CivilStatus,
    Citizenship,
    NamedCountry,
    Keys,
    OtherPersons,
    Person,
    Secrecy,
    Protected,
    Favour,
    Gateway,
    Cancellers,
    FixedText,
    Words,
}

impl Safeguard {
    pub const ALL: [Safeguard; 16] = [
        Safeguard::Names,
        Safeguard::Numbers,
        Safeguard::Age,
        Safeguard::CivilStatus,
        Safeguard::Citizenship,
        Safeguard::NamedCountry,
        Safeguard::Keys,
        Safeguard::OtherPersons,
        Safeguard::Person,
        Safeguard::Secrecy,
        Safeguard::Protected,
        Safeguard::Favour,
        Safeguard::Gateway,
        Safeguard::Cancellers,
        Safeguard::FixedText,
        Safeguard::Words,
    ];

    /// As errors and the configuration call it.
    pub const fn name(self) -> &'static str {
        match self {
            Safeguard::Names => "names",
            Safeguard::Numbers => "identity-numbers",
            Safeguard::Age => "age",
            Safeguard::CivilStatus => "civil-status",
            Safeguard::Citizenship => "citizenship",
            Safeguard::NamedCountry => "named-country",
            Safeguard::Keys => "keys-of-things",
            Safeguard::OtherPersons => "other-persons",
            Safeguard::Person => "person-id",
            Safeguard::Secrecy => "secrecy-class",
            Safeguard::Protected => "protected-persons",
            Safeguard::Favour => "in-favour-only",
            Safeguard::Gateway => "gateway",
            Safeguard::Cancellers => "cancellers",
            Safeguard::FixedText => "fixed-text",
            Safeguard::Words => "neutral-words",
        }
    }

    pub fn from_name(name: &str) -> Option<Safeguard> {
        Self::ALL.into_iter().find(|safeguard| safeguard.name() == name)
    }

    /// The provision in our own words, with where it stands.
    pub const fn law(self) -> &'static str {
        match self {
            Safeguard::Names => {
                "nobody is selected by a name, which tells origin and belief; names are only held against each other (utlänningsdatalagen 17 §)"
            }
            Safeguard::Numbers => {
                "an identity number tells sex and birth; it is only held against another as a whole, or as to its date of birth (utlänningsdatalagen 17 §; diskrimineringslagen 1 kap. 5 §)"
            }
            Safeguard::Age => {
                "nobody is selected by age; a date of birth is only held against another date of birth of the same person (diskrimineringslagen 1 kap. 5 §)"
            }
            Safeguard::CivilStatus => {
                "civil status matters only to permits that rest on a marriage or partnership (UtlL 5 kap. 3 och 3 a §§, 7 kap. 3 §; dataskyddsförordningen art. 5.1 c)"
            }
            Safeguard::Citizenship => {
                "citizenship is no risk factor; only a rule about citizenship itself compares a person's own (utlänningsdatalagen 17 §)"
            }
            Safeguard::NamedCountry => {
                "no rule works for some nationalities only: a person's countries are held against each other and Sweden, never against a named country (utlänningsdatalagen 17 §)"
            }
            Safeguard::Keys => {
                "the keys of addresses, documents and sources are only held against each other, and never leave (dataskyddsförordningen art. 5.1 c and 25)"
            }
            Safeguard::OtherPersons => {
                "other persons are only counted or held against each other, and never named (dataskyddsförordningen art. 5.1 c)"
            }
            Safeguard::Person => {
                "an alert names its person by a pseudonym alone (dataskyddsförordningen art. 25 and 32)"
            }
            Safeguard::Secrecy => {
                "the secrecy of a record follows it and is no criterion: it would tell benefits and judgments (OSL 21, 27, 28 and 37 kap.; utlänningsdatalagen 17 §)"
            }
            Safeguard::Protected => "that somebody is protected is told to nobody (OSL 22 kap. 1 §, 21 kap. 3 a §)",
            Safeguard::Favour => {
                "sickness, care and violence only ever speak for a person, and a tip never speaks alone (utlänningsdatalagen 14 §; UtlL 5 kap. 16 §; förvaltningslagen 23 §)"
            }
            Safeguard::Gateway => {
                "each register is read only for the permit classes and the purpose that it may be disclosed for (utlänningsdatalagen 11 §; förordning 2001:588 8 a and 8 b §§; lag 2008:206)"
            }
            Safeguard::Cancellers => {
                "nothing is said of who is protected, a child, or a citizen, whatever a rule finds (OSL 22 kap. 1 §; UtlL 1 kap. 10 §)"
            }
            Safeguard::FixedText => {
                "what silences alerts, and what one person's unit shows to another's, is not for rules' authors to change (OSL 22 kap. 1 §)"
            }
            Safeguard::Words => {
                "an alert is a circumstance to look into and no verdict: what it says is factual and impartial (regeringsformen 1 kap. 9 §; förvaltningslagen 5 §)"
            }
        }
    }

    /// What its author can do about a breach.
    pub const fn hint(self) -> &'static str {
        match self {
            Safeguard::Names => "name_agreement(a.name, b.name_at_grant) is all that may be asked of names",
            Safeguard::Numbers => "compare whole numbers with each other, or both by substr(number, 1, 8)",
            Safeguard::Age => "compare birth_on with birth_on_at_grant, both as they stand; cancellers see to minors",
            Safeguard::CivilStatus => "narrow it to permit_class IN ('FAMILY_SPOUSE', 'DEPENDANT'), or leave it out",
            Safeguard::Citizenship => {
                "array_has(citizenships, 'SWE') is free; a rule about citizenship itself says why in its header, compares_citizenship = \"...\", and asks citizenship_change(a, b) = 'same'; which citizenship it is matters to permits of refugees and of subsidiary protection alone: p.permit_class = 'PROT_REFUGEE'"
            }
            Safeguard::NamedCountry => {
                "compare the person's own countries with each other by =, same_state or has_citizenship; 'SWE' and the codes of the stateless may be named"
            }
            Safeguard::Keys => "compare keys with each other by = or <>, or count them",
            Safeguard::OtherPersons => "compare such ids with each other by = or <>, or count them",
            Safeguard::Person => "person_id is the alert's own column; leave it out elsewhere",
            Safeguard::Secrecy => "leave it out: the alert carries the secrecy of the records it rests on by itself",
            Safeguard::Protected => "leave it out: a condition may ask for it, an alert does not tell it",
            Safeguard::Favour => "let it keep rows away: NOT EXISTS (SELECT 1 FROM ...)",
            Safeguard::Gateway => {
                "say for whose permit it is read, at the permit that the alert is about: p.permit_class IN (...), kind = '...'"
            }
            Safeguard::Cancellers => "leave it out of `survives`",
            Safeguard::Words => "say what the records show, as a circumstance to look into",
            Safeguard::FixedText => "take the text as the program has it, or have the configuration name the exception",
        }
    }
}

/// Cancellers that a rule may say do not concern it, and the purposes of such rules. The others hold for every rule.
const SURVIVED: [(&str, &[&str]); 3] = [
    ("permit_ended", &["permit_control", "payment_control", "follow_up"]),
    ("application_pending", &["permit_control", "payment_control", "follow_up"]),
    // What was paid after a death is asked back from the estate, not of the person.
    ("deceased", &["payment_control"]),
];

/// Whether a rule for this purpose may survive a canceller.
pub fn may_survive(canceller: &str, purpose: &str) -> bool {
    SURVIVED.iter().any(|(name, purposes)| *name == canceller && purposes.contains(&purpose))
}

/// Permit classes as bits, in the order of `PERMIT_CLASSES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Classes(pub u32);

impl Classes {
    pub const NONE: Classes = Classes(0);

    pub fn all() -> Classes {
        Classes((1 << PERMIT_CLASSES.len()) - 1)
    }

    pub fn of(class: &str) -> Classes {
        let at = PERMIT_CLASSES.iter().position(|(code, _)| *code == class);
        Classes(at.map_or(0, |at| 1 << at))
    }

    pub fn of_all<'a>(classes: impl IntoIterator<Item = &'a str>) -> Classes {
        classes.into_iter().fold(Classes::NONE, |all, class| Classes(all.0 | Self::of(class).0))
    }

    pub fn and(self, other: Classes) -> Classes {
        Classes(self.0 & other.0)
    }

    pub fn or(self, other: Classes) -> Classes {
        Classes(self.0 | other.0)
    }

    pub fn without(self, other: Classes) -> Classes {
        Classes(self.0 & !other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        PERMIT_CLASSES.iter().enumerate().filter(move |(at, _)| self.0 & (1 << at) != 0).map(|(_, (code, _))| *code)
    }
}

/// The table of the rows that rules in `uses` have.
pub const RULE_ROWS: &str = "rule_rows";

/// Classes of permits about which nothing is ever said: the canceller `protected` covers them.
pub const NEVER_EVALUATED: [&str; 2] = ["PROTECTED_CASE", "CITIZEN_EES_RIGHT"];

/// Classes of permits that rest on a marriage or partnership.
pub const OF_COUPLES: [&str; 2] = ["FAMILY_SPOUSE", "DEPENDANT"];

/// Classes of permits that a new citizenship may end: which one it is matters (UtlL 4 kap. 5 och 5 b §§).
pub const OF_PROTECTION: [&str; 2] = ["PROT_REFUGEE", "PROT_SUBSIDIARY"];

/// Kinds of notices that may keep a row away and bring none: what they say.
pub const ONLY_IN_FAVOUR: [(&str, &str); 2] =
    [("violence", "a report of violence"), ("tip", "a tip, which the engine holds against what rules find")];

/// The most open gateway that the law has: sources, classes (none: all), purposes, gate, provision. What is not named is closed.
type Statute = (&'static [&'static str], &'static [&'static str], &'static [&'static str], Gate, &'static str);

const CONTROL: &[&str] = &["permit_control", "follow_up"];
const PAYMENTS: &[&str] = &["payment_control", "follow_up"];
const EVERY: &[&str] = &["permit_control", "payment_control", "follow_up"];

const STATUTES: [Statute; 14] = [
    (
        &["permits"],
        &[],
        EVERY,
        Gate::Open,
        "the agency's own register serves what it is kept for (utlänningsdatalagen 11 §)",
    ),
    (&["reference"], &[], EVERY, Gate::Open, "no facts of a person"),
    (
        &["population"],
        &[],
        EVERY,
        Gate::Open,
        "the population register informs other authorities (folkbokföringslagen)",
    ),
    (&["border"], &[], CONTROL, Gate::Open, "police and missions tell of a named person's journeys (OSL 10 kap. 28 §)"),
    (&["notices"], &[], EVERY, Gate::Open, "what comes in about a named person is looked at (förvaltningslagen 23 §)"),
    (
        &["notices.court_notice"],
        &[],
        EVERY,
        Gate::Closed,
        "judgments and crimes select nobody (utlänningsdatalagen 17 §)",
    ),
    (
        &["payments.salary"],
        &["WORK_EMP", "SELF_EMP", "BLUE_CARD", "ICT", "SEASONAL"],
        CONTROL,
        Gate::Request,
        "salary declarations are given on request for the control of permits to work (förordning 2001:588 8 a §)",
    ),
    (
        &["payments.salary"],
        &["ASYLUM_APPLICANT", "PROT_TEMPORARY", "PROT_REFUGEE", "PROT_SUBSIDIARY", "HUMANITARIAN"],
        &["payment_control"],
        Gate::Open,
        "salary declarations are open for the daily allowance (förordning 2001:588 8 b §)",
    ),
    (
        &["payments.benefit"],
        &[],
        PAYMENTS,
        Gate::Open,
        "authorities tell each other of wrong payments, for nothing else (lag 2008:206)",
    ),
    (&["payments.allowance"], &[], PAYMENTS, Gate::Open, "the agency pays the allowance itself (LMA)"),
    (
        &["excused_months"],
        &[],
        EVERY,
        Gate::Request,
        "sickness and care are sensitive: a token alone, and only in the person's favour (utlänningsdatalagen 14 §)",
    ),
    (
        &["studies"],
        &["STUDY_HE", "STUDY_OTHER", "TRAINEE", "POST_STUDY"],
        CONTROL,
        Gate::Open,
        "institutions report on holders of permits to study (förordning 1993:1153 6 a §)",
    ),
    (
        &["studies.result"],
        &["STUDY_HE", "STUDY_OTHER", "TRAINEE", "POST_STUDY"],
        &["permit_control"],
        Gate::Request,
        "results are given on request (förordning 1993:1153 6 § 13 p.)",
    ),
    (&["links"], &[], EVERY, Gate::Open, "rows of registers that are open themselves (utlänningsdatalagen 11 §)"),
];

/// What rules found, and what links made of it.
const DERIVED: Statute = (
    &["derived"],
    &[],
    CONTROL,
    Gate::Open,
    "as lawful as what the rules read that found it (utlänningsdatalagen 11 §)",
);

/// The gateways of the law, with the form of `gateways.toml`.
pub static GATEWAYS: LazyLock<Gateways> = LazyLock::new(|| {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let gateway = |(reads, classes, purposes, gate, provision): Statute| Gateway {
        reads: owned(reads),
        classes: if classes.is_empty() { vec!["all".to_owned()] } else { owned(classes) },
        purposes: owned(purposes),
        gate,
        provision: provision.to_owned(),
    };
    Gateways { gateway: STATUTES.into_iter().chain([DERIVED]).map(gateway).collect() }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safeguards_are_told_apart_by_their_names() {
        for safeguard in Safeguard::ALL {
            assert_eq!(Safeguard::from_name(safeguard.name()), Some(safeguard));
            assert!(!safeguard.law().is_empty() && !safeguard.hint().is_empty());
        }
    }

    #[test]
    fn nobody_survives_protection_childhood_or_citizenship() {
        for purpose in EVERY {
            for canceller in ["protected", "minor", "naturalised"] {
                assert!(!may_survive(canceller, purpose), "{canceller} {purpose}");
            }
            assert!(may_survive("permit_ended", purpose));
        }
        assert!(may_survive("deceased", "payment_control") && !may_survive("deceased", "permit_control"));
    }

    #[test]
    fn every_class_that_a_statute_names_is_one() {
        for (_, classes, ..) in STATUTES {
            for class in classes {
                assert!(!Classes::of(class).is_empty(), "{class}");
            }
        }
        for class in NEVER_EVALUATED.iter().chain(&OF_COUPLES).chain(&OF_PROTECTION) {
            assert!(!Classes::of(class).is_empty(), "{class}");
        }
        assert_eq!(Classes::all().names().count(), PERMIT_CLASSES.len());
    }
}

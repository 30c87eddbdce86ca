//! The rules, each as the law reads: what must stand on a day about which permit.
//!
//! A rule says what stands by its own condition; what holds for all of them (who is not told about, and that nothing stands on a
//! permit that carries no more) is taken away in [`standing`].

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::facts::{Code, GroupKnown, Known};
use crate::rights::{Canceller, cancellers};

mod o1;
mod o2;
mod r01;
mod r02;
mod r03;
mod r04;
mod r05;
mod r06;
mod r07;
mod r08;
mod r09;
mod r10;
mod r11;
mod r12;
mod r13;
mod r14;
mod r15;
mod r16;
mod r17;
mod r18;
mod r19;
mod r20;
mod r21;
mod r22;
mod r23;
mod r24;
mod r25;
mod r26;
mod r27;
mod r29;

/// Greater is graver, as in the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Info,
    Weak,
    Medium,
    Strong,
}

impl Severity {
    pub fn parse(name: &str) -> Severity {
        match name {
            "info" => Severity::Info,
            "weak" => Severity::Weak,
            "medium" => Severity::Medium,
            "strong" => Severity::Strong,
            _ => panic!("severity {name}"),
        }
    }
}

/// What stands about a permit (or about what else the rule's alerts are about).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub subject: String,
    pub severity: Severity,
}

pub struct Rule {
    pub number: &'static str,
    /// The file's name, and the alerts'.
    pub id: &'static str,
    /// It is asked only about persons with a permit of one of these; empty: about all.
    pub classes: &'static [Code],
    /// What does not concern it.
    pub survives: &'static [Canceller],
    /// What stands at 00:00 UTC of the day.
    pub on_day: fn(&Known<'_>, Day) -> Vec<Finding>,
}

/// In the order of their numbers.
pub const RULES: &[Rule] = &[
    r01::RULE,
    r02::RULE,
    r03::RULE,
    r04::RULE,
    r05::RULE,
    r06::RULE,
    r07::RULE,
    r08::RULE,
    r09::RULE,
    r10::RULE,
    r11::RULE,
    r12::RULE,
    r13::RULE,
    r14::RULE,
    r15::RULE,
    r16::RULE,
    r17::RULE,
    r18::RULE,
    r19::RULE,
    r20::RULE,
    r21::RULE,
    r22::RULE,
    r23::RULE,
    r24::RULE,
    r25::RULE,
    r26::RULE,
    r27::RULE,
    r29::RULE,
    o1::RULE,
    o2::RULE,
];

/// The gravest that stands on a day, by rule and subject.
pub fn standing(group: &GroupKnown, rules: &[&Rule], day: Day) -> BTreeMap<(&'static str, String), Severity> {
    let mut out = BTreeMap::new();
    for me in &group.persons {
        let person_cancellers = cancellers(me, day);
        for rule in rules {
            if person_cancellers.iter().any(|canceller| !rule.survives.contains(canceller)) {
                continue;
            }
            let concerned =
                rule.classes.is_empty() || me.permits.iter().any(|permit| rule.classes.contains(&permit.permit_class));
            if !concerned {
                continue;
            }
            for finding in (rule.on_day)(&Known { group, me }, day) {
                let mut own =
                    me.holdings.iter().filter(|holding| me.permits[holding.permit].permit_id == finding.subject);
                let carried = own.all(|holding| holding.carries(day));
                if !carried && !rule.survives.contains(&Canceller::PermitEnded) {
                    continue;
                }
                let place = out.entry((rule.id, finding.subject)).or_insert(finding.severity);
                *place = finding.severity.max(*place);
            }
        }
    }
    out
}

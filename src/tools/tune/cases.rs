//! The permits that are judged: what each variant said of them, held against what is known.
//!
//! A case is a permit, or what else the rule's alerts are about, with all its alerts of the rule: labels know of permits and not of
//! episodes. Cases are in two parts: a point is chosen on the one and judged on the other.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::model::alert::Severity;
use crate::model::time::KnownTime;
use crate::tools::tune::heard::{Heard, Life};
use crate::tools::tune::labels::{Label, Labels};
use crate::tools::tune::measures::Verdict;

/// How cases are put into two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOut {
    /// Half of the persons, by a hash of the person and the seed: all that is about a person is in one part.
    Persons,
    /// What came on this day or later is held out: a point is chosen on the past and judged on what came after. A case counts
    /// from when its breach could be known, else from the day of its decision, else from its first alert in any variant.
    Time(KnownTime),
}

/// In which part a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Choice = 0,
    HeldOut = 1,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub subject: String,
    /// Position in [`Cases::people`].
    pub person: usize,
    pub part: Part,
    pub weight: f64,
}

/// All cases, and what each variant makes of them.
#[derive(Debug, Default)]
pub struct Cases {
    /// Persons that have a case, sorted.
    pub people: Vec<String>,
    pub cases: Vec<Case>,
    /// By variant, then by case.
    pub verdicts: Vec<Vec<Verdict>>,
    /// By variant, of each breach that was found: after how many days, and its case; in the order of the days.
    pub delays: Vec<Vec<(f64, usize)>>,
    /// By part: those that the rule concerns and that have no case. They are compliant, if the labels are whole.
    pub others: [f64; 2],
}

const MICROS_PER_DAY: f64 = crate::model::time::MICROS_PER_DAY as f64;

/// What a variant said of one permit.
#[derive(Clone, Copy, Debug)]
struct Said {
    raised: KnownTime,
    highest: Severity,
    /// `None`: an alert stands at the end.
    ended: Option<KnownTime>,
}

impl Said {
    fn of(life: &Life) -> Said {
        Said { raised: life.raised, highest: life.highest, ended: life.ended }
    }

    fn join(self, other: Said) -> Said {
        Said {
            raised: self.raised.min(other.raised),
            highest: self.highest.max(other.highest),
            ended: self.ended.zip(other.ended).map(|(own, other)| own.max(other)),
        }
    }
}

impl Cases {
    /// `until` is the clock at the end: a breach that could be known only after that is none yet.
    pub fn new(heard: &Heard, labels: &Labels, held_out: HeldOut, seed: u64, until: KnownTime) -> Cases {
        let said = said(heard);
        let by_subject = drawn_up(heard, labels, until);
        let people: BTreeSet<&str> = by_subject.values().copied().collect();
        let people: Vec<String> = people.into_iter().map(str::to_owned).collect();
        let mut cases = Vec::with_capacity(by_subject.len());
        let mut out = Cases::default();
        let label_of = |subject: &str| labels.by_subject.get(subject);
        for (subject, person) in &by_subject {
            let label = label_of(subject);
            let first = || said.iter().filter_map(|said| said.get(subject)).map(|said| said.raised).min();
            let part = match held_out {
                HeldOut::Persons => part_of(person, seed),
                HeldOut::Time(from) => match label.and_then(|label| label.at).or_else(first) {
                    Some(at) if at >= from => Part::HeldOut,
                    _ => Part::Choice,
                },
            };
            cases.push(Case {
                subject: (*subject).to_owned(),
                person: people.binary_search_by(|own| own.as_str().cmp(person)).unwrap_or_default(),
                part,
                weight: label.map_or(1.0, |label| label.weight),
            });
        }
        for said in &said {
            let verdict =
                |case: &Case| verdict(said.get(case.subject.as_str()), label_of(&case.subject), labels.is_whole);
            let verdicts: Vec<Verdict> = cases.iter().map(verdict).collect();
            let delay = |(at, case): (usize, &Case)| {
                let known = label_of(&case.subject)?.known_from.filter(|_| verdicts[at].has(Verdict::RIGHT))?;
                let raised = said.get(case.subject.as_str())?.raised;
                Some(((raised.0 - known.0) as f64 / MICROS_PER_DAY, at))
            };
            let mut delays: Vec<(f64, usize)> = cases.iter().enumerate().filter_map(delay).collect();
            delays.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            out.verdicts.push(verdicts);
            out.delays.push(delays);
        }
        let known: BTreeSet<&str> = people.iter().map(String::as_str).collect();
        for holder in heard.holders.iter().filter(|holder| labels.is_whole && !known.contains(holder.as_str())) {
            match held_out {
                HeldOut::Persons => out.others[part_of(holder, seed) as usize] += 1.0,
                // Compliant before that day and after it.
                HeldOut::Time(_) => out.others = out.others.map(|count| count + 1.0),
            }
        }
        Cases { people, cases, ..out }
    }
}

/// By variant and permit, what was said.
fn said(heard: &Heard) -> Vec<BTreeMap<&str, Said>> {
    let of_variant = |lives: &Vec<Life>| {
        let mut said: BTreeMap<&str, Said> = BTreeMap::new();
        for life in lives {
            let own = Said::of(life);
            let subject = heard.matter(life).subject.as_str();
            said.entry(subject).and_modify(|said| *said = said.join(own)).or_insert(own);
        }
        said
    };
    heard.lives.iter().map(of_variant).collect()
}

/// By permit, its person: of each permit with an alert or a label. One whose person nobody names is a person of its own.
fn drawn_up<'a>(heard: &'a Heard, labels: &'a Labels, until: KnownTime) -> BTreeMap<&'a str, &'a str> {
    let alerted = heard.matters.iter().map(|own| (own.subject.as_str(), heard.persons[own.person as usize].as_str()));
    let mut people: BTreeMap<&str, &str> = alerted.collect();
    for (subject, label) in &labels.by_subject {
        if label.known_from.is_some_and(|from| from >= until) {
            people.remove(subject.as_str());
            continue;
        }
        people.entry(subject).or_insert_with(|| label.person.as_deref().unwrap_or(subject));
    }
    people
}

fn part_of(person: &str, seed: u64) -> Part {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(person.as_bytes());
    if hash.finalize()[0] & 1 == 0 { Part::Choice } else { Part::HeldOut }
}

fn verdict(said: Option<&Said>, label: Option<&Label>, is_whole: bool) -> Verdict {
    let Some(label) = label else {
        return match (said, is_whole) {
            (Some(_), true) => Verdict::WRONG,
            (Some(_), false) => Verdict::UNKNOWN,
            (None, true) => Verdict::QUIET,
            (None, false) => Verdict::default(),
        };
    };
    if !label.is_right {
        let is_wrong = said.is_some_and(|said| label.most.is_none_or(|most| said.highest > most));
        return if is_wrong { Verdict::WRONG } else { Verdict::QUIET };
    }
    let Some(said) = said.filter(|said| label.least.is_none_or(|least| said.highest >= least)) else {
        return Verdict::MISSED;
    };
    let Some(known) = label.known_from else { return Verdict::RIGHT };
    let is_early = said.raised.day() < known.day();
    let is_found = said.ended.is_none_or(|ended| ended > known);
    match (is_found, is_early) {
        (true, false) => Verdict::RIGHT,
        (true, true) => Verdict::RIGHT.and(Verdict::WRONG),
        (false, _) => Verdict::WRONG.and(Verdict::MISSED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::MICROS_PER_DAY;

    fn at(day: i64) -> KnownTime {
        KnownTime(day * MICROS_PER_DAY)
    }

    fn label(is_right: bool) -> Label {
        Label {
            person: None,
            is_right,
            at: None,
            known_from: None,
            ended_at: None,
            least: None,
            most: None,
            weight: 1.0,
        }
    }

    fn said_from(raised: i64, ended: Option<i64>, highest: Severity) -> Said {
        Said { raised: at(raised), highest, ended: ended.map(at) }
    }

    #[test]
    fn an_alert_is_right_where_there_was_something_to_find_and_it_stood_then() {
        let breach = Label { known_from: Some(at(10)), least: Some(Severity::Medium), ..label(true) };
        let of = |said: Said| verdict(Some(&said), Some(&breach), false);
        assert_eq!(of(said_from(10, None, Severity::Medium)), Verdict::RIGHT);
        assert_eq!(of(said_from(30, Some(40), Severity::Strong)), Verdict::RIGHT);
        // The same day, but an hour before, is no other day.
        assert_eq!(
            of(Said { raised: KnownTime(at(11).0 - 1), ..said_from(0, None, Severity::Medium) }),
            Verdict::RIGHT
        );
        assert_eq!(of(said_from(9, None, Severity::Medium)), Verdict::RIGHT.and(Verdict::WRONG));
        assert_eq!(of(said_from(3, Some(8), Severity::Medium)), Verdict::WRONG.and(Verdict::MISSED));
        assert_eq!(of(said_from(10, None, Severity::Weak)), Verdict::MISSED);
        assert_eq!(verdict(None, Some(&breach), false), Verdict::MISSED);
    }

    #[test]
    fn an_alert_about_what_is_none_is_wrong_unless_it_is_weak_enough() {
        let trap = Label { most: Some(Severity::Weak), ..label(false) };
        let of = |severity| verdict(Some(&said_from(1, None, severity)), Some(&trap), false);
        assert_eq!((of(Severity::Weak), of(Severity::Medium)), (Verdict::QUIET, Verdict::WRONG));
        assert_eq!(verdict(Some(&said_from(1, None, Severity::Info)), Some(&label(false)), false), Verdict::WRONG);
        assert_eq!(verdict(None, Some(&label(false)), true), Verdict::QUIET);
    }

    #[test]
    fn what_nobody_has_judged_is_never_wrong_unless_the_labels_are_whole() {
        let said = said_from(1, None, Severity::Strong);
        assert_eq!(
            (verdict(Some(&said), None, false), verdict(None, None, false)),
            (Verdict::UNKNOWN, Verdict::default())
        );
        assert_eq!((verdict(Some(&said), None, true), verdict(None, None, true)), (Verdict::WRONG, Verdict::QUIET));
    }

    fn heard() -> Heard {
        use crate::tools::tune::heard::Matter;
        let matter = |person, subject: &str| Matter { person, subject: subject.into(), alert_key: String::new() };
        let life = |matter, raised| Life {
            matter,
            raised: at(raised),
            ended: None,
            stood: 0,
            severity: Severity::Medium,
            highest: Severity::Medium,
            is_retracted: false,
            is_withheld: false,
        };
        Heard {
            persons: vec!["p".into(), "q".into()],
            matters: vec![matter(0, "p-1"), matter(0, "p-2"), matter(1, "q-1")],
            lives: vec![vec![life(0, 12)], vec![life(0, 11), life(1, 40), life(2, 50)]],
            holders: ["o", "p", "q", "r"].map(str::to_owned).into(),
        }
    }

    fn labels(is_whole: bool) -> Labels {
        let breach = Label { known_from: Some(at(10)), at: Some(at(10)), ..label(true) };
        let later = Label { known_from: Some(at(99)), at: Some(at(99)), ..label(true) };
        let none = Label { at: Some(at(30)), ..label(false) };
        let by_subject =
            [("p-1", breach), ("s-1", none), ("t-1", later)].map(|(own, label)| (own.to_owned(), label)).into();
        Labels { by_subject, is_whole, ..Labels::default() }
    }

    #[test]
    fn cases_are_what_has_an_alert_or_a_label() {
        let cases = Cases::new(&heard(), &labels(false), super::HeldOut::Time(at(30)), 1, at(90));
        let of: Vec<(&str, &str, Part)> = cases
            .cases
            .iter()
            .map(|case| (case.subject.as_str(), cases.people[case.person].as_str(), case.part))
            .collect();
        use Part::{Choice, HeldOut};
        // That a breach of t-1 could be known lies ahead.
        assert_eq!(of, [("p-1", "p", Choice), ("p-2", "p", HeldOut), ("q-1", "q", HeldOut), ("s-1", "s-1", HeldOut)]);
        let unknown = Verdict::UNKNOWN;
        assert_eq!(cases.verdicts[0], [Verdict::RIGHT, Verdict::default(), Verdict::default(), Verdict::QUIET]);
        assert_eq!(cases.verdicts[1], [Verdict::RIGHT, unknown, unknown, Verdict::QUIET]);
        assert_eq!((&cases.delays[0], &cases.delays[1]), (&vec![(2.0, 0)], &vec![(1.0, 0)]));
        assert_eq!(cases.others, [0.0, 0.0]);
        let whole = Cases::new(&heard(), &labels(true), super::HeldOut::Time(at(30)), 1, at(90));
        assert_eq!(whole.verdicts[0], [Verdict::RIGHT, Verdict::QUIET, Verdict::QUIET, Verdict::QUIET]);
        assert_eq!(whole.others, [2.0, 2.0]);
    }

    #[test]
    fn all_that_is_about_a_person_is_in_one_part() {
        let parts = |seed| -> Vec<Part> {
            let cases = Cases::new(&heard(), &labels(true), HeldOut::Persons, seed, at(90));
            assert_eq!(cases.others.iter().sum::<f64>(), 2.0);
            assert_eq!(cases.cases[0].part, cases.cases[1].part);
            cases.cases.iter().map(|case| case.part).collect()
        };
        assert_eq!(parts(7), parts(7));
        assert!(
            (0..20).any(|seed| parts(seed)[0] == Part::Choice) && (0..20).any(|seed| parts(seed)[0] == Part::HeldOut)
        );
        let held_out = (0..1_000).filter(|person| part_of(&format!("p{person}"), 3) == Part::HeldOut).count();
        assert!((430..570).contains(&held_out), "{held_out}");
    }
}

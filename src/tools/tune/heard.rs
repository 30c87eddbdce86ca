//! What each variant raised, as one replay of all of them tells it.
//!
//! Of each alert only what the figures need is kept, a few numbers: hundreds of variants raise hundreds of times as many alerts as one rule.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::catalogue::Catalogue;
use crate::detector::Transition;
use crate::history::PersonNo;
use crate::model::alert::{Severity, Status};
use crate::model::time::{Day, KnownTime};
use crate::shard::Shard;
use crate::tools::replay::Listener;

/// What an alert is about: in every variant the same alert has the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Matter {
    /// Position in [`Heard::persons`].
    pub person: u32,
    pub subject: String,
    pub alert_key: String,
}

/// One alert of one variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// Position in [`Heard::matters`].
    pub matter: u32,
    /// When it was raised for the first time.
    pub raised: KnownTime,
    /// Until when it stood last; `None`: it stands at the end.
    pub ended: Option<KnownTime>,
    /// For how long it stood, in all, in microseconds.
    pub stood: i64,
    /// The severity with which it stood last, and the highest.
    pub severity: Severity,
    pub highest: Severity,
    /// A correction or a late fact took it back at some time.
    pub is_retracted: bool,
    /// Its person is protected: nothing is said of it.
    pub is_withheld: bool,
}

/// What was heard of all variants, sorted, so that it is the same however the shards took turns.
#[derive(Debug, Default)]
pub struct Heard {
    /// Subject ids of all persons that have an alert in some variant.
    pub persons: Vec<String>,
    pub matters: Vec<Matter>,
    /// By variant, the alerts in the order of their matters.
    pub lives: Vec<Vec<Life>>,
    /// Subject ids of all that the rule concerns.
    pub holders: Vec<String>,
}

/// Listens to a replay.
pub struct Listening {
    id: String,
    /// By position in the set of rules: which variant it is.
    variants: Vec<Option<usize>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    persons: FxHashMap<String, u32>,
    matters: FxHashMap<(u32, String, String), u32>,
    /// By variant and matter.
    lives: Vec<FxHashMap<u32, Open>>,
    holders: Vec<String>,
}

/// An alert, and since when it stands.
struct Open {
    life: Life,
    since: Option<KnownTime>,
}

impl Listening {
    /// For the variants of a rule in a set (`catalogue::variants`).
    pub fn to(id: &str, set: &Catalogue) -> Listening {
        let mut count = 0;
        let variant = |of: bool| {
            count += usize::from(of);
            of.then(|| count - 1)
        };
        let variants = set.rules.iter().map(|rule| rule.header.id == id).map(variant).collect();
        let lives = (0..count).map(|_| FxHashMap::default()).collect();
        Listening { id: id.to_owned(), variants, state: Mutex::new(State { lives, ..State::default() }) }
    }

    /// All that was heard; what stands has stood up to `until`.
    pub fn heard(self, until: KnownTime) -> Heard {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (persons, person_places) = sorted(state.persons);
        let matters = state.matters.into_iter().map(|((person, subject, alert_key), number)| {
            (Matter { person: person_places[person as usize], subject, alert_key }, number)
        });
        let (matters, places) = sorted(matters);
        let close = |mut open: Open| {
            open.life.matter = places[open.life.matter as usize];
            if let Some(since) = open.since {
                open.life.stood += until.0.saturating_sub(since.0).max(0);
            }
            open.life
        };
        let lives = state.lives.into_iter().map(|lives| {
            let mut lives: Vec<Life> = lives.into_values().map(close).collect();
            lives.sort_unstable_by_key(|life| life.matter);
            lives
        });
        let mut holders = state.holders;
        holders.sort_unstable();
        Heard { persons, matters, lives: lives.collect(), holders }
    }
}

/// Values in their order, and the place of each by the number that it had.
fn sorted<T: Ord>(numbered: impl IntoIterator<Item = (T, u32)>) -> (Vec<T>, Vec<u32>) {
    let mut numbered: Vec<(T, u32)> = numbered.into_iter().collect();
    numbered.sort_unstable();
    let mut places = vec![0; numbered.len()];
    for (place, (_, number)) in numbered.iter().enumerate() {
        places[*number as usize] = place as u32;
    }
    (numbered.into_iter().map(|(value, _)| value).collect(), places)
}

impl Listener for Listening {
    fn hear(&self, shard: &Shard, heard: Vec<(PersonNo, Transition)>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (person, transition) in heard {
            let variant = self.variants.get(transition.alert.rule.index()).copied().flatten();
            if let Some(variant) = variant {
                state.take(&shard.history().person(person).subject, variant, transition);
            }
        }
    }

    fn end(&self, shard: &Shard) {
        let rule = shard.rules().iter().find(|rule| rule.file.header.id == self.id);
        let Some(classes) = rule.map(|rule| rule.classes()) else { return };
        let concerned = shard.history().persons().filter(|(_, person)| person.classes.meets(classes));
        let subjects = concerned.map(|(_, person)| person.subject.to_string());
        self.state.lock().unwrap_or_else(PoisonError::into_inner).holders.extend(subjects);
    }
}

impl State {
    fn take(&mut self, person: &str, variant: usize, transition: Transition) {
        let person = match self.persons.get(person) {
            Some(number) => *number,
            None => {
                let number = self.persons.len() as u32;
                self.persons.insert(person.to_owned(), number);
                number
            }
        };
        let (alert, at) = (transition.alert, transition.as_of);
        let next = self.matters.len() as u32;
        let matter = *self.matters.entry((person, alert.subject, alert.alert_key)).or_insert(next);
        let Some(lives) = self.lives.get_mut(variant) else { return };
        let open = lives.entry(matter).or_insert_with(|| Open {
            life: Life {
                matter,
                raised: at,
                ended: None,
                stood: 0,
                severity: alert.severity,
                highest: alert.severity,
                is_retracted: false,
                is_withheld: false,
            },
            since: None,
        });
        open.change(at, transition.status, alert.severity, transition.is_withheld);
    }
}

impl Open {
    fn change(&mut self, at: KnownTime, status: Status, severity: Severity, is_withheld: bool) {
        let life = &mut self.life;
        life.is_withheld |= is_withheld;
        if status.stands() {
            (life.severity, life.highest, life.ended) = (severity, life.highest.max(severity), None);
            self.since = self.since.or(Some(at));
            return;
        }
        // Of a protected person the alert is withdrawn without a word, whatever it was.
        life.is_retracted |= status == Status::Retracted && !is_withheld;
        life.ended = Some(at);
        if let Some(since) = self.since.take() {
            life.stood += at.0 - since.0;
        }
    }
}

/// How many alerts a variant raised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volume {
    pub alerts: usize,
    /// By the severity with which each stood last.
    pub by_severity: [usize; 4],
    pub persons: usize,
    /// Permits, or what else the rule's alerts are about.
    pub subjects: usize,
    pub retracted: usize,
    /// The most raised on one day, and the first day with so many.
    pub peak: usize,
    pub peak_on: Option<Day>,
}

impl Heard {
    pub fn volume(&self, variant: usize) -> Volume {
        let lives = self.lives.get(variant).map_or(&[][..], Vec::as_slice);
        let mut volume = Volume { alerts: lives.len(), ..Volume::default() };
        let mut days: BTreeMap<Day, usize> = BTreeMap::new();
        let (mut person, mut subject) = (None, None);
        for life in lives {
            volume.by_severity[life.severity as usize] += 1;
            volume.retracted += usize::from(life.is_retracted);
            *days.entry(life.raised.day()).or_default() += 1;
            // Matters are sorted by person, then by subject.
            let matter = self.matter(life);
            volume.persons += usize::from(person.replace(matter.person) != Some(matter.person));
            let own = (matter.person, matter.subject.as_str());
            volume.subjects += usize::from(subject.replace(own) != Some(own));
        }
        for (day, count) in days {
            if count > volume.peak {
                (volume.peak, volume.peak_on) = (count, Some(day));
            }
        }
        volume
    }

    pub fn matter(&self, life: &Life) -> &Matter {
        &self.matters[life.matter as usize]
    }
}

/// What is other in a variant, held against the rule in force. An alert is the same if person, subject and alert key are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Raised in the variant and in force never; and the other way round.
    pub only_here: usize,
    pub only_there: usize,
    /// Raised for the first time at another time.
    pub earlier: usize,
    pub later: usize,
    /// Another severity when it stood last.
    pub stronger: usize,
    pub weaker: usize,
}

/// Compares the alerts of a variant with those in force; both are in the order of their matters.
pub fn changes(here: &[Life], there: &[Life]) -> Changes {
    let mut out = Changes::default();
    let (mut here, mut there) = (here.iter().peekable(), there.iter().peekable());
    loop {
        match (here.peek(), there.peek()) {
            (None, None) => return out,
            (Some(own), Some(other)) if own.matter == other.matter => {
                out.earlier += usize::from(own.raised < other.raised);
                out.later += usize::from(own.raised > other.raised);
                out.stronger += usize::from(own.severity > other.severity);
                out.weaker += usize::from(own.severity < other.severity);
                here.next();
                there.next();
            }
            (Some(own), other) if other.is_none_or(|other| own.matter < other.matter) => {
                out.only_here += 1;
                here.next();
            }
            _ => {
                out.only_there += 1;
                there.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = crate::model::time::MICROS_PER_DAY;

    fn open(severity: Severity) -> Open {
        let life = Life {
            matter: 0,
            raised: KnownTime(0),
            ended: None,
            stood: 0,
            severity,
            highest: severity,
            is_retracted: false,
            is_withheld: false,
        };
        Open { life, since: None }
    }

    #[test]
    fn an_alert_stands_for_the_sum_of_its_spans() {
        let mut alert = open(Severity::Weak);
        alert.change(KnownTime(0), Status::Raised, Severity::Weak, false);
        alert.change(KnownTime(2 * DAY), Status::Updated, Severity::Strong, false);
        alert.change(KnownTime(3 * DAY), Status::Cleared, Severity::Strong, false);
        alert.change(KnownTime(10 * DAY), Status::Raised, Severity::Medium, false);
        assert_eq!((alert.life.stood, alert.since), (3 * DAY, Some(KnownTime(10 * DAY))));
        assert_eq!(
            (alert.life.severity, alert.life.highest, alert.life.ended),
            (Severity::Medium, Severity::Strong, None)
        );
        assert!(!alert.life.is_retracted);
        alert.change(KnownTime(14 * DAY), Status::Retracted, Severity::Medium, false);
        assert_eq!((alert.life.stood, alert.life.ended), (7 * DAY, Some(KnownTime(14 * DAY))));
        assert!(alert.life.is_retracted);
        let mut withheld = open(Severity::Weak);
        withheld.change(KnownTime(0), Status::Raised, Severity::Weak, false);
        withheld.change(KnownTime(DAY), Status::Retracted, Severity::Weak, true);
        assert!(withheld.life.is_withheld && !withheld.life.is_retracted);
    }

    fn life(matter: u32, raised: i64, severity: Severity) -> Life {
        Life { matter, raised: KnownTime(raised * DAY), severity, ..open(severity).life }
    }

    #[test]
    fn variants_are_compared_matter_by_matter() {
        use Severity::{Medium, Strong, Weak};
        let there = [life(0, 5, Weak), life(1, 5, Weak), life(3, 5, Medium), life(7, 1, Weak)];
        let here = [life(1, 3, Strong), life(2, 9, Weak), life(3, 8, Weak), life(7, 1, Weak), life(9, 1, Weak)];
        let wanted = Changes { only_here: 2, only_there: 1, earlier: 1, later: 1, stronger: 1, weaker: 1 };
        assert_eq!(changes(&here, &there), wanted);
        assert_eq!(changes(&there, &there), Changes::default());
        assert_eq!(changes(&[], &there), Changes { only_there: 4, ..Changes::default() });
    }

    #[test]
    fn volume_counts_alerts_persons_and_subjects() {
        let matter =
            |person, subject: &str, key: &str| Matter { person, subject: subject.into(), alert_key: key.into() };
        let matters = vec![matter(0, "a", "1"), matter(0, "a", "2"), matter(0, "b", "1"), matter(1, "c", "1")];
        let lives = vec![vec![
            life(0, 2, Severity::Weak),
            life(1, 2, Severity::Weak),
            life(2, 2, Severity::Strong),
            life(3, 9, Severity::Info),
        ]];
        let heard = Heard { persons: vec!["p".into(), "q".into()], matters, lives, holders: Vec::new() };
        let wanted = Volume {
            alerts: 4,
            by_severity: [1, 2, 0, 1],
            persons: 2,
            subjects: 3,
            retracted: 0,
            peak: 3,
            peak_on: Some(Day(2)),
        };
        assert_eq!(heard.volume(0), wanted);
    }
}

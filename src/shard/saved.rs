//! A shard as a checkpoint has it: facts, and what follows from them that would take long to work out again (which alerts stand, when to
//! look again, what units have shown one another). Nothing of a plan: so a shard with other rules, other parameters or another planner goes on
//! from it, and evaluates again what they change.

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::links::SavedRow;
use super::{Settings, Shard, keeps, source_of};
use crate::detector::saved::{Places, SavedChecks, SavedNames, SavedState};
use crate::history::PersonNo;
use crate::history::saved::{Added, Restoring, Unfit};
use crate::model::alert::content;
use crate::model::schema::{Feed, TableId};
use crate::model::sets::{RuleBits, RuleNo, TableSet};
use crate::model::time::KnownTime;
use crate::rules::RuleSet;
use crate::rules::planned::PlannedRule;

/// The persons of whom something has changed since the last capture.
#[derive(Debug, Default)]
pub(super) struct Touched {
    marked: Vec<u64>,
    persons: Vec<PersonNo>,
    /// Everybody.
    all: bool,
}

impl Touched {
    pub fn add(&mut self, person: PersonNo) {
        let (word, bit) = (person.0 as usize / 64, 1u64 << (person.0 % 64));
        if person.0 == u32::MAX {
            return;
        }
        if self.marked.len() <= word {
            self.marked.resize(word + 1, 0);
        }
        if self.marked[word] & bit == 0 {
            self.marked[word] |= bit;
            self.persons.push(person);
        }
    }

    pub fn add_all(&mut self) {
        *self = Touched { all: true, ..Touched::default() };
    }

    /// The persons, by rising number; `None`: everybody.
    fn take(&mut self) -> Option<Vec<PersonNo>> {
        let Touched { mut persons, all, .. } = std::mem::take(self);
        persons.sort_unstable();
        (!all).then_some(persons)
    }
}

/// What has changed since the last capture.
pub struct Captured {
    /// Nothing before it counts.
    pub is_whole: bool,
    pub added: Added,
    pub units: Units,
    pub state: State,
}

/// What is remembered of persons and other units.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Units {
    pub names: SavedNames,
    pub units: Vec<Unit>,
}

#[derive(Debug, Deserialize, Serialize)]
pub struct Unit {
    pub number: u32,
    entities: Vec<u32>,
    is_bound: bool,
    state: SavedState,
    shown: Vec<SavedRow>,
    /// Versions of retracted rows.
    retracted: Vec<(u64, i64)>,
}

/// What belongs to no person.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct State {
    /// By the feed's name: the known time up to which it has been read.
    pub clocks: Vec<(String, i64)>,
    /// The greatest known time read, and that of the last settling.
    pub clock: i64,
    settled: i64,
    pub rules: Vec<SavedRule>,
    /// Names the texts of links.
    pub link_source: String,
    /// By link feed: the clocks of the shards that write it.
    writers: Vec<(String, Vec<i64>)>,
    retracted: Vec<(u64, i64)>,
    checks: SavedChecks,
}

/// A rule that was in force.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct SavedRule {
    pub id: String,
    pub fingerprint: String,
    /// What it found is not all that it would find: it failed, or was being evaluated again.
    pub is_behind: bool,
}

impl Shard {
    /// Notes that a person's state is to be in the next capture.
    pub(super) fn touch(&mut self, person: PersonNo) {
        self.touched.add(person);
    }

    /// For measurements: the next capture is also of so many persons.
    pub fn touch_some(&mut self, persons: usize) {
        let some: Vec<PersonNo> = self.history.persons().map(|(person, _)| person).take(persons).collect();
        some.into_iter().for_each(|person| self.touch(person));
    }

    /// The next capture is a whole one.
    pub fn capture_whole(&mut self) {
        self.captured = None;
    }

    /// What has changed since the last call. To be called when everything has been settled.
    pub fn capture(&mut self) -> Captured {
        let persons = self.touched.take();
        let mark = self.captured.take();
        let is_whole = mark.is_none();
        let everybody = || self.history.persons().map(|(person, _)| person).collect();
        let persons: Vec<PersonNo> = persons.filter(|_| !is_whole).unwrap_or_else(everybody);
        let added = self.history.added(&mark.unwrap_or_default(), &persons);
        let ids: Vec<&str> = self.rules.rules().iter().map(|rule| rule.file.header.id.as_str()).collect();
        let units = persons.iter().map(|person| self.unit(*person));
        let units =
            Units { names: SavedNames::of(&ids), units: units.filter(|unit| !is_whole || !unit.is_empty()).collect() };
        self.captured = Some(self.history.mark());
        Captured { is_whole, added, units, state: self.state() }
    }

    fn unit(&self, person: PersonNo) -> Unit {
        let (entities, is_bound) = self.history.kept_of(person);
        let (shown, retracted) = self.saved_links(person);
        let state = self.detector.saved(person, |id| self.said.bytes(id));
        Unit { number: person.0, entities, is_bound, state, shown, retracted }
    }

    fn state(&self) -> State {
        let behind = |rule: usize| {
            self.disabled.contains(rule)
                || self.errors[rule] > 0
                || self.rework_left() > 0 && self.rework.concerns(rule)
        };
        let rules = self.rules.rules().iter().enumerate();
        let (writers, retracted) = self.saved_writers();
        State {
            clocks: Feed::ALL.map(|feed| (feed.name().to_owned(), self.clocks.feed(feed).0)).into(),
            clock: self.clocks.shard().0,
            settled: self.settled.0,
            rules: rules
                .map(|(at, rule)| SavedRule {
                    id: rule.file.header.id.clone(),
                    fingerprint: rule.wording.clone(),
                    is_behind: behind(at),
                })
                .collect(),
            link_source: self.link_source().to_owned(),
            writers,
            retracted,
            checks: self.detector.saved_checks(),
        }
    }
}

impl Unit {
    fn is_empty(&self) -> bool {
        self.entities.is_empty()
            && !self.is_bound
            && self.state.is_empty()
            && self.shown.is_empty()
            && self.retracted.is_empty()
    }
}

impl Units {
    /// Puts the units of a later block over these. Both must refer to the same names.
    pub fn append(&mut self, later: Units) -> Result<(), Units> {
        if self.names != later.names {
            return Err(later);
        }
        let numbers: FxHashSet<u32> = later.units.iter().map(|unit| unit.number).collect();
        self.units.retain(|unit| !numbers.contains(&unit.number));
        self.units.extend(later.units);
        Ok(())
    }
}

/// A shard that is being read from a checkpoint, of which names, rows and owners have been read.
pub struct Restore {
    shard: Shard,
    history: Restoring,
    state: State,
    changed: RuleBits,
    links_anew: bool,
    is_other: bool,
}

/// What a restored shard has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Rules that are evaluated again for everybody whom they concern.
    pub again: Vec<String>,
    /// Rules that are gone.
    pub gone: Vec<String>,
    /// Other texts of links were in force, or another key: the shard holds nothing of what units have shown one another, and is to say all
    /// of it anew ([`Shard::say_anew`]).
    pub links_anew: bool,
}

impl Restore {
    /// `is_other` says that another program wrote the checkpoint: then every rule is evaluated again, since it may read the same text
    /// differently.
    pub fn new(settings: Settings, rules: RuleSet, mut history: Restoring, state: State, is_other: bool) -> Restore {
        let known = |rule: &PlannedRule| {
            state
                .rules
                .iter()
                .any(|old| old.id == rule.file.header.id && old.fingerprint == rule.wording && !old.is_behind)
        };
        let numbered = rules.rules().iter().enumerate();
        let links_anew = state.link_source != source_of(&rules, settings.pseudonyms.key_id());
        history.keep(keeps(&settings.visibility));
        if links_anew {
            history.leave_out_links();
        }
        let of_links = TableId::ALL.into_iter().filter(|table| table.is_link());
        let of_links = of_links.fold(TableSet::default(), |all, table| all.union(TableSet::of(table)));
        let reads_links = |rule: &PlannedRule| rule.tables.meets(of_links);
        let changed = numbered
            .filter(|(_, rule)| is_other || !known(rule) || links_anew && reads_links(rule))
            .map(|(at, _)| at)
            .collect();
        Restore { shard: Shard::new(settings, rules), history, state, changed, links_anew, is_other }
    }

    /// Takes units; those of a newer block replace those of an older one.
    pub fn units(&mut self, blocks: Vec<Units>) -> Result<(), Unfit> {
        let mut done: FxHashSet<u32> = FxHashSet::default();
        for Units { names, units } in blocks.into_iter().rev() {
            let places = self.places(&names);
            let places = Places { names: &names, rules: &places, changed: &self.changed };
            for unit in units.into_iter().rev().filter(|unit| done.insert(unit.number)) {
                let person = PersonNo(unit.number);
                self.history.kept(person, &unit.entities, unit.is_bound)?;
                for alert in &unit.state.standing {
                    self.shard.said.take(crate::model::alert::AlertId(alert.id), &alert.body);
                }
                self.shard.detector.restore(person, unit.state, &places);
                if !self.links_anew {
                    self.shard.restore_links(person, unit.shown, unit.retracted);
                }
            }
        }
        Ok(())
    }

    /// By place in the names: the rule's number now.
    fn places(&self, names: &SavedNames) -> Vec<Option<RuleNo>> {
        let place = |id: &String| self.shard.rules().iter().position(|rule| rule.file.header.id == *id).map(RuleNo::at);
        names.rules.iter().map(place).collect()
    }

    /// The shard, and what it has to do besides reading on.
    pub fn finish(self) -> Result<(Shard, Restored), Unfit> {
        let names = SavedNames {
            rules: self.state.rules.iter().map(|rule| rule.id.clone()).collect(),
            ..SavedNames::default()
        };
        let rules = self.places(&names);
        let Restore { mut shard, history, state, changed, links_anew, is_other } = self;
        shard.history = history.finish()?;
        let places = Places { names: &names, rules: &rules, changed: &changed };
        let count = shard.rules().len();
        shard.detector.restore_timers(count, state.checks, &places);
        for (name, clock) in &state.clocks {
            if let Some(feed) = Feed::from_name(name).filter(|feed| !(links_anew && feed.is_internal())) {
                shard.clocks.advance(feed, KnownTime(*clock));
            }
        }
        shard.clocks.note(KnownTime(state.clock));
        shard.settled = KnownTime(state.settled);
        // Another program may not have evaluated those who had left by then.
        shard.note_leavings(if is_other { KnownTime::MIN } else { shard.left_until() });
        if !links_anew {
            shard.restore_writers(&state.writers, state.retracted);
        }
        shard.words_anew();
        let gone = names.rules.iter().zip(&rules).filter(|(_, place)| place.is_none()).map(|(id, _)| id.clone());
        let again = changed.iter().filter_map(|rule| Some(shard.rules().get(rule)?.file.header.id.clone()));
        let restored = Restored { again: again.collect(), gone: gone.collect(), links_anew };
        // What was left out is in the checkpoint, so the next one is a whole one.
        shard.captured = (!links_anew).then(|| shard.history.mark());
        shard.evaluate_again(changed);
        Ok((shard, restored))
    }
}

impl Shard {
    /// Works out what the standing alerts tell their readers, by the rules' words as they are now.
    fn words_anew(&mut self) {
        let (rules, said) = (&self.rules, &self.said);
        self.detector.for_each_standing(|alert| {
            let file = &rules.rules()[alert.rule.index()].file;
            if let Some(evidence) = said.evidence(alert.id) {
                let finding = file.finding(&evidence);
                alert.content = content(&file.header.title, &finding, &file.header.legal_basis, &evidence);
            }
        });
    }
}

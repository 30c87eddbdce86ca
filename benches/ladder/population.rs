//! The population that everything is measured on: a small one from the generator, with what the engine makes of it, copied as
//! often as holders are wanted (see `rekey`).
//!
//! The generator's last month is left out of the history: it is the stream that is measured. A shard is not filled through
//! the rules, which would take longer than the measurement, but holds what it would hold after running: records, links,
//! conditions, standing alerts and timers, each as the engine found them for the original.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use permitwatch::catalogue::Catalogue;
use permitwatch::config::{LimitsConfig, RulesConfig, Visibility};
use permitwatch::decode::decode;
use permitwatch::detector::{Cause, RuleRef, Span};
use permitwatch::generate::{Dataset, Fate, Options, generate};
use permitwatch::history::ClassSet;
use permitwatch::model::partition::partition_of;
use permitwatch::model::record::{Message, Offset, Record};
use permitwatch::model::schema::Feed;
use permitwatch::model::sets::{RuleBits, RuleNo};
use permitwatch::model::time::{Day, KnownTime, MICROS_PER_DAY};
use permitwatch::pipeline::reload::in_force;
use permitwatch::pseudonyms::Pseudonyms;
use permitwatch::rules::planned::PlannedRule;
use permitwatch::rules::{CancellerSet, Conditions, Hit, Request, RuleSet};
use permitwatch::shard::{Order, Settings, Shard};
use permitwatch::units::Unit;
use rustc_hash::FxHashMap;

use crate::rekey::{Copy, Names};

/// Holders of the original; what belongs to them (anchors, companions) comes on top.
pub const ORIGINAL: u32 = 2_000;
const SEED: u64 = 20_261_101;
const STREAM_DAYS: i64 = 31;
const MAX_MESSAGE_BYTES: usize = 65_536;

/// A person, or the unit of an employer or identifier, of the original.
#[derive(Debug)]
pub struct Subject {
    pub id: Box<str>,
    /// What is known of it, links included, in the order of known time.
    pub records: Vec<Record>,
    pub conditions: Conditions,
    /// By rule, its rows.
    pub hits: Vec<(usize, Vec<Hit>)>,
}

#[derive(Debug)]
pub struct Original {
    pub names: Names,
    pub subjects: Vec<Subject>,
    pub reference: Vec<Record>,
    /// What becomes known of these subjects in the month after the history.
    pub month: Vec<Record>,
    /// Payloads of the same month about nobody in the population.
    pub outsiders: Vec<(Feed, Box<[u8]>)>,
    /// The clock at the end of the history; the stream's known times follow.
    pub start: KnownTime,
    /// Alerts that stand and timers, as the engine had them in the end.
    pub standing: usize,
    pub timers: usize,
}

/// All rules that are not drafts, those without a gateway too: the data is made up.
pub fn catalogue() -> anyhow::Result<Catalogue> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    Ok(in_force(&RulesConfig { dir, run_closed: true, ..RulesConfig::default() })?)
}

pub fn pseudonyms() -> Pseudonyms {
    Pseudonyms::new("permitwatch benchmarks, not for production", "bench")
}

pub fn settings(number: i32, partitions: i32) -> Settings {
    Settings {
        number,
        partitions: Some(partitions),
        order: Order::Live,
        visibility: Visibility::default(),
        limits: LimitsConfig::default(),
        max_rule_errors: 100,
        pseudonyms: Arc::new(pseudonyms()),
    }
}

impl Original {
    /// Generates, and evaluates once. `months` is how far the payments, journeys, studies and notices go back.
    pub fn new(holders: u32, months: u32, catalogue: &Catalogue) -> anyhow::Result<Original> {
        let options = Options { garbage: 0, ..Options::new(holders as usize, (months + 1).div_ceil(12), SEED) };
        options.check()?;
        let dataset = generate(&options);
        let until = Day::from_date(options.until).instant();
        let split = until - STREAM_DAYS * MICROS_PER_DAY;
        let start = KnownTime(until - MICROS_PER_DAY);
        let kept_from = Day::from_date(options.until).add_months(-(months as i32) - 1).map_or(i64::MIN, Day::instant);
        let mut original = Original {
            names: Names { persons: holders, ..Names::default() },
            subjects: Vec::new(),
            reference: Vec::new(),
            month: Vec::new(),
            outsiders: Vec::new(),
            start,
            standing: 0,
            timers: 0,
        };
        let mut history = Vec::new();
        original.sort_messages(&dataset, split, kept_from, &mut history);
        drop(dataset);
        original.evaluate(history, catalogue)?;
        Ok(original)
    }

    /// Before `split` is history, after it the stream.
    fn sort_messages(&mut self, dataset: &Dataset, split: i64, kept_from: i64, history: &mut Vec<Record>) {
        for feed in Feed::SOURCES {
            for told in dataset.messages(feed) {
                let (Some(key), Some(payload)) = (&told.key, told.payload()) else { continue };
                if told.fate == Fate::Filtered {
                    if told.known_time >= split {
                        self.outsiders.push((feed, payload.into()));
                    }
                    continue;
                }
                let message = message(feed, told.known_time, key.as_bytes().into(), payload.into());
                let Some(decoded) = Some(told.fate).filter(|fate| *fate == Fate::Evaluated).map(|_| &message) else {
                    continue;
                };
                let Ok(decoded) = decode(decoded, MAX_MESSAGE_BYTES) else { continue };
                let record = decoded.record;
                self.names.note(&record);
                let is_event = !matches!(feed, Feed::Permits | Feed::Reference | Feed::Population);
                if feed == Feed::Reference {
                    self.reference.push(record);
                } else if told.known_time >= split {
                    self.month.push(record);
                } else if !is_event || record.event_time.0 >= kept_from {
                    history.push(record);
                }
            }
        }
        history.sort_by_key(|record| record.known_time);
        self.month.sort_by_key(|record| record.known_time);
    }

    /// Lets the engine settle what is known, until units have nothing more to show each other, and notes what it found.
    fn evaluate(&mut self, history: Vec<Record>, catalogue: &Catalogue) -> anyhow::Result<()> {
        let mut shard = Shard::new(settings(0, 1), RuleSet::plan(catalogue)?);
        for record in &self.reference {
            shard.history_mut().insert_reference(record);
        }
        self.advance(&mut shard);
        shard.take_linked(&history);
        let mut records = history;
        loop {
            shard.settle_live();
            let shown = shard.take_outgoing();
            if shown.is_empty() {
                break;
            }
            shard.take_linked(&shown);
            records.extend(shown);
        }
        self.standing = shard.detector().standing().count();
        self.timers = shard.detector().timer_count();
        self.note_findings(&shard, records)
    }

    fn note_findings(&mut self, shard: &Shard, records: Vec<Record>) -> anyhow::Result<()> {
        let classes: Vec<ClassSet> = shard.rules().iter().map(PlannedRule::classes).collect();
        let units: Vec<Unit> =
            shard.history().persons().map(|(person, _)| Unit { person, as_of: self.start }).collect();
        let every = classes.len();
        let all = RuleBits::first(every);
        let rules = shard.rule_set();
        let evaluation =
            rules.evaluate(shard.history(), &units, &vec![Request { rules: all, links: false }; units.len()]);
        let shared = rules.evaluate_shared(shard.history(), &units).map_err(|error| anyhow!("conditions: {error}"))?;
        if let Some(failure) = evaluation.failures.first() {
            return Err(anyhow!("rule {} failed: {}", failure.rule, failure.message));
        }
        let mut by_subject: FxHashMap<Box<str>, Vec<Record>> = FxHashMap::default();
        for record in records {
            by_subject.entry(record.subject.clone()).or_default().push(record);
        }
        for (unit, conditions) in units.iter().zip(shared.units) {
            let person = shard.history().person(unit.person);
            let number = unit.person.0;
            let hits = evaluation.rows.iter().enumerate().filter(|(rule, _)| classes[*rule].meets(person.classes));
            let hits = hits.filter_map(|(rule, rows)| {
                let own = rows.as_ref()?.of(number);
                (!own.is_empty()).then(|| (rule, own.to_vec()))
            });
            let records = by_subject.remove(&person.subject).unwrap_or_default();
            let subject = Subject { id: person.subject.clone(), records, conditions, hits: hits.collect() };
            self.subjects.push(subject);
        }
        let known: FxHashMap<&str, ()> = self.subjects.iter().map(|subject| (&*subject.id, ())).collect();
        self.month.retain(|record| known.contains_key(&*record.subject));
        Ok(())
    }

    fn advance(&self, shard: &mut Shard) {
        for feed in Feed::ALL {
            shard.advance_clock(feed, self.start);
        }
    }

    pub fn copy(&self, number: u32) -> Copy<'_> {
        self.names.copy(number)
    }

    /// A shard that knows so many copies of the original, as far as they belong to it.
    pub fn shard(&self, copies: u32, number: i32, partitions: i32, rules: RuleSet) -> anyhow::Result<Shard> {
        let mut shard = Shard::new(settings(number, partitions), rules);
        self.tell_reference(copies, &mut shard);
        self.advance(&mut shard);
        for copy in (0..copies).map(|copy| self.copy(copy)) {
            for subject in &self.subjects {
                if !is_own(&copy.subject(&subject.id), number, partitions) {
                    continue;
                }
                for record in &subject.records {
                    shard.history_mut().insert(&copy.record(record));
                }
            }
        }
        Ok(shard)
    }

    pub fn tell_reference(&self, copies: u32, shard: &mut Shard) {
        for copy in (0..copies).map(|copy| self.copy(copy)) {
            for record in &self.reference {
                let is_shared = !self.names.employers.contains_key(&record.subject);
                if copy.number == 0 || !is_shared {
                    shard.history_mut().insert_reference(&copy.record(record));
                }
            }
        }
    }

    /// Cancellers and corroborations, as the engine has them after looking at everybody.
    pub fn set_conditions(&self, copies: u32, shard: &mut Shard) {
        for copy in (0..copies).map(|copy| self.copy(copy)) {
            for subject in &self.subjects {
                let Some(person) = shard.history().person_no(&copy.subject(&subject.id)) else { continue };
                shard.detector_mut().set_conditions(person, copy.conditions(&subject.conditions));
            }
        }
    }

    /// Alerts and timers likewise.
    pub fn settle(&self, copies: u32, shard: &mut Shard) -> anyhow::Result<()> {
        let clock = self.start;
        let rules: Vec<(String, CancellerSet)> =
            shard.rules().iter().map(|rule| (rule.file.header.id.clone(), rule.cancellers)).collect();
        let cause = Cause { as_of: clock, corrected: false, recomputed: false, has_left: false };
        let now = Span { until: clock, absence: clock };
        let mut transitions = Vec::new();
        for copy in (0..copies).map(|copy| self.copy(copy)) {
            for subject in self.subjects.iter().filter(|subject| !subject.hits.is_empty()) {
                let Some(person) = shard.history().person_no(&copy.subject(&subject.id)) else { continue };
                for (rule, hits) in &subject.hits {
                    let (id, cancellers) = rules.get(*rule).context("a rule has gone")?;
                    let hits: Vec<Hit> = hits.iter().map(|hit| copy.hit(hit)).collect();
                    let rule = RuleRef {
                        number: RuleNo::at(*rule),
                        id,
                        outlet: permitwatch::model::stage::Outlet::Officers,
                        cancellers: *cancellers,
                        content: &|_| 0,
                    };
                    shard.detector_mut().settle(person, rule, &hits, cause, now, &mut transitions);
                    transitions.clear();
                }
            }
        }
        Ok(())
    }

    /// Tables of the month's records, with their share in per cent.
    pub fn mix(&self) -> BTreeMap<&'static str, f64> {
        let mut counts: BTreeMap<&'static str, f64> = BTreeMap::new();
        for record in &self.month {
            *counts.entry(record.table.name()).or_default() += 100.0 / self.month.len() as f64;
        }
        counts
    }

    pub fn history_rows(&self) -> usize {
        self.subjects.iter().map(|subject| subject.records.len()).sum()
    }
}

pub fn is_own(subject: &str, shard: i32, partitions: i32) -> bool {
    partition_of(subject.as_bytes(), partitions) == shard
}

pub fn message(feed: Feed, known_time: i64, key: Box<[u8]>, payload: Box<[u8]>) -> Message {
    Message {
        feed,
        partition: 0,
        offset: Offset(0),
        known_time: KnownTime(known_time),
        key: Some(key),
        payload: Some(payload),
        claimed_time: None,
        sent_at: None,
    }
}

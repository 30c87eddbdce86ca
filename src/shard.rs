//! One shard: a partition number of every feed, its history, its rules, its alerts.
//!
//! Messages are taken one at a time, in merge order (`intake`); what they change is evaluated when the shard is
//! settled (`evaluate`), and comes out as alerts (`render`). What units show to others goes through `links`. The same code runs live, in replay and in tests; only
//! the order differs.
//!
//! - *Strict*: `settle(until)` is called when everything known up to `until` has been taken and nothing later. Each
//!   person and known time is a unit of its own. What comes out does not depend on where the stream was cut. An absence waits for
//!   feeds that a recording does not have so far (`set_spoken`); who is not told counts all as having spoken.
//! - *Live*: a record is evaluated when read; the records of one person and day taken since the last settling are one unit, but for
//!   those before a deadline of the person. Deadlines wait for the clocks of their rules.
//!
//! No I/O: the pipeline feeds it and publishes what it gives.

mod evaluate;
mod intake;
mod links;
mod reload;
mod render;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alert::Alert;
use crate::clock::{Clocks, FeedSet, Spoken};
use crate::config::{LimitsConfig, Visibility};
use crate::detector::{Detector, Standing};
use crate::history::{EMPLOYER_UNIT, History, IDENTIFIER_UNIT, PersonNo};
use crate::record::{Coordinates, Fates, Quarantined};
use crate::rules::plan::PlannedRule;
use crate::rules::{RuleMask, RuleSet, TableSet};
use crate::schema::Feed;
use crate::time::{KnownTime, WallTime};
use rustc_hash::FxHashMap;

pub use evaluate::Pass;
pub use links::{LINK_SOURCE, Said, ShownRecord, clock_payload, link_payload};
pub use reload::LINKS_DIFFER;
pub use render::Pseudonyms;

/// How records are ordered and when deadlines fall due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Strict,
    Live,
}

/// What a shard is given when it starts.
pub struct Settings {
    /// Its partition number.
    pub number: i32,
    /// Partitions of each feed; `None` switches the check of the partitioner off (recorded files).
    pub partitions: Option<i32>,
    pub order: Order,
    pub visibility: Visibility,
    pub limits: LimitsConfig,
    /// Failing persons after which a rule is disabled.
    pub max_rule_errors: u32,
    pub pseudonyms: Arc<Pseudonyms>,
}

/// An alert with what the run knows about its cause.
#[derive(Clone, Debug)]
pub struct Emitted {
    pub alert: Alert,
    /// When the record that caused it was sent, where the sender said so.
    pub sent_at: Option<WallTime>,
    /// A deadline caused it, not a record.
    pub deadline: bool,
}

/// Counts since the shard was last asked.
#[derive(Clone, Debug, Default)]
pub struct Work {
    pub record_units: u64,
    pub deadline_units: u64,
    pub rows_gathered: u64,
    /// By rule: evaluations, rows given, microseconds, failures.
    pub rules: Vec<RuleWork>,
    pub decode_micros: u64,
    pub gather_micros: u64,
    pub rules_micros: u64,
    pub detect_micros: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct RuleWork {
    pub evaluations: u64,
    pub rows: u64,
    pub micros: u64,
    pub failures: u64,
}

/// What a record changes: a person has to be looked at again.
#[derive(Clone, Copy, Debug)]
struct Change {
    person: PersonNo,
    /// Known time of the record. In live order it is evaluated as of the clock when it is settled.
    as_of: i64,
    tables: TableSet,
    corrected: bool,
    /// Feeds of records that came too late.
    late: FeedSet,
    sent_at: Option<WallTime>,
    coordinates: Coordinates,
}

/// By rule the bits of its permit classes, all bits where it concerns every class; and the bits of units that are no persons.
fn rule_classes(rules: &RuleSet, history: &mut History) -> (Vec<u64>, u64) {
    let employer_bit = history.class_bit(EMPLOYER_UNIT);
    let unit_bits = employer_bit | history.class_bit(IDENTIFIER_UNIT);
    let mut bits = |rule: &PlannedRule| {
        let header = &rule.file.header;
        if header.key.is_some() {
            return employer_bit;
        }
        if header.permit_classes.iter().any(|class| class == "*") {
            return !unit_bits;
        }
        header.permit_classes.iter().fold(0, |bits, class| bits | history.class_bit(class))
    };
    (rules.rules().iter().map(&mut bits).collect(), unit_bits)
}

/// The state of one shard.
pub struct Shard {
    settings: Settings,
    history: History,
    rules: RuleSet,
    /// By rule: bits of its permit classes; all bits where it concerns every class.
    rule_classes: Vec<u64>,
    disabled: RuleMask,
    errors: Vec<u32>,
    detector: Detector,
    clocks: Clocks,
    /// How far the feeds of a recording have spoken, strict order; `None`: as far as it is settled.
    spoken: Option<Spoken>,
    /// By rule the registers' feeds that its absences wait for.
    waits_for: Vec<FeedSet>,
    changes: Vec<Change>,
    fates: Fates,
    quarantined: Vec<Quarantined>,
    work: Work,
    /// By person: what its links show to others.
    shown: FxHashMap<PersonNo, Vec<links::Shown>>,
    /// What they have to say since the shard was last asked.
    outgoing: Vec<links::ShownRecord>,
    /// What was said before the start, until the shard has caught up with it.
    said: Option<links::Said>,
    /// Versions of rows that were taken back, by their names.
    gone: FxHashMap<u64, i64>,
    /// Names the texts that decide what links show; what others made of other texts is not taken.
    link_source: Box<str>,
    /// By link feed and writing shard: up to where it has said everything.
    writers: BTreeMap<Feed, Vec<KnownTime>>,
    /// Classes of units that are no persons.
    unit_bits: u64,
    rework: reload::Rework,
    /// The clock at the last settling; live order only.
    settled: i64,
    /// When the last message was sent that was not filtered, clock messages among them: deadlines owe their latency to it.
    clock_sent_at: Option<WallTime>,
}

impl Shard {
    pub fn new(settings: Settings, rules: RuleSet) -> Shard {
        let mut history = History::default();
        let (rule_classes, unit_bits) = rule_classes(&rules, &mut history);
        let count = rules.rules().len();
        Shard {
            settings,
            history,
            rule_classes,
            disabled: 0,
            errors: vec![0; count],
            detector: Detector::new(count),
            clocks: Clocks::default(),
            spoken: None,
            waits_for: (0..count).map(|rule| rules.waits_for(rule)).collect(),
            changes: Vec::new(),
            fates: Fates::default(),
            quarantined: Vec::new(),
            work: Work { rules: vec![RuleWork::default(); count], ..Work::default() },
            shown: FxHashMap::default(),
            outgoing: Vec::new(),
            said: None,
            gone: FxHashMap::default(),
            link_source: format!("{LINK_SOURCE}:{}", rules.link_fingerprint()).into(),
            writers: BTreeMap::new(),
            unit_bits,
            rework: reload::Rework::default(),
            settled: i64::MIN,
            clock_sent_at: None,
            rules,
        }
    }

    pub fn number(&self) -> i32 {
        self.settings.number
    }

    pub fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// For measurements that begin with a history: what is put in here is not evaluated.
    pub fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    pub fn detector(&self) -> &Detector {
        &self.detector
    }

    pub fn detector_mut(&mut self) -> &mut Detector {
        &mut self.detector
    }

    pub fn rules(&self) -> &[PlannedRule] {
        self.rules.rules()
    }

    pub fn rule_set(&self) -> &RuleSet {
        &self.rules
    }

    /// Gives the plans back, which hold nothing of the shard, for another one.
    pub fn into_rule_set(self) -> RuleSet {
        self.rules
    }

    /// Rules that failed too often and are no longer run.
    pub fn disabled(&self) -> RuleMask {
        self.disabled
    }

    /// Alerts that stand, by alert id.
    pub fn standing(&self) -> Vec<(PersonNo, &Standing)> {
        let mut standing: Vec<_> = self.detector.standing().collect();
        standing.sort_by_key(|(_, alert)| alert.id);
        standing
    }

    /// The greatest known time taken.
    pub fn clock(&self) -> KnownTime {
        self.clocks.shard()
    }

    /// Changes that wait for the next settling.
    pub fn pending(&self) -> usize {
        self.changes.len()
    }

    /// Everything counted since the last call.
    pub fn take_fates(&mut self) -> Fates {
        std::mem::take(&mut self.fates)
    }

    pub fn take_quarantined(&mut self) -> Vec<Quarantined> {
        std::mem::take(&mut self.quarantined)
    }

    pub fn take_work(&mut self) -> Work {
        let count = self.rules.rules().len();
        std::mem::replace(&mut self.work, Work { rules: vec![RuleWork::default(); count], ..Work::default() })
    }

    /// The clock of a feed without clock messages was read off the wall.
    pub fn advance_clock(&mut self, feed: crate::schema::Feed, to: KnownTime) {
        self.clocks.advance(feed, to);
    }

    /// How far the feeds of a recording have spoken, strict order; before the first settling.
    pub fn set_spoken(&mut self, spoken: Spoken) {
        self.spoken = Some(spoken);
    }

    /// By rule, of how many units an absence is due by the last settling and waits for a feed.
    pub fn waiting(&self) -> Vec<usize> {
        self.detector.waiting(self.clocks.shard().0)
    }

    /// In strict order: up to where a rule's absences are asserted at a settling.
    fn asserted_to(&self, rule: usize, until: KnownTime) -> KnownTime {
        self.spoken.map_or(until, |spoken| spoken.least(self.waits_for(rule)).min(until))
    }

    /// The registers' feeds that a rule's absences wait for.
    pub fn waits_for(&self, rule: usize) -> FeedSet {
        self.waits_for.get(rule).copied().unwrap_or_default()
    }

    /// Of the given rules those that may have something to say of a person: they find the rows that they need, or found them once.
    fn possible(&self, rules: RuleMask, person: PersonNo) -> RuleMask {
        let known = self.history.person(person);
        self.rules.possible(rules, |table| known.has(table)) | rules & self.detector.rules_of(person)
    }

    /// Rules that concern a person of these classes and are not disabled.
    fn rules_of(&self, classes: u64) -> RuleMask {
        let concerned = self.rule_classes.iter().enumerate().filter(|(_, bits)| **bits & classes != 0);
        concerned.fold(0, |mask, (at, _)| mask | 1 << at) & !self.disabled
    }
}

//! One shard: one partition number of every feed, with the history, the rules and the alerts of the persons in it.
//!
//! The shard takes messages one at a time, in merge order (`intake`). Settling evaluates what they changed (`evaluate`) and words
//! the transitions as alerts (`render`). Rows that units show to one another go through `links`. The same code runs live, in replay
//! and in tests; only the order differs.
//!
//! - *Strict*: the caller calls `settle(until)` when it has taken everything known up to `until` and nothing later. Each person and
//!   known time is a unit. The alerts do not depend on where the stream was cut. An absence is asserted only as far as the
//!   recording's feeds reach (`set_spoken`); without that call every feed counts as complete.
//! - *Live*: a record is evaluated when it is read. The records of one person and day taken since the last settling are one unit,
//!   but a deadline of the person within the day starts another. Deadlines wait for the clocks of their rules.
//!
//! No I/O: the pipeline hands messages in and publishes the alerts.

mod evaluate;
mod intake;
mod leaving;
mod links;
mod reload;
mod render;
pub mod saved;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::config::{LimitsConfig, Visibility};
use crate::detector::{Detector, Standing, Transition};
use crate::history::saved::Mark;
use crate::history::{ClassSet, History, Keeps, PersonNo};
use crate::model::alert::{Alert, AlertId};
use crate::model::clock::{Clocks, Spoken};
use crate::model::record::{Coordinates, Fates, Quarantined};
use crate::model::schema::Feed;
use crate::model::sets::{FeedSet, RuleBits, TableSet};
use crate::model::stage::Outlet;
use crate::model::time::{KnownTime, WallTime};
use crate::pseudonyms::Pseudonyms;
use crate::rules::planned::PlannedRule;
use crate::rules::{CalledOff, RuleSet};

pub use evaluate::Pass;
pub use leaving::ErasureWork;
pub use links::{LINK_SOURCE, Said, ShownRecord, WriterClock, link_payload, source_of};
pub use reload::LINKS_DIFFER;
pub(crate) use reload::withdrawn_as;

/// How records are ordered and when deadlines fall due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Strict,
    Live,
}

/// The settings of a shard.
pub struct Settings {
    /// Its partition number.
    pub number: i32,
    /// Number of partitions of each feed; `None` switches the check of the partitioner off (recorded files).
    pub partitions: Option<i32>,
    pub order: Order,
    pub visibility: Visibility,
    pub limits: LimitsConfig,
    /// A rule that has failed for this many persons is disabled.
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

/// Counts since the last call of [`Shard::take_work`].
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

/// A record has changed what is known of a person, who has to be evaluated again.
#[derive(Clone, Copy, Debug)]
struct Change {
    person: PersonNo,
    /// Known time of the record. In live order the change is evaluated as of this time or of the last settling, whichever is later.
    as_of: KnownTime,
    tables: TableSet,
    corrected: bool,
    /// Feeds of records that came too late for the kept history.
    late: FeedSet,
    sent_at: Option<WallTime>,
    coordinates: Coordinates,
}

/// What decides who leaves the population.
fn keeps(visibility: &Visibility) -> Keeps {
    Keeps { aftercare_months: visibility.aftercare_months, permit_lead: visibility.permit_lead }
}

/// The state of one shard.
pub struct Shard {
    settings: Settings,
    history: History,
    rules: RuleSet,
    /// By rule: the permit classes that it concerns.
    rule_classes: Vec<ClassSet>,
    disabled: RuleBits,
    errors: Vec<u32>,
    detector: Detector,
    /// Transitions that nobody has taken yet, if they are not worded as alerts ([`Shard::listen`]).
    heard: Option<Vec<(PersonNo, Transition)>>,
    /// What each standing alert says.
    said: render::Bodies,
    /// By outlet and published id: the sequence at which an alert was withdrawn without a word, before the shard started.
    floors: [FxHashMap<AlertId, u64>; Outlet::COUNT],
    clocks: Clocks,
    /// Strict order: the known time up to which each feed of a recording reaches; `None`: every feed reaches as far as the shard is
    /// settled.
    spoken: Option<Spoken>,
    /// By rule: the register feeds whose clocks its absences wait for.
    waits_for: Vec<FeedSet>,
    changes: Vec<Change>,
    fates: Fates,
    quarantined: Vec<Quarantined>,
    work: Work,
    /// What the shard's units show to others, and the link clocks of other shards.
    links: links::Links,
    rework: reload::Rework,
    leaving: leaving::Leaving,
    /// Of whom the next capture is, and how much of the history the last one had; `None`: the next is a whole one.
    touched: saved::Touched,
    captured: Option<Mark>,
    /// Whether nobody needs what is being evaluated; `None`: always somebody does.
    called_off: Option<CalledOff>,
    /// The clock at the last settling; live order only.
    settled: KnownTime,
    /// When the last message that was not filtered (clock messages count) was sent: the latency of alerts that a deadline raises is
    /// measured from here.
    clock_sent_at: Option<WallTime>,
}

impl Shard {
    pub fn new(settings: Settings, rules: RuleSet) -> Shard {
        let count = rules.rules().len();
        let links = links::Links::new(&rules, settings.pseudonyms.key_id());
        Shard {
            history: History::new(keeps(&settings.visibility)),
            rule_classes: rules.rules().iter().map(PlannedRule::classes).collect(),
            disabled: RuleBits::NONE,
            errors: vec![0; count],
            detector: Detector::new(count),
            heard: None,
            said: render::Bodies::default(),
            floors: Default::default(),
            clocks: Clocks::default(),
            spoken: None,
            waits_for: (0..count).map(|rule| rules.waits_for(rule)).collect(),
            changes: Vec::new(),
            fates: Fates::default(),
            quarantined: Vec::new(),
            work: Work { rules: vec![RuleWork::default(); count], ..Work::default() },
            links,
            rework: reload::Rework::default(),
            leaving: leaving::Leaving::default(),
            touched: saved::Touched::default(),
            captured: None,
            called_off: None,
            settled: KnownTime::MIN,
            clock_sent_at: None,
            rules,
            settings,
        }
    }

    /// From now on an evaluation ends early once `called_off` says so. Then [`Shard::is_cut_off`], and the shard is good for nothing
    /// more: what it has settled is not what its rules say.
    pub fn heed(&mut self, called_off: CalledOff) {
        self.rules.heed(Arc::clone(&called_off));
        self.called_off = Some(called_off);
    }

    pub fn is_cut_off(&self) -> bool {
        self.rules.is_cut_off()
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

    /// For measurements that begin with a history: records inserted through this are not evaluated.
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

    /// Sets what an outlet's topic says of alerts that were withdrawn without a word: by published id, their last sequence.
    pub fn set_floors(&mut self, outlet: Outlet, floors: impl IntoIterator<Item = (AlertId, u64)>) {
        self.floors[outlet.index()] = floors.into_iter().collect();
    }

    /// The sequence of the next transition of an alert.
    pub fn next_sequence(&mut self, outlet: Outlet, id: AlertId) -> u64 {
        let next = self.detector.next_sequence(outlet, id);
        self.above_floor(outlet, id, next)
    }

    /// The id of the key that pseudonyms are made with.
    pub fn key_id(&self) -> &str {
        self.settings.pseudonyms.key_id()
    }

    /// Gives the plans back, for another shard: they hold nothing of this one.
    pub fn into_rule_set(self) -> RuleSet {
        self.rules
    }

    /// Rules that have failed too often and are no longer run.
    pub fn disabled(&self) -> &RuleBits {
        &self.disabled
    }

    /// Standing alerts, in the order of alert ids.
    pub fn standing(&self) -> Vec<(PersonNo, &Standing)> {
        let mut standing: Vec<_> = self.detector.standing().collect();
        standing.sort_by_key(|(_, alert)| alert.id);
        standing
    }

    /// The greatest known time that the shard has taken.
    pub fn clock(&self) -> KnownTime {
        self.clocks.shard()
    }

    /// Changes that wait for the next settling.
    pub fn pending(&self) -> usize {
        self.changes.len()
    }

    /// From now on transitions are not worded as alerts, but kept for [`Shard::take_heard`]: what an alert tells its reader is not looked
    /// at, so no update comes of it. To be called before the first settling.
    pub fn listen(&mut self) {
        self.heard = Some(Vec::new());
    }

    /// The transitions since the last call, those of a person in their order; only of a shard that listens.
    pub fn take_heard(&mut self) -> Vec<(PersonNo, Transition)> {
        self.heard.as_mut().map(std::mem::take).unwrap_or_default()
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

    /// Advances the clock of a feed without clock messages; `to` follows from the wall clock.
    pub fn advance_clock(&mut self, feed: Feed, to: KnownTime) {
        self.clocks.advance(feed, to);
    }

    /// Strict order: sets the known time up to which each feed of a recording reaches. To be called before the first settling.
    pub fn set_spoken(&mut self, spoken: Spoken) {
        self.spoken = Some(spoken);
    }

    /// By rule: the number of units of which an absence is due by the last settling and waits for a feed.
    pub fn waiting(&self) -> Vec<usize> {
        self.detector.waiting(self.clocks.shard())
    }

    /// Strict order: the time up to which a settling asserts the absences of a rule.
    fn asserted_to(&self, rule: usize, until: KnownTime) -> KnownTime {
        self.spoken.map_or(until, |spoken| spoken.least(self.waits_for(rule)).min(until))
    }

    /// The register feeds whose clocks a rule's absences wait for.
    pub fn waits_for(&self, rule: usize) -> FeedSet {
        self.waits_for.get(rule).copied().unwrap_or_default()
    }

    /// Those of the given rules that can concern the person: the person has rows in the tables that they need, or they have found
    /// something before.
    fn possible(&self, rules: &RuleBits, person: PersonNo) -> RuleBits {
        let known = self.history.person(person);
        let mut possible = self.rules.possible(rules, |table| known.has(table));
        possible.insert_all(&rules.and(&self.detector.rules_of(person)));
        possible
    }

    /// Persons of whom it is known that they will leave.
    pub fn leaving(&self) -> usize {
        self.leaving.len()
    }

    /// Rules that concern a person of these classes and are not disabled.
    fn rules_of(&self, classes: ClassSet) -> RuleBits {
        let concerned = self.rule_classes.iter().enumerate().filter(|(_, concerned)| concerned.meets(classes));
        concerned.map(|(at, _)| at).collect::<RuleBits>().without(&self.disabled)
    }
}

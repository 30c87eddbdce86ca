//! One person: what is told about them, and what is true of them.
//!
//! `tell` is the only way for a record into a feed. It holds back what would be known before the recording (told
//! at the first load instead) or after it (not told), and keeps the other feeds behind the permits.

use std::sync::Arc;

use chrono::NaiveDate;

use super::calendar::{HOUR_US, SECOND_US, add_days, instant};
use super::dice::{Dice, Purpose};
use super::employers::Payer;
use super::identity::Identity;
use super::permits::Permit;
use super::register::Post;
use super::scenarios::Scenario;
use super::truth::{Kind, Truth};
use super::world::World;
use super::{Body, Fate, Message, Record, Value};
use crate::schema::{Feed, TableId};

/// Other feeds follow the first permits record by at least so much; a record must lag it by one hour to count.
const LEAD_US: i64 = 2 * HOUR_US;
/// The first load of permits takes so long.
const LOAD_SECONDS: i64 = 3000;

/// Matters that the permit's end does not end.
const OUTLIVE_THE_PERMIT: &[&str] = &[
    "payment-after-permit-end",
    "work-without-right",
    "benefit-after-emigration",
    "allowance-with-income",
    "revocation-unserved",
];

/// The most companions of a person; their ids begin with other letters than p and q.
const MAX_COMPANIONS: usize = 15;

/// A record before it is told.
pub(super) struct Fact {
    pub(super) table: TableId,
    pub(super) key: String,
    pub(super) version: i64,
    pub(super) op: &'static str,
    pub(super) event: i64,
    pub(super) known: i64,
    pub(super) source: &'static str,
    pub(super) purpose: &'static str,
    pub(super) secrecy: i64,
    pub(super) values: Vec<Value>,
}

impl Fact {
    pub(super) fn new(
        table: TableId,
        key: String,
        event: i64,
        known: i64,
        source: &'static str,
        values: Vec<Value>,
    ) -> Fact {
        Fact {
            table,
            key,
            version: 1,
            op: "upsert",
            event,
            known,
            source,
            purpose: "permit_control",
            secrecy: 0,
            values,
        }
    }
}

pub(super) struct Person<'w> {
    pub(super) world: &'w World,
    pub(super) index: usize,
    pub(super) id: Arc<str>,
    pub(super) dice: Dice,
    pub(super) who: Identity,
    /// The planted story; whoever has one has no other irregularity.
    pub(super) story: Option<Scenario>,
    pub(super) permits: Vec<Permit>,
    pub(super) passport: String,
    pub(super) passport_issued: Option<NaiveDate>,
    /// Changes that the population register will tell, in any order.
    pub(super) posts: Vec<Post>,
    pub(super) naturalised_at: Option<i64>,
    pub(super) died_at: Option<i64>,
    /// Address of the first registration, where it is shared with somebody.
    pub(super) home: Option<u64>,
    /// Spouse, and day of the wedding, at the first registration.
    pub(super) wed: Option<(Arc<str>, NaiveDate)>,
    /// What is shown at the border where it is not the passport: kind, issuer and key.
    pub(super) travel_document: Option<(&'static str, &'static str, String)>,
    /// Who employs the person, where that is needed later.
    pub(super) employer: Option<Payer>,
    /// Persons who belong to this one's story; the first is the anchor of its family permits.
    pub(super) companions: Vec<Person<'w>>,
    reference: Vec<Message>,
    pub(super) told: Vec<(Feed, Message)>,
    truth: Vec<Truth>,
    pub(super) first_known: Option<i64>,
    last_number: u32,
}

/// All that is told about a person.
pub(super) struct Told {
    pub(super) id: Arc<str>,
    pub(super) first_known: Option<i64>,
    pub(super) messages: Vec<(Feed, Message)>,
    pub(super) truth: Vec<Truth>,
}

impl<'w> Person<'w> {
    pub(super) fn new(world: &'w World, index: usize) -> Person<'w> {
        let mut dice = Dice::new(world.options.seed, Purpose::Person, index as u64);
        let who = Identity::draw(&mut dice, index, world.start, (20, 50), "IND");
        Person::named(world, index, format!("p{index:07}"), dice, who)
    }

    /// Another person of this one's story, with a life of its own; hand it to `companions` in the end.
    pub(super) fn companion(&self, number: usize, ages: (i64, i64), citizenship: &'static str) -> Person<'w> {
        let (world, index) = (self.world, self.index);
        let mut dice = Dice::new(world.options.seed, Purpose::Companion, (index * MAX_COMPANIONS + number) as u64);
        let who = Identity::draw(&mut dice, companion_slot(index, number), world.start, ages, citizenship);
        let letter = char::from(b'a' + (number % MAX_COMPANIONS) as u8);
        Person::named(world, index, format!("{letter}{index:07}"), dice, who)
    }

    fn named(world: &'w World, index: usize, id: String, dice: Dice, who: Identity) -> Person<'w> {
        Person {
            world,
            index,
            id: Arc::from(id),
            dice,
            who,
            story: None,
            permits: Vec::new(),
            passport: String::new(),
            passport_issued: None,
            posts: Vec::new(),
            naturalised_at: None,
            died_at: None,
            home: None,
            wed: None,
            travel_document: None,
            employer: None,
            companions: Vec::new(),
            reference: Vec::new(),
            told: Vec::new(),
            truth: Vec::new(),
            first_known: None,
            last_number: 0,
        }
    }

    /// A number that no other record of the person has.
    pub(super) fn number(&mut self) -> u32 {
        self.last_number += 1;
        self.last_number
    }

    /// An instant in office hours of a day.
    pub(super) fn office(&mut self, day: NaiveDate) -> i64 {
        instant(day) + 7 * HOUR_US + self.dice.between(0, 9 * 3600) * SECOND_US
    }

    /// An instant in office hours, `low` to `high` days after a day.
    pub(super) fn office_after(&mut self, day: NaiveDate, low: i64, high: i64) -> i64 {
        let days = self.dice.between(low, high);
        self.office(add_days(day, days))
    }

    /// A day of the recording, at least `after` days from its start and `before` days from its end.
    pub(super) fn some_day(&mut self, after: i64, before: i64) -> NaiveDate {
        let days = (self.world.until - self.world.start).num_days();
        let last = (days - before).max(after);
        let offset = self.dice.between(after, last);
        add_days(self.world.start, offset)
    }

    /// Tells a record; gives when it is known, which may be too late to be recorded.
    pub(super) fn tell(&mut self, fact: Fact) -> i64 {
        let feed = fact.table.def().feed;
        let load_us = self.world.start_us + (self.index as i64 % LOAD_SECONDS) * SECOND_US;
        let known = match (feed, self.first_known) {
            (Feed::Permits, _) => fact.known.max(load_us),
            (_, Some(first)) => fact.known.max(first + LEAD_US),
            (_, None) => return i64::MAX,
        };
        if feed == Feed::Permits {
            self.first_known = Some(self.first_known.map_or(known, |first| first.min(known)));
        }
        self.push(fact, known, Fate::Evaluated);
        known
    }

    pub(super) fn push(&mut self, fact: Fact, known: i64, fate: Fate) {
        if known >= self.world.until_us {
            return;
        }
        let registered_at = known - self.dice.between(60, 36_000) * SECOND_US;
        let record = Record {
            table: fact.table,
            record_key: fact.key.into_boxed_str(),
            version: fact.version,
            op: fact.op,
            event_time: fact.event,
            registered_at,
            source: fact.source,
            purpose: fact.purpose,
            secrecy_class: fact.secrecy,
            values: fact.values,
        };
        let message = Message { known_time: known, key: Some(Arc::clone(&self.id)), body: Body::Record(record), fate };
        self.told.push((fact.table.def().feed, message));
    }

    /// Takes a record back: it was never true.
    pub(super) fn retract(
        &mut self,
        table: TableId,
        key: String,
        version: i64,
        event: i64,
        known: i64,
        source: &'static str,
    ) {
        self.tell(Fact { version, op: "retract", ..Fact::new(table, key, event, known, source, Vec::new()) });
    }

    /// A reference record that only this person's story needs.
    pub(super) fn tell_reference(&mut self, message: Message) {
        let mut message = message;
        message.known_time = message.known_time.max(self.world.start_us);
        if let Body::Record(record) = &mut message.body {
            record.event_time = record.event_time.min(message.known_time);
            record.registered_at = message.known_time;
        }
        if message.known_time < self.world.until_us {
            self.reference.push(message);
        }
    }

    /// A breach of the story's rule: known from the first of `tiers`, reaching the last of them that comes before it ends.
    pub(super) fn breach(
        &mut self,
        scenario: Scenario,
        permit: usize,
        tiers: &[(i64, &'static str)],
        ended_at: Option<i64>,
    ) {
        self.breach_of(scenario.rule_id(), scenario, permit, tiers, ended_at);
    }

    /// The same of another rule, which the story breaches too.
    pub(super) fn breach_of(
        &mut self,
        rule_id: &'static str,
        scenario: Scenario,
        permit: usize,
        tiers: &[(i64, &'static str)],
        ended_at: Option<i64>,
    ) {
        let Some((known_from, _)) = tiers.first().copied() else {
            return;
        };
        let ended_at = self.end_of(rule_id, permit, known_from, ended_at);
        let until = ended_at.unwrap_or(i64::MAX).min(self.world.until_us);
        let reached = tiers.iter().filter(|(at, _)| *at < until).map(|(_, tier)| *tier).next_back();
        if reached.is_some() {
            self.push_truth(rule_id, scenario, permit, Kind::Breach, known_from, ended_at, (reached, None));
        }
    }

    /// A trap: a careless rule would alert at `known_from`.
    pub(super) fn trap(
        &mut self,
        scenario: Scenario,
        permit: usize,
        known_from: i64,
        max_severity: Option<&'static str>,
    ) {
        self.trap_of(scenario.rule_id(), scenario, permit, known_from, max_severity);
    }

    pub(super) fn trap_of(
        &mut self,
        rule_id: &'static str,
        scenario: Scenario,
        permit: usize,
        known_from: i64,
        max_severity: Option<&'static str>,
    ) {
        let recorded = self.permits.get(permit).is_some_and(|permit| permit.known < self.world.until_us);
        if known_from < self.world.until_us && recorded {
            let known_from = known_from.max(self.world.start_us);
            self.push_truth(rule_id, scenario, permit, Kind::Trap, known_from, None, (None, max_severity));
        }
    }

    /// A breach of an employer, who is then both subject and unit.
    pub(super) fn breach_by(&mut self, employer: &Payer, scenario: Scenario, known_from: i64, ended_at: i64) {
        if known_from < self.world.until_us {
            let ended_at = Some(ended_at).filter(|at| *at < self.world.until_us);
            self.push_about(employer, scenario, Kind::Breach, known_from, ended_at);
        }
    }

    pub(super) fn trap_by(&mut self, employer: &Payer, scenario: Scenario, known_from: i64) {
        if known_from < self.world.until_us {
            self.push_about(employer, scenario, Kind::Trap, known_from, None);
        }
    }

    fn push_about(&mut self, employer: &Payer, scenario: Scenario, kind: Kind, known_from: i64, ended_at: Option<i64>) {
        self.truth.push(Truth {
            person_id: employer.id.to_string(),
            permit_id: employer.id.to_string(),
            rule_id: scenario.rule_id(),
            kind,
            scenario: scenario.code(),
            known_from,
            ended_at,
            min_severity: (kind == Kind::Breach).then_some("info"),
            max_severity: None,
        });
    }

    #[expect(clippy::too_many_arguments, reason = "one for each column of the truth")]
    fn push_truth(
        &mut self,
        rule_id: &'static str,
        scenario: Scenario,
        permit: usize,
        kind: Kind,
        known_from: i64,
        ended_at: Option<i64>,
        (min_severity, max_severity): (Option<&'static str>, Option<&'static str>),
    ) {
        self.truth.push(Truth {
            person_id: self.id.to_string(),
            permit_id: self.permits[permit].id.clone(),
            rule_id,
            kind,
            scenario: scenario.code(),
            known_from,
            ended_at: ended_at.filter(|at| *at < self.world.until_us),
            min_severity,
            max_severity,
        });
    }

    /// The earliest of what ends a matter: its own end, the permit's, naturalisation, death.
    fn end_of(&self, rule_id: &'static str, place: usize, known_from: i64, own: Option<i64>) -> Option<i64> {
        let mut ends: Vec<i64> = own.into_iter().chain(self.naturalised_at).chain(self.died_at).collect();
        if !OUTLIVE_THE_PERMIT.contains(&rule_id) {
            let permit = &self.permits[place];
            let after = |day| instant(add_days(day, 1));
            ends.extend(permit.valid_to.map(after));
            ends.extend(permit.ended_on.map(|day| after(day).max(permit.end_known.unwrap_or(0))));
            let next = self.permits.iter().find(|next| next.valid_from > permit.valid_from);
            ends.extend(next.map(|next| instant(next.valid_from).max(next.known)));
        }
        ends.into_iter().filter(|at| *at > known_from).min()
    }

    /// Tells the register's posts and the planted disturbances, and hands everything over.
    pub(super) fn finish(mut self, told: &mut Vec<Told>) {
        for companion in std::mem::take(&mut self.companions) {
            companion.finish(told);
        }
        self.tell_posts();
        self.plant_disturbances();
        let mut messages = self.told;
        messages.extend(self.reference.into_iter().map(|message| (Feed::Reference, message)));
        told.push(Told { id: self.id, first_known: self.first_known, messages, truth: self.truth });
    }
}

/// Place among the identity numbers: companions count from the middle, so that no two of 90,000 persons share one.
fn companion_slot(index: usize, number: usize) -> usize {
    91_067 + index + number * 11_003
}

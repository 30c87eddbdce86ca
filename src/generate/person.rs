//! One person: the records about them, and the truth about them.
//!
//! Every record goes into a feed through `tell`. It moves a record that would be known before the recording to the first load,
//! drops one that would be known after it, and keeps the other feeds behind the permits.

use std::sync::Arc;

use chrono::NaiveDate;

use super::calendar::{HOUR_US, SECOND_US, add_days, instant};
use super::dice::{Dice, Purpose};
use super::employers::Payer;
use super::identity::Identity;
use super::permits::Permit;
use super::register::Post;
use super::scenarios::Scenario;
use super::truth::Truth;
use super::world::World;
use super::{Body, Fate, Message, Record, Value};
use crate::model::schema::{Feed, TableId};

/// Other feeds follow the first permits record by at least this much; a record must be an hour behind it to count.
const LEAD_US: i64 = 2 * HOUR_US;
/// Duration of the first load of permits.
const LOAD_SECONDS: i64 = 3000;

/// The most companions of a person; their ids begin with other letters than p and q.
const MAX_COMPANIONS: usize = 15;

/// A record before it goes into a feed.
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
    /// The planted story; a person with one has no other irregularity.
    pub(super) story: Option<Scenario>,
    pub(super) permits: Vec<Permit>,
    pub(super) passport: String,
    pub(super) passport_issued: Option<NaiveDate>,
    /// The identity numbers that have been linked, in the order in which they were: a link's key is its place, and not the number.
    pub(super) linked: Vec<String>,
    /// Changes that the population register will report, in any order.
    pub(super) posts: Vec<Post>,
    pub(super) naturalised_at: Option<i64>,
    pub(super) died_at: Option<i64>,
    /// Address of the first registration, if it is shared with another person.
    pub(super) home: Option<u64>,
    /// Spouse, and day of the wedding, at the first registration.
    pub(super) wed: Option<(Arc<str>, NaiveDate)>,
    /// The document shown at the border, if it is not the passport: kind, issuer and key.
    pub(super) travel_document: Option<(&'static str, &'static str, String)>,
    /// The person's employer, if it is needed later.
    pub(super) employer: Option<Payer>,
    /// Persons who belong to this one's story; the first is the anchor of its family permits.
    pub(super) companions: Vec<Person<'w>>,
    reference: Vec<Message>,
    pub(super) told: Vec<(Feed, Message)>,
    pub(super) verdicts: Vec<Truth>,
    pub(super) first_known: Option<i64>,
    last_number: u32,
}

/// All records about a person.
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

    /// Another person of this one's story, with a life of their own; to be added to `companions` in the end.
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
            linked: Vec::new(),
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
            verdicts: Vec::new(),
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

    /// Reports a record; returns when it is known, which may be too late for the recording.
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

    /// Retracts a record: it was never true.
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

    /// Reports the register's posts and the planted disturbances, and hands everything over.
    pub(super) fn finish(mut self, told: &mut Vec<Told>) {
        for companion in std::mem::take(&mut self.companions) {
            companion.finish(told);
        }
        self.tell_posts();
        self.plant_disturbances();
        let mut messages = self.told;
        messages.extend(self.reference.into_iter().map(|message| (Feed::Reference, message)));
        told.push(Told { id: self.id, first_known: self.first_known, messages, truth: self.verdicts });
    }
}

/// The person's slot among the identity numbers: anchors count from the middle, further companions from the end, so that no two of
/// 75,000 persons share one.
fn companion_slot(index: usize, number: usize) -> usize {
    if number == 0 { 91_067 + index } else { 182_134_usize.saturating_sub(index / 96 * MAX_COMPANIONS + number) }
}

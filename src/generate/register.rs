//! The population register: a full post for each change, as Navet reports it.
//!
//! A person has one entry (one `record_key`), whichever number it is under: when a coordination number gives way to a personal
//! number, the old number is reported as deregistered (GS) and the new one follows at once.

use std::sync::Arc;

use chrono::NaiveDate;

use super::Value;
use super::calendar::{DAY_US, HOUR_US, add_days, instant};
use super::person::{Fact, Person};
use super::rows;
use super::shares;
use crate::model::schema::TableId;

/// A change that the register will report.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) known: i64,
    pub(super) on: NaiveDate,
    pub(super) op: &'static str,
    pub(super) change: Change,
    /// When it reaches us, if later posts of the register reach us before it.
    pub(super) arrives: Option<i64>,
}

#[derive(Clone)]
pub(super) enum Change {
    /// A coordination number was given.
    Assigned(String),
    /// First registration, with a personal number.
    Registered(String),
    /// To this address, if another person lives there too.
    Moved(Option<u64>),
    /// Civil status, and the spouse if there is one.
    Civil(&'static str, Option<Arc<str>>),
    /// Name, birthday, citizenships and number from now on; `None` stays as it was.
    Identity {
        name: Option<String>,
        birth_on: Option<NaiveDate>,
        citizenships: Option<Vec<&'static str>>,
        number: Option<String>,
        civil: Option<&'static str>,
    },
    Deregistered {
        code: &'static str,
        on: NaiveDate,
        country: Option<(&'static str, bool)>,
    },
    RegisteredAgain,
    Protected,
}

/// The current entry.
#[derive(Clone)]
struct Entry {
    dereg: Option<(&'static str, NaiveDate)>,
    foreign: Option<(&'static str, bool)>,
    name: String,
    birth_on: NaiveDate,
    citizenships: Vec<&'static str>,
    civil: &'static str,
    civil_on: Option<NaiveDate>,
    spouse: Option<Arc<str>>,
    address: Option<u64>,
    registered_on: Option<NaiveDate>,
    protected: bool,
    number: String,
}

impl Entry {
    fn values(&self, event_on: NaiveDate) -> Vec<Value> {
        // Of a protected person the register reports little more than the number.
        if self.protected {
            let mut values = vec![Value::Null; 15];
            values[0] = rows::day(event_on);
            values[13] = Value::Flag(true);
            values[14] = rows::text(&self.number);
            return values;
        }
        vec![
            rows::day(event_on),
            rows::maybe_code(self.dereg.map(|(code, _)| code)),
            rows::maybe_day(self.dereg.map(|(_, on)| on)),
            rows::maybe_code(self.foreign.map(|(country, _)| country)),
            rows::maybe_flag(self.foreign.map(|(_, in_eu)| in_eu)),
            rows::text(&self.name),
            rows::day(self.birth_on),
            Value::Codes(self.citizenships.clone()),
            Value::Code(self.civil),
            rows::maybe_day(self.civil_on),
            rows::maybe_text(self.spouse.as_deref()),
            self.address.map_or(Value::Null, |address| rows::text(&format!("a{address:016x}"))),
            rows::maybe_day(self.registered_on),
            Value::Flag(false),
            rows::text(&self.number),
        ]
    }
}

impl Person<'_> {
    pub(super) fn post(&mut self, on: NaiveDate, known: i64, change: Change) -> i64 {
        self.post_as("upsert", on, known, change)
    }

    pub(super) fn post_as(&mut self, op: &'static str, on: NaiveDate, known: i64, change: Change) -> i64 {
        self.posts.push(Post { known, on, op, change, arrives: None });
        known
    }

    /// A post that reaches us after posts that the register wrote later.
    pub(super) fn post_arriving(&mut self, on: NaiveDate, known: i64, change: Change, arrives: i64) {
        self.posts.push(Post { known, on, op: "upsert", change, arrives: Some(arrives) });
    }

    /// Life in Sweden from `arrived_on` until it ends: number, registration, moves, sometimes a wedding without a
    /// new name. Short stays get a coordination number only.
    pub(super) fn settle(&mut self, arrived_on: NaiveDate, present_until: NaiveDate, long_stay: bool) {
        let coordination = self.who.coordination_number();
        let personal = self.who.personal_number();
        let stock = arrived_on < self.world.start;
        let first_coordinated = !stock && (!long_stay || self.dice.permille(350));
        if first_coordinated {
            let on = add_days(arrived_on, self.dice.between(1, 10));
            let known = self.office(add_days(on, 1));
            self.post(on, known, Change::Assigned(coordination.clone()));
            self.link_number(&coordination, "coordination", on, known + HOUR_US);
        }
        if long_stay {
            let on = add_days(arrived_on, self.dice.between(8, 35));
            let told_on = add_days(on, self.dice.between(2, 12));
            let known = self.office(told_on);
            let known = self.post(on, known, Change::Registered(personal.clone()));
            self.link_number(&personal, "personal", on, known + HOUR_US);
            if first_coordinated {
                self.unlink_number(&coordination, "coordination", arrived_on, on, known + 2 * HOUR_US);
            }
        }
        if self.story.is_none() && self.dice.permille(shares::PROTECTED_PERMILLE) {
            let on = add_days(arrived_on, self.dice.between(40, 400));
            self.tell_protection(on);
        }
        self.move_about(arrived_on.max(self.world.start), present_until);
    }

    fn move_about(&mut self, from: NaiveDate, to: NaiveDate) {
        let days = (to.min(self.world.until) - from).num_days() - 120;
        if days <= 0 {
            return;
        }
        let mut expected = days * shares::MOVES_PER_100_YEARS;
        while expected > 0 {
            if self.dice.between(1, 36_500) <= expected.min(36_500) {
                let on = add_days(from, 90 + self.dice.between(0, days));
                let told_on = add_days(on, self.dice.between(-5, 20));
                let known = self.office(told_on.max(from));
                let change = if self.dice.permille(120) { Change::Civil("G", None) } else { Change::Moved(None) };
                if on < to && known < instant(to) {
                    self.move_on(on, known, change);
                }
            }
            expected -= 36_500;
        }
    }

    /// Moves together with those who share the address; a person with an anchor does not marry then.
    fn move_on(&mut self, on: NaiveDate, known: i64, change: Change) {
        if self.home.is_none() {
            self.post(on, known, change);
            return;
        }
        let address = Some(self.dice.bits());
        for companion in &mut self.companions {
            companion.post(on, known, Change::Moved(address));
        }
        self.post(on, known, Change::Moved(address));
    }

    /// The first day after `day` on which the register shows the person at a new address.
    pub(super) fn next_address_after(&self, day: NaiveDate) -> Option<NaiveDate> {
        let posts = self.posts.iter().filter(|post| post.on > day && matches!(post.change, Change::Moved(_)));
        posts.map(|post| post.on).min()
    }

    pub(super) fn tell_protection(&mut self, on: NaiveDate) {
        let known = self.office(on);
        self.post(on, known, Change::Protected);
    }

    pub(super) fn emigrate(&mut self, on: NaiveDate, country: (&'static str, bool), known: i64) -> i64 {
        self.post(on, known, Change::Deregistered { code: "UV", on, country: Some(country) })
    }

    pub(super) fn die(&mut self, on: NaiveDate, known: i64) {
        self.post(on, known, Change::Deregistered { code: "AV", on, country: None });
        self.died_at = Some(known);
    }

    /// Reports all posts in the register's order, which is the order in which they became known except for those that arrive late.
    pub(super) fn tell_posts(&mut self) {
        let mut posts = std::mem::take(&mut self.posts);
        posts.sort_by_key(|post| post.known);
        let mut entry = Entry {
            dereg: None,
            foreign: None,
            name: self.who.name.clone(),
            birth_on: self.who.birth_on,
            citizenships: vec![self.who.citizenship],
            civil: if self.wed.is_some() { "G" } else { "OG" },
            civil_on: self.wed.as_ref().map(|(_, on)| *on),
            spouse: self.wed.as_ref().map(|(spouse, _)| Arc::clone(spouse)),
            address: None,
            registered_on: None,
            protected: false,
            number: self.who.personal_number(),
        };
        let mut version = 0;
        for post in posts {
            if entry.dereg.is_some_and(|(code, _)| code == "AV") {
                break;
            }
            if entry.dereg.is_some() && matches!(post.change, Change::Moved(_) | Change::Civil(..)) {
                continue;
            }
            let replaced = self.apply_post(&mut entry, &post);
            let known = post.known;
            if let Some(old) = replaced {
                version = (known + 1).max(version + 1);
                // Sometimes the old coordination number's end comes after the new number.
                let coordination = is_coordination(&old.number);
                let late = coordination && self.dice.permille(100);
                let told = if late { known + 2 * HOUR_US } else { known };
                self.tell_entry(&old, post.on, version, "upsert", told);
            }
            version = (known + 2).max(version + 1);
            self.tell_entry(&entry, post.on, version, post.op, post.arrives.unwrap_or(known));
        }
    }

    /// Applies a change; returns the old number's last entry if a number was replaced.
    fn apply_post(&mut self, entry: &mut Entry, post: &Post) -> Option<Entry> {
        let before = entry.clone();
        match &post.change {
            Change::Assigned(number) => entry.number.clone_from(number),
            Change::Registered(number) => {
                entry.number.clone_from(number);
                entry.registered_on = Some(post.on);
                entry.address = Some(self.home.unwrap_or_else(|| self.dice.bits()));
            }
            Change::Moved(address) => {
                entry.registered_on = Some(post.on);
                entry.address = Some(address.unwrap_or_else(|| self.dice.bits()));
            }
            Change::Civil(code, spouse) => {
                entry.civil = code;
                entry.spouse.clone_from(spouse);
                entry.civil_on = Some(post.on);
            }
            Change::Identity { name, birth_on, citizenships, number, civil } => {
                entry.name = name.clone().unwrap_or_else(|| entry.name.clone());
                entry.birth_on = birth_on.unwrap_or(entry.birth_on);
                entry.citizenships = citizenships.clone().unwrap_or_else(|| entry.citizenships.clone());
                entry.number = number.clone().unwrap_or_else(|| entry.number.clone());
                if let Some(civil) = civil {
                    entry.civil = civil;
                    entry.spouse = self.companions.first().map(|anchor| Arc::clone(&anchor.id));
                    entry.civil_on = Some(add_days(post.on, -10));
                }
            }
            Change::Deregistered { code, on, country } => {
                entry.dereg = Some((code, *on));
                entry.foreign = *country;
            }
            Change::RegisteredAgain => {
                entry.dereg = None;
                entry.foreign = None;
                if post.op != "correct" {
                    entry.registered_on = Some(post.on);
                    entry.address = Some(self.home.unwrap_or_else(|| self.dice.bits()));
                }
            }
            Change::Protected => entry.protected = true,
        }
        let number_replaced = before.number != entry.number
            && before.address.is_none() != entry.address.is_none()
            && is_coordination(&before.number);
        let birth_replaced =
            before.number != entry.number && !is_coordination(&before.number) && before.address.is_some();
        match (number_replaced, birth_replaced) {
            // A correction restores a number; the one that was never right has no end of its own.
            _ if post.op == "correct" => None,
            (true, _) => Some(Entry { dereg: Some(("GS", post.on)), ..before }),
            (_, true) => Some(Entry { dereg: Some(("GN", post.on)), ..before }),
            _ => None,
        }
    }

    fn tell_entry(&mut self, entry: &Entry, on: NaiveDate, version: i64, op: &'static str, known: i64) {
        let secrecy = if entry.protected { 3 } else { 0 };
        // A post is never about a day later than its telling.
        let event = instant(on).min(known + 30 * DAY_US);
        let fact = Fact::new(TableId::Population, "entry".to_owned(), event, known, "navet", entry.values(on));
        self.tell(Fact { version, op, secrecy, ..fact });
    }
}

fn is_coordination(number: &str) -> bool {
    number.as_bytes().get(6).is_some_and(|digit| *digit >= b'6')
}

//! Records of persons without any permit, which must be filtered, and payloads that are not records.

use std::sync::Arc;

use super::calendar::{
    DAY_US, HOUR_US, SECOND_US, add_days, add_months, day_in_month, declaration_due, instant, months,
};
use super::dice::{Dice, Purpose};
use super::identity::Identity;
use super::world::World;
use super::{Body, Fate, Message, Record, Value, rows};
use crate::model::schema::{Feed, TableId};

/// Generates about as many records as asked for, person by person.
pub(super) fn tell(world: &World, records: usize, feeds: &mut [Vec<Message>; Feed::COUNT]) {
    let mut told = 0;
    let mut index = 0;
    while told < records {
        let mut outsider = Outsider::new(world, index);
        outsider.live();
        for (feed, message) in outsider.messages.into_iter().take(records - told) {
            feeds[feed.index()].push(message);
            told += 1;
        }
        index += 1;
    }
}

struct Outsider<'w> {
    world: &'w World,
    dice: Dice,
    key: Arc<str>,
    who: Identity,
    messages: Vec<(Feed, Message)>,
}

impl<'w> Outsider<'w> {
    fn new(world: &'w World, index: usize) -> Outsider<'w> {
        let mut dice = Dice::new(world.options.seed, Purpose::Outsider, index as u64);
        let who = Identity::draw(&mut dice, index + 90_000, world.start, (18, 67), "SWE");
        Outsider { world, dice, key: Arc::from(format!("q{index:07}")), who, messages: Vec::new() }
    }

    /// Work or a benefit, month by month, a post now and then, sometimes studies.
    fn live(&mut self) {
        let world = self.world;
        let payer = world.employers.draw_outside(&mut self.dice);
        let works = self.dice.permille(650);
        let salary_sek = self.dice.between(240, 560) * 100;
        for month in months(add_months(world.start, -1), world.until) {
            if works {
                let known = instant(declaration_due(month, payer.large))
                    + self.dice.between(6, 20) * HOUR_US
                    + self.dice.between(0, 3599) * SECOND_US;
                let values = salary(&payer.id, month, salary_sek);
                let key = format!("agi:{}:{}", &payer.id[2..], month.format("%Y-%m"));
                self.tell(TableId::Payments, key, instant(day_in_month(month, 25)), known, "agi", values);
            } else {
                let known = instant(day_in_month(month, 20)) + self.dice.between(6, 40) * HOUR_US;
                let values = benefit(&world.employers.insurance_agency.id, month);
                self.tell(
                    TableId::Payments,
                    format!("child:{}", month.format("%Y-%m")),
                    instant(month),
                    known,
                    "fk",
                    values,
                );
            }
        }
        for _ in 0..self.dice.between(0, 3) {
            let days = (world.until - world.start).num_days();
            let on = add_days(world.start, self.dice.between(1, days));
            let known = instant(on) + self.dice.between(8, 60) * HOUR_US;
            let values = self.post(on);
            self.tell(TableId::Population, "entry".to_owned(), instant(on), known, "navet", values);
        }
        if self.dice.permille(100) {
            self.study();
        }
    }

    fn study(&mut self) {
        let world = self.world;

        for number in 0..world.terms.len().min(40) {
            let term = &world.terms[number];
            let known = instant(term.starts_on) + self.dice.between(8, 300) * HOUR_US;
            let school = world.institution(self.dice.bits());
            let values = vec![
                Value::Code("registered"),
                rows::text(&school),
                Value::Code("first"),
                rows::day(term.starts_on),
                rows::day(term.starts_on),
                rows::day(term.ends_on),
                Value::Int(300),
            ];
            self.tell(TableId::Studies, format!("study:{number}"), instant(term.starts_on), known, "ladok", values);
        }
    }

    fn post(&mut self, on: chrono::NaiveDate) -> Vec<Value> {
        vec![
            rows::day(on),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            rows::text(&self.who.name),
            rows::day(self.who.birth_on),
            Value::Codes(vec!["SWE"]),
            Value::Code("OG"),
            Value::Null,
            Value::Null,
            rows::text(&format!("a{:016x}", self.dice.bits())),
            rows::day(on),
            Value::Flag(false),
            rows::text(&self.who.personal_number()),
        ]
    }

    fn tell(&mut self, table: TableId, key: String, event: i64, known: i64, source: &'static str, values: Vec<Value>) {
        if known < self.world.start_us || known >= self.world.until_us {
            return;
        }
        let record = Record {
            table,
            record_key: key.into_boxed_str(),
            version: known,
            op: "upsert",
            event_time: event,
            registered_at: known - HOUR_US,
            source,
            purpose: "permit_control",
            secrecy_class: 0,
            values,
        };
        let message = Message {
            known_time: known,
            key: Some(Arc::clone(&self.key)),
            body: Body::Record(record),
            fate: Fate::Filtered,
        };
        self.messages.push((table.def().feed, message));
    }
}

fn salary(payer: &str, month: chrono::NaiveDate, amount_sek: i64) -> Vec<Value> {
    vec![
        Value::Code("salary"),
        rows::text(payer),
        Value::Null,
        rows::day(month),
        Value::Null,
        Value::Null,
        rows::day(day_in_month(month, 25)),
        Value::Int(amount_sek),
        Value::Null,
    ]
}

fn benefit(payer: &str, month: chrono::NaiveDate) -> Vec<Value> {
    vec![
        Value::Code("benefit"),
        rows::text(payer),
        Value::Code("residence"),
        rows::day(month),
        rows::day(month),
        rows::day(super::calendar::last_of_month(month)),
        rows::day(day_in_month(month, 20)),
        Value::Int(1_250),
        Value::Null,
    ]
}

/// Payloads of persons in scope that must end in quarantine, each for a reason of its own.
const MALFORMED: &[(Feed, &str)] = &[
    (Feed::Payments, "{\"table\":\"payments\",\"schema_ver\":1,"),
    (Feed::Payments, "not json at all"),
    (Feed::Payments, "[1,2,3]"),
    (
        Feed::Payments,
        r#"{"table":"payments","schema_ver":1,"record_key":"bad:1","version":1,"op":"upsert","event_time":"2024-01-25","registered_at":"2024-02-12T08:00:00Z","source":"agi","purpose":"permit_control","secrecy_class":2,"kind":"salary","payer_id":"165560000001","month":"2024-01-01","amount_sek":"many"}"#,
    ),
    (
        Feed::Payments,
        r#"{"table":"payments","schema_ver":1,"record_key":"bad:2","version":1,"op":"upsert","event_time":"2024-01-25","registered_at":"2024-02-12T08:00:00Z","source":"agi","purpose":"permit_control","secrecy_class":2,"kind":"salary","payer_id":"165560000009","month":"2024-01-01","amount_sek":30000}"#,
    ),
    (
        Feed::Permits,
        r#"{"table":"salaries","schema_ver":1,"record_key":"bad:3","version":1,"op":"upsert","event_time":"2024-01-25","registered_at":"2024-02-12T08:00:00Z","source":"mv","purpose":"permit_control","secrecy_class":0}"#,
    ),
    (
        Feed::Population,
        r#"{"schema_ver":1,"record_key":"entry","version":1,"op":"upsert","event_time":"9999-12-31","registered_at":"2024-02-12T08:00:00Z","source":"navet","purpose":"permit_control","secrecy_class":0,"event_on":"9999-12-31"}"#,
    ),
    (
        Feed::Studies,
        r#"{"schema_ver":1,"version":1,"op":"upsert","event_time":"2024-01-25","registered_at":"2024-02-12T08:00:00Z","source":"ladok","purpose":"permit_control","secrecy_class":0,"kind":"registered","event_on":"2024-01-25"}"#,
    ),
];

/// `loaded` has persons in scope, and until when each is in scope at least: a payload about anybody else is never parsed.
pub(super) fn tell_malformed(
    world: &World,
    loaded: &[(Arc<str>, i64)],
    count: usize,
    feeds: &mut [Vec<Message>; Feed::COUNT],
) {
    if loaded.is_empty() {
        return;
    }
    let mut dice = Dice::new(world.options.seed, Purpose::Garbage, 0);
    let days = (world.until_us - world.start_us) / DAY_US;
    for number in 0..count {
        let (feed, text) = MALFORMED[number % MALFORMED.len()];
        let (key, last) = &loaded[dice.below(loaded.len() as u64) as usize];
        let known_time =
            world.start_us + dice.between(2, (days - 1).max(2)) * DAY_US + dice.between(1, 80_000) * SECOND_US;
        let known_time = known_time.min(*last);
        if known_time < world.until_us {
            feeds[feed.index()].push(Message {
                known_time,
                key: Some(Arc::clone(key)),
                body: Body::Raw(text.into()),
                fate: Fate::Malformed,
            });
        }
    }
}

//! Notices about a person from employers and authorities.

use chrono::NaiveDate;

use super::calendar::{add_days, instant};
use super::employers::Payer;
use super::person::{Fact, Person};
use super::{Value, rows};
use crate::model::schema::TableId;

impl Person<'_> {
    /// A notice about the person, known some days after `on`, not before `earliest`.
    pub(super) fn tell_notice(
        &mut self,
        kind: &'static str,
        employer: Option<&Payer>,
        on: NaiveDate,
        earliest: NaiveDate,
        country: Option<&'static str>,
    ) -> i64 {
        let told_on = add_days(on, self.dice.between(1, 12)).max(earliest);
        let known = self.office(told_on);
        let values = vec![
            Value::Code(kind),
            employer.map_or(Value::Null, |payer| rows::text(&payer.id)),
            rows::day(on),
            Value::Null,
            Value::Null,
            rows::maybe_code(country),
        ];
        let source = if employer.is_some() { "employer" } else { "mv" };
        self.send_notice(values, on, known, source, 0)
    }

    /// A notice that comes before the day that it is about.
    pub(super) fn tell_notice_at(&mut self, kind: &'static str, employer: Option<&Payer>, on: NaiveDate, known: i64) {
        let employer = employer.map_or(Value::Null, |payer| rows::text(&payer.id));
        let values = vec![Value::Code(kind), employer, rows::day(on), Value::Null, Value::Null, Value::Null];
        self.send_notice(values, on, known, "employer", 0);
    }

    /// A tip from the public.
    pub(super) fn tell_tip(&mut self, allegation: &'static str, on: NaiveDate) {
        let known = self.office_after(on, 0, 5);
        let token = format!("t{:016x}", self.dice.bits());
        let values = vec![
            Value::Code("tip"),
            Value::Null,
            rows::day(on),
            Value::Code(allegation),
            rows::text(&token),
            Value::Null,
        ];
        self.send_notice(values, on, known, "tip", 4);
    }

    fn send_notice(
        &mut self,
        values: Vec<Value>,
        on: NaiveDate,
        known: i64,
        source: &'static str,
        secrecy: i64,
    ) -> i64 {
        let key = format!("notice:{}", self.number());
        let fact = Fact::new(TableId::Notices, key, instant(on).min(known), known, source, values);
        self.tell(Fact { secrecy, ..fact })
    }
}

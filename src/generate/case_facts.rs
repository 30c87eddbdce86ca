//! What the feed `permits` carries beside permits: applications, statuses, documents, identity numbers.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, instant};
use super::employers::Payer;
use super::person::{Fact, Person};
use super::{Value, rows};
use crate::model::schema::TableId;

impl Person<'_> {
    /// An application and, once decided, its outcome; returns when the last of these is known.
    pub(super) fn apply(
        &mut self,
        class: &'static str,
        employer: Option<&Payer>,
        filed_on: NaiveDate,
        decision: Option<(NaiveDate, &'static str)>,
    ) -> i64 {
        let key = format!("app:{}", self.number());
        let mut version = 1;
        let row = |decision: Option<(NaiveDate, &'static str)>| {
            vec![
                Value::Code(class),
                employer.map_or(Value::Null, |payer| rows::text(&payer.id)),
                rows::day(filed_on),
                rows::maybe_day(decision.map(|(day, _)| day)),
                rows::maybe_code(decision.map(|(_, outcome)| outcome)),
            ]
        };
        let filed_at = self.office(filed_on);
        let known =
            self.tell(Fact::new(TableId::Applications, key.clone(), instant(filed_on), filed_at, "mv", row(None)));
        if let Some((day, outcome)) = decision {
            version += 1;
            let decided_at = self.office(day).max(known + 1);
            let values = row(Some((day, outcome)));
            return self.tell(Fact {
                version,
                ..Fact::new(TableId::Applications, key, instant(filed_on), decided_at, "mv", values)
            });
        }
        known
    }

    /// A status declaration, known from `known`; a second record reports its end.
    pub(super) fn declare_status(
        &mut self,
        kind: &'static str,
        tested: &'static str,
        declared_on: NaiveDate,
        ended: Option<(NaiveDate, i64)>,
        known: i64,
    ) {
        let row =
            |ended_on| vec![Value::Code(kind), Value::Code(tested), rows::day(declared_on), rows::maybe_day(ended_on)];
        let fact = Fact::new(TableId::Statuses, "status:1".to_owned(), instant(declared_on), known, "mv", row(None));
        self.tell(fact);
        if let Some((ended_on, ended_at)) = ended {
            let values = row(Some(ended_on));
            let fact =
                Fact::new(TableId::Statuses, "status:1".to_owned(), instant(declared_on), ended_at, "mv", values);
            self.tell(Fact { version: 2, ..fact });
        }
    }

    pub(super) fn tell_document(&mut self, kind: &'static str, from: NaiveDate, years: i32, known: i64) -> String {
        let key = format!("doc:{}", self.number());
        let hash = format!("d{:016x}", self.dice.bits());
        let to = add_days(add_months(from, 12 * years), -1);
        let values = vec![Value::Code(kind), rows::text(&hash), rows::day(from), rows::day(to), Value::Null];
        self.tell(Fact::new(TableId::Documents, key, instant(from).min(known), known, "mv", values));
        hash
    }

    /// A document that another person has too.
    pub(super) fn tell_known_document(&mut self, kind: &'static str, hash: &str, from: NaiveDate, known: i64) {
        let key = format!("doc:{}", self.number());
        let to = add_days(add_months(from, 120), -1);
        let values = vec![Value::Code(kind), rows::text(hash), rows::day(from), rows::day(to), Value::Null];
        self.tell(Fact::new(TableId::Documents, key, instant(from).min(known), known, "mv", values));
    }

    pub(super) fn tell_passport(&mut self, decided_on: NaiveDate, known: i64) {
        let issued = add_days(decided_on, -self.dice.between(100, 1500));
        self.passport = self.tell_document("P", issued, 10, known);
        self.passport_issued = Some(issued);
    }

    pub(super) fn link_number(&mut self, number: &str, kind: &'static str, linked_on: NaiveDate, known: i64) {
        let level = if kind == "personal" { "proven" } else { "probable" };
        let by = if kind == "personal" { "skv" } else { "mv" };
        self.tell_link(number, kind, level, linked_on, None, by, 1, known);
    }

    /// The old number of a person who got a new one: its link ends.
    pub(super) fn unlink_number(
        &mut self,
        number: &str,
        kind: &'static str,
        linked_on: NaiveDate,
        ended_on: NaiveDate,
        known: i64,
    ) {
        let level = if kind == "personal" { "proven" } else { "probable" };
        self.tell_link(number, kind, level, linked_on, Some(ended_on), "skv", 2, known);
    }

    /// A coordination number with a level of identity.
    pub(super) fn link_number_as(
        &mut self,
        number: &str,
        level: &'static str,
        linked_on: NaiveDate,
        ended_on: Option<NaiveDate>,
        version: i64,
        known: i64,
    ) {
        self.tell_link(number, "coordination", level, linked_on, ended_on, "mv", version, known);
    }

    #[expect(clippy::too_many_arguments, reason = "one for each column of the table")]
    fn tell_link(
        &mut self,
        number: &str,
        kind: &'static str,
        level: &'static str,
        linked_on: NaiveDate,
        ended_on: Option<NaiveDate>,
        by: &'static str,
        version: i64,
        known: i64,
    ) {
        let values = vec![
            rows::text(number),
            Value::Code(kind),
            Value::Code(level),
            rows::day(linked_on),
            rows::maybe_day(ended_on),
            Value::Code(by),
        ];
        let known_before = self.linked.iter().position(|linked| linked == number);
        let place = known_before.unwrap_or_else(|| {
            self.linked.push(number.to_owned());
            self.linked.len() - 1
        });
        let fact =
            Fact::new(TableId::Identities, format!("link:{}", place + 1), instant(linked_on), known, "mv", values);
        self.tell(Fact { version, ..fact });
    }
}

//! Notices about a person from employers and authorities.

use chrono::NaiveDate;

use super::calendar::{add_days, instant};
use super::employers::Payer;
use super::person::{Fact, Person};
use super::{Value, rows};
use crate::schema::TableId;

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
        let key = format!("notice:{}", self.number());
        let source = if employer.is_some() { "employer" } else { "mv" };
        self.tell(Fact::new(TableId::Notices, key, instant(on), known, source, values))
    }
}

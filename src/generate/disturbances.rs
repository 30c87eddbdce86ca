//! What goes wrong on the way: duplicates, records too old or dated ahead, records before the person is known.

use super::calendar::{DAY_US, SECOND_US, add_days, add_months, day_of, instant, last_of_month, month_of};
use super::person::{Fact, Person};
use super::{Fate, Value, rows, shares};
use crate::model::schema::TableId;

impl Person<'_> {
    pub(super) fn plant_disturbances(&mut self) {
        for place in 0..self.told.len() {
            if self.dice.permille(shares::DUPLICATE_PERMILLE) {
                let (feed, mut message) = self.told[place].clone();
                message.known_time += self.dice.between(60, 40_000) * SECOND_US;
                message.fate = Fate::Duplicate;
                if message.known_time < self.world.until_us {
                    self.told.push((feed, message));
                }
            }
        }
        let Some((known, valid_from)) = self.permits.first().map(|permit| (permit.known, permit.valid_from)) else {
            return;
        };
        if self.dice.permille(shares::TOO_LATE_PERSONS_PERMILLE) {
            let event = add_days(add_months(valid_from, -3), -365 - self.dice.between(10, 300));
            let at = known + self.dice.between(2, 40) * DAY_US;
            self.push_stray(instant(event), at, Fate::TooLate);
        }
        if self.dice.permille(shares::FUTURE_PERSONS_PERMILLE) {
            let at = known + self.dice.between(2, 40) * DAY_US;
            let event = at + self.dice.between(70, 160) * DAY_US;
            self.push_stray(event, at, Fate::Future);
        }
        let first = self.first_known.unwrap_or(0);
        if first > self.world.start_us + 90 * DAY_US && self.dice.permille(shares::EARLY_PERSONS_PERMILLE) {
            let at = first - self.dice.between(2, 80) * DAY_US;
            self.push_stray(at - 40 * DAY_US, at, Fate::Filtered);
        }
    }

    /// A payment that must not count.
    fn push_stray(&mut self, event: i64, known: i64, fate: Fate) {
        let month = month_of(day_of(event));
        let payer = self.world.employers.pensions.id.clone();
        let values = vec![
            Value::Code("benefit"),
            rows::text(&payer),
            Value::Code("work"),
            rows::day(month),
            rows::day(month),
            rows::day(last_of_month(month)),
            Value::Null,
            Value::Int(self.dice.between(8, 60) * 100),
            Value::Null,
        ];
        let key = format!("pm:{}", self.number());
        let fact = Fact { purpose: "payment_control", ..Fact::new(TableId::Payments, key, event, known, "pm", values) };
        self.push(fact, known, fate);
    }
}

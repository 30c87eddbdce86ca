//! Salary statements in the employers' monthly rhythm, benefits, and months that are excused.

use chrono::{Datelike, NaiveDate};

use super::Value;
use super::calendar::{
    DAY_US, HOUR_US, SECOND_US, add_days, add_months, agi_complete, day_in_month, declaration_due, instant,
    last_of_month, month_of, months,
};
use super::employers::Payer;
use super::person::{Fact, Person};
use super::rows;
use super::shares;
use crate::model::schema::TableId;

pub(super) const CHILD_BENEFIT_SEK: i64 = 1_250;

/// A month's salary before it is declared.
#[derive(Clone, Debug)]
pub(super) struct Pay {
    pub(super) month: NaiveDate,
    pub(super) payer: Payer,
    pub(super) amount_sek: i64,
    pub(super) known: i64,
}

impl Pay {
    pub(super) fn key(&self) -> String {
        format!("agi:{}:{}-{:02}", &self.payer.id[2..], self.month.year(), self.month.month())
    }

    fn event(&self) -> i64 {
        instant(day_in_month(self.month, 25))
    }

    fn values(&self, amount_sek: i64) -> Vec<Value> {
        vec![
            Value::Code("salary"),
            rows::text(&self.payer.id),
            Value::Null,
            rows::day(self.month),
            Value::Null,
            Value::Null,
            rows::day(day_in_month(self.month, 25)),
            Value::Int(amount_sek),
            Value::Null,
        ]
    }
}

/// Which benefit, who pays it and on what ground.
#[derive(Clone, Copy)]
pub(super) enum Benefit {
    Child,
    Housing,
    Unemployment,
    StudentAid,
    Reception,
}

impl Person<'_> {
    /// When a month is declared on its due day.
    pub(super) fn due(&mut self, month: NaiveDate, payer: &Payer) -> i64 {
        // Most declarations come in the working day's later half.
        let second = self.dice.between(0, 8 * 3600).max(self.dice.between(0, 11 * 3600));
        instant(declaration_due(month, payer.large)) + 7 * HOUR_US + second * SECOND_US
    }

    /// Salaries of an unbroken employment, part months at both ends; each declared on its due day.
    pub(super) fn employ(&mut self, payer: &Payer, from: NaiveDate, to: NaiveDate, salary_sek: i64) -> Vec<Pay> {
        let mut pays = Vec::new();
        for month in months(from, to.min(self.world.until)) {
            let days = i64::from(last_of_month(month).day());
            let first = if month == month_of(from) { i64::from(from.day()) } else { 1 };
            let last = if month == month_of(to) { i64::from(to.day()) } else { days };
            let worked = (last - first + 1).max(1);
            let amount_sek = if worked == days { salary_sek } else { salary_sek * worked / days };
            let known = self.due(month, payer);
            pays.push(Pay { month, payer: payer.clone(), amount_sek, known });
        }
        pays
    }

    /// Lets salaries and declarations vary as they do among people without a story: up to four per cent more,
    /// some days early, or late but before the month counts as complete.
    pub(super) fn vary(&mut self, pays: &mut [Pay]) {
        for pay in pays {
            pay.amount_sek += pay.amount_sek * self.dice.between(0, 4) / 100;
            if self.dice.permille(250) {
                pay.known -= self.dice.between(1, 5) * DAY_US;
            } else if self.dice.permille(shares::LATE_PERMILLE) {
                let late = pay.known + self.dice.between(3, 20) * DAY_US;
                pay.known = late.min(agi_complete(pay.month) - self.dice.between(10, 40) * HOUR_US).max(pay.known);
            }
        }
    }

    /// Declares salaries as they are.
    pub(super) fn declare(&mut self, pays: &[Pay]) {
        for pay in pays {
            self.declare_version(pay, 1, "upsert", pay.amount_sek, pay.known);
        }
    }

    /// Declares salaries of someone without a story: some are corrected later, some told twice and taken back.
    pub(super) fn declare_with_corrections(&mut self, pays: &[Pay]) {
        for pay in pays {
            self.declare_version(pay, 1, "upsert", pay.amount_sek, pay.known);
            if self.dice.permille(shares::CORRECTED_PERMILLE) {
                let known = pay.known + self.dice.between(2, 110) * DAY_US;
                let amount_sek = pay.amount_sek + pay.amount_sek * self.dice.between(1, 5) / 100;
                self.declare_version(pay, 2, "correct", amount_sek, known);
            }
            if self.dice.permille(shares::WITHDRAWN_PERMILLE) {
                let twice = Pay { known: pay.known + HOUR_US, ..pay.clone() };
                let key = format!("{}:2", twice.key());
                let fact = Fact::new(
                    TableId::Payments,
                    key.clone(),
                    twice.event(),
                    twice.known,
                    "agi",
                    twice.values(pay.amount_sek),
                );
                self.tell(Fact { secrecy: 2, ..fact });
                let known = twice.known + self.dice.between(5, 60) * DAY_US;
                self.retract(TableId::Payments, key, 2, twice.event(), known, "agi");
            }
        }
    }

    pub(super) fn declare_version(
        &mut self,
        pay: &Pay,
        version: i64,
        op: &'static str,
        amount_sek: i64,
        known: i64,
    ) -> i64 {
        let fact = Fact::new(TableId::Payments, pay.key(), pay.event(), known, "agi", pay.values(amount_sek));
        self.tell(Fact { version, op, secrecy: 2, ..fact })
    }

    pub(super) fn retract_pay(&mut self, pay: &Pay, version: i64, known: i64) {
        self.retract(TableId::Payments, pay.key(), version, pay.event(), known, "agi");
    }

    /// The token that a month is excused, known on the 20th of the next month.
    pub(super) fn excuse(&mut self, month: NaiveDate) -> i64 {
        let month = month_of(month);
        let known = self.office(day_in_month(add_months(month, 1), 20));
        let key = format!("excused:{month}");
        let fact = Fact::new(TableId::ExcusedMonths, key, instant(month), known, "fk", vec![rows::day(month)]);
        self.tell(Fact { secrecy: 1, ..fact })
    }

    /// One month's benefit, known some days after its payment on the 20th.
    pub(super) fn pay_benefit(&mut self, benefit: Benefit, month: NaiveDate, amount_sek: i64) -> i64 {
        let paid_on = day_in_month(month, 20);
        self.pay_benefit_on(benefit, month, amount_sek, paid_on)
    }

    pub(super) fn pay_benefit_on(
        &mut self,
        benefit: Benefit,
        month: NaiveDate,
        amount_sek: i64,
        paid_on: NaiveDate,
    ) -> i64 {
        let known = self.office(paid_on) + self.dice.between(0, 30) * HOUR_US;
        let employers = &self.world.employers;
        let (payer, kind, basis, source) = match benefit {
            Benefit::Child | Benefit::Housing => (&employers.insurance_agency, "benefit", "residence", "fk"),
            Benefit::Unemployment => (&employers.unemployment_fund, "benefit", "work", "akassa"),
            Benefit::StudentAid => (&employers.student_aid, "benefit", "student", "csn"),
            Benefit::Reception => (&employers.migration_agency, "allowance", "reception", "lma"),
        };
        let values = vec![
            Value::Code(kind),
            rows::text(&payer.id),
            Value::Code(basis),
            rows::day(month),
            rows::day(month),
            rows::day(last_of_month(month)),
            rows::day(paid_on),
            Value::Int(amount_sek),
            if kind == "allowance" { Value::Flag(false) } else { Value::Null },
        ];
        let key = benefit_key(benefit, month);
        let fact = Fact::new(TableId::Payments, key, instant(month), known, source, values);
        self.tell(Fact { secrecy: 1, purpose: "payment_control", ..fact })
    }

    /// A month's allowance from which a reported income was deducted.
    pub(super) fn pay_allowance(&mut self, month: NaiveDate, amount_sek: i64, reported: bool) {
        let paid_on = day_in_month(month, 20);
        let known = self.office(paid_on);
        let payer = self.world.employers.migration_agency.id.clone();
        let values = vec![
            Value::Code("allowance"),
            rows::text(&payer),
            Value::Code("reception"),
            rows::day(month),
            rows::day(month),
            rows::day(last_of_month(month)),
            rows::day(paid_on),
            Value::Int(amount_sek),
            Value::Flag(reported),
        ];
        let key = benefit_key(Benefit::Reception, month);
        let fact = Fact::new(TableId::Payments, key, instant(month), known, "lma", values);
        self.tell(Fact { secrecy: 1, purpose: "payment_control", ..fact });
    }

    /// A benefit each month from the one after `from`, as long as its first day is not after `to`.
    pub(super) fn pay_benefits(&mut self, benefit: Benefit, from: NaiveDate, to: NaiveDate, amount_sek: i64) {
        let first = add_months(month_of(from.max(self.world.start)), 1);
        for month in months(first, to.min(self.world.until)) {
            self.pay_benefit(benefit, month, amount_sek);
        }
    }

    pub(super) fn retract_benefit(&mut self, benefit: Benefit, month: NaiveDate, known: i64) {
        let source = if matches!(benefit, Benefit::Child | Benefit::Housing) { "fk" } else { "akassa" };
        self.retract(TableId::Payments, benefit_key(benefit, month), 2, instant(month), known, source);
    }
}

/// The first month whose first day is more than 31 days after `last_day`: a benefit for it is not due any more.
pub(super) fn first_month_beyond(last_day: NaiveDate) -> NaiveDate {
    let limit = add_days(last_day, 31);
    add_months(month_of(limit), 1)
}

fn benefit_key(benefit: Benefit, month: NaiveDate) -> String {
    let code = match benefit {
        Benefit::Child => "child",
        Benefit::Housing => "housing",
        Benefit::Unemployment => "unemployment",
        Benefit::StudentAid => "student",
        Benefit::Reception => "reception",
    };
    format!("{code}:{}-{:02}", month.year(), month.month())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::calendar::ymd;

    #[test]
    fn a_month_that_begins_on_the_31st_day_after_the_end_is_still_due() {
        assert_eq!(first_month_beyond(ymd(2026, 1, 1)), ymd(2026, 3, 1));
        assert_eq!(first_month_beyond(ymd(2025, 12, 31)), ymd(2026, 2, 1));
    }
}

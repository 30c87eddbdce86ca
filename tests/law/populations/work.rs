//! Persons who work, or should.

use crate::facts::{Employer, Group, Op};
use crate::people::{EARLY, Maker, employer, excused, notice, permit, permit_employer, salary};
use crate::populations::Recipe;

pub const RECIPES: &[(&str, Recipe)] = &[("work not started", not_started)];

fn not_started(mut m: Maker) -> Group {
    let person = m.person();
    let from = m.dice.first_day();
    let id = m.permit_id();
    let mut own = permit(&id, "WORK_EMP", from, Some(from.add_months(24) - 1));
    own.floor_sek = Some(27_360);
    own.work_right = Some("employer");
    if m.dice.one_in(3) {
        own.card_issued_on = Some(from.add_months(2) + m.dice.near());
    }
    m.add(person, (from - 25).at_hour(6), own);
    let payer = m.employer();
    m.add(person, (from - 25).at_hour(6), permit_employer(&id, &payer, from, None));
    let limit = from.add_months(4);
    match m.dice.below(8) {
        0 => {}
        1 => {
            let day = limit + m.dice.near();
            let known = (day + m.dice.pick(&[-20, 0, 1, 90])).at_hour(8);
            m.add(person, known, notice("employment_start", day));
        }
        2 => {
            let bankrupt = limit + m.dice.near();
            let fact = Employer { employer_id: payer.clone(), bankrupt_on: Some(bankrupt), ..employer() };
            m.reference((bankrupt + 3).max(EARLY).at_hour(4), &payer, fact);
        }
        3 => {
            let month = from.add_months(m.dice.between(0, 6));
            let known = (month.month_end() + m.dice.pick(&[2, 40, 160])).at_hour(2);
            m.add(person, known, excused(month));
        }
        _ => {
            let month = from.add_months(m.dice.between(-1, 7)).month();
            let known = (month.add_months(1) + m.dice.pick(&[11, 16, 36, 37, 60, 150])).at_hour(9);
            let amount = m.dice.pick(&[0, 1, 27_360]);
            let key = m.add(person, known, salary(&payer, month, amount));
            match m.dice.below(4) {
                0 => m.retract(person, &key, known.plus_hours(24 * 30)),
                1 => {
                    m.write(person, &key, known.plus_hours(24 * 45), Op::Upsert, salary(&payer, month, 27_360 - amount))
                }
                _ => {}
            }
        }
    }
    m.finish(60)
}

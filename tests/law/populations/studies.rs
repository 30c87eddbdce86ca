//! Students.

use crate::calendar::Day;
use crate::chains::{COURSES, Chain, chain, known};
use crate::facts::{Code, Group, Institution, Op, Study};
use crate::people::{EARLY, Maker, excused, study};
use crate::populations::Recipe;
use crate::terms::terms;

pub const RECIPES: &[(&str, Recipe)] =
    &[("not registered", not_registered), ("interrupted", interrupted), ("few credits", few_credits)];

/// The terms, and a university.
fn calendar(m: &mut Maker, institution: &str) -> Vec<(Day, Day)> {
    let reports = Institution { institution_id: institution.into(), reports_studies: !institution.starts_with("folk") };
    m.reference(EARLY.at_hour(3), institution, reports);
    terms()
}

fn period(kind: Code, institution: &str, on: Day, from: Day, to: Day, credits: i64) -> Study {
    Study { starts_on: Some(from), ends_on: Some(to), credits_tenths: Some(credits), ..study(kind, institution, on) }
}

fn within(chain: &Chain, terms: &[(Day, Day)]) -> Vec<(Day, Day)> {
    let last = chain.links.last().and_then(|link| link.permit.valid_to).unwrap_or(chain.from() + 700);
    terms.iter().copied().filter(|(from, to)| *to >= chain.from() && *from <= last).collect()
}

fn not_registered(mut m: Maker) -> Group {
    let school = m.dice.pick(&["KTH", "KTH", "KTH", "folkhögskolan"]);
    let terms = calendar(&mut m, school);
    let class = m.dice.pick(&["STUDY_HE", "STUDY_HE", "STUDY_OTHER"]);
    let course = m.dice.pick(COURSES);
    let named = !m.dice.one_in(4);
    let months = m.dice.pick(&[7, 13, 24]);
    let chain = chain(&mut m, class, months, course, |p| p.institution_id = named.then(|| school.into()));
    for (from, to) in within(&chain, &terms) {
        let day = from + m.dice.pick(&[0, 5, 29, 30, 31, 59, 60, 61, 90]);
        let told = known(&mut m, day, 0);
        let kind = match m.dice.below(12) {
            0..=4 => "registered",
            5 => "re_registered",
            6 => "deferred",
            7 => "leave_granted",
            8 => m.dice.pick(&["exchange_out", "doctoral_employment", "degree"]),
            _ => continue,
        };
        let school = m.dice.pick(&[school, school, "LU"]);
        let event = if kind == "degree" { study(kind, school, day) } else { period(kind, school, day, from, to, 300) };
        let key = m.add(chain.person, told, event);
        if m.dice.one_in(8) {
            m.retract(chain.person, &key, told.plus_hours(24 * 9));
        }
    }
    m.finish(40)
}

fn interrupted(mut m: Maker) -> Group {
    let terms = calendar(&mut m, "KTH");
    let course = m.dice.pick(COURSES);
    let chain = chain(&mut m, "STUDY_HE", 13, course, |p| p.institution_id = Some("KTH".into()));
    for (from, to) in within(&chain, &terms) {
        m.add(chain.person, (from + 2).at_hour(9), period("registered", "KTH", from + 1, from, to, 300));
    }
    let on = chain.day(&mut m);
    let told = known(&mut m, on, 30);
    let kind = m.dice.pick(&["interrupted", "interrupted", "returned_offer", "withdrawn_registration"]);
    let key = m.add(chain.person, told, study(kind, "KTH", on));
    if m.dice.one_in(8) {
        m.retract(chain.person, &key, told.plus_hours(24 * 40));
    } else if m.dice.one_in(8) {
        let other = on + m.dice.near();
        m.write(chain.person, &key, told.plus_hours(24 * 35), Op::Correct, study(kind, "KTH", other));
    }
    let day = on + m.dice.pick(&[-10, 1, 20, 29, 30, 31, 60]);
    let told = known(&mut m, day, 0);
    match m.dice.below(6) {
        0 | 1 => {
            let credits = m.dice.pick(&[149, 150, 300]);
            let school = m.dice.pick(&["KTH", "LU"]);
            m.add(chain.person, told, period("registered", school, day, day, day + 120, credits));
        }
        2 => {
            m.add(chain.person, told, period("leave_granted", "KTH", day, day, day + 150, 0));
        }
        3 => {
            m.add(chain.person, told, study("degree", "KTH", day));
        }
        _ => {}
    }
    m.finish(60)
}

fn few_credits(mut m: Maker) -> Group {
    let terms = calendar(&mut m, "KTH");
    let course = m.dice.pick(COURSES);
    let months = m.dice.pick(&[12, 24, 36]);
    let chain = chain(&mut m, "STUDY_HE", months, course, |p| p.institution_id = Some("KTH".into()));
    for (from, to) in within(&chain, &terms) {
        m.add(chain.person, (from + 2).at_hour(9), period("registered", "KTH", from + 1, from, to, 300));
    }
    let year_end = chain.from().add_months(m.dice.pick(&[12, 12, 24]));
    for _ in 0..m.dice.between(0, 2) {
        let on = year_end + m.dice.pick(&[-200, -100, -2, -1, 0, 1, 30, 59, 60, 61]);
        let told = known(&mut m, on, 0);
        let credits = m.dice.pick(&[74, 75, 149, 150, 112, 113, 225]);
        let event = Study { credits_tenths: Some(credits), ..study("result", "KTH", on) };
        m.add(chain.person, told, event);
    }
    match m.dice.below(6) {
        0 => {
            let month = (year_end - m.dice.between(0, 300)).month();
            m.add(chain.person, (month.month_end() + 2).at_hour(2), excused(month));
        }
        1 => {
            let day = year_end - m.dice.between(60, 300);
            m.add(chain.person, day.at_hour(8), period("leave_granted", "KTH", day, day, day + 60, 0));
        }
        _ => {}
    }
    m.finish(40)
}

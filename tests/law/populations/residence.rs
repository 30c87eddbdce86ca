//! Persons with a right of residence, where they are, and what they are paid.

use crate::calendar::Day;
use crate::chains::{COURSES, Chain, chain, known, write_application};
use crate::facts::{Group, Op, Payment, Post};
use crate::people::{Maker, dereg, journey, notice, permit, post, salary, study};
use crate::populations::Recipe;

pub const RECIPES: &[(&str, Recipe)] = &[
    ("struck off, temporary permit", struck_off),
    ("moved, permanent permit", permanent),
    ("long-term resident away", long_term),
    ("benefit after the move", benefit_after_move),
    ("benefit after the end", benefit_after_end),
    ("never arrived", never_arrived),
    ("revoked", revoked),
];

fn struck_off(mut m: Maker) -> Group {
    let class =
        m.dice.pick(&["WORK_EMP", "RESEARCH", "STUDY_HE", "FAMILY_SPOUSE", "PROT_REFUGEE", "SEASONAL", "HUMANITARIAN"]);
    let course = m.dice.pick(COURSES);
    let months = m.dice.pick(&[6, 12, 24]);
    let chain = chain(&mut m, class, months, course, |_| {});
    moves(&mut m, &chain, &["UV", "UV", "OB"]);
    m.finish(40)
}

/// Registered, then struck off once or twice, in one of the ways in which that is told.
fn moves(m: &mut Maker, chain: &Chain, codes: &[crate::facts::Code]) -> Day {
    let person = chain.person;
    let start = chain.links[0].known.day() + 1;
    m.add(person, start.at_hour(5), post(start));
    let on = chain.day(m);
    let code = m.dice.pick(codes);
    let told = known(m, on, 59).max(start.at_hour(6));
    let event = on.min(told.day());
    let country = m.dice.pick(&[None, Some("NOR"), Some("USA")]);
    let fact = |code, on, event| Post {
        foreign_country: country,
        foreign_in_eu: country.map(|_| false),
        ..dereg(code, on, event)
    };
    m.write(person, "post", told, Op::Upsert, fact(code, on, event));
    let later = told.plus_hours(24 * i64::from(m.dice.pick(&[1, 5, 29, 31, 100])));
    let back = later.day().max(on + 1);
    match m.dice.below(8) {
        // Called off, or never so.
        0 => m.write(person, "post", later, Op::Correct, post(later.day())),
        1 => m.write(person, "post", later, Op::Upsert, Post { registered_on: Some(back), ..post(back) }),
        2 => {
            let other = if code == "UV" { "OB" } else { "UV" };
            m.write(person, "post", later, Op::Upsert, fact(other, back, later.day()));
        }
        // Another day than was told at first.
        3 => {
            let other = on + m.dice.near();
            m.write(person, "post", later, Op::Correct, fact(code, other, event));
        }
        4 => {
            m.write(person, "post", later, Op::Upsert, Post { registered_on: Some(back), ..post(back) });
            let again = later.plus_hours(24 * 50);
            m.write(person, "post", again, Op::Upsert, fact("UV", again.day(), again.day()));
        }
        _ => {}
    }
    on
}

fn permanent(mut m: Maker) -> Group {
    let person = m.person();
    let from = m.dice.first_day();
    let id = m.permit_id();
    let mut own = permit(&id, "PERMANENT", from, None);
    let start = from - 29;
    m.add(person, start.at_hour(6), own.clone());
    m.add(person, (start + 1).at_hour(5), post(start + 1));
    let on = from + m.dice.between(10, 400);
    let told = known(&mut m, on, 59).max((start + 2).at_hour(0));
    let country = m.dice.pick(&["USA", "DEU"]);
    let fact = |code, on, event| Post {
        foreign_country: Some(country),
        foreign_in_eu: Some(country == "DEU"),
        ..dereg(code, on, event)
    };
    let code = m.dice.pick(&["UV", "UV", "UV", "OB"]);
    m.write(person, "post", told, Op::Upsert, fact(code, on, on.min(told.day())));
    match m.dice.below(8) {
        0 => {
            own.keep_notice_on = Some(on + m.dice.pick(&[-40, -1, 0]));
            let known = (own.keep_notice_on.unwrap() + 1).max(start + 1).at_hour(7);
            m.write(person, &id, known, Op::Upsert, own);
        }
        1 => {
            let back = (on + 30 + m.dice.near()).max(told.day());
            m.write(person, "post", back.at_hour(0), Op::Upsert, Post { registered_on: Some(back), ..post(back) });
        }
        2 => {
            let later = (on + 30 + m.dice.near()).max(told.day() + 1);
            m.write(person, "post", later.at_hour(4), Op::Correct, post(later));
        }
        3 => {
            let day = on + m.dice.pick(&[-20, 0, 5]);
            m.add(person, day.max(told.day()).at_hour(9), notice("state_service_abroad", day));
        }
        4 => {
            let later = on.max(told.day()) + m.dice.pick(&[10, 200]);
            let citizen = Post { citizenships: Some(vec!["SYR".into(), "SWE".into()]), ..fact(code, on, later) };
            m.write(person, "post", later.at_hour(5), Op::Upsert, citizen);
        }
        _ => {}
    }
    m.finish(800)
}

fn long_term(mut m: Maker) -> Group {
    let person = m.person();
    let from = m.dice.first_day();
    let id = m.permit_id();
    let own = permit(&id, "LTR_EU", from, None);
    let start = from - 29;
    m.add(person, start.at_hour(6), own);
    m.add(person, (start + 1).at_hour(5), post(start + 1));
    let on = from + m.dice.between(10, 200);
    let told = known(&mut m, on, 59).max((start + 2).at_hour(0));
    let country = m.dice.pick(&["USA", "USA", "DEU"]);
    let gone = Post {
        foreign_country: Some(country),
        foreign_in_eu: Some(country == "DEU"),
        ..dereg("UV", on, on.min(told.day()))
    };
    m.write(person, "post", told, Op::Upsert, gone);
    let limit = on.add_months(12);
    let near = limit + m.dice.near();
    match m.dice.below(5) {
        0 => {
            m.add(person, near.at_hour(9), journey("entry", country, near));
        }
        1 => {
            let back = near.max(told.day());
            m.write(person, "post", back.at_hour(0), Op::Upsert, Post { registered_on: Some(back), ..post(back) });
        }
        2 => {
            let later = near.max(told.day() + 1);
            m.write(person, "post", later.at_hour(4), Op::Correct, post(later));
        }
        _ => {}
    }
    m.finish(430)
}

fn benefit(payer: &str, basis: &'static str, from: Day) -> Payment {
    Payment {
        kind: "benefit",
        basis: Some(basis),
        period_from: Some(from),
        period_to: Some(from + 20),
        paid_on: Some(from + 18),
        amount_sek: 2_500,
        ..salary(payer, from, 0)
    }
}

fn benefit_after_move(mut m: Maker) -> Group {
    let class = m.dice.pick(&["WORK_EMP", "FAMILY_SPOUSE", "PERMANENT", "LTR_EU"]);
    let course = m.dice.pick(COURSES);
    let chain = if matches!(class, "PERMANENT" | "LTR_EU") {
        let open = |p: &mut crate::facts::Permit| p.valid_to = None;
        chain(&mut m, class, 24, crate::chains::Course::Alone, open)
    } else {
        chain(&mut m, class, 12, course, |_| {})
    };
    let on = moves(&mut m, &chain, &["UV", "UV", "UV", "OB"]);
    let payer = m.employer();
    for _ in 0..m.dice.between(1, 2) {
        let from = on + m.dice.pick(&[6, 7, 8, 9, 40, 100, 3]);
        let basis = m.dice.pick(&["residence", "residence", "residence", "work"]);
        let told = known(&mut m, from, 60);
        let key = m.add(chain.person, told, benefit(&payer, basis, from));
        if m.dice.one_in(5) {
            m.retract(chain.person, &key, told.plus_hours(24 * 20));
        }
    }
    m.finish(60)
}

fn benefit_after_end(mut m: Maker) -> Group {
    let class = m.dice.pick(&["WORK_EMP", "FAMILY_SPOUSE", "STUDY_HE"]);
    let course = m.dice.pick(COURSES);
    let chain = chain(&mut m, class, 12, course, |_| {});
    let payer = m.employer();
    let turn = m.dice.pick(&chain.turns);
    for _ in 0..m.dice.between(1, 2) {
        let from = turn + 31 + m.dice.near();
        let basis = m.dice.pick(&["residence", "residence", "residence", "work"]);
        let told = known(&mut m, from, 60);
        let key = m.add(chain.person, told, benefit(&payer, basis, from));
        if m.dice.one_in(5) {
            m.retract(chain.person, &key, told.plus_hours(24 * 20));
        }
    }
    m.finish(300)
}

fn never_arrived(mut m: Maker) -> Group {
    let class = m.dice.pick(&[
        "WORK_EMP",
        "BLUE_CARD",
        "RESEARCH",
        "STUDY_HE",
        "STUDY_OTHER",
        "FAMILY_SPOUSE",
        "DEPENDANT",
        "SEASONAL",
        "AUPAIR",
        "SELF_EMP",
        "PROT_REFUGEE",
    ]);
    let course = m.dice.pick(COURSES);
    let months = m.dice.pick(&[6, 12, 24]);
    let chain = chain(&mut m, class, months, course, |_| {});
    let day = match m.dice.below(5) {
        0 => chain.from() + m.dice.near(),
        1 => chain.first().decided_on.unwrap() + m.dice.pick(&[-40, -1, 0, 1]),
        2 | 3 => chain.from().add_months(6) + m.dice.near(),
        _ => chain.from().add_months(12) + m.dice.near(),
    };
    let told = known(&mut m, day, 0).max(chain.links[0].known.plus_hours(2));
    let payer = m.employer();
    match m.dice.below(8) {
        0 => {
            let direction = m.dice.pick(&["entry", "entry", "seen", "exit"]);
            m.add(chain.person, told, journey(direction, "TUR", day));
        }
        1 => {
            m.add(chain.person, told, post(day));
        }
        2 => {
            let month = day.month();
            let told = (month.add_months(1) + 11).at_hour(9);
            m.add(chain.person, told, salary(&payer, month, 20_000));
        }
        3 => {
            let kind = m.dice.pick(&["registered", "registered", "deferred", "result", "admitted", "leave_granted"]);
            let mut event = study(kind, "KTH", day);
            (event.starts_on, event.ends_on) = (Some(day), Some(day + 120));
            m.add(chain.person, told, event);
        }
        4 => {
            let mut own = chain.first().clone();
            own.card_issued_on = Some(day);
            m.write(chain.person, &own.permit_id.clone(), told, Op::Upsert, own);
        }
        _ => {}
    }
    m.finish(40)
}

fn revoked(mut m: Maker) -> Group {
    let class = m.dice.pick(&["WORK_EMP", "STUDY_HE", "FAMILY_SPOUSE", "PERMANENT"]);
    let person = m.person();
    let from = m.dice.first_day();
    let id = m.permit_id();
    let mut own = permit(&id, class, from, (class != "PERMANENT").then(|| from.add_months(24) - 1));
    let start = from - 29;
    m.add(person, start.at_hour(6), own.clone());
    m.add(person, (start + 1).at_hour(5), post(start + 1));
    let decided = from + m.dice.between(60, 300);
    own.revoked_on = Some(decided);
    own.end_kind = Some("revoked");
    own.ended_on = Some(decided);
    m.write(person, &id, (decided + 1).at_hour(6), Op::Upsert, own.clone());
    if m.dice.one_in(2) {
        let served = decided + m.dice.pick(&[5, 29, 30, 31, 60, 90]);
        own.revoked_served_on = Some(served);
        m.write(person, &id, (served + 1).at_hour(6), Op::Upsert, own.clone());
        if m.dice.one_in(2) {
            let last = served + 21;
            own.revoked_final_on = Some(last);
            m.write(person, &id, (last + 1).at_hour(6), Op::Upsert, own.clone());
        }
    }
    let day = decided + m.dice.pick(&[-3, 1, 20, 29, 30, 31, 59, 60, 61, 89, 90, 91, 120]);
    let told = known(&mut m, day, 0).max((decided + 2).at_hour(0));
    let payer = m.employer();
    match m.dice.below(7) {
        0 => {
            m.add(person, told, journey("exit", "TUR", day));
        }
        1 => {
            m.add(person, told, journey("entry", "TUR", day));
        }
        2 => {
            m.write(
                person,
                "post",
                told,
                Op::Upsert,
                Post { address_key: Some("a2".into()), registered_on: Some(day), ..post(day) },
            );
        }
        3 => {
            let month = day.month();
            m.add(person, (month.add_months(1) + 11).at_hour(9), salary(&payer, month, 20_000));
        }
        4 => m.write(person, "post", told, Op::Upsert, dereg("UV", day, day.min(told.day()))),
        5 => write_application(&mut m, person, class, day, None),
        _ => {}
    }
    m.finish(200)
}

//! Persons under protection, their journeys, passports and citizenships.

use crate::calendar::{At, Day};
use crate::chains::{COURSES, Chain, chain, known};
use crate::facts::{Border, Code, Document, Group, Op, Post};
use crate::people::{Maker, dereg, journey, notice, post, salary, status, study};
use crate::populations::Recipe;

pub const RECIPES: &[(&str, Recipe)] = &[
    ("journeys to the tested country", journeys),
    ("moved to the tested country", moved_there),
    ("passport of the tested country", passports),
    ("another citizenship", citizenships),
    ("court's notice", court),
];

const KINDS: &[(Code, Code)] = &[
    ("PROT_REFUGEE", "refugee"),
    ("PROT_REFUGEE", "refugee"),
    ("PROT_SUBSIDIARY", "subsidiary"),
    ("PROT_TEMPORARY", "temporary"),
];

/// Permits of a protected person, and the declaration; gives its first day.
fn protected(m: &mut Maker, (class, kind): (Code, Code), citizenships: Option<&Vec<String>>) -> (Chain, Day) {
    let course = m.dice.pick(COURSES);
    let months = m.dice.pick(&[13, 25, 36]);
    let chain = chain(m, class, months, course, |p| p.citizenships_at_grant = citizenships.cloned());
    let declared = chain.from() - m.dice.pick(&[30, 1, 0]);
    m.add(chain.person, chain.links[0].known, status(kind, "SYR", declared));
    (chain, declared)
}

fn journeys(mut m: Maker) -> Group {
    let kind = m.dice.pick(KINDS);
    let (chain, _) = protected(&mut m, kind, Some(&vec!["SYR".into()]));
    let earliest = chain.links[0].known.plus_hours(2);
    let payer = m.employer();
    for _ in 0..m.dice.between(1, 3) {
        let exit = chain.day(&mut m);
        let transit = m.dice.one_in(8);
        let seen = if m.dice.one_in(6) { m.dice.pick(&[None, Some(false)]) } else { Some(true) };
        let make = |direction, country, on| Border {
            transit: Some(transit),
            doc_seen: seen,
            ..journey(direction, country, on)
        };
        let days = m.dice.pick(&[2, 13, 14, 15, 45, 89, 90, 91]);
        let back = exit + days;
        let told = known(&mut m, exit, 0).max(earliest);
        let key = m.add(chain.person, told, make("exit", "SYR", exit));
        if m.dice.one_in(8) {
            m.retract(chain.person, &key, told.plus_hours(24 * 30));
        }
        let told = known(&mut m, back, 0).max(earliest);
        match m.dice.below(10) {
            0..=5 => {
                m.add(chain.person, told, make("entry", "SYR", back));
            }
            6 => {
                m.add(chain.person, told, make("entry", "DEU", back));
            }
            7 => {
                let month = (back + 31).month();
                m.add(chain.person, (month.add_months(1) + 11).at_hour(9).max(earliest), salary(&payer, month, 20_000));
            }
            8 => {
                m.add(chain.person, told, study("registered", "KTH", back));
            }
            _ => {}
        }
        if m.dice.one_in(10) {
            let excuse = m.dice.pick(&["home_visit_excused", "travel_reason"]);
            let mut notice = notice(excuse, exit + m.dice.pick(&[-3, 0, 3]));
            notice.country = Some("SYR");
            m.add(chain.person, (exit + 10).at_hour(9).max(earliest), notice);
        }
    }
    m.finish(60)
}

fn moved_there(mut m: Maker) -> Group {
    let kind = m.dice.pick(KINDS);
    let (chain, _) = protected(&mut m, kind, Some(&vec!["SYR".into()]));
    let start = chain.links[0].known.day() + 1;
    m.add(chain.person, start.at_hour(5), post(start));
    let on = chain.day(&mut m);
    let told = known(&mut m, on, 59).max(start.at_hour(6));
    let country = m.dice.pick(&["SYR", "SYR", "TUR"]);
    let fact =
        |on: Day, event| Post { foreign_country: Some(country), foreign_in_eu: Some(false), ..dereg("UV", on, event) };
    m.write(chain.person, "post", told, Op::Upsert, fact(on, on.min(told.day())));
    let later = told.plus_hours(24 * i64::from(m.dice.pick(&[1, 10, 40])));
    let back = later.day().max(on + 1);
    match m.dice.below(4) {
        0 => m.write(chain.person, "post", later, Op::Correct, post(later.day())),
        1 => {
            let home = Post { registered_on: Some(back), ..post(back) };
            m.write(chain.person, "post", later.max(back.at_hour(0)), Op::Upsert, home);
        }
        _ => {}
    }
    m.finish(60)
}

fn passports(mut m: Maker) -> Group {
    let kind = m.dice.pick(KINDS);
    let (chain, declared) = protected(&mut m, kind, Some(&vec!["SYR".into()]));
    let earliest = chain.links[0].known.plus_hours(2);
    let own = Document {
        kind: m.dice.pick(&["RD", "RD", "FP", "UT", "P"]),
        document_key: format!("own-{}", chain.first().permit_id),
        valid_from: Some(declared + 20),
        valid_to: Some(declared + 400),
        revoked_on: None,
    };
    let key = m.add(chain.person, earliest, own.clone());
    if m.dice.one_in(4) {
        let revoked = declared + m.dice.between(50, 390);
        m.write(
            chain.person,
            &key,
            (revoked + 1).at_hour(8),
            Op::Upsert,
            Document { revoked_on: Some(revoked), ..own },
        );
    }
    let on = if m.dice.one_in(3) { declared + m.dice.pick(&[19, 20, 21, 399, 400, 401]) } else { chain.day(&mut m) };
    let on = on.max(declared - 2);
    let told = known(&mut m, on, 0).max(earliest);
    let issued = m.dice.pick(&[None, Some(declared - 300), Some(declared), Some(declared + 1), Some(declared + 5)]);
    let country = m.dice.pick(&["TUR", "TUR", "SYR"]);
    let issuer = m.dice.pick(&["SYR", "SYR", "SYR", "TUR"]);
    let direction = m.dice.pick(&["exit", "seen", "entry"]);
    let seen = Border {
        doc_kind: Some(m.dice.pick(&["P", "P", "P", "RD"])),
        doc_issuer: Some(issuer),
        doc_issued_on: issued,
        ..journey(direction, country, on)
    };
    let key = m.add(chain.person, told, seen);
    if m.dice.one_in(6) {
        m.retract(chain.person, &key, told.plus_hours(24 * 30));
    }
    m.finish(60)
}

fn citizenships(mut m: Maker) -> Group {
    let kind = m.dice.pick(&[KINDS[0], KINDS[0], KINDS[2]]);
    let list = |codes: &[&str]| Some(codes.iter().map(|code| (*code).to_owned()).collect::<Vec<String>>());
    let before = list(m.dice.pick::<&[&str]>(&[&["SYR"], &["SYR"], &["XXA"], &["YUG"], &[]]));
    let (chain, _) = protected(&mut m, kind, before.as_ref());
    let start = chain.links[0].known.day() + 1;
    m.add(chain.person, start.at_hour(5), Post { citizenships: before.clone(), ..post(start) });
    let on = chain.day(&mut m).max(start + 1);
    let told: At = known(&mut m, on, 0).max((start + 1).at_hour(6));
    let after = list(m.dice.pick::<&[&str]>(&[
        &["SYR", "TUR"],
        &["TUR"],
        &["SYR"],
        &["SRB"],
        &["SYR", "XXX"],
        &["SWE"],
        &["SYR", "SWE"],
        &[],
    ]));
    m.write(chain.person, "post", told, Op::Upsert, Post { citizenships: after.clone(), ..post(on) });
    let later = told.plus_hours(24 * 40);
    let (op, citizenships) = match m.dice.below(4) {
        0 => (Op::Correct, before),
        // Nobody loses a Swedish citizenship.
        1 if after.as_ref().is_none_or(|list| !list.contains(&"SWE".to_owned())) => (Op::Upsert, before),
        2 => (Op::Upsert, after),
        _ => return m.finish(60),
    };
    let then = Post { citizenships, address_key: Some("a9".into()), ..post(later.day()) };
    m.write(chain.person, "post", later, op, then);
    m.finish(60)
}

fn court(mut m: Maker) -> Group {
    let kind = m.dice.pick(KINDS);
    let (chain, _) = protected(&mut m, kind, None);
    let on = chain.day(&mut m);
    let told = known(&mut m, on, 30).max(chain.links[0].known.plus_hours(2));
    m.add(chain.person, told, notice("court_notice", on));
    m.finish(60)
}

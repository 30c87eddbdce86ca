//! Persons to whom anything may happen, in any order, told late, corrected and taken back.

use crate::calendar::Day;
use crate::chains::{COURSES, Chain, chain, known, write_application};
use crate::facts::{Border, Document, Group, Op, Payment, Post, Study};
use crate::people::{Maker, dereg, journey, notice, post, salary, status, study};
use crate::populations::Recipe;
use crate::terms::terms;

pub const RECIPES: &[(&str, Recipe)] = &[("anything, residence", anything), ("posts out of order", out_of_order)];

fn anything(mut m: Maker) -> Group {
    let class = m.dice.pick(&[
        "WORK_EMP",
        "RESEARCH",
        "STUDY_HE",
        "FAMILY_SPOUSE",
        "PROT_REFUGEE",
        "PROT_REFUGEE",
        "PROT_SUBSIDIARY",
        "HUMANITARIAN",
    ]);
    let course = m.dice.pick(COURSES);
    let chain = chain(&mut m, class, 12, course, |p| {
        p.citizenships_at_grant = Some(vec!["SYR".into()]);
        p.name_at_grant = Some("Amal Haddad".into());
        p.birth_on_at_grant = Some(Day::ymd(1990, 5, 4));
    });
    let start = chain.links[0].known.day() + 1;
    if class.starts_with("PROT") {
        let kind = if class == "PROT_REFUGEE" { "refugee" } else { "subsidiary" };
        m.add(chain.person, chain.links[0].known, status(kind, "SYR", chain.from() - 1));
    }
    let mut now = post(start);
    m.add(chain.person, start.at_hour(5), now.clone());
    let payer = m.employer();
    for _ in 0..m.dice.between(3, 9) {
        happens(&mut m, &chain, &mut now, &payer);
    }
    m.finish(90)
}

fn happens(m: &mut Maker, chain: &Chain, now: &mut Post, payer: &str) {
    let person = chain.person;
    let start = chain.links[0].known.day() + 1;
    let on = chain.day(m);
    let told = known(m, on, 0).max(start.at_hour(7));
    let key = match m.dice.below(9) {
        0 | 1 => {
            // The register tells in the order of its days.
            let on = on.max(now.event_on + 1);
            now.event_on = on;
            match m.dice.below(5) {
                0 if now.dereg_code.is_none() => {
                    *now = Post { foreign_country: Some("SYR"), foreign_in_eu: Some(false), ..dereg("UV", on, on) };
                }
                0 => *now = Post { citizenships: now.citizenships.clone(), name: now.name.clone(), ..post(on) },
                1 => {
                    let lists = [vec!["SYR".into()], vec!["SYR".into(), "TUR".into()], vec!["TUR".into()]];
                    now.citizenships = Some(m.dice.pick(&lists));
                }
                2 => now.name = Some(m.dice.pick(&["Amal Haddad", "Amal Noor Haddad", "Amal Karlsson"]).into()),
                3 if now.dereg_code.is_none() => {
                    now.address_key = Some(m.dice.pick(&["a1", "a2"]).into());
                    now.registered_on = Some(on);
                }
                _ => {}
            }
            m.write(person, "post", told.max(on.at_hour(5)), Op::Upsert, now.clone());
            return;
        }
        2 | 3 => {
            let direction = m.dice.pick(&["exit", "exit", "entry", "seen"]);
            let country = m.dice.pick(&["SYR", "SYR", "TUR"]);
            let issuer = m.dice.pick(&[None, Some("SYR"), Some("SWE")]);
            let doc_kind = issuer.map(|issuer| if issuer == "SWE" { "RD" } else { "P" });
            m.add(person, told, Border { doc_kind, doc_issuer: issuer, ..journey(direction, country, on) })
        }
        4 => {
            let benefit = Payment {
                kind: "benefit",
                basis: Some("residence"),
                period_from: Some(on),
                period_to: Some(on + 20),
                paid_on: Some(on + 18),
                ..salary(payer, on, 2_500)
            };
            m.add(person, told, benefit)
        }
        5 => m.add(person, (on.month().add_months(1) + 11).at_hour(9).max(start.at_hour(7)), salary(payer, on, 20_000)),
        6 => {
            let kind = m.dice.pick(&["registered", "registered", "interrupted", "leave_granted", "result"]);
            let (from, to) = terms().into_iter().rfind(|(from, _)| *from <= on).unwrap_or((on, on + 130));
            let event =
                Study { starts_on: Some(from), ends_on: Some(to), credits_tenths: Some(300), ..study(kind, "KTH", on) };
            m.add(person, told, event)
        }
        7 => {
            let own = Document {
                kind: "RD",
                document_key: format!("own-{}", chain.first().permit_id),
                valid_from: Some(on),
                valid_to: Some(on + 300),
                revoked_on: None,
            };
            m.add(person, told, own)
        }
        _ => {
            if m.dice.one_in(2) {
                write_application(m, person, chain.first().permit_class, on.max(start), None);
                return;
            }
            let kind = m.dice.pick(&["state_service_abroad", "violence", "travel_reason", "home_visit_excused"]);
            m.add(person, told, notice(kind, on))
        }
    };
    if m.dice.one_in(6) {
        m.retract(person, &key, told.plus_hours(24 * i64::from(m.dice.pick(&[1, 30, 90]))));
    }
}

/// The same posts, told in another order than the register wrote them.
fn out_of_order(mut m: Maker) -> Group {
    let class = m.dice.pick(&["WORK_EMP", "PROT_REFUGEE", "PERMANENT", "LTR_EU"]);
    let chain = chain(&mut m, class, 24, crate::chains::Course::Alone, |p| {
        if matches!(p.permit_class, "PERMANENT" | "LTR_EU") {
            p.valid_to = None;
        }
        p.citizenships_at_grant = Some(vec!["SYR".into()]);
    });
    let person = chain.person;
    if class == "PROT_REFUGEE" {
        m.add(person, chain.links[0].known, status("refugee", "SYR", chain.from() - 1));
    }
    let start = chain.links[0].known.day() + 1;
    m.add(person, start.at_hour(5), post(start));
    let on = chain.from() + m.dice.between(5, 200);
    let back = on + m.dice.pick(&[1, 8, 28, 60]);
    let gone = Post { foreign_country: Some("SYR"), foreign_in_eu: Some(false), ..dereg("UV", on, on) };
    let home =
        Post { citizenships: Some(m.dice.pick(&[vec!["SYR".into()], vec!["SYR".into(), "TUR".into()]])), ..post(back) };
    let second = (back + m.dice.pick(&[0, 3, 40])).at_hour(6);
    let first = second.plus_hours(m.dice.pick(&[0, 0, 24, 24 * 30]));
    m.write(person, "post", first, Op::Upsert, gone);
    m.write(person, "post", second, Op::Upsert, home);
    let payer = m.employer();
    for _ in 0..2 {
        let from = on + m.dice.pick(&[7, 8, 9, 20, 61]);
        let benefit = Payment {
            kind: "benefit",
            basis: Some("residence"),
            period_from: Some(from),
            period_to: Some(from + 20),
            ..salary(&payer, from, 2_500)
        };
        let told = known(&mut m, from, 0);
        m.add(person, told, benefit);
    }
    m.finish(60)
}

//! Who somebody is: names, birthdays, citizenships, numbers and documents.

use crate::calendar::Day;
use crate::chains::{COURSES, chain, chain_of, known};
use crate::facts::{Document, Group, Identity, Op, Permit, Post};
use crate::people::{Maker, dereg, person_number, post};
use crate::populations::Recipe;

pub const RECIPES: &[(&str, Recipe)] = &[
    ("another name", names),
    ("another birthday", birthdays),
    ("another citizenship, any permit", citizenships),
    ("several changes", several),
    ("false identity", false_identity),
    ("one document, two persons", shared),
];

const NAMES: &[(&str, &str)] = &[
    ("Amal Haddad", "Amal Haddad"),
    ("Amal Haddad", "Haddad Amal"),
    ("Amal Haddad", "AMAL  HADDAD"),
    ("Amal Haddad", "Amal Noor Haddad"),
    ("Amal Haddad", "Amal Karlsson"),
    ("Amal Haddad", "Sara Karlsson"),
    ("Amal Noor Haddad", "Amal Haddad"),
    ("Amal Noor Haddad", "Amal Haddad Karlsson"),
    ("Łukasz Żółć", "Lukasz Zolc"),
    ("Søren Kjærgård", "Soeren Kjaergaard"),
    ("Søren Kjærgård", "Soren Kjaergard"),
    ("Işıl Yıldız", "Isil Yildiz"),
    ("Đorđe Petrović", "Dorde Petrovic"),
    ("Jürgen Groß", "Juergen Gross"),
    ("Jürgen Groß", "Jurgen Gross"),
    ("Guðrún Þórsdóttir", "Gudrun Thorsdottir"),
    ("Əli Məmmədov", "Eli Memmedov"),
    ("Séan O'Brien", "Sean OBrien"),
    ("Séan O’Brien", "Sean O'Brien"),
    ("Anna-Maria Ek", "Anna Maria Ek"),
    ("Ａｍａｌ Haddad", "Amal Haddad"),
    ("Amal Haddad", "Ama Hadda"),
    ("José Núñez", "Jose Nunez"),
    ("Åsa Öberg", "Aasa Oeberg"),
    ("Åsa Öberg", "Asa Oberg"),
    ("Oﬃcer Fisk", "Officer Fisk"),
];

/// A number that nobody of another group has.
fn own_number(permit: &Permit) -> String {
    let group: usize = permit.permit_id[1..].split('-').next().unwrap().parse().unwrap();
    person_number(Day::ymd(1990, 1, 1) + (group / 999) as i32, group % 999 + 1)
}

fn registered(m: &mut Maker, fill: impl Fn(&mut Permit)) -> (crate::chains::Chain, Day) {
    let class = m.dice.pick(&["WORK_EMP", "PROT_REFUGEE", "FAMILY_SPOUSE", "PERMANENT"]);
    let course = m.dice.pick(COURSES);
    let chain = chain(m, class, 13, course, fill);
    let start = chain.links[0].known.day() + 1;
    (chain, start)
}

fn names(mut m: Maker) -> Group {
    let (was, is) = m.dice.pick(NAMES);
    let (chain, start) = registered(&mut m, |p| p.name_at_grant = Some(was.into()));
    m.add(chain.person, start.at_hour(5), Post { name: Some(was.into()), ..post(start) });
    let on = chain.day(&mut m).max(start + 1);
    let told = known(&mut m, on, 0).max((start + 1).at_hour(6));
    let married = m.dice.one_in(4).then(|| on + m.dice.pick(&[-366, -365, -364, -20, 0]));
    let changed =
        |on| Post { name: Some(is.into()), civil_status: married.map(|_| "G"), civil_status_on: married, ..post(on) };
    m.write(chain.person, "post", told, Op::Upsert, changed(on));
    let later = told.plus_hours(24 * 40);
    match m.dice.below(5) {
        0 => m.write(chain.person, "post", later, Op::Correct, Post { name: Some(was.into()), ..post(later.day()) }),
        1 => m.write(chain.person, "post", later, Op::Upsert, Post { name: Some(was.into()), ..post(later.day()) }),
        2 => {
            let elsewhere =
                Post { address_key: Some("a9".into()), registered_on: Some(later.day()), ..changed(later.day()) };
            m.write(chain.person, "post", later, Op::Upsert, elsewhere);
        }
        _ => {}
    }
    m.finish(60)
}

fn birthdays(mut m: Maker) -> Group {
    let from = Day::ymd(2023, 1, 1);
    let young = from.add_months(-12 * 18) + m.dice.between(0, 400);
    let was = m.dice.pick(&[Day::ymd(1990, 5, 4), Day::ymd(1990, 1, 1), Day::ymd(1988, 2, 29), young]);
    let is = was + m.dice.pick(&[0, 1, 30, 363, 364, 365, 366, -1, -364, -365, -366, 800]);
    let (chain, start) = registered(&mut m, |p| p.birth_on_at_grant = Some(was));
    m.add(chain.person, start.at_hour(5), Post { birth_on: Some(was), ..post(start) });
    let on = chain.day(&mut m).max(start + 1);
    let told = known(&mut m, on, 0).max((start + 1).at_hour(6));
    m.write(chain.person, "post", told, Op::Upsert, Post { birth_on: Some(is), ..post(on) });
    m.finish(60)
}

const LISTS: &[&[&str]] = &[
    &["SYR"],
    &["SYR", "TUR"],
    &["TUR"],
    &["XXA"],
    &["XXB"],
    &["XXX"],
    &["UNK"],
    &[],
    &["SYR", "XXA"],
    &["YUG"],
    &["SRB"],
    &["SUN"],
    &["RUS"],
    &["SYR", "RUS"],
];

fn list(codes: &[&str]) -> Option<Vec<String>> {
    Some(codes.iter().map(|code| (*code).to_owned()).collect())
}

fn citizenships(mut m: Maker) -> Group {
    let was = m.dice.pick(LISTS);
    let is = m.dice.pick(LISTS);
    let (chain, start) = registered(&mut m, |p| p.citizenships_at_grant = list(was));
    m.add(chain.person, start.at_hour(5), Post { citizenships: list(was), ..post(start) });
    let on = chain.day(&mut m).max(start + 1);
    let told = known(&mut m, on, 0).max((start + 1).at_hour(6));
    let changed = Post { citizenships: if m.dice.one_in(10) { None } else { list(is) }, ..post(on) };
    m.write(chain.person, "post", told, Op::Upsert, changed);
    m.finish(60)
}

fn several(mut m: Maker) -> Group {
    let (chain, start) = registered(&mut m, |p| {
        p.name_at_grant = Some("Amal Haddad".into());
        p.birth_on_at_grant = Some(Day::ymd(1990, 5, 4));
        p.citizenships_at_grant = list(&["SYR"]);
    });
    m.add(chain.person, start.at_hour(5), post(start));
    let mut now = post(start);
    for _ in 0..m.dice.between(1, 3) {
        let on = chain.day(&mut m).max(now.event_on + 1);
        let told = known(&mut m, on, 0).max((start + 1).at_hour(6));
        now.event_on = on;
        match m.dice.below(3) {
            0 => now.name = Some(m.dice.pick(&["Amal Karlsson", "Sara Karlsson", "Amal Haddad"]).into()),
            1 => now.birth_on = Some(Day::ymd(1990, 5, 4) + m.dice.pick(&[0, 1, 400])),
            _ => now.citizenships = list(m.dice.pick(&[&["SYR"][..], &["SYR", "TUR"][..], &["TUR"][..]])),
        }
        m.write(chain.person, "post", told, Op::Upsert, now.clone());
    }
    m.finish(60)
}

fn false_identity(mut m: Maker) -> Group {
    let (chain, start) = registered(&mut m, |_| {});
    m.add(chain.person, start.at_hour(5), post(start));
    if m.dice.one_in(2) {
        let on = chain.day(&mut m).max(start + 1);
        let told = known(&mut m, on, 59).max((start + 1).at_hour(6));
        m.write(chain.person, "post", told, Op::Upsert, dereg("FI", on, on.min(told.day())));
        if m.dice.one_in(3) {
            let later = told.plus_hours(24 * 30);
            m.write(chain.person, "post", later, Op::Correct, post(later.day()));
        }
    } else {
        let on = chain.day(&mut m);
        let number = own_number(chain.first());
        let mut link = Identity {
            number,
            number_kind: m.dice.pick(&["coordination", "coordination", "personal"]),
            level: m.dice.pick(&[Some("unsure"), Some("unsure"), Some("probable"), Some("proven"), None]),
            linked_on: on,
            ended_on: None,
            asserted_by: None,
        };
        let told = known(&mut m, on, 0).max(chain.links[0].known);
        let key = m.add(chain.person, told, link.clone());
        if m.dice.one_in(3) {
            link.ended_on = Some(on + m.dice.pick(&[1, 60]));
            m.write(chain.person, &key, told.plus_hours(24 * 61), Op::Upsert, link);
        } else if m.dice.one_in(3) {
            link.level = Some("proven");
            m.write(chain.person, &key, told.plus_hours(24 * 50), Op::Upsert, link);
        }
    }
    m.finish(60)
}

fn shared(mut m: Maker) -> Group {
    let (one, _) = registered(&mut m, |_| {});
    let other = m.person();
    let course = m.dice.pick(COURSES);
    let two = chain_of(&mut m, other, "WORK_EMP", 13, course, |_| {});
    let number = own_number(one.first());
    let is_document = m.dice.one_in(2);
    for chain in [&one, &two] {
        let on = chain.from() + m.dice.between(-20, 200);
        let told = known(&mut m, on, 0).max(chain.links[0].known);
        if is_document {
            let document = Document {
                kind: "P",
                document_key: format!("passport-{}", one.first().permit_id),
                valid_from: Some(on),
                valid_to: Some(on + 1000),
                revoked_on: None,
            };
            let key = m.add(chain.person, told, document);
            if m.dice.one_in(5) {
                m.retract(chain.person, &key, told.plus_hours(24 * 60));
            }
        } else {
            let mut link = Identity {
                number: number.clone(),
                number_kind: "personal",
                level: None,
                linked_on: on,
                ended_on: None,
                asserted_by: None,
            };
            let key = m.add(chain.person, told, link.clone());
            if m.dice.one_in(4) {
                link.ended_on = Some(on + 50);
                m.write(chain.person, &key, told.plus_hours(24 * 60), Op::Upsert, link);
            }
        }
    }
    m.finish(60)
}

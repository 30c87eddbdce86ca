//! Spouses and others whose permit depends on somebody.

use crate::calendar::Day;
use crate::chains::{COURSES, Chain, chain, chain_of, known, write_application};
use crate::facts::{Anchor, Code, Group, Op, Post};
use crate::people::{Maker, dereg, notice, post};
use crate::populations::Recipe;

pub const RECIPES: &[(&str, Recipe)] = &[("anchor lost", anchor_lost), ("tie ended", tie_ended)];

/// A family member and the person whom the permit depends on, each told to the other.
fn family(m: &mut Maker, class: Code, anchor_permit: bool) -> (Chain, usize, Option<Chain>) {
    let anchor = m.person();
    let anchor_id = m.person_id(anchor);
    let course = m.dice.pick(COURSES);
    let theirs = anchor_permit.then(|| {
        let class = m.dice.pick(&["WORK_EMP", "STUDY_HE", "PROT_REFUGEE"]);
        let months = m.dice.pick(&[13, 25]);
        chain_of(m, anchor, class, months, course, |_| {})
    });
    let course = m.dice.pick(COURSES);
    let own = chain(m, class, 25, course, |p| p.anchor_person_id = Some(anchor_id.clone()));
    let holder_id = m.person_id(own.person);
    for link in &own.links {
        let told = Anchor { holder_id: holder_id.clone(), permit_id: link.permit.permit_id.clone() };
        m.write(anchor, &link.permit.permit_id.clone(), link.known, Op::Upsert, told);
    }
    (own, anchor, theirs)
}

fn anchor_lost(mut m: Maker) -> Group {
    let class = m.dice.pick(&["DEPENDANT", "FAMILY_SPOUSE", "FAMILY_CHILD", "FAMILY_OTHER"]);
    let with_permit = !m.dice.one_in(4);
    let (own, anchor, theirs) = family(&mut m, class, with_permit);
    let start = theirs.as_ref().map_or(own.links[0].known, |t| t.links[0].known.max(own.links[0].known)).day() + 1;
    m.add(anchor, start.at_hour(5), post(start));
    m.add(own.person, (own.links[0].known.day() + 1).at_hour(5), post(own.links[0].known.day() + 1));
    if m.dice.one_in(2) {
        let on = own.day(&mut m).max(start);
        let told = known(&mut m, on, 59).max(start.at_hour(6));
        let code = m.dice.pick(&["UV", "UV", "AV", "OB"]);
        m.write(anchor, "post", told, Op::Upsert, dereg(code, on, on.min(told.day())));
        let later = told.plus_hours(24 * i64::from(m.dice.pick(&[1, 10, 40])));
        let back = later.day().max(on + 1);
        match m.dice.below(4) {
            0 => m.write(anchor, "post", later, Op::Correct, post(later.day())),
            1 if code != "AV" => m.write(
                anchor,
                "post",
                later.max(back.at_hour(0)),
                Op::Upsert,
                Post { registered_on: Some(back), ..post(back) },
            ),
            _ => {}
        }
    } else if m.dice.one_in(3) {
        let on = own.day(&mut m).max(start + 1);
        let citizen = Post { citizenships: Some(vec!["SWE".into()]), ..post(on) };
        m.write(anchor, "post", (on + 1).at_hour(5), Op::Upsert, citizen);
    }
    if m.dice.one_in(4) {
        let filed = own.any(&mut m).max(own.links[0].known.day());
        let decided = m.dice.one_in(2).then(|| (filed + 60, m.dice.pick(&["refused", "withdrawn", "granted"])));
        let class = m.dice.pick(&["WORK_EMP", "DEPENDANT"]);
        write_application(&mut m, own.person, class, filed, decided);
    }
    m.finish(60)
}

fn tie_ended(mut m: Maker) -> Group {
    let class = m.dice.pick(&["DEPENDANT", "FAMILY_SPOUSE"]);
    let (own, anchor, _) = family(&mut m, class, false);
    let (holder_id, anchor_id) = (m.person_id(own.person), m.person_id(anchor));
    let start = own.links[0].known.day() + 1;
    let wed = start - 400;
    let married = |to: &str, on: Day| Post {
        civil_status: Some("G"),
        civil_status_on: Some(wed),
        spouse_id: Some(to.to_owned()),
        ..post(on)
    };
    m.add(anchor, start.at_hour(5), Post { citizenships: Some(vec!["SWE".into()]), ..married(&holder_id, start) });
    m.add(own.person, start.at_hour(5), married(&anchor_id, start));
    let on = own.day(&mut m).max(start + 1);
    let told = known(&mut m, on, 0).max((start + 1).at_hour(6));
    match m.dice.below(6) {
        0 | 1 => {
            let code = m.dice.pick(&["S", "S", "SP", "Ä"]);
            let ended =
                Post { civil_status: Some(code), civil_status_on: Some(on), spouse_id: None, ..married("", on) };
            m.write(own.person, "post", told, Op::Upsert, ended);
        }
        2 | 3 => {
            let apart = Post { address_key: Some("a2".into()), registered_on: Some(on), ..married(&anchor_id, on) };
            m.write(own.person, "post", told, Op::Upsert, apart);
            let later = told.plus_hours(24 * i64::from(m.dice.pick(&[100, 182, 183, 184, 220])));
            if m.dice.one_in(2) {
                let day = later.day();
                let together = Post { registered_on: Some(day), ..married(&anchor_id, day) };
                m.write(own.person, "post", later, Op::Upsert, together);
            }
        }
        4 => {
            let other = m.person();
            let other_id = m.person_id(other);
            let again = Post { civil_status_on: Some(on), ..married(&other_id, on) };
            m.write(own.person, "post", told, Op::Upsert, again);
        }
        _ => {}
    }
    if m.dice.one_in(8) {
        m.add(own.person, (on + 10).at_hour(9).max(start.at_hour(7)), notice("violence", on));
    }
    if m.dice.one_in(8) {
        write_application(&mut m, own.person, "WORK_EMP", on.max(start), None);
    }
    m.finish(240)
}

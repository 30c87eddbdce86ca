//! Persons who work, or should.

use crate::calendar::Day;
use crate::facts::{Application, Code, Employer, EmployerMonth, Group, Op, Permit, PermitEmployer, Post, Term};
use crate::people::{
    EARLY, Maker, application, dereg, employer, excused, journey, notice, permit, permit_employer, post, salary, study,
};
use crate::populations::Recipe;

pub const RECIPES: &[(&str, Recipe)] = &[
    ("work not started", not_started),
    ("employment ended", ended),
    ("an extension never worked", extension_never_worked),
    ("blue card", blue_card),
    ("low salary", low_salary),
    ("another employer", another_employer),
    ("work without right", without_right),
    ("seasons", seasons),
    ("studies or work", studies_or_work),
    ("allowance and income", allowance_and_income),
    ("filled in before an extension", filled_in),
    ("a working life", working_life),
    ("low pay lifted before an extension", lifted),
];

const FLOOR: i64 = 27_360;

/// A permit to work of this class, with its employer, known three weeks before its first day.
fn work_permit(m: &mut Maker, person: usize, class: Code, from: Day, to: Day, payer: &str) -> Permit {
    let id = m.permit_id();
    let mut own = permit(&id, class, from, Some(to));
    own.floor_sek = Some(FLOOR);
    own.offered_sek = Some(30_000);
    own.work_right = Some("employer");
    if class == "BLUE_CARD" {
        own.threshold_sek = Some(50_000);
    }
    m.add(person, (from - 21).at_hour(6), own.clone());
    m.add(person, (from - 21).at_hour(6), permit_employer(&id, payer, from, None));
    own
}

/// The permit that follows one, in one of the ways in which one may, and the applications for it.
fn renew(m: &mut Maker, person: usize, before: &Permit, payer: &str, months: i32) -> Permit {
    let last = before.valid_to.expect("an end");
    let gap = m.dice.pick(&[0, 0, 0, 1, 2, 31, 75, 150, -20]);
    let from = last + 1 + gap;
    let id = m.permit_id();
    let mut own = permit(&id, before.permit_class, from, Some(from.add_months(months) - 1));
    own.first_grant = Some(false);
    own.floor_sek = before.floor_sek;
    own.offered_sek = before.offered_sek;
    own.threshold_sek = before.threshold_sek;
    own.work_right = before.work_right;
    let filed = last + m.dice.pick(&[-60, -60, -20, -1, 0, 1, 10]);
    let decided = (from + m.dice.pick(&[-1, -15, 0, -40])).max(filed + 1);
    own.application_on = if m.dice.one_in(6) { None } else { Some(filed) };
    own.decided_on = if m.dice.one_in(8) { None } else { Some(decided) };
    if (gap <= 0 || filed <= last) && m.dice.one_in(2) {
        own.held_since = Some(before.held_since.unwrap_or(before.valid_from));
    }
    if !m.dice.one_in(4) {
        let key = m.add(person, (filed + 1).at_hour(7), application(before.permit_class, filed));
        let done = Application {
            decided_on: Some(decided),
            outcome: Some("granted"),
            ..application(before.permit_class, filed)
        };
        m.write(person, &key, (decided + 1).at_hour(5), Op::Upsert, done);
    }
    m.add(person, (decided + 1).at_hour(6), own.clone());
    m.add(person, (decided + 1).at_hour(6), permit_employer(&id, payer, from, None));
    own
}

/// A salary that is sometimes late, corrected, deleted or declared twice.
fn declared(m: &mut Maker, person: usize, payer: &str, month: Day, amount: i64) {
    let usual = month.month().add_months(1) + 11;
    let known = match m.dice.below(12) {
        0 => usual + m.dice.pick(&[24, 25, 26, 27, 55, 100]),
        1 => usual + m.dice.pick(&[4, 14]),
        _ => usual,
    };
    let key = m.add(person, known.at_hour(9), salary(payer, month, amount));
    match m.dice.below(24) {
        0 => m.retract(person, &key, (known + m.dice.pick(&[3, 40, 90])).at_hour(9)),
        1 => {
            let other = m.dice.pick(&[0, amount / 2, amount + 4_000]);
            m.write(
                person,
                &key,
                (known + m.dice.pick(&[3, 40, 90])).at_hour(9),
                Op::Upsert,
                salary(payer, month, other),
            );
        }
        _ => {}
    }
}

fn not_started(mut m: Maker) -> Group {
    let person = m.person();
    let from = m.dice.first_day();
    let id = m.permit_id();
    let mut own = permit(&id, "WORK_EMP", from, Some(from.add_months(24) - 1));
    own.floor_sek = Some(FLOOR);
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
            let amount = m.dice.pick(&[0, 1, FLOOR]);
            let key = m.add(person, known, salary(&payer, month, amount));
            match m.dice.below(4) {
                0 => m.retract(person, &key, known.plus_hours(24 * 30)),
                1 => {
                    m.write(person, &key, known.plus_hours(24 * 45), Op::Upsert, salary(&payer, month, FLOOR - amount));
                }
                _ => {}
            }
        }
    }
    m.finish(60)
}

fn ended(mut m: Maker) -> Group {
    let person = m.person();
    let payer = m.employer();
    let from = m.dice.first_day();
    let months = m.dice.between(3, 14);
    let last = from.month().add_months(months);
    let id = m.permit_id();
    let mut own = permit(&id, "WORK_EMP", from, Some(from.add_months(24) - 1));
    own.work_right = Some("employer");
    if m.dice.one_in(4) {
        own.held_since = Some(last.month_end().add_months(-24) + m.dice.near());
    }
    if m.dice.one_in(5) {
        own.investigation_notified_on = Some(last.month_end() + m.dice.near());
    }
    m.add(person, (from - 21).at_hour(6), own);
    m.add(person, (from - 21).at_hour(6), permit_employer(&id, &payer, from, None));
    for back in 0..=months {
        let month = from.month().add_months(back);
        let severance = m.dice.pick(&[1, 1, 1, 1, 2, 3, 4]);
        let amount = if month == last { 30_000 * severance - m.dice.pick(&[0, 0, 1]) } else { 30_000 };
        m.salary(person, &payer, month, amount);
    }
    let end = match m.dice.below(3) {
        0 => {
            let end = m.dice.pick(&[last, last + 14, last.month_end(), last.month_end() + 20, last - 10]);
            let known = (end + m.dice.pick(&[-25, 0, 3, 60])).at_hour(8);
            let key = m.add(person, known, notice("employment_end", end));
            if m.dice.one_in(4) {
                m.retract(person, &key, known.plus_hours(24 * 70));
            }
            end
        }
        _ => last.month_end(),
    };
    match m.dice.below(7) {
        0 => {
            let filed = end.add_months(m.dice.pick(&[3, 3, 4])) + m.dice.near();
            applied(&mut m, person, filed);
        }
        1 => {
            let filed = end + m.dice.pick(&[-90, -30, -1, 0, 1, 30]);
            applied(&mut m, person, filed);
        }
        2 => {
            let month = end.add_months(m.dice.between(0, 4)).month();
            m.add(person, (month.month_end() + m.dice.pick(&[3, 40, 130])).at_hour(2), excused(month));
        }
        3 => {
            let month = end.add_months(m.dice.between(1, 6)).month();
            let other = m.employer();
            declared(&mut m, person, &other, month, 25_000);
        }
        4 => {
            let month = end.add_months(m.dice.between(1, 3)).month();
            let pct = m.dice.pick(&[94, 95, 40]);
            let key = format!("{payer}:{month}");
            let known = (month.add_months(1) + 26).at_hour(3);
            m.reference(known, &key, EmployerMonth { employer_id: payer.clone(), month, reported_pct: pct });
        }
        5 => {
            let left = end + m.dice.pick(&[-30, 10, 100, 200]);
            let known = (left + m.dice.pick(&[-10, 1, 40])).max(from).at_hour(5);
            if m.dice.one_in(2) {
                m.add(person, (from + 1).at_hour(5), post(from));
                m.write(person, "post", known.max((from + 2).at_hour(5)), Op::Upsert, dereg("UV", left, left));
            } else {
                m.add(person, (left + 1).at_hour(5), journey("exit", "SYR", left));
                if m.dice.one_in(3) {
                    m.add(person, (left + 31).at_hour(5), journey("entry", "SYR", left + 30));
                }
            }
        }
        _ => {}
    }
    m.finish(30)
}

/// An application that may be granted, refused, withdrawn, or not decided.
fn applied(m: &mut Maker, person: usize, filed: Day) {
    let known = (filed + m.dice.pick(&[1, 1, 20, 120])).at_hour(7);
    let own = application("WORK_EMP", filed);
    let key = m.add(person, known, own.clone());
    if m.dice.one_in(3) {
        return;
    }
    let decided = filed + m.dice.pick(&[10, 60, 200]);
    let outcome = m.dice.pick(&["granted", "refused", "withdrawn"]);
    let known = known.max((decided + m.dice.pick(&[-5, 1, 30])).at_hour(7)).plus_hours(1);
    m.write(person, &key, known, Op::Upsert, Application { decided_on: Some(decided), outcome: Some(outcome), ..own });
}

fn extension_never_worked(mut m: Maker) -> Group {
    let person = m.person();
    let payer = m.employer();
    let from = m.dice.first_day();
    let first = work_permit(&mut m, person, "WORK_EMP", from, from.add_months(9) - 1, &payer);
    let worked = m.dice.between(5, 11);
    for ahead in 0..worked {
        m.salary(person, &payer, from.month().add_months(ahead), 30_000);
    }
    let second = renew(&mut m, person, &first, &payer, 14);
    if m.dice.one_in(3) {
        let month = second.valid_from.month().add_months(m.dice.between(0, 6));
        declared(&mut m, person, &payer, month, 30_000);
    }
    if m.dice.one_in(4) {
        let filed = second.valid_from + m.dice.between(0, 120);
        applied(&mut m, person, filed);
    }
    m.finish(30)
}

fn blue_card(mut m: Maker) -> Group {
    let person = m.person();
    let payer = m.employer();
    let from = m.dice.first_day();
    let mut card = work_permit(&mut m, person, "BLUE_CARD", from, from.add_months(18) - 1, &payer);
    if m.dice.one_in(2) {
        card = renew(&mut m, person, &card, &payer, 14);
    }
    let months = (card.valid_to.expect("an end") - from) / 30;
    let style = m.dice.below(3);
    for ahead in 0..months {
        let month = from.month().add_months(ahead);
        let amount = match style {
            0 => m.dice.pick(&[50_000, 50_000, 0, 50_000]),
            1 => m.dice.pick(&[48_500, 48_499, 48_500, 51_000]),
            _ => m.dice.pick(&[47_000, 50_000, 50_000, 50_000, 80_000, 0]),
        };
        if amount > 0 {
            declared(&mut m, person, &payer, month, amount);
        } else if m.dice.one_in(4) {
            m.add(person, (month.month_end() + m.dice.pick(&[3, 40, 130])).at_hour(2), excused(month));
        }
    }
    m.finish(30)
}

fn low_salary(mut m: Maker) -> Group {
    let person = m.person();
    let payer = m.employer();
    let from = m.dice.first_day();
    let class = m.dice.pick(&["WORK_EMP", "WORK_EMP", "ICT", "SEASONAL"]);
    let mut own = work_permit(&mut m, person, class, from, from.add_months(14) - 1, &payer);
    if m.dice.one_in(2) {
        own = renew(&mut m, person, &own, &payer, 8);
    }
    let months = (own.valid_to.expect("an end") - from) / 30;
    // 95 per cent of the floor is 25,992, 85 is 23,256; of the offer 95 is 28,500, 90 is 27,000, 80 is 24,000.
    let style = m.dice.below(4);
    let leave = m.dice.between(2, 10)..=m.dice.between(4, 12);
    for ahead in 0..months {
        let month = from.month().add_months(ahead);
        let amount = match style {
            0 => m.dice.pick(&[25_991, 25_992, 25_993, 30_000]),
            1 => m.dice.pick(&[23_255, 23_256, 23_257]),
            2 => m.dice.pick(&[26_999, 27_000, 28_499, 28_500, 24_000, 23_999]),
            _ => m.dice.pick(&[15_000, 20_000, 24_000, 26_000, 30_000, 35_000]),
        };
        if leave.contains(&ahead) && m.dice.one_in(2) {
            let amount = m.dice.pick(&[0, 0, 0, 1_000, amount]);
            if amount > 0 {
                m.salary(person, &payer, month, amount);
            }
            if !m.dice.one_in(4) {
                m.add(person, (month.month_end() + m.dice.pick(&[3, 3, 40, 130])).at_hour(2), excused(month));
            }
            continue;
        }
        declared(&mut m, person, &payer, month, amount);
        if m.dice.one_in(30) {
            let pct = m.dice.pick(&[94, 95, 40]);
            let of = EmployerMonth { employer_id: payer.clone(), month, reported_pct: pct };
            m.reference((month.add_months(1) + 26).at_hour(3), &format!("{payer}:{month}"), of);
        }
    }
    m.finish(30)
}

fn another_employer(mut m: Maker) -> Group {
    let person = m.person();
    let (payer, other) = (m.employer(), m.employer());
    let from = m.dice.first_day();
    let id = m.permit_id();
    let class = m.dice.pick(&["WORK_EMP", "BLUE_CARD", "SEASONAL", "ICT"]);
    let mut own = permit(&id, class, from, Some(from.add_months(16) - 1));
    own.work_right = Some("employer");
    if m.dice.one_in(2) {
        own.tied_until = Some(from.add_months(m.dice.between(5, 10)) + m.dice.near());
    }
    m.add(person, (from - 21).at_hour(6), own);
    let until = m.dice.one_in(4).then(|| from + m.dice.between(100, 300));
    let key = m.add(person, (from - 21).at_hour(6), permit_employer(&id, &payer, from, until));
    if m.dice.one_in(6) {
        let begins = from + m.dice.between(60, 250);
        let known = (begins + m.dice.pick(&[-10, 5, 60])).at_hour(6);
        let row = PermitEmployer { to_on: Some(begins - 1), ..permit_employer(&id, &payer, from, None) };
        m.write(person, &key, known, Op::Upsert, row);
        m.add(person, known, permit_employer(&id, &other, begins, None));
    }
    match m.dice.below(6) {
        0 => {
            let kind = m.dice.pick(&["insurer", "public_payer", "payroll", "normal"]);
            let fact = Employer { employer_id: other.clone(), payer_kind: Some(kind), ..employer() };
            m.reference((from + 150).at_hour(4), &other, fact);
        }
        1 => {
            let fact = Employer { employer_id: payer.clone(), successor_id: Some(other.clone()), ..employer() };
            m.reference((from + 150).at_hour(4), &payer, fact);
        }
        2 => {
            let filed = from + m.dice.between(0, 300);
            let mut own = application(class, filed);
            own.employer_id = Some(other.clone());
            let key = m.add(person, (filed + 1).at_hour(7), own.clone());
            let outcome = m.dice.pick(&["granted", "refused", "withdrawn"]);
            let decided = filed + m.dice.between(30, 200);
            let done = Application { decided_on: Some(decided), outcome: Some(outcome), ..own };
            m.write(person, &key, (decided + 1).at_hour(7), Op::Upsert, done);
        }
        _ => {}
    }
    for ahead in 0..16 {
        let month = from.month().add_months(ahead);
        let (own, another) = m.dice.pick(&[
            (30_000, 0),
            (30_000, 0),
            (30_000, 4_999),
            (0, 4_999),
            (30_000, 5_000),
            (0, 5_000),
            (0, 5_001),
            (0, 30_000),
            (1, 30_000),
            (0, 0),
        ]);
        for (payer, amount) in [(&payer, own), (&other, another)] {
            if amount > 0 {
                declared(&mut m, person, payer, month, amount);
            }
        }
        if m.dice.one_in(10) {
            m.add(person, (month.month_end() + m.dice.pick(&[3, 40, 130])).at_hour(2), excused(month));
        }
    }
    m.finish(30)
}

fn without_right(mut m: Maker) -> Group {
    let person = m.person();
    let payer = m.employer();
    let from = m.dice.first_day();
    let id = m.permit_id();
    let class = m.dice.pick(&["WORK_EMP", "FAMILY_OTHER", "STUDY_HE", "ASYLUM_APPLICANT", "SELF_EMP"]);
    let right = match class {
        "WORK_EMP" => "employer",
        "FAMILY_OTHER" => m.dice.pick(&["none", "any"]),
        "ASYLUM_APPLICANT" => m.dice.pick(&["none", "none", "any"]),
        _ => "any",
    };
    let to = from.add_months(8) - 1;
    let mut own = permit(&id, class, from, (class != "ASYLUM_APPLICANT").then_some(to));
    own.work_right = Some(right);
    if class == "ASYLUM_APPLICANT" {
        own.application_on = Some(from);
        own.decided_on = None;
    }
    let key = m.add(person, from.max(EARLY).at_hour(6), own.clone());
    if m.dice.one_in(6) {
        own.ended_on = Some(from + m.dice.between(60, 200));
        own.end_kind = Some("revoked");
        own.inhibited = m.dice.pick(&[None, None, Some(true)]);
        let known = (from + m.dice.between(60, 220)).at_hour(6);
        m.write(person, &key, known, Op::Upsert, own.clone());
    } else if class != "ASYLUM_APPLICANT" {
        match m.dice.below(3) {
            0 => {
                let filed = to + m.dice.near();
                applied(&mut m, person, filed);
            }
            1 => {
                renew(&mut m, person, &own, &payer, 6);
            }
            _ => {}
        }
    }
    for ahead in 0..14 {
        if m.dice.one_in(2) {
            let month = from.month().add_months(ahead);
            let amount = m.dice.pick(&[4_999, 5_000, 20_000]);
            declared(&mut m, person, &payer, month, amount);
        }
        if m.dice.one_in(20) {
            let month = from.month().add_months(ahead);
            m.add(person, (month.month_end() + 3).at_hour(2), excused(month));
        }
    }
    m.finish(200)
}

fn seasons(mut m: Maker) -> Group {
    let person = m.person();
    let payer = m.employer();
    let mut from = m.dice.first_day() + if m.dice.one_in(2) { 600 } else { 0 };
    let limit = m.dice.pick(&[184, 184, 276]);
    for _ in 0..m.dice.between(1, 4) {
        let length = m.dice.pick(&[60, 90, 120, limit - 1, limit, limit + 1, limit / 2, limit / 2 + 1]);
        let own = work_permit(&mut m, person, "SEASONAL", from, from + (length - 1), &payer);
        let until = own.valid_to.expect("an end");
        for ahead in 0..m.dice.between(0, 10) {
            let month = from.month().add_months(ahead);
            if m.dice.one_in(2) {
                declared(&mut m, person, &payer, month, 20_000);
            }
        }
        if m.dice.one_in(3) {
            // The first month that begins 31 or 32 days after the end.
            let month = (until + 32).month().add_months(m.dice.between(0, 1));
            declared(&mut m, person, &payer, month, 20_000);
        }
        from = until + 1 + m.dice.pick(&[0, 1, 30, 100, 181, 365 - 2 * limit]).max(0);
    }
    m.finish(120)
}

fn studies_or_work(mut m: Maker) -> Group {
    let person = m.person();
    let payer = m.employer();
    let terms = [
        ("2023HT", Day::ymd(2023, 8, 28), Day::ymd(2024, 1, 14)),
        ("2024VT", Day::ymd(2024, 1, 15), Day::ymd(2024, 6, 2)),
        ("2024HT", Day::ymd(2024, 9, 2), Day::ymd(2025, 1, 19)),
        ("2025VT", Day::ymd(2025, 1, 20), Day::ymd(2025, 6, 8)),
    ];
    for (term, starts_on, ends_on) in terms {
        m.reference(EARLY.at_hour(3), term, Term { term: term.into(), starts_on, ends_on });
    }
    let from = m.dice.pick(&[Day::ymd(2023, 8, 20), Day::ymd(2024, 1, 10), Day::ymd(2024, 8, 15)]);
    let id = m.permit_id();
    let mut own = permit(&id, "STUDY_HE", from, Some(from.add_months(14)));
    own.work_right = Some("any");
    m.add(person, (from - 30).at_hour(6), own);
    for (_, starts_on, ends_on) in terms {
        let registered = m.dice.pick(&[0, 75, 76, 300]);
        if registered > 0 {
            let mut of = study("registered", "KTH", starts_on);
            (of.starts_on, of.ends_on, of.credits_tenths) = (Some(starts_on), Some(ends_on), Some(registered));
            m.add(person, (starts_on + 1).at_hour(10), of);
        }
        let attested = m.dice.pick(&[0, 0, 74, 75]);
        if attested > 0 {
            let mut of = study("result", "KTH", ends_on - m.dice.pick(&[0, 10, 60]));
            of.credits_tenths = Some(attested);
            m.add(person, (ends_on + m.dice.pick(&[2, 30, 70])).at_hour(10), of);
        }
        let style = m.dice.below(3);
        for ahead in 0..6 {
            let amount = if style == 0 { 22_000 } else { m.dice.pick(&[0, 21_888, 21_887, 30_000, 23_744, 23_743]) };
            if amount > 0 {
                declared(&mut m, person, &payer, starts_on.month().add_months(ahead), amount);
            }
        }
    }
    m.finish(100)
}

fn allowance_and_income(mut m: Maker) -> Group {
    let person = m.person();
    let payer = m.employer();
    let from = m.dice.first_day();
    let id = m.permit_id();
    let class = m.dice.pick(&["ASYLUM_APPLICANT", "ASYLUM_APPLICANT", "PROT_TEMPORARY"]);
    let mut own = permit(&id, class, from, (class == "PROT_TEMPORARY").then(|| from.add_months(12) - 1));
    own.work_right = Some("any");
    own.decided_on = (class == "PROT_TEMPORARY").then_some(from);
    own.application_on = Some(from);
    let key = m.add(person, from.at_hour(6), own.clone());
    if class == "ASYLUM_APPLICANT" && m.dice.one_in(2) {
        let granted = from + m.dice.between(120, 260);
        own.ended_on = Some(granted);
        own.end_kind = Some("replaced");
        m.write(person, &key, (granted + 1).at_hour(6), Op::Upsert, own.clone());
        let next = m.permit_id();
        let mut next =
            permit(&next, m.dice.pick(&["PROT_REFUGEE", "PROT_TEMPORARY"]), granted, Some(granted.add_months(36)));
        next.decided_on = Some(granted);
        next.application_on = Some(from);
        m.add(person, (granted + 1).at_hour(6), next);
    }
    if m.dice.one_in(4) {
        let left = from + m.dice.between(60, 250);
        m.add(person, (from + 2).at_hour(5), post(from));
        let code = m.dice.pick(&["UV", "AV"]);
        m.write(person, "post", (left + m.dice.pick(&[-10, 2, 50])).at_hour(5), Op::Upsert, dereg(code, left, left));
    }
    for ahead in 0..12 {
        let month = from.month().add_months(ahead);
        if !m.dice.one_in(4) {
            let mut pay = salary("162021001231", month, 2_000);
            pay.kind = "allowance";
            pay.payer_id.clone_from(&payer);
            pay.basis = Some("reception");
            pay.period_from = Some(month);
            pay.period_to = Some(month.month_end());
            pay.reported_income = m.dice.pick(&[None, None, Some(false), Some(true)]);
            m.add(person, (month.month_end() + 1).at_hour(2), pay);
        }
        if m.dice.one_in(4) {
            let amount = m.dice.pick(&[999, 1_000, 1_001, 9_000]);
            let payer = m.employer();
            declared(&mut m, person, &payer, month, amount);
        }
    }
    m.finish(100)
}

fn filled_in(mut m: Maker) -> Group {
    let person = m.person();
    let payer = m.employer();
    let from = m.dice.first_day();
    let class = m.dice.pick(&["WORK_EMP", "BLUE_CARD"]);
    let first = work_permit(&mut m, person, class, from, from.add_months(12) - 1, &payer);
    let last = first.valid_to.expect("an end");
    let filed = last + m.dice.pick(&[-40, -1, 0, 1]);
    if m.dice.one_in(2) {
        m.add(person, (filed + 1).at_hour(7), application(class, filed));
    }
    if m.dice.one_in(2) {
        renew(&mut m, person, &first, &payer, 10);
    }
    for ahead in 0..12 {
        let month = from.month().add_months(ahead);
        let requirement = if class == "BLUE_CARD" { 50_000 } else { FLOOR };
        let due = month.add_months(1) + if matches!(ahead % 12, 0) { 11 } else { 16 };
        match m.dice.below(5) {
            0 => {
                m.salary(person, &payer, month, requirement);
            }
            1 => {
                let known = (due + 45 + m.dice.near()).at_hour(9);
                m.add(person, known, salary(&payer, month, requirement));
            }
            2 => {
                let known = (filed + m.dice.pick(&[-91, -90, -89, 0, 89, 90, 91])).at_hour(9);
                m.add(person, known.max((due + 1).at_hour(9)), salary(&payer, month, requirement));
            }
            _ => {
                let key = m.salary(person, &payer, month, requirement - m.dice.pick(&[0, 1, 5_000]));
                let known = (filed + m.dice.pick(&[-91, -90, 0, 30, 90, 91])).at_hour(9).max((due + 5).at_hour(9));
                m.write(
                    person,
                    &key,
                    known,
                    Op::Upsert,
                    salary(&payer, month, requirement + m.dice.pick(&[0, -1, 100])),
                );
            }
        }
    }
    m.finish(60)
}

/// Months of low pay, or of none, that are declared anew shortly before an extension is applied for.
fn lifted(mut m: Maker) -> Group {
    let person = m.person();
    let payer = m.employer();
    let from = m.dice.first_day();
    let class = m.dice.pick(&["WORK_EMP", "WORK_EMP", "BLUE_CARD"]);
    let first = work_permit(&mut m, person, class, from, from.add_months(14) - 1, &payer);
    let last = first.valid_to.expect("an end");
    let filed = last - m.dice.pick(&[0, 30, 60]);
    m.add(person, (filed + 1).at_hour(7), application(class, filed));
    if m.dice.one_in(2) {
        renew(&mut m, person, &first, &payer, 10);
    }
    let low_from = m.dice.between(1, 8);
    let none = m.dice.one_in(3);
    for ahead in 0..13 {
        let month = from.month().add_months(ahead);
        let low = ahead >= low_from && ahead < low_from + m.dice.between(3, 6);
        let known = (filed + m.dice.pick(&[-91, -60, -30, 0, 30])).at_hour(9);
        match (low, none) {
            (true, true) => {
                m.add(person, known.max((month.add_months(1) + 11).at_hour(9)), salary(&payer, month, FLOOR));
            }
            (true, false) => {
                let key = m.salary(person, &payer, month, FLOOR - 8_000);
                let known = known.max((month.add_months(1) + 13).at_hour(9));
                m.write(person, &key, known, Op::Upsert, salary(&payer, month, FLOOR));
            }
            _ => {
                m.salary(person, &payer, month, FLOOR);
            }
        }
    }
    m.finish(60)
}

/// Anything that may happen to somebody who works.
fn working_life(mut m: Maker) -> Group {
    let person = m.person();
    let (payer, other) = (m.employer(), m.employer());
    let from = m.dice.first_day();
    let class = m.dice.pick(&["WORK_EMP", "WORK_EMP", "BLUE_CARD"]);
    let first_end = from.add_months(m.dice.between(6, 14)) - 1;
    let mut own = work_permit(&mut m, person, class, from, first_end, &payer);
    while m.dice.one_in(2) && own.valid_from < from + 600 {
        let months = m.dice.between(5, 12);
        own = renew(&mut m, person, &own, &payer, months);
    }
    let end = own.valid_to.expect("an end");
    let mut register: Option<Post> = None;
    let mut month = from.month();
    let low = m.dice.pick(&[30_000, 26_000, 22_000]);
    while month < end {
        let amount = m.dice.pick(&[30_000, 30_000, low, low, 0]);
        if amount > 0 {
            let payer = if m.dice.one_in(6) { other.clone() } else { payer.clone() };
            declared(&mut m, person, &payer, month, amount);
        }
        if m.dice.one_in(9) {
            m.add(person, (month.month_end() + m.dice.pick(&[3, 40, 130])).at_hour(2), excused(month));
        }
        if m.dice.one_in(20) {
            applied(&mut m, person, month + 10);
        }
        if m.dice.one_in(25) {
            let day = month + m.dice.between(0, 27);
            let kind = m.dice.pick(&["employment_end", "employment_start"]);
            m.add(person, (day + m.dice.pick(&[-20, 1, 30])).max(from).at_hour(8), notice(kind, day));
        }
        if m.dice.one_in(25) && month > from {
            let day = month + m.dice.between(0, 27);
            let next = match &register {
                Some(post) if post.dereg_code.is_some() => post_again(day),
                _ => dereg("UV", day, day),
            };
            if register.is_none() {
                m.add(person, (from + 1).at_hour(5), post(from));
            }
            m.write(person, "post", (day + 2).at_hour(5), Op::Upsert, next.clone());
            register = Some(next);
        }
        month = month.add_months(1);
    }
    m.finish(90)
}

fn post_again(day: Day) -> Post {
    post(day)
}

//! Stories of work permits: not started, paid below the floor, paid by another employer.
//!
//! The law's times are written down here from the months that are planted: the fourth month after the first day
//! of validity, the mean of the last three full months, the second of three months with another payer. A month
//! is known to be a full month of employment once a later month's pay is known.

use chrono::NaiveDate;

use super::calendar::{DAY_US, HOUR_US, add_days, add_months, agi_complete, month_of};
use super::employers::{Payer, Story, employer_month, employer_record, scenario_payer};
use super::payments::Pay;
use super::person::{Fact, Person};
use super::register::Change;
use super::rows;
use super::scenarios::Scenario;
use super::work::Job;
use crate::schema::TableId;

/// Whether the person comes to Sweden as planned and leaves with the permit's end.
pub(super) fn arrives(story: Scenario) -> bool {
    !matches!(story, Scenario::DiedEarly | Scenario::ProtectedNotStarted | Scenario::NaturalisedLater)
}

pub(super) fn plant(person: &mut Person, story: Scenario, job: &Job, pays: Vec<Pay>) {
    match story.rule_id() {
        "work-not-started" => not_started(person, story, job, pays),
        "salary-below-floor" => below_floor(person, story, job, pays),
        _ => other_employer(person, story, job, pays),
    }
}

/// The fourth month after the first day of validity decides; a month later pay in arrears is known too.
fn not_started(person: &mut Person, story: Scenario, job: &Job, mut pays: Vec<Pay>) {
    let permit = &person.permits[job.place];
    let (place, valid_from) = (job.place, permit.valid_from);
    let fourth = add_months(month_of(valid_from), 4);
    let (weak_at, strong_at) = (agi_complete(fourth), agi_complete(add_months(fourth, 1)));
    let tiers = [(weak_at, "weak"), (strong_at, "strong")];
    match story {
        Scenario::NeverWorks => person.breach(story, place, &tiers, None),
        Scenario::NaturalisedLater => {
            let on = add_days(valid_from, person.dice.between(260, 420));
            let known = person.office(add_days(on, 3));
            person.settle(valid_from, person.world.until, true);
            let citizenships = Some(vec![person.who.citizenship, "SWE"]);
            person.post(on, known, Change::Identity { name: None, birth_on: None, citizenships, number: None, civil: None });
            person.naturalised_at = Some(known);
            person.breach(story, place, &tiers, None);
        }
        Scenario::StartsInFifthMonth | Scenario::LateCard => {
            pays = person.employ(&job.payer, add_days(add_months(fourth, 1), 2), last_day(person, place), job.salary_sek);
            let mended = pays.first().map(|pay| pay.known);
            person.declare(&pays);
            match story {
                Scenario::LateCard => person.trap(story, place, weak_at, Some("weak")),
                _ => person.breach(story, place, &tiers, mended),
            }
        }
        Scenario::StartsTooLate => {
            pays = person.employ(&job.payer, add_months(fourth, 3), last_day(person, place), job.salary_sek);
            person.declare(&pays);
            person.breach(story, place, &tiers, None);
        }
        Scenario::DeclaredLate => {
            let told = weak_at + person.dice.between(8, 60) * DAY_US + person.dice.between(0, 40_000) * 1_000_000;
            for pay in &mut pays {
                pay.known = pay.known.max(told);
            }
            person.declare(&pays);
            person.breach(story, place, &tiers, Some(told));
        }
        Scenario::SalaryRetracted => {
            pays.drain(..1.min(pays.len()));
            pays.truncate(1);
            person.declare(&pays);
            let taken_back = weak_at + person.dice.between(5, 60) * DAY_US + 11 * HOUR_US;
            if let Some(pay) = pays.first() {
                person.retract_pay(pay, 2, taken_back);
                let tiers = if taken_back >= strong_at { vec![(taken_back, "strong")] } else { vec![(taken_back, "weak"), (strong_at, "strong")] };
                person.breach(story, place, &tiers, None);
            }
        }
        Scenario::ShortPermit => person.trap(story, place, weak_at, None),
        Scenario::PaidInFourthMonth => {
            pays = person.employ(&job.payer, fourth, last_day(person, place), job.salary_sek);
            person.declare(&pays);
            person.trap(story, place, weak_at, None);
        }
        _ => excused_start(person, story, job, fourth),
    }
}

/// Nobody is paid, and there is an innocent explanation.
fn excused_start(person: &mut Person, story: Scenario, job: &Job, fourth: NaiveDate) {
    let place = job.place;
    let valid_from = person.permits[place].valid_from;
    let weak_at = agi_complete(fourth);
    match story {
        Scenario::StartNotice => {
            let on = add_days(valid_from, person.dice.between(5, 90));
            person.tell_notice("employment_start", Some(&job.payer), on, person.world.start, None);
        }
        Scenario::ExcusedFromStart => {
            for month in 0..9 {
                person.excuse(add_months(month_of(valid_from), month));
            }
            let pays = person.employ(&job.payer, add_months(month_of(valid_from), 9), last_day(person, place), job.salary_sek);
            person.declare(&pays);
            person.trap(story, place, weak_at, Some("weak"));
            return;
        }
        Scenario::EmployerBankrupt => {
            let on = add_days(valid_from, person.dice.between(15, 100));
            let known = person.office_after(on, 2, 9);
            let story = Story { bankrupt_on: Some(on), ..Story::sound("F") };
            person.tell_reference(employer_record(&job.payer, story, 2, known));
        }
        Scenario::ReplacedEarly => {
            let from = add_days(valid_from, person.dice.between(45, 85));
            let permit = person.draft("FAMILY_SPOUSE", add_days(from, -5), from, Some(add_days(add_months(from, 24), -1)));
            person.grant(permit);
        }
        Scenario::DiedEarly => {
            let on = add_days(valid_from, person.dice.between(30, 90));
            person.settle(valid_from, on, true);
            let known = person.office_after(on, 2, 12);
            person.die(on, known);
        }
        _ => {
            person.settle(valid_from, person.world.until, true);
            person.tell_protection(add_days(valid_from, 50));
        }
    }
    person.trap(story, place, weak_at, None);
}

/// Salaries as per cent of the floor; the rest of the months are at 110 per cent.
fn below_floor(person: &mut Person, story: Scenario, job: &Job, mut pays: Vec<Pay>) {
    let b = person.dice.between(6, 8) as usize;
    let (place, floor) = (job.place, job.floor_sek);
    // The evaluation of the month at `at` is known when it is complete and the next month's pay is known.
    let evaluated = |pays: &[Pay], at: usize| match (pays.get(at), pays.get(at + 1)) {
        (Some(pay), Some(next)) => agi_complete(pay.month).max(next.known).max(pay.known),
        _ => i64::MAX,
    };
    let set = |pays: &mut [Pay], from: usize, count: usize, pct: i64| {
        for pay in pays.iter_mut().skip(from).take(count) {
            pay.amount_sek = floor * pct / 100;
        }
    };
    match story {
        // 110, 90, 90, 90, 110: one mean of three below 95 per cent.
        Scenario::ShortDip => {
            set(&mut pays, b, 3, 90);
            person.declare(&pays);
            person.breach(story, place, &[(evaluated(&pays, b + 2), "weak")], Some(evaluated(&pays, b + 3)));
        }
        // Eight months at 88: below 95 from the third on, never below 85.
        Scenario::LongDip => {
            set(&mut pays, b, 8, 88);
            person.declare(&pays);
            let tiers = [(evaluated(&pays, b + 2), "weak"), (evaluated(&pays, b + 3), "medium")];
            person.breach(story, place, &tiers, Some(evaluated(&pays, b + 8)));
        }
        // 70 to the end: below 95 from the second month, the mean of six below 85 from the fourth.
        Scenario::DeepDip => {
            set(&mut pays, b, 100, 70);
            person.declare(&pays);
            let tiers = [(evaluated(&pays, b + 1), "weak"), (evaluated(&pays, b + 2), "medium"), (evaluated(&pays, b + 3), "strong")];
            person.breach(story, place, &tiers, None);
        }
        Scenario::CorrectedDown | Scenario::CorrectedUp => corrected_salaries(person, story, job, pays, b, &evaluated),
        Scenario::ExactTolerance => {
            set(&mut pays, 0, 100, 95);
            person.declare(&pays);
            person.trap(story, place, evaluated(&pays, 3), None);
        }
        Scenario::OneBadMonth => {
            set(&mut pays, b, 1, 75);
            person.declare(&pays);
            person.trap(story, place, evaluated(&pays, b), None);
        }
        // Half a month's pay comes a month late: three times as much in the next month.
        Scenario::PaymentShift => {
            set(&mut pays, b, 1, 55);
            set(&mut pays, b + 1, 1, 165);
            person.declare(&pays);
            person.trap(story, place, evaluated(&pays, b), Some("weak"));
        }
        Scenario::PartMonths => {
            pays.truncate(b + 3);
            set(&mut pays, 0, 1, 30);
            set(&mut pays, b + 2, 1, 30);
            person.declare(&pays);
            person.trap(story, place, pays.get(b + 2).map_or(i64::MAX, |pay| agi_complete(pay.month)), None);
        }
        Scenario::ExcusedDip => {
            set(&mut pays, b, 4, 15);
            for pay in pays.iter().skip(b).take(4) {
                person.excuse(pay.month);
            }
            person.declare(&pays);
            person.trap(story, place, evaluated(&pays, b + 1), None);
        }
        Scenario::OldFloor => {
            person.declare(&pays);
            person.trap(story, place, evaluated(&pays, 3), None);
        }
        _ => incomplete_month(person, story, job, pays, b),
    }
}

/// Five months are declared, and all are corrected some days after the last of them.
fn corrected_salaries(
    person: &mut Person,
    story: Scenario,
    job: &Job,
    mut pays: Vec<Pay>,
    b: usize,
    evaluated: &dyn Fn(&[Pay], usize) -> i64,
) {
    let low = job.floor_sek * 80 / 100;
    let high = job.floor_sek * 110 / 100;
    let last_known = pays.get(b + 4).map_or(i64::MAX / 2, |pay| pay.known);
    let corrected_at = last_known + person.dice.between(3, 9) * DAY_US;
    let (first_sek, then_sek) = if story == Scenario::CorrectedDown { (high, low) } else { (low, high) };
    for pay in pays.iter_mut().skip(b).take(5) {
        pay.amount_sek = first_sek;
    }
    if story == Scenario::CorrectedDown {
        for pay in pays.iter_mut().skip(b + 5).take(4) {
            pay.amount_sek = low;
        }
    }
    person.declare(&pays);
    for pay in pays.iter().skip(b).take(5) {
        person.declare_version(pay, 2, "correct", then_sek, corrected_at);
    }
    match story {
        // Low from b to b+8, high from b+9: the mean is sound again at b+10.
        Scenario::CorrectedDown => {
            person.breach(story, job.place, &[(corrected_at, "medium")], Some(evaluated(&pays, b + 10)));
        }
        _ => {
            let tiers = [(evaluated(&pays, b + 1), "weak"), (evaluated(&pays, b + 2), "medium")];
            person.breach(story, job.place, &tiers, Some(corrected_at));
        }
    }
}

/// The employer declares only part of its staff in time: the month cannot be judged until the source says that it
/// is complete.
fn incomplete_month(person: &mut Person, story: Scenario, job: &Job, pays: Vec<Pay>, b: usize) {
    let Some(pay) = pays.get(b).cloned() else { return person.declare(&pays) };
    let completed_at = agi_complete(pay.month) + person.dice.between(12, 20) * DAY_US;
    person.tell_reference(employer_month(&pay.payer, pay.month, 60, 1, pay.known + HOUR_US));
    person.tell_reference(employer_month(&pay.payer, pay.month, 100, 2, completed_at + HOUR_US));
    let rest: Vec<Pay> = pays.iter().filter(|other| other.month != pay.month).cloned().collect();
    person.declare(&rest);
    if story == Scenario::IncompletePartial {
        person.declare_version(&pay, 1, "upsert", pay.amount_sek * 30 / 100, pay.known);
        person.declare_version(&pay, 2, "correct", pay.amount_sek, completed_at);
    } else {
        person.declare_version(&pay, 1, "upsert", pay.amount_sek, completed_at);
    }
    person.trap(story, job.place, agi_complete(pay.month) + 6 * DAY_US, None);
}

/// Two of three months with pay from others only; known when the second is complete.
fn other_employer(person: &mut Person, story: Scenario, job: &Job, mut pays: Vec<Pay>) {
    let b = person.dice.between(4, 7) as usize;
    let place = job.place;
    let other = scenario_payer(person.index, 1);
    let kind = if story == Scenario::PayrollProvider { "payroll" } else { "normal" };
    let sound = Story { payer_kind: kind, ..Story::sound("N") };
    person.tell_reference(employer_record(&other, sound, 1, person.world.start_us));
    let second = pays.get(b + 1).map_or(i64::MAX, |pay| agi_complete(pay.month));
    let hand_over = |pays: &mut [Pay], to: &Payer, count: usize| {
        for pay in pays.iter_mut().skip(b).take(count) {
            pay.payer = to.clone();
        }
    };
    match story {
        Scenario::SwitchedEmployer => {
            hand_over(&mut pays, &other, 100);
            person.declare(&pays);
            person.breach(story, place, &[(second, "medium")], None);
        }
        Scenario::SwitchedBack => {
            hand_over(&mut pays, &other, 4);
            person.declare(&pays);
            let sound_again = pays.get(b + 5).map_or(i64::MAX, |pay| agi_complete(pay.month));
            person.breach(story, place, &[(second, "medium")], Some(sound_again));
        }
        Scenario::MovedByCorrection | Scenario::MendedByCorrection => moved_salaries(person, story, job, pays, b, &other),
        Scenario::SideIncome => {
            person.declare(&pays);
            let side_sek = person.dice.between(60, 90) * 100;
            let side: Vec<Pay> = pays.iter().skip(b).take(6).map(|pay| Pay { payer: other.clone(), amount_sek: side_sek, ..pay.clone() }).collect();
            person.declare(&side);
            person.breach(story, place, &[(second, "info")], None);
        }
        _ => innocent_payer(person, story, job, pays, b, &other),
    }
}

/// Salaries declared under one employer, then taken back and declared under another.
fn moved_salaries(person: &mut Person, story: Scenario, job: &Job, mut pays: Vec<Pay>, b: usize, other: &Payer) {
    let second = pays.get(b + 1).map_or(i64::MAX / 2, |pay| agi_complete(pay.month));
    let moved_at = second + person.dice.between(3, 20) * DAY_US + 9 * HOUR_US;
    let (wrong, right) = match story {
        Scenario::MovedByCorrection => (job.payer.clone(), other.clone()),
        _ => (other.clone(), job.payer.clone()),
    };
    for pay in pays.iter_mut().skip(b) {
        pay.payer = if pay.known < moved_at { wrong.clone() } else { right.clone() };
    }
    person.declare(&pays);
    for pay in pays.iter().skip(b).filter(|pay| pay.known < moved_at) {
        person.retract_pay(pay, 2, moved_at);
        let moved = Pay { payer: right.clone(), known: moved_at, ..pay.clone() };
        person.declare(&[moved]);
    }
    match story {
        Scenario::MovedByCorrection => person.breach(story, job.place, &[(moved_at, "medium")], None),
        _ => person.breach(story, job.place, &[(second, "medium")], Some(moved_at)),
    }
}

fn innocent_payer(person: &mut Person, story: Scenario, job: &Job, mut pays: Vec<Pay>, b: usize, other: &Payer) {
    let Some(month) = pays.get(b).map(|pay| pay.month) else { return person.declare(&pays) };
    let insurer = person.world.employers.insurer.clone();
    let (payer, count) = match story {
        Scenario::InsurerPays => (&insurer, 3),
        Scenario::OneMonthElsewhere => (other, 1),
        Scenario::SmallElsewhere => (other, 2),
        _ => (other, 100),
    };
    let first = if story == Scenario::AfterTied { 2 } else { b };
    for pay in pays.iter_mut().skip(first).take(count) {
        pay.payer = payer.clone();
    }
    match story {
        Scenario::BusinessTransfer => {
            let story = Story { successor: Some(other.id.clone()), ..Story::sound("N") };
            let known = person.office(add_days(month, 3));
            person.tell_reference(employer_record(&job.payer, story, 2, known));
        }
        Scenario::PendingApplication => {
            let filed_on = add_days(month, -person.dice.between(8, 25));
            let decided_on = add_days(filed_on, person.dice.between(120, 190));
            person.apply("WORK_EMP", Some(other), filed_on, Some((decided_on, "granted")));
            let known = person.office(decided_on);
            person.allow_employer(job.place, other, filed_on, None, known);
        }
        Scenario::SecondPermitted => {
            let known = person.office(add_days(month, -12));
            person.allow_employer(job.place, other, month, None, known);
        }
        Scenario::SmallElsewhere => {
            for pay in pays.iter_mut().skip(b).take(2) {
                pay.amount_sek = 4_999;
                person.excuse(pay.month);
            }
        }
        _ => {}
    }
    person.declare(&pays);
    let second = pays.get(first + 1).map_or(i64::MAX, |pay| agi_complete(pay.month));
    person.trap(story, job.place, second, None);
}

fn last_day(person: &Person, place: usize) -> NaiveDate {
    person.permits[place].valid_to.unwrap_or(person.world.until)
}

impl Person<'_> {
    /// A notice about the person, known some days after `on`, not before `earliest`.
    pub(super) fn tell_notice(
        &mut self,
        kind: &'static str,
        employer: Option<&Payer>,
        on: NaiveDate,
        earliest: NaiveDate,
        country: Option<&'static str>,
    ) -> i64 {
        let told_on = add_days(on, self.dice.between(1, 12)).max(earliest);
        let known = self.office(told_on);
        let values = vec![
            crate::generate::Value::Code(kind),
            employer.map_or(crate::generate::Value::Null, |payer| rows::text(&payer.id)),
            rows::day(on),
            crate::generate::Value::Null,
            crate::generate::Value::Null,
            rows::maybe_code(country),
        ];
        let key = format!("notice:{}", self.number());
        let source = if employer.is_some() { "employer" } else { "mv" };
        self.tell(Fact::new(TableId::Notices, key, super::calendar::instant(on), known, source, values))
    }
}

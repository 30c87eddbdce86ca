//! Stories of salaries from an employer that the permit does not name.
//!
//! Two of three months with at least 5,000 SEK from others and nothing from a permitted employer are a breach, known
//! when the second month is complete; with months of income from both it is a note.

use super::calendar::{DAY_US, HOUR_US, add_days, agi_complete};
use super::employers::{Payer, Story, employer_record, scenario_payer};
use super::payments::Pay;
use super::person::Person;
use super::scenarios::Scenario;
use super::scenes::Job;

/// Two of three months with pay from others only; known when the second is complete.
pub(super) fn plant(person: &mut Person<'_>, story: Scenario, job: &Job, mut pays: Vec<Pay>) {
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
        Scenario::MovedByCorrection | Scenario::MendedByCorrection => {
            moved_salaries(person, story, job, pays, b, &other);
        }
        Scenario::SideIncome => {
            person.declare(&pays);
            let side_sek = person.dice.between(60, 90) * 100;
            let side: Vec<Pay> = pays
                .iter()
                .skip(b)
                .take(6)
                .map(|pay| Pay { payer: other.clone(), amount_sek: side_sek, ..pay.clone() })
                .collect();
            person.declare(&side);
            // The last month with both is b+5; two of three until b+6.
            let ended = pays.get(b + 7).map(|pay| agi_complete(pay.month));
            person.breach(story, place, &[(second, "info")], ended);
            // When it stops, the salary has fallen: the rule about that raises a note at most.
            person.trap_of("salary-drop", story, place, second, Some("info"));
        }
        // One month from both, the next from the other alone, then as it should be.
        Scenario::SideIncomeThenSwitched => {
            let side: Vec<Pay> =
                pays.iter().skip(b).take(2).map(|pay| Pay { payer: other.clone(), ..pay.clone() }).collect();
            if b + 1 < pays.len() {
                pays.remove(b + 1);
            }
            person.declare(&pays);
            person.declare(&side);
            // Two of three until b+2.
            let sound_again = pays.get(b + 2).map_or(i64::MAX, |pay| agi_complete(pay.month));
            person.breach(story, place, &[(second, "info")], Some(sound_again));
            person.trap_of("salary-drop", story, place, second, Some("info"));
        }
        _ => innocent_payer(person, story, job, pays, b, &other),
    }
}

/// Salaries declared under one employer, then taken back and declared under another.
fn moved_salaries(person: &mut Person<'_>, story: Scenario, job: &Job, mut pays: Vec<Pay>, b: usize, other: &Payer) {
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

fn innocent_payer(person: &mut Person<'_>, story: Scenario, job: &Job, mut pays: Vec<Pay>, b: usize, other: &Payer) {
    let Some(month) = pays.get(b).map(|pay| pay.month) else {
        return person.declare(&pays);
    };
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

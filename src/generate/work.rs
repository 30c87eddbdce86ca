//! Holders of work permits: employment, salaries above the floor, extensions, departure.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, month_of};
use super::employers::{Payer, Story, employer_record, scenario_payer};
use super::identity::{Identity, WORKER_COUNTRIES};
use super::payments::{Benefit, Pay};
use super::permits::salary_floor;
use super::person::Person;
use super::scenarios::{self, Scenario};
use super::scenes::{Job, leave};
use super::shares;
use super::{low_salaries, not_started, other_employers};

/// A salary that applies from a day.
type Raise = (NaiveDate, i64);

pub(super) fn live(person: &mut Person<'_>, standing: bool) {
    let mix = if standing { shares::WORK_STANDING } else { shares::WORK_GRANTED };
    person.story = scenarios::draw(&mut person.dice, mix);
    let country = person.dice.weighted(WORKER_COUNTRIES);
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, (22, 50), country);
    let job = if standing { standing_job(person) } else { new_job(person) };
    let permit = &person.permits[job.place];
    let (valid_from, valid_to) = (permit.valid_from, permit.valid_to.unwrap_or(person.world.until));
    match person.story {
        Some(story) => {
            let leaves_on = add_days(valid_to, person.dice.between(1, 20));
            if not_started::arrives(story) {
                person.settle(valid_from, leaves_on, true);
                leave(person, leaves_on);
            }
            let pays = person.employ(&job.payer, job.from, valid_to, job.salary_sek);
            match story.rule_id() {
                "work-not-started" => not_started::plant(person, story, &job, pays),
                "salary-below-floor" => low_salaries::plant(person, story, &job, pays),
                _ => other_employers::plant(person, story, &job, pays),
            }
        }
        None => live_soundly(person, &job, valid_from, valid_to),
    }
}

fn new_job(person: &mut Person<'_>) -> Job {
    let decided_on = person.some_day(5, 40);
    let valid_from = add_days(decided_on, person.dice.between(0, 20));
    let short = person.story == Some(Scenario::ShortPermit);
    let valid_to = match (short, person.story.is_none() && person.dice.permille(150)) {
        (true, _) => add_days(valid_from, person.dice.between(75, 110)),
        (_, true) => add_days(add_months(valid_from, 12), -1),
        _ => add_days(add_months(valid_from, 24), -1),
    };
    let mut permit = person.draft("WORK_EMP", decided_on, valid_from, Some(valid_to));
    let floor_sek = salary_floor(permit.application_on, true);
    let salary_sek = draw_salary(person, floor_sek);
    permit.floor_sek = Some(floor_sek);
    permit.offered_sek = offer(person.story, salary_sek);
    permit.tied_until = Some(add_days(add_months(valid_from, 24), -1));
    permit.work_right = "employer";
    if person.story == Some(Scenario::LateCard) {
        permit.card_issued_on = Some(add_days(add_months(valid_from, 2), person.dice.between(5, 30)));
    }
    let payer = draw_employer(person);
    if person.story.is_none() && person.dice.permille(500) {
        person.apply("WORK_EMP", Some(&payer), permit.application_on, Some((decided_on, "granted")));
    }
    let place = person.grant(permit);
    let known = person.permits[place].known;
    person.allow_employer(place, &payer, valid_from, None, known);
    let from = add_days(valid_from, person.dice.between(3, 30));
    Job { place, payer, from, salary_sek, floor_sek }
}

/// The offer, unless the story is only about salaries below the floor.
fn offer(story: Option<Scenario>, salary_sek: i64) -> Option<i64> {
    let alone = story.is_some_and(|story| story.rule_id() == "salary-below-floor" && story != Scenario::DeepDip);
    (!alone).then_some(salary_sek)
}

/// A job that goes on when the recording starts, under an extension.
fn standing_job(person: &mut Person<'_>) -> Job {
    let world = person.world;
    // Not older: facts from before the recording are reported at its start, and silence before that does not count.
    let age_days = person.dice.between(1, 150);
    let valid_from = add_days(world.start, -age_days);
    let decided_on = add_days(valid_from, -person.dice.between(0, 30));
    let mut permit = person.draft("WORK_EMP", decided_on, valid_from, Some(add_days(add_months(valid_from, 24), -1)));
    if person.story == Some(Scenario::OldFloor) && salary_floor(permit.application_on, false) > 13_000 {
        person.story = None;
    }
    let floor_sek = salary_floor(permit.application_on, false);
    let salary_sek = draw_salary(person, floor_sek);
    permit.first_grant = false;
    permit.held_since = add_months(valid_from, -24);
    permit.floor_sek = Some(floor_sek);
    permit.offered_sek = offer(person.story, salary_sek);
    permit.tied_until = Some(add_days(valid_from, -1));
    permit.work_right = "occupation";
    let payer = draw_employer(person);
    let place = person.grant(permit);
    let known = person.permits[place].known;
    person.allow_employer(place, &payer, valid_from, None, known);
    Job { place, payer, from: month_of(valid_from), salary_sek, floor_sek }
}

fn draw_employer(person: &mut Person<'_>) -> Payer {
    if person.story.is_none() {
        return person.world.employers.draw(&mut person.dice);
    }
    // A story has an employer of its own, so that what happens to the employer affects nobody else.
    let payer = scenario_payer(person.index, 0);
    person.tell_reference(employer_record(&payer, Story::sound("J"), 1, person.world.start_us));
    payer
}

/// A person without a story earns at least eight per cent above the floor; stories need exact figures.
fn draw_salary(person: &mut Person<'_>, floor_sek: i64) -> i64 {
    match person.story {
        Some(Scenario::OldFloor) => person.dice.between(300, 340) * 50,
        Some(story) if story.rule_id() == "salary-below-floor" => floor_sek * 110 / 100,
        Some(_) => floor_sek * 120 / 100,
        None => {
            let above_pct = 108 + person.dice.between(0, 30) + person.dice.between(0, 40);
            (floor_sek * above_pct / 100).max(person.dice.between(440, 640) * 50)
        }
    }
}

fn live_soundly(person: &mut Person<'_>, job: &Job, valid_from: NaiveDate, valid_to: NaiveDate) {
    let mut raises: Vec<Raise> = vec![(job.from, job.salary_sek)];
    let mut last_day = valid_to;
    let mut leaves = true;
    while last_day < person.world.until {
        if !person.dice.permille(700) {
            break;
        }
        match extend(person, job, last_day, &mut raises) {
            Some(next) => last_day = next,
            None => {
                // Pending, or permanent: the work goes on.
                leaves = false;
                last_day = person.world.until;
            }
        }
    }
    let work_ends_on = if leaves { add_days(last_day, -person.dice.between(0, 20)) } else { last_day };
    let mut pays = person.employ(&job.payer, job.from, work_ends_on, job.salary_sek);
    apply_raises(&mut pays, &raises, job.salary_sek);
    person.vary(&mut pays);
    take_leave_of_absence(person, &mut pays);
    person.declare_with_corrections(&pays);
    let gone_on = add_days(last_day, person.dice.between(1, 15));
    let long_stay = (valid_to - valid_from).num_days() >= 360;
    person.settle(valid_from, if leaves { gone_on } else { last_day }, long_stay);
    if long_stay && person.dice.permille(150) {
        person.pay_benefits(Benefit::Child, add_days(valid_from, 60), add_days(last_day, -31), 1_250);
    }
    super::journeys::travel(person, valid_from, work_ends_on);
    if leaves && long_stay {
        leave(person, gone_on);
    }
}

/// Extends a permit, or makes it permanent; returns the new last day, `None` if it stays open.
fn extend(person: &mut Person<'_>, job: &Job, last_day: NaiveDate, raises: &mut Vec<Raise>) -> Option<NaiveDate> {
    let filed_on = add_days(last_day, -person.dice.between(15, 80));
    let decided_on = add_days(filed_on, person.dice.between(20, 140));
    let held_since = person.permits.last().map_or(last_day, |permit| permit.held_since);
    let permanent = (last_day - held_since).num_days() >= 1_450;
    let class = if permanent { "PERMANENT" } else { "WORK_EMP" };
    if decided_on >= person.world.until {
        person.apply(class, Some(&job.payer), filed_on, None);
        return None;
    }
    person.apply(class, Some(&job.payer), filed_on, Some((decided_on, "granted")));
    let valid_from = add_days(last_day, 1);
    let valid_to = (!permanent).then(|| add_days(add_months(valid_from, 24), -1));
    let mut permit = person.draft(class, decided_on, valid_from, valid_to);
    permit.application_on = filed_on;
    permit.first_grant = permanent;
    if !permanent {
        let floor_sek = salary_floor(filed_on, false);
        let salary_sek = raises.last().map_or(job.salary_sek, |(_, salary)| *salary).max(floor_sek * 108 / 100);
        permit.floor_sek = Some(floor_sek);
        permit.offered_sek = Some(salary_sek);
        permit.tied_until = Some(last_day);
        permit.work_right = "occupation";
        raises.push((valid_from, salary_sek));
    }
    let place = person.grant(permit);
    if !permanent {
        let known = person.permits[place].known;
        person.allow_employer(place, &job.payer, valid_from, None, known);
    }
    valid_to
}

fn apply_raises(pays: &mut [Pay], raises: &[Raise], first_salary_sek: i64) {
    for pay in pays {
        let now = raises.iter().rev().find(|(from, _)| month_of(*from) <= pay.month);
        if let Some((_, salary_sek)) = now {
            pay.amount_sek = pay.amount_sek * salary_sek / first_salary_sek.max(1);
        }
    }
}

/// Parental leave of some months: little or no pay, and the months are excused.
fn take_leave_of_absence(person: &mut Person<'_>, pays: &mut Vec<Pay>) {
    if pays.len() < 10 || !person.dice.permille(50) {
        return;
    }
    let first = person.dice.between(3, pays.len() as i64 - 6) as usize;
    let length = person.dice.between(2, 5) as usize;
    let paid_pct = person.dice.pick(&[0, 0, 10, 20]);
    for pay in pays.iter_mut().skip(first).take(length) {
        person.excuse(pay.month);
        pay.amount_sek = pay.amount_sek * paid_pct / 100;
    }
    pays.retain(|pay| pay.amount_sek > 0);
}

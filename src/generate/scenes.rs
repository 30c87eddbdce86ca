//! What stories have in common: coming, being hired, leaving.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, agi_complete};
use super::employers::{Payer, Story, employer_record, scenario_payer};
use super::identity::{EMIGRATION_COUNTRIES, Identity, WORKER_COUNTRIES};
use super::payments::Pay;
use super::permits::{Permit, salary_floor};
use super::person::Person;
use super::scenarios::Scenario;

/// An employment under a permit.
pub(super) struct Job {
    pub(super) place: usize,
    pub(super) payer: Payer,
    pub(super) from: NaiveDate,
    pub(super) salary_sek: i64,
    pub(super) floor_sek: i64,
}

/// Draws the person's identity; to be called before the first permit.
pub(super) fn introduce(person: &mut Person<'_>, ages: (i64, i64)) {
    let country = person.dice.weighted(WORKER_COUNTRIES);
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, ages, country);
}

/// Grants a first permit of some months from a day, after `adjust` has changed it.
pub(super) fn first_permit(
    person: &mut Person<'_>,
    class: &'static str,
    from: NaiveDate,
    months: i32,
    adjust: impl FnOnce(&mut Permit),
) -> usize {
    let decided_on = add_days(from, -person.dice.between(2, 20));
    let mut permit = person.draft(class, decided_on, from, Some(add_days(add_months(from, months), -1)));
    adjust(&mut permit);
    person.grant(permit)
}

/// A work permit with an employer of the person's own, who need not pay anything yet.
pub(super) fn hired(
    person: &mut Person<'_>,
    class: &'static str,
    from: NaiveDate,
    months: i32,
    salary_sek: i64,
    adjust: impl FnOnce(&mut Permit),
) -> Job {
    let payer = own_employer(person, 0);
    let mut floor_sek = 0;
    let place = first_permit(person, class, from, months, |permit| {
        floor_sek = salary_floor(permit.application_on, true);
        permit.offered_sek = Some(salary_sek);
        permit.floor_sek = (class == "WORK_EMP").then_some(floor_sek);
        permit.threshold_sek = (class == "BLUE_CARD").then_some(50_000);
        permit.tied_until = (class == "WORK_EMP").then(|| add_days(add_months(from, 24), -1));
        permit.work_right = "employer";
        adjust(permit);
    });
    let known = person.permits[place].known;
    person.allow_employer(place, &payer, from, None, known);
    let from = add_days(from, person.dice.between(3, 12));
    Job { place, payer, from, salary_sek, floor_sek }
}

/// An employer that only this person's story has.
pub(super) fn own_employer(person: &mut Person<'_>, slot: u64) -> Payer {
    let payer = scenario_payer(person.index, slot);
    person.tell_reference(employer_record(&payer, Story::sound("J"), 1, person.world.start_us));
    payer
}

/// Arrives on the permit's first day and leaves soon after its last one; a person who waits for a decision stays.
pub(super) fn come_and_go(person: &mut Person<'_>, place: usize) {
    let permit = &person.permits[place];
    let (from, to) = (permit.valid_from, permit.valid_to.unwrap_or(person.world.until));
    let gone_on = add_days(to, person.dice.between(1, 14));
    person.settle(from, gone_on, true);
    if to < person.world.until && person.story != Some(Scenario::JobEndsApplied) {
        leave(person, gone_on);
    }
}

/// When the month at an index is known to be complete.
pub(super) fn complete(pays: &[Pay], at: usize) -> i64 {
    pays.get(at).map_or(i64::MAX, |pay| agi_complete(pay.month))
}

/// Takes out the salaries of some months.
pub(super) fn leave_out(pays: &mut Vec<Pay>, from: usize, count: usize) {
    let end = (from + count).min(pays.len());
    pays.drain(from.min(end)..end);
}

/// Leaves Sweden on a day, reported some days before or after.
pub(super) fn leave(person: &mut Person<'_>, on: NaiveDate) {
    let country = person.dice.weighted(EMIGRATION_COUNTRIES);
    let told_on = add_days(on, person.dice.between(0, 14));
    let known = person.office(told_on);
    person.emigrate(on, country, known);
}

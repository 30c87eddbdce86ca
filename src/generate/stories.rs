//! Which persons live the stories of the rules that few permits concern, and what these stories have in common.
//!
//! One person in six lives one of them, in turn, so that even a small recording has each.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, agi_complete};
use super::employers::{Payer, Story, employer_record, scenario_payer};
use super::identity::{Identity, WORKER_COUNTRIES};
use super::payments::Pay;
use super::permits::{Permit, salary_floor};
use super::person::Person;
use super::plan::PLAN;
use super::scenarios::Scenario;
use super::work::{Job, leave};
use super::{
    allowances, anchors, backfills, benefits_abroad, clusters, departures, duplicates, job_ends, long_residents,
    no_arrival, no_right, offers, passports, renewals, salary_drops, seasons, study_ends, study_results, ties,
    unserved,
};

const EVERY: usize = 6;

/// The story of this person, if it is one's turn.
pub(super) fn due(person: &Person<'_>) -> Option<Scenario> {
    let number = person.index + (person.world.options.seed % EVERY as u64) as usize;
    number.is_multiple_of(EVERY).then(|| PLAN[number / EVERY % PLAN.len()])
}

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    person.story = Some(story);
    match story.rule_id() {
        _ if renewals::tells(story) => renewals::live(person, story),
        "employment-ended" | "blue-card-unemployment" => job_ends::live(person, story),
        "salary-below-offered" | "blue-card-salary-low" => offers::live(person, story),
        "salary-drop" => salary_drops::live(person, story),
        "work-without-right" => no_right::live(person, story),
        "seasonal-limit" => seasons::live(person, story),
        "study-interrupted" => study_ends::live(person, story),
        "study-low-progress" | "study-purpose-drift" => study_results::live(person, story),
        "no-arrival-after-grant" => no_arrival::live(person, story),
        "temporary-permit-deregistered" => departures::live(person, story),
        "ltr-absence-limit" => long_residents::live(person, story),
        "protected-home-passport" | "protected-new-nationality" => passports::live(person, story),
        "false-or-duplicate-identity" => duplicates::live(person, story),
        "family-tie-ended" => ties::live(person, story),
        "anchor-permit-lost" => anchors::live(person, story),
        "benefit-after-emigration" => benefits_abroad::live(person, story),
        "allowance-with-income" => allowances::live(person, story),
        "employer-breach-cluster" => clusters::live(person, story),
        "declarations-backfilled" => backfills::live(person, story),
        _ => unserved::live(person, story),
    }
}

/// Draws who the person is; call before the first permit.
pub(super) fn introduce(person: &mut Person<'_>, ages: (i64, i64)) {
    let country = person.dice.weighted(WORKER_COUNTRIES);
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, ages, country);
}

/// Grants a first permit of some months from a day, as `adjust` wants it.
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

/// A permit for work with an employer of its own, who need not pay anything yet.
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

/// An employer whom only this person has to do with.
pub(super) fn own_employer(person: &mut Person<'_>, slot: u64) -> Payer {
    let payer = scenario_payer(person.index, slot);
    person.tell_reference(employer_record(&payer, Story::sound("J"), 1, person.world.start_us));
    payer
}

/// Arrives with the permit's first day and leaves soon after its last one; who waits for a decision stays.
pub(super) fn come_and_go(person: &mut Person<'_>, place: usize) {
    let permit = &person.permits[place];
    let (from, to) = (permit.valid_from, permit.valid_to.unwrap_or(person.world.until));
    let gone_on = add_days(to, person.dice.between(1, 14));
    person.settle(from, gone_on, true);
    if to < person.world.until && person.story != Some(Scenario::JobEndsApplied) {
        leave(person, gone_on);
    }
}

/// When the month at a place is known as a whole.
pub(super) fn complete(pays: &[Pay], at: usize) -> i64 {
    pays.get(at).map_or(i64::MAX, |pay| agi_complete(pay.month))
}

/// Takes out the salaries of some months.
pub(super) fn leave_out(pays: &mut Vec<Pay>, from: usize, count: usize) {
    let end = (from + count).min(pays.len());
    pays.drain(from.min(end)..end);
}

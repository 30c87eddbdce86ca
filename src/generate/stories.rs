//! Which persons live the stories of the rules that few permits concern.
//!
//! One person in six lives one of them, in turn, so that even a small recording has each.

use super::person::Person;
use super::plan::PLAN;
use super::scenarios::Scenario;
use super::{
    allowances, anchors, backfills, benefits_abroad, clusters, departures, duplicates, job_ends, long_residents,
    no_arrival, no_right, offers, passports, renewals, salary_drops, seasons, study_ends, study_results, ties,
    unserved,
};

const EVERY: usize = 6;

/// The story of this person, if it is the person's turn for one.
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

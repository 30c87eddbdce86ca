//! Holders of study permits: a registration every term, and results.

use chrono::{Datelike, NaiveDate};

use super::calendar::{Term, add_days, add_months, ymd};
use super::identity::{Identity, WORKER_COUNTRIES};
use super::person::Person;
use super::scenarios::{self, Scenario};
use super::scenes::leave;
use super::shares;
use super::students::study_term;
use super::study_stories;

pub(super) fn live(person: &mut Person<'_>, standing: bool) {
    if !standing {
        person.story = scenarios::draw(&mut person.dice, shares::STUDY_GRANTED);
    }
    let country = person.dice.weighted(WORKER_COUNTRIES);
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, (19, 31), country);
    let Some(place) = (if standing { standing_permit(person) } else { new_permit(person) }) else {
        return;
    };
    let permit = &person.permits[place];
    let (valid_from, valid_to) = (permit.valid_from, permit.valid_to.unwrap_or(person.world.until));
    let school = permit.institution.clone().unwrap_or_default();
    let due: Vec<Term> = person.world.terms_between(valid_from, valid_to).cloned().collect();
    let leaves_on = add_days(valid_to, person.dice.between(1, 14));
    let long_stay = (valid_to - valid_from).num_days() >= 365;
    if person.story != Some(Scenario::StudentProtected) {
        let arrived_on = add_days(valid_from, person.dice.between(0, 6));
        person.settle(arrived_on, leaves_on, long_stay);
    }
    if standing {
        // The studies under the earlier permit; the first load reports them.
        let before: Vec<Term> =
            person.world.terms_between(add_months(valid_from, -12), add_days(valid_from, -1)).cloned().collect();
        for term in before.iter().filter(|term| term.ends_on < valid_from) {
            study_term(person, term, &school, term.starts_on);
        }
    }
    match person.story {
        Some(story) => study_stories::plant(person, story, place, &school, &due),
        None => {
            for term in &due {
                study_term(person, term, &school, valid_from);
            }
            extend(person, valid_to, &school);
        }
    }
    super::journeys::travel(person, valid_from, valid_to);
    let last_day = person.permits.last().and_then(|permit| permit.valid_to).unwrap_or(valid_to);
    if long_stay && last_day == valid_to {
        leave(person, leaves_on);
    }
}

/// A new student's permit: from some weeks before an autumn term, or from the first day of a spring term.
fn new_permit(person: &mut Person<'_>) -> Option<usize> {
    let world = person.world;
    let autumn = person.story.is_some_and(needs_autumn) || person.dice.permille(750);
    let entries: Vec<&Term> = world
        .terms
        .iter()
        .filter(|term| {
            term.autumn == autumn
                && add_days(term.starts_on, -100) > world.start
                && add_days(term.starts_on, -20) < world.until
        })
        .collect();
    if entries.is_empty() {
        return None;
    }
    let term = entries[person.dice.below(entries.len() as u64) as usize].clone();
    let (decided_on, valid_from) = if person.story == Some(Scenario::LateDecision) {
        let decided_on = add_days(term.starts_on, -person.dice.between(1, 4));
        (decided_on, decided_on)
    } else if autumn {
        let valid_from = add_days(term.starts_on, -person.dice.between(4, 25));
        (add_days(valid_from, -person.dice.between(24, 60)), valid_from)
    } else {
        (add_days(term.starts_on, -person.dice.between(28, 75)), term.starts_on)
    };
    let years = if person.story == Some(Scenario::OnLeave) || person.dice.permille(400) { 2 } else { 1 };
    let end_year = valid_from.year() + if autumn { years } else { years - 1 };
    let valid_to = add_days(ymd(end_year, 6, 15), person.dice.between(0, 55));
    let school = if person.story == Some(Scenario::SilentInstitution) {
        world.silent_institution(person.dice.bits())
    } else {
        world.institution(person.dice.bits())
    };
    let class = if person.story == Some(Scenario::SilentInstitution) { "STUDY_OTHER" } else { "STUDY_HE" };
    let mut permit = person.draft(class, decided_on, valid_from, Some(valid_to));
    permit.institution = Some(school);
    Some(person.grant(permit))
}

/// A student whose extension was decided just before the recording starts.
fn standing_permit(person: &mut Person<'_>) -> Option<usize> {
    let world = person.world;
    let valid_from = add_days(world.start, -person.dice.between(1, 18));
    let decided_on = add_days(valid_from, -person.dice.between(0, 1));
    let ends_in = add_months(valid_from, 8);
    let year = ends_in.year() + i32::from(ends_in > ymd(ends_in.year(), 6, 15));
    let valid_to = add_days(ymd(year, 6, 15), person.dice.between(0, 55));
    let mut permit = person.draft("STUDY_HE", decided_on, valid_from, Some(valid_to));
    permit.first_grant = false;
    permit.held_since = add_months(valid_from, -12);
    permit.institution = Some(world.institution(person.dice.bits()));
    Some(person.grant(permit))
}

fn needs_autumn(story: Scenario) -> bool {
    matches!(
        story,
        Scenario::Deferred
            | Scenario::StopsStudying
            | Scenario::OnLeave
            | Scenario::Graduated
            | Scenario::ExchangeOut
            | Scenario::LateDecision
    )
}

/// Another year from the next day on; its terms begin after the summer.
fn extend(person: &mut Person<'_>, valid_to: NaiveDate, school: &str) {
    let filed_on = add_days(valid_to, -person.dice.between(10, 60));
    let decided_on = add_days(filed_on, person.dice.between(10, 55));
    if decided_on >= person.world.until || !person.dice.permille(300) {
        return;
    }
    person.apply("STUDY_HE", None, filed_on, Some((decided_on, "granted")));
    let valid_from = add_days(valid_to, 1);
    let next_to = add_days(ymd(valid_from.year() + 1, 6, 15), person.dice.between(0, 55));
    let mut permit = person.draft("STUDY_HE", decided_on, valid_from, Some(next_to));
    permit.application_on = filed_on;
    permit.first_grant = false;
    permit.institution = Some(school.to_owned());
    person.grant(permit);
    let due: Vec<Term> = person.world.terms_between(valid_from, next_to).cloned().collect();
    for term in &due {
        study_term(person, term, school, valid_from);
    }
    let gone_on = add_days(next_to, person.dice.between(1, 14));
    leave(person, gone_on);
}

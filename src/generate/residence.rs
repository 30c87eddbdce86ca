//! Holders of family, protection and permanent permits: benefits, moves, extensions, naturalisation.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, month_of};
use super::emigration::{self, naturalise};
use super::identity::{FAMILY_COUNTRIES, Identity, TESTED_COUNTRIES};
use super::journeys::{self, Home};
use super::payments::{Benefit, CHILD_BENEFIT_SEK};
use super::person::Person;
use super::scenarios::{self, Scenario};
use super::scenes::leave;
use super::shares;
use super::{after_end, couples, identity_changes};

pub(super) fn family(person: &mut Person<'_>, standing: bool) {
    person.story = scenarios::draw(&mut person.dice, shares::FAMILY_ANY);
    let country = person.dice.weighted(FAMILY_COUNTRIES);
    let class =
        person.dice.weighted(&[(45, "FAMILY_SPOUSE"), (28, "FAMILY_CHILD"), (5, "FAMILY_OTHER"), (22, "DEPENDANT")]);
    let class = if person.story.is_some() { "FAMILY_SPOUSE" } else { class };
    let ages = if class == "FAMILY_CHILD" { (1, 13) } else { (21, 55) };
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, ages, country);
    let (decided_on, from, to) = span(person, standing, 24);
    // A person with a story lives with a partner, whom they marry if the story has a wedding.
    let married =
        person.story.is_none() && class != "FAMILY_CHILD" && class != "FAMILY_OTHER" && person.dice.permille(750);
    let anchor = if class == "DEPENDANT" {
        // A worker's earlier salaries would have to be reported; no rule looks at a researcher's.
        let works = from >= person.world.start && person.dice.permille(500);
        let anchor_class = if works { "WORK_EMP" } else { "RESEARCH" };
        couples::accompany(person, anchor_class, (decided_on, from, to), married)
    } else {
        couples::join_citizen(person, from, married)
    };
    let place = grant(person, class, decided_on, from, to, Some(anchor));
    reside(person, place, from, to);
}

pub(super) fn protection(person: &mut Person<'_>, standing: bool) {
    person.story = scenarios::draw(&mut person.dice, shares::PROTECTION_ANY);
    let tested = person.dice.weighted(TESTED_COUNTRIES);
    let kind = person.dice.weighted(&[(50, "refugee"), (28, "subsidiary"), (22, "temporary")]);
    let kind = if person.story.is_some() && kind == "temporary" { "refugee" } else { kind };
    let tested = if kind == "temporary" { "UKR" } else { tested };
    let (class, length) = match kind {
        "refugee" => ("PROT_REFUGEE", 36),
        "subsidiary" => ("PROT_SUBSIDIARY", 25),
        _ => ("PROT_TEMPORARY", 12),
    };
    let minor = person.story == Some(Scenario::HomeVisitMinor) || (person.story.is_none() && person.dice.permille(250));
    let ages = if minor { (1, 7) } else { (19, 60) };
    let citizenship = if person.story == Some(Scenario::CitizenshipCountry) { "PAK" } else { tested };
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, ages, citizenship);
    let (decided_on, from, to) = span(person, standing, length);
    let place = grant(person, class, decided_on, from, to, None);
    let known = person.permits[place].known;
    let declared_on = person.permits[place].decided_on;
    let ended = (person.story == Some(Scenario::StatusEnded)).then(|| {
        let on = journeys::status_end(from.max(person.world.start));
        (on, person.office(add_days(on, 3)))
    });
    person.declare_status(kind, tested, declared_on, ended, known);
    if kind == "refugee" {
        let key = person.tell_document("RD", declared_on, 5, known);
        person.travel_document = Some(("RD", "SWE", key));
    }
    match person.story {
        Some(story) if story.rule_id() == "protected-home-travel" => {
            let begin = from.max(person.world.start);
            person.settle(from, to, true);
            if story == Scenario::HomeVisitProtected {
                person.tell_protection(add_days(begin, 20));
            }
            let home = Home { place, tested, refugee: kind == "refugee", from: begin, to };
            journeys::plant(person, story, &home);
        }
        _ => reside(person, place, from, to),
    }
}

pub(super) fn permanent(person: &mut Person<'_>) {
    person.story = scenarios::draw(&mut person.dice, shares::PERMANENT_STANDING);
    let country = person.dice.weighted(FAMILY_COUNTRIES);
    let child = person.story == Some(Scenario::EmigratedChild) || (person.story.is_none() && person.dice.permille(200));
    let ages = if child { (1, 5) } else { (24, 66) };
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, ages, country);
    let world = person.world;
    let age_days = if child { person.dice.between(1, 300) } else { person.dice.between(60, 4_000) };
    let from = add_days(world.start, -age_days);
    let decided_on = add_days(from, -person.dice.between(0, 10));
    let place = grant(person, "PERMANENT", decided_on, from, None, None);
    match person.story {
        Some(story) => {
            person.settle(from, add_days(world.start, 40), true);
            plant(person, story, place, world.start, world.until);
        }
        None => {
            let last_day = live_on(person, world.start);
            person.settle(from, last_day, true);
            draw_benefits(person, from, last_day);
            journeys::travel(person, from, last_day);
        }
    }
}

/// Decision, first and last day of a permit of some months: one that stands at the start, or a new one. A story of
/// payments needs a permit that ends well within the recording.
fn span(person: &mut Person<'_>, standing: bool, length_months: i32) -> (NaiveDate, NaiveDate, NaiveDate) {
    let world = person.world;
    let pays = person.story.is_some_and(|story| story.rule_id() == "payment-after-permit-end");
    if pays {
        let revoked = person.story.is_some_and(after_end::is_revoked);
        let to = person.some_day(if revoked { 330 } else { 100 }, 190);
        let to = if person.story == Some(Scenario::FirstThirtyOneDays) { month_of(to) } else { to };
        let from = add_days(add_months(to, -length_months), 1);
        return (add_days(from, -person.dice.between(1, 20)), from, to);
    }
    let from = if standing {
        let longest = i64::from(length_months) * 30 - if person.story.is_some() { 300 } else { 20 };
        add_days(world.start, -person.dice.between(1, longest.max(20)))
    } else {
        let room = if person.story.is_some() { 300 } else { 30 };
        let decided_on = person.some_day(5, room);
        let from = add_days(decided_on, person.dice.between(0, 15));
        return (decided_on, from, add_days(add_months(from, length_months), -1));
    };
    (add_days(from, -person.dice.between(0, 15)), from, add_days(add_months(from, length_months), -1))
}

fn grant(
    person: &mut Person<'_>,
    class: &'static str,
    decided_on: NaiveDate,
    from: NaiveDate,
    to: impl Into<Option<NaiveDate>>,
    anchor: Option<String>,
) -> usize {
    if let Some(story) = person.story {
        let application_on = add_days(decided_on, -90);
        identity_changes::before_grant(story, &mut person.who, application_on, &mut person.dice);
    }
    let mut permit = person.draft(class, decided_on, from, to.into());
    if person.story == Some(Scenario::AdulthoodCrossed) {
        permit.application_on = add_days(decided_on, -90);
    }
    permit.anchor = anchor;
    person.grant(permit)
}

/// Life under a permit that ends.
fn reside(person: &mut Person<'_>, place: usize, from: NaiveDate, to: NaiveDate) {
    match person.story {
        Some(story) => {
            if story == Scenario::NumberMoved {
                let on = add_days(from, 2);
                let known = person.office(on);
                let number = person.who.coordination_number();
                person.post(on, known, super::register::Change::Assigned(number));
            }
            person.settle(from, to, true);
            plant(person, story, place, from.max(person.world.start), to.min(person.world.until));
        }
        None => {
            let last_day = prolong(person, place);
            let stays = last_day >= person.world.until;
            couples::settle_anchor(person, last_day, stays);
            person.settle(from, last_day, true);
            draw_benefits(person, from, last_day);
            journeys::travel(person, from, last_day);
            if !stays && person.died_at.is_none() && person.naturalised_at.is_none() {
                // A benefit for residents is due for a month that begins within seven days after the move.
                let gone_on = add_days(last_day, -person.dice.between(0, 6));
                leave(person, gone_on);
            }
        }
    }
}

fn plant(person: &mut Person<'_>, story: Scenario, place: usize, from: NaiveDate, to: NaiveDate) {
    match story.rule_id() {
        "permanent-permit-emigrated" => emigration::plant(person, story, place),
        "identity-changed" => identity_changes::plant(person, story, place, add_days(from, 90), add_days(to, -40)),
        _ => after_end::plant(person, story, place, from),
    }
}

/// Extensions, each applied for in time, until the person leaves or the permit becomes permanent; returns the last day in Sweden,
/// or the recording's last day.
fn prolong(person: &mut Person<'_>, place: usize) -> NaiveDate {
    let world = person.world;
    let class = person.permits[place].class;
    let mut extensions = 0;
    loop {
        let Some(to) = person.permits.last().and_then(|permit| permit.valid_to) else {
            return world.until;
        };
        if to >= world.until || !person.dice.permille(800) {
            return to.min(world.until);
        }
        let filed_on = add_days(to, -person.dice.between(10, 80));
        let decided_on = add_days(filed_on, person.dice.between(10, 120));
        let next_class = if extensions >= 1 && class != "PROT_TEMPORARY" { "PERMANENT" } else { class };
        if decided_on >= world.until {
            person.apply(next_class, None, filed_on, None);
            couples::extend_anchor(person, next_class == "PERMANENT", filed_on, None);
            return world.until;
        }
        person.apply(next_class, None, filed_on, Some((decided_on, "granted")));
        let from = add_days(to, 1);
        let next_to = (next_class != "PERMANENT").then(|| add_days(add_months(from, 24), -1));
        couples::extend_anchor(person, next_class == "PERMANENT", filed_on, Some((decided_on, from, next_to)));
        let mut permit = person.draft(next_class, decided_on, from, next_to);
        permit.application_on = filed_on;
        permit.anchor = (next_class != "PERMANENT").then(|| person.permits[place].anchor.clone()).flatten();
        permit.first_grant = false;
        person.grant(permit);
        extensions += 1;
    }
}

/// Life with a permanent permit: some become citizens, some die; returns the last day for other events.
fn live_on(person: &mut Person<'_>, from: NaiveDate) -> NaiveDate {
    let world = person.world;
    let years = i64::from(world.options.years);
    let (naturalised, died) = (40 * years, 4 * years);
    let on = person.some_day(90, 30);
    if person.dice.between(1, 1000) <= naturalised {
        let known = person.office_after(on, 1, 8);
        naturalise(person, on, known, false);
    } else if person.dice.between(1, 1000) <= died && on > from {
        let known = person.office_after(on, 1, 12);
        person.die(on, known);
        return add_days(on, -40);
    }
    world.until
}

fn draw_benefits(person: &mut Person<'_>, from: NaiveDate, last_day: NaiveDate) {
    let registered_on = add_days(from, 50);
    let amount_sek = CHILD_BENEFIT_SEK * person.dice.between(1, 3);
    if person.dice.permille(420) {
        person.pay_benefits(Benefit::Child, registered_on, last_day, amount_sek);
    }
    if person.dice.permille(120) {
        person.pay_benefits(Benefit::Housing, registered_on, last_day, 2_400);
    }
    if person.dice.permille(60) {
        let first = person.some_day(60, 100).max(registered_on);
        person.pay_benefits(Benefit::Unemployment, first, add_days(first, 200).min(last_day), 14_000);
    } else if person.dice.permille(50) {
        let first = person.some_day(60, 100).max(registered_on);
        person.pay_benefits(Benefit::StudentAid, first, add_days(first, 150).min(last_day), 11_900);
    }
}

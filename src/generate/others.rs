//! Which life a person lives; and the classes of permits that have few rules, whose holders are clean.

use super::calendar::{add_days, add_months, day_of, month_of};
use super::identity::{Identity, TESTED_COUNTRIES, WORKER_COUNTRIES};
use super::payments::Benefit;
use super::person::Person;
use super::scenes::leave;
use super::shares::{self, Cohort};
use super::truth::Kind;
use super::{journeys, residence, stories, study, work};

/// The small classes by weight, with length in months, salary of their own, and whether an employer is named.
#[derive(Clone, Copy)]
struct Small {
    class: &'static str,
    length_months: i32,
    salary_sek: i64,
    tied: bool,
}

const fn small(class: &'static str, length_months: i32, salary_sek: i64, tied: bool) -> Small {
    Small { class, length_months, salary_sek, tied }
}

const SMALL: &[(u32, Small)] = &[
    (18, small("BLUE_CARD", 24, 58_000, true)),
    (10, small("ICT", 24, 45_000, true)),
    (22, small("SEASONAL", 5, 26_000, true)),
    (12, small("RESEARCH", 24, 0, false)),
    (10, small("POST_STUDY", 12, 0, false)),
    (12, small("ASYLUM_APPLICANT", 14, 0, false)),
    (10, small("CITIZEN_EES_RIGHT", 60, 0, false)),
    (3, small("PROTECTED_CASE", 12, 0, false)),
    (3, small("HUMANITARIAN", 13, 0, false)),
];

pub(super) fn live(person: &mut Person<'_>) {
    let granted = shares::GRANTS_A_YEAR * u64::from(person.world.options.years);
    let standing = person.dice.below(shares::STOCK + granted) < shares::STOCK;
    let groups = if standing { shares::STANDING } else { shares::GRANTED };
    let group = person.dice.weighted(groups);
    match (stories::due(person), group) {
        (Some(story), _) => stories::live(person, story),
        (None, Cohort::Work) => work::live(person, standing),
        (None, Cohort::Study) => study::live(person, standing),
        (None, Cohort::Family) => residence::family(person, standing),
        (None, Cohort::Protection) => residence::protection(person, standing),
        (None, Cohort::Permanent) => residence::permanent(person),
        (None, Cohort::Other) => live_small(person, standing),
    }
    // A person whose story found no room in the recording is an applicant whose case stays open.
    if person.permits.is_empty() {
        live_small(person, standing);
    }
    tip_off(person);
}

fn live_small(person: &mut Person<'_>, standing: bool) {
    person.story = None;
    let kind = person.dice.weighted(SMALL);
    let countries = if kind.class == "ASYLUM_APPLICANT" { TESTED_COUNTRIES } else { WORKER_COUNTRIES };
    let country = person.dice.weighted(countries);
    let country = if kind.class == "CITIZEN_EES_RIGHT" { "POL" } else { country };
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, (20, 50), country);
    let world = person.world;
    let from = if standing { add_days(world.start, -person.dice.between(1, 100)) } else { person.some_day(10, 40) };
    let decided_on = add_days(from, -person.dice.between(0, 20));
    let to = add_days(add_months(from, kind.length_months), -1);
    let pending = kind.class == "ASYLUM_APPLICANT";
    let mut permit = person.draft(kind.class, decided_on, from, (!pending).then_some(to));
    permit.work_right = match (pending, kind.tied) {
        (true, _) => "none",
        (_, true) => "employer",
        _ => "any",
    };
    if kind.salary_sek > 0 {
        permit.offered_sek = Some(kind.salary_sek);
        permit.floor_sek = Some(kind.salary_sek * 80 / 100);
        permit.threshold_sek = (kind.class == "BLUE_CARD").then_some(49_875);
    }
    let place = person.grant(permit);
    let long_stay = kind.length_months >= 12 && !pending;
    person.settle(from, to, long_stay);
    if kind.tied {
        let payer = world.employers.draw(&mut person.dice);
        let known = person.permits[place].known;
        person.allow_employer(place, &payer, from, None, known);
        let begins = if standing { month_of(from) } else { add_days(from, 4) };
        let mut pays = person.employ(&payer, begins, to, kind.salary_sek);
        person.vary(&mut pays);
        person.declare_with_corrections(&pays);
    }
    if pending {
        person.pay_benefits(Benefit::Reception, from, to, 2_130);
        let closed_on = add_days(to, 5);
        let known = person.office(closed_on);
        person.amend(place, known, |permit| {
            permit.ended_on = Some(closed_on);
            permit.end_kind = Some("annulled");
        });
    }
    journeys::travel(person, from, to);
    if long_stay {
        let gone_on = add_days(to, -person.dice.between(0, 6));
        leave(person, gone_on);
    }
}

/// Tips from the public: rarely about anybody, more often if there is something to report.
fn tip_off(person: &mut Person<'_>) {
    if stories::due(person).is_some() {
        return;
    }
    let (share, allegation) = match person.story.map(|story| (story.rule_id(), story.kind())) {
        Some(("work-not-started", Kind::Breach)) => (120, "not_working"),
        Some(("employer-mismatch", Kind::Breach)) => (120, "other_employer"),
        Some(("protected-home-travel", Kind::Breach)) => (120, "home_country_travel"),
        Some((_, Kind::Trap)) => return,
        _ => (4, "other"),
    };
    let Some(first) = person.permits.first().map(|permit| day_of(permit.known)) else {
        return;
    };
    if !person.dice.permille(share) {
        return;
    }
    let on = add_days(first, person.dice.between(60, 400));
    person.tell_tip(allegation, on);
}

//! Stories of employers: ten of eleven permit holders never begin to work, or fewer, or there is a reason.
//!
//! The holders are one person and companions. For an employer nothing counts for longer than twelve months.

use chrono::NaiveDate;

use super::calendar::{add_days, add_months, agi_complete, day_of, instant, month_of};
use super::employers::{Payer, Story, employer_record};
use super::permits::salary_floor;
use super::person::Person;
use super::scenarios::Scenario::{self, *};
use super::scenes::{introduce, leave, own_employer};

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (22, 50));
    let from = person.some_day(25, 420);
    let payer = own_employer(person, 0);
    // Holders, and those of them who do not begin.
    let (holders, idle) = match story {
        ClusterSmall => (7, 6),
        ClusterFew => (9, 3),
        ClusterBankrupt => (9, 9),
        _ => (11, 10),
    };
    let fifth = add_months(month_of(from), 5);
    let known = agi_complete(fifth);
    if story == ClusterFew {
        // A sector in which this is common.
        person.tell_reference(employer_record(&payer, Story::sound("F"), 2, person.world.start_us));
    }
    if story == ClusterBankrupt {
        let on = add_days(from, 60);
        let told = person.office(add_days(on, 4));
        let bankrupt = Story { bankrupt_on: Some(on), ..Story::sound("J") };
        person.tell_reference(employer_record(&payer, bankrupt, 2, told));
    }
    for number in 1..holders {
        let mut other = person.companion(number, (22, 50), person.who.citizenship);
        other.story = Some(story);
        hold(&mut other, story, &payer, from, number < idle);
        person.companions.push(other);
    }
    hold(person, story, &payer, from, true);
    match story {
        ClusterOfBreaches => {
            let ended = instant(add_months(day_of(known), 12));
            person.breach_by(&payer, story, known, ended);
        }
        _ => person.trap_by(&payer, story, known),
    }
}

/// A work permit for the employer, and work or no work.
fn hold(person: &mut Person<'_>, story: Scenario, payer: &Payer, from: NaiveDate, idle: bool) {
    let decided_on = add_days(from, -person.dice.between(2, 15));
    let to = add_days(add_months(from, 24), -1);
    let mut permit = person.draft("WORK_EMP", decided_on, from, Some(to));
    let floor_sek = salary_floor(permit.application_on, true);
    permit.floor_sek = Some(floor_sek);
    permit.offered_sek = Some(floor_sek * 115 / 100);
    permit.tied_until = Some(to);
    permit.work_right = "employer";
    let place = person.grant(permit);
    let known = person.permits[place].known;
    person.allow_employer(place, payer, from, None, known);
    let gone_on = add_days(to, 5);
    person.settle(from, gone_on, true);
    leave(person, gone_on);
    let fourth = add_months(month_of(from), 4);
    let tiers = [(agi_complete(fourth), "weak"), (agi_complete(add_months(fourth, 1)), "strong")];
    if !idle {
        let begins = add_days(from, person.dice.between(2, 10));
        let pays = person.employ(payer, begins, to, floor_sek * 115 / 100);
        person.declare(&pays);
    } else if story == ClusterBankrupt {
        person.trap_of("work-not-started", story, place, tiers[0].0, None);
    } else {
        person.breach_of("work-not-started", story, place, &tiers, None);
    }
}

//! Stories of refugees whose permit is renewed: facts between the two permits, or known only after the decision.
//!
//! The status holds throughout. What the decision could weigh is settled by it. What it could not is held against the new permit,
//! and in the time between the two against the old one.

use super::calendar::{add_days, add_months};
use super::identity::{Identity, TESTED_COUNTRIES};
use super::journeys::{Journey, notice, tell_journey};
use super::passports::acquire;
use super::person::Person;
use super::scenarios::Scenario::{self, *};

pub(super) fn tells(story: Scenario) -> bool {
    matches!(
        story,
        HomeStayBetweenPermits
            | HomeStaySettled
            | HomeStayAfterRenewal
            | HomePassportAfterRenewal
            | NewCitizenshipAfterRenewal
    )
}

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    let tested = person.dice.weighted(TESTED_COUNTRIES);
    person.who = Identity::draw(&mut person.dice, person.index, person.world.start, (21, 55), tested);
    let from = person.some_day(25, 620);
    let to = add_days(add_months(from, 12), -1);
    let permit = person.draft("PROT_REFUGEE", add_days(from, -10), from, Some(to));
    let first = person.grant(permit);
    let known = person.permits[first].known;
    person.declare_status("refugee", tested, add_days(from, -10), None, known);
    let key = person.tell_document("RD", add_days(from, -10), 5, known);
    person.travel_document = Some(("RD", "SWE", key));
    let filed_on = add_days(to, -person.dice.between(20, 80));
    let decided_on = add_days(to, person.dice.between(35, 60));
    person.apply("PROT_REFUGEE", None, filed_on, Some((decided_on, "granted")));
    let mut permit = person.draft("PROT_REFUGEE", decided_on, decided_on, Some(add_months(decided_on, 24)));
    permit.application_on = filed_on;
    permit.first_grant = false;
    let second = person.grant(permit);
    person.settle(from, add_months(decided_on, 24), true);
    let days = person.dice.between(15, 25);
    match story {
        HomeStayBetweenPermits | HomeStayAfterRenewal => {
            let left_on = if story == HomeStayAfterRenewal { add_days(to, -60) } else { add_days(to, 5) };
            let told_after_days = Some((decided_on - left_on).num_days() + person.dice.between(5, 60));
            let (_, one, both) =
                tell_journey(person, Journey { told_after_days, ..Journey::to(tested, left_on, days) });
            person.breach(story, second, &[(one, "info"), (both, "medium")], None);
        }
        HomePassportAfterRenewal => {
            let on = add_days(to, -60);
            let told_at = person.office_after(decided_on, 5, 60);
            let document = format!("d{:016x}", person.dice.bits());
            let known = notice(person, ("entry", "LBN"), on, told_at, (tested, &document, Some(add_days(on, -30))));
            person.breach(story, second, &[(known, "medium")], None);
        }
        NewCitizenshipAfterRenewal => {
            let known = person.office_after(decided_on, 5, 40);
            acquire(person, add_days(to, -60), known);
            person.breach(story, second, &[(known, "medium")], None);
            person.breach_of("identity-changed", story, second, &[(known, "weak")], None);
        }
        _ => {
            let (_, one, both) = tell_journey(person, Journey::to(tested, add_days(from, 100), days));
            person.breach(story, first, &[(one, "info"), (both, "medium")], None);
        }
    }
}

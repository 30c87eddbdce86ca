//! The persons whom a family permit depends on: a citizen, or a researcher or worker with a permit of the same length.
//!
//! Both parties live at one address, and those who are married name each other in the register.

use std::sync::Arc;

use chrono::NaiveDate;

use super::calendar::add_days;
use super::permits::salary_floor;
use super::person::Person;
use super::register::Change;
use super::scenes::leave;

const ANCHOR_SALARY_SEK: i64 = 46_000;

/// A citizen to whom the person moves; returns the anchor's id. To be called before the permit is reported.
pub(super) fn join_citizen(person: &mut Person<'_>, from: NaiveDate, married: bool) -> String {
    let mut anchor = person.companion(0, (24, 58), "SWE");
    let before = from.min(person.world.start);
    let registered_on = add_days(before, -person.dice.between(400, 3_000));
    let known = anchor.office(add_days(registered_on, 5));
    let number = anchor.who.personal_number();
    anchor.post(registered_on, known, Change::Registered(number));
    live_together(person, &mut anchor, from, married);
    let id = anchor.id.to_string();
    person.companions.push(anchor);
    id
}

/// A researcher or worker whom the person accompanies, with a permit of their own for the same time.
pub(super) fn accompany(
    person: &mut Person<'_>,
    class: &'static str,
    (decided_on, from, to): (NaiveDate, NaiveDate, NaiveDate),
    married: bool,
) -> String {
    let mut anchor = person.companion(0, (26, 50), person.who.citizenship);
    anchor.story = person.story;
    let mut permit = anchor.draft(class, decided_on, from, Some(to));
    let floor_sek = salary_floor(permit.application_on, true);
    if class == "WORK_EMP" {
        permit.floor_sek = Some(floor_sek);
        permit.offered_sek = Some(ANCHOR_SALARY_SEK);
        permit.work_right = "employer";
    }
    let place = anchor.grant(permit);
    let registered_on = add_days(from, anchor.dice.between(8, 30));
    let known = anchor.office(add_days(registered_on, 6));
    let number = anchor.who.personal_number();
    anchor.post(registered_on, known, Change::Registered(number.clone()));
    anchor.link_number(&number, "personal", registered_on, known);
    if class == "WORK_EMP" {
        let payer = anchor.world.employers.draw(&mut anchor.dice);
        let known = anchor.permits[place].known;
        anchor.allow_employer(place, &payer, from, None, known);
        anchor.employer = Some(payer);
    }
    live_together(person, &mut anchor, from, married);
    let id = anchor.id.to_string();
    person.companions.push(anchor);
    id
}

fn live_together<'w>(person: &mut Person<'w>, anchor: &mut Person<'w>, from: NaiveDate, married: bool) {
    let home = person.dice.bits();
    (person.home, anchor.home) = (Some(home), Some(home));
    if married {
        let on = add_days(from, -person.dice.between(200, 390));
        person.wed = Some((Arc::clone(&anchor.id), on));
        anchor.wed = Some((Arc::clone(&person.id), on));
    }
}

/// The anchor extends as the person does; `decided` is `None` while the application is pending.
pub(super) fn extend_anchor(
    person: &mut Person<'_>,
    permanent: bool,
    filed_on: NaiveDate,
    decided: Option<(NaiveDate, NaiveDate, Option<NaiveDate>)>,
) {
    let Some(anchor) = person.companions.first_mut() else { return };
    let Some(class) = anchor.permits.last().map(|permit| permit.class) else { return };
    let next_class = if permanent { "PERMANENT" } else { class };
    let payer = anchor.employer.clone();
    let outcome = decided.map(|(on, ..)| (on, "granted"));
    anchor.apply(next_class, payer.as_ref(), filed_on, outcome);
    let Some((decided_on, from, to)) = decided else { return };
    let mut permit = anchor.draft(next_class, decided_on, from, to);
    permit.application_on = filed_on;
    permit.first_grant = false;
    if next_class == "WORK_EMP" {
        permit.floor_sek = Some(salary_floor(filed_on, false));
        permit.offered_sek = Some(ANCHOR_SALARY_SEK);
        permit.work_right = "occupation";
    }
    let place = anchor.grant(permit);
    if let (Some(payer), "WORK_EMP") = (payer, next_class) {
        let known = anchor.permits[place].known;
        anchor.allow_employer(place, &payer, from, None, known);
    }
}

/// Work and departure of an anchor with a permit, once it is known how long the two stay.
pub(super) fn settle_anchor(person: &mut Person<'_>, last_day: NaiveDate, stays: bool) {
    let Some(anchor) = person.companions.first_mut() else { return };
    let Some(from) = anchor.permits.first().map(|permit| permit.valid_from) else { return };
    if let Some(payer) = anchor.employer.clone() {
        let mut pays = anchor.employ(&payer, add_days(from, 4), last_day, ANCHOR_SALARY_SEK);
        anchor.vary(&mut pays);
        anchor.declare_with_corrections(&pays);
    }
    if !stays {
        leave(anchor, add_days(last_day, 3));
    }
}

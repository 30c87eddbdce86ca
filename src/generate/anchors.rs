//! Stories of anchors who lose their permit, or leave: the permit that depends on theirs is examined.

use chrono::NaiveDate;

use super::calendar::{DAY_US, add_days, add_months, day_of, instant};
use super::couples;
use super::emigration::naturalise;
use super::identity::Identity;
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario::{self, *};
use super::scenes::introduce;

/// How long after the end of the old permit a new one is awaited.
const WAIT_DAYS: i64 = 31;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (22, 50));
    let from = person.some_day(25, 440);
    let to = add_days(add_months(from, 24), -1);
    let citizen = matches!(story, AnchorEmigrates | AnchorDies);
    // An anchor's permit may end before the one that depends on it.
    let ends = matches!(story, AnchorExpires | AnchorAppliesInTime | AnchorExtends | AnchorNaturalised | AnchorRefused);
    let anchor_to = if ends { add_days(add_months(from, 12), -1) } else { to };
    if story == AnchorOfMinorRevoked {
        person.who = Identity::draw(&mut person.dice, person.index, person.world.start, (2, 9), person.who.citizenship);
    }
    let anchor = if citizen {
        couples::join_citizen(person, from, false)
    } else {
        couples::accompany(person, "RESEARCH", (add_days(from, -20), from, anchor_to), false)
    };
    let class = if citizen { "FAMILY_SPOUSE" } else { "DEPENDANT" };
    let mut permit = person.draft(class, add_days(from, -8), from, Some(to));
    permit.anchor = Some(anchor);
    let place = person.grant(permit);
    person.settle(from, add_days(from, 40), true);
    let on = add_days(from, person.dice.between(130, 280));
    let known = person.office_after(on, 2, 9);
    match story {
        AnchorRevoked | AnchorOfMinorRevoked | AnchorInhibited | DependantHasOwn => {
            revoked(person, story, place, on, known);
        }
        AnchorEmigrates | AnchorMovesWithPermit | AnchorReturns => moved(person, story, place, on, known),
        AnchorDies => {
            if let Some(anchor) = person.companions.first_mut() {
                anchor.die(on, known);
            }
            person.breach(story, place, &[(known, "medium")], None);
        }
        _ => expired(person, story, place, anchor_to),
    }
}

fn revoked(person: &mut Person<'_>, story: Scenario, place: usize, on: NaiveDate, known: i64) {
    let inhibited = (story == AnchorInhibited).then_some(true);
    if let Some(anchor) = person.companions.first_mut() {
        anchor.amend(0, known, |permit| {
            permit.revoked_on = Some(add_days(on, -40));
            permit.revoked_served_on = Some(add_days(on, -30));
            permit.revoked_final_on = Some(on);
            permit.inhibited = inhibited;
            if inhibited.is_none() {
                permit.ended_on = Some(on);
                permit.end_kind = Some("revoked");
            }
        });
        if inhibited.is_none() {
            // The anchor leaves in time.
            let left_on = add_days(on, 20);
            let told = anchor.office(add_days(left_on, 2));
            anchor.emigrate(left_on, ("IND", false), told);
        }
    }
    if story == DependantHasOwn {
        // The person gets a permit of their own before that, which depends on nobody.
        let from = add_days(on, -60);
        let permit = person.draft("SELF_EMP", add_days(from, -10), from, Some(add_months(from, 24)));
        person.grant(permit);
    }
    let counted = known.max(instant(add_days(on, 1)));
    match story {
        AnchorRevoked => person.breach(story, place, &[(counted, "medium")], None),
        _ => person.trap(story, place, counted, None),
    }
}

fn moved(person: &mut Person<'_>, story: Scenario, place: usize, on: NaiveDate, known: i64) {
    let back = known + person.dice.between(30, 120) * DAY_US;
    let end = (story == AnchorReturns).then_some(back);
    if let Some(anchor) = person.companions.first_mut() {
        anchor.emigrate(on, ("IND", false), known);
        if end.is_some() {
            anchor.post(day_of(back - 3 * DAY_US), back, Change::RegisteredAgain);
        }
        if !anchor.permits.is_empty() {
            anchor.breach_of("temporary-permit-deregistered", story, 0, &[(known, "medium")], end);
        }
    }
    person.breach(story, place, &[(known, "medium")], end);
}

/// The anchor's permit runs out before the one that depends on it.
fn expired(person: &mut Person<'_>, story: Scenario, place: usize, to: NaiveDate) {
    let known = instant(add_days(to, WAIT_DAYS + 1));
    let Some(anchor) = person.companions.first_mut() else { return };
    let filed_on = add_days(to, -30);
    match story {
        AnchorExpires => {}
        AnchorAppliesInTime => {
            anchor.apply("RESEARCH", None, filed_on, None);
        }
        AnchorRefused => {
            let refused_on = add_days(to, 60);
            anchor.apply("RESEARCH", None, filed_on, Some((refused_on, "refused")));
            let known = anchor.office(refused_on).max(instant(add_days(refused_on, WAIT_DAYS + 1)));
            return person.breach(story, place, &[(known, "medium")], None);
        }
        AnchorExtends => {
            let decided_on = add_days(to, -5);
            anchor.apply("RESEARCH", None, filed_on, Some((decided_on, "granted")));
            let mut permit = anchor.draft("RESEARCH", decided_on, add_days(to, 1), Some(add_months(to, 24)));
            permit.first_grant = false;
            anchor.grant(permit);
        }
        _ => {
            let on = add_days(to, -50);
            let told = anchor.office(add_days(on, 3));
            naturalise(anchor, on, told, false);
        }
    }
    if story == AnchorExpires {
        person.breach(story, place, &[(known, "medium")], None);
    } else {
        person.trap(story, place, known, None);
    }
}

//! Stories of revoked permits: a decision that is not served within 30 days, or a person who is still registered 28 days after it
//! became final. Both are for follow-up: only if some record shows where the person can be found do they become more severe, after
//! 60 and 90 days.

use super::calendar::{add_days, add_months, instant};
use super::person::Person;
use super::register::Change;
use super::scenarios::Scenario::{self, *};
use super::scenes::{first_permit, introduce};

const SERVE_DAYS: i64 = 30;
const LEAVE_DAYS: i64 = 28;

pub(super) fn live(person: &mut Person<'_>, story: Scenario) {
    introduce(person, (22, 55));
    let from = person.some_day(25, 420);
    let class = person.dice.pick(&["HUMANITARIAN", "SELF_EMP", "RESEARCH"]);
    let place = first_permit(person, class, from, 24, |_| {});
    person.settle(from, add_days(from, 30), true);
    let revoked_on = add_days(from, person.dice.between(120, 260));
    let decided_at = person.office(add_days(revoked_on, 1));
    person.amend(place, decided_at, |permit| permit.revoked_on = Some(revoked_on));
    let unserved_at = instant(add_days(revoked_on, SERVE_DAYS + 1));
    if story == RevocationUnserved {
        return person.breach(story, place, &[(unserved_at, "info")], None);
    }
    if story == RevocationReachable {
        let moved_on = add_days(revoked_on, 45);
        let known = person.office_after(moved_on, 1, 40);
        person.post(moved_on, known, Change::Moved(None));
        let pressing = |days: i64| instant(add_days(revoked_on, days + 1)).max(known);
        return person.breach(
            story,
            place,
            &[(unserved_at, "info"), (pressing(60), "weak"), (pressing(90), "medium")],
            None,
        );
    }
    let served_on = add_days(revoked_on, if story == RevocationServedLate { 75 } else { 26 });
    let served_at = person.office(add_days(served_on, 1));
    person.amend(place, served_at, |permit| permit.revoked_served_on = Some(served_on));
    let final_on = add_days(served_on, 22);
    let final_at = person.office(add_days(final_on, 2));
    let inhibited = (story == RevocationInhibited).then_some(true);
    if story == RevokedWithNewPermit {
        let begins = add_days(final_on, 6);
        let permit = person.draft("SELF_EMP", add_days(final_on, 3), begins, Some(add_months(begins, 24)));
        person.grant(permit);
    }
    person.amend(place, final_at, |permit| {
        permit.revoked_final_on = Some(final_on);
        permit.inhibited = inhibited;
        if inhibited.is_none() {
            permit.ended_on = Some(final_on);
            permit.end_kind = Some("revoked");
        }
    });
    if matches!(story, RevocationServedLate | RevokedLeftInTime) {
        let left_on = add_days(final_on, 15);
        let known = person.office(add_days(left_on, 3));
        person.emigrate(left_on, ("IND", false), known);
    }
    let stayed_at = instant(add_days(final_on, LEAVE_DAYS + 1)).max(final_at);
    match story {
        RevocationServedLate => person.breach(story, place, &[(unserved_at, "info")], Some(served_at)),
        RevokedStillHere => person.breach(story, place, &[(stayed_at, "info")], None),
        _ => person.trap(story, place, stayed_at, None),
    }
}

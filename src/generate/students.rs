//! What students have in common: a permit for some autumns, terms, registrations and results.

use chrono::{Datelike, NaiveDate};

use super::Value;
use super::calendar::{Term, add_days, instant, ymd};
use super::person::{Fact, Person};
use super::rows;
use super::scenes::leave;
use crate::model::schema::TableId;

/// A student who comes for some autumns: the permit, the school and the terms; `None` if the recording has no room for an autumn.
pub(super) fn student(person: &mut Person<'_>, years: i32) -> Option<(usize, String, Vec<Term>)> {
    let world = person.world;
    let last = add_days(world.until, if years > 1 { -480 } else { -330 });
    let autumns: Vec<&Term> = world
        .terms
        .iter()
        .filter(|term| term.autumn && add_days(term.starts_on, -100) > world.start && term.starts_on < last)
        .collect();
    let term = autumns.get(person.dice.below(autumns.len().max(1) as u64) as usize)?;
    let valid_from = add_days(term.starts_on, -person.dice.between(4, 25));
    let decided_on = add_days(valid_from, -person.dice.between(24, 60));
    let valid_to = add_days(ymd(valid_from.year() + years, 6, 15), person.dice.between(0, 55));
    let school = world.institution(person.dice.bits());
    let mut permit = person.draft("STUDY_HE", decided_on, valid_from, Some(valid_to));
    permit.institution = Some(school.clone());
    let place = person.grant(permit);
    let due: Vec<Term> = world.terms_between(valid_from, valid_to).cloned().collect();
    if person.story.is_none_or(|story| story.rule_id() != "no-arrival-after-grant") {
        let gone_on = add_days(valid_to, person.dice.between(1, 14));
        person.settle(add_days(valid_from, 2), gone_on, true);
        if valid_to < world.until {
            leave(person, gone_on);
        }
    }
    Some((place, school, due))
}

/// A regular term: registered about its start, results by its end. Returns when the registration is known.
pub(super) fn study_term(person: &mut Person<'_>, term: &Term, school: &str, valid_from: NaiveDate) -> i64 {
    let start = term.starts_on.max(valid_from);
    let on = add_days(start, person.dice.between(-4, 16)).max(valid_from);
    let known = person.office_after(on, 0, 4);
    let kind = if person.dice.permille(80) { "re_registered" } else { "registered" };
    if term.starts_on < valid_from {
        // The term had begun before the permit: the student registered then, which the first load reports.
        let before = add_days(term.starts_on, person.dice.between(-4, 16));
        register(person, kind, term, school, before, known.min(instant(before)));
    } else {
        register(person, kind, term, school, on, known);
    }
    let registered_at = known;
    for part in 1..=2 {
        let on = add_days(term.starts_on, 68 * part);
        let known = person.office_after(on, 3, 30);
        person.tell_study("result", school, (on, Some(term.starts_on), Some(term.ends_on)), 150, known);
    }
    registered_at
}

pub(super) fn register(
    person: &mut Person<'_>,
    kind: &'static str,
    term: &Term,
    school: &str,
    on: NaiveDate,
    known: i64,
) -> (String, i64) {
    person.tell_study(kind, school, (on, Some(term.starts_on), Some(term.ends_on)), 300, known)
}

impl Person<'_> {
    /// A study event on the first of `days`, about the period from the second to the third; returns its key and event time.
    pub(super) fn tell_study(
        &mut self,
        kind: &'static str,
        school: &str,
        days: (NaiveDate, Option<NaiveDate>, Option<NaiveDate>),
        credits_tenths: i64,
        known: i64,
    ) -> (String, i64) {
        let (on, from, to) = days;
        let level = if kind == "doctoral_employment" { "doctoral" } else { "second" };
        let values = vec![
            Value::Code(kind),
            rows::text(school),
            Value::Code(level),
            rows::day(on),
            rows::maybe_day(from),
            rows::maybe_day(to),
            if credits_tenths > 0 { Value::Int(credits_tenths) } else { Value::Null },
        ];
        let key = format!("study:{}", self.number());
        let event = instant(on);
        self.tell(Fact::new(TableId::Studies, key.clone(), event, known, "ladok", values));
        (key, event)
    }
}

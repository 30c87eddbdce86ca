//! Journeys that the police or a mission reported, and the stories of protected persons who travel home.
//!
//! A stay is confirmed when both its ends are documented; it is known when the later of the two notices is.

use chrono::NaiveDate;

use super::Value;
use super::calendar::{DAY_US, add_days, add_months, instant};
use super::identity::TRAVEL_COUNTRIES;
use super::person::{Fact, Person};
use super::register::Change;
use super::rows;
use super::scenarios::Scenario;
use super::shares;
use crate::model::schema::TableId;

/// One journey to a country.
#[derive(Clone, Copy)]
pub(super) struct Journey {
    pub(super) country: &'static str,
    pub(super) left_on: NaiveDate,
    pub(super) back_on: NaiveDate,
    pub(super) transit: bool,
    pub(super) doc_seen: bool,
    /// Days after the return until both notices come; `None`: each within five days.
    pub(super) told_after_days: Option<i64>,
}

impl Journey {
    pub(super) fn to(country: &'static str, left_on: NaiveDate, days: i64) -> Journey {
        Journey {
            country,
            left_on,
            back_on: add_days(left_on, days),
            transit: false,
            doc_seen: true,
            told_after_days: None,
        }
    }
}

/// Neutral journeys, to countries that nobody's protection was tested against.
pub(super) fn travel(person: &mut Person<'_>, from: NaiveDate, to: NaiveDate) {
    let from = add_days(from.max(person.world.start), 60);
    let days = (to.min(person.world.until) - from).num_days() - 40;
    if days <= 0 {
        return;
    }
    let mut expected = days * shares::JOURNEYS_PER_100_YEARS;
    while expected > 0 {
        if person.dice.between(1, 36_500) <= expected.min(36_500) {
            let country = person.dice.weighted(TRAVEL_COUNTRIES);
            let left_on = add_days(from, person.dice.between(0, days));
            let length = person.dice.between(4, 30);
            tell_journey(person, Journey::to(country, left_on, length));
        }
        expected -= 36_500;
    }
}

/// Reports a journey's exit and entry; returns the notices' keys, when the first of them is known and when both are.
pub(super) fn tell_journey(person: &mut Person<'_>, journey: Journey) -> ([String; 2], i64, i64) {
    let known = [("exit", journey.left_on), ("entry", journey.back_on)].map(|leg| tell_leg(person, journey, leg));
    let [(left, left_at), (back, back_at)] = known;
    ([left, back], left_at.min(back_at), left_at.max(back_at))
}

/// One end of a journey: its notice's key and when it is known.
fn tell_leg(person: &mut Person<'_>, journey: Journey, (direction, on): (&'static str, NaiveDate)) -> (String, i64) {
    let told_on = match journey.told_after_days {
        Some(days) => add_days(journey.back_on, days),
        None => add_days(on, person.dice.between(0, 5)),
    };
    let known = person.office(told_on);
    let key = format!("border:{}", person.number());
    let (kind, issuer, document) = match &person.travel_document {
        Some((kind, issuer, document)) => (*kind, *issuer, document.clone()),
        None => ("P", person.who.citizenship, person.passport.clone()),
    };
    let values = vec![
        Value::Code(direction),
        Value::Code(journey.country),
        Value::Flag(journey.transit),
        rows::day(on),
        Value::Code(kind),
        Value::Code(issuer),
        rows::text(&document),
        rows::maybe_day(person.passport_issued.filter(|_| kind == "P")),
        Value::Flag(journey.doc_seen),
    ];
    let source = if journey.told_after_days.is_some() { "mission" } else { "police" };
    let fact = Fact::new(TableId::Border, key.clone(), instant(on), known, source, values);
    (key, person.tell(fact))
}

/// An entry alone, as the border police tells it.
pub(super) fn enter(person: &mut Person<'_>, on: NaiveDate, known: i64) {
    let document = person.passport.clone();
    let country = person.who.citizenship;
    notice(person, ("entry", country), on, known, (country, &document, None));
}

/// A notice of a passport: which way and country, and the passport's issuer, key and day of issue.
pub(super) fn notice(
    person: &mut Person<'_>,
    (direction, country): (&'static str, &'static str),
    on: NaiveDate,
    known: i64,
    (issuer, document, issued_on): (&'static str, &str, Option<NaiveDate>),
) -> i64 {
    let values = vec![
        Value::Code(direction),
        Value::Code(country),
        Value::Flag(false),
        rows::day(on),
        Value::Code("P"),
        Value::Code(issuer),
        rows::text(document),
        rows::maybe_day(issued_on),
        Value::Flag(true),
    ];
    let key = format!("border:{}", person.number());
    person.tell(Fact::new(TableId::Border, key, instant(on), known, "police", values))
}

/// The facts that a story of home travel needs.
pub(super) struct Home {
    pub(super) place: usize,
    pub(super) tested: &'static str,
    pub(super) refugee: bool,
    /// A day from which the story may begin, and the last day of the permit.
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
}

pub(super) fn plant(person: &mut Person<'_>, story: Scenario, home: &Home) {
    let room = (home.to - home.from).num_days() - 60;
    let start = add_days(home.from, person.dice.between(45, (room / 3).max(46)));
    let place = home.place;
    match story {
        Scenario::ShortHomeStay | Scenario::HomeStayKnownLate | Scenario::HomeStayRetracted => {
            let mut journey = Journey::to(home.tested, start, person.dice.between(4, 13));
            if story == Scenario::HomeStayKnownLate {
                journey.told_after_days = Some(person.dice.between(70, 200));
            }
            let (keys, first, known) = tell_journey(person, journey);
            if story == Scenario::HomeStayRetracted {
                let taken_back = known + person.dice.between(20, 90) * DAY_US;
                for (key, on) in keys.into_iter().zip([journey.left_on, journey.back_on]) {
                    person.retract(TableId::Border, key, 2, instant(on), taken_back, "police");
                }
                person.breach(story, place, &[(first, "info"), (known, "weak")], Some(taken_back));
            } else {
                person.breach(story, place, &[(first, "info"), (known, "weak")], None);
            }
        }
        Scenario::LongHomeStay => {
            let length = person.dice.between(14, 60);
            let (_, first, known) = tell_journey(person, Journey::to(home.tested, start, length));
            person.breach(story, place, &[(first, "info"), (known, "medium")], None);
        }
        Scenario::RepeatedHomeStays => {
            let (_, first, back) = tell_journey(person, Journey::to(home.tested, start, 9));
            let again = add_days(start, person.dice.between(60, 200));
            let (_, _, second) = tell_journey(person, Journey::to(home.tested, again, 7));
            person.breach(story, place, &[(first, "info"), (back, "weak"), (second, "medium")], None);
        }
        Scenario::HomeNinetyDays => {
            let top = if home.refugee { "strong" } else { "medium" };
            let [first, .., last] =
                [0, 1, 2, 3].map(|trip| tell_journey(person, Journey::to(home.tested, add_days(start, trip * 45), 26)));
            person.breach(story, place, &[(first.1, "info"), (first.2, "medium"), (last.2, top)], None);
        }
        // Nobody reports the return: until the next address in Sweden each day makes the stay longer, at one tier less.
        Scenario::ReturnUnseen => {
            let top = if home.refugee { "medium" } else { "weak" };
            let (_, known) = tell_leg(person, Journey::to(home.tested, start, 0), ("exit", start));
            let back_on = person.next_address_after(start);
            let stayed = |days, tier| {
                let on = add_days(start, days);
                back_on.is_none_or(|back_on| back_on >= on).then_some((known.max(instant(on)), tier))
            };
            let tiers: Vec<_> =
                [Some((known, "info")), stayed(14, "weak"), stayed(90, top)].into_iter().flatten().collect();
            person.breach(story, place, &tiers, None);
        }
        Scenario::ReturnByAnotherWay => {
            let length = person.dice.between(14, 60);
            let away = Journey::to(home.tested, start, length);
            let (_, first) = tell_leg(person, away, ("exit", start));
            let (_, back) = tell_leg(person, Journey { country: "TUR", ..away }, ("entry", away.back_on));
            person.breach(story, place, &[(first.min(back), "info"), (first.max(back), "medium")], None);
        }
        Scenario::SettledHome => {
            let known = person.office(add_days(start, 6));
            let top = if home.refugee { "strong" } else { "medium" };
            person.emigrate(start, (home.tested, false), known);
            person.breach(story, place, &[(known, top)], None);
            person.breach_of("temporary-permit-deregistered", story, place, &[(known, "medium")], None);
        }
        _ => innocent_journey(person, story, home, start),
    }
}

fn innocent_journey(person: &mut Person<'_>, story: Scenario, home: &Home, start: NaiveDate) {
    let length = person.dice.between(15, 40);
    let mut journey = Journey::to(home.tested, start, length);
    let mut max_severity = None;
    match story {
        Scenario::ThirdCountry => journey.country = "LBN",
        Scenario::CitizenshipCountry => journey.country = person.who.citizenship,
        Scenario::TransitOnly => {
            journey = Journey { transit: true, back_on: add_days(start, 1), ..journey };
            max_severity = Some("info");
        }
        // Reported in advance, and called off before the day.
        Scenario::MoveCalledOff => {
            let known = person.office(add_days(start, -30));
            person.emigrate(start, (home.tested, false), known);
            let called_off = person.office(add_days(start, -10));
            person.post_as("correct", add_days(start, -10), called_off, Change::RegisteredAgain);
            return person.trap(story, home.place, known, None);
        }
        Scenario::UndocumentedStay => {
            journey = Journey { doc_seen: false, back_on: add_days(start, 8), ..journey };
            max_severity = Some("info");
        }
        Scenario::ExcusedVisit => {
            let on = start;
            let told_on = add_days(on, -person.dice.between(1, 20));
            let known = person.office(told_on);
            let values = vec![
                Value::Code("home_visit_excused"),
                Value::Null,
                rows::day(on),
                Value::Null,
                Value::Null,
                Value::Code(home.tested),
            ];
            let key = format!("notice:{}", person.number());
            person.tell(Fact::new(TableId::Notices, key, instant(told_on), known, "mv", values));
            // A reason lowers the matter to a note; it does not undo the journey.
            max_severity = Some("info");
        }
        // The journey was reported after the grant, and made before the status was declared.
        Scenario::BeforeDeclaration => {
            let declared_on = person.permits[home.place].decided_on;
            let left_on = add_days(declared_on, -person.dice.between(60, 90));
            journey = Journey { told_after_days: Some(120), ..Journey::to(home.tested, left_on, 20) };
        }
        _ => {}
    }
    if person.permits[home.place].class == "PROT_TEMPORARY" && max_severity.is_none() {
        max_severity = Some("info");
    }
    let (_, first, _) = tell_journey(person, journey);
    person.trap(story, home.place, first, max_severity);
}

/// A day in the permit's first months on which a status ends, before any journey of the story.
pub(super) fn status_end(home_from: NaiveDate) -> NaiveDate {
    add_months(home_from, 1).pred_opt().unwrap_or(home_from)
}

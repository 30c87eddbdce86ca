//! Permits in a row: renewed in time or not, with and without a gap, refused, revoked; and the days at which that matters.

use crate::calendar::{At, Day};
use crate::facts::{Code, Op, Permit};
use crate::people::{Maker, application, permit};

/// A person's permits as they were granted.
pub struct Chain {
    pub person: usize,
    pub links: Vec<Link>,
    /// Days near which what happens may be judged otherwise.
    pub turns: Vec<Day>,
}

#[derive(Clone)]
pub struct Link {
    pub permit: Permit,
    pub known: At,
}

impl Chain {
    pub fn first(&self) -> &Permit {
        &self.links[0].permit
    }

    pub fn from(&self) -> Day {
        self.first().valid_from
    }

    /// A day at, or a little beside, one at which something turns; or any.
    pub fn day(&self, m: &mut Maker) -> Day {
        match m.dice.below(3) {
            0 => self.any(m),
            _ => m.dice.pick(&self.turns) + m.dice.near(),
        }
    }

    /// Any day from half a year before the first permit to half a year after the last.
    pub fn any(&self, m: &mut Maker) -> Day {
        let last = self.links.last().and_then(|link| link.permit.valid_to).unwrap_or(self.from() + 700);
        self.from() + m.dice.between(-100, last - self.from() + 150)
    }
}

/// What becomes of the first permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    Alone,
    /// The next begins the day after.
    Seamless,
    /// Applied for in time, decided months after the end.
    Gap,
    /// Applied for in time, refused.
    Refused,
    /// Applied for in time, undecided.
    Pending,
    /// Applied for after the end.
    TooLate,
    Revoked,
}

pub const COURSES: &[Course] = &[
    Course::Alone,
    Course::Alone,
    Course::Seamless,
    Course::Seamless,
    Course::Gap,
    Course::Gap,
    Course::Refused,
    Course::Pending,
    Course::TooLate,
    Course::Revoked,
];

/// Writes a chain of permits that `fill` completes.
pub fn chain(m: &mut Maker, class: Code, months: i32, course: Course, fill: impl Fn(&mut Permit)) -> Chain {
    let person = m.person();
    chain_of(m, person, class, months, course, fill)
}

pub fn chain_of(
    m: &mut Maker,
    person: usize,
    class: Code,
    months: i32,
    course: Course,
    fill: impl Fn(&mut Permit),
) -> Chain {
    let from = m.dice.first_day();
    let to = from.add_months(months) - 1;
    let id = m.permit_id();
    let mut first = permit(&id, class, from, Some(to));
    let decided = from - m.dice.pick(&[30, 1, 60]);
    first.decided_on = Some(decided);
    first.application_on = Some(decided - 60);
    fill(&mut first);
    let known = (decided + 1).at_hour(6);
    m.add(person, known, first.clone());
    let mut turns = vec![from, to];
    let mut links = vec![Link { permit: first.clone(), known }];
    match course {
        Course::Alone => {}
        Course::Seamless | Course::Gap | Course::TooLate => {
            let filed = match course {
                Course::TooLate => to + m.dice.pick(&[1, 2, 40]),
                _ => to - m.dice.pick(&[0, 1, 45, 100]),
            };
            let (decided, next_from) = match course {
                Course::Seamless => (filed.max(to - m.dice.pick(&[0, 10, 30])), to + 1),
                _ => {
                    let decided = filed.max(to) + m.dice.pick(&[1, 3, 70, 160]);
                    (decided, decided + m.dice.pick(&[0, 0, 1]))
                }
            };
            let next_to = next_from.add_months(months.max(12)) - 1;
            let id = m.permit_id();
            let mut next = permit(&id, class, next_from, Some(next_to));
            next.first_grant = Some(false);
            next.decided_on = Some(decided);
            next.application_on = Some(filed);
            fill(&mut next);
            if m.dice.one_in(2) || course == Course::Gap {
                write_application(m, person, class, filed, Some((decided, "granted")));
            }
            let known = (decided + m.dice.pick(&[0, 1, 3])).at_hour(6);
            m.add(person, known, next.clone());
            turns.extend([filed, decided, next_from, next_to, next_to - 60]);
            links.push(Link { permit: next, known });
        }
        Course::Refused => {
            let filed = to - m.dice.pick(&[0, 1, 45]);
            let decided = filed + m.dice.pick(&[20, 46, 120, 200]);
            let outcome = m.dice.pick(&["refused", "withdrawn"]);
            write_application(m, person, class, filed, Some((decided, outcome)));
            turns.extend([filed, decided]);
        }
        Course::Pending => {
            let filed = to - m.dice.pick(&[0, 1, 45]);
            write_application(m, person, class, filed, None);
            turns.push(filed);
        }
        Course::Revoked => {
            let revoked = from + m.dice.between(60, (to - from - 10).max(61));
            let known = (revoked + 1).at_hour(6);
            // Final before the permit would have ended.
            let final_on = (revoked + m.dice.pick(&[21, 60])).min(to);
            let mut ended = first.clone();
            ended.ended_on = Some(final_on);
            ended.end_kind = Some("revoked");
            ended.revoked_on = Some(revoked);
            ended.revoked_served_on = Some(revoked + 3);
            ended.revoked_final_on = Some(final_on);
            m.write(person, &id, known, Op::Upsert, ended);
            turns.extend([revoked, final_on]);
        }
    }
    turns.push(to - 60);
    Chain { person, links, turns }
}

/// An application, and, where it was decided, the later version that says so.
pub fn write_application(m: &mut Maker, person: usize, class: Code, filed: Day, decided: Option<(Day, Code)>) {
    let key = m.add(person, (filed + 1).at_hour(7), application(class, filed));
    if let Some((on, outcome)) = decided {
        let mut version = application(class, filed);
        version.decided_on = Some(on);
        version.outcome = Some(outcome);
        m.write(person, &key, (on + 1).at_hour(5), Op::Upsert, version);
    }
}

/// When something that is true on a day becomes known: as a rule soon, at times much later, or ahead.
pub fn known(m: &mut Maker, on: Day, ahead: i32) -> At {
    let after = m.dice.pick(&[0, 1, 1, 2, 30, 80, 200, -1, -20]);
    (on + after.max(-ahead)).at_hour(m.dice.pick(&[0, 9]))
}

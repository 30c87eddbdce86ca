//! Which permit holds on a day, which one carries an alert, what a renewal settles; and whom nobody is told about.
//!
//! Permits of one person that follow one another are an *unbroken right* when the next was applied for while the one before held,
//! or begins on the day after it at the latest. The time between the two belongs to the right, and there the old permit carries.

use crate::calendar::{At, Day};
use crate::facts::{Application, Permit, PersonKnown, Post, Seen, earlier};

/// A granted permit, not annulled, with its place in a right.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Place in `PersonKnown::permits`.
    pub permit: usize,
    pub valid_from: Day,
    /// The last day on which the permit itself holds; null is open.
    pub held_until: Option<Day>,
    /// The last day on which alerts stand on it; null is open.
    pub carries_until: Option<Day>,
    pub right_from: Day,
    pub right_until: Option<Day>,
    pub first_of_right: bool,
    /// The number of its right.
    pub right: usize,
    pub decided_on: Option<Day>,
}

impl Holding {
    pub fn holds(&self, day: Day) -> bool {
        self.valid_from <= day && self.held_until.is_none_or(|until| day <= until)
    }

    pub fn carries(&self, day: Day) -> bool {
        self.valid_from <= day && self.carries_until.is_none_or(|until| day <= until)
    }

    pub fn right_covers(&self, day: Day) -> bool {
        self.right_from <= day && self.right_until.is_none_or(|until| day <= until)
    }

    /// Whether the decision on this renewal could weigh a fact that first became known then: it raises nothing here.
    pub fn settles(&self, known: At) -> bool {
        !self.first_of_right && self.decided_on.is_some_and(|decided| known.day() <= decided)
    }

    /// The same for an event of a day: one that was told ahead had not happened yet, and "counts from its day".
    pub fn settles_event(&self, on: Day, known: At) -> bool {
        self.settles(known.max(on.start()))
    }
}

/// The granted permits in the order of their first days.
pub fn holdings(p: &PersonKnown) -> Vec<Holding> {
    let mut order: Vec<usize> = (0..p.permits.len()).filter(|&at| is_permit(p, at)).collect();
    order.sort_by_key(|&at| {
        let permit = &p.permits[at];
        (permit.valid_from, permit.decided_on, permit.permit_id.clone())
    });
    let mut out: Vec<Holding> = Vec::new();
    for (place, &at) in order.iter().enumerate() {
        let permit = &p.permits[at];
        let next = order.get(place + 1).map(|&next| &p.permits[next]);
        let own_end = earlier(permit.valid_to, permit.ended_on);
        let held_until = earlier(own_end, next.map(|next| next.valid_from - 1));
        let follows = out.last().is_some_and(|before| {
            let before_end = earlier(p.permits[before.permit].valid_to, p.permits[before.permit].ended_on);
            one_right(p, before.valid_from, before_end, permit)
        });
        let own_start = permit.held_since.map_or(permit.valid_from, |since| since.min(permit.valid_from));
        let (right, right_from) = match out.last() {
            Some(before) if follows => (before.right, before.right_from),
            Some(before) => (before.right + 1, own_start),
            None => (0, own_start),
        };
        let continued = next.is_some_and(|next| one_right(p, permit.valid_from, own_end, next));
        let carries_until = match next {
            Some(next) if continued => Some(next.valid_from - 1),
            _ => earlier(last_carried(p, permit, own_end), next.map(|next| next.valid_from - 1)),
        };
        out.push(Holding {
            permit: at,
            valid_from: permit.valid_from,
            held_until,
            carries_until,
            right_from,
            right_until: None,
            first_of_right: !follows,
            right,
            decided_on: permit.decided_on,
        });
    }
    for at in 0..out.len() {
        let last = out.iter().rfind(|holding| holding.right == out[at].right).and_then(|holding| holding.carries_until);
        out[at].right_until = last;
    }
    out
}

/// A pending case is no permit, an annulled one never was.
fn is_permit(p: &PersonKnown, at: usize) -> bool {
    let permit = &p.permits[at];
    permit.permit_class != "ASYLUM_APPLICANT"
        && permit.end_kind != Some("annulled")
        && permit.ended_on.is_none_or(|ended| ended >= permit.valid_from)
}

/// Whether a permit that begins on `next_from` goes on from one that held from `from` to `until`.
fn one_right(p: &PersonKnown, from: Day, until: Option<Day>, next: &Permit) -> bool {
    let (next_from, next_application) = (next.valid_from, next.application_on);
    let Some(until) = until else { return true };
    if next_from <= until + 1 || next_application.is_some_and(|day| from <= day && day <= until) {
        return true;
    }
    // One that was refused, or decided long before, was not for the permit that came.
    let for_it = |a: &&Seen<Application>| {
        !matches!(a.outcome, Some("refused" | "withdrawn"))
            && (next.decided_on.is_none()
                || a.decided_on.is_none_or(|decided| decided > until || Some(decided) == next.decided_on))
    };
    p.applications.iter().filter(for_it).any(|a| from <= a.filed_on && a.filed_on <= until)
}

/// The last day on which a permit that nothing has followed yet carries an alert: its own last day, or, where an application was
/// filed in time, the day on which that is refused or withdrawn; open while it is undecided, and where it was granted after the end.
fn last_carried(p: &PersonKnown, permit: &Permit, until: Option<Day>) -> Option<Day> {
    let until = until?;
    let mut last = until;
    let in_time = |a: &&Seen<Application>| permit.valid_from <= a.filed_on && a.filed_on <= until;
    for application in p.applications.iter().filter(in_time).filter(|a| !answered_by(a, permit)) {
        match (application.outcome, application.decided_on) {
            // Granted before the end: the next permit begins when this one ends, or was for something else.
            (Some("granted"), Some(decided)) if decided <= until => {}
            (Some("refused" | "withdrawn"), Some(decided)) => last = last.max(decided),
            _ => return None,
        }
    }
    Some(last)
}

/// Whether a permit is the answer to an application, or to one for the same class that was filed later: then this one asks for nothing
/// more. Where the permit does not tell when it was applied for, it was before its decision.
pub fn answered_by(application: &Application, permit: &Permit) -> bool {
    let applied = permit.application_on.or(permit.decided_on).unwrap_or(permit.valid_from);
    let same_class = application.permit_class.is_none_or(|class| class == permit.permit_class);
    (same_class && application.filed_on <= applied)
        || (application.outcome == Some("granted") && application.decided_on == permit.decided_on)
}

/// Why a person's alerts are not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceller {
    /// C1: a Swedish citizen.
    Naturalised,
    /// C2.
    Deceased,
    /// C3: the permit has ended and nothing carries the alert any more.
    PermitEnded,
    /// C4.
    Protected,
    /// C5: under 18.
    Minor,
}

/// Those of the person on a day; whether a permit has ended is asked of its [`Holding`].
pub fn cancellers(p: &PersonKnown, day: Day) -> Vec<Canceller> {
    let posts = posts_in_force(p);
    let mut out = Vec::new();
    if posts.iter().any(|post| post.event_on <= day && is_swedish(post)) {
        out.push(Canceller::Naturalised);
    }
    if posts.iter().any(|post| post.dereg_code == Some("AV") && post.dereg_on.unwrap_or(post.event_on) <= day) {
        out.push(Canceller::Deceased);
    }
    let protected_case = p.permits.iter().any(|permit| permit.permit_class == "PROTECTED_CASE");
    if protected_case || posts.last().is_some_and(|post| post.protected == Some(true)) {
        out.push(Canceller::Protected);
    }
    let birth = posts.iter().rev().find_map(|post| post.birth_on);
    let birth = birth.or_else(|| p.permits.iter().rev().find_map(|permit| permit.birth_on_at_grant));
    if birth.is_some_and(|birth| day < birth.add_months(12 * 18)) {
        out.push(Canceller::Minor);
    }
    out
}

fn is_swedish(post: &Post) -> bool {
    post.citizenships.as_ref().is_some_and(|list| list.iter().any(|code| code == "SWE"))
}

/// The register's posts in the order of their versions, without what a correction replaced or a retraction took away.
pub fn posts_in_force(p: &PersonKnown) -> Vec<&Seen<Post>> {
    let mut out: Vec<&Seen<Post>> = Vec::new();
    for post in &p.posts {
        match post.op {
            crate::facts::Op::Upsert => out.push(post),
            crate::facts::Op::Correct => {
                out.pop();
                out.push(post);
            }
            crate::facts::Op::Retract => out.clear(),
        }
    }
    out
}

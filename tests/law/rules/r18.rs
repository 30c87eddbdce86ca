//! R18: a journey to the country that the protection was tested against.
//!
//! "notice.country == status.tested_country: one confirmed stay <14 d: weak; >=14 d or >=2 trips in 24 m: medium; >=90 d cumulative
//! or settlement facts (UV to that country): strong (refugee), medium (subsidiary). Third-country transit only: info." Held against the
//! status. An exit is a visit that lasts until an entry from anywhere,
//! else until the clock; inferred stays one tier lower, and so those with a reason. (Salaries and study registrations would be signs of presence too, but nobody may
//! read them of those under protection.)

use super::{Finding, Rule, Severity};
use crate::calendar::{At, Day};
use crate::facts::{Border, Code, Known, Op, PersonKnown, Seen, Status, in_force_on};
use crate::register::gone;
use crate::rights::{Holding, posts_in_force};

const CLASSES: &[Code] = &["PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY"];

pub const RULE: Rule = Rule { number: "R18", id: "protected-home-travel", classes: CLASSES, survives: &[], on_day };

/// A stay in the country that the protection was tested against.
#[derive(Clone, Debug)]
pub struct Visit {
    pub from: Day,
    pub until: Day,
    pub known: At,
    /// Since when as much has been known of it as is now: its ends, or how far sightings reach.
    pub told: At,
    /// A sign of the person in Sweden has ended it.
    pub ended: bool,
    /// Nobody saw the return.
    pub inferred: bool,
    /// Of such a one: the last day on which the person was seen there.
    pub seen_until: Option<Day>,
    /// The last day on which the person was seen there with a document.
    pub shown_on: Option<Day>,
    /// Passing through, or excused.
    pub light: bool,
    /// The notice does not say from which document it knows the person.
    pub unsure: bool,
    /// With a reason that lessens it.
    pub explained: bool,
}

impl Visit {
    fn doubt(&self) -> usize {
        usize::from(self.inferred) + usize::from(self.unsure) + usize::from(self.explained)
    }

    /// As it is known with no more doubt than so much.
    fn told(&self, doubt: usize) -> Option<Visit> {
        if self.doubt() <= doubt {
            return Some(self.clone());
        }
        // Up to a sighting there the stay is not inferred only.
        let seen = self.seen_until.map(|until| Visit { until, inferred: false, ..self.clone() });
        // And whoever was seen with a document was there on that day, however little is sure of the journey.
        let shown =
            self.shown_on.map(|on| Visit { from: on, until: on, inferred: false, unsure: false, ..self.clone() });
        seen.into_iter().chain(shown).find(|stay| stay.doubt() <= doubt)
    }
}

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, CLASSES) {
        for status in p.statuses.iter().filter(|s| s.ended_on.is_none_or(|ended| ended >= day)) {
            if let Some(severity) = severity(p, holding, status, day) {
                out.push(p.finding(holding, severity));
            }
        }
    }
    out
}

pub fn severity(p: &Known<'_>, holding: &Holding, status: &Seen<Status>, day: Day) -> Option<Severity> {
    let visits: Vec<Visit> = visits(p, status, day);
    let moved: Vec<At> = gone(p)
        .iter()
        .filter(|gone| gone.on <= day && gone.on > status.declared_on)
        .filter_map(|gone| {
            gone.moved().filter(|m| m.country == Some(status.tested_country)).map(|m| m.known.max(gone.on.start()))
        })
        .collect();
    let new = visits.iter().any(|v| !holding.settles(v.told)) || moved.iter().any(|known| !holding.settles(*known));
    if !new && !grown(holding, &visits) && !was_shorter(p, holding, status, &visits) {
        return None;
    }
    // With how much doubt a stay is told, so many tiers lower: what is surer may be graver by itself.
    let told = (0..=3).filter_map(|doubt| {
        let stays: Vec<Visit> = visits.iter().filter_map(|visit| visit.told(doubt)).collect();
        grade(&stays, status).map(|severity| (0..doubt).fold(severity, |severity, _| lower(severity)))
    });
    let settled = (!moved.is_empty()).then(|| top(status));
    told.max().max(settled)
}

/// Whether the days of a stay, or of all, have passed a limit since the decision on a renewal.
fn grown(holding: &Holding, visits: &[Visit]) -> bool {
    let Some(decided) = holding.decided_on else { return true };
    let stays: Vec<(&Visit, i32, i32)> = visits
        .iter()
        .filter(|visit| !visit.light)
        .map(|visit| (visit, (visit.until.min(decided) - visit.from).max(0), visit.until - visit.from))
        .collect();
    let counted = || stays.iter().filter(|(visit, ..)| !visit.explained);
    let passed = |limit: i32, then: i32, now: i32| then < limit && limit <= now;
    stays.iter().any(|(_, then, now)| passed(14, *then, *now))
        || passed(90, counted().map(|(_, then, _)| then).sum(), counted().map(|(.., now)| now).sum())
}

/// Whether a stay had ended earlier by what was known at the decision on a renewal: by a return that has been taken back since.
fn was_shorter(p: &Known<'_>, holding: &Holding, status: &Seen<Status>, visits: &[Visit]) -> bool {
    let Some(decided) = holding.decided_on.filter(|_| !holding.first_of_right) else { return false };
    let mended = |op: Op, known: At| op != Op::Upsert && known.day() > decided;
    if !p.border_versions.iter().any(|b| mended(b.op, b.known))
        && !p.posts.iter().any(|post| mended(post.op, post.known))
    {
        return false;
    }
    let border = in_force_on(&p.border_versions, decided).cloned().collect();
    let posts = p.posts.iter().filter(|post| post.known.day() <= decided).cloned().collect();
    let then = PersonKnown { border, posts, ..p.me.clone() };
    let before = self::visits(&then, status, decided);
    before
        .iter()
        .filter(|then| then.ended)
        .any(|then| visits.iter().any(|v| v.from == then.from && v.until > then.until))
}

fn top(status: &Status) -> Severity {
    match status.status_kind {
        "refugee" => Severity::Strong,
        "subsidiary" => Severity::Medium,
        _ => Severity::Info,
    }
}

fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::Strong => Severity::Medium,
        Severity::Medium => Severity::Weak,
        _ => Severity::Info,
    }
}

fn grade(visits: &[Visit], status: &Status) -> Option<Severity> {
    if visits.is_empty() {
        return None;
    }
    let stays: Vec<&Visit> = visits.iter().filter(|v| !v.light).collect();
    // Days with a stated reason are not counted towards those of all stays.
    let total: i32 = stays.iter().filter(|v| !v.explained).map(|v| v.until - v.from).sum();
    let longest = stays.iter().map(|v| v.until - v.from).max();
    let twice = stays.windows(2).any(|pair| pair[1].from < pair[0].from.add_months(24));
    let severity = match longest {
        None => Severity::Info,
        Some(_) if total >= 90 => top(status),
        Some(longest) if longest >= 14 || twice => Severity::Medium,
        Some(_) => Severity::Weak,
    };
    Some(severity.min(top(status)))
}

/// Those that began during the status, up to a day, by their first day.
pub fn visits(p: &PersonKnown, status: &Seen<Status>, day: Day) -> Vec<Visit> {
    let there = |code: Code| code == status.tested_country;
    let mut notices: Vec<&Seen<Border>> = p.border.iter().filter(|b| b.observed_on <= day).collect();
    notices.sort_by_key(|b| b.observed_on);
    let visit = |from: &Seen<Border>, until, known, inferred| Visit {
        from: from.observed_on,
        until,
        known,
        told: known,
        ended: true,
        inferred,
        seen_until: None,
        shown_on: None,
        // An excused home visit is told, and weighs no more than passing through.
        light: from.transit == Some(true) || noticed(p, status, "home_visit_excused", from.observed_on, until),
        unsure: from.doc_seen != Some(true),
        explained: noticed(p, status, "travel_reason", from.observed_on, until),
    };
    let mut out = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    let leaves = |b: &Seen<Border>| b.direction == "exit" && there(b.country);
    for exit in notices.iter().filter(|b| leaves(b) && b.transit != Some(true)) {
        // Whoever enters from anywhere, or leaves again, is back. Of a day's notices that of leaving for that country comes first.
        let back_on = notices.iter().find(|b| match b.direction {
            "entry" => b.observed_on >= exit.observed_on,
            "exit" => b.observed_on > exit.observed_on,
            _ => false,
        });
        let back_on = back_on.map(|back| back.observed_on);
        let of_day = || notices.iter().filter(|b| Some(b.observed_on) == back_on);
        let leaves_again = back_on > Some(exit.observed_on) && of_day().any(|b| leaves(b));
        let entries: Vec<_> = of_day().filter(|b| b.direction == "entry" && !leaves_again).collect();
        used.extend(entries.iter().map(|entry| entry.key.as_str()));
        let documented = |b: &Seen<Border>| b.doc_seen == Some(true);
        let from_there = entries.iter().filter(|entry| there(entry.country)).count() > 0;
        if !documented(exit) && !from_there {
            // Nobody knows from a document that it was this person who left, and nobody saw them come from there.
            continue;
        }
        let sign_on = appeared(p, exit.observed_on, day).into_iter().chain(back_on).min();
        let until = sign_on.unwrap_or(day);
        let back = entries.iter().map(|entry| entry.first_known).min();
        let known = back.map_or(exit.first_known, |back| back.max(exit.first_known));
        let mut stay = visit(exit, until, known, entries.is_empty());
        stay.ended = sign_on.is_some();
        // One end of the journey established from a document is enough.
        stay.unsure &= !entries.iter().any(|entry| there(entry.country) && documented(entry));
        let seen =
            notices.iter().copied().filter(|b| b.direction == "seen" && there(b.country) && b.transit != Some(true));
        let seen: Vec<_> = seen.filter(|b| exit.observed_on <= b.observed_on && b.observed_on <= until).collect();
        used.extend(seen.iter().map(|sighting| sighting.key.as_str()));
        stay.seen_until = seen.iter().map(|sighting| sighting.observed_on).max();
        if stay.inferred {
            stay.told = since(known, seen.iter().copied());
        }
        let shown = seen.iter().copied().filter(|sighting| documented(sighting));
        if stay.unsure {
            stay.told = stay.told.max(since(known, shown.clone()));
        }
        stay.shown_on = shown.map(|sighting| sighting.observed_on).max();
        if stay.inferred && until > stay.from && (back_on.is_some() || in_person(p, exit.observed_on, day)) {
            // Whoever leaves again, or appears here in person, had come back: that they were there is sure, only for how long is
            // inferred. (An address is told to the register from anywhere.)
            stay.seen_until = stay.seen_until.max(Some(stay.from));
        }
        out.push(stay);
    }
    // Seen there, or coming from there; passing through, either way.
    for notice in notices.iter().filter(|b| there(b.country) && !used.contains(&b.key.as_str())) {
        if notice.direction != "exit" || notice.transit == Some(true) {
            out.push(visit(notice, notice.observed_on, notice.first_known, false));
        }
    }
    // What happened on the day of the declaration could be weighed by it.
    out.retain(|visit| visit.from > status.declared_on);
    // Two notices of one day are about one journey.
    out.sort_by_key(|visit| (visit.from, visit.light, visit.doubt()));
    out.dedup_by_key(|visit| visit.from);
    // And who comes back and is told to have been there and back on the same day makes no journey of its own.
    out.dedup_by(|visit, before| {
        let same = visit.ended && visit.from == visit.until && visit.from == before.until && !before.light;
        if same {
            before.told = before.told.max(visit.told);
        }
        same
    });
    out
}

/// Since when sightings have reached as far as they do.
fn since<'a>(known: At, seen: impl Iterator<Item = &'a Seen<Border>> + Clone) -> At {
    let last = seen.clone().map(|sighting| sighting.observed_on).max();
    let of_last = seen.filter(|sighting| Some(sighting.observed_on) == last).map(|sighting| sighting.first_known);
    known.max(of_last.min().unwrap_or(known))
}

/// The first day after a departure on which the person was registered at an address, handed a permit card, or otherwise appeared.
fn appeared(p: &PersonKnown, after: Day, day: Day) -> Option<Day> {
    let posts = posts_in_force(p).into_iter().filter(|post| post.dereg_code.is_none());
    let registered = posts.filter_map(|post| post.registered_on).filter(|on| after < *on && *on <= day);
    registered.chain(appearances(p, after, day)).min()
}

fn in_person(p: &PersonKnown, after: Day, day: Day) -> bool {
    appearances(p, after, day).next().is_some()
}

fn appearances(p: &PersonKnown, after: Day, day: Day) -> impl Iterator<Item = Day> {
    let cards = p.permits.iter().filter_map(|permit| permit.card_issued_on);
    let confirmed = p.notices.iter().filter(|notice| notice.kind == "identity_confirmed").map(|notice| notice.event_on);
    cards.chain(confirmed).filter(move |on| after < *on && *on <= day)
}

/// Whether a notice of a reason is about a stay: within thirty days of it.
fn noticed(p: &PersonKnown, status: &Status, kind: Code, from: Day, until: Day) -> bool {
    p.notices.iter().any(|n| {
        let near = from - 30 <= n.event_on && n.event_on <= until + 30;
        n.kind == kind && n.country.is_none_or(|country| country == status.tested_country) && near
    })
}

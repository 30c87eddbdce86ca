//! R18: a journey to the country that the protection was tested against.
//!
//! "notice.country == status.tested_country: one confirmed stay <14 d: weak; >=14 d or >=2 trips in 24 m: medium; >=90 d cumulative
//! or settlement facts (UV to that country): strong (refugee), medium (subsidiary). Third-country transit only: info." Held against the
//! status. An exit is a visit that lasts until the next sign of presence, else until the clock; inferred stays one tier lower.

use super::{Finding, Rule, Severity};
use crate::calendar::{At, Day};
use crate::facts::{Code, Known, PersonKnown, Seen, Status};
use crate::register::gone;
use crate::rights::Holding;

const CLASSES: &[Code] = &["PROT_REFUGEE", "PROT_SUBSIDIARY", "PROT_TEMPORARY"];

pub const RULE: Rule = Rule { number: "R18", id: "protected-home-travel", classes: CLASSES, survives: &[], on_day };

/// A stay in the country that the protection was tested against.
#[derive(Clone, Debug)]
pub struct Visit {
    pub from: Day,
    pub until: Day,
    pub known: At,
    /// Nobody saw the return.
    pub inferred: bool,
    pub transit: bool,
    /// The notice does not say from which document it knows the person.
    pub unsure: bool,
    pub excused: bool,
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
    let visits: Vec<Visit> = visits(p, status, day).into_iter().filter(|visit| !visit.excused).collect();
    let moved: Vec<At> = gone(p)
        .iter()
        .filter(|gone| gone.on <= day && gone.on >= status.declared_on)
        .filter_map(|gone| gone.moved().filter(|m| m.country == Some(status.tested_country)).map(|m| m.known))
        .collect();
    let new = visits.iter().any(|v| !holding.settles(v.known)) || moved.iter().any(|known| !holding.settles(*known));
    if !new {
        return None;
    }
    let seen: Vec<&Visit> = visits.iter().filter(|v| !v.inferred && !v.unsure).collect();
    let all: Vec<&Visit> = visits.iter().collect();
    let sure = grade(&seen, status);
    let told = grade(&all, status);
    let settled = (!moved.is_empty()).then(|| top(status));
    let lowered = told.map(|told| if sure == Some(told) { told } else { lower(told) });
    sure.max(lowered).max(settled)
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

fn grade(visits: &[&Visit], status: &Status) -> Option<Severity> {
    if visits.is_empty() {
        return None;
    }
    let stays: Vec<&&Visit> = visits.iter().filter(|v| !v.transit).collect();
    let total: i32 = stays.iter().map(|v| v.until - v.from).sum();
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

/// Those during the status, up to a day, by their first day.
pub fn visits(p: &PersonKnown, status: &Seen<Status>, day: Day) -> Vec<Visit> {
    let there = |code: Code| code == status.tested_country;
    let mut notices: Vec<_> =
        p.border.iter().filter(|b| b.observed_on <= day && b.observed_on >= status.declared_on).collect();
    notices.sort_by_key(|b| (b.observed_on, b.direction == "exit"));
    let mut out = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    for exit in notices.iter().filter(|b| b.direction == "exit" && there(b.country)) {
        let entry = notices.iter().find(|b| b.direction == "entry" && b.observed_on >= exit.observed_on);
        let sign = signs(p, exit.observed_on).into_iter().filter(|(on, _)| *on <= day).min();
        let until = entry.map(|entry| entry.observed_on).into_iter().chain(sign.map(|s| s.0)).min();
        used.extend(entry.map(|entry| entry.key.as_str()));
        out.push(Visit {
            from: exit.observed_on,
            until: until.unwrap_or(day),
            known: entry.map_or(exit.first_known, |entry| exit.first_known.max(entry.first_known)),
            inferred: entry.is_none(),
            transit: exit.transit == Some(true),
            unsure: exit.doc_seen != Some(true),
            excused: excused(p, status, exit.observed_on),
        });
    }
    for notice in
        notices.iter().filter(|b| b.direction != "exit" && there(b.country) && !used.contains(&b.key.as_str()))
    {
        out.push(Visit {
            from: notice.observed_on,
            until: notice.observed_on,
            known: notice.first_known,
            inferred: false,
            transit: notice.transit == Some(true),
            unsure: notice.doc_seen != Some(true),
            excused: excused(p, status, notice.observed_on),
        });
    }
    out.sort_by_key(|visit| visit.from);
    out
}

fn excused(p: &PersonKnown, status: &Status, on: Day) -> bool {
    p.notices.iter().any(|n| {
        n.kind == "home_visit_excused"
            && n.country.is_none_or(|c| c == status.tested_country)
            && (n.event_on - on).abs() <= 90
    })
}

/// Signs of presence in Sweden after a day, journeys left out.
fn signs(p: &PersonKnown, after: Day) -> Vec<(Day, At)> {
    let salaries = p.payments.iter().filter(|pay| pay.kind == "salary" && pay.amount_sek > 0 && pay.month > after);
    let studies = p.studies.iter().filter(|s| matches!(s.kind, "registered" | "re_registered") && s.event_on > after);
    let salaries = salaries.map(|pay| (pay.month, pay.known));
    salaries.chain(studies.map(|s| (s.event_on, s.known))).collect()
}

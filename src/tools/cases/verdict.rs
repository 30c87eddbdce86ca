//! Words how an expectation fails: one line for each alert, transition or key.

use crate::tools::cases::compare::{Asked, Found, Matched, Seen, clock, evidence_differs, matched};
use crate::tools::cases::file::{Case, Expect};

/// Empty if the expectation is met.
pub fn differences(case: &Case, expect: &Expect, seen: &Seen) -> Vec<String> {
    let mut lines = Vec::new();
    if expect.alerts.is_some() {
        lines.extend(alerts(case, expect, seen));
    }
    if let Some(wanted) = &expect.transitions {
        let asked: Vec<Asked<'_>> = wanted.iter().map(Asked::from).collect();
        let found: Vec<Found> = seen.transitions.iter().map(|(_, found)| found.clone()).collect();
        let matched = matched(&asked, &found);
        lines.extend(matched.missing.iter().map(|at| format!("transition {}: wanted, not said", asked[*at].words())));
        lines
            .extend(matched.extra.iter().map(|at| format!("transition {}: said, not wanted", found[*at].words(false))));
    }
    if let Some(wanted) = &expect.pending {
        let mut wanted = wanted.clone();
        wanted.sort();
        if seen.pending != wanted {
            lines.push(format!("pending: want [{}], found [{}]", wanted.join(", "), seen.pending.join(", ")));
        }
    }
    let untimed = |found: &Found| Found { alert_at: None, ..found.clone() };
    let is_other = |recent: &&Vec<Found>| recent.iter().map(untimed).ne(seen.batch.iter().map(untimed));
    if let Some(recent) = seen.recent.as_ref().filter(is_other) {
        let words = |all: &[Found]| {
            let all: Vec<String> = all.iter().map(|found| found.words(true)).collect();
            if all.is_empty() { "nothing".to_owned() } else { all.join("; ") }
        };
        let (with, without) = (words(&seen.batch), words(recent));
        lines.push(format!("horizon: with the records before it {with}; without them {without}"));
    }
    lines
}

fn alerts(case: &Case, expect: &Expect, seen: &Seen) -> Vec<String> {
    let asked: Vec<Asked<'_>> = expect.wanted().iter().map(Asked::from).collect();
    let engine: Vec<Found> = seen.engine.iter().map(|(found, _)| found.clone()).collect();
    let (in_engine, in_batch) = (matched(&asked, &engine), matched(&asked, &seen.batch));
    let whole = case.record.iter().any(|line| line.person.is_some())
        || asked.iter().any(|asked| asked.permit.is_some() || asked.person.is_some());
    let extra = |matched: &Matched, found: &[Found]| -> Vec<Found> {
        matched.extra.iter().map(|at| found[*at].clone()).collect()
    };
    let (mut engine_extra, mut batch_extra) = (extra(&in_engine, &engine), extra(&in_batch, &seen.batch));
    let mut lines = Vec::new();
    for (at, asked) in asked.iter().enumerate() {
        let (no_engine, no_batch) = (in_engine.missing.contains(&at), in_batch.missing.contains(&at));
        if !no_engine && !no_batch {
            continue;
        }
        let instead = |missing: bool, extra: &mut Vec<Found>| {
            if !missing {
                return "as wanted".to_owned();
            }
            let other = extra.iter().position(|found| found.key == asked.key).map(|at| extra.remove(at));
            let at = |found: &Found| found.alert_at.filter(|_| asked.alert_at.is_some());
            let words = |found: Found| match at(&found) {
                Some(at) => format!("{}, alert_at {}", found.words(whole), clock(at)),
                None => found.words(whole),
            };
            other.map_or("nothing".to_owned(), words)
        };
        let (by_engine, by_batch) = (instead(no_engine, &mut engine_extra), instead(no_batch, &mut batch_extra));
        lines.push(format!("want {}; {}", asked.words(), sides(&by_engine, &by_batch)));
    }
    for found in engine_extra {
        let shared = batch_extra.iter().position(|other| *other == found);
        let by_batch = shared.map(|at| batch_extra.remove(at)).map_or("nothing".to_owned(), |_| found.words(whole));
        lines.push(format!("want nothing; {}", sides(&found.words(whole), &by_batch)));
    }
    lines.extend(batch_extra.iter().map(|found| format!("want nothing; {}", sides("nothing", &found.words(whole)))));
    for (at, other) in in_engine.pairs {
        let differs = evidence_differs(&expect.wanted()[at].evidence, &seen.engine[other].1);
        lines.extend(differs.into_iter().map(|words| format!("{}: evidence {words}", asked[at].words())));
    }
    lines
}

fn sides(engine: &str, batch: &str) -> String {
    if engine == batch { format!("engine and batch: {engine}") } else { format!("engine: {engine}; batch: {batch}") }
}

//! Checks what a rule's finding shows: `{column}` and `[column: words]` must name columns that are evidence.

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::catalogue::finding::{deciding, placeholders};
use crate::catalogue::parse::{outputs, parse};
use crate::catalogue::refused::Refused;
use crate::catalogue::spelling::{did_you_mean, nearest};
use crate::proofs::columns::is_evidence;

/// Reports findings and innocent explanations that name a column that is no evidence of the rule.
pub fn check(catalogue: &Catalogue) -> Vec<Refused> {
    catalogue.rules.iter().flat_map(of_rule).collect()
}

fn of_rule(rule: &RuleFile) -> Vec<Refused> {
    let header = &rule.header;
    let mut refused = Vec::new();
    let mut refuse = |words: &str, message: String, hint: String| {
        let name = header.id.clone();
        refused.push(Refused { what: "rule", name, message, hint, place: Err(words.to_owned()) });
    };
    let texts = [&header.title.sv, &header.title.en, &header.finding.sv, &header.finding.en];
    let Some(mut columns) = parse(&rule.sql).and_then(|query| outputs(&query)) else { return refused };
    // The others leave as tokens, or not at all.
    columns.retain(|column| is_evidence(column, header.subject_column()));
    let known = || columns.iter().map(String::as_str);
    let places = texts.into_iter().flat_map(|text| placeholders(text));
    let shown = places.flat_map(|(place, _)| {
        let own = if place.of.is_some() { format!("{{{} of", place.column) } else { format!("{{{}}}", place.column) };
        std::iter::once((place.column, own)).chain(place.of.map(|(_, other)| (other, format!("{other}}}"))))
    });
    let deciding = texts.into_iter().flat_map(|text| deciding(text));
    let named = shown.chain(deciding.map(|name| (name, format!("[{name}:"))));
    let mut missing: Vec<(&str, String)> = named.filter(|(name, _)| !known().any(|column| column == *name)).collect();
    missing.sort_unstable();
    missing.dedup();
    for (name, words) in missing {
        let hint = match did_you_mean(&nearest(name, known())) {
            hint if hint.is_empty() => format!("evidence columns are {}", columns.join(", ")),
            hint => hint,
        };
        let message = match words.starts_with('[') {
            true => format!("the finding asks for {name}, which is no evidence column"),
            false => format!("the finding shows {{{name}}}, which is no evidence column"),
        };
        refuse(&words, message, hint);
    }
    for column in header.counter_evidence.iter().filter_map(|entry| entry.column.as_deref()) {
        if !known().any(|name| name == column) {
            let hint = did_you_mean(&nearest(column, known()));
            let message = format!("counter_evidence names column \"{column}\", which is no evidence column");
            refuse(&format!("\"{column}\""), message, hint);
        }
    }
    refused
}

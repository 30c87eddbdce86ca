//! What the party may not see of an alert: other persons, personal numbers, and the severity by which it is queued.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::model::identity;
use crate::model::schema::TableId;
use crate::tools::explain::{ParameterFacts, RecordFacts};
use crate::words::labels::spelled_out;
use crate::words::{Language, Words, of, say};

/// Words for severities: the authority's order of work is its own affair and would weigh on the reader.
pub const TIERS: [&str; 21] = [
    "svag",
    "svaga",
    "svagt",
    "medel",
    "stark",
    "starka",
    "starkt",
    "info",
    "weak",
    "medium",
    "strong",
    "severity",
    "tier",
    "svagare",
    "svagast",
    "starkare",
    "starkast",
    "weaker",
    "weakest",
    "stronger",
    "strongest",
];

fn names_a_tier(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| TIERS.contains(&word.to_lowercase().as_str()))
}

/// Whether a parameter only decides the severity.
pub fn only_ranks(parameter: &ParameterFacts) -> bool {
    names_a_tier(&parameter.name) || names_a_tier(&parameter.meaning.sv) || names_a_tier(&parameter.meaning.en)
}

/// The text without remarks in brackets that say which severity an explanation leads to.
pub fn without_tiers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" (") {
        out.push_str(before);
        let (remark, tail) = after.split_once(')').unwrap_or((after, ""));
        if !names_a_tier(remark) {
            out.push_str(&format!(" ({remark})"));
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Whether the table's rows are other persons' rows that are shown to this one, or say whose anchor this person is.
pub fn is_of_others(table: &str) -> bool {
    TableId::from_name(table).is_some_and(|table| table.is_link() || table == TableId::Anchors)
}

/// Whether the evidence column says something of another person, judged by a word in its name.
pub fn names_others(column: &str) -> bool {
    const WORDS: [&str; 10] =
        ["anchor", "holder", "holders", "spouse", "others", "tip", "tips", "allegation", "allegations", "token"];
    column == "other_id" || column.split('_').any(|word| WORDS.contains(&word))
}

/// The rule's text and those of all views that it reads.
fn texts<'a>(catalogue: &'a Catalogue, rule: &'a RuleFile) -> Vec<&'a str> {
    let mut texts = vec![rule.sql.as_str()];
    let mut seen: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(text) = texts.get(at).copied() {
        at += 1;
        for view in &catalogue.views {
            if !seen.contains(&view.name.as_str()) && words(text).any(|word| word == view.name) {
                seen.push(&view.name);
                texts.push(&view.sql);
            }
        }
    }
    texts
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// The person's tables that the rule reads, itself or through a view.
pub fn tables_read(catalogue: &Catalogue, rule: &RuleFile) -> BTreeSet<TableId> {
    let texts = texts(catalogue, rule);
    let names = texts.iter().flat_map(|text| words(text)).map(|word| word.strip_suffix("_history").unwrap_or(word));
    names.filter_map(TableId::from_name).filter(|table| table.is_person() && !is_of_others(table.name())).collect()
}

/// Whether the rule rests on rows of other persons, itself or through a view.
pub fn reads_others(catalogue: &Catalogue, rule: &RuleFile) -> bool {
    texts(catalogue, rule).iter().any(|text| words(text).any(is_of_others))
}

/// Whether a row of a rule that reads others rests on the person's own records alone: the header says so of what was found
/// (`own_facts`), and the row names such a record besides the permit.
pub fn is_own(rule: &RuleFile, evidence: &Map<String, Value>, records: &[RecordFacts]) -> bool {
    let says_so = rule.header.own_facts.iter().any(|(column, values)| {
        let found = evidence.get(column).and_then(Value::as_str);
        found.is_some_and(|found| values.iter().any(|own| own == found))
    });
    says_so && records.iter().any(|record| record.table != TableId::Permits.name() && !is_of_others(&record.table))
}

/// What the party may see of a value.
pub struct Mask<'a> {
    /// The row rests on rows of other persons: none of its evidence is shown.
    pub all: bool,
    pub words: &'a Words,
}

impl Mask<'_> {
    pub fn hides(&self, name: &str) -> bool {
        self.all || names_others(name)
    }

    pub fn value(&self, name: &str, value: &Value, language: Language) -> String {
        if self.hides(name) {
            return say(language, "(visas inte, rör någon annan)", "(not shown, concerns someone else)").to_owned();
        }
        let value = self.words.value(name, value);
        without_numbers(&spelled_out(of(language, &value), language), language)
    }
}

/// The text with personal numbers masked; organisation numbers stay as they are usually written.
pub fn without_numbers(text: &str, language: Language) -> String {
    let hidden = say(language, "(personnummer visas inte)", "(personal number not shown)");
    let mut out = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Plain(text) => out.push_str(text),
            Part::Personal => out.push_str(hidden),
            Part::Organisation(number) => out.push_str(&format!("{}-{}", &number[2..8], &number[8..])),
        }
    }
    out
}

/// Whether a personal number, or what may be one, stands in a text.
pub fn has_personal_number(text: &str) -> bool {
    parts(text).iter().any(|part| matches!(part, Part::Personal))
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Plain(&'a str),
    Personal,
    /// In 12-digit form.
    Organisation(&'a str),
}

/// The parts of a text that are numbers of persons or organisations, and what stands between them.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let digits = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (run, after) = from.split_at(digits);
        let tail = after.strip_prefix(['-', '+']).filter(|tail| {
            let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
            digits == 4
        });
        // Where a personal number has the month, that of an organisation has at least 20.
        let is_month = |at: usize| run.get(at..at + 2).is_some_and(|month| month < "20");
        let is_personal = match (run.len(), tail) {
            (12, _) => ["16", "18", "19", "20"].iter().any(|century| run.starts_with(century)) && is_month(4),
            (10, None) => is_month(2) && identity::is_person_number(&format!("19{run}")),
            (8, Some(_)) => is_month(4),
            (6, Some(_)) => is_month(2),
            _ => false,
        };
        out.push(Part::Plain(before));
        rest = after;
        if is_personal {
            out.push(Part::Personal);
            if run.len() < 10 {
                rest = tail.map_or(after, |tail| &tail[4..]);
            }
        } else if identity::is_of_no_person(run) {
            out.push(Part::Organisation(run));
        } else {
            out.push(Part::Plain(run));
        }
    }
    out.push(Part::Plain(rest));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ranks_is_left_out_of_an_explanation() {
        assert_eq!(without_tiers("Flyttad (högst svag), sen (av flera)"), "Flyttad, sen (av flera)");
        assert_eq!(without_tiers("Ingen anmälan (stark"), "Ingen anmälan");
        assert_eq!(without_tiers("Ingen (anmälan"), "Ingen (anmälan)");
    }

    #[test]
    fn personal_numbers_are_masked_wherever_they_stand() {
        let shown = |text| without_numbers(text, Language::En);
        assert_eq!(shown("199001010017"), "(personal number not shown)");
        assert_eq!(shown("till 19900101-0017, igen"), "till (personal number not shown), igen");
        assert_eq!(shown("900101-0017;900161+0017"), "(personal number not shown);(personal number not shown)");
        assert_eq!(shown("165590025481"), "559002-5481");
        assert_eq!(shown("169001010017"), "(personal number not shown)", "with the prefix of organisations");
        assert_eq!(shown("salary:9001010017:2024-01"), "salary:(personal number not shown):2024-01");
        assert!(has_personal_number("agi/199001010017/2024-01") && !has_personal_number("agi/165590025481/2024-01"));
        assert!(!has_personal_number("permit:123456789012") && !has_personal_number("2024-01-01"));
        assert_eq!(
            shown("559002-5481, 2026-08-01, 81000, 2026-08, 2026HT"),
            "559002-5481, 2026-08-01, 81000, 2026-08, 2026HT"
        );
    }
}

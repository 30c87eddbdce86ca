//! What the party may not see of an alert: other persons, personal numbers, and the severity by which it is queued.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::model::schema::TableId;
use crate::tools::explain::numbers::without_numbers;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ranks_is_left_out_of_an_explanation() {
        assert_eq!(without_tiers("Flyttad (högst svag), sen (av flera)"), "Flyttad, sen (av flera)");
        assert_eq!(without_tiers("Ingen anmälan (stark"), "Ingen anmälan");
        assert_eq!(without_tiers("Ingen (anmälan"), "Ingen (anmälan)");
    }
}

//! The words in which a reader is told what was found, in Swedish and English: names of columns, codes, states, and how a value
//! reads (`35 100 kr`, `april 2024`, `1 %`, `7,5 hp`).
//!
//! - The schema's tables, columns and codes have their words here (`labels`, `countries`); what rules add has them in
//!   `queries/words.toml`, which `Words` reads. A code is looked up by its column first, since `employer` may be a source or a right.
//! - What a column's value is (an amount, a month, a share, credits) follows from a word in its name: `values`.
//! - Only words for people: evidence in alerts stays as the rule gave it.

mod countries;
pub mod labels;
mod laws;
pub mod states;
pub mod values;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::model::alert::Bilingual;

/// Language of what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Sv,
    En,
}

/// Picks the text of the language.
pub fn say<'a>(language: Language, sv: &'a str, en: &'a str) -> &'a str {
    match language {
        Language::Sv => sv,
        Language::En => en,
    }
}

pub fn of(language: Language, words: &Bilingual) -> &str {
    say(language, &words.sv, &words.en)
}

pub fn both(sv: impl Into<String>, en: impl Into<String>) -> Bilingual {
    Bilingual { sv: sv.into(), en: en.into() }
}

/// The same text in both languages.
pub fn same(text: &str) -> Bilingual {
    both(text, text)
}

/// The text with a capital first letter.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The words of the rules' own columns and codes, over those of the schema.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    #[serde(default)]
    columns: BTreeMap<String, Bilingual>,
    /// By column, then by code.
    #[serde(default)]
    codes: BTreeMap<String, BTreeMap<String, Bilingual>>,
    /// Titles of the rules by their numbers, which are codes too.
    #[serde(skip)]
    titles: BTreeMap<String, Bilingual>,
}

impl Words {
    /// Reads `words.toml`.
    pub fn parse(text: &str) -> Result<Words, Box<toml::de::Error>> {
        toml::from_str(text).map_err(Box::new)
    }

    pub fn set_titles(&mut self, titles: impl Iterator<Item = (String, Bilingual)>) {
        self.titles = titles.collect();
    }

    /// The name of a column; `None` if it has none.
    pub fn column(&self, name: &str) -> Option<Bilingual> {
        self.columns.get(name).cloned().or_else(|| labels::column(name))
    }

    /// The name of a column, or its own name in plain writing.
    pub fn fact(&self, name: &str) -> Bilingual {
        self.column(name).unwrap_or_else(|| same(&name.strip_suffix("_sek").unwrap_or(name).replace('_', " ")))
    }

    /// The words for a code; `None` if it has none.
    pub fn code(&self, column: &str, code: &str) -> Option<Bilingual> {
        let own = self.codes.get(column).and_then(|codes| codes.get(code)).cloned();
        let title =
            || self.titles.get(code).map(|title| both(format!("{code} {}", title.sv), format!("{code} {}", title.en)));
        own.or_else(title).or_else(|| labels::code(column, code))
    }

    /// A value as a reader is told it.
    pub fn value(&self, column: &str, value: &Value) -> Bilingual {
        values::value(self, column, value)
    }

    /// What the file calls columns.
    pub fn own_columns(&self) -> impl Iterator<Item = (&str, &Bilingual)> {
        self.columns.iter().map(|(name, words)| (name.as_str(), words))
    }

    /// What the file calls codes: column, code, words.
    pub fn own_codes(&self) -> impl Iterator<Item = (&str, &str, &Bilingual)> {
        self.codes
            .iter()
            .flat_map(|(column, codes)| codes.iter().map(move |(code, words)| (column.as_str(), code.as_str(), words)))
    }

    /// Every name that the file gives, with its words: what checks look through.
    pub fn given(&self) -> impl Iterator<Item = (String, &Bilingual)> {
        let columns = self.own_columns().map(|(name, words)| (name.to_owned(), words));
        columns.chain(self.own_codes().map(|(column, code, words)| (format!("{column} \"{code}\""), words)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words() -> Words {
        let mut words = Words::parse(
            "[columns]\nholders = { sv = \"innehavare\", en = \"holders\" }\n[codes.what]\nnot-left = { sv = \"kvar\", en = \"still here\" }",
        )
        .unwrap();
        words.set_titles([("R04".to_owned(), both("Låg lön", "Low salary"))].into_iter());
        words
    }

    #[test]
    fn what_rules_add_has_its_words_and_the_schema_has_its_own() {
        let words = words();
        assert_eq!(words.column("holders").unwrap().sv, "innehavare");
        assert_eq!(words.column("month").unwrap().sv, "månad");
        assert_eq!(words.column("no_such"), None);
        assert_eq!(words.fact("no_such_sek").sv, "no such");
        assert_eq!(words.code("what", "not-left").unwrap().en, "still here");
        assert_eq!(words.code("why", "not-left"), None);
        assert_eq!(words.code("work_right", "employer").unwrap().en, "a certain employer");
        assert_eq!(words.code("asserted_by", "employer").unwrap().en, "the employer");
        assert!(Words::parse("[column]\n").is_err());
    }

    #[test]
    fn values_read_as_a_person_writes_them() {
        let words = words();
        let said = |column: &str, value: Value| {
            let said = words.value(column, &value);
            [said.sv, said.en].map(|text| text.replace('\u{a0}', " ")).join(" / ")
        };
        assert_eq!(said("sum_3_sek", json!(35_100)), "35 100 kr / 35,100 SEK");
        assert_eq!(said("sum_sek", json!(-1_234_567)), "−1 234 567 kr / −1,234,567 SEK");
        assert_eq!(said("next_month_sek", json!(0)), "0 kr / 0 SEK");
        assert_eq!(said("last_month", json!("2024-04-01")), "april 2024 / April 2024");
        assert_eq!(said("last_month", json!("2024-04-02")), "2024-04-02 / 2024-04-02");
        assert_eq!(said("left_on", json!("2024-04-01")), "2024-04-01 / 2024-04-01");
        assert_eq!(said("share_pct", json!(80)), "80 % / 80%");
        assert_eq!(said("breach_rate_bp_F", json!(100)), "1 % / 1%");
        assert_eq!(said("posterior_bp", json!(9_912)), "99,12 % / 99.12%");
        assert_eq!(said("posterior_bp", json!(9_910)), "99,1 % / 99.1%");
        assert_eq!(said("credits_tenths", json!(150)), "15 hp / 15 credits");
        assert_eq!(said("credits_tenths", json!(75)), "7,5 hp / 7.5 credits");
        assert_eq!(said("credits_needed", json!(15)), "15 hp / 15 credits");
        assert_eq!(said("z_tenths", json!(35)), "3,5 / 3.5");
        assert_eq!(said("days_total", json!(2_024)), "2024 / 2024");
        assert_eq!(said("persons", json!(10_000)), "10 000 / 10,000");
        assert_eq!(said("term", json!("2026HT")), "höstterminen 2026 / autumn term 2026");
        assert_eq!(said("within_eu", json!(true)), "ja / yes");
        assert_eq!(said("left_on", Value::Null), "– / –");
        assert_eq!(said("foreign_country", json!("SYR")), "Syrien / Syria");
        assert_eq!(said("previous_citizenships", json!("[SYR, XXA]")), "Syrien, statslös / Syria, stateless");
        assert_eq!(
            said("known_at", json!("2024-04-01T22:30:00.000000Z")),
            "2024-04-01 22:30 UTC / 2024-04-01 22:30 UTC"
        );
    }

    #[test]
    fn codes_are_words_alone_beside_days_and_counted() {
        let words = words();
        let said = |column: &str, text: &str| words.value(column, &json!(text)).sv.replace('\u{a0}', " ");
        assert_eq!(said("dereg_code", "UV"), "utvandrad");
        assert_eq!(said("last_sign", "2024-03-05 salary"), "2024-03-05 lön");
        assert_eq!(said("rule_mix", "R04:5 R99:3"), "R04 Låg lön: 5, R99: 3");
        // A text that is not made of codes alone stays as it is.
        assert_eq!(said("remark", "salary and more"), "salary and more");
        assert_eq!(said("ground", "UtlL 5 b kap. 21 §"), "UtlL 5 b kap. 21 §");
    }
}

//! Words that readers are told must not judge: an alert is a circumstance for a person to look into, never a verdict.
//!
//! Looked at is whatever a rule or `words.toml` gives readers: titles, findings, innocent explanations, readings, what parameters mean,
//! the names of evidence columns, and the words that a text gives as a value. They are written in the letters of Swedish and English, so
//! that no letter that looks like another hides a word. A list cannot know every way to say it; what it does not know is for the person
//! who reviews a rule.

use std::collections::BTreeMap;

use crate::catalogue::Catalogue;
use crate::catalogue::file::{RuleFile, Said};
use crate::catalogue::refused::{Highlight, Refused};
use crate::model::alert::Bilingual;
use crate::model::schema::TableId;
use crate::proofs::code_lists::{Codes, outputs};
use crate::proofs::own;
use crate::words::{Words, labels};

/// Beginnings of words that judge, in lower case.
const JUDGING: [&str; 38] = [
    "överträd",
    "fusk",
    "bedräg",
    "bedrag",
    "terroris",
    "bluff",
    "misstänk",
    "misstank",
    "brottslig",
    "kriminell",
    "olaglig",
    "lögn",
    "ljug",
    "oärlig",
    "skenäktenskap",
    "skenanst",
    "parasit",
    "snylt",
    "lycksökar",
    "utvis",
    "avvis",
    "scam",
    "sponger",
    "expel",
    "expuls",
    "deport",
    "violat",
    "fraud",
    "cheat",
    "suspect",
    "suspici",
    "offence",
    "offense",
    "guilty",
    "illegal",
    "criminal",
    "dishonest",
    "liar",
];

/// Words that decide, as they run on without blanks: a rule decides nothing.
const DECIDING: [&str; 12] = [
    "måstelämna",
    "harbrutitmot",
    "brutitvillkor",
    "mustleave",
    "shallleave",
    "hasbroken",
    "havebroken",
    "noappeal",
    "isbeyonddoubt",
    "alonetoblame",
    "ärbevisat",
    "inteöverklaga",
];

/// Signs that readers' texts may have besides the letters of Swedish and English, digits and blanks.
const SIGNS: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~§°·–—−…‰½¼¾×«»‘’“”„€£•→≤≥\u{a0}\u{2009}";

/// Letters beyond ASCII in Swedish and English texts.
const LETTERS: &str = "åäöÅÄÖéèêëüæøÉÈÊËÜÆØàÀçÇñÑï";

const HINT: &str = "say what the records show, as a circumstance to look into";

/// Reports words that judge, and letters of other alphabets.
pub fn check(catalogue: &Catalogue) -> Vec<Refused> {
    let rules = catalogue.rules.iter().zip(outputs(catalogue));
    let mut refused: Vec<Refused> = rules.flat_map(|(rule, columns)| of_rule(rule, &columns)).collect();
    refused.extend(of_words(catalogue));
    refused
}

fn of_rule(rule: &RuleFile, columns: &[(String, Codes)]) -> Vec<Refused> {
    let header = &rule.header;
    let mut texts: Vec<(String, &str)> = vec![
        ("title.sv".to_owned(), &header.title.sv),
        ("title.en".to_owned(), &header.title.en),
        ("finding.sv".to_owned(), &header.finding.sv),
        ("finding.en".to_owned(), &header.finding.en),
    ];
    for entry in &header.counter_evidence {
        texts.push(("counter_evidence".to_owned(), &entry.sv));
        texts.push(("counter_evidence".to_owned(), &entry.en));
    }
    texts.extend(header.readings.iter().map(|text| ("readings".to_owned(), text.as_str())));
    for (name, param) in &header.params {
        for said in std::iter::once(&param.doc).chain(&param.source) {
            let each: Vec<&str> = match said {
                Said::Both(words) => vec![&words.sv, &words.en],
                Said::Same(text) => vec![text],
            };
            texts.extend(each.into_iter().map(|text| (format!("params.{name}"), text)));
        }
    }
    let refuse = |place, message| {
        let (name, hint) = (header.id.clone(), HINT.to_owned());
        Refused { what: "rule", name, message, hint, place }
    };
    let of_header = texts.into_iter().filter_map(|(key, text)| {
        let wrong = problem(text)?;
        Some(refuse(Err(key.clone()), format!("{key} {wrong}")))
    });
    let mut refused: Vec<Refused> = of_header.collect();
    for (name, codes) in columns {
        let place = || Ok(Highlight::Output(Some(name.clone())));
        if let Some(wrong) = problem(&name.replace('_', " ")) {
            refused.push(refuse(place(), format!("the output column \"{name}\" {wrong}")));
        }
        let said = codes.words.iter().filter_map(|word| Some((word, problem(word)?)));
        refused.extend(said.map(|(word, wrong)| {
            refuse(place(), format!("the output column \"{name}\" can be \"{word}\", which {wrong}"))
        }));
    }
    refused
}

/// The words of `words.toml`, which may name what rules add, and rename nothing that registers say.
fn of_words(catalogue: &Catalogue) -> Vec<Refused> {
    let refuse = |name: &str, message: String, hint: &str| {
        let words = name.split(' ').next_back().unwrap_or(name).trim_matches('"').to_owned();
        let (what, hint) = ("words", hint.to_owned());
        Refused { what, name: "words.toml".to_owned(), message, hint, place: Err(words) }
    };
    let mut refused = Vec::new();
    for (name, words) in catalogue.words.given() {
        let wrong = [&words.sv, &words.en].into_iter().find_map(|text| problem(text));
        if let Some(wrong) = wrong {
            refused.push(refuse(&name, format!("what it says of {name} {wrong}"), HINT));
        }
    }
    let columns =
        catalogue.words.own_columns().filter_map(|(name, own)| Some((name.to_owned(), own, labels::column(name)?)));
    let is_of_registers = |column: &str| TableId::ALL.into_iter().any(|table| table.def().column(column).is_some());
    let codes = catalogue.words.own_codes().filter(|(column, ..)| is_of_registers(column));
    let codes = codes
        .filter_map(|(column, code, own)| Some((format!("{column} \"{code}\""), own, labels::code(column, code)?)));
    let of_registers = columns.chain(codes);
    let of_registers = of_registers
        .map(|(name, own, known)| (name, own, known, "leave it out: what registers say has its words already"));
    // What the program was made with, it is made with for all: who edits the directory gives words to what they add.
    let shipped = Words::parse(own::WORDS).unwrap_or_default();
    let mut shipped: BTreeMap<String, Bilingual> = shipped.given().map(|(name, words)| (name, words.clone())).collect();
    let of_ours = catalogue.words.given().filter_map(|(name, own)| Some((shipped.remove(&name)?, name, own)));
    let of_ours = of_ours.map(|(known, name, own)| (name, own, known, "leave the program's own words as they are"));
    for (name, own, known, hint) in of_ours.chain(of_registers).filter(|(_, own, known, _)| *own != known) {
        let message = format!("it calls {name} \"{}\", which the program calls \"{}\"", own.en, known.en);
        refused.push(refuse(&name, message, hint));
    }
    refused
}

/// What is wrong with a text for readers.
fn problem(text: &str) -> Option<String> {
    if let Some(sign) = text.chars().find(|sign| !is_of_ours(*sign)) {
        return Some(format!("has the sign U+{:04X}, which is none of Swedish or English", u32::from(sign)));
    }
    if let Some(word) = judging(text) {
        return Some(format!("judges (\"{word}...\"); a rule finds an indication"));
    }
    let letters: String = text.to_lowercase().chars().filter(|sign| sign.is_alphabetic()).collect();
    let decides = DECIDING.into_iter().find(|words| letters.contains(words))?;
    Some(format!("decides (\"{decides}\", read without blanks); a rule finds an indication, and a person decides"))
}

fn is_of_ours(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign.is_ascii_whitespace() || LETTERS.contains(sign) || SIGNS.contains(sign)
}

/// The beginning of a word that judges, wherever in a word it stands, and whatever is written between its letters.
pub fn judging(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let letters = |word: &str| word.chars().filter(|sign| sign.is_alphabetic()).collect::<String>();
    let words: Vec<String> = text.split_whitespace().map(letters).collect();
    let found = |word: &str| JUDGING.into_iter().find(|judging| word.contains(judging));
    if let Some(found) = words.iter().find_map(|word| found(word)) {
        return Some(found);
    }
    // Letters that stand apart are read together.
    let apart = words.split(|word| word.chars().count() > 1);
    apart.map(<[String]>::concat).find_map(|word| found(&word))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_shipped_judges_nobody() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        assert_eq!(check(&catalogue), []);
    }

    #[test]
    fn a_word_that_judges_is_found_however_it_is_written() {
        for text in [
            "Misstänkt BEDRÄGERI",
            "bidragsbedrägeri",
            "be-drä-geri",
            "b e d r ä g e r i",
            "f.r.a.u.d",
            "possible fraud",
            "(cheating)",
            "Skenanställd",
            "Beslut om utvisning",
        ] {
            assert!(judging(text).is_some(), "{text}");
        }
        for text in ["The person must leave", "No appeal lies", "har brutit mot villkoren"] {
            assert!(problem(text).is_some_and(|problem| problem.contains("decides")), "{text}");
        }
        for text in ["the ache at work", "sharp rauder", "anmälningsskyldig", "a f r i c a", "profus kalkyl"] {
            assert_eq!(judging(text), None, "{text}");
        }
    }

    #[test]
    fn letters_that_look_like_others_are_refused() {
        for text in ["fr\u{430}ud", "be\u{ad}drägeri", "fr\u{200b}aud", "bedra\u{308}geri", "\u{ff46}raud"] {
            assert!(problem(text).is_some(), "{text}");
        }
        assert_eq!(problem("Lön 95 % av 35\u{a0}100 kr – enligt UtlL 6 kap. 2 §"), None);
    }
}

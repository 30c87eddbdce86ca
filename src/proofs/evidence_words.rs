//! Checks that a reader is told what a rule finds in words of both languages: names of evidence columns, words for the codes that
//! they can hold, the meaning of parameters. `check` asks for what is missing; a rule without it runs, and shows its own names.

use crate::catalogue::Catalogue;
use crate::catalogue::file::{RuleFile, Said};
use crate::catalogue::finding::placeholders;
use crate::catalogue::refused::{Highlight, Refused};
use crate::model::schema::ColumnType;
use crate::proofs::code_lists::{Codes, outputs};
use crate::proofs::columns::is_evidence;
use crate::words::values::Kind;

/// Reports everything that readers would be told in other words than theirs.
pub fn check(catalogue: &Catalogue) -> Vec<Refused> {
    let rules = catalogue.rules.iter().zip(outputs(catalogue));
    rules.flat_map(|(rule, columns)| of_rule(rule, &columns)).collect()
}

fn of_rule(rule: &RuleFile, columns: &[(String, Codes)]) -> Vec<Refused> {
    let header = &rule.header;
    let subject = header.subject_column();
    let mut refused = Vec::new();
    let mut refuse = |place, message: String, hint: String| {
        refused.push(Refused { what: "rule", name: header.id.clone(), message, hint, place });
    };
    for (name, codes) in columns.iter().filter(|(name, _)| !name.is_empty() && is_evidence(name, subject)) {
        let place = || Ok(Highlight::Output(Some(name.clone())));
        if rule.words.column(name).is_none() {
            let hint = format!("say it in words.toml, under [columns]: {name} = {{ sv = \"...\", en = \"...\" }}");
            refuse(place(), format!("the evidence \"{name}\" has no name for readers"), hint);
        }
        for code in codes.words.iter().filter(|word| is_code(word) && rule.words.code(name, word).is_none()) {
            let hint =
                format!("say them in words.toml, under [codes.{name}]: {code} = {{ sv = \"...\", en = \"...\" }}");
            refuse(place(), format!("the evidence \"{name}\" can be \"{code}\", for which there are no words"), hint);
        }
        if codes.ty == Some(ColumnType::Month) && Kind::of(name) != Kind::Month {
            let hint = "call it ..._month, so that readers see a month and not its first day".to_owned();
            refuse(place(), format!("the evidence \"{name}\" is a month, and its name does not say so"), hint);
        }
    }
    let says = |text: &str| text.chars().filter(|sign| sign.is_alphabetic()).count() > 3;
    if !header.counter_evidence.iter().any(|entry| says(&entry.sv) && says(&entry.en)) {
        let hint = "name at least one innocent explanation under [[counter_evidence]], with checked = false if no feed can show it";
        refuse(Err("title".to_owned()), "it names no innocent explanation for its reader".to_owned(), hint.to_owned());
    }
    for (name, param) in &header.params {
        let lacks = match &param.doc {
            Said::Both(words) => words.sv.trim().is_empty() || words.en.trim().is_empty(),
            Said::Same(_) => true,
        };
        if lacks {
            let hint = "write doc.sv and doc.en: both are shown".to_owned();
            let message = format!("what parameter {name} means is not said in Swedish and English");
            refuse(Err(format!("params.{name}")), message, hint);
        }
    }
    for template in [&header.finding.sv, &header.finding.en] {
        for (place, after) in placeholders(template) {
            let column = place.column;
            let units = Kind::of(column).units();
            let after = after.trim_start();
            if let Some(unit) = units.iter().find(|unit| after.strip_prefix(**unit).is_some_and(ends_a_word)) {
                let hint = "the value comes with its unit: leave it out".to_owned();
                refuse(
                    Err(format!("{column}}} {unit}")),
                    format!("the finding says {unit} twice after {{{column}}}"),
                    hint,
                );
            }
            let is_truth = columns.iter().any(|(name, codes)| name == column && codes.ty == Some(ColumnType::Bool));
            if is_truth {
                let hint = format!("say what it means where it is so: [{column}: words]");
                refuse(Err(format!("{{{column}}}")), format!("the finding would say yes or no for {{{column}}}"), hint);
            }
        }
    }
    refused
}

fn ends_a_word(rest: &str) -> bool {
    !rest.starts_with(char::is_alphanumeric)
}

/// Whether a word that a text gives is a code and not a sentence or a provision.
fn is_code(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    fn told(header: &str, columns: &str) -> Vec<String> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        let text = format!(
            "/*\nid = \"r\"\nnumber = \"R99\"\ntitle = {{ sv = \"t\", en = \"t\" }}\npermit_classes = [\"*\"]\nlegal_basis = []\n\
             legal_gate = \"open\"\nseverity = \"info\"\nowner = \"o\"\n{header}\n*/\n\
             SELECT p.person_id, p.permit_id, 'k' AS alert_key, p.known_time AS alert_at, {columns} FROM permits p"
        );
        let mut rule = RuleFile::parse("r", &text, &BTreeMap::new()).unwrap();
        rule.words = std::sync::Arc::clone(&catalogue.words);
        check(&Catalogue { rules: vec![rule], ..catalogue }).into_iter().map(|refused| refused.message).collect()
    }

    const FINDING: &str = "finding = { sv = \"f\", en = \"f\" }";

    #[test]
    fn the_rules_that_ship_lack_no_words() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &BTreeMap::new()).unwrap();
        assert_eq!(check(&catalogue), []);
        for (name, words) in catalogue.words.given() {
            assert!(!words.sv.trim().is_empty() && !words.en.trim().is_empty(), "{name}");
        }
    }

    #[test]
    fn what_has_no_words_is_asked_for() {
        assert_eq!(told(FINDING, "p.floor_sek, p.end_kind"), [""; 0]);
        assert_eq!(told(FINDING, "1 AS strange"), ["the evidence \"strange\" has no name for readers"]);
        let code = "CASE WHEN p.inhibited THEN 'odd' WHEN p.first_grant THEN 'UtlL 1 §' ELSE 'revoked' END AS why";
        assert_eq!(told(FINDING, code), ["the evidence \"why\" can be \"odd\", for which there are no words"]);
    }

    #[test]
    fn a_parameter_means_something_in_both_languages() {
        let with = |doc: &str| told(&format!("{FINDING}\n[params.n]\ndefault = 1\n{doc}"), "$n AS months");
        assert_eq!(with("doc.sv = \"a\"\ndoc.en = \"b\""), [""; 0]);
        assert_eq!(with("doc = \"b\""), ["what parameter n means is not said in Swedish and English"]);
        assert_eq!(with("doc.sv = \"\"\ndoc.en = \"b\"").len(), 1);
    }

    #[test]
    fn units_are_said_once_and_truth_in_words() {
        let with = |words: &str, columns: &str| told(&format!("finding = {{ sv = \"{words}\", en = \"f\" }}"), columns);
        assert_eq!(with("{floor_sek} krav", "p.floor_sek"), [""; 0]);
        assert_eq!(with("{floor_sek} kr.", "p.floor_sek"), ["the finding says kr twice after {floor_sek}"]);
        assert_eq!(with("[inhibited: x]", "p.inhibited"), [""; 0]);
        assert_eq!(with("{inhibited}", "p.inhibited"), ["the finding would say yes or no for {inhibited}"]);
    }
}

//! A new rule, begun as a copy of one that there is: its text and its cases, under another id and number, as a draft.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::catalogue::Catalogue;
use crate::catalogue::file::{RuleFile, split_header};

/// Why no rule is begun.
#[derive(Debug, Error)]
pub enum NewRuleError {
    #[error("\"{id}\" is no id: small letters a to z and digits, in words joined by hyphens, such as salary-drop")]
    Id { id: String },
    #[error("there is {} already", file.display())]
    Exists { file: PathBuf },
    #[error("number {number} is that of \"{other}\"; the next free one is {next}")]
    Number { number: String, other: String, next: String },
    #[error("cannot read {}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("cannot write {}", file.display())]
    Write { file: PathBuf, source: io::Error },
}

/// The two files of a rule that has been begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub rule: PathBuf,
    pub cases: PathBuf,
    pub number: String,
}

/// Writes rule `id` and its cases into `dir`, after rule `like` of its catalogue; without a number it gets the next free one of the same letter. Changes no file that
/// there is.
pub fn begin(
    dir: &Path,
    catalogue: &Catalogue,
    like: &RuleFile,
    id: &str,
    number: Option<&str>,
) -> Result<Begun, NewRuleError> {
    if !is_id(id) {
        return Err(NewRuleError::Id { id: id.to_owned() });
    }
    let next = next_number(catalogue, &like.header.number);
    let number = number.unwrap_or(&next).to_owned();
    if let Some(other) = catalogue.rules.iter().find(|rule| rule.header.number.eq_ignore_ascii_case(&number)) {
        return Err(NewRuleError::Number { number, other: other.header.id.clone(), next });
    }
    let file = |id: &str| (dir.join(format!("{id}.sql")), dir.join(format!("tests/{id}.toml")));
    let ((from_rule, from_cases), (rule, cases)) = (file(&like.header.id), file(id));
    if let Some(file) = [&rule, &cases].into_iter().find(|file| file.exists()) {
        return Err(NewRuleError::Exists { file: file.clone() });
    }
    let read = |file: &Path| {
        std::fs::read_to_string(file).map_err(|source| NewRuleError::Read { file: file.to_owned(), source })
    };
    let text = renamed(&read(&from_rule)?, id, &number);
    let told = match read(&from_cases) {
        Ok(told) => told,
        Err(NewRuleError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let told =
        format!("# {number}. Begun as a copy of the cases of {} ({}).\n{told}", like.header.number, like.header.id);
    write(&rule, &text)?;
    write(&cases, &told)?;
    Ok(Begun { rule, cases, number })
}

/// Writes a file that is not there yet.
fn write(file: &Path, text: &str) -> Result<(), NewRuleError> {
    let failed = |source| NewRuleError::Write { file: file.to_owned(), source };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut out = OpenOptions::new().write(true).create_new(true).open(file).map_err(failed)?;
    out.write_all(text.as_bytes()).map_err(failed)
}

fn is_id(id: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    id.starts_with(|first: char| first.is_ascii_lowercase()) && id.split('-').all(is_word)
}

/// The number after the greatest one with the letters of `like`, as wide as that one.
fn next_number(catalogue: &Catalogue, like: &str) -> String {
    let digits = |number: &str| number.find(|c: char| c.is_ascii_digit()).unwrap_or(number.len());
    let (letters, width) = (&like[..digits(like)], like.len() - digits(like));
    let numbers =
        catalogue.rules.iter().filter_map(|rule| rule.header.number.strip_prefix(letters)?.parse::<u32>().ok());
    format!("{letters}{:0width$}", numbers.max().unwrap_or(0) + 1)
}

/// The text of a rule under another id and number, as a draft.
fn renamed(text: &str, id: &str, number: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let head = split_header(&text).map_or(0, |(head, _)| head.lines().count() + 1);
    let mut out = String::new();
    for (at, line) in text.lines().enumerate() {
        let key = line.split_once('=').map_or("", |(key, _)| key.trim());
        match key {
            "id" if at <= head => out.push_str(&format!("id = \"{id}\"")),
            "number" if at <= head => out.push_str(&format!("number = \"{number}\"\nstage = \"draft\"")),
            "stage" | "stage_since" if at <= head => continue,
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn queries() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("queries")
    }

    #[test]
    fn a_copy_is_a_draft_with_an_id_and_a_number_of_its_own() {
        let text = "/*\nid = \"a\"\nnumber = \"R01\"\nstage = \"shadow\"\nstage_since = 2026-01-01\n[params.id]\n*/\nSELECT 1 AS id,\n  number = 2\n";
        let wanted =
            "/*\nid = \"b-2\"\nnumber = \"R40\"\nstage = \"draft\"\n[params.id]\n*/\nSELECT 1 AS id,\n  number = 2\n";
        assert_eq!(renamed(text, "b-2", "R40"), wanted);
        assert_eq!(renamed(&text.replace('\n', "\r\n"), "b-2", "R40"), wanted);
    }

    #[test]
    fn ids_are_words_joined_by_hyphens() {
        for id in ["a", "salary-drop", "r2-d2"] {
            assert!(is_id(id), "{id}");
        }
        for id in ["", "-a", "a-", "a--b", "A", "2a", "å", "a_b", "../a", "a.sql"] {
            assert!(!is_id(id), "{id}");
        }
    }

    #[test]
    fn every_rule_can_be_begun_anew_and_nothing_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::load(&queries(), &BTreeMap::new()).unwrap();
        std::fs::create_dir(dir.path().join("tests")).unwrap();
        for rule in &catalogue.rules {
            for file in [format!("{}.sql", rule.header.id), format!("tests/{}.toml", rule.header.id)] {
                std::fs::copy(queries().join(&file), dir.path().join(&file)).unwrap();
            }
        }
        for like in &catalogue.rules {
            let id = format!("my-{}", like.header.id);
            let begun = begin(dir.path(), &catalogue, like, &id, None).unwrap();
            let text = std::fs::read_to_string(&begun.rule).unwrap();
            let rule = RuleFile::parse(&id, &text, &BTreeMap::new()).unwrap();
            assert_eq!((rule.header.number.as_str(), rule.header.stage.as_str()), (begun.number.as_str(), "draft"));
            assert_eq!(rule.sql, like.sql, "{id}");
            assert!(matches!(begin(dir.path(), &catalogue, like, &id, None), Err(NewRuleError::Exists { .. })));
            assert!(matches!(
                begin(dir.path(), &catalogue, like, "other", Some(&like.header.number)),
                Err(NewRuleError::Number { .. })
            ));
        }
    }
}

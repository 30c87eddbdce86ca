//! A rule file: a comment with TOML, then one SELECT.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::alert::{Bilingual, Severity};

/// What the header says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub id: String,
    /// Number in the catalogue, such as R04.
    pub number: String,
    pub title: Bilingual,
    /// What was found, with `{column}` where an output column's value goes.
    pub finding: Bilingual,
    pub permit_classes: Vec<String>,
    pub legal_basis: Vec<String>,
    /// open, request, verify or closed: by what right the data may be used.
    pub legal_gate: String,
    /// Severity of a row that names none.
    pub severity: Severity,
    /// Unit that owns the indications.
    pub owner: String,
    /// Innocent explanations: looked for, or said to be beyond the feeds.
    #[serde(default)]
    pub counter_evidence: Vec<CounterEvidence>,
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
    /// Cancellers that do not concern the rule.
    #[serde(default)]
    pub survives: Vec<String>,
    /// Further cancellers that do.
    #[serde(default)]
    pub yields_to: Vec<String>,
    /// Output column that the alert is about, when it is not `permit_id`.
    pub subject: Option<String>,
    /// What the rule's units are, when they are not persons: `employer_id`.
    pub key: Option<String>,
    /// Rules whose rows it reads, as `indications`.
    #[serde(default)]
    pub uses: Vec<String>,
    /// Per table, how far back an open-ended permit needs history.
    #[serde(default)]
    pub horizon: BTreeMap<String, String>,
    /// live or draft; a draft is checked and replayed but not run.
    #[serde(default = "live")]
    pub stage: String,
}

fn live() -> String {
    "live".into()
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterEvidence {
    pub sv: String,
    pub en: String,
    /// Evidence column that shows what the check found.
    pub column: Option<String>,
    /// False: the feeds cannot show it, the case officer has to ask.
    #[serde(default = "yes")]
    pub checked: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    pub default: i64,
    pub doc: String,
    pub source: Option<String>,
}

/// What units may be beside persons.
const KEYS: [&str; 1] = ["employer_id"];

/// A rule as read from its file, parameters already replaced by literals.
#[derive(Clone, Debug)]
pub struct RuleFile {
    pub header: Header,
    /// The SELECT, without the header.
    pub sql: String,
    /// Parameter values in force.
    pub values: BTreeMap<String, i64>,
}

/// Why a rule file cannot be read.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("rule {file}: begins with no header; put TOML into a comment /* ... */ at the top")]
    NoHeader { file: String },
    #[error("rule {file}: header is not valid TOML")]
    Header { file: String, source: Box<toml::de::Error> },
    #[error("rule {file}: header says id \"{id}\"; the file must be named after it")]
    Name { file: String, id: String },
    #[error("rule {file}: parameter ${param} is used but not declared; declared are {declared}")]
    UnknownParam { file: String, param: String, declared: String },
    #[error("rule {file}: parameter {param} is declared but never used")]
    UnusedParam { file: String, param: String },
    #[error("rule {file}: cannot set {param}: the rule has no such parameter; it has {declared}")]
    NoSuchParam { file: String, param: String, declared: String },
    #[error("rule {file}: header key {key} is \"{value}\"; known are {known}")]
    Value { file: String, key: &'static str, value: String, known: &'static str },
}

impl RuleFile {
    /// Reads a rule from the text of the file `<name>.sql`; `set` replaces defaults of its parameters.
    pub fn parse(name: &str, text: &str, set: &BTreeMap<String, i64>) -> Result<RuleFile, FileError> {
        let file = || format!("{name}.sql");
        let (head, sql) = split_header(text).ok_or_else(|| FileError::NoHeader { file: file() })?;
        let header: Header =
            toml::from_str(head).map_err(|source| FileError::Header { file: file(), source: Box::new(source) })?;
        if header.id != name {
            return Err(FileError::Name { file: file(), id: header.id });
        }
        check_words(&header, &file())?;
        let declared = || {
            let names: Vec<&str> = header.params.keys().map(String::as_str).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        let mut values: BTreeMap<String, i64> =
            header.params.iter().map(|(name, param)| (name.clone(), param.default)).collect();
        for (param, value) in set {
            let Some(slot) = values.get_mut(param) else {
                return Err(FileError::NoSuchParam { file: file(), param: param.clone(), declared: declared() });
            };
            *slot = *value;
        }
        let (sql, used) = replace_params(sql, &values).map_err(|param| FileError::UnknownParam {
            file: file(),
            param,
            declared: declared(),
        })?;
        if let Some(param) = values.keys().find(|name| !used.contains(name)) {
            return Err(FileError::UnusedParam { file: file(), param: param.clone() });
        }
        Ok(RuleFile { header, sql, values })
    }

    /// The finding in one language, with evidence in place of `{column}`.
    pub fn render(template: &str, evidence: &serde_json::Map<String, serde_json::Value>) -> String {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((name, tail)) = after.split_once('}') else {
                out.push('{');
                rest = after;
                continue;
            };
            match evidence.get(name) {
                Some(serde_json::Value::String(text)) => out.push_str(text),
                Some(serde_json::Value::Null) | None => out.push('–'),
                Some(value) => out.push_str(&value.to_string()),
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }
}

fn check_words(header: &Header, file: &str) -> Result<(), FileError> {
    let refuse =
        |key, value: &str, known| Err(FileError::Value { file: file.to_owned(), key, value: value.to_owned(), known });
    if !["open", "request", "verify", "closed"].contains(&header.legal_gate.as_str()) {
        return refuse("legal_gate", &header.legal_gate, "open, request, verify, closed");
    }
    if !["live", "draft"].contains(&header.stage.as_str()) {
        return refuse("stage", &header.stage, "live, draft");
    }
    if let Some(key) = header.key.as_deref().filter(|key| !KEYS.contains(key)) {
        return refuse("key", key, "employer_id");
    }
    for reason in header.survives.iter().chain(&header.yields_to) {
        if !crate::rules::catalogue::CANCELLERS.contains(&reason.as_str()) {
            return refuse(
                "survives or yields_to",
                reason,
                "naturalised, deceased, permit_ended, protected, minor, application_pending",
            );
        }
    }
    Ok(())
}

/// The text of the leading comment and what follows it.
pub fn split_header(text: &str) -> Option<(&str, &str)> {
    let (head, sql) = text.trim_start().strip_prefix("/*")?.split_once("*/")?;
    Some((head, sql.trim().trim_end_matches(';').trim_end()))
}

/// Puts literals in place of `$name`, outside string literals and comments.
fn replace_params(sql: &str, values: &BTreeMap<String, i64>) -> Result<(String, Vec<String>), String> {
    let mut out = String::with_capacity(sql.len());
    let mut used = Vec::new();
    let mut rest = sql;
    while let Some(at) = rest.find(['$', '\'', '-']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(quoted) = rest.strip_prefix('\'') {
            let end = quoted.find('\'').map_or(rest.len(), |end| end + 2);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if rest.starts_with("--") {
            let end = rest.find('\n').unwrap_or(rest.len());
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if let Some(after) = rest.strip_prefix('$') {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let name = &after[..end];
            let value = values.get(name).ok_or_else(|| name.to_owned())?;
            out.push_str(&value.to_string());
            used.push(name.to_owned());
            rest = &after[end..];
        } else {
            out.push('-');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    Ok((out, used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_literals_but_not_in_text_or_comments() {
        let values = BTreeMap::from([("n".to_owned(), 4)]);
        let (sql, used) = replace_params("a + $n - 1 -- $n\n, '$n it''s'", &values).unwrap();
        assert_eq!(sql, "a + 4 - 1 -- $n\n, '$n it''s'");
        assert_eq!(used, ["n"]);
        assert_eq!(replace_params("$m", &values), Err("m".to_owned()));
    }

    #[test]
    fn findings_show_evidence() {
        let evidence = serde_json::json!({"sum": 81000, "kind": "x", "none": null});
        let evidence = evidence.as_object().unwrap();
        assert_eq!(RuleFile::render("{sum} {kind} {none} {other} {", evidence), "81000 x – – {");
    }
}

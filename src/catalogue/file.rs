//! Reads a rule file: a comment with TOML, then one SELECT.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::catalogue::finding;
use crate::catalogue::horizon;
use crate::catalogue::params::{self, Replaced};
use crate::catalogue::stars;
use crate::model::alert::{Bilingual, Severity};
use crate::model::purpose::Purpose;
use crate::model::stage::Stage;
use crate::model::time::{Day, parse_day};
use crate::words::{self, Language, Words, of};

/// Names that view `cancellers` may use.
pub const CANCELLERS: [&str; 6] =
    ["naturalised", "deceased", "permit_ended", "protected", "minor", "application_pending"];

/// The canceller of protected persons: what it ends is withdrawn without a word.
pub const WITHHOLDING: &str = "protected";

/// Cancellers that concern every rule that does not list them under `survives`.
pub const DEFAULT_CANCELLERS: [&str; 5] = ["naturalised", "deceased", "permit_ended", "protected", "minor"];

/// The header of a rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub id: String,
    /// Number in the catalogue, such as R04.
    pub number: String,
    pub title: Bilingual,
    /// The template of the finding (see `finding`).
    pub finding: Bilingual,
    pub permit_classes: Vec<String>,
    pub legal_basis: Vec<String>,
    /// By what right the data may be used: open, request, verify or closed.
    pub legal_gate: String,
    /// Severity of rows without a severity of their own.
    pub severity: Severity,
    /// Organisational unit that owns the indications.
    pub owner: String,
    /// Innocent explanations: those that the rule checks, and those that no feed can show.
    #[serde(default)]
    pub counter_evidence: Vec<CounterEvidence>,
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
    /// Cancellers that do not concern the rule.
    #[serde(default)]
    pub survives: Vec<String>,
    /// Cancellers that concern the rule in addition to the default ones.
    #[serde(default)]
    pub yields_to: Vec<String>,
    /// Output column that says what the alert is about, if not `permit_id`.
    pub subject: Option<String>,
    /// Column that identifies the rule's units, if they are not persons: `employer_id`.
    pub key: Option<String>,
    /// `P1D`: evaluated once a day, as of midnight, however often the unit's records change. Only with a `key`.
    pub cadence: Option<String>,
    /// Rules whose rows this rule reads, as `indications`.
    #[serde(default)]
    pub uses: Vec<String>,
    /// Per table: how far back the rule needs history for an open-ended permit.
    #[serde(default)]
    pub horizon: BTreeMap<String, String>,
    /// draft, shadow, live or retired ([`Stage`]).
    #[serde(default = "live")]
    pub stage: String,
    /// Since when the rule is in its stage, a date.
    pub stage_since: Option<Date>,
    /// The purpose of the disclosures that the rule reads: permit_control, payment_control or follow_up.
    #[serde(default = "permit_control")]
    pub purpose: String,
    /// How the rule interprets what the law leaves open: defaults that a lawyer must confirm before real use.
    #[serde(default)]
    pub readings: Vec<String>,
    /// For a rule that reads other persons' rows: by evidence column, the values with which a row that names a record of the person
    /// besides the permit rests on the person's own records alone. The party is told the evidence of such rows and of no others.
    #[serde(default)]
    pub own_facts: BTreeMap<String, Vec<String>>,
    /// Why the rule compares citizenships, which are no risk factor; a rule without a reason may not.
    pub compares_citizenship: Option<String>,
}

fn permit_control() -> String {
    Purpose::PermitControl.name().into()
}

fn live() -> String {
    Stage::Live.name().into()
}

/// A date, in quotation marks or without.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Date {
    Bare(toml::value::Datetime),
    Text(String),
}

impl Date {
    fn text(&self) -> String {
        match self {
            Date::Bare(date) => date.to_string(),
            Date::Text(text) => text.clone(),
        }
    }

    /// `None` if it is none.
    pub fn day(&self) -> Option<Day> {
        parse_day(&self.text())
    }
}

impl Header {
    /// The stage that the header names; it has been checked.
    pub fn stage(&self) -> Stage {
        Stage::from_name(&self.stage).unwrap_or(Stage::Draft)
    }

    /// Stage and date, as a reader is told.
    pub fn told_stage(&self) -> String {
        match self.stage_since.as_ref().and_then(Date::day) {
            Some(since) => format!("{} since {since}", self.stage),
            None => self.stage.clone(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterEvidence {
    pub sv: String,
    pub en: String,
    /// Evidence column that shows what the check found.
    pub column: Option<String>,
    /// False: the feeds cannot show it, so the case officer has to ask.
    #[serde(default = "yes")]
    pub checked: bool,
    /// It is about another person: the party is not told whether it was found.
    #[serde(default)]
    pub of_others: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    pub default: i64,
    pub doc: Said,
    pub source: Option<Said>,
    /// The least and the greatest value; see [`Param::range`].
    pub min: Option<i64>,
    pub max: Option<i64>,
}

/// The greatest value of a parameter that says no `max`, by the unit in which its name ends. The least is 0.
const GREATEST: [(&str, i64); 5] =
    [("days", 3_650), ("months", 600), ("pct", 1_000), ("bp", 10_000), ("sek", 1_000_000_000)];

/// The greatest value of a parameter whose name ends in none of these: a count.
const GREATEST_COUNT: i64 = 1_000_000;

impl Param {
    /// The values that the parameter may have; `name` is its name.
    pub fn range(&self, name: &str) -> RangeInclusive<i64> {
        let unit = name.rsplit('_').next().unwrap_or(name);
        let of_unit = GREATEST.iter().find(|(known, _)| *known == unit).map(|(_, most)| *most);
        self.min.unwrap_or(0)..=self.max.unwrap_or(of_unit.unwrap_or(GREATEST_COUNT))
    }
}

/// A text in both languages; or one text, such as a provision, that is the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a text, or sv and en")]
pub enum Said {
    Both(Bilingual),
    Same(String),
}

impl Said {
    pub fn both(&self) -> Bilingual {
        match self {
            Said::Both(words) => words.clone(),
            Said::Same(text) => words::same(text),
        }
    }

    pub fn en(&self) -> &str {
        match self {
            Said::Both(words) => &words.en,
            Said::Same(text) => text,
        }
    }
}

impl Header {
    /// The output column that says what an alert is about.
    pub fn subject_column(&self) -> &str {
        self.subject.as_deref().unwrap_or("permit_id")
    }

    /// What an alert of the rule is about.
    pub fn unit(&self) -> &'static str {
        match self.subject_column() {
            "employer_id" => "employer",
            "person_id" => "person",
            _ => "permit",
        }
    }

    /// The names of its parameters, for a message.
    pub fn declared(&self) -> String {
        let names: Vec<&str> = self.params.keys().map(String::as_str).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// What the rule is for: it sees what was disclosed for that.
    pub fn purpose(&self) -> Purpose {
        // A header with another word is refused when it is read.
        Purpose::from_name(&self.purpose).unwrap_or(Purpose::PermitControl)
    }
}

/// Columns that may identify units other than persons.
const KEYS: [&str; 1] = ["employer_id"];

/// A rule as read from its file, with literals in place of its parameters.
#[derive(Clone, Debug)]
pub struct RuleFile {
    pub header: Header,
    /// The SELECT without the header, with each `step.*` expanded.
    pub sql: String,
    /// The same as its author wrote it, with `$name` for each parameter.
    pub written: Arc<str>,
    /// Values of the parameters.
    pub values: BTreeMap<String, i64>,
    /// The words of the catalogue that the rule is in.
    pub words: Arc<Words>,
}

/// Why a rule file cannot be read.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("rule {file}: {problem}; put TOML into a comment /* ... */ at the top")]
    NoHeader { file: String, problem: &'static str },
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
    #[error("rule {file}: parameter {param} cannot be {value}; it may be {least} to {most}")]
    OutOfRange { file: String, param: String, value: i64, least: i64, most: i64 },
    #[error("rule {file}: parameter {param} may have no value: its min is {least}, its max {most}")]
    NoRange { file: String, param: String, least: i64, most: i64 },
    #[error("rule {file}: header key {key} is \"{value}\"; known are {known}")]
    Value { file: String, key: &'static str, value: String, known: &'static str },
    #[error("rule {file}: stage_since is {value}, which is no date; write YYYY-MM-DD")]
    Since { file: String, value: String },
    #[error("rule {file}: stage = \"{stage}\" needs the date since when it is; add stage_since = YYYY-MM-DD")]
    NoSince { file: String, stage: String },
    #[error("rule {file}: cadence needs a key: what is known about a person is looked at as it comes")]
    Cadence { file: String },
    #[error("rule {file}: {message}")]
    Horizon { file: String, table: String, message: String },
}

impl RuleFile {
    /// Reads a rule from the text of the file `<name>.sql`; `set` overrides defaults of its parameters.
    pub fn parse(name: &str, text: &str, set: &BTreeMap<String, i64>) -> Result<RuleFile, FileError> {
        Self::parse_all(name, text, set).map_err(|(first, _)| first)
    }

    /// As `parse`, but returns all errors: the first one and the others.
    pub fn parse_all(
        name: &str,
        text: &str,
        set: &BTreeMap<String, i64>,
    ) -> Result<RuleFile, (FileError, Vec<FileError>)> {
        let file = || format!("{name}.sql");
        let alone = |error| (error, Vec::new());
        let no_header = || alone(FileError::NoHeader { file: file(), problem: header_problem(text) });
        let (head, sql) = split_header(text).ok_or_else(no_header)?;
        let header: Header = toml::from_str(head)
            .map_err(|source| alone(FileError::Header { file: file(), source: Box::new(source) }))?;
        let mut errors = Vec::new();
        if header.id != name {
            errors.push(FileError::Name { file: file(), id: header.id.clone() });
        }
        check_words(&header, &file(), &mut errors);
        check_since(&header, &file(), &mut errors);
        if header.cadence.is_some() && header.key.is_none() {
            errors.push(FileError::Cadence { file: file() });
        }
        errors.extend(header.horizon.iter().filter_map(|(table, duration)| {
            let message = horizon::problem(table, duration)?;
            Some(FileError::Horizon { file: file(), table: table.clone(), message })
        }));
        let values = assigned(&header, &file(), set, &mut errors);
        let declared = header.declared();
        let Replaced { sql: replaced, used, unknown, .. } = params::replace(sql, &values);
        errors.extend(unknown.into_iter().map(|(param, _)| FileError::UnknownParam {
            file: file(),
            param,
            declared: declared.clone(),
        }));
        let unused = values.keys().filter(|name| !used.contains(name));
        errors.extend(unused.map(|param| FileError::UnusedParam { file: file(), param: param.clone() }));
        if errors.is_empty() {
            let sql = (stars::write_out(&replaced.text).text, Arc::from(sql));
            return Ok(RuleFile { header, sql: sql.0, written: sql.1, values, words: Arc::default() });
        }
        let first = errors.remove(0);
        Err((first, errors))
    }

    /// The same rule with other values of some of its parameters.
    pub fn with_values(&self, set: &BTreeMap<String, i64>) -> Result<RuleFile, FileError> {
        let mut errors = Vec::new();
        let file = format!("{}.sql", self.header.id);
        let own = self.values.iter().map(|(name, value)| (name.clone(), *value));
        let set = own.chain(set.iter().map(|(name, value)| (name.clone(), *value))).collect();
        let values = assigned(&self.header, &file, &set, &mut errors);
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        let sql = stars::write_out(&params::replace(&self.written, &values).sql.text).text;
        Ok(RuleFile { sql, values, ..self.clone() })
    }

    /// Cancellers that concern the rule.
    pub fn cancel_reasons(&self) -> Vec<&'static str> {
        let names = |list: &[String], name: &str| list.iter().any(|item| item == name);
        CANCELLERS
            .into_iter()
            .filter(|name| {
                let default = DEFAULT_CANCELLERS.contains(name);
                if default { !names(&self.header.survives, name) } else { names(&self.header.yields_to, name) }
            })
            .collect()
    }

    /// The same as one text, each between commas: column `cancelled_by` of `rule_rows`.
    pub fn cancelled_by(&self) -> String {
        self.cancel_reasons().iter().fold(",".to_owned(), |list, reason| list + reason + ",")
    }

    /// The finding in both languages.
    pub fn finding(&self, evidence: &Map<String, Value>) -> Bilingual {
        let say = |language, column: &str, value: &Value| of(language, &self.words.value(column, value)).to_owned();
        self.finding_as(evidence, &say, &|_| false)
    }

    /// The finding with values in the words of `say`; no share is told of a value that is hidden.
    pub fn finding_as(
        &self,
        evidence: &Map<String, Value>,
        say: &dyn Fn(Language, &str, &Value) -> String,
        is_hidden: &dyn Fn(&str) -> bool,
    ) -> Bilingual {
        let told = |language, template: &str| {
            finding::render(template, evidence, language, &|column, value| say(language, column, value), is_hidden)
        };
        let template = &self.header.finding;
        Bilingual { sv: told(Language::Sv, &template.sv), en: told(Language::En, &template.en) }
    }
}

/// The values of a rule's parameters where `set` overrides defaults.
fn assigned(
    header: &Header,
    file: &str,
    set: &BTreeMap<String, i64>,
    errors: &mut Vec<FileError>,
) -> BTreeMap<String, i64> {
    let mut values: BTreeMap<String, i64> =
        header.params.iter().map(|(name, param)| (name.clone(), param.default)).collect();
    for (param, value) in set {
        match values.get_mut(param) {
            Some(slot) => *slot = *value,
            None => errors.push(FileError::NoSuchParam {
                file: file.to_owned(),
                param: param.clone(),
                declared: header.declared(),
            }),
        }
    }
    let out_of_range = |(name, param): (&String, &Param)| {
        let (range, file, param) = (param.range(name), file.to_owned(), name.clone());
        let (least, most) = range.clone().into_inner();
        let value = values.get(name).copied().filter(|value| !range.contains(value));
        match value {
            _ if range.is_empty() => Some(FileError::NoRange { file, param, least, most }),
            value => value.map(|value| FileError::OutOfRange { file, param, value, least, most }),
        }
    };
    errors.extend(header.params.iter().filter_map(out_of_range));
    values
}

fn check_words(header: &Header, file: &str, errors: &mut Vec<FileError>) {
    let mut check = |key, value: &str, known: &[&str], names: &'static str| {
        if !known.contains(&value) {
            errors.push(FileError::Value { file: file.to_owned(), key, value: value.to_owned(), known: names });
        }
    };
    let gates = ["open", "request", "verify", "closed"];
    check("legal_gate", &header.legal_gate, &gates, "open, request, verify, closed");
    check("stage", &header.stage, &Stage::ALL.map(Stage::name), "draft, shadow, live, retired");
    if let Some(key) = &header.key {
        check("key", key, &KEYS, "employer_id");
    }
    if let Some(cadence) = &header.cadence {
        check("cadence", cadence, &["P1D"], "P1D, which is once a day");
    }
    check("purpose", &header.purpose, &Purpose::NAMES, "permit_control, payment_control, follow_up");
    for reason in header.survives.iter().chain(&header.yields_to) {
        check(
            "survives or yields_to",
            reason,
            &CANCELLERS,
            "naturalised, deceased, permit_ended, protected, minor, application_pending",
        );
    }
}

/// Whoever reads that a rule is on trial, or is no more in force, asks since when.
fn check_since(header: &Header, file: &str, errors: &mut Vec<FileError>) {
    let (file, stage) = (file.to_owned(), header.stage.clone());
    match &header.stage_since {
        Some(since) if since.day().is_none() => errors.push(FileError::Since { file, value: since.text() }),
        None if matches!(header.stage(), Stage::Shadow | Stage::Retired) => {
            errors.push(FileError::NoSince { file, stage });
        }
        _ => {}
    }
}

/// The text of the leading comment and what follows it.
pub fn split_header(text: &str) -> Option<(&str, &str)> {
    let (head, sql) = text.trim_start().strip_prefix("/*")?.split_once("*/")?;
    Some((head, sql.trim().trim_end_matches(';').trim_end()))
}

/// The number that a rule's header gives, even if the rest of it is not as it should be.
pub fn number_of(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Numbered {
        number: String,
    }
    toml::from_str(split_header(text)?.0).ok().map(|Numbered { number }| number)
}

/// Why a text has no header.
pub fn header_problem(text: &str) -> &'static str {
    if text.trim_start().starts_with("/*") {
        "the comment at its top is never closed: no */ follows"
    } else {
        "begins with no comment"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(params: &str, set: &[(&str, i64)]) -> Result<RuleFile, String> {
        let header = "id = \"r\"\nnumber = \"R1\"\ntitle = { sv = \"\", en = \"\" }\nfinding = { sv = \"\", en = \"\" }\n\
             permit_classes = []\nlegal_basis = []\nlegal_gate = \"open\"\nseverity = \"weak\"\nowner = \"o\"";
        let text = format!("/*\n{header}\n{params}\n*/\nSELECT 1 -$n AS a");
        let set = set.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        RuleFile::parse("r", &text, &set).map_err(|error| error.to_string())
    }

    #[test]
    fn a_parameter_stays_within_its_range_whoever_sets_it() {
        let refused = |params: &str, set: &[(&str, i64)]| rule(params, set).unwrap_err();
        let plain = "[params.n]\ndoc = \"\"\ndefault = 3";
        assert_eq!(rule(plain, &[]).unwrap().sql, "SELECT 1 -3 AS a");
        assert_eq!(refused(plain, &[("n", -1)]), "rule r.sql: parameter n cannot be -1; it may be 0 to 1000000");
        assert_eq!(
            refused(plain, &[("n", 1_000_001)]),
            "rule r.sql: parameter n cannot be 1000001; it may be 0 to 1000000"
        );
        let narrow = format!("{plain}\nmin = 4\nmax = 8");
        assert_eq!(refused(&narrow, &[]), "rule r.sql: parameter n cannot be 3; it may be 4 to 8");
        assert!(rule(&narrow, &[("n", 8)]).is_ok());
        let none = format!("{plain}\nmax = -8");
        assert_eq!(refused(&none, &[]), "rule r.sql: parameter n may have no value: its min is 0, its max -8");
        // Behind a minus a bare -3 would begin a comment.
        let below = format!("{plain}\nmin = -8");
        assert_eq!(rule(&below, &[("n", -3)]).unwrap().sql, "SELECT 1 -(-3) AS a");
    }

    #[test]
    fn whoever_is_on_trial_or_retired_says_since_when() {
        let stage = |text: &str| {
            let rule = rule(&format!("{text}\n[params.n]\ndoc = \"\"\ndefault = 3"), &[]);
            rule.map(|rule| (rule.header.stage(), rule.header.told_stage()))
        };
        assert_eq!(stage(""), Ok((Stage::Live, "live".into())));
        assert_eq!(stage("stage = \"draft\""), Ok((Stage::Draft, "draft".into())));
        // A date of TOML, or one in quotation marks.
        let since = |text: &str| stage(&format!("stage = \"shadow\"\nstage_since = {text}"));
        let told = Ok((Stage::Shadow, "shadow since 2026-12-01".into()));
        assert_eq!((since("2026-12-01"), since("\"2026-12-01\"")), (told.clone(), told));
        let is_none = |text: &str| format!("rule r.sql: stage_since is {text}, which is no date; write YYYY-MM-DD");
        for text in ["2026-13-01", "12:00:00", "2026-12-01T12:00:00"] {
            assert_eq!(since(&format!("\"{text}\"")), Err(is_none(text)));
        }
        assert_eq!(since("2026-12-01T12:00:00"), Err(is_none("2026-12-01T12:00:00")));
        for name in ["shadow", "retired"] {
            let refused =
                format!("rule r.sql: stage = \"{name}\" needs the date since when it is; add stage_since = YYYY-MM-DD");
            assert_eq!(stage(&format!("stage = \"{name}\"")), Err(refused));
        }
        let unknown = stage("stage = \"trial\"").unwrap_err();
        assert!(unknown.contains("\"trial\"; known are draft, shadow, live, retired"), "{unknown}");
    }

    #[test]
    fn the_unit_in_a_parameters_name_bounds_it() {
        let param = Param { default: 0, doc: Said::Same(String::new()), source: None, min: None, max: None };
        let greatest = |name: &str| *param.range(name).end();
        assert_eq!(
            ["wait_days", "months", "strong_pct", "posterior_bp", "income_sek", "holders"].map(greatest),
            [3_650, 600, 1_000, 10_000, 1_000_000_000, 1_000_000]
        );
    }
}

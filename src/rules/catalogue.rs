//! The `queries/` directory as texts: rules, shared views, thresholds, and the fixed queries round them.

mod uses;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::decode::typed;
use crate::rules::diagnostic::{did_you_mean, nearest};
use crate::rules::file::{FileError, RuleFile, header_problem, split_header};
use crate::rules::gateways::{self, Gateways};
use crate::rules::links::{LinkError, LinkFile};
use crate::rules::refusal::Refused;
use crate::rules::{coded, sensitive, shown};
use crate::time::{Day, parse_day};

/// Names that view `cancellers` may give.
pub const CANCELLERS: [&str; 6] =
    ["naturalised", "deceased", "permit_ended", "protected", "minor", "application_pending"];

/// Those that concern every rule unless it says that it survives them.
pub const DEFAULT_CANCELLERS: [&str; 5] = ["naturalised", "deceased", "permit_ended", "protected", "minor"];

/// A shared definition.
#[derive(Clone, Debug)]
pub struct ViewFile {
    pub name: String,
    /// What one row is.
    pub doc: String,
    pub sql: String,
}

/// A threshold and the days on which it was in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    pub name: String,
    pub valid_from: Day,
    /// Exclusive; `None` is still in force.
    pub valid_to: Option<Day>,
    pub value: i64,
    pub source: String,
}

/// Everything that the directory holds.
#[derive(Clone, Debug)]
pub struct Catalogue {
    pub rules: Vec<RuleFile>,
    pub views: Vec<ViewFile>,
    pub links: Vec<LinkFile>,
    pub thresholds: Vec<Threshold>,
    /// The fixed query of the standing set, with `$rule_id`, `$as_of` and `$cancel_reasons`.
    pub standing: String,
    /// Builds `<table>` and `<table>_history` from recorded files; batch only.
    pub tables: String,
    /// Our functions and calendars as DuckDB macros and tables.
    pub duckdb: String,
    /// Which classes' control which purpose may read what for.
    pub gateways: Gateways,
}

/// Why the directory cannot be read.
#[derive(Debug, Error)]
pub enum CatalogueError {
    #[error("cannot read {file}")]
    Read { file: String, source: std::io::Error },
    #[error(transparent)]
    Rule(#[from] FileError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("{what} uses the rule \"{used}\", {why}")]
    Uses { what: String, used: String, why: &'static str },
    #[error("rule {file}: number {number} is also that of \"{other}\"")]
    Number { file: String, number: String, other: String },
    #[error("view {file}: {problem}; say in /* ... */ what one row is")]
    ViewHeader { file: String, problem: &'static str },
    #[error("{file}: not as it should be")]
    Toml { file: &'static str, source: Box<toml::de::Error> },
    #[error(transparent)]
    Refused(Box<Refused>),
    #[error("{file} line {line}: {message}")]
    Threshold { file: String, line: u64, message: String },
    #[error("cannot set {key}: write it as rule-id.parameter, for a rule in the directory{near}")]
    UnknownRule { key: String, near: String },
    #[error("rules.disabled names \"{id}\", which is the id of no rule in the directory{near}")]
    UnknownDisabled { id: String, near: String },
    #[error("no rules in {dir}")]
    Empty { dir: String },
}

impl Catalogue {
    /// Reads `dir`; `set` holds parameter values by `rule-id.parameter`. Rules that read what they have no gateway for
    /// are refused.
    pub fn load(dir: &Path, set: &BTreeMap<String, i64>) -> Result<Catalogue, CatalogueError> {
        let (catalogue, mut errors) = Self::load_all(dir, set);
        match catalogue {
            Some(catalogue) if errors.is_empty() => Ok(catalogue),
            _ if errors.is_empty() => Err(CatalogueError::Empty { dir: dir.display().to_string() }),
            _ => Err(errors.swap_remove(0)),
        }
    }

    /// As `load`, but whether the rules may lawfully read what they read is not asked: for cases, whose data are made up.
    pub fn load_for_cases(dir: &Path) -> Result<Catalogue, CatalogueError> {
        let mut errors = Vec::new();
        let catalogue = Self::gather(dir, &BTreeMap::new(), &mut errors)?;
        if errors.is_empty() { Ok(catalogue) } else { Err(errors.swap_remove(0)) }
    }

    /// As `load`, with everything that is wrong in any file, and what could be read all the same. Nothing if not even
    /// the fixed files can be.
    pub fn load_all(dir: &Path, set: &BTreeMap<String, i64>) -> (Option<Catalogue>, Vec<CatalogueError>) {
        let mut errors = Vec::new();
        let catalogue = Self::gather(dir, set, &mut errors).map_err(|error| errors.push(error)).ok();
        if let Some(catalogue) = &catalogue {
            errors.extend(catalogue.lint().into_iter().map(|refused| CatalogueError::Refused(Box::new(refused))));
        }
        (catalogue, errors)
    }

    fn gather(
        dir: &Path,
        set: &BTreeMap<String, i64>,
        errors: &mut Vec<CatalogueError>,
    ) -> Result<Catalogue, CatalogueError> {
        let mut by_rule: BTreeMap<&str, BTreeMap<String, i64>> = BTreeMap::new();
        for (key, value) in set {
            let unknown = || CatalogueError::UnknownRule { key: key.clone(), near: String::new() };
            let (rule, param) = key.split_once('.').ok_or_else(unknown)?;
            by_rule.entry(rule).or_default().insert(param.to_owned(), *value);
        }
        let mut rules = Vec::new();
        for (name, text) in sql_files(dir)? {
            if ["standing", "tables", "duckdb"].contains(&name.as_str()) {
                continue;
            }
            let set = by_rule.remove(name.as_str()).unwrap_or_default();
            match RuleFile::parse_all(&name, &text, &set) {
                Ok(rule) => rules.push(rule),
                Err((first, others)) => {
                    errors.extend(std::iter::once(first).chain(others).map(CatalogueError::Rule));
                }
            }
        }
        if let Some((rule, _)) = by_rule.pop_first() {
            let near = near(rule, rules.iter().map(|rule| rule.header.id.as_str()));
            return Err(CatalogueError::UnknownRule { key: rule.to_owned(), near });
        }
        if rules.is_empty() && errors.is_empty() {
            return Err(CatalogueError::Empty { dir: dir.display().to_string() });
        }
        rules.sort_by(|a, b| a.header.number.cmp(&b.header.number));
        errors.extend(twice(&rules));
        let mut views = Vec::new();
        for (name, text) in sql_files(&dir.join("views"))? {
            match view(name, &text) {
                Ok(view) => views.push(view),
                Err(error) => errors.push(error),
            }
        }
        let mut links = Vec::new();
        for (name, text) in sql_files(&dir.join("links"))? {
            match LinkFile::parse(&name, &text) {
                Ok(link) => links.push(link),
                Err(error) => errors.push(error.into()),
            }
        }
        let catalogue = Catalogue {
            rules,
            views,
            links,
            thresholds: thresholds(&dir.join("parameters.csv"), errors)?,
            standing: read(&dir.join("standing.sql"))?,
            tables: read(&dir.join("tables.sql"))?,
            duckdb: read(&dir.join("duckdb.sql"))?,
            gateways: Gateways::parse(&read(&dir.join("gateways.toml"))?)
                .map_err(|source| CatalogueError::Toml { file: "gateways.toml", source: Box::new(source) })?,
        };
        if let Err(error) = catalogue.check_uses() {
            errors.push(error);
        }
        Ok(catalogue)
    }

    /// What the texts alone show to be wrong: data without a gateway, sensitive columns, names that lead nowhere.
    pub fn lint(&self) -> Vec<Refused> {
        let mut refused = gateways::check(self);
        refused.extend(sensitive::check(self));
        refused.extend(shown::check(self));
        refused.extend(coded::check(self));
        refused
    }

    /// Leaves out rules that no gateway lets run on real data; gives their ids.
    pub fn retain_lawful(&mut self, run_closed: bool) -> Vec<String> {
        let closed = |rule: &RuleFile| !run_closed && rule.header.legal_gate == "closed";
        let left_out = self.rules.iter().filter(|rule| closed(rule)).map(|rule| rule.header.id.clone()).collect();
        self.rules.retain(|rule| !closed(rule));
        left_out
    }

    /// A name that no rule has would leave the rule in force that was meant.
    pub fn check_disabled(&self, disabled: &[String]) -> Result<(), CatalogueError> {
        let Some(id) = disabled.iter().find(|id| self.rule(id).is_none()) else { return Ok(()) };
        // Whoever reads RULES.md may write a rule's number.
        let numbered = self.rules.iter().find(|rule| rule.header.number.eq_ignore_ascii_case(id));
        let near = match numbered {
            Some(rule) => format!("; did you mean {}?", rule.header.id),
            None => near(id, self.rules.iter().map(|rule| rule.header.id.as_str())),
        };
        Err(CatalogueError::UnknownDisabled { id: id.clone(), near })
    }

    /// Leaves out rules that are disabled or only drafts. A rule that stays must not use one that goes.
    pub fn retain_live(&mut self, disabled: &[String]) -> Result<(), CatalogueError> {
        self.rules.retain(|rule| rule.header.stage == "live" && !disabled.contains(&rule.header.id));
        self.drop_unread_links();
        self.check_uses()
    }

    pub fn rule(&self, id: &str) -> Option<&RuleFile> {
        self.rules.iter().find(|rule| rule.header.id == id)
    }

    /// Cancellers that concern the rule.
    pub fn cancel_reasons(rule: &RuleFile) -> Vec<&'static str> {
        let names = |list: &[String], name: &str| list.iter().any(|item| item == name);
        CANCELLERS
            .into_iter()
            .filter(|name| {
                let default = DEFAULT_CANCELLERS.contains(name);
                if default { !names(&rule.header.survives, name) } else { names(&rule.header.yields_to, name) }
            })
            .collect()
    }

    /// Identifies the rules in force together.
    pub fn set_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for rule in &self.rules {
            hash.update(self.fingerprint(rule));
        }
        hex(&hash.finalize()[..8])
    }

    /// Identifies what decides the rows that links show: their texts, the views, the rules that they use.
    pub fn link_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for link in &self.links {
            hash.update(link.table.name());
            hash.update(link.from_column().unwrap_or_default());
            hash.update(&link.sql);
        }
        if self.links.is_empty() {
            return "none".to_owned();
        }
        let used = self.used(false);
        let texts = self.links.iter().map(|link| link.sql.as_str()).chain(used.iter().map(|rule| rule.sql.as_str()));
        let (views, _) = self.read_by(texts.collect());
        for view in self.views.iter().filter(|view| views.contains(&view.name)) {
            hash.update(&view.sql);
        }
        for rule in used {
            hash.update(&rule.sql);
            hash.update(rule.header.severity.name());
            hash.update(Self::cancel_reasons(rule).join(","));
        }
        for threshold in &self.thresholds {
            hash.update(format!("{threshold:?}"));
        }
        hex(&hash.finalize()[..8])
    }

    /// Identifies what decides a rule's rows: its text, the views, the thresholds, the fixed query.
    pub fn fingerprint(&self, rule: &RuleFile) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        part("settings: parse_float_as_decimal = true, default_null_ordering = nulls_last");
        part(&rule.header.id);
        part(&rule.sql);
        part(rule.header.severity.name());
        part(&Self::cancel_reasons(rule).join(","));
        for view in &self.views {
            part(&view.name);
            part(&view.sql);
        }
        for link in &self.links {
            part(link.table.name());
            part(link.from_column().unwrap_or_default());
            part(&link.sql);
        }
        for used in &rule.header.uses {
            part(self.rule(used).map_or("", |used| &used.sql));
        }
        for threshold in &self.thresholds {
            part(&format!("{threshold:?}"));
        }
        part(&self.standing);
        hex(&hash.finalize()[..8])
    }
}

/// Of rules with one number each is said: any of them may be the new one.
fn twice(rules: &[RuleFile]) -> impl Iterator<Item = CatalogueError> {
    rules.iter().enumerate().filter_map(|(at, rule)| {
        let (id, number) = (&rule.header.id, &rule.header.number);
        let other = rules.iter().enumerate().find(|(other_at, other)| {
            // As `rules show` finds them.
            *other_at != at && other.header.number.eq_ignore_ascii_case(number)
        });
        let other = other?.1.header.id.clone();
        Some(CatalogueError::Number { file: format!("{id}.sql"), number: number.clone(), other })
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(file: &Path) -> Result<String, CatalogueError> {
    std::fs::read_to_string(file).map_err(|source| CatalogueError::Read { file: file.display().to_string(), source })
}

/// Name without ending and text of each `.sql` file, by name.
fn sql_files(dir: &Path) -> Result<Vec<(String, String)>, CatalogueError> {
    let failed = |source| CatalogueError::Read { file: dir.display().to_string(), source };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "sql") {
            files.push(path);
        }
    }
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            Ok((name, read(&file)?))
        })
        .collect()
}

fn view(name: String, text: &str) -> Result<ViewFile, CatalogueError> {
    let refuse = || CatalogueError::ViewHeader { file: format!("views/{name}.sql"), problem: header_problem(text) };
    let (doc, sql) = split_header(text).ok_or_else(refuse)?;
    let doc = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(ViewFile { name, doc, sql: sql.to_owned() })
}

const THRESHOLD_COLUMNS: [&str; 5] = ["name", "valid_from", "valid_to", "value", "source"];

fn thresholds(file: &Path, errors: &mut Vec<CatalogueError>) -> Result<Vec<Threshold>, CatalogueError> {
    let text = read(file)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut out: Vec<Threshold> = Vec::new();
    // Without a head the first row would be taken for one, in another order each value for another.
    if reader.headers().map_or(true, |head| head.iter().map(str::trim).ne(THRESHOLD_COLUMNS)) {
        let message = format!("the first line is not {}", THRESHOLD_COLUMNS.join(","));
        errors.push(CatalogueError::Threshold { file: file.display().to_string(), line: 1, message });
        return Ok(out);
    }
    for row in reader.records() {
        let line = match &row {
            Ok(row) => row.position().map_or(0, csv::Position::line),
            Err(error) => error.position().map_or(0, csv::Position::line),
        };
        let refuse = |message: String| CatalogueError::Threshold { file: file.display().to_string(), line, message };
        let read = row.map_err(|error| error.to_string()).and_then(|row| threshold(&row));
        match read {
            Ok(row) => {
                let same = out.iter().find(|other| other.name == row.name && other.overlaps(&row));
                if let Some(other) = same {
                    let message = format!("\"{}\" has a value from {} already", row.name, other.valid_from);
                    errors.push(refuse(message));
                }
                out.push(row);
            }
            Err(message) => errors.push(refuse(message)),
        }
    }
    Ok(out)
}

fn threshold(row: &csv::StringRecord) -> Result<Threshold, String> {
    let field = |index: usize| row.get(index).unwrap_or("").trim();
    let day = |index| {
        let day = parse_day(field(index)).filter(|day| (Day::FIRST..=Day::LAST).contains(day));
        day.ok_or_else(|| format!("\"{}\" is no date YYYY-MM-DD from 1900 to 2199", field(index)))
    };
    let value: Option<i64> = field(3).parse().ok().filter(|value| typed::is_number(*value));
    let threshold = Threshold {
        name: field(0).to_owned(),
        valid_from: day(1)?,
        valid_to: if field(2).is_empty() { None } else { Some(day(2)?) },
        value: value.ok_or_else(|| format!("\"{}\" is no whole number below 10^12, of digits alone", field(3)))?,
        source: field(4).to_owned(),
    };
    if threshold.valid_to.is_some_and(|to| to <= threshold.valid_from) {
        return Err(format!("valid_to {} is not after valid_from", field(2)));
    }
    if threshold.name.is_empty() {
        return Err("it has no name".to_owned());
    }
    if threshold.source.is_empty() {
        return Err(format!("\"{}\" names no source", threshold.name));
    }
    Ok(threshold)
}

impl Threshold {
    fn overlaps(&self, other: &Threshold) -> bool {
        self.valid_to.is_none_or(|to| to > other.valid_from) && other.valid_to.is_none_or(|to| to > self.valid_from)
    }

    /// Whether it is in force on a day.
    pub fn holds_on(&self, day: Day) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|to| to > day)
    }
}

/// "; did you mean ...?", or nothing.
fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match did_you_mean(&nearest(name, known)) {
        near if near.is_empty() => near,
        near => format!("; {near}"),
    }
}

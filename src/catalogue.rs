//! The `queries/` directory as texts: rules, shared views, links, thresholds, and the fixed queries. Plans nothing.
//!
//! - `file` reads a rule file (a TOML header in a comment, then one SELECT) with its `params` and `horizon`, `finding` words what it
//!   found; `links` reads a link.
//! - `tokens` and `limits` bound a text before anything recursive walks it.
//! - `stars` expands `step.*`; `rewritten` maps places in the expanded text back to the file.
//! - `parse` parses a text as SQL, `walk` visits it, `reads` finds what it reads; `uses` finds which rules need which.
//! - `gateways` says which data the control of each class may read, and by what right.
//! - `refused` and `spelling` word the errors.

pub mod exceptions;
pub mod file;
pub mod finding;
pub mod gateways;
pub mod horizon;
pub mod limits;
pub mod links;
pub mod params;
pub mod parse;
pub mod reads;
pub mod refused;
pub mod rewritten;
pub mod spelling;
pub mod stars;
mod tokens;
mod uses;
pub mod walk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::catalogue::exceptions::Exception;
use crate::catalogue::file::{FileError, RuleFile, header_problem, split_header};
use crate::catalogue::gateways::Gateways;
use crate::catalogue::links::{LinkError, LinkFile};
use crate::catalogue::reads::Definitions;
use crate::catalogue::refused::Refused;
use crate::catalogue::spelling::{did_you_mean, nearest};
use crate::decode::typed;
use crate::model::alert::Bilingual;
use crate::model::time::{Day, parse_day};
use crate::words::{Words, both, same};

/// A shared view.
#[derive(Clone, Debug)]
pub struct ViewFile {
    pub name: String,
    /// What one row of it stands for.
    pub doc: String,
    /// The SQL, with each `step.*` expanded.
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
    pub source: Bilingual,
}

/// Everything in the directory.
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
    /// Our functions and calendars, as DuckDB macros and tables.
    pub duckdb: String,
    /// Which data the control of each class may read, for which purpose.
    pub gateways: Gateways,
    /// The readers' words for evidence.
    pub words: Arc<Words>,
    /// Exceptions from safeguards, which the configuration makes and no file of the directory can.
    pub exceptions: Vec<Exception>,
    /// Whether its rules run over made-up records alone: their cases. Then no safeguard is asked for.
    pub is_made_up: bool,
}

/// Why the directory cannot be read.
#[derive(Debug, Error)]
pub enum CatalogueError {
    #[error("cannot read {file}")]
    Read { file: String, source: std::io::Error },
    #[error("{file} is not read: {why}")]
    Unread { file: String, why: &'static str },
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
    #[error("cannot set {key}: write it as rule-id.parameter")]
    Unset { key: String },
    #[error("cannot set {key}: there is no rule \"{rule}\"{near}")]
    UnknownRule { key: String, rule: String, near: String },
    #[error("no rule \"{name}\"{near}")]
    NoRule { name: String, near: String },
    #[error("rules.disabled names \"{id}\", which is the id of no rule in the directory{near}")]
    UnknownDisabled { id: String, near: String },
    #[error("no rules in {dir}")]
    Empty { dir: String },
}

impl Catalogue {
    /// Reads `dir`; `set` holds parameter values by `rule-id.parameter`. Appends errors of single files to `errors`; fails if `set`
    /// names no rule, if there are no rules, or if the directory or a fixed file cannot be read. Proves nothing (see `proofs`).
    pub(crate) fn read_directory(
        dir: &Path,
        set: &BTreeMap<String, i64>,
        errors: &mut Vec<CatalogueError>,
    ) -> Result<Catalogue, CatalogueError> {
        let mut by_rule: BTreeMap<&str, BTreeMap<String, i64>> = BTreeMap::new();
        for (key, value) in set {
            let (rule, param) = key.split_once('.').ok_or_else(|| CatalogueError::Unset { key: key.clone() })?;
            by_rule.entry(rule).or_default().insert(param.to_owned(), *value);
        }
        let mut rules = Vec::new();
        for (name, text) in sql_files(dir, errors)? {
            if ["standing", "tables", "duckdb"].contains(&name.as_str()) {
                continue;
            }
            let set = by_rule.remove(name.as_str()).unwrap_or_default();
            match RuleFile::parse_all(&name, &text, &set) {
                Ok(rule) => match limits::check("rule", &name, &rule.sql) {
                    Ok(()) => rules.push(rule),
                    Err(refused) => errors.push(CatalogueError::Refused(refused)),
                },
                Err((first, others)) => {
                    errors.extend(std::iter::once(first).chain(others).map(CatalogueError::Rule));
                }
            }
        }
        if let Some((rule, params)) = by_rule.pop_first() {
            let param = params.into_keys().next().unwrap_or_default();
            let near = near_rules(rule, &rules);
            return Err(CatalogueError::UnknownRule { key: format!("{rule}.{param}"), rule: rule.to_owned(), near });
        }
        if rules.is_empty() && errors.is_empty() {
            return Err(CatalogueError::Empty { dir: dir.display().to_string() });
        }
        strays(dir, errors)?;
        rules.sort_by(|a, b| a.header.number.cmp(&b.header.number));
        errors.extend(twice(&rules));
        let mut views = Vec::new();
        for (name, text) in sql_files(&dir.join("views"), errors)? {
            match view(name, &text) {
                Ok(view) => match limits::check("view", &view.name, &view.sql) {
                    Ok(()) => views.push(view),
                    Err(refused) => errors.push(CatalogueError::Refused(refused)),
                },
                Err(error) => errors.push(error),
            }
        }
        let mut links = Vec::new();
        for (name, text) in sql_files(&dir.join("links"), errors)? {
            match LinkFile::parse(&name, &text) {
                Ok(link) => match limits::check("link", &name, &link.sql) {
                    Ok(()) => links.push(link),
                    Err(refused) => errors.push(CatalogueError::Refused(refused)),
                },
                Err(error) => errors.push(error.into()),
            }
        }
        let mut words = words(&dir.join("words.toml"))?;
        words.set_titles(rules.iter().map(|rule| (rule.header.number.clone(), rule.header.title.clone())));
        let words = Arc::new(words);
        rules.iter_mut().for_each(|rule| rule.words = Arc::clone(&words));
        let catalogue = Catalogue {
            words,
            exceptions: Vec::new(),
            is_made_up: false,
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

    /// The views and links: everything that SQL makes of tables, by name.
    pub fn definitions(&self) -> Definitions<'_> {
        let views = self.views.iter().map(|view| (view.name.as_str(), view.sql.as_str()));
        let links = self.links.iter().map(|link| (link.table.name(), link.sql.as_str()));
        views.chain(links).collect()
    }

    /// Removes rules that no gateway allows on real data; returns their ids.
    pub fn retain_lawful(&mut self, run_closed: bool) -> Vec<String> {
        let closed = |rule: &RuleFile| !run_closed && rule.header.legal_gate == "closed";
        let left_out = self.rules.iter().filter(|rule| closed(rule)).map(|rule| rule.header.id.clone()).collect();
        self.rules.retain(|rule| !closed(rule));
        left_out
    }

    /// Refuses a disabled name that no rule has: otherwise the rule that was meant would stay in force.
    pub fn check_disabled(&self, disabled: &[String]) -> Result<(), CatalogueError> {
        let Some(id) = disabled.iter().find(|id| self.rule(id).is_none()) else { return Ok(()) };
        Err(CatalogueError::UnknownDisabled { id: id.clone(), near: near_rules(id, &self.rules) })
    }

    /// Removes rules that are disabled or drafts. A rule that stays must not use one that is removed.
    pub fn retain_live(&mut self, disabled: &[String]) -> Result<(), CatalogueError> {
        self.rules.retain(|rule| rule.header.stage == "live" && !disabled.contains(&rule.header.id));
        self.drop_unread_links();
        self.check_uses()
    }

    pub fn rule(&self, id: &str) -> Option<&RuleFile> {
        self.rules.iter().find(|rule| rule.header.id == id)
    }

    /// The rule with this id or number.
    pub fn named(&self, name: &str) -> Result<&RuleFile, CatalogueError> {
        self.rule(name).or_else(|| numbered(name, &self.rules)).ok_or_else(|| {
            let near = match near_rules(name, &self.rules) {
                near if near.is_empty() => {
                    let known: Vec<&str> = self.rules.iter().map(|rule| rule.header.id.as_str()).collect();
                    format!("; rules are {}", known.join(", "))
                }
                near => near,
            };
            CatalogueError::NoRule { name: name.to_owned(), near }
        })
    }

    /// Identifies the set of rules in force.
    pub fn set_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for rule in &self.rules {
            hash.update(self.fingerprint(rule));
        }
        hex(&hash.finalize()[..8])
    }

    /// Identifies everything that decides the rows that links show: their texts, the views, the rules that they use.
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
            hash.update(rule.cancel_reasons().join(","));
        }
        for threshold in &self.thresholds {
            hash.update(threshold.in_text());
        }
        hex(&hash.finalize()[..8])
    }

    /// Identifies everything that decides a rule's rows: its text, the views, the thresholds, the fixed query.
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
        part(&rule.cancel_reasons().join(","));
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
            part(&threshold.in_text());
        }
        part(&self.standing);
        hex(&hash.finalize()[..8])
    }
}

/// Reports each of the rules that share a number: any of them may be the new one.
fn twice(rules: &[RuleFile]) -> impl Iterator<Item = CatalogueError> {
    rules.iter().enumerate().filter_map(|(at, rule)| {
        let (id, number) = (&rule.header.id, &rule.header.number);
        let other = rules.iter().enumerate().find(|(other_at, other)| {
            // Compared as `rules show` looks numbers up.
            *other_at != at && other.header.number.eq_ignore_ascii_case(number)
        });
        let other = other?.1.header.id.clone();
        Some(CatalogueError::Number { file: format!("{id}.sql"), number: number.clone(), other })
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that a file of the directory may have.
const MOST_BYTES: u64 = 1 << 20;

/// The text of a file that a person has written, with `\n` at the end of each line, whatever editor wrote it.
pub fn text_of(file: &Path) -> std::io::Result<String> {
    let about = std::fs::metadata(file)?;
    if !about.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    if about.len() > MOST_BYTES {
        return Err(std::io::Error::other(format!("it has {} bytes, more than {MOST_BYTES}", about.len())));
    }
    let text = std::fs::read_to_string(file)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.replace("\r\n", "\n"))
}

fn read(file: &Path) -> Result<String, CatalogueError> {
    text_of(file).map_err(|source| CatalogueError::Read { file: file.display().to_string(), source })
}

/// Whether an editor or a file system leaves files with such a name beside those that a person writes: `.#x.sql`, `._x.sql`,
/// `#x.sql#`, `x.sql~`.
pub fn is_left_behind(name: &str) -> bool {
    name.starts_with(['.', '#']) || name.ends_with('~')
}

/// Name (without ending) and text of each `.sql` file, by name. Appends files that look like one and would not be read to `errors`.
fn sql_files(dir: &Path, errors: &mut Vec<CatalogueError>) -> Result<Vec<(String, String)>, CatalogueError> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries(dir)? {
        let ending = |path: &Path| path.extension().map(|ending| ending.to_string_lossy().into_owned());
        match ending(&entry).as_deref() {
            Some("sql") if !entry.is_dir() => files.push(entry),
            Some(other) if other.eq_ignore_ascii_case("sql") && !entry.is_dir() => {
                errors.push(unread(&entry, "its name must end in .sql, in lower case"));
            }
            _ => {}
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

/// What stands in a directory, without what editors leave behind.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, CatalogueError> {
    let failed = |source| CatalogueError::Read { file: dir.display().to_string(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !is_left_behind(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn unread(file: &Path, why: &'static str) -> CatalogueError {
    CatalogueError::Unread { file: file.display().to_string(), why }
}

/// Folders of the directory that are read.
const FOLDERS: [&str; 3] = ["links", "tests", "views"];

/// SQL files in folders that are not read: whoever put one there took it for a rule.
fn strays(dir: &Path, errors: &mut Vec<CatalogueError>) -> Result<(), CatalogueError> {
    let folders = entries(dir)?.into_iter().filter(|path| path.is_dir());
    let (read, others): (Vec<_>, Vec<_>) =
        folders.partition(|path| path.file_name().is_some_and(|name| FOLDERS.iter().any(|folder| name == *folder)));
    let mut open = others;
    for folder in &read {
        open.extend(entries(folder)?.into_iter().filter(|path| path.is_dir()));
    }
    while let Some(folder) = open.pop() {
        for path in entries(&folder)? {
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("sql")) {
                errors.push(unread(&path, "rules stand in the directory itself, views and links in their folders"));
            }
        }
    }
    Ok(())
}

fn view(name: String, text: &str) -> Result<ViewFile, CatalogueError> {
    let refuse = || CatalogueError::ViewHeader { file: format!("views/{name}.sql"), problem: header_problem(text) };
    let (doc, sql) = split_header(text).ok_or_else(refuse)?;
    let doc = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(ViewFile { name, doc, sql: stars::write_out(sql).text })
}

/// The words of the rules' columns and codes; a directory without the file has none.
fn words(file: &Path) -> Result<Words, CatalogueError> {
    if !file.exists() {
        return Ok(Words::default());
    }
    Words::parse(&read(file)?).map_err(|source| CatalogueError::Toml { file: "words.toml", source })
}

const THRESHOLD_COLUMNS: [&str; 5] = ["name", "valid_from", "valid_to", "value", "source"];
/// The source in Swedish may follow; without it the source is the same text in both languages.
const SOURCE_SV: &str = "source_sv";

fn thresholds(file: &Path, errors: &mut Vec<CatalogueError>) -> Result<Vec<Threshold>, CatalogueError> {
    let text = read(file)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut out: Vec<Threshold> = Vec::new();
    // Without a header line the first row would be taken for one; with columns in another order values would be mixed up.
    let is_head = |head: &csv::StringRecord| {
        let head: Vec<&str> = head.iter().map(str::trim).collect();
        head == THRESHOLD_COLUMNS || head.split_last() == Some((&SOURCE_SV, &THRESHOLD_COLUMNS[..]))
    };
    if !reader.headers().is_ok_and(is_head) {
        let message = format!("the first line is not {}, or that and {SOURCE_SV}", THRESHOLD_COLUMNS.join(","));
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
        source: if field(5).is_empty() { same(field(4)) } else { both(field(5), field(4)) },
    };
    if threshold.valid_to.is_some_and(|to| to <= threshold.valid_from) {
        return Err(format!("valid_to {} is not after valid_from", field(2)));
    }
    if threshold.name.is_empty() {
        return Err("it has no name".to_owned());
    }
    if threshold.source.en.is_empty() {
        return Err(format!("\"{}\" names no source", threshold.name));
    }
    Ok(threshold)
}

impl Threshold {
    /// What decides rows: all but the words for its source.
    fn in_text(&self) -> String {
        format!("{} {} {:?} {}", self.name, self.valid_from, self.valid_to, self.value)
    }

    fn overlaps(&self, other: &Threshold) -> bool {
        self.valid_to.is_none_or(|to| to > other.valid_from) && other.valid_to.is_none_or(|to| to > self.valid_from)
    }

    /// Whether the threshold is in force on a day.
    pub fn holds_on(&self, day: Day) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|to| to > day)
    }
}

/// The rule with this number, which readers of RULES.md may use in place of the id.
fn numbered<'a>(name: &str, rules: &'a [RuleFile]) -> Option<&'a RuleFile> {
    rules.iter().find(|rule| rule.header.number.eq_ignore_ascii_case(name))
}

/// The id of the rule with that number, else ids that are spelled like it.
fn near_rules(name: &str, rules: &[RuleFile]) -> String {
    match numbered(name, rules) {
        Some(rule) => format!("; did you mean {}?", rule.header.id),
        None => near(name, rules.iter().map(|rule| rule.header.id.as_str())),
    }
}

fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match did_you_mean(&nearest(name, known)) {
        near if near.is_empty() => near,
        near => format!("; {near}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A copy of `queries/`, each file changed.
    fn copy(change: impl Fn(String) -> String) -> TempDir {
        let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), tempfile::tempdir().unwrap());
        for folder in ["", "views", "links"] {
            fs::create_dir_all(to.path().join(folder)).unwrap();
            for file in fs::read_dir(from.join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
                if file.is_file() {
                    let text = change(fs::read_to_string(&file).unwrap());
                    fs::write(to.path().join(folder).join(file.file_name().unwrap()), text).unwrap();
                }
            }
        }
        to
    }

    fn read_all(dir: &Path) -> (Catalogue, Vec<String>) {
        let mut errors = Vec::new();
        let catalogue = Catalogue::read_directory(dir, &BTreeMap::new(), &mut errors).unwrap();
        let words = |error: CatalogueError| error.to_string().replace(&dir.display().to_string(), "");
        (catalogue, errors.into_iter().map(words).collect())
    }

    #[test]
    fn lines_may_end_as_on_windows() {
        let plain = copy(|text| text);
        let windows = copy(|text| format!("\u{feff}{}", text.replace('\n', "\r\n")));
        let ((plain, none), (windows, errors)) = (read_all(plain.path()), read_all(windows.path()));
        assert_eq!((none, errors), (Vec::new(), Vec::new()));
        assert_eq!(windows.set_fingerprint(), plain.set_fingerprint());
    }

    #[test]
    fn what_editors_leave_behind_is_no_rule_and_what_looks_like_one_is_refused() {
        let dir = copy(|text| text);
        let rules = read_all(dir.path()).0.rules.len();
        for left in
            ["._salary-drop.sql", "#salary-drop.sql#", "salary-drop.sql~", ".salary-drop.sql.swp", "views/._x.sql"]
        {
            fs::write(dir.path().join(left), [0, 159, 146, 150]).unwrap();
        }
        std::os::unix::fs::symlink("nowhere:1", dir.path().join(".#salary-drop.sql")).unwrap();
        let (catalogue, errors) = read_all(dir.path());
        assert_eq!((catalogue.rules.len(), errors), (rules, Vec::new()));
        for folder in ["old/older", "views/old", ".git"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        for stray in ["salary-drop.SQL", "old/older/r.sql", "views/old/r.Sql", ".git/r.sql"] {
            fs::write(dir.path().join(stray), "SELECT 1").unwrap();
        }
        let (_, mut errors) = read_all(dir.path());
        errors.sort();
        let moved = "rules stand in the directory itself, views and links in their folders";
        assert_eq!(
            errors,
            [
                format!("/old/older/r.sql is not read: {moved}"),
                "/salary-drop.SQL is not read: its name must end in .sql, in lower case".to_owned(),
                format!("/views/old/r.Sql is not read: {moved}"),
            ]
        );
    }

    #[test]
    fn a_file_too_large_to_be_a_text_is_not_read() {
        let dir = copy(|text| text);
        fs::write(dir.path().join("large.sql"), " ".repeat(MOST_BYTES as usize + 1)).unwrap();
        let error = Catalogue::read_directory(dir.path(), &BTreeMap::new(), &mut Vec::new()).unwrap_err();
        assert!(anyhow::Error::from(error).root_cause().to_string().contains("more than 1048576"));
    }
}

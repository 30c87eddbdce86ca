//! The `queries/` directory as texts: rules, shared views, thresholds, and the fixed queries round them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::rules::file::{FileError, RuleFile, split_header};
use crate::rules::links::{LinkError, LinkFile};
use crate::schema::TableId;
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
    #[error("view {file}: begins with no comment; say in /* ... */ what one row is")]
    ViewHeader { file: String },
    #[error("{file} line {line}: {message}")]
    Threshold { file: String, line: u64, message: String },
    #[error("cannot set {key}: write it as rule-id.parameter, for a rule in the directory")]
    UnknownRule { key: String },
    #[error("no rules in {dir}")]
    Empty { dir: String },
}

impl Catalogue {
    /// Reads `dir`; `set` holds parameter values by `rule-id.parameter`.
    pub fn load(dir: &Path, set: &BTreeMap<String, i64>) -> Result<Catalogue, CatalogueError> {
        let mut by_rule: BTreeMap<&str, BTreeMap<String, i64>> = BTreeMap::new();
        for (key, value) in set {
            let unknown = || CatalogueError::UnknownRule { key: key.clone() };
            let (rule, param) = key.split_once('.').ok_or_else(unknown)?;
            by_rule.entry(rule).or_default().insert(param.to_owned(), *value);
        }
        let mut rules = Vec::new();
        for (name, text) in sql_files(dir)? {
            if ["standing", "tables", "duckdb"].contains(&name.as_str()) {
                continue;
            }
            let set = by_rule.remove(name.as_str()).unwrap_or_default();
            rules.push(RuleFile::parse(&name, &text, &set)?);
        }
        if let Some((rule, _)) = by_rule.pop_first() {
            return Err(CatalogueError::UnknownRule { key: rule.to_owned() });
        }
        if rules.is_empty() {
            return Err(CatalogueError::Empty { dir: dir.display().to_string() });
        }
        rules.sort_by(|a, b| a.header.number.cmp(&b.header.number));
        let views = sql_files(&dir.join("views"))?.into_iter().map(|(name, text)| view(name, &text));
        let links = sql_files(&dir.join("links"))?.into_iter().map(|(name, text)| LinkFile::parse(&name, &text));
        let catalogue = Catalogue {
            rules,
            views: views.collect::<Result<_, _>>()?,
            links: links.collect::<Result<_, _>>()?,
            thresholds: thresholds(&dir.join("parameters.csv"))?,
            standing: read(&dir.join("standing.sql"))?,
            tables: read(&dir.join("tables.sql"))?,
            duckdb: read(&dir.join("duckdb.sql"))?,
        };
        catalogue.check_uses()?;
        Ok(catalogue)
    }

    /// Leaves only these rules, with those that they use and that their links use.
    pub fn retain(&mut self, ids: &[&str]) {
        let wanted: Vec<String> = ids.iter().flat_map(|id| self.with_used(id)).collect();
        self.rules.retain(|rule| wanted.contains(&rule.header.id));
        self.drop_unread_links();
    }

    /// Links fill tables for rules; one whose table nobody reads is not worth its work.
    fn drop_unread_links(&mut self) {
        let texts = self.rules.iter().map(|rule| &rule.sql).chain(self.views.iter().map(|view| &view.sql));
        let mut texts: Vec<String> = texts.cloned().collect();
        let mut read: Vec<TableId> = Vec::new();
        loop {
            let is_new =
                |link: &&LinkFile| !read.contains(&link.table) && texts.iter().any(|sql| names(sql, link.table.name()));
            let Some(link) = self.links.iter().find(is_new) else { break };
            read.push(link.table);
            texts.push(link.sql.clone());
        }
        self.links.retain(|link| read.contains(&link.table));
    }

    /// A rule with those that it uses, directly or through a link that it reads.
    fn with_used(&self, id: &str) -> Vec<String> {
        let mut ids = vec![id.to_owned()];
        let mut at = 0;
        while let Some(rule) = ids.get(at).and_then(|id| self.rule(id)) {
            let read = self.links.iter().filter(|link| names(&rule.sql, link.table.name()));
            for used in read.flat_map(|link| &link.uses).chain(&rule.header.uses) {
                if !ids.contains(used) {
                    ids.push(used.clone());
                }
            }
            at += 1;
        }
        ids
    }

    /// Rules whose rows some rule (`by_rules`) or link reads.
    pub fn used(&self, by_rules: bool) -> Vec<&RuleFile> {
        let by_rule = self.rules.iter().filter(|_| by_rules).flat_map(|rule| &rule.header.uses);
        let by_link = self.links.iter().filter(|_| !by_rules).flat_map(|link| &link.uses);
        let ids: Vec<&String> = by_rule.chain(by_link).collect();
        self.rules.iter().filter(|rule| ids.contains(&&rule.header.id)).collect()
    }

    /// A rule may use rules that themselves use none; a link any.
    fn check_uses(&self) -> Result<(), CatalogueError> {
        let refuse = |what: String, used: &str, why| Err(CatalogueError::Uses { what, used: used.to_owned(), why });
        for rule in &self.rules {
            for used in &rule.header.uses {
                let what = || format!("rule \"{}\"", rule.header.id);
                match self.rule(used) {
                    None => return refuse(what(), used, "which is not in the catalogue, or is disabled"),
                    Some(other) if !other.header.uses.is_empty() || other.header.key.is_some() => {
                        return refuse(what(), used, "which itself uses others: one level only");
                    }
                    Some(_) => {}
                }
            }
        }
        for link in &self.links {
            for used in &link.uses {
                let what = || format!("link \"{}\"", link.table.name());
                match self.rule(used) {
                    None => return refuse(what(), used, "which is not in the catalogue, or is disabled"),
                    Some(other) if other.header.key.is_some() => {
                        return refuse(what(), used, "which is not about persons");
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Leaves out rules that are disabled or only drafts. A link that reads one of them goes too, and whoever needs it says so.
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
            hash.update(&link.sql);
        }
        for view in &self.views {
            hash.update(&view.sql);
        }
        for rule in self.used(false) {
            hash.update(self.fingerprint(rule));
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

/// Whether a text names a table, as a word.
fn names(sql: &str, table: &str) -> bool {
    sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == table)
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
    let header = split_header(text);
    let (doc, sql) = header.ok_or_else(|| CatalogueError::ViewHeader { file: format!("views/{name}.sql") })?;
    let doc = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(ViewFile { name, doc, sql: sql.to_owned() })
}

fn thresholds(file: &Path) -> Result<Vec<Threshold>, CatalogueError> {
    let text = read(file)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut out = Vec::new();
    for row in reader.records() {
        let line = row.as_ref().ok().and_then(|row| row.position()).map_or(0, |position| position.line());
        let refuse = |message: String| CatalogueError::Threshold { file: file.display().to_string(), line, message };
        let row = row.map_err(|error| refuse(error.to_string()))?;
        let field = |index: usize| row.get(index).unwrap_or("").trim();
        let day = |index| parse_day(field(index)).ok_or_else(|| refuse(format!("\"{}\" is no date", field(index))));
        out.push(Threshold {
            name: field(0).to_owned(),
            valid_from: day(1)?,
            valid_to: if field(2).is_empty() { None } else { Some(day(2)?) },
            value: field(3).parse().map_err(|_| refuse(format!("\"{}\" is no whole number", field(3))))?,
            source: field(4).to_owned(),
        });
    }
    Ok(out)
}

//! The `queries/` directory as texts: rules, shared views, links, thresholds, and the fixed queries. Plans nothing.
//!
//! - `file` reads a rule file (a TOML header in a comment, then one SELECT) with its `params` and `horizon`, `finding` words what it
//!   found; `links` reads a link.
//! - `tokens` and `limits` bound a text before anything recursive walks it.
//! - `stars` expands `step.*`; `rewritten` maps places in the expanded text back to the file.
//! - `parse` parses a text as SQL, `walk` visits it, `reads` finds what it reads; `uses` finds which rules need which.
//! - `gateways` says which data the control of each class may read, and by what right.
//! - `fingerprints` identifies what decides rows.
//! - `variants` has one rule with other values, many times in one set.
//! - `files` says which files of the directory are read; `thresholds` reads `parameters.csv`.
//! - `refused` and `spelling` word the errors.

pub mod exceptions;
pub mod file;
mod files;
pub mod finding;
mod fingerprints;
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
mod thresholds;
mod tokens;
mod uses;
pub mod variants;
pub mod walk;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::catalogue::exceptions::Exception;
use crate::catalogue::file::{FileError, RuleFile, header_problem, split_header};
use crate::catalogue::files::{Directory, FileRead, sql_files, strays};
use crate::catalogue::gateways::Gateways;
use crate::catalogue::links::{LinkError, LinkFile};
use crate::catalogue::reads::Definitions;
use crate::catalogue::refused::Refused;
use crate::catalogue::spelling::{did_you_mean, nearest};
use crate::catalogue::thresholds::thresholds;
use crate::model::schema::TableId;
use crate::model::stage::Stage;
use crate::words::Words;

pub use files::{is_left_behind, text_of};
pub use thresholds::Threshold;
pub use uses::names;

/// A shared view.
#[derive(Clone, Debug)]
pub struct ViewFile {
    pub name: String,
    /// What one row of it stands for.
    pub doc: String,
    /// The SQL, with each `step.*` expanded.
    pub sql: String,
}

/// Everything in the directory.
#[derive(Clone, Debug)]
pub struct Catalogue {
    pub rules: Vec<RuleFile>,
    pub views: Vec<ViewFile>,
    pub links: Vec<LinkFile>,
    pub thresholds: Vec<Threshold>,
    /// Tables of thresholds with other values, by the names under which variants of a rule read them; none in a directory.
    pub varied: Vec<(String, Vec<Threshold>)>,
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
    /// The files that were read, by their paths within the directory.
    pub files: BTreeMap<String, FileRead>,
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
    #[error("view {file}: {name} is a table of the batch query; call the view otherwise")]
    ViewName { file: String, name: String },
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
    #[error("rules.approved: {file} {message}")]
    Approvals { file: String, message: String },
    #[error(
        "not the program's own, and approved by nobody: {}; whoever reviews it adds what `sha256sum` prints of it to the file that rules.approved names, or its stage is shadow or draft",
        files.join(", ")
    )]
    Unapproved { files: Vec<String> },
}

impl Catalogue {
    /// Reads `dir`; `set` holds parameter values by `rule-id.parameter`, or by the rule's number. Appends errors of single files to `errors`; fails if `set`
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
        let files = Directory::open(dir)?;
        let mut rules = Vec::new();
        for (name, text) in sql_files(&files, "", errors)? {
            if ["standing", "tables", "duckdb"].contains(&name.as_str()) {
                continue;
            }
            let mut set = by_rule.remove(name.as_str()).unwrap_or_default();
            if let Some(number) = file::number_of(&text)
                && let Some(key) = by_rule.keys().copied().find(|key| key.eq_ignore_ascii_case(&number))
            {
                set.extend(by_rule.remove(key).unwrap_or_default());
            }
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
        for (name, text) in sql_files(&files, "views", errors)? {
            match view(name, &text) {
                Ok(view) => match limits::check("view", &view.name, &view.sql) {
                    Ok(()) => views.push(view),
                    Err(refused) => errors.push(CatalogueError::Refused(refused)),
                },
                Err(error) => errors.push(error),
            }
        }
        let mut links = Vec::new();
        for (name, text) in sql_files(&files, "links", errors)? {
            match LinkFile::parse(&name, &text) {
                Ok(link) => match limits::check("link", &name, &link.sql) {
                    Ok(()) => links.push(link),
                    Err(refused) => errors.push(CatalogueError::Refused(refused)),
                },
                Err(error) => errors.push(error.into()),
            }
        }
        let mut words = words(&files)?;
        words.set_titles(rules.iter().map(|rule| (rule.header.number.clone(), rule.header.title.clone())));
        let words = Arc::new(words);
        rules.iter_mut().for_each(|rule| rule.words = Arc::clone(&words));
        let mut catalogue = Catalogue {
            words,
            files: BTreeMap::new(),
            exceptions: Vec::new(),
            is_made_up: false,
            rules,
            views,
            links,
            thresholds: thresholds(&files, errors)?,
            varied: Vec::new(),
            standing: files.read("standing.sql")?,
            tables: files.read("tables.sql")?,
            duckdb: files.read("duckdb.sql")?,
            gateways: Gateways::parse(&files.read("gateways.toml")?)
                .map_err(|source| CatalogueError::Toml { file: "gateways.toml", source: Box::new(source) })?,
        };
        catalogue.files = files.into_read();
        if let Err(error) = catalogue.check_uses() {
            errors.push(error);
        }
        let names = catalogue.views.iter().map(|view| &view.name).filter(|name| catalogue.is_made_by_batch(name));
        errors.extend(
            names.map(|name| CatalogueError::ViewName { file: format!("views/{name}.sql"), name: name.clone() }),
        );
        Ok(catalogue)
    }

    /// Whether the batch query makes a table of this name: a view would hide it, and be read in its place.
    fn is_made_by_batch(&self, name: &str) -> bool {
        const APART: [&str; 8] = [
            "hits",
            "clocks_file",
            "parameters",
            "standing_set",
            "rule_rows",
            "all_rule_rows",
            "all_indications",
            "case_clocks",
        ];
        let name = name.to_lowercase();
        let lines = self.tables.lines().filter_map(|line| line.strip_prefix("CREATE "));
        let made = lines.filter_map(|line| line.strip_suffix(" AS")?.rsplit(' ').next()).chain(["{table}_file"]);
        let mut tables = TableId::ALL.into_iter();
        APART.contains(&name.as_str())
            || made.clone().any(|made| made == name)
            || tables.any(|table| made.clone().any(|made| made.replace("{table}", table.name()) == name))
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

    /// Whether a rule is on trial.
    pub fn has_trials(&self) -> bool {
        self.rules.iter().any(|rule| rule.header.stage() == Stage::Shadow)
    }

    /// Keeps the rules that a live run evaluates: live and shadow ones that are not disabled. A rule that stays must not use one that
    /// is removed.
    pub fn retain_running(&mut self, disabled: &[String]) -> Result<(), CatalogueError> {
        self.rules.retain(|rule| rule.header.stage().runs() && !disabled.contains(&rule.header.id));
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
                near if near.is_empty() && self.rules.is_empty() => "; no rule was accepted".to_owned(),
                near if near.is_empty() => {
                    let known: Vec<&str> = self.rules.iter().map(|rule| rule.header.id.as_str()).collect();
                    format!("; rules are {}", known.join(", "))
                }
                near => near,
            };
            CatalogueError::NoRule { name: name.to_owned(), near }
        })
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

fn view(name: String, text: &str) -> Result<ViewFile, CatalogueError> {
    let refuse = || CatalogueError::ViewHeader { file: format!("views/{name}.sql"), problem: header_problem(text) };
    let (doc, sql) = split_header(text).ok_or_else(refuse)?;
    let doc = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(ViewFile { name, doc, sql: stars::write_out(sql).text })
}

/// The words of the rules' columns and codes; a directory without the file has none.
fn words(dir: &Directory<'_>) -> Result<Words, CatalogueError> {
    const FILE: &str = "words.toml";
    if !dir.path.join(FILE).exists() {
        return Ok(Words::default());
    }
    Words::parse(&dir.read(FILE)?).map_err(|source| CatalogueError::Toml { file: "words.toml", source })
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
    use crate::catalogue::files::MOST_BYTES;

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
    fn a_view_is_not_called_like_a_table_of_the_batch_query() {
        let dir = copy(|text| text);
        let refused = |name: &str| {
            let file = dir.path().join(format!("views/{name}.sql"));
            fs::write(&file, "/* A permit of a person. */\nSELECT person_id, permit_id, record FROM permits\n")
                .unwrap();
            let errors = read_all(dir.path()).1;
            fs::remove_file(file).unwrap();
            errors.iter().any(|error| error.contains(&format!("{name} is a table of the batch query")))
        };
        for name in [
            "scope_starts",
            "left_population",
            "payments_seen",
            "Permits_Latest",
            "permits",
            "terms_file",
            "hits",
            "feed_clocks",
        ] {
            assert!(refused(name), "{name}");
        }
        assert!(!refused("my_permits"));
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
    fn a_link_that_leads_out_of_the_directory_is_not_read() {
        let (dir, elsewhere) = (copy(|text| text), copy(|text| text));
        let link = |file: &str, to: &Path| {
            let file = dir.path().join(file);
            fs::remove_file(&file).unwrap();
            std::os::unix::fs::symlink(to, file).unwrap();
        };
        // As Kubernetes lays out a volume: the file is a link into a folder of the volume.
        fs::create_dir(dir.path().join("..data")).unwrap();
        fs::copy(elsewhere.path().join("salary-drop.sql"), dir.path().join("..data/salary-drop.sql")).unwrap();
        link("salary-drop.sql", Path::new("..data/salary-drop.sql"));
        assert_eq!(read_all(dir.path()).1, [""; 0]);
        for file in ["salary-drop.sql", "views/salaries.sql"] {
            link(file, &elsewhere.path().join(file));
        }
        let told = read_all(dir.path()).1;
        let leads_out = "it is a link that leads out of the directory of rules; put the file itself there";
        for file in ["/salary-drop.sql", "/views/salaries.sql"] {
            assert!(told.contains(&format!("{file} is not read: {leads_out}")), "{told:?}");
        }
        for file in ["words.toml", "gateways.toml", "parameters.csv", "standing.sql"] {
            link(file, &elsewhere.path().join(file));
            let error = Catalogue::read_directory(dir.path(), &BTreeMap::new(), &mut Vec::new()).unwrap_err();
            assert!(matches!(error, CatalogueError::Unread { .. }), "{file}: {error}");
            fs::remove_file(dir.path().join(file)).unwrap();
            fs::copy(elsewhere.path().join(file), dir.path().join(file)).unwrap();
        }
        // The directory itself may be a link.
        let way = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), way.path().join("queries")).unwrap();
        assert_eq!(read_all(&way.path().join("queries")).1, [""; 0]);
    }

    #[test]
    fn a_file_too_large_to_be_a_text_is_not_read() {
        let dir = copy(|text| text);
        fs::write(dir.path().join("large.sql"), " ".repeat(MOST_BYTES as usize + 1)).unwrap();
        let error = Catalogue::read_directory(dir.path(), &BTreeMap::new(), &mut Vec::new()).unwrap_err();
        assert!(anyhow::Error::from(error).root_cause().to_string().contains("more than 1048576"));
    }
}

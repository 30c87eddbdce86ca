//! Who has reviewed what officers get to see: no proof shows that a rule is fair, so somebody besides its author must.
//!
//! The texts that the program was made with have been reviewed. Of any other that a live rule rests on, a live process asks for its line in the file that
//! the configuration names: what `sha256sum` prints of it. That file is not in the directory of rules, so who may write there approves nothing. Rules that are on
//! trial, drafts and retired ones need no approval: nothing of them reaches officers.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::catalogue::{Catalogue, CatalogueError, text_of};
use crate::proofs::lawful::fixed::ROOTS;
use crate::proofs::own;

const PARAMETERS: &str = "parameters.csv";
const WORDS: &str = "words.toml";

/// Digits of a SHA-256.
const DIGITS: usize = 64;

/// The texts that somebody has reviewed: checksum and path of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvals(Vec<(String, PathBuf)>);

/// A text that nobody has approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unapproved {
    /// Its path within the directory.
    pub file: String,
    pub sha256: String,
}

impl Approvals {
    /// Reads the file that a configuration names; without one nothing is approved.
    pub fn read(file: Option<&Path>, rules: &Path) -> Result<Approvals, CatalogueError> {
        let Some(file) = file else { return Ok(Approvals::default()) };
        let refuse = |message: String| CatalogueError::Approvals { file: file.display().to_string(), message };
        let failed = |error: std::io::Error| refuse(format!("cannot be read: {error}"));
        let own = std::fs::canonicalize(file).map_err(failed)?;
        if std::fs::canonicalize(rules).is_ok_and(|rules| own.starts_with(rules)) {
            return Err(refuse("lies in the directory of rules: whoever writes rules would approve them".to_owned()));
        }
        if std::fs::metadata(&own).map_err(failed)?.permissions().mode() & 0o002 != 0 {
            return Err(refuse("may be written by everybody; `chmod o-w` it".to_owned()));
        }
        Approvals::parse(&text_of(&own).map_err(failed)?).map_err(refuse)
    }

    /// Reads what `sha256sum` prints; lines that begin with `#` are for people.
    fn parse(text: &str) -> Result<Approvals, String> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let entries = lines.map(|(at, line)| {
            let entry = line.split_once(' ').and_then(|(sum, path)| {
                let is_sum = sum.len() == DIGITS && sum.bytes().all(|digit| digit.is_ascii_hexdigit());
                // Before the path stands one more space, or an asterisk.
                let path = path.strip_prefix([' ', '*'])?;
                (is_sum && !path.is_empty()).then(|| (sum.to_ascii_lowercase(), PathBuf::from(path)))
            });
            entry.ok_or_else(|| format!("line {} is not as `sha256sum` prints it", at + 1))
        });
        entries.collect::<Result<_, _>>().map(Approvals)
    }

    fn has(&self, file: &str, sha256: &str) -> bool {
        self.0.iter().any(|(sum, path)| sum == sha256 && path.ends_with(file))
    }

    /// The texts that the live rules of a catalogue rest on and that are neither the program's own nor approved, in the order of their paths.
    pub fn missing(&self, catalogue: &Catalogue) -> Vec<Unapproved> {
        let read = rested_on(catalogue).into_iter().filter_map(|file| catalogue.files.get_key_value(&file));
        let missing = read
            .filter(|(file, read)| !own_text(file).is_some_and(|own| read.is(own)) && !self.has(file, &read.sha256));
        missing.map(|(file, read)| Unapproved { file: file.clone(), sha256: read.sha256.clone() }).collect()
    }

    /// Refuses a catalogue some of whose live rules rest on what nobody has approved.
    pub fn require(&self, catalogue: &Catalogue) -> Result<(), CatalogueError> {
        let missing = self.missing(catalogue);
        if missing.is_empty() {
            return Ok(());
        }
        let told = |of: Unapproved| format!("{} (SHA-256 {})", of.file, of.sha256);
        Err(CatalogueError::Unapproved { files: missing.into_iter().map(told).collect() })
    }
}

/// The files that the live rules rest on: their own, the views and links that they read, and what is said of thresholds and words.
fn rested_on(catalogue: &Catalogue) -> BTreeSet<String> {
    let live: Vec<_> = catalogue.rules.iter().filter(|rule| rule.header.stage().is_live()).collect();
    if live.is_empty() {
        return BTreeSet::new();
    }
    let roots = catalogue.views.iter().filter(|view| ROOTS.contains(&view.name.as_str()));
    let texts = live.iter().map(|rule| rule.sql.as_str()).chain(roots.clone().map(|view| view.sql.as_str()));
    let (views, tables) = catalogue.read_by(texts.collect());
    let links = catalogue.links.iter().filter(|link| tables.contains(&link.table));
    let rules = live.iter().map(|rule| format!("{}.sql", rule.header.id));
    let views = views.iter().chain(roots.map(|view| &view.name)).map(|view| format!("views/{view}.sql"));
    let links = links.map(|link| format!("links/{}.sql", link.table.name()));
    rules.chain(views).chain(links).chain([PARAMETERS, WORDS].map(str::to_owned)).collect()
}

/// The program's own text of a file of the directory.
fn own_text(file: &str) -> Option<&'static str> {
    let name = file.strip_suffix(".sql");
    match file.split_once('/') {
        Some(("views", _)) => own::of(own::VIEWS, name?.strip_prefix("views/")?),
        Some(("links", _)) => own::of(own::LINKS, name?.strip_prefix("links/")?),
        Some(_) => None,
        None if file == PARAMETERS => Some(own::PARAMETERS),
        None if file == WORDS => Some(own::WORDS),
        None => own::of(own::RULES, name?),
    }
}

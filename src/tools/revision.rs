//! Where rules are: in a directory (`queries`), or in one as it was at a git revision (`git:REV`, `git:REV:DIR`).
//!
//! The second is read through the `git` program into a temporary directory, which goes with the value. Neither the work tree nor the index
//! of the repository is touched.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use thiserror::Error;

/// Before a revision.
const GIT: &str = "git:";

/// The directory that `git:REV` means.
pub const RULES: &str = "queries";

/// Why a directory as it was at a revision cannot be read.
#[derive(Debug, Error)]
pub enum RevisionError {
    #[error("it names no revision; write git:REV or git:REV:DIR")]
    Unnamed,
    #[error("there is no git to run")]
    NoGit(#[source] std::io::Error),
    #[error("git knows no revision \"{revision}\" here (a shallow clone has few)")]
    NoRevision { revision: String },
    #[error("revision \"{revision}\" has no folder {}", folder.display())]
    NoFolder { revision: String, folder: PathBuf },
    #[error("git says: {0}")]
    Refused(String),
    #[error("cannot make a temporary directory")]
    Temporary(#[source] std::io::Error),
}

/// A directory of rules that can be read.
#[derive(Debug)]
pub struct RulesDirectory {
    path: PathBuf,
    /// Holds what was checked out of a revision.
    _checked_out: Option<TempDir>,
}

impl RulesDirectory {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens what a user has named.
pub fn open(named: &Path) -> Result<RulesDirectory, RevisionError> {
    let Some(text) = named.to_str().and_then(|text| text.strip_prefix(GIT)) else {
        return Ok(RulesDirectory { path: named.to_owned(), _checked_out: None });
    };
    let (revision, folder) = text.split_once(':').unwrap_or((text, RULES));
    // A word that begins with a dash would be an option of git.
    if revision.is_empty() || revision.starts_with('-') || folder.is_empty() {
        return Err(RevisionError::Unnamed);
    }
    check_out(revision, Path::new(folder))
}

/// The same with the folder that is meant if none is named.
pub fn with_folder(named: &Path, folder: &Path) -> PathBuf {
    match named.to_str().and_then(|text| text.strip_prefix(GIT)) {
        Some(revision) if !revision.contains(':') && folder != Path::new(RULES) => {
            format!("{GIT}{revision}:{}", folder.display()).into()
        }
        _ => named.to_owned(),
    }
}

fn check_out(revision: &str, folder: &Path) -> Result<RulesDirectory, RevisionError> {
    let (at, below) = nearest(folder);
    let repository = git(at, &["rev-parse", "--absolute-git-dir"])?.ok_or_else(no_words)?;
    if git(at, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")])?.is_none() {
        return Err(RevisionError::NoRevision { revision: revision.to_owned() });
    }
    let missing = || RevisionError::NoFolder { revision: revision.to_owned(), folder: folder.to_owned() };
    let tree = format!("{revision}:./{}", below.display());
    let tree = git(at, &["rev-parse", "--verify", "--quiet", &tree])?.ok_or_else(missing)?;
    if git(at, &["cat-file", "-t", &tree])?.as_deref() != Some("tree") {
        return Err(missing());
    }
    let temporary = tempfile::tempdir().map_err(RevisionError::Temporary)?;
    let path = temporary.path().join("rules");
    std::fs::create_dir(&path).map_err(RevisionError::Temporary)?;
    let index = temporary.path().join("index");
    for args in [["read-tree", tree.as_str()], ["checkout-index", "--all"]] {
        let mut command = bare(&path);
        command.env("GIT_INDEX_FILE", &index).env("GIT_DIR", &repository).env("GIT_WORK_TREE", &path);
        said(command.args(args))?.ok_or_else(no_words)?;
    }
    Ok(RulesDirectory { path, _checked_out: Some(temporary) })
}

/// The nearest folder that is there now, and the rest of the path: the folder may have been removed since.
fn nearest(folder: &Path) -> (&Path, &Path) {
    let here = Path::new(".");
    let above = folder.ancestors().find(|above| above.is_dir()).filter(|above| !above.as_os_str().is_empty());
    above.map_or((here, folder), |above| (above, folder.strip_prefix(above).unwrap_or(here)))
}

/// What git answers; `None` if it answers no without a word.
fn git(at: &Path, args: &[&str]) -> Result<Option<String>, RevisionError> {
    said(bare(at).args(args))
}

/// Git in a folder, whatever a hook that runs this program has set.
fn bare(at: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(at);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    command
}

fn said(command: &mut Command) -> Result<Option<String>, RevisionError> {
    let output = command.output().map_err(RevisionError::NoGit)?;
    if output.status.success() {
        return Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()));
    }
    let words = String::from_utf8_lossy(&output.stderr);
    match words.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => Err(RevisionError::Refused(line.trim_start_matches("fatal: ").to_owned())),
        None => Ok(None),
    }
}

fn no_words() -> RevisionError {
    RevisionError::Refused("nothing".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn run(at: &Path, args: &[&str]) {
        let name = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
        assert!(bare(at).args(name).args(args).output().unwrap().status.success(), "{args:?}");
    }

    /// A repository whose folder `a/rules` was there at the tag `first`, and is gone since.
    fn repository() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let rules = dir.path().join("a/rules");
        fs::create_dir_all(rules.join("views")).unwrap();
        fs::write(rules.join("one.sql"), "as it was").unwrap();
        fs::write(rules.join("views/two.sql"), "a view").unwrap();
        run(dir.path(), &["init", "--quiet"]);
        run(dir.path(), &["add", "."]);
        run(dir.path(), &["commit", "--quiet", "-m", "x"]);
        run(dir.path(), &["tag", "first"]);
        fs::remove_dir_all(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("b"), "a file").unwrap();
        run(dir.path(), &["add", "."]);
        dir
    }

    fn named(revision: &str, folder: &Path) -> PathBuf {
        format!("git:{revision}:{}", folder.display()).into()
    }

    #[test]
    fn a_folder_is_read_as_it_was() {
        let dir = repository();
        let status = |()| git(dir.path(), &["status", "--porcelain"]).unwrap().unwrap();
        let before = status(());
        let opened = open(&named("first", &dir.path().join("a/rules"))).unwrap();
        let path = opened.path().to_owned();
        assert_eq!(fs::read_to_string(path.join("one.sql")).unwrap(), "as it was");
        assert_eq!(fs::read_to_string(path.join("views/two.sql")).unwrap(), "a view");
        assert!(before.contains("A  b") && status(()) == before, "the index is as it was: {before}");
        drop(opened);
        assert!(!path.exists());
        assert_eq!(open(Path::new("some/folder")).unwrap().path(), Path::new("some/folder"));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let dir = repository();
        let says = |named: &Path, words: &str| {
            let error = open(named).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        says(&named("second", &dir.path().join("a/rules")), "no revision \"second\"");
        says(&named("first", &dir.path().join("a/queries")), "revision \"first\" has no folder");
        says(&named("first", &dir.path().join("a/rules/one.sql")), "revision \"first\" has no folder");
        says(&named("--all", &dir.path().join("a/rules")), "names no revision");
        says(Path::new("git:"), "names no revision");
        let elsewhere = tempfile::tempdir().unwrap();
        says(&named("first", elsewhere.path()), "not a git repository");
    }
}

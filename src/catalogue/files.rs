//! The files of the directory: which are read, which are refused, and their texts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::catalogue::CatalogueError;

/// Bytes that a file of the directory may have.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// The directory of rules, of which only what lies in it is read: a link that leads out of it would have another file read than the
/// one that was reviewed. Links within it are how a volume of Kubernetes puts files there.
#[derive(Debug)]
pub(super) struct Directory<'a> {
    pub path: &'a Path,
    /// Without links.
    root: PathBuf,
    seen: RefCell<BTreeMap<String, FileRead>>,
}

/// What a file of the directory was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRead {
    /// Of its bytes, as `sha256sum` prints it.
    pub sha256: String,
    /// Of its text, whatever editor ended the lines.
    of_text: [u8; 32],
}

impl FileRead {
    fn new(bytes: &[u8], text: &str) -> FileRead {
        FileRead { sha256: hex::encode(Sha256::digest(bytes)), of_text: Sha256::digest(text.as_bytes()).into() }
    }

    /// Whether its text is this one.
    pub fn is(&self, text: &str) -> bool {
        let text = text.replace("\r\n", "\n");
        self.of_text == <[u8; 32]>::from(Sha256::digest(text.as_bytes()))
    }
}

impl<'a> Directory<'a> {
    pub fn open(path: &'a Path) -> Result<Directory<'a>, CatalogueError> {
        let failed = |source| CatalogueError::Read { file: path.display().to_string(), source };
        Ok(Directory { path, root: std::fs::canonicalize(path).map_err(failed)?, seen: RefCell::default() })
    }

    /// The text of a file of the directory, by its path within it.
    pub fn read(&self, file: impl AsRef<Path>) -> Result<String, CatalogueError> {
        let name = file.as_ref().display().to_string();
        let file = self.path.join(file);
        let failed = |source| CatalogueError::Read { file: file.display().to_string(), source };
        if !self.holds(&file).map_err(failed)? {
            return Err(unread(&file, LEADS_OUT));
        }
        let bytes = bytes_of(&file).map_err(failed)?;
        let text = decoded(&bytes).map_err(failed)?;
        self.seen.borrow_mut().insert(name, FileRead::new(&bytes, &text));
        Ok(text)
    }

    /// The files that have been read, by their paths within the directory.
    pub fn into_read(self) -> BTreeMap<String, FileRead> {
        self.seen.into_inner()
    }

    /// Whether a file or folder lies in the directory once links are followed.
    fn holds(&self, path: &Path) -> std::io::Result<bool> {
        Ok(std::fs::canonicalize(path)?.starts_with(&self.root))
    }
}

const LEADS_OUT: &str = "it is a link that leads out of the directory of rules; put the file itself there";

/// The text of a file that a person has written, with `\n` at the end of each line, whatever editor wrote it.
pub fn text_of(file: &Path) -> std::io::Result<String> {
    decoded(&bytes_of(file)?)
}

fn bytes_of(file: &Path) -> std::io::Result<Vec<u8>> {
    let about = std::fs::metadata(file)?;
    if !about.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    if about.len() > MOST_BYTES {
        return Err(std::io::Error::other(format!("it has {} bytes, more than {MOST_BYTES}", about.len())));
    }
    std::fs::read(file)
}

fn decoded(bytes: &[u8]) -> std::io::Result<String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        std::io::Error::other(format!("line {line} has a character that is not UTF-8; save the file as UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(text.replace("\r\n", "\n"))
}

/// Whether an editor or a file system leaves files with such a name beside those that a person writes: `.#x.sql`, `._x.sql`,
/// `#x.sql#`, `x.sql~`.
pub fn is_left_behind(name: &str) -> bool {
    name.starts_with(['.', '#']) || name.ends_with('~')
}

/// Name (without ending) and text of each `.sql` file of a folder, by name. Appends files that look like one and would not be read to
/// `errors`.
pub(super) fn sql_files(
    dir: &Directory<'_>,
    folder: &str,
    errors: &mut Vec<CatalogueError>,
) -> Result<Vec<(String, String)>, CatalogueError> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries(&dir.path.join(folder))? {
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
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        match dir.read(Path::new(folder).join(file.file_name().unwrap_or_default())) {
            Ok(text) => texts.push((name, text)),
            Err(error @ CatalogueError::Unread { .. }) => errors.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok(texts)
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
pub(super) fn strays(dir: &Path, errors: &mut Vec<CatalogueError>) -> Result<(), CatalogueError> {
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

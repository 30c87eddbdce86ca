//! Files that commands write: whole, or not at all.
//!
//! A file is written under another name in the same folder, and takes its own name once all of it is on the disk. So a missing
//! folder or right is reported before the work and not after, a full disk leaves what was there before, and nobody takes a cut file
//! for a whole one. What is no file (`/dev/stdout`, a pipe) is written directly.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that is being written.
pub struct OutFile {
    /// As the user named it.
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    Beside { out: BufWriter<NamedTempFile>, name: PathBuf },
    Direct(BufWriter<File>),
}

const BUFFER_BYTES: usize = 1 << 18;

impl OutFile {
    /// Begins to write; nothing has the name `path` before `finish`.
    pub fn create(path: &Path) -> io::Result<OutFile> {
        // The file that a link names is replaced, not the link.
        let name = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let found = std::fs::metadata(&name).ok();
        // `/dev/stdout` may be a file that the shell has opened: another in its place would not be that one.
        let is_opened = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
        if is_opened || found.as_ref().is_some_and(|found| !found.is_file()) {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(OutFile { path: path.to_owned(), kind: Kind::Direct(BufWriter::new(file)) });
        }
        if found.is_some() {
            // A file that may not be written may not be replaced either.
            OpenOptions::new().write(true).open(&name)?;
        }
        let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // One that may not be looked into is not missing: the attempt below says so.
        if std::fs::metadata(folder).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            let message = format!("there is no folder {}", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        // What is new is for its owner alone: most of what is written is about somebody. So what is replaced keeps the rights of its owner
        // and group, and gives none to others.
        let mode = found.map_or(0o600, |found| found.permissions().mode() & 0o770);
        let permissions = Permissions::from_mode(mode);
        let beside = tempfile::Builder::new().prefix(".").suffix(".part").permissions(permissions).tempfile_in(folder);
        let kind = Kind::Beside { out: BufWriter::with_capacity(BUFFER_BYTES, beside.map_err(plain)?), name };
        Ok(OutFile { path: path.to_owned(), kind })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name. A file that is dropped before leaves nothing.
    pub fn finish(self) -> io::Result<()> {
        match self.kind {
            Kind::Direct(mut out) => out.flush(),
            Kind::Beside { out, name } => {
                let file = out.into_inner().map_err(|failed| plain(failed.into_error()))?;
                // A full disk may show only now.
                file.as_file().sync_all()?;
                file.persist(name).map(drop).map_err(|failed| failed.error)
            }
        }
    }

    /// Writes a whole file.
    pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OutFile::create(path)?;
        file.write_all(bytes)?;
        file.finish()
    }
}

/// What kind of error it is: `tempfile` adds the name of a file that nobody asked for.
fn plain(error: io::Error) -> io::Error {
    if error.get_ref().is_some() { error.kind().into() } else { error }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.kind {
            Kind::Beside { out, .. } => out.write(bytes).map_err(plain),
            Kind::Direct(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.kind {
            Kind::Beside { out, .. } => out.flush().map_err(plain),
            Kind::Direct(out) => out.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_is_not_finished_leaves_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let mut file = OutFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!((names(dir.path()), fs::read_to_string(&path).unwrap()), (vec!["a".to_owned()], "before".into()));
        OutFile::write(&path, b"whole").unwrap();
        assert_eq!((names(dir.path()), fs::read_to_string(&path).unwrap()), (vec!["a".to_owned()], "whole".into()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn the_file_that_a_link_names_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        OutFile::write(&link, b"after").unwrap();
        assert!(link.is_symlink() && fs::read_to_string(&file).unwrap() == "after");
    }

    #[test]
    fn what_cannot_be_written_is_said_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("no/such/file");
        let error = OutFile::create(&missing).err().unwrap().to_string();
        assert_eq!(error, format!("there is no folder {}", dir.path().join("no/such").display()));
        assert!(OutFile::create(dir.path()).is_err());
        let within_a_file = dir.path().join("a");
        fs::write(&within_a_file, "").unwrap();
        let error = OutFile::create(&within_a_file.join("b")).err().unwrap().to_string();
        assert!(error.contains("not a directory") && !error.contains(".part"), "{error}");
    }

    #[test]
    fn a_device_is_written_directly_and_its_failure_told() {
        assert!(OutFile::write(Path::new("/dev/null"), b"anything").is_ok());
        let full = OutFile::write(Path::new("/dev/full"), b"anything").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }
}

//! The folder of a shard's checkpoints: names of its files, and how they get there.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::CheckpointError;
use super::manifest::{BlockAt, Manifest, Part, Seal, sha256};
use crate::output::OutFile;
use crate::pseudonyms::Pseudonyms;

/// A shard's folder within the configured one.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// A generation's manifest, or why it cannot be read.
pub struct Generation {
    pub number: u64,
    /// Its path, for messages.
    pub file: String,
    manifest: Result<(Manifest, Seal), CheckpointError>,
}

impl Generation {
    /// What it says, whoever wrote it. A start asks for [`Generation::sealed`].
    pub fn manifest(&self) -> Result<&Manifest, &CheckpointError> {
        self.manifest.as_ref().map(|(manifest, _)| manifest)
    }

    /// The same.
    pub fn into_manifest(self) -> Result<Manifest, CheckpointError> {
        self.manifest.map(|(manifest, _)| manifest)
    }

    /// What it says, if a process that has one of these keys has written it.
    pub fn sealed(self, keys: &Pseudonyms) -> Result<Manifest, CheckpointError> {
        let (manifest, seal) = self.manifest?;
        match seal.is_of(keys) {
            true => Ok(manifest),
            false => Err(CheckpointError::Unsealed { file: self.file }),
        }
    }
}

impl Directory {
    /// `root` is the configured folder.
    pub fn of(root: &Path, shard: i32) -> Directory {
        Directory { path: root.join(format!("shard-{shard:04}")) }
    }

    /// The shards that have a folder, by number.
    pub fn shards(root: &Path) -> Result<Vec<i32>, CheckpointError> {
        let names = names(root).map_err(|source| failed("list", root, source))?;
        let number = |name: &String| name.strip_prefix("shard-")?.parse().ok();
        let mut shards: Vec<i32> = names.iter().filter_map(number).collect();
        shards.sort_unstable();
        Ok(shards)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An error if everybody may write to the folder or to the one around it.
    pub fn check_rights(&self) -> Result<(), CheckpointError> {
        for folder in self.path.parent().into_iter().chain([self.path.as_path()]) {
            if fs::metadata(folder).is_ok_and(|found| found.mode() & 0o002 != 0) {
                return Err(CheckpointError::Open { dir: folder.to_owned() });
            }
        }
        Ok(())
    }

    /// Makes the folder, for its owner alone.
    pub fn create(&self) -> Result<(), CheckpointError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(|source| failed("create", &self.path, source))
    }

    /// Takes the folder for this process, until the file is dropped. An error if another process has it for longer than a shard needs to move.
    pub fn lock(&self) -> Result<File, CheckpointError> {
        let path = self.path.join(LOCK);
        let wrong = |source| failed("lock", &path, source);
        let file = File::options().create(true).write(true).truncate(false).mode(0o600).open(&path).map_err(wrong)?;
        let until = Instant::now() + LOCK_TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::park_timeout(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(CheckpointError::InUse { dir: self.path.clone() });
                }
                Err(TryLockError::Error(source)) => return Err(wrong(source)),
            }
        }
    }

    /// The generations that are there, newest first.
    pub fn generations(&self) -> Result<Vec<Generation>, CheckpointError> {
        let names = match names(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            names => names.map_err(|source| failed("list", &self.path, source))?,
        };
        let mut generations = Vec::new();
        for file in names {
            let Some(number) = number_of(&file) else { continue };
            let path = self.name(&file);
            let manifest = self.read(&file).and_then(|bytes| match Manifest::decode(&bytes, &path)? {
                (manifest, _) if manifest.generation != number => {
                    Err(CheckpointError::damaged(&path, format!("it is generation {}", manifest.generation)))
                }
                own => Ok(own),
            });
            generations.push(Generation { number, file: path, manifest });
        }
        generations.sort_by(|one, other| (other.number, &other.file).cmp(&(one.number, &one.file)));
        Ok(generations)
    }

    /// Writes a file whole: it has its name only once it is on the disk.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CheckpointError> {
        self.write_pieces(name, std::iter::once(Ok(bytes)))
    }

    /// The same of a file that is made piece by piece.
    pub fn write_pieces<B: AsRef<[u8]>>(
        &self,
        name: &str,
        pieces: impl Iterator<Item = Result<B, CheckpointError>>,
    ) -> Result<(), CheckpointError> {
        let path = self.path.join(name);
        let wrong = |source| failed("write", &path, source);
        let mut file = OutFile::create(&path).map_err(wrong)?;
        for piece in pieces {
            file.write_all(piece?.as_ref()).map_err(wrong)?;
        }
        file.finish().map_err(wrong)?;
        // The name is on the disk only once its folder is.
        File::open(&self.path)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| failed("write", &self.path, source))
    }

    pub fn read(&self, name: &str) -> Result<Vec<u8>, CheckpointError> {
        let path = self.path.join(name);
        let read = open(&path).and_then(|(mut file, length)| {
            if length > MOST_OF_A_MANIFEST {
                return Err(io::Error::other(format!("it has {length} bytes")));
            }
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        read.map_err(|source| failed("read", &path, source))
    }

    /// Whether all parts are there, as long as they should be.
    pub fn has(&self, parts: &[Part]) -> Result<(), CheckpointError> {
        parts.iter().try_for_each(|part| self.open(part).map(drop))
    }

    /// Opens a part whose blocks are then read one by one.
    pub fn open(&self, part: &Part) -> Result<OpenPart, CheckpointError> {
        if part.file.contains('/') || !part.file.starts_with("part-") {
            return Err(CheckpointError::damaged(&self.name(&part.file), "it is not a part of this shard"));
        }
        let path = self.path.join(&part.file);
        let (file, found) = open(&path).map_err(|source| failed("read", &path, source))?;
        if found != part.bytes {
            let what = format!("it has {found} bytes instead of {}", part.bytes);
            return Err(CheckpointError::damaged(&self.name(&part.file), what));
        }
        Ok(OpenPart { file, length: found, path })
    }

    /// Removes what no generation names that can be read and was written under these keys, and generations beyond the newest `keep`. A file
    /// that cannot be removed stays.
    pub fn clean(&self, keep: usize, keys: &Pseudonyms) -> Result<(), CheckpointError> {
        let mut named: Vec<String> = Vec::new();
        let mut kept = 0;
        for generation in self.generations()? {
            let name = manifest_name(generation.number);
            match generation.sealed(keys) {
                Ok(manifest) if kept < keep => {
                    kept += 1;
                    named.push(name);
                    named.extend(manifest.parts.into_iter().map(|part| part.file));
                }
                // Another program may read what is newer.
                Err(CheckpointError::Newer { .. }) => return Ok(()),
                _ => self.remove(&name),
            }
        }
        if kept == 0 {
            return Ok(());
        }
        for name in names(&self.path).map_err(|source| failed("list", &self.path, source))? {
            let is_ours = name.starts_with("part-") || name.ends_with(".part");
            if is_ours && !named.contains(&name) {
                self.remove(&name);
            }
        }
        Ok(())
    }

    fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.path.join(name));
    }

    /// The file's name for messages.
    pub fn name(&self, file: &str) -> String {
        self.path.join(file).display().to_string()
    }
}

/// A part that is being read.
pub struct OpenPart {
    file: File,
    length: u64,
    path: PathBuf,
}

impl OpenPart {
    /// The bytes of a block, if they are those that were written.
    pub fn block(&self, block: &BlockAt) -> Result<Vec<u8>, CheckpointError> {
        let damaged = |what: String| CheckpointError::damaged(&self.path.display().to_string(), what);
        if block.offset.checked_add(block.bytes).is_none_or(|end| end > self.length) {
            return Err(damaged(format!("{} bytes from byte {} lie beyond its end", block.bytes, block.offset)));
        }
        let mut bytes = vec![0; block.bytes as usize];
        self.file.read_exact_at(&mut bytes, block.offset).map_err(|source| failed("read", &self.path, source))?;
        match sha256(&bytes) == block.sha256 {
            true => Ok(bytes),
            false => Err(damaged(format!("the hash of {} bytes from byte {} is another", block.bytes, block.offset))),
        }
    }
}

/// The file whose lock says that a process writes here.
const LOCK: &str = "lock";
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A manifest has some hundred bytes for each block.
const MOST_OF_A_MANIFEST: u64 = 256 << 20;

/// Opens a file that is one, and not a pipe that nobody writes to or a device without end; gives its length.
fn open(path: &Path) -> io::Result<(File, u64)> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

/// A manifest's name.
pub fn manifest_name(generation: u64) -> String {
    format!("manifest-{generation:010}.json")
}

fn number_of(file: &str) -> Option<u64> {
    file.strip_prefix("manifest-")?.strip_suffix(".json")?.parse().ok()
}

fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> CheckpointError {
    CheckpointError::File { action, file: path.to_owned(), source }
}

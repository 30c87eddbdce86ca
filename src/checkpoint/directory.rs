//! The folder of a shard's checkpoints: names of its files, and how they get there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};

use super::CheckpointError;
use super::manifest::{BlockAt, Manifest, Part};
use crate::output::OutFile;

/// A shard's folder within the configured one.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// A generation's manifest, or why it cannot be read.
pub struct Generation {
    pub number: u64,
    pub file: String,
    pub manifest: Result<Manifest, CheckpointError>,
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

    /// Makes the folder, for its owner alone.
    pub fn create(&self) -> Result<(), CheckpointError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(|source| failed("create", &self.path, source))
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
            let manifest = self.read(&file).and_then(|bytes| Manifest::decode(&bytes, &self.name(&file)));
            generations.push(Generation { number, file, manifest });
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
        fs::read(&path).map_err(|source| failed("read", &path, source))
    }

    /// Opens a part whose blocks are then read one by one.
    pub fn open(&self, part: &Part) -> Result<OpenPart, CheckpointError> {
        let path = self.path.join(&part.file);
        let file = File::open(&path).map_err(|source| failed("read", &path, source))?;
        let found = file.metadata().map_err(|source| failed("read", &path, source))?.len();
        if found != part.bytes {
            let what = format!("it has {found} bytes instead of {}", part.bytes);
            return Err(CheckpointError::damaged(&self.name(&part.file), what));
        }
        Ok(OpenPart { file, path })
    }

    /// Removes what no generation that can be read names, and generations beyond the newest `keep`. A file that cannot be removed stays.
    pub fn clean(&self, keep: usize) -> Result<(), CheckpointError> {
        let mut named: Vec<String> = Vec::new();
        let mut kept = 0;
        for generation in self.generations()? {
            match generation.manifest {
                Ok(manifest) if kept < keep => {
                    kept += 1;
                    named.push(generation.file);
                    named.extend(manifest.parts.into_iter().map(|part| part.file));
                }
                // Another program may read what is newer.
                Err(CheckpointError::Newer { .. }) => return Ok(()),
                _ => self.remove(&generation.file),
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
    path: PathBuf,
}

impl OpenPart {
    /// The bytes of a block, if they are those that were written.
    pub fn block(&self, block: &BlockAt) -> Result<Vec<u8>, CheckpointError> {
        let mut bytes = vec![0; block.bytes as usize];
        self.file.read_exact_at(&mut bytes, block.offset).map_err(|source| failed("read", &self.path, source))?;
        match crc32fast::hash(&bytes) == block.crc32 {
            true => Ok(bytes),
            false => {
                let what = format!("the checksum of {} bytes from byte {} is another", block.bytes, block.offset);
                Err(CheckpointError::damaged(&self.path.display().to_string(), what))
            }
        }
    }
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

//! The audit log: who has turned pseudonyms back, or looked at what stands behind an alert, when, and why.
//!
//! One JSON object a line. Each entry holds the seal of the one before it, and a seal of its own: HMAC-SHA256 under a key made from that of
//! the pseudonyms. So nobody without the key can change, remove or insert an entry unseen; only entries at the end can be cut off, which
//! shows against the number and the seal of the last one that was noted elsewhere (`permitwatch audit verify` prints both, each look
//! logs them). An entry names tokens and pseudonyms, never what they stand for. It is on the disk before anything is shown.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::model::clock::wall;
use crate::model::time::format_micros;
use crate::pseudonyms::Pseudonyms;

/// Why an entry could not be added, or the log does not hold.
#[derive(Debug, Error)]
pub enum AuditError {
    #[error("audit log {}: {source}; nothing is shown that it cannot record", file.display())]
    File { file: PathBuf, source: std::io::Error },
    #[error("audit log {}, line {line}: {message}", file.display())]
    Broken { file: PathBuf, line: usize, message: String },
}

/// One look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// 1 for the first.
    pub number: u64,
    /// RFC 3339, by the wall clock.
    pub at: String,
    /// The operating system's number of the user, and the name that the environment gives.
    pub uid: u32,
    pub user: String,
    pub command: String,
    pub reason: String,
    /// Tokens, pseudonyms, alert ids.
    pub about: Vec<String>,
    /// The id of the key that the seal was made with.
    pub key_id: String,
    /// The seal of the entry before; empty for the first.
    pub previous: String,
    pub seal: String,
}

/// The last entry of a log, its number and seal, and since when there are entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub number: u64,
    pub seal: String,
    pub since: String,
}

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct Look<'a> {
    pub command: &'a str,
    pub reason: &'a str,
    pub about: Vec<String>,
}

/// Adds an entry, and returns once it is on the disk. Refuses to go on after entries that do not hold.
pub fn record(file: &Path, pseudonyms: &Pseudonyms, look: Look<'_>) -> Result<Head, AuditError> {
    let failed = |source| AuditError::File { file: file.to_owned(), source };
    let refused = |message: String| failed(std::io::Error::new(std::io::ErrorKind::PermissionDenied, message));
    let found = std::fs::symlink_metadata(file).ok();
    if let Some(found) = &found {
        if !found.is_file() {
            return Err(refused("it is a link or no file; name the file itself".to_owned()));
        }
        if found.len() == 0 {
            return Err(refused("it has been emptied; note when, and take the file away to begin another".to_owned()));
        }
    }
    let mut log = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file).map_err(failed)?;
    let mode = log.metadata().map_err(failed)?.mode();
    if mode & 0o022 != 0 {
        let message = format!("others may write to it (mode {:04o}); chmod 600 it", mode & 0o7777);
        return Err(refused(message));
    }
    // Two looks at the same time follow one another.
    log.lock().map_err(failed)?;
    let before = read(file, &log, pseudonyms)?;
    let user = ["SUDO_USER", "LOGNAME", "USER"].iter().find_map(|name| std::env::var(name).ok());
    let entry = Entry {
        number: before.number + 1,
        at: format_micros(wall().0),
        uid: std::fs::metadata("/proc/self").or_else(|_| log.metadata()).map_err(failed)?.uid(),
        user: user.unwrap_or_default(),
        command: look.command.to_owned(),
        reason: look.reason.to_owned(),
        about: look.about,
        key_id: pseudonyms.key_id().to_owned(),
        previous: before.seal,
        seal: String::new(),
    };
    let seal = seal(&entry, pseudonyms).unwrap_or_default();
    let entry = Entry { seal, ..entry };
    let mut line = serde_json::to_string(&entry).map_err(|error| failed(error.into()))?;
    line.push('\n');
    log.write_all(line.as_bytes()).and_then(|()| log.sync_all()).map_err(failed)?;
    let since = if before.number == 0 { entry.at } else { before.since };
    Ok(Head { number: entry.number, seal: entry.seal, since })
}

/// Checks a log from its first entry to its last.
pub fn verify(file: &Path, pseudonyms: &Pseudonyms) -> Result<Head, AuditError> {
    let log = File::open(file).map_err(|source| AuditError::File { file: file.to_owned(), source })?;
    read(file, &log, pseudonyms)
}

fn read(file: &Path, log: &File, pseudonyms: &Pseudonyms) -> Result<Head, AuditError> {
    let mut head = Head::default();
    for (at, line) in BufReader::new(log).lines().enumerate() {
        let broken =
            |message: &str| AuditError::Broken { file: file.to_owned(), line: at + 1, message: message.into() };
        let line = line.map_err(|source| AuditError::File { file: file.to_owned(), source })?;
        let entry: Entry = serde_json::from_str(&line).map_err(|_| broken("this is no entry"))?;
        if entry.number != head.number + 1 {
            return Err(broken(&format!("entry {} follows entry {}: some are missing", entry.number, head.number)));
        }
        if entry.previous != head.seal {
            return Err(broken("it does not follow the entry before it: one of the two has been changed"));
        }
        match seal(&entry, pseudonyms) {
            None => return Err(broken(&format!("its key {:?} is not configured", entry.key_id))),
            Some(seal) if seal != entry.seal => return Err(broken("it has been changed")),
            Some(_) => {
                let since = if head.number == 0 { entry.at } else { head.since };
                head = Head { number: entry.number, seal: entry.seal, since };
            }
        }
    }
    Ok(head)
}

/// The seal of an entry; `None` if its key is not known here.
fn seal(entry: &Entry, pseudonyms: &Pseudonyms) -> Option<String> {
    let unsealed = Entry { seal: String::new(), ..entry.clone() };
    // Numbers and texts always serialize.
    pseudonyms.seal_entry(&entry.key_id, &serde_json::to_vec(&unsealed).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Pseudonyms {
        Pseudonyms::new("4be1f0c6a7d2953088ef6b1a2c7d9e5f01b3c8d7e6a4f290", "1")
    }

    fn look(reason: &str) -> Look<'_> {
        Look { command: "reidentify", reason, about: vec!["a token".into()] }
    }

    #[test]
    fn a_log_that_was_changed_anywhere_does_not_hold() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("audit.log");
        for reason in ["first", "second", "third"] {
            record(&file, &keys(), look(reason)).unwrap();
        }
        let head = verify(&file, &keys()).unwrap();
        assert_eq!(head.number, 3);
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let forged = [
            joined(&lines[1..]),
            joined(&[lines[0], lines[2]]),
            joined(&[lines[1], lines[0], lines[2]]),
            joined(&[lines[0], lines[0], lines[1], lines[2]]),
            text.replace("second", "sec0nd"),
            text.replace("a token", "another"),
            text.replacen("\"uid\":", "\"uid\":1", 1),
            format!("{text}{{}}\n"),
        ];
        for forged in forged {
            std::fs::write(&file, &forged).unwrap();
            assert!(matches!(verify(&file, &keys()), Err(AuditError::Broken { .. })), "{forged}");
            assert!(record(&file, &keys(), look("more")).is_err(), "nothing is added to what does not hold");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), forged);
        }
        // Every byte of an entry.
        for at in 0..lines[1].len() {
            let mut changed = lines[1].as_bytes().to_vec();
            changed[at] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            std::fs::write(&file, joined(&[lines[0], &changed, lines[2]])).unwrap();
            assert!(verify(&file, &keys()).is_err(), "{changed}");
        }
        // What is cut off at the end is told by the number and seal that were noted.
        std::fs::write(&file, joined(&lines[..2])).unwrap();
        assert_ne!(verify(&file, &keys()).unwrap(), head);
    }

    #[test]
    fn nothing_is_added_to_a_log_that_others_may_write_to() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("audit.log");
        record(&file, &keys(), look("first")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        let told = record(&file, &keys(), look("second")).unwrap_err();
        assert!(matches!(&told, AuditError::File { source, .. } if source.to_string().contains("0666")), "{told:?}");
        assert_eq!(verify(&file, &keys()).unwrap().number, 1);
    }

    #[test]
    fn a_log_that_was_emptied_or_is_a_link_takes_no_entry() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("audit.log"), dir.path().join("link.log"));
        let first = record(&file, &keys(), look("first")).unwrap();
        let second = record(&file, &keys(), look("second")).unwrap();
        assert_eq!((first.number, second.number, &second.since), (1, 2, &first.since));
        assert_eq!(verify(&file, &keys()).unwrap(), second);
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(record(&link, &keys(), look("third")).unwrap_err().to_string().contains("nothing is shown"));
        std::fs::write(&file, "").unwrap();
        let told = record(&file, &keys(), look("third")).unwrap_err();
        assert!(matches!(&told, AuditError::File { source, .. } if source.to_string().contains("emptied")), "{told:?}");
        assert_eq!(std::fs::metadata(&file).unwrap().len(), 0);
    }

    #[test]
    fn a_log_goes_on_under_another_key() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("audit.log");
        record(&file, &keys(), look("before")).unwrap();
        let other = "9f1c3ab0d47e6258c1e09b7a4d3f886211aa22bb33cc44dd";
        let now = Pseudonyms::new(other, "2");
        assert!(verify(&file, &now).is_err(), "the older key is needed");
        let now = now.and_older([("4be1f0c6a7d2953088ef6b1a2c7d9e5f01b3c8d7e6a4f290", "1")]);
        record(&file, &now, look("after")).unwrap();
        assert_eq!(verify(&file, &now).unwrap().number, 2);
    }
}

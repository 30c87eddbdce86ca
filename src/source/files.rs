//! Recorded feeds: `<dir>/ndjson/<feed>.ndjson`, one message a line, in the order of arrival.
//!
//! A line is `{"key": .., "known_time": .., "value": ..}`; `"raw": "text"` instead of `value` stands for payload bytes that need
//! not be JSON. A line without key and value is a clock message. The payload handed on is the very text of `value`, so that replay
//! decodes the bytes that Kafka would have carried.
//!
//! A shard reads the lines whose keys fall into its partition; every shard reads reference and clock messages. The known time that
//! a feed reaches follows from all its lines.
//!
//! A recording has a file for every feed, if only an empty one, or the user names the feeds that it lacks: of a feed that is absent
//! nothing is known, which is not the same as a feed in which nothing happened.
//!
//! A recording cannot hold messages from the future: a line with a timestamp ahead of the bound moves no clock and is set aside, as
//! a message of a topic would be. Feeds made up for years to come are read as of a day in those years.

mod line;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::clock::Spoken;
use crate::model::partition::partition_of;
use crate::model::record::{Author, Lent, Offset, Sent};
use crate::model::schema::Feed;
use crate::model::sets::FeedSet;
use crate::model::time::KnownTime;
use crate::source::known::{Bound, KnownTimes, Stamp};
use crate::source::{LaneHead, ShardSource, SourceError};

use line::{Body, Parts, known_time, parse};

/// A recording: its directory, and the feeds that the user says it lacks.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    pub dir: &'a Path,
    pub absent: FeedSet,
    /// The latest timestamp that can be true: the wall clock's time, or the time as of which the recording is read if that is
    /// later.
    pub until: KnownTime,
    /// The known time that each feed reaches, once that has been read.
    pub spoken: Option<Spoken>,
}

impl<'a> From<&'a Path> for Recorded<'a> {
    fn from(dir: &'a Path) -> Recorded<'a> {
        Recorded { dir, absent: FeedSet::default(), until: Bound::WRITTEN.now(), spoken: None }
    }
}

impl<'a> From<&'a PathBuf> for Recorded<'a> {
    fn from(dir: &'a PathBuf) -> Recorded<'a> {
        dir.as_path().into()
    }
}

impl<'a> Recorded<'a> {
    /// The feeds that the recording has.
    pub fn feeds(self) -> impl Iterator<Item = Feed> {
        Feed::SOURCES.into_iter().filter(move |feed| !self.absent.contains(*feed))
    }

    /// Reads it as of a time that the user or a test names: timestamps up to then are believed.
    pub fn read_as_of(self, as_of: Option<KnownTime>) -> Recorded<'a> {
        Recorded { until: as_of.map_or(self.until, |as_of| self.until.max(as_of)), ..self }
    }

    /// Reads the known time that each feed reaches; to be done once.
    pub fn with_spoken(self) -> Result<Recorded<'a>, SourceError> {
        Ok(Recorded { spoken: Some(spoken(self)?), ..self })
    }

    /// The same recording with these feeds only.
    pub fn only(self, feeds: FeedSet) -> Recorded<'a> {
        let others = Feed::SOURCES.into_iter().filter(|feed| !feeds.contains(*feed));
        Recorded { absent: self.absent.union(FeedSet::of(others)), ..self }
    }

    /// Files in the recording's directory that are not feeds, such as one with a misspelt name.
    pub fn strays(self) -> Vec<PathBuf> {
        let dir = self.dir.join("ndjson");
        strays(&dir, |name| Feed::SOURCES.iter().any(|feed| *name == file_name(*feed)))
    }
}

/// Files in a directory whose names are not known; hidden files are left out.
pub(crate) fn strays(dir: &Path, is_known: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut out: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            !name.starts_with(['.', '_']) && !is_known(&name)
        })
        .collect();
    out.sort();
    out
}

/// Advice to the user about an absent feed.
pub(crate) fn say_absent(feed: Feed) -> String {
    format!(
        "a feed that the recording does not have is named with --absent {}, and what rests on its silence then waits; one that had \
         nothing to say is an empty file",
        feed.name()
    )
}

/// The part of the recorded feeds that falls to one partition number.
pub struct FileShard {
    lanes: Vec<Lane>,
    shard: i32,
    partitions: i32,
}

struct Lane {
    feed: Feed,
    lines: Option<Lines>,
    times: KnownTimes,
    head: Option<Head>,
    /// The message that is lent out.
    taken: Option<Head>,
}

/// The next message of a lane, not yet taken.
struct Head {
    offset: Offset,
    stamp: Stamp,
    key: Option<String>,
    payload: Option<Body>,
}

/// Reads the lines of a recorded feed; there is no other reader. Skips blank lines but counts them, and skips a byte order mark at
/// the beginning.
struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    line: Vec<u8>,
    number: i64,
}

impl FileShard {
    /// Opens the feeds of a recording for one shard.
    pub fn open<'a>(recorded: impl Into<Recorded<'a>>, shard: i32, partitions: i32) -> Result<FileShard, SourceError> {
        let recorded = recorded.into();
        let lanes = open_all(recorded)?.map(|(feed, lines)| Lane {
            feed,
            lines,
            times: KnownTimes::new(Bound::Until(recorded.until)),
            head: None,
            taken: None,
        });
        Ok(FileShard { lanes: lanes.collect(), shard, partitions })
    }
}

/// The lines of every feed, in order; `None` for absent feeds.
fn open_all(recorded: Recorded<'_>) -> Result<impl Iterator<Item = (Feed, Option<Lines>)>, SourceError> {
    let mut missing = Vec::new();
    let mut opened = Vec::new();
    for feed in Feed::ALL {
        if feed.is_internal() || recorded.absent.contains(feed) {
            opened.push((feed, None));
            continue;
        }
        match Lines::open(ndjson_path(recorded.dir, feed))? {
            None => missing.push(feed),
            lines => opened.push((feed, lines)),
        }
    }
    match missing[..] {
        [] => Ok(opened.into_iter()),
        [first, ..] => Err(not_there(recorded, first, &missing)),
    }
}

/// Why a directory cannot be read; one that may not be looked into is not missing.
pub fn no_folder(dir: &Path) -> Option<String> {
    match std::fs::read_dir(dir) {
        Ok(_) => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some("no such directory".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

fn not_there(recorded: Recorded<'_>, first: Feed, missing: &[Feed]) -> SourceError {
    let dir = recorded.dir.join("ndjson");
    if let Some(why) = no_folder(&dir) {
        return file_error(&dir, 0, &format!("{why}; the feeds of a recording are DIR/ndjson/<feed>.ndjson"));
    }
    let mut message = "it is not there".to_owned();
    if missing.len() > 1 {
        let others: Vec<String> = missing[1..].iter().map(|feed| file_name(*feed)).collect();
        message.push_str(&format!(", nor {}", others.join(", ")));
    }
    let strays: Vec<String> =
        recorded.strays().iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    if !strays.is_empty() {
        message.push_str(&format!("; beside it, no feed's name: {}", strays.join(", ")));
    }
    file_error(&ndjson_path(recorded.dir, first), 0, &format!("{message}; {}", say_absent(first)))
}

/// The known time that each feed of a recording reaches: the greatest of its lines, in any position, among those that can be true.
pub fn spoken<'a>(recorded: impl Into<Recorded<'a>>) -> Result<Spoken, SourceError> {
    let recorded = recorded.into();
    if let Some(spoken) = recorded.spoken {
        return Ok(spoken);
    }
    let feeds: Vec<(Feed, Lines)> = open_all(recorded)?.filter_map(|(feed, lines)| Some((feed, lines?))).collect();
    let greatest = |mut lines: Lines| -> Result<KnownTime, SourceError> {
        let mut greatest = KnownTime::MIN;
        while lines.next()? {
            let known_time = known_time(&lines.line).map_err(|message| lines.error(&message))?;
            if known_time <= recorded.until {
                greatest = greatest.max(known_time);
            }
        }
        Ok(greatest)
    };
    std::thread::scope(|scope| {
        let reading: Vec<_> =
            feeds.into_iter().map(|(feed, lines)| (feed, scope.spawn(move || greatest(lines)))).collect();
        let mut spoken = Spoken::default();
        for (feed, thread) in reading {
            let panicked =
                |_| SourceError::File { file: file_name(feed), message: "the thread that read it panicked".into() };
            spoken.0[feed.index()] = thread.join().map_err(panicked)??;
        }
        Ok(spoken)
    })
}

/// The greatest known time in the recorded feeds; `None` if they are empty.
pub fn last_known_time<'a>(recorded: impl Into<Recorded<'a>>) -> Result<Option<KnownTime>, SourceError> {
    Ok(spoken(recorded)?.last())
}

/// The error for a reader that panicked.
pub(crate) fn unreadable(recorded: Recorded<'_>) -> SourceError {
    file_error(&recorded.dir.join("ndjson"), 0, "the thread that read it panicked")
}

pub fn ndjson_path(dir: &Path, feed: Feed) -> PathBuf {
    dir.join("ndjson").join(file_name(feed))
}

fn file_name(feed: Feed) -> String {
    format!("{}.ndjson", feed.name())
}

impl ShardSource for FileShard {
    fn ahead(&mut self, feed: Feed) -> Result<LaneHead, SourceError> {
        let lane = &mut self.lanes[feed.index()];
        if let Some(head) = &lane.head {
            return Ok(LaneHead::Message(head.stamp.known_time));
        }
        let Some(lines) = &mut lane.lines else { return Ok(LaneHead::Finished) };
        while lines.next()? {
            let parts = parse(&lines.line).map_err(|message| lines.error(&message))?;
            let stamp = lane.times.next(parts.known_time);
            let everywhere = feed == Feed::Reference || parts.key.is_none();
            let own = parts.key.as_ref().map(|key| partition_of(key.as_bytes(), self.partitions));
            if everywhere || own == Some(self.shard) {
                let Parts { key, payload, .. } = parts;
                lane.head = Some(Head { offset: Offset(lines.number - 1), stamp, key, payload });
                return Ok(LaneHead::Message(stamp.known_time));
            }
        }
        Ok(LaneHead::Finished)
    }

    fn take(&mut self, feed: Feed) -> Option<Lent<'_>> {
        let partition = self.shard;
        let lane = &mut self.lanes[feed.index()];
        lane.taken = lane.head.take();
        let (head, lines) = (lane.taken.as_ref()?, lane.lines.as_ref()?);
        let payload = head.payload.as_ref().and_then(|payload| match payload {
            Body::InLine(at) => lines.line.get(at.clone()),
            Body::Copied(bytes) => Some(&bytes[..]),
        });
        Some(Lent {
            feed: lane.feed,
            partition,
            offset: head.offset,
            known_time: head.stamp.known_time,
            claimed_time: head.stamp.claimed,
            key: head.key.as_ref().map(String::as_bytes),
            payload,
            author: Author::Permitwatch,
            sent: Sent::At(None),
        })
    }

    fn wait(&mut self, _: Duration) {}
}

impl Lines {
    /// `None` if there is no such file.
    fn open(path: PathBuf) -> Result<Option<Lines>, SourceError> {
        match File::open(&path) {
            Ok(file) => {
                let file = BufReader::with_capacity(1 << 18, file);
                Ok(Some(Lines { path, file, line: Vec::new(), number: 0 }))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error(&path, 0, &error.to_string())),
        }
    }

    /// Reads the next line that is not blank; false at the end.
    fn next(&mut self) -> Result<bool, SourceError> {
        loop {
            self.line.clear();
            let read = self.file.read_until(b'\n', &mut self.line).map_err(|error| self.error(&error.to_string()))?;
            if read == 0 {
                return Ok(false);
            }
            self.number += 1;
            if self.number == 1 {
                if self.line.starts_with(b"\xef\xbb\xbf") {
                    self.line.drain(..3);
                } else if self.line.starts_with(b"\xff\xfe") || self.line.starts_with(b"\xfe\xff") {
                    return Err(self.error("it is UTF-16; a recorded feed is UTF-8"));
                }
            }
            if self.line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Ok(true);
            }
        }
    }

    fn error(&self, message: &str) -> SourceError {
        file_error(&self.path, self.number, message)
    }
}

fn file_error(path: &Path, line: i64, message: &str) -> SourceError {
    let file = if line > 0 { format!("{} line {line}", path.display()) } else { path.display().to_string() };
    SourceError::File { file, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recording in which only one feed has content.
    fn recording(feed: Feed, bytes: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("ndjson")).unwrap();
        for other in Feed::SOURCES {
            std::fs::write(ndjson_path(dir.path(), other), if other == feed { bytes } else { b"" }).unwrap();
        }
        dir
    }

    fn line(key: &str, at: &str) -> String {
        format!("{{\"key\":\"{key}\",\"known_time\":\"{at}\",\"value\":{{}}}}")
    }

    #[test]
    fn marks_blank_lines_and_ends_of_lines_are_read_alike_by_all() {
        let (one, two) = (line("a", "2024-05-01T08:00:00Z"), line("b", "2024-05-02T08:00:00Z"));
        for text in [
            format!("{one}\n{two}\n"),
            format!("{one}\n{two}"),
            format!("\u{feff}{one}\r\n{two}\r\n"),
            format!("\n{one}\n \t\n{two}\n\n  \n"),
            format!("\u{feff}\n{one}\n{two}\n\r\n"),
        ] {
            let dir = recording(Feed::Border, text.as_bytes());
            let mut shard = FileShard::open(dir.path(), 0, 1).unwrap();
            let mut keys = Vec::new();
            while let crate::source::Polled::Message(message) = shard.poll(Feed::Border).unwrap() {
                let number =
                    text.split('\n').position(|line| line.contains(if keys.is_empty() { "\"a\"" } else { "\"b\"" }));
                assert_eq!(Some(message.offset.0), number.map(|number| number as i64), "{text:?}");
                keys.push(message.key.unwrap().to_vec());
            }
            assert_eq!(keys, [b"a", b"b"], "{text:?}");
            let last = last_known_time(dir.path()).unwrap().unwrap();
            assert_eq!(last.to_string(), "2024-05-02T08:00:00.000000Z", "{text:?}");
        }
        let dir = recording(Feed::Border, b"\xff\xfe{\0");
        assert!(last_known_time(dir.path()).unwrap_err().to_string().contains("UTF-16"));
    }

    #[test]
    fn the_last_is_the_greatest_wherever_it_stands() {
        let times = ["2024-05-01T08:00:00Z", "2024-07-01T08:00:00Z", "2024-05-03T08:00:00Z"];
        let text: String = times.iter().map(|at| line("a", at) + "\n").collect();
        let dir = recording(Feed::Notices, text.as_bytes());
        assert_eq!(last_known_time(dir.path()).unwrap().unwrap().to_string(), "2024-07-01T08:00:00.000000Z");
        let spoken = spoken(dir.path()).unwrap();
        assert_eq!(spoken.of(Feed::Border), KnownTime::MIN, "it has said nothing");
        let payments = spoken.least(FeedSet::of([Feed::Notices, Feed::Border]));
        assert_eq!(payments, KnownTime::MIN);
    }

    #[test]
    fn a_feed_that_is_not_there_is_named_with_what_may_be_meant() {
        let dir = recording(Feed::Border, b"");
        std::fs::rename(ndjson_path(dir.path(), Feed::Payments), dir.path().join("ndjson/payment.ndjson")).unwrap();
        let words = FileShard::open(dir.path(), 0, 1).map(drop).unwrap_err().to_string();
        for part in ["payments.ndjson", "payment.ndjson", "--absent payments"] {
            assert!(words.contains(part), "{words}");
        }
        let absent = Recorded { absent: FeedSet::of([Feed::Payments]), ..dir.path().into() };
        assert!(FileShard::open(absent, 0, 1).is_ok());
        assert_eq!(absent.strays(), [dir.path().join("ndjson/payment.ndjson")]);
        let empty = tempfile::tempdir().unwrap();
        let words = FileShard::open(empty.path(), 0, 1).map(drop).unwrap_err().to_string();
        assert!(words.contains("no such directory"), "{words}");
    }
}

//! Recorded feeds: `<dir>/ndjson/<feed>.ndjson`, one message a line, in the order of arrival.
//!
//! A line is `{"key": .., "known_time": .., "value": ..}`; `"raw": "text"` instead of `value` stands for payload
//! bytes that need not be JSON. A line without key and value is a clock message. The payload handed on is the
//! very text of `value`, so that replay decodes what Kafka would have carried.
//!
//! A shard reads the lines whose key its partition number would have got; reference and clock messages go to all.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::partition::partition_of;
use crate::record::{Lent, Offset, Sent};
use crate::schema::Feed;
use crate::source::{Ahead, ShardSource, SourceError};
use crate::time::{KnownTime, parse_instant};

/// One partition number of recorded feeds.
pub struct FileShard {
    lanes: Vec<Lane>,
    shard: i32,
    partitions: i32,
}

struct Lane {
    feed: Feed,
    path: PathBuf,
    lines: Option<BufReader<File>>,
    line: Vec<u8>,
    line_no: i64,
    known_time: KnownTime,
    head: Option<Head>,
    /// What is lent out.
    taken: Option<Head>,
}

/// The message that the lane's line holds, not yet taken.
struct Head {
    offset: Offset,
    key: Option<String>,
    payload: Option<Body>,
}

/// Where a payload stands.
enum Body {
    InLine(Range<usize>),
    /// It had escapes.
    Copied(Vec<u8>),
}

impl FileShard {
    /// Opens the feeds of `dir`; a feed without a file has nothing to say.
    pub fn open(dir: &Path, shard: i32, partitions: i32) -> Result<FileShard, SourceError> {
        let lanes = Feed::ALL.map(|feed| {
            let path = ndjson_path(dir, feed);
            let lines = match File::open(&path) {
                Ok(file) => Some(BufReader::with_capacity(1 << 18, file)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(file_error(&path, 0, &error.to_string())),
            };
            Ok(Lane {
                feed,
                path,
                lines,
                line: Vec::new(),
                line_no: 0,
                known_time: KnownTime::MIN,
                head: None,
                taken: None,
            })
        });
        let lanes: Vec<Lane> = lanes.into_iter().collect::<Result<_, _>>()?;
        if lanes.iter().all(|lane| lane.lines.is_none()) {
            return Err(file_error(&dir.join("ndjson"), 0, "no recorded feed in this directory"));
        }
        Ok(FileShard { lanes, shard, partitions })
    }
}

/// The greatest known time in the recorded feeds: up to there they are whole.
pub fn last_known_time(dir: &Path) -> Result<Option<KnownTime>, SourceError> {
    let mut shard = FileShard::open(dir, 0, 1)?;
    let mut last = None;
    for lane in &mut shard.lanes {
        let mut tail = Vec::new();
        if let Some(lines) = &mut lane.lines {
            use std::io::{Read, Seek, SeekFrom};
            let failed = |error: std::io::Error| file_error(&lane.path, 0, &error.to_string());
            let size = lines.seek(SeekFrom::End(0)).map_err(failed)?;
            lines.seek(SeekFrom::Start(size.saturating_sub(1 << 17))).map_err(failed)?;
            lines.read_to_end(&mut tail).map_err(failed)?;
        }
        let line = tail.split(|byte| *byte == b'\n').rev().find(|line| !line.is_empty());
        if let Some(line) = line {
            let parts = parse(line).map_err(|message| file_error(&lane.path, -1, &message))?;
            last = last.max(Some(parts.known_time));
        }
    }
    Ok(last)
}

pub fn ndjson_path(dir: &Path, feed: Feed) -> PathBuf {
    dir.join("ndjson").join(format!("{}.ndjson", feed.name()))
}

impl ShardSource for FileShard {
    fn ahead(&mut self, feed: Feed) -> Result<Ahead, SourceError> {
        let lane = &mut self.lanes[feed.index()];
        if lane.head.is_some() {
            return Ok(Ahead::Message(lane.known_time));
        }
        while lane.read_line()? {
            let parts = parse(&lane.line).map_err(|message| file_error(&lane.path, lane.line_no, &message))?;
            lane.known_time = lane.known_time.max(parts.known_time);
            let everywhere = feed == Feed::Reference || parts.key.is_none();
            let own = parts.key.as_ref().map(|key| partition_of(key.as_bytes(), self.partitions));
            if everywhere || own == Some(self.shard) {
                let Parts { key, payload, .. } = parts;
                lane.head = Some(Head { offset: Offset(lane.line_no - 1), key, payload });
                return Ok(Ahead::Message(lane.known_time));
            }
        }
        Ok(Ahead::Finished)
    }

    fn take(&mut self, feed: Feed) -> Option<Lent<'_>> {
        let partition = self.shard;
        let lane = &mut self.lanes[feed.index()];
        lane.taken = lane.head.take();
        let head = lane.taken.as_ref()?;
        let payload = head.payload.as_ref().and_then(|payload| match payload {
            Body::InLine(at) => lane.line.get(at.clone()),
            Body::Copied(bytes) => Some(&bytes[..]),
        });
        Some(Lent {
            feed: lane.feed,
            partition,
            offset: head.offset,
            known_time: lane.known_time,
            claimed_time: None,
            key: head.key.as_ref().map(String::as_bytes),
            payload,
            sent: Sent::At(None),
        })
    }

    fn wait(&mut self, _: Duration) {}
}

impl Lane {
    /// Reads the next line that is not empty.
    fn read_line(&mut self) -> Result<bool, SourceError> {
        let Some(lines) = &mut self.lines else { return Ok(false) };
        loop {
            self.line.clear();
            let read = lines.read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| file_error(&self.path, self.line_no, &error.to_string()))?;
            if read == 0 {
                return Ok(false);
            }
            self.line_no += 1;
            if self.line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Ok(true);
            }
        }
    }
}

struct Parts {
    key: Option<String>,
    known_time: KnownTime,
    payload: Option<Body>,
}

/// Takes a line apart without parsing the payload: the value's text is left as it stands.
fn parse(line: &[u8]) -> Result<Parts, String> {
    let mut parts = Parts { key: None, known_time: KnownTime::MIN, payload: None };
    let mut timed = false;
    let mut rest = after(line, b'{')?;
    loop {
        let (name, tail): (Cow<'_, str>, _) = value(rest)?;
        rest = after(tail, b':')?;
        match &*name {
            "key" => {
                (parts.key, rest) = value(rest)?;
            }
            "known_time" => {
                let (text, tail): (String, _) = value(rest)?;
                parts.known_time = KnownTime(parse_instant(&text).ok_or("known_time is no RFC 3339 time")?);
                timed = true;
                rest = tail;
            }
            "raw" => {
                let (text, tail): (Option<String>, _) = value(rest)?;
                parts.payload = text.map(|text| Body::Copied(text.into_bytes())).or(parts.payload);
                rest = tail;
            }
            "value" => {
                let (_, tail): (IgnoredAny, _) = value(rest)?;
                let text = rest[..rest.len() - tail.len()].trim_ascii_start();
                let from = line.len() - tail.len() - text.len();
                let text = text.trim_ascii_end();
                if text != b"null" {
                    parts.payload = Some(Body::InLine(from..from + text.len()));
                }
                rest = tail;
            }
            _ => (_, rest) = value::<IgnoredAny>(rest)?,
        }
        match after(rest, b',') {
            Ok(tail) => rest = tail,
            Err(_) => break,
        }
    }
    after(rest, b'}')?;
    if timed { Ok(parts) } else { Err("it has no known_time".into()) }
}

fn after(text: &[u8], mark: u8) -> Result<&[u8], String> {
    let text = text.trim_ascii_start();
    match text.first() {
        Some(first) if *first == mark => Ok(&text[1..]),
        _ => Err(format!("expected {:?}", char::from(mark))),
    }
}

/// The JSON value that the text begins with, and what follows it.
fn value<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<(T, &'a [u8]), String> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => {
            let end = values.byte_offset();
            Ok((value, &text[end..]))
        }
        _ => Err("a line is {\"key\", \"known_time\", \"value\"}".into()),
    }
}

fn file_error(path: &Path, line: i64, message: &str) -> SourceError {
    let file = if line > 0 { format!("{} line {line}", path.display()) } else { path.display().to_string() };
    SourceError::File { file, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_the_value_as_it_stands() {
        let line = br#"{"key":"p1","known_time":"2024-05-01T08:00:00Z","value": {"a" : [1, "}"]} }"#;
        let parts = parse(line).unwrap();
        assert_eq!(parts.key.as_deref(), Some("p1"));
        let Some(Body::InLine(at)) = parts.payload else { panic!("it has no escapes") };
        assert_eq!(&line[at], br#"{"a" : [1, "}"]}"#);
    }

    #[test]
    fn a_line_without_key_and_value_is_a_clock() {
        let parts = parse(br#"{"key":null,"known_time":"2024-05-01T08:00:00Z","value":null}"#).unwrap();
        assert!(parts.key.is_none() && parts.payload.is_none());
    }

    #[test]
    fn raw_text_need_not_be_json() {
        let parts = parse(br#"{"known_time":"2024-05-01T08:00:00Z","key":"x","raw":"{\"broken"}"#).unwrap();
        assert!(matches!(parts.payload, Some(Body::Copied(bytes)) if bytes == br#"{"broken"#));
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for bad in ["", "{}", "[]", r#"{"key":"x"}"#, r#"{"known_time":"yesterday"}"#] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}

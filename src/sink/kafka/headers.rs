//! The headers of alerts and link records: what depends on the run, as readable text.
//!
//! `published_at`, `shard_clock`: RFC 3339 with microseconds. `heard`: two of these, for `links` and `derived`. `offsets`: a JSON object
//! from feed to next offset. `snapshot`: file
//! name, left out where there is none. `key_id`: of the key of the pseudonyms. `secrecy_class` (alerts): a
//! number, that of the payload. `signature`: see `pseudonyms`; of a message without a valid
//! one nothing is read.

use std::collections::BTreeMap;
use std::ffi::CStr;

use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders};

use crate::kafka;
use crate::model::record::{Author, NextOffset};
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, WallTime, format_micros, parse_instant};
use crate::pseudonyms::{Keys, Pseudonyms, Signed};
use crate::sink::{ReadUpTo, RunHeaders};

pub(super) const PUBLISHED_AT: &str = "published_at";

pub(super) fn write(run: &RunHeaders) -> OwnedHeaders {
    let mut headers = write_read(OwnedHeaders::new_with_capacity(6), &run.read)
        .insert(header(PUBLISHED_AT, &format_micros(run.published_at.0)))
        .insert(header("key_id", &run.key_id));
    if let Some(snapshot) = &run.snapshot {
        headers = headers.insert(header("snapshot", snapshot));
    }
    headers
}

/// Adds how far the writer had read: `shard_clock`, `heard` and `offsets`.
pub(super) fn write_read(headers: OwnedHeaders, read: &ReadUpTo) -> OwnedHeaders {
    let offsets: BTreeMap<&str, i64> =
        Feed::ALL.iter().map(|feed| (feed.name(), read.offsets[feed.index()].0)).collect();
    // A map from text to numbers always serializes.
    let offsets = serde_json::to_string(&offsets).unwrap_or_default();
    let heard = read.heard.map(|clock| format_micros(clock.0)).join(" ");
    headers
        .insert(header("shard_clock", &format_micros(read.clock.0)))
        .insert(header("heard", &heard))
        .insert(header("offsets", &offsets))
}

pub(super) fn header<'a>(key: &'a str, value: &'a str) -> Header<'a, &'a str> {
    Header { key, value: Some(value) }
}

/// The headers of a message, or `None` if this program did not write it.
pub(super) fn read(message: &BorrowedMessage<'_>) -> Option<RunHeaders> {
    Some(RunHeaders {
        published_at: WallTime(micros(text(message, c"published_at")?)?),
        read: read_up_to(message)?,
        snapshot: text(message, c"snapshot").map(str::to_owned),
        key_id: text(message, c"key_id")?.to_owned(),
    })
}

/// When a message was written, by its writer's clock; the least of times if it does not say.
pub(super) fn published_at(message: &BorrowedMessage<'_>) -> WallTime {
    WallTime(text(message, c"published_at").and_then(micros).unwrap_or(i64::MIN))
}

/// How far the writer of a message had read.
pub(super) fn read_up_to(message: &BorrowedMessage<'_>) -> Option<ReadUpTo> {
    let offsets: BTreeMap<String, i64> = serde_json::from_str(text(message, c"offsets")?).ok()?;
    Some(ReadUpTo {
        clock: KnownTime(micros(text(message, c"shard_clock")?)?),
        // A feed that the writer did not know counts as unread.
        offsets: Feed::ALL.map(|feed| NextOffset(offsets.get(feed.name()).copied().unwrap_or(0))),
        heard: text(message, c"heard").and_then(heard).unwrap_or([KnownTime::MIN; 2]),
    })
}

fn heard(text: &str) -> Option<[KnownTime; 2]> {
    let (links, derived) = text.split_once(' ')?;
    Some([KnownTime(micros(links)?), KnownTime(micros(derived)?)])
}

/// The keys that a message of ours was signed with; else who may have written it.
pub(super) fn signer<'a>(
    pseudonyms: &'a Pseudonyms,
    message: &BorrowedMessage<'_>,
    timestamp: Option<i64>,
) -> Result<&'a Keys, Author> {
    let signed = Signed {
        topic: message.topic(),
        partition: message.partition(),
        timestamp,
        key: message.key(),
        payload: message.payload(),
    };
    pseudonyms.signer(&signed, |name| kafka::header(message, name))
}

/// The value of a header that is about to be sent.
pub(super) fn of_owned<'a>(headers: &'a OwnedHeaders, name: &CStr) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.key.as_bytes() == name.to_bytes()).and_then(|header| header.value)
}

pub(super) fn text<'a>(message: &'a BorrowedMessage<'_>, name: &CStr) -> Option<&'a str> {
    std::str::from_utf8(kafka::header(message, name)?).ok()
}

/// [`format_micros`] writes times beyond the calendar (a clock that has not started) as a bare number.
fn micros(text: &str) -> Option<i64> {
    parse_instant(text).or_else(|| text.parse().ok())
}

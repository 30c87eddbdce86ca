//! One line of a recording: its key and known time, and where its payload stands.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

use crate::model::time::{Day, KnownTime, MICROS_PER_DAY, parse_instant};

/// Where a payload is stored.
pub(super) enum Body {
    InLine(Range<usize>),
    /// A text with escapes, decoded.
    Copied(Vec<u8>),
}
/// A line, without its payload parsed.
pub(super) struct Parts {
    pub key: Option<String>,
    pub known_time: KnownTime,
    pub payload: Option<Body>,
}

/// Splits a line into its parts without parsing the payload: the text of `value` stays as it is.
pub(super) fn parse(line: &[u8]) -> Result<Parts, String> {
    let mut parts = Parts { key: None, known_time: KnownTime::MIN, payload: None };
    let (mut has_key, mut has_time, mut has_value) = (false, false, false);
    members(line, |name, rest| {
        let once =
            |has: &mut bool| if std::mem::replace(has, true) { Err(format!("{name} stands twice")) } else { Ok(()) };
        match name {
            "key" => {
                once(&mut has_key)?;
                let (key, tail) = value(rest)?;
                parts.key = key;
                Ok(Some(tail))
            }
            "known_time" => {
                once(&mut has_time)?;
                let (at, tail) = time(rest)?;
                parts.known_time = at;
                Ok(Some(tail))
            }
            "raw" => {
                once(&mut has_value)?;
                let (text, tail): (Option<String>, _) = value(rest)?;
                parts.payload = text.map(|text| Body::Copied(text.into_bytes()));
                Ok(Some(tail))
            }
            "value" => {
                once(&mut has_value)?;
                let (_, tail): (IgnoredAny, _) = value(rest)?;
                let text = rest[..rest.len() - tail.len()].trim_ascii_start();
                let from = line.len() - tail.len() - text.len();
                let text = text.trim_ascii_end();
                if text != b"null" {
                    parts.payload = Some(Body::InLine(from..from + text.len()));
                }
                Ok(Some(tail))
            }
            _ => value::<IgnoredAny>(rest).map(|(_, tail)| Some(tail)),
        }
    })?;
    if has_time { Ok(parts) } else { Err("it has no known_time".into()) }
}

/// The line's known time, without reading what follows it.
pub(super) fn known_time(line: &[u8]) -> Result<KnownTime, String> {
    if let Some(known_time) = plain_known_time(line) {
        return Ok(known_time);
    }
    let mut found = None;
    members(line, |name, rest| {
        if name == "known_time" {
            found = Some(time(rest)?.0);
            return Ok(None);
        }
        value::<IgnoredAny>(rest).map(|(_, tail)| Some(tail))
    })?;
    found.ok_or_else(|| "it has no known_time".into())
}

/// The same for a line that begins with a key without escapes, followed by the known time; nearly all lines do.
fn plain_known_time(line: &[u8]) -> Option<KnownTime> {
    let rest =
        after(after(line, b'{').ok()?.trim_ascii_start().strip_prefix(b"\"key\"")?, b':').ok()?.trim_ascii_start();
    let rest = match rest.strip_prefix(b"null") {
        Some(rest) => rest,
        None => {
            let text = rest.strip_prefix(b"\"")?;
            let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            text[end..].strip_prefix(b"\"")?
        }
    };
    let rest = after(rest, b',').ok()?.trim_ascii_start().strip_prefix(b"\"known_time\"")?;
    let text = after(rest, b':').ok()?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = text.iter().take(40).position(|byte| matches!(byte, b'"' | b'\\'))?;
    known_time_of(std::str::from_utf8(&text[..end]).ok().filter(|_| text[end] == b'"')?)
}

/// Visits the members of an object. `each` gets a name and the text after it, and returns the text after the value, or `None` to
/// stop.
fn members<'a>(
    line: &'a [u8],
    mut each: impl FnMut(&str, &'a [u8]) -> Result<Option<&'a [u8]>, String>,
) -> Result<(), String> {
    let mut rest = after(line, b'{')?;
    loop {
        let (name, tail): (Cow<'_, str>, _) = value(rest)?;
        let Some(tail) = each(&name, after(tail, b':')?)? else { return Ok(()) };
        rest = tail;
        match after(rest, b',') {
            Ok(tail) => rest = tail,
            Err(_) => break,
        }
    }
    let rest = after(rest, b'}')?;
    if rest.trim_ascii().is_empty() { Ok(()) } else { Err("something follows the message".into()) }
}

fn time(text: &[u8]) -> Result<(KnownTime, &[u8]), String> {
    let (text, tail): (Cow<'_, str>, _) = value(text)?;
    match known_time_of(&text) {
        Some(at) => Ok((at, tail)),
        None => Err("known_time is no RFC 3339 time with an offset between 1900 and 2199".into()),
    }
}

fn known_time_of(text: &str) -> Option<KnownTime> {
    let bounds = Day::FIRST.instant()..Day::LAST.instant() + MICROS_PER_DAY;
    parse_instant(text).filter(|at| bounds.contains(at)).map(KnownTime)
}

fn after(text: &[u8], mark: u8) -> Result<&[u8], String> {
    let text = text.trim_ascii_start();
    match text.first() {
        Some(first) if *first == mark => Ok(&text[1..]),
        _ => Err(format!("expected {:?}", char::from(mark))),
    }
}

/// Parses the JSON value at the beginning of the text; returns it with the text that follows.
fn value<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<(T, &'a [u8]), String> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => {
            let end = values.byte_offset();
            Ok((value, &text[end..]))
        }
        Some(Err(error)) if error.classify() == Category::Syntax => Err("it is no JSON in UTF-8".into()),
        Some(Err(error)) if error.classify() == Category::Data => {
            Err("key and raw are texts, known_time is a text with an RFC 3339 time".into())
        }
        _ => Err("it ends in the middle of {\"key\", \"known_time\", \"value\"}".into()),
    }
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
        let bad = [
            "",
            "{}",
            "[]",
            r#"{"key":"x"}"#,
            r#"{"known_time":"yesterday"}"#,
            r#"{"known_time":"2024-05-01T08:00:00"}"#,
            r#"{"known_time":"9999-12-31T00:00:00Z"}"#,
            r#"{"key":"x","key":"y","known_time":"2024-05-01T08:00:00Z"}"#,
            r#"{"key":"x","known_time":"2024-05-01T08:00:00Z","value":{}} {"key":"y"}"#,
            r#"{"key":"x","known_time":"2024-05-01T08:00:00Z","value":{"a":"#,
        ];
        for bad in bad {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_line_says_why() {
        let time = "\"known_time\":\"2024-05-01T08:00:00Z\"";
        for (line, why) in [
            (format!("{{\"key\":\"x\",{time},\"value\":{{\"a\":1"), "it ends in the middle"),
            (format!("{{\"key\":\"x\",{time},\"value\":{{a:1}}}}"), "no JSON"),
            (format!("{{\"key\":5,{time},\"value\":{{}}}}"), "key and raw are texts"),
            ("{\"key\":\"x\",\"known_time\":1714550400000,\"value\":{}}".into(), "a text with an RFC 3339 time"),
        ] {
            let error = parse(line.as_bytes()).map(drop).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
        let error = parse(b"{\"key\":\"\xff\"}").map(drop).unwrap_err();
        assert!(error.contains("no JSON in UTF-8"), "{error}");
    }

    #[test]
    fn a_known_time_is_the_same_by_the_short_way() {
        let time = "\"known_time\":\"2024-05-01T08:00:00.5Z\"";
        for (plain, line) in [
            (true, format!("{{\"key\":\"a\",{time},\"value\":{{}}}}")),
            (
                true,
                format!(
                    " {{ \"key\" : null , {} , \"value\":null}}",
                    time.replace(':', " : ").replace("08 : 00 : 00", "08:00:00")
                ),
            ),
            (false, format!("{{\"key\":\"a\\\"b\",{time},\"value\":{{}}}}")),
            (false, format!("{{{time},\"key\":\"a\",\"value\":{{}}}}")),
            (false, format!("{{\"key\":\"a\",\"value\":{{\"known_time\":\"1999-01-01T00:00:00Z\"}},{time}}}")),
        ] {
            assert_eq!(plain_known_time(line.as_bytes()).is_some(), plain, "{line}");
            assert_eq!(known_time(line.as_bytes()), Ok(parse(line.as_bytes()).unwrap().known_time), "{line}");
        }
        assert!(known_time(b"{\"key\":\"a\",\"known_time\":\"2024-05-01\"}").is_err());
    }
}

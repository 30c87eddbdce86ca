//! Reads the plain form of a record in one pass: one flat object whose members are all in the schema, each once, without escapes,
//! fractions or nested values. Adapters write nearly nothing else.
//!
//! A payload of another form, or one that may be wrong, is left to `wire`, which reads all JSON and reports what is wrong. What
//! this module reads, it reads as `wire` does (a property test compares the two). Nothing is copied out of the payload.

use std::borrow::Cow;

use super::fields::{Fields, place_of};
use super::wire::Scalar;
use crate::model::schema::{Feed, TableId};

/// The members of a payload in their places, and their table; `None` if the payload has another form.
pub(super) fn fields(feed: Feed, payload: &[u8]) -> Option<(TableId, Fields<'_>)> {
    let mut text = Cursor { text: std::str::from_utf8(payload).ok()?, at: 0 };
    text.expect(b'{')?;
    let mut tables = feed.tables();
    let first = tables.next()?;
    // If a feed carries several tables, the first member must name the table.
    let mut table = if tables.next().is_some() { None } else { Some(first) };
    let mut named = false;
    let mut fields = table.map(|table| Fields::empty(table.def()));
    // Adapters write members in a fixed order: the next name is most often the one after the last.
    let mut expected = 0;
    loop {
        let name = text.string()?;
        text.expect(b':')?;
        let value = text.scalar()?;
        if name == "table" {
            let Scalar::Text(name) = value else { return None };
            let said = feed.tables().find(|table| table.name() == name)?;
            if std::mem::replace(&mut named, true) || table.is_some_and(|table| table != said) {
                return None;
            }
            table = Some(said);
            fields.get_or_insert_with(|| Fields::empty(said.def()));
        } else {
            let (table, fields) = (table?, fields.as_mut()?);
            let place = place_of(table.def(), name, expected)?;
            expected = place + 1;
            if fields.slot(place).replace(value).is_some() {
                return None;
            }
        }
        match text.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    text.is_done().then(|| table.zip(fields)).flatten()
}

/// The rest of a payload.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The next byte that is not white space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// A text without escapes.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let from = self.at;
        let bytes = self.text.as_bytes();
        loop {
            // Eight bytes at once, as long as none of them is special.
            if let Some(eight) = bytes.get(self.at..self.at + 8).and_then(|eight| eight.try_into().ok()) {
                let special = special(u64::from_le_bytes(eight));
                if special == 0 {
                    self.at += 8;
                    continue;
                }
                self.at += special.trailing_zeros() as usize / 8;
            }
            match *bytes.get(self.at)? {
                b'"' => break,
                b'\\' | 0..0x20 => return None,
                _ => self.at += 1,
            }
        }
        let text = self.text.get(from..self.at)?;
        self.at += 1;
        Some(text)
    }

    #[inline]
    fn scalar(&mut self) -> Option<Scalar<'a>> {
        match self.peek()? {
            b'"' => self.string().map(|text| Scalar::Text(Cow::Borrowed(text))),
            b'-' | b'0'..=b'9' => self.integer().map(Scalar::Int),
            b't' => self.word("true", Scalar::Bool(true)),
            b'f' => self.word("false", Scalar::Bool(false)),
            b'n' => self.word("null", Scalar::Null),
            b'[' => self.list(),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, value: Scalar<'a>) -> Option<Scalar<'a>> {
        self.text.get(self.at..)?.starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    /// A whole number that fits 64 bits. The caller checks what follows: a fraction would not be the end of a member.
    #[inline]
    fn integer(&mut self) -> Option<i64> {
        let bytes = self.text.as_bytes();
        let is_negative = bytes.get(self.at) == Some(&b'-');
        self.at += usize::from(is_negative);
        let from = self.at;
        let mut number: i64 = 0;
        while let Some(digit) = bytes.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            number = number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
            self.at += 1;
        }
        let digits = self.at - from;
        // No digits, a leading zero, or a negative zero, which is no whole number.
        if digits == 0 || bytes.get(from) == Some(&b'0') && (digits > 1 || is_negative) {
            return None;
        }
        Some(if is_negative { -number } else { number })
    }

    fn list(&mut self) -> Option<Scalar<'a>> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Scalar::List(items));
        }
        loop {
            if self.peek()? != b'"' {
                return None;
            }
            items.push(Cow::Borrowed(self.string()?));
            match self.next()? {
                b',' => {}
                b']' => return Some(Scalar::List(items)),
                _ => return None,
            }
        }
    }
}

/// The highest bit of each of the eight bytes that is a quotation mark, a backslash or below 0x20; right up to the first of them.
#[inline]
fn special(eight: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let below_space = eight.wrapping_sub(ONES * 0x20) & !eight;
    (zero(eight ^ (ONES * u64::from(b'"'))) | zero(eight ^ (ONES * u64::from(b'\\'))) | below_space) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::super::wire;
    use super::*;

    #[test]
    fn a_special_byte_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut bytes = *b"abcdefgh";
                bytes[at] = byte;
                let found = special(u64::from_le_bytes(bytes));
                let is_special = byte == b'"' || byte == b'\\' || byte < 0x20;
                assert_eq!(found != 0, is_special, "{byte:#x} at {at}");
                assert!(!is_special || found.trailing_zeros() as usize / 8 == at);
            }
        }
    }

    /// A value as `wire` reads it, and as this module reads it, if it does.
    fn both(value: &str) -> (Option<String>, Option<String>) {
        let payload = format!("{{\"table\":\"payments\",\"amount_sek\":{value}}}");
        let words = |scalar: &Scalar<'_>| match scalar {
            Scalar::Null => "null".to_owned(),
            Scalar::Bool(value) => value.to_string(),
            Scalar::Int(number) => number.to_string(),
            Scalar::Text(text) => format!("text {text}"),
            Scalar::List(items) => format!("list {items:?}"),
            Scalar::OtherNumber | Scalar::Nested => "other".to_owned(),
        };
        let slow = wire::members(payload.as_bytes()).map(|members| words(&members[1].value));
        let fast = fields(Feed::Payments, payload.as_bytes())
            .map(|(_, fields)| fields.columns.iter().flatten().map(words).collect::<String>());
        (slow, fast)
    }

    #[test]
    fn values_are_read_as_the_parser_reads_them_or_left_to_it() {
        let read = [
            "0",
            "7",
            "-7",
            "9223372036854775807",
            "-9223372036854775807",
            " true ",
            "false",
            "null",
            "\"\"",
            "\"å\"",
            "[]",
            "[ \"a\" , \"b\" ]",
        ];
        for value in read {
            let (slow, fast) = both(value);
            assert!(fast.is_some() && slow == fast, "{value}: {slow:?}, {fast:?}");
        }
        let left = [
            "01",
            "-0",
            "-",
            "1.5",
            "1e3",
            "9223372036854775808",
            "-9223372036854775808",
            "truer",
            "nul",
            "\"a\\n\"",
            "\"a\u{1}\"",
            "[1]",
            "[\"a\",]",
            "{}",
            "\"",
            "1 2",
            "",
            "[\"a\"",
            "\"a\" \"b\"",
        ];
        for value in left {
            let (slow, fast) = both(value);
            assert!(fast.is_none(), "{value}: {slow:?}, {fast:?}");
        }
    }

    #[test]
    fn members_that_are_not_plain_are_left() {
        let is_read = |feed, payload: &str| fields(feed, payload.as_bytes()).is_some();
        assert!(is_read(Feed::Payments, r#"{"table":"payments","kind":"salary"}"#));
        assert!(
            is_read(Feed::Studies, " {\"kind\" : \"registered\" , \"table\":\"studies\"}\n"),
            "its feed has one table"
        );
        for payload in [
            r#"{"table":"payments","kind":"salary","kind":"salary"}"#,
            r#"{"table":"payments","table":"payments"}"#,
            r#"{"table":"border","kind":"salary"}"#,
            r#"{"table":"payments","unknown":1}"#,
            r#"{"table":"payments","kind":"salary"}{}"#,
            r#"{"table":"payments","kind":"salary""#,
            r#"{"table":"payments","kind":"salary",}"#,
            r#"{"table":"payments" "kind":"salary"}"#,
            "{}",
            "[]",
            "",
        ] {
            assert!(!is_read(Feed::Payments, payload), "{payload}");
        }
    }
}

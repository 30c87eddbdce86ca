//! Stores texts in as little memory as their kind allows.
//!
//! A register's texts repeat (codes, employers), count up (personal numbers, permits), are hashes, or consist of such parts with a
//! separator between them (record keys). Each column of a segment is stored in the form that is smallest; reading one text never
//! needs another.

use std::fmt::Write;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::history::packed::{Numbers, Packed};

/// A column of texts, some of them null.
#[derive(Debug, Deserialize, Serialize)]
pub enum Texts {
    /// All null.
    Null,
    /// None of them null.
    Each(Strings),
    /// Each distinct text once, and each row's number among them.
    Coded { texts: Spread, codes: Packed },
    /// The parts before and after the last `mark`, each as a column.
    Split { mark: char, before: Box<Texts>, after: Box<Texts> },
}

/// Texts one after the other.
#[derive(Debug, Deserialize, Serialize)]
pub enum Strings {
    Spread(Spread),
    /// A common prefix, then a number with a fixed count of digits.
    Numbered {
        prefix: Box<str>,
        digits: u32,
        radix: u64,
        numbers: Packed,
    },
}

/// Texts one after the other, with their ends.
#[derive(Debug, Deserialize, Serialize)]
pub struct Spread {
    text: Box<str>,
    ends: Ends,
}

#[derive(Debug, Deserialize, Serialize)]
enum Ends {
    /// All are of one length.
    Even(u32),
    Each(Box<[u32]>),
}

/// Characters at which a text may be split.
const MARKS: [char; 2] = [':', '-'];
const SPLITS: u32 = 3;
/// Fixed cost of an array: its header and what the allocator rounds up.
const OVERHEAD: usize = 48;

impl Texts {
    pub fn new(values: &[Option<&str>]) -> Texts {
        Texts::smallest(values, SPLITS)
    }

    /// The same for texts that are numbered already: `codes` are the numbers, in the order of first use.
    pub fn coded(distinct: &[&str], codes: &Numbers) -> Texts {
        if !distinct.is_empty() && (hardly_differ(distinct, codes.len()) || codes.has_nulls()) {
            return Texts::Coded { texts: Spread::new(distinct), codes: Packed::of(codes, false) };
        }
        let text = |code: Option<i64>| code.and_then(|code| distinct.get(code as usize).copied());
        Texts::new(&codes.iter().map(text).collect::<Vec<_>>())
    }

    fn smallest(values: &[Option<&str>], splits: u32) -> Texts {
        if values.iter().all(Option::is_none) {
            return Texts::Null;
        }
        let mut coding = Coding::default();
        coding.go_on(values, |coding| !hardly_differ(&coding.distinct, values.len()));
        if coding.codes.len() == values.len() && hardly_differ(&coding.distinct, values.len()) {
            return coding.coded();
        }
        coding.numbers.reserve(values.len() / 4);
        let Some(whole) = values.iter().copied().collect::<Option<Vec<&str>>>() else {
            coding.go_on(values, |_| false);
            return coding.coded();
        };
        let each = Texts::Each(Strings::new(&whole));
        let split = if splits > 0 { Texts::split(&whole, splits) } else { None };
        let best = match split {
            Some(split) if split.bytes() < each.bytes() => split,
            _ => each,
        };
        // Number the texts until the coded form is sure to be no smaller.
        let most = best.bytes();
        coding.go_on(values, |coding| coding.least_bytes(values.len()) > most);
        if coding.codes.len() < values.len() {
            return best;
        }
        let coded = coding.coded();
        if coded.bytes() <= most { coded } else { best }
    }

    fn split(values: &[&str], splits: u32) -> Option<Texts> {
        let mark = MARKS.into_iter().find(|mark| values.iter().all(|text| text.contains(*mark)))?;
        let halves = values.iter().filter_map(|text| text.rsplit_once(mark));
        let (before, after): (Vec<_>, Vec<_>) = halves.map(|(before, after)| (Some(before), Some(after))).unzip();
        let part = |values: &[Option<&str>]| Box::new(Texts::smallest(values, splits - 1));
        Some(Texts::Split { mark, before: part(&before), after: part(&after) })
    }

    /// Writes a row's text; false if it is null.
    #[inline]
    pub fn write(&self, row: usize, out: &mut impl Write) -> bool {
        match self {
            Texts::Null => false,
            Texts::Each(strings) => strings.write(row, out),
            Texts::Coded { texts, codes } => match codes.get(row) {
                Some(code) => out.write_str(texts.get(code as usize)).is_ok(),
                None => false,
            },
            Texts::Split { mark, before, after } => {
                before.write(row, out) && out.write_char(*mark).is_ok() && after.write(row, out)
            }
        }
    }

    pub fn bytes(&self) -> usize {
        match self {
            Texts::Null => 0,
            Texts::Each(strings) => strings.bytes(),
            Texts::Coded { texts, codes } => texts.bytes() + codes.bytes() + OVERHEAD,
            Texts::Split { before, after, .. } => before.bytes() + after.bytes() + 2 * size_of::<Texts>(),
        }
    }
}

/// Numbers texts in the order of first use.
#[derive(Default)]
struct Coding<'a> {
    numbers: FxHashMap<&'a str, i64>,
    distinct: Vec<&'a str>,
    /// Total bytes of the distinct texts.
    bytes: usize,
    codes: Numbers,
    last: Option<(&'a str, i64)>,
}

impl<'a> Coding<'a> {
    /// Numbers the texts that have no number yet, until all have one or `is_last` says to stop.
    fn go_on(&mut self, values: &[Option<&'a str>], is_last: impl Fn(&Coding<'a>) -> bool) {
        for value in &values[self.codes.len()..] {
            let Some(text) = *value else {
                self.codes.push_some(None);
                continue;
            };
            // Neighbours are often equal.
            if let Some((_, code)) = self.last.filter(|(last, _)| *last == text) {
                self.codes.push_some(Some(code));
                continue;
            }
            let next = self.distinct.len() as i64;
            let code = *self.numbers.entry(text).or_insert(next);
            self.last = Some((text, code));
            self.codes.push_some(Some(code));
            if code == next {
                self.distinct.push(text);
                self.bytes += text.len();
                if is_last(self) {
                    return;
                }
            }
        }
    }

    /// The least number of bytes that the coded form of so many values takes, whatever texts follow.
    fn least_bytes(&self, values: usize) -> usize {
        let bits = usize::BITS - (self.distinct.len().max(1) - 1).leading_zeros();
        self.bytes + (values * bits as usize).div_ceil(64) * 8 + 2 * OVERHEAD
    }

    fn coded(&self) -> Texts {
        Texts::Coded { texts: Spread::new(&self.distinct), codes: Packed::of(&self.codes, false) }
    }
}

/// Whether there are so few distinct texts that only the coded form makes sense.
fn hardly_differ(distinct: &[&str], values: usize) -> bool {
    distinct.len() * 64 <= values
}

impl Strings {
    fn new(values: &[&str]) -> Strings {
        Strings::numbered(values).unwrap_or_else(|| Strings::Spread(Spread::new(values)))
    }

    /// The numbered form, if all texts have one length and differ only in the digits at their end.
    fn numbered(values: &[&str]) -> Option<Strings> {
        let (first, rest) = values.split_first()?;
        let mut same = first.len();
        for text in rest {
            if text.len() != first.len() {
                return None;
            }
            if text.as_bytes()[..same] != first.as_bytes()[..same] {
                same = first.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
            }
        }
        while !first.is_char_boundary(same) {
            same -= 1;
        }
        let digits = first.len() - same;
        let read = |radix: u64, most: usize, number: fn(&[u8]) -> Option<u64>| -> Option<Strings> {
            if digits > most {
                return None;
            }
            let mut numbers = Numbers::default();
            for text in values {
                numbers.push(number(&text.as_bytes()[same..])? as i64);
            }
            let numbers = Packed::of(&numbers, false);
            Some(Strings::Numbered { prefix: first[..same].into(), digits: digits as u32, radix, numbers })
        };
        if digits == 0 {
            return None;
        }
        read(10, 18, number::<10>).or_else(|| read(16, 16, number::<16>))
    }

    #[inline]
    fn write(&self, row: usize, out: &mut impl Write) -> bool {
        match self {
            Strings::Spread(spread) => out.write_str(spread.get(row)).is_ok(),
            Strings::Numbered { prefix, digits, radix, numbers } => {
                let mut number = numbers.get(row).unwrap_or_default() as u64;
                let mut text = [b'0'; 18];
                let from = text.len() - *digits as usize;
                for digit in text[from..].iter_mut().rev() {
                    // Two branches, so that each divides by a constant.
                    let (rest, value) =
                        if *radix == 10 { (number / 10, number % 10) } else { (number / 16, number % 16) };
                    *digit = b"0123456789abcdef"[value as usize];
                    number = rest;
                }
                let text = std::str::from_utf8(&text[from..]).unwrap_or_default();
                out.write_str(prefix).is_ok() && out.write_str(text).is_ok()
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Strings::Spread(spread) => spread.bytes(),
            Strings::Numbered { prefix, numbers, .. } => prefix.len() + numbers.bytes() + OVERHEAD,
        }
    }
}

/// The number that the digits stand for; `None` if they are not digits. Sixteen hexadecimal digits fill all 64 bits.
fn number<const RADIX: u64>(digits: &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' if RADIX == 16 => digit - b'a' + 10,
            _ => return None,
        };
        number = number.wrapping_mul(RADIX).wrapping_add(u64::from(value));
    }
    Some(number)
}

impl Spread {
    fn new(values: &[&str]) -> Spread {
        let text = values.concat().into_boxed_str();
        let length = values.first().map_or(0, |text| text.len());
        let ends = if values.iter().all(|text| text.len() == length) {
            Ends::Even(length as u32)
        } else {
            let mut end = 0;
            Ends::Each(
                values
                    .iter()
                    .map(|text| {
                        end += text.len() as u32;
                        end
                    })
                    .collect(),
            )
        };
        Spread { text, ends }
    }

    #[inline]
    fn get(&self, at: usize) -> &str {
        let (from, to) = match &self.ends {
            Ends::Even(length) => (at * *length as usize, (at + 1) * *length as usize),
            Ends::Each(ends) => (if at == 0 { 0 } else { ends[at - 1] as usize }, ends[at] as usize),
        };
        &self.text[from..to]
    }

    fn bytes(&self) -> usize {
        let ends = match &self.ends {
            Ends::Even(_) => 0,
            Ends::Each(ends) => size_of_val(&**ends),
        };
        self.text.len() + ends + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[Option<String>]) -> Texts {
        let borrowed: Vec<Option<&str>> = values.iter().map(Option::as_deref).collect();
        let texts = Texts::new(&borrowed);
        for (row, value) in values.iter().enumerate() {
            let mut text = String::new();
            let is_known = texts.write(row, &mut text);
            assert_eq!(is_known.then_some(text), *value);
        }
        texts
    }

    fn some(texts: impl Iterator<Item = String>) -> Vec<Option<String>> {
        texts.map(Some).collect()
    }

    #[test]
    fn each_kind_finds_its_form() {
        let persons = check(&some((0..1000).map(|n| format!("p{:07}", n * 31 % 1000))));
        assert!(matches!(persons, Texts::Each(Strings::Numbered { radix: 10, .. })), "{persons:?}");
        let hashes = check(&some((0..1000u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))));
        assert!(matches!(hashes, Texts::Each(Strings::Numbered { radix: 16, .. })), "{hashes:?}");
        let codes = check(&some((0..1000).map(|n| ["agi", "fk", "å"][n % 3].to_owned())));
        assert!(matches!(codes, Texts::Coded { .. }) && codes.bytes() < 400, "{codes:?}");
        let keys = check(&some((0..1000).map(|n| format!("agi:55600{:05}:2023-{:02}", n / 12, n % 12 + 1))));
        assert!(matches!(keys, Texts::Split { .. }) && keys.bytes() < 3_000, "{}", keys.bytes());
        assert!(matches!(check(&[None, None]), Texts::Null));
    }

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(
            values in prop::collection::vec(prop::option::weighted(0.9, "[0-9a-f]{3}|å?[0-9]{4}|[a-c]:[0-9]{1,2}-[0-9]{2}|\\PC{0,5}"), 0..60),
            whole: bool,
        ) {
            let values: Vec<_> = values.into_iter().filter(|value| !whole || value.is_some()).collect();
            check(&values);
        }
    }
}

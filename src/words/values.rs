//! How a value reads, by what its column is. A word in the column's name tells: `_sek` an amount in whole kronor, `_pct` per cent,
//! `_bp` basis points, `_tenths` tenths of credits, `_month` (last) the first day of a month.

use serde_json::Value;

use crate::model::alert::Bilingual;
use crate::words::{Language, Words, both, labels, same, say};

/// What a column's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Amount,
    PerCent,
    BasisPoints,
    Credits,
    CreditTenths,
    Tenths,
    Month,
    Term,
    Country,
    Other,
}

/// By whole name.
const NAMES: &[(&str, Kind)] = &[("z_tenths", Kind::Tenths), ("term", Kind::Term)];

/// By a word of the name, wherever it stands; the first that is there decides.
const WORDS: &[(&str, Kind)] = &[
    ("sek", Kind::Amount),
    ("pct", Kind::PerCent),
    ("bp", Kind::BasisPoints),
    ("tenths", Kind::CreditTenths),
    ("credits", Kind::Credits),
    ("country", Kind::Country),
    ("issuer", Kind::Country),
    ("citizenships", Kind::Country),
];

impl Kind {
    pub fn of(column: &str) -> Kind {
        if let Some((_, kind)) = NAMES.iter().find(|(name, _)| *name == column) {
            return *kind;
        }
        let found = WORDS.iter().find(|(word, _)| column.split('_').any(|own| own == *word));
        match found {
            Some((_, kind)) => *kind,
            None if column.rsplit('_').next() == Some("month") => Kind::Month,
            None => Kind::Other,
        }
    }

    /// The unit that follows the number, with what separates them.
    fn unit(self, language: Language) -> &'static str {
        match self {
            Kind::Amount => say(language, "\u{a0}kr", "\u{a0}SEK"),
            Kind::PerCent | Kind::BasisPoints => say(language, "\u{a0}%", "%"),
            Kind::Credits | Kind::CreditTenths => say(language, "\u{a0}hp", "\u{a0}credits"),
            _ => "",
        }
    }

    /// Words that would say the unit a second time if they followed the value.
    pub fn units(self) -> &'static [&'static str] {
        match self {
            Kind::Amount => &["kr", "kronor", "SEK"],
            Kind::PerCent | Kind::BasisPoints => &["%", "procent", "per cent", "percent"],
            Kind::Credits | Kind::CreditTenths => &["hp", "högskolepoäng", "credits", "tenths", "tiondel"],
            _ => &[],
        }
    }

    fn number(self, number: i64, language: Language) -> String {
        match self {
            Kind::Amount => grouped(number, 1_000, language),
            Kind::BasisPoints => decimal(number, 2, language),
            Kind::CreditTenths | Kind::Tenths => decimal(number, 1, language),
            // A number of four digits may be a year.
            _ => grouped(number, 10_000, language),
        }
    }
}

pub(super) fn value(words: &Words, column: &str, value: &Value) -> Bilingual {
    match value {
        Value::Null => same("–"),
        Value::Bool(true) => both("ja", "yes"),
        Value::Bool(false) => both("nej", "no"),
        Value::Number(number) => match number.as_i64() {
            Some(number) => {
                let kind = Kind::of(column);
                let in_words = |language| format!("{}{}", kind.number(number, language), kind.unit(language));
                both(in_words(Language::Sv), in_words(Language::En))
            }
            None => same(&number.to_string()),
        },
        Value::String(text) => text_value(words, column, text),
        other => same(&other.to_string()),
    }
}

/// `90 % av 39 000`: how much a value is of `times` times another one. `None` if there is nothing to compare with.
pub fn share(column: &str, value: &Value, times: i64, of: &Value, language: Language) -> Option<String> {
    let whole = of.as_i64()?.checked_mul(times).filter(|whole| *whole > 0)?;
    let part = value.as_i64().filter(|part| *part >= 0)?;
    // Rounded down: what lies below a limit must not read as having reached it.
    let share = i128::from(part) * 100 / i128::from(whole);
    let per_cent = Kind::PerCent.unit(language);
    Some(format!("{share}{per_cent} {} {}", say(language, "av", "of"), Kind::of(column).number(whole, language)))
}

fn text_value(words: &Words, column: &str, text: &str) -> Bilingual {
    let kind = Kind::of(column);
    match kind {
        Kind::Month => {
            if let Some(month) = month(text) {
                return month;
            }
        }
        Kind::Term => {
            if let Some(term) = term(text) {
                return term;
            }
        }
        _ => {}
    }
    if let Some(time) = instant(text) {
        return same(&time);
    }
    // A list comes in brackets.
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let code = |code: &str| match kind {
        Kind::Country => labels::country(code),
        _ => words.code(column, code),
    };
    if let Some(words) = code(text) {
        return words;
    }
    codes(text, &code).unwrap_or_else(|| same(text))
}

/// A text that consists of codes, counted codes (`R04:5`) and days alone.
fn codes(text: &str, code: &dyn Fn(&str) -> Option<Bilingual>) -> Option<Bilingual> {
    let mut is_any = false;
    let mut is_list = text.contains(',');
    let mut parts = Vec::new();
    for token in text.split([' ', ',']).filter(|token| !token.is_empty()) {
        if let Some((counted, count)) = token.split_once(':') {
            count.parse::<u64>().ok()?;
            let name = code(counted);
            is_any |= name.is_some();
            is_list = true;
            let name = name.unwrap_or_else(|| same(counted));
            parts.push(both(format!("{}: {count}", name.sv), format!("{}: {count}", name.en)));
        } else if is_day(token) {
            parts.push(same(token));
        } else {
            parts.push(code(token)?);
            is_any = true;
        }
    }
    let between = if is_list { ", " } else { " " };
    let joined = |of: fn(&Bilingual) -> &str| parts.iter().map(of).collect::<Vec<_>>().join(between);
    is_any.then(|| both(joined(|part| &part.sv), joined(|part| &part.en)))
}

fn is_day(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| text.as_bytes()[range].iter().all(u8::is_ascii_digit);
    text.len() == 10
        && text.is_ascii()
        && digits(0..4)
        && digits(5..7)
        && digits(8..10)
        && &text[4..5] == "-"
        && &text[7..8] == "-"
}

const MONTHS: [(&str, &str); 12] = [
    ("januari", "January"),
    ("februari", "February"),
    ("mars", "March"),
    ("april", "April"),
    ("maj", "May"),
    ("juni", "June"),
    ("juli", "July"),
    ("augusti", "August"),
    ("september", "September"),
    ("oktober", "October"),
    ("november", "November"),
    ("december", "December"),
];

/// The month of its first day.
fn month(text: &str) -> Option<Bilingual> {
    let first = Some(text).filter(|text| is_day(text) && text.ends_with("-01"))?;
    let (sv, en) = MONTHS.get(first[5..7].parse::<usize>().ok()?.checked_sub(1)?)?;
    let year = &first[..4];
    Some(both(format!("{sv} {year}"), format!("{en} {year}")))
}

fn term(text: &str) -> Option<Bilingual> {
    let (year, season) = text.split_at_checked(4).filter(|(year, _)| year.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (sv, en) = match season {
        "VT" => ("vårterminen", "spring term"),
        "HT" => ("höstterminen", "autumn term"),
        "SO" => ("sommarterminen", "summer term"),
        _ => return None,
    };
    Some(both(format!("{sv} {year}"), format!("{en} {year}")))
}

/// An instant without parts that say nothing (the fraction of a whole second, the time of day of a day), with its time zone.
/// `None` if the text is none.
pub fn instant(text: &str) -> Option<String> {
    let (day, clock) = text.split_once('T').filter(|(day, _)| is_day(day))?;
    let clock = clock.strip_suffix('Z').unwrap_or(clock);
    let is_clock = clock.len() >= 8 && clock.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.');
    let (seconds, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let clock = if fraction.bytes().all(|byte| byte == b'0') { seconds } else { clock };
    match clock {
        _ if !is_clock => None,
        "00:00:00" => Some(day.to_owned()),
        clock => Some(format!("{day} {} UTC", clock.strip_suffix(":00").unwrap_or(clock))),
    }
}

/// With its digits in threes from `from` on: by no-break spaces, in English by commas.
fn grouped(number: i64, from: u64, language: Language) -> String {
    let digits = number.unsigned_abs().to_string();
    let sign = if number < 0 { "−" } else { "" };
    if number.unsigned_abs() < from {
        return format!("{sign}{digits}");
    }
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push_str(say(language, "\u{a0}", ","));
        }
        out.push(digit);
    }
    out
}

/// With so many decimals, without those at the end that are 0.
fn decimal(number: i64, decimals: u32, language: Language) -> String {
    let unit = 10_u64.pow(decimals);
    let (whole, rest) = (number.unsigned_abs() / unit, number.unsigned_abs() % unit);
    let sign = if number < 0 { "−" } else { "" };
    let rest = format!("{rest:0width$}", width = decimals as usize);
    match rest.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        rest => format!("{sign}{whole}{}{rest}", say(language, ",", ".")),
    }
}

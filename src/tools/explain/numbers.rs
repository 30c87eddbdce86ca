//! Personal numbers within texts: where they stand, and the text without them.

use crate::model::identity;
use crate::words::{Language, say};

/// The text with personal numbers masked; organisation numbers stay as they are usually written.
pub fn without_numbers(text: &str, language: Language) -> String {
    let hidden = say(language, "(personnummer visas inte)", "(personal number not shown)");
    let mut out = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Plain(text) => out.push_str(text),
            Part::Personal => out.push_str(hidden),
            Part::Organisation(number) => out.push_str(&format!("{}-{}", &number[2..8], &number[8..])),
        }
    }
    out
}

/// Whether a personal number, or what may be one, stands in a text.
pub fn has_personal_number(text: &str) -> bool {
    parts(text).iter().any(|part| matches!(part, Part::Personal))
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Plain(&'a str),
    Personal,
    /// In 12-digit form.
    Organisation(&'a str),
}

/// The parts of a text that are numbers of persons or organisations, and what stands between them.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let digits = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (run, after) = from.split_at(digits);
        let tail = after.strip_prefix(['-', '+']).filter(|tail| {
            let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
            digits == 4
        });
        // Where a personal number has the month, that of an organisation has at least 20.
        let is_month = |at: usize| run.get(at..at + 2).is_some_and(|month| month < "20");
        let is_personal = match (run.len(), tail) {
            (12, _) => ["16", "18", "19", "20"].iter().any(|century| run.starts_with(century)) && is_month(4),
            (10, None) => is_month(2) && identity::is_person_number(&format!("19{run}")),
            (8, Some(_)) => is_month(4),
            (6, Some(_)) => is_month(2),
            _ => false,
        };
        out.push(Part::Plain(before));
        rest = after;
        if is_personal {
            out.push(Part::Personal);
            if run.len() < 10 {
                rest = tail.map_or(after, |tail| &tail[4..]);
            }
        } else if identity::is_of_no_person(run) {
            out.push(Part::Organisation(run));
        } else {
            out.push(Part::Plain(run));
        }
    }
    out.push(Part::Plain(rest));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_numbers_are_masked_wherever_they_stand() {
        let shown = |text| without_numbers(text, Language::En);
        assert_eq!(shown("199001010017"), "(personal number not shown)");
        assert_eq!(shown("till 19900101-0017, igen"), "till (personal number not shown), igen");
        assert_eq!(shown("900101-0017;900161+0017"), "(personal number not shown);(personal number not shown)");
        assert_eq!(shown("165590025481"), "559002-5481");
        assert_eq!(shown("169001010017"), "(personal number not shown)", "with the prefix of organisations");
        assert_eq!(shown("salary:9001010017:2024-01"), "salary:(personal number not shown):2024-01");
        assert!(has_personal_number("agi/199001010017/2024-01") && !has_personal_number("agi/165590025481/2024-01"));
        assert!(!has_personal_number("permit:123456789012") && !has_personal_number("2024-01-01"));
        assert_eq!(
            shown("559002-5481, 2026-08-01, 81000, 2026-08, 2026HT"),
            "559002-5481, 2026-08-01, 81000, 2026-08, 2026HT"
        );
    }
}

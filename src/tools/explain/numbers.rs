//! Personal numbers within texts: where they stand, and the text without them.

use crate::model::identity::{Part, parts};
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

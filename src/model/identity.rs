//! Identity numbers: personal, coordination and organisation numbers in their 12-digit forms.
//!
//! - Personal number (FBL 18 §): YYYYMMDD, three digits of birth number, check digit.
//! - Coordination number (lag 2022:1697 2 kap. 8 §): the same with 60 added to the day. A day that is not known is
//!   written 60, a month that is not known 00.
//! - Organisation number: "16" and ten digits.
//!
//! The check digit is Luhn's over the last ten digits. Whether a number has been issued is not known here, and the date in
//! a personal number need not be the day of birth (numbers of some days have run out).
//!
//! Nothing here does I/O.

use chrono::NaiveDate;

/// A personal number with a date that exists and the right check digit.
pub fn is_personal_number(text: &str) -> bool {
    digits(text).is_some_and(|digits| {
        let (year, month, day) = date_part(&digits);
        (1800..2200).contains(&year) && exists(year, month, day) && has_check_digit(&digits)
    })
}

/// A coordination number: day 61-91, or 60 for an unknown day; month 00 for an unknown month.
pub fn is_coordination_number(text: &str) -> bool {
    digits(text).is_some_and(|digits| {
        let (year, month, day) = date_part(&digits);
        (1800..2200).contains(&year) && day_of_coordination(year, month, day) && has_check_digit(&digits)
    })
}

/// An organisation number in 12-digit form.
pub fn is_organisation_number(text: &str) -> bool {
    text.starts_with("16") && digits(text).is_some_and(|digits| has_check_digit(&digits))
}

/// Whether a number in 12-digit form is that of an organisation and of no person: where a personal number has the month, it has at least
/// 20 (lag 1974:174). "16" may also stand before a personal number.
pub fn is_of_no_person(text: &str) -> bool {
    text.starts_with("16") && digits(text).is_some() && &text[4..6] >= "20"
}

/// Whether it may identify a person: a personal or a coordination number.
pub fn is_person_number(text: &str) -> bool {
    is_personal_number(text) || is_coordination_number(text)
}

/// Whether it may identify an employer: an organisation number, or a sole trader's personal number.
pub fn is_employer_number(text: &str) -> bool {
    is_organisation_number(text) || is_person_number(text)
}

/// What readers are told in place of the number of an employer who is one person.
pub const SOLE_TRADER: &str = "(a sole trader)";

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Plain(&'a str),
    Personal,
    /// In 12-digit form.
    Organisation(&'a str),
}

/// The parts of a text that are numbers of persons or organisations, and what stands between them.
pub fn parts(text: &str) -> Vec<Part<'_>> {
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
            (10, None) => is_month(2) && is_person_number(&format!("19{run}")),
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
        } else if is_of_no_person(run) {
            out.push(Part::Organisation(run));
        } else {
            out.push(Part::Plain(run));
        }
    }
    out.push(Part::Plain(rest));
    out
}

/// The text with another in place of each personal number.
pub fn without_personal_numbers(text: &str, instead: &str) -> String {
    let part = |part: Part<'_>| match part {
        Part::Plain(text) | Part::Organisation(text) => text.to_owned(),
        Part::Personal => instead.to_owned(),
    };
    parts(text).into_iter().map(part).collect()
}

/// The check digit that completes nine digits (values 0-9); for adapters and generators.
pub fn check_digit(nine: &[u8; 9]) -> u8 {
    let sum: u8 = nine.iter().enumerate().map(|(index, digit)| weighed(index, *digit)).sum();
    (10 - sum % 10) % 10
}

fn digits(text: &str) -> Option<[u8; 12]> {
    let bytes: &[u8; 12] = text.as_bytes().try_into().ok()?;
    bytes.iter().all(u8::is_ascii_digit).then(|| bytes.map(|byte| byte - b'0'))
}

fn date_part(digits: &[u8; 12]) -> (i32, u32, u32) {
    let number = |digits: &[u8]| digits.iter().fold(0u32, |number, digit| number * 10 + u32::from(*digit));
    (number(&digits[..4]) as i32, number(&digits[4..6]), number(&digits[6..8]))
}

fn exists(year: i32, month: u32, day: u32) -> bool {
    NaiveDate::from_ymd_opt(year, month, day).is_some()
}

fn day_of_coordination(year: i32, month: u32, day: u32) -> bool {
    match (month, day) {
        (0..=12, 60) => true,
        (0, 61..=91) => true,
        (_, 61..=91) => exists(year, month, day - 60),
        _ => false,
    }
}

fn has_check_digit(digits: &[u8; 12]) -> bool {
    let sum: u8 = digits[2..].iter().enumerate().map(|(index, digit)| weighed(index, *digit)).sum();
    sum.is_multiple_of(10)
}

/// Weights 2, 1, 2, 1, ...; the digits of a product are added.
fn weighed(index: usize, digit: u8) -> u8 {
    let product = digit * if index.is_multiple_of(2) { 2 } else { 1 };
    product / 10 + product % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Skatteverket's example numbers (SKV 704).
    #[test]
    fn published_examples() {
        assert!(is_personal_number("196408233234"));
        assert!(!is_personal_number("196408233235"));
        assert!(is_coordination_number("197010632391"));
        assert!(!is_personal_number("197010632391"), "day 63");
        assert!(is_organisation_number("162021000555"));
        assert!(!is_organisation_number("162021000556"));
    }

    #[test]
    fn dates_must_exist() {
        let with_check = |twelve: &str| {
            let mut digits: Vec<u8> = twelve.bytes().map(|byte| byte - b'0').collect();
            let nine: [u8; 9] = digits[2..11].try_into().unwrap();
            digits.push(check_digit(&nine));
            digits.iter().map(|digit| char::from(digit + b'0')).collect::<String>()
        };
        assert!(is_personal_number(&with_check("20240229001")));
        assert!(!is_personal_number(&with_check("20230229001")));
        assert!(!is_person_number(&with_check("20231332001")));
        assert!(is_coordination_number(&with_check("20240289001")));
        assert!(!is_coordination_number(&with_check("20230289001")), "29 + 60 in a common year");
        assert!(is_coordination_number(&with_check("19800060001")), "month and day not known");
        assert!(is_coordination_number(&with_check("19800075001")), "month not known");
        assert!(is_coordination_number(&with_check("19800160001")), "day not known");
        assert!(!is_coordination_number(&with_check("19801360001")));
        assert!(!is_coordination_number(&with_check("19800192001")));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "6408233234", "19640823-3234", "19640823323a", "1964082332344", "１９６４", "000000000000"]
        {
            assert!(!is_person_number(text), "{text}");
        }
        assert!(is_employer_number("196408233234"), "a sole trader");
        assert!(is_employer_number("162021000555"));
    }
}

//! Names, countries, and identity and organisation numbers with valid check digits.

use chrono::{Datelike, NaiveDate};

use super::calendar::{add_days, ymd};
use super::dice::Dice;

/// Who a person is, as first recorded.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) birth_on: NaiveDate,
    pub(super) citizenship: &'static str,
    /// Three-digit birth number; odd for men, even for women.
    pub(super) serial: u32,
}

/// Serials below this are first numbers; a changed number gets one above it, so that numbers stay unique.
const FIRST_SERIALS: u32 = 499;

impl Identity {
    /// A person of `min_age` to `max_age` on `on`. Day of the year and serial come from the index, so that no two
    /// of the first 182,000 persons share a number.
    pub(super) fn draw(
        dice: &mut Dice,
        index: usize,
        on: NaiveDate,
        ages: (i64, i64),
        citizenship: &'static str,
    ) -> Identity {
        let slot = (index as u64).wrapping_mul(7919) % (365 * u64::from(FIRST_SERIALS));
        let day_of_year = (slot / u64::from(FIRST_SERIALS)) as u32 + 1;
        let serial = (slot % u64::from(FIRST_SERIALS)) as u32 + 1;
        let age = dice.between(ages.0, ages.1) as i32;
        // A birthday later in the year than `on` would make the person a year younger.
        let late = day_of_year > on.ordinal();
        let birth_on = NaiveDate::from_yo_opt(on.year() - age - i32::from(late), day_of_year).unwrap_or(on);
        Identity { name: draw_name(dice), birth_on, citizenship, serial }
    }

    pub(super) fn personal_number(&self) -> String {
        personal_number(self.birth_on, self.serial)
    }

    pub(super) fn coordination_number(&self) -> String {
        numbered(self.birth_on, self.birth_on.day() + 60, self.serial)
    }

    /// A coordination number beside the first one.
    pub(super) fn second_coordination_number(&self) -> String {
        numbered(self.birth_on, self.birth_on.day() + 60, self.changed_serial())
    }

    /// The serial of a number that replaces the first one; its parity differs, and so the gender that it shows.
    pub(super) fn changed_serial(&self) -> u32 {
        self.serial + FIRST_SERIALS
    }
}

pub(super) fn personal_number(birth_on: NaiveDate, serial: u32) -> String {
    numbered(birth_on, birth_on.day(), serial)
}

fn numbered(birth_on: NaiveDate, day: u32, serial: u32) -> String {
    let twelve = format!("{:04}{:02}{:02}{:03}", birth_on.year(), birth_on.month(), day, serial);
    let check = luhn_digit(&twelve[2..]);
    format!("{twelve}{check}")
}

/// Organisation number in 12-digit form from its first nine digits.
pub(super) fn organisation_number(first_nine: u64) -> String {
    let nine = format!("{first_nine:09}");
    let check = luhn_digit(&nine);
    format!("16{nine}{check}")
}

/// The check digit that makes `digits` and itself pass the Luhn test with weights 2, 1, 2, ...
pub(super) fn luhn_digit(digits: &str) -> u32 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit.wrapping_sub(b'0')) * if place % 2 == 0 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    (10 - sum % 10) % 10
}

/// A name of two or three words.
pub(super) fn draw_name(dice: &mut Dice) -> String {
    let given = dice.pick(GIVEN);
    let family = dice.pick(FAMILY);
    if dice.permille(500) {
        let middle = dice.pick(MIDDLE);
        return format!("{given} {middle} {family}");
    }
    format!("{given} {family}")
}

/// A name that shares no word with `name`.
pub(super) fn unrelated_name(dice: &mut Dice, name: &str) -> String {
    loop {
        let other = format!("{} {}", dice.pick(GIVEN), dice.pick(FAMILY));
        if !other.split(' ').any(|word| name.split(' ').any(|old| old == word)) {
            return other;
        }
    }
}

/// The same name as another register writes it: family name first, with the letters that a passport writes.
pub(super) fn transliterated(dice: &mut Dice, name: &str) -> String {
    let mut words: Vec<&str> = name.split(' ').collect();
    words.rotate_right(1);
    let name = words.join(" ");
    let letters = dice.pick(&["aáeé", "lłdđiıoø", "zžcčuüaåsş", "-"]);
    let pairs: Vec<char> = letters.chars().collect();
    let other = |c: char| pairs.chunks_exact(2).find(|pair| pair[0] == c).map_or(c, |pair| pair[1]);
    if pairs.len() > 1 { name.chars().map(other).collect() } else { name.to_uppercase().replace(' ', "-") }
}

/// A birthday in the year of `birth_on` that is neither 1 January nor that day.
pub(super) fn real_birthday(dice: &mut Dice, birth_on: NaiveDate) -> NaiveDate {
    add_days(ymd(birth_on.year(), 1, 1), dice.between(20, 340))
}

/// Citizenships of workers and students, by weight.
pub(super) const WORKER_COUNTRIES: &[(u32, &str)] = &[
    (30, "IND"),
    (12, "CHN"),
    (8, "IRN"),
    (7, "TUR"),
    (6, "PAK"),
    (6, "THA"),
    (5, "USA"),
    (5, "UKR"),
    (4, "BRA"),
    (4, "SRB"),
    (4, "BGD"),
    (3, "LKA"),
    (3, "EGY"),
    (3, "UZB"),
];
pub(super) const FAMILY_COUNTRIES: &[(u32, &str)] = &[
    (18, "SYR"),
    (14, "IND"),
    (9, "THA"),
    (8, "SOM"),
    (8, "IRQ"),
    (7, "TUR"),
    (6, "PAK"),
    (5, "IRN"),
    (5, "ERI"),
    (5, "AFG"),
    (4, "BRA"),
    (4, "RUS"),
    (4, "PHL"),
    (3, "MAR"),
];
/// Countries that the need of protection is tested against.
pub(super) const TESTED_COUNTRIES: &[(u32, &str)] =
    &[(28, "SYR"), (26, "AFG"), (14, "ERI"), (10, "SOM"), (10, "IRQ"), (8, "IRN"), (4, "UZB")];
/// Countries to which anybody may travel; protection is tested against none of them.
pub(super) const TRAVEL_COUNTRIES: &[(u32, &str)] = &[
    (20, "TUR"),
    (14, "GBR"),
    (12, "THA"),
    (10, "ARE"),
    (9, "USA"),
    (8, "SRB"),
    (8, "BIH"),
    (6, "LBN"),
    (5, "JOR"),
    (4, "EGY"),
];
/// Countries that people move to, with EU membership.
pub(super) const EMIGRATION_COUNTRIES: &[(u32, (&str, bool))] = &[
    (14, ("GBR", false)),
    (12, ("USA", false)),
    (12, ("DEU", true)),
    (10, ("TUR", false)),
    (9, ("IND", false)),
    (8, ("CAN", false)),
    (7, ("DNK", true)),
    (6, ("NLD", true)),
    (5, ("ARE", false)),
    (5, ("IRQ", false)),
];

const GIVEN: &[&str] = &[
    "Amal", "Yusuf", "Priya", "Wei", "Fatima", "Mehmet", "Olena", "Ahmad", "Sara", "Arjun", "Leila", "Omar", "Nadia",
    "Hassan", "Ana", "Dmytro", "Zahra", "Ravi", "Mina", "Tariq", "Hana", "Ibrahim", "Jelena", "Kiran", "Layla",
    "Malik", "Noor", "Parisa", "Rahel", "Samir", "Tesfay", "Usman", "Vesna", "Xiu", "Yasmin", "Zoran", "Bilal",
    "Chandra", "Deniz", "Elham", "Farid", "Goran", "Huda", "Isaac", "Jamila", "Khalid", "Lien", "Maryam", "Nikita",
    "Parwin",
];
const MIDDLE: &[&str] = &["Ali", "Kaur", "Maria", "Jan", "Nur", "Devi", "Reza", "Sol", "Bint", "Chen", "Ivan", "Lul"];
const FAMILY: &[&str] = &[
    "Haddad",
    "Sharma",
    "Wang",
    "Yilmaz",
    "Kovalenko",
    "Rahimi",
    "Hussein",
    "Patel",
    "Tekle",
    "Jovanovic",
    "Khan",
    "Ahmadi",
    "Warsame",
    "Silva",
    "Nguyen",
    "Said",
    "Karimi",
    "Demir",
    "Petrov",
    "Rao",
    "Mohamud",
    "Saleh",
    "Hakimi",
    "Gebre",
    "Popovic",
    "Iyer",
    "Zhang",
    "Bakir",
    "Celik",
    "Rostami",
    "Farah",
    "Nazari",
    "Abdi",
    "Mehta",
    "Okafor",
    "Perera",
    "Sato",
    "Torres",
    "Ulrich",
    "Verma",
    "Yousef",
    "Zaman",
    "Bondar",
    "Dogan",
    "Ekici",
    "Fofana",
    "Gupta",
    "Hamdan",
    "Ismail",
    "Jafari",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_match_published_examples() {
        assert_eq!(luhn_digit("640823323"), 4);
        assert_eq!(luhn_digit("701063239"), 1);
        assert_eq!(personal_number(ymd(1964, 8, 23), 323), "196408233234");
        assert_eq!(organisation_number(202_100_552), "162021005521");
    }
}

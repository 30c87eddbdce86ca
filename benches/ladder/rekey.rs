//! One generated population told again under other names: the n-th copy of a person, of an employer, of a document.
//!
//! What ties rows to each other (subjects, permits, identity numbers, documents, addresses, employers) is renamed alike
//! everywhere, so that a copy is a population of its own: no passport is shared between copies, and no employer has more staff than
//! in the original. Names, days, amounts and record keys stay. Copy 0 is the original.

use permitwatch::model::identity::check_digit;
use permitwatch::model::record::{Record, Value};
use permitwatch::model::schema::ColumnType;
use permitwatch::model::time::Day;
use permitwatch::rules::{Conditions, Hit};
use rustc_hash::FxHashMap;

/// Identity numbers of copies are of persons born from then on: years in which nobody in the original is born.
const FIRST_BIRTH: Day = Day(-25_567);
/// Birth numbers of one day.
const SERIALS: u32 = 999;
/// First nine digits of the copies' employers, beyond all in the original.
const FIRST_EMPLOYER: u32 = 600_000_000;

/// The names in the original that have to differ between copies, by their order of appearance.
#[derive(Debug, Default)]
pub struct Names {
    /// Subject ids are a letter and seven digits; a copy adds this to the digits.
    pub persons: u32,
    pub numbers: FxHashMap<Box<str>, u32>,
    /// Without the authorities, whom all copies share.
    pub employers: FxHashMap<Box<str>, u32>,
}

impl Names {
    pub fn note(&mut self, record: &Record) {
        for (column, value) in record.table.def().columns.iter().zip(&record.values) {
            let Value::Text(text) = value else { continue };
            match column.ty {
                ColumnType::PersonNumber => note(&mut self.numbers, text),
                // The generator's pool and its stories; the authorities' numbers begin otherwise.
                ColumnType::Employer if text.starts_with("1655") => note(&mut self.employers, text),
                _ => {}
            }
        }
    }

    pub fn copy(&self, number: u32) -> Copy<'_> {
        Copy { names: self, number }
    }
}

fn note(names: &mut FxHashMap<Box<str>, u32>, text: &str) {
    let next = names.len() as u32;
    names.entry(text.into()).or_insert(next);
}

/// One copy of the original.
#[derive(Clone, Copy)]
pub struct Copy<'n> {
    names: &'n Names,
    pub number: u32,
}

impl Copy<'_> {
    /// A subject: a person, or the unit of an employer or identifier.
    pub fn subject(self, subject: &str) -> String {
        match subject.split_once('=') {
            Some(("employer", id)) => format!("employer={}", self.employer(id)),
            Some((kind, id)) => match id.split_once(':') {
                Some((what, id)) => format!("{kind}={what}:{}", self.identifier(id)),
                None => subject.to_owned(),
            },
            None => self.person(subject),
        }
    }

    pub fn record(self, record: &Record) -> Record {
        let mut copy = record.clone();
        if self.number == 0 {
            return copy;
        }
        copy.subject = match record.table.is_person() {
            true => self.subject(&record.subject).into(),
            false => self.employer(&record.subject).into(),
        };
        for (column, value) in record.table.def().columns.iter().zip(&mut copy.values) {
            if let Value::Text(text) = value
                && let Some(new) = self.text(column.ty, text)
            {
                *text = new.into();
            }
        }
        copy
    }

    pub fn hit(self, hit: &Hit) -> Hit {
        let mut copy = hit.clone();
        copy.subject = self.any(&hit.subject);
        copy
    }

    pub fn conditions(self, conditions: &Conditions) -> Conditions {
        let mut copy = conditions.clone();
        for interval in &mut copy.cancellers {
            interval.subject = self.any(&interval.subject);
        }
        copy
    }

    fn text(self, ty: ColumnType, text: &str) -> Option<String> {
        match ty {
            ColumnType::Person | ColumnType::OtherPerson | ColumnType::Permit => Some(self.person(text)),
            ColumnType::Employer => Some(self.employer(text)),
            ColumnType::PersonNumber | ColumnType::Hash => Some(self.identifier(text)),
            _ => None,
        }
    }

    /// What an alert is about: a permit, a person or an employer.
    fn any(self, text: &str) -> String {
        if self.names.employers.contains_key(text) { self.employer(text) } else { self.person(text) }
    }

    /// `p0000012` and `p0000012-1`.
    fn person(self, text: &str) -> String {
        let number = text.get(1..8).and_then(|digits| digits.parse::<u32>().ok());
        match number {
            Some(number) if self.number > 0 => {
                format!("{}{:07}{}", &text[..1], number + self.number * self.names.persons, &text[8..])
            }
            _ => text.to_owned(),
        }
    }

    fn employer(self, text: &str) -> String {
        match self.names.employers.get(text) {
            Some(place) if self.number > 0 => {
                let nine = FIRST_EMPLOYER + self.number * self.names.employers.len() as u32 + place;
                with_check_digit("16", &format!("{nine:09}"))
            }
            _ => text.to_owned(),
        }
    }

    fn identifier(self, text: &str) -> String {
        if self.number == 0 {
            return text.to_owned();
        }
        if let Some(place) = self.names.numbers.get(text) {
            let nth = self.number * self.names.numbers.len() as u32 + place;
            return number(nth, text.as_bytes().get(6).is_some_and(|digit| *digit >= b'6'));
        }
        let digits = text.get(1..).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        match digits {
            Some(digits) => {
                let mixed = digits.wrapping_add(u64::from(self.number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                format!("{}{mixed:016x}", &text[..1])
            }
            None => text.to_owned(),
        }
    }
}

/// The n-th identity number of copies; a coordination number has 60 added to its day.
fn number(nth: u32, coordination: bool) -> String {
    let day = Day(FIRST_BIRTH.0 + (nth / SERIALS) as i32).to_string();
    let (year, month, of_month) = (&day[..4], &day[5..7], day[8..10].parse::<u32>().unwrap_or(1));
    let of_month = of_month + if coordination { 60 } else { 0 };
    let serial = nth % SERIALS + 1;
    with_check_digit(&year[..2], &format!("{}{month}{of_month:02}{serial:03}", &year[2..]))
}

fn with_check_digit(century: &str, nine: &str) -> String {
    let mut digits = [0; 9];
    for (digit, byte) in digits.iter_mut().zip(nine.bytes()) {
        *digit = byte - b'0';
    }
    format!("{century}{nine}{}", check_digit(&digits))
}

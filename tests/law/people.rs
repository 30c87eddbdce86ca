//! How a person is written down: dice, identifiers, and records one after the other.

use std::cell::Cell;

use crate::calendar::{At, Day};
use crate::facts::{
    Application, Border, Code, Employer, EmployerMonth, ExcusedMonth, Fact, Group, Notice, Op, Payment, Permit,
    PermitEmployer, Person, Post, Record, Status, Study, Term,
};

/// Numbers that are the same everywhere (splitmix64).
#[derive(Debug)]
pub struct Dice(Cell<u64>);

impl Dice {
    fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = self.0.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// From `low` to `high`, both included.
    pub fn between(&self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1).max(1) as usize) as i32
    }

    pub fn one_in(&self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub fn pick<T: Clone>(&self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// A distance from a limit: mostly -1, 0 or +1 days, sometimes farther.
    pub fn near(&self) -> i32 {
        self.pick(&[-1, 0, 1, -1, 0, 1, -2, 2, 15, -15])
    }

    /// A first day: any, with a taste for the ends of months and leap days.
    pub fn first_day(&self) -> Day {
        let any = Day::ymd(2023, 1, 1) + self.between(0, 700);
        match self.below(6) {
            0 => any.month(),
            1 => any.month_end(),
            2 => any.month() + 14,
            3 => self.pick(&[
                Day::ymd(2024, 2, 29),
                Day::ymd(2024, 1, 31),
                Day::ymd(2023, 10, 31),
                Day::ymd(2024, 8, 31),
            ]),
            _ => any,
        }
    }
}

/// Somebody in the making.
pub struct Maker {
    pub dice: Dice,
    pub group: Group,
    number: usize,
    serial: usize,
}

impl Maker {
    pub fn new(story: &str, number: usize, seed: u64) -> Maker {
        let dice = Dice(Cell::new(seed));
        let (from, until) = (Day(i32::MAX), Day(0));
        let group = Group { story: story.into(), persons: Vec::new(), reference: Vec::new(), from, until };
        Maker { dice, group, number, serial: 0 }
    }

    /// The group as made. The two readings are compared from the first record until `margin` days after the last, or after the
    /// last end of a permit.
    pub fn finish(mut self, margin: i32) -> Group {
        let group = &mut self.group;
        let records = || group.persons.iter().flat_map(|person| &person.records);
        let first = records().map(|record| record.known.day()).min().unwrap_or(Day(0));
        let last = records().map(|record| record.known.day()).max().unwrap_or(Day(0));
        let ends = records().filter_map(|record| match &record.fact {
            Fact::Permit(permit) => permit.valid_to,
            _ => None,
        });
        let until = ends.max().unwrap_or(last).max(last) + margin;
        (group.from, group.until) = (first, until.min(LAST_DAY));
        // Known times within a feed never fall.
        for person in &mut group.persons {
            person.records.sort_by_key(|record| record.known);
        }
        group.reference.sort_by_key(|record| record.known);
        self.group
    }

    fn id(&mut self, what: &str) -> String {
        self.serial += 1;
        format!("{what}{}-{}", self.number, self.serial)
    }

    pub fn person(&mut self) -> usize {
        let id = self.id("p");
        self.group.persons.push(Person { id, records: Vec::new() });
        self.group.persons.len() - 1
    }

    pub fn person_id(&self, person: usize) -> String {
        self.group.persons[person].id.clone()
    }

    pub fn permit_id(&mut self) -> String {
        self.id("T")
    }

    /// An organisation number in 12 digits with a right check digit, of this group alone.
    pub fn employer_id(&mut self) -> String {
        self.serial += 1;
        let nine = format!("55{:07}", (self.number * 40 + self.serial) % 10_000_000);
        format!("16{nine}{}", check_digit(&nine))
    }

    /// Writes the first version of a record; gives its key.
    pub fn add(&mut self, person: usize, known: At, fact: impl Into<Fact>) -> String {
        let fact = fact.into();
        let key = match &fact {
            Fact::Post(_) => "post".to_owned(),
            Fact::Permit(permit) => permit.permit_id.clone(),
            _ => self.id("r"),
        };
        self.write(person, &key, known, Op::Upsert, fact);
        key
    }

    /// Writes a further version of a record.
    pub fn write(&mut self, person: usize, key: &str, known: At, op: Op, fact: impl Into<Fact>) {
        let fact = fact.into();
        let records = &mut self.group.persons[person].records;
        let same = records.iter().filter(|record| record.fact.table() == fact.table() && record.key == key);
        let version = same.map(|record| record.version).max().unwrap_or(0) + 1;
        records.push(Record { key: key.into(), version, op, known, fact });
    }

    /// Says of the latest version of a record that it was never true.
    pub fn retract(&mut self, person: usize, key: &str, known: At) {
        let records = &self.group.persons[person].records;
        let last = records.iter().filter(|record| record.key == key).max_by_key(|record| record.version);
        let fact = last.expect("a record to retract").fact.clone();
        self.write(person, key, known, Op::Retract, fact);
    }

    pub fn reference(&mut self, known: At, key: &str, fact: impl Into<Fact>) {
        let fact = fact.into();
        let same = self.group.reference.iter().filter(|r| r.fact.table() == fact.table() && r.key == key);
        let version = same.map(|record| record.version).max().unwrap_or(0) + 1;
        self.group.reference.push(Record { key: key.into(), version, op: Op::Upsert, known, fact });
    }

    /// An employer that the business register knows of from the beginning.
    pub fn employer(&mut self) -> String {
        let id = self.employer_id();
        self.reference(EARLY.at_hour(3), &id.clone(), Employer { employer_id: id.clone(), ..employer() });
        id
    }

    /// A salary as it is usually declared: on the 12th of the next month.
    pub fn salary(&mut self, person: usize, employer: &str, month: Day, amount_sek: i64) -> String {
        let known = (month.add_months(1) + 11).at_hour(9);
        self.add(person, known, salary(employer, month, amount_sek))
    }
}

/// Everything that is there from the beginning is known from here on.
pub const EARLY: Day = Day(18_993); // 2022-01-01
/// Of all comparisons.
pub const LAST_DAY: Day = Day(21_184); // 2028-01-01

/// The key of a reference record's message.
pub fn reference_subject(fact: &Fact) -> &str {
    match fact {
        Fact::Employer(employer) => &employer.employer_id,
        Fact::EmployerMonth(EmployerMonth { employer_id, .. }) => employer_id,
        Fact::Institution(institution) => &institution.institution_id,
        Fact::Term(Term { term, .. }) => term,
        _ => unreachable!("a reference record"),
    }
}

fn check_digit(nine: &str) -> u32 {
    let digits = nine.bytes().map(|byte| u32::from(byte - b'0'));
    let sum: u32 =
        digits.enumerate().map(|(at, digit)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit }).sum();
    (10 - sum % 10) % 10
}

/// A personal number in 12 digits with a right check digit.
pub fn person_number(birth: Day, serial: usize) -> String {
    let date = birth.date().format("%Y%m%d").to_string();
    let nine = format!("{}{:03}", &date[2..], serial % 1000);
    format!("{date}{:03}{}", serial % 1000, check_digit(&nine))
}

/// The blank forms: what every column holds where a story says nothing.
pub fn permit(permit_id: &str, permit_class: Code, valid_from: Day, valid_to: Option<Day>) -> Permit {
    Permit {
        permit_id: permit_id.into(),
        permit_class,
        first_grant: Some(true),
        application_on: Some(valid_from - 90),
        decided_on: Some(valid_from - 30),
        valid_from,
        valid_to,
        held_since: None,
        card_issued_on: None,
        ended_on: None,
        end_kind: None,
        revoked_on: None,
        revoked_served_on: None,
        revoked_final_on: None,
        inhibited: None,
        floor_sek: None,
        offered_sek: None,
        threshold_sek: None,
        tied_until: None,
        work_right: None,
        institution_id: None,
        anchor_person_id: None,
        keep_notice_on: None,
        investigation_notified_on: None,
        name_at_grant: None,
        birth_on_at_grant: None,
        citizenships_at_grant: None,
    }
}

pub fn permit_employer(permit_id: &str, employer_id: &str, from_on: Day, to_on: Option<Day>) -> PermitEmployer {
    PermitEmployer { permit_id: permit_id.into(), employer_id: employer_id.into(), from_on, to_on }
}

pub fn application(permit_class: Code, filed_on: Day) -> Application {
    Application { permit_class: Some(permit_class), employer_id: None, filed_on, decided_on: None, outcome: None }
}

pub fn status(status_kind: Code, tested_country: Code, declared_on: Day) -> Status {
    Status { status_kind, tested_country, declared_on, ended_on: None }
}

/// Registered, on the day of the change; a person who was born in 1990.
pub fn post(event_on: Day) -> Post {
    Post {
        event_on,
        dereg_code: None,
        dereg_on: None,
        foreign_country: None,
        foreign_in_eu: None,
        name: Some("Amal Haddad".into()),
        birth_on: Some(Day::ymd(1990, 5, 4)),
        citizenships: Some(vec!["SYR".into()]),
        civil_status: None,
        civil_status_on: None,
        spouse_id: None,
        address_key: Some("a1".into()),
        registered_on: Some(event_on),
        protected: Some(false),
        number: None,
    }
}

/// The post of a deregistration.
pub fn dereg(code: Code, dereg_on: Day, event_on: Day) -> Post {
    Post { dereg_code: Some(code), dereg_on: Some(dereg_on), address_key: None, registered_on: None, ..post(event_on) }
}

pub fn journey(direction: Code, country: Code, observed_on: Day) -> Border {
    Border {
        direction,
        country,
        transit: Some(false),
        observed_on,
        doc_kind: None,
        doc_issuer: None,
        doc_key: None,
        doc_issued_on: None,
        doc_seen: Some(true),
    }
}

pub fn salary(payer_id: &str, month: Day, amount_sek: i64) -> Payment {
    Payment {
        kind: "salary",
        payer_id: payer_id.into(),
        basis: None,
        month: month.month(),
        period_from: None,
        period_to: None,
        paid_on: Some(month.month() + 24),
        amount_sek,
        reported_income: None,
    }
}

pub fn excused(month: Day) -> ExcusedMonth {
    ExcusedMonth { month: month.month() }
}

pub fn study(kind: Code, institution_id: &str, event_on: Day) -> Study {
    Study {
        kind,
        institution_id: Some(institution_id.into()),
        level: None,
        event_on,
        starts_on: None,
        ends_on: None,
        credits_tenths: None,
    }
}

pub fn notice(kind: Code, event_on: Day) -> Notice {
    Notice { kind, employer_id: None, event_on, allegation: None, source_token: None, country: None }
}

pub fn employer() -> Employer {
    Employer {
        employer_id: String::new(),
        sector: Some("I"),
        bankrupt_on: None,
        successor_id: None,
        payer_kind: Some("normal"),
    }
}

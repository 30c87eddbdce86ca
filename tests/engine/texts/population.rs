//! Draws the records of a few persons: of few different values, so that what may be equal is; ends of months and leap days; nulls;
//! several permits, permits of two records, versions, retractions; tables without a row.

use permitwatch::decode::{codes_of, is_country_column};
use permitwatch::model::identity::check_digit;
use permitwatch::model::purpose::Purpose;
use permitwatch::model::record::{Op, Record, Value};
use permitwatch::model::schema::{ColumnType, TableId};
use permitwatch::model::time::{EventTime, KnownTime, MICROS_PER_DAY, parse_day};
use permitwatch::tools::cases::Recording;

use crate::drive::Dice;

const DAYS: [&str; 14] = [
    "2024-02-29",
    "2024-02-28",
    "2024-03-01",
    "2023-12-31",
    "2024-01-01",
    "2024-01-31",
    "2024-03-31",
    "2024-04-30",
    "2024-05-31",
    "2024-06-18",
    "2024-07-15",
    "2024-10-27",
    "2025-02-28",
    "2025-03-31",
];

const AMOUNTS: [i64; 10] = [0, 1, -7, 90, 12_345, 20_000, 39_999, 40_000, 40_000, 999_999_999_999];

/// The first known time, and how many days later the last.
const FROM: &str = "2024-01-15";
const SPAN: usize = 500;

/// Tables that records are drawn for.
const TABLES: [TableId; 16] = [
    TableId::Permits,
    TableId::PermitEmployers,
    TableId::Applications,
    TableId::Statuses,
    TableId::Documents,
    TableId::Identities,
    TableId::Population,
    TableId::Border,
    TableId::Payments,
    TableId::ExcusedMonths,
    TableId::Studies,
    TableId::Notices,
    TableId::Employers,
    TableId::EmployerMonths,
    TableId::Institutions,
    TableId::Terms,
];

pub fn day(text: &str) -> i32 {
    parse_day(text).unwrap_or_else(|| panic!("no day: {text}")).0
}

/// The instants at which it is looked at.
pub fn looks() -> [i64; 2] {
    [200, SPAN as i64 + 20].map(|days| (i64::from(day(FROM)) + days) * MICROS_PER_DAY)
}

pub fn draw(dice: &mut Dice, persons: usize) -> Recording {
    let mut records = Vec::new();
    let empty: Vec<TableId> = TABLES.into_iter().skip(1).filter(|_| dice.below(7) == 0).collect();
    for table in TABLES.into_iter().filter(|table| !empty.contains(table)) {
        if table.is_person() {
            for person in 0..persons {
                let most = if matches!(table, TableId::Payments | TableId::Studies | TableId::Border) { 7 } else { 4 };
                let count = if table == TableId::Permits { 1 + dice.below(3) } else { dice.below(most) };
                (0..count).for_each(|number| self::versions(dice, table, &format!("p{person}"), number, &mut records));
            }
        } else {
            let subjects: &[String] = &match table.reference_key() {
                Some(ColumnType::Institution) => vec!["uni1".to_owned(), "uni2".to_owned()],
                Some(_) => vec![employer(0), employer(1)],
                None => vec!["2024VT".to_owned(), "2024HT".to_owned()],
            };
            for subject in subjects {
                (0..1 + dice.below(2)).for_each(|number| self::versions(dice, table, subject, number, &mut records));
            }
        }
    }
    Recording::new(records)
}

/// With spans that do not end before they begin.
fn in_order(table: TableId, mut values: Vec<Value>) -> Vec<Value> {
    for (first, last) in [("valid_from", "valid_to"), ("period_from", "period_to"), ("starts_on", "ends_on")] {
        let place = |name: &str| table.def().column(name).map(|(at, _)| at);
        if let (Some(first), Some(last)) = (place(first), place(last))
            && let (Value::Day(from), Value::Day(to)) = (&values[first], &values[last])
            && to < from
        {
            values.swap(first, last);
        }
    }
    values
}

fn versions(dice: &mut Dice, table: TableId, subject: &str, number: usize, out: &mut Vec<Record>) {
    let count = if dice.below(3) == 0 { 1 + dice.below(3) } else { 1 };
    // Of the permits feed everything is known early, so that the person is in scope.
    let is_early = matches!(table, TableId::Permits) && number == 0;
    let mut after = if is_early { 0 } else { 1 + dice.below(SPAN * 3 / 4) };
    // Of the reference tables a record's key is unique in its table.
    let record_key =
        if table.is_person() { format!("{}:{number}", table.name()) } else { format!("{subject}:{number}") };
    for version in 1..=count {
        let known = (i64::from(day(FROM)) + after as i64) * MICROS_PER_DAY + dice.below(3) as i64 * 3_600_000_000;
        after += 1 + dice.below(60);
        let retracts = version > 1 && dice.below(4) == 0;
        let op = if retracts {
            Op::Retract
        } else if version > 1 && dice.below(2) == 0 {
            Op::Correct
        } else {
            Op::Upsert
        };
        let event = known - dice.below(40) as i64 * MICROS_PER_DAY;
        out.push(Record {
            table,
            subject: subject.into(),
            record_key: record_key.as_str().into(),
            version: version as i64,
            op,
            event_time: EventTime(event),
            registered_at: known,
            known_time: KnownTime(known),
            schema_ver: 1,
            source: "mv".into(),
            // Three of four serve every purpose.
            purpose: Purpose::NAMES[(number + version).is_multiple_of(4) as usize].into(),
            secrecy_class: 0,
            values: if retracts { Vec::new() } else { in_order(table, values(dice, table, subject, number)) },
        });
    }
}

fn values(dice: &mut Dice, table: TableId, subject: &str, number: usize) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.into());
    let value = |column: &permitwatch::model::schema::Column| {
        if !column.required && dice.below(4) == 0 {
            return Value::Null;
        }
        match column.ty {
            // A permit may be in two records.
            ColumnType::Permit => text(&format!("{subject}-M{}", number / 2)),
            ColumnType::OtherPerson => text(one(dice, &["p0", "p1", "x"])),
            ColumnType::Employer if !table.is_person() && column.name == "employer_id" => text(subject),
            ColumnType::Employer => text(&employer(dice.below(3))),
            ColumnType::Institution if !table.is_person() => text(subject),
            ColumnType::Institution => text(one(dice, &["uni1", "uni2", "uni3"])),
            ColumnType::PersonNumber => text(&person_number(dice.below(2))),
            ColumnType::Hash => text(one(dice, &["h1", "h2"])),
            ColumnType::Text => text(one(dice, &["Åsa Öberg", "Amal Haddad", "asa oberg"])),
            ColumnType::Code if is_country_column(column.name) => text(one(dice, &["SWE", "SYR", "YUG", "SRB"])),
            ColumnType::Code => match (codes_of(table, column.name), column.name) {
                (Some(codes), "permit_class") => text(codes[[0, 0, 1, 7, 13, 17][dice.below(6)]].0),
                (Some(codes), _) => text(codes[dice.below(codes.len().min(3))].0),
                (None, "term") => text(subject),
                (None, _) => text(one(dice, &["A", "C", "U"])),
            },
            ColumnType::CodeList => {
                let count = dice.below(3);
                Value::List((0..count).map(|_| Box::from(one(dice, &["SWE", "SYR", "YUG", "SRB"]))).collect())
            }
            ColumnType::Date => Value::Day(day(one(dice, &DAYS)) + if column.name == "valid_to" { 366 } else { 0 }),
            ColumnType::Month => Value::Day(day(&format!("{}-01", &one(dice, &DAYS)[..7]))),
            ColumnType::Timestamp => Value::Instant(i64::from(day(one(dice, &DAYS))) * MICROS_PER_DAY),
            ColumnType::Int => Value::Int(*dice.pick(&[0, 75, 75, 100, 300])),
            ColumnType::Sek => Value::Int(*dice.pick(&AMOUNTS)),
            ColumnType::Bool => Value::Bool(dice.below(2) == 0),
            ColumnType::Person | ColumnType::RecordKey | ColumnType::Record => Value::Null,
        }
    };
    table.def().columns.iter().map(value).collect()
}

fn one<'a>(dice: &mut Dice, of: &[&'a str]) -> &'a str {
    of[dice.below(of.len())]
}

fn employer(number: usize) -> String {
    completed("16", &format!("55600000{number}"))
}

fn person_number(number: usize) -> String {
    completed("19", &format!("90010123{number}"))
}

fn completed(century: &str, nine: &str) -> String {
    let mut digits = [0; 9];
    digits.iter_mut().zip(nine.bytes()).for_each(|(digit, byte)| *digit = byte - b'0');
    format!("{century}{nine}{}", check_digit(&digits))
}

//! Reads `queries/tests/<rule id>.toml`; its README is the format.

use std::collections::BTreeMap;

use permitwatch::identity::{check_digit, is_employer_number, is_person_number};
use permitwatch::record::{Op, Record, Value};
use permitwatch::schema::{ColumnType, TableId};
use permitwatch::time::{Day, EventTime, KnownTime, MICROS_PER_DAY, parse_day, parse_time};
use serde::Deserialize;
use toml::Table;

use crate::drive::repository;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    #[serde(default)]
    defaults: BTreeMap<String, Table>,
    #[serde(default)]
    record: Vec<Line>,
    pub case: Vec<Case>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    record: Vec<Line>,
    pub expect: Vec<Expect>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    at: String,
    pub alerts: Vec<Wanted>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub key: String,
    pub severity: String,
    pub permit: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    table: String,
    key: Option<String>,
    known: Option<String>,
    #[serde(default)]
    set: Table,
    op: Option<String>,
    version: Option<i64>,
    source: Option<String>,
    event: Option<String>,
    repeat: Option<Repeat>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    months: Option<i32>,
    amounts_sek: Option<Vec<i64>>,
}

impl CaseFile {
    pub fn read(rule: &str) -> CaseFile {
        let file = repository("queries/tests").join(format!("{rule}.toml"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// The records of one case, under names of its own: its person is `name`, and every identifier in them begins with it.
    /// Terms keep theirs.
    pub fn records(&self, case: &Case, name: &str) -> Vec<Record> {
        let mut maker = Maker { file: self, name, out: Vec::new() };
        for line in self.record.iter().chain(&case.record) {
            maker.line(line);
        }
        maker.out
    }
}

impl Expect {
    pub fn clock(&self) -> i64 {
        instant(&self.at)
    }
}

/// A date, or `YYYY-MM-DD HH:MM:SS` in UTC.
fn instant(text: &str) -> i64 {
    let whole = if text.len() == 19 { format!("{}Z", text.replace(' ', "T")) } else { text.to_owned() };
    parse_time(&whole).unwrap_or_else(|| panic!("{text} is no time"))
}

struct Maker<'a> {
    file: &'a CaseFile,
    name: &'a str,
    out: Vec<Record>,
}

impl Maker<'_> {
    fn line(&mut self, line: &Line) {
        let table = TableId::from_name(&line.table).unwrap_or_else(|| panic!("no table {}", line.table));
        let (months, amounts) = match &line.repeat {
            None => return self.record(line, table, None, None),
            Some(Repeat { amounts_sek: Some(amounts), .. }) => (amounts.len() as i32, Some(amounts)),
            Some(repeat) => (repeat.months.unwrap_or(1), None),
        };
        for month in 0..months {
            let amount = amounts.map(|amounts| amounts[month as usize]);
            if amount != Some(0) {
                self.record(line, table, Some(month), amount);
            }
        }
    }

    fn record(&mut self, line: &Line, table: TableId, month: Option<i32>, amount: Option<i64>) {
        let none = Table::new();
        let defaults = self.file.defaults.get(&line.table).unwrap_or(&none);
        let default = |name: &str| defaults.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let op = Op::from_name(line.op.as_deref().unwrap_or("upsert")).expect("a known op");
        let known = line.known.clone().or_else(|| default("known")).expect("a known time");
        let known = moved_instant(instant(&known), month);
        let source = line.source.clone().or_else(|| default("source")).unwrap_or_else(|| "test".into());
        let event = line.event.as_deref().map_or(known, instant);
        let mut columns: BTreeMap<&str, toml::Value> = BTreeMap::new();
        for (name, value) in defaults.iter().chain(&line.set) {
            if !["key", "known", "source"].contains(&name.as_str()) || line.set.contains_key(name) {
                columns.insert(name, value.clone());
            }
        }
        if let Some(amount) = amount {
            columns.insert("amount_sek", amount.into());
        }
        for name in columns.keys() {
            assert!(table.def().column(name).is_some(), "{} has no column {name}", table.name());
        }
        let mut values: Vec<Value> = table
            .def()
            .columns
            .iter()
            .map(|column| columns.get(column.name).map_or(Value::Null, |value| self.value(column.ty, value)))
            .collect();
        if month.is_some() {
            for name in ["month", "period_from", "period_to", "paid_on"] {
                if let Some((at, _)) = table.def().column(name)
                    && let Value::Day(day) = &mut values[at]
                {
                    *day = moved(Day(*day), month.unwrap_or(0)).0;
                }
            }
        }
        let mut key = line.key.clone().or_else(|| default("key")).expect("a key");
        if month.is_some()
            && let Some((at, _)) = table.def().column("month")
            && let Value::Day(day) = values[at]
        {
            key = format!("{key}:{}", &Day(day).to_string()[..7]);
        }
        if !table.is_person() && table != TableId::Terms {
            key = format!("{}:{key}", self.name);
        }
        let earlier = self.out.iter().filter(|record| record.table == table && *record.record_key == *key);
        let subject = self.subject(table, &values, earlier.clone().next());
        let version = line.version.unwrap_or(earlier.count() as i64 + 1);
        self.out.push(Record {
            table,
            subject: subject.into(),
            record_key: key.into(),
            version,
            op,
            event_time: EventTime(event),
            registered_at: known,
            known_time: KnownTime(known),
            schema_ver: 1,
            source: source.into(),
            purpose: "permit_control".into(),
            secrecy_class: 0,
            values: if op == Op::Retract { Vec::new() } else { values },
        });
    }

    /// The message key: the person, or what the reference record is about.
    fn subject(&self, table: TableId, values: &[Value], earlier: Option<&Record>) -> String {
        if table.is_person() {
            return self.name.to_owned();
        }
        match (values.first(), earlier) {
            (Some(Value::Text(id)), _) => id.to_string(),
            (_, Some(earlier)) => earlier.subject.to_string(),
            _ => panic!("a {} record that names nothing", table.name()),
        }
    }

    fn value(&self, ty: ColumnType, value: &toml::Value) -> Value {
        let day = |text: &str| Value::Day(parse_day(text).unwrap_or_else(|| panic!("{text} is no day")).0);
        match value {
            toml::Value::Boolean(flag) => Value::Bool(*flag),
            toml::Value::Integer(number) => Value::Int(*number),
            toml::Value::Array(items) => {
                Value::List(items.iter().map(|item| item.as_str().expect("text").into()).collect())
            }
            toml::Value::String(text) if text.is_empty() => Value::Null,
            toml::Value::String(text) => match ty {
                ColumnType::Date | ColumnType::Month => day(text),
                ColumnType::Timestamp => Value::Instant(instant(text)),
                ColumnType::Permit | ColumnType::Institution => Value::Text(format!("{}:{text}", self.name).into()),
                ColumnType::Employer => Value::Text(employer_number(self.name, text).into()),
                ColumnType::PersonNumber => Value::Text(person_number(text).into()),
                _ => Value::Text(text.as_str().into()),
            },
            other => panic!("{other} has no place in a case"),
        }
    }
}

/// A valid organisation number for a short name, different for each person.
fn employer_number(person: &str, name: &str) -> String {
    if is_employer_number(name) {
        return name.to_owned();
    }
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = person.bytes().chain([0]).chain(name.bytes()).fold(0xcbf2_9ce4_8422_2325, mix);
    with_check_digit(&format!("16{:09}", hash % 1_000_000_000))
}

/// The number with the check digit that it should have.
fn person_number(text: &str) -> String {
    let number = with_check_digit(&text[..11]);
    assert!(is_person_number(&number), "{text} is no person's number");
    number
}

fn with_check_digit(eleven: &str) -> String {
    let digits: Vec<u8> = eleven[2..].bytes().map(|byte| byte - b'0').collect();
    format!("{eleven}{}", check_digit(&digits.try_into().expect("nine digits")))
}

/// The same day months later; the last day of a month stays one.
fn moved(day: Day, months: i32) -> Day {
    let is_last = Day(day.0 + 1).first_of_month() == Some(Day(day.0 + 1));
    let there = day.add_months(months).expect("within the calendar");
    if !is_last {
        return there;
    }
    let next = there.first_of_month().and_then(|first| first.add_months(1)).expect("within the calendar");
    Day(next.0 - 1)
}

fn moved_instant(at: i64, months: Option<i32>) -> i64 {
    let day = KnownTime(at).day();
    let there = day.add_months(months.unwrap_or(0)).expect("within the calendar");
    there.instant() + at.rem_euclid(MICROS_PER_DAY)
}

//! Makes records of a case, with identifiers of its own, so that many cases fit in one shard.
//!
//! Persons, permits, institutions and employers are named after the case: the main person `c007`, another one `c007.anchor`, a
//! permit `c007:p1`. Only `terms` are shared by all cases. The short names are kept for messages.

use std::collections::BTreeMap;

use toml::Table;

use crate::catalogue::spelling::{did_you_mean, nearest};
use crate::decode::codes;
use crate::model::identity::{check_digit, is_employer_number, is_person_number};
use crate::model::purpose::Purpose;
use crate::model::record::{Op, Record, Value};
use crate::model::schema::{ColumnType, Feed, TableId};
use crate::model::time::{Day, EventTime, KnownTime, MICROS_PER_DAY, parse_day};
use crate::tools::cases::CaseError;
use crate::tools::cases::file::{Case, CaseFile, Line, Repeat, instant};

/// Short name of the case's main person.
pub const MAIN: &str = "self";

/// The records of one case, and the short names of the units in them.
#[derive(Clone, Debug, Default)]
pub struct Built {
    pub records: Vec<Record>,
    pub names: Names,
}

/// Short names, by identifier.
#[derive(Clone, Debug, Default)]
pub struct Names {
    case: String,
    pub persons: BTreeMap<String, String>,
    pub employers: BTreeMap<String, String>,
}

impl CaseFile {
    /// Makes the records of a case; `name` is its main person's identifier, and every identifier begins with it.
    pub fn build(&self, case: &Case, name: &str) -> Result<Built, CaseError> {
        let names = Names {
            case: name.to_owned(),
            persons: BTreeMap::from([(name.to_owned(), MAIN.to_owned())]),
            employers: BTreeMap::new(),
        };
        let mut maker = Maker { file: self, name, out: Built { records: Vec::new(), names } };
        for (at, line) in self.record.iter().enumerate() {
            let place = format!("the file's record {} ({})", at + 1, line.table);
            maker.line(line).map_err(|message| self.error(case, &format!("{place}: {message}")))?;
        }
        for (at, line) in case.record.iter().enumerate() {
            let place = format!("record {} ({})", at + 1, line.table);
            let own_terms = TableId::from_name(&line.table) == Some(TableId::Terms);
            let made = if own_terms {
                Err("table: terms are the same for all cases; give them as the file's [[record]]".to_owned())
            } else {
                maker.line(line)
            };
            made.map_err(|message| self.error(case, &format!("{place}: {message}")))?;
        }
        Ok(maker.out)
    }
}

impl Names {
    /// Whether this person belongs to the case.
    pub fn has(&self, person: &str) -> bool {
        self.persons.contains_key(person) || self.employer_of(person).is_some()
    }

    /// An alert key without the case's name.
    pub fn key(&self, alert_key: &str) -> String {
        alert_key.replace(&format!("{}:", self.case), "")
    }

    /// The short name of a person, or of the employer that is a unit of its own.
    pub fn person(&self, person: &str) -> String {
        match (self.persons.get(person), self.employer_of(person)) {
            (Some(short), _) => short.clone(),
            (None, Some(short)) => short.to_owned(),
            (None, None) => person.to_owned(),
        }
    }

    /// The short name of an alert's subject.
    pub fn subject(&self, subject: &str) -> String {
        let own = subject.strip_prefix(self.case.as_str()).and_then(|rest| rest.strip_prefix(':'));
        let known =
            own.or_else(|| self.employers.get(subject).or_else(|| self.persons.get(subject)).map(String::as_str));
        known.unwrap_or(subject).to_owned()
    }

    fn employer_of(&self, unit: &str) -> Option<&str> {
        self.employers.get(unit.strip_prefix("employer=")?).map(String::as_str)
    }
}

struct Maker<'a> {
    file: &'a CaseFile,
    name: &'a str,
    out: Built,
}

impl Maker<'_> {
    fn line(&mut self, line: &Line) -> Result<(), String> {
        let known: Vec<&str> = TableId::ALL.into_iter().map(TableId::name).collect();
        let table = TableId::from_name(&line.table)
            .ok_or_else(|| format!("table: there is none of this name; tables are {}", known.join(", ")))?;
        let (months, amounts) = match &line.repeat {
            None => return self.record(line, table, None, None),
            Some(Repeat { amounts_sek: Some(amounts), .. }) => (amounts.len() as i32, Some(amounts)),
            Some(repeat) => (repeat.months.ok_or("repeat: give months or amounts_sek")?, None),
        };
        for month in 0..months {
            let amount = amounts.and_then(|amounts| amounts.get(month as usize)).copied();
            if amount != Some(0) {
                self.record(line, table, Some(month), amount)?;
            }
        }
        Ok(())
    }

    fn record(&mut self, line: &Line, table: TableId, month: Option<i32>, amount: Option<i64>) -> Result<(), String> {
        let none = Table::new();
        let defaults = self.file.defaults.get(&line.table).unwrap_or(&none);
        let default = |name: &str| defaults.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let time =
            |member: &str, text: &str| instant(text).ok_or_else(|| format!("{member}: \"{text}\" is no date or time"));
        let op = line.op.as_deref().unwrap_or("upsert");
        let op = Op::from_name(op).ok_or_else(|| format!("op: \"{op}\" is none of upsert, correct, retract"))?;
        let known = line.known.clone().or_else(|| default("known")).ok_or("known: neither here nor in the defaults")?;
        let known = moved_instant(time("known", &known)?, month).ok_or("known: moved out of the calendar")?;
        let source = line.source.clone().or_else(|| default("source")).unwrap_or_else(|| usual_source(table).into());
        let purpose = line.purpose.as_deref().unwrap_or(Purpose::PermitControl.name());
        if !Purpose::NAMES.contains(&purpose) {
            return Err(format!("purpose: \"{purpose}\" is none of {}", Purpose::NAMES.join(", ")));
        }
        let event = line.event.as_deref().map_or(Ok(known), |text| time("event", text))?;
        let mut columns: BTreeMap<&str, toml::Value> = BTreeMap::new();
        for (name, value) in defaults.iter().chain(&line.set) {
            if !["key", "known", "source", "person"].contains(&name.as_str()) || line.set.contains_key(name) {
                columns.insert(name, value.clone());
            }
        }
        if let Some(amount) = amount {
            columns.insert("amount_sek", amount.into());
        }
        let values = self.values(table, &columns, month)?;
        let mut key =
            line.key.clone().or_else(|| default("key")).ok_or("key: neither here nor in the table's defaults")?;
        if month.is_some()
            && let Some((at, _)) = table.def().column("month")
            && let Some(Value::Day(day)) = values.get(at)
        {
            key = format!("{key}:{}", &Day(*day).to_string()[..7]);
        }
        if !table.is_person() && table != TableId::Terms {
            key = format!("{}:{key}", self.name);
        }
        let person = line.person.clone().or_else(|| default("person"));
        if person.is_some() && !table.is_person() {
            return Err("person: the table is about no person".to_owned());
        }
        let person = self.person(person.as_deref().unwrap_or(MAIN));
        let same = |record: &&Record| {
            record.table == table && *record.record_key == *key && (!table.is_person() || *record.subject == *person)
        };
        let earlier = self.out.records.iter().filter(same);
        let subject = if table.is_person() { person.clone() } else { subject(&values, earlier.clone().next())? };
        let version = line.version.unwrap_or(earlier.count() as i64 + 1);
        self.out.records.push(Record {
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
            purpose: purpose.into(),
            secrecy_class: 0,
            values: if op == Op::Retract { Vec::new() } else { values },
        });
        Ok(())
    }

    fn values(
        &mut self,
        table: TableId,
        columns: &BTreeMap<&str, toml::Value>,
        month: Option<i32>,
    ) -> Result<Vec<Value>, String> {
        let known = table.def().columns;
        if let Some(name) = columns.keys().find(|name| table.def().column(name).is_none()) {
            let names: Vec<&str> = known.iter().map(|column| column.name).collect();
            return Err(format!("{name}: the table has no such column; it has {}", names.join(", ")));
        }
        let mut values = Vec::new();
        for column in known {
            let value = columns.get(column.name);
            let mut value = value.map_or(Ok(Value::Null), |value| self.value(column.ty, value));
            if let (Some(month), Ok(Value::Day(day))) = (month, &mut value)
                && ["month", "period_from", "period_to", "paid_on"].contains(&column.name)
            {
                *day = moved(Day(*day), month).ok_or("repeat: moved out of the calendar")?.0;
            }
            // A number may be linked to several persons of a case, but never to persons of two cases.
            if let (TableId::Identities, ColumnType::PersonNumber, Ok(Value::Text(number))) =
                (table, column.ty, &mut value)
            {
                *number = number_of(self.name, number).into();
            }
            let value = value.and_then(|value| is_code(table, column.name, value));
            values.push(value.map_err(|message| format!("{}: {message}", column.name))?);
        }
        Ok(values)
    }

    /// The identifier of a person of the case.
    fn person(&mut self, short: &str) -> String {
        if short == MAIN {
            return self.name.to_owned();
        }
        let person = format!("{}.{short}", self.name);
        self.out.names.persons.insert(person.clone(), short.to_owned());
        person
    }

    fn value(&mut self, ty: ColumnType, value: &toml::Value) -> Result<Value, String> {
        let fits = match value {
            toml::Value::Boolean(_) => ty == ColumnType::Bool,
            toml::Value::Integer(_) => matches!(ty, ColumnType::Int | ColumnType::Sek),
            toml::Value::Array(_) => ty == ColumnType::CodeList,
            toml::Value::String(text) => {
                text.is_empty()
                    || !matches!(ty, ColumnType::Bool | ColumnType::Int | ColumnType::Sek | ColumnType::CodeList)
            }
            _ => false,
        };
        if !fits {
            return Err(format!("{value} is no {}", kind(ty)));
        }
        Ok(match value {
            toml::Value::Boolean(flag) => Value::Bool(*flag),
            toml::Value::Integer(number) => Value::Int(*number),
            toml::Value::Array(items) => {
                let texts = items.iter().map(|item| item.as_str().map(Box::from));
                Value::List(texts.collect::<Option<_>>().ok_or_else(|| format!("{value} holds more than text"))?)
            }
            toml::Value::String(text) if !text.is_empty() => self.text(ty, text)?,
            _ => Value::Null,
        })
    }

    fn text(&mut self, ty: ColumnType, text: &str) -> Result<Value, String> {
        Ok(match ty {
            ColumnType::Date | ColumnType::Month => {
                Value::Day(parse_day(text).ok_or_else(|| format!("\"{text}\" is no date"))?.0)
            }
            ColumnType::Timestamp => {
                Value::Instant(instant(text).ok_or_else(|| format!("\"{text}\" is no date or time"))?)
            }
            ColumnType::Permit | ColumnType::Institution => Value::Text(format!("{}:{text}", self.name).into()),
            ColumnType::OtherPerson => Value::Text(self.person(text).into()),
            ColumnType::Employer => {
                let number = employer_number(self.name, text);
                self.out.names.employers.insert(number.clone(), text.to_owned());
                Value::Text(number.into())
            }
            ColumnType::PersonNumber => {
                Value::Text(person_number(text).ok_or_else(|| format!("\"{text}\" is no person's number"))?.into())
            }
            ColumnType::Hash => Value::Text(format!("{}:{text}", self.name).into()),
            _ => Value::Text(text.into()),
        })
    }
}

/// The source that sends such records most often.
fn usual_source(table: TableId) -> &'static str {
    match table.def().feed {
        Feed::Population => "navet",
        Feed::Border => "police",
        Feed::Payments | Feed::Reference => "agi",
        Feed::Studies => "ladok",
        Feed::Notices => "employer",
        _ => "mv",
    }
}

/// The value, if the column may hold it: otherwise decoding would quarantine the record.
fn is_code(table: TableId, column: &str, value: Value) -> Result<Value, String> {
    let words = match &value {
        Value::Text(word) => std::slice::from_ref(word),
        Value::List(words) => words.as_ref(),
        _ => return Ok(value),
    };
    let list: Option<Vec<&str>> =
        codes::codes_of(table, column).map(|list| list.iter().map(|(code, _)| *code).collect());
    for word in words {
        if let Some(list) = list.as_ref().filter(|list| !list.contains(&&**word)) {
            let near = did_you_mean(&nearest(word, list.iter().copied()));
            let codes = format!("\"{word}\" is none of its codes; they are {}", list.join(", "));
            return Err(if near.is_empty() { codes } else { format!("{codes}: {near}") });
        }
        if list.is_none() && codes::is_country_column(column) && !codes::is_country(word) {
            return Err(format!("\"{word}\" is no country's code: ISO 3166-1 alpha-3, such as SWE"));
        }
    }
    Ok(value)
}

/// The values that a column takes, in words.
fn kind(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::Bool => "true or false",
        ColumnType::Int | ColumnType::Sek => "whole number",
        ColumnType::CodeList => "list of texts",
        ColumnType::Date | ColumnType::Month => "date in quotes",
        _ => "text",
    }
}

/// The message key of a reference record: the entity that it is about.
fn subject(values: &[Value], earlier: Option<&Record>) -> Result<String, String> {
    match (values.first(), earlier) {
        (Some(Value::Text(id)), _) => Ok(id.to_string()),
        (_, Some(earlier)) => Ok(earlier.subject.to_string()),
        _ => Err("set: it names nothing".to_owned()),
    }
}

/// A valid organisation number for a short name, different for each case.
fn employer_number(case: &str, name: &str) -> String {
    if is_employer_number(name) {
        return name.to_owned();
    }
    let eleven = format!("16{:09}", hash(case, name) % 1_000_000_000);
    with_check_digit(&eleven).unwrap_or(eleven)
}

/// A valid personal number for another one, different for each case.
fn number_of(case: &str, number: &str) -> String {
    let hash = hash(case, number);
    let (year, month, day) = (1930 + hash % 70, 1 + hash / 70 % 12, 1 + hash / 840 % 28);
    let eleven = format!("{year:04}{month:02}{day:02}{:03}", hash / 23_520 % 1_000);
    with_check_digit(&eleven).unwrap_or(eleven)
}

/// FNV-1a: the same on every platform.
fn hash(case: &str, name: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    case.bytes().chain([0]).chain(name.bytes()).fold(0xcbf2_9ce4_8422_2325, mix)
}

/// The number with its correct check digit.
fn person_number(text: &str) -> Option<String> {
    with_check_digit(text.get(..11)?).filter(|number| text.len() == 12 && is_person_number(number))
}

fn with_check_digit(eleven: &str) -> Option<String> {
    let digits: Option<Vec<u8>> = eleven.get(2..)?.chars().map(|c| c.to_digit(10).map(|digit| digit as u8)).collect();
    Some(format!("{eleven}{}", check_digit(&digits?.try_into().ok()?)))
}

/// The same day `months` later; the last day of a month stays one.
fn moved(day: Day, months: i32) -> Option<Day> {
    let is_last = Day(day.0 + 1).first_of_month() == Some(Day(day.0 + 1));
    let there = day.add_months(months)?;
    if !is_last {
        return Some(there);
    }
    let next = there.first_of_month()?.add_months(1)?;
    Some(Day(next.0 - 1))
}

fn moved_instant(at: i64, months: Option<i32>) -> Option<i64> {
    let there = KnownTime(at).day().add_months(months.unwrap_or(0))?;
    Some(there.instant() + at.rem_euclid(MICROS_PER_DAY))
}

//! Aim: a record of a register of others is seen by rules of the purpose that it was disclosed for, and by no others, unless it was
//! disclosed for permit control; whatever the table, the text and the way the record is reached; in the engine with single units and
//! many, in the batch query and in DuckDB.
//! Method: for each such table one rule of each purpose that finds whatever it sees, of records of each purpose; the same through a shared
//! view, a history and a tip that corroborates. That other texts agree is drawn at random in `property`.

use std::collections::BTreeSet;

use permitwatch::catalogue::Catalogue;
use permitwatch::catalogue::file::RuleFile;
use permitwatch::model::purpose::Purpose;
use permitwatch::model::record::{Op, Record, Value};
use permitwatch::model::schema::TableId;
use permitwatch::model::time::{EventTime, KnownTime, MICROS_PER_DAY, parse_day};
use permitwatch::oracle::StandingRow;
use permitwatch::tools::cases::Recording;

use crate::drive::{batch, catalogue, difference, plan, strict};
use crate::duckdb::standing_in_duckdb;
use crate::texts::engines::{rule, write_parquet};

const END: i64 = 20_000 * MICROS_PER_DAY;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn record(table: TableId, subject: &str, key: &str, purpose: Purpose, values: &[(&str, Value)]) -> Record {
    let known = END - 90 * MICROS_PER_DAY;
    let mut record = Record {
        table,
        subject: subject.into(),
        record_key: key.into(),
        version: 1,
        op: Op::Upsert,
        event_time: EventTime(known),
        registered_at: known,
        known_time: KnownTime(known),
        schema_ver: 1,
        source: "mv".into(),
        purpose: purpose.name().into(),
        secrecy_class: 0,
        values: vec![Value::Null; table.def().columns.len()],
    };
    for (name, value) in values {
        record.values[table.def().column(name).unwrap_or_else(|| panic!("{name}")).0] = value.clone();
    }
    record
}

fn permit(person: &str) -> Record {
    let day = |days: i64| Value::Day((END / MICROS_PER_DAY - days) as i32);
    let mut permit = record(
        TableId::Permits,
        person,
        "permit",
        Purpose::PermitControl,
        &[
            ("permit_id", text(&format!("{person}-1"))),
            ("permit_class", text("WORK_EMP")),
            ("valid_from", day(300)),
            ("valid_to", day(-300)),
        ],
    );
    permit.known_time = KnownTime(END - 200 * MICROS_PER_DAY);
    permit.registered_at = permit.known_time.0;
    permit.event_time.0 = permit.known_time.0;
    permit
}

/// A record of each table that is disclosed for a purpose, with what its columns must have.
fn disclosed(table: TableId, person: &str, purpose: Purpose) -> Record {
    let day = Value::Day((END / MICROS_PER_DAY - 100) as i32);
    let month = Value::Day(parse_day("2024-06-01").unwrap().0);
    let values: Vec<(&str, Value)> = match table {
        TableId::Payments => vec![
            ("kind", text("salary")),
            ("payer_id", text("165560000001")),
            ("month", month),
            ("amount_sek", Value::Int(30_000)),
        ],
        TableId::ExcusedMonths => vec![("month", month)],
        TableId::Border => vec![("direction", text("exit")), ("country", text("DEU")), ("observed_on", day)],
        TableId::Studies => vec![("kind", text("registered")), ("event_on", day)],
        TableId::Notices => vec![("kind", text("tip")), ("event_on", day)],
        other => panic!("no values for {}: add them", other.name()),
    };
    record(table, person, &format!("{}:{}", table.name(), purpose.name()), purpose, &values)
}

/// A rule of a purpose that finds whatever it sees in a table or view.
fn finds(from: &str, purpose: Purpose) -> RuleFile {
    let sql = format!(
        "SELECT s.person_id, p.permit_id, '{}' AS alert_key, max(p.first_known_time) AS alert_at, count(*) AS rows FROM {from} s \
         JOIN permits p ON p.person_id = s.person_id GROUP BY s.person_id, p.permit_id",
        purpose.name()
    );
    let mut rule = rule(&sql).unwrap();
    rule.header.id = format!("{from} {}", purpose.name());
    rule.header.purpose = purpose.name().to_owned();
    rule
}

/// What stands at the end: the same in the engine (many units, single ones), in the batch query and in DuckDB.
fn standing(catalogue: &Catalogue, records: Vec<Record>) -> Vec<StandingRow> {
    let recording = Recording::new(records);
    let messages = recording.messages();
    let messages: Vec<_> = messages.iter().collect();
    let expected = batch(catalogue, &recording.tables(), END);
    for cut in [1, 1_000] {
        let (_, ran) = strict(plan(catalogue), &messages, cut, &[END]);
        assert!(ran.quarantined.is_empty(), "{:?}", ran.quarantined);
        assert!(ran.standing[0] == expected, "cut {cut}\n{}", difference(&ran.standing[0], &expected));
    }
    let dir = tempfile::tempdir().unwrap();
    write_parquet(dir.path(), &recording.tables());
    let row = |row: &StandingRow| {
        [row.rule_id.clone(), row.subject.clone(), row.alert_key.clone(), row.severity.name().to_owned()]
    };
    let mut rows: Vec<[String; 4]> = expected.iter().map(row).collect();
    rows.sort();
    assert_eq!(standing_in_duckdb(catalogue, dir.path(), END), rows);
    expected
}

/// By table or view: which purposes' rules find the record of each purpose, sorted; `make` makes the record that the rules about a table
/// or view find.
fn seen_by(all: &[(&str, TableId)], make: impl Fn(TableId, &str, Purpose) -> Record) -> Vec<Vec<(String, String)>> {
    let mut catalogue = catalogue();
    let rules = |(from, _): &(&str, TableId)| Purpose::ALL.map(|purpose| finds(from, purpose));
    catalogue.rules = all.iter().flat_map(rules).collect();
    catalogue.links.clear();
    // Some of these tables nobody may find things by.
    catalogue.is_made_up = true;
    let mut tables: Vec<TableId> = all.iter().map(|(_, table)| *table).collect();
    tables.sort_unstable();
    tables.dedup();
    let mut records = Vec::new();
    for purpose in Purpose::ALL {
        // More persons than are evaluated one by one.
        for number in 0..5 {
            let person = format!("{}{number}", purpose.name());
            records.push(permit(&person));
            records.extend(tables.iter().map(|table| make(*table, &person, purpose)));
        }
    }
    let standing = standing(&catalogue, records);
    let seen = |(from, _): &(&str, TableId)| {
        let own = standing.iter().filter(|row| row.rule_id.split(' ').next() == Some(from));
        let pair =
            |row: &StandingRow| (row.person.trim_end_matches(char::is_numeric).to_owned(), row.alert_key.clone());
        let mut seen: Vec<(String, String)> = own.map(pair).collect();
        seen.sort();
        assert!(seen.chunks(5).all(|chunk| chunk.len() == 5 && chunk.iter().all(|it| it == &chunk[0])), "{seen:?}");
        seen.dedup();
        seen
    };
    all.iter().map(seen).collect()
}

/// (record's purpose, rule's purpose), sorted.
fn lawful() -> Vec<(String, String)> {
    let pair = |record: &str, rule: &str| (record.to_owned(), rule.to_owned());
    vec![
        pair("follow_up", "follow_up"),
        pair("payment_control", "payment_control"),
        pair("permit_control", "follow_up"),
        pair("permit_control", "payment_control"),
        pair("permit_control", "permit_control"),
    ]
}

/// In tables, histories, and shared views, which must not lend what another purpose sees.
#[test]
fn a_record_serves_the_purpose_that_it_was_disclosed_for() {
    let tables: Vec<TableId> = TableId::ALL.into_iter().filter(|table| table.is_for_a_purpose()).collect();
    let names: Vec<(String, TableId)> = tables
        .iter()
        .flat_map(|table| [table.name().to_owned(), format!("{}_history", table.name())].map(|name| (name, *table)))
        .collect();
    let mut all: Vec<(&str, TableId)> = names.iter().map(|(name, table)| (name.as_str(), *table)).collect();
    all.extend(["salaries", "salary_months", "later_signs"].map(|view| (view, TableId::Payments)));
    let seen = seen_by(&all, disclosed);
    for ((from, _), seen) in all.iter().zip(seen) {
        assert_eq!(seen, lawful(), "{from}");
    }
}

#[test]
fn the_agencys_own_register_and_the_population_register_serve_every_purpose() {
    let names = || Purpose::ALL.into_iter().map(|purpose| purpose.name().to_owned());
    let mut every: Vec<_> = names().flat_map(|of| names().map(move |by| (of.clone(), by))).collect();
    every.sort();
    let make = |table: TableId, person: &str, purpose: Purpose| {
        let refugee =
            [("status_kind", text("refugee")), ("tested_country", text("SYR")), ("declared_on", Value::Day(19_000))];
        let values = if table == TableId::Statuses { refugee.as_slice() } else { &[("event_on", Value::Day(19_000))] };
        record(table, person, table.name(), purpose, values)
    };
    let all = [
        ("population", TableId::Population),
        ("population_history", TableId::Population),
        ("statuses", TableId::Statuses),
    ];
    assert_eq!(seen_by(&all, make), vec![every; 3]);
}

/// A tip makes an alert a tier stronger only if the rule's purpose sees it.
#[test]
fn a_tip_corroborates_rules_of_its_purpose() {
    let rule_of = |(allegation, id, purpose): (&str, &str, Purpose)| {
        let sql = format!(
            "SELECT person_id, permit_id, '{allegation}' AS alert_key, first_known_time AS alert_at, 'weak' AS severity FROM permits"
        );
        let mut rule = rule(&sql).unwrap();
        rule.header.id = id.to_owned();
        rule.header.purpose = purpose.name().to_owned();
        rule
    };
    let rules = [
        ("not_working", "work-not-started", Purpose::PermitControl),
        ("benefit", "payment-after-permit-end", Purpose::PaymentControl),
    ];
    let mut catalogue = catalogue();
    catalogue.rules = rules.map(rule_of).into();
    catalogue.links.clear();
    let mut records = Vec::new();
    for purpose in Purpose::ALL {
        records.push(permit(purpose.name()));
        for (allegation, ..) in rules {
            let mut tip = disclosed(TableId::Notices, purpose.name(), purpose);
            tip.record_key = allegation.into();
            tip.values[TableId::Notices.def().column("allegation").unwrap().0] = text(allegation);
            tip.values[TableId::Notices.def().column("event_on").unwrap().0] =
                Value::Day((END / MICROS_PER_DAY - 190) as i32);
            records.push(tip);
        }
    }
    let found = standing(&catalogue, records);
    assert_eq!(found.len(), 6);
    for row in found {
        let of = rules.iter().find(|(_, id, _)| *id == row.rule_id).unwrap().2;
        let sees = of.sees(Purpose::from_name(&row.person).unwrap());
        assert_eq!(row.severity.name(), if sees { "medium" } else { "weak" }, "{row:?}");
    }
}

/// What silences alerts must not depend on what a record was disclosed for.
#[test]
fn cancellers_read_nothing_that_is_disclosed_for_a_purpose() {
    let catalogue = catalogue();
    let views = catalogue.read_by(vec!["cancellers"]).0;
    let texts = catalogue.views.iter().filter(|view| views.contains(&view.name));
    let words = texts.flat_map(|view| view.sql.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let seen: BTreeSet<&str> = words.collect();
    for name in &seen {
        let table = TableId::from_name(name.strip_suffix("_history").unwrap_or(name));
        assert!(!table.is_some_and(TableId::is_for_a_purpose), "{name}");
    }
    assert!(seen.contains("population_history"));
}

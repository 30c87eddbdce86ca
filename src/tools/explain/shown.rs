//! Which parts of a record may be shown to the reader of an explanation.

use std::collections::BTreeSet;

use arrow::array::Array;
use arrow::util::display::array_value_to_string;
use serde::Serialize;

use crate::catalogue::file::RuleFile;
use crate::history::RowId;
use crate::model::alert::RecordRef;
use crate::model::identity::{SOLE_TRADER, is_of_no_person};
use crate::model::purpose::Purpose;
use crate::model::schema::{Column, ColumnType, TableId};
use crate::model::time::format_micros;
use crate::proofs::lawful::law::{OF_COUPLES, OF_PROTECTION};
use crate::pseudonyms::Kind;
use crate::rules::planned::PlannedRule;
use crate::tools::explain::is_computed;
use crate::tools::explain::numbers::has_personal_number;
use crate::tools::explain::one_person::Person;

/// A record that an alert rests on.
#[derive(Debug, Serialize)]
pub struct RecordFacts {
    pub table: String,
    #[serde(skip)]
    pub record_key: String,
    /// The key as it may be shown; not that of a row that units show to one another, which is made of the keys of persons.
    #[serde(rename = "record_key", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    pub version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether the record's secrecy class allows the reader only to know that it exists.
    pub withheld: bool,
    pub values: Vec<ValueFacts>,
}

#[derive(Debug, Serialize)]
pub struct ValueFacts {
    pub column: &'static str,
    /// The register's own name for the column.
    pub register: &'static str,
    pub value: String,
    #[serde(skip)]
    pub is_number: bool,
}

impl ValueFacts {
    /// The value with its type: a number as a number.
    pub fn json(&self) -> serde_json::Value {
        match (self.value.parse::<i64>(), self.is_number) {
            (Ok(number), true) => number.into(),
            _ => self.value.clone().into(),
        }
    }
}

/// Which sensitive facts an alert is about: only its reader is shown them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Concerns {
    /// The permit rests on a marriage or partnership.
    civil_status: bool,
    /// The rule is about citizenship, or a new one may end the permit.
    citizenship: bool,
}

impl Concerns {
    pub fn of(rule: Option<&RuleFile>, class: Option<&str>) -> Concerns {
        let is_of = |classes: &[&str]| class.is_some_and(|class| classes.contains(&class));
        let compares = rule.is_some_and(|rule| rule.header.compares_citizenship.is_some());
        Concerns { civil_status: is_of(&OF_COUPLES), citizenship: compares || is_of(&OF_PROTECTION) }
    }

    #[cfg(test)]
    const ALL: Concerns = Concerns { civil_status: true, citizenship: true };

    fn show(self, column: &Column) -> bool {
        match column.ty {
            ColumnType::CodeList => self.citizenship,
            _ => self.civil_status || !column.name.starts_with("civil_status"),
        }
    }
}

/// Whether a column may be shown to a reader: not if it says who someone is (names, numbers, days of birth, addresses, other persons,
/// keyed hashes), nor if it is sensitive and the alert is about something else.
fn is_shown(column: &Column, concerns: Concerns) -> bool {
    concerns.show(column)
        && !matches!(
            column.ty,
            ColumnType::Person
                | ColumnType::OtherPerson
                | ColumnType::PersonNumber
                | ColumnType::Hash
                | ColumnType::Text
        )
        && !column.name.starts_with("birth_on")
}

impl Person {
    /// The version of a record that an alert names, as known at `as_of`.
    pub fn record(&self, record: &RecordRef, as_of: i64, concerns: Concerns) -> RecordFacts {
        let reference = RecordFacts::reference_only(record);
        let Some(table) = TableId::from_name(&record.table).filter(|table| table.is_person()) else {
            return reference;
        };
        let history = self.shard.history();
        let store = history.store(table);
        let mut found = None;
        history.versions(self.number, table, as_of, |version| {
            if store.int("version", version.row) == Some(record.version)
                && store.text("record_key", version.row).as_ref() == Some(&record.record_key)
            {
                found = Some((version.row, version.known_from));
            }
        });
        let Some((row, known_time)) = found else { return reference };
        let withheld = store.int("secrecy_class", row).is_none_or(|class| self.closed.closes(class));
        let exists = RecordFacts {
            withheld,
            // A key may say who pays, for which month, or who somebody is; its token does not, and is turned back with a reason (`reidentify`).
            reference: (!is_computed(table.name())).then(|| {
                match withheld || has_personal_number(&record.record_key) {
                    true => self.pseudonyms.token(Kind::RecordKey, &record.record_key),
                    false => record.record_key.clone(),
                }
            }),
            ..reference
        };
        // When something was noted, and by whom, may be all that is secret about it.
        if withheld {
            return exists;
        }
        let columns = table.def().columns.iter().filter(|column| is_shown(column, concerns));
        let values = columns.filter_map(|column| {
            let value = self.value(table, column.name, row)?;
            let is_number = matches!(column.ty, ColumnType::Int | ColumnType::Sek);
            Some(ValueFacts { column: column.name, register: column.register, value, is_number })
        });
        RecordFacts {
            event_time: self.instant(table, "event_time", row),
            registered_at: self.instant(table, "registered_at", row),
            known_time: Some(format_micros(known_time)),
            source: store.text("source", row),
            values: values.collect(),
            ..exists
        }
    }

    /// Whether one of the records is closed to the reader, so that nothing that rests on them may be shown: also one that does not count any
    /// more, because the person has left the population since.
    pub fn is_closed(&self, records: &[RecordRef]) -> bool {
        records.iter().any(|record| {
            let table = TableId::from_name(&record.table).filter(|table| table.is_person());
            let version = [(record.record_key.as_str(), record.version)];
            let class =
                table.map(|table| self.shard.history().secrecy_ever(self.number, table, i64::MAX, Some(&version)));
            class.is_some_and(|class| self.closed.closes(class))
        })
    }

    /// Whether a row of a rule rests on a record of a closed class, or may: also on any of a table that it shows.
    pub fn hides(&self, rule: &PlannedRule, records: &[RecordRef], as_of: i64) -> bool {
        let of_table = |table| self.shard.history().secrecy_ever(self.number, table, as_of, None);
        let highest = rule.shown.iter().map(of_table).max().unwrap_or_default();
        self.is_closed(records) || self.closed.may_have(highest)
    }

    /// Whether there are records of kinds that a rule reads, which were disclosed for another purpose than the rule's: it was not shown them.
    pub fn has_unseen(&self, rule: &PlannedRule, as_of: i64) -> bool {
        let (history, sees) = (self.shard.history(), rule.file.header.purpose());
        let of_table = |table: TableId| {
            let (store, mut unseen) = (history.store(table), false);
            history.versions(self.number, table, as_of, |version| {
                let purpose = store.text("purpose", version.row).as_deref().and_then(Purpose::from_name);
                unseen |= version.is_current() && purpose.is_some_and(|purpose| !sees.sees(purpose));
            });
            unseen
        };
        rule.tables.iter().filter(|table| table.is_for_a_purpose()).any(of_table)
    }

    /// The versions of the person's records in these tables that became known at one moment.
    pub fn known_at(&self, tables: &BTreeSet<TableId>, at: i64) -> Vec<RecordRef> {
        let history = self.shard.history();
        let mut found = Vec::new();
        for table in tables {
            let store = history.store(*table);
            history.versions(self.number, *table, at, |version| {
                let key = store.text("record_key", version.row);
                if let (true, Some(record_key), Some(number)) =
                    (version.known_from == at, key, store.int("version", version.row))
                {
                    found.push(RecordRef { table: table.name().to_owned(), record_key, version: number });
                }
            });
        }
        found
    }

    /// A value as text; not that of an employer that is a sole trader, whose number is a personal number.
    fn value(&self, table: TableId, column: &str, row: RowId) -> Option<String> {
        let store = self.shard.history().store(table);
        let array = store.gather(store.column(column)?, std::iter::once(row));
        if array.is_null(0) {
            return None;
        }
        let text = array_value_to_string(&array, 0).ok()?;
        let (_, column) = table.def().column(column)?;
        let is_sole_trader = column.ty == ColumnType::Employer && !is_of_no_person(&text);
        Some(if is_sole_trader { SOLE_TRADER.to_owned() } else { text })
    }

    fn instant(&self, table: TableId, column: &str, row: RowId) -> Option<String> {
        use arrow::array::AsArray;
        use arrow::datatypes::TimestampMicrosecondType;
        let store = self.shard.history().store(table);
        let array = store.gather(store.column(column)?, std::iter::once(row));
        let array = array.as_primitive_opt::<TimestampMicrosecondType>()?;
        (!array.is_null(0)).then(|| format_micros(array.value(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_words() {
        for table in TableId::ALL.into_iter().filter(|table| table.is_person()) {
            for column in table.def().columns.iter().filter(|column| is_shown(column, Concerns::ALL)) {
                assert!(crate::words::labels::column(column.name).is_some(), "{}.{}", table.name(), column.name);
            }
        }
    }

    #[test]
    fn nothing_that_says_who_someone_is_may_be_shown() {
        let shown = |table: TableId| -> Vec<&str> {
            table
                .def()
                .columns
                .iter()
                .filter(|column| is_shown(column, Concerns::ALL))
                .map(|column| column.name)
                .collect()
        };
        for table in TableId::ALL {
            for column in shown(table) {
                for hidden in ["name", "number", "address_key", "document_key", "source_token", "spouse_id"] {
                    assert_ne!(column, hidden, "{}", table.name());
                }
                assert!(!column.starts_with("birth"), "{}", table.name());
                assert!(!column.starts_with("name"), "{}", table.name());
            }
        }
        assert!(shown(TableId::Payments).contains(&"amount_sek"));
    }

    #[test]
    fn what_is_sensitive_is_shown_where_the_alert_is_about_it() {
        let shown = |class: &str| -> Vec<&str> {
            let concerns = Concerns::of(None, Some(class));
            let columns = TableId::Population.def().columns.iter();
            columns.filter(|column| is_shown(column, concerns)).map(|column| column.name).collect()
        };
        let has = |class: &str, column: &str| shown(class).contains(&column);
        for column in ["civil_status", "civil_status_on"] {
            assert!(has("FAMILY_SPOUSE", column) && !has("WORK_EMP", column));
        }
        assert!(has("PROT_REFUGEE", "citizenships") && !has("WORK_EMP", "citizenships"));
        assert!(has("WORK_EMP", "dereg_code"));
    }
}

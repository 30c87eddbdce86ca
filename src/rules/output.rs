//! Reads the output of plans: a rule's rows as hits, and the intervals of the cancellers and corroborations.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use serde_json::{Map, Value};

use crate::catalogue::file::{CANCELLERS, Header, WITHHOLDING};
use crate::model::alert::{RecordRef, Severity};
use crate::model::identity::{SOLE_TRADER, without_personal_numbers};
use crate::model::record::reference;
use crate::model::schema::TableId;
use crate::model::sets::RuleNo;
use crate::model::time::{Day, KnownTime};
use crate::proofs::columns::is_evidence;
use crate::units::untag;

/// One row of a rule: it holds from `alert_at` until `cleared_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    pub unit: u32,
    pub subject: String,
    pub alert_key: String,
    pub alert_at: KnownTime,
    /// The time up to which the row asserts an absence, as it says itself.
    pub due_at: Option<KnownTime>,
    /// Nothing became known at `alert_at` ([`RuleRows::wait`]).
    lies_ahead: bool,
    pub cleared_at: Option<KnownTime>,
    pub cleared_reason: Option<String>,
    pub anchor: Option<Day>,
    pub severity: Severity,
    batch: u32,
    row: u32,
}

impl Hit {
    /// The time that the rule's clock must have reached for the row to hold.
    pub fn waits_until(&self) -> Option<KnownTime> {
        if self.lies_ahead { self.due_at.max(Some(self.alert_at)) } else { self.due_at }
    }
}

/// All rows that a rule gave for a batch, sorted by unit.
#[derive(Debug, Default)]
pub struct RuleRows {
    hits: Vec<Hit>,
    batches: Vec<RecordBatch>,
}

impl RuleRows {
    pub fn read(header: &Header, batches: Vec<RecordBatch>) -> Result<RuleRows, String> {
        let mut hits = Vec::new();
        for (number, batch) in batches.iter().enumerate() {
            read_batch(header, batch, number as u32, &mut hits)?;
        }
        hits.sort_by(|a, b| {
            (a.unit, &a.subject, &a.alert_key, a.alert_at, a.anchor, a.severity).cmp(&(
                b.unit,
                &b.subject,
                &b.alert_key,
                b.alert_at,
                b.anchor,
                b.severity,
            ))
        });
        Ok(RuleRows { hits, batches })
    }

    pub fn len(&self) -> usize {
        self.hits.len()
    }

    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// The rows of one unit, ordered by (subject, alert_key, alert_at, anchor, severity).
    pub fn of(&self, unit: u32) -> &[Hit] {
        let from = self.hits.partition_point(|hit| hit.unit < unit);
        let to = self.hits.partition_point(|hit| hit.unit <= unit);
        &self.hits[from..to]
    }

    /// Adds the rows of another batch; `place` says which unit here a unit there is. Unless its units come after those here, the rows
    /// must be sorted afterwards.
    pub fn append(&mut self, other: RuleRows, place: impl Fn(u32) -> u32) {
        let batches = self.batches.len() as u32;
        self.hits.extend(other.hits.into_iter().map(|mut hit| {
            hit.unit = place(hit.unit);
            hit.batch += batches;
            hit
        }));
        self.batches.extend(other.batches);
    }

    /// Sorts the rows by unit; those of one unit are in order already.
    pub fn sort(&mut self) {
        self.hits.sort_by_key(|hit| hit.unit);
    }

    /// Makes the rows that lie ahead wait for the rule's clock to reach `alert_at`: those that begin at a time at which nothing became
    /// known, so that only the passing of time raises them.
    pub(super) fn wait(&mut self, became_known: impl Fn(u32, KnownTime) -> bool) {
        let is_asked = |hit: &&mut Hit| hit.due_at.is_none_or(|due| due < hit.alert_at);
        for hit in self.hits.iter_mut().filter(is_asked) {
            if !became_known(hit.unit, hit.alert_at) {
                hit.lies_ahead = true;
            }
        }
    }

    /// Evidence columns of a row, by name.
    pub fn evidence(&self, hit: &Hit, subject: &str) -> Map<String, Value> {
        let mut out = Map::new();
        let Some(batch) = self.batches.get(hit.batch as usize) else { return out };
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let name = field.name().as_str();
            if is_evidence(name, subject) {
                out.insert(name.to_owned(), json(column, hit.row as usize));
            }
        }
        out
    }

    /// The records that the row names as its evidence; `None` if the rule has no such column.
    pub fn records(&self, hit: &Hit) -> Option<Vec<RecordRef>> {
        let batch = self.batches.get(hit.batch as usize)?;
        let texts = as_text(batch.column_by_name("records")?).ok()?;
        let texts = texts.as_string::<i32>();
        let row = hit.row as usize;
        if texts.is_null(row) {
            return None;
        }
        let references = untag(texts.value(row)).1;
        let record = |(table, record_key, version): (TableId, String, i64)| RecordRef {
            table: table.name().to_owned(),
            record_key,
            version,
        };
        let mut records: Vec<RecordRef> =
            references.split(reference::BETWEEN).filter_map(|text| reference::read(text).map(record)).collect();
        records.sort_unstable();
        Some(records)
    }
}

fn read_batch(header: &Header, batch: &RecordBatch, number: u32, hits: &mut Vec<Hit>) -> Result<(), String> {
    if batch.num_rows() == 0 {
        return Ok(());
    }
    let column = |name: &str| batch.column_by_name(name);
    let missing = |name: &str| format!("no output column {name}");
    let text = |name: &str| column(name).map(as_text).transpose();
    let instant = |name: &str| column(name).map(micros).transpose();
    let persons = text("person_id")?.ok_or_else(|| missing("person_id"))?;
    let subject = header.subject_column();
    let subjects = text(subject)?.ok_or_else(|| missing(subject))?;
    let keys = text("alert_key")?.ok_or_else(|| missing("alert_key"))?;
    let alerts = instant("alert_at")?.ok_or_else(|| missing("alert_at"))?;
    let (dues, cleared) = (instant("due_at")?, instant("cleared_at")?);
    let (reasons, severities) = (text("cleared_reason")?, text("severity")?);
    let anchors = column("anchor_at").map(|array| cast(array, &DataType::Date32)).transpose();
    let anchors = anchors.map_err(|error| error.to_string())?;
    let at = |array: &Option<ArrayRef>, row: usize| {
        let array = array.as_ref()?.as_primitive_opt::<TimestampMicrosecondType>()?;
        (!array.is_null(row)).then(|| KnownTime(array.value(row)))
    };
    let word = |array: &ArrayRef, row: usize| {
        let array = array.as_string::<i32>();
        (!array.is_null(row)).then(|| untag(array.value(row)))
    };
    let alerts = Some(alerts);
    for row in 0..batch.num_rows() {
        let Some(alert_at) = at(&alerts, row) else { continue };
        let cleared_at = at(&cleared, row);
        if cleared_at.is_some_and(|cleared| cleared <= alert_at) {
            continue;
        }
        // A row that does not say what it is about is none; `proofs::columns` has proved that there is none such.
        let (Some((unit, _)), Some((of, subject)), Some((_, alert_key))) =
            (word(&persons, row), word(&subjects, row), word(&keys, row))
        else {
            continue;
        };
        let unit = unit.ok_or("person_id is computed, not a person's own")?;
        if of.is_some_and(|of| of != unit) {
            return Err("a row mixes two persons".into());
        }
        let severity = severities.as_ref().and_then(|array| word(array, row));
        let severity = severity.and_then(|(_, name)| Severity::from_name(&name)).unwrap_or(header.severity);
        let anchor = anchors.as_ref().and_then(|array| {
            let array = array.as_primitive::<Date32Type>();
            (!array.is_null(row)).then(|| Day(array.value(row)))
        });
        hits.push(Hit {
            unit,
            subject,
            alert_key,
            alert_at,
            due_at: at(&dues, row),
            lies_ahead: false,
            cleared_at,
            cleared_reason: reasons.as_ref().and_then(|array| word(array, row)).map(|(_, reason)| reason),
            anchor,
            severity,
            batch: number,
            row: row as u32,
        });
    }
    Ok(())
}

fn micros(array: &ArrayRef) -> Result<ArrayRef, String> {
    let wanted = DataType::Timestamp(TimeUnit::Microsecond, None);
    if array.data_type() == &wanted {
        return Ok(array.clone());
    }
    cast(array, &wanted).map_err(|error| error.to_string())
}

/// A value as JSON: numbers and booleans as such, days and times as ISO text.
fn json(array: &ArrayRef, row: usize) -> Value {
    // A column of nothing but nulls says of none that it is one.
    if array.data_type() == &DataType::Null || array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt64 => {
            let whole = cast(array, &DataType::Int64);
            whole.map_or(Value::Null, |whole| {
                Value::from(whole.as_primitive::<arrow::datatypes::Int64Type>().value(row))
            })
        }
        DataType::Timestamp(..) => micros(array).map_or(Value::Null, |array| {
            Value::String(crate::model::time::format_micros(
                array.as_primitive::<TimestampMicrosecondType>().value(row),
            ))
        }),
        // The number of an employer who is a sole trader is that of a person.
        _ => array_value_to_string(array, row)
            .map_or(Value::Null, |text| Value::String(without_personal_numbers(&untag(&text).1, SOLE_TRADER))),
    }
}

/// A set of cancellers, as bits by their positions in [`CANCELLERS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CancellerSet(u8);

const _: () = assert!(CANCELLERS.len() <= u8::BITS as usize, "a canceller more than CancellerSet has bits for");

impl CancellerSet {
    pub fn of(names: &[&str]) -> CancellerSet {
        let position = |name: &&str| CANCELLERS.iter().position(|known| known == name);
        CancellerSet(names.iter().filter_map(position).fold(0, |bits, at| bits | 1 << at))
    }

    /// Whether the canceller of an interval is in the set.
    pub fn concern(self, interval: &Interval) -> bool {
        self.0 & 1 << interval.reason != 0
    }
}

/// An interval of view `cancellers`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    pub subject: String,
    /// Position in [`CANCELLERS`].
    pub reason: u8,
    pub from: Option<KnownTime>,
    pub to: Option<KnownTime>,
}

impl Interval {
    /// The names of reasons, by their numbers.
    pub const REASONS: &[&str] = &CANCELLERS;

    pub fn covers(&self, at: KnownTime) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| to > at)
    }

    /// Whether it is about a protected person: an alert that it ends leaves nothing behind.
    pub fn withholds(&self) -> bool {
        self.reason_name() == WITHHOLDING
    }

    pub fn reason_name(&self) -> &'static str {
        CANCELLERS.get(self.reason as usize).copied().unwrap_or("cancelled")
    }
}

/// A row of view `corroborations`: from `since` on, an alert of the rule with a row that holds from a day in its span is one tier stronger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Corroboration {
    pub rule: RuleNo,
    pub since: KnownTime,
    pub from_on: Day,
    pub to_on: Day,
}

impl Corroboration {
    /// Whether the row lies within its days.
    pub fn speaks_to(&self, hit: &Hit) -> bool {
        let day = hit.alert_at.day();
        self.from_on <= day && day <= self.to_on
    }
}

/// Cancellers and corroborations of a person, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    pub cancellers: Vec<Interval>,
    pub corroborations: Vec<Corroboration>,
}

/// The conditions of each unit of a batch.
#[derive(Debug)]
pub struct Shared {
    pub units: Vec<Conditions>,
}

impl Shared {
    pub fn read(
        cancellers: &RecordBatch,
        corroborations: &RecordBatch,
        units: usize,
        rules: &[&str],
    ) -> Result<Shared, String> {
        let mut out = vec![Conditions::default(); units];
        let unit_of = |persons: &ArrayRef, row: usize| {
            let (unit, _) = untag(persons.as_string::<i32>().value(row));
            unit.map(|unit| unit as usize).filter(|unit| *unit < units).ok_or("a condition belongs to no unit")
        };
        let at = |array: &ArrayRef, row: usize| {
            let array = array.as_primitive::<TimestampMicrosecondType>();
            (!array.is_null(row)).then(|| KnownTime(array.value(row)))
        };
        let columns = Columns(cancellers);
        let (persons, permits, reasons) =
            (columns.text("person_id")?, columns.text("permit_id")?, columns.text("reason")?);
        let (from, to) = (columns.instant("from_at")?, columns.instant("to_at")?);
        for row in 0..cancellers.num_rows() {
            let reason = reasons.as_string::<i32>().value(row);
            let known = CANCELLERS.iter().position(|name| *name == reason);
            let reason = known.ok_or_else(|| "view cancellers gives an unknown reason".to_owned())? as u8;
            let subject = untag(permits.as_string::<i32>().value(row)).1;
            let interval = Interval { subject, reason, from: at(&from, row), to: at(&to, row) };
            out[unit_of(&persons, row)?].cancellers.push(interval);
        }
        let columns = Columns(corroborations);
        let (persons, ids) = (columns.text("person_id")?, columns.text("rule_id")?);
        let (since, from_on, to_on) = (columns.instant("since")?, columns.day("from_on")?, columns.day("to_on")?);
        for row in 0..corroborations.num_rows() {
            let id = ids.as_string::<i32>().value(row);
            let day = |array: &ArrayRef| Day(array.as_primitive::<Date32Type>().value(row));
            let Some(since) = at(&since, row) else { continue };
            // Variants of a rule share its id: a tip speaks to each of them.
            let spoken_to = rules.iter().enumerate().filter(|(_, rule)| **rule == id).map(|(at, _)| RuleNo::at(at));
            let (from_on, to_on) = (day(&from_on), day(&to_on));
            let rows = spoken_to.map(|rule| Corroboration { rule, since, from_on, to_on });
            out[unit_of(&persons, row)?].corroborations.extend(rows);
        }
        for conditions in &mut out {
            conditions.cancellers.sort_unstable();
            conditions.cancellers.dedup();
            conditions.corroborations.sort_unstable();
            conditions.corroborations.dedup();
        }
        Ok(Shared { units: out })
    }
}

struct Columns<'a>(&'a RecordBatch);

impl Columns<'_> {
    fn get(&self, name: &str, ty: &DataType) -> Result<ArrayRef, String> {
        let column = self.0.column_by_name(name).ok_or_else(|| format!("no column {name}"))?;
        cast(column, ty).map_err(|error| error.to_string())
    }

    fn text(&self, name: &str) -> Result<ArrayRef, String> {
        self.get(name, &DataType::Utf8)
    }

    fn instant(&self, name: &str) -> Result<ArrayRef, String> {
        self.get(name, &DataType::Timestamp(TimeUnit::Microsecond, None))
    }

    fn day(&self, name: &str) -> Result<ArrayRef, String> {
        self.get(name, &DataType::Date32)
    }
}

/// Converts a text column, which may have any of Arrow's three layouts, to plain text.
pub(super) fn as_text(array: &ArrayRef) -> Result<ArrayRef, String> {
    cast(array, &DataType::Utf8).map_err(|error| error.to_string())
}

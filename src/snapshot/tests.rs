//! Aim: a snapshot is accepted whole or refused, with a reason that names the place.
//! Method: small snapshots written as Parquet, spoilt one way at a time.

use std::fs::{self, File};

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{Field, Int64Type, Schema};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

use super::*;
use crate::decode::decode;
use crate::encode::encode;
use crate::model::partition::partition_of;
use crate::model::record::rows::{ARRIVAL_NO, KNOWN_TIME, OP, OWN, SCHEMA_VER, records};
use crate::model::record::{Message, Offset, Record};
use crate::model::schema::Feed;
use crate::model::time::parse_day;

/// A permits table with one permit for each (subject, last day).
fn permits(of: &[(&str, Option<&str>)]) -> RecordBatch {
    let schema = TableId::Permits.def().file_schema();
    let day = |text: &str| parse_day(text).unwrap();
    let written = day("2025-06-01").instant();
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; of.len()])) };
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "person_id" => Arc::new(StringArray::from_iter_values(of.iter().map(|(subject, _)| *subject))),
            "record_key" | "permit_id" => same("p-1"),
            "permit_class" => same("WORK_EMP"),
            "op" => same("upsert"),
            "source" => same("mv"),
            "purpose" => same("permit_control"),
            "schema_ver" | "version" => Arc::new(Int64Array::from(vec![1; of.len()])),
            "secrecy_class" => Arc::new(Int64Array::from(vec![0; of.len()])),
            "arrival_no" => Arc::new(Int64Array::from_iter_values(0..of.len() as i64)),
            "event_time" | "registered_at" | "known_time" => {
                Arc::new(TimestampMicrosecondArray::from(vec![written; of.len()]))
            }
            "valid_from" => Arc::new(arrow::array::Date32Array::from(vec![day("2024-01-01").0; of.len()])),
            "valid_to" => {
                Arc::new(of.iter().map(|(_, to)| to.map(|to| day(to).0)).collect::<arrow::array::Date32Array>())
            }
            _ => new_null_array(field.data_type(), of.len()),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

fn write(dir: &Path, table: TableId, batch: &RecordBatch) {
    let file = File::create(dir.join(format!("{}.parquet", table.name()))).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn snapshot(of: &[(&str, Option<&str>)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for table in Feed::Permits.tables() {
        write(dir.path(), table, &RecordBatch::new_empty(table.def().file_schema()));
    }
    write(dir.path(), TableId::Permits, &permits(of));
    dir
}

/// Later than any time in a test.
const LATEST: KnownTime = KnownTime(i64::MAX);

fn load_all(dir: &TempDir) -> Result<Snapshot, SnapshotError> {
    read(dir.path(), 1)
}

fn stock(of: &[(&str, Option<&str>)]) -> Stock {
    load_all(&snapshot(of)).unwrap().stock
}

#[test]
fn a_good_snapshot_gives_its_records_and_its_stock() {
    let dir = snapshot(&[("a", None), ("b", Some("2025-06-01")), ("c", Some("2025-05-31"))]);
    let snapshot = load_all(&dir).unwrap();
    let subjects: Vec<Box<str>> = records(&snapshot.own(0)).map(|record| record.subject).collect();
    assert_eq!(subjects.iter().map(|subject| &**subject).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(snapshot.stock.open(), 2, "open on its last day, not after it");
    assert_eq!(snapshot.newest.0, parse_day("2025-06-01").unwrap().instant());
}

#[test]
fn a_shard_takes_its_own_persons_and_knows_the_whole_stock() {
    let dir = snapshot(&[("a", None), ("b", None), ("c", None), ("d", None)]);
    let config = SnapshotConfig { dir: Some(dir.path().to_owned()), ..SnapshotConfig::default() };
    let snapshots = Snapshots::default();
    let snapshot = snapshots.load(&config, 2, LATEST).unwrap().unwrap();
    let own = |number| records(&snapshot.own(number)).collect::<Vec<_>>();
    assert_eq!((snapshot.stock.open(), own(0).len() + own(1).len()), (4, 4));
    for number in 0..2 {
        assert!(own(number).iter().all(|record| partition_of(record.subject.as_bytes(), 2) == number));
    }
    let other = snapshots.load(&config, 2, LATEST).unwrap().unwrap();
    assert!(Arc::ptr_eq(&snapshot, &other), "it is read once");
}

#[test]
fn a_row_known_later_than_can_be_refuses_it() {
    let dir = snapshot(&[("a", None)]);
    let config = SnapshotConfig { dir: Some(dir.path().to_owned()), ..SnapshotConfig::default() };
    let newest = load_all(&dir).unwrap().newest;
    let load = |latest| Snapshots::default().load(&config, 2, latest);
    assert!(load(newest).unwrap().is_some());
    assert!(matches!(load(newest.minus(1)), Err(SnapshotError::Future { newest: told }) if told == newest));
}

#[test]
fn a_permit_that_ends_before_it_begins_is_refused_by_row() {
    let error = load_all(&snapshot(&[("a", None), ("b", Some("2023-12-31"))])).unwrap_err().to_string();
    assert!(error.contains("row 1, column valid_to: valid_to lies before valid_from"), "{error}");
}

#[test]
fn without_permits_it_is_empty() {
    assert!(matches!(load_all(&snapshot(&[])), Err(SnapshotError::Empty { .. })));
}

#[test]
fn a_missing_file_is_named() {
    let dir = snapshot(&[("a", None)]);
    fs::remove_file(dir.path().join("statuses.parquet")).unwrap();
    let error = load_all(&dir).unwrap_err();
    assert!(matches!(error, SnapshotError::File { .. }) && error.to_string().contains("statuses.parquet"), "{error}");
}

#[test]
fn bytes_that_are_no_parquet_are_malformed() {
    let dir = snapshot(&[("a", None)]);
    fs::write(dir.path().join("documents.parquet"), b"PAR1 and no more").unwrap();
    let error = load_all(&dir).unwrap_err();
    assert!(matches!(error, SnapshotError::File { .. }) && error.to_string().contains("documents.parquet"), "{error}");
}

#[test]
fn a_missing_column_is_named() {
    let dir = snapshot(&[("a", None)]);
    let whole = permits(&[("a", None)]);
    let fields: Vec<Field> =
        whole.schema().fields().iter().filter(|f| f.name() != "valid_from").map(|f| (**f).clone()).collect();
    let columns = fields.iter().map(|field| Arc::clone(whole.column_by_name(field.name()).unwrap())).collect();
    write(dir.path(), TableId::Permits, &RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap());
    let error = load_all(&dir).unwrap_err();
    let words = error.to_string();
    assert!(words.contains("permits.parquet") && words.contains("column valid_from: is not there"), "{words}");
}

#[test]
fn a_row_that_would_not_pass_as_a_message_is_refused_with_its_place() {
    let dir = snapshot(&[("a", None), ("b", Some("2199-12-31"))]);
    assert!(load_all(&dir).is_ok());
    let dir = snapshot(&[("a", None), ("", None)]);
    let error = load_all(&dir).unwrap_err();
    assert!(error.to_string().contains("row 1, column person_id: "), "{error}");
}

/// Values of a column's type, good and bad ones.
fn candidates(data_type: &arrow::datatypes::DataType) -> Vec<ArrayRef> {
    use arrow::array::{BooleanArray, Date32Array, ListBuilder, StringBuilder};
    use arrow::datatypes::DataType;
    let long = "x".repeat(257);
    let texts = ["", "x", "a\u{1}b", &long, "SWE", "SWX", "upsert", "retract", "1", "199001012384", "165560001488"];
    match data_type {
        DataType::Utf8 => texts.iter().map(|text| Arc::new(StringArray::from(vec![*text])) as ArrayRef).collect(),
        DataType::Int64 => {
            let numbers = [-1, 0, 1, 4, 5, 999_999_999_999, 1_000_000_000_000, i64::MAX, i64::MIN];
            numbers.iter().map(|number| Arc::new(Int64Array::from(vec![*number])) as ArrayRef).collect()
        }
        DataType::Timestamp(..) => {
            let first = parse_day("1900-01-01").unwrap().instant();
            let end = parse_day("2199-12-31").unwrap().add_months(0).unwrap().instant() + 86_400_000_000;
            let instants = [first, first - 1, end - 1, end, 0];
            instants.iter().map(|at| Arc::new(TimestampMicrosecondArray::from(vec![*at])) as ArrayRef).collect()
        }
        DataType::Date32 => {
            let days = ["1900-01-01", "1899-12-31", "2199-12-31", "2200-01-01"].map(|day| parse_day(day).unwrap().0);
            days.iter().map(|day| Arc::new(Date32Array::from(vec![*day])) as ArrayRef).collect()
        }
        DataType::Boolean => vec![Arc::new(BooleanArray::from(vec![true]))],
        DataType::List(_) => {
            let list = |items: &[&str]| -> ArrayRef {
                let mut builder = ListBuilder::new(StringBuilder::new());
                builder.append_value(items.iter().map(Some));
                Arc::new(builder.finish())
            };
            vec![list(&[]), list(&["SWE"]), list(&["SWE", "XXQ"]), list(&["SWE"; 32]), list(&["SWE"; 33])]
        }
        _ => Vec::new(),
    }
}

fn passes(table: TableId, columns: &[ArrayRef]) -> Result<(), String> {
    let columns: Vec<Option<ArrayRef>> = columns.iter().cloned().map(Some).collect();
    let mut faults = Faults::default();
    crate::decode::columns::check(table, &columns, &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(faults.to_string()) }
}

#[test]
fn a_row_passes_exactly_if_its_message_would() {
    let dir = TempDir::new().unwrap();
    crate::generate::write(&crate::generate::generate(&crate::generate::Options::new(100, 2, 7)), dir.path()).unwrap();
    let (mut good, mut bad) = (0, 0);
    for table in Feed::Permits.tables() {
        let path = dir.path().join("parquet").join(format!("{}.parquet", table.name()));
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap());
        let batch = reader.unwrap().build().unwrap().next().unwrap().unwrap().slice(0, 1);
        let schema = table.def().file_schema();
        for (at, field) in schema.fields().iter().enumerate() {
            // A message's payload has neither its known time nor its position.
            let in_message = ![KNOWN_TIME, ARRIVAL_NO].contains(&at);
            let null = new_null_array(field.data_type(), 1);
            for candidate in candidates(field.data_type()).into_iter().filter(|_| in_message).chain([null]) {
                let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
                columns[at] = Arc::clone(&candidate);
                let passes = passes(table, &columns);
                let name = field.name();
                if at < OWN && candidate.null_count() > 0 {
                    assert!(passes.is_err(), "{table:?}.{name} is null");
                    continue;
                }
                if at == OP && Op::from_name(candidate.as_string::<i32>().value(0)).is_none() {
                    assert!(passes.is_err(), "{table:?}.{name}");
                    continue;
                }
                let record = RecordRows::new(table, &columns).record(0);
                let message = Message {
                    feed: Feed::Permits,
                    partition: 0,
                    offset: Offset(0),
                    known_time: record.known_time,
                    key: Some(record.subject.as_bytes().into()),
                    payload: Some(encode(&record).into_boxed_slice()),
                    claimed_time: None,
                    sent_at: None,
                };
                let is_version = at == SCHEMA_VER && candidate.as_primitive::<Int64Type>().value(0) != 1;
                match decode(&message, usize::MAX) {
                    Ok(decoded) if !is_version => {
                        good += 1;
                        assert_eq!(passes, Ok(()), "{table:?}.{name} {candidate:?}");
                        assert_eq!(decoded.record, record);
                    }
                    decoded => {
                        bad += 1;
                        assert!(passes.is_err(), "{table:?}.{name} {candidate:?}: {decoded:?}");
                    }
                }
            }
        }
    }
    assert!(good > 300 && bad > 200, "{good} {bad}");
}

#[test]
fn ending_more_than_allowed_is_refused() {
    let before = stock(&[("a", None), ("b", None), ("c", None), ("d", None)]);
    let after = stock(&[("a", None), ("b", None), ("c", None), ("d", Some("2025-05-31"))]);
    assert!(check_shrink(&before, &after, 25).is_ok());
    let error = check_shrink(&before, &after, 24).unwrap_err();
    assert!(matches!(error, SnapshotError::Shrunk { ended: 1, open: 4, max_pct: 24 }), "{error}");
}

#[test]
fn permits_that_new_ones_outnumber_are_still_missed() {
    let before = stock(&[("a", None), ("b", None)]);
    let after = stock(&[("c", None), ("d", None), ("e", None)]);
    assert!(check_shrink(&before, &after, 50).is_err());
}

#[test]
fn permits_that_ran_out_by_themselves_do_not_count() {
    let mut before = stock(&[("a", None), ("b", Some("2025-05-20"))]);
    before.as_of = parse_day("2025-05-01");
    assert_eq!(before.open(), 2);
    assert!(check_shrink(&before, &stock(&[("a", None)]), 0).is_ok());
}

#[test]
fn what_stands_is_the_same_with_a_snapshot_before_the_topic() {
    use crate::catalogue::Catalogue;
    use crate::config::{Config, Visibility};
    use crate::merge::{Merge, Merged};
    use crate::pseudonyms::Pseudonyms;
    use crate::rules::RuleSet;
    use crate::shard::{Order, Settings, Shard};
    use crate::source::files::FileShard;

    let dir = TempDir::new().unwrap();
    crate::generate::write(&crate::generate::generate(&crate::generate::Options::new(200, 2, 7)), dir.path()).unwrap();
    let snapshot = read(&dir.path().join("parquet"), 1).unwrap();
    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let catalogue = Catalogue::load(&queries, &std::collections::BTreeMap::new()).unwrap();
    let run = |own: &[ShardRows<'_>], knows_somebody: bool| {
        let settings = Settings {
            number: 0,
            partitions: None,
            order: Order::Live,
            visibility: Visibility::default(),
            limits: Config::default().limits,
            max_rule_errors: 1,
            pseudonyms: Arc::new(Pseudonyms::new("a key of the tests", "1")),
        };
        let mut shard = Shard::new(settings, RuleSet::plan(&catalogue).unwrap());
        if knows_somebody {
            shard.history_mut().insert(&Record::blank(TableId::Permits, "somebody", "permit:1"));
        }
        let new = shard.take_snapshot(own);
        assert_eq!(shard.take_snapshot(own), 0, "all are known");
        let mut merge = Merge::new(FileShard::open(dir.path(), 0, 1).unwrap(), Visibility::default().permit_lead);
        while let Merged::Message(message) = merge.take().unwrap() {
            shard.take(message);
        }
        shard.settle_live();
        let standing: Vec<_> = shard.standing().into_iter().map(|(_, alert)| (alert.id, alert.severity)).collect();
        (new, standing, shard.take_fates())
    };
    let (none, without, _) = run(&[], false);
    let own = snapshot.own(0);
    let (new, with, fates) = run(&own, false);
    assert_eq!(none, 0);
    assert_eq!(new, records(&own).len() as u64);
    assert!(!without.is_empty());
    assert_eq!(with, without);
    // To a shard that knows somebody already, the rows are added one by one.
    assert_eq!(run(&own, true), (new, with, fates.clone()));
    assert!(fates.duplicate[Feed::Permits.index()] >= new, "what the snapshot brought is a duplicate on the topic");
}

#[test]
fn rows_taken_at_once_make_the_history_that_records_one_by_one_make() {
    use crate::history::History;

    let dir = TempDir::new().unwrap();
    crate::generate::write(&crate::generate::generate(&crate::generate::Options::new(4_000, 2, 7)), dir.path())
        .unwrap();
    let snapshot = read(&dir.path().join("parquet"), 1).unwrap();
    let own = snapshot.own(0);
    let (mut at_once, mut one_by_one) = (History::default(), History::default());
    at_once.fill(&own, |_, _| true, |_, _, _| {});
    for record in records(&own) {
        one_by_one.insert(&record);
    }
    let rows = |history: &History| history.store(TableId::Permits).rows();
    assert!(rows(&one_by_one) > 5_000, "more than a segment, but {}", rows(&one_by_one));
    assert_eq!(rows(&at_once), rows(&one_by_one));
    assert!(at_once.told() == one_by_one.told());
    assert!(at_once.state_bytes() <= one_by_one.state_bytes());
}

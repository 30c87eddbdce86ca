//! Aim: a column of another type, or with values in another form, is read as the same values or is refused by file and column;
//! nothing in between.
//! Method: a generated recording; one column of one table is changed at a time, every column in every way that applies to its type.

use std::fs;

use arrow::array::{
    Array, Date32Array, Float64Array, Int64Array, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Int64Type, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;

use super::*;

/// The outcome for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Same,
    Refused,
}

type Change = (&'static str, Outcome, fn(&ArrayRef) -> Option<ArrayRef>);

fn to(array: &ArrayRef, ty: &DataType) -> Option<ArrayRef> {
    cast(array, ty).ok().filter(|out| out.null_count() == array.null_count())
}

fn is(array: &ArrayRef, ty: &DataType) -> bool {
    array.data_type() == ty
}

/// Dates as text, by a pattern.
fn days_as(array: &ArrayRef, pattern: &str) -> Option<ArrayRef> {
    let days = array.as_primitive_opt::<Date32Type>()?;
    let text = |day: i32| Some(crate::model::time::Day(day).date()?.format(pattern).to_string());
    Some(Arc::new(days.iter().map(|day| day.and_then(text)).collect::<StringArray>()))
}

fn millis(array: &ArrayRef, hours: i64, zone: Option<&str>) -> Option<ArrayRef> {
    let days = array.as_primitive_opt::<Date32Type>()?;
    let of = |day: i32| i64::from(day) * 86_400_000 + hours * 3_600_000;
    let out: arrow::array::TimestampMillisecondArray = days.iter().map(|day| day.map(of)).collect();
    Some(Arc::new(out.with_timezone_opt(zone.map(Arc::from))))
}

fn numbers(array: &ArrayRef, of: fn(i64) -> f64) -> Option<ArrayRef> {
    let numbers = array.as_primitive_opt::<Int64Type>()?;
    Some(Arc::new(numbers.iter().map(|number| number.map(of)).collect::<Float64Array>()))
}

fn texts(array: &ArrayRef, of: fn(&str) -> String) -> Option<ArrayRef> {
    let texts = array.as_string_opt::<i32>()?;
    Some(Arc::new(texts.iter().map(|text| text.map(of)).collect::<StringArray>()))
}

fn lists(array: &ArrayRef) -> Option<Vec<Option<Vec<String>>>> {
    let lists = array.as_list_opt::<i32>()?;
    let items = |list: ArrayRef| list.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    Some(lists.iter().map(|list| list.map(items)).collect())
}

/// Dates and instants, amounts, truth values, texts and lists as other tools write them.
const CHANGES: &[Change] = &[
    ("large text", Outcome::Same, |array| to(array, &DataType::LargeUtf8).filter(|_| is(array, &DataType::Utf8))),
    ("text views", Outcome::Same, |array| to(array, &DataType::Utf8View).filter(|_| is(array, &DataType::Utf8))),
    ("bytes", Outcome::Same, |array| to(array, &DataType::Binary).filter(|_| is(array, &DataType::Utf8))),
    ("a dictionary", Outcome::Same, |array| to(array, &exact::dictionary()).filter(|_| is(array, &DataType::Utf8))),
    ("a text as a list", Outcome::Refused, |array| {
        let texts = array.as_string_opt::<i32>()?;
        let mut lists = ListBuilder::new(StringBuilder::new());
        texts.iter().for_each(|text| lists.append_option(text.map(|text| [Some(text)])));
        Some(Arc::new(lists.finish()))
    }),
    ("texts padded", Outcome::Refused, |array| texts(array, |text| format!("{text}\n"))),
    ("empty texts", Outcome::Refused, |array| texts(array, |_| String::new())),
    ("whole as floating", Outcome::Same, |array| {
        numbers(array, |number| number as f64).filter(|floats| {
            floats.as_primitive::<arrow::datatypes::Float64Type>().iter().flatten().all(|number| number.abs() < 9e15)
        })
    }),
    ("unsigned", Outcome::Same, |array| to(array, &DataType::UInt64).filter(|_| is(array, &DataType::Int64))),
    ("32 bits", Outcome::Same, |array| to(array, &DataType::Int32).filter(|_| is(array, &DataType::Int64))),
    ("a half more", Outcome::Refused, |array| numbers(array, |number| (number % 1_000_000) as f64 + 0.5)),
    ("no numbers", Outcome::Refused, |array| numbers(array, |_| f64::NAN)),
    ("numbers as text", Outcome::Refused, |array| to(array, &DataType::Utf8).filter(|_| is(array, &DataType::Int64))),
    ("far too large", Outcome::Refused, |array| {
        array.as_primitive_opt::<Int64Type>()?;
        Some(Arc::new(arrow::array::UInt64Array::from(vec![u64::MAX - 7; array.len()])))
    }),
    ("dates as text", Outcome::Same, |array| days_as(array, "%Y-%m-%d")),
    ("dates with slashes", Outcome::Refused, |array| days_as(array, "%Y/%m/%d")),
    ("dates without dashes", Outcome::Refused, |array| days_as(array, "%Y%m%d")),
    ("dates day first", Outcome::Refused, |array| days_as(array, "%d-%m-%Y")),
    ("midnights", Outcome::Same, |array| millis(array, 0, None)),
    ("midnights, UTC", Outcome::Same, |array| millis(array, 0, Some("UTC"))),
    ("local midnights in UTC", Outcome::Refused, |array| millis(array, -2, Some("UTC"))),
    ("local midnights in a zone", Outcome::Refused, |array| millis(array, -2, Some("Europe/Stockholm"))),
    ("dates as numbers", Outcome::Refused, |array| {
        to(array, &DataType::Int32).filter(|_| is(array, &DataType::Date32))
    }),
    ("instants by nanoseconds", Outcome::Same, |array| {
        let ty = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        to(array, &ty).filter(|_| matches!(array.data_type(), DataType::Timestamp(..)))
    }),
    ("instants as text without a zone", Outcome::Refused, |array| {
        let instants = array.as_primitive_opt::<TimestampMicrosecondType>()?;
        let text = |at: i64| crate::model::time::format_micros(at).trim_end_matches('Z').to_owned();
        Some(Arc::new(instants.iter().map(|at| at.map(text)).collect::<StringArray>()))
    }),
    ("instants as text", Outcome::Same, |array| {
        let instants = array.as_primitive_opt::<TimestampMicrosecondType>()?;
        Some(Arc::new(instants.iter().map(|at| at.map(crate::model::time::format_micros)).collect::<StringArray>()))
    }),
    ("instants as numbers", Outcome::Refused, |array| {
        to(array, &DataType::Int64).filter(|_| matches!(array.data_type(), DataType::Timestamp(..)))
    }),
    ("ja and nej", Outcome::Refused, |array| {
        let flags = array.as_boolean_opt()?;
        let word = |flag| if flag { "ja" } else { "nej" };
        Some(Arc::new(flags.iter().map(|flag| flag.map(word)).collect::<StringArray>()))
    }),
    ("0 and 1", Outcome::Same, |array| to(array, &DataType::UInt8).filter(|_| is(array, &DataType::Boolean))),
    ("0 and 2", Outcome::Refused, |array| {
        let flags = array.as_boolean_opt()?;
        Some(Arc::new(flags.iter().map(|flag| flag.map(|_| 2)).collect::<Int64Array>()))
    }),
    ("lists as text", Outcome::Refused, |array| {
        Some(Arc::new(lists(array)?.into_iter().map(|list| list.map(|items| items.join(","))).collect::<StringArray>()))
    }),
    ("large lists", Outcome::Same, |array| {
        let item = Arc::new(Field::new("element", DataType::LargeUtf8, true));
        to(array, &DataType::LargeList(item)).filter(|_| lists(array).is_some())
    }),
    ("lists with a null", Outcome::Refused, |array| {
        let mut out = ListBuilder::new(StringBuilder::new());
        for list in lists(array)? {
            out.append_option(list.map(|items| items.into_iter().map(Some).chain([None]).collect::<Vec<_>>()));
        }
        Some(Arc::new(out.finish()))
    }),
    ("all null, of no type", Outcome::Same, |array| {
        (array.null_count() == array.len()).then(|| new_null_array(&DataType::Null, array.len()))
    }),
];

fn write(path: &Path, batch: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn whole(batches: &[RecordBatch]) -> RecordBatch {
    arrow::compute::concat_batches(&batches[0].schema(), batches).unwrap()
}

#[test]
fn a_changed_column_is_the_same_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    crate::generate::write(&crate::generate::generate(&crate::generate::Options::new(150, 2, 5)), dir.path()).unwrap();
    let tables = Tables::read(dir.path().into()).unwrap();
    let (mut same, mut refused) = (0, 0);
    for table in Feed::SOURCES.into_iter().flat_map(Feed::tables) {
        let file = Recording::of(dir.path().into(), table);
        let original = whole(&tables.of(table));
        let original = original.slice(0, original.num_rows().min(50));
        for at in 0..original.num_columns() {
            let column = original.column(at);
            let name = original.schema().field(at).name().clone();
            for (what, outcome, change) in CHANGES {
                let Some(changed) = change(column) else { continue };
                let has_values = column.null_count() < column.len();
                // Nulls are nulls whatever the type, except in a type that is never accepted.
                let schema = original.schema();
                let field = |(place, field): (usize, &Arc<Field>)| {
                    let ty = if place == at { changed.data_type().clone() } else { field.data_type().clone() };
                    Field::new(field.name(), ty, true)
                };
                let fields: Vec<Field> = schema.fields().iter().enumerate().map(field).collect();
                let mut columns = original.columns().to_vec();
                columns[at] = changed;
                let schema = Arc::new(Schema::new(fields));
                write(&file.path, &RecordBatch::try_new(schema, columns).unwrap());
                let (batches, faults) = file.read().unwrap();
                let words = format!("{}.{name}: {what}: {faults}", table.name());
                match outcome {
                    Outcome::Same => {
                        assert!(faults.is_empty(), "{words}");
                        assert_eq!(whole(&batches), original, "{words}");
                        same += 1;
                    }
                    Outcome::Refused if has_values => {
                        assert!(!faults.is_empty() && faults.has(&name), "{words}");
                        refused += 1;
                    }
                    // A column without values cannot lose any.
                    Outcome::Refused => {
                        assert!(faults.is_empty() && whole(&batches) == original || faults.has(&name), "{words}");
                    }
                }
            }
        }
        write(&file.path, &original);
    }
    assert!(same > 300 && refused > 300, "{same} the same, {refused} refused");
}

#[test]
fn codes_countries_and_months_are_checked_as_in_messages() {
    let dir = tempfile::tempdir().unwrap();
    crate::generate::write(&crate::generate::generate(&crate::generate::Options::new(150, 2, 5)), dir.path()).unwrap();
    let tables = Tables::read(dir.path().into()).unwrap();
    let lower = |array: &ArrayRef| texts(array, str::to_lowercase);
    let upper = |array: &ArrayRef| texts(array, str::to_uppercase);
    let second = |array: &ArrayRef| -> Option<ArrayRef> {
        let days = array.as_primitive_opt::<Date32Type>()?;
        Some(Arc::new(days.iter().map(|day| day.map(|day| day + 14)).collect::<Date32Array>()))
    };
    type Change<'a> = &'a dyn Fn(&ArrayRef) -> Option<ArrayRef>;
    let changes: [(TableId, &str, Change<'_>); 7] = [
        (TableId::Permits, "permit_class", &lower),
        (TableId::Permits, "source", &upper),
        (TableId::Permits, "op", &upper),
        (TableId::Border, "country", &lower),
        (TableId::Border, "direction", &upper),
        (TableId::Payments, "month", &second),
        (TableId::ExcusedMonths, "month", &second),
    ];
    for (table, name, change) in changes {
        let file = Recording::of(dir.path().into(), table);
        let original = whole(&tables.of(table));
        let at = original.schema().index_of(name).unwrap();
        let mut columns = original.columns().to_vec();
        columns[at] = change(&columns[at]).unwrap();
        write(&file.path, &RecordBatch::try_new(original.schema(), columns).unwrap());
        let error = Tables::read(dir.path().into()).unwrap_err().to_string();
        for part in [table.name(), name, "row 0", "rows are counted from 0"] {
            assert!(error.contains(part), "{error}");
        }
        write(&file.path, &original);
    }
    assert!(Tables::read(dir.path().into()).is_ok());
}

#[test]
fn known_time_that_falls_is_refused_and_rows_in_another_order_are_not() {
    let dir = tempfile::tempdir().unwrap();
    crate::generate::write(&crate::generate::generate(&crate::generate::Options::new(150, 2, 5)), dir.path()).unwrap();
    let tables = Tables::read(dir.path().into()).unwrap();
    let file = Recording::of(dir.path().into(), TableId::Payments);
    let original = whole(&tables.of(TableId::Payments));
    let last = original.num_rows() - 1;
    let backwards = arrow::array::UInt32Array::from_iter_values((0..=last as u32).rev());
    write(&file.path, &arrow::compute::take_record_batch(&original, &backwards).unwrap());
    assert!(Tables::read(dir.path().into()).is_ok(), "where a row stands says nothing of when it came");
    let at = original.schema().index_of("known_time").unwrap();
    let times = original.column(at).as_primitive::<TimestampMicrosecondType>();
    // Make the feed's last message known when the first was: only this row falls.
    let fallen = times.iter().enumerate().map(|(row, time)| if row == last { Some(times.value(0)) } else { time });
    let mut columns = original.columns().to_vec();
    columns[at] = Arc::new(fallen.collect::<TimestampMicrosecondArray>().with_data_type(times.data_type().clone()));
    write(&file.path, &RecordBatch::try_new(original.schema(), columns).unwrap());
    let error = Tables::read(dir.path().into()).unwrap_err().to_string();
    for part in
        ["1 value does not fit", "payments.parquet", &format!("row {last}, column known_time: known_time falls")]
    {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn faults_of_all_files_are_told_up_to_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    crate::generate::write(&crate::generate::generate(&crate::generate::Options::new(150, 2, 5)), dir.path()).unwrap();
    let tables = Tables::read(dir.path().into()).unwrap();
    for (table, name) in [(TableId::Payments, "amount_sek"), (TableId::Border, "country")] {
        let original = whole(&tables.of(table));
        let at = original.schema().index_of(name).unwrap();
        let mut columns = original.columns().to_vec();
        columns[at] = new_null_array(columns[at].data_type(), columns[at].len());
        write(&table_path(dir.path(), table.name()), &RecordBatch::try_new(original.schema(), columns).unwrap());
    }
    fs::write(table_path(dir.path(), CLOCKS), "no parquet").unwrap();
    assert!(Tables::read(dir.path().into()).unwrap_err().to_string().contains("clocks.parquet"));
    let schema = clock_file_schema();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(vec!["Payments"])), Arc::new(TimestampMicrosecondArray::from(vec![0]))];
    write(&table_path(dir.path(), CLOCKS), &RecordBatch::try_new(schema, columns).unwrap());
    let error = Tables::read(dir.path().into()).unwrap_err().to_string();
    for part in [
        "payments.parquet",
        "border.parquet",
        "clocks.parquet",
        "column amount_sek",
        "column country",
        "column feed",
        " more",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(error.lines().count() < 30, "{error}");
}

#[test]
fn files_are_read_in_every_compression_that_parquet_has() {
    use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
    use parquet::file::properties::WriterProperties;
    let dir = tempfile::tempdir().unwrap();
    crate::generate::write(&crate::generate::generate(&crate::generate::Options::new(20, 1, 5)), dir.path()).unwrap();
    let original = whole(&Tables::read(dir.path().into()).unwrap().of(TableId::Permits));
    assert!(original.num_rows() > 0);
    let compressions = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ];
    for compression in compressions {
        let properties = WriterProperties::builder().set_compression(compression).build();
        let file = File::create(table_path(dir.path(), "permits")).unwrap();
        let mut writer = ArrowWriter::try_new(file, original.schema(), Some(properties)).unwrap();
        writer.write(&original).unwrap();
        writer.close().unwrap();
        let read = whole(&Tables::read(dir.path().into()).unwrap().of(TableId::Permits));
        assert!(read == original, "{compression}");
    }
}

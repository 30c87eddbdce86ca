//! Aim: whatever type a column of a file has, it is converted exactly or refused: no value is cut, rounded, guessed or made null.
//! Method: the forms that registers and their tools write, one by one; and columns of every type with random values, whose text is
//! compared with the text of the result.

use arrow::array::{
    BinaryArray, Decimal128Array, Float64Array, Int8Array, Int32Array, LargeStringArray, ListBuilder, StringArray,
    StringBuilder, StringViewArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::util::display::array_value_to_string;

use super::*;

/// The converted column, or the fault.
#[expect(clippy::needless_pass_by_value, reason = "callers make the column for this")]
fn read(ty: ColumnType, array: ArrayRef) -> Result<ArrayRef, String> {
    let mut faults = Faults::default();
    let wanted = Wanted { name: "it", ty, takes_days: false };
    exact(&array, &wanted, false, &mut faults).ok_or_else(|| faults.to_string())
}

fn texts(of: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(of.to_vec()))
}

fn assert_refused(ty: ColumnType, array: ArrayRef, words: &str) {
    let said = read(ty, array).expect_err(words);
    assert!(said.contains(words), "{said}");
}

const DAY_MS: i64 = 86_400_000;

#[test]
fn what_a_cast_would_lose_is_refused_by_row() {
    let two_hours = 7_200_000;
    assert_refused(ColumnType::Date, texts(&["2024-06-01", "2024/06/01"]), "row 1, column it: it ");
    assert_refused(ColumnType::Month, texts(&["2024-06", "2024-06-15"]), "row 1, column it: it ");
    assert_refused(ColumnType::Sek, texts(&["30 000"]), "a whole number is wanted");
    let said =
        read(ColumnType::Sek, Arc::new(Float64Array::from(vec![1.0, f64::NAN, 1.5, f64::INFINITY]))).unwrap_err();
    assert_eq!(said.lines().count(), 3, "{said}");
    assert_refused(ColumnType::Int, Arc::new(UInt64Array::from(vec![1, u64::MAX])), "row 1");
    assert_refused(ColumnType::Bool, texts(&["ja", "nej"]), "true or false is wanted");
    assert_refused(ColumnType::Bool, Arc::new(Int8Array::from(vec![0, 1, 2])), "row 2");
    assert_refused(ColumnType::CodeList, texts(&["[\"SWE\"]", "SWE,NOR"]), "a list of text is wanted");
    assert_refused(ColumnType::Code, Arc::new(Int32Array::from(vec![1])), "text is wanted");
    let midnight_in_stockholm =
        Arc::new(TimestampMillisecondArray::from(vec![19_875 * DAY_MS, 19_875 * DAY_MS - two_hours]));
    assert_refused(ColumnType::Date, midnight_in_stockholm, "row 1, column it: it ");
    let zoned = TimestampMillisecondArray::from(vec![19_875 * DAY_MS]).with_timezone("Europe/Stockholm");
    assert_refused(ColumnType::Date, Arc::new(zoned), "time zone");
    assert_refused(ColumnType::Timestamp, Arc::new(Int64Array::from(vec![1_700_000_000_000])), "an instant is wanted");
    assert_refused(ColumnType::Timestamp, texts(&["2024-05-01T08:00:00"]), "row 0");
    assert_refused(ColumnType::Timestamp, Arc::new(Date32Array::from(vec![1])), "an instant is wanted");
    assert_refused(
        ColumnType::Text,
        Arc::new(BinaryArray::from(vec![&b"a"[..], b"\xff"])),
        "row 1, column it: it is not UTF-8",
    );
    let cents = Decimal128Array::from(vec![3_000_000, 3_000_050]).with_precision_and_scale(18, 2).unwrap();
    assert_refused(ColumnType::Sek, Arc::new(cents), "row 1");
}

#[test]
fn what_is_the_same_value_in_another_type_is_taken() {
    let int = |array: ArrayRef| -> Vec<Option<i64>> {
        read(ColumnType::Sek, array).unwrap().as_primitive::<arrow::datatypes::Int64Type>().iter().collect()
    };
    assert_eq!(int(Arc::new(UInt64Array::from(vec![Some(7), None]))), [Some(7), None]);
    assert_eq!(int(Arc::new(Float64Array::from(vec![Some(30_000.0), None]))), [Some(30_000), None]);
    let cents = Decimal128Array::from(vec![3_000_000]).with_precision_and_scale(18, 2).unwrap();
    assert_eq!(int(Arc::new(cents)), [Some(30_000)]);
    let day = |array: ArrayRef| {
        read(ColumnType::Date, array).unwrap().as_primitive::<arrow::datatypes::Date32Type>().value(0)
    };
    assert_eq!(day(texts(&["2024-06-01"])), 19_875);
    assert_eq!(day(Arc::new(TimestampMillisecondArray::from(vec![19_875 * DAY_MS]))), 19_875);
    assert_eq!(day(Arc::new(TimestampMillisecondArray::from(vec![-DAY_MS]).with_timezone("UTC"))), -1);
    assert_eq!(day(Arc::new(arrow::array::Date64Array::from(vec![19_875 * DAY_MS]))), 19_875);
    let instant = |array: ArrayRef| {
        read(ColumnType::Timestamp, array).unwrap().as_primitive::<TimestampMicrosecondType>().value(0)
    };
    assert_eq!(instant(Arc::new(TimestampNanosecondArray::from(vec![-1_500]))), -2, "cut as those of messages are");
    assert_eq!(instant(Arc::new(TimestampMillisecondArray::from(vec![1]).with_timezone("Europe/Stockholm"))), 1_000);
    assert_eq!(instant(texts(&["1970-01-01T01:00:00.000001+01:00"])), 1);
    for text in [
        Arc::new(LargeStringArray::from(vec!["å"])) as ArrayRef,
        Arc::new(StringViewArray::from(vec!["å"])),
        Arc::new(BinaryArray::from(vec!["å".as_bytes()])),
        cast(&texts(&["å"]), &dictionary()).unwrap(),
    ] {
        assert_eq!(read(ColumnType::Text, text).unwrap().as_string::<i32>().value(0), "å");
    }
    assert_eq!(read(ColumnType::Date, new_null_array(&DataType::Null, 3)).unwrap().null_count(), 3);
}

#[test]
fn a_null_in_a_list_is_refused() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("SWE"), Some("NOR")]);
    lists.append_value([Some("SWE"), None]);
    lists.append_null();
    let array: ArrayRef = Arc::new(lists.finish());
    let table = TableId::Population;
    let at = OWN + table.def().column("citizenships").unwrap().0;
    let mut columns = vec![None; OWN + table.def().columns.len()];
    columns[at] = Some(array);
    let mut faults = Faults::default();
    crate::decode::columns::check(table, &columns, &mut faults);
    assert_eq!(faults.to_string(), "  row 1, column citizenships: citizenships holds a null");
}

/// The same values in every type: the result has the same values, or the column is refused.
#[test]
fn no_value_changes_in_any_type_of_column() {
    use rand::{RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(20_261_130);
    let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    let mut types: Vec<DataType> = units.iter().map(|unit| DataType::Timestamp(*unit, None)).collect();
    types.extend(units.iter().map(|unit| DataType::Timestamp(*unit, Some("UTC".into()))));
    types.extend([DataType::Int8, DataType::Int16, DataType::Int32, DataType::Int64]);
    types.extend([DataType::UInt8, DataType::UInt16, DataType::UInt32, DataType::UInt64]);
    types.extend([DataType::Float32, DataType::Float64, DataType::Decimal128(30, 3), DataType::Decimal256(40, 0)]);
    types.extend([DataType::Date32, DataType::Date64, DataType::Boolean, DataType::Null, DataType::Binary]);
    types.extend([DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, dictionary()]);
    let wanted = [
        ColumnType::Int,
        ColumnType::Date,
        ColumnType::Month,
        ColumnType::Timestamp,
        ColumnType::Bool,
        ColumnType::Code,
        ColumnType::CodeList,
    ];
    let (mut taken, mut refused) = (0, 0);
    for ty in &types {
        for _ in 0..40 {
            let drawn: Vec<Option<String>> = (0..4)
                .map(|_| match random.random_range(0..7) {
                    0 => None,
                    1 => Some(random.random_range(0..3).to_string()),
                    2 => Some(random.random_range(-400..400).to_string()),
                    3 => Some(format!("{}.5", random.random_range(0..400))),
                    4 => Some(format!("2024-0{}-01", random.random_range(1..10))),
                    5 => Some(format!("2024-05-{}T0{}:00:00Z", random.random_range(10..31), random.random_range(0..3))),
                    _ => Some(format!("{}", random.random_range(i64::MIN..i64::MAX))),
                })
                .collect();
            let array: ArrayRef = Arc::new(drawn.iter().map(Option::as_deref).collect::<StringArray>());
            let Ok(array) = cast(&array, ty) else { continue };
            for want in wanted {
                let Ok(out) = read(want, Arc::clone(&array)) else {
                    refused += 1;
                    continue;
                };
                taken += 1;
                assert_eq!(*out.data_type(), want.arrow());
                assert_eq!(out.logical_null_count(), array.logical_null_count(), "{ty} as {want:?}");
                for row in (0..out.len()).filter(|row| out.is_valid(*row)) {
                    let same = |array: &ArrayRef| {
                        let text = match array.data_type() {
                            DataType::Binary => {
                                String::from_utf8(array.as_binary::<i32>().value(row).to_vec()).unwrap()
                            }
                            _ => array_value_to_string(array, row).unwrap(),
                        };
                        plain(&text)
                    };
                    assert_eq!(same(&out), same(&array), "{ty} as {want:?}");
                }
            }
        }
    }
    assert!(taken > 400 && refused > 400, "{taken} taken, {refused} refused");
}

/// One text for what can be written in several ways: 1, 1.0 and true; a day and its midnight; a month and its first day.
fn plain(text: &str) -> String {
    let text = text.trim_end_matches('Z').trim_end_matches("T00:00:00");
    let text = if text.len() == 7 && text.as_bytes()[4] == b'-' { format!("{text}-01") } else { text.to_owned() };
    match text.as_str() {
        "true" => "1".to_owned(),
        "false" => "0".to_owned(),
        other if other.contains('.') && other.parse::<f64>().is_ok() => {
            other.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        other => other.to_owned(),
    }
}

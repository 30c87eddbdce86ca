//! What a replay found as Parquet, for whoever goes on with DuckDB or pandas: a row a transition, or a row a standing alert. Names are those
//! of the log's members; evidence and records are JSON. Of a withheld alert only its id, its number and its status are there.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::model::alert::Alert;
use crate::model::time::{parse_day, parse_instant};
use crate::oracle::StandingRow;
use crate::output::OutFile;

/// Rows of a batch and row group.
const BATCH_ROWS: usize = 65_536;

/// Writes a row for each transition.
pub fn write_transitions(out: OutFile, log: &[&Alert]) -> Result<OutFile, ParquetError> {
    let is_staged = log.iter().any(|alert| !alert.stage.is_live());
    let mut fields = vec![
        given("alert_id", DataType::Utf8),
        given("sequence", DataType::Int64),
        given("status", DataType::Utf8),
        text("rule_id"),
        text("rule_fingerprint"),
        text("person"),
        text("subject"),
        text("permit_class"),
        text("alert_key"),
        text("severity"),
        instant("as_of"),
        instant("alert_at"),
        Field::new("anchor_at", DataType::Date32, true),
        text("finding_sv"),
        text("finding_en"),
        text("evidence"),
        text("records"),
        Field::new("secrecy_class", DataType::Int64, true),
        text("reason"),
        text("replaced_by"),
        text("replaces"),
        Field::new("late_record", DataType::Boolean, true),
    ];
    if is_staged {
        fields.push(text("stage"));
    }
    let columns = |log: &[&Alert]| {
        let mut columns = columns_of(log);
        if is_staged {
            let stage = |alert: &&Alert| (!alert.is_withheld).then(|| alert.stage.name());
            columns.push(Arc::new(StringArray::from_iter(log.iter().map(stage))));
        }
        columns
    };
    written(out, fields, log.chunks(BATCH_ROWS).map(columns))
}

/// Writes a row for each alert that stands.
pub fn write_standing(out: OutFile, standing: &[StandingRow]) -> Result<OutFile, ParquetError> {
    let fields = vec![
        given("alert_id", DataType::Utf8),
        text("rule_id"),
        text("subject"),
        text("alert_key"),
        text("severity"),
        instant("alert_at"),
        Field::new("anchor_at", DataType::Date32, true),
    ];
    let columns = |rows: &[StandingRow]| -> Vec<ArrayRef> {
        let texts = |of: &dyn Fn(&StandingRow) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
        };
        vec![
            texts(&|row| row.alert_id.to_hex()),
            texts(&|row| row.rule_id.to_string()),
            texts(&|row| row.subject.clone()),
            texts(&|row| row.alert_key.clone()),
            texts(&|row| row.severity.name().to_owned()),
            Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.alert_at))),
            Arc::new(rows.iter().map(|row| row.anchor.map(|day| day.0)).collect::<Date32Array>()),
        ]
    };
    written(out, fields, standing.chunks(BATCH_ROWS).map(columns))
}

fn columns_of(log: &[&Alert]) -> Vec<ArrayRef> {
    let open = |alert: &Alert| !alert.is_withheld;
    let texts = |of: &dyn Fn(&Alert) -> Option<String>| -> ArrayRef {
        Arc::new(log.iter().map(|alert| of(alert).filter(|_| open(alert))).collect::<StringArray>())
    };
    let instants = |of: &dyn Fn(&Alert) -> &str| -> ArrayRef {
        let instant = |alert: &Alert| parse_instant(of(alert)).filter(|_| open(alert));
        Arc::new(log.iter().map(|alert| instant(alert)).collect::<TimestampMicrosecondArray>())
    };
    let day = |alert: &Alert| alert.anchor_at.as_deref().and_then(parse_day).map(|day| day.0);
    let class = |alert: &Alert| open(alert).then_some(alert.secrecy_class);
    // Maps and lists of texts and numbers always serialize.
    let evidence = |alert: &Alert| serde_json::to_string(&alert.evidence).ok();
    let records = |alert: &Alert| serde_json::to_string(&alert.records).ok();
    vec![
        Arc::new(StringArray::from_iter_values(log.iter().map(|alert| &alert.alert_id))),
        Arc::new(Int64Array::from_iter_values(log.iter().map(|alert| alert.sequence as i64))),
        Arc::new(StringArray::from_iter_values(log.iter().map(|alert| alert.status.name()))),
        texts(&|alert| Some(alert.rule_id.clone())),
        texts(&|alert| Some(alert.rule_fingerprint.clone())),
        texts(&|alert| Some(alert.person.clone())),
        texts(&|alert| Some(alert.subject.clone())),
        texts(&|alert| alert.permit_class.clone()),
        texts(&|alert| Some(alert.alert_key.clone())),
        texts(&|alert| Some(alert.severity.name().to_owned())),
        instants(&|alert| &alert.as_of),
        instants(&|alert| &alert.alert_at),
        Arc::new(log.iter().map(|alert| day(alert).filter(|_| open(alert))).collect::<Date32Array>()),
        texts(&|alert| Some(alert.finding.sv.clone())),
        texts(&|alert| Some(alert.finding.en.clone())),
        texts(&evidence),
        texts(&records),
        Arc::new(log.iter().map(|alert| class(alert)).collect::<Int64Array>()),
        texts(&|alert| alert.reason.clone()),
        texts(&|alert| alert.replaced_by.clone()),
        texts(&|alert| alert.replaces.clone()),
        Arc::new(log.iter().map(|alert| open(alert).then_some(alert.late_record)).collect::<BooleanArray>()),
    ]
}

fn given(name: &str, ty: DataType) -> Field {
    Field::new(name, ty, false)
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn instant(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, None), true)
}

/// Writes batches of columns; a file without rows has its columns all the same. The file has its name once `finish` is called.
fn written(
    out: OutFile,
    fields: Vec<Field>,
    batches: impl Iterator<Item = Vec<ArrayRef>>,
) -> Result<OutFile, ParquetError> {
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let compression = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
    for columns in batches {
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns)?)?;
    }
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::model::alert::{AlertId, Bilingual, RecordRef, Severity, Status};
    use crate::model::stage::Stage;
    use crate::model::time::Day;

    fn read(path: &std::path::Path) -> RecordBatch {
        let file = std::fs::File::open(path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let schema = Arc::clone(reader.schema());
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        arrow::compute::concat_batches(&schema, &batches).unwrap()
    }

    fn alert() -> Alert {
        let words = |text: &str| Bilingual { sv: format!("{text} sv"), en: format!("{text} en") };
        let record = RecordRef { table: "payments".into(), record_key: "k".into(), version: 2 };
        Alert {
            sequence: 3,
            status: Status::Updated,
            rule_fingerprint: "f".into(),
            person: "x".into(),
            as_of: "1970-01-02T00:00:00.000001Z".into(),
            alert_at: "1970-01-01T00:00:00Z".into(),
            anchor_at: Some("1970-01-11".into()),
            title: words("title"),
            finding: words("finding"),
            evidence: [("gross_sek".to_owned(), 5.into())].into_iter().collect(),
            records: vec![record],
            secrecy_class: 2,
            ..Alert::blank("r", "P1", "k")
        }
    }

    #[test]
    fn a_row_says_what_the_line_of_the_log_says_and_of_a_withheld_alert_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.parquet");
        let withheld = Alert { sequence: 4, ..alert() }.withheld();
        let out = write_transitions(OutFile::create(&path).unwrap(), &[&alert(), &withheld]).unwrap();
        assert!(!path.exists(), "it has its name once it is whole");
        out.finish().unwrap();
        let batch = read(&path);
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let text = |name: &str| column(name).as_string::<i32>().value(0).to_owned();
        assert_eq!((text("status").as_str(), text("severity").as_str()), ("updated", "weak"));
        assert_eq!(text("evidence"), r#"{"gross_sek":5}"#);
        assert_eq!(text("records"), r#"[{"table":"payments","record_key":"k","version":2}]"#);
        let micros = column("as_of").as_primitive::<arrow::datatypes::TimestampMicrosecondType>().value(0);
        assert_eq!(micros, 86_400_000_001);
        assert_eq!(column("anchor_at").as_primitive::<arrow::datatypes::Date32Type>().value(0), 10);
        assert!(column("permit_class").is_null(0));
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let said = ["alert_id", "sequence", "status"].contains(&field.name().as_str());
            assert_eq!(column.is_null(1), !said, "{}", field.name());
        }
        assert_eq!(column("status").as_string::<i32>().value(1), "retracted");
    }

    #[test]
    fn the_stage_is_told_where_a_rule_is_not_live() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.parquet");
        let column = |log: &[&Alert]| {
            write_transitions(OutFile::create(&path).unwrap(), log).unwrap().finish().unwrap();
            let stage = read(&path).column_by_name("stage").cloned()?;
            Some(stage.as_string::<i32>().iter().map(|stage| stage.map(ToOwned::to_owned)).collect::<Vec<_>>())
        };
        let on_trial = Alert { stage: Stage::Shadow, ..alert() };
        assert_eq!(column(&[&alert()]), None);
        let told = |stage: &str| Some(stage.to_owned());
        let expected = vec![told("live"), told("shadow"), None];
        assert_eq!(column(&[&alert(), &on_trial, &on_trial.clone().withheld()]), Some(expected));
    }

    #[test]
    fn without_rows_the_columns_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("standing.parquet");
        write_standing(OutFile::create(&path).unwrap(), &[]).unwrap().finish().unwrap();
        assert_eq!(read(&path).num_columns(), 7);
        let row = StandingRow {
            alert_id: AlertId::new("r", "P1", "k"),
            rule_id: "r".into(),
            person: "p".into(),
            subject: "P1".into(),
            alert_key: "k".into(),
            severity: Severity::Strong,
            alert_at: 7,
            anchor: Some(Day(1)),
        };
        write_standing(OutFile::create(&path).unwrap(), &[row]).unwrap().finish().unwrap();
        let batch = read(&path);
        assert_eq!(batch.column_by_name("severity").unwrap().as_string::<i32>().value(0), "strong");
        assert!(batch.column_by_name("person").is_none(), "who it is stays where the feeds are");
    }
}

//! The same texts as a script for DuckDB.

use std::fmt::Write as _;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::prelude::SessionContext;

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::config::Visibility;
use crate::model::schema::{TableId, clock_file_schema};
use crate::oracle::statements::{reads, spoken, standing_query, statements, waiting_hits, waits_for};
use crate::oracle::{BatchError, by_purpose, columns, create, register, sql_error};
use crate::rules::calendars::calendars;
use crate::source::files::Recorded;
use crate::sql::session::session;

/// A complete script for DuckDB over the Parquet files of a recording; its last statement gives the standing set.
pub async fn duckdb_script<'a>(
    catalogue: &Catalogue,
    visibility: &Visibility,
    as_of: i64,
    recorded: impl Into<Recorded<'a>>,
) -> Result<String, BatchError> {
    let recorded = recorded.into();
    let context = session().map_err(|error| sql_error("session", error))?;
    let mut out = catalogue.duckdb.clone();
    out.push('\n');
    for table in TableId::ALL.into_iter().filter(|table| !table.is_link()) {
        let name = format!("{}_file", table.name());
        register(&context, &name, table.def().file_schema(), Vec::new())?;
        out.push_str(&duckdb_table(recorded, table.name(), &table.def().file_schema()));
    }
    register(&context, "clocks_file", clock_file_schema(), Vec::new())?;
    out.push_str(&duckdb_table(recorded, "clocks", &clock_file_schema()));
    for (name, batch) in calendars(&catalogue.thresholds) {
        register(&context, name, batch.schema(), vec![batch])?;
    }
    let _ = writeln!(out, "CREATE TABLE parameters (name VARCHAR, valid_from DATE, valid_to DATE, value BIGINT);");
    for threshold in &catalogue.thresholds {
        let to = threshold.valid_to.map_or("NULL".to_owned(), |day| format!("DATE '{day}'"));
        let _ = writeln!(
            out,
            "INSERT INTO parameters VALUES ('{}', DATE '{}', {to}, {});",
            threshold.name, threshold.valid_from, threshold.value
        );
    }
    // Run here too: the columns of what is made decide the texts that follow.
    write_out(&create(catalogue, &context, statements(catalogue, visibility, as_of, "VIEW", true)?).await?, &mut out);
    out.push_str("CREATE TABLE standing_set (rule_id VARCHAR, person_id VARCHAR, subject VARCHAR, alert_key VARCHAR, severity VARCHAR);\n");
    for (made, rules) in by_purpose(catalogue, "VIEW")? {
        write_out(&create(catalogue, &context, made).await?, &mut out);
        write_rules(catalogue, &context, &rules, as_of, &mut out).await?;
    }
    out.push_str("SELECT rule_id, subject, alert_key, severity FROM standing_set ORDER BY 1, 2, 3, 4;\n");
    Ok(out)
}

fn write_out(texts: &[String], out: &mut String) {
    for sql in texts {
        // The semicolon is on a line of its own: the text may end in a comment.
        let _ = writeln!(out, "{sql}\n;");
    }
}

async fn write_rules(
    catalogue: &Catalogue,
    context: &SessionContext,
    rules: &[&RuleFile],
    as_of: i64,
    out: &mut String,
) -> Result<(), BatchError> {
    for rule in rules {
        let id = &rule.header.id;
        let failed = |error| sql_error(&format!("rule {id}"), error);
        let columns = columns(context, &rule.sql).await.map_err(failed)?;
        let feeds = waits_for(catalogue, context, rule).map_err(failed)?;
        let spoken = spoken(Some(&feeds), as_of);
        let tables = reads(catalogue, context, rule).map_err(failed)?;
        let _ = writeln!(out, "{}\n;", waiting_hits(catalogue, rule, &columns, (&tables, &spoken), "VIEW")?);
        let query = standing_query(catalogue, rule, as_of, &spoken);
        let _ = writeln!(
            out,
            "INSERT INTO standing_set SELECT '{id}', person_id, subject, alert_key, severity FROM (\n{query}\n) s;"
        );
    }
    Ok(())
}

/// A recorded file as a view, with each column cast to its type; a missing file as an empty table.
fn duckdb_table(recorded: Recorded<'_>, name: &str, schema: &SchemaRef) -> String {
    let path = recorded.dir.join("parquet").join(format!("{name}.parquet"));
    let columns: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| {
            let value = if path.exists() { field.name().as_str() } else { "NULL" };
            format!("CAST({value} AS {}) AS {}", duckdb_type(field.data_type()), field.name())
        })
        .collect();
    let columns = columns.join(", ");
    if path.exists() {
        let file = path.display().to_string().replace('\'', "''");
        let absent: Vec<String> = recorded.absent.iter().map(|feed| format!("'{}'", feed.name())).collect();
        let but = if name == "clocks" && !absent.is_empty() {
            format!(" WHERE feed NOT IN ({})", absent.join(", "))
        } else {
            String::new()
        };
        format!("CREATE VIEW {name}_file AS SELECT {columns} FROM read_parquet('{file}'){but};\n")
    } else {
        format!("CREATE TABLE {name}_file AS SELECT {columns} WHERE 1 = 0;\n")
    }
}

fn duckdb_type(ty: &DataType) -> &'static str {
    match ty {
        DataType::Int64 => "BIGINT",
        DataType::Date32 => "DATE",
        DataType::Timestamp(..) => "TIMESTAMP",
        DataType::Boolean => "BOOLEAN",
        DataType::List(_) => "VARCHAR[]",
        _ => "VARCHAR",
    }
}

//! Aim: an independent engine running the same texts over the same Parquet files finds the same standing set.
//! Method: the script that `permitwatch sql` prints, run by DuckDB in a Python environment that the test makes for itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use permitwatch::replay;
use permitwatch::rules::batch::duckdb_script;
use serde_json::Value;

use crate::drive::{catalogue, repository, visibility};
use crate::population::MANY;

/// The release whose SQL the rules are written for.
const DUCKDB: &str = "duckdb==2.0.0";

/// A Python with DuckDB, made once and kept between runs. Without a network the test fails: it has nothing to compare.
fn python() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("duckdb-2.0.0");
    let python = home.join("bin/python");
    if run(Command::new(&python).args(["-c", "import duckdb"])).is_ok() {
        return python;
    }
    run(Command::new("python3").arg("-m").arg("venv").arg(&home))
        .unwrap_or_else(|error| panic!("cannot make a Python environment (Debian: python3-venv): {error}"));
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", DUCKDB]))
        .unwrap_or_else(|error| {
            panic!(
                "cannot install {DUCKDB}, which this test compares with; it needs a network or a pip mirror: {error}"
            )
        });
    python
}

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn duckdb_finds_the_same_standing_set() {
    let python = python();
    let dir = MANY.dir.path();
    let as_of = MANY.end();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let catalogue = catalogue();
    let script = runtime.block_on(duckdb_script(&catalogue, &visibility(), as_of.0, &dir.join("parquet"))).unwrap();
    let file = dir.join("standing.duckdb.sql");
    std::fs::write(&file, script).unwrap();
    let output = run(Command::new(python).arg(repository("tests/duckdb/run.py")).arg(&file));
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let field = |row: &Value, name: &str| row[name].as_str().unwrap_or_else(|| panic!("no {name}: {row}")).to_owned();
    let mut found: Vec<[String; 4]> =
        rows.map(|row| ["rule_id", "subject", "alert_key", "severity"].map(|name| field(&row, name))).collect();
    let batch = replay::batch(dir, &catalogue, &visibility(), as_of).unwrap();
    let mut wanted: Vec<[String; 4]> = batch
        .into_iter()
        .map(|row| [row.rule_id, row.subject, row.alert_key, row.severity.name().to_owned()])
        .collect();
    found.sort();
    wanted.sort();
    println!("{} alerts stand in DuckDB, {} in DataFusion", found.len(), wanted.len());
    let only = |these: &[[String; 4]], those: &[[String; 4]]| {
        these.iter().filter(|row| !those.contains(row)).map(|row| format!("{row:?}\n")).collect::<String>()
    };
    assert!(found == wanted, "only DuckDB:\n{}only DataFusion:\n{}", only(&found, &wanted), only(&wanted, &found));
}

//! Aim: an independent engine running the same texts over the same Parquet files finds the same standing set.
//! Our functions give there what they give here.
//! Method: the script that `permitwatch sql` prints, run by DuckDB in a Python environment that the test makes for itself;
//! and one question over drawn values that calls every function.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use arrow::array::AsArray;
use permitwatch::catalogue::Catalogue;
use permitwatch::model::time::KnownTime;
use permitwatch::oracle::duckdb_script;
use permitwatch::sql::{functions, session};
use permitwatch::tools::replay;
use serde_json::Value;

use crate::drive::{Dice, SEED, catalogue, repository, visibility};
use crate::population::MANY;

/// The release whose SQL the rules are written for.
const DUCKDB: &str = "duckdb==2.0.0";

/// A Python with DuckDB, made once and kept between runs. Without a network the test fails: it has nothing to compare.
pub fn python() -> PathBuf {
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
    let whole = assert_same_in_duckdb(MANY.dir.path());
    // The studies feed has said nothing for a year: DuckDB waits for it as we do.
    let dir = tempfile::tempdir().unwrap();
    let mut dataset = MANY.dataset.clone();
    dataset.feeds[permitwatch::model::schema::Feed::Studies.index()]
        .retain(|message| message.known_time <= MANY.end().0 - 365 * 86_400_000_000);
    permitwatch::generate::write(&dataset, dir.path()).unwrap();
    let silent = assert_same_in_duckdb(dir.path());
    // Three years later many have left the population.
    let later = assert_same_in_duckdb_as_of(MANY.dir.path(), KnownTime(MANY.end().0 + 3 * 365 * 86_400_000_000));
    assert!(later > 0 && later < whole, "{later} of {whole}");
    assert!(silent < whole, "{silent} of {whole} alerts stand without the studies of a year");
}

/// What stands by the Parquet files of a recording, in DuckDB: (rule, subject, key, severity), sorted.
pub fn standing_in_duckdb(catalogue: &Catalogue, dir: &Path, as_of: i64) -> Vec<[String; 4]> {
    let python = python();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let script = runtime.block_on(duckdb_script(catalogue, &visibility(), as_of, dir)).unwrap();
    let file = dir.join("standing.duckdb.sql");
    std::fs::write(&file, script).unwrap();
    let output = run(Command::new(python).arg(repository("tests/duckdb/run.py")).arg(&file));
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let field = |row: &Value, name: &str| row[name].as_str().unwrap_or_else(|| panic!("no {name}: {row}")).to_owned();
    let mut found: Vec<[String; 4]> =
        rows.map(|row| ["rule_id", "subject", "alert_key", "severity"].map(|name| field(&row, name))).collect();
    found.sort();
    found
}

/// How many alerts stand.
fn assert_same_in_duckdb(dir: &Path) -> usize {
    assert_same_in_duckdb_as_of(dir, MANY.end())
}

fn assert_same_in_duckdb_as_of(dir: &Path, as_of: KnownTime) -> usize {
    let catalogue = catalogue();
    let found = standing_in_duckdb(&catalogue, dir, as_of.0);
    let batch = replay::batch(dir, &catalogue, &visibility(), as_of).unwrap();
    let mut wanted: Vec<[String; 4]> = batch
        .into_iter()
        .map(|row| [row.rule_id, row.subject, row.alert_key, row.severity.name().to_owned()])
        .collect();
    wanted.sort();
    println!("{} alerts stand in DuckDB, {} in DataFusion", found.len(), wanted.len());
    let only = |these: &[[String; 4]], those: &[[String; 4]]| {
        these.iter().filter(|row| !those.contains(row)).map(|row| format!("{row:?}\n")).collect::<String>()
    };
    assert!(found == wanted, "only DuckDB:\n{}only DataFusion:\n{}", only(&found, &wanted), only(&wanted, &found));
    wanted.len()
}

/// Of a row of `drawn`: of itself, or of a frame of rows round it.
const OF_A_ROW: [&str; 18] = [
    "add_months(day, step)",
    "month_of(day)",
    "CAST(agi_complete(day) AS DATE)",
    "severity(step)",
    "severity_rank(severity(step))",
    "abs(step)",
    "name_agreement(name, other_name)",
    "concat_ws(' ', is_state(code), same_state(code, other_code), has_citizenship(list, code))",
    "citizenship_change(list, other_list)",
    "records(name, code, other_name)",
    "records(code, records(other_code, name, code))",
    "beta_tail_bp(hits, cases, a, b, rate_bp)",
    "median_low(amount) OVER (ORDER BY id ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)",
    "mad_low(amount) OVER (ORDER BY id ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)",
    "mad_low(amount) OVER (PARTITION BY team ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
    "median_low(amount) OVER (PARTITION BY team ORDER BY id ROWS BETWEEN 3 PRECEDING AND 2 FOLLOWING)",
    "mad_low(amount) OVER (PARTITION BY team ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 5 FOLLOWING)",
    "mad_low(amount) OVER (PARTITION BY team)",
];
const OF_A_TEAM: [&str; 5] = [
    "median_low(amount)",
    "mad_low(amount)",
    "mad_low(CASE WHEN amount > 0 THEN amount END)",
    "records_of(code)",
    "records_of(records(name, other_code))",
];

/// `drawn`, the same text for both engines. Amounts of few different values and of many; one null in eight.
fn drawn(rows: usize) -> String {
    let mut dice = Dice(SEED);
    let names = ["'Amal Haddad'", "'Haddad Ámal'", "'Åsa Öberg'", "'asa  oberg-lind'", "'Αμάλ'", "'123'", "''"];
    let codes =
        ["'SYR'", "'YUG'", "'SRB'", "'HRV'", "'SCG'", "'ZAR'", "'COD'", "'XXA'", "'XXX'", "'UNK'", "'SUN'", "'RUS'"];
    let mut values = Vec::new();
    for id in 0..rows {
        let cases = dice.below(150) as i64;
        let amount = if dice.below(2) == 0 { dice.below(9) as i64 - 4 } else { dice.below(90_000) as i64 - 20_000 };
        let row = [
            (dice.below(rows / 12)).to_string(),
            format!("DATE '20{:02}-{:02}-{:02}'", 18 + dice.below(20), 1 + dice.below(12), 1 + dice.below(28)),
            (dice.below(40) as i64 - 20).to_string(),
            (*dice.pick(&names)).to_owned(),
            (*dice.pick(&names)).to_owned(),
            (dice.below(cases as usize + 3) as i64 - 1).to_string(),
            cases.to_string(),
            dice.below(12).to_string(),
            dice.below(60).to_string(),
            (dice.below(10_200) as i64 - 100).to_string(),
            amount.to_string(),
            (*dice.pick(&codes)).to_owned(),
            (*dice.pick(&codes)).to_owned(),
            format!("[{}, {}]", dice.pick(&codes), dice.pick(&codes)),
            format!("[{}, {}]", dice.pick(&codes), dice.pick(&codes)),
        ];
        let row = row.map(|value| if dice.below(8) == 0 { "NULL".to_owned() } else { value });
        values.push(format!("({id}, {})", row.join(", ")));
    }
    let columns =
        "id, team, day, step, name, other_name, hits, cases, a, b, rate_bp, amount, code, other_code, list, other_list";
    format!("WITH drawn({columns}) AS (VALUES {})\n", values.join(",\n"))
}

/// Columns `id`, `c0`, `c1` and so on, as text.
fn question(id: &str, expressions: &[&str], rest: &str) -> String {
    let text = |expression: &str| format!("coalesce(CAST({expression} AS VARCHAR), 'null')");
    let columns: String =
        expressions.iter().enumerate().map(|(at, expression)| format!(", {} AS c{at}", text(expression))).collect();
    format!("{}SELECT {} AS id{columns} FROM drawn {rest}", drawn(600), text(id))
}

fn here(question: &str, columns: usize) -> Vec<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let batches = runtime.block_on(async {
        session::session()
            .unwrap()
            .sql(question)
            .await
            .unwrap()
            .collect()
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    });
    let text = |array: &arrow::array::ArrayRef, row: usize| array.as_string::<i32>().value(row).to_owned();
    let rows = batches.iter().flat_map(|batch| {
        (0..batch.num_rows()).map(move |row| (0..columns).map(|at| text(batch.column(at), row)).collect())
    });
    rows.collect()
}

fn there(question: &str, columns: usize) -> Vec<Vec<String>> {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("functions.sql");
    std::fs::write(&file, format!("{}\n{question};\n", catalogue().duckdb)).unwrap();
    let output = run(Command::new(python()).arg(repository("tests/duckdb/run.py")).arg(&file));
    let output = String::from_utf8(output.unwrap_or_else(|error| panic!("{error}")).stdout).unwrap();
    let name = |at: usize| if at == 0 { "id".to_owned() } else { format!("c{}", at - 1) };
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        (0..columns).map(|at| row[name(at)].as_str().unwrap().to_owned()).collect()
    };
    output.lines().map(row).collect()
}

#[test]
fn our_functions_give_the_same_in_duckdb() {
    let asked = [OF_A_ROW.as_slice(), &OF_A_TEAM].concat().join(" ");
    let scalars = functions::all();
    let aggregates = functions::aggregates();
    let names = scalars.iter().map(|function| function.name()).chain(aggregates.iter().map(|function| function.name()));
    for name in names {
        assert!(asked.contains(&format!("{name}(")), "nothing asks for {name}");
    }
    for (id, expressions, rest) in [("id", OF_A_ROW.as_slice(), ""), ("team", &OF_A_TEAM, "GROUP BY team")] {
        let question = question(id, expressions, rest);
        let (mut here, mut there) = (here(&question, expressions.len() + 1), there(&question, expressions.len() + 1));
        here.sort();
        there.sort();
        assert!(here.len() > 40 && here.len() == there.len());
        for (here, there) in here.iter().zip(&there) {
            for (at, expression) in expressions.iter().enumerate() {
                assert_eq!(here[at + 1], there[at + 1], "{id} {}: {expression} here (left), DuckDB (right)", here[0]);
            }
        }
        for (at, expression) in expressions.iter().enumerate() {
            let results: std::collections::BTreeSet<&String> = here.iter().map(|row| &row[at + 1]).collect();
            assert!(results.len() > 3, "{expression} gave only {results:?}");
        }
    }
}

/// Letters of the three tables and of none, with marks, apostrophes and what is not seen; each drawn as often as it stands here.
const NAME_LETTERS: &str = "aaaeeeiiooouunnrrssttllmmkkhhdxxåäöéñüøæðþßłıŋəğžǆﬁＡｚÅÉÖŁØİ'’ʼ-- \u{301}\u{308}\u{200c}\u{ad}                            абвгдежийклмнопрстухцчшщьюяёїєґђћџѓќЯЮЄЙмухаммаделенаمحمدعليالحسنخالديوسفةىکیأإﻣﻼαςΣ王მ12.";

#[test]
fn names_agree_alike_in_duckdb() {
    let mut dice = Dice(SEED);
    let letters: Vec<char> = NAME_LETTERS.chars().collect();
    let mut rows = Vec::new();
    for id in 0..4000 {
        // Letters near one another are of one script, as in a name.
        let word = |dice: &mut Dice| {
            let from = dice.below(letters.len() - 20);
            (0..1 + dice.below(6)).map(|_| letters[from + dice.below(20)]).collect::<String>()
        };
        let left: Vec<String> = (0..1 + dice.below(3)).map(|_| word(&mut dice)).collect();
        let mut right = left.clone();
        for word in &mut right {
            match dice.below(6) {
                0 => *word = word.to_uppercase(),
                1 => *word = word.to_lowercase(),
                2 => *word = word.replace('ä', "ae").replace('ø', "oe").replace('х', "kh").replace('ж', "z"),
                3 => word.extend(letters.get(dice.below(letters.len()))),
                _ => {}
            }
        }
        right.rotate_left(dice.below(left.len()));
        let text = |words: &[String]| format!("'{}'", words.join(" ").replace('\'', "''"));
        rows.push(format!("({id}, {}, {})", text(&left), text(&right)));
    }
    let question = format!(
        "WITH drawn(id, name, other_name) AS (VALUES {})\nSELECT CAST(id AS VARCHAR) AS id, \
         coalesce(name_agreement(name, other_name), 'null') AS c0, concat(name, ' / ', other_name) AS c1 FROM drawn",
        rows.join(",\n")
    );
    let (mut here, mut there) = (here(&question, 3), there(&question, 3));
    here.sort();
    there.sort();
    let differ: Vec<String> = (here.iter().zip(&there).filter(|(here, there)| here != there))
        .map(|(here, there)| format!("{here:?}, DuckDB {there:?}\n"))
        .collect();
    assert!(differ.is_empty() && here.len() == there.len(), "{}", differ.concat());
    let mut told: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    here.iter().for_each(|row| *told.entry(row[1].as_str()).or_default() += 1);
    println!("{told:?}");
    assert!(
        ["same", "part", "none", "script"].iter().all(|word| told.get(word).is_some_and(|rows| *rows > 50)),
        "{told:?}"
    );
}

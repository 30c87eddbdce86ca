//! Aim: of each form that SQL can write it is known whether a rule may use it; what `check` accepts, the engine with single and with many
//! units, the batch query and DuckDB read alike, with the same values, and what it refuses it refuses for the reason that it should.
//! Method: forms written by hand, `forms/*.sql`, over the clauses and expressions that the parser knows, whether or not anybody would write
//! them: drawn texts (`texts`) have only what their author thought of. Each is asked over one drawn population.
//!
//! A file has blocks with an empty line between. `-- around: text` says what the following forms stand in, at `{}`. Every other block is
//! a form under a line that says what becomes of it: `-- accepted`, `-- accepted, null` (its column `e0` is null in every row),
//! `-- accepted, no rows`, or `-- refused: ` and words of the reason.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::drive::{SEED, repository};
use crate::texts::engines::{Rows, Said, World};

/// So many forms there are at least; and of each fate.
const LEAST: usize = 300;
const LEAST_OF_A_FATE: usize = 150;

struct Form {
    file: String,
    line: usize,
    /// What is said to become of it.
    said: String,
    sql: String,
}

fn forms() -> Vec<Form> {
    let mut files: Vec<_> =
        std::fs::read_dir(repository("tests/engine/forms")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .flat_map(|file| read(&file.file_name().unwrap().to_string_lossy(), &std::fs::read_to_string(file).unwrap()))
        .collect()
}

fn read(file: &str, text: &str) -> Vec<Form> {
    let mut around = "{}";
    let mut out: Vec<Form> = Vec::new();
    let mut line = 1;
    for block in text.split("\n\n") {
        let (first, form) = block.trim_start_matches('\n').split_once('\n').unwrap_or((block.trim(), ""));
        if let Some(text) = first.strip_prefix("-- around: ") {
            around = text;
        } else {
            let said = first.strip_prefix("-- ").unwrap_or_else(|| panic!("{file}:{line}: says nothing of its form"));
            let sql = around.replace("{}", form.trim_end_matches('\n'));
            out.push(Form { file: file.to_owned(), line, said: said.to_owned(), sql });
        }
        line += block.matches('\n').count() + 2;
    }
    out
}

/// What became of a form, in the words of its first line.
fn fate(said: Said) -> String {
    match said {
        Said::Refused(reason) => format!("refused: {}", reason.replace('\n', " ")),
        Said::Alike(rows) if rows.is_empty() => "accepted, no rows".to_owned(),
        Said::Alike(rows) if is_null(&rows) => "accepted, null".to_owned(),
        Said::Alike(_) => "accepted".to_owned(),
        Said::Differ(who, how) => format!("read differently: {who}: {how}"),
    }
}

/// Whether no row has a value for the form, if it has a column.
fn is_null(rows: &Rows) -> bool {
    rows.iter().all(|row| !row.contains_key("e0"))
}

#[test]
fn forms_are_refused_or_read_alike() {
    let mut world = World::draw(SEED);
    let (mut wrong, mut number, mut refused) = (String::new(), 0, 0);
    let mut seen = BTreeSet::new();
    for Form { file, line, said, sql } in forms() {
        number += 1;
        assert!(seen.insert(sql.clone()), "{file}:{line}: twice");
        let has_column = sql.contains(" AS e0");
        let asked = catch_unwind(AssertUnwindSafe(|| world.ask(&sql)));
        let mut fate = asked.map_or_else(|_| "a panic".to_owned(), fate);
        if !has_column && fate == "accepted, null" {
            fate = "accepted".to_owned();
        }
        let is_as_said = match (said.strip_prefix("refused: "), fate.strip_prefix("refused: ")) {
            (Some(words), Some(reason)) => {
                refused += 1;
                reason.contains(words)
            }
            _ => said == fate,
        };
        if !is_as_said {
            let _ = writeln!(wrong, "{file}:{line}: said to be {said}, is {fate}\n{sql}\n");
        }
    }
    println!("{number} forms, {refused} refused");
    assert!(wrong.is_empty(), "{wrong}");
    assert!(number >= LEAST && refused >= LEAST_OF_A_FATE && number - refused >= LEAST_OF_A_FATE);
}

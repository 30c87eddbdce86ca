//! Runs the program as a user does, by a line: for tests of single commands.

use std::path::Path;
use std::process::{Command, Output};

pub fn permitwatch_in(dir: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_permitwatch"))
        .current_dir(dir)
        .args(line.split_whitespace())
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

/// All that it says, if its exit status is as expected.
pub fn said(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

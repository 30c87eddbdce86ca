//! Aim: whoever calls the program from a shell learns by its exit code and message whether all was written, before the work where that
//! is possible, and finds no cut file.
//! Method: the real binary over a small recording, with a full device, a closed pipe, a missing folder, and outputs over inputs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

/// A directory with a recording in `feeds`, and a permit of it.
static RECORDING: LazyLock<(TempDir, String)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let made = permitwatch(&["generate", "--out", &text(&dir.path().join("feeds")), "--persons", "20", "--years", "1"]);
    assert!(made.status.success(), "{}", words(&made));
    let permits = fs::read_to_string(dir.path().join("feeds/ndjson/permits.ndjson")).unwrap();
    let (_, rest) =
        permits.split_once("\"permit_id\":\"").or_else(|| permits.split_once("permit_id\\\":\\\"")).unwrap();
    let permit = rest.split(['"', '\\']).next().unwrap().to_owned();
    (dir, permit)
});

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn feeds() -> String {
    text(&RECORDING.0.path().join("feeds"))
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_permitwatch"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

fn permitwatch(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Commands that print, none of which needs a broker.
fn printing() -> Vec<Vec<String>> {
    let (feeds, permit) = (feeds(), RECORDING.1.clone());
    let quarantine = RECORDING.0.path().join("q.ndjson");
    fs::write(&quarantine, "").unwrap();
    let commands = [
        format!("sql --input {feeds} --rule R01"),
        "rules list".to_owned(),
        "rules show R01".to_owned(),
        "rules reference --rule R01".to_owned(),
        format!("explain --permit {permit} --input {feeds} --rule R01"),
        "check --rule R01".to_owned(),
        "check --rule R01 --format json".to_owned(),
        format!("replay --input {feeds} --rule R01"),
        format!("replay --input {feeds} --rule R01 --mode batch"),
        "test R01".to_owned(),
        format!("generate --out {feeds}2 --persons 5 --years 1"),
        "adapters reference".to_owned(),
        format!("quarantine list --file {}", quarantine.display()),
        "--help".to_owned(),
        "replay --help".to_owned(),
    ];
    commands.iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

#[test]
fn a_full_device_fails_every_command() {
    for args in printing() {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let full = command(&args).stdout(File::options().write(true).open("/dev/full").unwrap()).output().unwrap();
        assert_eq!(full.status.code(), Some(1), "{args:?}: {}", words(&full));
        assert!(
            words(&full).contains("error: cannot write to standard output: No space left"),
            "{args:?}: {}",
            words(&full)
        );
        let whole = permitwatch(&args);
        assert_eq!(whole.status.code(), Some(0), "{args:?}: {}", words(&whole));
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    for args in printing() {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut child = command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}: {said}");
        assert!(!said.contains("error:") && !said.contains("panic"), "{args:?}: {said}");
    }
}

/// The program's answer, which must be a failure, and must not have taken up the work.
fn refused(line: &str) -> String {
    let output = permitwatch(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1), "{line}: {}", words(&output));
    assert!(output.stdout.is_empty() && !words(&output).contains("messages in"), "{line}: {}", words(&output));
    words(&output)
}

#[test]
fn a_missing_folder_is_said_before_the_work() {
    let (feeds, missing) = (feeds(), RECORDING.0.path().join("no/such"));
    let there_is_none = format!("there is no folder {}", missing.display());
    for option in ["--out", "--standing", "--quarantine"] {
        let said = refused(&format!("replay --input {feeds} --rule R01 {option} {}/a", missing.display()));
        assert!(said.contains(&there_is_none), "{said}");
    }
    for line in ["rules reference --out", "test R01 --junit"] {
        let said = refused(&format!("{line} {}/a", missing.display()));
        assert!(said.contains(&there_is_none), "{line}: {said}");
    }
    let in_a_file = refused(&format!("generate --out {feeds}/manifest.json/a --persons 5 --years 1"));
    assert!(in_a_file.contains("cannot write") && in_a_file.contains("Not a directory"), "{in_a_file}");
}

#[test]
fn outputs_never_take_the_place_of_what_is_read() {
    let feeds = feeds();
    let read = PathBuf::from(&feeds).join("ndjson/permits.ndjson");
    let before = fs::read(&read).unwrap();
    let link = RECORDING.0.path().join("link");
    std::os::unix::fs::symlink(&read, &link).unwrap();
    for out in [&read, &link] {
        let said = refused(&format!("replay --input {feeds} --rule R01 --out {}", out.display()));
        assert!(said.contains("would be overwritten"), "{said}");
    }
    let said = refused("rules reference --out queries/salary-drop.sql");
    assert!(said.contains("would be overwritten"), "{said}");
    let twice = RECORDING.0.path().join("twice");
    let said = refused(&format!("replay --input {feeds} --out {0} --standing {0}", twice.display()));
    assert!(said.contains("asked for twice"), "{said}");
    assert!(!twice.exists() && fs::read(&read).unwrap() == before);
}

#[test]
fn a_test_run_without_a_case_fails() {
    for line in ["test --filter no-such-case", "test R01 --filter no-such-case --mutants"] {
        let output = permitwatch(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(
            words(&output).contains("no case was run: no case's name contains \"no-such-case\""),
            "{}",
            words(&output)
        );
    }
}

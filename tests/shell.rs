//! Aim: whoever calls the program from a shell learns by its exit code and message whether all was written, before the work where that
//! is possible, and finds no cut file.
//! Method: the real binary, and every command that its help names: with a full device, a closed pipe, and a missing folder or one
//! without rights in place of each file and folder that it takes. `shell.md` in the target's tmp has the answers as a table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

#[path = "broker/mod.rs"]
mod broker;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use permitwatch::pseudonyms::{Kind, Pseudonyms};
use tempfile::TempDir;

use broker::Brokers;

/// What the commands are tried on: a directory that everybody may read, with the program, the rules, a recording of made-up feeds,
/// what `replay` says of it, and a configuration whose topics are there.
struct Stage {
    dir: TempDir,
    alert: String,
    token: String,
}

const KEY: &str = "9f1c3ab0d47e6258c1e09b7a4d3f8862";

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_permitwatch"));
    if fs::hard_link(program, path("permitwatch")).is_err() {
        fs::copy(program, path("permitwatch")).unwrap();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    copy(&root.join("queries"), &path("queries"));
    copy(&root.join("tests/checkpoints/format-1"), &path("checkpoints"));
    fs::copy(root.join("config/ADAPTERS.md"), path("ADAPTERS.md")).unwrap();
    fs::write(path("q.ndjson"), "").unwrap();
    fs::write(path("key"), KEY).unwrap();
    fs::set_permissions(path("key"), Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(path("locked")).unwrap();
    fs::write(path("locked/file"), "").unwrap();
    fs::set_permissions(path("locked"), Permissions::from_mode(0o000)).unwrap();
    let stage = |args: &[&str]| {
        let made = Command::new(path("permitwatch")).args(args).current_dir(dir.path()).output().unwrap();
        assert!(made.status.success(), "{args:?}: {}", words(&made));
    };
    stage(&["generate", "--out", "feeds", "--persons", "120", "--years", "2"]);
    stage(&["replay", "--input", "feeds", "--out", "log.ndjson"]);
    let log = fs::read_to_string(path("log.ndjson")).unwrap();
    let alert: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let alert = alert["alert_id"].as_str().unwrap().to_owned();
    let kafka = Brokers::shared().config("shell");
    let text = format!(
        "[kafka]\nbrokers = \"{}\"\ngroup_id = \"{}\"\ntopic_prefix = \"{}\"\n[alerts]\nkey_file = \"key\"\n\
         [audit]\nfile = \"audit.log\"\n",
        kafka.brokers, kafka.group_id, kafka.topic_prefix
    );
    fs::write(path("permitwatch.toml"), text).unwrap();
    // It may be repeated at any time, as when a broker on a busy machine does not answer soon enough.
    let create = ["topics", "create", "--config", "permitwatch.toml", "--partitions", "1", "--apply"];
    let created = || Command::new(path("permitwatch")).args(create).current_dir(dir.path()).output().unwrap();
    let made = (0..5).map(|_| created()).find(|made| made.status.success());
    assert!(made.is_some(), "{}", words(&created()));
    let token = Pseudonyms::new(KEY, "1").token(Kind::Subject, "P1");
    stage(&["reidentify", "--config", "permitwatch.toml", "--reason", "prov", &token]);
    // What is written is for its owner alone; whoever has no rights here lacks them where the test says so, not everywhere.
    readable(&path("feeds"));
    readable(&path("checkpoints"));
    for file in ["log.ndjson", "audit.log"] {
        fs::set_permissions(path(file), Permissions::from_mode(0o644)).unwrap();
    }
    let _ = std::os::unix::fs::chown(path("key"), Some(65_534), Some(65_534));
    Stage { dir, alert, token }
});

fn readable(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            readable(&entry.path());
        } else {
            fs::set_permissions(entry.path(), Permissions::from_mode(0o644)).unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn feeds() -> String {
    text(&STAGE.dir.path().join("feeds"))
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(STAGE.dir.path().join("permitwatch"));
    command.args(args).current_dir(STAGE.dir.path()).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

fn permitwatch(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// How each command is tried so that it succeeds. `run` prints nothing, and ends when it is told to.
fn tried() -> BTreeMap<&'static str, String> {
    let (alert, token) = (&STAGE.alert, &STAGE.token);
    [
        ("adapters reference", "--out ADAPTERS.md".to_owned()),
        ("audit verify", "--config permitwatch.toml".into()),
        ("check", "--rule R01".into()),
        ("checkpoint export", "--dir checkpoints --shard 0 --out exported".into()),
        ("checkpoint list", "--dir checkpoints".into()),
        ("checkpoint show", "--dir checkpoints --shard 0".into()),
        ("checkpoint verify", "--dir checkpoints".into()),
        ("demo", "--persons 20 --years 1 --partitions 1 --quiet --listen 127.0.0.1:0".into()),
        ("diff", "queries --input feeds --rule R01 --set-b work-not-started.months=5".into()),
        ("doctor", "--config permitwatch.toml".into()),
        ("explain", format!("{alert} --input feeds --log log.ndjson")),
        ("generate", "--out made --persons 5 --years 1 --force".into()),
        ("quarantine list", "--file q.ndjson".into()),
        ("quarantine redrive", "--file q.ndjson --input feeds".into()),
        ("reidentify", format!("--config permitwatch.toml --reason prov {token}")),
        ("replay", "--input feeds --rule R01".into()),
        ("rules functions", String::new()),
        ("rules list", String::new()),
        ("rules new", "my-rule --like R01".into()),
        ("rules reference", "--rule R01".into()),
        ("rules show", "R01".into()),
        ("run", "--config permitwatch.toml".into()),
        ("sql", "--input feeds --rule R01".into()),
        ("test", "R01".into()),
        ("topics create", "--config permitwatch.toml".into()),
        ("tune", "R01 --sweep months=4,5 --input feeds".into()),
    ]
    .into()
}

/// Commands that print nothing: there is nothing to cut.
const SILENT: [&str; 1] = ["run"];

/// Folders that a command makes.
const MADE: [(&str, &str); 2] = [("generate", "--out"), ("checkpoint export", "--out")];

/// What a command makes that must not be there yet.
fn unmake(name: &str) {
    if name == "rules new" {
        for file in ["queries/my-rule.sql", "queries/tests/my-rule.toml"] {
            let _ = fs::remove_file(STAGE.dir.path().join(file));
        }
    }
}

/// The lines of a command's help.
fn help(of: &str) -> String {
    let args: Vec<&str> = of.split_whitespace().chain(["--help"]).collect();
    String::from_utf8(permitwatch(&args).stdout).unwrap()
}

/// The commands that have none below them, by the help.
fn commands(of: &str) -> Vec<String> {
    let help = help(of);
    let Some((_, below)) = help.split_once("\nCommands:\n") else { return vec![of.to_owned()] };
    let names = below.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
        let name = line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   "))?;
        (name != "help").then(|| format!("{of} {name}").trim().to_owned())
    });
    names.flat_map(|name| commands(&name)).collect()
}

/// The options that take a file or folder, by the help.
fn paths(of: &str) -> Vec<String> {
    let help = help(of);
    let options = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-') && (line.contains(" <FILE>") || line.contains(" <DIR>")));
    options.map(|line| format!("--{}", line.split_once("--").unwrap().1.split_whitespace().next().unwrap())).collect()
}

/// The command as it is tried, with another value for an option.
fn with(name: &str, args: &str, option: &str, value: &str) -> Vec<String> {
    let mut out: Vec<String> = name.split_whitespace().chain(args.split_whitespace()).map(str::to_owned).collect();
    match out.iter().position(|arg| arg == option) {
        Some(at) => out[at + 1] = value.to_owned(),
        None => out.extend([option.to_owned(), value.to_owned()]),
    }
    out
}

/// What it says last, with the stage's place left out.
fn last_words(output: &Output) -> String {
    let said = words(output);
    let line = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    line.replace(&text(STAGE.dir.path()), "...").replace('|', "\\|")
}

/// Whoever runs the tests, without the rights of root.
fn as_nobody(command: &mut Command) -> &mut Command {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if is_root { command.uid(65_534).gid(65_534) } else { command }
}

#[test]
fn every_command_says_what_it_could_not_do() {
    let tried = tried();
    let commands = commands("");
    assert_eq!(commands.iter().map(String::as_str).collect::<Vec<_>>().len(), tried.len(), "{commands:?}");
    let mut table = String::from("| command | tried with | exit | says |\n| --- | --- | --- | --- |\n");
    let mut wrong = Vec::new();
    let mut row = |name: &str, with: &str, output: &Output, is_right: bool| {
        let code = output.status.code().map_or("none".to_owned(), |code| code.to_string());
        let line = format!("| {name} | {with} | {code} | {} |", last_words(output));
        if !is_right {
            wrong.push(line.clone());
        }
        let _ = writeln!(table, "{line}");
    };
    for name in &commands {
        let args = tried.get(name.as_str()).unwrap_or_else(|| panic!("say how \"{name}\" is tried"));
        let all: Vec<&str> = name.split_whitespace().chain(args.split_whitespace()).collect();
        if !SILENT.contains(&name.as_str()) {
            let full = File::options().write(true).open("/dev/full").unwrap();
            unmake(name);
            let output = command(&all).stdout(full).output().unwrap();
            let is_told = words(&output).contains("error: cannot write to standard output: No space left");
            row(name, "a full stdout", &output, output.status.code() == Some(1) && is_told);
            unmake(name);
            let output = closed_pipe(&all);
            let said = words(&output);
            let is_quiet = !said.contains("error:") && !said.contains("panic");
            row(name, "a closed pipe", &output, output.status.code() == Some(0) && is_quiet);
            unmake(name);
            let output = permitwatch(&all);
            row(name, "nothing in its way", &output, output.status.code() == Some(0) && !output.stdout.is_empty());
        }
        unmake(name);
        for option in paths(name) {
            for (value, why) in [("no/such/file", "no such folder"), ("locked/file", "no rights")] {
                let args = with(name, args, &option, value);
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                let is_made = MADE.contains(&(name.as_str(), option.as_str())) && value.starts_with("no/");
                let output = match why {
                    "no rights" => as_nobody(&mut command(&args)).output().unwrap(),
                    _ => permitwatch(&args),
                };
                let said = words(&output) + &String::from_utf8_lossy(&output.stdout);
                let folder = value.rsplit_once('/').unwrap().0;
                let is_plain = !said.contains("panic") && !said.contains(".part");
                let names_it = why != "no rights" || said.to_lowercase().contains("permission denied");
                let is_right = output.status.code() == Some(1) && said.contains(folder) && is_plain && names_it;
                let is_first = !said.contains("messages in") && (name == "check" || output.stdout.is_empty());
                row(name, &format!("{option}: {why}"), &output, is_made || (is_right && is_first));
                if is_made {
                    fs::remove_dir_all(STAGE.dir.path().join("no")).unwrap();
                }
            }
        }
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shell.md");
    fs::write(&file, &table).unwrap();
    println!("{table}\n(in {})", file.display());
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), table.lines().count() - 2, wrong.join("\n"));
}

/// As `| head -1` does: reads a line, and goes.
fn closed_pipe(args: &[&str]) -> Output {
    let mut child = command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut stderr = Vec::new();
    child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    Output { status: child.wait().unwrap(), stdout: line.into_bytes(), stderr }
}

/// The program's answer, which must be a failure, and must not have taken up the work.
fn refused(line: &str) -> String {
    let output = permitwatch(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1), "{line}: {}", words(&output));
    assert!(output.stdout.is_empty() && !words(&output).contains("messages in"), "{line}: {}", words(&output));
    words(&output)
}

#[test]
fn a_folder_that_cannot_be_made_is_said_before_the_work() {
    let in_a_file = refused("generate --out feeds/manifest.json/a --persons 5 --years 1");
    assert!(in_a_file.contains("cannot write") && in_a_file.contains("Not a directory"), "{in_a_file}");
}

#[test]
fn outputs_never_take_the_place_of_what_is_read() {
    let feeds = feeds();
    let read = PathBuf::from(&feeds).join("ndjson/permits.ndjson");
    let before = fs::read(&read).unwrap();
    let link = STAGE.dir.path().join("link");
    std::os::unix::fs::symlink(&read, &link).unwrap();
    for out in [&read, &link] {
        let said = refused(&format!("replay --input {feeds} --rule R01 --out {}", out.display()));
        assert!(said.contains("would be overwritten"), "{said}");
    }
    let said = refused("rules reference --out queries/salary-drop.sql");
    assert!(said.contains("would be overwritten"), "{said}");
    let twice = STAGE.dir.path().join("twice");
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

#[test]
fn an_update_replaces_nothing_unasked() {
    let file = STAGE.dir.path().join("queries-2");
    copy(&STAGE.dir.path().join("queries"), &file);
    let cases = file.join("tests/study-interrupted.toml");
    let before = fs::read_to_string(&cases).unwrap();
    let wrong = before.replacen("severity = \"medium\"", "severity = \"info\"", 1);
    assert_ne!(wrong, before);
    fs::write(&cases, &wrong).unwrap();
    let update = |more: &[&str]| {
        let args = [&["test", "study-interrupted", "--queries", "queries-2", "--update"], more].concat();
        let output = permitwatch(&args);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &words(&output))
    };
    let (code, said) = update(&[]);
    assert!(code == Some(1) && said.contains("severity = \"info\"") && said.contains("--replace"), "{said}");
    assert_eq!(fs::read_to_string(&cases).unwrap(), wrong, "{said}");
    let (code, said) = update(&["--replace"]);
    assert_eq!((code, fs::read_to_string(&cases).unwrap()), (Some(0), before), "{said}");
}

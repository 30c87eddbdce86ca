//! Aim: `permitwatch diff` says of each alert what two replays say, its examples open in `explain`, and its exit status is a check.
//! Method: the real binary over a generated recording, with the repository's rules and edits of a copy that git has. Held against the
//! logs of `replay`, one for each rule set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

#[path = "program/mod.rs"]
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use program::{permitwatch_in, said};

/// A directory with a recording and a git repository whose first commit has the repository's rules; in the work tree one rule is gone,
/// and another's text is other.
static STAGE: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &dir.path().join("queries"));
    let git = |args: &[&str]| {
        let name = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
        assert!(Command::new("git").current_dir(dir.path()).args(name).args(args).output().unwrap().status.success());
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "x"]);
    fs::remove_file(dir.path().join("queries").join(format!("{REMOVED}.sql"))).unwrap();
    let edited = dir.path().join("queries").join(format!("{EDITED}.sql"));
    let text = fs::read_to_string(&edited).unwrap();
    let title = text.lines().find(|line| line.starts_with("title.en = ")).unwrap();
    fs::write(&edited, text.replace(title, "title.en = \"Another title\"")).unwrap();
    said(&permitwatch_in(dir.path(), "generate --out feeds --persons 600 --years 3 --seed 1"), 0);
    dir
});

const REMOVED: &str = "study-interrupted";
const EDITED: &str = "no-arrival-after-grant";

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

fn permitwatch(line: &str, code: i32) -> String {
    said(&permitwatch_in(STAGE.path(), line), code)
}

fn lines(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(STAGE.path().join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Of each alert in the log of a replay when it was first raised.
fn raised(arguments: &str, file: &str) -> BTreeMap<String, String> {
    permitwatch(&format!("replay --input feeds --out {file} {arguments}"), 0);
    let mut first = BTreeMap::new();
    for alert in lines(file) {
        let text = |member: &str| alert[member].as_str().unwrap_or_default().to_owned();
        first.entry(text("alert_id")).or_insert_with(|| text("as_of"));
    }
    first
}

fn explained(report: &str) -> Vec<&str> {
    report.lines().filter_map(|line| Some(line.split_once("permitwatch explain ")?.1)).collect()
}

#[test]
fn the_same_rules_say_the_same() {
    let report = permitwatch("diff queries --input feeds --max-new 0", 0);
    assert!(report.contains("the rules are the same in both"), "{report}");
    // A draft is run only where it is asked for by name.
    let listed = permitwatch("rules list", 0).lines().filter(|line| !line.contains("  draft  ")).count() - 1;
    assert!(report.contains(&format!("\n{listed} rules ")) && explained(&report).is_empty(), "{report}");
}

#[test]
fn a_rule_that_goes_live_is_told_as_new_to_officers() {
    const RULE: &str = "salary-drop";
    let (here, trial) = (STAGE.path().join("queries"), STAGE.path().join("on-trial"));
    copy(&here, &trial);
    let file = trial.join(format!("{RULE}.sql"));
    let (id, text) = (format!("id = \"{RULE}\"\n"), fs::read_to_string(&file).unwrap());
    assert!(text.contains(&id), "{text}");
    let staged = format!("{id}stage = \"shadow\"\nstage_since = 2026-09-01\n");
    fs::write(&file, text.replacen(&id, &staged, 1)).unwrap();
    let promoted = raised(&format!("--rules on-trial --rule {RULE}"), "on-trial.ndjson").len();
    assert!(promoted > 0 && lines("on-trial.ndjson").iter().all(|line| line["stage"] == "shadow"));
    raised(&format!("--rule {RULE}"), "live.ndjson");
    assert!(lines("live.ndjson").iter().all(|line| line.get("stage").is_none()));
    let report = permitwatch(&format!("diff on-trial queries --input feeds --max-new {promoted}"), 0);
    for words in [
        format!("they differ in {RULE} (shadow in A, live in B)\n"),
        format!("{RULE} goes live in B: officers get its {promoted} alerts, all new to them\n"),
        format!("{RULE}, new to officers in B: {promoted} alerts\n"),
    ] {
        assert!(report.contains(&words), "{words}: {report}");
    }
    let more = format!("diff on-trial queries --input feeds --rule {RULE} --max-new {}", promoted - 1);
    permitwatch(&more, 1);
    let back = permitwatch(&format!("diff queries on-trial --input feeds --rule {RULE} --max-new 0"), 0);
    assert!(back.contains(&format!("{RULE} goes on trial in B: officers lose its {promoted} alerts\n")), "{back}");
    // Retired it is run only where it is asked for.
    fs::write(&file, text.replacen(&id, &staged.replace("shadow", "retired"), 1)).unwrap();
    let left_out = permitwatch("replay --rules on-trial --input feeds --out all.ndjson", 0);
    assert!(left_out.contains(&format!("{RULE} (retired)")) && left_out.contains(" (draft)"), "{left_out}");
    assert!(lines("all.ndjson").iter().all(|line| line["rule_id"] != RULE));
    assert_eq!(raised(&format!("--rules on-trial --rule {RULE}"), "retired.ndjson").len(), promoted);
}

#[test]
fn another_threshold_is_compared_as_two_replays_would_be() {
    let arguments = "--rule work-not-started --rule salary-drop --rule salary-below-floor --rule study-low-progress";
    let set = ["work-not-started.months=3", "salary-drop.drop_pct=85", "salary-below-floor.tolerance_pct=100"];
    let with = |option: &str| set.map(|value| format!(" {option} {value}")).concat();
    let before = raised(arguments, "before.ndjson");
    let after = raised(&format!("{arguments}{}", with("--set")), "after.ndjson");
    let line = format!("diff git:HEAD --input feeds {arguments}{} --out diff.ndjson --examples 1", with("--set-b"));
    let report = permitwatch(&line, 0);
    let file = STAGE.path().join("diff.ndjson");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let told = lines("diff.ndjson");
    let of_kind = |kind: &str| -> BTreeSet<&str> {
        let has = |line: &&Value| line["differences"].as_array().unwrap().iter().any(|own| own == kind);
        told.iter().filter(has).map(|line| line["alert_id"].as_str().unwrap()).collect()
    };
    let ids = |wanted: &dyn Fn(&str) -> bool| -> BTreeSet<&str> {
        before.keys().chain(after.keys()).map(String::as_str).filter(|id| wanted(id)).collect()
    };
    assert_eq!(of_kind("only_b"), ids(&|id| !before.contains_key(id)));
    assert_eq!(of_kind("only_a"), ids(&|id| !after.contains_key(id)));
    let moved = |id: &str, is: fn(&String, &String) -> bool| {
        before.get(id).zip(after.get(id)).is_some_and(|(before, after)| is(after, before))
    };
    assert_eq!(of_kind("earlier"), ids(&|id| moved(id, |after, before| after < before)));
    assert_eq!(of_kind("later"), ids(&|id| moved(id, |after, before| after > before)));
    assert!(["only_a", "only_b", "earlier"].iter().all(|kind| !of_kind(kind).is_empty()), "{report}");
    assert!(told.iter().all(|line| line["rule_id"] != "study-low-progress"), "{report}");
    assert!(report.contains("they differ in salary-below-floor (parameters), salary-drop (parameters)"), "{report}");

    let examples = explained(&report);
    assert!(examples.len() >= 4, "{report}");
    for example in examples {
        let page = permitwatch(&format!("explain {example}"), 0);
        assert!(page.contains(example.split(' ').next().unwrap()), "{page}");
    }

    let new = of_kind("only_b").len();
    assert!(new > 0, "{report}");
    permitwatch(&format!("{line} --max-new {new}"), 0);
    let refused = permitwatch(&format!("{line} --max-new {}", new - 1), 1);
    assert!(refused.contains(&format!("raised only in B, more than {} (--max-new)", new - 1)), "{refused}");
}

#[test]
fn rules_are_held_against_those_of_a_revision() {
    let report = permitwatch("diff git:HEAD --input feeds --examples 1 --out edited.ndjson", 0);
    assert!(report.contains("A: git:HEAD\nB: queries\n"), "{report}");
    assert!(
        report.contains(&format!("{REMOVED} (only in A)")) && report.contains(&format!("{EDITED} (text)")),
        "{report}"
    );
    assert!(!report.contains("words.toml"), "{report}");
    let kinds: BTreeSet<String> = lines("edited.ndjson")
        .iter()
        .map(|line| format!("{} {}", line["rule_id"].as_str().unwrap(), line["differences"]))
        .collect();
    let expected = [format!("{EDITED} [\"says\"]"), format!("{REMOVED} [\"only_a\"]")];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected);
    let examples = explained(&report);
    assert!(examples.iter().any(|example| example.contains("--rules git:HEAD --rule")), "{report}");
    for example in examples {
        permitwatch(&format!("explain {example}"), 0);
    }
    let alone = permitwatch(&format!("diff git:HEAD --input feeds --rule {REMOVED} --examples 0"), 0);
    assert!(alone.contains(&format!("{REMOVED} (only in A)")) && explained(&alone).is_empty(), "{alone}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    for (line, words, code) in [
        ("diff git:nowhere --input feeds", "git knows no revision \"nowhere\"", 1),
        ("diff git:HEAD:rules --input feeds", "revision \"HEAD\" has no folder rules", 1),
        ("diff no-such-folder --input feeds", "cannot load the rules in no-such-folder", 1),
        ("diff queries --input no-such-folder", "no-such-folder", 1),
        ("diff queries --input feeds --rule no-such-rule", "no-such-rule", 1),
        ("diff queries --input feeds --set-b work-not-started.weeks=1", "no such parameter", 1),
        ("diff queries --input feeds --set-b work-not-started", "write rule-id.parameter=value", 2),
        ("diff queries --input feeds --max-new some", "invalid value", 2),
        ("diff --input feeds", "required arguments", 2),
        ("diff queries --input feeds --out queries/no-arrival-after-grant.sql", "would be overwritten", 1),
    ] {
        let report = permitwatch(line, code);
        assert!(report.contains(words), "{line}: {report}");
    }
}

//! Aim: what a feed has not spoken about is not said: an absence waits for its feed in a replay, in the batch query and in DuckDB alike, and
//! a recording that is not whole is refused or named as such.
//! Method: generated recordings of which a feed is cut, empty, without clock messages or not there; one worker whose pay is no longer told of.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use permitwatch::generate::{Body, Dataset, Message, Options, generate, write};
use permitwatch::model::alert::Status;
use permitwatch::model::schema::Feed;
use permitwatch::model::sets::FeedSet;
use permitwatch::model::time::{KnownTime, parse_time};
use permitwatch::source::files::{Recorded, ndjson_path};
use permitwatch::tools::replay::{self, Replayed, Tables, Waiting};
use tempfile::TempDir;

use crate::drive::{catalogue, difference, log_bytes, sorted, timeline_options, visibility};

fn at(time: &str) -> KnownTime {
    KnownTime(parse_time(time).unwrap())
}

fn timeline<'a>(recorded: impl Into<Recorded<'a>>, partitions: i32, as_of: KnownTime) -> Replayed {
    let replayed = replay::timeline(recorded, &catalogue(), &timeline_options(partitions, as_of));
    replayed.unwrap_or_else(|error| panic!("{error}"))
}

static WHOLE: LazyLock<Dataset> = LazyLock::new(|| generate(&Options::new(250, 3, 11)));

fn end() -> KnownTime {
    KnownTime(WHOLE.feeds.iter().flatten().map(|message| message.known_time).max().unwrap())
}

/// The recording with the messages of a feed that are kept.
fn recording(feed: Feed, keep: impl Fn(&Message) -> bool) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut dataset = WHOLE.clone();
    dataset.feeds[feed.index()].retain(keep);
    write(&dataset, dir.path()).unwrap();
    dir
}

/// Both modes at some clocks; gives what the timeline said at the last.
fn assert_agree<'a>(recorded: impl Into<Recorded<'a>>) -> Replayed {
    let recorded = recorded.into();
    let tables = Tables::read(recorded).unwrap();
    let mut last = None;
    for days_before in [400, 90, 0] {
        let as_of = KnownTime(end().0 - days_before * 86_400_000_000);
        let replayed = timeline(recorded, 1, as_of);
        let batch = replay::batch_with_clocks(&tables, &catalogue(), &visibility(), as_of).unwrap();
        let engine = sorted(replayed.standing.clone());
        assert!(engine == batch.standing, "engine (first), batch (second):\n{}", difference(&engine, &batch.standing));
        let rules = |waiting: &Waiting| waiting.rules.clone();
        assert_eq!(rules(&replayed.waiting), rules(&Waiting::of_batch(&batch)), "what waits");
        last = Some(replayed);
    }
    last.unwrap()
}

#[test]
fn a_feed_that_falls_silent_holds_back_what_rests_on_its_silence_in_both_modes() {
    let whole = recording(Feed::Payments, |_| true);
    let whole = assert_agree(whole.path());
    assert!(whole.waiting.rules.is_empty(), "{:?}", whole.waiting.lines());
    let half = end().0 - 400 * 86_400_000_000;
    let from = KnownTime(half + 40 * 86_400_000_000).to_string();
    let mut fewer = 0;
    for feed in [Feed::Payments, Feed::Studies, Feed::Border] {
        let cut = recording(feed, |message| message.known_time <= half);
        let replayed = assert_agree(cut.path());
        let held: BTreeSet<&str> =
            replayed.waiting.rules.iter().filter(|(_, (units, _))| *units > 0).map(|(rule, _)| rule.as_str()).collect();
        assert!(!held.is_empty() && replayed.waiting.rules.values().all(|(_, slowest)| *slowest == feed), "{feed:?}");
        assert!(
            replayed.waiting.lines().iter().all(|line| line.starts_with(feed.name())),
            "{:?}",
            replayed.waiting.lines()
        );
        let raised = |replayed: &Replayed| {
            let of_held = replayed.log.iter().filter(|alert| held.contains(alert.rule_id.as_str()));
            of_held.filter(|alert| alert.status == Status::Raised && alert.as_of > from).count()
        };
        println!("{}: {} rules wait; raised {} of {}", feed.name(), held.len(), raised(&replayed), raised(&whole));
        fewer += raised(&whole).saturating_sub(raised(&replayed));
        // Wherever it is cut and whatever the partitions, the same log.
        let other = timeline(cut.path(), 3, end());
        assert!(log_bytes(other.log) == log_bytes(replayed.log), "{feed:?}: another log in three partitions");
    }
    assert!(fewer > 10, "only {fewer} alerts waited");
}

#[test]
fn without_clock_messages_a_feed_has_spoken_to_its_last_record() {
    let dir = recording(Feed::Payments, |message| !matches!(message.body, Body::Clock));
    assert_agree(dir.path());
    // And without the file that holds clocks nothing else is known of the others either.
    fs::remove_file(dir.path().join("parquet/clocks.parquet")).unwrap();
    let tables = Tables::read(dir.path().into()).unwrap();
    let batch = replay::batch_with_clocks(&tables, &catalogue(), &visibility(), end()).unwrap();
    assert!(batch.clocks.values().flatten().all(|clock| *clock < end()), "{:?}", batch.clocks);
}

#[test]
fn an_absent_feed_is_refused_or_named_and_then_waited_for() {
    let dir = recording(Feed::Border, |_| true);
    let path = ndjson_path(dir.path(), Feed::Border);
    fs::rename(&path, path.with_file_name("borders.ndjson")).unwrap();
    let error = replay::timeline(dir.path(), &catalogue(), &timeline_options(1, end())).unwrap_err().to_string();
    assert!(
        error.contains("border.ndjson") && error.contains("borders.ndjson") && error.contains("--absent border"),
        "{error}"
    );
    fs::remove_file(dir.path().join("parquet/border.parquet")).unwrap();
    let error = Tables::read(dir.path().into()).unwrap_err().to_string();
    assert!(error.contains("border.parquet") && error.contains("--absent border"), "{error}");
    let absent = Recorded { absent: FeedSet::of([Feed::Border]), ..dir.path().into() };
    let replayed = assert_agree(absent);
    assert_eq!(replayed.waiting.clocks[&Feed::Border], None);
    let lines = replayed.waiting.lines();
    assert!(lines.iter().any(|line| line.starts_with("border has said nothing")), "{lines:?}");
    let empty = recording(Feed::Border, |_| false);
    let said_nothing = assert_agree(empty.path());
    assert!(log_bytes(said_nothing.log) == log_bytes(replayed.log), "an empty feed is one that has said nothing");
}

#[test]
fn a_directory_without_tables_is_no_answer() {
    let dir = recording(Feed::Border, |_| true);
    fs::remove_dir_all(dir.path().join("parquet")).unwrap();
    let error = replay::batch(dir.path(), &catalogue(), &visibility(), end()).unwrap_err().to_string();
    assert!(error.contains("parquet") && error.contains("no such directory"), "{error}");
    let error = replay::timeline(&dir.path().join("ndjson"), &catalogue(), &timeline_options(1, end()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("no such directory"), "{error}");
}

fn line(key: &str, known: &str, value: &str) -> String {
    format!("{{\"key\":\"{key}\",\"known_time\":\"{known}\",\"value\":{value}}}\n")
}

fn envelope(table: &str, key: &str, day: &str, source: &str) -> String {
    format!(
        "\"table\":\"{table}\",\"schema_ver\":1,\"record_key\":\"{key}\",\"version\":1,\"op\":\"upsert\",\"event_time\":\"{day}\",\
         \"registered_at\":\"{day}T03:00:00Z\",\"source\":\"{source}\",\"purpose\":\"permit_control\",\"secrecy_class\":0"
    )
}

/// A worker with pay to September 2024; `payments_say` is what else the payments feed says.
fn worker(dir: &Path, payments_say: &str) {
    fs::create_dir_all(dir.join("ndjson")).unwrap();
    let clock = |known: &str| format!("{{\"key\":null,\"known_time\":\"{known}\",\"value\":null}}\n");
    let permit = line(
        "w-1",
        "2024-02-01T06:00:00Z",
        &format!(
            "{{{},\"permit_id\":\"W1\",\"permit_class\":\"WORK_EMP\",\"first_grant\":true,\"application_on\":\"2023-12-02\",\
             \"decided_on\":\"2024-01-31\",\"valid_from\":\"2024-03-01\",\"valid_to\":\"2026-02-27\",\"floor_sek\":27360,\
             \"offered_sek\":30000,\"work_right\":\"employer\"}}",
            envelope("permits", "W1", "2024-01-31", "mv")
        ),
    );
    let mut pay = String::new();
    for month in 3..=9 {
        let known = format!("2024-{:02}-12", month + 1);
        pay += &line(
            "w-1",
            &format!("{known}T09:00:00Z"),
            &format!(
                "{{{},\"kind\":\"salary\",\"payer_id\":\"165560123456\",\"month\":\"2024-{month:02}\",\"amount_sek\":30000}}",
                envelope("payments", &format!("m{month}"), &known, "agi")
            ),
        );
    }
    for feed in Feed::SOURCES {
        let text = match feed {
            Feed::Permits => permit.clone() + &clock("2026-03-01T00:00:00Z"),
            Feed::Payments => format!("{pay}{payments_say}"),
            _ => clock("2026-03-01T00:00:00Z"),
        };
        fs::write(ndjson_path(dir, feed), text).unwrap();
    }
}

#[test]
fn nobody_is_said_to_be_without_pay_because_the_payments_are_not_told_of() {
    let raised = |says: &str| {
        let dir = tempfile::tempdir().unwrap();
        worker(dir.path(), says);
        let replayed = timeline(dir.path(), 1, at("2026-03-01"));
        // The payer is none of the permit's, which is another matter and no absence.
        let of_pay = replayed.log.iter().filter(|alert| alert.rule_id != "employer-mismatch");
        let raised: Vec<String> = of_pay.map(|alert| format!("{} {}", alert.rule_id, &alert.as_of[..10])).collect();
        (raised, replayed.waiting.lines())
    };
    let (silent, waits) = raised("");
    assert!(silent.is_empty(), "{silent:?}");
    assert!(waits.len() == 1 && waits[0].starts_with("payments has spoken until 2024-10-12"), "{waits:?}");
    assert!(waits[0].contains("employment-ended (1)"), "{waits:?}");
    let (spoken, waits) = raised("{\"key\":null,\"known_time\":\"2026-03-01T00:00:00Z\",\"value\":null}\n");
    assert!(spoken.iter().any(|alert| alert.starts_with("employment-ended 202")), "{spoken:?}");
    assert!(waits.is_empty(), "{waits:?}");
}

fn permitwatch(args: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_permitwatch"));
    let output = command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_command_says_what_waits_what_was_set_aside_and_what_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let pay = |key: &str, known: &str, members: &str| {
        let value = format!(
            "{{{},\"kind\":\"salary\",\"payer_id\":\"165560123456\",{members}}}",
            envelope("payments", key, known, "agi")
        );
        line("w-1", &format!("{known}T09:00:00Z"), &value)
    };
    let bad = pay("x1", "2024-11-12", "\"month\":\"2024-10-15\",\"amount_sek\":30000")
        + "\n"
        + &pay("x2", "2024-11-12", "\"month\":\"2024-10\",\"amount_sek\":\"30 000\"")
        // The last line fell; the greatest is the one before it.
        + &pay("x3", "2024-09-01", "\"month\":\"2024-10\",\"amount_sek\":30000,\"typo\":1");
    worker(dir.path(), &bad);
    let input = dir.path().display().to_string();
    fs::write(dir.path().join("ndjson/payments_2025.ndjson"), "").unwrap();
    let out = dir.path().join("aside.ndjson").display().to_string();
    let (good, text) = permitwatch(&["replay", "--input", &input, "--quarantine", &out]);
    assert!(good, "{text}");
    for part in [
        "timeline as of 2026-03-01T00:00:00.000000Z",
        "payments_2025.ndjson is not read",
        "payments has spoken until 2024-11-12T09:00:00.000000Z",
        "a day that cannot be",
        "payments: 1 member that the schema does not know",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let aside = fs::read_to_string(&out).unwrap();
    let entries: Vec<serde_json::Value> = aside.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let places: Vec<_> =
        entries.iter().map(|entry| (entry["line"].as_i64().unwrap(), entry["member"].as_str().unwrap())).collect();
    // Seven months of pay come first; a blank line counts.
    assert_eq!(places, [(8, "month"), (10, "amount_sek")], "{aside}");
    assert!(entries[0]["file"].as_str().unwrap().ends_with("payments.ndjson") && !aside.contains("30 000"), "{aside}");

    let (good, text) = permitwatch(&["replay", "--input", &input, "--absent", "border"]);
    assert!(!good && text.contains("border is said to be absent"), "{text}");
    let (good, text) = permitwatch(&["replay", "--input", &input, "--absent", "borders"]);
    assert!(!good && text.contains("there is no such feed"), "{text}");
    fs::remove_file(ndjson_path(dir.path(), Feed::Border)).unwrap();
    let (good, text) = permitwatch(&["replay", "--input", &input, "--absent", "border"]);
    assert!(good && text.contains("border is absent"), "{text}");
    let (good, text) = permitwatch(&["replay", "--input", &input, "--mode", "batch"]);
    assert!(!good && text.contains("parquet"), "{text}");
    let (good, text) = permitwatch(&["explain", "--permit", "W1", "--input", &input, "--absent", "border"]);
    assert!(good && text.contains("awaits that these feeds speak so far") && text.contains("nothing yet"), "{text}");
}

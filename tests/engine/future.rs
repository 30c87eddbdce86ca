//! Aim: a message stamped in years to come, a clock message or a record, in any feed, moves no clock, raises and clears nothing, and
//! stands in the quarantine; what comes after it is read as if it were not there. So does a line of a recording; a file of tables is
//! refused.
//! Method: a small population with and without such messages in every feed.

use std::sync::LazyLock;

use permitwatch::generate::{self, Body, Dataset, Options, generate};
use permitwatch::model::record::{Message, Reason};
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{KnownTime, parse_time};
use permitwatch::oracle::StandingRow;
use permitwatch::rules::RuleSet;
use permitwatch::shard::Order;
use permitwatch::source::files::{Recorded, last_known_time, spoken};
use permitwatch::tools::replay::{self, Replayed, Tables, standing_rows};

use crate::drive::{catalogue, difference, log_bytes, messages_of, plan, shard, sorted, timeline_options};

struct Outcome {
    standing: Vec<StandingRow>,
    clocks: [KnownTime; Feed::COUNT],
    future: Vec<Feed>,
}

fn messages() -> Vec<Message> {
    let dataset = generate(&Options { garbage: 0, outside_pct: 20, ..Options::new(120, 2, 3) });
    let mut messages = messages_of(&dataset);
    messages.sort_by_key(|message| (message.known_time, message.feed));
    messages
}

/// Copies of every feed's messages with a timestamp of 2099, each where the one that it copies stands.
fn poisoned(messages: &[Message]) -> (Vec<Message>, Vec<Feed>) {
    let claimed = KnownTime(parse_time("2099-01-01").unwrap());
    let mut out = Vec::new();
    let mut planted = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        out.push(message.clone());
        if at % 97 == 0 {
            planted.push(message.feed);
            out.push(Message { claimed_time: Some(claimed), ..message.clone() });
            planted.push(message.feed);
            let clock = Message { key: None, payload: None, ..message.clone() };
            out.push(Message { claimed_time: Some(claimed), ..clock });
        }
    }
    (out, planted)
}

/// Takes them as a running detector does, so many at a time.
fn run(rules: RuleSet, messages: &[Message]) -> (RuleSet, Outcome) {
    let mut shard = shard(Order::Live, rules);
    let mut future = Vec::new();
    for chunk in messages.chunks(500) {
        for message in chunk {
            shard.take(message);
        }
        shard.settle_live();
        let quarantined = shard.take_quarantined().into_iter();
        future.extend(
            quarantined.filter(|entry| entry.reason == Reason::FutureKnownTime).map(|entry| entry.coordinates.feed),
        );
    }
    let fates = shard.take_fates();
    assert_eq!(fates.total(), messages.len() as u64, "a message has no fate, or two");
    let outcome = Outcome {
        standing: sorted(standing_rows(&shard)),
        clocks: Feed::ALL.map(|feed| shard.clocks().feed(feed)),
        future,
    };
    (shard.into_rule_set(), outcome)
}

#[test]
fn what_is_stamped_in_the_future_moves_nothing() {
    let messages = messages();
    let (poisoned, planted) = poisoned(&messages);
    let (rules, sound) = run(plan(&catalogue()), &messages);
    let (_, outcome) = run(rules, &poisoned);
    assert!(sound.standing.len() > 10 && sound.future.is_empty());
    assert!(
        sound.standing == outcome.standing,
        "sound (first), poisoned (second):\n{}",
        difference(&sound.standing, &outcome.standing)
    );
    assert_eq!(sound.clocks, outcome.clocks);
    for feed in Feed::SOURCES {
        let of = |feeds: &[Feed]| feeds.iter().filter(|one| **one == feed).count();
        let (set_aside, planted) = (of(&outcome.future), of(&planted));
        assert!(planted > 0, "{}: nothing was planted", feed.name());
        // What is about nobody in the population is filtered by its key, whatever its time.
        assert!(set_aside >= planted / 2 && set_aside <= planted, "{}: {set_aside} of {planted}", feed.name());
    }
    println!("{} messages of 2099 among {}, {} set aside", planted.len(), poisoned.len(), outcome.future.len());
}

static DATASET: LazyLock<Dataset> =
    LazyLock::new(|| generate(&Options { garbage: 0, outside_pct: 20, ..Options::new(120, 2, 3) }));

/// The recording with a record and a clock of 2099 before, among and behind each feed's messages.
fn poisoned_recording() -> Dataset {
    let far = parse_time("2099-01-01").unwrap();
    let mut dataset = DATASET.clone();
    for messages in &mut dataset.feeds {
        let Some(like) = messages.iter().find(|message| message.key.is_some()).cloned() else { continue };
        for at in [messages.len(), messages.len() / 2, 0] {
            messages.insert(at, generate::Message { known_time: far, ..like.clone() });
            messages.insert(at, generate::Message { known_time: far, key: None, body: Body::Clock, ..like.clone() });
        }
    }
    dataset
}

fn timeline(dir: &tempfile::TempDir, partitions: i32) -> Replayed {
    let as_of = last_known_time(dir.path()).unwrap().unwrap();
    let options = timeline_options(partitions, as_of);
    replay::timeline(dir.path(), &catalogue(), &options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn nothing_was_recorded_in_the_future() {
    let (sound, poisoned) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    generate::write(&DATASET, sound.path()).unwrap();
    generate::write(&poisoned_recording(), poisoned.path()).unwrap();
    assert_eq!(spoken(sound.path()).unwrap(), spoken(poisoned.path()).unwrap());
    let named = Recorded::from(poisoned.path()).read_as_of(parse_time("2100-01-01").map(KnownTime));
    assert_eq!(last_known_time(named).unwrap().map(|at| at.0), parse_time("2099-01-01"), "a clock that the user names");
    let said = timeline(&sound, 1);
    assert!(said.log.len() > 10);
    let others = |replayed: &Replayed| {
        let reasons = replayed.quarantined.iter().map(|entry| entry.reason);
        reasons.filter(|reason| *reason != Reason::FutureKnownTime).count()
    };
    assert_eq!(others(&said), said.quarantined.len(), "the sound recording has none of the future");
    let (set_aside_in_both, said) = (others(&said), log_bytes(said.log));
    for partitions in [1, 3] {
        let replayed = timeline(&poisoned, partitions);
        assert_eq!(others(&replayed), set_aside_in_both);
        let mut told = replay::set_aside(poisoned.path(), &replayed.quarantined);
        told.retain(|entry| entry.reason == "future_known_time");
        assert!(told.iter().all(|entry| entry.known_time.starts_with("2099")));
        let says_something = |feed: &Feed| DATASET.messages(*feed).iter().any(|message| message.key.is_some());
        for feed in Feed::SOURCES.into_iter().filter(says_something) {
            let lines: Vec<i64> =
                told.iter().filter(|entry| entry.feed == feed.name()).filter_map(|entry| entry.line).collect();
            assert!(lines.contains(&1) && lines.len() >= 3, "{partitions} partitions, {}: {lines:?}", feed.name());
        }
        assert!(log_bytes(replayed.log) == said, "{partitions} partitions: another log");
    }
}

#[test]
fn tables_with_rows_of_the_future_are_refused_by_row() {
    let dir = tempfile::tempdir().unwrap();
    generate::write(&poisoned_recording(), dir.path()).unwrap();
    let error = Tables::read(dir.path().into()).unwrap_err().to_string();
    for part in ["payments.parquet", "clocks.parquet", "column known_time", "lies ahead of", "row 0"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let named = Recorded::from(dir.path()).read_as_of(parse_time("2100-01-01").map(KnownTime));
    let error = Tables::read(named).unwrap_err().to_string();
    assert!(
        !error.contains("lies ahead of") && error.contains("known_time falls"),
        "a clock that the user names: {error}"
    );
}

//! Aim: a shard that goes on from a checkpoint does what it would have done without, whatever rules it then has; what is damaged is named
//! and not read.
//! Method: live order over a generated population, cut into settlings; at some of them the shard is written as a generation, read back and
//! continued, beside one that just goes on. Files of a small checkpoint with each byte changed, and each length.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use permitwatch::checkpoint::block::Kind;
use permitwatch::checkpoint::directory::Directory;
use permitwatch::checkpoint::manifest::{Manifest, Read};
use permitwatch::checkpoint::reader::{Found, newest};
use permitwatch::checkpoint::writer::{Done, Own, Taken, Writer};
use permitwatch::checkpoint::{CheckpointError, manifest};
use permitwatch::config::Config;
use permitwatch::model::alert::{Alert, AlertId};
use permitwatch::model::record::{Message, Record};
use permitwatch::model::schema::Feed;
use permitwatch::model::time::KnownTime;
use permitwatch::pseudonyms::Pseudonyms;
use permitwatch::rules::RuleSet;
use permitwatch::shard::saved::Restored;
use permitwatch::shard::{Order, Settings, Shard};
use permitwatch::tools::cases::Recording;
use permitwatch::tools::replay::standing_rows;

use crate::drive::{
    Dice, SEED, case_file, catalogue, messages_of, plan, records_of, repository, shard, sorted, visibility,
};
use crate::population::RECORDED;

const PROGRAM: &str = "the program of the tests";

/// A shard in live order, with what it has said.
pub struct Live {
    pub shard: Shard,
    pub log: Vec<Alert>,
    pub shown: Vec<Record>,
}

impl Live {
    pub fn new(rules: RuleSet) -> Live {
        Live { shard: shard(Order::Live, rules), log: Vec::new(), shown: Vec::new() }
    }

    /// Takes messages, and settles as of `until`.
    pub fn settle(&mut self, messages: &[&Message], until: i64) {
        messages.iter().for_each(|message| self.shard.take(*message));
        Feed::ALL.into_iter().for_each(|feed| self.shard.advance_clock(feed, KnownTime(until)));
        // The rows that units show come back with the next settling, as from a topic.
        for _ in 0..3 {
            self.log.extend(self.shard.settle_live().into_iter().map(|emitted| emitted.alert));
            let shown = self.shard.take_outgoing();
            self.shard.take_linked(&shown);
            self.shown.extend(shown);
        }
        while self.shard.rework_left() > 0 {
            self.log.extend(self.shard.settle_live().into_iter().map(|emitted| emitted.alert));
        }
    }

    /// Goes on in a shard that has been read from a checkpoint. Sequences come from the alerts topic.
    pub fn go_on(&mut self, mut shard: Shard) -> RuleSet {
        for alert in &self.log {
            let id = AlertId::from_hex(&alert.alert_id).unwrap();
            shard.detector_mut().set_sequence(alert.outlet(), id, alert.sequence);
        }
        std::mem::replace(&mut self.shard, shard).into_rule_set()
    }
}

fn settings() -> Settings {
    Settings {
        number: 0,
        partitions: None,
        order: Order::Live,
        visibility: visibility(),
        limits: Config::default().limits,
        max_rule_errors: 1,
        pseudonyms: keys(),
    }
}

fn keys() -> Arc<Pseudonyms> {
    Arc::new(Pseudonyms::new("a key of the tests, thirty-two bytes", "1"))
}

/// A writer of the tests' shard that goes on after `last`.
pub fn writer(root: &Path, last: Option<Manifest>) -> Writer {
    let own =
        Own { root: root.to_owned(), shard: 0, partitions: 1, program: PROGRAM.into(), keys: keys(), keep: 3, last };
    Writer::start(own, || true).unwrap()
}

fn taken(shard: &mut Shard) -> Taken {
    Taken {
        captured: shard.capture(),
        read: Read::default(),
        taken_at: "2026-01-01T00:00:00Z".into(),
        clock: String::new(),
        persons: 0,
        records: 0,
        standing: 0,
    }
}

/// Writes what has changed in a shard, and waits for it.
pub fn write(writer: &mut Writer, shard: &mut Shard) -> u64 {
    assert!(writer.write(Box::new(taken(shard))));
    let outcome = writer.outcome(std::time::Duration::from_secs(60)).expect("it is written");
    match outcome.unwrap_or_else(|error| panic!("{error}")) {
        Done::Written(written) => written.generation,
        Done::Holds => panic!("nothing was written"),
    }
}

fn read(root: &Path) -> Found {
    newest(root, 0, &keys(), |_| Ok(())).unwrap_or_else(|error| panic!("{error}"))
}

pub fn restore(root: &Path, rules: RuleSet) -> (Shard, Restored, Manifest) {
    let found = read(root);
    assert!(found.damaged.is_empty(), "{:?}", found.damaged);
    let loaded = found.loaded.unwrap();
    let manifest = loaded.manifest.clone();
    let (shard, restored) = loaded.restore(settings(), rules, PROGRAM).unwrap_or_else(|error| panic!("{error}"));
    (shard, restored, manifest)
}

/// The recorded population's messages in the order in which a shard takes them.
fn messages() -> Vec<Message> {
    let mut messages = messages_of(&RECORDED.dataset);
    messages.sort_by_key(|message| (message.known_time, message.feed.index(), message.offset.0));
    messages
}

#[test]
fn a_shard_goes_on_from_a_checkpoint_as_if_it_had_never_stopped() {
    let messages = messages();
    let all: Vec<&Message> = messages.iter().collect();
    let catalogue = catalogue();
    let (mut straight, mut restarted) = (Live::new(plan(&catalogue)), Live::new(plan(&catalogue)));
    let dir = tempfile::tempdir().unwrap();
    let mut writing = writer(dir.path(), None);
    let mut dice = Dice(SEED);
    let mut rest = all.as_slice();
    let (mut starts, mut generations) = (0, 0);
    while !rest.is_empty() {
        let cut = (50 + dice.below(600)).min(rest.len());
        // Messages of one instant stay together, so that the clock says nothing that is not true.
        let last = rest[cut - 1].known_time;
        let (now, later) = rest.split_at(rest.partition_point(|message| message.known_time <= last));
        rest = later;
        straight.settle(now, last.0);
        restarted.settle(now, last.0);
        assert_eq!(restarted.log, straight.log, "after {starts} starts");
        assert_eq!(restarted.shown, straight.shown);
        match dice.below(3) {
            0 => {}
            1 => {
                write(&mut writing, &mut restarted.shard);
                generations += 1;
            }
            _ => {
                write(&mut writing, &mut restarted.shard);
                generations += 1;
                let (back, restored, manifest) = restore(dir.path(), plan(&catalogue));
                assert_eq!(restored, Restored::default(), "the same rules by the same program");
                restarted.go_on(back);
                writing = writer(dir.path(), Some(manifest));
                starts += 1;
            }
        }
    }
    assert_eq!(sorted(standing_rows(&restarted.shard)), sorted(standing_rows(&straight.shard)));
    let files = std::fs::read_dir(Directory::of(dir.path(), 0).path()).unwrap().count();
    println!(
        "{} alerts and {} link records, {starts} starts, {generations} generations, {files} files",
        straight.log.len(),
        straight.shown.len()
    );
    assert!(starts >= 10 && straight.log.len() > 200 && straight.shown.len() > 500, "{starts} {}", straight.log.len());
    assert!(files < 60, "parts are joined, and what no generation needs is removed: {files}");
}

#[test]
fn other_rules_find_the_state_whole() {
    let messages = messages();
    let all: Vec<&Message> = messages.iter().collect();
    let end = all.last().unwrap().known_time.0;
    let mut before = catalogue();
    before.rules.retain(|rule| rule.header.id != "seasonal-limit" && rule.header.id != "identity-changed");
    let mut set = BTreeMap::new();
    set.insert("study-low-progress.wait_days".to_owned(), 10);
    let mut after =
        permitwatch::catalogue::Catalogue::load(&repository("queries"), &set).unwrap_or_else(|error| panic!("{error}"));
    after.rules.retain(|rule| rule.header.id != "payment-after-permit-end");
    let mut old = Live::new(plan(&before));
    old.settle(&all, end);
    let mut wanted = Live::new(plan(&after));
    wanted.settle(&all, end);
    let dir = tempfile::tempdir().unwrap();
    write(&mut writer(dir.path(), None), &mut old.shard);
    let found = read(dir.path()).loaded.unwrap();
    let (back, restored) = found.restore(settings(), plan(&after), PROGRAM).unwrap();
    println!("evaluated again: {:?}; gone: {:?}", restored.again, restored.gone);
    old.go_on(back);
    old.settle(&[], end);
    assert_eq!(sorted(standing_rows(&old.shard)), sorted(standing_rows(&wanted.shard)));
}

/// A parameter of a rule whose alerts units show to an employer, and another key.
#[test]
fn what_units_show_is_said_anew_under_other_texts_or_another_key() {
    let messages = messages();
    let all: Vec<&Message> = messages.iter().collect();
    let end = all.last().unwrap().known_time.0;
    let before = catalogue();
    let other_key = || Settings {
        pseudonyms: Arc::new(Pseudonyms::new("another key, of at least thirty-two bytes", "2")),
        ..settings()
    };
    let (mut shown_before, mut differs) = (0, 0);
    for (key, months, settings) in [("work-not-started.months", Some(5), settings()), ("", None, other_key())] {
        let set = months.map(|months| (key.to_owned(), months)).into_iter().collect();
        let load = |set: &BTreeMap<String, i64>| {
            permitwatch::catalogue::Catalogue::load(&repository("queries"), set)
                .unwrap_or_else(|error| panic!("{error}"))
        };
        let after = load(&set);
        let mut old = Live::new(plan(&before));
        old.settle(&all, end);
        shown_before += old.shown.len();
        let stood = sorted(standing_rows(&old.shard));
        let mut wanted = Live::new(plan(&after));
        wanted.settle(&all, end);
        let wanted = sorted(standing_rows(&wanted.shard));
        differs += usize::from(wanted != stood);
        let dir = tempfile::tempdir().unwrap();
        write(&mut writer(dir.path(), None), &mut old.shard);
        let (mut back, restored) = read(dir.path()).loaded.unwrap().restore(settings, plan(&after), PROGRAM).unwrap();
        assert!(restored.links_anew);
        back.say_anew();
        let said = old.shown.len();
        old.go_on(back);
        for _ in 0..4 {
            old.settle(&[], end);
        }
        assert!(old.shown.len() > said + 10, "{} after {said}", old.shown.len());
        assert_eq!(sorted(standing_rows(&old.shard)), wanted, "{key}");
        // The next checkpoint is a whole one, which a start can go on from.
        let last = read(dir.path()).loaded.unwrap().manifest;
        write(&mut writer(dir.path(), Some(last)), &mut old.shard);
        let (again, restored, manifest) = restore(dir.path(), plan(&after));
        assert_eq!(manifest.parts.len(), 1);
        assert_eq!(sorted(standing_rows(&again)), wanted, "{key}: {restored:?}");
    }
    println!("{shown_before} rows shown before");
    assert!(differs > 0, "the parameter changes nothing that stands");
}

#[test]
fn another_program_evaluates_every_rule_again() {
    let messages = messages();
    let all: Vec<&Message> = messages.iter().collect();
    let end = all.last().unwrap().known_time.0;
    let mut live = Live::new(plan(&catalogue()));
    live.settle(&all, end);
    let wanted = sorted(standing_rows(&live.shard));
    let dir = tempfile::tempdir().unwrap();
    write(&mut writer(dir.path(), None), &mut live.shard);
    let (back, restored) =
        read(dir.path()).loaded.unwrap().restore(settings(), plan(&catalogue()), "the next release").unwrap();
    assert_eq!(restored.again.len(), back.rules().len());
    live.go_on(back);
    let said = live.log.len();
    live.settle(&[], end);
    assert_eq!(live.log.len(), said, "nothing has changed, so nothing is said");
    assert_eq!(sorted(standing_rows(&live.shard)), wanted);
}

/// A small shard's two generations.
fn small(root: &Path) -> Live {
    let mut catalogue = catalogue();
    catalogue.retain(&["work-not-started"]);
    let file = case_file("work-not-started");
    let mut live = Live::new(plan(&catalogue));
    let mut writing = writer(root, None);
    for (number, case) in file.case.iter().take(2).enumerate() {
        let recording = Recording::new(records_of(&file, case, &format!("c{number:03}")));
        let messages = recording.messages();
        let end = messages.iter().map(|message| message.known_time.0).max().unwrap();
        live.settle(&messages.iter().collect::<Vec<_>>(), end);
        write(&mut writing, &mut live.shard);
    }
    live
}

#[test]
fn every_damage_is_named_and_the_generation_before_is_read() {
    let dir = tempfile::tempdir().unwrap();
    small(dir.path());
    let folder = Directory::of(dir.path(), 0);
    let whole = read(dir.path()).loaded.unwrap().manifest;
    assert_eq!(whole.generation, 2);
    let own: Vec<&str> =
        whole.parts.iter().map(|part| part.file.as_str()).filter(|file| file.contains("0002")).collect();
    let shared = whole.parts.iter().map(|part| part.file.as_str()).find(|file| file.contains("0001")).unwrap();
    let mut tried = 0;
    let mut check = |name: &str, bytes: &[u8], wanted: Option<u64>| {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let found = match newest(dir.path(), 0, &keys(), |_| Ok(())) {
            Ok(found) => found,
            // A flipped bit of the format's number may make it a newer one.
            Err(CheckpointError::Newer { .. }) => return,
            Err(error) => panic!("{error}"),
        };
        let generation = found.loaded.map(|loaded| loaded.manifest.generation);
        assert_eq!(generation, wanted, "{name}: {:?}", found.damaged);
        let words = found.damaged[0].to_string();
        assert!(words.contains(name) || words.contains("manifest") || words.contains("part"), "{words}");
        tried += 1;
    };
    let mut names: Vec<(&str, Option<u64>)> = own.iter().map(|file| (*file, Some(1))).collect();
    names.extend([("manifest-0000000002.json", Some(1)), (shared, None)]);
    for (name, wanted) in names {
        let path = folder.path().join(name);
        let before = std::fs::read(&path).unwrap();
        for at in 0..before.len() {
            let mut bytes = before.clone();
            bytes[at] ^= 1 << (at % 8);
            check(name, &bytes, wanted);
            check(name, &before[..at], wanted);
        }
        std::fs::write(&path, &before).unwrap();
    }
    println!("{tried} damaged files");
    assert!(tried > 4_000, "{tried}");
    assert_eq!(read(dir.path()).loaded.unwrap().manifest, whole);
    let text = std::fs::read_to_string(folder.path().join("manifest-0000000002.json")).unwrap();
    let head = |format: u32| format!("permitwatch-checkpoint {format} ");
    let newer = text.replacen(&head(manifest::FORMAT), &head(manifest::FORMAT + 1), 1);
    std::fs::write(folder.path().join("manifest-0000000002.json"), newer).unwrap();
    let refused = newest(dir.path(), 0, &keys(), |_| Ok(())).err().unwrap().to_string();
    assert!(refused.contains("a newer permitwatch wrote it"), "{refused}");
}

/// Whoever can write to the directory and has no key.
#[test]
fn what_somebody_else_wrote_counts_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    small(dir.path());
    let folder = Directory::of(dir.path(), 0);
    let path = |generation: u64| folder.path().join(format!("manifest-{generation:010}.json"));
    let whole = std::fs::read_to_string(path(2)).unwrap();
    let refused = |text: &str, words: &str| {
        std::fs::write(path(2), text).unwrap();
        let found = read(dir.path());
        assert_eq!(found.loaded.map(|loaded| loaded.manifest.generation), Some(1));
        assert!(found.damaged[0].to_string().contains(words), "{:?} says nothing of {words}", found.damaged);
    };
    let (head, json) = whole.split_once('\n').unwrap();
    let seal = head.rsplit_once(' ').unwrap().1;
    let unsealed = "was not written by a process that has the key";
    let changes = [
        ("\"shard\": 0", "\"shard\": 1"),
        ("\"next\": ", "\"next\": 1"),
        ("\"bytes\": ", "\"bytes\": 9"),
        ("\"standing\": ", "\"standing\": 1"),
        ("\"permits_clock\": ", "\"permits_clock\": 1"),
    ];
    let mut tried = 0;
    for (from, to) in changes.into_iter().filter(|(from, _)| json.contains(from)) {
        let json = json.strip_suffix('\n').unwrap().replacen(from, to, 1);
        let head = format!(
            "permitwatch-checkpoint {} {} {} {seal}",
            manifest::FORMAT,
            json.len(),
            manifest::sha256(json.as_bytes())
        );
        refused(&format!("{head}\n{json}\n"), unsealed);
        tried += 1;
    }
    assert!(tried >= 4, "{tried}");
    let other = Pseudonyms::new("another key of the tests, of more than thirty-two bytes", "1");
    let of_other = Manifest::decode(whole.as_bytes(), "").unwrap().0.encode(&other).unwrap();
    refused(std::str::from_utf8(&of_other).unwrap(), unsealed);
    std::fs::write(path(2), std::fs::read(path(1)).unwrap()).unwrap();
    refused(&std::fs::read_to_string(path(1)).unwrap(), "it is generation 1");
    std::fs::remove_file(path(2)).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(path(2)).status().unwrap().success());
    let found = read(dir.path());
    assert!(found.damaged[0].line().contains("it is not a file"), "{:?}", found.damaged);
    std::fs::remove_file(path(2)).unwrap();
    // The key was changed, and the old one is among those that are read with.
    std::fs::write(path(2), &whole).unwrap();
    let rotated = Pseudonyms::new("another key of the tests, of more than thirty-two bytes", "2")
        .and_older([("a key of the tests, thirty-two bytes", "1")]);
    let found = newest(dir.path(), 0, &rotated, |_| Ok(())).unwrap();
    assert_eq!(found.loaded.map(|loaded| loaded.manifest.generation), Some(2));
}

#[test]
fn files_that_are_gone_are_noticed_while_the_shard_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut live = small(dir.path());
    let folder = Directory::of(dir.path(), 0);
    let last = read(dir.path()).loaded.unwrap().manifest;
    let mut writing = writer(dir.path(), Some(last.clone()));
    let look = |writing: &mut Writer| {
        assert!(writing.look());
        writing.outcome(std::time::Duration::from_secs(60)).expect("it is looked at")
    };
    assert!(matches!(look(&mut writing), Ok(Done::Holds)));
    let part = folder.path().join(&last.parts[0].file);
    std::fs::remove_file(part).unwrap();
    assert!(look(&mut writing).is_err());
    // Neither does a generation come that would name it.
    let taken = |shard: &mut Shard| Box::new(taken(shard));
    assert!(writing.write(taken(&mut live.shard)));
    assert!(writing.outcome(std::time::Duration::from_secs(60)).unwrap().is_err());
    live.shard.capture_whole();
    std::fs::remove_dir_all(dir.path()).unwrap();
    let generation = write(&mut writing, &mut live.shard);
    assert!(generation > last.generation);
    assert!(matches!(look(&mut writing), Ok(Done::Holds)));
    assert_eq!(read(dir.path()).loaded.unwrap().manifest.parts.len(), 1);
}

#[test]
fn a_second_process_in_the_same_directory_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut live = small(dir.path());
    live.shard.capture_whole();
    let mut one = writer(dir.path(), None);
    let generation = write(&mut one, &mut live.shard);
    let mut other = writer(dir.path(), None);
    live.shard.capture_whole();
    assert!(other.write(Box::new(taken(&mut live.shard))));
    let refused = other.outcome(std::time::Duration::from_secs(60)).unwrap().unwrap_err().to_string();
    assert!(refused.contains("another process writes to"), "{refused}");
    assert_eq!(read(dir.path()).loaded.unwrap().manifest.generation, generation);
    drop(one);
    live.shard.capture_whole();
    assert!(write(&mut other, &mut live.shard) > generation, "once the first has gone");
}

/// The checkpoint that the first release of this format wrote. `PERMITWATCH_UPDATE_GOLDEN=1` writes it where there is none.
#[test]
fn the_checkpoint_of_each_format_is_read() {
    let fixtures = repository("tests/checkpoints");
    let newest_format = fixtures.join(format!("format-{}", manifest::FORMAT));
    if std::env::var_os("PERMITWATCH_UPDATE_GOLDEN").is_some() && !newest_format.exists() {
        std::fs::create_dir_all(&newest_format).unwrap();
        small(&newest_format);
    }
    let mut catalogue = catalogue();
    catalogue.retain(&["work-not-started"]);
    for format in 1..=manifest::FORMAT {
        let root = fixtures.join(format!("format-{format}"));
        let loaded = read(&root).loaded.unwrap_or_else(|| panic!("format {format} is not read"));
        assert!(loaded.manifest.parts.iter().flat_map(|part| &part.blocks).any(|block| block.kind == Kind::Tail));
        let (shard, _) = loaded.restore(settings(), plan(&catalogue), PROGRAM).unwrap();
        let dir = tempfile::tempdir().unwrap();
        small(dir.path());
        let (now, ..) = restore(dir.path(), plan(&catalogue));
        assert_eq!(shard.history().person_count(), now.history().person_count());
        assert_eq!(sorted(standing_rows(&shard)), sorted(standing_rows(&now)), "format {format}");
    }
}

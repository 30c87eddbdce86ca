//! Aim: killed at ten moments, the detector ends where an undisturbed one ends, and no transition is missing between; without checkpoints, and
//! with one each second while the feeds are being written (`PERMITWATCH_CRASHES` sets how often it is killed then).
//! Method: SIGKILL when the alerts topic has grown by another share; afterwards compare with a strict replay. What an alert rests on
//! that other units show comes by way of a topic, so in live order one that came and went with it may never have been seen: of these the
//! end alone is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use permitwatch::catalogue::Catalogue;
use permitwatch::config::Config;
use permitwatch::generate::{Dataset, write as record};
use permitwatch::model::alert::{Alert, AlertId, Severity};
use permitwatch::model::schema::Feed;
use permitwatch::model::sets::FeedSet;
use permitwatch::pseudonyms::{Pseudonyms, PublishedAlert};
use permitwatch::rules::RuleSet;
use permitwatch::source::files::last_known_time;
use permitwatch::tools::broker::FeedWriter;
use permitwatch::tools::replay::{Timeline, timeline};
use rdkafka::message::Message as _;

use crate::harness::{World, dataset, keys, write};

const KILLS: u64 = 10;

/// What a strict replay says stands at the end, and every alert that it ever raised from what is known of one unit alone.
pub fn undisturbed(data: &Dataset) -> (BTreeMap<AlertId, Severity>, BTreeMap<String, Vec<Alert>>) {
    let dir = tempfile::tempdir().unwrap();
    record(data, dir.path()).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let catalogue = Catalogue::load(&root.join("queries"), &BTreeMap::new()).unwrap();
    let config = Config::default();
    let options = Timeline {
        visibility: config.visibility(),
        limits: config.limits.clone(),
        max_rule_errors: config.rules.max_errors,
        pseudonyms: Arc::new(Pseudonyms::new("test", "test")),
        partitions: 1,
        batch_messages: 20_000,
        as_of: last_known_time(dir.path()).unwrap().unwrap(),
        profile: false,
    };
    let replayed = timeline(dir.path(), &catalogue, &options).unwrap();
    let standing = replayed.standing.iter().map(|row| (row.alert_id, row.severity)).collect();
    let rules = RuleSet::plan(&catalogue).unwrap();
    let is_alone = |feeds: FeedSet| !Feed::ALL.into_iter().any(|feed| feed.is_internal() && feeds.contains(feed));
    let alone: BTreeSet<&str> =
        rules.rules().iter().filter(|rule| is_alone(rule.feeds)).map(|rule| rule.file.header.id.as_str()).collect();
    let mut raised: BTreeMap<String, Vec<Alert>> = BTreeMap::new();
    for alert in replayed.log.into_iter().filter(|alert| alone.contains(alert.rule_id.as_str())) {
        raised.entry(alert.alert_id.clone()).or_default().push(alert);
    }
    (standing, raised)
}

/// Sequence numbers on the topic, per alert, in order of offset.
pub fn sequences(world: &World) -> BTreeMap<String, Vec<u64>> {
    let mut out: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    world.read(&[world.kafka.alerts_topic()], |message| {
        let alert: PublishedAlert = serde_json::from_slice(message.payload().unwrap()).unwrap();
        let alert = keys().reidentify(alert).unwrap();
        out.entry(alert.alert_id).or_default().push(alert.sequence);
    });
    out
}

#[test]
fn killed_at_ten_moments_it_ends_where_an_undisturbed_one_ends() {
    let data = dataset(400, 2);
    let (standing, raised) = undisturbed(&data);
    assert!(standing.len() >= 5, "the population gives too few alerts to tell anything: {}", standing.len());
    let world = World::new("crash");
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let written = write(&mut writer, &data, |_, _| true);
    let ended = |id: &String| AlertId::from_hex(id).is_some_and(|id| !standing.contains_key(&id));
    assert!(raised.keys().any(ended), "no alert comes and goes");
    let share = (raised.values().map(|log| log.len() as u64).sum::<u64>() / (KILLS + 1)).max(1);
    for kill in 1..=KILLS {
        let mut detector = world.detector();
        world.wait_until("another share of the alerts", Duration::from_secs(90), || {
            detector.assert_alive(&world);
            world.published_messages() >= kill * share
        });
        detector.kill();
    }
    let mut detector = world.detector();
    world.wait_until("everything read", Duration::from_secs(120), || {
        detector.assert_alive(&world);
        world.has_read(written)
    });
    world.wait_for_standing(&standing, Duration::from_secs(60));
    let sequences = sequences(&world);
    for (id, sequence) in &sequences {
        let mut known: Vec<u64> = sequence.clone();
        known.dedup();
        let whole: Vec<u64> = (1..=known.len() as u64).collect();
        assert_eq!(known, whole, "transitions of alert {id} are missing or out of order");
    }
    for (id, log) in &raised {
        assert!(sequences.contains_key(id), "never published: {log:?}");
    }
}

/// How often the detector with checkpoints is killed.
fn crashes() -> usize {
    std::env::var("PERMITWATCH_CRASHES").ok().and_then(|count| count.parse().ok()).unwrap_or(12)
}

#[test]
fn killed_at_random_moments_under_load_it_goes_on_from_its_checkpoints() {
    let data = dataset(400, 2);
    let (standing, raised) = undisturbed(&data);
    let mut world = World::new("checkpointed-crash");
    world.checkpoints(1);
    let kills = crashes();
    let (kafka, messages) =
        (world.kafka.clone(), Feed::SOURCES.map(|feed| data.messages(feed).len()).iter().sum::<usize>());
    // The feeds come while it is killed, about as long as that takes.
    let pause = (kills * 8_000 / (messages / 50)).max(1) as u64;
    let writing = std::thread::spawn({
        let data = dataset(400, 2);
        move || {
            let mut writer = FeedWriter::new(&kafka).unwrap();
            let count = std::cell::Cell::new(0usize);
            write(&mut writer, &data, |_, _| {
                count.set(count.get() + 1);
                if count.get().is_multiple_of(50) {
                    crate::harness::pause_for(Duration::from_millis(pause));
                }
                true
            })
        }
    });
    let mut seed = 20_261_202u64;
    for _ in 0..kills {
        let mut detector = world.detector();
        // The group gives the shards away once it has missed the one that was killed.
        world.wait_until("shards", Duration::from_secs(60), || {
            detector.assert_alive(&world);
            world
                .metric("permitwatch_shard_reading", &[])
                .is_some_and(|read| read >= f64::from(crate::harness::PARTITIONS))
        });
        // Some moments are before it has read on, some long after: all that matters is that they differ.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        crate::harness::pause_for(Duration::from_millis((seed >> 33) % 5_000));
        detector.assert_alive(&world);
        detector.kill();
    }
    let mut detector = world.detector();
    let written = writing.join().unwrap();
    world.wait_until("a detector that has read everything", Duration::from_secs(180), || {
        detector.assert_alive(&world);
        crate::harness::ready_at(world.http_port).0
    });
    world.wait_for_standing(&standing, Duration::from_secs(120));
    assert!(written > 10_000, "{written}");
    let log = world.log();
    let restores = log.matches("going on from a checkpoint").count();
    let damaged = log.matches("a checkpoint is not used").count();
    println!("{kills} kills, {restores} shards went on from a checkpoint, {damaged} checkpoints not used");
    assert!(restores >= kills, "{restores} of {kills}:\n{log}");
    assert_eq!(damaged, 0, "{log}");
    for (id, sequence) in &sequences(&world) {
        let mut known: Vec<u64> = sequence.clone();
        known.dedup();
        let whole: Vec<u64> = (1..=known.len() as u64).collect();
        assert_eq!(known, whole, "transitions of alert {id} are missing or out of order");
    }
    let sequences = sequences(&world);
    for (id, log) in &raised {
        assert!(sequences.contains_key(id), "never published: {log:?}");
    }
    let invented: Vec<&String> = sequences
        .keys()
        .filter(|id| {
            let of_unit_alone = AlertId::from_hex(id).is_some_and(|id| !standing.contains_key(&id));
            of_unit_alone && !raised.contains_key(*id)
        })
        .collect();
    println!("{} alerts published, {} of them by way of links alone and ended", sequences.len(), invented.len());
}

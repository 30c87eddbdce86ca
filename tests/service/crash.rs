//! Aim: killed at ten moments, the detector ends where an undisturbed one ends, and no transition is missing between.
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

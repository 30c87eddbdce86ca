//! Aim: what the topics that are read back lose is noticed, said, and written again, while running and at a start: no alert is lost by it
//! and none invented.
//! Method: the internal topics are emptied and made anew under a running detector and under none, then the alerts topic is. A feed that
//! was made anew or has lost its beginning is waited for, until it is said to be as it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;
use std::time::Duration;

use permitwatch::config::KafkaConfig;
use permitwatch::generate::Dataset;
use permitwatch::model::alert::{Alert, AlertId, Severity};
use permitwatch::model::clock::wall;
use permitwatch::model::schema::Feed;
use permitwatch::model::time::format_micros;
use permitwatch::tools::broker::FeedWriter;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::Message as _;

use crate::harness::{Detector, PARTITIONS, World, dataset, pause, ready_at, write};
use crate::silence::Prometheus;

const LIMIT: Duration = Duration::from_secs(180);

/// Rules that rest on what other units show.
const OF_OTHERS: [&str; 3] = ["false-or-duplicate-identity", "anchor-permit-lost", "employer-breach-cluster"];

pub fn admin(config: &KafkaConfig) -> AdminClient<DefaultClientContext> {
    rdkafka::ClientConfig::new().set("bootstrap.servers", &config.brokers).create().unwrap()
}

pub fn wait_for<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(answer)
}

fn internal(world: &World) -> Vec<String> {
    [Feed::Links, Feed::Derived].map(|feed| world.kafka.topic(feed)).into()
}

/// Deletes all messages of topics; their ends stay.
fn empty(world: &World, topics: &[String]) {
    let mut list = TopicPartitionList::new();
    for topic in topics {
        for partition in 0..PARTITIONS {
            list.add_partition_offset(topic, partition, rdkafka::Offset::End).unwrap();
        }
    }
    wait_for(admin(&world.kafka).delete_records(&list, &AdminOptions::new())).unwrap();
}

/// Deletes topics, and has the program make what is missing.
fn make_anew(world: &World, topics: &[String]) {
    delete(world, topics);
    make(world, topics);
}

pub fn delete(world: &World, topics: &[String]) {
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    for outcome in wait_for(admin(&world.kafka).delete_topics(&names, &AdminOptions::new())).unwrap() {
        outcome.unwrap();
    }
}

pub fn make(world: &World, topics: &[String]) {
    world.wait_until("topics made anew", LIMIT, || {
        let Output { status, stdout, .. } =
            world.command(&["topics", "create", "--apply"], world.http_port).output().unwrap();
        pause();
        // The others take any timestamp in these tests, and so differ.
        let _ = status;
        let text = String::from_utf8_lossy(&stdout).into_owned();
        topics.iter().all(|topic| text.contains(&format!("{topic}: is as it should be")))
    });
}

/// Records among the internal topics' messages: clocks have no key.
fn shown(world: &World) -> usize {
    let mut records = 0;
    world.read(&internal(world), |message| records += usize::from(message.key().is_some()));
    records
}

fn records_of(world: &World, feed: Feed) -> usize {
    let mut records = 0;
    world.read(&[world.kafka.topic(feed)], |message| records += usize::from(message.key().is_some()));
    records
}

fn wait_until_ready(world: &World, detector: &mut Detector) {
    world.wait_until("a detector that is ready", LIMIT, || {
        detector.assert_alive(world);
        ready_at(world.http_port).0
    });
}

fn lost_at(world: &World, topic: &str) -> f64 {
    let label = format!("topic=\"{topic}\"");
    world.metric("permitwatch_topic_lost_timestamp_seconds", &[&label]).unwrap_or_default()
}

#[test]
fn what_our_own_topics_lose_is_written_again() {
    let world = World::new("lost");
    let data = dataset(300, 2);
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let written = write(&mut writer, &data, |_, _| true);
    let mut detector = world.detector();
    let prometheus = Prometheus::start(&world, &[world.http_port]);
    world.wait_until("everything read", LIMIT, || {
        detector.assert_alive(&world);
        world.has_read(written)
    });
    let standing = world.settled();
    let of_others: BTreeSet<String> =
        world.published().into_values().filter(|alert| alert.status.stands()).map(|alert| alert.rule_id).collect();
    assert!(
        OF_OTHERS.iter().any(|rule| of_others.contains(*rule)),
        "no alert rests on what others show: {of_others:?}"
    );
    let messages = world.published_messages();
    let said = shown(&world);
    assert!(said > 20, "{said}");

    // Emptied while it runs: said again, and a start finds it.
    empty(&world, &internal(&world));
    world.wait_until("that it is noticed and said again", LIMIT, || {
        detector.assert_alive(&world);
        lost_at(&world, "links") > 0.0 && lost_at(&world, "derived") > 0.0 && shown(&world) > 10
    });
    world.wait_until("its alarm", LIMIT, || prometheus.firing("PermitwatchTopicLost", "topic", "links"));
    assert!(world.log().contains("a topic has lost messages: it began at 0"), "{}", world.log());
    assert_eq!(world.settled(), standing, "alerts have come or gone while it was said again");
    detector.kill();
    let mut detector = world.detector();
    wait_until_ready(&world, &mut detector);
    assert_eq!((world.settled(), world.published_messages()), (standing.clone(), messages), "after a start");

    // Made anew while it runs.
    make_anew(&world, &internal(&world));
    world.wait_until("that it is said again", LIMIT, || {
        detector.assert_alive(&world);
        ready_at(world.http_port).0 && shown(&world) > 10
    });
    assert_eq!((world.settled(), world.published_messages()), (standing.clone(), messages), "made anew under it");

    // Made anew while nobody runs.
    detector.kill();
    make_anew(&world, &internal(&world));
    let mut detector = world.detector();
    wait_until_ready(&world, &mut detector);
    assert_eq!((world.settled(), world.published_messages()), (standing.clone(), messages), "made anew before a start");
    assert!(world.log().contains("an internal topic has lost what had been read of it"), "{}", world.log());
    assert!(shown(&world) > 10);

    // Of one of the two, which R28 rests on, and then a start.
    make_anew(&world, &[world.kafka.topic(Feed::Derived)]);
    world.wait_until("that it is said again", LIMIT, || {
        detector.assert_alive(&world);
        ready_at(world.http_port).0 && records_of(&world, Feed::Derived) > 10
    });
    detector.kill();
    let mut detector = world.detector();
    wait_until_ready(&world, &mut detector);
    assert_eq!((world.settled(), world.published_messages()), (standing.clone(), messages), "derived made anew");

    // The alerts themselves. That they are gone is noticed before there is another; then what stands is published again, whole, with
    // sequences that go on.
    let before = world.published();
    delete(&world, &[world.kafka.alerts_topic()]);
    world.wait_until("that it is noticed", LIMIT, || {
        detector.assert_alive(&world);
        ready_at(world.http_port).1.contains("the topic alerts has been deleted")
    });
    assert!(lost_at(&world, "alerts") > 0.0);
    make(&world, &[world.kafka.alerts_topic()]);
    world.wait_until("what stands, on the topic again", LIMIT, || {
        detector.assert_alive(&world);
        world.standing() == standing && ready_at(world.http_port).0
    });
    for (id, alert) in world.published() {
        let old = &before[&id];
        assert!(alert.sequence >= old.sequence, "{}: {} after {}", alert.rule_id, alert.sequence, old.sequence);
        let said = |alert: &Alert| {
            (alert.finding.clone(), alert.evidence.clone(), alert.records.clone(), alert.alert_at.clone())
        };
        assert_eq!(said(&alert), said(old), "{} {}", alert.rule_id, alert.alert_key);
        assert!(!alert.evidence.is_empty(), "{} {}", alert.rule_id, alert.alert_key);
    }

    // Emptied while nobody runs.
    detector.kill();
    make_anew(&world, &[world.kafka.alerts_topic()]);
    let mut detector = world.detector();
    wait_until_ready(&world, &mut detector);
    assert_eq!(world.settled(), standing);
    assert!(
        lost_at(&world, "alerts") > 0.0
            && world.log().contains("the alerts topic ends before what the shard had written")
    );
    for (id, alert) in world.published() {
        assert_eq!(alert.finding, before[&id].finding, "{} {}", alert.rule_id, alert.alert_key);
    }
}

#[test]
fn what_our_own_topics_lose_while_nobody_runs_is_written_again_from_a_checkpoint() {
    let mut world = World::new("lost-checkpointed");
    world.checkpoints(1);
    let data = dataset(300, 2);
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let written = write(&mut writer, &data, |_, _| true);
    let mut detector = world.detector();
    world.wait_until("everything read", LIMIT, || {
        detector.assert_alive(&world);
        world.has_read(written)
    });
    let standing = world.settled();
    let said = shown(&world);
    assert!(standing.len() > 10 && said > 20, "{} {said}", standing.len());
    // The last checkpoint is that of the stop.
    assert!(detector.stop().success(), "{}", world.log());
    let generations = |world: &World| {
        let root = world.checkpoint_dir();
        permitwatch::checkpoint::reader::goes_on_from(&root, 0, |feed| world.kafka.topic(feed)).is_some()
    };
    assert!(generations(&world));
    let alerts = [world.kafka.alerts_topic()];
    for lost in [internal(&world), alerts.to_vec(), [&internal(&world)[..], &alerts].concat()] {
        make_anew(&world, &lost);
        let mut detector = world.detector();
        wait_until_ready(&world, &mut detector);
        assert_eq!(world.settled(), standing, "{lost:?}");
        world.wait_until("what units show, on the topics again", LIMIT, || shown(&world) > 20);
        assert!(detector.stop().success(), "{}", world.log());
        let log = world.log();
        assert!(log.contains("going on from a checkpoint") && !log.contains("given up"), "{log}");
    }
}

/// Starts a detector and waits until a shard of it says why it evaluates nothing.
fn waits(world: &World, why: &str) -> Detector {
    let mut detector = world.detector();
    world.wait_until_else(
        "a shard that waits for a feed",
        LIMIT,
        || {
            detector.assert_alive(world);
            let (ready, reason) = ready_at(world.http_port);
            assert!(!ready, "{reason}");
            reason.contains(" has halted: ") && reason.contains(why)
        },
        || ready_at(world.http_port).1,
    );
    detector
}

/// A world whose detector has read everything and was killed, what stands there, and how many messages said so.
fn killed(name: &str) -> (World, Dataset, BTreeMap<AlertId, Severity>, u64) {
    let world = World::new(name);
    let data = dataset(200, 2);
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let written = write(&mut writer, &data, |_, _| true);
    let mut detector = world.detector();
    world.wait_until("everything read", LIMIT, || {
        detector.assert_alive(&world);
        world.has_read(written)
    });
    let standing = world.settled();
    assert!(standing.len() >= 3, "too few alerts to tell anything: {}", standing.len());
    let messages = world.published_messages();
    detector.kill();
    (world, data, standing, messages)
}

#[test]
fn a_feed_made_anew_is_waited_for_until_it_is_said_to_be_filled_again() {
    let (mut world, data, standing, messages) = killed("refilled");
    make_anew(&world, &[world.kafka.topic(Feed::Payments)]);
    let detector = waits(&world, "set feeds.payments.refilled_at");
    let prometheus = Prometheus::start(&world, &[world.http_port]);
    world.wait_until("its alarm", LIMIT, || prometheus.firing("PermitwatchFeedLost", "feed", "payments"));
    drop(prometheus);
    assert!(detector.stop().success(), "{}", world.log());
    // Said before it is true: everything that rests on the feed would be taken back.
    world.feed(Feed::Payments, &format!("refilled_at = \"{}\"", format_micros(wall().0)));
    waits(&world, "/0 is empty. feeds.payments.refilled_at says").kill();
    world.feeds.clear();
    // Half of it is no better than none of it.
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let payments = data.messages(Feed::Payments);
    let half = payments[payments.len() / 2].known_time;
    write(&mut writer, &data, |feed, known_time| feed == Feed::Payments && known_time <= half);
    waits(&world, "set feeds.payments.refilled_at").kill();

    write(&mut writer, &data, |feed, known_time| feed == Feed::Payments && known_time > half);
    world.feed(Feed::Payments, &format!("refilled_at = \"{}\"", format_micros(wall().0)));
    // A start that does not come to its end changes nothing for the next, and no start publishes anything.
    for _ in 0..2 {
        let mut detector = world.detector();
        wait_until_ready(&world, &mut detector);
        assert_eq!(
            (world.settled(), world.published_messages()),
            (standing.clone(), messages),
            "alerts have come or gone"
        );
        detector.kill();
    }
}

#[test]
fn a_feed_that_has_lost_its_beginning_raises_nothing() {
    let (mut world, _, standing, messages) = killed("trimmed");
    let topic = world.kafka.topic(Feed::Payments);
    let mut known = Vec::new();
    world.read(std::slice::from_ref(&topic), |message| {
        if message.offset() == 40 {
            known.push(message.timestamp().to_millis().unwrap() * 1_000);
        }
    });
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(&topic, partition, rdkafka::Offset::Offset(40)).unwrap();
    }
    wait_for(admin(&world.kafka).delete_records(&list, &AdminOptions::new())).unwrap();
    let detector = waits(&world, "begins at offset 40: what was written before is gone");
    assert!(lost_feed(&world, Feed::Payments) > 0.0 && lost_feed(&world, Feed::Border) == 0.0);
    assert_eq!((world.settled(), world.published_messages()), (standing.clone(), messages), "it evaluates nothing");
    detector.kill();
    // The first start ever finds the same: it has nothing to compare with.
    let alerts = world.kafka.alerts_topic();
    make_anew(&world, &[alerts, world.kafka.topic(Feed::Links), world.kafka.topic(Feed::Derived)]);
    waits(&world, "begins at offset 40: what was written before is gone").kill();
    assert_eq!(world.published_messages(), 0);
    // Accepted for less than what is gone, and then for all of it.
    let times =
        |known: &[i64]| (format_micros(known.iter().min().unwrap() - 1), format_micros(*known.iter().max().unwrap()));
    let (before, from) = times(&known);
    world.feed(Feed::Payments, &format!("begins_at = \"{before}\""));
    waits(&world, "feeds.payments.begins_at = ").kill();
    world.feeds.clear();
    world.feed(Feed::Payments, &format!("begins_at = \"{from}\""));
    let mut detector = world.detector();
    wait_until_ready(&world, &mut detector);
    assert_eq!(lost_feed(&world, Feed::Payments), 0.0);
    detector.kill();
}

/// Shards that lack something of the feed.
fn lost_feed(world: &World, feed: Feed) -> f64 {
    let label = format!("feed=\"{}\"", feed.name());
    world.metric("permitwatch_feed_lost", &[&label]).unwrap_or_default()
}

//! Aim: a feed that is deleted, or given more partitions, under a running detector is said to be so, and does not go unread.
//! Method: Apache Kafka; a topic is deleted, and one gets a partition more. The process ends by itself and names the topic.

use std::time::Duration;

use permitwatch::model::schema::Feed;
use permitwatch::tools::broker::FeedWriter;
use rdkafka::admin::{AdminOptions, NewPartitions};

use crate::harness::{Detector, PARTITIONS, World, dataset, ready_at, write};
use crate::lost::{admin, wait_for};

const LIMIT: Duration = Duration::from_secs(240);

fn running(name: &str) -> (World, Detector) {
    let world = World::new(name);
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    write(&mut writer, &dataset(60, 1), |_, _| true);
    let mut detector = world.detector();
    world.wait_until("a detector that is ready", LIMIT, || {
        detector.assert_alive(&world);
        ready_at(world.http_port).0
    });
    (world, detector)
}

#[test]
fn a_deleted_topic_is_said_to_be_deleted() {
    let (world, mut detector) = running("deleted");
    let topic = world.kafka.topic(Feed::Border);
    for outcome in wait_for(admin(&world.kafka).delete_topics(&[&topic], &AdminOptions::new())).unwrap() {
        outcome.unwrap();
    }
    let mut reasons = Vec::new();
    world.wait_until("what has become of the topic", LIMIT, || {
        reasons.push(ready_at(world.http_port).1);
        reasons.dedup();
        detector.has_ended() || reasons.iter().any(|reason| reason.contains("feed border; its topic has been deleted"))
    });
    assert!(reasons.iter().all(|reason| !reason.contains("no broker answers")), "{reasons:?}");
    world.wait_until("its end", LIMIT, || detector.has_ended());
    assert!(world.log().contains(&topic), "{reasons:?}\n{}", world.log());
}

#[test]
fn a_partition_more_is_noticed_while_running() {
    let (world, mut detector) = running("raised");
    let topic = world.kafka.topic(Feed::Payments);
    let more = NewPartitions::new(&topic, PARTITIONS as usize + 1);
    for outcome in wait_for(admin(&world.kafka).create_partitions(&[more], &AdminOptions::new())).unwrap() {
        outcome.unwrap();
    }
    world.wait_until("its end", LIMIT, || detector.has_ended());
    let said = format!("topic \"{topic}\" has been given more than the {PARTITIONS} partitions");
    assert!(world.log().contains(&said), "{}", world.log());
}

//! Aim: a message stamped in years to come, in any feed, clears and raises nothing and stops nothing; it is said where it lies, and can be
//! brought in once mended. And topics that such a message has spoilt before can be recovered from.
//! Method: SIGKILL and restarts between; what a detector of before wrote under such a clock is put on the alerts topic by hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use permitwatch::generate::{Body, Dataset};
use permitwatch::model::alert::{Alert, AlertId, Severity, Status};
use permitwatch::model::partition::partition_of;
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{KnownTime, MICROS_PER_DAY, format_micros, parse_time};
use permitwatch::pseudonyms::{SIGNATURE, Signed};
use permitwatch::sink::kafka::read_published;
use permitwatch::tools::broker::FeedWriter;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Map, Value};

use crate::harness::{KEY, PARTITIONS, World, dataset, get, keys, write};

const LIMIT: Duration = Duration::from_secs(120);

fn future() -> KnownTime {
    KnownTime(parse_time("2099-01-01").unwrap())
}

fn set_aside(world: &World, feed: Feed) -> f64 {
    let feed = format!("feed=\"{}\"", feed.name());
    world.metric("permitwatch_quarantined_total", &[&feed, "reason=\"future_known_time\""]).unwrap_or_default()
}

/// The key and payload of the feed's last record about somebody.
fn last_record(data: &Dataset, feed: Feed) -> (String, Vec<u8>) {
    let records = data.messages(feed).iter().rev().filter(|message| !matches!(message.body, Body::Clock));
    let has_both = records.filter_map(|message| Some((message.key.clone()?.to_string(), message.payload()?)));
    let is_sound = |(_, payload): &(String, Vec<u8>)| serde_json::from_slice::<Map<String, Value>>(payload).is_ok();
    has_both.into_iter().find(is_sound).unwrap()
}

/// One clock message and one record of 2099 in a partition of every feed. Says how many the detector will set aside of each.
fn poison(writer: &mut FeedWriter, data: &Dataset) -> BTreeMap<&'static str, u64> {
    let mut planted = BTreeMap::new();
    for feed in Feed::SOURCES {
        writer.write_to(feed, 0, None, None, future(), None).unwrap();
        let (key, payload) = last_record(data, feed);
        // Microseconds where milliseconds should stand: beyond every calendar.
        let partition = if feed == Feed::Reference { 0 } else { partition_of(key.as_bytes(), PARTITIONS) };
        let micros = KnownTime(parse_time("2026-01-05").unwrap().saturating_mul(1_000));
        writer.write_to(feed, partition, Some(key.as_bytes()), Some(&payload), micros, None).unwrap();
        planted.insert(feed.name(), 1);
    }
    writer.flush().unwrap();
    planted
}

/// What a detector would have written whose clock such a message had carried away: that five alerts have ended.
fn withdraw_some(world: &World) -> Vec<AlertId> {
    let producer: BaseProducer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &world.kafka.brokers).create().unwrap();
    let mut withdrawn = Vec::new();
    for shard in 0..PARTITIONS {
        let published = read_published(&world.kafka, &keys(), shard).unwrap();
        let read = published.headers.unwrap().read;
        let offsets: BTreeMap<&str, i64> =
            Feed::ALL.iter().map(|feed| (feed.name(), read.offsets[feed.index()].0)).collect();
        let offsets = serde_json::to_string(&offsets).unwrap();
        let clock = format_micros(future().0);
        for (id, alert) in published.alerts.into_iter().filter(|(_, alert)| alert.status.stands()).take(5) {
            let alert = Alert {
                status: Status::Retracted,
                reason: Some("permit_ended".into()),
                sequence: alert.sequence + 1,
                as_of: clock.clone(),
                ..alert
            };
            let alert = keys().publish(&alert, None).remove(0);
            let payload = serde_json::to_vec(&alert).unwrap();
            let topic = world.kafka.alerts_topic();
            let mut values = vec![
                ("published_at", clock.clone()),
                ("key_id", "1".into()),
                ("shard_clock", clock.clone()),
                ("offsets", offsets.clone()),
            ];
            let signed = Signed {
                topic: &topic,
                partition: shard,
                timestamp: None,
                key: Some(alert.id().as_bytes()),
                payload: Some(&payload),
            };
            let signature = keys().sign(&signed, |name| {
                let value = values.iter().find(|(key, _)| key.as_bytes() == name.to_bytes());
                value.map(|(_, value)| value.as_bytes())
            });
            values.push((SIGNATURE, signature));
            let headers = values
                .iter()
                .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
            let record = BaseRecord::to(&topic).partition(shard).key(alert.id()).payload(&payload).headers(headers);
            producer.send(record).map_err(|(error, _)| error).unwrap();
            withdrawn.push(id);
        }
    }
    producer.flush(Duration::from_secs(10)).unwrap();
    withdrawn
}

fn redrive(world: &World, config: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_permitwatch"))
        .args(["quarantine", "redrive", "--apply", "--reason", "future_known_time", "--config"])
        .arg(config)
        .env("PERMITWATCH_TEST_KEY", KEY)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), world.log());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_timestamp_of_years_ahead_ends_no_alert_and_stops_no_feed() {
    let data = dataset(300, 2);
    let world = World::new("poisoned");
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    // What is not sent with the others comes in the end, by redrive alone.
    let (held_key, held) = last_record(&data, Feed::Payments);
    let last =
        data.messages(Feed::Payments).iter().rposition(|message| message.payload().as_deref() == Some(&held)).unwrap();
    let held_at = data.messages(Feed::Payments)[last].known_time;
    let written = write(&mut writer, &data, |feed, known| feed != Feed::Payments || known != held_at);

    let mut detector = world.detector();
    world.wait_until("everything read", LIMIT, || {
        detector.assert_alive(&world);
        world.has_read(written)
    });
    let standing = settled(&world);
    assert!(standing.len() >= 10, "too few alerts to tell anything: {}", standing.len());
    let messages = world.published_messages();

    let planted = poison(&mut writer, &data);
    let is_told = |planted: &BTreeMap<&str, u64>| {
        planted.iter().all(|(feed, records)| set_aside(&world, Feed::from_name(feed).unwrap()) >= *records as f64)
    };
    world.wait_until("all that is stamped in the future set aside", LIMIT, || {
        detector.assert_alive(&world);
        is_told(&planted)
    });
    // And the feeds go on.
    let until = data.messages(Feed::Permits).iter().map(|message| message.known_time).max().unwrap();
    let later = KnownTime(until + MICROS_PER_DAY / 2);
    for feed in Feed::SOURCES {
        writer.write_clock(feed, later, None).unwrap();
    }
    writer.flush().unwrap();
    world.wait_until("the clocks of what comes after", LIMIT, || {
        Feed::SOURCES.into_iter().all(|feed| {
            let of_feed = format!("feed=\"{}\"", feed.name());
            let clocks = world.metric("permitwatch_feed_clock_timestamp_seconds", &[&of_feed]);
            clocks.is_some_and(|sum| (sum - f64::from(PARTITIONS) * (later.0 / 1_000_000) as f64).abs() < 2.0)
        })
    });
    assert_eq!(settled(&world), standing, "alerts have come or gone");
    assert_eq!(world.published_messages(), messages, "something was said of it");
    assert!(world.log().contains("stamped ahead of this machine's clock"), "nothing was logged:\n{}", world.log());
    assert!(get(world.http_port, "/ready").is_some_and(|body| body.contains("ready")), "not ready");

    let doctor = world.command(&["doctor"], world.http_port).output().unwrap();
    let found = String::from_utf8_lossy(&doctor.stdout).into_owned();
    let told = found.matches("timestamps lie ahead of now, first at partition/offset").count();
    assert!(!doctor.status.success() && told == Feed::SOURCES.len(), "{told} feeds: {found}");

    // A restart reads it again.
    detector.kill();
    let mut detector = world.detector();
    world.wait_until("a restart over it", LIMIT, || {
        detector.assert_alive(&world);
        world.metric("permitwatch_recovering", &[]) == Some(0.0) && is_told(&planted)
    });
    assert_eq!(settled(&world), standing, "after a restart");
    detector.kill();

    // What a detector of before made of it is taken back.
    let withdrawn = withdraw_some(&world);
    assert!(withdrawn.len() >= 5 && withdrawn.iter().all(|id| !world.standing().contains_key(id)));
    let mut detector = world.detector();
    world.wait_until("the alerts that had been withdrawn", LIMIT, || {
        detector.assert_alive(&world);
        world.standing() == standing
    });
    assert!(world.log().contains("had run ahead of the wall clock"), "{}", world.log());
    for id in &withdrawn {
        assert_eq!(world.published()[id].status, Status::Raised);
    }

    // The record that came with such a timestamp only, once mended.
    let micros = KnownTime(parse_time("2026-01-05").unwrap().saturating_mul(1_000));
    let before = set_aside(&world, Feed::Payments);
    writer.write(Feed::Payments, held_key.as_bytes(), Some(&held), micros, None).unwrap();
    writer.flush().unwrap();
    world.wait_until("it is set aside", LIMIT, || set_aside(&world, Feed::Payments) > before);
    let taken = || world.metric("permitwatch_messages_total", &["feed=\"payments\"", "fate=\"evaluated\""]).unwrap();
    let evaluated = taken();
    let told = redrive(&world, &world.config_file());
    assert!(
        told.contains("payments/") && told.contains(" produced to partition ") && told.contains("not needed"),
        "{told}"
    );
    world.wait_until("the record", LIMIT, || taken() > evaluated);
    detector.assert_alive(&world);
}

/// What stands once nothing more is published.
fn settled(world: &World) -> BTreeMap<AlertId, Severity> {
    let mut last = (0, 0);
    world.wait_until("an end of what is published", LIMIT, || {
        let messages = world.published_messages();
        last = if messages == last.0 { (messages, last.1 + 1) } else { (messages, 0) };
        last.1 >= 20
    });
    world.standing()
}

//! Aim: whoever may write to permitwatch's topics and has no key can end nothing, raise nothing, hold nothing up; whoever may read them
//! learns of nobody. The key can be changed, and what stands goes on standing.
//! Method: forged messages on Apache Kafka: endings, alerts of nobody's, sequences and headers out of this world, link records and clocks;
//! an attempt to find permits from a list of all of them; three starts with three configurations of keys.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use permitwatch::generate::Dataset;
use permitwatch::model::alert::AlertId;
use permitwatch::model::clock::wall;
use permitwatch::model::schema::Feed;
use permitwatch::model::time::format_micros;
use permitwatch::pseudonyms::{Kind, Pseudonyms};
use permitwatch::sink::kafka::read_published;
use permitwatch::tools::broker::FeedWriter;
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};

use crate::harness::{Detector, KEY, PARTITIONS, World, dataset, keys, write};
use crate::silence::Prometheus;

const LIMIT: Duration = Duration::from_secs(180);

/// The alerts topic's messages as a reader without the key sees them: (partition, key, payload).
fn seen(world: &World) -> Vec<(i32, String, Option<Value>)> {
    let mut seen = Vec::new();
    world.read(&[world.kafka.alerts_topic()], |message| {
        let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
        let payload = message.payload().map(|payload| serde_json::from_slice(payload).unwrap_or(Value::Null));
        seen.push((message.partition(), key, payload));
    });
    seen
}

/// What such a reader holds to stand: by id, the message with the highest sequence, the last of equal ones.
fn believed(world: &World) -> BTreeMap<String, String> {
    let mut last: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for (_, key, payload) in seen(world) {
        let Some(payload) = payload else {
            last.remove(&key);
            continue;
        };
        let sequence = payload["sequence"].as_u64().unwrap_or_default();
        let status = payload["status"].as_str().unwrap_or_default().to_owned();
        let known = last.entry(key).or_insert((0, String::new()));
        if sequence >= known.0 {
            *known = (sequence, status);
        }
    }
    last.into_iter().map(|(id, (_, status))| (id, status)).collect()
}

fn believed_to_stand(world: &World) -> BTreeSet<String> {
    believed(world)
        .into_iter()
        .filter(|(_, status)| ["raised", "updated"].contains(&status.as_str()))
        .map(|(id, _)| id)
        .collect()
}

struct Attacker(BaseProducer);

impl Attacker {
    fn new(world: &World) -> Attacker {
        Attacker(rdkafka::ClientConfig::new().set("bootstrap.servers", &world.kafka.brokers).create().unwrap())
    }

    fn write(&self, topic: &str, partition: i32, key: Option<&str>, payload: Option<&[u8]>, headers: &[(&str, &str)]) {
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).partition(partition);
        if let Some(key) = key {
            record = record.key(key);
        }
        if let Some(payload) = payload {
            record = record.payload(payload);
        }
        let with = headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(*value) }));
        self.0.send(record.headers(with)).map_err(|(error, _)| error).unwrap();
        self.0.flush(Duration::from_secs(10)).unwrap();
    }
}

fn running(world: &World, data: &Dataset) -> Detector {
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let written = write(&mut writer, data, |_, _| true);
    let mut detector = world.detector();
    world.wait_until("everything read", LIMIT, || {
        detector.assert_alive(world);
        world.has_read(written)
    });
    detector
}

#[test]
fn who_has_no_key_ends_raises_and_holds_up_nothing() {
    let world = World::new("forged");
    let data = dataset(250, 2);
    let detector = running(&world, &data);
    let standing = world.settled();
    assert!(standing.len() >= 10, "{}", standing.len());
    let honest = believed_to_stand(&world);
    assert_eq!(honest.len(), standing.len());
    detector.kill();

    // Each kind of forgery, upon messages that stand.
    let attacker = Attacker::new(&world);
    let topic = world.kafka.alerts_topic();
    let last: BTreeMap<String, (i32, Value)> =
        seen(&world).into_iter().filter_map(|(at, key, payload)| Some((key, (at, payload?)))).collect();
    let mut victims = last.iter().filter(|(id, _)| honest.contains(*id));
    let beyond = format_micros(wall().0 + 100 * 365 * 86_400 * 1_000_000);
    let offsets = json!({"permits": 9_000_000_000_i64, "links": 9_000_000_000_i64, "payments": i64::MAX}).to_string();
    let headers = [
        ("published_at", beyond.as_str()),
        ("shard_clock", &beyond),
        ("offsets", &offsets),
        ("heard", &beyond),
        ("key_id", "1"),
    ];
    let mut forge = |sequence: &dyn Fn(u64) -> Value, status: &str, headers: &[(&str, &str)]| {
        let (id, (partition, payload)) = victims.next().unwrap();
        let mut payload = payload.clone();
        payload["sequence"] = sequence(payload["sequence"].as_u64().unwrap());
        payload["status"] = status.into();
        attacker.write(&topic, *partition, Some(id), Some(payload.to_string().as_bytes()), headers);
        id.clone()
    };
    let ended = forge(&|before| (before + 1).into(), "retracted", &headers);
    let another = forge(&|before| (before + 7).into(), "cleared", &[("signature", "1:AAAA")]);
    forge(&|_| u64::MAX.into(), "updated", &[]);
    forge(&|_| (-1).into(), "raised", &[("signature", "nobody:AAAA")]);
    // A tombstone, garbage under an alert's id, and alerts of nobody's.
    let (id, (partition, _)) = victims.next().unwrap();
    attacker.write(&topic, *partition, Some(id), None, &[]);
    let (id, (partition, _)) = victims.next().unwrap();
    attacker.write(&topic, *partition, Some(id), Some(b"\xff\x00 no JSON"), &headers);
    let nobody = AlertId([9; 16]).to_hex();
    let mut invented = last.values().next().unwrap().1.clone();
    (invented["alert_id"], invented["sequence"], invented["status"]) =
        (nobody.clone().into(), 1.into(), "raised".into());
    attacker.write(&topic, 0, Some(&nobody), Some(invented.to_string().as_bytes()), &headers);
    attacker.write(&topic, 1, None, Some(b"{}"), &[]);
    // On the internal topics: a clock of years ahead, a record, a copy of a record in another partition.
    let mut copies = Vec::new();
    for feed in [Feed::Links, Feed::Derived] {
        let topic = world.kafka.topic(feed);
        world.read(std::slice::from_ref(&topic), |message| {
            if copies.len() < 3
                && let (Some(key), Some(payload), Some(headers)) = (message.key(), message.payload(), message.headers())
            {
                let headers: Vec<(String, String)> = headers
                    .iter()
                    .map(|header| {
                        (header.key.to_owned(), String::from_utf8_lossy(header.value.unwrap_or_default()).into_owned())
                    })
                    .collect();
                let key = String::from_utf8_lossy(key).into_owned();
                copies.push((topic.clone(), (message.partition() + 1) % PARTITIONS, key, payload.to_vec(), headers));
            }
        });
        let clock =
            json!({"writer": 0, "clock": wall().0 * 2, "source": "permitwatch:x", "rules": "x", "alerts": i64::MAX});
        attacker.write(&topic, 0, None, Some(clock.to_string().as_bytes()), &headers);
        attacker.write(&topic, 1, Some("s-1"), Some(b"{\"table\":\"anchor_permits\"}"), &headers);
    }
    assert_eq!(copies.len(), 3, "no link was shown");
    for (topic, partition, key, payload, headers) in &copies {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        attacker.write(topic, *partition, Some(key), Some(payload), &headers);
    }
    let fooled = believed_to_stand(&world);
    assert!(!fooled.contains(&ended) && !fooled.contains(&another) && fooled.contains(&nobody), "nothing was forged");

    // A start waits for nothing that cannot come, and answers.
    let detector = world.ready_detector(LIMIT);
    let prometheus = Prometheus::start(&world, &[world.http_port]);
    world.wait_until("what stands, for every reader", LIMIT, || {
        believed_to_stand(&world) == honest && world.standing() == standing
    });
    assert_eq!(world.settled(), standing);
    assert!(world.published().values().all(|alert| alert.sequence < 1 << 53));
    let log = world.log();
    assert!(log.contains("the alerts topic holds messages that permitwatch has not written"), "{log}");
    assert!(log.contains("a message on a topic of permitwatch's own is not signed by it"), "{log}");
    for feed in [Feed::Links, Feed::Derived] {
        let label = format!("feed=\"{}\"", feed.name());
        let unsigned = world.metric("permitwatch_quarantined_total", &[&label, "reason=\"unsigned\""]);
        assert!(unsigned.is_some_and(|count| count >= 2.0), "{}: {unsigned:?}", feed.name());
    }
    world.wait_until("its alarm", LIMIT, || prometheus.firing("PermitwatchUnsigned", "topic", "alerts"));
    drop(prometheus);
    detector.kill();

    // And once answered, nothing more is said.
    let messages = world.published_messages();
    let detector = world.ready_detector(LIMIT);
    assert_eq!((world.settled(), world.published_messages()), (standing, messages));
    detector.kill();
}

#[test]
fn who_reads_the_topics_and_knows_every_permit_finds_nobody() {
    let world = World::new("reader");
    let data = dataset(250, 2);
    let detector = running(&world, &data);
    assert!(world.settled().len() >= 10);
    let published = world.published();
    // Everything that anyone may know: permits, their holders, employers, the rules and how ids are made.
    let mut known: BTreeSet<String> = BTreeSet::new();
    for feed in Feed::SOURCES.into_iter().filter(|feed| *feed != Feed::Reference) {
        for message in data.messages(feed) {
            known.extend(message.key.clone().map(|key| key.to_string()));
            let Some(Ok(Value::Object(members))) =
                message.payload().map(|payload| serde_json::from_slice::<Value>(&payload))
            else {
                continue;
            };
            let telling = ["permit_id", "record_key", "number", "spouse_id", "anchor_id"];
            let texts = members
                .iter()
                .filter(|(name, _)| telling.contains(&name.as_str()))
                .filter_map(|(_, value)| value.as_str());
            // A day or a month tells nothing.
            let is_telling = |text: &&str| {
                text.len() >= 6 && text.contains(|letter: char| letter.is_alphabetic()) || text.len() == 12
            };
            known.extend(texts.filter(is_telling).map(str::to_owned));
        }
    }
    let mut ids: BTreeSet<String> = BTreeSet::new();
    for alert in published.values() {
        for subject in known.iter().chain([&alert.subject]) {
            ids.insert(AlertId::new(&alert.rule_id, subject, &alert.alert_key).to_hex());
        }
    }
    assert!(
        known.len() > 1_000 && published.keys().all(|id| ids.contains(&id.to_hex())),
        "the attack would not even find engine ids"
    );
    // Under a key that is not the agency's.
    let guess = Pseudonyms::new("0f1c3ab0d47e6258c1e09b7a4d3f8862", "1");
    let internal = [Feed::Links, Feed::Derived].map(|feed| world.kafka.topic(feed));
    let (mut texts, mut found, mut messages) = (0, Vec::new(), 0);
    for topic in internal.iter().chain([&world.kafka.alerts_topic()]) {
        world.read(std::slice::from_ref(topic), |message| {
            messages += 1;
            let headers = message.headers().into_iter().flat_map(|headers| {
                headers.iter().map(|header| header.value.unwrap_or_default().to_vec()).collect::<Vec<_>>()
            });
            for part in headers.chain(message.key().map(<[u8]>::to_vec)).chain(message.payload().map(<[u8]>::to_vec)) {
                let text = String::from_utf8_lossy(&part).into_owned();
                for word in text.split(|letter: char| !(letter.is_alphanumeric() || letter == '-' || letter == '_')) {
                    texts += 1;
                    let is_opened = Kind::ALL.into_iter().any(|kind| guess.open(kind, word).is_some());
                    if known.contains(word) || ids.contains(word) || is_opened {
                        found.push(format!("{topic}: {word}"));
                    }
                }
                for part in text.split('"').filter(|part| known.contains(*part)) {
                    found.push(format!("{topic}: {part}"));
                }
            }
        });
    }
    println!("{messages} messages, {texts} words, {} things known", known.len());
    assert!(messages > 100 && texts > 1_000);
    assert!(found.is_empty(), "{} found: {:?}", found.len(), &found[..found.len().min(20)]);
    // The search finds what is there: with the key every alert is opened.
    let opened = published.values().filter(|alert| known.contains(&alert.subject)).count();
    assert!(opened * 2 > published.len(), "{opened} of {}", published.len());
    detector.kill();
}

#[test]
fn the_key_can_be_changed_and_what_stands_goes_on() {
    const NEXT: &str = "4be1f0c6a7d2953088ef6b1a2c7d9e5f01b3c8d7e6a4f290";
    let mut world = World::new("rekeyed");
    let data = dataset(200, 2);
    let detector = running(&world, &data);
    let standing = world.settled();
    detector.kill();
    let before = believed_to_stand(&world);
    assert!(standing.len() >= 5);

    // The new key to write with, the old one to read.
    world.keys = "key_env = \"PERMITWATCH_NEXT_KEY\"\nkey_id = \"2\"\nolder_keys = [{ id = \"1\", env = \"PERMITWATCH_TEST_KEY\" }]\n".into();
    world.environment.push(("PERMITWATCH_NEXT_KEY", NEXT));
    let detector = world.ready_detector(LIMIT);
    let now = Pseudonyms::new(NEXT, "2").and_older([(KEY, "1")]);
    let stands = |keys: &Pseudonyms| {
        let published = (0..PARTITIONS).flat_map(|shard| read_published(&world.kafka, keys, shard).unwrap().alerts);
        published
            .filter(|(_, alert)| alert.status.stands())
            .map(|(id, alert)| (id, alert.severity))
            .collect::<BTreeMap<_, _>>()
    };
    let expected: BTreeSet<String> =
        standing.keys().map(|id| Pseudonyms::new(NEXT, "2").alert_id(*id).to_hex()).collect();
    world.wait_until("everything under the new key", LIMIT, || believed_to_stand(&world) == expected);
    assert_eq!(stands(&now), standing);
    let told: BTreeMap<String, Value> =
        seen(&world).into_iter().filter_map(|(_, key, payload)| Some((key, payload?))).collect();
    for id in &before {
        let (end, new) = (&told[id], told[id]["replaced_by"].as_str().unwrap());
        assert_eq!((end["status"].as_str(), end["reason"].as_str()), (Some("retracted"), Some("rekeyed")));
        assert_eq!(told[new]["replaces"].as_str(), Some(id.as_str()));
    }
    detector.kill();

    // The old key is gone: nothing is missed, nothing is said.
    world.keys = "key_env = \"PERMITWATCH_NEXT_KEY\"\nkey_id = \"2\"\n".into();
    let messages = seen(&world).len();
    let detector = world.ready_detector(LIMIT);
    world.settled();
    let only = Pseudonyms::new(NEXT, "2");
    assert_eq!((seen(&world).len(), stands(&only)), (messages, standing));
    let log = world.log();
    assert!(!log.contains("holds messages that permitwatch has not written"), "{log}");
    assert!(keys().key_id() == "1" && detector.stop().success());
}

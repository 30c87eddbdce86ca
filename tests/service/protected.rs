//! Aim: once a person is marked as protected nothing is said of them any more: what stood is withdrawn by id, number and status alone, and
//! nobody is shown anything. Once the mark is gone, what holds is said again.
//! Method: a person with alerts is marked and unmarked in the population register, live on Apache Kafka, with starts in between.

use std::collections::BTreeSet;
use std::time::Duration;

use permitwatch::generate::Dataset;
use permitwatch::model::alert::{AlertId, Status};
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{KnownTime, MICROS_PER_DAY};
use permitwatch::tools::broker::FeedWriter;
use rdkafka::message::Message as _;
use serde_json::{Value, json};

use crate::harness::{World, dataset, keys, write};

const LIMIT: Duration = Duration::from_secs(180);

/// The last post of each person of whom an alert stands, and when it came.
fn last_posts(data: &Dataset, holders: &BTreeSet<String>) -> Vec<(String, Value)> {
    let mut posts: Vec<(String, Value)> = Vec::new();
    for message in data.messages(Feed::Population) {
        let Some(key) = message.key.as_ref().map(|key| key.to_string()).filter(|key| holders.contains(key)) else {
            continue;
        };
        let Some(Ok(post)) = message.payload().map(|payload| serde_json::from_slice::<Value>(&payload)) else {
            continue;
        };
        posts.retain(|(other, _)| *other != key);
        posts.push((key, post));
    }
    posts
}

fn marked(post: &Value, later: i64, is_protected: bool) -> Vec<u8> {
    let mut post = post.clone();
    post["version"] = (post["version"].as_i64().unwrap() + later).into();
    post["protected"] = json!(is_protected);
    post.to_string().into_bytes()
}

fn clocks(writer: &mut FeedWriter, at: KnownTime) {
    for feed in Feed::SOURCES {
        writer.write_clock(feed, at, None).unwrap();
    }
    writer.flush().unwrap();
}

#[test]
fn of_a_protected_person_only_the_end_of_each_alert_leaves() {
    let world = World::new("protected");
    let data = dataset(250, 2);
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let written = write(&mut writer, &data, |_, _| true);
    let detector = world.ready_detector(LIMIT);
    world.wait_until("everything read", LIMIT, || world.has_read(written));
    world.settled();
    let published = world.published();
    // Permits are numbered by their holders.
    let mut holders: BTreeSet<String> = BTreeSet::new();
    let mut permits: Vec<(String, String)> = Vec::new();
    for message in data.messages(Feed::Permits) {
        let Some(Ok(record)) = message.payload().map(|payload| serde_json::from_slice::<Value>(&payload)) else {
            continue;
        };
        let (Some(key), Some(permit)) = (message.key.clone(), record["permit_id"].as_str()) else { continue };
        permits.push((permit.to_owned(), key.to_string()));
    }
    let holder = |permit: &str| permits.iter().find(|(id, _)| id == permit).map(|(_, holder)| holder.clone());
    for alert in published.values().filter(|alert| alert.status.stands() && alert.rule_id != "employer-breach-cluster")
    {
        holders.extend(holder(&alert.subject));
    }
    let (person, post) = last_posts(&data, &holders).pop().expect("nobody with an alert is in the register");
    let own: Vec<AlertId> = published
        .iter()
        .filter(|(_, alert)| alert.status.stands() && holder(&alert.subject).as_ref() == Some(&person))
        .map(|(id, _)| *id)
        .collect();
    assert!(!own.is_empty());
    let own_permits: Vec<&String> = permits.iter().filter(|(_, of)| *of == person).map(|(permit, _)| permit).collect();
    let before = world.published_messages();

    let end =
        Feed::SOURCES.into_iter().flat_map(|feed| data.messages(feed)).map(|message| message.known_time).max().unwrap();
    let day = |number: i64| KnownTime(end + number * MICROS_PER_DAY);
    writer.write(Feed::Population, person.as_bytes(), Some(&marked(&post, 1, true)), day(1), None).unwrap();
    clocks(&mut writer, day(1));
    world.wait_until("that the person's alerts are withdrawn", LIMIT, || {
        let stands = world.standing();
        own.iter().all(|id| !stands.contains_key(id))
    });
    world.settled();
    // What has left since: of this person an id, a number, a status.
    let mut place = 0;
    let ids: BTreeSet<String> = own.iter().map(|id| keys().alert_id(*id).to_hex()).collect();
    let mut ends = 0;
    let mut last: Vec<(String, Value)> = Vec::new();
    world.read(&[world.kafka.alerts_topic()], |message| {
        place += 1;
        let payload: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        last.push((String::from_utf8_lossy(message.key().unwrap()).into_owned(), payload));
    });
    assert!(place > before);
    let pseudonym = keys().of(&person);
    for id in &ids {
        let (_, payload) = last.iter().rev().find(|(key, _)| key == id).unwrap();
        let members: BTreeSet<&str> = payload.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["alert_id", "key_id", "sequence", "status"].into(), "{payload}");
        assert_eq!(payload["status"], "retracted");
        ends += 1;
    }
    let about = last.iter().filter(|(_, payload)| payload["person"].as_str() == Some(pseudonym.as_str())).count();
    let told = last.iter().filter(|(key, payload)| ids.contains(key) && payload["person"].is_null()).count();
    assert_eq!(told, ends, "one end of each alert");
    assert!(about >= ends, "the person had alerts before");

    // Nothing of it is in the log, and nothing is shown.
    let log = world.log();
    assert!(own_permits.iter().all(|permit| !log.contains(permit.as_str())) && !log.contains(&person));
    let id = keys().alert_id(own[0]).to_hex();
    let shown = world.command(&["explain", &id], world.http_port).output().unwrap();
    assert!(!shown.status.success() || !String::from_utf8_lossy(&shown.stdout).contains(own_permits[0].as_str()));

    // A start says nothing more.
    let messages = world.published_messages();
    detector.kill();
    let detector = world.ready_detector(LIMIT);
    world.settled();
    assert_eq!(world.published_messages(), messages, "{}", world.log());
    assert!(
        own.iter().all(|id| world
            .published()
            .get(id)
            .is_none_or(|alert| !alert.status.stands() && alert.evidence.is_empty()))
    );

    // The mark is taken away.
    writer.write(Feed::Population, person.as_bytes(), Some(&marked(&post, 2, false)), day(2), None).unwrap();
    clocks(&mut writer, day(2));
    world.wait_until("what holds again", LIMIT, || own.iter().any(|id| world.standing().contains_key(id)));
    world.settled();
    let now = world.published();
    for id in own.iter().filter(|id| world.standing().contains_key(id)) {
        assert_eq!(now[id].status, Status::Raised);
        assert!(now[id].sequence > published[id].sequence + 1 && !now[id].finding.sv.is_empty(), "{:?}", now[id]);
    }
    detector.kill();
}

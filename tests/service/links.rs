//! Aim: what a unit showed to another before a stop is taken back after it, if it no longer stands; a start alone says nothing; and a
//! record that came too late meanwhile marks the alerts that it concerns.
//! Method: two holders of one travel document; the record of one of them is withdrawn while nobody reads.

use std::time::Duration;

use permitwatch::model::alert::Alert;
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{KnownTime, parse_instant};
use permitwatch::tools::broker::FeedWriter;
use rdkafka::message::Message as _;
use serde_json::{Value, json};

use crate::harness::World;

const RULE: &str = "false-or-duplicate-identity";
const LIMIT: Duration = Duration::from_secs(60);

fn at(time: &str) -> KnownTime {
    KnownTime(parse_instant(&format!("2026-11-20T{time}:00Z")).unwrap())
}

fn write(writer: &mut FeedWriter, feed: Feed, person: &str, time: &str, own: &Value) {
    let mut record = json!({
        "schema_ver": 1, "registered_at": format!("2026-11-20T{time}:00.000000Z"), "source": "mv", "purpose": "permit_control",
        "secrecy_class": 0
    });
    record.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    let payload = serde_json::to_vec(&record).unwrap();
    writer.write(feed, person.as_bytes(), Some(&payload), at(time), None).unwrap();
}

fn permit(writer: &mut FeedWriter, person: &str) {
    write(
        writer,
        Feed::Permits,
        person,
        "08:00",
        &json!({
            "table": "permits", "record_key": format!("{person}-1"), "version": 1, "op": "upsert", "event_time": "2026-01-01",
            "permit_id": format!("{person}-1"), "permit_class": "RESEARCH", "first_grant": true, "application_on": "2025-10-01",
            "decided_on": "2025-12-01", "valid_from": "2026-01-01", "valid_to": "2027-12-31", "held_since": "2026-01-01",
            "card_issued_on": "2026-01-05", "work_right": "any", "name_at_grant": format!("X Y{person}"),
            "birth_on_at_grant": "1990-01-01", "citizenships_at_grant": ["IND"]
        }),
    );
}

fn document(writer: &mut FeedWriter, person: &str, time: &str, version: i64, op: &str) {
    write(
        writer,
        Feed::Permits,
        person,
        time,
        &json!({
            "table": "documents", "record_key": "doc:1", "version": version, "op": op, "event_time": "2024-01-01", "kind": "P",
            "document_key": "dSHARED", "valid_from": "2024-01-01", "valid_to": "2034-01-01"
        }),
    );
}

fn clocks(writer: &mut FeedWriter, time: &str) {
    Feed::SOURCES.into_iter().for_each(|feed| writer.write_clock(feed, at(time), None).unwrap());
    writer.flush().unwrap();
}

fn standing(world: &World) -> usize {
    world.published().values().filter(|alert| alert.rule_id == RULE && alert.status.stands()).count()
}

/// Records among the internal topics' messages: clocks have no key.
fn shown(world: &World) -> usize {
    let topics = [Feed::Links, Feed::Derived].map(|feed| world.kafka.topic(feed));
    let mut records = 0;
    world.read(&topics, |message| records += usize::from(message.key().is_some()));
    records
}

#[test]
fn a_stop_loses_nothing_of_what_was_shown_or_came_too_late() {
    let world = World::new("links");
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    for person in ["pA", "pB"] {
        permit(&mut writer, person);
        document(&mut writer, person, "08:01", 1, "upsert");
    }
    clocks(&mut writer, "08:30");
    let mut detector = world.detector();
    world.wait_until("both alerts", LIMIT, || {
        detector.assert_alive(&world);
        standing(&world) == 2
    });
    let said = shown(&world);
    assert!(said >= 4, "each shows its document, and each is shown the other: {said}");
    detector.kill();
    // A start with nothing new says nothing.
    let mut detector = world.detector();
    world.wait_until("the links", LIMIT, || {
        detector.assert_alive(&world);
        world.log().matches("links recovered").count() >= 1
    });
    detector.kill();
    document(&mut writer, "pA", "09:05", 2, "retract");
    clocks(&mut writer, "09:06");
    let before = shown(&world);
    assert_eq!(before, said, "what stood was said once more");
    let mut detector = world.detector();
    world.wait_until("no alert", LIMIT, || {
        detector.assert_alive(&world);
        standing(&world) == 0
    });
    // And it may come back.
    document(&mut writer, "pA", "10:00", 3, "upsert");
    clocks(&mut writer, "10:01");
    world.wait_until("both alerts again", LIMIT, || {
        detector.assert_alive(&world);
        standing(&world) == 2
    });
    // A record from before the kept history, which nobody reads until the next start: a person has to look.
    detector.kill();
    let own = json!({
        "record_key": "entry", "version": 5, "op": "upsert", "event_time": "2023-01-01", "event_on": "2023-01-01", "name": "X YpB",
        "birth_on": "1990-01-01", "citizenships": ["IND"], "civil_status": "OG", "registered_on": "2023-01-01"
    });
    write(&mut writer, Feed::Population, "pB", "10:05", &own);
    clocks(&mut writer, "10:06");
    let mut detector = world.detector();
    world.wait_until("the mark", LIMIT, || {
        detector.assert_alive(&world);
        let alerts = world.published();
        let marked = |alert: &&Alert| alert.subject == "pB-1" && alert.rule_id == RULE && alert.late_record;
        alerts.values().any(|alert| marked(&alert)) && alerts.values().filter(marked).all(|alert| alert.status.stands())
    });
}

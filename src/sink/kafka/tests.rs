//! Aim: what was published is read back as the last transition of each alert; no message is acknowledged that was not written.
//! Method: the embedded broker, and a cluster that does not exist.

use std::sync::Arc;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::message::Message as _;
use rdkafka::mocking::MockCluster;
use rdkafka::types::RDKafkaRespErr;

use super::*;
use crate::kafka::Patience;
use crate::model::alert::{Alert, AlertId, Bilingual, Severity, Status};
use crate::model::record::{Coordinates, Offset, Reason};
use crate::model::stage::Stage;
use crate::model::time::{KnownTime, WallTime};
use crate::pseudonyms::MAX_SEQUENCE;
use crate::sink::ReadUpTo;
use crate::tools::broker::EmbeddedBroker;

fn start() -> (EmbeddedBroker, KafkaConfig) {
    let config = KafkaConfig::default();
    let broker = EmbeddedBroker::start(&config, 2).unwrap();
    let config = broker.config(&config);
    (broker, config)
}

fn keys() -> Arc<Pseudonyms> {
    Arc::new(Pseudonyms::new("a key of the tests, thirty-two bytes", "1"))
}

fn alert(key: &str, sequence: u64, status: Status) -> Emitted {
    let alert = Alert {
        sequence,
        status,
        rule_fingerprint: "f".into(),
        person: "p".into(),
        permit_class: Some("WORK_EMP".into()),
        severity: Severity::Medium,
        as_of: "2024-05-01T00:00:00.000000Z".into(),
        alert_at: "2024-05-01T00:00:00.000000Z".into(),
        finding: Bilingual { sv: "å".into(), en: "a".into() },
        legal_basis: vec!["UtlL 7 kap. 7 e §".into()],
        evidence: serde_json::Map::from_iter([("gross_sek".to_owned(), serde_json::json!(0))]),
        ..Alert::blank("work-not-started", "P1", key)
    };
    Emitted { alert, sent_at: None, deadline: false }
}

fn headers(clock: i64) -> RunHeaders {
    RunHeaders {
        published_at: WallTime(1_714_521_600_123_456),
        read: ReadUpTo {
            clock: KnownTime(clock),
            offsets: std::array::from_fn(|feed| NextOffset(feed as i64 + clock)),
            ..ReadUpTo::default()
        },
        snapshot: Some("permits-2024-05-01.parquet".into()),
        key_id: "1".into(),
    }
}

fn publish(sink: &mut KafkaSink, alerts: &[Emitted], headers: &RunHeaders) -> Result<(), SinkError> {
    sink.publish(alerts, headers)?;
    written(sink)
}

fn written(sink: &mut KafkaSink) -> Result<(), SinkError> {
    sink.seal();
    sink.acknowledged(true).map(|at| assert!(at.is_some()))
}

#[test]
fn the_last_word_on_every_alert_is_read_back() {
    let (_broker, config) = start();
    let empty = read_published(&config, &keys(), 1).unwrap();
    assert!(empty.alerts.is_empty() && empty.headers.is_none() && empty.next == NextOffset(0));

    let mut sink = KafkaSink::new(&config, keys(), 1, [empty.next, NextOffset(0)]).unwrap();
    publish(&mut sink, &[alert("a", 1, Status::Raised), alert("b", 1, Status::Raised)], &headers(100)).unwrap();
    publish(&mut sink, &[alert("a", 2, Status::Cleared)], &headers(200)).unwrap();
    assert_eq!((sink.next(Outlet::Officers), sink.take_foreign_writes()), (NextOffset(3), 0));

    let published = read_published(&config, &keys(), 1).unwrap();
    assert_eq!((published.messages, published.unreadable, published.next), (3, 0, NextOffset(3)));
    let a = &published.alerts[&AlertId::new("work-not-started", "P1", "a")];
    assert_eq!(*a, alert("a", 2, Status::Cleared).alert);
    assert_eq!(published.alerts.len(), 2);
    assert_eq!(published.headers, Some(headers(200)));
    assert!(read_published(&config, &keys(), 0).unwrap().alerts.is_empty(), "the other shard has published nothing");
}

#[test]
fn reading_what_was_published_ends_when_nobody_needs_it() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    publish(&mut sink, &[alert("a", 1, Status::Raised)], &headers(1)).unwrap();
    let read = read_published_with(Outlet::Officers, &config, &keys(), 0, Patience::While(&|| false));
    assert!(matches!(read, Err(SinkError::Stopped)));
}

#[test]
fn a_clock_that_has_not_started_survives_the_headers() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    let run = RunHeaders { read: ReadUpTo::default(), snapshot: None, ..headers(0) };
    publish(&mut sink, &[alert("a", 1, Status::Raised)], &run).unwrap();
    assert_eq!(read_published(&config, &keys(), 0).unwrap().headers, Some(run));
}

#[test]
fn a_zombie_is_noticed_and_the_higher_sequence_wins() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    let mut zombie = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    publish(&mut sink, &[alert("a", 1, Status::Raised), alert("a", 2, Status::Cleared)], &headers(1)).unwrap();
    publish(&mut zombie, &[alert("a", 1, Status::Raised)], &headers(0)).unwrap();
    assert_eq!(zombie.take_foreign_writes(), 2);
    assert_eq!(read_published(&config, &keys(), 0).unwrap().next, NextOffset(3));
    publish(&mut sink, &[alert("b", 1, Status::Raised)], &headers(2)).unwrap();
    assert_eq!((sink.take_foreign_writes(), sink.take_foreign_writes()), (1, 0));
    let published = read_published(&config, &keys(), 0).unwrap();
    assert_eq!(published.alerts[&AlertId::new("work-not-started", "P1", "a")].sequence, 2);
    assert_eq!(published.messages, 4);
}

#[test]
fn each_outlet_has_a_topic_of_its_own() {
    let (_broker, config) = start();
    let on_trial = |key: &str, sequence: u64| {
        let Emitted { alert, .. } = alert(key, sequence, Status::Raised);
        Emitted { alert: Alert { stage: Stage::Shadow, ..alert }, sent_at: None, deadline: false }
    };
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    // The same alert, as a rule that goes live leaves it on both.
    let batch = [on_trial("a", 1), alert("a", 1, Status::Raised), on_trial("b", 1)];
    publish(&mut sink, &batch, &headers(7)).unwrap();
    assert_eq!(Outlet::ALL.map(|outlet| sink.next(outlet)), [NextOffset(1), NextOffset(2)]);
    let read = |outlet| read_published_of(outlet, &config, &keys(), 0).unwrap();
    let stages = |outlet| read(outlet).alerts.into_values().map(|alert| alert.stage).collect::<Vec<_>>();
    assert_eq!(stages(Outlet::Officers), [Stage::Live]);
    assert_eq!(stages(Outlet::Shadow), [Stage::Shadow; 2]);
    assert_eq!(Outlet::ALL.map(|outlet| read(outlet).headers), [Some(headers(7)), Some(headers(7))]);
    // What somebody has put into one of them is noticed there, and removed from there.
    let mut other = KafkaSink::new(&config, keys(), 0, [NextOffset(1), NextOffset(2)]).unwrap();
    publish(&mut other, &[on_trial("c", 1)], &headers(8)).unwrap();
    publish(&mut sink, &[alert("b", 1, Status::Raised)], &headers(9)).unwrap();
    assert_eq!(sink.take_foreign_writes(), 0);
    publish(&mut sink, &[on_trial("b", 2)], &headers(9)).unwrap();
    assert_eq!(sink.take_foreign_writes(), 1);
    sink.disown(Outlet::Shadow, &[AlertId([9; 16])]).unwrap();
    written(&mut sink).unwrap();
    assert_eq!(Outlet::ALL.map(|outlet| read(outlet).messages), [2, 5]);
    // A signature holds on its own topic alone: nobody makes an alert for officers of one on trial.
    let consumer = kafka::plain_consumer(&config).unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&config.shadow_topic(), 0, rdkafka::Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let copied = loop {
        assert!(Instant::now() < deadline, "the message is there");
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            break message.detach();
        }
    };
    let producer: ThreadedProducer<Deliveries> =
        kafka::client_config(&config).unwrap().create_with_context(Deliveries::default()).unwrap();
    let topic = config.alerts_topic();
    let record = BaseRecord::with_opaque_to(&topic, DeliveryTag::Other(0).to_opaque()).partition(0);
    let record = record.key(copied.key().unwrap()).payload(copied.payload().unwrap());
    producer.send(record.headers(copied.headers().unwrap().clone())).map_err(|(error, _)| error).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
    let officers = read(Outlet::Officers);
    assert_eq!((officers.unsigned, officers.messages), (1, 3));
    assert_eq!(stages(Outlet::Officers), [Stage::Live; 2]);
}

#[test]
fn many_alerts_keep_their_order() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    let alerts: Vec<Emitted> = (1..=3_000).map(|sequence| alert("a", sequence, Status::Updated)).collect();
    publish(&mut sink, &alerts, &headers(1)).unwrap();
    let published = read_published(&config, &keys(), 0).unwrap();
    assert_eq!((published.messages, published.first), (3_000, NextOffset(0)));
    assert_eq!(published.alerts[&AlertId::new("work-not-started", "P1", "a")].sequence, 3_000);
}

#[test]
fn batches_are_under_way_together_and_acknowledged_one_by_one() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    let (woken, wakes) = std::sync::mpsc::channel();
    sink.call_when_acknowledged(Arc::new(move || woken.send(()).unwrap()));
    sink.publish(&[alert("a", 1, Status::Raised)], &headers(1)).unwrap();
    sink.seal();
    sink.publish(&[alert("b", 1, Status::Raised), alert("a", 2, Status::Cleared)], &headers(2)).unwrap();
    sink.seal();
    sink.seal();
    assert_eq!(sink.next(Outlet::Officers), NextOffset(0), "not yet asked for");
    let mut told = 0;
    while told < 3 {
        wakes.recv_timeout(Duration::from_secs(60)).unwrap();
        while sink.acknowledged(false).unwrap().is_some() {
            told += 1;
        }
    }
    assert_eq!((told, sink.next(Outlet::Officers), sink.take_foreign_writes()), (3, NextOffset(3), 0));
    assert_eq!(read_published(&config, &keys(), 0).unwrap().messages, 3);
}

/// A producer that does not know a topic asks for it first, and checks for the answer once a second: here it gets none.
#[test]
fn the_first_alert_goes_out_without_a_question() {
    let cluster = MockCluster::new(1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let config = KafkaConfig { brokers, security_protocol: "plaintext".into(), ..KafkaConfig::default() };
    for topic in [config.alerts_topic(), config.quarantine_topic()].iter().chain(&kafka::feed_topics(&config)) {
        cluster.create_topic(topic, 2, 1).unwrap();
    }
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    cluster.topic_error(&config.alerts_topic(), RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE).unwrap();
    publish(&mut sink, &[alert("a", 1, Status::Raised)], &headers(1)).unwrap();
    assert_eq!(sink.next(Outlet::Officers), NextOffset(1));
}

/// A header more, or one fewer: recovery depends on how far the writer had read, and on nothing else.
#[test]
fn how_far_another_version_had_read_is_known_whatever_else_it_says() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    let topic = config.alerts_topic();
    let published = keys().publish(&alert("a", 1, Status::Raised).alert, None).remove(0);
    let message = Outgoing {
        key: Some(published.id().into()),
        payload: Some(serde_json::to_vec(&published).unwrap()),
        headers: Some(headers::write_read(OwnedHeaders::new(), &self::headers(7).read)),
        partition: None,
        known_time: None,
        alert_of: None,
    };
    let message = sink.signed(&topic, message);
    sink.send(&topic, &[message], |_| &topic).unwrap();
    written(&mut sink).unwrap();
    let published = read_published(&config, &keys(), 0).unwrap();
    assert_eq!((published.alerts.len(), published.headers), (1, None));
    assert_eq!(published.read, Some(self::headers(7).read));
}

#[test]
fn foreign_messages_are_skipped_and_counted() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    publish(&mut sink, &[alert("a", 1, Status::Raised)], &headers(1)).unwrap();
    let topic = config.alerts_topic();
    let garbage = Outgoing {
        key: Some("?".into()),
        payload: Some(b"not an alert".to_vec()),
        headers: None,
        partition: None,
        known_time: None,
        alert_of: None,
    };
    sink.send(&topic, &[garbage], |_| &topic).unwrap();
    written(&mut sink).unwrap();
    let published = read_published(&config, &keys(), 0).unwrap();
    assert_eq!((published.messages, published.unsigned, published.alerts.len()), (2, 1, 1));
    assert_eq!(published.headers, Some(headers(1)));
}

/// Writes a message as somebody would who may write to the topic and has no key; `sink` is anybody's.
fn forge(
    sink: &mut KafkaSink,
    config: &KafkaConfig,
    id: AlertId,
    payload: Option<Vec<u8>>,
    headers: Option<OwnedHeaders>,
) {
    let topic = config.alerts_topic();
    let (key, is_alert) = (Some(id.to_hex()), true);
    let message = Outgoing {
        key,
        payload,
        headers,
        partition: None,
        known_time: None,
        alert_of: is_alert.then_some(Outlet::Officers),
    };
    sink.send(&topic, &[message], |_| &topic).unwrap();
    written(sink).unwrap();
}

#[test]
fn what_others_write_counts_for_nothing_and_is_answered() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    let said = ["a", "b", "c", "d", "e"].map(|key| alert(key, 3, Status::Raised));
    publish(&mut sink, &said, &headers(1)).unwrap();
    publish(&mut sink, &[alert("e", 4, Status::Cleared)], &headers(2)).unwrap();
    let own = |key| AlertId::new("work-not-started", "P1", key);
    let id = |key| keys().alert_id(own(key));
    let published = |key, sequence| keys().publish(&alert(key, sequence, Status::Cleared).alert, None).remove(0);
    let payload = |key, sequence| Some(serde_json::to_vec(&published(key, sequence)).unwrap());
    let read = |clock| Some(headers::write_read(OwnedHeaders::new(), &self::headers(clock).read));

    // An ending with a header of years ahead, and one with a sequence after which none can come.
    forge(&mut sink, &config, id("a"), payload("a", 9), read(i64::MAX / 2));
    forge(&mut sink, &config, id("b"), payload("b", u64::MAX), None);
    // An alert of nobody's, a tombstone, a word about what has ended.
    forge(&mut sink, &config, AlertId([7; 16]), payload("x", 1), None);
    forge(&mut sink, &config, id("d"), None, None);
    forge(&mut sink, &config, id("e"), payload("e", 5), None);
    let found = read_published(&config, &keys(), 0).unwrap();
    assert_eq!((found.unsigned, found.unreadable, found.alerts.len()), (4, 0, 5));
    assert_eq!(found.headers, Some(headers(2)), "a forged header");
    assert_eq!(found.again, [own("a"), own("b"), own("d"), own("e")].into());
    assert_eq!(found.foreign, [AlertId([7; 16])]);
    for key in ["a", "b", "c", "d"] {
        let alert = &found.alerts[&own(key)];
        assert!(alert.status.stands() && alert.sequence.checked_add(1).is_some(), "{key}: {}", alert.sequence);
    }
    assert_eq!(
        (found.alerts[&own("a")].sequence, found.alerts[&own("e")].sequence),
        (9, 5),
        "theirs count for readers"
    );
    assert!(found.older.is_empty());

    // Once answered, nothing is left to say.
    sink.disown(Outlet::Officers, &found.foreign).unwrap();
    let again: Vec<Emitted> = ["a", "b", "d"].map(|key| alert(key, MAX_SEQUENCE / 2 + 1, Status::Updated)).into();
    publish(&mut sink, &again, &headers(3)).unwrap();
    publish(&mut sink, &[alert("e", 6, Status::Cleared)], &headers(3)).unwrap();
    let found = read_published(&config, &keys(), 0).unwrap();
    assert!(found.again.is_empty() && found.foreign.is_empty(), "{:?} {:?}", found.again, found.foreign);

    // One of ours, once more: signed, and older than what was said since.
    let first = alert("a", 3, Status::Raised);
    publish(&mut sink, &[first], &headers(1)).unwrap();
    let found = read_published(&config, &keys(), 0).unwrap();
    assert_eq!(found.again, [own("a")].into());
}

#[test]
fn of_what_was_withdrawn_without_a_word_only_the_sequence_is_known() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    let withheld = |key, sequence| {
        let emitted = alert(key, sequence, Status::Retracted);
        Emitted { alert: emitted.alert.withheld(), ..emitted }
    };
    let own = |key| AlertId::new("work-not-started", "P1", key);
    publish(&mut sink, &[alert("a", 1, Status::Raised), withheld("a", 2), withheld("b", 5)], &headers(1)).unwrap();
    let found = read_published(&config, &keys(), 0).unwrap();
    assert_eq!((found.unreadable, found.unsigned), (0, 0));
    // The topic still has an earlier word on one of them; of the other compaction has left the end alone.
    let a = &found.alerts[&own("a")];
    assert_eq!((a.status, a.sequence, a.is_withheld), (Status::Retracted, 2, true));
    assert!(a.finding.sv.is_empty() && a.person.is_empty() && a.legal_basis.is_empty());
    assert_eq!(found.floors, [(keys().alert_id(own("b")), 5)].into());
    assert!(found.again.is_empty() && found.foreign.is_empty());
    publish(&mut sink, &[alert("a", 3, Status::Raised)], &headers(2)).unwrap();
    let found = read_published(&config, &keys(), 0).unwrap();
    assert!(found.alerts[&own("a")].status.stands() && found.again.is_empty());
}

#[test]
fn another_key_ends_what_stands_under_the_older_one_and_raises_it_anew() {
    let (_broker, config) = start();
    let other = "9f1c3ab0d47e6258c1e09b7a4d3f886211aa22bb33cc44dd";
    let now = Arc::new(Pseudonyms::new(other, "2").and_older([("a key of the tests, thirty-two bytes", "1")]));
    let mut sink = KafkaSink::new(&config, keys(), 0, [NextOffset(0); 2]).unwrap();
    let said = [alert("a", 2, Status::Raised), alert("b", 1, Status::Raised), alert("c", 1, Status::Raised)];
    publish(&mut sink, &said, &headers(1)).unwrap();
    publish(&mut sink, &[alert("b", 2, Status::Cleared)], &headers(1)).unwrap();
    let own = |key| AlertId::new("work-not-started", "P1", key);

    let found = read_published(&config, &now, 0).unwrap();
    assert_eq!(found.alerts[&own("a")], alert("a", 2, Status::Raised).alert);
    assert_eq!(found.again, [own("a"), own("c")].into());
    let mut sink = KafkaSink::new(&config, Arc::clone(&now), 0, [found.next, NextOffset(0)])
        .unwrap()
        .ending_older([found.older, Default::default()]);
    let headers = RunHeaders { key_id: "2".into(), ..headers(2) };
    publish(&mut sink, &[alert("a", 3, Status::Updated), alert("c", 2, Status::Cleared)], &headers).unwrap();
    assert_eq!(sink.take_foreign_writes(), 0);

    let found = read_published(&config, &now, 0).unwrap();
    assert!(found.again.is_empty() && found.older.is_empty() && found.foreign.is_empty());
    let a = &found.alerts[&own("a")];
    assert_eq!((a.status, a.sequence), (Status::Raised, 3));
    assert_eq!(a.replaces, Some(keys().alert_id(own("a")).to_hex()));
    assert!(!found.alerts[&own("c")].status.stands());
    // Who has the older key alone takes it for another's word: every process has to know the new one before any writes with it.
    let before = read_published(&config, &keys(), 0).unwrap();
    assert!(before.again.contains(&own("a")) && before.unsigned == 0);
    // Without the older key nothing is left that stands and cannot be read.
    let after = read_published(&config, &Pseudonyms::new(other, "2"), 0).unwrap();
    assert_eq!((after.alerts.len(), after.again.len()), (1, 0));
}

#[test]
fn quarantine_entries_carry_no_payload() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 1, [NextOffset(0), NextOffset(0)]).unwrap();
    let entry = Quarantined {
        coordinates: Coordinates { feed: Feed::Border, partition: 1, offset: Offset(42) },
        reason: Reason::BadNumber,
        detail: "payer_id".into(),
        known_time: KnownTime(0),
    };
    sink.quarantine(&[entry]).unwrap();
    written(&mut sink).unwrap();
    assert_eq!(sink.next(Outlet::Officers), NextOffset(0), "the alerts partition is untouched");
    let consumer = kafka::plain_consumer(&config).unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&config.quarantine_topic(), 1, rdkafka::Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let message = loop {
        assert!(Instant::now() < deadline, "the entry is there");
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            break message;
        }
    };
    assert_eq!(message.key(), Some(b"border/1/42".as_slice()));
    let note: serde_json::Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
    let expected = serde_json::json!({
        "feed": "border", "topic": "permitwatch.border", "partition": 1, "offset": 42, "reason": "bad_number",
        "detail": "payer_id", "known_time": "1970-01-01T00:00:00.000000Z",
    });
    assert_eq!(note, expected);
}

#[test]
fn a_shard_without_a_partition_is_an_error_and_stays_one() {
    let (_broker, config) = start();
    let mut sink = KafkaSink::new(&config, keys(), 7, [NextOffset(0), NextOffset(0)]).unwrap();
    let error = publish(&mut sink, &[alert("a", 1, Status::Raised)], &headers(1)).unwrap_err();
    assert!(error.to_string().contains("permitwatch.alerts/7"), "{error}");
    sink.shard = 0;
    assert!(publish(&mut sink, &[alert("a", 1, Status::Raised)], &headers(1)).is_err(), "nothing is sent past a gap");
    assert_eq!(read_published(&config, &keys(), 0).unwrap().messages, 0);
}

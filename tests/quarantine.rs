//! Aim: what was set aside can be looked at and given another try, and nothing is written without being asked for.
//! Method: the real binary against Apache Kafka that holds a misrouted message and one from the future.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

#[path = "broker/mod.rs"]
mod broker;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use permitwatch::model::clock::wall;
use permitwatch::model::partition::partition_of;
use permitwatch::model::record::{Coordinates, NextOffset, Offset, Quarantined, Reason};
use permitwatch::model::schema::Feed;
use permitwatch::model::time::KnownTime;
use permitwatch::pseudonyms::Pseudonyms;
use permitwatch::sink::AlertSink;
use permitwatch::sink::kafka::KafkaSink;
use permitwatch::source::kafka::MessageReader;
use permitwatch::tools::broker::FeedWriter;

use broker::Brokers;

const KEY: &[u8] = b"somebody";

fn excused_month(event_time: &str) -> String {
    format!(
        r#"{{"table":"excused_months","schema_ver":1,"record_key":"m","version":1,"op":"upsert","event_time":"{event_time}","registered_at":"2025-05-01T00:00:00Z","source":"fk","purpose":"permit_control","secrecy_class":1,"month":"2025-05"}}"#
    )
}

fn quarantine(config: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_permitwatch"));
    let Output { status, stdout, stderr } =
        command.arg("quarantine").args(args).arg("--config").arg(config).output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{text}{}", String::from_utf8_lossy(&stderr));
    text
}

#[test]
fn what_would_pass_now_is_produced_when_asked_for_and_not_before() {
    let brokers = Brokers::start(1);
    let config = brokers.topics("quarantine", 2);
    let dir = tempfile::tempdir().unwrap();
    let file = &dir.path().join("permitwatch.toml");
    let text = format!("[kafka]\nbrokers = \"{}\"\ntopic_prefix = \"{}\"\n", config.brokers, config.topic_prefix);
    std::fs::write(file, text).unwrap();
    let right = partition_of(KEY, 2);
    let wrong = 1 - right;
    let mut writer = FeedWriter::new(&config).unwrap();
    let past = KnownTime(wall().0 - 1_000_000);
    for payload in [excused_month("2025-05-01"), excused_month("2190-01-01")] {
        writer.write_to(Feed::Payments, wrong, Some(KEY), Some(payload.as_bytes()), past, None).unwrap();
    }
    writer.flush().unwrap();
    let at = |partition, offset| Coordinates { feed: Feed::Payments, partition, offset: Offset(offset) };
    let entry = |offset, reason| Quarantined {
        coordinates: at(wrong, offset),
        reason,
        detail: "told by a test".into(),
        known_time: past,
    };
    let pseudonyms = Arc::new(Pseudonyms::new("a key of the tests, thirty-two bytes", "1"));
    let mut sink = KafkaSink::new(&config, pseudonyms, wrong, [NextOffset(0); 2]).unwrap();
    // A shard that rebuilds sets the same message aside again.
    sink.quarantine(&[entry(0, Reason::Misrouted)]).unwrap();
    sink.quarantine(&[entry(0, Reason::Misrouted), entry(1, Reason::Future), entry(9, Reason::Malformed)]).unwrap();
    sink.seal();
    sink.acknowledged(true).unwrap();

    let listed = quarantine(file, &["list"]);
    assert!(
        listed.contains("payments     in another key's partition         misrouted                   1")
            && listed.contains("payments/")
            && listed.contains(": told by a test")
            && listed.contains("3 entries; 1 more"),
        "{listed}"
    );
    let json: serde_json::Value = serde_json::from_str(&quarantine(file, &["list", "--json"])).unwrap();
    assert_eq!(json["entries"].as_array().unwrap().len(), 3, "{json}");

    let reader = MessageReader::new(&config).unwrap();
    let dry = quarantine(file, &["redrive"]);
    assert!(dry.contains("1 would pass") && dry.contains("1 still bad") && dry.contains("1 gone"), "{dry}");
    assert!(reader.read(at(right, 0)).unwrap().is_none(), "a dry run writes nothing");

    let applied = quarantine(file, &["redrive", "--reason", "misrouted", "--apply"]);
    assert!(applied.contains(&format!("produced to partition {right}")), "{applied}");
    let message = reader.read(at(right, 0)).unwrap().unwrap();
    assert_eq!(message.key.as_deref(), Some(KEY));
    assert_eq!(message.payload.as_deref(), Some(excused_month("2025-05-01").as_bytes()));
    assert!(message.known_time > past, "it became known now");
    assert!(reader.read(at(right, 1)).unwrap().is_none(), "it was produced once");
    assert!(reader.read(at(wrong, 2)).unwrap().is_none(), "nothing else was written");
}

//! Aim: each error that an adapter can make is found, and a correct cluster passes.
//! Method: the embedded broker; topic settings, which it does not report, as tables.

use super::checks;
use super::*;
use crate::model::time::KnownTime;
use crate::tools::broker::{EmbeddedBroker, FeedWriter};

const NOW: WallTime = WallTime(1_700_000_000_000_000);

fn start(partitions: i32) -> (EmbeddedBroker, Config) {
    let config = Config::default();
    let broker = EmbeddedBroker::start(&config.kafka, partitions).unwrap();
    let kafka = broker.config(&config.kafka);
    (broker, Config { kafka, ..config })
}

fn notice(record_key: &str) -> Vec<u8> {
    format!(
        r#"{{"schema_ver":1,"record_key":"{record_key}","version":1,"op":"upsert","event_time":"2023-11-01",
        "registered_at":"2023-11-02T08:00:00Z","source":"employer","purpose":"permit_control","secrecy_class":0,
        "kind":"employment_start","event_on":"2023-11-01"}}"#
    )
    .into_bytes()
}

fn institution() -> Vec<u8> {
    br#"{"table":"institutions","schema_ver":1,"record_key":"L1","version":1,"op":"upsert","event_time":"2020-01-01",
        "registered_at":"2020-01-01T08:00:00Z","source":"ladok","purpose":"permit_control","secrecy_class":0,
        "institution_id":"L1","reports_studies":true}"#
        .to_vec()
}

fn of_topic<'f>(findings: &'f [Finding], topic: &str) -> Vec<&'f Finding> {
    findings.iter().filter(|finding| finding.topic == topic).collect()
}

#[test]
fn a_good_cluster_passes() {
    let (_broker, config) = start(2);
    let mut writer = FeedWriter::new(&config.kafka).unwrap();
    for number in 0..50 {
        let key = format!("P{number}");
        writer.write(Feed::Notices, key.as_bytes(), Some(&notice(&key)), KnownTime(NOW.0 - 1_000_000), None).unwrap();
    }
    writer.write(Feed::Reference, b"L1", Some(&institution()), KnownTime(NOW.0 - 1_000_000), None).unwrap();
    for feed in Feed::SOURCES {
        writer.write_clock(feed, KnownTime(NOW.0), None).unwrap();
    }
    writer.flush().unwrap();
    let findings = examine(&config, NOW);
    assert!(findings.iter().all(|finding| finding.level < Level::Fail), "{findings:#?}");
    for feed in [Feed::Notices, Feed::Reference, Feed::Border] {
        let found = of_topic(&findings, &config.kafka.topic(feed)).iter().map(|finding| finding.level).max();
        assert_eq!(found, Some(Level::Ok), "{}", feed.name());
    }
}

#[test]
fn faults_of_an_adapter_are_found() {
    let (_broker, config) = start(2);
    let mut writer = FeedWriter::new(&config.kafka).unwrap();
    let key = b"P1";
    let wrong = 1 - crate::model::partition::partition_of(key, 2);
    writer.write_to(Feed::Notices, wrong, Some(key), Some(&notice("A")), KnownTime(NOW.0), None).unwrap();
    writer.write_to(Feed::Notices, wrong, Some(key), Some(b"SECRET"), KnownTime(NOW.0 - 5_000_000), None).unwrap();
    writer.write_to(Feed::Reference, 0, Some(b"L1"), Some(&institution()), KnownTime(NOW.0 * 1000), None).unwrap();
    writer.write_clock(Feed::Border, KnownTime(NOW.0 - 10 * 86_400_000_000), None).unwrap();
    writer.flush().unwrap();
    let findings = examine(&config, NOW);
    let has = |feed: Feed, level: Level, words: &str| {
        let found = of_topic(&findings, &config.kafka.topic(feed));
        assert!(
            found.iter().any(|finding| finding.level == level && finding.message.contains(words)),
            "{words}: {findings:#?}"
        );
    };
    has(Feed::Notices, Level::Fail, "2 of 2 sampled records are in a partition");
    has(Feed::Notices, Level::Fail, "1 of 2 sampled records would be set aside, not one flat JSON object");
    has(Feed::Notices, Level::Warn, "timestamps fall 1 times");
    has(Feed::Notices, Level::Fail, "2 of 2 partitions show no clock message");
    has(Feed::Reference, Level::Fail, "only 1 of 2 partitions have records");
    has(Feed::Reference, Level::Fail, "timestamps lie ahead of now, first at partition/offset 0/0");
    has(Feed::Border, Level::Warn, "10 d");
    has(Feed::Permits, Level::Warn, "is empty");
    assert!(!format!("{findings:?}").contains("SECRET"));
}

#[test]
fn keys_that_no_permit_has_are_found() {
    let (_broker, config) = start(2);
    let mut writer = FeedWriter::new(&config.kafka).unwrap();
    let mut write = |feed, key: &str| {
        writer.write(feed, key.as_bytes(), Some(&notice(key)), KnownTime(NOW.0 - 1_000_000), None).unwrap();
    };
    for number in 0..40 {
        write(Feed::Permits, &format!("P{number}"));
        write(Feed::Notices, &format!("19900101-{number:04}"));
        // One of many is enough: registers tell of everybody.
        write(Feed::Studies, &format!("P{}", number + 39));
    }
    (0..5).for_each(|number| write(Feed::Border, &format!("Q{number}")));
    writer.flush().unwrap();
    let findings = examine(&config, NOW);
    let strange = |feed: Feed| {
        let found = of_topic(&findings, &config.kafka.topic(feed));
        found.iter().any(|finding| finding.message.contains("sampled keys is in"))
    };
    assert!(strange(Feed::Notices), "{findings:#?}");
    assert!(!strange(Feed::Studies) && !strange(Feed::Border), "{findings:#?}");
    assert!(findings.iter().all(|finding| !finding.message.contains("19900101")));
}

#[test]
fn a_feed_that_ends_before_what_was_read_of_it_is_not_merely_empty() {
    let tally = |reached: Vec<i64>, bounds: &[(i64, i64)]| {
        let mut tally = checks::Tally::new(Feed::Notices, reached, 1_000, NOW.0);
        for (partition, (first, end)) in bounds.iter().enumerate() {
            tally.take(&sample::Sampled::Partition { partition: partition as i32, first: *first, end: *end });
        }
        tally
    };
    let found = |refilled: bool, tally: &checks::Tally| -> Vec<(Level, String)> {
        let feed = crate::config::FeedConfig { refilled, ..Default::default() };
        let findings = tally.findings("t", NOW, &feed, 0);
        findings.into_iter().map(|finding| (finding.level, finding.message)).collect()
    };
    let fresh = found(false, &tally(vec![0, 0], &[(0, 0), (0, 0)]));
    assert_eq!(fresh, [(Level::Warn, "is empty".to_owned())]);
    let shortened = found(false, &tally(vec![7, 5], &[(0, 0), (0, 5)]));
    assert_eq!(shortened.len(), 1, "{shortened:?}");
    assert!(shortened[0].0 == Level::Fail && shortened[0].1.starts_with("t/0 ends at 0, and had been read up to 7"));
    assert!(found(true, &tally(vec![7], &[(0, 0)]))[0].1.starts_with("t/0 is empty, and had been read up to 7"));
    assert_eq!(found(true, &tally(vec![7], &[(0, 3)])), [(Level::Warn, "is empty".to_owned())]);
}

#[test]
fn missing_topics_are_found() {
    let (_broker, mut config) = start(1);
    config.kafka.topic_prefix = "elsewhere.".into();
    let findings = examine(&config, NOW);
    assert_eq!(findings.iter().filter(|finding| finding.message == "does not exist").count(), 11);
}

#[test]
fn settings_that_lose_records_are_found() {
    let levels = |is_alerts: bool, values: &[(&str, &'static str)]| {
        let value = |name: &str| values.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| *value);
        checks::settings("t", is_alerts, value).into_iter().map(|finding| finding.level).collect::<Vec<_>>()
    };
    let forever = ("retention.ms", "-1");
    assert_eq!(levels(false, &[("cleanup.policy", "delete"), forever]), [Level::Ok]);
    assert_eq!(levels(false, &[("cleanup.policy", "compact"), forever]), [Level::Fail]);
    assert_eq!(levels(false, &[("cleanup.policy", "delete"), ("retention.ms", "604800000")]), [Level::Warn]);
    assert_eq!(levels(false, &[("cleanup.policy", "delete"), forever, ("retention.bytes", "1")]), [Level::Warn]);
    let appended = ("message.timestamp.type", "LogAppendTime");
    assert_eq!(levels(false, &[("cleanup.policy", "delete"), forever, appended]), [Level::Warn]);
    for name in ["message.timestamp.before.max.ms", "message.timestamp.difference.max.ms"] {
        let delete = ("cleanup.policy", "delete");
        assert_eq!(levels(false, &[delete, forever, (name, "9223372036854775807")]), [Level::Ok]);
        assert_eq!(levels(false, &[delete, forever, (name, "604800000")]), [Level::Warn]);
    }
    assert_eq!(levels(true, &[("cleanup.policy", "compact"), ("retention.ms", "604800000")]), [Level::Ok]);
    assert_eq!(levels(true, &[("cleanup.policy", "delete"), forever]), [Level::Warn]);
}

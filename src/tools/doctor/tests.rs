//! Aim: each error that an adapter can make is found, and a correct cluster passes.
//! Method: the embedded broker; topic settings, which it does not report, as tables.

use super::checks;
use super::*;
use crate::config::FeedConfig;
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
fn a_feed_that_lacks_what_a_start_needs_is_not_merely_empty() {
    let (_broker, mut config) = start(1);
    let mut writer = FeedWriter::new(&config.kafka).unwrap();
    for (known, key) in [(1_714_521_600_000_000, "P1"), (1_714_608_000_000_000, "P2"), (1_714_694_400_000_000, "P3")] {
        writer.write(Feed::Notices, key.as_bytes(), Some(b"{}"), KnownTime(known), None).unwrap();
    }
    writer.flush().unwrap();
    let found = |config: &Config, feed: Feed, next: i64, clock: i64, published_at: i64| -> Vec<String> {
        let mut offsets = [NextOffset::default(); Feed::COUNT];
        offsets[feed.index()] = NextOffset(next);
        let read = ReadUpTo { clock: KnownTime(clock), offsets, ..ReadUpTo::default() };
        let reached = read.as_published(WallTime(published_at), config);
        gaps(config, feed, &[reached]).into_iter().map(|finding| finding.message).collect()
    };
    let (late, published) = (1_714_694_400_000_000, 1_714_700_000_000_000);
    let topic = config.kafka.topic(Feed::Notices);
    assert_eq!(found(&config, Feed::Notices, 3, late, published), [String::new(); 0]);
    let shortened = found(&config, Feed::Notices, 7, late, published);
    assert!(shortened[0].starts_with(&format!("{topic}/0 ends at 3, and had been read up to 7")), "{shortened:?}");
    // As many messages as had been read, and the first of them is from after that.
    let replaced = found(&config, Feed::Notices, 3, 1_714_521_600_000_000 - 1, published);
    assert!(replaced[0].starts_with(&format!("{topic}/0 is not the topic that was read")), "{replaced:?}");
    // Filled again after what was published, but not after what is published then.
    let refilled = |at: &str| FeedConfig { refilled_at: Some(at.into()), ..FeedConfig::default() };
    for feed in [Feed::Notices, Feed::Border] {
        config.feeds.insert(feed.name().into(), refilled("2024-05-03T10:00:00Z"));
    }
    assert_eq!(found(&config, Feed::Notices, 7, late, published), [String::new(); 0]);
    assert_eq!(found(&config, Feed::Notices, 7, late, published + 86_400_000_000).len(), 1);
    let empty = found(&config, Feed::Border, 7, late, published);
    assert!(empty[0].contains("/0 is empty. feeds.border.refilled_at says"), "{empty:?}");
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

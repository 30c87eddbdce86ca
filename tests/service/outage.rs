//! Aim: without brokers nobody says that he is ready, every shard is said to be nobody's, the log stays readable, and afterwards what
//! stands is what stood.
//! Method: three processes on a broker of their own, one of which stands by; the broker is stopped so that connections stand and nothing
//! comes back, for longer than the session lasts; then it goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use permitwatch::tools::broker::FeedWriter;

use crate::broker::Brokers;
use crate::harness::{PARTITIONS, World, dataset, fates_add_up, free_port, metric_at, ready_at, write};
use crate::silence::Prometheus;

const LIMIT: Duration = Duration::from_secs(180);

/// Lines of one kind that one process may write in the outage: three at once and then one a minute.
const LINES_OF_A_KIND: usize = 10;

fn owned(ports: &[u16]) -> f64 {
    ports.iter().filter_map(|port| metric_at(*port, "permitwatch_shard_owned", &[])).sum()
}

/// Warnings and errors by their words, numbers and times aside.
fn kinds(log: &str) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for line in log.lines().filter(|line| line.contains(" WARN ") || line.contains("ERROR")) {
        let words = line.split_once("more like this were left out] ").map_or(line, |(_, line)| line);
        let kind: String = words.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

#[test]
fn an_outage_is_seen_and_leaves_nothing_behind() {
    let brokers = Brokers::start(1);
    let world = World::on(brokers.topics("outage", PARTITIONS));
    let ports = [world.http_port, free_port(), free_port(), free_port()];
    let data = dataset(150, 1);
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    write(&mut writer, &data, |_, _| true);
    let mut detectors: Vec<_> = ports.iter().map(|port| world.detector_at(*port)).collect();
    let mut all_ready = |what: &str| {
        let reached = || {
            detectors.iter_mut().for_each(|detector| detector.assert_alive(&world));
            ports.iter().all(|port| ready_at(*port).0) && owned(&ports) == f64::from(PARTITIONS)
        };
        let instead = || {
            let each = ports.map(|port| format!("{:?}, owns {}", ready_at(port), owned(&[port])));
            each.join("; ")
        };
        world.wait_until_else(what, LIMIT, reached, instead);
    };
    all_ready("three that read and one that stands by");
    let standing_by = ports.iter().filter(|port| ready_at(**port).1.starts_with("stands by")).count();
    assert_eq!(standing_by, 1);
    let lag = |port: u16| metric_at(port, "permitwatch_feed_lag_messages", &[]);
    let prometheus = Prometheus::start(&world, &ports);
    let standing = world.settled();
    assert!(standing.len() >= 3, "too few alerts to tell anything: {}", standing.len());
    let before = world.log().len();

    brokers.freeze();
    world.wait_until("all shards given up, and nobody ready", LIMIT, || {
        let is_lost = |port: &u16| {
            let (ready, reason) = ready_at(*port);
            !ready && reason.starts_with("the brokers do not answer")
        };
        owned(&ports) == 0.0 && ports.iter().all(is_lost)
    });
    for port in ports {
        assert_eq!(metric_at(port, "permitwatch_group_member", &[]), Some(0.0));
        assert_eq!(metric_at(port, "permitwatch_shard_reading", &[]), Some(0.0));
        assert!(lag(port).is_none_or(f64::is_nan), "nobody has told a lag: {:?}", lag(port));
    }

    world.wait_until("the alarms of every shard and every process", LIMIT, || {
        let shards =
            (0..PARTITIONS).all(|shard| prometheus.firing("PermitwatchShardUnowned", "shard", &shard.to_string()));
        let outside =
            |port: &u16| prometheus.firing("PermitwatchOutsideGroup", "instance", &format!("127.0.0.1:{port}"));
        shards && ports.iter().all(outside)
    });

    brokers.thaw();
    all_ready("all of them again");
    assert_eq!(world.settled(), standing, "alerts have come or gone");
    world.wait_until("an end of every message that was read", LIMIT, || ports.iter().all(|port| fates_add_up(*port)));
    let log = &world.log()[before..];
    for (kind, lines) in kinds(log) {
        assert!(lines <= LINES_OF_A_KIND * ports.len(), "{lines} times: {kind}");
    }
}

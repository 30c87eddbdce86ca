//! Hostile rules given to a running detector: what they cost it, and whether its alerts notice.
//!
//! `permitwatch run` as a child reads feeds through Apache Kafka at a steady rate; each border notice raises an alert at once (R19).
//! Latency is from when the notice was due to when this process has the alert. Quiet rounds and rounds of reloads by SIGHUP, text
//! by text, take turns. Nothing is asserted but that the rules in force stay.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a measurement that cannot go on ends")]

#[path = "../tests/broker/mod.rs"]
mod broker;
#[path = "../tests/hostile_reload/mod.rs"]
mod hostile_reload;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use permitwatch::config::KafkaConfig;
use permitwatch::kafka::client_config;
use permitwatch::model::alert::Status;
use permitwatch::model::clock::wall;
use permitwatch::model::schema::Feed;
use permitwatch::model::time::KnownTime;
use permitwatch::pseudonyms::{Pseudonyms, PublishedAlert};
use permitwatch::tools::broker::FeedWriter;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use broker::Brokers;
use hostile_reload::{Hostile, hostile};

/// Notices a second.
const RATE: u64 = 100;
const ROUND: Duration = Duration::from_secs(5);
const CYCLES: usize = 3;
const PARTITIONS: i32 = 2;
const HOUR: i64 = 3_600_000_000;

/// Dies with its value.
struct Detector {
    child: Child,
    port: u16,
}

impl Drop for Detector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Detector {
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn metric(&self, begin: &str) -> Option<f64> {
        let text = self.get("/metrics")?;
        text.lines().find(|line| line.starts_with(begin))?.rsplit(' ').next()?.parse().ok()
    }

    fn refused(&self) -> f64 {
        self.metric("permitwatch_rule_reloads_total{outcome=\"refused\"}").unwrap_or(0.0)
    }

    /// The fingerprints in force.
    fn in_force(&self) -> Vec<String> {
        let text = self.get("/metrics").unwrap_or_default();
        let lines = text.lines().filter(|line| line.starts_with("permitwatch_build_info{") && line.ends_with(" 1"));
        lines.map(str::to_owned).collect()
    }

    fn resident_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    fn hang_up(&self) {
        let _ = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status();
    }
}

/// When each notice was due, in microseconds, and in which kind of round; its alert is about the permit of the same number.
type Due = Arc<Mutex<Vec<(i64, &'static str)>>>;

/// Latencies of one kind of round.
type Measured = BTreeMap<&'static str, Histogram<u64>>;

fn main() {
    permitwatch::allocator::tune();
    let brokers = Brokers::start(1);
    let kafka = KafkaConfig { fetch_wait_max_ms: 10, ..brokers.topics("reload", PARTITIONS) };
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("queries");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &rules);
    let detector = start(&kafka, dir.path(), &rules);
    let mut writer = FeedWriter::new(&kafka).unwrap();
    let rounds = CYCLES * 2 * hostile().len();
    let persons = (rounds as u64 + 8) * ROUND.as_secs() * RATE;
    eprintln!("{persons} permits");
    let long_ago = KnownTime(wall().0 - 2 * HOUR);
    for number in 0..persons {
        for record in held(number) {
            writer.write(Feed::Permits, key(number).as_bytes(), Some(record.as_bytes()), long_ago, None).unwrap();
        }
    }
    for feed in Feed::SOURCES {
        writer.write_clock(feed, long_ago, None).unwrap();
    }
    writer.flush().unwrap();
    wait("a detector that is ready", || detector.get("/ready").is_some_and(|said| said.contains(" 200 ")));

    let (due, kind, stop) = (Due::default(), Arc::new(Mutex::new("")), Arc::new(AtomicBool::new(false)));
    let measured: Arc<Mutex<Measured>> = Arc::default();
    let listening = listen(&kafka, &due, &measured, &stop);
    let feeding = feed(writer, &due, &kind, &stop);
    let before = detector.in_force();
    let peak = AtomicU64::new(0);
    let mut costs: BTreeMap<&'static str, Cost> = BTreeMap::new();
    round(&detector, &peak, |_| {});
    assert!(
        !measured.lock().unwrap().is_empty(),
        "no alert has come:\n{}",
        detector.get("/metrics").unwrap_or_default()
    );
    for cycle in 0..CYCLES {
        for Hostile { what, text, reason } in hostile() {
            eprintln!("cycle {} of {CYCLES}: {what}, refused as \"{reason}\"", cycle + 1);
            *kind.lock().unwrap() = "quiet";
            round(&detector, &peak, |_| {});
            fs::write(rules.join("hostile.sql"), text).unwrap();
            *kind.lock().unwrap() = what;
            let cost = costs.entry(what).or_default();
            cost.before_mib = cost.before_mib.max(detector.resident_mib());
            peak.store(0, Ordering::Relaxed);
            round(&detector, &peak, |until| {
                while Instant::now() < until {
                    let (asked, refused) = (Instant::now(), detector.refused());
                    detector.hang_up();
                    wait_with("a refusal", || detector.refused() > refused, || peak_of(&detector, &peak));
                    cost.seconds.push(asked.elapsed().as_secs_f64());
                }
            });
            cost.peak_mib = cost.peak_mib.max(peak.load(Ordering::Relaxed));
            fs::remove_file(rules.join("hostile.sql")).unwrap();
        }
    }
    stop.store(true, Ordering::Relaxed);
    feeding.join().unwrap();
    listening.join().unwrap();
    assert_eq!(detector.in_force(), before, "the rules in force are others");
    print(&costs, &measured.lock().unwrap());
    println!("\nin force before and after: {}", before.join(", "));
}

#[derive(Default)]
struct Cost {
    seconds: Vec<f64>,
    before_mib: u64,
    peak_mib: u64,
}

fn print(costs: &BTreeMap<&'static str, Cost>, measured: &Measured) {
    let ms = |latency: &Histogram<u64>, at: f64| latency.value_at_quantile(at) as f64 / 1_000.0;
    println!(
        "| rules | reloads | s until refused, median | greatest | MiB before | at most | alerts | p50 ms | p99 ms | p99 to quiet |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let quiet = &measured["quiet"];
    println!(
        "| none, quiet | - | - | - | - | - | {} | {:.1} | {:.1} | 1 |",
        quiet.len(),
        ms(quiet, 0.5),
        ms(quiet, 0.99)
    );
    for (what, cost) in costs {
        let mut seconds = cost.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        let latency = &measured[what];
        println!(
            "| {what} | {} | {:.3} | {:.3} | {} | {} | {} | {:.1} | {:.1} | {:.2} |",
            seconds.len(),
            seconds[seconds.len() / 2],
            seconds[seconds.len() - 1],
            cost.before_mib,
            cost.peak_mib,
            latency.len(),
            ms(latency, 0.5),
            ms(latency, 0.99),
            ms(latency, 0.99) / ms(quiet, 0.99)
        );
    }
}

/// Does something for the time of a round; metrics are asked for in quiet rounds too.
fn round(detector: &Detector, peak: &AtomicU64, during: impl FnOnce(Instant)) {
    let until = Instant::now() + ROUND;
    during(until);
    while Instant::now() < until {
        let _ = detector.refused();
        peak_of(detector, peak);
        park_timeout(Duration::from_millis(20));
    }
}

fn peak_of(detector: &Detector, peak: &AtomicU64) {
    peak.fetch_max(detector.resident_mib(), Ordering::Relaxed);
}

fn wait(what: &str, reached: impl FnMut() -> bool) {
    wait_with(what, reached, || {});
}

const KEY: &str = "9f1c3ab0d47e6258c1e09b7a4d3f8862";

fn wait_with(what: &str, mut reached: impl FnMut() -> bool, meanwhile: impl Fn()) {
    let until = Instant::now() + Duration::from_secs(120);
    while !reached() {
        assert!(Instant::now() < until, "{what} did not come");
        meanwhile();
        park_timeout(Duration::from_millis(20));
    }
}

fn start(kafka: &KafkaConfig, dir: &Path, rules: &Path) -> Detector {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = dir.join("permitwatch.toml");
    let text = format!(
        "[kafka]\nbrokers = \"{}\"\ngroup_id = \"{}\"\ntopic_prefix = \"{}\"\nfetch_wait_max_ms = {}\n[alerts]\nkey_env = \
         \"PERMITWATCH_BENCH_KEY\"\n[rules]\ndir = \"{}\"\nrun_closed = true\n[http]\nlisten = \"127.0.0.1:{port}\"\n",
        kafka.brokers,
        kafka.group_id,
        kafka.topic_prefix,
        kafka.fetch_wait_max_ms,
        rules.display()
    );
    fs::write(&config, text).unwrap();
    let log = fs::File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("reload.log")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_permitwatch"))
        .args(["run", "--config"])
        .arg(config)
        .env("PERMITWATCH_BENCH_KEY", KEY)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    Detector { child, port }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten().filter(|entry| entry.file_name() != "tests") {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn key(number: u64) -> String {
    format!("person-{number}")
}

const ENVELOPE: &str = r#""schema_ver":1,"version":1,"op":"upsert","event_time":"2022-12-01","registered_at":"2022-12-01T08:00:00Z","purpose":"permit_control","secrecy_class":0"#;

/// A refugee's permit and status.
fn held(number: u64) -> [String; 2] {
    [
        format!(
            r#"{{"table":"permits",{ENVELOPE},"source":"mv","record_key":"p{number}","permit_id":"R{number}","permit_class":"PROT_REFUGEE","first_grant":true,"decided_on":"2022-12-01","valid_from":"2023-01-01","valid_to":"2099-12-31","birth_on_at_grant":"1990-05-04"}}"#
        ),
        format!(
            r#"{{"table":"statuses",{ENVELOPE},"source":"mv","record_key":"s{number}","status_kind":"refugee","tested_country":"AFG","declared_on":"2022-12-01"}}"#
        ),
    ]
}

/// The holder's passport of the home country is seen at a border.
fn notice(number: u64) -> String {
    format!(
        r#"{{"table":"border",{ENVELOPE},"source":"police","record_key":"b{number}","direction":"entry","country":"TUR","transit":false,"observed_on":"2025-05-01","doc_kind":"P","doc_issuer":"AFG","doc_issued_on":"2024-06-01","doc_seen":true}}"#
    )
}

/// Writes a notice when it is due, whatever became of those before.
fn feed(
    mut writer: FeedWriter,
    due: &Due,
    kind: &Arc<Mutex<&'static str>>,
    stop: &Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    let (due, kind, stop) = (Arc::clone(due), Arc::clone(kind), Arc::clone(stop));
    std::thread::spawn(move || {
        let (began, at) = (Instant::now(), wall().0);
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            let offset = Duration::from_micros(number * 1_000_000 / RATE);
            while let Some(left) = offset.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
                park_timeout(left);
            }
            // As the permits' adapter does: records of other feeds wait for it.
            if number.is_multiple_of(RATE) {
                writer.write_clock(Feed::Permits, KnownTime(wall().0), None).unwrap();
            }
            let moment = at + offset.as_micros() as i64;
            due.lock().unwrap().push((moment, *kind.lock().unwrap()));
            let notice = notice(number);
            let known = KnownTime(wall().0);
            writer.write(Feed::Border, key(number).as_bytes(), Some(notice.as_bytes()), known, None).unwrap();
            number += 1;
        }
        writer.flush().unwrap();
    })
}

/// Reads the alerts as they come.
fn listen(
    kafka: &KafkaConfig,
    due: &Due,
    measured: &Arc<Mutex<Measured>>,
    stop: &Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    let consumer: BaseConsumer = client_config(kafka)
        .unwrap()
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(&kafka.alerts_topic(), partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let (due, measured, stop) = (Arc::clone(due), Arc::clone(measured), Arc::clone(stop));
    let keys = Pseudonyms::new(KEY, "1");
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
            let (message, now) = (message.unwrap(), wall().0);
            let alert: PublishedAlert = serde_json::from_slice(message.payload().unwrap_or_default()).unwrap();
            let alert = keys.reidentify(alert).unwrap();
            let number = alert.subject.strip_prefix('R').and_then(|number| number.parse::<usize>().ok());
            let Some(number) = number.filter(|_| alert.status == Status::Raised) else { continue };
            let Some((due, kind)) = due.lock().unwrap().get(number).copied() else { continue };
            let mut measured = measured.lock().unwrap();
            let latency =
                measured.entry(kind).or_insert_with(|| Histogram::new_with_bounds(1, 600_000_000, 3).unwrap());
            latency.saturating_record((now - due).max(1) as u64);
        }
    })
}

//! Brokers, the feeds written to them, and the detector as a child process.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use permitwatch::config::KafkaConfig;
use permitwatch::generate::{Body, Dataset, Options, generate};
use permitwatch::model::alert::{Alert, AlertId, Severity};
use permitwatch::model::schema::Feed;
use permitwatch::model::time::KnownTime;
use permitwatch::pseudonyms::Pseudonyms;
use permitwatch::sink::kafka::read_published;
use permitwatch::tools::broker::FeedWriter;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use sha2::{Digest as _, Sha256};

use crate::broker::Brokers;

pub const PARTITIONS: i32 = 3;

pub struct World {
    pub kafka: KafkaConfig,
    pub dir: tempfile::TempDir,
    pub http_port: u16,
    rules: String,
    limits: String,
    /// Sections of the configuration about feeds.
    pub feeds: String,
    /// Lines of the configuration about keys, and variables of the environment besides that of `KEY`.
    pub keys: String,
    pub environment: Vec<(&'static str, &'static str)>,
}

pub fn dataset(persons: usize, years: u32) -> Dataset {
    let mut options = Options::new(persons, years, 7);
    options.outside_pct = 20;
    generate(&options)
}

/// The key of every detector here.
pub const KEY: &str = "9f1c3ab0d47e6258c1e09b7a4d3f8862";

pub fn keys() -> Pseudonyms {
    Pseudonyms::new(KEY, "1")
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl World {
    /// Topics of its own, on the broker that all tests share.
    pub fn new(name: &str) -> World {
        World::on(Brokers::shared().topics(name, PARTITIONS))
    }

    /// With the brokers and topics of a configuration.
    pub fn on(kafka: KafkaConfig) -> World {
        let dir = tempfile::tempdir().unwrap();
        // A copy: whoever edits a rule while this runs gives it another fingerprint, and processes that start later read other rules.
        copy_rules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &dir.path().join("queries"));
        std::fs::write(dir.path().join("approved.sha256"), "").unwrap();
        World {
            kafka,
            dir,
            http_port: free_port(),
            rules: String::new(),
            limits: String::new(),
            feeds: String::new(),
            keys: "key_env = \"PERMITWATCH_TEST_KEY\"\n".into(),
            environment: Vec::new(),
        }
    }

    fn approvals(&self) -> PathBuf {
        self.dir.path().join("approved.sha256")
    }

    /// Writes a rule, which its author has had approved.
    pub fn put_rule(&self, rule: &str, text: &str) {
        let file = format!("{rule}.sql");
        std::fs::write(self.dir.path().join("queries").join(&file), text).unwrap();
        let mut approved = std::fs::read_to_string(self.approvals()).unwrap();
        approved.push_str(&format!("{}  {file}\n", hex::encode(Sha256::digest(text))));
        std::fs::write(self.approvals(), approved).unwrap();
    }

    pub fn config_file(&self) -> PathBuf {
        self.config_file_at(self.http_port)
    }

    fn config_file_at(&self, http_port: u16) -> PathBuf {
        let path = self.dir.path().join(format!("permitwatch-{http_port}.toml"));
        let rules = self.dir.path().join("queries");
        let KafkaConfig { brokers, group_id, topic_prefix, session_timeout_ms, .. } = &self.kafka;
        let text = format!(
            "[kafka]\nbrokers = \"{brokers}\"\ngroup_id = \"{group_id}\"\ntopic_prefix = \"{topic_prefix}\"\n\
             session_timeout_ms = {session_timeout_ms}\n\
             # Whatever the date of the machine that runs this.\nmax_ahead_seconds = 315360000\n\
             [alerts]\n{}\
             [rules]\ndir = \"{}\"\napproved = \"{}\"\nrun_closed = true\n{}\
             [http]\nlisten = \"127.0.0.1:{http_port}\"\n[limits]\nbatch_messages = 200\n{}{}",
            self.keys,
            rules.display(),
            self.approvals().display(),
            self.rules,
            self.limits,
            self.feeds
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Starts the detector.
    pub fn detector(&self) -> Detector {
        self.detector_at(self.http_port)
    }

    /// Starts the detector, and waits until it is ready.
    pub fn ready_detector(&self, limit: Duration) -> Detector {
        let mut detector = self.detector();
        self.wait_until_else(
            "a detector that is ready",
            limit,
            || {
                detector.assert_alive(self);
                ready_at(self.http_port).0
            },
            || ready_at(self.http_port).1,
        );
        detector
    }

    /// Another one, which serves its metrics elsewhere.
    pub fn detector_at(&self, http_port: u16) -> Detector {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("detector.log")).unwrap();
        let child = self.command(&["run"], http_port).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Detector(child)
    }

    /// One that may have so many files and connections open.
    pub fn detector_with(&self, descriptors: u32) -> Detector {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("detector.log")).unwrap();
        let detector = self.command(&["run"], self.http_port);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"")]).arg(detector.get_program());
        shell.args(detector.get_args());
        for (name, value) in detector.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        Detector(shell.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// The binary with the World's configuration.
    pub fn command(&self, args: &[&str], http_port: u16) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_permitwatch"));
        command
            .args(args)
            .arg("--config")
            .arg(self.config_file_at(http_port))
            .env("PERMITWATCH_TEST_KEY", KEY)
            .envs(self.environment.iter().copied())
            .env("RUST_LOG", "warn,permitwatch=info");
        command
    }

    /// Adds a line to the section of the rules.
    pub fn rules(&mut self, line: &str) {
        self.rules.push_str(line);
        self.rules.push('\n');
    }

    /// Adds lines to that of the limits.
    pub fn limit(&mut self, line: &str) {
        self.limits.push_str(line);
        self.limits.push('\n');
    }

    /// Has checkpoints taken.
    pub fn checkpoints(&mut self, every_seconds: u32) {
        let dir = self.checkpoint_dir();
        self.feeds.push_str(&format!("[checkpoint]\ndir = \"{}\"\nevery_seconds = {every_seconds}\n", dir.display()));
    }

    pub fn checkpoint_dir(&self) -> PathBuf {
        self.dir.path().join("checkpoints")
    }

    /// Adds a section about a feed.
    pub fn feed(&mut self, feed: Feed, line: &str) {
        self.feeds.push_str(&format!("[feeds.{}]\n{line}\n", feed.name()));
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("detector.log")).unwrap_or_default()
    }

    /// The last word on every alert, over all shards.
    pub fn published(&self) -> BTreeMap<AlertId, Alert> {
        (0..PARTITIONS).flat_map(|shard| read_published(&self.kafka, &keys(), shard).unwrap().alerts).collect()
    }

    /// Messages on the alerts topic.
    pub fn published_messages(&self) -> u64 {
        (0..PARTITIONS).map(|shard| read_published(&self.kafka, &keys(), shard).unwrap().messages).sum()
    }

    pub fn standing(&self) -> BTreeMap<AlertId, Severity> {
        let standing = self.published().into_iter().filter(|(_, alert)| alert.status.stands());
        standing.map(|(id, alert)| (id, alert.severity)).collect()
    }

    /// Waits until that stands, or fails with what differs.
    pub fn wait_for_standing(&self, expected: &BTreeMap<AlertId, Severity>, limit: Duration) {
        let deadline = Instant::now() + limit;
        while self.standing() != *expected {
            if Instant::now() > deadline {
                let published = self.published();
                let stands = self.standing();
                let mut differs = String::new();
                for (id, alert) in &published {
                    let (wanted, found) = (expected.get(id), stands.get(id));
                    if wanted != found {
                        let Alert { rule_id, subject, alert_key, as_of, reason, .. } = alert;
                        differs.push_str(&format!(
                            "{rule_id} {subject} {alert_key} as of {as_of} {reason:?}: {found:?}, expected {wanted:?}\n"
                        ));
                    }
                }
                let lost = expected.keys().filter(|id| !published.contains_key(id)).count();
                let topics = self.keep_topics().display().to_string();
                panic!(
                    "what stands differs, and {lost} were never published (topics: {topics}):\n{differs}\n{}",
                    self.log()
                );
            }
            pause();
        }
    }

    /// Writes what the alerts topic and the internal ones hold to a file that outlives the test: who looks for a fault has nothing else.
    fn keep_topics(&self) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}topics.txt", self.kafka.topic_prefix));
        let mut file = std::fs::File::create(&path).unwrap();
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let topics = [
            self.kafka.alerts_topic(),
            self.kafka.shadow_topic(),
            self.kafka.topic(Feed::Links),
            self.kafka.topic(Feed::Derived),
        ];
        self.read(&topics, |message| {
            let at = format!("{}/{}@{}", message.topic(), message.partition(), message.offset());
            let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
            let headers: Vec<String> = headers.map(|header| format!("{}={}", header.key, text(header.value))).collect();
            let (key, payload) = (text(message.key()), text(message.payload()));
            let time = message.timestamp().to_millis().unwrap_or_default();
            writeln!(file, "{at} {time} {key} {} {payload}", headers.join(" ")).unwrap();
        });
        path
    }

    /// Waits until `reached`, or fails with the detector's log.
    pub fn wait_until(&self, what: &str, limit: Duration, reached: impl FnMut() -> bool) {
        self.wait_until_else(what, limit, reached, String::new);
    }

    /// The same, and says what there is instead.
    pub fn wait_until_else(
        &self,
        what: &str,
        limit: Duration,
        mut reached: impl FnMut() -> bool,
        instead: impl Fn() -> String,
    ) {
        let deadline = Instant::now() + limit;
        while !reached() {
            let late = Instant::now() >= deadline;
            assert!(!late, "{what} not within {limit:?}: {}\nThe detector says:\n{}", instead(), self.log());
            pause();
        }
    }

    /// Shows every message of all partitions of some topics, in the order of each partition.
    pub fn read(&self, topics: &[String], mut each: impl FnMut(&BorrowedMessage<'_>)) {
        let consumer: BaseConsumer = rdkafka::ClientConfig::new()
            .set("bootstrap.servers", &self.kafka.brokers)
            .set("group.id", "test")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .create()
            .unwrap();
        let mut list = rdkafka::TopicPartitionList::new();
        for topic in topics {
            for partition in 0..PARTITIONS {
                list.add_partition_offset(topic, partition, rdkafka::Offset::Beginning).unwrap();
            }
        }
        consumer.assign(&list).unwrap();
        let mut ended = 0;
        while ended < list.count() {
            match consumer.poll(Duration::from_secs(60)) {
                Some(Ok(message)) => each(&message),
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ended += 1,
                other => panic!("cannot read {topics:?}: {other:?}"),
            }
        }
    }

    pub fn metric(&self, name: &str, labels: &[&str]) -> Option<f64> {
        metric_at(self.http_port, name, labels)
    }

    /// What stands once nothing more is published.
    pub fn settled(&self) -> BTreeMap<AlertId, Severity> {
        let mut last = (0, 0);
        self.wait_until("an end of what is published", Duration::from_secs(120), || {
            let messages = self.published_messages();
            last = if messages == last.0 { (messages, last.1 + 1) } else { (messages, 0) };
            last.1 >= 20
        });
        self.standing()
    }

    /// Everything that was written has been read and had a fate.
    pub fn has_read(&self, written: u64) -> bool {
        self.metric("permitwatch_messages_total", &["fate="]).is_some_and(|total| total >= written as f64)
    }
}

/// Everything but the cases, which no detector reads.
fn copy_rules(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten().filter(|entry| entry.file_name() != "tests") {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_rules(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What a process serves: the sum over all series of a name that have the labels.
pub fn metric_at(http_port: u16, name: &str, labels: &[&str]) -> Option<f64> {
    let text = get(http_port, "/metrics")?;
    let line = text.lines().filter(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)));
    let values: Vec<f64> = line.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

/// What `/ready` says: whether, and why.
pub fn ready_at(http_port: u16) -> (bool, String) {
    let report: serde_json::Value =
        serde_json::from_str(&get(http_port, "/ready").unwrap_or_default()).unwrap_or_default();
    (report["ready"] == true, report["reason"].as_str().unwrap_or_default().to_owned())
}

/// Every message that the process has read has an end.
pub fn fates_add_up(http_port: u16) -> bool {
    let sum = |name| metric_at(http_port, name, &[]);
    // A process that has never owned a shard tells of neither.
    sum("permitwatch_messages_read_total{") == sum("permitwatch_messages_total{")
}

/// Polling outside processes leaves nothing to wait on but time.
#[expect(clippy::disallowed_methods, reason = "another process cannot be waited for")]
pub fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

/// For a load that lasts, and moments that differ.
#[expect(clippy::disallowed_methods, reason = "another process cannot be waited for")]
pub fn pause_for(time: Duration) {
    std::thread::sleep(time);
}

/// A child that dies with its value.
pub struct Detector(Child);

impl Detector {
    /// SIGKILL: no goodbye.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// SIGTERM; returns how it ended.
    pub fn stop(mut self) -> std::process::ExitStatus {
        self.terminate();
        self.0.wait().unwrap()
    }

    /// SIGTERM to one that is not waited for.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// SIGHUP.
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, name: &str) {
        let _ = Command::new("kill").args([name, &self.0.id().to_string()]).stderr(Stdio::null()).status();
    }

    pub fn assert_alive(&mut self, world: &World) {
        assert!(self.0.try_wait().unwrap().is_none(), "the detector has ended:\n{}", world.log());
    }
}

impl Drop for Detector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes the feeds in the order of known time while `wanted`. Returns the messages written, copies in partitions counted.
pub fn write(writer: &mut FeedWriter, dataset: &Dataset, wanted: impl Fn(Feed, i64) -> bool) -> u64 {
    let mut next = [0usize; Feed::COUNT];
    let mut written = 0;
    let mut permits_clock = i64::MIN;
    loop {
        let head = |feed: Feed| dataset.messages(feed).get(next[feed.index()]).map(|m| (m.known_time, feed.index()));
        let Some((known, index)) = Feed::SOURCES.into_iter().filter_map(head).min() else { break };
        let feed = Feed::ALL[index];
        let message = &dataset.messages(feed)[next[index]];
        next[index] += 1;
        if !wanted(feed, known) {
            continue;
        }
        let time = KnownTime(known);
        if feed == Feed::Permits {
            permits_clock = known;
        } else if known - permits_clock > 1_800_000_000 {
            permits_clock = known;
            writer.write_clock(Feed::Permits, time, None).unwrap();
            written += PARTITIONS as u64;
        }
        match (&message.body, &message.key) {
            (Body::Clock, _) => writer.write_clock(feed, time, None).unwrap(),
            (_, Some(key)) => writer.write(feed, key.as_bytes(), message.payload().as_deref(), time, None).unwrap(),
            (_, None) => writer.write_to(feed, 0, None, message.payload().as_deref(), time, None).unwrap(),
        }
        let everywhere = feed == Feed::Reference || matches!(message.body, Body::Clock);
        written += if everywhere { PARTITIONS as u64 } else { 1 };
    }
    writer.flush().unwrap();
    written
}

/// A plain HTTP GET on the loopback; `None` if nobody answers yet.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

//! Apache Kafka as the tests and the benchmarks use it: fetched and run by `benches/broker.sh`, on ports of its own.
//!
//! Brokers end with the value, or with the process that started them. What they wrote lies in a temporary directory. A test that
//! harms its brokers starts some of its own; all others of a binary share one, under a topic prefix each.

#![allow(dead_code, reason = "each binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "without its brokers a test or a measurement ends")]

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use permitwatch::config::KafkaConfig;
use permitwatch::kafka::{client_config, topics};
use rdkafka::consumer::{BaseConsumer, Consumer};

/// How long brokers may take to be fetched and to answer; a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(300);

/// One broker, or three.
pub struct Brokers {
    data: tempfile::TempDir,
    ports: Vec<u16>,
    /// By number; none while it is stopped.
    running: Vec<Option<Child>>,
}

impl Brokers {
    /// Starts so many; returns when all of them answer.
    pub fn start(count: usize) -> Brokers {
        fetch().unwrap_or_else(|why| panic!("no broker to test with: {why}"));
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut brokers = Brokers {
                data: tempfile::tempdir().unwrap(),
                ports: free_ports(2 * count),
                running: (0..count).map(|_| None).collect(),
            };
            (0..count).for_each(|number| brokers.run(number));
            match brokers.wait() {
                Ok(()) => return brokers,
                // Somebody may have taken a port that was free a moment ago.
                Err(why) => assert!(attempts < 3, "Apache Kafka does not start: {why}\n{}", brokers.log()),
            }
        }
    }

    /// The one that all tests of this binary share.
    pub fn shared() -> &'static Brokers {
        static SHARED: OnceLock<Brokers> = OnceLock::new();
        SHARED.get_or_init(|| Brokers::start(1))
    }

    /// Addresses, as `kafka.brokers` takes them.
    pub fn addresses(&self) -> String {
        let ports = self.ports.iter().step_by(2);
        ports.map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
    }

    /// Topics that nobody else has, and a group of the same name. They take any timestamp, as those of older brokers do: a test
    /// writes what it likes.
    pub fn topics(&self, name: &str, partitions: i32) -> KafkaConfig {
        let config = self.config(name);
        let mut plan = topics::plan(&config, Some(partitions), Some(self.copies())).unwrap();
        let settings = plan.missing.iter_mut().flat_map(|topic| &mut topic.settings);
        for setting in settings.filter(|setting| setting.name == "message.timestamp.after.max.ms") {
            setting.value = i64::MAX.to_string();
        }
        topics::create(&config, &plan).unwrap();
        config
    }

    /// The same before there are topics.
    pub fn config(&self, name: &str) -> KafkaConfig {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let prefix = format!("{name}-{}.", NEXT.fetch_add(1, Ordering::Relaxed));
        KafkaConfig {
            brokers: self.addresses(),
            group_id: prefix.clone(),
            topic_prefix: prefix,
            session_timeout_ms: 6_000,
            ..KafkaConfig::default()
        }
    }

    /// Of each partition.
    pub fn copies(&self) -> i32 {
        if self.running.len() < 3 { 1 } else { 3 }
    }

    /// SIGKILL to one of them.
    pub fn kill(&mut self, number: usize) {
        signal("KILL", &self.pid(number));
        self.reap(number);
    }

    /// One of them goes on with what it had written, at the port that it had.
    pub fn start_again(&mut self, number: usize) {
        self.run(number);
        if let Err(why) = self.wait() {
            panic!("Apache Kafka does not start again: {why}\n{}", self.log());
        }
    }

    /// None answers any more, none has ended: as behind a network that is down.
    pub fn freeze(&self) {
        (0..self.running.len()).for_each(|number| signal("STOP", &self.pid(number)));
    }

    pub fn thaw(&self) {
        (0..self.running.len()).for_each(|number| signal("CONT", &self.pid(number)));
    }

    /// What all of them have logged.
    pub fn log(&self) -> String {
        let files = (1..=self.running.len()).map(|number| self.data.path().join(format!("{number}/broker.log")));
        files.map(|file| std::fs::read_to_string(file).unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }

    fn run(&mut self, number: usize) {
        let ports = self.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let said = File::create(self.data.path().join(format!("{number}.out"))).unwrap();
        let child = Command::new(script())
            .args(["--with-stdin", "--target", TARGET])
            .args(["--ports", &ports, "--node", &(number + 1).to_string(), "--data"])
            .arg(self.data.path())
            .stdin(Stdio::piped())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        self.running[number] = Some(child);
    }

    /// Until all that run answer.
    fn wait(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let wanted = self.running.iter().flatten().count();
        let config = KafkaConfig { brokers: self.addresses(), ..KafkaConfig::default() };
        let mut client = client_config(&config).unwrap();
        // What cannot be reached yet is no news.
        let client: BaseConsumer = client.set("group.id", "wait").set("log_level", "0").create().unwrap();
        loop {
            for child in self.running.iter_mut().flatten() {
                if let Ok(Some(status)) = child.try_wait() {
                    return Err(format!("a broker has ended: {status}\n{}", said(self.data.path())));
                }
            }
            match client.fetch_metadata(None, Duration::from_secs(1)) {
                Ok(metadata) if metadata.brokers().len() >= wanted => return Ok(()),
                _ if Instant::now() > deadline => return Err(format!("no answer within {PATIENCE:?}")),
                _ => pause(),
            }
        }
    }

    fn pid(&self, number: usize) -> String {
        let file = self.data.path().join(format!("{}/pid", number + 1));
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    fn reap(&mut self, number: usize) {
        if let Some(mut child) = self.running[number].take() {
            // Without its input the script ends what it has started, and itself.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        self.thaw();
        (0..self.running.len()).for_each(|number| self.reap(number));
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/broker.sh")
}

/// Where Apache Kafka is kept between runs.
const TARGET: &str = env!("CARGO_TARGET_TMPDIR");

/// Gets Apache Kafka from Maven Central at the first run. Without Java, Maven or a network it says what is missing.
pub fn fetch() -> Result<(), String> {
    let output = Command::new(script()).args(["--fetch", "--target", TARGET]).output();
    let output = output.map_err(|error| format!("{}: {error}", script().display()))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn signal(name: &str, pid: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), pid]).stderr(Stdio::null()).status();
}

/// What the scripts have said, which is little unless something is wrong.
fn said(data: &Path) -> String {
    let files = std::fs::read_dir(data).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "out"));
    files.map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect()
}

/// Ports that nobody has at the moment.
fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

#[expect(clippy::disallowed_methods, reason = "another process cannot be waited for")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

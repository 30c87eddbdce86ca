//! Aim: a feed that falls silent raises and clears nothing, and its alarm fires; the dashboard shows a living detector.
//! Method: the payments feed stops half-way while all others go on; a real Prometheus scrapes the detector.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use permitwatch::model::schema::Feed;
use permitwatch::model::time::{MICROS_PER_DAY, format_micros};
use permitwatch::tools::broker::FeedWriter;
use serde_json::Value;

use crate::harness::{World, dataset, free_port, get, write};

/// Rules that need the payments feed to speak before they assert that nothing was paid.
const WAITING: [&str; 3] = ["work-not-started", "salary-below-floor", "employer-mismatch"];

pub struct Prometheus {
    child: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Starts Debian's Prometheus with our alarms, scraping each second; alarms wait two seconds instead of minutes.
    pub fn start(world: &World, ports: &[u16]) -> Prometheus {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/prometheus");
        let dir = world.dir.path();
        let alarms = std::fs::read_to_string(source.join("alerts.yml")).unwrap();
        let hasty: String =
            alarms
                .lines()
                .map(|line| {
                    if line.trim_start().starts_with("for:") { "        for: 2s\n".into() } else { format!("{line}\n") }
                })
                .collect();
        std::fs::write(dir.join("alerts.yml"), hasty).unwrap();
        let targets: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let targets = targets.join("\", \"");
        let config = std::fs::read_to_string(source.join("prometheus.yml"))
            .unwrap()
            .replace("127.0.0.1:9187", &targets)
            .replace("scrape_interval: 15s", "scrape_interval: 1s")
            .replace("scrape_timeout: 10s", "scrape_timeout: 1s")
            .replace("evaluation_interval: 15s", "evaluation_interval: 1s");
        let config_file: PathBuf = dir.join("prometheus.yml");
        std::fs::write(&config_file, config).unwrap();
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config_file.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.join("prometheus.log")).unwrap())
            .spawn()
            .expect("this test needs Prometheus: apt-get install prometheus");
        Prometheus { child, port }
    }

    fn query(&self, query: &str) -> Vec<Value> {
        let encoded: String = query
            .bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect();
        let answer = get(self.port, &format!("/api/v1/query?query={encoded}")).unwrap_or_default();
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    pub fn firing(&self, alarm: &str, label: &str, value: &str) -> bool {
        !self.query(&format!("ALERTS{{alertname=\"{alarm}\", alertstate=\"firing\", {label}=\"{value}\"}}")).is_empty()
    }
}

/// The dashboard's queries, with its variables filled in.
fn dashboard_queries() -> Vec<(String, String)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/grafana/dashboards/permitwatch.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let query = query.replace("$__rate_interval", "1m").replace("$instance", ".*");
            queries.push((panel["title"].as_str().unwrap().to_owned(), query));
        }
    }
    queries
}

#[test]
fn a_silent_feed_raises_and_clears_nothing_but_its_own_alarm() {
    let data = dataset(400, 2);
    let until = data.messages(Feed::Permits).iter().map(|message| message.known_time).max().unwrap();
    let silent_from = until - 240 * MICROS_PER_DAY;
    let mut world = World::new("silence");
    // The dashboard shows them too.
    world.checkpoints(1);
    let prometheus = Prometheus::start(&world, &[world.http_port]);
    let mut detector = world.detector();
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let written = write(&mut writer, &data, |feed, known| feed != Feed::Payments || known < silent_from);
    world.wait_until("everything read", Duration::from_secs(120), || {
        detector.assert_alive(&world);
        world.has_read(written)
    });
    world.wait_until("the alarm of the payments feed", Duration::from_secs(60), || {
        prometheus.firing("PermitwatchClockLagging", "feed", "payments")
    });
    for feed in Feed::SOURCES.into_iter().filter(|feed| *feed != Feed::Payments) {
        assert!(!prometheus.firing("PermitwatchClockLagging", "feed", feed.name()), "{} is not silent", feed.name());
    }
    // An absence is asserted up to two days past the silence at most: the feed's last word, and its clock's grain.
    let limit = format_micros(silent_from + 2 * MICROS_PER_DAY);
    let published = world.published();
    for alert in published.values().filter(|alert| WAITING.contains(&alert.rule_id.as_str())) {
        let fulfilled = alert.reason.as_deref() == Some("fulfilled");
        let moved_by_silence = alert.as_of > limit && (alert.status.stands() || fulfilled);
        assert!(
            !moved_by_silence,
            "{} {} at {} after the silence began",
            alert.rule_id,
            alert.status.name(),
            alert.as_of
        );
    }
    assert!(
        published.values().any(|alert| !WAITING.contains(&alert.rule_id.as_str()) && alert.as_of > limit),
        "rules of other feeds went on"
    );
    let empty: Vec<String> = dashboard_queries()
        .into_iter()
        .filter(|(_, query)| prometheus.query(query).is_empty())
        .map(|(title, query)| format!("{title}: {query}"))
        .collect();
    assert!(empty.is_empty(), "queries of the dashboard without series:\n{}", empty.join("\n"));
}

//! The HTTP server: `/metrics` for Prometheus, `/health` and `/ready` for whoever supervises the process.
//!
//! `/health` answers 200 as long as the process can answer at all: restart it if it does not.
//! `/ready` answers 200 while the process does what it is there for, else 503, with the reason as JSON: either every shard that it owns
//! has recovered, has read what there was when it started, and is being read now; or it owns none and the group has given them all to
//! others that live. Without an answer from the brokers neither is known, and it is not ready: what stands on the alerts topic may be old.
//!
//! Nothing here writes anything. There is no authentication and no TLS: listen on a loopback or an internal address.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::schema::Feed;
use crate::source::kafka::{Health, Membership};
use crate::telemetry;

/// Histograms keep their samples until they are drained; Prometheus may be down.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Why the server cannot run. The process does not start, or halts.
#[derive(Debug, Error)]
pub enum HttpError {
    #[error("cannot listen on \"{listen}\" (configuration key http.listen): {source}")]
    Bind { listen: String, source: std::io::Error },
    #[error("the HTTP server on {address} failed: {source}")]
    Serve { address: SocketAddr, source: std::io::Error },
}

/// Which shards the process owns, how far they have come, and how it stands in its group. Written by the shards and by who watches the
/// group, read by `/ready`.
#[derive(Debug, Default)]
pub struct Readiness {
    state: Mutex<Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    membership: Membership,
    shards: BTreeMap<i32, ShardState>,
    /// Shards that the group has given to the process, some of which it may not have taken up yet.
    given: BTreeSet<i32>,
    /// Owned shards of which a feed cannot be read, and one such feed.
    unread: BTreeMap<i32, Feed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ShardState {
    /// It may have read what there was, and then waits only for its rebuild.
    Recovering {
        has_read: bool,
    },
    /// It has rebuilt its state, and reads what was written before it started.
    Reading,
    Running,
    /// Why it stopped.
    Halted(String),
}

/// What `/ready` answers.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ready: bool,
    pub reason: String,
    /// Shards owned and running.
    pub running: Vec<i32>,
    /// Shards that rebuild their state or read what was written before they started.
    pub recovering: Vec<i32>,
    /// Shards of which a feed cannot be read.
    pub unread: Vec<i32>,
    pub halted: Vec<i32>,
}

impl Readiness {
    /// The process runs these shards and no others; those that are new have yet to recover.
    pub fn assigned(&self, shards: &[i32]) {
        let mut state = self.lock();
        state.shards.retain(|shard, _| shards.contains(shard));
        for shard in shards {
            state.shards.entry(*shard).or_insert(ShardState::Recovering { has_read: false });
        }
    }

    /// How the process stands in its group, and whether its shards are being read.
    pub fn health(&self, health: &Health) {
        let mut state = self.lock();
        state.membership = health.membership;
        state.given.clone_from(&health.owned);
        state.unread.clone_from(&health.unread);
    }

    /// The shard rebuilds its state again.
    pub fn recovering(&self, shard: i32) {
        self.lock().shards.insert(shard, ShardState::Recovering { has_read: false });
    }

    /// The shard has rebuilt its state and publishes.
    pub fn recovered(&self, shard: i32) {
        let mut state = self.lock();
        let has_read = matches!(state.shards.get(&shard), Some(ShardState::Recovering { has_read: true }));
        state.shards.insert(shard, if has_read { ShardState::Running } else { ShardState::Reading });
    }

    /// The shard has read what there was when it started.
    pub fn has_read(&self, shard: i32) {
        let mut state = self.lock();
        match state.shards.get_mut(&shard) {
            Some(ShardState::Recovering { has_read }) => *has_read = true,
            Some(reading @ ShardState::Reading) => *reading = ShardState::Running,
            _ => {}
        }
    }

    /// The shard has stopped and will not go on by itself.
    pub fn halted(&self, shard: i32, reason: &str) {
        self.lock().shards.insert(shard, ShardState::Halted(reason.to_owned()));
    }

    pub fn report(&self) -> Report {
        let state = self.lock();
        let those = |wanted: fn(&ShardState) -> bool| -> Vec<i32> {
            state.shards.iter().filter(|(_, state)| wanted(state)).map(|(shard, _)| *shard).collect()
        };
        let running = those(|state| *state == ShardState::Running);
        let recovering = those(|state| matches!(state, ShardState::Recovering { .. } | ShardState::Reading));
        let halted = those(|state| matches!(state, ShardState::Halted(_)));
        let unread: Vec<i32> = state.unread.keys().copied().collect();
        let obstacle = state.obstacle(&recovering);
        let ready = obstacle.is_none();
        let reason = obstacle.unwrap_or_else(|| {
            let all_well = "every owned shard has recovered and is being read";
            if running.is_empty() { "stands by: other processes own every shard" } else { all_well }.to_owned()
        });
        Report { ready, reason, running, recovering, unread, halted }
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// What keeps the process from being ready, the gravest first.
    fn obstacle(&self, recovering: &[i32]) -> Option<String> {
        let halt = self.shards.iter().find_map(|(shard, state)| match state {
            ShardState::Halted(reason) => Some(format!("shard {shard} has halted: {reason}")),
            _ => None,
        });
        if halt.is_some() {
            return halt;
        }
        match self.membership {
            Membership::Member => {}
            Membership::Unknown => return Some("nothing is known of the consumer group yet".to_owned()),
            Membership::Joining => {
                return Some("joins the consumer group: who owns which shard is being settled".to_owned());
            }
            Membership::Unanswered => {
                return Some("the brokers do not answer: it is not known whether anybody owns the shards".to_owned());
            }
        }
        if let Some(shard) = self.given.iter().find(|shard| !self.shards.contains_key(shard)) {
            return Some(format!("shard {shard} is being taken over"));
        }
        if let Some((shard, feed)) = self.unread.first_key_value() {
            return Some(format!("shard {shard} is not being read: no broker answers for feed {}", feed.name()));
        }
        let owned = self.shards.len();
        let reading = self.shards.values().filter(|state| **state == ShardState::Reading).count();
        match (recovering.len(), reading) {
            (0, _) => None,
            (count, reading) if count == reading => {
                Some(format!("{count} of {owned} shards have not yet read what was there when they started"))
            }
            (count, _) => Some(format!("{count} of {owned} shards are recovering")),
        }
    }
}

/// The server, bound but not yet answering.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    shared: Shared,
}

#[derive(Clone, Debug)]
struct Shared {
    metrics: PrometheusHandle,
    readiness: Arc<Readiness>,
}

impl HttpServer {
    /// Takes the address now, so that a port in use stops the start and not the running process.
    pub async fn bind(
        listen: &str,
        metrics: PrometheusHandle,
        readiness: Arc<Readiness>,
    ) -> Result<HttpServer, HttpError> {
        let failed = |source| HttpError::Bind { listen: listen.to_owned(), source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(HttpServer { listener, address, shared: Shared { metrics, readiness } })
    }

    /// Where it listens; tells the port when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` completes; requests under way are answered first.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), HttpError> {
        let HttpServer { listener, address, shared } = self;
        let upkeep = tokio::spawn(keep_up(shared.metrics.clone()));
        let served = axum::serve(listener, router(shared)).with_graceful_shutdown(shutdown).await;
        upkeep.abort();
        served.map_err(|source| HttpError::Serve { address, source })
    }
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .with_state(shared)
}

async fn metrics(State(shared): State<Shared>) -> Response {
    if let Some(bytes) = resident_bytes() {
        telemetry::process_resident(bytes);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shared.metrics.render()).into_response()
}

async fn ready(State(shared): State<Shared>) -> Response {
    let report = shared.readiness.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match serde_json::to_string(&report) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn keep_up(metrics: PrometheusHandle) {
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        interval.tick().await;
        metrics.run_upkeep();
    }
}

/// `VmRSS` of `/proc/self/status`, which is in kibibytes. None where there is no such file.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;

    fn member(shards: &[i32]) -> Health {
        let owned = shards.iter().copied().collect();
        Health { membership: Membership::Member, owned, unread: BTreeMap::new() }
    }

    fn running(shards: &[i32]) -> Readiness {
        let readiness = Readiness::default();
        readiness.health(&member(shards));
        readiness.assigned(shards);
        for shard in shards {
            readiness.recovered(*shard);
            readiness.has_read(*shard);
        }
        readiness
    }

    #[test]
    fn ready_means_recovered_and_read() {
        let readiness = Readiness::default();
        assert!(!readiness.report().ready);
        readiness.health(&member(&[0, 3]));
        assert_eq!(readiness.report().reason, "shard 0 is being taken over");
        readiness.assigned(&[0, 3]);
        readiness.has_read(3);
        readiness.recovered(3);
        let report = readiness.report();
        assert_eq!((report.ready, report.reason.as_str()), (false, "1 of 2 shards are recovering"));
        assert_eq!((report.running, report.recovering), (vec![3], vec![0]));
        readiness.recovered(0);
        let report = readiness.report();
        assert!(!report.ready && report.reason == "1 of 2 shards have not yet read what was there when they started");
        readiness.has_read(0);
        assert!(readiness.report().ready);
    }

    #[test]
    fn a_shard_that_stays_is_not_asked_to_recover_again() {
        let readiness = running(&[0, 1]);
        readiness.health(&member(&[1]));
        readiness.assigned(&[1]);
        assert_eq!(readiness.report().running, vec![1]);
        readiness.health(&member(&[]));
        readiness.assigned(&[]);
        let report = readiness.report();
        assert!(report.ready && report.reason.starts_with("stands by"));
    }

    #[test]
    fn without_an_answer_from_the_brokers_nobody_is_ready() {
        for shards in [[0, 1].as_slice(), &[]] {
            for membership in [Membership::Unknown, Membership::Joining, Membership::Unanswered] {
                let readiness = running(shards);
                assert!(readiness.report().ready);
                readiness.health(&Health { membership, ..member(shards) });
                assert!(!readiness.report().ready, "{membership:?} with {shards:?}");
            }
        }
        // A process that has lost its shards does not stand by: nobody has said that another has them.
        let readiness = running(&[0]);
        readiness.assigned(&[]);
        readiness.health(&Health { membership: Membership::Unanswered, ..member(&[]) });
        assert!(readiness.report().reason.starts_with("the brokers do not answer"));
    }

    #[test]
    fn a_shard_that_is_not_read_is_named_with_its_feed() {
        let readiness = running(&[0, 1]);
        readiness.health(&Health { unread: [(1, Feed::Border)].into(), ..member(&[0, 1]) });
        let report = readiness.report();
        assert_eq!((report.ready, report.unread), (false, vec![1]));
        assert_eq!(report.reason, "shard 1 is not being read: no broker answers for feed border");
    }

    #[test]
    fn a_halted_shard_is_named() {
        let readiness = running(&[0, 1]);
        readiness.halted(1, "the alerts topic cannot be written");
        let report = readiness.report();
        assert!(!report.ready);
        assert_eq!(report.reason, "shard 1 has halted: the alerts topic cannot be written");
    }

    async fn request(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn three_paths_are_answered_until_shutdown() {
        let readiness = Arc::new(Readiness::default());
        let handle = telemetry::install().unwrap();
        let server = HttpServer::bind("127.0.0.1:0", handle, readiness.clone()).await.unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));

        assert!(request(address, "/health").await.starts_with("HTTP/1.1 200"));
        let waiting = request(address, "/ready").await;
        assert!(waiting.starts_with("HTTP/1.1 503") && waiting.contains("nothing is known of the consumer group yet"));
        readiness.health(&member(&[0]));
        readiness.assigned(&[0]);
        readiness.recovered(0);
        readiness.has_read(0);
        assert!(request(address, "/ready").await.starts_with("HTTP/1.1 200"));
        let metrics = request(address, "/metrics").await;
        assert!(metrics.contains("text/plain; version=0.0.4"));
        assert!(metrics.contains("permitwatch_process_resident_bytes"));
        assert!(request(address, "/alerts").await.starts_with("HTTP/1.1 404"));

        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_with_its_key() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = taken.local_addr().unwrap().to_string();
        let error = HttpServer::bind(&listen, telemetry::install().unwrap(), Arc::default()).await.unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("cannot listen on \"{listen}\" (configuration key http.listen)"))
        );
    }
}

//! The HTTP server: `/metrics` for Prometheus, `/health` and `/ready` for whoever supervises the process.
//!
//! `/health` answers 200 as long as the process can answer at all: restart it if it does not.
//! `/ready` answers 200 once every shard that the process owns has recovered, else 503, with the reason as JSON:
//! until then nothing is published, so what stands on the alerts topic may be old.
//!
//! Nothing here writes anything. There is no authentication and no TLS: listen on a loopback or an internal address.

use std::collections::BTreeMap;
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

/// Which shards the process owns and how far they have come. Written by the shards, read by `/ready`.
#[derive(Debug, Default)]
pub struct Readiness {
    state: Mutex<Shards>,
}

#[derive(Debug, Default)]
struct Shards {
    /// The broker has said which shards are ours, be it none.
    assigned: bool,
    shards: BTreeMap<i32, ShardState>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ShardState {
    Recovering,
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
    pub recovering: Vec<i32>,
    pub halted: Vec<i32>,
}

impl Readiness {
    /// The process owns these shards and no others; those that are new have yet to recover.
    pub fn assigned(&self, shards: &[i32]) {
        let mut state = self.lock();
        state.assigned = true;
        state.shards.retain(|shard, _| shards.contains(shard));
        for shard in shards {
            state.shards.entry(*shard).or_insert(ShardState::Recovering);
        }
    }

    /// The shard rebuilds its state again.
    pub fn recovering(&self, shard: i32) {
        self.lock().shards.insert(shard, ShardState::Recovering);
    }

    /// The shard has rebuilt its state and publishes.
    pub fn recovered(&self, shard: i32) {
        self.lock().shards.insert(shard, ShardState::Running);
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
        let recovering = those(|state| *state == ShardState::Recovering);
        let halted = those(|state| matches!(state, ShardState::Halted(_)));
        let first_halt = state.shards.iter().find_map(|(shard, state)| match state {
            ShardState::Halted(reason) => Some(format!("shard {shard} has halted: {reason}")),
            _ => None,
        });
        let reason = if !state.assigned {
            "no shards have been assigned yet".to_owned()
        } else if let Some(reason) = first_halt {
            reason
        } else if !recovering.is_empty() {
            format!("{} of {} shards are recovering", recovering.len(), state.shards.len())
        } else if running.is_empty() {
            "stands by: other processes own every shard".to_owned()
        } else {
            "every owned shard has recovered".to_owned()
        };
        let ready = state.assigned && halted.is_empty() && recovering.is_empty();
        Report { ready, reason, running, recovering, halted }
    }

    fn lock(&self) -> MutexGuard<'_, Shards> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn ready_means_assigned_and_recovered() {
        let readiness = Readiness::default();
        assert!(!readiness.report().ready);
        readiness.assigned(&[0, 3]);
        readiness.recovered(3);
        let report = readiness.report();
        assert_eq!((report.ready, report.reason.as_str()), (false, "1 of 2 shards are recovering"));
        assert_eq!((report.running, report.recovering), (vec![3], vec![0]));
        readiness.recovered(0);
        assert!(readiness.report().ready);
    }

    #[test]
    fn a_shard_that_stays_is_not_asked_to_recover_again() {
        let readiness = Readiness::default();
        readiness.assigned(&[0, 1]);
        readiness.recovered(0);
        readiness.recovered(1);
        readiness.assigned(&[1]);
        assert_eq!(readiness.report().running, vec![1]);
        readiness.assigned(&[]);
        assert!(readiness.report().ready);
    }

    #[test]
    fn a_halted_shard_is_named() {
        let readiness = Readiness::default();
        readiness.assigned(&[0, 1]);
        readiness.recovered(0);
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
        assert!(waiting.starts_with("HTTP/1.1 503") && waiting.contains("no shards have been assigned yet"));
        readiness.assigned(&[0]);
        readiness.recovered(0);
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

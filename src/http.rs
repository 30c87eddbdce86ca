//! The HTTP server: `/metrics` for Prometheus, `/health` and `/ready` for the supervisor of the process.
//!
//! `/health` answers 200 as long as the process can answer at all: restart it if it does not. `/ready` answers 200 while the
//! process does what it is there for, else 503, with the reason as JSON (`readiness`).
//!
//! Clients cannot keep one another or the process waiting: beyond a number of connections the newest takes the place of the oldest,
//! a request's head must come in time, and the process ends although a client holds a connection.
//!
//! Nothing here changes anything. There is no authentication and no TLS: the configuration refuses an address that other machines reach
//! unless it says that it is meant.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::PrometheusHandle;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::readiness::Readiness;
use crate::telemetry;

/// Connections at one time; the process needs its file descriptors for brokers and rules.
const MOST_CONNECTIONS: usize = 32;
/// Time for the head of a request, from when the connection is open or its last request has been answered.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// Time that requests under way have to be answered when the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// After a failure to accept: without a free descriptor the next attempt would fail at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Histograms keep their samples until they are drained; Prometheus may be down.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Why the server cannot run. The process does not start.
#[derive(Debug, Error)]
pub enum HttpError {
    #[error("cannot listen on \"{listen}\" (configuration key http.listen): {source}")]
    Bind { listen: String, source: std::io::Error },
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
    /// Binds the address at once, so that a port in use makes the start fail and not the running process.
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

    /// The bound address; has the actual port if port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` completes; then requests under way have a moment to be answered.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) {
        let HttpServer { listener, shared, .. } = self;
        let upkeep = tokio::spawn(keep_up(shared.metrics.clone()));
        answer(listener, &router(shared), HEAD_TIME, shutdown).await;
        upkeep.abort();
    }
}

async fn answer(listener: TcpListener, router: &Router, head_time: Duration, shutdown: impl Future<Output = ()>) {
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => {
                by_age.retain(|connection| !connection.is_finished());
                continue;
            }
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if by_age.len() >= MOST_CONNECTIONS
            && let Some(oldest) = by_age.pop_front()
        {
            oldest.abort();
        }
        by_age.push_back(connections.spawn(serve(stream, router.clone(), head_time, stopping.clone())));
    }
    drop(listener);
    drop(stop);
    // Connections that are left are closed with the set.
    let _ = tokio::time::timeout(LAST_ANSWERS, async { while connections.join_next().await.is_some() {} }).await;
}

/// Answers the requests of one connection until the client closes it, is too slow, or the server stops.
async fn serve(stream: TcpStream, router: Router, head_time: Duration, mut stopping: watch::Receiver<()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_time);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
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

/// `VmRSS` of `/proc/self/status`, which is in kibibytes. `None` if there is no such file.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use std::collections::BTreeMap;

    use super::*;
    use crate::source::kafka::{Health, Membership};

    fn member(shards: &[i32]) -> Health {
        let owned = shards.iter().copied().collect();
        Health { membership: Membership::Member, owned, unread: BTreeMap::new() }
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
        running.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    /// A server without anything to say, and what stops it.
    async fn bare(head_time: Duration) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().route("/health", get(|| async { "ok\n" }));
        let running = tokio::spawn(async move {
            answer(listener, &router, head_time, async {
                let _ = stopped.await;
            })
            .await;
        });
        (address, stop, running)
    }

    #[tokio::test]
    async fn clients_that_hold_connections_keep_nobody_waiting() {
        let (address, stop, running) = bare(Duration::from_secs(3_600)).await;
        let mut idle = Vec::new();
        for number in 0..3 * MOST_CONNECTIONS {
            let mut stream = TcpStream::connect(address).await.unwrap();
            if number % 2 == 0 {
                stream.write_all(b"GET /health HTTP/1.1\r\nHos").await.unwrap();
            }
            idle.push(stream);
        }
        assert!(request(address, "/health").await.starts_with("HTTP/1.1 200"));
        // The oldest has been closed to make room.
        let mut oldest = Vec::new();
        let _ = idle[0].read_to_end(&mut oldest).await;
        assert!(oldest.is_empty());
        // The newest is still open when the server stops.
        stop.send(()).unwrap();
        running.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_head_that_does_not_come_closes_the_connection() {
        let (address, _stop, _running) = bare(Duration::from_millis(50)).await;
        for begun in ["", "GET /health HTTP/1.1\r\nHos"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(!answer.contains(" 200 "), "{answer}");
        }
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

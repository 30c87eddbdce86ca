//! The HTTP server: `/metrics` for Prometheus, `/health` and `/ready` for the supervisor of the process.
//!
//! `/health` answers 200 as long as the process can answer at all: restart it if it does not. `/ready` answers 200 while the
//! process does what it is there for, else 503, with the reason as JSON (`readiness`).
//!
//! Nothing here changes anything. There is no authentication and no TLS: listen on a loopback or an internal address.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::readiness::Readiness;
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

    /// Answers until `shutdown` completes; finishes requests under way first.
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
    use tokio::net::TcpStream;
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

//! `permitwatch run`: the detector, until told to stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use clap::Args;

use crate::cli::{load_rules, plan_rules};
use crate::clock::wall;
use crate::config::Config;
use crate::http::{HttpServer, Readiness};
use crate::pipeline::Unobserved;
use crate::service::Instance;
use crate::shard::Pseudonyms;
use crate::telemetry;

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = "config/permitwatch.toml")]
    config: PathBuf,
}

pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    init_logs();
    let config = Config::load(&args.config)?;
    let mut catalogue = load_rules(&config.rules.dir, &config.rules.set)?;
    catalogue.retain_live(&config.rules.disabled)?;
    plan_rules(&catalogue)?;
    let Some(key) = config.alerts.pseudonym_key()? else {
        bail!("alerts.pseudonym_key_file or alerts.pseudonym_key_env must name the key of the pseudonyms");
    };
    let metrics = telemetry::install().context("cannot install the metrics recorder")?;
    let started_at = wall();
    telemetry::started(env!("CARGO_PKG_VERSION"), &catalogue.set_fingerprint(), &config, started_at);
    let stop = Arc::new(AtomicBool::new(false));
    let instance = Instance {
        pseudonyms: Arc::new(Pseudonyms::new(&key, &config.alerts.pseudonym_key_id)),
        catalogue: Arc::new(catalogue),
        readiness: Arc::new(Readiness::default()),
        stop: Arc::clone(&stop),
        config: Arc::new(config),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let server =
        runtime.block_on(HttpServer::bind(&instance.config.http.listen, metrics, Arc::clone(&instance.readiness)))?;
    tracing::info!(address = %server.address(), rules = instance.catalogue.rules.len(), "started");
    let (done, shut_down) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(server.run(async move {
        let _ = shut_down.await;
    }));
    runtime.spawn(async move {
        wait_for_signal().await;
        tracing::info!("stopping: what was taken has its effects first");
        stop.store(true, Ordering::Relaxed);
    });
    let outcome = instance.run(|_| Unobserved);
    let _ = done.send(());
    runtime.block_on(serving)??;
    outcome?;
    tracing::info!("stopped");
    Ok(())
}

/// Returns at SIGINT or SIGTERM.
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// Logs to stderr, by RUST_LOG; warnings and permitwatch's own news without it.
pub fn init_logs() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,permitwatch=info"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

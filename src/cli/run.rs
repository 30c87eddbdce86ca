//! `permitwatch run`: the detector, until told to stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use crate::catalogue::Catalogue;
use crate::cli::plan_rules;
use crate::config::Config;
use crate::http::HttpServer;
use crate::model::clock::wall;
use crate::pipeline::Unobserved;
use crate::pipeline::reload::{Changes, RulesInForce, Watch, in_force, require_approved};
use crate::readiness::Readiness;
use crate::service::Instance;
use crate::{kafka, logs, telemetry};

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = "config/permitwatch.toml")]
    config: PathBuf,
}

pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    logs::init();
    let config = Config::load(&args.config)?;
    let catalogue =
        in_force(&config.rules).with_context(|| format!("cannot load the rules in {}", config.rules.dir.display()))?;
    let planned = plan_rules(&catalogue)?;
    require_approved(&config.rules, &catalogue)?;
    let Some(pseudonyms) = config.alerts.pseudonyms()? else {
        bail!(
            "alerts.key_file or alerts.key_env must name the key of the pseudonyms; `(umask 077; openssl rand -hex 32 > FILE)` makes one"
        );
    };
    let metrics = telemetry::install().context("cannot install the metrics recorder")?;
    let started_at = wall();
    telemetry::started(telemetry::VERSION, &catalogue.set_fingerprint(), &config, started_at);
    let stop = Arc::new(AtomicBool::new(false));
    let instance = Instance {
        pseudonyms: Arc::new(pseudonyms),
        rules: Arc::new(RulesInForce::planned(catalogue, planned)),
        readiness: Arc::new(Readiness::default()),
        stop: Arc::clone(&stop),
        keeps_topics: true,
        config: Arc::new(config),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let server =
        runtime.block_on(HttpServer::bind(&instance.config.http.listen, metrics, Arc::clone(&instance.readiness)))?;
    tracing::info!(address = %server.address(), rules = instance.rules.get().1.rules.len(), "started");
    let (done, shut_down) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(server.run(async move {
        let _ = shut_down.await;
    }));
    runtime.spawn(async move {
        wait_for_signal().await;
        tracing::info!("stopping: what was taken has its effects first");
        stop.store(true, Ordering::Relaxed);
    });
    runtime.spawn(watch_rules(Arc::clone(&instance.rules), Arc::clone(&instance.config)));
    let outcome = instance.run(|_| Unobserved);
    let _ = done.send(());
    runtime.block_on(serving)?;
    // Rules that are being read again are not waited for.
    runtime.shutdown_background();
    outcome?;
    tracing::info!("stopped");
    Ok(())
}

/// Reads the rules again at SIGHUP, or when their files have changed and then been left alone for one interval.
async fn watch_rules(rules: Arc<RulesInForce>, config: Arc<Config>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    let seconds = config.rules.watch_seconds;
    let mut ticks = tokio::time::interval(Duration::from_secs(u64::from(seconds.max(1))));
    let mut watch = Watch::new(&config.rules);
    let mut touched = false;
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            _ = ticks.tick(), if seconds > 0 => false,
        };
        let changed = watch.changed();
        let quiet = touched && !changed;
        touched = changed;
        if asked || quiet {
            touched = false;
            let (rules, config) = (Arc::clone(&rules), Arc::clone(&config));
            let _ = tokio::task::spawn_blocking(move || reload(&rules, &config)).await;
        }
    }
}

fn reload(rules: &RulesInForce, config: &Config) {
    let before = rules.get().1.set_fingerprint();
    let is_ready = |new: &Catalogue| match new.has_trials() {
        true => kafka::check_trial_topic(&config.kafka).map_err(|error| error.to_string()),
        false => Ok(()),
    };
    match rules.reload_if(&config.rules, is_ready) {
        Ok(changes) if changes == Changes::default() => {
            telemetry::reloaded("unchanged");
            tracing::info!("rules read again: nothing has changed");
        }
        Ok(Changes { added, changed, removed }) => {
            telemetry::reloaded("taken");
            telemetry::rules_in_force(telemetry::VERSION, &before, &rules.get().1.set_fingerprint());
            tracing::info!(?added, ?changed, ?removed, "rules read again");
        }
        Err(error) => {
            telemetry::reloaded("refused");
            let reason = anyhow::Error::from(error);
            tracing::error!("the rules are refused, those in force stay: {reason:#}");
        }
    }
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

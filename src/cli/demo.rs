//! `permitwatch demo`: one command that shows the whole job.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use hdrhistogram::Histogram;

use crate::catalogue::Catalogue;
use crate::cli::{counted, load_rules, plan_rules};
use crate::config::Config;
use crate::generate::{Dataset, Options, generate};
use crate::http::HttpServer;
use crate::model::clock::wall;
use crate::model::schema::Feed;
use crate::model::time::Day;
use crate::readiness::Readiness;
use crate::terminal::{self, say};
use crate::tools::demo::{Demo, Finished, RuleScore, Watch, score};
use crate::words::{Language, say};
use crate::{logs, telemetry};

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Permit holders of the synthetic population.
    #[arg(long, default_value_t = 2_000)]
    persons: usize,
    /// Years of history.
    #[arg(long, default_value_t = 3)]
    years: u32,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Partitions of each topic, each run by a thread of its own.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(i32).range(1..=64))]
    partitions: i32,
    /// Use these brokers instead of an embedded one; topics named permitwatch-demo.<random>.* are made there.
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Directory with the rules.
    #[arg(long, value_name = "DIR", default_value = "queries", alias = "queries")]
    rules: PathBuf,
    /// Where to serve /metrics; a free port if it is taken.
    #[arg(long, default_value = "127.0.0.1:9187")]
    listen: String,
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    /// Print only the summary.
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &DemoArgs) -> anyhow::Result<()> {
    if std::env::var_os("RUST_LOG").is_some() {
        logs::init();
    }
    let catalogue = load_rules(&args.rules, &BTreeMap::new())?;
    plan_rules(&catalogue)?;
    let mut config = Config::default();
    config.kafka.group_id = "permitwatch-demo".into();
    if let Some(brokers) = &args.brokers {
        config.kafka.brokers.clone_from(brokers);
        // Topics of an earlier demo must not be mistaken for this one's.
        config.kafka.topic_prefix = format!("permitwatch-demo.{}.", wall().0);
        config.kafka.group_id = config.kafka.topic_prefix.clone();
    }
    let options = Options::new(args.persons, args.years, args.seed);
    options.check()?;
    let (persons, years, seed) = (args.persons, args.years, args.seed);
    match args.lang {
        Language::Sv => say!("Skapar {persons} innehavare av tillstånd, {years} år tillbaka (frö {seed}) ..."),
        Language::En => {
            say!("Generating {persons} permit holders over {} (seed {seed}) ...", counted(years as usize, "year"));
        }
    }
    let dataset = generate(&options);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let readiness = Arc::new(Readiness::default());
    let metrics = telemetry::install().context("cannot install the metrics recorder")?;
    telemetry::started(telemetry::VERSION, &catalogue.set_fingerprint(), &config, wall());
    let server = runtime.block_on(async {
        match HttpServer::bind(&args.listen, metrics.clone(), Arc::clone(&readiness)).await {
            Ok(server) => Ok(server),
            Err(_) => HttpServer::bind("127.0.0.1:0", metrics, Arc::clone(&readiness)).await,
        }
    })?;
    let broker = match &args.brokers {
        Some(brokers) => format!("{brokers}, topics {}*", config.kafka.topic_prefix),
        None => say(args.lang, "en inbyggd broker (inget att installera)", "an embedded broker (nothing to install)")
            .to_owned(),
    };
    let (partitions, address) = (args.partitions, server.address());
    match args.lang {
        Language::Sv => {
            say!(
                "Matar sju register genom {broker}, {partitions} partitioner; mätvärden på http://{address}/metrics\n"
            );
        }
        Language::En => say!(
            "Feeding seven registers through {broker}, {partitions} partitions; metrics at http://{address}/metrics\n"
        ),
    }
    runtime.spawn(server.run(std::future::pending()));
    let watch = watch(args);
    let progress = (!args.quiet && std::io::stderr().is_terminal()).then(|| report_progress(&watch));
    let demo =
        Demo { config, catalogue: catalogue.clone(), partitions: args.partitions, external: args.brokers.is_some() };
    let finished = demo.run(&dataset, &watch, &readiness)?;
    drop(progress);
    summarise(&catalogue, &dataset, &finished, args.lang)
}

fn watch(args: &DemoArgs) -> Arc<Watch> {
    let (language, quiet, colour) = (args.lang, args.quiet, terminal::coloured(&std::io::stdout()));
    let shows_progress = std::io::stderr().is_terminal();
    Watch::new(Box::new(move |alert| {
        if !quiet {
            // The line of progress stands where the alert begins.
            if shows_progress {
                terminal::progress("");
            }
            terminal::print(&terminal::line(alert, language, colour));
        }
    }))
}

/// Writes a line of progress to stderr until dropped.
struct Progress(Option<std::sync::mpsc::Sender<()>>, Option<std::thread::JoinHandle<()>>);

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.0.take());
        if let Some(thread) = self.1.take() {
            let _ = thread.join();
        }
    }
}

fn report_progress(watch: &Arc<Watch>) -> Progress {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let watch = Arc::clone(watch);
    let thread = std::thread::spawn(move || {
        while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(Duration::from_millis(500)) {
            let (read, alerts) = (watch.counted(), watch.transitions());
            terminal::progress(&format!("  {read} messages read, {alerts} alerts"));
        }
        terminal::progress("");
    });
    Progress(Some(stop), Some(thread))
}

fn summarise(catalogue: &Catalogue, dataset: &Dataset, finished: &Finished, language: Language) -> anyhow::Result<()> {
    let say = |sv: &'static str, en: &'static str| say(language, sv, en);
    let outcome = &finished.outcome;
    let fates = &outcome.fates;
    say!("\n{}", say("Meddelanden, och vad det blev av dem", "Messages and their fates"));
    say!(
        "  {:<12}{:>10}{:>11}{:>10}{:>11}{:>13}{:>8}",
        say("flöde", "feed"),
        say("lästa", "read"),
        say("prövade", "evaluated"),
        say("bortvalda", "filtered"),
        say("dubletter", "duplicate"),
        say("undantagna", "quarantined"),
        say("klocka", "clock")
    );
    let line = |name: &str, feeds: &[Feed]| {
        let sum = |of: &dyn Fn(usize) -> u64| feeds.iter().map(|feed| of(feed.index())).sum::<u64>();
        say!(
            "  {name:<12}{:>10}{:>11}{:>10}{:>11}{:>13}{:>8}",
            sum(&|feed| fates.total_of(feed)),
            sum(&|feed| fates.evaluated[feed]),
            sum(&|feed| fates.filtered[feed]),
            sum(&|feed| fates.duplicate[feed]),
            sum(&|feed| fates.quarantined[feed].iter().sum()),
            sum(&|feed| fates.clock[feed]),
        );
    };
    for feed in Feed::ALL {
        line(feed.name(), &[feed]);
    }
    line(say("alla", "all"), &Feed::ALL);
    let until = Day::from_date(dataset.options.until).instant();
    let ids: Vec<&str> = catalogue.rules.iter().map(|rule| rule.header.id.as_str()).collect();
    let scores = score(&dataset.truth, &outcome.log, &ids, until);
    print_scores(catalogue, finished, &scores, language);
    let seconds = finished.elapsed.as_secs_f64();
    let (written, published) = (finished.written, outcome.log.len());
    match language {
        Language::Sv => say!(
            "\n{written} meddelanden genom Kafka, en registerdag efter den andra, på {seconds:.1} s: {published} ändringar publicerade"
        ),
        Language::En => say!(
            "\n{written} messages through Kafka, one register day after another, in {seconds:.1} s: {published} transitions published"
        ),
    }
    let alerts = say("indikationer", "alerts");
    print_latency(say("uppgift till indikation", "record to alert"), alerts, outcome.record_latency.as_ref());
    print_latency(say("klocka till indikation", "clock to alert"), alerts, outcome.deadline_latency.as_ref());
    if fates.sources_total() != finished.written {
        bail!("{} messages were written but {} have a fate", finished.written, fates.sources_total());
    }
    say!(
        "{}: {written}.",
        say("Det har blivit något av varje meddelande, en gång", "Every message written has exactly one fate")
    );
    Ok(())
}

fn print_scores(catalogue: &Catalogue, finished: &Finished, scores: &BTreeMap<String, RuleScore>, language: Language) {
    let say = |sv: &'static str, en: &'static str| say(language, sv, en);
    let mut standing: BTreeMap<&str, usize> = BTreeMap::new();
    for shard in &finished.shards {
        for (_, alert) in shard.standing() {
            let id = shard.rules()[alert.rule.index()].file.header.id.as_str();
            let known = catalogue.rules.iter().find(|rule| rule.header.id == id);
            if let Some(rule) = known {
                *standing.entry(&rule.header.id).or_default() += 1;
            }
        }
    }
    let heading = say(
        "Indikationer mot det som har planterats (omständigheter att utreda, aldrig beslut)",
        "Alerts against planted truth (indications for a person to look into, never decisions)",
    );
    say!("\n{heading}");
    say!(
        "  {:<5}{:<30}{:>9}{:>9}{:>7}{:>7}{:>7}{:>11}{:>9}",
        "",
        say("regel", "rule"),
        say("står", "standing"),
        say("planterat", "planted"),
        say("funna", "found"),
        say("fällor", "traps"),
        say("fel", "wrong"),
        "precision",
        say("täckning", "recall")
    );
    for rule in &catalogue.rules {
        let id = rule.header.id.as_str();
        let Some(score) = scores.get(id) else { continue };
        say!(
            "  {:<5}{id:<30}{:>9}{:>9}{:>7}{:>7}{:>7}{:>11}{:>9}",
            rule.header.number,
            standing.get(id).copied().unwrap_or_default(),
            score.planted,
            score.found,
            score.traps,
            score.wrong,
            share(score.precision()),
            share(score.recall())
        );
    }
    for (rule, score) in scores {
        for miss in &score.misses {
            say!("  ! {rule}: {miss}");
        }
    }
}

/// A dash where there is nothing to have a share of.
fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{share:.3}"))
}

fn print_latency(name: &str, alerts: &str, latency: Option<&Histogram<u64>>) {
    let Some(latency) = latency else { return };
    let at = |quantile: f64| latency.value_at_quantile(quantile) as f64 / 1_000.0;
    say!(
        "{name}: p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, max {:.1} ms ({} {alerts})",
        at(0.5),
        at(0.99),
        at(0.999),
        latency.max() as f64 / 1_000.0,
        latency.len()
    );
}

//! `permitwatch explain`: why an alert came; why a permit has the alerts that it has and no others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, ValueEnum};

use crate::catalogue::Catalogue;
use crate::cli::{AbsentArgs, RulesArgs, audit, replay};
use crate::config::Config;
use crate::kafka;
use crate::model::alert::{Alert, AlertId};
use crate::model::stage::Outlet;
use crate::model::time::KnownTime;
use crate::pseudonyms::Kind;
use crate::sink::kafka::read_published_of;
use crate::source::files::Recorded;
use crate::terminal::{self, note};
use crate::tools::explain::{self, AlertFacts, Closed, Options, Page};
use crate::words::Language;

/// Explain an alert by its id, or a permit.
///
/// With --input the person is replayed from recorded feeds, which gives the records, the whole history and, for a
/// permit, every rule's rows and deadlines. With --config or --brokers the alert's last transition is read from the
/// alerts topic and explained from what it carries. Names, addresses and identity numbers are never shown.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["alert_id", "permit"]))]
#[command(group = ArgGroup::new("where").required(true).multiple(true).args(["input", "config", "brokers"]))]
pub struct ExplainArgs {
    /// Id of the alert, 32 hexadecimal digits.
    #[arg(value_name = "ALERT_ID")]
    alert_id: Option<String>,
    /// Permit to explain: what each rule that concerns it found, did not find, or waits for. Needs --input.
    #[arg(long, value_name = "ID", requires = "input")]
    permit: Option<String>,
    /// Directory with recorded feeds (`ndjson/`).
    #[arg(long, value_name = "DIR", conflicts_with = "brokers")]
    input: Option<PathBuf>,
    /// What `replay --out` wrote: finds the alert's permit there. Without it all persons are replayed to find it.
    #[arg(long, value_name = "FILE", requires = "input", conflicts_with = "permit")]
    log: Option<PathBuf>,
    /// Clock, a date or RFC 3339 time; default: the greatest known time recorded.
    #[arg(long, value_name = "TIME", value_parser = replay::time, requires = "input")]
    as_of: Option<KnownTime>,
    /// Configuration: brokers, rules, history, pseudonym key.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Brokers to read the alerts topic from.
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    #[arg(long = "lang", value_enum, default_value = "en")]
    language: Language,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Whom it is for. The party's sheet says what was found, from where, what was not looked for and how to have an
    /// error corrected; no severity, nothing of other persons.
    #[arg(long, value_enum, default_value = "case-officer")]
    sheet: Sheet,
    /// For each rule that has no row for the permit: how many rows each step of its SQL has, and what took the last one.
    #[arg(long, requires = "permit")]
    steps: bool,
    /// A secrecy class that is closed to whoever reads it: 1 (social benefit) or 2 (tax); may be repeated. Of such records only that they
    /// exist is shown, and nothing that was derived from them.
    #[arg(long = "closed-class", value_name = "CLASS", value_parser = clap::value_parser!(i64).range(1..=2))]
    closed_classes: Vec<i64>,
    /// A sealed class that is open to whoever reads it: 3 (protected person) or 4 (sealed notice); may be repeated. Without it, nothing is
    /// shown of such records, nor of what was derived from them.
    #[arg(long = "open-class", value_name = "CLASS", value_parser = clap::value_parser!(i64).range(3..=4))]
    opened_classes: Vec<i64>,
    /// Why: the number of the case, for example. Needed where the configuration has `audit.file`, which records each look.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    absent: AbsentArgs,
    #[command(flatten)]
    rules: RulesArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    /// One file to read, print or archive.
    Html,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sheet {
    CaseOfficer,
    Party,
}

pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let mut config = args.config.as_deref().map(Config::load).transpose()?.unwrap_or_default();
    if let Some(brokers) = &args.brokers {
        config.kafka.brokers.clone_from(brokers);
    }
    if let Some(id) = &args.alert_id
        && AlertId::from_hex(id).is_none()
    {
        bail!("\"{id}\" is no alert id; it has 32 hexadecimal digits");
    }
    if config.audit.file.is_some() {
        let keys = audit::keys(&config)?;
        let permit = args.permit.iter().map(|permit| keys.token(Kind::Subject, permit));
        let about = args.alert_id.iter().cloned().chain(permit).collect();
        audit::look(&config, "explain", args.reason.as_deref(), about, false)?;
    }
    match (&args.input, &args.alert_id, &args.permit) {
        (Some(dir), Some(id), _) => recorded_alert(args, &config, recorded(args, dir)?, id),
        (Some(dir), None, Some(permit)) => recorded_permit(args, &config, recorded(args, dir)?, permit),
        (_, Some(id), _) => published_alert(args, &config, id),
        _ => bail!("name an alert, or a permit with --input"),
    }
}

fn recorded<'a>(args: &ExplainArgs, dir: &'a Path) -> anyhow::Result<Recorded<'a>> {
    let recorded = args.absent.of(dir)?.read_as_of(args.as_of);
    replay::note_strays(&recorded.strays());
    Ok(recorded.with_spoken()?)
}

fn recorded_alert(args: &ExplainArgs, config: &Config, recorded: Recorded<'_>, id: &str) -> anyhow::Result<()> {
    let catalogue = args.rules.load_with(config)?;
    let options = options(args, config, recorded)?;
    let logged = args.log.as_deref().map(|log| logged(log, id)).transpose()?;
    show_alert(args, &catalogue, explain::alert(recorded, &catalogue, &options, id, logged.as_ref())?)
}

fn recorded_permit(args: &ExplainArgs, config: &Config, recorded: Recorded<'_>, permit: &str) -> anyhow::Result<()> {
    let catalogue = args.rules.load_with(config)?;
    let options = options(args, config, recorded)?;
    if args.sheet == Sheet::Party {
        let facts = explain::party_of_permit(recorded, &catalogue, &options, permit)?;
        return show(args, &facts, || explain::party_page(&facts, args.language));
    }
    let facts = explain::permit(recorded, &catalogue, &options, permit)?;
    show(args, &facts, || explain::permit_page(&facts, args.language, args.steps))
}

fn published_alert(args: &ExplainArgs, config: &Config, id: &str) -> anyhow::Result<()> {
    let catalogue = args.rules.load_with(config)?;
    let wanted = AlertId::from_hex(id).context("the alert id is not hexadecimal")?;
    let pseudonyms = audit::keys(config)?;
    let shards = 0..kafka::shard_count(&config.kafka)?;
    for (outlet, shard) in Outlet::ALL.into_iter().flat_map(|outlet| shards.clone().map(move |shard| (outlet, shard))) {
        let published = read_published_of(outlet, &config.kafka, &pseudonyms, shard)?.alerts;
        let is_wanted = |(own, alert): &(AlertId, Alert)| !alert.is_withheld && pseudonyms.is_id_of(wanted, *own);
        if let Some((_, alert)) = published.into_iter().find(is_wanted) {
            let alert = Alert { alert_id: id.to_owned(), ..alert };
            if outlet == Outlet::Shadow {
                note!("{} was on trial when it said this: no officer was shown it", alert.rule_id);
            }
            return show_alert(args, &catalogue, explain::alert_from_topic(&catalogue, &alert, &closed(args))?);
        }
    }
    bail!("no alert {id} in topics \"{}\"", Outlet::ALL.map(|outlet| config.kafka.topic_of(outlet)).join("\", \""))
}

fn options(args: &ExplainArgs, config: &Config, recorded: Recorded<'_>) -> anyhow::Result<Options> {
    Ok(Options {
        visibility: config.visibility(),
        limits: config.limits.clone(),
        pseudonyms: Arc::new(replay::pseudonyms(config)?),
        as_of: replay::clock(recorded, args.as_of)?,
        closed: closed(args),
    })
}

fn closed(args: &ExplainArgs) -> Closed {
    Closed { classes: args.closed_classes.clone(), opened: args.opened_classes.clone() }
}

/// The alert, from the log of a replay.
fn logged(log: &Path, id: &str) -> anyhow::Result<Alert> {
    let text = std::fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
    let line = text.lines().find(|line| line.contains(id));
    let line = line.with_context(|| format!("no alert {id} in {}", log.display()))?;
    serde_json::from_str(line).with_context(|| format!("{}: the alert's line is not a transition", log.display()))
}

fn show_alert(args: &ExplainArgs, catalogue: &Catalogue, facts: AlertFacts) -> anyhow::Result<()> {
    if args.sheet == Sheet::Party {
        let facts = explain::party_of_alert(catalogue, facts)?;
        return show(args, &facts, || explain::party_page(&facts, args.language));
    }
    show(args, &facts, || explain::alert_page(&facts, args.language))
}

fn show<T: serde::Serialize>(args: &ExplainArgs, facts: &T, page: impl Fn() -> Page) -> anyhow::Result<()> {
    match args.format {
        Format::Json => terminal::print(&serde_json::to_string_pretty(facts)?),
        Format::Text => terminal::print(explain::text(&page()).trim_end()),
        Format::Html => terminal::print(explain::html(&page()).trim_end()),
    }
    Ok(())
}

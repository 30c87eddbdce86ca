//! The command line: turns what a user types into calls.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};

use crate::catalogue::file::RuleFile;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::config::Config;
use crate::model::schema::Feed;
use crate::model::sets::FeedSet;
use crate::output::OutFile;
use crate::pipeline::reload::exceptions;
use crate::rules::RuleSet;
use crate::source::files::Recorded;
use crate::telemetry;
use crate::terminal::note;
use crate::tools::replay::recorded_file;
use crate::tools::revision::{self, RulesDirectory};

mod adapters;
mod audit;
mod check;
mod checkpoint;
mod demo;
mod diff;
mod doctor;
mod explain;
mod generate;
mod quarantine;
mod reidentify;
mod replay;
mod rules;
mod run;
mod test;
mod topics;
mod tune;

/// Streaming detection of breached permit conditions over register change feeds.
#[derive(Debug, Parser)]
#[command(version = telemetry::VERSION, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Adapters(adapters::Adapters),
    Audit(audit::AuditArgs),
    /// Show the whole job on a synthetic population, with an embedded broker.
    Demo(demo::DemoArgs),
    /// Run the detector.
    Run(run::RunArgs),
    /// Parse, check and plan every rule and view, without a broker.
    Check(check::CheckArgs),
    Checkpoint(checkpoint::CheckpointArgs),
    Diff(diff::DiffArgs),
    Doctor(doctor::DoctorArgs),
    Explain(explain::ExplainArgs),
    /// Generate a synthetic register population with planted breaches.
    Generate(generate::GenerateArgs),
    /// Look at the messages that were set aside, and give them another try.
    Quarantine(quarantine::QuarantineArgs),
    Reidentify(reidentify::ReidentifyArgs),
    /// Replay recorded feeds: through the engine, or as one plain batch query.
    ///
    /// Runs the rules that are live or on trial (`"stage": "shadow"` in the log); drafts and retired ones where --rule names them.
    Replay(replay::ReplayArgs),
    Rules(rules::Rules),
    /// Print the batch query of the standing set as a DuckDB script.
    Sql(replay::SqlArgs),
    /// Run the rules' own cases, in the engine and as a batch query.
    Test(test::TestArgs),
    Topics(topics::TopicsArgs),
    Tune(tune::TuneArgs),
}

/// Where the rules are and which parameters differ.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// Directory with the rules; as it was at a git revision: git:REV for `queries`, git:REV:DIR for another.
    #[arg(long, value_name = "DIR", default_value = "queries", alias = "queries")]
    rules: PathBuf,
    /// Parameter to change, as rule-id.parameter=value; may be repeated.
    #[arg(long = "set", value_name = "RULE.PARAM=VALUE", value_parser = parse_set)]
    set: Vec<(String, i64)>,
    /// Only these rules, by id or number; may be repeated.
    #[arg(long = "rule", value_name = "RULE")]
    only: Vec<String>,
}

fn parse_set(text: &str) -> Result<(String, i64), String> {
    let (name, value) = text.split_once('=').ok_or("write rule-id.parameter=value")?;
    let value = value.trim().parse().map_err(|_| format!("\"{value}\" is no whole number"))?;
    Ok((name.trim().to_owned(), value))
}

impl RulesArgs {
    /// Where they can be read.
    fn directory(&self) -> anyhow::Result<RulesDirectory> {
        revision::open(&self.rules).with_context(|| format!("cannot read {}", self.rules.display()))
    }

    pub fn load(&self) -> anyhow::Result<Catalogue> {
        self.load_with(&Config::default())
    }

    /// As `load_with`, but without drafts and retired rules that are not asked for by name: what a live run evaluates.
    pub fn load_running(&self, config: &Config) -> anyhow::Result<Catalogue> {
        let mut catalogue = self.load_with(config)?;
        if self.only.is_empty() {
            let is_left_out = |rule: &&RuleFile| !rule.header.stage().runs();
            let told = |rule: &RuleFile| format!("{} ({})", rule.header.id, rule.header.stage);
            let left_out: Vec<String> = catalogue.rules.iter().filter(is_left_out).map(told).collect();
            if !left_out.is_empty() {
                note!("not run unless --rule names it: {}", left_out.join(", "));
            }
            catalogue.rules.retain(|rule| rule.header.stage().runs());
        }
        Ok(catalogue)
    }

    /// As `load`, with the exceptions from safeguards and the parameters (`[rules.set]`) of a configuration; `--set` goes before these.
    pub fn load_with(&self, config: &Config) -> anyhow::Result<Catalogue> {
        let set = config.rules.set.iter().map(|(key, value)| (key.clone(), *value));
        let set: BTreeMap<String, i64> = set.chain(self.set.iter().cloned()).collect();
        let directory = self.directory()?;
        let mut catalogue = Catalogue::load_with(directory.path(), &set, &exceptions(&config.rules))
            .with_context(|| format!("cannot load the rules in {}", self.rules.display()))?;
        for (key, value) in &set {
            let (rule, name) = key.split_once('.').unwrap_or_default();
            if let Some(param) = catalogue.rule(rule).and_then(|rule| rule.header.params.get(name)) {
                note!("with {key} = {value}, by default {}", param.default);
            }
        }
        if self.only.is_empty() {
            return Ok(catalogue);
        }
        let only = self.only.iter().map(|name| Ok(catalogue.named(name)?.header.id.clone()));
        let only: Vec<String> = only.collect::<Result<_, CatalogueError>>()?;
        catalogue.retain_rules(&only.iter().map(String::as_str).collect::<Vec<_>>());
        let used = catalogue.rules.iter().map(|rule| &rule.header.id).filter(|id| !only.contains(id));
        let used: Vec<&str> = used.map(String::as_str).collect();
        if !used.is_empty() {
            note!("with the rules whose findings they read: {}", used.join(", "));
        }
        Ok(catalogue)
    }
}

/// Feeds that a recording does not have.
#[derive(Debug, Args)]
pub struct AbsentArgs {
    /// A feed that the recording does not have; may be repeated. What rests on its silence is not said then.
    #[arg(long, value_name = "FEED", value_parser = feed)]
    absent: Vec<Feed>,
}

fn feed(text: &str) -> Result<Feed, String> {
    let names = || Feed::SOURCES.map(Feed::name).join(", ");
    let found = Feed::from_name(text).filter(|feed| !feed.is_internal());
    found.ok_or_else(|| format!("there is no such feed; feeds are {}", names()))
}

impl AbsentArgs {
    /// A recording in a directory, without the absent feeds.
    pub fn of<'a>(&self, dir: &'a Path) -> anyhow::Result<Recorded<'a>> {
        for feed in &self.absent {
            if let Some(file) = recorded_file(dir, *feed) {
                bail!("{} is said to be absent, but {} is there", feed.name(), file.display());
            }
            note!("{} is absent: nothing is said that rests on its silence", feed.name());
        }
        Ok(Recorded { absent: FeedSet::of(self.absent.iter().copied()), ..dir.into() })
    }
}

/// Reads the rules of a directory.
pub fn load_rules(dir: &Path, set: &BTreeMap<String, i64>) -> anyhow::Result<Catalogue> {
    Catalogue::load(dir, set).with_context(|| format!("cannot load the rules in {}", dir.display()))
}

/// What a command reads, which it may therefore not overwrite.
#[derive(Default)]
pub struct Inputs(Vec<PathBuf>);

impl Inputs {
    pub fn file(mut self, file: Option<&Path>) -> Inputs {
        self.0.extend(file.map(Path::to_owned));
        self
    }

    /// The files of a recording.
    pub fn recording(self, dir: &Path) -> Inputs {
        self.folder(&dir.join("ndjson"), &["ndjson"]).folder(&dir.join("parquet"), &["parquet"])
    }

    /// The texts of a rules directory, and their cases.
    pub fn rules(self, dir: &Path) -> Inputs {
        let folders = ["", "views", "links", "tests"].map(|folder| dir.join(folder));
        folders.iter().fold(self, |inputs, folder| inputs.folder(folder, &["sql", "toml", "csv"]))
    }

    fn folder(mut self, folder: &Path, endings: &[&str]) -> Inputs {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        self.0.extend(
            files.filter(|file| endings.iter().any(|wanted| file.extension().is_some_and(|own| own == *wanted))),
        );
        self
    }

    /// Begins to write the files that are asked for, before any work is done. Refuses one that the command reads, and one file for
    /// two outputs.
    pub fn create<const N: usize>(&self, outputs: [Option<&Path>; N]) -> anyhow::Result<[Option<OutFile>; N]> {
        let which = |path: &Path| {
            std::fs::metadata(path).ok().filter(Metadata::is_file).map(|found| (found.dev(), found.ino()))
        };
        let read: Vec<_> = self.0.iter().filter_map(|path| which(path)).collect();
        let mut created: [Option<OutFile>; N] = std::array::from_fn(|_| None);
        for (at, path) in outputs.iter().enumerate() {
            let Some(path) = *path else { continue };
            let own = which(path);
            if own.is_some_and(|own| read.contains(&own)) {
                bail!("{} is read by this command and would be overwritten: name another file", path.display());
            }
            let same = |other: &Path| place(other) == place(path) || (own.is_some() && which(other) == own);
            if outputs[..at].iter().flatten().any(|other| same(other)) {
                bail!("{} is asked for twice: each output needs a file of its own", path.display());
            }
            created[at] = Some(create(path)?);
        }
        Ok(created)
    }
}

/// Where a file is or will be, however its folder is written.
fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    folder.join(path.file_name().unwrap_or_default())
}

fn create(path: &Path) -> anyhow::Result<OutFile> {
    OutFile::create(path).with_context(|| cannot_write(path))
}

/// Writes a whole text to a file that has been begun.
fn write_whole(mut file: OutFile, text: &str) -> anyhow::Result<()> {
    let failed = cannot_write(file.path());
    file.write_all(text.as_bytes()).and_then(|()| file.finish()).context(failed)
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// `1 rule`, `2 rules`, `2 entries`, `2 breaches`.
fn counted(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ if what.ends_with("ch") => format!("{number} {what}es"),
        _ => format!("{number} {what}s"),
    }
}

/// Refuses rules that the engine would refuse, before they run as plain queries.
pub fn refuse_unsound(catalogue: &Catalogue) -> anyhow::Result<()> {
    let refused = RuleSet::refused(catalogue).context("the rules are refused")?;
    refused.into_iter().next().map_or(Ok(()), |(_, error)| Err(error).context("the rules are refused"))
}

/// Plans the rules, which also checks them.
pub fn plan_rules(catalogue: &Catalogue) -> anyhow::Result<RuleSet> {
    RuleSet::plan(catalogue).context("the rules are refused")
}

impl Cli {
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Adapters(args) => adapters::run(&args),
            Command::Audit(args) => audit::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Run(args) => run::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Checkpoint(args) => checkpoint::run(&args),
            Command::Diff(args) => diff::run(&args),
            Command::Doctor(args) => doctor::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Generate(args) => generate::run(&args),
            Command::Quarantine(args) => quarantine::run(&args),
            Command::Reidentify(args) => reidentify::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Rules(args) => rules::run(&args),
            Command::Sql(args) => replay::sql(&args),
            Command::Test(args) => test::run(&args),
            Command::Topics(args) => topics::run(&args),
            Command::Tune(args) => tune::run(&args),
        }
    }
}

//! `permitwatch quarantine`: lists quarantined messages, and redrives them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::cli::counted;
use crate::config::Config;
use crate::kafka;
use crate::model::clock;
use crate::model::record::{Coordinates, Message, Offset, Quarantined, Reason};
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, format_micros};
use crate::sink::kafka::read_quarantine;
use crate::source::kafka::MessageReader;
use crate::terminal::{self, note};
use crate::tools::broker::FeedWriter;
use crate::tools::quarantine::{self, Judge, Outcome, Selection};
use crate::words::Language;
use crate::words::states::set_aside;

#[derive(Debug, Args)]
pub struct QuarantineArgs {
    #[command(subcommand)]
    command: QuarantineCommand,
}

#[derive(Debug, Subcommand)]
enum QuarantineCommand {
    /// Count the messages set aside by feed and reason (in words, and by the name that --reason takes), and print them: coordinates,
    /// reason, detail; never a payload.
    List(ListArgs),
    Redrive(RedriveArgs),
}

/// Where the entries are, and which of them.
#[derive(Debug, Args)]
struct EntriesArgs {
    /// Configuration: brokers, topic names, limits.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Brokers, instead of the configuration's.
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Read entries from a `.quarantine` file instead of the topic.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only this feed; may be repeated.
    #[arg(long = "feed", value_name = "FEED", value_parser = feed)]
    feeds: Vec<Feed>,
    /// Only this reason; may be repeated.
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    reasons: Vec<Reason>,
    /// Only the message at these coordinates, as feed/partition/offset; may be repeated.
    #[arg(long = "at", value_name = "COORDINATES", value_parser = coordinates)]
    places: Vec<Coordinates>,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    entries: EntriesArgs,
    /// One JSON object for counts and entries.
    #[arg(long)]
    json: bool,
}

/// Read the source messages of entries again and produce those that would pass now.
///
/// Without --apply nothing is written: each entry is listed with what would happen. With --apply the key and value are
/// produced again, unchanged, at the end of their topic, to the partition that the key belongs to.
///
/// What follows from --apply:
///   - The message gets a new timestamp and so a new known time: for all that permitwatch can say, it became known
///     now. Deadlines that the record would have met in time are counted from now, and alerts may come or go.
///   - However many entries name a message, it is produced once.
///   - The first message stays where it is, and a replay reads both. A shard that rebuilds sets the first aside again.
///   - A record whose version has come in by another way is counted as a duplicate and changes nothing; so is one that
///     is redriven twice.
///   - If the adapter has written a later version since, the later one stays in force.
///   - What is `too_late` stays so, and a `rule_error` is about a rule: its message has been taken in.
///
/// Redrive after what caused the entries is mended: a limit raised, a permitwatch that knows a newer schema, a day
/// that has come, an adapter that stamps its messages aright (`future_known_time`). For an adapter's own errors, mend the adapter and let it write corrections.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct RedriveArgs {
    #[command(flatten)]
    entries: EntriesArgs,
    /// Recorded feeds that the entries of --file are from; a dry run only.
    #[arg(long, value_name = "DIR", requires = "file", conflicts_with = "apply")]
    input: Option<PathBuf>,
    /// Produce what is good now.
    #[arg(long)]
    apply: bool,
}

fn feed(name: &str) -> Result<Feed, String> {
    let names: Vec<&str> = Feed::ALL.iter().map(|feed| feed.name()).collect();
    Feed::from_name(name).ok_or_else(|| format!("feeds are {}", names.join(", ")))
}

fn reason(name: &str) -> Result<Reason, String> {
    let names: Vec<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    Reason::from_name(name).ok_or_else(|| format!("reasons are {}", names.join(", ")))
}

fn coordinates(text: &str) -> Result<Coordinates, String> {
    let wrong = || "write feed/partition/offset".to_owned();
    let mut parts = text.splitn(3, '/');
    let mut next = || parts.next().ok_or_else(wrong);
    let feed = feed(next()?)?;
    let partition = next()?.parse().map_err(|_| wrong())?;
    let offset = Offset(next()?.parse().map_err(|_| wrong())?);
    Ok(Coordinates { feed, partition, offset })
}

pub fn run(args: &QuarantineArgs) -> anyhow::Result<()> {
    match &args.command {
        QuarantineCommand::List(args) => list(args),
        QuarantineCommand::Redrive(args) => redrive(args),
    }
}

impl EntriesArgs {
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = self.config.as_deref().map(Config::load).transpose()?.unwrap_or_default();
        if let Some(brokers) = &self.brokers {
            config.kafka.brokers.clone_from(brokers);
        }
        Ok(config)
    }

    /// The entries asked for, in the order in which they were written, one per message; and how many further entries repeated
    /// these.
    fn read(&self, config: &Config) -> anyhow::Result<(Vec<Quarantined>, usize)> {
        let selection =
            Selection { feeds: self.feeds.clone(), reasons: self.reasons.clone(), places: self.places.clone() };
        let mut entries = Vec::new();
        let mut unreadable = 0;
        let mut take = |json: &[u8]| match quarantine::parse(json) {
            Some(entry) => entries.push(entry),
            None => unreadable += 1,
        };
        match (&self.file, &self.config, &self.brokers) {
            (Some(file), ..) => {
                let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
                text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(&mut take);
            }
            (None, None, None) => bail!("say where the entries are: --config, --brokers or --file"),
            _ => {
                for partition in 0..kafka::shard_count(&config.kafka)? {
                    read_quarantine(&config.kafka, partition, &mut take)?;
                }
            }
        }
        if unreadable > 0 {
            note!("{unreadable} entries are not of this program's making and are left out");
        }
        let takes = |entries: &[Quarantined]| entries.iter().filter(|entry| selection.takes(entry)).count();
        let all = takes(&entries);
        let mut entries = quarantine::distinct(entries);
        entries.retain(|entry| selection.takes(entry));
        let repeated = all.saturating_sub(entries.len());
        Ok((entries, repeated))
    }
}

/// Follows the number of entries: how many more repeat them.
fn again(repeated: usize) -> String {
    match repeated {
        0 => String::new(),
        1 => "; 1 more says the same again, as after a restart".to_owned(),
        many => format!("; {many} more say the same again, as after a restart"),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let (entries, repeated) = args.entries.read(&args.entries.config()?)?;
    let counts = quarantine::counts(&entries);
    if args.json {
        let counts: Vec<_> = counts
            .iter()
            .map(|((feed, reason), count)| {
                serde_json::json!({"feed": feed.name(), "reason": reason.name(), "entries": count})
            })
            .collect();
        let entries: Vec<_> = entries.iter().map(json).collect();
        let all = serde_json::json!({"counts": counts, "entries": entries, "repeated": repeated});
        terminal::print(&serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    for ((feed, reason), count) in &counts {
        terminal::print(&format!("{:<12} {:<34} {:<20} {count:>8}", feed.name(), words(*reason), reason.name()));
    }
    for entry in &entries {
        let time = format_micros(entry.known_time.0);
        terminal::print(&format!("{time}  {}  {}: {}", entry.coordinates, words(entry.reason), entry.detail));
    }
    terminal::print(&format!("{}{}", counted(entries.len(), "entry"), again(repeated)));
    Ok(())
}

/// The counts show the name too, which `--reason` takes.
fn words(reason: Reason) -> &'static str {
    set_aside(Language::En, reason)
}

fn json(entry: &Quarantined) -> serde_json::Value {
    serde_json::json!({
        "feed": entry.coordinates.feed.name(),
        "partition": entry.coordinates.partition,
        "offset": entry.coordinates.offset.0,
        "reason": entry.reason.name(),
        "detail": entry.detail,
        "known_time": format_micros(entry.known_time.0),
    })
}

fn redrive(args: &RedriveArgs) -> anyhow::Result<()> {
    let config = args.entries.config()?;
    let (entries, repeated) = args.entries.read(&config)?;
    let now = KnownTime(clock::wall().0);
    let (messages, partitions) = messages(args, &config, &entries)?;
    let judge = Judge { visibility: config.visibility(), limits: config.limits.clone(), partitions, now };
    let mut writer = if args.apply { Some(FeedWriter::new(&config.kafka)?) } else { None };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (entry, message) in entries.iter().zip(&messages) {
        let outcome = judge.judge(entry, message.as_ref());
        if let (Outcome::Good { partition }, Some(message), Some(writer)) = (&outcome, message, &mut writer) {
            let (key, payload) = (message.key.as_deref(), message.payload.as_deref());
            writer.write_to(message.feed, *partition, key, payload, now, None)?;
        }
        let (word, detail) = describe(&outcome, args.apply);
        *counts.entry(word).or_default() += 1;
        terminal::print(&format!("{:<24} {:<34} {word}{detail}", entry.coordinates.to_string(), words(entry.reason)));
    }
    if let Some(writer) = &writer {
        writer.flush()?;
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    terminal::print(&format!("{}: {}{}", counted(entries.len(), "entry"), counts.join(", "), again(repeated)));
    if !args.apply {
        terminal::print("nothing was written; --apply produces what would pass");
    }
    Ok(())
}

/// The source message of each entry, and the number of partitions of the feeds.
fn messages(
    args: &RedriveArgs,
    config: &Config,
    entries: &[Quarantined],
) -> anyhow::Result<(Vec<Option<Message>>, i32)> {
    let place = |entry: &Quarantined| (entry.coordinates.feed, entry.coordinates.offset.0);
    if let Some(dir) = &args.input {
        let found = quarantine::recorded(dir, entries)?;
        return Ok((entries.iter().map(|entry| found.get(&place(entry)).cloned()).collect(), 1));
    }
    let partitions = kafka::shard_count(&config.kafka)?;
    let reader = MessageReader::new(&config.kafka)?;
    let messages = entries.iter().map(|entry| match entry.reason {
        Reason::RuleError | Reason::TooLate => Ok(None),
        _ => reader.read(entry.coordinates),
    });
    Ok((messages.collect::<Result<_, _>>()?, partitions))
}

fn describe(outcome: &Outcome, apply: bool) -> (&'static str, String) {
    match outcome {
        Outcome::Good { partition } if apply => ("produced", format!(" to partition {partition}")),
        Outcome::Good { partition } => ("would pass", format!(" in partition {partition}")),
        Outcome::StillBad(reason, detail) => ("still bad", format!(": {}: {detail}", words(*reason))),
        Outcome::Clock => ("not needed", ": a clock message; the adapter's next one says all that it said".to_owned()),
        Outcome::Taken => ("taken in already", ": a rule failed, not the message".to_owned()),
        Outcome::StillTooLate => ("still too late", ": a new known time makes it no earlier".to_owned()),
        Outcome::Gone => ("gone", ": the source no longer has it".to_owned()),
    }
}

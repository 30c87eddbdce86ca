//! `permitwatch replay` and `permitwatch sql`: history through the engine, or as a batch query.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};

use crate::catalogue::Catalogue;
use crate::cli::{AbsentArgs, Inputs, RulesArgs, cannot_write, counted, refuse_unsound};
use crate::config::{Config, LimitsConfig};
use crate::model::alert::Alert;
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, format_micros, parse_time};
use crate::oracle::{StandingRow, duckdb_script};
use crate::output::OutFile;
use crate::pseudonyms::Pseudonyms;
use crate::source::files::{Recorded, last_known_time};
use crate::terminal::{self, note, say};
use crate::tools::replay::written;
use crate::tools::replay::{self, Broad, Replayed, SetAside, Tables, Timeline, Waiting};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// The engine, in strict order: every transition as it would have come.
    Timeline,
    /// The same SQL as one plain query over the Parquet files: what stands at the end.
    Batch,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Directory with recorded feeds (`ndjson/` for timeline, `parquet/` for batch).
    #[arg(long, value_name = "DIR")]
    input: PathBuf,
    #[arg(long, value_enum, default_value = "timeline")]
    mode: Mode,
    /// Where to write: timeline, every transition; batch, the standing set. One JSON object a line, or Parquet if the name ends in .parquet.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where to write the standing set, in either mode and either form.
    #[arg(long, value_name = "FILE")]
    standing: Option<PathBuf>,
    /// Where timeline also writes each message that it set aside: file, line, member and reason, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    quarantine: Option<PathBuf>,
    /// Clock at the end, a date or RFC 3339 time; default: the greatest known time recorded. What is stamped later than both this and
    /// now cannot be true: timeline sets it aside, batch refuses its file.
    #[arg(long, visible_alias = "to", value_name = "TIME", value_parser = time)]
    as_of: Option<KnownTime>,
    /// With timeline: write transitions as of this time and later alone, a date or RFC 3339 time. What came before is read all the same, since what
    /// stands rests on it.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<KnownTime>,
    /// Partitions to spread the persons over.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=1024))]
    partitions: i32,
    /// Messages taken before they are evaluated; the log is the same for any.
    #[arg(long, default_value_t = BATCH, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Configuration whose limits, history and pseudonym key apply.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Also print where the time of the rules, views and links goes, by operator.
    #[arg(long)]
    profile: bool,
    #[command(flatten)]
    absent: AbsentArgs,
    #[command(flatten)]
    rules: RulesArgs,
}

#[derive(Debug, Args)]
pub struct SqlArgs {
    /// Directory with recorded feeds.
    #[arg(long, value_name = "DIR")]
    input: PathBuf,
    /// Clock, a date or RFC 3339 time; default: the greatest known time recorded.
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<KnownTime>,
    #[command(flatten)]
    absent: AbsentArgs,
    #[command(flatten)]
    rules: RulesArgs,
}

pub fn time(text: &str) -> Result<KnownTime, String> {
    parse_time(text).map(KnownTime).ok_or_else(|| "write YYYY-MM-DD or an RFC 3339 time".into())
}

/// The clock asked for, else the greatest known time recorded.
pub fn clock(recorded: Recorded<'_>, asked: Option<KnownTime>) -> anyhow::Result<KnownTime> {
    match asked {
        Some(at) => Ok(at),
        None => last_known_time(recorded)?.ok_or_else(|| empty(recorded)),
    }
}

fn clock_of_tables(recorded: Recorded<'_>, tables: &Tables, asked: Option<KnownTime>) -> anyhow::Result<KnownTime> {
    asked.or_else(|| tables.last_known_time()).ok_or_else(|| empty(recorded))
}

fn empty(recorded: Recorded<'_>) -> anyhow::Error {
    anyhow!("recorded feeds in {} are empty", recorded.dir.display())
}

/// Notes files that are not part of the recording and are not read: their names may be misspelt.
pub fn note_strays(strays: &[PathBuf]) {
    for path in strays {
        note!("{} is not read: it has no feed's or table's name", path.display());
    }
}

/// The pseudonym key of replays without a configuration: fixed, so that two replays can be compared.
const REPLAY_KEY: &str = "permitwatch replay, not for production";

/// Pseudonyms under the configured key; without one, under a key that everybody knows, which is said.
pub fn pseudonyms(config: &Config) -> anyhow::Result<Pseudonyms> {
    if let Some(pseudonyms) = config.alerts.pseudonyms()? {
        return Ok(pseudonyms);
    }
    note!("no pseudonym key is configured: the pseudonyms of persons are made with a public key and protect nobody");
    Ok(Pseudonyms::public(REPLAY_KEY, &config.alerts.key_id))
}

/// Messages taken before they are evaluated, unless the user says otherwise.
pub const BATCH: u32 = 20_000;

/// How a recording is replayed under a configuration.
pub fn timeline(config: &Config, as_of: KnownTime, batch: u32) -> anyhow::Result<Timeline> {
    Ok(Timeline {
        visibility: config.visibility(),
        limits: LimitsConfig { batch_messages: batch as usize, ..config.limits.clone() },
        max_rule_errors: config.rules.max_errors,
        pseudonyms: Arc::new(pseudonyms(config)?),
        partitions: 1,
        batch_messages: batch as usize,
        as_of,
        profile: false,
    })
}

pub fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let config = args.config.as_deref().map(Config::load).transpose()?.unwrap_or_default();
    let catalogue = args.rules.load_running(&config)?;
    if args.mode == Mode::Batch {
        refuse_unsound(&catalogue)?;
    }
    let recorded = args.absent.of(&args.input)?.read_as_of(args.as_of);
    if args.mode == Mode::Batch && args.quarantine.is_some() {
        bail!("--quarantine goes with --mode timeline: batch refuses tables with a value that would be set aside");
    }
    if args.mode == Mode::Batch && args.from.is_some() {
        bail!("--from goes with --mode timeline: batch says what stands at one time");
    }
    let inputs = Inputs::default().recording(&args.input).rules(&args.rules.rules).file(args.config.as_deref());
    let outputs = [&args.out, &args.standing, &args.quarantine].map(|path| path.as_deref());
    let [out, standing_out, quarantine_out] = inputs.create(outputs)?;
    let started = Instant::now();
    match args.mode {
        Mode::Batch => {
            let tables = Tables::read(recorded)?;
            note_strays(&replay::stray_tables(recorded));
            if !tables.has_clocks() {
                note!("parquet/clocks.parquet is not there: each feed is taken to have spoken up to its last record");
            }
            let as_of = clock_of_tables(recorded, &tables, args.as_of)?;
            let found = replay::batch_with_clocks(&tables, &catalogue, &config.visibility(), as_of)?;
            let (waiting, standing) = (Waiting::of_batch(&found), found.standing);
            for out in [out, standing_out].into_iter().flatten() {
                write_standing(out, &standing)?;
            }
            note!("batch as of {as_of}: {:.1} s", started.elapsed().as_secs_f64());
            note_waiting(&waiting);
            print_standing(&catalogue, &standing);
        }
        Mode::Timeline => {
            let recorded = recorded.with_spoken()?;
            let as_of = clock(recorded, args.as_of)?;
            if let Some(from) = args.from.filter(|from| *from > as_of) {
                bail!("--from {from} lies after the clock at the end, {as_of}");
            }
            note_strays(&recorded.strays());
            let options = Timeline {
                partitions: args.partitions,
                profile: args.profile,
                ..timeline(&config, as_of, args.batch)?
            };
            let replayed = replay::timeline(recorded, &catalogue, &options)?;
            if let Some(out) = out {
                // The log is in the order of its times within each shard alone.
                let since = args.from.map(|from| format_micros(from.0));
                let is_late = |alert: &&Alert| since.as_ref().is_none_or(|since| alert.as_of >= *since);
                let log: Vec<&Alert> = replayed.log.iter().filter(is_late).collect();
                if is_parquet(&out) {
                    write_parquet(out, |out| written::write_transitions(out, &log))?;
                } else {
                    write_lines(out, log.into_iter().map(Alert::said))?;
                }
            }
            if let Some(out) = standing_out {
                write_standing(out, &replayed.standing)?;
            }
            let set_aside = replay::set_aside(&args.input, &replayed.quarantined);
            if let Some(out) = quarantine_out {
                write_lines(out, set_aside.iter())?;
            }
            print_timeline(&catalogue, &replayed, as_of, started.elapsed().as_secs_f64());
            if note_set_aside(&set_aside) && args.quarantine.is_none() {
                note!("--quarantine FILE names each message");
            }
            note_unknown(&replayed);
            note_broad(&catalogue, &replayed);
            if let Some(profile) = &replayed.profile {
                print_units(&catalogue, &replayed);
                say!("\n{profile}");
            }
            refuse_failed(&catalogue, &replayed, config.rules.max_errors)?;
        }
    }
    Ok(())
}

/// Notes how many messages were set aside, and why; returns whether any were.
pub fn note_set_aside(set_aside: &[SetAside]) -> bool {
    let table = replay::set_aside_table(set_aside);
    for line in &table {
        note!("{line}");
    }
    !table.is_empty()
}

/// Notes members that match no column and are ignored: their names may be misspelt.
pub fn note_unknown(replayed: &Replayed) {
    for feed in Feed::SOURCES {
        let members = replayed.fates.unknown_fields[feed.index()];
        if members > 0 {
            note!(
                "{}: {} that the schema does not know, passed over",
                feed.name(),
                counted(members as usize, "member")
            );
        }
    }
}

/// Notes rules that speak of most of the persons whom they are about.
fn note_broad(catalogue: &Catalogue, replayed: &Replayed) {
    for Broad { rule, spoken_of, concerned } in replay::broad(catalogue, replayed) {
        note!(
            "{rule} has spoken of {spoken_of} of the {concerned} persons who had permits of its classes: is a condition missing, or a threshold where everybody is below it?"
        );
    }
}

/// Reports what failed: the standing set is then not what the rules say.
pub fn refuse_failed(catalogue: &Catalogue, replayed: &Replayed, max_errors: u32) -> anyhow::Result<()> {
    let failed = replay::failed(&replayed.quarantined);
    if failed.is_empty() {
        return Ok(());
    }
    note!("");
    for (what, failed) in &failed {
        let (units, cause) = (counted(failed.units, "unit"), failed.cause());
        match *what {
            "limit" => note!("no rule was run for {units}: {cause}; their alerts stay as they were"),
            "cancellers" => note!("cancellers and tips failed for {units}: {cause}; they stay as they were"),
            rule if catalogue.rule(rule).is_some() => {
                note!("rule {rule} failed for {units}: {cause}; it keeps its alerts about them");
            }
            link => note!("link {link} failed for {units}: {cause}; it shows what it showed"),
        }
    }
    for rule in &replayed.disabled {
        note!(
            "rule {rule} was disabled, having reached rules.max_errors ({max_errors}): it was not run again, and all its alerts stay as they were"
        );
    }
    bail!("some rules failed, so what stands is not what the rules say");
}

pub fn sql(args: &SqlArgs) -> anyhow::Result<()> {
    let catalogue = args.rules.load_running(&Config::default())?;
    refuse_unsound(&catalogue)?;
    let recorded = args.absent.of(&args.input)?.read_as_of(args.as_of);
    // DuckDB must not accept what batch refuses.
    let tables = Tables::read(recorded)?;
    note_strays(&replay::stray_tables(recorded));
    let as_of = clock_of_tables(recorded, &tables, args.as_of)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let script = runtime.block_on(duckdb_script(&catalogue, &Config::default().visibility(), as_of.0, recorded))?;
    terminal::print(&script);
    Ok(())
}

fn print_timeline(catalogue: &Catalogue, replayed: &Replayed, as_of: KnownTime, seconds: f64) {
    let fates = &replayed.fates;
    let sum = |counts: &[u64]| counts.iter().sum::<u64>();
    note!(
        "timeline as of {as_of}: {} messages in {seconds:.1} s ({:.0} a second), {} persons, {:.1} MiB of state",
        replayed.messages,
        replayed.messages as f64 / seconds,
        replayed.persons,
        replayed.state_bytes as f64 / 1_048_576.0
    );
    note!(
        "  evaluated {}  filtered {}  duplicate {}  quarantined {}  clock {}  = {}",
        sum(&fates.evaluated),
        sum(&fates.filtered),
        sum(&fates.duplicate),
        fates.quarantined_total(),
        sum(&fates.clock),
        fates.total()
    );
    let mut micros = [0u64; 4];
    let mut units = [0u64; 2];
    for work in &replayed.work {
        for (sum, part) in
            micros.iter_mut().zip([work.decode_micros, work.gather_micros, work.rules_micros, work.detect_micros])
        {
            *sum += part;
        }
        units[0] += work.record_units;
        units[1] += work.deadline_units;
    }
    note!(
        "  {} units by records, {} by deadlines; decode {:.1} s, gather and views {:.1} s, rules {:.1} s, detect {:.1} s; {} transitions",
        units[0],
        units[1],
        micros[0] as f64 / 1e6,
        micros[1] as f64 / 1e6,
        micros[2] as f64 / 1e6,
        micros[3] as f64 / 1e6,
        replayed.log.len()
    );
    note_waiting(&replayed.waiting);
    print_standing(catalogue, &replayed.standing);
}

/// Notes what does not stand because a feed does not reach far enough.
pub fn note_waiting(waiting: &Waiting) {
    for line in waiting.lines() {
        note!("  {line}");
    }
}

/// How many units each rule was evaluated for, and how many rows it gave.
fn print_units(catalogue: &Catalogue, replayed: &Replayed) {
    say!("\n{:<28} {:>10} {:>10}", "rule", "units", "rows");
    for (at, rule) in catalogue.rules.iter().enumerate() {
        let work = || replayed.work.iter().filter_map(|work| work.rules.get(at));
        let units: u64 = work().map(|work| work.evaluations).sum();
        let rows: u64 = work().map(|work| work.rows).sum();
        say!("{:<28} {units:>10} {rows:>10}", rule.header.id);
    }
}

/// One line a rule: how many alerts stand, by severity.
fn print_standing(catalogue: &Catalogue, standing: &[StandingRow]) {
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for row in standing {
        counts.entry(&row.rule_id).or_default()[row.severity as usize] += 1;
    }
    say!("{:<28} {:>7} {:>7} {:>7} {:>7}", "standing", "info", "weak", "medium", "strong");
    for rule in &catalogue.rules {
        let [info, weak, medium, strong] = counts.get(rule.header.id.as_str()).copied().unwrap_or_default();
        let stage = if rule.header.stage().is_live() { "" } else { &rule.header.stage };
        let line = format!("{:<28} {info:>7} {weak:>7} {medium:>7} {strong:>7}  {stage}", rule.header.id);
        say!("{}", line.trim_end());
    }
}

/// Whether a file is to have the form of Parquet, by its name.
fn is_parquet(out: &OutFile) -> bool {
    out.path().extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"))
}

fn write_parquet<E: std::error::Error + Send + Sync + 'static>(
    out: OutFile,
    write: impl FnOnce(OutFile) -> Result<OutFile, E>,
) -> anyhow::Result<()> {
    let failed = cannot_write(out.path());
    write(out).with_context(|| failed.clone())?.finish().context(failed)
}

fn write_standing(out: OutFile, standing: &[StandingRow]) -> anyhow::Result<()> {
    if is_parquet(&out) {
        return write_parquet(out, |out| written::write_standing(out, standing));
    }
    write_lines(
        out,
        standing.iter().map(|row| {
            serde_json::json!({
                "alert_id": row.alert_id.to_hex(),
                "rule_id": row.rule_id,
                "subject": row.subject,
                "alert_key": row.alert_key,
                "severity": row.severity.name(),
                "alert_at": format_micros(row.alert_at),
                "anchor_at": row.anchor.map(|day| day.to_string()),
            })
        }),
    )
}

pub fn write_lines<T: serde::Serialize>(mut out: OutFile, lines: impl Iterator<Item = T>) -> anyhow::Result<()> {
    let failed = cannot_write(out.path());
    for line in lines {
        serde_json::to_writer(&mut out, &line).with_context(|| failed.clone())?;
        out.write_all(b"\n").with_context(|| failed.clone())?;
    }
    out.finish().context(failed)
}

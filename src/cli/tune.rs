//! `permitwatch tune`: which threshold holds up, over a recording and against what is known of its permits.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::catalogue::Catalogue;
use crate::catalogue::variants::Values;
use crate::cli::{AbsentArgs, Inputs, RulesArgs, counted, parse_set, replay, write_whole};
use crate::config::Config;
use crate::model::time::{KnownTime, parse_time};
use crate::output::OutFile;
use crate::terminal::{note, say};
use crate::tools::replay::set_aside;
use crate::tools::tune::cases::{Cases, HeldOut};
use crate::tools::tune::choice::{Choice, choose};
use crate::tools::tune::figures::{Figures, Span, figures};
use crate::tools::tune::labels::{self, Labels, Meaning, Of};
use crate::tools::tune::sweep::{Sweep, points, sweep};
use crate::tools::tune::{self, Run, report, sample, with_in_force, written};

/// Try many values of a rule's parameters at once, and say which holds up.
///
/// All values run side by side in one replay; every combination of them is a point. Of each point is told
///
/// - alerts raised, by the severity with which they stood last, a day, and on the day with the most; persons and permits;
/// - stood: the median of the days for which an alert stood; taken back: the share that a correction or late fact retracted;
/// - what changed against the rule in force: alerts only here, only there, raised earlier or later, stronger or weaker at last;
/// - with labels: precision, right / (right + wrong), recall, right / (right + missed), F1, the harmonic mean of both, and phi,
///   the correlation of alerts and labels; wrong alerts for each 1,000 compliant; delay, the median of the days from when a
///   breach could be known to its alert. Labels are of permits: a permit is right or wrong once, however many alerts it has.
///   An alert that came before the breach could be known is wrong, and if it stands by then, the breach is found.
///
/// In brackets is where 95 of 100 replicates lie that draw persons anew (bootstrap). Permits that nobody has judged are counted
/// apart, never as wrong, unless the labels are whole: a planted truth is, and --whole says so of others.
///
/// A point is chosen on one part of the permits and judged on the other: half of the persons, or what came after a day. The best
/// five of those within the budget are tried on what was held out, the best first. The first is recommended whose F1 there is
/// above that of the rule in force and whose alerts are shown to have to do with the labels (phi is above 0, and a lot would not
/// do as well), each with its share of an error of 5 in 100 for the one and 1 in 1000 for the other. If there is none, nothing is recommended. Points that say the same
/// count once, by the one in the middle. It takes the memory of a replay and of what every point raised.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct TuneArgs {
    /// The rule, by id or number.
    #[arg(value_name = "RULE")]
    rule: String,
    /// Values to try, as parameter=80..100:5 or parameter=3,4,6; may be repeated. Days may be in weeks (8w), months in years (2y). A
    /// threshold of parameters.csv is parameters.NAME; each value then holds at all times.
    #[arg(long, value_name = "PARAM=VALUES", value_parser = sweep, required = true)]
    sweep: Vec<Sweep>,
    /// Directory with recorded feeds (`ndjson/`).
    #[arg(long, value_name = "DIR")]
    input: PathBuf,
    /// What is known of permits, CSV or Parquet: a planted truth, what officers decided, or a sample that was judged. Columns permit,
    /// rule, outcome; see queries/README.md.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// What another word of the labels means: WORD=right, =wrong or =open (not judged); may be repeated.
    #[arg(long, value_name = "WORD=MEANING", value_parser = outcome, requires = "labels")]
    outcome: Vec<(String, Meaning)>,
    /// The labels are whole: a permit without a line has no breach.
    #[arg(long, requires = "labels")]
    whole: bool,
    /// Most alerts a day on average, as 3, 0.5/day or 20/week.
    #[arg(long, value_name = "NUMBER[/day]", value_parser = budget)]
    budget: Option<f64>,
    /// What is held out: half of the `persons`, or what came on a day or later, as a date.
    #[arg(long, value_name = "persons|DATE", default_value = "persons", value_parser = held_out)]
    hold_out: HeldOut,
    /// For the split, the replicates and the sample: the same seed gives the same figures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Permits to draw for --sample-out, as evenly as possible from the severities.
    #[arg(long, value_name = "NUMBER", default_value_t = 40, requires = "sample_out")]
    sample: usize,
    /// Where to write permits to be judged by hand, as CSV; filled in, it is a file for --labels.
    #[arg(long, value_name = "FILE")]
    sample_out: Option<PathBuf>,
    /// Points with a line in the tables, beside the rule in force.
    #[arg(long, value_name = "NUMBER", default_value_t = 24)]
    rows: usize,
    /// Where to write the figures of all points: .csv, or .json with what led to the recommendation.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Directory with the rules; as it was at a git revision: git:REV for `queries`, git:REV:DIR for another.
    #[arg(long, value_name = "DIR", default_value = "queries")]
    rules: PathBuf,
    /// Parameter to change in the rule in force and all points, as rule-id.parameter=value; may be repeated.
    #[arg(long, value_name = "RULE.PARAM=VALUE", value_parser = parse_set)]
    set: Vec<(String, i64)>,
    /// Clock at the end, a date or RFC 3339 time; default: the greatest known time recorded.
    #[arg(long, value_name = "TIME", value_parser = replay::time)]
    as_of: Option<KnownTime>,
    /// Configuration whose limits, history, parameters, exceptions and pseudonym key apply.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    absent: AbsentArgs,
}

fn outcome(text: &str) -> Result<(String, Meaning), String> {
    let (word, meaning) = text.split_once('=').ok_or("write WORD=right, WORD=wrong or WORD=open")?;
    let meaning = match meaning.trim() {
        "right" => Meaning::Right,
        "wrong" => Meaning::Wrong,
        "open" => Meaning::Open,
        other => return Err(format!("\"{other}\" is none of right, wrong, open")),
    };
    Ok((word.trim().to_owned(), meaning))
}

fn budget(text: &str) -> Result<f64, String> {
    let (number, per) = text.split_once('/').unwrap_or((text, "day"));
    let days = match per.trim() {
        "day" => 1.0,
        "week" => 7.0,
        other => return Err(format!("\"{other}\" is neither day nor week")),
    };
    let number = number.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.map(|number| number / days).ok_or_else(|| format!("\"{text}\" is no number of alerts"))
}

fn held_out(text: &str) -> Result<HeldOut, String> {
    match (text, parse_time(text)) {
        ("persons", _) => Ok(HeldOut::Persons),
        (_, Some(at)) => Ok(HeldOut::Time(KnownTime(at))),
        _ => Err("write persons, or a day as YYYY-MM-DD".to_owned()),
    }
}

pub fn run(args: &TuneArgs) -> anyhow::Result<()> {
    let config = args.config.as_deref().map(Config::load).transpose()?.unwrap_or_default();
    let is_json = is_json(args.out.as_deref())?;
    let catalogue =
        RulesArgs { rules: args.rules.clone(), set: args.set.clone(), only: Vec::new() }.load_with(&config)?;
    let rule = catalogue.named(&args.rule)?.clone();
    let id = rule.header.id.as_str();
    let points = with_in_force(&rule.values, points(&args.sweep).map_err(|message| anyhow!(message))?);
    let set = catalogue.with_variants(id, &points[1..]).with_context(|| format!("rule {id} cannot be varied so"))?;
    note_readers(&catalogue, id);
    let labels = read_labels(args, [id, &rule.header.number])?;
    let inputs = Inputs::default().recording(&args.input).rules(&args.rules).file(args.config.as_deref());
    let outputs = [args.out.as_deref(), args.sample_out.as_deref()];
    let [out, sample_out] = inputs.file(args.labels.as_deref()).create(outputs)?;
    let recorded = args.absent.of(&args.input)?.read_as_of(args.as_of).with_spoken()?;
    let as_of = replay::clock(recorded, args.as_of)?;
    replay::note_strays(&recorded.strays());
    let options = replay::timeline(&config, as_of, replay::BATCH)?;
    let run = tune::run(recorded, id, &set, &options)
        .context("the points cannot be run; if a value of a point stands in the reason, leave it out of the sweep")?;
    note_run(args, &run, &points, as_of);
    let span = Span { from: run.replayed.first.unwrap_or(as_of), until: as_of };
    let cases = labels.as_ref().map(|labels| Cases::new(&run.heard, labels, args.hold_out, args.seed, as_of));
    let found = figures(&run.heard, cases.as_ref(), span, args.seed);
    let choice = cases.as_ref().map(|cases| choose(cases, &points, &found, args.budget, args.seed));
    if let Some(out) = out {
        let about = about(args, id, span, labels.as_ref());
        write_figures(out, is_json, about, (&points, &found, choice.as_ref()))?;
    }
    print(args, &points, &found, choice.as_ref());
    if let Some(out) = sample_out {
        write_sample(out, args, id, &run)?;
    }
    replay::refuse_failed(&set, &run.replayed, config.rules.max_errors)
}

fn is_json(out: Option<&Path>) -> anyhow::Result<bool> {
    let Some(out) = out else { return Ok(false) };
    match out.extension().map(|ending| ending.to_string_lossy().to_lowercase()).as_deref() {
        Some("csv") => Ok(false),
        Some("json") => Ok(true),
        // What has no name of its own, such as /dev/stdout.
        None => Ok(false),
        Some(_) => bail!("{}: figures are written as .csv or .json", out.display()),
    }
}

/// Other rules that rest on the findings: what another value does to them is not told here.
fn note_readers(catalogue: &Catalogue, id: &str) {
    let reads_link = |sql: &str| {
        let (_, links) = catalogue.read_by(vec![sql]);
        catalogue.links.iter().any(|link| links.contains(&link.table) && link.uses.iter().any(|used| used == id))
    };
    let reads = catalogue.rules.iter().filter(|rule| {
        rule.header.id != id && (rule.header.uses.iter().any(|used| used == id) || reads_link(&rule.sql))
    });
    let readers: Vec<&str> = reads.map(|rule| rule.header.id.as_str()).collect();
    if !readers.is_empty() {
        note!(
            "what {id} finds is read by {}: what another value changes there, `permitwatch diff --set-b` tells",
            readers.join(", ")
        );
    }
}

fn read_labels(args: &TuneArgs, rule: [&str; 2]) -> anyhow::Result<Option<Labels>> {
    let Some(path) = &args.labels else { return Ok(None) };
    let is_whole = args.whole.then_some(true);
    let labels = labels::read(path, Of { rule, outcomes: &args.outcome, is_whole })?;
    let right = labels.by_subject.values().filter(|label| label.is_right).count();
    let wrong = labels.by_subject.len() - right;
    let whole = if labels.is_whole { "; whatever has no line has no breach" } else { "" };
    note!(
        "labels: {}, {wrong} without one; passed over: {} of other rules, {} not decided{whole}",
        counted(right, "breach"),
        counted(labels.of_others, "line"),
        counted(labels.open, "line"),
    );
    Ok(Some(labels))
}

fn note_run(args: &TuneArgs, run: &Run, points: &[Values], as_of: KnownTime) {
    let Run { replayed, heard } = run;
    note!(
        "{} in one replay as of {as_of}: {} messages, {} persons, {} that the rule concerns",
        counted(points.len(), "point"),
        replayed.messages,
        replayed.persons,
        heard.holders.len()
    );
    replay::note_set_aside(&set_aside(&args.input, &replayed.quarantined));
    replay::note_unknown(replayed);
    replay::note_waiting(&replayed.waiting);
}

type Found<'a> = (&'a [Values], &'a [Figures], Option<&'a Choice>);

fn print(args: &TuneArgs, points: &[Values], figures: &[Figures], choice: Option<&Choice>) {
    let told = report::Told { points, figures, choice, rows: args.rows };
    let tables = [told.volume(), told.changes()].into_iter().chain(choice.map(|_| told.agreements()));
    for (at, table) in tables.enumerate() {
        if at > 0 {
            say!("");
        }
        table.iter().for_each(|line| say!("{line}"));
    }
    let Some(choice) = choice else {
        note!("without labels nothing is recommended: --sample-out draws permits to be judged by hand");
        return;
    };
    say!("");
    told.recommendation().iter().for_each(|line| say!("{line}"));
    match choice.trials().len() {
        0 => {}
        trials => say!("{}", report::errors(trials)),
    }
}

/// What was asked for.
fn about(args: &TuneArgs, id: &str, span: Span, labels: Option<&Labels>) -> Map<String, Value> {
    let hold_out = match args.hold_out {
        HeldOut::Persons => "persons".to_owned(),
        HeldOut::Time(from) => from.to_string(),
    };
    let members = [
        ("rule", json!(id)),
        ("from", json!(span.from.to_string())),
        ("until", json!(span.until.to_string())),
        ("seed", json!(args.seed)),
        ("hold_out", json!(hold_out)),
        ("budget_per_day", json!(args.budget)),
        ("labels", json!(labels.map(|labels| labels.by_subject.len()))),
        ("labels_are_whole", json!(labels.map(|labels| labels.is_whole))),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn write_figures(out: OutFile, is_json: bool, about: Map<String, Value>, found: Found<'_>) -> anyhow::Result<()> {
    let (points, figures, choice) = found;
    let text = match is_json {
        true => serde_json::to_string_pretty(&written::document(about, points, figures, choice))? + "\n",
        false => written::csv(points, figures, choice)?,
    };
    write_whole(out, &text)
}

fn write_sample(out: OutFile, args: &TuneArgs, id: &str, run: &Run) -> anyhow::Result<()> {
    let drawn = sample::draw(&run.heard, args.sample, args.seed);
    let place = out.path().display().to_string();
    write_whole(out, &sample::csv(id, &drawn)?)?;
    note!(
        "{} to be judged in {place}: fill in outcome with right or wrong, then --labels {place}",
        counted(drawn.len(), "permit")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_a_day_or_a_week() {
        assert_eq!((budget("3"), budget("0.5/day"), budget("21/week")), (Ok(3.0), Ok(0.5), Ok(3.0)));
        assert!(["", "-1", "x", "3/month", "inf"].iter().all(|text| budget(text).is_err()));
    }

    #[test]
    fn what_is_held_out_is_persons_or_a_day() {
        assert_eq!(held_out("persons"), Ok(HeldOut::Persons));
        assert_eq!(held_out("1970-01-02"), Ok(HeldOut::Time(KnownTime(86_400_000_000))));
        assert!(held_out("time").is_err());
    }
}

//! `permitwatch diff`: what another rule set would have said of the same history, alert by alert.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::catalogue::Catalogue;
use crate::cli::{AbsentArgs, Inputs, RulesArgs, counted, parse_set, replay};
use crate::config::Config;
use crate::model::time::KnownTime;
use crate::terminal::{note, say};
use crate::tools::diff::{self, ChangedTexts, Comparison, Difference, Line, Run};
use crate::tools::replay::set_aside;
use crate::tools::revision;

/// Compare two rule sets over the same recorded history, alert by alert.
///
/// Both run through the engine as in `replay`; it takes the memory of two replays. An alert is the same in both if rule,
/// subject and alert key are: then its id is. Of each rule is counted how many alerts are
///
/// - only A, only B: raised in one set at some time, in the other never;
/// - promoted: raised in both, but its rule is on trial in A and live in B, so officers see it in B alone; demoted: the reverse;
/// - earlier, later: raised for the first time earlier or later in B than in A, with the median of the difference;
/// - stronger, weaker: of another severity in B when they stood last;
/// - ends earlier, ends later: their last end; what stands at the end ends later than all else;
/// - between: none of these, but they stood at other times or with another severity in between;
/// - says: none of these, but title, finding, law, evidence or event day are others.
///
/// All others are the same. An episode whose key has moved (a salary is too low from another month on) counts as only A and
/// as only B; the report says how many of those are about what the other set has an alert of the rule about. Examples are
/// those with the least ids, which are hashes: a fair choice, always the same, and of what is new first.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct DiffArgs {
    /// Rules before: a directory; as it was at a git revision: git:REV, or git:REV:DIR for another than the configuration's.
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Rules after, in the same form; without it the directory of the configuration as it is (`queries`).
    #[arg(value_name = "B")]
    b: Option<PathBuf>,
    /// Directory with recorded feeds (`ndjson/`).
    #[arg(long, value_name = "DIR")]
    input: PathBuf,
    /// Parameter to change in A, as rule-id.parameter=value; may be repeated.
    #[arg(long, value_name = "RULE.PARAM=VALUE", value_parser = parse_set)]
    set_a: Vec<(String, i64)>,
    /// The same in B.
    #[arg(long, value_name = "RULE.PARAM=VALUE", value_parser = parse_set)]
    set_b: Vec<(String, i64)>,
    /// Only these rules, by id or number; may be repeated.
    #[arg(long = "rule", value_name = "RULE")]
    only: Vec<String>,
    /// Examples of each rule and kind.
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    examples: usize,
    /// Exit with 1 if officers get more alerts than this only in B, be it that they ended since or that their rule is no longer on trial.
    #[arg(long, value_name = "NUMBER")]
    max_new: Option<usize>,
    /// Where to write every alert that differs, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Clock at the end, a date or RFC 3339 time; default: the greatest known time recorded.
    #[arg(long, value_name = "TIME", value_parser = replay::time)]
    as_of: Option<KnownTime>,
    /// Configuration whose limits, history, parameters, exceptions and pseudonym key apply to both.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    absent: AbsentArgs,
}

const NAMES: [&str; 2] = ["A", "B"];

pub fn run(args: &DiffArgs) -> anyhow::Result<()> {
    let config = args.config.as_deref().map(Config::load).transpose()?.unwrap_or_default();
    let sides = sides(args, &config);
    let catalogues = load(&sides, &config, &args.only)?;
    let recorded = args.absent.of(&args.input)?.read_as_of(args.as_of);
    let inputs = Inputs::default().recording(&args.input).file(args.config.as_deref());
    let [out] = sides.iter().fold(inputs, |inputs, side| inputs.rules(&side.rules)).create([args.out.as_deref()])?;
    let recorded = recorded.with_spoken()?;
    let as_of = replay::clock(recorded, args.as_of)?;
    replay::note_strays(&recorded.strays());
    let options = replay::timeline(&config, as_of, replay::BATCH)?;
    let [a, b] = &catalogues;
    let runs = diff::run_both(recorded, [a, b], &options)?;
    let compared = diff::compare(&runs[0].alerts, &runs[1].alerts);
    if let Some(out) = out {
        replay::write_lines(out, compared.differences.iter().map(Line::of))?;
    }
    note_runs(args, &runs, as_of);
    print(&sides, &catalogues, &compared);
    print_examples(args, &config, &sides, &compared);
    for ((name, catalogue), run) in NAMES.iter().zip(&catalogues).zip(&runs) {
        replay::refuse_failed(catalogue, &run.replayed, config.rules.max_errors).context(*name)?;
    }
    let (new, other_keys) = compared.new_alerts();
    let Some(most) = args.max_new.filter(|most| new > *most) else { return Ok(()) };
    let moved = match other_keys {
        0 => String::new(),
        number => format!("; {number} of them about what A has an alert about under another key"),
    };
    bail!("{} raised only in B, more than {most} (--max-new){moved}", counted(new, "alert"));
}

/// A and B as they are asked for.
fn sides(args: &DiffArgs, config: &Config) -> [RulesArgs; 2] {
    let side = |rules: &Path, set: &[(String, i64)]| RulesArgs {
        rules: revision::with_folder(rules, &config.rules.dir),
        set: set.to_vec(),
        only: Vec::new(),
    };
    [side(&args.a, &args.set_a), side(args.b.as_deref().unwrap_or(&config.rules.dir), &args.set_b)]
}

fn load(sides: &[RulesArgs; 2], config: &Config, only: &[String]) -> anyhow::Result<[Catalogue; 2]> {
    let [a, b] = sides;
    if only.is_empty() {
        return Ok([a.load_running(config).context("A")?, b.load_running(config).context("B")?]);
    }
    let mut catalogues = [a.load_with(config).context("A")?, b.load_with(config).context("B")?];
    let mut ids = BTreeSet::new();
    for name in only {
        let found = catalogues.each_ref().map(|catalogue| catalogue.named(name).map(|rule| rule.header.id.clone()));
        match found {
            [Err(_), Err(error)] => return Err(error.into()),
            found => ids.extend(found.into_iter().flatten()),
        }
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for catalogue in &mut catalogues {
        catalogue.retain_rules(&ids);
    }
    Ok(catalogues)
}

/// What both runs say of the recording: it is the same one.
fn note_runs(args: &DiffArgs, runs: &[Run; 2], as_of: KnownTime) {
    // A set without rules is not run.
    let whole = runs.iter().max_by_key(|run| run.replayed.messages);
    if let Some(run) = whole {
        note!("both as of {as_of}: {} messages, {} persons", run.replayed.messages, run.replayed.persons);
        replay::note_set_aside(&set_aside(&args.input, &run.replayed.quarantined));
        replay::note_unknown(&run.replayed);
    }
    for (name, run) in NAMES.iter().zip(runs) {
        if !run.replayed.waiting.rules.is_empty() {
            note!("{name}:");
            replay::note_waiting(&run.replayed.waiting);
        }
    }
}

fn print(sides: &[RulesArgs; 2], catalogues: &[Catalogue; 2], compared: &Comparison<'_>) {
    for (name, side) in NAMES.iter().zip(sides) {
        let set = side.set.iter().map(|(name, value)| format!(", {name}={value}")).collect::<String>();
        say!("{name}: {}{set}", side.rules.display());
    }
    let [a, b] = catalogues;
    let changed = ChangedTexts::between(a, b);
    say!("{}\n", diff::texts(&changed));
    let rules: BTreeSet<&str> = [a, b].iter().flat_map(|of| &of.rules).map(|rule| rule.header.id.as_str()).collect();
    for line in diff::table(compared, &changed, &rules) {
        say!("{line}");
    }
    for line in diff::remarks(compared) {
        say!("{line}");
    }
}

/// Of each rule and kind. An alert that differs in two ways is shown once.
fn print_examples(args: &DiffArgs, config: &Config, sides: &[RulesArgs; 2], compared: &Comparison<'_>) {
    let mut shown = BTreeSet::new();
    for (rule, found) in &compared.rules {
        for (kind, count) in &found.kinds {
            let examples = compared.examples(rule, *kind, args.examples);
            let (above, new): (Vec<_>, Vec<_>) = examples.into_iter().partition(|of| shown.contains(of.alert_id));
            let above = match above.len() {
                0 => String::new(),
                number => format!(", {number} of them above"),
            };
            if new.is_empty() && above.is_empty() {
                continue;
            }
            say!("\n{rule}, {}: {}{above}", diff::title(*kind), counted(count.alerts, "alert"));
            for example in new {
                shown.insert(example.alert_id);
                say!("  {}", diff::told(example));
                print_explain(args, config, sides, rule, example);
            }
        }
    }
}

/// The commands that explain an alert, in each set that has it.
fn print_explain(args: &DiffArgs, config: &Config, sides: &[RulesArgs; 2], rule: &str, alert: &Difference<'_>) {
    let is_in_both = alert.lives.iter().all(Option::is_some);
    for ((name, side), life) in NAMES.iter().zip(sides).zip(&alert.lives) {
        if life.is_some() {
            let label = if is_in_both { format!("{name}: ") } else { String::new() };
            say!("    {label}{}", explain(args, config, side, rule, alert.alert_id));
        }
    }
}

/// The command that explains an alert of one side.
fn explain(args: &DiffArgs, config: &Config, side: &RulesArgs, rule: &str, id: &str) -> String {
    let mut words: Vec<String> = ["permitwatch", "explain", id].map(str::to_owned).into();
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), quoted(&value)]);
    add("--input", args.input.display().to_string());
    if side.rules != Path::new(revision::RULES) {
        add("--rules", side.rules.display().to_string());
    }
    add("--rule", rule.to_owned());
    for (name, value) in &side.set {
        add("--set", format!("{name}={value}"));
    }
    if let Some(file) = &args.config {
        add("--config", file.display().to_string());
    }
    if let Some(at) = args.as_of {
        add("--as-of", at.to_string());
    }
    for feed in &args.absent.absent {
        add("--absent", feed.name().to_owned());
    }
    if config.audit.file.is_some() {
        add("--reason", "CASE".to_owned());
    }
    words.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

//! `permitwatch rules`: lists the rules, and describes one or all.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::catalogue::Catalogue;
use crate::cli::{Inputs, RulesArgs, counted, load_rules, plan_rules, write_whole};
use crate::model::clock;
use crate::model::time::{Day, KnownTime, parse_day};
use crate::terminal::{self, say};
use crate::tools::check::coverage::Coverage;
use crate::tools::check::{functions, reference};
use crate::tools::new_rule;

/// List the rules, show or begin one, or write the page of all.
#[derive(Debug, Args)]
pub struct Rules {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One line a rule: number, id, unit, owner, gate, stage, severity, classes, title.
    List(RulesArgs),
    /// All there is to know about a rule.
    Show(ShowArgs),
    /// Begin a rule: its text and its cases, copied from one that does something alike, as a draft.
    New(NewArgs),
    /// Write the page of all rules, in Markdown.
    Reference(ReferenceArgs),
    /// Write the page of what a rule may call and write, in Markdown.
    Functions(FunctionsArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Id or number, such as work-not-started or R01.
    id: String,
    #[command(flatten)]
    rules: RulesArgs,
    /// Day for which thresholds are shown; today without it.
    #[arg(long, value_name = "DATE", value_parser = day)]
    on: Option<Day>,
    /// Print the query plan as well.
    #[arg(long)]
    plan: bool,
}

#[derive(Debug, Args)]
struct NewArgs {
    /// Id of the new rule, such as salary-far-below-floor: the name of its files.
    id: String,
    /// Rule to copy, by id or number; `rules list` has them all.
    #[arg(long, value_name = "RULE")]
    like: String,
    /// Number of the new rule; without it the next free one.
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// Directory with the rules.
    #[arg(long, value_name = "DIR", default_value = "queries")]
    rules: PathBuf,
}

#[derive(Debug, Args)]
struct ReferenceArgs {
    #[command(flatten)]
    rules: RulesArgs,
    /// File to write; standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct FunctionsArgs {
    /// File to write; standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn day(text: &str) -> Result<Day, String> {
    parse_day(text).ok_or_else(|| "write YYYY-MM-DD".into())
}

pub fn run(args: &Rules) -> anyhow::Result<()> {
    match &args.command {
        Command::List(rules) => list(rules),
        Command::Show(args) => show(args),
        Command::New(args) => begin(args),
        Command::Reference(args) => write(args),
        Command::Functions(args) => write_functions(args),
    }
}

fn list(rules: &RulesArgs) -> anyhow::Result<()> {
    terminal::print(&table(&rules.load()?));
    Ok(())
}

/// The rules in columns, each as wide as its widest entry.
fn table(catalogue: &Catalogue) -> String {
    let mut lines =
        vec![["rule", "", "unit", "owner", "gate", "stage", "severity", "classes", "title"].map(str::to_owned)];
    lines.extend(catalogue.rules.iter().map(|rule| {
        let header = &rule.header;
        let classes = match header.permit_classes.as_slice() {
            many if many.len() > 4 => format!("{} classes", many.len()),
            few => few.join(" "),
        };
        let severity = header.severity.name();
        [
            header.number.as_str(),
            &header.id,
            header.unit(),
            &header.owner,
            &header.legal_gate,
            &header.stage,
            severity,
            &classes,
            &header.title.en,
        ]
        .map(str::to_owned)
    }));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..9).map(width).collect();
    let line = |line: &[String; 9]| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let catalogue = args.rules.load()?;
    let rules = plan_rules(&catalogue)?;
    let id = &catalogue.named(&args.id)?.header.id;
    let rule = rules.rules().iter().find(|rule| rule.file.header.id == *id).context("the rule has no plan")?;
    let on = args.on.unwrap_or_else(|| KnownTime(clock::wall().0).day());
    terminal::print(&reference::show(&catalogue, rule, on));
    if args.plan {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let plan = runtime.block_on(reference::plan(&catalogue, &rule.file)).context("cannot plan the rule")?;
        say!("\n{plan}");
    }
    Ok(())
}

fn begin(args: &NewArgs) -> anyhow::Result<()> {
    let catalogue = load_rules(&args.rules, &BTreeMap::new())?;
    let begun =
        new_rule::begin(&args.rules, &catalogue, catalogue.named(&args.like)?, &args.id, args.number.as_deref())?;
    let NewArgs { id, .. } = args;
    say!("{} is the rule, {} has its cases", begun.rule.display(), begun.cases.display());
    say!("It is {}, a draft that no live run takes. Next:", begun.number);
    say!("  1. write what it finds, for whom and by what law: title, finding, legal_basis, counter_evidence, params");
    say!("  2. permitwatch check --rule {id}         all that is wrong, where, and what to do");
    say!("  3. permitwatch test {id}                 its cases; --mutants: would they notice a slip?");
    say!("  4. permitwatch replay --rule {id} --input DIR, then permitwatch tune {id}");
    say!("  5. stage = \"shadow\": on trial, and no officer sees what it finds; then stage = \"live\"");
    Ok(())
}

fn write(args: &ReferenceArgs) -> anyhow::Result<()> {
    let [out] = Inputs::default().rules(&args.rules.rules).create([args.out.as_deref()])?;
    let catalogue = args.rules.load()?;
    let rules = plan_rules(&catalogue)?;
    let coverage = Coverage::load(args.rules.directory()?.path()).ok();
    let page = reference::page(&catalogue, coverage.as_ref(), &rules);
    match args.out.as_deref().zip(out) {
        Some((file, out)) => {
            write_whole(out, &page)?;
            say!("{} in {}", counted(rules.rules().len(), "rule"), file.display());
        }
        None => terminal::print(&page),
    }
    Ok(())
}

fn write_functions(args: &FunctionsArgs) -> anyhow::Result<()> {
    let [out] = Inputs::default().create([args.out.as_deref()])?;
    let page = functions::page().context("cannot make the page")?;
    match args.out.as_deref().zip(out) {
        Some((file, out)) => {
            write_whole(out, &page)?;
            say!("functions, operators and clauses in {}", file.display());
        }
        None => terminal::print(&page),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_list_has_columns_one_below_the_other() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let text = table(&Catalogue::load(&dir, &BTreeMap::new()).unwrap());
        let mut lines = text.lines();
        let head = lines.next().unwrap();
        let starts: Vec<usize> = ["unit", "owner", "gate", "stage", "severity", "classes", "title"]
            .map(|name| head.find(&format!(" {name}")).unwrap())
            .into();
        let mut units = std::collections::BTreeSet::new();
        for line in lines {
            for start in &starts {
                assert_eq!(line.get(*start..=*start), Some(" "), "{line}");
                assert_ne!(line.get(start + 1..start + 2), Some(" "), "{line}");
            }
            units.insert(line[starts[0]..].split_whitespace().next().unwrap().to_owned());
        }
        assert_eq!(units.into_iter().collect::<Vec<_>>(), ["employer", "permit"]);
    }
}

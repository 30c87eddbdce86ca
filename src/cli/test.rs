//! `permitwatch test`: do the rules do what their cases say?

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::bail;
use clap::Args;

use crate::cases::{CaseError, Report, RuleCases};
use crate::cli::load_rules;
use crate::rules::Catalogue;
use crate::time::format_micros;

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Rules to test; all without it.
    #[arg(value_name = "RULE")]
    rules: Vec<String>,
    /// Directory with the rules; their cases stand in `tests` below it.
    #[arg(long, value_name = "DIR", default_value = "queries", alias = "rules")]
    queries: PathBuf,
    /// Only cases whose names contain this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

pub fn run(args: &TestArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let catalogue = load_rules(&args.queries, &BTreeMap::new())?;
    let rules = asked(args, &catalogue)?;
    let dir = args.queries.join("tests");
    let tested = in_parallel(&rules, |rule| {
        RuleCases::read(&catalogue, &dir, rule, args.filter.as_deref()).and_then(|cases| cases.run())
    });
    let mut bad = 0;
    let (mut cases, mut expectations) = (0, 0);
    for (rule, result) in rules.iter().zip(tested) {
        match result {
            Ok(report) => {
                cases += report.cases.len();
                expectations += report.expectations();
                bad += usize::from(report.failed() > 0);
                print_report(&report);
            }
            Err(error) => {
                bad += 1;
                println!("FAIL      {rule}");
                println!("  {:#}", anyhow::Error::from(error));
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{} rules, {cases} cases, {expectations} expectations in {seconds:.1} s", rules.len());
    if bad > 0 {
        bail!("{bad} of {} rules fail", rules.len());
    }
    Ok(())
}

fn asked(args: &TestArgs, catalogue: &Catalogue) -> anyhow::Result<Vec<String>> {
    let known: Vec<String> = catalogue.rules.iter().map(|rule| rule.header.id.clone()).collect();
    if args.rules.is_empty() {
        return Ok(known);
    }
    if let Some(id) = args.rules.iter().find(|id| !known.contains(id)) {
        bail!("no rule \"{id}\"; rules are {}", known.join(", "));
    }
    Ok(args.rules.clone())
}

fn print_report(report: &Report) {
    let failed = report.failed();
    let each = report.micros as f64 / 1000.0 / report.cases.len().max(1) as f64;
    let counts =
        format!("{:>3} cases {:>4} expectations {each:>6.1} ms a case", report.cases.len(), report.expectations());
    let mark = if failed == 0 { "ok  " } else { "FAIL" };
    println!("{mark}  {:<4} {:<30} {counts}", report.number, report.rule);
    for case in &report.cases {
        for failure in &case.failures {
            println!("  case \"{}\", at {}", case.name, clock(failure.clock));
            for line in &failure.lines {
                println!("      {line}");
            }
        }
    }
}

/// As cases write it.
fn clock(micros: i64) -> String {
    let text = format_micros(micros).replace('T', " ");
    text.split('.').next().unwrap_or(&text).trim_end_matches(" 00:00:00").to_owned()
}

/// Runs `each` on all cores; the results stand in the order of the items.
fn in_parallel<T: Send>(
    items: &[String],
    each: impl Fn(&str) -> Result<T, CaseError> + Sync,
) -> Vec<Result<T, CaseError>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<T, CaseError>)>> = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let at = items.iter().position(|other| other == item).unwrap_or_default();
                    let result = each(item);
                    results.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

//! `permitwatch test`: do the rules do what their cases say?

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;

use crate::catalogue::file::split_header;
use crate::catalogue::{Catalogue, text_of};
use crate::cli::{Inputs, counted, write_whole};
use crate::terminal::say;
use crate::tools::cases::{self, CaseError, Fate, Mutants, Report, RuleCases, clock};

mod update;

use update::Review;

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Only these rules, by id or number; all without it.
    #[arg(value_name = "RULE")]
    rules: Vec<String>,
    /// Directory with the rules; their cases stand in `tests` below it.
    #[arg(long, value_name = "DIR", default_value = "queries", alias = "rules")]
    queries: PathBuf,
    /// Only cases whose names contain this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Fill in expectations that say nothing yet with what engine and batch agree on, for review. Where one says something else, list
    /// old beside new and ask; without a terminal to ask at, it stays as it is written.
    #[arg(long)]
    update: bool,
    /// With --update: replace without asking.
    #[arg(long, requires = "update")]
    replace: bool,
    /// Write a report for build servers (JUnit XML).
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Change the rules in every way that matters, and see whether their cases notice.
    #[arg(long, conflicts_with_all = ["update", "junit"])]
    mutants: bool,
    /// Print which records no rule sees and what each case's alerts went through, or every mutant.
    #[arg(short, long)]
    verbose: bool,
}

/// Share of a rule's mutants that its cases must catch.
const LEAST_PCT: f64 = 95.0;

pub fn run(args: &TestArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let catalogue = Catalogue::load_for_cases(&args.queries)
        .with_context(|| format!("cannot load the rules in {}", args.queries.display()))?;
    let rules = asked(args, &catalogue)?;
    if args.mutants {
        return try_mutants(args, &catalogue, &rules);
    }
    let [junit] = Inputs::default().rules(&args.queries).create([args.junit.as_deref()])?;
    let dir = args.queries.join("tests");
    let mut totals = Totals::default();
    let mut review = Review::new(args.replace);
    let (mut sound, mut results) = (Vec::new(), Vec::new());
    let fail = |rule: &str, error: CaseError, results: &mut Vec<(String, Result<Report, String>)>| {
        let message = in_full(error);
        say!("FAIL       {rule}\n  {message}");
        results.push((rule.to_owned(), Err(message)));
    };
    for rule in &rules {
        match RuleCases::read(&catalogue, &dir, rule, args.filter.as_deref()) {
            // None of its names contains what is asked for.
            Ok(cases) if args.filter.is_some() && cases.file.case.is_empty() => {}
            Ok(cases) => sound.push(cases),
            Err(error) => fail(rule, error, &mut results),
        }
    }
    for (cases, report) in sound.iter().zip(cases::run(&sound.iter().collect::<Vec<_>>(), !args.update)) {
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                fail(&cases.rule, error, &mut results);
                continue;
            }
        };
        totals.cases += report.cases.len();
        totals.expectations += report.expectations();
        if args.update {
            totals.bad += usize::from(!review.update(cases, &report)?);
        } else {
            let untried = args.filter.is_none() && cases.horizon().next().is_some() && report.without_old() == 0;
            totals.bad += usize::from(report.failed() > 0 || untried);
            print_report(&report, args.verbose);
            if untried {
                say!("FAIL       {}\n  it names a horizon, but no case has records that lie before it", cases.rule);
            }
        }
        results.push((cases.rule.clone(), Ok(report)));
    }
    totals.bad += results.iter().filter(|(_, result)| result.is_err()).count();
    if let Some(file) = junit {
        write_whole(file, &cases::junit(&results))?;
    }
    totals.rules = results.len();
    let Totals { rules, cases, expectations, bad } = totals;
    say!(
        "{}, {}, {} in {:.1} s",
        counted(rules, "rule"),
        counted(cases, "case"),
        counted(expectations, "expectation"),
        started.elapsed().as_secs_f64()
    );
    review.end()?;
    if bad > 0 {
        bail!("{bad} of {} failed", counted(rules, "rule"));
    }
    if cases == 0 {
        bail!("no case was run{}", filtered(args));
    }
    Ok(())
}

/// Why nothing may have been run.
fn filtered(args: &TestArgs) -> String {
    args.filter.as_ref().map_or(String::new(), |text| format!(": no case's name contains \"{text}\""))
}

#[derive(Debug, Default)]
struct Totals {
    rules: usize,
    cases: usize,
    expectations: usize,
    bad: usize,
}

fn asked(args: &TestArgs, catalogue: &Catalogue) -> anyhow::Result<Vec<String>> {
    if args.rules.is_empty() {
        return Ok(catalogue.rules.iter().map(|rule| rule.header.id.clone()).collect());
    }
    args.rules.iter().map(|name| Ok(catalogue.named(name)?.header.id.clone())).collect()
}

/// An error with its causes.
fn in_full(error: CaseError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

fn print_report(report: &Report, verbose: bool) {
    let each = report.micros as f64 / 1000.0 / report.cases.len().max(1) as f64;
    let (cases, expectations) = (report.cases.len(), report.expectations());
    let mark = if report.failed() == 0 { "ok  " } else { "FAIL" };
    say!(
        "{mark}  {:<4} {:<30} {cases:>3} cases {expectations:>4} expectations {each:>6.1} ms a case",
        report.number,
        report.rule
    );
    for case in &report.cases {
        if verbose || !(case.failures.is_empty() || case.unseen.is_empty()) {
            say!("  case \"{}\"", case.name);
            for line in &case.unseen {
                say!("      not seen by any rule: {line}");
            }
        }
        if verbose {
            for (at, found) in case.seen.iter().flat_map(|seen| &seen.transitions) {
                say!("      {}  {}", clock(*at), found.words(true));
            }
        }
        for failure in &case.failures {
            say!("  case \"{}\", at {}", case.name, clock(failure.clock));
            for line in &failure.lines {
                say!("      {line}");
            }
        }
    }
}

/// Tries the mutants of each rule, and prints those that the cases do not catch.
fn try_mutants(args: &TestArgs, catalogue: &Catalogue, rules: &[String]) -> anyhow::Result<()> {
    let started = Instant::now();
    let (mut asked, mut caught, mut survived, mut refused, mut equivalent, mut bad) = (0, 0, 0, 0, 0, 0);
    for rule in rules {
        let cases = RuleCases::read(catalogue, &args.queries.join("tests"), rule, args.filter.as_deref());
        if cases.as_ref().is_ok_and(|cases| cases.file.case.is_empty()) {
            continue;
        }
        asked += 1;
        let tried = match cases.and_then(|cases| cases::mutants(&cases)) {
            Ok(tried) => tried,
            Err(error) => {
                bad += 1;
                say!("FAIL       {rule}\n  {}", in_full(error));
                continue;
            }
        };
        let is_good = tried.rate_pct() >= LEAST_PCT && tried.stale.is_empty();
        bad += usize::from(!is_good);
        let (of_caught, of_survived) = (tried.caught(), tried.survived());
        let of_refused = tried.count(|fate| *fate == Fate::Refused);
        let of_equivalent = tried.count(|fate| matches!(fate, Fate::Equivalent { .. }));
        say!(
            "{}  {rule:<30} {:>4} mutants {of_caught:>4} caught {of_survived:>3} survived {:>5.1} %  {of_refused:>3} refused {of_equivalent:>3} equivalent",
            if is_good { "ok  " } else { "FAIL" },
            tried.mutants.len(),
            tried.rate_pct(),
        );
        print_mutants(args, rule, &tried);
        (caught, survived) = (caught + of_caught, survived + of_survived);
        (refused, equivalent) = (refused + of_refused, equivalent + of_equivalent);
    }
    let rate = 100.0 * caught as f64 / (caught + survived).max(1) as f64;
    say!(
        "{}, {} caught, {survived} survived: {rate:.1} %; {refused} refused, {equivalent} equivalent; {:.0} s",
        counted(asked, "rule"),
        counted(caught, "mutant"),
        started.elapsed().as_secs_f64()
    );
    if bad > 0 {
        bail!(
            "{bad} of {} failed: their cases catch less than {LEAST_PCT} % of the mutants, or name mutants that are not there",
            counted(asked, "rule")
        );
    }
    if asked == 0 {
        bail!("no case was run{}", filtered(args));
    }
    Ok(())
}

/// Survivors with their line in the file, and with -v the others.
fn print_mutants(args: &TestArgs, rule: &str, tried: &Mutants) {
    let file = args.queries.join(format!("{rule}.sql"));
    let text = text_of(&file).unwrap_or_default();
    let start = split_header(&text).map_or(0, |(_, sql)| text.find(sql).unwrap_or_default());
    let above = text.get(..start).unwrap_or_default().matches('\n').count();
    for stale in &tried.stale {
        say!("  [[equivalent]] {stale}");
    }
    for mutant in &tried.mutants {
        let word = match &mutant.fate {
            Fate::Survived { evidence } if evidence.is_empty() => "survived".to_owned(),
            Fate::Survived { evidence } => format!("survived (evidence differs: {})", evidence.join(", ")),
            _ if !args.verbose => continue,
            Fate::Caught => "caught".to_owned(),
            Fate::Refused => "refused".to_owned(),
            Fate::Equivalent { because } => format!("equivalent ({because})"),
        };
        let line = above + mutant.line as usize;
        say!("  {}:{line}: {word}\n      {}", file.display(), mutant.name);
        if let Some(source) = text.lines().nth(line.wrapping_sub(1)).filter(|_| mutant.line > 0) {
            say!("      | {}", source.trim());
        }
    }
}

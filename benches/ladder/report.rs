//! Samples into figures, figures into a table and JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::rungs::{Rung, Sample};
use crate::world::Setting;

/// What a rung came to: medians over the rounds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub per_second: f64,
    /// Processor time of the threads that run the shards.
    pub cpu_ns: f64,
    pub cpu_ns_in_scope: f64,
    /// Nothing where units are not counted.
    pub cpu_ns_unit: f64,
    /// Records of one person that were looked at together.
    pub in_scope_unit: f64,
    pub allocations: f64,
    pub in_scope: f64,
    pub alerts: f64,
}

/// The rounds of one rung: of each the shards' samples.
#[derive(Debug, Default)]
pub struct Rounds(pub Vec<Vec<Sample>>);

impl Rounds {
    pub fn figures(&self) -> Figures {
        let over = |of: &dyn Fn(&[Sample]) -> f64| median(self.0.iter().map(|round| of(round)).collect());
        let sum = |round: &[Sample], of: fn(&Sample) -> u64| round.iter().map(of).sum::<u64>() as f64;
        let messages = |round: &[Sample]| sum(round, |sample| sample.messages).max(1.0);
        Figures {
            per_second: over(&|round| {
                round.iter().map(|sample| sample.messages as f64 * 1e9 / sample.wall_ns.max(1) as f64).sum()
            }),
            cpu_ns: over(&|round| sum(round, |sample| sample.cpu_ns) / messages(round)),
            cpu_ns_in_scope: over(&|round| {
                sum(round, |sample| sample.cpu_ns) / sum(round, |sample| sample.in_scope).max(1.0)
            }),
            cpu_ns_unit: over(&|round| match sum(round, |sample| sample.units) {
                units if units > 0.0 => sum(round, |sample| sample.cpu_ns) / units,
                _ => 0.0,
            }),
            in_scope_unit: over(&|round| match sum(round, |sample| sample.units) {
                units if units > 0.0 => sum(round, |sample| sample.in_scope) / units,
                _ => 0.0,
            }),
            allocations: over(&|round| sum(round, |sample| sample.allocations) / messages(round)),
            in_scope: over(&|round| sum(round, |sample| sample.in_scope) / messages(round)),
            alerts: over(&|round| sum(round, |sample| sample.alerts) / messages(round)),
        }
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        len if len % 2 == 1 => values[len / 2],
        len => (values[len / 2 - 1] + values[len / 2]) / 2.0,
    }
}

pub type Results = BTreeMap<(Setting, Rung), Rounds>;

/// One block for each setting: the rungs from the bare count up.
pub fn print_ladder(title: &str, results: &Results) -> Value {
    let mut blocks = Vec::new();
    let mut settings: Vec<Setting> = results.keys().map(|(setting, _)| *setting).collect();
    settings.dedup();
    for setting in settings {
        let Setting { holders, months, in_scope_pct } = setting;
        println!("\n{title}: {} holders, {in_scope_pct} % in scope, {months} months", grouped(f64::from(holders)));
        println!(
            "  {:<11}{:>12}{:>9}{:>11}{:>11}{:>13}{:>10}{:>9}{:>9}{:>10}",
            "rung",
            "records/s",
            "of a",
            "cpu ns/rec",
            "step ns",
            "ns/in scope",
            "alloc/rec",
            "alerts%",
            "rec/unit",
            "ns/unit"
        );
        let mut rungs = Vec::new();
        let (mut bare, mut before) = (0.0, 0.0);
        for rung in Rung::ALL {
            let Some(figures) = results.get(&(setting, rung)).map(Rounds::figures) else { continue };
            if rung == Rung::Count {
                bare = figures.per_second;
            }
            let step = figures.cpu_ns - before;
            before = figures.cpu_ns;
            let in_scope = if rung >= Rung::Scope { grouped(figures.cpu_ns_in_scope) } else { String::new() };
            let units = match figures.in_scope_unit {
                records if records > 0.0 => format!("{records:>9.2}{:>10}", grouped(figures.cpu_ns_unit)),
                _ => String::new(),
            };
            println!(
                "  {:<11}{:>12}{:>8.0}%{:>11}{:>11}{in_scope:>13}{:>10.2}{:>9.2}{units}",
                rung.name(),
                grouped(figures.per_second),
                100.0 * figures.per_second / f64::max(bare, 1.0),
                grouped(figures.cpu_ns),
                grouped(step),
                figures.allocations,
                100.0 * figures.alerts,
            );
            rungs.push(json!({
                "rung": rung.name(), "records_per_second": figures.per_second, "cpu_ns_per_record": figures.cpu_ns,
                "step_ns_per_record": step, "cpu_ns_per_record_in_scope": figures.cpu_ns_in_scope, "cpu_ns_per_unit": figures.cpu_ns_unit,
                "records_in_scope_per_unit": figures.in_scope_unit,
                "allocations_per_record": figures.allocations, "in_scope_share": figures.in_scope,
                "alerts_per_record": figures.alerts, "rounds": results[&(setting, rung)].0.len(),
            }));
        }
        blocks.push(json!({
            "holders": holders, "months": months, "in_scope_pct": in_scope_pct, "rungs": rungs,
        }));
    }
    blocks.into()
}

/// How the cost of a record in scope grows with the holders, and with the months.
pub fn print_curves(results: &Results) -> Value {
    let mut curves = Vec::new();
    for rung in [Rung::Scope, Rung::Decode, Rung::History, Rung::Rules, Rung::Publish] {
        let cost = |setting: &Setting| {
            let figures = results.get(&(*setting, rung))?.figures();
            Some(if figures.cpu_ns_unit > 0.0 { figures.cpu_ns_unit } else { figures.cpu_ns_in_scope })
        };
        let settings = || results.keys().filter(|(_, of)| *of == rung).map(|(setting, _)| *setting);
        let by_holders = |s: Setting| ((s.months, s.in_scope_pct), s.holders);
        let by_months = |s: Setting| ((s.holders, s.in_scope_pct), s.months);
        for (what, key) in [("holders", &by_holders as &dyn Fn(Setting) -> ((u32, u32), u32)), ("months", &by_months)] {
            let mut groups: BTreeMap<(u32, u32), Vec<(u32, f64)>> = BTreeMap::new();
            for setting in settings() {
                let (group, at) = key(setting);
                groups.entry(group).or_default().push((at, cost(&setting).unwrap_or_default()));
            }
            for ((other, pct), mut points) in groups.into_iter().filter(|(_, points)| points.len() > 1) {
                points.sort_by_key(|(at, _)| *at);
                curves.push((rung, what, other, pct, points));
            }
        }
    }
    println!(
        "\nCost curves: processor ns per record in scope, of e per unit (times the first); a cost that does not grow stays at 1.00"
    );
    let mut out = Vec::new();
    for (rung, what, other, pct, points) in curves {
        let first = points.first().map_or(1.0, |(_, cost)| cost.max(1.0));
        let other_name = if what == "holders" { "months" } else { "holders" };
        let line: Vec<String> = points
            .iter()
            .map(|(at, cost)| format!("{} {what}: {} (x{:.2})", grouped(f64::from(*at)), grouped(*cost), cost / first))
            .collect();
        println!(
            "  {:<11}{pct:>4} % in scope, {} {other_name}: {}",
            rung.name(),
            grouped(f64::from(other)),
            line.join(", ")
        );
        out.push(json!({
            "rung": rung.name(), "by": what, "in_scope_pct": pct, other_name: other,
            "points": points.iter().map(|(at, cost)| json!({ "at": at, "cpu_ns": cost, "ratio": cost / first })).collect::<Vec<_>>(),
        }));
    }
    out.into()
}

/// By holders and months: persons, rows, bytes of history.
pub type Weights = BTreeMap<(u32, u32), [u64; 3]>;

pub fn print_weights(weights: &Weights) -> Value {
    println!("\nHistory in memory (`permitwatch_state_bytes`; part `state` says where it goes)");
    let mut out = Vec::new();
    for ((holders, months), [persons, rows, bytes]) in weights {
        let per = |count: &u64| *bytes as f64 / (*count).max(1) as f64;
        println!(
            "  {:>10} holders, {months:>2} months: {:>9} persons, {:>11} rows, {:>7.1} MiB: {:.0} bytes a holder, {:.0} a row",
            grouped(f64::from(*holders)),
            grouped(*persons as f64),
            grouped(*rows as f64),
            *bytes as f64 / f64::from(1 << 20),
            per(&u64::from(*holders)),
            per(rows)
        );
        out.push(json!({
            "holders": holders, "months": months, "persons": persons, "rows": rows, "bytes": bytes,
            "bytes_per_holder": per(&u64::from(*holders)), "bytes_per_row": per(rows),
        }));
    }
    out.into()
}

/// 1234567 as 1 234 567.
pub fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    if number < -0.5 { format!("-{out}") } else { out }
}

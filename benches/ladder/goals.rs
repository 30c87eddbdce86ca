//! What is aimed at, beside what was reached. Nothing fails for it.

use serde_json::{Value, json};

use crate::report::grouped;

/// A goal: at least, or at most, so much.
struct Goal {
    name: &'static str,
    unit: &'static str,
    aim: f64,
    at_least: bool,
    reached: Option<f64>,
}

pub fn print(figures: &Value) -> Value {
    let parts = ["climb", "memory", "live"].map(|part| &figures[part]);
    let climb = parts.into_iter().find(|part| !part.is_null()).unwrap_or(&Value::Null);
    let rung = |ladders: &Value, pct: u64, rung: &str, figure: &str| -> Option<f64> {
        let main = |block: &&Value| block["holders"] == 10_000 && block["months"] == 12 && block["in_scope_pct"] == pct;
        let block = ladders.as_array()?.iter().find(main)?;
        block["rungs"].as_array()?.iter().find(|of| of["rung"] == rung)?[figure].as_f64()
    };
    let rate = |ladders: &Value, pct, name| rung(ladders, pct, name, "records_per_second");
    let (memory, kafka) = (&climb["from_memory"], &climb["through_kafka"]);
    let share = rate(kafka, 7, "f +publish").zip(rate(kafka, 7, "a count")).map(|(full, bare)| 100.0 * full / bare);
    let point = |of: &dyn Fn(&Value) -> bool, through: &str, figure: &str| {
        let points = climb[through].as_array()?;
        points.iter().find(|point| of(point))?[figure].as_f64()
    };
    let later = |of: &dyn Fn(&Value) -> bool, through: &str| point(of, through, "p99_above_bare_ms");
    let evaluated = |of: &dyn Fn(&Value) -> bool, through: &str| point(of, through, "evaluated_p99_above_bare_ms");
    let is_named = |point: &Value| point["records_per_second"] == 10_000.0;
    let is_high = |point: &Value| point["of_highest_pct"] == 80.0;
    let at_least = |name, unit, aim, reached| Goal { name, unit, aim, at_least: true, reached };
    let at_most = |name, unit, aim, reached| Goal { name, unit, aim, at_least: false, reached };
    let gib = figures["state"]["bytes"]["resident"].as_f64().filter(|_| figures["state"]["holders"] == 750_000);
    let goals = [
        at_least("through Kafka, 7 % in scope: share of the bare consumer's rate", "%", 70.0, share),
        at_least("from memory, 7 % in scope", "records/s", 1_000_000.0, rate(memory, 7, "f +publish")),
        at_least("from memory, 100 % in scope", "records/s", 50_000.0, rate(memory, 100, "f +publish")),
        at_most(
            "p99 above the bare consumer's at 10 000 records/s",
            "ms",
            5.0,
            later(&is_named, "latency_through_kafka"),
        ),
        at_most("until evaluated", "ms", 5.0, evaluated(&is_named, "latency_through_kafka")),
        at_most("embedded broker", "ms", 5.0, later(&is_named, "latency_through_embedded")),
        at_most("embedded broker, until evaluated", "ms", 5.0, evaluated(&is_named, "latency_through_embedded")),
        at_most("from memory", "ms", 5.0, later(&is_named, "latency_from_memory")),
        at_most(
            "p99 above the bare consumer's at 80 % of the highest rate",
            "ms",
            20.0,
            later(&is_high, "latency_through_kafka"),
        ),
        at_most("until evaluated", "ms", 20.0, evaluated(&is_high, "latency_through_kafka")),
        at_most("cost per record in scope, 1 million holders to 10 thousand", "times", 1.2, growth(climb)),
        at_most(
            "state of 0.75 million holders, 24 months (resident)",
            "GiB",
            2.0,
            gib.map(|bytes| bytes / f64::from(1 << 30)),
        ),
        at_most("ready from a snapshot of 1 million permits", "s", 2.0, figures["start"]["ready_s"].as_f64()),
    ];
    println!("\nGoals");
    let mut out = Vec::new();
    for Goal { name, unit, aim, at_least, reached } in goals {
        let bound = if at_least { "at least" } else { "at most" };
        let words = |value: f64| if value >= 1_000.0 { grouped(value) } else { format!("{value:.2}") };
        let is_met = reached.map(|reached| if at_least { reached >= aim } else { reached <= aim });
        let verdict = is_met.map_or("not measured", |met| if met { "met" } else { "not met" });
        println!(
            "  {name:<62}{bound:>9} {:>9} {unit:<10}{:>10}  {verdict}",
            words(aim),
            reached.map_or("-".into(), words)
        );
        out.push(json!({ "goal": name, "unit": unit, "aim": aim, "bound": bound, "reached": reached, "met": is_met }));
    }
    out.into()
}

/// How much more a record costs all rules among the most holders than among the fewest, everything in scope.
fn growth(climb: &Value) -> Option<f64> {
    let is_it =
        |curve: &&Value| curve["rung"] == "e +rules" && curve["by"] == "holders" && curve["in_scope_pct"] == 100;
    let curve = climb["curves"].as_array()?.iter().find(is_it)?;
    curve["points"].as_array()?.last()?["ratio"].as_f64()
}

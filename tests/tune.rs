//! Aim: `permitwatch tune` says of each point what a replay with its values says, finds the law of a generated population again from bad
//! thresholds, and recommends nothing where labels were drawn by lot.
//! Method: the real binary over generated recordings. `PERMITWATCH_TUNE_SEEDS` says how many populations to draw (default 1).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

#[path = "program/mod.rs"]
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use program::{permitwatch_in, said};

/// A folder with the small recording `feeds`.
static STAGE: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), dir.path().join("queries"))
        .unwrap();
    said(&permitwatch_in(dir.path(), "generate --out feeds --persons 600 --years 3 --seed 1"), 0);
    dir
});

fn permitwatch(line: &str, code: i32) -> String {
    said(&permitwatch_in(STAGE.path(), line), code)
}

fn place(file: &str) -> PathBuf {
    STAGE.path().join(file)
}

fn document(file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(place(file)).unwrap()).unwrap()
}

/// Of each alert in the log of a replay when it was first raised, and with what severity it stood last.
fn replayed(arguments: &str, file: &str) -> BTreeMap<String, (String, String)> {
    permitwatch(&format!("replay --input feeds --out {file} {arguments}"), 0);
    let mut alerts: BTreeMap<String, (String, String)> = BTreeMap::new();
    for line in fs::read_to_string(place(file)).unwrap().lines() {
        let alert: Value = serde_json::from_str(line).unwrap();
        let text = |member: &str| alert[member].as_str().unwrap_or_default().to_owned();
        let stands = ["raised", "updated"].contains(&text("status").as_str());
        let known = alerts.entry(text("alert_id")).or_insert_with(|| (text("as_of"), text("severity")));
        if stands {
            known.1 = text("severity");
        }
    }
    alerts
}

/// The same of each point by hand: (alerts, medium, only here, only there, earlier, later).
fn by_hand(own: &BTreeMap<String, (String, String)>, in_force: &BTreeMap<String, (String, String)>) -> [usize; 6] {
    let both = || own.iter().filter_map(|(id, (at, _))| Some((at, &in_force.get(id)?.0)));
    let medium = own.values().filter(|(_, severity)| severity == "medium").count();
    let only_here = own.keys().filter(|id| !in_force.contains_key(*id)).count();
    let only_there = in_force.keys().filter(|id| !own.contains_key(*id)).count();
    let earlier = both().filter(|(own, other)| own < other).count();
    [own.len(), medium, only_here, only_there, earlier, both().filter(|(own, other)| own > other).count()]
}

/// Rules with steps before and after the parameter, and with tips that speak to them.
const POINTS: [(&str, &str, &str); 5] = [
    ("salary-drop", "drop_pct=70,95", "z_tenths=15,35"),
    ("work-not-started", "months=2,4,6", ""),
    ("salary-below-floor", "tolerance_pct=85,100", "low_months=1,2"),
    ("study-low-progress", "medium_pct=20,80", ""),
    ("no-arrival-after-grant", "months=3,9", "family_months=6,12"),
];

#[test]
fn each_point_is_what_a_replay_with_its_values_says() {
    let mut differ = BTreeSet::new();
    for (rule, first, second) in POINTS {
        let sweeps: String =
            [first, second].into_iter().filter(|own| !own.is_empty()).map(|own| format!(" --sweep {own}")).collect();
        permitwatch(&format!("tune {rule} --input feeds --out points.json{sweeps}"), 0);
        let in_force = replayed(&format!("--rule {rule}"), "log.ndjson");
        let found = document("points.json");
        for point in found["points"].as_array().unwrap() {
            let names = [first, second].map(|own| own.split('=').next().unwrap());
            let values = names.iter().filter(|name| !name.is_empty());
            let set: String = values.map(|name| format!(" --set {rule}.{name}={}", point[*name])).collect();
            let own = replayed(&format!("--rule {rule}{set}"), "log.ndjson");
            let wanted = by_hand(&own, &in_force);
            let members = ["alerts", "medium", "only_here", "only_there", "earlier", "later"];
            let told = members.map(|member| point[member].as_u64().unwrap() as usize);
            assert_eq!(told, wanted, "{rule}{set}");
            if own != in_force {
                differ.insert(rule);
            }
        }
    }
    assert!(differ.len() >= 4, "{differ:?}");
}

#[test]
fn a_threshold_of_the_law_is_varied_as_an_edited_table_would_be() {
    let sweep = "parameters.seasonal_days=120,184";
    permitwatch(&format!("tune seasonal-limit --input feeds --out limit.json --sweep {sweep}"), 0);
    let dir = tempfile::tempdir().unwrap();
    let copied =
        Command::new("cp").args(["-rL", "queries"]).arg(dir.path().join("queries")).current_dir(STAGE.path()).status();
    assert!(copied.unwrap().success());
    let found = document("limit.json");
    for (point, days) in found["points"].as_array().unwrap().iter().skip(1).zip(["120", "184"]) {
        let table = dir.path().join("queries/parameters.csv");
        let text = fs::read_to_string(place("queries/parameters.csv")).unwrap();
        let edited = text.lines().map(|line| match line.starts_with("seasonal_days,") {
            true => line
                .splitn(5, ',')
                .enumerate()
                .map(|(at, cell)| if at == 3 { days } else { cell })
                .collect::<Vec<_>>()
                .join(","),
            false => line.to_owned(),
        });
        fs::write(table, edited.collect::<Vec<_>>().join("\n") + "\n").unwrap();
        let rules = dir.path().join("queries").display().to_string();
        let own = replayed(&format!("--rule seasonal-limit --rules {rules}"), "limit.ndjson");
        assert_eq!(point["alerts"].as_u64().unwrap() as usize, own.len(), "{days}");
        assert_eq!(point["parameters.seasonal_days"], days.parse::<i64>().unwrap());
    }
}

#[test]
fn the_same_seed_gives_the_same_output_byte_for_byte() {
    let tune = |seed: u64, file: &str| {
        let line = format!(
            "tune no-arrival-after-grant --sweep months=3..8 --input feeds --labels feeds/truth.parquet --seed {seed} --out {file} --sample-out {file}.csv"
        );
        let output = permitwatch_in(STAGE.path(), &line);
        said(&output, 0);
        (output.stdout, fs::read(place(file)).unwrap(), fs::read(place(&format!("{file}.csv"))).unwrap())
    };
    let (one, again, other) = (tune(1, "one.json"), tune(1, "again.json"), tune(2, "other.json"));
    assert!(one == again);
    assert!(one.0 != other.0 && one.1 != other.1);
    for file in ["one.json", "one.json.csv"] {
        assert_eq!(fs::metadata(place(file)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_sample_that_was_judged_is_read_back() {
    let sweep = "tune no-arrival-after-grant --sweep months=3..8 --input feeds";
    let report = permitwatch(&format!("{sweep} --sample 20 --sample-out judge.csv"), 0);
    assert!(report.contains("to be judged in judge.csv") && report.contains("nothing is recommended"), "{report}");
    let sample = fs::read_to_string(place("judge.csv")).unwrap();
    let (head, lines) = sample.split_once('\n').unwrap();
    assert_eq!(head, "permit,person,rule,severity,points,in_force,weight,outcome,date");
    let report = permitwatch(&format!("{sweep} --labels judge.csv"), 1);
    assert!(report.contains("no line of the rule no-arrival-after-grant that is decided"), "{report}");
    // Right is what every point has an alert about.
    let judged: Vec<String> = lines
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let outcome = if cells[4] == "6" { "right" } else { "wrong" };
            format!("{},{outcome},2026-01-01", cells[..7].join(","))
        })
        .collect();
    fs::write(place("judged.csv"), format!("{head}\n{}\n", judged.join("\n"))).unwrap();
    let report = permitwatch(&format!("{sweep} --labels judged.csv --out judged.json"), 0);
    let found = document("judged.json");
    let right = judged.iter().filter(|line| line.contains(",right,")).count();
    assert_eq!(found["labels"].as_u64().unwrap() as usize, judged.len(), "{report}");
    let of = |part: &str, what: &str| found["points"][0][format!("{part}_{what}")].as_f64().unwrap();
    let weight = |line: &String| line.split(',').nth(6).unwrap().parse::<f64>().unwrap();
    let wanted: f64 = judged.iter().filter(|line| line.contains(",right,")).map(weight).sum();
    assert!((of("choice", "right") + of("held_out", "right") - wanted).abs() < 1e-3 && right > 0, "{found}");
}

#[test]
fn what_cannot_be_tuned_is_refused_with_what_to_do() {
    let refused = |line: &str| permitwatch(&format!("tune {line} --input feeds"), 1);
    let text = refused("no-arrival-after-grant --sweep month=3");
    assert!(text.contains("no parameter month; it has family_months, months"), "{text}");
    assert!(refused("no-arrival --sweep months=3").contains("did you mean no-arrival-after-grant"));
    assert!(refused("R04 --sweep tolerance_pct=99..101").contains("tolerance_pct cannot be 101; it may be"));
    assert!(
        refused("R04 --sweep tolerance_pct=1..100 --sweep strong_pct=1..100")
            .contains("at most 2000 are tried at once")
    );
    assert!(refused("R04 --sweep tolerance_pct=90 --out x.xlsx").contains("written as .csv or .json"));
    assert!(permitwatch("tune R04 --sweep tolerance_pct=9..3 --input feeds", 2).contains("begin with the lower one"));
    assert!(permitwatch("tune R04 --input feeds", 2).contains("--sweep"));
    let report = permitwatch("tune R04 --sweep tolerance_pct=90 --input feeds", 0);
    assert!(report.contains("is read by employer-breach-cluster"), "{report}");
}

fn seeds() -> impl Iterator<Item = u64> {
    let count = std::env::var("PERMITWATCH_TUNE_SEEDS").map_or(1, |text| text.parse().unwrap());
    1..=count
}

/// A population large enough to choose from, and its permits.
fn population(seed: u64) -> (String, Vec<String>) {
    let name = format!("population-{seed}");
    if !place(&name).exists() {
        permitwatch(&format!("generate --out {name} --persons {PERSONS} --years 3 --seed {seed}"), 0);
    }
    let mut permits = BTreeSet::new();
    for line in fs::read_to_string(place(&format!("{name}/ndjson/permits.ndjson"))).unwrap().lines() {
        permits.extend(line.split("permit_id\\\":\\\"").chain(line.split("\"permit_id\":\"")).skip(1).filter_map(
            |rest| {
                let id = rest.split(['"', '\\']).next()?;
                id.starts_with('p').then(|| id.to_owned())
            },
        ));
    }
    assert!(permits.len() > PERSONS / 2, "{}", permits.len());
    (name, permits.into_iter().collect())
}

const PERSONS: usize = 6_000;

/// Rules with a bad value in force, and what is swept; the law's own value is among it.
const BAD: [(&str, &str, i64, &str); 5] = [
    ("no-arrival-after-grant", "months", 2, "2..12"),
    ("work-not-started", "months", 9, "1..9"),
    ("study-not-registered", "first_days", 5, "5..60:5"),
    ("permanent-permit-emigrated", "wait_days", 5, "5..60:5"),
    ("payment-after-permit-end", "wait_days", 1, "1..91:10"),
];

/// The value of the law: the rule's own.
fn shipped(rule: &str, param: &str) -> i64 {
    let text = fs::read_to_string(place(&format!("queries/{rule}.sql"))).unwrap();
    let own = text.split_once(&format!("[params.{param}]")).unwrap().1;
    let line = own.lines().find(|line| line.starts_with("default")).unwrap();
    line.split_once('=').unwrap().1.trim().parse().unwrap()
}

#[test]
fn the_law_of_a_population_is_found_again_from_bad_thresholds() {
    for seed in seeds() {
        let (feeds, _) = population(seed);
        for (rule, param, bad, sweep) in BAD {
            let line = format!(
                "tune {rule} --sweep {param}={sweep} --set {rule}.{param}={bad} --input {feeds} --labels {feeds}/truth.parquet --out found.json --seed {seed}"
            );
            let report = permitwatch(&line, 0);
            let found = document("found.json");
            let value = found["recommended"][param].as_i64();
            let f1 = |value: i64| {
                let of = found["points"].as_array().unwrap().iter().find(|point| point[param] == value);
                ["choice_f1", "held_out_f1"].map(|measure| of.unwrap()[measure].as_f64().unwrap())
            };
            let law = shipped(rule, param);
            let value = value.unwrap_or_else(|| panic!("{rule}, seed {seed}: none recommended\n{report}"));
            // A value that is not the law's is one that this population cannot tell from it.
            assert!(value == law || f1(value) == f1(law), "{rule}, seed {seed}: {value}, by law {law}\n{report}");
            assert!(f1(value) > f1(bad), "{rule}, seed {seed}: {value}, by law {law}\n{report}");
        }
    }
}

#[test]
fn labels_drawn_by_lot_recommend_nothing() {
    for seed in seeds() {
        let (feeds, permits) = population(seed);
        for (rule, param, bad, sweep) in BAD {
            let mut text = String::from("permit,rule,outcome\n");
            let mut state = seed;
            for permit in &permits {
                // Every third is a breach: a linear congruential generator's high bits (Knuth's constants for MMIX).
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let outcome = if (state >> 33) % 3 == 0 { "open_revocation" } else { "no_action" };
                writeln!(text, "{permit},{rule},{outcome}").unwrap();
            }
            fs::write(place("lot.csv"), text).unwrap();
            let line = format!(
                "tune {rule} --sweep {param}={sweep} --set {rule}.{param}={bad} --input {feeds} --labels lot.csv --out lot.json --seed {seed}"
            );
            let report = permitwatch(&line, 0);
            assert_eq!(document("lot.json")["recommended"], Value::Null, "{rule}, seed {seed}\n{report}");
            assert!(report.contains("recommended: nothing"), "{report}");
        }
    }
}

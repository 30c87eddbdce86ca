//! Aim: alarms, dashboard and documents speak of metrics that exist, and of all of them.
//! Method: every `permitwatch_...` word in those files is looked up in `telemetry::METRICS`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

use std::collections::BTreeSet;
use std::path::Path;

use permitwatch::telemetry::{Kind, METRICS, Metric};
use serde_json::Value;

const ALERTS: &str = "config/prometheus/alerts.yml";
const ALERT_TESTS: [&str; 2] = ["config/prometheus/alerts_test.yml", "config/prometheus/alerts_week_test.yml"];
const DASHBOARD: &str = "config/grafana/dashboards/permitwatch.json";
const TABLE: &str = "config/METRICS.md";

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The words of a text that begin as our metrics do.
fn metric_words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("permitwatch_"))
        .collect()
}

/// The metric that a query means; of a histogram only its parts can be queried.
fn queried(word: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| match word.strip_prefix(metric.name) {
        Some("") => metric.kind != Kind::Histogram,
        Some("_bucket" | "_sum" | "_count") => metric.kind == Kind::Histogram,
        _ => false,
    })
}

/// A panel's queries, with title.
fn dashboard_panels() -> Vec<(Value, Vec<String>)> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    panels
        .iter()
        .filter(|panel| panel["type"] != "row")
        .map(|panel| {
            let targets = panel["targets"].as_array().unwrap();
            let queries = targets.iter().map(|target| target["expr"].as_str().unwrap().to_owned());
            (panel.clone(), queries.collect())
        })
        .collect()
}

#[test]
fn alarms_and_their_tests_query_metrics_that_exist() {
    for file in [ALERTS, ALERT_TESTS[0], ALERT_TESTS[1]] {
        let text = read(file);
        let words = metric_words(&text);
        assert!(!words.is_empty(), "{file} queries nothing");
        for word in words {
            assert!(queried(word).is_some(), "{file} queries {word}, which does not exist");
        }
    }
}

#[test]
fn every_alarm_says_what_to_do_and_is_tested_firing_and_quiet() {
    let alarms = read(ALERTS);
    let tests: String = ALERT_TESTS.map(read).concat();
    let blocks: Vec<&str> = alarms.split("- alert: ").skip(1).collect();
    assert!(blocks.len() > 15);
    for block in blocks {
        let name = block.lines().next().unwrap();
        for part in ["severity: ", "summary: ", "runbook: "] {
            assert!(block.contains(part), "alarm {name} has no {part}");
        }
        assert!(tests.contains(&format!("- alertname: {name}\n")), "no test in which {name} fires");
        assert!(tests.contains(&format!("{{alertname: {name}, ")), "no test in which {name} keeps quiet");
    }
}

#[test]
fn the_dashboard_queries_metrics_that_exist_and_every_one_of_them() {
    let mut shown = BTreeSet::new();
    for (panel, queries) in dashboard_panels() {
        assert!(!queries.is_empty(), "panel {} queries nothing", panel["title"]);
        for query in queries {
            for word in metric_words(&query) {
                let metric = queried(word);
                assert!(metric.is_some(), "panel {} queries {word}, which does not exist", panel["title"]);
                shown.extend(metric.map(|metric| metric.name));
            }
        }
    }
    let missing: Vec<_> = METRICS.iter().filter(|metric| !shown.contains(metric.name)).map(|m| m.name).collect();
    // Configured silences stand beside the alarms, not on the dashboard.
    assert_eq!(missing, ["permitwatch_feed_max_silence_seconds"]);
}

#[test]
fn every_panel_has_a_unit_and_a_description() {
    for (panel, _) in dashboard_panels() {
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or("");
        let description = panel["description"].as_str().unwrap_or("");
        assert!(!unit.is_empty(), "panel {} has no unit", panel["title"]);
        assert!(description.len() > 20, "panel {} has no description", panel["title"]);
    }
}

#[test]
fn the_table_lists_every_metric_as_it_is() {
    let text = read(TABLE);
    for metric in &METRICS {
        let labels = if metric.labels.is_empty() {
            "-".to_owned()
        } else {
            metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
        };
        let row = format!("| `{}` | {} | {labels} | {} |", metric.name, metric.kind.name(), metric.unit);
        assert!(text.contains(&row), "{TABLE} has no row that begins: {row}");
    }
    for word in metric_words(&text) {
        let known = METRICS.iter().any(|metric| metric.name == word) || queried(word).is_some();
        assert!(known, "{TABLE} speaks of {word}, which does not exist");
    }
}

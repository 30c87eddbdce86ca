//! The figures of all points as a file: flat lines as CSV, or one JSON document with all that led to them.

use serde_json::{Map, Value, json};

use crate::catalogue::variants::Values;
use crate::tools::tune::bootstrap::Estimate;
use crate::tools::tune::choice::{Choice, Trial};
use crate::tools::tune::figures::{Agreement, Figures};
use crate::tools::tune::text_of;

/// Rounded, so that a file does not tell of digits that mean nothing.
fn rounded(value: f64) -> Value {
    json!((value * 1e6).round() / 1e6)
}

/// One point as a flat object; a figure without a value is null. The names of parameters come first.
pub fn flat(points: &[Values], at: usize, figures: &Figures, choice: Option<&Choice>) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: String, value: Value| drop(out.insert(name, value));
    // The rule in force may have no value of a threshold: it has one for each time.
    for name in points.iter().flat_map(Values::keys).collect::<std::collections::BTreeSet<_>>() {
        put(name.clone(), points[at].get(name).map_or(Value::Null, |value| json!(value)));
    }
    put("in_force".into(), json!(at == 0));
    put("recommended".into(), json!(choice.and_then(Choice::recommended) == Some(at)));
    let Figures { volume, changes, .. } = figures;
    put("alerts".into(), json!(volume.alerts));
    for (name, count) in ["info", "weak", "medium", "strong"].iter().zip(volume.by_severity) {
        put((*name).into(), json!(count));
    }
    put("persons".into(), json!(volume.persons));
    put("permits".into(), json!(volume.subjects));
    put("peak".into(), json!(volume.peak));
    put("peak_on".into(), volume.peak_on.map_or(Value::Null, |day| json!(day.to_string())));
    let counts = [
        ("only_here", changes.only_here),
        ("only_there", changes.only_there),
        ("earlier", changes.earlier),
        ("later", changes.later),
        ("stronger", changes.stronger),
        ("weaker", changes.weaker),
    ];
    counts.into_iter().for_each(|(name, count)| put(name.into(), json!(count)));
    let mut estimate = |name: &str, of: Option<Estimate>| {
        let parts = [("", of.map(|of| of.value)), ("_low", of.map(|of| of.low)), ("_high", of.map(|of| of.high))];
        parts.into_iter().for_each(|(end, value)| put(format!("{name}{end}"), value.map_or(Value::Null, rounded)));
    };
    estimate("per_day", figures.per_day);
    estimate("stood_days", figures.stood_days);
    estimate("retracted_share", figures.retracted);
    estimate("delay_days", figures.delay_days);
    let none = Agreement::default();
    for (at, part) in ["choice", "held_out"].iter().enumerate() {
        let own = figures.agreement.as_ref().map_or(&none, |own| &own[at]);
        let measures = [
            ("precision", own.precision),
            ("recall", own.recall),
            ("f1", own.f1),
            ("phi", own.phi),
            ("wrong_per_1000", own.wrong_per_1000),
        ];
        measures.into_iter().for_each(|(name, of)| estimate(&format!("{part}_{name}"), of));
    }
    for (at, part) in ["choice", "held_out"].iter().enumerate() {
        let counts = figures.agreement.as_ref().map(|own| own[at].counts);
        let named = [
            ("right", counts.map(|of| of.right)),
            ("wrong", counts.map(|of| of.wrong)),
            ("missed", counts.map(|of| of.missed)),
            ("quiet", counts.map(|of| of.quiet)),
            ("unjudged", counts.map(|of| of.unknown)),
        ];
        named.into_iter().for_each(|(name, of)| put(format!("{part}_{name}"), of.map_or(Value::Null, rounded)));
    }
    out
}

/// The flat lines as CSV.
pub fn csv(points: &[Values], figures: &[Figures], choice: Option<&Choice>) -> Result<String, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    for (at, own) in figures.iter().enumerate() {
        let flat = flat(points, at, own, choice);
        if at == 0 {
            out.write_record(flat.keys())?;
        }
        out.write_record(flat.values().map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }))?;
    }
    text_of(out)
}

/// The same as one document; `about` says what was asked for.
pub fn document(about: Map<String, Value>, points: &[Values], figures: &[Figures], choice: Option<&Choice>) -> Value {
    let flat = |(at, own): (usize, &Figures)| Value::Object(flat(points, at, own, choice));
    let lines: Vec<Value> = figures.iter().enumerate().map(flat).collect();
    let mut out = about;
    out.insert("recommended".into(), choice.and_then(Choice::recommended).map_or(Value::Null, |at| json!(points[at])));
    out.insert(
        "trials".into(),
        choice.map_or(&[][..], Choice::trials).iter().map(|trial| tried(points, trial)).collect(),
    );
    out.insert("points".into(), lines.into());
    Value::Object(out)
}

fn tried(points: &[Values], trial: &Trial) -> Value {
    let value = |of: Option<f64>| of.map_or(Value::Null, rounded);
    json!({
        "point": points[trial.point],
        "advantage": value(trial.advantage),
        "advantage_at_least": value(trial.least_advantage),
        "phi": value(trial.phi),
        "phi_at_least": value(trial.least_phi),
        "by_lot": trial.by_lot,
        "right": rounded(trial.right),
        "survives": trial.survives(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_and_document_say_the_same() {
        let points: Vec<Values> = [6, 7].map(|value| [("months".to_owned(), value)].into()).into();
        let figures = [
            Figures::default(),
            Figures { per_day: Some(Estimate { value: 0.1234567, low: 0.1, high: 0.2 }), ..Figures::default() },
        ];
        let text = csv(&points, &figures, None).unwrap();
        let mut lines = text.lines();
        assert!(lines.next().unwrap().starts_with("months,in_force,recommended,alerts,info,"));
        assert!(lines.next().unwrap().starts_with("6,true,false,0,"));
        assert!(lines.next().unwrap().contains(",0.123457,0.1,0.2,"));
        let document = document(Map::new(), &points, &figures, Some(&Choice::NoneBetter));
        assert_eq!((&document["points"][1]["per_day"], &document["recommended"]), (&json!(0.123457), &Value::Null));
    }
}

//! Which values to try: `drop_pct=70..90:5`, `months=3,4,6`, `wait_days=2w..8w:2w`.
//!
//! A value is a whole number, as the parameter is; one of days may be in weeks, one of months in years, one of per cent with its sign.

use crate::catalogue::variants::Values;

/// The values of one parameter, in the order in which they were given, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    pub name: String,
    pub values: Vec<i64>,
}

/// More points than this are refused: each is a plan of its own.
pub const MOST_POINTS: usize = 2_000;

/// Signs behind a number: by the unit in which the parameter's name ends, and what it stands for.
const SIGNS: [(&str, &str, i64); 6] =
    [("days", "d", 1), ("days", "w", 7), ("months", "m", 1), ("months", "y", 12), ("pct", "%", 1), ("sek", "k", 1_000)];

/// Reads `name=values`.
pub fn sweep(text: &str) -> Result<Sweep, String> {
    let (name, list) = text.split_once('=').ok_or("write parameter=values, such as drop_pct=70..90:5")?;
    let name = name.trim().to_owned();
    let mut values: Vec<i64> = Vec::new();
    for part in list.split(',') {
        let more = match part.split_once("..") {
            None => vec![number(&name, part)?],
            Some((from, rest)) => range(&name, from, rest)?,
        };
        values.extend(more);
        if values.len() > MOST_POINTS {
            return Err(format!("more than {MOST_POINTS} values: take a larger step"));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    values.retain(|value| seen.insert(*value));
    Ok(Sweep { name, values })
}

fn range(name: &str, from: &str, rest: &str) -> Result<Vec<i64>, String> {
    let (to, step) = match rest.split_once(':') {
        Some((to, step)) => (to, number(name, step)?),
        None => (rest, 1),
    };
    let (from, to) = (number(name, from)?, number(name, to.trim_start_matches('='))?);
    if step < 1 {
        return Err(format!("the step {step} leads nowhere: it must be 1 or more"));
    }
    if to < from {
        return Err(format!("{from}..{to} has no value: begin with the lower one"));
    }
    // One more than is allowed is enough to be refused.
    let values = (0..=MOST_POINTS as i64).map(|at| from.saturating_add(at.saturating_mul(step)));
    Ok(values.take_while(|value| *value <= to).collect())
}

fn number(name: &str, text: &str) -> Result<i64, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|sign: char| !sign.is_ascii_digit());
    let sign = &text[digits.len()..];
    let value: i64 = digits.parse().map_err(|_| format!("\"{text}\" is no whole number"))?;
    if sign.is_empty() {
        return Ok(value);
    }
    let unit = name.rsplit('_').next().unwrap_or(name);
    let known = SIGNS.iter().filter(|(of, ..)| *of == unit);
    match known.clone().find(|(_, own, _)| *own == sign) {
        Some((_, _, factor)) => value.checked_mul(*factor).ok_or_else(|| format!("{text} is too large")),
        None => {
            let signs: Vec<&str> = known.map(|(_, own, _)| *own).collect();
            let signs = if signs.is_empty() { "none".to_owned() } else { signs.join(", ") };
            Err(format!("\"{text}\": behind a number of {name} may stand {signs}"))
        }
    }
}

/// Every combination of the values, the last sweep's changing fastest.
pub fn points(sweeps: &[Sweep]) -> Result<Vec<Values>, String> {
    let mut points = vec![Values::new()];
    for (at, sweep) in sweeps.iter().enumerate() {
        if sweeps[..at].iter().any(|other| other.name == sweep.name) {
            return Err(format!("{} is swept twice: name all its values in one --sweep", sweep.name));
        }
        if points.len() * sweep.values.len() > MOST_POINTS {
            return Err(format!(
                "these are {} points or more, at most {MOST_POINTS} are tried at once: take larger steps, or sweep one parameter after the other",
                points.len() * sweep.values.len()
            ));
        }
        let with = |point: &Values| {
            let point = point.clone();
            sweep.values.iter().map(move |value| {
                let mut point = point.clone();
                point.insert(sweep.name.clone(), *value);
                point
            })
        };
        points = points.iter().flat_map(with).collect();
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<i64> {
        sweep(text).unwrap().values
    }

    #[test]
    fn values_are_ranges_lists_and_both() {
        assert_eq!(values("a_pct=80..100:5"), [80, 85, 90, 95, 100]);
        assert_eq!(values("a_pct=80..99:5"), [80, 85, 90, 95]);
        assert_eq!(values("n=3..5"), [3, 4, 5]);
        assert_eq!(values("n=9,3..4, 3,-2"), [9, 3, 4, -2]);
        assert_eq!(values("a_pct=90%,95%"), [90, 95]);
        assert_eq!(values("wait_days=2w..4w:1w,31d"), [14, 21, 28, 31]);
        assert_eq!(values("months=6m,1y,2y"), [6, 12, 24]);
        assert_eq!(values("amount_sek=5k..7k:1k"), [5_000, 6_000, 7_000]);
    }

    #[test]
    fn what_is_no_sweep_is_refused() {
        let refused = |text: &str| sweep(text).unwrap_err();
        assert!(refused("months").contains("write parameter=values"));
        assert!(refused("months=3..x").contains("\"x\" is no whole number"));
        assert!(refused("months=").contains("is no whole number"));
        assert!(refused("months=9..3").contains("begin with the lower one"));
        assert!(refused("months=1..9:0").contains("leads nowhere"));
        assert!(refused("months=3w").contains("may stand m, y"));
        assert!(refused("factor=3w").contains("may stand none"));
        assert!(refused("n=1..1000000").contains("more than 2000"));
    }

    #[test]
    fn points_are_all_combinations() {
        let sweeps = [sweep("a=1,2").unwrap(), sweep("b=5..7").unwrap()];
        let points: Vec<Vec<i64>> =
            points(&sweeps).unwrap().iter().map(|point| point.values().copied().collect()).collect();
        assert_eq!(points, [[1, 5], [1, 6], [1, 7], [2, 5], [2, 6], [2, 7]]);
        let twice = [sweep("a=1").unwrap(), sweep("a=2").unwrap()];
        assert!(super::points(&twice).unwrap_err().contains("swept twice"));
        let many = [sweep("a=1..100").unwrap(), sweep("b=1..100").unwrap()];
        assert!(super::points(&many).unwrap_err().contains("10000 points"));
    }
}

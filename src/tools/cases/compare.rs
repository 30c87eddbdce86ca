//! Pairs what is expected with what was found, and words the difference.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};
use toml::Table;

use crate::model::time::format_micros;
use crate::tools::cases::file::{Wanted, WantedTransition, instant};

/// Everything that was found at an expectation's clock.
#[derive(Clone, Debug)]
pub struct Seen {
    pub clock: i64,
    /// What stands, in the engine with its evidence, and in the batch query.
    pub engine: Vec<(Found, Map<String, Json>)>,
    pub batch: Vec<Found>,
    /// What stands without the records before the rule's horizon, if there are any.
    pub recent: Option<Vec<Found>>,
    /// Transitions of the engine since the case's previous expectation, with their times.
    pub transitions: Vec<(i64, Found)>,
    /// Keys of rows that lie ahead; only if the expectation asks for them.
    pub pending: Vec<String>,
}

/// An alert that stands, or a transition, with the case's short names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub key: String,
    pub severity: String,
    pub permit: String,
    pub person: String,
    /// Empty for an alert that stands.
    pub status: String,
    pub reason: Option<String>,
    /// Of an alert that stands: the time from which its row holds.
    pub alert_at: Option<i64>,
}

/// What an expectation says of one alert or transition. `None` may be anything.
#[derive(Clone, Debug, Default)]
pub struct Asked<'a> {
    pub key: &'a str,
    pub severity: Option<&'a str>,
    pub permit: Option<&'a str>,
    pub person: Option<&'a str>,
    pub status: Option<&'a str>,
    pub reason: Option<&'a str>,
    pub alert_at: Option<i64>,
}

/// The pairs, and the positions that found no partner.
#[derive(Clone, Debug, Default)]
pub struct Matched {
    pub missing: Vec<usize>,
    pub extra: Vec<usize>,
    /// (expected, found)
    pub pairs: Vec<(usize, usize)>,
}

impl<'a> From<&'a Wanted> for Asked<'a> {
    fn from(wanted: &'a Wanted) -> Asked<'a> {
        Asked {
            key: &wanted.key,
            severity: Some(&wanted.severity),
            permit: wanted.permit.as_deref(),
            person: wanted.person.as_deref(),
            status: None,
            reason: None,
            alert_at: wanted.alert_at.as_deref().and_then(instant),
        }
    }
}

impl<'a> From<&'a WantedTransition> for Asked<'a> {
    fn from(wanted: &'a WantedTransition) -> Asked<'a> {
        Asked {
            key: &wanted.key,
            severity: wanted.severity.as_deref(),
            permit: wanted.permit.as_deref(),
            person: wanted.person.as_deref(),
            status: Some(&wanted.status),
            reason: wanted.reason.as_deref(),
            alert_at: None,
        }
    }
}

impl Asked<'_> {
    fn fits(&self, found: &Found) -> bool {
        let same = |asked: Option<&str>, found: &str| asked.is_none_or(|asked| asked == found);
        self.key == found.key
            && same(self.severity, &found.severity)
            && same(self.permit, &found.permit)
            && same(self.person, &found.person)
            && same(self.status, &found.status)
            && same(self.reason, found.reason.as_deref().unwrap_or_default())
            && (self.alert_at.is_none() || self.alert_at == found.alert_at)
    }

    /// How much it specifies: the most specific one is paired first.
    fn particulars(&self) -> usize {
        let named = [self.severity, self.permit, self.person, self.status, self.reason];
        named.iter().flatten().count() + usize::from(self.alert_at.is_some())
    }

    pub fn words(&self) -> String {
        let mut words = self.key.to_owned();
        for part in [self.status, self.severity].into_iter().flatten() {
            let _ = write!(words, " {part}");
        }
        let named = [("permit", self.permit), ("person", self.person), ("reason", self.reason)];
        for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let _ = write!(words, ", {name} {value}");
        }
        if let Some(at) = self.alert_at {
            let _ = write!(words, ", alert_at {}", clock(at));
        }
        words
    }
}

impl Found {
    /// In words, in the form of [`Asked::words`]; with permit and person if `all`.
    pub fn words(&self, all: bool) -> String {
        let text = |text: &'_ String| if text.is_empty() { None } else { Some(text.clone()) };
        let (status, permit, person) = (text(&self.status), text(&self.permit), text(&self.person));
        let asked = Asked {
            key: &self.key,
            severity: Some(&self.severity),
            permit: permit.as_deref().filter(|_| all),
            person: person.as_deref().filter(|_| all),
            status: status.as_deref(),
            reason: self.reason.as_deref(),
            alert_at: None,
        };
        asked.words()
    }
}

/// A clock, as cases write it.
pub fn clock(micros: i64) -> String {
    let text = format_micros(micros).replace('T', " ");
    text.split('.').next().unwrap_or(&text).trim_end_matches(" 00:00:00").to_owned()
}

/// Pairs each expected item with a found one.
pub fn matched(asked: &[Asked<'_>], found: &[Found]) -> Matched {
    let mut order: Vec<usize> = (0..asked.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(asked[*at].particulars()));
    let mut free: Vec<usize> = (0..found.len()).collect();
    let mut out = Matched::default();
    for at in order {
        match free.iter().position(|other| asked[at].fits(&found[*other])) {
            Some(place) => out.pairs.push((at, free.remove(place))),
            None => out.missing.push(at),
        }
    }
    out.missing.sort_unstable();
    out.extra = free;
    out
}

/// Evidence columns that differ from what is expected, in words.
pub fn evidence_differs(asked: &Table, found: &serde_json::Map<String, Json>) -> Vec<String> {
    let mut out = Vec::new();
    for (column, want) in asked {
        let words = match found.get(column) {
            Some(have) if json(want) == *have => continue,
            Some(have) => have.to_string(),
            None => {
                let known: Vec<&str> = found.keys().map(String::as_str).collect();
                format!("no such column; there are {}", known.join(", "))
            }
        };
        out.push(format!("{column}: want {}, found {words}", json(want)));
    }
    out
}

/// An empty text means null, as in records.
fn json(value: &toml::Value) -> Json {
    match value {
        toml::Value::String(text) if text.is_empty() => Json::Null,
        toml::Value::String(text) => Json::from(text.as_str()),
        toml::Value::Integer(number) => Json::from(*number),
        toml::Value::Boolean(flag) => Json::from(*flag),
        other => Json::from(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, permit: &str) -> Found {
        Found { key: key.into(), severity: "weak".into(), permit: permit.into(), ..Found::default() }
    }

    #[test]
    fn the_most_particular_one_chooses_first() {
        let any = Asked { key: "a", ..Asked::default() };
        let second = Asked { key: "a", permit: Some("p1"), ..Asked::default() };
        let matched = matched(&[any, second], &[found("a", "p1"), found("a", "p2"), found("b", "p1")]);
        assert_eq!(matched.missing, [0; 0]);
        assert_eq!(matched.extra, [2]);
    }

    #[test]
    fn the_time_from_which_a_row_holds_counts_where_it_is_asked_for() {
        let day = |number: i64| Some(number * 86_400_000_000);
        let at = |alert_at: Option<i64>| Asked { key: "a", alert_at, ..Asked::default() };
        let found = [Found { alert_at: day(20_000), ..found("a", "p1") }];
        let misses = |asked: Asked<'_>| matched(&[asked], &found).missing.len();
        assert_eq!([None, day(20_000), day(20_001)].map(|day| misses(at(day))), [0, 0, 1]);
        assert_eq!(at(day(20_000)).words(), "a, alert_at 2024-10-04");
        assert_eq!(at(day(20_000).map(|at| at + 1_000_000)).words(), "a, alert_at 2024-10-04 00:00:01");
    }

    #[test]
    fn evidence_is_a_part_and_an_empty_text_is_null() {
        let asked: Table = toml::from_str("months = 2\nended_on = \"\"\nsum = 3").unwrap();
        let found = serde_json::json!({"months": 2, "ended_on": null, "sum": 4, "more": 1});
        assert_eq!(evidence_differs(&asked, found.as_object().unwrap()), ["sum: want 3, found 4"]);
    }
}

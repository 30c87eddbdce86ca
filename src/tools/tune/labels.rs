//! What is known of permits: the planted truth of `generate`, or what officers decided, from a CSV or Parquet file.
//!
//! One line is about one permit (or what else the rule's alerts are about) and one rule. Columns, by name, in any order; others are not read:
//!
//! | column | also called | |
//! | --- | --- | --- |
//! | `permit` | `permit_id`, `subject` | what the alert is about |
//! | `rule` | `rule_id` | id or number; lines of other rules are passed over |
//! | `outcome` | `kind`, `decision`, `disposition` | see [`OUTCOMES`]; an empty one is not judged yet |
//! | `date` | `decided_on`, `decided_at` | when that was decided; optional |
//! | `later` | `outcome_later` | what came of it in the end; where it is given it counts, not `outcome` |
//! | `person` | `person_id` | optional; a permit without it, and without an alert, counts as a person of its own |
//! | `known_from` | | first time at which the breach could be known; optional |
//! | `ended_at` | | when it had ended; optional |
//! | `min_severity`, `max_severity` | | a breach must reach at least the one; what is none may have alerts up to the other |
//! | `weight` | | how many permits the line stands for, in a sample; 1 without it |

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use thiserror::Error;

use crate::model::alert::Severity;
use crate::model::time::{KnownTime, format_micros, parse_time};

/// What an outcome says of the alert that led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// There was something to find.
    Right,
    /// There was nothing.
    Wrong,
    /// Not decided: as if the line were not there.
    Open,
}

/// The words that are known, and what they mean. `permitwatch tune --outcome WORD=MEANING` adds others or changes these.
pub const OUTCOMES: [(&str, Meaning); 16] = [
    // What an officer decides.
    ("open_revocation", Meaning::Right),
    ("defer_to_renewal", Meaning::Right),
    ("refer_other_authority", Meaning::Right),
    ("support_route", Meaning::Right),
    ("no_action", Meaning::Wrong),
    ("data_error", Meaning::Wrong),
    // What came of it later.
    ("revoked", Meaning::Right),
    ("renewal_refused", Meaning::Right),
    ("confirmed", Meaning::Right),
    ("not_revoked", Meaning::Wrong),
    ("annulled", Meaning::Wrong),
    ("pending", Meaning::Open),
    // The planted truth, and a sample that was judged by hand.
    ("breach", Meaning::Right),
    ("trap", Meaning::Wrong),
    ("right", Meaning::Right),
    ("wrong", Meaning::Wrong),
];

/// What is known of one permit under the rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub person: Option<String>,
    pub is_right: bool,
    /// By what it is put before or after a day: `known_from`, else `date`.
    pub at: Option<KnownTime>,
    pub known_from: Option<KnownTime>,
    pub ended_at: Option<KnownTime>,
    pub least: Option<Severity>,
    pub most: Option<Severity>,
    pub weight: f64,
}

/// The labels of a rule, by permit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    pub by_subject: BTreeMap<String, Label>,
    /// Lines of other rules, and lines that are not decided.
    pub of_others: usize,
    pub open: usize,
    /// What has no line has no breach, so an alert about it is wrong.
    pub is_whole: bool,
}

#[derive(Debug, Error)]
pub enum LabelError {
    #[error("cannot read {file}: {message}")]
    File { file: String, message: String },
    #[error("{file}: no column {column} (or {others}); it has {found}")]
    Column { file: String, column: &'static str, others: String, found: String },
    #[error("{file} line {line}: {message}")]
    Line { file: String, line: usize, message: String },
    #[error(
        "{file}: outcome \"{word}\" is not known; say what it means with --outcome {word}=right, =wrong or =open; known are {known}"
    )]
    Outcome { file: String, word: String, known: String },
    #[error("{file} has no line of the rule {rule} that is decided; it has lines of {others}")]
    None { file: String, rule: String, others: String },
}

/// The names of each column; the first three must be there.
const COLUMNS: [&[&str]; 11] = [
    &["permit", "permit_id", "subject"],
    &["rule", "rule_id"],
    &["outcome", "kind", "decision", "disposition"],
    &["date", "decided_on", "decided_at"],
    &["later", "outcome_later"],
    &["person", "person_id"],
    &["known_from"],
    &["ended_at"],
    &["min_severity"],
    &["max_severity"],
    &["weight"],
];
const NEEDED: usize = 3;

/// The cells of one line, in the order of [`COLUMNS`]; empty ones are absent.
type Cells = [Option<String>; COLUMNS.len()];

/// Whose labels are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// Id and number.
    pub rule: [&'a str; 2],
    /// Meanings that go before [`OUTCOMES`].
    pub outcomes: &'a [(String, Meaning)],
    /// What the caller says of lines that are not there; `None`: whole if it is a planted truth.
    pub is_whole: Option<bool>,
}

/// Reads the labels of a rule.
pub fn read(path: &Path, of: Of<'_>) -> Result<Labels, LabelError> {
    let is_parquet = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
    let (lines, is_truth) = if is_parquet { parquet_lines(path)? } else { csv_lines(path)? };
    collect(&path.display().to_string(), lines, Of { is_whole: of.is_whole.or(Some(is_truth)), ..of })
}

/// Where the columns are, and whether the file is a planted truth: it alone has a scenario to each line.
fn places(file: &str, names: &[&str]) -> Result<([Option<usize>; COLUMNS.len()], bool), LabelError> {
    let place = |own: &[&str]| own.iter().find_map(|own| names.iter().position(|name| name.trim() == *own));
    let mut places = [None; COLUMNS.len()];
    for (at, own) in COLUMNS.iter().enumerate() {
        places[at] = place(own);
        if at < NEEDED && places[at].is_none() {
            let (column, others) = (own[0], own[1..].join(", "));
            return Err(LabelError::Column { file: file.to_owned(), column, others, found: names.join(", ") });
        }
    }
    Ok((places, names.contains(&"scenario") && names.contains(&"kind")))
}

fn csv_lines(path: &Path) -> Result<(Vec<Cells>, bool), LabelError> {
    let file = path.display().to_string();
    let failed = |error: csv::Error| LabelError::File { file: file.clone(), message: error.to_string() };
    let mut reader = csv::Reader::from_path(path).map_err(failed)?;
    let names: Vec<String> =
        reader.headers().map_err(failed)?.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    let (places, is_truth) = places(&file, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let mut lines = Vec::new();
    for row in reader.records() {
        let row = row.map_err(failed)?;
        let cell = |place: Option<usize>| row.get(place?).map(str::trim).filter(|text| !text.is_empty());
        lines.push(places.map(|place| cell(place).map(str::to_owned)));
    }
    Ok((lines, is_truth))
}

fn parquet_lines(path: &Path) -> Result<(Vec<Cells>, bool), LabelError> {
    let file = path.display().to_string();
    let failed = |message: String| LabelError::File { file: file.clone(), message };
    let open = File::open(path).map_err(|error| failed(error.to_string()))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(open).map_err(|error| failed(error.to_string()))?;
    let schema = reader.schema().clone();
    let (places, is_truth) =
        places(&file, &schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>())?;
    let mut lines = Vec::new();
    for batch in reader.build().map_err(|error| failed(error.to_string()))? {
        let batch = batch.map_err(|error| failed(error.to_string()))?;
        let columns = places.map(|place| place.map(|at| texts(batch.column(at))));
        let mut found: Vec<Option<ArrayRef>> = Vec::new();
        for column in columns {
            found.push(column.transpose().map_err(&failed)?);
        }
        for row in 0..batch.num_rows() {
            let cell = |at: usize| {
                let array = found[at].as_ref()?.as_string_opt::<i32>()?;
                (!array.is_null(row) && !array.value(row).is_empty()).then(|| array.value(row).to_owned())
            };
            lines.push(std::array::from_fn(cell));
        }
    }
    Ok((lines, is_truth))
}

/// A column as text; days and instants in the form that messages have.
fn texts(array: &ArrayRef) -> Result<ArrayRef, String> {
    let is_instant = matches!(array.data_type(), DataType::Timestamp(..));
    if !is_instant {
        return cast(array, &DataType::Utf8).map_err(|error| error.to_string());
    }
    let micros = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None)).map_err(|error| error.to_string())?;
    let micros = micros.as_primitive::<TimestampMicrosecondType>();
    let texts = micros.iter().map(|at| at.map(format_micros)).collect::<arrow::array::StringArray>();
    Ok(std::sync::Arc::new(texts))
}

fn collect(file: &str, lines: Vec<Cells>, of: Of<'_>) -> Result<Labels, LabelError> {
    let mut labels = Labels { is_whole: of.is_whole.unwrap_or(false), ..Labels::default() };
    let mut others = BTreeSet::new();
    let (mut open, mut of_others) = (0, 0);
    for (at, cells) in lines.into_iter().enumerate() {
        let refuse = |message: String| LabelError::Line { file: file.to_owned(), line: at + 2, message };
        let [permit, rule, outcome, date, later, person, known_from, ended_at, least, most, weight] = cells;
        let rule = rule.ok_or_else(|| refuse("no rule".to_owned()))?;
        if !of.rule.iter().any(|own| own.eq_ignore_ascii_case(&rule)) {
            of_others += 1;
            others.insert(rule);
            continue;
        }
        let permit = permit.ok_or_else(|| refuse("no permit".to_owned()))?;
        let meaning = later.or(outcome).map_or(Ok(Meaning::Open), |word| meaning(file, &word, of.outcomes))?;
        if meaning == Meaning::Open {
            open += 1;
            continue;
        }
        let time = |text: Option<String>| match text {
            None => Ok(None),
            Some(text) => parse_time(&text.replace(' ', "T"))
                .map(|at| Some(KnownTime(at)))
                .ok_or_else(|| refuse(format!("\"{text}\" is neither a date nor an RFC 3339 time"))),
        };
        let severity = |text: Option<String>| match text {
            None => Ok(None),
            Some(text) => Severity::from_name(&text)
                .map(Some)
                .ok_or_else(|| refuse(format!("\"{text}\" is no severity: info, weak, medium, strong"))),
        };
        let weight: f64 = match weight {
            None => 1.0,
            Some(text) => text
                .parse()
                .ok()
                .filter(|weight: &f64| weight.is_finite() && *weight > 0.0)
                .ok_or_else(|| refuse(format!("weight \"{text}\" is no number above 0")))?,
        };
        let (date, known_from) = (time(date)?, time(known_from)?);
        let label = Label {
            person,
            is_right: meaning == Meaning::Right,
            at: known_from.or(date),
            // When a careless rule would have alerted says nothing of a breach.
            known_from: known_from.filter(|_| meaning == Meaning::Right),
            ended_at: time(ended_at)?,
            least: severity(least)?,
            most: severity(most)?,
            weight,
        };
        match labels.by_subject.get_mut(&permit) {
            Some(known) => known.join(label),
            None => drop(labels.by_subject.insert(permit, label)),
        }
    }
    (labels.open, labels.of_others) = (open, of_others);
    if labels.by_subject.is_empty() {
        let others: Vec<String> = others.into_iter().collect();
        let others = if others.is_empty() { "no other".to_owned() } else { others.join(", ") };
        return Err(LabelError::None { file: file.to_owned(), rule: of.rule[0].to_owned(), others });
    }
    Ok(labels)
}

fn meaning(file: &str, word: &str, own: &[(String, Meaning)]) -> Result<Meaning, LabelError> {
    let own = own.iter().map(|(own, meaning)| (own.as_str(), *meaning));
    let known = OUTCOMES.into_iter();
    let found = own.chain(known.clone()).find(|(known, _)| known.eq_ignore_ascii_case(word));
    found.map(|(_, meaning)| meaning).ok_or_else(|| LabelError::Outcome {
        file: file.to_owned(),
        word: word.to_owned(),
        known: known.map(|(word, _)| word).collect::<Vec<_>>().join(", "),
    })
}

impl Label {
    /// Several lines about one permit: there was something to find if one says so, from the first time on that such a line names.
    fn join(&mut self, other: Label) {
        if self.is_right != other.is_right {
            if other.is_right {
                *self = other;
            }
            return;
        }
        let first = |own: Option<KnownTime>, other: Option<KnownTime>| [own, other].into_iter().flatten().min();
        self.at = first(self.at, other.at);
        self.known_from = first(self.known_from, other.known_from);
        self.ended_at = self.ended_at.zip(other.ended_at).map(|(own, other)| own.max(other));
        self.least = self.least.zip(other.least).map(|(own, other)| own.min(other));
        // Of two that allow an alert the one that allows less counts.
        self.most = self.most.zip(other.most).map(|(own, other)| own.min(other));
        self.weight = self.weight.max(other.weight);
        self.person = self.person.take().or(other.person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels_of(text: &str, outcomes: &[(String, Meaning)]) -> Result<Labels, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels.csv");
        std::fs::write(&path, text).unwrap();
        let read = read(&path, Of { rule: ["salary-drop", "R99"], outcomes, is_whole: None });
        read.map_err(|error| error.to_string().replace(&format!("{}/", dir.path().display()), ""))
    }

    #[test]
    fn dispositions_are_read_by_the_names_of_their_columns() {
        let text = "date,outcome,rule,permit,later,clerk\n\
                    2025-03-01,open_revocation,salary-drop,a,,x\n\
                    2025-03-02,no_action,r99,b,,x\n\
                    2025-03-02,no_action,salary-drop,c,revoked,x\n\
                    2025-03-02,open_revocation,salary-drop,d,pending,x\n\
                    2025-03-02,,salary-drop,e,,x\n\
                    2025-03-02,no_action,work-not-started,f,,x\n\
                    2025-01-02,Data_Error,salary-drop,a,,x\n";
        let labels = labels_of(text, &[]).unwrap();
        let right: Vec<(&str, bool)> =
            labels.by_subject.iter().map(|(own, label)| (own.as_str(), label.is_right)).collect();
        assert_eq!(right, [("a", true), ("b", false), ("c", true)]);
        assert_eq!((labels.open, labels.of_others, labels.is_whole), (2, 1, false));
        assert_eq!(labels.by_subject["a"].at, parse_time("2025-03-01").map(KnownTime));
        assert_eq!(labels.by_subject["a"].known_from, None);
    }

    #[test]
    fn a_planted_truth_is_whole_and_says_when_a_breach_could_be_known() {
        let text = "person_id,permit_id,rule_id,kind,scenario,known_from,ended_at,min_severity,max_severity,weight\n\
                    p1,p1-1,salary-drop,breach,low,2025-03-01T00:00:00Z,,medium,,2.5\n\
                    p2,p2-1,salary-drop,trap,edge,2025-03-01T00:00:00Z,,,weak,\n";
        let labels = labels_of(text, &[]).unwrap();
        assert!(labels.is_whole);
        let breach = &labels.by_subject["p1-1"];
        assert_eq!(
            (breach.known_from, breach.least, breach.weight),
            (parse_time("2025-03-01").map(KnownTime), Some(Severity::Medium), 2.5)
        );
        let trap = &labels.by_subject["p2-1"];
        assert_eq!((trap.known_from, trap.most, trap.person.as_deref()), (None, Some(Severity::Weak), Some("p2")));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refused = |text: &str| labels_of(text, &[]).unwrap_err();
        assert_eq!(
            refused("permit,rule\na,b\n"),
            "labels.csv: no column outcome (or kind, decision, disposition); it has permit, rule"
        );
        assert!(
            refused("permit,rule,outcome\na,salary-drop,guilty\n")
                .contains("\"guilty\" is not known; say what it means with --outcome guilty=right")
        );
        assert_eq!(
            refused("permit,rule,outcome\na,other,breach\n"),
            "labels.csv has no line of the rule salary-drop that is decided; it has lines of other"
        );
        assert_eq!(
            refused("permit,rule,outcome,date\na,R99,breach,soon\n"),
            "labels.csv line 2: \"soon\" is neither a date nor an RFC 3339 time"
        );
        assert!(refused("permit,rule,outcome,weight\na,R99,breach,0\n").contains("no number above 0"));
        let own = [("guilty".to_owned(), Meaning::Right), ("no_action".to_owned(), Meaning::Right)];
        let labels = labels_of("permit,rule,outcome\na,R99,guilty\nb,R99,no_action\n", &own).unwrap();
        assert!(labels.by_subject.values().all(|label| label.is_right));
    }
}

//! `parameters.csv`: thresholds that the law sets, each with the days on which it was in force and its source.

use crate::catalogue::CatalogueError;
use crate::catalogue::files::Directory;
use crate::decode::typed;
use crate::model::alert::Bilingual;
use crate::model::time::{Day, parse_day};
use crate::words::{both, same};

/// A threshold and the days on which it was in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    pub name: String,
    pub valid_from: Day,
    /// Exclusive; `None` is still in force.
    pub valid_to: Option<Day>,
    pub value: i64,
    pub source: Bilingual,
}
const THRESHOLD_COLUMNS: [&str; 5] = ["name", "valid_from", "valid_to", "value", "source"];
/// The source in Swedish may follow; without it the source is the same text in both languages.
const SOURCE_SV: &str = "source_sv";

/// Reads `parameters.csv` of a directory of rules.
pub(super) fn thresholds(
    dir: &Directory<'_>,
    errors: &mut Vec<CatalogueError>,
) -> Result<Vec<Threshold>, CatalogueError> {
    const FILE: &str = "parameters.csv";
    let (file, text) = (dir.path.join(FILE), dir.read(FILE)?);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut out: Vec<Threshold> = Vec::new();
    // Without a header line the first row would be taken for one; with columns in another order values would be mixed up.
    let is_head = |head: &csv::StringRecord| {
        let head: Vec<&str> = head.iter().map(str::trim).collect();
        head == THRESHOLD_COLUMNS || head.split_last() == Some((&SOURCE_SV, &THRESHOLD_COLUMNS[..]))
    };
    if !reader.headers().is_ok_and(is_head) {
        let message = format!("the first line is not {}, or that and {SOURCE_SV}", THRESHOLD_COLUMNS.join(","));
        errors.push(CatalogueError::Threshold { file: file.display().to_string(), line: 1, message });
        return Ok(out);
    }
    for row in reader.records() {
        let line = match &row {
            Ok(row) => row.position().map_or(0, csv::Position::line),
            Err(error) => error.position().map_or(0, csv::Position::line),
        };
        let refuse = |message: String| CatalogueError::Threshold { file: file.display().to_string(), line, message };
        let read = row.map_err(|error| error.to_string()).and_then(|row| threshold(&row));
        match read {
            Ok(row) => {
                let same = out.iter().find(|other| other.name == row.name && other.overlaps(&row));
                if let Some(other) = same {
                    let message = format!("\"{}\" has a value from {} already", row.name, other.valid_from);
                    errors.push(refuse(message));
                }
                out.push(row);
            }
            Err(message) => errors.push(refuse(message)),
        }
    }
    Ok(out)
}

fn threshold(row: &csv::StringRecord) -> Result<Threshold, String> {
    let field = |index: usize| row.get(index).unwrap_or("").trim();
    let day = |index| {
        let day = parse_day(field(index)).filter(|day| (Day::FIRST..=Day::LAST).contains(day));
        day.ok_or_else(|| format!("\"{}\" is no date YYYY-MM-DD from 1900 to 2199", field(index)))
    };
    let value: Option<i64> = field(3).parse().ok().filter(|value| typed::is_number(*value));
    let threshold = Threshold {
        name: field(0).to_owned(),
        valid_from: day(1)?,
        valid_to: if field(2).is_empty() { None } else { Some(day(2)?) },
        value: value.ok_or_else(|| format!("\"{}\" is no whole number below 10^12, of digits alone", field(3)))?,
        source: if field(5).is_empty() { same(field(4)) } else { both(field(5), field(4)) },
    };
    if threshold.valid_to.is_some_and(|to| to <= threshold.valid_from) {
        return Err(format!("valid_to {} is not after valid_from", field(2)));
    }
    if threshold.name.is_empty() {
        return Err("it has no name".to_owned());
    }
    if threshold.source.en.is_empty() {
        return Err(format!("\"{}\" names no source", threshold.name));
    }
    Ok(threshold)
}

impl Threshold {
    /// What decides rows: all but the words for its source.
    pub(super) fn in_text(&self) -> String {
        format!("{} {} {:?} {}", self.name, self.valid_from, self.valid_to, self.value)
    }

    fn overlaps(&self, other: &Threshold) -> bool {
        self.valid_to.is_none_or(|to| to > other.valid_from) && other.valid_to.is_none_or(|to| to > self.valid_from)
    }

    /// Whether the threshold is in force on a day.
    pub fn holds_on(&self, day: Day) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|to| to > day)
    }
}

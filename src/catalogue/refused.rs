//! Reports of what is wrong with a file's text, and where; `tools::check` displays them.

use datafusion::common::Span;
use thiserror::Error;

/// Where to point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Highlight {
    /// A span in the planned SQL: lines and columns from 1.
    Span(Span),
    /// The first occurrence of these words in a row, in any case.
    Words(Vec<String>),
    /// NOT EXISTS, or NOT IN.
    Absence,
    /// The end of the text.
    End,
    /// Where FROM or JOIN names one of these tables or aliases.
    Relation(Vec<String>),
    /// An output column of the last SELECT, or that SELECT.
    Output(Option<String>),
}

impl Highlight {
    pub fn words(words: &[&str]) -> Highlight {
        Highlight::Words(words.iter().map(|&word| word.to_owned()).collect())
    }
}

/// What the text and header alone show to be wrong with a rule or view.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{what} \"{name}\": {message}")]
pub struct Refused {
    /// "rule", "view" or "link".
    pub what: &'static str,
    pub name: String,
    pub message: String,
    pub hint: String,
    /// A place in the SQL, else header words to point at.
    pub place: Result<Highlight, String>,
}

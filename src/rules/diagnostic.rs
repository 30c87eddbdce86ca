//! Problems as an analyst sees them: file, line and column, the line itself with a caret, a hint.
//!
//! A rule is planned without its header and with values in place of `$name`; `Source` maps places in the planned text
//! back to the file. `locate` makes problems of errors.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use datafusion::common::Span;
use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::sql::sqlparser::ast::Query;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use serde::Serialize;

use crate::rules::file::split_header;
use crate::rules::params::{self, Replaced};
use crate::rules::reads;
use crate::rules::refusal::Place;

/// Something wrong in a file of the rules directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Within the rules directory, such as `views/salaries.sql`.
    pub file: String,
    /// From 1; 0 where the problem is about the whole file.
    pub line: usize,
    /// From 1, in characters; 0 likewise.
    pub column: usize,
    /// Characters that the caret underlines.
    pub width: usize,
    pub message: String,
    pub hints: Vec<String>,
    /// The line as it stands in the file.
    pub text: String,
}

impl Problem {
    pub fn of_file(file: &str, message: impl Into<String>) -> Problem {
        Problem {
            file: file.to_owned(),
            line: 0,
            column: 0,
            width: 0,
            message: message.into(),
            hints: Vec::new(),
            text: String::new(),
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        let hint = hint.into();
        if !hint.is_empty() {
            self.hints.push(hint);
        }
        self
    }

    /// As text; `dir` is put before the file's name.
    pub fn render(&self, dir: &str) -> String {
        let mut out = format!("{dir}/{}", self.file);
        if self.line > 0 {
            let _ = write!(out, ":{}:{}", self.line, self.column);
        }
        let _ = writeln!(out, ": {}", self.message);
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        if self.line > 0 {
            let (text, column) = window(&self.text, self.column);
            let width = self.width.clamp(1, (text.chars().count() + 1).saturating_sub(column).max(1));
            let _ = writeln!(out, "  {number} | {text}");
            let _ = writeln!(out, "  {margin} | {}{}", " ".repeat(column - 1), "^".repeat(width));
        }
        for hint in &self.hints {
            let _ = writeln!(out, "  {margin} = {hint}");
        }
        out
    }
}

/// A long line's part around the column, and the column there.
fn window(text: &str, column: usize) -> (String, usize) {
    const WIDTH: usize = 150;
    let plain: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if plain.len() <= WIDTH {
        return (plain.into_iter().collect(), column.max(1));
    }
    let from = column.saturating_sub(WIDTH / 2).min(plain.len() - WIDTH);
    let mut shown: String = plain[from..from + WIDTH].iter().collect();
    if from + WIDTH < plain.len() {
        shown.push('…');
    }
    if from == 0 { (shown, column.max(1)) } else { (format!("…{shown}"), column + 1 - from) }
}

/// A file's text, and where in it the planned SQL came from.
#[derive(Clone, Debug)]
pub struct Source {
    pub file: String,
    text: String,
    /// Where the header's text begins, after the comment sign.
    head_at: usize,
    /// Where the SQL begins.
    sql_at: usize,
    replaced: Replaced,
    tokens: Vec<TokenWithSpan>,
}

impl Source {
    /// A rule or view, planned with these parameter values.
    pub fn sql(file: &str, text: &str, values: &BTreeMap<String, i64>) -> Source {
        let (head, sql) = split_header(text).unwrap_or(("", text));
        // Both are parts of `text`.
        let at = |part: &str| (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
        let replaced = params::replace(sql, values);
        let mut tokens = Tokenizer::new(&GenericDialect {}, &replaced.sql).tokenize_with_location().unwrap_or_default();
        tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
        Source {
            file: file.to_owned(),
            head_at: if head.is_empty() { 0 } else { at(head) },
            sql_at: at(sql),
            text: text.to_owned(),
            replaced,
            tokens,
        }
    }

    /// A file that is no SQL.
    pub fn plain(file: &str, text: &str) -> Source {
        Source {
            file: file.to_owned(),
            text: text.to_owned(),
            head_at: 0,
            sql_at: 0,
            replaced: Replaced::default(),
            tokens: Vec::new(),
        }
    }

    /// A problem at bytes of the file.
    pub fn at(&self, from: usize, to: usize, message: impl Into<String>) -> Problem {
        let from = floor_boundary(&self.text, from);
        let to = floor_boundary(&self.text, to).max(from);
        let line_at = self.text[..from].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[from..].find('\n').map_or(self.text.len(), |newline| from + newline);
        Problem {
            file: self.file.clone(),
            line: self.text[..from].matches('\n').count() + 1,
            column: self.text[line_at..from].chars().count() + 1,
            width: self.text[from..to.min(line_end).max(from)].chars().count().max(1),
            message: message.into(),
            hints: Vec::new(),
            text: self.text[line_at..line_end].to_owned(),
        }
    }

    /// A problem at bytes of the header's text.
    pub fn in_header(&self, from: usize, to: usize, message: impl Into<String>) -> Problem {
        self.at(self.head_at + from, self.head_at + to, message)
    }

    /// A problem where the header first says `words`; at the top if nowhere.
    pub fn at_header_words(&self, words: &str, message: impl Into<String>) -> Problem {
        let head = &self.text[self.head_at..self.sql_at.max(self.head_at)];
        let found = head.match_indices(words).map(|(at, _)| at).find(|at| {
            let before = head[..*at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
        });
        match found {
            Some(at) => self.in_header(at, at + words.len(), message),
            None => self.at(0, 2, message),
        }
    }

    /// A problem at bytes of the SQL as written.
    pub fn in_sql(&self, from: usize, to: usize, message: impl Into<String>) -> Problem {
        self.at(self.sql_at + from, self.sql_at + to, message)
    }

    /// A problem at a place of the planned SQL.
    pub fn place(&self, place: &Place, message: impl Into<String>) -> Problem {
        let span = match place {
            Place::Span(span) => Some(*span),
            Place::Words(words) => self.find_words(words),
            Place::Absence => ["exists", "in"].iter().find_map(|word| self.find_words(&["not".into(), (*word).into()])),
            Place::End => self.tokens.len().checked_sub(1).and_then(|last| self.between(last, last)),
            Place::Relation(names) => self.find_relation(names),
            Place::Output(column) => self.find_output(column.as_deref()),
        };
        match span {
            Some(span) => self.span(span, message),
            None => self.in_sql(0, self.sql_line_end(), message),
        }
    }

    fn sql_line_end(&self) -> usize {
        let sql = &self.text[self.sql_at..];
        sql.find('\n').unwrap_or(sql.len())
    }

    fn span(&self, span: Span, message: impl Into<String>) -> Problem {
        let bytes = |line: u64, column: u64| {
            let sql = &self.replaced.sql;
            let skipped: usize = sql.split_inclusive('\n').take((line as usize).saturating_sub(1)).map(str::len).sum();
            let rest = sql.get(skipped..).unwrap_or("");
            let within = rest.char_indices().nth((column as usize).saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
            skipped + within
        };
        let from = bytes(span.start.line, span.start.column);
        let to = bytes(span.end.line, span.end.column).max(from);
        let (start, whole) = self.replaced.written(from);
        // The last byte is mapped, not the one after it, which may be in the next piece.
        let end = match self.replaced.written(to.saturating_sub(1).max(from)) {
            (at, 0) => at + usize::from(to > from),
            (at, bytes) => at + bytes,
        };
        self.in_sql(start, end.max(start + whole), message)
    }

    fn lower(&self, at: usize) -> String {
        self.tokens.get(at).map_or(String::new(), |token| word(&token.token))
    }

    fn between(&self, from: usize, to: usize) -> Option<Span> {
        let (from, to) = (self.tokens.get(from)?, self.tokens.get(to)?);
        let span = from.span.union(&to.span);
        Span::try_from_sqlparser_span(span)
    }

    fn find_words(&self, words: &[String]) -> Option<Span> {
        let last = words.len().checked_sub(1)?;
        let starts = (0..self.tokens.len()).find(|&at| (0..=last).all(|n| self.lower(at + n) == words[n]));
        starts.and_then(|at| self.between(at, at + last))
    }

    /// `JOIN name [AS] alias` for one of the names, preferably by the alias.
    fn find_relation(&self, names: &[String]) -> Option<Span> {
        let named = |at: usize| names.contains(&self.lower(at));
        let follows = |at: usize| ["join", "from", ","].contains(&self.lower(at.wrapping_sub(1)).as_str());
        let alias = |at: usize| if self.lower(at + 1) == "as" { at + 2 } else { at + 1 };
        let by_alias = (1..self.tokens.len()).find(|&at| follows(at) && named(alias(at)));
        let by_name = || (1..self.tokens.len()).find(|&at| follows(at) && named(at));
        let at = by_alias.or_else(by_name)?;
        self.between(at, at)
    }

    /// The last thing at the outermost level that is called `column`, or the SELECT there.
    fn find_output(&self, column: Option<&str>) -> Option<Span> {
        let mut depth = 0;
        let mut select = None;
        let mut named = None;
        for (at, token) in self.tokens.iter().enumerate() {
            match &token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ if depth > 0 => {}
                Token::Word(found) => {
                    let found = found.value.to_lowercase();
                    if found == "select" {
                        (select, named) = (Some(at), None);
                    } else if found == "from" && select.is_some() {
                        break;
                    } else if Some(found.as_str()) == column && select.is_some() {
                        named = Some(at);
                    }
                }
                _ => {}
            }
        }
        let at = named.or(select)?;
        self.between(at, at)
    }

    /// A problem where the SQL says `$name` and there is no such parameter.
    pub fn at_unknown_param(&self, name: &str, message: impl Into<String>) -> Problem {
        let place = self.replaced.unknown.iter().find(|(unknown, _)| unknown == name).map_or(0, |(_, at)| *at);
        self.in_sql(place, place + 1 + name.len(), message)
    }

    /// The SQL as planned, read.
    pub fn parse(&self) -> Option<Query> {
        reads::parse(&self.replaced.sql)
    }

    /// Whether the SQL has these words in a row.
    pub fn says(&self, words: &[String]) -> bool {
        self.find_words(words).is_some()
    }

    /// Names that the text gives to its own steps.
    pub fn steps(&self) -> Vec<String> {
        let opens = |at: &usize| self.lower(at + 1) == "as" && self.lower(at + 2) == "(";
        (0..self.tokens.len()).filter(opens).map(|at| self.lower(at)).collect()
    }
}

fn word(token: &Token) -> String {
    match token {
        Token::Word(word) => word.value.to_lowercase(),
        other => other.to_string().to_lowercase(),
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Up to three of `candidates` that are spelled like `name`, nearest first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(1);
    let distance = |candidate: &str| {
        // A name within the other is near, however long the rest: `salary` and `salary_months`.
        let part = name.len() >= 4 && candidate.len() >= 4 && (candidate.contains(&name) || name.contains(candidate));
        levenshtein(&name, &candidate.to_lowercase()).min(if part { limit } else { usize::MAX })
    };
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// "did you mean a, b or c?", or nothing.
pub fn did_you_mean(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("did you mean {one}?"),
        [most @ .., last] => format!("did you mean {} or {last}?", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "/*\nid = \"x\"\n*/\nSELECT p.person_id, åäö + $wait_days AS a,\n       p.nme\nFROM permits p\n";

    fn source() -> Source {
        Source::sql("x.sql", RULE, &BTreeMap::from([("wait_days".to_owned(), 7)]))
    }

    fn span(line: u64, from: u64, to: u64) -> Place {
        use datafusion::common::Location;
        Place::Span(Span { start: Location { line, column: from }, end: Location { line, column: to } })
    }

    #[test]
    fn places_lead_back_to_the_file() {
        let problem = source().place(&span(1, 32, 33), "here");
        assert_eq!((problem.line, problem.column, problem.width), (4, 41, 1));
        assert_eq!(problem.text.chars().nth(40), Some('a'), "the column after the parameter");
        let parameter = source().place(&span(1, 27, 28), "here");
        assert_eq!((parameter.line, parameter.column, parameter.width), (4, 27, "$wait_days".len()));
        let name = source().place(&span(2, 8, 13), "here");
        assert_eq!((name.line, name.column, name.width), (5, 8, 5));
    }

    #[test]
    fn words_relations_and_outputs_are_found() {
        let place = |place| {
            let problem = source().place(&place, "here");
            (problem.line, problem.column, problem.width)
        };
        assert_eq!(place(Place::Relation(vec!["p".into()])), (6, 6, 7));
        assert_eq!(place(Place::Output(Some("a".into()))), (4, 41, 1));
        assert_eq!(place(Place::Output(Some("missing".into()))), (4, 1, 6));
        assert_eq!(place(Place::words(&["p", ".", "nme"])), (5, 8, 5));
    }

    #[test]
    fn the_caret_stands_under_the_name() {
        let text = source().place(&span(2, 8, 13), "no column nme").hint("did you mean name?").render("queries");
        let wanted =
            "queries/x.sql:5:8: no column nme\n  5 |        p.nme\n    |        ^^^^^\n    = did you mean name?\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn the_nearest_names_come_first() {
        let names = ["payments", "permits", "payments_history", "days"];
        assert_eq!(nearest("paymnts", names), ["payments"]);
        assert_eq!(nearest("payment", names), ["payments", "payments_history"]);
        assert!(nearest("zebra", names).is_empty());
    }
}

//! Problems in the form that an analyst sees: file, line and column, the line itself with a caret, a hint.
//!
//! A rule is planned without its header, with values in place of `$name` and with each `step.*` expanded; `Source` maps places in
//! the planned text back to the file. `locate` makes problems from errors.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use datafusion::common::Span;
use datafusion::sql::sqlparser::ast::Query;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use serde::Serialize;

use crate::catalogue::file::split_header;
use crate::catalogue::params::{self, Replaced};
use crate::catalogue::parse::parse;
use crate::catalogue::refused::Highlight;
use crate::catalogue::rewritten::{Rewritten, byte_at};
use crate::catalogue::stars;

/// Something wrong in a file of the rules directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Path within the rules directory, such as `views/salaries.sql`.
    pub file: String,
    /// From 1; 0 if the problem concerns the whole file.
    pub line: usize,
    /// From 1, in characters; 0 if the problem concerns the whole file.
    pub column: usize,
    /// Number of characters that the caret underlines.
    pub width: usize,
    pub message: String,
    pub hints: Vec<String>,
    /// The line in the file.
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

    /// Whether the caret points at a `step.*`.
    pub fn is_under_star(&self) -> bool {
        let under: String = self.text.chars().skip(self.column.saturating_sub(1)).take(self.width).collect();
        under.contains(".*")
    }

    /// Whether another problem is at the same place.
    pub fn is_where(&self, other: &Problem) -> bool {
        (&self.file, self.line, self.column) == (&other.file, other.line, other.column)
    }

    /// The problem as text; `dir` is put before the file's name.
    pub fn render(&self, dir: &str) -> String {
        let mut out = format!("{dir}/{}", self.file).trim_end_matches('/').to_owned();
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

/// The part of a long line around the column, and the column within it.
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

/// A file's text, and the mapping from the planned SQL to it.
#[derive(Clone, Debug)]
pub struct Source {
    pub file: String,
    text: String,
    /// Where the header's text begins, after the comment sign.
    head_at: usize,
    /// Where the SQL begins.
    sql_at: usize,
    replaced: Replaced,
    /// The planned SQL, with each `step.*` expanded.
    planned: Rewritten,
    tokens: Vec<TokenWithSpan>,
}

impl Source {
    /// The source of a rule or view that is planned with these parameter values.
    pub fn sql(file: &str, text: &str, values: &BTreeMap<String, i64>) -> Source {
        let (head, sql) = split_header(text).unwrap_or(("", text));
        // `part` is a slice of `text`.
        let at = |part: &str| (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
        let replaced = params::replace(sql, values);
        let planned = stars::write_out(&replaced.sql.text);
        let mut tokens = Tokenizer::new(&GenericDialect {}, &planned.text).tokenize_with_location().unwrap_or_default();
        tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
        Source {
            file: file.to_owned(),
            head_at: if head.is_empty() { 0 } else { at(head) },
            sql_at: at(sql),
            text: text.to_owned(),
            replaced,
            planned,
            tokens,
        }
    }

    /// The source of a file that is not SQL.
    pub fn plain(file: &str, text: &str) -> Source {
        Source {
            file: file.to_owned(),
            text: text.to_owned(),
            head_at: 0,
            sql_at: 0,
            replaced: Replaced::default(),
            planned: Rewritten::default(),
            tokens: Vec::new(),
        }
    }

    /// A problem at a byte range of the file.
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

    /// A problem at a byte range of the header's text.
    pub fn in_header(&self, from: usize, to: usize, message: impl Into<String>) -> Problem {
        self.at(self.head_at + from, self.head_at + to, message)
    }

    /// A problem at the first occurrence of `words` in the header; at its top if there is none.
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

    /// A problem at a byte range of the SQL as written.
    pub fn in_sql(&self, from: usize, to: usize, message: impl Into<String>) -> Problem {
        self.at(self.sql_at + from, self.sql_at + to, message)
    }

    /// A problem at a place in the planned SQL.
    pub fn place(&self, place: &Highlight, message: impl Into<String>) -> Problem {
        let span = match place {
            Highlight::Span(span) => Some(*span),
            Highlight::Words(words) => self.find_words(words),
            Highlight::Absence => {
                ["exists", "in"].iter().find_map(|word| self.find_words(&["not".into(), (*word).into()]))
            }
            Highlight::End => self.tokens.len().checked_sub(1).and_then(|last| self.between(last, last)),
            Highlight::Relation(names) => self.find_relation(names),
            Highlight::Output(column) => self.find_output(column.as_deref()),
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
        let from = byte_at(&self.planned.text, span.start.line, span.start.column);
        let to = byte_at(&self.planned.text, span.end.line, span.end.column).max(from);
        let (start, whole) = self.written(from);
        // Map the last byte, not the one after it, which may be in the next piece.
        let end = match self.written(to.saturating_sub(1).max(from)) {
            (at, 0) => at + usize::from(to > from),
            (at, bytes) => at + bytes,
        };
        self.in_sql(start, end.max(start + whole), message)
    }

    /// Where a byte of the planned SQL comes from in the SQL as written, and how many bytes were replaced there as one.
    fn written(&self, at: usize) -> (usize, usize) {
        match self.planned.written(at) {
            (at, 0) => self.replaced.sql.written(at),
            (at, bytes) => (self.replaced.sql.written(at).0, bytes),
        }
    }

    /// Whether a token comes from an expanded star.
    fn is_of_star(&self, at: usize) -> bool {
        let start = self.tokens.get(at).map(|token| token.span.start);
        start.is_some_and(|start| self.planned.written(byte_at(&self.planned.text, start.line, start.column)).1 > 0)
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
        let starts = || (0..self.tokens.len()).filter(|&at| (0..=last).all(|n| self.lower(at + n) == words[n]));
        // Prefer what the author wrote to what a star stands for.
        let at = starts().find(|&at| !self.is_of_star(at)).or_else(|| starts().next())?;
        self.between(at, at + last)
    }

    /// Finds `JOIN name [AS] alias` for one of the names, preferably by the alias.
    fn find_relation(&self, names: &[String]) -> Option<Span> {
        let named = |at: usize| names.contains(&self.lower(at)) && self.lower(at + 1) != ".";
        let follows = |at: usize| ["join", "from", ","].contains(&self.lower(at.wrapping_sub(1)).as_str());
        let alias = |at: usize| if self.lower(at + 1) == "as" { at + 2 } else { at + 1 };
        let by_alias = (1..self.tokens.len()).find(|&at| follows(at) && named(alias(at)));
        let by_name = || (1..self.tokens.len()).find(|&at| follows(at) && named(at));
        let at = by_alias.or_else(by_name)?;
        self.between(at, at)
    }

    /// Finds the last output named `column` at the outermost level, or the SELECT there.
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

    /// A problem at a `$name` in the SQL that is not a parameter.
    pub fn at_unknown_param(&self, name: &str, message: impl Into<String>) -> Problem {
        let place = self.replaced.unknown.iter().find(|(unknown, _)| unknown == name).map_or(0, |(_, at)| *at);
        self.in_sql(place, place + 1 + name.len(), message)
    }

    /// The planned SQL, parsed.
    pub fn parse(&self) -> Option<Query> {
        parse(&self.planned.text)
    }

    /// Whether the SQL contains these words in a row.
    pub fn says(&self, words: &[String]) -> bool {
        self.find_words(words).is_some()
    }

    /// Names of the text's own steps.
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

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "/*\nid = \"x\"\n*/\nSELECT p.person_id, åäö + $wait_days AS a,\n       p.nme\nFROM permits p\n";

    fn source() -> Source {
        Source::sql("x.sql", RULE, &BTreeMap::from([("wait_days".to_owned(), 7)]))
    }

    fn span(line: u64, from: u64, to: u64) -> Highlight {
        use datafusion::common::Location;
        Highlight::Span(Span { start: Location { line, column: from }, end: Location { line, column: to } })
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
        assert_eq!(place(Highlight::Relation(vec!["p".into()])), (6, 6, 7));
        assert_eq!(place(Highlight::Output(Some("a".into()))), (4, 41, 1));
        assert_eq!(place(Highlight::Output(Some("missing".into()))), (4, 1, 6));
        assert_eq!(place(Highlight::words(&["p", ".", "nme"])), (5, 8, 5));
    }

    #[test]
    fn what_a_star_stands_for_leads_back_to_the_star() {
        let text = "/*\nid = \"x\"\n*/\nWITH a AS (SELECT p.x, $n AS bb, p.nme FROM permits p),\nb AS (\n    SELECT a.* EXCLUDE (x), $n AS c, cc.own\n    FROM a\n) SELECT b.bb FROM b\n";
        let source = Source::sql("x.sql", text, &BTreeMap::from([("n".to_owned(), 1_000_000)]));
        let planned = "    SELECT a.bb, a.nme, 1000000 AS c, cc.own";
        assert_eq!(source.planned.text.lines().nth(2), Some(planned));
        let under = |words: &str| {
            let from = planned.find(words).unwrap() as u64 + 1;
            let problem = source.place(&span(3, from, from + words.len() as u64), "here");
            assert_eq!(problem.line, 6);
            let under: String = problem.text.chars().skip(problem.column - 1).take(problem.width).collect();
            (under, problem.is_under_star())
        };
        let star = ("a.* EXCLUDE (x)".to_owned(), true);
        assert_eq!([under("a.bb"), under("nme"), under("a.bb, a.nme")], [star.clone(), star.clone(), star]);
        let own = |words: &str| (words.to_owned(), false);
        assert_eq!([under("1000000"), under("c, cc"), under("cc.own")], [own("$n"), own("c, cc"), own("cc.own")]);
        // What the author wrote is found before what a star stands for.
        let problem = source.place(&Highlight::words(&[".", "nme"]), "here");
        assert_eq!((problem.line, problem.column), (4, 35));
        let problem = source.place(&Highlight::words(&["a", ".", "nme"]), "here");
        assert_eq!((problem.line, problem.is_under_star()), (6, true));
        let problem = source.place(&Highlight::Relation(vec!["a".to_owned()]), "here");
        assert_eq!((problem.line, problem.column), (7, 10));
    }

    #[test]
    fn the_caret_stands_under_the_name() {
        let text = source().place(&span(2, 8, 13), "no column nme").hint("did you mean name?").render("queries");
        let wanted =
            "queries/x.sql:5:8: no column nme\n  5 |        p.nme\n    |        ^^^^^\n    = did you mean name?\n";
        assert_eq!(text, wanted);
    }
}

//! Limits on a text's tokens, which are read in a loop: whatever parses, walks or frees a text calls itself for each level of an
//! expression or query, and a stack that overflows ends the process. `parse` reads no text that exceeds them, `limits` refuses it.

use datafusion::common::Span;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

use crate::catalogue::refused::Highlight;

/// Words and signs.
const MOST_TOKENS: usize = 16_000;
/// How deep an expression may be: the words and signs between two commas or keywords, for each of them may be an operator over all
/// before it, and as many again for what stands in parentheses within it.
const DEEPEST_EXPRESSION: usize = 400;
/// Parentheses, brackets and CASEs within one another; the parser itself gives up at about twice as many.
const DEEPEST: usize = 24;
const MOST_SELECTS: usize = 120;
/// Bytes of a quoted text.
const LONGEST_LITERAL: usize = 1_000;
/// A type with columns of its own may double with each use.
const MOST_STRUCTS: usize = 8;

/// A limit that a text exceeds.
pub struct Excess {
    pub message: String,
    pub hint: &'static str,
    pub place: Highlight,
}

/// Whether a text may be parsed.
pub fn is_within(sql: &str) -> bool {
    excess(sql).is_none()
}

pub fn excess(sql: &str) -> Option<Excess> {
    // A text that is not made of tokens is refused by the parser, at its first sign.
    let mut tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    let beyond = |token: &TokenWithSpan, message: String, hint| {
        let place = Span::try_from_sqlparser_span(token.span).map_or(Highlight::End, Highlight::Span);
        Some(Excess { message, hint, place })
    };
    if let Some(token) = tokens.get(MOST_TOKENS) {
        let message = format!("the text has {} words and signs, more than {MOST_TOKENS}", tokens.len());
        return beyond(token, message, "a rule of this size cannot be read: make views of its parts");
    }
    let mut open = vec![Level::default()];
    let (mut selects, mut structs) = (0, 0);
    let mut before: Option<&Token> = None;
    for token in &tokens {
        let keyword = keyword(&token.token, before);
        selects += usize::from(keyword == "select");
        structs += usize::from(keyword == "named_struct");
        let is_case = keyword == "case";
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => open.push(Level::default()),
            Token::RParen | Token::RBracket | Token::RBrace => close(&mut open),
            Token::Comma | Token::SemiColon => open.iter_mut().last().into_iter().for_each(Level::part),
            Token::SingleQuotedString(text) if text.len() > LONGEST_LITERAL => {
                let message = format!("a quoted text has {} bytes, more than {LONGEST_LITERAL}", text.len());
                return beyond(token, message, "");
            }
            _ if is_case => open.push(Level::default()),
            _ if keyword == "end" => close(&mut open),
            _ if CLAUSES.contains(&keyword.as_str()) => open.iter_mut().last().into_iter().for_each(Level::part),
            _ => open.iter_mut().last().into_iter().for_each(|level| level.length += 1),
        }
        if open.len() > DEEPEST + 1 {
            let message = format!("more than {DEEPEST} parentheses or CASEs stand within one another");
            return beyond(token, message, "name what is inside in a step (WITH)");
        }
        if open.last().is_some_and(|level| level.depth() > DEEPEST_EXPRESSION) {
            let message = format!("an expression has more than {DEEPEST_EXPRESSION} words and signs");
            return beyond(token, message, "name its parts in a step (WITH)");
        }
        if selects > MOST_SELECTS {
            return beyond(token, format!("the text has more than {MOST_SELECTS} SELECTs"), "make views of its parts");
        }
        if structs > MOST_STRUCTS {
            let message = format!("the text calls named_struct more than {MOST_STRUCTS} times");
            return beyond(token, message, "name the values as columns");
        }
        before = Some(&token.token);
    }
    None
}

/// An open parenthesis, or the text itself.
#[derive(Default)]
struct Level {
    /// Words and signs of the expression that is being read.
    length: usize,
    /// The depth of the deepest parenthesis in it.
    within: usize,
    /// The depth of the deepest expression before it.
    before: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.length + self.within
    }

    /// Another expression begins.
    fn part(&mut self) {
        *self = Level { before: self.before.max(self.depth()), ..Level::default() };
    }
}

/// Closes a parenthesis; one that was never opened is the parser's to refuse.
fn close(open: &mut Vec<Level>) {
    if open.len() < 2 {
        return;
    }
    let closed = open.pop().unwrap_or_default();
    if let Some(level) = open.last_mut() {
        level.length += 1;
        level.within = level.within.max(closed.depth().max(closed.before));
    }
}

/// Keywords after which another expression begins.
const CLAUSES: [&str; 16] = [
    "select",
    "from",
    "where",
    "group",
    "having",
    "order",
    "window",
    "join",
    "on",
    "using",
    "union",
    "except",
    "intersect",
    "with",
    "limit",
    "partition",
];

/// A word in lower case, unless it is a name: quoted, or behind a point; FROM of IS DISTINCT FROM is none.
fn keyword(token: &Token, before: Option<&Token>) -> String {
    let Token::Word(Word { value, quote_style: None, .. }) = token else { return String::new() };
    let word = value.to_lowercase();
    let follows_distinct =
        matches!(before, Some(Token::Word(Word { value, .. })) if value.eq_ignore_ascii_case("distinct"));
    if before == Some(&Token::Period) || (word == "from" && follows_distinct) { String::new() } else { word }
}

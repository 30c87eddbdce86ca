//! The content of an explanation, in order, for any reader and any form: `officer` and `party` write pages, `text` and `html`
//! display them. Values come from records and may hold anything, so only those two put them into a form.

use crate::words::values::instant;
use crate::words::{Language, say};

#[derive(Debug)]
pub struct Page {
    pub language: Language,
    pub title: String,
    /// Which alert, permit and person.
    pub about: Vec<Pair>,
    pub intro: Vec<String>,
    pub sections: Vec<Section>,
    pub closing: String,
}

#[derive(Debug)]
pub struct Section {
    pub heading: String,
    pub blocks: Vec<Block>,
}

#[derive(Debug)]
pub enum Block {
    Text(String),
    Pairs(Vec<Pair>),
    List(Vec<String>),
    /// Numbered, in order.
    Steps(Vec<String>),
    Item(Item),
    /// Labels of fields that a person fills in by hand.
    Blanks(Vec<String>),
}

/// A record, or a row of a rule: its name, remarks about it, and its values.
#[derive(Debug)]
pub struct Item {
    pub head: String,
    pub notes: Vec<String>,
    pub pairs: Vec<Pair>,
}

#[derive(Debug)]
pub struct Pair {
    pub name: String,
    pub value: String,
    /// A note on the value.
    pub note: Option<String>,
}

impl Page {
    pub fn say<'a>(&self, sv: &'a str, en: &'a str) -> &'a str {
        say(self.language, sv, en)
    }

    pub fn section(&mut self, heading: impl Into<String>, blocks: Vec<Block>) {
        if !blocks.is_empty() {
            self.sections.push(Section { heading: heading.into(), blocks });
        }
    }
}

impl Pair {
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Pair {
        Pair { name: name.into(), value: value.into(), note: None }
    }
}

/// A time as a reader is told it, with its zone; a day without its midnight.
pub fn time(text: &str) -> String {
    instant(text).unwrap_or_else(|| text.to_owned())
}

/// The day of an instant.
pub fn day(text: &str) -> &str {
    text.get(..10).unwrap_or(text)
}

/// Replaces characters that would control a terminal or change the reading order by visible ones, and line breaks by spaces.
pub fn clean(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

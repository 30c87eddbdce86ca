//! What a person at a terminal reads: alerts, one line each in plain words, and all other output of commands.
//!
//! A closed pipe ends nothing: the reader has seen enough, but what the command writes elsewhere is still to come. `println!` and
//! `eprintln!` would panic there, so nothing else in this crate prints.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write};

use crate::model::alert::{Alert, Severity, Status};
use crate::words::states::{reason, severity, status};
use crate::words::{Language, of};

/// Whether to colour output to `to` (`stdout()`, `stderr()`): only on a terminal, and only without NO_COLOR.
pub fn coloured(to: &impl IsTerminal) -> bool {
    // By no-color.org an empty value counts as unset.
    to.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `2026-07-07 raised  medium  R01 Work not started … | what was found`
pub fn line(alert: &Alert, language: Language, colour: bool) -> String {
    let (title, finding) = (of(language, &alert.title), of(language, &alert.finding));
    let status = status(language, alert.status.name());
    let what = match &alert.reason {
        Some(why) => format!("{status} ({})", reason(language, why)),
        None => status.to_owned(),
    };
    let day = alert.as_of.get(..10).unwrap_or(&alert.as_of);
    let tail =
        if finding.is_empty() || !alert.status.stands() { String::new() } else { format!("\n             {finding}") };
    let width = if language == Language::Sv { 14 } else { 7 };
    // What an alert without a class is about is not a permit.
    let class = alert.permit_class.as_deref().map(|class| format!("{class} ")).unwrap_or_default();
    format!(
        "{day}  {}{:<width$}{} {what:<24} {title}, {class}{}{tail}",
        paint(alert, colour),
        severity(language, alert.severity.name()),
        if colour { "\u{1b}[0m" } else { "" },
        alert.subject,
    )
}

fn paint(alert: &Alert, colour: bool) -> &'static str {
    match (colour, alert.status, alert.severity) {
        (false, ..) => "",
        (true, Status::Cleared | Status::Retracted, _) => "\u{1b}[90m",
        (true, _, Severity::Strong) => "\u{1b}[31m",
        (true, _, Severity::Medium) => "\u{1b}[33m",
        (true, ..) => "\u{1b}[36m",
    }
}

/// Prints lines to stdout.
pub fn print(text: &str) {
    say_line(format_args!("{}", text.trim_end()));
}

/// Prints a line to stdout; for `say!`.
pub fn say_line(line: Arguments<'_>) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Prints a line to stderr; for `note!`.
pub fn note_line(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Overwrites the current line of stderr, which must be a terminal; an empty text clears it.
pub fn progress(line: &str) {
    let _ = write!(std::io::stderr().lock(), "\r\u{1b}[K{line}");
}

/// As `println!`, but a closed pipe is no error.
macro_rules! say {
    ($($words:tt)*) => { $crate::terminal::say_line(format_args!($($words)*)) };
}

/// As `eprintln!`, but a closed pipe is no error.
macro_rules! note {
    ($($words:tt)*) => { $crate::terminal::note_line(format_args!($($words)*)) };
}

pub(crate) use {note, say};

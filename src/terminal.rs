//! What a person at a terminal reads and is asked: alerts, one line each in plain words, and all other output of commands.
//!
//! A closed pipe ends nothing: the reader has seen enough, but what the command writes elsewhere is still to come. Any other failure
//! to print is remembered and fails the command at its end (`finish`): what stands in a file behind `>` is not all. `println!` and
//! `eprintln!` would panic at either, so nothing else in this crate prints.

use std::fmt::Arguments;
use std::io::{self, BufRead as _, ErrorKind, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use crate::model::alert::{Alert, Severity, Status};
use crate::words::states::{reason, severity, status};
use crate::words::{Language, labels, of};

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
    let tail = if finding.is_empty() || !alert.status.stands() { String::new() } else { wrapped(finding) };
    let width = if language == Language::Sv { 14 } else { 10 };
    // What an alert without a class is about is not a permit.
    let class = alert.permit_class.as_deref().map(labels::permit_class);
    let class = class.map(|class| format!(" ({})", of(language, &class))).unwrap_or_default();
    format!(
        "{day}  {}{:<width$}{} {what:<24} {title}, {}{class}{tail}",
        paint(alert, colour),
        severity(language, alert.severity.name()),
        if colour { "\u{1b}[0m" } else { "" },
        alert.subject,
    )
}

/// Lines of a width that every terminal has room for, set in under the day.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 100;
    const INDENT: &str = "             ";
    let mut out = String::new();
    let mut width = WIDTH;
    for word in text.split_whitespace() {
        let letters = word.chars().count();
        if width + 1 + letters > WIDTH {
            out.push('\n');
            out.push_str(INDENT);
            width = INDENT.len() + letters;
        } else {
            out.push(' ');
            width += 1 + letters;
        }
        out.push_str(word);
    }
    out
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
    note_failure(writeln!(io::stdout().lock(), "{line}"));
}

/// The first failure to print to stdout.
static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);

fn note_failure(printed: io::Result<()>) {
    if let Err(error) = printed.or_else(unless_closed) {
        FAILURE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// Passes over a closed pipe.
pub fn unless_closed(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

/// Whether all that was printed to stdout has been written there, unless its reader has closed it.
pub fn finish() -> io::Result<()> {
    note_failure(io::stdout().lock().flush());
    FAILURE.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
}

/// Prints a line to stderr; for `note!`.
pub fn note_line(line: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether a person is there to answer a question.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// Asks on stderr, and reads a line from stdin; `None` at the end of input.
pub fn ask(question: &str) -> Option<String> {
    let _ = write!(io::stderr().lock(), "{question} ");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer).unwrap_or(0);
    (read > 0).then(|| answer.trim().to_owned())
}

/// Overwrites the current line of stderr, which must be a terminal; an empty text clears it.
pub fn progress(line: &str) {
    let _ = write!(io::stderr().lock(), "\r\u{1b}[K{line}");
}

/// As `println!`, but a failure is told by `finish`.
macro_rules! say {
    ($($words:tt)*) => { $crate::terminal::say_line(format_args!($($words)*)) };
}

/// As `eprintln!`, but a closed pipe is no error.
macro_rules! note {
    ($($words:tt)*) => { $crate::terminal::note_line(format_args!($($words)*)) };
}

pub(crate) use {note, say};

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn long_findings_are_set_in_lines() {
        let lines = wrapped(&"en uppgift ".repeat(30));
        let lines: Vec<&str> = lines.lines().skip(1).collect();
        assert!(
            lines.len() > 2
                && lines.iter().all(|line| line.starts_with("             en") && line.chars().count() <= 100)
        );
        assert_eq!(wrapped("kort"), "\n             kort");
    }
}

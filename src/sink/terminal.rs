//! Alerts for a person at a terminal: one line each, in plain words.

use std::io::{IsTerminal, Write};

use crate::alert::{Alert, Severity, Status};

/// Language of what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Sv,
    En,
}

/// Whether to colour: only a terminal, and only if the user has not said NO_COLOR.
pub fn coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// `2026-07-07 raised  medium  R01 Work not started … | what was found`
pub fn line(alert: &Alert, language: Language, colour: bool) -> String {
    let title = match language {
        Language::Sv => &alert.title.sv,
        Language::En => &alert.title.en,
    };
    let finding = match language {
        Language::Sv => &alert.finding.sv,
        Language::En => &alert.finding.en,
    };
    let what = match (&alert.reason, finding.is_empty()) {
        (Some(reason), _) => format!("{} ({reason})", alert.status.name()),
        (None, _) => alert.status.name().to_owned(),
    };
    let day = alert.as_of.get(..10).unwrap_or(&alert.as_of);
    let tail =
        if finding.is_empty() || !alert.status.stands() { String::new() } else { format!("\n             {finding}") };
    format!(
        "{day}  {}{:<7}{} {what:<24} {title}, {} {}{tail}",
        paint(alert, colour),
        alert.severity.name(),
        if colour { "\u{1b}[0m" } else { "" },
        alert.permit_class.as_deref().unwrap_or("permit"),
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

/// Prints to stdout; a closed pipe is no error.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
}

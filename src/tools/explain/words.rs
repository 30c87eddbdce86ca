//! The words of an explanation alone, in Swedish and English. Neutral: something was found, and someone should look into it.

use crate::model::alert::{Alert, Status};
use crate::tools::explain::Verdict;
use crate::tools::explain::page::time;
use crate::words::states::reason;
use crate::words::{Language, say};

pub fn verdict(language: Language, verdict: Verdict) -> &'static str {
    let (sv, en) = match verdict {
        Verdict::Stands => ("kvarstår", "stands"),
        Verdict::Outranked => {
            ("gäller, men en annan rad med samma nyckel går före", "holds, but another row of its key is in force")
        }
        Verdict::Ahead => ("tidsfristen har inte löpt ut", "its time limit lies ahead"),
        Verdict::Awaits => (
            "tidsfristen har löpt ut, men ett flöde har inte rapporterat så långt",
            "its time limit has passed, but a feed has not spoken so far",
        ),
        Verdict::Cleared => ("avslutad genom en senare uppgift", "ended by a later fact"),
        Verdict::Cancelled => ("hålls tillbaka", "held back"),
    };
    say(language, sv, en)
}

/// What stands before the finding of an alert that has ended: it tells what was the case then. `None` for one that stands.
pub fn ended(language: Language, alert: &Alert) -> Option<String> {
    let what = match alert.status {
        Status::Raised | Status::Updated => return None,
        Status::Cleared => say(language, "Det här är avslutat sedan", "This ended on"),
        Status::Retracted => say(language, "Det här stämmer inte längre, sedan", "This has not been true since"),
    };
    let why = alert.reason.as_deref().map(|why| format!(" ({})", reason(language, why))).unwrap_or_default();
    let read = say(language, "Så här löd det:", "It read:");
    Some(format!("{what} {}{why}. {read}", time(&alert.as_of)))
}

pub fn not_found(language: Language) -> &'static str {
    say(language, "hittades inte", "not found")
}

pub fn closing(language: Language) -> &'static str {
    say(
        language,
        "Detta är en omständighet att utreda. En handläggare bedömer; systemet beslutar ingenting.",
        "This is a circumstance to look into. A case officer judges; the system decides nothing.",
    )
}

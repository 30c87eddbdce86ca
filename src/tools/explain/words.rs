//! The words of an explanation alone, in Swedish and English. Neutral: something was found, and someone should look into it.

use crate::tools::explain::Verdict;
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

pub fn closing(language: Language) -> &'static str {
    say(
        language,
        "Detta är en omständighet att utreda. En handläggare bedömer; systemet beslutar ingenting.",
        "This is a circumstance to look into. A case officer judges; the system decides nothing.",
    )
}

//! The words for an alert's states: what a transition does, severities, reasons, and by what right data are used; and for why a message
//! was set aside.

use crate::model::alert::Severity;
use crate::model::record::Reason;
use crate::words::{Language, say};

pub fn status(language: Language, name: &'static str) -> &'static str {
    match (language, name) {
        (Language::Sv, "raised") => "väckt",
        (Language::Sv, "updated") => "ändrad",
        (Language::Sv, "cleared") => "avslutad",
        (Language::Sv, "retracted") => "återtagen",
        (_, name) => name,
    }
}

pub fn severity(language: Language, name: &'static str) -> &'static str {
    match (language, name) {
        (Language::Sv, "info") => "endast noterad",
        (Language::En, "info") => "noted only",
        (Language::Sv, "weak") => "svag",
        (Language::Sv, "medium") => "medel",
        (Language::Sv, "strong") => "stark",
        (_, name) => name,
    }
}

/// The words for a severity by any name.
pub fn severity_of(language: Language, name: &str) -> String {
    Severity::from_name(name).map_or(name, |known| severity(language, known.name())).to_owned()
}

/// By what right the data may be used.
pub fn gate(language: Language, name: &str) -> String {
    let (sv, en) = match name {
        "open" => ("öppen", "open"),
        "request" => ("på begäran i ett enskilt ärende", "on request in a single case"),
        "verify" => ("lagen har ändrats, bekräfta först", "the law has changed, confirm first"),
        "closed" => ("stängd, bara påhittade uppgifter", "closed, made-up data only"),
        other => return other.to_owned(),
    };
    say(language, sv, en).to_owned()
}

/// Why an alert ended or is held back. A rule's own reason is shown as it is.
pub fn reason(language: Language, name: &str) -> String {
    let (sv, en) = match name {
        "fulfilled" => ("det gäller inte längre", "it no longer holds"),
        "usual_again" => ("lönen är åter som vanligt", "the salary is as usual again"),
        "corrected" => ("en uppgift har rättats", "a record was corrected"),
        "superseded" => ("senare uppgifter ger en annan bild", "later records give another picture"),
        "rule_withdrawn" => ("regeln används inte längre", "the rule is no longer in use"),
        "rule_promoted" => ("regeln prövas inte längre utan används", "the rule is no longer on trial but in use"),
        "recomputed" => ("omräknad", "computed anew"),
        "left_population" => (
            "tillstånden upphörde för så länge sedan att inget längre sparas",
            "the permits ended so long ago that nothing is kept any more",
        ),
        "naturalised" => ("har blivit svensk medborgare", "has become a Swedish citizen"),
        "deceased" => ("har avlidit", "has died"),
        "permit_ended" => ("tillståndet har upphört", "the permit has ended"),
        "protected" => ("uppgifterna är skyddade", "the person is protected"),
        "minor" => ("är under 18 år", "is under 18"),
        "late_record" => ("en uppgift kom för sent för att räknas", "a record came too late to be counted"),
        "status_ended" => ("statusen har upphört", "the status has ended"),
        "changed_back" => ("uppgiften har ändrats tillbaka", "the entry was changed back"),
        "new_permit" => {
            ("beslutet om ett nytt tillstånd kunde beakta uppgiften", "the decision on a new permit could weigh it")
        }
        "application_pending" => ("en ansökan är under prövning", "an application is pending"),
        other => return other.to_owned(),
    };
    say(language, sv, en).to_owned()
}

/// Why a message was set aside; fits behind its feed and before the detail.
pub fn set_aside(language: Language, reason: Reason) -> &'static str {
    let (sv, en) = match reason {
        Reason::Malformed => ("inte ett enkelt JSON-objekt", "not one flat JSON object"),
        Reason::WrongType => ("ett värde av fel slag", "a value of the wrong kind"),
        Reason::Empty => ("nyckel eller innehåll saknas", "key or value is missing"),
        Reason::Oversized => ("större än tillåtet", "larger than allowed"),
        Reason::UnknownOp => ("okänd åtgärd", "unknown operation"),
        Reason::UnknownTable => ("okänd tabell", "unknown table"),
        Reason::UnknownSchema => ("okänd schemaversion", "unknown schema version"),
        Reason::ImpossibleDate => ("en dag som inte kan finnas", "a day that cannot be"),
        Reason::BadNumber => ("ett omöjligt identitetsnummer", "an impossible identity number"),
        Reason::Future => ("händelsen ligger i framtiden", "what it tells lies in the future"),
        Reason::Unsigned => ("saknar permitwatchs underskrift", "without permitwatch's signature"),
        Reason::FutureKnownTime => ("tidsstämpeln ligger i framtiden", "its timestamp lies in the future"),
        Reason::TooLate => ("äldre än det som sparas", "older than what is kept"),
        Reason::Misrouted => ("i en annan nyckels partition", "in another key's partition"),
        Reason::RuleError => ("en regel kunde inte köras", "a rule failed"),
    };
    say(language, sv, en)
}

/// The words for a reason for setting a message aside, by any name.
pub fn set_aside_of(language: Language, name: &str) -> &str {
    Reason::from_name(name).map_or(name, |known| set_aside(language, known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn every_reason_for_setting_a_message_aside_has_words_of_its_own() {
        for language in [Language::Sv, Language::En] {
            let words: std::collections::BTreeSet<&str> =
                Reason::ALL.into_iter().map(|reason| set_aside(language, reason)).collect();
            assert_eq!(words.len(), Reason::ALL.len());
            assert!(words.iter().all(|words| !words.contains('_') && words.chars().count() <= 32), "{words:?}");
        }
    }

    #[test]
    fn every_reason_of_a_rule_has_words() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let catalogue = Catalogue::load(&dir, &std::collections::BTreeMap::new()).unwrap();
        let mut given = std::collections::BTreeSet::new();
        for rule in &catalogue.rules {
            for before in rule.sql.split(" AS cleared_reason").collect::<Vec<_>>().split_last().unwrap().1 {
                let expression = before.rsplit(" AS ").next().unwrap_or_default();
                let literals = expression.split('\'').skip(1).step_by(2);
                let is_name = |text: &&str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                given.extend(literals.filter(is_name).map(str::to_owned));
            }
        }
        assert!(given.len() > 3, "{given:?}");
        for name in &given {
            for language in [Language::Sv, Language::En] {
                assert_ne!(reason(language, name), *name, "no words in {language:?}");
            }
        }
    }
}

//! Holds what `queries/` says beside its queries against the law: headers, `gateways.toml`, and the texts that silence alerts or show
//! one person's facts to another, of which the program has its own copies.

use crate::catalogue::Catalogue;
use crate::catalogue::file::{RuleFile, split_header};
use crate::catalogue::gateways::Gate;
use crate::catalogue::parse::parse;
use crate::catalogue::refused::{Highlight, Refused};
use crate::catalogue::stars;
use crate::decode::codes::PERMIT_CLASSES;
use crate::model::purpose::Purpose;
use crate::model::schema::TableId;
use crate::proofs::lawful::exceptions::{Excepted, unknown};
use crate::proofs::lawful::law::{GATEWAYS, NEVER_EVALUATED, Safeguard, may_survive};
use crate::proofs::lawful::ways::kinds_of;

/// Views and links whose text is the program's: folder, name, file.
const FIXED: [(&str, &str, &str); 10] = [
    ("view", "cancellers", include_str!("../../../queries/views/cancellers.sql")),
    ("view", "corroborations", include_str!("../../../queries/views/corroborations.sql")),
    ("view", "indications", include_str!("../../../queries/views/indications.sql")),
    ("link", "anchor_applications", include_str!("../../../queries/links/anchor_applications.sql")),
    ("link", "anchor_permits", include_str!("../../../queries/links/anchor_permits.sql")),
    ("link", "anchor_population", include_str!("../../../queries/links/anchor_population.sql")),
    ("link", "employer_indications", include_str!("../../../queries/links/employer_indications.sql")),
    ("link", "employer_permits", include_str!("../../../queries/links/employer_permits.sql")),
    ("link", "identifier_holders", include_str!("../../../queries/links/identifier_holders.sql")),
    ("link", "shared_identifiers", include_str!("../../../queries/links/shared_identifiers.sql")),
];

/// Whether a view's text is the program's own.
pub fn is_fixed_view(name: &str) -> bool {
    FIXED.iter().any(|(what, fixed, _)| *what == "view" && *fixed == name)
}

/// Reports headers, gateways and fixed texts that would weaken a safeguard.
pub fn check(catalogue: &Catalogue) -> Vec<Refused> {
    let excepted = Excepted::of(catalogue);
    let mut refused: Vec<Refused> = catalogue.rules.iter().flat_map(|rule| of_header(rule, &excepted)).collect();
    refused.extend(of_gateways(catalogue, &excepted));
    refused.extend(unknown(catalogue));
    for (what, name, file) in FIXED {
        let own = match what {
            "view" => catalogue.views.iter().find(|view| view.name == name).map(|view| &view.sql),
            _ => catalogue.links.iter().find(|link| link.table.name() == name).map(|link| &link.sql),
        };
        let is_changed = own.is_some_and(|own| !is_same(own, file));
        if is_changed && let Err(void) = excepted.holds(name, Safeguard::FixedText) {
            let message = format!("the {what} {name} is not the one that the program was made with{void}");
            refused.push(told(Safeguard::FixedText, what, name, &message, Err("*/".to_owned()), None));
        }
    }
    refused
}

fn told(
    safeguard: Safeguard,
    what: &'static str,
    name: &str,
    message: &str,
    place: Result<Highlight, String>,
    hint: Option<&str>,
) -> Refused {
    let message = format!("{message} [safeguard {}: {}]", safeguard.name(), safeguard.law());
    let hint = hint.unwrap_or(safeguard.hint()).to_owned();
    Refused { what, name: name.to_owned(), message, hint, place }
}

/// Whether two texts say the same; comments and the form of lines do not matter.
fn is_same(own: &str, file: &str) -> bool {
    let file = file.replace("\r\n", "\n");
    let Some((_, sql)) = split_header(&file) else { return false };
    let fixed = stars::write_out(sql).text;
    let plain = |sql: &str| parse(sql).map(|query| query.to_string());
    own == fixed || (plain(own).is_some() && plain(own) == plain(&fixed))
}

fn of_header(rule: &RuleFile, excepted: &Excepted) -> Vec<Refused> {
    let header = &rule.header;
    let Err(void) = excepted.holds(&header.id, Safeguard::Cancellers) else { return Vec::new() };
    let mut refused = Vec::new();
    for canceller in &header.survives {
        if !may_survive(canceller, &header.purpose) {
            let message = format!("no rule for {} survives the canceller {canceller}{void}", header.purpose);
            let place = Err(format!("\"{canceller}\""));
            refused.push(told(Safeguard::Cancellers, "rule", &header.id, &message, place, None));
        }
    }
    if let Some(subject) = header.subject.as_deref().filter(|subject| *subject != "permit_id")
        && header.key.as_deref() != Some(subject)
    {
        let message = format!("alerts about {subject} would escape the cancellers, which are those of permits{void}");
        let hint = Some("leave `subject` out; a rule about employers says key = \"employer_id\" too");
        refused.push(told(Safeguard::Cancellers, "rule", &header.id, &message, Err("subject".to_owned()), hint));
    }
    for class in &header.permit_classes {
        if NEVER_EVALUATED.contains(&class.as_str()) {
            let message = format!("no rule is about permits of class {class}{void}");
            let hint = Some("leave the class out");
            refused.push(told(Safeguard::Cancellers, "rule", &header.id, &message, Err(format!("\"{class}\"")), hint));
        }
    }
    refused
}

/// Entries of `gateways.toml` that are more open than the law.
fn of_gateways(catalogue: &Catalogue, excepted: &Excepted) -> Vec<Refused> {
    let Err(void) = excepted.holds("gateways.toml", Safeguard::Gateway) else { return Vec::new() };
    let mut refused: Vec<Refused> = Vec::new();
    for table in TableId::ALL {
        let own_kinds =
            |kind: &&str| catalogue.gateways.kinds(table).contains(kind) || GATEWAYS.kinds(table).contains(kind);
        let kinds = kinds_of(table).into_iter().filter(own_kinds).map(Some).chain([None]);
        for kind in kinds {
            for purpose in Purpose::NAMES {
                for (class, _) in PERMIT_CLASSES {
                    let Some(entry) = catalogue.gateways.find(table, kind, class, purpose) else { continue };
                    let law = GATEWAYS.find(table, kind, class, purpose);
                    if entry.gate >= law.map_or(Gate::Closed, |law| law.gate) {
                        continue;
                    }
                    let what = kind.map_or_else(|| table.name().to_owned(), |kind| format!("{}.{kind}", table.name()));
                    let beginning = format!("{what} is {} for {purpose}", entry.gate.name());
                    if refused.iter().any(|known| known.message.starts_with(&beginning)) {
                        continue;
                    }
                    let why = law.map_or("no gateway is known", |law| law.provision.as_str());
                    let message = format!("{beginning} of {class}, which the law does not open so far: {why}{void}");
                    let hint =
                        Some("make it as strict as the program has it, or have the configuration name the exception");
                    let place = Err(format!("\"{}\"", entry.reads.first().map_or("", String::as_str)));
                    refused.push(told(Safeguard::Gateway, "gateways", "gateways.toml", &message, place, hint));
                }
            }
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    fn shipped() -> Catalogue {
        Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &BTreeMap::new()).unwrap()
    }

    fn told_of(change: impl FnOnce(&mut Catalogue)) -> Vec<String> {
        let mut catalogue = shipped();
        change(&mut catalogue);
        check(&catalogue).into_iter().map(|refused| refused.message).collect()
    }

    #[test]
    fn what_is_shipped_is_as_strict_as_the_law() {
        assert_eq!(told_of(|_| {}), [""; 0]);
    }

    #[test]
    fn an_entry_that_opens_more_than_the_law_is_refused() {
        let opened = |reads: &str, classes: &str, gate| {
            told_of(|catalogue| {
                let mut entry = catalogue.gateways.gateway[0].clone();
                (entry.reads, entry.classes, entry.gate) = (vec![reads.to_owned()], vec![classes.to_owned()], gate);
                catalogue.gateways.gateway.push(entry);
            })
        };
        for (reads, classes) in [
            ("payments.salary", "STUDY_HE"),
            ("payments.benefit", "WORK_EMP"),
            ("notices.court_notice", "all"),
            ("studies", "FAMILY_SPOUSE"),
            ("payments", "all"),
        ] {
            let told = opened(reads, classes, Gate::Open);
            assert!(told.iter().any(|message| message.contains("safeguard gateway")), "{reads} {classes}: {told:?}");
        }
        assert_eq!(opened("population", "all", Gate::Request), [""; 0]);
    }

    #[test]
    fn a_text_that_silences_alerts_may_be_laid_out_anew_and_not_changed() {
        let with = |from: &'static str, to: &'static str| {
            told_of(move |catalogue| {
                let view = catalogue.views.iter_mut().find(|view| view.name == "cancellers").unwrap();
                assert!(view.sql.contains(from));
                view.sql = view.sql.replace(from, to);
            })
        };
        assert_eq!(with("LEFT JOIN", "left   join -- x\n"), [""; 0]);
        assert!(with("n.dereg_code = 'AV'", "false")[0].contains("safeguard fixed-text"));
        assert!(with("('protected'), ", "")[0].contains("safeguard fixed-text"));
    }
}

//! Checks that no rule reads, for any of its classes, data that control of that class may not read for the rule's purpose, unless
//! the rule says that it is closed (`catalogue::gateways`).

use std::collections::BTreeSet;

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::catalogue::gateways::{Gate, Needed};
use crate::catalogue::parse::parse;
use crate::catalogue::reads::{Definitions, direct};
use crate::catalogue::refused::{Highlight, Refused};

/// Reports rules that claim a more open gate than they have, and rules that use findings that they may not use.
pub fn check(catalogue: &Catalogue) -> Vec<Refused> {
    let definitions = catalogue.definitions();
    let mut refused: Vec<Refused> = Vec::new();
    for rule in &catalogue.rules {
        refused.extend(used(catalogue, rule, &definitions).into_iter().filter_map(|other| by_way_of(rule, other)));
        let said = match rule.header.legal_gate.as_str() {
            "open" => Gate::Open,
            "closed" => continue,
            _ => Gate::Request,
        };
        for needed in catalogue.gateways.needed(rule, &definitions) {
            if needed.gate > said {
                refused.push(refusal(rule, &needed));
            }
        }
    }
    refused
}

/// Rules whose rows a rule sees: those in its `uses`, and those in the `uses` of its links.
fn used<'a>(catalogue: &'a Catalogue, rule: &RuleFile, definitions: &Definitions<'_>) -> Vec<&'a RuleFile> {
    let mut ids: Vec<&str> = rule.header.uses.iter().map(String::as_str).collect();
    let mut open: Vec<String> = parse(&rule.sql).iter().flat_map(direct).map(|read| read.table).collect();
    let mut seen = BTreeSet::new();
    while let Some(table) = open.pop() {
        if !seen.insert(table.clone()) {
            continue;
        }
        let link = catalogue.links.iter().find(|link| link.table.name() == table);
        ids.extend(link.iter().flat_map(|link| &link.uses).map(String::as_str));
        open.extend(definitions.query(&table).into_iter().flat_map(direct).map(|read| read.table));
    }
    catalogue.rules.iter().filter(|other| ids.contains(&other.header.id.as_str())).collect()
}

/// Another rule's findings may be used only for that rule's purpose, and, if that rule is closed, only by a closed rule.
fn by_way_of(rule: &RuleFile, other: &RuleFile) -> Option<Refused> {
    let (header, of) = (&rule.header, &other.header);
    let message = if of.purpose != header.purpose {
        format!("it uses what {} found for {}, and is itself for {}", of.id, of.purpose, header.purpose)
    } else if of.legal_gate == "closed" && header.legal_gate != "closed" {
        format!("it uses what {} found, which is closed", of.id)
    } else {
        return None;
    };
    let hint = "leave that rule out of `uses`, or make both of one purpose and gate".to_owned();
    Some(Refused { what: "rule", name: header.id.clone(), message, hint, place: Err("uses".to_owned()) })
}

fn refusal(rule: &RuleFile, needed: &Needed) -> Refused {
    let classes = match needed.classes.len() {
        all if all == rule.header.permit_classes.len() && all > 4 => "all its classes".to_owned(),
        many if many > 6 => format!("{} and {} others", needed.classes[..5].join(", "), many - 5),
        _ => needed.classes.join(", "),
    };
    let purpose = &rule.header.purpose;
    let (message, hint) = match needed.gate {
        Gate::Closed => {
            let why = needed.provision.as_ref().map_or(String::new(), |why| format!(": {why}"));
            (
                format!("it reads {} of {classes} for {purpose}, for which gateways.toml has no gateway{why}", needed.what),
                "narrow it beside the table (AND p.permit_class IN (...), kind = '...'), leave the classes out, or say legal_gate = \"closed\": made-up data only"
                    .to_owned(),
            )
        }
        _ => (
            format!(
                "it reads {} of {classes}, which is given on request only, and says legal_gate = \"open\"",
                needed.what
            ),
            format!("say legal_gate = \"request\" ({})", needed.provision.as_deref().unwrap_or("no provision")),
        ),
    };
    let place = match needed.span {
        Some(span) => Ok(Highlight::Span(span)),
        None => Err("legal_gate".to_owned()),
    };
    Refused { what: "rule", name: rule.header.id.clone(), message, hint, place }
}

//! Checks that no rule uses what a rule of another purpose, or a closed one, found. What a rule reads itself is judged by its plan
//! (`lawful::gates`).

use std::collections::BTreeSet;

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::catalogue::links::LinkFile;
use crate::catalogue::parse::parse;
use crate::catalogue::reads::{Definitions, direct};
use crate::catalogue::refused::Refused;
use crate::model::purpose::Purpose;

/// Reports rules that use findings that they may not use.
pub fn check(catalogue: &Catalogue) -> Vec<Refused> {
    let definitions = catalogue.definitions();
    let mut refused: Vec<Refused> = Vec::new();
    for rule in &catalogue.rules {
        refused.extend(used(catalogue, rule, &definitions).into_iter().filter_map(|other| by_way_of(rule, other)));
    }
    for link in &catalogue.links {
        refused.extend(link.uses.iter().filter_map(|id| catalogue.rule(id)).filter_map(|rule| shown_by(link, rule)));
    }
    refused
}

/// What a unit shows to others was disclosed for permit control, and so is what it shows of rules.
fn shown_by(link: &LinkFile, rule: &RuleFile) -> Option<Refused> {
    let (id, purpose) = (&rule.header.id, rule.header.purpose());
    if purpose == Purpose::PermitControl {
        return None;
    }
    let message = format!("it shows what {id} found for {}, and links show what serves permit control", purpose.name());
    let hint = "leave that rule out of the link's `uses`".to_owned();
    Some(Refused { what: "link", name: link.table.name().to_owned(), message, hint, place: Err("uses".to_owned()) })
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

//! Whether each table that a rule's rows rest on may be read for the permits that the rows are about, for the rule's purpose.
//!
//! Two lists decide, the program's own (`law::GATEWAYS`) and `gateways.toml`, and of the two the stricter. The permit is the one in
//! the output column that says what the alert is about; the classes that it can have are those of the plan, whatever the header says.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalogue::file::Header;
use crate::catalogue::gateways::{Gate, Gateways};
use crate::catalogue::refused::Highlight;
use crate::model::schema::TableId;
use crate::proofs::lawful::law::{
    Classes, GATEWAYS, NEVER_EVALUATED, OF_COUPLES, OF_PROTECTION, ONLY_IN_FAVOUR, Safeguard,
};
use crate::proofs::lawful::role::Role;
use crate::proofs::lawful::uses::Breach;
use crate::proofs::lawful::ways::{Cell, PROTECTED_ANCHORS, Read, Source, Way, kinds_of};

/// Of one kind of a table's records: the classes of permits for which it is read, and the table or view that the text names.
type Reads = BTreeMap<(TableId, Option<&'static str>), (Classes, Arc<str>)>;

/// By what is read, how far it is given, and whether the law says so and not the file: the classes of permits, why, and the table or view that the text names.
type Refused = BTreeMap<(String, Gate, bool), (Classes, Option<String>, Arc<str>)>;

/// What is not lawful about what a rule reads; `subject` is the place of the column that says what its alerts are about, `used` the
/// classes of permits that the rules in its `uses` are about.
pub fn check(header: &Header, ways: &[Way], subject: Option<usize>, gateways: &Gateways, used: Classes) -> Vec<Breach> {
    let mut reads = Reads::new();
    let mut found: Vec<Breach> = Vec::new();
    let never = Classes::of_all(NEVER_EVALUATED);
    for way in ways {
        let permit = subject.and_then(|at| way.cells.get(at)).and_then(|cell| match cell {
            Cell::Permit(permit) => Some(*permit),
            _ => None,
        });
        let known = permit.map_or_else(Classes::all, |permit| way.classes[permit]).without(never);
        for read in &way.reads {
            let limit = permit.and_then(|permit| read.limits.get(&permit).copied());
            let classes = known.and(limit.unwrap_or_else(Classes::all));
            if classes.is_empty() {
                continue;
            }
            match &read.source {
                Source::Civil(note) => {
                    let lawful = match note.safeguard {
                        Safeguard::Citizenship => Classes::of_all(OF_PROTECTION),
                        _ => Classes::of_all(OF_COUPLES),
                    };
                    let others = classes.without(lawful);
                    if !others.is_empty() {
                        let what = format!("{} for permits of {}", note.what, named(others));
                        let breach = Breach { what, ..note.as_ref().clone() };
                        if found.iter().all(|known| known.place != breach.place) {
                            found.push(breach);
                        }
                    }
                }
                Source::RuleRows => {
                    let others = classes.without(used);
                    if read.about.is_none_or(|about| Some(about) != permit) && !others.is_empty() {
                        let what = format!(
                            "what other rules found of another permit is used for permits of {}",
                            named(others)
                        );
                        let place = Highlight::Relation(vec![read.via.to_string()]);
                        let hint = Some("join it by permit_id to the permit that the alert is about".to_owned());
                        let breach = Breach { hint, ..Breach::new(Safeguard::Gateway, what, place) };
                        if !found.contains(&breach) {
                            found.push(breach);
                        }
                    }
                }
                Source::Table(table) => {
                    let is_open = permit.is_some_and(|permit| way.known[permit].is_open);
                    for breach in of_anchor(*table, read, is_open).into_iter().chain(of_favour(*table, read, way)) {
                        if !found.contains(&breach) {
                            found.push(breach);
                        }
                    }
                    let (kinds, shown) = (kinds_of(*table), way.kinds_shown(read));
                    let of: Vec<Option<&'static str>> = if kinds.is_empty() {
                        vec![None]
                    } else {
                        let read = |(at, _): &(usize, &&'static str)| shown & (1 << at) != 0;
                        kinds.iter().enumerate().filter(read).map(|(_, kind)| Some(*kind)).collect()
                    };
                    for kind in of {
                        let entry = reads.entry((*table, kind)).or_insert((Classes::NONE, Arc::clone(&read.via)));
                        entry.0 = entry.0.or(classes);
                    }
                }
            }
        }
    }
    found.extend(of_gateways(header, reads, gateways));
    found
}

/// What shows something of an anchor, if only in that it has no row, is read for permits whose anchor is not protected.
fn of_anchor(table: TableId, read: &Read, is_open: bool) -> Option<Breach> {
    if !matches!(table, TableId::AnchorPermits | TableId::AnchorApplications | TableId::AnchorPopulation) {
        return None;
    }
    let place = Highlight::Relation(vec![read.via.to_string()]);
    let hint = "say at the permit that the alert is about: AND NOT EXISTS (SELECT 1 FROM protected_anchors x WHERE x.permit_id = p.permit_id)";
    let what = if read.via.as_ref() == PROTECTED_ANCHORS {
        if read.role == Role::KeepsAway {
            return None;
        }
        format!("it reads {PROTECTED_ANCHORS} otherwise than to keep its permits away")
    } else if is_open {
        return None;
    } else {
        format!(
            "it reads {} of permits whose anchor may be protected: what is not shown of the anchor tells that",
            table.name()
        )
    };
    Some(Breach { hint: Some(hint.to_owned()), ..Breach::new(Safeguard::Protected, what, place) })
}

/// What may keep a row away and bring none.
fn of_favour(table: TableId, read: &Read, way: &Way) -> Vec<Breach> {
    let said: Vec<(String, &str)> = match table {
        TableId::ExcusedMonths if read.role != Role::KeepsAway => {
            vec![(
                "excused months".to_owned(),
                "let them keep rows away: NOT EXISTS (SELECT 1 FROM excused_months x WHERE ...), or read idle_months; pay alone is in salaries",
            )]
        }
        TableId::Notices if read.role != Role::KeepsAway => {
            let (kinds, shown) = (kinds_of(table), way.kinds_shown(read));
            let is_read =
                |kind: &str| kinds.iter().position(|known| *known == kind).is_some_and(|at| shown & (1 << at) != 0);
            let told = ONLY_IN_FAVOUR.iter().filter(|(kind, _)| is_read(kind));
            told.map(|(kind, what)| (format!("{what} (kind '{kind}')"), "say which kinds of notices are meant, n.kind = '...'; what speaks for the person keeps rows away by NOT EXISTS")).collect()
        }
        _ => Vec::new(),
    };
    let breach = |(what, hint): (String, &str)| {
        let how = match read.role {
            Role::Weighs => {
                "is counted, put in an order, or asked for by what it leaves out, so that it may speak against the person"
            }
            _ => "is there for the person and not against",
        };
        let what = format!("a row rests on {what}, which {how}");
        let place = Highlight::Relation(vec![read.via.to_string()]);
        Breach { hint: Some(hint.to_owned()), ..Breach::new(Safeguard::Favour, what, place) }
    };
    said.into_iter().map(breach).collect()
}

fn of_gateways(header: &Header, reads: Reads, gateways: &Gateways) -> Vec<Breach> {
    let said = match header.legal_gate.as_str() {
        // No live run takes it up.
        "closed" => return Vec::new(),
        "open" => Gate::Open,
        _ => Gate::Request,
    };
    let mut refused = Refused::new();
    for ((table, kind), (classes, via)) in reads {
        for class in classes.names() {
            let of = |gateways: &Gateways| {
                let entry = gateways.find(table, kind, class, &header.purpose);
                let named = kind.filter(|kind| gateways.kinds(table).contains(kind));
                (entry.map_or(Gate::Closed, |entry| entry.gate), entry.map(|entry| entry.provision.clone()), named)
            };
            let (law, own) = (of(&GATEWAYS), of(gateways));
            // The stricter decides; what the file opens further than the law is as closed as it was.
            let by_law = law.0 > own.0;
            let (gate, provision, named) = if by_law { law } else { own };
            if gate > said {
                let what = named.map_or_else(|| table.name().to_owned(), |kind| format!("{}.{kind}", table.name()));
                let entry = refused.entry((what, gate, by_law)).or_insert((Classes::NONE, provision, Arc::clone(&via)));
                entry.0 = entry.0.or(Classes::of(class));
            }
        }
    }
    refused
        .into_iter()
        .map(|((what, gate, by_law), (classes, why, via))| refusal(header, (&what, gate, by_law), classes, why, &via))
        .collect()
}

fn refusal(
    header: &Header,
    (what, gate, by_law): (&str, Gate, bool),
    classes: Classes,
    why: Option<String>,
    via: &str,
) -> Breach {
    let (of, purpose) = (named(classes), &header.purpose);
    let through = if what.split('.').next() == Some(via.trim_end_matches("_history")) {
        String::new()
    } else {
        format!(", through {via},")
    };
    let list = if by_law { "the law, whatever gateways.toml says," } else { "gateways.toml" };
    let (text, hint) = match gate {
        Gate::Closed => {
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            (
                format!("it reads {what}{through} of {of} for {purpose}, for which {list} has no gateway{why}"),
                "say for whose permit it is read, at the permit that the alert is about (p.permit_class IN (...), kind = '...'), or legal_gate = \"closed\": made-up data only".to_owned(),
            )
        }
        _ => (
            format!("it reads {what}{through} of {of}, which is given on request only, and says legal_gate = \"open\""),
            format!("say legal_gate = \"request\" ({})", why.as_deref().unwrap_or("no provision")),
        ),
    };
    let place = Highlight::Relation(vec![via.to_owned()]);
    Breach { hint: Some(hint), ..Breach::new(Safeguard::Gateway, text, place) }
}

/// Classes for a message.
fn named(classes: Classes) -> String {
    let names: Vec<&str> = classes.names().collect();
    if classes == Classes::all().without(Classes::of_all(NEVER_EVALUATED)) {
        "every class".to_owned()
    } else if names.len() > 6 {
        format!("{} and {} others", names[..5].join(", "), names.len() - 5)
    } else {
        names.join(", ")
    }
}

//! The safeguards that hold against a text's own author, judged where the data flows and not by what columns are called.
//!
//! - `law` has the safeguards, each with its provision, and what the law allows: in the program, so that no edit of `queries/` weakens
//!   them. `fixed` holds the directory's gateways, headers and fixed texts against it.
//! - `flow` follows each column of an optimised logical plan to the columns of tables that it comes from (`value`), judges each use
//!   (`uses`), and finds in which ways a row can come about (`ways`): which tables it rests on, for permits of which classes.
//! - `gates` asks whether those tables may be read for these permits and the rule's purpose.
//!
//! A use that is not listed is refused, and a read that is not narrowed is a read for every class: what cannot be followed does not
//! pass. Each refusal says what is done, where the value comes from, step by step, and which safeguard that breaks.
//!
//! An exception is the matter of the process's configuration: it names a text, a safeguard, a reason, and the fingerprint of the
//! text (`exceptions`). An edit of the text ends it.

pub mod exceptions;
pub mod fixed;
pub mod flow;
pub mod gates;
pub mod law;
mod role;
pub mod uses;
pub mod value;
pub mod ways;

use std::collections::BTreeMap;

use datafusion::logical_expr::LogicalPlan;

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;
use crate::catalogue::gateways::Gateways;
use crate::catalogue::refused::Highlight;
use crate::model::schema::TableId;
use crate::proofs::lawful::exceptions::Excepted;
use crate::proofs::lawful::flow::Flow;
use crate::proofs::lawful::law::{Classes, RULE_ROWS, Safeguard};
use crate::proofs::lawful::uses::{Agreements, Breach};
use crate::proofs::lawful::value::{Item, Sort, Value, sort_of};
use crate::proofs::lawful::ways::Way;
use crate::proofs::neutral_words::judging;
use crate::proofs::refusal::{CheckError, Refusal};

/// The posts of the population register, and those of them that are about nobody protected.
const POPULATION: &str = "population";
const POSTS: &str = "population_posts";

/// Output columns that leave as tokens (`pseudonyms::published`).
const TOKENS: [&str; 3] = ["permit_id", "alert_key", "records"];

/// Judges the plans of a catalogue's texts.
#[derive(Debug)]
pub struct Judge {
    gateways: Gateways,
    excepted: Excepted,
    /// The classes that each rule is about, by its id.
    classes: BTreeMap<String, Classes>,
}

impl Judge {
    pub fn of(catalogue: &Catalogue) -> Judge {
        let of = |rule: &RuleFile| Classes::of_all(rule.header.permit_classes.iter().map(String::as_str));
        let classes = catalogue.rules.iter().map(|rule| (rule.header.id.clone(), of(rule))).collect();
        Judge { gateways: catalogue.gateways.clone(), excepted: Excepted::of(catalogue), classes }
    }

    /// Judges a rule by its plan.
    pub fn rule(&self, rule: &RuleFile, plan: &LogicalPlan, flow: &Flow) -> Result<(), CheckError> {
        let header = &rule.header;
        let has_reason = header.compares_citizenship.is_some();
        let mut found: Vec<Breach> =
            flow.found.iter().filter(|breach| !(breach.with_reason && has_reason)).cloned().collect();
        // What they make of excuses, and of names, tests have shown to be right: one more excuse never raises an alert, and never a tier.
        let is_own = fixed::is_own_rule(rule);
        let subject = header.subject_column();
        let names: Vec<&str> = plan.schema().fields().iter().map(|field| field.name().as_str()).collect();
        let mut ways = flow.ways.clone();
        let mut agreements = flow.agreements;
        for (name, value) in names.iter().zip(&flow.values) {
            agreements.note(value);
            for item in value.items() {
                match &item.sort {
                    Sort::PostDay | Sort::Id | Sort::Country | Sort::CountryText => {}
                    Sort::CitizenshipChange | Sort::Agreement | Sort::SparedAgreement => {}
                    Sort::Reference if TOKENS.contains(name) || *name == subject => {}
                    Sort::Person if *name == "person_id" => {}
                    Sort::Civil | Sort::CivilDay | Sort::CivilNear | Sort::CivilLately => {
                        note_shown(&mut ways, name, item, Safeguard::CivilStatus);
                    }
                    Sort::Citizenship | Sort::Issuer => note_shown(&mut ways, name, item, Safeguard::Citizenship),
                    _ => found.push(hidden(name, item)),
                }
            }
        }
        found.extend(together(flow, agreements));
        found.extend(names.iter().zip(&flow.values).filter_map(|(name, value)| of_words(name, value)));
        let at = names.iter().position(|name| *name == subject);
        if let Some(value) = at.and_then(|at| flow.values.get(at)) {
            found.extend(of_subject(subject, value));
        }
        let of_rule = |id: &String| self.classes.get(id).copied().unwrap_or(Classes::NONE);
        let used = header.uses.iter().map(of_rule).fold(Classes::all(), Classes::and);
        found.extend(gates::check(header, &ways, at, &self.gateways, used));
        found.retain(|breach| !(is_own && (breach.safeguard == Safeguard::Favour || breach.is_for_own)));
        self.refuse(&header.id, found)
    }

    /// Judges a view or link by what it does with sensitive columns; what it reads is judged where a rule reads it.
    pub fn view(&self, name: &str, flow: &Flow) -> Result<(), CheckError> {
        if fixed::is_fixed_view(name) { Ok(()) } else { self.refuse(name, flow.found.clone()) }
    }

    /// Judges a link: its columns tell no more than its table says.
    pub fn link(&self, table: TableId, plan: &LogicalPlan, flow: &Flow) -> Result<(), CheckError> {
        // A link asks who is protected, to show nothing of them.
        let is_of_it = |breach: &&Breach| breach.safeguard != Safeguard::Protected;
        let mut found: Vec<Breach> = flow.found.iter().filter(is_of_it).cloned().collect();
        for (field, value) in plan.schema().fields().iter().zip(&flow.values) {
            let name = field.name().as_str();
            let declared = table.def().column(name).and_then(|(_, column)| sort_of(table, column.name, column.ty));
            for item in value.items() {
                let tells_more = match &item.sort {
                    // The one is read by the program alone, the other is of a sort of its own (`LinkKey`).
                    _ if ["to_id", "record_key"].contains(&name) => false,
                    Sort::Number | Sort::Key => !matches!(declared, Some(Sort::Number | Sort::Key)),
                    // The permit of whoever receives the row, or one that is known to be another's.
                    Sort::OtherPermit => name != "permit_id",
                    Sort::OtherPerson | Sort::Person => declared != Some(Sort::OtherPerson),
                    sort if sort.safeguard().is_some() => declared.as_ref() != Some(sort),
                    _ => false,
                };
                if tells_more {
                    found.push(hidden(name, item));
                }
            }
        }
        self.refuse(table.name(), found)
    }

    fn refuse(&self, text: &str, found: Vec<Breach>) -> Result<(), CheckError> {
        let refusals = found.into_iter().filter_map(|breach| {
            let void = self.excepted.holds(text, breach.safeguard).err()?;
            let hint = breach.hint.clone().unwrap_or_else(|| breach.safeguard.hint().to_owned());
            let what = format!("{}{void}", breach.what);
            let (name, law) = (breach.safeguard.name(), breach.safeguard.law());
            Some(Refusal::Safeguard { name, law, what, hint }.at(breach.place))
        });
        CheckError::unless_none(refusals.collect(), ())
    }
}

/// Notes that an output column shows what matters for permits of some classes only.
fn note_shown(ways: &mut [Way], name: &str, item: &Item, safeguard: Safeguard) {
    let what = format!("output column {name} shows {} ({item})", item.column);
    flow::note_civil(ways, Breach::new(safeguard, what, Highlight::Output(Some(name.to_owned()))));
}

/// Questions each of which is lawful, and that tell together what neither tells. The program's own rules may put them: tests have shown what these tell.
fn together(flow: &Flow, agreements: Agreements) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut add = |safeguard, what: String, place, hint: String| {
        found.push(Breach { hint: Some(hint), is_for_own: true, ..Breach::new(safeguard, what, place) });
    };
    if agreements.plain && agreements.spared {
        let what = "it asks how far names agree, and how far they agree where no civil status changed lately: together that tells who married";
        let (place, hint) = (Highlight::words(&["name_agreement"]), "ask for one of the two alone");
        add(Safeguard::CivilStatus, what.to_owned(), place, hint.to_owned());
    }
    if [POSTS, POPULATION].iter().all(|table| flow.named.contains(*table)) {
        let what = format!(
            "it reads {POPULATION} and {POSTS}: posts that the one has and the other has not tell who was protected"
        );
        let hint = format!("read one of the two; {POSTS} has the newest post too");
        add(Safeguard::Protected, what, Highlight::Relation(vec![POSTS.to_owned()]), hint);
    }
    found
}

/// A text that an output column can be and that judges, also one that a function makes of constants.
fn of_words(name: &str, value: &Value) -> Option<Breach> {
    let (text, word) = value.texts().find_map(|text| Some((text, judging(text)?)))?;
    let what = format!("output column {name} can be \"{text}\", which judges (\"{word}...\")");
    Some(Breach::new(Safeguard::Words, what, Highlight::Output(Some(name.to_owned()))))
}

/// What is wrong with the output column that says what an alert is about.
fn of_subject(subject: &str, value: &Value) -> Vec<Breach> {
    let place = || Highlight::Output(Some(subject.to_owned()));
    let uncovered = value.items().iter().filter(|item| subject == "permit_id" && !is_covered(item));
    let mut found: Vec<Breach> = uncovered
        .map(|item| {
            let what = format!("output column permit_id may be what no canceller of this person covers ({item})");
            let hint = "hand on permits.permit_id: cancellers are those of the register's permits, as they are now";
            Breach { hint: Some(hint.to_owned()), ..Breach::new(Safeguard::Cancellers, what, place()) }
        })
        .collect();
    if !value.is_only(|sort| matches!(sort, Sort::Id | Sort::Reference | Sort::Person))
        && value.has(|sort| sort.safeguard().is_some()).is_none()
    {
        let what = format!("output column {subject} is made, or may be something else than an id of its own");
        let hint = Some("hand on a table's own column: by its permit a row is judged".to_owned());
        found.push(Breach { hint, ..Breach::new(Safeguard::Gateway, what, place()) });
    }
    found
}

/// Whether a value is the id of a permit that cancellers cover: those of the register of permits, as it is now. Another record of the
/// person may name a permit that the register has not, or has taken back.
fn is_covered(item: &Item) -> bool {
    let of_permits = [TableId::Permits.name(), RULE_ROWS].contains(&item.table) && item.column == "permit_id";
    of_permits || (item.sort.safeguard().is_some() && item.sort != Sort::OtherPermit)
}

/// An output column that tells what may not leave.
fn hidden(name: &str, item: &Item) -> Breach {
    let hint = match item.sort {
        Sort::LinkKey => Some("leave it out: it is made of another person's ids and numbers. Name what is shown by a column of your own person's record".to_owned()),
        Sort::OtherPermit => Some("leave it out: it is the permit of another person".to_owned()),
        Sort::Reference => Some("hand it on as permit_id, as alert_key or in records(...), which leave as tokens".to_owned()),
        _ => None,
    };
    let safeguard = match &item.sort {
        Sort::Person => Safeguard::Person,
        Sort::Reference => Safeguard::Keys,
        Sort::Protected => Safeguard::Protected,
        sort => sort.safeguard().unwrap_or(Safeguard::Person),
    };
    let what = format!("output column {name} may not leave the engine: it is {item}");
    Breach { hint, ..Breach::new(safeguard, what, Highlight::Output(Some(name.to_owned()))) }
}

//! `permitwatch explain`: why an alert came, and why a permit has the alerts that it has and no others.
//!
//! Recorded feeds are replayed through the same engine as always, for one person alone: an alert depends on no other person, so the
//! answer is the engine's own and not a second opinion.
//!
//! What may be shown is decided by `shown`: never names, addresses, identity numbers and other persons, nor the content of records
//! of secrecy class 3 and above. This file and `facts` collect the facts, as JSON has them; `officer` and `party` make a `page` of
//! them for one reader or the other, and `text` and `html` display it. No words are written for single rules here: they all come
//! from the rule's file.
//! `steps` says, for a rule that has no row, which condition of its text the permit did not meet.

mod facts;
mod html;
mod mask;
mod numbers;
mod officer;
mod one_person;
mod page;
mod party;
mod party_words;
mod shown;
mod steps;
mod text;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::catalogue::file::{RuleFile, Said};
use crate::catalogue::{Catalogue, Threshold};
use crate::model::alert::{Alert, Bilingual, RecordRef, Status};
use crate::model::schema::TableId;
use crate::model::time::{KnownTime, format_micros, parse_day, parse_instant};
use crate::proofs::lawful::fixed::is_own_rule;
use crate::rules::plan::PlanError;
use crate::source::SourceError;
use crate::source::files::Recorded;
use crate::words::values::Kind;
use crate::words::{Words, labels};

pub use facts::{CancelledBy, FeedClock, PermitFacts, RowFacts, RuleFacts, SetAside, Verdict};
pub use html::html;
pub use officer::{alert_page, permit_page};
pub use one_person::{Closed, Options, Person, find_alert, subject_of_alert, subject_of_permit};
pub use page::Page;
pub use party::{PartyFacts, party_page};
pub use shown::{Concerns, RecordFacts};
pub use text::text;

/// Why nothing can be explained. Nothing has been changed.
#[derive(Debug, Error)]
pub enum ExplainError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("no permit \"{permit}\" in the permits feed of {dir} as of {as_of}")]
    NoPermit { permit: String, dir: String, as_of: KnownTime },
    #[error("no alert {id} in {place}: is the id whole, and do the rules and parameters match those that raised it?")]
    NoAlert { id: String, place: String },
    #[error("alert {id} is of rule \"{rule}\", which is not among the rules given")]
    NoRule { id: String, rule: String },
    #[error(
        "alert {id} of rule \"{rule}\" is not about one person's permit: there is no party to tell what it rests on"
    )]
    NoParty { id: String, rule: String },
}

/// All facts about one alert.
#[derive(Debug, Serialize)]
pub struct AlertFacts {
    /// The alert's last transition.
    pub alert: Alert,
    /// The last transition that raised or updated it: its row is what was found.
    pub found: Alert,
    pub rule: RuleWords,
    /// Known time up to which records were included.
    pub as_of: String,
    /// The records that the alert rests on, as they were when it was found; only their references if only the topic was available.
    pub records: Vec<RecordFacts>,
    /// What a later record has changed without changing the alert; null if nothing has, or if only the topic was available.
    pub now: Option<NowFacts>,
    /// What became known at the moment at which the alert ended, in the tables that its rule reads; empty for one that stands, or if
    /// only the topic was available.
    pub ended_by: Vec<RecordFacts>,
    pub counter_evidence: Vec<CounterFacts>,
    /// Every transition, oldest first; only the last one if only the topic was available.
    pub history: Vec<Transition>,
    /// Only the alerts topic was available, no recorded feeds.
    pub from_topic: bool,
    /// There are records of the kinds that the rule reads which were disclosed for another purpose: the rule was not shown them, so that what speaks
    /// for the person in them was not looked for. What they say is not told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_unseen: bool,
}

/// The row of a standing alert that is in force at `as_of`. A correction that changes neither the severity nor the day that the
/// alert is about publishes nothing, but is reported here.
#[derive(Debug, Serialize)]
pub struct NowFacts {
    pub finding: Bilingual,
    pub evidence: serde_json::Map<String, serde_json::Value>,
    pub records: Vec<RecordFacts>,
}

/// A rule's own words, with the values in force.
#[derive(Debug, Serialize)]
pub struct RuleWords {
    pub number: String,
    /// What the alert is about: permit, person or employer.
    pub about: &'static str,
    pub legal_gate: String,
    pub owner: String,
    pub parameters: Vec<ParameterFacts>,
    /// Words for the evidence.
    #[serde(skip)]
    pub words: Arc<Words>,
}

/// A parameter, or a threshold of law, with what it means: the values that the evidence shows, else the one in force on the day that the alert is
/// about.
#[derive(Clone, Debug, Serialize)]
pub struct ParameterFacts {
    pub name: String,
    pub value: i64,
    pub meaning: Bilingual,
    pub source: Option<Bilingual>,
    pub in_force_from: Option<String>,
    /// Exclusive; null is open.
    pub in_force_to: Option<String>,
}

/// An innocent explanation.
#[derive(Debug, Serialize)]
pub struct CounterFacts {
    pub sv: String,
    pub en: String,
    /// False: no feed can show it; a person has to ask.
    pub looked_for: bool,
    /// It is about another person, whom the party is told nothing of.
    #[serde(skip)]
    pub of_others: bool,
    /// Evidence column and its value.
    pub column: Option<String>,
    pub result: Option<serde_json::Value>,
}

/// One step in an alert's life.
#[derive(Debug, Serialize)]
pub struct Transition {
    pub sequence: u64,
    pub as_of: String,
    pub status: Status,
    pub severity: &'static str,
    pub reason: Option<String>,
    pub replaced_by: Option<String>,
    pub replaces: Option<String>,
    pub late_record: bool,
    /// What has changed since the transition before it, if both have a row.
    pub changes: Vec<Change>,
}

/// An evidence column, `severity` or `anchor_at`, with its values before and after a transition.
#[derive(Debug, Serialize)]
pub struct Change {
    pub column: String,
    pub before: Value,
    pub now: Value,
}

/// Explains an alert from recorded feeds: finds its person and replays that person. With `logged`, any transition of the alert, it
/// need not replay everyone to find the person.
pub fn alert<'a>(
    recorded: impl Into<Recorded<'a>>,
    catalogue: &Catalogue,
    options: &Options,
    id: &str,
    logged: Option<&Alert>,
) -> Result<AlertFacts, ExplainError> {
    let recorded = recorded.into();
    let missing = || ExplainError::NoAlert { id: id.to_owned(), place: recorded.dir.display().to_string() };
    let subject = match logged {
        Some(alert) => one_person::subject_of_alert(recorded, catalogue, alert)?,
        None => one_person::find_alert(recorded, catalogue, options, id)?,
    };
    let person = Person::replay(recorded, catalogue, options, &subject.ok_or_else(missing)?)?.ok_or_else(missing)?;
    if person.log.iter().any(|alert| options.is_named(alert, id) && person.is_withheld(&alert.subject)) {
        return Err(missing());
    }
    let transitions: Vec<&Alert> = person.log.iter().filter(|alert| options.is_named(alert, id)).collect();
    let facts = alert_facts(catalogue, &transitions).ok_or_else(missing)??;
    Ok(with_records(facts, catalogue, &person, options.as_of))
}

/// Adds the alert's records, as they were when it was found, and as they are now.
fn with_records(mut facts: AlertFacts, catalogue: &Catalogue, person: &Person, as_of: KnownTime) -> AlertFacts {
    let found_at = parse_instant(&facts.found.as_of).unwrap_or(as_of.0);
    facts.as_of = format_micros(as_of.0);
    let concerns = Concerns::of(catalogue.rule(&facts.alert.rule_id), facts.found.permit_class.as_deref());
    facts.records = facts.found.records.iter().map(|record| person.record(record, found_at, concerns)).collect();
    let mut is_closed = false;
    let in_force = facts.alert.status.stands().then(|| facts::in_force(person, &facts.alert, as_of)).flatten();
    if let (Some((evidence, records)), Some(rule)) = (in_force, catalogue.rule(&facts.alert.rule_id))
        && (evidence != facts.found.evidence || records.iter().any(|record| !facts.found.records.contains(record)))
    {
        is_closed = person.is_closed(&records);
        facts.now = Some(NowFacts {
            finding: rule.finding(&evidence),
            records: records.iter().map(|record| person.record(record, as_of.0, concerns)).collect(),
            evidence,
        });
    }
    if !facts.alert.status.stands()
        && let (Some(ended_at), Some(rule)) = (parse_instant(&facts.alert.as_of), catalogue.rule(&facts.alert.rule_id))
    {
        let known = person.known_at(&mask::tables_read(catalogue, rule), ended_at);
        facts.ended_by = known.iter().map(|record| person.record(record, ended_at, concerns)).collect();
    }
    let rules = person.shard.rules();
    let planned = rules.iter().find(|rule| rule.file.header.id == facts.alert.rule_id);
    facts.has_unseen = planned.is_some_and(|rule| person.has_unseen(rule, as_of.0));
    let hides = |records: &[RecordRef]| match planned {
        Some(rule) => person.hides(rule, records, as_of.0),
        None => person.is_closed(records),
    };
    let said = |alert: &&Alert| alert.alert_id == facts.alert.alert_id && !alert.records.is_empty();
    if is_closed || person.log.iter().filter(said).any(|alert| hides(&alert.records)) {
        facts.close();
    }
    facts
}

/// Instead of what was found from records that are closed to the reader.
fn closed_finding() -> Bilingual {
    Bilingual {
        sv: "Vad som hittades visas inte: det bygger på uppgifter av en sekretessklass som inte är öppen för läsaren."
            .into(),
        en: "What was found is not shown: it rests on data of a secrecy class that is not open to the reader.".into(),
    }
}

impl AlertFacts {
    /// Leaves out what was found, since it rests on data that are closed to the reader. That there is an alert, its rule, its times and the
    /// references of its records stay.
    fn close(&mut self) {
        for alert in [&mut self.alert, &mut self.found] {
            alert.finding = closed_finding();
            alert.evidence.clear();
            // Both are made of what was found.
            (alert.alert_key, alert.anchor_at) = (String::new(), None);
        }
        self.now = None;
        self.counter_evidence.iter_mut().for_each(|fact| fact.result = None);
        self.history.iter_mut().for_each(|transition| transition.changes.clear());
    }
}

fn no_permit(recorded: Recorded<'_>, options: &Options, permit_id: &str) -> ExplainError {
    ExplainError::NoPermit {
        permit: permit_id.to_owned(),
        dir: recorded.dir.display().to_string(),
        as_of: options.as_of,
    }
}

/// The party's sheet about one alert.
pub fn party_of_alert(catalogue: &Catalogue, facts: AlertFacts) -> Result<PartyFacts, ExplainError> {
    let found = facts.found.clone();
    party::party(catalogue, &found.subject, found.permit_class.as_deref(), &facts.as_of.clone(), &[facts])
}

/// The party's sheet about all alerts that stand against a permit.
pub fn party_of_permit<'a>(
    recorded: impl Into<Recorded<'a>>,
    catalogue: &Catalogue,
    options: &Options,
    permit_id: &str,
) -> Result<PartyFacts, ExplainError> {
    let recorded = recorded.into();
    let missing = || no_permit(recorded, options, permit_id);
    let subject = one_person::subject_of_permit(recorded, permit_id)?.ok_or_else(missing)?;
    let person = Person::replay(recorded, catalogue, options, &subject)?.ok_or_else(missing)?;
    if person.is_withheld(permit_id) {
        return Err(missing());
    }
    let as_of = options.as_of;
    let class = person.shard.history().permit_class(person.number, permit_id, as_of.0).ok_or_else(missing)?;
    let mut transitions: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in person.log.iter().filter(|alert| alert.subject == permit_id) {
        transitions.entry(&alert.alert_id).or_default().push(alert);
    }
    let stands = |of: &&Vec<&Alert>| of.last().is_some_and(|alert| alert.status.stands());
    let mut standing = Vec::new();
    for of in transitions.values().filter(stands) {
        standing.extend(
            alert_facts(catalogue, of).transpose()?.map(|facts| with_records(facts, catalogue, &person, as_of)),
        );
    }
    standing.sort_by(|a, b| (&a.rule.number, &a.alert.alert_key).cmp(&(&b.rule.number, &b.alert.alert_key)));
    party::party(catalogue, permit_id, Some(&class), &format_micros(as_of.0), &standing)
}

/// Explains an alert from its last transition alone, as the alerts topic keeps it. Of its records' classes only the highest is known there.
pub fn alert_from_topic(catalogue: &Catalogue, alert: &Alert, closed: &Closed) -> Result<AlertFacts, ExplainError> {
    let missing = || ExplainError::NoAlert { id: alert.alert_id.clone(), place: "the topic".into() };
    let mut facts = alert_facts(catalogue, &[alert]).ok_or_else(missing)??;
    facts.records = alert.records.iter().map(RecordFacts::reference_only).collect();
    facts.from_topic = true;
    if closed.may_have(alert.secrecy_class) {
        facts.close();
    }
    Ok(facts)
}

/// Explains a permit: every rule that concerns it, with its rows and deadlines, and what keeps them from being alerts.
pub fn permit<'a>(
    recorded: impl Into<Recorded<'a>>,
    catalogue: &Catalogue,
    options: &Options,
    permit_id: &str,
) -> Result<PermitFacts, ExplainError> {
    let recorded = recorded.into();
    let missing = || no_permit(recorded, options, permit_id);
    let subject = one_person::subject_of_permit(recorded, permit_id)?.ok_or_else(missing)?;
    let person = Person::replay(recorded, catalogue, options, &subject)?.ok_or_else(missing)?;
    if person.is_withheld(permit_id) {
        return Err(missing());
    }
    facts::permit(&person, catalogue, permit_id, options.as_of).ok_or_else(missing)
}

/// `None` if there is no transition.
fn alert_facts(catalogue: &Catalogue, transitions: &[&Alert]) -> Option<Result<AlertFacts, ExplainError>> {
    let last = *transitions.last()?;
    let found = *transitions.iter().rev().find(|alert| !alert.evidence.is_empty()).unwrap_or(&last);
    let Some(rule) = catalogue.rule(&last.rule_id) else {
        return Some(Err(ExplainError::NoRule { id: last.alert_id.clone(), rule: last.rule_id.clone() }));
    };
    let before = std::iter::once(None).chain(transitions.iter().map(|alert| Some(*alert)));
    let history = before.zip(transitions).map(|(before, alert)| Transition {
        sequence: alert.sequence,
        as_of: alert.as_of.clone(),
        status: alert.status,
        severity: alert.severity.name(),
        reason: alert.reason.clone(),
        replaced_by: alert.replaced_by.clone(),
        replaces: alert.replaces.clone(),
        late_record: alert.late_record,
        changes: before.map(|before| changes(before, alert)).unwrap_or_default(),
    });
    Some(Ok(AlertFacts {
        alert: last.clone(),
        found: found.clone(),
        rule: rule_words(catalogue, rule, found),
        as_of: last.as_of.clone(),
        records: Vec::new(),
        now: None,
        ended_by: Vec::new(),
        counter_evidence: counter_evidence(rule, &found.evidence),
        history: history.collect(),
        from_topic: false,
        has_unseen: false,
    }))
}

/// What differs between two transitions in a row. One without a row ends an alert, which changes no evidence.
fn changes(before: &Alert, now: &Alert) -> Vec<Change> {
    if before.evidence.is_empty() || now.evidence.is_empty() {
        return Vec::new();
    }
    let change = |column: &str, before: Value, now: Value| {
        (before != now).then(|| Change { column: column.to_owned(), before, now })
    };
    let severity = change("severity", before.severity.name().into(), now.severity.name().into());
    let evidence = now.evidence.iter().filter_map(|(column, value)| {
        change(column, before.evidence.get(column).cloned().unwrap_or(Value::Null), value.clone())
    });
    let mut evidence: Vec<Change> = evidence.collect();
    if evidence.is_empty() {
        // The evidence mostly says itself which day it is about.
        let anchor = |alert: &Alert| alert.anchor_at.clone().map_or(Value::Null, Value::String);
        evidence.extend(change("anchor_at", anchor(before), anchor(now)));
    }
    severity.into_iter().chain(evidence).collect()
}

fn rule_words(catalogue: &Catalogue, rule: &RuleFile, found: &Alert) -> RuleWords {
    let day = found.anchor_at.as_deref().or(found.alert_at.get(..10)).and_then(parse_day);
    let mut parameters: Vec<ParameterFacts> = rule
        .header
        .params
        .iter()
        .map(|(name, param)| ParameterFacts {
            name: name.clone(),
            value: rule.values.get(name).copied().unwrap_or(param.default),
            meaning: param.doc.both(),
            source: param.source.as_ref().map(Said::both),
            in_force_from: None,
            in_force_to: None,
        })
        .collect();
    // A rule names its thresholds as text literals; thresholds that a shared view reads are not found. The rule decides on which
    // day it takes a threshold (the application's, say): if the evidence shows one of the values, that is the one. A text that ends in
    // `_` names a family (`'breach_rate_bp_'` and a sector): of these only the evidence shows which one took the general one's place.
    let is_in = |name: &str| rule.sql.contains(&format!("'{name}'"));
    let of_family = |name: &str| name.match_indices('_').any(|(at, _)| is_in(&name[..=at]));
    let named = || catalogue.thresholds.iter().filter(|one| is_in(&one.name) || of_family(&one.name));
    let is_shown = |threshold: &Threshold| {
        let kind = Kind::of(&threshold.name);
        found.evidence.iter().any(|(name, shown)| Kind::of(name) == kind && shown.as_i64() == Some(threshold.value))
    };
    let in_force = |threshold: &Threshold| {
        day.is_some_and(|day| threshold.valid_from <= day && threshold.valid_to.is_none_or(|to| day < to))
    };
    let used = named().filter(|threshold| {
        if of_family(&threshold.name) {
            return in_force(threshold) && is_shown(threshold);
        }
        if named().any(|other| other.name == threshold.name && is_shown(other)) {
            return is_shown(threshold);
        }
        let is_replaced_by = |other: &Threshold| {
            let rest = other.name.strip_prefix(&threshold.name);
            rest.is_some_and(|rest| rest.starts_with('_')) && in_force(other) && is_shown(other)
        };
        in_force(threshold) && !named().any(is_replaced_by)
    });
    parameters.extend(used.map(|threshold| ParameterFacts {
        name: threshold.name.clone(),
        value: threshold.value,
        meaning: labels::threshold(&threshold.name),
        source: Some(threshold.source.clone()),
        in_force_from: Some(threshold.valid_from.to_string()),
        in_force_to: threshold.valid_to.map(|day| day.to_string()),
    }));
    RuleWords {
        number: rule.header.number.clone(),
        about: rule.header.unit(),
        words: Arc::clone(&rule.words),
        legal_gate: rule.header.legal_gate.clone(),
        owner: rule.header.owner.clone(),
        parameters,
    }
}

fn counter_evidence(rule: &RuleFile, evidence: &serde_json::Map<String, serde_json::Value>) -> Vec<CounterFacts> {
    let is_own = is_own_rule(rule);
    let fact = |counter: &crate::catalogue::file::CounterEvidence| CounterFacts {
        sv: counter.sv.clone(),
        en: counter.en.clone(),
        // Nobody can see of somebody else's rule what it has looked for, unless a column shows it.
        looked_for: counter.checked && (counter.column.is_some() || is_own),
        of_others: counter.of_others,
        column: counter.column.clone(),
        result: counter.column.as_ref().and_then(|column| evidence.get(column)).cloned(),
    };
    rule.header.counter_evidence.iter().map(fact).collect()
}

impl RecordFacts {
    /// A record of which only the reference is known.
    fn reference_only(record: &RecordRef) -> RecordFacts {
        RecordFacts {
            table: record.table.clone(),
            record_key: record.record_key.clone(),
            reference: (!is_computed(&record.table) && !numbers::has_personal_number(&record.record_key))
                .then(|| record.record_key.clone()),
            version: record.version,
            event_time: None,
            registered_at: None,
            known_time: None,
            source: None,
            withheld: false,
            values: Vec::new(),
        }
    }
}

/// Whether the table's rows are made here, of other units' records.
fn is_computed(table: &str) -> bool {
    TableId::from_name(table).is_some_and(TableId::is_link)
}

#[cfg(test)]
mod tests;

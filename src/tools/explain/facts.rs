//! A permit's rules, one by one: what each found or did not find, and what it waits for.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::model::alert::{Alert, AlertId, Bilingual, RecordRef};
use crate::model::record::Reason;
use crate::model::schema::{Feed, TableId};
use crate::model::sets::TableSet;
use crate::model::time::{KnownTime, format_micros};
use crate::rules::planned::PlannedRule;
use crate::rules::{Conditions, Hit, Interval, Request};
use crate::tools::explain::closed_finding;
use crate::tools::explain::one_person::{HIGHEST_CLASS, Person, SEALED_FROM};
use crate::tools::explain::steps::{Path, Tables};
use crate::units::Unit;

/// All facts about a permit at a time.
#[derive(Debug, Serialize)]
pub struct PermitFacts {
    pub permit_id: String,
    pub permit_class: String,
    /// Pseudonym of the holder.
    pub person: String,
    pub as_of: String,
    pub clocks: Vec<FeedClock>,
    pub rules: Vec<RuleFacts>,
    /// Rules about other classes of permits, or about employers.
    pub other_rules: Vec<OtherRule>,
    /// Messages about the holder that were quarantined, by reason.
    pub quarantined: Vec<SetAside>,
    /// Numbers of the rules that were not shown some records of kinds that they read, since these were disclosed for another purpose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with_unseen: Vec<String>,
}

/// Messages of a feed that were set aside for one reason, by its name.
#[derive(Debug, Serialize)]
pub struct SetAside {
    pub feed: &'static str,
    pub reason: &'static str,
    pub messages: usize,
}

/// A rule that does not concern the permit.
#[derive(Debug, Serialize)]
pub struct OtherRule {
    pub number: String,
    pub id: String,
    pub title: Bilingual,
}

/// The known time up to which a feed had been read.
#[derive(Debug, Serialize)]
pub struct FeedClock {
    pub feed: &'static str,
    /// Null: the feed had nothing.
    pub clock: Option<String>,
}

/// One rule for one permit.
#[derive(Debug, Serialize)]
pub struct RuleFacts {
    pub number: String,
    pub id: String,
    pub title: Bilingual,
    pub legal_basis: Vec<String>,
    pub rows: Vec<RowFacts>,
    /// Why it has no row; null if it has one.
    pub path: Option<Path>,
    /// The path is not shown to a reader for whom sealed records, or these classes, are closed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub are_steps_closed: bool,
    /// Why the rule could not be run for this person.
    pub failure: Option<String>,
}

/// One row of a rule: it holds from `alert_at` until `cleared_at`.
#[derive(Debug, Serialize)]
pub struct RowFacts {
    pub alert_id: String,
    pub alert_key: String,
    pub verdict: Verdict,
    pub severity: &'static str,
    /// The severity that a corroboration gives it.
    pub corroborated: Option<&'static str>,
    pub alert_at: String,
    pub due_at: Option<String>,
    pub cleared_at: Option<String>,
    pub cleared_reason: Option<String>,
    pub anchor_at: Option<String>,
    pub cancelled_by: Vec<CancelledBy>,
    /// The feeds that the row waits for, with the known times that they have reached.
    pub awaits: Vec<FeedClock>,
    pub finding: Bilingual,
    pub evidence: Map<String, Value>,
}

/// The state of a row at the time asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The alert stands on this row.
    Stands,
    /// It holds, but another row with the same key is in force.
    Outranked,
    /// Its deadline lies ahead.
    Ahead,
    /// Its deadline has passed, and a feed that could show otherwise has not reached it.
    Awaits,
    /// A later fact ended it.
    Cleared,
    /// A canceller covers it.
    Cancelled,
}

/// An interval in which a canceller covers the permit.
#[derive(Clone, Debug, Serialize)]
pub struct CancelledBy {
    pub reason: &'static str,
    /// Null: it has no beginning.
    pub from_at: Option<String>,
    /// Null: open.
    pub to_at: Option<String>,
}

impl RuleFacts {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.failure.is_none()
    }
}

/// `None` if the person has no such permit at that time.
pub fn permit(person: &Person, catalogue: &Catalogue, permit_id: &str, as_of: KnownTime) -> Option<PermitFacts> {
    let history = person.shard.history();
    let permit_class = history.permit_class(person.number, permit_id, as_of.0)?;
    let concerns = |rule: &PlannedRule| {
        let header = &rule.file.header;
        header.unit() != "employer" && header.permit_classes.iter().any(|class| class == "*" || *class == permit_class)
    };
    let unit = [Unit { person: person.number, as_of }];
    let shared = person.shard.rule_set().evaluate_shared(history, &unit);
    let conditions = shared.ok().and_then(|mut shared| shared.units.pop()).unwrap_or_default();
    let mut rules = Vec::new();
    let mut other_rules = Vec::new();
    for (number, rule) in person.shard.rules().iter().enumerate() {
        if concerns(rule) {
            rules.push(rule_facts(person, number, rule, permit_id, as_of, &conditions));
        } else {
            let header = &rule.file.header;
            let (number, id, title) = (header.number.clone(), header.id.clone(), header.title.clone());
            other_rules.push(OtherRule { number, id, title });
        }
    }
    // Made for the first rule of a purpose that has no row.
    let mut tables = BTreeMap::new();
    for rule in rules.iter_mut().filter(|rule| rule.is_empty()) {
        let Some(file) = catalogue.rule(&rule.id) else { continue };
        let sees = file.header.purpose();
        // Which condition took the last row tells what the records say, and what there is none of.
        let reads = person.shard.rules().iter().find(|planned| planned.file.header.id == rule.id);
        let reads = reads.map_or(TableSet::ALL, |planned| planned.tables);
        // Where sealed records may lie, the steps are closed whether or not there are any: a gap would tell of them.
        let may_be_sealed = reads.iter().any(|table| table.is_link() || table == TableId::Notices);
        let is_closed = may_be_sealed && (SEALED_FROM..=HIGHEST_CLASS).any(|class| person.closed.closes(class));
        if is_closed || person.closed.may_have(history.secrecy(person.number, reads, as_of.0)) {
            rule.are_steps_closed = true;
            continue;
        }
        rule.path = Some(match tables.entry(sees).or_insert_with(|| Tables::of(person, catalogue, as_of, sees)) {
            Ok(tables) => tables.follow(file, permit_id),
            Err(error) => Path { failure: Some(error.strip_backtrace()), ..Path::default() },
        });
    }
    let mut quarantined: BTreeMap<(Feed, Reason), usize> = BTreeMap::new();
    for entry in &person.quarantined {
        if entry.coordinates.feed != Feed::Reference {
            *quarantined.entry((entry.coordinates.feed, entry.reason)).or_default() += 1;
        }
    }
    let quarantined = quarantined.into_iter().map(|((feed, reason), messages)| SetAside {
        feed: feed.name(),
        reason: reason.name(),
        messages,
    });
    let unseen = person.shard.rules().iter().filter(|rule| concerns(rule) && person.has_unseen(rule, as_of.0));
    let with_unseen = unseen.map(|rule| rule.file.header.number.clone()).collect();
    Some(PermitFacts {
        with_unseen,
        permit_id: permit_id.to_owned(),
        permit_class,
        person: person.pseudonym.clone(),
        as_of: format_micros(as_of.0),
        clocks: Feed::SOURCES.into_iter().map(|feed| person.clock(feed)).collect(),
        rules,
        other_rules,
        quarantined: quarantined.collect(),
    })
}

/// The evidence of a standing alert's row in force, and the records that it rests on, as known at `as_of`. `None` if there is no
/// such row, or if the rule could not be run.
pub(super) fn in_force(
    person: &Person,
    alert: &Alert,
    as_of: KnownTime,
) -> Option<(Map<String, Value>, Vec<RecordRef>)> {
    let (history, rules) = (person.shard.history(), person.shard.rules());
    let number = rules.iter().position(|rule| rule.file.header.id == alert.rule_id)?;
    let unit = [Unit { person: person.number, as_of }];
    let mut shared = person.shard.rule_set().evaluate_shared(history, &unit).ok()?;
    let conditions = shared.units.pop()?;
    let evaluation = person.shard.rule_set().evaluate(history, &unit, &[Request::rule(number)]);
    let found = evaluation.rows.get(number)?.as_ref()?;
    let own: Vec<&Hit> =
        found.of(0).iter().filter(|hit| hit.subject == alert.subject && hit.alert_key == alert.alert_key).collect();
    let spoken = person.spoken(number);
    let stands = |hit: &&&Hit| verdict(&rules[number], &conditions, hit, &own, as_of, spoken) == Verdict::Stands;
    let hit = own.iter().find(stands)?;
    let records = found.records(hit).unwrap_or_else(|| alert.records.clone());
    let subject_column = rules[number].file.header.subject_column();
    Some((found.evidence(hit, subject_column), records))
}

fn rule_facts(
    person: &Person,
    number: usize,
    rule: &PlannedRule,
    permit_id: &str,
    as_of: KnownTime,
    conditions: &Conditions,
) -> RuleFacts {
    let history = person.shard.history();
    let unit = [Unit { person: person.number, as_of }];
    let evaluation = person.shard.rule_set().evaluate(history, &unit, &[Request::rule(number)]);
    let header = &rule.file.header;
    let mut rows = Vec::new();
    if let Some(found) = evaluation.rows.get(number).and_then(Option::as_ref) {
        let subject_column = header.subject_column();
        let own: Vec<&Hit> =
            found.of(0).iter().filter(|hit| header.subject.is_some() || hit.subject == permit_id).collect();
        for hit in &own {
            let verdict = verdict(rule, conditions, hit, &own, as_of, person.spoken(number));
            let is_closed = match found.records(hit) {
                Some(records) => person.hides(rule, &records, as_of.0),
                None => person.closed.may_have(history.secrecy(person.number, rule.tables, as_of.0)),
            };
            let evidence = found.evidence(hit, subject_column);
            let finding = rule.file.finding(&evidence);
            let shown = if is_closed { (closed_finding(), Map::new()) } else { (finding, evidence) };
            let mut row = row_facts(person, (number, rule), conditions, (hit, &own), verdict, shown);
            if is_closed {
                // Both are made of what was found.
                (row.alert_key, row.anchor_at) = (String::new(), None);
            }
            rows.push(row);
        }
    }
    RuleFacts {
        number: header.number.clone(),
        id: header.id.clone(),
        title: header.title.clone(),
        legal_basis: header.legal_basis.clone(),
        rows,
        path: None,
        are_steps_closed: false,
        failure: evaluation.failures.first().map(|failure| failure.message.clone()),
    }
}

fn row_facts(
    person: &Person,
    (number, rule): (usize, &PlannedRule),
    conditions: &Conditions,
    (hit, rows): (&Hit, &[&Hit]),
    verdict: Verdict,
    (finding, evidence): (Bilingual, Map<String, Value>),
) -> RowFacts {
    let header = &rule.file.header;
    let asserted_to = hit.waits_until().unwrap_or(KnownTime::MIN);
    let silent = person.shard.waits_for(number).iter().filter(|feed| person.clocks.feed(*feed) < asserted_to);
    let corroborated = conditions.corroborations.iter().any(|corroboration| {
        let same = |other: &&&Hit| other.alert_key == hit.alert_key && other.subject == hit.subject;
        corroboration.rule.index() == number && rows.iter().filter(same).any(|other| corroboration.speaks_to(other))
    });
    RowFacts {
        alert_id: person.pseudonyms.shown_id(AlertId::new(&header.id, &hit.subject, &hit.alert_key)).to_hex(),
        alert_key: hit.alert_key.clone(),
        verdict,
        severity: hit.severity.name(),
        corroborated: corroborated.then(|| hit.severity.raised().name()),
        alert_at: hit.alert_at.to_string(),
        due_at: hit.due_at.map(|due| due.to_string()),
        cleared_at: hit.cleared_at.map(|cleared| cleared.to_string()),
        // A rule may give its reason on every row.
        cleared_reason: hit.cleared_at.and(hit.cleared_reason.clone()),
        anchor_at: hit.anchor.map(|day| day.to_string()),
        // Intervals that ended before the row would have held do not concern it.
        cancelled_by: cancellers(rule, conditions, hit)
            .filter(|interval| interval.to.is_none_or(|to| to > hit.alert_at))
            .map(cancelled_interval)
            .collect(),
        awaits: silent.map(|feed| person.clock(feed)).collect(),
        finding,
        evidence,
    }
}

/// The checks of `queries/standing.sql`, in the same order. `spoken`: the known time that the rule's feeds have reached.
fn verdict(
    rule: &PlannedRule,
    conditions: &Conditions,
    hit: &Hit,
    rows: &[&Hit],
    at: KnownTime,
    spoken: KnownTime,
) -> Verdict {
    let is_said = |hit: &Hit| hit.waits_until().is_none_or(|due| due <= spoken);
    let is_over = |hit: &Hit| hit.cleared_at.is_some_and(|cleared| cleared <= at);
    let holds = |hit: &Hit| hit.alert_at <= at && is_said(hit) && !is_over(hit);
    if hit.alert_at > at {
        return Verdict::Ahead;
    }
    if is_over(hit) {
        return Verdict::Cleared;
    }
    if !is_said(hit) {
        return Verdict::Awaits;
    }
    if cancellers(rule, conditions, hit).any(|interval| interval.covers(at)) {
        return Verdict::Cancelled;
    }
    let rank = |hit: &Hit| (hit.alert_at, hit.anchor, hit.severity);
    let is_outranked = rows.iter().any(|other| {
        other.subject == hit.subject && other.alert_key == hit.alert_key && holds(other) && rank(other) > rank(hit)
    });
    if is_outranked { Verdict::Outranked } else { Verdict::Stands }
}

fn cancellers<'a>(
    rule: &'a PlannedRule,
    conditions: &'a Conditions,
    hit: &'a Hit,
) -> impl Iterator<Item = &'a Interval> {
    let concerned = |interval: &&Interval| rule.cancellers.concern(interval);
    conditions.cancellers.iter().filter(concerned).filter(|interval| interval.subject == hit.subject)
}

fn cancelled_interval(interval: &Interval) -> CancelledBy {
    CancelledBy {
        reason: interval.reason_name(),
        from_at: interval.from.map(|from| from.to_string()),
        to_at: interval.to.map(|to| to.to_string()),
    }
}

impl Person {
    /// The known time that the feeds of a rule have reached.
    fn spoken(&self, rule: usize) -> KnownTime {
        self.clocks.least(self.shard.waits_for(rule))
    }

    pub fn clock(&self, feed: Feed) -> FeedClock {
        let clock = self.clocks.feed(feed);
        FeedClock { feed: feed.name(), clock: (clock > KnownTime::MIN).then(|| format_micros(clock.0)) }
    }
}

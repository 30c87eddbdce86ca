//! The fact sheet for the person whom an alert is about: what was found, from which records, under which law, what was and was not
//! checked, and how to have an error corrected (GDPR articles 13-16, FL 25 and 32 §§).
//!
//! - No severity, no pseudonym, no word that weighs: only facts, days, sources and limits.
//! - Nothing about another person: a row that rests on other persons' rows shows none of its evidence, nor does a column that speaks of
//!   others, and what another person has, or has not, is no explanation here. Notices, which may name their sender, show no content,
//!   and no personal number is shown.
//! - What is left out is marked as left out, with the reason, so that the party can ask for it.

use serde::Serialize;
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::catalogue::finding::{is_something, placeholders};
use crate::model::alert::{Bilingual, Status};
use crate::tools::explain::mask::{Mask, is_of_others, is_own, names_others, only_ranks, reads_others, without_tiers};
use crate::tools::explain::page::{Block, Item, Page, Pair, day};
use crate::tools::explain::words::ended;
use crate::tools::explain::{AlertFacts, ExplainError, ParameterFacts, RecordFacts, party_words};
use crate::words::labels::spelled_out;
use crate::words::states::reason;
use crate::words::{Language, Words, both, capital, labels, of, say};

/// The content of the sheet, in both languages.
#[derive(Debug, Serialize)]
pub struct PartyFacts {
    pub permit_id: String,
    pub permit_class: Option<Bilingual>,
    /// Day up to which records are included.
    pub as_of: String,
    pub circumstances: Vec<Circumstance>,
    pub corrections: Vec<Bilingual>,
    pub rights: Vec<Bilingual>,
}

/// One alert.
#[derive(Debug, Serialize)]
pub struct Circumstance {
    /// The alert's id, for reference.
    pub reference: String,
    pub title: Bilingual,
    pub found_on: String,
    pub state: Bilingual,
    /// That what was found no longer holds; null if it does.
    pub ended: Option<Bilingual>,
    pub found: Bilingual,
    pub facts: Vec<Fact>,
    pub records: Vec<PartyRecord>,
    /// What came in at the moment at which it ended.
    pub ended_by: Vec<PartyRecord>,
    pub provisions: Vec<Bilingual>,
    pub thresholds: Vec<ParameterFacts>,
    pub looked_for: Vec<Explanation>,
    pub not_looked_for: Vec<Bilingual>,
    /// Something was left out because it concerns another person.
    pub masked: bool,
}

#[derive(Debug, Serialize)]
pub struct Fact {
    pub name: Bilingual,
    pub value: Bilingual,
}

#[derive(Debug, Serialize)]
pub struct PartyRecord {
    pub kind: Bilingual,
    pub source: Option<Bilingual>,
    /// The day that the record is about, and the day on which it reached the authority.
    pub about_on: Option<String>,
    pub received_on: Option<String>,
    /// Why the record's content is not shown.
    pub withheld: Option<Bilingual>,
    pub facts: Vec<Fact>,
}

#[derive(Debug, Serialize)]
pub struct Explanation {
    pub what: Bilingual,
    /// Null once the alert has ended: one of these may be why.
    pub result: Option<Bilingual>,
}

/// The sheet about one permit. Refused if an alert is not about a person's permit: its evidence is other persons'.
pub fn party(
    catalogue: &Catalogue,
    permit_id: &str,
    permit_class: Option<&str>,
    as_of: &str,
    alerts: &[AlertFacts],
) -> Result<PartyFacts, ExplainError> {
    let circumstances = alerts.iter().map(|facts| circumstance(catalogue, facts)).collect::<Result<_, _>>()?;
    Ok(PartyFacts {
        permit_id: permit_id.to_owned(),
        permit_class: permit_class.map(labels::permit_class),
        as_of: day(as_of).to_owned(),
        circumstances,
        corrections: party_words::corrections(),
        rights: party_words::rights(),
    })
}

fn circumstance(catalogue: &Catalogue, facts: &AlertFacts) -> Result<Circumstance, ExplainError> {
    let (alert, found) = (&facts.alert, &facts.found);
    let rule = catalogue
        .rule(&alert.rule_id)
        .filter(|rule| rule.header.subject.is_none())
        .ok_or_else(|| ExplainError::NoParty { id: alert.alert_id.clone(), rule: alert.rule_id.clone() })?;
    let words = &*rule.words;
    // The party is told what the records say now, not what they said when the alert last changed.
    let (now, records) = match &facts.now {
        Some(now) => (&now.evidence, &now.records),
        None => (&found.evidence, &facts.records),
    };
    let mask = Mask { all: reads_others(catalogue, rule) && !is_own(rule, now, records), words };
    let say = |language, name: &str, value: &Value| mask.value(name, value, language);
    let value = |name: &str| {
        let value = now.get(name).unwrap_or(&Value::Null);
        both(say(Language::Sv, name, value), say(Language::En, name, value))
    };
    let plain = |sv: &str, en: &str| {
        both(spelled_out(&without_tiers(sv), Language::Sv), spelled_out(&without_tiers(en), Language::En))
    };
    let (looked_for, open): (Vec<_>, Vec<_>) =
        facts.counter_evidence.iter().filter(|counter| !counter.of_others).partition(|counter| counter.looked_for);
    let looked_for = looked_for.into_iter().map(|counter| Explanation {
        what: plain(&counter.sv, &counter.en),
        result: match &counter.column {
            Some(column) if mask.hides(column) => None,
            Some(column) if now.get(column).is_some_and(|value| !value.is_null()) => {
                let (name, value) = (words.fact(column), value(column));
                Some(both(format!("{}: {}", name.sv, value.sv), format!("{}: {}", name.en, value.en)))
            }
            _ => alert.status.stands().then(|| both("inget sådant framkom", "nothing of the kind was found")),
        },
    });
    let template = rule.header.finding.sv.as_str();
    let says_others =
        placeholders(template).any(|(told, _)| mask.hides(told.column) && is_something(now.get(told.column)));
    let others = || facts.counter_evidence.iter().any(|counter| counter.of_others);
    Ok(Circumstance {
        reference: alert.alert_id.clone(),
        title: alert.title.clone(),
        found_on: day(facts.history.first().map_or(&alert.alert_at, |step| &step.as_of)).to_owned(),
        state: state(facts),
        ended: ended(Language::Sv, alert).zip(ended(Language::En, alert)).map(|(sv, en)| both(sv, en)),
        found: if says_others {
            party_words::of_others()
        } else {
            let told = rule.finding_as(now, &say, &|name| mask.hides(name));
            plain(&told.sv, &told.en)
        },
        facts: now
            .iter()
            .filter(|(name, value)| !mask.hides(name) && !value.is_null())
            .map(|(name, _)| Fact { name: words.fact(name), value: value(name) })
            .collect(),
        records: records.iter().map(|record| party_record(record, words)).collect(),
        provisions: alert.legal_basis.iter().map(|basis| labels::provision(basis)).collect(),
        ended_by: facts.ended_by.iter().map(|record| party_record(record, words)).collect(),
        thresholds: facts.rule.parameters.iter().filter(|parameter| !only_ranks(parameter)).map(spelled).collect(),
        looked_for: looked_for.collect(),
        not_looked_for: open.into_iter().map(|counter| plain(&counter.sv, &counter.en)).collect(),
        masked: mask.all || others() || now.iter().any(|(name, value)| names_others(name) && is_something(Some(value))),
    })
}

/// The threshold with the laws in its source by their names.
fn spelled(threshold: &ParameterFacts) -> ParameterFacts {
    let source = threshold.source.as_ref();
    let source =
        source.map(|source| both(spelled_out(&source.sv, Language::Sv), spelled_out(&source.en, Language::En)));
    ParameterFacts { source, ..threshold.clone() }
}

fn state(facts: &AlertFacts) -> Bilingual {
    let alert = &facts.alert;
    let on = day(&alert.as_of);
    let why = |language| alert.reason.as_deref().map(|why| format!(": {}", reason(language, why))).unwrap_or_default();
    match alert.status {
        Status::Raised | Status::Updated => {
            both("kvarstår, ska bedömas av en handläggare", "remains, to be judged by a case officer")
        }
        Status::Cleared => {
            both(format!("avslutad {on}{}", why(Language::Sv)), format!("ended {on}{}", why(Language::En)))
        }
        Status::Retracted => {
            both(format!("återtagen {on}{}", why(Language::Sv)), format!("withdrawn {on}{}", why(Language::En)))
        }
    }
}

fn party_record(record: &RecordFacts, words: &Words) -> PartyRecord {
    let is_notice = record.table == "notices";
    let is_others = is_of_others(&record.table);
    let withheld = if is_others || is_notice {
        Some(both("rör någon annan eller kan visa vem som lämnat uppgiften", "concerns, or may show, someone else"))
    } else if record.withheld {
        Some(both("omfattas av sekretess", "is covered by secrecy"))
    } else if record.known_time.is_none() {
        Some(both("finns hos handläggaren", "is with the case officer"))
    } else {
        None
    };
    let shown = if withheld.is_some() { &[] } else { record.values.as_slice() };
    let mask = Mask { all: false, words };
    let fact = |value: &crate::tools::explain::shown::ValueFacts| {
        let text = |language| mask.value(value.column, &value.json(), language);
        Fact { name: words.fact(value.column), value: both(text(Language::Sv), text(Language::En)) }
    };
    let on = |at: &Option<String>| at.as_deref().filter(|_| !is_others).map(|at| day(at).to_owned());
    PartyRecord {
        kind: if is_others {
            both("Uppgift om någon annan", "Record of someone else")
        } else {
            labels::table(&record.table)
        },
        source: record.source.as_deref().filter(|_| !is_others && !is_notice).map(labels::source),
        about_on: on(&record.event_time),
        received_on: on(&record.known_time),
        withheld,
        facts: shown.iter().map(fact).collect(),
    }
}

pub fn party_page(facts: &PartyFacts, language: Language) -> Page {
    let mut page = Page {
        language,
        title: say(language, "Uppgifter om dig som rör ditt tillstånd", "Facts about you that concern your permit")
            .into(),
        about: vec![
            Pair::new(say(language, "Tillstånd", "Permit"), &facts.permit_id),
            Pair::new(say(language, "Uppgifter till och med", "Records up to"), &facts.as_of),
        ],
        intro: party_words::intro(language, facts.circumstances.is_empty()),
        sections: Vec::new(),
        closing: party_words::closing(language).to_owned(),
    };
    if let Some(class) = &facts.permit_class {
        page.about.insert(1, Pair::new(page.say("Grund", "Ground"), of(language, class)));
    }
    for (at, circumstance) in facts.circumstances.iter().enumerate() {
        let number = if facts.circumstances.len() > 1 { format!("{}. ", at + 1) } else { String::new() };
        circumstance_sections(&mut page, circumstance, &number);
    }
    let list = |words: &[Bilingual]| Block::List(words.iter().map(|words| of(language, words).to_owned()).collect());
    page.section(page.say("Om något inte stämmer", "If something is wrong"), vec![list(&facts.corrections)]);
    page.section(page.say("Dina rättigheter", "Your rights"), vec![list(&facts.rights)]);
    let blanks = party_words::blanks().iter().map(|words| of(language, words).to_owned()).collect();
    page.section(
        page.say("Kontakt (fylls i av myndigheten)", "Contact (filled in by the authority)"),
        vec![Block::Blanks(blanks)],
    );
    page
}

fn circumstance_sections(page: &mut Page, facts: &Circumstance, number: &str) {
    let language = page.language;
    let mut heading = |sv: &str, en: &str, blocks: Vec<Block>| {
        page.section(format!("{number}{}", say(language, sv, en)), blocks);
    };
    let pair = |fact: &Fact| Pair::new(capital(of(language, &fact.name)), of(language, &fact.value));
    let about = vec![
        Pair::new(say(language, "Gäller", "About"), of(language, &facts.title)),
        Pair::new(say(language, "Framkom", "Came up"), &facts.found_on),
        Pair::new(say(language, "Läge", "State"), of(language, &facts.state)),
        Pair::new(say(language, "Referens", "Reference"), &facts.reference),
    ];
    let mut found = vec![Block::Pairs(about)];
    found.extend(facts.ended.as_ref().map(|words| Block::Text(of(language, words).to_owned())));
    found.push(Block::Text(of(language, &facts.found).to_owned()));
    found.push(Block::Pairs(facts.facts.iter().map(pair).collect()));
    if facts.masked {
        found.push(Block::Text(party_words::masked(language).to_owned()));
    }
    heading("Vad som har framkommit", "What was found", found);
    let records = facts.records.iter().map(|record| Block::Item(record_item(record, language, &pair))).collect();
    heading("Uppgifterna som det bygger på", "The records that it rests on", records);
    let ended_by = facts.ended_by.iter().map(|record| Block::Item(record_item(record, language, &pair))).collect();
    heading("Det som kom in när det avslutades", "What came in when it ended", ended_by);
    let provisions = facts.provisions.iter().map(|words| of(language, words).to_owned()).collect();
    heading("Bestämmelser", "Provisions", vec![Block::List(provisions)]);
    if !facts.thresholds.is_empty() {
        let pairs = facts.thresholds.iter().map(|threshold| threshold_pair(threshold, language)).collect();
        heading(
            "Regelns gränsvärden (alla rör inte varje fall)",
            "Limits of the rule (not all concern every case)",
            vec![Block::Pairs(pairs)],
        );
    }
    let looked_for: Vec<String> = facts
        .looked_for
        .iter()
        .map(|explanation| match &explanation.result {
            Some(result) => format!("{} – {}", of(language, &explanation.what), of(language, result)),
            None => of(language, &explanation.what).to_owned(),
        })
        .collect();
    if !looked_for.is_empty() {
        heading(
            "Förklaringar som har kontrollerats",
            "Explanations that were looked for",
            vec![Block::List(looked_for)],
        );
    }
    if !facts.not_looked_for.is_empty() {
        let list = facts.not_looked_for.iter().map(|words| of(language, words).to_owned()).collect();
        let blocks = vec![Block::Text(party_words::tell_us(language).to_owned()), Block::List(list)];
        heading("Det här har inte kunnat kontrolleras", "What could not be checked", blocks);
    }
}

fn record_item(record: &PartyRecord, language: Language, pair: &impl Fn(&Fact) -> Pair) -> Item {
    let mut notes = Vec::new();
    let mut days = Vec::new();
    for (sv, en, on) in [("avser", "is about", &record.about_on), ("kom in", "came in", &record.received_on)] {
        days.extend(on.as_ref().map(|on| format!("{} {on}", say(language, sv, en))));
    }
    if let Some(source) = &record.source {
        days.push(format!("{}: {}", say(language, "källa", "source"), of(language, source)));
    }
    if !days.is_empty() {
        notes.push(days.join("; "));
    }
    if let Some(why) = &record.withheld {
        notes.push(format!(
            "{} {}.",
            say(language, "Innehållet visas inte här:", "Its content is not shown here: it"),
            of(language, why)
        ));
    }
    Item { head: of(language, &record.kind).to_owned(), notes, pairs: record.facts.iter().map(pair).collect() }
}

/// A limit under what it means, with its value, the days on which it is in force, and its source.
fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

pub(super) fn threshold_pair(threshold: &ParameterFacts, language: Language) -> Pair {
    let period = match (&threshold.in_force_from, &threshold.in_force_to) {
        (Some(from), Some(to)) => format!(" ({from} – {to})"),
        (Some(from), None) => format!(" ({} {from})", say(language, "från", "from")),
        _ => String::new(),
    };
    let value = match threshold.name.rsplit('_').next() {
        Some("months") => {
            both(counted(threshold.value, "månad", "månader"), counted(threshold.value, "month", "months"))
        }
        Some("days") => both(counted(threshold.value, "dag", "dagar"), counted(threshold.value, "day", "days")),
        _ => Words::default().value(&threshold.name, &Value::from(threshold.value)),
    };
    let source = threshold.source.as_ref();
    Pair {
        name: capital(of(language, &threshold.meaning)),
        value: format!("{}{period}", of(language, &value)),
        note: source.map(|source| format!("{}: {}", say(language, "källa", "source"), of(language, source))),
    }
}

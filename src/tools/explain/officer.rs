//! The case officer's page: for an alert, everything it rests on and its history; for a permit, every rule.

use serde_json::{Map, Value};

use crate::terminal::Language;
use crate::tools::explain::mask::without_numbers;
use crate::tools::explain::page::{Block, Item, Page, Pair, day, plain, time};
use crate::tools::explain::words::{closing, gate, of, reason, say, severity, status, verdict};
use crate::tools::explain::{
    AlertFacts, CounterFacts, FeedClock, ParameterFacts, PermitFacts, RecordFacts, RowFacts, RuleFacts, Verdict, labels,
};

pub fn alert_page(facts: &AlertFacts, language: Language) -> Page {
    let (alert, found) = (&facts.alert, &facts.found);
    let person = format!("{} ({})", alert.person, say(language, "pseudonym", "pseudonym"));
    let mut page = Page {
        language,
        title: format!("{} {}", facts.rule.number, of(language, &alert.title)),
        about: vec![
            Pair::new(say(language, "Indikation", "Indication"), &alert.alert_id),
            Pair::new(
                say(language, "Tillstånd", "Permit"),
                about(found.permit_class.as_deref(), &alert.subject, language),
            ),
            Pair::new("Person", person),
            Pair::new(say(language, "Läge", "State"), state(facts, language)),
        ],
        intro: Vec::new(),
        sections: Vec::new(),
        closing: closing(language).to_owned(),
    };
    let missing = page.say("Underlaget finns inte i den sista uppgiften.", "The last transition does not carry it.");
    let words = Some(of(language, &found.finding)).filter(|words| !words.is_empty()).unwrap_or(missing);
    page.section(page.say("Vad som framkommit", "What was found"), finding_blocks(words, &found.evidence, language));
    let items = |records: &[RecordFacts]| -> Vec<Block> {
        records.iter().map(|record| Block::Item(record_item(record, language))).collect()
    };
    page.section(page.say("I vilka uppgifter", "In which records"), items(&facts.records));
    if let Some(now) = &facts.now {
        let words = page.say("Så säger uppgifterna nu, per", "What the records say now, as of");
        let is_new = |record: &&RecordFacts| {
            !facts.records.iter().any(|old| (&old.record_key, old.version) == (&record.record_key, record.version))
        };
        let changed = now.evidence.iter().filter(|(name, value)| found.evidence.get(*name) != Some(*value));
        let changed = changed.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut blocks = finding_blocks(of(language, &now.finding), &changed, language);
        blocks.extend(now.records.iter().filter(is_new).map(|record| Block::Item(record_item(record, language))));
        page.section(format!("{words} {}", time(&facts.as_of)), blocks);
    }
    let access = page.say("Tillgång till uppgifterna", "Access to the data");
    page.section(
        page.say("Rättslig grund", "Under which law"),
        vec![
            Block::List(alert.legal_basis.clone()),
            Block::Text(format!("{access}: {}", gate(language, &facts.rule.legal_gate))),
        ],
    );
    parameters(&mut page, facts);
    counter_evidence(&mut page, &facts.counter_evidence, &found.as_of);
    history(&mut page, facts);
    page
}

fn finding_blocks(words: &str, evidence: &Map<String, Value>, language: Language) -> Vec<Block> {
    let shown = |(name, value): (&String, &Value)| Pair::new(fact_name(name, language), fact_value(value, language));
    vec![Block::Text(without_numbers(words, language)), Block::Pairs(evidence.iter().map(shown).collect())]
}

/// A sole trader's number is a personal number.
fn fact_value(value: &Value, language: Language) -> String {
    without_numbers(&plain(value, language), language)
}

pub fn permit_page(facts: &PermitFacts, language: Language) -> Page {
    let permit = about(Some(&facts.permit_class), &facts.permit_id, language);
    let mut page = Page {
        language,
        title: format!(
            "{} {permit}, {} {}",
            say(language, "Tillstånd", "Permit"),
            say(language, "per", "as of"),
            time(&facts.as_of)
        ),
        about: vec![Pair::new("Person", format!("{} ({})", facts.person, say(language, "pseudonym", "pseudonym")))],
        intro: Vec::new(),
        sections: Vec::new(),
        closing: closing(language).to_owned(),
    };
    let mut clocks: Vec<Pair> =
        facts.clocks.iter().map(|clock| Pair::new(clock.feed, time_of(clock, language))).collect();
    for (what, count) in &facts.quarantined {
        clocks.push(Pair::new(page.say("undantagna meddelanden", "messages set aside"), format!("{count} {what}")));
    }
    page.section(
        page.say("Hur långt varje flöde har rapporterat", "How far each feed has spoken"),
        vec![Block::Pairs(clocks)],
    );
    for rule in &facts.rules {
        page.section(
            format!("{} {} ({})", rule.number, of(language, &rule.title), rule.id),
            rule_blocks(rule, language),
        );
    }
    if !facts.other_rules.is_empty() {
        page.section(
            page.say("Regler för andra tillståndsklasser", "Rules for other classes of permit"),
            vec![Block::Text(facts.other_rules.join(", "))],
        );
    }
    page
}

fn about(class: Option<&str>, subject: &str, language: Language) -> String {
    let Some(class) = class else { return subject.to_owned() };
    let words = labels::permit_class(class);
    format!("{subject} ({class}, {})", of(language, &words))
}

/// The reader's word, with the rule's own name, which can be searched for in the rule file.
fn fact_name(name: &str, language: Language) -> String {
    match labels::column(name) {
        Some(words) => format!("{} [{name}]", of(language, &words)),
        None => name.to_owned(),
    }
}

fn state(facts: &AlertFacts, language: Language) -> String {
    let alert = &facts.alert;
    let mut text = format!("{} {}", status(language, alert.status.name()), time(&alert.as_of));
    if let Some(why) = &alert.reason {
        text.push_str(&format!(" ({})", reason(language, why)));
    }
    text.push_str(&format!(
        "; {} {}; {} {}",
        say(language, "styrka", "strength"),
        severity(language, alert.severity.name()),
        say(language, "gäller från", "holds from"),
        time(&alert.alert_at)
    ));
    if alert.late_record {
        text.push_str(say(language, "; en sen uppgift behöver ses över", "; a late record should be looked at"));
    }
    text
}

fn record_item(record: &RecordFacts, language: Language) -> Item {
    let table = labels::table(&record.table);
    let version = say(language, "version", "version");
    let mut notes = Vec::new();
    if let (Some(event), Some(known)) = (&record.event_time, &record.known_time) {
        let source = record.source.as_deref().map_or_else(|| labels::same("–"), labels::source);
        let (when, reached) = (say(language, "avser", "true at"), say(language, "inkom", "known at"));
        let from = say(language, "källa", "source");
        notes.push(format!("{when} {}, {reached} {}, {from} {}", time(event), time(known), of(language, &source)));
    }
    if record.withheld {
        notes.push(
            say(language, "Innehållet visas inte (sekretess).", "Its content is not shown (secrecy).").to_owned(),
        );
    }
    let pairs = record.values.iter().map(|value| {
        let words = labels::fact(value.column);
        let register = if value.register == "-" { value.column } else { value.register };
        let shown = labels::value(&value.value);
        Pair::new(format!("{} [{register}]", of(language, &words)), of(language, &shown))
    });
    Item {
        head: format!(
            "{} ({} {}, {version} {})",
            of(language, &table),
            record.table,
            record.record_key,
            record.version
        ),
        notes,
        pairs: pairs.collect(),
    }
}

fn parameters(page: &mut Page, facts: &AlertFacts) {
    let language = page.language;
    let on = facts.found.anchor_at.as_deref().unwrap_or_else(|| day(&facts.found.alert_at));
    let pairs: Vec<Pair> = facts.rule.parameters.iter().map(|parameter| parameter_pair(parameter, language)).collect();
    if !pairs.is_empty() {
        let heading = format!("{} {on}", page.say("Gränsvärden, för", "Thresholds, as to"));
        page.section(heading, vec![Block::Pairs(pairs)]);
    }
}

fn parameter_pair(parameter: &ParameterFacts, language: Language) -> Pair {
    let (from, to) = (parameter.in_force_from.as_deref(), parameter.in_force_to.as_deref());
    let mut value = parameter.value.to_string();
    if let Some(from) = from {
        value.push_str(&format!(" ({} {from}", say(language, "från", "from")));
        value.push_str(&to.map(|to| format!(" {} {to}", say(language, "till", "until"))).unwrap_or_default());
        value.push(')');
    }
    let source = parameter.source.as_deref().unwrap_or("–");
    let note = match &parameter.meaning {
        Some(meaning) => format!("{meaning}; source: {source}"),
        None => format!("source: {source}"),
    };
    Pair { name: parameter.name.clone(), value, note: Some((note, Language::En)) }
}

fn counter_evidence(page: &mut Page, counters: &[CounterFacts], as_of: &str) {
    let language = page.language;
    let (looked_for, open): (Vec<_>, Vec<_>) = counters.iter().partition(|counter| counter.looked_for);
    let looked_for: Vec<String> = looked_for
        .into_iter()
        .map(|counter| {
            let result = match (&counter.column, &counter.result) {
                (Some(column), Some(value)) => {
                    format!("{} = {}", fact_name(column, language), fact_value(value, language))
                }
                // The rule gives no row when it finds one of these.
                _ => say(language, "inte funnen", "not found").to_owned(),
            };
            format!("{}: {result}", say(language, &counter.sv, &counter.en))
        })
        .collect();
    if !looked_for.is_empty() {
        let words = page.say("Förklaringar som söktes, per", "Innocent explanations that were looked for, as of");
        page.section(format!("{words} {}", day(as_of)), vec![Block::List(looked_for)]);
    }
    let open: Vec<String> =
        open.into_iter().map(|counter| say(language, &counter.sv, &counter.en).to_owned()).collect();
    if !open.is_empty() {
        page.section(page.say("Kunde inte kontrolleras", "Could not be checked"), vec![Block::List(open)]);
    }
}

fn history(page: &mut Page, facts: &AlertFacts) {
    let language = page.language;
    let mut blocks = Vec::new();
    if facts.from_topic {
        let words = page.say("Endast den sista ändringen finns här.", "Only the last transition is at hand.");
        blocks.push(Block::Text(words.to_owned()));
    }
    let steps = facts.history.iter().map(|step| {
        let what = status(language, step.status.name());
        let mut line = format!("{} {what}, {}", time(&step.as_of), severity(language, step.severity));
        line.push_str(&step.reason.as_deref().map(|why| format!(": {}", reason(language, why))).unwrap_or_default());
        for (words, id) in [
            (say(language, "ersatt av", "replaced by"), &step.replaced_by),
            (say(language, "ersätter", "replaces"), &step.replaces),
        ] {
            line.push_str(&id.as_deref().map(|id| format!("; {words} {id}")).unwrap_or_default());
        }
        if step.late_record {
            line.push_str(say(language, "; sen uppgift", "; late record"));
        }
        line
    });
    let steps = steps.collect();
    blocks.push(if facts.from_topic { Block::List(steps) } else { Block::Steps(steps) });
    page.section(page.say("Vad som har hänt", "What has happened"), blocks);
}

fn rule_blocks(rule: &RuleFacts, language: Language) -> Vec<Block> {
    let mut blocks = vec![Block::Text(rule.legal_basis.join("; "))];
    if let Some(failure) = &rule.failure {
        let words = say(language, "Regeln kunde inte köras", "The rule could not be run");
        blocks.push(Block::Text(format!("{words}: {failure}")));
    } else if rule.rows.is_empty() {
        let read: Vec<String> = rule.read.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
        let none = say(language, "ingen rad: regeln läste", "no row: the rule read");
        blocks.push(Block::Text(format!("{none} {}", read.join(", "))));
    } else {
        blocks.extend(rule.rows.iter().map(|row| Block::Item(row_item(row, language))));
    }
    blocks
}

fn row_item(row: &RowFacts, language: Language) -> Item {
    let key = say(language, "nyckel", "key");
    let tier = severity(language, row.severity);
    let mut notes = Vec::new();
    let mut times = format!("{} {}", say(language, "gäller från", "holds from"), time(&row.alert_at));
    for (words, at) in [
        (say(language, "förutsätter att inget inkommit till", "rests on nothing having come in up to"), &row.due_at),
        (say(language, "till", "until"), &row.cleared_at),
        (say(language, "avser", "is about"), &row.anchor_at),
    ] {
        times.push_str(&at.as_deref().map(|at| format!("; {words} {}", time(at))).unwrap_or_default());
    }
    if let Some(why) = &row.cleared_reason {
        times.push_str(&format!(" ({})", reason(language, why)));
    }
    notes.push(times);
    if let Some(tier) = row.corroborated {
        let words = say(language, "stöds av ett tips, räknas som", "supported by a tip, counts as");
        notes.push(format!("{words} {}", severity(language, tier)));
    }
    for canceller in &row.cancelled_by {
        let mut words = say(language, "hålls tillbaka", "held back").to_owned();
        for (word, at) in
            [(say(language, "från", "from"), &canceller.from_at), (say(language, "till", "until"), &canceller.to_at)]
        {
            words.push_str(&at.as_deref().map(|at| format!(" {word} {}", time(at))).unwrap_or_default());
        }
        notes.push(format!("{words}: {}", reason(language, canceller.reason)));
    }
    if let Some(least) = row.awaits.iter().min_by(|a, b| a.clock.cmp(&b.clock)) {
        let feeds: Vec<&str> = row.awaits.iter().map(|clock| clock.feed).collect();
        let words =
            say(language, "väntar på att dessa flöden rapporterar så långt:", "awaits that these feeds speak so far:");
        let least = format!("{} {}", least.feed, time_of(least, language));
        notes.push(format!("{words} {} ({}: {least})", feeds.join(", "), say(language, "kortast", "least")));
    }
    if !matches!(row.verdict, Verdict::Ahead | Verdict::Awaits | Verdict::Outranked) {
        notes.push(without_numbers(of(language, &row.finding), language));
    }
    Item {
        head: format!("{}: {key} {}, {tier}, {}", verdict(language, row.verdict), row.alert_key, row.alert_id),
        notes,
        pairs: Vec::new(),
    }
}

fn time_of(clock: &FeedClock, language: Language) -> String {
    clock.clock.as_deref().map_or_else(|| say(language, "inget ännu", "nothing yet").to_owned(), time)
}

//! The case officer's page: for an alert, everything it rests on and its history; for a permit, every rule.

use serde_json::{Map, Value};

use crate::model::schema::TableId;
use crate::tools::explain::numbers::without_numbers;
use crate::tools::explain::page::{Block, Item, Page, Pair, day, time};
use crate::tools::explain::party::threshold_pair;
use crate::tools::explain::shown::ValueFacts;
use crate::tools::explain::words::{closing, ended, not_found, verdict};
use crate::tools::explain::{
    AlertFacts, Change, CounterFacts, FeedClock, PermitFacts, RecordFacts, RowFacts, RuleFacts, SetAside, Verdict,
    is_computed,
};
use crate::words::states::{gate, reason, set_aside_of, severity, severity_of, status};
use crate::words::{Language, Words, capital, labels, of, same, say};

pub fn alert_page(facts: &AlertFacts, language: Language) -> Page {
    let (alert, found) = (&facts.alert, &facts.found);
    let words = &*facts.rule.words;
    let is_of_person = facts.rule.about != "employer";
    let person = format!("{} ({})", alert.person, say(language, "pseudonym", "pseudonym"));
    let mut about = vec![
        Pair::new(say(language, "Indikation", "Indication"), &alert.alert_id),
        Pair::new(unit(facts.rule.about, language), subject(found.permit_class.as_deref(), &alert.subject, language)),
    ];
    // An employer's alert is about nobody: its pseudonym is the employer's.
    about.extend(is_of_person.then(|| Pair::new(unit("person", language), person)));
    about.push(Pair::new(say(language, "Läge", "State"), state(facts, language)));
    let mut page = Page {
        language,
        title: format!("{} {}", facts.rule.number, of(language, &alert.title)),
        about,
        intro: Vec::new(),
        sections: Vec::new(),
        closing: closing(language).to_owned(),
    };
    let missing = page.say("Underlaget finns inte i den sista uppgiften.", "The last transition does not carry it.");
    let finding = Some(of(language, &found.finding)).filter(|words| !words.is_empty()).unwrap_or(missing);
    let mut blocks: Vec<Block> = ended(language, alert).map(Block::Text).into_iter().collect();
    blocks.extend(finding_blocks(Some(finding), &found.evidence, words, language));
    page.section(page.say("Vad som framkommit", "What was found"), blocks);
    let items =
        |records: &[RecordFacts]| -> Vec<Block> { record_blocks(&records.iter().collect::<Vec<_>>(), words, language) };
    page.section(page.say("I vilka uppgifter", "In which records"), items(&facts.records));
    if let Some(now) = &facts.now {
        let heading = page.say("Så säger uppgifterna nu, per", "What the records say now, as of");
        let is_new = |record: &&RecordFacts| {
            !facts.records.iter().any(|old| (&old.record_key, old.version) == (&record.record_key, record.version))
        };
        let changed = now.evidence.iter().filter(|(name, value)| found.evidence.get(*name) != Some(*value));
        let changed = changed.map(|(name, value)| (name.clone(), value.clone())).collect();
        let told_anew = Some(of(language, &now.finding)).filter(|told| *told != finding);
        let mut blocks = finding_blocks(told_anew, &changed, words, language);
        let new: Vec<&RecordFacts> = now.records.iter().filter(is_new).collect();
        blocks.extend(record_blocks(&new, words, language));
        page.section(format!("{heading} {}", time(&facts.as_of)), blocks);
    }
    let heading = page.say("Så säger uppgifterna nu: det här kom in", "What the records say now: this came in on");
    page.section(format!("{heading} {}", time(&alert.as_of)), items(&facts.ended_by));
    let access = page.say("Tillgång till uppgifterna", "Access to the data");
    page.section(
        page.say("Rättslig grund", "Under which law"),
        vec![
            Block::List(alert.legal_basis.clone()),
            Block::Text(format!("{access}: {}", gate(language, &facts.rule.legal_gate))),
        ],
    );
    parameters(&mut page, facts);
    counter_evidence(&mut page, facts);
    if facts.has_unseen {
        page.section(not_looked_at(language), vec![Block::Text(for_other_purposes(language).to_owned())]);
    }
    history(&mut page, facts);
    page
}

fn not_looked_at(language: Language) -> &'static str {
    say(language, "Vad som inte har prövats", "What was not looked at")
}

fn for_other_purposes(language: Language) -> &'static str {
    say(
        language,
        "Det finns uppgifter om personen som har lämnats ut för ett annat ändamål än regelns. Regeln har inte sett dem, och inte heller vad som i dem kan tala för personen.",
        "There are data about the person that were disclosed for another purpose than the rule's. The rule has not seen them, nor what in them may speak for the person.",
    )
}

/// The finding, and the evidence that says something.
fn finding_blocks(
    finding: Option<&str>,
    evidence: &Map<String, Value>,
    words: &Words,
    language: Language,
) -> Vec<Block> {
    let shown = |(name, value): (&String, &Value)| {
        Pair::new(capital(of(language, &words.fact(name))), fact_value(name, value, words, language))
    };
    let mut blocks: Vec<Block> =
        finding.map(|finding| Block::Text(without_numbers(finding, language))).into_iter().collect();
    blocks.push(Block::Pairs(evidence.iter().filter(|(_, value)| !value.is_null()).map(shown).collect()));
    blocks
}

/// A sole trader's number is a personal number.
fn fact_value(name: &str, value: &Value, words: &Words, language: Language) -> String {
    without_numbers(of(language, &words.value(name, value)), language)
}

/// `with_steps`: also how many rows each step of a rule without a row has, and the condition that took the last one, as SQL.
pub fn permit_page(facts: &PermitFacts, language: Language, with_steps: bool) -> Page {
    let permit = subject(Some(&facts.permit_class), &facts.permit_id, language);
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
        facts.clocks.iter().map(|clock| Pair::new(feed(clock, language), time_of(clock, language))).collect();
    for SetAside { feed, reason, messages } in &facts.quarantined {
        let feed = of(language, &labels::feed(feed)).to_owned();
        let why = set_aside_of(language, reason);
        let what = page.say("undantagna meddelanden", "messages set aside");
        clocks.push(Pair::new(what, format!("{messages}, {feed}: {why}")));
    }
    page.section(
        page.say("Hur långt varje flöde har rapporterat", "How far each feed has spoken"),
        vec![Block::Pairs(clocks)],
    );
    if !facts.with_unseen.is_empty() {
        let rules = Block::Text(facts.with_unseen.join(", "));
        page.section(not_looked_at(language), vec![Block::Text(for_other_purposes(language).to_owned()), rules]);
    }
    let (empty, told): (Vec<_>, Vec<_>) = facts.rules.iter().partition(|rule| rule.is_empty());
    for rule in told {
        page.section(format!("{} {}", rule.number, of(language, &rule.title)), rule_blocks(rule, language));
    }
    let empty = empty.into_iter().map(|rule| empty_line(rule, language, with_steps)).collect::<Vec<_>>();
    if !empty.is_empty() {
        page.section(
            page.say("Regler som inte har någon rad för tillståndet", "Rules without a row for the permit"),
            vec![Block::List(empty)],
        );
    }
    let others = facts.other_rules.iter().map(|rule| format!("{} {}", rule.number, of(language, &rule.title)));
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        page.section(
            page.say("Regler som inte rör tillståndet", "Rules that do not concern the permit"),
            vec![Block::Text(others.join("; "))],
        );
    }
    page
}

fn unit(about: &str, language: Language) -> &'static str {
    match about {
        "employer" => say(language, "Arbetsgivare", "Employer"),
        "person" => say(language, "Person", "Person"),
        _ => say(language, "Tillstånd", "Permit"),
    }
}

fn subject(class: Option<&str>, subject: &str, language: Language) -> String {
    let subject = without_numbers(subject, language);
    match class {
        Some(class) => format!("{subject} ({})", of(language, &labels::permit_class(class))),
        None => subject,
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

/// So many records that say nearly the same share a box: the salaries of half a year.
const SERIES: usize = 3;

/// One box a record. Records of a series share one, and so do rows of one table that other units show, of which there may be hundreds.
fn record_blocks(records: &[&RecordFacts], words: &Words, language: Language) -> Vec<Block> {
    let kind = |record: &RecordFacts| record.values.first().map(|value| (value.column, value.value.clone()));
    let alike = |one: &&RecordFacts, other: &&RecordFacts| {
        one.table == other.table
            && (is_computed(&one.table)
                || ((&one.source, one.withheld) == (&other.source, other.withheld)
                    && one.event_time.is_some() == other.event_time.is_some()
                    && kind(one) == kind(other)))
    };
    let mut blocks = Vec::new();
    for some in records.chunk_by(alike) {
        match some {
            [first, _, ..] if some.len() >= SERIES || is_computed(&first.table) => {
                blocks.push(Block::Item(series_item(some, words, language)));
            }
            some => blocks.extend(some.iter().map(|record| Block::Item(record_item(record, words, language)))),
        }
    }
    blocks
}

/// Several records in one: first what all have in common, then a line each. Lines of computed rows that say the same are one, with how
/// many they are.
fn series_item(records: &[&RecordFacts], words: &Words, language: Language) -> Item {
    let has = |record: &RecordFacts, value: &ValueFacts| {
        record.values.iter().any(|other| (other.column, &other.value) == (value.column, &value.value))
    };
    let is_common = |value: &&ValueFacts| records.iter().all(|record| has(record, value));
    let named = |value: &ValueFacts| of(language, &words.fact(value.column)).to_owned();
    let shown = |value: &ValueFacts| fact_value(value.column, &value.json(), words, language);
    let common = records.first().into_iter().flat_map(|record| &record.values).filter(is_common);
    let mut pairs: Vec<Pair> = common.map(|value| Pair::new(capital(&named(value)), shown(value))).collect();
    let mut lines: Vec<(Pair, usize)> = Vec::new();
    for record in records {
        let when = record.event_time.as_deref().map_or("–".to_owned(), time);
        // What a column says of the same instant is said already.
        let own = record.values.iter().filter(|value| !is_common(value)).map(|value| (named(value), shown(value)));
        let own: Vec<String> =
            own.filter(|(_, shown)| *shown != when).map(|(name, shown)| format!("{name} {shown}")).collect();
        let came = record.known_time.as_deref().filter(|_| record.reference.is_some());
        let came = came.map(|known| format!("{} {}", say(language, "kom in", "came in"), time(known)));
        let note: Vec<String> = came.into_iter().chain(reference(record, language)).collect();
        let note = Some(note.join("; ")).filter(|note| !note.is_empty());
        let name = format!("{} {when}", say(language, "Avser", "About"));
        match lines.iter_mut().find(|(line, _)| line.name == name && line.value == own.join("; ") && line.note == note)
        {
            Some((_, number)) => *number += 1,
            None => lines.push((Pair { name, value: own.join("; "), note }, 1)),
        }
    }
    let counted = |(line, number): (Pair, usize)| match number {
        1 => line,
        _ => Pair { name: format!("{} ({number})", line.name), ..line },
    };
    pairs.extend(lines.into_iter().map(counted));
    let source = records.first().and_then(|record| record.source.as_deref()).map_or_else(|| same("–"), labels::source);
    let mut notes = vec![format!("{}: {}", say(language, "källa", "source"), of(language, &source))];
    notes.extend(records.iter().any(|record| record.withheld).then(|| withheld(language).to_owned()));
    let table = records.first().map_or_else(|| same("–"), |record| labels::table(&record.table));
    Item { head: format!("{} ({})", of(language, &table), records.len()), notes, pairs }
}

fn record_item(record: &RecordFacts, words: &Words, language: Language) -> Item {
    let mut notes = Vec::new();
    if let (Some(event), Some(known)) = (&record.event_time, &record.known_time) {
        let source = record.source.as_deref().map_or_else(|| same("–"), labels::source);
        let (when, reached) = (say(language, "avser", "is about"), say(language, "kom in", "came in"));
        let from = say(language, "källa", "source");
        let (event, known, source) = (time(event), time(known), of(language, &source));
        if event == known {
            let both = say(language, "avser och kom in", "is about, and came in,");
            notes.push(format!("{both} {event}; {from}: {source}"));
        } else {
            notes.push(format!("{when} {event}; {reached} {known}; {from}: {source}"));
        }
    }
    notes.extend(reference(record, language));
    if record.withheld {
        notes.push(withheld(language).to_owned());
    }
    let pairs = record.values.iter().map(|value| {
        let name = capital(of(language, &words.fact(value.column)));
        Pair::new(name, fact_value(value.column, &value.json(), words, language))
    });
    Item { head: of(language, &labels::table(&record.table)).to_owned(), notes, pairs: pairs.collect() }
}

/// By what the authority finds the record.
fn reference(record: &RecordFacts, language: Language) -> Option<String> {
    let key = record.reference.as_ref()?;
    let (reference, version) = (say(language, "referens", "reference"), say(language, "version", "version"));
    Some(format!("{reference}: {} {key}, {version} {}", record.table, record.version))
}

fn withheld(language: Language) -> &'static str {
    say(language, "Innehållet visas inte (sekretess).", "Its content is not shown (secrecy).")
}

fn parameters(page: &mut Page, facts: &AlertFacts) {
    let language = page.language;
    let on = facts.found.anchor_at.as_deref().unwrap_or_else(|| day(&facts.found.alert_at));
    let pairs: Vec<Pair> = facts.rule.parameters.iter().map(|parameter| threshold_pair(parameter, language)).collect();
    if !pairs.is_empty() {
        let heading = format!("{} {on}", page.say("Regelns gränsvärden", "Limits of the rule on"));
        page.section(heading, vec![Block::Pairs(pairs)]);
    }
}

/// Of an alert that has ended it is not said which explanation was not found: one of them may be why.
fn counter_evidence(page: &mut Page, facts: &AlertFacts) {
    let (language, words, stands) = (page.language, &*facts.rule.words, facts.alert.status.stands());
    let (looked_for, open): (Vec<&CounterFacts>, Vec<_>) =
        facts.counter_evidence.iter().partition(|counter| counter.looked_for);
    let looked_for: Vec<String> = looked_for
        .into_iter()
        .map(|counter| {
            let what = say(language, &counter.sv, &counter.en);
            match (&counter.column, counter.result.as_ref().filter(|value| !value.is_null())) {
                (Some(column), Some(value)) => {
                    let name = words.fact(column);
                    format!("{what} – {}: {}", of(language, &name), fact_value(column, value, words, language))
                }
                // The rule gives no row when it finds one of these.
                _ if stands => format!("{what} – {}", not_found(language)),
                _ => what.to_owned(),
            }
        })
        .collect();
    if !looked_for.is_empty() {
        let heading = page.say("Förklaringar som söktes, per", "Innocent explanations that were looked for, as of");
        page.section(format!("{heading} {}", day(&facts.found.as_of)), vec![Block::List(looked_for)]);
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
        for change in &step.changes {
            line.push_str(&format!("; {}", changed(change, &facts.rule.words, language)));
        }
        line
    });
    let steps = steps.collect();
    blocks.push(if facts.from_topic { Block::List(steps) } else { Block::Steps(steps) });
    page.section(page.say("Vad som har hänt", "What has happened"), blocks);
}

/// `sista månaden: mars 2024 → april 2024`
fn changed(change: &Change, words: &Words, language: Language) -> String {
    let column = change.column.as_str();
    let value = |value: &Value| match (column, value.as_str()) {
        ("severity", Some(name)) => severity_of(language, name),
        _ => fact_value(column, value, words, language),
    };
    let name = match column {
        "severity" => say(language, "styrka", "strength").to_owned(),
        "anchor_at" => say(language, "avser", "is about").to_owned(),
        _ => of(language, &words.fact(column)).to_owned(),
    };
    format!("{name}: {} → {}", value(&change.before), value(&change.now))
}

fn rule_blocks(rule: &RuleFacts, language: Language) -> Vec<Block> {
    let mut blocks = vec![Block::Text(rule.legal_basis.join("; "))];
    if let Some(failure) = &rule.failure {
        let words = say(language, "Regeln kunde inte köras", "The rule could not be run");
        blocks.push(Block::Text(format!("{words}: {failure}")));
    }
    blocks.extend(rule.rows.iter().map(|row| Block::Item(row_item(row, language))));
    blocks
}

/// A rule without a row: which records there are none of; with the steps, for who knows SQL, how far its text came.
fn empty_line(rule: &RuleFacts, language: Language, with_steps: bool) -> String {
    let mut line = format!("{} {}", rule.number, of(language, &rule.title));
    let Some(path) = &rule.path else {
        if with_steps && rule.are_steps_closed {
            let words = say(
                language,
                "stegen visas bara för den som sekretessbelagda uppgifter är öppna för",
                "the steps are shown only to those for whom sealed records are open",
            );
            line.push_str(&format!("; {words}"));
        }
        return line;
    };
    if !with_steps {
        let missing = path.taken.iter().filter(|taken| taken.rows_before == 0 && is_of_person(&taken.condition));
        let missing: Vec<String> =
            missing.map(|taken| of(language, &labels::table(&taken.condition)).to_lowercase()).collect();
        if !missing.is_empty() {
            let words = say(language, "inga uppgifter av slaget", "no records of the kind");
            line.push_str(&format!("; {words} {}", missing.join(", ")));
        }
        return line;
    }
    for taken in &path.taken {
        let step = taken.step.as_deref().unwrap_or(say(language, "sista SELECT", "the last SELECT"));
        let told = match (taken.rows_before, language) {
            (0, Language::Sv) => format!("inga rader i {}", taken.condition),
            (0, Language::En) => format!("no rows in {}", taken.condition),
            (rows, Language::Sv) => format!("i {step} tog villkoret {} bort den sista av {rows}", taken.condition),
            (rows, Language::En) => format!("in {step} the condition {} took the last of {rows}", taken.condition),
        };
        line.push_str(&format!("; {told}"));
    }
    if !path.steps.is_empty() {
        let steps: Vec<String> = path.steps.iter().map(|(name, rows)| format!("{name} {rows}")).collect();
        line.push_str(&format!("; {} {}", say(language, "rader per steg:", "rows by step:"), steps.join(", ")));
    }
    if let Some(failure) = &path.failure {
        let words = say(language, "regelns text kunde inte följas", "the rule's text could not be followed");
        line.push_str(&format!("; {words}: {failure}"));
    }
    line
}

fn is_of_person(table: &str) -> bool {
    TableId::from_name(table).is_some_and(TableId::is_person)
}

fn row_item(row: &RowFacts, language: Language) -> Item {
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
        let feeds: Vec<String> = row.awaits.iter().map(|clock| feed(clock, language)).collect();
        let words =
            say(language, "väntar på att dessa flöden rapporterar så långt:", "awaits that these feeds speak so far:");
        let least = format!("{} {}", feed(least, language), time_of(least, language));
        notes.push(format!("{words} {} ({}: {least})", feeds.join(", "), say(language, "kortast", "least")));
    }
    if !matches!(row.verdict, Verdict::Ahead | Verdict::Awaits | Verdict::Outranked) {
        notes.push(without_numbers(of(language, &row.finding), language));
    }
    let (reference, key) = (say(language, "referens", "reference"), say(language, "nyckel", "key"));
    let key = if row.alert_key.is_empty() { String::new() } else { format!(", {key} {}", row.alert_key) };
    notes.push(format!("{reference}: {}{key}", row.alert_id));
    Item { head: format!("{}, {tier}", capital(verdict(language, row.verdict))), notes, pairs: Vec::new() }
}

fn feed(clock: &FeedClock, language: Language) -> String {
    of(language, &labels::feed(clock.feed)).to_owned()
}

fn time_of(clock: &FeedClock, language: Language) -> String {
    clock.clock.as_deref().map_or_else(|| say(language, "inget ännu", "nothing yet").to_owned(), time)
}

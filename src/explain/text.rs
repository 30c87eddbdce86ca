//! An explanation as plain text, at most [`WIDTH`] columns wide.

use serde_json::Value;

use crate::explain::words::{closing, of, reason, say, severity, status, verdict};
use crate::explain::{AlertFacts, CounterFacts, FeedClock, PermitFacts, RecordFacts, RowFacts, RuleFacts, Verdict};
use crate::sink::terminal::Language;

const WIDTH: usize = 100;

/// Lines under headings, wrapped.
struct Page {
    text: String,
    language: Language,
}

pub fn alert_text(facts: &AlertFacts, language: Language) -> String {
    let mut page = Page { text: String::new(), language };
    let (alert, found) = (&facts.alert, &facts.found);
    page.line(0, &format!("{} {}", facts.rule.number, of(language, &alert.title)));
    page.line(0, &format!("{} {}", page.say("Indikation", "Indication"), alert.alert_id));
    page.pair(page.say("Tillstånd", "Permit"), &about(found.permit_class.as_deref(), &alert.subject));
    page.pair(page.say("Person", "Person"), &format!("{} ({})", alert.person, page.say("pseudonym", "pseudonym")));
    page.pair(page.say("Läge", "State"), &state(facts, language));
    page.heading(page.say("Vad som framkommit", "What was found"));
    if of(language, &found.finding).is_empty() {
        page.line(
            2,
            page.say("Underlaget finns inte i den sista uppgiften.", "The last transition does not carry it."),
        );
    }
    page.line(2, of(language, &found.finding));
    for (name, value) in &found.evidence {
        page.line(4, &format!("{name}: {}", plain(value, language)));
    }
    page.heading(page.say("I vilka uppgifter", "In which records"));
    for record in &facts.records {
        page.record(record);
    }
    page.heading(page.say("Rättslig grund", "Under which law"));
    for basis in &alert.legal_basis {
        page.line(2, basis);
    }
    page.line(
        2,
        &format!("{}: {}", page.say("Tillgång till uppgifterna", "Access to the data"), facts.rule.legal_gate),
    );
    page.parameters(facts);
    page.counter_evidence(&facts.counter_evidence, &facts.found.as_of);
    page.history(facts);
    page.text.push('\n');
    page.line(0, closing(language));
    page.text
}

pub fn permit_text(facts: &PermitFacts, language: Language) -> String {
    let mut page = Page { text: String::new(), language };
    let title = about(Some(&facts.permit_class), &facts.permit_id);
    page.line(
        0,
        &format!("{} {title}, {} {}", page.say("Tillstånd", "Permit"), page.say("per", "as of"), time(&facts.as_of)),
    );
    page.pair(page.say("Person", "Person"), &format!("{} ({})", facts.person, page.say("pseudonym", "pseudonym")));
    page.heading(page.say("Hur långt varje flöde har rapporterat", "How far each feed has spoken"));
    for clock in &facts.clocks {
        page.line(2, &format!("{:<12} {}", clock.feed, page.time_of(clock)));
    }
    for (what, count) in &facts.quarantined {
        page.line(2, &format!("{}: {count} {what}", page.say("undantagna meddelanden", "messages set aside")));
    }
    for rule in &facts.rules {
        page.rule(rule);
    }
    if !facts.other_rules.is_empty() {
        page.heading(page.say("Regler för andra tillståndsklasser", "Rules for other classes of permit"));
        page.line(2, &facts.other_rules.join(", "));
    }
    page.text.push('\n');
    page.line(0, closing(language));
    page.text
}

fn about(class: Option<&str>, subject: &str) -> String {
    class.map_or_else(|| subject.to_owned(), |class| format!("{subject} ({class})"))
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

/// Without what says nothing: the fraction of a whole second, the time of day of a day.
fn time(text: &str) -> &str {
    let text = text.strip_suffix("Z").unwrap_or(text);
    let text = text.strip_suffix(".000000").unwrap_or(text);
    text.strip_suffix("T00:00:00").unwrap_or(text)
}

fn plain(value: &Value, language: Language) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => say(language, "ja", "yes").to_owned(),
        Value::Bool(false) => say(language, "nej", "no").to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Page {
    fn say<'a>(&self, sv: &'a str, en: &'a str) -> &'a str {
        say(self.language, sv, en)
    }

    fn heading(&mut self, text: &str) {
        self.text.push('\n');
        self.line(0, text);
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.line(2, &format!("{name}: {value}"));
    }

    /// Wraps at spaces; what follows on the next line is indented two more.
    fn line(&mut self, indent: usize, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut column = 0;
        for word in text.split(' ') {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > WIDTH {
                self.text.push('\n');
                column = 0;
                self.indent(indent + 2, &mut column);
            } else if column == 0 {
                self.indent(indent, &mut column);
            } else {
                self.text.push(' ');
                column += 1;
            }
            self.text.push_str(word);
            column += width;
        }
        self.text.push('\n');
    }

    fn indent(&mut self, indent: usize, column: &mut usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
        *column += indent.max(1);
    }

    fn record(&mut self, record: &RecordFacts) {
        let version = self.say("version", "version");
        self.line(2, &format!("{} {} {version} {}", record.table, record.record_key, record.version));
        if let (Some(event), Some(known)) = (&record.event_time, &record.known_time) {
            let source = record.source.as_deref().unwrap_or("–");
            let (when, reached) = (self.say("avser", "true at"), self.say("inkom", "known at"));
            let from = self.say("källa", "source");
            let (event, known) = (time(event), time(known));
            self.line(6, &format!("{when} {event}, {reached} {known}, {from} {source}"));
        }
        if record.withheld {
            self.line(6, self.say("Innehållet visas inte (sekretess).", "Its content is not shown (secrecy)."));
        }
        for value in &record.values {
            let register = if value.register == "-" { String::new() } else { format!(" [{}]", value.register) };
            self.line(6, &format!("{}{register}: {}", value.column, value.value));
        }
    }

    fn parameters(&mut self, facts: &AlertFacts) {
        if facts.rule.parameters.is_empty() {
            return;
        }
        let day = facts.found.anchor_at.as_deref().unwrap_or_else(|| time(&facts.found.alert_at));
        self.heading(&format!("{} {day}", self.say("Gränsvärden som gällde", "Thresholds in force on")));
        for parameter in &facts.rule.parameters {
            let since = parameter.in_force_from.as_deref();
            let since = since.map(|day| format!(" ({} {day})", self.say("från", "from"))).unwrap_or_default();
            let source = parameter.source.as_deref().unwrap_or("–");
            let from = self.say("källa", "source");
            self.line(2, &format!("{} = {}{since}; {from}: {source}", parameter.name, parameter.value));
            if let Some(meaning) = &parameter.meaning {
                self.line(6, meaning);
            }
        }
    }

    fn counter_evidence(&mut self, counters: &[CounterFacts], as_of: &str) {
        let (looked_for, open): (Vec<_>, Vec<_>) = counters.iter().partition(|counter| counter.looked_for);
        if !looked_for.is_empty() {
            let words = self.say("Förklaringar som söktes, per", "Innocent explanations that were looked for, as of");
            self.heading(&format!("{words} {}", time(as_of)));
        }
        for counter in looked_for {
            let result = match (&counter.column, &counter.result) {
                (Some(column), Some(value)) => format!("{column} = {}", plain(value, self.language)),
                // The rule gives no row when it finds one of these.
                _ => self.say("inte funnen", "not found").to_owned(),
            };
            let words = self.say(&counter.sv, &counter.en);
            self.line(2, &format!("- {words}: {result}"));
        }
        if !open.is_empty() {
            self.heading(self.say("Kunde inte kontrolleras", "Could not be checked"));
        }
        for counter in open {
            self.line(2, &format!("- {}", self.say(&counter.sv, &counter.en)));
        }
    }

    fn history(&mut self, facts: &AlertFacts) {
        self.heading(self.say("Vad som har hänt", "What has happened"));
        if facts.from_topic {
            self.line(2, self.say("Endast den sista ändringen finns här.", "Only the last transition is at hand."));
        }
        for step in &facts.history {
            let why = step.reason.as_deref().map(|why| format!(": {}", reason(self.language, why)));
            let what = status(self.language, step.status.name());
            let mut line =
                format!("{}. {}  {what}, {}", step.sequence, time(&step.as_of), severity(self.language, step.severity));
            line.push_str(&why.unwrap_or_default());
            for (words, id) in [
                (self.say("ersatt av", "replaced by"), &step.replaced_by),
                (self.say("ersätter", "replaces"), &step.replaces),
            ] {
                line.push_str(&id.as_deref().map(|id| format!("; {words} {id}")).unwrap_or_default());
            }
            if step.late_record {
                line.push_str(self.say("; sen uppgift", "; late record"));
            }
            self.line(2, &line);
        }
    }

    fn rule(&mut self, rule: &RuleFacts) {
        self.heading(&format!("{} {} ({})", rule.number, of(self.language, &rule.title), rule.id));
        self.line(2, &rule.legal_basis.join("; "));
        if let Some(failure) = &rule.failure {
            self.line(2, &format!("{}: {failure}", self.say("Regeln kunde inte köras", "The rule could not be run")));
            return;
        }
        if rule.rows.is_empty() {
            let read: Vec<String> = rule.read.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
            let none = self.say("ingen rad: regeln läste", "no row: the rule read");
            self.line(2, &format!("{none} {}", read.join(", ")));
            return;
        }
        for row in &rule.rows {
            self.row(row);
        }
    }

    fn row(&mut self, row: &RowFacts) {
        let key = self.say("nyckel", "key");
        let tier = severity(self.language, row.severity);
        self.line(
            2,
            &format!("{}: {key} {}, {tier}, {}", verdict(self.language, row.verdict), row.alert_key, row.alert_id),
        );
        let mut times = format!("{} {}", self.say("gäller från", "holds from"), time(&row.alert_at));
        for (words, at) in [
            (self.say("förutsätter att inget inkommit till", "rests on nothing having come in up to"), &row.due_at),
            (self.say("till", "until"), &row.cleared_at),
            (self.say("avser", "is about"), &row.anchor_at),
        ] {
            times.push_str(&at.as_deref().map(|at| format!("; {words} {}", time(at))).unwrap_or_default());
        }
        if let Some(why) = &row.cleared_reason {
            times.push_str(&format!(" ({})", reason(self.language, why)));
        }
        self.line(6, &times);
        if let Some(tier) = row.corroborated {
            let words = self.say("stöds av ett tips, räknas som", "supported by a tip, counts as");
            self.line(6, &format!("{words} {}", severity(self.language, tier)));
        }
        for canceller in &row.cancelled_by {
            let mut words = self.say("hålls tillbaka", "held back").to_owned();
            for (word, at) in
                [(self.say("från", "from"), &canceller.from_at), (self.say("till", "until"), &canceller.to_at)]
            {
                words.push_str(&at.as_deref().map(|at| format!(" {word} {}", time(at))).unwrap_or_default());
            }
            self.line(6, &format!("{words}: {}", reason(self.language, canceller.reason)));
        }
        if let Some(least) = row.awaits.iter().min_by(|a, b| a.clock.cmp(&b.clock)) {
            let feeds: Vec<&str> = row.awaits.iter().map(|clock| clock.feed).collect();
            let words =
                self.say("väntar på att dessa flöden rapporterar så långt:", "awaits that these feeds speak so far:");
            let least = format!("{} {}", least.feed, self.time_of(least));
            self.line(6, &format!("{words} {} ({}: {least})", feeds.join(", "), self.say("kortast", "least")));
        }
        if !matches!(row.verdict, Verdict::Ahead | Verdict::Outranked) {
            self.line(6, of(self.language, &row.finding));
        }
    }

    fn time_of(&self, clock: &FeedClock) -> String {
        clock.clock.as_deref().map_or_else(|| self.say("inget ännu", "nothing yet"), time).to_owned()
    }
}

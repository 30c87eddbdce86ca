//! Holds what `queries/` says beside its queries against the law: headers, `gateways.toml`, and the texts that silence alerts or show
//! one person's facts to another, of which the program has its own copies.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{ObjectName, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use crate::catalogue::Catalogue;
use crate::catalogue::file::{RuleFile, split_header};
use crate::catalogue::gateways::Gate;
use crate::catalogue::parse::{last, parse};
use crate::catalogue::refused::{Highlight, Refused};
use crate::catalogue::stars;
use crate::catalogue::walk::walk;
use crate::decode::codes::PERMIT_CLASSES;
use crate::model::purpose::Purpose;
use crate::model::schema::TableId;
use crate::proofs::lawful::exceptions::{Excepted, unknown};
use crate::proofs::lawful::law::{GATEWAYS, NEVER_EVALUATED, RULE_ROWS, Safeguard, may_survive};
use crate::proofs::lawful::ways::kinds_of;
use crate::proofs::own;

/// Views that the program itself rests on. All that they read is the program's own, too.
pub const ROOTS: [&str; 4] = ["cancellers", "corroborations", "indications", "protected_anchors"];

/// A view that does what no other text may: it puts what border notices say of one day in the order of their countries.
const IN_ORDER: &str = "visits";

/// Tables that no text but the program's own may read, and what is read in their place.
const SEALED: [(&str, &str); 2] = [("population_history", "population_posts"), (RULE_ROWS, "indications")];

/// Excused months: a view that they go into weighs them, and is the program's own.
const EXCUSES: [&str; 2] = ["excused_months", "excused_months_history"];

/// Views whose text is the program's own, each with what rests on it.
static FIXED: LazyLock<BTreeMap<&'static str, String>> = LazyLock::new(fixed_views);

/// What a text reads itself.
fn reads_of(file: &str) -> BTreeSet<String> {
    let file = file.replace("\r\n", "\n");
    let query = split_header(&file).and_then(|(_, sql)| parse(&stars::write_out(sql).text));
    let mut named = Named::default();
    query.iter().for_each(|query| walk(query, &mut named));
    named.0
}

/// The tables, views and steps that a text names.
#[derive(Default)]
struct Named(BTreeSet<String>);

impl Visitor for Named {
    type Break = ();

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        self.0.insert(last(name));
        ControlFlow::Continue(())
    }
}

/// Derives from the program's own texts which of them nobody may change: the roots and links, what they read, and so on.
fn fixed_views() -> BTreeMap<&'static str, String> {
    let reads: BTreeMap<&str, BTreeSet<String>> =
        own::VIEWS.iter().map(|(name, file)| (*name, reads_of(file))).collect();
    let mut open: Vec<(&'static str, String)> = Vec::new();
    for (name, _) in own::VIEWS {
        let sealed = SEALED.iter().find(|(table, _)| reads[name].contains(*table));
        if ROOTS.contains(name) {
            open.push((name, "the program itself".to_owned()));
        } else if let Some((table, _)) = sealed {
            open.push((name, format!("what may be seen of {table}")));
        }
    }
    let by_link = |(link, file): &own::Own| {
        let of = format!("the link {link}");
        reads_of(file).into_iter().filter_map(move |read| Some((own_name(&read)?, of.clone())))
    };
    open.extend(own::LINKS.iter().flat_map(by_link));
    let mut fixed = BTreeMap::new();
    while let Some((name, why)) = open.pop() {
        if fixed.insert(name, why).is_none() {
            open.extend(reads[name].iter().filter_map(|read| Some((own_name(read)?, name.to_owned()))));
        }
    }
    fixed.entry(IN_ORDER).or_insert_with(|| "the order of journeys on one day".to_owned());
    // Upwards: whatever is made of excuses.
    let mut weighing: Vec<&str> = EXCUSES.to_vec();
    while let Some(of) = weighing.pop() {
        for (name, _) in own::VIEWS.iter().filter(|(name, _)| reads[name].contains(of)) {
            if !fixed.contains_key(name) {
                fixed.insert(name, "what may be made of excused months".to_owned());
                weighing.push(name);
            }
        }
    }
    fixed
}

fn own_name(view: &str) -> Option<&'static str> {
    own::VIEWS.iter().map(|(name, _)| *name).find(|name| *name == view)
}

/// Whether a view's text is the program's own.
pub fn is_fixed_view(name: &str) -> bool {
    FIXED.contains_key(name)
}

/// What is to be read in place of a table that only the program's own texts read.
pub fn sealed(table: &str) -> Option<&'static str> {
    SEALED.iter().find(|(sealed, _)| *sealed == table).map(|(_, instead)| *instead)
}

/// Whether a rule asks what the rule of its name asks that the program was made with, whatever its thresholds.
pub fn is_own_rule(rule: &RuleFile) -> bool {
    let own = own::of(own::RULES, &rule.header.id).map(|file| file.replace("\r\n", "\n"));
    let own = own.and_then(|file| RuleFile::parse(&rule.header.id, &file, &rule.values).ok());
    own.is_some_and(|own| is_same_query(&own.sql, &rule.sql))
}

/// Reports headers, gateways and fixed texts that would weaken a safeguard.
pub fn check(catalogue: &Catalogue) -> Vec<Refused> {
    let excepted = Excepted::of(catalogue);
    let mut refused: Vec<Refused> = catalogue.rules.iter().flat_map(|rule| of_header(rule, &excepted)).collect();
    refused.extend(of_gateways(catalogue, &excepted));
    refused.extend(unknown(catalogue));
    let mut changed = |what: &'static str, name: &str, own: Option<&str>, why: &str| {
        let file = own::of(if what == "view" { own::VIEWS } else { own::LINKS }, name);
        let is_changed = own.zip(file).is_some_and(|(own, file)| !is_same(own, file));
        if is_changed && let Err(void) = excepted.holds(name, Safeguard::FixedText) {
            let message =
                format!("the {what} {name} is not the one that the program was made with, and {why} rests on it{void}");
            refused.push(told(Safeguard::FixedText, what, name, &message, Err("*/".to_owned()), None));
        }
    };
    for (name, why) in FIXED.iter() {
        let view = catalogue.views.iter().find(|view| view.name == *name);
        changed("view", name, view.map(|view| view.sql.as_str()), why);
    }
    for (name, _) in own::LINKS {
        let link = catalogue.links.iter().find(|link| link.table.name() == *name);
        changed("link", name, link.map(|link| link.sql.as_str()), "what one person's unit shows to another's");
    }
    refused.extend(of_frames(catalogue, &excepted));
    refused
}

/// What wraps every rule in the batch query, with the cancellers in it, what makes its tables, and what DuckDB is told before it.
fn of_frames<'a>(catalogue: &'a Catalogue, excepted: &'a Excepted) -> impl Iterator<Item = Refused> {
    let batch = "the batch query of every rule";
    let files = [
        ("standing", "standing.sql", &catalogue.standing, batch),
        ("tables", "tables.sql", &catalogue.tables, batch),
        ("duckdb", "duckdb.sql", &catalogue.duckdb, "every script for DuckDB"),
    ];
    files.into_iter().filter_map(|(name, file, text, what)| {
        if own::of(own::FRAMES, name).is_none_or(|own| words(own) == words(text)) {
            return None;
        }
        let void = excepted.holds(file, Safeguard::FixedText).err()?;
        let message = format!("{file} is not the one that the program was made with, and {what} rests on it{void}");
        Some(told(Safeguard::FixedText, "frame", file, &message, Err("SELECT".to_owned()), None))
    })
}

/// The words and signs of a text without its comments, but for those that begin a section; `None` of what is no SQL.
fn words(text: &str) -> Option<Vec<String>> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().ok()?;
    let words = tokens.into_iter().filter_map(|token| match token {
        Token::Whitespace(Whitespace::SingleLineComment { comment, .. }) => {
            comment.trim().starts_with("section:").then(|| comment.trim().to_owned())
        }
        Token::Whitespace(_) => None,
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_lowercase()),
        token => Some(token.to_string()),
    });
    Some(words.collect())
}

fn told(
    safeguard: Safeguard,
    what: &'static str,
    name: &str,
    message: &str,
    place: Result<Highlight, String>,
    hint: Option<&str>,
) -> Refused {
    let message = format!("{message} [safeguard {}: {}]", safeguard.name(), safeguard.law());
    let hint = hint.unwrap_or(safeguard.hint()).to_owned();
    Refused { what, name: name.to_owned(), message, hint, place }
}

/// Whether two texts say the same; comments and the form of lines do not matter.
fn is_same(own: &str, file: &str) -> bool {
    let file = file.replace("\r\n", "\n");
    let Some((_, sql)) = split_header(&file) else { return false };
    is_same_query(own, &stars::write_out(sql).text)
}

fn is_same_query(own: &str, other: &str) -> bool {
    let plain = |sql: &str| parse(sql).map(|query| query.to_string());
    own == other || (plain(own).is_some() && plain(own) == plain(other))
}

fn of_header(rule: &RuleFile, excepted: &Excepted) -> Vec<Refused> {
    let header = &rule.header;
    let Err(void) = excepted.holds(&header.id, Safeguard::Cancellers) else { return Vec::new() };
    let mut refused = Vec::new();
    for canceller in &header.survives {
        if !may_survive(canceller, &header.purpose) {
            let message = format!("no rule for {} survives the canceller {canceller}{void}", header.purpose);
            let place = Err(format!("\"{canceller}\""));
            refused.push(told(Safeguard::Cancellers, "rule", &header.id, &message, place, None));
        }
    }
    if let Some(subject) = header.subject.as_deref().filter(|subject| *subject != "permit_id")
        && header.key.as_deref() != Some(subject)
    {
        let message = format!("alerts about {subject} would escape the cancellers, which are those of permits{void}");
        let hint = Some("leave `subject` out; a rule about employers says key = \"employer_id\" too");
        refused.push(told(Safeguard::Cancellers, "rule", &header.id, &message, Err("subject".to_owned()), hint));
    }
    for class in &header.permit_classes {
        if NEVER_EVALUATED.contains(&class.as_str()) {
            let message = format!("no rule is about permits of class {class}{void}");
            let hint = Some("leave the class out");
            refused.push(told(Safeguard::Cancellers, "rule", &header.id, &message, Err(format!("\"{class}\"")), hint));
        }
    }
    refused
}

/// Entries of `gateways.toml` that are more open than the law.
fn of_gateways(catalogue: &Catalogue, excepted: &Excepted) -> Vec<Refused> {
    let Err(void) = excepted.holds("gateways.toml", Safeguard::Gateway) else { return Vec::new() };
    let mut refused: Vec<Refused> = Vec::new();
    for table in TableId::ALL {
        let own_kinds =
            |kind: &&str| catalogue.gateways.kinds(table).contains(kind) || GATEWAYS.kinds(table).contains(kind);
        let kinds = kinds_of(table).into_iter().filter(own_kinds).map(Some).chain([None]);
        for kind in kinds {
            for purpose in Purpose::NAMES {
                for (class, _) in PERMIT_CLASSES {
                    let Some(entry) = catalogue.gateways.find(table, kind, class, purpose) else { continue };
                    let law = GATEWAYS.find(table, kind, class, purpose);
                    if entry.gate >= law.map_or(Gate::Closed, |law| law.gate) {
                        continue;
                    }
                    let what = kind.map_or_else(|| table.name().to_owned(), |kind| format!("{}.{kind}", table.name()));
                    let beginning = format!("{what} is {} for {purpose}", entry.gate.name());
                    if refused.iter().any(|known| known.message.starts_with(&beginning)) {
                        continue;
                    }
                    let why = law.map_or("no gateway is known", |law| law.provision.as_str());
                    let message = format!("{beginning} of {class}, which the law does not open so far: {why}{void}");
                    let hint =
                        Some("make it as strict as the program has it, or have the configuration name the exception");
                    let place = Err(format!("\"{}\"", entry.reads.first().map_or("", String::as_str)));
                    refused.push(told(Safeguard::Gateway, "gateways", "gateways.toml", &message, place, hint));
                }
            }
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    fn shipped() -> Catalogue {
        Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &BTreeMap::new()).unwrap()
    }

    fn told_of(change: impl FnOnce(&mut Catalogue)) -> Vec<String> {
        let mut catalogue = shipped();
        change(&mut catalogue);
        check(&catalogue).into_iter().map(|refused| refused.message).collect()
    }

    #[test]
    fn what_is_shipped_is_as_strict_as_the_law() {
        assert_eq!(told_of(|_| {}), [""; 0]);
    }

    #[test]
    fn an_entry_that_opens_more_than_the_law_is_refused() {
        let opened = |reads: &str, classes: &str, gate| {
            told_of(|catalogue| {
                let mut entry = catalogue.gateways.gateway[0].clone();
                (entry.reads, entry.classes, entry.gate) = (vec![reads.to_owned()], vec![classes.to_owned()], gate);
                catalogue.gateways.gateway.push(entry);
            })
        };
        for (reads, classes) in [
            ("payments.salary", "STUDY_HE"),
            ("payments.benefit", "WORK_EMP"),
            ("notices.court_notice", "all"),
            ("studies", "FAMILY_SPOUSE"),
            ("payments", "all"),
        ] {
            let told = opened(reads, classes, Gate::Open);
            assert!(told.iter().any(|message| message.contains("safeguard gateway")), "{reads} {classes}: {told:?}");
        }
        assert_eq!(opened("population", "all", Gate::Request), [""; 0]);
    }

    #[test]
    fn a_text_that_silences_alerts_may_be_laid_out_anew_and_not_changed() {
        let with = |from: &'static str, to: &'static str| {
            told_of(move |catalogue| {
                let view = catalogue.views.iter_mut().find(|view| view.name == "cancellers").unwrap();
                assert!(view.sql.contains(from));
                view.sql = view.sql.replace(from, to);
            })
        };
        assert_eq!(with("LEFT JOIN", "left   join -- x\n"), [""; 0]);
        assert!(with("n.dereg_code = 'AV'", "false")[0].contains("safeguard fixed-text"));
        assert!(with("('protected'), ", "")[0].contains("safeguard fixed-text"));
    }
}

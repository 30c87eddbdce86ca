//! Which rules each permit class has, and why a class has none (`queries/coverage.toml`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use crate::catalogue::file::RuleFile;
use crate::catalogue::spelling::{did_you_mean, nearest};
use crate::catalogue::{Catalogue, text_of};
use crate::model::stage::Stage;
use crate::proofs::own;
use crate::tools::check::diagnostic::{Problem, Source};

/// A permit class.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    pub id: String,
    pub sv: String,
    pub en: String,
    /// The provision by which the permit is granted.
    pub provision: String,
    /// Why no rule concerns the class.
    pub none: Option<String>,
}

/// All permit classes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    #[serde(rename = "class")]
    pub classes: Vec<Class>,
}

/// How a rule relates to a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Live,
    Shadow,
    Draft,
    Closed,
}

impl Mark {
    fn of(rule: &RuleFile) -> Mark {
        if rule.header.legal_gate == "closed" {
            Mark::Closed
        } else if rule.header.stage().is_live() {
            Mark::Live
        } else if rule.header.stage() == Stage::Shadow {
            Mark::Shadow
        } else {
            Mark::Draft
        }
    }

    const fn sign(self) -> char {
        match self {
            Mark::Live => 'x',
            Mark::Shadow => 's',
            Mark::Draft => 'd',
            Mark::Closed => 'c',
        }
    }
}

const FILE: &str = "coverage.toml";

impl Coverage {
    pub fn load(dir: &Path) -> Result<Coverage, Problem> {
        let text = text_of(&dir.join(FILE)).map_err(|error| Problem::of_file(FILE, error.to_string()))?;
        toml::from_str(&text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            Source::plain(FILE, &text).at(span.start, span.end, error.message().lines().next().unwrap_or_default())
        })
    }

    /// Reports classes without a rule and without a reason, with both, or listed twice.
    pub fn check(&self, dir: &Path, catalogue: &Catalogue) -> Vec<Problem> {
        let mut problems = Vec::new();
        let text = text_of(&dir.join(FILE)).unwrap_or_default();
        let source = Source::plain(FILE, &text);
        for class in &self.classes {
            let words = format!("id = \"{}\"", class.id);
            let at = text.find(&words).unwrap_or(0);
            let live = rules_of(catalogue, &class.id).any(|rule| Mark::of(rule) == Mark::Live);
            match &class.none {
                None if !live => problems.push(
                    source
                        .at(at, at + words.len(), format!("no live rule is about {} ({})", class.id, class.en))
                        .hint("write one, or say why there is none: none = \"...\""),
                ),
                Some(_) if live => problems.push(
                    source
                        .at(at, at + words.len(), format!("{} has live rules, and a reason why it has none", class.id))
                        .hint("leave `none` out"),
                ),
                _ => {}
            }
        }
        let own: Option<Coverage> = toml::from_str(own::COVERAGE).ok();
        for class in &self.classes {
            let known = own.as_ref().and_then(|own| own.class(&class.id));
            let is_other = |known: &&Class| (&known.sv, &known.en) != (&class.sv, &class.en);
            if let Some(known) = known.filter(is_other) {
                let message = format!("class {} is called \"{}\", by the program \"{}\"", class.id, class.en, known.en);
                problems.push(Problem::of_file(FILE, message));
            }
        }
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for class in &self.classes {
            *seen.entry(&class.id).or_default() += 1;
        }
        for (id, _) in seen.into_iter().filter(|(_, times)| *times > 1) {
            problems.push(Problem::of_file(FILE, format!("class {id} stands twice")));
        }
        problems
    }

    /// Reports rules about unknown classes.
    pub fn unknown(&self, dir: &Path, catalogue: &Catalogue) -> Vec<Problem> {
        let mut problems = Vec::new();
        for rule in &catalogue.rules {
            let file = format!("{}.sql", rule.header.id);
            for class in rule.header.permit_classes.iter().filter(|class| self.class(class).is_none()) {
                let text = text_of(&dir.join(&file)).unwrap_or_default();
                let names = self.classes.iter().map(|class| class.id.as_str());
                problems.push(
                    Source::sql(&file, &text, &rule.values)
                        .at_header_words(&format!("\"{class}\""), format!("there is no permit class {class}"))
                        .hint(did_you_mean(&nearest(class, names)))
                        .hint("coverage.toml lists the classes"),
                );
            }
        }
        problems
    }

    pub fn class(&self, id: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.id == id)
    }

    /// A table with a line per class and a column per rule.
    pub fn matrix(&self, catalogue: &Catalogue) -> String {
        let width = self.classes.iter().map(|class| class.id.len()).max().unwrap_or(0);
        let mut out = " ".repeat(width);
        for rule in &catalogue.rules {
            let _ = write!(out, " {:>3}", rule.header.number);
        }
        out.push('\n');
        for class in &self.classes {
            let _ = write!(out, "{:width$}", class.id);
            for rule in &catalogue.rules {
                let is_about = rule.header.permit_classes.contains(&class.id);
                let _ = write!(out, " {:>3}", if is_about { Mark::of(rule).sign() } else { '.' });
            }
            if let Some(none) = &class.none {
                let _ = write!(out, "  none: {none}");
            }
            out.push('\n');
        }
        out.push_str("x live, s shadow: on trial, d draft or retired, c closed: no gateway, made-up data only\n");
        out
    }
}

fn rules_of<'a>(catalogue: &'a Catalogue, class: &'a str) -> impl Iterator<Item = &'a RuleFile> {
    catalogue.rules.iter().filter(move |rule| rule.header.permit_classes.iter().any(|id| id == class))
}

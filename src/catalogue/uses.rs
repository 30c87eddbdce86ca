//! Which rules and links read what other rules find, and what else goes when some are removed.

use crate::catalogue::file::RuleFile;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::model::schema::TableId;
use crate::model::stage::Stage;

/// Why what a rule on trial finds is kept from those that are not.
const NOT_OF_STAGE: &str =
    "which is on trial, a draft or retired: what it finds must not reach officers through a rule that is live";

/// Whether a rule of one stage may read what one of another finds. What links show is for all rules, so they count as live.
fn may_use(own: Stage, used: Stage) -> bool {
    match own {
        Stage::Live => used == Stage::Live,
        Stage::Shadow => used.runs(),
        Stage::Draft | Stage::Retired => true,
    }
}

impl Catalogue {
    /// Keeps only these rules and those that they use. Views and links stay, since the rules' fingerprints cover them.
    pub fn retain_rules(&mut self, ids: &[&str]) {
        let wanted: Vec<String> = ids.iter().flat_map(|id| self.with_used(id)).collect();
        self.rules.retain(|rule| wanted.contains(&rule.header.id));
    }

    /// Keeps only these rules and what they need: rules that they use, views, links.
    pub fn retain(&mut self, ids: &[&str]) {
        self.retain_rules(ids);
        let (views, links) = self.read();
        self.views.retain(|view| views.contains(&view.name));
        self.links.retain(|link| links.contains(&link.table));
    }

    /// Removes links whose tables no rule reads: computing them would be wasted.
    pub(super) fn drop_unread_links(&mut self) {
        let (_, links) = self.read();
        self.links.retain(|link| links.contains(&link.table));
    }

    /// Views and links that the rules read, directly or not. The engine reads two views for every rule.
    fn read(&self) -> (Vec<String>, Vec<TableId>) {
        let mut texts: Vec<&str> = self.rules.iter().map(|rule| rule.sql.as_str()).collect();
        texts.extend([self.standing.as_str(), "cancellers corroborations"]);
        self.read_by(texts)
    }

    /// Views and links that these texts read, directly or not.
    pub fn read_by<'a>(&'a self, mut texts: Vec<&'a str>) -> (Vec<String>, Vec<TableId>) {
        let (mut views, mut links) = (Vec::new(), Vec::new());
        while let Some(text) = texts.pop() {
            for view in self.views.iter().filter(|view| names(text, &view.name)) {
                if !views.contains(&view.name) {
                    views.push(view.name.clone());
                    texts.push(&view.sql);
                }
            }
            for link in self.links.iter().filter(|link| names(text, link.table.name())) {
                if !links.contains(&link.table) {
                    links.push(link.table);
                    texts.push(&link.sql);
                }
            }
        }
        (views, links)
    }

    /// A rule and those that it uses, directly or through a link that it reads.
    fn with_used(&self, id: &str) -> Vec<String> {
        let mut ids = vec![id.to_owned()];
        let mut at = 0;
        while let Some(rule) = ids.get(at).and_then(|id| self.rule(id)) {
            let read = self.links.iter().filter(|link| names(&rule.sql, link.table.name()));
            for used in read.flat_map(|link| &link.uses).chain(&rule.header.uses) {
                if !ids.contains(used) {
                    ids.push(used.clone());
                }
            }
            at += 1;
        }
        ids
    }

    /// Rules whose rows some rule (`by_rules`) or some link reads.
    pub fn used(&self, by_rules: bool) -> Vec<&RuleFile> {
        let by_rule = self.rules.iter().filter(|_| by_rules).flat_map(|rule| &rule.header.uses);
        let by_link = self.links.iter().filter(|_| !by_rules).flat_map(|link| &link.uses);
        let ids: Vec<&String> = by_rule.chain(by_link).collect();
        self.rules.iter().filter(|rule| ids.contains(&&rule.header.id)).collect()
    }

    /// A rule may only use rules about persons that use none themselves; a link may use any about persons.
    pub(super) fn check_uses(&self) -> Result<(), CatalogueError> {
        let refuse = |what: String, used: &str, why| Err(CatalogueError::Uses { what, used: used.to_owned(), why });
        for rule in &self.rules {
            for used in &rule.header.uses {
                let what = || format!("rule \"{}\"", rule.header.id);
                match self.rule(used) {
                    None => return refuse(what(), used, "which is not in the catalogue, or is disabled"),
                    Some(other) if !other.header.uses.is_empty() || other.header.key.is_some() => {
                        return refuse(what(), used, "which itself uses others: one level only");
                    }
                    Some(other) if !may_use(rule.header.stage(), other.header.stage()) => {
                        return refuse(what(), used, NOT_OF_STAGE);
                    }
                    Some(_) => {}
                }
            }
        }
        for link in &self.links {
            for used in &link.uses {
                let what = || format!("link \"{}\"", link.table.name());
                match self.rule(used) {
                    None => return refuse(what(), used, "which is not in the catalogue, or is disabled"),
                    Some(other) if other.header.key.is_some() => {
                        return refuse(what(), used, "which is not about persons");
                    }
                    Some(other) if !may_use(Stage::Live, other.header.stage()) => {
                        return refuse(what(), used, NOT_OF_STAGE);
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }
}

/// Whether a text contains a table's name as a word.
pub fn names(sql: &str, table: &str) -> bool {
    sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == table)
}

//! Fingerprints: what identifies a rule, a set of rules, and the rows that links show.

use sha2::{Digest, Sha256};

use crate::catalogue::Catalogue;
use crate::catalogue::file::RuleFile;

impl Catalogue {
    /// Identifies the set of rules in force.
    pub fn set_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for rule in &self.rules {
            hash.update(self.fingerprint(rule));
            if !rule.header.stage().is_live() {
                hash.update(&rule.header.stage);
            }
        }
        hex::encode(&hash.finalize()[..8])
    }

    /// Identifies everything that decides the rows that links show: their texts, the views, the rules that they use.
    pub fn link_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for link in &self.links {
            hash.update(link.table.name());
            hash.update(link.from_column().unwrap_or_default());
            hash.update(&link.sql);
        }
        if self.links.is_empty() {
            return "none".to_owned();
        }
        let used = self.used(false);
        let texts = self.links.iter().map(|link| link.sql.as_str()).chain(used.iter().map(|rule| rule.sql.as_str()));
        let (views, _) = self.read_by(texts.collect());
        for view in self.views.iter().filter(|view| views.contains(&view.name)) {
            hash.update(&view.sql);
        }
        for rule in used {
            hash.update(&rule.sql);
            hash.update(rule.header.severity.name());
            hash.update(rule.cancel_reasons().join(","));
        }
        for threshold in &self.thresholds {
            hash.update(threshold.in_text());
        }
        hex::encode(&hash.finalize()[..8])
    }

    /// Identifies everything that decides a rule's rows: its text, the views, the thresholds, the fixed query.
    pub fn fingerprint(&self, rule: &RuleFile) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        part("settings: parse_float_as_decimal = true, default_null_ordering = nulls_last");
        part(&rule.header.id);
        part(&rule.sql);
        part(rule.header.severity.name());
        part(&rule.cancel_reasons().join(","));
        for view in &self.views {
            part(&view.name);
            part(&view.sql);
        }
        for link in &self.links {
            part(link.table.name());
            part(link.from_column().unwrap_or_default());
            part(&link.sql);
        }
        for used in &rule.header.uses {
            part(self.rule(used).map_or("", |used| &used.sql));
        }
        for threshold in &self.thresholds {
            part(&threshold.in_text());
        }
        part(&self.standing);
        hex::encode(&hash.finalize()[..8])
    }
}

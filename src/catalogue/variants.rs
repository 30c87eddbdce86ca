//! One rule with other values: the same rule many times in one set, so that one replay runs them all.
//!
//! A variant keeps the rule's id: it is the same rule to safeguards, cancellers, tips and alert ids, and only its place in the set tells it
//! from the others. So no rule and no link may read its findings, for they would read those of all variants.
//! A threshold of `parameters.csv` is varied by a table of its own, `parameters/N`, which the variant's text reads in place of
//! `parameters`; of views, which the variants share, this cannot be done.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, visit_relations_mut};
use thiserror::Error;

use crate::catalogue::file::{FileError, RuleFile};
use crate::catalogue::parse::parse;
use crate::catalogue::{Catalogue, CatalogueError, Threshold, names};

/// The table of thresholds.
const TABLE: &str = "parameters";

/// How a threshold is named where a parameter could be meant: `parameters.seasonal_days`.
pub const THRESHOLD: &str = "parameters.";

/// The values of one variant: by parameter, or by `parameters.` and the name of a threshold. Those that are not named stay as they are.
pub type Values = BTreeMap<String, i64>;

/// Why a rule cannot be varied.
#[derive(Debug, Error)]
pub enum VariantError {
    #[error(transparent)]
    Value(#[from] FileError),
    #[error(transparent)]
    Rule(#[from] CatalogueError),
    #[error("rule {rule} has no parameter {name}; it has {known}")]
    Unknown { rule: String, name: String, known: String },
    #[error(
        "the threshold {name} is read by the view {view}, which all variants share; change parameters.csv in a copy of the directory and compare the two with `permitwatch diff`"
    )]
    InView { name: String, view: String },
    #[error(
        "{reader} reads the findings of {rule}, and rule {rule} reads {reader}: its variants would read one another's; change the value with `permitwatch diff --set-b {rule}.{param}=VALUE`"
    )]
    Circle { rule: String, reader: String, param: String },
}

impl Catalogue {
    /// The set of one rule and what it needs, in which it stands once more for each of `variants`, in their order and after itself. Its own
    /// place is the first among those with its id.
    pub fn with_variants(&self, id: &str, variants: &[Values]) -> Result<Catalogue, VariantError> {
        let mut set = self.clone();
        set.retain(&[id]);
        let base = set.named(id)?.clone();
        let first_param = variants.iter().flat_map(Values::keys).next().cloned().unwrap_or_default();
        set.refuse_circle(&base, &first_param)?;
        let mut tables: BTreeMap<Vec<(String, i64)>, usize> = BTreeMap::new();
        for values in variants {
            let rule = set.variant(&base, values, &mut tables)?;
            set.rules.push(rule);
        }
        Ok(set)
    }

    fn variant(
        &mut self,
        base: &RuleFile,
        values: &Values,
        tables: &mut BTreeMap<Vec<(String, i64)>, usize>,
    ) -> Result<RuleFile, VariantError> {
        let mut params = BTreeMap::new();
        let mut thresholds: Vec<(String, i64)> = Vec::new();
        for (name, value) in values {
            self.check_name(base, name)?;
            match name.strip_prefix(THRESHOLD) {
                Some(threshold) => thresholds.push((threshold.to_owned(), *value)),
                None => drop(params.insert(name.clone(), *value)),
            }
        }
        let mut rule = base.with_values(&params)?;
        if !thresholds.is_empty() {
            let at = *tables.entry(thresholds.clone()).or_insert_with(|| {
                self.varied.push((format!("{TABLE}/{}", self.varied.len()), self.with_thresholds(&thresholds)));
                self.varied.len() - 1
            });
            rule.sql = reading(&rule.sql, &self.varied[at].0);
            rule.written = Arc::from(rule.sql.as_str());
        }
        Ok(rule)
    }

    /// The names that the rule can be varied by.
    pub fn variable(&self, rule: &RuleFile) -> Vec<String> {
        let params = rule.header.params.keys().cloned();
        let read = |threshold: &&Threshold| names(&rule.sql, TABLE) && rule.sql.contains(&threshold.name);
        let mut own: Vec<String> =
            self.thresholds.iter().filter(read).map(|threshold| format!("{THRESHOLD}{}", threshold.name)).collect();
        own.dedup();
        params.chain(own).collect()
    }

    fn check_name(&self, rule: &RuleFile, name: &str) -> Result<(), VariantError> {
        let Some(threshold) = name.strip_prefix(THRESHOLD) else {
            return match rule.header.params.contains_key(name) {
                true => Ok(()),
                false => Err(self.unknown(rule, name)),
            };
        };
        if !self.thresholds.iter().any(|own| own.name == threshold) {
            return Err(self.unknown(rule, name));
        }
        let (views, _) = self.read_by(vec![rule.sql.as_str()]);
        let reads = |view: &&crate::catalogue::ViewFile| {
            views.contains(&view.name) && names(&view.sql, TABLE) && view.sql.contains(threshold)
        };
        if let Some(view) = self.views.iter().find(reads) {
            return Err(VariantError::InView { name: threshold.to_owned(), view: view.name.clone() });
        }
        if names(&rule.sql, TABLE) { Ok(()) } else { Err(self.unknown(rule, name)) }
    }

    fn unknown(&self, rule: &RuleFile, name: &str) -> VariantError {
        let known = self.variable(rule);
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        VariantError::Unknown { rule: rule.header.id.clone(), name: name.to_owned(), known }
    }

    fn with_thresholds(&self, values: &[(String, i64)]) -> Vec<Threshold> {
        let changed = |own: &Threshold| {
            let value = values.iter().find(|(name, _)| *name == own.name).map_or(own.value, |(_, value)| *value);
            Threshold { value, ..own.clone() }
        };
        self.thresholds.iter().map(changed).collect()
    }

    /// A rule whose findings come back to it, by a link or by another rule, has no variants that are apart.
    fn refuse_circle(&self, rule: &RuleFile, param: &str) -> Result<(), VariantError> {
        let id = &rule.header.id;
        let refuse = |reader: String| VariantError::Circle { rule: id.clone(), reader, param: param.to_owned() };
        if let Some(link) = self.links.iter().find(|link| link.uses.contains(id)) {
            return Err(refuse(format!("the link {}", link.table.name())));
        }
        match self.rules.iter().find(|other| other.header.uses.contains(id)) {
            Some(other) => Err(refuse(format!("the rule {}", other.header.id))),
            None => Ok(()),
        }
    }
}

/// A text that reads `table` in place of `parameters`.
fn reading(sql: &str, table: &str) -> String {
    let Some(mut query) = parse(sql) else { return sql.to_owned() };
    let own = ObjectName::from(vec![Ident::new(TABLE)]);
    let _ = visit_relations_mut(&mut query, |relation| {
        if *relation == own {
            *relation = ObjectName::from(vec![Ident::with_quote('"', table)]);
        }
        ControlFlow::<()>::Continue(())
    });
    query.to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn shipped() -> Catalogue {
        Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &BTreeMap::new()).unwrap()
    }

    fn values(of: &[(&str, i64)]) -> Values {
        of.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn variants_follow_the_rule_and_keep_its_id() {
        let own = shipped();
        let set = own.with_variants("salary-drop", &[values(&[("drop_pct", 85)]), values(&[])]).unwrap();
        let of_rule: Vec<&RuleFile> = set.rules.iter().filter(|rule| rule.header.id == "salary-drop").collect();
        assert_eq!(of_rule.len(), 3);
        let base = own.rule("salary-drop").unwrap();
        let default = base.values["drop_pct"];
        assert_eq!(of_rule[0].sql, base.sql);
        let with = |sql: &str, value: i64| {
            sql.replace(&format!("_sek * {default}"), &format!("_sek * {value}"))
                .replace(&format!("(gross_sek) * {default}"), &format!("(gross_sek) * {value}"))
        };
        assert_eq!(of_rule[1].sql, with(&base.sql, 85));
        assert_ne!(of_rule[1].sql, base.sql);
        assert_eq!((of_rule[1].values["drop_pct"], &of_rule[2].sql), (85, &base.sql));
    }

    #[test]
    fn a_value_that_was_set_stays_unless_it_is_varied() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let own = Catalogue::load(&dir, &BTreeMap::from([("salary-drop.drop_pct".to_owned(), 70)])).unwrap();
        let set = own.with_variants("salary-drop", &[values(&[("z_tenths", 40)])]).unwrap();
        let variant = set.rules.last().unwrap();
        assert_eq!((variant.values["drop_pct"], variant.values["z_tenths"]), (70, 40));
    }

    #[test]
    fn what_cannot_be_varied_is_refused_with_what_can() {
        let own = shipped();
        let refused =
            |id: &str, name: &str, value| own.with_variants(id, &[values(&[(name, value)])]).unwrap_err().to_string();
        assert_eq!(
            refused("salary-drop", "drop", 1),
            "rule salary-drop has no parameter drop; it has drop_pct, history_months, least_months, shift_pct, z_tenths"
        );
        assert!(refused("seasonal-limit", "parameters.days", 1).ends_with("parameters.seasonal_days"));
        assert!(refused("salary-drop", "drop_pct", 2_000).contains("drop_pct cannot be 2000; it may be 0 to 1000"));
        assert!(
            refused("work-without-right", "parameters.asylum_work_months", 3).contains("read by the view work_rights")
        );
    }

    #[test]
    fn a_threshold_is_varied_by_a_table_of_its_own() {
        let own = shipped();
        let name = "parameters.seasonal_days";
        let variants = [values(&[(name, 150)]), values(&[(name, 200)]), values(&[(name, 150), ("amount_sek", 1)])];
        let set = own.with_variants("seasonal-limit", &variants).unwrap();
        let tables: Vec<&str> = set.varied.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(tables, ["parameters/0", "parameters/1"]);
        let of =
            |table: usize| set.varied[table].1.iter().filter(|row| row.name == "seasonal_days").map(|row| row.value);
        assert_eq!((of(0).collect::<Vec<_>>(), of(1).collect::<Vec<_>>()), (vec![150, 150], vec![200, 200]));
        let last = &set.rules.last().unwrap().sql;
        assert!(last.contains("JOIN \"parameters/0\"") && !names(&last.replace("parameters/", ""), TABLE), "{last}");
    }
}

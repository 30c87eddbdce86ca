//! Sensitive columns are no risk factors (utlänningsdatalagen 17 §). What a text may do with them:
//!
//! - Citizenships may be passed on unchanged, and may be tested for Sweden. A rule may compare them otherwise only if its header
//!   says why (`compares_citizenship`); a view or link never may. No text may compare any country with a named one: a rule that
//!   works for some nationalities only is not allowed.
//! - Names may be passed on, and compared by `name_agreement`: by their words, never by their sound.
//! - An identity number may be compared as a whole and by its date of birth; its other digits reveal the sex.
//! - A month that is excused may only help the person. That is a property of results, not of texts: a test over all rules checks
//!   it.

use crate::catalogue::walk::walk;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::common::Span;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Query, Select, SelectItem, Spanned,
    TableAlias, TableFactor, Visitor,
};

use crate::catalogue::Catalogue;
use crate::catalogue::parse::{parse, text};
use crate::catalogue::refused::{Highlight, Refused};

const CITIZENSHIPS: [&str; 2] = ["citizenships", "citizenships_at_grant"];
const NAMES: [&str; 2] = ["name", "name_at_grant"];
const COUNTRIES: [&str; 6] =
    ["citizenships", "citizenships_at_grant", "tested_country", "doc_issuer", "country", "foreign_country"];
const NUMBERS: [&str; 2] = ["number", "identifier"];
/// Sweden, and the codes of the stateless and of unknown citizenship.
const NOBODYS_COUNTRY: [&str; 6] = ["SWE", "XXA", "XXB", "XXC", "XXX", "UNK"];

/// Reports rules and views that do more with a sensitive column than they may.
pub fn check(catalogue: &Catalogue) -> Vec<Refused> {
    let rules = catalogue.rules.iter().map(|rule| {
        let header = &rule.header;
        ("rule", header.id.as_str(), rule.sql.as_str(), header.compares_citizenship.is_some())
    });
    let views = catalogue.views.iter().map(|view| {
        let name = view.name.as_str();
        ("view", name, view.sql.as_str(), false)
    });
    let links = catalogue.links.iter().map(|link| ("link", link.table.name(), link.sql.as_str(), false));
    let mut refused = Vec::new();
    for (what, name, sql, compares_citizenship) in rules.chain(views).chain(links) {
        let Some(query) = parse(sql) else { continue };
        for found in uses(&query, compares_citizenship, what == "link") {
            refused.push(Refused {
                what,
                name: name.to_owned(),
                message: found.message,
                hint: found.hint.to_owned(),
                place: found.span.map_or(Err("id".to_owned()), |span| Ok(Highlight::Span(span))),
            });
        }
    }
    refused
}

struct Found {
    message: String,
    hint: &'static str,
    span: Option<Span>,
}

fn uses(query: &Query, compares_citizenship: bool, is_link: bool) -> Vec<Found> {
    let mut reader =
        Reader { tables: Vec::new(), harmless: BTreeSet::new(), found: Vec::new(), compares_citizenship, is_link };
    walk(query, &mut reader);
    reader.found
}

/// The tables of a SELECT, by their names in it; anything else that it reads has an empty table name.
#[derive(Default)]
struct Tables(BTreeMap<String, String>);

impl Tables {
    fn of(select: &Select) -> Tables {
        let mut tables = Tables::default();
        for from in &select.from {
            let factors = std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation));
            factors.for_each(|factor| tables.add(factor));
        }
        tables
    }

    fn add(&mut self, factor: &TableFactor) {
        let name = |alias: &TableAlias| alias.name.value.to_lowercase();
        match factor {
            TableFactor::Table { name: table, alias, .. } => {
                let table = table.to_string().to_lowercase();
                self.0.insert(alias.as_ref().map_or_else(|| table.clone(), name), table);
            }
            TableFactor::Derived { alias: Some(alias), .. } => {
                self.0.insert(name(alias), String::new());
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.add(&table_with_joins.relation);
                table_with_joins.joins.iter().for_each(|join| self.add(&join.relation));
            }
            _ => {}
        }
    }

    /// Whether a column `name` is a threshold's name and not a person's; `None` if `owner` is not a table of this SELECT.
    fn is_threshold(&self, owner: Option<&str>) -> Option<bool> {
        match owner {
            Some(owner) => self.0.get(owner).map(|table| table == "parameters"),
            // `parameters` has a column `name`; if another table has one too, SQL demands a qualified name.
            None => Some(self.0.values().any(|table| table == "parameters")),
        }
    }
}

struct Reader {
    /// For the current SELECT and the enclosing ones: the tables, by their names in it.
    tables: Vec<Tables>,
    /// Whether the text is a link: a link may make a key of a number.
    is_link: bool,
    /// Places where a sensitive column is used harmlessly. The visitor visits an expression before its parts.
    harmless: BTreeSet<Span>,
    found: Vec<Found>,
    compares_citizenship: bool,
}

impl Reader {
    /// The name and owner of the column, if the expression is a column.
    fn column(expr: &Expr) -> Option<(String, Option<String>)> {
        match expr {
            Expr::Identifier(name) => Some((name.value.to_lowercase(), None)),
            Expr::CompoundIdentifier(names) => {
                let (name, owners) = names.split_last()?;
                Some((name.value.to_lowercase(), owners.last().map(|owner| owner.value.to_lowercase())))
            }
            Expr::Nested(inner) => Self::column(inner),
            _ => None,
        }
    }

    fn is_one_of(expr: &Expr, names: &[&str]) -> bool {
        Self::column(expr).is_some_and(|(name, _)| names.contains(&name.as_str()))
    }

    fn allow(&mut self, expr: &Expr) {
        self.harmless.extend(span(expr));
    }

    fn refuse(&mut self, expr: &Expr, message: String, hint: &'static str) {
        self.found.push(Found { message, hint, span: span(expr) });
    }

    fn function(&mut self, function: &Function) {
        let name = function.name.to_string().to_lowercase();
        let args = arguments(function);
        let in_order = ["lag", "lead", "first_value", "last_value", "min", "max", "count"];
        for arg in &args {
            if (name == "name_agreement" && Self::is_one_of(arg, &NAMES))
                || ((in_order.contains(&name.as_str()) || (self.is_link && name == "concat"))
                    && Self::is_one_of(arg, &NUMBERS))
            {
                self.allow(arg);
            }
        }
        if let ("array_has", [list, country]) = (name.as_str(), args.as_slice())
            && text(country).is_some_and(|code| code == "SWE")
            && Self::is_one_of(list, &CITIZENSHIPS)
        {
            self.allow(list);
        }
        self.no_named_country(&args);
    }

    /// Refuses a country code beside a country column.
    fn no_named_country(&mut self, parts: &[&Expr]) {
        if !parts.iter().any(|part| Self::is_one_of(part, &COUNTRIES)) {
            return;
        }
        for part in parts {
            let mut codes = Vec::new();
            walk(*part, &mut Codes(&mut codes));
            for code in codes {
                self.refuse(
                    part,
                    format!("it compares a country with \"{code}\""),
                    "a rule may compare a person's own countries with each other, with SWE, and with the codes of the stateless and unknown",
                );
            }
        }
    }

    fn is_threshold(&self, owner: Option<&str>) -> bool {
        self.tables.iter().rev().find_map(|tables| tables.is_threshold(owner)).unwrap_or(false)
    }

    fn sensitive(&mut self, expr: &Expr) {
        let Some((name, owner)) = Self::column(expr) else { return };
        if span(expr).is_some_and(|span| self.harmless.contains(&span)) {
            return;
        }
        if CITIZENSHIPS.contains(&name.as_str()) && !self.compares_citizenship {
            self.refuse(
                expr,
                format!("it compares {name}, which is no risk factor"),
                "only a rule about citizenship itself may: say why in its header, compares_citizenship = \"...\"",
            );
        } else if NAMES.contains(&name.as_str()) && !(name == "name" && self.is_threshold(owner.as_deref())) {
            self.refuse(expr, format!("it looks into {name}"), "names are compared by name_agreement alone");
        } else if NUMBERS.contains(&name.as_str()) {
            self.refuse(
                expr,
                "it looks into a number, whose digits tell the sex".to_owned(),
                "compare whole numbers, or their date of birth: substr(number, 1, 8)",
            );
        }
    }
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.tables.push(Tables::of(select));
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => self.allow(expr),
                // Under another name the column could no longer be followed.
                SelectItem::ExprWithAlias { expr, alias }
                    if Self::column(expr).is_some_and(|(name, _)| keeps(&name, &alias.value.to_lowercase())) =>
                {
                    self.allow(expr);
                }
                _ => {}
            }
        }
        if let GroupByExpr::Expressions(exprs, _) = &select.group_by {
            for expr in exprs {
                self.allow(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<()> {
        self.tables.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => self.allow(inner),
            Expr::BinaryOp { left, op, right } => {
                use datafusion::sql::sqlparser::ast::BinaryOperator::{Eq, NotEq};
                let whole = matches!(op, Eq | NotEq);
                for side in [left, right] {
                    if whole && Self::is_one_of(side, &NUMBERS) {
                        self.allow(side);
                    }
                }
                self.no_named_country(&[left, right]);
            }
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                for side in [left, right] {
                    if Self::is_one_of(side, &NUMBERS) {
                        self.allow(side);
                    }
                }
                self.no_named_country(&[left, right]);
            }
            Expr::InList { expr, list, .. } => {
                let parts: Vec<&Expr> = std::iter::once(expr.as_ref()).chain(list).collect();
                self.no_named_country(&parts);
            }
            Expr::Function(function) => self.function(function),
            Expr::Substring { expr: of, substring_from: Some(from), substring_for: Some(length), .. }
                if from.to_string() == "1" && length.to_string() == "8" && Self::is_one_of(of, &NUMBERS) =>
            {
                self.allow(of);
            }
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.sensitive(expr),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Whether a column can still be followed under this alias.
fn keeps(name: &str, alias: &str) -> bool {
    name == alias || (NUMBERS.contains(&name) && NUMBERS.contains(&alias))
}

/// Collects text literals that look like a country code.
struct Codes<'a>(&'a mut Vec<String>);

impl Visitor for Codes<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let code = text(expr).filter(|text| text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()));
        self.0.extend(code.filter(|code| !NOBODYS_COUNTRY.contains(&code.as_str())));
        ControlFlow::Continue(())
    }
}

fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let exprs = list.args.iter().filter_map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    exprs.collect()
}

fn span(expr: &Expr) -> Option<Span> {
    Span::try_from_sqlparser_span(expr.span())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schema::{ColumnType, TableId};

    /// A column of such a type is sensitive as soon as the schema has it.
    #[test]
    fn names_numbers_and_citizenships_are_those_of_the_schema() {
        let of = |ty: ColumnType| -> BTreeSet<&str> {
            let columns = TableId::ALL.into_iter().flat_map(|table| table.def().columns);
            columns.filter(|column| column.ty == ty).map(|column| column.name).collect()
        };
        assert_eq!(of(ColumnType::CodeList), BTreeSet::from(CITIZENSHIPS));
        assert_eq!(of(ColumnType::Text), BTreeSet::from(NAMES));
        assert!(of(ColumnType::PersonNumber).is_subset(&BTreeSet::from(NUMBERS)));
    }

    fn found(sql: &str) -> Vec<String> {
        uses(&parse(sql).unwrap(), false, false).into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn handing_on_does_no_harm() {
        for sql in [
            "SELECT h.name, citizenships, h.number FROM population h",
            "SELECT 1 FROM population h WHERE h.name IS NOT NULL AND citizenships IS NULL",
            "SELECT name_agreement(h.name, p.name_at_grant) <> 'same' FROM population h, permits p",
            "SELECT number <> first_value(number) OVER (PARTITION BY substr(number, 1, 8)) FROM population",
            "SELECT array_has(h.citizenships, 'SWE') FROM population h",
            "SELECT number AS identifier FROM identities",
            "SELECT a.identifier = b.identifier FROM shared_identifiers a, shared_identifiers b",
            "SELECT pm.value FROM parameters pm WHERE pm.name = 'floor'",
            "SELECT value FROM parameters WHERE name = 'floor'",
            "SELECT 1 FROM (SELECT r.name <> 'a' FROM permits p JOIN parameters r ON r.name = 'b') x JOIN notices r ON true",
            "SELECT name FROM population GROUP BY name",
        ] {
            assert_eq!(found(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn looking_into_them_is_refused() {
        for (sql, words) in [
            ("SELECT array_has(citizenships, 'SYR') FROM population", "SYR"),
            ("SELECT 1 FROM population WHERE array_length(citizenships) > 1", "no risk factor"),
            ("SELECT array_has(h.citizenships, p.c) FROM population h, permits p", "no risk factor"),
            ("SELECT 1 FROM border WHERE country IN ('SWE', 'IRN')", "IRN"),
            ("SELECT 1 FROM statuses WHERE tested_country = 'AFG'", "AFG"),
            ("SELECT 1 FROM population WHERE name LIKE 'A%'", "looks into name"),
            ("SELECT lower(name) FROM population", "looks into name"),
            ("SELECT name AS n FROM population", "looks into name"),
            ("SELECT r.name = 'A' FROM (SELECT name FROM population) r, parameters p", "looks into name"),
            (
                "SELECT 1 FROM parameters p WHERE EXISTS (SELECT 1 FROM population n WHERE n.name = 'A')",
                "looks into name",
            ),
            ("SELECT 1 FROM population WHERE substr(number, 11, 1) = '2'", "sex"),
            ("SELECT 1 FROM population WHERE number LIKE '19%'", "sex"),
            ("SELECT 1 FROM permits ORDER BY name_at_grant", "looks into name_at_grant"),
            ("SELECT number AS n FROM identities", "sex"),
            ("SELECT substr(identifier, 11, 1) FROM shared_identifiers", "sex"),
        ] {
            assert!(found(sql).iter().any(|message| message.contains(words)), "{sql}: {:?}", found(sql));
        }
    }
}

//! Functions of sensitive values: of one row, and over several rows.

use datafusion::logical_expr::{Expr, Operator};

use super::{MONTHS_TO_AGE, Reader, bare, is_all, sticky, whole_number};
use crate::proofs::lawful::value::{Sort, Value};

/// Whether a value is a country, or a text made of some.
fn is_country_or_text(sort: &Sort) -> bool {
    matches!(sort, Sort::Country | Sort::Issuer | Sort::CountryText)
}

impl Reader<'_> {
    pub(super) fn concat(&mut self, expr: &Expr, parts: &[&Expr]) -> Value {
        let values: Vec<Value> = parts.iter().map(|part| self.value(part)).collect();
        let hidden = |sort: &Sort| sort.safeguard().is_some() && !is_country_or_text(sort);
        let identifies = |sort: &Sort| {
            sort.is_of_others() || matches!(sort, Sort::Number | Sort::Key | Sort::Spouse | Sort::Reference)
        };
        let mut made = Value::Plain;
        for value in &values {
            self.agreements.note(value);
            if value.has(Sort::is_civil).is_some() {
                self.use_civil(expr, value);
            } else if let Some(item) = value.has(|sort| hidden(sort) && !identifies(sort)) {
                self.refuse(expr, item, "looks into");
            }
            let kept = value.without(|sort| !identifies(sort) && !matches!(sort, Sort::Person | Sort::Protected));
            if !kept.items().is_empty() {
                made = made.or(&kept.by("part of a text"));
            }
            if value.has(is_country_or_text).is_some() {
                self.note_issuer(expr, value);
                made = made.or(&value.as_sort(&Sort::CountryText, "part of a text"));
            }
        }
        made
    }

    pub(super) fn call(&mut self, expr: &Expr, name: &str, args: &[Expr]) -> Value {
        if matches!(name, "concat" | "concat_ws") {
            return self.concat(expr, &args.iter().collect::<Vec<_>>());
        }
        let values: Vec<Value> = args.iter().map(|arg| self.value(arg)).collect();
        if values.iter().all(|value| value.items().is_empty()) {
            return match (name, values.as_slice()) {
                ("coalesce" | "nullif", [first, rest @ ..]) => {
                    rest.iter().fold(first.clone(), |all, value| all.or(value))
                }
                _ => Value::Plain,
            };
        }
        let only = |at: usize, sort: &Sort| values.get(at).is_some_and(|value| value.is_only(|known| known == sort));
        let is =
            |at: usize, sort: &Sort| values.get(at).is_some_and(|value| !value.items().is_empty()) && only(at, sort);
        match (name, values.as_slice()) {
            ("coalesce", _) => self.coalesced(expr, &values),
            ("nullif", [of, other]) => {
                self.ask(expr, Operator::Eq, (&args[0], of), (&args[1], other));
                of.clone()
            }
            ("name_agreement", [a, b]) if only(0, &Sort::Name) && only(1, &Sort::Name) => {
                let name = if a.items().is_empty() { b } else { a };
                name.as_sort(&Sort::Agreement, "held against another name")
            }
            ("records", _) if values.iter().all(|value| value.is_only(|sort| *sort == Sort::Reference)) => {
                values.iter().fold(Value::Null, |all, value| all.or(value)).by("named among the records")
            }
            ("substr", [_, _, _])
                if is(0, &Sort::Number) && whole_number(&args[1]) == Some(1) && whole_number(&args[2]) == Some(8) =>
            {
                values[0].as_sort(&Sort::NumberDate, "its date of birth")
            }
            ("add_months", [day, _]) => {
                let is_birth = !day.items().is_empty() && day.is_only(|sort| *sort == Sort::Birth);
                if is_birth && bare(&args[0]).is_some() && whole_number(&args[1]) == Some(MONTHS_TO_AGE) {
                    return day.as_sort(&Sort::EighteenthBirthday, "its eighteenth year");
                }
                if values[1].items().is_empty() {
                    return self.moved(expr, day, "some months before or after");
                }
                self.opened(expr, &values)
            }
            ("date_trunc", [_, day]) if is_all(day, &Sort::Birth) => {
                day.as_sort(&Sort::BirthMoved, "its year or month")
            }
            ("month_of", [day]) if day.is_only(|sort| *sort == Sort::PostDay) => Value::Plain,
            ("is_state", [_]) if is(0, &Sort::Country) || is(0, &Sort::Issuer) => Value::Plain,
            ("same_state", [a, b]) => {
                self.compare_countries(expr, Operator::Eq, a, b);
                Value::Plain
            }
            ("has_citizenship" | "array_has", [list, code]) if is(0, &Sort::Citizenship) => {
                let is_sweden = matches!(code, Value::Texts(texts) if texts.iter().eq(["SWE"]));
                if !is_sweden {
                    self.compare_countries(expr, Operator::Eq, list, code);
                    if name == "array_has" {
                        self.refuse(expr, &list.items()[0].clone(), "tells states that have ceased by");
                    }
                }
                Value::Plain
            }
            ("citizenship_change", [now, before]) if is(0, &Sort::Citizenship) && is(1, &Sort::Citizenship) => {
                self.ask_reason(expr, &now.items()[0].clone());
                let change = |list: &Value| list.as_sort(&Sort::CitizenshipChange, "held against another statement");
                change(now).or(&change(before))
            }
            ("array_length" | "cardinality", [of, ..]) if is(0, &Sort::Citizenship) => {
                self.ask_which(expr, &of.items()[0].clone());
                of.as_sort(&Sort::Citizenships, "how many")
            }
            ("array_element", [of, _]) if is(0, &Sort::Citizenship) => {
                self.ask_which(expr, &of.items()[0].clone());
                of.as_sort(&Sort::Country, "one of them")
            }
            ("greatest" | "least", _) if values.iter().all(|value| value.is_only(|sort| *sort == Sort::PostDay)) => {
                Value::Plain
            }
            _ => self.opened(expr, &values),
        }
    }

    pub(super) fn over_rows(&mut self, expr: &Expr, name: &str, args: &[Expr]) -> Value {
        let values: Vec<Value> = args.iter().map(|arg| self.value(arg)).collect();
        let Some(of) = values.first() else { return Value::Plain };
        match name {
            "count" => {
                for (arg, value) in args.iter().zip(&values) {
                    self.agreements.note(value);
                    if value.has(|sort| sort.is_civil() || *sort == Sort::Spouse).is_some() {
                        self.use_civil(expr, value);
                    }
                    let is_told = |sort: &Sort| matches!(sort, Sort::OfAge(_) | Sort::Secrecy | Sort::Excuse);
                    if let Some(item) = value.has(is_told) {
                        self.refuse(arg, item, "counts by");
                    }
                    if let Some(item) = value.has(|sort| *sort == Sort::Citizenship) {
                        self.ask_which(expr, item);
                    }
                    if let Some(item) = value.has(|sort| *sort == Sort::CitizenshipChange) {
                        self.note_which(expr, item);
                    }
                    self.note_issuer(expr, value);
                }
                sticky(&values)
            }
            // Which of several countries is the first in the alphabet may be shown; asked for, it would be held against the others.
            "min" | "max" if of.has(is_country_or_text).is_some() => {
                self.note_issuer(expr, of);
                of.as_sort(&Sort::CountryText, name)
            }
            "min" | "max" | "first_value" | "last_value" | "nth_value" => of.by(name),
            "lag" | "lead" => {
                let value = values.get(2).map_or_else(|| of.clone(), |otherwise| of.or(otherwise));
                self.mixed(expr, value).by(name)
            }
            "array_agg" | "string_agg" if of.has(|sort| matches!(sort, Sort::Country | Sort::Issuer)).is_some() => {
                self.note_issuer(expr, of);
                of.as_sort(&Sort::CountryText, name)
            }
            _ => self.opened(expr, &values),
        }
    }
}

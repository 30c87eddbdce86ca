//! Comparisons of sensitive values: each sort with its like.

use std::collections::BTreeSet;

use datafusion::logical_expr::{Expr, Operator};

use super::{Breach, Reader, bare, is_all, is_equality, is_named, shown, sticky, whole_number};
use crate::catalogue::refused::Highlight;
use crate::proofs::lawful::law::Safeguard;
use crate::proofs::lawful::value::{Item, Sort, Value};

/// What `name_agreement` says of names that only a person can compare.
const SCRIPT: &str = "script";

/// Whether a value is who the anchor of this person's permit is.
fn is_of_anchor(value: &Value) -> bool {
    value.has(|sort| *sort == Sort::OtherPerson).is_some_and(|item| item.column == "anchor_person_id")
}

impl Reader<'_> {
    pub(super) fn compare(
        &mut self,
        expr: &Expr,
        op: Operator,
        left: (&Expr, &Value),
        right: (&Expr, &Value),
    ) -> Value {
        let (l, r) = (left.1, right.1);
        if l.items().is_empty() && r.items().is_empty() {
            return Value::Plain;
        }
        [l, r].into_iter().for_each(|side| self.agreements.note(side));
        let sides = [(l, r), (r, l)];
        let any = |is: &dyn Fn(&Sort) -> bool| l.has(is).or_else(|| r.has(is));
        let both = |is: &dyn Fn(&Sort) -> bool| l.is_only(is) && r.is_only(is);
        let is_of_names = any(&|sort| matches!(sort, Sort::Agreement | Sort::SparedAgreement)).is_some();
        if is_of_names && l.texts().chain(r.texts()).any(|text| text == SCRIPT) {
            let what = format!("{} asks in which script a name is written", shown(expr));
            let breach = Breach::new(Safeguard::Names, what, Highlight::words(&["script"]));
            self.found.push(Breach { is_for_own: true, ..breach });
        }
        let refused = |reader: &mut Self, item: &Item, verb: &str| {
            reader.refuse(expr, item, verb);
            Value::Plain
        };
        if let Some(item) = any(&|sort| matches!(sort, Sort::Name | Sort::Secrecy | Sort::CountryText | Sort::Excuse)) {
            return refused(self, item, "looks into");
        }
        if let Some(item) = any(&|sort| *sort == Sort::Citizenships) {
            let other = if l.items().is_empty() { left.0 } else { right.0 };
            let is_any = matches!((whole_number(other), op), (Some(0), _) | (Some(1), Operator::GtEq | Operator::Lt));
            return if is_any { Value::Plain } else { refused(self, item, "counts") };
        }
        if let Some(item) = any(&|sort| matches!(sort, Sort::OfAge(_))) {
            let is_known = item.sort != Sort::OfAge("".into());
            let is_same = is_known && both(&|sort| *sort == item.sort);
            return if is_same && is_equality(op) { Value::Plain } else { refused(self, item, "selects by age") };
        }
        if let Some(item) = any(&Sort::is_of_birth) {
            let alike = [Sort::Birth, Sort::EighteenthBirthday];
            if alike.iter().any(|sort| is_all(l, sort) && is_all(r, sort)) {
                return Value::Plain;
            }
            for ((day, other), at) in sides.iter().zip([right.0, left.0]) {
                let is_of_age = !day.items().is_empty() && day.is_only(|sort| *sort == Sort::EighteenthBirthday);
                if let (true, true, Some(by)) = (is_of_age, other.items().is_empty(), bare(at)) {
                    return day.as_sort(&Sort::OfAge(by.as_str().into()), "compared with a day");
                }
            }
            return refused(self, item, "asks for the age by");
        }
        if let Some(item) = any(&|sort| *sort == Sort::NumberDate) {
            let is_lawful = is_equality(op) && both(&|sort| *sort == Sort::NumberDate);
            return if is_lawful { Value::Plain } else { refused(self, item, "looks into") };
        }
        let hidden = |sort: &Sort| sort.is_of_others() || matches!(sort, Sort::Number | Sort::Key | Sort::Spouse);
        if let Some(item) = any(&hidden) {
            let is_lawful = is_equality(op) && both(&Sort::is_identity);
            // Compared with anybody but the anchor, a spouse tells that there is one.
            if is_lawful
                && any(&|sort| *sort == Sort::Spouse).is_some()
                && !sides.iter().any(|(side, _)| is_of_anchor(side))
            {
                self.use_civil(expr, if l.has(|sort| *sort == Sort::Spouse).is_some() { l } else { r });
            }
            return if is_lawful { Value::Plain } else { refused(self, item, "looks into") };
        }
        if any(&Sort::is_of_country).is_some() {
            self.compare_countries(expr, op, l, r);
            return Value::Plain;
        }
        if let Some(item) = any(&Sort::is_civil) {
            let is_beside_the_post = item.sort == Sort::CivilDay
                && sides.iter().any(|(day, post)| {
                    day.is_only(|sort| *sort == Sort::CivilDay)
                        && !post.items().is_empty()
                        && post.is_only(|sort| *sort == Sort::PostDay)
                });
            if is_beside_the_post {
                let is_left = l.has(Sort::is_civil).is_some();
                let is_lately = matches!(
                    (op, is_left),
                    (Operator::Eq, _) | (Operator::Gt | Operator::GtEq, true) | (Operator::Lt | Operator::LtEq, false)
                );
                let sort = if is_lately { Sort::CivilLately } else { Sort::CivilNear };
                return if is_left { l } else { r }.as_sort(&sort, "held against the day of a post");
            }
            self.use_civil(expr, if l.has(Sort::is_civil).is_some() { l } else { r });
        }
        sticky(&[l.clone(), r.clone()])
    }

    pub(super) fn compare_countries(&mut self, expr: &Expr, op: Operator, l: &Value, r: &Value) {
        let item = || l.has(Sort::is_of_country).or_else(|| r.has(Sort::is_of_country));
        let named: BTreeSet<&str> = l.texts().chain(r.texts()).filter(|text| is_named(text)).collect();
        let is_known = |side: &Value| !side.is_plain_too() && side.items().iter().all(|item| item.sort.is_of_country());
        let Some(item) = item() else { return };
        if let Some(code) = named.first() {
            let what = format!("{} compares a country with \"{code}\" ({item})", shown(expr));
            self.push(Safeguard::NamedCountry, what, expr, false);
        } else if !is_equality(op) || !is_known(l) || !is_known(r) {
            let what = format!("{} compares a country with what may name one ({item})", shown(expr));
            self.push(Safeguard::NamedCountry, what, expr, false);
        } else if let Some(item) = l.has(|sort| *sort == Sort::Citizenship).or(r.has(|sort| *sort == Sort::Citizenship))
        {
            self.ask_which(expr, item);
        } else {
            [l, r].into_iter().for_each(|side| self.note_issuer(expr, side));
        }
    }

    /// Notes that a citizenship itself is looked at, which a rule about citizenship may do for permits of protection.
    pub(super) fn ask_which(&mut self, expr: &Expr, item: &Item) {
        self.ask_reason(expr, item);
        self.note_which(expr, item);
    }

    /// Notes a comparison of citizenships, which only a rule about them may make.
    pub(super) fn ask_reason(&mut self, expr: &Expr, item: &Item) {
        let what = format!("{} compares {}, which is no risk factor ({item})", shown(expr), item.column);
        self.push(Safeguard::Citizenship, what, expr, true);
    }
}

//! What an expression does with sensitive values: each sort of them may be used in a few ways, and in no other.
//!
//! Whatever is not listed here for a sort counts as looking into it. A value that passes on unchanged, or is chosen among rows, keeps
//! its sort. Conditions need not be followed into what depends on them, since each comparison is judged where it stands.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::{BinaryExpr, Case, Expr, Operator};

use crate::catalogue::refused::Highlight;
use crate::decode::codes::is_country;
use crate::proofs::lawful::law::Safeguard;
use crate::proofs::lawful::value::{Item, Sort, Value};
use crate::proofs::refusal::of_columns;
use crate::proofs::tags::of_words;

/// Sweden, and the codes of the stateless and of unknown citizenship.
const NOBODYS_COUNTRY: [&str; 6] = ["SWE", "XXA", "XXB", "XXC", "XXX", "UNK"];

/// The months after which somebody is of age (föräldrabalken 9 kap. 1 §: eighteen years).
const MONTHS_TO_AGE: i64 = 216;

/// A use that a safeguard does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub safeguard: Safeguard,
    pub what: String,
    pub place: Highlight,
    /// Whether a rule that says why it compares citizenships may do it.
    pub with_reason: bool,
    /// What to do about it, where that is not always the same.
    pub hint: Option<String>,
}

impl Breach {
    pub fn new(safeguard: Safeguard, what: String, place: Highlight) -> Breach {
        Breach { safeguard, what, place, with_reason: false, hint: None }
    }
}

/// Reads expressions over columns with known values.
pub struct Reader<'a> {
    pub at: &'a dyn Fn(&Column) -> Value,
    pub found: &'a mut Vec<Breach>,
    /// Uses of civil status: lawful for some permit classes.
    pub civil: &'a mut Vec<Breach>,
}

fn is_equality(op: Operator) -> bool {
    use Operator::*;
    matches!(op, Eq | NotEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn is_comparison(op: Operator) -> bool {
    is_equality(op) || matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq)
}

/// Whether the text names the country of some persons.
fn is_named(text: &str) -> bool {
    is_country(text) && !NOBODYS_COUNTRY.contains(&text)
}

fn whole_number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(number)) => number,
            _ => None,
        },
        Expr::Cast(cast) => whole_number(&cast.expr),
        Expr::Alias(alias) => whole_number(&alias.expr),
        _ => None,
    }
}

/// The column that an expression is, if it is nothing else.
fn bare(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.flat_name()),
        Expr::Cast(cast) => bare(&cast.expr),
        Expr::Alias(alias) => bare(&alias.expr),
        _ => None,
    }
}

impl Reader<'_> {
    /// What the values of an expression may be.
    pub fn value(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Column(column) => (self.at)(column),
            Expr::Alias(alias) => self.value(&alias.expr),
            Expr::Literal(value, _) if value.is_null() => Value::Null,
            Expr::Literal(value, _) => value.try_as_str().flatten().map_or(Value::Plain, Value::text),
            Expr::Cast(cast) => self.cast(expr, &cast.expr, cast.field.data_type()),
            Expr::TryCast(cast) => self.cast(expr, &cast.expr, cast.field.data_type()),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => self.binary(expr, left, *op, right),
            Expr::Not(of) | Expr::IsTrue(of) | Expr::IsFalse(of) | Expr::IsNotTrue(of) | Expr::IsNotFalse(of) => {
                self.condition(of)
            }
            Expr::IsNull(of) | Expr::IsNotNull(of) | Expr::IsUnknown(of) | Expr::IsNotUnknown(of) => {
                let value = self.value(of);
                if value.has(|sort| sort.is_civil() || *sort == Sort::Spouse).is_some() {
                    self.use_civil(expr, &value);
                }
                sticky(&[value])
            }
            Expr::Between(between) => {
                let of = self.value(&between.expr);
                for (op, end) in [(Operator::GtEq, &between.low), (Operator::LtEq, &between.high)] {
                    let value = self.value(end);
                    self.ask(expr, op, (&between.expr, &of), (end, &value));
                }
                sticky(&[of])
            }
            Expr::InList(list) => {
                let of = self.value(&list.expr);
                for item in &list.list {
                    let value = self.value(item);
                    self.ask(expr, Operator::Eq, (&list.expr, &of), (item, &value));
                }
                sticky(&[of])
            }
            Expr::Case(case) => self.case(expr, case),
            Expr::ScalarFunction(call) => self.call(expr, call.name(), &call.args),
            Expr::AggregateFunction(call) => {
                if let Some(filter) = &call.params.filter {
                    self.condition(filter);
                }
                self.order(&call.params.order_by);
                self.over_rows(expr, call.func.name(), &call.params.args)
            }
            Expr::WindowFunction(call) => {
                if let Some(filter) = &call.params.filter {
                    self.condition(filter);
                }
                for key in &call.params.partition_by {
                    self.key(key);
                }
                self.order(&call.params.order_by);
                self.over_rows(expr, call.fun.name(), &call.params.args)
            }
            other => {
                let mut parts = Vec::new();
                // The closure never fails, so the walk does not either.
                let _ = other.apply_children(|part| {
                    parts.push(self.value(part));
                    Ok(TreeNodeRecursion::Continue)
                });
                self.opened(expr, &parts)
            }
        }
    }

    /// Reads a condition: what it is true of is selected.
    pub fn condition(&mut self, expr: &Expr) -> Value {
        let value = self.value(expr);
        if let Some(item) = value.has(|sort| matches!(sort, Sort::OfAge(_))) {
            self.refuse(expr, item, "selects by age");
        }
        sticky(&[value])
    }

    /// Reads a condition that rows must meet: none may ask for those that are protected.
    pub fn selection(&mut self, expr: &Expr) {
        if self.condition(expr).has(|sort| *sort == Sort::Protected).is_some() {
            self.spare(expr, true);
        }
    }

    /// Judges the parts of a condition that ask whether somebody is protected: if it has this truth value, they may be true of the
    /// others alone.
    fn spare(&mut self, expr: &Expr, wanted: bool) {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
                self.spare(left, wanted);
                self.spare(right, wanted);
            }
            Expr::Not(of) | Expr::IsNotTrue(of) | Expr::IsFalse(of) => self.spare(of, !wanted),
            Expr::IsTrue(of) | Expr::IsNotFalse(of) => self.spare(of, wanted),
            // Whether the register says anything about it.
            Expr::IsNull(of) | Expr::IsNotNull(of) if bare(of).is_some() => {}
            question if !wanted && is_plain_question(question) => {}
            other => {
                // The parts have been judged already.
                let (mut found, mut civil) = (Vec::new(), Vec::new());
                let told = Reader { at: self.at, found: &mut found, civil: &mut civil }.value(other);
                if let Some(item) = told.has(|sort| *sort == Sort::Protected) {
                    self.select_protected(other, item);
                }
            }
        }
    }

    /// Reads what rows are grouped, partitioned or joined to distinct ones by.
    pub fn key(&mut self, expr: &Expr) -> Value {
        let value = self.value(expr);
        if let Some(item) = value.has(|sort| matches!(sort, Sort::OfAge(_) | Sort::Citizenships | Sort::Secrecy)) {
            self.refuse(expr, item, "tells rows apart by");
        }
        if value.has(|sort| sort.is_civil() || *sort == Sort::Spouse).is_some() {
            self.use_civil(expr, &value);
        }
        if let Some(item) = value.has(|sort| *sort == Sort::Citizenship) {
            self.ask_reason(expr, item);
        }
        value
    }

    pub fn order(&mut self, order: &[SortExpr]) {
        for SortExpr { expr, .. } in order {
            let value = self.value(expr);
            if value.has(Sort::is_civil).is_some() {
                self.use_civil(expr, &value);
            }
            let is_told = |sort: &Sort| {
                matches!(sort, Sort::Name | Sort::Number | Sort::NumberDate | Sort::Citizenship | Sort::Citizenships)
                    || matches!(sort, Sort::OfAge(_) | Sort::Secrecy)
                    || sort.is_of_birth()
            };
            if let Some(item) = value.has(is_told) {
                self.refuse(expr, item, "orders rows by");
            }
        }
    }

    /// Judges the comparison of the two sides of a join; with `picks`, rows without a partner are gone.
    pub fn compare_sides(&mut self, left: (&Expr, &Value), right: (&Expr, &Value), picks: bool) {
        let sides = [left, right].map(|(side, _)| Box::new(side.clone()));
        let [l, r] = sides;
        let expr = Expr::BinaryExpr(BinaryExpr::new(l, Operator::Eq, r));
        let told = self.ask(&expr, Operator::Eq, left, right);
        if let Some(item) = told.has(|sort| picks && *sort == Sort::Protected) {
            self.select_protected(&expr, item);
        }
    }

    /// Judges a comparison whose outcome decides something at once.
    fn ask(&mut self, expr: &Expr, op: Operator, left: (&Expr, &Value), right: (&Expr, &Value)) -> Value {
        let told = self.compare(expr, op, left, right);
        if let Some(item) = told.has(|sort| matches!(sort, Sort::OfAge(_))) {
            self.refuse(expr, item, "selects by age");
        }
        sticky(&[told])
    }

    fn select_protected(&mut self, expr: &Expr, item: &Item) {
        let what = format!("{} selects who is protected ({item})", shown(expr));
        self.push(Safeguard::Protected, what, expr, false);
    }

    fn push(&mut self, safeguard: Safeguard, what: String, expr: &Expr, with_reason: bool) {
        let place = of_columns(std::iter::once(expr)).map_or_else(|| of_words(&[expr]), Highlight::Span);
        self.found.push(Breach { with_reason, ..Breach::new(safeguard, what, place) });
    }

    fn refuse(&mut self, expr: &Expr, item: &Item, verb: &str) {
        let Some(safeguard) = item.sort.safeguard() else { return };
        let what = format!("{} {verb} {} ({item})", shown(expr), item.column);
        self.push(safeguard, what, expr, false);
    }

    fn use_civil(&mut self, expr: &Expr, value: &Value) {
        let Some(item) = value.has(|sort| sort.is_civil() || *sort == Sort::Spouse) else { return };
        let what = format!("{} asks for {} ({item})", shown(expr), item.column);
        let place = of_columns(std::iter::once(expr)).map_or_else(|| of_words(&[expr]), Highlight::Span);
        self.civil.push(Breach::new(Safeguard::CivilStatus, what, place));
    }

    /// An expression that reads inside its parts in an unknown way.
    fn opened(&mut self, expr: &Expr, parts: &[Value]) -> Value {
        for part in parts {
            if part.has(Sort::is_civil).is_some() {
                self.use_civil(expr, part);
            }
            if let Some(item) = part.has(|sort| sort.safeguard().is_some() && !sort.is_civil()) {
                self.refuse(expr, item, "looks into");
            }
        }
        // Who a person is may still be read from what is made of the id.
        kept(parts, &|sort| matches!(sort, Sort::Person | Sort::Protected))
    }

    fn cast(&mut self, expr: &Expr, of: &Expr, to: &DataType) -> Value {
        let value = self.value(of);
        let is_day = matches!(to, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..));
        let keeps = |sort: &Sort| match sort {
            Sort::Birth | Sort::EighteenthBirthday | Sort::CivilDay | Sort::PostDay => is_day,
            Sort::Citizenship => matches!(to, DataType::List(_)),
            Sort::Citizenships | Sort::Secrecy => to.is_numeric(),
            Sort::OfAge(_) | Sort::Protected => *to == DataType::Boolean,
            _ => to.is_string(),
        };
        match &value {
            Value::Tainted(taint) if taint.items.iter().all(|item| keeps(&item.sort)) => value,
            Value::Tainted(_) => self.opened(expr, &[value]),
            Value::Texts(_) if !to.is_string() => Value::Plain,
            _ => value,
        }
    }

    fn binary(&mut self, expr: &Expr, left: &Expr, op: Operator, right: &Expr) -> Value {
        match op {
            Operator::And | Operator::Or => {
                let sides = [self.condition(left), self.condition(right)];
                return sticky(&sides);
            }
            Operator::StringConcat => return self.concat(expr, &[left, right]),
            _ => {}
        }
        let sides = [self.value(left), self.value(right)];
        let [l, r] = &sides;
        match op {
            op if is_comparison(op) => self.compare(expr, op, (left, l), (right, r)),
            Operator::Minus
                if !l.items().is_empty() && l.is_only(Sort::is_of_birth) && r.is_only(Sort::is_of_birth) =>
            {
                Value::Plain
            }
            Operator::Plus | Operator::Minus if r.items().is_empty() && !l.items().is_empty() => {
                self.moved(expr, l, "some days before or after")
            }
            Operator::Plus if l.items().is_empty() && !r.items().is_empty() => self.moved(expr, r, "some days after"),
            _ => self.opened(expr, &sides),
        }
    }

    /// A day some time before or after another.
    fn moved(&mut self, expr: &Expr, day: &Value, what: &str) -> Value {
        if day.is_only(Sort::is_of_birth) {
            return day.as_sort(&Sort::Birth, what);
        }
        if day.is_only(|sort| matches!(sort, Sort::PostDay | Sort::CivilDay)) {
            return day.by(what);
        }
        self.opened(expr, std::slice::from_ref(day))
    }

    fn compare(&mut self, expr: &Expr, op: Operator, left: (&Expr, &Value), right: (&Expr, &Value)) -> Value {
        let (l, r) = (left.1, right.1);
        if l.items().is_empty() && r.items().is_empty() {
            return Value::Plain;
        }
        let sides = [(l, r), (r, l)];
        let any = |is: &dyn Fn(&Sort) -> bool| l.has(is).or_else(|| r.has(is));
        let both = |is: &dyn Fn(&Sort) -> bool| l.is_only(is) && r.is_only(is);
        let refused = |reader: &mut Self, item: &Item, verb: &str| {
            reader.refuse(expr, item, verb);
            Value::Plain
        };
        if let Some(item) = any(&|sort| matches!(sort, Sort::Name | Sort::Secrecy | Sort::CountryText)) {
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
            if both(&Sort::is_of_birth) {
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
        if let Some(item) = any(&|sort| matches!(sort, Sort::Number | Sort::Key | Sort::OtherPerson | Sort::Spouse)) {
            let is_lawful = is_equality(op) && both(&Sort::is_identity);
            // Compared with anybody but the anchor, a spouse tells that there is one.
            if is_lawful
                && any(&|sort| *sort == Sort::Spouse).is_some()
                && any(&|sort| *sort == Sort::OtherPerson).is_none()
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
            if !is_beside_the_post {
                self.use_civil(expr, if l.has(Sort::is_civil).is_some() { l } else { r });
            }
        }
        sticky(&[l.clone(), r.clone()])
    }

    fn compare_countries(&mut self, expr: &Expr, op: Operator, l: &Value, r: &Value) {
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
            self.ask_reason(expr, item);
        }
    }

    /// Notes a comparison of citizenships, which only a rule about them may make.
    fn ask_reason(&mut self, expr: &Expr, item: &Item) {
        let what = format!("{} compares {}, which is no risk factor ({item})", shown(expr), item.column);
        self.push(Safeguard::Citizenship, what, expr, true);
    }

    fn case(&mut self, expr: &Expr, case: &Case) -> Value {
        let mut told = Vec::new();
        let base = case.expr.as_ref().map(|base| (base, self.value(base)));
        for (when, _) in &case.when_then_expr {
            match &base {
                Some((base, value)) => {
                    let when_value = self.value(when);
                    told.push(self.ask(expr, Operator::Eq, (base, value), (when, &when_value)));
                }
                None => told.push(self.condition(when)),
            }
        }
        let thens = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
        let values: Vec<Value> = thens.map(|then| self.value(then)).collect();
        let value = values.iter().fold(Value::Null, |all, value| all.or(value));
        let value = self.mixed(expr, value);
        match sticky(&told) {
            Value::Plain => value,
            protected => value.or(&protected),
        }
    }

    /// Judges a value that may come from several places: beside a sensitive value no other may stand that it could be compared with
    /// by grouping both.
    pub fn mixed(&mut self, expr: &Expr, value: Value) -> Value {
        let Some(what) = misplaced(&value, &shown(expr)) else { return value };
        match what {
            Misplaced::Civil => {
                self.use_civil(expr, &value);
                value.without(Sort::is_civil)
            }
            Misplaced::Breach(safeguard, what) => {
                self.push(safeguard, what, expr, false);
                Value::Plain
            }
        }
    }

    fn concat(&mut self, expr: &Expr, parts: &[&Expr]) -> Value {
        let values: Vec<Value> = parts.iter().map(|part| self.value(part)).collect();
        let hidden = |sort: &Sort| sort.safeguard().is_some() && !matches!(sort, Sort::Country | Sort::CountryText);
        let identifies = |sort: &Sort| matches!(sort, Sort::Number | Sort::Key | Sort::OtherPerson | Sort::Spouse);
        let mut made = Value::Plain;
        for value in &values {
            if value.has(Sort::is_civil).is_some() {
                self.use_civil(expr, value);
            } else if let Some(item) = value.has(|sort| hidden(sort) && !identifies(sort)) {
                self.refuse(expr, item, "looks into");
            }
            let kept = value.without(|sort| !identifies(sort) && !matches!(sort, Sort::Person | Sort::Protected));
            if !kept.items().is_empty() {
                made = made.or(&kept.by("part of a text"));
            }
            if value.has(|sort| matches!(sort, Sort::Country | Sort::CountryText)).is_some() {
                made = made.or(&value.as_sort(&Sort::CountryText, "part of a text"));
            }
        }
        made
    }

    fn call(&mut self, expr: &Expr, name: &str, args: &[Expr]) -> Value {
        if matches!(name, "concat" | "concat_ws") {
            return self.concat(expr, &args.iter().collect::<Vec<_>>());
        }
        let values: Vec<Value> = args.iter().map(|arg| self.value(arg)).collect();
        if values.iter().all(|value| value.items().is_empty()) {
            return match (name, values.as_slice()) {
                ("coalesce" | "nvl" | "nullif", [first, rest @ ..]) => {
                    rest.iter().fold(first.clone(), |all, value| all.or(value))
                }
                _ => Value::Plain,
            };
        }
        let only = |at: usize, sort: &Sort| values.get(at).is_some_and(|value| value.is_only(|known| known == sort));
        let is =
            |at: usize, sort: &Sort| values.get(at).is_some_and(|value| !value.items().is_empty()) && only(at, sort);
        match (name, values.as_slice()) {
            ("coalesce" | "nvl", _) => {
                let value = values.iter().fold(Value::Null, |all, value| all.or(value));
                self.mixed(expr, value)
            }
            ("nullif", [of, other]) => {
                self.ask(expr, Operator::Eq, (&args[0], of), (&args[1], other));
                of.clone()
            }
            ("name_agreement", [_, _]) if only(0, &Sort::Name) && only(1, &Sort::Name) => Value::Plain,
            ("records", _) if values.iter().all(|value| value.is_only(|sort| *sort == Sort::Id)) => Value::Plain,
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
            ("date_trunc", [_, day]) if day.is_only(|sort| *sort == Sort::Birth) => day.by("its year or month"),
            ("month_of", [day]) if day.is_only(|sort| *sort == Sort::PostDay) => Value::Plain,
            ("is_state", [_]) if is(0, &Sort::Country) => Value::Plain,
            ("same_state", [a, b]) => {
                self.compare_countries(expr, Operator::Eq, a, b);
                Value::Plain
            }
            ("has_citizenship" | "array_has", [list, code]) if is(0, &Sort::Citizenship) => {
                let is_sweden = matches!(code, Value::Texts(texts) if texts.iter().eq(["SWE"]));
                if !is_sweden {
                    self.compare_countries(expr, Operator::Eq, list, code);
                }
                Value::Plain
            }
            ("citizenship_change" | "array_has_any" | "array_has_all", [now, before])
                if only(0, &Sort::Citizenship) && only(1, &Sort::Citizenship) =>
            {
                self.compare_countries(expr, Operator::Eq, now, before);
                Value::Plain
            }
            ("array_length" | "cardinality", [of, ..]) if is(0, &Sort::Citizenship) => {
                self.ask_reason(expr, &of.items()[0].clone());
                of.as_sort(&Sort::Citizenships, "how many")
            }
            ("array_element", [of, _]) if is(0, &Sort::Citizenship) => {
                self.ask_reason(expr, &of.items()[0].clone());
                of.as_sort(&Sort::Country, "one of them")
            }
            ("greatest" | "least", _) if values.iter().all(|value| value.is_only(|sort| *sort == Sort::PostDay)) => {
                Value::Plain
            }
            _ => self.opened(expr, &values),
        }
    }

    fn over_rows(&mut self, expr: &Expr, name: &str, args: &[Expr]) -> Value {
        let values: Vec<Value> = args.iter().map(|arg| self.value(arg)).collect();
        let Some(of) = values.first() else { return Value::Plain };
        match name {
            "count" => {
                for (arg, value) in args.iter().zip(&values) {
                    if value.has(|sort| sort.is_civil() || *sort == Sort::Spouse).is_some() {
                        self.use_civil(expr, value);
                    }
                    if let Some(item) = value.has(|sort| matches!(sort, Sort::OfAge(_) | Sort::Secrecy)) {
                        self.refuse(arg, item, "counts by");
                    }
                    if let Some(item) = value.has(|sort| *sort == Sort::Citizenship) {
                        self.ask_reason(expr, item);
                    }
                }
                sticky(&values)
            }
            "min" | "max" | "first_value" | "last_value" | "nth_value" => of.by(name),
            "lag" | "lead" => {
                let value = values.get(2).map_or_else(|| of.clone(), |otherwise| of.or(otherwise));
                self.mixed(expr, value).by(name)
            }
            "array_agg" | "string_agg" if of.has(|sort| *sort == Sort::Country).is_some() => {
                of.as_sort(&Sort::CountryText, name)
            }
            _ => self.opened(expr, &values),
        }
    }
}

enum Misplaced {
    Civil,
    Breach(Safeguard, String),
}

/// What is wrong with a value that may come from several places.
fn misplaced(value: &Value, shown: &str) -> Option<Misplaced> {
    let Value::Tainted(taint) = value else { return None };
    let named = taint.texts.iter().find(|text| is_named(text));
    let is_mixed = taint.plain || taint.texts.iter().any(|text| !text.is_empty());
    let breach = |item: &Item, what: String| Some(Misplaced::Breach(item.sort.safeguard()?, what));
    for item in &taint.items {
        match &item.sort {
            Sort::Country | Sort::Citizenship => {
                if let Some(code) = named {
                    return breach(item, format!("{shown} puts \"{code}\" beside a country ({item})"));
                }
                if taint.plain {
                    return breach(item, format!("{shown} puts what may name a country beside one ({item})"));
                }
            }
            Sort::Civil | Sort::CivilDay if is_mixed => return Some(Misplaced::Civil),
            Sort::CountryText | Sort::Civil | Sort::CivilDay => {}
            sort if sort.safeguard().is_some() && is_mixed => {
                return breach(item, format!("{shown} puts something else beside {} ({item})", item.column));
            }
            _ => {}
        }
    }
    None
}

/// Judges the values of a column of a union.
pub fn of_union(value: Value, column: &str, found: &mut Vec<Breach>, civil: &mut Vec<Breach>) -> Value {
    let place = || Highlight::words(&["union"]);
    match misplaced(&value, &format!("column {column} of a UNION")) {
        None => value,
        Some(Misplaced::Civil) => {
            let what = format!("column {column} of a UNION mixes civil status with something else");
            civil.push(Breach::new(Safeguard::CivilStatus, what, place()));
            value.without(Sort::is_civil)
        }
        Some(Misplaced::Breach(safeguard, what)) => {
            found.push(Breach::new(safeguard, what, place()));
            Value::Plain
        }
    }
}

/// Whether an expression is a column of truth values, or that with false for null.
fn is_plain_question(expr: &Expr) -> bool {
    let is_false = |expr: &Expr| matches!(expr, Expr::Literal(ScalarValue::Boolean(Some(false)), _));
    match expr {
        Expr::Case(case) => {
            let thens = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
            let mut parts = thens.chain(case.else_expr.as_deref());
            case.expr.is_none()
                && case.when_then_expr.iter().all(|(when, _)| matches!(when.as_ref(), Expr::IsNotNull(_)))
                && parts.all(|then| bare(then).is_some() || is_false(then))
        }
        Expr::ScalarFunction(call) if call.name() == "coalesce" => {
            call.args.iter().all(|arg| bare(arg).is_some() || is_false(arg))
        }
        other => bare(other).is_some(),
    }
}

/// What of the values goes on in whatever is asked of them: that somebody is protected.
fn sticky(values: &[Value]) -> Value {
    kept(values, &|sort| *sort == Sort::Protected)
}

fn kept(values: &[Value], goes_on: &dyn Fn(&Sort) -> bool) -> Value {
    let items = values.iter().filter(|value| value.has(goes_on).is_some());
    items.fold(Value::Plain, |all, value| all.or(&value.without(|sort| !goes_on(sort)).by("a value made of it")))
}

fn shown(expr: &Expr) -> String {
    let text = expr.human_display().to_string();
    if text.chars().count() <= 120 { text } else { text.chars().take(119).chain(['…']).collect() }
}

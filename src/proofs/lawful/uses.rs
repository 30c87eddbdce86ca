//! What an expression does with sensitive values: each sort of them may be used in a few ways, and in no other.
//!
//! Whatever is not listed here for a sort counts as looking into it. A value that passes on unchanged, or is chosen among rows, keeps
//! its sort. Conditions need not be followed into what depends on them, since each comparison is judged where it stands.

mod agreements;
mod calls;
mod compare;
mod shapes;

use arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::{BinaryExpr, Case, Expr, Operator};

use crate::catalogue::refused::Highlight;
use crate::decode::codes::is_country;
use crate::proofs::lawful::law::Safeguard;
use crate::proofs::lawful::role::Role;
use crate::proofs::lawful::value::{Item, Sort, Value};
use crate::proofs::refusal::of_columns;
use crate::proofs::tags::of_words;

pub use agreements::Agreements;
use shapes::{bare, is_estimate, is_plain_question, of_coalesce, parts_of, whole_number};

/// Sweden, and the codes of the stateless and of unknown citizenship. UNK is Kosovo, so that it names a country.
const NOBODYS_COUNTRY: [&str; 5] = ["SWE", "XXA", "XXB", "XXC", "XXX"];

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
    /// Whether the program's own rules may do it.
    pub is_for_own: bool,
    /// What to do about it, where that is not always the same.
    pub hint: Option<String>,
}

impl Breach {
    pub fn new(safeguard: Safeguard, what: String, place: Highlight) -> Breach {
        Breach { safeguard, what, place, with_reason: false, is_for_own: false, hint: None }
    }
}

/// Reads expressions over columns with known values.
pub struct Reader<'a> {
    pub at: &'a dyn Fn(&Column) -> Value,
    pub found: &'a mut Vec<Breach>,
    /// Uses of civil status, and of which citizenship somebody has: lawful for some permit classes.
    pub civil: &'a mut Vec<Breach>,
    pub agreements: &'a mut Agreements,
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
            Expr::IsTrue(of) => self.condition(of),
            Expr::Not(of) | Expr::IsFalse(of) | Expr::IsNotTrue(of) | Expr::IsNotFalse(of) => {
                self.condition(of).with_sort(Sort::is_near, &Sort::CivilNear)
            }
            Expr::IsNull(of) | Expr::IsNotNull(of) | Expr::IsUnknown(of) | Expr::IsNotUnknown(of) => {
                let value = self.value(of);
                self.agreements.note(&value);
                if value.has(|sort| matches!(sort, Sort::Civil | Sort::CivilDay | Sort::Spouse)).is_some() {
                    self.use_civil(expr, &value);
                }
                if let Some(item) = value.has(|sort| *sort == Sort::CitizenshipChange) {
                    self.note_which(expr, item);
                }
                // A day beyond the calendar is null, so that this, too, is a comparison.
                if let Some(item) = value.has(|sort| matches!(sort, Sort::Excuse | Sort::BirthMoved)) {
                    self.refuse(expr, item, "asks for");
                }
                sticky(&[value]).with_sort(Sort::is_near, &Sort::CivilNear)
            }
            Expr::Between(between) => {
                let of = self.value(&between.expr);
                let mut told = Vec::new();
                for (op, end) in [(Operator::GtEq, &between.low), (Operator::LtEq, &between.high)] {
                    let value = self.value(end);
                    told.push(self.ask(expr, op, (&between.expr, &of), (end, &value)));
                }
                of_parts(&told, if between.negated { Operator::Or } else { Operator::And })
            }
            Expr::InList(list) => {
                let of = self.value(&list.expr);
                let mut told = Vec::new();
                for item in &list.list {
                    let value = self.value(item);
                    told.push(self.ask(expr, Operator::Eq, (&list.expr, &of), (item, &value)));
                }
                of_parts(&told, Operator::Or)
            }
            Expr::Case(case) => self.case(expr, case),
            Expr::ScalarFunction(call) => self.call(expr, call.name(), &call.args),
            Expr::AggregateFunction(call) => {
                if let Some(filter) = &call.params.filter {
                    self.counted(filter);
                }
                self.order(&call.params.order_by);
                self.over_rows(expr, call.func.name(), &call.params.args)
            }
            Expr::WindowFunction(call) => {
                if let Some(filter) = &call.params.filter {
                    self.counted(filter);
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

    /// Reads a condition by which something is decided at once.
    pub fn decision(&mut self, expr: &Expr) -> Value {
        let value = self.condition(expr);
        if value.has(Sort::is_near).is_some() {
            self.use_civil(expr, &value);
        }
        value
    }

    /// Reads a condition that rows meet: none may ask for those that are protected.
    pub fn selection(&mut self, expr: &Expr, role: Role) {
        let told = self.decision(expr);
        let Some(item) = told.has(|sort| *sort == Sort::Protected) else { return };
        match role {
            Role::Brings => self.spare(expr, true),
            Role::KeepsAway => self.spare(expr, false),
            Role::Weighs => self.select_protected(expr, item),
        }
    }

    /// Reads a condition by which rows are counted, or looked at in a window.
    fn counted(&mut self, expr: &Expr) {
        self.selection(expr, Role::Weighs);
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
                if let Some(item) = self.told(other).has(|sort| *sort == Sort::Protected) {
                    self.select_protected(other, item);
                }
            }
        }
    }

    /// What the values of an expression may be that has been judged already.
    fn told(&self, expr: &Expr) -> Value {
        let (mut found, mut civil, mut agreements) = (Vec::new(), Vec::new(), Agreements::default());
        Reader { at: self.at, found: &mut found, civil: &mut civil, agreements: &mut agreements }.value(expr)
    }

    /// Reads what rows are grouped, partitioned or joined to distinct ones by.
    pub fn key(&mut self, expr: &Expr) -> Value {
        let value = self.value(expr);
        self.agreements.note(&value);
        let is_told = |sort: &Sort| {
            matches!(sort, Sort::OfAge(_) | Sort::BirthMoved | Sort::Citizenships | Sort::Secrecy | Sort::Excuse)
        };
        if let Some(item) = value.has(is_told) {
            self.refuse(expr, item, "tells rows apart by");
        }
        if value.has(|sort| sort.is_civil() || *sort == Sort::Spouse).is_some() {
            self.use_civil(expr, &value);
        }
        if let Some(item) = value.has(|sort| *sort == Sort::Citizenship) {
            self.ask_which(expr, item);
        }
        value
    }

    pub fn order(&mut self, order: &[SortExpr]) {
        for (place, SortExpr { expr, .. }) in order.iter().enumerate() {
            let value = self.value(expr);
            self.agreements.note(&value);
            if value.has(Sort::is_civil).is_some() {
                self.use_civil(expr, &value);
            }
            if let Some(item) = value.has(|sort| *sort == Sort::Protected) {
                self.select_protected(expr, item);
            }
            let is_told = |sort: &Sort| {
                matches!(sort, Sort::Name | Sort::Number | Sort::NumberDate | Sort::Citizenship | Sort::Citizenships)
                    || matches!(sort, Sort::OfAge(_) | Sort::Secrecy | Sort::Excuse)
                    || sort.is_of_birth()
                    // Before a named country in the alphabet, or after it, is a comparison with it.
                    || matches!(sort, Sort::Country | Sort::Issuer | Sort::CountryText)
                    // It may tell apart what is equal otherwise; its order is that of the numbers in it.
                    || (*sort == Sort::LinkKey && place == 0)
            };
            if let Some(item) = value.has(is_told) {
                self.refuse(expr, item, "orders rows by");
            }
        }
    }

    /// Judges the comparison of the two sides of a join.
    pub fn compare_sides(&mut self, left: (&Expr, &Value), right: (&Expr, &Value)) {
        let sides = [left, right].map(|(side, _)| Box::new(side.clone()));
        let [l, r] = sides;
        let expr = Expr::BinaryExpr(BinaryExpr::new(l, Operator::Eq, r));
        let told = self.ask(&expr, Operator::Eq, left, right);
        if let Some(item) = told.has(|sort| *sort == Sort::Protected) {
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
        if let (Sort::CountryText, Some(breach)) = (&item.sort, self.found.last_mut()) {
            let hint = "a text made of countries is to be shown; whether they differ, count(DISTINCT ...) tells";
            breach.hint = Some(hint.to_owned());
        }
    }

    fn use_civil(&mut self, expr: &Expr, value: &Value) {
        let Some(item) = value.has(|sort| sort.is_civil() || *sort == Sort::Spouse) else { return };
        let what = format!("{} asks for {} ({item})", shown(expr), item.column);
        let place = of_columns(std::iter::once(expr)).map_or_else(|| of_words(&[expr]), Highlight::Span);
        self.civil.push(Breach::new(Safeguard::CivilStatus, what, place));
    }

    /// Notes a question for which citizenship somebody has, which matters to some permit classes only.
    fn note_which(&mut self, expr: &Expr, item: &Item) {
        let what = format!("{} tells which citizenship somebody has, or that it is none ({item})", shown(expr));
        let place = of_columns(std::iter::once(expr)).map_or_else(|| of_words(&[expr]), Highlight::Span);
        self.civil.push(Breach::new(Safeguard::Citizenship, what, place));
    }

    /// Notes that it matters which state issued a passport: it tells which citizenship somebody has.
    fn note_issuer(&mut self, expr: &Expr, value: &Value) {
        if let Some(item) = value.has(|sort| *sort == Sort::Issuer) {
            self.note_which(expr, item);
        }
    }

    /// An expression that reads inside its parts in an unknown way.
    fn opened(&mut self, expr: &Expr, parts: &[Value]) -> Value {
        for part in parts {
            self.agreements.note(part);
            if part.has(Sort::is_civil).is_some() {
                self.use_civil(expr, part);
            }
            if let Some(item) = part.has(|sort| sort.safeguard().is_some() && !sort.is_civil()) {
                self.refuse(expr, item, "looks into");
            }
        }
        // Who a person is may still be read from what is made of the id.
        kept(parts, &|sort| matches!(sort, Sort::Person | Sort::Protected | Sort::Reference))
    }

    fn cast(&mut self, expr: &Expr, of: &Expr, to: &DataType) -> Value {
        let value = self.value(of);
        let is_day = matches!(to, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..));
        let keeps = |sort: &Sort| match sort {
            Sort::Birth | Sort::BirthMoved | Sort::EighteenthBirthday | Sort::CivilDay | Sort::PostDay => is_day,
            Sort::Citizenship => matches!(to, DataType::List(_)),
            Sort::Citizenships | Sort::Secrecy => to.is_numeric(),
            Sort::OfAge(_) | Sort::Protected | Sort::CivilNear | Sort::CivilLately => *to == DataType::Boolean,
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
                let parts = parts_of(expr, op);
                let judged: Vec<&Expr> = parts.iter().copied().filter(|part| !is_estimate(part, op, &parts)).collect();
                let told: Vec<Value> = judged.into_iter().map(|part| self.condition(part)).collect();
                return of_parts(&told, op);
            }
            Operator::StringConcat => return self.concat(expr, &[left, right]),
            _ => {}
        }
        let sides = [self.value(left), self.value(right)];
        let [l, r] = &sides;
        match op {
            op if is_comparison(op) => self.compare(expr, op, (left, l), (right, r)),
            Operator::Minus if is_all(l, &Sort::Birth) && is_all(r, &Sort::Birth) => Value::Plain,
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
            return day.as_sort(&Sort::BirthMoved, what);
        }
        if day.is_only(|sort| matches!(sort, Sort::PostDay | Sort::CivilDay)) {
            return day.by(what);
        }
        self.opened(expr, std::slice::from_ref(day))
    }

    fn case(&mut self, expr: &Expr, case: &Case) -> Value {
        if let Some(parts) = of_coalesce(case) {
            let values: Vec<Value> = parts.into_iter().map(|part| self.value(part)).collect();
            return self.coalesced(expr, &values);
        }
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
        // A change of name that comes with one of civil status is none: who is told so is not told apart from whose name is the same.
        let value = match told.iter().find(|told| told.has(Sort::is_near).is_some()) {
            None => value,
            Some(near) if is_agreement(&value) && spares(case, near) => {
                value.as_sort(&Sort::SparedAgreement, "spared where a civil status changed")
            }
            Some(near) => {
                self.use_civil(expr, near);
                value
            }
        };
        match kept(&told, &|sort| *sort == Sort::Protected) {
            Value::Plain => value,
            protected => value.or(&protected),
        }
    }

    /// The first of some values that is not null.
    fn coalesced(&mut self, expr: &Expr, values: &[Value]) -> Value {
        let value = values.iter().fold(Value::Null, |all, value| all.or(value));
        let is_told = value.is_plain_too() || value.texts().any(|text| text != SAME);
        if let Some(item) = value.has(|sort| *sort == Sort::CitizenshipChange).filter(|_| is_told) {
            self.note_which(expr, item);
        }
        self.mixed(expr, value)
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
            Sort::Country | Sort::Issuer | Sort::Citizenship => {
                if let Some(code) = named {
                    return breach(item, format!("{shown} puts \"{code}\" beside a country ({item})"));
                }
                if taint.plain {
                    return breach(item, format!("{shown} puts what may name a country beside one ({item})"));
                }
            }
            Sort::Civil | Sort::CivilDay if is_mixed => return Some(Misplaced::Civil),
            Sort::CountryText | Sort::Civil | Sort::CivilDay | Sort::CivilNear | Sort::CivilLately => {}
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

/// What of the values goes on in whatever is asked of them: that somebody is protected, and that a civil status has changed.
fn sticky(values: &[Value]) -> Value {
    kept(values, &|sort| *sort == Sort::Protected || sort.is_near())
}

/// What of the values goes on in what AND, or OR, makes of them. It holds lately alone if one part of an AND does, or all of an OR.
fn of_parts(told: &[Value], op: Operator) -> Value {
    let near = || told.iter().filter(|told| told.has(Sort::is_near).is_some());
    let is_lately = |told: &Value| told.has(|sort| *sort == Sort::CivilNear).is_none();
    let all = if op == Operator::And { near().any(is_lately) } else { near().all(is_lately) };
    sticky(told).with_sort(Sort::is_near, if all { &Sort::CivilLately } else { &Sort::CivilNear })
}

/// What functions say of names and citizenships that have not changed.
const SAME: &str = "same";

/// Whether a value says how far names agree, and nothing else but that they do.
fn is_agreement(value: &Value) -> bool {
    let Value::Tainted(taint) = value else { return false };
    !taint.plain
        && taint.texts.iter().all(|text| text == SAME)
        && taint
            .items
            .iter()
            .all(|item| matches!(item.sort, Sort::Agreement | Sort::SparedAgreement) || item.sort.is_near())
}

/// Whether a CASE says "same" where its one condition is true, and that condition, as far as it asks for the day of a civil status, is
/// true from some day on: then nobody is told for not having changed theirs, nor for having done so.
fn spares(case: &Case, told: &Value) -> bool {
    match case.when_then_expr.as_slice() {
        [(_, then)] => is_same_text(then) && told.has(|sort| *sort == Sort::CivilNear).is_none(),
        _ => false,
    }
}

fn is_same_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.try_as_str().flatten() == Some(SAME))
}

/// Whether a value is of this sort and nothing else.
fn is_all(value: &Value, sort: &Sort) -> bool {
    !value.items().is_empty() && value.is_only(|known| known == sort)
}

fn kept(values: &[Value], goes_on: &dyn Fn(&Sort) -> bool) -> Value {
    let items = values.iter().filter(|value| value.has(goes_on).is_some());
    items.fold(Value::Plain, |all, value| all.or(&value.without(|sort| !goes_on(sort)).by("a value made of it")))
}

fn shown(expr: &Expr) -> String {
    let text = expr.human_display().to_string();
    if text.chars().count() <= 120 { text } else { text.chars().take(119).chain(['…']).collect() }
}

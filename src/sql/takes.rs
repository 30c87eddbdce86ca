//! Of what sort the arguments of each function are, in words for who writes rules.
//!
//! DataFusion makes some arguments another type so that they fit (`greatest(1, DATE '2024-01-01')`), which other engines do not. What is
//! listed here is what a function takes before anything is made of it; `null` is of every sort. `sql/listed.rs` has the same functions with
//! their examples, and a test holds the two against each other.

use arrow::datatypes::DataType;

use crate::sql::listed::{Listed, PARTS};

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Day,
    Instant,
    /// A day or an instant.
    Time,
    Whole,
    Number,
    Text,
    Truth,
    List,
    /// A column `record`, or a list of records.
    Record,
    Any,
    /// Of the sort of the others. What texts stand for beside days is judged elsewhere (`proofs/alike.rs`).
    Same,
}

use Sort::{Any, Day, List, Number, Record, Same, Text, Time, Truth, Whole};

/// What a function takes.
#[derive(Clone, Copy, Debug)]
pub struct Takes {
    pub name: &'static str,
    pub sorts: &'static [Sort],
    /// How many of them a call needs.
    pub least: usize,
    /// Whether the last may come again.
    pub is_open: bool,
}

const fn takes(name: &'static str, sorts: &'static [Sort]) -> Takes {
    Takes { name, sorts, least: sorts.len(), is_open: false }
}

const fn at_least(least: usize, name: &'static str, sorts: &'static [Sort]) -> Takes {
    Takes { name, sorts, least, is_open: false }
}

const fn open(name: &'static str, sorts: &'static [Sort]) -> Takes {
    Takes { name, sorts, least: sorts.len(), is_open: true }
}

/// Every function that a rule may call.
pub const TAKES: [Takes; 54] = [
    takes("add_months", &[Day, Whole]),
    takes("month_of", &[Day]),
    takes("agi_complete", &[Day]),
    takes("severity", &[Whole]),
    takes("severity_rank", &[Text]),
    takes("abs", &[Whole]),
    takes("name_agreement", &[Text, Text]),
    takes("is_state", &[Text]),
    takes("same_state", &[Text, Text]),
    takes("has_citizenship", &[List, Text]),
    takes("citizenship_change", &[List, List]),
    takes("beta_tail_bp", &[Whole, Whole, Whole, Whole, Whole]),
    open("records", &[Record]),
    open("coalesce", &[Same]),
    takes("nullif", &[Same, Same]),
    open("greatest", &[Same]),
    open("least", &[Same]),
    takes("date_part", &[Text, Time]),
    takes("date_trunc", &[Text, Time]),
    open("concat", &[Any]),
    open("concat_ws", &[Text, Any]),
    takes("lower", &[Text]),
    takes("upper", &[Text]),
    at_least(1, "btrim", &[Text, Text]),
    at_least(1, "ltrim", &[Text, Text]),
    at_least(1, "rtrim", &[Text, Text]),
    takes("replace", &[Text, Text, Text]),
    at_least(2, "substr", &[Text, Whole, Whole]),
    takes("starts_with", &[Text, Text]),
    takes("strpos", &[Text, Text]),
    takes("character_length", &[Text]),
    takes("array_has", &[List, Any]),
    at_least(1, "array_length", &[List, Whole]),
    takes("cardinality", &[List]),
    takes("array_element", &[List, Whole]),
    takes("records_of", &[Record]),
    takes("median_low", &[Whole]),
    takes("mad_low", &[Whole]),
    takes("count", &[Any]),
    takes("sum", &[Number]),
    takes("min", &[Any]),
    takes("max", &[Any]),
    takes("bool_and", &[Truth]),
    takes("bool_or", &[Truth]),
    takes("array_agg", &[Any]),
    takes("string_agg", &[Any, Text]),
    takes("row_number", &[]),
    takes("rank", &[]),
    takes("dense_rank", &[]),
    at_least(1, "lag", &[Any, Whole, Any]),
    at_least(1, "lead", &[Any, Whole, Any]),
    takes("first_value", &[Any]),
    takes("last_value", &[Any]),
    takes("nth_value", &[Any, Whole]),
];

/// What the function takes; `None` for one that no rule may call.
pub fn of(name: &str) -> Option<&'static Takes> {
    TAKES.iter().find(|takes| takes.name == name)
}

impl Takes {
    /// Whether arguments of these types are such.
    pub fn fit(&self, given: &[DataType]) -> bool {
        let at_most = if self.is_open { usize::MAX } else { self.sorts.len() };
        let sorts = self.sorts.iter().chain(std::iter::repeat(self.sorts.last().unwrap_or(&Any)));
        (self.least..=at_most).contains(&given.len())
            && given.iter().zip(sorts).all(|(ty, sort)| sort.has(ty))
            && (!self.sorts.contains(&Same) || are_same(given))
    }

    fn said(&self) -> String {
        let all: Vec<Words> = self.sorts.iter().map(|sort| sort.words()).collect();
        let (needed, others) = all.split_at(self.least.min(all.len()));
        let needed = match self.sorts {
            [] => "nothing".to_owned(),
            [Same] => "values of one type".to_owned(),
            [Same, Same] => "two values of one type".to_owned(),
            _ => listed(needed),
        };
        match (self.is_open, others) {
            (true, _) if self.sorts != [Same] => {
                format!("{needed}, and perhaps more {}", all.last().map_or("", |(_, many)| many))
            }
            (_, []) => needed,
            (_, [other]) if all.get(self.least - 1) == Some(other) => format!("{needed}, and perhaps another"),
            (_, others) => format!("{needed}, and perhaps {}", listed(others)),
        }
    }
}

/// What is wrong with a call, and a call that is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub said: String,
    pub hint: String,
}

/// Words for a call of the function whose arguments have these types, and do not fit.
pub fn misfit(name: &str, given: &[DataType]) -> Misfit {
    let given =
        if given.is_empty() { "nothing".to_owned() } else { listed(&given.iter().map(words_of).collect::<Vec<_>>()) };
    let Some(line) = line_of(name) else {
        return Misfit { said: format!("{name} does not take {given}"), hint: String::new() };
    };
    let written = line.written;
    let said = match of(name) {
        Some(takes) => format!("{written} takes {}, and is given {given}", takes.said()),
        None => format!("{written} does not take {given}"),
    };
    Misfit { said, hint: format!("a call that fits: {}", line.example) }
}

fn line_of(name: &str) -> Option<&'static Listed> {
    PARTS.iter().flat_map(|part| part.lines).find(|line| line.name == name)
}

impl Sort {
    fn has(self, ty: &DataType) -> bool {
        match (self, ty) {
            (Any | Same, _) | (_, DataType::Null) => true,
            (Day, ty) => matches!(ty, DataType::Date32),
            (Sort::Instant, ty) => is_instant(ty),
            (Time, ty) => matches!(ty, DataType::Date32) || is_instant(ty),
            (Whole, ty) => ty.is_integer(),
            (Number, ty) => ty.is_numeric(),
            (Text | Record, ty) => ty.is_string(),
            (Truth, ty) => matches!(ty, DataType::Boolean),
            (List, ty) => ty.is_list(),
        }
    }

    fn words(self) -> Words {
        match self {
            Day => DAY,
            Sort::Instant => INSTANT,
            Time => ("a day or an instant", "days or instants"),
            Whole => WHOLE,
            Number => ("a number", "numbers"),
            Text => TEXT,
            Truth => TRUTH,
            List => LIST,
            Record => ("a column `record`", "columns `record`"),
            Any | Same => ("a value", "values"),
        }
    }
}

fn is_instant(ty: &DataType) -> bool {
    matches!(ty, DataType::Timestamp(..))
}

/// Whether values of these types can be held against each other as they are. Texts are left to `proofs/alike.rs`.
fn are_same(given: &[DataType]) -> bool {
    let kind = |ty: &DataType| match ty {
        DataType::Null => None,
        ty if ty.is_string() => None,
        ty if ty.is_numeric() => Some(0),
        DataType::Date32 | DataType::Timestamp(..) => Some(1),
        DataType::Boolean => Some(2),
        ty if ty.is_list() => Some(3),
        _ => Some(4),
    };
    let mut kinds = given.iter().filter_map(kind);
    let first = kinds.next();
    kinds.all(|kind| Some(kind) == first)
}

/// One, and several.
type Words = (&'static str, &'static str);

const DAY: Words = ("a day", "days");
const INSTANT: Words = ("an instant", "instants");
const WHOLE: Words = ("a whole number", "whole numbers");
const TEXT: Words = ("a text", "texts");
const TRUTH: Words = ("true or false", "times true or false");
const LIST: Words = ("a list", "lists");

fn words_of(ty: &DataType) -> Words {
    match ty {
        DataType::Null => ("null", "nulls"),
        DataType::Date32 => DAY,
        DataType::Timestamp(..) => INSTANT,
        DataType::Boolean => TRUTH,
        DataType::Interval(_) => ("an interval", "intervals"),
        ty if ty.is_integer() => WHOLE,
        ty if ty.is_numeric() => ("a number with decimals", "numbers with decimals"),
        ty if ty.is_string() => TEXT,
        ty if ty.is_list() => LIST,
        _ => ("a value of another type", "values of another type"),
    }
}

/// "a day, two texts and a list".
fn listed(all: &[Words]) -> String {
    const NUMBERS: [&str; 6] = ["no", "one", "two", "three", "four", "five"];
    let runs: Vec<String> = all
        .chunk_by(|one, other| one == other)
        .map(|run| match run {
            [(one, _)] => (*one).to_owned(),
            [(_, many), ..] => NUMBERS
                .get(run.len())
                .map_or_else(|| format!("{} {many}", run.len()), |number| format!("{number} {many}")),
            [] => String::new(),
        })
        .collect();
    match runs.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_function_of_the_page_says_what_it_takes() {
        let listed: BTreeSet<&str> =
            PARTS.iter().flat_map(|part| part.lines).map(|line| line.name).filter(|name| !name.is_empty()).collect();
        let known: BTreeSet<&str> = TAKES.iter().map(|takes| takes.name).collect();
        assert_eq!(known, listed);
        assert_eq!(known.len(), TAKES.len());
    }

    #[test]
    fn a_call_is_judged_by_number_and_sorts() {
        let (day, text, whole) = (DataType::Date32, DataType::Utf8, DataType::Int64);
        let fits = |name: &str, given: &[DataType]| of(name).unwrap().fit(given);
        assert!(
            fits("add_months", &[day.clone(), whole.clone()]) && fits("add_months", &[DataType::Null, whole.clone()])
        );
        assert!(!fits("add_months", &[text.clone(), whole.clone()]) && !fits("add_months", std::slice::from_ref(&day)));
        assert!(
            fits("greatest", &[day.clone(), day.clone(), DataType::Null])
                && !fits("greatest", &[whole.clone(), day.clone()])
        );
        assert!(
            fits("lag", std::slice::from_ref(&day)) && !fits("lag", &[]) && !fits("rank", std::slice::from_ref(&day))
        );
        assert_eq!(
            misfit("beta_tail_bp", &[whole.clone(), whole]).said,
            "beta_tail_bp(k, n, a, b, rate_bp) takes five whole numbers, and is given two whole numbers"
        );
        assert_eq!(
            misfit("substr", &[text, day]).said,
            "substr(text, from, length) takes a text and a whole number, and perhaps another, and is given a text and a day"
        );
        assert_eq!(misfit("coalesce", &[]).said, "coalesce(a, b, ...) takes values of one type, and is given nothing");
    }
}

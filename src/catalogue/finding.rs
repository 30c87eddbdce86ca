//! The template of a finding: `{column}` is replaced by the value, `{column of 3 other}` adds what share of three times the other
//! column that is, and `[column: words]` is said only where the column is neither null, false, 0 nor empty.

use serde_json::{Map, Value};

use crate::words::Language;
use crate::words::values::share;

/// `{column}`, `{column of other}` or `{column of 3 other}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placeholder<'a> {
    pub column: &'a str,
    /// So many times that column.
    pub of: Option<(i64, &'a str)>,
}

impl<'a> Placeholder<'a> {
    /// Reads what stands between the braces; a text of any other form counts as the name of a column.
    fn read(text: &'a str) -> Placeholder<'a> {
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            [column, "of", other] => Placeholder { column, of: Some((1, other)) },
            [column, "of", times, other] if times.parse::<u16>().is_ok_and(|times| times > 0) => {
                Placeholder { column, of: Some((times.parse().unwrap_or(1), other)) }
            }
            _ => Placeholder { column: text, of: None },
        }
    }
}

/// The placeholders of a template, each with the words that follow it.
pub fn placeholders(template: &str) -> impl Iterator<Item = (Placeholder<'_>, &str)> {
    let inner = template.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    inner.map(|(inner, after)| (Placeholder::read(inner), after))
}

/// Columns that decide whether some words of the finding appear.
pub fn deciding(template: &str) -> impl Iterator<Item = &str> {
    template.split('[').skip(1).filter_map(|rest| part(rest).map(|(column, ..)| column))
}

/// The finding in one language; `say` words a column's value. No share is told of a value that `is_hidden` names.
pub fn render(
    template: &str,
    evidence: &Map<String, Value>,
    language: Language,
    say: &dyn Fn(&str, &Value) -> String,
    is_hidden: &dyn Fn(&str) -> bool,
) -> String {
    let template = said(template, evidence);
    let mut out = String::with_capacity(template.len());
    let mut rest = template.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((inner, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let Placeholder { column, of } = Placeholder::read(inner);
        let value = evidence.get(column).unwrap_or(&Value::Null);
        out.push_str(&say(column, value));
        let shown = of.filter(|(_, other)| !is_hidden(column) && !is_hidden(other));
        let share = shown.and_then(|(times, other)| share(column, value, times, evidence.get(other)?, language));
        if let Some(share) = share {
            out.push_str(&format!(" ({share})"));
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Whether a value is neither null, false, 0 nor empty.
pub fn is_something(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

/// The template without those `[column: words]` whose column is null, false, 0 or empty.
fn said(template: &str, evidence: &Map<String, Value>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        match part(after) {
            Some((column, words, tail)) => {
                out.push_str(if is_something(evidence.get(column)) { words } else { "" });
                rest = tail;
            }
            None => {
                out.push('[');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Splits `column: words] tail`, which follows an opening bracket.
fn part(text: &str) -> Option<(&str, &str, &str)> {
    let (inner, tail) = text.split_once(']')?;
    let (column, words) = inner.split_once(": ")?;
    let is_name = !column.is_empty() && column.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some((column, words, tail))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::words::{Words, of};

    fn shown(template: &str, evidence: &Value, language: Language) -> String {
        let words = Words::default();
        let say = |column: &str, value: &Value| of(language, &words.value(column, value)).to_owned();
        render(template, evidence.as_object().unwrap(), language, &say, &|_| false).replace('\u{a0}', " ")
    }

    #[test]
    fn findings_show_evidence() {
        let evidence = json!({"sum_sek": 81000, "kind": "x", "none": null});
        assert_eq!(shown("{sum_sek} {kind} {none} {other} {", &evidence, Language::Sv), "81 000 kr x – – {");
    }

    #[test]
    fn a_value_may_be_told_as_a_share_of_another() {
        let evidence = json!({"sum_3_sek": 35_100, "floor_sek": 13_000, "part_tenths": 75, "all_tenths": 150, "none": null, "no": 0});
        let both = |template: &str| [Language::Sv, Language::En].map(|language| shown(template, &evidence, language));
        assert_eq!(both("{sum_3_sek of 3 floor_sek}."), ["35 100 kr (90 % av 39 000).", "35,100 SEK (90% of 39,000)."]);
        assert_eq!(both("{part_tenths of all_tenths}"), ["7,5 hp (50 % av 15)", "7.5 credits (50% of 15)"]);
        for nothing in ["{sum_3_sek of none}", "{sum_3_sek of 2 no}", "{sum_3_sek of other}"] {
            assert_eq!(both(nothing), ["35 100 kr", "35,100 SEK"]);
        }
        assert_eq!(both("{none of floor_sek}"), ["–", "–"]);
        let hidden = |column: &str| column == "floor_sek";
        let evidence = evidence.as_object().unwrap();
        let told = render("{sum_3_sek of 3 floor_sek}", evidence, Language::Sv, &|_, value| value.to_string(), &hidden);
        assert_eq!(told, "35100");
    }

    #[test]
    fn words_without_anything_to_say_are_left_out() {
        let evidence = json!({"visits": 2, "days": 0, "moved": false, "none": null, "text": "[days: x]"});
        let said = |words: &str| shown(words, &evidence, Language::En);
        assert_eq!(said("[visits: Visits: {visits}. ][days: Days: {days}. ]End."), "Visits: 2. End.");
        assert_eq!(said("[moved: a][none: b][other: c]d"), "d");
        assert_eq!(said("{text} [no column] [visits: open"), "days: x [no column] [visits: open");
        assert_eq!(deciding("[visits: a] [no column] [days: b]").collect::<Vec<_>>(), ["visits", "days"]);
    }

    #[test]
    fn placeholders_are_found_with_what_follows_them() {
        let found: Vec<_> = placeholders("a {b} kr {c of 3 d} {e of x y z}").collect();
        assert_eq!(found[0], (Placeholder { column: "b", of: None }, " kr "));
        assert_eq!(found[1].0, Placeholder { column: "c", of: Some((3, "d")) });
        assert_eq!(found[2].0.column, "e of x y z");
    }
}

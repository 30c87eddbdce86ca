//! Refuses what engines read differently: DataFusion, which runs rules and the batch query, and DuckDB, in which the same texts are
//! checked (contract C1). It goes by the types of the plan as written.
//!
//! | what | DataFusion 55 | DuckDB 2 |
//! | --- | --- | --- |
//! | `/` | whole between whole numbers, DECIMAL between DECIMALs | DOUBLE |
//! | CAST of a fraction to a whole number, or to fewer digits | cuts off | rounds |
//! | a number, or a truth, read from a text | `'12.7'` and `' 7'` are no whole numbers | 13 and 7 |
//! | a text made of an instant, a fraction or a list | `2024-05-01T00:00:00`, `1.50` | `2024-05-01 00:00:00`, `1.5` |
//! | a day plus or minus an INTERVAL | a day | an instant |
//! | INTERVALs compared | by months, days and time in turn | a month is 30 days |
//! | `substr` from a negative place | from the first letter | counted from the end |
//! | LIKE with `\`, ILIKE, SIMILAR TO, `~` | `\` escapes; a part that matches is enough | neither |
//! | AT TIME ZONE | an instant with a zone, in nanoseconds | an instant without one |
//! | `avg`, `median`, `stddev` | the argument's type | DOUBLE |
//! | `first_value`, `last_value`, `nth_value` of a group | known | known as windows alone |
//! | `array_has_any`, `array_has_all` of a null | null if the batch has a list that is not empty, else false or true | null |
//! | letters that change their number with their case | `upper('ß')` is `SS` | `ẞ` |
//! | a text beside a number, a truth, or a day not written `2024-02-29` | one made of the other, which may fail when it runs | the other made of the one |
//! | `lag(x, n, y)` with `y` of another type, `lag(x, NULL)` | `y` made one of `x`; the row before | another type; null |

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{InList, Like, ScalarFunction, Sort};
use datafusion::logical_expr::{Between, BinaryExpr, Case, Expr, ExprSchemable, Operator};

use crate::proofs::refusal::Refusal;

/// Fields of a day that engines number alike.
const FIELDS: [&str; 8] = ["year", "quarter", "month", "week", "day", "doy", "dow", "isodow"];

/// Units that engines cut off alike.
const UNITS: [&str; 8] = ["year", "quarter", "month", "week", "day", "hour", "minute", "second"];

/// What of an expression over columns of `schema` is read differently, and the word to search for in the text.
pub fn read_otherwise(expr: &Expr, schema: &DFSchema) -> Option<(Refusal, &'static str)> {
    let ty = |expr: &Expr| expr.get_type(schema).unwrap_or(DataType::Null);
    let refuse = |what: &str, hint, word| {
        let what = format!("{what} ({})", expr.human_display());
        Some((Refusal::ReadOtherwise { what, hint }, word))
    };
    if matches!(ty(expr), DataType::Timestamp(_, Some(_))) && !matches!(expr, Expr::Column(_) | Expr::Alias(_)) {
        return refuse("an instant with a time zone", "instants are UTC: compare days, CAST(x AS DATE)", "zone");
    }
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let mixed = || if *op == Operator::StringConcat { None } else { mixed([left.as_ref(), right], &ty) };
            let of = of_operator(&ty(left), *op, &ty(right)).or_else(|| mixed().map(|(what, hint)| (what, hint, "'")));
            of.and_then(|(what, hint, word)| refuse(what, hint, word))
        }
        Expr::Between(Between { expr: of, .. }) if is_span(&ty(of)) => refuse(SPANS, SPANS_HINT, "between"),
        Expr::Between(Between { expr: of, low, high, .. }) => {
            mixed([of.as_ref(), low, high], &ty).and_then(|(what, hint)| refuse(what, hint, "between"))
        }
        Expr::InList(InList { expr: of, list, .. }) => {
            mixed(list.iter().chain([of.as_ref()]), &ty).and_then(|(what, hint)| refuse(what, hint, "in"))
        }
        Expr::Case(case) => of_case(case, &ty).and_then(|(what, hint)| refuse(what, hint, "case")),
        Expr::Cast(cast) => {
            let (what, hint) = of_cast(&cast.expr, &ty(&cast.expr), cast.field.data_type())?;
            refuse(what, hint, "cast")
        }
        Expr::TryCast(cast) => {
            let from = ty(&cast.expr);
            if from.is_string() && !cast.field.data_type().is_string() {
                return refuse(READ_FROM_TEXT, READ_FROM_TEXT_HINT, "try_cast");
            }
            let (what, hint) = of_cast(&cast.expr, &from, cast.field.data_type())?;
            refuse(what, hint, "try_cast")
        }
        Expr::Like(like) => of_like(like).and_then(|(what, hint)| refuse(what, hint, "like")),
        Expr::SimilarTo(_) => refuse("SIMILAR TO", LIKE_HINT, "similar"),
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let (what, hint) = of_function(func.name(), args, &ty)?;
            let word = match func.name() {
                "substr" => "substr",
                "date_part" => "date_part",
                "date_trunc" => "date_trunc",
                _ => "(",
            };
            refuse(what, hint, word)
        }
        Expr::AggregateFunction(call) if matches!(call.func.name(), "first_value" | "last_value" | "nth_value") => {
            refuse(
                "a value by its place in a group",
                "number the rows in a step before, row_number() OVER (PARTITION BY person_id ORDER BY ..., record_key) AS place, and take min(CASE WHEN place = 1 THEN x END)",
                "(",
            )
        }
        // DataFusion keeps one of the two, and then fails for the other.
        Expr::AggregateFunction(call) if has_twice(&call.params.order_by) => {
            refuse("the same twice in the ORDER BY of an aggregate", "leave out the second, which decides nothing", "(")
        }
        Expr::AggregateFunction(call) if call.func.name() == "string_agg" && !has_text_between(&call.params.args) => {
            refuse("string_agg with a text between that is not written out", "say string_agg(x, ',' ORDER BY ...)", "(")
        }
        Expr::AggregateFunction(call) => of_aggregate(call.func.name()).and_then(|hint| refuse("a mean", hint, "(")),
        Expr::WindowFunction(call) => match of_aggregate(call.fun.name()) {
            Some(hint) => refuse("a mean", hint, "over"),
            None => {
                of_window(call.fun.name(), &call.params.args, &ty).and_then(|(what, hint)| refuse(what, hint, "over"))
            }
        },
        Expr::Literal(ScalarValue::UInt64(Some(_)) | ScalarValue::Decimal256(..), _) => {
            refuse("a number beyond what DataFusion computes with", "write one below 9223372036854775808", "(")
        }
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(span)), _) if span.nanoseconds % 1_000 != 0 => {
            refuse("a part of a microsecond", "instants are kept in microseconds: leave it out", "interval")
        }
        Expr::Literal(literal, _) => {
            let text = literal.try_as_str().flatten()?;
            let is_plain = |letter: char| letter.to_lowercase().count() == 1 && letter.to_uppercase().count() == 1;
            (!text.chars().all(is_plain)).then(|| {
                let hint = "such letters become two where they are written large or small: write others";
                let what = format!("the case of a letter in '{text}'");
                (Refusal::ReadOtherwise { what, hint }, "'")
            })
        }
        _ => None,
    }
}

fn has_twice(order_by: &[Sort]) -> bool {
    order_by.iter().enumerate().any(|(at, sort)| order_by[..at].iter().any(|other| other.expr == sort.expr))
}

type Why = (&'static str, &'static str);

const OF_TIME: Why = (
    "a day or an instant written otherwise",
    "write DATE '2024-02-29' and TIMESTAMP '2024-02-29 12:00:00'; instants are UTC",
);
const MIXED: Why = (
    "a text beside a value of another type",
    "write the number, truth or day without making it of a text; two columns that are compared are of one type",
);

/// Whether a text that is written out says a day or an instant as all engines read it.
fn is_plain_time(of: &Expr) -> bool {
    let Expr::Literal(value, _) = of else { return true };
    let Some(text) = value.try_as_str().flatten() else { return true };
    let has_form = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(
                |(letter, of)| {
                    if of == b'0' { letter.is_ascii_digit() } else { letter == of }
                },
            )
    };
    let (second, rest) = text.split_at_checked(19).unwrap_or((text, ""));
    let fraction = rest.strip_prefix('.').unwrap_or_default();
    let is_fraction = rest.is_empty()
        || ((1..=6).contains(&fraction.len()) && fraction.bytes().all(|letter| letter.is_ascii_digit()));
    has_form(text, "0000-00-00") || (has_form(second, "0000-00-00 00:00:00") && is_fraction)
}

/// Texts among values of another type: each engine turns one into the other in its own way. A day may be written as a text.
fn mixed<'a>(of: impl IntoIterator<Item = &'a Expr>, ty: &dyn Fn(&Expr) -> DataType) -> Option<Why> {
    let (texts, others): (Vec<_>, Vec<_>) = of
        .into_iter()
        .map(|expr| (expr, ty(expr)))
        .filter(|(_, ty)| *ty != DataType::Null)
        .partition(|(_, ty)| ty.is_string());
    if texts.is_empty() || others.is_empty() || others.iter().any(|(_, ty)| is_span(ty)) {
        return None;
    }
    let are_times = others.iter().all(|(_, ty)| is_day(ty) || is_instant(ty));
    if !are_times || texts.iter().any(|(text, _)| !matches!(text, Expr::Literal(..))) {
        return Some(MIXED);
    }
    texts.iter().any(|(text, _)| !is_plain_time(text)).then_some(OF_TIME)
}

fn of_case(case: &Case, ty: &dyn Fn(&Expr) -> DataType) -> Option<Why> {
    let whens = case.when_then_expr.iter().map(|(when, _)| when.as_ref());
    let of_whens = match &case.expr {
        Some(of) => mixed(whens.chain([of.as_ref()]), ty),
        None => {
            let is_truth = |when: &Expr| matches!(ty(when), DataType::Boolean | DataType::Null);
            (!{ whens }.all(is_truth))
                .then_some(("a condition that is neither true nor false", "say what is compared: x > 0"))
        }
    };
    let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
    of_whens.or_else(|| mixed(results.map(|result| result.as_ref()), ty))
}

fn has_text_between(args: &[Expr]) -> bool {
    matches!(args.get(1), Some(Expr::Literal(between, _)) if between.try_as_str().flatten().is_some())
}

/// `lag` and `lead` with rows or a default that engines take differently, `nth_value` with a place that none has.
fn of_window(name: &str, args: &[Expr], ty: &dyn Fn(&Expr) -> DataType) -> Option<Why> {
    let is_whole = |rows: &Expr| !ty(rows).is_null() && at_least(rows).is_some();
    match (name, args) {
        ("lag" | "lead", [_, rows, ..]) if !is_whole(rows) && !matches!(rows, Expr::Negative(_)) => {
            Some(("a number of rows that is not written out", "say lag(x, 2)"))
        }
        ("lag" | "lead", [of, _, instead]) => {
            let (of, instead) = (ty(of), ty(instead));
            let is_alike = of == instead || instead.is_null() || (of.is_integer() && instead.is_integer());
            (!is_alike).then_some((
                "lag and lead with a value of another type for what is not there",
                "give one of the type of x: lag(x, 1, 0), lag(day, 1, DATE '2024-01-31')",
            ))
        }
        ("nth_value", [_, place]) => (at_least(place).is_none_or(|place| place <= 0))
            .then_some(("a place in a frame below 1", "say nth_value(x, 2)")),
        _ => None,
    }
}

const SPANS: &str = "INTERVALs compared or computed with";
const SPANS_HINT: &str =
    "subtract days (CAST(a AS DATE) - CAST(b AS DATE) > 30), or move one side (a > b + INTERVAL '30 days')";
const READ_FROM_TEXT: &str = "a value read from a text";
const READ_FROM_TEXT_HINT: &str =
    "no column of the tables holds a number or a day as text: take the column that has it, or compare the text";
const LIKE_HINT: &str = "say LIKE with a pattern that is written out and has no \\, over lower(x) where case does not matter; or starts_with, or strpos(x, 'a') > 0";

fn of_operator(left: &DataType, op: Operator, right: &DataType) -> Option<(&'static str, &'static str, &'static str)> {
    use Operator::{
        BitwiseAnd, BitwiseOr, BitwiseShiftLeft, BitwiseShiftRight, BitwiseXor, Divide, Eq, Gt, GtEq, IsDistinctFrom,
        IsNotDistinctFrom, Lt, LtEq, Minus, Modulo, Multiply, NotEq, Plus, RegexIMatch, RegexMatch, RegexNotIMatch,
        RegexNotMatch, StringConcat,
    };
    let either = |is: fn(&DataType) -> bool| is(left) || is(right);
    match op {
        // Between whole numbers `values` says so.
        Divide if !(left.is_integer() && right.is_integer()) => {
            Some(("/", "multiply instead of dividing: a * 100 < b * 95", "/"))
        }
        RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch => Some(("a regular expression", LIKE_HINT, "~")),
        BitwiseAnd | BitwiseOr | BitwiseXor | BitwiseShiftLeft | BitwiseShiftRight => {
            Some(("an operator on bits", "add and compare whole numbers", "("))
        }
        StringConcat if !(is_written_alike(left) && is_written_alike(right)) => Some((TEXT_OF.0, TEXT_OF.1, "||")),
        Plus | Minus if (is_day(left) && is_span(right)) || (is_span(left) && is_day(right)) => Some((
            "a day plus or minus an INTERVAL",
            "say day + 30 or add_months(day, 1) for a day, CAST(day AS TIMESTAMP) + INTERVAL '12 hours' for an instant",
            "interval",
        )),
        Plus | Minus if either(is_span) && either(is_instant) => None,
        Minus if is_instant(left) && is_instant(right) => Some(("the time between two instants", SPANS_HINT, "-")),
        Minus if (is_instant(left) && is_day(right)) || (is_day(left) && is_instant(right)) => {
            Some(("the time between an instant and a day", SPANS_HINT, "-"))
        }
        Plus | Minus | Multiply | Modulo if either(is_span) => Some((SPANS, SPANS_HINT, "interval")),
        Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom if either(is_span) => {
            Some((SPANS, SPANS_HINT, "interval"))
        }
        _ => None,
    }
}

fn of_cast(of: &Expr, from: &DataType, to: &DataType) -> Option<Why> {
    let is_literal = matches!(of, Expr::Literal(..));
    let is_fraction = |ty: &DataType| ty.is_decimal() || ty.is_floating();
    match (from, to) {
        (DataType::Null, _) => None,
        (_, DataType::Decimal256(..)) => Some(("a number of more than 38 digits", "CAST(x AS DECIMAL(18, 2))")),
        (from, to) if from.is_string() && (is_day(to) || is_instant(to)) => (!is_plain_time(of)).then_some(OF_TIME),
        (from, to) if from.is_string() && (to.is_numeric() || *to == DataType::Boolean) => {
            is_literal.then_some((READ_FROM_TEXT, "write the number, or true or false, without quotes"))
        }
        (from, to) if to.is_string() && !is_written_alike(from) => Some(TEXT_OF),
        (from, to) if is_fraction(from) && to.is_integer() => Some((
            "a fraction made a whole number",
            "DataFusion cuts off, others round: keep to whole numbers, tenths or basis points",
        )),
        (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) if to < from => {
            Some(("a fraction with fewer digits", "keep its digits, or keep to whole numbers, tenths or basis points"))
        }
        (_, to) if to.is_unsigned_integer() => Some(("an unsigned number", "CAST(x AS INT) or BIGINT")),
        (_, to) if to.is_floating() => {
            Some(("a binary fraction", "keep to whole numbers, or CAST(x AS DECIMAL(18, 2))"))
        }
        (from, to) if (is_day(from) || is_instant(from)) && to.is_numeric() => {
            Some(("a day or an instant made a number", "subtract two days: valid_to - valid_from"))
        }
        (from, to) if from.is_numeric() && (is_day(to) || is_instant(to)) => {
            Some(("a number made a day or an instant", "add it to a day: DATE '2026-01-31' + n"))
        }
        _ => None,
    }
}

const TEXT_OF: Why = (
    "a text made of an instant, a fraction or a list",
    "say CAST(CAST(x AS DATE) AS VARCHAR) of an instant, and show a fraction as a column of its own",
);

/// Whether engines write values of this type alike.
fn is_written_alike(ty: &DataType) -> bool {
    ty.is_string() || ty.is_integer() || is_day(ty) || matches!(ty, DataType::Boolean | DataType::Null)
}

fn of_like(like: &Like) -> Option<Why> {
    let pattern = match like.pattern.as_ref() {
        Expr::Literal(pattern, _) => pattern.try_as_str().flatten(),
        _ => None,
    };
    match pattern {
        _ if like.case_insensitive => Some(("ILIKE", LIKE_HINT)),
        _ if like.escape_char.is_some() => Some(("LIKE with ESCAPE", LIKE_HINT)),
        None => Some(("LIKE with a pattern that is not written out", LIKE_HINT)),
        Some(pattern) => pattern.contains('\\').then_some(("LIKE with \\", LIKE_HINT)),
    }
}

fn of_function(name: &str, args: &[Expr], ty: &dyn Fn(&Expr) -> DataType) -> Option<Why> {
    let named = |known: &[&str]| {
        let name = args.first().and_then(|name| match name {
            Expr::Literal(name, _) => name.try_as_str().flatten(),
            _ => None,
        });
        name.is_some_and(|name| known.contains(&name.to_lowercase().as_str()))
    };
    match name {
        "coalesce" | "greatest" | "least" | "nullif" if mixed(args, ty).is_some() => mixed(args, ty),
        "lower" | "upper" | "btrim" | "ltrim" | "rtrim" | "replace" | "starts_with" | "strpos" | "character_length"
            if !args.iter().all(|arg| is_text(&ty(arg))) =>
        {
            Some(("a function of texts of another value", "say CAST(x AS VARCHAR) of a whole number or a day"))
        }
        "substr" if args.first().is_some_and(|arg| !is_text(&ty(arg))) => {
            Some(("a function of texts of another value", "say CAST(x AS VARCHAR) of a whole number or a day"))
        }
        "date_part" | "date_trunc" if args.get(1).is_some_and(|arg| is_text(&ty(arg)) && !ty(arg).is_null()) => {
            Some(("a text for a day", "write DATE '2024-02-29'"))
        }
        "array_length" if args.len() > 1 => Some(("array_length of a dimension", "say array_length(list)")),
        "concat" | "concat_ws" => args.iter().any(|arg| !is_written_alike(&ty(arg))).then_some(TEXT_OF),
        "substr" => {
            let from = args.get(1).and_then(at_least);
            let is_sound = from.is_some_and(|from| from >= 0)
                && args.get(2).is_none_or(|count| at_least(count).is_some_and(|count| count >= 0));
            (!is_sound).then_some((
                "substr that may count from the end, or take fewer than none",
                "begin with a number that is never negative: substr(x, 1, 8), substr(x, strpos(x, '-') + 1), greatest(n, 1)",
            ))
        }
        "array_has_any" | "array_has_all" => Some((
            "a null in array_has_any and array_has_all",
            "DataFusion takes a list that is null for an empty one if no other row has a list: say array_has(x, 'SWE') for each, or has_citizenship",
        )),
        "named_struct" | "struct" => {
            Some(("a struct", "DuckDB knows none of that name: hand its parts on as columns of their own"))
        }
        "make_map" | "map" => Some(("a map", "hand its parts on as columns of their own")),
        "date_part" => (!named(&FIELDS)).then_some((
            "this field of a day",
            "engines agree on year, quarter, month, week, day, doy, dow and isodow",
        )),
        "date_trunc" => (!named(&UNITS))
            .then_some(("this unit", "engines agree on year, quarter, month, week, day, hour, minute and second")),
        _ => None,
    }
}

fn of_aggregate(name: &str) -> Option<&'static str> {
    matches!(name, "avg" | "median" | "stddev")
        .then_some("compare sum(x) with n * count(x), or take median_low(x), which is one of the values")
}

/// A number that the expression never falls below, if it has a value.
fn at_least(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Alias(alias) => at_least(&alias.expr),
        Expr::Literal(value, _) if value.data_type().is_integer() => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(number)) => number,
            _ => None,
        },
        Expr::Cast(cast) if cast.field.data_type().is_integer() => at_least(&cast.expr),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right }) => {
            at_least(left)?.checked_add(at_least(right)?)
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => match func.name() {
            "strpos" | "character_length" | "cardinality" | "array_length" => Some(0),
            "greatest" => args.iter().filter_map(at_least).max(),
            "least" | "coalesce" => args.iter().map(at_least).collect::<Option<Vec<i64>>>()?.into_iter().min(),
            _ => None,
        },
        _ => None,
    }
}

fn is_text(ty: &DataType) -> bool {
    ty.is_string() || ty.is_null()
}

fn is_day(ty: &DataType) -> bool {
    matches!(ty, DataType::Date32 | DataType::Date64)
}

fn is_instant(ty: &DataType) -> bool {
    matches!(ty, DataType::Timestamp(..))
}

fn is_span(ty: &DataType) -> bool {
    matches!(ty, DataType::Interval(_) | DataType::Duration(_))
}

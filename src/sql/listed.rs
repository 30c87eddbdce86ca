//! What a rule may call and write, a line each, for who writes one: `queries/FUNCTIONS.md`.
//!
//! Each line has an example. `tests/engine/accepted.rs` gives all of them to the same checks as a rule, and asks that every function
//! of the session is here, so the page says neither more nor less than what is accepted.

/// A function, operator or clause.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// As rules call it; empty for what is no function.
    pub name: &'static str,
    pub written: &'static str,
    /// What comes out, with its unit.
    pub gives: &'static str,
    /// What a null among its arguments does.
    pub null: &'static str,
    pub example: &'static str,
}

/// What the example of a line stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A column of a row of each permit `p`, the holder's post `o`, and the border notices `b` as lists.
    Column,
    /// A column of the border notices `b` of each permit `p`, in one group.
    Group,
    /// A column of each border notice `b` of each permit `p`.
    Window,
    /// The text from FROM on.
    Rest,
}

impl Place {
    /// A whole SELECT with the example in it.
    pub fn query(self, example: &str) -> String {
        const HEAD: &str = "p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at";
        // References stand in no other column.
        let it = if example.starts_with("records") { "records" } else { "it" };
        match self {
            Place::Column => format!(
                "WITH crossed AS (\n    SELECT person_id, array_agg(direction ORDER BY record_key) AS directions, max(observed_on) AS last_on\n    \
                 FROM border\n    GROUP BY person_id\n)\nSELECT {HEAD}, {example} AS {it}\nFROM permits p\nJOIN crossed b ON b.person_id = p.person_id\n\
                 JOIN population o ON o.person_id = p.person_id"
            ),
            Place::Group => format!(
                "SELECT {HEAD}, {example} AS {it}\nFROM permits p\nJOIN border b ON b.person_id = p.person_id\n\
                 GROUP BY p.person_id, p.permit_id, p.first_known_time, p.record"
            ),
            Place::Window => {
                format!("SELECT {HEAD}, {example} AS {it}\nFROM permits p\nJOIN border b ON b.person_id = p.person_id")
            }
            // With what an absence asks for.
            Place::Rest => format!("SELECT {HEAD}, p.first_known_time AS due_at\n{example}"),
        }
    }
}

/// A part of the page.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub title: &'static str,
    pub about: &'static str,
    pub place: Place,
    pub lines: &'static [Listed],
}

/// The page's parts.
pub const PARTS: [Part; 6] = [
    Part {
        title: "Functions of our own",
        about: "Null for null, unless the line says otherwise. `duckdb.sql` has each as a macro for DuckDB.",
        place: Place::Column,
        lines: &OWN,
    },
    Part {
        title: "Other functions of a row",
        about: "As DataFusion and DuckDB have them.",
        place: Place::Column,
        lines: &SCALARS,
    },
    Part {
        title: "Aggregates",
        about: "Over a group, or over rows with OVER; null is left out. Over a window's rows the frame is ROWS.",
        place: Place::Group,
        lines: &AGGREGATES,
    },
    Part {
        title: "Functions of a window",
        about: "With OVER (PARTITION BY ... ORDER BY ...), whose columns tell all rows of a partition apart.",
        place: Place::Window,
        lines: &WINDOWS,
    },
    Part {
        title: "Operators",
        about: "Null for null, unless the line says otherwise.",
        place: Place::Column,
        lines: &OPERATORS,
    },
    Part {
        title: "Clauses",
        about: "A rule is one SELECT. Every join, group and window is tied by `person_id`, `permit_id` or `record_key`.",
        place: Place::Rest,
        lines: &CLAUSES,
    },
];

const fn line(
    name: &'static str,
    written: &'static str,
    gives: &'static str,
    null: &'static str,
    example: &'static str,
) -> Listed {
    Listed { name, written, gives, null, example }
}

const OWN: [Listed; 13] = [
    line(
        "add_months",
        "add_months(day, n)",
        "the same day `n` calendar months on, or that month's last; an error outside the calendar",
        "",
        "add_months(p.valid_from, 4)",
    ),
    line("month_of", "month_of(day)", "the first day of its month", "", "month_of(p.valid_from)"),
    line(
        "agi_complete",
        "agi_complete(day)",
        "the instant at which the salary declarations for its month are all in: 00:00 on the 7th of the second month after",
        "",
        "agi_complete(p.valid_from)",
    ),
    line(
        "severity",
        "severity(n)",
        "0 info, 1 weak, 2 medium, 3 strong; less is info, more is strong",
        "",
        "severity(2)",
    ),
    line(
        "severity_rank",
        "severity_rank(text)",
        "0 to 3, the inverse",
        "null for another text",
        "severity_rank('weak')",
    ),
    line("abs", "abs(n)", "a whole number without its sign", "", "abs(p.floor_sek - p.offered_sek)"),
    line(
        "name_agreement",
        "name_agreement(a, b)",
        "of the words of two names: `same`, `part`, `none`; `script` if a person must look",
        "null if a name has no words",
        "name_agreement(o.name, p.name_at_grant)",
    ),
    line(
        "is_state",
        "is_state(code)",
        "whether it is a state's: not stateless, unknown or refugee",
        "",
        "is_state(o.foreign_country)",
    ),
    line(
        "same_state",
        "same_state(a, b)",
        "2 the same state, 1 one of several that followed the other, else 0",
        "",
        "same_state(o.foreign_country, o.foreign_country)",
    ),
    line(
        "has_citizenship",
        "has_citizenship(list, code)",
        "whether one of the list is the same state, or followed it or was followed by it",
        "",
        "has_citizenship(o.citizenships, 'SWE')",
    ),
    line(
        "citizenship_change",
        "citizenship_change(now, before)",
        "`same`, `added` or `lost`",
        "null if either list names no state",
        "citizenship_change(o.citizenships, p.citizenships_at_grant)",
    ),
    line(
        "beta_tail_bp",
        "beta_tail_bp(k, n, a, b, rate_bp)",
        "how sure it is, in whole basis points rounded down, that a rate lies above `rate_bp` when `k` of `n` were seen and Beta(`a`, `b`) was thought before",
        "null unless 0 <= k <= n, and a and b at least 1",
        "beta_tail_bp(3, 10, 1, 9, 500)",
    ),
    line(
        "records",
        "records(record, ...)",
        "the references of the records given, each once and in order; takes columns `record` and lists of records alone",
        "left out; null if there are none",
        "records(p.record, o.record)",
    ),
];

const SCALARS: [Listed; 22] = [
    line(
        "coalesce",
        "coalesce(a, b, ...)",
        "the first that is not null",
        "passed over",
        "coalesce(p.valid_to, p.valid_from)",
    ),
    line(
        "nullif",
        "nullif(a, b)",
        "null where both are equal, else `a`",
        "`a` where `b` is null",
        "nullif(p.floor_sek, 0)",
    ),
    line(
        "greatest",
        "greatest(a, b, ...)",
        "the greatest, all of one type",
        "passed over; null if all are",
        "greatest(p.valid_from, b.last_on)",
    ),
    line(
        "least",
        "least(a, b, ...)",
        "the least, all of one type",
        "passed over; null if all are",
        "least(p.valid_to, p.ended_on)",
    ),
    line(
        "date_part",
        "date_part('year', day)",
        "a part of a day or instant as a whole number: year, month, day",
        "",
        "date_part('year', p.valid_from)",
    ),
    line(
        "date_trunc",
        "date_trunc('month', instant)",
        "the beginning of its month; of a day, say `month_of`",
        "",
        "date_trunc('month', p.first_known_time)",
    ),
    line(
        "concat",
        "concat(a, b, ...)",
        "the texts one behind the other",
        "as an empty text",
        "concat(p.permit_class, ' ', p.end_kind)",
    ),
    line(
        "concat_ws",
        "concat_ws(between, a, b, ...)",
        "the texts with a text between",
        "left out",
        "concat_ws(', ', p.permit_class, p.end_kind)",
    ),
    line("lower", "lower(text)", "in small letters", "", "lower(p.permit_class)"),
    line("upper", "upper(text)", "in capitals", "", "upper(p.end_kind)"),
    line("btrim", "btrim(text)", "without spaces at both ends", "", "btrim(p.permit_class)"),
    line("ltrim", "ltrim(text)", "without spaces at its beginning", "", "ltrim(p.permit_class)"),
    line("rtrim", "rtrim(text)", "without spaces at its end", "", "rtrim(p.permit_class)"),
    line("replace", "replace(text, from, to)", "each `from` made `to`", "", "replace(p.permit_class, '_', ' ')"),
    line(
        "substr",
        "substr(text, from, length)",
        "a part of a text; the first letter is 1",
        "",
        "substr(p.permit_class, 1, 4)",
    ),
    line("starts_with", "starts_with(text, begin)", "whether it begins so", "", "starts_with(p.permit_class, 'WORK')"),
    line(
        "strpos",
        "strpos(text, part)",
        "the place of the part, from 1; 0 if it is not there",
        "",
        "strpos(p.permit_class, '_')",
    ),
    line("character_length", "character_length(text)", "number of letters", "", "character_length(p.permit_class)"),
    line(
        "array_has",
        "array_has(list, value)",
        "whether the list has the value",
        "null for a null list",
        "array_has(b.directions, 'exit')",
    ),
    line("array_length", "array_length(list)", "number of values", "", "array_length(b.directions)"),
    line("cardinality", "cardinality(list)", "number of values", "", "cardinality(b.directions)"),
    line(
        "array_element",
        "array_element(list, n)",
        "the n-th value, from 1",
        "null past the end",
        "array_element(b.directions, 1)",
    ),
];

const AGGREGATES: [Listed; 11] = [
    line(
        "records_of",
        "records_of(record)",
        "the references of a group's records, each once and in order",
        "left out",
        "records_of(p.record)",
    ),
    line(
        "median_low",
        "median_low(n)",
        "of whole numbers: the middle one, of two the lower",
        "left out",
        "median_low(p.floor_sek)",
    ),
    line(
        "mad_low",
        "mad_low(n)",
        "of whole numbers: the lower median of the distances from `median_low`; no FILTER outside a window, but `mad_low(CASE WHEN ... THEN n END)`",
        "left out",
        "mad_low(p.floor_sek)",
    ),
    line(
        "count",
        "count(*), count(x), count(DISTINCT x)",
        "number of rows; of values; of different values",
        "left out",
        "count(DISTINCT b.observed_on)",
    ),
    line("sum", "sum(n)", "of whole numbers or DECIMAL", "left out; null without a value", "sum(p.floor_sek)"),
    line("min", "min(x)", "the least", "left out; null without a value", "min(b.observed_on)"),
    line(
        "max",
        "max(x)",
        "the greatest: an open end (null) is not it",
        "left out; null without a value",
        "max(b.observed_on)",
    ),
    line("bool_and", "bool_and(x)", "whether all are true", "left out; null without a value", "bool_and(b.transit)"),
    line("bool_or", "bool_or(x)", "whether any is true", "left out; null without a value", "bool_or(b.transit)"),
    line(
        "array_agg",
        "array_agg(x ORDER BY ...)",
        "a list; not over a window",
        "kept",
        "array_length(array_agg(b.direction ORDER BY b.observed_on, b.record_key))",
    ),
    line(
        "string_agg",
        "string_agg(x, ', ' ORDER BY ...)",
        "a text; not over a window",
        "left out",
        "string_agg(b.direction, ', ' ORDER BY b.observed_on, b.record_key)",
    ),
];

const WINDOWS: [Listed; 8] = [
    line(
        "row_number",
        "row_number() OVER (...)",
        "the row's place, from 1",
        "",
        "row_number() OVER (PARTITION BY b.person_id, p.record ORDER BY b.observed_on, b.record_key)",
    ),
    line(
        "rank",
        "rank() OVER (...)",
        "the same; rows that tie, which none does, would have one rank",
        "",
        "rank() OVER (PARTITION BY b.person_id, p.record ORDER BY b.observed_on, b.record_key)",
    ),
    line(
        "dense_rank",
        "dense_rank() OVER (...)",
        "the same",
        "",
        "dense_rank() OVER (PARTITION BY b.person_id, p.record ORDER BY b.observed_on, b.record_key)",
    ),
    line(
        "lag",
        "lag(x) OVER (...)",
        "`x` of the row before; `lag(x, n)` of the n-th before; `IGNORE NULLS` of the last that has one",
        "null where there is no such row",
        "lag(b.observed_on) OVER (PARTITION BY b.person_id, p.record ORDER BY b.observed_on, b.record_key)",
    ),
    line(
        "lead",
        "lead(x) OVER (...)",
        "`x` of the row after",
        "null where there is no such row",
        "lead(b.observed_on) OVER (PARTITION BY b.person_id, p.record ORDER BY b.observed_on, b.record_key)",
    ),
    line(
        "first_value",
        "first_value(x) OVER (...)",
        "of the frame's first row",
        "kept",
        "first_value(b.observed_on) OVER (PARTITION BY b.person_id, p.record ORDER BY b.observed_on, b.record_key ROWS UNBOUNDED PRECEDING)",
    ),
    line(
        "last_value",
        "last_value(x) OVER (...)",
        "of the frame's last row",
        "kept",
        "last_value(b.observed_on) OVER (PARTITION BY b.person_id, p.record ORDER BY b.observed_on, b.record_key ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
    ),
    line(
        "nth_value",
        "nth_value(x, n) OVER (...)",
        "of the frame's n-th row",
        "null where there is no such row",
        "nth_value(b.observed_on, 2) OVER (PARTITION BY b.person_id, p.record ORDER BY b.observed_on, b.record_key ROWS UNBOUNDED PRECEDING)",
    ),
];

const OPERATORS: [Listed; 17] = [
    line(
        "",
        "$name",
        "a parameter of the header: a whole number, put in its place before planning",
        "",
        "p.floor_sek > 3",
    ),
    line(
        "",
        "a = b, <>, <, <=, >, >=",
        "values of one type; a day with a day, not with a number or a text",
        "",
        "p.valid_from < b.last_on",
    ),
    line(
        "",
        "a IS NOT DISTINCT FROM b",
        "equal, or both null; in parentheses beside AND or OR",
        "is a value like another",
        "(p.valid_to IS NOT DISTINCT FROM p.ended_on)",
    ),
    line("", "a IS NULL, a IS NOT NULL", "", "true or false", "p.valid_to IS NULL"),
    line(
        "",
        "AND, OR, NOT",
        "",
        "null unless the other side decides; wrap what can be null in `coalesce(..., false)` before NOT",
        "NOT coalesce(p.inhibited, false) AND p.valid_to IS NULL",
    ),
    line("", "a BETWEEN b AND c", "both ends included", "", "b.last_on BETWEEN p.valid_from AND p.valid_to"),
    line("", "a IN ('x', 'y')", "one of the constants", "", "p.permit_class IN ('WORK_EMP', 'ICT')"),
    line("", "a LIKE 'x%'", "a text by its form: `%` anything, `_` a letter", "", "p.permit_class LIKE 'WORK%'"),
    line("", "n + m, n - m, n * m", "whole numbers or DECIMAL", "", "p.floor_sek * 100 - p.offered_sek"),
    line("", "n % nullif(m, 0)", "the remainder; `n % 12` as it is", "", "p.floor_sek % 12"),
    line("", "day + n, day - n", "`n` days on or back, a day", "", "p.valid_from + 30"),
    line("", "day - day", "how many days lie between, a whole number", "", "p.valid_to - p.valid_from"),
    line("", "instant + INTERVAL '1 hour'", "an instant", "", "p.first_known_time + INTERVAL '1 hour'"),
    line("", "a || b", "two texts one behind the other", "", "p.permit_class || ' ' || p.end_kind"),
    line(
        "",
        "CASE WHEN c THEN a ELSE b END",
        "the first branch whose condition is true; without ELSE null",
        "a condition that is null is not true",
        "CASE WHEN p.inhibited THEN 'a' ELSE 'b' END",
    ),
    line(
        "",
        "CAST(x AS type)",
        "another type: DATE, TIMESTAMP (of a day its 00:00 UTC), BIGINT, DECIMAL(p, s), VARCHAR; not of a text",
        "",
        "CAST(p.valid_from AS TIMESTAMP)",
    ),
    line(
        "",
        "DATE '2026-01-31', TIMESTAMP '2026-01-31 00:00:00', 'text', 1, 1.5, true",
        "constants; 1.5 is DECIMAL",
        "",
        "p.valid_from >= DATE '2026-01-31'",
    ),
];

const CLAUSES: [Listed; 16] = [
    line(
        "",
        "WITH step AS (SELECT ...)",
        "a step, named after what its row is; `step.*` in the ones after it",
        "",
        "FROM (WITH seen AS (SELECT person_id, observed_on FROM border) SELECT seen.* FROM seen) b JOIN permits p ON p.person_id = b.person_id",
    ),
    line("", "FROM table alias", "a table, view or step", "", "FROM permits p"),
    line(
        "",
        "JOIN b ON b.person_id = a.person_id AND ...",
        "rows of both that belong together; tied by an identifier, a reference table by its key",
        "no match",
        "FROM permits p JOIN border b ON b.person_id = p.person_id AND b.observed_on >= p.valid_from",
    ),
    line(
        "",
        "LEFT JOIN b ON ...",
        "the same, and the rows of the left side without a match",
        "columns of `b` where there is no match",
        "FROM permits p LEFT JOIN border b ON b.person_id = p.person_id AND b.observed_on >= p.valid_from",
    ),
    line(
        "",
        "JOIN months m ON ...",
        "calendars and thresholds by any condition: `months`, `days`, `parameters`",
        "no match",
        "FROM permits p JOIN months m ON m.month >= p.valid_from AND m.month <= p.valid_to",
    ),
    line(
        "",
        "FROM (VALUES ('weak', 0), ...) AS tier(severity, n) CROSS JOIN a",
        "a few constant rows, first",
        "",
        "FROM (VALUES ('weak', 0), ('strong', 1)) AS tier(severity, n) CROSS JOIN permits p",
    ),
    line("", "WHERE c", "rows for which it is true", "the row is left out", "FROM permits p WHERE p.valid_to IS NULL"),
    line(
        "",
        "GROUP BY a, b",
        "one row a group, tied by `person_id` or `permit_id`",
        "a group of its own",
        "FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time",
    ),
    line(
        "",
        "HAVING c",
        "groups for which it is true",
        "the group is left out",
        "FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(*) > 1",
    ),
    line(
        "",
        "agg(x) FILTER (WHERE c)",
        "an aggregate of some rows; not of `median_low` and `mad_low` outside a window",
        "the row is left out",
        "FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(*) FILTER (WHERE p.inhibited) > 0",
    ),
    line(
        "",
        "SELECT DISTINCT a, b",
        "each row once, with an identifier",
        "equal to null",
        "FROM (SELECT DISTINCT person_id, permit_id, first_known_time FROM permits) p",
    ),
    line(
        "",
        "a UNION ALL b",
        "rows of both; each side with a person_id of its own",
        "",
        "FROM (SELECT person_id, permit_id, first_known_time FROM permits WHERE first_grant UNION ALL SELECT person_id, permit_id, first_known_time FROM permits WHERE inhibited) p",
    ),
    line(
        "",
        "WHERE EXISTS (SELECT 1 FROM b WHERE b.person_id = a.person_id AND ...)",
        "rows for which there is one in `b`",
        "no match",
        "FROM permits p WHERE EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id AND b.observed_on > p.valid_from)",
    ),
    line(
        "",
        "WHERE NOT EXISTS (SELECT 1 FROM b WHERE ...)",
        "rows for which there is none: an absence, so the row gives `due_at`",
        "no match",
        "FROM permits p WHERE NOT EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id AND b.observed_on > p.valid_from)",
    ),
    line(
        "",
        "WHERE a.x IN (SELECT b.x FROM b WHERE ...)",
        "the same as EXISTS, where it stands by itself",
        "no match",
        "FROM permits p WHERE p.valid_from IN (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)",
    ),
    line(
        "",
        "OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 5 PRECEDING AND CURRENT ROW)",
        "a frame of rows; without one, from the first to the current",
        "",
        "FROM (SELECT person_id, permit_id, first_known_time, count(*) OVER (PARTITION BY person_id ORDER BY record_key ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS n FROM permits) p WHERE p.n > 1",
    ),
];

/// Functions that the session has so that a refusal can name them, and what to write instead.
pub const REFUSED: [(&str, &str, &str); 6] = [
    (
        "array_has_any",
        "engines take a null list differently; `array_has(x, 'SWE')` for each value",
        "array_has_any(array_agg(b.direction ORDER BY b.record_key), array_agg(b.direction ORDER BY b.record_key))",
    ),
    (
        "array_has_all",
        "engines take a null list differently; `array_has(x, 'SWE')` for each value",
        "array_has_all(array_agg(b.direction ORDER BY b.record_key), array_agg(b.direction ORDER BY b.record_key))",
    ),
    ("named_struct", "engines read it differently; give its parts as columns", "named_struct('n', count(*))"),
    ("avg", "engines give a mean other digits; compare `sum(x)` with `n * count(x)`", "avg(p.floor_sek)"),
    ("median", "engines give it other digits; `median_low`", "median(p.floor_sek)"),
    (
        "stddev",
        "always DOUBLE, which depends on the order of rows; `mad_low` says how far values usually are from the usual one",
        "stddev(p.floor_sek)",
    ),
];

//! Aim: what the pages and hints tell an author to write is accepted, and nothing that is accepted is left out of the page.
//! Method: every example of `queries/FUNCTIONS.md`, and what each hint recommends, goes through the checks of a rule; the page's names are
//! held against the session's.

use std::collections::BTreeSet;

use datafusion::execution::FunctionRegistry as _;
use permitwatch::proofs::refusal::{Misuse, Refusal, forbidden_hints};
use permitwatch::sql::listed::{PARTS, Place, REFUSED};
use permitwatch::sql::session::session;
use permitwatch::tools::check::functions;

use crate::drive::{catalogue, repository};
use crate::isolation::{problems_with, scratch};

/// What is wrong with a SELECT as a rule, in words.
fn told(queries: &[(String, String)]) -> Vec<String> {
    let (catalogue, dir) = (catalogue(), scratch());
    let mut out = Vec::new();
    for (what, query) in queries {
        let found = problems_with("compares_citizenship = \"a test\"\n", &catalogue, dir.path(), query);
        out.extend(found.iter().map(|problem| format!("{what}: {}", problem.render(""))));
    }
    out
}

#[test]
fn every_line_of_the_page_is_accepted() {
    let lines = PARTS.iter().flat_map(|part| part.lines.iter().map(|line| (part.place, line)));
    let queries: Vec<_> = lines.map(|(place, line)| (line.written.to_owned(), place.query(line.example))).collect();
    assert!(queries.len() > 80);
    let told = told(&queries);
    assert!(told.is_empty(), "{} of {}\n{}", told.len(), queries.len(), told.join("\n"));
}

#[test]
fn what_the_page_says_is_refused_is_refused() {
    for (name, _, example) in REFUSED {
        let query = (name.to_owned(), Place::Group.query(example));
        assert!(!told(&[query]).is_empty(), "{name} is accepted: list it");
    }
}

#[test]
fn every_function_of_the_session_is_listed_once() {
    let state = session().unwrap().state();
    // Other names of a function stand beside its own.
    let scalars = state.udfs().into_iter().map(|name| state.udf(&name).unwrap().name().to_owned());
    let aggregates = state.udafs().into_iter().map(|name| state.udaf(&name).unwrap().name().to_owned());
    let windows = state.udwfs().into_iter().map(|name| state.udwf(&name).unwrap().name().to_owned());
    let known: BTreeSet<String> = scalars.chain(aggregates).chain(windows).collect();
    let mut listed: BTreeSet<String> = REFUSED.iter().map(|(name, ..)| (*name).to_owned()).collect();
    for part in PARTS {
        let names: Vec<&str> = part.lines.iter().map(|line| line.name).filter(|name| !name.is_empty()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{}", part.title);
        listed.extend(names.into_iter().map(str::to_owned));
    }
    assert_eq!(listed, known);
}

#[test]
fn the_page_is_up_to_date() {
    let committed = std::fs::read_to_string(repository("queries/FUNCTIONS.md")).unwrap_or_default();
    assert!(
        functions::page().unwrap() == committed,
        "out of date: permitwatch rules functions --out queries/FUNCTIONS.md"
    );
}

/// By the words of what is forbidden: what the hint says, and a query that does it.
const FOLLOWED: [(&str, &str, &str); 69] = [
    (
        "GROUP BY with ROLLUP",
        "leave it out",
        "FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(*) > 1",
    ),
    (
        "a capital beyond",
        "write names in small letters",
        "FROM (SELECT person_id, permit_id, first_known_time, floor_sek AS lön FROM permits) p WHERE p.lön > 1",
    ),
    (
        "ANY of a list",
        "array_has(list, x)",
        "FROM (SELECT person_id, permit_id, first_known_time, array_agg(end_kind ORDER BY record_key) AS kinds FROM permits GROUP BY person_id, permit_id, first_known_time) p WHERE array_has(kinds, 'revoked')",
    ),
    (
        "LATERAL",
        "join a step with GROUP BY person_id",
        "FROM permits p LEFT JOIN (SELECT person_id, max(observed_on) AS last_on FROM border GROUP BY person_id) b ON b.person_id = p.person_id",
    ),
    (
        "a comparison compared",
        "add parentheses",
        "FROM permits p WHERE (p.floor_sek > 1) = (p.offered_sek < p.floor_sek)",
    ),
    ("name with its schema", "FROM permits p", "FROM permits p WHERE p.inhibited"),
    (
        "a step without AS",
        "write AS before its parenthesis",
        "FROM (WITH held AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT held.* FROM held) p",
    ),
    ("SAFE_CAST", "say TRY_CAST(x AS INT)", "FROM permits p WHERE TRY_CAST(p.floor_sek AS INT) > 3"),
    ("in braces", "without braces", "FROM permits p WHERE p.valid_to = DATE '2026-01-31'"),
    (
        "an INTERVAL written",
        "write INTERVAL '1 month'",
        "FROM permits p WHERE p.first_known_time - INTERVAL '1 month' > TIMESTAMP '2026-01-31 00:00:00'",
    ),
    ("EXTRACT with a comma", "EXTRACT (YEAR FROM day)", "FROM permits p WHERE EXTRACT(YEAR FROM p.valid_from) = 2026"),
    ("SUBSTR with FROM", "say substr(x, 2, 3)", "FROM permits p WHERE substr(p.permit_class, 2, 3) > 'O'"),
    ("behind a colon", "take a column of its own", "FROM permits p WHERE p.inhibited"),
    (
        "a type with a time zone",
        "TIMESTAMP without a zone",
        "FROM permits p WHERE CAST(p.valid_from AS TIMESTAMP) > p.first_known_time",
    ),
    (
        "CAST to INTERVAL",
        "write INTERVAL '1 month' out",
        "FROM permits p WHERE p.first_known_time + INTERVAL '1 month' > TIMESTAMP '2026-01-31 00:00:00'",
    ),
    (
        "as the argument of a function",
        "join a step",
        "FROM permits p JOIN (SELECT person_id, max(observed_on) AS last_on FROM border GROUP BY person_id) b ON b.person_id = p.person_id",
    ),
    ("two pairs of parentheses", "within one", "FROM permits p WHERE substr(p.permit_class, 2, 3) > 'O'"),
    ("by another name", "say strpos(x, 'a')", "FROM permits p WHERE strpos(p.permit_class, 'W') > 0"),
    (
        "WITHIN GROUP",
        "string_agg(x, ',' ORDER BY ...)",
        "FROM (SELECT person_id, permit_id, first_known_time, string_agg(end_kind, ',' ORDER BY record_key) AS kinds FROM permits GROUP BY person_id, permit_id, first_known_time) p WHERE kinds > 'a'",
    ),
    ("of a function of one row", "leave it out", "FROM permits p WHERE lower(p.permit_class) > 'a'"),
    (
        "ORDER BY within a function",
        "leave it out",
        "FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING sum(p.floor_sek) > 3",
    ),
    (
        "a star in a function",
        "say count(*)",
        "FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(*) > 1",
    ),
    (
        "count of several columns",
        "count(*) its rows",
        "FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING count(*) > 1",
    ),
    (
        "FILTER of an aggregate of our own",
        "median_low(CASE WHEN b THEN x END)",
        "FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING median_low(CASE WHEN p.inhibited THEN p.floor_sek END) > 3",
    ),
    (
        "DISTINCT of a function of a window",
        "leave DISTINCT out",
        "FROM (SELECT person_id, permit_id, first_known_time, lag(valid_to) OVER (PARTITION BY person_id ORDER BY record_key) AS n FROM permits) p WHERE n IS NULL",
    ),
    ("ORDER BY a constant, or ALL", "leave it out", "FROM permits p WHERE p.inhibited"),
    (
        "VALUES with ROW",
        "(VALUES (1), (2)) AS v(n)",
        "FROM permits p CROSS JOIN (VALUES (1), (2)) AS tier(n) WHERE p.floor_sek > tier.n",
    ),
    ("QUALIFY before WINDOW", "say WHERE n = 1", PICKED),
    (
        "output column without a name",
        "AS number",
        "FROM (SELECT person_id, permit_id, first_known_time, count(*) AS number FROM permits GROUP BY person_id, permit_id, first_known_time) p",
    ),
    (
        "takes no rows back",
        "sum(CASE WHEN x THEN 1 ELSE 0 END) > 0",
        "FROM (SELECT p.person_id, p.permit_id, p.first_known_time, sum(CASE WHEN p.first_grant THEN 1 ELSE 0 END) OVER (PARTITION BY p.person_id ORDER BY p.valid_from, p.permit_id, p.record_key ROWS 1 PRECEDING) > 0 AS x FROM permits p) p WHERE p.x",
    ),
    ("a date compared", "valid_to - valid_from <= 60", "FROM permits p WHERE p.valid_to - p.valid_from <= 60"),
    ("a date compared", "DATE '2026-01-31'", "FROM permits p WHERE p.valid_to = DATE '2026-01-31'"),
    ("may be zero", "nullif(..., 0)", "FROM permits p WHERE p.floor_sek % nullif(p.offered_sek, 0) = 1"),
    ("CAST of a text", "compare the text", "FROM permits p WHERE p.permit_class = 'WORK_EMP'"),
    (
        "SELECT *",
        "step.*",
        "FROM (WITH held AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT held.* FROM held) p",
    ),
    (
        "like a table or view",
        "call it after what its row is",
        "FROM (WITH held AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT held.* FROM held) p",
    ),
    (
        "DISTINCT FROM",
        "add parentheses",
        "FROM permits p WHERE (p.valid_to IS DISTINCT FROM p.ended_on) AND p.inhibited",
    ),
    (
        "named window",
        "write PARTITION BY and ORDER BY out",
        "FROM (SELECT person_id, permit_id, first_known_time, count(*) OVER (PARTITION BY person_id ORDER BY record_key ROWS 5 PRECEDING) AS n FROM permits) p WHERE n > 1",
    ),
    ("ORDER BY with LIMIT", ROW_NUMBER, PICKED),
    ("LIMIT", ROW_NUMBER, PICKED),
    ("OFFSET", "row_number() OVER (PARTITION BY permit_id ORDER BY ..., record_key)", PICKED),
    (
        "RECURSIVE",
        "join the facts to the months of the permit",
        "FROM permits p JOIN months m ON m.month >= p.valid_from AND m.month <= p.valid_to",
    ),
    (
        "over a window",
        "group the rows first",
        "FROM (SELECT person_id, permit_id, first_known_time, array_agg(end_kind ORDER BY record_key) AS kinds FROM permits GROUP BY person_id, permit_id, first_known_time) p",
    ),
    (
        "FULL JOIN",
        "LEFT JOIN the other",
        "FROM permits p LEFT JOIN border b ON b.person_id = p.person_id AND b.observed_on > p.valid_from",
    ),
    ("subquery", "EXISTS", THERE_IS),
    (
        "subquery",
        "IN in WHERE",
        "FROM permits p WHERE p.valid_from IN (SELECT b.observed_on FROM border b WHERE b.person_id = p.person_id)",
    ),
    ("/ between", "100 * a < 95 * b", "FROM permits p WHERE 100 * p.offered_sek < 95 * p.floor_sek"),
    (
        "NOT IN (SELECT",
        "NOT EXISTS (SELECT 1 FROM b WHERE b.person_id = a.person_id AND b.x = a.x)",
        "FROM permits p WHERE NOT EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id AND b.observed_on = p.valid_from)",
    ),
    ("IN (SELECT", "say EXISTS", THERE_IS),
    ("ALL or ANY", "(NOT) EXISTS", THERE_IS),
    (
        "of several rows with IGNORE NULLS",
        "take lead(x, 2) there",
        "FROM (SELECT person_id, permit_id, first_known_time, lead(valid_to, 2) OVER (PARTITION BY person_id ORDER BY record_key) AS n FROM permits WHERE valid_to IS NOT NULL) p WHERE n IS NULL",
    ),
    (
        "function without OVER",
        "lag((f(x)) IGNORE NULLS) OVER w",
        "FROM (SELECT person_id, permit_id, first_known_time, lag((month_of(valid_to)) IGNORE NULLS) OVER (PARTITION BY person_id ORDER BY record_key) AS n FROM permits) p WHERE n IS NULL",
    ),
    (
        "of DOUBLE",
        "compare sum(x) with n * count(x)",
        "FROM permits p GROUP BY p.person_id, p.permit_id, p.first_known_time HAVING sum(p.floor_sek) > 3 * count(p.floor_sek)",
    ),
    (
        "unnest",
        "array_has and has_citizenship",
        "FROM (SELECT person_id, permit_id, first_known_time, array_agg(end_kind ORDER BY record_key) AS kinds FROM permits GROUP BY person_id, permit_id, first_known_time) p WHERE array_has(kinds, 'revoked')",
    ),
    (
        "JOIN without ON",
        "ON b.person_id = a.person_id",
        "FROM permits p JOIN border b ON b.person_id = p.person_id AND b.observed_on > p.valid_from",
    ),
    (
        "JOIN without ON",
        "CROSS JOIN",
        "FROM permits p CROSS JOIN (VALUES (1), (2)) AS tier(n) WHERE p.floor_sek > tier.n",
    ),
    (
        "NATURAL JOIN",
        "ON b.person_id = a.person_id",
        "FROM permits p JOIN border b ON b.person_id = p.person_id AND b.observed_on > p.valid_from",
    ),
    ("JOIN other than", "WHERE EXISTS (SELECT 1 FROM b WHERE b.person_id = a.person_id)", THERE_IS),
    (
        "GLOBAL JOIN",
        "say JOIN",
        "FROM permits p JOIN border b ON b.person_id = p.person_id AND b.observed_on > p.valid_from",
    ),
    ("<=>", "a IS NOT DISTINCT FROM b", "FROM permits p WHERE p.ended_on IS NOT DISTINCT FROM p.valid_to"),
    ("~~", "a LIKE 'W%'", "FROM permits p WHERE p.permit_class LIKE 'W%'"),
    (
        "a name in quotes",
        "max(x) AS most",
        "FROM (SELECT person_id, permit_id, first_known_time, max(floor_sek) AS most FROM permits GROUP BY person_id, permit_id, first_known_time) p WHERE p.most > 1",
    ),
    (
        "by a word of SQL",
        "call it after what its row is",
        "FROM (WITH held AS (SELECT person_id, permit_id, first_known_time FROM permits) SELECT held.* FROM held) p",
    ),
    (
        "behind the parenthesis",
        "lag((x) IGNORE NULLS) OVER w",
        "FROM (SELECT person_id, permit_id, first_known_time, lag((valid_to) IGNORE NULLS) OVER (PARTITION BY person_id ORDER BY record_key) AS n FROM permits) p WHERE n IS NULL",
    ),
    ("a name in quotes", "write names in small letters", "FROM permits AS \"p\" WHERE \"p\".\"inhibited\""),
    (
        "named without AS",
        "write AS before the name",
        "FROM (SELECT person_id, permit_id, first_known_time, floor_sek AS months FROM permits) p WHERE p.months > 1",
    ),
    ("written otherwise than", "with '' for a quote in it", "FROM permits p WHERE starts_with(p.permit_class, 'O''B')"),
    (
        "VALUES without names",
        "(VALUES (1), (2)) AS v(n)",
        "FROM permits p CROSS JOIN (VALUES (1), (2)) AS tier(n) WHERE p.floor_sek > tier.n",
    ),
    (
        "UNION of rows",
        "FROM permits p JOIN months m ON",
        "FROM (SELECT person_id, permit_id, first_known_time, valid_from AS day FROM permits UNION ALL SELECT h.person_id, h.permit_id, h.first_known_time, m.month FROM permits h JOIN months m ON m.month >= h.valid_from AND m.month <= h.valid_to) p WHERE p.day IS NOT NULL",
    ),
];

const ROW_NUMBER: &str = "row_number() OVER (PARTITION BY permit_id ORDER BY ..., record_key) = 1";
const PICKED: &str = "FROM (SELECT person_id, permit_id, first_known_time, row_number() OVER (PARTITION BY permit_id ORDER BY valid_from, record_key) AS n FROM permits) p WHERE n = 1";
const THERE_IS: &str = "FROM permits p WHERE EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id AND b.observed_on > p.valid_from)";

#[test]
fn what_a_hint_recommends_is_accepted() {
    let mut queries = Vec::new();
    for (word, hint) in forbidden_hints() {
        let followed: Vec<_> = FOLLOWED.iter().filter(|(of, ..)| of == word).collect();
        assert!(!followed.is_empty(), "nothing is tried of what is recommended for \"{word}\": {hint}");
        for (_, said, query) in followed {
            assert!(hint.contains(said), "the hint for \"{word}\" does not say \"{said}\": {hint}");
            queries.push((format!("{word}, {said}"), Place::Rest.query(query)));
        }
    }
    let told = told(&queries);
    assert!(told.is_empty(), "{} of {}\n{}", told.len(), queries.len(), told.join("\n"));
}

/// Two branches whose rows may be equal: what the hint of the refusal says, and what the author then writes in the branches and the order.
const TIES: [(&str, &str, &str, &str, &str); 3] = [
    // Both branches may have a row of one key.
    (
        "person_id, permit_id, first_known_time, record_key FROM permits",
        "person_id, permit_id, first_known_time, record_key FROM permit_employers",
        "record_key",
        "give each branch a constant of its own, as 'a' AS branch, and add it to the order",
        "record_key, branch",
    ),
    // No key is handed on at all.
    (
        "person_id, permit_id, first_known_time, record_key FROM permits",
        "person_id, permit_id, first_known_time, record_key FROM permit_employers",
        "permit_id",
        "give each branch a constant of its own, as 'a' AS branch, and add it to the order",
        "permit_id, record_key, branch",
    ),
    // One table twice.
    (
        "person_id, permit_id, first_known_time, record_key FROM permits WHERE first_grant",
        "person_id, permit_id, first_known_time, record_key FROM permits WHERE inhibited",
        "record_key",
        "give each branch a constant of its own, as 'a' AS branch, and add it to the order",
        "branch, record_key",
    ),
];

#[test]
fn what_is_recommended_where_rows_of_a_union_tie_is_accepted() {
    let (catalogue, dir) = (catalogue(), scratch());
    for (one, other, order, said, followed) in TIES {
        let query = |[first, second]: [&str; 2], order: &str| {
            Place::Rest.query(&format!(
                "FROM permits p\nJOIN (SELECT u.permit_id, u.first_known_time, row_number() OVER (PARTITION BY u.person_id ORDER BY {order}) AS n\n\
                 FROM (SELECT {first}{one}\nUNION ALL SELECT {second}{other}) u) k ON k.permit_id = p.permit_id AND k.first_known_time >= p.first_known_time\nWHERE k.n = 1"
            ))
        };
        let found = problems_with("", &catalogue, dir.path(), &query(["", ""], order));
        let shown: Vec<String> = found.iter().map(|problem| problem.render("")).collect();
        println!("{}", shown.join("\n"));
        assert!(found.iter().any(|problem| problem.message.contains("can tie")), "{shown:?}");
        assert!(found.iter().any(|problem| problem.hints.iter().any(|hint| hint.contains(said))), "{shown:?}");
        let query = query(["'a' AS branch, ", "'b' AS branch, "], followed);
        let found = problems_with("", &catalogue, dir.path(), &query);
        assert!(found.is_empty(), "{query}\n{}", found[0].render(""));
    }
}

/// Words before a parenthesis that call no function: SQL's own, and those that stand for the author's.
const NO_CALLS: [&str; 15] =
    ["and", "as", "by", "cast", "columns", "exists", "f", "from", "in", "is", "it", "not", "over", "try_cast", "v"];

#[test]
fn a_hint_names_only_functions_that_may_be_called() {
    let state = session().unwrap().state();
    let known: BTreeSet<String> = state.udfs().into_iter().chain(state.udafs()).chain(state.udwfs()).collect();
    let text = || "x".to_owned();
    let others = [
        Refusal::NotCarried { node: "JOIN", what: text() },
        Refusal::NotCarried { node: "GROUP BY", what: text() },
        Refusal::NotCarried { node: "DISTINCT", what: text() },
        Refusal::NotCarried { node: "window", what: text() },
        Refusal::NotCarried { node: "plan", what: text() },
        Refusal::ReferenceNotCarried { what: text() },
        Refusal::Arrival { window: text() },
        Refusal::Frame { function: text(), units: text() },
        Refusal::Missing { column: "person_id".into() },
        Refusal::Missing { column: "alert_key".into() },
        Refusal::Missing { column: "alert_at".into() },
        Refusal::Type { column: "alert_key", found: text(), wanted: "x" },
        Refusal::Type { column: "records", found: text(), wanted: "x" },
        Refusal::Type { column: "severity", found: text(), wanted: "x" },
        Refusal::NoDueAt { what: text() },
        Refusal::KnownTime,
        Refusal::RecordKeys,
        Refusal::TooManyParts { parts: 1 },
        Refusal::Identifier { misuse: Misuse::Compared, what: text() },
        Refusal::Identifier { misuse: Misuse::Made, what: text() },
        Refusal::Identifier { misuse: Misuse::Ordered, what: text() },
        Refusal::Identifier { misuse: Misuse::NoRecord, what: text() },
    ];
    let hints = forbidden_hints().iter().map(|(_, hint)| (*hint).to_owned());
    let hints: Vec<String> = hints.chain(others.iter().map(|refusal| refusal.hint().to_owned())).collect();
    let mut called = 0;
    for hint in &hints {
        for (at, _) in hint.match_indices('(') {
            let before = hint[..at].trim_end();
            let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
            let word = before[start..].to_lowercase();
            if word.is_empty() || NO_CALLS.contains(&word.as_str()) {
                continue;
            }
            // `a word (an aside)` has a space between.
            if before.len() == at {
                called += 1;
                assert!(known.contains(&word), "{word}() is recommended and refused: {hint}");
            }
        }
    }
    assert!(called > 5, "{called}");
}

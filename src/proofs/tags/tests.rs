//! Aim: what a text may do with an identifier finds the same rows with and without tags, and everything else is refused.
//! Method: the rows of two persons, once as they are and once with the tags of two units; the allowed queries are run over both.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;

use super::Tag;
use crate::catalogue::refused::Highlight;
use crate::proofs::isolation::{Key, Known, Owner};
use crate::proofs::keys::Table;
use crate::proofs::refusal::{CheckError, Misuse, Refusal};
use crate::sql::session::session;
use crate::units::{tagged_text, untag};

/// Person, permit, record, payer, former payer, kind, another person, number.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    &'static str,
    &'static str,
    i64,
);

const ROWS: [Row; 9] = [
    ("p1", "M1", "agi:1", Some("162021005521"), Some("165560360793"), "salary", "p2", 1),
    ("p1", "M1", "agi:10", Some("165560360793"), None, "salary", "p2", 2),
    ("p1", "M2", "agi:2", None, None, "benefit", "p1", 3),
    ("p1", "M2", "csn:1", Some("162021005521"), Some("162021005521"), "benefit", "-", 4),
    ("p1", "M2", "-", Some("9"), None, "-", "-", 5),
    ("p2", "M1", "agi:1", Some("162021005521"), None, "salary", "p1", 1),
    ("p2", "M1", "agi:1,2", None, Some("165560360793"), "salary", "p2", 2),
    ("p2", "M10", "agi:3", Some("162021005521"), Some("162021005521"), "benefit", "p2", 3),
    ("p2", "p2", "agi:4", Some("1"), Some("162021005521"), "salary", "p1", 4),
];

/// The unit of a person in the engine: the tags have more than one digit and do not sort as the persons do.
fn unit(person: &str) -> u32 {
    if person == "p1" { 4_711 } else { 3 }
}

fn tables(with_tags: bool) -> SessionContext {
    let context = session().unwrap();
    let tag = |person: &str, text: &str| if with_tags { tagged_text(unit(person), text) } else { text.to_owned() };
    let texts =
        |of: &dyn Fn(&Row) -> Option<String>| -> ArrayRef { Arc::new(ROWS.iter().map(of).collect::<StringArray>()) };
    let columns = [
        ("person_id", texts(&|row| Some(tag(row.0, row.0)))),
        ("permit_id", texts(&|row| Some(tag(row.0, row.1)))),
        ("record_key", texts(&|row| Some(tag(row.0, row.2)))),
        ("payer_id", texts(&|row| row.3.map(|text| tag(row.0, text)))),
        ("former_id", texts(&|row| row.4.map(|text| tag(row.0, text)))),
        ("kind", texts(&|row| Some(row.5.to_owned()))),
        ("other_id", texts(&|row| Some(row.6.to_owned()))),
        ("n", Arc::new(Int64Array::from_iter_values(ROWS.iter().map(|row| row.7)))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    context.register_batch("a", rows.clone()).unwrap();
    context.register_batch("b", rows).unwrap();
    // Rows that all units share are present once for each unit.
    let persons = if with_tags { ["p1", "p2"].as_slice() } else { ["p1"].as_slice() };
    let employers = persons.iter().map(|person| tag(person, "162021005521"));
    let employers: ArrayRef = Arc::new(StringArray::from_iter_values(employers));
    let sectors: ArrayRef = Arc::new(StringArray::from_iter_values(persons.iter().map(|_| "A")));
    let employers = RecordBatch::try_from_iter([("employer_id", employers), ("sector", sectors)]).unwrap();
    context.register_batch("e", employers).unwrap();
    context
}

fn known() -> Known {
    let mut known = Known::default();
    let columns: BTreeMap<String, (Key, Tag)> = [
        ("person_id", Key::Person),
        ("permit_id", Key::Subject),
        ("record_key", Key::None),
        ("payer_id", Key::Reference),
        ("former_id", Key::Reference),
    ]
    .map(|(name, key)| (name.to_owned(), (key, Tag::Front)))
    .into();
    let names = ["person_id", "permit_id", "record_key", "payer_id", "former_id", "kind", "other_id", "n"];
    for name in ["a", "b"] {
        let rows = Table::new(name, names).with_key(&["person_id", "record_key"]);
        known.add(name, Owner::Person, columns.clone(), rows);
    }
    let columns = [("employer_id".to_owned(), (Key::Reference, Tag::Front))].into();
    known.add("e", Owner::Reference, columns, Table::new("e", ["employer_id", "sector"]));
    known
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The tags of a query's columns.
fn tags_of(sql: &str) -> Result<Vec<Tag>, CheckError> {
    let plan = block_on(async { tables(true).sql(sql).await.unwrap().into_optimized_plan() });
    known().prove(&plan.unwrap_or_else(|error| panic!("{sql}: {error}"))).map(|proved| proved.carried.tags)
}

/// A query's rows, without tags.
fn rows(sql: &str, with_tags: bool) -> Vec<String> {
    let found = block_on(async { tables(with_tags).sql(sql).await.unwrap().collect().await.unwrap() });
    let mut rows = Vec::new();
    for batch in found {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap());
            rows.push(untag(&cells.collect::<Vec<_>>().join(" | ")).1);
        }
    }
    rows.sort();
    rows
}

fn misuses(sql: &str) -> Vec<Misuse> {
    let findings = match tags_of(sql) {
        Ok(_) => return Vec::new(),
        Err(CheckError(findings)) => findings,
    };
    let misuse = |finding: crate::proofs::refusal::Finding| match finding.refusal {
        Refusal::Identifier { misuse, .. } => misuse,
        other => panic!("{sql}: {other}"),
    };
    findings.into_iter().map(misuse).collect()
}

#[test]
fn what_is_admitted_finds_the_same_with_and_without_tags() {
    for sql in [
        "SELECT person_id, permit_id AS id, payer_id AS payer, n FROM a",
        // Compared with one another.
        "SELECT person_id, n FROM a WHERE payer_id = former_id",
        "SELECT person_id, n FROM a WHERE payer_id <> former_id OR former_id IS NULL",
        "SELECT person_id, n FROM a WHERE payer_id < former_id OR payer_id >= former_id",
        "SELECT person_id, n FROM a WHERE (payer_id IS DISTINCT FROM former_id)",
        "SELECT person_id, n FROM a WHERE (payer_id IS NOT DISTINCT FROM former_id) AND payer_id IS NOT NULL",
        "SELECT person_id, n FROM a WHERE record_key BETWEEN former_id AND payer_id OR record_key NOT BETWEEN permit_id AND permit_id",
        "SELECT person_id, n FROM a WHERE payer_id IN (former_id, permit_id) OR permit_id NOT IN (person_id, NULL)",
        "SELECT person_id, n FROM a WHERE permit_id = person_id AND other_id = 'p1' AND kind LIKE 'sal%'",
        "SELECT a.person_id, a.n, b.n AS m FROM a JOIN b ON b.person_id = a.person_id AND b.former_id = a.payer_id",
        "SELECT a.person_id, a.n, b.n AS m FROM a JOIN b ON b.person_id = a.person_id AND (b.former_id = a.payer_id OR b.former_id IS NULL)",
        "SELECT a.person_id, a.n, b.payer_id FROM a LEFT JOIN b ON b.person_id = a.person_id AND b.record_key > a.record_key",
        "SELECT a.person_id, a.n, e.sector FROM a LEFT JOIN e ON e.employer_id = coalesce(a.former_id, a.payer_id) AND e.employer_id = a.payer_id",
        "SELECT person_id, n FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.person_id = a.person_id AND b.former_id = a.payer_id AND b.n <> a.n)",
        "SELECT person_id, n FROM a WHERE payer_id IN (SELECT former_id FROM b WHERE b.person_id = a.person_id)",
        "SELECT person_id, CASE payer_id WHEN former_id THEN 'same' ELSE 'other' END AS said FROM a",
        // Chosen and passed on.
        "SELECT person_id, coalesce(payer_id, former_id) AS id FROM a WHERE coalesce(payer_id, former_id) <> record_key",
        "SELECT person_id, coalesce(payer_id, former_id) AS id, nullif(payer_id, former_id) AS none FROM a",
        "SELECT person_id, coalesce(payer_id, 'nobody') AS id, coalesce(payer_id, other_id) AS other FROM a",
        "SELECT person_id, n FROM a WHERE CASE WHEN n > 2 THEN payer_id WHEN n > 1 THEN former_id END = CASE WHEN n = 4 THEN former_id ELSE NULL END",
        "SELECT person_id, CASE WHEN n > 2 THEN payer_id ELSE kind END AS said FROM a",
        "SELECT person_id, greatest(payer_id, former_id, NULL) AS id, least(payer_id, record_key) AS least FROM a",
        "SELECT person_id, concat(permit_id, ':', payer_id) AS id, kind || '/' || payer_id AS said FROM a",
        "SELECT person_id, concat('employer=', payer_id) AS to_id, concat_ws(',', record_key, payer_id) AS record_keys FROM a",
        "SELECT person_id, n FROM a WHERE concat(payer_id, 'x') IS NOT NULL AND CAST(payer_id AS TEXT) = former_id",
        // The empty text is no identifier.
        "SELECT person_id, n FROM a WHERE coalesce(payer_id, '') = coalesce(former_id, '') OR payer_id < '' OR coalesce(former_id, '') > ''",
        "SELECT person_id, rank() OVER (PARTITION BY person_id ORDER BY coalesce(payer_id, '')) AS r FROM a",
        "SELECT person_id, max(id) AS last, min(id) AS least FROM (SELECT person_id, payer_id AS id FROM a UNION ALL SELECT person_id, '' AS id FROM b) x GROUP BY person_id",
        // Over several rows.
        "SELECT person_id, permit_id, payer_id, count(*) AS c FROM a GROUP BY person_id, permit_id, payer_id",
        "SELECT person_id, coalesce(payer_id, other_id) AS id, sum(n) AS s FROM a GROUP BY person_id, coalesce(payer_id, other_id)",
        "SELECT person_id, concat_ws(',', permit_id, payer_id) AS ids, sum(n) AS s FROM a GROUP BY person_id, concat_ws(',', permit_id, payer_id)",
        "SELECT DISTINCT person_id, payer_id FROM a",
        "SELECT person_id, min(payer_id) AS least, max(record_key) AS last, nullif(max(record_key), min(record_key)) AS other FROM a GROUP BY person_id",
        "SELECT person_id, count(payer_id) AS c, count(DISTINCT payer_id) AS d, sum(n) FILTER (WHERE payer_id = former_id) AS s FROM a GROUP BY person_id",
        "SELECT person_id, string_agg(record_key, ',' ORDER BY record_key) AS keys, array_length(array_agg(payer_id ORDER BY record_key)) AS c FROM a GROUP BY person_id",
        "SELECT person_id, array_agg(payer_id ORDER BY payer_id, n) AS payers FROM a GROUP BY person_id",
        "SELECT person_id, first_value(payer_id ORDER BY record_key) AS f, last_value(payer_id ORDER BY record_key) AS l, nth_value(record_key, 2 ORDER BY record_key) AS s FROM a GROUP BY person_id",
        "SELECT person_id, lag(payer_id) OVER w AS f, lead(record_key, 2) OVER w AS l, row_number() OVER w AS r FROM a WINDOW w AS (PARTITION BY person_id ORDER BY payer_id DESC, record_key)",
        "SELECT person_id, lag(payer_id, 1, '') OVER (PARTITION BY person_id ORDER BY record_key) = payer_id AS same FROM a",
        "SELECT person_id, max(payer_id) OVER (PARTITION BY person_id, payer_id) AS p, rank() OVER (PARTITION BY person_id ORDER BY payer_id) AS r FROM a",
        "SELECT person_id, n FROM (SELECT person_id, n, string_agg(record_key, ',' ORDER BY record_key) AS keys FROM a GROUP BY person_id, n) s ORDER BY keys",
        // Lists can be ordered, also together with single identifiers.
        "SELECT person_id, string_agg(keys, ';' ORDER BY keys) AS all_keys, max(keys) AS last FROM \
           (SELECT person_id, concat_ws(',', record_key, payer_id) AS keys FROM a UNION ALL SELECT person_id, record_key AS keys FROM b) x GROUP BY person_id",
        "SELECT person_id, ids FROM (SELECT person_id, payer_id AS ids FROM a UNION ALL SELECT person_id, former_id FROM b) x WHERE ids <> person_id",
        "SELECT person_id, ids FROM (SELECT person_id, payer_id AS ids FROM a UNION ALL SELECT person_id, CAST(NULL AS VARCHAR) FROM b) x WHERE ids = ids",
        "SELECT person_id, ids FROM (SELECT person_id, payer_id AS ids FROM a UNION SELECT person_id, 'none' FROM b) x",
        "SELECT person_id, payer_id FROM a EXCEPT SELECT person_id, former_id FROM b",
    ] {
        tags_of(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let plain = rows(sql, false);
        assert!(!plain.is_empty(), "{sql}");
        assert_eq!(rows(sql, true), plain, "{sql}");
    }
}

#[test]
fn whatever_looks_into_an_identifier_is_refused() {
    use Misuse::*;
    for (condition, misuse) in [
        ("payer_id = '162021005521'", Compared),
        ("'162021005521' <> payer_id", Compared),
        ("payer_id < '1620'", Compared),
        ("payer_id >= kind", Compared),
        ("(payer_id IS DISTINCT FROM '162021005521')", Compared),
        ("payer_id IN ('162021005521', '165560360793')", Compared),
        ("payer_id NOT IN ('1', '2', '3', '4', '5')", Compared),
        ("payer_id IN (former_id, '165560360793')", Compared),
        ("payer_id BETWEEN '16' AND '17'", Compared),
        ("'16' BETWEEN former_id AND payer_id", Compared),
        ("other_id = person_id", Compared),
        ("nullif(payer_id, '162021005521') IS NULL", Compared),
        ("CASE payer_id WHEN '162021005521' THEN 1 ELSE 2 END = n", Compared),
        ("CASE WHEN payer_id = '162021005521' THEN 1 ELSE 2 END = n", Compared),
        ("greatest(payer_id, kind) IS NOT NULL", Compared),
        ("CASE WHEN n > 1 THEN payer_id END = '162021005521'", Compared),
        ("coalesce(payer_id, former_id) = '162021005521'", Compared),
        ("CAST(payer_id AS TEXT) = '162021005521'", Compared),
        ("coalesce(payer_id, '-') = coalesce(former_id, '-')", Made),
        ("concat('employer=', payer_id) = person_id", Made),
        ("payer_id || '' || kind = kind", Made),
        ("concat_ws(',', payer_id, former_id) = '162021005521,'", Made),
        ("least(concat(payer_id, 'x'), kind) IS NULL", Made),
        ("payer_id LIKE '16%'", Opened),
        ("record_key LIKE 'agi:%'", Opened),
        ("kind LIKE record_key", Opened),
        ("payer_id SIMILAR TO '16.*'", Opened),
        ("payer_id ~ '^16'", Opened),
        ("starts_with(record_key, 'agi:')", Opened),
        ("length(payer_id) = 12", Opened),
        ("substr(payer_id, 1, 2) = '16'", Opened),
        ("strpos(payer_id, '3') > 0", Opened),
        ("strpos(kind, payer_id) > 0", Opened),
        ("upper(payer_id) = former_id", Opened),
        ("replace(payer_id, '16', '') = former_id", Opened),
        ("btrim(payer_id) = former_id", Opened),
        ("CAST(payer_id AS BIGINT) = n", Opened),
        ("TRY_CAST(payer_id AS BIGINT) > 5", Opened),
        ("severity_rank(payer_id) = n", Opened),
    ] {
        let sql = format!("SELECT person_id, n FROM a WHERE {condition}");
        assert!(misuses(&sql).contains(&misuse), "{condition}: {:?}", misuses(&sql));
    }
}

#[test]
fn an_identifier_stays_one_wherever_it_goes() {
    use Misuse::*;
    for (sql, misuse) in [
        ("SELECT person_id FROM (SELECT person_id, payer_id AS code FROM a) x WHERE code = '162021005521'", Compared),
        (
            "WITH s AS (SELECT person_id, max(payer_id) AS code FROM a GROUP BY person_id) SELECT person_id FROM s WHERE code > '2'",
            Compared,
        ),
        ("SELECT person_id, max(n) AS n FROM a GROUP BY person_id HAVING min(payer_id) = '162021005521'", Compared),
        ("SELECT person_id, sum(n) FILTER (WHERE payer_id = '162021005521') AS s FROM a GROUP BY person_id", Compared),
        ("SELECT person_id, payer_id = '162021005521' AS is_town FROM a", Compared),
        (
            "SELECT person_id, n FROM (SELECT person_id, n, lag(payer_id) OVER (PARTITION BY person_id ORDER BY record_key) AS before FROM a) x WHERE before = '9'",
            Compared,
        ),
        (
            "SELECT person_id, n FROM (SELECT person_id, n, payer_id AS id FROM a UNION ALL SELECT person_id, n, former_id FROM b) x WHERE id = '9'",
            Compared,
        ),
        ("SELECT a.person_id FROM a JOIN b ON b.person_id = a.person_id AND b.kind = a.payer_id", Compared),
        ("SELECT a.person_id FROM a JOIN b ON b.person_id = a.person_id AND b.kind < a.payer_id", Compared),
        ("SELECT a.person_id FROM a LEFT JOIN b ON b.person_id = a.person_id AND b.payer_id = '9'", Compared),
        ("SELECT a.person_id FROM a JOIN (VALUES ('162021005521')) AS v(id) ON v.id = a.payer_id", Compared),
        (
            "SELECT person_id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.person_id = a.person_id AND b.payer_id = a.kind)",
            Compared,
        ),
        ("SELECT person_id FROM a WHERE payer_id IN (SELECT kind FROM b WHERE b.person_id = a.person_id)", Compared),
        ("SELECT person_id, payer_id FROM a EXCEPT SELECT person_id, kind FROM b", Compared),
        (
            "SELECT a.person_id FROM a JOIN e ON e.employer_id = a.payer_id WHERE e.employer_id = '162021005521'",
            Compared,
        ),
        (
            "SELECT person_id, max(id) AS m FROM (SELECT person_id, payer_id AS id FROM a UNION ALL SELECT person_id, kind FROM b) x GROUP BY person_id",
            Ordered,
        ),
        (
            "SELECT person_id, n FROM (SELECT person_id, n, payer_id, lag(payer_id, 1, '0') OVER (PARTITION BY person_id ORDER BY record_key) AS before FROM a) x WHERE before = payer_id",
            Made,
        ),
        (
            "SELECT a.person_id FROM a JOIN b ON b.person_id = a.person_id AND concat(b.payer_id, '-') = concat(a.payer_id, '-')",
            Made,
        ),
        ("SELECT person_id, max(coalesce(payer_id, 'x')) AS last FROM a GROUP BY person_id", Ordered),
        ("SELECT person_id, max(concat(kind, payer_id)) AS last FROM a GROUP BY person_id", Ordered),
        (
            "SELECT person_id, string_agg(kind, ',' ORDER BY coalesce(payer_id, kind), record_key) AS kinds FROM a GROUP BY person_id",
            Ordered,
        ),
        (
            "SELECT person_id, rank() OVER (PARTITION BY person_id ORDER BY coalesce(payer_id, '0')) AS r FROM a",
            Ordered,
        ),
        ("SELECT person_id, n FROM a ORDER BY concat(payer_id, former_id)", Ordered),
        (
            "SELECT person_id, max(string_agg) AS m FROM (SELECT person_id, n, string_agg(payer_id, '' ORDER BY record_key) FROM a GROUP BY person_id, n) x(person_id, n, string_agg) GROUP BY person_id",
            Ordered,
        ),
        ("SELECT person_id, substr(payer_id, 1, 2) AS kind FROM a", Opened),
        ("SELECT person_id, length(concat(payer_id, kind)) AS l FROM a", Opened),
        (
            "SELECT person_id, array_has(array_agg(payer_id ORDER BY record_key), '9') AS has FROM a GROUP BY person_id",
            Opened,
        ),
        (
            "SELECT person_id, substr(kind, 1, 2) AS k, count(*) AS c FROM a GROUP BY person_id, substr(kind, 1, 2), lower(permit_id)",
            Opened,
        ),
    ] {
        assert!(misuses(sql).contains(&misuse), "{sql}: {:?}", misuses(sql));
    }
}

#[test]
fn a_refusal_names_what_is_wrong_and_where() {
    let error = tags_of("SELECT person_id, n FROM a WHERE a.payer_id = '162021005521'").unwrap_err();
    assert_eq!(error.to_string(), "identifiers can be compared with other identifiers only: a.payer_id = 162021005521");
    assert!(
        matches!(error.0.as_slice(), [finding] if matches!(finding.place, Highlight::Span(span) if span.start.column == 34))
    );
}

#[test]
fn where_the_tags_stand_is_known_of_every_column() {
    use Tag::*;
    let sql = "SELECT person_id, kind, concat_ws(',', record_key, payer_id) AS keys, concat(payer_id, ':') AS made, coalesce(payer_id, kind) AS some, \
               CAST(NULL AS VARCHAR) AS nothing, payer_id = former_id AS same FROM a";
    assert_eq!(tags_of(sql).unwrap(), [Front, Tag::None, List, Mixed, Mixed, Null, Tag::None]);
    let joined = "SELECT a.person_id, b.payer_id, b.kind FROM a LEFT JOIN b ON b.person_id = a.person_id";
    assert_eq!(tags_of(joined).unwrap(), [Front, Front, Tag::None]);
}

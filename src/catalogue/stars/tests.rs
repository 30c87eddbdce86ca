use super::*;

/// A text that begins with two steps: `a` has x and y, `b` has x and z.
fn with_steps(rest: &str) -> String {
    format!("WITH a AS (SELECT p.x, 1 AS y FROM t p), b AS (SELECT x, y + 1 AS z FROM a){rest}")
}

fn written_out(sql: &str) -> String {
    let query = parse(sql).unwrap_or_else(|| panic!("no query: {sql}"));
    assert_eq!(problems(&query), [], "{sql}");
    let text = write_out(sql).text;
    assert!(parse(&text).is_some(), "{text}");
    text
}

/// The message of the only problem, and the part of the text that it points at.
fn refused(sql: &str) -> (String, String) {
    let query = parse(sql).unwrap_or_else(|| panic!("no query: {sql}"));
    let mut problems = problems(&query);
    assert_eq!(problems.len(), 1, "{sql}: {problems:#?}");
    assert_eq!(write_out(sql), Rewritten::unchanged(sql), "{sql}");
    let Problem { message, hint, span } = problems.remove(0);
    assert!(!hint.is_empty(), "{sql}");
    let span = span.unwrap_or_else(|| panic!("no place: {sql}"));
    let byte = |at: datafusion::common::Location| byte_at(sql, at.line, at.column);
    (format!("{message}; {hint}"), sql[byte(span.start)..byte(span.end)].to_owned())
}

#[test]
fn a_star_becomes_the_columns_of_its_step() {
    let last = " SELECT c.x FROM c";
    for (select, columns) in [
        ("SELECT a.* FROM a", "a.x, a.y"),
        ("SELECT a.*, a.x + 1 AS w FROM a", "a.x, a.y, a.x + 1 AS w"),
        ("SELECT s.* FROM a AS s", "s.x, s.y"),
        ("SELECT s.* FROM a s", "s.x, s.y"),
        ("SELECT A.* FROM a", "A.x, A.y"),
        ("SELECT s.* FROM a AS s (v, w)", "s.v, s.w"),
        ("SELECT DISTINCT a.* FROM a", "a.x, a.y"),
        ("SELECT t.x, a.* EXCLUDE (x) FROM t JOIN (a) ON a.x = t.x", "t.x, a.y"),
        (
            "SELECT a.*, s.* EXCLUDE (X), v.n FROM a, (b CROSS JOIN (VALUES (1)) AS v (n)) LEFT JOIN b s ON true",
            "a.x, a.y, s.z, v.n",
        ),
        ("SELECT a.* EXCLUDE (y), y = 1 AS y FROM a", "a.x, y = 1 AS y"),
    ] {
        let sql = with_steps(&format!(", c AS ({select}){last}"));
        let list = |text: &str| {
            let from = text.find("c AS (SELECT ").unwrap() + "c AS (SELECT ".len();
            let list = text[from..].split(" FROM ").next().unwrap();
            list.trim_start_matches("DISTINCT ").to_owned()
        };
        assert_eq!(list(&written_out(&sql)), columns, "{sql}");
    }
}

#[test]
fn steps_hand_on_what_stars_brought_them() {
    let sql = with_steps(
        ", c AS (SELECT a.*, b.z FROM a JOIN b ON b.x = a.x), d AS (SELECT c.* EXCLUDE (y) FROM c) SELECT d.z FROM d",
    );
    let text = written_out(&sql);
    assert!(text.contains("c AS (SELECT a.x, a.y, b.z FROM a"), "{text}");
    assert!(text.contains("d AS (SELECT c.x, c.z FROM c"), "{text}");
}

#[test]
fn a_step_used_twice_is_written_out_twice() {
    let sql = with_steps(", c AS (SELECT a.*, s.x AS other FROM a JOIN a AS s ON s.y = a.y) SELECT c.x FROM c");
    assert!(written_out(&sql).contains("SELECT a.x, a.y, s.x AS other FROM a JOIN a AS s"));
    let sql = with_steps(", c AS (SELECT a.* FROM a), d AS (SELECT a.* FROM a) SELECT c.x FROM c JOIN d ON d.x = c.x");
    assert_eq!(written_out(&sql).matches("SELECT a.x, a.y FROM a").count(), 2);
}

#[test]
fn steps_within_steps_are_seen_from_within_alone() {
    let inner = "WITH c AS (WITH a AS (SELECT v FROM t) SELECT a.* FROM a) SELECT c.v FROM c";
    assert_eq!(written_out(inner), "WITH c AS (WITH a AS (SELECT v FROM t) SELECT a.v FROM a) SELECT c.v FROM c");
    let both = with_steps(
        ", c AS (WITH a AS (SELECT a.* EXCLUDE (x), 2 AS w FROM a) SELECT a.* FROM a), d AS (SELECT c.* FROM c) SELECT d.w FROM d",
    );
    let text = written_out(&both);
    assert!(text.contains("WITH a AS (SELECT a.y, 2 AS w FROM a) SELECT a.y, a.w FROM a)"), "{text}");
    assert!(text.contains("d AS (SELECT c.y, c.w FROM c)"), "{text}");
    let outside =
        "WITH c AS (WITH a AS (SELECT v FROM t) SELECT a.v FROM a), d AS (SELECT a.* FROM a) SELECT d.v FROM d";
    assert!(refused(outside).0.contains("a.* is of a, which is no step"));
    let later = "WITH a AS (SELECT b.* FROM b), b AS (SELECT 1 AS x) SELECT a.x FROM a";
    assert!(refused(later).0.contains("b.* is of b, which is no step"));
}

#[test]
fn queries_within_a_query_see_its_steps() {
    let sql = with_steps(
        " SELECT q.x FROM (SELECT a.* FROM a) q WHERE EXISTS (SELECT b.* FROM b WHERE b.x = q.x) AND q.x IN (SELECT a.* EXCLUDE (y) FROM a)",
    );
    let text = written_out(&sql);
    for part in ["(SELECT a.x, a.y FROM a) q", "(SELECT b.x, b.z FROM b WHERE", "IN (SELECT a.x FROM a)"] {
        assert!(text.contains(part), "{text}");
    }
    // Stars are expanded in the order of the text, even if one contains a list with another.
    let sql = with_steps(
        ", c AS (SELECT a.*, (SELECT max(b.z) FROM (SELECT b.* FROM b) b) AS m, s.z FROM a JOIN b s ON true) SELECT c.x FROM c",
    );
    assert!(written_out(&sql).contains("SELECT a.x, a.y, (SELECT max(b.z) FROM (SELECT b.x, b.z FROM b) b) AS m, s.z"));
}

#[test]
fn a_step_may_be_a_union_or_values_that_are_named() {
    let sql = "WITH a AS (SELECT x, 1 AS y FROM t UNION ALL SELECT z, 2 FROM u), v (n, m) AS (VALUES (1, 2)), \
               c AS (SELECT a.*, v.* FROM a CROSS JOIN v) SELECT c.n FROM c";
    assert!(written_out(sql).contains("SELECT a.x, a.y, v.n, v.m FROM"));
    let sql = with_steps(", c AS (SELECT a.* FROM a UNION ALL SELECT x, z + 1 FROM b) SELECT c.x FROM c");
    assert!(written_out(&sql).contains("SELECT a.x, a.y FROM a UNION ALL"));
}

#[test]
fn branches_of_a_union_bring_the_same_columns_in_one_order() {
    let swapped = "WITH a AS (SELECT x, y FROM t), b AS (SELECT y, x FROM t), \
                   c AS (SELECT a.* FROM a UNION ALL SELECT b.* FROM b) SELECT c.x FROM c";
    let (said, of) = refused(swapped);
    assert!(
        said.starts_with("column 1 is x in the first branch, and y in another; branches are put together by place"),
        "{said}"
    );
    assert_eq!(of, "b.*");
    assert!(
        refused(&with_steps(", c AS (SELECT a.* FROM a UNION ALL SELECT x, z FROM b) SELECT c.x FROM c"))
            .0
            .contains("and z in")
    );
}

#[test]
fn quoted_names_are_as_they_are() {
    let sql = "WITH \"My Step\" AS (SELECT x AS \"X y\", y AS Zz, t.\"Ä\" FROM t), c AS (SELECT \"My Step\".* EXCLUDE (ZZ) FROM \"My Step\") SELECT c.\"X y\" FROM c";
    assert!(written_out(sql).contains("(SELECT \"My Step\".\"X y\", \"My Step\".\"Ä\" FROM"));
    let other_case = "WITH a AS (SELECT 1 AS x), c AS (SELECT \"A\".* FROM \"A\") SELECT c.x FROM c";
    assert!(refused(other_case).0.contains("\"A\".* is of A, which is no step"));
}

#[test]
fn comments_and_texts_are_no_stars() {
    for sql in [
        with_steps(" SELECT a.x, 'a.*' AS k, 2 * a.y AS d /* a.* */ FROM a -- a.* of it"),
        "SELECT 1 AS x, \"a.*\" FROM t".to_owned(),
        "no SQL at all: a.*".to_owned(),
    ] {
        assert_eq!(write_out(&sql), Rewritten::unchanged(&sql));
    }
    let sql = with_steps(", c AS (SELECT 'a.*' AS k, /* a.* */ a.* /* x */ FROM a) SELECT c.x FROM c");
    assert!(written_out(&sql).contains("SELECT 'a.*' AS k, /* a.* */ a.x, a.y /* x */ FROM a"));
}

#[test]
fn lines_stay_where_they_are() {
    let sql = "WITH a AS (\n  SELECT x, y, z FROM t\n), c AS (\n  SELECT a.* EXCLUDE (x, -- not )\n     y /* nor ) */\n  ), 1 AS n\n  FROM a\n) SELECT c.z FROM c";
    let text = written_out(sql);
    assert_eq!(text.lines().count(), sql.lines().count());
    assert_eq!(text.lines().nth(3), Some("  SELECT a.z"));
    assert_eq!(text.lines().nth(5), Some(", 1 AS n"));
    assert_eq!(text.lines().skip(6).collect::<Vec<_>>(), sql.lines().skip(6).collect::<Vec<_>>());
}

#[test]
fn tables_and_views_have_no_star() {
    for (select, said, of) in [
        ("SELECT t.* FROM t", "t.* is of t, which is no step (WITH) of this text; name the columns", "t.*"),
        ("SELECT p.* FROM t p", "p.* is of t, which is no step", "p.*"),
        ("SELECT s.* FROM s.a AS s", "s.* is of s.a, which is no step", "s.*"),
        ("SELECT a.* FROM a(1) a", "a.* is of a query in FROM", "a.*"),
        (
            "SELECT q.* FROM (SELECT x FROM a) q",
            "q.* is of a query in FROM, not of a step; make it one: WITH q AS",
            "q.*",
        ),
        ("SELECT v.* FROM (VALUES (1)) AS v (n)", "v.* is of a query in FROM", "v.*"),
    ] {
        let (message, place) = refused(&with_steps(&format!(", c AS ({select}) SELECT c.x FROM c")));
        assert!(message.contains(said), "{select}: {message}");
        assert_eq!(place, of);
    }
    let near = "WITH months_paid AS (SELECT 1 AS x), c AS (SELECT month_paid.* FROM month_paid) SELECT c.x FROM c";
    assert!(refused(near).0.ends_with("did you mean months_paid?"));
}

#[test]
fn a_step_in_the_place_of_a_table_is_the_step() {
    let sql = "WITH t AS (SELECT x FROM t), c AS (SELECT t.* FROM t) SELECT c.x FROM c";
    assert!(written_out(sql).contains("c AS (SELECT t.x FROM t)"));
}

#[test]
fn a_star_is_of_what_its_own_from_names() {
    for (select, said) in [
        ("SELECT a.* FROM a AS s", "a.*: the step a is called s here; write s.*"),
        ("SELECT stepp.* FROM a AS step", "stepp.*: nothing in its FROM is called stepp; did you mean step?"),
        ("SELECT q.* FROM a, b s", "q.*: nothing in its FROM is called q; FROM names a, s"),
        ("SELECT s.a.* FROM a", "nothing in its FROM is called s.a"),
        ("SELECT a.x FROM a WHERE EXISTS (SELECT a.* FROM b)", "a.*: nothing in its FROM is called a; FROM names b"),
    ] {
        let (message, _) = refused(&with_steps(&format!(", c AS ({select}) SELECT c.x FROM c")));
        assert!(message.contains(said), "{select}: {message}");
    }
}

#[test]
fn the_last_select_names_its_columns() {
    for sql in [
        with_steps(" SELECT b.* FROM b"),
        with_steps(" SELECT x, z FROM b UNION ALL SELECT b.* FROM b"),
        with_steps(" (SELECT b.* FROM b)"),
    ] {
        assert_eq!(
            refused(&sql),
            (
                "b.* stands in the last SELECT; name the columns there: they are what the text gives to others"
                    .to_owned(),
                "b.*".to_owned()
            )
        );
    }
}

#[test]
fn columns_that_come_twice_are_refused() {
    for (select, said) in [
        (
            "SELECT a.*, b.* FROM a JOIN b ON b.x = a.x",
            "column x stands both in a.* and in b.*; write b.* EXCLUDE (x), or name",
        ),
        (
            "SELECT a.*, s.* EXCLUDE (x) FROM a JOIN a s ON s.x = a.x",
            "column y stands both in a.* and in s.*; write s.* EXCLUDE (x, y)",
        ),
        ("SELECT a.*, s.* FROM a JOIN a s ON s.x = a.x", "columns x, y stand both in a.* and in s.*"),
        (
            "SELECT a.*, b.x FROM a JOIN b ON b.x = a.x",
            "column x stands beside a.*, which has the same; write a.* EXCLUDE (x), or",
        ),
        ("SELECT y = 1 AS Y, a.* FROM a", "column y stands beside a.*"),
    ] {
        let (message, _) = refused(&with_steps(&format!(", c AS ({select}) SELECT c.x FROM c")));
        assert!(message.contains(said), "{select}: {message}");
    }
}

#[test]
fn columns_of_a_step_need_names_of_their_own() {
    for (step, said) in [
        ("SELECT x, y + 1 FROM t", "s.*: column 2 of the step s has no name; write it there as ... AS name"),
        ("SELECT count(*) FROM t", "column 1 of the step s has no name"),
        ("VALUES (1, 2)", "column 1 of the step s has no name"),
        ("SELECT t.x, u.x FROM t JOIN u ON true", "s.*: the step s has two columns x; give one of them another name"),
    ] {
        let sql = format!("WITH s AS ({step}), c AS (SELECT s.* FROM s) SELECT 1 AS x FROM c");
        let (message, place) = refused(&sql);
        assert!(message.contains(said), "{step}: {message}");
        assert_eq!(place, "s.*");
    }
}

#[test]
fn what_may_be_left_out_and_nothing_else() {
    for (star, said) in [
        ("a.* EXCLUDE x", "a.*: EXCLUDE takes its columns in parentheses; write a.* EXCLUDE (x)"),
        ("a.* EXCLUDE (other)", "a.* leaves out other, which the step a does not have; it has x, y"),
        ("a.* EXCLUDE (x, y)", "a.* leaves out every column of the step a"),
        ("a.* EXCEPT (x)", "a.* takes EXCLUDE (column, ...) and nothing else; leave the column out and write it anew"),
        ("a.* REPLACE (1 AS x)", "a.* takes EXCLUDE"),
        ("a.* RENAME (x AS w)", "a.* takes EXCLUDE"),
        ("a.* ILIKE 'x%'", "a.* takes EXCLUDE"),
    ] {
        let (message, _) = refused(&with_steps(&format!(", c AS (SELECT {star} FROM a) SELECT 1 AS x FROM c")));
        assert!(message.contains(said), "{star}: {message}");
    }
    let near =
        "WITH a AS (SELECT gross_sek, month FROM t), c AS (SELECT a.* EXCLUDE (gros_sek) FROM a) SELECT c.month FROM c";
    assert!(refused(near).0.ends_with("did you mean gross_sek?"));
}

#[test]
fn a_star_within_an_expression_is_refused() {
    for (list, said) in [
        ("count(a.*) AS n", "a.* stands within count(): it is for a list of columns; count(*) counts rows"),
        ("max(abs(a.*)) AS n", "a.* stands within abs()"),
    ] {
        let (message, place) = refused(&with_steps(&format!(", c AS (SELECT {list} FROM a) SELECT c.n FROM c")));
        assert!(message.contains(said), "{list}: {message}");
        assert!(place.starts_with('a'));
    }
}

#[test]
fn what_follows_is_not_said_twice() {
    // The columns of c are unknown, so nothing is reported of c.*.
    let sql =
        with_steps(", c AS (SELECT t.* FROM t), d AS (SELECT c.* FROM c), e AS (SELECT a.* FROM a) SELECT d.x FROM d");
    assert_eq!(refused(&sql).1, "t.*");
    let bare = with_steps(", c AS (SELECT * FROM t), d AS (SELECT c.* FROM c) SELECT d.x FROM d");
    assert_eq!(problems(&parse(&bare).unwrap()), []);
    assert_eq!(write_out(&bare), Rewritten::unchanged(&bare));
}

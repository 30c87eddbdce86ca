//! Aim: a text that `check` accepts means the same in the engine, with single units and with many in one plan, in the batch query, and
//! in DuckDB; whatever the text.
//! Method: texts are drawn over the tables that rules see (`draw`, from the forms of `forms`), and asked over small populations drawn
//! with few different values (`population`) in all four (`engines`). A text that differs is made smaller (`select`) and shown. What is refused
//! is counted by its reason. `PERMITWATCH_TEXTS` draws more, `PERMITWATCH_TEXTS_SEED` others; `PERMITWATCH_TEXTS_TRIES` is how
//! many smaller texts are tried for one that differs.

mod draw;
pub mod engines;
mod forms;
mod population;
mod select;

use std::collections::BTreeMap;

use crate::drive::SEED;
use draw::{CLAUSES, Drawer};
use engines::{Said, World};
use forms::{AGGREGATES, FRAMES, SCALARS, WINDOWS};
use select::Text;

/// Texts drawn, unless the environment says otherwise: a minute, most of it DuckDB's.
const TEXTS: usize = 120;
/// Texts asked of one population.
const OF_ONE: usize = 60;
/// Smaller texts tried for one that differs.
const TRIES: usize = 150;
/// Differences after which no more texts are drawn.
const MOST: usize = 20;

/// Known and open: seed and number of a text that is read differently, and what is known of it.
const OPEN: [(u64, usize, &str); 0] = [];

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn what_check_accepts_is_read_alike_everywhere() {
    let texts = from_environment("PERMITWATCH_TEXTS").map_or(TEXTS, |texts| texts as usize);
    let seed = from_environment("PERMITWATCH_TEXTS_SEED").unwrap_or(SEED);
    let mut drawer = Drawer::new(seed);
    let mut counts = Counts::default();
    let (mut differ, mut open) = (Vec::new(), 0);
    let mut world = World::draw(seed);
    for number in 0..texts {
        if number > 0 && number % OF_ONE == 0 {
            world = World::draw(seed.wrapping_add(number as u64));
        }
        let text = drawer.text();
        match world.ask(&text.sql()) {
            Said::Refused(reason) => counts.refused(&text, &reason),
            Said::Alike(rows) => counts.accepted(&text, rows.len()),
            Said::Differ(who, how) => {
                counts.accepted(&text, 0);
                if let Some((.., known)) = OPEN.iter().find(|(of, at, _)| (*of, *at) == (seed, number)) {
                    println!("--- text {number} of seed {seed}, known and open: {known}\n{}\n{how}\n", text.sql());
                    open += 1;
                    continue;
                }
                let (small, how) = shrunk(&mut world, text, who, how);
                println!("--- text {number} of seed {seed}: {who}\n{}\n{how}\n", small.sql());
                differ.push(who);
                if differ.len() >= MOST {
                    break;
                }
            }
        }
    }
    counts.print();
    let asked = OPEN.iter().filter(|(of, at, _)| *of == seed && *at < texts).count();
    assert_eq!(open, asked, "nothing differs any more: strike it off `OPEN`");
    assert!(differ.is_empty(), "{} texts are read differently: {differ:?}", differ.len());
    assert!(counts.accepted * 3 > counts.drawn, "only {} of {} texts were accepted", counts.accepted, counts.drawn);
    assert!(counts.with_rows * 3 > counts.accepted, "only {} of {} had rows", counts.with_rows, counts.accepted);
}

/// For who looks into a difference: what becomes of each text of the file `PERMITWATCH_TEXTS_FILE`, with an empty line between. It asks one
/// of the populations that the seed gives, `PERMITWATCH_TEXTS_WORLD`.
#[test]
fn texts_of_a_file() {
    let Ok(file) = std::env::var("PERMITWATCH_TEXTS_FILE") else { return };
    let seed = from_environment("PERMITWATCH_TEXTS_SEED").unwrap_or(SEED);
    let mut world = World::draw(seed.wrapping_add(from_environment("PERMITWATCH_TEXTS_WORLD").unwrap_or(0)));
    for sql in std::fs::read_to_string(file).unwrap().split("\n\n") {
        match world.ask(sql) {
            Said::Refused(reason) => println!("{sql}\n=> refused: {reason}\n"),
            Said::Alike(rows) => {
                println!("{sql}\n=> alike, {} rows: {:?}\n", rows.len(), rows.iter().take(3).collect::<Vec<_>>());
            }
            Said::Differ(who, how) => println!("{sql}\n=> {who} differs: {how}\n"),
        }
    }
}

/// The smallest text found that differs in the same way.
fn shrunk(world: &mut World, mut text: Text, who: &'static str, mut how: String) -> (Text, String) {
    let most = from_environment("PERMITWATCH_TEXTS_TRIES").map_or(TRIES, |tries| tries as usize);
    let mut tries = 0;
    'again: loop {
        for smaller in text.smaller() {
            tries += 1;
            if tries > most {
                return (text, how);
            }
            let said = if smaller.sql().len() < text.sql().len() { world.ask(&smaller.sql()) } else { continue };
            if let Said::Differ(also, as_follows) = said
                && also == who
            {
                (text, how) = (smaller, as_follows);
                continue 'again;
            }
        }
        return (text, how);
    }
}

#[derive(Default)]
struct Counts {
    drawn: usize,
    accepted: usize,
    with_rows: usize,
    rows: usize,
    /// By form or clause: texts accepted, and drawn, that have it.
    parts: BTreeMap<&'static str, (usize, usize)>,
    reasons: BTreeMap<String, usize>,
}

impl Counts {
    fn accepted(&mut self, text: &Text, rows: usize) {
        self.drawn += 1;
        self.accepted += 1;
        self.with_rows += usize::from(rows > 0);
        self.rows += rows;
        for part in text.parts() {
            let (accepted, drawn) = self.parts.entry(part).or_default();
            *accepted += 1;
            *drawn += 1;
        }
    }

    fn refused(&mut self, text: &Text, reason: &str) {
        self.drawn += 1;
        for part in text.parts() {
            self.parts.entry(part).or_default().1 += 1;
        }
        // Without what is in parentheses or quotes, and without the other reasons.
        let mut plain = String::new();
        let mut depth = 0;
        for letter in reason.split("; ").next().unwrap_or_default().chars().take(400) {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ if depth == 0 && !letter.is_ascii_digit() => plain.push(letter),
                _ => {}
            }
        }
        *self.reasons.entry(plain.chars().take(110).collect()).or_default() += 1;
    }

    fn print(&self) {
        println!(
            "{} texts drawn, {} accepted ({} %), {} of them with rows, {} rows",
            self.drawn,
            self.accepted,
            100 * self.accepted / self.drawn.max(1),
            self.with_rows,
            self.rows
        );
        let forms = [SCALARS, AGGREGATES, WINDOWS].concat().into_iter().map(|form| form.1);
        let all: Vec<&str> = forms.chain(CLAUSES.iter().copied()).chain(FRAMES.iter().copied()).collect();
        println!("accepted / drawn by form and clause:");
        for part in &all {
            let (accepted, drawn) = self.parts.get(part).copied().unwrap_or_default();
            println!("{accepted:>6} {drawn:>6}  {}", part.trim());
        }
        println!("reasons of refusal:");
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in reasons {
            println!("{count:>6}  {reason}");
        }
    }
}

/// An expression as a rule's evidence, and a question that shows how DataFusion and DuckDB read it.
const OTHERWISE: [(&str, &str); 28] = [
    ("CAST(floor_sek * 0.5 AS BIGINT)", "SELECT CAST(x AS BIGINT) AS c FROM (VALUES (1.5)) AS t(x)"),
    ("TRY_CAST(floor_sek * 0.5 AS BIGINT)", "SELECT TRY_CAST(x AS BIGINT) AS c FROM (VALUES (1.5)) AS t(x)"),
    ("floor_sek * 1.0 / nullif(offered_sek, 0)", "SELECT x / y AS c FROM (VALUES (1.0, 3.0)) AS t(x, y)"),
    ("valid_from + INTERVAL '1 month'", "SELECT d + INTERVAL '1 month' AS c FROM (VALUES (DATE '2024-01-31')) AS t(d)"),
    (
        "valid_from - INTERVAL '12 hours'",
        "SELECT d - INTERVAL '12 hours' AS c FROM (VALUES (DATE '2024-01-31')) AS t(d)",
    ),
    ("permit_class SIMILAR TO 'W'", "SELECT x SIMILAR TO 'W' AS c FROM (VALUES ('WORK')) AS t(x)"),
    ("INTERVAL '30 days' < INTERVAL '1 month'", "SELECT INTERVAL '30 days' < INTERVAL '1 month' AS c"),
    (
        "first_known_time - CAST(valid_from AS TIMESTAMP)",
        "SELECT a - b AS c FROM (VALUES (TIMESTAMP '2024-03-01 00:00:00', TIMESTAMP '2024-01-01 00:00:00')) AS t(a, b)",
    ),
    ("substr(permit_class, -2)", "SELECT substr(x, -2) AS c FROM (VALUES ('abcd')) AS t(x)"),
    ("substr(permit_class, floor_sek)", "SELECT substr(x, n) AS c FROM (VALUES ('abcd', -1)) AS t(x, n)"),
    (
        "first_known_time AT TIME ZONE 'Europe/Stockholm'",
        "SELECT a AT TIME ZONE 'Europe/Stockholm' AS c FROM (VALUES (TIMESTAMP '2024-03-01 00:00:00')) AS t(a)",
    ),
    ("TRY_CAST(permit_class AS BIGINT)", "SELECT TRY_CAST(x AS BIGINT) AS c FROM (VALUES ('12.7')) AS t(x)"),
    ("TRY_CAST(permit_class AS DATE)", "SELECT TRY_CAST(x AS DATE) AS c FROM (VALUES ('20240209')) AS t(x)"),
    ("TRY_CAST(permit_class AS TIMESTAMP)", "SELECT TRY_CAST(x AS TIMESTAMP) AS c FROM (VALUES ('2024-2-9')) AS t(x)"),
    ("permit_class ILIKE 'w\\_%'", "SELECT x ILIKE 'w\\_%' AS c FROM (VALUES ('W_ORK')) AS t(x)"),
    ("permit_class LIKE 'W\\_%'", "SELECT x LIKE 'W\\_%' AS c FROM (VALUES ('W_ORK')) AS t(x)"),
    (
        "CAST(first_known_time AS VARCHAR)",
        "SELECT CAST(a AS VARCHAR) AS c FROM (VALUES (TIMESTAMP '2024-03-01 00:00:00')) AS t(a)",
    ),
    (
        "concat('at ', first_known_time)",
        "SELECT concat('at ', a) AS c FROM (VALUES (TIMESTAMP '2024-03-01 00:00:00')) AS t(a)",
    ),
    ("'at ' || first_known_time", "SELECT 'at ' || a AS c FROM (VALUES (TIMESTAMP '2024-03-01 00:00:00')) AS t(a)"),
    (
        "CAST(CAST(floor_sek AS DOUBLE) AS VARCHAR)",
        "SELECT CAST(CAST(x AS DOUBLE) AS VARCHAR) AS c FROM (VALUES (100000000000000000)) AS t(x)",
    ),
    ("CAST(valid_from AS INT)", "SELECT CAST(d AS INT) AS c FROM (VALUES (DATE '2024-01-31')) AS t(d)"),
    ("CAST(floor_sek AS DATE)", "SELECT CAST(n AS DATE) AS c FROM (VALUES (20000)) AS t(n)"),
    (
        "date_part('epoch', first_known_time)",
        "SELECT CAST(date_part('nanosecond', a) AS VARCHAR) AS c FROM (VALUES (TIMESTAMP '2024-03-01 00:00:01.5')) AS t(a)",
    ),
    (
        "avg(floor_sek * 1.0) OVER (PARTITION BY person_id)",
        "SELECT avg(x) AS c FROM (VALUES (1.0), (1.0), (2.0)) AS t(x)",
    ),
    (
        "coalesce(sum(1.5) OVER (PARTITION BY person_id), 0.25)",
        "SELECT coalesce(sum(x), 0.25) AS c FROM (VALUES (1.5)) AS t(x) WHERE x > 2",
    ),
    (
        "CASE WHEN first_grant THEN 0.25 ELSE sum(1.5) OVER (PARTITION BY person_id) * 2 END",
        "SELECT CASE WHEN min(x) > 1 THEN 0.25 ELSE sum(x) * 2 END AS c FROM (VALUES (1.5)) AS t(x)",
    ),
    (
        "greatest(0.25, sum(1.5) OVER (PARTITION BY person_id))",
        "SELECT greatest(0.25, sum(x)) AS c FROM (VALUES (-1.5)) AS t(x)",
    ),
    ("upper('straße')", "SELECT upper(x) AS c FROM (VALUES ('straße')) AS t(x)"),
];

#[test]
fn what_duckdb_keeps_for_itself_is_listed() {
    let question = "SELECT DISTINCT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function') ORDER BY 1";
    let there: Vec<String> = engines::DuckDb::alone().cells(0, question).unwrap().into_iter().flatten().collect();
    assert_eq!(there, permitwatch::proofs::text::RESERVED_WORDS);
}

/// As soon as the engines agree on one of these, it needs no refusal.
#[test]
fn what_engines_read_differently_is_refused_with_a_hint() {
    let base = engines::base();
    let mut duckdb = engines::DuckDb::alone();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut wrong = Vec::new();
    for (evidence, question) in OTHERWISE {
        let here = runtime.block_on(engines::answer(question));
        let there = duckdb.cells(0, question);
        println!("{evidence}\n    here {here:?}, DuckDB {there:?}");
        if here == there {
            wrong.push(format!("read alike: {question}"));
        }
        let sql = format!(
            "SELECT person_id, permit_id, '-' AS alert_key, first_known_time AS alert_at, {evidence} AS e0 FROM permits"
        );
        match engines::checked(&base, &engines::rule(&sql).unwrap()) {
            Ok(_) => wrong.push(format!("accepted: {evidence}")),
            Err(reason) if reason.contains("differently") || reason.contains("of DOUBLE") => println!("    {reason}"),
            Err(reason) => wrong.push(format!("refused otherwise: {evidence}: {reason}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_rule_that_no_canceller_concerns_stands_alike() {
    use permitwatch::catalogue::file::DEFAULT_CANCELLERS;

    use crate::drive::{Dice, batch, plan, strict};

    let mut catalogue = crate::drive::catalogue();
    let sql = "SELECT person_id, permit_id, valid_from AS alert_key, first_known_time AS alert_at FROM permits";
    let mut rule = engines::rule(sql).unwrap();
    let recording = population::draw(&mut Dice(SEED), 12);
    let (messages, end) = (recording.messages(), population::looks()[1]);
    let mut standing = |survives: &[&str]| {
        rule.header.survives = survives.iter().map(|reason| (*reason).to_owned()).collect();
        catalogue.rules = vec![rule.clone()];
        let (_, ran) = strict(plan(&catalogue), &messages.iter().collect::<Vec<_>>(), 50, &[end]);
        assert_eq!(ran.standing[0], batch(&catalogue, &recording.tables(), end));
        ran.standing[0].len()
    };
    let (all, some) = (standing(&DEFAULT_CANCELLERS), standing(&[]));
    assert!(all >= 12 && some < all, "{all}, {some}");
}

//! Why a rule or view is refused, and where in its text.
//!
//! The proofs collect all violations (`CheckError`) as findings, each with a reason and a place. A place is a span if the plan
//! still has it; otherwise it says what to search for in the text (`tools::check` searches).

use std::fmt;

use datafusion::common::{Span, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan};
use thiserror::Error;

use crate::catalogue::refused::Highlight;

/// Operators, columns and constants of a column, with each step put in its place. The largest of `queries/` has some hundreds.
pub const MOST_PARTS: u64 = 10_000;

/// Rows that nothing tells apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alike {
    pub rows: String,
    /// Columns that would tell them apart.
    pub by: Vec<String>,
}

/// One reason why a rule or view is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    #[error("{node} mixes persons: {what}; tie it with person_id, permit_id or record_key")]
    NotCarried { node: &'static str, what: String },
    #[error("join with a reference table is not tied by its key (employer_id, institution_id): {what}")]
    ReferenceNotCarried { what: String },
    #[error("{what} is not allowed in a rule")]
    Forbidden { what: String },
    #[error("{window} can tie: {rows} may have the same values there")]
    Tie { window: String, rows: String, hint: String },
    #[error("ORDER BY {by}, which is the same in every row of an optional step")]
    ConstantOrder { by: String },
    #[error("{window} asks in which order versions became known; order them by version")]
    Arrival { window: String },
    #[error("{function} over a frame that slides by {units} is not allowed; count rows of the month spine instead")]
    Frame { function: String, units: String },
    #[error("output column {column} is missing")]
    Missing { column: String },
    #[error("output column {column} is {found}; it must be {wanted}")]
    Type { column: &'static str, found: String, wanted: &'static str },
    #[error("output column {column} may be null; every row needs it")]
    MayBeNull { column: String },
    #[error("output column severity may be another text than info, weak, medium or strong")]
    Severity,
    #[error("it asserts an absence ({what}) but gives no due_at, the time up to which the absence is asserted")]
    NoDueAt { what: String },
    #[error("alert_at rests on known_time; use first_known_time, or a later correction would take the alert away")]
    KnownTime,
    #[error("output column record_keys names keys without their tables; give records")]
    RecordKeys,
    #[error("{what} [safeguard {name}: {law}]")]
    Safeguard { name: &'static str, law: &'static str, what: String, hint: String },
    #[error("{misuse}: {what}")]
    Identifier { misuse: Misuse, what: String },
    #[error("a column has {parts} parts once each step is put in its place, more than {MOST_PARTS}")]
    TooManyParts { parts: u64 },
    #[error("{what} may leave {of}")]
    TooLarge { what: String, of: &'static str },
    #[error("engines read {what} differently")]
    ReadOtherwise { what: String, hint: &'static str },
    #[error("{message}")]
    Star { message: String, hint: String },
    #[error("{said}")]
    Arguments { said: String, hint: String },
}

/// How an identifier was misused. While a rule runs, an identifier has the tag of its unit in front (see `tags`).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Misuse {
    #[error("identifiers can be compared with other identifiers only")]
    Compared,
    #[error("a text made of identifiers, or that may be one, can be compared with nothing")]
    Made,
    #[error("a text made of identifiers, or that may be one, has no order")]
    Ordered,
    #[error("an identifier can be handed on or compared with another only, as a whole")]
    Opened,
    #[error("records and records_of take columns `record`, and lists of records, alone")]
    NoRecord,
}

impl Refusal {
    pub fn at(self, place: Highlight) -> Finding {
        Finding { refusal: self, place }
    }

    /// Something depends on the order of rows, and these could change places.
    pub fn tie(window: String, alike: &[Alike]) -> Refusal {
        let rows: Vec<String> = alike.iter().map(|alike| format!("rows of {}", alike.rows)).collect();
        let rows = if rows.is_empty() { "rows".to_owned() } else { rows.join(", and ") };
        let (told, untold): (Vec<_>, Vec<_>) = alike.iter().partition(|alike| !alike.by.is_empty());
        let mut hints: Vec<String> =
            told.iter().map(|alike| format!("add {} of {} to the order", alike.by.join(", "), alike.rows)).collect();
        hints.extend(untold.iter().map(|alike| {
            if alike.rows.contains("UNION") {
                "give each branch a constant of its own, as 'a' AS branch, and add it to the order".to_owned()
            } else {
                format!("hand on a column that tells the rows of {} apart, and add it to the order", alike.rows)
            }
        }));
        Refusal::Tie { window, rows, hint: hints.join("; ") }
    }

    /// How to repair it.
    pub fn hint(&self) -> &str {
        match self {
            Refusal::Star { hint, .. }
            | Refusal::Arguments { hint, .. }
            | Refusal::Tie { hint, .. }
            | Refusal::Safeguard { hint, .. } => hint,
            Refusal::ReadOtherwise { hint, .. } => hint,
            Refusal::TooLarge { .. } => {
                "bound what it is computed from: least(n, 600) months, a day as a column of a table; instead of two amounts multiply an amount by a parameter"
            }
            Refusal::TooManyParts { .. } => {
                "a step that names a column twice, which names one twice, doubles with each: write it in another way"
            }
            Refusal::NotCarried { node: "JOIN", .. } => {
                "many persons are evaluated at once: write ON b.person_id = a.person_id, or permit_id where both have it"
            }
            Refusal::NotCarried { node: "GROUP BY", .. } => "group by person_id or permit_id first",
            Refusal::NotCarried { node: "DISTINCT", .. } => "select person_id or permit_id as well",
            Refusal::NotCarried { node: "window", .. } => "write PARTITION BY person_id, or permit_id",
            Refusal::NotCarried { .. } => "read at least one table that has a person_id",
            Refusal::ReferenceNotCarried { .. } => "write ON e.employer_id = s.employer_id (or institution_id)",
            Refusal::Forbidden { what } => forbidden_hint(what),
            Refusal::ConstantOrder { .. } => {
                "leave it out: it tells no rows of the step apart, and DataFusion's optimiser fails at it"
            }
            Refusal::Arrival { .. } => {
                "records come in any order, and a whole history at one instant: write ORDER BY version, record_key"
            }
            Refusal::Frame { .. } => {
                "join the facts to the months of the permit, then ROWS BETWEEN 5 PRECEDING AND CURRENT ROW is six months"
            }
            Refusal::Missing { column } => match column.as_str() {
                "person_id" => "add p.person_id",
                "permit_id" => "add p.permit_id, or name another column as `subject` in the header",
                "alert_key" => {
                    "add a DATE or text that names the episode: its first month, the day of the event, 'not-started'"
                }
                "alert_at" => {
                    "add the known time from which the row holds: greatest(the deadline, first_known_time of the facts)"
                }
                _ => "the header names it as the rule's subject",
            },
            Refusal::Type { column: "alert_key", .. } => {
                "a timestamp would change when the fact is corrected: CAST(... AS DATE), or text"
            }
            Refusal::Type { column: "records", .. } => {
                "every table and history has a column `record`: write records(p.record, s.record) AS records"
            }
            Refusal::Type { column: "person_id", .. } => "select the table's own person_id, not an expression",
            Refusal::Type { .. } => "CAST it",
            Refusal::MayBeNull { .. } => {
                "a row without it is no alert, and nobody would notice: say coalesce(..., '-'), or WHERE ... IS NOT NULL in the SELECT that reads it"
            }
            Refusal::Severity => {
                "write the tiers as they are, also in CASE, VALUES or coalesce, or say severity(n), which is one of them for every n"
            }
            Refusal::NoDueAt { .. } => {
                "add a column due_at: the deadline up to which every feed must have spoken before the row is raised"
            }
            Refusal::RecordKeys => {
                "write records(p.record, s.record) AS records: a key may stand in two tables, or hold a comma"
            }
            Refusal::KnownTime => "known_time moves with every new version of the record; first_known_time does not",
            Refusal::Identifier { misuse: Misuse::Compared | Misuse::Opened, .. } => {
                "many persons are evaluated at once, and identifiers carry a mark of theirs: filter by a code or kind, or join a reference table"
            }
            Refusal::Identifier { misuse: Misuse::NoRecord, .. } => {
                "every table and history has a column `record`: write records(p.record, s.record); views hand it on"
            }
            Refusal::Identifier { misuse: Misuse::Made, .. } => {
                "compare the identifiers themselves, with IS NOT DISTINCT FROM where both may be null"
            }
            Refusal::Identifier { misuse: Misuse::Ordered, .. } => {
                "order by the identifiers themselves, with NULLS FIRST or LAST in the place of another text"
            }
        }
    }
}

fn forbidden_hint(what: &str) -> &'static str {
    let known = forbidden_hints().iter().find(|(word, _)| what.contains(word));
    known.map_or("a rule is one SELECT over the tables and views of queries/README.md", |(_, hint)| hint)
}

/// By words of what is forbidden: what to write instead. `tests/engine/accepted.rs` writes it.
pub fn forbidden_hints() -> &'static [(&'static str, &'static str)] {
    &[
        ("ANY of a list", "say array_has(list, x), and NOT array_has(list, x) for <> ALL"),
        (
            "LATERAL",
            "DataFusion gives its constants where there is no row, or leaves them out: join a step with GROUP BY person_id",
        ),
        ("a comparison compared", "add parentheses: (a > 1) = (b < c)"),
        ("name with its schema", "tables, views and steps have one name: FROM permits p"),
        ("a step without AS", "write AS before its parenthesis: WITH held AS (SELECT ...)"),
        ("SAFE_CAST", "say TRY_CAST(x AS INT)"),
        ("in braces", "write the call, or DATE '2026-01-31', without braces"),
        ("an INTERVAL written", "write INTERVAL '1 month', and subtract it instead of writing a minus within"),
        ("EXTRACT with a comma", "write EXTRACT (YEAR FROM day)"),
        ("SUBSTR with FROM", "say substr(x, 2, 3)"),
        ("behind a colon", "no column holds such a text: take a column of its own"),
        ("a type with a time zone", "instants are UTC, TIMESTAMP without a zone"),
        ("CAST to INTERVAL", "write INTERVAL '1 month' out"),
        ("as the argument of a function", "join a step that has it"),
        ("two pairs of parentheses", "write all arguments within one"),
        ("by another name", "say strpos(x, 'a') and array_length(list)"),
        ("WITHIN GROUP", "say string_agg(x, ',' ORDER BY ...), or median_low(x)"),
        ("of a function of one row", "it has no effect there: leave it out"),
        ("ORDER BY within a function", "leave it out"),
        ("a star in a function", "say count(*), or count(DISTINCT x) of one column"),
        ("count of several columns", "group by them in a step before, and count(*) its rows"),
        ("FILTER of an aggregate of our own", "DuckDB has it as a macro: say median_low(CASE WHEN b THEN x END)"),
        ("DISTINCT of a function of a window", "leave DISTINCT out"),
        ("ORDER BY a constant, or ALL", "the rows of a rule have no order: leave it out"),
        ("GROUP BY with ROLLUP", "a row of all groups would be of nobody: leave it out"),
        (
            "a capital beyond",
            "DataFusion tells it from the small letter, DuckDB does not: write names in small letters",
        ),
        ("VALUES with ROW", "say (VALUES (1), (2)) AS v(n)"),
        (
            "QUALIFY before WINDOW",
            "number the rows in a step before, row_number() OVER (...) AS n, and say WHERE n = 1",
        ),
        ("output column without a name", "give it one: count(*) AS number"),
        (
            "a date compared",
            "it would be taken for days since 1970: subtract two dates (valid_to - valid_from <= 60), or write DATE '2026-01-31'",
        ),
        ("may be zero", "divide by nullif(..., 0), which makes the quotient null"),
        (
            "CAST of a text",
            "no column of the tables holds a number or a day as text: take the column that has it, or compare the text",
        ),
        (
            "SELECT *",
            "name the columns: a new column of the table would change the alert; of a step (WITH) all are step.*",
        ),
        ("like a table or view", "call it after what its row is: under this name it would be taken for the table"),
        (
            "DISTINCT FROM",
            "DataFusion reads a IS DISTINCT FROM b AND c as a IS DISTINCT FROM (b AND c): add parentheses",
        ),
        ("named window", "OVER (w ROWS ...) loses what w says: write PARTITION BY and ORDER BY out"),
        (
            "ORDER BY with LIMIT",
            "row_number() OVER (PARTITION BY permit_id ORDER BY ..., record_key) = 1 picks one row a permit",
        ),
        ("LIMIT", "row_number() OVER (PARTITION BY permit_id ORDER BY ..., record_key) = 1 picks one row a permit"),
        ("OFFSET", "row_number() OVER (PARTITION BY permit_id ORDER BY ..., record_key) picks rows by their place"),
        ("RECURSIVE", "join the facts to the months of the permit, or number the episode with two windows"),
        (
            "takes no rows back",
            "say sum(CASE WHEN x THEN 1 ELSE 0 END) > 0 for bool_or(x), and = 0 of NOT x for bool_and(x), over the same frame; or begin the frame with UNBOUNDED PRECEDING",
        ),
        ("over a window", "it keeps for each row all rows before it: group the rows first"),
        ("FULL JOIN", "begin with the table that has every row, and LEFT JOIN the other"),
        ("subquery", "only (NOT) EXISTS and IN in WHERE are planned safely; else join a WITH step"),
        (
            "/ between",
            "100 * a < 95 * b says the same without a quotient; give both columns as evidence, and a finding says their share: {a of b}",
        ),
        (
            "NOT IN (SELECT",
            "a null among the values makes it null for all, and engines differ: NOT EXISTS (SELECT 1 FROM b WHERE b.person_id = a.person_id AND b.x = a.x)",
        ),
        ("IN (SELECT", "within NOT, CASE or a function it may be null: say EXISTS, which is true or false"),
        ("ALL or ANY", "say (NOT) EXISTS with the comparison in its WHERE"),
        (
            "of several rows with IGNORE NULLS",
            "leave the rows without a value out in a step before, and take lead(x, 2) there",
        ),
        (
            "function without OVER",
            "in lag(f(x) IGNORE NULLS) OVER w it belongs to f: name f(x) in a step before, or put it into parentheses, lag((f(x)) IGNORE NULLS) OVER w",
        ),
        (
            "of DOUBLE",
            "what comes out depends on the order in which fractions are added: use whole numbers or DECIMAL, and instead of a mean compare sum(x) with n * count(x)",
        ),
        ("unnest", "array_has and has_citizenship look into a list"),
        ("JOIN without ON", "say ON b.person_id = a.person_id; where every row is to meet every other, say CROSS JOIN"),
        ("NATURAL JOIN", "a new column of a table would change what is joined: say ON b.person_id = a.person_id"),
        (
            "JOIN other than",
            "say WHERE EXISTS (SELECT 1 FROM b WHERE b.person_id = a.person_id) for SEMI JOIN, and NOT EXISTS for ANTI JOIN",
        ),
        ("GLOBAL JOIN", "say JOIN"),
        ("<=>", "a IS NOT DISTINCT FROM b says the same"),
        ("~~", "a LIKE 'W%' says the same"),
        (
            "a name in quotes",
            "a text stands between single quotes, 'WORK_EMP'; of names, DuckDB takes \"P\" and p for one, and calls a column that has none otherwise: give it one, max(x) AS most, and write names in small letters",
        ),
        ("by a word of SQL", "DuckDB keeps it for itself: call it after what its row is"),
        ("behind the parenthesis", "DuckDB knows it within alone: lag((x) IGNORE NULLS) OVER w"),
        ("named without AS", "write AS before the name: DuckDB takes many words there for its own"),
        ("written otherwise than", "write 'text', with '' for a quote in it; engines read other forms differently"),
        ("VALUES without names", "each engine names them otherwise: (VALUES (1), (2)) AS v(n)"),
        (
            "UNION of rows",
            "what is nobody's has no person_id: join it to a table of persons in its branch, FROM permits p JOIN months m ON ...",
        ),
    ]
}

/// A reason and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub refusal: Refusal,
    pub place: Highlight,
}

/// All violations of a rule or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckError(pub Vec<Finding>);

impl CheckError {
    /// `value` if nothing was found, else the error.
    pub fn unless_none<T>(mut found: Vec<Finding>, value: T) -> Result<T, CheckError> {
        let mut at = 0;
        while at < found.len() {
            // The optimiser may have copied the faulty part to several places of the plan.
            if found[..at].contains(&found[at]) {
                found.remove(at);
            } else {
                at += 1;
            }
        }
        if found.is_empty() { Ok(value) } else { Err(CheckError(found)) }
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, finding) in self.0.iter().enumerate() {
            let separator = if at > 0 { "; " } else { "" };
            write!(f, "{separator}{}", finding.refusal)?;
        }
        Ok(())
    }
}

impl std::error::Error for CheckError {}

/// The place in the text of the first column of the expressions that has one.
pub fn of_columns<'a>(exprs: impl Iterator<Item = &'a Expr>) -> Option<Span> {
    exprs.flat_map(Expr::column_refs).filter_map(|column| column.spans.first()).min()
}

/// The names of tables and aliases in a join's input.
pub fn of_input(plan: &LogicalPlan) -> Highlight {
    let mut names = Vec::new();
    let mut next = Some(plan);
    while let Some(plan) = next {
        match plan {
            LogicalPlan::SubqueryAlias(alias) => names.push(table(&alias.alias)),
            LogicalPlan::TableScan(scan) => names.push(table(&scan.table_name)),
            _ => {}
        }
        next = plan.inputs().first().copied();
    }
    Highlight::Relation(names)
}

fn table(reference: &TableReference) -> String {
    reference.table().to_owned()
}

pub fn forbidden(what: &str) -> Refusal {
    Refusal::Forbidden { what: what.to_owned() }
}

//! Aim: a rule that would mix persons, reach outside, or mean something else than it says is refused before it runs.
//! Method: a corpus, `hostile_rules/*.sql`; the first line names words of the refusal. One sound rule shows that the
//! corpus is refused for what it does and not for how it is made. Each refusal points at a place in the file and says what
//! to do; some are pinned to the word that they underline.

use std::collections::BTreeMap;
use std::path::Path;

use permitwatch::catalogue::file::RuleFile;
use permitwatch::catalogue::{Catalogue, CatalogueError};
use permitwatch::rules::RuleSet;
use permitwatch::tools::check::diagnostic::Problem;
use permitwatch::tools::check::examine;
use permitwatch::tools::check::locate::Locator;

use crate::drive::{catalogue, repository};

const HEADER: &str = r#"
number = "R99"
title.sv = "Prov"
title.en = "Probe"
finding.sv = "Prov."
finding.en = "Probe."
permit_classes = ["WORK_EMP"]
legal_basis = ["-"]
legal_gate = "open"
severity = "info"
owner = "tests"
"#;

const SOUND: &str = "
SELECT p.person_id, p.permit_id, 'probe' AS alert_key, p.first_known_time AS alert_at
FROM permits p JOIN notices s ON s.person_id = p.person_id AND s.kind = 'employment_end'
GROUP BY p.person_id, p.permit_id, p.first_known_time";

/// What is wrong with a rule: by its plan, else by its text.
fn problems(catalogue: &Catalogue, dir: &Path, sql: &str) -> Vec<Problem> {
    problems_with("", catalogue, dir, sql)
}

/// The same with more lines in the header.
pub fn problems_with(more: &str, catalogue: &Catalogue, dir: &Path, sql: &str) -> Vec<Problem> {
    let text = format!("/*\nid = \"probe\"{HEADER}{more}*/\n{sql}");
    std::fs::write(dir.join("probe.sql"), &text).unwrap();
    let rule = match RuleFile::parse("probe", &text, &BTreeMap::new()) {
        Ok(rule) => rule,
        Err(error) => return vec![Locator::new(dir, None).of_catalogue(&CatalogueError::Rule(error))],
    };
    let mut catalogue = Catalogue { rules: vec![rule], ..catalogue.clone() };
    catalogue.retain(&["probe"]);
    let locator = Locator::new(dir, Some(&catalogue));
    match RuleSet::plan(&catalogue) {
        Ok(_) => catalogue
            .lint()
            .into_iter()
            .map(|refused| locator.of_catalogue(&CatalogueError::Refused(Box::new(refused))))
            .collect(),
        Err(error) => locator.of_plan(&error),
    }
}

/// What the caret underlines.
fn underlined(problem: &Problem) -> String {
    problem.text.chars().skip(problem.column - 1).take(problem.width).collect()
}

/// A directory that can be written, with nothing in it.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_sound_rule_is_accepted() {
    let dir = scratch();
    assert_eq!(problems(&catalogue(), dir.path(), SOUND), []);
}

#[test]
fn the_corpus_is_refused() {
    let (catalogue, dir) = (catalogue(), scratch());
    let mut files: Vec<_> = std::fs::read_dir(repository("tests/engine/hostile_rules"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .collect();
    files.sort();
    let mut failures = Vec::new();
    for file in &files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).unwrap();
        let (first, sql) = text.split_once('\n').unwrap();
        let wanted =
            first.strip_prefix("-- refused: ").unwrap_or_else(|| panic!("{name}: begins with no \"-- refused: \""));
        let found = problems(&catalogue, dir.path(), sql);
        let words: Vec<String> = found.iter().map(|problem| problem.message.replace('\n', " ")).collect();
        match found.iter().find(|problem| problem.message.contains(wanted) || problem.text.contains(wanted)) {
            Some(problem) => {
                println!("{name}: {}", problem.render(""));
                if problem.line == 0 {
                    failures.push(format!("{name}: refused without a place"));
                }
                if problem.hints.is_empty() && !words.iter().all(|word| NO_HINT.iter().any(|part| word.contains(part)))
                {
                    failures.push(format!("{name}: refused without a hint: {}", words.join("; ")));
                }
            }
            None if found.is_empty() => failures.push(format!("{name}: accepted")),
            None => failures.push(format!("{name}: refused with \"{}\", wanted \"{wanted}\"", words.join("; "))),
        }
    }
    println!("{} rules refused", files.len() - failures.len());
    assert!(files.len() >= 100, "the corpus has shrunk to {}", files.len());
    assert!(failures.is_empty(), "{} of {}\n{}", failures.len(), files.len(), failures.join("\n"));
}

/// What the planner says in its own words, which are all there is to say.
const NO_HINT: [&str; 4] = ["not supported", "nsupported", "not implemented", "IN subquery"];

#[test]
fn the_caret_stands_under_what_is_wrong() {
    let (catalogue, dir) = (catalogue(), scratch());
    let cases = [
        ("FROM permit p", "permit", "did you mean permits"),
        ("FROM permits p WHERE p.permit_clas = 'ICT'", "p.permit_clas", "did you mean permit_class?"),
        ("FROM permits p WHERE agi_compleet(p.valid_from) IS NULL", "agi_compleet", "did you mean agi_complete?"),
        ("FROM permits p WHERE now() IS NULL", "now", "a rule has no clock"),
        ("FROM permits p WHERE p.end_kind = 'anulled'", "'anulled'", "did you mean annulled?"),
        ("FROM permits p JOIN border b ON b.country = p.permit_class", "b.country", "b.person_id = a.person_id"),
        ("FROM permits p LIMIT 7", "LIMIT", "row_number()"),
        ("FROM permits p WHERE p.permit_id = 'M1'", "'M1'", "filter by a code or kind"),
        (
            "FROM permits p JOIN border b ON b.person_id = p.person_id AND b.record_key LIKE 'X%'",
            "'X%'",
            "filter by a code or kind",
        ),
        (
            "FROM permits p WHERE p.inhibited IS DISTINCT FROM true AND true",
            "p.inhibited IS DISTINCT FROM true AND true",
            "add parentheses",
        ),
        (
            "FROM permits p WHERE NOT EXISTS (SELECT 1 FROM border b WHERE b.person_id = p.person_id)",
            "NOT EXISTS",
            "due_at",
        ),
        (
            "FROM permits p JOIN payments s ON s.person_id = p.person_id AND s.kind = 'benefit'",
            "payments",
            "legal_gate",
        ),
        ("FROM permits p WHERE p.valid_from > p.valid_to AND", "AND", "cannot be read"),
    ];
    for (rest, caret, hint) in cases {
        let sql = format!("SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at\n{rest}");
        let found = problems(&catalogue, dir.path(), &sql);
        let problem = found.first().unwrap_or_else(|| panic!("accepted: {rest}"));
        let shown = problem.render("queries");
        assert!(problem.line > 14, "{rest}\n{shown}");
        assert!(caret.is_empty() || underlined(problem) == caret, "{rest}\n{shown}");
        assert!(problem.hints.iter().any(|said| said.contains(hint)), "{rest}\n{shown}");
    }
}

/// What a call stands in.
const ROW: &str = "SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at
FROM permits p
WHERE ?";
const GROUP: &str = "SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.first_known_time AS alert_at
FROM permits p
GROUP BY p.person_id, p.permit_id, p.first_known_time
HAVING ?";
const WINDOW: &str = "WITH told AS (
    SELECT person_id, permit_id, first_known_time, ? OVER (PARTITION BY person_id ORDER BY valid_from, record_key) AS it
    FROM permits
)
SELECT t.person_id, t.permit_id, 'x' AS alert_key, t.first_known_time AS alert_at
FROM told t
WHERE t.it IS NOT NULL";

#[test]
fn a_call_that_does_not_fit_is_named_with_what_its_function_takes() {
    let (catalogue, dir) = (catalogue(), scratch());
    let cases = [
        (
            ROW,
            "add_months('x', 1) > p.valid_from",
            "add_months",
            "add_months(day, n) takes a day and a whole number, and is given a text and a whole number",
        ),
        (
            ROW,
            "add_months(p.valid_from) > p.valid_to",
            "add_months",
            "takes a day and a whole number, and is given a day",
        ),
        (
            ROW,
            "p.inhibited AND add_months(p.valid_from, 1) < add_months(p.valid_to, '1')",
            "add_months",
            "is given a day and a text",
        ),
        (
            ROW,
            "substr(1, 2) = 'a'",
            "substr",
            "substr(text, from, length) takes a text and a whole number, and perhaps another, and is given two whole numbers",
        ),
        (ROW, "substr(p.permit_class) = 'a'", "substr", "and is given a text"),
        (ROW, "lower(substr(p.permit_class, 'a', 2)) = 'a'", "substr", "is given two texts and a whole number"),
        (
            ROW,
            "date_part('year', 5) = 2024",
            "date_part",
            "takes a text and a day or an instant, and is given a text and a whole number",
        ),
        (ROW, "date_part(p.valid_from) = 2024", "date_part", "and is given a day"),
        (
            ROW,
            "greatest(1, DATE '2024-01-01') > p.valid_from",
            "greatest",
            "greatest(a, b, ...) takes values of one type, and is given a whole number and a day",
        ),
        (
            ROW,
            "nullif(p.valid_to, 1) IS NULL",
            "nullif",
            "two values of one type, and is given a day and a whole number",
        ),
        (ROW, "month_of(p.permit_class) = p.valid_from", "month_of", "month_of(day) takes a day, and is given a text"),
        (ROW, "starts_with(p.valid_from, '2024')", "starts_with", "takes two texts, and is given a day and a text"),
        (ROW, "array_has(p.permit_class, 'a')", "array_has", "takes a list and a value, and is given two texts"),
        (ROW, "lower() = 'a'", "lower", "lower(text) takes a text, and is given nothing"),
        (ROW, "severity_rank(1) = 1", "severity_rank", "is given a whole number"),
        (ROW, "beta_tail_bp(1, 2) > 3", "beta_tail_bp", "takes five whole numbers, and is given two whole numbers"),
        (ROW, "replace(p.permit_class, 'a') = 'a'", "replace", "takes three texts, and is given two texts"),
        (ROW, "is_state(p.floor_sek)", "is_state", "is_state(code) takes a text, and is given a whole number"),
        (
            ROW,
            "concat_ws() = 'a'",
            "concat_ws",
            "takes a text and a value, and perhaps more values, and is given nothing",
        ),
        (GROUP, "sum(p.permit_class) > 1", "sum", "sum(n) takes a number, and is given a text"),
        (GROUP, "bool_or(p.floor_sek)", "bool_or", "takes true or false, and is given a whole number"),
        (
            GROUP,
            "count(*) > 1 AND max(p.floor_sek, 2) > 1",
            "max",
            "max(x) takes a value, and is given two whole numbers",
        ),
        (GROUP, "median_low(p.permit_class) > 1", "median_low", "takes a whole number, and is given a text"),
        (
            WINDOW,
            "lag(valid_to, 'a')",
            "lag",
            "lag(x) OVER (...) takes a value, and perhaps a whole number and a value, and is given a day and a text",
        ),
        (WINDOW, "row_number(valid_to)", "row_number", "takes nothing, and is given a day"),
        (WINDOW, "nth_value(valid_to)", "nth_value", "takes a value and a whole number, and is given a day"),
        (WINDOW, "sum(permit_class)", "sum", "takes a number, and is given a text"),
    ];
    for (text, call, caret, said) in cases {
        let found = problems(&catalogue, dir.path(), &text.replace('?', call));
        let shown = found.iter().map(|problem| problem.render("queries")).collect::<Vec<_>>().join("\n");
        let [problem] = found.as_slice() else { panic!("{call}: {} problems\n{shown}", found.len()) };
        assert_eq!(underlined(problem), caret, "{shown}");
        assert!(problem.message.contains(said), "{call}\n{shown}");
        // The last such call of the text, in these cases.
        let begin = problem.text.rfind(&format!("{caret}(")).unwrap();
        assert_eq!(problem.text[..begin].chars().count() + 1, problem.column, "{shown}");
        assert!(problem.hints.iter().any(|hint| hint.contains("a call that fits")), "{shown}");
        assert!(!["Utf8", "Int64", "Date32", "coerc"].iter().any(|word| shown.contains(word)), "{shown}");
    }
}

/// A rule whose steps hand on their columns.
const HANDED_ON: &str = "WITH held AS (
    SELECT p.person_id, p.permit_id, p.valid_from, p.first_known_time, p.record
    FROM permits p
),
told AS (
    SELECT h.*, n.event_on, n.record AS told_record
    FROM held h JOIN notices n ON n.person_id = h.person_id AND n.kind = 'employment_end'
)
SELECT t.person_id, t.permit_id, t.event_on AS alert_key, t.first_known_time AS alert_at, records(t.record, t.told_record) AS records
FROM (SELECT told.* FROM told) t";

#[test]
fn steps_may_hand_on_their_columns() {
    let (catalogue, dir) = (catalogue(), scratch());
    assert_eq!(problems(&catalogue, dir.path(), HANDED_ON), []);
    let text = format!("/*\nid = \"probe\"{HEADER}*/\n{HANDED_ON}");
    let rule = RuleFile::parse("probe", &text, &BTreeMap::new()).unwrap();
    let planned = HANDED_ON
        .replace("h.*", "h.person_id, h.permit_id, h.valid_from, h.first_known_time, h.record")
        .replace(
            "told.*",
            "told.person_id, told.permit_id, told.valid_from, told.first_known_time, told.record, told.event_on, told.told_record",
        );
    assert_eq!(rule.sql, planned);
}

#[test]
fn beside_a_star_the_caret_stands_where_the_author_wrote() {
    let (catalogue, dir) = (catalogue(), scratch());
    let cases = [
        ("n.event_on,", "n.evnt_on,", 19, "n.evnt_on", "did you mean event_on?"),
        // Where the column is missing, and not where it is handed on.
        ("p.valid_from", "p.valid_fron", 15, "p.valid_fron", "did you mean valid_from or valid_to?"),
        ("h.*", "h.* EXCLUDE (valid_form)", 19, "h.* EXCLUDE (valid_form", "did you mean valid_from?"),
        ("h.*,", "h.*, h.record,", 19, "h.*", "h.* EXCLUDE (record)"),
        ("h.*,", "held.*,", 19, "held.*", "write h.*"),
        ("'employment_end'", "'employment_ent'", 20, "'employment_ent'", "did you mean employment_end"),
        ("t.event_on AS", "t.event_no AS", 22, "t.event_no", "did you mean event_on?"),
        (
            "n.person_id = h.person_id AND",
            "n.event_on > h.valid_from AND",
            20,
            "n.event_on",
            "ON b.person_id = a.person_id",
        ),
    ];
    for (from, to, line, caret, hint) in cases {
        assert!(HANDED_ON.contains(from));
        let found = problems(&catalogue, dir.path(), &HANDED_ON.replacen(from, to, 1));
        let problem = found.first().unwrap_or_else(|| panic!("accepted: {to}"));
        let shown = problem.render("queries");
        assert_eq!((problem.line, underlined(problem).as_str()), (line, caret), "{to}\n{shown}");
        assert!(problem.hints.iter().any(|said| said.contains(hint)), "{to}\n{shown}");
    }
}

/// A copy of the rules that a test may spoil.
pub fn copy_of_the_rules() -> tempfile::TempDir {
    let dir = scratch();
    for folder in ["", "views", "links"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        for entry in std::fs::read_dir(repository("queries").join(folder)).unwrap() {
            let file = entry.unwrap().path();
            if file.is_file() {
                std::fs::copy(&file, dir.path().join(folder).join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    dir
}

#[test]
fn all_problems_of_all_files_are_told() {
    let dir = copy_of_the_rules();
    let spoil = |file: &str, from: &str, to: &str| {
        let path = dir.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} says no {from}");
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    };
    spoil("work-not-started.sql", "FROM permit_spells", "FROM permit_spels");
    spoil("salary-below-floor.sql", "\nowner =", "\nownr =");
    spoil("employer-mismatch.sql", "s.month >= t.valid_from", "s.mnth >= t.valid_from");
    spoil("employer-mismatch.sql", "s.month, 1) <= t.tied_until", "s.monht, 1) <= t.tied_until");
    spoil("employer-mismatch.sql", "agi_complete(s.month)", "agi_complte(s.month)");
    spoil("payment-after-permit-end.sql", "purpose = \"payment_control\"\n", "");
    spoil(
        "permanent-permit-emigrated.sql",
        "legal_gate = \"open\"",
        "legal_gate = \"opn\"\nhorizon = { boarder = \"P2Y\" }",
    );
    spoil("identity-changed.sql", "compares_citizenship", "# compares_citizenship");
    spoil("study-not-registered.sql", "{days_waited}", "{days_waitd}");
    spoil("views/visits.sql", "PARTITION BY person_id, country, observed_on", "PARTITION BY country, observed_on");
    spoil("parameters.csv", "2015-01-01,", "2015-13-01,");
    spoil("coverage.toml", "none = \"never evaluated", "# none = \"never evaluated");
    let examined = examine(dir.path(), &BTreeMap::new(), &[]);
    let told: Vec<String> = examined.problems.iter().map(|problem| problem.render("queries")).collect();
    let told = told.join("\n");
    for wanted in [
        "work-not-started.sql",
        "did you mean permit_spells?",
        "unknown key `ownr`",
        "there is no column mnth in s",
        "there is no function agi_complte()",
        "payments.benefit of WORK_EMP, BLUE_CARD, ICT, SEASONAL, SELF_EMP and 18 others for permit_control",
        "legal_gate is \"opn\"",
        "horizon names \"boarder\"",
        "compares citizenships, which is no risk factor",
        "did you mean days_waited?",
        "window mixes persons: PARTITION BY [notice.country, notice.observed_on]",
        "\"2015-13-01\" is no date",
    ] {
        assert!(told.contains(wanted), "not told: {wanted}\n{told}");
    }
    let follows = examined
        .problems
        .iter()
        .find(|problem| problem.message.contains("view visits") && !problem.message.contains("safeguard fixed-text"));
    assert_eq!(follows, None, "what only follows from another problem is told as well");
    assert!(examined.problems.iter().all(|problem| problem.line > 0), "{told}");
}

#[test]
fn a_column_is_missing_where_it_is_named_and_not_where_it_is_handed_on() {
    let dir = copy_of_the_rules();
    let sql = HANDED_ON.replace("p.valid_from", "p.valid_fron").replace("p.record", "p.recrd");
    std::fs::write(dir.path().join("probe.sql"), format!("/*\nid = \"probe\"{HEADER}*/\n{sql}")).unwrap();
    let examined = examine(dir.path(), &BTreeMap::new(), &["probe".to_owned()]);
    let told: Vec<String> = examined.problems.iter().map(|problem| problem.render("queries")).collect();
    let named: Vec<&str> = examined.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(named, ["there is no column valid_fron in p", "there is no column recrd in p"], "{told:#?}");
}

#[test]
fn a_rule_that_is_looked_at_alone_is_judged_as_among_all() {
    let dir = copy_of_the_rules();
    let rule = std::fs::read_to_string(dir.path().join("study-interrupted.sql")).unwrap();
    let copied =
        rule.replace("id = \"study-interrupted\"", "id = \"copied\"").replace("[\"STUDY_HE\"]", "[\"STUDY_HI\"]");
    std::fs::write(dir.path().join("copied.sql"), copied).unwrap();
    std::fs::write(dir.path().join("open.sql"), rule.replace("*/", "")).unwrap();
    let alone = |id: &str| examine(dir.path(), &BTreeMap::new(), &[id.to_owned()]);
    let told: Vec<String> = alone("copied").problems.iter().map(|problem| problem.render("queries")).collect();
    let told = told.join("\n");
    for wanted in ["there is no permit class STUDY_HI", "number R11 is also that of study-interrupted"] {
        assert!(told.contains(wanted), "not told: {wanted}\n{told}");
    }
    assert!(alone("open").problems[0].message.contains("never closed"));
    assert!(alone("study-interrupted").problems.iter().all(|problem| problem.file == "study-interrupted.sql"));

    let shipped = repository("queries");
    let (all, one) = (catalogue(), examine(&shipped, &BTreeMap::new(), &["study-interrupted".to_owned()]));
    let wanted = all.fingerprint(all.rule("study-interrupted").unwrap());
    assert_eq!(one.fingerprints["study-interrupted"], wanted);
    assert_eq!(one.rules.unwrap().rules().len(), 1);
}

#[test]
fn what_is_shipped_holds() {
    let examined = examine(&repository("queries"), &BTreeMap::new(), &[]);
    let told: Vec<String> = examined.problems.iter().map(|problem| problem.render("queries")).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    assert!(examined.rules.is_some());
}

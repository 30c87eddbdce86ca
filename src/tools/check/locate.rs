//! Turns errors of the catalogue and of planning into problems with a place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use datafusion::common::{Location, SchemaError, Span};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::Volatility;

use crate::catalogue::file::FileError;
use crate::catalogue::links::LinkError;
use crate::catalogue::parse::calls;
use crate::catalogue::reads::direct;
use crate::catalogue::refused::{Highlight, Refused};
use crate::catalogue::rewritten::byte_at;
use crate::catalogue::spelling::{did_you_mean, nearest};
use crate::catalogue::{Catalogue, CatalogueError, text_of};
use crate::model::schema::TableId;
use crate::rules::plan::PlanError;
use crate::sql::session::session;
use crate::tools::check::diagnostic::{Problem, Source};

/// Finds the places of errors in the files of a directory.
pub struct Locator<'a> {
    dir: &'a Path,
    values: BTreeMap<String, BTreeMap<String, i64>>,
    /// Tables and views that a rule may read.
    tables: BTreeSet<String>,
    /// Functions that a rule may call.
    functions: BTreeSet<String>,
}

impl<'a> Locator<'a> {
    pub fn new(dir: &'a Path, catalogue: Option<&Catalogue>) -> Locator<'a> {
        let mut tables: BTreeSet<String> =
            ["months", "days", "parameters", "indications", "rule_rows"].map(str::to_owned).into();
        for table in TableId::ALL {
            tables.insert(table.name().to_owned());
            tables.insert(format!("{}_history", table.name()));
        }
        for folder in ["views", "links"] {
            let files = std::fs::read_dir(dir.join(folder)).into_iter().flatten().flatten();
            let stems = files.filter_map(|file| Some(file.path().file_stem()?.to_string_lossy().into_owned()));
            tables.extend(stems);
        }
        let mut functions = BTreeSet::new();
        if let Ok(context) = session() {
            let state = context.state();
            functions.extend(state.scalar_functions().keys().cloned());
            functions.extend(state.aggregate_functions().keys().cloned());
            functions.extend(state.window_functions().keys().cloned());
        }
        let rules = catalogue.into_iter().flat_map(|catalogue| &catalogue.rules);
        let values = rules.map(|rule| (rule.header.id.clone(), rule.values.clone())).collect();
        Locator { dir, values, tables, functions }
    }

    fn source(&self, what: &str, name: &str) -> Source {
        let file = if what == "rule" { format!("{name}.sql") } else { format!("{what}s/{name}.sql") };
        let text = text_of(&self.dir.join(&file)).unwrap_or_default();
        let none = BTreeMap::new();
        let values = if what == "rule" { self.values.get(name).unwrap_or(&none) } else { &none };
        Source::sql(&file, &text, values)
    }

    pub fn of_catalogue(&self, error: &CatalogueError) -> Problem {
        match error {
            CatalogueError::Rule(error) => self.of_file(error),
            CatalogueError::Refused(refused) => self.of_refused(refused),
            CatalogueError::Threshold { line, message, .. } => {
                let text = text_of(&self.dir.join("parameters.csv")).unwrap_or_default();
                let start = byte_at(&text, *line, 1);
                let length = text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
                let hint = "name,valid_from,valid_to,value,source; valid_to is exclusive, empty while it is in force";
                Source::plain("parameters.csv", &text).at(start, start + length, message).hint(hint)
            }
            CatalogueError::Toml { file, source } => self.of_toml(file, source),
            CatalogueError::ViewHeader { file, problem } => {
                Problem::of_file(file, *problem).hint("say in /* ... */ at the top what one row is")
            }
            CatalogueError::ViewName { file, name } => {
                Problem::of_file(file, format!("{name} is a table of the batch query")).hint("call the view otherwise")
            }
            CatalogueError::Link(error) => self.of_link(error),
            CatalogueError::Uses { what, used, why } => {
                let (kind, name) = what.split_once(" \"").unwrap_or(("rule", what));
                let hint = "`uses` names rules by their ids";
                self.source(kind, name.trim_end_matches('"'))
                    .at_header_words(&format!("\"{used}\""), format!("it uses \"{used}\", {why}"))
                    .hint(hint)
            }
            CatalogueError::Number { file, number, other } => self
                .source("rule", file.trim_end_matches(".sql"))
                .at_header_words(&format!("\"{number}\""), format!("number {number} is also that of {other}"))
                .hint("take the next free one of RULES.md"),
            CatalogueError::Read { file, source } if Path::new(file) == self.dir => {
                let message = match source.kind() {
                    std::io::ErrorKind::NotFound => "the directory with the rules is not there".to_owned(),
                    _ => format!("the directory with the rules cannot be read: {source}"),
                };
                Problem::of_file("", message).hint("--rules DIR names another")
            }
            CatalogueError::Unread { file, why } => {
                Problem::of_file(&within(self.dir, file), "it looks like a rule, view or link, but is not read")
                    .hint(*why)
            }
            CatalogueError::Read { file, source } => Problem::of_file(&within(self.dir, file), source.to_string()),
            CatalogueError::Unset { .. }
            | CatalogueError::UnknownRule { .. }
            | CatalogueError::NoRule { .. }
            | CatalogueError::UnknownDisabled { .. }
            | CatalogueError::Approvals { .. }
            | CatalogueError::Unapproved { .. }
            | CatalogueError::Empty { .. } => Problem::of_file("", error.to_string()),
        }
    }

    /// A problem in a file of the directory that consists of TOML only.
    pub fn of_toml(&self, file: &str, error: &toml::de::Error) -> Problem {
        let text = text_of(&self.dir.join(file)).unwrap_or_default();
        let span = error.span().unwrap_or_default();
        Source::plain(file, &text)
            .at(span.start, span.end, toml_message(error.message()))
            .hint(toml_hint(error.message()))
    }

    fn of_link(&self, error: &LinkError) -> Problem {
        let source = |file: &str| self.source("link", file.trim_start_matches("links/").trim_end_matches(".sql"));
        match error {
            LinkError::NoHeader { file, problem } => source(file).at(0, 1, *problem),
            LinkError::Header { file, source: error } => {
                let span = error.span().unwrap_or_default();
                let message = toml_message(error.message());
                source(file).in_header(span.start, span.end, message).hint(toml_hint(error.message()))
            }
            LinkError::Table { file, known } => source(file)
                .at(0, 1, "the file is named after no table that links fill")
                .hint(format!("these are {known}")),
            LinkError::Needs { file, needs } => {
                let words = format!("\"{needs}\"");
                source(file).at_header_words(&words, format!("needs {words}, which is no table of persons"))
            }
            LinkError::From { file, from } => source(file)
                .at_header_words(
                    &format!("\"{from}\""),
                    "rows can wait for an instant of what rules found, and for nothing else",
                )
                .hint("a column of type timestamp that is never null, in a link that `uses` rules"),
        }
    }

    fn of_file(&self, error: &FileError) -> Problem {
        let source = |file: &str| self.source("rule", file.trim_end_matches(".sql"));
        match error {
            FileError::NoHeader { file, problem } => source(file)
                .at(0, 1, *problem)
                .hint("put TOML into a comment /* ... */ at the top: queries/README.md shows one"),
            FileError::Header { file, source: error } => {
                let span = error.span().unwrap_or_default();
                source(file)
                    .in_header(span.start, span.end, toml_message(error.message()))
                    .hint(toml_hint(error.message()))
            }
            FileError::Name { file, id } => source(file)
                .at_header_words("id", format!("the id is \"{id}\"; the file must be named after it"))
                .hint(format!("name the file {id}.sql, or say id = \"{}\"", file.trim_end_matches(".sql"))),
            FileError::UnknownParam { file, param, declared } => {
                let near = did_you_mean(&nearest(param, declared.split(", ")));
                source(file)
                    .at_unknown_param(param, format!("${param} is used but not declared"))
                    .hint(near)
                    .hint(format!("declared are {declared}; add [params.{param}] with default, doc and source"))
            }
            FileError::UnusedParam { file, param } => source(file)
                .at_header_words(&format!("params.{param}"), format!("parameter {param} is declared but never used"))
                .hint(format!("say ${param} in the SQL, or leave it out")),
            FileError::NoSuchParam { file, param, declared } => source(file)
                .at(0, 2, format!("cannot set {param}: there is no such parameter"))
                .hint(format!("it has {declared}")),
            FileError::OutOfRange { file, param, value, least, most } => source(file)
                .at_header_words(&format!("params.{param}"), format!("parameter {param} cannot be {value}"))
                .hint(format!("it may be {least} to {most}; min and max in its header say otherwise")),
            FileError::NoRange { file, param, least, most } => source(file)
                .at_header_words(&format!("params.{param}"), format!("parameter {param} may have no value"))
                .hint(format!("its min is {least}, its max {most}")),
            FileError::Value { file, key, value, known } => {
                let words = format!("\"{value}\"");
                source(file).at_header_words(&words, format!("{key} is {words}")).hint(format!("known are {known}"))
            }
            FileError::Since { file, value } => source(file)
                .at_header_words("stage_since", format!("stage_since is {value}, which is no date"))
                .hint("write stage_since = YYYY-MM-DD"),
            FileError::NoSince { file, stage } => {
                let words = format!("\"{stage}\"");
                source(file)
                    .at_header_words(&words, format!("stage is {words}, and nothing says since when"))
                    .hint("add stage_since = YYYY-MM-DD")
            }
            FileError::Cadence { file } => source(file)
                .at_header_words(
                    "cadence",
                    "cadence needs a key: what is known about a person is looked at as it comes",
                )
                .hint("leave it out, or say key = \"employer_id\" if the rule is about employers"),
            FileError::Horizon { file, table, message } => source(file)
                .at_header_words(table, message.clone())
                .hint("horizon = { border = \"P24M\" }: how far back an open-ended permit needs a table"),
        }
    }

    fn of_refused(&self, refused: &Refused) -> Problem {
        match refused.what {
            "gateways" | "frame" | "words" => {
                let text = text_of(&self.dir.join(&refused.name)).unwrap_or_default();
                let words = refused.place.as_ref().err().map_or("", String::as_str);
                // The entry that was written last is the one that is new, more often than not.
                let at = text.rfind(words).unwrap_or(0);
                let source = Source::plain(&refused.name, &text);
                return source.at(at, at + words.len(), refused.message.clone()).hint(refused.hint.clone());
            }
            "exception" => return Problem::of_file("", refused.message.clone()).hint(refused.hint.clone()),
            _ => {}
        }
        let source = self.source(refused.what, &refused.name);
        let problem = match &refused.place {
            Ok(place) => source.place(place, refused.message.clone()),
            Err(words) => source.at_header_words(words, refused.message.clone()),
        };
        problem.hint(refused.hint.clone())
    }

    pub fn of_plan(&self, error: &PlanError) -> Vec<Problem> {
        match error {
            PlanError::Check { what, name, source: error } => {
                let source = self.source(what, name);
                let problem = |finding: &crate::proofs::refusal::Finding| {
                    source.place(&finding.place, finding.refusal.to_string()).hint(finding.refusal.hint())
                };
                error.0.iter().map(problem).collect()
            }
            PlanError::Sql { what, name, source: error } => {
                let source = self.source(what, name);
                let mut problems = Vec::new();
                self.of_names(&source, &mut problems);
                let mut first = Vec::new();
                self.of_sql(&source, error, None, &mut first);
                // What stands at a place that is told of already is the same slip.
                first.retain(|problem| problems.iter().all(|told| !told.is_where(problem)));
                problems.extend(first);
                problems
            }
            other => vec![Problem::of_file("", other.to_string())],
        }
    }

    /// Reports unknown tables and functions: planning stops at the first one.
    fn of_names(&self, source: &Source, out: &mut Vec<Problem>) {
        let Some(query) = source.parse() else { return };
        let steps = source.steps();
        for read in direct(&query) {
            if !self.tables.contains(&read.table) && !steps.contains(&read.table) {
                let place = read.span.map_or_else(|| Highlight::words(&[&read.table]), Highlight::Span);
                out.push(self.of_table(source, &read.table, &place));
            }
        }
        for (name, span) in calls(&query) {
            if !self.functions.contains(&name) {
                let place = span.map_or_else(|| Highlight::words(&[&name, "("]), Highlight::Span);
                out.push(self.of_function(source, &name, &place));
            }
        }
    }

    fn of_table(&self, source: &Source, table: &str, place: &Highlight) -> Problem {
        let steps = source.steps();
        let known = self.tables.iter().chain(&steps).map(String::as_str);
        let hint = match did_you_mean(&nearest(table, known)) {
            hint if hint.is_empty() => "queries/README.md lists the tables and views".to_owned(),
            hint => hint,
        };
        source.place(place, format!("there is no table or view {table}")).hint(hint)
    }

    fn of_sql(&self, source: &Source, error: &DataFusionError, span: Option<Span>, out: &mut Vec<Problem>) {
        let place = |words: &[&str]| span.map_or_else(|| Highlight::words(words), Highlight::Span);
        match error {
            DataFusionError::Diagnostic(diagnostic, inner) => self.of_sql(source, inner, diagnostic.span.or(span), out),
            DataFusionError::Context(_, inner) => self.of_sql(source, inner, span, out),
            DataFusionError::Shared(inner) => self.of_sql(source, inner, span, out),
            DataFusionError::Collection(errors) => {
                for error in errors {
                    self.of_sql(source, error, span, out);
                }
            }
            DataFusionError::SQL(error, _) => {
                let message = error.to_string();
                let message = message.trim_start_matches("sql parser error: ");
                let (said, at) = parser_place(message);
                let place = at.map_or(Highlight::End, Highlight::Span);
                let hint = if said.contains("Unterminated string") {
                    "the text that begins here has no ' at its end; a quote within a text is written twice, 'O''Brien'"
                } else {
                    "the SQL cannot be read from here on; is a comma, an operator or a parenthesis missing before it?"
                };
                out.push(source.place(&place, said).hint(hint));
            }
            DataFusionError::SchemaError(error, _) => out.push(self.of_schema(source, error, span)),
            other => {
                let message = other.strip_backtrace();
                let message = message.trim_start_matches("Error during planning: ");
                if let Some(function) = between(message, "table function '", "' not found") {
                    let said = format!("{function}() makes rows of its own and is not allowed in a rule");
                    let hint = "the tables months and days list what there is; queries/README.md lists the others";
                    out.push(source.place(&place(&[function, "("]), said).hint(hint));
                } else if let Some(table) = between(message, "table '", "' not found") {
                    let table = table.rsplit('.').next().unwrap_or(table);
                    out.push(self.of_table(source, table, &place(&[table])));
                } else if let Some(function) = between(message, "Invalid function '", "'") {
                    out.push(self.of_function(source, function, &place(&[function, "("])));
                } else if let Some(column) = between(message, "column \"", "\" must appear in the GROUP BY") {
                    let parts: Vec<&str> = column.split('.').collect();
                    let words: Vec<&str> = parts.iter().flat_map(|part| [".", *part]).skip(1).collect();
                    let said = format!("{column} is neither grouped by nor in an aggregate function");
                    let hint = "add it to GROUP BY, or take its min() or max()";
                    out.push(source.place(&place(&words), said).hint(hint));
                } else if message.contains("not allowed in the WHERE clause") {
                    let said =
                        "WHERE looks at one row, and cannot ask for an aggregate or a window function of several";
                    let hint = "say HAVING count(*) > 1 behind GROUP BY, or compute it in a step before: WITH counted AS (SELECT ...)";
                    out.push(source.place(&place(&["where"]), said).hint(hint));
                } else if let Some(value) = between(message, "Cannot cast string '", "'") {
                    let said = format!("'{value}' cannot be read as what it is compared with or cast to");
                    let hint = "a day is written '2026-01-31', a time '2026-01-31 12:00:00'";
                    out.push(source.place(&place(&[&format!("'{value}'")]), said).hint(hint));
                } else {
                    out.push(source.place(&self.guess(source, message, span), first_line(message)));
                }
            }
        }
    }

    /// A place for a message that has none: the first column that it quotes.
    fn guess(&self, source: &Source, message: &str, span: Option<Span>) -> Highlight {
        if let Some(span) = span {
            return Highlight::Span(span);
        }
        let words = message.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
        let mut named = words.filter(|word| word.len() > 2 && !self.functions.contains(*word));
        let found = named.find_map(|word| {
            let parts: Vec<&str> = word.split('.').collect();
            let mut tokens: Vec<String> = Vec::new();
            for part in parts.iter().filter(|part| !part.is_empty()) {
                if !tokens.is_empty() {
                    tokens.push(".".to_owned());
                }
                tokens.push(part.to_lowercase());
            }
            let is_name = word.contains('.') || word.contains('_');
            (is_name && source.says(&tokens)).then_some(tokens)
        });
        found.map_or(Highlight::Output(None), Highlight::Words)
    }

    fn of_schema(&self, source: &Source, error: &SchemaError, span: Option<Span>) -> Problem {
        match error {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let owner = field.relation.as_ref().map(|relation| relation.table().to_owned());
                let span = field.spans.first().or(span);
                let tokens: Vec<&str> = match &owner {
                    Some(owner) => vec![owner.as_str(), ".", field.name.as_str()],
                    None => vec![field.name.as_str()],
                };
                let place = span.map_or_else(|| Highlight::words(&tokens), Highlight::Span);
                let of_owner = |column: &&datafusion::common::Column| {
                    owner.is_none() || column.relation.as_ref().map(|relation| relation.table()) == owner.as_deref()
                };
                let names: Vec<&str> =
                    valid_fields.iter().filter(of_owner).map(|column| column.name.as_str()).collect();
                let shown = owner.as_ref().map_or(String::new(), |owner| format!(" in {owner}"));
                let message = format!("there is no column {}{shown}", field.name);
                let near = nearest(&field.name, names.iter().copied());
                let hint = if !near.is_empty() {
                    did_you_mean(&near)
                } else if names.is_empty() {
                    owner.map_or(String::new(), |owner| format!("nothing here is called {owner}"))
                } else {
                    let mut names = names;
                    names.sort_unstable();
                    names.dedup();
                    format!("columns here are {}", names.join(", "))
                };
                source.place(&place, message).hint(hint)
            }
            SchemaError::AmbiguousReference { field } => {
                let name = field.name.as_str();
                let place = field.spans.first().or(span).map_or_else(|| Highlight::words(&[name]), Highlight::Span);
                source.place(&place, format!("column {name} is in several tables")).hint(format!("say whose: p.{name}"))
            }
            other => {
                source.place(&span.map_or(Highlight::Output(None), Highlight::Span), first_line(&other.to_string()))
            }
        }
    }

    fn of_function(&self, source: &Source, name: &str, place: &Highlight) -> Problem {
        let problem = |message: String| source.place(place, message);
        let scalars = SessionStateDefaults::default_scalar_functions();
        let scalar = scalars
            .iter()
            .find(|function| function.name() == name || function.aliases().iter().any(|alias| alias == name));
        let known = scalar.is_some()
            || SessionStateDefaults::default_aggregate_functions().iter().any(|function| function.name() == name)
            || SessionStateDefaults::default_window_functions().iter().any(|function| function.name() == name);
        let near = match did_you_mean(&nearest(name, self.functions.iter().map(String::as_str))) {
            _ if let Some((_, instead)) = ELSEWHERE.iter().find(|(names, _)| names.contains(&name)) => {
                (*instead).to_owned()
            }
            none if none.is_empty() => "queries/FUNCTIONS.md lists the functions".to_owned(),
            near => near,
        };
        match scalar.map(|function| function.signature().volatility) {
            Some(Volatility::Stable) => problem(format!("{name}() reads a clock and is not allowed in a rule"))
                .hint("a rule has no clock: give the row its alert_at, and the engine waits for it"),
            Some(Volatility::Volatile) => problem(format!("{name}() draws lots and is not allowed in a rule"))
                .hint("the same records must always give the same alerts"),
            _ if known => problem(format!("{name}() is not among the functions that a rule may call")).hint(near),
            _ => problem(format!("there is no function {name}()")).hint(near),
        }
    }
}

/// Functions of other databases, and what says the same here.
const ELSEWHERE: [(&[&str], &str); 7] = [
    (&["nvl", "ifnull", "nvl2"], "say coalesce(x, 0): nvl makes fractions and texts of whole numbers and days"),
    (&["isnull"], "say x IS NULL, or coalesce(x, 0) for another value in its place"),
    (&["datediff", "date_diff", "days_between", "age"], "subtract two days: valid_to - valid_from"),
    (&["dateadd", "date_add", "date_sub"], "say day + 30, or add_months(day, 1)"),
    (
        &["getdate", "sysdate", "curdate", "today"],
        "a rule has no clock: give the row its alert_at, and the engine waits for it",
    ),
    (&["year", "month", "day"], "say date_part('year', x), or month_of(x) for the first day of its month"),
    (&["if", "iif", "decode"], "say CASE WHEN b THEN x ELSE y END"),
];

/// Splits "... at Line: 3, Column: 5" into words and place.
fn parser_place(message: &str) -> (String, Option<Span>) {
    let said = |text: &str| text.trim_start_matches("ParserError(\"").trim_end_matches("\")").to_owned();
    let Some((words, rest)) = message.rsplit_once(" at Line: ") else { return (said(message), None) };
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(line), Some(column)) => {
            let start = Location { line, column };
            (said(words), Some(Span { start, end: Location { line, column: column + 1 } }))
        }
        _ => (said(words), None),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// The message without its list of all possible values.
fn toml_message(message: &str) -> String {
    let line = first_line(message);
    let said =
        line.split_once(", expected one of").map(|(said, _)| said.replace("field", "key").replace("variant", "word"));
    said.unwrap_or(line)
}

/// A hint for "unknown field `titel`, expected one of `id`, `number`, ...": the names that are spelled like it.
fn toml_hint(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(unknown) = quoted.next().filter(|_| message.starts_with("unknown")) else { return String::new() };
    let known: Vec<&str> = quoted.collect();
    let near = did_you_mean(&nearest(unknown, known.iter().copied()));
    if near.is_empty() { format!("known are {}", known.join(", ")) } else { near }
}

fn within(dir: &Path, file: &str) -> String {
    let relative = Path::new(file).strip_prefix(dir).ok().map(|path| path.display().to_string());
    relative.filter(|path| !path.is_empty()).unwrap_or_else(|| file.to_owned())
}

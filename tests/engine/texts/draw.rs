//! Draws a rule's text: steps that read tables, views and one another, and a last SELECT that reads the steps.

use std::collections::BTreeMap;

use permitwatch::decode::{Codes, codes_of, is_country_column};
use permitwatch::model::schema::{ColumnType, TableId};
use permitwatch::proofs::lawful::value::sort_of;

use super::forms::{
    AGGREGATES, DAYS, DIVISORS, FIELDS, FRAMES, Form, INSTANTS, INTERVALS, NUMBERS, PATTERNS, SCALARS, TEXTS, Ty,
    UNITS, WINDOWS,
};
use super::select::{Join, Node, Select, Text, Within};
use crate::drive::Dice;

/// Clauses that are counted: each is looked for in the text.
pub const CLAUSES: &[&str] = &[
    "WITH ",
    "\nJOIN ",
    "LEFT JOIN ",
    "CROSS JOIN ",
    "(VALUES ",
    "SELECT DISTINCT",
    "UNION ALL",
    "UNION\n",
    "GROUP BY",
    "HAVING",
    " NOT EXISTS (",
    " EXISTS (",
    " IN (SELECT ",
    "_history ",
    "JOIN months ",
    "JOIN days ",
    "JOIN parameters ",
    "JOIN employers ",
    "JOIN employer_months ",
    "JOIN institutions ",
    "permit_spells ",
    "salaries ",
    " AS due_at",
    " AS cleared_at",
    " AS cleared_reason",
    " AS anchor_at",
    " AS severity",
    " AS records",
    " NULLS FIRST",
    " DESC",
    "$wait_days",
    "$least_pct",
];

/// Macros of `queries/duckdb.sql` that name their arguments often.
const MACROS: [&str; 4] = ["same_state(", "has_citizenship(", "citizenship_change(", "name_agreement("];

/// Views that drawn texts read.
pub const VIEWS: [&str; 3] = ["whole_permits", "permit_spells", "salaries"];

#[derive(Clone, Debug)]
struct Column {
    sql: String,
    ty: Ty,
    codes: Option<Codes>,
}

/// What may be named at a place.
#[derive(Clone, Debug, Default)]
struct Scope {
    columns: Vec<Column>,
    person: String,
    permits: Vec<String>,
    /// Columns that tell a person's rows apart.
    keys: Vec<String>,
    records: Vec<String>,
    /// When a row's facts were first known.
    known: Vec<String>,
    /// Columns that name a row of a reference table, with its kind.
    references: Vec<(String, ColumnType)>,
}

/// What a view has: columns with their types, keys, records, when it is known, permits.
type ViewColumns =
    (&'static [(&'static str, Ty)], &'static [&'static str], &'static str, &'static str, &'static [&'static str]);

impl Scope {
    fn under(&self, alias: &str) -> Scope {
        let named = |name: &String| format!("{alias}.{name}");
        let all = |names: &[String]| names.iter().map(named).collect();
        Scope {
            columns: self.columns.iter().map(|column| Column { sql: named(&column.sql), ..column.clone() }).collect(),
            person: named(&self.person),
            permits: all(&self.permits),
            keys: all(&self.keys),
            records: all(&self.records),
            known: all(&self.known),
            references: self.references.iter().map(|(name, ty)| (named(name), *ty)).collect(),
        }
    }

    fn and(&mut self, other: &Scope) {
        self.columns.extend(other.columns.iter().cloned());
        self.permits.extend(other.permits.iter().cloned());
        self.keys.extend(other.keys.iter().cloned());
        self.records.extend(other.records.iter().cloned());
        self.known.extend(other.known.iter().cloned());
        self.references.extend(other.references.iter().cloned());
    }

    fn of(&self, ty: Ty) -> Vec<&Column> {
        self.columns.iter().filter(|column| column.ty == ty).collect()
    }

    fn of_table(table: TableId, history: bool) -> Scope {
        let mut scope =
            Scope { person: "person_id".to_owned(), keys: vec!["record_key".to_owned()], ..Scope::default() };
        if history {
            scope.keys.push("version".to_owned());
        }
        for (name, ty) in table.def().rule_columns(history) {
            let owned = name.to_owned();
            match ty {
                ColumnType::Person | ColumnType::RecordKey => {}
                ColumnType::Record => scope.records.push(owned.clone()),
                ColumnType::Permit => scope.permits.push(owned.clone()),
                ColumnType::Employer | ColumnType::Institution => scope.references.push((owned.clone(), ty)),
                _ => {}
            }
            if name == "first_known_time" {
                scope.known.push(owned.clone());
            }
            let kind = match ty {
                _ if sort_of(table, name, ty).is_some_and(|sort| sort.safeguard().is_some())
                    || is_country_column(name) && ty != ColumnType::CodeList =>
                {
                    continue;
                }
                ColumnType::Record | ColumnType::RecordKey | ColumnType::OtherPerson => continue,
                ColumnType::Person | ColumnType::Permit | ColumnType::Employer | ColumnType::Institution => Ty::Id,
                ColumnType::Code => Ty::Text,
                ColumnType::CodeList => Ty::List,
                ColumnType::Date | ColumnType::Month => Ty::Day,
                ColumnType::Timestamp => Ty::Instant,
                ColumnType::Int | ColumnType::Sek => Ty::Whole,
                ColumnType::Bool => Ty::Truth,
                ColumnType::PersonNumber | ColumnType::Hash | ColumnType::Text => continue,
            };
            // The envelope's are alike in all tables.
            if ["version", "schema_ver", "secrecy_class", "source", "purpose", "known_time", "known_from"]
                .contains(&name)
            {
                continue;
            }
            let codes = if name == "op" { None } else { codes_of(table, name) };
            scope.columns.push(Column { sql: owned, ty: kind, codes });
        }
        scope
    }

    fn of_view(name: &str) -> Scope {
        let (columns, keys, records, known, permits): ViewColumns = match name {
            "whole_permits" => (
                &[
                    ("permit_class", Ty::Text),
                    ("valid_from", Ty::Day),
                    ("valid_to", Ty::Day),
                    ("decided_on", Ty::Day),
                    ("annulled", Ty::Truth),
                    ("first_grant", Ty::Truth),
                    ("floor_sek", Ty::Whole),
                    ("first_known_time", Ty::Instant),
                ],
                &["permit_id"],
                "record",
                "first_known_time",
                &["permit_id"],
            ),
            "permit_spells" => (
                &[
                    ("permit_class", Ty::Text),
                    ("valid_from", Ty::Day),
                    ("valid_to", Ty::Day),
                    ("held_until", Ty::Day),
                    ("carries_until", Ty::Day),
                    ("beside", Ty::Truth),
                    ("continued", Ty::Truth),
                    ("floor_sek", Ty::Whole),
                    ("first_known_time", Ty::Instant),
                ],
                &["permit_id"],
                "record",
                "first_known_time",
                &["permit_id"],
            ),
            _ => (
                &[("month", Ty::Day), ("gross_sek", Ty::Whole), ("employer_id", Ty::Id), ("known_at", Ty::Instant)],
                &["month", "employer_id"],
                "first_record",
                "known_at",
                &[],
            ),
        };
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let codes = |name: &str| if name == "permit_class" { codes_of(TableId::Permits, name) } else { None };
        Scope {
            columns: columns
                .iter()
                .map(|(name, ty)| Column { sql: (*name).to_owned(), ty: *ty, codes: codes(name) })
                .collect(),
            person: "person_id".to_owned(),
            permits: owned(permits),
            keys: owned(keys),
            records: owned(&[records]),
            known: owned(&[known]),
            references: Vec::new(),
        }
    }
}

/// Where an expression stands.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// Over the rows of the scope.
    Rows,
    /// The same, and over other rows.
    Windows,
    /// Over groups of the rows of this scope.
    Groups(&'a Scope),
}

/// Tables of persons that texts begin with.
const TABLES: [TableId; 11] = [
    TableId::Permits,
    TableId::PermitEmployers,
    TableId::Applications,
    TableId::Statuses,
    TableId::Population,
    TableId::Border,
    TableId::Payments,
    TableId::ExcusedMonths,
    TableId::Studies,
    TableId::Notices,
    TableId::Documents,
];

pub struct Drawer {
    pub dice: Dice,
    /// How often each form has been drawn: rare ones are preferred.
    drawn: BTreeMap<&'static str, usize>,
    steps: Vec<(String, Scope)>,
    aliases: usize,
}

impl Drawer {
    pub fn new(seed: u64) -> Drawer {
        Drawer { dice: Dice(seed), drawn: BTreeMap::new(), steps: Vec::new(), aliases: 0 }
    }

    pub fn text(&mut self) -> Text {
        self.steps.clear();
        self.aliases = 0;
        let mut steps = Vec::new();
        for number in 0..self.dice.below(4) {
            let name = format!("s{number}");
            let (select, scope) = match self.dice.below(10) {
                0..=4 => self.plain_step(),
                5..=7 => self.grouped_step(),
                8 => self.union_step(),
                _ => self.distinct_step(),
            };
            steps.push((name.clone(), select));
            self.steps.push((name, scope));
        }
        Text { steps, last: self.last() }
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.dice.below(of) == 0
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("r{}", self.aliases)
    }

    // Expressions.

    fn expr(&mut self, ty: Ty, depth: usize, scope: &Scope, place: Place<'_>) -> Node {
        if depth == 0 || self.one_in(4) {
            return self.leaf(ty, depth, scope, place);
        }
        let form = match place {
            Place::Windows if self.dice.below(5) < 2 => self.form(WINDOWS, ty).or_else(|| self.form(SCALARS, ty)),
            Place::Groups(_) if self.dice.below(2) == 0 => self.form(AGGREGATES, ty).or_else(|| self.form(SCALARS, ty)),
            _ => self.form(SCALARS, ty),
        };
        match form {
            Some(form) => self.fill(form, depth, scope, place),
            None => self.leaf(ty, depth, scope, place),
        }
    }

    /// Of three forms, the one that was drawn least often.
    fn form(&mut self, of: &'static [Form], ty: Ty) -> Option<Form> {
        let fitting: Vec<&Form> = of.iter().filter(|form| form.0 == ty).collect();
        let drawn: Vec<&Form> = (0..3).filter_map(|_| fitting.get(self.dice.below(fitting.len())).copied()).collect();
        let form = *drawn.into_iter().min_by_key(|form| self.drawn.get(form.1).copied().unwrap_or(0))?;
        *self.drawn.entry(form.1).or_default() += 1;
        Some(form)
    }

    fn fill(&mut self, form: Form, depth: usize, scope: &Scope, place: Place<'_>) -> Node {
        // DuckDB writes out the argument of a macro wherever the macro names it, and takes minutes for one of these within another.
        let depth = if MACROS.iter().any(|name| form.1.starts_with(name)) { 1 } else { depth };
        let is_window = WINDOWS.contains(&form);
        let (scope, place) = match place {
            Place::Groups(inner) if AGGREGATES.contains(&form) => (inner, Place::Rows),
            Place::Windows if is_window => (scope, Place::Rows),
            place => (scope, place),
        };
        let mut parts = Vec::new();
        let mut rest = form.1;
        while let Some((_, after)) = rest.split_once('{') {
            let hole = after.chars().next().unwrap_or(' ');
            rest = after.split_once('}').map_or("", |(_, after)| after);
            parts.push(match Ty::of_hole(hole) {
                Some(ty) => self.expr(ty, depth - 1, scope, place),
                None => self.part(hole, scope),
            });
        }
        Node::Of(form, parts)
    }

    fn part(&mut self, hole: char, scope: &Scope) -> Node {
        let dice = &mut self.dice;
        match hole {
            '#' => Node::Leaf(Ty::Whole, dice.pick(NUMBERS).to_string()),
            '%' => Node::Part(dice.pick(DIVISORS).to_string()),
            '\'' => Node::Part(dice.pick(TEXTS).to_string()),
            'p' => Node::Part(dice.pick(PATTERNS).to_string()),
            'D' => Node::Part(dice.pick(DAYS).to_string()),
            'M' => Node::Part(dice.pick(INSTANTS).to_string()),
            'I' => Node::Part(dice.pick(INTERVALS).to_string()),
            'f' => Node::Part(dice.pick(FIELDS).to_string()),
            'u' => Node::Part(dice.pick(UNITS).to_string()),
            'o' => Node::Part(self.order(scope)),
            'w' | 'x' => {
                let frames: Vec<&str> = FRAMES
                    .iter()
                    .copied()
                    .filter(|frame| hole == 'w' || frame.contains("UNBOUNDED PRECEDING"))
                    .collect();
                Node::Part(format!(
                    "{} ORDER BY {} {}",
                    self.partition(scope),
                    self.order(scope),
                    self.dice.pick(&frames)
                ))
            }
            'v' => Node::Part(format!("{} ORDER BY {}", self.partition(scope), self.order(scope))),
            _ => Node::Part(self.partition(scope)),
        }
    }

    fn partition(&mut self, scope: &Scope) -> String {
        let more: Vec<&Column> =
            scope.columns.iter().filter(|column| matches!(column.ty, Ty::Text | Ty::Id | Ty::Truth)).collect();
        match more.get(self.dice.below(more.len() * 2)) {
            Some(column) => format!("PARTITION BY {}, {}", scope.person, column.sql),
            None => format!("PARTITION BY {}", scope.person),
        }
    }

    fn order(&mut self, scope: &Scope) -> String {
        let first: Vec<&Column> =
            scope.columns.iter().filter(|column| !matches!(column.ty, Ty::List | Ty::Truth)).collect();
        let mut by = Vec::new();
        for _ in 0..self.dice.below(3) {
            let Some(column) = first.get(self.dice.below(first.len())) else { continue };
            by.push(format!(
                "{}{}",
                column.sql,
                self.dice.pick(&["", "", " DESC", " NULLS FIRST", " DESC NULLS LAST"])
            ));
        }
        by.extend(scope.keys.iter().cloned());
        if by.is_empty() { scope.person.clone() } else { by.join(", ") }
    }

    fn leaf(&mut self, ty: Ty, depth: usize, scope: &Scope, place: Place<'_>) -> Node {
        if let Place::Groups(_) = place
            && self.dice.below(3) > 0
            && let Some(form) = self.form(AGGREGATES, ty)
        {
            return self.fill(form, depth.max(1), scope, place);
        }
        let columns = scope.of(ty);
        if !columns.is_empty() && self.dice.below(8) > 0 {
            let column = (*self.dice.pick(&columns)).clone();
            if ty == Ty::Text && column.codes.is_some() && self.dice.below(5) > 0 {
                let template = *self.dice.pick(&["lower({t})", "concat({t}, {t})", "upper({t})"]);
                let Some(form) = SCALARS.iter().find(|form| form.1 == template) else { unreachable!() };
                let part = Node::Leaf(Ty::Text, column.sql.clone());
                let parts = vec![part; template.matches('{').count()];
                return Node::Of(*form, parts);
            }
            return Node::Leaf(ty, column.sql);
        }
        if ty == Ty::Truth {
            return self.test_of_code(scope).unwrap_or_else(|| Node::Leaf(ty, "(1 = 1)".to_owned()));
        }
        let literal = match ty {
            Ty::Whole if self.one_in(6) => "$wait_days".to_owned(),
            Ty::Whole if self.one_in(6) => "$least_pct".to_owned(),
            Ty::Whole if self.one_in(9) => "CAST(NULL AS BIGINT)".to_owned(),
            Ty::Whole => self.dice.pick(NUMBERS).to_string(),
            Ty::Decimal => self.dice.pick(&["1.5", "0.25", "(-3.10)", "2.0"]).to_string(),
            Ty::Text if self.one_in(9) => "CAST(NULL AS VARCHAR)".to_owned(),
            Ty::Text => self.dice.pick(TEXTS).to_string(),
            Ty::Day if self.one_in(9) => "CAST(NULL AS DATE)".to_owned(),
            Ty::Day => self.dice.pick(DAYS).to_string(),
            Ty::Instant if self.one_in(9) => "CAST(NULL AS TIMESTAMP)".to_owned(),
            Ty::Instant => self.dice.pick(INSTANTS).to_string(),
            Ty::Truth | Ty::List | Ty::Id => ty.least().to_owned(),
        };
        Node::Leaf(ty, literal)
    }

    /// A column with a list of codes compared with some of them.
    fn test_of_code(&mut self, scope: &Scope) -> Option<Node> {
        let coded: Vec<&Column> = scope.columns.iter().filter(|column| column.codes.is_some()).collect();
        let column = *coded.get(self.dice.below(coded.len()))?;
        let codes = column.codes?;
        let mut code = || format!("'{}'", codes[self.dice.below(codes.len())].0);
        let (one, other) = (code(), code());
        let text = match self.dice.below(4) {
            0 => format!("({} = {one})", column.sql),
            1 => format!("({} <> {one})", column.sql),
            2 => format!("({} IN ({one}, {other}))", column.sql),
            _ => format!("({} NOT IN ({one}, {other}))", column.sql),
        };
        Some(Node::Leaf(Ty::Truth, text))
    }

    fn some_type(&mut self) -> Ty {
        use Ty::{Day, Decimal, Id, Instant, Text, Truth, Whole};
        *self.dice.pick(&[Whole, Whole, Whole, Text, Text, Text, Truth, Truth, Day, Day, Instant, Decimal, Id])
    }

    // Sources.

    /// A table, view or step, under an alias.
    fn source(&mut self) -> (String, Scope) {
        let alias = self.alias();
        let (name, scope) = match self.dice.below(10) {
            0..=2 if !self.steps.is_empty() => self.dice.pick(&self.steps).clone(),
            3 => {
                let view = *self.dice.pick(&VIEWS);
                (view.to_owned(), Scope::of_view(view))
            }
            4 | 5 => {
                let table = *self.dice.pick(&TABLES);
                (format!("{}_history", table.name()), Scope::of_table(table, true))
            }
            _ => {
                let table = *self.dice.pick(&TABLES);
                (table.name().to_owned(), Scope::of_table(table, false))
            }
        };
        (format!("{name} {alias}"), scope.under(&alias))
    }

    /// Adds joins.
    fn joins(&mut self, select: &mut Select, scope: &mut Scope, most: usize) {
        for _ in 0..self.dice.below(most + 1) {
            match self.dice.below(10) {
                0..=4 => {
                    let (source, other) = self.source();
                    self.join(select, scope, source, &other);
                }
                5 => self.join_reference(select, scope),
                6 | 7 => self.join_calendar(select, scope),
                _ => self.join_values(select, scope),
            }
        }
    }

    fn join(&mut self, select: &mut Select, scope: &mut Scope, source: String, other: &Scope) {
        let tie = match (scope.permits.first(), other.permits.first()) {
            (Some(own), Some(others)) if self.one_in(3) => format!("{others} = {own}"),
            _ => format!("{} = {}", other.person, scope.person),
        };
        let mut on = vec![Node::Part(tie)];
        let mut both = scope.clone();
        both.and(other);
        if self.one_in(2) {
            on.push(self.expr(Ty::Truth, 2, &both, Place::Rows));
        }
        // Of several joins that leave rows out, none would be left.
        let kind = if self.one_in(3) { "JOIN" } else { "LEFT JOIN" };
        if kind == "LEFT JOIN" {
            // A row without a partner has no permit of that side.
            both.permits.clone_from(&scope.permits);
        }
        select.joins.push(Join { kind, source, on });
        *scope = both;
    }

    fn join_reference(&mut self, select: &mut Select, scope: &mut Scope) {
        let Some((column, ty)) = scope.references.get(self.dice.below(scope.references.len())).cloned() else { return };
        let table = match ty {
            ColumnType::Institution => TableId::Institutions,
            _ => *self.dice.pick(&[TableId::Employers, TableId::EmployerMonths]),
        };
        let key = if table == TableId::Institutions { "institution_id" } else { "employer_id" };
        let history = self.one_in(4);
        let name = if history { format!("{}_history", table.name()) } else { table.name().to_owned() };
        let alias = self.alias();
        let mut other = Scope::of_table(table, history).under(&alias);
        other.records.clear();
        let mut on = vec![Node::Part(format!("{alias}.{key} = {column}"))];
        let mut both = scope.clone();
        both.and(&other);
        if self.one_in(3) {
            on.push(self.expr(Ty::Truth, 1, &both, Place::Rows));
        }
        let kind = if self.one_in(2) { "LEFT JOIN" } else { "JOIN" };
        select.joins.push(Join { kind, source: format!("{name} {alias}"), on });
        *scope = both;
    }

    fn join_calendar(&mut self, select: &mut Select, scope: &mut Scope) {
        let days = scope.of(Ty::Day);
        let Some(column) = days.get(self.dice.below(days.len())) else { return };
        let (alias, day) = (self.alias(), column.sql.clone());
        let column = |name: &str, ty| Column { sql: format!("{alias}.{name}"), ty, codes: None };
        let (source, on, columns, keys) = match self.dice.below(3) {
            0 => (
                "months",
                format!("{alias}.month >= {day} AND {alias}.month < add_months({day}, {})", 1 + self.dice.below(5)),
                vec![column("month", Ty::Day), column("next_month", Ty::Day), column("complete_at", Ty::Instant)],
                vec![format!("{alias}.month")],
            ),
            1 => (
                "days",
                format!("{alias}.day BETWEEN {day} AND {day} + {}", self.dice.below(4)),
                vec![column("day", Ty::Day)],
                vec![format!("{alias}.day")],
            ),
            _ => (
                "parameters",
                format!(
                    "{alias}.name = 'livelihood_floor_sek' AND {day} >= {alias}.valid_from AND ({alias}.valid_to IS NULL OR {day} < {alias}.valid_to)"
                ),
                vec![column("value", Ty::Whole)],
                Vec::new(),
            ),
        };
        select.joins.push(Join { kind: "JOIN", source: format!("{source} {alias}"), on: vec![Node::Part(on)] });
        scope.columns.extend(columns);
        scope.keys.extend(keys);
    }

    fn join_values(&mut self, select: &mut Select, scope: &mut Scope) {
        let alias = self.alias();
        let (source, columns) = match self.dice.below(3) {
            0 => (
                format!("(VALUES ('weak', 0), ('strong', 1)) AS {alias}(severity, extra)"),
                [("severity", Ty::Text), ("extra", Ty::Whole)],
            ),
            1 => (
                format!("(VALUES (1, 'Åa b'), (2, NULL), (3, '12'), (4, 'a_b%'), (5, ' ')) AS {alias}(n, word)"),
                [("n", Ty::Whole), ("word", Ty::Text)],
            ),
            _ => (
                format!("(VALUES (0, DATE '2024-01-31'), (-7, DATE '2024-02-29'), (30, NULL)) AS {alias}(n, day)"),
                [("n", Ty::Whole), ("day", Ty::Day)],
            ),
        };
        scope.keys.push(format!("{alias}.{}", columns[0].0));
        scope.columns.extend(columns.map(|(name, ty)| Column { sql: format!("{alias}.{name}"), ty, codes: None }));
        select.joins.push(Join { kind: "CROSS JOIN", source, on: Vec::new() });
    }

    fn filter(&mut self, select: &mut Select, scope: &Scope) {
        for _ in 0..[0, 0, 1, 1, 2][self.dice.below(5)] {
            // One that reads no column would leave out all rows, or none.
            let drawn = (0..5).map(|_| self.expr(Ty::Truth, 2, scope, Place::Rows));
            select.filter.extend(drawn.collect::<Vec<_>>().into_iter().find(|node| node.text().contains("r")));
        }
    }

    // Steps.

    fn rows(&mut self, joins: usize) -> (Select, Scope) {
        let (from, mut scope) = self.source();
        let mut select = Select { from, ..Select::default() };
        self.joins(&mut select, &mut scope, joins);
        self.filter(&mut select, &scope);
        (select, scope)
    }

    /// The columns that later steps need: whose row it is, what tells it apart, what it rests on.
    fn handed_on(scope: &Scope, select: &mut Select, out: &mut Scope) {
        let mut hand = |name: String, ty, sql: &str| {
            select.columns.push((name.clone(), Node::Leaf(ty, sql.to_owned())));
            name
        };
        out.person = hand("person_id".to_owned(), Ty::Id, &scope.person);
        if let Some(permit) = scope.permits.first() {
            out.permits.push(hand("permit_id".to_owned(), Ty::Id, permit));
        }
        for (at, key) in scope.keys.iter().enumerate() {
            out.keys.push(hand(format!("k{at}"), Ty::Id, key));
        }
        if let Some(record) = scope.records.first() {
            out.records.push(hand("record".to_owned(), Ty::Id, record));
        }
        if let Some(known) = scope.known.first() {
            out.known.push(hand("first_known_time".to_owned(), Ty::Instant, known));
        }
    }

    fn computed(&mut self, scope: &Scope, place: Place<'_>, select: &mut Select, out: &mut Scope, depth: usize) {
        for at in 0..1 + self.dice.below(4) {
            let ty = self.some_type();
            let name = format!("c{at}");
            let node = self.expr(ty, depth, scope, place);
            let codes = match &node {
                Node::Leaf(_, sql) => {
                    scope.columns.iter().find(|column| column.sql == *sql).and_then(|column| column.codes)
                }
                _ => None,
            };
            select.columns.push((name.clone(), node));
            out.columns.push(Column { sql: name, ty, codes });
        }
    }

    fn plain_step(&mut self) -> (Select, Scope) {
        let (mut select, scope) = self.rows(2);
        let mut out = Scope::default();
        Self::handed_on(&scope, &mut select, &mut out);
        let place = if self.one_in(2) { Place::Rows } else { Place::Windows };
        self.computed(&scope, place, &mut select, &mut out, 3);
        (select, out)
    }

    fn grouped_step(&mut self) -> (Select, Scope) {
        let (mut select, scope) = self.rows(1);
        let mut group = Scope { person: scope.person.clone(), ..Scope::default() };
        let mut out = Scope { person: "person_id".to_owned(), ..Scope::default() };
        let person = Node::Leaf(Ty::Id, scope.person.clone());
        select.columns.push(("person_id".to_owned(), person.clone()));
        select.group.push(person);
        if let Some(permit) = scope.permits.first()
            && self.one_in(2)
        {
            let permit = Node::Leaf(Ty::Id, permit.clone());
            select.columns.push(("permit_id".to_owned(), permit.clone()));
            select.group.push(permit);
            out.permits.push("permit_id".to_owned());
            out.keys.push("permit_id".to_owned());
        }
        for at in 0..self.dice.below(3) {
            let ty = *self.dice.pick(&[Ty::Day, Ty::Text, Ty::Whole, Ty::Truth, Ty::Id]);
            let by = self.grouping(ty, &scope);
            let name = format!("g{at}");
            group.columns.push(Column { sql: by.text(), ty, codes: None });
            out.columns.push(Column { sql: name.clone(), ty, codes: None });
            out.keys.push(name.clone());
            select.columns.push((name, by.clone()));
            select.group.push(by);
        }
        if let Some(known) = scope.known.first() {
            select.columns.push(("first_known_time".to_owned(), Node::Leaf(Ty::Instant, format!("max({known})"))));
            out.known.push("first_known_time".to_owned());
        }
        if let Some(record) = scope.records.first() {
            select.columns.push(("record".to_owned(), Node::Leaf(Ty::Id, format!("records_of({record})"))));
            out.records.push("record".to_owned());
        }
        self.computed(&group, Place::Groups(&scope), &mut select, &mut out, 2);
        if self.one_in(3) {
            select.having.push(self.expr(Ty::Truth, 2, &group, Place::Groups(&scope)));
        }
        (select, out)
    }

    fn union_step(&mut self) -> (Select, Scope) {
        let is_all = self.dice.below(3) > 0;
        let types = [Ty::Day, self.some_type(), self.some_type()];
        let mut out = Scope { person: "person_id".to_owned(), ..Scope::default() };
        let mut branches: Vec<Select> = Vec::new();
        for branch in 0..2 + self.dice.below(2) {
            let table = *self.dice.pick(&TABLES);
            let alias = self.alias();
            let scope = Scope::of_table(table, false).under(&alias);
            let mut select = Select { from: format!("{} {alias}", table.name()), ..Select::default() };
            let mut column =
                |name: &str, ty, sql: &str| select.columns.push((name.to_owned(), Node::Leaf(ty, sql.to_owned())));
            column("person_id", Ty::Id, &scope.person);
            if is_all {
                column("k0", Ty::Id, &scope.keys[0]);
                column("k1", Ty::Text, &format!("'{}'", ["a", "b", "c"][branch]));
                column("record", Ty::Id, &scope.records[0]);
            }
            column("first_known_time", Ty::Instant, &scope.known[0]);
            for (at, ty) in types.into_iter().enumerate() {
                let node = self.expr(ty, 2, &scope, Place::Rows);
                select.columns.push((format!("c{at}"), node));
            }
            self.filter(&mut select, &scope);
            branches.push(select);
        }
        out.known.push("first_known_time".to_owned());
        out.columns.extend((0..).zip(types).map(|(at, ty)| Column { sql: format!("c{at}"), ty, codes: None }));
        if is_all {
            out.keys.extend(["k0".to_owned(), "k1".to_owned()]);
            out.records.push("record".to_owned());
        } else {
            out.keys.extend(["first_known_time", "c0", "c1", "c2"].map(str::to_owned));
        }
        let how = if is_all { "UNION ALL" } else { "UNION" };
        let mut branches = branches.into_iter();
        let mut first = branches.next().unwrap_or_default();
        first.union = branches.map(|branch| (how, branch)).collect();
        (first, out)
    }

    fn distinct_step(&mut self) -> (Select, Scope) {
        let (mut select, scope) = self.rows(1);
        select.distinct = true;
        let mut out = Scope { person: "person_id".to_owned(), ..Scope::default() };
        select.columns.push(("person_id".to_owned(), Node::Leaf(Ty::Id, scope.person.clone())));
        if let Some(known) = scope.known.first() {
            select.columns.push(("first_known_time".to_owned(), Node::Leaf(Ty::Instant, known.clone())));
            out.known.push("first_known_time".to_owned());
            out.keys.push("first_known_time".to_owned());
        }
        self.computed(&scope, Place::Rows, &mut select, &mut out, 2);
        out.keys.extend(out.columns.iter().map(|column| column.sql.clone()));
        (select, out)
    }

    // The last SELECT.

    fn last(&mut self) -> Select {
        let alias = self.alias();
        let with_permit: Vec<(String, Scope)> = self
            .steps
            .iter()
            .filter(|(_, scope)| !scope.permits.is_empty() && !scope.known.is_empty())
            .cloned()
            .collect();
        let (name, scope) = match with_permit.get(self.dice.below(with_permit.len() * 2)) {
            Some(step) => step.clone(),
            None => match self.dice.below(8) {
                0 => ("permits_history".to_owned(), Scope::of_table(TableId::Permits, true)),
                1 => ("permit_employers".to_owned(), Scope::of_table(TableId::PermitEmployers, false)),
                2 => ("permit_spells".to_owned(), Scope::of_view("permit_spells")),
                _ => ("permits".to_owned(), Scope::of_table(TableId::Permits, false)),
            },
        };
        let mut scope = scope.under(&alias);
        let mut select = Select { from: format!("{name} {alias}"), ..Select::default() };
        for (step, other) in self.steps.clone() {
            if step != name && self.dice.below(4) > 0 {
                let alias = self.alias();
                self.join(&mut select, &mut scope, format!("{step} {alias}"), &other.under(&alias));
            }
        }
        self.joins(&mut select, &mut scope, 1);
        self.filter(&mut select, &scope);
        if self.one_in(3) {
            self.within(&mut select, &scope);
        }
        if self.one_in(4) {
            self.grouped_output(&mut select, &scope);
        } else {
            self.output(&mut select, &scope);
        }
        select
    }

    fn within(&mut self, select: &mut Select, scope: &Scope) {
        let (source, other) = self.source();
        let mut both = scope.clone();
        both.and(&other);
        let mut filter = vec![Node::Part(format!("{} = {}", other.person, scope.person))];
        if self.one_in(2) {
            filter.push(self.expr(Ty::Truth, 2, &both, Place::Rows));
        }
        let (before, column) = match self.dice.below(3) {
            0 => ("EXISTS".to_owned(), "1".to_owned()),
            1 => ("NOT EXISTS".to_owned(), "1".to_owned()),
            _ => {
                let ty = *self.dice.pick(&[Ty::Day, Ty::Whole, Ty::Id]);
                let of = self.expr(ty, 1, scope, Place::Rows).text();
                (format!("{of} IN"), self.expr(ty, 0, &other, Place::Rows).text())
            }
        };
        select.within.push(Within { before, column, source, filter });
    }

    fn output(&mut self, select: &mut Select, scope: &Scope) {
        let place = if self.one_in(2) { Place::Rows } else { Place::Windows };
        let known = scope.known.first().cloned().unwrap_or_default();
        self.fixed(select, scope, place, &known);
        if self.dice.below(5) > 0 && !scope.records.is_empty() {
            let records: Vec<&str> = scope.records.iter().take(3).map(String::as_str).collect();
            select.columns.push(("records".to_owned(), Node::Leaf(Ty::Id, format!("records({})", records.join(", ")))));
        }
    }

    /// What to group by: seldom a constant, which is refused.
    fn grouping(&mut self, ty: Ty, scope: &Scope) -> Node {
        let mut by = self.expr(ty, 1, scope, Place::Rows);
        for _ in 0..4 {
            // Columns have the name of their table in front.
            if by.text().contains('.') {
                break;
            }
            by = self.expr(ty, 1, scope, Place::Rows);
        }
        by
    }

    fn grouped_output(&mut self, select: &mut Select, scope: &Scope) {
        let mut group = Scope { person: scope.person.clone(), permits: scope.permits.clone(), ..Scope::default() };
        let by = [Some(&scope.person), scope.permits.first(), scope.known.first(), scope.records.first()];
        select.group = by.into_iter().flatten().map(|sql| Node::Leaf(Ty::Id, sql.clone())).collect();
        let known = scope.known.first().cloned().unwrap_or_default();
        group.columns.push(Column { sql: known.clone(), ty: Ty::Instant, codes: None });
        if self.one_in(2) {
            let ty = *self.dice.pick(&[Ty::Day, Ty::Text, Ty::Whole]);
            let by = self.grouping(ty, scope);
            group.columns.push(Column { sql: by.text(), ty, codes: None });
            select.group.push(by);
        }
        self.fixed(select, &group, Place::Groups(scope), &known);
        if let Some(record) = scope.records.first() {
            let more = scope.records.get(1).map_or(String::new(), |record| format!(", records_of({record})"));
            select.columns.push(("records".to_owned(), Node::Leaf(Ty::Id, format!("records({record}{more})"))));
        }
    }

    /// The columns of an alert, and evidence.
    fn fixed(&mut self, select: &mut Select, scope: &Scope, place: Place<'_>, known: &str) {
        let mut columns: Vec<(&str, Node)> = Vec::new();
        columns.push(("person_id", Node::Leaf(Ty::Id, scope.person.clone())));
        columns.push(("permit_id", Node::Leaf(Ty::Id, scope.permits.first().cloned().unwrap_or_default())));
        let form = |template: &str| SCALARS.iter().find(|form| form.1 == template).copied();
        let key = match self.dice.below(6) {
            0 => Node::Leaf(Ty::Text, "'-'".to_owned()),
            1 if self.one_in(4) => self.expr(Ty::Day, 1, scope, place),
            2 => form("coalesce({t}, '-')").map_or(Node::Part(String::new()), |form| self.fill(form, 2, scope, place)),
            _ => form("coalesce({d}, {D})").map_or(Node::Part(String::new()), |form| self.fill(form, 2, scope, place)),
        };
        columns.push(("alert_key", key));
        let at = match self.dice.below(4) {
            0 => Node::Leaf(Ty::Instant, known.to_owned()),
            1 if self.one_in(2) => self.expr(Ty::Instant, 2, scope, place),
            1 => Node::Of(
                (Ty::Instant, "greatest({m}, {m})"),
                vec![Node::Leaf(Ty::Instant, known.to_owned()), self.expr(Ty::Instant, 1, scope, place)],
            ),
            _ => form("greatest({m}, {m})").map_or(Node::Part(String::new()), |form| self.fill(form, 2, scope, place)),
        };
        columns.push(("alert_at", at));
        if select.within.iter().any(|within| within.before == "NOT EXISTS") || self.one_in(3) {
            let ty = *self.dice.pick(&[Ty::Instant, Ty::Instant, Ty::Day]);
            columns.push(("due_at", self.expr(ty, 2, scope, place)));
        }
        if self.one_in(4) {
            columns.push(("cleared_at", self.expr(Ty::Instant, 2, scope, place)));
            if self.one_in(3) {
                columns.push(("cleared_reason", self.expr(Ty::Text, 1, scope, place)));
            }
        }
        if self.one_in(2) {
            columns.push(("anchor_at", self.expr(Ty::Day, 2, scope, place)));
        }
        if self.one_in(3) {
            let tier = scope.columns.iter().find(|column| column.sql.ends_with(".severity"));
            let severity = match (self.dice.below(4), tier) {
                (0, Some(tier)) => Node::Leaf(Ty::Text, tier.sql.clone()),
                (0 | 1, _) => {
                    form("severity({i})").map_or(Node::Part(String::new()), |form| self.fill(form, 2, scope, place))
                }
                (2, _) => Node::Of(
                    (Ty::Text, "CASE WHEN {b} THEN 'weak' ELSE 'medium' END"),
                    vec![self.expr(Ty::Truth, 2, scope, place)],
                ),
                _ => Node::Leaf(Ty::Text, "'strong'".to_owned()),
            };
            columns.push(("severity", severity));
        }
        select.columns.extend(columns.into_iter().map(|(name, node)| (name.to_owned(), node)));
        for at in 0..2 + self.dice.below(4) {
            let ty = self.some_type();
            let node = self.expr(ty, 3, scope, place);
            select.columns.push((format!("e{at}"), node));
        }
    }
}

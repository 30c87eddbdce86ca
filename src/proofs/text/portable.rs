//! Parts of the grammar that DataFusion passes over in silence, or that DuckDB reads otherwise or not at all.
//!
//! The parser knows far more than the planner: `TABLESAMPLE`, `FOR UPDATE` or `TOP` are parsed and then forgotten. So what a text may be
//! made of is listed, and whatever else a clause prints is refused.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, Query, Select, SelectFlavor,
    SelectItem, SetExpr, TableAlias, TableFactor, Value,
};

/// What of a query is forgotten, apart from WITH, ORDER BY and LIMIT, which are checked elsewhere.
pub fn beyond_query(query: &Query) -> Option<String> {
    let rest = Query { with: None, order_by: None, limit_clause: None, ..query.clone() };
    left_over(&rest, &rest.body)
}

/// The same of a SELECT.
pub fn beyond_select(select: &Select) -> Option<String> {
    let rest = Select {
        distinct: None,
        projection: Vec::new(),
        from: Vec::new(),
        selection: None,
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        flavor: SelectFlavor::Standard,
        ..select.clone()
    };
    left_over(&rest, &"SELECT")
}

/// The same of a table. Calls and lists in FROM are refused by the plan.
pub fn beyond_table(table: &TableFactor) -> Option<String> {
    match table {
        TableFactor::Table { name, .. } if name.0.len() > 1 => Some(WITH_SCHEMA.to_owned()),
        TableFactor::Table { name, .. } => {
            let mut rest = table.clone();
            if let TableFactor::Table { alias, args, .. } = &mut rest {
                (*alias, *args) = (None, None);
            }
            left_over(&rest, name)
        }
        TableFactor::Derived { lateral: false, subquery, alias, .. } => {
            let mut rest = table.clone();
            if let TableFactor::Derived { alias, .. } = &mut rest {
                *alias = None;
            }
            let unnamed = is_unnamed(subquery, alias.as_ref());
            unnamed.then(|| UNNAMED.to_owned()).or_else(|| left_over(&rest, &format!("({subquery})")))
        }
        TableFactor::Derived { lateral: true, .. } => Some("LATERAL".to_owned()),
        _ => None,
    }
}

pub const WITH_SCHEMA: &str = "a name with its schema";
pub const UNNAMED: &str = "VALUES without names of its columns";

/// Whether a step or table is VALUES, whose columns each engine names for itself.
pub fn is_unnamed(query: &Query, alias: Option<&TableAlias>) -> bool {
    matches!(*query.body, SetExpr::Values(_)) && alias.is_none_or(|alias| alias.columns.is_empty())
}

fn left_over(rest: &dyn ToString, without: &dyn ToString) -> Option<String> {
    let (rest, without) = (rest.to_string(), without.to_string());
    let over = rest.strip_prefix(&without).unwrap_or(&rest).trim();
    (!over.is_empty()).then(|| over.to_owned())
}

pub fn join_beyond(join: &Join) -> Option<&'static str> {
    use JoinOperator::{CrossJoin, FullOuter, Inner, Join, Left, LeftOuter, Right, RightOuter};
    if join.global {
        return Some("GLOBAL JOIN");
    }
    match &join.join_operator {
        Join(on) | Inner(on) | Left(on) | LeftOuter(on) | Right(on) | RightOuter(on) | FullOuter(on) => match on {
            JoinConstraint::On(_) | JoinConstraint::Using(_) => None,
            JoinConstraint::Natural => Some("NATURAL JOIN"),
            JoinConstraint::None => Some("a JOIN without ON"),
        },
        CrossJoin(_) => None,
        _ => Some("a JOIN other than INNER, LEFT, RIGHT and CROSS JOIN"),
    }
}

/// What of an expression is read otherwise. Operators on bits and patterns with `~` are refused by the plan.
pub fn beyond_expr(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::BinaryOp { op: BinaryOperator::Spaceship, .. } => Some("<=> (say IS NOT DISTINCT FROM)"),
        Expr::BinaryOp {
            op:
                BinaryOperator::PGLikeMatch
                | BinaryOperator::PGILikeMatch
                | BinaryOperator::PGNotLikeMatch
                | BinaryOperator::PGNotILikeMatch,
            ..
        } => Some("~~ (say LIKE)"),
        Expr::Identifier(name) => is_odd(name).then_some(QUOTED),
        Expr::CompoundIdentifier(names) if names.len() > 2 => Some(WITH_SCHEMA),
        Expr::CompoundIdentifier(names) => names.iter().any(is_odd).then_some(QUOTED),
        _ => None,
    }
}

/// Only plain texts, numbers, truths and null.
pub fn value_beyond(value: &Value) -> bool {
    !matches!(
        value,
        Value::Number(_, false)
            | Value::SingleQuotedString(_)
            | Value::Boolean(_)
            | Value::Null
            | Value::Placeholder(_)
    )
}

pub const QUOTED: &str = "a name in quotes that has other than small letters, digits, _ and blanks";

/// Whether a name in quotes is one for DataFusion alone: to DuckDB the case of its letters never matters, and each engine has a name of its
/// own for a column without one (`"max(s.month)"`).
pub fn is_odd(name: &Ident) -> bool {
    let is_plain = |letter: char| letter.is_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | ' ');
    name.quote_style.is_some() && !name.value.chars().all(is_plain)
}

pub const CAPITAL: &str = "a name with a capital beyond A to Z";

/// Whether a name has a capital that DataFusion tells from its small letter, and DuckDB does not.
pub fn has_capital(name: &Ident) -> bool {
    name.value.chars().any(|letter| !letter.is_ascii() && letter.is_uppercase())
}

pub const RESERVED: &str = "a step or table called by a word of SQL";

/// Whether a step or table has a name that DuckDB keeps for itself.
pub fn is_reserved(name: &Ident) -> bool {
    name.quote_style.is_none() && RESERVED_WORDS.contains(&name.value.to_lowercase().as_str())
}

/// As DuckDB lists them (`duckdb_keywords()`): what it calls reserved, and what may only be the name of a type or function.
pub const RESERVED_WORDS: [&str; 111] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "anti",
    "any",
    "array",
    "as",
    "asc",
    "asof",
    "asymmetric",
    "at",
    "authorization",
    "binary",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "columns",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "default",
    "deferrable",
    "desc",
    "describe",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "generated",
    "glob",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lambda",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "map",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "pivot",
    "pivot_longer",
    "pivot_wider",
    "placing",
    "positional",
    "primary",
    "qualify",
    "references",
    "returning",
    "right",
    "select",
    "semi",
    "show",
    "similar",
    "some",
    "struct",
    "summarize",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "try_cast",
    "tuple",
    "union",
    "unique",
    "unpack",
    "unpivot",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// The name that a select list gives, where it stands without AS: DuckDB takes many words there for its own.
pub fn given_name(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias),
        _ => None,
    }
}

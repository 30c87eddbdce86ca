//! Follows the tags of identifiers through a plan's expressions.
//!
//! When many units are evaluated at once, an identifier has the tag of its unit in front (see `units`); in a plain batch query it
//! has none. A text means the same in both as long as it only passes identifiers on, groups and orders by them, and compares them
//! with one another. Two identifiers of one unit have the same tag, so they are equal, or ordered, just as without it; identifiers
//! of different units never meet in a row. Any other use would silently find nothing, or depend on which units are in the batch; it
//! is refused.
//!
//! The empty text stands for "no identifier": no identifier is empty.
//!
//! A record's reference (column `record`) is an identifier of a kind of its own. It may be compared only with others of its kind,
//! and lists of records are made only of references, so that the records that an alert names as evidence can be nothing else.
//!
//! A text that is composed of identifiers may be passed on, since tags are removed wherever they are, and may be grouped by, as its
//! parts could be. It may be compared with nothing.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{BinaryExpr, Case, Expr, Join, Operator};

use crate::catalogue::refused::Highlight;
use crate::proofs::refusal::{Finding, Misuse, Refusal, of_columns};

/// Where in a column's values the tags are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Every value is null.
    Null,
    /// Every value is null or the empty text, which sorts before all identifiers and equals none.
    Empty,
    None,
    /// A tag in front: an identifier.
    Front,
    /// An identifier or the empty text.
    FrontOrEmpty,
    /// Identifiers with separators that none of them contains: they sort as the texts without tags would.
    List,
    /// A tag in front of a record's reference.
    Record,
    /// Several record references, each with a tag in front, separated by commas.
    Records,
    /// In some values only, or at unknown places.
    Mixed,
}

impl Tag {
    /// The tag of values that each come from one of two columns.
    pub fn or(self, other: Tag) -> Tag {
        match (self, other) {
            _ if self == other => self,
            (Tag::Null, tag) | (tag, Tag::Null) => tag,
            (Tag::Empty, Tag::None) | (Tag::None, Tag::Empty) => Tag::None,
            (Tag::Empty | Tag::Front | Tag::FrontOrEmpty, Tag::Empty | Tag::Front | Tag::FrontOrEmpty) => {
                Tag::FrontOrEmpty
            }
            (Tag::Front | Tag::List, Tag::Front | Tag::List) => Tag::List,
            (Tag::Record, Tag::Records) | (Tag::Records, Tag::Record) => Tag::Records,
            _ => Tag::Mixed,
        }
    }

    fn any(tags: &[Tag]) -> Tag {
        tags.iter().fold(Tag::Null, |all, tag| all.or(*tag))
    }

    fn is_tagged(self) -> bool {
        !matches!(self, Tag::Null | Tag::Empty | Tag::None)
    }

    /// The tag of a value composed of such values in an unknown way.
    fn within(self) -> Tag {
        if self.is_tagged() { Tag::Mixed } else { Tag::None }
    }

    /// The tag of a concatenation of such values with a separator.
    fn separated(self, separator: Option<&Expr>) -> Tag {
        match self {
            Tag::Front if separator.and_then(text_of).is_some_and(|text| !text.is_empty()) => Tag::List,
            tag => tag.within(),
        }
    }
}

fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(literal, _) => literal.try_as_str().flatten(),
        _ => None,
    }
}

/// The tags of expressions over the columns of `schema`; forbidden uses are added to `found`.
pub fn of_exprs(exprs: &[Expr], schema: &DFSchema, tags: &[Tag], found: &mut Vec<Finding>) -> Vec<Tag> {
    let at = |column: &Column| tag_at(column, schema, tags).unwrap_or(Tag::Mixed);
    let mut reader = Reader { at: &at, found };
    exprs.iter().map(|expr| reader.tag(expr)).collect()
}

/// Checks the expressions that rows are ordered by.
pub fn check_order(order: &[Sort], schema: &DFSchema, tags: &[Tag], found: &mut Vec<Finding>) {
    let at = |column: &Column| tag_at(column, schema, tags).unwrap_or(Tag::Mixed);
    Reader { at: &at, found }.order(order);
}

/// Checks the conditions of a join.
pub fn check_join(join: &Join, left: &[Tag], right: &[Tag], found: &mut Vec<Finding>) {
    let of_left = |column: &Column| tag_at(column, join.left.schema(), left);
    let of_right = |column: &Column| tag_at(column, join.right.schema(), right);
    for (l, r) in &join.on {
        let tags = [
            Reader { at: &|column| of_left(column).unwrap_or(Tag::Mixed), found }.tag(l),
            Reader { at: &|column| of_right(column).unwrap_or(Tag::Mixed), found }.tag(r),
        ];
        if let Some(misuse) = compared(&tags) {
            found.push(refused(misuse, format!("{} = {}", l.human_display(), r.human_display()), &[l, r]));
        }
    }
    let at = |column: &Column| of_left(column).or_else(|| of_right(column)).unwrap_or(Tag::Mixed);
    let mut reader = Reader { at: &at, found };
    if let Some(filter) = &join.filter {
        reader.tag(filter);
    }
}

fn tag_at(column: &Column, schema: &DFSchema, tags: &[Tag]) -> Option<Tag> {
    schema.maybe_index_of_column(column).and_then(|at| tags.get(at).copied())
}

/// The misuse, if values with such tags may not be compared.
fn compared(tags: &[Tag]) -> Option<Misuse> {
    let is_made = |tag: &Tag| matches!(tag, Tag::List | Tag::Records | Tag::Mixed);
    match Tag::any(tags) {
        Tag::List | Tag::Records | Tag::Mixed if tags.iter().any(is_made) => Some(Misuse::Made),
        Tag::List | Tag::Records | Tag::Mixed => Some(Misuse::Compared),
        _ => None,
    }
}

fn refused(misuse: Misuse, what: String, exprs: &[&Expr]) -> Finding {
    let place = of_columns(exprs.iter().copied()).map_or_else(|| of_words(exprs), Highlight::Span);
    Refusal::Identifier { misuse, what }.at(place)
}

/// A text literal in the expressions, else a column's name: the optimiser drops the places of a filter's columns.
pub(in crate::proofs) fn of_words(exprs: &[&Expr]) -> Highlight {
    let (mut text, mut name) = (None, None);
    for expr in exprs {
        // The closure never fails, so the walk does not either.
        let _ = expr.apply(|part| {
            if let Some(found) = text_of(part).filter(|found| !found.is_empty()) {
                text.get_or_insert_with(|| format!("'{}'", found.to_lowercase()));
            } else if let Expr::Column(column) = part {
                name.get_or_insert_with(|| column.name.to_lowercase());
            }
            Ok(TreeNodeRecursion::Continue)
        });
    }
    text.or(name).map_or(Highlight::Output(None), |word| Highlight::Words(vec![word]))
}

/// Determines the tags of expressions over columns with known tags.
struct Reader<'a> {
    at: &'a dyn Fn(&Column) -> Tag,
    found: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    /// Where in an expression's values the tags are. A refused expression counts as untagged, so that it is reported once.
    fn tag(&mut self, expr: &Expr) -> Tag {
        match expr {
            Expr::Column(column) => (self.at)(column),
            Expr::Alias(alias) => self.tag(&alias.expr),
            Expr::Literal(value, _) if value.is_null() => Tag::Null,
            Expr::Literal(..) if text_of(expr) == Some("") => Tag::Empty,
            Expr::Cast(cast) => self.cast(expr, &cast.expr, cast.field.data_type()),
            Expr::TryCast(cast) => self.cast(expr, &cast.expr, cast.field.data_type()),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => self.binary(expr, left, *op, right),
            Expr::Between(between) => {
                let sides = [&between.expr, &between.low, &between.high].map(|side| self.tag(side));
                self.compare(expr, &sides)
            }
            Expr::InList(list) => {
                let sides = self.tags(std::iter::once(list.expr.as_ref()).chain(&list.list));
                self.compare(expr, &sides)
            }
            Expr::IsNull(of) | Expr::IsNotNull(of) => {
                self.tag(of);
                Tag::None
            }
            Expr::Case(case) => self.case(expr, case),
            Expr::ScalarFunction(call) => self.call(expr, call.name(), &call.args),
            Expr::AggregateFunction(call) => {
                self.order(&call.params.order_by);
                self.tags(call.params.filter.as_deref());
                self.over_rows(expr, call.func.name(), &call.params.args)
            }
            Expr::WindowFunction(call) => {
                self.tags(&call.params.partition_by);
                self.order(&call.params.order_by);
                self.tags(call.params.filter.as_deref());
                self.over_rows(expr, call.fun.name(), &call.params.args)
            }
            other => self.opened(other),
        }
    }

    fn tags<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) -> Vec<Tag> {
        exprs.into_iter().map(|expr| self.tag(expr)).collect()
    }

    fn refuse(&mut self, misuse: Misuse, expr: &Expr) -> Tag {
        self.found.push(refused(misuse, expr.human_display().to_string(), &[expr]));
        Tag::None
    }

    /// The tag of an expression that reads inside its parts: none of them may have a tag.
    fn opened(&mut self, expr: &Expr) -> Tag {
        let mut parts = Vec::new();
        // The closure never fails, so the walk does not either.
        let _ = expr.apply_children(|part| {
            parts.push(self.tag(part));
            Ok(TreeNodeRecursion::Continue)
        });
        if parts.iter().any(|tag| tag.is_tagged()) { self.refuse(Misuse::Opened, expr) } else { Tag::None }
    }

    /// A cast between kinds of text keeps the tag.
    fn cast(&mut self, expr: &Expr, of: &Expr, to: &DataType) -> Tag {
        if to.is_string() { self.tag(of) } else { self.opened(expr) }
    }

    fn binary(&mut self, expr: &Expr, left: &Expr, op: Operator, right: &Expr) -> Tag {
        use Operator::*;
        match op {
            Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom => {
                let sides = self.tags([left, right]);
                self.compare(expr, &sides)
            }
            StringConcat => Tag::any(&self.tags([left, right])).within(),
            _ => self.opened(expr),
        }
    }

    fn compare(&mut self, expr: &Expr, sides: &[Tag]) -> Tag {
        compared(sides).map_or(Tag::None, |misuse| self.refuse(misuse, expr))
    }

    fn case(&mut self, expr: &Expr, case: &Case) -> Tag {
        let whens = self.tags(case.when_then_expr.iter().map(|(when, _)| when.as_ref()));
        if let Some(of) = &case.expr {
            let of = self.tag(of);
            self.compare(expr, &[vec![of], whens].concat());
        }
        let thens = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
        Tag::any(&self.tags(thens.map(AsRef::as_ref)))
    }

    fn call(&mut self, expr: &Expr, name: &str, args: &[Expr]) -> Tag {
        match name {
            "coalesce" => Tag::any(&self.tags(args)),
            "nullif" => {
                let sides = self.tags(args);
                self.compare(expr, &sides);
                sides.first().map_or(Tag::None, |of| *of)
            }
            "greatest" | "least" => {
                let sides = self.tags(args);
                match (Tag::any(&sides), compared(&sides)) {
                    (Tag::Mixed, Some(misuse)) => self.refuse(misuse, expr),
                    (tag, _) => tag,
                }
            }
            "concat" | "named_struct" | "array_element" => Tag::any(&self.tags(args)).within(),
            "concat_ws" => match self.tags(args).as_slice() {
                [Tag::Null | Tag::Empty | Tag::None, parts @ ..] => Tag::any(parts).separated(args.first()),
                parts => Tag::any(parts).within(),
            },
            "records" => self.records(expr, args),
            "array_length" | "cardinality" => {
                self.tags(args);
                Tag::None
            }
            _ => self.opened(expr),
        }
    }

    /// The tag of a list of references, made of references and such lists.
    fn records(&mut self, expr: &Expr, args: &[Expr]) -> Tag {
        match Tag::any(&self.tags(args)) {
            Tag::Null | Tag::Record | Tag::Records => Tag::Records,
            _ => self.refuse(Misuse::NoRecord, expr),
        }
    }

    /// The tag of a function over several rows.
    fn over_rows(&mut self, expr: &Expr, name: &str, args: &[Expr]) -> Tag {
        if name == "records_of" {
            return self.records(expr, args);
        }
        let tags = self.tags(args);
        match (name, tags.as_slice()) {
            ("count", _) => Tag::None,
            ("min" | "max", [Tag::Mixed]) => self.refuse(Misuse::Ordered, expr),
            ("min" | "max", [of]) | ("first_value" | "last_value" | "nth_value", [of, ..]) => *of,
            // The third argument is the value if there is no such row.
            ("lag" | "lead", [of, rest @ ..]) => rest.get(1).map_or(*of, |otherwise| of.or(*otherwise)),
            ("string_agg", [of, ..]) => of.separated(args.get(1)),
            ("array_agg", [of]) => of.within(),
            _ if tags.iter().any(|tag| tag.is_tagged()) => self.refuse(Misuse::Opened, expr),
            _ => Tag::None,
        }
    }

    fn order(&mut self, order: &[Sort]) {
        for sort in order {
            if self.tag(&sort.expr) == Tag::Mixed {
                self.refuse(Misuse::Ordered, &sort.expr);
            }
        }
    }
}

#[cfg(test)]
mod tests;

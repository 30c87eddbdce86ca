//! A drawn text: steps and a last SELECT, as a tree that can be written out and made smaller.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::forms::{Form, Ty};

/// An expression.
#[derive(Clone, Debug)]
pub enum Node {
    Of(Form, Vec<Node>),
    /// A column, a literal, or another part that is written as it is.
    Leaf(Ty, String),
    /// A part that is no expression: a window, an order.
    Part(String),
}

impl Node {
    pub fn ty(&self) -> Option<Ty> {
        match self {
            Node::Of((ty, _), _) | Node::Leaf(ty, _) => Some(*ty),
            Node::Part(_) => None,
        }
    }

    pub fn write(&self, out: &mut String) {
        let Node::Of((_, template), parts) = self else {
            let (Node::Leaf(_, text) | Node::Part(text)) = self else { return };
            out.push_str(text);
            return;
        };
        let mut parts = parts.iter();
        let mut rest = *template;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            if let Some(part) = parts.next() {
                part.write(out);
            }
            rest = after.split_once('}').map_or("", |(_, after)| after);
        }
        out.push_str(rest);
    }

    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    pub fn note_forms(&self, out: &mut BTreeSet<&'static str>) {
        if let Node::Of((_, template), parts) = self {
            out.insert(template);
            parts.iter().for_each(|part| part.note_forms(out));
        }
    }

    /// The expression itself and all within it, in a fixed order.
    fn count(&self) -> usize {
        let Node::Of(_, parts) = self else { return 1 };
        1 + parts.iter().map(Node::count).sum::<usize>()
    }

    fn at_mut(&mut self, number: &mut usize) -> Option<&mut Node> {
        if *number == 0 {
            return Some(self);
        }
        *number -= 1;
        let Node::Of(_, parts) = self else { return None };
        parts.iter_mut().find_map(|part| part.at_mut(number))
    }

    /// Smaller expressions of the same type: what is within it, and a literal.
    fn smaller(&self) -> Vec<Node> {
        let (Node::Of(..), Some(ty)) = (self, self.ty()) else { return Vec::new() };
        let mut found = vec![Node::Leaf(ty, ty.least().to_owned())];
        let mut open: Vec<&Node> = vec![self];
        while let Some(node) = open.pop() {
            let Node::Of(_, parts) = node else { continue };
            found.extend(parts.iter().filter(|part| part.ty() == Some(ty)).cloned());
            open.extend(parts);
        }
        found
    }
}

#[derive(Clone, Debug)]
pub struct Join {
    /// `JOIN`, `LEFT JOIN` or `CROSS JOIN`.
    pub kind: &'static str,
    /// A table or step, or VALUES in parentheses, with its alias.
    pub source: String,
    pub on: Vec<Node>,
}

/// A query between parentheses after (NOT) EXISTS or IN.
#[derive(Clone, Debug)]
pub struct Within {
    /// What stands before the parenthesis.
    pub before: String,
    pub column: String,
    pub source: String,
    pub filter: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
pub struct Select {
    pub distinct: bool,
    pub columns: Vec<(String, Node)>,
    pub from: String,
    pub joins: Vec<Join>,
    pub filter: Vec<Node>,
    pub within: Vec<Within>,
    pub group: Vec<Node>,
    pub having: Vec<Node>,
    /// Further branches, and whether equal rows stay.
    pub union: Vec<(&'static str, Select)>,
}

impl Select {
    pub fn write(&self, out: &mut String) {
        out.push_str(if self.distinct { "SELECT DISTINCT " } else { "SELECT " });
        for (at, (name, column)) in self.columns.iter().enumerate() {
            out.push_str(if at > 0 { ", " } else { "" });
            column.write(out);
            let _ = write!(out, " AS {name}");
        }
        let _ = write!(out, "\nFROM {}", self.from);
        for join in &self.joins {
            let _ = write!(out, "\n{} {}", join.kind, join.source);
            conditions(out, " ON ", join.on.iter().map(Node::text));
        }
        let within = self.within.iter().map(|within| {
            let mut text = format!("{} (SELECT {} FROM {}", within.before, within.column, within.source);
            conditions(&mut text, " WHERE ", within.filter.iter().map(Node::text));
            text + ")"
        });
        conditions(out, "\nWHERE ", self.filter.iter().map(Node::text).chain(within));
        if !self.group.is_empty() {
            let by: Vec<String> = self.group.iter().map(Node::text).collect();
            let _ = write!(out, "\nGROUP BY {}", by.join(", "));
        }
        conditions(out, "\nHAVING ", self.having.iter().map(Node::text));
        for (how, branch) in &self.union {
            let _ = write!(out, "\n{how}\n");
            branch.write(out);
        }
    }

    fn nodes(&self) -> Vec<&Node> {
        let columns = self.columns.iter().map(|(_, node)| node);
        let joins = self.joins.iter().flat_map(|join| &join.on);
        let within = self.within.iter().flat_map(|within| &within.filter);
        let own = columns.chain(joins).chain(&self.filter).chain(within).chain(&self.group).chain(&self.having);
        own.chain(self.union.iter().flat_map(|(_, branch)| branch.nodes())).collect()
    }

    fn nodes_mut(&mut self) -> Vec<&mut Node> {
        let columns = self.columns.iter_mut().map(|(_, node)| node);
        let joins = self.joins.iter_mut().flat_map(|join| &mut join.on);
        let within = self.within.iter_mut().flat_map(|within| &mut within.filter);
        let own =
            columns.chain(joins).chain(&mut self.filter).chain(within).chain(&mut self.group).chain(&mut self.having);
        own.chain(self.union.iter_mut().flat_map(|(_, branch)| branch.nodes_mut())).collect()
    }

    /// The select without one of its parts.
    fn without_a_part(&self) -> Vec<Select> {
        let mut out = Vec::new();
        let mut one = |change: &dyn Fn(&mut Select)| {
            let mut less = self.clone();
            change(&mut less);
            out.push(less);
        };
        (0..self.union.len()).for_each(|at| one(&|less| drop(less.union.remove(at))));
        (0..self.joins.len()).for_each(|at| one(&|less| drop(less.joins.remove(at))));
        (0..self.within.len()).for_each(|at| one(&|less| drop(less.within.remove(at))));
        (0..self.filter.len()).for_each(|at| one(&|less| drop(less.filter.remove(at))));
        (0..self.having.len()).for_each(|at| one(&|less| drop(less.having.remove(at))));
        (0..self.columns.len()).for_each(|at| {
            one(&|less| {
                drop(less.columns.remove(at));
                less.union.iter_mut().for_each(|(_, branch)| drop(branch.columns.remove(at)));
            });
        });
        (0..self.group.len()).for_each(|at| one(&|less| drop(less.group.remove(at))));
        for (at, join) in self.joins.iter().enumerate() {
            (0..join.on.len()).for_each(|part| one(&|less| drop(less.joins[at].on.remove(part))));
        }
        for (at, within) in self.within.iter().enumerate() {
            (0..within.filter.len()).for_each(|part| one(&|less| drop(less.within[at].filter.remove(part))));
        }
        if self.distinct {
            one(&|less| less.distinct = false);
        }
        out
    }
}

fn conditions(out: &mut String, word: &str, parts: impl Iterator<Item = String>) {
    let parts: Vec<String> = parts.collect();
    if !parts.is_empty() {
        let _ = write!(out, "{word}{}", parts.join(" AND "));
    }
}

/// A rule's text.
#[derive(Clone, Debug)]
pub struct Text {
    pub steps: Vec<(String, Select)>,
    pub last: Select,
}

impl Text {
    pub fn sql(&self) -> String {
        let mut out = String::new();
        for (at, (name, step)) in self.steps.iter().enumerate() {
            let _ = write!(out, "{}{name} AS (", if at == 0 { "WITH " } else { ",\n" });
            step.write(&mut out);
            out.push(')');
        }
        if !self.steps.is_empty() {
            out.push('\n');
        }
        self.last.write(&mut out);
        out
    }

    fn selects(&self) -> impl Iterator<Item = &Select> {
        self.steps.iter().map(|(_, step)| step).chain([&self.last])
    }

    fn select_mut(&mut self, at: usize) -> &mut Select {
        if at < self.steps.len() { &mut self.steps[at].1 } else { &mut self.last }
    }

    /// What it is made of: forms, and clauses by name.
    pub fn parts(&self) -> BTreeSet<&'static str> {
        let mut parts = BTreeSet::new();
        let sql = self.sql();
        parts.extend(super::draw::CLAUSES.iter().filter(|clause| sql.contains(**clause)));
        parts.extend(super::forms::FRAMES.iter().filter(|frame| sql.contains(**frame)));
        self.selects().flat_map(Select::nodes).for_each(|node| node.note_forms(&mut parts));
        parts
    }

    /// Texts that say a little less, those that say least first.
    pub fn smaller(&self) -> Vec<Text> {
        let mut out = Vec::new();
        for at in 0..self.steps.len() {
            let mut less = self.clone();
            less.steps.remove(at);
            out.push(less);
        }
        for (at, select) in self.selects().enumerate() {
            for smaller in select.without_a_part() {
                let mut less = self.clone();
                *less.select_mut(at) = smaller;
                out.push(less);
            }
        }
        for (at, select) in self.selects().enumerate() {
            for (number, node) in select.nodes().into_iter().enumerate() {
                for inner in 0..node.count() {
                    let found = node.clone().at_mut(&mut inner.clone()).map(|node| node.smaller()).unwrap_or_default();
                    for smaller in found {
                        let mut less = self.clone();
                        if let Some(place) = less.select_mut(at).nodes_mut()[number].at_mut(&mut inner.clone()) {
                            *place = smaller;
                        }
                        out.push(less);
                    }
                }
            }
        }
        out
    }
}

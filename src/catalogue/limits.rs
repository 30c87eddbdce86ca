//! Limits on a text, so that whoever may change a rule cannot end or block the process that reads it.
//!
//! `tokens` bounds what overflows stacks. A text that parses may still double: a step that reads a step twice, which reads one
//! twice. So here it is counted how many tables a text reads when each step is written out, as planning does.
//!
//! Each limit is some times what the largest text of `queries/` needs.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{ObjectName, Query, Visitor};

use crate::catalogue::parse::{last, parse};
use crate::catalogue::refused::{Highlight, Refused};
use crate::catalogue::tokens::{self, Excess};
use crate::catalogue::walk::walk;

/// Tables read, when each step is written out where it is read.
const MOST_READS: u64 = 400;

/// Refuses a text that exceeds a limit; `what` and `name` say which text it is.
pub fn check(what: &'static str, name: &str, sql: &str) -> Result<(), Box<Refused>> {
    let excess = tokens::excess(sql).or_else(|| parse(sql).and_then(|query| of_reads(&query)));
    let Some(Excess { message, hint, place }) = excess else { return Ok(()) };
    Err(Box::new(Refused { what, name: name.to_owned(), message, hint: hint.to_owned(), place: Ok(place) }))
}

fn of_reads(query: &Query) -> Option<Excess> {
    let mut reads = Reads::default();
    walk(query, &mut reads);
    let most = reads.most;
    (most > MOST_READS).then(|| Excess {
        message: format!(
            "with each step written out where it is read, it reads tables {most} times, more than {MOST_READS}"
        ),
        hint: "a step that reads a step twice, which reads one twice, doubles with each: make a view of one of them",
        place: Highlight::words(&["with"]),
    })
}

/// Counts the tables that each query reads, steps written out.
#[derive(Default)]
struct Reads {
    /// By query that is being walked: its steps so far, and the tables read.
    open: Vec<Open>,
    most: u64,
}

#[derive(Default)]
struct Open {
    /// Whether the query is a step's, and that step's name.
    step: Option<String>,
    /// Addresses of the queries of steps, by name.
    steps: Vec<(usize, String)>,
    known: Vec<(String, u64)>,
    reads: u64,
}

/// While a text is walked, its queries are identified by their addresses in memory.
fn place(query: &Query) -> usize {
    std::ptr::from_ref(query) as usize
}

impl Visitor for Reads {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let own = place(query);
        let step = self.open.last().and_then(|around| around.steps.iter().find(|(at, _)| *at == own));
        let step = step.map(|(_, name)| name.clone());
        let steps = query.with.iter().flat_map(|with| &with.cte_tables);
        let steps = steps.map(|step| (place(&step.query), step.alias.name.value.to_lowercase())).collect();
        self.open.push(Open { step, steps, ..Open::default() });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        let Some(Open { step, reads, .. }) = self.open.pop() else { return ControlFlow::Continue(()) };
        self.most = self.most.max(reads);
        match (self.open.last_mut(), step) {
            (Some(around), Some(name)) => around.known.push((name, reads)),
            (Some(around), None) => around.reads = around.reads.saturating_add(reads),
            (None, _) => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = last(relation);
        let of_step = |open: &Open| open.known.iter().rev().find(|(known, _)| *known == name).map(|(_, reads)| *reads);
        let reads = self.open.iter().rev().find_map(of_step).unwrap_or(1);
        if let Some(open) = self.open.last_mut() {
            open.reads = open.reads.saturating_add(reads);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str) -> Option<String> {
        check("rule", "r", sql).err().map(|refused| refused.message)
    }

    #[test]
    fn what_would_overflow_a_stack_is_refused_for_its_tokens() {
        let chain = |joint: &str, times: usize| format!("SELECT {} FROM t", vec!["a"; times].join(joint));
        for joint in [" + ", " AND ", " || ", " IS DISTINCT FROM ", " = ALL (b) + ", "::text || ", "[1] + "] {
            let message = refused(&chain(joint, 10_000)).unwrap();
            assert!(message.contains("more than 400") || message.contains("more than 16000"), "{joint}: {message}");
            assert!(!tokens::is_within(&chain(joint, 1_000)), "{joint}");
        }
        assert_eq!(refused(&chain(", ", 5_000)), None);
        // Each parenthesis is short, but stands at the bottom of what follows it.
        let leaning = format!("SELECT {}a{} FROM t", "(".repeat(20), format!("{})", " + a".repeat(30)).repeat(20));
        assert!(refused(&leaning).unwrap().contains("more than 400"));
        let cases = vec!["CASE WHEN a THEN b ELSE c END"; 401].join(" + ");
        assert!(refused(&format!("SELECT {cases} FROM t")).unwrap().contains("more than 400"));
        let nested = |open: &str, close: &str| format!("SELECT {}a{} FROM t", open.repeat(25), close.repeat(25));
        for (open, close) in [("(", ")"), ("f(b, ", ")"), ("CASE WHEN ", " THEN 1 END"), ("(SELECT ", ")")] {
            assert!(refused(&nested(open, close)).unwrap().contains("within one another"), "{open}");
        }
        assert!(refused(&vec!["SELECT 1"; 121].join(" UNION ALL ")).unwrap().contains("more than 120 SELECTs"));
        assert!(refused(&format!("SELECT '{}'", "x".repeat(1_001))).unwrap().contains("1001 bytes"));
        let structs = ["named_struct('a', 1)"; 9].join(", ");
        assert!(refused(&format!("SELECT {structs}")).unwrap().contains("named_struct"));
    }

    #[test]
    fn steps_that_double_are_refused_and_steps_that_do_not_are_none_too_many() {
        let steps = |reads: &str, times: usize| {
            let step =
                |at: usize| format!("s{at} AS (SELECT a.x FROM {})", reads.replace('?', &format!("s{}", at - 1)));
            let steps: Vec<String> = (1..=times).map(step).collect();
            format!("WITH s0 AS (SELECT x FROM t), {} SELECT x FROM s{times}", steps.join(", "))
        };
        assert_eq!(refused(&steps("? a", 90)), None);
        assert_eq!(refused(&steps("? a JOIN ? b ON a.x = b.x", 8)), None);
        let message = refused(&steps("? a JOIN ? b ON a.x = b.x", 30)).unwrap();
        assert!(message.contains(&format!("{} times", 1 << 30)), "{message}");
        let within =
            refused(&steps("(WITH u AS (SELECT x FROM ?) SELECT u.x FROM u JOIN u v ON u.x = v.x) a", 30)).unwrap();
        assert!(within.contains(&format!("{} times", 1 << 30)), "{within}");
    }
}

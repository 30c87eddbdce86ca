//! Finds the steps of a text (its common table expressions) that more than one place reads.
//!
//! DataFusion copies a step into each place that names it, and computes every copy. Instead, such a step becomes a table of its
//! own: its query is planned alone, and the text reads that table with a `SELECT`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Cte, ObjectName, Query, Visitor};

use crate::catalogue::parse::parse;
use crate::catalogue::walk::walk;

/// A text with steps.
pub struct Steps {
    query: Query,
    is_changed: bool,
}

impl Steps {
    /// `None` if the text has none.
    pub fn of(sql: &str) -> Option<Steps> {
        let query = parse(sql)?;
        let with = query.with.as_ref()?;
        (!with.recursive).then_some(Steps { query, is_changed: false })
    }

    /// The steps that are named more than once, in their order: each reads only steps before it.
    pub fn repeated(&self) -> Vec<usize> {
        let mut names = names_in(self.query.body.as_ref());
        self.all().iter().for_each(|step| names.extend(names_in(step.query.as_ref())));
        let count = |at: &usize| names.iter().filter(|name| **name == self.name(*at)).count();
        (0..self.all().len()).filter(|at| count(at) > 1).collect()
    }

    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// Which steps a step reads; with `None`, which the rest of the text reads.
    pub fn read_by(&self, reader: Option<usize>) -> Vec<usize> {
        let names = match reader {
            None => names_in(self.query.body.as_ref()),
            Some(at) => self.all().get(at).map(|step| names_in(step.query.as_ref())).unwrap_or_default(),
        };
        (0..self.len()).filter(|at| names.iter().any(|name| name == self.name(*at))).collect()
    }

    pub fn name(&self, at: usize) -> &str {
        self.all().get(at).map_or("", |step| step.alias.name.value.as_str())
    }

    /// The text of a step alone, with the steps that it reads.
    pub fn alone(&self, at: usize) -> String {
        let mut wanted = vec![self.name(at).to_owned()];
        let mut needed: Vec<String> = Vec::new();
        for step in self.all().iter().take(at + 1).rev() {
            if wanted.contains(&step.alias.name.value) {
                wanted.extend(names_in(step.query.as_ref()));
                needed.push(step.to_string());
            }
        }
        needed.reverse();
        format!("WITH {} SELECT * FROM {}", needed.join(", "), self.name(at))
    }

    /// Makes the step read `table`.
    pub fn replace(&mut self, at: usize, table: &str) {
        let steps = self.query.with.as_mut().map(|with| &mut with.cte_tables);
        if let Some((step, query)) =
            steps.and_then(|steps| steps.get_mut(at)).zip(parse(&format!("SELECT * FROM \"{table}\"")))
        {
            *step.query = query;
            self.is_changed = true;
        }
    }

    /// Whether a step has been replaced.
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    pub fn sql(&self) -> String {
        self.query.to_string()
    }

    fn all(&self) -> &[Cte] {
        self.query.with.as_ref().map_or(&[], |with| &with.cte_tables)
    }
}

/// The tables, views and steps that a part of a text names; one entry per mention.
fn names_in<N: datafusion::sql::sqlparser::ast::Visit>(part: &N) -> Vec<String> {
    struct Names(Vec<String>);
    impl Visitor for Names {
        type Break = ();

        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
            self.0.push(relation.to_string());
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(Vec::new());
    walk(part, &mut names);
    names.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "WITH a AS (SELECT x FROM t), b AS (SELECT x FROM a), c AS (SELECT x FROM b JOIN u USING (x)), unread AS (SELECT 1 AS x) \
                        SELECT c.x FROM c JOIN c AS d ON c.x = d.x WHERE NOT EXISTS (SELECT 1 FROM a WHERE a.x = c.x)";

    #[test]
    fn steps_that_several_places_read_are_found() {
        let steps = Steps::of(TEXT).unwrap();
        let names: Vec<&str> = steps.repeated().into_iter().map(|at| steps.name(at)).collect();
        assert_eq!(names, ["a", "c"]);
        assert!(Steps::of("SELECT x FROM t").is_none());
        assert_eq!(
            (steps.read_by(Some(1)), steps.read_by(Some(2)), steps.read_by(None)),
            (vec![0], vec![1], vec![0, 2])
        );
    }

    #[test]
    fn a_step_alone_brings_what_it_reads_and_the_rest_reads_it_from_its_table() {
        let mut steps = Steps::of(TEXT).unwrap();
        assert_eq!(steps.alone(0), "WITH a AS (SELECT x FROM t) SELECT * FROM a");
        steps.replace(0, "rule/a");
        assert_eq!(
            steps.alone(2),
            "WITH a AS (SELECT * FROM \"rule/a\"), b AS (SELECT x FROM a), c AS (SELECT x FROM b JOIN u USING(x)) SELECT * FROM c"
        );
        steps.replace(2, "rule/c");
        let rest = steps.sql();
        assert!(rest.contains("c AS (SELECT * FROM \"rule/c\")") && !rest.contains("FROM t)"), "{rest}");
        assert_eq!(parse(&rest).unwrap().to_string(), rest);
    }
}

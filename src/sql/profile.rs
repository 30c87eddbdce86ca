//! Measures where plans spend their time: per rule, view or link and per operator, summed over executions.
//!
//! Off unless asked for (`replay --profile`), since reading the clock at every operator costs time too.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What an operator, or a whole query, has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub executions: u64,
    pub rows: u64,
    /// Wall time in nanoseconds, without that of an operator's inputs.
    pub nanos: u64,
}

/// What the operators of one execution have cost.
#[derive(Clone, Debug, Default)]
pub struct Costs {
    by_operator: BTreeMap<String, Cost>,
    /// Time spent in the inputs of the current operator; see the executor.
    pub(super) inputs: Duration,
}

impl Costs {
    pub fn add(&mut self, operator: &str, rows: u64, elapsed: Duration) {
        let cost = Cost { executions: 1, rows, nanos: elapsed.as_nanos() as u64 };
        match self.by_operator.get_mut(operator) {
            Some(known) => known.merge(cost),
            None => {
                self.by_operator.insert(operator.to_owned(), cost);
            }
        }
    }
}

/// Costs by query and operator.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    queries: BTreeMap<String, Cost>,
    operators: BTreeMap<(String, String), Cost>,
}

impl Profile {
    /// Notes one finished execution of a plan.
    pub fn note(&mut self, query: &str, costs: &Costs, rows: usize, elapsed: Duration) {
        let whole = Cost { executions: 1, rows: rows as u64, nanos: elapsed.as_nanos() as u64 };
        self.queries.entry(query.to_owned()).or_default().merge(whole);
        for (operator, cost) in &costs.by_operator {
            self.operators.entry((query.to_owned(), operator.clone())).or_default().merge(*cost);
        }
    }

    pub fn merge(&mut self, other: &Profile) {
        for (query, cost) in &other.queries {
            self.queries.entry(query.clone()).or_default().merge(*cost);
        }
        for (key, cost) in &other.operators {
            self.operators.entry(key.clone()).or_default().merge(*cost);
        }
    }

    /// Costs of an operator over all queries, the most expensive first.
    fn by_operator(&self) -> Vec<(&str, Cost)> {
        let mut sums: BTreeMap<&str, Cost> = BTreeMap::new();
        for ((_, operator), cost) in &self.operators {
            sums.entry(operator).or_default().merge(*cost);
        }
        dearest(sums.into_iter())
    }
}

impl Cost {
    fn merge(&mut self, other: Cost) {
        self.executions += other.executions;
        self.rows += other.rows;
        self.nanos += other.nanos;
    }
}

fn dearest<K>(costs: impl Iterator<Item = (K, Cost)>) -> Vec<(K, Cost)> {
    let mut costs: Vec<(K, Cost)> = costs.collect();
    costs.sort_by_key(|(_, cost)| std::cmp::Reverse(cost.nanos));
    costs
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = |f: &mut fmt::Formatter<'_>, what: &str| {
            writeln!(f, "{what:<40} {:>10} {:>12} {:>9} {:>9}", "executions", "rows", "seconds", "ns/row")
        };
        let line = |f: &mut fmt::Formatter<'_>, name: &str, cost: Cost| {
            let seconds = cost.nanos as f64 / 1e9;
            let each = cost.nanos.checked_div(cost.rows).unwrap_or(0);
            writeln!(f, "{name:<40} {:>10} {:>12} {seconds:>9.3} {each:>9}", cost.executions, cost.rows)
        };
        head(f, "operator")?;
        for (operator, cost) in self.by_operator() {
            line(f, operator, cost)?;
        }
        writeln!(f)?;
        head(f, "rule, view or link")?;
        for (query, cost) in dearest(self.queries.iter().map(|(query, cost)| (query.as_str(), *cost))) {
            line(f, query, cost)?;
            let own = self.operators.iter().filter(|((of, _), _)| of == query);
            for (operator, cost) in dearest(own.map(|((_, operator), cost)| (operator.as_str(), *cost))).iter().take(4)
            {
                line(f, &format!("    {operator}"), *cost)?;
            }
        }
        Ok(())
    }
}

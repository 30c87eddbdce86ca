//! Gauges that need a walk over all persons. The loop walks in steps between batches, so that no message waits for a whole walk.

use crate::detector::Detector;
use crate::history::History;
use crate::model::alert::Severity;
use crate::model::time::KnownTime;
use crate::telemetry::ShardTelemetry;

/// Persons that one step looks at; it takes some tens of microseconds.
const STEP: usize = 256;

/// What a walk has counted so far. Persons change while it goes on, so its sums hold for no exact moment.
#[derive(Default)]
pub(super) struct Census {
    next: usize,
    persons: u64,
    open_permits: u64,
    bytes: u64,
    /// Standing alerts, by rule and severity.
    standing: Vec<[u64; Severity::ALL.len()]>,
}

impl Census {
    pub fn new(rules: usize) -> Census {
        Census { standing: vec![Default::default(); rules], ..Census::default() }
    }

    /// Looks at the next [`STEP`] persons; `true` once all have been looked at.
    pub fn step(&mut self, history: &History, detector: &Detector, clock: KnownTime) -> bool {
        let mut looked_at = 0;
        for (no, person) in history.some_persons(self.next, STEP) {
            looked_at += 1;
            self.persons += u64::from(person.is_person() && !person.has_left(clock));
            self.open_permits += person.open_permits(clock);
            self.bytes += person.bytes() as u64;
            for alert in detector.standing_of(no) {
                if let Some(counts) = self.standing.get_mut(alert.rule.index()) {
                    counts[alert.severity as usize] += 1;
                }
            }
        }
        self.next += looked_at;
        looked_at < STEP
    }

    /// Bytes of state that belong to single persons, summed over all persons.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn report(&self, telemetry: &ShardTelemetry) {
        for (rule, counts) in self.standing.iter().enumerate() {
            for severity in Severity::ALL {
                telemetry.standing(rule, severity, counts[severity as usize]);
            }
        }
        telemetry.population(self.persons, self.open_permits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Record;
    use crate::model::schema::TableId;

    #[test]
    fn steps_count_everybody_once() {
        let (mut history, detector) = (History::default(), Detector::new(0));
        for person in 0..2 * STEP + 1 {
            history.insert(&Record::blank(TableId::Permits, &format!("p{person}"), "permit:1"));
        }
        let mut census = Census::new(0);
        assert!(!census.step(&history, &detector, KnownTime(2)));
        assert!(!census.step(&history, &detector, KnownTime(2)));
        assert!(census.step(&history, &detector, KnownTime(2)));
        assert_eq!(census.persons, history.person_count() as u64);
        assert_eq!(census.open_permits, history.person_count() as u64);
        assert_eq!(history.shared_bytes() + census.bytes(), history.state_bytes());
    }
}

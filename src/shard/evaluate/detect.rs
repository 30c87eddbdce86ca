//! Turns what the rules found into transitions.

use crate::detector::{Cause, Late, RuleRef, Span, Transition};
use crate::history::PersonNo;
use crate::model::alert::{AlertId, content};
use crate::model::sets::RuleNo;
use crate::model::stage::Outlet;
use crate::model::time::KnownTime;
use crate::rules::{Evaluation, Hit};
use crate::shard::evaluate::Job;
use crate::shard::{Emitted, Order, Shard};

impl Shard {
    /// Turns the rows of one job into transitions. `found` is the evaluation and the unit's number in it; `later` are the person's
    /// later jobs in this batch.
    pub(super) fn detect(
        &mut self,
        person: PersonNo,
        job: &Job,
        later: &[&Job],
        found: Option<(&Evaluation, u32)>,
        until: KnownTime,
        out: &mut Vec<Emitted>,
    ) {
        if let Some(conditions) = &job.conditions {
            self.detector.set_conditions(person, conditions.clone());
        }
        // Strict order: the alerts that stand now are those that stood when the late record came. Live order: while a shard catches
        // up, alerts that stood then may be raised only in this step, so they are marked after it.
        let is_live = self.settings.order == Order::Live;
        if !is_live {
            self.mark_late(person, job, out);
        }
        if let Some(found) = found {
            self.detect_rows(person, job, later, found, until, out);
        }
        if is_live {
            self.mark_late(person, job, out);
        }
    }

    /// The sequence of a transition, above what was said of an alert that was withdrawn without a word before the shard started.
    pub(in crate::shard) fn above_floor(&mut self, outlet: Outlet, id: AlertId, sequence: u64) -> u64 {
        let floors = &mut self.floors[outlet.index()];
        if floors.is_empty() {
            return sequence;
        }
        let published = self.settings.pseudonyms.alert_id(id);
        let Some(floor) = floors.remove(&published) else { return sequence };
        let above = floor.saturating_add(sequence);
        self.detector.set_sequence(outlet, id, above);
        above
    }

    /// Marks the alerts that stood when records came too late for the kept history.
    fn mark_late(&mut self, person: PersonNo, job: &Job, out: &mut Vec<Emitted>) {
        if job.late.0 == 0 {
            return;
        }
        let mut transitions = Vec::new();
        let rules = self.rules.rules();
        let rule = |rule: RuleNo| {
            let rule = &rules[rule.index()];
            (rule.tables.feeds(), rule.outlet())
        };
        let late = Late { feeds: job.late, at: job.late_at };
        self.detector.mark_late(person, job.unit.as_of, rule, late, &mut transitions);
        if let Some(heard) = &mut self.heard {
            heard.extend(transitions.into_iter().map(|transition| (person, transition)));
            return;
        }
        for transition in transitions {
            let alert = self.render(person, &transition, None, job.unit.as_of);
            out.push(Emitted { alert, sent_at: job.sent_at, deadline: false });
        }
    }

    fn detect_rows(
        &mut self,
        person: PersonNo,
        job: &Job,
        later: &[&Job],
        (evaluation, unit): (&Evaluation, u32),
        until: KnownTime,
        out: &mut Vec<Emitted>,
    ) {
        let mut transitions: Vec<Transition> = Vec::new();
        for (number, rows) in evaluation.rows.iter().enumerate() {
            let failed = evaluation.failures.iter().any(|f| f.rule == number && f.unit == unit);
            let Some(rows) = rows.as_ref().filter(|_| job.rules.contains(number) && !failed) else { continue };
            let rule = &self.rules.rules()[number];
            let next = later.iter().find(|later| later.rules.contains(number));
            let absence = match self.settings.order {
                Order::Live => self.clocks.least(rule.feeds),
                Order::Strict => self.asserted_to(number, until),
            };
            let span = Span { until: next.map_or(until, |next| next.at.minus(1).max(job.at)), absence };
            let is_worded = self.heard.is_none();
            let content = |hit: &Hit| {
                if !is_worded {
                    return 0;
                }
                let header = &rule.file.header;
                let evidence = rows.evidence(hit, header.subject_column());
                content(&header.title, &rule.file.finding(&evidence), &header.legal_basis, &evidence)
            };
            let reference = RuleRef {
                number: RuleNo::at(number),
                id: &rule.file.header.id,
                outlet: rule.outlet(),
                cancellers: rule.cancellers,
                content: &content,
            };
            let outlet = rule.outlet();
            let cause = Cause {
                as_of: job.at,
                corrected: job.corrected,
                recomputed: job.recomputed,
                has_left: self.history.person(person).has_left(job.unit.as_of),
            };
            let hits = rows.of(unit);
            self.detector.settle(person, reference, hits, cause, span, &mut transitions);
            if let Some(heard) = &mut self.heard {
                heard.extend(transitions.drain(..).map(|transition| (person, transition)));
            }
            for mut transition in transitions.drain(..) {
                transition.sequence = self.above_floor(outlet, transition.alert.id, transition.sequence);
                let row = transition.hit.map(|hit| (rows, &hits[hit]));
                let deadline = job.deadline || transition.as_of != job.at;
                let alert = self.render(person, &transition, row, job.unit.as_of);
                self.said.keep(transition.alert.id, &alert);
                out.push(Emitted { alert, sent_at: job.sent_at, deadline });
            }
        }
    }
}

//! Runs the plans over a batch of units.

use std::cell::RefCell;
use std::convert::Infallible;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use datafusion::error::DataFusionError;

use crate::history::History;
use crate::model::purpose::Purpose;
use crate::model::sets::{RuleBits, RuleNo};
use crate::rules::linked::{LinkedRow, read_rows};
use crate::rules::output::{RuleRows, Shared};
use crate::rules::planned::{BaseTable, PlannedView};
use crate::rules::requests::{Plans, Request, Requests};
use crate::rules::set::call::Call;
use crate::rules::set::{Append, Evaluation, GIVEN_UP, RuleFailure, RuleSet};
use crate::sql::cells::Arena;
use crate::sql::column::{Batch, Column};
use crate::sql::executor::{Compiled, Run};
use crate::sql::failure::{PANICKED, described};
use crate::sql::slots::Origin;
use crate::units::{Sees, Unit, gather, persons};

/// Up to this many units are evaluated one by one (see `executor::single`), more are evaluated together.
const FEW_UNITS: usize = 8;

/// What persons are evaluated with: most with all of their records, the others with those of one purpose after the other.
const SEEN: [Sees; 4] = [None, Some(Purpose::PermitControl), Some(Purpose::PaymentControl), Some(Purpose::FollowUp)];

impl RuleSet {
    /// Runs the plans that each unit asks for. A failure is narrowed down to the units that cause it. Persons of whom something
    /// serves one purpose alone are evaluated apart for each purpose, so that a rule, and what it reads by views, sees what it may.
    pub fn evaluate(&self, history: &History, units: &[Unit], asked: &[Request]) -> Evaluation {
        let mut out = self.evaluate_all(history, units, asked);
        for (rows, rule) in out.rows.iter_mut().zip(&self.rules) {
            let Some(rows) = rows else { continue };
            rows.wait(|unit, at| {
                let unit = units[unit as usize];
                history.became_known(unit.person, rule.tables, at, unit.as_of.0)
            });
        }
        out
    }

    fn evaluate_all(&self, history: &History, units: &[Unit], asked: &[Request]) -> Evaluation {
        if units.iter().all(|unit| !history.has_bound(unit.person)) {
            return self.evaluate_seeing(history, units, None, asked);
        }
        let mut out = Evaluation::none(self.rules.len());
        for sees in SEEN {
            let own = (0..units.len()).filter(|at| history.has_bound(units[*at].person) == sees.is_some());
            let own = own.map(|at| (at, self.requested(&asked[at], sees))).filter(|(_, asked)| !asked.is_empty());
            let (own, asked): (Vec<usize>, Vec<Request>) = own.unzip();
            if own.is_empty() {
                continue;
            }
            let units: Vec<Unit> = own.iter().map(|at| units[*at]).collect();
            out.append(self.evaluate_seeing(history, &units, sees, &asked), |unit| own[unit as usize] as u32);
        }
        out.sort();
        out
    }

    /// What rules of a purpose are asked for; links are for permit control.
    fn requested(&self, asked: &Request, sees: Sees) -> Request {
        let Some(purpose) = sees else { return asked.clone() };
        let is_for = |rule: &usize| self.rules[*rule].file.header.purpose() == purpose;
        let links = asked.links && purpose == Purpose::PermitControl;
        Request { rules: asked.rules.iter().filter(is_for).collect(), links }
    }

    fn evaluate_seeing(&self, history: &History, units: &[Unit], sees: Sees, asked: &[Request]) -> Evaluation {
        let requests = |units: Range<usize>| Requests::new(&asked[units], &self.needs);
        let none = Evaluation::none(self.rules.len());
        let done: Result<Evaluation, Infallible> =
            self.in_calls(history, units, sees, requests, none, |set, call| Ok(set.evaluate_call(call)));
        let Ok(done) = done;
        done
    }

    /// Evaluates up to `FEW_UNITS` units one by one, as cells, and more together, as arrays (see `executor::single`). Only their
    /// number decides.
    fn in_calls<T: Append, E>(
        &self,
        history: &History,
        units: &[Unit],
        sees: Sees,
        requests: impl Fn(Range<usize>) -> Requests,
        none: T,
        evaluate: impl for<'a> Fn(&'a RuleSet, &Call<'a>) -> Result<T, E>,
    ) -> Result<T, E> {
        if units.len() > FEW_UNITS {
            self.prepare();
            return evaluate(self, &Call::new(history, units, sees, &requests(0..units.len())));
        }
        let mut out = none;
        for (number, unit) in units.iter().enumerate() {
            let (requests, arena) = (requests(number..number + 1), Arena::default());
            let done = evaluate(self, &Call::single(history, unit, sees, &requests, self, &arena))?;
            out.append(done, |unit| unit + number as u32);
        }
        Ok(out)
    }

    fn evaluate_call<'a>(&'a self, call: &Call<'a>) -> Evaluation {
        let mut out = Evaluation::none(self.rules.len());
        let rules = &call.requests.any.rules;
        let links = self.asked_links(call.requests);
        let late = rules.and(&self.needs.late_rules);
        self.run_rules(call, &rules.without(&late), &mut out);
        if !late.is_empty() {
            self.prepare_late(call, &out, &self.needs.used_by_rules);
            self.run_rules(call, &late, &mut out);
            self.fail_users(&late, &mut out);
        }
        if !links.is_empty() {
            self.prepare_late(call, &out, &self.needs.used_by_links);
            self.run_links(call, &links, &mut out);
        }
        out.gather_micros = call.shared_filling().as_micros() as u64;
        out.input_rows = call.rows.get();
        out
    }

    fn asked_links(&self, requests: &Requests) -> Vec<usize> {
        let is_asked = |at: &usize| requests.any.links.contains(self.links[*at].table);
        (0..self.links.len()).filter(|at| self.links[*at].is_late() && is_asked(at)).collect()
    }

    fn run_rules<'a>(&'a self, call: &Call<'a>, rules: &RuleBits, out: &mut Evaluation) {
        let mut failed = Vec::new();
        for at in rules.iter() {
            if self.is_given_up(at) {
                let units = (0..call.units.len()).filter(|unit| call.requests.asks(*unit, &Plans::rule(at)));
                let not_run =
                    units.map(|unit| RuleFailure { rule: at, unit: unit as u32, message: GIVEN_UP.to_owned() });
                out.failures.extend(not_run);
                out.rows[at] = Some(RuleRows::default());
                continue;
            }
            let (started, filling) = (Instant::now(), call.shared_filling());
            let rule = &self.rules[at];
            let rows = self
                .collect(&rule.file.header.id, &rule.query.plan, call, &Plans::rule(at))
                .and_then(|batches| RuleRows::read(&rule.file.header, batches));
            let filling = call.shared_filling().saturating_sub(filling);
            out.rule_micros[at] = started.elapsed().saturating_sub(filling).as_micros() as u64;
            match rows {
                Ok(rows) => out.rows[at] = Some(rows),
                Err(message) if call.units.len() == 1 => {
                    self.has_failed(at);
                    out.failures.push(RuleFailure { rule: at, unit: 0, message });
                }
                Err(_) => failed.push(at),
            }
        }
        if failed.is_empty() {
            return;
        }
        for at in failed {
            let done = self.halved(call, &Plans::rule(at), &Request::rule(at));
            out.failures.extend(done.failures.into_iter().filter(|failure| failure.rule == at));
            out.rows[at] = Some(done.rows.into_iter().nth(at).flatten().unwrap_or_default());
        }
        // The slots now hold the rows of the last half.
        self.prepare();
    }

    fn run_links<'a>(&'a self, call: &Call<'a>, links: &[usize], out: &mut Evaluation) {
        for &at in links {
            let link = &self.links[at];
            match self.link_rows(call, at) {
                Ok(rows) => out.linked.push((at, rows)),
                Err(message) if call.units.len() == 1 => {
                    if !self.is_cut_off() {
                        tracing::error!(link = link.table.name(), %message, "a link failed; what it showed stays");
                    }
                    out.unlinked.push(0);
                }
                Err(_) => {
                    let links = Request { links: true, ..Request::default() };
                    let done = self.halved(call, &Plans::link(link.table), &links);
                    out.unlinked.extend(done.unlinked);
                    let own = done.linked.into_iter().find(|(link, _)| *link == at);
                    out.linked.push(own.unwrap_or((at, Vec::new())));
                    // The slots now hold the rows of the last half.
                    self.prepare();
                    self.prepare_late(call, out, &self.needs.used_by_links);
                }
            }
        }
        let failed = out.failures.iter().filter(|failure| self.needs.used_by_links.contains(failure.rule));
        out.unlinked.extend(failed.map(|failure| failure.unit));
    }

    /// The rows of a link that reads records only; `at` is its position in [`RuleSet::links`].
    pub fn evaluate_link(&self, history: &History, units: &[Unit], at: usize) -> Result<Vec<LinkedRow>, String> {
        let requests = |units: Range<usize>| Requests::for_all(units.len(), Plans::link(self.links[at].table));
        let sees = Some(Purpose::PermitControl);
        self.in_calls(history, units, sees, requests, Vec::new(), |set, call| set.link_rows(call, at))
    }

    fn link_rows<'a>(&'a self, call: &Call<'a>, at: usize) -> Result<Vec<LinkedRow>, String> {
        let link = &self.links[at];
        let batches = self.collect(link.table.name(), &link.query.plan, call, &Plans::link(link.table))?;
        read_rows(link.table, &batches)
    }

    /// Evaluates cancellers and corroborations of all units. A rule is corroborated by what its purpose sees; cancellers read nothing
    /// that is disclosed for a purpose.
    pub fn evaluate_shared(&self, history: &History, units: &[Unit]) -> Result<Shared, String> {
        let seen = |units: &[Unit], sees: Sees| {
            let requests = |units: Range<usize>| Requests::for_all(units.len(), Plans::CONDITIONS);
            let none = Shared { units: Vec::with_capacity(units.len()) };
            self.in_calls(history, units, sees, requests, none, |set, call| set.shared_rows(call))
        };
        let bound: Vec<usize> = (0..units.len()).filter(|at| history.has_bound(units[*at].person)).collect();
        let mut out = seen(units, None)?;
        for &at in &bound {
            out.units[at].corroborations.clear();
        }
        for purpose in Purpose::ALL.into_iter().filter(|_| !bound.is_empty()) {
            let own: Vec<Unit> = bound.iter().map(|at| units[*at]).collect();
            for (&at, conditions) in bound.iter().zip(seen(&own, Some(purpose))?.units) {
                let is_for = |rule: RuleNo| self.rules[rule.index()].file.header.purpose() == purpose;
                let corroborations = conditions.corroborations.into_iter().filter(|row| is_for(row.rule));
                out.units[at].corroborations.extend(corroborations);
                out.units[at].corroborations.sort_unstable();
            }
        }
        Ok(out)
    }

    fn shared_rows<'a>(&'a self, call: &Call<'a>) -> Result<Shared, String> {
        let ids: Vec<&str> = self.rules.iter().map(|rule| rule.file.header.id.as_str()).collect();
        let rows = |view: usize| self.view_rows(call, view).map_err(|error| described(&error).to_owned());
        Shared::read(&rows(self.cancellers)?, &rows(self.corroborations)?, call.units.len(), &ids)
    }

    /// The rows of a view.
    fn view_rows<'a>(&'a self, call: &Call<'a>, view: usize) -> Result<RecordBatch, DataFusionError> {
        let slot = &self.views[view].slot;
        if let Some(single) = &call.single {
            let rows = self.single_view(call, single, view)?;
            return rows.batch(&slot.schema)?.to_record_batch(&slot.schema);
        }
        if let Some(origin) = slot.take_stale() {
            self.fill(call, origin)?;
        }
        Ok(slot.record_batch().unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(&slot.schema))))
    }

    /// Evaluates a plan that has failed on some of the units that ask for it, alone, on each half of the units. The halves are
    /// halved again until the failing units are alone; the other units keep their rows.
    fn halved(&self, call: &Call<'_>, plan: &Plans, request: &Request) -> Evaluation {
        let (left, right) = call.units.split_at(call.units.len() / 2);
        let mut out = Evaluation::none(self.rules.len());
        for (offset, half) in [(0, left), (left.len(), right)] {
            // A unit that did not ask for the plan must not get its failure.
            let asks = |unit: usize| call.requests.asks(offset + unit, plan);
            let asked = |unit| if asks(unit) { request.clone() } else { Request::default() };
            let asked: Vec<Request> = (0..half.len()).map(asked).collect();
            let done = self.evaluate_seeing(call.history, half, call.sees, &asked);
            out.append(done, |unit| unit + offset as u32);
        }
        out
    }

    /// Invalidates all slots; each is filled again when it is next read.
    fn prepare(&self) {
        self.bases.iter().for_each(|base| base.slot.invalidate());
        self.views.iter().for_each(|view| view.slot.invalidate());
    }

    /// Fills a slot with the rows of the units that ask for a plan that reads it.
    fn fill(&self, call: &Call<'_>, origin: Origin) -> Result<(), DataFusionError> {
        let (started, within) = (Instant::now(), call.filling.get());
        let filled = match origin {
            Origin::Table(at) => {
                self.fill_table(call, &self.bases[at]);
                Ok(())
            }
            Origin::View(at) => {
                let view = &self.views[at];
                let plan = view.plan.as_ref().map_or(Ok(Batch::default()), |plan| {
                    self.run(&view.slot.name, call, &view.users, |run| plan.run(run), |batch| batch.rows)
                });
                plan.and_then(|batch| view.fill(batch))
            }
        };
        call.note_filled(within, started.elapsed(), self.is_step(origin));
        filled
    }

    fn is_step(&self, origin: Origin) -> bool {
        matches!(origin, Origin::View(at) if self.views[at].is_step)
    }

    fn fill_table(&self, call: &Call<'_>, base: &BaseTable) {
        let wanted = |unit| call.requests.asks(unit, &base.users);
        let content = gather(call.history, call.units, base.demand(), call.sees, wanted);
        call.rows.set(call.rows.get() + content.rows);
        base.slot.fill(content, call.persons.get_or_init(|| Column::new(persons(call.history, call.units))));
    }

    /// Executes a plan; `name` is the name under which the profile counts it.
    pub(super) fn run<T>(
        &self,
        name: &str,
        call: &Call<'_>,
        plans: &Plans,
        execute: impl Fn(&Run<'_>) -> Result<T, DataFusionError>,
        rows: impl Fn(&T) -> usize,
    ) -> Result<T, DataFusionError> {
        let profile = || self.profile.lock().unwrap_or_else(PoisonError::into_inner);
        let costs = profile().is_some().then(RefCell::default);
        let run = Run {
            budget: &self.budget,
            task: &self.task,
            runtime: &self.runtime,
            units: call.requests.units(),
            asked: call.requests.of(plans),
            fill: &|origin| self.fill(call, origin),
            costs: costs.as_ref(),
        };
        let (started, filling) = (Instant::now(), call.filling.get());
        self.budget.is_for_one(call.single.is_some());
        let result = self.budget.apart(|| std::panic::catch_unwind(AssertUnwindSafe(|| execute(&run))));
        let Ok(result) = result else {
            return Err(DataFusionError::Execution(PANICKED.to_owned()));
        };
        if let (Some(profile), Some(costs), Ok(found)) = (profile().as_mut(), &costs, &result) {
            let own = started.elapsed().saturating_sub(call.filling.get().saturating_sub(filling));
            profile.note(name, &costs.borrow(), rows(found), own);
        }
        result
    }

    fn collect<'a>(
        &'a self,
        name: &str,
        plan: &'a Compiled,
        call: &Call<'a>,
        plans: &Plans,
    ) -> Result<Vec<RecordBatch>, String> {
        let found = match &call.single {
            Some(single) => {
                self.single(name, plan, call, single, plans).and_then(|rows| rows.record_batch(plan.schema()))
            }
            None => self.run(name, call, plans, |run| plan.collect(run), RecordBatch::num_rows).map(Some),
        };
        found.map(|batch| batch.into_iter().collect()).map_err(|error| described(&error).to_owned())
    }
}

impl PlannedView {
    fn fill(&self, batch: Batch) -> Result<(), DataFusionError> {
        if batch.rows == 0 {
            self.slot.fill_empty();
            return Ok(());
        }
        let mut columns: Vec<Option<Column>> = vec![None; self.slot.schema.fields().len()];
        for (column, &to) in batch.columns.into_iter().zip(&self.columns) {
            let wanted = self.slot.schema.field(to).data_type();
            let is_wanted = column.data_type() == wanted;
            columns[to] = Some(if is_wanted { column } else { Column::new(cast(&column.array()?, wanted)?) });
        }
        self.slot.fill_columns(columns, batch.rows);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::catalogue::Catalogue;
    use crate::model::record::{Record, Value};
    use crate::model::schema::TableId;
    use crate::model::time::KnownTime;

    const OUTPUT: &str = "'-' AS alert_key, valid_from AS anchor_at, first_known_time AS alert_at, record AS records";

    fn permit(subject: &str, class: &str) -> Record {
        let mut record = Record::blank(TableId::Permits, subject, "permit:1");
        let mut set = |name, value| record.values[TableId::Permits.def().column(name).unwrap().0] = value;
        set("permit_id", Value::Text(format!("{subject}-1").into()));
        set("permit_class", Value::Text(class.into()));
        set("valid_from", Value::Day(20_000));
        record
    }

    /// Makes texts of four thousand million bytes for students, which no check can see in it.
    fn multiplying() -> String {
        // Sixteen bytes, 256, 65,536, four thousand million.
        let step =
            |at: usize| format!("s{at} AS (SELECT s{0}.* EXCLUDE (x), replace(x, 'a', x) AS x FROM s{0})", at - 1);
        let text = format!(
            "WITH s0 AS (SELECT person_id, permit_id, valid_from, first_known_time, record,
                 CASE permit_class WHEN 'STUDY_HE' THEN 'aaaaaaaaaaaaaaaa' ELSE 'b' END AS x FROM permits), {}
             SELECT person_id, permit_id, {OUTPUT} FROM s3 WHERE length(x) > 0",
            [1, 2, 3].map(step).join(", ")
        );
        crate::catalogue::stars::write_out(&text).text
    }

    #[test]
    fn one_failing_unit_takes_no_rows_from_others_and_none_from_other_rules() {
        let mut catalogue =
            Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &BTreeMap::new()).unwrap();
        let places = ["salary-below-floor", "salary-below-offered"]
            .map(|id| catalogue.rules.iter().position(|rule| rule.header.id == id).unwrap());
        catalogue.rules[places[0]].sql = multiplying();
        catalogue.rules[places[1]].sql = format!("SELECT person_id, permit_id, {OUTPUT} FROM permits");
        let rules = RuleSet::plan(&catalogue).unwrap();
        let mut history = History::default();
        // Evaluated one by one, and together.
        for count in [5, 2 * FEW_UNITS] {
            let class = |at: usize| if at == 2 { "STUDY_HE" } else { "WORK_EMP" };
            let mut insert = |at: usize| history.insert(&permit(&format!("{count}p{at}"), class(at))).0;
            let units: Vec<Unit> = (0..count).map(|at| Unit { person: insert(at), as_of: KnownTime(2) }).collect();
            let mut asked = vec![Request { rules: places.into_iter().collect(), links: false }; count];
            // The last unit asks only for the rule that works.
            asked[count - 1] = Request::rule(places[1]);
            let done = rules.evaluate(&history, &units, &asked);
            let failed: Vec<(usize, u32)> = done.failures.iter().map(|failure| (failure.rule, failure.unit)).collect();
            assert_eq!(failed, [(places[0], 2)]);
            let hits = |rule: usize, unit: usize| done.rows[rule].as_ref().unwrap().of(unit as u32).len();
            for unit in 0..count {
                assert_eq!(hits(places[0], unit), usize::from(unit != 2 && unit != count - 1), "{unit} of {count}");
                assert_eq!(hits(places[1], unit), 1, "{unit} of {count}");
            }
        }
    }

    #[test]
    fn a_unit_whose_texts_multiply_fails_alone_and_before_they_are_made() {
        let mut catalogue =
            Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &BTreeMap::new()).unwrap();
        let place = catalogue.rules.iter().position(|rule| rule.header.id == "salary-below-floor").unwrap();
        catalogue.rules[place].sql = multiplying();
        let rules = RuleSet::plan(&catalogue).unwrap();
        let mut history = History::default();
        for count in [5, 2 * FEW_UNITS] {
            let class = |at: usize| if at == 2 { "STUDY_HE" } else { "WORK_EMP" };
            let mut insert = |at: usize| history.insert(&permit(&format!("{count}p{at}"), class(at))).0;
            let units: Vec<Unit> = (0..count).map(|at| Unit { person: insert(at), as_of: KnownTime(2) }).collect();
            let done = rules.evaluate(&history, &units, &vec![Request::rule(place); count]);
            let [failure] = done.failures.as_slice() else { panic!("{:?}", done.failures) };
            assert_eq!((failure.rule, failure.unit), (place, 2));
            assert!(failure.message.contains("texts or lists beyond the budget"), "{}", failure.message);
            let hits = |unit: usize| done.rows[place].as_ref().unwrap().of(unit as u32).len();
            assert!((0..count).all(|unit| hits(unit) == usize::from(unit != 2)));
        }
    }
}

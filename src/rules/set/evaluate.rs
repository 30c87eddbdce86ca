//! Running the plans over a batch of units.

use std::cell::{Cell, OnceCell, RefCell};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::cast;
use datafusion::error::DataFusionError;

use crate::history::History;
use crate::rules::asking::{Asking, CONDITIONS, PlanMask, link_bit, rule_bit};
use crate::rules::executor::{Arena, Batch, Column, Compiled, Run};
use crate::rules::links::{LinkedRow, read_rows};
use crate::rules::output::{RuleRows, Shared};
use crate::rules::set::few::FewTables;
use crate::rules::set::{Asked, BaseTable, Evaluation, PlannedView, RuleFailure, RuleMask, RuleSet};
use crate::rules::table::Origin;
use crate::units::{Unit, gather, persons};

/// So many units are evaluated one by one (see `executor::few`), more together.
const FEW_UNITS: usize = 8;

/// A batch of units with what each asks for.
pub(super) struct Call<'a> {
    pub history: &'a History,
    pub units: &'a [Unit],
    pub asking: &'a Asking,
    persons: OnceCell<Column>,
    /// Of a unit that is evaluated alone.
    pub few: Option<FewTables<'a>>,
    /// Rows gathered so far, the time that filling slots has taken, and what of it was for steps, beside what they read.
    pub rows: Cell<usize>,
    pub filling: Cell<Duration>,
    steps: Cell<Duration>,
}

impl<'a> Call<'a> {
    fn new(history: &'a History, units: &'a [Unit], asking: &'a Asking) -> Call<'a> {
        let (persons, few) = (OnceCell::new(), None);
        let (rows, filling, steps) = (Cell::default(), Cell::default(), Cell::default());
        Call { history, units, asking, persons, few, rows, filling, steps }
    }

    /// Of one unit.
    fn few(history: &'a History, unit: &'a Unit, asking: &'a Asking, set: &RuleSet, arena: &'a Arena) -> Call<'a> {
        let units = std::slice::from_ref(unit);
        Call { few: Some(FewTables::new(history, *unit, set, arena)), ..Call::new(history, units, asking) }
    }

    /// A slot has been filled, which has taken so long, with what was filled on the way; filling had taken `before` when it began.
    pub fn note_filled(&self, before: Duration, elapsed: Duration, is_step: bool) {
        if is_step {
            let within = self.filling.get().saturating_sub(before);
            self.steps.set(self.steps.get() + elapsed.saturating_sub(within));
        }
        self.filling.set(before + elapsed);
    }

    /// What filling has taken for tables that no text owns.
    fn shared_filling(&self) -> Duration {
        self.filling.get().saturating_sub(self.steps.get())
    }
}

impl RuleSet {
    /// Runs for each unit the plans that it asks for. A failure is narrowed down to the units that cause it.
    pub fn evaluate(&self, history: &History, units: &[Unit], asked: &[Asked]) -> Evaluation {
        if units.len() > FEW_UNITS {
            let asking = Asking::new(asked, &self.needs);
            self.prepare();
            return self.evaluate_call(&Call::new(history, units, &asking));
        }
        let mut out = Evaluation::none(self.rules.len());
        for (number, (unit, asked)) in units.iter().zip(asked).enumerate() {
            let (asking, arena) = (Asking::new(std::slice::from_ref(asked), &self.needs), Arena::default());
            let call = Call::few(history, unit, &asking, self, &arena);
            out.append(self.evaluate_call(&call), number as u32);
        }
        out
    }

    fn evaluate_call<'a>(&'a self, call: &Call<'a>) -> Evaluation {
        let mut out = Evaluation::none(self.rules.len());
        let rules = call.asking.rules();
        let links = self.asked_links(call.asking);
        let late = rules & self.needs.late_rules;
        self.run_rules(call, rules & !late, &mut out);
        if late != 0 {
            self.prepare_late(call, &out, self.needs.used_by_rules);
            self.run_rules(call, late, &mut out);
            self.fail_users(late, &mut out);
        }
        if !links.is_empty() {
            self.prepare_late(call, &out, self.needs.used_by_links);
            self.run_links(call, &links, &mut out);
        }
        out.gather_micros = call.shared_filling().as_micros() as u64;
        out.input_rows = call.rows.get();
        out
    }

    fn asked_links(&self, asking: &Asking) -> Vec<usize> {
        (0..self.links.len()).filter(|at| self.links[*at].is_late() && asking.any & link_bit(*at) != 0).collect()
    }

    fn run_rules<'a>(&'a self, call: &Call<'a>, rules: RuleMask, out: &mut Evaluation) {
        let mut failed = Vec::new();
        for at in (0..self.rules.len()).filter(|at| rules & 1 << at != 0) {
            let (started, filling) = (Instant::now(), call.shared_filling());
            let rule = &self.rules[at];
            let rows = self
                .collect(&rule.file.header.id, &rule.query.plan, call, rule_bit(at))
                .and_then(|batches| RuleRows::read(&rule.file.header, batches));
            let filling = call.shared_filling().saturating_sub(filling);
            out.rule_micros[at] = started.elapsed().saturating_sub(filling).as_micros() as u64;
            match rows {
                Ok(rows) => out.rows[at] = Some(rows),
                Err(message) if call.units.len() == 1 => {
                    out.failures.push(RuleFailure { rule: at, unit: 0, message });
                }
                Err(_) => failed.push(at),
            }
        }
        if failed.is_empty() {
            return;
        }
        for at in failed {
            self.bisect(call, at, out);
        }
        // The slots hold the rows of some half.
        self.prepare();
    }

    fn run_links<'a>(&'a self, call: &Call<'a>, links: &[usize], out: &mut Evaluation) {
        for &at in links {
            let link = &self.links[at];
            match self.link_rows(call, at) {
                Ok(rows) => out.linked.push((at, rows)),
                Err(message) if call.units.len() == 1 => {
                    tracing::error!(link = link.table.name(), %message, "a link failed; what it showed stays");
                    out.unlinked.push(0);
                }
                Err(_) => {
                    self.bisect_link(call, at, out);
                    // The slots hold the rows of some half.
                    self.prepare();
                    self.prepare_late(call, out, self.needs.used_by_links);
                }
            }
        }
        let failed = out.failures.iter().filter(|failure| self.needs.used_by_links & 1 << failure.rule != 0);
        out.unlinked.extend(failed.map(|failure| failure.unit));
    }

    /// What links that read records alone show; `at` by position in [`RuleSet::links`].
    pub fn evaluate_link(&self, history: &History, units: &[Unit], at: usize) -> Result<Vec<LinkedRow>, String> {
        let bit = link_bit(at);
        if units.len() > FEW_UNITS {
            self.prepare();
            return self.link_rows(&Call::new(history, units, &Asking::for_all(units.len(), bit)), at);
        }
        let mut out = Vec::new();
        for (number, unit) in units.iter().enumerate() {
            let (asking, arena) = (Asking::for_all(1, bit), Arena::default());
            let rows = self.link_rows(&Call::few(history, unit, &asking, self, &arena), at)?;
            out.extend(rows.into_iter().map(|row| LinkedRow { unit: number as u32, ..row }));
        }
        Ok(out)
    }

    fn link_rows<'a>(&'a self, call: &Call<'a>, at: usize) -> Result<Vec<LinkedRow>, String> {
        let link = &self.links[at];
        let batches = self.collect(link.table.name(), &link.query.plan, call, link_bit(at))?;
        read_rows(link.table, &batches)
    }

    /// Evaluates cancellers and corroborations of all units.
    pub fn evaluate_shared(&self, history: &History, units: &[Unit]) -> Result<Shared, String> {
        if units.len() > FEW_UNITS {
            self.prepare();
            return self.shared_rows(&Call::new(history, units, &Asking::for_all(units.len(), CONDITIONS)));
        }
        let mut out = Shared { units: Vec::with_capacity(units.len()) };
        for unit in units {
            let (asking, arena) = (Asking::for_all(1, CONDITIONS), Arena::default());
            out.units.extend(self.shared_rows(&Call::few(history, unit, &asking, self, &arena))?.units);
        }
        Ok(out)
    }

    fn shared_rows<'a>(&'a self, call: &Call<'a>) -> Result<Shared, String> {
        let ids: Vec<&str> = self.rules.iter().map(|rule| rule.file.header.id.as_str()).collect();
        let rows = |view: usize| self.view_rows(call, view).map_err(|error| describe(&error));
        Shared::read(&rows(self.cancellers)?, &rows(self.corroborations)?, call.units.len(), &ids)
    }

    /// The rows of a view.
    fn view_rows<'a>(&'a self, call: &Call<'a>, view: usize) -> Result<RecordBatch, DataFusionError> {
        let slot = &self.views[view].slot;
        if let Some(few) = &call.few {
            let rows = self.few_view(call, few, view)?;
            return rows.batch(&slot.schema)?.to_record_batch(&slot.schema);
        }
        if let Some(origin) = slot.wanted() {
            self.fill(call, origin)?;
        }
        Ok(slot.record_batch().unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(&slot.schema))))
    }

    /// Halves the units until the failing ones stand alone; the others keep their rows.
    fn bisect(&self, call: &Call<'_>, rule: usize, out: &mut Evaluation) {
        let (left, right) = call.units.split_at(call.units.len() / 2);
        let mut rows = RuleRows::default();
        for (offset, half) in [(0, left), (left.len(), right)] {
            // Who did not ask for it must not fail it.
            let asks = |unit: usize| call.asking.asks(offset + unit, rule_bit(rule));
            let asked = |unit| Asked { rules: if asks(unit) { 1 << rule } else { 0 }, links: false };
            let part = self.evaluate(call.history, half, &(0..half.len()).map(asked).collect::<Vec<_>>());
            let own = part.failures.into_iter().filter(|failure| failure.rule == rule);
            out.failures.extend(own.map(|mut failure| {
                failure.unit += offset as u32;
                failure
            }));
            if let Some(part) = part.rows.into_iter().nth(rule).flatten() {
                rows.append(part, offset as u32);
            }
        }
        out.rows[rule] = Some(rows);
    }

    /// The same for a link that reads what rules found.
    fn bisect_link(&self, call: &Call<'_>, link: usize, out: &mut Evaluation) {
        let (left, right) = call.units.split_at(call.units.len() / 2);
        let mut rows = Vec::new();
        for (offset, half) in [(0, left), (left.len(), right)] {
            let asked = |unit| Asked { rules: 0, links: call.asking.asks(offset + unit, link_bit(link)) };
            let part = self.evaluate(call.history, half, &(0..half.len()).map(asked).collect::<Vec<_>>());
            let offset = offset as u32;
            let own = part.linked.into_iter().filter(|(at, _)| *at == link).flat_map(|(_, rows)| rows);
            rows.extend(own.map(|row| LinkedRow { unit: row.unit + offset, ..row }));
            out.unlinked.extend(part.unlinked.into_iter().map(|unit| unit + offset));
        }
        out.linked.push((link, rows));
    }

    /// From here on the slots are filled anew, each when it is first read.
    fn prepare(&self) {
        self.bases.iter().for_each(|base| base.slot.wait());
        self.views.iter().for_each(|view| view.slot.wait());
    }

    /// Fills a slot with the rows of the units that ask for what reads it.
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
                    self.run(&view.slot.name, call, view.users, |run| plan.run(run), |batch| batch.rows)
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
        let content = gather(call.history, call.units, base.demand(), |unit| call.asking.asks(unit, base.users));
        call.rows.set(call.rows.get() + content.rows);
        base.slot.fill(content, call.persons.get_or_init(|| Column::new(persons(call.history, call.units))));
    }

    /// Executes a plan; `name` says for the profile whose it is.
    pub(super) fn run<T>(
        &self,
        name: &str,
        call: &Call<'_>,
        plans: PlanMask,
        execute: impl Fn(&Run<'_>) -> Result<T, DataFusionError>,
        rows: impl Fn(&T) -> usize,
    ) -> Result<T, DataFusionError> {
        let profile = || self.profile.lock().unwrap_or_else(PoisonError::into_inner);
        let costs = profile().is_some().then(RefCell::default);
        let run = Run {
            budget: &self.budget,
            task: &self.task,
            runtime: &self.runtime,
            units: call.asking.units(),
            asked: call.asking.of(plans),
            fill: &|origin| self.fill(call, origin),
            costs: costs.as_ref(),
        };
        let (started, filling) = (Instant::now(), call.filling.get());
        let result = self.budget.apart(|| std::panic::catch_unwind(AssertUnwindSafe(|| execute(&run))));
        let Ok(result) = result else {
            return Err(DataFusionError::Execution("the query engine panicked".into()));
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
        plans: PlanMask,
    ) -> Result<Vec<RecordBatch>, String> {
        let found = match &call.few {
            Some(few) => self.few(name, plan, call, few, plans).and_then(|rows| rows.record_batch(plan.schema())),
            None => self.run(name, call, plans, |run| plan.collect(run), RecordBatch::num_rows).map(Some),
        };
        found.map(|batch| batch.into_iter().collect()).map_err(|error| describe(&error))
    }
}

/// The kind of an error without the values that it may quote.
fn describe(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).take(200).collect()
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
    use crate::record::{Record, Value};
    use crate::rules::Catalogue;
    use crate::schema::TableId;

    const OUTPUT: &str = "'-' AS alert_key, valid_from AS anchor_at, first_known_time AS alert_at, record AS records";

    fn permit(subject: &str, class: &str) -> Record {
        let mut record = Record::blank(TableId::Permits, subject, "permit:1");
        let mut set = |name, value| record.values[TableId::Permits.def().column(name).unwrap().0] = value;
        set("permit_id", Value::Text(format!("{subject}-1").into()));
        set("permit_class", Value::Text(class.into()));
        set("valid_from", Value::Day(20_000));
        record
    }

    #[test]
    fn one_failing_unit_takes_no_rows_from_others_and_none_from_other_rules() {
        let mut catalogue =
            Catalogue::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries"), &BTreeMap::new()).unwrap();
        let places = ["salary-below-floor", "salary-below-offered"]
            .map(|id| catalogue.rules.iter().position(|rule| rule.header.id == id).unwrap());
        let broken = "CAST(CASE permit_class WHEN 'STUDY_HE' THEN 3000000000 ELSE 1 END AS INT) + CAST(length(permit_class) AS INT) > 0";
        catalogue.rules[places[0]].sql = format!("SELECT person_id, permit_id, {OUTPUT} FROM permits WHERE {broken}");
        catalogue.rules[places[1]].sql = format!("SELECT person_id, permit_id, {OUTPUT} FROM permits");
        let rules = RuleSet::plan(&catalogue).unwrap();
        let mut history = History::default();
        // One by one, and together.
        for count in [5, 2 * FEW_UNITS] {
            let class = |at: usize| if at == 2 { "STUDY_HE" } else { "WORK_EMP" };
            let mut insert = |at: usize| history.insert(&permit(&format!("{count}p{at}"), class(at))).0;
            let units: Vec<Unit> = (0..count).map(|at| Unit { person: insert(at), as_of: 2 }).collect();
            let mut asked = vec![Asked { rules: 1 << places[0] | 1 << places[1], links: false }; count];
            // The last asks for the rule that works alone.
            asked[count - 1].rules = 1 << places[1];
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
}

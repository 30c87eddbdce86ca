//! Plans that read what rules found: the used rules' rows become a table, which those plans and their views read.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, StringArray, TimestampMicrosecondArray};

use crate::history::History;
use crate::model::sets::RuleBits;
use crate::rules::set::call::Call;
use crate::rules::set::{Evaluation, RuleFailure, RuleSet};
use crate::sql::column::Column;
use crate::units::{Unit, tagged_text};

impl RuleSet {
    /// Where a used rule failed, the rules that use it count as failed too.
    pub(super) fn fail_users(&self, users: &RuleBits, out: &mut Evaluation) {
        let used = out.failures.iter().filter(|failure| self.needs.used_by_rules.contains(failure.rule));
        let units: Vec<u32> = used.map(|failure| failure.unit).collect();
        for unit in units {
            for rule in users.iter() {
                let message = "a rule that it uses failed".to_owned();
                out.failures.push(RuleFailure { rule, unit, message });
            }
        }
    }

    /// Fills `rule_rows` with the rows of the used rules, and invalidates the views that read it.
    pub(super) fn prepare_late(&self, call: &Call<'_>, done: &Evaluation, used: &RuleBits) {
        let (columns, rows) = self.rule_rows(call.history, call.units, done, used);
        self.rule_rows.fill_columns(columns, rows);
        if let Some(single) = &call.single {
            single.forget(self.views.iter().map(|view| view.late));
        }
        self.views.iter().filter(|view| view.late).for_each(|view| view.slot.invalidate());
    }

    /// The rows of rules in the schema of [`rule_rows_schema`].
    fn rule_rows(
        &self,
        history: &History,
        units: &[Unit],
        done: &Evaluation,
        used: &RuleBits,
    ) -> (Vec<Option<Column>>, usize) {
        let mut texts: [Vec<String>; 7] = Default::default();
        let (mut alert_at, mut cleared_at, mut anchor_at) = (Vec::new(), Vec::new(), Vec::new());
        for at in used.iter() {
            let Some(rows) = &done.rows[at] else { continue };
            let file = &self.rules[at].file;
            let cancelled_by = file.cancelled_by();
            for (number, unit) in units.iter().enumerate() {
                let subject = &history.person(unit.person).subject;
                for hit in rows.of(number as u32) {
                    let row = [
                        file.header.id.clone(),
                        file.header.number.clone(),
                        tagged_text(number as u32, subject),
                        tagged_text(number as u32, &hit.subject),
                        hit.alert_key.clone(),
                        hit.severity.name().to_owned(),
                        cancelled_by.clone(),
                    ];
                    texts.iter_mut().zip(row).for_each(|(column, text)| column.push(text));
                    alert_at.push(Some(hit.alert_at.0));
                    cleared_at.push(hit.cleared_at.map(|at| at.0));
                    anchor_at.push(hit.anchor.map(|day| day.0));
                }
            }
        }
        let rows = alert_at.len();
        let [ids, numbers, persons, permits, keys, severities, cancelled_by] =
            texts.map(|column| -> ArrayRef { Arc::new(StringArray::from_iter_values(column)) });
        let columns: Vec<ArrayRef> = vec![
            ids,
            numbers,
            persons,
            permits,
            keys,
            severities,
            Arc::new(TimestampMicrosecondArray::from(alert_at)),
            Arc::new(TimestampMicrosecondArray::from(cleared_at)),
            Arc::new(Date32Array::from(anchor_at)),
            cancelled_by,
        ];
        (columns.into_iter().map(|array| Some(Column::new(array))).collect(), rows)
    }
}

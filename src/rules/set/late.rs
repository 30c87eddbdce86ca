//! Plans that read what rules found: the rows of the used rules, as a table, and the views over it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, StringArray, TimestampMicrosecondArray};

use crate::history::History;
use crate::rules::executor::Column;
use crate::rules::set::evaluate::Call;
use crate::rules::set::{Evaluation, RuleFailure, RuleMask, RuleSet, cancelled_by};
use crate::units::{Unit, tagged_text};

impl RuleSet {
    /// Where a used rule failed, those that use it know nothing either.
    pub(super) fn fail_users(&self, users: RuleMask, out: &mut Evaluation) {
        let used = out.failures.iter().filter(|failure| self.needs.used_by_rules & 1 << failure.rule != 0);
        let units: Vec<u32> = used.map(|failure| failure.unit).collect();
        for unit in units {
            for rule in (0..self.rules.len()).filter(|at| users & 1 << at != 0) {
                let message = "a rule that it uses failed".to_owned();
                out.failures.push(RuleFailure { rule, unit, message });
            }
        }
    }

    /// Puts the rows of the used rules in their table; the views that read it are worked out anew.
    pub(super) fn prepare_late(&self, call: &Call<'_>, done: &Evaluation, used: RuleMask) {
        let (columns, rows) = self.rule_rows(call.history, call.units, done, used);
        self.rule_rows.fill_columns(columns, rows);
        if let Some(few) = &call.few {
            few.forget(self.views.iter().map(|view| view.late));
        }
        self.views.iter().filter(|view| view.late).for_each(|view| view.slot.wait());
    }

    /// The rows of rules in the form of [`rule_rows_schema`].
    fn rule_rows(
        &self,
        history: &History,
        units: &[Unit],
        done: &Evaluation,
        used: RuleMask,
    ) -> (Vec<Option<Column>>, usize) {
        let mut texts: [Vec<String>; 7] = Default::default();
        let (mut alert_at, mut cleared_at, mut anchor_at) = (Vec::new(), Vec::new(), Vec::new());
        for at in (0..self.rules.len()).filter(|at| used & 1 << at != 0) {
            let Some(rows) = &done.rows[at] else { continue };
            let file = &self.rules[at].file;
            let cancelled_by = cancelled_by(file);
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
                    alert_at.push(Some(hit.alert_at));
                    cleared_at.push(hit.cleared_at);
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

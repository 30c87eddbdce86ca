//! What follows from a person's rows: spans and classes of permits, since when the person is known and named as an anchor, when they leave. Worked
//! out when all rows are there (a checkpoint has been read) or have become fewer (`erase`); `History::insert` does the same record by record.

use super::store::Store;
use super::{ClassSet, ENDED_ON, Keeps, PermitSpan, Person, Presence, VALID_TO};
use crate::history::span::VALID_FROM;
use crate::model::record::Op;
use crate::model::schema::{Feed, TableId};
use crate::model::time::{Day, KnownTime};

/// The columns of table `permits` that are asked.
pub struct PermitColumns<'a> {
    permits: &'a Store,
    class: usize,
    valid_from: usize,
    valid_to: usize,
    ended_on: usize,
}

impl PermitColumns<'_> {
    /// `None` if a column is not there.
    pub fn of(permits: &Store) -> Option<PermitColumns<'_>> {
        Some(PermitColumns {
            permits,
            class: permits.column("permit_class")?,
            valid_from: permits.column(VALID_FROM)?,
            valid_to: permits.column(VALID_TO)?,
            ended_on: permits.column(ENDED_ON)?,
        })
    }
}

impl Person {
    /// Works out what follows from the rows.
    pub fn follow_rows(&mut self, columns: &PermitColumns<'_>, keeps: Option<Keeps>) {
        let permits = columns.permits;
        let (mut spans, mut classes, mut linked) = (Vec::new(), ClassSet::default(), false);
        let (mut first_permit, mut anchored) = (KnownTime::MAX, KnownTime::MAX);
        let mut class = String::new();
        for row in &self.rows {
            let table = TableId::ALL[row.table_index()];
            let known = KnownTime(row.known());
            linked |= table.is_link();
            if table == TableId::Anchors {
                anchored = anchored.min(known);
            } else if table.def().feed == Feed::Permits {
                first_permit = first_permit.min(known);
            }
            if table != TableId::Permits {
                continue;
            }
            let day = |name: &str| {
                let column = match name {
                    VALID_FROM => columns.valid_from,
                    VALID_TO => columns.valid_to,
                    _ => columns.ended_on,
                };
                permits.number(column, row.row()).map(|day| Day(day as i32))
            };
            spans.push(PermitSpan::new(row.key(), row.op(), row.known(), day));
            class.clear();
            if row.op() != Op::Retract && permits.write(columns.class, row.row(), &mut class) {
                classes = classes.union(ClassSet::of(&class));
            }
        }
        if linked {
            classes = classes.union(ClassSet::of_unit(&self.subject));
        }
        self.classes = classes;
        let is_known = !spans.is_empty() || first_permit < KnownTime::MAX || anchored < KnownTime::MAX;
        if is_known || self.own.is_some() {
            let presence = Presence::new(&spans, &self.rows, keeps);
            let own = self.own();
            spans.shrink_to_fit();
            (own.spans, own.presence) = (spans, presence);
            (own.first_permit_known, own.anchored_known) = (first_permit, anchored);
        }
    }
}

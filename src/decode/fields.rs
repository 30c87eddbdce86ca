//! Sorts the members of a payload into their places: the envelope's columns, the table's, or none.

use super::wire::{Member, Scalar};
use super::{BadRecord, bad};
use crate::model::record::Reason;
use crate::model::schema::{ENVELOPE, Table};

/// The members, each in its place.
#[derive(Debug, PartialEq)]
pub(super) struct Fields<'a> {
    pub envelope: [Option<Scalar<'a>>; ENVELOPE.len()],
    pub columns: Vec<Option<Scalar<'a>>>,
    pub unknown: u32,
}

impl<'a> Fields<'a> {
    pub fn empty(table: &Table) -> Fields<'a> {
        let mut columns = Vec::new();
        columns.resize_with(table.columns.len(), || None);
        Fields { envelope: [const { None }; ENVELOPE.len()], columns, unknown: 0 }
    }

    /// The slot of a place (see [`place_of`]).
    #[inline]
    pub fn slot(&mut self, place: usize) -> &mut Option<Scalar<'a>> {
        match place.checked_sub(ENVELOPE.len()) {
            None => &mut self.envelope[place],
            Some(column) => &mut self.columns[column],
        }
    }

    /// Refuses a member that occurs twice (parsers disagree about which one counts) and one with a nested value.
    pub fn sort(table: &Table, members: Vec<Member<'a>>) -> Result<Fields<'a>, BadRecord> {
        let mut fields = Fields::empty(table);
        let mut unknown_names = Vec::new();
        let mut has_table = false;
        // Adapters write members in a fixed order: the next name is most often the one after the last.
        let mut expected = 0;
        for Member { name, value } in members {
            if name == "table" {
                if std::mem::replace(&mut has_table, true) {
                    return bad(Reason::Malformed, "table stands twice");
                }
                continue;
            }
            let Some(place) = place_of(table, &name, expected) else {
                if matches!(value, Scalar::Nested) {
                    return bad(Reason::Malformed, "a member that the schema does not know nests");
                }
                unknown_names.push(name);
                continue;
            };
            expected = place + 1;
            if fields.slot(place).replace(value).is_some() {
                return bad(Reason::Malformed, &format!("{} stands twice", name_at(table, place)));
            }
        }
        fields.unknown = unknown_names.len() as u32;
        unknown_names.sort_unstable();
        if unknown_names.windows(2).any(|pair| pair[0] == pair[1]) {
            return bad(Reason::Malformed, "a member that the schema does not know stands twice");
        }
        Ok(fields)
    }
}

/// Index among the envelope's columns followed by the table's.
#[inline]
pub(super) fn place_of(table: &Table, name: &str, expected: usize) -> Option<usize> {
    let count = ENVELOPE.len() + table.columns.len();
    (expected..count).chain(0..expected.min(count)).find(|place| name_at(table, *place) == name)
}

#[inline]
fn name_at(table: &Table, place: usize) -> &'static str {
    match place.checked_sub(ENVELOPE.len()) {
        None => ENVELOPE[place].name,
        Some(column) => table.columns[column].name,
    }
}

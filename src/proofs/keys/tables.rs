//! What tells the rows of the record tables apart.

use crate::model::alert::Severity;
use crate::model::schema::{ColumnType, ENVELOPE, TableId};
use crate::proofs::keys::{Table, bounds};

/// A table as rules see it, or its history: a row a record, or a version of a record.
///
/// Reference records have no subject of their own, so their `record_key` is unique in its table (`queries/tables.sql`). That an
/// employer, a month or a term has one record only is nobody's promise.
pub fn of_table(table: TableId, history: bool) -> Table {
    let columns = table.def().rule_columns(history);
    let name = if history { format!("{}_history", table.name()) } else { table.name().to_owned() };
    let mut key = Vec::new();
    key.extend(table.is_person().then_some("person_id"));
    key.push("record_key");
    key.extend(history.then_some("version"));
    let mut known = Table::new(&name, columns.iter().map(|(name, _)| *name))
        .with_key(&key)
        .without_null(&["person_id", "record_key"]);
    for (column, ty) in &columns {
        known =
            bounds::of_column(column, *ty).into_iter().fold(known, |known, bounds| known.with_bounds(column, bounds));
    }
    if table.is_link() {
        // What a link must have, decoding refuses a row without.
        let required = table.def().columns.iter().filter(|column| column.required).map(|column| column.name);
        known = known.without_null(&required.collect::<Vec<_>>());
        if table == TableId::EmployerIndications {
            known = known.with_words("severity", &Severity::ALL.map(Severity::name));
        }
        return if has_own_permit(table) { known.with_dependency(&["permit_id"], &["person_id"]) } else { known };
    }
    known = known.without_null(&["known_time", "first_known_time", "known_from", "is_latest"]);
    known = known.without_null(&ENVELOPE.each_ref().map(|column| column.name));
    if has_own_permit(table) {
        known = known.with_dependency(&["permit_id"], &["person_id"]);
    }
    if columns.iter().any(|(_, ty)| *ty == ColumnType::Record) {
        // A reference has both in it.
        known = known
            .with_dependency(&["record"], &["record_key", "version"])
            .without_null(&["record"])
            .with_records("record", table);
    }
    if !history {
        // Decoding refuses a record without them, unless it retracts.
        let required = table.def().columns.iter().filter(|column| column.required).map(|column| column.name);
        known = known.without_null(&required.collect::<Vec<_>>());
    }
    known
}

/// Whether the table's permits are those of the person whom its rows are about. An anchor's rows name the permits of others, an
/// employer's those of its staff.
pub fn has_own_permit(table: TableId) -> bool {
    !matches!(table, TableId::Anchors | TableId::EmployerPermits)
        && table.def().columns.iter().any(|column| column.ty == ColumnType::Permit)
}

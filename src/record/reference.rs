//! What SQL calls a version of a record: `payments/<record_key>/<version>`, and several of them with commas between.
//!
//! A table's name and a version hold no `/`, so that the first and the last one part the three, whatever the key holds. In the key
//! `%` and `,` are written `%25` and `%2C`, so that a comma always stands between two references. `queries/tables.sql` writes the same.

use std::fmt::{self, Write};

use crate::schema::TableId;

/// Stands between references.
pub const BETWEEN: char = ',';

/// Takes a key, piece by piece.
pub struct Key<'a, W>(pub &'a mut W);

impl<W: Write> Write for Key<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(['%', BETWEEN]) {
            let (before, from) = rest.split_at(at);
            self.0.write_str(before)?;
            self.0.write_str(if from.starts_with('%') { "%25" } else { "%2C" })?;
            rest = &from[1..];
        }
        self.0.write_str(rest)
    }
}

/// Writes a reference; `key` writes the record's key, and says whether there is one.
pub fn write(out: &mut String, table: TableId, version: i64, key: impl FnOnce(&mut Key<'_, String>) -> bool) -> bool {
    out.push_str(table.name());
    out.push('/');
    let is_known = key(&mut Key(out));
    // Writing to a text never fails.
    let _ = write!(out, "/{version}");
    is_known
}

/// The table, key and version that a reference names.
pub fn read(reference: &str) -> Option<(TableId, String, i64)> {
    let (table, rest) = reference.split_once('/')?;
    let (key, version) = rest.rsplit_once('/')?;
    let key = key.replace("%2C", ",").replace("%25", "%");
    Some((TableId::from_name(table)?, key, version.parse().ok()?))
}

/// The references of several texts, each once and in order; `None` of none.
pub fn union<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut all: Vec<&str> = texts.flat_map(|text| text.split(BETWEEN)).filter(|text| !text.is_empty()).collect();
    all.sort_unstable();
    all.dedup();
    (!all.is_empty()).then(|| all.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(table: TableId, key: &str, version: i64) -> String {
        let mut out = String::new();
        // As a store writes it: in pieces.
        let pieces = |out: &mut Key<'_, String>| key.split_inclusive('%').all(|piece| out.write_str(piece).is_ok());
        assert!(write(&mut out, table, version, pieces));
        out
    }

    #[test]
    fn a_reference_names_what_it_was_made_of_whatever_the_key_holds() {
        let keys = [
            "post",
            "a,b",
            "100%",
            "%2C",
            "%252C",
            "a/b/7",
            "/",
            "\"q\"'",
            "åäö łø",
            ",,%%//",
            "permits/a/1,permits/b/2",
        ];
        let mut seen = std::collections::BTreeSet::new();
        for table in [TableId::Permits, TableId::Population, TableId::PermitEmployers] {
            for key in keys {
                for version in [0, 1, -3, i64::MAX] {
                    let text = reference(table, key, version);
                    assert_eq!(read(&text), Some((table, key.to_owned(), version)), "{text}");
                    assert!(!text.contains(BETWEEN) && seen.insert(text));
                }
            }
        }
        let all: Vec<String> = seen.iter().cloned().collect();
        let union = union(all.iter().rev().map(String::as_str).chain([all[0].as_str()])).unwrap();
        assert!(union.split(BETWEEN).eq(all.iter().map(String::as_str)), "each once, in order");
        assert_eq!(super::union(std::iter::empty()), None);
        assert_eq!(read("nobody"), None);
    }
}

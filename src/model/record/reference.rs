//! The reference by which SQL names a version of a record: `payments/<record_key>/<version>`; several are separated by commas.
//!
//! A table's name and a version contain no `/`, so the first and the last one separate the three parts, whatever the key contains.
//! In the key `%` and `,` are written `%25` and `%2C`, so that a comma always separates two references. `queries/tables.sql` writes
//! the same.

use std::fmt::Write;

use crate::model::schema::TableId;

/// Separates references.
pub const BETWEEN: char = ',';

/// Writes a reference; `key` writes the record's key, and returns whether there is one.
pub fn write(out: &mut String, table: TableId, version: i64, key: impl FnOnce(&mut String) -> bool) -> bool {
    out.push_str(table.name());
    out.push('/');
    let from = out.len();
    let is_known = key(out);
    // This runs for every row, and hardly any key contains one of these.
    if out.as_bytes()[from..].iter().any(|byte| matches!(byte, b'%' | b',')) {
        let key = out[from..].replace('%', "%25").replace(BETWEEN, "%2C");
        out.truncate(from);
        out.push_str(&key);
    }
    match version {
        0..10 => out.extend(['/', char::from(b'0' + version as u8)]),
        // Writing to a text never fails.
        _ => write!(out, "/{version}").unwrap_or_default(),
    }
    is_known
}

/// The table, key and version that a reference names.
pub fn read(reference: &str) -> Option<(TableId, String, i64)> {
    let (table, rest) = reference.split_once('/')?;
    let (key, version) = rest.rsplit_once('/')?;
    let key = key.replace("%2C", ",").replace("%25", "%");
    Some((TableId::from_name(table)?, key, version.parse().ok()?))
}

/// The references in several texts, each once and in order; `None` if there are none.
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
        // As a store writes it: in pieces, after text that is there already.
        out.push_str("100%,");
        let pieces = |out: &mut String| key.split_inclusive('%').all(|piece| out.write_str(piece).is_ok());
        assert!(write(&mut out, table, version, pieces));
        out.replace_range(..5, "");
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
                for version in [0, 1, 9, 10, -3, i64::MAX] {
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

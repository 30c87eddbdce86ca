//! The part of the page for adapters' authors (`config/ADAPTERS.md`) that follows from the schema: tables, columns, types, codes,
//! and the layout of recorded files. `permitwatch adapters reference` writes it, and a test checks that it is up to date.

use std::fmt::Write as _;

use crate::decode::codes::{self, Codes};
use crate::decode::{LIST_MAX_ITEMS, TEXT_MAX_BYTES};
use crate::model::schema::{Column, ColumnType, ENVELOPE, Feed, Table, TableId};

/// The generated part of a page lies between these two lines.
pub const BEGIN: &str = "<!-- From here on written by `permitwatch adapters reference`; do not edit. -->";
pub const END: &str = "<!-- Up to here. -->";

/// A page with its generated part replaced; `None` if the two lines are missing.
pub fn renew(page: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n{END}{after}", reference()))
}

/// The generated part.
pub fn reference() -> String {
    let mut out = String::new();
    out.push_str("## 10. Tables, columns, codes\n\n");
    out.push_str(
        "Each record is of one table. A column marked * is required, unless the record retracts; any other may be left out or null. \
         Codes are taken letter by letter, and no others.\n\n",
    );
    types(&mut out);
    out.push_str("### Every record: the envelope\n\n");
    columns(&mut out, &ENVELOPE);
    for (name, list) in [
        ("op", codes::OPS),
        ("source", codes::SOURCES),
        ("purpose", codes::PURPOSES),
        ("secrecy_class", codes::SECRECY_CLASSES),
    ] {
        code_list(&mut out, name, list);
    }
    for feed in Feed::SOURCES {
        for table in feed.tables() {
            own(&mut out, table.def());
        }
    }
    layout(&mut out);
    out
}

fn own(out: &mut String, table: &Table) {
    let _ = writeln!(out, "\n### `{}` (feed `{}`)\n\n{}\n", table.name, table.feed.name(), table.doc);
    columns(out, table.columns);
    for column in table.columns.iter().filter(|column| matches!(column.ty, ColumnType::Code | ColumnType::CodeList)) {
        if let Some(list) = codes::codes_of(table.id, column.name) {
            code_list(out, column.name, list);
        }
    }
    let country: Vec<String> = table
        .columns
        .iter()
        .filter(|column| codes::is_country_column(column.name))
        .map(|column| format!("`{}`", column.name))
        .collect();
    if !country.is_empty() {
        let _ = writeln!(
            out,
            "\n{}: ISO 3166-1 alpha-3 in capitals, what ICAO 9303 adds for passports (XXA stateless, XXB and XXC refugees, XXX unknown, \
             UNK Kosovo, ...), or the code of a state that has ceased (YUG, SUN, ...).",
            country.join(", ")
        );
    }
    for column in table.columns {
        if let Some(form) = codes::form_of(table.id, column.name) {
            let _ = writeln!(out, "\n`{}`: {}.", column.name, form.words());
        }
    }
}

fn columns(out: &mut String, columns: &[Column]) {
    out.push_str("| column | type | meaning | the register's own name |\n| --- | --- | --- | --- |\n");
    for column in columns {
        let required = if column.required { "*" } else { "" };
        let register = if column.register == "-" { "" } else { column.register };
        let _ = writeln!(
            out,
            "| `{}`{required} | {} | {} | {} |",
            column.name,
            name_of(column),
            cell(column.doc),
            cell(register)
        );
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code_list(out: &mut String, name: &str, list: Codes) {
    let codes: Vec<String> = list.iter().map(|(code, meaning)| format!("`{code}` {meaning}")).collect();
    let _ = writeln!(out, "\n`{name}`: {}.", codes.join("; "));
}

/// The name of a type in the page's tables.
fn name_of(column: &Column) -> &'static str {
    use ColumnType::*;
    match column.ty {
        Person | OtherPerson => "subject id",
        // References are made by the engine, never sent.
        Permit | RecordKey | Record | Institution => "id",
        Employer => "organisation number",
        PersonNumber => "personal number",
        Hash => "keyed hash",
        Code => "code",
        CodeList => "codes",
        Text => "text",
        Date => "date",
        Month => "month",
        Timestamp if column.name == "event_time" => "date or instant",
        Timestamp => "instant",
        Int => "number",
        Sek => "kronor",
        Bool => "true or false",
    }
}

fn types(out: &mut String) {
    let text = format!("text of 1 to {TEXT_MAX_BYTES} bytes without control characters");
    let text = text.as_str();
    let list = format!("array of at most {LIST_MAX_ITEMS} texts, none of them null");
    let rows: [(&str, &str, &str); 9] = [
        ("subject id, id, keyed hash, text, code", text, "string (`UTF8`)"),
        ("organisation number, personal number", "text of 12 digits; date and check digit hold", "string"),
        ("codes", &list, "list of string, no null in it"),
        ("date", "`\"2026-01-15\"`, from 1900 to 2199", "`DATE`; a timestamp that is 00:00 UTC; a string as in JSON"),
        (
            "month",
            "`\"2026-01\"` or its first day, `\"2026-01-01\"`; another day is refused",
            "`DATE` of its first day; otherwise as a date",
        ),
        (
            "instant",
            "RFC 3339 with an offset, `\"2026-01-15T08:00:00Z\"`; cut to microseconds",
            "timestamp of any unit, UTC unless it has a zone; a string as in JSON",
        ),
        ("date or instant", "either; a date is 00:00 UTC", "either"),
        (
            "number, kronor",
            "whole number between -10^12 and 10^12, no fraction, no quotes; kronor are whole Swedish kronor",
            "whole number of any width; a decimal or floating-point number that is whole",
        ),
        ("true or false", "`true`, `false`", "`BOOLEAN`; 0 and 1"),
    ];
    out.push_str("| type | in a message | in a Parquet file |\n| --- | --- | --- |\n");
    for (ty, json, parquet) in rows {
        let _ = writeln!(out, "| {ty} | {json} | {parquet} |");
    }
    out.push('\n');
}

fn layout(out: &mut String) {
    let permits: Vec<String> = Feed::Permits.tables().map(|table| format!("`{}.parquet`", table.name())).collect();
    let tables: Vec<TableId> = Feed::SOURCES.into_iter().flat_map(Feed::tables).collect();
    let _ = write!(
        out,
        r#"
## 11. Recorded files

`replay`, `explain` and `sql` read a recording: a directory with the feeds, and the same records as tables.

| file | holds |
| --- | --- |
| `ndjson/<feed>.ndjson` | the messages of a feed in the order of their offsets, one a line, in UTF-8: `{{"key": ..., "known_time": ..., "value": ...}}` (section 8) |
| `parquet/<table>.parquet` | the records of a table, for `--mode batch`, `sql` and DuckDB |
| `parquet/clocks.parquet` | when feeds spoke without a record: by clock messages (section 3), and by messages that are no records |

**A message that is no JSON** is recorded as it came: `{{"key": ..., "known_time": ..., "raw": "..."}}`, with the payload's bytes as a text in place of
`value`. It is set aside as it would be live. Bytes that are no UTF-8 cannot be recorded; leave them out.

**A topic of several partitions** becomes one file. Put the messages of all partitions in the order of their timestamps, those of one partition in
the order of their offsets; a line has no partition, for `replay` spreads the keys over partitions of its own (`--partitions`). What is written to
every partition (reference records, clock messages) is taken from partition 0 alone. A feed has spoken so far as the partition has that has
said least: leave out what is stamped later than the last message of that one. `arrival_no` is the number of the line.

**Every feed is there**: {feeds} as NDJSON, and all {count} tables of these feeds as Parquet. One that had nothing to say is an empty file. A feed
that the recording does not have is named on the command line, `--absent border`. A file that is missing otherwise is an error, but for
`clocks.parquet`: without it each feed is taken to have spoken up to its last record, and `replay` says so.

**How far a feed has spoken** is the greatest known time of its messages, records and clock messages alike: what it had not said by then had not
become known. An absence that is due later waits, as it does live. So a recording that is whole up to a time ends each feed with a clock message
of that time: the last lines of the NDJSON files, and rows of `clocks.parquet`.

**Nothing was recorded in the future.** A line whose `known_time` lies more than five minutes ahead of the clock of the machine that replays it
is set aside (`future_known_time`; timeline), a table with such a row is refused (batch, `sql`): it would meet every deadline at once. Feeds that
are made up for years to come are read as of a day in them, `--as-of 2030-01-01`: up to then their times are believed.

**Columns of a table**, in any order: `person_id` (the message key; null in the tables of `reference`), the envelope's nine, `known_time` (instant),
`arrival_no` (number of the message within its feed, from 0), then the table's own. All of them are there; one without values is null in each row. Within a feed `known_time`
never falls with `arrival_no`, as in a topic; a table in which it does is refused.

**Columns of `clocks.parquet`**: `feed` (string), `known_time` (instant).

**The permit snapshot** (`snapshot.dir`) is a directory with {permits}, in the same columns.

Each value goes through the checks of a message. What does not fit is refused by file, row (counted from 0) and column, with what is wrong, and
nothing is read: a date as `2024/06/01`, an amount as `30 000`, a NaN, a code in another case, an instant where a day is meant, a null in a list, a `known_time` in the future.
"#,
        feeds = Feed::SOURCES.map(|feed| format!("`{}`", feed.name())).join(", "),
        count = tables.len(),
        permits = permits.join(", ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_code_and_table_of_a_register_is_named() {
        let page = reference();
        for table in Feed::SOURCES.into_iter().flat_map(Feed::tables) {
            let own = page.split_once(&format!("### `{}`", table.name())).map(|(_, rest)| rest).unwrap_or_default();
            let own = own.split("\n### ").next().unwrap_or_default();
            for column in table.def().columns {
                let star = if column.required { "*" } else { "" };
                assert!(own.contains(&format!("| `{}`{star} |", column.name)), "{}.{}", table.name(), column.name);
                for (code, meaning) in codes::codes_of(table, column.name).unwrap_or_default() {
                    assert!(own.contains(&format!("`{code}` {meaning}")), "{}.{} {code}", table.name(), column.name);
                }
            }
        }
        for (source, _) in codes::SOURCES {
            assert!(page.contains(&format!("`{source}`")), "{source}");
        }
    }

    #[test]
    fn a_page_is_renewed_between_the_marks() {
        let page = format!("before\n{BEGIN}\nthe page of yesteryear\n{END}\nafter\n");
        let new = renew(&page).unwrap();
        assert!(new.starts_with("before\n") && new.ends_with("\nafter\n") && !new.contains("yesteryear"));
        assert_eq!(renew(&new).unwrap(), new);
        assert_eq!(renew("no marks"), None);
    }
}

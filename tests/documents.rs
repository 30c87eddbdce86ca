//! Aim: what the pages tell an adapter's author and an operator is what the program takes.
//! Method: the examples of `config/ADAPTERS.md` go through the decoder, `config/permitwatch.toml` through the reader.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use permitwatch::config::Config;
use permitwatch::decode::decode;
use permitwatch::model::record::{Message, Offset, Op, Reason};
use permitwatch::model::schema::{Feed, TableId};
use permitwatch::model::time::{KnownTime, parse_instant};
use serde_json::Value;

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The JSON values of the page's ```json blocks; a block may hold several.
fn examples(page: &str) -> Vec<Value> {
    page.split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .flat_map(|(block, _)| serde_json::Deserializer::from_str(block).into_iter::<Value>())
        .map(|value| value.expect("an example is not JSON"))
        .collect()
}

fn message(example: &Value) -> Message {
    let text = |member: &str| example[member].as_str().unwrap_or_else(|| panic!("{member} is missing: {example}"));
    let table = TableId::from_name(example["value"]["table"].as_str().unwrap()).unwrap();
    Message {
        feed: table.def().feed,
        partition: 0,
        offset: Offset(0),
        known_time: KnownTime(parse_instant(text("known_time")).unwrap()),
        key: Some(text("key").as_bytes().into()),
        payload: Some(example["value"].to_string().into_bytes().into()),
        claimed_time: None,
        sent_at: None,
    }
}

#[test]
fn every_table_has_an_example_that_decodes() {
    let max_bytes = Config::default().limits.max_message_bytes;
    let future_limit = Config::default().visibility().future_limit;
    let mut shown = BTreeSet::new();
    let mut ops = Vec::new();
    for example in examples(&read("config/ADAPTERS.md")) {
        let message = message(&example);
        let decoded = decode(&message, max_bytes).unwrap_or_else(|bad| panic!("{bad:?}: {example}"));
        assert_eq!(decoded.unknown_fields, 0, "{example}");
        let latest = decoded.record.event_time.0.max(decoded.record.registered_at);
        assert!(
            latest <= message.known_time.0 + future_limit[decoded.record.table.index()],
            "in the future: {example}"
        );
        shown.insert(decoded.record.table.name());
        ops.push(decoded.record.op);
    }
    let all: BTreeSet<_> = TableId::ALL.into_iter().filter(|table| !table.is_link()).map(TableId::name).collect();
    assert_eq!(shown, all);
    for op in [Op::Upsert, Op::Correct, Op::Retract] {
        assert!(ops.contains(&op), "no example of {}", op.name());
    }
}

#[test]
fn the_adapters_page_names_every_feed_and_every_reason() {
    let page = read("config/ADAPTERS.md");
    for feed in Feed::SOURCES {
        assert!(page.contains(&format!("| `{}` |", feed.name())), "feed {}", feed.name());
    }
    for reason in Reason::ALL {
        assert!(page.contains(&format!("`{}`", reason.name())), "reason {}", reason.name());
    }
}

#[test]
fn the_adapters_page_says_what_the_schema_says() {
    let page = read("config/ADAPTERS.md");
    let renewed = permitwatch::tools::adapters::renew(&page).expect("the marks of the generated part");
    assert!(renewed == page, "out of date: permitwatch adapters reference --out config/ADAPTERS.md");
}

#[test]
fn the_configuration_file_shows_the_defaults() {
    let file = Config::load(&path("config/permitwatch.toml")).unwrap();
    let default = Config::default();
    assert_eq!(file.visibility(), default.visibility());
    for feed in Feed::ALL {
        assert_eq!(file.max_silence(feed), default.max_silence(feed), "{}", feed.name());
        assert_eq!(file.feed(feed).clock, default.feed(feed).clock, "{}", feed.name());
    }
    let without_feeds = Config { feeds: default.feeds.clone(), ..file };
    assert_eq!(format!("{without_feeds:#?}"), format!("{default:#?}"));
}

#[test]
fn the_configuration_file_names_every_key() {
    let text = read("config/permitwatch.toml");
    // The derived Debug form lists the fields, one a line.
    let config = Config { feeds: [("permits".to_owned(), Default::default())].into(), ..Config::default() };
    let debug = format!("{config:#?}");
    let keys: BTreeSet<&str> = debug
        .lines()
        .filter_map(|line| Some(line.trim().split_once(": ")?.0))
        .filter(|key| !key.contains('"'))
        .collect();
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        let written = text.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{key} = ")) || line == format!("[{key}]") || line.ends_with(&format!(".{key}]"))
        });
        let is_section = text.contains(&format!("[{key}."));
        assert!(written || is_section, "config/permitwatch.toml does not name {key}");
    }
}

#[test]
fn the_analysts_page_lists_every_table_column_and_view() {
    let page = read("queries/README.md");
    for table in TableId::ALL.map(TableId::def) {
        let begin = format!("| `{}` |", table.name);
        let row = page.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("no row {begin}"));
        let columns: Vec<_> = table.columns.iter().map(|column| column.name).collect();
        assert!(
            row.ends_with(&format!("| {} |", columns.join(", "))),
            "columns of {}: {}",
            table.name,
            columns.join(", ")
        );
    }
    for view in std::fs::read_dir(path("queries/views")).unwrap() {
        let file = view.unwrap().path();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(page.contains(&format!("`{name}`")), "queries/README.md does not name the view {name}");
    }
}

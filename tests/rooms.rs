//! Aim: who may use what within the crate is a table, and it holds.
//! Method: the `use` lines of `src/`, and the paths that begin with `crate` or `super`, are read as text and held against the
//! table. What only tests use is not looked at: they may use anything.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

#[path = "rooms/paths.rs"]
mod paths;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use paths::{Import, Sources};

/// The rooms in the order of the flow, each with what it may use: rooms, or modules of rooms. A room may name only rooms that stand
/// before it, so there is no circle.
const ROOMS: &[(&str, &[&str])] = &[
    // What everything shares.
    ("model", &[]),
    // What anybody is told, at a terminal or in an alert.
    ("words", &["model"]),
    ("pseudonyms", &["model"]),
    ("config", &["model", "pseudonyms"]),
    ("kafka", &["config", "model"]),
    ("telemetry", &["config", "model"]),
    ("terminal", &["model", "words"]),
    ("output", &[]),
    ("logs", &["terminal"]),
    ("allocator", &[]),
    // From the feeds to what is known of each person.
    ("source", &["config", "kafka", "model", "pseudonyms"]),
    ("merge", &["model", "source"]),
    ("decode", &["model"]),
    ("encode", &["model"]),
    // Permit classes are a closed list: each has a bit of its own.
    ("history", &["decode", "model"]),
    ("scope", &["config", "history", "model"]),
    ("snapshot", &["config", "decode", "history", "model", "telemetry"]),
    ("units", &["history", "model"]),
    // From what is known to alerts.
    ("sql", &["model", "units"]),
    ("catalogue", &["decode", "model", "words"]),
    ("proofs", &["catalogue", "decode", "model", "sql::session", "words"]),
    ("rules", &["catalogue", "history", "model", "proofs", "sql", "units"]),
    // It must say the same as the engine, so it has nothing of the engine but the dialect and the tables of nobody.
    ("oracle", &["catalogue", "config", "model", "rules::calendars", "source::files", "sql::session"]),
    ("detector", &["history", "model", "rules"]),
    ("shard", &["config", "decode", "detector", "encode", "history", "model", "pseudonyms", "rules", "scope", "units"]),
    // Facts in files: nothing of Kafka.
    ("checkpoint", &["history", "model", "output", "pseudonyms", "rules", "shard"]),
    ("sink", &["config", "decode", "kafka", "model", "pseudonyms", "shard", "source"]),
    // Running it.
    (
        "pipeline",
        &[
            "catalogue",
            "checkpoint",
            "config",
            "detector",
            "history",
            "merge",
            "model",
            "rules",
            "shard",
            "sink",
            "source",
            "telemetry",
        ],
    ),
    ("readiness", &["model", "source"]),
    ("http", &["readiness", "telemetry"]),
    (
        "service",
        &[
            "checkpoint",
            "config",
            "kafka",
            "merge",
            "model",
            "pipeline",
            "pseudonyms",
            "readiness",
            "rules",
            "shard",
            "sink",
            "snapshot",
            "source",
            "telemetry",
        ],
    ),
    // Trying it out. The generator knows the law, and no rule.
    ("generate", &["encode", "model", "output"]),
    (
        "tools",
        &[
            "catalogue",
            "checkpoint",
            "config",
            "decode",
            "detector",
            "encode",
            "generate",
            "history",
            "kafka",
            "merge",
            "model",
            "oracle",
            "output",
            "pipeline",
            "proofs",
            "pseudonyms",
            "readiness",
            "rules",
            "service",
            "shard",
            "sink",
            "snapshot",
            "source",
            "sql",
            "units",
            "words",
        ],
    ),
    (
        "cli",
        &[
            "catalogue",
            "checkpoint",
            "config",
            "generate",
            "http",
            "kafka",
            "logs",
            "model",
            "oracle",
            "output",
            "pipeline",
            "pseudonyms",
            "readiness",
            "rules",
            "service",
            "sink",
            "source",
            "telemetry",
            "terminal",
            "tools",
            "words",
        ],
    ),
];

/// Modules of a room that use each other in a circle, with the reason. A file and those in its folder count as one.
const CIRCLES: &[(&str, &[&str], &str)] = &[
    ("generate", &["employers", "world"], "the world holds the employers, who tell themselves into it"),
    ("generate", &["permits", "person", "register"], "a person holds permits and posts, which a person tells"),
    ("source::kafka", &["group", "lane", "shard"], "a consumer has its group in its type, and the group makes shards"),
    (
        "sql::executor",
        &["expr", "rowwise"],
        "an expression is worked out row by row but for parts, which are expressions",
    ),
    ("sql::executor", &["single", "window"], "a window keeps what it needs over single units"),
];

/// Crates that are for some rooms only.
const CRATES: &[(&str, &[&str])] = &[
    ("rdkafka", &["kafka", "source::kafka", "sink::kafka", "tools::broker", "tools::doctor"]),
    (
        "datafusion",
        &["sql", "catalogue", "proofs", "rules", "oracle", "tools::check", "tools::cases", "tools::explain::steps"],
    ),
    ("axum", &["http"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("metrics", &["telemetry"]),
    ("parquet", &["snapshot", "generate", "tools::checkpoints", "tools::replay", "tools::tune::labels"]),
    ("toml_edit", &["tools::cases"]),
];

static SOURCES: LazyLock<Sources> = LazyLock::new(|| Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")));
static IMPORTS: LazyLock<Vec<Import>> = LazyLock::new(|| SOURCES.imports());

fn is_within(module: &[String], name: &str) -> bool {
    let name: Vec<&str> = name.split("::").collect();
    module.len() >= name.len() && module.iter().zip(&name).all(|(own, name)| own == name)
}

#[test]
fn rooms_use_only_what_the_table_names() {
    let mut wrong = Vec::new();
    for import in IMPORTS.iter() {
        let room = &import.from[0];
        if import.to.first() == Some(room) {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| name == room) else {
            wrong.push(format!("{}: the room {room} is not in the table", import.place()));
            continue;
        };
        if !allowed.iter().any(|name| is_within(&import.to, name)) {
            let rule = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            wrong.push(format!("{}: {room} may use {rule}", import.place()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_table_has_every_room_and_goes_one_way() {
    let declared: BTreeSet<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
    let found: BTreeSet<&str> = SOURCES.modules().filter_map(|module| module.first()).map(String::as_str).collect();
    assert_eq!(declared, found);
    for (at, (room, allowed)) in ROOMS.iter().enumerate() {
        for name in *allowed {
            let used = name.split("::").next().unwrap();
            let place = ROOMS.iter().position(|(other, _)| *other == used);
            assert!(place.is_some_and(|place| place < at), "{room} names {name}, which does not stand before it");
        }
    }
}

/// What a table allows that nobody needs is an arrow that may be drawn by mistake.
#[test]
fn the_table_names_nothing_that_is_not_used() {
    for (room, allowed) in ROOMS {
        for name in *allowed {
            let is_used = IMPORTS.iter().any(|import| import.from[0] == *room && is_within(&import.to, name));
            assert!(is_used, "{room} does not use {name}");
        }
    }
}

#[test]
fn circles_within_a_room_are_those_that_the_table_names() {
    // By folder, of its modules which uses which.
    let mut folders: BTreeMap<Vec<String>, BTreeMap<String, BTreeMap<String, String>>> = BTreeMap::new();
    for import in IMPORTS.iter() {
        let common = import.from.iter().zip(&import.to).take_while(|(from, to)| from == to).count();
        if let (Some(from), Some(to)) = (import.from.get(common), import.to.get(common))
            && common > 0
        {
            let folder = folders.entry(import.from[..common].to_vec()).or_default();
            folder.entry(from.clone()).or_default().entry(to.clone()).or_insert_with(|| import.place());
        }
    }
    let mut wrong = Vec::new();
    let mut named = BTreeSet::new();
    for (folder, uses) in &folders {
        for circle in circles(uses) {
            let name = folder.join("::");
            match CIRCLES.iter().position(|(of, modules, _)| *of == name && circle == *modules) {
                Some(at) => drop(named.insert(at)),
                None => {
                    let arrows = uses.iter().filter(|(from, _)| circle.contains(from));
                    let arrows = arrows.flat_map(|(_, to)| to.iter().filter(|(to, _)| circle.contains(to)));
                    let arrows: Vec<&str> = arrows.map(|(_, place)| place.as_str()).collect();
                    wrong.push(format!("in {name} {} use each other:\n{}", circle.join(", "), arrows.join("\n")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(named.len(), CIRCLES.len(), "a circle that the table names is gone");
}

/// Modules that use each other in a circle, through others too.
fn circles(uses: &BTreeMap<String, BTreeMap<String, String>>) -> Vec<Vec<String>> {
    let reached = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(module) = open.pop() {
            for next in uses.get(&module).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let all: BTreeMap<&String, BTreeSet<String>> = uses.keys().map(|module| (module, reached(module))).collect();
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (module, reached) in all.iter().filter(|(module, reached)| reached.contains(**module)) {
        let back = |other: &&String| all.get(other).is_some_and(|reached| reached.contains(*module));
        found.insert(reached.iter().filter(back).cloned().collect());
    }
    found.into_iter().collect()
}

#[test]
fn crates_stay_in_the_rooms_that_know_them() {
    let mut wrong = Vec::new();
    for (name, rooms) in CRATES {
        for place in SOURCES.paths_of(name) {
            if !rooms.iter().any(|room| is_within(&place.from, room)) {
                wrong.push(format!("{}: {name} is for {}", place.place(), rooms.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

//! Aim: what stands says what the rules say now, also after a restart with other texts or parameters, and nothing else is published
//! then; two sets of rules in one group are told; a rule that multiplies its rows does not keep a process from ending.
//! Method: the real binary on Apache Kafka, its rules edited between two starts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use permitwatch::model::alert::{Alert, AlertId};
use permitwatch::tools::broker::FeedWriter;

use crate::harness::{World, dataset, free_port, ready_at, write};

const LIMIT: Duration = Duration::from_secs(240);

/// R28 counts what this rule finds.
const COUNTED: &str = "work-not-started";

fn rule_file(world: &World, rule: &str) -> PathBuf {
    world.dir.path().join("queries").join(format!("{rule}.sql"))
}

fn edit(world: &World, rule: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(rule_file(world, rule)).unwrap();
    assert!(text.contains(from), "{rule} has no {from:?}");
    world.put_rule(rule, &text.replacen(from, to, 1));
}

/// Alerts whose last word is another one than before, by rule.
fn changed(
    before: &BTreeMap<AlertId, Alert>,
    after: &BTreeMap<AlertId, Alert>,
) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut rules: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for (id, alert) in after {
        if before.get(id).is_none_or(|old| old.sequence != alert.sequence) {
            rules.entry(alert.rule_id.clone()).or_default().insert(alert.status.name());
        }
    }
    rules
}

#[test]
fn what_stands_says_what_the_rules_say_now() {
    let mut world = World::new("law");
    let data = dataset(300, 2);
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let written = write(&mut writer, &data, |_, _| true);
    let detector = world.ready_detector(LIMIT);
    world.wait_until("everything read", LIMIT, || world.has_read(written));
    world.settled();
    let first = world.published();
    let standing = |rule: &str| first.values().filter(|alert| alert.rule_id == rule && alert.status.stands()).count();
    assert!(standing(COUNTED) > 0 && standing("employer-breach-cluster") > 0, "nothing to tell by");
    detector.kill();

    // Nothing has changed.
    let detector = world.ready_detector(LIMIT);
    world.settled();
    assert_eq!(changed(&first, &world.published()), BTreeMap::new());
    detector.kill();

    // A rule that R28 counts has another title: its alerts are said anew, and those of R28, which name it; nobody else's.
    edit(&world, COUNTED, "title.en = \"", "title.en = \"Once more: ");
    let detector = world.ready_detector(LIMIT);
    world.settled();
    let second = world.published();
    let naming = [COUNTED, "employer-breach-cluster"];
    assert_eq!(changed(&first, &second), naming.map(|rule| (rule.to_owned(), ["updated"].into())).into());
    for alert in second.values().filter(|alert| naming.contains(&alert.rule_id.as_str()) && alert.status.stands()) {
        let names = if alert.rule_id == COUNTED { &alert.title.en } else { &alert.finding.en };
        assert!(names.contains("Once more: ") && !alert.evidence.is_empty() && !alert.finding.en.is_empty());
    }
    // A remark that nobody is told changes nothing that is published.
    detector.kill();
    edit(&world, COUNTED, "*/", "*/\n-- a remark");
    let detector = world.ready_detector(LIMIT);
    world.settled();
    assert_eq!(changed(&second, &world.published()), BTreeMap::new());

    // Another process of the group comes with a parameter of its own.
    world.rules("set = { \"salary-drop.least_months\" = 7 }");
    let other_port = free_port();
    let mut other = world.detector_at(other_port);
    world.wait_until_else(
        "that the rules differ",
        LIMIT,
        || {
            other.assert_alive(&world);
            [world.http_port, other_port]
                .into_iter()
                .any(|port| ready_at(port).1.contains("do not run the rules of shard"))
        },
        || format!("{} {}", ready_at(world.http_port).1, ready_at(other_port).1),
    );
    other.kill();
    detector.kill();
}

/// Nine tables joined by the person alone.
fn many_joins() -> String {
    let joins: String = ["b", "c", "d", "e", "f", "g", "h", "i"]
        .map(|name| format!("    JOIN payments {name} ON {name}.person_id = a.person_id\n"))
        .concat();
    format!(
        "/*\nid = \"many-joins\"\nnumber = \"X9\"\ntitle.sv = \"Prov\"\ntitle.en = \"A test\"\nfinding.sv = \"Prov.\"\n\
         finding.en = \"A test.\"\npermit_classes = [\"WORK_EMP\", \"BLUE_CARD\"]\nlegal_basis = [\"UtlL 6 kap. 2 §\"]\n\
         legal_gate = \"closed\"\nseverity = \"info\"\nowner = \"national-control\"\n*/\n\
         WITH m AS (\n    SELECT a.person_id, max(a.first_known_time) AS known_time, max(a.amount_sek + i.amount_sek) AS amount_sek\n\
         FROM payments a\n{joins}    GROUP BY a.person_id\n)\n\
         SELECT p.person_id, p.permit_id, 'x' AS alert_key, p.valid_from AS anchor_at, m.known_time AS alert_at, m.amount_sek\n\
         FROM permits p JOIN m ON m.person_id = p.person_id\n"
    )
}

#[test]
fn a_rule_that_multiplies_its_rows_fails_by_itself_and_keeps_nobody_from_ending() {
    let mut world = World::new("joins");
    world.put_rule("many-joins", &many_joins());
    world.rules("max_errors = 5");
    let data = dataset(200, 2);
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    let written = write(&mut writer, &data, |_, _| true);
    // Stopped while it is at it.
    let mut detector = world.detector();
    world.wait_until("that it has begun", LIMIT, || {
        detector.assert_alive(&world);
        world.metric("permitwatch_messages_read_total", &[]).is_some_and(|read| read > 0.0)
    });
    let asked = Instant::now();
    assert!(detector.stop().success(), "{}", world.log());
    println!("ended {:?} after it was asked to", asked.elapsed());
    // The others' alerts come all the same.
    let mut detector = world.detector();
    world.wait_until_else(
        "everything read",
        LIMIT,
        || {
            detector.assert_alive(&world);
            world.has_read(written) && ready_at(world.http_port).0
        },
        || ready_at(world.http_port).1,
    );
    assert!(world.settled().len() >= 3);
    assert!(
        world.metric("permitwatch_rule_errors_total", &["rule=\"many-joins\""]).is_some_and(|errors| errors >= 5.0)
    );
    assert_eq!(world.metric("permitwatch_rule_disabled", &["rule=\"many-joins\""]), Some(1.0));
    assert!(detector.stop().success(), "{}", world.log());
}

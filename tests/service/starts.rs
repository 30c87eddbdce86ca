//! Aim: what would make a detector err in silence stops its start with a sentence; topics can be made by the program; a stop is heeded at
//! once, also by one that rebuilds.
//! Method: the real binary, with topics and configurations that are wrong in one thing each.

use std::process::Output;
use std::time::Duration;

use permitwatch::kafka::topics;
use permitwatch::tools::broker::FeedWriter;

use crate::broker::Brokers;
use crate::harness::{PARTITIONS, World, dataset, ready_at, write};

const LIMIT: Duration = Duration::from_secs(120);

fn says(world: &World, args: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } = world.command(args, world.http_port).output().unwrap();
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

#[test]
fn topics_are_made_as_they_are_needed_and_what_exists_is_left_alone() {
    let brokers = Brokers::shared();
    let world = World::on(brokers.config("topics"));
    let (started, why) = says(&world, &["run"]);
    assert!(!started && why.contains("does not exist; `permitwatch topics create` makes what is missing"), "{why}");
    let (planned, why) = says(&world, &["topics", "create"]);
    assert!(!planned && why.contains("say how many partitions"), "{why}");
    let (planned, plan) = says(&world, &["topics", "create", "--partitions", "3"]);
    assert!(planned && plan.contains("permits: is missing; would be made with 3 partitions, one copy"), "{plan}");
    assert!(plan.contains("  cleanup.policy=compact\n") && plan.contains("nothing has been made"), "{plan}");
    let (made, text) = says(&world, &["topics", "create", "--partitions", "3", "--apply"]);
    assert!(made && text.contains("12 topics made"), "{text}");
    let (repeated, text) = says(&world, &["topics", "create", "--apply"]);
    assert!(repeated && text.matches(": is as it should be").count() == 12 && text.contains("0 topics made"), "{text}");
    let (differing, text) = says(&world, &["topics", "create", "--partitions", "4", "--apply"]);
    assert!(!differing && text.matches("partitions is 3, needs 4").count() == 12, "{text}");
    let (doctor, findings) = says(&world, &["doctor"]);
    assert!(findings.contains("12 topics with 3 partitions each"), "{findings}");
    assert!(!doctor || !findings.contains("fail"), "{findings}");
}

#[test]
fn alerts_that_have_nowhere_to_go_stop_the_start() {
    let brokers = Brokers::shared();
    for (own, partitions) in [("alerts", 1), ("alerts", 4), ("quarantine", 2)] {
        let world = World::on(brokers.config("counts"));
        let mut plan = topics::plan(&world.kafka, Some(PARTITIONS), Some(1)).unwrap();
        let (of_own, others): (Vec<_>, Vec<_>) = plan.missing.into_iter().partition(|topic| topic.name.ends_with(own));
        plan.missing = others;
        topics::create(&world.kafka, &plan).unwrap();
        (plan.missing, plan.partitions) = (of_own, partitions);
        topics::create(&world.kafka, &plan).unwrap();
        let (started, why) = says(&world, &["run"]);
        let count = format!("{own}\" has {partitions} partitions, ");
        assert!(!started && why.contains(&count) && why.contains("the counts must be equal"), "{why}");
    }
}

#[test]
fn a_rule_that_is_disabled_by_a_name_that_no_rule_has_stops_the_start() {
    let mut world = World::on(Brokers::shared().config("disabled"));
    world.rules("disabled = [\"salary-below-flor\"]");
    let (started, why) = says(&world, &["run"]);
    assert!(!started && why.contains("rules.disabled names \"salary-below-flor\""), "{why}");
    assert!(why.contains("did you mean salary-below-floor"), "{why}");
}

#[test]
fn a_stop_is_heeded_by_one_that_rebuilds() {
    let mut world = World::new("stop");
    let data = dataset(150, 1);
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    write(&mut writer, &data, |_, _| true);
    let mut detector = world.detector();
    world.wait_until("a detector that is ready", LIMIT, || {
        detector.assert_alive(&world);
        ready_at(world.http_port).0
    });
    assert!(world.settled().len() >= 3);
    detector.kill();
    // At this limit it takes nothing, so its rebuild would never end.
    world.limit("state_max_bytes = 1\nbatch_changes = 1");
    let mut detector = world.detector();
    world.wait_until("one that rebuilds and cannot go on", LIMIT, || {
        detector.assert_alive(&world);
        world.metric("permitwatch_paused", &[]).is_some_and(|paused| paused > 0.0)
            && ready_at(world.http_port).1.contains("are recovering")
    });
    assert!(detector.stop().success(), "{}", world.log());
}

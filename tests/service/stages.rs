//! Aim: what a rule on trial finds never reaches the alerts topic; it goes live and back by a restart, from a checkpoint and by a reload, and
//! wherever a crash has cut the two topics off, each ends as if there had been none. No topic is needed while no rule is on trial.
//! Method: Apache Kafka, the stage written into the file of a shipped rule. A crash between the writes of the two topics is made: either of
//! them is put back to the first half of its messages, as they were. The bytes of the alerts topic are searched for the rule's id.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use permitwatch::catalogue::Catalogue;
use permitwatch::generate::Dataset;
use permitwatch::kafka::topics;
use permitwatch::model::alert::{Alert, AlertId, Severity, Status};
use permitwatch::model::stage::{Outlet, Stage};
use permitwatch::pseudonyms::PublishedAlert;
use permitwatch::sink::kafka::read_published_of;
use permitwatch::tools::broker::FeedWriter;
use rdkafka::message::{Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::broker::Brokers;
use crate::crash::undisturbed;
use crate::harness::{Detector, PARTITIONS, World, dataset, keys, ready_at, write};
use crate::lost::{delete, make};

const LIMIT: Duration = Duration::from_secs(180);

/// What stands by which rule, of the chosen one and of all others.
struct Expected {
    /// A rule that says something, and that no other rule and no link reads.
    rule: String,
    own: BTreeMap<AlertId, Severity>,
    others: BTreeMap<AlertId, Severity>,
}

impl Expected {
    fn of(data: &Dataset) -> Expected {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let catalogue = Catalogue::load(&root.join("queries"), &BTreeMap::new()).unwrap();
        let by_rules = catalogue.rules.iter().flat_map(|rule| &rule.header.uses);
        let read: BTreeSet<&String> = by_rules.chain(catalogue.links.iter().flat_map(|link| &link.uses)).collect();
        let (standing, raised) = undisturbed(data);
        let mut by_rule: BTreeMap<String, BTreeMap<AlertId, Severity>> = BTreeMap::new();
        for (id, log) in &raised {
            let id = AlertId::from_hex(id).unwrap();
            let own = by_rule.entry(log[0].rule_id.clone()).or_default();
            own.extend(standing.get(&id).map(|severity| (id, *severity)));
        }
        let free = by_rule.into_iter().filter(|(rule, _)| !read.contains(rule));
        let (rule, own) = free.max_by_key(|(_, own)| own.len()).unwrap();
        assert!(own.len() >= 3, "{rule} has only {} alerts standing", own.len());
        let others = standing.into_iter().filter(|(id, _)| !own.contains_key(id)).collect();
        Expected { rule, own, others }
    }

    /// What is to stand on each topic.
    fn on(&self, outlet: Outlet, stage: Stage) -> BTreeMap<AlertId, Severity> {
        match (outlet, stage) {
            (Outlet::Officers, Stage::Live) => self.others.iter().chain(&self.own).map(|(a, b)| (*a, *b)).collect(),
            (Outlet::Officers, _) => self.others.clone(),
            (Outlet::Shadow, Stage::Shadow) => self.own.clone(),
            (Outlet::Shadow, _) => BTreeMap::new(),
        }
    }

    fn wait(&self, world: &World, detector: &mut Detector, stage: Stage) {
        let differs = || Outlet::ALL.into_iter().find(|outlet| standing(world, *outlet) != self.on(*outlet, stage));
        let instead = || {
            let told = |outlet: Outlet| {
                let (is, wanted) = (standing(world, outlet), self.on(outlet, stage));
                let missing = wanted.iter().filter(|(id, severity)| is.get(id) != Some(severity)).count();
                format!("{}: {} stand, {} are wanted, {missing} of them missing", outlet.name(), is.len(), wanted.len())
            };
            Outlet::ALL.map(told).join("; ")
        };
        let what = format!("what stands with {} {}", self.rule, stage.name());
        let settled = || {
            detector.assert_alive(world);
            ready_at(world.http_port).0 && differs().is_none()
        };
        world.wait_until_else(&what, LIMIT, settled, instead);
        assert_whole(world);
    }
}

fn published(world: &World, outlet: Outlet) -> BTreeMap<AlertId, Alert> {
    let of = |shard| read_published_of(outlet, &world.kafka, &keys(), shard).unwrap().alerts;
    (0..PARTITIONS).flat_map(of).collect()
}

fn standing(world: &World, outlet: Outlet) -> BTreeMap<AlertId, Severity> {
    let standing = published(world, outlet).into_iter().filter(|(_, alert)| alert.status.stands());
    standing.map(|(id, alert)| (id, alert.severity)).collect()
}

fn messages(world: &World, outlet: Outlet) -> u64 {
    let of = |shard| read_published_of(outlet, &world.kafka, &keys(), shard).unwrap().messages;
    (0..PARTITIONS).map(of).sum()
}

/// On each topic no transition of any alert is missing, or said twice.
fn assert_whole(world: &World) {
    for outlet in Outlet::ALL {
        let mut said: BTreeMap<String, Vec<(u64, Status)>> = BTreeMap::new();
        world.read(&[world.kafka.topic_of(outlet)], |message| {
            let alert: PublishedAlert = serde_json::from_slice(message.payload().unwrap()).unwrap();
            let alert = keys().reidentify(alert).unwrap();
            assert_eq!(alert.outlet(), outlet);
            said.entry(alert.alert_id).or_default().push((alert.sequence, alert.status));
        });
        for (id, mut steps) in said {
            steps.dedup();
            let sequences: Vec<u64> = steps.iter().map(|(sequence, _)| *sequence).collect();
            let whole: Vec<u64> = (1..=steps.len() as u64).collect();
            assert_eq!(sequences, whole, "{}: {id} {steps:?}", outlet.name());
        }
    }
}

/// Whether any message of the alerts topic names the rule, in its key, payload or headers.
fn officers_hear_of(world: &World, rule: &str) -> bool {
    let mut is_named = false;
    let names = |bytes: &[u8]| bytes.windows(rule.len()).any(|window| window == rule.as_bytes());
    world.read(&[world.kafka.alerts_topic()], |message| {
        let mut headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        is_named |= message.payload().is_some_and(names)
            || message.key().is_some_and(names)
            || headers.any(|header| header.value.is_some_and(names));
    });
    is_named
}

/// Why the rule's alerts have ended on a topic.
fn reasons(world: &World, outlet: Outlet, rule: &str) -> BTreeSet<String> {
    let ended = published(world, outlet).into_values().filter(|alert| alert.rule_id == rule && !alert.status.stands());
    ended.filter_map(|alert| alert.reason).collect()
}

/// Writes a stage into the header of a rule's file.
fn put(world: &World, rule: &str, stage: Stage) {
    let file = world.dir.path().join(format!("queries/{rule}.sql"));
    let text = std::fs::read_to_string(&file).unwrap();
    let without = |line: &&str| !line.starts_with("stage = ") && !line.starts_with("stage_since = ");
    let lines: Vec<&str> = text.lines().filter(without).collect();
    let id = format!("id = \"{rule}\"");
    let staged = format!("{id}\nstage = \"{}\"\nstage_since = 2026-12-01", stage.name());
    let text = lines.join("\n") + "\n";
    assert!(text.contains(&id), "{text}");
    world.put_rule(rule, &text.replacen(&id, &staged, 1));
}

fn metric(world: &World, name: &str, rule: &str) -> Option<f64> {
    world.metric(&format!("{name}{{"), &[&format!("rule=\"{rule}\"")])
}

/// A world whose feeds have been written.
fn world_with(name: &str, data: &Dataset) -> World {
    let world = World::new(name);
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    write(&mut writer, data, |_, _| true);
    world
}

#[test]
fn a_rule_on_trial_speaks_to_nobody_goes_live_and_back() {
    let data = dataset(400, 2);
    let expected = Expected::of(&data);
    let rule = expected.rule.as_str();
    for checkpoints in [false, true] {
        let mut world = world_with("stages", &data);
        if checkpoints {
            world.checkpoints(1);
        }
        put(&world, rule, Stage::Shadow);
        // Killed before it has said everything.
        for share in 1..=3 {
            let mut detector = world.detector();
            world.wait_until("something on the topic of rules on trial", LIMIT, || {
                detector.assert_alive(&world);
                messages(&world, Outlet::Shadow) >= share * expected.own.len() as u64 / 4
            });
            detector.kill();
        }
        let mut detector = world.detector();
        expected.wait(&world, &mut detector, Stage::Shadow);
        assert!(!officers_hear_of(&world, rule), "{rule} is on the alerts topic");
        let (own, all) = ("permitwatch_shadow_alerts_standing", "permitwatch_alerts_standing");
        world.wait_until("the census", LIMIT, || metric(&world, own, rule) == Some(expected.own.len() as f64));
        assert_eq!(metric(&world, all, rule), None);
        assert_eq!(metric(&world, "permitwatch_alert_transitions_total", rule), None);
        assert!(detector.stop().success(), "{}", world.log());

        // Live by a restart, and back.
        put(&world, rule, Stage::Live);
        let mut detector = world.detector();
        expected.wait(&world, &mut detector, Stage::Live);
        assert!(officers_hear_of(&world, rule));
        assert!(reasons(&world, Outlet::Shadow, rule).contains("rule_promoted"));
        world.wait_until("the census", LIMIT, || metric(&world, all, rule) == Some(expected.own.len() as f64));
        assert_eq!(metric(&world, own, rule), None);
        detector.kill();
        put(&world, rule, Stage::Shadow);
        let mut detector = world.detector();
        expected.wait(&world, &mut detector, Stage::Shadow);
        assert!(reasons(&world, Outlet::Officers, rule).contains("rule_withdrawn"));

        // Live by a reload, killed while what it says is on its way, and back by another.
        put(&world, rule, Stage::Live);
        detector.hang_up();
        world.wait_until("something of it on the alerts topic", LIMIT, || {
            detector.assert_alive(&world);
            standing(&world, Outlet::Officers).keys().any(|id| expected.own.contains_key(id))
        });
        detector.kill();
        let mut detector = world.detector();
        expected.wait(&world, &mut detector, Stage::Live);
        put(&world, rule, Stage::Shadow);
        detector.hang_up();
        expected.wait(&world, &mut detector, Stage::Shadow);
        assert_eq!(metric(&world, own, rule).map(|count| count > 0.0), Some(true));

        // Retired: nothing of it stands anywhere.
        put(&world, rule, Stage::Retired);
        detector.hang_up();
        expected.wait(&world, &mut detector, Stage::Retired);
        assert!(reasons(&world, Outlet::Shadow, rule).contains("rule_withdrawn"));
        assert!(detector.stop().success(), "{}", world.log());
    }
}

/// Key, payload and headers of the messages of a topic, by partition.
type Kept = Vec<Vec<(Vec<u8>, Vec<u8>, OwnedHeaders)>>;

fn keep(world: &World, topic: &str) -> Kept {
    let mut kept: Kept = vec![Vec::new(); PARTITIONS as usize];
    world.read(&[topic.to_owned()], |message| {
        let bytes = |bytes: Option<&[u8]>| bytes.unwrap_or_default().to_vec();
        let headers = message.headers().map(|headers| headers.detach()).unwrap_or_default();
        kept[message.partition() as usize].push((bytes(message.key()), bytes(message.payload()), headers));
    });
    kept
}

/// Puts a topic back to the first half of its messages: what a crash leaves that came before the rest was written.
fn cut(world: &World, topic: &str) -> (usize, usize) {
    let kept = keep(world, topic);
    delete(world, &[topic.to_owned()]);
    make(world, &[topic.to_owned()]);
    let producer: BaseProducer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &world.kafka.brokers).create().unwrap();
    let (mut left, mut gone) = (0, 0);
    for (partition, messages) in kept.iter().enumerate() {
        let half = messages.len() / 2;
        for (key, payload, headers) in &messages[..half] {
            let record = BaseRecord::to(topic).partition(partition as i32).key(key).payload(payload);
            producer.send(record.headers(headers.clone())).map_err(|(error, _)| error).unwrap();
        }
        (left, gone) = (left + half, gone + messages.len() - half);
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    (left, gone)
}

#[test]
fn a_crash_between_the_two_topics_loses_and_invents_nothing_on_either() {
    let data = dataset(400, 2);
    let expected = Expected::of(&data);
    let world = world_with("between", &data);
    put(&world, &expected.rule, Stage::Shadow);
    let mut detector = world.detector();
    expected.wait(&world, &mut detector, Stage::Shadow);
    detector.kill();
    for behind in Outlet::ALL {
        let ahead = if behind == Outlet::Officers { Outlet::Shadow } else { Outlet::Officers };
        let said = messages(&world, ahead);
        let (left, gone) = cut(&world, &world.kafka.topic_of(behind));
        assert!(left > 0 && gone > 0, "{}: {left} left, {gone} gone", behind.name());
        let mut detector = world.detector();
        expected.wait(&world, &mut detector, Stage::Shadow);
        assert_eq!(messages(&world, ahead), said, "{} had all that it should", ahead.name());
        assert!(!officers_hear_of(&world, &expected.rule));
        detector.kill();
    }
    // Cut off while the rule goes live, on either side.
    put(&world, &expected.rule, Stage::Live);
    let mut detector = world.detector();
    expected.wait(&world, &mut detector, Stage::Live);
    detector.kill();
    for behind in Outlet::ALL {
        cut(&world, &world.kafka.topic_of(behind));
        let mut detector = world.detector();
        expected.wait(&world, &mut detector, Stage::Live);
        detector.kill();
    }
}

#[test]
fn without_rules_on_trial_no_topic_for_them_is_needed() {
    let data = dataset(400, 2);
    let expected = Expected::of(&data);
    let world = World::on(Brokers::shared().config("untried"));
    let mut plan = topics::plan(&world.kafka, Some(PARTITIONS), Some(1)).unwrap();
    let shadow = world.kafka.shadow_topic();
    plan.missing.retain(|topic| topic.name != shadow);
    let settings = plan.missing.iter_mut().flat_map(|topic| &mut topic.settings);
    for setting in settings.filter(|setting| setting.name == "message.timestamp.after.max.ms") {
        setting.value = i64::MAX.to_string();
    }
    topics::create(&world.kafka, &plan).unwrap();
    let mut writer = FeedWriter::new(&world.kafka).unwrap();
    write(&mut writer, &data, |_, _| true);
    let mut detector = world.detector();
    let whole = expected.on(Outlet::Officers, Stage::Live);
    world.wait_until("that it is ready and all stands", LIMIT, || {
        detector.assert_alive(&world);
        ready_at(world.http_port).0 && world.standing() == whole
    });
    let doctor = world.command(&["doctor"], world.http_port).output().unwrap();
    let findings = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(findings.contains("no rule can go on trial") && findings.contains("11 topics with 3"), "{findings}");

    // A reload that would need the topic is refused, and what runs goes on.
    put(&world, &expected.rule, Stage::Shadow);
    detector.hang_up();
    let refused = format!("there is no topic \"{shadow}\" for its alerts");
    world.wait_until("that it is refused", LIMIT, || world.log().contains(&refused));
    detector.assert_alive(&world);
    assert!(ready_at(world.http_port).0, "{}", ready_at(world.http_port).1);
    assert_eq!(world.standing(), whole);
    detector.kill();
    // So is a start.
    let started = world.command(&["run"], world.http_port).output().unwrap();
    let why = String::from_utf8_lossy(&started.stderr).into_owned();
    assert!(!started.status.success() && why.contains(&refused), "{why}");
    // With the topic both are taken.
    put(&world, &expected.rule, Stage::Live);
    let mut detector = world.ready_detector(LIMIT);
    make(&world, &[shadow]);
    put(&world, &expected.rule, Stage::Shadow);
    detector.hang_up();
    expected.wait(&world, &mut detector, Stage::Shadow);
    assert!(detector.stop().success(), "{}", world.log());
}

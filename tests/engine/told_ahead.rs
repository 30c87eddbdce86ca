//! Aim: a feed that is silent raises nothing. What is told ahead of its day may be taken back until then; if the feed that would say so
//! lags, the alert waits for it, as one about an absence does.
//! Method: the rules' cases in live order. For each feed that a rule reads and each of its last messages, the other feeds are read to a year
//! beyond the end while this one stands still before that message. An alert that time alone raises then, and no message, must be one that
//! is raised in strict order too.

use std::collections::BTreeSet;

use permitwatch::catalogue::Catalogue;
use permitwatch::model::alert::{Alert, Status};
use permitwatch::model::clock::Spoken;
use permitwatch::model::record::{Message, Op, Record, Value};
use permitwatch::model::schema::{Feed, TableId};
use permitwatch::model::time::{EventTime, KnownTime, MICROS_PER_DAY, parse_instant, parse_time};
use permitwatch::rules::RuleSet;
use permitwatch::shard::{Order, Shard};
use permitwatch::tools::cases::Recording;
use permitwatch::tools::replay::standing_rows;

use crate::drive::{case_file, catalogue, lagging_batch, plan, records_of, shard, sorted, strict};

/// Messages of a feed before which it is made to stand still, from the last one backwards.
const LAST_MESSAGES: usize = 3;

/// Live order, all feeds up to before `away`, and then all but `lagging` up to `end`: the alerts raised in the second part.
fn lagging(rules: RuleSet, messages: &[Message], lagging: Feed, away: i64, end: i64) -> (RuleSet, Vec<Alert>) {
    let mut shard = shard(Order::Live, rules);
    let (before, after) = messages.split_at(messages.partition_point(|message| message.known_time.0 < away));
    before.iter().for_each(|message| shard.take(message));
    Feed::ALL.into_iter().for_each(|feed| shard.advance_clock(feed, KnownTime(away - 1)));
    shard.settle_live();
    after.iter().filter(|message| message.feed != lagging).for_each(|message| shard.take(message));
    let others = Feed::ALL.into_iter().filter(|feed| *feed != lagging);
    others.for_each(|feed| shard.advance_clock(feed, KnownTime(end)));
    let log = shard.settle_live().into_iter().map(|emitted| emitted.alert);
    let raised = log.filter(|alert| alert.status == Status::Raised).collect();
    (shard.into_rule_set(), raised)
}

#[test]
fn a_feed_that_lags_raises_nothing_by_the_passing_of_time() {
    let ids: Vec<String> = catalogue().rules.iter().map(|rule| rule.header.id.clone()).collect();
    let (mut runs, mut invented) = (0, BTreeSet::new());
    for id in &ids {
        let mut catalogue = catalogue();
        catalogue.retain(&[id.as_str()]);
        let mut rules = plan(&catalogue);
        let file = case_file(id);
        for (number, case) in file.case.iter().enumerate() {
            let recording = Recording::new(records_of(&file, case, &format!("c{number:04}")));
            let messages = recording.messages();
            let Some(last) = messages.iter().map(|message| message.known_time.0).max() else { continue };
            let end = last + 366 * MICROS_PER_DAY;
            let known: BTreeSet<i64> = messages.iter().map(|message| message.known_time.0).collect();
            let (back, ran) = strict(rules, &messages.iter().collect::<Vec<_>>(), 1, &[end]);
            rules = back;
            let of_rule = |alert: &&Alert| alert.rule_id == *id;
            let raised: BTreeSet<&str> = ran.log.iter().filter(of_rule).map(|alert| alert.alert_id.as_str()).collect();
            let feeds = rules.rules().iter().find(|rule| rule.file.header.id == *id).map(|rule| rule.feeds);
            // The permits feed cannot lag behind the others: the merge holds them back.
            for feed in feeds.into_iter().flat_map(|feeds| feeds.iter()).filter(|feed| *feed != Feed::Permits) {
                let own = messages.iter().filter(|message| message.feed == feed).map(|message| message.known_time.0);
                let times: BTreeSet<i64> = own.collect();
                for &away in times.iter().rev().take(LAST_MESSAGES) {
                    let (back, alerts) = lagging(rules, &messages, feed, away, end);
                    rules = back;
                    runs += 1;
                    let by_time = |alert: &&Alert| !known.contains(&parse_instant(&alert.as_of).unwrap());
                    let new = alerts.iter().filter(of_rule).filter(by_time);
                    for alert in new.filter(|alert| !raised.contains(alert.alert_id.as_str())) {
                        invented.insert(format!("{id}, {}, {} lags: {}", case.name, feed.name(), alert.alert_key));
                    }
                }
            }
        }
    }
    println!("{runs} runs");
    assert!(runs > 1_000, "{runs}");
    assert!(invented.is_empty(), "{}", invented.into_iter().collect::<Vec<_>>().join("\n"));
}

/// A journey is told on the permit that is held then, or begins later. No `due_at`: the engine knows by itself what lies ahead.
const BY_HAND: &str = "SELECT p.person_id, p.permit_id, b.record_key AS alert_key, b.observed_on AS anchor_at,
       greatest(b.first_known_time, p.first_known_time, CAST(p.valid_from AS TIMESTAMP)) AS alert_at, records(p.record, b.record) AS records
FROM permit_spells p
JOIN border b ON b.person_id = p.person_id AND b.direction = 'exit'
WHERE p.permit_class IN ('PROT_REFUGEE', 'PROT_SUBSIDIARY', 'PROT_TEMPORARY')";

const RULE: &str = "protected-home-travel";

fn by_hand() -> Catalogue {
    let mut catalogue = catalogue();
    catalogue.retain(&[RULE]);
    let rule = catalogue.rules.iter_mut().find(|rule| rule.header.id == RULE).unwrap();
    rule.sql = BY_HAND.to_owned();
    catalogue
}

fn at(time: &str) -> KnownTime {
    KnownTime(parse_time(time).unwrap())
}

fn day(text: &str) -> Value {
    Value::Day(at(text).day().0)
}

fn record(table: TableId, key: &str, known: &str, values: &[(&str, Value)]) -> Record {
    let known = at(known);
    let mut record = Record {
        table,
        subject: "p".into(),
        record_key: key.into(),
        version: 1,
        op: Op::Upsert,
        event_time: EventTime(known.0),
        registered_at: known.0,
        known_time: known,
        schema_ver: 1,
        source: if table == TableId::Border { "police" } else { "mv" }.into(),
        purpose: "permit_control".into(),
        secrecy_class: 0,
        values: vec![Value::Null; table.def().columns.len()],
    };
    for (name, value) in values {
        record.values[table.def().column(name).unwrap().0] = value.clone();
    }
    record
}

/// A permit from the first of March that is known in February.
fn permit() -> Record {
    let text = |text: &str| Value::Text(text.into());
    let values =
        [("permit_id", text("p-1")), ("permit_class", text("PROT_REFUGEE")), ("valid_from", day("2025-03-01"))];
    record(TableId::Permits, "permit", "2025-02-01T09:00:00Z", &values)
}

fn journey(known: &str) -> Record {
    let text = |text: &str| Value::Text(text.into());
    let values = [("direction", text("exit")), ("country", text("AFG")), ("observed_on", day(&known[..10]))];
    record(TableId::Border, "journey", known, &values)
}

fn taken_back(record: &Record, known: &str) -> Record {
    let mut back = record.clone();
    (back.version, back.op, back.known_time) = (2, Op::Retract, at(known));
    (back.registered_at, back.event_time.0) = (back.known_time.0, back.known_time.0);
    back.values.clear();
    back
}

/// A shard in live order with that rule.
struct Live {
    shard: Shard,
}

impl Live {
    fn new() -> Live {
        Live { shard: shard(Order::Live, plan(&by_hand())) }
    }

    /// Takes records, and clocks: of the border notices to `border`, of the others to `others`.
    fn reads(&mut self, records: &[&Record], border: &str, others: &str) -> Vec<(Status, String)> {
        let messages = Recording::new(records.iter().map(|record| (*record).clone()).collect()).messages();
        messages.iter().for_each(|message| self.shard.take(message));
        for feed in Feed::ALL {
            self.shard.advance_clock(feed, at(if feed == Feed::Border { border } else { others }));
        }
        let log = self.shard.settle_live().into_iter().map(|emitted| emitted.alert);
        log.filter(|alert| alert.rule_id == RULE).map(|alert| (alert.status, alert.as_of)).collect()
    }

    fn waits(&self) -> usize {
        self.shard.waiting().iter().sum()
    }
}

#[test]
fn a_row_that_begins_with_a_later_permit_waits_for_the_feed_that_may_take_it_back() {
    let journey = journey("2025-02-10T08:00:00Z");
    let mut shard = Live::new();
    assert_eq!(shard.reads(&[&permit(), &journey], "2025-02-10T08:00:00Z", "2025-02-20"), []);
    assert_eq!(shard.waits(), 0, "its day has not come");
    assert_eq!(shard.reads(&[], "2025-02-10T08:00:00Z", "2025-03-05"), [], "the border notices lag behind its day");
    assert_eq!(shard.waits(), 1);
    // Something else becomes known, so that the rule is evaluated after the row's day.
    let mut later = permit();
    (later.version, later.op, later.known_time) = (2, Op::Correct, at("2025-03-06T09:00:00Z"));
    assert_eq!(shard.reads(&[&later], "2025-02-10T08:00:00Z", "2025-03-06T09:00:00Z"), [], "another evaluation");
    assert_eq!(shard.waits(), 1);
    let back = taken_back(&journey, "2025-02-25T08:00:00Z");
    assert_eq!(shard.reads(&[&back], "2025-03-07", "2025-03-07"), [], "it was taken back before its day");
    assert_eq!(shard.waits(), 0);
}

#[test]
fn it_is_raised_when_the_feed_has_reached_its_day() {
    let journey = journey("2025-02-10T08:00:00Z");
    let mut shard = Live::new();
    assert_eq!(shard.reads(&[&permit(), &journey], "2025-02-10T08:00:00Z", "2025-03-05"), []);
    let raised = [(Status::Raised, "2025-03-05T00:00:00.000000Z".to_owned())];
    assert_eq!(shard.reads(&[], "2025-03-01", "2025-03-05"), raised);
}

#[test]
fn what_has_become_known_is_raised_at_once() {
    // The border notices are ahead of all others, then far behind them: the row begins with a record either way.
    for (others, as_of) in [("2025-03-02", "2025-03-10"), ("2025-04-10", "2025-04-10")] {
        let mut shard = Live::new();
        assert_eq!(shard.reads(&[&permit()], "2025-02-20", others), []);
        let log = shard.reads(&[&journey("2025-03-10T08:00:00Z")], "2025-03-10T08:00:00Z", others);
        let [(Status::Raised, raised)] = log.as_slice() else { panic!("not raised at once: {log:?}") };
        assert!(raised.starts_with(as_of), "{raised}");
    }
}

/// Strict order and the batch query over the same records, with the feeds as far as they reach.
fn both(records: &[&Record], border: &str, others: &str) -> (usize, usize) {
    let recording = Recording::new(records.iter().map(|record| (*record).clone()).collect());
    let as_of = at(others);
    let mut reached = Spoken([as_of; Feed::COUNT]);
    reached.0[Feed::Border.index()] = at(border);
    let mut shard = shard(Order::Strict, plan(&by_hand()));
    shard.set_spoken(reached);
    recording.messages().iter().for_each(|message| shard.take(message));
    shard.settle(as_of);
    let found = lagging_batch(&by_hand(), &recording.tables(), as_of.0, reached);
    assert_eq!(sorted(standing_rows(&shard)), found.standing);
    let waiting = found.waiting.get(RULE).map_or(0, |(_, units)| *units);
    assert_eq!(shard.waiting().iter().sum::<usize>(), waiting);
    (found.standing.len(), waiting)
}

#[test]
fn strict_order_and_the_batch_query_wait_alike() {
    let (permit, ahead, later) = (permit(), journey("2025-02-10T08:00:00Z"), journey("2025-03-03T08:00:00Z"));
    assert_eq!(both(&[&permit, &ahead], "2025-02-10T08:00:00Z", "2025-03-05"), (0, 1), "its day has not been reached");
    assert_eq!(both(&[&permit, &ahead], "2025-03-01", "2025-03-05"), (1, 0));
    let instant_before = "2025-02-28T23:59:59.999999Z";
    assert_eq!(both(&[&permit, &ahead], instant_before, "2025-03-05"), (0, 1));
    assert_eq!(both(&[&permit, &later], "2025-03-03T08:00:00Z", "2025-03-05"), (1, 0), "it began with a record");
    // A notice of which nothing is told came at that very instant: then a record raises it, not time alone.
    let mut other = journey("2025-03-01T00:00:00Z");
    other.record_key = "other".into();
    other.values[TableId::Border.def().column("direction").unwrap().0] = Value::Text("entry".into());
    assert_eq!(both(&[&permit, &ahead, &other], "2025-03-01", "2025-03-05"), (1, 0));
    // One that came twice counts from the first time.
    let mut again = later.clone();
    (again.known_time, again.registered_at) = (at("2025-03-04T08:00:00Z"), at("2025-03-04T08:00:00Z").0);
    assert_eq!(both(&[&permit, &later, &again], "2025-03-03T08:00:00Z", "2025-03-05"), (1, 0));
}

//! Aim: of what rules found about a holder, the unit of an employer is shown what holds, from the instant from which it holds, and never
//! what a rule merely waits for; and however the messages are cut, the same is shown in the end.
//! Method: cases of the rule that reads it and of rules that the link uses, in live order: settled after each message and at every midnight between, and all at once.
//!
//! And whatever a link shows, in a replay too, is a record that another shard could read from a topic: a generated population.

use std::collections::{BTreeMap, BTreeSet};

use permitwatch::config::Config;
use permitwatch::decode::decode;
use permitwatch::encode::encode;
use permitwatch::generate::{Options, generate};
use permitwatch::model::record::{Message, Offset, Op, Record, Value};
use permitwatch::model::schema::{Feed, TableId};
use permitwatch::model::time::{KnownTime, MICROS_PER_DAY};
use permitwatch::rules::RuleSet;
use permitwatch::shard::Order;
use permitwatch::tools::cases::Recording;

use crate::drive::{case_file, catalogue, messages_of, plan, records_of, shard};

const READER: &str = "employer-breach-cluster";
const CASES: [&str; 5] =
    [READER, "work-not-started", "employment-ended", "salary-below-floor", "declarations-backfilled"];

/// What is shown of indications when all messages before each of `clocks` have been read, one clock after the other.
fn shown(rules: RuleSet, messages: &[Message], clocks: impl Iterator<Item = i64>) -> (RuleSet, Vec<Record>) {
    let mut shard = shard(Order::Live, rules);
    let (mut out, mut next) = (Vec::new(), 0);
    for clock in clocks {
        for message in messages[next..].iter().take_while(|message| message.known_time.0 <= clock) {
            shard.take(message);
            next += 1;
        }
        Feed::ALL.into_iter().for_each(|feed| shard.advance_clock(feed, KnownTime(clock)));
        shard.settle_live();
        out.extend(shard.take_outgoing().into_iter().filter(|record| record.table == TableId::EmployerIndications));
    }
    (shard.into_rule_set(), out)
}

/// The rows that stand, with what they say.
fn standing(records: &[Record]) -> BTreeMap<(&str, &str), String> {
    let mut rows = BTreeMap::new();
    for record in records {
        let key = (&*record.subject, &*record.record_key);
        match record.op {
            Op::Retract => rows.remove(&key),
            Op::Upsert | Op::Correct => rows.insert(key, format!("{:?}", record.values)),
        };
    }
    rows
}

#[test]
fn what_rules_found_is_shown_from_when_it_holds_and_not_before() {
    let mut catalogue = catalogue();
    catalogue.retain(&[READER]);
    let (at, _) = TableId::EmployerIndications.def().column("alert_at").expect("a column");
    let mut rules = plan(&catalogue);
    let (mut by_deadline, mut stood) = (0, 0);
    for rule in CASES {
        let file = case_file(rule);
        for (number, case) in file.case.iter().enumerate() {
            let messages = Recording::new(records_of(&file, case, &format!("c{number:03}"))).messages();
            let known: BTreeSet<i64> = messages.iter().map(|message| message.known_time.0).collect();
            let (Some(first), Some(last)) = (known.first(), known.last()) else { continue };
            let end = last + 400 * MICROS_PER_DAY;
            let midnights = (KnownTime(*first).next_midnight().0..=end).step_by(MICROS_PER_DAY as usize);
            let clocks: BTreeSet<i64> = known.iter().copied().chain(midnights).chain([end]).collect();
            let (back, often) = shown(rules, &messages, clocks.into_iter());
            let (back, once) = shown(back, &messages, std::iter::once(end));
            rules = back;
            for record in often.iter().chain(&once).filter(|record| record.op == Op::Upsert) {
                let Value::Instant(from) = record.values[at] else { panic!("no instant") };
                let known_time = record.known_time.0;
                assert!(from <= known_time, "{rule}, case {}: shown {} us early", case.name, from - known_time);
                by_deadline += usize::from(from == known_time && !known.contains(&from));
            }
            assert_eq!(standing(&often), standing(&once), "{rule}, case {}", case.name);
            stood += standing(&often).len();
        }
    }
    println!("{by_deadline} rows were shown when a deadline had come; {stood} stood in the end");
    assert!(by_deadline >= 25 && stood >= 15, "the deadlines were not tried");
}

#[test]
fn a_change_of_rules_forgets_no_row_that_waits() {
    let mut catalogue = catalogue();
    catalogue.retain(&[READER]);
    let mut other = catalogue.clone();
    // Another text of all rules, with which they say the same; what links show has not changed.
    other.standing.push_str("-- another text\n");
    let mut rules = plan(&catalogue);
    let file = case_file("work-not-started");
    let mut compared = 0;
    for (number, case) in file.case.iter().enumerate() {
        let messages = Recording::new(records_of(&file, case, &format!("c{number:03}"))).messages();
        let Some(last) = messages.iter().map(|message| message.known_time.0).max() else { continue };
        let end = last + 400 * MICROS_PER_DAY;
        let (back, wanted) = shown(rules, &messages, [last, end].into_iter());
        let mut shard = shard(Order::Live, back);
        messages.iter().for_each(|message| shard.take(message));
        Feed::ALL.into_iter().for_each(|feed| shard.advance_clock(feed, KnownTime(last)));
        shard.settle_live();
        let mut records = shard.take_outgoing();
        shard.replace_rules(plan(&other)).expect("links have not changed");
        assert!(shard.rework_left() > 0, "no rule has changed");
        Feed::ALL.into_iter().for_each(|feed| shard.advance_clock(feed, KnownTime(end)));
        while shard.rework_left() > 0 {
            shard.settle_live();
        }
        records.extend(shard.take_outgoing());
        records.retain(|record| record.table == TableId::EmployerIndications);
        assert_eq!(standing(&records), standing(&wanted), "case {}", case.name);
        compared += standing(&wanted).len();
        rules = shard.into_rule_set();
        std::mem::swap(&mut catalogue, &mut other);
    }
    println!("{compared} rows waited for their instant while the rules changed");
    assert!(compared > 5, "only {compared} rows waited");
}

#[test]
fn a_unit_whose_link_fails_takes_no_other_with_it() {
    let mut catalogue = catalogue();
    catalogue.retain(&[READER]);
    let mut failing = catalogue.clone();
    let link = failing.links.iter_mut().find(|link| link.table == TableId::EmployerIndications).expect("the link");
    let whole = "':', i.severity) AS record_key";
    assert!(link.sql.contains(whole), "the link's text has changed");
    // Two rows with one key, which no link may show, for each person with indications of two severities.
    link.sql = link.sql.replace(whole, "':', 'x') AS record_key");
    let file = case_file("work-not-started");
    let records =
        file.case.iter().enumerate().flat_map(|(number, case)| records_of(&file, case, &format!("c{number:03}")));
    let messages = Recording::new(records.collect()).messages();
    let end = messages.iter().map(|message| message.known_time.0).max().unwrap_or_default() + 400 * MICROS_PER_DAY;
    let (_, wanted) = shown(plan(&catalogue), &messages, std::iter::once(end));
    let (_, found) = shown(plan(&failing), &messages, std::iter::once(end));
    let (wanted, found) = (standing(&wanted), standing(&found));
    let stem = |key: &str| key.rsplit_once(':').map(|(stem, _)| stem.to_owned()).unwrap_or_default();
    let mut by_stem: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    wanted.iter().for_each(|((_, key), says)| by_stem.entry(stem(key)).or_default().push(says));
    let all = by_stem.len();
    by_stem.retain(|_, says| says.len() == 1);
    assert!(by_stem.len() > 3 && by_stem.len() < all, "{} of {all} persons have one indication", by_stem.len());
    let found: BTreeMap<String, Vec<&String>> = found.iter().map(|((_, key), says)| (stem(key), vec![says])).collect();
    assert_eq!(found, by_stem);
}

#[test]
fn what_units_show_reads_back_from_the_wire() {
    let mut messages = messages_of(&generate(&Options { outside_pct: 0, ..Options::new(600, 3, 7) }));
    messages.sort_by_key(|message| (message.known_time, message.feed));
    let mut shard = shard(Order::Live, plan(&catalogue()));
    let max_bytes = Config::default().limits.max_message_bytes;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for chunk in messages.chunks(2_000) {
        chunk.iter().for_each(|message| shard.take(message));
        shard.settle_live();
        for record in shard.take_outgoing() {
            let message = Message {
                feed: record.table.def().feed,
                partition: 0,
                offset: Offset(0),
                known_time: record.known_time,
                claimed_time: None,
                key: Some(record.subject.as_bytes().into()),
                payload: Some(encode(&record).into()),
                sent_at: None,
            };
            let decoded = decode(&message, max_bytes).unwrap_or_else(|bad| panic!("{}: {bad:?}", record.table.name()));
            assert_eq!(decoded.record, record);
            *counts.entry(record.table.name()).or_default() += 1;
        }
    }
    println!("{counts:?}");
    // What several share is shown by whoever is shown it: a second hop, of the same form.
    for table in TableId::ALL.into_iter().filter(|table| table.is_link() && *table != TableId::SharedIdentifiers) {
        assert!(counts.contains_key(table.name()), "nothing was shown in {}: {counts:?}", table.name());
    }
}

//! Aim: a feed that is silent raises nothing. What is told ahead of its day may be taken back until then; if the feed that would say so
//! lags, the alert waits for it, as one about an absence does.
//! Method: the rules' cases in live order. For each feed that a rule reads and each of its last messages, the other feeds are read to a year
//! beyond the end while this one stands still before that message. An alert that time alone raises then, and no message, must be one that
//! is raised in strict order too.

use std::collections::BTreeSet;

use permitwatch::model::alert::{Alert, Status};
use permitwatch::model::record::Message;
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{KnownTime, MICROS_PER_DAY, parse_instant};
use permitwatch::rules::RuleSet;
use permitwatch::shard::Order;
use permitwatch::tools::cases::Recording;

use crate::drive::{case_file, catalogue, plan, records_of, shard, strict};

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

//! Aim: a shard that was away finds what being there would have found: an alert that a deadline raised and a record ended, both while
//! nobody read, is raised and ended at the times at which it would have been.
//! Method: the rules' cases, in strict order; of each alert that a deadline raised and something ended later, the case again in live
//! order, what came before the deadline in one settling and all that came after in another.

use std::collections::BTreeMap;

use permitwatch::model::alert::{Alert, Status};
use permitwatch::model::record::Message;
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{KnownTime, parse_instant};
use permitwatch::rules::RuleSet;
use permitwatch::shard::Order;
use permitwatch::tools::cases::Recording;

use crate::drive::{case_file, catalogue, plan, records_of, shard, strict};

const RULES: [&str; 4] = ["work-not-started", "employment-ended", "study-not-registered", "no-arrival-after-grant"];

fn known(time: &str) -> i64 {
    parse_instant(time).unwrap()
}

/// What becomes of one alert: status and time, one after the other.
fn course<'a>(log: &'a [Alert], id: &str) -> Vec<(Status, &'a str)> {
    log.iter().filter(|alert| alert.alert_id == id).map(|alert| (alert.status, alert.as_of.as_str())).collect()
}

/// Live order: what was known before `away` in one settling, the rest in another.
fn live(rules: RuleSet, messages: &[Message], away: i64, end: i64) -> (RuleSet, Vec<Alert>) {
    let mut shard = shard(Order::Live, rules);
    let mut log = Vec::new();
    let (before, after) = messages.split_at(messages.partition_point(|message| message.known_time.0 < away));
    for (part, until) in [(before, away - 1), (after, end)] {
        part.iter().for_each(|message| shard.take(message));
        Feed::ALL.into_iter().for_each(|feed| shard.advance_clock(feed, KnownTime(until)));
        log.extend(shard.settle_live().into_iter().map(|emitted| emitted.alert));
    }
    (shard.into_rule_set(), log)
}

/// Live order: payments lag behind the other feeds. What was known before `away` in one settling, then what the others say up to the end, and
/// at last the payments.
fn lagging(rules: RuleSet, messages: &[Message], away: i64, end: i64) -> (RuleSet, Vec<Alert>) {
    let mut shard = shard(Order::Live, rules);
    let mut log = Vec::new();
    let step_of = |message: &Message| match message.feed {
        _ if message.known_time.0 < away => 0,
        Feed::Payments => 2,
        _ => 1,
    };
    for (step, payments, others) in [(0, away - 1, away - 1), (1, away - 1, end), (2, end, end)] {
        messages.iter().filter(|message| step_of(message) == step).for_each(|message| shard.take(message));
        for feed in Feed::ALL {
            shard.advance_clock(feed, KnownTime(if feed == Feed::Payments { payments } else { others }));
        }
        log.extend(shard.settle_live().into_iter().map(|emitted| emitted.alert));
    }
    (shard.into_rule_set(), log)
}

#[test]
fn an_alert_that_came_and_went_while_nobody_read_is_not_lost() {
    let mut catalogue = catalogue();
    catalogue.retain(&RULES);
    let mut rules = plan(&catalogue);
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in RULES {
        let file = case_file(rule);
        for (number, case) in file.case.iter().enumerate() {
            let recording = Recording::new(records_of(&file, case, &format!("c{number:03}")));
            let messages = recording.messages();
            let Some(last) = messages.iter().map(|message| message.known_time.0).max() else { continue };
            let (back, ran) = strict(rules, &messages.iter().collect::<Vec<_>>(), 1, &[last]);
            rules = back;
            let raised = ran.log.iter().filter(|alert| alert.rule_id == rule && alert.status == Status::Raised);
            for alert in raised {
                let wanted = course(&ran.log, &alert.alert_id);
                let at = known(&alert.as_of);
                let by_deadline = messages.iter().all(|message| message.known_time.0 != at);
                let [(Status::Raised, _), (Status::Cleared | Status::Retracted, _)] = wanted[..] else { continue };
                if !by_deadline {
                    continue;
                }
                let (back, log) = live(rules, &messages, at, last);
                rules = back;
                let found = course(&log, &alert.alert_id);
                assert_eq!(found, wanted, "{rule}, case {}, alert {}", case.name, alert.alert_key);
                *compared.entry(rule).or_default() += 1;
                let [_, (Status::Cleared, ended)] = wanted[..] else { continue };
                let is_pay =
                    |message: &&Message| message.feed == Feed::Payments && message.known_time.0 == known(ended);
                if messages.iter().any(|message| is_pay(&message)) {
                    let (back, log) = lagging(rules, &messages, at, last);
                    rules = back;
                    let found = course(&log, &alert.alert_id);
                    // When it ended is known better by then: what was declared in between has been read as well.
                    let [raised, (Status::Cleared, _)] = found[..] else {
                        panic!("payments lag: {found:?}, not {wanted:?}")
                    };
                    assert_eq!(
                        raised, wanted[0],
                        "payments lag: {rule}, case {}, alert {}",
                        case.name, alert.alert_key
                    );
                    *compared.entry("payments lag").or_default() += 1;
                }
            }
        }
    }
    println!("compared by rule: {compared:?}");
    assert!(compared.values().sum::<usize>() >= 5, "too few alerts came and went: {compared:?}");
    assert!(compared.contains_key("payments lag"), "no alert was ended by a payment: {compared:?}");
}

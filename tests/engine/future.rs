//! Aim: a message stamped in years to come, a clock message or a record, in any feed, moves no clock, raises and clears nothing, and
//! stands in the quarantine; what comes after it is read as if it were not there.
//! Method: a small population with and without such messages in every feed.

use permitwatch::generate::{Options, generate};
use permitwatch::record::{Message, Offset, Reason};
use permitwatch::replay::standing_rows;
use permitwatch::rules::RuleSet;
use permitwatch::rules::batch::StandingRow;
use permitwatch::schema::Feed;
use permitwatch::shard::Order;
use permitwatch::time::KnownTime;

use crate::drive::{catalogue, difference, plan, shard, sorted};

struct Outcome {
    standing: Vec<StandingRow>,
    clocks: [KnownTime; Feed::COUNT],
    future: Vec<Feed>,
}

fn messages() -> Vec<Message> {
    let dataset = generate(&Options { garbage: 0, outside_pct: 20, ..Options::new(120, 2, 3) });
    let mut messages = Vec::new();
    for feed in Feed::ALL {
        for (offset, message) in dataset.messages(feed).iter().enumerate() {
            messages.push(Message {
                feed,
                partition: 0,
                offset: Offset(offset as i64),
                known_time: KnownTime(message.known_time),
                claimed_time: None,
                key: message.key.as_ref().map(|key| key.as_bytes().into()),
                payload: message.payload().map(Vec::into_boxed_slice),
                sent_at: None,
            });
        }
    }
    messages.sort_by_key(|message| (message.known_time, message.feed));
    messages
}

/// Copies of every feed's messages with a timestamp of 2099, each where the one that it copies stands.
fn poisoned(messages: &[Message]) -> (Vec<Message>, Vec<Feed>) {
    let claimed = KnownTime(permitwatch::time::parse_time("2099-01-01").unwrap());
    let mut out = Vec::new();
    let mut planted = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        out.push(message.clone());
        if at % 97 == 0 {
            planted.push(message.feed);
            out.push(Message { claimed_time: Some(claimed), ..message.clone() });
            planted.push(message.feed);
            let clock = Message { key: None, payload: None, ..message.clone() };
            out.push(Message { claimed_time: Some(claimed), ..clock });
        }
    }
    (out, planted)
}

/// Takes them as a running detector does, so many at a time.
fn run(rules: RuleSet, messages: &[Message]) -> (RuleSet, Outcome) {
    let mut shard = shard(Order::Live, rules);
    let mut future = Vec::new();
    for chunk in messages.chunks(500) {
        for message in chunk {
            shard.take(message);
        }
        shard.settle_live();
        let quarantined = shard.take_quarantined().into_iter();
        future.extend(
            quarantined.filter(|entry| entry.reason == Reason::FutureKnownTime).map(|entry| entry.coordinates.feed),
        );
    }
    let fates = shard.take_fates();
    assert_eq!(fates.total(), messages.len() as u64, "a message has no fate, or two");
    let outcome = Outcome {
        standing: sorted(standing_rows(&shard)),
        clocks: Feed::ALL.map(|feed| shard.clocks().feed(feed)),
        future,
    };
    (shard.into_rule_set(), outcome)
}

#[test]
fn what_is_stamped_in_the_future_moves_nothing() {
    let messages = messages();
    let (poisoned, planted) = poisoned(&messages);
    let (rules, sound) = run(plan(&catalogue()), &messages);
    let (_, outcome) = run(rules, &poisoned);
    assert!(sound.standing.len() > 10 && sound.future.is_empty());
    assert!(
        sound.standing == outcome.standing,
        "sound (first), poisoned (second):\n{}",
        difference(&sound.standing, &outcome.standing)
    );
    assert_eq!(sound.clocks, outcome.clocks);
    for feed in Feed::SOURCES {
        let of = |feeds: &[Feed]| feeds.iter().filter(|one| **one == feed).count();
        let (set_aside, planted) = (of(&outcome.future), of(&planted));
        assert!(planted > 0, "{}: nothing was planted", feed.name());
        // What is about nobody in the population is filtered by its key, whatever its time.
        assert!(set_aside >= planted / 2 && set_aside <= planted, "{}: {set_aside} of {planted}", feed.name());
    }
    println!("{} messages of 2099 among {}, {} set aside", planted.len(), poisoned.len(), outcome.future.len());
}

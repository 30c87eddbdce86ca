//! Aim: whatever bytes come, nothing panics, every message has a fate, nobody else is touched, nobody comes into the history
//! by another feed than the permits, and no quarantine entry quotes a payload.
//! Method: a small sound population, and of each feed 10,000 of its messages changed at random, taken in merge order.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use permitwatch::catalogue::Catalogue;
use permitwatch::generate::{Options, generate};
use permitwatch::model::record::{Message, Offset, Reason};
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{Day, KnownTime};
use permitwatch::oracle::StandingRow;
use permitwatch::rules::RuleSet;
use permitwatch::shard::Order;
use permitwatch::tools::replay::standing_rows;
use serde_json::{Map, Value, json};

use crate::drive::{Dice, SEED, catalogue, difference, messages_of, plan, shard, sorted};

const CHANGED: usize = 10_000;
/// Stands in what we put into payloads and keys; must stand in nothing that comes out.
const MARK: &str = "HEMLIG";

/// Rules that read rows of other persons.
const OF_TWO: [&str; 4] =
    ["false-or-duplicate-identity", "family-tie-ended", "anchor-permit-lost", "employer-breach-cluster"];

struct Sound {
    messages: Vec<Message>,
    end: KnownTime,
    catalogue: Catalogue,
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    let dataset = generate(&Options { garbage: 0, outside_pct: 20, ..Options::new(240, 2, 5) });
    let messages = messages_of(&dataset);
    let end = KnownTime(Day::from_date(dataset.options.until).instant());
    Sound { messages, end, catalogue: catalogue() }
});

#[test]
fn permits() {
    assail(Feed::Permits);
}

#[test]
fn reference() {
    assail(Feed::Reference);
}

#[test]
fn population() {
    assail(Feed::Population);
}

#[test]
fn border() {
    assail(Feed::Border);
}

#[test]
fn payments() {
    assail(Feed::Payments);
}

#[test]
fn studies() {
    assail(Feed::Studies);
}

#[test]
fn notices() {
    assail(Feed::Notices);
}

/// What a run gave, message by message.
struct Taken {
    standing: Vec<StandingRow>,
    persons: BTreeSet<String>,
    /// Keys of messages of the permits feed that were taken in.
    admitted: BTreeSet<String>,
    quarantined: usize,
    evaluated_changed: usize,
}

fn assail(feed: Feed) {
    let sound = &*SOUND;
    let mut dice = Dice(SEED ^ feed.index() as u64);
    let changed = changed(&sound.messages, feed, &mut dice);
    let touched: BTreeSet<String> = changed.iter().filter_map(key_text).collect();
    let mut all: Vec<(Message, bool)> = sound.messages.iter().map(|message| (message.clone(), false)).collect();
    all.extend(changed.into_iter().map(|message| (message, true)));
    all.sort_by_key(|(message, changed)| (message.known_time, message.feed, *changed));
    let rules = plan(&sound.catalogue);
    let alone: Vec<(Message, bool)> = all.iter().filter(|(_, changed)| !changed).cloned().collect();
    let (rules, before) = take(rules, &alone, sound.end);
    let (_, after) = take(rules, &all, sound.end);
    println!(
        "{}: {} changed, {} of them taken in, {} quarantined, {} keys touched; {} and {} alerts stand, {} persons",
        feed.name(),
        CHANGED,
        after.evaluated_changed,
        after.quarantined,
        touched.len(),
        before.standing.len(),
        after.standing.len(),
        after.persons.len()
    );
    assert_eq!(after.persons, after.admitted, "persons in the history whom no permits record brought");
    assert!(after.quarantined > CHANGED / 4 && after.evaluated_changed > 100, "the changes are too mild or too wild");
    // What is true of an employer or a term concerns everybody; of another person, the rules that look at two.
    if feed != Feed::Reference {
        let own = |rows: &[StandingRow]| -> Vec<StandingRow> {
            let untouched =
                |row: &&StandingRow| !touched.contains(&row.person) && !OF_TWO.contains(&row.rule_id.as_str());
            rows.iter().filter(untouched).cloned().collect()
        };
        let (before, after) = (own(&before.standing), own(&after.standing));
        assert!(!before.is_empty());
        assert!(before == after, "before (first), after (second):\n{}", difference(&before, &after));
    }
}

fn key_text(message: &Message) -> Option<String> {
    String::from_utf8(message.key.as_deref()?.to_vec()).ok()
}

fn take(rules: RuleSet, messages: &[(Message, bool)], end: KnownTime) -> (RuleSet, Taken) {
    let mut shard = shard(Order::Strict, rules);
    let mut admitted = BTreeSet::new();
    let mut evaluated_changed = 0;
    let mut quarantined = Vec::new();
    let mut total = 0;
    let mut last = KnownTime::MIN;
    for (number, (message, changed)) in messages.iter().enumerate() {
        if number % 500 == 499 && message.known_time > last {
            shard.settle(last);
        }
        last = message.known_time;
        shard.take(message);
        let fates = shard.take_fates();
        assert_eq!(fates.total(), 1, "{}: a message has one fate", message.coordinates());
        assert_eq!(fates.total_of(message.feed.index()), 1, "{}: under its feed", message.coordinates());
        total += fates.total();
        let was_evaluated = fates.evaluated.iter().sum::<u64>() == 1;
        evaluated_changed += usize::from(*changed && was_evaluated);
        if message.feed == Feed::Permits && (was_evaluated || fates.duplicate[0] == 1) {
            admitted.extend(key_text(message));
        }
        let entries = shard.take_quarantined();
        let of_message = entries.iter().filter(|entry| entry.reason != Reason::RuleError);
        assert_eq!(of_message.clone().count() as u64, fates.quarantined_total(), "{}", message.coordinates());
        for entry in of_message {
            assert_eq!(entry.coordinates, message.coordinates());
            assert_eq!(entry.known_time, message.known_time);
        }
        quarantined.extend(entries);
    }
    shard.settle(end);
    quarantined.extend(shard.take_quarantined());
    for entry in &quarantined {
        assert!(!entry.detail.is_empty(), "{}: no words", entry.coordinates);
        assert!(!entry.detail.contains(MARK), "{}: \"{}\" quotes the payload", entry.coordinates, entry.detail);
        assert_ne!(entry.reason, Reason::RuleError, "{}: {}", entry.coordinates, entry.detail);
    }
    assert_eq!(total, messages.len() as u64);
    // Units of other keys are no persons.
    let persons = shard.history().persons().filter(|(_, person)| person.is_person());
    let persons = persons.map(|(_, person)| person.subject.to_string()).collect();
    let taken = Taken {
        standing: sorted(standing_rows(&shard)),
        persons,
        admitted,
        quarantined: quarantined.len(),
        evaluated_changed,
    };
    (shard.into_rule_set(), taken)
}

/// Messages of the feed, about the second half of the persons, each with something changed.
fn changed(messages: &[Message], feed: Feed, dice: &mut Dice) -> Vec<Message> {
    let second_half = |message: &&Message| {
        let number = key_text(message).and_then(|key| key.strip_prefix('p').and_then(|no| no.parse::<u32>().ok()));
        feed == Feed::Reference || number.is_none_or(|number| number >= 120)
    };
    let own: Vec<&Message> =
        messages.iter().filter(|message| message.feed == feed && !message.is_clock()).filter(second_half).collect();
    assert!(!own.is_empty(), "no {} messages", feed.name());
    let last = own.iter().map(|message| message.offset.0).max().unwrap_or(0);
    (0..CHANGED)
        .map(|number| {
            let mut message = (*dice.pick(&own)).clone();
            message.offset = Offset(last + 1 + number as i64);
            for _ in 0..=dice.below(2) {
                change(&mut message, dice);
            }
            message
        })
        .collect()
}

fn change(message: &mut Message, dice: &mut Dice) {
    let mut bytes = message.payload.take().map(Vec::from).unwrap_or_default();
    match dice.below(14) {
        0 => flip(&mut bytes, dice),
        1 => bytes.truncate(dice.below(bytes.len())),
        2 => bytes = garbage(dice),
        3 => message.key = Some(odd_key(dice)),
        4 => bytes.extend_from_slice(b"}{"),
        // A later version, so that what else is changed counts.
        5..=8 => {
            if let Ok(Value::Object(mut members)) = serde_json::from_slice(&bytes) {
                members.insert("version".into(), json!(dice.next() >> 25));
                members.insert("op".into(), json!(dice.pick(&["correct", "upsert", "retract"])));
                bytes = Value::Object(members).to_string().into_bytes();
            }
        }
        _ => {
            if let Ok(Value::Object(mut members)) = serde_json::from_slice(&bytes) {
                change_member(&mut members, dice);
                bytes = Value::Object(members).to_string().into_bytes();
                if dice.below(20) == 0 {
                    bytes = bytes.iter().flat_map(|byte| [*byte, b' ']).collect();
                }
            }
        }
    }
    message.payload = if dice.below(200) == 0 { None } else { Some(bytes.into()) };
    if dice.below(200) == 0 && message.payload.is_some() {
        message.key = None;
    }
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << dice.below(8);
        }
    }
}

fn garbage(dice: &mut Dice) -> Vec<u8> {
    match dice.below(8) {
        0 => (0..dice.below(300)).map(|_| dice.next() as u8).collect(),
        1 => b"[".repeat(5_000),
        2 => br#"{"a":"#.repeat(3_000),
        3 => format!("{{\"table\":\"{MARK}\",\"record_key\":\"{MARK}\"}}").into_bytes(),
        4 => vec![b' '; 70_000],
        5 => format!("\"{}\"", MARK.repeat(20_000)).into_bytes(),
        6 => b"null".to_vec(),
        _ => format!("{{\"{MARK}\": {{\"{MARK}\": [\"{MARK}\"]}}}}").into_bytes(),
    }
}

fn odd_key(dice: &mut Dice) -> Box<[u8]> {
    match dice.below(6) {
        0 => [0xff, 0xfe, 0x00].into(),
        1 => Box::default(),
        2 => format!("{MARK}{}", dice.below(50)).into_bytes().into(),
        3 => "x".repeat(1_000).into_bytes().into(),
        4 => b"p0000001\x01\x00".as_slice().into(),
        _ => format!("nobody{}", dice.below(50)).into_bytes().into(),
    }
}

fn change_member(members: &mut Map<String, Value>, dice: &mut Dice) {
    let names: Vec<String> = members.keys().cloned().collect();
    let name = dice.pick(&names).clone();
    match dice.below(6) {
        0 => drop(members.remove(&name)),
        1 => {
            members.insert(format!("{MARK}_{name}"), json!(MARK));
        }
        2 => {
            let other = members[dice.pick(&names)].clone();
            members.insert(name, other);
        }
        _ => {
            members.insert(name, odd_value(dice));
        }
    }
}

fn odd_value(dice: &mut Dice) -> Value {
    let values = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(0.5),
        json!(""),
        json!(MARK),
        json!(format!("{MARK}\u{1}\u{0}")),
        json!(MARK.repeat(100)),
        json!("9999-12-31"),
        json!("2024-02-30"),
        json!("0001-01-01"),
        json!("2199-12-31T23:59:59.999999Z"),
        json!("1900-01-01"),
        json!("2024-05-01T08:00:00+23:59"),
        json!("retract"),
        json!("correct"),
        json!("SWE"),
        json!("162021000555"),
        json!([MARK]),
        json!(["SWE", "SWE"]),
        json!({ MARK: MARK }),
        json!("å\u{301}\u{202e}"),
    ];
    dice.pick(&values).clone()
}

//! Aim: over a generated population cuts, partitions and the kind of query change nothing, every message has the fate that
//! was planted, and every planted breach and nothing else is found.
//! Method: 300 persons over 3 years, written to files and replayed in every way; 1,500 for the truth, so that each rule has some.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use permitwatch::catalogue::Catalogue;
use permitwatch::generate::{Dataset, Kind, Options, Summary, Truth, default_until, generate, write};
use permitwatch::model::alert::{Alert, Severity, Status};
use permitwatch::model::record::Reason;
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{Day, KnownTime, format_micros};
use permitwatch::tools::replay::{self, Replayed, Timeline};
use tempfile::TempDir;

use crate::drive::{catalogue, difference, log_bytes, sorted, timeline_options, visibility};

/// A recording on disk, shared by the tests of this binary.
pub struct Recorded {
    pub dir: TempDir,
    pub dataset: Dataset,
    pub summary: Summary,
}

pub static RECORDED: LazyLock<Recorded> = LazyLock::new(|| record(300));
pub static MANY: LazyLock<Recorded> = LazyLock::new(|| record(1_500));

fn record(persons: usize) -> Recorded {
    let dataset = generate(&Options::new(persons, 3, 1));
    let dir = tempfile::tempdir().unwrap();
    let summary = write(&dataset, dir.path()).unwrap();
    Recorded { dir, dataset, summary }
}

impl Recorded {
    pub fn end(&self) -> KnownTime {
        KnownTime(Day::from_date(self.dataset.options.until).instant())
    }
}

fn timeline(dir: &Path, partitions: i32, batch_messages: usize) -> Replayed {
    timeline_of(&catalogue(), dir, partitions, batch_messages)
}

fn timeline_of(catalogue: &Catalogue, dir: &Path, partitions: i32, batch_messages: usize) -> Replayed {
    let as_of = KnownTime(Day::from_date(default_until()).instant());
    let options = Timeline { batch_messages, ..timeline_options(partitions, as_of) };
    replay::timeline(dir, catalogue, &options).unwrap_or_else(|error| panic!("{error}"))
}

static REPLAYED: LazyLock<Replayed> = LazyLock::new(|| timeline(RECORDED.dir.path(), 1, 1_000));
static MANY_REPLAYED: LazyLock<Replayed> = LazyLock::new(|| timeline(MANY.dir.path(), 1, 20_000));

#[test]
fn batch_and_timeline_have_the_same_standing() {
    for (recorded, replayed) in [(&RECORDED, &REPLAYED), (&MANY, &MANY_REPLAYED)] {
        let batch = replay::batch(recorded.dir.path(), &catalogue(), &visibility(), recorded.end()).unwrap();
        let (engine, batch) = (sorted(replayed.standing.clone()), sorted(batch));
        assert!(engine == batch, "engine (first), batch (second):\n{}", difference(&engine, &batch));
        let rules: BTreeSet<&str> = engine.iter().map(|row| row.rule_id.as_str()).collect();
        println!("{} alerts of {} rules stand", engine.len(), rules.len());
    }
}

#[test]
fn a_rule_is_about_its_classes_even_if_its_text_does_not_say_so() {
    let mut catalogue = catalogue();
    catalogue.rules.retain(|rule| rule.header.id == "study-interrupted");
    catalogue.rules[0].sql =
        "SELECT person_id, permit_id, '-' AS alert_key, valid_from AS anchor_at, first_known_time AS alert_at, \
                                     first_known_time AS due_at, record AS records FROM permits"
            .to_owned();
    let replayed = timeline_of(&catalogue, RECORDED.dir.path(), 1, 20_000);
    let batch = replay::batch(RECORDED.dir.path(), &catalogue, &visibility(), RECORDED.end()).unwrap();
    let (engine, batch) = (sorted(replayed.standing), sorted(batch));
    assert!(!engine.is_empty() && engine == batch, "engine (first), batch (second):\n{}", difference(&engine, &batch));
}

#[test]
fn the_log_is_the_same_for_any_cut_and_any_number_of_partitions() {
    let wanted = log_bytes(REPLAYED.log.clone());
    assert!(!wanted.is_empty());
    for (partitions, batch) in [(1, 1), (1, 100_000), (2, 1_000), (8, 100_000)] {
        let log = log_bytes(timeline(RECORDED.dir.path(), partitions, batch).log);
        assert!(log == wanted, "{partitions} partitions, batches of {batch}: another log");
    }
    println!("{} transitions, {} bytes, four ways", REPLAYED.log.len(), wanted.len());
}

#[test]
fn every_message_has_the_fate_that_was_planted() {
    let fates = &MANY_REPLAYED.fates;
    assert_eq!(fates.total(), MANY_REPLAYED.messages);
    for feed in Feed::SOURCES {
        let planted = &MANY.summary.feeds[feed.name()];
        let at = feed.index();
        let of = |name: &str| planted.fates.get(name).copied().unwrap_or(0) as u64;
        let quarantined = |reason: Reason| fates.quarantined[at][reason as usize];
        let others = Reason::ALL.into_iter().filter(|reason| !matches!(reason, Reason::Future | Reason::TooLate));
        let others: u64 = others.map(quarantined).sum();
        let name = feed.name();
        assert_eq!(fates.total_of(at), planted.messages as u64, "{name}");
        assert_eq!(fates.evaluated[at], of("evaluated"), "{name}, evaluated");
        assert_eq!(fates.duplicate[at], of("duplicate"), "{name}, duplicate");
        assert_eq!(fates.clock[at], of("clock"), "{name}, clock");
        assert_eq!(quarantined(Reason::Future), of("future"), "{name}, future");
        assert_eq!(quarantined(Reason::TooLate), of("too_late"), "{name}, too_late");
        // A malformed payload about somebody whose permits ended long ago is filtered before anyone looks into it.
        assert!(fates.filtered[at] >= of("filtered") && others <= of("malformed"), "{name}, filtered or malformed");
        assert_eq!(fates.filtered[at] + others, of("filtered") + of("malformed"), "{name}, filtered and malformed");
    }
    println!("{} messages", MANY_REPLAYED.messages);
}

fn limit(row: &Truth) -> Option<Severity> {
    row.max_severity.map(|name| Severity::from_name(name).expect("a severity"))
}

/// What stood for one rule and permit: from when, until when, and how high.
#[derive(Debug)]
struct Episode {
    from: String,
    until: Option<String>,
    height: Severity,
    reason: Option<String>,
}

fn episodes(log: &[Alert]) -> BTreeMap<(&str, &str), Vec<Episode>> {
    let mut out: BTreeMap<(&str, &str), Vec<Episode>> = BTreeMap::new();
    let mut open: BTreeMap<&str, (&str, &str, usize)> = BTreeMap::new();
    for alert in log {
        let place = (alert.rule_id.as_str(), alert.subject.as_str());
        match alert.status {
            Status::Raised => {
                let own = out.entry(place).or_default();
                open.insert(&alert.alert_id, (place.0, place.1, own.len()));
                own.push(Episode { from: alert.as_of.clone(), until: None, height: alert.severity, reason: None });
            }
            Status::Updated => {
                let (rule, subject, at) = open[alert.alert_id.as_str()];
                let episode = &mut out.get_mut(&(rule, subject)).unwrap()[at];
                episode.height = episode.height.max(alert.severity);
            }
            Status::Cleared | Status::Retracted => {
                let (rule, subject, at) = open.remove(alert.alert_id.as_str()).expect("an open alert");
                let episode = &mut out.get_mut(&(rule, subject)).unwrap()[at];
                episode.reason.clone_from(&alert.reason);
                // That its person has left the population ends no breach.
                if alert.reason.as_deref() != Some("left_population") {
                    episode.until = Some(alert.as_of.clone());
                }
            }
        }
    }
    out
}

#[test]
fn every_planted_breach_is_found_and_nothing_else() {
    let episodes = episodes(&MANY_REPLAYED.log);
    let truth = &MANY.dataset.truth;
    let mut misses: Vec<String> = Vec::new();
    let rules: BTreeSet<&str> = truth.iter().map(|row| row.rule_id).collect();
    println!("{:<28} {:>8} {:>7} {:>6} {:>10} {:>7}", "rule", "breaches", "found", "false", "precision", "recall");
    for rule in rules {
        let planted: Vec<&Truth> = truth.iter().filter(|row| row.rule_id == rule).collect();
        let breaches: BTreeSet<&str> =
            planted.iter().filter(|row| row.kind == Kind::Breach).map(|row| row.permit_id.as_str()).collect();
        let raised: BTreeSet<&str> = episodes.keys().filter(|(id, _)| *id == rule).map(|(_, permit)| *permit).collect();
        let allowed: BTreeSet<&str> = planted
            .iter()
            .filter(|row| row.kind == Kind::Trap && limit(row).is_some())
            .map(|row| row.permit_id.as_str())
            .collect();
        let found = breaches.intersection(&raised).count();
        let wrong: Vec<&&str> =
            raised.iter().filter(|permit| !breaches.contains(*permit) && !allowed.contains(*permit)).collect();
        let share = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        println!(
            "{rule:<28} {:>8} {found:>7} {:>6} {:>10.3} {:>7.3}",
            breaches.len(),
            wrong.len(),
            share(found, found + wrong.len()),
            share(found, breaches.len())
        );
        misses.extend(breaches.difference(&raised).map(|permit| format!("{rule} {permit}: planted, never raised")));
        misses.extend(
            wrong
                .iter()
                .map(|permit| format!("{rule} {permit}: raised, not planted: {:?}", episodes[&(rule, **permit)])),
        );
        for row in planted {
            let own = episodes.get(&(rule, row.permit_id.as_str())).map(Vec::as_slice).unwrap_or_default();
            misses.extend(judge(row, own));
        }
    }
    assert!(misses.is_empty(), "{} misses\n{}", misses.len(), misses.join("\n"));
}

/// What an episode says against the truth. The truth is an instant, the rules' words are days ("30 days after"): so is the
/// comparison.
fn judge(row: &Truth, own: &[Episode]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say =
        |what: String| wrong.push(format!("{} {} {}: {what}; {own:?}", row.rule_id, row.permit_id, row.scenario));
    let severity = |name: Option<&str>| name.map(|name| Severity::from_name(name).expect("a severity"));
    let highest = own.iter().map(|episode| episode.height).max();
    if let (Some(limit), Some(highest)) = (limit(row), highest)
        && highest > limit
    {
        say(format!("reached {}, at most {}", highest.name(), limit.name()));
    }
    match row.kind {
        Kind::Trap => {
            if limit(row).is_none() && !own.is_empty() {
                say("a trap".into());
            }
        }
        Kind::Breach => {
            if let (Some(least), Some(highest)) = (severity(row.min_severity), highest)
                && highest < least
            {
                say(format!("reached {}, at least {}", highest.name(), least.name()));
            }
            let from = format_micros(row.known_from);
            if let Some(first) = own.first()
                && day(&first.from) != day(&from)
            {
                say(format!("raised at {}, known from {from}", first.from));
            }
            let until = row.ended_at.map(format_micros);
            if let Some(last) = own.last()
                && last.until.as_deref().map(day) != until.as_deref().map(day)
            {
                say(format!("until {:?}, ended at {until:?}", last.until));
            }
        }
    }
    wrong
}

fn day(instant: &str) -> &str {
    &instant[..10]
}

//! The engine's answer beside this reading's, for every rule, subject and day.
//!
//! Each seed's groups are one recording: all of them are replayed at once, with clocks of every feed at each midnight, so that no
//! absence waits for a feed. What stands at 00:00 UTC of a day is what the log's transitions up to then leave standing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use permitwatch::catalogue::Catalogue;
use permitwatch::config::Config;
use permitwatch::model::alert::Alert;
use permitwatch::model::time::KnownTime;
use permitwatch::pseudonyms::Pseudonyms;
use permitwatch::tools::replay::{self, Timeline};

use crate::calendar::{At, Day};
use crate::exceptions::{Difference, EXCEPTIONS};
use crate::facts::{Fact, Feed, Group, GroupKnown, Record};
use crate::people::{LAST_DAY, reference_subject};
use crate::populations::groups;
use crate::rules::{RULES, Rule, Severity, standing};

/// Groups of each recipe and seed where nothing else is said: twenty seconds of one core.
const PERSONS: usize = 30;

/// Days in a row on which both gave the same two different answers.
#[derive(Clone)]
struct Stretch {
    subject: String,
    from: Day,
    to: Day,
    engine: Option<Severity>,
    law: Option<Severity>,
}

#[derive(Default)]
struct Tally {
    /// Answers compared: (rule, permit, day).
    answers: u64,
    /// Of these, on which the law says that something stands.
    found: BTreeMap<&'static str, u64>,
    /// By rule, then by group.
    wrong: BTreeMap<&'static str, BTreeMap<usize, Vec<Stretch>>>,
    excepted: BTreeMap<&'static str, u64>,
}

fn list(name: &str) -> Option<Vec<String>> {
    let text = std::env::var(name).ok()?;
    Some(text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
}

pub fn run() {
    let seeds: Vec<u64> = list("LAW_SEEDS").map_or(vec![1], |seeds| seeds.iter().map(|s| s.parse().unwrap()).collect());
    let each: usize = std::env::var("LAW_PERSONS").map_or(PERSONS, |number| number.parse().unwrap());
    let only = list("LAW_RULES");
    let stories = list("LAW_STORIES");
    let rules: Vec<&Rule> =
        RULES.iter().filter(|rule| only.as_ref().is_none_or(|only| only.iter().any(|id| id == rule.number))).collect();
    let mut failures = 0;
    for seed in seeds {
        let mut groups = groups(each, seed);
        groups.retain(|group| stories.as_ref().is_none_or(|stories| stories.iter().any(|s| group.story.contains(s))));
        let tally = compare(&groups, &rules);
        failures += report(seed, &groups, &rules, &tally);
    }
    assert!(failures == 0, "{failures} persons on whom rules and law disagree; they stand above");
}

fn report(seed: u64, groups: &[Group], rules: &[&Rule], tally: &Tally) -> usize {
    let persons: usize = groups.iter().map(|group| group.persons.len()).sum();
    println!("seed {seed}: {persons} persons, {} answers compared", tally.answers);
    let mut failures = 0;
    for rule in rules {
        let wrong = tally.wrong.get(rule.id);
        let found = tally.found.get(rule.id).copied().unwrap_or(0);
        let wrong_groups = wrong.map_or(0, BTreeMap::len);
        println!("  {} {:<28} {found:>8} findings, {wrong_groups} persons apart", rule.number, rule.id);
        failures += wrong_groups;
    }
    for (exception, days) in &tally.excepted {
        println!("  excepted, {days} answers: {exception}");
    }
    for rule in rules {
        let Some(wrong) = tally.wrong.get(rule.id) else { continue };
        // Some of each story, those with the fewest records.
        let most: usize = std::env::var("LAW_SHOW").map_or(1, |number| number.parse().unwrap());
        let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
        let mut order: Vec<usize> = wrong.keys().copied().collect();
        order.sort_by_key(|at| size(&groups[*at]));
        for at in order {
            let of_story = shown.entry(&groups[at].story).or_default();
            *of_story += 1;
            if *of_story > most {
                continue;
            }
            let count = wrong.keys().filter(|other| groups[**other].story == groups[at].story).count();
            println!("\n{} {}: {count} apart in \"{}\"", rule.number, rule.id, groups[at].story);
            if std::env::var("LAW_SHRINK").is_ok() {
                let (group, stretches) = shrink(&groups[at], rule);
                print!("{}", words(&group, &stretches));
            } else {
                print!("{}", words(&groups[at], &wrong[&at]));
            }
        }
    }
    failures
}

fn size(group: &Group) -> usize {
    group.persons.iter().map(|person| person.records.len()).sum::<usize>() + group.reference.len()
}

fn words(group: &Group, stretches: &[Stretch]) -> String {
    let mut out = String::new();
    for person in &group.persons {
        let _ = writeln!(out, "  {}", person.id);
        for record in &person.records {
            let _ = writeln!(out, "    {}", record.words());
        }
    }
    for record in group.reference.iter().filter(|record| !matches!(record.fact, Fact::Term(_))) {
        let _ = writeln!(out, "    {}", record.words());
    }
    for stretch in stretches {
        let name =
            |severity: Option<Severity>| severity.map_or("nothing".to_owned(), |severity| format!("{severity:?}"));
        let (engine, law) = (name(stretch.engine), name(stretch.law));
        let _ = writeln!(out, "  {} {} to {}: engine {engine}, law {law}", stretch.subject, stretch.from, stretch.to);
    }
    out
}

/// Leaves out record after record for as long as the two still disagree about the rule.
fn shrink(group: &Group, rule: &Rule) -> (Group, Vec<Stretch>) {
    let mut best = group.clone();
    let mut stretches = Vec::new();
    loop {
        let mut variants: Vec<Group> = Vec::new();
        for (person, of) in best.persons.iter().enumerate() {
            for record in 0..of.records.len() {
                let mut variant = best.clone();
                variant.persons[person].records.remove(record);
                variants.push(variant);
            }
        }
        let renamed: Vec<Group> = variants.iter().enumerate().map(|(at, variant)| renamed(variant, at)).collect();
        let tally = compare(&renamed, &[rule]);
        let Some((&at, found)) = tally.wrong.get(rule.id).and_then(|wrong| wrong.iter().next()) else { break };
        stretches.clone_from(found);
        best = variants.swap_remove(at);
    }
    if stretches.is_empty() {
        let tally = compare(std::slice::from_ref(&best), &[rule]);
        stretches = tally.wrong.get(rule.id).and_then(|wrong| wrong.get(&0)).cloned().unwrap_or_default();
    }
    (best, stretches)
}

/// The same group under other names, so that several stand in one recording.
fn renamed(group: &Group, number: usize) -> Group {
    let mut group = group.clone();
    let rename = |id: &mut String| *id = format!("{id}v{number}");
    for person in &mut group.persons {
        rename(&mut person.id);
        for record in &mut person.records {
            match &mut record.fact {
                Fact::Permit(permit) => {
                    rename(&mut permit.permit_id);
                    permit.anchor_person_id.as_mut().map(rename);
                }
                Fact::PermitEmployer(employer) => rename(&mut employer.permit_id),
                Fact::Anchor(anchor) => {
                    rename(&mut anchor.permit_id);
                    rename(&mut anchor.holder_id);
                }
                Fact::Post(post) => {
                    post.spouse_id.as_mut().map(rename);
                }
                _ => {}
            }
        }
    }
    group
}

fn compare(groups: &[Group], rules: &[&Rule]) -> Tally {
    let engine = Engine::replay(groups, rules);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(group) = groups.get(at) else { return tally };
            compare_group(at, group, rules, &engine, &mut tally);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    tallies.into_iter().fold(Tally::default(), |mut sum, tally| {
        sum.answers += tally.answers;
        for (rule, count) in tally.found {
            *sum.found.entry(rule).or_default() += count;
        }
        for (reason, count) in tally.excepted {
            *sum.excepted.entry(reason).or_default() += count;
        }
        for (rule, wrong) in tally.wrong {
            sum.wrong.entry(rule).or_default().extend(wrong);
        }
        sum
    })
}

fn compare_group(at: usize, group: &Group, rules: &[&Rule], engine: &Engine, tally: &mut Tally) {
    let instants = group.instants();
    let subjects = subjects(group);
    let mut known = group.as_of(At(i64::MIN));
    let mut taken = 0;
    let mut open: BTreeMap<(&'static str, String), Stretch> = BTreeMap::new();
    let mut day = group.from;
    while day <= group.until {
        let now = instants.partition_point(|instant| *instant <= day.start());
        if now > taken {
            let stood = std::mem::take(&mut known.stood);
            known = GroupKnown { stood, ..group.as_of(day.start()) };
            taken = now;
        }
        let law = standing(&known, rules, day);
        known.stood.extend(law.keys().cloned());
        for rule in rules {
            *tally.found.entry(rule.id).or_default() += law.keys().filter(|(id, _)| *id == rule.id).count() as u64;
            for subject in &subjects {
                let place = (rule.id, subject.clone());
                let said = law.get(&place).copied();
                let stands = engine.at(rule.id, subject, day);
                tally.answers += 1;
                if said == stands {
                    continue;
                }
                let difference = Difference { rule: rule.id, engine: stands, law: said };
                let excepted = EXCEPTIONS.iter().find(|e| e.rule == difference.rule && (e.applies)(&difference));
                if let Some(exception) = excepted {
                    *tally.excepted.entry(exception.reason).or_default() += 1;
                    continue;
                }
                let new = Stretch { subject: subject.clone(), from: day, to: day, engine: stands, law: said };
                let stretch = open.entry(place).or_insert_with(|| new.clone());
                if stretch.to + 1 >= day && stretch.engine == stands && stretch.law == said {
                    stretch.to = day;
                } else {
                    let ended = std::mem::replace(stretch, new);
                    tally.wrong.entry(rule.id).or_default().entry(at).or_default().push(ended);
                }
            }
        }
        day = day + 1;
    }
    for ((rule, _), stretch) in open {
        tally.wrong.entry(rule).or_default().entry(at).or_default().push(stretch);
    }
}

/// What an alert may be about: permits, employers.
fn subjects(group: &Group) -> Vec<String> {
    let mut subjects = BTreeSet::new();
    for record in group.persons.iter().flat_map(|person| &person.records).chain(&group.reference) {
        match &record.fact {
            Fact::Permit(permit) => subjects.insert(permit.permit_id.clone()),
            Fact::Employer(employer) => subjects.insert(employer.employer_id.clone()),
            _ => false,
        };
    }
    subjects.into_iter().collect()
}

/// From when on an alert stands, and how severely.
type Steps = Vec<(At, Option<Severity>)>;

/// What the engine's log leaves standing.
struct Engine {
    /// By rule and subject: from when which severity stands, `None` for nothing; in order.
    steps: BTreeMap<String, BTreeMap<String, Steps>>,
}

impl Engine {
    fn replay(groups: &[Group], rules: &[&Rule]) -> Engine {
        let dir = tempfile::tempdir().unwrap();
        write(groups, dir.path());
        let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let mut catalogue = Catalogue::load(&queries, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error:?}"));
        if rules.len() < RULES.len() && !rules.iter().any(|rule| rule.number == "R28") {
            catalogue.rules.retain(|own| rules.iter().any(|rule| rule.id == own.header.id));
        }
        let options = Timeline {
            visibility: Config::default().visibility(),
            limits: Config::default().limits,
            max_rule_errors: 1,
            pseudonyms: Arc::new(Pseudonyms::new("a key of the tests, thirty-two bytes", "1")),
            partitions: 1,
            batch_messages: 20_000,
            as_of: KnownTime(LAST_DAY.start().0),
            profile: false,
        };
        let replayed = replay::timeline(dir.path(), &catalogue, &options).unwrap_or_else(|error| panic!("{error:?}"));
        assert!(replayed.disabled.is_empty(), "rules failed: {:?}", replayed.disabled);
        let set_aside: BTreeSet<&str> = replayed.quarantined.iter().map(|q| q.detail.as_str()).collect();
        let malformed = replayed
            .quarantined
            .iter()
            .filter(|q| !["future", "future_known_time", "too_late"].contains(&q.reason.name()));
        assert!(malformed.count() == 0, "messages were set aside: {set_aside:?}");
        Engine::of(replayed.log)
    }

    fn of(mut log: Vec<Alert>) -> Engine {
        log.sort_by(|a, b| (&a.as_of, &a.alert_id, a.sequence).cmp(&(&b.as_of, &b.alert_id, b.sequence)));
        let mut open: BTreeMap<(String, String), BTreeMap<String, Severity>> = BTreeMap::new();
        let mut steps: BTreeMap<String, BTreeMap<String, Steps>> = BTreeMap::new();
        for alert in log {
            let place = (alert.rule_id.clone(), alert.subject.clone());
            let standing = open.entry(place).or_default();
            if alert.status.stands() {
                standing.insert(alert.alert_id, Severity::parse(alert.severity.name()));
            } else {
                standing.remove(&alert.alert_id);
            }
            let gravest = standing.values().copied().max();
            let of_rule = steps.entry(alert.rule_id).or_default();
            of_rule.entry(alert.subject).or_default().push((At::parse(&alert.as_of), gravest));
        }
        Engine { steps }
    }

    fn at(&self, rule: &str, subject: &str, day: Day) -> Option<Severity> {
        let steps = self.steps.get(rule)?.get(subject)?;
        let passed = steps.partition_point(|(at, _)| *at <= day.start());
        steps[..passed].last()?.1
    }
}

/// Writes the groups as one recording.
fn write(groups: &[Group], dir: &Path) {
    std::fs::create_dir_all(dir.join("ndjson")).unwrap();
    let mut lines: BTreeMap<Feed, Vec<(At, String)>> = BTreeMap::new();
    for feed in Feed::ALL {
        lines.insert(feed, Vec::new());
    }
    let mut last = At(i64::MIN);
    let mut first = At(i64::MAX);
    let mut add = |record: &Record, subject: &str| {
        lines.get_mut(&record.fact.feed()).unwrap().push((record.known, record.line(subject)));
        (first, last) = (first.min(record.known), last.max(record.known));
    };
    for group in groups {
        group.persons.iter().for_each(|person| person.records.iter().for_each(|record| add(record, &person.id)));
        group.reference.iter().for_each(|record| add(record, reference_subject(&record.fact)));
    }
    for (feed, mut lines) in lines {
        if feed == Feed::Reference {
            // Variants of one group share theirs.
            let mut before = BTreeSet::new();
            lines.retain(|(_, line)| before.insert(line.clone()));
        }
        let mut day = first.day();
        while day <= LAST_DAY {
            let clock = format!("{{\"key\":null,\"known_time\":\"{}\",\"value\":null}}", day.start());
            lines.push((day.start(), clock));
            day = day + 1;
        }
        // Stable: a clock comes behind the records of its instant.
        lines.sort_by_key(|(at, _)| *at);
        let file = std::fs::File::create(dir.join("ndjson").join(format!("{}.ndjson", feed.name()))).unwrap();
        let mut file = std::io::BufWriter::new(file);
        for (_, line) in lines {
            writeln!(file, "{line}").unwrap();
        }
    }
}

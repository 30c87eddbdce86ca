//! Aim: new rules taken up while running end where a start with them would have ended, and touch nothing but what they change.
//! Method: a live shard with three rules takes everything; then one of them has another threshold, one is gone, one is the
//! same and one is new. Held against the batch query with the new catalogue. And texts that would overflow a stack, or double
//! with each step, are put among the rules: what is in force stays.

use std::collections::{BTreeMap, BTreeSet};

use permitwatch::catalogue::Catalogue;
use permitwatch::config::RulesConfig;
use permitwatch::model::alert::{Alert, Status};
use permitwatch::model::record::Record;
use permitwatch::model::schema::{Feed, TableId};
use permitwatch::model::time::KnownTime;
use permitwatch::pipeline::reload::{Changes, RulesInForce, in_force};
use permitwatch::shard::{LINKS_DIFFER, Order, Shard};
use permitwatch::tools::cases::Recording;
use permitwatch::tools::replay::standing_rows;

use crate::drive::{batch, case_file, difference, plan, records_of, repository, shard, sorted};
use crate::hostile_reload::{Hostile, hostile};

const CHANGED: &str = "work-not-started";
const GONE: &str = "permanent-permit-emigrated";
const SAME: &str = "employer-mismatch";
const NEW: &str = "benefit-after-emigration";

fn catalogue(rules: &[&str], months: i64) -> Catalogue {
    let set = BTreeMap::from([(format!("{CHANGED}.months"), months)]);
    let mut catalogue = Catalogue::load(&repository("queries"), &set).unwrap();
    catalogue.retain(rules);
    catalogue
}

fn records() -> Vec<Record> {
    let mut out = Vec::new();
    for rule in [CHANGED, GONE, SAME, NEW] {
        let file = case_file(rule);
        for (number, case) in file.case.iter().enumerate() {
            let own = records_of(&file, case, &format!("{}{number:03}", &rule[..4]));
            out.extend(own.into_iter().filter(|record| record.table != TableId::Terms));
        }
    }
    out
}

/// Lets the shard work until nothing is left to be worked out again.
fn settle(shard: &mut Shard) -> Vec<Alert> {
    let mut out = Vec::new();
    loop {
        out.extend(shard.settle_live().into_iter().map(|emitted| emitted.alert));
        if shard.rework_left() == 0 {
            return out;
        }
    }
}

#[test]
fn new_rules_end_where_a_start_with_them_would_have_ended() {
    let recording = Recording::new(records());
    let mut shard = shard(Order::Live, plan(&catalogue(&[CHANGED, GONE, SAME], 4)));
    let messages = recording.messages();
    let end = messages.iter().map(|message| message.known_time).max().unwrap();
    for message in &messages {
        shard.take(message);
    }
    for feed in Feed::ALL {
        shard.advance_clock(feed, end);
    }
    let before: Vec<Alert> = settle(&mut shard);
    assert!([CHANGED, GONE, SAME].iter().all(|rule| before.iter().any(|alert| alert.rule_id == *rule)));
    let after = catalogue(&[CHANGED, SAME, NEW], 2);
    let withdrawn = shard.replace_rules(plan(&after)).unwrap();
    assert!(!withdrawn.is_empty());
    for emitted in &withdrawn {
        let alert = &emitted.alert;
        let said = (alert.rule_id.as_str(), alert.status, alert.reason.as_deref());
        assert_eq!(said, (GONE, Status::Retracted, Some("rule_withdrawn")));
    }
    let said = settle(&mut shard);
    let rules: BTreeSet<&str> = said.iter().map(|alert| alert.rule_id.as_str()).collect();
    assert_eq!(rules, BTreeSet::from([CHANGED, NEW]), "only what has changed speaks");
    let wanted = batch(&after, &recording.tables(), end.0);
    let standing = sorted(standing_rows(&shard));
    assert!(standing == wanted, "engine (first), batch (second):\n{}", difference(&standing, &wanted));
    // Sequences go on: nobody who reads the topic sees a step twice.
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for alert in before.iter().chain(withdrawn.iter().map(|emitted| &emitted.alert)).chain(&said) {
        let own = last.entry(&alert.alert_id).or_insert(0);
        assert_eq!(alert.sequence, *own + 1, "{}", alert.rule_id);
        *own = alert.sequence;
    }
    // And timers: time alone goes on to change what stands.
    let later = KnownTime(end.0 + 400 * 86_400_000_000);
    for feed in Feed::ALL {
        shard.advance_clock(feed, later);
    }
    settle(&mut shard);
    let (standing, wanted) = (sorted(standing_rows(&shard)), batch(&after, &recording.tables(), later.0));
    assert!(standing == wanted, "later, engine (first), batch (second):\n{}", difference(&standing, &wanted));
}

#[test]
fn rules_that_change_what_units_show_one_another_wait_for_a_restart() {
    let mut shard = shard(Order::Live, plan(&catalogue(&[CHANGED], 4)));
    let refused = shard.replace_rules(plan(&catalogue(&[CHANGED, "anchor-permit-lost"], 4)));
    assert_eq!(refused.err(), Some(LINKS_DIFFER));
    assert_eq!(shard.rules().len(), 1);
}

#[test]
fn a_text_that_would_end_or_block_the_process_is_refused_and_the_rules_in_force_stay() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["", "views", "links"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        for file in std::fs::read_dir(repository("queries").join(folder)).unwrap().map(|file| file.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap();
            // Of the rules one.
            let is_wanted = !folder.is_empty() || !name.ends_with(".sql") || KEPT.contains(&name);
            if file.is_file() && is_wanted {
                std::fs::copy(&file, dir.path().join(folder).join(name)).unwrap();
            }
        }
    }
    // It uses rules that are not here.
    std::fs::remove_file(dir.path().join("links/employer_indications.sql")).unwrap();
    let config = RulesConfig { dir: dir.path().to_owned(), ..RulesConfig::default() };
    let rules = RulesInForce::new(in_force(&config).unwrap());
    let before = rules.get().1.set_fingerprint();
    for Hostile { what, text, reason } in hostile() {
        std::fs::write(dir.path().join("hostile.sql"), text).unwrap();
        let error = anyhow::Error::from(rules.reload(&config).unwrap_err());
        assert!(format!("{error:#}").contains(reason), "{what}: {error:#}");
        assert_eq!((rules.generation(), rules.get().1.set_fingerprint()), (0, before.clone()), "{what}");
    }
    std::fs::remove_file(dir.path().join("hostile.sql")).unwrap();
    assert_eq!(rules.reload(&config).unwrap(), Changes::default());
}

/// Fixed queries, and one rule.
const KEPT: [&str; 4] = ["standing.sql", "tables.sql", "duckdb.sql", "work-not-started.sql"];

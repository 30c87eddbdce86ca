//! Aim: a directory may hold more rules than a machine word has bits: those beyond are planned, run, raised, disabled and gone over to as
//! the others are.
//! Method: the repository's rules with copies of themselves under other names, over the persons of all rules' cases. Held against the batch
//! query, and each copy against its original.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use permitwatch::catalogue::Catalogue;
use permitwatch::catalogue::exceptions::Exception;
use permitwatch::catalogue::file::RuleFile;
use permitwatch::model::alert::Alert;
use permitwatch::model::record::{Message, Record};
use permitwatch::model::schema::{Feed, TableId};
use permitwatch::model::time::KnownTime;
use permitwatch::oracle::StandingRow;
use permitwatch::proofs::lawful::exceptions::fingerprint;
use permitwatch::shard::{Order, Shard};
use permitwatch::tools::cases::Recording;
use permitwatch::tools::replay::standing_rows;

use crate::drive::{batch, case_file, catalogue, difference, plan, records_of, repository, shard, sorted, strict};

/// More than 64.
const RULES: usize = 70;

pub const COPY: &str = "-copy";

/// The repository's rules, with copies until there are so many.
pub fn many(rules: usize) -> Catalogue {
    let dir = tempfile::tempdir().unwrap();
    for part in ["", "views", "links"] {
        copy_files(&repository("queries").join(part), &dir.path().join(part));
    }
    let own = catalogue();
    let alone = own.rules.iter().filter(|rule| rule.header.key.is_none() && rule.header.uses.is_empty());
    let alone: Vec<(&str, &str)> = alone.map(|rule| (rule.header.id.as_str(), rule.header.number.as_str())).collect();
    for copy in 0..rules.saturating_sub(own.rules.len()) {
        let ((id, number), round) = (alone[copy % alone.len()], copy / alone.len());
        let text = std::fs::read_to_string(repository("queries").join(format!("{id}.sql"))).unwrap();
        let name = format!("{id}{COPY}{round}");
        let text = text.replacen(&format!("id = \"{id}\""), &format!("id = \"{name}\""), 1);
        let text = text.replacen(&format!("number = \"{number}\""), &format!("number = \"{number}-{round}\""), 1);
        std::fs::write(dir.path().join(format!("{name}.sql")), text).unwrap();
    }
    let mut catalogue = Catalogue::load(dir.path(), &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"));
    // What the program's own rules may do that a text under another name may not: sum excuses, read posts beside the newest one, compare names in
    // all ways.
    const OWN: [&str; 4] = ["in-favour-only", "protected-persons", "civil-status", "names"];
    let copies = catalogue.rules.iter().map(|rule| rule.header.id.clone()).filter(|id| id.contains(COPY));
    let excepted = copies.flat_map(|text| {
        let now = fingerprint(&catalogue, &text).unwrap();
        OWN.map(|safeguard| {
            let (safeguard, reason) = (safeguard.to_owned(), "a copy of one of the program's own".to_owned());
            Exception { text: text.clone(), safeguard, reason, fingerprint: now.clone(), now: Some(now.clone()) }
        })
    });
    catalogue.exceptions = excepted.collect();
    catalogue
}

pub fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The persons of all cases of all rules, under one set of terms.
pub fn recording() -> Recording {
    let mut seen = BTreeSet::new();
    let mut records: Vec<Record> = Vec::new();
    for (rule, file) in catalogue().rules.iter().map(|rule| case_file(&rule.header.id)).enumerate() {
        for (number, case) in file.case.iter().enumerate() {
            records.extend(records_of(&file, case, &format!("p{rule:02}-{number:02}")));
        }
    }
    records.retain(|record| record.table != TableId::Terms || seen.insert((record.record_key.clone(), record.version)));
    records.sort_by_key(|record| record.known_time);
    Recording::new(records)
}

pub fn end_of(messages: &[Message]) -> KnownTime {
    let last = messages.iter().map(|message| message.known_time).max().unwrap();
    // A midnight: what a rule with a cadence sees is then what everybody sees.
    last.next_midnight()
}

#[test]
fn seventy_rules_have_standing_what_the_batch_query_finds() {
    let (catalogue, recording) = (many(RULES), recording());
    assert_eq!(catalogue.rules.len(), RULES);
    let messages = recording.messages();
    let end = end_of(&messages).0;
    let (_, ran) = strict(plan(&catalogue), &messages.iter().collect::<Vec<_>>(), 50, &[end]);
    let failed: Vec<_> = ran.quarantined.iter().filter(|bad| bad.reason.name() == "rule_error").collect();
    assert!(failed.is_empty(), "{failed:?}");
    let (engine, batch) = (&ran.standing[0], batch(&catalogue, &recording.tables(), end));
    assert!(*engine == batch, "engine (first), batch (second):\n{}", difference(engine, &batch));
    let beyond = catalogue.rules[64..].iter().map(|rule| rule.header.id.as_str());
    let speaking = beyond.filter(|id| ran.log.iter().any(|alert| alert.rule_id == *id)).count();
    assert!(speaking > 3, "of the rules beyond the 64th only {speaking} raise anything");
    // But for what names a rule by its id: the tips that make an alert stronger.
    let about = |row: &StandingRow| (row.person.clone(), row.subject.clone(), row.alert_key.clone(), row.alert_at);
    let mut copied = 0;
    for id in catalogue.rules.iter().map(|rule| &rule.header.id) {
        let Some((original, _)) = id.split_once(COPY) else { continue };
        let of = |id: &str| engine.iter().filter(|row| row.rule_id == id).map(about).collect::<BTreeSet<_>>();
        assert_eq!(of(original), of(id));
        copied += of(id).len();
    }
    println!("{} alerts stand, {copied} of copies; {speaking} of the last rules raise something", engine.len());
    assert!(copied > 100, "only {copied}");
}

#[test]
fn seventy_rules_are_gone_over_to_others() {
    let (recording, mut later) = (recording(), many(RULES));
    let mut shard = shard(Order::Live, plan(&later));
    let messages = recording.messages();
    let end = end_of(&messages);
    messages.iter().for_each(|message| shard.take(message));
    settle(&mut shard, end);
    // One of the first goes, so that all behind it move by one place, over the end of a word too.
    let ids = || later.rules.iter().map(|rule| rule.header.id.clone());
    let standing: BTreeSet<String> = standing_rows(&shard).into_iter().map(|row| row.rule_id).collect();
    let gone = ids().find(|id| id.contains(COPY) && standing.contains(id)).unwrap();
    let kept: Vec<String> = ids().filter(|id| *id != gone).collect();
    later.retain_rules(&kept.iter().map(String::as_str).collect::<Vec<_>>());
    let withdrawn = shard.replace_rules(plan(&later)).unwrap();
    assert!(!withdrawn.is_empty() && withdrawn.iter().all(|emitted| emitted.alert.rule_id == gone));
    let said = settle(&mut shard, end);
    assert_eq!(said, [], "no other rule has changed");
    let (engine, batch) = (sorted(standing_rows(&shard)), batch(&later, &recording.tables(), end.0));
    assert!(engine == batch, "engine (first), batch (second):\n{}", difference(&engine, &batch));
}

#[test]
fn a_rule_beyond_the_64th_is_disabled_alone() {
    let mut catalogue = many(RULES);
    let is_alone = |rule: &RuleFile| rule.header.key.is_none() && rule.header.uses.is_empty();
    let broken = catalogue.rules.iter().rposition(is_alone).unwrap();
    assert!(broken >= 64, "{broken}");
    // Sixteen bytes become 256, and these four thousand million: more than a call may make, which no check can see in the text.
    catalogue.rules[broken].sql =
        "SELECT person_id, permit_id, '-' AS alert_key, valid_from AS anchor_at, first_known_time AS alert_at, record AS records \
         FROM (SELECT person_id, permit_id, valid_from, first_known_time, record, replace(x, 'a', x) AS x \
               FROM (SELECT person_id, permit_id, valid_from, first_known_time, record, replace(x, 'a', x) AS x \
                     FROM (SELECT person_id, permit_id, valid_from, first_known_time, record, \
                                  replace(concat(permit_class, '-'), '-', 'aaaaaaaaaaaaaaaa') AS x FROM permits) a) b) c \
         WHERE length(replace(x, 'a', x)) > 0"
            .to_owned();
    let mut shard = shard(Order::Strict, plan(&catalogue));
    let messages = recording().messages();
    messages.iter().for_each(|message| shard.take(message));
    shard.settle(end_of(&messages));
    assert_eq!(shard.disabled().iter().collect::<Vec<_>>(), [broken]);
    let id = &catalogue.rules[broken].header.id;
    assert!(shard.take_quarantined().iter().all(|bad| bad.detail.starts_with(id)));
    let same_bit = &catalogue.rules[broken - 64].header.id;
    assert!(standing_rows(&shard).iter().any(|row| row.rule_id == *same_bit), "{same_bit}");
}

/// Settles, and carries over what units show one another, until nobody has more to say; gives the alerts that that took.
pub fn settle(shard: &mut Shard, end: KnownTime) -> Vec<Alert> {
    let mut said = Vec::new();
    Feed::ALL.into_iter().for_each(|feed| shard.advance_clock(feed, end));
    loop {
        said.extend(shard.settle_live().into_iter().map(|emitted| emitted.alert));
        let records = shard.take_outgoing();
        if records.is_empty() && shard.rework_left() == 0 {
            return said;
        }
        shard.take_linked(&records);
    }
}

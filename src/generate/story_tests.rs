//! Aim: the truth agrees with the recording, every rule and story has its persons, and two persons share only what a story or a
//! family makes them share.
//! Method: a recording of the demo's size in memory, read record by record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::plan::PLAN;
use super::scenarios::Scenario;
use super::*;

static DEMO: LazyLock<Dataset> = LazyLock::new(|| generate(&Options { outside_pct: 0, ..Options::new(2_000, 3, 1) }));

/// Key, known time and record of each record of a table.
fn records(table: TableId) -> impl Iterator<Item = (&'static str, i64, &'static Record)> {
    DEMO.messages(table.def().feed).iter().filter_map(move |message| match (&message.body, &message.key) {
        (Body::Record(record), Some(key)) if record.table == table && record.op != "retract" => {
            Some((key.as_ref(), message.known_time, record))
        }
        _ => None,
    })
}

fn text(record: &Record, column: &str) -> Option<&'static str> {
    let place = record.table.def().column(column).map_or(0, |(place, _)| place);
    match record.values.get(place) {
        Some(Value::Text(text)) => Some(Box::leak(text.clone())),
        Some(Value::Code(code)) => Some(code),
        _ => None,
    }
}

#[test]
fn every_rule_has_breaches_and_traps_of_known_permits() {
    let permits: BTreeSet<(&str, &str)> =
        records(TableId::Permits).filter_map(|(key, _, record)| Some((key, text(record, "permit_id")?))).collect();
    let employers: BTreeSet<&str> =
        records(TableId::PermitEmployers).filter_map(|(_, _, record)| text(record, "employer_id")).collect();
    let mut kinds: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut matters = BTreeSet::new();
    for row in &DEMO.truth {
        let subject = (row.person_id.as_str(), row.permit_id.as_str());
        assert!(permits.contains(&subject) || (subject.0 == subject.1 && employers.contains(subject.0)), "{row:?}");
        assert!(matters.insert((row.person_id.clone(), row.rule_id)), "{row:?}");
        assert!(row.ended_at.is_none_or(|ended| ended > row.known_from), "{row:?}");
        assert_eq!(row.kind == Kind::Breach, row.min_severity.is_some(), "{row:?}");
        *kinds.entry(row.rule_id).or_default().entry(row.kind.name()).or_default() += 1;
    }
    for rule in Scenario::ALL.iter().map(|scenario| scenario.rule_id()) {
        let of = |kind: Kind| kinds.get(rule).and_then(|kinds| kinds.get(kind.name())).copied().unwrap_or(0);
        assert!(of(Kind::Breach) >= 4 && of(Kind::Trap) >= 3, "{rule}: {:?}", kinds.get(rule));
    }
}

#[test]
fn every_story_of_the_plan_is_lived() {
    let lived: BTreeSet<(&str, &str)> = DEMO.truth.iter().map(|row| (row.rule_id, row.scenario)).collect();
    for story in PLAN {
        assert!(lived.contains(&(story.rule_id(), story.code())), "{story:?}");
    }
    let codes: BTreeSet<&str> = Scenario::ALL.iter().map(|scenario| scenario.code()).collect();
    assert!(
        codes.len() * 10 > Scenario::ALL.len() * 9,
        "stories of different rules may share a name, those of one not"
    );
}

#[test]
fn documents_and_numbers_are_shared_only_where_it_is_planted() {
    let planted: BTreeSet<&str> = DEMO
        .truth
        .iter()
        .filter(|row| row.rule_id == "false-or-duplicate-identity")
        .map(|row| row.person_id.as_str())
        .collect();
    let mut holders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (table, column) in [(TableId::Documents, "document_key"), (TableId::Identities, "number")] {
        for (key, _, record) in records(table) {
            holders.entry(text(record, column).unwrap_or_default()).or_default().insert(key);
        }
    }
    let shared: Vec<_> = holders.values().filter(|holders| holders.len() > 1).collect();
    assert!(shared.len() >= 4);
    for holders in shared {
        assert!(holders.iter().all(|holder| planted.contains(holder)), "{holders:?}");
    }
}

#[test]
fn a_permit_stands_under_its_anchors_key_too() {
    let mut told: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for (key, known, record) in records(TableId::Permits) {
        if let (Some(permit), Some(anchor)) = (text(record, "permit_id"), text(record, "anchor_person_id")) {
            assert_ne!(key, anchor);
            let first = told.entry((permit, anchor)).or_insert(known);
            *first = known.min(*first);
        }
    }
    let mut beside = BTreeSet::new();
    for (key, known, record) in records(TableId::Anchors) {
        let permit = text(record, "permit_id").unwrap_or_default();
        assert_eq!(record.record_key.as_ref(), permit);
        let first = told.get(&(permit, key)).copied().unwrap_or_default();
        // A duplicate comes some hours later.
        assert!(known == first || known > first && known < first + DAY_US, "{permit}");
        beside.insert((permit, key));
    }
    assert!(told.len() > 200);
    assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), beside);
}

#[test]
fn spouses_name_each_other_while_they_are_married() {
    let mut spouses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, _, record) in records(TableId::Population) {
        if let Some(spouse) = text(record, "spouse_id") {
            assert_eq!(text(record, "civil_status"), Some("G"));
            spouses.entry(key).or_default().insert(spouse);
        }
    }
    assert!(spouses.len() > 200);
    let registered: BTreeSet<&str> = records(TableId::Population).map(|(key, ..)| key).collect();
    for (person, of) in &spouses {
        // The register knows nothing of a person who never arrives.
        for spouse in of.iter().filter(|spouse| registered.contains(*spouse)) {
            assert!(spouses.get(spouse).is_some_and(|back| back.contains(person)), "{person} {spouse}");
        }
    }
}

#[test]
fn what_permitwatch_writes_itself_is_not_generated() {
    assert!(Feed::ALL.into_iter().filter(|feed| feed.is_internal()).all(|feed| DEMO.messages(feed).is_empty()));
}

//! Aim: a rule on trial says on its own topic what it would say live, changes nothing that another says, and goes live or back while running
//! without a step lost or said twice; no live rule reads what one on trial finds.
//! Method: the repository's rules with copies of themselves, which are on trial, live or away; strict logs byte for byte. One rule that goes
//! from trial to live and back in a running shard, held against the batch query.

use std::collections::BTreeMap;

use permitwatch::catalogue::Catalogue;
use permitwatch::config::RulesConfig;
use permitwatch::model::alert::{Alert, Status};
use permitwatch::model::record::Message;
use permitwatch::model::stage::{Outlet, Stage};
use permitwatch::model::time::KnownTime;
use permitwatch::pipeline::reload::{RulesInForce, in_force};
use permitwatch::shard::{Emitted, Order, Shard};
use permitwatch::tools::replay::standing_rows;

use crate::checkpoints::{Live, restore, write, writer};
use crate::drive::{batch, catalogue, difference, log_bytes, plan, repository, shard, sorted, strict};
use crate::many_rules::{COPY, copy_files, end_of, many, recording, settle};

/// More than 64, of which the last are on trial.
const RULES: usize = 70;

fn put(catalogue: &mut Catalogue, stage: Stage, is_meant: impl Fn(&str) -> bool) {
    for rule in catalogue.rules.iter_mut().filter(|rule| is_meant(&rule.header.id)) {
        rule.header.stage = stage.name().to_owned();
    }
}

fn log(catalogue: &Catalogue, messages: &[Message]) -> Vec<Alert> {
    let end = end_of(messages).0;
    strict(plan(catalogue), &messages.iter().collect::<Vec<_>>(), 50, &[end]).1.log
}

#[test]
fn rules_on_trial_say_what_they_would_say_live_and_leave_the_others_as_they_are() {
    let messages = recording().messages();
    let live = many(RULES);
    let (mut trial, mut alone) = (live.clone(), live.clone());
    put(&mut trial, Stage::Shadow, |id| id.contains(COPY));
    alone.rules.retain(|rule| !rule.header.id.contains(COPY));
    alone.exceptions.clear();
    assert!(trial.rules.iter().filter(|rule| rule.header.stage() == Stage::Shadow).count() > 30);
    let [live, trial, alone] = [&live, &trial, &alone].map(|catalogue| log(catalogue, &messages));
    let is_of_copy = |alert: &Alert| alert.rule_id.contains(COPY);
    let (said, others): (Vec<Alert>, Vec<Alert>) = trial.into_iter().partition(is_of_copy);
    assert!(others.len() > 200 && said.len() > 100, "{} and {}", others.len(), said.len());
    assert!(log_bytes(others) == log_bytes(alone), "rules on trial change what the others say");
    assert!(said.iter().all(|alert| alert.outlet() == Outlet::Shadow && alert.stage == Stage::Shadow));
    let text = String::from_utf8(log_bytes(said.clone())).unwrap();
    assert!(text.lines().all(|line| line.contains(r#""stage":"shadow""#)));
    let said = said.into_iter().map(|alert| Alert { stage: Stage::Live, ..alert }).collect();
    let live = live.into_iter().filter(is_of_copy).collect();
    assert!(log_bytes(said) == log_bytes(live), "on trial a rule says something else than live");
}

/// A rule with deadlines that no other rule and no link reads.
const RULE: &str = "study-not-registered";

/// The rules that run, one of them on trial; and the same with that one live.
fn on_trial_and_live() -> [Catalogue; 2] {
    let mut live = catalogue();
    live.retain_running(&[]).unwrap();
    let mut on_trial = live.clone();
    put(&mut on_trial, Stage::Shadow, |id| id == RULE);
    [on_trial, live]
}

/// What each said, by topic, alert and sequence, in the order in which it was said.
fn steps(log: &[Alert]) -> BTreeMap<(usize, &str), Vec<(u64, Status)>> {
    let mut steps: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for alert in log {
        let of_alert = steps.entry((alert.outlet().index(), alert.alert_id.as_str())).or_default();
        of_alert.push((alert.sequence, alert.status));
    }
    steps
}

fn assert_without_gap(log: &[Alert]) {
    for (alert, steps) in steps(log) {
        let sequences: Vec<u64> = steps.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>(), "{alert:?}");
        let stands = |at: usize| steps[at].1.stands();
        assert!((1..steps.len()).all(|at| steps[at].1 != Status::Raised || !stands(at - 1)), "raised twice: {steps:?}");
    }
}

fn alerts(emitted: Vec<Emitted>) -> Vec<Alert> {
    emitted.into_iter().map(|emitted| emitted.alert).collect()
}

#[test]
fn a_rule_goes_live_and_back_while_it_runs() {
    let recording = recording();
    let messages = recording.messages();
    let end = end_of(&messages);
    let [on_trial, live] = on_trial_and_live();
    let mut shard = shard(Order::Live, plan(&on_trial));
    messages.iter().for_each(|message| shard.take(message));
    let mut said = settle(&mut shard, end);
    let stood = |shard: &Shard| standing_rows(shard).into_iter().filter(|row| row.rule_id == RULE).count();
    let wanted = stood(&shard);
    assert!(wanted > 1, "{wanted}");
    for (rules, from, reason) in [
        (&live, Outlet::Shadow, "rule_promoted"),
        (&on_trial, Outlet::Officers, "rule_withdrawn"),
        (&live, Outlet::Shadow, "rule_promoted"),
    ] {
        let withdrawn = alerts(shard.replace_rules(plan(rules)).unwrap());
        assert_eq!(withdrawn.len(), wanted);
        for alert in &withdrawn {
            let told = (alert.rule_id.as_str(), alert.outlet(), alert.status, alert.reason.as_deref());
            assert_eq!(told, (RULE, from, Status::Retracted, Some(reason)));
        }
        let raised = settle(&mut shard, end);
        assert_eq!(raised.len(), wanted);
        assert!(raised.iter().all(|alert| alert.rule_id == RULE && alert.status == Status::Raised));
        assert!(raised.iter().all(|alert| alert.outlet() != from && !alert.evidence.is_empty()));
        let (engine, batch) = (sorted(standing_rows(&shard)), batch(rules, &recording.tables(), end.0));
        assert!(engine == batch, "engine (first), batch (second):\n{}", difference(&engine, &batch));
        said.extend(withdrawn.into_iter().chain(raised));
    }
    assert_without_gap(&said);
    // Timers came along: time alone goes on to change what stands.
    let later = KnownTime(end.0 + 400 * 86_400_000_000).next_midnight();
    let changed = settle(&mut shard, later);
    assert!(changed.iter().any(|alert| alert.rule_id == RULE), "nothing of {RULE} falls due");
    assert!(changed.iter().filter(|alert| alert.rule_id == RULE).all(|alert| alert.outlet() == Outlet::Officers));
    let (engine, batch) = (sorted(standing_rows(&shard)), batch(&live, &recording.tables(), later.0));
    assert!(engine == batch, "later, engine (first), batch (second):\n{}", difference(&engine, &batch));
    said.extend(changed);
    assert_without_gap(&said);
    // Retired: what stands is withdrawn, and it is no rule of this run any more.
    let mut retired = live.clone();
    put(&mut retired, Stage::Retired, |id| id == RULE);
    retired.retain_running(&[]).unwrap();
    let left = stood(&shard);
    let withdrawn = alerts(shard.replace_rules(plan(&retired)).unwrap());
    assert_eq!(withdrawn.len(), left);
    assert!(withdrawn.iter().all(|alert| alert.reason.as_deref() == Some("rule_withdrawn")));
    assert!(withdrawn.iter().all(|alert| alert.outlet() == Outlet::Officers));
    assert_eq!(settle(&mut shard, later), []);
}

#[test]
fn a_checkpoint_of_a_rule_on_trial_is_gone_on_from_by_one_that_is_live() {
    let messages = recording().messages();
    let end = end_of(&messages);
    let [on_trial, live] = on_trial_and_live();
    let all: Vec<&Message> = messages.iter().collect();
    let mut never_stopped = Live::new(plan(&on_trial));
    never_stopped.settle(&all, end.0);
    let dir = tempfile::tempdir().unwrap();
    write(&mut writer(dir.path(), None), &mut never_stopped.shard);
    let (mut shard, restored, _) = restore(dir.path(), plan(&live));
    assert!(restored.again.is_empty() && restored.gone.is_empty(), "its text is the same: {:?}", restored.again);
    assert_eq!(sorted(standing_rows(&shard)), sorted(standing_rows(&never_stopped.shard)));
    // What it says from now on it says to officers; that the other topic and this one differ, a start finds out by reading them.
    let later = KnownTime(end.0 + 400 * 86_400_000_000);
    let said = settle(&mut shard, later);
    let of_rule: Vec<&Alert> = said.iter().filter(|alert| alert.rule_id == RULE).collect();
    assert!(!of_rule.is_empty() && of_rule.iter().all(|alert| alert.outlet() == Outlet::Officers));
}

#[test]
fn no_live_rule_and_no_link_reads_what_one_on_trial_finds() {
    let own = catalogue();
    let user = own.rules.iter().find(|rule| !rule.header.uses.is_empty()).unwrap();
    let (user, used) = (user.header.id.as_str(), user.header.uses[0].as_str());
    let by_link = own.links.iter().flat_map(|link| &link.uses).next().unwrap().as_str();
    // Without rules about employers nothing reads the links that count what rules find.
    let running = |with_employers: bool, changes: &[(&str, Stage)]| {
        let mut catalogue = own.clone();
        catalogue.rules.retain(|rule| rule.header.stage().runs() && (with_employers || rule.header.key.is_none()));
        changes.iter().for_each(|(id, stage)| put(&mut catalogue, *stage, |rule| rule == *id));
        catalogue.retain_running(&[]).map_err(|error| error.to_string())
    };
    let refused = |with_employers, id: &str, stage| {
        let refused = running(with_employers, &[(id, stage)]).unwrap_err();
        assert!(refused.contains(&format!("\"{id}\"")), "{refused}");
        refused
    };
    assert_eq!((running(true, &[]), running(false, &[])), (Ok(()), Ok(())));
    for stage in [Stage::Draft, Stage::Retired] {
        refused(false, used, stage);
        refused(true, by_link, stage);
    }
    let of_rule = refused(false, used, Stage::Shadow);
    assert!(of_rule.contains(&format!("rule \"{user}\"")) && of_rule.contains("on trial"), "{of_rule}");
    let of_link = refused(true, by_link, Stage::Shadow);
    assert!(of_link.contains("link \"") && of_link.contains("on trial"), "{of_link}");
    assert_eq!(running(false, &[(user, Stage::Shadow)]), Ok(()), "one on trial may read what a live one finds");
    assert_eq!(running(false, &[(user, Stage::Shadow), (used, Stage::Shadow)]), Ok(()));
}

#[test]
fn a_reload_that_lacks_what_it_needs_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for part in ["", "views", "links"] {
        copy_files(&repository("queries").join(part), &dir.path().join(part));
    }
    let config = RulesConfig { dir: dir.path().to_owned(), ..RulesConfig::default() };
    let rules = RulesInForce::new(in_force(&config).unwrap());
    let file = dir.path().join("salary-drop.sql");
    let text = std::fs::read_to_string(&file).unwrap();
    let id = "id = \"salary-drop\"\n";
    let staged = |stage: &str| text.replacen(id, &format!("{id}stage = \"{stage}\"\nstage_since = 2026-12-01\n"), 1);
    std::fs::write(&file, staged("shadow")).unwrap();
    let needs_topic = |new: &Catalogue| if new.has_trials() { Err("there is no topic".to_owned()) } else { Ok(()) };
    let error = rules.reload_if(&config, needs_topic).unwrap_err();
    assert_eq!((error.to_string().as_str(), rules.generation()), ("there is no topic", 0));
    let before = rules.get().1.set_fingerprint();
    let changes = rules.reload_if(&config, |_| Ok(())).unwrap();
    assert_eq!(changes.changed, ["salary-drop"]);
    assert_ne!(rules.get().1.set_fingerprint(), before, "processes of other stages are told apart");
    // The date alone is no change of what runs.
    std::fs::write(&file, staged("shadow").replace("2026-12-01", "2026-12-02")).unwrap();
    assert_eq!(rules.reload(&config).unwrap().changed, Vec::<String>::new());
    std::fs::write(&file, staged("retired")).unwrap();
    assert_eq!(rules.reload(&config).unwrap().removed, ["salary-drop"]);
}

//! Aim: each way in which two runs can differ is told by its name, and nothing else is.
//! Method: logs of few transitions, written by hand: `day status severity`.

use super::*;
use crate::model::alert::Status;
use crate::model::stage::Stage;
use crate::model::time::Day;

/// The transitions of one alert, such as `10 raised weak, 12 updated medium, 20 cleared medium`.
pub fn log_of(rule: &str, subject: &str, key: &str, text: &str) -> Vec<Alert> {
    let steps = text.split(", ").filter(|step| !step.is_empty()).zip(1..);
    steps
        .map(|(step, sequence)| {
            let [day, status, severity] = step.split(' ').collect::<Vec<_>>()[..] else { panic!("{step}") };
            let status = [Status::Raised, Status::Updated, Status::Cleared, Status::Retracted]
                .into_iter()
                .find(|known| known.name() == status)
                .unwrap();
            Alert {
                sequence,
                status,
                severity: Severity::from_name(severity).unwrap(),
                as_of: KnownTime(Day(day.parse().unwrap()).instant()).to_string(),
                ..Alert::blank(rule, subject, key)
            }
        })
        .collect()
}

/// The kinds in which one alert differs, and whether it counts as the same.
fn kinds_of(a: &str, b: &str) -> (Vec<Kind>, usize) {
    let [a, b] = [a, b].map(|text| lives(&log_of("r", "P1", "k", text)));
    let compared = compare(&a, &b);
    let kinds = compared.differences.iter().flat_map(|difference| difference.kinds.clone()).collect();
    (kinds, compared.rules["r"].same)
}

#[test]
fn each_way_to_differ_has_its_name() {
    let usual = "10 raised medium, 20 cleared medium";
    for (b, expected) in [
        (usual, vec![]),
        ("", vec![Kind::OnlyA]),
        ("9 raised medium, 20 cleared medium", vec![Kind::Earlier]),
        ("11 raised medium, 20 cleared medium", vec![Kind::Later]),
        ("10 raised strong, 20 cleared strong", vec![Kind::Stronger]),
        ("10 raised weak, 20 cleared weak", vec![Kind::Weaker]),
        ("10 raised medium, 19 retracted medium", vec![Kind::EndsEarlier]),
        ("10 raised medium, 21 cleared medium", vec![Kind::EndsLater]),
        ("10 raised medium", vec![Kind::EndsLater]),
        ("10 raised medium, 12 cleared medium, 14 raised medium, 20 cleared medium", vec![Kind::Between]),
        ("10 raised weak, 12 updated medium, 20 cleared medium", vec![Kind::Between]),
        ("10 raised medium, 12 updated weak, 20 cleared weak", vec![Kind::Weaker]),
        ("9 raised weak, 19 cleared weak", vec![Kind::Earlier, Kind::Weaker, Kind::EndsEarlier]),
        // Whether the end is a correction or a new fact is not compared, nor is an update that changes no severity.
        ("10 raised medium, 15 updated medium, 20 retracted medium", vec![]),
    ] {
        let same = usize::from(expected.is_empty());
        assert_eq!(kinds_of(usual, b), (expected, same), "{b}");
    }
    assert_eq!(kinds_of("", usual).0, [Kind::OnlyB]);
    assert_eq!(kinds_of("10 raised medium", "10 raised medium"), (vec![], 1));
    assert_eq!(kinds_of("10 raised medium", usual).0, [Kind::EndsEarlier]);
    let gap = |until: i32| format!("10 raised medium, 12 cleared medium, {until} raised medium, 20 cleared medium");
    assert_eq!(kinds_of(&gap(14), &gap(15)).0, [Kind::Between]);
}

#[test]
fn what_an_alert_says_is_compared_when_it_last_stood() {
    let text = "10 raised medium, 12 updated medium, 20 cleared medium";
    let a = log_of("r", "P1", "k", text);
    let with = |change: &dyn Fn(&mut Alert), at: usize| {
        let mut b = log_of("r", "P1", "k", text);
        change(&mut b[at]);
        compare(&lives(&a), &lives(&b)).differences.into_iter().flat_map(|found| found.kinds).collect::<Vec<_>>()
    };
    let says = |alert: &mut Alert| alert.finding.en = "another".into();
    let is_about = |alert: &mut Alert| alert.anchor_at = Some("2024-01-01".into());
    assert_eq!(with(&says, 1), [Kind::Says]);
    assert_eq!(with(&is_about, 1), [Kind::Says]);
    assert_eq!(with(&says, 0), [], "it was said no longer");
    assert_eq!(with(&says, 2), [], "the end says nothing");
    let both = |alert: &mut Alert| {
        says(alert);
        alert.severity = Severity::Strong;
    };
    assert_eq!(with(&both, 1), [Kind::Stronger], "one reason to look is enough");
}

#[test]
fn a_rule_that_goes_live_is_new_to_officers_and_one_that_goes_on_trial_is_lost_to_them() {
    let usual = "10 raised medium, 20 cleared medium";
    let on_trial = |mut log: Vec<Alert>| {
        log.iter_mut().for_each(|alert| alert.stage = Stage::Shadow);
        log
    };
    let of = |text: &str| log_of("r", "P1", "k", text);
    let told = |a: Vec<Alert>, b: Vec<Alert>| {
        let [a, b] = [lives(&a), lives(&b)];
        let compared = compare(&a, &b);
        let kinds: Vec<Kind> = compared.differences.iter().flat_map(|found| found.kinds.clone()).collect();
        (kinds, compared.new_alerts().0)
    };
    assert_eq!(told(on_trial(of(usual)), of(usual)), (vec![Kind::Promoted], 1));
    assert_eq!(told(of(usual), on_trial(of(usual))), (vec![Kind::Demoted], 0));
    assert_eq!(told(on_trial(of(usual)), on_trial(of(usual))), (vec![], 0));
    // What else differs is told beside it.
    let later = of("11 raised medium, 20 cleared medium");
    assert_eq!(told(on_trial(of(usual)), later), (vec![Kind::Promoted, Kind::Later], 1));
    // Alerts that only B has count as new where officers see them.
    assert_eq!(told(Vec::new(), of(usual)), (vec![Kind::OnlyB], 1));
    assert_eq!(told(Vec::new(), on_trial(of(usual))), (vec![Kind::OnlyB], 0));
}

#[test]
fn rules_are_counted_apart_with_the_median_of_what_moved() {
    let alert = |rule: &str, subject: &str, text: &str| log_of(rule, subject, "k", text);
    let a = [
        alert("r", "P1", "10 raised medium"),
        alert("r", "P2", "10 raised medium"),
        alert("r", "P3", "10 raised medium, 15 cleared medium"),
        alert("r", "P4", "10 raised medium"),
        alert("r", "P6", "10 raised medium"),
        alert("s", "P1", "10 raised medium"),
    ]
    .concat();
    let b = [
        alert("r", "P1", "11 raised medium"),
        alert("r", "P2", "13 raised medium"),
        alert("r", "P3", "18 raised medium, 19 cleared medium"),
        log_of("r", "P4", "another key", "10 raised medium"),
        alert("r", "P5", "10 raised medium"),
        alert("s", "P1", "10 raised medium"),
    ]
    .concat();
    let (a, b) = (lives(&a), lives(&b));
    let compared = compare(&a, &b);
    let days = |days: i32| Some(Day(days).instant() as u64);
    let count = |alerts, median, other_keys| Count { alerts, median, other_keys };
    let r = RuleDifference {
        alerts: [5, 5],
        standing: [4, 4],
        same: 0,
        kinds: [
            (Kind::OnlyA, count(2, None, 1)),
            (Kind::OnlyB, count(2, None, 1)),
            (Kind::Later, count(3, days(3), 0)),
            (Kind::EndsLater, count(1, days(4), 0)),
        ]
        .into(),
    };
    assert_eq!(compared.rules["r"], r);
    assert_eq!(compared.rules["s"], RuleDifference { alerts: [1, 1], standing: [1, 1], same: 1, kinds: [].into() });
    assert!(compared.differences.is_sorted_by_key(|found| found.alert_id));
    assert_eq!(compared.new_alerts(), (2, 1));
    let subjects = |most| {
        compared
            .examples("r", Kind::OnlyB, most)
            .iter()
            .map(|found| found.life().unwrap().subject.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!((subjects(1), subjects(2)), (vec!["P5"], vec!["P5", "P4"]), "what is new goes first");
    assert_eq!((median(vec![4, 1]), median(vec![9, 1, 2]), median(vec![])), (Some(2), Some(2), None));
}

#[test]
fn examples_are_the_first_by_id_and_never_of_the_protected() {
    let mut log: Vec<Alert> =
        (0..9).flat_map(|number| log_of("r", &format!("P{number}"), "k", "10 raised medium")).collect();
    log.sort_by(|a, b| a.alert_id.cmp(&b.alert_id));
    log[1] = log[1].clone().withheld();
    log.reverse();
    let (a, b) = (Lives::new(), lives(&log));
    let compared = compare(&a, &b);
    let ids: Vec<&str> = compared.examples("r", Kind::OnlyB, 2).iter().map(|found| found.alert_id).collect();
    assert_eq!(ids, [log[8].alert_id.as_str(), log[6].alert_id.as_str()]);
    assert_eq!(compared.examples("r", Kind::OnlyB, 99).len(), 8);
    assert_eq!(compared.rules["r"].kinds[&Kind::OnlyB].alerts, 9, "they are counted");
    assert!(compared.examples("r", Kind::OnlyA, 2).is_empty() && compared.examples("s", Kind::OnlyB, 2).is_empty());
}

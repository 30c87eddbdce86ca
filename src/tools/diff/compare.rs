//! Two runs over one history, alert by alert: what differs. A pure function of the transitions of both.
//!
//! The alerts of two runs are the same alert if they have the same id: that of rule, subject and alert key.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::alert::{Alert, Severity};
use crate::model::stage::Outlet;
use crate::model::time::{KnownTime, parse_instant};

/// When an alert of one run stood, and with what severity.
#[derive(Clone, Debug)]
pub struct Life {
    pub rule: String,
    pub subject: String,
    pub alert_key: String,
    /// When it was raised for the first time.
    pub raised: KnownTime,
    /// The severity with which it stood last.
    pub severity: Severity,
    /// Every change, oldest first: when, and the severity from then on; `None`: it ended.
    pub changes: Vec<(KnownTime, Option<Severity>)>,
    /// What it told its reader when it last stood: a hash, and the event day.
    said: (u64, Option<String>),
    /// Its rule is on trial, or a draft: no officer sees it.
    pub is_on_trial: bool,
    /// Its person is protected: nothing is said of it.
    pub is_withheld: bool,
}

impl Life {
    /// When it ended; `None` if it stands at the end.
    pub fn ended(&self) -> Option<KnownTime> {
        self.changes.last().filter(|(_, severity)| severity.is_none()).map(|(at, _)| *at)
    }
}

/// The alerts of a run, by id.
pub type Lives = BTreeMap<String, Life>;

/// The alerts of a run, from its transitions; those of one alert are in their order.
pub fn lives(log: &[Alert]) -> Lives {
    let mut lives = Lives::new();
    for alert in log {
        let Some(at) = parse_instant(&alert.as_of).map(KnownTime) else { continue };
        let life = lives.entry(alert.alert_id.clone()).or_insert_with(|| Life {
            rule: alert.rule_id.clone(),
            subject: alert.subject.clone(),
            alert_key: alert.alert_key.clone(),
            raised: at,
            severity: alert.severity,
            changes: Vec::new(),
            said: (0, None),
            is_on_trial: alert.outlet() == Outlet::Shadow,
            is_withheld: false,
        });
        let stands = alert.status.stands();
        let severity = stands.then_some(alert.severity);
        if life.changes.last().is_none_or(|(_, before)| *before != severity) {
            life.changes.push((at, severity));
        }
        if stands {
            life.severity = alert.severity;
            life.said = (alert.content(), alert.anchor_at.clone());
        }
        life.is_withheld |= alert.is_withheld;
    }
    lives
}

/// In what an alert differs: in B, held against A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Raised in A at some time, in B never.
    OnlyA,
    /// Raised in B at some time, in A never.
    OnlyB,
    /// Raised in both, but in A no officer sees it: its rule is on trial there, and live in B.
    Promoted,
    /// The reverse: officers see it in A alone.
    Demoted,
    /// Raised for the first time at an earlier time.
    Earlier,
    Later,
    /// Another severity when it stood last.
    Stronger,
    Weaker,
    /// Its last end; one that stands at the end ends later than any other.
    EndsEarlier,
    EndsLater,
    /// None of the above, but it stood at other times, or with another severity, in between.
    Between,
    /// None of the above, but title, finding, law, evidence or event day were others when it stood last.
    Says,
}

impl Kind {
    pub const ALL: [Kind; 12] = [
        Kind::OnlyA,
        Kind::OnlyB,
        Kind::Promoted,
        Kind::Demoted,
        Kind::Earlier,
        Kind::Later,
        Kind::Stronger,
        Kind::Weaker,
        Kind::EndsEarlier,
        Kind::EndsLater,
        Kind::Between,
        Kind::Says,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::OnlyA => "only_a",
            Kind::OnlyB => "only_b",
            Kind::Promoted => "promoted",
            Kind::Demoted => "demoted",
            Kind::Earlier => "earlier",
            Kind::Later => "later",
            Kind::Stronger => "stronger",
            Kind::Weaker => "weaker",
            Kind::EndsEarlier => "ends_earlier",
            Kind::EndsLater => "ends_later",
            Kind::Between => "between",
            Kind::Says => "says",
        }
    }
}

/// An alert that is not the same in both.
#[derive(Debug)]
pub struct Difference<'a> {
    pub alert_id: &'a str,
    /// In A and in B; at least one is there.
    pub lives: [Option<&'a Life>; 2],
    pub kinds: Vec<Kind>,
    /// It is in one set only, and the other has an alert of the same rule about the same subject under another key.
    pub has_other_key: bool,
}

impl<'a> Difference<'a> {
    /// The alert in B, else in A.
    pub fn life(&self) -> Option<&'a Life> {
        let [a, b] = self.lives;
        b.or(a)
    }

    /// In either set its person is protected.
    pub fn is_withheld(&self) -> bool {
        self.lives.iter().flatten().any(|life| life.is_withheld)
    }

    /// By how much B is earlier or later, in microseconds.
    fn shift(&self, kind: Kind) -> Option<u64> {
        let [Some(a), Some(b)] = self.lives else { return None };
        let (a, b) = match kind {
            Kind::Earlier | Kind::Later => (a.raised, b.raised),
            Kind::EndsEarlier | Kind::EndsLater => (a.ended()?, b.ended()?),
            _ => return None,
        };
        Some(a.0.abs_diff(b.0))
    }
}

/// How many alerts of a rule differ in one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub alerts: usize,
    /// The median of the difference in time, in microseconds, of those that have one.
    pub median: Option<u64>,
    /// Of those in one set only: how many are about a subject of which the other set has another alert of the rule.
    pub other_keys: usize,
}

/// What differs in the alerts of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleDifference {
    /// Alerts in A and in B.
    pub alerts: [usize; 2],
    /// Of these, those that stand at the end.
    pub standing: [usize; 2],
    pub same: usize,
    /// The kinds that occur.
    pub kinds: BTreeMap<Kind, Count>,
}

/// What differs between two runs.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// By alert id.
    pub differences: Vec<Difference<'a>>,
    /// Of each rule that has an alert in either run.
    pub rules: BTreeMap<&'a str, RuleDifference>,
}

pub fn compare<'a>(a: &'a Lives, b: &'a Lives) -> Comparison<'a> {
    let mut rules: BTreeMap<&str, RuleDifference> = BTreeMap::new();
    let subjects = [a, b].map(Subjects::of);
    let mut differences = Vec::new();
    let only_b = b.iter().filter(|(id, _)| !a.contains_key(*id)).map(|(id, life)| (id, [None, Some(life)]));
    for (id, lives) in a.iter().map(|(id, life)| (id, [Some(life), b.get(id)])).chain(only_b) {
        let [in_a, in_b] = lives;
        let Some(life) = in_b.or(in_a) else { continue };
        let rule = rules.entry(life.rule.as_str()).or_default();
        for (side, life) in lives.iter().enumerate() {
            rule.alerts[side] += usize::from(life.is_some());
            rule.standing[side] += usize::from(life.is_some_and(|life| life.ended().is_none()));
        }
        let (kinds, has_other_key) = match (in_a, in_b) {
            (Some(a), Some(b)) => (kinds(a, b), false),
            (Some(a), None) => (vec![Kind::OnlyA], subjects[1].has(a)),
            (None, _) => (vec![Kind::OnlyB], subjects[0].has(life)),
        };
        if kinds.is_empty() {
            rule.same += 1;
        } else {
            differences.push(Difference { alert_id: id, lives, kinds, has_other_key });
        }
    }
    differences.sort_by_key(|difference| difference.alert_id);
    for (id, rule) in &mut rules {
        rule.kinds = counts(&differences, id);
    }
    Comparison { differences, rules }
}

/// The subjects that each rule has an alert about.
struct Subjects<'a>(BTreeSet<(&'a str, &'a str)>);

impl<'a> Subjects<'a> {
    fn of(lives: &'a Lives) -> Subjects<'a> {
        Subjects(lives.values().map(|life| (life.rule.as_str(), life.subject.as_str())).collect())
    }

    fn has(&self, life: &Life) -> bool {
        self.0.contains(&(life.rule.as_str(), life.subject.as_str()))
    }
}

fn kinds(a: &Life, b: &Life) -> Vec<Kind> {
    let end = |life: &Life| life.ended().unwrap_or(KnownTime::MAX);
    let orders = [
        (b.raised.cmp(&a.raised), Kind::Earlier, Kind::Later),
        (b.severity.cmp(&a.severity), Kind::Weaker, Kind::Stronger),
        (end(b).cmp(&end(a)), Kind::EndsEarlier, Kind::EndsLater),
    ];
    let kind = |(order, less, greater)| match order {
        Ordering::Less => Some(less),
        Ordering::Equal => None,
        Ordering::Greater => Some(greater),
    };
    let readers = match (a.is_on_trial, b.is_on_trial) {
        (true, false) => Some(Kind::Promoted),
        (false, true) => Some(Kind::Demoted),
        _ => None,
    };
    let kinds: Vec<Kind> = readers.into_iter().chain(orders.into_iter().filter_map(kind)).collect();
    match kinds.is_empty() {
        false => kinds,
        true if a.changes != b.changes => vec![Kind::Between],
        true if a.said != b.said => vec![Kind::Says],
        true => kinds,
    }
}

fn counts(differences: &[Difference<'_>], rule: &str) -> BTreeMap<Kind, Count> {
    let own = || differences.iter().filter(|difference| difference.life().is_some_and(|life| life.rule == rule));
    let count = |kind: Kind| {
        let of_kind: Vec<&Difference<'_>> = own().filter(|difference| difference.kinds.contains(&kind)).collect();
        let other_keys = of_kind.iter().filter(|difference| difference.has_other_key).count();
        let shifts = of_kind.iter().filter_map(|difference| difference.shift(kind)).collect();
        Count { alerts: of_kind.len(), median: median(shifts), other_keys }
    };
    Kind::ALL.into_iter().map(|kind| (kind, count(kind))).filter(|(_, count)| count.alerts > 0).collect()
}

/// The middle value, or the mean of the two middle ones.
fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().checked_sub(1)? / 2)?;
    Some(lower.midpoint(upper))
}

impl<'a> Comparison<'a> {
    /// At most so many alerts of a rule that differ in one way, without those of which nothing is said: first those that the other set does not
    /// have under another key, then by alert id. An id is a hash, so they are a fair choice, and the same at each run.
    pub fn examples(&self, rule: &str, kind: Kind, most: usize) -> Vec<&Difference<'a>> {
        let is_meant = |difference: &&Difference<'_>| {
            !difference.is_withheld()
                && difference.kinds.contains(&kind)
                && difference.life().is_some_and(|life| life.rule == rule)
        };
        let mut examples: Vec<&Difference<'a>> = self.differences.iter().filter(is_meant).collect();
        examples.sort_by_key(|difference| difference.has_other_key);
        examples.truncate(most);
        examples
    }

    /// Alerts that officers get in B at some time and in A never, and how many of them A has under another key.
    pub fn new_alerts(&self) -> (usize, usize) {
        let is_new = |difference: &&Difference<'_>| match difference.lives {
            [None, Some(b)] => !b.is_on_trial,
            _ => difference.kinds.contains(&Kind::Promoted),
        };
        let new = self.differences.iter().filter(is_new);
        new.fold((0, 0), |(alerts, keys), difference| (alerts + 1, keys + usize::from(difference.has_other_key)))
    }
}

#[cfg(test)]
pub(super) mod tests;

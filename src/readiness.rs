//! The answer of `/ready`: whether the process does what it is there for.
//!
//! A process with shards is ready when each of them has recovered, has read everything that was there when it started, and is being
//! read now. A process without shards is ready when the group has assigned all shards to other members that live. If the brokers do
//! not answer, neither is known and the process is not ready: the alerts topic may be out of date.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::model::schema::Feed;
use crate::source::kafka::{Health, Membership, Obstacle, Unread};

/// A shard's loop that takes longer to go round is said not to come to an end. A large batch takes seconds.
const TURN: Duration = Duration::from_secs(30);

/// Which shards the process owns, how far they have come, and its health in the group. The shards and the instance that watches the
/// group write it, `/ready` reads it.
#[derive(Debug, Default)]
pub struct Readiness {
    state: Mutex<Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    membership: Membership,
    shards: BTreeMap<i32, ShardState>,
    /// Shards that the group has assigned to the process; some may not have been started yet.
    given: BTreeSet<i32>,
    /// Owned shards that have a feed that cannot be read, and one such feed.
    unread: BTreeMap<i32, Unread>,
    /// Shards of which a feed has been deleted or made anew: what comes is not what follows. The feed, and what has become of it.
    lost: BTreeMap<i32, (Feed, String)>,
    /// When each shard's loop last went round, and how many others ran other rules.
    turns: BTreeMap<i32, (Instant, usize)>,
    /// The share that each shard has read of what it must read before it publishes.
    progress: BTreeMap<i32, f64>,
    /// A topic of permitwatch's own that the brokers do not know.
    missing: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ShardState {
    /// The shard may have read everything that was there already, and then waits only for its rebuild.
    Recovering {
        has_read: bool,
    },
    /// The shard has rebuilt its state, and reads what was written before it started.
    Reading,
    Running,
    /// Why the shard stopped.
    Halted(String),
}

/// The answer of `/ready`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ready: bool,
    pub reason: String,
    /// Shards that are owned and running.
    pub running: Vec<i32>,
    /// Shards that rebuild their state or read what was written before they started.
    pub recovering: Vec<i32>,
    /// Shards that have a feed that cannot be read.
    pub unread: Vec<i32>,
    pub halted: Vec<i32>,
}

impl Readiness {
    /// The process runs exactly these shards; new ones have yet to recover.
    pub fn assigned(&self, shards: &[i32]) {
        let mut state = self.lock();
        state.shards.retain(|shard, _| shards.contains(shard));
        for shard in shards {
            state.shards.entry(*shard).or_insert(ShardState::Recovering { has_read: false });
        }
    }

    /// Sets the health of the process in its group, and which shards are being read.
    pub fn health(&self, health: &Health) {
        let mut state = self.lock();
        state.membership = health.membership;
        state.given.clone_from(&health.owned);
        state.unread.clone_from(&health.unread);
    }

    /// The shard rebuilds its state again.
    pub fn recovering(&self, shard: i32) {
        let mut state = self.lock();
        state.shards.insert(shard, ShardState::Recovering { has_read: false });
        state.lost.remove(&shard);
        state.turns.remove(&shard);
        state.progress.remove(&shard);
    }

    /// How far a shard that rebuilds its state has come: the share that it has read of what it must read.
    pub fn progress(&self, shard: i32, share: f64) {
        self.lock().progress.insert(shard, share);
    }

    /// A feed of the shard has been deleted or made anew while it was read.
    pub fn lost_feed(&self, shard: i32, feed: Feed, what: &str) {
        self.lock().lost.insert(shard, (feed, what.to_owned()));
    }

    /// The shard has rebuilt its state and publishes.
    pub fn recovered(&self, shard: i32) {
        let mut state = self.lock();
        let has_read = matches!(state.shards.get(&shard), Some(ShardState::Recovering { has_read: true }));
        state.shards.insert(shard, if has_read { ShardState::Running } else { ShardState::Reading });
    }

    /// The shard has read everything that was there when it started.
    pub fn has_read(&self, shard: i32) {
        let mut state = self.lock();
        match state.shards.get_mut(&shard) {
            Some(ShardState::Recovering { has_read }) => *has_read = true,
            Some(reading @ ShardState::Reading) => *reading = ShardState::Running,
            _ => {}
        }
    }

    /// The shard has stopped and will not restart by itself.
    pub fn halted(&self, shard: i32, reason: &str) {
        self.lock().shards.insert(shard, ShardState::Halted(reason.to_owned()));
    }

    /// The shard's loop goes round; so many other shards ran other rules when they last said so.
    pub fn turned(&self, shard: i32, other_rules: usize) {
        self.lock().turns.insert(shard, (Instant::now(), other_rules));
    }

    /// A topic of permitwatch's own that has been deleted; `None` if all are there.
    pub fn missing_topic(&self, topic: Option<&'static str>) {
        self.lock().missing = topic;
    }

    pub fn report(&self) -> Report {
        let state = self.lock();
        let those = |wanted: fn(&ShardState) -> bool| -> Vec<i32> {
            state.shards.iter().filter(|(_, state)| wanted(state)).map(|(shard, _)| *shard).collect()
        };
        let running = those(|state| *state == ShardState::Running);
        let recovering = those(|state| matches!(state, ShardState::Recovering { .. } | ShardState::Reading));
        let halted = those(|state| matches!(state, ShardState::Halted(_)));
        let lost = state.lost.keys().filter(|shard| state.shards.contains_key(shard));
        let unread: BTreeSet<i32> = state.unread.keys().chain(lost).copied().collect();
        let unread: Vec<i32> = unread.into_iter().collect();
        let obstacle = state.obstacle(&recovering);
        let ready = obstacle.is_none();
        let reason = obstacle.unwrap_or_else(|| {
            let all_well = "every owned shard has recovered and is being read";
            let said = if running.is_empty() { "stands by: other processes own every shard" } else { all_well };
            let differ = state.turns.iter().find(|(shard, (_, others))| *others > 0 && running.contains(shard));
            differ.map_or_else(
                || said.to_owned(),
                |(shard, (_, others))| {
                    format!("{said}; but {others} other shards do not run the rules of shard {shard}, and each retracts what the other has raised")
                },
            )
        });
        Report { ready, reason, running, recovering, unread, halted }
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// What keeps the process from being ready; the most serious obstacle first.
    fn obstacle(&self, recovering: &[i32]) -> Option<String> {
        let halt = self.shards.iter().find_map(|(shard, state)| match state {
            ShardState::Halted(reason) => Some(format!("shard {shard} has halted: {reason}")),
            _ => None,
        });
        if halt.is_some() {
            return halt;
        }
        match self.membership {
            Membership::Member => {}
            Membership::Unknown => return Some("nothing is known of the consumer group yet".to_owned()),
            Membership::Joining => {
                return Some("joins the consumer group: who owns which shard is being settled".to_owned());
            }
            Membership::Unanswered => {
                return Some("the brokers do not answer: it is not known whether anybody owns the shards".to_owned());
            }
        }
        if let Some(shard) = self.given.iter().find(|shard| !self.shards.contains_key(shard)) {
            return Some(format!("shard {shard} is being taken over"));
        }
        if let Some((shard, (feed, what))) = self.lost.iter().find(|(shard, _)| self.shards.contains_key(shard)) {
            return Some(format!(
                "shard {shard} is not being read: feed {} has lost messages: {what}. Restart when it has been restored or filled again; \
                 the start says what it needs",
                feed.name()
            ));
        }
        if let Some((shard, Unread { feed, why })) = self.unread.first_key_value() {
            let feed = feed.name();
            return Some(match why {
                Obstacle::Unanswered => format!("shard {shard} is not being read: no broker answers for feed {feed}"),
                Obstacle::Missing => format!(
                    "shard {shard} is not being read: the brokers know no partition {shard} of feed {feed}; its topic has been deleted"
                ),
            });
        }
        let turns = || self.turns.iter().filter(|(shard, _)| self.shards.contains_key(shard));
        if let Some((shard, (at, _))) = turns().find(|(_, (at, _))| at.elapsed() >= TURN) {
            let seconds = at.elapsed().as_secs();
            return Some(format!(
                "shard {shard} has evaluated for {seconds} s without coming to an end, or the broker has not acknowledged for so long: look \
                 for a rule whose permitwatch_rule_duration_seconds is large"
            ));
        }
        if let Some(topic) = self.missing {
            return Some(format!(
                "the topic {topic} has been deleted, and nothing can be published there: `permitwatch topics create --apply` makes it, and \
                 what stands is written again"
            ));
        }
        let owned = self.shards.len();
        let reading = self.shards.values().filter(|state| **state == ShardState::Reading).count();
        match (recovering.len(), reading) {
            (0, _) => None,
            (count, reading) if count == reading => {
                Some(format!("{count} of {owned} shards have not yet read what was there when they started"))
            }
            (count, _) => {
                let least = recovering.iter().filter_map(|shard| self.progress.get(shard)).copied().reduce(f64::min);
                let how_far = least.map_or_else(String::new, |share| {
                    format!("; the slowest has read {:.0} % of what it reads before it publishes", share * 100.0)
                });
                Some(format!("{count} of {owned} shards are recovering{how_far}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(shards: &[i32]) -> Health {
        let owned = shards.iter().copied().collect();
        Health { membership: Membership::Member, owned, unread: BTreeMap::new() }
    }

    fn running(shards: &[i32]) -> Readiness {
        let readiness = Readiness::default();
        readiness.health(&member(shards));
        readiness.assigned(shards);
        for shard in shards {
            readiness.recovered(*shard);
            readiness.has_read(*shard);
        }
        readiness
    }

    #[test]
    fn ready_means_recovered_and_read() {
        let readiness = Readiness::default();
        assert!(!readiness.report().ready);
        readiness.health(&member(&[0, 3]));
        assert_eq!(readiness.report().reason, "shard 0 is being taken over");
        readiness.assigned(&[0, 3]);
        readiness.has_read(3);
        readiness.recovered(3);
        let report = readiness.report();
        assert_eq!((report.ready, report.reason.as_str()), (false, "1 of 2 shards are recovering"));
        assert_eq!((report.running, report.recovering), (vec![3], vec![0]));
        readiness.recovered(0);
        let report = readiness.report();
        assert!(!report.ready && report.reason == "1 of 2 shards have not yet read what was there when they started");
        readiness.has_read(0);
        assert!(readiness.report().ready);
    }

    #[test]
    fn a_shard_that_stays_is_not_asked_to_recover_again() {
        let readiness = running(&[0, 1]);
        readiness.health(&member(&[1]));
        readiness.assigned(&[1]);
        assert_eq!(readiness.report().running, vec![1]);
        readiness.health(&member(&[]));
        readiness.assigned(&[]);
        let report = readiness.report();
        assert!(report.ready && report.reason.starts_with("stands by"));
    }

    #[test]
    fn without_an_answer_from_the_brokers_nobody_is_ready() {
        for shards in [[0, 1].as_slice(), &[]] {
            for membership in [Membership::Unknown, Membership::Joining, Membership::Unanswered] {
                let readiness = running(shards);
                assert!(readiness.report().ready);
                readiness.health(&Health { membership, ..member(shards) });
                assert!(!readiness.report().ready, "{membership:?} with {shards:?}");
            }
        }
        // A process that has lost its shards is not a standby: it does not know that another process has them.
        let readiness = running(&[0]);
        readiness.assigned(&[]);
        readiness.health(&Health { membership: Membership::Unanswered, ..member(&[]) });
        assert!(readiness.report().reason.starts_with("the brokers do not answer"));
    }

    #[test]
    fn a_shard_that_is_not_read_is_named_with_its_feed() {
        let readiness = running(&[0, 1]);
        let unread = |why| Health { unread: [(1, Unread { feed: Feed::Border, why })].into(), ..member(&[0, 1]) };
        readiness.health(&unread(Obstacle::Unanswered));
        let report = readiness.report();
        assert_eq!((report.ready, report.unread), (false, vec![1]));
        assert_eq!(report.reason, "shard 1 is not being read: no broker answers for feed border");
        readiness.health(&unread(Obstacle::Missing));
        assert!(readiness.report().reason.ends_with("no partition 1 of feed border; its topic has been deleted"));
    }

    #[test]
    fn a_feed_that_was_made_anew_is_no_broker_that_is_silent() {
        let readiness = running(&[0, 1]);
        readiness.lost_feed(1, Feed::Border, "it ended at 9 and ends at 0: it was made anew");
        readiness.lost_feed(2, Feed::Border, "of another process");
        let why = Obstacle::Unanswered;
        let unread = [(1, Unread { feed: Feed::Border, why })].into();
        readiness.health(&Health { unread, ..member(&[0, 1]) });
        let report = readiness.report();
        assert_eq!((report.ready, report.unread), (false, vec![1]));
        let said =
            "shard 1 is not being read: feed border has lost messages: it ended at 9 and ends at 0: it was made anew.";
        assert!(report.reason.starts_with(said), "{}", report.reason);
        readiness.recovering(1);
        readiness.health(&member(&[0, 1]));
        assert_eq!(readiness.report().reason, "1 of 2 shards are recovering");
    }

    #[test]
    fn other_rules_and_loops_that_do_not_come_round_are_told() {
        let readiness = running(&[0, 1]);
        readiness.turned(1, 2);
        let report = readiness.report();
        assert!(report.ready && report.reason.contains("2 other shards do not run the rules of shard 1"), "{report:?}");
        let before = Instant::now().checked_sub(2 * TURN).unwrap();
        readiness.lock().turns.insert(0, (before, 0));
        let report = readiness.report();
        assert!(!report.ready && report.reason.starts_with("shard 0 has evaluated for 60 s"), "{report:?}");
        readiness.turned(0, 0);
        readiness.missing_topic(Some("alerts"));
        assert!(readiness.report().reason.starts_with("the topic alerts has been deleted"));
        readiness.missing_topic(None);
        readiness.turned(1, 0);
        assert_eq!(readiness.report().reason, "every owned shard has recovered and is being read");
    }

    #[test]
    fn a_halted_shard_is_named() {
        let readiness = running(&[0, 1]);
        readiness.halted(1, "the alerts topic cannot be written");
        let report = readiness.report();
        assert!(!report.ready);
        assert_eq!(report.reason, "shard 1 has halted: the alerts topic cannot be written");
    }
}

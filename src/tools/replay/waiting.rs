//! What is undecided at the end of a replay: absences that are due, while a feed that could show otherwise has not been read that
//! far.

use std::collections::BTreeMap;

use crate::model::schema::Feed;
use crate::model::time::KnownTime;
use crate::oracle::BatchStanding;
use crate::shard::Shard;

/// How far the feeds reach, and what waits for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// By register feed; `None`: the feed has nothing.
    pub clocks: BTreeMap<Feed, Option<KnownTime>>,
    /// By rule with something waiting: the number of units, and of the feeds that it waits for the one that is furthest behind.
    pub rules: BTreeMap<String, (usize, Feed)>,
}

impl Waiting {
    /// At the last settling of a shard.
    pub fn of(shard: &Shard) -> Waiting {
        let clock = |feed: Feed| Some(shard.clocks().feed(feed)).filter(|clock| *clock > KnownTime::MIN);
        let counts = shard.waiting();
        let waits = counts.iter().zip(shard.rules()).enumerate().filter(|(_, (units, _))| **units > 0);
        let found = waits.filter_map(|(at, (units, rule))| {
            let slowest = shard.clocks().slowest(shard.waits_for(at))?;
            Some((rule.file.header.id.clone(), (*units, slowest)))
        });
        let mut rules = BTreeMap::new();
        // Of a rule with variants, the rule itself comes first.
        found.for_each(|(id, waits)| _ = rules.entry(id).or_insert(waits));
        Waiting { clocks: Feed::SOURCES.into_iter().map(|feed| (feed, clock(feed))).collect(), rules }
    }

    /// By the result of a batch query.
    pub fn of_batch(batch: &BatchStanding) -> Waiting {
        let clock = |feed: &Feed| batch.clocks.get(feed).copied().flatten();
        let rules = batch.waiting.iter().filter_map(|(rule, (feeds, units))| {
            let slowest = feeds.iter().min_by_key(|feed| (clock(feed), feed.index()))?;
            Some((rule.clone(), (*units, *slowest)))
        });
        Waiting { clocks: Feed::SOURCES.into_iter().map(|feed| (feed, clock(&feed))).collect(), rules: rules.collect() }
    }

    /// Adds the result of another shard.
    pub fn add(&mut self, other: Waiting) {
        self.clocks.extend(other.clocks);
        for (rule, (units, feed)) in other.rules {
            self.rules.entry(rule).or_insert((0, feed)).0 += units;
        }
    }

    /// One line for each feed that something waits for.
    pub fn lines(&self) -> Vec<String> {
        let mut by_feed: BTreeMap<Feed, Vec<String>> = BTreeMap::new();
        for (rule, (units, feed)) in &self.rules {
            by_feed.entry(*feed).or_default().push(format!("{rule} ({units})"));
        }
        let line = |(feed, rules): (Feed, Vec<String>)| {
            let spoken = match self.clocks.get(&feed).copied().flatten() {
                Some(clock) => format!("has spoken until {clock}"),
                None => "has said nothing".to_owned(),
            };
            format!("{} {spoken}: what is due since waits for it, by rule (units): {}", feed.name(), rules.join(", "))
        };
        by_feed.into_iter().map(line).collect()
    }
}

//! The calls by which the loop reports its progress to an observer.

use crate::model::record::{Fates, NextOffset};
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, WallTime};
use crate::shard::Emitted;

/// Watches a shard (the demo, tests). Called with the time of acknowledgement, except `evaluated`, which is called before it.
pub trait Observer: Send {
    /// Alerts that the broker has acknowledged.
    fn published(&mut self, _: &[Emitted], _: WallTime) {}
    /// Messages whose fate has been counted.
    fn counted(&mut self, _: &Fates) {}
    /// All messages before these next offsets have been evaluated; their effects are not acknowledged yet.
    fn evaluated(&mut self, _: i32, _: &[NextOffset; Feed::COUNT], _: WallTime) {}
    /// All messages before these next offsets have had their effects, which the broker has acknowledged.
    fn advanced(&mut self, _: i32, _: &[NextOffset; Feed::COUNT], _: WallTime) {}
    /// For feeds `links` and `derived`: the known time up to which the shard has published all link records of its units, and up to
    /// which it has read the link records of all shards.
    fn shown(&mut self, _: i32, _said: [KnownTime; 2], _heard: [KnownTime; 2]) {}
    /// Called every second while the loop goes round. So many other shards ran other rules when they last said so.
    fn turned(&mut self, _: i32, _other_rules: usize) {}
    /// The share that a shard has read of what it must read before it publishes; each second while it rebuilds.
    fn recovering(&mut self, _shard: i32, _share: f64) {}

    /// The shard has recovered from the alerts topic and publishes from now on.
    fn recovered(&mut self, _: i32) {}
    /// The shard has read everything that was there when it started, except what it must hold back for another feed.
    fn has_read(&mut self, _: i32) {}
}

/// An observer that does nothing.
pub struct Unobserved;

impl Observer for Unobserved {}

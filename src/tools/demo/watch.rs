//! What the demo observes of the detector: positions, fates, alerts, latency.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::model::alert::{Alert, Severity, Status};
use crate::model::record::{Fates, NextOffset};
use crate::model::schema::Feed;
use crate::model::stage::Outlet;
use crate::model::time::{KnownTime, WallTime};
use crate::pipeline::Observer;
use crate::shard::Emitted;

/// Prints an alert when it comes.
pub type Show = Box<dyn Fn(&Alert) + Send + Sync>;

/// Shared by the shards' observers and the feeder.
pub struct Watch {
    state: Mutex<State>,
    progress: Condvar,
    show: Show,
}

#[derive(Default)]
struct State {
    positions: BTreeMap<(usize, i32), NextOffset>,
    shards: usize,
    /// By shard, for feeds `links` and `derived`: the known time up to which it has published all link records of its units, and up
    /// to which it has read those of all shards.
    shown: BTreeMap<i32, [[KnownTime; 2]; 2]>,
    outcome: Outcome,
}

/// The observations.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub fates: Fates,
    /// Microseconds from the sender's timestamp to the broker's acknowledgement, of alerts that a record caused.
    pub record_latency: Option<Histogram<u64>>,
    /// The same for alerts that a deadline caused, from the message that moved the clock.
    pub deadline_latency: Option<Histogram<u64>>,
    /// Every transition, by alert and then by sequence.
    pub log: Vec<Alert>,
}

impl Watch {
    pub fn new(show: Show) -> Arc<Watch> {
        Arc::new(Watch { state: Mutex::default(), progress: Condvar::new(), show })
    }

    pub fn observer(self: &Arc<Watch>) -> WatchObserver {
        self.lock().shards += 1;
        self.progress.notify_all();
        WatchObserver { watch: Arc::clone(self) }
    }

    pub fn position(&self, feed: Feed, partition: i32) -> NextOffset {
        self.lock().positions.get(&(feed.index(), partition)).copied().unwrap_or_default()
    }

    /// Messages that have had a fate.
    pub fn counted(&self) -> u64 {
        self.lock().outcome.fates.sources_total()
    }

    /// Whether every shard has read all link records that the shards have published.
    pub fn has_heard_all(&self) -> bool {
        let state = self.lock();
        let least = |side: usize, feed: usize| state.shown.values().map(|both| both[side][feed]).min();
        (0..2).all(|feed| least(1, feed) >= least(0, feed))
    }

    /// Transitions so far.
    pub fn transitions(&self) -> usize {
        self.lock().outcome.log.len()
    }

    pub fn outcome(&self) -> Outcome {
        self.lock().outcome.clone()
    }

    pub fn wait_for_shards(&self, shards: i32, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        while state.shards < shards as usize && Instant::now() < deadline {
            state = self.wait(state, Duration::from_millis(100));
        }
    }

    /// Returns when a shard has made progress, or after `timeout`.
    pub fn wait_for_progress(&self, timeout: Duration) {
        let state = self.lock();
        drop(self.wait(state, timeout));
    }

    /// Waits until so many messages have had a fate, or for 10 s.
    pub fn wait_until_counted(&self, messages: u64) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut state = self.lock();
        while state.outcome.fates.sources_total() < messages && Instant::now() < deadline {
            state = self.wait(state, Duration::from_millis(50));
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        self.progress.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The observer of one shard.
pub struct WatchObserver {
    watch: Arc<Watch>,
}

impl Observer for WatchObserver {
    fn published(&mut self, emitted: &[Emitted], at: WallTime) {
        let mut state = self.watch.lock();
        let for_officers = || emitted.iter().filter(|emitted| emitted.alert.outlet() == Outlet::Officers);
        for Emitted { alert, sent_at, deadline } in for_officers() {
            let latencies =
                if *deadline { &mut state.outcome.deadline_latency } else { &mut state.outcome.record_latency };
            if let Some(sent_at) = sent_at {
                let latencies = latencies.get_or_insert_with(new_histogram);
                latencies.saturating_record((at.0 - sent_at.0).max(1) as u64);
            }
            state.outcome.log.push(alert.clone());
        }
        drop(state);
        for Emitted { alert, .. } in for_officers() {
            if alert.status == Status::Raised && alert.severity > Severity::Info {
                (self.watch.show)(alert);
            }
        }
    }

    fn counted(&mut self, fates: &Fates) {
        self.watch.lock().outcome.fates.add(fates);
        self.watch.progress.notify_all();
    }

    fn shown(&mut self, shard: i32, said: [KnownTime; 2], heard: [KnownTime; 2]) {
        self.watch.lock().shown.insert(shard, [said, heard]);
        self.watch.progress.notify_all();
    }

    fn advanced(&mut self, shard: i32, positions: &[NextOffset; Feed::COUNT], _: WallTime) {
        let mut state = self.watch.lock();
        for feed in Feed::ALL {
            state.positions.insert((feed.index(), shard), positions[feed.index()]);
        }
        drop(state);
        self.watch.progress.notify_all();
    }
}

/// 1 microsecond to 1 hour, three significant digits.
fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap_or_else(|_| unreachable!("the bounds are constants"))
}

//! Several shards whose units show rows to one another: all are brought to the same clock step by step.
//!
//! A step is a span of known time. Each shard takes what is known within it and works out its links; their records are
//! carried over; then the next hop; then persons are settled, what rules found is carried over, and the units of other keys
//! are settled. Whatever the length of a step, every unit sees what was known by its as_of, so the log does not depend on it.

use std::sync::{Barrier, Mutex, PoisonError};

use super::{Lane, ReplayError, Replayed, Timeline};
use crate::clock::Spoken;
use crate::partition::partition_of;
use crate::record::Record;
use crate::rules::RuleSet;
use crate::schema::Feed;
use crate::shard::{Pass, Shard};
use crate::source::files::Recorded;
use crate::time::{KnownTime, MICROS_PER_DAY};

/// Messages for which a step takes a day; with fewer a batch, steps are no shorter.
const MESSAGES_PER_DAY: usize = 1_000;

/// Replays all shards, on a thread each.
pub(super) fn replay(
    recorded: (Recorded<'_>, Spoken),
    shards: Vec<(i32, RuleSet)>,
    options: &Timeline,
) -> Result<Vec<Replayed>, ReplayError> {
    let count = shards.len();
    let mut lanes = Vec::with_capacity(count);
    for (number, rules) in shards {
        lanes.push(Lane::open(recorded, rules, options, number)?);
    }
    let mut first: Option<KnownTime> = None;
    for lane in &mut lanes {
        let next = lane.merge.peek()?;
        first = [first, next].into_iter().flatten().min();
    }
    let Some(first) = first else { return Ok(lanes.into_iter().map(Lane::finish).collect()) };
    let days = (options.batch_messages / MESSAGES_PER_DAY).max(1) as i64;
    let meeting = Meeting {
        barrier: Barrier::new(count),
        boxes: (0..count).map(|_| Mutex::new(Vec::new())).collect(),
        failed: Mutex::new(None),
        first,
        step: days * MICROS_PER_DAY,
        until: options.as_of,
    };
    let done: Vec<Replayed> = std::thread::scope(|scope| {
        let meeting = &meeting;
        let running: Vec<_> = lanes
            .into_iter()
            .enumerate()
            .map(|(own, mut lane)| {
                scope.spawn(move || {
                    meeting.run(own, &mut lane);
                    lane.finish()
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().map_err(|_| ReplayError::Panic)).collect::<Result<_, _>>()
    })?;
    match meeting.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(done),
    }
}

/// Where the shards wait for one another and leave each other's records.
struct Meeting {
    barrier: Barrier,
    boxes: Vec<Mutex<Vec<Record>>>,
    failed: Mutex<Option<ReplayError>>,
    first: KnownTime,
    step: i64,
    until: KnownTime,
}

impl Meeting {
    fn run(&self, own: usize, lane: &mut Lane<'_>) {
        let mut until = KnownTime(self.first.0.saturating_add(self.step));
        loop {
            until = until.min(self.until);
            if let Err(error) = lane.take_until(until) {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
            for feed in [Feed::Links, Feed::Derived] {
                lane.shard.link(feed);
                self.exchange(own, &mut lane.shard);
            }
            let mut emitted = lane.shard.settle_pass(until, Pass::Persons);
            self.exchange(own, &mut lane.shard);
            emitted.extend(lane.shard.settle_pass(until, Pass::Others));
            lane.note(emitted);
            // Nobody stops before all have come so far: who waits at the barrier would wait for ever.
            self.barrier.wait();
            let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            // And nobody goes on before all have looked.
            self.barrier.wait();
            if failed || until >= self.until {
                return;
            }
            until = KnownTime(until.0.saturating_add(self.step));
        }
    }

    /// Leaves what the shard's units show with the receivers' shards, and takes what is there for its own. In the order of
    /// (known time, receiver, key), so that it does not matter who was first.
    fn exchange(&self, own: usize, shard: &mut Shard) {
        for record in shard.take_outgoing() {
            let to = partition_of(record.subject.as_bytes(), self.boxes.len() as i32) as usize;
            if let Some(mailbox) = self.boxes.get(to) {
                mailbox.lock().unwrap_or_else(PoisonError::into_inner).push(record);
            }
        }
        self.barrier.wait();
        let mut records = std::mem::take(&mut *self.boxes[own].lock().unwrap_or_else(PoisonError::into_inner));
        records.sort_by(|a, b| {
            let key = |record: &Record| (record.known_time, record.table.index(), record.version);
            key(a).cmp(&key(b)).then_with(|| (&a.subject, &a.record_key).cmp(&(&b.subject, &b.record_key)))
        });
        shard.take_linked(&records);
        self.barrier.wait();
    }
}

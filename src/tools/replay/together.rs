//! Replays several shards whose units show rows to one another, step by step.
//!
//! A step is a span of known time. Each shard takes what became known in it and evaluates its links; the shards exchange the link
//! records; then the same for the second hop; then persons are settled, the shards exchange what rules found, and the units of
//! other keys are settled. However long a step is, every unit sees what was known by its as_of, so the log does not depend on it.

use std::sync::{Barrier, Mutex, PoisonError};

use super::{Lane, Listener, ReplayError, Replayed, Timeline};
use crate::model::clock::Spoken;
use crate::model::partition::partition_of;
use crate::model::record::Record;
use crate::model::schema::Feed;
use crate::model::time::{KnownTime, MICROS_PER_DAY};
use crate::rules::RuleSet;
use crate::shard::{Pass, Shard};
use crate::source::files::Recorded;

/// A step lasts a day for each so many messages of `batch_messages`, and at least a day.
const MESSAGES_PER_DAY: usize = 1_000;

/// Replays all shards, on a thread each.
pub(super) fn replay(
    recorded: (Recorded<'_>, Spoken),
    shards: Vec<(i32, RuleSet)>,
    (options, listener): (&Timeline, Option<&dyn Listener>),
) -> Result<Vec<Replayed>, ReplayError> {
    let count = shards.len();
    let mut lanes = Vec::with_capacity(count);
    for (number, rules) in shards {
        lanes.push(Lane::open(recorded, rules, (options, listener), number)?);
    }
    let mut first: Option<KnownTime> = None;
    for lane in &mut lanes {
        // Lines before any timestamp that can be true have no known time.
        lane.take_until(KnownTime::MIN)?;
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

/// Where the shards wait for one another and exchange records.
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
            lane.shard.let_leave(until);
            for feed in [Feed::Links, Feed::Derived] {
                lane.shard.link(feed);
                self.exchange(own, &mut lane.shard);
            }
            let mut emitted = lane.shard.settle_pass(until, Pass::Persons);
            self.exchange(own, &mut lane.shard);
            emitted.extend(lane.shard.settle_pass(until, Pass::Others));
            lane.note(emitted);
            // No shard may stop before all have come here: the others would wait at the barrier for ever.
            self.barrier.wait();
            let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            // No shard may go on before all have checked for failures.
            self.barrier.wait();
            if failed || until >= self.until {
                return;
            }
            until = KnownTime(until.0.saturating_add(self.step));
        }
    }

    /// Puts the shard's link records into the receivers' mailboxes, and takes those in its own, in a fixed order, so that it does
    /// not matter which shard was first.
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

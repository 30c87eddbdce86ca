//! Checkpoints: when the state is captured, and when it is written.
//!
//! What has changed is captured between two batches and handed to the writer's thread once the broker has acknowledged all that was said up
//! to then (contract C4). So a shard that goes on from a checkpoint finds on the topics at least what the checkpoint says stands.

use std::time::{Duration, Instant};

use super::{FINISH_TIMEOUT, Loop, Observer, Pipeline};
use crate::checkpoint::manifest::{Position, Read};
use crate::checkpoint::writer::{Done, Outcome, Taken, Writer};
use crate::model::clock::wall;
use crate::model::record::NextOffset;
use crate::model::schema::{Feed, TableId};
use crate::model::time::{KnownTime, format_micros};
use crate::sink::AlertSink;
use crate::source::ShardSource;
use crate::telemetry;

/// By internal topic and partition: an offset before which nothing lies that will be said from now on.
pub type SaidBefore = Box<dyn Fn() -> Vec<(String, Vec<i64>)> + Send>;

/// Takes a shard's checkpoints.
pub struct Checkpoints {
    writer: Writer,
    every: Duration,
    said_before: SaidBefore,
    /// What the shard goes on from.
    snapshot: Option<String>,
    last_at: Instant,
    /// Read up to here when the last one was captured.
    captured: Option<[NextOffset; Feed::COUNT]>,
    /// Captured, but not all acknowledged: to be written once so many batches have been confirmed.
    waiting: Option<(u64, Box<Taken>)>,
}

impl Checkpoints {
    /// `snapshot` identifies the permit snapshot that the shard has taken.
    pub fn new(writer: Writer, every: Duration, said_before: SaidBefore, snapshot: Option<String>) -> Checkpoints {
        let last_at = Instant::now();
        Checkpoints { writer, every, said_before, snapshot, last_at, captured: None, waiting: None }
    }
}

impl<S: ShardSource, K: AlertSink, O: Observer> Pipeline<S, K, O> {
    /// Captures a checkpoint if one is due, and hands over the one that is captured if all that it rests on has been acknowledged.
    pub(super) fn take_checkpoint(&mut self, state: &Loop) {
        let Some(mut own) = self.checkpoints.take() else { return };
        if let Some(outcome) = own.writer.outcome(Duration::ZERO)
            && self.tell_checkpoint(outcome)
        {
            own.captured = None;
        }
        let is_due = own.last_at.elapsed() >= own.every && own.waiting.is_none() && !own.writer.is_busy();
        // A shard that rebuilds has nothing to say yet.
        if is_due && self.is_whole() {
            if own.captured.as_ref() == Some(self.merge.positions()) {
                // Nothing has come since: the last one is as good as one of now, if it is there.
                own.last_at = Instant::now();
                own.writer.look();
            } else {
                self.capture(&mut own, state);
            }
        }
        let confirmed = state.sealed - state.under_way.len() as u64;
        if own.waiting.as_ref().is_some_and(|(batches, _)| confirmed >= *batches)
            && let Some((_, taken)) = own.waiting.take()
            && !own.writer.write(taken)
        {
            self.shard.capture_whole();
        }
        self.checkpoints = Some(own);
    }

    /// The last checkpoint of a shard that stops; to be called once all batches have been confirmed.
    pub(super) fn last_checkpoint(&mut self, state: &Loop) {
        let Some(mut own) = self.checkpoints.take() else { return };
        // One that is not written in time leaves a temporary file at most, and the generation before.
        if let Some(outcome) = own.writer.outcome(FINISH_TIMEOUT)
            && self.tell_checkpoint(outcome)
        {
            own.captured = None;
        }
        let is_said = state.under_way.is_empty() && self.is_whole() && self.shard.pending() == 0;
        let is_news = own.captured.as_ref() != Some(self.merge.positions());
        if is_said && is_news && !own.writer.is_busy() {
            self.capture(&mut own, state);
        }
        if let Some((_, taken)) = own.waiting.take().filter(|_| is_said && !own.writer.is_busy())
            && own.writer.write(taken)
            && let Some(outcome) = own.writer.outcome(FINISH_TIMEOUT)
        {
            self.tell_checkpoint(outcome);
        }
    }

    /// Whether the shard says what it knows, and no longer works out what it knew.
    pub(super) fn is_whole(&self) -> bool {
        !self.rebuild.is_silent() && !self.rebuild.keeps(Feed::Links) && !self.rebuild.keeps(Feed::Derived)
    }

    fn capture(&mut self, own: &mut Checkpoints, state: &Loop) {
        let started = Instant::now();
        let captured = self.shard.capture();
        let history = self.shard.history();
        let records = TableId::ALL.iter().map(|table| u64::from(history.store(*table).rows())).sum();
        let taken = Taken {
            captured,
            read: self.read_for_checkpoint(own, &state.last_known),
            taken_at: format_micros(wall().0),
            clock: format_micros(self.shard.clock().0),
            persons: history.person_count() as u64,
            records,
            standing: self.shard.detector().standing().count() as u64,
        };
        own.captured = Some(*self.merge.positions());
        own.last_at = Instant::now();
        own.waiting = Some((state.sealed, Box::new(taken)));
        telemetry::checkpoint_captured(started.elapsed());
    }

    fn read_for_checkpoint(&self, own: &Checkpoints, last_known: &[KnownTime; Feed::COUNT]) -> Read {
        let position = |feed: Feed| Position {
            feed: feed.name().to_owned(),
            topic: self.common.config.kafka.topic(feed),
            next: self.merge.positions()[feed.index()].0,
            known_time: last_known[feed.index()].0,
        };
        Read {
            positions: Feed::ALL.map(position).into(),
            permits_clock: self.merge.permits_clock().0,
            said_before: (own.said_before)(),
            snapshot: own.snapshot.clone(),
            link_source: self.shard.link_source().to_owned(),
            settings: self.common.config.intake(),
        }
    }

    /// Returns whether the next one is to be written though nothing has come since.
    fn tell_checkpoint(&mut self, outcome: Outcome) -> bool {
        let shard = self.shard.number();
        let mut is_lost = false;
        match outcome {
            Ok(Done::Holds) => telemetry::checkpoint_holds(shard, wall()),
            Ok(Done::Written(written)) => {
                telemetry::checkpoint_is(shard, wall(), written.generation, written.bytes);
                telemetry::checkpoint_written(written.written, Duration::from_secs_f64(written.seconds));
                // That checkpoints are taken is news once.
                if !std::mem::replace(&mut self.has_checkpoint, true) {
                    tracing::info!(
                        shard,
                        generation = written.generation,
                        bytes = written.bytes,
                        "the first checkpoint since the start is written"
                    );
                }
                tracing::debug!(
                    shard,
                    generation = written.generation,
                    bytes = written.written,
                    of = written.bytes,
                    parts = written.parts,
                    seconds = written.seconds,
                    "checkpoint written"
                );
            }
            Err(error) => {
                telemetry::checkpoint_failed();
                tracing::error!(shard, error = %error.line(), "no checkpoint was written, or the last one is gone; the next one is a whole one");
                self.shard.capture_whole();
                is_lost = true;
            }
        }
        is_lost
    }
}

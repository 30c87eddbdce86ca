//! Tracks, batch by batch, what the broker has acknowledged. The producer's thread writes this state, the shard's thread reads it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::ProducerContext;

use crate::kafka;
use crate::model::clock::wall;
use crate::model::record::NextOffset;
use crate::model::stage::Outlet;
use crate::model::time::WallTime;
use crate::sink::Acknowledged;
use crate::source::Waker;

/// Identifies a message in its delivery report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryTag {
    /// The alert of an outlet with this number, counted from the first one handed over.
    Alert(Outlet, u64),
    /// Another message of the batch with this number.
    Other(u64),
}

impl DeliveryTag {
    pub fn to_opaque(self) -> usize {
        match self {
            DeliveryTag::Alert(Outlet::Officers, number) => (number as usize) << 2 | 1,
            DeliveryTag::Alert(Outlet::Shadow, number) => (number as usize) << 2 | 2,
            DeliveryTag::Other(batch) => (batch as usize) << 2,
        }
    }

    fn of_opaque(opaque: usize) -> DeliveryTag {
        let number = opaque as u64 >> 2;
        match opaque & 3 {
            1 => DeliveryTag::Alert(Outlet::Officers, number),
            2 => DeliveryTag::Alert(Outlet::Shadow, number),
            _ => DeliveryTag::Other(number),
        }
    }
}

/// A batch that has been written whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub acknowledged: Acknowledged,
    /// By outlet: alerts written up to this batch, since the start.
    pub alerts: [u64; Outlet::COUNT],
    /// By outlet: offset after the last of them; meaningless if there is none.
    pub end: [NextOffset; Outlet::COUNT],
}

#[derive(Default)]
pub(super) struct Deliveries {
    state: Mutex<State>,
    changed: Condvar,
    waker: OnceLock<Waker>,
}

#[derive(Default)]
struct State {
    /// Messages acknowledged, of any kind.
    acknowledged: u64,
    /// By outlet: alerts acknowledged. They are always the first ones handed over (see `failure`), since they share a partition, which
    /// keeps their order.
    alerts: [u64; Outlet::COUNT],
    end: [NextOffset; Outlet::COUNT],
    /// Batches that are not wholly written or not yet sealed, oldest first, and the number of the first.
    under_way: VecDeque<UnderWay>,
    first: u64,
    /// Batches written whole that `next` has not returned yet.
    written: VecDeque<Written>,
    /// The first message that could not be written, or the first alert acknowledged out of order.
    failure: Option<String>,
}

#[derive(Default)]
struct UnderWay {
    /// Messages other than alerts that have been acknowledged.
    others: usize,
    sealed: Option<Sealed>,
    /// When the officers' alerts of this batch and of all batches before it had been written.
    alerts_at: Option<WallTime>,
}

/// The contents of a batch.
#[derive(Clone, Copy)]
pub(super) struct Sealed {
    /// By outlet: alerts handed over up to the end of the batch, since the start.
    pub alerts: [u64; Outlet::COUNT],
    /// Messages that are not alerts.
    pub others: usize,
}

impl State {
    /// The batch with this number.
    fn batch(&mut self, number: u64) -> Option<&mut UnderWay> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        if at >= self.under_way.len() {
            self.under_way.resize_with(at + 1, UnderWay::default);
        }
        self.under_way.get_mut(at)
    }

    /// Moves batches that have been written whole to `written`, in order; returns whether there were any.
    fn advance(&mut self) -> bool {
        let (before, now) = (self.written.len(), wall());
        let (officers, shadow) = (Outlet::Officers.index(), Outlet::Shadow.index());
        // Sealed batches come before the one that is being handed over.
        for batch in &mut self.under_way {
            match batch.sealed {
                Some(sealed) if sealed.alerts[officers] <= self.alerts[officers] => batch.alerts_at.get_or_insert(now),
                _ => break,
            };
        }
        while let Some(UnderWay { others, sealed: Some(sealed), alerts_at: Some(alerts_at) }) = self.under_way.front()
            && *others == sealed.others
            && sealed.alerts[shadow] <= self.alerts[shadow]
        {
            let acknowledged = Acknowledged { alerts_at: *alerts_at, at: now };
            self.under_way.pop_front();
            self.first += 1;
            self.written.push_back(Written { acknowledged, alerts: self.alerts, end: self.end });
        }
        self.written.len() > before
    }

    fn fail(&mut self, why: impl FnOnce() -> String) {
        self.failure.get_or_insert_with(why);
    }

    fn next(&mut self) -> Result<Option<Written>, String> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(self.written.pop_front()),
        }
    }
}

impl Deliveries {
    pub fn call_when_written(&self, waker: Waker) {
        // A sink sets one waker only.
        let _ = self.waker.set(waker);
    }

    /// Seals a batch: nothing more is handed over for it.
    pub fn seal(&self, batch: u64, sealed: Sealed) {
        let mut state = self.state();
        if let Some(under_way) = state.batch(batch) {
            under_way.sealed = Some(sealed);
        }
        state.advance();
    }

    /// The oldest batch that has been written and not been returned yet.
    pub fn next(&self) -> Result<Option<Written>, String> {
        self.state().next()
    }

    /// Waits for that batch; an error if no message at all is acknowledged for `stall`.
    pub fn wait_for_next(&self, stall: Duration) -> Result<Written, String> {
        let mut state = self.state();
        loop {
            if let Some(written) = state.next()? {
                return Ok(written);
            }
            let before = state.acknowledged;
            state = self.wait(state, stall);
            if state.acknowledged == before && state.failure.is_none() {
                return Err(format!("no message has been acknowledged within {} s", stall.as_secs()));
            }
        }
    }

    pub fn wait_for_progress(&self, timeout: Duration) {
        drop(self.wait(self.state(), timeout));
    }

    fn wait<'b>(&self, state: MutexGuard<'b, State>, timeout: Duration) -> MutexGuard<'b, State> {
        let before = state.acknowledged;
        let has_nothing_new = |state: &mut State| state.acknowledged == before && state.failure.is_none();
        match self.changed.wait_timeout_while(state, timeout, has_nothing_new) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the outcome of a message: its offset, or why it was not written.
    fn take(&self, place: DeliveryTag, outcome: Result<i64, String>) {
        let mut state = self.state();
        match (outcome, place) {
            (Ok(offset), DeliveryTag::Alert(outlet, number)) if number == state.alerts[outlet.index()] => {
                state.alerts[outlet.index()] += 1;
                state.end[outlet.index()] = NextOffset(offset + 1);
            }
            (Ok(_), DeliveryTag::Alert(_, number)) => {
                state.fail(|| format!("alert {number} was acknowledged out of order"));
            }
            (Ok(_), DeliveryTag::Other(batch)) => {
                if let Some(batch) = state.batch(batch) {
                    batch.others += 1;
                }
            }
            (Err(why), DeliveryTag::Alert(Outlet::Shadow, _)) => {
                state.fail(|| format!("the topic of rules on trial has not taken an alert: {why}"));
            }
            (Err(why), _) => state.fail(|| why),
        }
        state.acknowledged += 1;
        let has_news = state.advance() || state.failure.is_some();
        drop(state);
        self.changed.notify_all();
        if has_news && let Some(waker) = self.waker.get() {
            waker();
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        kafka::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        kafka::global_error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    /// A [`DeliveryTag`].
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let outcome = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(kafka::describe(error)),
        };
        self.take(DeliveryTag::of_opaque(opaque), outcome);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn sealed(alerts: u64, others: usize) -> Sealed {
        Sealed { alerts: [alerts, 0], others }
    }

    #[test]
    fn places_survive_the_library() {
        let alerts = Outlet::ALL.map(|outlet| DeliveryTag::Alert(outlet, 7));
        for place in alerts.into_iter().chain([
            DeliveryTag::Alert(Outlet::Officers, 0),
            DeliveryTag::Other(0),
            DeliveryTag::Other(1 << 40),
        ]) {
            assert_eq!(DeliveryTag::of_opaque(place.to_opaque()), place);
        }
    }

    #[test]
    fn batches_are_told_of_in_order_and_whole() {
        let deliveries = Deliveries::default();
        let woken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&woken);
        deliveries.call_when_written(Arc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        deliveries.take(DeliveryTag::Alert(Outlet::Officers, 0), Ok(5));
        deliveries.seal(0, sealed(1, 1));
        deliveries.seal(1, sealed(1, 0));
        deliveries.seal(2, sealed(3, 1));
        deliveries.take(DeliveryTag::Other(2), Ok(0));
        deliveries.take(DeliveryTag::Alert(Outlet::Officers, 1), Ok(6));
        assert!(deliveries.next().unwrap().is_none(), "something of the first is under way");
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        deliveries.take(DeliveryTag::Other(0), Ok(0));
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        let first = deliveries.next().unwrap().unwrap();
        assert_eq!((first.alerts[0], first.end[0]), (2, NextOffset(7)));
        assert!(deliveries.next().unwrap().is_some(), "the second said nothing and waited for the first");
        assert!(deliveries.next().unwrap().is_none());
        deliveries.take(DeliveryTag::Alert(Outlet::Officers, 2), Ok(9));
        let third = deliveries.wait_for_next(Duration::ZERO).unwrap();
        assert_eq!((third.alerts[0], third.end[0], woken.load(Ordering::Relaxed)), (3, NextOffset(10), 2));
    }

    #[test]
    fn alerts_do_not_wait_for_what_else_their_batch_says() {
        let deliveries = Deliveries::default();
        deliveries.take(DeliveryTag::Alert(Outlet::Officers, 0), Ok(0));
        deliveries.seal(0, sealed(1, 1));
        let alerts_at = deliveries.state().under_way[0].alerts_at;
        assert!(alerts_at.is_some() && deliveries.next().unwrap().is_none());
        deliveries.take(DeliveryTag::Other(0), Ok(0));
        let Acknowledged { alerts_at: told, at } = deliveries.next().unwrap().unwrap().acknowledged;
        assert!(Some(told) == alerts_at && told <= at);
    }

    #[test]
    fn officers_do_not_wait_for_rules_on_trial_but_a_batch_does() {
        let deliveries = Deliveries::default();
        deliveries.take(DeliveryTag::Alert(Outlet::Officers, 0), Ok(4));
        deliveries.seal(0, Sealed { alerts: [1, 2], others: 0 });
        assert!(deliveries.state().under_way[0].alerts_at.is_some());
        deliveries.take(DeliveryTag::Alert(Outlet::Shadow, 0), Ok(0));
        assert!(deliveries.next().unwrap().is_none());
        deliveries.take(DeliveryTag::Alert(Outlet::Shadow, 1), Ok(1));
        let written = deliveries.next().unwrap().unwrap();
        assert_eq!((written.alerts, written.end), ([1, 2], [NextOffset(5), NextOffset(2)]));
    }

    #[test]
    fn a_batch_of_nothing_is_written_at_once() {
        let deliveries = Deliveries::default();
        deliveries.seal(0, sealed(0, 0));
        assert!(deliveries.next().unwrap().is_some());
        assert!(deliveries.wait_for_next(Duration::ZERO).is_err(), "there is no other");
    }

    #[test]
    fn after_a_failure_nothing_is_told() {
        let lost = Deliveries::default();
        lost.take(DeliveryTag::Alert(Outlet::Officers, 0), Err("gone".into()));
        lost.seal(0, sealed(1, 0));
        assert_eq!(lost.next().unwrap_err(), "gone");

        let on_trial = Deliveries::default();
        on_trial.take(DeliveryTag::Alert(Outlet::Shadow, 0), Err("gone".into()));
        on_trial.seal(0, Sealed { alerts: [0, 1], others: 0 });
        assert_eq!(on_trial.next().unwrap_err(), "the topic of rules on trial has not taken an alert: gone");

        let disordered = Deliveries::default();
        disordered.take(DeliveryTag::Alert(Outlet::Officers, 1), Ok(0));
        assert!(disordered.next().unwrap_err().contains("out of order"));
    }
}

//! The sink that writes the topics of alerts (one for officers, one for rules on trial), quarantine and links.
//!
//! Invariants:
//! - Alerts and quarantine notes of shard n go to partition n, link records to their receivers' partitions. The producer is
//!   idempotent and gapless: if it cannot write a message, it writes none after it.
//! - Several batches may be under way, up to what the library's queue holds. A batch is acknowledged when the broker has
//!   acknowledged every message of it and of the batches before it. After an error the sink never sends anything again.
//! - The key of an alert is its published id in hex, so that the topic may be compacted to the last transition of each alert. What
//!   depends on the run is in headers; the payload is the alert alone.
//! - Alerts leave without identifiers, link records encrypted, and both with clock messages signed (`pseudonyms`).
//! - A quarantined message is noted by its coordinates and reason; its payload is not copied.
//!
//! Another writer in the same partition (a zombie that has not noticed its fence) shows as a gap between the offsets of two
//! acknowledgements; see [`KafkaSink::take_foreign_writes`].

mod deliveries;
mod headers;
mod losses;
mod published;
mod said;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, Producer, PurgeConfig, ThreadedProducer};
use serde::Serialize;

use crate::config::KafkaConfig;
use crate::kafka;
use crate::model::alert::AlertId;
use crate::model::partition::partition_of;
use crate::model::record::{NextOffset, Quarantined};
use crate::model::schema::Feed;
use crate::model::stage::Outlet;
use crate::model::time::KnownTime;
use crate::pseudonyms::{Kind, Pseudonyms, SIGNATURE, Signed};
use crate::shard::{Emitted, ShownRecord, WriterClock, link_payload};
use crate::sink::{Acknowledged, AlertSink, RunHeaders, Shown, SinkError};
use crate::source::Waker;

use deliveries::{Deliveries, DeliveryTag, Sealed, Written};
pub use losses::{Loss, Topics};
pub(crate) use published::read_published_with;
pub use published::{Published, last_read, read_published, read_published_of};
pub(crate) use said::{Spoken, Wanted, read_said};
pub use whole::read_quarantine;

/// How much longer than the session with the group the producer tries to deliver one message. In an outage the session ends first:
/// the shard is given up and the process waits for the brokers. A message that failed first would end the process.
const BEYOND_SESSION: Duration = Duration::from_secs(30);
/// How much longer than that a batch may go without any acknowledgement, so that the producer reports its own failure first.
const BEYOND_DELIVERY: Duration = Duration::from_secs(15);

/// Asks for the topics' metadata before the first message. The library sends nothing to a topic that it does not know, and looks
/// for new metadata only once a second: the first alert would wait for that. Not for the topic of rules on trial, which need not be there:
/// a broker that makes what is asked for would make it with a number of partitions of its own.
fn learn_topics(producer: &ThreadedProducer<Deliveries>, config: &KafkaConfig) {
    let internal = Feed::ALL.into_iter().filter(|feed| feed.is_internal()).map(|feed| config.topic(feed));
    for topic in internal.chain([config.alerts_topic(), config.quarantine_topic()]) {
        if producer.client().fetch_metadata(Some(&topic), kafka::ANSWER_TIMEOUT).is_err() {
            // The first message will report what is wrong.
            return;
        }
    }
}

/// Writes one shard's alerts and quarantine entries.
pub struct KafkaSink {
    producer: ThreadedProducer<Deliveries>,
    pseudonyms: Arc<Pseudonyms>,
    /// By outlet: alerts that stand on its topic under an older key, and its id: their next word ends them there.
    older: [BTreeMap<AlertId, String>; Outlet::COUNT],
    /// By outlet.
    alerts_topics: [String; Outlet::COUNT],
    quarantine_topic: String,
    /// Topic names of the feeds, for notes of quarantined messages.
    feed_topics: [String; Feed::COUNT],
    shard: i32,
    /// How long a batch may go without any acknowledgement.
    stall_timeout: Duration,
    /// By outlet: offset of the next alert, if nobody else writes.
    next: [NextOffset; Outlet::COUNT],
    /// Number of the batch that is being handed over, and how many of its messages are not alerts.
    batch: u64,
    others: usize,
    /// By outlet: alerts handed over, and alerts known to be written.
    alerts: [u64; Outlet::COUNT],
    written_alerts: [u64; Outlet::COUNT],
    foreign_writes: u64,
    /// Why nothing more can be sent.
    failure: Option<String>,
}

impl KafkaSink {
    /// `next` is by outlet the end of the shard's partition as [`read_published`] found it.
    pub fn new(
        config: &KafkaConfig,
        pseudonyms: Arc<Pseudonyms>,
        shard: i32,
        next: [NextOffset; Outlet::COUNT],
    ) -> Result<KafkaSink, SinkError> {
        let failed = |message: String| SinkError::Kafka { topic: config.alerts_topic(), partition: shard, message };
        let delivery_timeout = Duration::from_millis(config.session_timeout_ms.into()) + BEYOND_SESSION;
        let producer = kafka::client_config(config)
            .map_err(|error| failed(error.to_string()))?
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("compression.type", "lz4")
            .set("message.timeout.ms", delivery_timeout.as_millis().to_string())
            .create_with_context(Deliveries::default())
            .map_err(|error| failed(kafka::describe(&error)))?;
        learn_topics(&producer, config);
        Ok(KafkaSink {
            producer,
            pseudonyms,
            older: Default::default(),
            quarantine_topic: config.quarantine_topic(),
            feed_topics: kafka::feed_topics(config),
            alerts_topics: Outlet::ALL.map(|outlet| config.topic_of(outlet)),
            shard,
            stall_timeout: delivery_timeout + BEYOND_DELIVERY,
            next,
            batch: 0,
            others: 0,
            alerts: [0; Outlet::COUNT],
            written_alerts: [0; Outlet::COUNT],
            foreign_writes: 0,
            failure: None,
        })
    }

    /// By outlet: alerts that stand on the topic under an older key, and its id.
    #[must_use]
    pub fn ending_older(self, older: [BTreeMap<AlertId, String>; Outlet::COUNT]) -> KafkaSink {
        KafkaSink { older, ..self }
    }

    /// How many messages other writers have put into the shard's alerts partition, or are missing there, since the last call. If
    /// any, read the topic again and publish the difference. Noticed only when alerts are written.
    pub fn take_foreign_writes(&mut self) -> u64 {
        std::mem::take(&mut self.foreign_writes)
    }

    pub fn next(&self, outlet: Outlet) -> NextOffset {
        self.next[outlet.index()]
    }

    /// Sends messages, each to its topic; `what` names them in errors.
    fn send<'a>(
        &mut self,
        what: &str,
        messages: &[Outgoing],
        topic: impl Fn(usize) -> &'a str,
    ) -> Result<(), SinkError> {
        if let Some(failure) = &self.failure {
            return Err(self.error(what, failure.clone()));
        }
        for (index, message) in messages.iter().enumerate() {
            let place = match message.alert_of {
                Some(outlet) => DeliveryTag::Alert(outlet, self.alerts[outlet.index()]),
                None => DeliveryTag::Other(self.batch),
            };
            if let Err(message) = self.enqueue(topic(index), place, message) {
                return Err(self.fail(what, message));
            }
            match place {
                DeliveryTag::Alert(outlet, _) => self.alerts[outlet.index()] += 1,
                DeliveryTag::Other(_) => self.others += 1,
            }
        }
        Ok(())
    }

    /// Purges what is queued or in flight: it must not be written after the shard has been recovered elsewhere.
    fn fail(&mut self, what: &str, message: String) -> SinkError {
        self.producer.purge(PurgeConfig::default().queue().inflight());
        self.failure = Some(message.clone());
        self.error(what, message)
    }

    fn enqueue(&self, topic: &str, place: DeliveryTag, message: &Outgoing) -> Result<(), String> {
        let deadline = Instant::now() + self.stall_timeout;
        loop {
            let mut record =
                BaseRecord::with_opaque_to(topic, place.to_opaque()).partition(message.partition.unwrap_or(self.shard));
            if let Some(payload) = &message.payload {
                record = record.payload(payload);
            }
            if let Some(key) = &message.key {
                record = record.key(key);
            }
            if let Some(known_time) = message.known_time {
                record = record.timestamp(millis(known_time));
            }
            if let Some(headers) = &message.headers {
                record = record.headers(headers.clone());
            }
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) if Instant::now() < deadline => {
                    self.producer.context().wait_for_progress(Duration::from_millis(100));
                }
                Err((error, _)) => return Err(kafka::describe(&error)),
            }
        }
    }

    /// The message with its signature.
    fn signed(&self, topic: &str, mut message: Outgoing) -> Outgoing {
        let headers = message.headers.take().unwrap_or_default();
        let signed = Signed {
            topic,
            partition: message.partition.unwrap_or(self.shard),
            timestamp: message.known_time.map(millis),
            key: message.key.as_deref().map(str::as_bytes),
            payload: message.payload.as_deref(),
        };
        let signature = self.pseudonyms.sign(&signed, |name| headers::of_owned(&headers, name));
        let headers = headers.insert(headers::header(SIGNATURE, &signature));
        Outgoing { headers: Some(headers), ..message }
    }

    fn error(&self, topic: &str, message: String) -> SinkError {
        SinkError::Kafka { topic: topic.to_owned(), partition: self.shard, message }
    }
}

impl AlertSink for KafkaSink {
    fn take_foreign_writes(&mut self) -> u64 {
        KafkaSink::take_foreign_writes(self)
    }

    fn publish(&mut self, alerts: &[Emitted], headers: &RunHeaders) -> Result<(), SinkError> {
        if alerts.is_empty() {
            return Ok(());
        }
        let topics = self.alerts_topics.clone();
        let headers = headers::write(headers);
        let mut messages = Vec::with_capacity(alerts.len());
        for Emitted { alert, .. } in alerts {
            let outlet = alert.outlet();
            let topic = &topics[outlet.index()];
            let older = AlertId::from_hex(&alert.alert_id).and_then(|id| self.older[outlet.index()].remove(&id));
            for published in self.pseudonyms.publish(alert, older.as_deref()) {
                let secrecy = published.secrecy_class().to_string();
                let headers = headers.clone().insert(headers::header("secrecy_class", &secrecy));
                let message = Outgoing::new(published.id().to_owned(), &published, Some(headers))
                    .map_err(|error| self.error(topic, format!("alert cannot be written as JSON: {error}")))?;
                let message = Outgoing { alert_of: Some(outlet), ..message };
                messages.push(self.signed(topic, message));
            }
        }
        let topic_of = |message: &Outgoing| &topics[message.alert_of.map_or(0, Outlet::index)];
        self.send(&topics[0], &messages, |at| topic_of(&messages[at]))
    }

    fn disown(&mut self, outlet: Outlet, ids: &[AlertId]) -> Result<(), SinkError> {
        let topic = self.alerts_topics[outlet.index()].clone();
        let tombstone = |id: &AlertId| {
            let (key, payload) = (Some(id.to_hex()), None);
            let alert_of = Some(outlet);
            let message = Outgoing { key, payload, headers: None, partition: None, known_time: None, alert_of };
            self.signed(&topic, message)
        };
        let messages: Vec<Outgoing> = ids.iter().map(tombstone).collect();
        self.send(&topic, &messages, |_| &topic)
    }

    fn seal(&mut self) {
        let sealed = Sealed { alerts: self.alerts, others: std::mem::take(&mut self.others) };
        self.producer.context().seal(self.batch, sealed);
        self.batch += 1;
    }

    fn acknowledged(&mut self, wait: bool) -> Result<Option<Acknowledged>, SinkError> {
        let topic = self.alerts_topics[0].clone();
        if let Some(failure) = &self.failure {
            return Err(self.error(&topic, failure.clone()));
        }
        let deliveries = self.producer.context();
        let written = if wait { deliveries.wait_for_next(self.stall_timeout).map(Some) } else { deliveries.next() };
        let Written { acknowledged, alerts, end } = match written {
            Ok(Some(written)) => written,
            Ok(None) => return Ok(None),
            Err(message) => return Err(self.fail(&topic, message)),
        };
        for at in Outlet::ALL.map(Outlet::index) {
            if alerts[at] > self.written_alerts[at] {
                let expected_end = self.next[at].0 + (alerts[at] - self.written_alerts[at]) as i64;
                // An end beyond the expected one: another writer has written. Before it: the topic was recreated, and its messages
                // are lost.
                self.foreign_writes += end[at].0.abs_diff(expected_end);
                (self.next[at], self.written_alerts[at]) = (end[at], alerts[at]);
            }
        }
        Ok(Some(acknowledged))
    }

    fn call_when_acknowledged(&mut self, waker: Waker) {
        self.producer.context().call_when_written(waker);
    }

    fn links(&mut self, shown: &Shown) -> Result<(), SinkError> {
        let mut messages = Vec::with_capacity(shown.records.len());
        let mut feeds = Vec::with_capacity(shown.records.len());
        // The first record of the batch in each partition carries how far the shard had read; whoever reads another of the batch
        // reads that too.
        let mut told = BTreeSet::new();
        for ShownRecord { unit, record } in &shown.records {
            let (feed, partition) =
                (record.table.def().feed, partition_of(record.subject.as_bytes(), shown.partitions));
            feeds.push(feed);
            let (key, payload) = self.pseudonyms.hide_link(&record.subject, &link_payload(record));
            let read = told.insert((feed, partition)).then_some((&shown.read, shown.published_at));
            let message = Outgoing {
                key: Some(key),
                payload: Some(payload),
                headers: Some(said::headers(&self.pseudonyms.token(Kind::Unit, unit), read)),
                partition: Some(partition),
                known_time: Some(record.known_time),
                alert_of: None,
            };
            messages.push(self.signed(&self.feed_topics[feed.index()], message));
        }
        for (feed, clock) in &shown.clocks {
            let said = WriterClock {
                writer: self.shard,
                clock: clock.0,
                source: shown.source.clone(),
                rules: shown.rules.clone(),
                alerts: self.next(Outlet::Officers).0,
            };
            for partition in 0..shown.partitions {
                feeds.push(*feed);
                let message = Outgoing {
                    key: None,
                    payload: Some(said.payload()),
                    headers: None,
                    partition: Some(partition),
                    known_time: Some(*clock),
                    alert_of: None,
                };
                messages.push(self.signed(&self.feed_topics[feed.index()], message));
            }
        }
        if messages.is_empty() {
            return Ok(());
        }
        let topics = self.feed_topics.clone();
        self.send("internal topics", &messages, |at| &topics[feeds[at].index()])
    }

    fn quarantine(&mut self, entries: &[Quarantined]) -> Result<(), SinkError> {
        if entries.is_empty() {
            return Ok(());
        }
        let topic = self.quarantine_topic.clone();
        let messages = entries
            .iter()
            .map(|entry| {
                let coordinates = entry.coordinates;
                let note = QuarantineNote {
                    feed: coordinates.feed.name(),
                    topic: &self.feed_topics[coordinates.feed.index()],
                    partition: coordinates.partition,
                    offset: coordinates.offset.0,
                    reason: entry.reason.name(),
                    detail: &entry.detail,
                    known_time: entry.known_time.to_string(),
                };
                Outgoing::new(coordinates.to_string(), &note, None)
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| self.error(&topic, format!("entry cannot be written as JSON: {error}")))?;
        self.send(&topic, &messages, |_| &topic)
    }
}

/// The payload of a note on the quarantine topic.
#[derive(Serialize)]
struct QuarantineNote<'a> {
    feed: &'a str,
    topic: &'a str,
    partition: i32,
    offset: i64,
    reason: &'a str,
    detail: &'a str,
    known_time: String,
}

/// A known time as a message's timestamp.
fn millis(known_time: KnownTime) -> i64 {
    known_time.0 / 1_000
}

struct Outgoing {
    key: Option<String>,
    /// `None`: a tombstone.
    payload: Option<Vec<u8>>,
    headers: Option<OwnedHeaders>,
    /// `None`: the shard's own partition.
    partition: Option<i32>,
    known_time: Option<KnownTime>,
    /// `None`: it is no alert.
    alert_of: Option<Outlet>,
}

impl Outgoing {
    fn new(key: String, payload: &impl Serialize, headers: Option<OwnedHeaders>) -> serde_json::Result<Outgoing> {
        let payload = serde_json::to_vec(payload)?;
        Ok(Outgoing {
            key: Some(key),
            payload: Some(payload),
            headers,
            partition: None,
            known_time: None,
            alert_of: None,
        })
    }
}

#[cfg(test)]
mod tests;

//! A broker to measure through, and topics filled for it: Apache Kafka (`benches/broker.sh`), one of the user's, or, where there is no
//! Java, the crate's embedded one, which keeps 5 MiB of a partition: streams through it have to be short.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use permitwatch::config::KafkaConfig;
use permitwatch::kafka::{client_config, create_missing_topics};
use permitwatch::model::schema::Feed;
use permitwatch::model::time::KnownTime;
use permitwatch::tools::broker::{EmbeddedBroker, FeedWriter};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::apache::{self, Brokers};
use crate::rungs::{Meter, Sample};
use crate::stream::Stream;
use crate::world::PARTITIONS;

/// How long a stream may take to be read.
const PATIENCE: Duration = Duration::from_secs(60);

pub enum Broker {
    /// Somebody else's, by `--brokers`.
    Given(String),
    /// Processes of ours.
    Apache(Brokers),
    Embedded,
}

/// Topics of their own for one measurement.
pub struct Topics {
    pub config: KafkaConfig,
    /// Stops with the value.
    _broker: Option<EmbeddedBroker>,
}

impl Broker {
    pub fn start(given: Option<&str>) -> anyhow::Result<Broker> {
        if let Some(address) = given {
            return Ok(Broker::Given(address.to_owned()));
        }
        match apache::fetch() {
            Ok(()) => Ok(Broker::Apache(Brokers::start(1))),
            Err(why) => {
                eprintln!("the embedded broker stands in: {why}");
                Ok(Broker::Embedded)
            }
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Broker::Given(_) => "the given brokers",
            Broker::Apache(_) => "Apache Kafka, one broker",
            Broker::Embedded => "librdkafka's mock cluster, in the process",
        }
    }

    /// Messages that a partition of it keeps.
    pub fn keeps(&self) -> usize {
        if matches!(self, Broker::Embedded) { 60_000 } else { usize::MAX }
    }

    /// New topics, with a name that no other measurement has.
    pub fn topics(&self, name: &str) -> anyhow::Result<Topics> {
        let config = KafkaConfig {
            topic_prefix: format!("ladder.{}.{name}.", std::process::id()),
            group_id: "ladder".into(),
            ..KafkaConfig::default()
        };
        let brokers = match self {
            Broker::Given(address) => address.clone(),
            Broker::Apache(brokers) => brokers.addresses(),
            Broker::Embedded => {
                let broker = EmbeddedBroker::start(&config, PARTITIONS)?;
                return Ok(Topics { config: broker.config(&config), _broker: Some(broker) });
            }
        };
        let config = KafkaConfig { brokers, ..config };
        create_missing_topics(&config, PARTITIONS, 1)?;
        Ok(Topics { config, _broker: None })
    }
}

impl Topics {
    /// Writes the streams, each to its partition, and returns when all is acknowledged.
    pub fn fill(&self, streams: &[Arc<Stream>]) -> anyhow::Result<()> {
        let mut writer = FeedWriter::new(&self.config)?;
        for stream in streams {
            for entry in &stream.entries {
                let (key, payload) = (stream.key(entry), stream.payload(entry));
                let known_time = KnownTime(entry.known_time);
                writer.write_to(stream.feed(entry), stream.shard, Some(key), Some(payload), known_time, None)?;
            }
        }
        writer.flush()?;
        Ok(())
    }

    /// A consumer of one partition of every register's feed that does nothing else: what everything is compared with.
    pub fn bare_consumer(&self, partition: i32) -> anyhow::Result<BaseConsumer> {
        let consumer: BaseConsumer = client_config(&self.config)?
            .set("group.id", "ladder-bare")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", self.config.fetch_wait_max_ms.to_string())
            .set("queued.max.messages.kbytes", self.config.queued_max_kbytes.to_string())
            .create()?;
        let mut list = TopicPartitionList::new();
        for feed in Feed::SOURCES {
            list.add_partition_offset(&self.config.topic(feed), partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        Ok(consumer)
    }

    /// Reads so many messages and counts them; `each` is given the header `sent_at` of every one, where asked for.
    pub fn count(
        &self,
        partition: i32,
        messages: u64,
        mut each: Option<&mut dyn FnMut(i64)>,
    ) -> anyhow::Result<Sample> {
        let consumer = self.bare_consumer(partition)?;
        let mut sample = Sample::default();
        let mut meter = Meter::start();
        let until = Instant::now() + PATIENCE;
        while sample.messages < messages {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    if sample.messages == 0 {
                        meter = Meter::start();
                    }
                    std::hint::black_box(message.payload());
                    sample.messages += 1;
                    if let Some(each) = &mut each {
                        let sent = message.headers().and_then(|headers| headers.iter().next()?.value?.try_into().ok());
                        each(sent.map_or(0, i64::from_be_bytes));
                    }
                }
                None | Some(Err(KafkaError::PartitionEOF(_))) if Instant::now() < until => {}
                Some(Err(error)) if !matches!(error, KafkaError::PartitionEOF(_)) => return Err(error.into()),
                _ => bail!("only {} of {messages} messages of partition {partition} came", sample.messages),
            }
        }
        meter.stop(&mut sample);
        Ok(sample)
    }
}

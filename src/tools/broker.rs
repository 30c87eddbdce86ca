//! A broker inside the process, for the demo and the tests, and a writer of feeds.
//!
//! The broker is the client library's mock cluster: it speaks the protocol over localhost, elects leaders, balances groups, and
//! keeps messages in memory. Its limits, and what follows from them:
//! - It keeps 5 MiB (as sent, compressed) or 100,000 batches of a partition and drops the oldest *silently*. So
//!   [`FeedWriter::pace`] waits for a reader's position before it writes more; the position must be the one that a restart would go
//!   back to (the checkpoint's), not the one that has been read.
//! - It does not compact, so the alerts of a long run lose their beginnings (`Published::first` shows it).
//! - It does not answer the admin interface: topics are created here, and settings cannot be queried.

mod writer;

use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;

use crate::config::KafkaConfig;
use crate::kafka::{self, ClusterError};

pub use writer::{FeedWriter, WriteError};

/// Bytes of a partition that the broker keeps; it drops the oldest beyond that.
pub const KEPT_BYTES: u64 = 5 << 20;

/// A broker that lives as long as this value.
pub struct EmbeddedBroker {
    brokers: String,
    /// Dropped to stop the broker's thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedBroker {
    /// Starts a broker with the topics of `config` (its prefix, not its address), each with `partitions` partitions.
    pub fn start(config: &KafkaConfig, partitions: i32) -> Result<EmbeddedBroker, ClusterError> {
        let mut topics = kafka::feed_topics(config).to_vec();
        topics.extend([config.alerts_topic(), config.shadow_topic(), config.quarantine_topic()]);
        let (started, has_started) = mpsc::channel();
        let (stop, stopped) = mpsc::channel::<()>();
        // The cluster belongs to the thread that made it.
        let thread = std::thread::Builder::new()
            .name("embedded-broker".into())
            .spawn(move || match cluster(&topics, partitions) {
                Ok(cluster) => {
                    let _ = started.send(Ok(cluster.bootstrap_servers()));
                    // Wait until the sender is dropped.
                    let _ = stopped.recv();
                }
                Err(error) => {
                    let _ = started.send(Err(kafka::client_failed(&error)));
                }
            })
            .map_err(|error| ClusterError::Client(format!("thread: {error}")))?;
        let brokers = has_started
            .recv()
            .unwrap_or_else(|_| Err(ClusterError::Client("the embedded broker did not start".into())))?;
        Ok(EmbeddedBroker { brokers, stop: Some(stop), thread: Some(thread) })
    }

    /// The broker's address, in the form of `kafka.brokers`.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// `config` with this broker's address.
    pub fn config(&self, config: &KafkaConfig) -> KafkaConfig {
        KafkaConfig { brokers: self.brokers.clone(), security_protocol: "plaintext".into(), ..config.clone() }
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn cluster(
    topics: &[String],
    partitions: i32,
) -> Result<MockCluster<'static, rdkafka::producer::DefaultProducerContext>, KafkaError> {
    let cluster = MockCluster::new(1)?;
    for topic in topics {
        cluster.create_topic(topic, partitions, 1)?;
    }
    Ok(cluster)
}

#[cfg(test)]
mod tests;

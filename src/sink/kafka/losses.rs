//! Detects whether the topics that permitwatch reads back, those of link records and alerts, have lost messages.
//!
//! These topics are kept without end. So a partition that begins later than before has been emptied, and one that ends earlier has
//! been recreated. A reader at the end would not notice; the next shard that starts would lack the lost messages.

use rdkafka::consumer::{BaseConsumer, Consumer};
use std::fmt;
use std::time::Duration;

use crate::config::KafkaConfig;
use crate::kafka::{self, ClusterError, Plain};
use crate::model::schema::Feed;

/// How long one question to the brokers may take; the next round asks again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A partition that has lost messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// "links", "derived" or "alerts".
    pub topic: &'static str,
    pub partition: i32,
    pub before: (i64, i64),
    pub now: (i64, i64),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((first, end), (now_first, now_end)) = (self.before, self.now);
        if now_end < end {
            write!(f, "it ended at {end} and ends at {now_end}: it was made anew")
        } else {
            write!(f, "it began at {first} and begins at {now_first}: it was emptied")
        }
    }
}

/// The topics, and the bounds of each of their partitions at the last look.
pub struct OwnTopics {
    consumer: BaseConsumer<Plain>,
    partitions: Vec<Partition>,
}

struct Partition {
    topic: &'static str,
    name: String,
    number: i32,
    bounds: Option<(i64, i64)>,
}

impl OwnTopics {
    pub fn new(config: &KafkaConfig, partitions: i32) -> Result<OwnTopics, ClusterError> {
        let internal = Feed::ALL.into_iter().filter(|feed| feed.is_internal());
        let topics = internal.map(|feed| (feed.name(), config.topic(feed)));
        let topics = topics.chain([("alerts", config.alerts_topic())]);
        let of_topic = |(topic, name): (&'static str, String)| {
            (0..partitions).map(move |number| Partition { topic, name: name.clone(), number, bounds: None })
        };
        Ok(OwnTopics { consumer: kafka::plain_consumer(config)?, partitions: topics.flat_map(of_topic).collect() })
    }

    /// Losses since the last call; none at the first call, and none if the brokers do not answer.
    pub fn look(&mut self) -> Vec<Loss> {
        // Passes the library's log on: nobody else polls this client, which lives as long as the process.
        while self.consumer.poll(Duration::ZERO).is_some() {}
        let mut lost = Vec::new();
        for partition in &mut self.partitions {
            let Ok(now) = self.consumer.fetch_watermarks(&partition.name, partition.number, ANSWER_TIMEOUT) else {
                break;
            };
            if let Some(before) = partition.bounds.replace(now).filter(|before| is_lost(*before, now)) {
                lost.push(Loss { topic: partition.topic, partition: partition.number, before, now });
            }
        }
        lost
    }
}

/// A partition that was empty has nothing to lose.
fn is_lost(before: (i64, i64), now: (i64, i64)) -> bool {
    before.1 > before.0 && (now.0 > before.0 || now.1 < before.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_has_lost_nothing() {
        assert!(!is_lost((0, 5), (0, 9)));
        assert!(!is_lost((7, 7), (9, 9)), "nothing was there");
        assert!(is_lost((0, 5), (5, 9)) && is_lost((0, 5), (0, 2)) && is_lost((3, 5), (0, 0)));
    }
}

//! Detects whether topics have lost messages: those that permitwatch reads back (link records, alerts) and the registers' feeds.
//!
//! All of them are kept without end. So a partition that begins later than before has been emptied, and one that ends earlier has
//! been recreated. A reader at the end would not notice; the next shard that starts would lack the lost messages.
//! A topic that is gone is a loss too, of everything.

use rdkafka::consumer::{BaseConsumer, Consumer};
use std::fmt;
use std::time::Duration;

use crate::config::KafkaConfig;
use crate::kafka::{self, ClusterError, Plain};
use crate::model::schema::Feed;
use crate::model::stage::Outlet;

/// How long one question to the brokers may take; the next round asks again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A partition that has lost messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The name of the outlet or of the feed.
    pub topic: &'static str,
    /// `None`: a topic of alerts.
    pub feed: Option<Feed>,
    pub partition: i32,
    pub before: (i64, i64),
    /// `None`: the brokers know no such partition any more.
    pub now: Option<(i64, i64)>,
}

impl Loss {
    /// Whether a reader of the partition still finds there what it had not read: the beginning is gone, and nothing else.
    pub fn is_beginning(&self) -> bool {
        self.now.is_some_and(|now| now.1 >= self.before.1)
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, end) = self.before;
        let Some((now_first, now_end)) = self.now else {
            return write!(f, "it ended at {end} and is gone: it was deleted");
        };
        if now_end < end {
            write!(f, "it ended at {end} and ends at {now_end}: it was made anew")
        } else {
            write!(f, "it began at {first} and begins at {now_first}: it was emptied")
        }
    }
}

/// Topics, and the bounds of each of their partitions at the last look.
pub struct Topics {
    consumer: BaseConsumer<Plain>,
    partitions: Vec<Partition>,
}

struct Partition {
    topic: &'static str,
    feed: Option<Feed>,
    name: String,
    number: i32,
    /// It may never have been made.
    is_optional: bool,
    bounds: Option<(i64, i64)>,
    is_gone: bool,
}

#[derive(Clone, Copy)]
enum Watched {
    Feed(Feed),
    Alerts(Outlet),
}

impl Topics {
    /// Those that permitwatch writes and reads back.
    pub fn own(config: &KafkaConfig, partitions: i32) -> Result<Topics, ClusterError> {
        let internal = Feed::ALL.into_iter().filter(|feed| feed.is_internal());
        let feeds = internal.map(Watched::Feed);
        Topics::new(config, partitions, feeds.chain(Outlet::ALL.map(Watched::Alerts)))
    }

    /// Those that the registers' adapters write.
    pub fn feeds(config: &KafkaConfig, partitions: i32) -> Result<Topics, ClusterError> {
        Topics::new(config, partitions, Feed::SOURCES.into_iter().map(Watched::Feed))
    }

    fn new(
        config: &KafkaConfig,
        partitions: i32,
        topics: impl Iterator<Item = Watched>,
    ) -> Result<Topics, ClusterError> {
        let of_topic = |watched: Watched| {
            let (name, topic, feed) = match watched {
                Watched::Feed(feed) => (config.topic(feed), feed.name(), Some(feed)),
                Watched::Alerts(outlet) => (config.topic_of(outlet), outlet.name(), None),
            };
            let is_optional = matches!(watched, Watched::Alerts(Outlet::Shadow));
            (0..partitions).map(move |number| {
                let name = name.clone();
                Partition { topic, feed, name, number, is_optional, bounds: None, is_gone: false }
            })
        };
        Ok(Topics { consumer: kafka::plain_consumer(config)?, partitions: topics.flat_map(of_topic).collect() })
    }

    /// Losses since the last call; none at the first call, and none if the brokers do not answer.
    pub fn look(&mut self) -> Vec<Loss> {
        // Passes the library's log on: nobody else polls this client, which lives as long as the process.
        while self.consumer.poll(Duration::ZERO).is_some() {}
        let mut lost = Vec::new();
        let mut is_made = None;
        for partition in &mut self.partitions {
            let is_unseen = partition.is_optional && partition.bounds.is_none();
            if is_unseen && !*is_made.get_or_insert_with(|| is_there(&self.consumer, partition)) {
                continue;
            }
            let now = match self.consumer.fetch_watermarks(&partition.name, partition.number, ANSWER_TIMEOUT) {
                Ok(now) => Some(now),
                Err(_) if is_gone(&self.consumer, &partition.name, partition.number) => None,
                Err(_) => break,
            };
            let was_gone = std::mem::replace(&mut partition.is_gone, now.is_none());
            // One that is gone is compared with what it was, once there is another in its place.
            let before = now.map_or(partition.bounds, |now| partition.bounds.replace(now));
            let is_news = |before: &(i64, i64)| now.map_or(!was_gone, |now| is_lost(*before, now));
            if let Some(before) = before.filter(is_news) {
                let Partition { topic, feed, number, .. } = *partition;
                lost.push(Loss { topic, feed, partition: number, before, now });
            }
        }
        lost
    }

    /// By topic and partition, where the topics of links ended at the last look; those that have not been looked at are left out.
    pub fn link_ends(&self) -> Vec<(String, Vec<i64>)> {
        let links = self.partitions.iter().filter(|partition| partition.feed.is_some());
        let links: Vec<&Partition> = links.collect();
        let ends =
            |own: &[&Partition]| own.iter().map(|own| own.bounds.map(|(_, end)| end)).collect::<Option<Vec<_>>>();
        let of_topic = |own: &[&Partition]| Some((own.first()?.name.clone(), ends(own)?));
        links.chunk_by(|one, other| one.name == other.name).filter_map(of_topic).collect()
    }

    /// A topic that was gone at the last look.
    pub fn gone(&self) -> Option<&'static str> {
        self.partitions.iter().find(|partition| partition.is_gone).map(|partition| partition.topic)
    }
}

/// Whether brokers answer, and know no such partition.
fn is_gone(consumer: &BaseConsumer<Plain>, topic: &str, partition: i32) -> bool {
    kafka::partitions(consumer, topic, ANSWER_TIMEOUT).is_ok_and(|known| !known.contains(&partition))
}

/// Whether brokers answer, and know the partition.
fn is_there(consumer: &BaseConsumer<Plain>, Partition { name, number, .. }: &Partition) -> bool {
    kafka::partitions(consumer, name, ANSWER_TIMEOUT).is_ok_and(|known| known.contains(number))
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

//! Whether the topics are there that a shard writes besides the internal ones. That of rules on trial is needed only once there is such a
//! rule: an installation that has none runs without the topic, and without rights on it.

use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;

use super::{ClusterError, QUESTION_TIMEOUT, describe, partition_count, partitions, plain_consumer, shard_count};
use crate::config::KafkaConfig;
use crate::model::schema::Feed;

/// Checks these topics: they need exactly one partition per shard. With fewer, a shard's alerts would have nowhere to go; with more,
/// nobody would read what a greater number of shards had published.
pub fn check_own_topics(config: &KafkaConfig, shards: i32) -> Result<(), ClusterError> {
    let consumer = plain_consumer(config)?;
    for topic in [config.alerts_topic(), config.quarantine_topic()] {
        let found = partition_count(&consumer, config, &topic)?;
        let found = found.ok_or_else(|| ClusterError::MissingTopic { topic: topic.clone() })?;
        check_count(config, topic, found, shards)?;
    }
    match trial_partitions(&consumer, config)? {
        Some(found) => check_count(config, config.shadow_topic(), found, shards),
        None => Ok(()),
    }
}

/// Checks that rules on trial have a topic for their alerts.
pub fn check_trial_topic(config: &KafkaConfig) -> Result<(), ClusterError> {
    let found = trial_partitions(&plain_consumer(config)?, config)?;
    let found = found.ok_or_else(|| ClusterError::NoTrialTopic { topic: config.shadow_topic() })?;
    check_count(config, config.shadow_topic(), found, shard_count(config)?)
}

/// Whether brokers answer, and know no topic of rules on trial or keep it from us.
pub(crate) fn has_no_trial_topic(config: &KafkaConfig) -> bool {
    plain_consumer(config).is_ok_and(|consumer| trial_partitions(&consumer, config).is_ok_and(|found| found.is_none()))
}

/// Partitions of the topic of rules on trial; `None` if it is not there, or not for us to see.
fn trial_partitions<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    config: &KafkaConfig,
) -> Result<Option<i32>, ClusterError> {
    let topic = config.shadow_topic();
    match partitions(consumer, &topic, QUESTION_TIMEOUT) {
        Ok(found) => Ok(i32::try_from(found.len()).ok().filter(|count| *count > 0)),
        Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Ok(None),
        Err(error) => Err(ClusterError::Metadata { brokers: config.brokers.clone(), topic, message: describe(&error) }),
    }
}

fn check_count(config: &KafkaConfig, topic: String, partitions: i32, expected: i32) -> Result<(), ClusterError> {
    match partitions == expected {
        true => Ok(()),
        false => {
            let other = config.topic(Feed::Permits);
            Err(ClusterError::PartitionCounts { topic, partitions, other, expected })
        }
    }
}

//! What all clients of the cluster share: settings, log, the wording of failures, and the topics.
//!
//! Secrets go into the client's settings and nowhere else: settings are never printed, and the text of a failure has the code and
//! the name of the setting, never the setting's value.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::MetadataPartition;
use rdkafka::types::{RDKafkaMessage, RDKafkaRespErr};
use rdkafka::{ClientContext, bindings};
use thiserror::Error;

use crate::config::{ConfigError, KafkaConfig};
use crate::model::schema::Feed;

mod own;
pub mod topics;

pub(crate) use own::has_no_trial_topic;
pub use own::{check_own_topics, check_trial_topic};
pub use topics::create_missing_topics;

/// How long a query to the cluster (metadata, offsets, topics) may take.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one question may take before it is asked again: one that was under way when the brokers went may never be answered.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait before a query that could not be answered is repeated.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Why the cluster could not be used at all. The command ends; nothing has been read or written.
#[derive(Debug, Error)]
pub enum ClusterError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot set up the Kafka client: {0}")]
    Client(String),
    #[error("cannot ask {brokers} about topic \"{topic}\": {message}")]
    Metadata { brokers: String, topic: String, message: String },
    #[error("topic \"{topic}\" does not exist; `permitwatch topics create` makes what is missing")]
    MissingTopic { topic: String },
    #[error(
        "a rule is on trial (stage = \"shadow\") and there is no topic \"{topic}\" for its alerts, or permitwatch may not see it; `permitwatch topics create` makes what is missing, config/ADAPTERS.md (section 9) has the rights"
    )]
    NoTrialTopic { topic: String },
    #[error(
        "topic \"{topic}\" has {partitions} partitions, \"{other}\" has {expected}: a shard reads one number of every feed and writes to the same one, so the counts must be equal"
    )]
    PartitionCounts { topic: String, partitions: i32, other: String, expected: i32 },
    #[error("none of the topics exists yet: say how many partitions each is to have; the count is for good")]
    Partitions,
    #[error("cannot create topic \"{topic}\": {message}")]
    CreateTopic { topic: String, message: String },
}

/// Settings of every client: address and credentials.
pub fn client_config(config: &KafkaConfig) -> Result<ClientConfig, ClusterError> {
    check_topic_prefix(&config.topic_prefix)?;
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", "permitwatch")
        .set("security.protocol", &config.security_protocol)
        .set("socket.nagle.disable", "true")
        // Once no broker answers, the library (2.12) would by default forget all of them and begin anew. After some outages it then did
        // not find the group's coordinator again, or listed a broker twice, the dead entry last.
        .set("metadata.recovery.strategy", "none")
        // Its default of 10 s is longer than a short session.
        .set("reconnect.backoff.max.ms", "2000")
        .set_log_level(RDKafkaLogLevel::Warning);
    let mut set_path = |key: &str, path: &Option<std::path::PathBuf>| {
        if let Some(path) = path.as_deref().and_then(Path::to_str) {
            client.set(key, path);
        }
    };
    set_path("ssl.ca.location", &config.ssl_ca_file);
    set_path("ssl.certificate.location", &config.ssl_certificate_file);
    set_path("ssl.key.location", &config.ssl_key_file);
    if let Some(mechanism) = &config.sasl_mechanism {
        client.set("sasl.mechanism", mechanism);
    }
    if let Some(username) = &config.sasl_username {
        client.set("sasl.username", username);
    }
    if let Some(password) = config.sasl_password()? {
        client.set("sasl.password", password);
    }
    Ok(client)
}

/// Refuses a prefix that no topic may have: the client library aborts on a name with a null byte.
fn check_topic_prefix(prefix: &str) -> Result<(), ConfigError> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if prefix.len() <= 200 && prefix.bytes().all(is_legal) {
        return Ok(());
    }
    Err(ConfigError::Value {
        key: "kafka.topic_prefix".into(),
        message: "is at most 200 letters, digits, dots, dashes and underscores".into(),
    })
}

/// Describes a failure. A rejected setting's value is left out, since it may be a secret.
pub fn describe(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, _, key, _) => format!("setting \"{key}\" is not accepted"),
        error => error.to_string(),
    }
}

pub(crate) fn client_failed(error: &KafkaError) -> ClusterError {
    ClusterError::Client(describe(error))
}

/// Passes the client library's log on.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            tracing::error!(target: "kafka", facility, "{message}");
        }
        // At every start, about a setting that is chosen on purpose (see `sink::kafka`).
        RDKafkaLogLevel::Warning if message.contains("enable.gapless.guarantee is experimental") => {
            tracing::debug!(target: "kafka", facility, "{message}");
        }
        RDKafkaLogLevel::Warning => tracing::warn!(target: "kafka", facility, "{message}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "kafka", facility, "{message}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "kafka", facility, "{message}"),
    }
}

/// Logs failures that belong to no request. The end of a partition is reported in the same way, but is no failure.
pub(crate) fn global_error(error: &KafkaError, reason: &str) {
    if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
        tracing::warn!(target: "kafka", "{}: {reason}", describe(error));
    }
}

/// The last header with a name, as bytes.
///
/// The safe interface (`Message::headers`) panics on a header whose name is not UTF-8, and any producer can write one.
#[expect(unsafe_code, reason = "the safe way panics on a header whose name is not UTF-8")]
pub(crate) fn header<'m>(message: &'m BorrowedMessage<'_>, name: &CStr) -> Option<&'m [u8]> {
    // SAFETY: `message` keeps the native message alive for 'm.
    unsafe { header_of(message.ptr(), name) }
}

/// The same of a native message.
///
/// # Safety
///
/// The message must live for 'm.
#[expect(unsafe_code, reason = "as above")]
pub(crate) unsafe fn header_of<'m>(message: *const RDKafkaMessage, name: &CStr) -> Option<&'m [u8]> {
    let mut headers = std::ptr::null_mut();
    let mut value = std::ptr::null();
    let mut length = 0;
    // SAFETY: the message keeps its headers and their values alive for 'm; the out-pointers are read only where the library says
    // that it has set them.
    unsafe {
        let found = bindings::rd_kafka_message_headers(message, &mut headers);
        if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
            return None;
        }
        let found = bindings::rd_kafka_header_get_last(headers, name.as_ptr(), &mut value, &mut length);
        if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || value.is_null() {
            return None;
        }
        Some(std::slice::from_raw_parts(value.cast(), length))
    }
}

/// A client context that passes the log on and does nothing else.
pub(crate) struct Plain;

impl ClientContext for Plain {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        global_error(&error, reason);
    }
}

impl rdkafka::consumer::ConsumerContext for Plain {}

/// A consumer without a group, whose partitions are assigned. The client library demands a group's name nevertheless, but joins
/// nothing and commits nothing.
pub(crate) fn plain_consumer(config: &KafkaConfig) -> Result<BaseConsumer<Plain>, ClusterError> {
    client_config(config)?
        .set("group.id", &config.group_id)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error")
        .set("fetch.wait.max.ms", config.fetch_wait_max_ms.to_string())
        .create_with_context(Plain)
        .map_err(|error| client_failed(&error))
}

/// Names of the feeds' topics, by [`Feed::index`].
pub fn feed_topics(config: &KafkaConfig) -> [String; Feed::COUNT] {
    Feed::ALL.map(|feed| config.topic(feed))
}

/// Number of partitions of a topic; `None` if it does not exist.
pub(crate) fn partition_count<C: rdkafka::consumer::ConsumerContext>(
    consumer: &BaseConsumer<C>,
    config: &KafkaConfig,
    topic: &str,
) -> Result<Option<i32>, ClusterError> {
    let failed = |error: KafkaError| ClusterError::Metadata {
        brokers: config.brokers.clone(),
        topic: topic.to_owned(),
        message: describe(&error),
    };
    let partitions = partitions(consumer, topic, ANSWER_TIMEOUT).map_err(failed)?;
    Ok(i32::try_from(partitions.len()).ok().filter(|count| *count > 0))
}

/// The numbers of a topic's partitions, as the brokers tell them; none if they know no such topic.
pub(crate) fn partitions<C: rdkafka::consumer::ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    timeout: Duration,
) -> Result<Vec<i32>, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), timeout)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Ok(Vec::new());
    };
    match found.error() {
        None => Ok(found.partitions().iter().map(MetadataPartition::id).collect()),
        Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => Ok(Vec::new()),
        Some(error) => Err(KafkaError::MetadataFetch(error.into())),
    }
}

/// How long to wait for brokers that do not answer.
#[derive(Clone, Copy)]
pub(crate) enum Patience<'a> {
    /// For [`ANSWER_TIMEOUT`], as a person who started a tool does.
    Brief,
    /// As long as this holds. A shard waits while it is owned: an outage ends its session with the group, never the process.
    While(&'a dyn Fn() -> bool),
}

impl Patience<'_> {
    /// Whether nobody needs an answer any more, however soon it came.
    pub(crate) fn is_called_off(self) -> bool {
        matches!(self, Patience::While(is_needed) if !is_needed())
    }

    fn is_over(self, waited: Duration) -> bool {
        matches!(self, Patience::Brief) && waited >= ANSWER_TIMEOUT
    }
}

/// Why a question to the brokers has no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// See [`Patience::is_called_off`].
    CalledOff,
    Failed(KafkaError),
}

/// Beginning and end of a partition. Asks again while the brokers do not answer, or cannot: a leader moves, or a client that was cut
/// off has not found them again. That the topic has no such partition is an answer.
pub(crate) fn watermarks<C: rdkafka::consumer::ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
    patience: Patience<'_>,
) -> Result<(i64, i64), Unanswered> {
    let began = Instant::now();
    let mut is_told = false;
    loop {
        let error = match consumer.fetch_watermarks(topic, partition, QUESTION_TIMEOUT) {
            Ok(bounds) => return Ok(bounds),
            Err(error) => error,
        };
        let is_final = !error.rdkafka_error_code().is_some_and(is_passing)
            || partitions(consumer, topic, QUESTION_TIMEOUT).is_ok_and(|known| !known.contains(&partition));
        // Asking takes seconds, in which the shard may have been taken away.
        if patience.is_called_off() {
            return Err(Unanswered::CalledOff);
        }
        if is_final || patience.is_over(began.elapsed()) {
            return Err(Unanswered::Failed(error));
        }
        if !is_told && began.elapsed() >= QUESTION_TIMEOUT {
            is_told = true;
            tracing::warn!(target: "kafka", topic, partition, error = describe(&error), "the brokers do not answer; asking again until they do");
        }
        std::thread::park_timeout(ASK_AGAIN);
    }
}

/// Whether brokers that are away, or moving a leader, cause this error.
pub(crate) fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::*;
    matches!(
        code,
        NotLeaderForPartition
            | LeaderNotAvailable
            | BrokerNotAvailable
            | BrokerTransportFailure
            | BrokerDestroy
            | AllBrokersDown
            | Resolve
            | OperationTimedOut
            | RequestTimedOut
            | NetworkException
            | UnknownPartition
            | UnknownTopic
            | UnknownTopicOrPartition
    )
}

/// The partition count that all feeds share; a missing topic or another count is an error.
pub fn shard_count(config: &KafkaConfig) -> Result<i32, ClusterError> {
    let consumer = plain_consumer(config)?;
    let mut first: Option<(String, i32)> = None;
    for topic in feed_topics(config) {
        let partitions = partition_count(&consumer, config, &topic)?
            .ok_or_else(|| ClusterError::MissingTopic { topic: topic.clone() })?;
        match &first {
            None => first = Some((topic, partitions)),
            Some((other, expected)) if *expected != partitions => {
                return Err(ClusterError::PartitionCounts {
                    topic,
                    partitions,
                    other: other.clone(),
                    expected: *expected,
                });
            }
            Some(_) => {}
        }
    }
    Ok(first.map_or(0, |(_, partitions)| partitions))
}

fn admin(config: &KafkaConfig) -> Result<AdminClient<DefaultClientContext>, ClusterError> {
    client_config(config)?.create().map_err(|error| client_failed(&error))
}

/// The settings of topics, by topic and name; without topics of which the broker reports nothing.
pub(crate) fn topic_settings(
    config: &KafkaConfig,
    topics: &[String],
) -> Result<BTreeMap<String, BTreeMap<String, String>>, String> {
    let admin = admin(config).map_err(|error| error.to_string())?;
    let resources: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_TIMEOUT));
    let answers = block_on(admin.describe_configs(&resources, &options)).map_err(|error| describe(&error))?;
    let mut settings = BTreeMap::new();
    for answer in answers {
        let resource = answer.map_err(|code| code.to_string())?;
        let rdkafka::admin::OwnedResourceSpecifier::Topic(topic) = resource.specifier else {
            continue;
        };
        let values = resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect();
        settings.insert(topic, values);
    }
    Ok(settings)
}

/// Waits for an answer of the admin client, which runs on a thread of its own; no runtime is needed.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::types::RDKafkaConfRes;

    #[test]
    fn a_rejected_setting_is_named_without_its_value() {
        let error = KafkaError::ClientConfig(
            RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
            "Invalid value hunter2".into(),
            "sasl.password".into(),
            "hunter2".into(),
        );
        assert_eq!(describe(&error), "setting \"sasl.password\" is not accepted");
    }

    #[test]
    fn a_prefix_that_no_topic_may_have_is_refused() {
        for prefix in ["a\0b", "a/b", "å"] {
            let config = KafkaConfig { topic_prefix: prefix.into(), ..KafkaConfig::default() };
            assert!(matches!(client_config(&config), Err(ClusterError::Config(_))));
        }
    }

    #[test]
    fn an_unusable_setting_is_an_error_not_a_panic() {
        let config = KafkaConfig { sasl_mechanism: Some("NONSENSE\0".into()), ..KafkaConfig::default() };
        assert!(plain_consumer(&config).is_err());
        let config = KafkaConfig { security_protocol: "carrier pigeon".into(), ..KafkaConfig::default() };
        assert!(plain_consumer(&config).is_err());
    }
}

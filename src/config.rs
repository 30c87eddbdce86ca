//! Configuration: first what `config/permitwatch.toml` says, then a resolved value that cannot be wrong.
//!
//! Unknown keys are refused. Secrets come from files or environment variables only, never from the file itself,
//! and are never printed.

mod exposed;
mod keys;
mod ranges;
mod secrets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

pub use keys::{AlertsConfig, AuditConfig, OlderKey};

use crate::model::clock::wall;
use crate::model::schema::{Feed, TableId};
use crate::model::stage::Outlet;
use crate::model::time::{KnownTime, MICROS_PER_DAY, MICROS_PER_SECOND, WallTime, parse_instant};

/// Default of `kafka.max_ahead_seconds`: seconds by which clocks may differ.
pub const MAX_AHEAD_SECONDS: u32 = 300;

/// The file as a user writes it; every key has a default that `config/permitwatch.toml` shows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub kafka: KafkaConfig,
    pub feeds: BTreeMap<String, FeedConfig>,
    pub alerts: AlertsConfig,
    pub audit: AuditConfig,
    pub rules: RulesConfig,
    pub history: HistoryConfig,
    pub snapshot: SnapshotConfig,
    pub checkpoint: CheckpointConfig,
    pub limits: LimitsConfig,
    pub http: HttpConfig,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    pub brokers: String,
    pub group_id: String,
    /// Prefix of every topic name: `<prefix><feed>`, `<prefix>alerts`, `<prefix>quarantine`.
    pub topic_prefix: String,
    pub fetch_wait_max_ms: u32,
    pub session_timeout_ms: u32,
    /// Seconds by which a message's timestamp may be ahead of this machine's clock.
    pub max_ahead_seconds: u32,
    /// Kibibytes that the client may hold unread, all partitions together.
    pub queued_max_kbytes: u32,
    /// plaintext, ssl, sasl_plaintext or sasl_ssl.
    pub security_protocol: String,
    /// Brokers on other machines may be spoken to without encryption.
    pub allow_plaintext: bool,
    pub ssl_ca_file: Option<PathBuf>,
    pub ssl_certificate_file: Option<PathBuf>,
    pub ssl_key_file: Option<PathBuf>,
    /// PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
    pub sasl_mechanism: Option<String>,
    pub sasl_username: Option<String>,
    /// File that holds the password.
    pub sasl_password_file: Option<PathBuf>,
    /// Environment variable that holds the password.
    pub sasl_password_env: Option<String>,
}

/// The mechanisms that need only a name and a password.
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

impl Default for KafkaConfig {
    fn default() -> KafkaConfig {
        KafkaConfig {
            brokers: "localhost:9092".into(),
            group_id: "permitwatch".into(),
            topic_prefix: "permitwatch.".into(),
            fetch_wait_max_ms: 5,
            session_timeout_ms: 45_000,
            max_ahead_seconds: MAX_AHEAD_SECONDS,
            queued_max_kbytes: 65_536,
            security_protocol: "plaintext".into(),
            allow_plaintext: false,
            ssl_ca_file: None,
            ssl_certificate_file: None,
            ssl_key_file: None,
            sasl_mechanism: None,
            sasl_username: None,
            sasl_password_file: None,
            sasl_password_env: None,
        }
    }
}

/// Who says up to which time a feed is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// The adapter writes clock messages.
    #[default]
    Messages,
    /// The adapter writes none: the wall clock is used, once everything up to the end offsets of that time has been read.
    Wall,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedConfig {
    pub clock: ClockKind,
    /// Days by which `event_time` or `registered_at` may be after the known time.
    pub future_limit_days: Option<u32>,
    /// A feed that is silent for longer raises an alarm; with `clock = "wall"` its clock stops there.
    pub max_silence_hours: Option<u32>,
    /// When the topic, made anew, had been filled again: what was published before says nothing of it. RFC 3339.
    pub refilled_at: Option<String>,
    /// The topic need not hold what became known before this time. RFC 3339.
    pub begins_at: Option<String>,
}

impl FeedConfig {
    pub fn refilled_at(&self) -> Option<WallTime> {
        self.refilled_at.as_deref().and_then(parse_instant).map(WallTime)
    }

    pub fn begins_at(&self) -> Option<KnownTime> {
        self.begins_at.as_deref().and_then(parse_instant).map(KnownTime)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesConfig {
    pub dir: PathBuf,
    /// Rules that are not run, by id.
    pub disabled: Vec<String>,
    /// Parameters that override the rule files: `"rule-id.param" = value`.
    pub set: BTreeMap<String, i64>,
    /// A rule that has failed for this many persons is disabled, with an error in the log.
    pub max_errors: u32,
    /// Also run rules that no gateway allows: for made-up data.
    pub run_closed: bool,
    /// Seconds between checks for changed files; 0 reloads only at SIGHUP.
    pub watch_seconds: u32,
    /// Exceptions from safeguards, each for one version of one text.
    pub exception: Vec<ExceptionConfig>,
    /// The file with the checksums of texts that somebody has reviewed (`proofs::approved`).
    pub approved: Option<PathBuf>,
}

/// An exception from a safeguard that a refusal has named.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptionConfig {
    /// Id of a rule, name of a view or link, or `gateways.toml`.
    pub text: String,
    pub safeguard: String,
    /// Who decided it, when and why.
    pub reason: String,
    /// Of the text: the exception ends with its next edit.
    pub fingerprint: String,
}

impl Default for RulesConfig {
    fn default() -> RulesConfig {
        RulesConfig {
            dir: "queries".into(),
            disabled: Vec::new(),
            set: BTreeMap::new(),
            max_errors: 100,
            run_closed: false,
            watch_seconds: 0,
            exception: Vec::new(),
            approved: None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryConfig {
    pub permit_lead_minutes: u32,
    pub aftercare_months: u32,
    pub lookback_months: u32,
    pub correction_window_days: u32,
    pub erase_after_days: u32,
}

impl Default for HistoryConfig {
    fn default() -> HistoryConfig {
        HistoryConfig {
            permit_lead_minutes: 60,
            aftercare_months: 24,
            lookback_months: 3,
            correction_window_days: 365,
            erase_after_days: 30,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotConfig {
    /// Directory with the permits feed's tables as Parquet; read as a whole before the topic.
    pub dir: Option<PathBuf>,
    /// Per cent of the open permits that a newer snapshot may end; a snapshot that ends more is refused.
    pub max_shrink_pct: u32,
    /// A snapshot older than this raises an alarm.
    pub max_age_hours: u32,
}

impl Default for SnapshotConfig {
    fn default() -> SnapshotConfig {
        SnapshotConfig { dir: None, max_shrink_pct: 5, max_age_hours: 48 }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Directory of the shards' checkpoints; without one, a start reads every feed from its beginning.
    pub dir: Option<PathBuf>,
    pub every_seconds: u32,
    /// Generations that are kept.
    pub keep: u32,
}

impl Default for CheckpointConfig {
    fn default() -> CheckpointConfig {
        CheckpointConfig { dir: None, every_seconds: 60, keep: 3 }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    pub max_message_bytes: usize,
    /// Messages to take before their units are evaluated; most of them concern nobody in the population.
    pub batch_messages: usize,
    /// Changes of persons after which the units are evaluated before more messages are taken.
    pub batch_changes: usize,
    /// Rows that one rule may get in one call; a larger batch is split by units.
    pub rows_per_call: usize,
    /// Rows of one person above which that person's rules are quarantined and not run.
    pub rows_per_person: usize,
    /// Bytes of history at which the source is paused.
    pub state_max_bytes: u64,
    /// Quarantined messages per second, averaged over a minute, at which the source is paused.
    pub quarantine_per_second: u32,
}

impl Default for LimitsConfig {
    fn default() -> LimitsConfig {
        LimitsConfig {
            max_message_bytes: 65_536,
            batch_messages: 262_144,
            batch_changes: 16_384,
            rows_per_call: 500_000,
            rows_per_person: 20_000,
            state_max_bytes: 8 << 30,
            quarantine_per_second: 1_000,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Where /metrics, /health and /ready are served.
    pub listen: String,
    /// They may be served to other machines.
    pub allow_remote: bool,
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig { listen: "127.0.0.1:9187".into(), allow_remote: false }
    }
}

/// What the engine needs to know about visibility, resolved to microseconds and months. The batch SQL uses the same values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visibility {
    pub permit_lead: i64,
    pub aftercare_months: i32,
    pub lookback_months: i32,
    pub correction_window: i64,
    /// By [`TableId::index`].
    pub future_limit: [i64; TableId::COUNT],
}

impl Config {
    /// What decides, besides the messages themselves, which records are taken.
    pub fn intake(&self) -> String {
        let Visibility { permit_lead, aftercare_months, lookback_months, correction_window, future_limit } =
            self.visibility();
        let days = |micros: i64| micros / MICROS_PER_DAY;
        let future: Vec<String> = TableId::ALL
            .iter()
            .zip(future_limit)
            .map(|(table, limit)| format!("{} {}", table.name(), days(limit)))
            .collect();
        format!(
            "permit_lead {} min, aftercare {aftercare_months} months, lookback {lookback_months} months, corrections {} days, \
             max_message_bytes {}, days ahead: {}",
            permit_lead / 60_000_000,
            days(correction_window),
            self.limits.max_message_bytes,
            future.join(", ")
        )
    }
}

impl Default for Visibility {
    fn default() -> Visibility {
        Config::default().visibility()
    }
}

/// Days by which excused months may lie ahead, if the payments feed's limit is not greater: leave is granted for months to come.
const EXCUSED_LIMIT_DAYS: u32 = 400;

/// Default of `future_limit_days`: permits are granted ahead of their first day, terms are set years ahead, emigration is notified
/// before departure (FBL 27 §), benefits are paid ahead of their period, leave from studies is granted and an employment is given notice of
/// months ahead.
const fn default_future_limit_days(feed: Feed) -> u32 {
    match feed {
        Feed::Permits => 400,
        Feed::Reference => 36_500,
        Feed::Population => 60,
        Feed::Border => 1,
        Feed::Payments => 62,
        Feed::Studies | Feed::Notices => 400,
        // Never used: the times of permitwatch's own records are not checked.
        Feed::Links | Feed::Derived => 36_500,
    }
}

/// What is wrong with the configuration. The process does not start.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("cannot read configuration {file}")]
    Read { file: String, source: std::io::Error },
    #[error("configuration {file}, line {line}: {message}")]
    Parse { file: String, line: usize, message: String },
    #[error(
        "configuration names the unknown feed \"{0}\"; feeds are permits, reference, population, border, payments, studies, notices"
    )]
    UnknownFeed(String),
    #[error("configuration key {key}: {message}")]
    Value { key: String, message: String },
    #[error("the secret that {key} names: {message}")]
    Secret { key: &'static str, message: String },
}

impl Config {
    /// Reads and checks a file.
    pub fn load(file: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Read { file: file.display().to_string(), source })?;
        let config: Config = toml::from_str(&text).map_err(|error| unreadable(file, &text, &error))?;
        config.check()?;
        if let Some(key) = &config.kafka.ssl_key_file {
            secrets::check_private(key)
                .map_err(|message| ConfigError::Secret { key: "kafka.ssl_key_file", message })?;
        }
        Ok(config)
    }

    pub fn check(&self) -> Result<(), ConfigError> {
        if let Some(name) = self.feeds.keys().find(|name| Feed::from_name(name).is_none_or(Feed::is_internal)) {
            return Err(ConfigError::UnknownFeed(name.clone()));
        }
        ranges::check(self)?;
        for (name, feed) in &self.feeds {
            for (key, value) in [("refilled_at", &feed.refilled_at), ("begins_at", &feed.begins_at)] {
                check_past(&format!("feeds.{name}.{key}"), value.as_deref())?;
            }
        }
        if self.rules.exception.iter().any(|exception| exception.reason.trim().is_empty()) {
            let message = "needs a reason: who decided it, when and why".to_owned();
            return Err(ConfigError::Value { key: "rules.exception".to_owned(), message });
        }
        if !["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"].contains(&self.kafka.security_protocol.as_str()) {
            let (key, message) =
                ("kafka.security_protocol".to_owned(), "is plaintext, ssl, sasl_plaintext or sasl_ssl");
            return Err(ConfigError::Value { key, message: message.to_owned() });
        }
        self.kafka.check_credentials()?;
        exposed::check(self)
    }

    pub fn feed(&self, feed: Feed) -> FeedConfig {
        self.feeds.get(feed.name()).cloned().unwrap_or_default()
    }

    /// How long after somebody has left the population what is known of them is erased, in microseconds.
    pub fn erase_after(&self) -> i64 {
        i64::from(self.history.erase_after_days) * MICROS_PER_DAY
    }

    pub fn visibility(&self) -> Visibility {
        Visibility {
            permit_lead: i64::from(self.history.permit_lead_minutes) * 60 * MICROS_PER_SECOND,
            aftercare_months: self.history.aftercare_months as i32,
            lookback_months: self.history.lookback_months as i32,
            correction_window: i64::from(self.history.correction_window_days) * MICROS_PER_DAY,
            future_limit: TableId::ALL.map(|table| {
                let feed = table.def().feed;
                let days = self.feed(feed).future_limit_days.unwrap_or(default_future_limit_days(feed));
                let days = if table == TableId::ExcusedMonths { days.max(EXCUSED_LIMIT_DAYS) } else { days };
                i64::from(days) * MICROS_PER_DAY
            }),
        }
    }

    /// Microseconds of silence after which a feed's alarm is raised.
    pub fn max_silence(&self, feed: Feed) -> i64 {
        let hours = self.feed(feed).max_silence_hours.unwrap_or(26);
        i64::from(hours) * 3_600 * MICROS_PER_SECOND
    }
}

/// Checks a time that something has happened at: one ahead would say it of what is yet to come.
fn check_past(key: &str, value: Option<&str>) -> Result<(), ConfigError> {
    let message = match value.map(parse_instant) {
        None => return Ok(()),
        Some(None) => "is a time such as \"2026-12-01T10:00:00Z\"",
        Some(Some(time)) if time > wall().0 => "lies ahead of this machine's clock",
        Some(Some(_)) => return Ok(()),
    };
    Err(ConfigError::Value { key: key.to_owned(), message: message.to_owned() })
}

impl KafkaConfig {
    /// Checks that what the protocol needs is set, and nothing that it would leave unused: without a named mechanism the client
    /// library chooses another one, and a protocol without SASL does not send a password.
    fn check_credentials(&self) -> Result<(), ConfigError> {
        let value =
            |key: &str, message: &str| Err(ConfigError::Value { key: key.to_owned(), message: message.to_owned() });
        let (sasl, tls) = (self.security_protocol.starts_with("sasl_"), self.security_protocol.ends_with("ssl"));
        match self.sasl_mechanism.as_deref() {
            Some(name) if !MECHANISMS.contains(&name) => {
                return value("kafka.sasl_mechanism", "is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
            }
            None if sasl => {
                let needs = "must be named with this security_protocol: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512";
                return value("kafka.sasl_mechanism", needs);
            }
            _ => {}
        }
        let has_password = self.sasl_password_file.is_some() || self.sasl_password_env.is_some();
        if sasl && self.sasl_username.is_none() {
            return value("kafka.sasl_username", "must be named with this security_protocol");
        }
        if sasl && !has_password {
            let needs = "or kafka.sasl_password_env must be named with this security_protocol";
            return value("kafka.sasl_password_file", needs);
        }
        if !sasl && (self.sasl_mechanism.is_some() || self.sasl_username.is_some() || has_password) {
            return value(
                "kafka.security_protocol",
                "is neither sasl_plaintext nor sasl_ssl, so the sasl_ keys would be unused",
            );
        }
        let certificates = [&self.ssl_ca_file, &self.ssl_certificate_file, &self.ssl_key_file];
        if !tls && certificates.iter().any(|file| file.is_some()) {
            return value("kafka.security_protocol", "is neither ssl nor sasl_ssl, so the ssl_ keys would be unused");
        }
        Ok(())
    }

    pub fn topic(&self, feed: Feed) -> String {
        format!("{}{}", self.topic_prefix, feed.name())
    }

    /// Microseconds by which a timestamp may be ahead of the wall clock.
    pub fn max_ahead(&self) -> i64 {
        i64::from(self.max_ahead_seconds) * MICROS_PER_SECOND
    }

    pub fn alerts_topic(&self) -> String {
        self.topic_of(Outlet::Officers)
    }

    /// The topic of rules on trial.
    pub fn shadow_topic(&self) -> String {
        self.topic_of(Outlet::Shadow)
    }

    pub fn topic_of(&self, outlet: Outlet) -> String {
        format!("{}{}", self.topic_prefix, outlet.name())
    }

    pub fn quarantine_topic(&self) -> String {
        format!("{}quarantine", self.topic_prefix)
    }

    /// The SASL password, from the file or the environment.
    pub fn sasl_password(&self) -> Result<Option<String>, ConfigError> {
        secrets::read("kafka.sasl_password", self.sasl_password_file.as_deref(), self.sasl_password_env.as_deref())
    }
}

/// Why a file is no configuration, by line and key, without the value: it may be a secret in the wrong place.
fn unreadable(file: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let key = text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim().to_owned());
    let said = error.message();
    let quotes_value = ["invalid type", "invalid value", "unknown variant"].iter().any(|kind| said.starts_with(kind));
    let message = match said.split_once(", expected ") {
        Some((_, expected)) if quotes_value => format!("it must be {}", in_words(expected)),
        _ if said.starts_with("unknown field") || said.starts_with("duplicate key") => said.to_owned(),
        _ => "this is not TOML".to_owned(),
    };
    let message = key.map_or(message.clone(), |key| format!("{key}: {message}"));
    ConfigError::Parse { file: file.display().to_string(), line, message }
}

/// What serde expects, as a person says it.
fn in_words(expected: &str) -> &str {
    match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i64" => "a whole number",
        "a boolean" => "true or false",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_and_feeds_are_refused() {
        assert!(toml::from_str::<Config>("[kafka]\nbroker = 'x'").is_err());
        let config: Config = toml::from_str("[feeds.tax]\nclock = 'wall'").unwrap();
        assert!(matches!(config.check(), Err(ConfigError::UnknownFeed(name)) if name == "tax"));
    }

    #[test]
    fn no_message_quotes_what_may_be_a_secret() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("permitwatch.toml");
        for (text, said) in [
            ("[kafka]\nsasl_password = \"hunter2\"", "line 2: sasl_password: unknown field `sasl_password`"),
            (
                "[kafka]\n\nsession_timeout_ms = \"hunter2\"",
                "line 3: session_timeout_ms: it must be a whole number from 0 to 4294967295",
            ),
            ("[feeds.border]\nclock = 'hunter2'", "line 2: clock: it must be"),
            ("[kafka]\nbrokers = hunter2", "line 2: brokers: this is not TOML"),
            ("[kafka]\nbrokers = 'a'\nbrokers = 'hunter2'", "line 3: brokers: duplicate key"),
            ("[kafka]\nbrokers = 'hunter2", "this is not TOML"),
            ("hunter2", "this is not TOML"),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = format!("{:?} {0}", Config::load(&file).unwrap_err());
            assert!(error.contains(said) && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn credentials_fit_the_protocol() {
        let check = |text: &str| {
            let config: Config = toml::from_str(&format!("[kafka]\n{text}")).unwrap();
            config.check().map_err(|error| error.to_string())
        };
        let says = |text: &str, words: &str| {
            let error = check(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        };
        let name = "sasl_mechanism = 'PLAIN'\nsasl_username = 'x'\n";
        says("security_protocol = 'sasl_ssl'", "kafka.sasl_mechanism: must be named");
        says("security_protocol = 'sasl_ssl'\nsasl_mechanism = 'GSSAPI'", "is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
        says("security_protocol = 'sasl_ssl'\nsasl_mechanism = 'PLAIN'", "kafka.sasl_username");
        says(&format!("security_protocol = 'sasl_plaintext'\n{name}"), "kafka.sasl_password_file");
        says(name, "the sasl_ keys would be unused");
        says("ssl_ca_file = '/ca.pem'", "the ssl_ keys would be unused");
        assert!(
            check(&format!("security_protocol = 'sasl_ssl'\n{name}sasl_password_env = 'P'\nssl_ca_file = '/ca.pem'"))
                .is_ok()
        );
        assert!(check("security_protocol = 'ssl'").is_ok());
    }

    #[test]
    fn what_has_happened_to_a_feed_has_happened_by_now() {
        let check = |line: &str| {
            let config: Config = toml::from_str(&format!("[feeds.border]\n{line}")).unwrap();
            config.check().map_err(|error| error.to_string())
        };
        assert!(check("refilled_at = '2024-05-01T10:00:00Z'\nbegins_at = '2024-05-01T10:00:00.5+02:00'").is_ok());
        let says = |line: &str, words: &str| {
            let error = check(line).unwrap_err();
            assert!(error.contains(words), "{line}: {error}");
        };
        says("refilled_at = 'yesterday'", "feeds.border.refilled_at: is a time such as");
        says("begins_at = '2024-05-01'", "feeds.border.begins_at: is a time such as");
        says("refilled_at = '2199-05-01T10:00:00Z'", "lies ahead of this machine's clock");
    }

    #[test]
    fn feed_settings_override_the_defaults() {
        let config: Config = toml::from_str("[feeds.border]\nfuture_limit_days = 2").unwrap();
        let limit = |table: TableId| config.visibility().future_limit[table.index()] / MICROS_PER_DAY;
        assert_eq!(limit(TableId::Border), 2);
        assert_eq!((limit(TableId::Payments), limit(TableId::ExcusedMonths)), (62, 400));
    }
}

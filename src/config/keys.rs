//! The keys under which identifiers become pseudonyms and what is written is signed, and where it is recorded who looks behind them.

use std::path::PathBuf;

use serde::Deserialize;

use super::{ConfigError, secrets};
use crate::pseudonyms::Pseudonyms;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsConfig {
    /// File that holds the key of the pseudonyms (at least 32 bytes).
    pub key_file: Option<PathBuf>,
    /// Environment variable that holds the key.
    pub key_env: Option<String>,
    pub key_id: String,
    /// Keys that were in force before: what was written under them is read.
    pub older_keys: Vec<OlderKey>,
}

/// A key that was in force before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OlderKey {
    pub id: String,
    pub file: Option<PathBuf>,
    pub env: Option<String>,
}

/// Where looks behind pseudonyms are recorded.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    pub file: Option<PathBuf>,
}

impl Default for AlertsConfig {
    fn default() -> AlertsConfig {
        AlertsConfig { key_file: None, key_env: None, key_id: "1".into(), older_keys: Vec::new() }
    }
}

impl AlertsConfig {
    /// The keys of the pseudonyms, from their files or the environment; `None` if none is named.
    pub fn pseudonyms(&self) -> Result<Option<Pseudonyms>, ConfigError> {
        if self.key_id.trim().is_empty() {
            let message = "it is empty: each seal and token names its key by it".to_owned();
            return Err(ConfigError::Value { key: "alerts.key_id".to_owned(), message });
        }
        let Some(key) = secrets::read_key("alerts.key_file", self.key_file.as_deref(), self.key_env.as_deref())? else {
            return Ok(None);
        };
        let mut older = Vec::with_capacity(self.older_keys.len());
        for OlderKey { id, file, env } in &self.older_keys {
            let wrong = |message: &str| ConfigError::Secret { key: "alerts.older_keys", message: message.to_owned() };
            if id.is_empty() || *id == self.key_id || older.iter().any(|(_, other)| other == id) {
                return Err(wrong("each has an id of its own, another than alerts.key_id"));
            }
            let Some(old) = secrets::read_key("alerts.older_keys", file.as_deref(), env.as_deref())? else {
                return Err(wrong("each names a file or an environment variable"));
            };
            if old == key || older.iter().any(|(other, _)| *other == old) {
                return Err(wrong("two ids name the same key"));
            }
            older.push((old, id.clone()));
        }
        let older = older.iter().map(|(key, id)| (key.as_str(), id.as_str()));
        Ok(Some(Pseudonyms::new(&key, &self.key_id).and_older(older)))
    }
}

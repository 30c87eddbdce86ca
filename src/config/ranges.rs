//! What a number in the configuration may be. A number outside would wrap, stop the detector or never act.

use std::ops::RangeInclusive;

use super::{Config, ConfigError};

/// Kafka's own brokers take 6 s to 30 minutes (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
const SESSION_MS: RangeInclusive<u64> = 6_000..=1_800_000;
/// librdkafka's range of `fetch.wait.max.ms`.
const FETCH_WAIT_MS: RangeInclusive<u64> = 0..=300_000;
/// librdkafka's range of `queued.max.messages.kbytes`.
const QUEUED_KBYTES: RangeInclusive<u64> = 1..=2_097_151;
const DAY_SECONDS: u64 = 86_400;
/// A hundred years and a day to spare: dates stay within the calendar.
const CENTURY_DAYS: u64 = 36_526;
const CENTURY_MONTHS: u64 = 1_200;
const YEAR_HOURS: u64 = 8_784;

/// Checks every number of the configuration.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let Config { kafka, feeds, rules, history, snapshot, checkpoint, limits, .. } = config;
    let size = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    let mut numbers = vec![
        ("kafka.fetch_wait_max_ms", u64::from(kafka.fetch_wait_max_ms), FETCH_WAIT_MS),
        ("kafka.session_timeout_ms", u64::from(kafka.session_timeout_ms), SESSION_MS),
        ("kafka.max_ahead_seconds", u64::from(kafka.max_ahead_seconds), 0..=CENTURY_DAYS * DAY_SECONDS),
        ("kafka.queued_max_kbytes", u64::from(kafka.queued_max_kbytes), QUEUED_KBYTES),
        ("rules.max_errors", u64::from(rules.max_errors), 1..=u64::from(u32::MAX)),
        ("rules.watch_seconds", u64::from(rules.watch_seconds), 0..=DAY_SECONDS),
        ("history.permit_lead_minutes", u64::from(history.permit_lead_minutes), 0..=7 * 24 * 60),
        ("history.aftercare_months", u64::from(history.aftercare_months), 0..=CENTURY_MONTHS),
        ("history.lookback_months", u64::from(history.lookback_months), 0..=CENTURY_MONTHS),
        ("history.correction_window_days", u64::from(history.correction_window_days), 0..=CENTURY_DAYS),
        ("history.erase_after_days", u64::from(history.erase_after_days), 0..=CENTURY_DAYS),
        ("snapshot.max_shrink_pct", u64::from(snapshot.max_shrink_pct), 0..=100),
        ("snapshot.max_age_hours", u64::from(snapshot.max_age_hours), 1..=YEAR_HOURS),
        ("checkpoint.every_seconds", u64::from(checkpoint.every_seconds), 1..=DAY_SECONDS),
        ("checkpoint.keep", u64::from(checkpoint.keep), 1..=1_000),
        ("limits.max_message_bytes", size(limits.max_message_bytes), 1_024..=100 << 20),
        ("limits.batch_messages", size(limits.batch_messages), 1..=100_000_000),
        ("limits.batch_changes", size(limits.batch_changes), 1..=100_000_000),
        ("limits.rows_per_call", size(limits.rows_per_call), 1..=100_000_000),
        ("limits.rows_per_person", size(limits.rows_per_person), 1..=100_000_000),
        ("limits.state_max_bytes", limits.state_max_bytes, 1..=1 << 50),
        ("limits.quarantine_per_second", u64::from(limits.quarantine_per_second), 1..=u64::from(u32::MAX)),
    ]
    .into_iter()
    .map(|(key, value, range)| (key.to_owned(), value, range))
    .collect::<Vec<_>>();
    for (name, feed) in feeds {
        let of_feed = |key: &str, value: Option<u32>, range| {
            value.map(|value| (format!("feeds.{name}.{key}"), u64::from(value), range))
        };
        numbers.extend(of_feed("future_limit_days", feed.future_limit_days, 0..=CENTURY_DAYS));
        numbers.extend(of_feed("max_silence_hours", feed.max_silence_hours, 1..=YEAR_HOURS));
    }
    let outside = numbers.into_iter().find(|(_, value, range)| !range.contains(value));
    outside.map_or(Ok(()), |(key, value, range)| {
        Err(ConfigError::Value { key, message: format!("{value} is not within {} to {}", range.start(), range.end()) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_wrap_or_never_act_are_refused() {
        assert!(Config::default().check().is_ok());
        let refused = |text: &str| toml::from_str::<Config>(text).unwrap().check().unwrap_err().to_string();
        for (text, key) in [
            ("[history]\naftercare_months = 4294967295", "history.aftercare_months"),
            ("[history]\nlookback_months = 4294967295", "history.lookback_months"),
            ("[history]\ncorrection_window_days = 4000000000", "history.correction_window_days"),
            ("[kafka]\nsession_timeout_ms = 1", "kafka.session_timeout_ms"),
            ("[kafka]\nmax_ahead_seconds = 4294967295", "kafka.max_ahead_seconds"),
            ("[limits]\nstate_max_bytes = 0", "limits.state_max_bytes"),
            ("[limits]\nrows_per_person = 0", "limits.rows_per_person"),
            ("[feeds.border]\nmax_silence_hours = 0", "feeds.border.max_silence_hours"),
            ("[feeds.border]\nfuture_limit_days = 4294967295", "feeds.border.future_limit_days"),
            ("[snapshot]\nmax_shrink_pct = 101", "snapshot.max_shrink_pct"),
        ] {
            let error = refused(text);
            assert!(error.starts_with(&format!("configuration key {key}: ")), "{text}: {error}");
        }
    }
}

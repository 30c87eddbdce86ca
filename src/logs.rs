//! The log on stderr, without most repetitions: otherwise an outage of ten minutes would write thousands of equal lines, among
//! which nobody would find what matters.
//!
//! Warnings and errors of one kind (from the same place in the program, with the same words except for numbers) are written three
//! times, then once a minute with the number of those left out. `info` and below is always written.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::terminal;

/// Lines of a kind that are always written.
const BURST: u32 = 3;
/// How often another one is written after that.
const INTERVAL: Duration = Duration::from_secs(60);
/// Number of kinds to remember; with more, all are forgotten and counted anew.
const MAX_KINDS: usize = 1_000;

/// Starts logging to stderr, by RUST_LOG; without it, warnings and permitwatch's own `info` lines.
pub fn init() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,permitwatch=info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal::coloured(&std::io::stderr()))
        // It would report on stderr that stderr is closed, with a macro that panics there.
        .log_internal_errors(false)
        .event_format(Sparing::default())
        .try_init();
}

/// Formats lines in the ordinary way, and drops repetitions.
#[derive(Default)]
struct Sparing {
    form: Format<Full, SystemTime>,
    repeats: Mutex<Repeats>,
}

impl<S, N> FormatEvent<S, N> for Sparing
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if *event.metadata().level() <= Level::WARN {
            let kind = kind(event);
            let left_out = self.repeats.lock().unwrap_or_else(PoisonError::into_inner).take(kind, Instant::now());
            match left_out {
                None => return Ok(()),
                Some(0) => {}
                Some(count) => write!(writer, "[{count} more like this were left out] ")?,
            }
        }
        self.form.format_event(context, writer, event)
    }
}

/// Hash of the place in the program and the words without numbers: ports, offsets and milliseconds differ each time.
fn kind(event: &Event<'_>) -> u64 {
    struct Words(DefaultHasher);

    impl Visit for Words {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            field.name().hash(&mut self.0);
            let mut text = String::new();
            let _ = write!(text, "{value:?}");
            text.chars().filter(|letter| !letter.is_ascii_digit()).for_each(|letter| letter.hash(&mut self.0));
        }
    }

    let mut words = Words(DefaultHasher::new());
    event.metadata().callsite().hash(&mut words.0);
    event.record(&mut words);
    words.0.finish()
}

#[derive(Default)]
struct Repeats {
    kinds: HashMap<u64, Seen>,
}

struct Seen {
    written: u32,
    at: Instant,
    left_out: u64,
}

impl Repeats {
    /// Whether to write the line, and how many of its kind have been left out since the last one that was written.
    fn take(&mut self, kind: u64, now: Instant) -> Option<u64> {
        if self.kinds.len() >= MAX_KINDS && !self.kinds.contains_key(&kind) {
            self.kinds.clear();
        }
        let seen = self.kinds.entry(kind).or_insert(Seen { written: 0, at: now, left_out: 0 });
        let is_due = now.saturating_duration_since(seen.at) >= INTERVAL;
        if is_due && seen.left_out == 0 {
            // There was none for a while: this one is news.
            seen.written = 0;
        }
        if seen.written >= BURST && !is_due {
            seen.left_out += 1;
            return None;
        }
        seen.written = seen.written.saturating_add(1);
        seen.at = now;
        Some(std::mem::take(&mut seen.left_out))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_kind_is_told_three_times_then_once_a_minute_with_the_count() {
        let mut repeats = Repeats::default();
        let start = Instant::now();
        let told: Vec<Option<u64>> =
            (0..10).map(|second| repeats.take(1, start + Duration::from_secs(second))).collect();
        assert_eq!(told, [Some(0), Some(0), Some(0), None, None, None, None, None, None, None]);
        assert_eq!(repeats.take(2, start), Some(0), "another kind");
        assert_eq!(repeats.take(1, start + Duration::from_secs(65)), Some(7));
        assert_eq!(repeats.take(1, start + Duration::from_secs(66)), None);
        assert_eq!(repeats.take(1, start + Duration::from_secs(126)), Some(1));
        let quiet = start + Duration::from_secs(600);
        assert_eq!(
            [0, 1, 2, 3].map(|second| repeats.take(1, quiet + Duration::from_secs(second))),
            [Some(0), Some(0), Some(0), None]
        );
    }

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_differ_in_numbers_alone_are_of_one_kind_and_news_is_always_told() {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .event_format(Sparing::default())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            for port in 9_000..9_020 {
                tracing::warn!(shard = port, "connect to 127.0.0.1:{port} failed");
                tracing::info!(shard = port, "shard assigned");
            }
            tracing::warn!(shard = 1, "connect to elsewhere failed");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("127.0.0.1").count(), 3, "{text}");
        assert_eq!(text.matches("shard assigned").count(), 20, "{text}");
        assert_eq!(text.matches("elsewhere").count(), 1, "{text}");
    }
}

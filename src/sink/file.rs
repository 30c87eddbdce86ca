//! Alerts and quarantined messages as NDJSON files.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::model::record::Quarantined;
use crate::model::time::format_micros;
use crate::shard::Emitted;
use crate::sink::{AlertSink, RunHeaders, SinkError};

/// Writes one alert a line; quarantined messages go to a file beside it.
pub struct FileSink {
    alerts: Lines,
    quarantine: Lines,
}

struct Lines {
    path: PathBuf,
    out: BufWriter<File>,
}

impl FileSink {
    /// Creates `path`, and `path` with `.quarantine` added to its name.
    pub fn create(path: &Path) -> Result<FileSink, SinkError> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".quarantine");
        Ok(FileSink { alerts: Lines::create(path)?, quarantine: Lines::create(Path::new(&beside))? })
    }
}

impl Lines {
    fn create(path: &Path) -> Result<Lines, SinkError> {
        let file = File::create(path).map_err(|error| failed(path, &error.to_string()))?;
        Ok(Lines { path: path.to_owned(), out: BufWriter::new(file) })
    }

    fn write(&mut self, line: &impl serde::Serialize) -> Result<(), SinkError> {
        let written = serde_json::to_writer(&mut self.out, line).map_err(|error| error.to_string());
        written
            .and_then(|()| self.out.write_all(b"\n").map_err(|error| error.to_string()))
            .map_err(|message| failed(&self.path, &message))
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.out.flush().map_err(|error| failed(&self.path, &error.to_string()))
    }
}

fn failed(path: &Path, message: &str) -> SinkError {
    SinkError::File { file: path.display().to_string(), message: message.to_owned() }
}

impl AlertSink for FileSink {
    fn publish(&mut self, alerts: &[Emitted], _: &RunHeaders) -> Result<(), SinkError> {
        for Emitted { alert, .. } in alerts {
            self.alerts.write(alert)?;
        }
        self.alerts.flush()
    }

    fn quarantine(&mut self, entries: &[Quarantined]) -> Result<(), SinkError> {
        for entry in entries {
            self.quarantine.write(&serde_json::json!({
                "feed": entry.coordinates.feed.name(),
                "partition": entry.coordinates.partition,
                "offset": entry.coordinates.offset.0,
                "reason": entry.reason.name(),
                "detail": entry.detail,
                "known_time": format_micros(entry.known_time.0),
            }))?;
        }
        self.quarantine.flush()
    }
}

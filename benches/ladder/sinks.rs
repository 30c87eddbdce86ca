//! Where alerts go when there is no broker: they are written out as they would be sent, and dropped.

use permitwatch::model::record::Quarantined;
use permitwatch::shard::Emitted;
use permitwatch::sink::{AlertSink, RunHeaders, SinkError};

#[derive(Default)]
pub struct Discard {
    bytes: u64,
}

impl AlertSink for Discard {
    fn publish(&mut self, alerts: &[Emitted], _: &RunHeaders) -> Result<(), SinkError> {
        for alert in alerts {
            self.bytes += serde_json::to_vec(&alert.alert).map_or(0, |payload| payload.len() as u64);
        }
        std::hint::black_box(self.bytes);
        Ok(())
    }

    fn quarantine(&mut self, entries: &[Quarantined]) -> Result<(), SinkError> {
        std::hint::black_box(entries);
        Ok(())
    }
}

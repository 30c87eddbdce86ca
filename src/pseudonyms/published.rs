//! The form in which an alert leaves: without identifiers.

use serde::{Deserialize, Serialize, Serializer};

use super::{Keys, Kind, Pseudonyms};
use crate::model::alert::{Alert, AlertId, RecordRef, Said, Status};

/// An alert as it stands on the topic: `subject`, `alert_key` and the records' keys are tokens, alert ids are keyed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PublishedAlert {
    /// The id of the key that its tokens and ids were made with.
    pub key_id: String,
    #[serde(flatten)]
    alert: Alert,
}

/// Writes what may be said of it ([`Alert::said`]).
impl Serialize for PublishedAlert {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            key_id: &'a str,
            #[serde(flatten)]
            said: Said<'a>,
        }

        Written { key_id: &self.key_id, said: self.alert.said() }.serialize(serializer)
    }
}

impl PublishedAlert {
    /// The id under which it is published.
    pub fn id(&self) -> &str {
        &self.alert.alert_id
    }

    /// For who routes alerts without reading them.
    pub fn secrecy_class(&self) -> i64 {
        self.alert.secrecy_class
    }

    pub fn status(&self) -> Status {
        self.alert.status
    }

    pub fn sequence(&self) -> u64 {
        self.alert.sequence
    }
}

/// What is written of an alert whose person is protected: that it is withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithheldAlert {
    pub key_id: String,
    pub alert_id: String,
    pub sequence: u64,
    pub status: Status,
}

/// Why an alert ends under an older key.
pub const REKEYED: &str = "rekeyed";

/// No alert has so many transitions: a greater number is a mistake, and beyond it JSON's numbers are no longer exact.
pub const MAX_SEQUENCE: u64 = 1 << 53;

impl Pseudonyms {
    /// What is written of an alert. One that stands on the topic under an older key ends there, and is raised under the current one:
    /// `older` is the id of that key.
    pub fn publish(&self, alert: &Alert, older: Option<&str>) -> Vec<PublishedAlert> {
        let now = self.current().publish(alert);
        let Some(keys) = older.and_then(|id| self.by_id(id)) else { return vec![now] };
        let mut then = keys.publish(alert);
        if !alert.status.stands() {
            return vec![then];
        }
        let end = Alert {
            status: Status::Retracted,
            reason: Some(REKEYED.to_owned()),
            replaced_by: Some(now.alert.alert_id.clone()),
            replaces: None,
            ..then.alert
        };
        then.alert = end;
        let raised =
            Alert { status: Status::Raised, reason: None, replaces: Some(then.alert.alert_id.clone()), ..now.alert };
        vec![then, PublishedAlert { alert: raised, ..now }]
    }

    /// The alert as the engine has it, but for the alerts that replace it and that it replaces, which keep their published ids. `None`
    /// if its key is not known here, or it is no alert that was published under it.
    pub fn reidentify(&self, published: PublishedAlert) -> Option<Alert> {
        self.by_id(&published.key_id)?.reidentify(published)
    }

    /// The ids under which an alert may have been published, each with the id of its key.
    pub fn alert_ids(&self, id: AlertId) -> impl Iterator<Item = (&str, AlertId)> {
        self.all().map(move |keys| (keys.id.as_str(), keys.alert_id_of(id)))
    }
}

impl Keys {
    fn publish(&self, alert: &Alert) -> PublishedAlert {
        let keyed = |id: &String| match AlertId::from_hex(id) {
            Some(id) => self.alert_id_of(id).to_hex(),
            None => String::new(),
        };
        let record = |record: &RecordRef| RecordRef {
            record_key: self.token_of(Kind::RecordKey, &record.record_key),
            ..record.clone()
        };
        let alert = Alert {
            alert_id: keyed(&alert.alert_id),
            subject: self.token_of(Kind::Subject, &alert.subject),
            alert_key: self.token_of(Kind::AlertKey, &alert.alert_key),
            records: alert.records.iter().map(record).collect(),
            replaced_by: alert.replaced_by.as_ref().map(keyed),
            replaces: alert.replaces.as_ref().map(keyed),
            ..alert.clone()
        };
        PublishedAlert { key_id: self.id.clone(), alert }
    }

    fn reidentify(&self, PublishedAlert { alert, .. }: PublishedAlert) -> Option<Alert> {
        let subject = self.open(Kind::Subject, &alert.subject)?;
        let alert_key = self.open(Kind::AlertKey, &alert.alert_key)?;
        let id = AlertId::new(&alert.rule_id, &subject, &alert_key);
        if self.alert_id_of(id).to_hex() != alert.alert_id || alert.sequence > MAX_SEQUENCE {
            return None;
        }
        let record = |record: RecordRef| {
            Some(RecordRef { record_key: self.open(Kind::RecordKey, &record.record_key)?, ..record })
        };
        let records = alert.records.into_iter().map(record).collect::<Option<Vec<_>>>()?;
        Some(Alert { alert_id: id.to_hex(), subject, alert_key, records, ..alert })
    }
}

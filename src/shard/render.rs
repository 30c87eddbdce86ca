//! Makes the alert that is published from a transition: words, evidence, records, and a pseudonym for the person.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::detector::{LATE_RECORD, Standing, Transition};
use crate::history::PersonNo;
use crate::model::alert::{Alert, AlertId, Bilingual, RecordRef, Status};
use crate::model::schema::TableId;
use crate::model::sets::TableSet;
use crate::model::time::{KnownTime, format_micros};
use crate::rules::Hit;
use crate::rules::output::RuleRows;
use crate::shard::Shard;

/// What was found about each alert that stands, as JSON: to write it again, whole, if the topic loses it. Some hundred bytes each.
#[derive(Debug, Default)]
pub(super) struct Bodies(FxHashMap<AlertId, Box<[u8]>>);

/// The parts of an alert that come from its row.
#[derive(Debug, Deserialize, Serialize)]
struct Body {
    finding: Bilingual,
    evidence: serde_json::Map<String, serde_json::Value>,
    records: Vec<RecordRef>,
    secrecy_class: i64,
}

impl Bodies {
    /// Remembers what an alert says, until it ends.
    pub fn keep(&mut self, id: AlertId, alert: &Alert) {
        if !alert.status.stands() {
            self.forget(id);
            return;
        }
        let Alert { finding, evidence, records, secrecy_class, .. } = alert;
        let (finding, evidence, records) = (finding.clone(), evidence.clone(), records.clone());
        let body = Body { finding, evidence, records, secrecy_class: *secrecy_class };
        // Texts, numbers and lists always serialize.
        self.0.insert(id, serde_json::to_vec(&body).unwrap_or_default().into());
    }

    pub fn forget(&mut self, id: AlertId) {
        self.0.remove(&id);
    }

    /// What an alert says, in the form in which a checkpoint has it.
    pub fn bytes(&self, id: AlertId) -> Vec<u8> {
        self.0.get(&id).map_or_else(Vec::new, |body| body.to_vec())
    }

    pub fn take(&mut self, id: AlertId, body: &[u8]) {
        if !body.is_empty() {
            self.0.insert(id, body.into());
        }
    }

    pub fn evidence(&self, id: AlertId) -> Option<serde_json::Map<String, serde_json::Value>> {
        self.of(id).map(|body| body.evidence)
    }

    fn of(&self, id: AlertId) -> Option<Body> {
        serde_json::from_slice(self.0.get(&id)?).ok()
    }
}

/// Most records that an alert names if its rule does not name any itself.
const MAX_RECORDS: usize = 50;

impl Shard {
    pub(super) fn render(
        &self,
        person: PersonNo,
        transition: &Transition,
        row: Option<(&RuleRows, &Hit)>,
        as_of: KnownTime,
    ) -> Alert {
        let bare = self.bare(person, &transition.alert, transition.status, transition.sequence, transition.as_of);
        if transition.is_withheld {
            return bare.withheld();
        }
        let rule = &self.rules.rules()[transition.alert.rule.index()];
        let header = &rule.file.header;
        let evidence = row.map(|(rows, hit)| rows.evidence(hit, header.subject_column())).unwrap_or_default();
        let records = row.map(|(rows, hit)| self.records(person, rule.tables, rows, hit, as_of)).unwrap_or_default();
        let finding = if row.is_some() { rule.file.finding(&evidence) } else { self.remark(transition) };
        let secrecy_class = self.secrecy_of(person, &records, as_of).max(if row.is_some() {
            // An author may name one record of a table and show what another says.
            self.history.secrecy(person, rule.shown, as_of.0)
        } else {
            0
        });
        Alert {
            title: header.title.clone(),
            finding,
            legal_basis: header.legal_basis.clone(),
            evidence,
            records,
            secrecy_class,
            reason: transition.reason.clone(),
            replaced_by: transition.replaced_by.map(|id| id.to_hex()),
            replaces: transition.replaces.map(|id| id.to_hex()),
            ..bare
        }
    }

    /// The finding of a transition that has no row.
    fn remark(&self, transition: &Transition) -> Bilingual {
        if transition.reason.as_deref() != Some(LATE_RECORD) {
            return Bilingual::default();
        }
        Bilingual {
            sv: "En uppgift om personen kom in så sent att den ligger före den sparade historiken och inte har prövats. Se över ärendet.".into(),
            en: "A record about the person came so late that it lies before the kept history and was not evaluated. Please look at the matter again.".into(),
        }
    }

    /// A standing alert as it was last worked out, with its evidence.
    pub fn whole(&self, person: PersonNo, standing: &Standing, as_of: KnownTime) -> Alert {
        let bare = self.bare(person, standing, Status::Raised, 0, as_of);
        match self.said.of(standing.id) {
            Some(Body { finding, evidence, records, secrecy_class }) => {
                Alert { finding, evidence, records, secrecy_class, ..bare }
            }
            None => bare,
        }
    }

    /// An alert without evidence.
    pub(super) fn bare(
        &self,
        person: PersonNo,
        standing: &Standing,
        status: Status,
        sequence: u64,
        as_of: KnownTime,
    ) -> Alert {
        let rule = &self.rules.rules()[standing.rule.index()];
        let header = &rule.file.header;
        Alert {
            alert_id: standing.id.to_hex(),
            sequence,
            status,
            rule_id: header.id.clone(),
            rule_fingerprint: rule.fingerprint.clone(),
            person: self.settings.pseudonyms.of(&self.history.person(person).subject),
            subject: standing.subject.clone(),
            permit_class: self.permit_class(person, &standing.subject, as_of),
            alert_key: standing.alert_key.clone(),
            severity: standing.severity,
            as_of: format_micros(as_of.0),
            alert_at: format_micros(standing.alert_at.0),
            anchor_at: standing.anchor.map(|day| day.to_string()),
            title: header.title.clone(),
            finding: Bilingual::default(),
            legal_basis: header.legal_basis.clone(),
            evidence: serde_json::Map::new(),
            records: Vec::new(),
            secrecy_class: 0,
            reason: None,
            replaced_by: None,
            replaces: None,
            late_record: standing.late,
            stage: header.stage(),
            is_withheld: false,
        }
    }

    /// Class of the permit that an alert is about; of somebody who has left, as it was last known.
    fn permit_class(&self, person: PersonNo, permit_id: &str, as_of: KnownTime) -> Option<String> {
        let known = self.history.person(person);
        let at = if known.has_left(as_of) { known.last_seen(as_of).unwrap_or(as_of) } else { as_of };
        self.history.permit_class(person, permit_id, at.0)
    }

    /// The highest secrecy class of an alert's records.
    fn secrecy_of(&self, person: PersonNo, records: &[RecordRef], as_of: KnownTime) -> i64 {
        let of_table = |own: &[RecordRef]| {
            let table = own.first().and_then(|record| TableId::from_name(&record.table));
            let wanted: Vec<(&str, i64)> =
                own.iter().map(|record| (record.record_key.as_str(), record.version)).collect();
            match table.filter(|table| table.is_person()) {
                Some(table) => self.history.secrecy_of(person, table, as_of.0, &wanted),
                None => 0,
            }
        };
        records.chunk_by(|one, other| one.table == other.table).map(of_table).max().unwrap_or_default()
    }

    /// The records that a row rests on: those that the rule names, else the current records of the tables that it reads.
    fn records(
        &self,
        person: PersonNo,
        tables: TableSet,
        rows: &RuleRows,
        hit: &Hit,
        as_of: KnownTime,
    ) -> Vec<RecordRef> {
        if let Some(records) = rows.records(hit) {
            return records;
        }
        let mut out = Vec::new();
        for table in tables.iter().filter(|table| table.is_person()) {
            for (record_key, version) in self.history.current_records(person, table, as_of.0) {
                out.push(RecordRef { table: table.name().to_owned(), record_key, version });
            }
        }
        out.sort_unstable();
        out.truncate(MAX_RECORDS);
        out
    }
}

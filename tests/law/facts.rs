//! Records as typed facts, and what of them is known on a day.
//!
//! A person's records are kept as they were written: each with its key, version, operation and the instant at which it became
//! known. [`Group::as_of`] gives what was known at 00:00 UTC of a day: of each record the greatest version, retracted ones gone; of
//! the population register every post. The scope is that of ARCHITECTURE.md, "Scope and visibility, exactly".

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::calendar::{At, Day};
use crate::rights::{Holding, holdings};

/// Declares a table's columns as a struct; every column but the first listed as required is optional.
macro_rules! table {
    ($(#[$meta:meta])* $name:ident { $($column:ident: $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        pub struct $name { $(pub $column: $ty,)* }
    };
}

pub type Code = &'static str;

table!(Permit {
    permit_id: String,
    permit_class: Code,
    first_grant: Option<bool>,
    application_on: Option<Day>,
    decided_on: Option<Day>,
    valid_from: Day,
    valid_to: Option<Day>,
    held_since: Option<Day>,
    card_issued_on: Option<Day>,
    ended_on: Option<Day>,
    end_kind: Option<Code>,
    revoked_on: Option<Day>,
    revoked_served_on: Option<Day>,
    revoked_final_on: Option<Day>,
    inhibited: Option<bool>,
    floor_sek: Option<i64>,
    offered_sek: Option<i64>,
    threshold_sek: Option<i64>,
    tied_until: Option<Day>,
    work_right: Option<Code>,
    institution_id: Option<String>,
    anchor_person_id: Option<String>,
    keep_notice_on: Option<Day>,
    investigation_notified_on: Option<Day>,
    name_at_grant: Option<String>,
    birth_on_at_grant: Option<Day>,
    citizenships_at_grant: Option<Vec<String>>,
});

table!(PermitEmployer {
    permit_id: String,
    employer_id: String,
    from_on: Day,
    to_on: Option<Day>,
});

table!(Application {
    permit_class: Option<Code>,
    employer_id: Option<String>,
    filed_on: Day,
    decided_on: Option<Day>,
    outcome: Option<Code>,
});

table!(Status {
    status_kind: Code,
    tested_country: Code,
    declared_on: Day,
    ended_on: Option<Day>,
});

table!(Document {
    kind: Code,
    document_key: String,
    valid_from: Option<Day>,
    valid_to: Option<Day>,
    revoked_on: Option<Day>,
});

table!(Identity {
    number: String,
    number_kind: Code,
    level: Option<Code>,
    linked_on: Day,
    ended_on: Option<Day>,
    asserted_by: Option<Code>,
});

table!(Post {
    event_on: Day,
    dereg_code: Option<Code>,
    dereg_on: Option<Day>,
    foreign_country: Option<Code>,
    foreign_in_eu: Option<bool>,
    name: Option<String>,
    birth_on: Option<Day>,
    citizenships: Option<Vec<String>>,
    civil_status: Option<Code>,
    civil_status_on: Option<Day>,
    spouse_id: Option<String>,
    address_key: Option<String>,
    registered_on: Option<Day>,
    protected: Option<bool>,
    number: Option<String>,
});

table!(Border {
    direction: Code,
    country: Code,
    transit: Option<bool>,
    observed_on: Day,
    doc_kind: Option<Code>,
    doc_issuer: Option<Code>,
    doc_key: Option<String>,
    doc_issued_on: Option<Day>,
    doc_seen: Option<bool>,
});

table!(Payment {
    kind: Code,
    payer_id: String,
    basis: Option<Code>,
    month: Day,
    period_from: Option<Day>,
    period_to: Option<Day>,
    paid_on: Option<Day>,
    amount_sek: i64,
    reported_income: Option<bool>,
});

table!(ExcusedMonth { month: Day });

table!(Study {
    kind: Code,
    institution_id: Option<String>,
    level: Option<Code>,
    event_on: Day,
    starts_on: Option<Day>,
    ends_on: Option<Day>,
    credits_tenths: Option<i64>,
});

table!(Notice {
    kind: Code,
    employer_id: Option<String>,
    event_on: Day,
    allegation: Option<Code>,
    source_token: Option<String>,
    country: Option<Code>,
});

table!(Anchor { holder_id: String, permit_id: String });

table!(Employer {
    employer_id: String,
    sector: Option<Code>,
    bankrupt_on: Option<Day>,
    successor_id: Option<String>,
    payer_kind: Option<Code>,
});

table!(EmployerMonth { employer_id: String, month: Day, reported_pct: i64 });

table!(Institution { institution_id: String, reports_studies: bool });

table!(Term { term: String, starts_on: Day, ends_on: Day });

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    Permits,
    Reference,
    Population,
    Border,
    Payments,
    Studies,
    Notices,
}

impl Feed {
    pub const ALL: [Feed; 7] =
        [Feed::Permits, Feed::Reference, Feed::Population, Feed::Border, Feed::Payments, Feed::Studies, Feed::Notices];

    pub fn name(self) -> &'static str {
        match self {
            Feed::Permits => "permits",
            Feed::Reference => "reference",
            Feed::Population => "population",
            Feed::Border => "border",
            Feed::Payments => "payments",
            Feed::Studies => "studies",
            Feed::Notices => "notices",
        }
    }

    /// Days by which a record may speak of the future.
    fn future_limit(self) -> i32 {
        match self {
            Feed::Permits => 400,
            Feed::Reference => 36_500,
            Feed::Population => 60,
            Feed::Border => 1,
            Feed::Payments => 62,
            Feed::Studies | Feed::Notices => 400,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    Upsert,
    /// The source mends its own error: what it replaces was never true.
    Correct,
    /// The record was never true.
    Retract,
}

impl Op {
    fn name(self) -> &'static str {
        match self {
            Op::Upsert => "upsert",
            Op::Correct => "correct",
            Op::Retract => "retract",
        }
    }
}

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Permit(Permit),
    PermitEmployer(PermitEmployer),
    Application(Application),
    Status(Status),
    Document(Document),
    Identity(Identity),
    Anchor(Anchor),
    Post(Post),
    Border(Border),
    Payment(Payment),
    ExcusedMonth(ExcusedMonth),
    Study(Study),
    Notice(Notice),
    Employer(Employer),
    EmployerMonth(EmployerMonth),
    Institution(Institution),
    Term(Term),
}

macro_rules! from_tables {
    ($($name:ident: $table:literal, $feed:ident;)*) => {
        $(impl From<$name> for Fact {
            fn from(fact: $name) -> Fact {
                Fact::$name(fact)
            }
        })*
        impl Fact {
            pub fn table(&self) -> &'static str {
                match self { $(Fact::$name(_) => $table,)* }
            }

            pub fn feed(&self) -> Feed {
                match self { $(Fact::$name(_) => Feed::$feed,)* }
            }

            fn columns(&self) -> Map<String, Value> {
                let value = match self { $(Fact::$name(fact) => serde_json::to_value(fact),)* };
                match value.expect("JSON") {
                    Value::Object(columns) => columns.into_iter().filter(|(_, value)| !value.is_null()).collect(),
                    _ => unreachable!("a struct"),
                }
            }
        }
    };
}

from_tables! {
    Permit: "permits", Permits;
    PermitEmployer: "permit_employers", Permits;
    Application: "applications", Permits;
    Status: "statuses", Permits;
    Document: "documents", Permits;
    Identity: "identities", Permits;
    Anchor: "anchors", Permits;
    Post: "population", Population;
    Border: "border", Border;
    Payment: "payments", Payments;
    ExcusedMonth: "excused_months", Payments;
    Study: "studies", Studies;
    Notice: "notices", Notices;
    Employer: "employers", Reference;
    EmployerMonth: "employer_months", Reference;
    Institution: "institutions", Reference;
    Term: "terms", Reference;
}

impl Payment {
    /// What was disclosed for another purpose does not serve follow-up. In these populations allowances, and the benefits that may be
    /// paid wrongly, are disclosed for payment control, those that rest on work for follow-up, salaries for permit control.
    pub fn is_for_follow_up(&self) -> bool {
        self.kind == "benefit" && self.basis == Some("work")
    }
}

impl Fact {
    /// The day that the record is about.
    fn event_on(&self) -> Day {
        match self {
            Fact::Permit(permit) => permit.decided_on.unwrap_or(permit.valid_from),
            Fact::PermitEmployer(employer) => employer.from_on,
            Fact::Application(application) => application.filed_on,
            Fact::Status(status) => status.declared_on,
            Fact::Document(document) => document.valid_from.unwrap_or(Day(16_000)),
            Fact::Identity(identity) => identity.linked_on,
            Fact::Post(post) => post.event_on,
            Fact::Border(border) => border.observed_on,
            Fact::Payment(payment) => payment.paid_on.unwrap_or(payment.month),
            Fact::ExcusedMonth(excused) => excused.month,
            Fact::Study(study) => study.event_on,
            Fact::Notice(notice) => notice.event_on,
            Fact::EmployerMonth(month) => month.month,
            Fact::Anchor(_) | Fact::Employer(_) | Fact::Institution(_) | Fact::Term(_) => Day(16_000),
        }
    }

    fn source_and_purpose(&self) -> (&'static str, &'static str, i64) {
        match self {
            Fact::Post(_) => ("navet", "permit_control", 0),
            Fact::Border(_) => ("police", "permit_control", 0),
            Fact::Payment(payment) if payment.kind == "salary" => ("agi", "permit_control", 2),
            Fact::Payment(payment) if payment.kind == "allowance" => ("lma", "payment_control", 1),
            Fact::Payment(payment) if payment.is_for_follow_up() => ("fk", "follow_up", 1),
            Fact::Payment(_) => ("fk", "payment_control", 1),
            Fact::ExcusedMonth(_) => ("fk", "permit_control", 1),
            Fact::Study(_) | Fact::Institution(_) | Fact::Term(_) => ("ladok", "permit_control", 0),
            Fact::Notice(notice) if notice.kind == "tip" => ("tip", "permit_control", 0),
            Fact::Notice(_) => ("employer", "permit_control", 0),
            Fact::Employer(_) | Fact::EmployerMonth(_) => ("agi", "permit_control", 0),
            _ => ("mv", "permit_control", 0),
        }
    }
}

/// One message of a feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Unique for its person and table.
    pub key: String,
    pub version: i64,
    pub op: Op,
    pub known: At,
    /// Of a retraction: what it takes back.
    pub fact: Fact,
}

impl Record {
    /// The line of a recorded feed; `subject` is the person, or the key of a reference message.
    pub fn line(&self, subject: &str) -> String {
        let (source, purpose, secrecy) = self.fact.source_and_purpose();
        let mut value = Map::new();
        value.insert("table".into(), json!(self.fact.table()));
        value.insert("schema_ver".into(), json!(1));
        value.insert("record_key".into(), json!(self.key));
        value.insert("version".into(), json!(self.version));
        value.insert("op".into(), json!(self.op.name()));
        value.insert("event_time".into(), json!(self.fact.event_on()));
        value.insert("registered_at".into(), json!(self.known));
        value.insert("source".into(), json!(source));
        value.insert("purpose".into(), json!(purpose));
        value.insert("secrecy_class".into(), json!(secrecy));
        if self.op != Op::Retract {
            value.extend(self.fact.columns());
        }
        json!({ "key": subject, "known_time": self.known, "value": value }).to_string()
    }

    /// The same for people to read.
    pub fn words(&self) -> String {
        if let Fact::Payment(Payment { kind: "salary", payer_id, month, amount_sek, .. }) = &self.fact {
            let (known, op) = (self.known.day(), self.op.name());
            return format!("salary {month} {amount_sek} from {payer_id}, known {known}, {op} v{}", self.version);
        }
        let columns: Vec<String> = self.fact.columns().iter().map(|(name, value)| format!("{name} {value}")).collect();
        format!(
            "{} {} {} {} v{}: {}",
            self.known,
            self.fact.table(),
            self.op.name(),
            self.key,
            self.version,
            columns.join(", ").replace('"', "")
        )
    }
}

/// Somebody, with every record about them as it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    pub id: String,
    pub records: Vec<Record>,
}

/// Persons who may have to do with one another, and the reference records that they see. Groups have nothing to do with each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What it was made for.
    pub story: String,
    pub persons: Vec<Person>,
    pub reference: Vec<Record>,
    /// Days on which the two readings are compared.
    pub from: Day,
    pub until: Day,
}

/// A record in force: its latest version, and when the record first became known.
#[derive(Clone, Debug)]
pub struct Seen<T> {
    pub key: String,
    pub version: i64,
    pub op: Op,
    /// When this version became known.
    pub known: At,
    /// When the first version of the record became known.
    pub first_known: At,
    pub fact: T,
}

impl<T> Deref for Seen<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.fact
    }
}

/// What is known of a person.
#[derive(Clone, Debug, Default)]
pub struct PersonKnown {
    pub id: String,
    pub permits: Vec<Seen<Permit>>,
    pub permit_employers: Vec<Seen<PermitEmployer>>,
    pub applications: Vec<Seen<Application>>,
    pub statuses: Vec<Seen<Status>>,
    pub documents: Vec<Seen<Document>>,
    pub identities: Vec<Seen<Identity>>,
    pub anchors: Vec<Seen<Anchor>>,
    /// Every version that is known, retractions and corrections included, by version.
    pub posts: Vec<Seen<Post>>,
    pub border: Vec<Seen<Border>>,
    pub payments: Vec<Seen<Payment>>,
    pub excused: Vec<Seen<ExcusedMonth>>,
    pub studies: Vec<Seen<Study>>,
    pub notices: Vec<Seen<Notice>>,
    /// Every version of every payment that is known, by key and version: for what was declared when.
    pub payment_versions: Vec<Seen<Payment>>,
    /// The same of tokens that a month is excused.
    pub excused_versions: Vec<Seen<ExcusedMonth>>,
    /// The same of notices of journeys.
    pub border_versions: Vec<Seen<Border>>,
    /// Declared cash salary by month, then by payer.
    pub salaries: BTreeMap<Day, BTreeMap<String, i64>>,
    pub excused_months: BTreeSet<Day>,
    /// The permits with the days on which each holds and carries; in the order of their first days.
    pub holdings: Vec<Holding>,
}

/// What is known of a group, as of an instant.
#[derive(Clone, Debug, Default)]
pub struct GroupKnown {
    pub persons: Vec<PersonKnown>,
    pub employers: BTreeMap<String, Seen<Employer>>,
    pub employer_months: Vec<Seen<EmployerMonth>>,
    pub institutions: BTreeMap<String, Seen<Institution>>,
    pub terms: Vec<Seen<Term>>,
    /// Which rules, by their id, have found something about which permits on earlier days, as it was known then.
    pub stood: BTreeSet<(&'static str, String)>,
}

/// A person as a rule sees them, beside the others of the group.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub group: &'a GroupKnown,
    pub me: &'a PersonKnown,
}

impl Deref for Known<'_> {
    type Target = PersonKnown;
    fn deref(&self) -> &PersonKnown {
        self.me
    }
}

impl Group {
    /// The instants at which something becomes known, in order.
    pub fn instants(&self) -> Vec<At> {
        let records = self.persons.iter().flat_map(|person| &person.records).chain(&self.reference);
        let mut instants: Vec<At> = records.map(|record| record.known).collect();
        instants.extend(self.persons.iter().flat_map(leaves_at));
        instants.sort();
        instants.dedup();
        instants
    }

    /// What is known at an instant.
    pub fn as_of(&self, at: At) -> GroupKnown {
        let mut known = GroupKnown::default();
        for person in &self.persons {
            let records: Vec<&Record> = person
                .records
                .iter()
                .filter(|r| r.known <= at && in_scope(person, r) && counts(person, r, at))
                .collect();
            known.persons.push(person_known(&person.id, &records));
        }
        let reference: Vec<&Record> = self.reference.iter().filter(|record| record.known <= at).collect();
        for (record, first_known) in latest(&reference) {
            match &record.fact {
                Fact::Employer(fact) => {
                    known.employers.insert(fact.employer_id.clone(), seen(record, first_known, fact));
                }
                Fact::EmployerMonth(fact) => known.employer_months.push(seen(record, first_known, fact)),
                Fact::Institution(fact) => {
                    known.institutions.insert(fact.institution_id.clone(), seen(record, first_known, fact));
                }
                Fact::Term(fact) => known.terms.push(seen(record, first_known, fact)),
                _ => unreachable!("a reference record"),
            }
        }
        known.terms.sort_by_key(|term| term.starts_on);
        known
    }
}

fn seen<T: Clone>(record: &Record, first_known: At, fact: &T) -> Seen<T> {
    Seen {
        key: record.key.clone(),
        version: record.version,
        op: record.op,
        known: record.known,
        first_known,
        fact: fact.clone(),
    }
}

/// Of versions in the order of key and version those that were in force at the end of a day.
pub fn in_force_on<T>(versions: &[Seen<T>], day: Day) -> impl Iterator<Item = &Seen<T>> {
    let told: Vec<&Seen<T>> = versions.iter().filter(|version| version.known.day() <= day).collect();
    let last = |at: usize| told.get(at + 1).is_none_or(|next| next.key != told[at].key);
    let in_force: Vec<&Seen<T>> = (0..told.len()).filter(|&at| last(at)).map(|at| told[at]).collect();
    in_force.into_iter().filter(|version| version.op != Op::Retract)
}

/// Of each record the greatest version, unless it retracts, with the instant at which the record first became known.
fn latest<'a>(records: &[&'a Record]) -> Vec<(&'a Record, At)> {
    let mut by_key: BTreeMap<(&str, &str), (&Record, At)> = BTreeMap::new();
    for record in records {
        let place = by_key.entry((record.fact.table(), &record.key)).or_insert((record, record.known));
        place.1 = place.1.min(record.known);
        if record.version > place.0.version {
            place.0 = record;
        }
    }
    by_key.into_values().filter(|(record, _)| record.op != Op::Retract).collect()
}

fn person_known(id: &str, records: &[&Record]) -> PersonKnown {
    let mut known = PersonKnown { id: id.into(), ..PersonKnown::default() };
    for (record, first) in latest(records) {
        match &record.fact {
            Fact::Permit(fact) => known.permits.push(seen(record, first, fact)),
            Fact::PermitEmployer(fact) => known.permit_employers.push(seen(record, first, fact)),
            Fact::Application(fact) => known.applications.push(seen(record, first, fact)),
            Fact::Status(fact) => known.statuses.push(seen(record, first, fact)),
            Fact::Document(fact) => known.documents.push(seen(record, first, fact)),
            Fact::Identity(fact) => known.identities.push(seen(record, first, fact)),
            Fact::Anchor(fact) => known.anchors.push(seen(record, first, fact)),
            Fact::Border(fact) => known.border.push(seen(record, first, fact)),
            Fact::Payment(fact) => known.payments.push(seen(record, first, fact)),
            Fact::ExcusedMonth(fact) => known.excused.push(seen(record, first, fact)),
            Fact::Study(fact) => known.studies.push(seen(record, first, fact)),
            Fact::Notice(fact) => known.notices.push(seen(record, first, fact)),
            Fact::Post(_) => {}
            _ => unreachable!("a record about a person"),
        }
    }
    for record in records {
        let firsts = records.iter().filter(|r| r.fact.table() == record.fact.table() && r.key == record.key);
        let first = || firsts.map(|r| r.known).min().unwrap_or(record.known);
        match &record.fact {
            Fact::Post(fact) => known.posts.push(seen(record, first(), fact)),
            Fact::Payment(fact) => known.payment_versions.push(seen(record, first(), fact)),
            Fact::ExcusedMonth(fact) => known.excused_versions.push(seen(record, first(), fact)),
            Fact::Border(fact) => known.border_versions.push(seen(record, first(), fact)),
            _ => {}
        }
    }
    known.posts.sort_by_key(|post| (post.version, post.known));
    known.payment_versions.sort_by(|a, b| (&a.key, a.version).cmp(&(&b.key, b.version)));
    known.excused_versions.sort_by(|a, b| (&a.key, a.version).cmp(&(&b.key, b.version)));
    known.border_versions.sort_by(|a, b| (&a.key, a.version).cmp(&(&b.key, b.version)));
    for payment in known.payments.iter().filter(|payment| payment.kind == "salary") {
        let of_month = known.salaries.entry(payment.month).or_default();
        *of_month.entry(payment.payer_id.clone()).or_default() += payment.amount_sek;
    }
    known.excused_months = known.excused.iter().map(|excused| excused.month).collect();
    known.holdings = holdings(&known);
    known
}

/// What the permits feed says of a person themself, in the order in which it became known.
fn own_records(person: &Person) -> Vec<&Record> {
    let is_own = |record: &&Record| record.fact.feed() == Feed::Permits && !matches!(record.fact, Fact::Anchor(_));
    let mut own: Vec<&Record> = person.records.iter().filter(is_own).filter(|record| !lies_ahead(record)).collect();
    own.sort_by_key(|record| record.known);
    own
}

/// When somebody leaves of whom this is known: 24 months after the last permit ended, at the beginning of the day after; `None`: never, or no
/// permit is known.
fn leaves(known: &[&Record]) -> Option<At> {
    let mut last: Option<At> = None;
    for record in known {
        let Fact::Permit(permit) = &record.fact else { continue };
        let later = known.iter().filter(|other| {
            matches!(other.fact, Fact::Permit(_)) && other.key == record.key && other.version > record.version
        });
        let replaced = later.map(|other| other.known).filter(|known| *known >= record.known).min();
        let end = match record.op {
            Op::Retract => Some(record.known.day()),
            _ => earlier(permit.valid_to, permit.ended_on),
        };
        // It keeps its holder for the day on which it became known, however long ago it ended.
        let cared_for = end.map(|end| end.add_months(24).max(record.known.day()) + 1).map(Day::start);
        match replaced.into_iter().chain(cared_for).min() {
            None => return None,
            Some(until) if until > record.known => last = last.max(Some(until)),
            Some(_) => {}
        }
    }
    last
}

/// Since when what is known of a person counts, as of an instant: since ever, since the person came back, or (`None`) not at all.
fn counts_since(person: &Person, at: At) -> Option<At> {
    let (mut since, mut known) = (At(i64::MIN / 2), Vec::new());
    for record in own_records(person).into_iter().filter(|record| record.known <= at) {
        if leaves(&known).is_some_and(|left| left <= record.known) {
            since = record.known;
            known.clear();
        }
        known.push(record);
    }
    leaves(&known).is_none_or(|left| left > at).then_some(since)
}

/// The instants at which a person leaves.
fn leaves_at(person: &Person) -> Vec<At> {
    let (mut all, mut known) = (Vec::new(), Vec::new());
    for record in own_records(person) {
        if let Some(left) = leaves(&known).filter(|left| *left <= record.known) {
            all.push(left);
            known.clear();
        }
        known.push(record);
    }
    all.extend(leaves(&known));
    all
}

/// Whether a record is still known as of an instant: what was known before somebody left the population is forgotten. An anchor is looked up in
/// the population register for as long as a permit has named them.
fn counts(person: &Person, record: &Record, at: At) -> bool {
    if matches!(record.fact, Fact::Anchor(_)) {
        return true;
    }
    let anchored = person.records.iter().filter(|r| matches!(r.fact, Fact::Anchor(_)) && r.known <= at);
    let anchored = anchored.map(|r| r.known).min().filter(|_| record.fact.feed() == Feed::Population);
    let lead = if record.fact.feed() == Feed::Permits { 0 } else { 1 };
    [counts_since(person, at), anchored].into_iter().flatten().any(|since| record.known >= since.plus_hours(lead))
}

/// Whether a record tells of what lies further ahead than its feed may.
fn lies_ahead(record: &Record) -> bool {
    // Months are excused ahead, as leave is granted.
    let limit = if matches!(record.fact, Fact::ExcusedMonth(_)) { 400 } else { record.fact.feed().future_limit() };
    record.fact.event_on().start() > record.known.plus_hours(24 * i64::from(limit))
}

/// Whether the engine may look at a record at all.
fn in_scope(person: &Person, record: &Record) -> bool {
    let feed = record.fact.feed();
    if lies_ahead(record) {
        return false;
    }
    if feed == Feed::Permits {
        return true;
    }
    let lead = record.known.plus_hours(-1);
    let permits_feed = person.records.iter().filter(|r| r.fact.feed() == Feed::Permits && r.known <= lead);
    let known: Vec<&Record> = permits_feed.collect();
    if known.is_empty() {
        return false;
    }
    // Somebody whom another's permit depends on is looked up in the population register for as long.
    if feed == Feed::Population && known.iter().any(|r| matches!(r.fact, Fact::Anchor(_))) {
        return true;
    }
    let Some(since) = counts_since(person, lead) else { return false };
    let known: Vec<&Record> = known.into_iter().filter(|record| record.known >= since).collect();
    // The permits as they were known an hour before; until when, and from when, each holds.
    let mut rows: BTreeMap<&str, &Record> = BTreeMap::new();
    for record in known.into_iter().filter(|r| matches!(r.fact, Fact::Permit(_))) {
        let row = rows.entry(&record.key).or_insert(record);
        if record.version > row.version {
            *row = record;
        }
    }
    let today = record.known.day();
    let mut last_end: Option<Day> = None;
    let mut oldest: Option<Day> = None;
    for row in rows.values() {
        let Fact::Permit(permit) = &row.fact else { continue };
        let end = match row.op {
            Op::Retract => Some(row.known.day()),
            _ => earlier(permit.valid_to, permit.ended_on),
        };
        let cared_for = end.is_none_or(|end| end.add_months(24) >= today);
        if row.op != Op::Retract && cared_for {
            oldest = Some(oldest.map_or(permit.valid_from, |day| day.min(permit.valid_from)));
        }
        last_end = Some(last_end.unwrap_or(Day(i32::MIN)).max(end.unwrap_or(Day(i32::MAX))));
    }
    if last_end.is_some_and(|end| end != Day(i32::MAX) && end.add_months(24) < today) {
        return false;
    }
    feed == Feed::Reference || oldest.is_none_or(|oldest| record.fact.event_on() >= oldest.add_months(-3) - 365)
}

/// The earlier of two days, where null is never.
pub fn earlier(a: Option<Day>, b: Option<Day>) -> Option<Day> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

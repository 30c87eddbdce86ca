//! Feeds, tables and columns: the one place that says what a record may carry.
//!
//! A *feed* is a Kafka topic (or a recorded file); a *table* is what rules see. One feed may carry several
//! tables; the JSON member `table` tells them apart. Every column names the register's own element
//! (Navet element, AGI field code "FK", Ladok event attribute), so that an adapter's author finds it.
//!
//! Times are `TIMESTAMP(us)` in UTC. A date is a Swedish calendar day; as an instant it is 00:00 UTC of that
//! day, one or two hours after Swedish midnight, so that nothing is asserted before the day has begun.
//! Open ends are null. Dates outside 1900-2199 are refused: DataFusion compares a date with a timestamp in
//! nanoseconds, and one 9999-12-31 would fail a whole plan.
//!
//! Nothing here does I/O.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// The change feeds, in merge order: of records known at one instant the permits come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feed {
    Permits,
    Reference,
    Population,
    Border,
    Payments,
    Studies,
    Notices,
    /// Rows of one unit that another one is shown, written by permitwatch's own shards (see `links`).
    Links,
    /// The same for rows that rest on links or on what rules found.
    Derived,
}

impl Feed {
    pub const ALL: [Feed; 9] = [
        Feed::Permits,
        Feed::Reference,
        Feed::Population,
        Feed::Border,
        Feed::Payments,
        Feed::Studies,
        Feed::Notices,
        Feed::Links,
        Feed::Derived,
    ];
    pub const COUNT: usize = Self::ALL.len();
    /// Those that registers write, by way of their adapters.
    pub const SOURCES: [Feed; 7] =
        [Feed::Permits, Feed::Reference, Feed::Population, Feed::Border, Feed::Payments, Feed::Studies, Feed::Notices];

    /// Written by permitwatch itself.
    #[inline]
    pub const fn is_internal(self) -> bool {
        matches!(self, Feed::Links | Feed::Derived)
    }

    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    pub const fn name(self) -> &'static str {
        match self {
            Feed::Permits => "permits",
            Feed::Reference => "reference",
            Feed::Population => "population",
            Feed::Border => "border",
            Feed::Payments => "payments",
            Feed::Studies => "studies",
            Feed::Notices => "notices",
            Feed::Links => "links",
            Feed::Derived => "derived",
        }
    }

    pub fn from_name(name: &str) -> Option<Feed> {
        Self::ALL.into_iter().find(|feed| feed.name() == name)
    }

    /// The tables that this feed carries; the first is meant when a record names none.
    pub fn tables(self) -> impl Iterator<Item = TableId> {
        TableId::ALL.into_iter().filter(move |table| table.def().feed == self)
    }
}

/// The record tables. Person tables come first: `TableId::PERSON_COUNT` of them hold facts about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableId {
    Permits,
    PermitEmployers,
    Applications,
    Statuses,
    Documents,
    Identities,
    Population,
    Border,
    Payments,
    ExcusedMonths,
    Studies,
    Notices,
    Anchors,
    AnchorPermits,
    AnchorApplications,
    AnchorPopulation,
    IdentifierHolders,
    EmployerPermits,
    SharedIdentifiers,
    EmployerIndications,
    Employers,
    EmployerMonths,
    Institutions,
    Terms,
}

impl TableId {
    pub const ALL: [TableId; 24] = [
        TableId::Permits,
        TableId::PermitEmployers,
        TableId::Applications,
        TableId::Statuses,
        TableId::Documents,
        TableId::Identities,
        TableId::Population,
        TableId::Border,
        TableId::Payments,
        TableId::ExcusedMonths,
        TableId::Studies,
        TableId::Notices,
        TableId::Anchors,
        TableId::AnchorPermits,
        TableId::AnchorApplications,
        TableId::AnchorPopulation,
        TableId::IdentifierHolders,
        TableId::EmployerPermits,
        TableId::SharedIdentifiers,
        TableId::EmployerIndications,
        TableId::Employers,
        TableId::EmployerMonths,
        TableId::Institutions,
        TableId::Terms,
    ];
    pub const COUNT: usize = Self::ALL.len();
    pub const PERSON_COUNT: usize = 20;

    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    #[inline]
    pub fn def(self) -> &'static Table {
        &TABLES[self.index()]
    }

    pub fn name(self) -> &'static str {
        self.def().name
    }

    pub fn from_name(name: &str) -> Option<TableId> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Whether its records are facts about one person (keyed by the subject id).
    #[inline]
    pub const fn is_person(self) -> bool {
        self.index() < Self::PERSON_COUNT
    }

    /// Filled by a link (`queries/links/<table>.sql`) from the rows of other units.
    pub fn is_link(self) -> bool {
        self.def().feed.is_internal()
    }

    /// The reference key by which a person's records name rows of this table; `None` for a table that every
    /// person sees whole (terms).
    pub fn reference_key(self) -> Option<ColumnType> {
        match self {
            TableId::Employers | TableId::EmployerMonths => Some(ColumnType::Employer),
            TableId::Institutions => Some(ColumnType::Institution),
            _ => None,
        }
    }
}

/// What a column holds, which fixes its Arrow type, its JSON form and whether it identifies something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// Subject id of the person whom the record is about. JSON: not a member, it is the message key.
    Person,
    /// Subject id of another person (anchor, spouse). JSON: text.
    OtherPerson,
    /// Identifier of a permit or case. JSON: text.
    Permit,
    /// What a correction replaces; unique for its subject. JSON: text.
    RecordKey,
    /// Organisation number in 12-digit form ("16" + 10 digits) or a sole trader's personal number; checksum verified.
    Employer,
    /// Identifier of a university or school (Ladok LarosateID). JSON: text.
    Institution,
    /// Personal or coordination number, 12 digits, checksum verified (coordination: day + 60).
    PersonNumber,
    /// Keyed hash made at the source (document, address, tip source); compared, never shown. JSON: text.
    Hash,
    /// A code of a closed or published list. JSON: text.
    Code,
    /// Codes of a published list. JSON: array of text.
    CodeList,
    /// Free text that is compared, never shown in clear. JSON: text.
    Text,
    /// Swedish calendar day. JSON: "YYYY-MM-DD".
    Date,
    /// First day of a calendar month. JSON: "YYYY-MM" or "YYYY-MM-01".
    Month,
    /// Instant, microseconds, UTC. JSON: RFC 3339 with offset.
    Timestamp,
    /// Whole number. JSON: number.
    Int,
    /// Whole Swedish kronor. JSON: number.
    Sek,
    /// JSON: true or false.
    Bool,
}

impl ColumnType {
    pub fn arrow(self) -> DataType {
        match self {
            ColumnType::Person
            | ColumnType::OtherPerson
            | ColumnType::Permit
            | ColumnType::RecordKey
            | ColumnType::Employer
            | ColumnType::Institution
            | ColumnType::PersonNumber
            | ColumnType::Hash
            | ColumnType::Code
            | ColumnType::Text => DataType::Utf8,
            ColumnType::CodeList => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
            ColumnType::Date | ColumnType::Month => DataType::Date32,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            ColumnType::Int | ColumnType::Sek => DataType::Int64,
            ColumnType::Bool => DataType::Boolean,
        }
    }

    /// Identifies the person whom the row is about: equality on such a column keeps rows of one person together.
    pub const fn identifies_subject(self) -> bool {
        matches!(self, ColumnType::Person | ColumnType::Permit | ColumnType::RecordKey)
    }

    /// Identifies a row of a reference table.
    pub const fn identifies_reference(self) -> bool {
        matches!(self, ColumnType::Employer | ColumnType::Institution)
    }

    /// Carries the unit's tag inside the engine (see `units`).
    pub const fn is_tagged(self) -> bool {
        self.identifies_subject() || self.identifies_reference()
    }
}

/// A column of a table.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub ty: ColumnType,
    /// A record without it is quarantined, unless it retracts.
    pub required: bool,
    /// The register's own name for it.
    pub register: &'static str,
    pub doc: &'static str,
}

/// A table that rules see, with the feed that carries it.
#[derive(Debug)]
pub struct Table {
    pub id: TableId,
    pub name: &'static str,
    pub feed: Feed,
    pub doc: &'static str,
    pub columns: &'static [Column],
}

impl Table {
    pub fn column(&self, name: &str) -> Option<(usize, &'static Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }

    /// Columns of a recorded file (Parquet): `person_id`, the envelope, `known_time`, `arrival_no`, then the table's own.
    pub fn file_schema(&self) -> SchemaRef {
        let mut fields = vec![Field::new("person_id", DataType::Utf8, true)];
        fields.extend(ENVELOPE.iter().map(|c| Field::new(c.name, c.ty.arrow(), true)));
        fields.push(Field::new("known_time", ColumnType::Timestamp.arrow(), false));
        fields.push(Field::new("arrival_no", DataType::Int64, false));
        fields.extend(self.columns.iter().map(|c| Field::new(c.name, c.ty.arrow(), true)));
        Arc::new(Schema::new(fields))
    }

    /// Columns that rules see: `person_id` (person tables), the envelope, both known times, the table's own;
    /// in a history also `known_from` and `known_to`.
    ///
    /// A link's rows have no envelope and no known times: they say themselves since when they are known.
    pub fn rule_columns(&self, history: bool) -> Vec<(&'static str, ColumnType)> {
        let mut columns = Vec::new();
        if self.id.is_link() {
            columns.extend([("person_id", ColumnType::Person), ("record_key", ColumnType::RecordKey)]);
            columns.extend(self.columns.iter().map(|c| (c.name, c.ty)));
            return columns;
        }
        if self.id.is_person() {
            columns.push(("person_id", ColumnType::Person));
        }
        columns.extend(ENVELOPE.iter().map(|c| (c.name, c.ty)));
        columns.push(("known_time", ColumnType::Timestamp));
        columns.push(("first_known_time", ColumnType::Timestamp));
        if history {
            columns.push(("known_from", ColumnType::Timestamp));
            columns.push(("known_to", ColumnType::Timestamp));
        }
        columns.extend(self.columns.iter().map(|c| (c.name, c.ty)));
        columns
    }
}

const fn col(name: &'static str, ty: ColumnType, register: &'static str, doc: &'static str) -> Column {
    Column { name, ty, required: false, register, doc }
}

const fn req(name: &'static str, ty: ColumnType, register: &'static str, doc: &'static str) -> Column {
    Column { name, ty, required: true, register, doc }
}

use ColumnType::*;

/// What every record carries. `known_time` is not among them: it is the message's Kafka timestamp.
pub const ENVELOPE: [Column; 9] = [
    req("schema_ver", Int, "-", "version of this schema that the adapter wrote; 1"),
    req("record_key", RecordKey, "-", "what a correction or retraction replaces; unique for its subject and table"),
    req("version", Int, "-", "rises per record_key: the source's sequence number, else registered_at in microseconds"),
    req("op", Code, "-", "upsert, correct (the source mends an error) or retract (the record was never true)"),
    req("event_time", Timestamp, "-", "when it was true; a date or an instant"),
    req("registered_at", Timestamp, "-", "when the authority registered it"),
    req(
        "source",
        Code,
        "-",
        "register or authority: navet, agi, fk, csn, pm, akassa, lma, ladok, police, mission, ees, mv, employer, tip",
    ),
    req("purpose", Code, "-", "permit_control, payment_control or follow_up: what the disclosure was made for"),
    req("secrecy_class", Int, "-", "0 none, 1 social benefit, 2 tax, 3 protected person, 4 sealed notice"),
];

static TABLES: [Table; TableId::COUNT] = [
    Table {
        id: TableId::Permits,
        name: "permits",
        feed: Feed::Permits,
        doc: "One residence or work permit, or the pending case of an applicant (`valid_to` null).",
        columns: &[
            req("permit_id", Permit, "permit", "the permit, or the case of an applicant"),
            req(
                "permit_class",
                Code,
                "class",
                "ground for the permit: WORK_EMP, STUDY_HE, PROT_REFUGEE, PERMANENT, ...",
            ),
            col("first_grant", Bool, "first_or_extension", "true: not an extension"),
            col("application_on", Date, "application_at", "day of application; decides which thresholds bind"),
            col("decided_on", Date, "decided_at", "day of the decision"),
            req("valid_from", Date, "valid_from", "first day of validity"),
            col("valid_to", Date, "valid_to", "last day of validity; null is open"),
            col("held_since", Date, "-", "first day of unbroken permits of this class"),
            col("card_issued_on", Date, "card_issued_at", "day on which the permit card was issued"),
            col("ended_on", Date, "state", "last day if the permit ended early"),
            col("end_kind", Code, "state", "replaced, revoked or annulled"),
            col("revoked_on", Date, "revoked_decided", "day of a decision to revoke"),
            col("revoked_served_on", Date, "revoked_served", "day on which that decision was served"),
            col("revoked_final_on", Date, "revoked_final", "day on which it became final (laga kraft)"),
            col("inhibited", Bool, "suspended", "enforcement is suspended by a court"),
            col("floor_sek", Sek, "floor_sek", "livelihood floor per month that binds this permit (UF 5 kap. 8 a §)"),
            col("offered_sek", Sek, "offered_salary_sek", "salary offered per month"),
            col("threshold_sek", Sek, "blue_card_threshold_sek", "EU Blue Card salary threshold per month"),
            col("tied_until", Date, "-", "last day on which the employer binds; null: the whole permit"),
            col("work_right", Code, "work_right", "none, any, employer or occupation"),
            col("institution_id", Institution, "institution_id", "university or school of a study permit"),
            col("anchor_person_id", OtherPerson, "anchor_ref", "person whom a family permit depends on"),
            col(
                "keep_notice_on",
                Date,
                "keep_notice_at",
                "day on which the holder asked to keep a permanent permit abroad",
            ),
            col(
                "investigation_notified_on",
                Date,
                "investigation_notified_at",
                "day on which the holder was told of an investigation",
            ),
            col("name_at_grant", Text, "identity as decided", "full name as decided"),
            col("birth_on_at_grant", Date, "identity as decided", "day of birth as decided"),
            col("citizenships_at_grant", CodeList, "identity as decided", "ISO 3166-1 alpha-3 codes as decided"),
        ],
    },
    Table {
        id: TableId::PermitEmployers,
        name: "permit_employers",
        feed: Feed::Permits,
        doc: "An employer that a permit allows, with the days for which it does.",
        columns: &[
            req("permit_id", Permit, "permit", "the permit"),
            req("employer_id", Employer, "employer_orgnr", "the permitted employer"),
            req("from_on", Date, "-", "first day"),
            col("to_on", Date, "-", "last day; null is open"),
        ],
    },
    Table {
        id: TableId::Applications,
        name: "applications",
        feed: Feed::Permits,
        doc: "An application for a permit, an extension or a change of employer.",
        columns: &[
            col("permit_class", Code, "class", "class applied for"),
            col("employer_id", Employer, "employer_orgnr", "employer applied for"),
            req("filed_on", Date, "application_at", "day of filing"),
            col("decided_on", Date, "decided_at", "day of the decision; null is pending"),
            col("outcome", Code, "state", "granted, refused or withdrawn"),
        ],
    },
    Table {
        id: TableId::Statuses,
        name: "statuses",
        feed: Feed::Permits,
        doc: "A status declaration (refugee, subsidiary or temporary protection).",
        columns: &[
            req("status_kind", Code, "status_kind", "refugee, subsidiary or temporary"),
            req(
                "tested_country",
                Code,
                "tested_country",
                "ISO 3166-1 alpha-3: the country that the need of protection was tested against",
            ),
            req("declared_on", Date, "declared_at", "day of the declaration"),
            col("ended_on", Date, "ended_at", "day on which it ended"),
        ],
    },
    Table {
        id: TableId::Documents,
        name: "documents",
        feed: Feed::Permits,
        doc: "A travel document issued to or shown by the holder.",
        columns: &[
            req("kind", Code, "kind", "P passport, RD refugee travel document, FP alien's passport, UT permit card"),
            req("document_key", Hash, "number_hash", "keyed hash of issuer and number"),
            col("valid_from", Date, "valid_from", "first day of validity"),
            col("valid_to", Date, "valid_to", "last day of validity"),
            col("revoked_on", Date, "revoked", "day of revocation"),
        ],
    },
    Table {
        id: TableId::Identities,
        name: "identities",
        feed: Feed::Permits,
        doc: "An identity number linked to the subject, and who asserted the link.",
        columns: &[
            req("number", PersonNumber, "PersonNr", "personal or coordination number"),
            req("number_kind", Code, "-", "personal or coordination"),
            col("level", Code, "-", "proven, probable or unsure (lag 2022:1697 2 kap.)"),
            req("linked_on", Date, "-", "day of the link"),
            col("ended_on", Date, "-", "day on which the link ended"),
            col("asserted_by", Code, "-", "authority that asserted it"),
        ],
    },
    Table {
        id: TableId::Population,
        name: "population",
        feed: Feed::Population,
        doc: "The person's entry in the population register: a full post each time (Navet Folkbokforingspost).",
        columns: &[
            req("event_on", Date, "Arendeuppgift@andringstidpunkt", "day of the change that the post reports"),
            col(
                "dereg_code",
                Code,
                "Avregistrering.AvregistreringsorsakKod",
                "UV moved abroad, OB disappeared, AV deceased, FI false identity, GN/GS old number; null is registered",
            ),
            col("dereg_on", Date, "Avregistrering.Avregistreringsdatum", "day of deregistration"),
            col("foreign_country", Code, "Utlandsadress.Land", "ISO 3166-1 alpha-3 of the foreign address"),
            col("foreign_in_eu", Bool, "Utlandsadress.Land", "that country is in the EU"),
            col("name", Text, "Namn.{Fornamn, Mellannamn, Efternamn}", "full name"),
            col("birth_on", Date, "PersonFodelsetid", "day of birth"),
            col("citizenships", CodeList, "Medborgarskap", "ISO 3166-1 alpha-3 codes"),
            col("civil_status", Code, "Civilstand.CivilstandKod", "OG, G, Ä, S, RP, SP, EP"),
            col("civil_status_on", Date, "Civilstand.Civilstandsdatum", "day of the civil status"),
            col("spouse_id", OtherPerson, "Relationer.Relation", "subject id of the spouse"),
            col(
                "address_key",
                Hash,
                "Folkbokforingsadress",
                "keyed hash of the address; the address itself never enters",
            ),
            col("registered_on", Date, "Folkbokforing.Folkbokforingsdatum", "day of registration at this address"),
            col(
                "protected",
                Bool,
                "Sekretessmarkering, SkyddadFolkbokforing",
                "the person is protected: nothing may be stored or shown",
            ),
            col("number", PersonNumber, "PersonId.PersonNr", "personal or coordination number"),
        ],
    },
    Table {
        id: TableId::Border,
        name: "border",
        feed: Feed::Border,
        doc: "A notice of a journey from the police, customs, coast guard or a mission abroad.",
        columns: &[
            req("direction", Code, "direction", "exit, entry or seen"),
            req("country", Code, "travel_from, travel_to", "ISO 3166-1 alpha-3 of the country travelled to or from"),
            col("transit", Bool, "-", "only passed through that country"),
            req("observed_on", Date, "observed_at", "day of the observation"),
            col("doc_kind", Code, "doc.type", "P, RD, FP or UT"),
            col("doc_issuer", Code, "doc.issuing_state", "ISO 3166-1 alpha-3"),
            col("doc_key", Hash, "doc.number_hash", "keyed hash of issuer and number"),
            col("doc_issued_on", Date, "doc.issue_date", "day of issue"),
            col("doc_seen", Bool, "basis", "the identity was established from a document, not stated"),
        ],
    },
    Table {
        id: TableId::Payments,
        name: "payments",
        feed: Feed::Payments,
        doc: "A salary statement (AGI individuppgift), a benefit or a reception allowance.",
        columns: &[
            req("kind", Code, "-", "salary, benefit or allowance"),
            req("payer_id", Employer, "FK201 AgRegistreradId", "employer or paying authority"),
            col("basis", Code, "-", "benefit: residence, work, student or reception"),
            req("month", Month, "FK006 RedovisningsPeriod", "salary: reporting period; else the month of entitlement"),
            col("period_from", Date, "entitlement_from", "first day that a benefit is for"),
            col("period_to", Date, "entitlement_to", "last day that a benefit is for"),
            col("paid_on", Date, "paid_at", "day of payment"),
            req("amount_sek", Sek, "FK011 KontantErsattningUlagAG", "gross cash salary or amount paid"),
            col("reported_income", Bool, "deduction_for_income", "allowance: income was reported and deducted"),
        ],
    },
    Table {
        id: TableId::ExcusedMonths,
        name: "excused_months",
        feed: Feed::Payments,
        doc: "The source of sickness, parental or rehabilitation benefit says that a month is excused: no reason, no amount.",
        columns: &[req("month", Month, "period", "the month")],
    },
    Table {
        id: TableId::Studies,
        name: "studies",
        feed: Feed::Studies,
        doc: "A study event (Ladok, or a school outside it).",
        columns: &[
            req(
                "kind",
                Code,
                "RegistreringEvent, AvbrottEvent, ...",
                "admitted, fee_paid, registered, re_registered, withdrawn_registration, no_show, returned_offer, interrupted, leave_granted, leave_ended, deferred, exchange_out, doctoral_employment, result or degree",
            ),
            col("institution_id", Institution, "LarosateID", "university or school"),
            col("level", Code, "-", "first, second, doctoral or other"),
            req("event_on", Date, "-", "day of the event"),
            col("starts_on", Date, "StudieperiodStart", "first day of the study period"),
            col("ends_on", Date, "StudieperiodSlut", "last day of the study period"),
            col(
                "credits_tenths",
                Int,
                "Omfattningsvarde, PrestationsPoang",
                "higher education credits (hp) in tenths: 75 is 7.5 hp",
            ),
        ],
    },
    Table {
        id: TableId::Notices,
        name: "notices",
        feed: Feed::Notices,
        doc: "A notice about a named person from an employer, an authority or the public.",
        columns: &[
            req(
                "kind",
                Code,
                "type",
                "employment_start, employment_end, terms_worse, state_service_abroad, violence, tip, travel_reason, home_visit_excused, court_notice or identity_confirmed",
            ),
            col("employer_id", Employer, "employer", "employer concerned"),
            req("event_on", Date, "date", "day that the notice is about"),
            col(
                "allegation",
                Code,
                "allegation",
                "tip: not_working, other_employer, sham_employment, not_studying, sham_relationship, abroad, home_country_travel, identity, benefit or other",
            ),
            col("source_token", Hash, "source_token", "keyed hash of the tip's source, to count one source once"),
            col("country", Code, "country", "ISO 3166-1 alpha-3"),
        ],
    },
    Table {
        id: TableId::Anchors,
        name: "anchors",
        feed: Feed::Permits,
        doc: "A permit of somebody else that names this person as its anchor, written under the anchor's own key beside that permit.",
        columns: &[
            req("holder_id", OtherPerson, "person_ref", "holder of the permit that names this person"),
            req("permit_id", Permit, "permit", "that permit"),
        ],
    },
    Table {
        id: TableId::AnchorPermits,
        name: "anchor_permits",
        feed: Feed::Links,
        doc: "A permit of the person whom one of the holder's permits depends on.",
        columns: &[
            req("permit_id", Permit, "-", "the holder's permit that names the anchor"),
            col("anchor_class", Code, "-", "ground of the anchor's permit"),
            col("valid_from", Date, "-", "its first day of validity"),
            col("valid_to", Date, "-", "its last day of validity; null is open"),
            col("held_until", Date, "-", "the last day on which it really holds; null is open"),
            col("ended_on", Date, "-", "its last day if it ended early"),
            col("end_kind", Code, "-", "replaced, revoked or annulled"),
            col("revoked_final_on", Date, "-", "day on which a revocation became final"),
            col("inhibited", Bool, "-", "enforcement is suspended by a court"),
            col("known_at", Timestamp, "-", "when it was first known, and that it is the anchor's"),
        ],
    },
    Table {
        id: TableId::AnchorApplications,
        name: "anchor_applications",
        feed: Feed::Links,
        doc: "An application of the person whom one of the holder's permits depends on.",
        columns: &[
            req("permit_id", Permit, "-", "the holder's permit that names the anchor"),
            col("permit_class", Code, "-", "ground applied for"),
            col("filed_on", Date, "-", "day of the application"),
            col("decided_on", Date, "-", "day of the decision"),
            col("outcome", Code, "-", "granted, refused or withdrawn"),
            col("known_at", Timestamp, "-", "when it was first known, and that it is the anchor's"),
        ],
    },
    Table {
        id: TableId::AnchorPopulation,
        name: "anchor_population",
        feed: Feed::Links,
        doc: "A version of the register post of the person whom one of the holder's permits depends on.",
        columns: &[
            req("permit_id", Permit, "-", "the holder's permit that names the anchor"),
            col("event_on", Date, "-", "day of the change"),
            col("dereg_code", Code, "-", "why the person was deregistered; null: registered"),
            col("dereg_on", Date, "-", "day of the deregistration"),
            col("civil_status", Code, "-", "civil status"),
            col("civil_status_on", Date, "-", "since when"),
            col("spouse_is_holder", Bool, "-", "the register names the holder as spouse"),
            col("address_key", Hash, "-", "keyed hash of the address, to compare with the holder's"),
            col("registered_on", Date, "-", "day of registration at the address"),
            col("protected", Bool, "-", "secrecy marking or protected registration"),
            col("swedish", Bool, "-", "is a Swedish citizen"),
            col("known_from", Timestamp, "-", "when this version became known, and that it is the anchor's"),
            col("known_to", Timestamp, "-", "when a later version did"),
        ],
    },
    Table {
        id: TableId::IdentifierHolders,
        name: "identifier_holders",
        feed: Feed::Links,
        doc: "A person whom a travel document or an identity number is linked to; a unit of its own per identifier.",
        columns: &[
            req("kind", Code, "-", "document or number"),
            req("identifier", Hash, "-", "the document's keyed hash, or the number"),
            req("holder_id", OtherPerson, "-", "the person"),
            col("held_from", Date, "-", "first day of the person's permits"),
            col("held_until", Date, "-", "last day of the person's permits; null is open"),
            col("known_at", Timestamp, "-", "when it was first known"),
        ],
    },
    Table {
        id: TableId::EmployerPermits,
        name: "employer_permits",
        feed: Feed::Links,
        doc: "A permit that allows work for the employer; a unit of its own per employer.",
        columns: &[
            req("employer_id", Employer, "-", "the employer"),
            req("holder_id", OtherPerson, "-", "holder of the permit"),
            req("permit_id", Permit, "-", "the permit"),
            col("from_on", Date, "-", "first day on which it allows work for the employer"),
            col("to_on", Date, "-", "last such day; null is open"),
            col("known_at", Timestamp, "-", "when it was first known"),
        ],
    },
    Table {
        id: TableId::SharedIdentifiers,
        name: "shared_identifiers",
        feed: Feed::Derived,
        doc: "Another person whom one of the holder's documents or numbers is linked to as well.",
        columns: &[
            req("kind", Code, "-", "document or number"),
            req("identifier", Hash, "-", "the document's keyed hash, or the number"),
            req("other_id", OtherPerson, "-", "the other person"),
            col("held_from", Date, "-", "first day of the other's permits"),
            col("held_until", Date, "-", "last day of the other's permits; null is open"),
            col("known_at", Timestamp, "-", "when both were known"),
        ],
    },
    Table {
        id: TableId::EmployerIndications,
        name: "employer_indications",
        feed: Feed::Derived,
        doc: "What a rule found about a permit that allows work for the employer.",
        columns: &[
            req("employer_id", Employer, "-", "the employer"),
            req("holder_id", OtherPerson, "-", "holder of the permit"),
            req("rule_number", Code, "-", "number of the rule, such as R04"),
            req("severity", Code, "-", "info, weak, medium or strong"),
            req("alert_at", Timestamp, "-", "from when it holds"),
            req("until_at", Timestamp, "-", "until when; 2199-12-31 is open"),
        ],
    },
    Table {
        id: TableId::Employers,
        name: "employers",
        feed: Feed::Reference,
        doc: "An employer or paying authority.",
        columns: &[
            req("employer_id", Employer, "orgnr", "organisation number"),
            col("sector", Code, "SNI", "industry, Swedish SNI 2007 section"),
            col("bankrupt_on", Date, "-", "day of bankruptcy"),
            col("successor_id", Employer, "-", "organisation that took over the business"),
            col("payer_kind", Code, "-", "normal, insurer, public_payer or payroll"),
        ],
    },
    Table {
        id: TableId::EmployerMonths,
        name: "employer_months",
        feed: Feed::Reference,
        doc: "How much of an employer's usual staff a month's declarations cover, counted by the source. Absent: complete.",
        columns: &[
            req("employer_id", Employer, "FK201", "the employer"),
            req("month", Month, "FK006", "the month"),
            req("reported_pct", Int, "-", "recipients declared, per cent of the usual number"),
        ],
    },
    Table {
        id: TableId::Institutions,
        name: "institutions",
        feed: Feed::Reference,
        doc: "A university or school.",
        columns: &[
            req("institution_id", Institution, "LarosateID", "the institution"),
            req(
                "reports_studies",
                Bool,
                "-",
                "its registrations reach the studies feed; where they do not, silence proves nothing",
            ),
        ],
    },
    Table {
        id: TableId::Terms,
        name: "terms",
        feed: Feed::Reference,
        doc: "An academic term.",
        columns: &[
            req("term", Code, "-", "year and VT (spring) or HT (autumn)"),
            req("starts_on", Date, "-", "first day"),
            req("ends_on", Date, "-", "last day"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_at_their_index_and_person_tables_first() {
        for (index, table) in TABLES.iter().enumerate() {
            assert_eq!(table.id.index(), index, "{}", table.name);
            assert_eq!(table.id.is_person(), table.feed != Feed::Reference, "{}", table.name);
        }
    }

    #[test]
    fn no_column_shadows_the_envelope() {
        for table in &TABLES {
            for column in table.columns {
                assert!(ENVELOPE.iter().all(|e| e.name != column.name), "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn every_feed_carries_a_table() {
        for feed in Feed::ALL {
            assert!(feed.tables().next().is_some(), "{}", feed.name());
        }
    }
}

//! The codes that columns may hold, with their meanings. A column with a list takes exactly the listed codes, since rules give each
//! its own meaning and an unlisted one would silently match nothing. A code that a register adds is added here first.
//!
//! Columns without a list hold texts of which only the form is checked.

mod countries;

use crate::model::schema::TableId;

/// Codes and what each means.
pub type Codes = &'static [(&'static str, &'static str)];

/// Classes of permits: whose permission it is, and so which rules concern it (UtlL chapters in brackets in the rule files).
pub const PERMIT_CLASSES: Codes = &[
    ("WORK_EMP", "work permit, employed"),
    ("BLUE_CARD", "EU Blue Card"),
    ("ICT", "intra-corporate transfer"),
    ("SEASONAL", "seasonal work"),
    ("SELF_EMP", "self-employed"),
    ("JOBSEEK_HQ", "highly qualified, to seek work or start a business"),
    ("RESEARCH", "research"),
    ("STUDY_HE", "studies at a university"),
    ("TRAINEE", "trainee"),
    ("VOLUNTEER", "volunteer"),
    ("AUPAIR", "au pair"),
    ("POST_STUDY", "after studies or research, to seek work"),
    ("STUDY_OTHER", "other studies"),
    ("FAMILY_SPOUSE", "spouse or partner of somebody in Sweden"),
    ("FAMILY_CHILD", "child of somebody in Sweden"),
    ("FAMILY_OTHER", "other relative of somebody in Sweden"),
    ("DEPENDANT", "accompanying family member"),
    ("PROT_REFUGEE", "protection as a refugee"),
    ("PROT_SUBSIDIARY", "subsidiary protection"),
    ("PROT_TEMPORARY", "temporary protection"),
    ("HUMANITARIAN", "humanitarian grounds"),
    ("PERMANENT", "permanent residence permit"),
    ("LTR_EU", "long-term resident in the EU"),
    ("CITIZEN_EES_RIGHT", "citizen, or right of residence by EEA law; no rule is about it"),
    ("ASYLUM_APPLICANT", "pending case, no permit yet"),
    ("PROTECTED_CASE", "protected case; no rule is about it"),
];

pub const PURPOSES: Codes = &[
    ("permit_control", "whether the conditions of a permit hold"),
    ("payment_control", "whether a payment was due"),
    ("follow_up", "statistics and follow-up"),
];

pub const OPS: Codes = &[
    ("upsert", "a new state of affairs"),
    ("correct", "the source mends an error of its own: what it replaces was never true"),
    ("retract", "the record was never true"),
];

/// Registers and authorities that records come from.
pub const SOURCES: Codes = &[
    ("navet", "population register"),
    ("agi", "salary declarations (AGI)"),
    ("fk", "Social Insurance Agency"),
    ("csn", "student aid (CSN)"),
    ("pm", "Pensions Agency"),
    ("akassa", "unemployment insurance fund"),
    ("lma", "reception allowances"),
    ("ladok", "Ladok, or a school outside it"),
    ("police", "police, customs, coast guard"),
    ("mission", "mission abroad"),
    ("ees", "Entry/Exit System"),
    ("mv", "Migration Agency"),
    ("employer", "employer"),
    ("court", "court"),
    ("tip", "the public"),
];

pub const SECRECY_CLASSES: Codes =
    &[("0", "none"), ("1", "social benefit"), ("2", "tax"), ("3", "protected person"), ("4", "sealed notice")];

const DOCUMENT_KINDS: Codes =
    &[("P", "passport"), ("RD", "refugee travel document"), ("FP", "alien's passport"), ("UT", "permit card")];

/// The codes that a column may hold; `None` if it has no list. Countries have a list of their own ([`is_country`]).
pub fn codes_of(table: TableId, column: &str) -> Option<Codes> {
    use TableId::*;
    Some(match (table, column) {
        (Permits | Applications, "permit_class") => PERMIT_CLASSES,
        (Permits, "end_kind") => &[
            ("replaced", "another permit took its place"),
            ("revoked", "taken back from a day on"),
            ("annulled", "taken back as if it had never been"),
        ],
        (Permits, "work_right") => &[
            ("none", "no right to work"),
            ("any", "any work"),
            ("employer", "for the employers in permit_employers"),
            ("occupation", "in the occupation, for any employer"),
        ],
        (Applications, "outcome") => &[("granted", "granted"), ("refused", "refused"), ("withdrawn", "withdrawn")],
        (Statuses, "status_kind") => {
            &[("refugee", "refugee"), ("subsidiary", "subsidiary protection"), ("temporary", "temporary protection")]
        }
        (Documents, "kind") | (Border, "doc_kind") => DOCUMENT_KINDS,
        (Identities, "number_kind") => {
            &[("personal", "personal number"), ("coordination", "coordination number (samordningsnummer)")]
        }
        (Identities, "level") => &[
            ("proven", "identity proven (styrkt)"),
            ("probable", "identity probable (sannolik)"),
            ("unsure", "identity unsure (osäker)"),
        ],
        (Population, "dereg_code") => &[
            ("UV", "moved abroad (utvandrad)"),
            ("OB", "disappeared (försvunnen)"),
            ("AV", "deceased (avliden)"),
            ("FI", "false identity"),
            ("GN", "old personal number"),
            ("GS", "old coordination number"),
            ("AN", "other reason; no rule reads it"),
            ("AS", "technical; no rule reads it"),
            ("TA", "technical; no rule reads it"),
        ],
        (Population, "civil_status") => &[
            ("OG", "unmarried"),
            ("G", "married"),
            ("Ä", "widow or widower"),
            ("S", "divorced"),
            ("RP", "registered partner"),
            ("SP", "partnership dissolved"),
            ("EP", "surviving partner"),
        ],
        (Border, "direction") => &[
            ("exit", "left Sweden for the country"),
            ("entry", "came to Sweden from the country"),
            ("seen", "seen in the country"),
        ],
        (Payments, "kind") => {
            &[("salary", "salary (AGI)"), ("benefit", "benefit"), ("allowance", "reception allowance")]
        }
        (Payments, "basis") => &[
            ("residence", "rests on residence in Sweden"),
            ("work", "rests on work"),
            ("student", "student aid"),
            ("reception", "reception of asylum seekers"),
        ],
        (Studies, "kind") => &[
            ("admitted", "admitted"),
            ("fee_paid", "fee paid"),
            ("registered", "registered for the first time on a course"),
            ("re_registered", "registered again"),
            ("withdrawn_registration", "registration taken back"),
            ("no_show", "did not come"),
            ("returned_offer", "gave the place back"),
            ("interrupted", "interrupted the studies"),
            ("leave_granted", "leave from studies granted"),
            ("leave_ended", "leave from studies ended"),
            ("deferred", "start deferred"),
            ("exchange_out", "exchange studies abroad"),
            ("doctoral_employment", "employed as a doctoral student"),
            ("result", "credits awarded"),
            ("degree", "degree awarded"),
        ],
        (Studies, "level") => &[
            ("first", "first cycle"),
            ("second", "second cycle"),
            ("doctoral", "third cycle"),
            ("other", "outside higher education"),
        ],
        (Notices, "kind") => &[
            ("employment_start", "an employment began"),
            ("employment_end", "an employment ended"),
            ("terms_worse", "an employer made the terms worse"),
            ("state_service_abroad", "in the service of the state abroad"),
            ("violence", "violence in a relationship"),
            ("tip", "a tip of the public; the member allegation says of what"),
            ("travel_reason", "a reason for a journey, accepted by the agency"),
            ("home_visit_excused", "a visit to the home country, excused by the agency"),
            ("court_notice", "a court's notice of a judgment"),
            ("identity_confirmed", "the agency has confirmed the identity"),
        ],
        (Notices, "allegation") => &[
            ("not_working", "does not work"),
            ("other_employer", "works for another employer"),
            ("sham_employment", "the employment is a sham"),
            ("not_studying", "does not study"),
            ("sham_relationship", "the relationship is a sham"),
            ("abroad", "lives abroad"),
            ("home_country_travel", "travels to the home country"),
            ("identity", "is somebody else"),
            ("benefit", "is paid a benefit without right"),
            ("other", "something else"),
        ],
        (Employers, "payer_kind") => &[
            ("normal", "employer"),
            ("insurer", "pays for others: an insurer"),
            ("public_payer", "pays for others: an authority"),
            ("payroll", "pays for others: a payroll or umbrella company"),
        ],
        _ => return None,
    })
}

/// Whether a code is one of a list.
pub fn is_listed(list: Codes, code: &str) -> bool {
    list.iter().any(|(listed, _)| *listed == code)
}

/// The form of a code without a list; `None` if any text is allowed.
pub fn form_of(table: TableId, column: &str) -> Option<Form> {
    match (table, column) {
        (TableId::Employers, "sector") => Some(Form::Sector),
        (TableId::Terms, "term") => Some(Form::Term),
        _ => None,
    }
}

/// The form of the codes of an open list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A section of the industry classification.
    Sector,
    /// Year and season.
    Term,
}

impl Form {
    pub fn words(self) -> &'static str {
        match self {
            Form::Sector => "a section of SNI 2007, one capital letter from A to U",
            Form::Term => "a year and VT, HT or SO, such as 2026VT",
        }
    }

    pub fn fits(self, code: &str) -> bool {
        match self {
            Form::Sector => code.len() == 1 && code.bytes().all(|byte| (b'A'..=b'U').contains(&byte)),
            Form::Term => {
                code.len() == 6
                    && code.is_ascii()
                    && code[..4].bytes().all(|byte| byte.is_ascii_digit())
                    && ["VT", "HT", "SO"].contains(&&code[4..])
            }
        }
    }
}

/// Whether the column holds country codes.
pub fn is_country_column(column: &str) -> bool {
    matches!(
        column,
        "country" | "tested_country" | "foreign_country" | "doc_issuer" | "citizenships" | "citizenships_at_grant"
    )
}

/// Whether it is a country code: ISO 3166-1 alpha-3, an addition of ICAO 9303 for passports, or a state that has ceased.
pub fn is_country(code: &str) -> bool {
    countries::ALL.binary_search(&code).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schema::ColumnType;

    /// A list for a column that has been renamed would check nothing.
    #[test]
    fn every_list_belongs_to_a_code_column() {
        let columns =
            || TableId::ALL.into_iter().flat_map(|table| table.def().columns.iter().map(move |column| (table, column)));
        let listed: Vec<_> = columns().filter(|(table, column)| codes_of(*table, column.name).is_some()).collect();
        assert_eq!(listed.len(), 20);
        assert!(listed.iter().all(|(_, column)| column.ty == ColumnType::Code));
        let formed = columns().filter(|(table, column)| form_of(*table, column.name).is_some());
        assert_eq!(formed.filter(|(_, column)| column.ty == ColumnType::Code).count(), 2);
        assert_eq!(columns().filter(|(_, column)| is_country_column(column.name)).count(), 7);
    }

    #[test]
    fn every_code_of_a_register_has_a_list_or_a_form() {
        for table in TableId::ALL.into_iter().filter(|table| !table.is_link()) {
            for column in table.def().columns.iter().filter(|column| column.ty == ColumnType::Code) {
                // Rules do not compare the asserter of an identity link.
                let is_open = (table, column.name) == (TableId::Identities, "asserted_by");
                let is_known = codes_of(table, column.name).is_some()
                    || form_of(table, column.name).is_some()
                    || is_country_column(column.name);
                assert!(is_open != is_known, "{}.{}", table.name(), column.name);
            }
        }
    }

    #[test]
    fn codes_are_different_and_mean_something() {
        let lists = TableId::ALL
            .into_iter()
            .flat_map(|table| table.def().columns.iter().filter_map(move |column| codes_of(table, column.name)));
        for list in lists.chain([PURPOSES, OPS, SOURCES, SECRECY_CLASSES]) {
            for (at, (code, meaning)) in list.iter().enumerate() {
                assert!(!meaning.is_empty() && !is_listed(&list[..at], code), "{code}");
            }
        }
    }

    #[test]
    fn countries_are_codes_of_states_and_what_passports_say_instead() {
        for code in ["SWE", "XXA", "XXB", "XXC", "XXX", "UNK", "YUG", "SUN", "CSK", "ZAR", "BUR", "DDR", "SCG", "ANT"] {
            assert!(is_country(code), "{code}");
        }
        for code in ["SE", "swe", "Swe", "ÅÄÖ", "QQQ", "SWX", "SWE ", "", "ENG"] {
            assert!(!is_country(code), "{code}");
        }
        assert!(countries::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn open_codes_have_their_form() {
        for (form, good, bad) in [
            (Form::Sector, ["A", "U"], ["a", "V", "AA", ""]),
            (Form::Term, ["2026VT", "2025SO"], ["2026vt", "VT2026", "26VT", "2026XX"]),
        ] {
            assert!(good.iter().all(|code| form.fits(code)) && !bad.iter().any(|code| form.fits(code)), "{form:?}");
        }
        assert!(!Form::Term.fits("åå26VT") && !Form::Term.fits("20å6V"));
    }
}

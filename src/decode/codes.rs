//! The closed code lists: of these columns only the listed codes are taken, for rules give each its own meaning and a new
//! one would silently match nothing. A code that a register adds is added here first.
//!
//! Columns without a list (countries, sectors, terms, sources) are open: their form alone is checked.

use crate::schema::TableId;

/// Whose permission it is, and so which rules look at it (UtlL chapters in brackets in the rule files).
pub const PERMIT_CLASSES: &[&str] = &[
    "WORK_EMP",
    "BLUE_CARD",
    "ICT",
    "SEASONAL",
    "SELF_EMP",
    "JOBSEEK_HQ",
    "RESEARCH",
    "STUDY_HE",
    "TRAINEE",
    "VOLUNTEER",
    "AUPAIR",
    "POST_STUDY",
    "STUDY_OTHER",
    "FAMILY_SPOUSE",
    "FAMILY_CHILD",
    "FAMILY_OTHER",
    "DEPENDANT",
    "PROT_REFUGEE",
    "PROT_SUBSIDIARY",
    "PROT_TEMPORARY",
    "HUMANITARIAN",
    "PERMANENT",
    "LTR_EU",
    "CITIZEN_EES_RIGHT",
    "ASYLUM_APPLICANT",
    "PROTECTED_CASE",
];

pub const PURPOSES: &[&str] = &["permit_control", "payment_control", "follow_up"];

const DOCUMENT_KINDS: &[&str] = &["P", "RD", "FP", "UT"];

/// The codes that a column may hold; `None` where the list is open.
pub fn closed_list(table: TableId, column: &str) -> Option<&'static [&'static str]> {
    use TableId::*;
    Some(match (table, column) {
        (Permits | Applications, "permit_class") => PERMIT_CLASSES,
        (Permits, "end_kind") => &["replaced", "revoked", "annulled"],
        (Permits, "work_right") => &["none", "any", "employer", "occupation"],
        (Applications, "outcome") => &["granted", "refused", "withdrawn"],
        (Statuses, "status_kind") => &["refugee", "subsidiary", "temporary"],
        (Documents, "kind") | (Border, "doc_kind") => DOCUMENT_KINDS,
        (Identities, "number_kind") => &["personal", "coordination"],
        (Identities, "level") => &["proven", "probable", "unsure"],
        // AN other reason, AS and TA technical: in the register's list, of no meaning to any rule.
        (Population, "dereg_code") => &["UV", "OB", "AV", "FI", "GN", "GS", "AN", "AS", "TA"],
        (Population, "civil_status") => &["OG", "G", "Ä", "S", "RP", "SP", "EP"],
        (Border, "direction") => &["exit", "entry", "seen"],
        (Payments, "kind") => &["salary", "benefit", "allowance"],
        (Payments, "basis") => &["residence", "work", "student", "reception"],
        (Studies, "kind") => &[
            "admitted",
            "fee_paid",
            "registered",
            "re_registered",
            "withdrawn_registration",
            "no_show",
            "returned_offer",
            "interrupted",
            "leave_granted",
            "leave_ended",
            "deferred",
            "exchange_out",
            "doctoral_employment",
            "result",
            "degree",
        ],
        (Studies, "level") => &["first", "second", "doctoral", "other"],
        (Notices, "kind") => &[
            "employment_start",
            "employment_end",
            "terms_worse",
            "state_service_abroad",
            "violence",
            "tip",
            "travel_reason",
            "home_visit_excused",
            "court_notice",
            "identity_confirmed",
        ],
        (Notices, "allegation") => &[
            "not_working",
            "other_employer",
            "sham_employment",
            "not_studying",
            "sham_relationship",
            "abroad",
            "home_country_travel",
            "identity",
            "benefit",
            "other",
        ],
        (Employers, "payer_kind") => &["normal", "insurer", "public_payer", "payroll"],
        _ => return None,
    })
}

/// Columns that hold ISO 3166-1 alpha-3 codes: three capitals (XXA to XXX stand for stateless and unknown).
pub fn is_country_column(column: &str) -> bool {
    matches!(
        column,
        "country" | "tested_country" | "foreign_country" | "doc_issuer" | "citizenships" | "citizenships_at_grant"
    )
}

pub fn is_country(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ColumnType;

    /// A list for a column that was renamed would check nothing.
    #[test]
    fn every_list_belongs_to_a_code_column() {
        let listed: usize = TableId::ALL
            .into_iter()
            .flat_map(|table| table.def().columns.iter().map(move |column| (table, column)))
            .filter(|(table, column)| closed_list(*table, column.name).is_some() && column.ty == ColumnType::Code)
            .count();
        assert_eq!(listed, 20);
        let countries = TableId::ALL
            .into_iter()
            .flat_map(|table| table.def().columns)
            .filter(|column| is_country_column(column.name))
            .count();
        assert_eq!(countries, 7);
    }

    #[test]
    fn countries_are_three_capitals() {
        assert!(is_country("SWE") && is_country("XXA"));
        assert!(!is_country("SE") && !is_country("swe") && !is_country("ÅÄÖ"));
    }
}

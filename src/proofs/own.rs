//! The texts that the program was made with, to hold the directory's against. Whether a text must be the same follows in `fixed`.

/// A text of the program's own: its name, and the file as it was.
pub type Own = (&'static str, &'static str);

macro_rules! texts {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../queries/", $folder, $name, ".sql")))),*]
    };
}

// A test holds these lists against the directories.
pub const VIEWS: &[Own] = texts! {
    "views/":
        "cancellers", "carriers", "corroborations", "departures", "deregistrations", "earlier_border",
        "earlier_excuses", "earlier_notices", "earlier_pay", "earlier_presence", "earlier_statuses",
        "earlier_studies", "full_salary_months", "idle_months", "indications", "last_held", "later_signs",
        "other_applications", "pay_records", "permit_chains", "permit_months", "permit_spells",
        "permitted_employers", "population_posts", "protected_anchors", "presence", "rights", "salaries", "salary_means",
        "salary_months", "salary_requirements", "status_visits", "study_exemptions", "study_periods",
        "study_registrations", "study_stops", "visits", "whole_permits", "work_rights",
};

pub const LINKS: &[Own] = texts! {
    "links/":
        "anchor_applications", "anchor_permits", "anchor_population", "employer_indications",
        "employer_permits", "identifier_holders", "shared_identifiers",
};

pub const RULES: &[Own] = texts! {
    "":
        "allowance-with-income", "anchor-permit-lost", "benefit-after-emigration", "blue-card-salary-low",
        "blue-card-unemployment", "declarations-backfilled", "employer-breach-cluster", "employer-mismatch",
        "employment-ended", "false-or-duplicate-identity", "family-tie-ended", "identity-changed",
        "ltr-absence-limit", "no-arrival-after-grant", "payment-after-permit-end",
        "permanent-permit-emigrated", "protected-home-passport", "protected-home-travel",
        "protected-new-nationality", "revocation-unserved", "salary-below-floor", "salary-below-offered",
        "salary-drop", "seasonal-limit", "serious-crime-notice", "study-interrupted", "study-low-progress",
        "study-not-registered", "study-purpose-drift", "temporary-permit-deregistered", "work-not-started",
        "work-without-right",
};

/// The query of what stands, and that which makes tables of recorded feeds.
pub const FRAMES: &[Own] = texts! { "": "standing", "tables", "duckdb" };

/// What columns, codes and permit classes are called.
pub const WORDS: &str = include_str!("../../queries/words.toml");
pub const COVERAGE: &str = include_str!("../../queries/coverage.toml");
/// The thresholds that the law sets, with their dates.
pub const PARAMETERS: &str = include_str!("../../queries/parameters.csv");

/// The text of this name.
pub fn of(texts: &[Own], name: &str) -> Option<&'static str> {
    texts.iter().find(|(own, _)| *own == name).map(|(_, file)| *file)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_text_of_the_directory_is_listed() {
        let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        let in_folder = |folder: &str| -> BTreeSet<String> {
            let files = std::fs::read_dir(queries.join(folder)).unwrap();
            let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            names.filter_map(|name| name.strip_suffix(".sql").map(ToOwned::to_owned)).collect()
        };
        let listed =
            |texts: &[&[Own]]| texts.concat().iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(listed(&[VIEWS]), in_folder("views"));
        assert_eq!(listed(&[LINKS]), in_folder("links"));
        assert_eq!(listed(&[RULES, FRAMES]), in_folder(""));
    }
}

//! Codes of states (ISO 3166-1 alpha-3, with the codes that travel documents add), and which states succeeded others.
//!
//! ISO 3166-3 lists the codes that are no longer used. If the whole state got another code (Burma, Zaire), the two are the same
//! state; if the state was divided (Yugoslavia, the Soviet Union), the old code may be any of its successors.

/// Codes that are no state: stateless (XXA), refugees (XXB, XXC), unspecified (XXX), and travel papers of the UN in Kosovo (UNK).
const NO_STATE: [&str; 5] = ["XXA", "XXB", "XXC", "XXX", "UNK"];

/// A code that is no longer used (ISO 3166-3; ROM, RKS and XKK from practice) and the codes of the state's successors.
const FOLLOWED: [(&str, &[&str]); 33] = [
    ("AFI", &["DJI"]),
    ("ANT", &["ABW", "BES", "CUW", "NLD", "SXM"]),
    ("ATB", &["ATA"]),
    ("ATN", &["ATA"]),
    ("BUR", &["MMR"]),
    ("BYS", &["BLR"]),
    ("CSK", &["CZE", "SVK"]),
    ("CTE", &["KIR"]),
    ("DDR", &["DEU"]),
    ("DHY", &["BEN"]),
    ("FXX", &["FRA"]),
    ("GEL", &["KIR", "TUV"]),
    ("HVO", &["BFA"]),
    ("JTN", &["UMI"]),
    ("MID", &["UMI"]),
    ("NHB", &["VUT"]),
    ("NTZ", &["IRQ", "SAU"]),
    ("PCI", &["FSM", "MHL", "MNP", "PLW"]),
    ("PCZ", &["PAN"]),
    ("PUS", &["UMI"]),
    ("RHO", &["ZWE"]),
    ("RKS", &["XKX"]),
    ("ROM", &["ROU"]),
    ("SCG", &["MNE", "RKS", "SRB", "XKK", "XKX"]),
    ("SKM", &["IND"]),
    (
        "SUN",
        &[
            "ARM", "AZE", "BLR", "BYS", "EST", "GEO", "KAZ", "KGZ", "LTU", "LVA", "MDA", "RUS", "TJK", "TKM", "UKR",
            "UZB",
        ],
    ),
    ("TMP", &["TLS"]),
    ("VDR", &["VNM"]),
    ("WAK", &["UMI"]),
    ("XKK", &["XKX"]),
    ("YMD", &["YEM"]),
    ("YUG", &["BIH", "HRV", "MKD", "MNE", "RKS", "SCG", "SRB", "SVN", "XKK", "XKX"]),
    ("ZAR", &["COD"]),
];

pub(super) fn is_state(code: &str) -> bool {
    !NO_STATE.contains(&code)
}

fn followers(code: &str) -> &'static [&'static str] {
    FOLLOWED.iter().find(|(old, _)| *old == code).map_or(&[], |(_, new)| new)
}

/// 2: the same state; 1: one is one of several successors of the other; 0: different states, or no state.
pub(super) fn sameness(left: &str, right: &str) -> i64 {
    if !is_state(left) || !is_state(right) {
        return 0;
    }
    if left == right {
        return 2;
    }
    let after = |old: &str, new: &str| {
        let followers = followers(old);
        followers.contains(&new).then_some(if followers.len() == 1 { 2 } else { 1 })
    };
    after(left, right).or_else(|| after(right, left)).unwrap_or(0)
}

pub(super) fn holds(citizenships: &[&str], state: &str) -> bool {
    citizenships.iter().any(|held| sameness(held, state) > 0)
}

/// How citizenships have changed: `lost` (or replaced), `added`, `same`; `None` if either list names no state.
pub(super) fn change(now: &[&str], before: &[&str]) -> Option<&'static str> {
    let states = |list: &[&str]| list.iter().any(|code| is_state(code));
    if !states(now) || !states(before) {
        return None;
    }
    let missing = |from: &[&str], among: &[&str]| from.iter().any(|code| is_state(code) && !holds(among, code));
    Some(match (missing(before, now), missing(now, before)) {
        (true, _) => "lost",
        (false, true) => "added",
        (false, false) => "same",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_that_have_ceased_equal_those_that_followed() {
        assert_eq!([("SYR", "SYR"), ("ZAR", "COD"), ("DEU", "DDR")].map(|(a, b)| sameness(a, b)), [2, 2, 2]);
        assert_eq!(
            [("YUG", "SRB"), ("HRV", "YUG"), ("SCG", "YUG"), ("SUN", "UKR")].map(|(a, b)| sameness(a, b)),
            [1; 4]
        );
        assert_eq!(
            [("SRB", "HRV"), ("RUS", "UKR"), ("XXX", "XXX"), ("XXA", "SYR")].map(|(a, b)| sameness(a, b)),
            [0; 4]
        );
    }

    #[test]
    fn what_became_of_citizenships() {
        let of = |now: &[&str], before: &[&str]| change(now, before);
        assert_eq!(of(&["AFG", "RUS"], &["AFG"]), Some("added"));
        assert_eq!(of(&["RUS"], &["AFG"]), Some("lost"));
        assert_eq!(of(&["AFG"], &["AFG", "RUS"]), Some("lost"));
        assert_eq!(of(&["RUS", "AFG"], &["AFG", "RUS", "AFG"]), Some("same"));
        assert_eq!(of(&["SRB", "MNE"], &["YUG"]), Some("same"));
        assert_eq!(of(&["SRB"], &["YUG", "XXX"]), Some("same"));
        for none in [&[][..], &["XXA"], &["XXB"], &["XXC"], &["XXX"], &["UNK", "XXA"]] {
            assert_eq!([of(none, &["AFG"]), of(&["AFG"], none)], [None; 2], "{none:?}");
        }
    }

    #[test]
    fn the_list_is_in_order_and_whole() {
        assert!(FOLLOWED.is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(FOLLOWED.iter().all(|(_, new)| !new.is_empty() && new.is_sorted()));
    }

    #[test]
    fn the_macros_of_duckdb_have_the_same_lists() {
        let list = |codes: &[&str]| codes.iter().map(|code| format!("'{code}'")).collect::<Vec<_>>().join(", ");
        let rows: String =
            FOLLOWED.iter().map(|(old, new)| format!("\n    WHEN '{old}' THEN [{}]", list(new))).collect();
        let macros = format!(
            "CREATE MACRO followers(c) AS CASE c{rows}\n    ELSE [] END;\nCREATE MACRO is_state(c) AS c NOT IN ({});\n",
            list(&NO_STATE)
        );
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/queries/duckdb.sql");
        let file = std::fs::read_to_string(path).unwrap();
        assert!(file.contains(&macros), "queries/duckdb.sql needs these in place of its own:\n{macros}");
    }
}

//! Citizenships, as far as two lists of them can be told apart.

/// Stateless, refugees, unknown: no citizenship.
const NONE: &[&str] = &["XXA", "XXB", "XXC", "XXX", "UNK"];

/// States that have ceased, with those that came after them.
const CEASED: &[(&str, &[&str])] = &[
    ("YUG", &["BIH", "HRV", "MKD", "MNE", "SCG", "SRB", "SVN", "RKS", "XKX"]),
    ("SCG", &["MNE", "SRB", "RKS", "XKX"]),
    ("SUN", &["ARM", "AZE", "BLR", "EST", "GEO", "KAZ", "KGZ", "LTU", "LVA", "MDA", "RUS", "TJK", "TKM", "UKR", "UZB"]),
    ("CSK", &["CZE", "SVK"]),
    ("ZAR", &["COD"]),
    ("BUR", &["MMR"]),
    ("DDR", &["DEU"]),
    ("ANT", &["ABW", "BES", "CUW", "NLD", "SXM"]),
];

/// What of a list names a state.
pub fn states(list: Option<&Vec<String>>) -> Vec<&str> {
    list.into_iter().flatten().map(String::as_str).filter(|code| !NONE.contains(code)).collect()
}

pub fn same(a: &str, b: &str) -> bool {
    let follows = |old: &str, new: &str| CEASED.iter().any(|(ceased, after)| *ceased == old && after.contains(&new));
    a == b || follows(a, b) || follows(b, a)
}

/// States of `these` that are none of `those`.
pub fn beyond<'a>(these: &[&'a str], those: &[&str]) -> Vec<&'a str> {
    these.iter().copied().filter(|code| !those.iter().any(|other| same(code, other))).collect()
}

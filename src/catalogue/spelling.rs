//! Finds known names that are spelled like an unknown one.

use datafusion::common::utils::datafusion_strsim::levenshtein;

/// Up to three of `candidates` that are spelled like `name`, nearest first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(1);
    let distance = |candidate: &str| {
        // A name within the other counts as near, however long the rest is: `salary` and `salary_months`.
        let part = name.len() >= 4 && candidate.len() >= 4 && (candidate.contains(&name) || name.contains(candidate));
        levenshtein(&name, &candidate.to_lowercase()).min(if part { limit } else { usize::MAX })
    };
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// "did you mean a, b or c?", or nothing.
pub fn did_you_mean(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("did you mean {one}?"),
        [most @ .., last] => format!("did you mean {} or {last}?", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first() {
        let names = ["payments", "permits", "payments_history", "days"];
        assert_eq!(nearest("paymnts", names), ["payments"]);
        assert_eq!(nearest("payment", names), ["payments", "payments_history"]);
        assert!(nearest("zebra", names).is_empty());
    }
}

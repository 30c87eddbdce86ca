//! How far back a rule needs a table, as its header says: `horizon = { border = "P24M" }`.
//!
//! Only whole months and years: history is cut at the first day of a month.

use crate::model::schema::TableId;

/// Months of `P<n>M`, `P<n>Y` or `P<n>Y<n>M`.
pub fn months(duration: &str) -> Option<u32> {
    let rest = duration.strip_prefix('P')?;
    let number = |text: &str| -> Option<u32> {
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let (years, rest) = match rest.split_once('Y') {
        Some((years, rest)) => (number(years)?, rest),
        None => (0, rest),
    };
    let months = match rest.strip_suffix('M') {
        Some(months) => number(months)?,
        None if rest.is_empty() && duration.ends_with('Y') => 0,
        None => return None,
    };
    let all = years.checked_mul(12)?.checked_add(months)?;
    (all > 0).then_some(all)
}

/// What is wrong with an entry of the header.
pub fn problem(table: &str, duration: &str) -> Option<String> {
    let Some(known) = TableId::from_name(table) else {
        return Some(format!("horizon names \"{table}\", which is no table of persons"));
    };
    if !known.is_person() {
        return Some(format!("horizon names \"{table}\", which has no persons: it is never cut"));
    }
    if known.def().feed == crate::model::schema::Feed::Permits {
        return Some(format!("horizon names \"{table}\", of the feed permits, which is never cut"));
    }
    if months(duration).is_none() {
        return Some(format!("horizon of \"{table}\" is \"{duration}\"; write months or years, such as P24M or P2Y"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_months_and_years() {
        assert_eq!(months("P24M"), Some(24));
        assert_eq!(months("P2Y"), Some(24));
        assert_eq!(months("P1Y6M"), Some(18));
        for wrong in ["", "P", "24M", "P24", "P0M", "PM", "P1.5Y", "P30D", "P1M1Y", "P99999999999M", "P-1M", "P+1M"] {
            assert_eq!(months(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_tables_that_are_cut() {
        assert_eq!(problem("border", "P24M"), None);
        for (table, duration) in
            [("boarder", "P24M"), ("employers", "P24M"), ("permits", "P24M"), ("border", "2 years")]
        {
            assert!(problem(table, duration).is_some(), "{table} {duration}");
        }
    }
}

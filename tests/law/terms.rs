//! The academic terms: everybody's calendar.

use crate::calendar::Day;
use crate::facts::{Fact, Group, Op, Record, Term};
use crate::people::EARLY;

const TERMS: [(&str, &str, &str); 12] = [
    ("2022VT", "2022-01-17", "2022-06-05"),
    ("2022HT", "2022-08-29", "2023-01-15"),
    ("2023VT", "2023-01-16", "2023-06-04"),
    ("2023HT", "2023-08-28", "2024-01-14"),
    ("2024VT", "2024-01-15", "2024-06-02"),
    ("2024HT", "2024-09-02", "2025-01-19"),
    ("2025VT", "2025-01-20", "2025-06-08"),
    ("2025HT", "2025-09-01", "2026-01-18"),
    ("2026VT", "2026-01-19", "2026-06-07"),
    ("2026HT", "2026-08-31", "2027-01-17"),
    ("2027VT", "2027-01-18", "2027-06-06"),
    ("2027HT", "2027-08-30", "2028-01-16"),
];

/// First and last days, in order.
pub fn terms() -> Vec<(Day, Day)> {
    TERMS.iter().map(|(_, from, to)| (Day::parse(from), Day::parse(to))).collect()
}

/// Every person sees every term.
pub fn tell(group: &mut Group) {
    for (term, from, to) in TERMS {
        let known = group.reference.iter().any(|record| record.key == term);
        if !known {
            let fact = Term { term: term.into(), starts_on: Day::parse(from), ends_on: Day::parse(to) };
            let record = Record {
                key: term.into(),
                version: 1,
                op: Op::Upsert,
                known: EARLY.at_hour(3),
                fact: Fact::Term(fact),
            };
            group.reference.push(record);
        }
    }
}

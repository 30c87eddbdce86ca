//! R27, reception allowance beside an income (LMA 17 §, 8 §): a month with allowance and 1,000 kronor or more of salary that was not
//! reported and deducted. Weak at once, medium with the second month, over all of the person's cases, when its declarations are complete.
//! Allowance for a time more than 31 days after a permit was granted is medium; after a departure or death strong.

use crate::calendar::{Day, agi_complete};
use crate::facts::{Known, Payment, Seen};
use crate::pay::gross;
use crate::rights::{Canceller, posts_in_force};
use crate::rules::{Finding, Rule, Severity};

const CLASSES: &[&str] = &["ASYLUM_APPLICANT", "PROT_TEMPORARY"];
const LEAST_SEK: i64 = 1_000;

pub const RULE: Rule = Rule {
    number: "R27",
    id: "allowance-with-income",
    classes: CLASSES,
    survives: &[Canceller::PermitEnded, Canceller::Deceased],
    on_day,
};

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    let allowances: Vec<&Seen<Payment>> =
        p.payments.iter().filter(|pay| pay.kind == "allowance" && pay.amount_sek > 0).collect();
    // Months with an income that was not reported.
    let mut months: Vec<Day> = allowances
        .iter()
        .filter(|pay| pay.reported_income != Some(true) && gross(p, pay.month) >= LEAST_SEK)
        .map(|pay| pay.month)
        .collect();
    months.sort();
    months.dedup();
    let complete = months.iter().filter(|month| day >= agi_complete(**month)).count();
    if let Some(&last) = months.last()
        && let Some(subject) = case(p, last)
    {
        let severity = if complete >= 2 { Severity::Medium } else { Severity::Weak };
        out.push(Finding { subject, severity });
    }
    for pay in &allowances {
        let from = pay.period_from.unwrap_or(pay.month);
        let Some(subject) = case(p, pay.month) else { continue };
        let granted = p.permits.iter().filter(|permit| permit.permit_class != "ASYLUM_APPLICANT");
        let granted = granted.filter_map(|permit| permit.decided_on).min();
        if granted.is_some_and(|granted| from > granted + 31) {
            out.push(Finding { subject: subject.clone(), severity: Severity::Medium });
        }
        let gone = posts_in_force(p)
            .iter()
            .any(|post| matches!(post.dereg_code, Some("UV" | "AV")) && post.dereg_on.unwrap_or(post.event_on) < from);
        if gone {
            out.push(Finding { subject, severity: Severity::Strong });
        }
    }
    out
}

/// The case or permit under which a month's allowance was paid: the last of its kind that had begun.
fn case(p: &Known<'_>, month: Day) -> Option<String> {
    let begun = p.permits.iter().filter(|permit| CLASSES.contains(&permit.permit_class));
    let begun = begun.filter(|permit| permit.valid_from <= month.month_end());
    begun.max_by_key(|permit| permit.valid_from).map(|permit| permit.permit_id.clone())
}

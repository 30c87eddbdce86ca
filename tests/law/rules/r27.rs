//! R27, reception allowance beside an income (LMA 17 §, 8 §): a month with allowance and 1,000 kronor or more of salary that was not
//! reported and deducted. From the second month on, over all of the person's
//! cases: weak at once, medium when the declarations for two are complete.
//! Allowance for a time more than 31 days after a permit was granted is medium; after a departure or death strong.

use crate::calendar::{Day, agi_complete};
use crate::facts::{Known, Payment, Permit, Seen};
use crate::pay::gross;
use crate::rights::{Canceller, cancellers, posts_in_force};
use crate::rules::{Finding, Rule, Severity};

const CLASSES: &[&str] = &["ASYLUM_APPLICANT", "PROT_TEMPORARY"];
const LEAST_SEK: i64 = 1_000;

pub const RULE: Rule = Rule {
    number: "R27",
    id: "allowance-with-income",
    classes: &[],
    survives: &[Canceller::PermitEnded, Canceller::Deceased],
    on_day,
};

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    // Who has died is told about for what was paid since.
    let dead = cancellers(p, day).contains(&Canceller::Deceased);
    let allowances: Vec<&Seen<Payment>> =
        p.payments.iter().filter(|pay| pay.kind == "allowance" && pay.amount_sek > 0).collect();
    // Months with an income that was not reported.
    let mut months: Vec<Day> = allowances
        .iter()
        .filter(|pay| pay.reported_income != Some(true) && gross(p, pay.month) >= LEAST_SEK)
        // In the first month it may be pay in arrears, for work before the allowance.
        .filter(|pay| allowances.iter().any(|before| before.month == pay.month.add_months(-1)))
        .map(|pay| pay.month)
        .collect();
    months.sort();
    months.dedup();
    // Told of each case in which the second month, or a later one, falls.
    for &month in months.iter().skip(1).filter(|_| !dead) {
        if let Some(subject) = case(p, month) {
            let severity = if day >= agi_complete(month) { Severity::Medium } else { Severity::Weak };
            out.push(Finding { subject, severity });
        }
    }
    for pay in &allowances {
        let from = pay.period_from.unwrap_or(pay.month);
        // Whom a permit has been granted to, other than one of those whom the allowance is for.
        let granted = p.holdings.iter().filter(|holding| !CLASSES.contains(&p.permits[holding.permit].permit_class));
        let granted = granted.min_by_key(|holding| holding.decided_on.unwrap_or(holding.valid_from));
        if let Some(granted) =
            granted.filter(|granted| !dead && from > granted.decided_on.unwrap_or(granted.valid_from) + 31)
        {
            let subject = p.permits[granted.permit].permit_id.clone();
            out.push(Finding { subject, severity: Severity::Medium });
        }
        let gone = posts_in_force(p).iter().any(|post| {
            matches!(post.dereg_code, Some("UV" | "AV"))
                && (!dead || post.dereg_code == Some("AV"))
                && post.dereg_on.unwrap_or(post.event_on) < from
        });
        let begun = p.permits.iter().filter(|permit| permit.valid_from <= from);
        if gone && let Some(last) = begun.max_by_key(|permit| permit.valid_from) {
            let subject = last.permit_id.clone();
            out.push(Finding { subject, severity: Severity::Strong });
        }
    }
    out
}

/// The case or permit under which a month's allowance was paid: the last of their kind that had begun, unless another came after it, be
/// it on the month's first day.
fn case(p: &Known<'_>, month: Day) -> Option<String> {
    let of_kind = |permit: &Permit| CLASSES.contains(&permit.permit_class);
    let begun =
        p.permits.iter().filter(|permit| permit.valid_from <= if of_kind(permit) { month.month_end() } else { month });
    let last = begun.max_by_key(|permit| permit.valid_from)?;
    of_kind(last).then(|| last.permit_id.clone())
}

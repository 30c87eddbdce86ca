//! R26: a payment for a time after the permit ended.
//!
//! "entitlement period start > revocation laga_kraft (or expiry without timely application) + 31 d. cancel: continued if extension
//! applied in time, inhibition, new permit."

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::Known;
use crate::rights::Canceller;

pub const RULE: Rule =
    Rule { number: "R26", id: "payment-after-permit-end", classes: &[], survives: &[Canceller::PermitEnded], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, holding) in p.holdings.iter().enumerate() {
        let permit = &p.permits[holding.permit];
        let goes_on = p.holdings.get(at + 1).is_some_and(|next| next.right == holding.right);
        let end = match permit.end_kind {
            Some("revoked") => permit.revoked_final_on,
            _ if goes_on => None,
            _ => holding.carries_until,
        };
        let Some(end) = end.filter(|_| permit.inhibited != Some(true)) else { continue };
        for payment in p.payments.iter().filter(|pay| pay.kind == "benefit" && pay.basis == Some("residence")) {
            let from = payment.period_from.unwrap_or(payment.month);
            let new_permit = p.holdings[at + 1..].iter().any(|next| next.valid_from <= day);
            if from > end + 31 && from <= day && !new_permit {
                out.push(p.finding(holding, Severity::Medium));
            }
        }
    }
    out
}

//! R25: a benefit that asks for residence, for a time after the move abroad.
//!
//! "residence-based payment whose entitlement period starts >7 d after UV", medium; not after the return.

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::Known;
use crate::register::{gone, in_state_service};
use crate::rights::Canceller;

pub const RULE: Rule =
    Rule { number: "R25", id: "benefit-after-emigration", classes: &[], survives: &[Canceller::PermitEnded], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for gone in gone(p) {
        let Some(moved) = gone.moved().filter(|moved| !in_state_service(p, moved.on, 7)) else { continue };
        // The permit of that right which began last, or the last one before; also when it has ended.
        let begun = || p.holdings.iter().filter(|h| h.valid_from <= day);
        let holding =
            begun().rfind(|h| h.right_covers(moved.on)).or_else(|| begun().rfind(|h| h.valid_from <= moved.on));
        let first = || begun().rfind(|h| h.right == 0);
        let Some(holding) = holding.or_else(first) else { continue };
        for payment in p.payments.iter().filter(|pay| pay.kind == "benefit" && pay.basis == Some("residence")) {
            let from = payment.period_from.unwrap_or(payment.month);
            let after = from > moved.on + 7 && gone.back_on.is_none_or(|back| from < back);
            if after && from <= day && !holding.settles_event(from.max(moved.on), payment.first_known.max(moved.known))
            {
                out.push(p.finding(holding, Severity::Medium));
            }
        }
    }
    out
}

//! R15: holder of a permanent permit moved abroad.
//!
//! "Navet avregistrering UV with date t; wait 30 d for correction; if keep_notice before, deadline t+2 y; fire strong. cancel:
//! re-registration, citizenship, posted in state service; LTR status (lower)."

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::Known;
use crate::register::{gone, in_state_service};

pub const RULE: Rule =
    Rule { number: "R15", id: "permanent-permit-emigrated", classes: &["PERMANENT"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    let long_term = p.holdings.iter().any(|h| p.permits[h.permit].permit_class == "LTR_EU" && h.holds(day));
    for holding in p.carrying(day, &["PERMANENT"]) {
        let permit = &p.permits[holding.permit];
        for gone in gone(p).iter().filter(|gone| gone.stands(day)) {
            let Some(moved) = gone.moved().filter(|moved| !in_state_service(p, moved.on, 30)) else { continue };
            if !holding.right_covers(moved.on) || holding.settles_event(moved.on, moved.known) {
                continue;
            }
            // The register has thirty days to correct what it has said.
            let deadline = if permit.keep_notice_on.is_some() {
                moved.on.add_months(24)
            } else {
                moved.on.max(moved.known.day()) + 30
            };
            if day >= deadline {
                out.push(p.finding(holding, if long_term { Severity::Medium } else { Severity::Strong }));
            }
        }
    }
    out
}

//! R17: a long-term resident's absence.
//!
//! "UV with foreign address outside EU and no presence signal (AGI, study, Swedish address, payment to Swedish residence) for 12
//! months; or 6 years outside Sweden. weak always."

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::Known;
use crate::register::gone;

pub const RULE: Rule = Rule { number: "R17", id: "ltr-absence-limit", classes: &["LTR_EU"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, &["LTR_EU"]) {
        for gone in gone(p).iter().filter(|gone| gone.stands(day)) {
            let Some(moved) = gone.moved() else { continue };
            if !holding.right_covers(moved.on) || holding.settles_event(moved.on, moved.known) {
                continue;
            }
            let months = if moved.in_eu == Some(false) { 12 } else { 72 };
            // From the last sign on: what counts is an unbroken absence.
            let since = signs(p, day).into_iter().filter(|sign| *sign >= moved.on).max().unwrap_or(moved.on);
            if day >= since.add_months(months) {
                out.push(p.finding(holding, Severity::Weak));
            }
        }
    }
    out
}

/// Days on which the feeds show the person in Sweden, up to a day.
fn signs(p: &Known<'_>, day: Day) -> Vec<Day> {
    let journeys = p.border.iter().filter(|b| b.direction == "entry").map(|b| b.observed_on);
    let payments = p.payments.iter().filter(|pay| pay.kind != "benefit" || pay.basis == Some("residence"));
    let payments = payments.map(|pay| pay.period_to.or(pay.paid_on).unwrap_or(pay.month.month_end()));
    let studies = p.studies.iter().filter(|s| matches!(s.kind, "registered" | "re_registered" | "result"));
    journeys.chain(payments).chain(studies.map(|s| s.event_on)).filter(|sign| *sign <= day).collect()
}

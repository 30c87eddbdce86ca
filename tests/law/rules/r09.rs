//! R09, the season is over (UtlL 6 c kap. 9 §): more days with a seasonal permit than the limit within any 365 days, from the day that
//! passes it; the limit of that day, but never a stricter one than at the application. Or pay from the season's employer for a month that
//! begins more than 31 days after the permit's end: weak at once, medium when the month's declarations are complete.

use crate::calendar::{Day, agi_complete};
use crate::facts::Known;
use crate::pay::{parameter, permitted};
use crate::rights::Canceller;
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule =
    Rule { number: "R09", id: "seasonal-limit", classes: &["SEASONAL"], survives: &[Canceller::PermitEnded], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = days(p, day);
    out.extend(work(p, day));
    out
}

fn days(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let seasonal: Vec<_> = p.holdings.iter().filter(|h| p.permits[h.permit].permit_class == "SEASONAL").collect();
    let mut out = Vec::new();
    for holding in &seasonal {
        if !holding.carries(day) {
            continue;
        }
        let permit = &p.permits[holding.permit];
        let applied = permit.application_on.unwrap_or(holding.valid_from);
        let last = holding.held_until.map_or(day, |until| until.min(day));
        let mut passes = holding.valid_from;
        while passes <= last {
            // Days with a permit in the 365 that end with this one.
            let from = passes - 364;
            let held: i32 = seasonal
                .iter()
                .map(|h| (h.held_until.map_or(passes, |u| u.min(passes)) - h.valid_from.max(from) + 1).max(0))
                .sum();
            let limit = parameter("seasonal_days", passes).max(parameter("seasonal_days", applied)).unwrap_or(0);
            if i64::from(held) > limit {
                out.push(Finding { subject: permit.permit_id.clone(), severity: Severity::Medium });
                break;
            }
            passes = passes + 1;
        }
    }
    out
}

fn work(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        let Some(until) = holding.carries_until.filter(|_| permit.permit_class == "SEASONAL") else { continue };
        let allowed = permitted(p, &permit.permit_id, Day(0), Day(i32::MAX));
        for (&month, payers) in &p.salaries {
            let paid = payers.iter().any(|(payer, paid)| *paid > 0 && allowed.contains(payer));
            let another = p
                .holdings
                .iter()
                .any(|other| other.valid_from > holding.valid_from && other.valid_from <= month.month_end());
            // A permit granted since could weigh what was known of it.
            let of_it = p.payments.iter().filter(|pay| pay.kind == "salary" && pay.month == month);
            let known = of_it.map(|pay| pay.first_known.day()).max();
            let mut since = p.holdings.iter().filter(|since| since.valid_from > month.month_end());
            let weighed = since.any(|since| known <= Some(since.decided_on.unwrap_or(since.valid_from)));
            if paid && month - until > 31 && !another && !weighed {
                let severity = if day >= agi_complete(month) { Severity::Medium } else { Severity::Weak };
                out.push(Finding { subject: permit.permit_id.clone(), severity });
            }
        }
    }
    out
}

//! R03, unemployment under an EU Blue Card (UtlL 6 a kap. 12 §): more than three months without pay in all, more than six once the
//! card has been held for two years. Full months of the right, declared and not excused; they need not follow one another.

use crate::calendar::{Day, agi_complete};
use crate::facts::Known;
use crate::pay::{can_be_judged, gross, is_excused};
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule =
    Rule { number: "R03", id: "blue-card-unemployment", classes: &["BLUE_CARD"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if permit.permit_class != "BLUE_CARD" {
            continue;
        }
        let mut idle = 0;
        let mut breached = false;
        let mut unsettled = false;
        for own in p.holdings.iter().filter(|own| own.right == holding.right && own.valid_from <= holding.valid_from) {
            if p.permits[own.permit].permit_class != "BLUE_CARD" {
                continue;
            }
            let mut month = own.valid_from.month();
            while agi_complete(month) <= day {
                let whole = month >= own.valid_from && own.held_until.is_none_or(|until| month.month_end() <= until);
                if whole && gross(p, month) <= 0 && !is_excused(p, month) && can_be_judged(p, month) {
                    idle += 1;
                    unsettled |= !holding.settles(agi_complete(month).start());
                    let long = month.month_end() >= holding.right_from.add_months(24);
                    breached |= idle > if long { 6 } else { 3 };
                }
                month = month.add_months(1);
            }
        }
        if breached && unsettled {
            out.push(Finding { subject: permit.permit_id.clone(), severity: Severity::Medium });
        }
    }
    out
}

//! R01, work not started within four months (UtlL 7 kap. 7 e § first paragraph 2): of a first work permit no pay and no notice of a
//! start from its first month to the one of the day four months later. Weak when the declarations for that month are all in, strong
//! a month later, for pay in arrears; at most weak where the card came more than two months late. An employer's bankruptcy within
//! the four months, and an excused month, explain it.

use crate::calendar::{Day, agi_complete};
use crate::facts::{Known, Permit, Seen};
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule = Rule { number: "R01", id: "work-not-started", classes: &["WORK_EMP"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if permit.permit_class != "WORK_EMP" || permit.first_grant != Some(true) {
            continue;
        }
        let limit = permit.valid_from.add_months(4);
        let weak_from = agi_complete(limit);
        if day < weak_from || started(p, permit, limit, day) || employer_bankrupt(p, permit, limit) {
            continue;
        }
        let card_late = permit.card_issued_on.is_some_and(|card| card > permit.valid_from.add_months(2));
        let strong = day >= agi_complete(limit.add_months(1)) && !card_late;
        let severity = if strong { Severity::Strong } else { Severity::Weak };
        out.push(Finding { subject: permit.permit_id.clone(), severity });
    }
    out
}

fn started(p: &Known<'_>, permit: &Seen<Permit>, limit: Day, day: Day) -> bool {
    let first = permit.valid_from.month();
    p.payments.iter().any(|pay| pay.kind == "salary" && pay.amount_sek > 0 && pay.month >= first)
        || p.notices.iter().any(|notice| notice.kind == "employment_start" && notice.event_on <= day)
        || p.excused.iter().any(|excused| first <= excused.month && excused.month <= limit.month())
}

fn employer_bankrupt(p: &Known<'_>, permit: &Seen<Permit>, limit: Day) -> bool {
    let allowed = p.permit_employers.iter().filter(|employer| employer.permit_id == permit.permit_id);
    allowed
        .filter_map(|employer| p.group.employers.get(&employer.employer_id)?.bankrupt_on)
        .any(|bankrupt| bankrupt < limit)
}

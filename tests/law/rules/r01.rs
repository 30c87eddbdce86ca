//! R01, work not started within four months (UtlL 7 kap. 7 e § first paragraph 2): of a first work permit no pay and no notice of a
//! start from its first month to the one of the day four months later. Weak when the declarations for that month are all in, strong
//! a month later, for pay in arrears; at most weak where the card came more than two months late. An
//! employer's bankruptcy within the four months explains it, and so does an excused month, which is one of employment.

use crate::calendar::{Day, agi_complete};
use crate::facts::{Known, Permit, Seen};
use crate::pay::carried_by;
use crate::rules::{Finding, Rule, Severity};

pub const RULE: Rule = Rule { number: "R01", id: "work-not-started", classes: &["WORK_EMP"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for carrier in &p.holdings {
        let permit = &p.permits[carrier.permit];
        if permit.permit_class != "WORK_EMP" {
            continue;
        }
        // Its own, or that of a permit before it whose passing its decision could not weigh.
        let found = carried_by(p, carrier).filter_map(|own| {
            let (severity, since) = not_started(p, &p.permits[own.permit], day)?;
            (own.permit == carrier.permit || !carrier.settles(since.start())).then_some(severity)
        });
        if let Some(severity) = found.max() {
            out.push(Finding { subject: permit.permit_id.clone(), severity });
        }
    }
    out
}

fn not_started(p: &Known<'_>, permit: &Seen<Permit>, day: Day) -> Option<(Severity, Day)> {
    let limit = permit.valid_from.add_months(4);
    let weak_from = agi_complete(limit);
    let first = permit.first_grant == Some(true);
    if !first || day < weak_from || started(p, permit, limit) || employer_bankrupt(p, permit, limit) {
        return None;
    }
    let card_late = permit.card_issued_on.is_some_and(|card| card > permit.valid_from.add_months(2));
    let strong_from = agi_complete(limit.add_months(1));
    Some(if day >= strong_from && !card_late { (Severity::Strong, strong_from) } else { (Severity::Weak, weak_from) })
}

fn started(p: &Known<'_>, permit: &Seen<Permit>, limit: Day) -> bool {
    let (first, last) = (permit.valid_from.month(), limit.month().add_months(1));
    let mut pay = p.payments.iter().filter(|pay| pay.kind == "salary" && pay.amount_sek > 0);
    let mut notices = p.notices.iter().filter(|notice| notice.kind == "employment_start");
    let in_place = p.excused_months.range(first..=last).next().is_some();
    in_place || pay.any(|pay| first <= pay.month && pay.month <= last) || notices.any(|notice| notice.event_on <= limit)
}

fn employer_bankrupt(p: &Known<'_>, permit: &Seen<Permit>, limit: Day) -> bool {
    let allowed = p.permit_employers.iter().filter(|employer| employer.permit_id == permit.permit_id);
    allowed
        .filter_map(|employer| p.group.employers.get(&employer.employer_id)?.bankrupt_on)
        .any(|bankrupt| bankrupt < limit)
}

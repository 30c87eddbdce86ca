//! R07, another employer than the permit's (UtlL 6 kap. 2 a §, 6 a kap. 8 §): while the employer binds, in two of three months in a row
//! 5,000 kronor or more from an employer that the permit does not allow and nothing from one that it does: medium. Where the permitted
//! one paid as well in one of them: info.
//! A month without any pay says nothing of an employer: the last that says something is looked at with the two
//! before it, and what stood stands until a good one.

use crate::calendar::{At, Day, agi_complete};
use crate::facts::{Known, earlier};
use crate::pay::{carried_by, declared_enough, gross, is_excused, permitted};
use crate::rights::Holding;
use crate::rules::{Finding, Rule, Severity};

const CLASSES: &[&str] = &["WORK_EMP", "BLUE_CARD", "SEASONAL", "ICT"];
const LEAST_SEK: i64 = 5_000;

pub const RULE: Rule = Rule { number: "R07", id: "employer-mismatch", classes: CLASSES, survives: &[], on_day };

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    Mixed,
    Wrong,
}

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for carrier in &p.holdings {
        let permit = &p.permits[carrier.permit];
        if !CLASSES.contains(&permit.permit_class) {
            continue;
        }
        if let Some(severity) = breach(p, carrier, day) {
            out.push(Finding { subject: permit.permit_id.clone(), severity });
        }
    }
    out
}

/// What stands of the months under permits of this one's class and right, each beside what its own permit allows. Months elsewhere that
/// the decision on the permit could weigh raise nothing on it.
fn breach(p: &Known<'_>, carrier: &Holding, day: Day) -> Option<Severity> {
    let mut kinds: Vec<(Day, Kind)> = Vec::new();
    let mut standing = None;
    let mut elsewhere = At(0);
    for holding in carried_by(p, carrier) {
        let permit = &p.permits[holding.permit];
        let until = earlier(permit.tied_until, holding.held_until);
        let mut month = holding.valid_from.month();
        while agi_complete(month) <= day {
            let whole = month >= holding.valid_from && until.is_none_or(|until| month.month_end() <= until);
            if whole && let Some(kind) = kind(p, &permit.permit_id, month) {
                kinds.push((month, kind));
                let last = kinds.iter().filter(|(before, _)| *before >= month.add_months(-2)).map(|(_, kind)| *kind);
                let wrong = last.clone().filter(|kind| *kind == Kind::Wrong).count();
                let other = last.filter(|kind| *kind != Kind::Good).count();
                if kind != Kind::Good {
                    let of_it = p.payments.iter().filter(|pay| pay.kind == "salary" && pay.month == month);
                    let known = of_it.map(|pay| pay.first_known).max().unwrap_or(At(0));
                    elsewhere = elsewhere.max(known).max(agi_complete(month).start());
                }
                standing = match (wrong, other) {
                    _ if carrier.settles(elsewhere) => None,
                    (2.., _) => Some(Severity::Medium),
                    (_, 2..) => Some(Severity::Info),
                    _ if kind == Kind::Good => None,
                    _ => standing,
                };
            }
            month = month.add_months(1);
        }
    }
    standing
}

/// `None` where the month cannot be judged, for nothing was declared, or too little.
fn kind(p: &Known<'_>, permit_id: &str, month: Day) -> Option<Kind> {
    if is_excused(p, month) {
        return Some(Kind::Good);
    }
    if gross(p, month) <= 0 {
        return None;
    }
    let payers = &p.salaries[&month];
    let allowed = permitted(p, permit_id, month, month.month_end());
    if allowed.iter().any(|employer| !declared_enough(p, employer, month)) {
        return None;
    }
    let other = payers.iter().any(|(payer, paid)| {
        *paid >= LEAST_SEK && !allowed.contains(payer) && is_employer(p, payer, month.month_end())
    });
    let own: i64 = payers.iter().filter(|(payer, _)| allowed.contains(payer)).map(|(_, paid)| paid).sum();
    Some(match (other, own > 0) {
        (false, _) => Kind::Good,
        (true, true) => Kind::Mixed,
        (true, false) => Kind::Wrong,
    })
}

/// Neither an insurer, a public payer nor a payroll provider, nor one that an application named then which was not refused.
fn is_employer(p: &Known<'_>, payer: &str, until: Day) -> bool {
    let kind = p.group.employers.get(payer).and_then(|employer| employer.payer_kind);
    let applied = p.applications.iter().any(|a| {
        a.employer_id.as_deref() == Some(payer) && a.filed_on <= until && matches!(a.outcome, None | Some("granted"))
    });
    matches!(kind, None | Some("normal")) && !applied
}

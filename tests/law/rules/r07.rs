//! R07, another employer than the permit's (UtlL 6 kap. 2 a §, 6 a kap. 8 §): while the employer binds, in two of three months in a row
//! 5,000 kronor or more from an employer that the permit does not allow and nothing from one that it does: medium. Where the permitted
//! one paid as well in one of them: info.

use crate::calendar::{Day, agi_complete};
use crate::facts::Known;
use crate::pay::{declared_enough, gross, is_excused, permitted};
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
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if !CLASSES.contains(&permit.permit_class) {
            continue;
        }
        let until = crate::facts::earlier(permit.tied_until, holding.held_until);
        let mut kinds: Vec<Kind> = Vec::new();
        let mut month = holding.valid_from.month();
        while agi_complete(month) <= day {
            let whole = month >= holding.valid_from && until.is_none_or(|until| month.month_end() <= until);
            if whole && let Some(kind) = kind(p, &permit.permit_id, month) {
                kinds.push(kind);
            }
            month = month.add_months(1);
        }
        let last = &kinds[kinds.len().saturating_sub(3)..];
        let wrong = last.iter().filter(|kind| **kind == Kind::Wrong).count();
        let other = last.iter().filter(|kind| **kind != Kind::Good).count();
        let severity = match (wrong, other) {
            (2.., _) => Severity::Medium,
            (_, 2..) => Severity::Info,
            _ => continue,
        };
        out.push(Finding { subject: permit.permit_id.clone(), severity });
    }
    out
}

/// `None` where the month cannot be judged.
fn kind(p: &Known<'_>, permit_id: &str, month: Day) -> Option<Kind> {
    if is_excused(p, month) || gross(p, month) == 0 {
        return Some(Kind::Good);
    }
    let payers = &p.salaries[&month];
    let allowed = permitted(p, permit_id, month, month.month_end());
    if allowed.iter().any(|employer| !declared_enough(p, employer, month)) {
        return None;
    }
    let other = payers
        .iter()
        .any(|(payer, paid)| *paid >= LEAST_SEK && !allowed.contains(payer) && is_employer(p, payer, month));
    let own: i64 = payers.iter().filter(|(payer, _)| allowed.contains(payer)).map(|(_, paid)| paid).sum();
    Some(match (other, own > 0) {
        (false, _) => Kind::Good,
        (true, true) => Kind::Mixed,
        (true, false) => Kind::Wrong,
    })
}

/// Neither an insurer, a public payer nor a payroll provider, nor one that an undecided application names.
fn is_employer(p: &Known<'_>, payer: &str, _month: Day) -> bool {
    let kind = p.group.employers.get(payer).and_then(|employer| employer.payer_kind);
    let applied = p.applications.iter().any(|a| a.employer_id.as_deref() == Some(payer) && a.outcome.is_none());
    matches!(kind, None | Some("normal")) && !applied
}

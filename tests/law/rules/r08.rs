//! R08, work without the right to work (UtlL 7 kap. 3 § first paragraph 1, 20 kap.): 5,000 kronor or more declared for a month in which,
//! as in the month before it, no day carried a right to work. Weak at once, for the employer may still correct; medium when the month's
//! declarations are complete.
//!
//! The right goes on while an application for an extension that was filed in time is undecided (UF 5 kap. 3 §). A court's stay keeps it.

use crate::calendar::{Day, agi_complete};
use crate::facts::Known;
use crate::pay::{gross, is_excused, parameter};
use crate::rights::Canceller;
use crate::rules::{Finding, Rule, Severity};

/// Others may work, have rules of their own, or their salary statements may not be read for this.
const CLASSES: &[&str] = &["WORK_EMP", "SELF_EMP"];
const LEAST_SEK: i64 = 5_000;

pub const RULE: Rule =
    Rule { number: "R08", id: "work-without-right", classes: &[], survives: &[Canceller::PermitEnded], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    for &month in p.salaries.keys() {
        if gross(p, month) < LEAST_SEK || is_excused(p, month) || has_right(p, month.add_months(-1), month.month_end())
        {
            continue;
        }
        let Some(subject) = subject(p, month) else { continue };
        // A permit granted since could weigh what was known of it.
        let of_it = p.payments.iter().filter(|pay| pay.kind == "salary" && pay.month == month);
        let Some(known) = of_it.map(|pay| pay.first_known.day()).max() else { continue };
        let weighed = p
            .holdings
            .iter()
            .any(|since| since.valid_from > month.month_end() && known <= since.decided_on.unwrap_or(since.valid_from));
        if weighed {
            continue;
        }
        let severity = if day >= agi_complete(month) { Severity::Medium } else { Severity::Weak };
        out.push(Finding { subject, severity });
    }
    out
}

/// Whether some day from `from` to `to` carried a right to work.
fn has_right(p: &Known<'_>, from: Day, to: Day) -> bool {
    let by_permit = p.holdings.iter().any(|holding| {
        let permit = &p.permits[holding.permit];
        let until = if permit.inhibited == Some(true) { None } else { holding.carries_until };
        let works = permit.work_right != Some("none");
        works && holding.valid_from <= to && until.is_none_or(|until| until >= from)
    });
    by_permit
        || p.permits.iter().filter(|permit| permit.permit_class == "ASYLUM_APPLICANT").any(|case| {
            let until = crate::facts::earlier(case.valid_to, case.ended_on);
            let exempt = case.work_right.is_some_and(|right| right != "none");
            let by_time = parameter("asylum_work_months", to)
                .is_some_and(|months| case.application_on.unwrap_or(case.valid_from).add_months(months as i32) <= to);
            (exempt || by_time) && case.valid_from <= to && until.is_none_or(|until| until >= from)
        })
}

/// The permit or case that the work is about: the last that began before the month's end.
fn subject(p: &Known<'_>, month: Day) -> Option<String> {
    let begun =
        p.permits.iter().filter(|permit| permit.end_kind != Some("annulled") && permit.valid_from <= month.month_end());
    let last = begun.max_by_key(|permit| permit.valid_from)?;
    CLASSES.contains(&last.permit_class).then(|| last.permit_id.clone())
}

//! R13, another purpose than studies (UtlL 5 b kap. 21 § 4): work alone is lawful. In at least four of a term's five months pay of 80 per
//! cent of the livelihood requirement or more, less than 7.5 credits attested in the term, and registered for at most 7.5: weak; two
//! terms: medium. A doctoral employment explains it.

use crate::calendar::Day;
use crate::facts::{Known, Seen, Study, Term};
use crate::pay::{gross, parameter};
use crate::rules::{Finding, Rule, Severity};

/// So long after a term its results may come.
const RESULTS_WITHIN_DAYS: i32 = 60;

pub const RULE: Rule = Rule { number: "R13", id: "study-purpose-drift", classes: &["STUDY_HE"], survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in &p.holdings {
        let permit = &p.permits[holding.permit];
        if permit.permit_class != "STUDY_HE" {
            continue;
        }
        let terms = p.group.terms.iter().filter(|term| {
            term.starts_on >= holding.valid_from && holding.held_until.is_none_or(|until| term.ends_on <= until)
        });
        let drifted = terms.filter(|term| drifted(p, term, day)).count();
        let severity = match drifted {
            0 => continue,
            1 => Severity::Weak,
            _ => Severity::Medium,
        };
        out.push(Finding { subject: permit.permit_id.clone(), severity });
    }
    out
}

fn drifted(p: &Known<'_>, term: &Seen<Term>, day: Day) -> bool {
    let mut months: Vec<Day> = (0..8).map(|ahead| term.starts_on.month().add_months(ahead)).collect();
    months.retain(|&month| term.starts_on <= month && month <= term.ends_on);
    if day < term.ends_on + RESULTS_WITHIN_DAYS {
        return false;
    }
    let worked = months.iter().filter(|&&month| {
        parameter("livelihood_floor_sek", month).is_some_and(|floor| gross(p, month) * 100 >= 80 * floor)
    });
    let credits = |of: &dyn Fn(&Study) -> bool| -> i64 {
        p.studies.iter().filter(|study| of(study)).map(|study| study.credits_tenths.unwrap_or(0)).sum()
    };
    let in_term = |day: Day| term.starts_on <= day && day <= term.ends_on;
    let attested = credits(&|study| study.kind == "result" && in_term(study.event_on));
    let registered = credits(&|study| {
        matches!(study.kind, "registered" | "re_registered")
            && study.starts_on.unwrap_or(study.event_on) <= term.ends_on
            && study.ends_on.is_none_or(|ends| ends >= term.starts_on)
    });
    let doctoral = p.studies.iter().any(|study| study.kind == "doctoral_employment" && study.event_on <= term.ends_on);
    worked.count() >= 4 && attested < 75 && registered <= 75 && !doctoral
}

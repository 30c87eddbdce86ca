//! Where rules and law still part, with the reason. Each names who it is about as narrowly as it can be said; what is excepted is counted
//! and told, and an exception that meets nobody any more goes.

use chrono::Datelike;

use crate::calendar::Day;
use crate::facts::{Fact, Group, Permit, Record};
use crate::rules::Severity;

/// A difference that is known and has its reason.
pub struct Exception {
    pub rule: &'static str,
    pub reason: &'static str,
    pub applies: fn(&Difference<'_>) -> bool,
}

/// Two answers about one subject and day.
pub struct Difference<'a> {
    pub group: &'a Group,
    pub rule: &'static str,
    pub subject: &'a str,
    pub engine: Option<Severity>,
    pub law: Option<Severity>,
}

pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: "employment-ended",
        reason: "R02: an extension that does not tell held_since: the law counts two years from the right's first day, the rule from its own",
        applies: untold_held_since,
    },
    Exception {
        rule: "employment-ended",
        reason: "R02: what an earlier permit's months raised goes on on the extension though a new employment has begun",
        applies: |d| d.engine > d.law && permits(d.group).count() > 1,
    },
    Exception {
        rule: "employment-ended",
        reason: "R02: that an application will be withdrawn or refused, told before its day, counts at once instead of from the day",
        applies: |d| {
            records(d.group).any(|r| matches!(&r.fact, Fact::Application(a) if a.decided_on > Some(r.known.day())))
        },
    },
    Exception {
        rule: "employer-mismatch",
        reason: "R07: a statement of 0 kronor ends what stands; to the law a month without pay says nothing of an employer",
        applies: |d| records(d.group).any(|r| matches!(&r.fact, Fact::Payment(pay) if pay.amount_sek == 0)),
    },
    Exception {
        rule: "work-without-right",
        reason: "R08: the gap before an extension of which only the permit tells the application; an excused month with pay",
        applies: |d| d.engine > d.law && (permits(d.group).count() > 1 || has_excused(d.group)),
    },
    Exception {
        rule: "seasonal-limit",
        reason: "R09: as R08",
        applies: |d| d.engine > d.law && permits(d.group).count() > 1,
    },
    Exception {
        rule: "blue-card-unemployment",
        reason: "R03: as R02, of an extension that does not tell held_since",
        applies: untold_held_since,
    },
    Exception {
        rule: "salary-below-floor",
        reason: "R04: months that are full only beside an excused one; the law keeps the excused month, the rule drops it after a month without pay",
        applies: excused_without_pay,
    },
    Exception { rule: "salary-below-offered", reason: "R05: as R04", applies: excused_without_pay },
    Exception { rule: "blue-card-salary-low", reason: "R06: as R04", applies: excused_without_pay },
    Exception {
        rule: "work-without-right",
        reason: "R08: an applicant's pay more than six months after the application: the exemption of 2026-10-01 is applied before its day",
        applies: |d| d.engine < d.law && permit(d).is_some_and(|permit| permit.permit_class == "ASYLUM_APPLICANT"),
    },
    Exception {
        rule: "allowance-with-income",
        reason: "R27: allowance after a death is strong (domain, R27); the rule leaves out who has died",
        applies: |d| records(d.group).any(|r| matches!(&r.fact, Fact::Post(post) if post.dereg_code == Some("AV"))),
    },
    Exception {
        rule: "declarations-backfilled",
        reason: "R29: the permit in force is told of, not one that has ended; and December's and July's declarations are due on the 17th",
        applies: |d| permits(d.group).count() > 1 || records(d.group).any(late_for_the_17th),
    },
];

fn records(group: &Group) -> impl Iterator<Item = &Record> {
    group.persons.iter().flat_map(|person| &person.records)
}

fn permits(group: &Group) -> impl Iterator<Item = &Permit> {
    records(group).filter_map(|record| match &record.fact {
        Fact::Permit(permit) => Some(permit),
        _ => None,
    })
}

fn permit<'a>(d: &Difference<'a>) -> Option<&'a Permit> {
    permits(d.group).find(|permit| permit.permit_id == d.subject)
}

fn untold_held_since(d: &Difference<'_>) -> bool {
    permit(d).is_some_and(|permit| permit.first_grant == Some(false) && permit.held_since.is_none())
}

fn has_excused(group: &Group) -> bool {
    records(group).any(|record| matches!(record.fact, Fact::ExcusedMonth(_)))
}

/// Somebody with an excused month beside one for which nothing was paid.
fn excused_without_pay(d: &Difference<'_>) -> bool {
    let paid = |month: Day| {
        records(d.group).any(|record| match &record.fact {
            Fact::Payment(pay) => pay.kind == "salary" && pay.month == month && pay.amount_sek > 0,
            _ => false,
        })
    };
    records(d.group).any(|record| match &record.fact {
        Fact::ExcusedMonth(excused) => {
            let beside = [-1, 0, 1].map(|months| excused.month.add_months(months));
            beside.iter().any(|&month| !paid(month))
        }
        _ => false,
    })
}

/// Declared so late that the 12th and the 17th differ.
fn late_for_the_17th(record: &Record) -> bool {
    let Fact::Payment(pay) = &record.fact else { return false };
    let due = pay.month.add_months(1) + 11;
    matches!(due.date().month(), 1 | 8) && (45..=50).contains(&(record.known.day() - due))
}

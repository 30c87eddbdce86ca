//! O2: a court's notice about a named person, passed on.
//!
//! "sealed routing of a notice about a named person + time-in-state alarm": info, medium half a year after the notice came.
//! A decision to revoke that could weigh it ends the waiting.

use super::{Finding, Rule, Severity};
use crate::calendar::Day;
use crate::facts::{Code, Known, Notice, Seen};

const CLASSES: &[Code] = &["PROT_SUBSIDIARY"];

pub const RULE: Rule = Rule { number: "O2", id: "serious-crime-notice", classes: CLASSES, survives: &[], on_day };

fn on_day(p: &Known<'_>, day: Day) -> Vec<Finding> {
    let mut out = Vec::new();
    for holding in p.carrying(day, CLASSES) {
        let notices = p.notices.iter().filter(|n| n.kind == "court_notice" && n.event_on <= day);
        let revoked = p.permit_of(holding).revoked_on.filter(|on| *on <= day);
        let decided = |n: &&Seen<Notice>| revoked.is_some_and(|on| on >= n.first_known.day());
        for notice in notices.filter(|n| !holding.settles(n.first_known) && !decided(n)) {
            let waited = notice.first_known.day().max(notice.event_on).add_months(6);
            out.push(p.finding(holding, if day >= waited { Severity::Medium } else { Severity::Info }));
        }
    }
    out
}

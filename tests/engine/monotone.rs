//! Aim: making the facts worse never lowers what stands, and an excuse that goes away never lowers it either. For each rule the
//! table `WORSE` says what worse means.
//! Method: each of a rule's own cases is the beginning of chains of such steps, every stage a person of its own, all of them in
//! one run of the engine. At each clock at which everything is known of two stages, the rule's greatest severity about the later
//! one is at least that about the earlier one.
//!
//! A renewal settles what was known at its decision. A fact that is worse from the beginning may have been known then, and so no longer
//! stand on the renewal: what stood about a stage on the day of a renewal's decision counts as standing from then on.

use std::collections::{BTreeMap, BTreeSet};

use permitwatch::model::alert::Severity;
use permitwatch::model::partition::partition_of;
use permitwatch::model::record::{Message, Op, Record, Value};
use permitwatch::model::schema::TableId;
use permitwatch::model::time::{KnownTime, MICROS_PER_DAY, format_micros};
use permitwatch::tools::cases::{Case, CaseFile, Recording};

use crate::drive::{Dice, SEED, case_file, catalogue, plan, strict};

/// Chains that begin at a case, and the stages of each.
const CHAINS: usize = 3;
const STAGES: usize = 5;
/// Days between two clocks.
const EVERY: i64 = 20;

/// The records of a case, and whom they are about.
struct Facts {
    records: Vec<Record>,
    own: String,
}

/// Makes the facts worse; false if there is nothing that it could.
type Step = fn(&mut Facts, &mut Dice) -> bool;

/// What is worse for a rule, in words and steps.
const WORSE: &[(&str, &str, &[Step])] = &[
    (
        "work-not-started",
        "pay missing, no notice that work began, no excuse",
        &[pay_gone, start_notice_gone, excuse_gone],
    ),
    (
        "employment-ended",
        "pay ends earlier, no application, no excuse",
        &[last_pay_gone, application_gone, excuse_gone],
    ),
    ("blue-card-unemployment", "fewer paid months, no excuse", &[pay_gone, excuse_gone]),
    (
        "salary-below-floor",
        "less pay, a higher requirement, no excuse",
        &[all_pay_less, a_months_pay_less, floor_higher, excuse_gone],
    ),
    (
        "salary-below-offered",
        "less pay, more was offered, no excuse",
        &[all_pay_less, a_months_pay_less, offer_higher, excuse_gone],
    ),
    (
        "blue-card-salary-low",
        "less pay, a higher threshold, no excuse",
        &[all_pay_less, a_months_pay_less, threshold_higher, excuse_gone],
    ),
    (
        "employer-mismatch",
        "pay from another employer, more of it, less from the permitted one, no application",
        &[another_employer_pays, other_pay_more, permitted_pay_less, application_gone],
    ),
    ("work-without-right", "more pay, no application, no right", &[all_pay_more, application_gone, no_work_right]),
    ("seasonal-limit", "a longer season", &[longer_season]),
    ("study-not-registered", "no registration, no reason", &[registration_gone, study_reason_gone]),
    (
        "study-interrupted",
        "no later registration, no reason, another stop",
        &[registration_gone, study_reason_gone, stops_again],
    ),
    (
        "study-low-progress",
        "fewer credits, no reason, no excuse",
        &[fewer_credits, result_gone, study_reason_gone, excuse_gone],
    ),
    (
        "study-purpose-drift",
        "more pay, fewer credits, less study",
        &[all_pay_more, fewer_credits, result_gone, studies_less],
    ),
    ("no-arrival-after-grant", "a sign less", &[sign_gone]),
    (
        "permanent-permit-emigrated",
        "not registered again, no wish to keep the permit, no service abroad",
        &[registered_again_gone, keep_notice_gone, service_abroad_gone],
    ),
    (
        "temporary-permit-deregistered",
        "not registered again, moved instead of disappeared",
        &[registered_again_gone, moved_abroad],
    ),
    (
        "ltr-absence-limit",
        "a sign less, not registered again, outside the EU",
        &[journey_gone, registered_again_gone, outside_the_eu],
    ),
    (
        "protected-home-travel",
        "another visit, a longer stay, seen from a document, no reason",
        &[another_visit, longer_stay, seen_from_document, travel_reason_gone],
    ),
    ("protected-home-passport", "used again, no reason", &[passport_used_again, travel_reason_gone]),
    ("protected-new-nationality", "a citizenship more", &[another_citizenship]),
    ("identity-changed", "more that differs", &[another_name, another_birth, other_citizenship]),
    (
        "false-or-duplicate-identity",
        "a false identity, a link that still holds, a number that is unsure",
        &[false_identity, link_holds, number_unsure],
    ),
    (
        "family-tie-ended",
        "divorced, at another address, no report of violence",
        &[divorced, at_another_address, violence_gone],
    ),
    (
        "anchor-permit-lost",
        "the anchor has no application, no other permit, is not registered again",
        &[others_application_gone, others_later_permit_gone, registered_again_gone],
    ),
    (
        "benefit-after-emigration",
        "more benefit, for longer, not registered again",
        &[benefit_more, benefit_longer, registered_again_gone],
    ),
    (
        "payment-after-permit-end",
        "more benefit, for longer, no application",
        &[benefit_more, benefit_longer, application_gone],
    ),
    ("allowance-with-income", "more pay, income not reported", &[all_pay_more, income_not_reported]),
    ("employer-breach-cluster", "pay of another holder missing", &[others_pay_gone]),
    ("declarations-backfilled", "another month declared at the application", &[declared_at_application]),
    ("salary-drop", "less pay in the month with the least", &[least_pay_less]),
    (
        "revocation-unserved",
        "not served, a fresh sign of the person, no application, no court",
        &[not_served, fresh_entry, application_gone, not_inhibited],
    ),
    ("serious-crime-notice", "another notice", &[another_court_notice]),
];

impl Facts {
    /// Where records of a table that say something stand, of the main person or of the others.
    fn of(&self, table: TableId, is_own: bool) -> Vec<usize> {
        let is_it = |record: &Record| {
            record.table == table && !record.values.is_empty() && (*record.subject == *self.own) == is_own
        };
        (0..self.records.len()).filter(|at| is_it(&self.records[*at])).collect()
    }

    fn own(&self, table: TableId, wanted: impl Fn(&Facts, usize) -> bool) -> Vec<usize> {
        self.of(table, true).into_iter().filter(|at| wanted(self, *at)).collect()
    }

    fn get(&self, at: usize, column: &str) -> &Value {
        let (place, _) = self.records[at].table.def().column(column).expect("a column");
        &self.records[at].values[place]
    }

    fn set(&mut self, at: usize, column: &str, value: Value) -> bool {
        let (place, _) = self.records[at].table.def().column(column).expect("a column");
        let is_other = self.records[at].values[place] != value;
        self.records[at].values[place] = value;
        is_other
    }

    fn is(&self, at: usize, column: &str, words: &[&str]) -> bool {
        matches!(self.get(at, column), Value::Text(text) if words.contains(&&**text))
    }

    fn int(&self, at: usize, column: &str) -> i64 {
        if let Value::Int(number) = self.get(at, column) { *number } else { 0 }
    }

    fn day(&self, at: usize, column: &str) -> i32 {
        if let Value::Day(day) = self.get(at, column) { *day } else { 0 }
    }

    fn salaries(&self) -> Vec<usize> {
        self.own(TableId::Payments, |facts, at| facts.is(at, "kind", &["salary"]) && facts.int(at, "amount_sek") > 0)
    }

    /// Whether one pay is half as large again as another.
    fn has_large_pay(&self) -> bool {
        let amounts = || self.salaries().into_iter().map(|at| self.int(at, "amount_sek"));
        amounts().max().unwrap_or(0) * 2 > amounts().min().unwrap_or(0) * 3
    }

    /// Whether the month after is paid so much that the payment may have moved there.
    fn may_have_moved(&self, at: usize) -> bool {
        let paid = |month: i32| -> i64 {
            self.salaries()
                .into_iter()
                .filter(|at| self.day(*at, "month") == month)
                .map(|at| self.int(at, "amount_sek"))
                .sum()
        };
        let month = self.day(at, "month");
        let next = permitwatch::model::time::Day(month).add_months(1).map_or(month, |day| day.0);
        paid(next) * 10 >= paid(month) * 18
    }

    fn times(&mut self, at: usize, column: &str, by: i64, of: i64) -> bool {
        let number = self.int(at, column);
        number > 0 && self.set(at, column, Value::Int((number * by / of).max(1)))
    }

    /// Takes away one of the records, with all its versions.
    #[expect(clippy::needless_pass_by_value, reason = "callers make the list for this")]
    fn without_one(&mut self, of: Vec<usize>, dice: &mut Dice) -> bool {
        let Some(at) = pick(&of, dice) else { return false };
        let gone = self.records[at].clone();
        self.records.retain(|record| {
            (record.table, &record.subject, &record.record_key) != (gone.table, &gone.subject, &gone.record_key)
        });
        true
    }

    /// The version of the main person's post that is in force.
    fn post(&self) -> Option<usize> {
        let latest = self.of(TableId::Population, true).into_iter().max_by_key(|at| self.records[*at].version)?;
        let is_gone = |record: &Record| {
            record.table == TableId::Population
                && *record.subject == *self.own
                && record.version > self.records[latest].version
        };
        (!self.records.iter().any(is_gone)).then_some(latest)
    }

    /// A further record like this one, some days later.
    fn again(&mut self, at: usize, days: i64, column: &str) -> usize {
        let mut copy = self.records[at].clone();
        copy.record_key = format!("{}+{}", copy.record_key, self.records.len()).into();
        copy.known_time.0 += days * MICROS_PER_DAY;
        copy.event_time.0 += days * MICROS_PER_DAY;
        copy.registered_at += days * MICROS_PER_DAY;
        self.records.push(copy);
        let at = self.records.len() - 1;
        let day = self.day(at, column);
        self.set(at, column, Value::Day(day + days as i32));
        at
    }
}

fn pick(of: &[usize], dice: &mut Dice) -> Option<usize> {
    (!of.is_empty()).then(|| *dice.pick(of))
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// A month's pay; but not where a pay could be a final one that covers months, nor where an end was notified, which says of all the
/// months without pay before it that the person was employed.
fn pay_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    let ended = facts.own(TableId::Notices, |facts, at| facts.is(at, "kind", &["employment_end"]));
    ended.is_empty() && !facts.has_large_pay() && facts.without_one(facts.salaries(), dice)
}

/// The last month's pay; but not where a pay could be a final one that covers months, nor before an application, which
/// excuses who waited for its decision when the employment ended, nor before a renewal, whose decision settles what was known by then.
fn last_pay_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    let is_renewed = facts.of(TableId::Permits, true).len() > 1;
    if is_renewed || facts.has_large_pay() || !facts.of(TableId::Applications, true).is_empty() {
        return false;
    }
    let salaries = facts.salaries();
    let last = salaries.iter().map(|at| facts.day(*at, "month")).max();
    let of_last = salaries.into_iter().filter(|at| Some(facts.day(*at, "month")) == last).collect();
    facts.without_one(of_last, dice)
}

/// Less in every month; not where a krona more or less decides whether a payment may have moved.
fn all_pay_less(facts: &mut Facts, _: &mut Dice) -> bool {
    let was = facts.records.clone();
    let salaries = facts.salaries();
    let moved: Vec<bool> = salaries.iter().map(|at| facts.may_have_moved(*at)).collect();
    for at in &salaries {
        facts.times(*at, "amount_sek", 92, 100);
    }
    let moves: Vec<bool> = salaries.iter().map(|at| facts.may_have_moved(*at)).collect();
    if moves != moved {
        facts.records = was;
        return false;
    }
    !salaries.is_empty()
}

fn all_pay_more(facts: &mut Facts, _: &mut Dice) -> bool {
    each(facts.salaries(), |at| facts.times(at, "amount_sek", 125, 100))
}

/// Less in one month, but not so much less than in the next that it may have been paid then.
fn a_months_pay_less(facts: &mut Facts, dice: &mut Dice) -> bool {
    let Some(at) = pick(&facts.salaries(), dice) else { return false };
    let was = facts.int(at, "amount_sek");
    if facts.times(at, "amount_sek", 85, 100) && !facts.may_have_moved(at) {
        return true;
    }
    facts.set(at, "amount_sek", Value::Int(was));
    false
}

/// Less in the month with the least pay, which leaves what is usual as it is.
fn least_pay_less(facts: &mut Facts, _: &mut Dice) -> bool {
    let least = facts.salaries().into_iter().min_by_key(|at| (facts.int(*at, "amount_sek"), facts.day(*at, "month")));
    let Some(at) = least else { return false };
    let was = facts.int(at, "amount_sek");
    if facts.times(at, "amount_sek", 85, 100) && !facts.may_have_moved(at) {
        return true;
    }
    facts.set(at, "amount_sek", Value::Int(was));
    false
}

fn excuse_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    facts.without_one(facts.of(TableId::ExcusedMonths, true), dice)
}

fn notice_gone(facts: &mut Facts, dice: &mut Dice, kinds: &[&str]) -> bool {
    facts.without_one(facts.own(TableId::Notices, |facts, at| facts.is(at, "kind", kinds)), dice)
}

fn start_notice_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    notice_gone(facts, dice, &["employment_start"])
}

fn travel_reason_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    notice_gone(facts, dice, &["travel_reason", "home_visit_excused"])
}

fn violence_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    notice_gone(facts, dice, &["violence"])
}

fn service_abroad_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    notice_gone(facts, dice, &["state_service_abroad"])
}

fn application_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    facts.without_one(facts.of(TableId::Applications, true), dice)
}

fn others_application_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    facts.without_one(facts.of(TableId::Applications, false), dice)
}

fn others_later_permit_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    let permits = facts.of(TableId::Permits, false);
    let first = permits.iter().map(|at| facts.day(*at, "valid_from")).min();
    let later = permits.into_iter().filter(|at| Some(facts.day(*at, "valid_from")) > first).collect();
    facts.without_one(later, dice)
}

fn others_pay_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    let paid = facts.of(TableId::Payments, false);
    facts.without_one(paid, dice)
}

fn raised(facts: &mut Facts, column: &str) -> bool {
    each(facts.of(TableId::Permits, true), |at| facts.times(at, column, 108, 100))
}

fn floor_higher(facts: &mut Facts, _: &mut Dice) -> bool {
    raised(facts, "floor_sek")
}

fn offer_higher(facts: &mut Facts, _: &mut Dice) -> bool {
    raised(facts, "offered_sek")
}

fn threshold_higher(facts: &mut Facts, _: &mut Dice) -> bool {
    raised(facts, "threshold_sek")
}

/// Whether one of the permits names the payer of a salary.
fn is_permitted(facts: &Facts, at: usize) -> bool {
    let employers = facts.of(TableId::PermitEmployers, true);
    employers.into_iter().any(|employer| facts.get(employer, "employer_id") == facts.get(at, "payer_id"))
}

fn another_employer_pays(facts: &mut Facts, dice: &mut Dice) -> bool {
    let permitted: Vec<usize> = facts.salaries().into_iter().filter(|at| is_permitted(facts, *at)).collect();
    pick(&permitted, dice).is_some_and(|at| facts.set(at, "payer_id", text("165560123456")))
}

fn other_pay_more(facts: &mut Facts, dice: &mut Dice) -> bool {
    let others: Vec<usize> = facts.salaries().into_iter().filter(|at| !is_permitted(facts, *at)).collect();
    pick(&others, dice).is_some_and(|at| facts.times(at, "amount_sek", 150, 100))
}

fn permitted_pay_less(facts: &mut Facts, dice: &mut Dice) -> bool {
    let permitted: Vec<usize> = facts.salaries().into_iter().filter(|at| is_permitted(facts, *at)).collect();
    // A month of another employer's pay, in which the permitted one paid too.
    let months: BTreeSet<i32> =
        facts.salaries().into_iter().filter(|at| !is_permitted(facts, *at)).map(|at| facts.day(at, "month")).collect();
    facts.without_one(permitted.into_iter().filter(|at| months.contains(&facts.day(*at, "month"))).collect(), dice)
}

fn no_work_right(facts: &mut Facts, _: &mut Dice) -> bool {
    let permits = facts.of(TableId::Permits, true);
    // Whose work is told of which of several permits is another matter.
    permits.len() == 1 && facts.set(permits[0], "work_right", text("none"))
}

fn longer_season(facts: &mut Facts, _: &mut Dice) -> bool {
    let permits = facts.own(TableId::Permits, |facts, at| facts.is(at, "permit_class", &["SEASONAL"]));
    let Some(last) = permits.into_iter().max_by_key(|at| (facts.day(*at, "valid_to"), facts.records[*at].version))
    else {
        return false;
    };
    let until = facts.day(last, "valid_to");
    // Pay after a season is another matter, which a longer one ends.
    until != 0 && facts.salaries().is_empty() && facts.set(last, "valid_to", Value::Day(until + 15))
}

fn studies(facts: &Facts, kinds: &[&str]) -> Vec<usize> {
    facts.own(TableId::Studies, |facts, at| facts.is(at, "kind", kinds))
}

/// Not that of who has graduated, and so owes none unless new studies have begun.
fn registration_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    studies(facts, &["degree"]).is_empty() && facts.without_one(studies(facts, &["registered", "re_registered"]), dice)
}

fn study_reason_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    facts.without_one(
        studies(facts, &["leave_granted", "deferred", "exchange_out", "doctoral_employment", "degree"]),
        dice,
    )
}

fn stops_again(facts: &mut Facts, dice: &mut Dice) -> bool {
    let Some(at) = pick(&studies(facts, &["interrupted"]), dice) else { return false };
    facts.again(at, 9, "event_on");
    true
}

fn fewer_credits(facts: &mut Facts, dice: &mut Dice) -> bool {
    pick(&studies(facts, &["result"]), dice).is_some_and(|at| facts.times(at, "credits_tenths", 60, 100))
}

fn result_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    facts.without_one(studies(facts, &["result"]), dice)
}

fn studies_less(facts: &mut Facts, _: &mut Dice) -> bool {
    let registered = studies(facts, &["registered", "re_registered"]);
    each(registered, |at| facts.times(at, "credits_tenths", 60, 100))
}

fn sign_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    let tables = [TableId::Border, TableId::Payments, TableId::Studies, TableId::Population];
    let signs = tables.into_iter().flat_map(|table| facts.of(table, true)).collect();
    facts.without_one(signs, dice)
}

fn journey_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    facts.without_one(facts.of(TableId::Border, true), dice)
}

/// Takes away the posts that show somebody as registered after one that does not: all of them, or a later one would tell of a return.
fn registered_again_gone(facts: &mut Facts, dice: &mut Dice) -> bool {
    let posts: Vec<usize> =
        [true, false].into_iter().flat_map(|is_own| facts.of(TableId::Population, is_own)).collect();
    let is_gone = |facts: &Facts, at: usize| *facts.get(at, "dereg_code") != Value::Null;
    let is_again = |at: &usize| {
        let after = |other: &usize| {
            facts.records[*other].subject == facts.records[*at].subject
                && is_gone(facts, *other)
                && facts.records[*other].version < facts.records[*at].version
        };
        !is_gone(facts, *at) && posts.iter().any(after)
    };
    let again: Vec<usize> = posts.iter().copied().filter(is_again).collect();
    let Some(one) = pick(&again, dice) else { return false };
    let subject = facts.records[one].subject.clone();
    let of_one: BTreeSet<usize> = again.into_iter().filter(|at| facts.records[*at].subject == subject).collect();
    let mut at = 0;
    facts.records.retain(|_| {
        at += 1;
        !of_one.contains(&(at - 1))
    });
    true
}

fn keep_notice_gone(facts: &mut Facts, _: &mut Dice) -> bool {
    let permits = facts.of(TableId::Permits, true);
    each(permits, |at| facts.set(at, "keep_notice_on", Value::Null))
}

fn moved_abroad(facts: &mut Facts, dice: &mut Dice) -> bool {
    let gone = facts.own(TableId::Population, |facts, at| *facts.get(at, "dereg_code") != Value::Null);
    gone.len() == 1
        && facts.is(gone[0], "dereg_code", &["OB"])
        && pick(&gone, dice).is_some_and(|at| facts.set(at, "dereg_code", text("UV")))
}

fn outside_the_eu(facts: &mut Facts, _: &mut Dice) -> bool {
    let inside = facts.own(TableId::Population, |facts, at| *facts.get(at, "foreign_in_eu") == Value::Bool(true));
    each(inside, |at| facts.set(at, "foreign_in_eu", Value::Bool(false)))
}

/// Seen in the country some weeks before another notice about it.
fn another_visit(facts: &mut Facts, dice: &mut Dice) -> bool {
    let Some(at) = pick(&facts.own(TableId::Border, |facts, at| !facts.is(at, "country", &["SWE"])), dice) else {
        return false;
    };
    let day = facts.day(at, "observed_on");
    let at = facts.again(at, 0, "observed_on");
    facts.set(at, "observed_on", Value::Day(day - 1 - dice.below(30) as i32));
    facts.set(at, "direction", text("seen"));
    facts.set(at, "transit", Value::Null);
    facts.set(at, "doc_seen", Value::Bool(true));
    true
}

/// The return some days later, if nothing else lies between.
fn longer_stay(facts: &mut Facts, dice: &mut Dice) -> bool {
    let entries = facts.own(TableId::Border, |facts, at| facts.is(at, "direction", &["entry"]));
    let Some(at) = pick(&entries, dice) else { return false };
    let (day, by) = (facts.day(at, "observed_on"), 1 + dice.below(20) as i32);
    let is_ahead = facts.records[at].known_time.0 < i64::from(day) * MICROS_PER_DAY;
    let is_reason = |facts: &Facts, at: usize| facts.is(at, "kind", &["travel_reason", "home_visit_excused"]);
    if is_ahead || !facts.own(TableId::Notices, is_reason).is_empty() {
        // It counts from its day; and what explains a journey is told around its end.
        return false;
    }
    let between =
        |facts: &Facts, other: usize| other != at && (day..=day + by).contains(&facts.day(other, "observed_on"));
    if !facts.own(TableId::Border, between).is_empty() {
        return false;
    }
    facts.records[at].known_time.0 += i64::from(by) * MICROS_PER_DAY;
    facts.records[at].registered_at += i64::from(by) * MICROS_PER_DAY;
    facts.set(at, "observed_on", Value::Day(day + by))
}

fn seen_from_document(facts: &mut Facts, dice: &mut Dice) -> bool {
    pick(&facts.of(TableId::Border, true), dice).is_some_and(|at| facts.set(at, "doc_seen", Value::Bool(true)))
}

fn passport_used_again(facts: &mut Facts, dice: &mut Dice) -> bool {
    let used = facts.own(TableId::Border, |facts, at| facts.is(at, "doc_kind", &["P"]));
    let Some(at) = pick(&used, dice) else { return false };
    facts.again(at, 5, "observed_on");
    true
}

fn another_citizenship(facts: &mut Facts, _: &mut Dice) -> bool {
    let Some(at) = facts.post() else { return false };
    let Value::List(citizenships) = facts.get(at, "citizenships") else { return false };
    let mut all = citizenships.to_vec();
    if all.len() > 5 || all.iter().any(|country| **country == *"BRA") {
        return false;
    }
    all.push("BRA".into());
    facts.set(at, "citizenships", Value::List(all.into()))
}

fn other_citizenship(facts: &mut Facts, _: &mut Dice) -> bool {
    let Some(at) = facts.post() else { return false };
    let is_given =
        matches!(facts.get(at, "citizenships"), Value::List(list) if list.iter().all(|country| **country != *"SWE"));
    is_given && facts.set(at, "citizenships", Value::List(["BRA".into()].into()))
}

fn another_name(facts: &mut Facts, _: &mut Dice) -> bool {
    let Some(at) = facts.post() else { return false };
    *facts.get(at, "name") != Value::Null && facts.set(at, "name", text("Quirin Vexborough"))
}

fn another_birth(facts: &mut Facts, _: &mut Dice) -> bool {
    let Some(at) = facts.post() else { return false };
    *facts.get(at, "birth_on") != Value::Null && facts.set(at, "birth_on", Value::Day(-9_000))
}

fn false_identity(facts: &mut Facts, _: &mut Dice) -> bool {
    let Some(at) = facts.post() else { return false };
    if facts.is(at, "dereg_code", &["AV"]) {
        return false;
    }
    let day = facts.day(at, "event_on");
    facts.set(at, "dereg_on", Value::Day(day));
    facts.set(at, "dereg_code", text("FI"))
}

fn link_holds(facts: &mut Facts, _: &mut Dice) -> bool {
    let links = facts.of(TableId::Identities, true);
    each(links, |at| facts.set(at, "ended_on", Value::Null))
}

fn number_unsure(facts: &mut Facts, dice: &mut Dice) -> bool {
    pick(&facts.of(TableId::Identities, true), dice).is_some_and(|at| facts.set(at, "level", text("unsure")))
}

fn divorced(facts: &mut Facts, _: &mut Dice) -> bool {
    let Some(at) = facts.post() else { return false };
    let is_anchor = |permit: usize| facts.get(permit, "anchor_person_id") == facts.get(at, "spouse_id");
    let with_anchor = facts.of(TableId::Permits, true).into_iter().any(is_anchor);
    if !facts.is(at, "civil_status", &["G", "RP"]) || !with_anchor {
        return false;
    }
    let mut post = facts.records[at].clone();
    post.version += 1;
    post.known_time.0 += 10 * MICROS_PER_DAY;
    post.registered_at += 10 * MICROS_PER_DAY;
    let day = facts.day(at, "event_on") + 10;
    facts.records.push(post);
    let at = facts.records.len() - 1;
    facts.set(at, "event_on", Value::Day(day));
    facts.set(at, "civil_status_on", Value::Day(day));
    facts.set(at, "civil_status", text("S"))
}

fn at_another_address(facts: &mut Facts, _: &mut Dice) -> bool {
    let Some(at) = facts.post() else { return false };
    *facts.get(at, "address_key") != Value::Null && facts.set(at, "address_key", text("elsewhere"))
}

fn benefits(facts: &Facts) -> Vec<usize> {
    facts.own(TableId::Payments, |facts, at| facts.is(at, "kind", &["benefit"]) && facts.int(at, "amount_sek") > 0)
}

fn benefit_more(facts: &mut Facts, dice: &mut Dice) -> bool {
    pick(&benefits(facts), dice).is_some_and(|at| facts.times(at, "amount_sek", 150, 100))
}

fn benefit_longer(facts: &mut Facts, dice: &mut Dice) -> bool {
    let Some(at) = pick(&benefits(facts), dice) else { return false };
    let at = facts.again(at, 31, "month");
    for column in ["period_from", "period_to", "paid_on"] {
        let day = facts.day(at, column);
        if day != 0 {
            facts.set(at, column, Value::Day(day + 31));
        }
    }
    // A month is named by its first day.
    let month = permitwatch::model::time::Day(facts.day(at, "month")).first_of_month().expect("a month");
    facts.set(at, "month", Value::Day(month.0));
    true
}

fn income_not_reported(facts: &mut Facts, _: &mut Dice) -> bool {
    let reported = facts.own(TableId::Payments, |facts, at| *facts.get(at, "reported_income") == Value::Bool(true));
    each(reported, |at| facts.set(at, "reported_income", Value::Bool(false)))
}

/// A month that was declared long before the application, declared at it.
fn declared_at_application(facts: &mut Facts, dice: &mut Dice) -> bool {
    let Some(application) = pick(&facts.of(TableId::Applications, true), dice) else { return false };
    let filed = facts.day(application, "filed_on");
    let filed_at = i64::from(filed) * MICROS_PER_DAY;
    let early = facts.own(TableId::Payments, |facts, at| {
        facts.is(at, "kind", &["salary"])
            && facts.day(at, "month") < filed - 120
            && facts.records[at].registered_at < filed_at - 100 * MICROS_PER_DAY
    });
    let Some(at) = pick(&early, dice) else { return false };
    facts.records[at].registered_at = filed_at;
    facts.records[at].known_time = KnownTime(filed_at);
    true
}

fn not_served(facts: &mut Facts, _: &mut Dice) -> bool {
    let permits = facts.of(TableId::Permits, true);
    each(permits, |at| facts.set(at, "revoked_served_on", Value::Null))
}

fn not_inhibited(facts: &mut Facts, _: &mut Dice) -> bool {
    let permits = facts.of(TableId::Permits, true);
    each(permits, |at| *facts.get(at, "inhibited") == Value::Bool(true) && facts.set(at, "inhibited", Value::Null))
}

/// An entry that was seen a week after the last thing that was heard of the person.
fn fresh_entry(facts: &mut Facts, _: &mut Dice) -> bool {
    let revoked = facts.own(TableId::Permits, |facts, at| *facts.get(at, "revoked_on") != Value::Null);
    let Some(at) = revoked.first().copied() else { return false };
    let known = facts.records.iter().map(|record| record.known_time.0).max().unwrap_or_default() + 7 * MICROS_PER_DAY;
    let mut record = facts.records[at].clone();
    record.table = TableId::Border;
    record.record_key = format!("entry+{}", facts.records.len()).into();
    (record.version, record.op, record.source) = (1, Op::Upsert, "police".into());
    (record.known_time, record.registered_at) = (KnownTime(known), known);
    record.event_time.0 = known;
    record.values = vec![Value::Null; TableId::Border.def().columns.len()];
    facts.records.push(record);
    let at = facts.records.len() - 1;
    facts.set(at, "direction", text("entry"));
    facts.set(at, "country", text("DEU"));
    facts.set(at, "doc_seen", Value::Bool(true));
    facts.set(at, "observed_on", Value::Day(known.div_euclid(MICROS_PER_DAY) as i32))
}

fn another_court_notice(facts: &mut Facts, dice: &mut Dice) -> bool {
    let notices = facts.own(TableId::Notices, |facts, at| facts.is(at, "kind", &["court_notice"]));
    let Some(at) = pick(&notices, dice) else { return false };
    facts.again(at, 3, "event_on");
    true
}

/// A person of the run.
struct Stage {
    /// The case, the steps so far, by their places in the rule's list, and the stage before.
    case: usize,
    steps: Vec<usize>,
    before: Option<usize>,
    last_known: i64,
    /// Without an application the permit carries no alert after its last day: until then the two can be compared.
    until: i64,
    applications: usize,
    /// The ends of the days on which its renewals were decided.
    decisions: Vec<i64>,
}

/// The first last day of a permit.
fn first_end(records: &[Record]) -> i64 {
    let (column, _) = TableId::Permits.def().column("valid_to").expect("a column");
    let end = |record: &Record| match record.values.get(column) {
        Some(Value::Day(day)) if record.table == TableId::Permits => Some(i64::from(*day) * MICROS_PER_DAY),
        _ => None,
    };
    records.iter().filter_map(end).min().unwrap_or(i64::MAX)
}

/// The ends of the days on which the main person's permits were decided, but for the first permit, whose decision settles nothing.
fn decisions(facts: &Facts) -> Vec<i64> {
    let permits = facts.of(TableId::Permits, true);
    let first = permits.iter().map(|at| facts.day(*at, "valid_from")).min();
    let later = permits.into_iter().filter(|at| Some(facts.day(*at, "valid_from")) > first);
    let decided = later.map(|at| facts.day(at, "decided_on")).filter(|day| *day != 0);
    decided.map(|day| i64::from(day + 1) * MICROS_PER_DAY).collect()
}

/// The case with so many steps, about a person of this name; the same steps for every name.
fn facts(file: &CaseFile, case: &Case, name: &str, steps: &[Step], seed: u64, stages: usize) -> (Facts, Vec<usize>) {
    let records = crate::drive::records_of(file, case, name);
    let mut facts = Facts { records, own: name.to_owned() };
    let mut dice = Dice(seed);
    let mut done = Vec::new();
    for _ in 0..stages {
        let first = dice.below(steps.len());
        let turn = (0..steps.len()).map(|at| (first + at) % steps.len());
        let mut own = Dice(dice.next());
        match turn.into_iter().find(|at| steps[*at](&mut facts, &mut own)) {
            Some(at) => done.push(at),
            None => break,
        }
    }
    (facts, done)
}

/// Rule and case, where a worse fact lawfully lowers what stands.
///
/// Of three months of leave between two employments the last one tells that the second goes on from the first: its first month, which is low, is then
/// a full one. Without that one excuse, but with the other two, it is none, and the mean is good. An excuse may never make worse what would stand
/// without any (`excused` compares with that); of several, one may take back what others had helped with.
///
/// A second payer in the month that made the breach, with more than the least amount and declared in time: so the breach has been known for half a
/// year when the tip comes in, and a tip raises what became known within half a year of it.
const LAWFUL: [(&str, &str); 2] = [
    (
        "salary-below-floor",
        "of the months full without any excuse one is at exactly the tolerance; one krona less is low",
    ),
    ("employer-mismatch", "the least amount that counts, known late: since then"),
];

/// Which steps have lowered what stands: for each rule, what is told of them.
#[test]
fn worse_facts_never_lower_what_stands() {
    let all = catalogue();
    let rules: BTreeSet<&str> = all.rules.iter().map(|rule| rule.header.id.as_str()).collect();
    let told: BTreeSet<&str> = WORSE.iter().map(|(rule, ..)| *rule).collect();
    assert_eq!(rules, told, "the table says of each rule what is worse");
    let only = std::env::var("PERMITWATCH_MONOTONE_RULE").ok();
    let (mut failures, mut total, mut met) = (Vec::new(), [0; 3], BTreeSet::new());
    println!("{:<30}{:>8}{:>12}{:>9}  worse is", "rule", "steps", "compared", "raised");
    for (rule, words, steps) in WORSE.iter().filter(|(rule, ..)| only.as_ref().is_none_or(|only| only == rule)) {
        let [taken, compared, raised] = of_rule(rule, steps, &mut failures, &mut met);
        println!("{rule:<30}{taken:>8}{compared:>12}{raised:>9}  {words}");
        if taken < 15 || compared < 10 || raised == 0 {
            failures
                .push(format!("{rule}: {taken} steps, {compared} compared, {raised} raised: too few to show anything"));
        }
        total.iter_mut().zip([taken, compared, raised]).for_each(|(sum, more)| *sum += more);
    }
    let gone = LAWFUL.iter().filter(|known| only.as_ref().is_none_or(|only| only == known.0) && !met.contains(*known));
    failures.extend(
        gone.map(|(rule, case)| format!("{rule}, case {case:?}: nothing is lowered any more: strike it off `LAWFUL`")),
    );
    let [taken, compared, raised] = total;
    println!("{taken} steps, {compared} pairs of stages compared at a clock, {raised} of them raised");
    assert!(failures.is_empty(), "{} steps lowered what stands:\n{}", failures.len(), failures.join("\n"));
}

fn of_rule(
    rule: &str,
    steps: &[Step],
    failures: &mut Vec<String>,
    met: &mut BTreeSet<(&'static str, &'static str)>,
) -> [usize; 3] {
    let file = case_file(rule);
    let mut stages: Vec<Stage> = Vec::new();
    let mut records: Vec<Record> = Vec::new();
    let mut stage_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut terms = BTreeSet::new();
    for (number, case) in file.case.iter().enumerate() {
        for chain in 0..CHAINS {
            let seed = SEED ^ partition_of(rule.as_bytes(), 1 << 20) as u64 ^ ((number * CHAINS + chain) as u64) << 24;
            let mut before = None;
            for count in 0..=STAGES {
                let at = stages.len();
                let (facts, done) = facts(&file, case, &format!("m{at}"), steps, seed, count);
                if done.len() < count {
                    break;
                }
                let decisions = decisions(&facts);
                let mut own = facts.records;
                own.retain(|record| {
                    record.table != TableId::Terms || terms.insert((record.record_key.clone(), record.version))
                });
                let last_known = own.iter().map(|record| record.known_time.0).max().unwrap_or_default();
                let applications = own.iter().filter(|record| record.table == TableId::Applications).count();
                let is_without = before.is_some_and(|before: usize| stages[before].applications > applications);
                let until = if is_without { first_end(&own) } else { i64::MAX };
                for unit in Recording::new(own.clone()).units() {
                    stage_of.entry(unit).or_insert(at);
                }
                records.extend(own);
                stages.push(Stage { case: number, steps: done, before, last_known, until, applications, decisions });
                before = Some(at);
            }
        }
    }
    let recording = Recording::new(records);
    let first = stages.iter().map(|stage| stage.last_known).min().unwrap_or_default();
    let last = stages.iter().map(|stage| stage.last_known).max().unwrap_or_default();
    let first = KnownTime(first).next_midnight().0;
    let count = (last - first) / (EVERY * MICROS_PER_DAY) + 600 / EVERY;
    let regular = (0..count).map(|at| first + at * EVERY * MICROS_PER_DAY);
    let clocks: BTreeSet<i64> =
        stages.iter().flat_map(|stage| stage.decisions.iter().copied()).chain(regular).collect();
    let clocks: Vec<i64> = clocks.into_iter().collect();
    let mut catalogue = catalogue();
    catalogue.retain(&[rule]);
    let messages = recording.messages();
    let (_, ran) = strict(plan(&catalogue), &messages.iter().collect::<Vec<&Message>>(), usize::MAX, &clocks);
    let bad: Vec<String> = ran.quarantined.iter().map(|bad| format!("{:?} {}", bad.reason, bad.detail)).collect();
    assert!(bad.iter().all(|bad| bad.starts_with("Future") || bad.starts_with("TooLate")), "{rule}: {bad:?}");
    let (mut compared, mut raised) = (0, 0);
    let mut said = BTreeSet::new();
    // What stood on the days of decisions so far.
    let mut weighed: Vec<Option<Severity>> = vec![None; stages.len()];
    for (clock, rows) in clocks.iter().zip(&ran.standing) {
        let mut stands: Vec<Option<Severity>> = vec![None; stages.len()];
        for row in rows.iter().filter(|row| row.rule_id == rule) {
            if let Some(at) = stage_of.get(&row.person) {
                stands[*at] = stands[*at].max(Some(row.severity));
            }
        }
        for at in (0..stages.len()).filter(|at| stages[*at].decisions.contains(clock)) {
            weighed[at] = weighed[at].max(stands[at]);
        }
        for (at, stage) in stages.iter().enumerate() {
            let Some(before) = stage.before else { continue };
            let is_known = *clock >= stage.last_known.max(stages[before].last_known) && *clock < stage.until;
            if !is_known || stands[before].or(stands[at]).is_none() {
                continue;
            }
            compared += 1;
            raised += usize::from(stands[at] > stands[before]);
            if stands[at].max(weighed[at]) >= stands[before] {
                continue;
            }
            let here = (rule, file.case[stage.case].name.as_str());
            if let Some(known) = LAWFUL.iter().find(|known| **known == here) {
                met.insert(*known);
            } else if said.insert((stage.case, stage.steps.last().copied())) {
                let name = |of: Option<Severity>| of.map_or("nothing", Severity::name);
                failures.push(format!(
                    "{rule}, case {:?}, steps {:?}: {} before the last step, {} after it, at {}",
                    file.case[stage.case].name,
                    stage.steps,
                    name(stands[before]),
                    name(stands[at]),
                    format_micros(*clock)
                ));
            }
        }
    }
    [stages.iter().filter(|stage| stage.before.is_some()).count(), compared, raised]
}

/// Makes the change at each place, and says whether any of them changed something.
fn each(places: impl IntoIterator<Item = usize>, mut change: impl FnMut(usize) -> bool) -> bool {
    let mut any = false;
    for at in places {
        any |= change(at);
    }
    any
}

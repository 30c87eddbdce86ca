//! Salaries month by month, as the declarations tell them, and the thresholds in force on a day.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use crate::calendar::{At, Day, agi_complete};
use crate::facts::{Known, Permit, Seen, in_force_on};
use crate::rights::Holding;

/// Below this share of an employer's usual staff a month's declarations cannot be judged.
const ENOUGH_STAFF_PCT: i64 = 95;

/// Gross cash salary from everybody.
pub fn gross(p: &Known<'_>, month: Day) -> i64 {
    p.salaries.get(&month).map_or(0, |payers| payers.values().sum())
}

pub fn is_excused(p: &Known<'_>, month: Day) -> bool {
    p.excused_months.contains(&month)
}

/// Whether a month counted for more, as it was known at the end of a day, than it does now: more was declared, or it was excused.
pub fn counted_more(p: &Known<'_>, month: Day, on: Day) -> bool {
    let declared = in_force_on(&p.payment_versions, on).filter(|pay| pay.kind == "salary" && pay.month == month);
    let excused = in_force_on(&p.excused_versions, on).any(|excused| excused.month == month);
    declared.map(|pay| pay.amount_sek).sum::<i64>() > gross(p, month) || (excused && !is_excused(p, month))
}

/// Whether an employer declared enough of its usual staff for a month.
pub fn declared_enough(p: &Known<'_>, employer: &str, month: Day) -> bool {
    let of = p.group.employer_months.iter().find(|of| of.employer_id == employer && of.month == month);
    of.is_none_or(|of| of.reported_pct >= ENOUGH_STAFF_PCT)
}

/// Whether all declarations for a month are in on a day.
pub fn is_complete(month: Day, day: Day) -> bool {
    day >= agi_complete(month)
}

/// The permit's employers, with those that took over their business, on some day of a month.
pub fn permitted(p: &Known<'_>, permit_id: &str, from: Day, to: Day) -> Vec<String> {
    let rows = p.permit_employers.iter().filter(|row| row.permit_id == permit_id);
    let rows = rows.filter(|row| row.from_on <= to && row.to_on.is_none_or(|until| until >= from));
    let mut out: Vec<String> = rows.map(|row| row.employer_id.clone()).collect();
    let mut at = 0;
    while at < out.len() {
        let successor = p.group.employers.get(&out[at]).and_then(|employer| employer.successor_id.clone());
        if let Some(successor) = successor.filter(|successor| !out.contains(successor)) {
            out.push(successor);
        }
        at += 1;
    }
    out
}

/// A full month of employment under a permit that can be judged.
#[derive(Clone, Copy, Debug)]
pub struct FullMonth {
    pub month: Day,
    pub gross: i64,
    /// What its own permit asks for.
    pub required: i64,
    pub excused: bool,
    /// Full without a word about excused months; one that is not begins and worsens nothing.
    plain: bool,
    /// From when on it can be told.
    known: At,
}

impl FullMonth {
    /// What the month counts as: an excused one is as good as the requirement.
    pub fn counts(&self) -> i64 {
        if self.excused { self.gross.max(self.required) } else { self.gross }
    }

    /// Whether it is below so many per cent of what is required.
    pub fn below(&self, share: i64) -> bool {
        self.counts() * 100 < share * self.required
    }
}

/// What months count as, and what they should.
pub fn below(months: &[FullMonth], share: i64) -> bool {
    let counted: i64 = months.iter().map(FullMonth::counts).sum();
    let required: i64 = months.iter().map(|month| month.required).sum();
    counted * 100 < share * required
}

/// The last months, so many of them.
pub fn last(full: &[FullMonth], months: usize) -> Option<&[FullMonth]> {
    full.len().checked_sub(months).map(|from| &full[from..])
}

/// Of a month without pay in a short gap, one or two months, in what one employer pays: whether that one declared nothing, or (not
/// yet) anything. No employment ends beside it, unless a notice says that it did.
fn in_short_gap(p: &Known<'_>, month: Day) -> Option<bool> {
    let paid = |month: Day| gross(p, month) > 0;
    if paid(month) {
        return None;
    }
    let end = |step: i32| (1..=2).map(|by| month.add_months(step * by)).find(|month| paid(*month));
    let (before, after) = (end(-1)?, end(1)?);
    let ended = p.notices.iter().any(|notice| {
        notice.kind == "employment_end" && before <= notice.event_on.month() && notice.event_on.month() < after
    });
    if ended || after > before.add_months(3) {
        return None;
    }
    let pays = |month: Day, payer: &String| p.salaries[&month].get(payer).is_some_and(|amount| *amount > 0);
    let employers: Vec<&String> =
        p.salaries[&before].keys().filter(|payer| pays(before, payer) && pays(after, payer)).collect();
    let declared = |payer: &&String| p.salaries.get(&month).is_some_and(|of| of.contains_key(*payer));
    (!employers.is_empty()).then(|| employers.iter().any(declared))
}

/// The full months of employment under permits of one class and right that can be judged on a day, in order: months with pay between two
/// others with pay.
///
/// "Drop first and last employment month": a month beside a short gap is neither. One in the gap is a month of nothing where that was
/// declared, and unknown where not. An excused month is one of employment, with pay or without, and so no month is a first or last
/// one beside it.
fn full_months(
    p: &Known<'_>,
    of: &[&Holding],
    day: Day,
    required: impl Fn(&Seen<Permit>) -> Option<i64>,
) -> Vec<FullMonth> {
    let excused = |month: Day| is_excused(p, month);
    let paid = |month: Day| gross(p, month) > 0 || in_short_gap(p, month).is_some();
    let worked = |month: Day| paid(month) || excused(month);
    let Some(last) = p.salaries.keys().chain(&p.excused_months).max().copied() else { return Vec::new() };
    let mut out = Vec::new();
    for holding in of {
        let Some(required) = required(&p.permits[holding.permit]) else { continue };
        let mut month = holding.valid_from.month();
        while month <= last && is_complete(month, day) {
            let within = month >= holding.valid_from && holding.holds(month.month_end());
            let around = [month.add_months(-1), month, month.add_months(1)];
            let inside = around.iter().all(|&month| worked(month)) || excused(month);
            let told = excused(month) || gross(p, month) > 0 || in_short_gap(p, month) == Some(true);
            if within && inside && told && (excused(month) || can_be_judged(p, month)) {
                // Without the excuse a month for which nothing was declared, or too little, is none.
                let plain = around.iter().all(|&month| paid(month))
                    && (gross(p, month) > 0 || in_short_gap(p, month) == Some(true))
                    && can_be_judged(p, month);
                // That pay goes on after a gap tells that the month before it was not the last.
                let next = (1..=3).map(|by| month.add_months(by)).find(|next| gross(p, *next) > 0);
                let until = next.unwrap_or(month).max(month.add_months(1));
                let of_it = p
                    .payments
                    .iter()
                    .filter(|pay| pay.kind == "salary" && around[0] <= pay.month && pay.month <= until);
                let known = of_it.map(|pay| pay.first_known).max().unwrap_or(At(0)).max(agi_complete(month).start());
                out.push(FullMonth { month, gross: gross(p, month), required, excused: excused(month), plain, known });
            }
            month = month.add_months(1);
        }
    }
    out
}

/// What a rule finds in the full months of employment under permits of this one's class and right.
///
/// An excuse only helps: it lowers what stands, and a month that is there only thanks to one begins and worsens nothing. Low months
/// that the decision on the permit could weigh raise nothing on it, whatever good ones came later.
pub fn judge<T: Ord>(
    p: &Known<'_>,
    carrier: &Holding,
    day: Day,
    required: impl Fn(&Seen<Permit>) -> Option<i64>,
    of: impl Fn(&[FullMonth]) -> Option<T>,
) -> Option<T> {
    let chain: Vec<&Holding> = carried_by(p, carrier).collect();
    let full = full_months(p, &chain, day, required);
    let found = |months: &[FullMonth]| {
        // Of a month that counted for more then, the decision could not know.
        let weighed = |month: &FullMonth| {
            carrier.settles(month.known) && !carrier.decided_on.is_some_and(|on| counted_more(p, month.month, on))
        };
        let new = months.iter().any(|month| month.below(100) && !weighed(month));
        if new { of(months) } else { None }
    };
    let over = |full: &[FullMonth]| {
        let mut standing = None;
        for last in 0..full.len() {
            let now = found(&full[..=last]);
            standing = if full[last].plain { now } else { standing.min(now) };
        }
        standing
    };
    let standing = over(&full);
    if p.excused_months.is_empty() {
        return standing;
    }
    // A month of leave in a short gap that nothing was declared for counts as met, or not at all, whichever is less.
    let told = |month: &&FullMonth| in_short_gap(p, month.month) != Some(false);
    let told: Vec<FullMonth> = full.iter().filter(told).copied().collect();
    // And a month that is full only thanks to an excuse does not speak against the person.
    let own: Vec<FullMonth> = told.iter().copied().filter(|month| month.plain).collect();
    let plain: Vec<FullMonth> = own.iter().map(|month| FullMonth { excused: false, ..*month }).collect();
    standing.min(over(&told)).min(found(&own)).min(found(&plain))
}

/// For how many months the last payment before a time without pays beyond its own: so many means of the last three full months it holds.
/// An excuse may only help, so what is usual is the same with and without one: a month is full between two with pay.
pub fn severance(p: &Known<'_>, last: Day) -> usize {
    let paid = |month: Day| gross(p, month) > 0;
    let before = p.salaries.keys().rev().copied().filter(|month| *month < last && paid(*month));
    let full: Vec<i64> = before
        .filter(|month| paid(month.add_months(-1)) && paid(month.add_months(1)))
        .take(3)
        .map(|month| gross(p, month))
        .collect();
    let sum: i64 = full.iter().sum();
    if sum == 0 {
        return 0;
    }
    let means = gross(p, last) * full.len() as i64 / sum;
    usize::try_from(means - 1).unwrap_or(0)
}

/// The permits of this one's class and right up to itself.
pub fn carried_by<'a>(p: &'a Known<'_>, carrier: &'a Holding) -> impl Iterator<Item = &'a Holding> {
    let class = p.permits[carrier.permit].permit_class;
    let upto = p.holdings.iter().filter(move |own| own.right == carrier.right && own.valid_from <= carrier.valid_from);
    upto.filter(move |own| p.permits[own.permit].permit_class == class)
}

/// Whether the month after the last full one makes up for it: pay that was only late, so that the two together are enough.
pub fn shifted(p: &Known<'_>, full: &[FullMonth], tolerance: i64) -> bool {
    full.last().is_some_and(|last| {
        let next = gross(p, last.month.add_months(1));
        !last.excused && next * 10 >= 18 * last.gross && (last.gross + next) * 100 >= 2 * tolerance * last.required
    })
}

/// Whether every employer that paid in a month, or in the last paid month before, declared enough of its staff.
pub fn can_be_judged(p: &Known<'_>, month: Day) -> bool {
    let payers = p.salaries.range(..=month).rev().find(|(_, payers)| payers.values().any(|amount| *amount > 0));
    payers.is_none_or(|(_, payers)| payers.keys().all(|payer| declared_enough(p, payer, month)))
}

/// The salary that a permit asks for each month (UF 5 kap. 8 a §): its own, else the one in force when it was applied for.
pub fn floor(permit: &Seen<Permit>) -> Option<i64> {
    let name =
        if permit.first_grant == Some(false) { "livelihood_floor_extension_sek" } else { "livelihood_floor_sek" };
    permit.floor_sek.or_else(|| parameter(name, permit.application_on.unwrap_or(permit.valid_from)))
}

struct Threshold {
    from: Day,
    until: Option<Day>,
    value: i64,
}

static PARAMETERS: LazyLock<BTreeMap<String, Vec<Threshold>>> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/parameters.csv");
    let mut out: BTreeMap<String, Vec<Threshold>> = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines().skip(1) {
        let mut cells = line.split(',');
        let mut cell = || cells.next().unwrap();
        let (name, from, until, value) = (cell(), cell(), cell(), cell());
        let until = (!until.is_empty()).then(|| Day::parse(until));
        let threshold = Threshold { from: Day::parse(from), until, value: value.parse().unwrap() };
        out.entry(name.to_owned()).or_default().push(threshold);
    }
    out
});

/// A threshold that is in force on a day.
pub fn parameter(name: &str, day: Day) -> Option<i64> {
    let of = PARAMETERS.get(name)?;
    of.iter().find(|t| t.from <= day && t.until.is_none_or(|until| day < until)).map(|t| t.value)
}

//! Salaries month by month, as the declarations tell them, and the thresholds in force on a day.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use crate::calendar::{At, Day, agi_complete};
use crate::facts::{Known, Permit, Seen};
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
    pub excused: bool,
    /// Full without a word about excused months; one that is not begins and worsens nothing.
    plain: bool,
    /// From when on it can be told.
    pub known: At,
}

impl FullMonth {
    /// What the month counts as beside a required salary: an excused one is as good as the requirement.
    pub fn counts(&self, required: i64) -> i64 {
        if self.excused { self.gross.max(required) } else { self.gross }
    }
}

/// The full months of employment under a permit that can be judged on a day, in order: months with pay between two others with pay.
/// An excused month is one of employment, with pay or without, and so no month is a first or last one beside it.
fn full_months(p: &Known<'_>, holding: &Holding, day: Day) -> Vec<FullMonth> {
    let excused = |month: Day| is_excused(p, month);
    let worked = |month: Day| gross(p, month) > 0 || excused(month);
    let Some(last) = p.salaries.keys().chain(&p.excused_months).max().copied() else { return Vec::new() };
    let mut out = Vec::new();
    let mut month = holding.valid_from.month();
    while month <= last && is_complete(month, day) {
        let within = month >= holding.valid_from && holding.held_until.is_none_or(|until| month.month_end() <= until);
        let around = [month.add_months(-1), month, month.add_months(1)];
        let inside = around.iter().all(|&month| worked(month)) || excused(month);
        if within && inside && (excused(month) || can_be_judged(p, month)) {
            let plain = around.iter().all(|&month| gross(p, month) > 0);
            let of_it = p.payments.iter().filter(|pay| pay.kind == "salary" && around.contains(&pay.month));
            let known = of_it.map(|pay| pay.first_known).max().unwrap_or(At(0)).max(agi_complete(month).start());
            out.push(FullMonth { month, gross: gross(p, month), excused: excused(month), plain, known });
        }
        month = month.add_months(1);
    }
    out
}

/// What a rule finds in the full months of employment under permits of this one's class and right, of which it carries the telling: its
/// own, and those before it that its decision could not weigh.
///
/// An excuse only helps: it lowers what stands, and a month that is there only thanks to one begins and worsens nothing.
pub fn judge<T: Ord>(
    p: &Known<'_>,
    carrier: &Holding,
    day: Day,
    of: impl Fn(&Seen<Permit>, &[FullMonth]) -> Option<T>,
) -> Option<T> {
    let found = |holding: &&Holding| {
        let permit = &p.permits[holding.permit];
        let full = full_months(p, holding, day);
        let settled = full.iter().rev().take(3).all(|month| carrier.settles(month.known));
        if holding.permit != carrier.permit && settled {
            return None;
        }
        let mut standing = None;
        for last in 0..full.len() {
            let now = of(permit, &full[..=last]);
            standing = if full[last].plain { now } else { standing.min(now) };
        }
        let plain = full.iter().copied().filter(|month| month.plain);
        let plain: Vec<FullMonth> = plain.map(|month| FullMonth { excused: false, ..month }).collect();
        if p.excused_months.is_empty() { standing } else { standing.min(of(permit, &plain)) }
    };
    carried_by(p, carrier).filter_map(|holding| found(&holding)).max()
}

/// The permits of this one's class and right up to itself.
pub fn carried_by<'a>(p: &'a Known<'_>, carrier: &'a Holding) -> impl Iterator<Item = &'a Holding> {
    let class = p.permits[carrier.permit].permit_class;
    let upto = p.holdings.iter().filter(move |own| own.right == carrier.right && own.valid_from <= carrier.valid_from);
    upto.filter(move |own| p.permits[own.permit].permit_class == class)
}

/// Whether the month after the last full one makes up for it: pay that was only late.
pub fn shifted(p: &Known<'_>, full: &[FullMonth]) -> bool {
    full.last().is_some_and(|last| !last.excused && gross(p, last.month.add_months(1)) * 10 >= 18 * last.gross)
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

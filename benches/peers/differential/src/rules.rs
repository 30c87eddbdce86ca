//! The reduced rules as a dataflow: latest versions by `reduce`, sums carried in the difference, joins, anti-joins.

use differential_dataflow::VecCollection;
use differential_dataflow::input::{Input, InputSession};
use timely::dataflow::Scope;

pub type Person = u64;
pub type Country = [u8; 3];
/// (version, retracted, row): the greatest version of a record is in force.
type Versioned<V> = ((Person, u64), (i64, bool, V));
type Rows<'a, D> = VecCollection<'a, u64, D, isize>;
type In<D> = InputSession<u64, D, isize>;

/// permit, class, first grant, first day, month of it, 1 if that is a part month, last day, floor, tied until, tied to an employer
pub type Permit = (u64, Class, bool, i32, i32, i32, Option<i32>, Option<i64>, Option<i32>, bool);
/// payer, month, amount
pub type Pay = (u64, i32, i64);
/// observed on, false for an exit (exits come first), record
pub type Journey = (i32, bool, u64);
/// rule, person, permit, key (a day, or a country), day from which it holds, last day
pub type Alert = (u8, Person, u64, Key, i32, Option<i32>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Class {
    Work,
    OtherTied,
    Permanent,
    Protected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Key {
    NotStarted,
    Month(i32),
    Day(i32),
    Country(Country),
}

/// Where records go in.
pub struct Inputs {
    pub permits: In<Versioned<Permit>>,
    pub payments: In<Versioned<Pay>>,
    pub population: In<Versioned<Option<i32>>>,
    pub statuses: In<Versioned<(Country, i32, Option<i32>)>>,
    /// person, permit, employer, first month, last month
    pub allowed: In<(Person, u64, u64, i32, i32)>,
    pub journeys: In<((Person, Country), Journey)>,
    pub starts: In<(Person, (i32, i32))>,
    /// (employer, 0), (version, retracted, no ordinary payer)
    pub employers: In<Versioned<bool>>,
}

impl Inputs {
    pub fn advance(&mut self, time: u64) {
        macro_rules! each { ($($input:ident),*) => { $( self.$input.advance_to(time); self.$input.flush(); )* } }
        each!(permits, payments, population, statuses, allowed, journeys, starts, employers);
    }
}

fn latest<'a, V: differential_dataflow::ExchangeData + std::hash::Hash>(
    rows: Rows<'a, Versioned<V>>,
) -> Rows<'a, (Person, V)> {
    rows.reduce(|_, input, output| {
        if let Some((_, false, row)) = input.last().map(|last| last.0) {
            output.push((row.clone(), 1));
        }
    })
    .map(|((person, _), row)| (person, row))
}

/// The month of a day, as a number.
pub fn month_of(day: i32) -> i32 {
    crate::feed::month(&crate::feed::show_day(day)).unwrap_or(0)
}

/// The day on which all employers have declared for `month`: the seventh of the second month after.
pub fn complete(month: i32) -> i32 {
    let due = month + 2;
    crate::feed::day(&format!("{:04}-{:02}-07", due.div_euclid(12), due.rem_euclid(12) + 1)).unwrap_or(0)
}

pub fn build<'a>(scope: Scope<'a, u64>) -> (Inputs, Rows<'a, Alert>) {
    let (permits_in, permits) = scope.new_collection();
    let (payments_in, payments) = scope.new_collection();
    let (population_in, population) = scope.new_collection();
    let (statuses_in, statuses) = scope.new_collection();
    let (allowed_in, allowed) = scope.new_collection();
    let (journeys_in, journeys) = scope.new_collection();
    let (starts_in, starts) = scope.new_collection();
    let (employers_in, employers) = scope.new_collection();
    let inputs = Inputs {
        permits: permits_in,
        payments: payments_in,
        population: population_in,
        statuses: statuses_in,
        allowed: allowed_in,
        journeys: journeys_in,
        starts: starts_in,
        employers: employers_in,
    };
    let permits = latest(permits);
    let work = permits.clone().filter(|(_, p)| matches!(p.1, Class::Work));
    // the amount is the difference, so that a count is a sum; who has no such permit is dropped before anything is summed
    let holders = permits
        .clone()
        .filter(|(_, p)| matches!(p.1, Class::Work | Class::OtherTied))
        .map(|(person, _)| person)
        .distinct();
    let pay = latest(payments).semijoin(holders);
    let paid_by =
        pay.explode(|(person, (payer, month, amount))| Some(((person, month, payer), amount as isize))).count();
    let paid = paid_by.clone().explode(|((person, month, _), gross)| Some(((person, month), gross))).count();
    let alerts = not_started(work.clone(), paid.clone(), starts)
        .concat(below_floor(work, paid))
        .concat(other_employer(permits.clone(), paid_by, allowed, employers))
        .concat(emigrated(permits.clone(), population))
        .concat(home_travel(permits, statuses, journeys));
    (inputs, alerts.consolidate())
}

fn not_started<'a>(
    work: Rows<'a, (Person, Permit)>,
    paid: Rows<'a, ((Person, i32), isize)>,
    starts: Rows<'a, (Person, (i32, i32))>,
) -> Rows<'a, Alert> {
    let first = work.filter(|(_, p)| p.2).map(|(person, p)| (person, (p.0, p.3, p.4, p.6)));
    let noticed = first
        .clone()
        .join(starts)
        .filter(|(_, ((_, from, month, _), (on, on_month)))| *on >= from - 31 && *on_month <= month + 5)
        .map(|(person, (permit, _))| (person, permit));
    let paid = first
        .clone()
        .join(paid.map(|((person, month), gross)| (person, (month, gross))))
        .filter(|(_, ((_, _, from, _), (month, _)))| month >= from && *month <= from + 5)
        .explode(|(person, (permit, (_, gross)))| Some(((person, permit), gross)))
        .count()
        .filter(|(_, sum)| *sum > 0)
        .map(|(permit, _)| permit);
    let begun = noticed.concat(paid).distinct();
    first.map(|row| (row, ())).antijoin(begun).map(|((person, (permit, _, month, until)), ())| {
        (1, person, permit, Key::NotStarted, complete(month + 5), until)
    })
}

fn below_floor<'a>(work: Rows<'a, (Person, Permit)>, paid: Rows<'a, ((Person, i32), isize)>) -> Rows<'a, Alert> {
    let sliding = paid
        .filter(|(_, gross)| *gross > 0)
        .explode(|((person, month), gross)| (0..3).map(move |k| ((person, month + k), (gross, 1isize))))
        .count()
        .map(|((person, month), (sum, months))| (person, (month, sum, months)))
        .filter(|(_, (_, _, months))| *months == 3)
        .map(|(person, (month, sum, _))| (person, (month, sum)));
    work.map(|(person, p)| (person, (p.0, p.4 + p.5, p.6, p.7)))
        .join(sliding)
        .filter(|(_, ((_, from, until, floor), (month, sum)))| {
            month - 2 >= *from
                && until.is_some_and(|until| *month <= month_of(until))
                && floor.is_some_and(|floor| *sum as i64 * 100 < 3 * floor * 95)
        })
        .map(|(person, ((permit, _, until, _), (month, _)))| ((person, permit, until), month))
        .reduce(|_, months, output| output.push((*months[0].0, 1)))
        .map(|((person, permit, until), month)| (4, person, permit, Key::Month(month), complete(month), until))
}

fn other_employer<'a>(
    permits: Rows<'a, (Person, Permit)>,
    paid_by: Rows<'a, ((Person, i32, u64), isize)>,
    allowed: Rows<'a, (Person, u64, u64, i32, i32)>,
    employers: Rows<'a, Versioned<bool>>,
) -> Rows<'a, Alert> {
    let tied = permits.filter(|(_, p)| p.9).map(|(person, p)| (person, (p.0, p.4 + p.5, p.6, p.8)));
    let pays = paid_by.filter(|(_, gross)| *gross >= 5000).map(|((person, month, payer), _)| (person, (month, payer)));
    let under = tied
        .join(pays)
        .filter(|(_, ((_, from, until, tied), (month, _)))| {
            let last = match (until, tied) {
                (Some(until), Some(tied)) => Some(*until.min(tied)),
                (until, _) => *until,
            };
            month >= from && last.is_some_and(|last| *month <= month_of(last))
        })
        .map(|(person, ((permit, _, until, _), (month, payer)))| ((person, permit, payer), (until, month)));
    let permitted = under
        .clone()
        .join(allowed.map(|(person, permit, employer, from, to)| ((person, permit, employer), (from, to))))
        .filter(|(_, ((_, month), (from, to)))| from <= month && to >= month)
        .map(|(key, (row, _))| (key, row))
        .distinct();
    let others = under
        .map(|row| (row, ()))
        .antijoin(permitted)
        .map(|(((person, permit, payer), (until, month)), ())| (payer, (person, permit, until, month)));
    let odd_payers = latest(employers).filter(|(_, odd)| *odd).map(|(employer, _)| employer).distinct();
    others
        .antijoin(odd_payers)
        .map(|(_, row)| row)
        .distinct()
        .flat_map(|(person, permit, until, month)| (0..3).map(move |k| (person, permit, until, month + k)))
        .count()
        .filter(|(_, months)| *months >= 2)
        .map(|((person, permit, until, month), _)| ((person, permit, until), month))
        .reduce(|_, months, output| output.push((*months[0].0, 1)))
        .map(|((person, permit, until), month)| (7, person, permit, Key::Month(month), complete(month), until))
}

fn emigrated<'a>(permits: Rows<'a, (Person, Permit)>, population: Rows<'a, Versioned<Option<i32>>>) -> Rows<'a, Alert> {
    let moved = latest(population).flat_map(|(person, dereg_on)| dereg_on.map(|on| (person, on)));
    permits
        .filter(|(_, p)| matches!(p.1, Class::Permanent))
        .map(|(person, p)| (person, (p.0, p.3, p.6)))
        .join(moved)
        .filter(|(_, ((_, from, _), on))| on >= from)
        .map(|(person, ((permit, _, until), on))| (15, person, permit, Key::Day(on), on + 30, until))
}

fn home_travel<'a>(
    permits: Rows<'a, (Person, Permit)>,
    statuses: Rows<'a, Versioned<(Country, i32, Option<i32>)>>,
    journeys: Rows<'a, ((Person, Country), Journey)>,
) -> Rows<'a, Alert> {
    let visits = journeys.reduce(|_, rows, output| {
        for pair in rows.windows(2) {
            let (left, back) = (pair[0].0, pair[1].0);
            if !left.1 && back.1 && back.0 >= left.0 + 14 {
                output.push((left.0, 1));
            }
        }
    });
    latest(statuses)
        .map(|(person, (country, declared, ended))| ((person, country), (declared, ended)))
        .join(visits)
        .filter(|(_, ((declared, ended), left))| left > declared && ended.is_none_or(|ended| *left < ended))
        .map(|((person, country), (_, left))| (person, (country, left)))
        .join(permits.filter(|(_, p)| matches!(p.1, Class::Protected)).map(|(person, p)| (person, (p.0, p.3, p.6))))
        .filter(|(_, ((_, left), (_, from, until)))| from <= left && until.is_none_or(|until| until >= *left))
        .map(|(person, ((country, _), (permit, _, until)))| (18, person, permit, Key::Country(country), 0, until))
        .distinct()
}

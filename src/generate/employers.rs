//! Employers and paying authorities: sizes after Zipf, valid organisation numbers.
//!
//! The pool's employers are sound. Those with a story (bankrupt, taken over, incomplete months) belong to one person's scenario, or
//! to the outsiders' part of the pool, so that no story affects a clean person.

use std::sync::Arc;

use chrono::NaiveDate;

use super::calendar::{DAY_US, HOUR_US, add_days, add_months, declaration_due, instant, month_of, months};
use super::dice::{Dice, Purpose};
use super::identity::organisation_number;
use super::world::{World, reference};
use super::{Message, Options, Value, rows};
use crate::model::schema::TableId;

/// First nine digits of organisation numbers: the pool counts from the first, scenarios from the second.
const POOL_NUMBERS: u64 = 556_000_000;
const SCENARIO_NUMBERS: u64 = 559_000_000;
/// One pool employer for so many persons.
const PERSONS_PER_EMPLOYER: usize = 12;
/// Employers of this share of ranks are large enough to declare on the 26th.
const LARGE_RANKS_PERMILLE: usize = 60;

/// Months of an employer that are first declared in part (estimate).
const INCOMPLETE_PERMILLE: u32 = 8;

/// SNI sections in which permit holders work.
const SECTORS: &[&str] = &["J", "I", "N", "F", "C", "Q", "M", "G", "H", "P"];

/// An employer or authority that pays.
#[derive(Clone, Debug)]
pub(super) struct Payer {
    pub(super) id: Arc<str>,
    /// Whether it declares on the 26th.
    pub(super) large: bool,
}

pub(super) struct Employers {
    pool: Vec<Payer>,
    /// Running sums of Zipf weights, so that a draw is a binary search.
    weights: Vec<u64>,
    /// Outsiders' employers with a story: the payer, the day of bankruptcy, the successor.
    tail: Vec<(Payer, Option<NaiveDate>, Option<Arc<str>>)>,
    pub(super) insurance_agency: Payer,
    pub(super) student_aid: Payer,
    pub(super) pensions: Payer,
    pub(super) migration_agency: Payer,
    pub(super) insurer: Payer,
    pub(super) unemployment_fund: Payer,
}

impl Employers {
    pub(super) fn new(options: &Options, start: NaiveDate) -> Employers {
        let size = (options.persons / PERSONS_PER_EMPLOYER).clamp(25, 20_000);
        let large_ranks = (size * LARGE_RANKS_PERMILLE / 1000).max(2);
        let pool: Vec<Payer> =
            (0..size).map(|rank| payer(POOL_NUMBERS + rank as u64 * 37, rank < large_ranks)).collect();
        let mut total = 0;
        let weights = (0..size as u64)
            .map(|rank| {
                total += 1_000_000 / (rank + 2);
                total
            })
            .collect();
        let mut dice = Dice::new(options.seed, Purpose::Employers, 0);
        let tail = (0..(size as u64 / 20).max(2))
            .map(|number| {
                let one = payer(POOL_NUMBERS + 2_000_000 + number * 41, false);
                let day = add_days(start, dice.between(20, 300));
                match number % 2 {
                    0 => (one, Some(day), None),
                    _ => (one, None, Some(payer(POOL_NUMBERS + 2_500_000 + number * 41, false).id)),
                }
            })
            .collect();
        Employers {
            pool,
            weights,
            tail,
            insurance_agency: payer(202_100_552, true),
            student_aid: payer(202_100_181, true),
            pensions: payer(202_100_625, true),
            migration_agency: payer(202_100_216, true),
            insurer: payer(502_033_064, true),
            unemployment_fund: payer(802_005_530, true),
        }
    }

    /// An employer from the pool; large ones are more likely.
    pub(super) fn draw(&self, dice: &mut Dice) -> Payer {
        let total = self.weights.last().copied().unwrap_or(1);
        let drawn = dice.below(total);
        let rank = self.weights.partition_point(|sum| *sum <= drawn);
        self.pool[rank.min(self.pool.len() - 1)].clone()
    }

    /// An employer for a person outside the population.
    pub(super) fn draw_outside(&self, dice: &mut Dice) -> Payer {
        if dice.permille(20) {
            let number = dice.below(self.tail.len() as u64) as usize;
            return self.tail[number].0.clone();
        }
        self.draw(dice)
    }

    pub(super) fn tell(&self, world: &World, feed: &mut Vec<Message>) {
        let at = world.start_us;
        for (rank, one) in self.pool.iter().enumerate() {
            feed.push(employer_record(one, Story::sound(SECTORS[rank % SECTORS.len()]), 1, at));
        }
        for (number, (one, bankrupt_on, successor)) in self.tail.iter().enumerate() {
            let sound = Story::sound(SECTORS[number % SECTORS.len()]);
            feed.push(employer_record(one, sound.clone(), 1, at));
            if let Some(successor) = successor {
                let new = Payer { id: Arc::clone(successor), large: false };
                feed.push(employer_record(&new, sound.clone(), 1, at));
            }
            let told_on = bankrupt_on.map_or(add_days(world.start, 90), |day| add_days(day, 4));
            if told_on < world.until {
                let story = Story { bankrupt_on: *bankrupt_on, successor: successor.clone(), ..sound };
                feed.push(employer_record(one, story, 2, instant(told_on)));
            }
        }
        self.tell_incomplete_months(world, feed);
        let public = Story { payer_kind: "public_payer", ..Story::sound("O") };
        for one in [&self.insurance_agency, &self.student_aid, &self.pensions, &self.migration_agency] {
            feed.push(employer_record(one, public.clone(), 1, at));
        }
        let insurer = Story { payer_kind: "insurer", ..Story::sound("K") };
        for one in [&self.insurer, &self.unemployment_fund] {
            feed.push(employer_record(one, insurer.clone(), 1, at));
        }
    }

    /// Some months an employer declares part of its staff first and the rest some days later, well before the month counts as
    /// complete.
    fn tell_incomplete_months(&self, world: &World, feed: &mut Vec<Message>) {
        let mut dice = Dice::new(world.options.seed, Purpose::Employers, 1);
        let last = add_months(month_of(world.until), -3);
        for one in &self.pool {
            for month in months(world.start, last) {
                if dice.permille(INCOMPLETE_PERMILLE) {
                    let declared = instant(declaration_due(month, one.large)) + 20 * HOUR_US;
                    let completed = declared + dice.between(2, 8) * DAY_US;
                    let reported_pct = dice.between(60, 94);
                    feed.push(employer_month(one, month, reported_pct, 1, declared));
                    feed.push(employer_month(one, month, 100, 2, completed));
                }
            }
        }
    }
}

/// An employer of one person's scenario; `slot` distinguishes several of one person.
pub(super) fn scenario_payer(person: usize, slot: u64) -> Payer {
    payer(SCENARIO_NUMBERS.wrapping_add(person as u64 * 4 + slot) % 1_000_000_000, false)
}

fn payer(first_nine: u64, large: bool) -> Payer {
    Payer { id: Arc::from(organisation_number(first_nine)), large }
}

/// What the reference feed reports of an employer.
#[derive(Clone)]
pub(super) struct Story {
    pub(super) sector: &'static str,
    pub(super) bankrupt_on: Option<NaiveDate>,
    pub(super) successor: Option<Arc<str>>,
    pub(super) payer_kind: &'static str,
}

impl Story {
    pub(super) fn sound(sector: &'static str) -> Story {
        Story { sector, bankrupt_on: None, successor: None, payer_kind: "normal" }
    }
}

pub(super) fn employer_record(one: &Payer, story: Story, version: i64, known_time: i64) -> Message {
    let event = story.bankrupt_on.map_or(known_time, instant);
    let values = vec![
        rows::text(&one.id),
        Value::Code(story.sector),
        rows::maybe_day(story.bankrupt_on),
        story.successor.map_or(Value::Null, |id| rows::text(&id)),
        Value::Code(story.payer_kind),
    ];
    reference(TableId::Employers, &one.id, version, known_time, event, values)
}

/// How much of an employer's usual staff a month's declarations cover.
pub(super) fn employer_month(
    one: &Payer,
    month: NaiveDate,
    reported_pct: i64,
    version: i64,
    known_time: i64,
) -> Message {
    let values = vec![rows::text(&one.id), rows::day(month), Value::Int(reported_pct)];
    reference(TableId::EmployerMonths, &one.id, version, known_time, instant(month), values)
}

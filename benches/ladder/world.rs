//! A population of so many holders in two shards, and the rungs run over it from memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use permitwatch::catalogue::Catalogue;
use permitwatch::config::Config;
use permitwatch::model::schema::TableId;
use permitwatch::model::time::KnownTime;
use permitwatch::pipeline::Unobserved;
use permitwatch::pipeline::reload::RulesInForce;
use permitwatch::rules::RuleSet;
use permitwatch::shard::Shard;

use crate::population::{ORIGINAL, Original};
use crate::rungs::{Rung, Sample, Surroundings, Task, run, run_pipeline};
use crate::sinks::Discard;
use crate::stream::{Cut, MemoryShard, Stream, TURNS, available, cut};

pub const PARTITIONS: i32 = 2;
/// Records of the population in a stream that is read again and again.
const READ_AGAIN: usize = 100_000;
/// Messages of one run, at least and at most.
const MESSAGES: (usize, usize) = (8_000, 1_200_000);

/// What a ladder is climbed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    pub holders: u32,
    pub months: u32,
    pub in_scope_pct: u32,
}

pub struct World {
    pub original: Arc<Original>,
    pub copies: u32,
    catalogue: Arc<Catalogue>,
    pub surroundings: Surroundings,
    /// By partition; out while a thread has it.
    pub shards: Vec<Shard>,
    /// Records of the population's month that have been used up.
    cursor: usize,
    /// By rung and share in scope, nanoseconds that a message took last time, in one thread.
    pace_ns: BTreeMap<(Rung, u32), f64>,
    /// By share in scope, what the rungs that leave no trace read again and again.
    read_again: BTreeMap<u32, Vec<Arc<Stream>>>,
}

pub fn copies(holders: u32) -> u32 {
    (holders / ORIGINAL).max(1)
}

impl World {
    pub fn new(original: &Arc<Original>, holders: u32, catalogue: &Arc<Catalogue>) -> anyhow::Result<World> {
        let mut world = World {
            original: Arc::clone(original),
            copies: copies(holders),
            surroundings: Surroundings {
                config: Arc::new(Config::default()),
                rules: Arc::new(RulesInForce::new(catalogue.as_ref().clone())),
            },
            catalogue: Arc::clone(catalogue),
            shards: Vec::new(),
            cursor: 0,
            pace_ns: BTreeMap::new(),
            read_again: BTreeMap::new(),
        };
        world.build(RuleSet::plan_for(&world.catalogue, PARTITIONS as usize)?)?;
        Ok(world)
    }

    /// Fills the shards, each on a thread.
    fn build(&mut self, rules: Vec<RuleSet>) -> anyhow::Result<()> {
        let (original, copies) = (&self.original, self.copies);
        let built: Vec<anyhow::Result<Shard>> = std::thread::scope(|scope| {
            let fill = |(number, rules)| {
                scope.spawn(move || {
                    let mut shard = original.shard(copies, number, PARTITIONS, rules)?;
                    original.set_conditions(copies, &mut shard);
                    original.settle(copies, &mut shard)?;
                    Ok(shard)
                })
            };
            let threads: Vec<_> = (0..PARTITIONS).zip(rules).map(fill).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(Err(anyhow!("a thread panicked")))).collect()
        });
        self.shards = built.into_iter().collect::<anyhow::Result<_>>()?;
        self.cursor = 0;
        let standing: usize = self.shards.iter().map(|shard| shard.detector().standing().count()).sum();
        let timers: usize = self.shards.iter().map(|shard| shard.detector().timer_count()).sum();
        let expected = (self.original.standing * copies as usize, self.original.timers * copies as usize);
        if (standing, timers) != expected {
            eprintln!(
                "the copies differ from the original: {standing} alerts and {timers} timers, expected {expected:?}"
            );
        }
        Ok(())
    }

    /// The shards as they were at the beginning.
    pub fn rebuild(&mut self) -> anyhow::Result<()> {
        let rules = std::mem::take(&mut self.shards).into_iter().map(Shard::into_rule_set).collect();
        self.build(rules)
    }

    /// Persons, rows, and bytes of history, estimated from buffers as the engine's own metric does.
    pub fn weight(&self) -> [u64; 3] {
        let rows =
            |shard: &Shard| TableId::ALL.iter().map(|table| u64::from(shard.history().store(*table).rows())).sum();
        let of = |shard: &Shard| [shard.history().person_count() as u64, rows(shard), shard.history().state_bytes()];
        self.shards.iter().map(of).fold([0; 3], |sum, own| std::array::from_fn(|at| sum[at] + own[at]))
    }

    /// Up to when the permits feed counts as having spoken.
    pub fn permits_until(&self) -> KnownTime {
        KnownTime(self.original.start.0 + 86_400_000_000)
    }

    /// So many messages that a run takes about its budget, out of records that no run has had.
    pub fn stream(&mut self, rung: Rung, pct: u32, budget: Duration) -> anyhow::Result<Vec<Arc<Stream>>> {
        if !rung.keeps() {
            if let Some(streams) = self.read_again.get(&pct) {
                return Ok(streams.clone());
            }
            let streams = self.cut(false, READ_AGAIN.min(MESSAGES.1 * pct as usize / 100), pct)?;
            self.read_again.insert(pct, streams.clone());
            return Ok(streams);
        }
        let guess = if rung >= Rung::Rules { 4_000.0 * f64::from(pct) } else { 400.0 };
        let pace_ns = self.pace_ns.get(&(rung, pct)).copied().unwrap_or(guess);
        let wanted = budget.as_nanos() as f64 * f64::from(PARTITIONS) / pace_ns.max(20.0);
        let messages = (wanted as usize).clamp(MESSAGES.0, MESSAGES.1);
        self.cut(true, messages * pct as usize / 100, pct)
    }

    /// A piece of the stream with so many records of the population; `used`: and no later one has any of them.
    pub fn cut(&mut self, used: bool, records: usize, pct: u32) -> anyhow::Result<Vec<Arc<Stream>>> {
        let all = available(&self.original, self.copies) * TURNS;
        let records = records.clamp(1, all);
        if self.cursor + records > all {
            self.rebuild()?;
        }
        let wanted =
            Cut { copies: self.copies, first: self.cursor, records, in_scope_pct: pct, partitions: PARTITIONS };
        if used {
            self.cursor += records;
        }
        Ok(cut(&self.original, wanted))
    }

    /// Runs one rung from memory, a thread for each shard.
    pub fn climb(&mut self, rung: Rung, pct: u32, budget: Duration) -> anyhow::Result<Vec<Sample>> {
        let streams = self.stream(rung, pct, budget)?;
        let permits_until = self.permits_until();
        let surroundings = &self.surroundings;
        let shards = std::mem::take(&mut self.shards);
        let done: Vec<anyhow::Result<(Shard, Sample)>> = std::thread::scope(|scope| {
            let climb = |(mut shard, stream): (Shard, Arc<Stream>)| {
                scope.spawn(move || {
                    let task = Task {
                        rung,
                        source: MemoryShard::new(&stream, None),
                        messages: stream.entries.len() as u64,
                        budget: budget * 3,
                        permits_until,
                        partitions: PARTITIONS,
                        limits: surroundings.config.limits.clone(),
                    };
                    if rung == Rung::Publish {
                        return run_pipeline(task, shard, Discard::default(), surroundings, Unobserved);
                    }
                    let sample = run(task, &mut shard)?;
                    Ok((shard, sample))
                })
            };
            let threads: Vec<_> = shards.into_iter().zip(streams).map(climb).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(Err(anyhow!("a thread panicked")))).collect()
        });
        let mut samples = Vec::new();
        for done in done {
            let (shard, sample) = done?;
            self.shards.push(shard);
            samples.push(sample);
        }
        let first = samples.first().context("there is no shard")?;
        self.pace_ns.insert((rung, pct), first.cpu_ns as f64 / first.messages.max(1) as f64);
        Ok(samples)
    }
}

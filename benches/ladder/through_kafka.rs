//! The same rungs through Kafka. The first is a bare rdkafka consumer; the others read through the crate's source.
//!
//! The topics are filled before. A run begins with its first message, so that connecting is not measured, and as every run
//! reads the same records, shards that keep something are built anew for it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use permitwatch::model::schema::Feed;
use permitwatch::pipeline::Unobserved;
use permitwatch::shard::Shard;
use permitwatch::sink::kafka::{KafkaSink, read_published};
use permitwatch::source::kafka::{KafkaConsumer, KafkaShard};
use permitwatch::source::{LaneHead, ShardSource};

use crate::broker::{Broker, Topics};
use crate::population::pseudonyms;
use crate::rungs::{Rung, Sample, Task, run, run_pipeline};
use crate::stream::Stream;
use crate::world::{PARTITIONS, World};

const PRIMING: Duration = Duration::from_secs(30);

/// Filled topics and what they hold.
pub struct Filled {
    pub topics: Topics,
    pub streams: Vec<Arc<Stream>>,
}

impl Filled {
    /// So many messages, or as many as the broker keeps.
    pub fn new(broker: &Broker, world: &mut World, name: &str, messages: usize, pct: u32) -> anyhow::Result<Filled> {
        let messages = messages.min(broker.keeps().saturating_mul(PARTITIONS as usize));
        world.rebuild()?;
        let streams = world.cut(false, messages * pct as usize / 100, pct)?;
        let topics = broker.topics(name)?;
        topics.fill(&streams)?;
        Ok(Filled { topics, streams })
    }

    pub fn climb(&self, world: &mut World, rung: Rung, budget: Duration) -> anyhow::Result<Vec<Sample>> {
        if rung == Rung::Count {
            return self.count();
        }
        if rung.keeps() {
            world.rebuild()?;
        }
        let (consumer, sources) =
            KafkaConsumer::assign_with(&self.topics.config, Some(Arc::new(pseudonyms())), &[0, 1])?;
        let shards = std::mem::take(&mut world.shards);
        let until = world.permits_until();
        let surroundings = &world.surroundings;
        let done: Vec<anyhow::Result<(Shard, Sample)>> = std::thread::scope(|scope| {
            let climb = |((mut shard, source), stream): ((Shard, KafkaShard), &Arc<Stream>)| {
                let messages = stream.entries.len() as u64;
                scope.spawn(move || {
                    let task = Task {
                        rung,
                        source: primed(source)?,
                        messages,
                        budget,
                        permits_until: until,
                        partitions: PARTITIONS,
                        limits: surroundings.config.limits.clone(),
                    };
                    if rung == Rung::Publish {
                        let sink = self.sink(shard.number())?;
                        return run_pipeline(task, shard, sink, surroundings, Unobserved);
                    }
                    let sample = run(task, &mut shard)?;
                    Ok((shard, sample))
                })
            };
            let threads: Vec<_> = shards.into_iter().zip(sources).zip(&self.streams).map(climb).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(Err(anyhow!("a thread panicked")))).collect()
        });
        drop(consumer);
        let mut samples = Vec::new();
        for done in done {
            let (shard, sample) = done?;
            world.shards.push(shard);
            samples.push(sample);
        }
        Ok(samples)
    }

    pub fn sink(&self, shard: i32) -> anyhow::Result<KafkaSink> {
        let next = read_published(&self.topics.config, &pseudonyms(), shard)?.next;
        Ok(KafkaSink::new(
            &self.topics.config,
            Arc::new(pseudonyms()),
            shard,
            [next, permitwatch::model::record::NextOffset(0)],
        )?)
    }

    fn count(&self) -> anyhow::Result<Vec<Sample>> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .streams
                .iter()
                .map(|stream| scope.spawn(|| self.topics.count(stream.shard, stream.entries.len() as u64, None)))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(Err(anyhow!("a thread panicked")))).collect()
        })
    }
}

/// A source that has its first message.
fn primed<S: ShardSource>(mut source: S) -> anyhow::Result<S> {
    let until = std::time::Instant::now() + PRIMING;
    while std::time::Instant::now() < until {
        for feed in Feed::SOURCES {
            if matches!(source.ahead(feed)?, LaneHead::Message(_)) {
                return Ok(source);
            }
        }
        source.wait(Duration::from_millis(5));
    }
    Err(anyhow!("nothing came from the broker"))
}

//! The measured stream: the month that follows the history, as messages in memory, behind the trait that files and Kafka are
//! read through.
//!
//! Records of the population are spread over all copies, so that a short run touches as many persons as it has records;
//! between them stand messages about outsiders, whose keys nobody in the population has. Known times are set evenly over half a day: the
//! mix is a month's, and no midnight with its deadlines falls into it. Messages are lent out of one block, as out of a
//! file's line or the Kafka client's buffer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use permitwatch::encode::encode;
use permitwatch::model::clock::wall;
use permitwatch::model::partition::partition_of;
use permitwatch::model::record::{Author, Lent, Offset, Sent};
use permitwatch::model::schema::Feed;
use permitwatch::model::time::{KnownTime, WallTime};
use permitwatch::source::{LaneHead, ShardSource, SourceError};

use crate::population::Original;

/// The stream's known times fall into so many microseconds after its start.
const SPAN_US: i64 = 12 * 3_600 * 1_000_000;
/// How often a population's month may be told before the shards are built anew; each time as a later version of its records.
pub const TURNS: usize = 8;
/// Between the copies that neighbouring records belong to; a prime.
const STRIDE: usize = 7_919;

/// One message, its key and payload in the stream's block.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub known_time: i64,
    /// Place in the whole stream, all shards together: when it is due in an open loop.
    pub place: u32,
    key: [u8; 8],
    from: u32,
    len: u32,
    feed: Feed,
}

/// One shard's part of a stream.
#[derive(Debug, Default)]
pub struct Stream {
    block: Vec<u8>,
    pub entries: Vec<Entry>,
    /// By feed, the places of its entries.
    lanes: [Vec<u32>; Feed::COUNT],
    pub in_scope: usize,
    pub shard: i32,
}

/// What of the stream is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub copies: u32,
    /// Records of the population to pass over, and to take.
    pub first: usize,
    pub records: usize,
    /// Of a hundred messages, so many are about the population.
    pub in_scope_pct: u32,
    pub partitions: i32,
}

/// Records of the population that the stream of a month has.
pub fn available(original: &Original, copies: u32) -> usize {
    original.month.len() * copies as usize
}

/// Cuts a piece out of the stream, by shard.
pub fn cut(original: &Original, cut: Cut) -> Vec<Arc<Stream>> {
    let mut streams: Vec<Stream> = (0..cut.partitions).map(|shard| Stream { shard, ..Stream::default() }).collect();
    let outside_at: Vec<Vec<(u32, u32)>> = streams.iter_mut().map(|stream| stream.add_outsiders(original)).collect();
    let total = cut.records * 100 / cut.in_scope_pct as usize;
    let all = available(original, cut.copies).max(1);
    let (mut inside, mut outside) = (0, 0);
    for place in 0..total {
        // The stream's known times go on where the piece before ended.
        let nth = cut.first + inside;
        let known_time = original.start.0 + 1 + (SPAN_US as f64 * (nth as f64 / (all * TURNS) as f64)) as i64;
        if place * cut.in_scope_pct as usize / 100 >= inside && inside < cut.records {
            inside += 1;
            add_record(original, &mut streams, &cut, nth, (known_time, place as u32));
        } else if !original.outsiders.is_empty() {
            let pick = (outside * STRIDE) % original.outsiders.len();
            let key = format!("q{:07}", (outside * 31) % 9_999_991);
            let shard = partition_of(key.as_bytes(), cut.partitions) as usize;
            let (from, len) = outside_at[shard][pick];
            streams[shard].push(original.outsiders[pick].0, &key, (from, len), (known_time, place as u32));
            outside += 1;
        }
    }
    streams.into_iter().map(Arc::new).collect()
}

fn add_record(original: &Original, streams: &mut [Stream], cut: &Cut, nth: usize, at: (i64, u32)) {
    let (turn, nth) = (nth / available(original, cut.copies), nth % available(original, cut.copies));
    let (round, which) = (nth / original.month.len(), nth % original.month.len());
    let copy = (which * STRIDE + round) % cut.copies as usize;
    let mut record = original.copy(copy as u32).record(&original.month[which]);
    record.version += turn as i64;
    record.known_time = KnownTime(at.0);
    let shard = partition_of(record.subject.as_bytes(), cut.partitions) as usize;
    let stream = &mut streams[shard];
    let payload = encode(&record);
    let from = stream.block.len() as u32;
    stream.block.extend_from_slice(&payload);
    stream.in_scope += 1;
    stream.push(record.table.def().feed, &record.subject, (from, payload.len() as u32), at);
}

impl Stream {
    fn add_outsiders(&mut self, original: &Original) -> Vec<(u32, u32)> {
        let mut at = Vec::with_capacity(original.outsiders.len());
        for (_, payload) in &original.outsiders {
            at.push((self.block.len() as u32, payload.len() as u32));
            self.block.extend_from_slice(payload);
        }
        at
    }

    fn push(&mut self, feed: Feed, key: &str, (from, len): (u32, u32), (known_time, place): (i64, u32)) {
        let mut bytes = [b' '; 8];
        bytes.copy_from_slice(&key.as_bytes()[..8]);
        self.lanes[feed.index()].push(self.entries.len() as u32);
        self.entries.push(Entry { known_time, place, key: bytes, from, len, feed });
    }

    pub fn key<'e>(&self, entry: &'e Entry) -> &'e [u8] {
        &entry.key
    }

    pub fn payload(&self, entry: &Entry) -> &[u8] {
        &self.block[entry.from as usize..(entry.from + entry.len) as usize]
    }

    pub fn feed(&self, entry: &Entry) -> Feed {
        entry.feed
    }

    /// The entries of a feed's lane from one to before another, in order.
    pub fn lane(&self, feed: Feed, from: usize, to: usize) -> impl Iterator<Item = &Entry> {
        let lane = &self.lanes[feed.index()];
        let to = to.min(lane.len());
        lane[from.min(to)..to].iter().map(|at| &self.entries[*at as usize])
    }
}

/// When messages are due in an open loop: at a steady rate, whatever becomes of the earlier ones.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub begins: Instant,
    pub begins_at: WallTime,
    /// Messages per second, all shards together.
    pub rate: f64,
}

impl Pace {
    /// Begins so long from now.
    pub fn new(rate: f64, delay: Duration) -> Pace {
        Pace { begins: Instant::now() + delay, begins_at: WallTime(wall().0 + delay.as_micros() as i64), rate }
    }

    pub fn due(&self, place: u32) -> Instant {
        self.begins + Duration::from_secs_f64(f64::from(place) / self.rate)
    }

    pub fn due_at(&self, place: u32) -> WallTime {
        WallTime(self.begins_at.0 + (f64::from(place) / self.rate * 1e6) as i64)
    }
}

/// A stream as a shard's source.
pub struct MemoryShard {
    stream: Arc<Stream>,
    next: [usize; Feed::COUNT],
    pace: Option<Pace>,
}

impl MemoryShard {
    pub fn new(stream: &Arc<Stream>, pace: Option<Pace>) -> MemoryShard {
        MemoryShard { stream: Arc::clone(stream), next: [0; Feed::COUNT], pace }
    }

    fn entry(&self, feed: Feed) -> Option<&Entry> {
        let at = self.stream.lanes[feed.index()].get(self.next[feed.index()])?;
        self.stream.entries.get(*at as usize)
    }
}

impl ShardSource for MemoryShard {
    fn ahead(&mut self, feed: Feed) -> Result<LaneHead, SourceError> {
        let Some(entry) = self.entry(feed) else { return Ok(LaneHead::Finished) };
        if self.pace.as_ref().is_some_and(|pace| pace.due(entry.place) > Instant::now()) {
            return Ok(LaneHead::AtEnd);
        }
        Ok(LaneHead::Message(KnownTime(entry.known_time)))
    }

    fn take(&mut self, feed: Feed) -> Option<Lent<'_>> {
        let offset = self.next[feed.index()];
        self.next[feed.index()] += 1;
        let at = self.stream.lanes[feed.index()].get(offset)?;
        let entry = self.stream.entries.get(*at as usize)?;
        Some(Lent {
            feed,
            partition: self.stream.shard,
            offset: Offset(offset as i64),
            known_time: KnownTime(entry.known_time),
            key: Some(&entry.key),
            payload: Some(self.stream.payload(entry)),
            claimed_time: None,
            author: Author::Permitwatch,
            sent: Sent::At(self.pace.as_ref().map(|pace| pace.due_at(entry.place))),
        })
    }

    /// Until the next message is due.
    #[expect(clippy::disallowed_methods, reason = "the open loop's schedule is a matter of time")]
    fn wait(&mut self, timeout: Duration) {
        let Some(pace) = &self.pace else { return };
        let next = Feed::ALL.into_iter().filter_map(|feed| self.entry(feed)).map(|entry| entry.place).min();
        let left = next.map_or(timeout, |place| pace.due(place).saturating_duration_since(Instant::now()));
        std::thread::sleep(left.min(timeout));
    }
}

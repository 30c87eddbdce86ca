//! Drives both sides: the engine over messages, the batch query over recorded tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use permitwatch::catalogue::Catalogue;
use permitwatch::config::{Config, Visibility};
use permitwatch::generate::Dataset;
use permitwatch::model::alert::Alert;
use permitwatch::model::clock::Spoken;
use permitwatch::model::record::{Fates, Message, Offset, Quarantined, Record};
use permitwatch::model::schema::{Feed, TableId, clock_file_schema};
use permitwatch::model::time::{KnownTime, format_micros};
use permitwatch::oracle::{self, BatchStanding, StandingRow};
use permitwatch::pseudonyms::Pseudonyms;
use permitwatch::rules::RuleSet;
use permitwatch::shard::{Order, Settings, Shard};
use permitwatch::tools::cases::{Case, CaseFile};
use permitwatch::tools::replay::{Timeline, standing_rows};

/// Of everything that is drawn at random.
pub const SEED: u64 = 20_261_122;

pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub fn catalogue() -> Catalogue {
    Catalogue::load(&repository("queries"), &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// A rule's own cases.
pub fn case_file(rule: &str) -> CaseFile {
    CaseFile::read(&repository("queries/tests"), rule).unwrap_or_else(|error| panic!("{error}"))
}

/// The records of a case whose main person is `name`.
pub fn records_of(file: &CaseFile, case: &Case, name: &str) -> Vec<Record> {
    file.build(case, name).unwrap_or_else(|error| panic!("{error}")).records
}

pub fn plan(catalogue: &Catalogue) -> RuleSet {
    RuleSet::plan(catalogue).unwrap_or_else(|error| panic!("{error}"))
}

pub fn visibility() -> Visibility {
    Config::default().visibility()
}

/// A generated data set's messages, feed by feed.
pub fn messages_of(dataset: &Dataset) -> Vec<Message> {
    let of_feed = |feed: Feed| {
        dataset.messages(feed).iter().enumerate().map(move |(offset, message)| Message {
            feed,
            partition: 0,
            offset: Offset(offset as i64),
            known_time: KnownTime(message.known_time),
            claimed_time: None,
            key: message.key.as_ref().map(|key| key.as_bytes().into()),
            payload: message.payload().map(Vec::into_boxed_slice),
            sent_at: None,
        })
    };
    Feed::ALL.into_iter().flat_map(of_feed).collect()
}

pub fn timeline_options(partitions: i32, as_of: KnownTime) -> Timeline {
    Timeline {
        visibility: visibility(),
        limits: Config::default().limits,
        max_rule_errors: 1,
        pseudonyms: Arc::new(Pseudonyms::new("a key of the tests, thirty-two bytes", "1")),
        partitions,
        batch_messages: 2_000,
        as_of,
        profile: false,
    }
}

pub fn shard(order: Order, rules: RuleSet) -> Shard {
    let settings = Settings {
        number: 0,
        partitions: None,
        order,
        visibility: visibility(),
        limits: Config::default().limits,
        max_rule_errors: 1,
        pseudonyms: Arc::new(Pseudonyms::new("a key of the tests, thirty-two bytes", "1")),
    };
    Shard::new(settings, rules)
}

/// What a strict run gave.
#[derive(Debug, Default)]
pub struct Ran {
    pub log: Vec<Alert>,
    /// At each clock asked for.
    pub standing: Vec<Vec<StandingRow>>,
    pub fates: Fates,
    pub quarantined: Vec<Quarantined>,
    pub persons: usize,
    /// How many versions of each person's own records count, over all clocks.
    pub rows: BTreeMap<String, usize>,
}

/// Strict order: takes messages in pieces of at least `cut`, and looks at what stands at each of the clocks (which rise).
pub fn strict(rules: RuleSet, messages: &[&Message], cut: usize, clocks: &[i64]) -> (RuleSet, Ran) {
    strict_with(rules, messages, cut, clocks, |_, _| {})
}

/// The same; `settled` is called with the shard whenever everything has been settled up to an instant.
pub fn strict_with(
    rules: RuleSet,
    messages: &[&Message],
    cut: usize,
    clocks: &[i64],
    mut settled: impl FnMut(&mut Shard, KnownTime),
) -> (RuleSet, Ran) {
    let mut shard = shard(Order::Strict, rules);
    let mut ran = Ran::default();
    let mut rest = messages;
    for &clock in clocks {
        let known = rest.partition_point(|message| message.known_time.0 <= clock);
        let (now, later) = rest.split_at(known);
        rest = later;
        let mut taken = 0;
        let mut last = KnownTime::MIN;
        for message in now {
            if taken >= cut && message.known_time > last {
                ran.log.extend(shard.settle(last).into_iter().map(|emitted| emitted.alert));
                settled(&mut shard, last);
                taken = 0;
            }
            shard.take(*message);
            last = message.known_time;
            taken += 1;
        }
        ran.log.extend(shard.settle(KnownTime(clock)).into_iter().map(|emitted| emitted.alert));
        settled(&mut shard, KnownTime(clock));
        ran.standing.push(sorted(standing_rows(&shard)));
    }
    ran.fates = shard.take_fates();
    ran.quarantined = shard.take_quarantined();
    let history = shard.history();
    ran.persons = history.person_count();
    for (no, person) in history.persons().filter(|(_, person)| person.is_person()) {
        let mut rows = 0;
        for table in TableId::ALL.into_iter().filter(|table| table.is_person() && !table.is_link()) {
            clocks.iter().for_each(|clock| history.versions(no, table, *clock, |_| rows += 1));
        }
        ran.rows.insert(person.subject.to_string(), rows);
    }
    (shard.into_rule_set(), ran)
}

/// The batch query as of a clock.
pub fn batch(catalogue: &Catalogue, tables: &[RecordBatch], clock: i64) -> Vec<StandingRow> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let recorded = |table: TableId| vec![tables[table.index()].clone()];
    let standing = runtime.block_on(oracle::standing(catalogue, &visibility(), clock, recorded));
    sorted(standing.unwrap_or_else(|error| panic!("as of {}: {error:?}", format_micros(clock))))
}

/// The same with the feeds as far as they reach.
pub fn lagging_batch(catalogue: &Catalogue, tables: &[RecordBatch], clock: i64, reached: Spoken) -> BatchStanding {
    let feeds = Feed::SOURCES.into_iter().filter(|feed| reached.of(*feed) > KnownTime::MIN);
    let (names, times): (Vec<&str>, Vec<i64>) = feeds.map(|feed| (feed.name(), reached.of(feed).0)).unzip();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(names)), Arc::new(TimestampMicrosecondArray::from(times))];
    let clocks = RecordBatch::try_new(clock_file_schema(), columns).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let recorded = |table: TableId| vec![tables[table.index()].clone()];
    let visibility = visibility();
    let standing = oracle::standing_with_clocks(catalogue, &visibility, clock, recorded, vec![clocks]);
    runtime.block_on(standing).unwrap_or_else(|error| panic!("as of {}: {error:?}", format_micros(clock)))
}

pub fn sorted(mut rows: Vec<StandingRow>) -> Vec<StandingRow> {
    rows.sort();
    rows
}

/// Rows of one side that the other does not have, in words.
pub fn difference(engine: &[StandingRow], batch: &[StandingRow]) -> String {
    let missing = |these: &[StandingRow], those: &[StandingRow], side: &str| {
        these
            .iter()
            .filter(|row| !those.contains(row))
            .map(|row| {
                format!(
                    "  only {side}: {} {} {} key {} {} alert_at {} anchor {:?}\n",
                    row.rule_id,
                    row.person,
                    row.subject,
                    row.alert_key,
                    row.severity.name(),
                    format_micros(row.alert_at),
                    row.anchor.map(|day| day.to_string())
                )
            })
            .collect::<String>()
    };
    missing(engine, batch, "first") + &missing(batch, engine, "second")
}

/// A log as bytes, by as_of, alert and sequence.
pub fn log_bytes(mut log: Vec<Alert>) -> Vec<u8> {
    log.sort_by(|a, b| (&a.as_of, &a.alert_id, a.sequence).cmp(&(&b.as_of, &b.alert_id, b.sequence)));
    log.iter().flat_map(|alert| [serde_json::to_vec(alert).unwrap(), b"\n".to_vec()].concat()).collect()
}

/// A small generator of numbers that is the same everywhere (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

//! Where each byte of a shard's state goes.
//!
//! Rows and their columns are asked of the stores; the rest is what the thread had allocated before and after: the
//! history beyond its columns (index, subjects, entities), conditions, alerts with their timers and sequences. What the
//! process holds beyond that is the plans, the allocator and the original population.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::anyhow;
use permitwatch::catalogue::Catalogue;
use permitwatch::model::schema::TableId;
use permitwatch::rules::RuleSet;
use permitwatch::shard::Shard;
use serde_json::{Value, json};

use crate::allocation::counts;
use crate::climb::fits;
use crate::population::{ORIGINAL, Original};
use crate::report::grouped;
use crate::world::{PARTITIONS, copies};

/// Of one shard, or of all.
#[derive(Debug, Default)]
struct Account {
    persons: usize,
    units: usize,
    /// By table: rows, bytes of its columns.
    tables: BTreeMap<&'static str, (u64, u64)>,
    /// Columns by name, over all tables.
    columns: BTreeMap<&'static str, u64>,
    history: i64,
    conditions: i64,
    alerts: i64,
    timers: usize,
    standing: usize,
}

/// Fills shards with so many holders, and prints what they weigh.
pub fn weigh(holders: u32, months: u32, catalogue: &Catalogue) -> anyhow::Result<Value> {
    let original = Arc::new(Original::new(ORIGINAL, months, catalogue)?);
    let fits = fits(original.history_rows() as u64 * u64::from(copies(holders)));
    let holders = if fits { holders } else { holders / 10 };
    if !fits {
        println!("\nThe machine has too little free memory for all: a tenth is weighed");
    }
    let unplanned = counts().live_bytes;
    let rules = RuleSet::plan_for(catalogue, PARTITIONS as usize)?;
    let plans = counts().live_bytes - unplanned;
    let resident_before = resident();
    let parts: Vec<anyhow::Result<(Account, Shard)>> = std::thread::scope(|scope| {
        let fill = |(number, rules)| {
            let original = &original;
            scope.spawn(move || account(original, copies(holders), number, rules))
        };
        let threads: Vec<_> = (0..PARTITIONS).zip(rules).map(fill).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err(anyhow!("a thread panicked")))).collect()
    });
    let mut all = Account::default();
    let mut shards = Vec::new();
    for part in parts {
        let (part, shard) = part?;
        all.add(part);
        shards.push(shard);
    }
    let grown = resident().saturating_sub(resident_before);
    drop(shards);
    Ok(print(&all, holders, months, grown, plans))
}

fn account(original: &Original, copies: u32, number: i32, rules: RuleSet) -> anyhow::Result<(Account, Shard)> {
    let live = || counts().live_bytes;
    let before = live();
    let mut shard = original.shard(copies, number, PARTITIONS, rules)?;
    let with_history = live();
    original.set_conditions(copies, &mut shard);
    let with_conditions = live();
    original.settle(copies, &mut shard)?;
    let mut account = Account {
        persons: shard.history().person_count(),
        units: shard.history().persons().count(),
        history: with_history - before,
        conditions: with_conditions - with_history,
        alerts: live() - with_conditions,
        timers: shard.detector().timer_count(),
        standing: shard.detector().standing().count(),
        ..Account::default()
    };
    for table in TableId::ALL {
        account.note_table(&shard, table);
    }
    Ok((account, shard))
}

impl Account {
    fn note_table(&mut self, shard: &Shard, table: TableId) {
        let store = shard.history().store(table);
        self.tables.insert(table.name(), (u64::from(store.rows()), store.bytes() as u64));
        for (name, bytes) in store.column_bytes() {
            *self.columns.entry(name).or_default() += bytes as u64;
        }
    }

    fn add(&mut self, other: Account) {
        self.persons += other.persons;
        self.units += other.units;
        self.history += other.history;
        self.conditions += other.conditions;
        self.alerts += other.alerts;
        self.timers += other.timers;
        self.standing += other.standing;
        for (table, (rows, bytes)) in other.tables {
            let own = self.tables.entry(table).or_default();
            *own = (own.0 + rows, own.1 + bytes);
        }
        for (column, bytes) in other.columns {
            *self.columns.entry(column).or_default() += bytes;
        }
    }
}

fn print(all: &Account, holders: u32, months: u32, resident: u64, plans: i64) -> Value {
    let rows: u64 = all.tables.values().map(|(rows, _)| rows).sum();
    let columns: u64 = all.tables.values().map(|(_, bytes)| bytes).sum();
    let live = (all.history + all.conditions + all.alerts) as f64;
    let index = all.history as f64 - columns as f64;
    let per = |bytes: f64| (bytes / all.persons.max(1) as f64, bytes / rows.max(1) as f64);
    println!(
        "\nState of {} holders with {months} months of history, in {PARTITIONS} shards",
        grouped(f64::from(holders))
    );
    println!("  {:<44}{:>12}{:>10}{:>12}{:>11}", "", "rows", "MiB", "B a person", "B a row");
    let line = |name: &str, rows: u64, bytes: f64, own_rows: bool| {
        let by_row = if own_rows { bytes / rows.max(1) as f64 } else { per(bytes).1 };
        let rows = if own_rows { grouped(rows as f64) } else { String::new() };
        println!("  {name:<44}{rows:>12}{:>10.1}{:>12.0}{by_row:>11.1}", bytes / f64::from(1 << 20), per(bytes).0);
    };
    for (table, (rows, bytes)) in all.tables.iter().filter(|(_, (rows, _))| *rows > 0) {
        line(&format!("columns of {table}"), *rows, *bytes as f64, true);
    }
    line("index, subjects, entities", rows, index, false);
    line(&format!("conditions of {} units", grouped(all.units as f64)), rows, all.conditions as f64, false);
    let alerts = format!("{} timers, {} alerts", grouped(all.timers as f64), grouped(all.standing as f64));
    line(&alerts, rows, all.alerts as f64, false);
    line("all of it, as allocated", rows, live, true);
    line("resident set, grown by", rows, resident as f64, true);
    println!("  beside it, whatever the holders: plans of {:.1} MiB", plans as f64 / f64::from(1 << 20));
    println!("  the columns by what they hold:");
    let mut by_bytes: Vec<(&&str, &u64)> = all.columns.iter().collect();
    by_bytes.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
    for (name, bytes) in by_bytes.iter().take(16) {
        line(&format!("  {name}"), rows, **bytes as f64, false);
    }
    json!({
        "holders": holders, "months": months, "persons": all.persons, "units": all.units, "rows": rows,
        "bytes": { "columns": columns, "index": index, "conditions": all.conditions, "alerts_and_timers": all.alerts,
                   "allocated": live, "resident": resident, "plans": plans },
        "bytes_per_person": per(live).0, "bytes_per_row": per(live).1, "timers": all.timers, "standing": all.standing,
        "tables": all.tables.iter().map(|(table, (rows, bytes))| json!({ "table": table, "rows": rows, "bytes": bytes })).collect::<Vec<_>>(),
        "by_column": all.columns,
    })
}

/// Bytes of memory that the process has.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

//! The reduced rules of the comparison in differential dataflow.
//!
//! Usage: peer-differential INPUT AS_OF ANSWERS WORKERS BATCH [RATE PACED]. Prints one line of JSON. With RATE the last PACED
//! messages arrive at so many a second; latency is from the arrival of a person's last message to a change of its alerts.

mod feed;
mod rules;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use feed::{Merge, Message, Value, day, id, month};
use rules::{Alert, Class, Inputs, Key};
use timely::dataflow::operators::probe::Handle;
use timely::worker::Worker;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Options {
    input: PathBuf,
    batch: usize,
    rate: Option<f64>,
    paced: usize,
}

/// What the workers share: what stands, the names of permits, and in a paced run when each person's last message came.
#[derive(Default)]
struct Shared {
    rows: Mutex<BTreeMap<Alert, isize>>,
    names: Mutex<HashMap<u64, String>>,
    arrived: Mutex<HashMap<u64, Instant>>,
    latencies: Mutex<Vec<f64>>,
    messages: Mutex<(usize, usize, f64)>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let args: Vec<String> = std::env::args().collect();
    if args.len() < 6 {
        return Err("usage: peer-differential INPUT AS_OF ANSWERS WORKERS BATCH [RATE PACED]".into());
    }
    let as_of = day(&args[2]).ok_or("AS_OF is no date")?;
    let workers: usize = args[4].parse()?;
    let rate = args.get(6).map(|rate| rate.parse::<f64>()).transpose()?;
    let paced = args.get(7).map(|paced| paced.parse()).transpose()?.unwrap_or(20_000);
    let options = Arc::new(Options { input: PathBuf::from(&args[1]), batch: args[5].parse()?, rate, paced });
    let shared = Arc::new(Shared::default());
    let (for_workers, asked) = (shared.clone(), options.clone());
    let guards = timely::execute(timely::Config::process(workers), move |worker| work(worker, &asked, &for_workers))?;
    for outcome in guards.join() {
        outcome?.map_err(|error| format!("worker: {error}"))?;
    }
    let answers = write(Path::new(&args[3]), &shared, as_of)?;
    report(&options, &shared, workers, answers, started.elapsed());
    Ok(())
}

fn work(worker: &mut Worker, options: &Options, shared: &Arc<Shared>) -> Result<(), String> {
    let probe = Handle::new();
    let watch = shared.clone();
    let mut inputs = worker.dataflow(|scope| {
        let (inputs, alerts) = rules::build(scope);
        alerts.inspect(move |(alert, _, change)| watch.change(*alert, *change)).probe_with(&probe);
        inputs
    });
    run(worker, &mut inputs, &probe, options, shared).map_err(|error| error.to_string())
}

fn run(
    worker: &mut Worker,
    inputs: &mut Inputs,
    probe: &Handle<u64>,
    options: &Options,
    shared: &Shared,
) -> std::io::Result<()> {
    let (index, peers) = (worker.index() as u64, worker.peers() as u64);
    let mut merge = Merge::open(&options.input)?;
    let free = match options.rate {
        Some(_) => count(&options.input)?.saturating_sub(options.paced),
        None => usize::MAX,
    };
    let (mut at, mut time) = (0, 0u64);
    while at < free && merge.next(|feed, line| take(inputs, shared, feed, line, index, peers, None))? {
        at += 1;
        if at % options.batch == 0 {
            time += 1;
            inputs.advance(time);
            worker.step_while(|| probe.less_than(&time));
        }
    }
    time += 1;
    inputs.advance(time);
    worker.step_while(|| probe.less_than(&time));
    let begun = Instant::now();
    if let Some(rate) = options.rate {
        let first_tick = time;
        let mut sent = 0usize;
        let mut more = true;
        while more {
            let elapsed = begun.elapsed();
            let due = (elapsed.as_secs_f64() * rate) as usize;
            while more && sent < due {
                let arrival = begun + Duration::from_secs_f64(sent as f64 / rate);
                more = merge.next(|feed, line| take(inputs, shared, feed, line, index, peers, Some(arrival)))?;
                sent += usize::from(more);
            }
            time = time.max(first_tick + elapsed.as_micros() as u64 / 500) + 1;
            inputs.advance(time);
            worker.step_while(|| probe.less_than(&time));
        }
        at += sent;
        *lock(&shared.messages) = (at, sent, begun.elapsed().as_secs_f64());
    } else {
        *lock(&shared.messages) = (at, 0, 0.0);
    }
    Ok(())
}

fn count(input: &Path) -> std::io::Result<usize> {
    let mut merge = Merge::open(input)?;
    let mut count = 0;
    while merge.next(|_, _| ())? {
        count += 1;
    }
    Ok(count)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Shared {
    fn change(&self, alert: Alert, change: isize) {
        let arrived = lock(&self.arrived).get(&alert.1).copied();
        if let Some(arrived) = arrived {
            lock(&self.latencies).push(arrived.elapsed().as_secs_f64() * 1000.0);
        }
        *lock(&self.rows).entry(alert).or_default() += change;
    }
}

/// Parses the line if its key is this worker's, and puts the record where it belongs. What is malformed is left out.
fn take(
    inputs: &mut Inputs,
    shared: &Shared,
    feed: usize,
    line: &str,
    index: u64,
    peers: u64,
    arrival: Option<Instant>,
) {
    let person = id(feed::key(line));
    if person % peers != index {
        return;
    }
    let Ok(Message { key: Some(_), known_time, value: Some(value) }) = serde_json::from_str::<Message<'_>>(line) else {
        return;
    };
    if let Some(arrival) = arrival {
        lock(&shared.arrived).insert(person, arrival);
    }
    let record = value.record_key.as_deref().map_or(0, id);
    let _ = match (feed::FEEDS[feed], value.table.as_deref()) {
        ("permits", Some("permits")) if !value.future(&known_time, 400) => {
            permit(inputs, shared, person, record, &value)
        }
        ("permits", Some("permit_employers")) => allowed(inputs, person, &value),
        ("permits", Some("statuses")) => status(inputs, person, record, &value),
        ("reference", Some("employers")) => {
            let odd = value.payer_kind.as_deref().is_some_and(|kind| kind != "normal");
            inputs.employers.insert(((person, 0), (value.version, value.retracted(), odd)));
            Some(())
        }
        ("population", _) if !value.future(&known_time, 60) => {
            let moved = value.dereg_on.as_deref().and_then(day).filter(|_| value.dereg_code.as_deref() == Some("UV"));
            inputs.population.insert(((person, record), (value.version, value.retracted(), moved)));
            Some(())
        }
        ("border", _) => journey(inputs, person, record, &value),
        ("payments", Some("payments")) if !value.future(&known_time, 62) => payment(inputs, person, record, &value),
        ("notices", _) if value.kind.as_deref() == Some("employment_start") => start(inputs, person, &value),
        _ => None,
    };
}

fn permit(inputs: &mut Inputs, shared: &Shared, person: u64, record: u64, value: &Value<'_>) -> Option<()> {
    let class = match value.permit_class.as_deref() {
        Some("WORK_EMP") => Class::Work,
        Some("BLUE_CARD" | "SEASONAL" | "ICT") => Class::OtherTied,
        Some("PERMANENT") => Class::Permanent,
        Some("PROT_REFUGEE" | "PROT_SUBSIDIARY" | "PROT_TEMPORARY") => Class::Protected,
        None if value.retracted() => Class::Permanent,
        _ => return None,
    };
    let permit = value.permit_id.as_deref().unwrap_or("");
    lock(&shared.names).entry(id(permit)).or_insert_with(|| permit.to_owned());
    let from_on = value.valid_from.as_deref().unwrap_or("1970-01-01");
    let until = match (value.valid_to.as_deref().and_then(day), value.ended_on.as_deref().and_then(day)) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let bound = matches!(class, Class::Work | Class::OtherTied)
        && !matches!(value.work_right.as_deref(), Some("any" | "occupation"));
    let row = (
        id(permit),
        class,
        value.first_grant == Some(true),
        day(from_on)?,
        month(from_on)?,
        i32::from(feed::part_month(from_on)),
        until,
        value.floor_sek,
        value.tied_until.as_deref().and_then(day),
        bound,
    );
    inputs.permits.insert(((person, record), (value.version, value.retracted(), row)));
    Some(())
}

fn allowed(inputs: &mut Inputs, person: u64, value: &Value<'_>) -> Option<()> {
    let to = value.to_on.as_deref().and_then(month).unwrap_or(i32::MAX);
    inputs.allowed.insert((
        person,
        id(value.permit_id.as_deref()?),
        id(value.employer_id.as_deref()?),
        month(value.from_on.as_deref()?)?,
        to,
    ));
    Some(())
}

fn status(inputs: &mut Inputs, person: u64, record: u64, value: &Value<'_>) -> Option<()> {
    let row = if value.retracted() {
        ([0; 3], 0, None)
    } else {
        (
            country(value.tested_country.as_deref()?)?,
            day(value.declared_on.as_deref()?)?,
            value.ended_on.as_deref().and_then(day),
        )
    };
    inputs.statuses.insert(((person, record), (value.version, value.retracted(), row)));
    Some(())
}

fn journey(inputs: &mut Inputs, person: u64, record: u64, value: &Value<'_>) -> Option<()> {
    let back = match value.direction.as_deref()? {
        "exit" => false,
        "entry" => true,
        _ => return None,
    };
    if value.transit == Some(true) || value.source.as_deref() == Some("tip") {
        return None;
    }
    inputs
        .journeys
        .insert(((person, country(value.country.as_deref()?)?), (day(value.observed_on.as_deref()?)?, back, record)));
    Some(())
}

fn payment(inputs: &mut Inputs, person: u64, record: u64, value: &Value<'_>) -> Option<()> {
    let row = match value.kind.as_deref() {
        _ if value.retracted() => (0, 0, 0),
        Some("salary") => (id(value.payer_id.as_deref()?), month(value.month.as_deref()?)?, value.amount_sek?),
        _ => return None,
    };
    inputs.payments.insert(((person, record), (value.version, value.retracted(), row)));
    Some(())
}

fn start(inputs: &mut Inputs, person: u64, value: &Value<'_>) -> Option<()> {
    let on = value.event_on.as_deref()?;
    inputs.starts.insert((person, (day(on)?, month(on)?)));
    Some(())
}

fn country(code: &str) -> Option<rules::Country> {
    code.as_bytes().try_into().ok()
}

/// Writes the alerts that stand at `as_of`; how many there are.
fn write(file: &Path, shared: &Shared, as_of: i32) -> std::io::Result<usize> {
    let names = lock(&shared.names);
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    let mut answers = 0;
    for ((rule, _, permit, key, due, until), count) in lock(&shared.rows).iter() {
        if *count <= 0 || *due > as_of || until.is_some_and(|until| until < as_of) {
            continue;
        }
        let rule = match rule {
            1 => "work-not-started",
            4 => "salary-below-floor",
            7 => "employer-mismatch",
            15 => "permanent-permit-emigrated",
            _ => "protected-home-travel",
        };
        let key = match key {
            Key::NotStarted => "not-started".to_owned(),
            Key::Month(month) => format!("{:04}-{:02}-01", month / 12, month % 12 + 1),
            Key::Day(day) => feed::show_day(*day),
            Key::Country(code) => String::from_utf8_lossy(code).into_owned(),
        };
        writeln!(out, "{rule}\t{}\t{key}", names.get(permit).map_or("", String::as_str))?;
        answers += 1;
    }
    out.flush()?;
    Ok(answers)
}

fn report(options: &Options, shared: &Shared, workers: usize, answers: usize, took: Duration) {
    let (messages, sent, seconds) = *lock(&shared.messages);
    let mut result = serde_json::json!({
        "system": "differential dataflow", "version": "0.26.0 (timely 0.32.0)",
        "settings": format!("{workers} workers, {} messages a round, NDJSON files, mimalloc", options.batch),
        "messages": messages, "answers": answers, "seconds_inside": took.as_secs_f64(),
    });
    if let Some(rate) = options.rate {
        let mut latencies = lock(&shared.latencies).clone();
        latencies.sort_by(f64::total_cmp);
        let at = |quantile: f64| latencies.get((quantile * latencies.len().saturating_sub(1) as f64).round() as usize);
        result["rate"] = rate.into();
        result["reached"] = (sent as f64 / seconds).into();
        result["alerts_timed"] = latencies.len().into();
        result["latency_ms"] = serde_json::json!([at(0.5), at(0.99)]);
    }
    println!("{result}");
}

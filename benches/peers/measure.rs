//! Runs a process and says what it took: wall time, CPU time of all its threads, and the peak of its resident memory.
//!
//! Linux: read from /proc while it runs, so what it does in its last moments before it ends may be missed by one look.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Clock ticks a second in /proc/PID/stat: 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

pub struct Run {
    pub wall_seconds: f64,
    pub cpu_seconds: f64,
    pub peak_kib: u64,
    /// The line of JSON that it printed, if any.
    pub said: Value,
}

pub fn run(words: &[String]) -> Result<Run> {
    let (program, arguments) = words.split_first().context("no command")?;
    let log = std::env::temp_dir().join(format!("permitwatch-peers-{}", std::process::id()));
    let (out, err) = (log.with_extension("out"), log.with_extension("err"));
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out)?)
        .stderr(std::fs::File::create(&err)?)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let (mut peak_kib, mut cpu_seconds) = (0, 0.0);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Some((peak, cpu)) = look(child.id()) {
            (peak_kib, cpu_seconds) = (peak, cpu);
        }
        pause();
    };
    let wall_seconds = started.elapsed().as_secs_f64();
    let (said, complaint) = (std::fs::read_to_string(&out)?, std::fs::read_to_string(&err)?);
    std::fs::remove_file(&out)?;
    std::fs::remove_file(&err)?;
    ensure!(status.success(), "{status}: {}", complaint.trim().lines().last().unwrap_or(""));
    let said = said.lines().rfind(|line| line.starts_with('{')).and_then(|line| serde_json::from_str(line).ok());
    Ok(Run { wall_seconds, cpu_seconds, peak_kib, said: said.unwrap_or(Value::Null) })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process that runs is looked at from time to time; nothing waits for luck"
)]
fn pause() {
    std::thread::sleep(LOOK_EVERY);
}

/// Peak resident KiB and CPU seconds so far; nothing once the process has ended.
fn look(process: u32) -> Option<(u64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some((peak, ticks / TICKS))
}

//! Processor time, from `/proc` (proc(5)).

use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;

/// Ticks in a second on every Linux of today (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

/// Seconds of user and system time that a process has used so far.
pub(crate) fn seconds(pid: u32) -> Outcome<f64> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is a name in brackets that may hold spaces; what is wanted are fields 14 and 15.
    let (_, rest) = line.rsplit_once(')').ok_or("an odd line in /proc")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| -> Outcome<f64> {
        Ok(fields.get(index).ok_or("a short line in /proc")?.parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Seconds that this thread has been on a processor.
fn of_this_thread() -> Outcome<f64> {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = line
        .split_whitespace()
        .next()
        .ok_or("an odd line in /proc")?;
    Ok(nanoseconds.parse::<f64>()? / 1e9)
}

/// How often `once` can be done in a second of one core's time while every core does the same: what a server can reach
/// at most that has the whole machine. A core that runs other processes meanwhile does not count against it.
pub(crate) fn rate_per_core(once: impl Fn() -> bool + Sync) -> Outcome<f64> {
    let cores = thread::available_parallelism()?.get();
    let rates = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|_| scope.spawn(|| rate(&once).map_err(|error| error.to_string())))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a measuring thread panicked")?)
            .collect::<Result<Vec<f64>, String>>()
    })?;
    Ok(rates.iter().sum::<f64>() / cores as f64)
}

fn rate(once: &(impl Fn() -> bool + Sync)) -> Outcome<f64> {
    let span = Duration::from_secs(2);
    let started = Instant::now();
    let before = of_this_thread()?;
    let mut done = 0_u32;
    while started.elapsed() < span {
        for _ in 0..50 {
            if !once() {
                return Err("an operation that is measured failed".into());
            }
        }
        done += 50;
    }
    Ok(f64::from(done) / (of_this_thread()? - before))
}

/// The processor's name and the number of cores.
pub(crate) fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| {
        line.strip_prefix("model name")?
            .split_once(':')
            .map(|(_, name)| name.trim().to_owned())
    });
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} cores of {}",
        name.as_deref().unwrap_or("an unnamed processor")
    )
}

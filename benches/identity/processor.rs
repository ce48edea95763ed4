//! Processor time of a process, from `/proc` (proc(5)).

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

//! Rows as a fleet of workstations sends them: few devices and programs, many command lines.

use std::ops::Range;

use bartizan_contract::hunting::Table;
use bartizan_contract::time::{TICKS_PER_SECOND, parse_iso8601};
use bartizan_contract::value::{Row, Value};

const PROGRAMS: [(&str, &str); 6] = [
    ("svchost.exe", "C:\\Windows\\System32"),
    (
        "powershell.exe",
        "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
    ),
    (
        "chrome.exe",
        "C:\\Program Files\\Google\\Chrome\\Application",
    ),
    ("cmd.exe", "C:\\Windows\\System32"),
    (
        "msedge.exe",
        "C:\\Program Files (x86)\\Microsoft\\Edge\\Application",
    ),
    ("conhost.exe", "C:\\Windows\\System32"),
];

/// Processes with these numbers.
pub(crate) fn processes(table: &'static Table, numbers: Range<usize>) -> Vec<Row> {
    numbers.map(|number| process(table, number)).collect()
}

/// When the probes happen, ticks: after all others, so that a hunt for one reads little else.
pub(crate) fn probe_time() -> i64 {
    parse_iso8601("2026-06-02T00:00:00Z").unwrap_or_default()
}

/// A process with a name of its own.
pub(crate) fn named(table: &'static Table, name: &str) -> Row {
    let mut row = process(table, 0);
    row.set("Timestamp", Value::DateTime(probe_time()));
    row.set("FileName", Value::String(name.to_owned()));
    row
}

fn process(table: &'static Table, number: usize) -> Row {
    // Spreads without a random generator, the same in every run.
    let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (file, folder) = PROGRAMS[(mixed >> 60) as usize % PROGRAMS.len()];
    let (parent, parent_folder) = PROGRAMS[(mixed >> 56) as usize % PROGRAMS.len()];
    let device = (mixed >> 32) % 500;
    let start = parse_iso8601("2026-05-01T00:00:00Z").unwrap_or_default();
    let time = start + number as i64 * TICKS_PER_SECOND / 100 + (mixed % 50_000_000) as i64;
    let text = Value::String;
    let values = [
        ("Timestamp", Value::DateTime(time)),
        ("DeviceId", text(format!("{device:040x}"))),
        ("DeviceName", text(format!("ws-{device:04}.corp.example"))),
        ("ActionType", text("ProcessCreated".to_owned())),
        ("FileName", text(file.to_owned())),
        ("FolderPath", text(format!("{folder}\\{file}"))),
        ("SHA1", text(format!("{:040x}", mixed >> 52))),
        ("SHA256", text(format!("{:064x}", mixed >> 52))),
        ("ProcessId", Value::Long((mixed % 30_000) as i64)),
        (
            "ProcessCommandLine",
            text(format!(
                "\"{folder}\\{file}\" --session {mixed:x} --profile \"Profile {}\" /c start",
                mixed % 17
            )),
        ),
        ("ProcessCreationTime", Value::DateTime(time)),
        ("AccountDomain", text("corp".to_owned())),
        ("AccountName", text(format!("user{:03}", mixed % 400))),
        (
            "AccountSid",
            text(format!("S-1-5-21-1-2-3-{}", 1_000 + mixed % 400)),
        ),
        ("InitiatingProcessFileName", text(parent.to_owned())),
        (
            "InitiatingProcessFolderPath",
            text(format!("{parent_folder}\\{parent}")),
        ),
        (
            "InitiatingProcessId",
            Value::Long((mixed >> 8) as i64 % 30_000),
        ),
        (
            "InitiatingProcessCommandLine",
            text(format!(
                "\"{parent_folder}\\{parent}\" -k netsvcs -s {:x}",
                mixed >> 48
            )),
        ),
        ("ReportId", Value::Long(number as i64)),
    ];
    let mut row = Row::empty(table);
    for (column, value) in values {
        row.set(column, value);
    }
    row
}

//! Every container, whole and damaged, hostile ones, and the way from lines to rows and rejects.

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bartizan_contract::ids::TenantId;
use bartizan_telemetry::{MapperSettings, RejectCode};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::feed::Fed;
use super::*;

const LINES: &str = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n";

/// The records of a path as `source:line:bytes`, and the report.
fn read(path: &Path, limits: &ReadLimits) -> (Vec<String>, ReadReport) {
    let mut got = Vec::new();
    let report = read_path(path, limits, &mut |step| {
        if let Step::Record {
            source,
            line,
            bytes,
        } = step
        {
            got.push(format!(
                "{source}:{line}:{}",
                String::from_utf8_lossy(bytes)
            ));
        }
        ControlFlow::Continue(())
    });
    (got, report)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

#[test]
fn every_container_gives_the_same_records() {
    let folder = Folder::new();
    let text = LINES.as_bytes();
    for (name, bytes, source) in [
        ("a.json", text.to_vec(), "a.json"),
        ("b.anything", gzip(text), "b.anything"),
        (
            "c.zip",
            zip_of(&[("x/a.json", text), ("README.md", b"hello")]),
            "c.zip!x/a.json",
        ),
        (
            "d.tar",
            tar_of(&[("a.ndjson", text), ("LICENSE", b"hello")]),
            "d.tar!a.ndjson",
        ),
        ("e.tgz", gzip(&tar_of(&[("a.json", text)])), "e.tgz!a.json"),
        (
            "f.zip",
            zip_of(&[("a.json.gz", &gzip(text))]),
            "f.zip!a.json.gz",
        ),
    ] {
        let path = folder.put(name, &bytes);
        let (got, report) = read(&path, &ReadLimits::default());
        let want: Vec<_> = (1..4)
            .map(|n| format!("{source}:{n}:{{\"n\":{n}}}"))
            .collect();
        assert_eq!(got, want, "{name}");
        assert!(report.problems.is_empty(), "{name}: {:?}", report.problems);
        assert_eq!(
            (report.sources, report.records, report.bytes),
            (1, 3, text.len() as u64),
            "{name}"
        );
    }
}

#[test]
fn a_folder_is_read_in_order_and_links_are_not_followed() {
    let folder = Folder::new();
    folder.put("in/b.json", b"{\"b\":1}");
    folder.put("in/a/z.zip", &zip_of(&[("z.json", b"{\"z\":1}")]));
    folder.put("in/LICENSE", b"words");
    let outside = folder.put("outside.json", b"{\"o\":1}");
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside, folder.0.path().join("in/link.json")).unwrap();
    let (got, report) = read(&folder.0.path().join("in"), &ReadLimits::default());
    assert_eq!(
        got,
        ["in/a/z.zip!z.json:1:{\"z\":1}", "in/b.json:1:{\"b\":1}"]
    );
    assert_eq!(report.passed_over, ["in/LICENSE", "in/link.json"]);
}

#[test]
fn a_truncated_archive_keeps_what_was_read() {
    let folder = Folder::new();
    // Numbers that do not compress away, so that half of the archive is half of the text.
    let text: String = (0u64..20_000)
        .map(|n| format!("{{\"n\":{}}}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let zipped = zip_of(&[("a.json", text.as_bytes()), ("b.json", text.as_bytes())]);
    let packed = gzip(text.as_bytes());
    let tarred = tar_of(&[("a.json", text.as_bytes())]);
    for (name, bytes, kept) in [
        ("a.gz", &packed[..packed.len() / 2], 5_000..15_000),
        ("a.tar", &tarred[..tarred.len() / 2], 5_000..15_000),
        // The whole first member, and a part of the second.
        ("a.zip", &zipped[..zipped.len() * 3 / 4], 20_001..40_000),
    ] {
        let path = folder.put(name, bytes);
        let (got, report) = read(&path, &ReadLimits::default());
        assert!(kept.contains(&got.len()), "{name}: {} records", got.len());
        assert!(!report.problems.is_empty() && !report.stopped, "{name}");
        let last = report.problems.last().unwrap();
        assert!(
            matches!(last.kind, ProblemKind::Truncated | ProblemKind::Corrupt),
            "{name}: {last:?}"
        );
        // Every record that was handed out is whole, but perhaps a plain text's last.
        let whole = got.iter().filter(|r| r.ends_with('}')).count();
        assert!(whole + 1 >= got.len(), "{name}");
    }
}

#[test]
fn bombs_are_stopped() {
    let folder = Folder::new();
    let limits = ReadLimits {
        ratio: 100,
        ratio_grace: 64 << 10,
        ..ReadLimits::default()
    };
    let bomb = vec![b'\n'; 2 << 20];
    for (name, bytes) in [
        ("a.gz", gzip(&bomb)),
        ("a.zip", zip_of(&[("a.json", &bomb), ("b.json", b"{}")])),
        ("b.zip", zip_of(&[("a.json.gz", &gzip(&bomb))])),
        ("a.tgz", gzip(&tar_of(&[("a.json", &bomb)]))),
    ] {
        let path = folder.put(name, &bytes);
        let (got, report) = read(&path, &limits);
        assert!(got.is_empty() && report.stopped, "{name}");
        assert_eq!(
            report.problems[0].kind,
            ProblemKind::Limit,
            "{name}: {:?}",
            report.problems
        );
        assert!(report.bytes <= 1 << 20, "{name}: {}", report.bytes);
    }
}

#[test]
fn totals_and_members_are_bounded() {
    let folder = Folder::new();
    let path = folder.put(
        "a.zip",
        &zip_of(&[
            ("a.json", b"{}\n"),
            ("b.json", b"{}\n"),
            ("c.json", b"{}\n"),
        ]),
    );
    let (got, report) = read(
        &path,
        &ReadLimits {
            total_bytes: 3,
            ..ReadLimits::default()
        },
    );
    assert_eq!((got.len(), report.stopped), (1, true));
    let (got, report) = read(
        &path,
        &ReadLimits {
            members: 2,
            ..ReadLimits::default()
        },
    );
    assert_eq!((got.len(), report.stopped), (2, true));
    assert_eq!(report.problems[0].text, "too many members");
}

#[test]
fn the_caller_can_stop() {
    let folder = Folder::new();
    let path = folder.put("a.json", LINES.as_bytes());
    let mut seen = 0;
    let report = read_path(&path, &ReadLimits::default(), &mut |step| match step {
        Step::Record { .. } => {
            seen += 1;
            if seen == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
        _ => ControlFlow::Continue(()),
    });
    assert_eq!((seen, report.stopped, report.records), (2, true, 2));
}

#[test]
fn streams() {
    let limits = ReadLimits::default();
    let packed = gzip(&tar_of(&[("a.json", LINES.as_bytes())]));
    for (bytes, records) in [(LINES.as_bytes(), 3), (&packed[..], 3), (b"", 0)] {
        let mut stream = bytes;
        let report = read_stream("body", &mut stream, &limits, &mut |_| {
            ControlFlow::Continue(())
        });
        assert_eq!(report.records, records);
        assert!(report.problems.is_empty());
    }
    let zipped = zip_of(&[("a.json", b"{}")]);
    let report = read_stream("body", &mut &zipped[..], &limits, &mut |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(report.problems[0].kind, ProblemKind::Unsupported);
}

#[test]
fn a_large_stream_costs_little_memory() {
    /// 100 MB of lines that are made as they are read.
    struct Lines(usize);
    impl std::io::Read for Lines {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let n = self.0.min(buffer.len());
            buffer[..n].fill(b'x');
            for i in (0..n).step_by(100) {
                buffer[i] = b'\n';
            }
            self.0 -= n;
            Ok(n)
        }
    }
    let mut longest = 0;
    let report = read_stream(
        "body",
        &mut Lines(100 << 20),
        &ReadLimits::default(),
        &mut |step| {
            if let Step::Record { bytes, .. } = step {
                longest = longest.max(bytes.len());
            }
            ControlFlow::Continue(())
        },
    );
    assert_eq!(report.bytes, 100 << 20);
    assert!(longest < 200);
}

fn settings() -> FeedSettings {
    FeedSettings::new(MapperSettings::new(TenantId::from_u128(1)))
}

#[test]
fn a_recording_becomes_rows_and_rejects_are_written() {
    let folder = Folder::new();
    let good = r#"{"SourceName":"Microsoft-Windows-Sysmon","EventID":11,"Hostname":"a.b.c","UtcTime":"2026-01-01 00:00:00","TargetFilename":"C:\\x.txt"}"#;
    let text = format!("{good}\n{{\"nonsense\":1}}\nnot json\n{good}\n");
    let path = folder.put("a.zip", &zip_of(&[("a.json", text.as_bytes())]));
    let reject_path = folder.0.path().join("rejects.jsonl");
    let mut rejects = RejectWriter::new(&reject_path, 1 << 20);
    let mut tables = Vec::new();
    let report = feed_path(&path, &settings(), Some(&mut rejects), &mut |fed| {
        if let Fed::Rows(rows) = fed {
            tables.extend(rows.iter().map(|r| r.table.name));
        }
        ControlFlow::Continue(())
    });
    assert_eq!(
        tables,
        ["DeviceFileEvents", "DeviceFileEvents", "DeviceInfo"]
    );
    assert_eq!((report.tally.lines, report.tally.rows), (4, 3));
    assert_eq!(rejects.counts()[&RejectCode::InvalidJson], 1);
    assert_eq!(
        rejects.finish().unwrap().as_deref(),
        Some(reject_path.as_path())
    );
    let written = fs::read_to_string(&reject_path).unwrap();
    let first: serde_json::Value = serde_json::from_str(written.lines().next().unwrap()).unwrap();
    assert_eq!(first["source"], "a.zip!a.json");
    assert_eq!(
        (&first["line"], &first["code"]),
        (&2.into(), &"unknown_format".into())
    );
    assert_eq!(first["data"], "{\"nonsense\":1}");
    assert_eq!(written.lines().count(), 2);
}

#[test]
fn a_full_reject_file_still_counts() {
    let folder = Folder::new();
    let path = folder.put("a.json", "x\n".repeat(100).as_bytes());
    let mut rejects = RejectWriter::new(folder.0.path().join("r.jsonl"), 500);
    feed_path(&path, &settings(), Some(&mut rejects), &mut |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(rejects.counts()[&RejectCode::InvalidJson], 100);
    let path = rejects.finish().unwrap().unwrap();
    assert!(fs::metadata(path).unwrap().len() <= 500);
}

#[test]
fn what_is_not_there_is_a_problem() {
    let (_, report) = read(Path::new("/nonexistent/file.json"), &ReadLimits::default());
    assert_eq!(report.problems[0].kind, ProblemKind::Unreadable);
}

#[test]
fn a_limit_keeps_the_rows_read_before_it() {
    let folder = Folder::new();
    let line = r#"{"SourceName":"Microsoft-Windows-Sysmon","EventID":11,"Hostname":"a.b.c","UtcTime":"2026-01-01 00:00:00","TargetFilename":"C:\\x.txt"}"#;
    let path = folder.put("a.json", format!("{line}\n").repeat(100_000).as_bytes());
    let mut settings = settings();
    settings.limits.total_bytes = 2 << 20;
    let mut rows = 0;
    let report = feed_path(&path, &settings, None, &mut |fed| {
        if let Fed::Rows(batch) = fed {
            rows += batch.len() as u64;
        }
        ControlFlow::Continue(())
    });
    assert!(report.read.stopped && rows > 10_000);
    assert_eq!(rows, report.tally.rows);
}

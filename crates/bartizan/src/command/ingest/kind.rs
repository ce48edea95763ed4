//! What a file is, by its first bytes and its name: what is no telemetry of a kind that is read is told once, for the file,
//! rather than for each of its lines.

use std::path::Path;

/// First bytes of kinds that are not read, and their names.
const NOT_READ: &[(&[u8], &str)] = &[
    (b"ElfFile\0", "a Windows event log (.evtx)"),
    (b"PAR1", "Parquet"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"%PDF", "PDF"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"<?xml", "XML"),
    (b"<!DOCTYPE", "HTML"),
    (b"<html", "HTML"),
    (b"<Event", "XML"),
];

/// What is read.
const READ: &str = "read are JSON and lines of JSON, also in .gz, .tar.gz and .zip";

/// Bytes that tell text from what is none.
const HEAD: usize = 4096;

/// Why a file cannot be telemetry; nothing when it may be. An empty one is the server's to judge.
pub(super) fn wrong(name: &str, bytes: &[u8]) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let ends = |all: &[&str]| all.iter().any(|end| lower.ends_with(end));
    let gzip = bytes.starts_with(b"\x1f\x8b");
    let zip = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06");
    let tar = bytes.get(257..262) == Some(b"ustar");
    if bytes.is_empty() || gzip || zip || tar {
        return None;
    }
    let packed = [
        (&[".zip"][..], "a zip archive"),
        (&[".gz", ".tgz"][..], "gzip"),
        (&[".tar"][..], "a tar archive"),
    ];
    let text = bytes.trim_ascii_start();
    // JSON with an unusual name is JSON; a download may have been unpacked on its way.
    let json = text.starts_with(b"{") || text.starts_with(b"[");
    if let Some((_, kind)) = packed.iter().find(|(all, _)| ends(all) && !json) {
        return Some(format!("this is not {kind}, whatever its name says"));
    }
    let known = NOT_READ.iter().find(|(magic, _)| text.starts_with(magic));
    if let Some((_, kind)) = known {
        return Some(format!("{kind} is not read: {READ}"));
    }
    let by_name = [
        (".csv", "CSV"),
        (".tsv", "TSV"),
        (".xml", "XML"),
        (".html", "HTML"),
    ];
    if let Some((_, kind)) = by_name
        .iter()
        .find(|(end, _)| lower.ends_with(end) && !json)
    {
        return Some(format!("{kind} is not read: {READ}"));
    }
    is_binary(&bytes[..bytes.len().min(HEAD)]).then(|| format!("this is no text: {READ}"))
}

/// Whether bytes are no text: they hold a null, or what is no UTF-8 (but at the end, where a character may be cut).
fn is_binary(head: &[u8]) -> bool {
    let broken = std::str::from_utf8(head).is_err_and(|error| error.error_len().is_some());
    let control = |b: &u8| *b < 0x20 && !b.is_ascii_whitespace() && *b != 0x1b;
    head.contains(&0) || (broken && head.iter().any(control))
}

/// Whether a file lies in a folder beside telemetry: what says whose it is, and lines that were rejected before.
pub(super) fn is_beside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let upper = name.to_ascii_uppercase();
    let stem = upper.strip_suffix(".MD").or(upper.strip_suffix(".TXT"));
    let about = matches!(
        stem.unwrap_or(&upper),
        "LICENSE" | "LICENCE" | "COPYING" | "NOTICE" | "README"
    );
    let number = name
        .strip_prefix("rejected")
        .and_then(|rest| rest.strip_suffix(".ndjson"));
    let rejected = number.is_some_and(|number| {
        let digits = number.strip_prefix('-').unwrap_or(number);
        digits.bytes().all(|b| b.is_ascii_digit())
    });
    path.is_file() && (about || rejected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_told_by_name_and_bytes() {
        for (name, bytes, said) in [
            ("a.zip", &b"\x01\x02\x00random"[..], "not a zip archive"),
            ("a.json.gz", b"\x01\x02", "not gzip"),
            ("a.csv", b"a,b\n1,2\n", "CSV is not read"),
            ("a.xml", b"  <Events/>", "XML is not read"),
            ("a", b"<?xml version", "XML is not read"),
            ("a.json", b"\x00\x01", "no text"),
            ("a.json", b"\xff\x01\x02", "no text"),
            ("a.evtx", b"ElfFile\0rest", "event log"),
        ] {
            let told = wrong(name, bytes).unwrap_or_else(|| panic!("{name}"));
            assert!(told.contains(said), "{told}");
        }
    }

    #[test]
    fn what_may_be_read_is_sent() {
        let long = format!("{{\"a\":\"{}\"}}", "ü".repeat(HEAD));
        for (name, bytes) in [
            ("a.json", &b"{\"a\":1}"[..]),
            ("a.json.gz", b"{}"),
            ("a.csv", b"{\"a\":1}"),
            ("a.log", "grüße".as_bytes()),
            ("a.log", b"gr\xfc\xdfe of another code page"),
            ("a", b"\x1f\x8b\x08"),
            ("a.zip", b"PK\x03\x04"),
            ("a.zip", b""),
            ("a.json", long.as_bytes()),
        ] {
            assert_eq!(wrong(name, bytes), None, "{name}");
        }
    }

    #[test]
    fn what_lies_beside_telemetry_is_passed_over_in_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, beside) in [
            ("LICENSE", true),
            ("README.md", true),
            ("rejected.ndjson", true),
            ("rejected-12.ndjson", true),
            ("rejected-calls.ndjson", false),
            ("readme-events.json", false),
            ("events.json", false),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, "x").expect("written");
            assert_eq!(is_beside(&path), beside, "{name}");
        }
    }
}

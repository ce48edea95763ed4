//! Whole recordings of demo/: how many lines become how many rows of which table, and none is refused.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use bartizan_telemetry::Tally;

use crate::mapper;

#[expect(
    clippy::disallowed_types,
    reason = "the tests read what the crate may not"
)]
fn lines(name: &str) -> Vec<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../demo/telemetry/otrf")
        .join(format!("{name}.zip"));
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let file = archive.by_index(0).unwrap();
    BufReader::new(file)
        .split(b'\n')
        .map(Result::unwrap)
        .filter(|l| !l.trim_ascii().is_empty())
        .collect()
}

fn tally(name: &str) -> Tally {
    let lines = lines(name);
    let mut mapper = mapper();
    lines.iter().for_each(|line| mapper.learn(line));
    let mut tally = Tally::default();
    for line in &lines {
        tally.add(&mapper.map(line));
    }
    tally.add_rows(&mapper.finish());
    tally
}

/// The smaller half of the recordings; the larger ones have nothing in them that these have not.
const RECORDINGS: &[&str] = &[
    "aptsimulator_cobaltstrike",
    "cmd_bitsadmin_download_psh_script",
    "cmd_mshta_javascript_getobject_sct",
    "cmd_sam_copy_esentutl",
    "covenant_psremoting_grunt",
    "empire_psexec_dcerpc_tcp_svcctl",
    "empire_schtasks_creation_standard_user",
];

#[test]
fn counts() {
    let mut text = String::new();
    for name in RECORDINGS {
        let tally = tally(name);
        assert!(tally.rejected.is_empty(), "{name}: {:?}", tally.rejected);
        text.push_str(&format!("{name}: {} lines\n", tally.lines));
        for (table, rows) in &tally.tables {
            text.push_str(&format!("  {table} {rows}\n"));
        }
        for (reason, lines) in &tally.skipped {
            text.push_str(&format!("  skipped, {} {lines}\n", reason.as_str()));
        }
    }
    insta::assert_snapshot!(text);
}

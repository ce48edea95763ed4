//! The repository's text files, and rules about which files there are.

use std::fs;
use std::path::{Path, PathBuf};

use xtask::workspace::root;

/// Directories that hold nothing of ours: build outputs and dependencies.
const SKIPPED: [&str; 6] = [
    ".git",
    "target",
    "node_modules",
    "__pycache__",
    ".venv",
    "dist",
];

/// Every file of the repository whose name ends so, with its path from the root.
pub(crate) fn files_ending(suffix: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let root = root();
    walk(&root, &root, suffix, &mut found);
    found.sort();
    found
}

fn walk(root: &Path, dir: &Path, suffix: &str, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(dir).expect("readable").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link could lead out of the repository, or in circles.
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(root, &path, suffix, found);
        } else if kind.is_file() && name.ends_with(suffix) {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            found.push((path.strip_prefix(root).expect("inside").to_path_buf(), text));
        }
    }
}

#[test]
fn licences_are_there() {
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let text = fs::read_to_string(root().join(name)).expect(name);
        assert!(text.len() > 500, "{name} is too short");
    }
}

#[test]
fn texts_end_with_a_line_break_and_have_no_trailing_blanks() {
    let mut wrong = Vec::new();
    for suffix in [".rs", ".toml", ".md"] {
        for (path, text) in files_ending(suffix) {
            if !text.is_empty() && !text.ends_with('\n') {
                wrong.push(format!("{}: no line break at the end", path.display()));
            }
            for (i, line) in text.lines().enumerate() {
                if line.ends_with([' ', '\t']) || line.contains('\r') {
                    wrong.push(format!("{}:{}: trailing blank", path.display(), i + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! docs/security.md keeps its word: every test that it names exists, and what it says of secrets is so everywhere.

use std::fs;
use std::path::Path;

use xtask::workspace::root;

use crate::files::files_ending;

/// Where the files that the document names may be.
const PLACES: [&str; 5] = [
    "crates/server/tests/it",
    "crates/identity/src",
    "crates/server/src",
    "crates/store/tests/it",
    "xtask/tests/it",
];
/// How many tests it names at the least: a form that is not found would prove nothing.
const LEAST: usize = 60;

/// The names of tests in a text: `` `file.rs::function` ``.
fn names(text: &str) -> Vec<(&str, &str)> {
    // Odd pieces between backticks are code.
    let code = text.split('`').skip(1).step_by(2);
    code.filter_map(|code| {
        let (file, function) = code.split_once(".rs::")?;
        Some((&code[..file.len() + 3], function))
    })
    .collect()
}

/// Whether a source has a test function of that name: an attribute of one stands right before it.
fn has_test(source: &str, function: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is = |line: &str| {
        ["fn ", "async fn "].iter().any(|kind| {
            let rest = line
                .strip_prefix(kind)
                .and_then(|l| l.strip_prefix(function));
            rest.is_some_and(|rest| rest.starts_with('('))
        })
    };
    let is_attribute =
        |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    lines
        .iter()
        .enumerate()
        .any(|(at, line)| is(line) && at > 0 && is_attribute(lines[at - 1]))
}

#[test]
fn tests_that_the_security_document_names_exist() {
    let text = fs::read_to_string(root().join("docs/security.md")).expect("docs/security.md");
    let names = names(&text);
    assert!(names.len() >= LEAST, "only {} tests are named", names.len());
    let mut wrong = Vec::new();
    for (file, function) in names {
        let found: Vec<String> = PLACES
            .iter()
            .filter_map(|place| fs::read_to_string(root().join(place).join(file)).ok())
            .collect();
        let having = found.iter().filter(|source| has_test(source, function));
        match (found.len(), having.count()) {
            (_, 1) => {}
            (0, _) => wrong.push(format!("there is no {file}")),
            (_, 0) => wrong.push(format!("{file} has no test {function}")),
            _ => wrong.push(format!("{file}::{function} is in more than one place")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_name_is_a_file_and_a_test_in_it() {
    let text = "| x | `a/b.rs::one`, `b.rs::two` | `c.rs` and d.rs::three |";
    assert_eq!(names(text), [("a/b.rs", "one"), ("b.rs", "two")]);
    let source = "#[test]\nfn one() {}\n\n  #[tokio::test(flavor = \"x\")]\n  async fn two() {}\n\nfn three() {}\n";
    assert!(has_test(source, "one") && has_test(source, "two"));
    for none in ["three", "on", "ones", ""] {
        assert!(!has_test(source, none), "{none}");
    }
}

/// The time that a comparison takes must not tell how far a guess was right, and one place is easier to trust than many.
#[test]
fn secrets_are_compared_in_one_place() {
    let one = Path::new("crates/identity/src/constant_time.rs");
    let words = [
        concat!("verify_slices", "_are_equal"),
        concat!("Constant", "TimeEq"),
        concat!("fixed_time", "_eq"),
    ];
    let mut found = Vec::new();
    for (path, text) in files_ending(".rs") {
        if path != one && words.iter().any(|word| text.contains(word)) {
            found.push(format!("{}: use identity::constant_time", path.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    // Whoever decides by a secret that was sent goes there.
    for file in [
        "crates/identity/src/client_auth/certificate.rs",
        "crates/identity/src/client_auth/secret.rs",
        "crates/identity/src/pkce.rs",
        "crates/identity/src/sign_in/totp.rs",
        "crates/server/src/identity/sign_in/flow.rs",
    ] {
        let text = fs::read_to_string(root().join(file)).expect(file);
        assert!(text.contains("constant_time"), "{file}");
    }
}

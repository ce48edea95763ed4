//! Rules about Rust sources.

use std::path::Path;

use bartizan_contract::env;

use crate::files::files_ending;

/// The longest source file that is not generated. A file that outgrows it has two subjects.
const MAX_LINES: usize = 600;

fn is_generated(path: &Path) -> bool {
    path.starts_with("crates/contract/src/generated")
}

/// Lines that are neither comment nor documentation.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(i, l)| (i + 1, l))
        .filter(|(_, l)| !l.trim_start().starts_with("//"))
}

#[test]
fn files_are_short() {
    let long: Vec<_> = files_ending(".rs")
        .into_iter()
        .filter(|(path, text)| !is_generated(path) && text.lines().count() >= MAX_LINES)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "split by subject:\n{}", long.join("\n"));
}

#[test]
fn files_say_what_they_are() {
    let silent: Vec<_> = files_ending(".rs")
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(
        silent.is_empty(),
        "start with //! and what the module is:\n{}",
        silent.join("\n")
    );
}

#[test]
fn nothing_is_left_for_later_in_the_sources() {
    // Put together here, so that this file does not accuse itself.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("#[", "allow("),
        concat!("#![", "allow("),
    ];
    let mut found = Vec::new();
    for (path, text) in files_ending(".rs") {
        for (i, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|w| line.contains(*w)) {
                found.push(format!("{}:{}: {word}", path.display(), i + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_file_knows_a_machine() {
    let places = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/Use", "rs/"),
        concat!("/tm", "p/"),
    ];
    let mut found = Vec::new();
    for suffix in [".rs", ".toml", ".md", ".sh", ".py"] {
        // Recorded paths and shell habits are data, not knowledge of a machine.
        for (path, text) in files_ending(suffix)
            .into_iter()
            .filter(|(p, _)| !p.starts_with("demo"))
        {
            for (i, line) in text.lines().enumerate() {
                if let Some(place) = places.iter().find(|p| mentions(line, p)) {
                    found.push(format!("{}:{}: {place}", path.display(), i + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Whether the place stands at the start of a path, not within a longer one.
fn mentions(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        !line[..at].ends_with(|c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '}' | '/' | '-' | '_')
        })
    })
}

/// A handler of security data that opened a transaction by itself would show every device to everybody.
#[test]
fn security_handlers_read_what_the_caller_may_see() {
    for (path, text) in files_ending(".rs") {
        let name = path.to_string_lossy().replace('\\', "/");
        let security = name.contains("server/src/handlers/security/")
            || name.ends_with("server/src/handlers/hunting.rs");
        for (number, line) in code(&text) {
            assert!(
                !security || !line.contains("app.store."),
                "{name}:{number}: use call.read() or call.write()"
            );
        }
    }
}

#[test]
fn environment_variables_are_listed() {
    let prefix = concat!("BARTI", "ZAN_");
    let mut unknown = Vec::new();
    for (path, text) in files_ending(".rs") {
        for (line, content) in code(&text) {
            for (at, _) in content.match_indices(prefix) {
                let name: String = content[at..]
                    .chars()
                    .take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_')
                    .collect();
                // Variables for tests alone are their own business.
                if name != prefix
                    && !name.starts_with(concat!("BARTI", "ZAN_TEST_"))
                    && env::variable(&name).is_none()
                {
                    unknown.push(format!("{}:{line}: {name}", path.display()));
                }
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "not in contract::env:\n{}",
        unknown.join("\n")
    );
}

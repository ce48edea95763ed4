//! Relative links in Markdown lead to a file of the repository.

use std::path::Path;

use xtask::workspace::root;

use crate::files::files_ending;

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in files_ending(".md") {
        for target in links(&text) {
            let file = target.split(['#', '?']).next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:");
            if outside || file.is_empty() {
                continue;
            }
            let from = path.parent().unwrap_or(Path::new(""));
            if !root().join(from).join(file).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The targets of `[text](target)` outside of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Even pieces between backticks are prose.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("\u{0}");
        let mut rest = prose.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, after)) = after.split_once(')') else {
                break;
            };
            found.push(target.trim().trim_matches(['<', '>']).to_owned());
            rest = after;
        }
    }
    found
}

#[test]
fn links_are_found_outside_of_code() {
    let text = "[a](x.md) `[b](y.md)` [`c`](z.md#part)\n```\n[d](w.md)\n```\n";
    assert_eq!(links(text), ["x.md", "z.md#part"]);
}

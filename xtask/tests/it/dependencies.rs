//! Which crate may name what, read from the manifests.

use std::path::PathBuf;

use crate::files::files_ending;

/// The manifests of the workspace's crates, with the crate's directory name.
fn manifests() -> Vec<(String, String)> {
    files_ending("Cargo.toml")
        .into_iter()
        .filter(|(path, _)| path.starts_with("crates") || path.starts_with("xtask"))
        .filter(|(path, _)| path != &PathBuf::from("Cargo.toml"))
        .map(|(path, text)| {
            let dir = path
                .parent()
                .and_then(|p| p.file_name())
                .unwrap_or_default();
            (dir.to_string_lossy().into_owned(), text)
        })
        .collect()
}

/// Names of the crates that a manifest depends on, in any of its dependency tables.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            inside = table.ends_with("dependencies");
            if let Some((_, name)) = table.split_once("dependencies.") {
                names.push(name.to_owned());
            }
        } else if inside && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !name.is_empty() {
                names.push(name.trim_matches('"').to_owned());
            }
        }
    }
    names
}

#[test]
fn fenced_crates_are_named_by_one_crate_alone() {
    for (fenced, owner) in [
        ("datafusion", "hunting"),
        ("sqlx", "store"),
        ("axum", "server"),
    ] {
        for (dir, manifest) in manifests() {
            let names = dependencies(&manifest);
            let uses = names
                .iter()
                .any(|n| n == fenced || n.starts_with(&format!("{fenced}-")));
            assert!(
                !uses || dir == owner,
                "{dir} names {fenced}, which only {owner} may"
            );
        }
    }
}

#[test]
fn pure_crates_have_no_means_of_io() {
    let io = [
        "tokio",
        "hyper",
        "reqwest",
        "rustls",
        "object_store",
        "rand",
        "getrandom",
        "tempfile",
    ];
    for (dir, manifest) in manifests() {
        if ["contract", "identity", "security", "kql", "telemetry"].contains(&dir.as_str()) {
            let (normal, _dev) = manifest
                .split_once("[dev-dependencies]")
                .unwrap_or((&manifest, ""));
            let names = dependencies(normal);
            assert!(
                !names.iter().any(|n| io.contains(&n.as_str())),
                "{dir}: {names:?}"
            );
        }
    }
}

#[test]
fn kql_depends_on_nothing_of_ours() {
    let (_, manifest) = manifests()
        .into_iter()
        .find(|(dir, _)| dir == "kql")
        .expect("kql");
    assert!(
        !dependencies(&manifest)
            .iter()
            .any(|n| n.starts_with("bartizan"))
    );
}

#[test]
fn crates_say_their_licence_and_share_lints() {
    for (dir, manifest) in manifests() {
        assert!(
            manifest.contains("license.workspace = true"),
            "{dir}: licence"
        );
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{dir}: lints"
        );
        assert!(manifest.contains("\ndescription = "), "{dir}: description");
    }
}

/// Whether a line of a dependency table states a version of its own.
fn pins(line: &str) -> bool {
    let value = line.split_once('=').map_or("", |(_, v)| v.trim());
    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || "^~=<>*".contains(c));
    value.strip_prefix('"').is_some_and(digit) || value.contains("version")
}

#[test]
fn versions_are_the_workspaces() {
    for (dir, manifest) in manifests() {
        let mut table = "";
        for line in manifest.lines().map(str::trim) {
            if line.starts_with('[') {
                table = line;
            }
            let pinned = table.contains("dependencies") && pins(line);
            assert!(
                !pinned,
                "{dir}: {line}: versions stand in the workspace's table"
            );
        }
    }
    assert!(pins("a = \"1.2\"") && pins("a = { version = \"1\" }"));
    assert!(!pins("a.workspace = true") && !pins("a = { path = \"x\" }"));
}

#[test]
fn pure_crates_have_the_same_bans() {
    let texts: Vec<_> = files_ending("clippy.toml")
        .into_iter()
        .filter(|(path, _)| path.starts_with("crates"))
        .collect();
    assert_eq!(
        texts.len(),
        5,
        "contract, identity, security, kql, telemetry"
    );
    assert!(
        texts.windows(2).all(|w| w[0].1 == w[1].1),
        "the files differ"
    );
}

#[test]
fn dependencies_are_read_from_every_form() {
    let manifest = "[dependencies]\na.workspace = true\nb = \"1\"\n# c = \"1\"\n\n[target.'cfg(unix)'.dependencies.d]\nversion = \"1\"\n[dev-dependencies]\n\"e\" = { path = \"x\" }\n[features]\nf = []\n";
    assert_eq!(dependencies(manifest), ["a", "b", "d", "e"]);
}

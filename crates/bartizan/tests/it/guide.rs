//! The commands of the documentation, run as they stand there.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Home, command};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What stands in the `sh` blocks of a document, every line at the number that it has there.
fn blocks(document: &str) -> String {
    let mut inside = false;
    let lines = document.lines().map(|line| {
        if line.starts_with("```") {
            inside = line == "```sh";
            return "";
        }
        if inside { line } else { "" }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the programs that the guide calls are here.
fn tools() -> bool {
    ["bash", "curl", "python3"].iter().all(|tool| {
        let found = Command::new(tool).arg("--version").output().is_ok();
        if !found {
            println!("skipped: there is no {tool} here");
        }
        found
    })
}

/// Lines that fail, with their exit codes, and everything that was said.
fn run(script: &str, home: &Home) -> (Vec<(usize, i32)>, String) {
    // The document starts on the second line: the first holds what makes it a test. Failures are noted, not fatal.
    let failures = home.file("failures");
    let trap = format!(
        "set -E -o pipefail; trap 'echo $((LINENO - 1)) $? >> {}' ERR",
        failures.display()
    );
    let file = home.file("guide.sh");
    std::fs::write(&file, format!("{trap}\n{script}\n")).expect("written");
    // A refusal of an API is a failure of the line, which curl alone would not make it.
    let settings = home.file("curl");
    std::fs::create_dir_all(&settings).expect("a folder");
    std::fs::write(
        settings.join(".curlrc"),
        "fail-with-body\nnoproxy = \"*\"\n",
    )
    .expect("written");
    let program = command(&[]);
    let folder = Path::new(program.get_program()).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut bash = Command::new("bash");
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => bash.env(name, value),
            None => bash.env_remove(name),
        };
    }
    let output = bash
        .arg(&file)
        .current_dir(root())
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("CURL_HOME", &settings)
        .env("XDG_DATA_HOME", home.file("share"))
        .output()
        .expect("bash runs");
    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let failed = std::fs::read_to_string(&failures).unwrap_or_default();
    let failed = failed.lines().filter_map(|line| {
        let (line, code) = line.split_once(' ')?;
        Some((line.parse().ok()?, code.parse().ok()?))
    });
    (failed.collect(), said)
}

/// The lines that say `exit code N`, and N.
fn announced(script: &str) -> Vec<(usize, i32)> {
    let code = |line: &str| line.split_once("exit code ")?.1.trim().parse().ok();
    script
        .lines()
        .enumerate()
        .filter_map(|(i, line)| Some((i + 1, code(line)?)))
        .collect()
}

#[cfg(unix)]
#[test]
fn the_guide_works_as_it_stands() {
    if !tools() {
        return;
    }
    let home = Home::new();
    // Where the guide looks for it: the default data directory.
    std::fs::create_dir_all(home.file("share")).expect("a folder");
    std::os::unix::fs::symlink(home.data(), home.file("share").join("bartizan")).expect("a link");
    let _serving = home.serve();
    let guide = root().join("docs/guide-application-context.md");
    let script = blocks(&std::fs::read_to_string(guide).expect("the guide"));
    let (failed, said) = run(&script, &home);
    assert_eq!(failed, announced(&script), "{said}");
    assert_eq!(announced(&script).len(), 1, "one refusal is shown");
    assert!(said.contains("\"token_type\":\"Bearer\""), "{said}");
    assert!(
        said.contains("Incident reader, by Graph") || said.contains("appRoleId"),
        "{said}"
    );
}

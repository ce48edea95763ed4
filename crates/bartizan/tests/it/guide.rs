//! The commands of the documentation, run as they stand there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Home, command};

/// Notes each line of the document that fails, with its exit code: the line at the top, whatever function it called. The
/// document starts on the script's second line, after this.
const TRAP: &str = r#"set -E -o pipefail; trap 'code=$? line=$LINENO; for ((i = 0; i < ${#FUNCNAME[@]} - 1; i++)); do line=${BASH_LINENO[i]}; done; echo $((line - 1)) $code >> "$FAILURES"' ERR"#;

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What stands in the `sh` blocks of a document, every line at the number that it has there. Blocks that need MSAL for
/// Python say so beside `sh`, and are left out where it is not installed.
fn blocks(document: &str) -> String {
    let msal = Command::new("python3")
        .args(["-c", "import msal, requests"])
        .output()
        .is_ok_and(|output| output.status.success());
    let mut inside = false;
    let lines = document.lines().map(|line| {
        if line.starts_with("```") {
            inside = line == "```sh" || (msal && line == "```sh msal");
            return "";
        }
        if inside { line } else { "" }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the programs that the guides call are here.
fn tools() -> bool {
    let found = |tool: &&str| {
        let found = Command::new(tool).arg("--version").output().is_ok();
        if !found {
            println!("skipped: there is no {tool} here");
        }
        found
    };
    ["bash", "curl", "python3", "openssl"].iter().all(found)
}

/// Lines that fail, with their exit codes, and everything that was said.
fn run(script: &str, home: &Home) -> (BTreeMap<usize, i32>, String) {
    let failures = home.file("failures");
    let file = home.file("guide.sh");
    std::fs::write(&file, format!("{TRAP}\n{script}\n")).expect("written");
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
        .env("FAILURES", &failures)
        .env("PYTHONDONTWRITEBYTECODE", "1")
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
fn announced(script: &str) -> BTreeMap<usize, i32> {
    let code = |line: &str| line.split_once("exit code ")?.1.trim().parse().ok();
    script
        .lines()
        .enumerate()
        .filter_map(|(i, line)| Some((i + 1, code(line)?)))
        .collect()
}

/// Runs a guide against a server of its own: the lines that say so fail, with the code that they say, and no others.
/// Gives what was said.
fn follow(guide: &str, refusals: usize) -> Option<String> {
    if !tools() {
        return None;
    }
    let home = Home::new();
    // Where the guides look for it: the default data directory.
    std::fs::create_dir_all(home.file("share")).expect("a folder");
    std::os::unix::fs::symlink(home.data(), home.file("share").join("bartizan")).expect("a link");
    let _serving = home.serve();
    let guide = root().join("docs").join(guide);
    let script = blocks(&std::fs::read_to_string(guide).expect("the guide"));
    let (failed, said) = run(&script, &home);
    assert_eq!(failed, announced(&script), "{said}");
    assert_eq!(failed.len(), refusals, "refusals that are shown");
    Some(said)
}

/// Asserts that each of these was said.
fn assert_said(said: &str, expected: &[&str]) {
    for text in expected {
        assert!(said.contains(text), "{text}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn the_guide_to_application_context_works_as_it_stands() {
    let Some(said) = follow("guide-application-context.md", 1) else {
        return;
    };
    assert_said(&said, &["\"token_type\":\"Bearer\"", "appRoleId"]);
}

#[cfg(unix)]
#[test]
fn the_guide_to_user_context_works_as_it_stands() {
    let Some(said) = follow("guide-user-context.md", 7) else {
        return;
    };
    let expected = [
        "AADSTS90094",
        "http://localhost:5000/?code=",
        "Security Reader",
        "['server.example']",
        "The device is signed in",
        "AADSTS50076",
        "You are signed out",
        "AADSTS50173",
    ];
    assert_said(&said, &expected);
    assert!(
        !said.contains("laptop.example"),
        "a device of another group: {said}"
    );
}

#[cfg(unix)]
#[test]
fn the_guide_to_partner_context_works_as_it_stands() {
    let Some(said) = follow("guide-partner-context.md", 5) else {
        return;
    };
    let expected = [
        "AADSTS700016",
        "nobody has consented to the application of another tenant",
        "AADSTS90094",
        "https://portal.azure.com/?code=",
        "admin_consent=True",
        "server.example",
        "AADSTS65001",
    ];
    assert_said(&said, &expected);
}

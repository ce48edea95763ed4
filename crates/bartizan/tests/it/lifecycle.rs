//! How servers start, end, and refuse to start.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::process::{Home, Operator, run_with};

const XDR: &str = "https://api.security.microsoft.com/.default";

#[tokio::test]
async fn a_detached_server_runs_until_it_is_told_to_stop() {
    let home = Home::new();
    let ports = home.ports.to_string();
    let screen = home.cli(&["serve", "--ports", &ports, "--detach"]).good();
    assert!(screen.contains("Bartizan is ready."), "{screen}");
    assert!(
        screen.contains("password"),
        "the first start shows the administrator: {screen}"
    );
    let operator = Operator::of(&home);
    assert!(operator.token(XDR).await.starts_with("eyJ"));

    // The directory is taken, and said to be.
    let second = home
        .cli(&[
            "serve",
            "--ports",
            &crate::process::free_ports().to_string(),
        ])
        .bad(2);
    assert!(second.contains("in use by another server"), "{second}");
    assert!(second.contains("`bartizan stop --data /"), "{second}");

    let stopped = home.cli(&["stop"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    let again = format!("--ports {ports} --detach");
    assert!(
        stopped.err.contains("bartizan serve --data ") && stopped.err.contains(&again),
        "it says how it is started again: {}",
        stopped.err
    );
    let client = (operator.client.0.as_str(), operator.client.1.as_str());
    assert!(
        operator.token_of(client, XDR).await.is_none(),
        "it still answers"
    );
    home.cli(&["stop"]).good();

    let started = Instant::now();
    let again = home.cli(&["serve", "--ports", &ports, "--detach"]).good();
    println!("started again in {:?}", started.elapsed());
    assert!(!again.contains("password"), "{again}");
    assert!(
        operator.token(XDR).await.starts_with("eyJ"),
        "the operator's secret outlives the process"
    );
    home.cli(&["stop"]).good();
}

#[test]
fn a_port_that_is_taken_is_named_with_the_way_out() {
    let home = Home::new();
    let _taken = TcpListener::bind(("127.0.0.1", home.ports)).expect("a port");
    let said = home
        .cli(&["serve", "--ports", &home.ports.to_string()])
        .bad(2);
    assert!(
        said.contains(&home.ports.to_string()) && said.contains("--ports"),
        "{said}"
    );
    assert!(
        !home.data().join("admin.toml").exists(),
        "nothing is written before the ports are held"
    );
}

#[test]
fn unknown_settings_are_refused() {
    let home = Home::new();
    std::fs::write(home.data().join("bartizan.toml"), "rate-limit = false\n").expect("written");
    let said = home
        .cli(&["serve", "--ports", &home.ports.to_string()])
        .bad(2);
    assert!(said.contains("rate-limit"), "{said}");
    let said = home.cli(&["serve", "--ports", "65535"]).bad(2);
    assert!(said.contains("--ports"), "{said}");
    home.cli(&["serve", "--no-such-flag"]).bad(2);
}

#[test]
fn other_machines_are_kept_out_unless_told_otherwise() {
    let home = Home::new();
    let said = home.cli(&["serve", "--https", "0.0.0.0:0"]).bad(2);
    assert!(said.contains("expose"), "{said}");
}

#[cfg(unix)]
#[test]
fn files_with_secrets_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let serving = home.serve();
    for name in ["admin.toml", "bartizan.db"] {
        let mode = std::fs::metadata(home.data().join(name))
            .expect("the file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
    let profile = home.data().join("admin.toml");
    std::fs::set_permissions(&profile, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let said = home.cli(&["token", "get"]).bad(2);
    assert!(said.contains("chmod 600"), "{said}");
    drop(serving);
}

#[tokio::test]
async fn a_first_start_that_is_killed_is_taken_up_by_the_next() {
    for millis in [20, 120, 250, 450] {
        let home = Home::new();
        let first = home.spawn();
        tokio::time::sleep(Duration::from_millis(millis)).await;
        first.kill();
        let _serving = home.serve();
        let token = Operator::of(&home).token(XDR).await;
        assert!(token.starts_with("eyJ"), "killed after {millis} ms");
    }
}

#[test]
fn commands_without_a_server_say_how_to_get_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    let nobody = [("HOME", path), ("XDG_DATA_HOME", path)];
    let said = run_with(&["incident", "list"], &nobody, "").bad(2);
    assert!(said.contains("bartizan demo"), "{said}");
}

#[test]
fn a_stopped_server_leaves_parquet_files_that_are_tables() {
    let home = Home::new();
    let ports = home.ports.to_string();
    home.cli(&["serve", "--ports", &ports, "--detach"]).good();
    let rows = home.file("rows.ndjson");
    let row = r#"{"Timestamp":"2026-11-20T10:00:00.1234567Z","DeviceName":"alpha","ProcessId":7}"#;
    std::fs::write(&rows, format!("{row}\n")).expect("written");
    let rows = rows.display().to_string();
    home.cli(&["ingest", &rows, "--table", "DeviceProcessEvents"])
        .good();
    home.cli(&["stop"]).good();
    let mut files = parquet_files(&home.data().join("events"));
    // The server's own sign-ins and changes are tables too.
    files.retain(|file| file.display().to_string().contains("DeviceProcessEvents"));
    assert_eq!(files.len(), 1, "{files:?}");
    let table = format!("T={}", files[0].display());
    let query = "T | project Timestamp, DeviceName, ProcessId";
    let answer = run_with(&["kql", "run", "-", "--table", &table], &[], query).json();
    assert_eq!(
        answer["rows"],
        serde_json::json!([["2026-11-20T10:00:00.1234567Z", "alpha", 7]])
    );
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(parquet_files(&path));
        } else if path.extension().is_some_and(|e| e == "parquet") {
            found.push(path);
        }
    }
    found
}

#[cfg(unix)]
#[test]
fn a_named_profile_is_not_left_with_an_exported_secret() {
    let home = Home::new();
    let profile = home.file("named.toml");
    let text =
        "url = \"http://localhost:1\"\nproxy = \"http://127.0.0.1:1\"\nclient-id = \"mine\"\n";
    std::fs::write(&profile, text).expect("a file");
    let profile = profile.display().to_string();
    let exported = [
        ("BARTIZAN_CLIENT_ID", "other"),
        ("BARTIZAN_CLIENT_SECRET", "others"),
    ];
    let script = "echo \"$BARTIZAN_CLIENT_ID:$BARTIZAN_CLIENT_SECRET\"";
    let arguments = ["run", "--profile", &profile, "--", "sh", "-c", script];
    assert_eq!(run_with(&arguments, &exported, "").good().trim(), "mine:");
}

/// A profile whose proxy nobody needs to reach.
#[cfg(unix)]
fn bare_profile(home: &Home) -> String {
    let profile = home.file("bare.toml");
    let text = "url = \"http://localhost:1\"\nproxy = \"http://127.0.0.1:1\"\n";
    std::fs::write(&profile, text).expect("a file");
    profile.display().to_string()
}

#[cfg(unix)]
#[test]
fn a_command_below_run_ends_as_shells_say_it() {
    let home = Home::new();
    let profile = bare_profile(&home);
    let below = |command: &[&str]| {
        let arguments = [&["run", "--profile", &profile, "--"][..], command].concat();
        run_with(&arguments, &[], "")
    };
    below(&["sh", "-c", "exit 7"]).bad(7);
    below(&["sh", "-c", "kill -KILL $$"]).bad(137);
    let said = below(&["no-such-command-here"]).bad(127);
    assert!(said.contains("there is no such command"), "{said}");
    below(&[profile.as_str()]).bad(126);
}

#[cfg(unix)]
#[test]
fn a_command_below_run_hears_what_run_is_told() {
    use std::io::BufRead as _;
    let home = Home::new();
    let profile = bare_profile(&home);
    let script = "trap 'echo heard; exit 3' TERM; echo ready; while :; do sleep 0.1; done";
    let mut run =
        crate::process::command(&["run", "--profile", &profile, "--", "sh", "-c", script])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("the binary starts");
    let mut lines = std::io::BufReader::new(run.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next().expect("a line").expect("read"), "ready");
    let id = run.id().to_string();
    let told = std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(told.expect("kill").success());
    assert_eq!(lines.next().expect("a line").expect("read"), "heard");
    assert_eq!(run.wait().expect("it ends").code(), Some(3));
}

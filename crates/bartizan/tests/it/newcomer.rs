//! What somebody meets who tries the commands for the first time: copies, wrong files, readers that go away.

use std::process::Stdio;

use crate::process::{Home, command, run_with};

#[test]
fn a_cut_answer_says_so_whatever_the_limit() {
    let home = Home::new();
    let settings = home.data().join("bartizan.toml");
    std::fs::write(settings, "hunt-rows = 2\n").expect("written");
    let _serving = home.serve();
    for api in ["xdr", "graph", "mde"] {
        let hunt = |query| home.cli(&["hunt", "--api", api, query]);
        let cut = hunt("range x from 1 to 10 step 1");
        assert!(cut.err.contains("there may be more"), "{cut:?}");
        let whole = hunt("range x from 1 to 2 step 1");
        assert!(!whole.err.contains("there may be more"), "{whole:?}");
    }
}

#[test]
fn a_copied_data_directory_is_named_itself() {
    let home = Home::new();
    home.serve().kill();
    let copy = home.file("a copy");
    std::fs::create_dir(&copy).expect("a folder");
    for file in ["admin.toml", "server.start"] {
        std::fs::copy(home.data().join(file), copy.join(file)).expect("copied");
    }
    let copy = copy.display().to_string();
    let start = format!("bartizan serve --data '{copy}' --ports {}", home.ports);
    let said = run_with(&["stop", "--data", &copy], &[], "");
    assert!(said.err.contains(&start), "{said:?}");
    let said = run_with(&["incident", "list", "--data", &copy], &[], "").bad(6);
    assert!(said.contains(&start), "{said}");
}

#[test]
fn a_reader_that_is_gone_changes_no_exit_code() {
    for arguments in [
        &["incident", "list", "--cloud", "moon"][..],
        &["explain", "no error that is known"][..],
    ] {
        let expected = run_with(arguments, &[], "").code;
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = command(arguments)
            .stdout(Stdio::null())
            .stderr(writer)
            .status()
            .expect("it ends");
        assert_eq!(ended.code(), Some(expected), "{arguments:?}");
        assert_ne!(expected, 0);
    }
}

#[test]
fn files_that_are_not_read_are_told_once() {
    let home = Home::new();
    let _serving = home.serve();
    let folder = home.file("telemetry");
    std::fs::create_dir(&folder).expect("a folder");
    for (name, text) in [
        ("LICENSE", "All rights"),
        ("a.csv", "a,b\n1,2\n"),
        ("b.zip", "no zip"),
    ] {
        std::fs::write(folder.join(name), text).expect("written");
    }
    let said = home.cli(&["ingest", &folder.display().to_string()]).bad(2);
    for part in ["CSV is not read", "not a zip archive"] {
        assert_eq!(said.matches(part).count(), 1, "{said}");
    }
    assert!(!said.contains("LICENSE"), "{said}");
    let empty = folder.join("empty.json");
    std::fs::write(&empty, "").expect("written");
    let said = home.cli(&["ingest", &empty.display().to_string()]).bad(2);
    assert_eq!(said.matches("empty").count(), 2, "name and reason: {said}");
}

#[test]
fn a_broken_database_is_named_with_what_helps() {
    let home = Home::new();
    std::fs::write(home.data().join("bartizan.db"), "x".repeat(8192)).expect("written");
    let data = home.data().display().to_string();
    let ports = home.ports.to_string();
    let said = run_with(&["serve", "--data", &data, "--ports", &ports], &[], "").bad(2);
    for part in ["bartizan.db", "not a database", "backup"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn groups_partners_and_rules_are_said_as_they_are() {
    let home = Home::new();
    let _serving = home.serve();
    home.cli(&["device-group", "create", "Servers"]).good();
    let said = home
        .cli(&["device-group", "put", "servers", "nobody"])
        .bad(5);
    assert!(said.contains("0 of 1 devices"), "{said}");
    let said = home
        .cli(&["device-group", "put", "Severs", "nobody"])
        .bad(5);
    assert!(said.contains("did you mean Servers?"), "{said}");

    let partner = "11111111-2222-3333-4444-555555555555";
    let said = home.cli(&["app", "consent", partner]).bad(5);
    assert!(
        said.contains(&format!("/adminconsent?client_id={partner}")),
        "{said}"
    );

    let app = home.cli(&["app", "create", "Tool"]).json()["appId"].clone();
    let app = app.as_str().expect("an id");
    home.cli(&["grant", "add", app, "xdr", "Incident.Read"])
        .good();

    let rule = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../demo/rules/bitsadmin-download.toml"
    );
    home.cli(&["rule", "add", rule]).good();
    home.cli(&["rule", "run", "--lookback", "30d"]).good();
    let again = home.cli(&["rule", "add", rule]).json();
    assert_eq!(again[0]["lastRunOutcome"], "success", "{again}");
    let id = again[0]["id"].as_str().expect("an id");
    let shown = home.cli(&["rule", "show", id, "--format", "table"]).good();
    let stored = std::fs::read_to_string(rule).expect("the rule");
    assert_eq!(shown.trim_end(), stored.trim_end());
}

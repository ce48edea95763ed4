//! The portal's steps and the APIs, by commands alone.

use serde_json::{Value, json};

use crate::process::{Home, run, run_with};

#[test]
fn completions_name_the_commands() {
    let script = run(&["completions", "bash"]).good();
    assert!(script.contains("complete") && script.contains("incident"));
    run(&["completions", "no-such-shell"]).bad(2);
    let help = run(&["--help"]).good();
    for command in ["demo", "serve", "hunt", "kql"] {
        assert!(help.contains(command), "{help}");
    }
}

#[test]
fn usage_shows_what_may_be_typed_and_not_what_the_environment_says() {
    let environment = [
        ("BARTIZAN_URL", "https://localhost:1"),
        ("BARTIZAN_TENANT_ID", "t"),
    ];
    let said = run_with(&["app", "show"], &environment, "").bad(2);
    assert!(
        said.contains("Usage: bartizan app show [OPTIONS] <APP>"),
        "{said}"
    );
    assert!(!said.contains("--url"), "{said}");
}

/// An application by commands: what the mission's portal steps come to.
struct Registered {
    id: String,
    secret: String,
}

fn register(home: &Home, name: &str, permissions: &[&str]) -> Registered {
    let app = home.cli(&["app", "create", name]).json();
    let id = app["appId"].as_str().expect("an id").to_owned();
    let add: Vec<&str> = ["app", "permission", "add", &id]
        .iter()
        .chain(permissions)
        .copied()
        .collect();
    home.cli(&add).good();
    home.cli(&["app", "consent", &id]).good();
    let secret = home.cli(&["app", "secret", "add", &id]).json();
    let secret = secret["secretText"].as_str().expect("a secret").to_owned();
    Registered { id, secret }
}

/// A command in the name of that application.
fn as_app(home: &Home, app: &Registered, arguments: &[&str]) -> crate::process::Ended {
    let data = home.data().display().to_string();
    let environment = [
        ("BARTIZAN_DATA", data.as_str()),
        ("BARTIZAN_CLIENT_ID", app.id.as_str()),
        ("BARTIZAN_CLIENT_SECRET", app.secret.as_str()),
    ];
    run_with(arguments, &environment, "")
}

#[test]
fn an_application_is_registered_permitted_and_used() {
    let home = Home::new();
    let serving = home.serve();
    let app = register(
        &home,
        "Story",
        &["xdr/Incident.Read.All", "xdr/AdvancedHunting.Read.All"],
    );
    let shown = home.cli(&["app", "show", "Story"]).json();
    assert_eq!(
        shown["consented"].as_array().map(Vec::len),
        Some(2),
        "{shown}"
    );
    assert!(
        !shown.to_string().contains(&app.secret),
        "a secret is shown once"
    );
    let names: Vec<Value> = home
        .cli(&["app", "list"])
        .json()
        .as_array()
        .expect("a list")
        .clone();
    assert!(
        names.iter().any(|a| a["displayName"] == "Story"),
        "{names:?}"
    );

    let token = as_app(&home, &app, &["token", "get"])
        .good()
        .trim()
        .to_owned();
    assert_eq!(token.split('.').count(), 3);
    inspect(&home, &token);
    assert_eq!(as_app(&home, &app, &["incident", "list"]).json(), json!([]));
    // Reading only: a change is refused by the API, with the code for that.
    as_app(
        &home,
        &app,
        &["incident", "update", "1", "--status", "Resolved"],
    )
    .bad(4);
    hunts(&home, &app);

    let wrong = Registered {
        id: app.id.clone(),
        secret: "wrong".to_owned(),
    };
    let said = as_app(&home, &wrong, &["token", "get"]).bad(3);
    assert!(said.contains("AADSTS7000215"), "{said}");
    home.cli(&["app", "show", "No such application"]).bad(5);
    home.cli(&["app", "permission", "add", "Story", "No.Such.Permission"])
        .bad(2);
    drop(serving);
    let log = std::fs::read_to_string(home.file("stderr.log")).expect("the log");
    assert!(
        !log.contains(&app.secret) && !log.contains(&token),
        "the log holds a secret or a token"
    );
    let operator = crate::process::profile(&home.data());
    let operator = operator["client-secret"].as_str().expect("a secret");
    assert!(
        !log.contains(operator),
        "the log holds the operator's secret"
    );
}

fn inspect(home: &Home, token: &str) {
    let data = home.data().display().to_string();
    let environment = [("BARTIZAN_DATA", data.as_str())];
    let inspect = |operation: &str| {
        run_with(
            &["token", "inspect", "--for", operation],
            &environment,
            token,
        )
    };
    let allowed = inspect("GET /api/incidents").json();
    assert_eq!(allowed["verified"], true, "{allowed}");
    assert_eq!(allowed["for"]["allowed"], true, "{allowed}");
    let refused = inspect("PATCH /api/incidents/1");
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(
        refused.err.contains("refused") && refused.err.contains("Incident.ReadWrite.All"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("To mend it: "), "{}", refused.err);

    // One changed character of the signature.
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{signed}.{first}{}", &signature[1..]);
    let forged = run_with(&["token", "inspect"], &environment, &forged);
    assert_eq!(forged.code, 3, "{forged:?}");
    run_with(&["token", "inspect"], &environment, "not a token").bad(2);
}

fn hunts(home: &Home, app: &Registered) {
    let rows = home.file("rows.ndjson");
    let row = |n: u32, device: &str| json!({ "Timestamp": "2026-11-20T10:00:00Z", "DeviceName": device, "ProcessId": n, "FileName": "a.exe" });
    std::fs::write(
        &rows,
        format!("{}\n{}\n{{\"Nope\":1}}\n", row(1, "alpha"), row(2, "be,ta")),
    )
    .expect("written");
    let rejects = home.file("rejects.ndjson");
    let (rows, rejects_text) = (rows.display().to_string(), rejects.display().to_string());
    let ingested = home.cli(&[
        "ingest",
        &rows,
        "--table",
        "DeviceProcessEvents",
        "--rejects",
        &rejects_text,
    ]);
    assert_eq!(ingested.code, 8, "one line is rejected: {ingested:?}");
    let rejected = std::fs::read_to_string(&rejects).expect("the rejects");
    assert!(rejected.contains("Nope"), "{rejected}");

    let query = "DeviceProcessEvents | project DeviceName, ProcessId | sort by ProcessId asc";
    let found = as_app(home, app, &["hunt", query]).json();
    assert_eq!(
        found,
        json!([{ "DeviceName": "alpha", "ProcessId": 1 }, { "DeviceName": "be,ta", "ProcessId": 2 }])
    );
    let csv = as_app(home, app, &["hunt", "--format", "csv", query]).good();
    assert_eq!(csv, "DeviceName,ProcessId\r\nalpha,1\r\n\"be,ta\",2\r\n");
    let several = format!("{query} | fork Few = (take 1 | project ProcessId) (count)");
    assert_eq!(
        as_app(home, app, &["hunt", &several]).json(),
        json!([
            { "name": "Few", "rows": [{ "ProcessId": 1 }] },
            { "name": "GenericResult_2", "rows": [{ "Count": 2 }] }
        ])
    );
    for wire in ["graph", "mde"] {
        let found = home.cli(&["hunt", "--api", wire, &several]).json();
        assert_eq!(found[0]["name"], "Few", "{wire}: {found}");
        assert_eq!(found[1]["rows"], json!([{ "Count": 2 }]), "{wire}: {found}");
    }
    let said = as_app(home, app, &["hunt", "NoSuchTable | count"]).bad(2);
    assert!(said.contains("NoSuchTable"), "{said}");
}

#[test]
fn tenants_are_made_and_kept_apart() {
    let home = Home::new();
    let _serving = home.serve();
    let made = home.cli(&["tenant", "create", "Fabrikam"]).json();
    let id = made["id"].as_str().expect("an id").to_owned();
    let listed = home.cli(&["tenant", "list"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    let app = home
        .cli(&["app", "create", "Theirs", "--tenant", &id])
        .json();
    assert!(app["appId"].is_string());
    let ours = home.cli(&["app", "list"]).json();
    assert!(!ours.to_string().contains("Theirs"), "{ours}");
    let theirs = home.cli(&["app", "list", "--tenant", &id]).json();
    assert!(theirs.to_string().contains("Theirs"), "{theirs}");
    let said = home.cli(&["tenant", "delete", &id]).bad(2);
    assert!(said.contains("--yes"), "{said}");
    home.cli(&["tenant", "delete", "nowhere.example", "--yes"])
        .bad(5);
    let domain = made["domains"][0].as_str().expect("a domain");
    home.cli(&["tenant", "delete", domain, "--yes"]).good();
    let left = home.cli(&["tenant", "list"]).json();
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
}

#[test]
fn functions_are_kept_for_hunts() {
    let home = Home::new();
    let _serving = home.serve();
    let file = home.file("double.kql");
    std::fs::write(&file, "n * 2").expect("written");
    let file = file.to_str().expect("a path");
    let create = ["function", "create", "Double", file, "--parameters"];
    let said = home.cli(&[&create[..], &["n:nothing"]].concat()).bad(2);
    assert!(said.contains("Parameters, line 1"), "{said}");
    home.cli(&[&create[..], &["n:long"]].concat()).good();
    let found = home.cli(&["hunt", "print x = Double(21)"]).json();
    assert_eq!(found, json!([{ "x": 42 }]));
    let shown = home.cli(&["function", "show", "Double"]).json();
    assert_eq!(shown["body"], "n * 2");
    home.cli(&["function", "delete", "Double"]).good();
    let listed = home.cli(&["function", "list"]).json();
    assert_eq!(listed, json!([]));
}

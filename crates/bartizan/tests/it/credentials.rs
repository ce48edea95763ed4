//! What applications prove themselves by, and what signs tokens: made, used, replaced and ended by command.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::process::{Ended, Home, command, profile, run_with};

/// A command with these variables beside the data directory's address, authority and tenant; not as its administrator.
fn as_somebody(home: &Home, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let found = profile(&home.data());
    let text = |key: &str| found[key].as_str().expect("a text").to_owned();
    let (url, ca, tenant) = (text("url"), text("ca"), text("tenant"));
    let mut all = vec![("BARTIZAN_URL", url.as_str()), ("BARTIZAN_CA", &ca)];
    if !variables
        .iter()
        .any(|(name, _)| name.ends_with("TENANT_ID"))
    {
        all.push(("BARTIZAN_TENANT_ID", &tenant));
    }
    all.extend_from_slice(variables);
    run_with(arguments, &all, "")
}

fn count(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

#[test]
fn secrets_are_replaced_with_an_overlap() {
    let home = Home::new();
    let _serving = home.serve();
    let id = home.cli(&["app", "create", "Daemon"]).json()["appId"].clone();
    let id = id.as_str().expect("an id");
    let first = home
        .cli(&["app", "secret", "add", "Daemon", "--name", "one"])
        .json();
    let second = home.cli(&["app", "secret", "rotate", "Daemon"]).json();
    assert_eq!(second["displayName"], "one", "{second}");
    let secret = |value: &Value| value["secretText"].as_str().expect("a secret").to_owned();
    let token = |secret: &str| {
        let variables = [
            ("BARTIZAN_CLIENT_ID", id),
            ("BARTIZAN_CLIENT_SECRET", secret),
        ];
        as_somebody(&home, &variables, &["token", "get"])
    };
    for good in [&first, &second] {
        token(&secret(good)).good();
    }
    // The old one ends in a week, the new one does not; both were used.
    let listed = home.cli(&["app", "secret", "list", "Daemon"]).json();
    assert_eq!(count(&listed), 2, "{listed}");
    assert!(
        listed[0]["lastUsedDateTime"].is_string() && !listed.to_string().contains(&secret(&first)),
        "{listed}"
    );
    let soon = home.cli(&["app", "secret", "expiring"]).json();
    assert_eq!(count(&soon), 1, "{soon}");
    assert_eq!(
        (&soon[0]["keyId"], &soon[0]["daysLeft"]),
        (&first["keyId"], &json!(6)),
        "{soon}"
    );
    assert_eq!(
        count(
            &home
                .cli(&["app", "secret", "expiring", "--days", "3"])
                .json()
        ),
        0
    );

    // After a leak nothing is kept.
    let third = home
        .cli(&["app", "secret", "rotate", "Daemon", "--overlap", "0"])
        .json();
    for gone in [&first, &second] {
        let said = token(&secret(gone)).bad(3);
        assert!(said.contains("AADSTS7000215"), "{said}");
    }
    token(&secret(&third)).good();
    let key = third["keyId"].as_str().expect("an id");
    let said = home
        .cli(&["app", "secret", "remove", "Daemon", "nothing"])
        .bad(5);
    assert!(said.contains("bartizan app secret list"), "{said}");
    let left = home.cli(&["app", "secret", "remove", id, key]).json();
    assert_eq!(left, json!([]));
    let said = home.cli(&["app", "delete", "Daemon"]).bad(2);
    assert!(said.contains("say --yes"), "{said}");
    home.cli(&["app", "show", "Daemon"]).good();
    home.cli(&["app", "delete", "Daemon", "--yes"]).good();
    home.cli(&["app", "show", "Daemon"]).bad(5);
}

#[test]
fn a_certificate_and_a_workloads_token_stand_for_an_application() {
    let home = Home::new();
    let _serving = home.serve();
    let id = home.cli(&["app", "create", "Daemon"]).json()["appId"].clone();
    let id = id.as_str().expect("an id");
    let file = home.file("app.pem").display().to_string();
    let generate = ["app", "certificate", "add", id, "--generate", &file];
    let made = home.cli(&generate).json();
    assert_eq!(count(&made), 1, "{made}");
    assert_eq!(made[0]["thumbprint"].as_str().map(str::len), Some(40));
    // A key that may be in use is not written over.
    home.cli(&generate).bad(2);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).expect("a file").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    let by_flag = ["token", "get", "--client-id", id, "--certificate", &file];
    as_somebody(&home, &[], &by_flag).good();
    let found = profile(&home.data());
    let tenant = found["tenant"].as_str().expect("a tenant");
    let azure = [
        ("AZURE_CLIENT_ID", id),
        ("AZURE_TENANT_ID", tenant),
        ("AZURE_CLIENT_CERTIFICATE_PATH", file.as_str()),
    ];
    as_somebody(&home, &azure, &["token", "get"]).good();
    // They are not about the server of a profile, which the environment or the command line names.
    as_somebody(&home, &azure, &["incident", "list"]).bad(4);
    let data = home.data().display().to_string();
    let mut above = azure.to_vec();
    above.push(("BARTIZAN_DATA", data.as_str()));
    run_with(&["incident", "list"], &above, "").good();
    run_with(&["incident", "list", "--data", &data], &azure, "").good();

    // What is wrong with a file is told with what mends it.
    let sealed = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../sdk/src/credential/testdata/aes256.pem"
    );
    let with = ["token", "get", "--client-id", id, "--certificate", sealed];
    let said = as_somebody(&home, &[], &with).bad(2);
    assert!(said.contains("AZURE_CLIENT_CERTIFICATE_PASSWORD"), "{said}");
    let password = [("BARTIZAN_CLIENT_CERTIFICATE_PASSWORD", "correct-horse")];
    let said = as_somebody(&home, &password, &with).bad(3);
    assert!(said.contains("AADSTS700027"), "not registered: {said}");

    let key = made[0]["thumbprint"].as_str().expect("a thumbprint");
    let left = home.cli(&["app", "certificate", "remove", id, key]).json();
    assert_eq!(left, json!([]));
    as_somebody(&home, &azure, &["token", "get"]).bad(3);

    let add = [
        "app",
        "federation",
        "add",
        id,
        "--name",
        "deploy",
        "--issuer",
        "https://issuer.example",
        "--subject",
        "repo:org/app",
    ];
    let made = home.cli(&add).json();
    assert_eq!(made["audiences"], json!(["api://AzureADTokenExchange"]));
    let listed = home.cli(&["app", "federation", "list", id]).json();
    assert_eq!(listed[0]["name"], "deploy", "{listed}");
    let token = home.file("token");
    std::fs::write(&token, "not.a.token").expect("written");
    let token = token.display().to_string();
    let with = [
        "token",
        "get",
        "--client-id",
        id,
        "--federated-token-file",
        &token,
    ];
    let said = as_somebody(&home, &[], &with).bad(3);
    assert!(said.contains("AADSTS50027"), "{said}");
    home.cli(&["app", "federation", "remove", id, "deploy"])
        .good();
    let listed = home.cli(&["app", "federation", "list", id]).json();
    assert_eq!(listed, json!([]));
}

#[test]
fn redirect_uris_are_kept_by_platform() {
    let home = Home::new();
    let _serving = home.serve();
    let create = [
        "app",
        "create",
        "Tool",
        "--public-client",
        "--public-redirect-uri",
        "http://localhost",
        "--redirect-uri",
        "https://tool.example/cb",
    ];
    let made = home.cli(&create).json();
    assert_eq!(made["isFallbackPublicClient"], true, "{made}");
    assert_eq!(
        made["publicClient"]["redirectUris"],
        json!(["http://localhost"])
    );
    let add = [
        "app",
        "redirect-uri",
        "add",
        "Tool",
        "https://tool.example/two",
        "--platform",
        "web",
    ];
    let uris = home.cli(&add).json();
    assert_eq!(count(&uris), 3, "{uris}");
    let uris = home
        .cli(&[
            "app",
            "redirect-uri",
            "remove",
            "Tool",
            "https://tool.example/cb",
        ])
        .json();
    assert_eq!(count(&uris), 2, "{uris}");
    home.cli(&[
        "app",
        "redirect-uri",
        "remove",
        "Tool",
        "https://tool.example/cb",
    ])
    .bad(5);
    // What cannot be is not half made.
    home.cli(&[
        "app",
        "create",
        "Wrong",
        "--redirect-uri",
        "http://tool.example",
    ])
    .bad(2);
    home.cli(&["app", "show", "Wrong"]).bad(5);
}

#[test]
fn an_application_offers_roles_and_scopes_of_its_own() {
    let home = Home::new();
    let _serving = home.serve();
    home.cli(&["app", "create", "Orders"]).good();
    home.cli(&["app", "create", "Shop"]).good();
    let role = home
        .cli(&["app", "role", "add", "Orders", "Orders.Read.All"])
        .json();
    assert_eq!(role[0]["allowedMemberTypes"], json!(["Application"]));
    let scope = home
        .cli(&["app", "scope", "add", "Orders", "Orders.Read", "--users"])
        .json();
    assert_eq!(scope[0]["type"], "User", "{scope}");
    let add = [
        "sp",
        "assignment",
        "add",
        "Shop",
        "Orders.Read.All",
        "--resource",
        "Orders",
    ];
    let held = home.cli(&add).json();
    assert_eq!(held[0]["role"], "Orders.Read.All", "{held}");
    let gone = home
        .cli(&["app", "scope", "remove", "Orders", "Orders.Read"])
        .json();
    assert_eq!(gone, json!([]));
    home.cli(&["app", "scope", "remove", "Orders", "Orders.Read"])
        .bad(5);
    let off = ["sp", "update", "Shop", "--enabled", "false"];
    assert_eq!(home.cli(&off).json()["accountEnabled"], false);
    home.cli(&["sp", "delete", "Shop"]).good();
    home.cli(&["sp", "show", "Shop"]).bad(5);
}

#[test]
fn signing_keys_are_rotated_and_revoked() {
    let home = Home::new();
    let _serving = home.serve();
    let before = home.cli(&["key", "list"]).json();
    assert_eq!(count(&before), 1, "{before}");
    let kid = before[0]["kid"].as_str().expect("an id");
    let token = home.cli(&["token", "get", "--api", "own"]).good();
    let inspect = |code: i32| {
        let data = home.data().display().to_string();
        let ended = run_with(
            &["token", "inspect"],
            &[("BARTIZAN_DATA", data.as_str())],
            &token,
        );
        assert_eq!(ended.code, code, "{ended:?}");
    };
    inspect(0);
    let rotated = home.cli(&["key", "rotate", "--now"]).json();
    assert_eq!(count(&rotated), 2, "{rotated}");
    inspect(0);
    home.cli(&["key", "reseal"]).good();
    let revoked = home.cli(&["key", "revoke", &kid[..12]]).json();
    let state = |keys: &Value| {
        let all = keys.as_array().cloned().unwrap_or_default();
        let found = all.into_iter().find(|key| key["kid"] == kid);
        found.expect("the key")["state"].clone()
    };
    assert_eq!(state(&revoked), "revoked");
    inspect(3);
    home.cli(&["key", "revoke", "nothing"]).bad(5);
    // Only the operator sees to keys.
    let said = home.cli(&["key", "retire", kid]).bad(2);
    assert!(!said.is_empty());
}

#[test]
fn second_factors_and_policies_are_set_by_command() {
    let home = Home::new();
    let _serving = home.serve();
    let anna = "anna@bartizan.onmicrosoft.com";
    home.cli(&["user", "create", anna]).good();
    let shown = home.cli(&["user", "mfa", "show", anna]).json();
    assert_eq!(
        (&shown["required"], &shown["factors"]),
        (&json!(false), &json!([]))
    );
    let required = home.cli(&["user", "mfa", "require", anna]);
    assert!(required.err.contains("at the next sign-in"), "{required:?}");
    assert_eq!(required.json()["required"], true);
    home.cli(&["user", "mfa", "reset", anna]).good();
    let set = ["tenant", "policy", "set", "second-factor=all"];
    assert_eq!(home.cli(&set).json()["secondFactor"], "all");
    let free = home.cli(&["user", "mfa", "not-required", anna]);
    assert!(free.err.contains("tenant policy show"), "{free:?}");
    let shown = home.cli(&["tenant", "policy", "show"]).json();
    assert_eq!(
        shown,
        json!({ "secondFactor": "all", "userConsent": "all" })
    );
    home.cli(&["tenant", "policy", "set", "second-factor=maybe"])
        .bad(2);
    home.cli(&["tenant", "policy", "set", "colour=red"]).bad(2);
    home.cli(&["user", "mfa", "show", "nobody@nowhere.example"])
        .bad(5);
    assert!(home.cli(&["tenant", "show"]).json()["id"].is_string());

    let group = home.cli(&["group", "create", "Watchers"]).json();
    let update = ["group", "update", "Watchers", "--description", "They watch"];
    assert_eq!(home.cli(&update).json()["description"], "They watch");
    assert_eq!(
        home.cli(&["group", "show", "Watchers"]).json()["id"],
        group["id"]
    );
}

#[test]
fn rules_are_shown_switched_and_deleted() {
    let home = Home::new();
    let _serving = home.serve();
    let rule = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../demo/rules/bitsadmin-download.toml"
    );
    home.cli(&["rule", "add", rule]).good();
    let id = "bitsadmin-download";
    let shown = home.cli(&["rule", "show", id]).json();
    assert!(
        shown["source"].as_str().is_some_and(|s| s.contains(id)),
        "{shown}"
    );
    let off = home
        .cli(&["rule", "update", id, "--enabled", "false"])
        .json();
    assert_eq!(off[0]["enabled"], false);
    home.cli(&["rule", "delete", id]).good();
    home.cli(&["rule", "show", id]).bad(5);
    home.cli(&["rule", "delete", id]).bad(5);
}

#[test]
fn a_person_is_told_where_to_sign_in() {
    let home = Home::new();
    let _serving = home.serve();
    let data = home.data().display().to_string();
    // The operator's application is not one that people sign in to.
    let said = home.cli(&["token", "get", "--device-code"]).bad(2);
    assert!(said.contains("--public-client"), "{said}");
    let made = home
        .cli(&["app", "create", "Tool", "--public-client"])
        .json();
    let id = made["appId"].as_str().expect("an id");
    let mut child = command(&["token", "get", "--device-code", "--client-id", id])
        .env("BARTIZAN_DATA", &data)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut told = String::new();
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    lines.read_line(&mut told).expect("a line");
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(
        told.contains("/devicelogin") && told.contains("enter the code"),
        "{told}"
    );
}

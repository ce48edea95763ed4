//! People, roles and device groups by command, against a server.

use serde_json::Value;

use crate::process::Home;

#[test]
fn people_get_roles_and_passwords_by_command() {
    let home = Home::new();
    let ports = home.ports.to_string();
    home.cli(&["serve", "--ports", &ports, "--detach"]).good();
    let json = |args: &[&str]| -> Value {
        let text = home.cli(args).good();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let anna = "anna@bartizan.onmicrosoft.com";
    let made = json(&["user", "create", anna, "--name", "Anna"]);
    let password = made["password"].as_str().expect("a password");
    assert!(password.len() > 20, "shown once");
    let shown = json(&["user", "show", anna]);
    assert_eq!(shown["displayName"], "Anna");
    assert!(!shown.to_string().contains(password));
    json(&["user", "update", anna, "--job-title", "Analyst"]);
    assert_eq!(json(&["user", "show", anna])["jobTitle"], "Analyst");

    let held = json(&["role", "assign", "security reader", anna]);
    assert_eq!(held[0]["role"], "Security Reader");
    let held = json(&["role", "unassign", "Security Reader", anna]);
    assert_eq!(held, serde_json::json!([]));

    json(&["group", "create", "Watchers"]);
    let members = json(&["group", "add", "Watchers", anna]);
    assert_eq!(members[0]["displayName"], "Anna");
    let group = json(&["device-group", "create", "Servers"])["id"].to_string();
    json(&[
        "defender-role",
        "create",
        "Watch",
        "--permission",
        "securityData.read",
    ]);
    let given = json(&[
        "defender-role",
        "assign",
        "watch",
        anna,
        "--device-group",
        &group,
    ]);
    assert_eq!(given["deviceGroups"], serde_json::json!([1]));

    json(&["app", "create", "script"]);
    json(&[
        "app",
        "update",
        "script",
        "--redirect-uri",
        "https://localhost/cb",
    ]);
    let scopes = ["grant", "add", "script", "Microsoft Graph", "User.Read"];
    assert_eq!(json(&scopes)["scope"], "User.Read");
    let wider = [
        "grant",
        "add",
        "script",
        "Microsoft Graph",
        "User.Read",
        "email",
    ];
    assert_eq!(json(&wider)["scope"], "User.Read email");
    assert_eq!(json(&["sp", "show", "script"])["displayName"], "script");
    home.cli(&["user", "delete", anna]).good();
    home.cli(&["user", "show", anna]).bad(5);
    home.cli(&["stop"]).good();
}

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
    let by_api = json(&["grant", "add", "script", "graph/profile"]);
    assert_eq!(by_api["scope"], "User.Read email profile");
    home.cli(&["grant", "add", "script", "Microsoft Graph"])
        .bad(2);

    // Consent grants both kinds, as the portal's button does, and shows them.
    let both = ["xdr/Incident.Read", "xdr/Incident.Read.All"];
    let add = ["app", "permission", "add", "script", both[0], both[1]];
    assert_eq!(
        json(&add)["consented"],
        serde_json::json!(["graph/User.Read", "graph/email", "graph/profile"])
    );
    let consented = json(&["app", "consent", "script"])["consented"].to_string();
    assert!(both.iter().all(|p| consented.contains(p)), "{consented}");
    let shown = json(&["app", "show", "script"])["consented"].to_string();
    assert_eq!(shown, consented);
    // A second time finds everything granted.
    home.cli(&["app", "consent", "script"]).good();
    // What was asked for is taken back; what was granted goes by itself.
    let left = json(&["app", "permission", "remove", "script", both[1]]);
    assert_eq!(left["permissions"], serde_json::json!([both[0]]));
    assert!(left["consented"].to_string().contains(both[1]), "{left}");
    let held = json(&["sp", "assignment", "remove", "script", both[1]]);
    assert_eq!(held, serde_json::json!([]));
    let held = json(&["sp", "assignment", "add", "script", both[1]]);
    assert_eq!(held[0]["role"], both[1]);
    let grant = json(&["grant", "list"])[0]["id"].clone();
    let grant = grant.as_str().expect("an id");
    assert_eq!(json(&["grant", "show", grant])["id"], grant);
    home.cli(&["grant", "delete", grant]).good();
    home.cli(&["grant", "show", grant]).bad(5);
    let said = home.cli(&["user", "delete", anna]).bad(2);
    assert!(said.contains("say --yes"), "{said}");
    home.cli(&["user", "show", anna]).good();
    home.cli(&["user", "delete", anna, "--yes"]).good();
    home.cli(&["user", "show", anna]).bad(5);
    home.cli(&["stop"]).good();
}

//! What commands say of what went wrong, or comes next: exit codes, and commands that can be pasted as they stand.

use std::process::Stdio;

use crate::process::{Home, command, free_ports, profile, run_with};

/// A compact token of nobody's.
fn unsigned(claims: &str) -> String {
    use base64::Engine as _;
    let encode = |text: &str| base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(text);
    let header = encode(r#"{"alg":"RS256","typ":"JWT","kid":"k"}"#);
    format!("{header}.{}.{}", encode(claims), encode("signature"))
}

/// Claims of an application's token.
const CLAIMS: &str = r#"{"aud":"https://api.security.microsoft.com","iss":"https://sts.windows.net/11111111-2222-3333-4444-555555555555/","iat":1,"nbf":1,"exp":2,"appid":"11111111-2222-3333-4444-666666666666","oid":"11111111-2222-3333-4444-777777777777","sub":"s","tid":"11111111-2222-3333-4444-555555555555","roles":["Incident.Read.All"],"ver":"1.0"}"#;

#[test]
fn a_server_that_does_not_run_is_said_with_what_starts_it() {
    let home = Home::new();
    let serving = home.serve();
    let token = home.cli(&["token", "get"]).good();
    let data = home.data().display().to_string();
    let variables = [("BARTIZAN_DATA", data.as_str())];
    let checked = run_with(&["explain"], &variables, &token).json();
    assert_eq!(checked["verified"], true, "{checked}");
    let (signed, signature) = token.trim().rsplit_once('.').expect("a signature");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{signed}.{first}{}", &signature[1..]);
    run_with(&["explain"], &variables, &forged).bad(3);

    serving.kill();
    let said = home.cli(&["incident", "list"]).bad(6);
    let start = format!(
        "start it: bartizan serve --data {data} --ports {}",
        home.ports
    );
    assert!(
        said.contains("no server answers at https://localhost:"),
        "{said}"
    );
    assert!(said.contains(&start), "{said}");
    // Nobody vouches for the token now: that is a failure, unless it was asked for so.
    let said = run_with(&["token", "inspect"], &variables, &token).bad(6);
    assert!(said.contains("not verified: no server answers"), "{said}");
    assert!(said.contains("--offline"), "{said}");
    run_with(&["token", "inspect", "--offline"], &variables, &token).good();
    // An explanation is given all the same, and says so.
    let told = run_with(&["explain"], &variables, &token);
    assert!(
        told.err.contains("not verified: no server answers"),
        "{told:?}"
    );
    assert_eq!(told.json()["verified"], false);
    // An address alone does not say whose data directory it is.
    let nobody = format!("http://127.0.0.1:{}", free_ports());
    let arguments = [
        "tenant",
        "list",
        "--url",
        &nobody,
        "--tenant",
        "t",
        "--client-id",
        "c",
    ];
    let said = run_with(&arguments, &[("BARTIZAN_CLIENT_SECRET", "s")], "").bad(6);
    assert!(said.contains("is that its address?"), "{said}");
}

#[test]
fn every_file_of_the_data_directory_is_documented() {
    let home = Home::new();
    let _serving = home.serve();
    home.cli(&["key", "reseal"]).good();
    let documented = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let documented = std::fs::read_to_string(documented).expect("the document");
    for folder in ["", "ca", "events"] {
        let folder = home.data().join(folder);
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let name = entry.file_name().into_string().expect("UTF-8");
            assert!(documented.contains(&format!("`{name}")), "{name}");
        }
    }
}

#[test]
fn a_token_of_another_authority_is_not_taken_for_genuine() {
    let home = Home::new();
    let _serving = home.serve();
    let data = home.data().display().to_string();
    let variables = [("BARTIZAN_DATA", data.as_str())];
    let told = run_with(&["explain"], &variables, &unsigned(CLAIMS));
    assert!(told.out.contains("publishes no key of that id"), "{told:?}");
    told.bad(3);
}

#[test]
fn codes_are_explained_with_and_without_their_prefix() {
    for code in ["AADSTS7000215", "7000215"] {
        let told = run_with(&["explain", code, "--tenant", "contoso"], &[], "").json();
        assert_eq!(told["code"], "AADSTS7000215", "{told}");
        assert_eq!(
            told["command"],
            "bartizan app secret add CLIENT_ID --tenant contoso"
        );
    }
}

#[test]
fn commands_that_are_proposed_name_the_same_tenant() {
    let home = Home::new();
    let _serving = home.serve();
    let tenant = home.cli(&["tenant", "create", "Fabrikam"]).json()["id"].clone();
    let tenant = tenant.as_str().expect("an id");
    let flag = format!("--tenant {tenant}");
    let anna = "anna@fabrikam.onmicrosoft.com";
    let made = home.cli(&["user", "create", anna, "--tenant", tenant]);
    assert!(
        made.err
            .contains(&format!("role assign \"Security Reader\" {anna} {flag}")),
        "{made:?}"
    );
    made.good();
    // In the tenant that is meant anyway, no flag is needed.
    let made = home.cli(&["user", "create", "bob@bartizan.onmicrosoft.com"]);
    assert!(!made.err.contains("--tenant"), "{made:?}");

    home.cli(&["app", "create", "Twice", "--tenant", tenant])
        .good();
    let again = home.cli(&["app", "create", "Twice", "--tenant", tenant]);
    let hint = again.err.clone();
    let second = again.json()["appId"].clone();
    let second = second.as_str().expect("an id");
    assert!(hint.contains("named Twice as well: "), "{hint}");
    assert!(
        hint.contains(&format!("bartizan app delete {second} {flag}")),
        "{hint}"
    );
    let said = home
        .cli(&["app", "show", "Twice", "--tenant", tenant])
        .bad(2);
    assert!(said.contains(second), "{said}");
    let add = [
        "app",
        "permission",
        "add",
        second,
        "xdr/Incident.Read.All",
        "--tenant",
        tenant,
    ];
    let added = home.cli(&add);
    assert!(
        added.err.contains(&format!(
            "not granted yet: bartizan app consent {second} {flag}"
        )),
        "{added:?}"
    );
    home.cli(&["app", "consent", second, "--tenant", tenant])
        .good();
    let added = home.cli(&add);
    assert!(added.err.contains("granted already"), "{added:?}");
    // What is typed in another tenant says where the registration is.
    let create = ["app", "create", "Shared", "--multi-tenant"];
    let shared = home.cli(&create).json()["appId"].clone();
    let shared = shared.as_str().expect("an id");
    let link = format!("/{tenant}/adminconsent?client_id={shared}");
    let made = home.cli(&["sp", "create", shared, "--tenant", tenant]);
    assert!(made.err.contains(&link), "{made:?}");
    made.good();
    let add = [
        "app",
        "permission",
        "add",
        shared,
        "xdr/Incident.Read.All",
        "--tenant",
        tenant,
    ];
    let said = home.cli(&add).bad(5);
    let found = profile(&home.data());
    let own = found["tenant"].as_str().expect("a tenant");
    for part in [format!("--tenant {own}"), link] {
        assert!(said.contains(&part), "{part}: {said}");
    }
}

#[test]
fn what_is_nearly_right_is_proposed() {
    let home = Home::new();
    let _serving = home.serve();
    home.cli(&["app", "create", "Orders"]).good();
    home.cli(&["app", "role", "add", "Orders", "Orders.Read.All"])
        .good();
    for (arguments, code, meant) in [
        (
            &["app", "permission", "add", "Orders", "Incident.Raed.All"][..],
            2,
            "did you mean Incident.Read.All?",
        ),
        (
            &["role", "assign", "Securty Reader", "x@y.example"][..],
            2,
            "did you mean Security Reader?",
        ),
        (
            &[
                "sp",
                "assignment",
                "add",
                "Orders",
                "Orders.Raed.All",
                "--resource",
                "Orders",
            ][..],
            5,
            "did you mean Orders.Read.All?",
        ),
        (
            &["app", "role", "remove", "Orders", "Order.Read.All"][..],
            5,
            "did you mean Orders.Read.All?",
        ),
    ] {
        let said = home.cli(arguments).bad(code);
        assert!(said.contains(meant), "{said}");
    }
}

#[test]
fn a_certificate_is_of_the_application_that_is_named() {
    let home = Home::new();
    let _serving = home.serve();
    let certificate = home.file("app.pem").display().to_string();
    let id = home.cli(&["app", "create", "Daemon"]).json()["appId"].clone();
    let id = id.as_str().expect("an id");
    home.cli(&["app", "certificate", "add", id, "--generate", &certificate])
        .good();
    // Not the administrator's application's, whose profile it is.
    let said = home
        .cli(&["token", "get", "--certificate", &certificate])
        .bad(2);
    assert!(said.contains("--client-id"), "{said}");

    // A child speaks as the command line says, whatever was exported.
    let data = home.data().display().to_string();
    let mut run = command(&["run", "--client-id", id, "--certificate", &certificate]);
    let run = run
        .args(["--", "env"])
        .env("BARTIZAN_DATA", &data)
        .env("BARTIZAN_CLIENT_ID", "11111111-2222-3333-4444-555555555555")
        .env("BARTIZAN_CLIENT_SECRET", "another's")
        .stderr(Stdio::inherit());
    let output = run.output().expect("it ends");
    let seen = String::from_utf8_lossy(&output.stdout);
    assert!(
        seen.contains(&format!("BARTIZAN_CLIENT_ID={id}\n")),
        "{seen}"
    );
    assert!(
        seen.contains(&format!("BARTIZAN_CLIENT_CERTIFICATE={certificate}\n")),
        "{seen}"
    );
    assert!(!seen.contains("another's"), "{seen}");
}

#[test]
fn a_rotated_key_says_when_it_signs() {
    let home = Home::new();
    let _serving = home.serve();
    let rotated = home.cli(&["key", "rotate"]);
    let said = rotated.err.clone();
    let keys = rotated.json();
    let times = keys.as_array().expect("a list").iter();
    let time = times
        .filter_map(|key| key["signsFromDateTime"].as_str())
        .next();
    let time = time.expect("a time");
    assert!(said.contains(&format!("signs from {time}")), "{said}");
    let at_once = home.cli(&["key", "rotate", "--now"]);
    assert!(at_once.err.contains("signs from now on"), "{at_once:?}");
}

#[test]
fn a_token_is_explained_where_no_server_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("bartizan");
    std::fs::create_dir(&data).expect("a folder");
    let base = folder.path().display().to_string();
    let variables = [("XDG_DATA_HOME", base.as_str())];
    // Nobody is asked: not even Microsoft's cloud.
    let told = run_with(&["explain"], &variables, &unsigned(CLAIMS));
    assert!(told.out.contains("--cloud public"), "{told:?}");
    assert_eq!(told.json()["verified"], false);
    // What would name a server cannot be read: the token can be.
    std::fs::write(data.join("admin.toml"), "no profile").expect("written");
    let told = run_with(&["explain"], &variables, &unsigned(CLAIMS));
    assert!(told.out.contains("not verified: "), "{told:?}");
    told.good();
}

#[test]
fn what_was_typed_wrong_is_said_with_what_to_do() {
    let home = Home::new();
    let file = home.file("file");
    std::fs::write(&file, "").expect("written");
    let file = file.display().to_string();
    let said = run_with(&["serve", "--data", &file], &[], "").bad(2);
    assert!(said.contains("--data names a folder"), "{said}");
    let said = run_with(&["incident", "show", "abc"], &[], "").bad(2);
    assert!(said.contains("bartizan incident list"), "{said}");
    let said = run_with(&["--data", "d", "incident", "list"], &[], "").bad(2);
    assert!(said.contains("bartizan incident list --data"), "{said}");
}

#[test]
fn names_that_are_taken_otherwise_are_said() {
    let home = Home::new();
    let _serving = home.serve();
    let made = home.cli(&["tenant", "create", "Fabrikam"]).json();
    let id = made["id"].as_str().expect("an id");
    let said = home.cli(&["tenant", "delete", "Fabrikam", "--yes"]).bad(5);
    assert!(said.contains("id or domain") && said.contains(id), "{said}");

    home.cli(&["app", "create", "Tool"]).good();
    let added = home.cli(&["app", "permission", "add", "Tool", "Incident.Read"]);
    assert!(
        added.err.contains("xdr/Incident.Read is delegated"),
        "{added:?}"
    );
    let shown = home.cli(&["app", "show", "Tool", "--format", "table"]);
    assert!(
        shown.out.contains("xdr/Incident.Read (delegated)"),
        "{shown:?}"
    );

    let rule = home.file("rule.toml");
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../demo/rules/bitsadmin-download.toml"
    );
    let text = std::fs::read_to_string(source).expect("a rule");
    let path = rule.display().to_string();
    std::fs::write(&rule, &text).expect("written");
    let first = home.cli(&["rule", "add", &path]);
    assert!(!first.err.contains("replaced"), "{first:?}");
    first.good();
    std::fs::write(&rule, format!("# changed\n{text}")).expect("written");
    let second = home.cli(&["rule", "add", &path]);
    assert!(second.err.contains("it is replaced"), "{second:?}");

    let rotated = home.cli(&["key", "rotate"]);
    rotated.good();
    let listed = home.cli(&["audit", "list", "--format", "table"]).good();
    assert!(!listed.contains("AdministrativeAct"), "{listed}");

    let cut = home.cli(&["hunt", "range i from 1 to 100001 step 1", "--format", "csv"]);
    assert!(cut.err.contains("result limit"), "{}", cut.err);
}

#[test]
fn a_call_that_is_wrong_is_explained_by_its_tracking_id() {
    let home = Home::new();
    let _serving = home.serve();
    let said = home.cli(&["hunt", "Nope | take 1"]).bad(2);
    let (_, id) = said.split_once("(tracking id ").expect("an id");
    let id = &id[..36];
    let told = home.cli(&["explain", id]).json();
    assert_eq!(told["traceId"], id);
    let data = home.data().display().to_string();
    let piped = run_with(&["explain"], &[("BARTIZAN_DATA", data.as_str())], &said).json();
    assert_eq!(piped, told);
    assert_eq!(told["code"], "400 BadRequest", "{told}");
    let summary = told["summary"].as_str().expect("a text");
    assert!(said.contains(summary), "{said}");
    let commands = told["remedies"].as_array().expect("remedies").iter();
    let mut commands = commands.filter_map(|remedy| remedy["command"].as_str());
    assert_eq!(commands.next(), Some("bartizan kql check 'QUERY'"));
    // What the command finds is what the server found.
    let checked = home.cli(&["kql", "check", "Nope | take 1"]);
    assert!(
        checked.err.contains("Nope") || checked.out.contains("Nope"),
        "{checked:?}"
    );

    // For people: in words, with the page of the operation.
    let shown = home.cli(&["explain", id, "--format", "table"]).good();
    for part in [
        "What to do",
        "bartizan kql check",
        "https://learn.microsoft.com/",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // An id that is nobody's in this tenant is one more answer of that kind.
    let nobody = "11111111-2222-3333-4444-555555555555";
    home.cli(&["explain", nobody]).bad(5);
}

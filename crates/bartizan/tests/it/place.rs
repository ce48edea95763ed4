//! Which server a command speaks to, and that the secret of a profile goes nowhere else.

use std::net::TcpListener;

use crate::process::{Home, profile, run_with};

/// Variables of an application in another tenant, as somebody has them who works with Microsoft's cloud.
const FOREIGN: [(&str, &str); 3] = [
    ("AZURE_TENANT_ID", "99999999-2222-3333-4444-555555555555"),
    ("AZURE_CLIENT_ID", "99999999-2222-3333-4444-666666666666"),
    ("AZURE_CLIENT_SECRET", "foreign"),
];

#[test]
fn a_profiles_secret_goes_to_its_own_server_alone() {
    let home = Home::new();
    let _serving = home.serve();
    let data = home.data().display().to_string();
    let secret = profile(&home.data())["client-secret"].clone();
    let secret = secret.as_str().expect("a secret");
    // Whoever listens here must hear nothing.
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let other = format!("http://{}", listener.local_addr().expect("an address"));
    let refused = |arguments: &[&str], variables: &[(&str, &str)]| {
        let said = run_with(arguments, variables, "").bad(2);
        assert!(said.contains("goes to https://localhost:"), "{said}");
        assert!(said.contains("--client-id"), "{said}");
        assert!(!said.contains(secret), "{said}");
        said
    };
    refused(&["incident", "list", "--data", &data, "--url", &other], &[]);
    refused(
        &["incident", "list", "--data", &data, "--cloud", "public"],
        &[],
    );
    refused(
        &["run", "--data", &data, "--url", &other, "--", "true"],
        &[],
    );
    let own = ("BARTIZAN_DATA", data.as_str());
    for stray in [
        ("BARTIZAN_URL", other.as_str()),
        ("BARTIZAN_CLOUD", "public"),
    ] {
        let said = refused(&["incident", "list"], &[own, stray]);
        assert!(said.contains(stray.0), "{said}");
        assert!(said.contains("eval \"$(bartizan env)\" again"), "{said}");
        // What a shell is told is of one server.
        let told = run_with(&["env"], &[own, stray], "").good();
        assert!(told.contains("BARTIZAN_URL='https://localhost:"), "{told}");
        assert!(!told.contains(&other) && !told.contains("public"), "{told}");
        assert_eq!(
            told.contains("unset BARTIZAN_CLOUD"),
            stray.0 == "BARTIZAN_CLOUD",
            "{told}"
        );
    }
    assert!(listener.accept().is_err(), "nobody was spoken to");

    // The same server by its other names.
    let port = home.ports;
    for same in [
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}", port + 1),
    ] {
        run_with(&["incident", "list", "--url", &same], &[own], "").good();
    }
    // An application of one's own goes where one sends it, but not in the open to another machine.
    let named = [
        "--url",
        "http://192.0.2.2:8080",
        "--tenant",
        "t",
        "--client-id",
        "c",
    ];
    let arguments = [&["incident", "list"][..], &named].concat();
    let said = run_with(&arguments, &[("BARTIZAN_CLIENT_SECRET", "s")], "").bad(2);
    assert!(said.contains("plain HTTP"), "{said}");
}

#[test]
fn variables_of_another_tenant_do_not_disturb_a_profile() {
    let home = Home::new();
    let _serving = home.serve();
    let data = home.data().display().to_string();
    let variables = [&[("BARTIZAN_DATA", data.as_str())][..], &FOREIGN].concat();
    run_with(&["token", "get"], &variables, "").good();
    run_with(&["app", "create", "Mine"], &variables, "").good();
    run_with(&["incident", "list"], &variables, "").good();
    let told = run_with(&["env"], &variables, "").good();
    let tenant = profile(&home.data())["tenant"].clone();
    let tenant = tenant.as_str().expect("a tenant");
    assert!(
        told.contains(&format!("BARTIZAN_TENANT_ID='{tenant}'")),
        "{told}"
    );
    let old = [
        ("BARTIZAN_DATA", data.as_str()),
        ("BARTIZAN_TENANT_ID", FOREIGN[0].1),
    ];
    let told = run_with(&["env"], &old, "").good();
    assert!(
        told.contains(tenant) && !told.contains(FOREIGN[0].1),
        "{told}"
    );
}

#[test]
fn the_default_profile_is_found_by_its_servers_address() {
    let home = Home::new();
    let _serving = home.serve();
    // The default data directory is `bartizan` in this folder.
    let parent = home.file("share");
    std::fs::create_dir(&parent).expect("a folder");
    let inner = parent.join("bartizan");
    std::fs::create_dir(&inner).expect("a folder");
    std::fs::copy(home.data().join("admin.toml"), inner.join("admin.toml")).expect("copied");
    let parent = parent.display().to_string();
    let default = ("XDG_DATA_HOME", parent.as_str());
    let url = format!("https://localhost:{}", home.ports);
    run_with(&["incident", "list", "--url", &url], &[default], "").good();
    let other = ["incident", "list", "--url", "https://localhost:1"];
    let said = run_with(&other, &[default], "").bad(2);
    assert!(said.contains("no tenant"), "{said}");
    // A shell that has the address of an earlier start, and nothing else.
    let old = [default, ("BARTIZAN_URL", "https://localhost:1")];
    let said = run_with(&["incident", "list"], &old, "").bad(2);
    assert!(said.contains("eval \"$(bartizan env)\" again"), "{said}");
}

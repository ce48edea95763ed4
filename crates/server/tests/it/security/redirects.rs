//! Where answers may go: to a registered address, letter for letter, and nowhere else; by whichever endpoint, and
//! whatever else is wrong with the request.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{claims, code_for, native, secret_of, through, token};
use crate::browser::Browser;
use crate::harness::{GRAPH, TestServer};
use crate::sign_in::CALLBACK;

/// Addresses that look like `https://app.example/callback` to somebody, and are not it.
const LOOKALIKES: &[&str] = &[
    "https://evil.example/callback",
    "https://app.example.evil.example/callback",
    "https://evil.example/app.example/callback",
    "https://evil.example#@app.example/callback",
    "https://evil.example?@app.example/callback",
    "https://app.example@evil.example/callback",
    "https://app.example:pw@evil.example/callback",
    "https://evil.example\\@app.example/callback",
    "https://app.example\\.evil.example/callback",
    "https://app.example%2eevil.example/callback",
    "https://app.example%00.evil.example/callback",
    "https://app.example:8443/callback",
    "https://app.example:/callback",
    "https://app.example/callback/",
    "https://app.example/callback/more",
    "https://app.example/callback2",
    "https://app.example/Callback",
    "https://app.example/CALLBACK",
    "https://app.example/callback?",
    "https://app.example/callback?x=1",
    "https://app.example/callback#x",
    "https://app.example/callback#",
    "https://app.example/callback;x",
    "https://app.example/x/../callback",
    "https://app.example/./callback",
    "https://app.example//callback",
    "https://app.example/callback/..",
    "https://app.example/%63allback",
    "https://app.example/callback%2f..",
    "https://app.example/callback%00",
    "https://app.example/callback ",
    " https://app.example/callback",
    "https://app.example/callback\n",
    "https://app.example/call\tback",
    "https:/app.example/callback",
    "https:app.example/callback",
    "https:///app.example/callback",
    "http://app.example/callback",
    "//app.example/callback",
    "/callback",
    "app.example/callback",
    "https://*.example/callback",
    "https://xn--pp-0ra.example/callback",
    "javascript://app.example/callback%0aalert(1)",
    "javascript:alert(1)",
    "data:text/html,x",
];

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn only_a_registered_address_gets_an_answer() {
    let server = TestServer::start().await;
    let client = server.create_client(json!({})).await;
    let mut browser = Browser::at(&server);
    for uri in LOOKALIKES {
        let address = server.authorize(&server.tenant, &client, &[("redirect_uri", uri)]);
        let page = browser.go(&address).await;
        assert_eq!(
            (page.status, page.left_for.is_some()),
            (StatusCode::BAD_REQUEST, false),
            "{uri}"
        );
        assert!(page.html.contains("AADSTS50011"), "{uri}: {}", page.html);
        // By POST, which becomes a GET here first.
        let (path, query) = address.split_once('?').expect("a query");
        let form = "application/x-www-form-urlencoded";
        let request = browser
            .request(Method::POST, path)
            .header("content-type", form);
        let page = browser.follow(request.body(query.to_owned())).await;
        assert_eq!(
            (page.status, page.left_for.is_some()),
            (StatusCode::BAD_REQUEST, false),
            "{uri}"
        );
    }
    let good = browser
        .go(&server.authorize(&server.tenant, &client, &[]))
        .await;
    assert_eq!(good.title(), "Sign in");
}

#[tokio::test]
async fn no_endpoint_sends_anybody_elsewhere() {
    let server = TestServer::start().await;
    let client = server.create_client(json!({})).await;
    let mut browser = Browser::at(&server);
    for uri in LOOKALIKES {
        let uri = encoded(uri);
        for path in [
            format!(
                "/{}/v2.0/adminconsent?client_id={client}&redirect_uri={uri}",
                server.tenant
            ),
            format!("/common/oauth2/logout?client_id={client}&post_logout_redirect_uri={uri}"),
            format!(
                "/common/oauth2/v2.0/logout?client_id={client}&post_logout_redirect_uri={uri}&state=x"
            ),
            // Without an application there is nobody's address to look among.
            format!("/common/oauth2/v2.0/logout?post_logout_redirect_uri={uri}"),
            format!("/common/oauth2/nativeclient?redirect_uri={uri}"),
            format!("/error?code=50011&redirect_uri={uri}"),
            format!("/common/login?flow=x&redirect_uri={uri}"),
        ] {
            let page = browser.go(&path).await;
            assert_eq!(page.left_for, None, "{path}");
        }
    }
    let logout = format!(
        "/common/oauth2/v2.0/logout?post_logout_redirect_uri={}",
        encoded(CALLBACK)
    );
    assert_eq!(
        browser.go(&logout).await.left_for,
        None,
        "no application is named"
    );
    // A tenant's segment becomes no host of a redirect.
    for segment in [
        "%2f%2fevil.example",
        "evil.example%2f..",
        "%5c%5cevil.example",
        "..",
        "evil.example%00",
    ] {
        let path = format!("/{segment}/oauth2/v2.0/authorize");
        let request = browser
            .request(Method::POST, &path)
            .form(&[("client_id", client.as_str())]);
        let page = browser.follow(request).await;
        assert_eq!(page.left_for, None, "{segment}");
    }
}

/// `/adminconsent` of v1 takes further segments behind a registered address, and nothing that climbs out of it.
#[tokio::test]
async fn further_segments_stay_below_the_registered_address() {
    let server = TestServer::start().await;
    let client = server.create_client(json!({})).await;
    let mut browser = Browser::at(&server);
    let mut ask = async |version: &str, uri: &str| {
        let uri = encoded(uri);
        let path = format!(
            "/{}{version}/adminconsent?client_id={client}&redirect_uri={uri}",
            server.tenant
        );
        browser.go(&path).await.title().to_owned()
    };
    assert_eq!(
        ask("", "https://app.example/callback/done").await,
        "Sign in"
    );
    assert_eq!(
        ask("/v2.0", "https://app.example/callback/done").await,
        "Sign-in did not work"
    );
    for uri in [
        "https://app.example/callback/../other",
        "https://app.example/callback/%2e%2e/other",
        "https://app.example/callback/.%2E/other",
        "https://app.example/callback/.\t./other",
        "https://app.example/callback/.\n./other",
        "https://app.example/callback/\\..\\other",
        "https://app.example/callback/%5c..%5cother",
        "https://app.example/callback/..%2fother",
        "https://app.example/callback/done?x=1",
        "https://app.example/callback/done#x",
        "https://app.example/callback2/done",
        "https://app.example.evil.example/callback/done",
        "https://APP.example/callback/done",
    ] {
        assert_eq!(ask("", uri).await, "Sign-in did not work", "{uri}");
    }
}

/// A native client learns its port when it starts; nobody else's port is free, and the two names of this machine are two.
#[tokio::test]
async fn the_port_is_free_on_loopback_alone() {
    let server = TestServer::start().await;
    let by_name = native(&server, "AzureADMyOrg").await;
    let by_number = server
        .create_client(json!({
            "web": { "redirectUris": [] },
            "publicClient": { "redirectUris": ["http://127.0.0.1/done", "https://app.example:444/x"] },
        }))
        .await;
    let mut browser = Browser::at(&server);
    let mut goes = async |client: &str, uri: &str| {
        let address = server.authorize(&server.tenant, client, &[("redirect_uri", uri)]);
        browser.go(&address).await.title() == "Sign in"
    };
    for (client, uri, expected) in [
        (&by_name, "http://localhost:1", true),
        (&by_name, "http://localhost:65535/", true),
        (&by_name, "http://LOCALHOST:8400", true),
        (&by_name, "http://localhost:8400/path", false),
        (&by_name, "http://127.0.0.1:8400", false),
        (&by_name, "http://[::1]:8400", false),
        (&by_name, "http://0.0.0.0:8400", false),
        (&by_name, "http://localhost.evil.example:8400", false),
        (&by_name, "http://localhost:8400@evil.example", false),
        (&by_name, "http://localhost:8400#@evil.example", false),
        (&by_name, "http://localhost.:8400", false),
        (&by_name, "https://localhost:8400", false),
        (&by_number, "http://127.0.0.1:8400/done", true),
        (&by_number, "http://localhost:8400/done", false),
        (&by_number, "http://127.0.0.2:8400/done", false),
        (&by_number, "http://127.1:8400/done", false),
        (&by_number, "http://2130706433:8400/done", false),
        (&by_number, "https://app.example:444/x", true),
        (&by_number, "https://app.example:445/x", false),
        (&by_number, "https://app.example/x", false),
    ] {
        assert_eq!(goes(client, uri).await, expected, "{uri}");
    }
}

/// What cannot be compared exactly cannot be registered either.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_would_match_too_much_are_not_registered() {
    let server = TestServer::start().await;
    let token = server.token(GRAPH).await;
    for (platform, uri) in [
        ("web", "https://*.app.example/callback"),
        ("web", "https://app.example/*"),
        ("web", "https://app.example/callback#x"),
        ("web", "https://user@app.example/callback"),
        ("web", "http://app.example/callback"),
        ("web", "app:/callback"),
        ("web", "/callback"),
        ("spa", "http://app.example/"),
        ("publicClient", "javascript:alert(1)"),
        ("publicClient", "data:text/html,x"),
        ("publicClient", "file:///etc/passwd"),
        ("publicClient", "http://app.example/callback"),
    ] {
        let mut body = json!({ "displayName": "Story" });
        body[platform] = json!({ "redirectUris": [uri] });
        let answer = server
            .call(Method::POST, "/v1.0/applications", Some(&token), Some(body))
            .await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{uri}: {:?}",
            answer.body
        );
    }
}

/// What is wrong with a request is told to its application with its state, never with a code; and the answer's state
/// and error cannot break out of the address.
#[tokio::test]
async fn errors_travel_to_the_application_alone() {
    let server = TestServer::start().await;
    let client = server.create_client(json!({})).await;
    let mut browser = Browser::at(&server);
    let state = "\r\nSet-Cookie: a=b\"><script>&code=x#y";
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "nonsense", "unsupported_response_type"),
        ("response_mode", "nonsense", "invalid_request"),
        ("prompt", "nonsense", "invalid_request"),
        ("prompt", "none", "login_required"),
        ("scope", "", "invalid_request"),
    ] {
        let more = [(name, value), ("state", state)];
        let page = browser
            .go(&server.authorize(&server.tenant, &client, &more))
            .await;
        let left = page
            .left_for
            .as_ref()
            .unwrap_or_else(|| panic!("{name}={value}: {page:?}"));
        assert_eq!(left.host_str(), Some("app.example"));
        assert_eq!(left.path(), "/callback");
        assert_eq!(page.status, StatusCode::SEE_OTHER);
        assert_eq!(page.parameter("state").as_deref(), Some(state));
        assert_eq!(page.parameter("code"), None);
        let said = page.parameter("error").expect("an error");
        assert!(
            said == error || name == "response_type",
            "{name}={value}: {said}"
        );
    }
    let mode = ("response_mode", "form_post");
    let more = [("prompt", "none"), mode, ("state", state)];
    let page = browser
        .go(&server.authorize(&server.tenant, &client, &more))
        .await;
    assert_eq!(page.left_for, None);
    assert!(!page.html.contains("\"><script>&"), "{}", page.html);
    assert_eq!(page.forms()[0].action, CALLBACK);
}

/// A client of several servers must tell them apart: by the issuer in the ID token, as in Microsoft's cloud, whose
/// discovery document promises no `iss` beside the code (RFC 9207), so none is sent.
#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_is_told_where_the_discovery_document_says() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let url = format!(
        "{}/{}/v2.0/.well-known/openid-configuration",
        server.server.http_url(),
        server.tenant
    );
    let answer = server.http.get(url).send().await.expect("an answer");
    let document: serde_json::Value = answer.json().await.expect("JSON");
    assert!(
        document
            .get("authorization_response_iss_parameter_supported")
            .is_none()
    );
    let mut browser = Browser::at(&server);
    let address = server.authorize(&server.tenant, &client, &[("nonce", "of this browser")]);
    let page = through(&mut browser, &address, &ann).await;
    assert_eq!(page.parameter("iss"), None, "{page:?}");
    let secret = secret_of(&server, &client).await;
    let bound = code_for(&mut browser, &address, &ann).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
        ("code", bound.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    let given = token(&server, &server.tenant, &form).await;
    let said = claims(&given.body["id_token"]);
    assert_eq!(said["iss"], document["issuer"]);
    assert_eq!(said["aud"], json!(client));
    assert_eq!(said["nonce"], "of this browser");
    assert_eq!(said["tid"], json!(server.tenant));
}

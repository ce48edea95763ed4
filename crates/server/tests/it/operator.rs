//! The operator's application and its profile, after one of them was lost.

use bartizan_server::settings::Partial;
use bartizan_store::directory::{applications, passwords, service_principals};
use bartizan_store::{Page, audit, settings};
use reqwest::StatusCode;
use tempfile::TempDir;

use crate::harness::{TestServer, XDR};

/// Stops a server and starts another on its data, after `between`.
async fn again(server: TestServer, between: impl FnOnce(&TempDir)) -> TestServer {
    server.server.stop().await;
    between(&server.data);
    TestServer::start_in(server.data, Partial::default()).await
}

/// The operator works in every tenant, and its profile is private.
async fn works(server: &TestServer, tenants: &[&str]) {
    for tenant in tenants {
        let token = server.token_in(tenant, XDR).await;
        let answer = server.get("/api/incidents", &token).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let profile = std::fs::metadata(server.data.path().join("admin.toml")).expect("a profile");
        assert_eq!(profile.permissions().mode() & 0o777, 0o600);
    }
}

/// Actions in the operator's tenant that the server itself did.
async fn own_actions(server: &TestServer) -> Vec<String> {
    let mut tx = server
        .server
        .app()
        .store
        .read()
        .await
        .expect("a transaction");
    let tenant = server.tenant.parse().expect("a tenant id");
    let events = audit::list(&mut tx, tenant, None, &Page::first(100))
        .await
        .expect("events");
    let own = events
        .items
        .into_iter()
        .filter(|event| event.actor == "system");
    own.map(|event| event.action).collect()
}

async fn count(server: &TestServer, action: &str) -> usize {
    let actions = own_actions(server).await;
    actions.iter().filter(|known| *known == action).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_unreadable_profile_is_written_anew() {
    let mut server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let profile = |data: &TempDir| data.path().join("admin.toml");
    for (n, text) in [None, Some("client-id = "), Some("tenant = \"elsewhere\"\n")]
        .into_iter()
        .enumerate()
    {
        let before = server.operator_secret().to_owned();
        server = again(server, |data| match text {
            None => std::fs::remove_file(profile(data)).expect("removed"),
            Some(text) => std::fs::write(profile(data), text).expect("written"),
        })
        .await;
        works(&server, &[&tenant]).await;
        assert_ne!(
            server.operator_secret(),
            before,
            "the lost one is not good any more"
        );
        assert_eq!(count(&server, "application.password.add").await, n + 2);
    }
    let id = server.operator_id().parse().expect("a client id");
    let mut tx = server
        .server
        .app()
        .store
        .read()
        .await
        .expect("a transaction");
    let application = applications::anywhere(&mut tx, id)
        .await
        .expect("read")
        .expect("there");
    let secrets = passwords::list(&mut tx, application.tenant, application.id)
        .await
        .expect("read");
    assert_eq!(secrets.len(), 1, "each new secret replaced the one before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_the_database_does_not_know_is_replaced() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let id = server.operator_id().parse().expect("a client id");
    let mut tx = server
        .server
        .app()
        .store
        .write()
        .await
        .expect("a transaction");
    let application = applications::anywhere(&mut tx, id)
        .await
        .expect("read")
        .expect("there");
    for secret in passwords::list(&mut tx, application.tenant, application.id)
        .await
        .expect("read")
    {
        passwords::remove(&mut tx, application.tenant, application.id, secret.key_id)
            .await
            .expect("removed");
    }
    tx.commit().await.expect("committed");
    let server = again(server, |_| {}).await;
    works(&server, &[&tenant]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_application_is_made_again_in_every_tenant() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let other = server.create_tenant("Other").await;
    let id = server.operator_id().parse().expect("a client id");
    let mut tx = server
        .server
        .app()
        .store
        .write()
        .await
        .expect("a transaction");
    let application = applications::anywhere(&mut tx, id)
        .await
        .expect("read")
        .expect("there");
    applications::delete(&mut tx, application.tenant, application.id)
        .await
        .expect("deleted");
    tx.commit().await.expect("committed");
    let server = again(server, |_| {}).await;
    assert_eq!(server.tenant, tenant, "in the home that it had");
    works(&server, &[&tenant, &other]).await;
    assert_eq!(count(&server, "application.create").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_was_disabled_or_forgotten_comes_back() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let home = tenant.parse().expect("a tenant id");
    let id = server.operator_id().parse().expect("a client id");
    let mut tx = server
        .server
        .app()
        .store
        .write()
        .await
        .expect("a transaction");
    let principal = service_principals::by_app_id(&mut tx, home, id)
        .await
        .expect("read");
    let mut principal = principal.expect("there");
    principal.enabled = false;
    service_principals::update(&mut tx, &principal)
        .await
        .expect("disabled");
    tx.commit().await.expect("committed");
    let server = again(server, |_| {}).await;
    works(&server, &[&tenant]).await;
    let mut tx = server
        .server
        .app()
        .store
        .write()
        .await
        .expect("a transaction");
    settings::put(&mut tx, "operator_app_id", "no id")
        .await
        .expect("put");
    tx.commit().await.expect("committed");
    let server = again(server, |_| {}).await;
    works(&server, &[&tenant]).await;
}

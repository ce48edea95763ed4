//! Applications, secrets, service principals, assignments, users, and the facts of a token.

use bartizan_contract::permissions::RESOURCES;
use bartizan_contract::{ObjectId, permissions};
use bartizan_store::directory::assignments::{self, AppRoleAssignment};
use bartizan_store::directory::certificates::{self, KeyCredential};
use bartizan_store::directory::federations::{self, FederatedCredential};
use bartizan_store::directory::passwords::{self, PasswordCredential};
use bartizan_store::directory::search::Search;
use bartizan_store::directory::service_principals::{self, ServicePrincipal};
use bartizan_store::directory::token_facts;
use bartizan_store::directory::users::{self, User};
use bartizan_store::directory::{AppRole, applications};
use bartizan_store::odata::{APPLICATIONS_GRAPH, SERVICE_PRINCIPALS_GRAPH, filter};
use bartizan_store::{Page, Store, StoreError};
use uuid::Uuid;

use crate::fixture::{NOW, application, on_both_databases, tenant, tenant_id, two_tenants};

on_both_databases!(
    an_application_is_seen_by_its_tenant_alone,
    service_principals_follow_their_application,
    secrets_belong_to_an_application_of_the_tenant,
    roles_are_assigned_within_one_tenant,
    token_facts_are_complete,
    users_are_found_in_any_letter_case,
    listings_take_filters,
);

async fn an_application_is_seen_by_its_tenant_alone(store: &Store) {
    let mut tx = two_tenants(store).await;
    let mut app = application(1, 1);
    applications::create(&mut tx, &app).await.unwrap();
    let (mine, other) = (tenant_id(1), tenant_id(2));
    assert_eq!(
        applications::by_id(&mut tx, mine, app.id).await.unwrap(),
        Some(app.clone())
    );
    assert_eq!(
        applications::by_app_id(&mut tx, mine, app.app_id)
            .await
            .unwrap(),
        Some(app.clone())
    );
    assert_eq!(
        applications::by_id(&mut tx, other, app.id).await.unwrap(),
        None
    );
    assert_eq!(
        applications::by_app_id(&mut tx, other, app.app_id)
            .await
            .unwrap(),
        None
    );
    assert!(
        applications::list(&mut tx, other, &Search::all(&Page::first(5)))
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert!(!applications::delete(&mut tx, other, app.id).await.unwrap());
    let stolen = applications::Application {
        tenant: other,
        display_name: "stolen".into(),
        ..app.clone()
    };
    assert!(matches!(
        applications::update(&mut tx, &stolen).await,
        Err(StoreError::Missing(_))
    ));
    app.display_name = "renamed".into();
    applications::update(&mut tx, &app).await.unwrap();
    assert_eq!(
        applications::anywhere(&mut tx, app.app_id).await.unwrap(),
        Some(app.clone())
    );
    assert!(applications::delete(&mut tx, mine, app.id).await.unwrap());
    assert_eq!(
        applications::anywhere(&mut tx, app.app_id).await.unwrap(),
        None
    );
}

fn sp(n: u128, app: &applications::Application, tenant: u128) -> ServicePrincipal {
    ServicePrincipal::of_application(
        ObjectId(Uuid::from_u128(0x4000 + n)),
        tenant_id(tenant),
        app,
        NOW,
    )
}

async fn service_principals_follow_their_application(store: &Store) {
    let mut tx = two_tenants(store).await;
    let mut app = application(1, 1);
    applications::create(&mut tx, &app).await.unwrap();
    for n in [1, 2] {
        service_principals::create(&mut tx, &sp(n, &app, n))
            .await
            .unwrap();
    }
    // A domain of its home: a name that it bears in every tenant.
    app.identifier_uris = vec!["https://moved.t1.example.com".into(), "api://moved".into()];
    app.display_name = "moved".into();
    applications::update(&mut tx, &app).await.unwrap();
    for n in [1, 2] {
        assert_eq!(
            service_principals::by_name(&mut tx, tenant_id(n), "api://app1")
                .await
                .unwrap(),
            None
        );
        let found =
            service_principals::by_name(&mut tx, tenant_id(n), "HTTPS://moved.t1.example.com/")
                .await
                .unwrap()
                .unwrap();
        assert_eq!(
            (found.id, found.display_name.as_str()),
            (sp(n, &app, n).id, "moved")
        );
        let mut names = vec![app.app_id.to_string(), app.identifier_uris[0].clone()];
        if n == 1 {
            names.push(app.identifier_uris[1].clone());
        }
        assert_eq!(found.names, names);
    }
    assert!(
        !service_principals::delete(&mut tx, tenant_id(2), sp(1, &app, 1).id)
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();

    let mut tx = store.write().await.unwrap();
    let mut thief = application(2, 1);
    thief.identifier_uris = vec!["https://api.security.microsoft.com/".into()];
    let error = service_principals::create(&mut tx, &sp(3, &thief, 1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Exists("service principal name")),
        "{error:?}"
    );
    drop(tx);

    let mut tx = store.write().await.unwrap();
    let error = service_principals::create(&mut tx, &sp(4, &app, 1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Exists("service principal")),
        "{error:?}"
    );
    drop(tx);

    let mut tx = store.write().await.unwrap();
    assert!(
        applications::delete(&mut tx, tenant_id(1), app.id)
            .await
            .unwrap()
    );
    for n in [1, 2] {
        assert_eq!(
            service_principals::by_app_id(&mut tx, tenant_id(n), app.app_id)
                .await
                .unwrap(),
            None
        );
    }
}

fn password(n: u128) -> PasswordCredential {
    PasswordCredential {
        key_id: Uuid::from_u128(n),
        secret_hash: "ab".repeat(32),
        hint: "abc".into(),
        display_name: None,
        start: NOW,
        end: NOW + 1,
        last_used: None,
    }
}

async fn secrets_belong_to_an_application_of_the_tenant(store: &Store) {
    let mut tx = two_tenants(store).await;
    let app = application(1, 1);
    applications::create(&mut tx, &app).await.unwrap();
    let (mine, other) = (tenant_id(1), tenant_id(2));
    passwords::add(&mut tx, mine, app.id, &password(1))
        .await
        .unwrap();
    let error = passwords::add(&mut tx, other, app.id, &password(2))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Missing("application")),
        "{error:?}"
    );
    assert_eq!(
        passwords::list(&mut tx, mine, app.id).await.unwrap(),
        [password(1)]
    );
    assert!(
        passwords::list(&mut tx, other, app.id)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        !passwords::remove(&mut tx, other, app.id, password(1).key_id)
            .await
            .unwrap()
    );
    passwords::touch(&mut tx, other, password(1).key_id, NOW)
        .await
        .unwrap();
    assert_eq!(
        passwords::list(&mut tx, mine, app.id).await.unwrap()[0].last_used,
        None
    );
    passwords::touch(&mut tx, mine, password(1).key_id, NOW)
        .await
        .unwrap();
    assert_eq!(
        passwords::list(&mut tx, mine, app.id).await.unwrap()[0].last_used,
        Some(NOW)
    );
    // Of two that end it at once the later time does not win, whatever either read before.
    let (key, end) = (password(1).key_id, password(1).end);
    for (tenant, wanted, ends) in [
        (other, end - 2, end),
        (mine, end + 1, end),
        (mine, end - 2, end - 2),
        (mine, end - 1, end - 2),
        (mine, end - 2, end - 2),
    ] {
        let done = passwords::end_earlier(&mut tx, tenant, app.id, key, wanted).await;
        assert_eq!(done.unwrap(), wanted == ends, "{wanted}");
        let kept = passwords::list(&mut tx, mine, app.id).await.unwrap();
        assert_eq!(kept[0].end, ends);
    }
    assert!(
        passwords::remove(&mut tx, mine, app.id, password(1).key_id)
            .await
            .unwrap()
    );
    assert!(
        !passwords::remove(&mut tx, mine, app.id, password(1).key_id)
            .await
            .unwrap()
    );
}

async fn roles_are_assigned_within_one_tenant(store: &Store) {
    let mut tx = two_tenants(store).await;
    let app = application(1, 1);
    applications::create(&mut tx, &app).await.unwrap();
    let client = sp(1, &app, 1);
    service_principals::create(&mut tx, &client).await.unwrap();
    let resource = |n| ServicePrincipal::of_resource(tenant_id(n), &RESOURCES[0], NOW).id;
    let assignment = |id: &str, resource| AppRoleAssignment {
        id: id.into(),
        principal: client.id,
        principal_kind: "ServicePrincipal".into(),
        resource,
        app_role_id: RESOURCES[0].permissions[0].id,
        created: NOW,
    };
    let (mine, other) = (tenant_id(1), tenant_id(2));
    assignments::create(&mut tx, mine, &assignment("a", resource(1)))
        .await
        .unwrap();
    for (tenant, resource) in [
        (mine, resource(2)),
        (other, resource(2)),
        (other, resource(1)),
    ] {
        let error = assignments::create(&mut tx, tenant, &assignment("b", resource))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error:?}");
    }
    let kept = [assignment("a", resource(1))];
    assert_eq!(
        assignments::of_principal(&mut tx, mine, client.id)
            .await
            .unwrap(),
        kept
    );
    assert_eq!(
        assignments::of_resource(&mut tx, mine, resource(1))
            .await
            .unwrap(),
        kept
    );
    assert!(
        assignments::of_principal(&mut tx, other, client.id)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        assignments::of_resource(&mut tx, other, resource(1))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(!assignments::delete(&mut tx, other, "a").await.unwrap());
    tx.commit().await.unwrap();

    let mut tx = store.write().await.unwrap();
    let error = assignments::create(&mut tx, mine, &assignment("c", resource(1)))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Exists(_)), "{error:?}");
    drop(tx);

    let mut tx = store.write().await.unwrap();
    assert!(
        service_principals::delete(&mut tx, mine, client.id)
            .await
            .unwrap()
    );
    assert!(
        assignments::of_principal(&mut tx, mine, client.id)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn token_facts_are_complete(store: &Store) {
    let mut tx = two_tenants(store).await;
    // An application of tenant 1, present in tenant 2 as well, with consent there alone.
    let mut app = application(1, 1);
    app.app_roles = vec![AppRole {
        id: Uuid::from_u128(77),
        value: Some("Own.Role".into()),
        display_name: None,
        description: None,
        allowed_member_types: vec!["Application".into()],
        is_enabled: true,
        origin: None,
    }];
    applications::create(&mut tx, &app).await.unwrap();
    passwords::add(&mut tx, app.tenant, app.id, &password(1))
        .await
        .unwrap();
    let certificate = KeyCredential {
        key_id: Uuid::from_u128(2),
        certificate: "MIIB".into(),
        display_name: Some("rollover".into()),
        usage: "Verify".into(),
        start: NOW,
        end: NOW + 2,
        last_used: Some(NOW),
    };
    certificates::add(&mut tx, app.tenant, app.id, &certificate)
        .await
        .unwrap();
    let federation = FederatedCredential {
        id: Uuid::from_u128(3),
        name: "ci".into(),
        issuer: "https://issuer.example".into(),
        subject: "repo:x".into(),
        audience: "api://AzureADTokenExchange".into(),
        description: Some("builds".into()),
        key_set: Some(serde_json::json!({ "keys": [] })),
        created: NOW,
        last_used: None,
    };
    federations::add(&mut tx, app.tenant, app.id, &federation)
        .await
        .unwrap();
    for n in [1, 2] {
        service_principals::create(&mut tx, &sp(n, &app, n))
            .await
            .unwrap();
    }
    let mde =
        permissions::resource_by_identifier("https://api.securitycenter.microsoft.com").unwrap();
    let roles: Vec<_> = ["Machine.Read.All", "Alert.Read.All"]
        .iter()
        .map(|name| {
            mde.permission(permissions::PermissionKind::Application, name)
                .unwrap()
                .id
        })
        .collect();
    for (i, role) in roles.iter().enumerate() {
        let assignment = AppRoleAssignment {
            id: format!("a{i}"),
            principal: sp(2, &app, 2).id,
            principal_kind: "ServicePrincipal".into(),
            resource: ServicePrincipal::of_resource(tenant_id(2), mde, NOW).id,
            app_role_id: *role,
            created: NOW,
        };
        assignments::create(&mut tx, tenant_id(2), &assignment)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();

    let mut tx = store.read().await.unwrap();
    let name = "https://securitycenter.onmicrosoft.com/windowsatpservice";
    let facts = token_facts::client_credentials(&mut tx, "T2.example.com", app.app_id);
    let facts = facts.await.unwrap();
    assert_eq!(facts.tenant.unwrap(), tenant(2));
    assert_eq!(facts.application.unwrap().home, tenant_id(1));
    let kept = &facts.credentials;
    assert_eq!(kept.passwords, [password(1)]);
    assert_eq!(
        kept.certificates,
        certificates::list(&mut tx, app.tenant, app.id)
            .await
            .unwrap()
    );
    assert_eq!(
        kept.federations,
        federations::list(&mut tx, app.tenant, app.id)
            .await
            .unwrap()
    );
    assert_eq!((kept.certificates.len(), kept.federations.len()), (1, 1));
    let client = facts.client.unwrap();
    assert_eq!((client.id, client.enabled), (sp(2, &app, 2).id, true));
    let resource = token_facts::resource_facts(&mut tx, tenant_id(2), name, Some(client.id));
    let resource = resource.await.unwrap().unwrap();
    assert_eq!(resource.roles, ["Alert.Read.All", "Machine.Read.All"]);
    assert!(resource.client_is_assigned);
    assert_eq!(resource.access_token_version, None);

    let here = tenant_id(1);
    let word = here.to_string();
    let facts = token_facts::client_credentials(&mut tx, &word, app.app_id);
    let client = facts.await.unwrap().client.unwrap();
    let resource = token_facts::resource_facts(&mut tx, here, name, Some(client.id));
    let resource = resource.await.unwrap().unwrap();
    assert!(
        resource.roles.is_empty() && !resource.client_is_assigned,
        "consent is per tenant"
    );
    let by_id = format!("api://{}", app.app_id);
    for name in ["api://app1", "API://APP1/", &by_id] {
        let own = token_facts::resource_facts(&mut tx, here, name, None);
        let own = own.await.unwrap().unwrap();
        assert_eq!(own.app_id, app.app_id, "{name}");
        assert_eq!(own.access_token_version, Some(2));
    }
    let elsewhere = token_facts::resource_facts(&mut tx, here, "api://app9", None);
    assert_eq!(elsewhere.await.unwrap(), None);

    let nothing = token_facts::client_credentials(&mut tx, "nobody", app.app_id);
    assert_eq!(
        nothing.await.unwrap(),
        token_facts::ClientCredentialsFacts::default()
    );
    // A tenant alone.
    let unknown =
        token_facts::client_credentials(&mut tx, "t1.example.com", application(9, 1).app_id);
    let unknown = unknown.await.unwrap();
    assert_eq!(unknown.tenant.unwrap().id, here);
    assert_eq!((unknown.application, unknown.client), (None, None));
}

async fn users_are_found_in_any_letter_case(store: &Store) {
    let mut tx = two_tenants(store).await;
    let user = User {
        password_hash: Some("$argon2id$x".into()),
        mail: Some("admin@example.com".into()),
        ..User::new(
            ObjectId(Uuid::from_u128(5)),
            "Admin@T1.example.com",
            "Admin",
            NOW,
        )
    };
    let (mine, other) = (tenant_id(1), tenant_id(2));
    users::create(&mut tx, mine, &user).await.unwrap();
    let found = users::by_upn(&mut tx, mine, "aDMIN@t1.EXAMPLE.com")
        .await
        .unwrap();
    assert_eq!(found.as_ref(), Some(&user));
    assert!(!format!("{found:?}").contains("argon2"));
    assert_eq!(
        users::by_upn(&mut tx, other, &user.upn).await.unwrap(),
        None
    );
    assert_eq!(users::by_id(&mut tx, other, user.id).await.unwrap(), None);
    assert!(users::list(&mut tx, other).await.unwrap().is_empty());
    assert!(matches!(
        users::set_password(&mut tx, other, user.id, "x", NOW).await,
        Err(StoreError::Missing(_))
    ));
    users::set_password(&mut tx, mine, user.id, "y", NOW)
        .await
        .unwrap();
    // What was verified must still hold, in this tenant.
    for (tenant, old, done) in [(mine, "x", false), (other, "y", false), (mine, "y", true)] {
        let replaced = users::replace_password(&mut tx, tenant, user.id, (old, "z"), NOW).await;
        assert_eq!(replaced.unwrap(), done);
    }
    assert_eq!(
        users::by_id(&mut tx, mine, user.id)
            .await
            .unwrap()
            .unwrap()
            .password_hash
            .as_deref(),
        Some("z")
    );
}

async fn listings_take_filters(store: &Store) {
    let mut tx = two_tenants(store).await;
    for n in 1..=5 {
        applications::create(&mut tx, &application(n, 1))
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let mut page = Page::first(2);
    loop {
        let listing = applications::list(&mut tx, tenant_id(1), &Search::all(&page))
            .await
            .unwrap();
        seen.extend(listing.items.into_iter().map(|a| a.display_name));
        match listing.next {
            Some(next) => page = Page::after(next, 2),
            None => break,
        }
    }
    assert_eq!(seen, ["App 1", "App 2", "App 3", "App 4", "App 5"]);
    let named = filter(
        "displayName eq 'app 3' or startswith(appId, '00000000-0000-0000-0000-000000003004')",
        &APPLICATIONS_GRAPH,
    )
    .unwrap();
    let nine = Page::first(9);
    let of = |filter| Search {
        filter: Some(filter),
        ..Search::all(&nine)
    };
    let found = applications::list(&mut tx, tenant_id(1), &of(&named))
        .await
        .unwrap();
    assert_eq!(found.items.len(), 2);
    let wrong = service_principals::list(&mut tx, tenant_id(1), &of(&named)).await;
    assert!(matches!(wrong, Err(StoreError::WrongFilter { .. })));
    for (text, count) in [
        ("displayName eq 'Microsoft Threat Protection'", 1),
        (
            "servicePrincipalNames/any(n: n eq 'https://graph.microsoft.com')",
            1,
        ),
        ("accountEnabled", RESOURCES.len()),
        ("not accountEnabled", 0),
        ("appId eq fc780465-2017-40d4-a0c5-307022471b92", 1),
    ] {
        let condition = filter(text, &SERVICE_PRINCIPALS_GRAPH).unwrap();
        let page = Page::first(99);
        let all = Search {
            filter: Some(&condition),
            ..Search::all(&page)
        };
        let found = service_principals::list(&mut tx, tenant_id(2), &all)
            .await
            .unwrap();
        assert_eq!(found.items.len(), count, "{text}");
    }
}

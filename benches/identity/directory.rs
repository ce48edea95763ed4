//! A directory of a given size, and a token request of each of its applications.

use std::sync::Arc;

use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_identity::directory::secret_hash;
use bartizan_server::Server;
use bartizan_server::app::App;
use bartizan_server::tenants;
use bartizan_store::WriteTx;
use bartizan_store::directory::service_principals::ServicePrincipal;
use bartizan_store::directory::{applications, assignments, passwords, service_principals};
use uuid::Uuid;

use crate::Outcome;
use crate::load::Prepared;

/// Defender XDR, for which the tokens are.
const XDR: &str = "https://api.security.microsoft.com";
/// Microsoft Graph, for the calls.
const GRAPH: &str = "https://graph.microsoft.com";
/// What each application holds.
const ROLES: [(&str, &str); 3] = [
    (XDR, "AdvancedHunting.Read.All"),
    (XDR, "Incident.Read.All"),
    (GRAPH, "Organization.Read.All"),
];

/// How many there are.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Tenants beside the operator's.
    pub(crate) tenants: u32,
    /// Applications in each.
    pub(crate) applications: u32,
}

/// Makes the directory; token requests of all its applications come back.
pub(crate) async fn fill(app: &Arc<App>, shape: Shape) -> Outcome<Vec<Prepared>> {
    let mut requests = Vec::new();
    let now = app.clock.unix_micros();
    for number in 0..shape.tenants {
        let mut tx = app.store.write().await?;
        let tenant = TenantId(Uuid::now_v7());
        let domain = format!("tenant{number}.onmicrosoft.com");
        tenants::create(&mut tx, tenant, &format!("Tenant {number}"), &domain, now).await?;
        let mut resources = Vec::new();
        for (resource, role) in ROLES {
            let found = service_principals::by_name(&mut tx, tenant, resource).await?;
            resources.push((found.ok_or("a tenant without Microsoft's resources")?, role));
        }
        for _ in 0..shape.applications {
            requests.push(application(&mut tx, tenant, &resources, now).await?);
        }
        tx.commit().await?;
    }
    Ok(requests)
}

/// A token for Microsoft Graph by the application of a request that `fill` gave.
pub(crate) async fn token(server: &Server, request: &Prepared) -> Outcome<String> {
    let (path, form) = request.target();
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .post(format!("{}{path}", server.http_url()))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form.replace(XDR, GRAPH))
        .send()
        .await?;
    let body: serde_json::Value = answer.json().await?;
    let token = body["access_token"].as_str().ok_or("no token")?;
    Ok(token.to_owned())
}

/// An application with a secret and its consented roles.
async fn application(
    tx: &mut WriteTx,
    tenant: TenantId,
    resources: &[(ServicePrincipal, &str)],
    now: i64,
) -> Outcome<Prepared> {
    let application = applications::Application {
        id: ObjectId(Uuid::now_v7()),
        app_id: AppId(Uuid::new_v4()),
        tenant,
        display_name: "Benchmark".to_owned(),
        sign_in_audience: "AzureADMyOrg".to_owned(),
        identifier_uris: Vec::new(),
        required_resource_access: Vec::new(),
        app_roles: Vec::new(),
        oauth2_scopes: Vec::new(),
        redirect_uris: Default::default(),
        requested_access_token_version: None,
        properties: Default::default(),
        created: now,
    };
    applications::create(tx, &application).await?;
    let principal = service_principals::ServicePrincipal::of_application(
        ObjectId(Uuid::now_v7()),
        tenant,
        &application,
        now,
    );
    service_principals::create(tx, &principal).await?;
    let secret = Uuid::new_v4().simple().to_string();
    let password = passwords::PasswordCredential {
        key_id: Uuid::now_v7(),
        secret_hash: secret_hash(&secret),
        hint: secret.chars().take(3).collect(),
        display_name: None,
        start: now,
        end: now + 86_400_000_000,
        last_used: None,
    };
    passwords::add(tx, tenant, application.id, &password).await?;
    for (resource, value) in resources {
        let mut offered = resource.app_roles.iter();
        let role = offered
            .find(|role| role.value.as_deref() == Some(*value))
            .ok_or("a resource without that role")?;
        let assignment = assignments::AppRoleAssignment {
            id: Uuid::now_v7().simple().to_string(),
            principal: principal.id,
            principal_kind: "ServicePrincipal".to_owned(),
            resource: resource.id,
            app_role_id: role.id,
            created: now,
        };
        assignments::create(tx, tenant, &assignment).await?;
    }
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={secret}&scope={XDR}/.default",
        application.app_id
    );
    let path = format!("/{tenant}/oauth2/v2.0/token");
    Ok(Prepared::form(path, form))
}

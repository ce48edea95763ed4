//! A directory of a given size, and a token request for a sample of its applications.

use std::sync::Arc;

use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_identity::directory::secret_hash;
use bartizan_server::app::App;
use bartizan_server::tenants;
use bartizan_store::WriteTx;
use bartizan_store::directory::{applications, assignments, passwords, service_principals};
use uuid::Uuid;

use crate::Outcome;

/// Defender XDR.
const RESOURCE: &str = "https://api.security.microsoft.com";
/// The longest list of requests given to the load generator.
const SAMPLE: usize = 5000;

/// How many there are.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Tenants beside the operator's.
    pub(crate) tenants: u32,
    /// Applications in each.
    pub(crate) applications: u32,
}

/// Makes the directory; path and form of token requests come back, spread over all of it.
pub(crate) async fn fill(app: &Arc<App>, shape: Shape) -> Outcome<Vec<(String, String)>> {
    let mut requests = Vec::new();
    let now = app.clock.unix_micros();
    for number in 0..shape.tenants {
        let mut tx = app.store.write().await?;
        let tenant = TenantId(Uuid::now_v7());
        let domain = format!("tenant{number}.onmicrosoft.com");
        tenants::create(&mut tx, tenant, &format!("Tenant {number}"), &domain, now).await?;
        for _ in 0..shape.applications {
            requests.push(application(&mut tx, tenant, now).await?);
        }
        tx.commit().await?;
    }
    let step = requests.len().div_ceil(SAMPLE).max(1);
    Ok(requests.into_iter().step_by(step).collect())
}

/// An application with a secret and two consented roles.
async fn application(tx: &mut WriteTx, tenant: TenantId, now: i64) -> Outcome<(String, String)> {
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
        // Noted just now, so that the loads write as rarely as a busy client makes them.
        last_used: Some(now),
    };
    passwords::add(tx, tenant, application.id, &password).await?;
    let resource = service_principals::by_name(tx, tenant, RESOURCE)
        .await?
        .ok_or("a tenant without Defender XDR")?;
    for role in resource.app_roles.iter().filter(|role| {
        matches!(
            role.value.as_deref(),
            Some("AdvancedHunting.Read.All" | "Incident.Read.All")
        )
    }) {
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
        "grant_type=client_credentials&client_id={}&client_secret={secret}&scope={RESOURCE}/.default",
        application.app_id
    );
    Ok((format!("/{tenant}/oauth2/v2.0/token"), form))
}

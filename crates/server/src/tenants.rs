//! Making tenants: the directory itself, the resources that every tenant knows, and the operator's application in it.

use std::collections::BTreeSet;

use bartizan_contract::permissions::{PermissionKind, RESOURCES};
use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_hunting::events::EventsError;
use bartizan_store::directory::{applications, assignments, service_principals};
use bartizan_store::{StoreError, WriteTx, settings, tenants};
use uuid::Uuid;

use crate::app::App;

/// The setting that holds the operator application's client id.
pub(crate) const OPERATOR: &str = "operator_app_id";

/// Why a tenant was not made.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// The domain is not one.
    #[error(
        "'{0}' is not a domain name: letters, digits and hyphens, in at least two parts joined by dots"
    )]
    Domain(String),
    /// The display name is empty or too long.
    #[error("a display name has 1 to 256 characters")]
    DisplayName,
    /// The store's word.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A domain for a tenant of this name, under `onmicrosoft.com`, as the portal proposes it.
#[must_use]
pub fn proposed_domain(display_name: &str) -> String {
    let label: String = display_name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .take(27)
        .collect();
    let label = if label.is_empty() {
        "tenant".to_owned()
    } else {
        label
    };
    format!("{label}.onmicrosoft.com")
}

/// Checks that `domain` is a DNS name of at least two labels (RFC 1035 section 2.3.1).
fn check_domain(domain: &str) -> Result<(), TenantError> {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let labels: Vec<&str> = domain.split('.').collect();
    let fine = domain.len() <= 253 && labels.len() >= 2 && labels.iter().all(|l| label(l));
    fine.then_some(())
        .ok_or_else(|| TenantError::Domain(domain.to_owned()))
}

/// Makes a tenant with the first-party service principals, and consents there to the operator's application, if
/// there is one yet.
///
/// # Errors
/// [`TenantError`]; a taken domain is [`StoreError::Exists`].
pub async fn create(
    tx: &mut WriteTx,
    id: TenantId,
    display_name: &str,
    domain: &str,
    now: i64,
) -> Result<tenants::Tenant, TenantError> {
    if display_name.trim().is_empty() || display_name.chars().count() > 256 {
        return Err(TenantError::DisplayName);
    }
    check_domain(domain)?;
    let tenant = tenants::Tenant {
        id,
        display_name: display_name.to_owned(),
        region: "WW".to_owned(),
        created: now,
        domains: vec![tenants::Domain {
            name: domain.to_ascii_lowercase(),
            is_default: true,
            is_initial: true,
        }],
    };
    tenants::create(tx, &tenant).await?;
    if let Some(operator) = settings::get(tx, OPERATOR).await? {
        let operator: AppId = operator.parse().map_err(|_| corrupt_operator())?;
        // It is made after the first tenant, in which it lives.
        if applications::anywhere(tx, operator).await?.is_some() {
            consent_to_operator(tx, id, operator, now).await?;
        }
    }
    Ok(tenant)
}

fn corrupt_operator() -> StoreError {
    StoreError::Corrupt {
        column: format!("settings.{OPERATOR}"),
        reason: "not a GUID".to_owned(),
    }
}

/// Gives the operator's application every application permission in a tenant.
pub(crate) async fn consent_to_operator(
    tx: &mut WriteTx,
    tenant: TenantId,
    operator: AppId,
    now: i64,
) -> Result<(), StoreError> {
    let application = applications::anywhere(tx, operator)
        .await?
        .ok_or(StoreError::Missing("the operator's application"))?;
    let id = ObjectId(Uuid::new_v5(&tenant.uuid(), operator.uuid().as_bytes()));
    let principal = match service_principals::by_app_id(tx, tenant, operator).await? {
        Some(known) if known.enabled => known,
        Some(mut disabled) => {
            disabled.enabled = true;
            service_principals::update(tx, &disabled).await?;
            disabled
        }
        None => {
            let fresh = service_principals::to_be(tx, id, tenant, &application, now).await?;
            service_principals::create(tx, &fresh).await?;
            fresh
        }
    };
    let held = assignments::of_principal(tx, tenant, principal.id).await?;
    for resource in RESOURCES {
        let target = service_principals::by_app_id(tx, tenant, resource.app_id)
            .await?
            .ok_or(StoreError::Missing("a resource's service principal"))?;
        for permission in resource.permissions {
            let has = held
                .iter()
                .any(|a| a.resource == target.id && a.app_role_id == permission.id);
            if permission.kind != PermissionKind::Application || has {
                continue;
            }
            let name = format!("{}/{}", target.id, permission.id);
            let assignment = assignments::AppRoleAssignment {
                // Derived, so that a tenant that is brought up to date twice stays as it is.
                id: Uuid::new_v5(&principal.id.uuid(), name.as_bytes())
                    .simple()
                    .to_string(),
                principal: principal.id,
                principal_kind: "ServicePrincipal".to_owned(),
                resource: target.id,
                app_role_id: permission.id,
                created: now,
            };
            assignments::create(tx, tenant, &assignment).await?;
        }
    }
    Ok(())
}

/// Removes hunting rows of tenants that are no more: a crash or a failure may have come between a
/// tenant's deletion and that of its rows.
pub(crate) async fn remove_orphaned_rows(app: &App) {
    match orphans(app).await {
        Ok(orphans) => {
            for tenant in orphans {
                if let Err(error) = app.events.delete_tenant(tenant).await {
                    tracing::warn!(%tenant, %error, "the rows of a deleted tenant could not be removed");
                }
            }
        }
        Err(error) => tracing::warn!(%error, "rows of deleted tenants could not be looked for"),
    }
}

async fn orphans(app: &App) -> Result<BTreeSet<TenantId>, EventsError> {
    let with_rows = app.events.totals(None).await?;
    let mut tx = app.store.read().await?;
    let known: BTreeSet<TenantId> = tenants::list(&mut tx)
        .await?
        .iter()
        .map(|tenant| tenant.id)
        .collect();
    let owners = with_rows.iter().map(|total| total.tenant);
    Ok(owners.filter(|owner| !known.contains(owner)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_dns_names_of_two_labels_or_more() {
        for fine in ["contoso.com", "a-b.onmicrosoft.com"] {
            assert!(check_domain(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "contoso", "", "a..b", "-a.com", "a_b.com", "a b.com", "x/y.com",
        ] {
            assert!(check_domain(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            proposed_domain("Fabrikam (EU) 2"),
            "fabrikameu2.onmicrosoft.com"
        );
    }
}

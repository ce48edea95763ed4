//! Whom a path or a body names as a principal: a user, a group or a service principal of the caller's tenant.

use bartizan_contract::{AppId, ObjectId};
use bartizan_store::ReadTx;
use bartizan_store::directory::people;
use bartizan_store::directory::{self, PrincipalKind, service_principals};

use super::{groups, missing, service_principals as principals, users};
use crate::call::Call;
use crate::error::ApiError;

/// A principal with what is said of it.
pub(super) struct Holder {
    /// Its object id.
    pub(super) id: ObjectId,
    /// What it is.
    pub(super) kind: PrincipalKind,
    /// Its name.
    pub(super) name: String,
    /// The application, of a service principal.
    pub(super) app: Option<AppId>,
}

/// The principal that the path names: `/users/{id}`, `/me`, `/groups/{id}` or `/servicePrincipals/{id}`.
///
/// # Errors
/// 404 where the caller's tenant has none.
pub(super) async fn named(tx: &mut ReadTx, call: &Call) -> Result<Holder, ApiError> {
    let path = call.operation().path;
    if path.starts_with("/v1.0/users/") || path.starts_with("/v1.0/me/") {
        let user = users::find(tx, call).await?.user;
        return Ok(Holder {
            id: user.id,
            kind: PrincipalKind::User,
            name: user.display_name,
            app: None,
        });
    }
    if path.starts_with("/v1.0/groups/") {
        let group = groups::find(tx, call).await?;
        return Ok(Holder {
            id: group.id,
            kind: PrincipalKind::Group,
            name: group.display_name,
            app: None,
        });
    }
    let sp = principals::find(tx, call).await?;
    Ok(Holder {
        id: sp.id,
        kind: PrincipalKind::ServicePrincipal,
        name: sp.display_name,
        app: Some(sp.app_id),
    })
}

/// The principal of the caller's tenant with this id.
///
/// # Errors
/// 404 where the caller's tenant has none.
pub(super) async fn by_id(tx: &mut ReadTx, call: &Call, id: ObjectId) -> Result<Holder, ApiError> {
    let tenant = call.tenant();
    let found = directory::principal(tx, tenant, id).await?;
    let kind = found.ok_or_else(|| missing(id))?.kind;
    let named = match kind {
        PrincipalKind::User => people::find(tx, tenant, &id.to_string())
            .await?
            .map(|person| (person.user.display_name, None)),
        PrincipalKind::Group => directory::groups::by_id(tx, tenant, id)
            .await?
            .map(|group| (group.display_name, None)),
        PrincipalKind::ServicePrincipal => service_principals::by_id(tx, tenant, id)
            .await?
            .map(|sp| (sp.display_name, Some(sp.app_id))),
    };
    let (name, app) = named.ok_or_else(|| missing(id))?;
    Ok(Holder {
        id,
        kind,
        name,
        app,
    })
}

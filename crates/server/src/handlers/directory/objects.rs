//! People, groups, roles and principals as Graph prints them.

use bartizan_contract::access::{DirectoryRole, directory_role};
use bartizan_contract::time::Timestamp;
use bartizan_contract::{ObjectId, TenantId};
use bartizan_store::directory::groups::Group;
use bartizan_store::directory::people::{self, Person};
use bartizan_store::directory::{Principal, PrincipalKind, groups, owners, service_principals};
use bartizan_store::{ReadTx, StoreError};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::query::EXPANDED;
use super::wire;

/// What Graph gives of a user when nothing is selected.
pub(super) const USER: &[&str] = &[
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// A user with every property that is known.
pub(super) fn user(person: &Person) -> Json {
    let user = &person.user;
    let mut object = Map::new();
    for name in [
        "jobTitle",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
        "department",
        "companyName",
        "usageLocation",
        "mailNickname",
    ] {
        object.insert(name.to_owned(), Json::Null);
    }
    object.insert("businessPhones".to_owned(), json!([]));
    object.insert("otherMails".to_owned(), json!([]));
    object.insert("userType".to_owned(), json!("Member"));
    object.extend(person.profile.clone());
    let own = json!({
        "id": user.id,
        "displayName": user.display_name,
        "givenName": user.given_name,
        "surname": user.surname,
        "mail": user.mail,
        "userPrincipalName": user.upn,
        "accountEnabled": user.enabled,
        "createdDateTime": Timestamp::from_unix_micros(user.created),
        "deletedDateTime": null,
        "signInSessionsValidFromDateTime":
            Timestamp::from_unix_micros(user.sessions_valid_from.max(user.created)),
        "lastPasswordChangeDateTime":
            Timestamp::from_unix_micros(user.password_changed.max(user.created)),
    });
    if let Json::Object(own) = own {
        object.extend(own);
    }
    Json::Object(object)
}

/// A group.
pub(super) fn group(group: &Group) -> Json {
    let mut object = Map::new();
    object.insert("groupTypes".to_owned(), json!([]));
    object.insert("visibility".to_owned(), Json::Null);
    object.extend(group.properties.clone());
    let own = json!({
        "id": group.id,
        "displayName": group.display_name,
        "description": group.description,
        "mailNickname": group.mail_nickname,
        "mail": null,
        "mailEnabled": group.mail_enabled,
        "securityEnabled": group.security,
        "isAssignableToRole": group.role_assignable,
        "createdDateTime": Timestamp::from_unix_micros(group.created),
        "deletedDateTime": null,
    });
    if let Json::Object(own) = own {
        object.extend(own);
    }
    Json::Object(object)
}

/// The object with `@odata.type` in front.
pub(super) fn typed(object: Json, kind: &str) -> Json {
    let mut whole = Map::new();
    whole.insert(
        "@odata.type".to_owned(),
        Json::from(format!("#microsoft.graph.{kind}")),
    );
    if let Json::Object(object) = object {
        whole.extend(object);
    }
    Json::Object(whole)
}

/// The id of a directory role's object in a tenant: not the template's.
pub(super) fn role_object(tenant: TenantId, template: Uuid) -> Uuid {
    Uuid::new_v5(&tenant.uuid(), template.as_bytes())
}

/// A directory role of a tenant, with its type; `None` for a template that is not known.
pub(super) fn role_of(tenant: TenantId, template: Uuid) -> Option<Json> {
    Some(typed(
        activated(tenant, directory_role(template)?),
        "directoryRole",
    ))
}

/// A directory role of a tenant.
pub(super) fn activated(tenant: TenantId, role: &DirectoryRole) -> Json {
    json!({
        "id": role_object(tenant, role.template),
        "deletedDateTime": null,
        "description": role.description,
        "displayName": role.name,
        "roleTemplateId": role.template,
    })
}

/// A user, group or service principal of the tenant, with its type; `None` when it is gone.
pub(super) async fn principal(
    tx: &mut ReadTx,
    tenant: TenantId,
    principal: Principal,
) -> Result<Option<Json>, StoreError> {
    let object = match principal.kind {
        PrincipalKind::User => {
            let found = people::find(tx, tenant, &principal.id.to_string()).await?;
            found.as_ref().map(|person| {
                let mut whole = user(person);
                if let Json::Object(whole) = &mut whole {
                    whole.retain(|name, _| USER.contains(&name.as_str()));
                }
                whole
            })
        }
        PrincipalKind::Group => {
            let found = groups::by_id(tx, tenant, principal.id).await?;
            found.as_ref().map(group)
        }
        PrincipalKind::ServicePrincipal => {
            let found = service_principals::by_id(tx, tenant, principal.id).await?;
            found.map(|sp| json!(wire::service_principal(&sp, None)))
        }
    };
    Ok(object.map(|object| typed(object, principal.kind.as_str())))
}

/// The owners of an application or a service principal, with their types.
pub(super) async fn owners(
    tx: &mut ReadTx,
    tenant: TenantId,
    object: ObjectId,
) -> Result<Vec<Json>, StoreError> {
    let owners = owners::of(tx, tenant, object).await?;
    principals(tx, tenant, owners).await
}

/// As many of them as are expanded.
pub(super) async fn first_owners(
    tx: &mut ReadTx,
    tenant: TenantId,
    object: ObjectId,
) -> Result<Vec<Json>, StoreError> {
    let owners = owners::first(tx, tenant, object, EXPANDED).await?;
    principals(tx, tenant, owners).await
}

async fn principals(
    tx: &mut ReadTx,
    tenant: TenantId,
    wanted: Vec<Principal>,
) -> Result<Vec<Json>, StoreError> {
    let mut found = Vec::with_capacity(wanted.len());
    for one in wanted {
        found.extend(principal(tx, tenant, one).await?);
    }
    Ok(found)
}

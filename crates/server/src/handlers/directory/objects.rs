//! People, groups, roles and principals as Graph prints them.

use std::collections::{HashMap, HashSet};

use bartizan_contract::access::{DirectoryRole, directory_role};
use bartizan_contract::time::Timestamp;
use bartizan_contract::{ObjectId, TenantId};
use bartizan_store::directory::groups::Group;
use bartizan_store::directory::people::{self, Person};
use bartizan_store::directory::{
    Principal, PrincipalKind, Relation, first_related, groups, owners, service_principals,
};
use bartizan_store::{ReadTx, StoreError};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::query::{EXPANDED, Expansion};
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
        "passwordProfile": {
            "forceChangePasswordNextSignIn": user.change_password,
            "forceChangePasswordNextSignInWithMfa": user.change_password_with_mfa,
            "password": null,
        },
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

/// Users, groups and service principals of the tenant by their ids, with their types: a statement for each kind, however
/// many they are. Who is gone is left out.
pub(super) async fn principals_by_id(
    tx: &mut ReadTx,
    tenant: TenantId,
    wanted: &[Principal],
) -> Result<HashMap<ObjectId, Json>, StoreError> {
    let wanted: HashSet<Principal> = wanted.iter().copied().collect();
    let of = |kind| -> Vec<ObjectId> {
        let all = wanted.iter().filter(|one| one.kind == kind);
        all.map(|one| one.id).collect()
    };
    let mut found = HashMap::with_capacity(wanted.len());
    let mut keep = |id, object, kind: PrincipalKind| {
        found.insert(id, typed(object, kind.as_str()));
    };
    for person in people::by_ids(tx, tenant, &of(PrincipalKind::User)).await? {
        let mut whole = user(&person);
        if let Json::Object(whole) = &mut whole {
            whole.retain(|name, _| USER.contains(&name.as_str()));
        }
        keep(person.user.id, whole, PrincipalKind::User);
    }
    for one in groups::by_ids(tx, tenant, &of(PrincipalKind::Group)).await? {
        keep(one.id, group(&one), PrincipalKind::Group);
    }
    let ids = of(PrincipalKind::ServicePrincipal);
    for sp in service_principals::by_ids(tx, tenant, &ids).await? {
        let object = json!(wire::service_principal(&sp, None));
        keep(sp.id, object, PrincipalKind::ServicePrincipal);
    }
    Ok(found)
}

/// The same in their order.
pub(super) async fn principals(
    tx: &mut ReadTx,
    tenant: TenantId,
    wanted: Vec<Principal>,
) -> Result<Vec<Json>, StoreError> {
    let known = principals_by_id(tx, tenant, &wanted).await?;
    let found = wanted.iter().filter_map(|one| known.get(&one.id).cloned());
    Ok(found.collect())
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

/// What is expanded in the objects of a page: as many of each as an answer shows, all of them read at once.
#[derive(Default)]
pub(super) struct Expanded {
    of: HashMap<ObjectId, Vec<Principal>>,
    known: HashMap<ObjectId, Json>,
}

impl Expanded {
    /// What these objects are related to, where that is expanded.
    pub(super) async fn read(
        tx: &mut ReadTx,
        tenant: TenantId,
        relation: Relation,
        objects: &[ObjectId],
        expand: &[Expansion],
    ) -> Result<Self, StoreError> {
        if expand.is_empty() {
            return Ok(Self::default());
        }
        let of = first_related(tx, tenant, relation, objects, EXPANDED).await?;
        let all: Vec<Principal> = of.values().flatten().copied().collect();
        let known = principals_by_id(tx, tenant, &all).await?;
        Ok(Self { of, known })
    }

    /// Puts what is expanded into an object. The operations' rows name one relation alone.
    pub(super) fn put(&self, id: ObjectId, object: &mut Json, expand: &[Expansion]) {
        for expansion in expand {
            let related = self.of.get(&id).into_iter().flatten();
            let related = related.filter_map(|one| self.known.get(&one.id).cloned());
            expansion.put(object, related.collect());
        }
    }
}

//! `bartizan sp …` and `bartizan grant …`

use std::collections::BTreeMap;

use bartizan_contract::permissions::{PermissionKind, RESOURCES};
use bartizan_sdk::Client;
use bartizan_sdk::cloud::Service;
use bartizan_sdk::people::Kind;
use futures::TryStreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::app::{consent_link, named, resolve};
use super::user::{group_id, principal};
use crate::args::{Assignment, Grant, Sp};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::suggest;
use crate::target;

const PRINCIPALS: &[Column] = &[
    ("Name", |s| at(s, "displayName")),
    ("Client ID", |s| at(s, "appId")),
    ("Object ID", |s| at(s, "id")),
    ("Home", |s| at(s, "appOwnerOrganizationId")),
    ("Enabled", |s| at(s, "accountEnabled")),
];

const ASSIGNMENTS: &[Column] = &[
    ("Role", |a| at(a, "role")),
    ("Resource", |a| at(a, "resourceDisplayName")),
    ("Granted", |a| at(a, "createdDateTime")),
    ("ID", |a| at(a, "id")),
];

/// Stands for access to a resource without a role.
const DEFAULT: &str = "default";

const GRANTS: &[Column] = &[
    ("Client", |g| at(g, "clientId")),
    ("Resource", |g| at(g, "resourceId")),
    ("For", |g| match at(g, "principalId") {
        id if id.is_empty() => "everybody".to_owned(),
        id => id,
    }),
    ("Scopes", |g| at(g, "scope")),
    ("ID", |g| at(g, "id")),
];

/// Carries out `bartizan sp`.
pub(crate) async fn sp(command: Sp, printer: &Printer) -> Outcome {
    match command {
        Sp::List { connection, filter } => {
            let client = target::client(&connection)?;
            let found = client
                .people()
                .list(Kind::ServicePrincipal, filter.as_deref())
                .await?;
            printer.list(PRINCIPALS, &found)
        }
        Sp::Show { connection, sp } => {
            let client = target::client(&connection)?;
            printer.item(PRINCIPALS, &find(&client, &sp).await?)
        }
        Sp::Create { connection, app_id } => {
            let client = target::client(&connection)?;
            let body = json!({ "appId": app_id });
            let people = client.people();
            let made = people.create(Kind::ServicePrincipal, &body).await?;
            printer.item(PRINCIPALS, &made)?;
            // Of a registration in another tenant there is nothing here that `app consent` could read.
            let all = match client.directory().find(&app_id).await? {
                Some(_) => format!("bartizan app consent {app_id}{}", target::again()),
                None => format!("an administrator opens {}", consent_link(&client, &app_id)),
            };
            printer.remark(&format!(
                "nothing is granted to it yet: {all}; or one by one, bartizan sp assignment add {app_id} PERMISSION{again} for what it does in its own name, bartizan grant add {app_id} RESOURCE SCOPE…{again} for what it does in people's",
                again = target::again()
            ));
            Ok(())
        }
        Sp::Update {
            connection,
            sp,
            enabled,
            assignment_required,
        } => {
            let client = target::client(&connection)?;
            let id = at(&find(&client, &sp).await?, "id");
            let mut body = json!({});
            if let Some(enabled) = enabled {
                body["accountEnabled"] = json!(enabled);
            }
            if let Some(required) = assignment_required {
                body["appRoleAssignmentRequired"] = json!(required);
            }
            let people = client.people();
            people.update(Kind::ServicePrincipal, &id, &body).await?;
            printer.item(PRINCIPALS, &find(&client, &id).await?)
        }
        Sp::Delete { connection, sp } => {
            let client = target::client(&connection)?;
            let id = at(&find(&client, &sp).await?, "id");
            client.people().delete(Kind::ServicePrincipal, &id).await?;
            printer.remark(&format!(
                "{sp} gets no tokens in this tenant any more; its registration stays where it is"
            ));
            Ok(())
        }
        Sp::Assignment(command) => assignment(command, printer).await,
    }
}

/// Carries out `bartizan sp assignment`.
async fn assignment(command: Assignment, printer: &Printer) -> Outcome {
    let (Assignment::List { connection, sp }
    | Assignment::Add { connection, sp, .. }
    | Assignment::Remove { connection, sp, .. }) = &command;
    let client = target::client(connection)?;
    let (set, holder) = holder(&client, sp).await?;
    let path = format!("/v1.0/{set}/{holder}/appRoleAssignments");
    match &command {
        Assignment::List { .. } => {}
        Assignment::Add { role, resource, .. } => {
            let (resource, role) = offered(&client, role, resource.as_deref()).await?;
            let body = json!({
                "principalId": holder,
                "resourceId": resource,
                "appRoleId": role,
            });
            client
                .raw(Service::Graph, Method::POST, &path, Some(&body))
                .await?;
            printer.remark("tokens issued from now on carry it");
        }
        Assignment::Remove { role, .. } => {
            let held = assignments(&client, &path).await?;
            let names: Vec<String> = held.iter().map(|a| at(a, "role")).collect();
            let id = held
                .iter()
                .find(|a| at(a, "id") == *role || at(a, "role").eq_ignore_ascii_case(role))
                .map(|a| at(a, "id"))
                .ok_or_else(|| {
                    Failure::not_found(format!(
                        "{sp} does not hold {role}{}; `bartizan sp assignment list {sp}{}` shows what it holds",
                        suggest::remark(role, names.iter().map(String::as_str)),
                        target::again()
                    ))
                })?;
            let one = format!("{path}/{id}");
            client
                .raw_empty(Service::Graph, Method::DELETE, &one)
                .await?;
            printer.remark("tokens issued from now on lack it");
        }
    }
    printer.list(ASSIGNMENTS, &assignments(&client, &path).await?)
}

/// Who holds roles: the collection and the object id of a service principal, user or group. A name with an @ is a user's;
/// another is an application's before it is a group's.
async fn holder(client: &Client, name: &str) -> Result<(&'static str, String), Failure> {
    if name.contains('@') {
        return Ok(("users", principal(client, name).await?));
    }
    let people = client.people();
    if let Some(sp) = search(client, name).await? {
        return Ok(("servicePrincipals", at(&sp, "id")));
    }
    if name.parse::<Uuid>().is_err() {
        return Ok(("groups", group_id(client, name).await?));
    }
    for (set, kind) in [("users", Kind::User), ("groups", Kind::Group)] {
        if people.get(kind, name).await?.is_some() {
            return Ok((set, name.to_owned()));
        }
    }
    Err(Failure::not_found(format!(
        "no service principal, user or group {name} in tenant {}",
        client.tenant()
    )))
}

/// What a principal holds, with the roles' names.
async fn assignments(client: &Client, path: &str) -> Result<Vec<Value>, Failure> {
    let mut held: Vec<Value> = client
        .collection(Service::Graph, path)
        .try_collect()
        .await?;
    for assignment in &mut held {
        let id = at(assignment, "appRoleId");
        let known = id.parse().map(named).unwrap_or_default();
        let name = match known == id {
            false => known,
            // Of an application of the tenant, which says it itself.
            true => role_of(client, &at(assignment, "resourceId"), &id).await?,
        };
        assignment["role"] = json!(name);
    }
    Ok(held)
}

/// The value of a role that a resource offers; its id when it has none.
async fn role_of(client: &Client, resource: &str, id: &str) -> Result<String, Failure> {
    if id == Uuid::nil().to_string() {
        return Ok(DEFAULT.to_owned());
    }
    let people = client.people();
    let resource = people.get(Kind::ServicePrincipal, resource).await?;
    let roles = resource.as_ref().and_then(|r| r["appRoles"].as_array());
    let role = roles.and_then(|roles| roles.iter().find(|role| at(role, "id") == id));
    let value = role.map(|role| at(role, "value")).unwrap_or_default();
    Ok(if value.is_empty() {
        id.to_owned()
    } else {
        value
    })
}

/// A role and the resource that offers it: both by their ids in this tenant.
async fn offered(
    client: &Client,
    role: &str,
    resource: Option<&str>,
) -> Result<(String, String), Failure> {
    let Some(resource) = resource else {
        let (api, permission) = resolve(role, PermissionKind::Application)?;
        if permission.kind != PermissionKind::Application {
            return Err(Failure::usage(format!(
                "{role} is a delegated permission: bartizan grant add"
            )));
        }
        let principal = find(client, &api.app_id.to_string()).await?;
        return Ok((at(&principal, "id"), permission.id.to_string()));
    };
    let principal = find(client, &api(resource)).await?;
    let roles = principal["appRoles"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let for_people = |r: &&Value| at(r, "allowedMemberTypes").contains("User");
    if role == DEFAULT
        && !roles
            .iter()
            .any(|r| for_people(&r) && r["isEnabled"] == true)
    {
        return Ok((at(&principal, "id"), Uuid::nil().to_string()));
    }
    let found = roles
        .iter()
        .find(|r| at(r, "value") == role || at(r, "id") == role);
    let id = found.map(|r| at(r, "id")).ok_or_else(|| {
        let offers: Vec<String> = roles.iter().map(|r| at(r, "value")).collect();
        Failure::not_found(format!(
            "{resource} offers no role {role}{}; it offers: {}",
            suggest::remark(role, offers.iter().map(String::as_str)),
            offers.join(", ")
        ))
    })?;
    Ok((at(&principal, "id"), id))
}

/// Carries out `bartizan grant`.
pub(crate) async fn run(command: Grant, printer: &Printer) -> Outcome {
    match command {
        Grant::List { connection, filter } => {
            let client = target::client(&connection)?;
            let people = client.people();
            let grants = people.list(Kind::Grant, filter.as_deref()).await?;
            printer.list(GRANTS, &grants)
        }
        Grant::Show { connection, id } => {
            let client = target::client(&connection)?;
            let found = client.people().get(Kind::Grant, &id).await?;
            let found = found.ok_or_else(|| {
                Failure::not_found(format!(
                    "no grant {id}; see `bartizan grant list{}`",
                    target::again()
                ))
            })?;
            printer.item(GRANTS, &found)
        }
        Grant::Add {
            connection,
            client: name,
            resource,
            scopes,
            user,
        } => {
            let client = target::client(&connection)?;
            let user = match user {
                Some(user) => Some(principal(&client, &user).await?),
                None => None,
            };
            let holder = at(&find(&client, &name).await?, "id");
            let mut made = Vec::new();
            for (resource, scopes) in wanted(&client, &resource, scopes).await? {
                let people = client.people();
                let grant = people.grant(&holder, &resource, user.as_deref(), &scopes);
                made.push(grant.await?.0);
            }
            match made.as_slice() {
                [one] => printer.item(GRANTS, one),
                several => printer.list(GRANTS, several),
            }
        }
        Grant::Remove { connection, id } => {
            let client = target::client(&connection)?;
            client.people().delete(Kind::Grant, &id).await?;
            printer.remark("tokens issued from now on lack its scopes");
            Ok(())
        }
    }
}

/// The resources that are meant, as service principals, and the scopes of each. Permissions may be written as
/// `api/Name`, which names the resource as well.
async fn wanted(
    client: &Client,
    resource: &str,
    scopes: Vec<String>,
) -> Result<Vec<(String, Vec<String>)>, Failure> {
    let known = |name: &str| RESOURCES.iter().any(|r| r.api.name() == name) || name == "own";
    if !resource.split_once('/').is_some_and(|(api, _)| known(api)) {
        if scopes.is_empty() {
            return Err(Failure::usage(
                "which scopes? `bartizan grant add CLIENT RESOURCE SCOPE…`, or permissions such as xdr/Incident.Read",
            ));
        }
        let resource = api(resource);
        return Ok(vec![(at(&find(client, &resource).await?, "id"), scopes)]);
    }
    let mut by_api: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in std::iter::once(resource).chain(scopes.iter().map(String::as_str)) {
        let (api, permission) = resolve(name, PermissionKind::Delegated)?;
        if permission.kind != PermissionKind::Delegated {
            return Err(Failure::usage(format!(
                "{name} is a permission of applications: bartizan app permission add"
            )));
        }
        let scopes = by_api.entry(api.app_id.to_string()).or_default();
        scopes.push(permission.name.to_owned());
    }
    let mut found = Vec::new();
    for (app_id, scopes) in by_api {
        found.push((at(&find(client, &app_id).await?, "id"), scopes));
    }
    Ok(found)
}

/// The client id of a resource that is named as `token get --api` does; any other name as it is.
fn api(name: &str) -> String {
    let name = if name == "own" { "bartizan" } else { name };
    let known = RESOURCES.iter().find(|r| r.api.name() == name);
    known.map_or_else(|| name.to_owned(), |resource| resource.app_id.to_string())
}

/// A service principal by object id, client id or display name.
async fn find(client: &Client, name: &str) -> Result<Value, Failure> {
    let found = search(client, name).await?;
    found.ok_or_else(|| {
        Failure::not_found(format!(
            "no service principal {name} in tenant {}; see `bartizan sp list{}`",
            client.tenant(),
            target::again()
        ))
    })
}

async fn search(client: &Client, name: &str) -> Result<Option<Value>, Failure> {
    let filter = if name.parse::<Uuid>().is_ok() {
        format!("id eq '{name}' or appId eq '{name}'")
    } else {
        format!("displayName eq '{}'", name.replace('\'', "''"))
    };
    let mut found = client
        .people()
        .list(Kind::ServicePrincipal, Some(&filter))
        .await?;
    if found.len() > 1 {
        return Err(Failure::usage(format!(
            "{} service principals are named {name}; use the client id",
            found.len()
        )));
    }
    Ok(found.pop())
}

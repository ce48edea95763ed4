//! `bartizan sp …`, `bartizan grant …` and `bartizan app update`

use std::collections::BTreeMap;

use bartizan_contract::permissions::{PermissionKind, RESOURCES};
use bartizan_sdk::Client;
use bartizan_sdk::people::Kind;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::app::resolve;
use super::user::principal;
use crate::args::{AppUpdate, Grant, Sp};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::target;

const PRINCIPALS: &[Column] = &[
    ("Name", |s| at(s, "displayName")),
    ("Client ID", |s| at(s, "appId")),
    ("Object ID", |s| at(s, "id")),
    ("Home", |s| at(s, "appOwnerOrganizationId")),
    ("Enabled", |s| at(s, "accountEnabled")),
];

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
    }
}

/// Carries out `bartizan grant`.
pub(crate) async fn run(command: Grant, printer: &Printer) -> Outcome {
    match command {
        Grant::List { connection } => {
            let client = target::client(&connection)?;
            printer.list(GRANTS, &client.people().list(Kind::Grant, None).await?)
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
        return Ok(vec![(at(&find(client, resource).await?, "id"), scopes)]);
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

/// A service principal by object id, client id or display name.
async fn find(client: &Client, name: &str) -> Result<Value, Failure> {
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
    found.pop().ok_or_else(|| {
        Failure::not_found(format!(
            "no service principal {name} in tenant {}; see `bartizan sp list`",
            client.tenant()
        ))
    })
}

/// The body of an application's change.
pub(super) fn app_update(update: &AppUpdate) -> Result<Value, Failure> {
    let mut body = Map::new();
    if let Some(name) = &update.name {
        body.insert("displayName".to_owned(), json!(name));
    }
    if let Some(multi_tenant) = update.multi_tenant {
        let audience = if multi_tenant {
            "AzureADMultipleOrgs"
        } else {
            "AzureADMyOrg"
        };
        body.insert("signInAudience".to_owned(), json!(audience));
    }
    for (name, uris) in [
        ("web", &update.web),
        ("spa", &update.spa),
        ("publicClient", &update.public),
    ] {
        if !uris.is_empty() {
            body.insert(name.to_owned(), json!({ "redirectUris": uris }));
        }
    }
    if !update.identifier.is_empty() {
        body.insert("identifierUris".to_owned(), json!(update.identifier));
    }
    if let Some(public) = update.public_client {
        body.insert("isFallbackPublicClient".to_owned(), json!(public));
    }
    if body.is_empty() {
        return Err(Failure::usage("say what is to change; see --help"));
    }
    Ok(Value::Object(body))
}

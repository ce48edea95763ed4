//! `bartizan sp …`, `bartizan grant …` and `bartizan app update`

use bartizan_sdk::Client;
use bartizan_sdk::people::Kind;
use serde_json::{Map, Value, json};
use uuid::Uuid;

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
            let resource = at(&find(&client, &resource).await?, "id");
            let made = add(&client, &holder, &resource, user.as_deref(), &scopes).await?;
            printer.item(GRANTS, &made)
        }
        Grant::Remove { connection, id } => {
            let client = target::client(&connection)?;
            client.people().delete(Kind::Grant, &id).await?;
            printer.remark("tokens issued from now on lack its scopes");
            Ok(())
        }
    }
}

/// Makes a grant, or widens the one that is there.
async fn add(
    client: &Client,
    holder: &str,
    resource: &str,
    user: Option<&str>,
    scopes: &[String],
) -> Result<Value, Failure> {
    let people = client.people();
    let filter = format!("clientId eq '{holder}' and resourceId eq '{resource}'");
    let there = people.list(Kind::Grant, Some(&filter)).await?;
    let same = there
        .into_iter()
        .find(|g| g["principalId"].as_str() == user);
    let Some(mut grant) = same else {
        let mut body = json!({
            "clientId": holder,
            "consentType": if user.is_some() { "Principal" } else { "AllPrincipals" },
            "resourceId": resource,
            "scope": scopes.join(" "),
        });
        if let Some(user) = user {
            body["principalId"] = json!(user);
        }
        return Ok(people.create(Kind::Grant, &body).await?);
    };
    let mut words: Vec<String> = at(&grant, "scope")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    for scope in scopes {
        if !words.contains(scope) {
            words.push(scope.clone());
        }
    }
    let scope = words.join(" ");
    let body = json!({ "scope": scope });
    people.update(Kind::Grant, &at(&grant, "id"), &body).await?;
    grant["scope"] = json!(scope);
    Ok(grant)
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

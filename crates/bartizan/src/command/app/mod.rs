//! `bartizan app …`: the portal's registration steps.

mod certificate;
mod credential;
mod federation;
mod offer;
mod permission;
mod publisher;
mod redirect;
mod secret;

use bartizan_contract::graph::Application;
use bartizan_contract::permissions::RESOURCES;
use bartizan_contract::time::Timestamp;
use bartizan_contract::{AppId, TenantId};
use bartizan_sdk::Client;
use bartizan_sdk::people::Kind;
use serde_json::{Map, Value, json};

pub(super) use self::permission::{named, resolve};
use crate::args::{App, AppCreate, AppUpdate};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::target;

const COLUMNS: &[Column] = &[
    ("Client ID", |a| at(a, "appId")),
    ("Name", |a| at(a, "displayName")),
    ("Audience", |a| at(a, "signInAudience")),
    ("Created", |a| at(a, "createdDateTime")),
];

const FIELDS: &[Column] = &[
    ("Name", |a| at(a, "displayName")),
    ("Client ID", |a| at(a, "appId")),
    ("Object ID", |a| at(a, "id")),
    ("Audience", |a| at(a, "signInAudience")),
    ("Asks for", asked),
    ("Consented", consented),
    ("Redirect URIs", |a| join(&a["redirectUris"])),
    ("Secrets", |a| join(&a["secrets"])),
    ("Certificates", |a| join(&a["certificates"])),
    ("Federations", |a| join(&a["federations"])),
];

fn join(list: &Value) -> String {
    let items = list.as_array().map_or(&[][..], Vec::as_slice);
    items
        .iter()
        .map(crate::printer::plain)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What an application asks for; delegated permissions are told apart, since its own tokens never carry them.
fn asked(application: &Value) -> String {
    let items = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let resources = items(&application["requiredResourceAccess"]);
    let all = resources.iter().flat_map(|r| items(&r["resourceAccess"]));
    let names = all.filter_map(|access| {
        let name = named(access["id"].as_str()?.parse().ok()?);
        Some(match access["type"] == "Scope" {
            true => format!("{name} (delegated)"),
            false => name,
        })
    });
    names.collect::<Vec<_>>().join(", ")
}

/// What was consented to, told apart likewise.
fn consented(application: &Value) -> String {
    let count = |name: &str| application[name].as_array().map_or(0, Vec::len);
    let own = count("consented") - count("consentedDelegated").min(count("consented"));
    let names = application["consented"].as_array().into_iter().flatten();
    let names = names.enumerate().map(|(index, name)| {
        let name = crate::printer::plain(name);
        if index < own {
            name
        } else {
            format!("{name} (delegated)")
        }
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Carries out the command.
pub(crate) async fn run(command: App, printer: &Printer) -> Outcome {
    match command {
        App::Create(create) => make(*create, printer).await,
        App::Show { connection, app } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            printer.item(FIELDS, &describe(&client, &application).await?)
        }
        App::List { connection } => {
            let applications = target::client(&connection)?
                .directory()
                .applications()
                .await?;
            let items: Vec<Value> = applications.iter().map(|a| json!(a)).collect();
            printer.list(COLUMNS, &items)
        }
        App::Update(update) => {
            let client = target::client(&update.connection)?;
            let body = change(&update)?;
            let application = find(&client, &update.app).await?;
            client.directory().update(application.id, &body).await?;
            show(&client, &application, printer).await
        }
        App::Delete {
            connection,
            app,
            yes,
        } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            if !yes {
                printer.list(COLUMNS, &[json!(application)])?;
                return Err(Failure::usage(
                    "this application would be deleted with its credentials and its presences in all tenants; say --yes to do it",
                ));
            }
            client.directory().delete(application.id).await?;
            printer.remark(&format!(
                "{app} is deleted: its client id gets no tokens any more, in no tenant"
            ));
            Ok(())
        }
        App::RedirectUri(command) => redirect::run(command, printer).await,
        App::Permission(command) => permission::run(command, printer).await,
        App::Role(command) => offer::run(command, offer::Kind::Role, printer).await,
        App::Scope(command) => offer::run(command, offer::Kind::Scope, printer).await,
        App::Consent { connection, app } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let consent = client.directory().consent(&application).await?;
            printer.remark(&format!(
                "{} granted, {} granted before; tokens issued from now on carry them",
                consent.granted.len(),
                consent.held.len()
            ));
            printer.item(FIELDS, &describe(&client, &application).await?)
        }
        App::VerifyPublisher {
            connection,
            app,
            id,
            remove,
        } => {
            let client = target::client(&connection)?;
            publisher::run(&client, &app, id, remove, printer).await
        }
        App::Secret(command) => secret::run(command, printer).await,
        App::Certificate(command) => certificate::run(command, printer).await,
        App::Federation(command) => federation::run(command, printer).await,
    }
}

async fn make(create: AppCreate, printer: &Printer) -> Outcome {
    let client = target::client(&create.connection)?;
    let directory = client.directory();
    // Names need not be unique, and whoever runs a script twice does not mean two.
    let others = directory.named(&create.name).await?;
    let (application, _) = directory
        .register(&create.name, create.multi_tenant)
        .await?;
    let mut body = redirect::body(&create.redirect_uris);
    if create.public_client {
        body.insert("isFallbackPublicClient".to_owned(), json!(true));
    }
    if !body.is_empty() {
        let id = application.id;
        if let Err(error) = directory.update(id, &Value::Object(body)).await {
            // What is half made would take the name of what is made right.
            let undone = directory.delete(id).await;
            let failure = Failure::from(error);
            return Err(match undone {
                Ok(()) => failure.about("no application was registered"),
                Err(_) => failure.about(format!("{} is registered without it", application.app_id)),
            });
        }
    }
    show(&client, &application, printer).await?;
    if !others.is_empty() {
        let ids: Vec<String> = others.iter().map(|app| app.app_id.to_string()).collect();
        printer.remark(&format!(
            "named {} as well: {}. Use the client ids, or undo it: bartizan app delete {}{} --yes",
            create.name,
            ids.join(", "),
            application.app_id,
            target::again()
        ));
    }
    Ok(())
}

/// The body of an application's change.
fn change(update: &AppUpdate) -> Result<Value, Failure> {
    let mut body: Map<String, Value> = redirect::body(&update.redirect_uris);
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

/// Prints an application as it is now, after a change.
async fn show(client: &Client, application: &Application, printer: &Printer) -> Outcome {
    let application = find(client, &application.app_id.to_string()).await?;
    printer.item(FIELDS, &describe(client, &application).await?)
}

/// The application by client id, object id or display name.
async fn find(client: &Client, name: &str) -> Result<Application, Failure> {
    if let Some(application) = client.directory().find(name).await? {
        return Ok(application);
    }
    let text = format!("no application {name} in tenant {}", client.tenant());
    Err(Failure::not_found(match elsewhere(client, name).await {
        Some(home) => format!(
            "{text}: it is registered in tenant {home} (--tenant {home}); in this one an administrator consents to what it asks for: {}",
            consent_link(client, name)
        ),
        // Another tenant's, which nobody has consented to here: it cannot be seen from this one.
        None if name.parse::<AppId>().is_ok() => format!(
            "{text}; `bartizan app list{}` shows those that it has. If it is another tenant's, an administrator of this one lets it in: {}",
            target::again(),
            consent_link(client, name)
        ),
        None => format!("{text}; `bartizan app list{}` shows them", target::again()),
    }))
}

/// The home of an application that is of another tenant and consented to in this one.
async fn elsewhere(client: &Client, name: &str) -> Option<TenantId> {
    let id = name.parse::<AppId>().ok()?;
    let principal = client.directory().service_principal(id).await.ok()??;
    let home = principal.app_owner_organization_id?;
    (home.to_string() != client.tenant()).then_some(home)
}

/// The page on which an administrator of the tenant consents to an application.
pub(super) fn consent_link(client: &Client, app_id: &str) -> String {
    let authority = client.cloud().authority.origin().ascii_serialization();
    format!(
        "{authority}/{}/adminconsent?client_id={app_id}",
        client.tenant()
    )
}

/// An application as people want to see it: names instead of ids, and what was consented to.
async fn describe(client: &Client, application: &Application) -> Result<Value, Failure> {
    let mut consented = Vec::new();
    let mut of_people = Vec::new();
    let directory = client.directory();
    if let Some(principal) = directory.service_principal(application.app_id).await? {
        for assignment in directory.assignments(principal.id).await? {
            consented.push(named(assignment.app_role_id));
        }
        of_people = delegated(client, &principal.id.to_string()).await?;
        consented.extend(of_people.iter().cloned());
    }
    let asked: Vec<String> = application
        .required_resource_access
        .iter()
        .flat_map(|access| access.resource_access.iter().map(|access| named(access.id)))
        .collect();
    let until = |name: &str, end: Option<Timestamp>| {
        let end = end.map_or_else(String::new, |end| end.to_string());
        format!("{name} until {end}")
    };
    let secrets: Vec<String> = application
        .password_credentials
        .iter()
        .map(|s| {
            until(
                &format!("{}…", s.hint.as_deref().unwrap_or("")),
                s.end_date_time,
            )
        })
        .collect();
    let certificates: Vec<String> = application
        .key_credentials
        .iter()
        .map(|k| {
            until(
                k.display_name.as_deref().unwrap_or("unnamed"),
                k.end_date_time,
            )
        })
        .collect();
    let federations = directory.federations(application.id).await?;
    let federations: Vec<&str> = federations.iter().map(|f| f.name.as_str()).collect();
    let mut value = json!(application);
    value["permissions"] = json!(asked);
    value["consented"] = json!(consented);
    value["consentedDelegated"] = json!(of_people);
    value["redirectUris"] = json!(redirect::all(application));
    value["secrets"] = json!(secrets);
    value["certificates"] = json!(certificates);
    value["federations"] = json!(federations);
    Ok(value)
}

/// The delegated permissions that a client was granted in the name of everybody, as `api/Name`.
async fn delegated(client: &Client, principal: &str) -> Result<Vec<String>, Failure> {
    let people = client.people();
    let filter = format!("clientId eq '{principal}'");
    let grants = match people.list(Kind::Grant, Some(&filter)).await {
        Ok(grants) => grants,
        // Who may read applications need not be allowed to read grants.
        Err(error) if error.status().is_some_and(|status| status == 403) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut names = Vec::new();
    for grant in grants
        .iter()
        .filter(|g| g["consentType"] == "AllPrincipals")
    {
        let id = at(grant, "resourceId");
        let resource = people.get(Kind::ServicePrincipal, &id).await?;
        let app_id = resource.map(|resource| at(&resource, "appId"));
        let api = RESOURCES
            .iter()
            .find(|r| Some(r.app_id.to_string()) == app_id);
        let api = api.map_or(id, |resource| resource.api.to_string());
        let scope = at(grant, "scope");
        names.extend(
            scope
                .split_whitespace()
                .map(|scope| format!("{api}/{scope}")),
        );
    }
    Ok(names)
}

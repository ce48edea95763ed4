//! `bartizan app …`: the portal's registration steps.

use bartizan_contract::graph::{
    Application, NewPassword, RequiredResourceAccess, ResourceAccess, ResourceAccessType,
};
use bartizan_contract::permissions::{self, PermissionKind, RESOURCES, Resource};
use bartizan_contract::time::Timestamp;
use bartizan_sdk::Client;
use bartizan_sdk::people::Kind;
use serde_json::{Value, json};

use crate::args::{App, Permission, Secret};
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
    ("Asks for", |a| join(&a["permissions"])),
    ("Consented", |a| join(&a["consented"])),
    ("Secrets", |a| join(&a["secrets"])),
];

const SECRET: &[Column] = &[
    ("Secret", |s| at(s, "secretText")),
    ("Key ID", |s| at(s, "keyId")),
    ("Expires", |s| at(s, "endDateTime")),
];

fn join(list: &Value) -> String {
    let items = list.as_array().map_or(&[][..], Vec::as_slice);
    items
        .iter()
        .map(crate::printer::plain)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Carries out the command.
pub(crate) async fn run(command: App, printer: &Printer) -> Outcome {
    match command {
        App::Create {
            connection,
            name,
            multi_tenant,
        } => {
            let client = target::client(&connection)?;
            let (application, _) = client.directory().register(&name, multi_tenant).await?;
            printer.item(FIELDS, &describe(&client, &application).await?)
        }
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
            let body = super::grant::app_update(&update)?;
            let application = find(&client, &update.app).await?;
            client.directory().update(application.id, &body).await?;
            let application = find(&client, &application.app_id.to_string()).await?;
            printer.item(FIELDS, &describe(&client, &application).await?)
        }
        App::Permission(Permission::Add {
            connection,
            app,
            permissions,
            delegated,
        }) => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let preferred = if delegated {
                PermissionKind::Delegated
            } else {
                PermissionKind::Application
            };
            let found = permissions
                .iter()
                .map(|name| Ok((name, resolve(name, preferred)?)))
                .collect::<Result<Vec<_>, Failure>>()?;
            for (name, (resource, permission)) in &found {
                if !name.contains('/') {
                    let (api, name) = (resource.api, permission.name);
                    printer.remark(&format!(
                        "{name} is {api}/{name}, of {}",
                        resource.display_name
                    ));
                }
            }
            let found = found.into_iter().map(|(_, permission)| permission);
            let wanted = merged(application.required_resource_access.clone(), found);
            client.directory().require(application.id, &wanted).await?;
            let application = find(&client, &application.app_id.to_string()).await?;
            printer.item(FIELDS, &describe(&client, &application).await?)?;
            printer.remark(&format!(
                "not granted yet: bartizan app consent {}{}",
                application.app_id,
                target::named(&connection)
            ));
            Ok(())
        }
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
        App::Secret(Secret::Add {
            connection,
            app,
            name,
            days,
        }) => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let password = NewPassword {
                display_name: Some(name),
                end_date_time: Some(in_days(days)?),
                ..NewPassword::default()
            };
            let password = client
                .directory()
                .add_password(application.id, password)
                .await?;
            printer.item(SECRET, &json!(password))?;
            printer.remark("the secret is shown this once; the server keeps only its hash");
            Ok(())
        }
    }
}

fn in_days(days: u32) -> Result<Timestamp, Failure> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_err(Failure::general)?;
    let end = now.as_micros() as i64 + i64::from(days) * 86_400_000_000;
    Ok(Timestamp::from_unix_micros(end))
}

async fn find(client: &Client, name: &str) -> Result<Application, Failure> {
    client.directory().find(name).await?.ok_or_else(|| {
        Failure::not_found(format!(
            "no application {name} in tenant {}; `bartizan app list` shows them",
            client.tenant()
        ))
    })
}

/// An application as people want to see it: names instead of ids, and what was consented to.
async fn describe(client: &Client, application: &Application) -> Result<Value, Failure> {
    let mut consented = Vec::new();
    let directory = client.directory();
    if let Some(principal) = directory.service_principal(application.app_id).await? {
        for assignment in directory.assignments(principal.id).await? {
            consented.push(named(assignment.app_role_id));
        }
        consented.extend(delegated(client, &principal.id.to_string()).await?);
    }
    let asked: Vec<String> = application
        .required_resource_access
        .iter()
        .flat_map(|access| access.resource_access.iter().map(|access| named(access.id)))
        .collect();
    let secrets: Vec<String> = application
        .password_credentials
        .iter()
        .map(|s| {
            format!(
                "{}… until {}",
                s.hint.as_deref().unwrap_or(""),
                s.end_date_time.map_or_else(String::new, |t| t.to_string())
            )
        })
        .collect();
    let mut value = json!(application);
    value["permissions"] = json!(asked);
    value["consented"] = json!(consented);
    value["secrets"] = json!(secrets);
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

/// `api/Name` of a permission's id.
fn named(id: uuid::Uuid) -> String {
    RESOURCES
        .iter()
        .find_map(|resource| {
            Some(format!(
                "{}/{}",
                resource.api,
                resource.permission_by_id(id)?.name
            ))
        })
        .unwrap_or_else(|| id.to_string())
}

/// A permission and the resource that offers it.
type Found = (&'static Resource, &'static permissions::Permission);

/// The permissions asked for so far, and these.
fn merged(
    mut access: Vec<RequiredResourceAccess>,
    wanted: impl IntoIterator<Item = Found>,
) -> Vec<RequiredResourceAccess> {
    for (resource, permission) in wanted {
        let kind = match permission.kind {
            PermissionKind::Application => ResourceAccessType::Role,
            PermissionKind::Delegated => ResourceAccessType::Scope,
        };
        let entry = ResourceAccess {
            id: permission.id,
            kind,
        };
        match access
            .iter_mut()
            .find(|a| a.resource_app_id == resource.app_id)
        {
            Some(known) if known.resource_access.contains(&entry) => {}
            Some(known) => known.resource_access.push(entry),
            None => access.push(RequiredResourceAccess {
                resource_app_id: resource.app_id,
                resource_access: vec![entry],
            }),
        }
    }
    access
}

/// Finds a permission by name; `api/` before it decides when several resources have it, `preferred` when both kinds do.
pub(super) fn resolve(name: &str, preferred: PermissionKind) -> Result<Found, Failure> {
    let other = match preferred {
        PermissionKind::Application => PermissionKind::Delegated,
        PermissionKind::Delegated => PermissionKind::Application,
    };
    let (api, bare) = match name.split_once('/') {
        // As `token get --api` names it.
        Some(("own", bare)) => (Some("bartizan"), bare),
        Some((api, bare)) => (Some(api), bare),
        None => (None, name),
    };
    let found: Vec<_> = RESOURCES
        .iter()
        .filter(|resource| api.is_none_or(|api| resource.api.name() == api))
        .filter_map(|resource| {
            let of = |kind| resource.permission(kind, bare);
            Some((resource, of(preferred).or_else(|| of(other))?))
        })
        .collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::usage(format!(
            "no permission is named {name}; docs/permissions.txt lists them"
        ))),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|(resource, p)| format!("{}/{}", resource.api, p.name))
                .collect();
            Err(Failure::usage(format!(
                "several APIs have a permission {name}; which one? {}",
                names.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use bartizan_contract::operations;

    const ROLE: PermissionKind = PermissionKind::Application;

    #[test]
    fn permissions_are_found_by_name_and_api() {
        let name = |text| resolve(text, ROLE).map(|found| (found.0.api.name(), found.1.name));
        let unique = name("Incident.Read.All").expect("unique");
        assert_eq!(unique, ("xdr", "Incident.Read.All"));
        assert_eq!(name("mde/Alert.Read.All").expect("named").0, "mde");
        assert_eq!(
            name("own/DetectionRule.ReadWrite.All").expect("named").0,
            "bartizan"
        );
        assert!(name("Nothing.Read").is_err());
        let several = name("User.Read.All")
            .expect_err("two APIs have it")
            .to_string();
        assert!(
            several.contains("mde/User.Read.All") && several.contains("graph/User.Read.All"),
            "{several}"
        );
    }

    #[test]
    fn what_a_refusal_tells_to_add_can_be_added() {
        for operation in operations::all() {
            for (kind, names) in [
                (ROLE, operation.app_permissions),
                (PermissionKind::Delegated, operation.delegated_permissions),
            ] {
                let Some(first) = names.first() else { continue };
                let found = resolve(&format!("{}/{first}", operation.api), kind);
                let found = found.unwrap_or_else(|error| panic!("{}: {error}", operation.name));
                assert_eq!(found.1.kind, kind, "{}: {first}", operation.name);
            }
        }
    }

    #[test]
    fn adding_twice_changes_nothing() {
        let names = ["xdr/Incident.Read.All", "mde/Machine.Read.All"];
        let found = || names.map(|name| resolve(name, ROLE).expect("a known name"));
        let once = merged(Vec::new(), found());
        assert_eq!(merged(once.clone(), found()), once);
        assert_eq!(once.len(), 2);
    }
}

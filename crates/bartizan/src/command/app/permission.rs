//! `bartizan app permission …`: what an application asks for.

use bartizan_contract::graph::{
    Application, RequiredResourceAccess, ResourceAccess, ResourceAccessType,
};
use bartizan_contract::permissions::{self, PermissionKind, RESOURCES, Resource};
use serde_json::{Value, json};

use super::{FIELDS, describe, find};
use crate::args::Permission;
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::suggest;
use crate::target;

const COLUMNS: &[Column] = &[
    ("Permission", |p| at(p, "permission")),
    ("Kind", |p| at(p, "kind")),
    ("Granted", |p| at(p, "granted")),
];

/// Carries out the command.
pub(super) async fn run(command: Permission, printer: &Printer) -> Outcome {
    match command {
        Permission::Add {
            connection,
            app,
            permissions,
            delegated,
        } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let found = permissions
                .iter()
                .map(|name| Ok((name, resolve(name, preferred(delegated))?)))
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
            for (_, (resource, permission)) in &found {
                if !delegated && permission.kind == PermissionKind::Delegated {
                    printer.remark(&without_delegated(resource, permission));
                }
            }
            let ids: Vec<String> = found.iter().map(|(_, (_, p))| p.id.to_string()).collect();
            let found = found.into_iter().map(|(_, permission)| permission);
            let wanted = merged(application.required_resource_access.clone(), found);
            client.directory().require(application.id, &wanted).await?;
            let application = find(&client, &application.app_id.to_string()).await?;
            let described = describe(&client, &application).await?;
            printer.item(FIELDS, &described)?;
            printer.remark(&granting(
                &listed(&application, &described),
                &ids,
                &application,
            ));
            Ok(())
        }
        Permission::List { connection, app } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let described = describe(&client, &application).await?;
            printer.list(COLUMNS, &listed(&application, &described))
        }
        Permission::Remove {
            connection,
            app,
            permissions,
            delegated,
        } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let mut left = application.required_resource_access.clone();
            for name in &permissions {
                remove(&mut left, name, preferred(delegated))?;
            }
            client.directory().require(application.id, &left).await?;
            let application = find(&client, &application.app_id.to_string()).await?;
            let described = describe(&client, &application).await?;
            printer.item(FIELDS, &described)?;
            printer.remark(&format!(
                "what was granted stays granted: bartizan sp assignment list {0}{1}, bartizan grant list{1}",
                application.app_id,
                target::again()
            ));
            Ok(())
        }
    }
}

/// What is said of the grants of permissions that were just named, of all that are asked for.
fn granting(listed: &[Value], named: &[String], application: &Application) -> String {
    let open: Vec<String> = listed
        .iter()
        .filter(|asked| named.contains(&at(asked, "id")) && asked["granted"] != true)
        .map(|asked| at(asked, "permission"))
        .collect();
    if open.is_empty() {
        return "granted already: tokens carry it".to_owned();
    }
    let which = match open.len() == named.len() {
        true => String::new(),
        false => format!(" ({})", open.join(", ")),
    };
    format!(
        "not granted yet{which}: bartizan app consent {}{}",
        application.app_id,
        target::again()
    )
}

/// What is said of a delegated permission that was named without `--delegated`: it may be taken for an application's.
fn without_delegated(resource: &Resource, permission: &permissions::Permission) -> String {
    let (api, name) = (resource.api, permission.name);
    let all = format!("{name}.All");
    let instead = match resource.permission(PermissionKind::Application, &all) {
        Some(role) => format!("{api}/{} is the application permission", role.name),
        None => format!("{api} has no application permission of that name"),
    };
    format!("{api}/{name} is delegated: nothing for an application's own token; {instead}")
}

const fn preferred(delegated: bool) -> PermissionKind {
    if delegated {
        PermissionKind::Delegated
    } else {
        PermissionKind::Application
    }
}

/// Each permission that is asked for, and whether it is granted.
fn listed(application: &Application, described: &Value) -> Vec<Value> {
    let access = application.required_resource_access.iter();
    let asked = access.flat_map(|access| access.resource_access.iter());
    asked
        .map(|access| {
            let name = named(access.id);
            let delegated = access.kind == ResourceAccessType::Scope;
            let granted = granted(described, &name, delegated);
            let kind = match access.kind {
                ResourceAccessType::Role => "application",
                ResourceAccessType::Scope => "delegated",
            };
            json!({ "permission": name, "id": access.id, "kind": kind, "granted": granted })
        })
        .collect()
}

/// Whether a permission of that kind is granted: both kinds stand in one list, the delegated ones at its end.
fn granted(described: &Value, name: &str, delegated: bool) -> bool {
    let names = |field: &str| described[field].as_array().map_or(&[][..], Vec::as_slice);
    let (all, of_people) = (names("consented"), names("consentedDelegated"));
    let own = &all[..all.len().saturating_sub(of_people.len())];
    let held = if delegated { of_people } else { own };
    held.iter().any(|held| held == name)
}

/// Takes a permission out of what is asked for: by `api/Name`, by name, or by id for one that is not known here.
fn remove(
    access: &mut Vec<RequiredResourceAccess>,
    name: &str,
    preferred: PermissionKind,
) -> Result<(), Failure> {
    let asks = |access: &[RequiredResourceAccess], id: uuid::Uuid| {
        access
            .iter()
            .any(|a| a.resource_access.iter().any(|r| r.id == id))
    };
    let id = match name.parse() {
        Ok(id) => id,
        // Of several that have the name, the one that is asked for is meant.
        Err(_) => candidates(name, preferred)
            .into_iter()
            .map(|(_, permission)| permission.id)
            .find(|id| asks(access, *id))
            .ok_or_else(|| not_asked(name))?,
    };
    if !asks(access, id) {
        return Err(not_asked(name));
    }
    for entry in access.iter_mut() {
        entry.resource_access.retain(|r| r.id != id);
    }
    access.retain(|entry| !entry.resource_access.is_empty());
    Ok(())
}

fn not_asked(name: &str) -> Failure {
    Failure::not_found(format!(
        "the application does not ask for {name}; `bartizan app permission list APP{}` shows what it asks for",
        target::again()
    ))
}

/// `api/Name` of a permission's id.
pub(in crate::command) fn named(id: uuid::Uuid) -> String {
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

/// Permissions by name, of either kind, the preferred one first; `api/` before it names the resource.
fn candidates(name: &str, preferred: PermissionKind) -> Vec<Found> {
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
    let resources = || {
        RESOURCES
            .iter()
            .filter(move |resource| api.is_none_or(|api| resource.api.name() == api))
    };
    let of = |kind| {
        resources().filter_map(move |resource| Some((resource, resource.permission(kind, bare)?)))
    };
    of(preferred).chain(of(other)).collect()
}

/// What may be meant by a name that no permission has: one of the same API, or of any when none was named.
fn meant(name: &str) -> String {
    let full = |(resource, p): &Found| format!("{}/{}", resource.api, p.name);
    let all = RESOURCES.iter().flat_map(|resource| {
        let of_it = resource.permissions.iter();
        of_it.map(move |permission| (resource, permission))
    });
    let names: Vec<String> = match name.split_once('/') {
        Some(_) => all.map(|found| full(&found)).collect(),
        None => all.map(|(_, p)| p.name.to_owned()).collect(),
    };
    // As `token get --api` names it.
    let typed = name
        .strip_prefix("own/")
        .map(|bare| format!("bartizan/{bare}"));
    let typed = typed.as_deref().unwrap_or(name);
    suggest::remark(typed, names.iter().map(String::as_str))
}

/// Finds a permission by name; `api/` before it decides when several resources have it, `preferred` when both kinds do.
pub(in crate::command) fn resolve(name: &str, preferred: PermissionKind) -> Result<Found, Failure> {
    let mut found: Vec<Found> = Vec::new();
    for (resource, permission) in candidates(name, preferred) {
        // The preferred kind comes first, and stands for its resource.
        if !found
            .iter()
            .any(|(known, _)| known.app_id == resource.app_id)
        {
            found.push((resource, permission));
        }
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::usage(format!(
            "no permission is named {name}{}; docs/permissions.txt lists them",
            meant(name)
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
        for (typed, meant) in [
            ("Incident.Raed.All", "did you mean Incident.Read.All?"),
            (
                "xdr/Incidnet.Read.All",
                "did you mean xdr/Incident.Read.All?",
            ),
            ("Mashine.Read.All", "did you mean Machine.Read.All?"),
        ] {
            let said = name(typed).expect_err("misspelt").to_string();
            assert!(said.contains(meant), "{said}");
        }
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
    fn a_delegated_permission_is_not_taken_for_an_applications() {
        let (resource, permission) = resolve("Incident.Read", ROLE).expect("a scope");
        let said = without_delegated(resource, permission);
        assert!(said.contains("xdr/Incident.Read is delegated"), "{said}");
        assert!(
            said.contains("xdr/Incident.Read.All is the application permission"),
            "{said}"
        );
    }

    #[test]
    fn kinds_of_one_name_are_granted_apart() {
        let described = json!({
            "consented": ["graph/User.Read.All", "mde/Alert.Read"],
            "consentedDelegated": ["mde/Alert.Read"],
        });
        assert!(granted(&described, "graph/User.Read.All", false));
        assert!(!granted(&described, "graph/User.Read.All", true));
        assert!(granted(&described, "mde/Alert.Read", true));
        assert!(!granted(&described, "mde/Alert.Read", false));
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

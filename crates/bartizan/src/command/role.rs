//! `bartizan role …`, `bartizan defender-role …` and `bartizan device-group …`

use bartizan_contract::access::{DIRECTORY_ROLES, DefenderPermission, directory_role_named};
use bartizan_sdk::Client;
use bartizan_sdk::people::Kind;
use serde_json::{Value, json};

use super::user::principal;
use crate::args::{DefenderRole, DefenderRoleUpdate, DeviceGroup, Role};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::suggest;
use crate::target;

const ROLES: &[Column] = &[
    ("Role", |r| at(r, "displayName")),
    ("Template", |r| at(r, "id")),
    ("Description", |r| at(r, "description")),
];

const HELD: &[Column] = &[
    ("Role", |a| at(a, "role")),
    ("Principal", |a| at(a, "principalId")),
    ("Assignment", |a| at(a, "id")),
];

const DEFENDER_ROLES: &[Column] = &[
    ("Name", |r| at(r, "displayName")),
    ("Permissions", |r| words(&r["permissions"])),
    ("ID", |r| at(r, "id")),
];

const DEFENDER_HELD: &[Column] = &[
    ("Role", |a| at(a, "roleId")),
    ("Principal", |a| at(a, "principalId")),
    ("Device groups", |a| words(&a["deviceGroups"])),
    ("Assignment", |a| at(a, "id")),
];

const PERMISSIONS: &[Column] = &[
    ("Permission", |p| at(p, "permission")),
    ("Group", |p| at(p, "group")),
    ("In the portal", |p| at(p, "displayName")),
];

const DEVICE_GROUPS: &[Column] = &[
    ("Number", |g| at(g, "id")),
    ("Name", |g| at(g, "displayName")),
    ("Devices", |g| at(g, "machineCount")),
    ("Description", |g| at(g, "description")),
];

fn words(list: &Value) -> String {
    match list.as_array() {
        Some(items) => items
            .iter()
            .map(crate::printer::plain)
            .collect::<Vec<_>>()
            .join(", "),
        None => "all".to_owned(),
    }
}

/// Carries out `bartizan role`.
pub(crate) async fn run(command: Role, printer: &Printer) -> Outcome {
    match command {
        Role::List {
            connection,
            assignments,
            principal: holder,
        } => {
            let client = target::client(&connection)?;
            if let Some(holder) = holder {
                let id = principal(&client, &holder).await?;
                return printer.list(HELD, &held(&client, Some(&id)).await?);
            }
            if assignments {
                return printer.list(HELD, &held(&client, None).await?);
            }
            let roles = client.people().list(Kind::RoleDefinition, None).await?;
            printer.list(ROLES, &roles)
        }
        Role::Assign {
            connection,
            role,
            principal: holder,
        } => {
            let client = target::client(&connection)?;
            let template = template(&role)?;
            let id = principal(&client, &holder).await?;
            let body = json!({
                "principalId": id,
                "roleDefinitionId": template,
                "directoryScopeId": "/",
            });
            client.people().create(Kind::RoleAssignment, &body).await?;
            printer.list(HELD, &held(&client, Some(&id)).await?)
        }
        Role::Unassign {
            connection,
            role,
            principal: holder,
        } => {
            let client = target::client(&connection)?;
            let template = template(&role)?.to_string();
            let id = principal(&client, &holder).await?;
            let assignments = held(&client, Some(&id)).await?;
            let found = assignments
                .iter()
                .find(|a| at(a, "roleDefinitionId") == template)
                .ok_or_else(|| Failure::not_found(format!("{holder} does not hold {role}")))?;
            let assignment = at(found, "id");
            client
                .people()
                .delete(Kind::RoleAssignment, &assignment)
                .await?;
            printer.list(HELD, &held(&client, Some(&id)).await?)
        }
    }
}

fn template(role: &str) -> Result<uuid::Uuid, Failure> {
    let found = directory_role_named(role).map(|role| role.template);
    found.or_else(|| role.parse().ok()).ok_or_else(|| {
        let names: Vec<&str> = DIRECTORY_ROLES.iter().map(|role| role.name).collect();
        Failure::usage(format!(
            "no role is named {role}{}; there are {}",
            suggest::remark(role, names.iter().copied()),
            names.join(", ")
        ))
    })
}

/// Role assignments, of one principal or all, with the roles' names.
async fn held(client: &Client, holder: Option<&str>) -> Result<Vec<Value>, Failure> {
    let filter = holder.map(|id| format!("principalId eq '{id}'"));
    let mut found = client
        .people()
        .list(Kind::RoleAssignment, filter.as_deref())
        .await?;
    for assignment in &mut found {
        let id = at(assignment, "roleDefinitionId");
        let role = DIRECTORY_ROLES
            .iter()
            .find(|role| role.template.to_string() == id);
        assignment["role"] = Value::from(role.map_or(id.as_str(), |role| role.name));
    }
    Ok(found)
}

/// Carries out `bartizan defender-role`.
pub(crate) async fn defender(command: DefenderRole, printer: &Printer) -> Outcome {
    match command {
        DefenderRole::List {
            connection,
            assignments,
        } => {
            let client = target::client(&connection)?;
            if assignments {
                let people = client.people();
                let found = people.list(Kind::DefenderRoleAssignment, None).await?;
                return printer.list(DEFENDER_HELD, &found);
            }
            let roles = client.people().list(Kind::DefenderRole, None).await?;
            printer.list(DEFENDER_ROLES, &roles)
        }
        DefenderRole::Permissions => {
            let items: Vec<Value> = DefenderPermission::ALL
                .iter()
                .map(|(_, group, name, word)| {
                    json!({ "permission": word, "group": group, "displayName": name })
                })
                .collect();
            printer.list(PERMISSIONS, &items)
        }
        DefenderRole::Create {
            connection,
            name,
            permissions,
        } => {
            let client = target::client(&connection)?;
            let body = json!({ "displayName": name, "permissions": permissions });
            let role = client.people().create(Kind::DefenderRole, &body).await?;
            printer.item(DEFENDER_ROLES, &role)
        }
        DefenderRole::Update(update) => change(*update, printer).await,
        DefenderRole::Delete { connection, role } => {
            let client = target::client(&connection)?;
            let id = defender_role(&client, &role).await?;
            client.people().delete(Kind::DefenderRole, &id).await?;
            printer.remark(&format!("{role} is deleted"));
            Ok(())
        }
        DefenderRole::Assign {
            connection,
            role,
            principal: holder,
            device_groups,
        } => {
            let client = target::client(&connection)?;
            let mut body = json!({
                "roleId": defender_role(&client, &role).await?,
                "principalId": principal(&client, &holder).await?,
            });
            if !device_groups.is_empty() {
                body["deviceGroups"] = json!(device_groups);
            }
            let made = client
                .people()
                .create(Kind::DefenderRoleAssignment, &body)
                .await?;
            printer.item(DEFENDER_HELD, &made)
        }
        DefenderRole::Unassign { connection, id } => {
            let client = target::client(&connection)?;
            client
                .people()
                .delete(Kind::DefenderRoleAssignment, &id)
                .await?;
            printer.remark("the role is taken away");
            Ok(())
        }
    }
}

async fn change(update: DefenderRoleUpdate, printer: &Printer) -> Outcome {
    let client = target::client(&update.connection)?;
    let mut body = json!({});
    if let Some(name) = update.name {
        body["displayName"] = json!(name);
    }
    if !update.permissions.is_empty() {
        body["permissions"] = json!(update.permissions);
    }
    if body == json!({}) {
        return Err(Failure::usage("say what is to change; see --help"));
    }
    let id = defender_role(&client, &update.role).await?;
    let people = client.people();
    people.update(Kind::DefenderRole, &id, &body).await?;
    let roles = people.list(Kind::DefenderRole, None).await?;
    let now = roles.into_iter().find(|role| at(role, "id") == id);
    printer.item(DEFENDER_ROLES, &now.unwrap_or_default())
}

async fn defender_role(client: &Client, name: &str) -> Result<String, Failure> {
    let roles = client.people().list(Kind::DefenderRole, None).await?;
    roles
        .iter()
        .find(|role| at(role, "id") == name || at(role, "displayName").eq_ignore_ascii_case(name))
        .map(|role| at(role, "id"))
        .ok_or_else(|| {
            let names: Vec<String> = roles.iter().map(|r| at(r, "displayName")).collect();
            Failure::not_found(format!(
                "no Defender role {name}{}; see `bartizan defender-role list{}`",
                suggest::remark(name, names.iter().map(String::as_str)),
                target::again()
            ))
        })
}

/// Carries out `bartizan device-group`.
pub(crate) async fn device_group(command: DeviceGroup, printer: &Printer) -> Outcome {
    match command {
        DeviceGroup::List { connection } => {
            let client = target::client(&connection)?;
            let groups = client.people().list(Kind::DeviceGroup, None).await?;
            printer.list(DEVICE_GROUPS, &groups)
        }
        DeviceGroup::Create {
            connection,
            name,
            description,
        } => {
            let client = target::client(&connection)?;
            let body = json!({ "displayName": name, "description": description });
            let group = client.people().create(Kind::DeviceGroup, &body).await?;
            printer.item(DEVICE_GROUPS, &group)
        }
        DeviceGroup::Put {
            connection,
            group,
            machines,
        } => {
            let client = target::client(&connection)?;
            let group = device_group_number(&client, &group).await?;
            let moved = client.people().put_machines(group, &machines).await?;
            let missing = machines.len() - usize::try_from(moved).unwrap_or(0).min(machines.len());
            let told = format!("{moved} of {} devices are in it", machines.len());
            let unknown = format!(
                "{told}: no such device; see `bartizan machine list{}`",
                target::again()
            );
            match missing {
                0 => {
                    printer.remark(&told);
                    Ok(())
                }
                all if all == machines.len() => Err(Failure::not_found(unknown)),
                _ => Err(Failure::partial(unknown)),
            }
        }
        DeviceGroup::Delete { connection, group } => {
            let client = target::client(&connection)?;
            let id = device_group_number(&client, &group).await?.to_string();
            client.people().delete(Kind::DeviceGroup, &id).await?;
            printer.remark("its devices are in no group now");
            Ok(())
        }
    }
}

/// The number of a device group, by itself or by the group's name.
async fn device_group_number(client: &Client, name: &str) -> Result<i64, Failure> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let groups = client.people().list(Kind::DeviceGroup, None).await?;
    let found = groups
        .iter()
        .find(|group| at(group, "displayName").eq_ignore_ascii_case(name));
    found.and_then(|group| group["id"].as_i64()).ok_or_else(|| {
        let names: Vec<String> = groups.iter().map(|g| at(g, "displayName")).collect();
        Failure::not_found(format!(
            "no device group {name}{}; see `bartizan device-group list{}`",
            suggest::remark(name, names.iter().map(String::as_str)),
            target::again()
        ))
    })
}

//! `bartizan app role …` and `bartizan app scope …`: what an application offers to others, as an API.

use bartizan_contract::graph::{AppRole, Application, PermissionScope};
use serde_json::{Value, json};
use uuid::Uuid;

use super::find;
use crate::args::Offer;
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::suggest;
use crate::target;

const ROLES: &[Column] = &[
    ("Role", |r| at(r, "value")),
    ("For", |r| {
        let members = r["allowedMemberTypes"].as_array();
        let members = members.map_or(&[][..], Vec::as_slice);
        members
            .iter()
            .map(crate::printer::plain)
            .collect::<Vec<_>>()
            .join(", ")
    }),
    ("Description", |r| at(r, "description")),
    ("ID", |r| at(r, "id")),
];

const SCOPES: &[Column] = &[
    ("Scope", |s| at(s, "value")),
    ("Consent by", |s| at(s, "type")),
    ("Description", |s| at(s, "adminConsentDescription")),
    ("ID", |s| at(s, "id")),
];

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// App roles.
    Role,
    /// Scopes.
    Scope,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Scope => "scope",
        }
    }

    /// What the application offers of this kind, as Graph has it.
    fn offered(self, application: &Application) -> Vec<Value> {
        match self {
            Self::Role => application.app_roles.iter().map(|r| json!(r)).collect(),
            Self::Scope => {
                let scopes = application.api.oauth2_permission_scopes.iter();
                scopes.map(|s| json!(s)).collect()
            }
        }
    }

    /// The change of the application that makes it so.
    fn body(self, offered: &[Value]) -> Value {
        match self {
            Self::Role => json!({ "appRoles": offered }),
            Self::Scope => json!({ "api": { "oauth2PermissionScopes": offered } }),
        }
    }

    fn offer(self, value: String, description: Option<String>, users: bool) -> Value {
        let description = Some(description.unwrap_or_else(|| value.clone()));
        let id = Uuid::new_v4();
        match self {
            Self::Role => {
                let mut members = vec!["Application".to_owned()];
                members.extend(users.then(|| "User".to_owned()));
                json!(AppRole {
                    allowed_member_types: members,
                    description,
                    display_name: Some(value.clone()),
                    id,
                    is_enabled: true,
                    origin: None,
                    value: Some(value),
                })
            }
            Self::Scope => json!(PermissionScope {
                id,
                admin_consent_description: description.clone(),
                admin_consent_display_name: Some(value.clone()),
                is_enabled: true,
                consent: Some(if users { "User" } else { "Admin" }.to_owned()),
                user_consent_description: description,
                user_consent_display_name: Some(value.clone()),
                value: Some(value),
            }),
        }
    }
}

/// Carries out the command.
pub(super) async fn run(command: Offer, kind: Kind, printer: &Printer) -> Outcome {
    let (Offer::List { connection, app }
    | Offer::Add {
        connection, app, ..
    }
    | Offer::Remove {
        connection, app, ..
    }) = &command;
    let client = target::client(connection)?;
    let application = find(&client, app).await?;
    let directory = client.directory();
    let mut offered = kind.offered(&application);
    match command {
        Offer::List { .. } => {}
        Offer::Add {
            value,
            description,
            users,
            ..
        } => {
            offered.push(kind.offer(value, description, users));
            let body = kind.body(&offered);
            directory.update(application.id, &body).await?;
        }
        Offer::Remove { value, .. } => {
            let is = |o: &Value| at(o, "value") == value || at(o, "id") == value;
            let names: Vec<String> = offered.iter().map(|o| at(o, "value")).collect();
            let found = offered.iter_mut().find(|o| is(o)).ok_or_else(|| {
                Failure::not_found(format!(
                    "the application offers no {0} {value}{1}; `bartizan app {0} list {2}{3}` shows what it offers",
                    kind.word(),
                    suggest::remark(&value, names.iter().map(String::as_str)),
                    application.app_id,
                    target::again()
                ))
            })?;
            // The cloud removes nothing that is enabled.
            found["isEnabled"] = json!(false);
            let body = kind.body(&offered);
            directory.update(application.id, &body).await?;
            offered.retain(|o| !is(o));
            let body = kind.body(&offered);
            directory.update(application.id, &body).await?;
        }
    }
    let columns = match kind {
        Kind::Role => ROLES,
        Kind::Scope => SCOPES,
    };
    let application = find(&client, &application.app_id.to_string()).await?;
    printer.list(columns, &kind.offered(&application))
}

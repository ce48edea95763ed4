//! `bartizan user …` and `bartizan group …`

use std::io::Read as _;

use bartizan_sdk::Client;
use bartizan_sdk::people::Kind;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::args::{Group, GroupUpdate, Mfa, Proof, User, UserCreate, UserUpdate};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::target;

const USERS: &[Column] = &[
    ("Name", |u| at(u, "displayName")),
    ("Principal name", |u| at(u, "userPrincipalName")),
    ("Mail", |u| at(u, "mail")),
    ("Job title", |u| at(u, "jobTitle")),
    ("Enabled", |u| at(u, "accountEnabled")),
    ("ID", |u| at(u, "id")),
];

const CREATED: &[Column] = &[
    ("Principal name", |u| at(u, "userPrincipalName")),
    ("ID", |u| at(u, "id")),
    ("Password", |u| at(u, "password")),
];

const FACTORS: &[Column] = &[
    ("Principal name", |u| at(u, "userPrincipalName")),
    ("Demanded", |u| {
        match (u["required"] == true, u["demanded"] == true) {
            (true, _) => "yes, of this account",
            (false, true) => "yes, by the tenant's policy",
            // Whoever set one up is asked for it.
            (false, false) if u["factors"].as_array().is_some_and(|f| !f.is_empty()) => {
                "yes, one is set up"
            }
            (false, false) => "no",
        }
        .to_owned()
    }),
    ("Factors", |u| {
        let factors = u["factors"].as_array().map_or(&[][..], Vec::as_slice);
        let one = |factor: &Value| {
            let used = match at(factor, "lastUsedDateTime") {
                time if time.is_empty() => "never used".to_owned(),
                time => format!("last used {time}"),
            };
            format!(
                "{} ({}, {used})",
                at(factor, "displayName"),
                at(factor, "kind")
            )
        };
        factors.iter().map(one).collect::<Vec<_>>().join(", ")
    }),
];

const GROUPS: &[Column] = &[
    ("Name", |g| at(g, "displayName")),
    ("ID", |g| at(g, "id")),
    ("Security", |g| at(g, "securityEnabled")),
    ("Takes roles", |g| at(g, "isAssignableToRole")),
    ("Description", |g| at(g, "description")),
];

const MEMBERS: &[Column] = &[
    ("Name", |m| at(m, "displayName")),
    ("Kind", |m| {
        at(m, "@odata.type").replace("#microsoft.graph.", "")
    }),
    ("ID", |m| at(m, "id")),
];

/// Carries out `bartizan user`.
pub(crate) async fn run(command: User, printer: &Printer) -> Outcome {
    match command {
        User::Create(create) => make(*create, printer).await,
        User::List { connection, filter } => {
            let client = target::client(&connection)?;
            let users = client.people().list(Kind::User, filter.as_deref()).await?;
            printer.list(USERS, &users)
        }
        User::Show { connection, user } => {
            let client = target::client(&connection)?;
            printer.item(USERS, &find(&client, &user).await?)
        }
        User::Update(update) => change(*update, printer).await,
        User::Delete {
            connection,
            user,
            yes,
        } => {
            let client = target::client(&connection)?;
            if !yes {
                printer.list(USERS, &[find(&client, &user).await?])?;
                return Err(Failure::usage(
                    "this user would be deleted with all that the account holds; say --yes to do it",
                ));
            }
            client.people().delete(Kind::User, &user).await?;
            printer.remark(&format!("{user} is deleted"));
            Ok(())
        }
        User::Password {
            connection,
            user,
            password_stdin,
            must_change,
        } => {
            let client = target::client(&connection)?;
            let (password, shown) = password(password_stdin)?;
            let body = json!({ "passwordProfile": profile(password, must_change) });
            client.people().update(Kind::User, &user, &body).await?;
            printer.remark("what was signed in with the old password has ended");
            if must_change {
                printer.remark(&format!("{user} chooses another one at the next sign-in"));
            }
            let mut found = find(&client, &user).await?;
            found["password"] = shown;
            printer.item(CREATED, &found)
        }
        User::RevokeSessions { connection, user } => {
            let client = target::client(&connection)?;
            client.people().revoke_sessions(&user).await?;
            printer.remark(&format!("{user} must sign in again everywhere"));
            Ok(())
        }
        User::Mfa(command) => mfa(command, printer).await,
        User::Me { connection } => {
            let client = target::client(&connection)?;
            let person = matches!(connection.proof, Some(Proof::DeviceCode | Proof::Browser));
            let me = client.people().me().await.map_err(|error| {
                let answered = error.status().is_some();
                let failure = Failure::from(error);
                match answered && !person {
                    true => failure.hinting(
                        "only a person has a profile: sign in as one by --device-code --client-id ID of a public client",
                    ),
                    false => failure,
                }
            });
            printer.item(USERS, &me?)
        }
    }
}

/// Carries out `bartizan user mfa`.
async fn mfa(command: Mfa, printer: &Printer) -> Outcome {
    let (Mfa::Show { connection, user }
    | Mfa::Reset { connection, user }
    | Mfa::Require { connection, user }
    | Mfa::NotRequired { connection, user }) = &command;
    let client = target::client(connection)?;
    let people = client.people();
    let missing = |error: bartizan_sdk::Error| match error.status() {
        Some(status) if status == 404 => no_user(&client, user),
        _ => error.into(),
    };
    match command {
        Mfa::Show { .. } => {}
        Mfa::Reset { .. } => {
            let removed = people.reset_second_factors(user).await.map_err(missing)?;
            printer.remark(&format!(
                "{removed} second factors are gone, and {user} is signed out everywhere"
            ));
            if removed > 0 {
                printer.remark(&format!("{user} sets one up at the next sign-in"));
            }
        }
        Mfa::Require { .. } | Mfa::NotRequired { .. } => {
            let required = matches!(command, Mfa::Require { .. });
            let now = people.require_second_factor(user, required).await;
            let now = now.map_err(missing)?;
            if required && now["factors"] == json!([]) {
                printer.remark(&format!("{user} sets one up at the next sign-in"));
            }
            if !required && now["demanded"] == true {
                printer.remark(&format!(
                    "the tenant's policy demands one all the same: bartizan tenant policy show{}",
                    target::again()
                ));
            }
        }
    }
    let now = people.second_factors(user).await.map_err(missing)?;
    printer.item(FACTORS, &now)
}

/// Carries out `bartizan group`.
pub(crate) async fn group(command: Group, printer: &Printer) -> Outcome {
    match command {
        Group::Create {
            connection,
            name,
            description,
            role_assignable,
        } => {
            let client = target::client(&connection)?;
            let nickname: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
            let body = json!({
                "displayName": name,
                "mailNickname": if nickname.is_empty() { "group" } else { &nickname },
                "mailEnabled": false,
                "securityEnabled": true,
                "isAssignableToRole": role_assignable,
                "description": description,
            });
            printer.item(GROUPS, &client.people().create(Kind::Group, &body).await?)
        }
        Group::List { connection, filter } => {
            let client = target::client(&connection)?;
            let people = client.people();
            let groups = people.list(Kind::Group, filter.as_deref()).await?;
            printer.list(GROUPS, &groups)
        }
        Group::Show { connection, group } => {
            let client = target::client(&connection)?;
            printer.item(GROUPS, &find_group(&client, &group).await?)
        }
        Group::Update(update) => change_group(*update, printer).await,
        Group::Members { connection, group } => {
            let client = target::client(&connection)?;
            let id = group_id(&client, &group).await?;
            printer.list(MEMBERS, &client.people().members(&id).await?)
        }
        Group::Add {
            connection,
            group,
            member,
        } => {
            let client = target::client(&connection)?;
            let id = group_id(&client, &group).await?;
            let member = principal(&client, &member).await?;
            client.people().add_member(&id, &member).await?;
            printer.list(MEMBERS, &client.people().members(&id).await?)
        }
        Group::Remove {
            connection,
            group,
            member,
        } => {
            let client = target::client(&connection)?;
            let id = group_id(&client, &group).await?;
            let member = principal(&client, &member).await?;
            client.people().remove_member(&id, &member).await?;
            printer.list(MEMBERS, &client.people().members(&id).await?)
        }
        Group::Delete { connection, group } => {
            let client = target::client(&connection)?;
            let id = group_id(&client, &group).await?;
            client.people().delete(Kind::Group, &id).await?;
            printer.remark(&format!("{group} is deleted"));
            Ok(())
        }
    }
}

async fn make(create: UserCreate, printer: &Printer) -> Outcome {
    let client = target::client(&create.connection)?;
    let (nickname, _) = create
        .upn
        .split_once('@')
        .ok_or_else(|| Failure::usage("a principal name has the form name@domain"))?;
    let (password, shown) = password(create.password_stdin)?;
    let body = json!({
        "accountEnabled": true,
        "displayName": create.name.as_deref().unwrap_or(nickname),
        "mailNickname": nickname,
        "userPrincipalName": create.upn,
        "passwordProfile": profile(password, create.must_change),
    });
    let mut user = client.people().create(Kind::User, &body).await?;
    user["password"] = shown;
    printer.item(CREATED, &user)?;
    printer.remark(&format!(
        "no role yet: bartizan role assign \"Security Reader\" {}{}",
        create.upn,
        target::again()
    ));
    Ok(())
}

async fn change(update: UserUpdate, printer: &Printer) -> Outcome {
    let client = target::client(&update.connection)?;
    let mut body = Map::new();
    for (name, value) in [
        ("displayName", update.name),
        ("givenName", update.given_name),
        ("surname", update.surname),
        ("mail", update.mail),
        ("jobTitle", update.job_title),
        ("department", update.department),
    ] {
        if let Some(value) = value {
            body.insert(name.to_owned(), Value::from(value));
        }
    }
    if let Some(enabled) = update.enabled {
        body.insert("accountEnabled".to_owned(), Value::from(enabled));
    }
    if let Some(must) = update.must_change {
        body.insert(
            "passwordProfile".to_owned(),
            json!({ "forceChangePasswordNextSignIn": must }),
        );
    }
    if body.is_empty() {
        return Err(Failure::usage("say what is to change; see --help"));
    }
    let body = Value::Object(body);
    client
        .people()
        .update(Kind::User, &update.user, &body)
        .await?;
    printer.item(USERS, &find(&client, &update.user).await?)
}

/// A password as Graph takes it. Whoever sets one says each time whether it must be changed.
fn profile(password: String, must_change: bool) -> Value {
    json!({ "password": password, "forceChangePasswordNextSignIn": must_change })
}

/// A password, and what of it is shown: one that was read is known to whoever typed it.
fn password(stdin: bool) -> Result<(String, Value), Failure> {
    if stdin {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(Failure::general)?;
        return Ok((text.trim_end_matches(['\r', '\n']).to_owned(), Value::Null));
    }
    // 122 bits of chance; the start satisfies the rules on kinds of characters.
    let password = format!("Bz1-{}", Uuid::new_v4().simple());
    Ok((password.clone(), Value::from(password)))
}

async fn find(client: &Client, user: &str) -> Result<Value, Failure> {
    let found = client.people().get(Kind::User, user).await?;
    found.ok_or_else(|| no_user(client, user))
}

fn no_user(client: &Client, user: &str) -> Failure {
    Failure::not_found(format!(
        "no user {user} in tenant {}; see `bartizan user list{}`",
        client.tenant(),
        target::again()
    ))
}

async fn change_group(update: GroupUpdate, printer: &Printer) -> Outcome {
    let client = target::client(&update.connection)?;
    let mut body = Map::new();
    for (name, value) in [
        ("displayName", update.name),
        ("description", update.description),
    ] {
        if let Some(value) = value {
            body.insert(name.to_owned(), Value::from(value));
        }
    }
    if body.is_empty() {
        return Err(Failure::usage("say what is to change; see --help"));
    }
    let id = group_id(&client, &update.group).await?;
    let people = client.people();
    people
        .update(Kind::Group, &id, &Value::Object(body))
        .await?;
    printer.item(GROUPS, &find_group(&client, &id).await?)
}

async fn find_group(client: &Client, group: &str) -> Result<Value, Failure> {
    let id = group_id(client, group).await?;
    let found = client.people().get(Kind::Group, &id).await?;
    found.ok_or_else(|| {
        Failure::not_found(format!(
            "no group {group}; see `bartizan group list{}`",
            target::again()
        ))
    })
}

/// The object id of a user by principal name; an id stays as it is, whatever it is of.
pub(super) async fn principal(client: &Client, name: &str) -> Result<String, Failure> {
    if name.parse::<Uuid>().is_ok() {
        return Ok(name.to_owned());
    }
    Ok(at(&find(client, name).await?, "id"))
}

pub(super) async fn group_id(client: &Client, name: &str) -> Result<String, Failure> {
    if name.parse::<Uuid>().is_ok() {
        return Ok(name.to_owned());
    }
    let filter = format!("displayName eq '{}'", name.replace('\'', "''"));
    let found = client.people().list(Kind::Group, Some(&filter)).await?;
    match found.as_slice() {
        [one] => Ok(at(one, "id")),
        [] => Err(Failure::not_found(format!(
            "no group {name}; see `bartizan group list{}`",
            target::again()
        ))),
        several => Err(Failure::usage(format!(
            "{} groups are named {name}; use the object id",
            several.len()
        ))),
    }
}

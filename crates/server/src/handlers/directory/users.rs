//! `/users` and `/me`: people of the caller's tenant.

use axum::response::Response;
use bartizan_contract::ObjectId;
use bartizan_identity::CallerKind;
use bartizan_store::directory::people::{self, Person};
use bartizan_store::directory::roles;
use bartizan_store::directory::users::{self, User};
use bartizan_store::sign_in::{end_everything, failures};
use bartizan_store::tenants;
use bartizan_store::{ReadTx, WriteTx};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::body::{Body, required};
use super::query::{self, Query};
use super::{
    changes, has_administrator, keep_administrator, missing, objects, passphrase, record,
    record_outcome, refused,
};
use crate::call::{Call, json as answer, no_content};
use crate::error::{ApiError, Kind};
use crate::identity::{OwnVerdict, check_own_password, failures_of};

/// Properties that are kept in the profile as they come; the rest of a body is ignored, as Graph ignores what it does
/// not know.
const PROFILE: &[&str] = &[
    "ageGroup",
    "businessPhones",
    "city",
    "companyName",
    "country",
    "department",
    "employeeId",
    "employeeType",
    "faxNumber",
    "jobTitle",
    "mailNickname",
    "mobilePhone",
    "officeLocation",
    "otherMails",
    "postalCode",
    "preferredLanguage",
    "state",
    "streetAddress",
    "usageLocation",
    "userType",
];
/// What people may change of their own account (page "Update user": contact data and language).
const OWN: &[&str] = &["businessPhones", "mobilePhone", "preferredLanguage"];

/// What is said of a password that is not the current one.
const WRONG: &str = "The specified password does not match the user's current password.";

/// Lists users.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let query = Query::read(&call, &query::USERS)?;
    let mut tx = call.read().await?;
    let listing = people::list(&mut tx, call.tenant(), &query.search()).await?;
    let count = match query.counted {
        true => Some(people::count(&mut tx, call.tenant(), query.filter.as_ref()).await?),
        false => None,
    };
    let value = listing.items.iter().map(objects::user).collect();
    query.answer(&call, value, objects::USER, listing.next, count)
}

/// Makes a user.
pub(crate) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let name = |name| required::<String>(&body, name, "User");
    let (display_name, upn) = (name("displayName")?, name("userPrincipalName")?);
    let nickname = name("mailNickname")?;
    let enabled: bool = required(&body, "accountEnabled", "User")?;
    let profile = PasswordProfile::of(&body)?;
    let password = profile.password.clone().ok_or_else(|| {
        ApiError::new(
            Kind::MissingParameter,
            "A value is required for property 'passwordProfile' of resource 'User'.",
        )
    })?;
    passphrase::check(&password, &[&upn, &display_name])?;
    let hash = passphrase::hash(&call.app.passwords, password).await?;
    let mut tx = call.app.store.write().await?;
    check_upn(&mut tx, &call, &upn).await?;
    let now = call.app.clock.unix_micros();
    let mut person = Person {
        user: User {
            enabled,
            password_hash: Some(hash),
            change_password: profile.plain.unwrap_or(false),
            change_password_with_mfa: profile.with_mfa.unwrap_or(false),
            ..User::new(ObjectId(Uuid::new_v4()), &upn, &display_name, now)
        },
        profile: Map::new(),
    };
    person
        .profile
        .insert("mailNickname".to_owned(), Json::from(nickname));
    apply(&mut person, &body)?;
    people::create(&mut tx, call.tenant(), &person)
        .await
        .map_err(refused)?;
    let details = json!({ "userPrincipalName": upn });
    record(&mut tx, &call, "user.create", person.user.id, details).await?;
    tx.commit().await?;
    query::entity(
        &call,
        StatusCode::CREATED,
        objects::user(&person),
        objects::USER,
    )
}

/// One user; `/me` is the caller.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let person = find(&mut tx, &call).await?;
    query::entity(&call, StatusCode::OK, objects::user(&person), objects::USER)
}

/// Changes what the body names. A new password ends what was signed in with the old one.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let profile = PasswordProfile::of(&body)?;
    let hash = match profile.password.clone() {
        Some(password) => {
            let mut tx = call.read().await?;
            let user = find(&mut tx, &call).await?.user;
            drop(tx);
            passphrase::check(&password, &[&user.upn, &user.display_name])?;
            Some(passphrase::hash(&call.app.passwords, password).await?)
        }
        None => None,
    };
    let mut tx = call.app.store.write().await?;
    let mut person = find(&mut tx, &call).await?;
    let was = objects::user(&person);
    if !call.access.by_right || call.operation().path.starts_with("/v1.0/me") {
        own_alone(&body)?;
    }
    let sensitive = ["passwordProfile", "accountEnabled", "userPrincipalName"];
    if sensitive.iter().any(|name| body.has(name)) {
        over(&mut tx, &call, &person).await?;
    }
    if let Some(upn) = body.get::<String>("userPrincipalName")? {
        check_upn(&mut tx, &call, &upn).await?;
        person.user.upn = upn;
    }
    let was_enabled = person.user.enabled;
    apply(&mut person, &body)?;
    let switched_off = was_enabled && !person.user.enabled;
    let before = !person.user.enabled && has_administrator(&mut tx, &call).await?;
    people::update(&mut tx, call.tenant(), &person)
        .await
        .map_err(refused)?;
    keep_administrator(&mut tx, &call, before).await?;
    let now = call.app.clock.unix_micros();
    let changes_password = hash.is_some();
    if let Some(hash) = hash {
        users::set_password(&mut tx, call.tenant(), person.user.id, &hash, now).await?;
        // Guesses were of another password: the lock that they brought ends.
        let guessed = failures_of(call.tenant(), &person.user.upn);
        failures::forget(&mut tx, &guessed).await?;
    }
    if let Some(demanded) = profile.over(&person.user) {
        users::demand_password_change(&mut tx, call.tenant(), person.user.id, demanded).await?;
        (
            person.user.change_password,
            person.user.change_password_with_mfa,
        ) = demanded;
    }
    // Who is switched on again signs in again.
    if changes_password || switched_off {
        end_everything(&mut tx, call.tenant(), person.user.id, now).await?;
    }
    note_change(&mut tx, &call, &body, &was, &person).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Leaves an event of a change; a new password is one of its own, which rules look for.
async fn note_change(
    tx: &mut WriteTx,
    call: &Call,
    body: &Body,
    was: &Json,
    person: &Person,
) -> Result<(), ApiError> {
    let id = person.user.id;
    if PasswordProfile::of(body)?.password.is_some() {
        let details = json!({
            "userPrincipalName": person.user.upn,
            "displayName": person.user.display_name,
        });
        record(tx, call, "user.resetPassword", id, details).await?;
        if body.names().all(|name| name == "passwordProfile") {
            return Ok(());
        }
    }
    let details = changes::details(&body.json(), was, &objects::user(person));
    record(tx, call, "user.update", id, details).await?;
    Ok(())
}

/// Deletes a user, at once and for good.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let person = find(&mut tx, &call).await?;
    over(&mut tx, &call, &person).await?;
    let before = has_administrator(&mut tx, &call).await?;
    people::delete(&mut tx, call.tenant(), person.user.id).await?;
    keep_administrator(&mut tx, &call, before).await?;
    let details = json!({ "userPrincipalName": person.user.upn });
    record(&mut tx, &call, "user.delete", person.user.id, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Ends everything that the user is signed in to.
pub(crate) async fn revoke_sessions(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let person = find(&mut tx, &call).await?;
    let now = call.app.clock.unix_micros();
    end_everything(&mut tx, call.tenant(), person.user.id, now).await?;
    let details = json!({ "userPrincipalName": person.user.upn });
    record(
        &mut tx,
        &call,
        "user.revokeSessions",
        person.user.id,
        details,
    )
    .await?;
    tx.commit().await?;
    let body = json!({ "@odata.context": call.context(), "value": true });
    answer(StatusCode::OK, &body)
}

/// Changes the caller's own password, who must know the one that holds now.
pub(crate) async fn change_password(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let current: String = required(&body, "currentPassword", "User")?;
    let new: String = required(&body, "newPassword", "User")?;
    let mut tx = call.read().await?;
    let person = find(&mut tx, &call).await?;
    drop(tx);
    passphrase::check(&new, &[&person.user.upn, &person.user.display_name])?;
    prove(&call, &person, current).await?;
    let hash = passphrase::hash(&call.app.passwords, new).await?;
    let mut tx = call.app.store.write().await?;
    let now = call.app.clock.unix_micros();
    let old = person.user.password_hash.as_deref().unwrap_or_default();
    let change = (old, hash.as_str());
    if !users::replace_password(&mut tx, call.tenant(), person.user.id, change, now).await? {
        return Err(ApiError::new(Kind::InvalidInput, WRONG));
    }
    end_everything(&mut tx, call.tenant(), person.user.id, now).await?;
    record(
        &mut tx,
        &call,
        "user.changePassword",
        person.user.id,
        json!({}),
    )
    .await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Lets on only who knows the password that holds now; guesses are counted, locked and told like those of a sign-in.
async fn prove(call: &Call, person: &Person, current: String) -> Result<(), ApiError> {
    let (app, user) = (&call.app, &person.user);
    match check_own_password(app, call.tenant(), user, current, call.source).await? {
        OwnVerdict::Right => Ok(()),
        OwnVerdict::Wrong(failures) => {
            let mut tx = call.app.store.write().await?;
            let address = call.source.map(|address| address.to_string());
            let details = json!({ "code": 50_126, "address": address, "failures": failures });
            let action = "user.wrongPassword";
            let failed = ("AADSTS50126", details);
            record_outcome(&mut tx, call, action, user.id, failed).await?;
            tx.commit().await?;
            Err(ApiError::new(Kind::InvalidInput, WRONG))
        }
        OwnVerdict::Locked => Err(ApiError::new(
            Kind::TooManyRequests,
            "There were too many wrong passwords for this account or from this address. Wait a few minutes, then try again.",
        )),
    }
}

/// The user that the path names, in the caller's tenant; `/me` is the caller.
pub(in crate::handlers) async fn find(tx: &mut ReadTx, call: &Call) -> Result<Person, ApiError> {
    let key = match call.matched.param("id") {
        Some(key) => key.to_owned(),
        None => call.caller.oid.to_string(),
    };
    let found = people::find(tx, call.tenant(), &key).await?;
    found.ok_or_else(|| missing(key))
}

/// Refuses what would let somebody take over an account that holds a directory role: that takes a role over roles.
pub(in crate::handlers) async fn over(
    tx: &mut ReadTx,
    call: &Call,
    person: &Person,
) -> Result<(), ApiError> {
    let own = call.caller.kind == CallerKind::User && person.user.id == call.caller.oid;
    if own || call.access.over_roles {
        return Ok(());
    }
    let held = roles::templates_of(tx, call.tenant(), person.user.id).await?;
    if held.is_empty() {
        return Ok(());
    }
    Err(ApiError::new(
        Kind::Forbidden,
        "Insufficient privileges to complete the operation: the user holds a directory role, so this takes a Global Administrator or Privileged Role Administrator, or the application permission RoleManagement.ReadWrite.Directory.",
    ))
}

fn own_alone(body: &Body) -> Result<(), ApiError> {
    match body.names().find(|name| !OWN.contains(name)) {
        None => Ok(()),
        Some(name) => Err(ApiError::new(
            Kind::Forbidden,
            format!(
                "Insufficient privileges to complete the operation: people change {} of their own account, not '{name}'; a User Administrator may.",
                OWN.join(", ")
            ),
        )),
    }
}

/// `passwordProfile`: what it leaves out stays as it is, or is false in a new account.
#[derive(Deserialize, Default)]
#[serde(default)]
struct PasswordProfile {
    password: Option<String>,
    #[serde(rename = "forceChangePasswordNextSignIn")]
    plain: Option<bool>,
    #[serde(rename = "forceChangePasswordNextSignInWithMfa")]
    with_mfa: Option<bool>,
}

impl PasswordProfile {
    fn of(body: &Body) -> Result<Self, ApiError> {
        Ok(body.get("passwordProfile")?.unwrap_or_default())
    }

    /// What is demanded from now on, when the body says anything of it.
    fn over(&self, user: &User) -> Option<(bool, bool)> {
        let said = self.plain.is_some() || self.with_mfa.is_some();
        said.then(|| {
            (
                self.plain.unwrap_or(user.change_password),
                self.with_mfa.unwrap_or(user.change_password_with_mfa),
            )
        })
    }
}

/// A principal name has one `@` and ends in a domain of the tenant.
async fn check_upn(tx: &mut ReadTx, call: &Call, upn: &str) -> Result<(), ApiError> {
    let invalid = |reason: &str| {
        Err(ApiError::new(
            Kind::InvalidInput,
            format!("Property userPrincipalName is invalid: {reason}."),
        ))
    };
    let Some((local, domain)) = upn.split_once('@') else {
        return invalid("it has the form name@domain");
    };
    let fits = (1..=64).contains(&local.len())
        && local
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"'.-_!#^~".contains(&b))
        && !local.ends_with('.');
    if !fits {
        return invalid(
            "the name has 1 to 64 letters, digits and ' . - _ ! # ^ ~, and does not end in a dot",
        );
    }
    let tenant = tenants::by_id(tx, call.tenant()).await?;
    let domains = tenant.map(|tenant| tenant.domains).unwrap_or_default();
    if domains.iter().any(|d| d.name.eq_ignore_ascii_case(domain)) {
        return Ok(());
    }
    let names: Vec<&str> = domains.iter().map(|d| d.name.as_str()).collect();
    invalid(&format!(
        "the domain must be one of the organization's verified domains, which are {}",
        names.join(", ")
    ))
}

fn apply(person: &mut Person, body: &Body) -> Result<(), ApiError> {
    if let Some(name) = body.get::<String>("displayName")? {
        if name.trim().is_empty() || name.chars().count() > 256 {
            return Err(ApiError::new(
                Kind::InvalidInput,
                "Invalid value specified for property 'displayName' of resource 'User': 1 to 256 characters.",
            ));
        }
        person.user.display_name = name;
    }
    if let Some(enabled) = body.get("accountEnabled")? {
        person.user.enabled = enabled;
    }
    body.nullable("givenName", &mut person.user.given_name)?;
    body.nullable("surname", &mut person.user.surname)?;
    body.nullable("mail", &mut person.user.mail)?;
    if let Some(kind) = body.get::<String>("userType")?
        && !["Member", "Guest"].contains(&kind.as_str())
    {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "Invalid value specified for property 'userType' of resource 'User': Member or Guest.",
        ));
    }
    for name in PROFILE {
        body.keep(name, &mut person.profile)?;
    }
    Ok(())
}

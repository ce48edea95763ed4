//! Accounts of calls that an API refused: which check of the token failed, or which permission is missing where.

use bartizan_contract::operations::Operation;
use bartizan_contract::permissions::resource_of;
use bartizan_contract::time::{format_iso8601, ticks_from_unix_seconds};

use super::{Account, Draft, Now, Remedy, admin_consent, ask_for, call, in_tenant, quoted};
use crate::explain::refused::{ApiRefused, Check, TokenSeen};

/// Accounts for a refused call.
pub(super) fn of_api(refused: &ApiRefused, now: &Now) -> Account {
    let mut draft = Draft::new(&refused.message);
    let operation = refused.operation();
    let called = format!("{} {}", refused.method, refused.path);
    match operation {
        Some(operation) => {
            draft.seen("operation", Some(&format!("{} ({called})", operation.name)));
        }
        None => draft.seen("request", Some(&called)),
    }
    if let Some(token) = &refused.token {
        draft.seen("client", Some(&token.client_id));
        draft.seen("object", Some(&token.object_id));
        draft.seen("audience", Some(&token.audience));
        let held = token.permissions.join(", ");
        let held = if held.is_empty() { "none" } else { &held };
        draft.seen(if token.user { "scopes" } else { "roles" }, Some(held));
        let end = token
            .expires
            .map(|end| format_iso8601(ticks_from_unix_seconds(end)));
        draft.seen("expires", end.as_deref());
    }
    if let Some(fault) = refused.fault {
        call::of_call(&mut draft, refused, fault, operation, now);
        return draft.0;
    }
    match (refused.check, operation) {
        (Some(check), Some(operation)) => token(&mut draft, check, operation, now),
        (None, Some(operation)) if refused.status == 403 => {
            if let Some(seen) = &refused.token {
                permission(&mut draft, seen, operation, now)
            }
        }
        // The token is good, and whoever it is of is not, or not any more.
        (None, Some(_)) if refused.status == 401 => {
            if let Some(seen) = refused.token.as_ref().filter(|token| token.user) {
                person(&mut draft, seen, now);
            }
        }
        _ => {}
    }
    match refused.status {
        429 => draft.remedy(Remedy::text(
            "Wait as long as Retry-After says; spread the calls, or ask for larger pages.",
        )),
        501 => draft.remedy(Remedy::text(
            "This version does not serve the operation; docs/STATUS.md lists what is served.",
        )),
        _ => {}
    }
    draft.0
}

/// The scope that asks for everything granted of an API.
fn scope(operation: &Operation) -> String {
    let uris = resource_of(operation.api).map_or(&[][..], |r| r.identifier_uris);
    format!("{}/.default", uris.first().unwrap_or(&"api://bartizan"))
}

fn token(draft: &mut Draft, check: Check, operation: &Operation, now: &Now) {
    let get = format!(
        "bartizan token get --scope {}{}",
        scope(operation),
        in_tenant(now)
    );
    let (needed, fact, text) = match check {
        Check::Missing => (
            "Authorization: Bearer and a token",
            "a token",
            "Get a token and send it.",
        ),
        Check::Form => (
            "Authorization: Bearer and one compact JWT",
            "a token in its form",
            "Send the access token as it was issued, once, after the word Bearer.",
        ),
        Check::Signature => (
            "signed by this server's published keys",
            "a good signature",
            "The token is of another authority, was changed, or its key has been revoked: get a new one here.",
        ),
        Check::Issuer => (
            "issued by this server for one of its tenants",
            "the issuer's own claims",
            "Get a token of this server.",
        ),
        Check::Audience => (
            "the API that is called",
            "a token for this API",
            "Ask for a token for this API: each has its own.",
        ),
        Check::Expired => (
            "a token that has not expired",
            "a token that is good now",
            "Get a new token; clients should do so a few minutes before the old one ends.",
        ),
        Check::NotYetValid => (
            "a token whose time has begun",
            "a token that is good now",
            "Compare the clocks of the machines that issued and that sent the token.",
        ),
    };
    let needed = match check {
        Check::Audience => scope(operation).trim_end_matches("/.default").to_owned(),
        _ => needed.to_owned(),
    };
    draft.needed(
        if check == Check::Audience {
            "audience"
        } else {
            "token"
        },
        needed,
    );
    draft.missing(now, fact);
    draft.remedy(Remedy::command(text, get));
}

/// The account of a good token's user, which is gone or switched off.
fn person(draft: &mut Draft, seen: &TokenSeen, now: &Now) {
    draft.needed("account", "of the token's user, there and switched on");
    draft.missing(now, "the user's account, or that it is switched on");
    draft.remedy(Remedy::command(
        "Switch the account on, if it is there still.",
        format!(
            "bartizan user update {} --enabled true{}",
            quoted(&seen.object_id),
            in_tenant(now)
        ),
    ));
}

fn permission(draft: &mut Draft, seen: &TokenSeen, operation: &Operation, now: &Now) {
    let wanted = if seen.user {
        operation.delegated_permissions
    } else {
        operation.app_permissions
    };
    if wanted.is_empty() {
        let (who, other) = if seen.user {
            ("a user", "an application's own token")
        } else {
            ("an application", "a user's token")
        };
        draft.needed("caller", other);
        draft.missing(now, format!("{who} may not call this at all"));
        return;
    }
    let kind = if seen.user { "scope" } else { "role" };
    draft.needed(kind, format!("any of {}", wanted.join(", ")));
    let has = seen
        .permissions
        .iter()
        .any(|p| wanted.contains(&p.as_str()));
    if has {
        // The permission is there; what refused is the role of a user, or a rule of the operation's own.
        draft.missing(
            now,
            "a right beyond the permission, which the message names",
        );
        if seen.user {
            let tenant = in_tenant(now);
            draft.remedy(Remedy::command(
                "Give the user a role that the message names.",
                format!("bartizan role assign ROLE {}{tenant}", seen.object_id),
            ));
        }
        return;
    }
    let least = wanted[0];
    draft.missing(now, format!("the {kind} {least} for {}", seen.client_id));
    if now.held.iter().any(|role| wanted.contains(&role.as_str())) && !seen.user {
        draft.mended("The role has been granted since: get a new token, which carries it.");
        return;
    }
    let permission = format!("{}/{least}", operation.api);
    match &now.application {
        // A customer's administrator cannot change the registration, and need not: consent brings what it asks for.
        Some(app) if !app.at_home || seen.user => {
            let names = now.asks_for.iter().flatten();
            let asked = names.into_iter().any(|p| wanted.contains(&p.as_str()));
            if !asked {
                draft.remedy(ask_for(app, &permission, seen.user));
            }
            draft.remedy(admin_consent(app.app_id, now));
        }
        _ => {
            let app = quoted(&seen.client_id);
            let tenant = in_tenant(now);
            let flag = if seen.user { " --delegated" } else { "" };
            draft.remedy(Remedy::command(
                "Add the permission and grant it, then get a new token.",
                format!(
                    "bartizan app permission add {app}{flag} {permission}{tenant} && bartizan app consent {app}{tenant}",
                ),
            ));
        }
    }
}

//! Consent for a device: who typed its code signs in, consents where something is missing, and confirms.

use super::{Consent, ConsentPrompt, Wanted, required};
use crate::authentication::Authentication;
use crate::authorize::{Interactions, Session, Setting, Step, reachable, signed_in, usable_by};
use crate::facts::UserFacts;
use crate::refusal::Refusal;
use crate::scope::UserScopes;

/// What comes next at the page for devices.
#[derive(Debug, Clone, PartialEq)]
pub enum DeviceStep {
    /// A page of signing in, or one that says what is wrong: [`Step::SignIn`],
    /// [`Step::PickAccount`], [`Step::SecondFactor`], [`Step::ErrorPage`].
    Page(Step),
    /// May the application …?
    Consent(Box<ConsentPrompt>),
    /// An administrator must say whether it may.
    NeedAdminApproval(Box<ConsentPrompt>),
    /// Nothing is missing but the word of the person.
    Confirm,
}

/// Says what comes next for a code that was asked for with these scopes.
#[must_use]
pub fn decide(
    client_id: &str,
    scopes: &UserScopes,
    facts: &UserFacts,
    authentication: Option<&Authentication>,
    done: Interactions,
    setting: Setting<'_>,
) -> DeviceStep {
    let refuse = |refusal| DeviceStep::Page(Step::ErrorPage(refusal));
    let Some(client) = &facts.client else {
        return refuse(Refusal::ApplicationUnknown {
            client_id: client_id.chars().take(100).collect(),
            tenant: setting.path.word(),
        });
    };
    if let Err(refusal) = reachable(client, facts, setting.path) {
        return refuse(refusal);
    }
    let session = Session {
        facts,
        authentication,
        done,
        prompt: None,
        login_hint: None,
        domain_hint: None,
        max_age: None,
        setting,
    };
    let (tenant, user, _) = match signed_in(&session) {
        Ok(found) => found,
        Err(step) => return DeviceStep::Page(*step),
    };
    if let Err(refusal) = usable_by(client) {
        return refuse(refusal);
    }
    let wanted = Wanted {
        scopes,
        everything: false,
        for_all: false,
        own_origins: setting.own_origins,
    };
    match required(&wanted, facts, client, tenant, user) {
        Err(refusal) => refuse(refusal),
        Ok(Consent::Enough) => DeviceStep::Confirm,
        Ok(Consent::Missing(prompt)) => DeviceStep::Consent(prompt),
        Ok(Consent::NeedAdministrator(prompt)) => DeviceStep::NeedAdminApproval(prompt),
    }
}

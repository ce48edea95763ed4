//! What a consent page shows, and what accepting it writes.

use bartizan_contract::{AppId, ObjectId, TenantId};
use uuid::Uuid;

use super::OPENID_RESOURCE;
use crate::facts::Publisher;
use crate::refusal::{Refusal, UserRefusal};
use crate::scope::OpenIdScopes;
use crate::user::UserFact;

/// What somebody is asked to consent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentPrompt {
    /// The application.
    pub client: AppId,
    /// Its name.
    pub display_name: String,
    /// Who publishes it.
    pub publisher: Publisher,
    /// Its home tenant.
    pub home: TenantId,
    /// The tenant in which it is consented to.
    pub tenant: TenantId,
    /// Who is asked.
    pub user: ObjectId,
    /// Signing in itself: who the user is, and for how long.
    pub sign_in: OpenIdScopes,
    /// Permissions, by resource.
    pub apis: Vec<ConsentApi>,
    /// Scopes that a link for an administrator must name; none where what the registration asks for is enough
    /// ([`super::admin_consent_link`]).
    pub by_name: Vec<String>,
    /// Whether an administrator consents for everybody, without a choice.
    pub for_all: bool,
    /// Whether who is asked may accept.
    pub may_accept: bool,
    /// Whether who is asked may accept for everybody in the tenant ("on behalf of your
    /// organization").
    pub may_accept_for_all: bool,
    /// Whether nobody vouches for the publisher: the page warns.
    pub unverified_publisher: bool,
}

/// Permissions of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentApi {
    /// The resource.
    pub app_id: AppId,
    /// Its name.
    pub display_name: String,
    /// The name by which scopes call it.
    pub uri: String,
    /// Delegated permissions.
    pub scopes: Vec<ConsentItem>,
    /// App roles: what the application may do without a user.
    pub roles: Vec<ConsentItem>,
}

/// A permission on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentItem {
    /// Its id.
    pub id: Uuid,
    /// Its word.
    pub value: String,
    /// Title.
    pub title: String,
    /// Text.
    pub description: String,
    /// Whether only an administrator may consent to it.
    pub admin: bool,
}

/// For whom somebody accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// For themselves.
    Own,
    /// For everybody in the tenant.
    Organization,
}

/// What accepting writes, in this order and in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consented {
    /// The tenant.
    pub tenant: TenantId,
    /// The client.
    pub client: AppId,
    /// Who accepted.
    pub by: ObjectId,
    /// Applications whose service principals the tenant needs: the client first, the resources
    /// after it. Those that exist stay as they are.
    pub principals: Vec<AppId>,
    /// Delegated permissions to add.
    pub grants: Vec<NewGrant>,
    /// App roles to assign to the client.
    pub roles: Vec<NewRole>,
}

/// Delegated permissions to add to what is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    /// The resource.
    pub resource: AppId,
    /// The user; `None` for everybody.
    pub principal: Option<ObjectId>,
    /// The words.
    pub scopes: Vec<String>,
}

/// An app role to assign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewRole {
    /// The resource.
    pub resource: AppId,
    /// The role.
    pub role: Uuid,
}

/// What accepting a prompt writes. The prompt must have been worked out for the same user, just
/// now, and be the one that the page showed: neither what a page once showed nor what it did not
/// show is a reason to write anything.
///
/// # Errors
/// [`UserRefusal::AdminConsentRequired`] when the user may not accept, or not for everybody.
pub fn accept(
    prompt: &ConsentPrompt,
    choice: Choice,
    user: &UserFact,
) -> Result<Consented, Refusal> {
    let for_all = prompt.for_all || choice == Choice::Organization;
    let same = prompt.user == user.id && prompt.tenant == user.tenant;
    let may = same && prompt.may_accept && (!for_all || user.may_consent_for_all());
    if !may {
        return Err(UserRefusal::AdminConsentRequired.into());
    }
    let principal = (!for_all).then_some(user.id);
    let grant = |resource, scopes| NewGrant {
        resource,
        principal,
        scopes,
    };
    let words = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut grants = vec![grant(OPENID_RESOURCE, words(prompt.sign_in.words()))];
    let mut roles = Vec::new();
    for api in &prompt.apis {
        let scopes = words(api.scopes.iter().map(|item| item.value.as_str()).collect());
        match grants.iter_mut().find(|g| g.resource == api.app_id) {
            Some(known) => known.scopes.extend(scopes),
            None if scopes.is_empty() => {}
            None => grants.push(grant(api.app_id, scopes)),
        }
        // Only ever listed for administrators; checked again, because much hangs on it.
        if user.may_consent_for_all() {
            let resource = api.app_id;
            roles.extend(api.roles.iter().map(|item| NewRole {
                resource,
                role: item.id,
            }));
        }
    }
    let mut principals = vec![prompt.client];
    principals.extend(prompt.apis.iter().map(|api| api.app_id));
    Ok(Consented {
        tenant: prompt.tenant,
        client: prompt.client,
        by: user.id,
        principals,
        grants,
        roles,
    })
}
